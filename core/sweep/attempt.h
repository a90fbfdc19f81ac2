// attempt.h — one run of a sweep, of a point or of what points share, in a process of its own, and what is kept of
// it: attempts/<n>.log and <n>.json. Also the signals of the worker that starts it.
#ifndef FG_CORE_SWEEP_ATTEMPT_H
#define FG_CORE_SWEEP_ATTEMPT_H

#include "sweep/state.h"
#include "sweep/work.h"

/// A worker's sweep, read once.
typedef struct fg_work {
  const fg_work_options *options;
  fg_diagnostics *diagnostics;
  fg_registry *registry;
  fg_pipeline_file *file;
  fg_sweep *sweep;
  fg_sweep_plan *plan;
  double start;
} fg_work;

/// What is run: a point, or what it shares.
typedef struct fg_unit {
  size_t index; ///< of the point
  bool shared;
} fg_unit;

typedef enum fg_attempt_end {
  FG_ATTEMPT_DONE,
  FG_ATTEMPT_STOPPED, ///< by a signal to the worker
  FG_ATTEMPT_FAILED,  ///< recorded
  FG_ATTEMPT_BROKEN   ///< it could not be started or recorded, which was said on standard error
} fg_attempt_end;

/// From now on SIGINT and SIGTERM (and SIGUSR1, when a task of Slurm asks to be queued again) stop the run under way,
/// which saves; the same one again stops it at once. SIGTERM may have been blocked so far.
void fg_attempt_watch(bool usr1);

/// The signal that asked to stop; 0: none.
int fg_attempt_stop_signal(void);

/// Runs a unit whose lock is held, and waits for it.
fg_attempt_end fg_attempt_run(const fg_work *w, fg_unit unit);

/// Records that a point failed because what it shares did.
fg_attempt_end fg_attempt_fail_with_shared(const fg_work *w, size_t index);

#endif
