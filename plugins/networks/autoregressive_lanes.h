// autoregressive_lanes.h — tanh and exp of several numbers at once, in the compiler's vector types. Only sums, products,
// divisions and roundings that IEEE 754 fixes are used, in a fixed order and without fused ones, so every machine gets
// the same bits whatever its vector instructions. Vectors are passed by address: nothing depends on how a compiler
// hands them over.
#ifndef PLUGINS_NETWORKS_AUTOREGRESSIVE_LANES_H
#define PLUGINS_NETWORKS_AUTOREGRESSIVE_LANES_H

#include <stdint.h>
#include <string.h>

#define LANES 8u // floats of a vector that is looked up
#define MANY 16u // floats of a vector in the stream of all
#define WIDE 8u  // doubles of a vector

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float many __attribute__((vector_size(4 * MANY), aligned(4), may_alias));
typedef int32_t many_bits __attribute__((vector_size(4 * MANY)));
typedef double wide __attribute__((vector_size(8 * WIDE), aligned(8), may_alias));
typedef int64_t wide_bits __attribute__((vector_size(8 * WIDE)));

#define LANES_INLINE static inline __attribute__((always_inline))

/// x becomes tanh x, with an absolute error below 2e-7; odd to the last bit. tanh|x| = 1 - 2/(exp 2|x| + 1), and exp 2|x|
/// = 2ⁿ·2ᶠ with f within ±½, where the Taylor series to the sixth order is good to 1.2e-7.
LANES_INLINE void many_tanh(many *x) {
  const many_bits sign = (many_bits)*x & INT32_MIN;
  many a = (many)((many_bits)*x & INT32_MAX);
  const many_bits small = a < 10; // beyond it the result is 1
  a = (many)(((many_bits)a & small) | ((many_bits)((many){0} + 10) & ~small));
  const many y = a * 2.885390081777927f; // 2/ln 2
  const many shifted = y + 12582912.0f;  // 1.5·2²³: rounds to an integer, which the low bits then hold
  const many f = y - (shifted - 12582912.0f);
  many p = f * 1.5403530e-4f + 1.3333558e-3f; // (ln 2)ᵏ/k!
  p = p * f + 9.6181291e-3f;
  p = p * f + 5.5504109e-2f;
  p = p * f + 2.4022651e-1f;
  p = p * f + 6.9314718e-1f;
  p = p * f + 1.0f;
  p = (many)((many_bits)p + ((many_bits)shifted << 23));
  const many t = 1.0f - 2.0f / (p + 1.0f);
  *x = (many)((many_bits)t | sign);
}

/// The sums of eight vectors x, each ((x0 + x4) + (x2 + x6)) + ((x1 + x5) + (x3 + x7)).
LANES_INLINE void lanes_sums(const lanes *x, lanes *sums) {
  lanes pair[4], four[2];
  for (int i = 0; i < 4; i++)
    pair[i] = __builtin_shufflevector(x[2 * i], x[2 * i + 1], 0, 1, 2, 3, 8, 9, 10, 11) +
              __builtin_shufflevector(x[2 * i], x[2 * i + 1], 4, 5, 6, 7, 12, 13, 14, 15);
  for (int i = 0; i < 2; i++)
    four[i] = __builtin_shufflevector(pair[2 * i], pair[2 * i + 1], 0, 1, 8, 9, 4, 5, 12, 13) +
              __builtin_shufflevector(pair[2 * i], pair[2 * i + 1], 2, 3, 10, 11, 6, 7, 14, 15);
  const lanes all = __builtin_shufflevector(four[0], four[1], 0, 2, 8, 10, 4, 6, 12, 14) +
                    __builtin_shufflevector(four[0], four[1], 1, 3, 9, 11, 5, 7, 13, 15);
  *sums = __builtin_shufflevector(all, all, 0, 4, 1, 5, 2, 6, 3, 7);
}

/// x becomes exp x, for x ≤ 0; below -700 it becomes 0. exp x = 2ⁿ·exp r with |r| ≤ ½ ln 2, where the Taylor series to the
/// 13th order is exact to rounding; ln 2 is taken in two parts (Cody & Waite 1980).
LANES_INLINE void wide_exp(wide *x) {
  const wide_bits kept = *x > -700;
  const wide a = (wide)((wide_bits)*x & kept);
  const wide shifted = a * 1.4426950408889634 + 6755399441055744.0; // 1.5·2⁵²
  const wide n = shifted - 6755399441055744.0;
  const wide r = (a - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  wide p = r * (1.0 / 6227020800) + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  p = (wide)((wide_bits)p + ((wide_bits)shifted << 52));
  *x = (wide)((wide_bits)p & kept);
}

#endif
