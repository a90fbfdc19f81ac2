// test_series.c — moments kept in bins, and averages of them with errors: what merging and interleaving must not change,
// autocorrelation times and errors against what is known exactly of Gaussian and AR(1) series, and the edges: constant
// data, no data, few configurations, more chains than configurations.
//
// Statistical checks are at 4σ with fixed seeds: about 40 of them, a false alarm somewhere has a chance of 0.3%.
#include "check.h"
#include "rng.h"

#include "../plugins/estimate/series.c"

/// Standard normal numbers, by Box and Muller's transformation.
typedef struct source {
  fg_rng rng;
} source;

static source source_of(uint64_t seed) {
  return (source){fg_rng_start(fg_rng_fill, fg_rng_key_of(20260604, "test_series", "numbers"), seed)};
}

static double normal(source *from) {
  double radius = sqrt(-2 * log1p(-fg_rng_uniform(&from->rng)));
  return radius * cos(2 * M_PI * fg_rng_uniform(&from->rng));
}

/// x → ρx + √(1-ρ²) g: a stationary Gaussian series of variance 1 whose correlations are ρ^t.
static double next_correlated(source *from, double *x, double rho) {
  return *x = rho * *x + sqrt(1 - rho * rho) * normal(from);
}

/// Adds a configuration with the moments x, x², x⁴, x + 2, y, 1; chains by id.
static void add(series *s, uint32_t id, double x, double y) {
  const double moments_of_x[SERIES_MOMENTS] = {x, x * x, x * x * x * x, x + 2, y, 1};
  if (series_add(s, series_chain(s, id), moments_of_x) != 0) abort();
}

/// Adds `count` configurations of a stationary AR(1) series to a chain.
static void add_correlated(series *s, uint32_t id, source *from, double rho, uint64_t count) {
  double x = normal(from);
  for (uint64_t i = 0; i < count; i++) {
    add(s, id, x, 0);
    next_correlated(from, &x, rho);
  }
}

// ---- functions of the means; *arg is the number of parts, NULL: 1

static void no_gradient(const void *arg, double *gradient) {
  uint32_t parts = arg ? *(const uint32_t *)arg : 1;
  for (uint32_t i = 0; i < parts * SERIES_MOMENTS; i++) gradient[i] = 0;
}

static double mean_of_x(const void *arg, const double *mean, double *gradient) {
  no_gradient(arg, gradient);
  gradient[0] = 1;
  return mean[0];
}

static double variance_of_x(const void *arg, const double *mean, double *gradient) {
  no_gradient(arg, gradient);
  gradient[0] = -2 * mean[0];
  gradient[1] = 1;
  return mean[1] - mean[0] * mean[0];
}

static double binder_ratio(const void *arg, const double *mean, double *gradient) {
  no_gradient(arg, gradient);
  gradient[1] = -2 * mean[2] / (mean[1] * mean[1] * mean[1]);
  gradient[2] = 1 / (mean[1] * mean[1]);
  return mean[2] / (mean[1] * mean[1]);
}

static double logarithm_of_ratio(const void *arg, const double *mean, double *gradient) {
  const uint32_t parts = 2;
  (void)arg;
  no_gradient(&parts, gradient);
  gradient[3] = -1 / mean[3];
  gradient[SERIES_MOMENTS + 3] = 1 / mean[SERIES_MOMENTS + 3];
  return log(mean[SERIES_MOMENTS + 3] / mean[3]);
}

static double logarithm(const void *arg, const double *mean, double *gradient) {
  no_gradient(arg, gradient);
  gradient[3] = 1 / mean[3];
  return log(mean[3]);
}

static double inverse_of_x(const void *arg, const double *mean, double *gradient) {
  no_gradient(arg, gradient);
  gradient[0] = -1 / (mean[0] * mean[0]);
  return 1 / mean[0];
}

static series_result estimate_of(const series *s, series_function *function) {
  series_result result;
  CU_ASSERT(series_estimate(&s, 1, function, NULL, &result) == 0);
  return result;
}

/// Means over repeated experiments.
typedef struct tally {
  double n, value, square, error2, tau, tau2, inside;
} tally;

static void count(tally *t, const series_result *result, double exact) {
  double off = result->value - exact;
  t->n++;
  t->value += off;
  t->square += off * off;
  t->error2 += result->error * result->error;
  t->tau += result->tau_int;
  t->tau2 += result->tau_int * result->tau_int;
  t->inside += fabs(off) <= result->error;
}

