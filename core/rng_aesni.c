// rng_aesni.c — ARS on AES instructions, eight blocks in flight. The only file with these intrinsics.
#include "rng.h"
#include "rng_ars.h"

#if defined(__x86_64__)

#include <string.h>
#include <wmmintrin.h>

#define LANES 8
#define UNROLLED _Pragma("GCC unroll 8")

int fg_rng_has_aesni(void) { return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1"); }

__attribute__((target("aes,sse4.1"))) void fg_rng_fill_aesni(fg_rng_key key, fg_rng_counter counter, void *buffer,
                                                             size_t bytes) {
  const __m128i weyl = _mm_set_epi64x((long long)ARS_WEYL_1, (long long)ARS_WEYL_0);
  __m128i keys[ARS_ROUNDS + 1];
  keys[0] = _mm_set_epi64x((long long)key.word[1], (long long)key.word[0]);
  for (int r = 1; r <= ARS_ROUNDS; r++) keys[r] = _mm_add_epi64(keys[r - 1], weyl);
  __m128i next = _mm_set_epi64x((long long)counter.high, (long long)counter.low);
  uint8_t *out = buffer;
  while (bytes) {
    __m128i lane[LANES];
    UNROLLED for (int i = 0; i < LANES; i++) {
      lane[i] = _mm_xor_si128(keys[0], next);
      next = _mm_add_epi64(next, _mm_set_epi64x(0, 1));
    }
    for (int r = 1; r < ARS_ROUNDS; r++)
      UNROLLED for (int i = 0; i < LANES; i++) lane[i] = _mm_aesenc_si128(lane[i], keys[r]);
    UNROLLED for (int i = 0; i < LANES; i++) lane[i] = _mm_aesenclast_si128(lane[i], keys[ARS_ROUNDS]);
    if (bytes < sizeof lane) {
      memcpy(out, lane, bytes);
      return;
    }
    memcpy(out, lane, sizeof lane);
    out += sizeof lane;
    bytes -= sizeof lane;
  }
}

#else

int fg_rng_has_aesni(void) { return 0; }
void fg_rng_fill_aesni(fg_rng_key key, fg_rng_counter counter, void *buffer, size_t bytes) {
  fg_rng_fill_portable(key, counter, buffer, bytes);
}

#endif
