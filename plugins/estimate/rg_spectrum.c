// rg_spectrum.c — see rg_spectrum.h. With R the coarse covariance scaled to a unit diagonal, F the mixed one scaled
// alike, and R = V Λ Vᵀ, the eigenvalues of T = R⁻¹F are those of M = Λ^-½ Vᵀ F V Λ^-½, which is small when few
// directions are kept.
#include "rg_spectrum.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <stdlib.h>

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

/// Six matrices, what eigenvectors take for a while (three more and a complex one), and vectors.
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

/// A copy of M, or of its transpose; NULL: out of memory.
static gsl_matrix *copy_of_m(const rg_spectrum *s, int transposed) {
  gsl_matrix_const_view m = gsl_matrix_const_submatrix(s->m, 0, 0, s->rank, s->rank);
  gsl_matrix *copy = gsl_matrix_alloc(s->rank, s->rank);
  if (copy && transposed)
    gsl_matrix_transpose_memcpy(copy, &m.matrix);
  else if (copy)
    gsl_matrix_memcpy(copy, &m.matrix);
  return copy;
}

static int find_values(rg_spectrum *s) {
  gsl_matrix *copy = copy_of_m(s, 0);
  gsl_vector_complex *values = gsl_vector_complex_alloc(s->rank);
  gsl_eigen_nonsymm_workspace *work = gsl_eigen_nonsymm_alloc(s->rank);
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

/// The eigenvector of M, or of its transpose, for the leading eigenvalue, in the caller's operators. 0, or -1.
static int find_vector(const rg_spectrum *s, int left, double *out) {
  gsl_matrix *copy = copy_of_m(s, left);
  gsl_vector_complex *values = gsl_vector_complex_alloc(s->rank);
  gsl_matrix_complex *vectors = gsl_matrix_complex_alloc(s->rank, s->rank);
  gsl_eigen_nonsymmv_workspace *work = gsl_eigen_nonsymmv_alloc(s->rank);
  int status = copy && values && vectors && work && !gsl_eigen_nonsymmv(copy, values, vectors, work) ? 0 : -1;
  uint32_t at = 0;
  double nearest = INFINITY;
  for (uint32_t i = 0; status == 0 && i < s->rank; i++) {
    gsl_complex value = gsl_vector_complex_get(values, i);
    double distance = hypot(GSL_REAL(value) - s->value[0].real, GSL_IMAG(value));
    if (distance < nearest) {
      nearest = distance;
      at = i;
    }
  }
  for (uint32_t a = 0; status == 0 && a < s->n; a++) {
    out[a] = 0;
    for (uint32_t k = 0; k < s->rank; k++)
      out[a] += s->scale[a] * gsl_matrix_get(s->directions, a, k) * GSL_REAL(gsl_matrix_complex_get(vectors, k, at));
  }
  if (work) gsl_eigen_nonsymmv_free(work);
  if (vectors) gsl_matrix_complex_free(vectors);
  if (values) gsl_vector_complex_free(values);
  if (copy) gsl_matrix_free(copy);
  return status;
}

int rg_spectrum_vectors(const rg_spectrum *s, double *u, double *v) {
  for (uint32_t a = 0; a < s->n; a++) u[a] = v[a] = 0;
  if (!s->rank || !is_real(s->value[0])) return 0;
  return find_vector(s, 1, u) == 0 && find_vector(s, 0, v) == 0 ? 0 : -1;
}

double rg_spectrum_form(const double *u, const double *matrix, const double *v, uint32_t size, uint32_t n) {
  double sum = 0;
  for (uint32_t a = 0; a < n; a++) {
    double row = 0;
    for (uint32_t b = 0; b < n; b++) row += matrix[(size_t)a * size + b] * v[b];
    sum += u[a] * row;
  }
  return sum;
}
