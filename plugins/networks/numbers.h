// numbers.h — random numbers of 64 bits for draws that 16 bits are too coarse for: number n of a level is half n mod 2
// of the counter {low = n/2, high = level of the fine lattice}. What n is, each network says.
#ifndef PLUGINS_NETWORKS_NUMBERS_H
#define PLUGINS_NETWORKS_NUMBERS_H

#include "finegrain/finegrain.h"

#define NUMBERS_SPARE 2u ///< numbers a buffer needs room for beyond those asked for

/// Numbers first … first+count-1 of a level, somewhere in `buffer`, which has room for NUMBERS_SPARE more. [any]
static inline const uint64_t *numbers_fill(fg_rng_fill_fn fill, fg_rng_key key, int32_t level, uint64_t first,
                                           uint64_t count, uint64_t *buffer) {
  const fg_rng_counter counter = {.low = first / 2, .high = (uint64_t)(int64_t)level};
  fill(key, counter, buffer, (first % 2 + count + 1) / 2 * 16);
  return buffer + first % 2;
}

#endif
