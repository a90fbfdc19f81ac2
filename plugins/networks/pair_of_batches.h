// pair_of_batches.h — the check before a network with 2×2 blocks touches a fine and a coarse batch.
#ifndef PLUGINS_NETWORKS_PAIR_OF_BATCHES_H
#define PLUGINS_NETWORKS_PAIR_OF_BATCHES_H

#include "finegrain/finegrain.h"

/// Whether the batches belong together, hold this element, and configurations 0 … end-1. FG_FAILED: reported. [any]
static inline fg_status pair_of_batches_check_element(const fg_host *host, fg_element element, const fg_batch *fine,
                                                      const fg_batch *coarse, uint32_t end) {
  const fg_lattice *f = &fine->lattice, *c = &coarse->lattice;
  if (fine->element != element || coarse->element != element || f->shape != FG_SQUARE || c->shape != FG_SQUARE ||
      f->extent[0] != 2 * c->extent[0] || f->extent[1] != 2 * c->extent[1])
    return host->fail(host, "the network needs %s on square lattices, the fine one twice as large as the coarse one",
                      element == FG_STATE8 ? "Potts states" : "spins");
  if (end > fine->count || end > coarse->count || fine->rows != f->extent[0] || coarse->rows != c->extent[0])
    return host->fail(host, "the network was given fewer configurations, or smaller parts of them, than it was asked "
                            "for");
  return FG_OK;
}

/// The same for spins.
static inline fg_status pair_of_batches_check(const fg_host *host, const fg_batch *fine, const fg_batch *coarse,
                                              uint32_t end) {
  return pair_of_batches_check_element(host, FG_SPIN1, fine, coarse, end);
}

#endif
