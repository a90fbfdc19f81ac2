// rundir.c — see rundir.h. Which files are a run's own is known from the journal in RUN/.lock (rundir_lock.h) and from
// nothing else: a folder with a stranger's pipeline.yaml in it is never taken for ours.
#include "rundir.h"

#include "folder.h"
#include "rundir_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MANIFEST "manifest.json"
#define LOG "log.txt"
#define TEMPORARY_EXTRA (sizeof "..tmp" - 1) // what a temporary's name has more than the file's
#define ATTEMPTS 100                         // at a folder that others keep removing

struct fg_rundir {
  char path[PATH_MAX];   ///< without a slash at the end
  bool created;          ///< by this run
  pthread_mutex_t mutex; ///< guards what follows
  fg_lock lock;
  bool *begun; ///< lock.capacity flags: files with a temporary being written
  size_t begun_capacity;
  int log; ///< -1 before the first line
};

static fg_status join(const fg_rundir *dir, const char *name, char path[PATH_MAX], fg_error *error) {
  int length = snprintf(path, PATH_MAX, "%s/%s", dir->path, name);
  if (length > 0 && length < PATH_MAX) return FG_OK;
  return fg_error_set(error, "%s/%.80s…: the path is too long", dir->path, name);
}

static bool has(const fg_rundir *dir, const char *name) {
  char path[PATH_MAX];
  struct stat info;
  fg_error ignored;
  return join(dir, name, path, &ignored) == FG_OK && lstat(path, &info) == 0;
}

/// Where the last part of a name begins.
static const char *base_of(const char *name) {
  const char *slash = strrchr(name, '/');
  return slash ? slash + 1 : name;
}

/// Why a name is not one of a file in the run's folder; NULL when it is.
static const char *fault_of(const char *name) {
  const char *base = base_of(name);
  size_t length = strlen(base);
  if (name[0] == '/') return "it is absolute; output files stay in the run's folder";
  if (length == 0 || strcmp(base, ".") == 0) return "it names no file";
  for (const char *c = name; *c; c++)
    if ((unsigned char)*c < ' ' || *c == 127) return "it has a control character";
  for (const char *part = name; part; part = strchr(part, '/')) {
    part += *part == '/';
    if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
      return "it climbs out with '..'; output files stay in the run's folder";
  }
  if (length > NAME_MAX - TEMPORARY_EXTRA) return "it is too long";
  if (strcmp(base, ".lock") == 0) return "that name is the folder's own";
  if (base[0] == '.' && length > 4 && strcmp(base + length - 4, ".tmp") == 0)
    return "names like .*.tmp are the folder's own";
  return NULL;
}

static fg_status temporary_of(const fg_rundir *dir, const char *name, char temporary[PATH_MAX], fg_error *error) {
  const char *base = base_of(name);
  int length = snprintf(temporary, PATH_MAX, "%s/%.*s.%s.tmp", dir->path, (int)(base - name), name, base);
  if (length > 0 && length < PATH_MAX) return FG_OK;
  return fg_error_set(error, "%s/%.80s…: the path is too long", dir->path, name);
}

/// True when the folder of `path`, with links followed, lies in the run's folder: only there is anything removed.
static bool inside(const fg_rundir *dir, const char *path) {
  char parent[PATH_MAX], *root = realpath(dir->path, NULL), *real = NULL;
  bool within = false;
  snprintf(parent, sizeof parent, "%.*s", (int)(base_of(path) - path), path);
  real = realpath(parent, NULL);
  if (root && real) {
    size_t length = strlen(root);
    within = strncmp(real, root, length) == 0 && (real[length] == '/' || real[length] == '\0' || length == 1);
  }
  free(root);
  free(real);
  return within;
}

static fg_status remove_file(const fg_rundir *dir, const char *path, fg_error *error) {
  if (!inside(dir, path) || unlink(path) == 0 || errno == ENOENT) return FG_OK;
  return fg_error_set(error, "cannot remove %s of an earlier run: %s; remove it yourself or choose another --out", path,
                      strerror(errno));
}

/// A file of an earlier run, its temporary, and the folders this leaves empty.
static fg_status remove_output(const fg_rundir *dir, const char *name, fg_error *error) {
  char path[PATH_MAX], temporary[PATH_MAX];
  if (fault_of(name)) return FG_OK; // not written by us
  fg_status status = join(dir, name, path, error);
  if (status == FG_OK) status = temporary_of(dir, name, temporary, error);
  if (status == FG_OK) status = remove_file(dir, path, error);
  if (status == FG_OK) status = remove_file(dir, temporary, error);
  for (char *slash; status == FG_OK && (slash = strrchr(path, '/')) > path + strlen(dir->path);) {
    *slash = '\0';
    if (!inside(dir, path) || rmdir(path) != 0) break; // not empty: someone else's file is in it
  }
  return status;
}

