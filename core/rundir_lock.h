// rundir_lock.h — RUN/.lock: the lock that keeps two runs out of one folder, and the journal of what a run puts there.
// Private to rundir.c. The file is text, appended to line by line, and starts with a line that says it is ours:
//   finegrain run folder
//   pipeline <hash>
//   owner <pid> on <host>
//   file <name>             every file the run begins, before it exists: what --force may remove
#ifndef FG_CORE_RUNDIR_LOCK_H
#define FG_CORE_RUNDIR_LOCK_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct fg_lock {
  int file;   ///< -1: not held
  bool ours;  ///< has our first line
  bool blank; ///< has no text at all
  char pipeline[130];
  char owner[130]; ///< the last one
  char **names;    ///< each once
  size_t count, capacity;
} fg_lock;

/// Opens (creating it) and locks `path`, and reads it. *gone: the folder vanished, or the file was removed before we
/// had the lock: try again. A lock someone else holds is an error naming the holder.
fg_status fg_lock_take(fg_lock *lock, const char *path, bool *gone, fg_error *error);

/// Unlocks and frees the names.
void fg_lock_release(fg_lock *lock);

/// Starts over: no files; this pipeline, this process.
fg_status fg_lock_begin(fg_lock *lock, const char *pipeline, fg_error *error);
/// The same run goes on in this process.
fg_status fg_lock_continue(fg_lock *lock, fg_error *error);

/// Index of `name` among the files, `count` when it is not there.
size_t fg_lock_find(const fg_lock *lock, const char *name);
/// Adds a file, on disk when this returns.
fg_status fg_lock_add(fg_lock *lock, const char *name, fg_error *error);

#endif
