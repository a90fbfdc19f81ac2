// test_rg_analysis.c — rg_analysis.h: jackknife errors of eigenvalues of T to first order against those with every bin
// left out in full, and against the derivative written out; when every bin has to be left out in full. Fixed seeds.
#include "check.h"
#include "driver.h"

#include "plugins/estimate/rg_analysis.h"

#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdlib.h>

#define OPERATORS 4u
#define CUTOFF 1e-10

static const uint32_t counts[2] = {OPERATORS, 1};

/// A sum of twelve numbers that are -8 … 8.
static double noise(fg_rng *rng) {
  double sum = 0;
  for (int k = 0; k < 12; k++) sum += floor(17 * fg_rng_uniform(rng)) - 8;
  return sum;
}

/// Moments of coarse operators that are correlated and fine ones that are t of them, with noise; the odd operator is 3
/// times the coarse one.
static rg_moments *make_moments(const fg_host *host, const double t[OPERATORS][OPERATORS], uint32_t configurations) {
  rg_moments *m = rg_moments_new(counts);
  fg_rng rng = fg_rng_start(host->rng_fill, host->rng_key(host, "values"), 1);
  for (uint32_t c = 0; c < configurations; c++) {
    double *coarse = rg_moments_coarse(m, 0), *fine = rg_moments_fine(m, 0), common = noise(&rng);
    for (uint32_t a = 0; a < OPERATORS; a++) coarse[a] = noise(&rng) + common;
    for (uint32_t a = 0; a < OPERATORS; a++) {
      fine[a] = noise(&rng);
      for (uint32_t b = 0; b < OPERATORS; b++) fine[a] += rint(t[b][a] * coarse[b]);
    }
    coarse[OPERATORS] = noise(&rng);
    fine[OPERATORS] = 3 * coarse[OPERATORS] + noise(&rng);
    CHECK_INTEGER(rg_moments_add(m, host, 1), FG_OK);
  }
  CHECK_INTEGER(rg_moments_finish(m, host), FG_OK);
  return m;
}

/// Error of eigenvalue i, finding it again with each bin left out.
static double full_error(const bins *b, int parity, uint32_t i, double value) {
  static double mean[256], left_out[BINS_MOST], coarse[OPERATORS * OPERATORS], mixed[OPERATORS * OPERATORS];
  rg_spectrum *s = rg_spectrum_new(counts[parity]);
  double *total = calloc(rg_moments_length(counts), sizeof *total);
  CU_ASSERT_FATAL(total && rg_moments_length(counts) <= 256);
  bins_total(b, total);
  for (uint32_t j = 0; j < bins_number(b); j++) {
    bins_mean_from(b, total, j, mean);
    rg_moments_covariance(counts, parity, mean, coarse, mixed);
    CHECK_INTEGER(rg_spectrum_solve(s, coarse, mixed, counts[parity], CUTOFF), 0);
    left_out[j] = rg_spectrum_size(s, i);
  }
  free(total);
  rg_spectrum_free(s);
  return bins_error(b, value, left_out);
}

enum { FIRST_ORDER, FULL };

/// Errors of all even eigenvalues: near the full ones, but not they; or they to the last bit.
static void check_errors(const double t[OPERATORS][OPERATORS], uint32_t configurations, const int expected[OPERATORS]) {
  driver *d = driver_open("estimate.rg-matrix", "", 1);
  rg_moments *m = make_moments(driver_host(d), t, configurations);
  const bins *b = rg_moments_bins(m);
  rg_analysis found;
  CHECK_INTEGER(rg_analyse(&found, driver_host(d), m, counts, 2, OPERATORS, CUTOFF), FG_OK);
  const rg_result *even = &found.parity[0];
  CHECK_INTEGER(even->rank, OPERATORS);
  for (uint32_t i = 0; i < OPERATORS; i++) {
    const double full = full_error(b, 0, i, even->lambda[i].value), error = even->lambda[i].error;
    if (expected[i] == FULL) {
      CHECK_NEAR(error, full, 0);
    } else {
      CHECK_NEAR(error / full, 1, 0.02);
      CU_ASSERT(fabs(error / full - 1) > 1e-9);
      CHECK_NEAR(even->y[i].error, error / even->lambda[i].value / log(2), 0.02 * even->y[i].error);
    }
  }
  if (expected[0] == FIRST_ORDER)
    CHECK_NEAR(even->leading[OPERATORS - 1].error, even->lambda[0].error, 1e-9 * even->lambda[0].error);
  rg_analysis_clear(&found);
  rg_moments_free(m);
  driver_close(d);
}

