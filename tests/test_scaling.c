// test_scaling.c — estimate.scaling: generalised least squares against arithmetic by hand and against what estimated
// covariances do; made-up observables of known exponents, sizes sharing noise or not, whose fits must cover; sampled and
// dreamt lattices; and what must not change a table. Statistical tests: fixed seeds, 4σ.
#include "estimating.h"
#include "sampling.h"

#include "../plugins/estimate/bins.c"
#include "../plugins/estimate/scaling_fit.c"
#include "../plugins/estimate/scaling_points.c"

#include "../plugins/estimate/scaling_tables.c"

#include <gsl/gsl_errno.h>
#include <stdarg.h>

#define KIND "estimate.scaling"
#define CRITICAL CRITICAL_COUPLING

// ---- least squares

/// A constant through 1 ± 1 and 3 ± √2 of covariance ½: C⁻¹ = [2 -½; -½ 1]/1.75, so the weights are 3:1, the value 1.5, the
/// variance 1.75/2, and χ² = (2·¼ + 2·½·¾ + 9/4)/1.75 = 2.
static void by_hand(void) {
  const double ones[] = {1, 1, 1}, y[] = {1, 3}, covariance[] = {1, 0.5, 0.5, 2};
  fit_result r;
  CHECK_INTEGER(fit_linear(&(fit_problem){2, 1, ones, y, covariance, 0}, &r), FIT_DONE);
  CHECK_NEAR(r.value[0], 1.5, 1e-14);
  CHECK_NEAR(r.error[0], sqrt(0.875), 1e-14);
  CHECK_NEAR(r.chi2, 2, 1e-14);
  CHECK_INTEGER(r.dof, 1);
  CHECK_NEAR(r.p_value, erfc(1), 1e-12);

  // A line through independent points at x = 0, 1, 2 with errors 1, ½, 1: y = 1, 2, 4. Σw = 6, Σwx = 6, Σwxx = 8, Σwy =
  // 13, Σwxy = 16, determinant 12: a = (8·13 - 6·16)/12, b = (6·16 - 6·13)/12, errors √(8/12), √(6/12).
  const double design[] = {1, 0, 1, 1, 1, 2}, y3[] = {1, 2, 4}, diagonal[] = {1, 0, 0, 0, 0.25, 0, 0, 0, 1};
  CHECK_INTEGER(fit_linear(&(fit_problem){3, 2, design, y3, diagonal, 0}, &r), FIT_DONE);
  CHECK_NEAR(r.value[0], 8.0 / 12, 1e-14);
  CHECK_NEAR(r.value[1], 18.0 / 12, 1e-14);
  CHECK_NEAR(r.error[0], sqrt(8.0 / 12), 1e-14);
  CHECK_NEAR(r.error[1], sqrt(6.0 / 12), 1e-14);
  CHECK_NEAR(r.chi2, 1.0 / 9 + 4 * (1.0 / 36) + 1.0 / 9, 1e-14); // residuals 1/3, -1/6, 1/3
  CHECK_INTEGER(r.dof, 1);

  // Units do not matter, not even wildly different ones.
  const double far[] = {1e-12, 3}, scales[] = {1e-12, 1}, wide[] = {1e-24, 0.5e-12, 0.5e-12, 2};
  CHECK_INTEGER(fit_linear(&(fit_problem){2, 1, scales, far, wide, 0}, &r), FIT_DONE);
  CHECK_NEAR(r.value[0], 1.5, 1e-12);

  const double same[] = {1, 1, 1, 1}, indefinite[] = {1, 2, 2, 1}, none[] = {1, 0, 0, 0}, unknown[] = {1, 0, 0, NAN};
  const double *const bad[] = {same, indefinite, none, unknown};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_INTEGER(fit_linear(&(fit_problem){2, 1, ones, y, bad[i], 0}, &r), FIT_INDEFINITE);
}

static double gaussian(fg_rng *rng) {
  double radius = sqrt(-2 * log(1 - fg_rng_uniform(rng)));
  return radius * cos(2 * M_PI * fg_rng_uniform(rng));
}

