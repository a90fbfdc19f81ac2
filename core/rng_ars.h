// rng_ars.h — what the two implementations of ARS share, and which of them is used.
#ifndef FG_CORE_RNG_ARS_H
#define FG_CORE_RNG_ARS_H

#include "finegrain/rng.h"

#define ARS_ROUNDS 5
#define ARS_WEYL_0 UINT64_C(0x9E3779B97F4A7C15) /* golden ratio */
#define ARS_WEYL_1 UINT64_C(0xBB67AE8584CAA73B) /* √3 - 1 */

/// Whether this CPU has AES instructions.
int fg_rng_has_aesni(void);

/// What fg_rng_fill calls in this thread: a function of CPU and environment alone, asked for at the thread's first call.
fg_rng_fill_fn fg_rng_chosen(void);

#endif
