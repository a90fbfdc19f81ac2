// statistics.c — see statistics.h.
#include "report/statistics.h"

#include <math.h>

#define NORMAL_95 1.959963984540054
#define MOST_FREEDOM 10000u // beyond, the normal distribution differs by less than 2·10⁻⁴

/// P(|T| ≤ √freedom·tan θ): Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
static double within(double theta, size_t freedom) {
  double cosine = cos(theta), term = freedom % 2 ? cosine : 1, sum = freedom == 1 ? 0 : term;
  for (size_t k = freedom % 2 ? 3 : 2; k + 2 <= freedom; k += 2) {
    term *= (double)(k - 1) / (double)k * cosine * cosine;
    sum += term;
  }
  return freedom % 2 ? 2 / M_PI * (theta + sin(theta) * sum) : sin(theta) * sum;
}

double fg_student_quantile(double confidence, size_t freedom) {
  if (freedom > MOST_FREEDOM) freedom = MOST_FREEDOM;
  double low = 0, high = M_PI / 2;
  for (int step = 0; step < 100; step++) {
    double middle = 0.5 * (low + high);
    if (within(middle, freedom) < confidence)
      low = middle;
    else
      high = middle;
  }
  return sqrt((double)freedom) * tan(0.5 * (low + high));
}

fg_difference fg_paired_difference(const double *a, const double *b, size_t count) {
  fg_difference d = {NAN, NAN, 0};
  double sum = 0, squares = 0;
  for (size_t i = 0; i < count; i++) {
    if (!isfinite(a[i] - b[i])) continue;
    sum += a[i] - b[i];
    d.pairs++;
  }
  if (d.pairs == 0) return d;
  d.mean = sum / (double)d.pairs;
  if (d.pairs < 2) return d;
  for (size_t i = 0; i < count; i++)
    if (isfinite(a[i] - b[i])) squares += (a[i] - b[i] - d.mean) * (a[i] - b[i] - d.mean);
  double n = (double)d.pairs, deviation = sqrt(squares / (n - 1));
  d.half_width = fg_student_quantile(0.95, d.pairs - 1) * deviation / sqrt(n);
  return d;
}

fg_difference fg_independent_difference(double a, double error_a, double b, double error_b) {
  return (fg_difference){a - b, NORMAL_95 * hypot(error_a, error_b), isfinite(a - b) ? 1 : 0};
}
