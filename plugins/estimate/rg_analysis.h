// rg_analysis.h — what the moments of one pair of lattices say: eigenvalues of T with jackknife errors, and how the
// leading ones converge with the number of operators.
#ifndef PLUGINS_ESTIMATE_RG_ANALYSIS_H
#define PLUGINS_ESTIMATE_RG_ANALYSIS_H

#include "rg_moments.h"
#include "rg_spectrum.h"

#define RG_ANALYSIS_EIGENVALUES 16u // with errors, most

/// A number with its standard deviation; NaN = unknown.
typedef struct rg_measured {
  double value, error;
} rg_measured;

/// Of one parity.
typedef struct rg_result {
  uint32_t count; ///< operators
  uint32_t rank;
  double condition;
  rg_measured lambda[RG_ANALYSIS_EIGENVALUES]; ///< as rg_spectrum_size has them
  rg_measured y[RG_ANALYSIS_EIGENVALUES];      ///< ln λ / ln b; NaN for λ ≤ 0
  rg_eigenvalue *spectrum;                     ///< all `rank` eigenvalues
  rg_measured *leading;                        ///< leading[m-1]: λ of the first m operators
  double *matrix;                              ///< T, count × count
} rg_result;

typedef struct rg_analysis {
  rg_result parity[2];
} rg_analysis;

/// Analyses moments of count[0] even and count[1] odd operators, of lattices whose sizes differ by `factor` (b).
/// eigenvalues ≤ RG_ANALYSIS_EIGENVALUES is how many get errors: by first-order changes with each bin left out, or,
/// where these do not agree with the full ones, by finding them again with each bin left out. Errors of `leading` are
/// always the former.
fg_status rg_analyse(rg_analysis *a, const fg_host *host, const rg_moments *m, const uint32_t count[2], uint32_t factor,
                     uint32_t eigenvalues, double cutoff);
void rg_analysis_clear(rg_analysis *a); ///< also after a failure

/// Most bytes rg_analyse takes, and what it finds.
uint64_t rg_analysis_bytes(const uint32_t count[2]);

#endif
