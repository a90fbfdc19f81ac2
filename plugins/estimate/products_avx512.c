// products_avx512.c — products of spins, 512 at a time, with the instruction that counts bits of vectors (VPOPCNTDQ).
#include "products.h"

#if defined(__AVX512VPOPCNTDQ__)
#include <immintrin.h>

static inline __attribute__((always_inline)) __m512i ones_of(const uint64_t *const *rows, uint32_t count, uint64_t k,
                                                             __mmask8 present) {
  __m512i odd = _mm512_maskz_loadu_epi64(present, rows[0] + k);
  for (uint32_t f = 1; f < count; f++) odd = _mm512_xor_si512(odd, _mm512_maskz_loadu_epi64(present, rows[f] + k));
  return _mm512_popcnt_epi64(odd);
}

static inline __attribute__((always_inline)) uint64_t ones_of_rows(const uint64_t *const *rows, uint32_t count,
                                                                   uint64_t words) {
  __m512i ones = _mm512_setzero_si512();
  uint64_t k = 0;
  for (; k + 8 <= words; k += 8) ones = _mm512_add_epi64(ones, ones_of(rows, count, k, 0xff));
  if (k < words) ones = _mm512_add_epi64(ones, ones_of(rows, count, k, (__mmask8)(0xffu >> (8 - (words - k)))));
  return (uint64_t)_mm512_reduce_add_epi64(ones);
}

static uint64_t ones_of_xor(const uint64_t *const *rows, uint32_t count, uint64_t words) {
  switch (count) {
  case 1: return ones_of_rows(rows, 1, words);
  case 2: return ones_of_rows(rows, 2, words);
  case 3: return ones_of_rows(rows, 3, words);
  case 4: return ones_of_rows(rows, 4, words);
  default: return ones_of_rows(rows, count, words);
  }
}

static int usable(void) { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vpopcntdq"); }
#else
static int usable(void) { return 0; }
static uint64_t ones_of_xor(const uint64_t *const *rows, uint32_t count, uint64_t words) {
  return products_portable.ones_of_xor(rows, count, words);
}
#endif

const products_isa products_avx512 = {"avx512", usable, ones_of_xor, 128};