static double mean_tau(const tally *t) { return t->tau / t->n; }

static double error_of_mean_tau(const tally *t) {
  return sqrt((t->tau2 / t->n - mean_tau(t) * mean_tau(t)) / (t->n - 1));
}

// ---- filling

/// Sum of moment i of configurations begin … begin+width-1, as a balanced tree.
static double tree_sum(const double (*x)[SERIES_MOMENTS], uint64_t begin, uint64_t width, uint32_t i) {
  if (width == 1) return x[begin][i];
  return tree_sum(x, begin, width / 2, i) + tree_sum(x, begin + width / 2, width / 2, i);
}

#define LANES 3u
static const uint64_t lane_counts[LANES] = {100003, 70001, 5};

/// Numbers of all chains, one chain after the other in memory.
static double (*lane_numbers(void))[SERIES_MOMENTS] {
  uint64_t total = lane_counts[0] + lane_counts[1] + lane_counts[2];
  double(*x)[SERIES_MOMENTS] = malloc(total * sizeof *x);
  if (!x) abort();
  source from = source_of(1);
  for (uint64_t i = 0; i < total; i++)
    for (uint32_t m = 0; m < SERIES_MOMENTS; m++) x[i][m] = normal(&from);
  return x;
}

/// The series of three chains that take turns of `turn` configurations.
static series *filled_by_turns(const double (*x)[SERIES_MOMENTS], uint64_t turn) {
  series *s = series_new();
  uint64_t start[LANES] = {0, lane_counts[0], lane_counts[0] + lane_counts[1]}, done[LANES] = {0}, left = 1;
  while (left) {
    left = 0;
    for (uint32_t c = 0; c < LANES; c++) {
      int64_t index = series_chain(s, 10 * c);
      CHECK_INTEGER(index, c);
      for (uint64_t i = 0; i < turn && done[c] < lane_counts[c]; i++, done[c]++)
        if (series_add(s, index, x[start[c] + done[c]]) != 0) abort();
      left += lane_counts[c] - done[c];
    }
  }
  return s;
}

static int same_result(const series_result *a, const series_result *b) { return memcmp(a, b, sizeof *a) == 0; }

/// How chains alternate, and so when bins were merged, leaves no trace to the last bit.
static void interleaving(void) {
  double(*x)[SERIES_MOMENTS] = lane_numbers();
  static const uint64_t turns[] = {1000000, 1, 2, 777, 40000};
  series *first = filled_by_turns((const double(*)[SERIES_MOMENTS])x, turns[0]);
  series_result expected = estimate_of(first, variance_of_x);
  CHECK_INTEGER(series_count(first), lane_counts[0] + lane_counts[1] + lane_counts[2]);
  CHECK_INTEGER(first->merges, 3);
  for (size_t t = 1; t < sizeof turns / sizeof *turns; t++) {
    series *s = filled_by_turns((const double(*)[SERIES_MOMENTS])x, turns[t]);
    series_result found = estimate_of(s, variance_of_x);
    CU_ASSERT(same_result(&found, &expected));
    CU_ASSERT(series_aligned(first, s));
    series_free(s);
  }
  series_free(first);
  free(x);
}

/// Every bin, and the bin begun, is the balanced sum of its configurations.
static void bins(void) {
  double(*x)[SERIES_MOMENTS] = lane_numbers();
  const double(*all)[SERIES_MOMENTS] = (const double(*)[SERIES_MOMENTS])x;
  series *s = filled_by_turns(all, 5);
  uint64_t start = 0, width = UINT64_C(1) << s->merges, wrong = 0;
  for (uint32_t c = 0; c < LANES; start += lane_counts[c++]) {
    const markov_chain *here = &s->chain[c];
    CHECK_INTEGER(here->bins, lane_counts[c] / width);
    for (uint32_t m = 0; m < SERIES_MOMENTS; m++) {
      for (uint64_t b = 0; b < here->bins; b++) {
        double expected = tree_sum(all, start + b * width, width, m);
        wrong += memcmp(&here->bin[b].x[m], &expected, sizeof expected) != 0;
      }
      double rest = 0, expected = 0;
      for (uint32_t k = 0; k < s->merges; k++) rest += here->count >> k & 1 ? here->carry[k].x[m] : 0;
      for (uint64_t i = here->bins * width; i < here->count; i++) expected += all[start + i][m];
      CHECK_NEAR(rest, expected, 1e-12);
    }
  }
  CHECK_INTEGER(wrong, 0);
  series_free(s);
  free(x);
}

