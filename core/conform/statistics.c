// statistics.c — see statistics.h.
#include "conform/statistics.h"

#include <math.h>

#define LEAST_EXPECTED 10
#define LEAST_LOG (-25) // of a probability that is still chance

uint32_t fg_statistics_cell(uint32_t index, uint32_t count, uint32_t way) {
  if (count <= FG_STATISTICS_CELLS) return index;
  if (way > 0) return index >> (5 * (way - 1)) & (FG_STATISTICS_CELLS - 1);
  return (uint32_t)((uint64_t)(index * UINT32_C(2654435761)) * FG_STATISTICS_CELLS >>
                    32); // Knuth's multiplicative hash
}

/// ln of the probability of as many rare events as were observed, about.
static double log_poisson(double observed, double expected) {
  return observed <= expected ? 0 : observed * log(expected) - expected - lgamma(observed + 1);
}

double fg_statistics_deviate(const double *observed, const double *expected, uint32_t cells) {
  double chi = 0, rare_observed = 0, rare_expected = 0;
  uint32_t used = 0, smallest = cells;
  for (uint32_t i = 0; i < cells; i++) {
    if (expected[i] >= LEAST_EXPECTED) {
      used++;
      if (smallest == cells || expected[i] < expected[smallest]) smallest = i;
    } else { // NaN, too
      rare_observed += observed[i];
      rare_expected += expected[i];
    }
  }
  if (!(log_poisson(rare_observed, rare_expected) > LEAST_LOG)) return INFINITY;
  for (uint32_t i = 0; i < cells; i++) {
    if (!(expected[i] >= LEAST_EXPECTED)) continue;
    double difference = observed[i] - expected[i], of = expected[i];
    if (i == smallest) {
      difference += rare_observed - rare_expected;
      of += rare_expected;
    }
    chi += difference * difference / of;
  }
  const double freedom = (double)used - 1;
  if (freedom < 1) return 0;
  return (cbrt(chi / freedom) - (1 - 2 / (9 * freedom))) / sqrt(2 / (9 * freedom));
}