/// 4000 lines through 6 correlated points whose covariance is that of 20 samples: values scatter as the errors say, a tenth
/// of the p-values lies below a tenth. Without Rao's factors the scatter is 1.6 times the errors' square.
static void estimated_covariance(void) {
  enum { POINTS = 6, SAMPLES = 20, SETS = 4000 };
  double square[2] = {0}, low = 0, p_mean = 0, design[2 * POINTS];
  driver *d = driver_open(KIND, "", 1);
  fg_rng rng = fg_rng_start(driver_host(d)->rng_fill, driver_host(d)->rng_key(driver_host(d), "samples"), 0);
  for (int i = 0; i < POINTS; i++) design[2 * i] = 1, design[2 * i + 1] = i;
  for (int set = 0; set < SETS; set++) {
    double x[SAMPLES][POINTS], y[POINTS] = {0}, covariance[POINTS * POINTS] = {0};
    for (int s = 0; s < SAMPLES; s++) {
      double shared = gaussian(&rng);
      for (int i = 0; i < POINTS; i++) {
        x[s][i] = 3 - 2 * i + shared + 0.5 * (1 + i) * gaussian(&rng);
        y[i] += x[s][i] / SAMPLES;
      }
    }
    for (int i = 0; i < POINTS; i++)
      for (int j = 0; j < POINTS; j++)
        for (int s = 0; s < SAMPLES; s++)
          covariance[i * POINTS + j] += (x[s][i] - y[i]) * (x[s][j] - y[j]) / (SAMPLES * (SAMPLES - 1.0));
    fit_result r;
    CHECK_INTEGER(fit_linear(&(fit_problem){POINTS, 2, design, y, covariance, SAMPLES}, &r), FIT_DONE);
    square[0] += (r.value[0] - 3) * (r.value[0] - 3) / (r.error[0] * r.error[0]) / SETS;
    square[1] += (r.value[1] + 2) * (r.value[1] + 2) / (r.error[1] * r.error[1]) / SETS;
    low += r.p_value < 0.1 ? 1.0 / SETS : 0;
    p_mean += r.p_value / SETS;
  }
  // Pulls follow a t-distribution of some 15 degrees of freedom: mean square about 1.15.
  CHECK_NEAR(square[0], 1.15, 0.15);
  CHECK_NEAR(square[1], 1.15, 0.15);
  CHECK_NEAR(low, 0.1, 4 * sqrt(0.09 / SETS));
  CHECK_NEAR(p_mean, 0.5, 4 * sqrt(1.0 / 12 / SETS));
  driver_close(d);
}

// ---- made-up observables

enum { SIZES = 5, COUNT = 1024 };

/// What fits must find.
static const struct {
  const char *estimate;
  double truth;
} truths[] = {
    {"gamma_over_nu", 1.75}, {"beta_over_nu", 0.125}, {"varE_log_slope", 2.5}, {"U_limit", 1.17}, {"e_limit", -1.4}};
enum { TRUTHS = sizeof truths / sizeof *truths };

/// Sizes 8 … 128 of COUNT configurations, whose moments have these means and a noise that all sizes share, and one of their
/// own; `dreamt`: as levels of a dream, else as separate runs (which then share nothing).
typedef struct invention {
  group_key key[SIZES];
  bins *bins[SIZES];
  point point[SIZES];
} invention;

static invention *invent(fg_rng *rng, int dreamt) {
  invention *all = calloc(1, sizeof *all);
  if (!all) abort();
  for (int k = 0; k < SIZES; k++) {
    all->key[k] = (group_key){fg_lattice_square(UINT64_C(8) << k), dreamt ? 3 + k : 0, dreamt ? NAN : CRITICAL};
    all->bins[k] = bins_new(MOMENTS);
  }
  for (int c = 0; c < COUNT; c++) {
    double shared[3] = {gaussian(rng), gaussian(rng), gaussian(rng)};
    for (int k = 0; k < SIZES; k++) {
      double length = (double)all->key[k].lattice.extent[0], n = length * length, chi = pow(length, 1.75);
      for (int i = 0; i < 3 && !dreamt; i++) shared[i] = gaussian(rng);
      double energy =
          sqrt(n * (1 + 2.5 * log(length))) * (0.9 * shared[0] + sqrt(0.19) * gaussian(rng)) + 0.4 * n / length;
      double *sums = bins_next(all->bins[k], 1);
      sums[MOMENT_E] += energy;
      sums[MOMENT_E2] += energy * energy;
      sums[MOMENT_ABS_M] += n * pow(length, -0.125) * (1 + 0.3 * shared[1] + 0.05 * gaussian(rng));
      sums[MOMENT_M2] += n * chi * (1 + 0.3 * shared[1] + 0.1 * gaussian(rng));
      sums[MOMENT_M4] += 1.17 * n * chi * n * chi * (1 + 0.6 * shared[1] + 0.2 * shared[2] + 0.1 * gaussian(rng));
    }
  }
  for (int k = 0; k < SIZES; k++) {
    all->point[k].key = &all->key[k];
    all->point[k].bins = all->bins[k];
    all->point[k].energy_zero = -1.4 * (double)fg_lattice_sites(&all->key[k].lattice);
    point_fill(&all->point[k]);
  }
  qsort(all->point, SIZES, sizeof *all->point, point_compare);
  return all;
}

