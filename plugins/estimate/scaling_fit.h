// scaling_fit.h — generalised least squares of a function linear in its parameters, through GSL. It knows numbers and their
// covariance, not what they are.
#ifndef PLUGINS_ESTIMATE_SCALING_FIT_H
#define PLUGINS_ESTIMATE_SCALING_FIT_H

#include <stddef.h>

#define FIT_MOST_PARAMETERS 2u

typedef enum fit_outcome {
  FIT_DONE,
  FIT_INDEFINITE, ///< the covariance is not positive definite, or cannot be told from one that is not
  FIT_NO_MEMORY,
} fit_outcome;

/// y[i] = Σ_k design[i·parameters + k] p_k within covariance[i·points + j].
typedef struct fit_problem {
  size_t points, parameters; ///< points ≥ parameters ≤ FIT_MOST_PARAMETERS
  const double *design, *y, *covariance;
  size_t samples; ///< the covariance was estimated from as many independent samples; 0: it counts as known
} fit_problem;

typedef struct fit_result {
  double value[FIT_MOST_PARAMETERS], error[FIT_MOST_PARAMETERS];
  double chi2;
  size_t dof;
  double p_value; ///< probability of a larger chi2; NaN without degrees of freedom
} fit_result;

/// Minimises (y - Xp)ᵀ C⁻¹ (y - Xp). An estimated covariance makes chi2 a Hotelling's T², which p_value takes into account,
/// and the usual errors too small: they are enlarged by the factors of C. R. Rao, Biometrika 46, 49 (1959), which are exact
/// for normal samples. GSL's error handler must be off. Thread-safe.
fit_outcome fit_linear(const fit_problem *problem, fit_result *result);

#endif
