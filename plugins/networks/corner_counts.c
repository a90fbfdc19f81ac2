// corner_counts.c — see corner_counts.h. Rows of less than 64 spins are put side by side, so that words are full.
#include "corner_counts.h"

#include "plugins/coarsen/quartets.h"

enum { BEFORE, AFTER }; // the neighbour towards smaller or larger coordinates: that of fine spins 0 and 1 of a block

/// Spins of up to 64 coarse sites, one a bit, and of what lies around them.
typedef struct planes {
  uint64_t valid; ///< sites that are there
  uint64_t parent;
  uint64_t horizontal[2], vertical[2], diagonal[2][2]; ///< neighbours; the first index is the vertical one
  uint64_t fine[2][2];
} planes;

static inline uint64_t ones(uint64_t word) { return (uint64_t)__builtin_popcountll(word); }

/// Word k of a row with `sites` spins in it, and the words of their neighbours in the row.
static inline uint64_t take(const uint64_t *row, uint64_t k, uint64_t width, uint64_t sites, uint64_t sides[2]) {
  const uint64_t first = k ? row[k - 1] >> 63 : fg_bit_get(row, width - 1);
  const uint64_t last = 64 * k + sites < width ? row[k + 1] & 1 : row[0] & 1;
  sides[BEFORE] = row[k] << 1 | first;
  sides[AFTER] = row[k] >> 1 | last << (sites - 1);
  return row[k];
}

/// Word k of row y.
static inline void load(planes *p, const fg_batch *fine, const fg_batch *coarse, uint32_t i, uint64_t y, uint64_t k) {
  const uint64_t width = fg_lattice_width(&coarse->lattice), rows = coarse->rows, left = width - 64 * k;
  const uint64_t sites = left < 64 ? left : 64, fine_words = fine->row_bytes / 8;
  p->valid = UINT64_MAX >> (64 - sites);
  p->parent = take(fg_batch_row(coarse, i, y), k, width, sites, p->horizontal);
  p->vertical[BEFORE] = take(fg_batch_row(coarse, i, y ? y - 1 : rows - 1), k, width, sites, p->diagonal[BEFORE]);
  p->vertical[AFTER] = take(fg_batch_row(coarse, i, y + 1 < rows ? y + 1 : 0), k, width, sites, p->diagonal[AFTER]);
  for (unsigned dy = 0; dy < 2; dy++) {
    const uint64_t *row = fg_batch_row(fine, i, 2 * y + dy);
    const uint64_t low = row[2 * k], high = 2 * k + 1 < fine_words ? row[2 * k + 1] : 0;
    for (unsigned dx = 0; dx < 2; dx++)
      p->fine[dy][dx] = quartets_compress(low >> dx) | quartets_compress(high >> dx) << 32;
  }
}

/// Puts `more` beside what is there, from bit `at` on. Beyond the valid sites of either may be anything.
static inline void append(planes *p, const planes *more, uint64_t at) {
  const uint64_t mask = more->valid;
  p->valid |= mask << at;
  p->parent |= (more->parent & mask) << at;
  for (unsigned a = 0; a < 2; a++) {
    p->horizontal[a] |= (more->horizontal[a] & mask) << at;
    p->vertical[a] |= (more->vertical[a] & mask) << at;
    for (unsigned b = 0; b < 2; b++) {
      p->diagonal[a][b] |= (more->diagonal[a][b] & mask) << at;
      p->fine[a][b] |= (more->fine[a][b] & mask) << at;
    }
  }
}

static inline void count(corner_counts *counts, const planes *p) {
  for (unsigned dy = 0; dy < 2; dy++) {
    for (unsigned dx = 0; dx < 2; dx++) {
      const uint64_t opposed = p->fine[dy][dx] ^ p->parent, horizontal = ~(p->horizontal[dx] ^ p->parent),
                     vertical = ~(p->vertical[dy] ^ p->parent), diagonal = ~(p->diagonal[dy][dx] ^ p->parent);
#pragma GCC unroll 8
      for (unsigned window = 0; window < CORNER_COUNTS_WINDOWS; window++) {
        const uint64_t here = p->valid & (window & 4 ? horizontal : ~horizontal) & (window & 2 ? vertical : ~vertical) &
                              (window & 1 ? diagonal : ~diagonal);
        counts->all[window] += ones(here);
        counts->opposed[window] += ones(here & opposed);
      }
    }
  }
}

/// Compiled twice, with and without the instruction that counts bits.
static inline __attribute__((always_inline)) void add(corner_counts *counts, const fg_batch *fine,
                                                      const fg_batch *coarse, uint32_t i) {
  const uint64_t width = fg_lattice_width(&coarse->lattice), words = (width + 63) / 64;
  planes p;
  if (width > 32) {
    for (uint64_t y = 0; y < coarse->rows; y++) {
      for (uint64_t k = 0; k < words; k++) {
        load(&p, fine, coarse, i, y, k);
        count(counts, &p);
      }
    }
    return;
  }
  const uint64_t together = 64 / width;
  for (uint64_t y = 0; y < coarse->rows; y += together) {
    planes all = {0};
    for (uint64_t r = 0; r < together && y + r < coarse->rows; r++) {
      load(&p, fine, coarse, i, y + r, 0);
      append(&all, &p, r * width);
    }
    count(counts, &all);
  }
}

static void add_portably(corner_counts *counts, const fg_batch *fine, const fg_batch *coarse, uint32_t i) {
  add(counts, fine, coarse, i);
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) static void add_with_popcnt(corner_counts *counts, const fg_batch *fine,
                                                              const fg_batch *coarse, uint32_t i) {
  add(counts, fine, coarse, i);
}
#endif

void corner_counts_add(corner_counts *counts, const fg_batch *fine, const fg_batch *coarse, uint32_t configuration) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("popcnt")) {
    add_with_popcnt(counts, fine, coarse, configuration);
    return;
  }
#endif
  add_portably(counts, fine, coarse, configuration);
}
