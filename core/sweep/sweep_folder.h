// sweep_folder.h — a sweep's folder as a place to plan in: SWEEP/sweep.yaml, the file as it was planned, and
// SWEEP/plan.json, which belong together; plan.json has the other's digest, so that they cannot be mixed up.
#ifndef FG_CORE_SWEEP_FOLDER_H
#define FG_CORE_SWEEP_FOLDER_H

#include "sweep/sweep_plan.h"

/// Puts a fresh plan into its folder; an earlier plan there is replaced, and its points stay. Sets the round and the
/// digest. A folder with anything else in it is refused.
fg_status fg_sweep_settle(fg_sweep_plan *plan, fg_error *error);

/// The file a plan in a folder was made of, from SWEEP/sweep.yaml, with the plan's --set; paths in it are relative to
/// where it came from. NULL after an error was recorded. `plan` must live as long.
fg_pipeline_file *fg_sweep_reopen(const fg_sweep_plan *plan, fg_diagnostics *diagnostics);

#endif
