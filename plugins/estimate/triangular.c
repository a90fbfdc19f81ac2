// triangular.c — see triangular.h. With t = tanh 2K and w = cos θ + cos φ + cos(θ+φ),
//   Z = ½ (2 e^K cosh 2K)^N Σ of four products of √h over θ and φ,   h = 1 - t + t² - w (t - t²),
// θ = 2πp/rows or 2π(p+½)/rows, and φ likewise. At θ = φ = 0 h is (2t-1)²: its root is 2t-1 with this sign, and vanishes
// at Kc = ¼ ln 3, though its derivative does not. Momenta come in pairs ±(θ, φ), so nothing else has a root to choose.
#include "triangular.h"

#include <math.h>

#define LEAST_SUM 1e-4 // of the four products relative to their sizes: below, too few digits are left

/// One of the four products: factor · exp(log), as functions of t with two derivatives.
typedef struct product {
  long double v, d, dd; ///< of the logarithm
  double factor, slope; ///< 1 but for the product with θ = φ = 0; linear in t
} product;

/// ½ ln h of one momentum. h is written as a sum of positive terms: for t > 0 it is smallest at w = 3, for t < 0 at -3/2.
static void collect(product *p, double t, double w) {
  const double bend = t * (1 - t);
  const double h = t > 0 ? (1 - 2 * t) * (1 - 2 * t) + (3 - w) * bend : (1 + t) * (1 - t / 2) - (w + 1.5) * bend;
  const double slope = (2 * t - 1) * (1 + w) / h;
  p->v += 0.5L * logl((long double)h);
  p->d += 0.5L * (long double)slope;
  p->dd += 0.5L * (long double)(2 * (1 + w) / h - slope * slope);
}

/// The product over θ = π(2p + odd_row)/rows and φ = π(2q + odd_column)/columns.
static product multiply_out(uint64_t rows, uint64_t columns, unsigned odd_row, unsigned odd_column, double t) {
  product result = {0, 0, 0, 1, 0};
  for (uint64_t p = 0; p < rows; p++) {
    const double theta = M_PI * (double)(2 * p + odd_row) / (double)rows, across = cos(theta), along = sin(theta);
    for (uint64_t q = 0; q < columns; q++) {
      if (!(p || q || odd_row || odd_column)) {
        result.factor = 2 * t - 1;
        result.slope = 2;
        continue;
      }
      const double phi = M_PI * (double)(2 * q + odd_column) / (double)columns, c = cos(phi);
      collect(&result, t, across + c + (across * c - along * sin(phi)));
    }
  }
  return result;
}

kaufman triangular_torus(uint64_t rows, uint64_t columns, double coupling) {
  const kaufman unknown = {NAN, NAN, NAN, NAN};
  if (rows == 0 || columns == 0 || rows > TRIANGULAR_MOST / columns || !isfinite(coupling)) return unknown;
  const double sites = (double)rows * (double)columns, t = tanh(2 * coupling), s = 1 / cosh(2 * coupling);

  // The sum of the products relative to exp(v + d·δ) of the first, as in kaufman.c.
  product products[4];
  double value = 0, slope = 0, bend = 0, sizes = 0;
  for (unsigned i = 0; i < 4; i++) {
    product *p = &products[i];
    *p = multiply_out(rows, columns, i < 2, i % 2 == 0, t);
    double weight = (double)expl(p->v - products[0].v), d = (double)(p->d - products[0].d);
    value += weight * p->factor;
    slope += weight * (p->slope + p->factor * d);
    bend += weight * (2 * p->slope * d + p->factor * ((double)p->dd + d * d));
    sizes += weight * fabs(p->factor);
  }
  if (!(value >= LEAST_SUM * sizes)) return unknown;
  const double ratio = slope / value, first = (double)products[0].d + ratio, second = bend / value - ratio * ratio;

  // From t to K, and together with ½ (2 e^K cosh 2K)^N.
  const double dt = 2 * s * s, ddt = -4 * t * dt, strength = fabs(coupling);
  const double log_cosh = 2 * strength + log1p(exp(-4 * strength)) - M_LN2;
  kaufman result;
  result.ln_z = M_LN2 + coupling + log_cosh + ((double)products[0].v + log(value) - M_LN2) / sites;
  result.energy = -(1 + 2 * t + dt * first / sites);
  result.variance = 4 * s * s + (dt * dt * second + ddt * first) / sites;
  result.heat_capacity = coupling * coupling * result.variance;
  return result;
}
