// input_file.c — see input_file.h.
#include "input_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define HINT_BYTES 300u

/// Letters two names share, counted from both ends: enough to find a mistyped file name.
static size_t shared_letters(const char *a, const char *b) {
  size_t most = strlen(a) < strlen(b) ? strlen(a) : strlen(b), head = 0, tail = 0;
  while (head < most && a[head] == b[head]) head++;
  while (tail < most - head && a[strlen(a) - 1 - tail] == b[strlen(b) - 1 - tail]) tail++;
  return head + tail;
}

/// "; did you mean 'NAME'?" when the folder holds a file that shares more than ¾ of the name's letters.
static void suggest_file(const char *path, char hint[HINT_BYTES]) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  char folder[4096];
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 2, slash ? path : "./");
  hint[0] = 0;
  DIR *entries = opendir(folder);
  if (!entries) return;
  size_t best = strlen(name) * 3 / 4;
  for (struct dirent *entry; (entry = readdir(entries));) {
    size_t shared = shared_letters(name, entry->d_name);
    if (shared <= best || strlen(entry->d_name) > strlen(name) + 3) continue;
    best = shared;
    snprintf(hint, HINT_BYTES, "; did you mean '%s'?", entry->d_name);
  }
  closedir(entries);
}

fg_status input_file_look(const char *path, input_file *file, fg_error *error) {
  struct stat info;
  *file = (input_file){0};
  if (stat(path, &info) != 0) {
    int cause = errno;
    char hint[HINT_BYTES];
    suggest_file(path, hint);
    return fg_error_set(error, "cannot open %s: %s%s", path, strerror(cause), hint);
  }
  if (!S_ISREG(info.st_mode))
    return fg_error_set(error, "%s is %s, not a file", path, S_ISDIR(info.st_mode) ? "a folder" : "a pipe or device");
  if (info.st_size == 0) return fg_error_set(error, "%s is empty", path);
  FILE *stream = fopen(path, "rbe");
  if (!stream) return fg_error_set(error, "cannot open %s: %s", path, strerror(errno));
  size_t length = fread(file->head, 1, INPUT_FILE_HEAD, stream);
  fclose(stream);
  file->bytes = (uint64_t)info.st_size;
  return length ? FG_OK : fg_error_set(error, "cannot read %s", path);
}
