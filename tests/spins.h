// spins.h — batches of spins for tests of networks and trainers, and the published weights they use.
#ifndef FG_TESTS_SPINS_H
#define FG_TESTS_SPINS_H

#include "finegrain/finegrain.h"

// Kernels trained on 10⁶ configurations at L=128 (3, 10) and L=32 (6): A. Rançon et al., arXiv:2506.04016.
static const double published3[] = {0.5491937, 0.6278734, 1.393981};
static const double published6[] = {0.5532841, 0.695583, 1.376823, -0.1412271, -0.1493804, 0.1054978};
static const double published10[] = {0.1286348, 0.9311292, 1.237172,   0.1209698,  -0.1176955,
                                     0.2788308, 0.1505697, 0.05148263, -0.1561854, -0.1555497};

static inline unsigned spin_get(const fg_batch *batch, uint64_t c, uint64_t y, uint64_t x) {
  return fg_bit_get(fg_batch_row(batch, c, y), x);
}

static inline void spin_set(fg_batch *batch, uint64_t c, uint64_t y, uint64_t x, unsigned bit) {
  fg_bit_set(fg_batch_row_mut(batch, c, y), x, bit);
}

/// `count` lattices of rows×width, all down.
static inline fg_batch *spins_new(const fg_host *host, uint64_t rows, uint64_t width, uint32_t count) {
  fg_lattice lattice = {FG_SQUARE, 2, {rows, width, 0, 0}};
  return host->batch_new(host, FG_SPIN1, &lattice, count);
}

/// Independent spins, up with probability `up`.
static inline fg_batch *spins_random(const fg_host *host, uint64_t rows, uint64_t width, uint32_t count, double up,
                                     uint64_t seed) {
  fg_batch *batch = spins_new(host, rows, width, count);
  fg_rng rng = fg_rng_start(host->rng_fill, host->rng_key(host, "spins of a test"), seed);
  for (uint32_t c = 0; c < count; c++)
    for (uint64_t y = 0; y < rows; y++)
      for (uint64_t x = 0; x < width; x++) spin_set(batch, c, y, x, fg_rng_uniform(&rng) < up);
  return batch;
}

/// Whether two batches have the same lattice and the same spins.
static inline int spins_equal(const fg_batch *a, const fg_batch *b) {
  if (!fg_lattice_equal(&a->lattice, &b->lattice) || a->count != b->count) return 0;
  for (uint32_t c = 0; c < a->count; c++)
    for (uint64_t y = 0; y < a->rows; y++)
      for (uint64_t x = 0; x < fg_lattice_width(&a->lattice); x++)
        if (spin_get(a, c, y, x) != spin_get(b, c, y, x)) return 0;
  return 1;
}

/// The format of batches of one lattice.
static inline fg_format format_of_spins(uint64_t rows, uint64_t width) {
  fg_format format = {.size = sizeof(fg_format), .kind = FG_BATCH, .element = FG_SPIN1, .shape_count = 1};
  format.shapes[0] = (fg_lattice){FG_SQUARE, 2, {rows, width, 0, 0}};
  return format;
}

/// The format of a symmetric network's model.
static inline fg_format format_of_model(uint32_t has_weights) {
  fg_format format = {.size = sizeof(fg_format), .kind = FG_MODEL, .network = "network.symmetric"};
  format.has_weights = has_weights;
  return format;
}

#endif
