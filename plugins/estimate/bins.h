// bins.h — sums of a vector of moments over consecutive configurations, for jackknife errors of anything made of their
// means. Configurations are taken in the order they come; there are never more than BINS_MOST bins: when all are full,
// neighbours are merged and the width doubles, so a long run has bins of n/256 … n/128 configurations, far longer than
// what correlates them. Two sets of bins that took equally many configurations have the same bins.
#ifndef PLUGINS_ESTIMATE_BINS_H
#define PLUGINS_ESTIMATE_BINS_H

#include <stdint.h>

#define BINS_MOST 256u

typedef struct bins bins;

/// Bins of vectors of `length` numbers. NULL: out of memory. Not thread-safe.
bins *bins_new(uint32_t length);
void bins_free(bins *b); ///< NULL is allowed

/// Most bytes of bins of vectors of this length.
uint64_t bins_bytes(uint32_t length);

/// How many configurations the open bin still takes, at least 1.
uint64_t bins_room(bins *b);

/// The open bin's sums, to which the caller adds those of the next `count` configurations, count ≤ bins_room.
double *bins_next(bins *b, uint64_t count);

/// Multiplies sums begin … end-1 of every bin, when what they are measured in changes.
void bins_scale(bins *b, uint32_t begin, uint32_t end, double factor);

uint64_t bins_count(const bins *b);  ///< configurations so far
uint32_t bins_number(const bins *b); ///< bins, the last one perhaps shorter than the others

/// Sums over the configurations of a bin, and how many these are.
const double *bins_sums(const bins *b, uint32_t bin);
uint64_t bins_size(const bins *b, uint32_t bin);

#define BINS_NONE UINT32_MAX

/// Means over all configurations but those of bin `without` (BINS_NONE: over all), into mean[length]; NaN when none are
/// left.
void bins_mean(const bins *b, uint32_t without, double *mean);

/// Sums over all configurations, and from them what bins_mean gives for each bin, without adding up all others again: to
/// the last bit for whole numbers below 2^53, to rounding of the total otherwise.
void bins_total(const bins *b, double *total);
void bins_mean_from(const bins *b, const double *total, uint32_t without, double *mean);

/// Jackknife covariance of two functions of the means: their values over all configurations, and their values with bin
/// j left out, j = 0 … bins_number-1. Bins of unequal size are weighted as F. M. T. A. Busing, E. Meijer and R. van der
/// Leeden, Statistics and Computing 9, 3 (1999), do; for equal ones this is the usual (g-1)/g Σ (θ_j - θ̄)(φ_j - φ̄).
/// NaN for fewer than two bins.
double bins_covariance(const bins *b, double value, const double *left_out, double value2, const double *left_out2);

/// √ of the covariance with itself: one standard deviation.
double bins_error(const bins *b, double value, const double *left_out);

#endif
