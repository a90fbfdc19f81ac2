// slices_avx2.c — the kernel for x86-64 with AVX2 and AES instructions: words of 256 bits, random numbers made where they
// are used. Compiled for that instruction set (Makefile), so nothing of it runs before `usable` has said yes.
#include "slices.h"

#if defined(__AVX2__) && defined(__AES__)

#include "rng_ars.h"

#include <immintrin.h>

#define LANES 4u
#define LATE 6u
typedef uint64_t word __attribute__((vector_size(32)));

static inline word load(const uint64_t *from) { return (word)_mm256_loadu_si256((const void *)from); }
static inline void store(uint64_t *to, word w) { _mm256_storeu_si256((void *)to, (__m256i)w); }

static inline word choose(word which, word one, word zero) { return (which & one) | (~which & zero); }

#define BIT(table, i) ((word){0} - ((table) >> (i)&1u))
#define TRUTH(table, a, b, c)                                                                                          \
  choose(a, choose(b, choose(c, BIT(table, 7), BIT(table, 6)), choose(c, BIT(table, 5), BIT(table, 4))),               \
         choose(b, choose(c, BIT(table, 3), BIT(table, 2)), choose(c, BIT(table, 1), BIT(table, 0))))

static inline word less(word t, word u, word lt) { return lt ^ ((t ^ u) & (t ^ lt)); }

static inline int some(word w) { return !_mm256_testz_si256((__m256i)w, (__m256i)w); }

/// Spreads the bits of nibbles to every other bit of bytes, and puts the bytes in order.
static inline void interleave(word even, word odd, uint64_t *to) {
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i spread = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0x00, 0x01, 0x04, 0x05, 0x10, 0x11, 0x14, 0x15, 0x40, 0x41, 0x44, 0x45, 0x50, 0x51, 0x54, 0x55));
  const __m256i spread_odd = _mm256_add_epi8(spread, spread);
  const __m256i low = _mm256_or_si256(_mm256_shuffle_epi8(spread, _mm256_and_si256((__m256i)even, nibble)),
                                      _mm256_shuffle_epi8(spread_odd, _mm256_and_si256((__m256i)odd, nibble)));
  const __m256i high = _mm256_or_si256(_mm256_shuffle_epi8(spread, _mm256_and_si256((__m256i)(even >> 4), nibble)),
                                       _mm256_shuffle_epi8(spread_odd, _mm256_and_si256((__m256i)(odd >> 4), nibble)));
  const __m256i first = _mm256_unpacklo_epi8(low, high), second = _mm256_unpackhi_epi8(low, high);
  store(to, (word)_mm256_permute2x128_si256(first, second, 0x20));
  store(to + LANES, (word)_mm256_permute2x128_si256(first, second, 0x31));
}

/// ARS with the counters of a group (core/rng.c): only the low 8 bits of counter.low differ among its blocks.
typedef struct source {
  __m128i keys[ARS_ROUNDS + 1];
  __m128i level;
  __m128i start; ///< the first counter, with the first key
} source;

static inline void source_open(source *random, const slices_job *job) {
  const __m128i weyl = _mm_set_epi64x((long long)ARS_WEYL_1, (long long)ARS_WEYL_0);
  random->keys[0] = _mm_set_epi64x((long long)job->key.word[1], (long long)job->key.word[0]);
  for (int r = 1; r <= ARS_ROUNDS; r++) random->keys[r] = _mm_add_epi64(random->keys[r - 1], weyl);
  random->level = _mm_set_epi64x(job->fine->level, 0);
}

static inline void source_move(source *random, uint64_t group) {
  const __m128i counter = _mm_or_si128(random->level, _mm_cvtsi64_si128((long long)(group << 8)));
  random->start = _mm_xor_si128(counter, random->keys[0]);
}

static inline __m128i block_at(const source *random, unsigned i) {
  __m128i state = _mm_xor_si128(random->start, _mm_cvtsi32_si128((int)i));
  UNROLLED for (int r = 1; r < ARS_ROUNDS; r++) state = _mm_aesenc_si128(state, random->keys[r]);
  return _mm_aesenclast_si128(state, random->keys[ARS_ROUNDS]);
}

static inline word source_plane(const source *random, unsigned d, unsigned p, unsigned part) {
  const unsigned i = 4 * (SLICES_PLANES * d + p) + part / 2;
  return (word)_mm256_set_m128i(block_at(random, i + 1), block_at(random, i));
}

#include "slices_kernel.h"

static int usable(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes"); }

const slices_isa slices_avx2 = {"avx2", usable, draw};

#else

static int usable(void) { return 0; }

const slices_isa slices_avx2 = {"avx2", usable, NULL};

#endif
