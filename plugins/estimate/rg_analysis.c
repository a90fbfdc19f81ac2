// rg_analysis.c — see rg_analysis.h. Errors are those of a jackknife whose left-out eigenvalues come from first-order
// perturbation theory, the infinitesimal jackknife (B. Efron, The Jackknife, the Bootstrap and Other Resampling Plans,
// SIAM 1982, ch. 6), for real eigenvalues far from others, as long as some bins left out in full agree: they do not when
// the rank changes or configurations are few. For all others every bin is left out in full.
#include "rg_analysis.h"

#include <math.h>
#include <stdlib.h>

#define TASKS 32u      // calls of a parallel_for's body, each with memory of its own
#define COMPARED 8u    // bins left out in full to see whether first order will do
#define FEW 16u        // bins up to this many are all left out in full
#define SEPARATION 2.0 // of an eigenvalue from others, in its errors, that is enough
#define AGREEMENT 0.05 // rms deviation of first order from the full change, over the rms change, that is accepted

/// The covariances of one parity, and its eigenvalues with bins left out.
typedef struct side {
  uint32_t count;
  double *coarse, *mixed;
  double *first, *full; ///< a row of `bins` for each λ: to first order, and in full
  int everything;       ///< all bins are to be left out in full
} side;

typedef struct analysis {
  rg_analysis *found;
  const fg_host *host;
  const uint32_t *count;
  const bins *bins;
  uint32_t bins_number, eigenvalues, compared;
  double log_factor, cutoff;
  double *mean, *total; ///< means and sums of the moments
  side side[2];
} analysis;

static double exponent(const analysis *work, double lambda) {
  return lambda > 0 ? log(lambda) / work->log_factor : NAN;
}

static fg_status refuse(const fg_host *host) {
  return host->fail(host, "no eigenvalues of the RG matrix were found: out of memory, or no convergence");
}

static double *row_of(const analysis *work, double *rows, uint32_t i) { return rows + (size_t)i * work->bins_number; }

/// Memory of a task.
typedef struct bench {
  double *moments;        ///< means, or derivatives by them
  double *coarse, *mixed; ///< covariances, or derivatives by them
  double *row;            ///< of bins
  rg_spectrum *spectrum[2];
} bench;

static int bench_open(bench *b, const analysis *work) {
  const uint32_t *count = work->count;
  const size_t most = count[0] > count[1] ? count[0] : count[1];
  b->moments = malloc(rg_moments_length(count) * sizeof(double));
  b->coarse = malloc(most * most * sizeof(double));
  b->mixed = malloc(most * most * sizeof(double));
  b->row = malloc((work->bins_number + 1) * sizeof(double));
  for (int p = 0; p < 2; p++) b->spectrum[p] = rg_spectrum_new(count[p]);
  return b->moments && b->coarse && b->mixed && b->row && b->spectrum[0] && b->spectrum[1] ? 0 : -1;
}

static void bench_close(bench *b) {
  free(b->moments);
  free(b->coarse);
  free(b->mixed);
  free(b->row);
  for (int p = 0; p < 2; p++) rg_spectrum_free(b->spectrum[p]);
}

// ---- all configurations

/// Eigenvalue i of the first m operators with each bin left out, to first order. Leaving out a bin of k configurations
/// of n changes a mean x̄ by (k·x̄ - Σx)/(n-k). 0, or -1.
static int leave_out_first_order(const analysis *work, bench *b, const rg_spectrum *s, int parity, uint32_t m,
                                 uint32_t i, double *row) {
  const uint64_t all = bins_count(work->bins);
  const double lambda = rg_spectrum_size(s, i);
  if (rg_spectrum_derivatives(s, i, b->coarse, b->mixed) != 0) return -1;
  rg_moments_gradient(work->count, parity, m, work->mean, b->coarse, b->mixed, b->moments);
  const double mean = rg_moments_times(work->count, parity, m, b->moments, work->mean);
  for (uint32_t j = 0; j < work->bins_number; j++) {
    const uint64_t size = bins_size(work->bins, j);
    const double sum = rg_moments_times(work->count, parity, m, b->moments, bins_sums(work->bins, j));
    row[j] = lambda + ((double)size * mean - sum) / (double)(all - size);
  }
  return 0;
}

