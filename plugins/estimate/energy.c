// energy.c — see energy.h. 64 bonds at a time: the XOR of a row with itself moved by one, and with the row below.
#include "energy.h"

energy_counts energy_count_plainly(const fg_batch *batch, uint32_t i, uint64_t begin, uint64_t end) {
  uint64_t width = fg_lattice_width(&batch->lattice);
  energy_counts counts = {0, 0};
  for (uint64_t y = begin; y < end; y++) {
    const uint64_t *row = fg_batch_row(batch, i, y), *below = fg_batch_row(batch, i, (y + 1) % batch->rows);
    for (uint64_t x = 0; x < width; x++) {
      unsigned spin = fg_bit_get(row, x);
      counts.unlike += spin ^ fg_bit_get(row, (x + 1) % width);
      counts.unlike += spin ^ fg_bit_get(below, x);
      counts.up += spin;
    }
  }
  return counts;
}

static inline uint64_t ones(uint64_t word) { return (uint64_t)__builtin_popcountll(word); }

/// Compiled twice, with and without the instruction that counts bits.
static inline __attribute__((always_inline)) energy_counts count_words(const fg_batch *batch, uint32_t i,
                                                                       uint64_t begin, uint64_t end) {
  const uint64_t width = fg_lattice_width(&batch->lattice), last = (width - 1) / 64;
  const uint64_t inner =
      UINT64_MAX >> 1 >> (63 - (width - 1) % 64); // bonds within the last word: the padding is not a spin
  energy_counts counts = {0, 0};
  for (uint64_t y = begin; y < end; y++) {
    const uint64_t *row = fg_batch_row(batch, i, y), *below = fg_batch_row(batch, i, y + 1 == batch->rows ? 0 : y + 1);
    for (uint64_t w = 0; w < last; w++) {
      counts.unlike += ones(row[w] ^ (row[w] >> 1 | row[w + 1] << 63)) + ones(row[w] ^ below[w]);
      counts.up += ones(row[w]);
    }
    counts.unlike += ones((row[last] ^ row[last] >> 1) & inner) + ones(row[last] ^ below[last]);
    counts.unlike += (row[last] >> (width - 1) % 64 ^ row[0]) & 1; // around the boundary
    counts.up += ones(row[last]);
  }
  return counts;
}

static energy_counts count_portably(const fg_batch *batch, uint32_t i, uint64_t begin, uint64_t end) {
  return count_words(batch, i, begin, end);
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) static energy_counts count_with_popcnt(const fg_batch *batch, uint32_t i,
                                                                         uint64_t begin, uint64_t end) {
  return count_words(batch, i, begin, end);
}
#endif

energy_counts energy_count(const fg_batch *batch, uint32_t i, uint64_t begin, uint64_t end) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("popcnt")) return count_with_popcnt(batch, i, begin, end);
#endif
  return count_portably(batch, i, begin, end);
}
