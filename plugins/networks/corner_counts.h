// corner_counts.h — how often fine spins oppose their parent, by window, for windows of 2×2 coarse spins (windowed.h):
// the parent, its two nearest neighbours on the fine spin's side, and the diagonal one. 64 coarse sites at a time: the
// spins of a word's sites are bits, and what is counted are the ones in logical combinations of words.
#ifndef PLUGINS_NETWORKS_CORNER_COUNTS_H
#define PLUGINS_NETWORKS_CORNER_COUNTS_H

#include "finegrain/finegrain.h"

#define CORNER_COUNTS_WINDOWS 8u // with the parent up: diagonal at bit 0, vertical at 1, horizontal at 2

/// By window; spins that agree with their parent are up.
typedef struct corner_counts {
  uint64_t all[CORNER_COUNTS_WINDOWS];
  uint64_t opposed[CORNER_COUNTS_WINDOWS];
} corner_counts;

/// Adds all fine spins of a configuration, on a square lattice twice as large as the coarse one.
void corner_counts_add(corner_counts *counts, const fg_batch *fine, const fg_batch *coarse, uint32_t configuration);

#endif