/// What is found of all operators of a parity.
static int take_all(const analysis *work, bench *b, const rg_spectrum *s, int parity) {
  const side *here = &work->side[parity];
  rg_result *result = &work->found->parity[parity];
  int status = 0;
  result->rank = rg_spectrum_rank(s);
  result->condition = rg_spectrum_condition(s);
  for (uint32_t i = 0; i < result->rank; i++) result->spectrum[i] = rg_spectrum_value(s, i);
  for (uint32_t i = 0; status == 0 && i < work->eigenvalues; i++) {
    double lambda = rg_spectrum_size(s, i);
    result->lambda[i] = (rg_measured){lambda, NAN};
    result->y[i] = (rg_measured){exponent(work, lambda), NAN};
    if (work->bins_number > 1)
      status = leave_out_first_order(work, b, s, parity, here->count, i, row_of(work, here->first, i));
  }
  rg_spectrum_matrix(s, result->matrix);
  return status;
}

/// Leading eigenvalue of the first m operators.
static int solve_first(const analysis *work, bench *b, int parity, uint32_t m) {
  const side *here = &work->side[parity];
  rg_measured *leading = &work->found->parity[parity].leading[m - 1];
  rg_spectrum *s = rg_spectrum_new(m);
  int status = s ? rg_spectrum_solve(s, here->coarse, here->mixed, here->count, work->cutoff) : -1;
  if (status == 0) *leading = (rg_measured){rg_spectrum_size(s, 0), NAN};
  if (status == 0 && work->bins_number > 1) {
    status = leave_out_first_order(work, b, s, parity, m, 0, b->row);
    leading->error = bins_error(work->bins, leading->value, b->row);
  }
  if (status == 0 && m == here->count) status = take_all(work, b, s, parity);
  rg_spectrum_free(s);
  return status;
}

static fg_status solve_some(void *arg, uint64_t task) {
  const analysis *work = arg;
  const fg_host *host = work->host;
  const uint32_t total = work->count[0] + work->count[1];
  bench b = {0};
  fg_status status = bench_open(&b, work) == 0 ? FG_OK : host->fail(host, "out of memory for the RG matrix");
  for (uint32_t k = (uint32_t)task; status == FG_OK && k < total; k += TASKS) {
    const int parity = k >= work->count[0];
    if (host->cancelled(host))
      status = FG_CANCELLED;
    else if (solve_first(work, &b, parity, k - (parity ? work->count[0] : 0) + 1) != 0)
      status = refuse(host);
  }
  bench_close(&b);
  return status;
}

// ---- one bin left out

/// Bins that show whether first order will do, far from each other.
static uint32_t compared_bin(const analysis *work, uint32_t k) {
  return (uint32_t)((uint64_t)k * work->bins_number / work->compared);
}

/// The eigenvalues of one parity with bin j left out. 0, or -1.
static int solve_without(const analysis *work, bench *b, int parity, uint32_t j) {
  const side *here = &work->side[parity];
  bins_mean_from(work->bins, work->total, j, b->moments);
  rg_moments_covariance(work->count, parity, b->moments, b->coarse, b->mixed);
  if (rg_spectrum_solve(b->spectrum[parity], b->coarse, b->mixed, here->count, work->cutoff) != 0) return -1;
  for (uint32_t i = 0; i < work->eigenvalues; i++)
    row_of(work, here->full, i)[j] = rg_spectrum_size(b->spectrum[parity], i);
  return 0;
}

/// Some of the bins compared, of both parities; or of all bins, of those parities that need it.
static fg_status leave_out_some(void *arg, uint64_t task) {
  const analysis *work = arg;
  const fg_host *host = work->host;
  bench b = {0};
  fg_status status = bench_open(&b, work) == 0 ? FG_OK : host->fail(host, "out of memory for the RG matrix");
  const uint32_t number = work->compared ? work->compared : work->bins_number;
  for (uint32_t k = (uint32_t)task; status == FG_OK && k < number; k += TASKS) {
    const uint32_t j = work->compared ? compared_bin(work, k) : k;
    for (int p = 0; status == FG_OK && p < 2; p++)
      if ((work->compared || work->side[p].everything) && solve_without(work, &b, p, j) != 0) status = refuse(host);
    if (status == FG_OK && host->cancelled(host)) status = FG_CANCELLED;
  }
  bench_close(&b);
  return status;
}

/// Whether the moduli before and after a real eigenvalue are farther off than its error is large. Else bins left out may
/// change its place, or make a complex pair of two real ones; and of a pair that becomes real the modulus jumps.
static int is_separated(const analysis *work, int parity, uint32_t i) {
  const rg_result *result = &work->found->parity[parity];
  const rg_eigenvalue *all = result->spectrum;
  const double value = result->lambda[i].value;
  const double error = bins_error(work->bins, value, row_of(work, work->side[parity].first, i));
  if (all[i].imaginary > 0 || all[i].imaginary < 0) return 0;
  for (uint32_t k = i ? i - 1 : 1; k <= i + 1 && k < result->rank; k += 2)
    if (!(fabs(hypot(all[k].real, all[k].imaginary) - fabs(value)) > SEPARATION * error)) return 0;
  return 1;
}