/// A series of many chains stays within the memory it promises, even when they come one after the other.
static void memory(void) {
  const uint32_t chains = 64;
  series *s = series_new();
  for (uint32_t c = 0; c < chains; c++)
    for (int i = 0; i < 33000; i++) add(s, c, i, c);
  uint64_t bytes = sizeof(series) + s->chain_capacity * sizeof(markov_chain);
  for (uint32_t c = 0; c < chains; c++) bytes += s->chain[c].capacity * sizeof(moment_sums);
  CU_ASSERT(bytes <= series_bytes(chains));
  CU_ASSERT(s->bins <= SERIES_MOST_BINS);
  CHECK_INTEGER(series_chains(s), chains);
  series_free(s);
}

/// Wider bins leave the value, and hardly move error and time, of a series with τ = 4.5.
static void merging(void) {
  series *s = series_new();
  source from = source_of(2);
  add_correlated(s, 0, &from, 0.8, 30000);
  add_correlated(s, 1, &from, 0.8, 2001);
  series_function *functions[] = {mean_of_x, variance_of_x, binder_ratio};
  series_result narrow[3];
  for (int f = 0; f < 3; f++) narrow[f] = estimate_of(s, functions[f]);
  for (int merges = 1; merges <= 3; merges++) {
    merge_bins(s);
    for (int f = 0; f < 3; f++) {
      series_result wide = estimate_of(s, functions[f]);
      CHECK_NEAR(wide.value, narrow[f].value, 1e-12);
      CHECK_NEAR(wide.error / narrow[f].error, 1, 0.1);
      CHECK_NEAR(wide.tau_int / narrow[f].tau_int, 1, 0.15);
    }
  }
  series_free(s);
}

// ---- autocorrelation

/// τ of an AR(1) series is ½(1+ρ)/(1-ρ) for x, and the same with ρ² for the variance of x. The Γ-method cuts the sum where
/// the rest is worth a percent or so.
static void correlated(void) {
  static const struct {
    double rho;
    uint64_t count; // of each of two chains
  } cases[] = {{0, 10000}, {0.5, 10000}, {0.9, 15000}, {0.9, 100000}, {0.97, 15000}, {0.97, 100000}, {-0.5, 10000}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double rho = cases[i].rho;
    tally x = {0}, variance = {0};
    for (uint64_t run = 0; run < 20; run++) {
      series *s = series_new();
      source from = source_of(100 * i + 100 + run);
      add_correlated(s, 0, &from, rho, cases[i].count);
      add_correlated(s, 7, &from, rho, cases[i].count);
      series_result of_x = estimate_of(s, mean_of_x), of_variance = estimate_of(s, variance_of_x);
      count(&x, &of_x, 0);
      count(&variance, &of_variance, 1);
      series_free(s);
    }
    double tau = 0.5 * (1 + rho) / (1 - rho), tau2 = 0.5 * (1 + rho * rho) / (1 - rho * rho);
    printf("\n    ρ = %5.2f, 2×%-6d: τ = %.3f (exactly %.3f) of x, %.3f (%.3f) of its variance", rho,
           (int)cases[i].count, mean_tau(&x), tau, mean_tau(&variance), tau2);
    CHECK_NEAR(mean_tau(&x), tau, 0.02 * tau + 4 * error_of_mean_tau(&x));
    CHECK_NEAR(mean_tau(&variance), tau2, 0.02 * tau2 + 4 * error_of_mean_tau(&variance));
    CU_ASSERT(error_of_mean_tau(&x) < 0.05 * tau);
    // The error of the mean, 20 times: its mean square is 2τ/n to 3%.
    double n = 2 * (double)cases[i].count;
    CHECK_NEAR(x.error2 / x.n / (2 * tau / n), 1, 0.15);
  }
}

