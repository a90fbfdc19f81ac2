// bench.c — see bench.h. CPU time is that of the whole process and of its children, so that it counts helpers, too.
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct moment {
  double wall, cpu; ///< seconds
} moment;

static double seconds(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

static moment now(void) {
  struct timespec wall, own;
  struct rusage children;
  clock_gettime(CLOCK_MONOTONIC, &wall);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  return (moment){(double)wall.tv_sec + 1e-9 * (double)wall.tv_nsec, (double)own.tv_sec + 1e-9 * (double)own.tv_nsec +
                                                                         seconds(children.ru_utime) +
                                                                         seconds(children.ru_stime)};
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, unsigned count) {
  qsort(values, count, sizeof *values, by_size);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

int bench_wanted(const bench *b, const char *task) { return !b->only || strstr(task, b->only); }

static moment measure(const bench_contestant *c) {
  const unsigned times = c->times ? c->times : 1;
  const moment start = now();
  for (unsigned i = 0; i < times; i++) c->run(c->arg);
  const moment end = now();
  return (moment){(end.wall - start.wall) / times, (end.cpu - start.cpu) / times};
}

typedef struct figures {
  double best, middle, best_wall, middle_wall, ratio;
} figures;

/// `times` and `reference` hold the rounds of a contestant and of the first one.
static figures summarize(const moment *times, const moment *reference, unsigned rounds) {
  double cpu[BENCH_ROUNDS], wall[BENCH_ROUNDS], ratio[BENCH_ROUNDS];
  for (unsigned r = 0; r < rounds; r++) {
    cpu[r] = times[r].cpu;
    wall[r] = times[r].wall;
    ratio[r] = reference[r].cpu / times[r].cpu;
  }
  figures f = {.ratio = median(ratio, rounds), .middle = median(cpu, rounds), .middle_wall = median(wall, rounds)};
  f.best = cpu[0];
  f.best_wall = wall[0];
  return f;
}

static void write_json(bench *b, const char *task, double work, const char *unit, const bench_contestant *c,
                       const char *reference, const figures *f) {
  if (!b->json) return;
  fprintf(
      b->json,
      "%s\n  {\"task\": \"%s\", \"contestant\": \"%s\", \"threads\": %u, \"unit\": \"%s\", \"work\": %.9g,\n"
      "   \"cpu_seconds\": {\"best\": %.6g, \"median\": %.6g}, \"wall_seconds\": {\"best\": %.6g, \"median\": %.6g},\n"
      "   \"reference\": \"%s\", \"ratio\": %.6g, \"rounds\": %u}",
      b->results++ ? "," : "", task, c->name, c->threads ? c->threads : 1, unit, work, f->best, f->middle, f->best_wall,
      f->middle_wall, reference, f->ratio, b->rounds);
}

void bench_run(bench *b, const char *task, double work, const char *unit, const bench_contestant *contestants,
               unsigned count) {
  static moment times[BENCH_MOST][BENCH_ROUNDS];
  if (!bench_wanted(b, task) || count > BENCH_MOST) return;
  for (unsigned round = 0; round < b->rounds; round++)
    for (unsigned i = 0; i < count; i++) times[i][round] = measure(&contestants[i]);
  printf("\n%s, in %s/s\n%-22s %7s %10s %10s %10s %10s %9s\n", task, unit, "", "threads", "best", "median", "best wall",
         "med. wall", "ratio");
  for (unsigned i = 0; i < count; i++) {
    const figures f = summarize(times[i], times[0], b->rounds);
    printf("%-22s %7u %10.4g %10.4g %10.4g %10.4g %8.1f×\n", contestants[i].name,
           contestants[i].threads ? contestants[i].threads : 1, work / f.best, work / f.middle, work / f.best_wall,
           work / f.middle_wall, f.ratio);
    write_json(b, task, work, unit, &contestants[i], contestants[0].name, &f);
  }
  fflush(stdout);
}
