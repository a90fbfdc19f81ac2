// bench_pipelines.c — whole runs of the command, started as a user starts them: reading the file, threads, queues,
// compression, the stages' work, results and report. CPU time is that of the child.
#include "tasks.h"

#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER FG_BUILD "/bench"
#define DREAM                                                                                                          \
  "  net: {plugin: network.symmetric, params: {weights: [0.5491937, 0.6278734, 1.393981]}}\n"                          \
  "  dream: {plugin: generate.dream, inputs: {model: net}, params: {levels: %d, configurations: %llu, keep: %s}}\n"

extern char **environ;

static const char file[] = FOLDER "/pipeline.yaml";

typedef struct pipeline {
  const char *isa; ///< NULL: the fastest
  const char *threads;
  const char *compression;
  const char *set; ///< NULL, or one more setting
} pipeline;

static void run_pipeline(void *arg) {
  const pipeline *p = arg;
  char compression[64];
  snprintf(compression, sizeof compression, "stream.compression=%s", p->compression);
  const char *words[] = {
      FG_BUILD "/finegrain", "run",      file,    "--out",     FOLDER "/run",           "--force", "--quiet",
      "--threads",           p->threads, "--set", compression, p->set ? "--set" : NULL, p->set,    NULL};
  posix_spawn_file_actions_t actions;
  pid_t child;
  int state = -1;
  if (p->isa)
    setenv("FINEGRAIN_ISA", p->isa, 1);
  else
    unsetenv("FINEGRAIN_ISA");
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (posix_spawn(&child, words[0], &actions, NULL, (char *const *)(uintptr_t)words, environ) != 0 ||
      waitpid(child, &state, 0) != child || state)
    exit((fprintf(stderr, "%s run %s failed\n", words[0], file), 1));
  posix_spawn_file_actions_destroy(&actions);
  unsetenv("FINEGRAIN_ISA");
}

/// What the runtime adds to the stages' own work in the last run: the seconds of encoding, decoding and recording, over
/// those inside plugins.
static double overhead_of_last_run(void) {
  double busy = 0, coding = 0;
  size_t at;
  json_t *stage, *manifest = json_load_file(FOLDER "/run/manifest.json", 0, NULL);
  json_array_foreach(json_object_get(manifest, "timing"), at, stage) {
    busy += json_number_value(json_object_get(stage, "busy"));
    coding += json_number_value(json_object_get(stage, "coding"));
  }
  json_decref(manifest);
  return coding / busy;
}

static void print_overhead(const char *compression) {
  static pipeline once = {NULL, "1", NULL, NULL};
  once.compression = compression;
  run_pipeline(&once);
  printf("%-22s %6.0f%% of the stages' own time goes to encoding, decoding and recording\n", compression,
         100 * overhead_of_last_run());
}

static void write_pipeline(const char *stages) {
  mkdir(FOLDER, 0777);
  FILE *out = fopen(file, "w");
  if (!out) exit((perror(file), 1));
  fprintf(out, "finegrain: 1\nname: bench\nseed: 1\nstages:\n%s", stages);
  if (fclose(out) != 0) exit((perror(file), 1));
}

/// `threads`: the number of cores, as text.
static const char *all_cores(char threads[16]) {
  snprintf(threads, 16, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
  return threads;
}

/// A dream of the published 3×3 kernel, and what reads it.
static void bench_readers(bench *b, const char *task, int levels, uint64_t configurations, const char *keep,
                          const char *readers) {
  if (!bench_wanted(b, task)) return;
  char threads[16], stages[2048];
  const unsigned cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
  double spins = 0;
  for (int level = 0; level <= levels; level++) spins += (double)configurations * (double)(UINT64_C(1) << 2 * level);
  const int length = snprintf(stages, sizeof stages, DREAM, levels, (unsigned long long)configurations, keep);
  snprintf(stages + length, sizeof stages - (size_t)length, "%s", readers);
  write_pipeline(stages);
  pipeline portable = {"portable", "1", "zstd:1", NULL}, fast = {NULL, "1", "zstd:1", NULL},
           plain = {NULL, "1", "none", NULL}, all = {NULL, all_cores(threads), "zstd:1", NULL},
           all_plain = {NULL, threads, "none", NULL};
  const bench_contestant contestants[] = {{"portable (reference)", run_pipeline, &portable, 1, 1},
                                          {"fastest", run_pipeline, &fast, 1, 1},
                                          {"compression none", run_pipeline, &plain, 1, 1},
                                          {"fastest", run_pipeline, &all, 1, cores},
                                          {"compression none", run_pipeline, &all_plain, 1, cores}};
  bench_run(b, task, spins / 1e9, "Gspin", contestants, cores > 1 ? 5 : 3);
  print_overhead("none");
  print_overhead("zstd:1");
}

/// Passes over the data: what ten more cost is training alone.
static void bench_training(bench *b) {
  static const char task[] = "run of train.adam, 609 parameters, 10⁴ × 32²";
  if (!bench_wanted(b, task)) return;
  char stages[2048];
  const int length = snprintf(stages, sizeof stages, DREAM, 5, 10000ULL, "last");
  snprintf(
      stages + length, sizeof stages - (size_t)length,
      "  coarse: {plugin: coarsen.majority, input: dream}\n  blank: {plugin: network.conv}\n"
      "  train: {plugin: train.adam, inputs: {model: blank, fine: dream, coarse: coarse}, params: {batch: 1000}}\n");
  write_pipeline(stages);
  pipeline one = {NULL, "1", "none", "train.params.epochs=1"}, many = {NULL, "1", "none", "train.params.epochs=11"};
  const bench_contestant contestants[] = {{"1 epoch (reference)", run_pipeline, &one, 1, 1},
                                          {"11 epochs", run_pipeline, &many, 1, 1}};
  bench_run(b, task, 1, "run", contestants, 2);
}

void bench_pipelines(bench *b) {
  static const char thermo[] = "  thermo: {plugin: estimate.thermo, input: dream}\n";
  static const char matrix[] =
      "  thermo: {plugin: estimate.thermo, input: dream}\n"
      "  rg: {plugin: estimate.rg-matrix, inputs: {fine: dream}, params: {operators: paper}}\n";
  static const char picture[] = "  thermo: {plugin: estimate.thermo, input: dream}\n"
                                "  picture: {plugin: sink.snapshot, input: dream}\n";
  static const char training[] =
      "  coarse: {plugin: coarsen.majority, input: dream}\n  blank: {plugin: network.symmetric}\n"
      "  train: {plugin: train.newton, inputs: {model: blank, fine: dream, coarse: coarse}}\n";
  bench_readers(b, "run with thermo, 10⁵ × 1→16²", 4, 100000, "all", thermo);
  bench_readers(b, "run with thermo, 10⁴ × 1→128²", 7, 10000, "all", thermo);
  bench_readers(b, "run with thermo and RG matrix, 10⁴ × 1→128²", 7, 10000, "all", matrix);
  bench_readers(b, "run with thermo, 1→8192²", 13, 1, "all", thermo);
  bench_readers(b, "run of train.newton, 10⁶ × 32²", 5, 1000000, "last", training);
  bench_training(b);
  if (b->only && strcmp(b->only, "huge") == 0)
    bench_readers(b, "huge run with thermo and picture, 1→65536²", 16, 1, "all", picture);
}
