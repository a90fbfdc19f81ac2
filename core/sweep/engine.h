// engine.h — where workers come from: processes of this machine, or an array of Slurm's. They are all the same
// worker (work.h).
#ifndef FG_CORE_SWEEP_ENGINE_H
#define FG_CORE_SWEEP_ENGINE_H

#include "sweep/state.h"

/// Starts `jobs` workers (0: as many as cores), shows how far the points are until all have ended, and returns the exit
/// code to expect: 0 all went well, 1 something failed, 130/143 stopped. threads 0: the cores shared evenly.
int fg_sweep_local(const fg_sweep_plan *plan, const fg_registry *registry, uint32_t jobs, uint32_t threads, bool quiet);

/// Submits an array of workers and, after them, a merge. Says the jobs' numbers on standard error. 0, or 1.
int fg_sweep_slurm(const fg_sweep_plan *plan, const fg_exec *exec);

#endif
