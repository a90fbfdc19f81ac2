// folder.h — making and syncing folders, so that what was written is there after a crash. Private to rundir*.c.
#ifndef FG_CORE_FOLDER_H
#define FG_CORE_FOLDER_H

#include "error.h"

#include <stdbool.h>

/// Makes `path` and the parents it lacks, and syncs each folder something was made in. *made (may be NULL): set to true
/// when the last one did not exist; otherwise left alone.
fg_status fg_folder_make(const char *path, bool *made, fg_error *error);

/// Makes an entry made, renamed or removed in the folder of `path` last.
fg_status fg_folder_sync_parent(const char *path, fg_error *error);

/// Whether `path` has an entry other than ".lock". *empty is true for a folder that does not exist.
fg_status fg_folder_empty(const char *path, bool *empty, fg_error *error);

#endif