/// Independent numbers: ½ to 1%, the plain standard error, and the same in one chain, or with as many chains as numbers.
static void independent(void) {
  static const uint32_t chains[] = {1, 4, 500, 20000};
  const uint64_t total = 20000;
  for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
    series *s = series_new();
    source from = source_of(3);
    double sum = 0, square = 0;
    for (uint64_t j = 0; j < total; j++) {
      double x = normal(&from);
      add(s, (uint32_t)(j % chains[i]), x, 0);
      sum += x / (double)total;
      square += x * x / (double)total;
    }
    series_result result = estimate_of(s, mean_of_x);
    double plain = sqrt((square - sum * sum) / (double)(total - 1));
    CHECK_NEAR(result.value, sum, 1e-13);
    CHECK_NEAR(result.tau_int, 0.5, 4 * 0.5 * sqrt(2.0 * 5 / (double)total)); // a window of 2
    CHECK_NEAR(result.error / plain, 1, 4 / sqrt(2 * 700.0));                 // of at least 700 bins
    series_free(s);
  }
}

// ---- errors

/// Exact for n independent normal numbers: Var(mean) = 1/n, Var(variance) = 2/n, Var(⟨x⁴⟩/⟨x²⟩²) = 24/n, Var(ln⟨x+2⟩) =
/// 1/4n. And correlated ones: the same times 2τ(ρ), 2τ(ρ²), and for the ratio, an average of fourth Hermite polynomials,
/// 2τ(ρ⁴).
static void nonlinear(void) {
  static const struct {
    const char *name;
    series_function *function;
    double exact, variance;
    int power;
  } cases[] = {
      {"mean", mean_of_x, 0, 1, 1},
      {"variance", variance_of_x, 1, 2, 2},
      {"ratio of moments", binder_ratio, 3, 24, 4},
      {"logarithm", logarithm, M_LN2, 0.25, 1},
  };
  static const double rhos[] = {0, 0.7};
  const uint64_t n = 4000, runs = 400;
  for (size_t r = 0; r < 2; r++) {
    tally tallies[4] = {{0}};
    for (uint64_t run = 0; run < runs; run++) {
      series *s = series_new();
      source from = source_of(10000 * (r + 1) + run);
      for (uint32_t c = 0; c < 2; c++) add_correlated(s, c, &from, rhos[r], n / 2);
      for (size_t f = 0; f < 4; f++) {
        series_result result = estimate_of(s, cases[f].function);
        count(&tallies[f], &result, cases[f].exact);
      }
      series_free(s);
    }
    for (size_t f = 0; f < 4; f++) {
      const tally *t = &tallies[f];
      double decay = pow(rhos[r], cases[f].power), expected = cases[f].variance * (1 + decay) / (1 - decay) / (double)n;
      printf("\n    ρ = %.1f %-16s: quoted %.4g, found %.4g, exactly %.4g; %.1f%% within", rhos[r], cases[f].name,
             sqrt(t->error2 / t->n), sqrt(t->square / t->n), sqrt(expected), 100 * t->inside / t->n);
      CHECK_NEAR(t->error2 / t->n / expected, 1, 0.08);                       // quoted: to 4%
      CHECK_NEAR(t->square / t->n / expected, 1, 4 * sqrt(2 / (double)runs)); // true
      CHECK_NEAR(t->inside / t->n, 0.683, 4 * sqrt(0.683 * 0.317 / (double)runs));
    }
  }
}

/// Short correlated runs, n = 80τ: errors are right on average, within 4σ, and two thirds of them hold the mean; a little
/// fewer than 68.3%, for an error from a dozen bins is itself uncertain to 20%. τ is right to 6%: without the repair of the
/// subtracted mean's bias it would be 13% too small.
static void short_runs(void) {
  for (uint32_t chains = 1; chains <= 4; chains *= 4) {
    tally t = {0};
    for (uint64_t run = 0; run < 3000; run++) {
      series *s = series_new();
      source from = source_of(1000000 * chains + run);
      for (uint32_t c = 0; c < chains; c++) add_correlated(s, c, &from, 0.9, 760 / chains);
      series_result result = estimate_of(s, mean_of_x);
      count(&t, &result, 0);
      series_free(s);
    }
    printf("\n    %u chains: %.1f%% within one error; quoted %.4f, found %.4f; τ = %.2f", chains, 100 * t.inside / t.n,
           sqrt(t.error2 / t.n), sqrt(t.square / t.n), mean_tau(&t));
    CHECK_NEAR(t.inside / t.n, 0.68, 0.06);
    CHECK_NEAR(sqrt(t.error2 / t.square), 1, 4 / sqrt(2 * t.n));
    CHECK_NEAR(mean_tau(&t), 9.5, 0.06 * 9.5);
  }
}

// ---- two series

