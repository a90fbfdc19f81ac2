// test_corner_counts.c — windows of 2×2 coarse spins counted by words, as train.newton counts them, against windows
// looked at one by one: on lattices whose rows are shorter than a word, put side by side, and longer; and that counts
// add up.
#include "check.h"
#include "driver.h"
#include "spins.h"

#include "plugins/networks/corner_counts.c"

#include <stdlib.h>

static unsigned coarse_at(const fg_batch *coarse, uint32_t i, uint64_t y, uint64_t x) {
  return spin_get(coarse, i, (y + coarse->rows) % coarse->rows,
                  (x + fg_lattice_width(&coarse->lattice)) % fg_lattice_width(&coarse->lattice));
}

/// The definition: windowed.h's window of width 2, mirrored to where the fine spin lies, parent up.
static void add_plainly(corner_counts *counts, const fg_batch *fine, const fg_batch *coarse, uint32_t i) {
  for (uint64_t y = 0; y < fine->rows; y++) {
    for (uint64_t x = 0; x < fg_lattice_width(&fine->lattice); x++) {
      const uint64_t py = y / 2, px = x / 2, vy = y % 2 ? py + 1 : py - 1, hx = x % 2 ? px + 1 : px - 1;
      const unsigned parent = coarse_at(coarse, i, py, px);
      const unsigned window =
          (unsigned)((coarse_at(coarse, i, vy, hx) == parent) | (coarse_at(coarse, i, vy, px) == parent) << 1 |
                     (coarse_at(coarse, i, py, hx) == parent) << 2);
      counts->all[window]++;
      counts->opposed[window] += spin_get(fine, i, y, x) != parent;
    }
  }
}

static int unlike(const corner_counts *a, const corner_counts *b) {
  int wrong = 0;
  for (unsigned w = 0; w < CORNER_COUNTS_WINDOWS; w++)
    wrong += a->all[w] != b->all[w] || a->opposed[w] != b->opposed[w];
  return wrong;
}

static void one_by_one(void) {
  static const uint64_t shapes[][2] = {{1, 1},  {2, 2},  {3, 3},   {5, 7},  {16, 16}, {9, 17},  {6, 31},  {32, 32},
                                       {5, 33}, {7, 63}, {64, 64}, {3, 65}, {4, 127}, {2, 128}, {3, 130}, {1, 64}};
  driver *lender = driver_open("coarsen.majority", "", 1);
  const fg_host *host = driver_host(lender);
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    const uint64_t rows = shapes[s][0], width = shapes[s][1];
    fg_batch *coarse = spins_random(host, rows, width, 3, 0.6, s),
             *fine = spins_random(host, 2 * rows, 2 * width, 3, 0.4, 100 + s);
    corner_counts expected = {0}, portable = {0}, chosen = {0};
    for (uint32_t i = 0; i < 3; i++) {
      add_plainly(&expected, fine, coarse, i);
      add_portably(&portable, fine, coarse, i);
      corner_counts_add(&chosen, fine, coarse, i);
    }
    CHECK_INTEGER(unlike(&portable, &expected), 0);
    CHECK_INTEGER(unlike(&chosen, &expected), 0);
    host->batch_unref(host, coarse);
    host->batch_unref(host, fine);
  }
  driver_close(lender);
}

int main(void) {
  static const check_case cases[] = {{"one by one", one_by_one}, {NULL, NULL}};
  return check_main("corner counts", cases);
}