static void forget(invention *all) {
  for (int k = 0; k < SIZES; k++) bins_free(all->bins[k]);
  free(all);
}

/// A driver that has the tables of these points.
static driver *fit_all(const point *points, size_t count, uint64_t min_size) {
  driver *d = driver_open(KIND, "", 1);
  CHECK_INTEGER(scaling_emit(driver_host(d), points, count, min_size, CRITICAL), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

/// A column of the row of table `fits` for parameter of function of observable from a smallest size on; NaN: none.
static double fitted(const driver *d, const char *observable, const char *function, uint64_t min_size,
                     const char *parameter, const char *column) {
  const fg_table *table = estimator_table(d, "fits");
  for (uint64_t row = 0; row < table->row_count; row++) {
    if (strcmp(cell_of(table, row, "observable")->text, observable) != 0 ||
        strcmp(cell_of(table, row, "function")->text, function) != 0 ||
        strcmp(cell_of(table, row, "parameter")->text, parameter) != 0 ||
        cell_of(table, row, "min_size")->integer != (int64_t)min_size)
      continue;
    const fg_cell *cell = cell_of(table, row, column);
    int is_integer = strcmp(column, "dof") == 0 || strcmp(column, "sizes") == 0 || strcmp(column, "joint") == 0;
    return is_integer ? (double)cell->integer : cell->real;
  }
  return NAN;
}

/// 200 sets: (value - truth)/error has mean 0 and variance 1, 68% lie within 1; p-values are uniform.
static void errors_cover(int dreamt) {
  enum { SETS = 200 };
  const int level = dreamt ? 3 : 0;
  double sum[TRUTHS] = {0}, squares[TRUTHS] = {0}, within = 0, p = 0;
  driver *host = driver_open(KIND, "", 1);
  for (uint64_t set = 0; set < SETS; set++) {
    fg_rng rng = fg_rng_start(driver_host(host)->rng_fill, driver_host(host)->rng_key(driver_host(host), "noise"), set);
    invention *all = invent(&rng, dreamt);
    driver *d = fit_all(all->point, SIZES, 8);
    for (int i = 0; i < TRUTHS; i++) {
      double value = driver_estimate(d, 0, "8", level, truths[i].estimate, "value");
      double pull = (value - truths[i].truth) / driver_estimate(d, 0, "8", level, truths[i].estimate, "error");
      sum[i] += pull / SETS;
      squares[i] += pull * pull / SETS;
      within += fabs(pull) < 1 ? 1.0 / (SETS * TRUTHS) : 0;
    }
    p += fitted(d, "chi", "A L^p", 8, "p", "p_value") / SETS;
    CHECK_NEAR(fitted(d, "chi", "A L^p", 8, "p", "joint"), dreamt, 0);
    driver_close(d);
    forget(all);
  }
  for (int i = 0; i < TRUTHS; i++) {
    CHECK_NEAR(sum[i], 0, 4 / sqrt(SETS));
    CHECK_NEAR(squares[i], 1, 4 * sqrt(2.0 / SETS));
    if (fabs(sum[i]) > 4 / sqrt(SETS) || fabs(squares[i] - 1) > 4 * sqrt(2.0 / SETS))
      printf(" (%s)", truths[i].estimate);
  }
  CHECK_NEAR(within, 0.683, 4 * sqrt(0.683 * 0.317 / (SETS * TRUTHS)));
  CHECK_NEAR(p, 0.5, 4 * sqrt(1.0 / 12 / SETS));
  driver_close(host);
}

static void dreams_cover(void) { errors_cover(1); }
static void separate_runs_cover(void) { errors_cover(0); }

/// One set in detail: the logarithm fits, the power does not; sharing noise makes exponents sharp and must be known; rows
/// and sizes.
static void one_dream(void) {
  driver *host = driver_open(KIND, "", 1);
  fg_rng rng = fg_rng_start(driver_host(host)->rng_fill, driver_host(host)->rng_key(driver_host(host), "one"), 0);
  invention *all = invent(&rng, 1);
  driver *d = fit_all(all->point, SIZES, 8);
  CHECK_INTEGER(estimator_table(d, "estimates")->row_count, 3 * 12); // from 8, 16 and 32 on
  CHECK_INTEGER(estimator_table(d, "fits")->row_count, 3 * 11);
  CHECK_INTEGER(estimator_table(d, "local")->row_count, 4 * 3);
  CU_ASSERT(fitted(d, "varE", "a + b ln L", 8, "b", "p_value") > 1e-3);
  CU_ASSERT(fitted(d, "varE", "A L^p", 8, "p", "p_value") < 1e-3);
  CHECK_NEAR(fitted(d, "U", "a", 16, "a", "dof"), 3, 0);
  CHECK_NEAR(fitted(d, "chi", "A L^p", 16, "ln_A", "sizes"), 4, 0);
  CHECK_NEAR(fitted(d, "chi", "A L^p", 32, "ln_A", "dof"), 1, 0);
  CHECK_NEAR(fitted(d, "abs_m", "A L^p", 8, "p", "value"), -driver_estimate(d, 0, "8", 3, "beta_over_nu", "value"), 0);
  CHECK_NEAR(driver_estimate(d, 0, "16", 4, "gamma_over_nu", "n"), 4 * COUNT, 0);
  CHECK_NEAR(driver_estimate(d, 0, "16", 4, "gamma_over_nu_chi2_per_dof", "value"),
             fitted(d, "chi", "A L^p", 16, "p", "chi2") / 2, 1e-12);
  CHECK_NEAR(driver_estimate(d, 0, "8", 3, "gamma_over_nu", "exact"), 1.75, 0);
  CHECK_NEAR(driver_estimate(d, 0, "8", 3, "beta_over_nu", "exact"), 0.125, 0);
  CHECK_NEAR(driver_estimate(d, 0, "8", 3, "varE_log_slope", "exact"), 8 / M_PI, 0);
  CHECK_NEAR(driver_estimate(d, 0, "8", 3, "U_limit", "exact"), 1.1679229, 0);
  CHECK_NEAR(driver_estimate(d, 0, "8", 3, "e_limit", "exact"), -sqrt(2), 1e-15);
  CU_ASSERT(isnan(driver_estimate(d, 0, "8", 3, "varE_power", "exact")));

  // The same numbers as if from separate runs.
  for (int k = 0; k < SIZES; k++) all->key[k].level = 0;
  driver *apart = fit_all(all->point, SIZES, 8);
  CHECK_NEAR(fitted(apart, "chi", "A L^p", 8, "p", "joint"), 0, 0);
  double with = fitted(d, "chi", "A L^p", 8, "p", "error"), without = fitted(apart, "chi", "A L^p", 8, "p", "error");
  CU_ASSERT(with < 0.4 * without);
  CU_ASSERT(real_of(estimator_table(d, "local"), 0, "error") <
            0.6 * real_of(estimator_table(apart, "local"), 0, "error"));
  driver_close(apart);
  driver_close(d);
  d = fit_all(all->point, SIZES, 17);
  CHECK_INTEGER(estimator_table(d, "fits")->row_count, 11); // from 32 on
  CHECK_INTEGER(estimator_table(d, "local")->row_count, 4 * 3);
  driver_close(d);
  forget(all);
  driver_close(host);
}

/// Who shares noise with whom, and what belongs on one curve.
static void grouping(void) {
  static const struct {
    int level;
    double coupling;
    uint64_t count;
    int shares, same_curve; ///< with level 3, coupling unknown, 300 configurations
  } cases[] = {{4, NAN, 300, 1, 1},  {2, NAN, 300, 1, 1}, {3, NAN, 300, 0, 1},     {4, NAN, 299, 0, 1},
               {-1, NAN, 300, 1, 0}, {4, 0.4, 300, 0, 0}, {0, CRITICAL, 300, 0, 0}};
  group_key first_key = {fg_lattice_square(8), 3, NAN};
  bins *first_bins = bins_new(MOMENTS);
  point *first = calloc(1, sizeof *first), *other = calloc(1, sizeof *other);
  if (!first || !other) abort();
  for (int c = 0; c < 300; c++) bins_next(first_bins, 1)[MOMENT_M2] += c % 7;
  *first = (point){.key = &first_key, .bins = first_bins};
  point_fill(first);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    group_key key = {fg_lattice_square(16), cases[i].level, cases[i].coupling};
    bins *b = bins_new(MOMENTS);
    for (uint64_t c = 0; c < cases[i].count; c++) bins_next(b, 1)[MOMENT_M2] += (double)(c % 7);
    *other = (point){.key = &key, .bins = b};
    point_fill(other);
    CHECK_INTEGER(point_share_noise(first, other), cases[i].shares);
    CHECK_INTEGER(point_same_curve(first, other), cases[i].same_curve);
    double covariance = point_covariance(first, other, LN_CHI), variance = point_covariance(first, first, LN_CHI);
    CHECK_NEAR(covariance, cases[i].shares ? variance : 0, 1e-12 * variance); // both have the same noise
    CU_ASSERT(point_compare(first, other) == -point_compare(other, first) && point_compare(first, other) != 0);
    bins_free(b);
  }
  bins_free(first_bins);
  free(first);
  free(other);
}

// ---- configurations

static driver *open_sizes(const char *params, const uint64_t *sizes, uint32_t count) {
  driver *d = driver_open(KIND, params, 1);
  fg_format in = format_of_spins(sizes[0], sizes[0]);
  in.shape_count = count;
  for (uint32_t s = 0; s < count; s++) in.shapes[s] = fg_lattice_square(sizes[s]);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in}), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