/// All an earlier run left; the manifest first, so that what is left half-way is not taken for a finished run.
static fg_status remove_run(const fg_rundir *dir, fg_error *error) {
  char path[PATH_MAX];
  fg_status status = FG_OK;
  if (fg_lock_find(&dir->lock, MANIFEST) < dir->lock.count) {
    status = remove_output(dir, MANIFEST, error);
    if (status == FG_OK) status = join(dir, MANIFEST, path, error);
    if (status == FG_OK) status = fg_folder_sync_parent(path, error);
  }
  for (size_t i = 0; i < dir->lock.count && status == FG_OK; i++)
    status = remove_output(dir, dir->lock.names[i], error);
  return status;
}

/// What a killed run had not finished writing.
static fg_status remove_temporaries(const fg_rundir *dir, fg_error *error) {
  fg_status status = FG_OK;
  for (size_t i = 0; i < dir->lock.count && status == FG_OK; i++) {
    char temporary[PATH_MAX];
    if (fault_of(dir->lock.names[i])) continue;
    status = temporary_of(dir, dir->lock.names[i], temporary, error);
    if (status == FG_OK) status = remove_file(dir, temporary, error);
  }
  return status;
}

/// Refuses a folder that is neither empty nor marked as ours.
static fg_status refuse_stranger(const fg_rundir *dir, fg_error *error) {
  if (has(dir, "pipeline.yaml") || has(dir, MANIFEST))
    return fg_error_set(
        error,
        "%s holds a run without the .lock that says which files are its own; move it away or choose another --out",
        dir->path);
  return fg_error_set(error, "%s is not empty and holds no run; choose another --out, or empty it", dir->path);
}

/// Makes the folder and takes its lock. A folder that is not ours is not touched.
static fg_status enter(fg_rundir *dir, fg_error *error) {
  char path[PATH_MAX];
  fg_status status = join(dir, ".lock", path, error);
  for (int attempt = 0; attempt < ATTEMPTS && status == FG_OK; attempt++) {
    bool empty, gone;
    status = fg_folder_make(dir->path, &dir->created, error);
    if (status == FG_OK) status = fg_folder_empty(dir->path, &empty, error);
    if (status == FG_OK && !empty && !has(dir, ".lock")) status = refuse_stranger(dir, error);
    if (status == FG_OK) status = fg_lock_take(&dir->lock, path, &gone, error);
    if (status != FG_OK || !gone) return status;
  }
  return status == FG_OK ? fg_error_set(error, "%s is removed again and again by another process", dir->path) : status;
}

/// With the lock held: what to do with what is there.
static fg_status settle(fg_rundir *dir, fg_rundir_mode mode, const char *hash, bool *complete, fg_error *error) {
  bool empty;
  fg_status status = fg_folder_empty(dir->path, &empty, error);
  if (status != FG_OK) return status;
  if (!dir->lock.ours && (!empty || !dir->lock.blank)) return refuse_stranger(dir, error);
  bool run = has(dir, "pipeline.yaml") || has(dir, MANIFEST) || (dir->lock.count > 0 && !empty);
  if (!run && !empty) return refuse_stranger(dir, error);
  if (!run) return fg_lock_begin(&dir->lock, hash, error);
  switch (mode) {
  case FG_RUNDIR_NEW:
    return fg_error_set(error, "%s holds %s run; %s--force to replace it, or choose another --out", dir->path,
                        has(dir, MANIFEST) ? "a finished" : "an unfinished",
                        has(dir, MANIFEST) ? "" : "--resume to go on with it, ");
  case FG_RUNDIR_RESUME:
    if (strcmp(dir->lock.pipeline, hash) != 0)
      return fg_error_set(
          error,
          "%s holds a run of another pipeline (hash %.12s, not %.12s); "
          "resume with the same file, --set and --seed, choose another --out, or replace it with --force",
          dir->path, dir->lock.pipeline, hash);
    *complete = has(dir, MANIFEST);
    if (*complete) return FG_OK;
    status = remove_temporaries(dir, error);
    return status == FG_OK ? fg_lock_continue(&dir->lock, error) : status;
  case FG_RUNDIR_FORCE: break;
  }
  status = remove_run(dir, error);
  return status == FG_OK ? fg_lock_begin(&dir->lock, hash, error) : status;
}

