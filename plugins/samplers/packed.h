// packed.h — spins between bytes, as chains hold them, and bits, as fast sweeps do.
#ifndef PLUGINS_SAMPLERS_PACKED_H
#define PLUGINS_SAMPLERS_PACKED_H

#include <stdint.h>
#include <string.h>

/// Up to 64 spins as a word; the rest of it is zero. The factor moves bit 0 of byte k to bit 56+k.
static inline uint64_t packed_from_bytes(const uint8_t *spins, uint32_t count) {
  uint64_t word = 0;
  uint32_t x = 0;
  for (; x + 8 <= count; x += 8) {
    uint64_t eight;
    memcpy(&eight, spins + x, sizeof eight);
    word |= (eight * UINT64_C(0x0102040810204080)) >> 56 << x;
  }
  for (; x < count; x++) word |= (uint64_t)spins[x] << x;
  return word;
}

/// The reverse. Seven bits go to the low bits of bytes by one product; the eighth would run into its neighbours.
static inline void packed_to_bytes(uint64_t word, uint8_t *spins, uint32_t count) {
  uint32_t x = 0;
  for (; x + 8 <= count; x += 8) {
    const uint64_t bits = word >> x;
    const uint64_t eight =
        ((bits & 0x7f) * UINT64_C(0x0002040810204081) & UINT64_C(0x0001010101010101)) | (bits >> 7 & 1) << 56;
    memcpy(spins + x, &eight, sizeof eight);
  }
  for (; x < count; x++) spins[x] = (uint8_t)(word >> x & 1);
}

#endif
