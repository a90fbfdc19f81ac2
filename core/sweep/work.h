// work.h — the one worker of every engine: it takes points that nobody is at, one after the other, each run in a
// process of its own, until none is left or it is told to stop.
#ifndef FG_CORE_SWEEP_WORK_H
#define FG_CORE_SWEEP_WORK_H

#include "sweep/sweep_plan.h"

typedef struct fg_work_options {
  unsigned threads; ///< of each run; 0: the cores
  double seconds;   ///< after which no more points are taken; 0: no limit
  bool requeue;     ///< a task of Slurm: on USR1 it saves, asks to be queued again, and ends
} fg_work_options;

/// Works on the sweep in `folder`; returns the command's exit code: 0 nothing is left to take, 1 a point failed here,
/// 130/143 stopped. Says what it does on standard error, a line a point.
int fg_sweep_work(const char *folder, const fg_work_options *options);

#endif
