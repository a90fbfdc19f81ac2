// regression.c — see regression.h.
#include "regression.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>

#define LARGEST_LOGIT 25.0   // beyond it the likelihood is still climbing towards infinity: σ(-25) = 1.4e-11
#define SMALLEST_RCOND 1e-12 // below it the Hessian counts as singular
#define MOST_HALVINGS 60

void regression_clear(regression *r) {
  free(r->features);
  free(r->ones);
  free(r->zeros);
  gsl_vector *vectors[] = {r->weights, r->trial, r->gradient, r->step, r->work};
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
    if (vectors[i]) gsl_vector_free(vectors[i]);
  if (r->hessian) gsl_matrix_free(r->hessian);
}

int regression_init(regression *r, size_t parameters, size_t classes) {
  *r = (regression){.parameters = parameters, .classes = classes};
  r->features = calloc(classes * parameters, sizeof(double));
  r->ones = calloc(classes, sizeof(double));
  r->zeros = calloc(classes, sizeof(double));
  gsl_vector **vectors[] = {&r->weights, &r->trial, &r->gradient, &r->step, &r->work};
  int complete = r->features && r->ones && r->zeros;
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
    *vectors[i] = gsl_vector_calloc(i == 4 ? 3 * parameters : parameters);
    complete = complete && *vectors[i];
  }
  r->hessian = gsl_matrix_calloc(parameters, parameters);
  return complete && r->hessian;
}

/// ln σ(z) without overflow.
static double log_sigmoid(double z) { return z < 0 ? z - log1p(exp(z)) : -log1p(exp(-z)); }

static double logit(const regression *r, const gsl_vector *weights, size_t c) {
  double z = 0;
  for (size_t k = 0; k < r->parameters; k++) z += gsl_vector_get(weights, k) * r->features[c * r->parameters + k];
  return z;
}

static double log_likelihood(const regression *r, const gsl_vector *weights) {
  double sum = 0;
  for (size_t c = 0; c < r->classes; c++) {
    double z = logit(r, weights, c);
    sum += r->ones[c] * log_sigmoid(z) + r->zeros[c] * log_sigmoid(-z);
  }
  return sum;
}

/// What is climbed: ℓ - ½ precision |w|².
static double objective(const regression *r, const gsl_vector *weights) {
  double norm = gsl_blas_dnrm2(weights);
  return log_likelihood(r, weights) - 0.5 * r->precision * norm * norm;
}

/// Gradient of the objective, and minus its Hessian: Σ_c n_c σ(z)σ(-z) x x^T + precision.
static void differentiate(regression *r) {
  r->largest_logit = 0;
  gsl_vector_memcpy(r->gradient, r->weights);
  gsl_vector_scale(r->gradient, -r->precision);
  gsl_matrix_set_identity(r->hessian);
  gsl_matrix_scale(r->hessian, r->precision);
  for (size_t c = 0; c < r->classes; c++) {
    double z = logit(r, r->weights, c), p = 1 / (1 + exp(-z)), q = 1 / (1 + exp(z));
    gsl_vector_view x = gsl_vector_view_array(r->features + c * r->parameters, r->parameters);
    gsl_blas_daxpy(r->ones[c] * q - r->zeros[c] * p, &x.vector, r->gradient);
    gsl_blas_dsyr(CblasLower, (r->ones[c] + r->zeros[c]) * p * q, &x.vector, r->hessian);
    if (fabs(z) > r->largest_logit) r->largest_logit = fabs(z);
  }
}

/// Cholesky factor of the Hessian in its place; 0 when it is singular. With a prior it is not, however small the prior.
static int factorise(regression *r) {
  double rcond = 0;
  if (gsl_linalg_cholesky_decomp1(r->hessian) != GSL_SUCCESS) return 0;
  if (r->precision > 0) return 1;
  return gsl_linalg_cholesky_rcond(r->hessian, &rcond, r->work) == GSL_SUCCESS && rcond > SMALLEST_RCOND;
}

regression_outcome regression_climb(regression *r, double tolerance, int64_t iterations) {
  double value = objective(r, r->weights);
  for (r->iterations = 1; r->iterations <= iterations; r->iterations++) {
    differentiate(r);
    if (r->precision <= 0 && r->largest_logit > LARGEST_LOGIT) return REGRESSION_SEPARABLE;
    if (!factorise(r)) return r->precision > 0 ? REGRESSION_STUCK : REGRESSION_SEPARABLE;
    gsl_vector_memcpy(r->step, r->gradient);
    gsl_linalg_cholesky_svx(r->hessian, r->step);
    double decrement;
    gsl_blas_ddot(r->gradient, r->step, &decrement);
    int last = decrement / 2 <= tolerance;

    // Halve the step until it gains a share of what is expected; a last step is shorter than sums can tell.
    double rounding = 1e-13 * fabs(value), scale = 1, next = value;
    for (int halvings = 0; halvings < MOST_HALVINGS; halvings++, scale /= 2) {
      gsl_vector_memcpy(r->trial, r->weights);
      gsl_blas_daxpy(scale, r->step, r->trial);
      next = objective(r, r->trial);
      if (last || next >= value + 1e-4 * scale * decrement - rounding) break;
    }
    gsl_vector_memcpy(r->weights, r->trial);
    value = next;
    if (last) return REGRESSION_CONVERGED;
  }
  return REGRESSION_STUCK;
}

int regression_finish(regression *r) {
  differentiate(r);
  r->log_likelihood = log_likelihood(r, r->weights);
  return factorise(r) && gsl_linalg_cholesky_invert(r->hessian) == GSL_SUCCESS;
}

double regression_error(const regression *r, size_t k) { return sqrt(gsl_matrix_get(r->hessian, k, k)); }
