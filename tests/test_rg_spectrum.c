// test_rg_spectrum.c — rg_spectrum.h: eigenvalues, their derivatives and ranks for covariances made by hand.
#include "check.h"
#include "driver.h"
#include "matrices.h"

#include "plugins/estimate/rg_spectrum.c"

#include <gsl/gsl_errno.h>

static double random_number(fg_rng *rng) { return 2 * fg_rng_uniform(rng) - 1; }

#define SIZE 6u

/// A covariance, some of whose operators are larger than others, and coarse·T for a T with eigenvalues 3, 1.5 ± 0.5i,
/// 0.7, 0.2, -0.1.
static void make_covariances(const fg_host *host, double *coarse, double *mixed, double *t) {
  fg_rng rng = fg_rng_start(host->rng_fill, host->rng_key(host, "matrices"), 1);
  double basis[SIZE * SIZE], inverse[SIZE * SIZE], diagonal[SIZE * SIZE] = {0}, work[SIZE * SIZE];
  static const double values[] = {0.7, 3, 0, 0, -0.1, 0.2};
  for (uint32_t i = 0; i < SIZE * SIZE; i++) basis[i] = random_number(&rng) + (i % (SIZE + 1) == 0 ? 2 : 0);
  for (uint32_t i = 0; i < SIZE; i++) diagonal[i * SIZE + i] = i == 2 || i == 3 ? 1.5 : values[i];
  diagonal[2 * SIZE + 3] = 0.5;
  diagonal[3 * SIZE + 2] = -0.5;
  invert(basis, SIZE, inverse);
  multiply(basis, diagonal, SIZE, work);
  multiply(work, inverse, SIZE, t);
  for (uint32_t i = 0; i < SIZE; i++)
    for (uint32_t j = 0; j < SIZE; j++) {
      double sum = 0;
      for (uint32_t k = 0; k < SIZE; k++) sum += basis[i * SIZE + k] * basis[j * SIZE + k];
      coarse[i * SIZE + j] = sum * pow(3, (double)i + (double)j);
    }
  multiply(coarse, t, SIZE, mixed);
}

static void known_eigenvalues(void) {
  static const rg_eigenvalue expected[] = {{3, 0}, {1.5, 0.5}, {1.5, -0.5}, {0.7, 0}, {0.2, 0}, {-0.1, 0}};
  driver *d = driver_open("estimate.rg-matrix", "", 1);
  double coarse[SIZE * SIZE], mixed[SIZE * SIZE], t[SIZE * SIZE], found[SIZE * SIZE];
  make_covariances(driver_host(d), coarse, mixed, t);
  rg_spectrum *s = rg_spectrum_new(SIZE);
  CHECK_INTEGER(rg_spectrum_solve(s, coarse, mixed, SIZE, 1e-12), 0);
  CHECK_INTEGER(rg_spectrum_rank(s), SIZE);
  CU_ASSERT(rg_spectrum_condition(s) > 1);
  for (uint32_t i = 0; i < SIZE; i++) {
    CHECK_NEAR(rg_spectrum_value(s, i).real, expected[i].real, 1e-9);
    CHECK_NEAR(rg_spectrum_value(s, i).imaginary, expected[i].imaginary, 1e-9);
  }
  CHECK_NEAR(rg_spectrum_size(s, 2), sqrt(2.5), 1e-9);
  CHECK_NEAR(rg_spectrum_size(s, 5), -0.1, 1e-9);
  CU_ASSERT(isnan(rg_spectrum_size(s, SIZE)));
  rg_spectrum_matrix(s, found);
  for (uint32_t i = 0; i < SIZE * SIZE; i++) CHECK_NEAR(found[i], t[i], 1e-7 * (1 + fabs(t[i])));

  // Derivatives of every eigenvalue, the modulus of the complex pair included, are what small changes give.
  double by_coarse[SIZE][SIZE * SIZE], by_mixed[SIZE][SIZE * SIZE];
  for (uint32_t i = 0; i < SIZE; i++) CHECK_INTEGER(rg_spectrum_derivatives(s, i, by_coarse[i], by_mixed[i]), 0);
  for (uint32_t k = 0; k < 2 * SIZE * SIZE; k++) {
    double value[2][SIZE], *element = k < SIZE * SIZE ? &mixed[k] : &coarse[k - SIZE * SIZE];
    const uint32_t at = k % (SIZE * SIZE), across = at % SIZE * SIZE + at / SIZE;
    const double before = *element, scale = sqrt(coarse[at / SIZE * (SIZE + 1)] * coarse[at % SIZE * (SIZE + 1)]);
    for (int side = 0; side < 2; side++) {
      *element = before + (side ? 1e-6 : -1e-6) * scale;
      if (k >= SIZE * SIZE) coarse[across] = *element; // covariances are symmetric
      CHECK_INTEGER(rg_spectrum_solve(s, coarse, mixed, SIZE, 1e-12), 0);
      for (uint32_t i = 0; i < SIZE; i++) value[side][i] = rg_spectrum_size(s, i);
    }
    *element = before;
    if (k >= SIZE * SIZE) coarse[across] = before;
    for (uint32_t i = 0; i < SIZE; i++) {
      const double change = (value[1][i] - value[0][i]) / 2e-6, both = by_coarse[i][at] + by_coarse[i][across];
      const double derivative = k < SIZE * SIZE ? by_mixed[i][at] : at == across ? both / 2 : both;
      CHECK_NEAR(derivative * scale, change, 1e-5 * (1 + fabs(change)));
    }
  }
  CHECK_INTEGER(rg_spectrum_derivatives(s, SIZE, by_coarse[0], by_mixed[0]), 0);
  for (uint32_t k = 0; k < SIZE * SIZE; k++) CHECK_NEAR(fabs(by_coarse[0][k]) + fabs(by_mixed[0][k]), 0, 0);
  rg_spectrum_free(s);
  driver_close(d);
}

