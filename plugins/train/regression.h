// regression.h — logistic regression on classes of observations with the same features, by Newton's method:
//     ℓ(w) = Σ_c [ones_c ln σ(z_c) + zeros_c ln σ(-z_c)],   z_c = Σ_k w_k x_ck,   σ(z) = 1/(1 + exp(-z)),
// less ½ precision |w|² where a Gaussian prior is asked for. Knows no lattices. GSL's error handler must be off.
#ifndef PLUGINS_TRAIN_REGRESSION_H
#define PLUGINS_TRAIN_REGRESSION_H

#include <gsl/gsl_matrix.h>
#include <gsl/gsl_vector.h>
#include <stdint.h>

/// The caller fills features, ones, zeros, precision and the weights to start from.
typedef struct regression {
  size_t parameters, classes;
  double *features; ///< x: classes × parameters
  double *ones, *zeros;
  double precision; ///< of the Gaussian prior on each weight, 1/variance; 0: none
  gsl_vector *weights;

  double log_likelihood; ///< ℓ, set by regression_finish
  int64_t iterations;    ///< steps taken
  double largest_logit;  ///< over the classes
  gsl_matrix *hessian;   ///< of what is minimised; its Cholesky factor, and in the end its inverse, take its place
  gsl_vector *trial, *gradient, *step, *work;
} regression;

typedef enum regression_outcome {
  REGRESSION_CONVERGED,
  REGRESSION_SEPARABLE, ///< the maximum lies at infinity or is not unique; only without a prior
  REGRESSION_STUCK,     ///< not there after all iterations
} regression_outcome;

/// Everything zero. False when memory is out; regression_clear in any case.
int regression_init(regression *r, size_t parameters, size_t classes);
void regression_clear(regression *r);

/// Climbs until a step promises to gain less than `tolerance`: the gain is half the Newton decrement gᵀH⁻¹g (Boyd &
/// Vandenberghe, Convex Optimization, 9.5).
regression_outcome regression_climb(regression *r, double tolerance, int64_t iterations);

/// At the maximum: log-likelihood and errors. False when the Hessian is singular.
int regression_finish(regression *r);

/// √ of the diagonal of the inverse Hessian, after regression_finish.
double regression_error(const regression *r, size_t k);

#endif
