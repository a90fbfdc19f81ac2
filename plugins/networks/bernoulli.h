// bernoulli.h — fine spins that are independent given their logits: P(fine up) = σ(logit), σ(z) = 1/(1 + exp(-z)).
// Scoring and drawing them is the same wherever the logits come from.
#ifndef PLUGINS_NETWORKS_BERNOULLI_H
#define PLUGINS_NETWORKS_BERNOULLI_H

#include "bitplanes.h"

/// ln σ(z) without overflow.
double bernoulli_log_sigmoid(double z);

/// ln P of the spins at columns first … first+count-1 of a packed row.
double bernoulli_log_prob(const uint64_t *row, uint64_t first, uint64_t count, const double *logits);

/// The same times -weight; slopes[] are its derivatives by the logits, weight·(σ(logit) - spin), spin = 0, 1.
double bernoulli_slopes(const uint64_t *row, uint64_t first, uint64_t count, const double *logits, double weight,
                        double *slopes);

/// Draws with the random numbers of network.h. Belongs to one thread.
typedef struct bernoulli {
  bitplanes planes;
  double bounds[257]; ///< logits · parent between which the high byte of u decides
} bernoulli;

void bernoulli_start(bernoulli *draws, fg_rng_fill_fn fill, fg_rng_key key, int32_t level);

/// Draws the two rows of fine spins below coarse row y of configuration c; logits[dy] are those of row 2y+dy.
void bernoulli_draw(bernoulli *draws, const fg_batch *coarse, fg_batch *fine, uint32_t c, uint64_t y,
                    const double *const logits[2]);

#endif
