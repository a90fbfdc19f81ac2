// run.h — one execution of a plan: from an empty folder to a manifest.
#ifndef FG_CORE_RUN_H
#define FG_CORE_RUN_H

#include "plan.h"
#include "rundir.h"

typedef struct fg_run_options {
  const char *out;  ///< the run's folder
  unsigned threads; ///< run tokens; 0: the cores
  fg_rundir_mode mode;
  bool quiet; ///< no progress, no tables
} fg_run_options;

/// Exit codes of the command.
enum {
  FG_EXIT_DONE = 0,
  FG_EXIT_FAILED = 1,
  FG_EXIT_USAGE = 2,
  FG_EXIT_CONFIG = 78,
  FG_EXIT_INT = 130,
  FG_EXIT_TERM = 143
};

/// Runs the plan (once) and returns the exit code. Errors go to standard error, results to standard output.
int fg_run(fg_plan *plan, const fg_run_options *options);

#endif
