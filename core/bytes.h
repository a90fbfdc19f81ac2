// bytes.h — little-endian numbers in a byte buffer.
#ifndef FG_CORE_BYTES_H
#define FG_CORE_BYTES_H

#include <stdint.h>
#include <string.h>

static inline void fg_put32(uint8_t *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static inline void fg_put64(uint8_t *at, uint64_t value) {
  for (int i = 0; i < 8; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static inline uint32_t fg_get32(const uint8_t *at) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) value |= (uint32_t)at[i] << (8 * i);
  return value;
}

static inline uint64_t fg_get64(const uint8_t *at) { return fg_get32(at) | (uint64_t)fg_get32(at + 4) << 32; }

/// Every NaN is written as the same bits: which NaN a computation gives differs between machines and means nothing.
static inline void fg_put_double(uint8_t *at, double value) {
  uint64_t bits = UINT64_C(0x7ff8000000000000);
  if (value == value) memcpy(&bits, &value, 8);
  fg_put64(at, bits);
}

static inline double fg_get_double(const uint8_t *at) {
  uint64_t bits = fg_get64(at);
  double value;
  memcpy(&value, &bits, 8);
  return value;
}

#endif
