// likelihood_pairs.h — the part of estimate.likelihood that scores pairs of a coarse and a fine lattice, under one model
// or beside a second one.
#ifndef PLUGINS_ESTIMATE_LIKELIHOOD_PAIRS_H
#define PLUGINS_ESTIMATE_LIKELIHOOD_PAIRS_H

#include "plugins/train/inputs.h"

#define LIKELIHOOD_MODELS 2u ///< the model, the baseline

typedef struct likelihood_pairs likelihood_pairs;

/// models[count], count ≤ LIKELIHOOD_MODELS, stay the caller's. NULL: reported. *memory: most bytes it will hold.
likelihood_pairs *likelihood_pairs_new(const fg_host *host, const inputs_model *const *models, uint32_t count,
                                       const fg_format *fine, const fg_format *coarse, uint64_t *memory);
void likelihood_pairs_free(likelihood_pairs *pairs); ///< NULL is allowed

fg_status likelihood_pairs_take(likelihood_pairs *pairs, const fg_batch *fine, const fg_batch *coarse);

/// Adds the rows of all pairs that came.
fg_status likelihood_pairs_finish(const likelihood_pairs *pairs, fg_table *table);

#endif
