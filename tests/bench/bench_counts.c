// bench_counts.c — what estimators and trainers count, on packed spins, without the runtime: against the same counts made
// spin by spin.
#include "driver.h"
#include "spins.h"
#include "tasks.h"

#include "plugins/coarsen/quartets.h"
#include "plugins/estimate/energy.h"
#include "plugins/estimate/operators.h"
#include "plugins/networks/corner_counts.h"

#include <stdlib.h>

/// Lattices with their block spins, and room for what is counted.
typedef struct lattices {
  fg_batch *fine, *coarse;
  operators operators;
  double *values;
  void *scratch;
  volatile uint64_t sum; ///< so that no count is left out
} lattices;

static void count_energy(void *arg) {
  lattices *l = arg;
  for (uint32_t i = 0; i < l->fine->count; i++) l->sum += energy_count(l->fine, i, 0, l->fine->rows).unlike;
}

static void count_energy_plainly(void *arg) {
  lattices *l = arg;
  for (uint32_t i = 0; i < l->fine->count; i++) l->sum += energy_count_plainly(l->fine, i, 0, l->fine->rows).unlike;
}

static void count_corners(void *arg) {
  lattices *l = arg;
  corner_counts counts = {0};
  for (uint32_t i = 0; i < l->fine->count; i++) corner_counts_add(&counts, l->fine, l->coarse, i);
  l->sum += counts.opposed[0];
}

static void count_corners_plainly(void *arg) {
  lattices *l = arg;
  corner_counts counts = {0};
  const uint64_t rows = l->coarse->rows, width = fg_lattice_width(&l->coarse->lattice);
  for (uint32_t i = 0; i < l->fine->count; i++) {
    for (uint64_t y = 0; y < 2 * rows; y++) {
      const uint64_t *row = fg_batch_row(l->fine, i, y), *level = fg_batch_row(l->coarse, i, y / 2),
                     *beside = fg_batch_row(l->coarse, i, (y / 2 + (y % 2 ? 1 : rows - 1)) % rows);
      for (uint64_t x = 0; x < 2 * width; x++) {
        const uint64_t next = (x / 2 + (x % 2 ? 1 : width - 1)) % width;
        const unsigned parent = fg_bit_get(level, x / 2);
        const unsigned window =
            (unsigned)((fg_bit_get(beside, next) == parent) | (fg_bit_get(beside, x / 2) == parent) << 1 |
                       (fg_bit_get(level, next) == parent) << 2);
        counts.all[window]++;
        counts.opposed[window] += fg_bit_get(row, x) != parent;
      }
    }
  }
  l->sum += counts.opposed[0];
}

static void block_by_words(void *arg) {
  lattices *l = arg;
  for (uint32_t i = 0; i < l->fine->count; i++)
    for (uint64_t y = 0; y < l->coarse->rows; y++)
      for (uint64_t k = 0; 64 * k < fg_lattice_width(&l->coarse->lattice); k++) {
        const quartets here = quartets_of(fg_batch_row(l->fine, i, 2 * y), fg_batch_row(l->fine, i, 2 * y + 1), k,
                                          l->fine->row_bytes / 8);
        fg_batch_row_mut(l->coarse, i, y)[k] = here.up | here.tied;
      }
}

static void block_plainly(void *arg) {
  lattices *l = arg;
  for (uint32_t i = 0; i < l->fine->count; i++)
    for (uint64_t y = 0; y < l->coarse->rows; y++)
      for (uint64_t x = 0; x < fg_lattice_width(&l->coarse->lattice); x++) {
        unsigned up = 0;
        for (unsigned d = 0; d < 4; d++) up += spin_get(l->fine, i, 2 * y + d / 2, 2 * x + d % 2);
        spin_set(l->coarse, i, y, x, up >= 2);
      }
}

static void measure_operators(void *arg) {
  lattices *l = arg;
  for (uint32_t i = 0; i < l->fine->count; i++) {
    operators_measure(&l->operators, l->fine, i, l->scratch, l->values);
    l->sum += (uint64_t)(int64_t)l->values[0];
  }
}

