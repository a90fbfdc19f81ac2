// rng.h — ARS with 5 rounds (Salmon, Moraes, Dror, Shaw, SC'11): bulk fill, and keys from names.
#ifndef FG_CORE_RNG_H
#define FG_CORE_RNG_H

#include "finegrain/rng.h"

/// fg_rng_fill_fn with AES-NI where the CPU has it, otherwise (or with FINEGRAIN_ISA=portable in the environment) with
/// tables; the same bytes. counter.low wraps at 2^64 without touching counter.high.
void fg_rng_fill(fg_rng_key key, fg_rng_counter counter, void *buffer, size_t bytes);

/// The two of them.
void fg_rng_fill_portable(fg_rng_key key, fg_rng_counter counter, void *buffer, size_t bytes);
void fg_rng_fill_aesni(fg_rng_key key, fg_rng_counter counter, void *buffer, size_t bytes);

/// Key of (seed, stage, purpose): XXH3-128 of the seed's 8 bytes, the stage's name, a NUL, the purpose.
fg_rng_key fg_rng_key_of(uint64_t seed, const char *stage, const char *purpose);

#endif
