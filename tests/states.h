// states.h — batches of Potts states for tests: site by site, so that nothing is shared with the code that is judged.
#ifndef FG_TESTS_STATES_H
#define FG_TESTS_STATES_H

#include "finegrain/finegrain.h"

static inline uint8_t state_get(const fg_batch *batch, uint64_t c, uint64_t y, uint64_t x) {
  return ((const uint8_t *)batch->data)[(c * batch->rows + y) * batch->row_bytes + x];
}

static inline void state_set(fg_batch *batch, uint64_t c, uint64_t y, uint64_t x, uint8_t state) {
  ((uint8_t *)batch->data)[(c * batch->rows + y) * batch->row_bytes + x] = state;
}

/// `count` lattices of rows×width, all in state 0.
static inline fg_batch *states_new(const fg_host *host, uint64_t rows, uint64_t width, uint32_t count) {
  fg_lattice lattice = {FG_SQUARE, 2, {rows, width, 0, 0}};
  return host->batch_new(host, FG_STATE8, &lattice, count);
}

/// Independent states, uniform in 0 … states-1.
static inline fg_batch *states_random(const fg_host *host, uint64_t rows, uint64_t width, uint32_t count,
                                      unsigned states, uint64_t seed) {
  fg_batch *batch = states_new(host, rows, width, count);
  fg_rng rng = fg_rng_start(host->rng_fill, host->rng_key(host, "states of a test"), seed);
  for (uint32_t c = 0; c < count; c++)
    for (uint64_t y = 0; y < rows; y++)
      for (uint64_t x = 0; x < width; x++) state_set(batch, c, y, x, (uint8_t)fg_rng_below(&rng, states));
  return batch;
}

/// The format of batches of one lattice.
static inline fg_format format_of_states(uint64_t rows, uint64_t width) {
  fg_format format = {.size = sizeof(fg_format), .kind = FG_BATCH, .element = FG_STATE8, .shape_count = 1};
  format.shapes[0] = (fg_lattice){FG_SQUARE, 2, {rows, width, 0, 0}};
  return format;
}

/// Number of bonds between equal states, two bonds a site: -E of the Potts model.
static inline unsigned equal_bonds(const fg_batch *batch, uint64_t c) {
  uint64_t length = batch->lattice.extent[0];
  unsigned bonds = 0;
  for (uint64_t y = 0; y < length; y++) {
    for (uint64_t x = 0; x < length; x++) {
      uint8_t state = state_get(batch, c, y, x);
      bonds += state == state_get(batch, c, y, (x + 1) % length);
      bonds += state == state_get(batch, c, (y + 1) % length, x);
    }
  }
  return bonds;
}

#endif
