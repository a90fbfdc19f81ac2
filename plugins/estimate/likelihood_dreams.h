// likelihood_dreams.h — the part of estimate.likelihood that certifies dreams. A dream goes up from one spin c0 through
// lattices c1 … cn. With the network's probabilities P(c_k+1 | c_k), p(c0) = ½, a kernel q(c_k | c_k+1) and the weight
// exp(-K E) of the Ising model
//     ln W = -K E(cn) + Σ ln q(c_k | c_k+1) - ln p(c0) - Σ ln P(c_k+1 | c_k)
// obeys ⟨W⟩ = Z, whatever the network, as long as it excludes nothing that q exp(-K E) does not; and ⟨ln W⟩ ≤ ln Z, by the
// relative entropy of the dream to the target.
#ifndef PLUGINS_ESTIMATE_LIKELIHOOD_DREAMS_H
#define PLUGINS_ESTIMATE_LIKELIHOOD_DREAMS_H

#include "block_kernel.h"
#include "plugins/train/inputs.h"

#define LIKELIHOOD_MOST_STEPS 31u

/// Which model makes which step, and what the weights lead to.
typedef struct likelihood_target {
  const inputs_model *model; ///< the list, of `models` (ladder.h)
  int64_t models;
  const inputs_model *first; ///< makes the first `first_steps` steps
  int64_t first_steps;
  block_kernel kernel;
  double coupling;
} likelihood_target;

typedef struct likelihood_dreams likelihood_dreams;

/// dream: all levels from one spin on. The models stay the caller's. NULL: reported. *memory: most bytes it will hold.
likelihood_dreams *likelihood_dreams_new(const fg_host *host, const likelihood_target *target, const fg_format *dream,
                                         uint64_t *memory);
void likelihood_dreams_free(likelihood_dreams *dreams); ///< NULL is allowed

/// The next level of a batch of dreams, or level 0 of others.
fg_status likelihood_dreams_take(likelihood_dreams *dreams, const fg_batch *batch);

/// Adds the rows of all levels, and warns of what they are not worth.
fg_status likelihood_dreams_finish(const likelihood_dreams *dreams, fg_table *table);

#endif
