// search.c — see search.h.
#include "search.h"

#include <gsl/gsl_linalg.h>
#include <inttypes.h>
#include <math.h>
#include <nlopt.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_DAMPING 1e-3
#define MOST_DAMPING 1e6
#define UNDEFINED_LOSS 1e10 // what methods without derivatives are told instead of infinity
#define BETA2 0.99          // AdamW's: the gradients are few and noisy
#define SINGULAR 1e-12      // of a pivot, relative to the largest: directions that no row determines

uint64_t search_bytes(const search_settings *settings, uint64_t most_parameters) {
  const uint64_t lines = settings->evaluations < SEARCH_MOST_LINES ? settings->evaluations : SEARCH_MOST_LINES;
  return sizeof(search) + (lines + 1) * (sizeof(search_line) + most_parameters * sizeof(double)) +
         (6 + most_parameters) * most_parameters * sizeof(double);
}

fg_status search_open(search *s, matching *m, const search_settings *settings, const double *start) {
  const fg_host *host = m->host;
  const uint64_t lines = settings->evaluations < SEARCH_MOST_LINES ? settings->evaluations : SEARCH_MOST_LINES;
  *s = (search){.m = m, .settings = *settings, .loss = INFINITY};
  s->weights = calloc(m->parameters, sizeof *s->weights);
  s->line = calloc(lines + 1, sizeof *s->line);
  s->line_weights = calloc((lines + 1) * m->parameters, sizeof *s->line_weights);
  if (!s->weights || !s->line || !s->line_weights)
    return host->fail(host, "out of memory for a search among %zu weights", m->parameters);
  memcpy(s->weights, start, m->parameters * sizeof *start);
  return FG_OK;
}

void search_close(search *s) {
  free(s->weights);
  free(s->line);
  free(s->line_weights);
  *s = (search){0};
}

static void note(search *s, const double *weights, double loss) {
  if (s->lines > SEARCH_MOST_LINES || s->lines > s->settings.evaluations) return;
  s->line[s->lines] = (search_line){s->m->evaluations, loss};
  memcpy(s->line_weights + s->lines * s->m->parameters, weights, s->m->parameters * sizeof *weights);
  s->lines++;
}

/// Evaluates with the common random numbers, and keeps what is better than all before.
static fg_status evaluate(search *s, const double *weights) {
  matching *m = s->m;
  fg_status status = matching_evaluate(m, 0, weights);
  m->host->progress(m->host, m->evaluations, s->settings.evaluations);
  if (status != FG_OK || !(m->loss < s->loss)) return status;
  s->loss = m->loss;
  memcpy(s->weights, weights, m->parameters * sizeof *weights);
  note(s, weights, m->loss);
  return FG_OK;
}

static int may_evaluate(const search *s) { return s->m->evaluations < s->settings.evaluations; }

// ---- Gauss-Newton

/// Jᵀ W² J and, when `right` is given, -Jᵀ W² (O - target).
static void normal_equations(const matching *m, const double *jacobian, gsl_matrix *normal, gsl_vector *right) {
  const size_t p = m->parameters;
  gsl_matrix_set_zero(normal);
  if (right) gsl_vector_set_zero(right);
  for (uint32_t r = 0; r < matching_rows(m->task); r++) {
    const double *row = jacobian + r * p, scale = m->task->scale[r];
    const double pull = scale * matching_deviation(m->task, r, m->value[r]);
    for (size_t k = 0; k < p; k++) {
      if (right) *gsl_vector_ptr(right, k) -= row[k] * pull;
      for (size_t l = 0; l < p; l++) *gsl_matrix_ptr(normal, k, l) += scale * scale * row[k] * row[l];
    }
  }
}

/// The step that (normal + damping·diagonal) makes of `right`; 0 when there is none.
static int damped_step(const gsl_matrix *normal, const gsl_vector *right, double damping, gsl_matrix *scratch,
                       gsl_vector *step) {
  double trace = 0;
  gsl_matrix_memcpy(scratch, normal);
  for (size_t k = 0; k < right->size; k++) trace += gsl_matrix_get(normal, k, k);
  for (size_t k = 0; k < right->size; k++)
    *gsl_matrix_ptr(scratch, k, k) += damping * (gsl_matrix_get(normal, k, k) + 1e-6 * trace / (double)right->size);
  return gsl_linalg_cholesky_decomp1(scratch) == GSL_SUCCESS &&
         gsl_linalg_cholesky_solve(scratch, right, step) == GSL_SUCCESS;
}

typedef struct newton_work {
  double *jacobian, *trial;
  gsl_matrix *normal, *scratch;
  gsl_vector *right, *step;
} newton_work;

