// rg_spectrum.c — see rg_spectrum.h. With R the coarse covariance scaled to a unit diagonal, F the mixed one scaled
// alike, and R = V Λ Vᵀ, the eigenvalues of T = R⁻¹F are those of M = Λ^-½ Vᵀ F V Λ^-½, which is small when few
// directions are kept.
#include "rg_spectrum.h"

#include <complex.h>
#include <gsl/gsl_blas.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEAR 1e-10   // of the largest eigenvalue: how far beside an eigenvalue M is inverted
#define ITERATIONS 3 // each multiplies what is not the eigenvector by NEAR over the distance to other eigenvalues

struct rg_spectrum {
  uint32_t n, rank;
  double condition;
  double *scale;              ///< 1/√ of the coarse variances; 0: the operator is left out
  gsl_matrix *coarse, *mixed; ///< scaled; the first is destroyed
  gsl_matrix *vectors;        ///< V; before, a Cholesky factor
  gsl_matrix *directions;     ///< n × rank: V Λ^-½
  gsl_matrix *product;        ///< rank × n: Λ^-½ Vᵀ F
  gsl_matrix *m;              ///< rank × rank
  gsl_vector *variances;      ///< Λ
  gsl_eigen_symmv_workspace *symmetric;
  rg_eigenvalue *value; ///< rank
};

rg_spectrum *rg_spectrum_new(uint32_t n) {
  rg_spectrum *s = calloc(1, sizeof *s);
  const uint32_t size = n ? n : 1;
  if (!s) return NULL;
  s->n = n;
  s->scale = calloc(size, sizeof *s->scale);
  s->value = calloc(size, sizeof *s->value);
  gsl_matrix **matrices[] = {&s->coarse, &s->mixed, &s->vectors, &s->directions, &s->product, &s->m};
  int complete = s->scale && s->value;
  for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
    *matrices[i] = gsl_matrix_calloc(size, size);
    complete = complete && *matrices[i];
  }
  s->variances = gsl_vector_calloc(size);
  s->symmetric = gsl_eigen_symmv_alloc(size);
  if (complete && s->variances && s->symmetric) return s;
  rg_spectrum_free(s);
  return NULL;
}

void rg_spectrum_free(rg_spectrum *s) {
  if (!s) return;
  gsl_matrix *matrices[] = {s->coarse, s->mixed, s->vectors, s->directions, s->product, s->m};
  for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
    if (matrices[i]) gsl_matrix_free(matrices[i]);
  if (s->variances) gsl_vector_free(s->variances);
  if (s->symmetric) gsl_eigen_symmv_free(s->symmetric);
  free(s->scale);
  free(s->value);
  free(s);
}

/// Six matrices, what eigenvalues and eigenvectors take for a while (a complex one at most), and vectors.
uint64_t rg_spectrum_bytes(uint32_t n) {
  return sizeof(rg_spectrum) + ((uint64_t)n + 4) * ((uint64_t)n + 4) * 12 * sizeof(double);
}

// ---- solving

/// Leaves out operators that are combinations of earlier ones, by Cholesky's factorisation in their order: what is
/// left of an operator's variance, all earlier ones being fixed, is below the cutoff. Simple operators come first, so
/// what stays on a small lattice, where many coincide, is what would be measured there; an average over those that
/// coincide would mean nothing.
static void leave_out_combinations(rg_spectrum *s, double cutoff) {
  gsl_matrix *factor = s->vectors; // not needed yet
  for (uint32_t a = 0; a < s->n; a++) {
    double left = s->scale[a] > 0 ? 1 : 0;
    for (uint32_t b = 0; b < a; b++) {
      double sum = gsl_matrix_get(s->coarse, a, b);
      for (uint32_t k = 0; k < b; k++) sum -= gsl_matrix_get(factor, a, k) * gsl_matrix_get(factor, b, k);
      double pivot = gsl_matrix_get(factor, b, b);
      gsl_matrix_set(factor, a, b, pivot > 0 ? sum / pivot : 0);
      left -= gsl_pow_2(gsl_matrix_get(factor, a, b));
    }
    if (left < cutoff) s->scale[a] = 0;
    gsl_matrix_set(factor, a, a, s->scale[a] > 0 ? sqrt(left) : 0);
  }
}

/// Both covariances, scaled so that the coarse variances are 1; zero for operators with scale 0. 0, or -1.
static int scale_covariances(rg_spectrum *s, const double *coarse, const double *mixed, uint32_t size) {
  for (uint32_t a = 0; a < s->n; a++) {
    for (uint32_t b = 0; b < s->n; b++) {
      double factor = s->scale[a] * s->scale[b];
      double c = factor * coarse[(size_t)a * size + b], f = factor * mixed[(size_t)a * size + b];
      if (!isfinite(c) || !isfinite(f)) return -1;
      gsl_matrix_set(s->coarse, a, b, c);
      gsl_matrix_set(s->mixed, a, b, f);
    }
  }
  return 0;
}