fg_status fg_rundir_open(const char *path, fg_rundir_mode mode, const char *pipeline_hash, bool *complete,
                         fg_rundir **dir, fg_error *error) {
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') length--;
  *complete = false;
  if (length == 0 || length >= PATH_MAX - NAME_MAX)
    return fg_error_set(error, "--out '%.80s': the name of the run's folder is %s", path,
                        length ? "too long" : "empty");
  fg_rundir *made = calloc(1, sizeof *made);
  if (!made) return fg_error_set(error, "out of memory");
  snprintf(made->path, sizeof made->path, "%.*s", (int)length, path);
  made->log = made->lock.file = -1;
  pthread_mutex_init(&made->mutex, NULL);
  fg_status status = enter(made, error);
  if (status == FG_OK) status = settle(made, mode, pipeline_hash, complete, error);
  if (status == FG_OK)
    *dir = made;
  else
    fg_rundir_close(made);
  return status;
}

void fg_rundir_close(fg_rundir *dir) {
  if (!dir) return;
  char path[PATH_MAX];
  fg_error ignored;
  bool empty = false;
  if (dir->log >= 0) close(dir->log);
  // The lock file goes while it is locked: who opened it meanwhile sees that it is gone and tries again.
  if (dir->created && dir->lock.file >= 0 && fg_folder_empty(dir->path, &empty, &ignored) == FG_OK && empty &&
      join(dir, ".lock", path, &ignored) == FG_OK && unlink(path) == 0)
    rmdir(dir->path);
  fg_lock_release(&dir->lock);
  pthread_mutex_destroy(&dir->mutex);
  free(dir->begun);
  free(dir);
}

const char *fg_rundir_path(const fg_rundir *dir) { return dir->path; }

/// Marks a file as being written or not. It must not be when it becomes so: two writers would share one temporary.
static fg_status mark(fg_rundir *dir, const char *name, bool begun, fg_error *error) {
  fg_status status = begun ? fg_lock_add(&dir->lock, name, error) : FG_OK;
  if (status == FG_OK && dir->begun_capacity < dir->lock.count) {
    bool *larger = realloc(dir->begun, dir->lock.capacity);
    if (!larger) return fg_error_set(error, "out of memory for %s", name);
    memset(larger + dir->begun_capacity, 0, dir->lock.capacity - dir->begun_capacity);
    dir->begun = larger;
    dir->begun_capacity = dir->lock.capacity;
  }
  size_t index = fg_lock_find(&dir->lock, name);
  if (status != FG_OK || index == dir->lock.count) return status;
  if (begun && dir->begun[index])
    return fg_error_set(error, "%s/%s is being written already; give one of the two outputs another name", dir->path,
                        name);
  dir->begun[index] = begun;
  return FG_OK;
}

static fg_status mark_locked(fg_rundir *dir, const char *name, bool begun, fg_error *error) {
  pthread_mutex_lock(&dir->mutex);
  fg_status status = mark(dir, name, begun, error);
  pthread_mutex_unlock(&dir->mutex);
  return status;
}

fg_status fg_rundir_begin(fg_rundir *dir, const char *name, char *temporary, fg_error *error) {
  const char *fault = fault_of(name);
  if (fault) return fg_error_set(error, "'%.200s' cannot be an output file: %s", name, fault);
  fg_status status = temporary_of(dir, name, temporary, error);
  if (status == FG_OK && base_of(name) > name) {
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%.*s", (int)(base_of(temporary) - temporary - 1), temporary);
    status = fg_folder_make(parent, NULL, error);
  }
  if (status == FG_OK) status = mark_locked(dir, name, true, error);
  if (status != FG_OK || unlink(temporary) == 0 || errno == ENOENT) return status;
  status = fg_error_set(error, "cannot remove %s: %s", temporary, strerror(errno));
  fg_error ignored;
  mark_locked(dir, name, false, &ignored);
  return status;
}

static fg_status sync_file(const char *path, fg_error *error) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  bool synced = file >= 0 && fsync(file) == 0;
  int cause = errno;
  if (file >= 0) close(file);
  return synced ? FG_OK : fg_error_set(error, "cannot sync %s: %s", path, strerror(cause));
}

fg_status fg_rundir_commit(fg_rundir *dir, const char *name, fg_error *error) {
  char temporary[PATH_MAX], path[PATH_MAX];
  fg_status status = temporary_of(dir, name, temporary, error);
  if (status == FG_OK) status = join(dir, name, path, error);
  if (status == FG_OK) status = sync_file(temporary, error);
  if (status == FG_OK && rename(temporary, path) != 0)
    status =
        fg_error_set(error, "cannot put %s in place: %s; is a folder of that name in the way?", path, strerror(errno));
  if (status == FG_OK) status = mark_locked(dir, name, false, error);
  if (status == FG_OK) status = fg_folder_sync_parent(path, error); // after the rename, which it makes last
  return status;
}

