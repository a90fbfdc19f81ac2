// energy.c — see energy.h. 64 bonds at a time: the XOR of a row with itself moved by one, and with the row below.
#include "energy.h"

uint32_t energy_bonds(const fg_lattice *lattice) {
  static const uint32_t dims[] = {[FG_CHAIN] = 1, [FG_SQUARE] = 2, [FG_TRIANGULAR] = 2, [FG_CUBIC] = 3};
  static const uint32_t bonds[] = {[FG_CHAIN] = 1, [FG_SQUARE] = 2, [FG_TRIANGULAR] = 3, [FG_CUBIC] = 3};
  if (lattice->shape < FG_CHAIN || lattice->shape > FG_CUBIC || lattice->dims != dims[lattice->shape]) return 0;
  return bonds[lattice->shape];
}

/// Rows of a layer of a cubic lattice; of the whole lattice otherwise.
static uint64_t layer_rows(const fg_batch *batch) {
  return batch->lattice.shape == FG_CUBIC ? batch->lattice.extent[1] : batch->rows;
}

energy_counts energy_count_plainly(const fg_batch *batch, uint32_t i, uint64_t begin, uint64_t end) {
  const uint64_t width = fg_lattice_width(&batch->lattice), height = layer_rows(batch);
  const uint32_t shape = batch->lattice.shape;
  energy_counts counts = {0, 0};
  for (uint64_t y = begin; y < end; y++) {
    const uint64_t *row = fg_batch_row(batch, i, y);
    const uint64_t *below = fg_batch_row(batch, i, y / height * height + (y % height + 1) % height);
    const uint64_t *beyond = fg_batch_row(batch, i, (y + height) % batch->rows);
    for (uint64_t x = 0; x < width; x++) {
      unsigned spin = fg_bit_get(row, x);
      counts.unlike += spin ^ fg_bit_get(row, (x + 1) % width);
      if (shape != FG_CHAIN) counts.unlike += spin ^ fg_bit_get(below, x);
      if (shape == FG_TRIANGULAR) counts.unlike += spin ^ fg_bit_get(below, (x + 1) % width);
      if (shape == FG_CUBIC) counts.unlike += spin ^ fg_bit_get(beyond, x);
      counts.up += spin;
    }
  }
  return counts;
}

static inline uint64_t ones(uint64_t word) { return (uint64_t)__builtin_popcountll(word); }

/// Unlike bonds between rows whose sites lie above each other; padding is alike.
static inline uint64_t count_across(const uint64_t *row, const uint64_t *other, uint64_t last) {
  uint64_t unlike = 0;
  for (uint64_t w = 0; w <= last; w++) unlike += ones(row[w] ^ other[w]);
  return unlike;
}

/// Unlike bonds of sites x with the sites x+1 of another row.
static inline uint64_t count_diagonal(const uint64_t *row, const uint64_t *other, uint64_t width) {
  const uint64_t last = (width - 1) / 64, inner = UINT64_MAX >> 1 >> (63 - (width - 1) % 64);
  uint64_t unlike = 0;
  for (uint64_t w = 0; w < last; w++) unlike += ones(row[w] ^ (other[w] >> 1 | other[w + 1] << 63));
  return unlike + ones((row[last] ^ other[last] >> 1) & inner) + ((row[last] >> (width - 1) % 64 ^ other[0]) & 1);
}

/// Bonds that a square lattice of the same rows does not have.
static inline __attribute__((always_inline)) uint64_t count_more(const fg_batch *batch, uint32_t i, uint64_t begin,
                                                                 uint64_t end) {
  const uint64_t width = fg_lattice_width(&batch->lattice), height = layer_rows(batch);
  uint64_t unlike = 0;
  for (uint64_t y = begin; y < end; y++) {
    const uint64_t *row = fg_batch_row(batch, i, y);
    if (batch->lattice.shape == FG_TRIANGULAR)
      unlike += count_diagonal(row, fg_batch_row(batch, i, y + 1 == batch->rows ? 0 : y + 1), width);
    else
      unlike += count_across(row, fg_batch_row(batch, i, (y + height) % batch->rows), (width - 1) / 64);
  }
  return unlike;
}

/// Compiled twice, with and without the instruction that counts bits.
static inline __attribute__((always_inline)) energy_counts count_words(const fg_batch *batch, uint32_t i,
                                                                       uint64_t begin, uint64_t end) {
  const uint64_t width = fg_lattice_width(&batch->lattice), last = (width - 1) / 64;
  const uint64_t inner =
      UINT64_MAX >> 1 >> (63 - (width - 1) % 64); // bonds within the last word: the padding is not a spin
  // A chain's only row is the row below itself: those bonds are alike.
  const uint64_t rows = batch->rows, height = batch->lattice.shape == FG_CUBIC ? batch->lattice.extent[1] : 0;
  energy_counts counts = {0, 0};
  for (uint64_t y = begin; y < end; y++) {
    const uint64_t *row = fg_batch_row(batch, i, y), *below = fg_batch_row(batch, i, y + 1 == rows ? 0 : y + 1);
    if (height && (y + 1) % height == 0) below = fg_batch_row(batch, i, y + 1 - height);
    for (uint64_t w = 0; w < last; w++) {
      counts.unlike += ones(row[w] ^ (row[w] >> 1 | row[w + 1] << 63)) + ones(row[w] ^ below[w]);
      counts.up += ones(row[w]);
    }
    counts.unlike += ones((row[last] ^ row[last] >> 1) & inner) + ones(row[last] ^ below[last]);
    counts.unlike += (row[last] >> (width - 1) % 64 ^ row[0]) & 1; // around the boundary
    counts.up += ones(row[last]);
  }
  const uint32_t shape = batch->lattice.shape;
  if (shape == FG_TRIANGULAR || shape == FG_CUBIC) counts.unlike += count_more(batch, i, begin, end);
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
