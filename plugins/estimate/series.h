// series.h — moments of configurations as they come, and averages of them with errors that cover. It knows Markov chains,
// bins and autocorrelation, not what the moments mean.
//
// A series keeps the sums of `width` consecutive configurations of a chain as one bin: every configuration while there
// are few; when there are too many bins, neighbours are merged and the width doubles, for all chains alike. A bin is always
// the sum over a balanced tree, whenever the merging happened: results depend on the order within chains, and of the chains'
// first configurations, not on how chains or batches alternate.
#ifndef PLUGINS_ESTIMATE_SERIES_H
#define PLUGINS_ESTIMATE_SERIES_H

#include <stdint.h>

#define SERIES_MOMENTS 6u
#define SERIES_MOST_BINS 32768u
#define SERIES_MOST_PARTS 2u

typedef struct series series;

/// NULL: out of memory. Not thread-safe.
series *series_new(void);
void series_free(series *s);

/// Most bytes of a series of `chains` chains, and of what series_estimate needs while it works.
uint64_t series_bytes(uint64_t chains);
uint64_t series_estimate_bytes(void);

/// Index of chain `id`, which is added when new; -1: out of memory.
int64_t series_chain(series *s, uint32_t id);
uint32_t series_chains(const series *s);

/// The moments of the next configuration of a chain (an index from series_chain). 0, or -1: out of memory.
int series_add(series *s, int64_t chain, const double x[SERIES_MOMENTS]);

uint64_t series_count(const series *s); ///< configurations so far

/// Whether two series have the same chains, in the same order, with equally many configurations.
int series_aligned(const series *a, const series *b);

/// A function of the means of all moments (those of part 0, then of part 1); gradient[] takes its derivatives.
typedef double series_function(const void *arg, const double *mean, double *gradient);

typedef struct series_result {
  double value;   ///< of the function at the means over all configurations
  double error;   ///< one standard deviation; NaN for fewer than two configurations
  double tau_int; ///< in configurations; NaN where it does not exist (no fluctuations) or is not resolved
} series_result;

/// Estimates a function of the means of one series, or of two aligned ones jointly.
/// tau_int: Γ-method (U. Wolff, Comput. Phys. Commun. 156, 143, 2004) on the linearised function, all chains together, with
/// deviations from the common mean. With bins wider than a configuration the variance of single configurations comes from
/// sums of products kept beside the bins; those between two series are not kept, so a joint tau_int is then unknown.
/// error: jackknife, leaving out bins of 2τ (n/2τ)^⅓ configurations of one chain: at that length what correlations between
/// bins hide and what the number of bins leaves uncertain are balanced. What is hidden is put back as if correlations
/// decayed exponentially: without it errors of runs of 200 τ are 5% too small.
/// 0, or -1: out of memory.
int series_estimate(const series *const *parts, uint32_t part_count, series_function *function, const void *arg,
                    series_result *result);

#endif