/// From the best weights, whose Jacobian this is; *improved: how much of the loss a step took away, 0 for none.
static fg_status try_steps(search *s, newton_work *work, double *damping, double *improved) {
  const double before = s->loss;
  *improved = 0;
  for (; *damping <= MOST_DAMPING && may_evaluate(s); *damping *= 10) {
    if (!damped_step(work->normal, work->right, *damping, work->scratch, work->step)) continue;
    const double longest = fmax(gsl_vector_max(work->step), -gsl_vector_min(work->step));
    const double share = longest > s->settings.step ? s->settings.step / longest : 1;
    for (size_t k = 0; k < s->m->parameters; k++)
      work->trial[k] = s->weights[k] + share * gsl_vector_get(work->step, k);
    fg_status status = evaluate(s, work->trial);
    if (status != FG_OK) return status;
    if (s->loss < before) {
      *improved = (before - s->loss) / before;
      *damping = fmax(*damping / 10, 1e-9);
      return FG_OK;
    }
  }
  return FG_OK;
}

static fg_status descend_newton(search *s, newton_work *work) {
  double damping = FIRST_DAMPING, improved = 1;
  fg_status status = FG_OK;
  while (status == FG_OK && improved > s->settings.tolerance && s->loss > 0 && may_evaluate(s)) {
    if (memcmp(s->m->weights, s->weights, s->m->parameters * sizeof *s->weights) != 0)
      status = matching_evaluate(s->m, 0, s->weights);
    if (status == FG_OK) status = matching_jacobian(s->m, work->jacobian);
    if (status != FG_OK) break;
    normal_equations(s->m, work->jacobian, work->normal, work->right);
    status = try_steps(s, work, &damping, &improved);
  }
  return status;
}

static fg_status run_newton(search *s) {
  const size_t p = s->m->parameters;
  newton_work work = {.jacobian = calloc(matching_rows(s->m->task) * p, sizeof(double)),
                      .trial = calloc(p, sizeof(double)),
                      .normal = gsl_matrix_alloc(p, p),
                      .scratch = gsl_matrix_alloc(p, p),
                      .right = gsl_vector_alloc(p),
                      .step = gsl_vector_alloc(p)};
  int complete = work.jacobian && work.trial && work.normal && work.scratch && work.right && work.step;
  fg_status status =
      complete ? descend_newton(s, &work) : s->m->host->fail(s->m->host, "out of memory for %zu weights", p);
  free(work.jacobian);
  free(work.trial);
  gsl_matrix_free(work.normal);
  gsl_matrix_free(work.scratch);
  gsl_vector_free(work.right);
  gsl_vector_free(work.step);
  return status;
}

// ---- without derivatives

/// A method at work. NLopt keeps no state of its own beyond it.
typedef struct nlopt_work {
  search *s;
  nlopt_opt method;
} nlopt_work;

static double loss_of(unsigned parameters, const double *weights, double *gradient, void *arg) {
  (void)parameters;
  (void)gradient;
  const nlopt_work *work = arg;
  search *s = work->s;
  if (s->status == FG_OK) s->status = evaluate(s, weights);
  if (s->status != FG_OK) nlopt_force_stop(work->method);
  return s->status == FG_OK && isfinite(s->m->loss) ? s->m->loss : UNDEFINED_LOSS;
}

static fg_status run_nlopt(search *s) {
  static const nlopt_algorithm methods[] = {[SEARCH_BOBYQA] = NLOPT_LN_BOBYQA,
                                            [SEARCH_COBYLA] = NLOPT_LN_COBYLA,
                                            [SEARCH_NELDER_MEAD] = NLOPT_LN_NELDERMEAD,
                                            [SEARCH_SUBPLEX] = NLOPT_LN_SBPLX};
  const size_t p = s->m->parameters;
  const nlopt_work work = {s, nlopt_create(methods[s->settings.method], (unsigned)p)};
  nlopt_opt method = work.method;
  double *weights = calloc(p, sizeof *weights);
  fg_status status = method && weights ? FG_OK : s->m->host->fail(s->m->host, "out of memory for %zu weights", p);
  if (status == FG_OK) {
    double loss;
    memcpy(weights, s->weights, p * sizeof *weights);
    nlopt_set_min_objective(method, loss_of, (void *)(uintptr_t)&work);
    nlopt_set_initial_step1(method, s->settings.step);
    nlopt_set_ftol_rel(method, s->settings.tolerance);
    nlopt_set_xtol_abs1(method, s->settings.step * s->settings.tolerance);
    nlopt_set_maxeval(method, (int)(s->settings.evaluations - s->m->evaluations));
    nlopt_result result = may_evaluate(s) ? nlopt_optimize(method, weights, &loss) : NLOPT_SUCCESS;
    status = s->status;
    if (status == FG_OK && result < 0 && result != NLOPT_ROUNDOFF_LIMITED)
      status = s->m->host->fail_param(s->m->host, "optimiser",
                                      "NLopt cannot search among %zu weights this way (%s); "
                                      "use another optimiser",
                                      p, nlopt_result_to_string(result));
  }
  nlopt_destroy(method);
  free(weights);
  return status;
}

