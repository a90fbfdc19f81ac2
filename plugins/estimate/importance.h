// importance.h — weights W of independent draws, known by their logarithms, and what follows from them: ln⟨W⟩, ⟨ln W⟩, the
// effective sample size, and averages of the ensemble that the weights lead to. Logarithms may differ by any number:
// everything is kept relative to the largest weight. Errors: jackknife over bins (bins.h).
#ifndef PLUGINS_ESTIMATE_IMPORTANCE_H
#define PLUGINS_ESTIMATE_IMPORTANCE_H

#include <stdint.h>

/// What a draw brings along. Of a weight 0 nothing else counts.
typedef struct importance_draw {
  double log_weight; ///< -infinity: the weight is 0
  double e, m2;      ///< energy per site, squared magnetisation per site
} importance_draw;

typedef struct importance importance;

importance *importance_new(void); ///< NULL: out of memory
void importance_free(importance *i);
uint64_t importance_bytes(void); ///< most bytes of one, estimates included

/// Takes the next draw; the result depends on the order only. Not thread-safe.
void importance_add(importance *i, const importance_draw *draw);

typedef enum importance_quantity {
  IMPORTANCE_LOG_MEAN, ///< ln⟨W⟩
  IMPORTANCE_MEAN_LOG, ///< ⟨ln W⟩ over the draws of W > 0
  IMPORTANCE_EFFECTIVE, ///< (ΣW)² / (n ΣW²): the share of the draws that independent ones of equal weight would be worth
  IMPORTANCE_E,         ///< ⟨W e⟩ / ⟨W⟩
  IMPORTANCE_E_VARIANCE,
  IMPORTANCE_M2,
  IMPORTANCE_U, ///< ⟨m⁴⟩ / ⟨m²⟩²
  IMPORTANCE_QUANTITIES,
} importance_quantity;

typedef struct importance_estimate {
  double value, error; ///< the error is NaN for fewer than two draws
} importance_estimate;

typedef struct importance_result {
  uint64_t count, zeros; ///< draws, and those of weight 0; when these are all, only ess is a number: 0
  double largest;        ///< share of the largest weight in the sum of all
  importance_estimate of[IMPORTANCE_QUANTITIES];
} importance_result;

void importance_estimates(const importance *i, importance_result *result);

#endif
