// bitplanes.h — the 16-bit random numbers of one inverse step with 2×2 blocks, laid out in bit planes as network.h
// says, so that a kernel that works on planes and one that works on single spins draw the same lattice.
#ifndef PLUGINS_NETWORKS_BITPLANES_H
#define PLUGINS_NETWORKS_BITPLANES_H

#include "finegrain/finegrain.h"

#define BITPLANES_SITES 512u   ///< coarse sites of a group
#define BITPLANES_POSITIONS 4u ///< fine spins of a block: d = 2·dy + dx
#define BITPLANES_ONE 0x10000u ///< the threshold of probability 1

/// A view on the numbers that moves along dense coarse indices. Belongs to one thread.
typedef struct bitplanes {
  fg_rng_fill_fn fill;
  fg_rng_key key;
  uint64_t level; ///< of the fine lattice
  uint64_t group; ///< whose numbers are here
  uint16_t numbers[BITPLANES_SITES][BITPLANES_POSITIONS];
} bitplanes;

void bitplanes_start(bitplanes *planes, fg_rng_fill_fn fill, fg_rng_key key, int32_t level);

/// Makes the numbers of a group.
void bitplanes_load(bitplanes *planes, uint64_t group);

/// The numbers u of the four fine spins of coarse site g (dense index: configuration·N + site).
static inline const uint16_t *bitplanes_at(bitplanes *planes, uint64_t g) {
  if (g / BITPLANES_SITES != planes->group) bitplanes_load(planes, g / BITPLANES_SITES);
  return planes->numbers[g % BITPLANES_SITES];
}

/// The threshold of a probability: u < threshold happens with it, up to a rounding of 2⁻¹⁷ = 8e-6 at most.
uint32_t bitplanes_threshold(double probability);

#endif
