// importance.c — see importance.h.
#include "importance.h"

#include "bins.h"

#include <math.h>
#include <stdlib.h>

enum { W, W_E, W_EE, W_M2, W_M4, WEIGHTED, W_SQUARED = WEIGHTED, LOG, POSITIVE, SUMS }; // LOG: less that of the first

struct importance {
  bins *sums;     ///< the weighted ones in units of the largest weight, W_SQUARED of its square
  double largest; ///< its logarithm; -infinity until there is one
  double first;   ///< logarithm of the first positive weight
};

importance *importance_new(void) {
  importance *i = calloc(1, sizeof *i);
  if (!i) return NULL;
  i->largest = -INFINITY;
  i->sums = bins_new(SUMS);
  if (i->sums) return i;
  free(i);
  return NULL;
}

void importance_free(importance *i) {
  if (!i) return;
  bins_free(i->sums);
  free(i);
}

uint64_t importance_bytes(void) { return sizeof(importance) + bins_bytes(SUMS); }

/// Makes a larger weight the unit.
static void raise_unit(importance *i, double log_weight) {
  const double factor = exp(i->largest - log_weight);
  if (isinf(i->largest)) i->first = log_weight;
  bins_scale(i->sums, W, WEIGHTED, factor);
  bins_scale(i->sums, W_SQUARED, W_SQUARED + 1, factor * factor);
  i->largest = log_weight;
}

void importance_add(importance *i, const importance_draw *draw) {
  if (draw->log_weight > i->largest) raise_unit(i, draw->log_weight);
  double *sums = bins_next(i->sums, 1);
  if (isinf(draw->log_weight)) return;
  const double w = exp(draw->log_weight - i->largest);
  sums[W] += w;
  sums[W_E] += w * draw->e;
  sums[W_EE] += w * draw->e * draw->e;
  sums[W_M2] += w * draw->m2;
  sums[W_M4] += w * draw->m2 * draw->m2;
  sums[W_SQUARED] += w * w;
  sums[LOG] += draw->log_weight - i->first;
  sums[POSITIVE]++;
}

static double quantity(const importance *i, importance_quantity q, const double mean[SUMS]) {
  const double e = mean[W_E] / mean[W], m2 = mean[W_M2] / mean[W];
  switch (q) {
  case IMPORTANCE_LOG_MEAN: return i->largest + log(mean[W]);
  case IMPORTANCE_MEAN_LOG: return i->first + mean[LOG] / mean[POSITIVE];
  case IMPORTANCE_EFFECTIVE: return mean[W] > 0 ? mean[W] * mean[W] / mean[W_SQUARED] : 0;
  case IMPORTANCE_E: return e;
  case IMPORTANCE_E_VARIANCE: return mean[W_EE] / mean[W] - e * e;
  case IMPORTANCE_M2: return m2;
  default: return mean[W_M4] / mean[W] / (m2 * m2);
  }
}

void importance_estimates(const importance *i, importance_result *result) {
  const uint32_t number = bins_number(i->sums);
  double mean[SUMS], left_out[IMPORTANCE_QUANTITIES][BINS_MOST];
  for (uint32_t bin = 0; bin < number; bin++) {
    bins_mean(i->sums, bin, mean);
    for (int q = 0; q < IMPORTANCE_QUANTITIES; q++) left_out[q][bin] = quantity(i, (importance_quantity)q, mean);
  }
  bins_mean(i->sums, BINS_NONE, mean);
  result->count = bins_count(i->sums);
  result->zeros = result->count - (uint64_t)llround(mean[POSITIVE] * (double)result->count);
  result->largest = 1 / (mean[W] * (double)result->count);
  for (int q = 0; q < IMPORTANCE_QUANTITIES; q++) {
    importance_estimate *estimate = &result->of[q];
    estimate->value = quantity(i, (importance_quantity)q, mean);
    const double error = bins_error(i->sums, estimate->value, left_out[q]);
    estimate->error = isfinite(error) ? error : NAN;
  }
}