static void finish(driver *d) {
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
}

static double local(const driver *d, const char *observable, const char *size, const char *column) {
  const fg_table *table = estimator_table(d, "local");
  for (uint64_t row = 0; row < table->row_count; row++)
    if (strcmp(cell_of(table, row, "observable")->text, observable) == 0 &&
        strcmp(cell_of(table, row, "size")->text, size) == 0)
      return real_of(table, row, column);
  return NAN;
}

/// ln of chi, abs_m and varE, and U and e, by the definitions.
static void define(const fg_batch *batch, double out[QUANTITIES]) {
  double sites = (double)fg_lattice_sites(&batch->lattice), e = 0, ee = 0, m = 0, m2 = 0, m4 = 0, n = batch->count;
  uint64_t length = batch->rows;
  for (uint32_t c = 0; c < batch->count; c++) {
    double energy = 0, spins = 0;
    for (uint64_t y = 0; y < length; y++) {
      for (uint64_t x = 0; x < length; x++) {
        int s = 2 * (int)spin_get(batch, c, y, x) - 1;
        energy -= s * (2 * (int)spin_get(batch, c, y, (x + 1) % length) - 1);
        energy -= s * (2 * (int)spin_get(batch, c, (y + 1) % length, x) - 1);
        spins += s;
      }
    }
    e += energy / n, ee += energy * energy / n;
    m += fabs(spins) / n, m2 += spins * spins / n, m4 += pow(spins, 4) / n;
  }
  out[ENERGY] = e / sites;
  out[VARE] = (ee - e * e) / sites;
  out[LN_VARE] = log(out[VARE]);
  out[LN_CHI] = log(m2 / sites);
  out[LN_ABS_M] = log(m / sites);
  out[BINDER] = m4 / (m2 * m2);
}

