// bench_pipelines.c — whole runs of the command, started as a user starts them: reading the file, threads, queues,
// compression, the estimator, results and report. CPU time is that of the child.
#include "tasks.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER FG_BUILD "/bench"

extern char **environ;

typedef struct pipeline {
  const char *file;
  const char *isa; ///< NULL: the fastest
  const char *threads;
  const char *compression;
} pipeline;

static void run_pipeline(void *arg) {
  const pipeline *p = arg;
  char compression[64];
  snprintf(compression, sizeof compression, "stream.compression=%s", p->compression);
  char *const words[] = {FG_BUILD "/finegrain", "run",     (char *)p->file, "--out",
                         FOLDER "/run",         "--force", "--quiet",       "--threads",
                         (char *)p->threads,    "--set",   compression,     NULL};
  posix_spawn_file_actions_t actions;
  pid_t child;
  int state = -1;
  if (p->isa)
    setenv("FINEGRAIN_ISA", p->isa, 1);
  else
    unsetenv("FINEGRAIN_ISA");
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (posix_spawn(&child, words[0], &actions, NULL, words, environ) != 0 || waitpid(child, &state, 0) != child || state)
    exit((fprintf(stderr, "%s run %s failed\n", words[0], p->file), 1));
  posix_spawn_file_actions_destroy(&actions);
  unsetenv("FINEGRAIN_ISA");
}

/// A dream of the published 3×3 kernel, and what reads it.
static void bench_pipeline(bench *b, const char *task, int levels, uint64_t configurations, const char *readers) {
  if (!bench_wanted(b, task)) return;
  static const char file[] = FOLDER "/pipeline.yaml";
  char threads[16];
  const unsigned cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
  double spins = 0;
  snprintf(threads, sizeof threads, "%u", cores);
  for (int level = 0; level <= levels; level++) spins += (double)configurations * (double)(UINT64_C(1) << 2 * level);
  mkdir(FOLDER, 0777);
  FILE *out = fopen(file, "w");
  if (!out) exit((perror(file), 1));
  fprintf(out,
          "finegrain: 1\nname: bench\nstages:\n"
          "  net: {plugin: network.symmetric, params: {weights: [0.5491937, 0.6278734, 1.393981]}}\n"
          "  dream: {plugin: generate.dream, inputs: {model: net}, params: {levels: %d, configurations: %llu}}\n%s",
          levels, (unsigned long long)configurations, readers);
  if (fclose(out) != 0) exit((perror(file), 1));
  pipeline portable = {file, "portable", "1", "zstd:1"}, fast = {file, NULL, "1", "zstd:1"},
           plain = {file, NULL, "1", "none"}, all = {file, NULL, threads, "zstd:1"},
           all_plain = {file, NULL, threads, "none"};
  const bench_contestant contestants[] = {{"portable (reference)", run_pipeline, &portable, 1, 1},
                                          {"fastest", run_pipeline, &fast, 1, 1},
                                          {"compression none", run_pipeline, &plain, 1, 1},
                                          {"fastest", run_pipeline, &all, 1, cores},
                                          {"compression none", run_pipeline, &all_plain, 1, cores}};
  bench_run(b, task, spins / 1e9, "Gspin", contestants, cores > 1 ? 5 : 3);
}

void bench_pipelines(bench *b) {
  static const char thermo[] = "  thermo: {plugin: estimate.thermo, input: dream}\n";
  static const char picture[] = "  thermo: {plugin: estimate.thermo, input: dream}\n"
                                "  picture: {plugin: sink.snapshot, input: dream}\n";
  bench_pipeline(b, "run with thermo, 10⁵ × 1→16²", 4, 100000, thermo);
  bench_pipeline(b, "run with thermo, 10⁴ × 1→128²", 7, 10000, thermo);
  bench_pipeline(b, "run with thermo, 1→8192²", 13, 1, thermo);
  if (b->only && strcmp(b->only, "huge") == 0)
    bench_pipeline(b, "huge run with thermo and picture, 1→65536²", 16, 1, picture);
}
