// rg_analysis.c — see rg_analysis.h. Two passes, both in parallel: over numbers of operators, for the leading
// eigenvalue and its eigenvectors; and over bins left out.
#include "rg_analysis.h"

#include <math.h>
#include <stdlib.h>

#define TASKS 32u // calls of a parallel_for's body, each with memory of its own

/// The covariances of one parity, and the leading eigenvectors of its first m operators: u at m(m-1), v at m².
typedef struct side {
  uint32_t count;
  double *coarse, *mixed;
  double *vectors;
  double *left_out; ///< a row of `bins` for each of eigenvalues λ, as many y, and `count` leading λ
} side;

typedef struct analysis {
  rg_analysis *found;
  const fg_host *host;
  const uint32_t *count;
  const bins *bins;
  uint32_t bins_number, eigenvalues;
  double log_factor, cutoff;
  double *total; ///< sums of the moments
  side side[2];
} analysis;

static double exponent(const analysis *work, double lambda) {
  return lambda > 0 ? log(lambda) / work->log_factor : NAN;
}

// ---- all configurations

/// Leading eigenvalue and eigenvectors of the first m operators.
static int solve_first(const analysis *work, int parity, uint32_t m) {
  const side *here = &work->side[parity];
  rg_result *result = &work->found->parity[parity];
  rg_spectrum *s = rg_spectrum_new(m);
  int status = s ? rg_spectrum_solve(s, here->coarse, here->mixed, here->count, work->cutoff) : -1;
  double *u = here->vectors + (size_t)m * (m - 1), *v = u + m;
  if (status == 0) status = rg_spectrum_vectors(s, u, v);
  if (status == 0) result->leading[m - 1] = (rg_measured){rg_spectrum_size(s, 0), NAN};
  if (status == 0 && m == here->count) {
    result->rank = rg_spectrum_rank(s);
    result->condition = rg_spectrum_condition(s);
    for (uint32_t i = 0; i < result->rank; i++) result->spectrum[i] = rg_spectrum_value(s, i);
    for (uint32_t i = 0; i < work->eigenvalues; i++) {
      double lambda = rg_spectrum_size(s, i);
      result->lambda[i] = (rg_measured){lambda, NAN};
      result->y[i] = (rg_measured){exponent(work, lambda), NAN};
    }
    rg_spectrum_matrix(s, result->matrix);
  }
  rg_spectrum_free(s);
  return status;
}

static fg_status solve_some(void *arg, uint64_t task) {
  const analysis *work = arg;
  const uint32_t total = work->count[0] + work->count[1];
  for (uint32_t k = (uint32_t)task; k < total; k += TASKS) {
    const int parity = k >= work->count[0];
    if (work->host->cancelled(work->host)) return FG_CANCELLED;
    if (solve_first(work, parity, k - (parity ? work->count[0] : 0) + 1) != 0)
      return work->host->fail(work->host,
                              "no eigenvalues of the RG matrix were found: out of memory, or no convergence");
  }
  return FG_OK;
}

// ---- one bin left out

/// Memory of a task.
typedef struct bench {
  double *mean, *coarse, *mixed;
  rg_spectrum *spectrum[2];
} bench;

static int bench_open(bench *b, const uint32_t count[2]) {
  const size_t most = count[0] > count[1] ? count[0] : count[1];
  b->mean = malloc(rg_moments_length(count) * sizeof(double));
  b->coarse = malloc(most * most * sizeof(double));
  b->mixed = malloc(most * most * sizeof(double));
  for (int p = 0; p < 2; p++) b->spectrum[p] = rg_spectrum_new(count[p]);
  return b->mean && b->coarse && b->mixed && b->spectrum[0] && b->spectrum[1] ? 0 : -1;
}

static void bench_close(bench *b) {
  free(b->mean);
  free(b->coarse);
  free(b->mixed);
  for (int p = 0; p < 2; p++) rg_spectrum_free(b->spectrum[p]);
}

/// Everything that gets an error, of one parity, with bin j left out. 0, or -1.
static int solve_without(const analysis *work, bench *b, int parity, uint32_t j) {
  const side *here = &work->side[parity];
  const uint32_t n = here->count, eigenvalues = work->eigenvalues;
  double *left_out = here->left_out + j;
  rg_moments_covariance(work->count, parity, b->mean, b->coarse, b->mixed);
  if (rg_spectrum_solve(b->spectrum[parity], b->coarse, b->mixed, n, work->cutoff) != 0) return -1;
  for (uint32_t i = 0; i < eigenvalues; i++) {
    double lambda = rg_spectrum_size(b->spectrum[parity], i);
    left_out[(size_t)i * work->bins_number] = lambda;
    left_out[(size_t)(eigenvalues + i) * work->bins_number] = exponent(work, lambda);
  }
  for (uint32_t m = 1; m <= n; m++) {
    const double *u = here->vectors + (size_t)m * (m - 1), *v = u + m;
    left_out[(size_t)(2 * eigenvalues + m - 1) * work->bins_number] =
        rg_spectrum_form(u, b->mixed, v, n, m) / rg_spectrum_form(u, b->coarse, v, n, m);
  }
  return 0;
}

