// rg_moments.h — means and products of the operators of coarse and fine lattices, configuration by configuration,
// kept in bins (bins.h), and the covariances made of them. It knows no lattice: only numbers of even and of odd
// operators, between which there are no covariances.
#ifndef PLUGINS_ESTIMATE_RG_MOMENTS_H
#define PLUGINS_ESTIMATE_RG_MOMENTS_H

#include "finegrain/host.h"

#include "bins.h"

#define RG_MOMENTS_TOGETHER 128u // configurations whose products are summed at once

typedef struct rg_moments rg_moments;

/// Moments of count[0] even and count[1] odd operators. NULL: out of memory. Not thread-safe.
rg_moments *rg_moments_new(const uint32_t count[2]);
void rg_moments_free(rg_moments *m); ///< NULL is allowed
uint64_t rg_moments_bytes(const uint32_t count[2]);

/// How many configurations are taken before rg_moments_add must be called, at least 1.
uint32_t rg_moments_room(const rg_moments *m);

/// Where the values of the operators of the k-th of them go, k < rg_moments_room: even ones, then odd ones, whole
/// numbers.
double *rg_moments_coarse(rg_moments *m, uint32_t k);
double *rg_moments_fine(rg_moments *m, uint32_t k);

/// Takes `count` configurations that have been filled in, count ≤ rg_moments_room. How they are cut leaves no trace.
fg_status rg_moments_add(rg_moments *m, const fg_host *host, uint32_t count);

/// Takes what is still waiting. After this nothing may be added.
fg_status rg_moments_finish(rg_moments *m, const fg_host *host);

const bins *rg_moments_bins(const rg_moments *m);
uint32_t rg_moments_length(const uint32_t count[2]); ///< of the vector of means

/// Covariances of the operators of one parity, n = count[parity]: coarse with coarse, and coarse (row) with fine
/// (column), n×n each, from means over all configurations but those of a bin (bins_mean).
void rg_moments_covariance(const uint32_t count[2], int parity, const double *mean, double *coarse, double *mixed);

/// Derivatives by the moments, of a function of the covariances of the first m operators of a parity, from its
/// derivatives by those: m×m each, by the coarse ones as if they were not symmetric. gradient has room for
/// rg_moments_length.
void rg_moments_gradient(const uint32_t count[2], int parity, uint32_t m, const double *mean, const double *by_coarse,
                         const double *by_mixed, double *gradient);

/// Such a gradient times a vector of moments.
double rg_moments_times(const uint32_t count[2], int parity, uint32_t m, const double *gradient, const double *moments);

#endif
