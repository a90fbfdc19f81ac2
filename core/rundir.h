// rundir.h — a run's folder: who may use it, and files that appear whole or not at all.
#ifndef FG_CORE_RUNDIR_H
#define FG_CORE_RUNDIR_H

#include "error.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct fg_rundir fg_rundir;

typedef enum fg_rundir_mode { FG_RUNDIR_NEW, FG_RUNDIR_RESUME, FG_RUNDIR_FORCE } fg_rundir_mode;

/// Makes (with parents) or takes over `path` and locks it (fcntl on RUN/.lock). Refused, with the fix in the message:
/// a folder another process holds (naming its pid when known); a folder with a run in it (pipeline.yaml or
/// manifest.json) without resume or force; resume with another pipeline hash (kept in .lock); a non-empty folder that
/// holds no run at all. Force removes what an earlier run left, nothing else.
/// *complete: resume of a run that has its manifest.
fg_status fg_rundir_open(const char *path, fg_rundir_mode mode, const char *pipeline_hash, bool *complete,
                         fg_rundir **dir, fg_error *error);

/// Unlocks and frees. A folder that this run created and in which nothing but the lock remains is removed.
void fg_rundir_close(fg_rundir *dir);

const char *fg_rundir_path(const fg_rundir *dir);

/// RUN/name, its parent folders made; refused when name is absolute or climbs out with "..". `temporary` has
/// RUN/<parents>/.<base>.tmp, to be written and then committed. Buffers of PATH_MAX.
fg_status fg_rundir_begin(fg_rundir *dir, const char *name, char *temporary, fg_error *error);
/// Syncs the temporary and its folder, renames it to RUN/name. [any thread]
fg_status fg_rundir_commit(fg_rundir *dir, const char *name, fg_error *error);
/// Removes the temporary.
void fg_rundir_discard(fg_rundir *dir, const char *name);

/// RUN/name for a file that grows in place, so that a resumed run can go on with it: its parent folders made, the name
/// in the journal, nothing created. `path`: a buffer of PATH_MAX. [any thread]
fg_status fg_rundir_claim(fg_rundir *dir, const char *name, char *path, fg_error *error);
/// Puts a claimed file in its final place: synced, renamed from RUN/from to RUN/to. [any thread]
fg_status fg_rundir_move(fg_rundir *dir, const char *from, const char *to, fg_error *error);
/// Removes RUN/name and the folders this leaves empty; nothing when it is not there. [any thread]
void fg_rundir_remove(fg_rundir *dir, const char *name);

/// Writes a small text file whole: begin, write, commit.
fg_status fg_rundir_write(fg_rundir *dir, const char *name, const char *text, size_t length, fg_error *error);

/// Appends "2026-06-04T12:00:00Z info stage: message" to log.txt. [any thread]
void fg_rundir_log(fg_rundir *dir, const char *level, const char *stage, const char *message);

#endif