/// Whether eigenvalue i to first order will do: it is well separated and, where both are known, that in full.
static int first_order_will_do(const analysis *work, int parity, uint32_t i) {
  const side *here = &work->side[parity];
  const double value = work->found->parity[parity].lambda[i].value;
  const double *first = row_of(work, here->first, i), *full = row_of(work, here->full, i);
  double change = 0, deviation = 0;
  if (i >= work->found->parity[parity].rank) return 1; // there is none
  if (!is_separated(work, parity, i)) return 0;
  for (uint32_t k = 0; k < work->compared; k++) {
    const uint32_t j = compared_bin(work, k);
    change += (full[j] - value) * (full[j] - value);
    deviation += (full[j] - first[j]) * (full[j] - first[j]);
  }
  return deviation <= AGREEMENT * AGREEMENT * change;
}

static fg_status leave_out(analysis *work) {
  const fg_host *host = work->host;
  int first_order[2][RG_ANALYSIS_EIGENVALUES] = {{0}};
  fg_status status = FG_OK;
  if (work->bins_number > FEW) {
    work->compared = COMPARED;
    status = host->parallel_for(host, work->compared, leave_out_some, work);
  }
  for (int p = 0; p < 2; p++)
    for (uint32_t i = 0; i < work->eigenvalues; i++) {
      first_order[p][i] = work->compared && first_order_will_do(work, p, i);
      if (!first_order[p][i]) work->side[p].everything = 1;
    }
  work->compared = 0;
  if (status == FG_OK && (work->side[0].everything || work->side[1].everything))
    status = host->parallel_for(host, TASKS, leave_out_some, work);
  for (int p = 0; status == FG_OK && p < 2; p++) {
    rg_result *result = &work->found->parity[p];
    for (uint32_t i = 0; i < work->eigenvalues; i++) {
      double *row = row_of(work, first_order[p][i] ? work->side[p].first : work->side[p].full, i);
      result->lambda[i].error = bins_error(work->bins, result->lambda[i].value, row);
      for (uint32_t j = 0; j < work->bins_number; j++) row[j] = exponent(work, row[j]);
      result->y[i].error = bins_error(work->bins, result->y[i].value, row);
    }
  }
  return status;
}

// ---- both

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
    here->first = calloc((size_t)work->eigenvalues * work->bins_number + 1, sizeof(double));
    here->full = calloc((size_t)work->eigenvalues * work->bins_number + 1, sizeof(double));
    if (!result->spectrum || !result->leading || !result->matrix || !here->coarse || !here->mixed || !here->first ||
        !here->full)
      return work->host->fail(work->host, "out of memory for the RG matrix");
  }
  return FG_OK;
}

static fg_status take_covariances(analysis *work) {
  work->mean = malloc(rg_moments_length(work->count) * sizeof *work->mean);
  work->total = malloc(rg_moments_length(work->count) * sizeof *work->total);
  if (!work->mean || !work->total) return work->host->fail(work->host, "out of memory for the RG matrix");
  bins_mean(work->bins, BINS_NONE, work->mean);
  bins_total(work->bins, work->total);
  for (int p = 0; p < 2; p++)
    rg_moments_covariance(work->count, p, work->mean, work->side[p].coarse, work->side[p].mixed);
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
  if (status == FG_OK && work.bins_number > 1) status = leave_out(&work);
  free(work.mean);
  free(work.total);
  for (int p = 0; p < 2; p++) {
    free(work.side[p].coarse);
    free(work.side[p].mixed);
    free(work.side[p].first);
    free(work.side[p].full);
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
  const uint64_t most = count[0] > count[1] ? count[0] : count[1], moments = rg_moments_length(count) * sizeof(double);
  uint64_t bytes = 2 * moments, task = moments + (2 * most * most + BINS_MOST + 1) * sizeof(double);
  for (int p = 0; p < 2; p++) {
    const uint64_t n = count[p];
    bytes += (3 * (n + 1) * (n + 1) + UINT64_C(2) * RG_ANALYSIS_EIGENVALUES * BINS_MOST) * sizeof(double);
    bytes += (n + 1) * (sizeof(rg_eigenvalue) + sizeof(rg_measured));
    task += rg_spectrum_bytes(count[p]);
  }
  return bytes + TASKS * (task + rg_spectrum_bytes((uint32_t)most)); // and that of the first m operators
}