/// An operator twice, a sum of two others, and one that does not fluctuate change nothing but the rank.
static void dependent_operators(void) {
  enum { LARGE = SIZE + 3 };
  driver *d = driver_open("estimate.rg-matrix", "", 1);
  double coarse[SIZE * SIZE], mixed[SIZE * SIZE], t[SIZE * SIZE];
  double large_coarse[LARGE * LARGE], large_mixed[LARGE * LARGE];
  make_covariances(driver_host(d), coarse, mixed, t);
  // Rows: operators 0 … 2, 1 again, 3 … 5, nothing, 0 + 3. Fine operators are the same combinations.
  double of[LARGE][SIZE] = {{0}};
  static const int single[] = {0, 1, 2, 1, 3, 4, 5};
  for (int a = 0; a < 7; a++) of[a][single[a]] = 1;
  of[8][0] = of[8][3] = 1;
  for (int a = 0; a < LARGE; a++) {
    for (int b = 0; b < LARGE; b++) {
      double c = 0, m = 0;
      for (uint32_t i = 0; i < SIZE; i++) {
        for (uint32_t j = 0; j < SIZE; j++) {
          c += of[a][i] * coarse[i * SIZE + j] * of[b][j];
          m += of[a][i] * mixed[i * SIZE + j] * of[b][j];
        }
      }
      large_coarse[a * LARGE + b] = c;
      large_mixed[a * LARGE + b] = m;
    }
  }
  rg_spectrum *small = rg_spectrum_new(SIZE), *large = rg_spectrum_new(LARGE);
  CHECK_INTEGER(rg_spectrum_solve(small, coarse, mixed, SIZE, 1e-10), 0);
  CHECK_INTEGER(rg_spectrum_solve(large, large_coarse, large_mixed, LARGE, 1e-10), 0);
  CHECK_INTEGER(rg_spectrum_rank(large), SIZE);
  for (uint32_t i = 0; i < SIZE; i++) CHECK_NEAR(rg_spectrum_size(large, i), rg_spectrum_size(small, i), 1e-8);
  rg_spectrum_free(small);
  rg_spectrum_free(large);
  driver_close(d);
}

/// Three operators with correlations r = 0.8: eigenvalues 1+2r and twice 1-r. A cutoff between leaves the sum of all
/// three, though none of them is a combination of the others.
static void pseudo_inverse(void) {
  const double r = 0.8, coarse[] = {1, r, r, r, 1, r, r, r, 1}, mixed[] = {1, 2, 3, 4, 5, 6, 7, 8, 10};
  rg_spectrum *s = rg_spectrum_new(3);
  CHECK_INTEGER(rg_spectrum_solve(s, coarse, mixed, 3, 0.1), 0);
  CHECK_INTEGER(rg_spectrum_rank(s), 1);
  CHECK_NEAR(rg_spectrum_condition(s), 1, 1e-12);
  CHECK_NEAR(rg_spectrum_size(s, 0), 46.0 / 3 / (1 + 2 * r), 1e-12);
  CHECK_INTEGER(rg_spectrum_solve(s, coarse, mixed, 3, 0.05), 0);
  CHECK_INTEGER(rg_spectrum_rank(s), 3);
  CHECK_NEAR(rg_spectrum_condition(s), (1 + 2 * r) / (1 - r), 1e-10);

  const double unknown[] = {1, r, r, r, NAN, r, r, r, 1}, nothing[9] = {0};
  CHECK_INTEGER(rg_spectrum_solve(s, unknown, mixed, 3, 0.1), -1);
  CHECK_INTEGER(rg_spectrum_solve(s, nothing, nothing, 3, 0.1), 0);
  CHECK_INTEGER(rg_spectrum_rank(s), 0);
  CU_ASSERT(isnan(rg_spectrum_size(s, 0)) && isnan(rg_spectrum_condition(s)));
  rg_spectrum_free(s);
}

int main(void) {
  gsl_set_error_handler_off();
  static const check_case cases[] = {
      {"known eigenvalues", known_eigenvalues},
      {"dependent operators", dependent_operators},
      {"pseudo-inverse", pseudo_inverse},
      {0},
  };
  return check_main("RG spectra", cases);
}
