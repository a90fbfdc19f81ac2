// bench.h — contestants that do the same work, run by turns so that a busy machine is equally unkind to all, and what
// they took: rates by CPU time and by wall time, best and median, and ratios to the first contestant, which is the plain
// reference. Ratios within one run are what counts; absolute figures drift.
#ifndef FG_TESTS_BENCH_BENCH_H
#define FG_TESTS_BENCH_BENCH_H

#include <stdint.h>
#include <stdio.h>

#define BENCH_MOST 8u    ///< contestants
#define BENCH_ROUNDS 32u ///< at most

typedef struct bench_contestant {
  const char *name;
  void (*run)(void *arg);
  void *arg;
  unsigned times;   ///< calls in a row, for what takes too little time to be measured; 0 is 1
  unsigned threads; ///< that `run` uses; 0 is 1
} bench_contestant;

/// Where results go, and which tasks are to be run.
typedef struct bench {
  FILE *json; ///< NULL: nowhere
  const char *only;
  unsigned rounds, results;
} bench;

/// Whether a task is wanted: its name contains `only`.
int bench_wanted(const bench *b, const char *task);

/// Runs all contestants by turns and prints a line for each. `work` is what one call does, in units: "Gspin", "run".
void bench_run(bench *b, const char *task, double work, const char *unit, const bench_contestant *contestants,
               unsigned count);

#endif