// ---- AdamW: fresh dreams at every step

static fg_status run_adam(search *s) {
  matching *m = s->m;
  const adamw_settings settings = {.schedule = ADAMW_COSINE,
                                   .rate = s->settings.step,
                                   .beta1 = 0.9,
                                   .beta2 = BETA2,
                                   .epsilon = 1e-12,
                                   .steps = s->settings.evaluations};
  adamw optimiser;
  double *gradient = calloc(m->parameters, sizeof *gradient);
  fg_status status = adamw_init(&optimiser, &settings, m->parameters) && gradient
                         ? FG_OK
                         : m->host->fail(m->host, "out of memory for %zu weights", m->parameters);
  s->lines = 0;
  for (uint64_t step = 0; status == FG_OK && step < settings.steps; step++) {
    if (step) status = matching_evaluate(m, step * m->task->dreams, s->weights);
    m->host->progress(m->host, step, settings.steps);
    if (status == FG_OK && !isfinite(m->loss))
      status = m->host->fail_param(m->host, "step", "diverged in step %" PRIu64 "; use a smaller step", step + 1);
    if (status == FG_OK) status = matching_gradient(m, gradient);
    if (status != FG_OK) break;
    note(s, s->weights, m->loss);
    adamw_step(&optimiser, gradient, s->weights);
  }
  adamw_clear(&optimiser);
  free(gradient);
  return status;
}

fg_status search_run(search *s) {
  matching *m = s->m;
  fg_status status = evaluate(s, s->weights);
  if (status != FG_OK) return status;
  if (!isfinite(s->loss))
    return m->host->fail(m->host,
                         "an observable of what the start weights dream is not defined (all lattices uniform, or "
                         "without order); start from others, such as trained ones");
  if (s->settings.method == SEARCH_GAUSS_NEWTON)
    status = run_newton(s);
  else
    status = s->settings.method == SEARCH_ADAM ? run_adam(s) : run_nlopt(s);
  if (status != FG_OK) return status;
  s->evaluations = m->evaluations;
  status = matching_evaluate(m, 0, s->weights);
  s->loss = m->loss;
  return status;
}

// ---- errors

/// The inverse of `normal`; 0 when it is singular to rounding.
static int invert(gsl_matrix *normal) {
  double largest = 0, smallest = INFINITY;
  const size_t p = normal->size1;
  double *scale = malloc(p * sizeof *scale);
  int sound = scale != NULL;
  for (size_t k = 0; sound && k < p; k++) { // to a unit diagonal, so that pivots can be compared
    scale[k] = sqrt(gsl_matrix_get(normal, k, k));
    sound = scale[k] > 0;
  }
  for (size_t k = 0; sound && k < p; k++)
    for (size_t l = 0; l < p; l++) *gsl_matrix_ptr(normal, k, l) /= scale[k] * scale[l];
  if (sound) sound = gsl_linalg_cholesky_decomp1(normal) == GSL_SUCCESS;
  for (size_t k = 0; sound && k < p; k++) {
    const double pivot = gsl_matrix_get(normal, k, k);
    largest = fmax(largest, pivot * pivot);
    smallest = fmin(smallest, pivot * pivot);
  }
  sound = sound && smallest > SINGULAR * largest && gsl_linalg_cholesky_invert(normal) == GSL_SUCCESS;
  for (size_t k = 0; sound && k < p; k++)
    for (size_t l = 0; l < p; l++) *gsl_matrix_ptr(normal, k, l) /= scale[k] * scale[l];
  free(scale);
  return sound;
}

fg_status search_covariance(const matching *m, const double *jacobian, const double *noise, double *covariance) {
  const size_t p = m->parameters;
  const uint32_t rows = matching_rows(m->task);
  gsl_matrix *normal = gsl_matrix_alloc(p, p);
  double *answer = calloc(p * rows, sizeof *answer); // A
  if (!normal || !answer) {
    gsl_matrix_free(normal);
    free(answer);
    return m->host->fail(m->host, "out of memory for the errors of %zu weights", p);
  }
  normal_equations(m, jacobian, normal, NULL);
  const int sound = rows >= p && invert(normal);
  for (size_t k = 0; k < p; k++)
    for (uint32_t r = 0; r < rows; r++)
      for (size_t l = 0; l < p; l++)
        answer[k * rows + r] +=
            gsl_matrix_get(normal, k, l) * jacobian[r * p + l] * m->task->scale[r] * m->task->scale[r];
  for (size_t k = 0; k < p; k++) {
    for (size_t l = 0; l < p; l++) {
      double sum = 0;
      for (uint32_t r = 0; r < rows; r++)
        for (uint32_t q = 0; q < rows; q++) sum += answer[k * rows + r] * noise[r * rows + q] * answer[l * rows + q];
      covariance[k * p + l] = sound ? sum : NAN;
    }
  }
  gsl_matrix_free(normal);
  free(answer);
  return FG_OK;
}
