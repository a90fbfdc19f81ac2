// slices_avx512.c — the kernel for x86-64 with AVX-512 and vector AES (Ice Lake, Zen 4, …): words of 512 bits, a plane
// of a group each; random numbers made where they are used. Compiled for that instruction set (Makefile), so nothing of
// it runs before `usable` has said yes.
#include "slices.h"

#if defined(__AVX512BW__) && defined(__AVX512VBMI__) && defined(__VAES__) && defined(__GFNI__)

#include "rng_ars.h"

#include <cpuid.h>
#include <immintrin.h>

#define LANES 8u
#define LATE 0u
typedef uint64_t word __attribute__((vector_size(64)));

static inline word load(const uint64_t *from) { return (word)_mm512_loadu_si512(from); }
static inline void store(uint64_t *to, word w) { _mm512_storeu_si512(to, (__m512i)w); }

#define TRUTH(table, a, b, c) (word) _mm512_ternarylogic_epi64((__m512i)(a), (__m512i)(b), (__m512i)(c), table)

static inline word less(word t, word u, word lt) { return TRUTH(0xb2, t, u, lt); }

static inline int some(word w) { return _mm512_test_epi64_mask((__m512i)w, (__m512i)w) != 0; }

/// Spreads the bits of nibbles to every other bit of bytes, and puts the bytes in order.
static inline void interleave(word even, word odd, uint64_t *to) {
  const __m512i nibble = _mm512_set1_epi8(15);
  const __m512i spread = _mm512_broadcast_i32x4(
      _mm_setr_epi8(0x00, 0x01, 0x04, 0x05, 0x10, 0x11, 0x14, 0x15, 0x40, 0x41, 0x44, 0x45, 0x50, 0x51, 0x54, 0x55));
  const __m512i spread_odd = _mm512_add_epi8(spread, spread);
  const __m512i low = _mm512_or_si512(_mm512_shuffle_epi8(spread, _mm512_and_si512((__m512i)even, nibble)),
                                      _mm512_shuffle_epi8(spread_odd, _mm512_and_si512((__m512i)odd, nibble)));
  const __m512i high = _mm512_or_si512(_mm512_shuffle_epi8(spread, _mm512_and_si512((__m512i)(even >> 4), nibble)),
                                       _mm512_shuffle_epi8(spread_odd, _mm512_and_si512((__m512i)(odd >> 4), nibble)));
  const __m512i first = _mm512_unpacklo_epi8(low, high), second = _mm512_unpackhi_epi8(low, high);
  const __m512i front = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
                back = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  store(to, (word)_mm512_permutex2var_epi64(first, front, second));
  store(to + LANES, (word)_mm512_permutex2var_epi64(first, back, second));
}

/// ARS with the counters of a group (core/rng.c): only the low 8 bits of counter.low differ among its blocks.
typedef struct source {
  __m512i keys[ARS_ROUNDS + 1];
  __m512i counters;            ///< the first four without the group
  __m512i start[SLICES_BLOCK]; ///< the first four counters of each d, with the first key
} source;

static inline void source_open(source *random, const slices_job *job) {
  const __m128i weyl = _mm_set_epi64x((long long)ARS_WEYL_1, (long long)ARS_WEYL_0);
  __m128i key = _mm_set_epi64x((long long)job->key.word[1], (long long)job->key.word[0]);
  for (int r = 0; r <= ARS_ROUNDS; r++, key = _mm_add_epi64(key, weyl)) random->keys[r] = _mm512_broadcast_i32x4(key);
  const long long level = job->fine->level;
  random->counters = _mm512_setr_epi64(0, level, 1, level, 2, level, 3, level);
}

static inline void source_move(source *random, uint64_t group) {
  const __m512i low = _mm512_maskz_set1_epi64(0x55, (long long)(group << 8));
  const __m512i start = _mm512_xor_si512(_mm512_or_si512(random->counters, low), random->keys[0]);
  UNROLLED for (unsigned d = 0; d < SLICES_BLOCK; d++) random->start[d] =
      _mm512_xor_si512(start, _mm512_maskz_set1_epi64(0x55, 4 * SLICES_PLANES * d));
}

static inline word source_plane(const source *random, unsigned d, unsigned p, unsigned part) {
  (void)part; // the word is the plane
  __m512i state = _mm512_xor_si512(random->start[d], _mm512_maskz_set1_epi64(0x55, 4 * p));
  UNROLLED for (int r = 1; r < ARS_ROUNDS; r++) state = _mm512_aesenc_epi128(state, random->keys[r]);
  return (word)_mm512_aesenclast_epi128(state, random->keys[ARS_ROUNDS]);
}

