// state.h — how far each point of a sweep is, from its files alone: any number of workers may be at it, on any
// machine, or none.
#ifndef FG_CORE_SWEEP_STATE_H
#define FG_CORE_SWEEP_STATE_H

#include "sweep/sweep_plan.h"

typedef enum fg_point_state {
  FG_POINT_MISSING,     ///< not begun
  FG_POINT_INTERRUPTED, ///< begun, and nobody is at it
  FG_POINT_RUNNING,     ///< a worker holds its lock
  FG_POINT_DONE,
  FG_POINT_STALE,  ///< done with another version of a plugin
  FG_POINT_FAILED, ///< its last attempt, in this round
  FG_POINT_STATES
} fg_point_state;

typedef struct fg_point_report {
  fg_point_state state;
  double share;     ///< of the work done, 0 … 1
  double seconds;   ///< running: since the start; done: in all
  uint32_t attempt; ///< number of the last one; 0: none
  char error[512];  ///< failed: the first line that says why
} fg_point_report;

/// "missing", "running", …
const char *fg_point_word(fg_point_state state);

/// Looks at one point; `registry` NULL: versions of plugins are not compared. `details`: share, seconds and error too.
fg_point_report fg_sweep_look(const fg_sweep_plan *plan, const fg_sweep_entry *entry, const fg_registry *registry,
                              bool details);

/// Path of a file of a point (or of something shared): SWEEP/<group>/<id>/<file>.
void fg_sweep_path(const fg_sweep_plan *plan, const char *group, const char *id, const char *file, char path[4096]);

/// Opens SWEEP/<group>/<id>/lock, its folders made, and locks it. -1: someone else has it; -2: it cannot be made, and
/// `error` says why. The lock goes with the file: a forked child keeps it.
int fg_sweep_lock(const fg_sweep_plan *plan, const char *group, const char *id, fg_error *error);

/// Whether RUN/manifest.json is there.
bool fg_sweep_is_done(const fg_sweep_plan *plan, const char *group, const char *id);

/// Whether a point has a result that counts: its run is done and was made with the versions of plugins that `registry`
/// has (NULL: they are not compared), and so was what it shares, as far as points/<id>/shared.json says.
bool fg_sweep_is_valid(const fg_sweep_plan *plan, const fg_sweep_entry *entry, const fg_registry *registry);

/// Whether what points share can be read: done, made with these versions, its recorded streams there.
bool fg_sweep_is_ready(const fg_sweep_plan *plan, const char *shared, const fg_registry *registry);

/// Number of the last attempt, 0: none; *failed: whether it failed in this round.
uint32_t fg_sweep_last_attempt(const fg_sweep_plan *plan, const char *group, const char *id, bool *failed,
                               char error[512]);

/// "12 points: 9 done, 1 failed, 2 running": the states that occur.
void fg_sweep_count_text(const size_t states[FG_POINT_STATES], char *text, size_t size);

#endif