/// Three sizes of random spins: exponents between sizes are those of the definitions, and fits are least squares of them.
static void definitions(void) {
  static const uint64_t sizes[] = {8, 16, 32};
  static const char *const names[] = {"8", "16"};
  driver *d = open_sizes("", sizes, 3);
  double defined[3][QUANTITIES];
  for (int s = 0; s < 3; s++) {
    fg_batch *batch = spins_random(driver_host(d), sizes[s], sizes[s], 200, 0.6, (uint64_t)s);
    define(batch, defined[s]);
    estimator_feed(d, batch, 0, 0.1);
  }
  finish(d);
  for (int s = 0; s < 2; s++) {
    CHECK_NEAR(local(d, "chi", names[s], "exponent"), (defined[s + 1][LN_CHI] - defined[s][LN_CHI]) / M_LN2, 1e-11);
    CHECK_NEAR(local(d, "abs_m", names[s], "exponent"), (defined[s + 1][LN_ABS_M] - defined[s][LN_ABS_M]) / M_LN2,
               1e-11);
    CHECK_NEAR(local(d, "varE", names[s], "exponent"), (defined[s + 1][LN_VARE] - defined[s][LN_VARE]) / M_LN2, 1e-9);
  }
  // Free spins of magnetisation 0.2: chi ~ L², abs_m ~ 1, e = -2·0.2², U → 1, and no fit is beside exact values.
  CHECK_NEAR(driver_estimate(d, 0, "8", 0, "gamma_over_nu", "value"), 2, 0.25);
  CHECK_NEAR(driver_estimate(d, 0, "8", 0, "e_limit", "value"), -0.08,
             4 * driver_estimate(d, 0, "8", 0, "e_limit", "error"));
  CU_ASSERT(isnan(driver_estimate(d, 0, "8", 0, "gamma_over_nu", "exact")));
  CHECK_INTEGER(estimator_table(d, "fits")->row_count, 11);
  double u = 0, weight = 0;
  for (int s = 0; s < 3; s++) u += defined[s][BINDER] / 3, weight += 1.0 / 3;
  CHECK_NEAR(driver_estimate(d, 0, "8", 0, "U_limit", "value"), u / weight, 0.5);
  driver_close(d);
}

