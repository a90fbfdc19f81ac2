// products.h — sums over the lattice of products of spins, on packed bits: rows shifted by 0, 1, … columns lie one after the
// other, a product of spins at all sites is the XOR of such rows, and its sum a count of bits. Best for tens of products;
// for hundreds of them operators.c counts patterns instead.
#ifndef PLUGINS_ESTIMATE_PRODUCTS_H
#define PLUGINS_ESTIMATE_PRODUCTS_H

#include "finegrain/finegrain.h"

#define PRODUCTS_MOST_WINDOW 4u

/// What counts on one kind of machine.
typedef struct products_isa {
  const char *name;
  int (*usable)(void);
  /// How many of the bits of the XOR of `count` rows of `words` words are 1.
  uint64_t (*ones_of_xor)(const uint64_t *const *rows, uint32_t count, uint64_t words);
  uint32_t worth; ///< products up to which counting them is faster than counting patterns
} products_isa;

extern const products_isa products_portable, products_popcnt, products_avx512;

/// The fastest that runs here.
const products_isa *products_choose(void);

/// Bytes of scratch for rows of this width.
uint64_t products_scratch(uint32_t window, uint64_t width);

/// sums[k] = Σ over all sites of configuration i of the product of the spins in products[k]: bit window·x + y is the spin
/// at row y, column x from the site. [any thread]
void products_sum(const products_isa *isa, uint32_t window, const uint16_t *products, uint32_t count,
                  const fg_batch *batch, uint32_t i, void *scratch, int64_t *sums);

#endif