static fg_status leave_out_some(void *arg, uint64_t task) {
  const analysis *work = arg;
  const fg_host *host = work->host;
  bench b = {0};
  fg_status status = bench_open(&b, work->count) == 0 ? FG_OK : host->fail(host, "out of memory for the RG matrix");
  for (uint32_t j = (uint32_t)task; status == FG_OK && j < work->bins_number; j += TASKS) {
    bins_mean_from(work->bins, work->total, j, b.mean);
    for (int p = 0; p < 2; p++)
      if (status == FG_OK && solve_without(work, &b, p, j) != 0)
        status = host->fail(host, "no eigenvalues of the RG matrix were found: out of memory, or no convergence");
    if (status == FG_OK && host->cancelled(host)) status = FG_CANCELLED;
  }
  bench_close(&b);
  return status;
}

static void find_errors(const analysis *work) {
  for (int p = 0; p < 2; p++) {
    rg_result *result = &work->found->parity[p];
    const double *row = work->side[p].left_out;
    rg_measured *const groups[] = {result->lambda, result->y, result->leading};
    const uint32_t sizes[] = {work->eigenvalues, work->eigenvalues, result->count};
    for (int g = 0; g < 3; g++)
      for (uint32_t i = 0; i < sizes[g]; i++, row += work->bins_number)
        groups[g][i].error = bins_error(work->bins, groups[g][i].value, row);
  }
}

// ---- both

static size_t rows_of(uint32_t count, uint32_t eigenvalues) { return 2 * (size_t)eigenvalues + count; }

static fg_status make_room(analysis *work) {
  for (int p = 0; p < 2; p++) {
    const size_t n = work->count[p];
    rg_result *result = &work->found->parity[p];
    side *here = &work->side[p];
    *result = (rg_result){.count = (uint32_t)n, .condition = NAN};
    for (uint32_t i = 0; i < RG_ANALYSIS_EIGENVALUES; i++) result->lambda[i] = result->y[i] = (rg_measured){NAN, NAN};
    here->count = (uint32_t)n;
    result->spectrum = calloc(n + 1, sizeof *result->spectrum);
    result->leading = calloc(n + 1, sizeof *result->leading);
    result->matrix = calloc(n * n + 1, sizeof *result->matrix);
    here->coarse = calloc(n * n + 1, sizeof(double));
    here->mixed = calloc(n * n + 1, sizeof(double));
    here->vectors = calloc(n * (n + 1) + 1, sizeof(double));
    here->left_out = calloc(rows_of((uint32_t)n, work->eigenvalues) * work->bins_number + 1, sizeof(double));
    if (!result->spectrum || !result->leading || !result->matrix || !here->coarse || !here->mixed || !here->vectors ||
        !here->left_out)
      return work->host->fail(work->host, "out of memory for the RG matrix");
  }
  return FG_OK;
}

static fg_status take_covariances(analysis *work) {
  double *mean = malloc(rg_moments_length(work->count) * sizeof *mean);
  work->total = malloc(rg_moments_length(work->count) * sizeof *work->total);
  if (!mean || !work->total) {
    free(mean);
    return work->host->fail(work->host, "out of memory for the RG matrix");
  }
  bins_mean(work->bins, BINS_NONE, mean);
  bins_total(work->bins, work->total);
  for (int p = 0; p < 2; p++) rg_moments_covariance(work->count, p, mean, work->side[p].coarse, work->side[p].mixed);
  free(mean);
  return FG_OK;
}

fg_status rg_analyse(rg_analysis *a, const fg_host *host, const rg_moments *m, const uint32_t count[2], uint32_t factor,
                     uint32_t eigenvalues, double cutoff) {
  const bins *moments = rg_moments_bins(m);
  analysis work = {.found = a,
                   .host = host,
                   .count = count,
                   .bins = moments,
                   .bins_number = bins_number(moments),
                   .eigenvalues = eigenvalues,
                   .log_factor = log(factor),
                   .cutoff = cutoff};
  *a = (rg_analysis){0};
  fg_status status = make_room(&work);
  if (status == FG_OK) status = take_covariances(&work);
  if (status == FG_OK) status = host->parallel_for(host, TASKS, solve_some, &work);
  // With one bin there is nothing left when it is left out.
  if (status == FG_OK && work.bins_number > 1) {
    status = host->parallel_for(host, TASKS, leave_out_some, &work);
    if (status == FG_OK) find_errors(&work);
  }
  free(work.total);
  for (int p = 0; p < 2; p++) {
    free(work.side[p].coarse);
    free(work.side[p].mixed);
    free(work.side[p].vectors);
    free(work.side[p].left_out);
  }
  return status;
}

void rg_analysis_clear(rg_analysis *a) {
  for (int p = 0; p < 2; p++) {
    free(a->parity[p].spectrum);
    free(a->parity[p].leading);
    free(a->parity[p].matrix);
  }
  *a = (rg_analysis){0};
}

uint64_t rg_analysis_bytes(const uint32_t count[2]) {
  uint64_t bytes = 0, task = rg_moments_length(count) * sizeof(double);
  for (int p = 0; p < 2; p++) {
    const uint64_t n = count[p];
    bytes += (4 * (n + 1) * (n + 1) + rows_of(count[p], RG_ANALYSIS_EIGENVALUES) * BINS_MOST) * sizeof(double);
    bytes += (n + 1) * (sizeof(rg_eigenvalue) + sizeof(rg_measured));
    task += rg_spectrum_bytes(count[p]) + 2 * n * n * sizeof(double);
  }
  return bytes + rg_moments_length(count) * sizeof(double) + TASKS * task;
}
