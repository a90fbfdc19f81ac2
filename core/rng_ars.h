// rng_ars.h — what the two implementations of ARS share.
#ifndef FG_CORE_RNG_ARS_H
#define FG_CORE_RNG_ARS_H

#define ARS_ROUNDS 5
#define ARS_WEYL_0 UINT64_C(0x9E3779B97F4A7C15) /* golden ratio */
#define ARS_WEYL_1 UINT64_C(0xBB67AE8584CAA73B) /* √3 - 1 */

/// Whether this CPU has AES instructions.
int fg_rng_has_aesni(void);

#endif
