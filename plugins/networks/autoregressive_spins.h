// autoregressive_spins.h — configurations on which steps work: a byte a spin, 0 or 1, seen through one of the eight
// symmetries of the square.
#ifndef PLUGINS_NETWORKS_AUTOREGRESSIVE_SPINS_H
#define PLUGINS_NETWORKS_AUTOREGRESSIVE_SPINS_H

#include "finegrain/finegrain.h"

#define AUTOREGRESSIVE_ORIENTATIONS 8u
#define AUTOREGRESSIVE_GRAIN 16u ///< bytes that rows are whole multiples of

/// A configuration and its parent, or what has been drawn of it so far. Rows are `stride` bytes apart.
typedef struct autoregressive_spins {
  uint64_t rows, width; ///< of the coarse lattice, as seen; the fine one has twice as many
  uint64_t coarse_stride, fine_stride;
  uint8_t *coarse, *fine;
} autoregressive_spins;

/// Sizes as seen through orientation g (bit 0 mirrors y, bit 1 mirrors x, bit 2 transposes).
autoregressive_spins autoregressive_spins_sizes(const fg_lattice *coarse, unsigned g);

/// Bytes of both lattices, whatever the orientation.
uint64_t autoregressive_spins_bytes(const fg_lattice *coarse);

/// Lays them out in that many bytes, aligned to the grain.
void autoregressive_spins_place(autoregressive_spins *spins, uint8_t *bytes);

void autoregressive_spins_load_coarse(const autoregressive_spins *spins, const fg_batch *coarse, uint32_t c,
                                      unsigned g);
void autoregressive_spins_load_fine(const autoregressive_spins *spins, const fg_batch *fine, uint32_t c, unsigned g);
void autoregressive_spins_store(const autoregressive_spins *spins, fg_batch *fine, uint32_t c, unsigned g);

#endif
