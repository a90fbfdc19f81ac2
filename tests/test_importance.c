// test_importance.c — importance.h: sums of known weights, logarithms that no double can hold the exponentials of, and
// errors that cover. Statistical tests: fixed seeds, 4σ.
#include "check.h"

#include "plugins/estimate/bins.c"
#include "plugins/estimate/importance.c"

/// Noise in 0…1, a function of its index (the finaliser of MurmurHash3).
static double noise(uint64_t index) {
  uint64_t h = index + 1;
  for (int round = 0; round < 2; round++) h = (h ^ h >> 33) * (round ? 0xc4ceb9fe1a85ec53u : 0xff51afd7ed558ccdu);
  return (double)((h ^ h >> 33) >> 11) * 0x1p-53;
}

static double normal(uint64_t index) {
  return sqrt(-2 * log(1 - noise(2 * index))) * cos(2 * M_PI * noise(2 * index + 1));
}

static void add(importance *i, double log_weight, double e, double m2) {
  const importance_draw draw = {log_weight, e, m2};
  importance_add(i, &draw);
}

/// Weights 1, 2, 3, 0, shifted by any power of e.
static void known(void) {
  static const double shifts[] = {0, 3000, -3000, 1e6};
  for (int s = 0; s < 4; s++) {
    importance *i = importance_new();
    importance_result r;
    add(i, shifts[s], -1, 0.5);
    add(i, shifts[s] + log(2), -2, 1);
    add(i, -INFINITY, 7, 7);
    add(i, shifts[s] + log(3), -1.5, 0.25);
    importance_estimates(i, &r);
    const double tolerance = 1e-12 + 1e-15 * fabs(shifts[s]);
    const double e = -9.5 / 6, e2 = (1 + 8 + 3 * 2.25) / 6, m2 = 3.25 / 6, m4 = (0.25 + 2 + 3 * 0.0625) / 6;
    CHECK_INTEGER(r.count, 4);
    CHECK_INTEGER(r.zeros, 1);
    CHECK_NEAR(r.of[IMPORTANCE_LOG_MEAN].value, shifts[s] + log(1.5), tolerance);
    CHECK_NEAR(r.of[IMPORTANCE_MEAN_LOG].value, shifts[s] + log(6) / 3, tolerance);
    CHECK_NEAR(r.of[IMPORTANCE_EFFECTIVE].value, 36.0 / (4 * 14), 1e3 * tolerance);
    CHECK_NEAR(r.largest, 0.5, 1e3 * tolerance);
    CHECK_NEAR(r.of[IMPORTANCE_E].value, e, 1e3 * tolerance);
    CHECK_NEAR(r.of[IMPORTANCE_E_VARIANCE].value, e2 - e * e, 1e3 * tolerance);
    CHECK_NEAR(r.of[IMPORTANCE_M2].value, m2, 1e3 * tolerance);
    CHECK_NEAR(r.of[IMPORTANCE_U].value, m4 / m2 / m2, 1e4 * tolerance);
    importance_free(i);
  }
}

/// Logarithms over thousands of nats: the largest decides, and nothing overflows or is no number.
static void far_apart(void) {
  for (int order = 0; order < 2; order++) {
    importance *i = importance_new();
    importance_result r;
    for (int k = 0; k < 1000; k++) add(i, order ? -10.0 * k : 10.0 * k, k, 1);
    importance_estimates(i, &r);
    const double top = order ? 0 : 9990;
    CHECK_NEAR(r.of[IMPORTANCE_LOG_MEAN].value, top - log(1000) - log1p(-exp(-10)), 1e-9);
    CHECK_NEAR(r.of[IMPORTANCE_MEAN_LOG].value, order ? -4995 : 4995, 1e-9);
    CHECK_NEAR(r.of[IMPORTANCE_EFFECTIVE].value, 1e-3 * (1 + exp(-10)) / (1 - exp(-10)), 1e-12);
    CHECK_NEAR(r.of[IMPORTANCE_E].value, order ? 1 / (exp(10) - 1) : 999 - 1 / (exp(10) - 1), 1e-9);
    CU_ASSERT(isfinite(r.of[IMPORTANCE_U].value) && isfinite(r.of[IMPORTANCE_E_VARIANCE].value));
    importance_free(i);
  }
}

static void zeros_only(void) {
  importance *i = importance_new();
  importance_result r;
  for (int k = 0; k < 300; k++) add(i, -INFINITY, 1, 1);
  importance_estimates(i, &r);
  CHECK_INTEGER(r.count, 300);
  CHECK_INTEGER(r.zeros, 300);
  CHECK_NEAR(r.of[IMPORTANCE_EFFECTIVE].value, 0, 0);
  add(i, 2, -1, 0.5);
  importance_estimates(i, &r);
  CHECK_INTEGER(r.zeros, 300);
  CHECK_NEAR(r.of[IMPORTANCE_LOG_MEAN].value, 2 - log(301), 1e-12);
  CHECK_NEAR(r.of[IMPORTANCE_E].value, -1, 1e-15);
  importance_free(i);
}

/// ln W normal of variance v, e = ln W / 10: everything is known, ess = exp(-v), and deviates have variance 1.
static void lognormal(void) {
  enum { RUNS = 100, N = 3000 };
  const double v = 0.3;
  static const importance_quantity quantities[] = {IMPORTANCE_LOG_MEAN, IMPORTANCE_MEAN_LOG, IMPORTANCE_EFFECTIVE,
                                                   IMPORTANCE_E, IMPORTANCE_E_VARIANCE};
  const double exact[] = {5 + v / 2, 5, exp(-v), 0.1 * v, 0.01 * v};
  double sum[5] = {0}, squares[5] = {0};
  for (uint64_t run = 0; run < RUNS; run++) {
    importance *i = importance_new();
    importance_result r;
    for (uint64_t k = 0; k < N; k++) {
      const double x = sqrt(v) * normal(run * N + k);
      add(i, 5 + x, 0.1 * x, 1);
    }
    importance_estimates(i, &r);
    for (int q = 0; q < 5; q++) {
      const double deviate = (r.of[quantities[q]].value - exact[q]) / r.of[quantities[q]].error;
      sum[q] += deviate;
      squares[q] += deviate * deviate;
    }
    importance_free(i);
  }
  for (int q = 0; q < 5; q++) {
    CHECK_NEAR(sum[q] / sqrt(RUNS), 0, 4);
    CHECK_NEAR(squares[q] / RUNS, 1, 4 * sqrt(2.0 / RUNS));
  }
}

int main(void) {
  static const check_case cases[] = {
      {"known weights", known},
      {"far apart", far_apart},
      {"weights of 0", zeros_only},
      {"errors cover", lognormal},
      {NULL, NULL},
  };
  return check_main("importance", cases);
}