/// Critical lattices of 8, 16 and 32: exponents against exact moments, limits against the infinite lattice.
static void sampled(void) {
  static const uint64_t sizes[] = {8, 16, 32};
  static const char *const params[] = {"size: 8, coupling: critical, configurations: 40000",
                                       "size: 16, coupling: critical, configurations: 40000",
                                       "size: 32, coupling: critical, configurations: 20000"};
  driver *d = open_sizes("", sizes, 3);
  for (int s = 0; s < 3; s++) {
    driver *sampler = sampler_run("sampler.wolff", params[s], "", (uint64_t)s + 1);
    estimator_feed_all(d, sampler);
    driver_close(sampler);
  }
  finish(d);
  double exact = 2 + log2(exact_moments_of(16)->m2 / exact_moments_of(8)->m2);
  CHECK_NEAR(local(d, "chi", "8", "exponent"), exact, 4 * local(d, "chi", "8", "error"));
  CHECK_NEAR(local(d, "chi", "8", "error"), 0, 0.01);
  // On so small lattices the exponents are a little off, by less than .005, and b of varE by 0.1.
  static const struct {
    const char *name;
    double off, most;
  } expected[] = {{"gamma_over_nu", 0.005, 0.006},
                  {"beta_over_nu", 0.002, 0.004},
                  {"varE_log_slope", 0.1, 0.15},
                  {"e_limit", 0.002, 0.003}};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    double error = driver_estimate(d, 0, "8", 0, expected[i].name, "error");
    CHECK_NEAR(driver_estimate(d, 0, "8", 0, expected[i].name, "value"),
               driver_estimate(d, 0, "8", 0, expected[i].name, "exact"), 4 * error + expected[i].off);
    CHECK_NEAR(error, 0, expected[i].most);
  }
  driver_close(d);
}

static driver *dream(const char *params) {
  driver *d = driver_open("generate.dream", params, 42);
  const fg_host *host = driver_host(d);
  fg_format model_format = format_of_model(1);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model_format, NULL}), FG_OK);
  fg_model *model = host->model_new(host, "network.symmetric", "{\"kernel\":3}", published3, 3);
  CHECK_INTEGER(driver_feed_model(d, 0, model), FG_OK);
  host->model_unref(host, model);
  CHECK_INTEGER(driver_end(d, 0), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  return d;
}

/// Dreams of published weights: γ/ν = 1.8053(1) of 6·10⁴ dreams by an independent program (64 → 128), with the sharp
/// errors of levels that share their noise. Single spins do not fluctuate: no fit begins with them.
static void dreamt(void) {
  static const uint64_t sizes[] = {1, 2, 4, 8, 16, 32, 64};
  driver *source = dream("levels: 6, configurations: 3000");
  driver *d = open_sizes("min_size: 1", sizes, 7);
  estimator_feed_all(d, source);
  finish(d);
  double error = driver_estimate(d, 0, "16", 4, "gamma_over_nu", "error");
  CHECK_NEAR(driver_estimate(d, 0, "16", 4, "gamma_over_nu", "value"), 1.8053, 4 * error + 0.001);
  CHECK_NEAR(error, 0, 0.001);
  CHECK_NEAR(fitted(d, "chi", "A L^p", 16, "p", "joint"), 1, 0);
  CU_ASSERT(isnan(driver_estimate(d, 0, "1", 0, "gamma_over_nu", "value")));
  CU_ASSERT(isfinite(driver_estimate(d, 0, "2", 1, "gamma_over_nu", "value")));
  CHECK_INTEGER(estimator_table(d, "estimates")->row_count, 4 * 12); // from 2, 4, 8 and 16 on
  driver_close(d);
  driver_close(source);
}