/// Thresholds of 3×3 patterns by byte permutations, which look up 64 sites at a time.
static inline void find_by_bytes(const slices_near *table, const word spins[9], word t[64]);
#define FIND_BY_PATTERN find_by_bytes

#include "slices_kernel.h"

// With registers numbered i = 4·i2 + 2·i1 + i0 and the bytes of each 128 bits p = 8·p3 + … + p0, a byte is at (i2 i1 i0 p3
// p2 p1 p0). Here it goes to (i1 i0 p3 p2 p1 p0 i2).
static inline void riffle(__m512i x[8]) {
  __m512i y[8];
  UNROLLED for (int i = 0; i < 4; i++) {
    y[2 * i] = _mm512_unpacklo_epi8(x[i], x[i + 4]);
    y[2 * i + 1] = _mm512_unpackhi_epi8(x[i], x[i + 4]);
  }
  memcpy(x, y, sizeof y);
}

/// Bytes of the table, for 64 patterns of 9 bits.
static inline __m512i permute(const __m512i table[8], __m512i low, __mmask64 bit_8) {
  const __mmask64 bit_7 = _mm512_movepi8_mask(low);
  const __m512i q0 = _mm512_permutex2var_epi8(table[0], low, table[1]);
  const __m512i q1 = _mm512_permutex2var_epi8(table[2], low, table[3]);
  const __m512i q2 = _mm512_permutex2var_epi8(table[4], low, table[5]);
  const __m512i q3 = _mm512_permutex2var_epi8(table[6], low, table[7]);
  return _mm512_mask_blend_epi8(bit_8, _mm512_mask_blend_epi8(bit_7, q0, q1), _mm512_mask_blend_epi8(bit_7, q2, q3));
}

static inline void find_by_bytes(const slices_near *table, const word spins[9], word t[64]) {
  // An affine map of constant bytes with the data as its matrix transposes 8×8 bits, but for the order of rows: the
  // first map leaves the sites of a byte in reverse, the second one puts them right again.
  const __m512i ascending = _mm512_set1_epi64((long long)UINT64_C(0x8040201008040201));
  const __m512i descending = _mm512_set1_epi64((long long)UINT64_C(0x0102040810204080));
  __m512i patterns[8], found[8], bytes[8];
  uint64_t bit_8[8];
  UNROLLED for (int i = 0; i < 8; i++) patterns[i] = (__m512i)spins[7 - i];
  for (int turn = 0; turn < 3; turn++) riffle(patterns);
  UNROLLED for (int i = 0; i < 8; i++) patterns[i] = _mm512_gf2p8affine_epi64_epi8(descending, patterns[i], 0);
  // bit 8 in the same order: 16 sites of each 128 bits to every register, each byte in reverse
  const __m512i order = _mm512_set_epi16(31, 23, 15, 7, 30, 22, 14, 6, 29, 21, 13, 5, 28, 20, 12, 4, 27, 19, 11, 3, 26,
                                         18, 10, 2, 25, 17, 9, 1, 24, 16, 8, 0);
  const __m512i last = _mm512_gf2p8affine_epi64_epi8((__m512i)spins[8], ascending, 0);
  store(bit_8, (word)_mm512_permutexvar_epi16(order, last));
  for (unsigned half = 0; half < 2 * SLICES_BLOCK; half++) {
    UNROLLED for (int i = 0; i < 8; i++) bytes[i] = _mm512_loadu_si512(table->bytes[half / 2][half % 2] + 64 * i);
    UNROLLED for (int i = 0; i < 8; i++) found[i] = permute(bytes, patterns[i], bit_8[i]);
    UNROLLED for (int i = 0; i < 8; i++) found[i] = _mm512_gf2p8affine_epi64_epi8(ascending, found[i], 0);
    for (int turn = 0; turn < 4; turn++) riffle(found);
    UNROLLED for (int i = 0; i < 8; i++) t[8 * half + (unsigned)i] = (word)found[i];
  }
}

static int usable(void) {
  unsigned a, b, c, d;
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("gfni") &&
         __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & 1u << 9; // VAES: not every compiler knows its name
}

const slices_isa slices_avx512 = {"avx512", usable, draw};

#else

static int usable(void) { return 0; }

const slices_isa slices_avx512 = {"avx512", usable, NULL};

#endif