/// Directions that fluctuate enough, each scaled to variance 1. 0, or -1.
static int find_directions(rg_spectrum *s, double cutoff) {
  if (gsl_eigen_symmv(s->coarse, s->variances, s->vectors, s->symmetric)) return -1;
  gsl_eigen_symmv_sort(s->variances, s->vectors, GSL_EIGEN_SORT_VAL_DESC);
  const double largest = gsl_vector_get(s->variances, 0);
  for (s->rank = 0; s->rank < s->n; s->rank++) {
    double variance = gsl_vector_get(s->variances, s->rank);
    if (!(variance > 0) || variance < cutoff * largest) break;
    for (uint32_t a = 0; a < s->n; a++)
      gsl_matrix_set(s->directions, a, s->rank, gsl_matrix_get(s->vectors, a, s->rank) / sqrt(variance));
  }
  s->condition = s->rank ? largest / gsl_vector_get(s->variances, s->rank - 1) : NAN;
  return 0;
}

/// M, from the directions.
static void project(rg_spectrum *s) {
  gsl_matrix_view directions = gsl_matrix_submatrix(s->directions, 0, 0, s->n, s->rank);
  gsl_matrix_view product = gsl_matrix_submatrix(s->product, 0, 0, s->rank, s->n);
  gsl_matrix_view m = gsl_matrix_submatrix(s->m, 0, 0, s->rank, s->rank);
  gsl_blas_dgemm(CblasTrans, CblasNoTrans, 1, &directions.matrix, s->mixed, 0, &product.matrix);
  gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, &product.matrix, &directions.matrix, 0, &m.matrix);
}

static int compare(const void *left, const void *right) {
  const rg_eigenvalue *a = left, *b = right;
  double one = hypot(a->real, a->imaginary), other = hypot(b->real, b->imaginary);
  if (one > other || one < other) return one < other ? 1 : -1;
  return (a->imaginary < b->imaginary) - (a->imaginary > b->imaginary);
}

static int find_values(rg_spectrum *s) {
  gsl_matrix_const_view m = gsl_matrix_const_submatrix(s->m, 0, 0, s->rank, s->rank);
  gsl_matrix *copy = gsl_matrix_alloc(s->rank, s->rank);
  gsl_vector_complex *values = gsl_vector_complex_alloc(s->rank);
  gsl_eigen_nonsymm_workspace *work = gsl_eigen_nonsymm_alloc(s->rank);
  if (copy) gsl_matrix_memcpy(copy, &m.matrix);
  int status = copy && values && work && !gsl_eigen_nonsymm(copy, values, work) ? 0 : -1;
  for (uint32_t i = 0; status == 0 && i < s->rank; i++) {
    gsl_complex value = gsl_vector_complex_get(values, i);
    s->value[i] = (rg_eigenvalue){GSL_REAL(value), GSL_IMAG(value)};
  }
  if (status == 0) qsort(s->value, s->rank, sizeof *s->value, compare);
  if (work) gsl_eigen_nonsymm_free(work);
  if (values) gsl_vector_complex_free(values);
  if (copy) gsl_matrix_free(copy);
  return status;
}

int rg_spectrum_solve(rg_spectrum *s, const double *coarse, const double *mixed, uint32_t size, double cutoff) {
  s->rank = 0;
  s->condition = NAN;
  if (!s->n) return 0;
  for (uint32_t a = 0; a < s->n; a++) {
    double variance = coarse[(size_t)a * size + a];
    s->scale[a] = variance > 0 ? 1 / sqrt(variance) : 0;
  }
  if (scale_covariances(s, coarse, mixed, size) != 0) return -1;
  leave_out_combinations(s, cutoff);
  if (scale_covariances(s, coarse, mixed, size) != 0 || find_directions(s, cutoff) != 0) return -1;
  if (!s->rank) return 0;
  project(s);
  return find_values(s);
}

// ---- what was found

uint32_t rg_spectrum_rank(const rg_spectrum *s) { return s->rank; }

double rg_spectrum_condition(const rg_spectrum *s) { return s->condition; }

rg_eigenvalue rg_spectrum_value(const rg_spectrum *s, uint32_t i) {
  return i < s->rank ? s->value[i] : (rg_eigenvalue){NAN, NAN};
}

static int is_real(rg_eigenvalue value) { return !(value.imaginary > 0 || value.imaginary < 0); }

double rg_spectrum_size(const rg_spectrum *s, uint32_t i) {
  rg_eigenvalue value = rg_spectrum_value(s, i);
  return is_real(value) ? value.real : hypot(value.real, value.imaginary);
}

