// series.h — a time series of configurations' moments in bounded memory, and what follows from it: means, errors and
// integrated autocorrelation times by the Γ-method (U. Wolff, Comput. Phys. Commun. 156, 143 (2004)).
#ifndef PLUGINS_ESTIMATE_SERIES_H
#define PLUGINS_ESTIMATE_SERIES_H

#include <stdint.h>

/// Moments of one configuration, per site: e and m of the conventions.
enum { MOMENT_E, MOMENT_E2, MOMENT_ABS_M, MOMENT_M, MOMENT_M2, MOMENT_M4, MOMENTS };

/// Bins of one series at most; when they are full neighbours are merged and bins hold twice as many configurations.
#define MOST_BINS 16384u

/// Sums over the configurations of a bin.
typedef struct bin {
  double sum[MOMENTS];
  uint64_t count;
} bin;

/// The configurations of one Markov chain, in order.
typedef struct chain_bins {
  uint32_t chain;
  uint64_t bin_count, capacity;
  bin *bins; ///< all hold `per` configurations but the last
} chain_bins;

typedef struct series {
  uint64_t per; ///< configurations a bin
  uint64_t total_bins, count;
  chain_bins *chains; ///< in order of first appearance
  uint32_t chain_count;
  double products[MOMENTS][MOMENTS]; ///< Σ x_a x_b over single configurations
} series;

void series_free(series *s);
/// Appends a configuration of a chain. 0 when memory is out.
int series_add(series *s, uint32_t chain, const double moments[MOMENTS]);
void series_means(const series *s, double mean[MOMENTS]);

/// An estimate f(means): its value is the caller's; here error and autocorrelation of its linear part Σ_a g_a x_a,
/// g = ∂f/∂x at the means. Optionally jointly with a second series of the same bins (other lattice, same configurations).
typedef struct uncertainty {
  double error; ///< one standard deviation; NaN with fewer than two configurations
  double tau;   ///< integrated autocorrelation time in configurations, 0.5 when they are independent
} uncertainty;

uncertainty series_uncertainty(const series *s, const double gradient[MOMENTS]);
/// Of Σ_a g_a x_a + Σ_a h_a y_a, y of the series t. Both must have the same chains, bins and counts.
uncertainty series_joint_uncertainty(const series *s, const double g[MOMENTS], const series *t, const double h[MOMENTS]);
int series_aligned(const series *s, const series *t);

#endif
