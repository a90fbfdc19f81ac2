// products.c — see products.h. A lattice goes through in strips of rows that stay in the cache. Beyond a row's end all bits
// are zero, whatever the shift, so that they add nothing to a XOR.
#include "products.h"

#include <string.h>

#define STRIP_WORDS 512u // of unshifted rows, at least one row

static uint64_t words_of(uint64_t width) { return (width + 63) / 64; }

static uint64_t strip_rows(uint64_t width) {
  const uint64_t rows = STRIP_WORDS / words_of(width);
  return rows ? rows : 1;
}

uint64_t products_scratch(uint32_t window, uint64_t width) {
  return window * (strip_rows(width) + window - 1) * words_of(width) * sizeof(uint64_t);
}

/// A row, its columns moved by `shift` towards smaller ones, around the boundary.
static void shift_row(const uint64_t *row, uint64_t width, uint64_t shift, uint64_t *out) {
  const uint64_t words = words_of(width), last = width - 64 * (words - 1), mask = UINT64_MAX >> (64 - last);
  shift %= width;
  if (!shift) {
    memcpy(out, row, words * sizeof *out);
    return;
  }
  for (uint64_t k = 0; k + 1 < words; k++) out[k] = row[k] >> shift | row[k + 1] << (64 - shift);
  out[words - 1] = row[words - 1] >> shift;
  for (uint64_t x = 0; x < shift; x++) { // the first columns come back at the end, fewer than four
    const uint64_t to = width - shift + x;
    out[to / 64] &= ~(UINT64_C(1) << to % 64);
    out[to / 64] |= (row[x / 64] >> x % 64 & 1) << to % 64;
  }
  out[words - 1] &= mask;
}

/// Adds the bits of the XORs of a strip to odd[].
static void add_strip(const products_isa *isa, uint32_t window, const uint16_t *products, uint32_t count,
                      const uint64_t *lines, uint64_t line_words, uint64_t words, uint64_t rows, int64_t *odd) {
  for (uint32_t p = 0; p < count; p++) {
    const uint64_t *factors[PRODUCTS_MOST_WINDOW * PRODUCTS_MOST_WINDOW];
    uint32_t number = 0;
    for (uint32_t place = 0; place < window * window; place++)
      if (products[p] >> place & 1) factors[number++] = lines + place / window * line_words + place % window * words;
    odd[p] += (int64_t)isa->ones_of_xor(factors, number, rows * words);
  }
}

void products_sum(const products_isa *isa, uint32_t window, const uint16_t *products, uint32_t count,
                  const fg_batch *batch, uint32_t i, void *scratch, int64_t *sums) {
  const uint64_t width = fg_lattice_width(&batch->lattice), words = words_of(width), most = strip_rows(width);
  const uint64_t line_words = (most + window - 1) * words;
  uint64_t *lines = scratch;
  memset(sums, 0, count * sizeof *sums);
  for (uint64_t y = 0; y < batch->rows; y += most) {
    const uint64_t rows = batch->rows - y < most ? batch->rows - y : most;
    for (uint64_t r = 0; r < rows + window - 1; r++)
      for (uint32_t x = 0; x < window; x++)
        shift_row(fg_batch_row(batch, i, (y + r) % batch->rows), width, x, lines + x * line_words + r * words);
    add_strip(isa, window, products, count, lines, line_words, words, rows, sums);
  }
  // Σ Π s = (-1)^factors · (sites - 2 · odd), for the XOR tells whether an odd number of spins is up.
  const int64_t sites = (int64_t)fg_lattice_sites(&batch->lattice);
  for (uint32_t p = 0; p < count; p++) {
    const int64_t sum = sites - 2 * sums[p];
    sums[p] = __builtin_popcount(products[p]) % 2 ? -sum : sum;
  }
}

// ---- words of 64 bits

static inline __attribute__((always_inline)) uint64_t ones_of_words(const uint64_t *const *rows, uint32_t count,
                                                                    uint64_t words) {
  uint64_t ones = 0;
  for (uint64_t k = 0; k < words; k++) {
    uint64_t odd = rows[0][k];
    for (uint32_t f = 1; f < count; f++) odd ^= rows[f][k];
    ones += (uint64_t)__builtin_popcountll(odd);
  }
  return ones;
}

/// A loop of its own for each of the usual numbers of factors.
static inline __attribute__((always_inline)) uint64_t ones_by_count(const uint64_t *const *rows, uint32_t count,
                                                                    uint64_t words) {
  switch (count) {
  case 1: return ones_of_words(rows, 1, words);
  case 2: return ones_of_words(rows, 2, words);
  case 3: return ones_of_words(rows, 3, words);
  case 4: return ones_of_words(rows, 4, words);
  default: return ones_of_words(rows, count, words);
  }
}

static uint64_t ones_portably(const uint64_t *const *rows, uint32_t count, uint64_t words) {
  return ones_by_count(rows, count, words);
}

static int always(void) { return 1; }

const products_isa products_portable = {"portable", always, ones_portably, 0};

#if defined(__x86_64__)
__attribute__((target("popcnt"))) static uint64_t ones_with_popcnt(const uint64_t *const *rows, uint32_t count,
                                                                   uint64_t words) {
  return ones_by_count(rows, count, words);
}

static int has_popcnt(void) { return __builtin_cpu_supports("popcnt") != 0; }
#else
#define ones_with_popcnt ones_portably
static int has_popcnt(void) { return 0; }
#endif

const products_isa products_popcnt = {"popcnt", has_popcnt, ones_with_popcnt, 24};

const products_isa *products_choose(void) {
  const products_isa *const all[] = {&products_avx512, &products_popcnt};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i]->usable()) return all[i];
  return &products_portable;
}
