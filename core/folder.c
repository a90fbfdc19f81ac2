// folder.c — see folder.h.
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

fg_status fg_folder_sync_parent(const char *path, fg_error *error) {
  char parent[PATH_MAX];
  const char *slash = strrchr(path, '/');
  if (!slash)
    snprintf(parent, sizeof parent, ".");
  else
    snprintf(parent, sizeof parent, "%.*s", slash == path ? 1 : (int)(slash - path), path);
  int folder = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return fg_error_set(error, "cannot open the folder %s: %s", parent, strerror(errno));
  // Some file systems cannot sync a folder and say so with EINVAL: then there is nothing more to be done.
  fg_status status = FG_OK;
  if (fsync(folder) != 0 && errno != EINVAL)
    status = fg_error_set(error, "cannot sync the folder %s: %s", parent, strerror(errno));
  close(folder);
  return status;
}

static fg_status make_one(const char *path, bool *made, fg_error *error) {
  struct stat info;
  if (mkdir(path, 0777) == 0) {
    *made = true;
    return fg_folder_sync_parent(path, error);
  }
  int cause = errno;
  if (stat(path, &info) == 0) {
    if (S_ISDIR(info.st_mode)) return FG_OK;
    return fg_error_set(
        error, "cannot make the folder %s: a file of that name is in the way; move it or choose another name", path);
  }
  return fg_error_set(error, "cannot make the folder %s: %s; choose a place you may write to", path, strerror(cause));
}

fg_status fg_folder_make(const char *path, bool *made, fg_error *error) {
  char part[PATH_MAX];
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof part)
    return fg_error_set(error, "cannot make the folder '%.80s': its name is %s", path, length ? "too long" : "empty");
  fg_status status = FG_OK;
  bool last = false;
  for (size_t end = 1; end <= length && status == FG_OK; end++) {
    if (path[end] != '/' && path[end] != '\0') continue;
    memcpy(part, path, end);
    part[end] = '\0';
    last = false;
    status = make_one(part, &last, error);
  }
  if (made && last) *made = true;
  return status;
}

fg_status fg_folder_empty(const char *path, bool *empty, fg_error *error) {
  *empty = true;
  DIR *folder = opendir(path);
  if (!folder && errno == ENOENT) return FG_OK;
  if (!folder) return fg_error_set(error, "cannot read the folder %s: %s", path, strerror(errno));
  for (const struct dirent *entry; *empty && (entry = readdir(folder));)
    *empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || strcmp(entry->d_name, ".lock") == 0;
  closedir(folder);
  return FG_OK;
}
