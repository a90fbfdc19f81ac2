// bits.h — counting spins up in a stretch of a packed row.
#ifndef PLUGINS_BITS_H
#define PLUGINS_BITS_H

#include <stdint.h>

/// Ones among bits first … first+count-1 of a row of words.
static inline uint64_t bits_count(const uint64_t *row, uint64_t first, uint64_t count) {
  uint64_t ones = 0;
  while (count) {
    uint64_t here = 64 - (first & 63) < count ? 64 - (first & 63) : count;
    ones += (uint64_t)__builtin_popcountll(row[first >> 6] >> (first & 63) & UINT64_MAX >> (64 - here));
    first += here;
    count -= here;
  }
  return ones;
}

#endif
