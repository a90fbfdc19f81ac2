// matrices.h — products and inverses of small matrices, row by row, for tests of the RG matrix.
#ifndef FG_TESTS_MATRICES_H
#define FG_TESTS_MATRICES_H

#include <gsl/gsl_linalg.h>
#include <stdint.h>

/// a·b for n×n matrices.
static inline void multiply(const double *a, const double *b, uint32_t n, double *out) {
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < n; j++) {
      double sum = 0;
      for (uint32_t k = 0; k < n; k++) sum += a[i * n + k] * b[k * n + j];
      out[i * n + j] = sum;
    }
}

/// The inverse of an n×n matrix.
static inline void invert(const double *a, uint32_t n, double *out) {
  gsl_matrix *copy = gsl_matrix_alloc(n, n);
  gsl_permutation *order = gsl_permutation_alloc(n);
  gsl_matrix_view result = gsl_matrix_view_array(out, n, n);
  int sign;
  for (uint32_t i = 0; i < n * n; i++) copy->data[i / n * copy->tda + i % n] = a[i];
  gsl_linalg_LU_decomp(copy, order, &sign);
  gsl_linalg_LU_invert(copy, order, &result.matrix);
  gsl_permutation_free(order);
  gsl_matrix_free(copy);
}

#endif
