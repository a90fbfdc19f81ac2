// main.c — make bench: every task of every part, a table on standard output and JSON in BUILD/bench.json.
//   bench [--rounds N] [--json FILE] [TASK]      TASK: a part of a task's name; "huge" and "curve" run only when asked for
#include "bench.h"
#include "tasks.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// The value of `key` in /proc/cpuinfo.
static void find_cpu(char *name, size_t size) {
  char line[512];
  FILE *file = fopen("/proc/cpuinfo", "r");
  snprintf(name, size, "unknown");
  while (file && fgets(line, sizeof line, file)) {
    const char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || !colon) continue;
    snprintf(name, size, "%.*s", (int)strcspn(colon + 2, "\n\""), colon + 2);
    break;
  }
  if (file) fclose(file);
}

int main(int argc, char **argv) {
  bench b = {.rounds = 7};
  const char *json = FG_BUILD "/bench.json";
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
      b.rounds = (unsigned)atoi(argv[++i]);
    else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
      json = argv[++i];
    else if (argv[i][0] != '-' && !b.only)
      b.only = argv[i];
    else
      return fprintf(stderr, "usage: %s [--rounds N] [--json FILE] [TASK]\n", argv[0]), 2;
  }
  if (b.rounds < 1 || b.rounds > BENCH_ROUNDS) return fprintf(stderr, "--rounds: 1 to %u\n", BENCH_ROUNDS), 2;
  b.json = fopen(json, "w");
  if (!b.json) return perror(json), 1;
  char cpu[256];
  double load[1] = {0};
  find_cpu(cpu, sizeof cpu);
  if (getloadavg(load, 1) != 1) load[0] = -1;
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  printf(
      "%s, %ld cores, load %.1f at the start, %s, %u rounds by turns.\n"
      "Rates by CPU time (all threads) unless it says wall; ratios of CPU times to the first line, median of rounds.\n",
      cpu, cores, load[0], __VERSION__, b.rounds);
  fprintf(b.json, "{\"cpu\": \"%s\", \"cores\": %ld, \"load\": %.2f, \"compiler\": \"%s\", \"results\": [", cpu, cores,
          load[0], __VERSION__);
  bench_kernels(&b);
  bench_counts(&b);
  bench_curve(&b);
  bench_samplers(&b);
  bench_pipelines(&b);
  fprintf(b.json, "\n]}\n");
  return fclose(b.json) == 0 ? 0 : (perror(json), 1);
}
