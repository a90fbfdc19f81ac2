// rundir_lock.c — see rundir_lock.h.
// The lock is an open file description lock (fcntl F_OFD_SETLK). A classic fcntl lock belongs to the process: it is
// lost when any part of the program closes any descriptor of the file, and does not exclude a second run in the same
// process. Like the classic one it works over NFS, and the kernel drops it when the process dies: none is ever stale.
#include "rundir_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_LINE "finegrain run folder"
#define LARGEST ((off_t)16 << 20) // of a .lock we read

static fg_status write_line(const fg_lock *lock, const char *what, const char *text, fg_error *error) {
  char *line = NULL;
  int length = asprintf(&line, "%s %s\n", what, text);
  if (length < 0) return fg_error_set(error, "out of memory for .lock");
  ssize_t written = write(lock->file, line, (size_t)length);
  int cause = written < 0 ? errno : ENOSPC;
  free(line);
  if (written == length && fdatasync(lock->file) == 0) return FG_OK;
  return fg_error_set(error, "cannot write the run's .lock: %s; free some space, or choose another --out",
                      strerror(written == length ? errno : cause));
}

static fg_status remember(fg_lock *lock, const char *name, fg_error *error) {
  if (fg_lock_find(lock, name) < lock->count) return FG_OK;
  if (lock->count == lock->capacity) {
    size_t wanted = lock->capacity ? lock->capacity * 2 : 16;
    char **larger = reallocarray(lock->names, wanted, sizeof *larger);
    if (!larger) return fg_error_set(error, "out of memory for .lock");
    lock->names = larger;
    lock->capacity = wanted;
  }
  if (!(lock->names[lock->count] = strdup(name))) return fg_error_set(error, "out of memory for .lock");
  lock->count++;
  return FG_OK;
}

static void forget(fg_lock *lock) {
  for (size_t i = 0; i < lock->count; i++) free(lock->names[i]);
  free(lock->names);
  lock->names = NULL;
  lock->count = lock->capacity = 0;
}

static const char *after(const char *line, const char *what) {
  size_t length = strlen(what);
  return strncmp(line, what, length) == 0 ? line + length : NULL;
}

/// Takes the lines apart; what follows the last line's end is a line torn by a crash, and ignored.
static fg_status parse(fg_lock *lock, char *text, fg_error *error) {
  fg_status status = FG_OK;
  char *line = text;
  for (char *end; (end = strchr(line, '\n')) && status == FG_OK; line = end + 1) {
    const char *rest;
    *end = '\0';
    if (line == text)
      lock->ours = strcmp(line, FIRST_LINE) == 0;
    else if ((rest = after(line, "pipeline ")))
      snprintf(lock->pipeline, sizeof lock->pipeline, "%s", rest);
    else if ((rest = after(line, "owner ")))
      snprintf(lock->owner, sizeof lock->owner, "%s", rest);
    else if ((rest = after(line, "file ")))
      status = remember(lock, rest, error);
    if (!lock->ours) break;
  }
  return status;
}

static fg_status read_lock(fg_lock *lock, const char *path, fg_error *error) {
  struct stat info;
  if (fstat(lock->file, &info) != 0) return fg_error_set(error, "cannot read %s: %s", path, strerror(errno));
  lock->blank = info.st_size == 0;
  if (info.st_size > LARGEST || !S_ISREG(info.st_mode)) return FG_OK; // not ours
  char *text = malloc((size_t)info.st_size + 1);
  if (!text) return fg_error_set(error, "out of memory for %s", path);
  ssize_t length = pread(lock->file, text, (size_t)info.st_size, 0);
  text[length > 0 ? length : 0] = '\0';
  fg_status status = parse(lock, text, error);
  free(text);
  return status;
}

/// The file behind the descriptor is still the one of that name.
static bool still_there(const fg_lock *lock, const char *path) {
  struct stat held, named;
  return fstat(lock->file, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

static fg_status refuse(fg_lock *lock, const char *path, int cause, fg_error *error) {
  if (cause != EAGAIN && cause != EACCES)
    return fg_error_set(error, "cannot lock %s: %s; choose an --out on a file system with file locks", path,
                        strerror(cause));
  fg_error ignored;
  read_lock(lock, path, &ignored);
  int folder = (int)(strlen(path) - strlen("/.lock"));
  return fg_error_set(error, "%.*s is in use by %s%s; wait for it to end, or choose another --out", folder, path,
                      lock->owner[0] ? "process " : "another run", lock->owner);
}

fg_status fg_lock_take(fg_lock *lock, const char *path, bool *gone, fg_error *error) {
  *lock = (fg_lock){.file = -1};
  *gone = false;
  lock->file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (lock->file < 0 && errno == ENOENT) {
    *gone = true;
    return FG_OK;
  }
  if (lock->file < 0)
    return fg_error_set(error, "cannot open %s: %s; choose an --out you may write to", path, strerror(errno));
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  fg_status status = fcntl(lock->file, F_OFD_SETLK, &whole) == 0 ? FG_OK : refuse(lock, path, errno, error);
  if (status == FG_OK && !still_there(lock, path))
    *gone = true;
  else if (status == FG_OK)
    status = read_lock(lock, path, error);
  if (status != FG_OK || *gone) fg_lock_release(lock);
  return status;
}

void fg_lock_release(fg_lock *lock) {
  if (lock->file >= 0) close(lock->file);
  lock->file = -1;
  forget(lock);
}

static fg_status write_owner(fg_lock *lock, fg_error *error) {
  char host[65] = "an unknown host";
  gethostname(host, sizeof host - 1);
  snprintf(lock->owner, sizeof lock->owner, "%ld on %s", (long)getpid(), host);
  return write_line(lock, "owner", lock->owner, error);
}

fg_status fg_lock_begin(fg_lock *lock, const char *pipeline, fg_error *error) {
  forget(lock);
  lock->ours = true;
  lock->blank = false;
  snprintf(lock->pipeline, sizeof lock->pipeline, "%s", pipeline);
  if (ftruncate(lock->file, 0) != 0) return fg_error_set(error, "cannot write the run's .lock: %s", strerror(errno));
  char head[256];
  snprintf(head, sizeof head, "run folder\npipeline %s", lock->pipeline); // one write: never the first line alone
  fg_status status = write_line(lock, "finegrain", head, error);
  return status == FG_OK ? write_owner(lock, error) : status;
}

/// Drops the torn line after the last whole one, if there is any, so that the next one starts where a line starts.
static fg_status drop_torn_line(const fg_lock *lock, fg_error *error) {
  struct stat info;
  off_t end = fstat(lock->file, &info) == 0 ? info.st_size : 0;
  char byte = '\n';
  while (end > 0 && pread(lock->file, &byte, 1, end - 1) == 1 && byte != '\n') end--;
  if (end == info.st_size || ftruncate(lock->file, end) == 0) return FG_OK;
  return fg_error_set(error, "cannot write the run's .lock: %s", strerror(errno));
}

fg_status fg_lock_continue(fg_lock *lock, fg_error *error) {
  fg_status status = drop_torn_line(lock, error);
  return status == FG_OK ? write_owner(lock, error) : status;
}

size_t fg_lock_find(const fg_lock *lock, const char *name) {
  size_t i = 0;
  while (i < lock->count && strcmp(lock->names[i], name) != 0) i++;
  return i;
}

fg_status fg_lock_add(fg_lock *lock, const char *name, fg_error *error) {
  if (fg_lock_find(lock, name) < lock->count) return FG_OK;
  fg_status status = write_line(lock, "file", name, error);
  return status == FG_OK ? remember(lock, name, error) : status;
}
