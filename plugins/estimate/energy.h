// energy.h — energy and magnetisation of packed configurations on periodic lattices, by counting bits: the chain, the
// square, the triangular and the cubic lattice.
#ifndef PLUGINS_ESTIMATE_ENERGY_H
#define PLUGINS_ESTIMATE_ENERGY_H

#include "finegrain/lattice.h"
#include "finegrain/message.h"

/// What rows of a configuration contribute: bonds with unlike spins, and spins up. Every site has the bonds to the right
/// and, where there are such, down (to the next row of its layer), down to the right, to the next layer.
typedef struct energy_counts {
  uint64_t unlike;
  uint64_t up;
} energy_counts;

/// Bonds a site on a lattice; 0: bonds there are not counted here.
uint32_t energy_bonds(const fg_lattice *lattice);

/// Counts rows begin … end-1 of configuration i of a batch of whole configurations. [any thread]
energy_counts energy_count(const fg_batch *batch, uint32_t i, uint64_t begin, uint64_t end);

/// The same, one spin after the other: what the fast version is tested against.
energy_counts energy_count_plainly(const fg_batch *batch, uint32_t i, uint64_t begin, uint64_t end);

#endif
