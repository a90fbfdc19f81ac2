// chain.c — see chain.h. 1 - t and 1 + t are taken from exponentials: at strong coupling t is 1 to all digits.
#include "chain.h"

#include <math.h>

static double one_minus_tanh(double coupling) { return 2 / (exp(2 * coupling) + 1); }

/// t^n, n ≥ 0, as exact for t near ±1 as elsewhere.
static double power_of_tanh(double coupling, double n) {
  if (coupling == 0) return n > 0 ? 0 : 1;
  double size = exp(n * log1p(-one_minus_tanh(fabs(coupling))));
  return coupling < 0 && fmod(n, 2) > 0 ? -size : size;
}

/// 1 + t^L. Small for an odd length and K < 0: then the difference is taken before it is lost.
static double one_plus_power(uint64_t length, double coupling) {
  if (coupling >= 0 || length % 2 == 0) return 1 + power_of_tanh(coupling, (double)length);
  return -expm1((double)length * log1p(-one_minus_tanh(-coupling)));
}

kaufman chain_ring(uint64_t length, double coupling) {
  const double n = (double)length, t = tanh(coupling), s = one_minus_tanh(coupling) * one_minus_tanh(-coupling);
  const double sum = one_plus_power(length, coupling), strength = fabs(coupling);
  const double before = power_of_tanh(coupling, n - 1), twice = length > 1 ? power_of_tanh(coupling, n - 2) : 0;
  kaufman result;
  result.ln_z = strength + log1p(exp(-2 * strength)) + log(sum) / n;
  result.energy = -(t + s * before / sum);
  // s = 1 - t² is dt/dK, and the derivative of s t^(L-1)/(1 + t^L) in t follows.
  double slope = (s * (n - 1) * twice - 2 * t * before) / sum - s * n * before * before / (sum * sum);
  result.variance = s * (1 + slope);
  result.heat_capacity = coupling * coupling * result.variance;
  return result;
}

double chain_m2(uint64_t length, double coupling) {
  const double n = (double)length, minus = one_minus_tanh(coupling), plus = one_minus_tanh(-coupling);
  double sum = n; // Σ t^r, r = 0 … L-1: the limit of (1 - t^L)/(1 - t)
  if (coupling > 0 && minus > 0) sum = -expm1(n * log1p(-minus)) / minus;
  if (coupling <= 0) sum = (1 - power_of_tanh(coupling, n)) / minus;
  return sum * plus / (n * one_plus_power(length, coupling));
}
