// pairs.h — pairs of a coarse and a fine lattice of the same configurations, for stages that compare the two: as two
// inputs bring them, as successive levels of a dream, or a lattice and its block spins, several steps down. What is
// done with a pair is the stage's own.
#ifndef PLUGINS_ESTIMATE_PAIRS_H
#define PLUGINS_ESTIMATE_PAIRS_H

#include "finegrain/finegrain.h"

typedef enum pairs_route { PAIRS_AUTO, PAIRS_INPUT, PAIRS_BLOCK, PAIRS_GIVEN } pairs_route;

/// A stage's config struct begins with it.
typedef struct pairs_config {
  int64_t steps; ///< 0: auto
  int32_t route; ///< a pairs_route
  int32_t reserved;
} pairs_config;

extern const fg_param pairs_param_route, pairs_param_steps;
extern const fg_port pairs_port_fine, pairs_port_coarse; ///< the stage's inputs, in this order

/// What the documentation of a stage says about where its pairs come from.
#define PAIRS_DOC                                                                                                        \
  "**Pairs of lattices.** With both inputs connected each configuration of `coarse` belongs to that of `fine`, however " \
  "it was made. With `fine` alone they follow `route`: `input` pairs the successive levels of a dream, so that the "     \
  "coarse lattice is what the network was given; `block` makes the coarse lattice, by a majority of 2×2 spins with a "  \
  "random sign for each tie, and again from that, `steps` times. Rows carry the size and level of the fine lattice of "  \
  "the pair.\n\n"

/// Takes `count` configurations of a pair; valid during the call. coupling: of the configurations, NaN when unknown.
typedef fg_status pairs_taker(void *arg, const fg_batch *coarse, const fg_batch *fine, double coupling);

typedef struct pairs {
  const fg_host *host;
  const pairs_config *config;
  const char *kind; ///< of the stage
  pairs_taker *take;
  void *arg;
  uint64_t smallest;      ///< size below which block spins are not worth while
  uint32_t factor;        ///< the fine extent over the coarse one must be this; 0: any
  pairs_route route;      ///< as settled by pairs_negotiate
  uint32_t steps;         ///< of route block
  uint32_t expected;      ///< pairs of lattices that will come
  const fg_batch *before; ///< route input: the batch that came last
  int came, seen;         ///< any configurations, any pairs
  int again;              ///< route input: the coarse batch given to `take` was the fine one of its last call
} pairs;

/// coarse NULL: not connected. The members up to `factor` must have been set. *memory: most bytes the pairs hold.
fg_status pairs_negotiate(pairs *p, const fg_format *fine, const fg_format *coarse, uint64_t *memory);

/// Both inputs' messages, or that of `fine`.
fg_status pairs_process(pairs *p, const fg_message *const *messages, uint32_t count);

/// At the end: fails when configurations came, but no pairs.
fg_status pairs_finish(const pairs *p);

void pairs_clear(pairs *p);

/// Fine extent over coarse extent, the same along both axes and at least 2; 0: there is no such number.
uint32_t pairs_factor(const fg_lattice *coarse, const fg_lattice *fine);

#endif