/// Two series that share nearly all noise: the ratio of their means is known far better than either.
static void joint(void) {
  tally together = {0};
  double separate2 = 0;
  const uint64_t runs = 300, n = 2000;
  for (uint64_t run = 0; run < runs; run++) {
    series *coarse = series_new(), *fine = series_new();
    source from = source_of(50000 + run);
    double x = normal(&from);
    for (uint64_t i = 0; i < n; i++) {
      next_correlated(&from, &x, 0.5);
      add(coarse, 0, x, 0);
      add(fine, 0, x + 0.1 * normal(&from), 0);
    }
    const series *parts[] = {coarse, fine};
    series_result result, one = estimate_of(coarse, logarithm), two = estimate_of(fine, logarithm);
    CU_ASSERT(series_estimate(parts, 2, logarithm_of_ratio, NULL, &result) == 0);
    CHECK_NEAR(result.value, two.value - one.value, 1e-12);
    count(&together, &result, 0);
    separate2 += one.error * one.error + two.error * two.error;
    series_free(coarse);
    series_free(fine);
  }
  // Their difference is independent noise of 0.1 about 2: the ratio's error is 0.05/√n; each logarithm's is √3/(2√n).
  double exact = 0.05 / sqrt((double)n);
  CHECK_NEAR(sqrt(together.error2 / together.n) / exact, 1, 0.05);
  CHECK_NEAR(together.square / together.n / (exact * exact), 1, 4 * sqrt(2 / (double)runs));
  CHECK_NEAR(mean_tau(&together), 0.5, 0.01 + 4 * error_of_mean_tau(&together));
  CU_ASSERT(separate2 > 100 * together.error2);
}

/// With bins wider than a configuration the joint error is as good, and τ is unknown.
static void joint_merged(void) {
  series *coarse = series_new(), *fine = series_new();
  source from = source_of(4);
  const uint64_t n = 200000;
  for (uint64_t i = 0; i < n; i++) {
    double x = normal(&from);
    add(coarse, 0, x, 0);
    add(fine, 0, x + 0.1 * normal(&from), 0);
  }
  const series *parts[] = {coarse, fine};
  series_result result;
  CU_ASSERT(series_aligned(coarse, fine));
  CU_ASSERT(coarse->merges > 0);
  CU_ASSERT(series_estimate(parts, 2, logarithm_of_ratio, NULL, &result) == 0);
  CHECK_NEAR(result.value, 0, 4 * result.error);
  CHECK_NEAR(result.error / (0.05 / sqrt((double)n)), 1, 0.12);
  CU_ASSERT(isnan(result.tau_int));
  series_free(coarse);
  series_free(fine);
}

static void aligned(void) {
  series *a = series_new(), *b = series_new();
  CU_ASSERT(series_aligned(a, b));
  for (uint32_t c = 0; c < 2; c++) add(a, c, 1, 1);
  CU_ASSERT(!series_aligned(a, b));
  add(b, 0, 1, 1);
  CU_ASSERT(!series_aligned(a, b)); // a chain is missing
  add(b, 1, 2, 1);
  CU_ASSERT(series_aligned(a, b));
  add(b, 1, 2, 1);
  CU_ASSERT(!series_aligned(a, b)); // one is longer
  series_free(b);
  b = series_new();
  for (uint32_t c = 0; c < 2; c++) add(b, c + 1, 1, 1);
  CU_ASSERT(!series_aligned(a, b)); // other chains
  series_free(a);
  series_free(b);
}

// ---- edges

static void check_unknown(double number) { CU_ASSERT(isnan(number)); }

static void nothing(void) {
  series *s = series_new();
  series_result result = estimate_of(s, mean_of_x);
  CHECK_INTEGER(series_count(s), 0);
  CHECK_INTEGER(series_chains(s), 0);
  check_unknown(result.value);
  check_unknown(result.error);
  check_unknown(result.tau_int);
  series_chain(s, 3); // a chain without configurations
  result = estimate_of(s, mean_of_x);
  check_unknown(result.value);
  series_free(s);
  series_free(NULL);
}

