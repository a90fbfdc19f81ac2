// progress.h — what a user sees while a run goes on, on standard error: on a terminal a line a stage, redrawn; otherwise
// a plain line when a stage ends and now and then in between. Lines from plugins go through here so as not to tear it.
#ifndef FG_CORE_PROGRESS_H
#define FG_CORE_PROGRESS_H

#include "finegrain/abi.h"

#include <stdbool.h>

typedef struct fg_progress fg_progress;
struct fg_worker;

fg_progress *fg_progress_new(bool quiet);
/// Redraws, when it is time. `workers`: `count` of them, in the file's order. [main thread]
void fg_progress_update(fg_progress *progress, struct fg_worker *const *workers, uint32_t count);
/// Draws the last state and leaves it standing, frees.
void fg_progress_end(fg_progress *progress, struct fg_worker *const *workers, uint32_t count);
/// A line of its own; warnings also when quiet. [any thread]
void fg_progress_note(fg_progress *progress, const char *format, ...) FG_PRINTF(2, 3);
void fg_progress_line(fg_progress *progress, const char *format, ...) FG_PRINTF(2, 3);

#endif
