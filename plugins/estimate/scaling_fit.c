// scaling_fit.c — see scaling_fit.h.
#include "scaling_fit.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_multifit.h>
#include <math.h>

#define SMALLEST_RCOND 1e-11 // of the correlation matrix

typedef struct workspace {
  gsl_matrix *correlation; ///< its Cholesky factor, later
  gsl_matrix *design;      ///< whitened
  gsl_vector *y;           ///< whitened
  gsl_vector *weights;     ///< 1
  gsl_vector *work;
  gsl_vector *parameters;
  gsl_matrix *covariance;
  gsl_multifit_linear_workspace *fit;
} workspace;

static void clear(workspace *w) {
  gsl_matrix *matrices[] = {w->correlation, w->design, w->covariance};
  gsl_vector *vectors[] = {w->y, w->weights, w->work, w->parameters};
  for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
    if (matrices[i]) gsl_matrix_free(matrices[i]);
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
    if (vectors[i]) gsl_vector_free(vectors[i]);
  if (w->fit) gsl_multifit_linear_free(w->fit);
}

/// 0: out of memory.
static int allocate(workspace *w, size_t points, size_t parameters) {
  *w = (workspace){.correlation = gsl_matrix_alloc(points, points),
                   .design = gsl_matrix_alloc(points, parameters),
                   .y = gsl_vector_alloc(points),
                   .weights = gsl_vector_alloc(points),
                   .work = gsl_vector_alloc(3 * points),
                   .parameters = gsl_vector_alloc(parameters),
                   .covariance = gsl_matrix_alloc(parameters, parameters),
                   .fit = gsl_multifit_linear_alloc(points, parameters)};
  return w->correlation && w->design && w->y && w->weights && w->work && w->parameters && w->covariance && w->fit;
}

/// Makes all points independent and of variance 1: C = D R D with variances D² and R = LLᵀ; X and y become L⁻¹D⁻¹X and
/// L⁻¹D⁻¹y.
static fit_outcome whiten(const fit_problem *p, workspace *w) {
  double rcond = 0;
  for (size_t i = 0; i < p->points; i++) {
    double variance = p->covariance[i * p->points + i], deviation = sqrt(variance);
    if (!(variance > 0) || !isfinite(variance)) return FIT_INDEFINITE;
    gsl_vector_set(w->y, i, p->y[i] / deviation);
    for (size_t k = 0; k < p->parameters; k++)
      gsl_matrix_set(w->design, i, k, p->design[i * p->parameters + k] / deviation);
    for (size_t j = 0; j < p->points; j++)
      gsl_matrix_set(w->correlation, i, j,
                     p->covariance[i * p->points + j] / deviation / sqrt(p->covariance[j * p->points + j]));
  }
  if (gsl_linalg_cholesky_decomp1(w->correlation) != GSL_SUCCESS ||
      gsl_linalg_cholesky_rcond(w->correlation, &rcond, w->work) != GSL_SUCCESS || !(rcond > SMALLEST_RCOND))
    return FIT_INDEFINITE;
  gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, w->correlation, w->y);
  gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, 1, w->correlation, w->design);
  return FIT_DONE;
}

/// Probability of a larger chi2.
static double probability(double chi2, double dof, double samples) {
  if (!(dof > 0)) return NAN;
  if (!(samples > 0)) return gsl_cdf_chisq_Q(chi2, dof);
  double free_samples = samples - 1, second = free_samples - dof + 1;
  return second > 0 ? gsl_cdf_fdist_Q(chi2 * second / (free_samples * dof), dof, second) : NAN;
}

/// By how much the variance of a parameter exceeds (Xᵀ C⁻¹ X)⁻¹ when C was estimated: that is too small, and the weights of
/// the points are not the best.
static double enlargement(double dof, double samples) {
  if (!(samples > 0)) return 1;
  double free_samples = samples - 1;
  if (!(free_samples > dof + 1)) return NAN;
  return free_samples / (free_samples - dof) * (free_samples - 1) / (free_samples - dof - 1);
}

fit_outcome fit_linear(const fit_problem *p, fit_result *result) {
  workspace w;
  fit_outcome outcome = allocate(&w, p->points, p->parameters) ? whiten(p, &w) : FIT_NO_MEMORY;
  if (outcome == FIT_DONE) {
    result->dof = p->points - p->parameters;
    gsl_vector_set_all(w.weights, 1);
    gsl_multifit_wlinear(w.design, w.weights, w.y, w.parameters, w.covariance, &result->chi2, w.fit);
    double factor = enlargement((double)result->dof, (double)p->samples);
    for (size_t k = 0; k < p->parameters; k++) {
      result->value[k] = gsl_vector_get(w.parameters, k);
      result->error[k] = sqrt(gsl_matrix_get(w.covariance, k, k) * factor);
    }
    result->p_value = probability(result->chi2, (double)result->dof, (double)p->samples);
  }
  clear(&w);
  return outcome;
}
