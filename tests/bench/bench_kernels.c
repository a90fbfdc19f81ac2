// bench_kernels.c — dreams by the kernels of table networks (plugins/generate/slices.h), without the runtime: against
// the network's own `sample`, the plain reference, on each instruction set; and the generator of random bits.
#include "driver.h"
#include "pool.h"
#include "rng.h"
#include "rng_ars.h"
#include "spins.h"
#include "tasks.h"

#include "plugins/generate/slices.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_PLAIN_STEPS 13 // of contestants that take too long on larger lattices

static const char *const instruction_sets[] = {"portable", "avx2", "avx512"};

/// A dream of `count` configurations from one spin through `levels` steps, with memory for all levels.
typedef struct dream {
  const fg_host *host;
  const fg_network *network;
  fg_network_model *model;
  slices_rule rule;
  const slices_isa *isa; ///< NULL: the network's sample
  fg_pool *pool;         ///< NULL: this thread alone
  fg_batch *levels[32];
  int steps;
} dream;

static fg_status draw_some(void *arg, uint64_t task) {
  const slices_job *job = *(const slices_job *const *)arg;
  const slices_isa *isa = ((const slices_isa *const *)arg)[1];
  const uint64_t chunks = slices_chunks(job), begin = task * 16, end = begin + 16;
  isa->draw(job, begin, end < chunks ? end : chunks);
  return FG_OK;
}

static void run_dream(void *arg) {
  dream *d = arg;
  const fg_rng_key key = {{1, 2}};
  for (int step = 1; step <= d->steps; step++) {
    const fg_batch *coarse = d->levels[step - 1];
    fg_batch *fine = d->levels[step];
    if (!d->isa) {
      d->network->sample(d->model, d->host->rng_fill, key, coarse, fine, 0, fine->count);
      continue;
    }
    const fg_rng_fill_fn fill = d->isa == &slices_portable ? fg_rng_fill_portable : fg_rng_fill;
    const slices_job job = {&d->rule, fill, key, coarse, fine, 0};
    const void *work[] = {&job, d->isa};
    if (d->pool)
      fg_pool_for(d->pool, (slices_chunks(&job) + 15) / 16, draw_some, work, NULL);
    else
      d->isa->draw(&job, 0, slices_chunks(&job));
  }
}

/// All contestants of one dream share its lattices.
static void bench_dream(bench *b, driver *lender, const char *task, int kernel, const double *weights, uint64_t count,
                        int steps, uint32_t configurations, int batches) {
  if (!bench_wanted(b, task)) return;
  const unsigned cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
  const fg_host *host = driver_host(lender);
  bench_contestant contestants[BENCH_MOST];
  dream *dreams[BENCH_MOST];
  unsigned n = 0;
  char hyperparameters[32];
  dream start = {.host = host, .steps = steps};
  snprintf(hyperparameters, sizeof hyperparameters, "{\"kernel\":%d}", kernel);
  start.network = host->lookup(host, "network.symmetric", FG_NETWORK_EXTENSION);
  if (start.network->open(host, hyperparameters, weights, count, &start.model) != FG_OK) abort();
  if (!slices_prepare(&start.rule, start.network->table(start.model))) abort();
  double spins = 0;
  for (int level = 0; level <= steps; level++) {
    start.levels[level] = spins_new(host, UINT64_C(1) << level, UINT64_C(1) << level, configurations);
    start.levels[level]->level = level;
    if (level) spins += (double)configurations * (double)(UINT64_C(1) << 2 * level);
  }
  for (uint32_t c = 0; c < configurations; c += 2) spin_set(start.levels[0], c, 0, 0, 1);
  for (size_t i = 0; i < 5; i++) {
    const slices_isa *isa = i == 0 ? NULL : slices_choose(i < 4 ? instruction_sets[i - 1] : NULL);
    if (i > 0 && !isa) continue;
    if (i == 4 && cores == 1) continue;
    if (i < 2 && steps > MOST_PLAIN_STEPS) continue;
    dreams[n] = malloc(sizeof *dreams[n]);
    if (!dreams[n]) abort();
    *dreams[n] = start;
    dreams[n]->isa = isa;
    if (i == 4) {
      dreams[n]->pool = fg_pool_new(cores);
      fg_pool_acquire(dreams[n]->pool);
    }
    contestants[n] = (bench_contestant){i == 0 ? "sample (reference)" : isa->name, run_dream, dreams[n],
                                        (unsigned)(i == 0   ? 1
                                                   : i == 1 ? 1
                                                            : batches),
                                        i == 4 ? cores : 1};
    n++;
  }
  bench_run(b, task, spins / 1e9, "Gspin", contestants, n);
  for (unsigned i = 0; i < n; i++) {
    if (dreams[i]->pool) fg_pool_release(dreams[i]->pool);
    fg_pool_free(dreams[i]->pool);
    free(dreams[i]);
  }
  for (int level = 0; level <= steps; level++) host->batch_unref(host, start.levels[level]);
  start.network->close(start.model);
}

// ---- random bits

enum { BLOCK = 4096, BLOCKS = 2048 };

typedef struct filling {
  fg_rng_fill_fn fill;
  uint8_t buffer[BLOCK];
} filling;

static void run_filling(void *arg) {
  filling *f = arg;
  for (uint64_t i = 0; i < BLOCKS; i++)
    f->fill((fg_rng_key){{3, 4}}, (fg_rng_counter){i * (BLOCK / 16), 5}, f->buffer, BLOCK);
}

void bench_kernels(bench *b) {
  static filling portable = {.fill = fg_rng_fill_portable}, aesni = {.fill = fg_rng_fill_aesni};
  const bench_contestant generators[] = {{"tables (reference)", run_filling, &portable, 1, 1},
                                         {"AES instructions", run_filling, &aesni, 8, 1}};
  driver *lender = driver_open("generate.dream", "levels: 1, configurations: 1", 1);
  bench_dream(b, lender, "dream, 3 parameters, 1→8192²", 3, published3, 3, 13, 1, 4);
  bench_dream(b, lender, "dream, kernel 5, 1→4096²", 5, published6, 6, 12, 1, 4);
  bench_dream(b, lender, "dream, kernel 7, 1→4096²", 7, published10, 10, 12, 1, 1);
  bench_dream(b, lender, "dream, 3 parameters, 512 × 1→128²", 3, published3, 3, 7, 512, 8);
  bench_dream(b, lender, "dream, 3 parameters, 10⁵ × 1→16²", 3, published3, 3, 4, 100000, 2);
  bench_run(b, "random bits, 4 KiB at a time", BLOCK * (double)BLOCKS / 1e9, "GB", generators,
            fg_rng_has_aesni() ? 2 : 1);
  driver_close(lender);
}

// ---- how time grows with the lattice

void bench_curve(bench *b) {
  if (!b->only || strcmp(b->only, "curve") != 0) return;
  driver *lender = driver_open("generate.dream", "levels: 1, configurations: 1", 1);
  for (int steps = 5; steps <= 16; steps++) {
    char task[64];
    const int calls = steps < 12 ? 1 << 2 * (12 - steps) : 1;
    snprintf(task, sizeof task, "curve, N = 2^%d", 2 * steps);
    bench_dream(b, lender, task, 3, published3, 3, steps, 1, calls);
  }
  driver_close(lender);
}
