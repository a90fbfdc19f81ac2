// rng.h — counter-based randomness: any number of random bits is a pure function of (key, counter).
// Generator: ARS with 5 rounds, `ars4x32_R(5, …)` of Random123 (Salmon, Moraes, Dror, Shaw, SC'11). One counter value
// gives 128 bits. The key follows from (seed of the run, stage's name, purpose); the plugin chooses the counter from
// chain, configuration, level, site: never from thread or batch, so that results cannot depend on either.
#ifndef FINEGRAIN_RNG_H
#define FINEGRAIN_RNG_H

#include "abi.h"

/// Frozen, as are the two structs below.
typedef struct fg_rng_key {
  uint64_t word[2];
} fg_rng_key;

typedef struct fg_rng_counter {
  uint64_t low;  ///< advances by one every 16 bytes
  uint64_t high; ///< chosen by the plugin: chain, level, …
} fg_rng_counter;

/// Writes `bytes` random bytes that start at `counter`: bytes 16k..16k+15 are the block at low+k, little endian.
/// [any thread]
typedef void (*fg_rng_fill_fn)(fg_rng_key key, fg_rng_counter counter, void *buffer, size_t bytes);

#define FG_RNG_BUFFER 128u

/// Single draws, one after the other, from one (key, counter.high): a chain's own source of randomness.
/// Its whole state is (counter of the next refill, used): save these two to continue later.
typedef struct fg_rng {
  fg_rng_fill_fn fill;
  fg_rng_key key;
  fg_rng_counter next; ///< counter of the next refill
  uint32_t used;       ///< words of the buffer already drawn
  uint32_t reserved;
  uint64_t buffer[FG_RNG_BUFFER];
} fg_rng;

static inline fg_rng fg_rng_start(fg_rng_fill_fn fill, fg_rng_key key, uint64_t high) {
  fg_rng rng;
  rng.fill = fill;
  rng.key = key;
  rng.next.low = 0;
  rng.next.high = high;
  rng.used = FG_RNG_BUFFER;
  rng.reserved = 0;
  return rng;
}

/// 64 random bits.
static inline uint64_t fg_rng_bits(fg_rng *rng) {
  if (rng->used == FG_RNG_BUFFER) {
    rng->fill(rng->key, rng->next, rng->buffer, sizeof rng->buffer);
    rng->next.low += sizeof rng->buffer / 16;
    rng->used = 0;
  }
  return rng->buffer[rng->used++];
}

/// Uniform in [0, 1), 53 bits.
static inline double fg_rng_uniform(fg_rng *rng) { return (double)(fg_rng_bits(rng) >> 11) * 0x1p-53; }

/// Uniform in 0..n-1, n ≥ 1, without bias (Lemire, ACM TOMACS 29:3, 2019).
static inline uint64_t fg_rng_below(fg_rng *rng, uint64_t n) {
  __extension__ typedef unsigned __int128 wide;
  wide product = (wide)fg_rng_bits(rng) * n;
  if ((uint64_t)product < n) {
    uint64_t floor = (0 - n) % n;
    while ((uint64_t)product < floor) product = (wide)fg_rng_bits(rng) * n;
  }
  return (uint64_t)(product >> 64);
}

#endif