static void separated(void) {
  static const double t[OPERATORS][OPERATORS] = {
      {3, 0.4, 0, 0.1}, {0.2, 2, 0.5, 0}, {0, 0.3, 1, 0.1}, {0.2, 0, 0.1, 0.4}};
  check_errors(t, 5000, (const int[]){FIRST_ORDER, FIRST_ORDER, FIRST_ORDER, FIRST_ORDER});
}

/// The modulus of a complex pair, both of it.
static void complex_pair(void) {
  static const double t[OPERATORS][OPERATORS] = {{3, 0.4, 0, 0.1}, {0, 1.5, 1, 0}, {0, -1, 1.5, 0}, {0.2, 0, 0.1, 0.4}};
  check_errors(t, 5000, (const int[]){FIRST_ORDER, FULL, FULL, FIRST_ORDER});
}

/// Two moduli in the middle are nearer to each other than noise moves them.
static void coinciding(void) {
  static const double t[OPERATORS][OPERATORS] = {{3, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, -1, 0}, {0, 0, 0, 0.2}};
  check_errors(t, 2000, (const int[]){FIRST_ORDER, FULL, FULL, FIRST_ORDER});
}

static void few_bins(void) {
  static const double t[OPERATORS][OPERATORS] = {
      {3, 0.4, 0, 0.1}, {0.2, 2, 0.5, 0}, {0, 0.3, 1, 0.1}, {0.2, 0, 0.1, 0.4}};
  check_errors(t, 16, (const int[]){FULL, FULL, FULL, FULL});
}

/// One operator: λ = cov(c,f)/var(c), hence dλ = (dcov - λ dvar)/var with dcov(x,y) = d⟨xy⟩ - ⟨x⟩d⟨y⟩ - ⟨y⟩d⟨x⟩.
static void written_out(void) {
  static const double t[OPERATORS][OPERATORS] = {{3, 0, 0, 0}, {0, 2, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 0.2}};
  driver *d = driver_open("estimate.rg-matrix", "", 1);
  rg_moments *m = make_moments(driver_host(d), t, 3001); // the last bin is shorter
  const bins *b = rg_moments_bins(m);
  const uint32_t length = rg_moments_length(counts), at = length - 4; // ⟨c⟩, ⟨f⟩, ⟨cc⟩, ⟨cf⟩
  double all[256], without[256], left_out[BINS_MOST];
  rg_analysis found;
  CHECK_INTEGER(rg_analyse(&found, driver_host(d), m, counts, 2, 1, CUTOFF), FG_OK);
  bins_mean(b, BINS_NONE, all);
  const double *mean = all + at, variance = mean[2] - mean[0] * mean[0];
  const double lambda = (mean[3] - mean[0] * mean[1]) / variance;
  for (uint32_t j = 0; j < bins_number(b); j++) {
    double change[4];
    bins_mean(b, j, without);
    for (int k = 0; k < 4; k++) change[k] = without[at + (uint32_t)k] - mean[k];
    left_out[j] = lambda + (change[3] - mean[0] * change[1] - mean[1] * change[0] -
                            lambda * (change[2] - 2 * mean[0] * change[0])) /
                               variance;
  }
  const rg_measured odd = found.parity[1].lambda[0];
  CHECK_NEAR(odd.value, lambda, 1e-12);
  CHECK_NEAR(odd.error, bins_error(b, lambda, left_out), 1e-9 * odd.error);
  CHECK_NEAR(odd.value, 3, 4 * odd.error);
  CHECK_NEAR(odd.error, 1 / sqrt(3001), 0.2 / sqrt(3001)); // of noise as large as the operator
  rg_analysis_clear(&found);
  rg_moments_free(m);
  driver_close(d);
}

int main(void) {
  gsl_set_error_handler_off();
  static const check_case cases[] = {
      {"well separated eigenvalues", separated},  {"a complex pair", complex_pair},
      {"coinciding moduli", coinciding},          {"few bins", few_bins},
      {"one operator, written out", written_out}, {0},
  };
  return check_main("errors of RG eigenvalues", cases);
}
