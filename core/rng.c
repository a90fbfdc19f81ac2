// rng.c — see rng.h. The portable generator, the choice between it and AES-NI, and keys from names.
//
// ARS is AES with its key schedule replaced by a Weyl sequence (Salmon et al., SC'11): the round key starts as the user's
// key and each round adds the 64-bit halves of the golden ratio and √3-1; the last round has no MixColumns.
#include "rng.h"

#include "rng_ars.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/// x·f in GF(2⁸) modulo x⁸+x⁴+x³+x+1, by shifts: only used to fill the tables.
static uint8_t times(uint8_t x, uint8_t f) {
  uint8_t product = 0;
  for (; f; f >>= 1) {
    if (f & 1) product ^= x;
    x = (uint8_t)(x << 1 ^ (x & 0x80 ? 0x1b : 0));
  }
  return product;
}

/// AES's S-box (FIPS 197): the inverse in GF(2⁸), then an affine map; and the S-box with MixColumns' column (2,1,1,3),
/// for a byte of each row.
typedef struct tables {
  uint8_t box[256];
  uint32_t mixed[4][256];
} tables;

static tables make_tables(void) {
  tables t;
  uint8_t power[256], logarithm[256] = {0}, x = 1;
  for (int i = 0; i < 255; i++) { // 3 generates the multiplicative group
    power[i] = x;
    logarithm[x] = (uint8_t)i;
    x = times(x, 3);
  }
  power[255] = power[0];
  for (int i = 0; i < 256; i++) {
    uint8_t inverse = i ? power[255 - logarithm[i]] : 0, s = inverse;
    for (int turn = 1; turn <= 4; turn++) s ^= (uint8_t)(inverse << turn | inverse >> (8 - turn));
    s ^= 0x63;
    t.box[i] = s;
    const uint32_t column = (uint32_t)times(s, 2) | (uint32_t)s << 8 | (uint32_t)s << 16 | (uint32_t)times(s, 3) << 24;
    t.mixed[0][i] = column;
    for (int row = 1; row < 4; row++) t.mixed[row][i] = column << 8 * row | column >> (32 - 8 * row);
  }
  return t;
}

/// SubBytes, ShiftRows (row r of column c comes from column c+r) and MixColumns of one column.
static inline uint32_t mixed(const tables *t, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return t->mixed[0][a & 0xff] ^ t->mixed[1][b >> 8 & 0xff] ^ t->mixed[2][c >> 16 & 0xff] ^ t->mixed[3][d >> 24];
}

/// The same without MixColumns.
static inline uint32_t last(const tables *t, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return (uint32_t)t->box[a & 0xff] | (uint32_t)t->box[b >> 8 & 0xff] << 8 | (uint32_t)t->box[c >> 16 & 0xff] << 16 |
         (uint32_t)t->box[d >> 24] << 24;
}

/// One block: columns of the state are little-endian 32-bit words.
static void ars_block(const tables *t, fg_rng_key key, uint64_t low, uint64_t high, uint32_t out[4]) {
  uint64_t k0 = key.word[0], k1 = key.word[1];
  uint32_t s0 = (uint32_t)(low ^ k0), s1 = (uint32_t)((low ^ k0) >> 32);
  uint32_t s2 = (uint32_t)(high ^ k1), s3 = (uint32_t)((high ^ k1) >> 32);
  for (int round = 1; round < ARS_ROUNDS; round++) {
    k0 += ARS_WEYL_0;
    k1 += ARS_WEYL_1;
    const uint32_t n0 = mixed(t, s0, s1, s2, s3) ^ (uint32_t)k0, n1 = mixed(t, s1, s2, s3, s0) ^ (uint32_t)(k0 >> 32);
    const uint32_t n2 = mixed(t, s2, s3, s0, s1) ^ (uint32_t)k1, n3 = mixed(t, s3, s0, s1, s2) ^ (uint32_t)(k1 >> 32);
    s0 = n0, s1 = n1, s2 = n2, s3 = n3;
  }
  k0 += ARS_WEYL_0;
  k1 += ARS_WEYL_1;
  out[0] = last(t, s0, s1, s2, s3) ^ (uint32_t)k0;
  out[1] = last(t, s1, s2, s3, s0) ^ (uint32_t)(k0 >> 32);
  out[2] = last(t, s2, s3, s0, s1) ^ (uint32_t)k1;
  out[3] = last(t, s3, s0, s1, s2) ^ (uint32_t)(k1 >> 32);
}

void fg_rng_fill_portable(fg_rng_key key, fg_rng_counter counter, void *buffer, size_t bytes) {
  // The tables are constant data made on first use of each thread: 4.3 KiB, no lock, nothing shared.
  static _Thread_local tables t;
  static _Thread_local int ready;
  if (!ready) {
    t = make_tables();
    ready = 1;
  }
  uint8_t *out = buffer;
  uint32_t block[4];
  for (; bytes >= sizeof block; bytes -= sizeof block, out += sizeof block) {
    ars_block(&t, key, counter.low++, counter.high, block);
    memcpy(out, block, sizeof block);
  }
  if (!bytes) return;
  ars_block(&t, key, counter.low, counter.high, block);
  memcpy(out, block, bytes);
}

fg_rng_fill_fn fg_rng_chosen(void) {
  static _Thread_local fg_rng_fill_fn chosen;
  if (!chosen) {
    const char *isa = getenv("FINEGRAIN_ISA");
    bool portable = isa && strcmp(isa, "portable") == 0;
    chosen = fg_rng_has_aesni() && !portable ? fg_rng_fill_aesni : fg_rng_fill_portable;
  }
  return chosen;
}

void fg_rng_fill(fg_rng_key key, fg_rng_counter counter, void *buffer, size_t bytes) {
  fg_rng_chosen()(key, counter, buffer, bytes);
}

fg_rng_key fg_rng_key_of(uint64_t seed, const char *stage, const char *purpose) {
  XXH3_state_t *state = XXH3_createState();
  if (!state) abort();
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(seed >> (8 * i));
  XXH3_128bits_reset(state);
  XXH3_128bits_update(state, bytes, sizeof bytes);
  XXH3_128bits_update(state, stage, strlen(stage) + 1);
  XXH3_128bits_update(state, purpose, strlen(purpose));
  XXH128_hash_t digest = XXH3_128bits_digest(state);
  XXH3_freeState(state);
  return (fg_rng_key){{digest.low64, digest.high64}};
}
