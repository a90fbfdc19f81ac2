// ising_observables.h — energy and magnetisation of configurations as they leave a sampler, for tests: site by site,
// so that it shares nothing with the code it judges.
#ifndef FG_TESTS_ISING_OBSERVABLES_H
#define FG_TESTS_ISING_OBSERVABLES_H

#include "finegrain/finegrain.h"

/// Number of bonds with equal spins minus those with unequal ones, two bonds a site: -E.
static inline int64_t ising_bond_sum(const fg_batch *batch, uint32_t i) {
  uint64_t length = batch->lattice.extent[0];
  int64_t sum = 0;
  for (uint64_t y = 0; y < length; y++) {
    const uint64_t *row = fg_batch_row(batch, i, y), *below = fg_batch_row(batch, i, (y + 1) % length);
    for (uint64_t x = 0; x < length; x++) {
      unsigned spin = fg_bit_get(row, x);
      sum += spin == fg_bit_get(row, (x + 1) % length) ? 1 : -1;
      sum += spin == fg_bit_get(below, x) ? 1 : -1;
    }
  }
  return sum;
}

/// Σ s over the sites.
static inline int64_t ising_spin_sum(const fg_batch *batch, uint32_t i) {
  uint64_t length = batch->lattice.extent[0];
  int64_t sum = 0;
  for (uint64_t y = 0; y < length; y++) {
    const uint64_t *row = fg_batch_row(batch, i, y);
    for (uint64_t x = 0; x < length; x++) sum += fg_bit_get(row, x) ? 1 : -1;
  }
  return sum;
}

#endif