void fg_rundir_discard(fg_rundir *dir, const char *name) {
  char temporary[PATH_MAX];
  fg_error ignored;
  if (fault_of(name) || temporary_of(dir, name, temporary, &ignored) != FG_OK) return;
  unlink(temporary);
  mark_locked(dir, name, false, &ignored);
}

fg_status fg_rundir_claim(fg_rundir *dir, const char *name, char *path, fg_error *error) {
  const char *fault = fault_of(name);
  if (fault) return fg_error_set(error, "'%.200s' cannot be an output file: %s", name, fault);
  fg_status status = join(dir, name, path, error);
  if (status == FG_OK && base_of(name) > name) {
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%.*s", (int)(base_of(path) - path - 1), path);
    status = fg_folder_make(parent, NULL, error);
  }
  pthread_mutex_lock(&dir->mutex);
  if (status == FG_OK) status = fg_lock_add(&dir->lock, name, error);
  pthread_mutex_unlock(&dir->mutex);
  return status;
}

fg_status fg_rundir_move(fg_rundir *dir, const char *from, const char *to, fg_error *error) {
  char old_path[PATH_MAX], new_path[PATH_MAX];
  fg_status status = join(dir, from, old_path, error);
  if (status == FG_OK) status = fg_rundir_claim(dir, to, new_path, error);
  if (status == FG_OK) status = sync_file(old_path, error);
  if (status == FG_OK && rename(old_path, new_path) != 0)
    status = fg_error_set(error, "cannot put %s in place: %s; is a folder of that name in the way?", new_path,
                          strerror(errno));
  if (status == FG_OK) status = fg_folder_sync_parent(new_path, error);
  return status;
}

void fg_rundir_remove(fg_rundir *dir, const char *name) {
  fg_error ignored;
  pthread_mutex_lock(&dir->mutex);
  remove_output(dir, name, &ignored);
  pthread_mutex_unlock(&dir->mutex);
}

static fg_status write_whole(const char *path, const char *text, size_t length, fg_error *error) {
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  int cause = file < 0 ? errno : 0;
  for (size_t done = 0; done < length && !cause;) {
    ssize_t n = write(file, text + done, length - done);
    if (n >= 0)
      done += (size_t)n;
    else if (errno != EINTR)
      cause = errno;
  }
  if (file >= 0 && close(file) != 0 && !cause) cause = errno;
  return cause ? fg_error_set(error, "cannot write %s: %s", path, strerror(cause)) : FG_OK;
}

fg_status fg_rundir_write(fg_rundir *dir, const char *name, const char *text, size_t length, fg_error *error) {
  char temporary[PATH_MAX];
  fg_status status = fg_rundir_begin(dir, name, temporary, error);
  if (status != FG_OK) return status; // nothing of ours to discard: it may be another's
  status = write_whole(temporary, text, length, error);
  if (status == FG_OK) status = fg_rundir_commit(dir, name, error);
  if (status != FG_OK) fg_rundir_discard(dir, name);
  return status;
}

/// Opens log.txt; without one there is no log, which is not worth failing for.
static void open_log(fg_rundir *dir) {
  char path[PATH_MAX];
  fg_error ignored;
  if (dir->log >= 0 || fg_lock_add(&dir->lock, LOG, &ignored) != FG_OK || join(dir, LOG, path, &ignored) != FG_OK)
    return;
  dir->log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
}

void fg_rundir_log(fg_rundir *dir, const char *level, const char *stage, const char *message) {
  char when[32], *line = NULL;
  struct tm parts;
  time_t now = time(NULL);
  gmtime_r(&now, &parts);
  strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
  int length = asprintf(&line, "%s %s %s%s%s\n", when, level, stage ? stage : "", stage ? ": " : "", message);
  if (length < 0) return;
  for (char *c = line; c < line + length - 1; c++) // one line a message, whatever is in it
    if ((unsigned char)*c < ' ') *c = ' ';
  pthread_mutex_lock(&dir->mutex);
  open_log(dir);
  if (dir->log >= 0 && write(dir->log, line, (size_t)length) < length) {
    close(dir->log); // tried again with the next line; a full disk is reported where results are written
    dir->log = -1;
  }
  pthread_mutex_unlock(&dir->mutex);
  free(line);
}
