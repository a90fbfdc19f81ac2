// checkerboard_avx512.c — the kernel for x86-64 with AVX-512 and vector AES (Ice Lake, Zen 4, …): words of 512 bits, a
// plane of a group each; random numbers made where they are used. Compiled for that instruction set (Makefile), so
// nothing of it runs before `usable` has said yes.
#include "checkerboard.h"

#if defined(__AVX512BW__) && defined(__VAES__)

#include "rng_ars.h"

#include <cpuid.h>
#include <immintrin.h>

#define LANES 8u
typedef uint64_t word __attribute__((vector_size(64)));

static inline word load(const uint64_t *from) { return (word)_mm512_loadu_si512(from); }
static inline void store(uint64_t *to, word w) { _mm512_storeu_si512(to, (__m512i)w); }
static inline word splat(uint64_t w) { return (word)_mm512_set1_epi64((long long)w); }
static inline word less(word t, word u, word below) {
  return (word)_mm512_ternarylogic_epi64((__m512i)t, (__m512i)u, (__m512i)below, 0xb2);
}
static inline int some(word w) { return _mm512_test_epi64_mask((__m512i)w, (__m512i)w) != 0; }

/// ARS with the counters of a group (core/rng.c): only the low 8 bits of counter.low differ among its blocks.
typedef struct source {
  __m512i keys[ARS_ROUNDS + 1];
  __m512i counters; ///< the first four without the group
  __m512i start;    ///< the first four of the group, with the first key
} source;

static inline void source_open(source *random, const events_source *from) {
  const __m128i weyl = _mm_set_epi64x((long long)ARS_WEYL_1, (long long)ARS_WEYL_0);
  __m128i key = _mm_set_epi64x((long long)from->key.word[1], (long long)from->key.word[0]);
  for (int r = 0; r <= ARS_ROUNDS; r++, key = _mm_add_epi64(key, weyl)) random->keys[r] = _mm512_broadcast_i32x4(key);
  const long long high = (long long)from->high;
  random->counters = _mm512_setr_epi64(0, high, 1, high, 2, high, 3, high);
}

static inline void source_move(source *random, uint64_t group) {
  const __m512i low = _mm512_maskz_set1_epi64(0x55, (long long)(group << 8));
  random->start = _mm512_xor_si512(_mm512_or_si512(random->counters, low), random->keys[0]);
}

static inline word source_plane(const source *random, unsigned p, unsigned part) {
  (void)part; // the word is the plane
  __m512i state = _mm512_xor_si512(random->start, _mm512_maskz_set1_epi64(0x55, 4 * p));
  for (int r = 1; r < ARS_ROUNDS; r++) state = _mm512_aesenc_epi128(state, random->keys[r]);
  return (word)_mm512_aesenclast_epi128(state, random->keys[ARS_ROUNDS]);
}

#include "checkerboard_kernel.h"

static int usable(void) {
  unsigned a, b, c, d;
  return __builtin_cpu_supports("avx512bw") && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
         c & 1u << 9; // VAES: not every compiler knows its name
}

const checkerboard_isa checkerboard_avx512 = {"avx512", usable, update};

#else

static int usable(void) { return 0; }

const checkerboard_isa checkerboard_avx512 = {"avx512", usable, NULL};

#endif