// ---- what must not matter

static void feed_in_batches(driver *d, uint32_t most) {
  const fg_host *host = driver_host(d);
  for (int s = 0; s < 3; s++) {
    fg_batch *whole = spins_random(host, UINT64_C(8) << s, UINT64_C(8) << s, 1500, 0.55, (uint64_t)s);
    whole->level = s;
    for (uint32_t from = 0; from < whole->count; from += most) {
      uint32_t left = whole->count - from;
      fg_batch *part = part_of(host, whole, from, left < most ? left : most);
      CHECK_INTEGER(driver_feed_batch(d, 0, part), FG_OK);
      host->batch_unref(host, part);
    }
    host->batch_unref(host, whole);
  }
  finish(d);
}

static void no_traces(void) {
  static const uint64_t sizes[] = {8, 16, 32};
  static const char *const names[] = {"estimates", "fits", "local"};
  driver *first = open_sizes("", sizes, 3);
  feed_in_batches(first, 1500);
  for (int i = 0; i < 4; i++) {
    static const uint32_t most[] = {1, 64, 1500, 1500};
    driver *d = open_sizes("", sizes, 3);
    if (i == 2) host_to_change(d)->parallel_for = parallel_backwards;
    if (i == 3) host_to_change(d)->parallel_for = parallel_on_threads;
    feed_in_batches(d, most[i]);
    for (int t = 0; t < 3; t++) CU_ASSERT(same_tables(estimator_table(d, names[t]), estimator_table(first, names[t])));
    driver_close(d);
  }
  driver_close(first);
}

// ---- what cannot be fitted

static char warning[1024]; ///< the last one

static void keep_warning(const fg_host *host, fg_log_level level, const char *format, ...) {
  (void)host;
  va_list args;
  va_start(args, format);
  if (level == FG_LOG_WARNING) vsnprintf(warning, sizeof warning, format, args);
  va_end(args);
}

/// Few configurations: the covariance of a dream's levels is not used, and that is said.
static void few_configurations(void) {
  static const uint64_t sizes[] = {8, 16, 32};
  for (uint32_t count = 8; count <= 9; count++) {
    driver *d = open_sizes("", sizes, 3);
    host_to_change(d)->log = keep_warning;
    warning[0] = '\0';
    for (int s = 0; s < 3; s++)
      estimator_feed(d, spins_random(driver_host(d), sizes[s], sizes[s], count, 0.6, (uint64_t)s), s, NAN);
    finish(d);
    CHECK_NEAR(fitted(d, "chi", "A L^p", 8, "p", "joint"), count == 9, 0);
    CU_ASSERT(isfinite(fitted(d, "chi", "A L^p", 8, "p", "error")));
    CHECK_TEXT(warning, count == 9
                            ? ""
                            : "chi: the covariance of 3 sizes cannot be had from 8 bins; they are fitted as if they "
                              "were independent, so errors and chi2 are not to be trusted; more configurations help");
    driver_close(d);
  }
  // Two levels that are the same but for the size: no covariance matrix can be inverted.
  driver *d = open_sizes("", sizes, 3);
  host_to_change(d)->log = keep_warning;
  warning[0] = '\0';
  fg_batch *coarse = spins_random(driver_host(d), 8, 8, 500, 0.6, 1);
  for (uint64_t s = 0; s < 3; s++) {
    fg_batch *batch = spins_new(driver_host(d), sizes[s], sizes[s], 500);
    for (uint32_t c = 0; c < 500; c++)
      for (uint64_t y = 0; y < sizes[s]; y++)
        for (uint64_t x = 0; x < sizes[s]; x++) spin_set(batch, c, y, x, spin_get(coarse, c, y >> s, x >> s));
    estimator_feed(d, batch, (int)s, NAN);
  }
  driver_host(d)->batch_unref(driver_host(d), coarse);
  finish(d);
  CU_ASSERT(strstr(warning, "chi: the covariance of 3 sizes cannot be had from 250 bins") == warning);
  CHECK_NEAR(fitted(d, "chi", "A L^p", 8, "p", "value"), 2, 1e-12);
  driver_close(d);
}

