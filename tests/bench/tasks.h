// tasks.h — the parts of the benchmark, a file each: bench_<part>.c.
#ifndef FG_TESTS_BENCH_TASKS_H
#define FG_TESTS_BENCH_TASKS_H

#include "bench.h"

void bench_kernels(bench *b);   ///< dreams by kernels alone, against the network's own sample
void bench_counts(bench *b);    ///< what estimators and trainers count
void bench_curve(bench *b);     ///< only when asked for: dreams of many sizes
void bench_samplers(bench *b);  ///< sweeps of samplers, against a byte a spin
void bench_pipelines(bench *b); ///< whole runs of the command

#endif