static void few(void) {
  series *s = series_new();
  add(s, 0, 3, 1);
  series_result result = estimate_of(s, mean_of_x);
  CHECK_NEAR(result.value, 3, 0);
  check_unknown(result.error);
  check_unknown(result.tau_int);
  add(s, 0, 5, 1); // the standard error of two numbers is half their difference
  result = estimate_of(s, mean_of_x);
  CHECK_NEAR(result.value, 4, 1e-15);
  CHECK_NEAR(result.error, 1, 1e-12);
  series_free(s);

  s = series_new(); // and of two chains of one number
  add(s, 0, 3, 1);
  add(s, 1, 5, 1);
  result = estimate_of(s, mean_of_x);
  CHECK_NEAR(result.error, 1, 1e-12);
  series_chain(s, 2); // a chain that gave nothing does not count
  result = estimate_of(s, mean_of_x);
  CHECK_NEAR(result.error, 1, 1e-12);
  series_free(s);
}

/// No fluctuations: no error, and no time. Not even where sums of equal numbers are rounded, bins are merged or another
/// moment fluctuates.
static void constant(void) {
  static const double constants[] = {0, 1, 0.1, -1e24 / 3};
  static const uint64_t counts[] = {2, 3, 1000, 100001};
  source from = source_of(5);
  for (size_t i = 0; i < 4; i++) {
    for (size_t n = 0; n < 4; n++) {
      series *s = series_new();
      for (uint64_t j = 0; j < counts[n]; j++) {
        const double x[SERIES_MOMENTS] = {constants[i], 1e8, 1e16, 0, normal(&from), 1};
        if (series_add(s, series_chain(s, 0), x) != 0) abort();
      }
      series_result result = estimate_of(s, mean_of_x);
      CHECK_NEAR(result.value, constants[i], 1e-12 * fabs(constants[i]));
      CHECK_NEAR(result.error, 0, 1e-12 * fabs(constants[i]));
      check_unknown(result.tau_int);
      result = estimate_of(s, binder_ratio);
      CHECK_NEAR(result.value, 1, 1e-12);
      CHECK_NEAR(result.error, 0, 1e-12);
      check_unknown(result.tau_int);
      series_free(s);
    }
  }
}

/// A value that is not finite has no error, though it is finite when a bin is left out, and no time.
static void not_finite(void) {
  series *s = series_new();
  for (int i = 0; i < 101; i++) add(s, 0, i - 50, 0);
  series_result result = estimate_of(s, inverse_of_x);
  CU_ASSERT(isinf(result.value));
  check_unknown(result.error);
  check_unknown(result.tau_int);
  series_free(s);
}

/// Where the fluctuations of single configurations drown in the rounding of their squares, τ is unknown; the error is not.
static void drowned(void) {
  series *s = series_new();
  source from = source_of(8);
  const int n = 100000;
  for (int i = 0; i < n; i++) add(s, 0, 1e7 + normal(&from), 0);
  CU_ASSERT(s->merges > 0);
  series_result result = estimate_of(s, mean_of_x);
  CHECK_NEAR(result.value, 1e7, 4 / sqrt(n));
  CHECK_NEAR(result.error * sqrt(n), 1, 0.12);
  check_unknown(result.tau_int);
  series_free(s);
}

/// Chains shorter than their memory: errors come from chains against each other. 400 chains of 5 equal numbers.
static void frozen_chains(void) {
  tally t = {0};
  for (uint64_t run = 0; run < 200; run++) {
    series *s = series_new();
    source from = source_of(70000 + run);
    for (uint32_t c = 0; c < 400; c++) {
      double x = normal(&from);
      for (int i = 0; i < 5; i++) add(s, c, x, 0);
    }
    series_result result = estimate_of(s, mean_of_x);
    count(&t, &result, 0);
    series_free(s);
  }
  CHECK_NEAR(sqrt(t.error2 / t.n) * sqrt(400), 1, 0.03);
  CHECK_NEAR(t.inside / t.n, 0.683, 4 * sqrt(0.683 * 0.317 / t.n));
}

int main(void) {
  static const check_case cases[] = {
      {"interleaving of chains", interleaving},
      {"bins are balanced sums", bins},
      {"memory", memory},
      {"merging of bins", merging},
      {"autocorrelation times", correlated},
      {"independent numbers", independent},
      {"errors of nonlinear functions", nonlinear},
      {"short runs", short_runs},
      {"two series jointly", joint},
      {"two series jointly, bins merged", joint_merged},
      {"alignment", aligned},
      {"no configurations", nothing},
      {"one and two configurations", few},
      {"constant data", constant},
      {"values that are not finite", not_finite},
      {"fluctuations lost in rounding", drowned},
      {"frozen chains", frozen_chains},
      {0},
  };
  return check_main("series", cases);
}
