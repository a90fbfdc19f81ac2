// checkerboard_avx2.c — the kernel for x86-64 with AVX2 and AES instructions: words of 256 bits, random numbers made
// where they are used. Compiled for that instruction set (Makefile), so nothing of it runs before `usable` has said yes.
#include "checkerboard.h"

#if defined(__AVX2__) && defined(__AES__)

#include "rng_ars.h"

#include <immintrin.h>

#define LANES 4u
typedef uint64_t word __attribute__((vector_size(32)));

static inline word load(const uint64_t *from) { return (word)_mm256_loadu_si256((const void *)from); }
static inline void store(uint64_t *to, word w) { _mm256_storeu_si256((void *)to, (__m256i)w); }
static inline word splat(uint64_t w) { return (word)_mm256_set1_epi64x((long long)w); }
static inline word less(word t, word u, word below) { return below ^ ((t ^ u) & (t ^ below)); }
static inline int some(word w) { return !_mm256_testz_si256((__m256i)w, (__m256i)w); }

/// ARS with the counters of a group (core/rng.c): only the low 8 bits of counter.low differ among its blocks.
typedef struct source {
  __m128i keys[ARS_ROUNDS + 1];
  __m128i high;
  __m128i start; ///< the first counter, with the first key
} source;

static inline void source_open(source *random, const events_source *from) {
  const __m128i weyl = _mm_set_epi64x((long long)ARS_WEYL_1, (long long)ARS_WEYL_0);
  random->keys[0] = _mm_set_epi64x((long long)from->key.word[1], (long long)from->key.word[0]);
  for (int r = 1; r <= ARS_ROUNDS; r++) random->keys[r] = _mm_add_epi64(random->keys[r - 1], weyl);
  random->high = _mm_set_epi64x((long long)from->high, 0);
}

static inline void source_move(source *random, uint64_t group) {
  const __m128i counter = _mm_or_si128(random->high, _mm_cvtsi64_si128((long long)(group << 8)));
  random->start = _mm_xor_si128(counter, random->keys[0]);
}

static inline __m128i block_at(const source *random, unsigned i) {
  __m128i state = _mm_xor_si128(random->start, _mm_cvtsi32_si128((int)i));
  for (int r = 1; r < ARS_ROUNDS; r++) state = _mm_aesenc_si128(state, random->keys[r]);
  return _mm_aesenclast_si128(state, random->keys[ARS_ROUNDS]);
}

static inline word source_plane(const source *random, unsigned p, unsigned part) {
  const unsigned i = 4 * p + part / 2;
  return (word)_mm256_set_m128i(block_at(random, i + 1), block_at(random, i));
}

#include "checkerboard_kernel.h"

static int usable(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes"); }

const checkerboard_isa checkerboard_avx2 = {"avx2", usable, update};

#else

static int usable(void) { return 0; }

const checkerboard_isa checkerboard_avx2 = {"avx2", usable, NULL};

#endif