/// Product by product, image by image.
static void measure_operators_plainly(void *arg) {
  lattices *l = arg;
  const operators *o = &l->operators;
  const uint64_t rows = l->fine->rows, width = fg_lattice_width(&l->fine->lattice);
  for (uint32_t i = 0; i < l->fine->count; i++) {
    for (uint32_t k = 0; k < operators_total(o); k++) {
      int64_t value = 0;
      for (uint32_t n = 0; n < o->item[k].image_count; n++) {
        const uint32_t product = o->images[o->item[k].first_image + n];
        for (uint64_t y = 0; y < rows; y++)
          for (uint64_t x = 0; x < width; x++) {
            unsigned down = 0;
            for (uint32_t p = 0; p < o->window * o->window; p++)
              if (product >> p & 1)
                down ^= !spin_get(l->fine, i, (y + p % o->window) % rows, (x + p / o->window) % width);
            value += down ? -1 : 1;
          }
      }
      l->sum += (uint64_t)value;
    }
  }
}

static lattices make_lattices(driver *lender, uint64_t length, uint32_t count) {
  lattices l = {.fine = spins_random(driver_host(lender), length, length, count, 0.5, 1),
                .coarse = spins_new(driver_host(lender), length / 2, length / 2, count)};
  block_by_words(&l);
  return l;
}

static void drop_lattices(driver *lender, lattices *l) {
  driver_host(lender)->batch_unref(driver_host(lender), l->fine);
  driver_host(lender)->batch_unref(driver_host(lender), l->coarse);
  operators_clear(&l->operators);
  free(l->values);
  free(l->scratch);
}

/// One contestant goes spin by spin, the other by words.
static void bench_pair(bench *b, const char *task, lattices *l, void (*plain)(void *), void (*fast)(void *),
                       unsigned times) {
  const bench_contestant contestants[] = {{"plain (reference)", plain, l, 1, 1}, {"packed", fast, l, times, 1}};
  bench_run(b, task, (double)l->fine->count * (double)fg_lattice_sites(&l->fine->lattice) / 1e9, "Gspin", contestants,
            2);
}

static void bench_operators(bench *b, driver *lender, const char *task, int published) {
  if (!bench_wanted(b, task)) return;
  lattices l = make_lattices(lender, 128, 4);
  if ((published ? operators_published(&l.operators) : operators_symmetric(&l.operators, 3, 9)) != 0) abort();
  l.values = calloc(operators_total(&l.operators), sizeof *l.values);
  l.scratch = malloc(operators_scratch(3, 128));
  if (!l.values || !l.scratch) abort();
  bench_pair(b, task, &l, measure_operators_plainly, measure_operators, 100);
  drop_lattices(lender, &l);
}

void bench_counts(bench *b) {
  driver *lender = driver_open("generate.dream", "levels: 1, configurations: 1", 1);
  if (bench_wanted(b, "counts")) {
    lattices l = make_lattices(lender, 32, 20000), wide = make_lattices(lender, 2048, 4);
    bench_pair(b, "counts of bonds, 4 × 2048²", &wide, count_energy_plainly, count_energy, 20);
    bench_pair(b, "counts of blocks, 4 × 2048²", &wide, block_plainly, block_by_words, 5);
    bench_pair(b, "counts of blocks, 2·10⁴ × 32²", &l, block_plainly, block_by_words, 5);
    bench_pair(b, "counts of windows, 3 parameters, 2·10⁴ × 32²", &l, count_corners_plainly, count_corners, 10);
    drop_lattices(lender, &l);
    drop_lattices(lender, &wide);
  }
  bench_operators(b, lender, "operators, the 36 published, 4 × 128²", 1);
  bench_operators(b, lender, "operators, all 85 of a window of 3, 4 × 128²", 0);
  driver_close(lender);
}
