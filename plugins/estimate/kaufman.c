// kaufman.c — see kaufman.h. Z = ½ (2 sinh 2K)^{N/2} (Π₁ + Π₂ + Π₃ + Π₄) with
//   Π₁ = Π_r 2cosh(½ m γ_{2r+1})   Π₂ = Π_r 2sinh(½ m γ_{2r+1})   Π₃ = Π_r 2cosh(½ m γ_{2r})   Π₄ = Π_r 2sinh(½ m γ_{2r}),
// r = 0 … n-1, cosh γ_l = cosh 2K coth 2K - cos(π l/n), γ_l > 0 for l ≥ 1, γ₀ = 2K + ln tanh K.
// Π₄ vanishes at Kc, because γ₀ does; its derivative does not, so its first factor is kept apart. Everything is carried as
// logarithm and first two derivatives in K, relative to Π₁: neither overflow nor loss of digits at any size.
#include "kaufman.h"

#include <math.h>

/// Below this coupling the first term of the high-temperature series is exact to double precision.
#define WEAK 1e-5

/// f(K) = exp(scale) · value, with f' and f'' = exp(scale) · (first, second).
typedef struct product {
  double scale, value, first, second;
} product;

/// γ_l and its derivatives in K.
typedef struct gamma_values {
  double value, first, second;
} gamma_values;

static gamma_values gamma_at(uint64_t l, uint64_t n, double k) {
  double s = sinh(2 * k), c = cosh(2 * k);
  if (l == 0) return (gamma_values){2 * k + log(tanh(k)), 2 + 2 / s, -4 * c / (s * s)};
  // cosh γ - 1 without cancellation: (√s - 1/√s)² + 2 sin²(πl/2n)
  double root = sqrt(s) - 1 / sqrt(s), half = sin(M_PI * (double)l / (2 * (double)n));
  double x = root * root + 2 * half * half, sinh_gamma = sqrt(x * (x + 2));
  double slope = 2 * c * (1 - 1 / (s * s));                                // of cosh 2K coth 2K = s + 1/s
  double curve = 4 * s * (1 - 1 / (s * s)) + 8 * c * c / (s * s * s);
  gamma_values g = {log1p(x + sinh_gamma), slope / sinh_gamma, 0};
  g.second = (curve - g.first * g.first * (1 + x)) / sinh_gamma;
  return g;
}

/// Sums of ln, (ln)', (ln)'' of 2cosh(½mγ_l) and 2sinh(½mγ_l) over l = from, from+2, …, below 2n.
static void sum_logarithms(uint64_t from, uint64_t n, double m, double k, double cosines[3], double sines[3]) {
  for (int i = 0; i < 3; i++) cosines[i] = sines[i] = 0;
  for (uint64_t l = from; l < 2 * n; l += 2) {
    gamma_values g = gamma_at(l, n, k);
    double h = 0.5 * m * g.value, d = 0.5 * m * g.first, dd = 0.5 * m * g.second, t = tanh(h);
    double faded = exp(-2 * h), csch2 = 4 * faded / ((1 - faded) * (1 - faded)), sech2 = 4 * faded / ((1 + faded) * (1 + faded));
    cosines[0] += h + log1p(faded);
    cosines[1] += d * t;
    cosines[2] += dd * t + d * d * sech2;
    sines[0] += h + log1p(-faded);
    sines[1] += d / t;
    sines[2] += dd / t - d * d * csch2;
  }
}

/// exp of a sum of logarithms, relative to another one.
static product relative(const double sum[3], const double base[3]) {
  double first = sum[1] - base[1], second = sum[2] - base[2];
  return (product){sum[0] - base[0], 1, first, second + first * first};
}

/// f · g for a factor g given by value and derivatives.
static product times(product f, product g) {
  return (product){f.scale + g.scale, f.value * g.value, f.first * g.value + f.value * g.first, f.second * g.value + 2 * f.first * g.first + f.value * g.second};
}

/// 2cosh or 2sinh of ½mγ₀, which may have either sign.
static product first_factor(double m, double k, int sine) {
  gamma_values g = gamma_at(0, 1, k);
  double h = 0.5 * m * g.value, d = 0.5 * m * g.first, dd = 0.5 * m * g.second, faded = exp(-2 * fabs(h));
  double cosine = 1 + faded, sinus = copysign(-expm1(-2 * fabs(h)), h); // times exp|h|
  double f = sine ? sinus : cosine, other = sine ? cosine : sinus;
  return (product){fabs(h), f, d * other, dd * other + d * d * f};
}

static kaufman_values strong(uint64_t rows, uint64_t columns, double k) {
  uint64_t n = rows < columns ? rows : columns; // the product runs over the shorter side
  double m = (double)(rows < columns ? columns : rows), sites = (double)rows * (double)columns;
  double odd_cosh[3], odd_sinh[3], even_cosh[3], even_sinh[3];
  sum_logarithms(1, n, m, k, odd_cosh, odd_sinh);
  sum_logarithms(2, n, m, k, even_cosh, even_sinh);
  product terms[4] = {
      {0, 1, 0, 0},
      relative(odd_sinh, odd_cosh),
      times(relative(even_cosh, odd_cosh), first_factor(m, k, 0)),
      times(relative(even_sinh, odd_cosh), first_factor(m, k, 1)),
  };
  double scale = 0, value = 0, first = 0, second = 0;
  for (int i = 0; i < 4; i++) scale = fmax(scale, terms[i].scale);
  for (int i = 0; i < 4; i++) {
    double weight = exp(terms[i].scale - scale);
    value += weight * terms[i].value;
    first += weight * terms[i].first;
    second += weight * terms[i].second;
  }
  double s = sinh(2 * k), slope = first / value, coth = cosh(2 * k) / s;
  double lnz = -log(2.0) + 0.5 * sites * log(2 * s) + odd_cosh[0] + scale + log(value);
  double d1 = sites * coth + odd_cosh[1] + slope;
  double d2 = -2 * sites / (s * s) + odd_cosh[2] + second / value - slope * slope;
  return (kaufman_values){lnz / sites, -d1 / sites, d2 / sites};
}

/// Var(E)/N at K = 0: bonds that join the same pair of sites add up, a bond from a site to itself is constant.
static double weak_variance(uint64_t rows, uint64_t columns) {
  double variance = 0;
  const uint64_t extents[2] = {rows, columns};
  for (int axis = 0; axis < 2; axis++) variance += extents[axis] == 1 ? 0 : extents[axis] == 2 ? 2 : 1;
  return variance;
}

kaufman_values kaufman(uint64_t rows, uint64_t columns, double coupling) {
  double k = fabs(coupling);
  if (coupling < 0 && (rows % 2 || columns % 2)) return (kaufman_values){NAN, NAN, NAN};
  if (rows == 1 && columns == 1) return (kaufman_values){log(2.0) + 2 * coupling, -2, 0};
  kaufman_values values;
  if (k < WEAK) {
    double constant = (rows == 1) + (columns == 1), variance = weak_variance(rows, columns);
    values = (kaufman_values){log(2.0) + constant * k + 0.5 * variance * k * k, -constant - variance * k, variance};
  } else {
    values = strong(rows, columns, k);
  }
  if (coupling < 0) values.e = -values.e; // reversing one sublattice maps K to -K
  return values;
}