void rg_spectrum_matrix(const rg_spectrum *s, double *matrix) {
  for (uint32_t a = 0; a < s->n; a++) {
    for (uint32_t b = 0; b < s->n; b++) {
      double sum = 0;
      for (uint32_t k = 0; k < s->rank; k++)
        sum += gsl_matrix_get(s->directions, a, k) * gsl_matrix_get(s->product, k, b);
      matrix[(size_t)a * s->n + b] = s->scale[b] > 0 ? s->scale[a] * sum / s->scale[b] : 0;
    }
  }
}

// ---- derivatives

/// Eigenvector of M, or of its transpose, by inverse iteration beside the eigenvalue. 0, or -1.
static int find_vector(const rg_spectrum *s, uint32_t i, int left, double complex *out) {
  const uint32_t rank = s->rank;
  const double beside = NEAR * hypot(s->value[0].real, s->value[0].imaginary);
  gsl_matrix_complex *shifted = gsl_matrix_complex_alloc(rank, rank);
  gsl_vector_complex *x = gsl_vector_complex_alloc(rank);
  gsl_permutation *order = gsl_permutation_alloc(rank);
  int sign, status = shifted && x && order ? 0 : -1;
  for (uint32_t a = 0; status == 0 && a < rank; a++) {
    gsl_complex element;
    for (uint32_t b = 0; b < rank; b++) {
      const double m = left ? gsl_matrix_get(s->m, b, a) : gsl_matrix_get(s->m, a, b);
      GSL_SET_COMPLEX(&element, a == b ? m - s->value[i].real - beside : m, a == b ? -s->value[i].imaginary : 0);
      gsl_matrix_complex_set(shifted, a, b, element);
    }
    GSL_SET_COMPLEX(&element, 1 / (a + 1.0), 0);
    gsl_vector_complex_set(x, a, element);
  }
  if (status == 0 && gsl_linalg_complex_LU_decomp(shifted, order, &sign)) status = -1;
  for (int step = 0; status == 0 && step < ITERATIONS; step++) {
    if (gsl_linalg_complex_LU_svx(shifted, order, x)) status = -1;
    gsl_blas_zdscal(1 / gsl_blas_dznrm2(x), x);
  }
  for (uint32_t a = 0; status == 0 && a < rank; a++) {
    const gsl_complex element = gsl_vector_complex_get(x, a);
    out[a] = GSL_REAL(element) + GSL_IMAG(element) * I;
  }
  if (order) gsl_permutation_free(order);
  if (x) gsl_vector_complex_free(x);
  if (shifted) gsl_matrix_complex_free(shifted);
  return status;
}

/// A vector of the space of M in the caller's operators.
static void expand(const rg_spectrum *s, const double complex *vector, double complex *out) {
  for (uint32_t a = 0; a < s->n; a++) {
    out[a] = 0;
    for (uint32_t k = 0; k < s->rank; k++) out[a] += s->scale[a] * gsl_matrix_get(s->directions, a, k) * vector[k];
  }
}

static double real_of_product(double complex x, double complex y) { return creal(x) * creal(y) - cimag(x) * cimag(y); }

/// With u·C·v = û·v̂, the latter in the space of M. A modulus changes by the change along the eigenvalue.
int rg_spectrum_derivatives(const rg_spectrum *s, uint32_t i, double *by_coarse, double *by_mixed) {
  const uint32_t n = s->n;
  memset(by_coarse, 0, (size_t)n * n * sizeof *by_coarse);
  memset(by_mixed, 0, (size_t)n * n * sizeof *by_mixed);
  if (i >= s->rank) return 0;
  double complex *u = calloc(4 * (size_t)n, sizeof *u), *v = u + n, *left = v + n, *right = left + n, product = 0;
  int status = u && find_vector(s, i, 1, left) == 0 && find_vector(s, i, 0, right) == 0 ? 0 : -1;
  if (status == 0) {
    const double complex value = s->value[i].real + s->value[i].imaginary * I;
    for (uint32_t k = 0; k < s->rank; k++) product += left[k] * right[k];
    const double complex factor = (is_real(s->value[i]) ? 1 : conj(value) / cabs(value)) / product;
    expand(s, left, u);
    expand(s, right, v);
    for (uint32_t a = 0; a < n; a++) {
      const double complex fixed = factor * u[a], times_value = fixed * value;
      for (uint32_t b = 0; b < n; b++) {
        by_mixed[(size_t)a * n + b] = real_of_product(fixed, v[b]);
        by_coarse[(size_t)a * n + b] = -real_of_product(times_value, v[b]);
      }
    }
  }
  free(u);
  return status;
}