static void refused(const char *params, const uint64_t *sizes, uint32_t count, const char *message) {
  driver *d = driver_open(KIND, params, 1);
  fg_format in = format_of_spins(sizes[0], sizes[0]);
  in.shape_count = count;
  for (uint32_t s = 0; s < count; s++) in.shapes[s] = fg_lattice_square(sizes[s]);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in}), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refusals(void) {
  static const uint64_t sizes[] = {8, 16, 8, 4, 32};
  refused(
      "", sizes, 4,
      "a fit takes at least 3 sizes from min_size 8 on, and 2 come in; feed more sizes, such as input: [a, b, c] or a "
      "dream that keeps all levels, or lower min_size");
  refused(
      "min_size: 17", sizes, 5,
      "a fit takes at least 3 sizes from min_size 17 on, and 1 come in; feed more sizes, such as input: [a, b, c] or a "
      "dream that keeps all levels, or lower min_size");
  driver *d = driver_open(KIND, "", 1);
  fg_format in = format_of_spins(8, 16);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in}), FG_FAILED);
  CHECK_TEXT(driver_error(d), "a lattice of size 8x16 comes in; estimate.scaling compares lattices of equal extents");
  driver_close(d);
  d = driver_open(KIND, "min_size: 0", 1);
  CU_ASSERT(strstr(driver_error(d), "min_size") != NULL);
  driver_close(d);

  // Sizes enough, but of different couplings; configurations that do not differ.
  static const uint64_t three[] = {8, 16, 32};
  for (int differ = 0; differ < 2; differ++) {
    d = open_sizes("", three, 3);
    host_to_change(d)->log = keep_warning;
    warning[0] = '\0';
    for (int s = 0; s < 3; s++) {
      double coupling = differ && s == 2 ? 0.5 : 0.4;
      estimator_feed(d, spins_random(driver_host(d), three[s], three[s], 20, differ ? 0.6 : 1, 1), 0, coupling);
    }
    CHECK_INTEGER(driver_finish(d), FG_FAILED);
    CHECK_TEXT(driver_error(d), "no coupling has 3 sizes from min_size 8 on with configurations that differ: there is "
                                "nothing to fit; feed more sizes, or more configurations of each, or lower min_size");
    CHECK_TEXT(warning,
               differ ? "sizes of coupling 0.5 are fewer than 3 from min_size 8 on, or do not fluctuate; they are "
                        "not fitted"
                      : "sizes of coupling 0.4 are fewer than 3 from min_size 8 on, or do not fluctuate; they are "
                        "not fitted");
    CHECK_INTEGER(driver_count(d, 0), 0);
    driver_close(d);
  }

  d = open_sizes("", three, 3);
  for (int level = 0; level < 19; level++) estimator_feed(d, spins_new(driver_host(d), 8, 8, 1), level, NAN);
  fg_batch *batch = spins_new(driver_host(d), 8, 8, 1);
  batch->level = 19;
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_FAILED);
  CHECK_TEXT(driver_error(d), "more than 19 combinations of size, level and coupling come in; share them among several "
                              "estimate.scaling stages");
  driver_close(d);
  d = open_sizes("", three, 3);
  host_to_change(d)->cancelled = always_cancelled;
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_CANCELLED);
  driver_host(d)->batch_unref(driver_host(d), batch);
  driver_close(d);
}

int main(void) {
  gsl_set_error_handler_off();
  static const check_case cases[] = {
      {"least squares by hand", by_hand},
      {"estimated covariances", estimated_covariance},
      {"levels of a dream: errors cover", dreams_cover},
      {"separate runs: errors cover", separate_runs_cover},
      {"one dream in detail", one_dream},
      {"who shares noise", grouping},
      {"observables against definitions", definitions},
      {"critical lattices", sampled},
      {"dreams of published weights", dreamt},
      {"batches and threads leave no trace", no_traces},
      {"few configurations", few_configurations},
      {"refusals", refusals},
      {0},
  };
  return check_main(KIND, cases);
}
