// energy.h — energy and magnetisation of packed configurations on the periodic square lattice, by counting bits.
#ifndef PLUGINS_ESTIMATE_ENERGY_H
#define PLUGINS_ESTIMATE_ENERGY_H

#include "finegrain/lattice.h"
#include "finegrain/message.h"

/// What rows of a configuration contribute: bonds to the right and down with unlike spins, and spins up.
typedef struct energy_counts {
  uint64_t unlike;
  uint64_t up;
} energy_counts;

/// Counts rows begin … end-1 of configuration i of a batch of whole configurations. [any thread]
energy_counts energy_count(const fg_batch *batch, uint32_t i, uint64_t begin, uint64_t end);

/// The same, one spin after the other: what the fast version is tested against.
energy_counts energy_count_plainly(const fg_batch *batch, uint32_t i, uint64_t begin, uint64_t end);

#endif
