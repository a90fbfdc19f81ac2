// operators.h — products of spins inside a w×w window, summed over the periodic square lattice: which operators there
// are, and their values for packed configurations. An operator is a product together with its images under the square's
// symmetries (or alone, as published operators are); even ones do not change when all spins flip, odd ones change sign.
#ifndef PLUGINS_ESTIMATE_OPERATORS_H
#define PLUGINS_ESTIMATE_OPERATORS_H

#include "finegrain/finegrain.h"

#include "products.h"

#define OPERATORS_WINDOW_LEAST 2u
#define OPERATORS_WINDOW_MOST 4u
#define OPERATORS_TEXT 112u                 // bytes of operators_text
#define OPERATORS_SITES (UINT64_C(1) << 30) // most sites of a lattice to be measured

enum { OPERATORS_EVEN, OPERATORS_ODD, OPERATORS_PARITIES };

/// Its value is the sum, over all sites and all images, of the products of spins with the window's corner at the site.
typedef struct lattice_operator {
  uint32_t label;       ///< number it is reported by
  uint32_t spins;       ///< factors of a product
  uint32_t first_image; ///< operators.images[first_image …]
  uint32_t image_count;
} lattice_operator;

/// A product is a set of places in the window: bit w·x + y is the spin at row y, column x.
typedef struct operators {
  uint32_t window;                    ///< w
  uint32_t count[OPERATORS_PARITIES]; ///< even ones come first
  lattice_operator *item;
  uint16_t *images;
  uint32_t image_total;
  const products_isa *isa; ///< counts the images one by one, when there are few
  uint32_t spread[256];    ///< for measuring: bit c of a byte moved to bit w·c
} operators;

/// All products of 1 … order spins that translations and the symmetries of the square do not turn into each other, by
/// the number of spins, then by extent. 0, or -1: out of memory.
int operators_symmetric(operators *o, uint32_t window, uint32_t order);

/// The 36 of arXiv:2506.04016 as its authors have them: one orientation of each, two of them the same.
int operators_published(operators *o);

void operators_clear(operators *o);

static inline uint32_t operators_total(const operators *o) {
  return o->count[OPERATORS_EVEN] + o->count[OPERATORS_ODD];
}

/// The first image of operator i in words: "(0,0) (0,1)", rows first.
void operators_text(const operators *o, uint32_t i, char text[OPERATORS_TEXT]);

/// Bytes of scratch that operators_measure needs for rows of this width.
uint64_t operators_scratch(uint32_t window, uint64_t width);

/// values[] = all operators of configuration i of a batch of at most OPERATORS_SITES sites: whole numbers. [any thread]
void operators_measure(const operators *o, const fg_batch *batch, uint32_t i, void *scratch, double *values);

#endif
