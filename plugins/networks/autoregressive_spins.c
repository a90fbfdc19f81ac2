// autoregressive_spins.c — see autoregressive_spins.h.
#include "autoregressive_spins.h"

#include <string.h>

static uint64_t padded(uint64_t bytes) {
  return (bytes + AUTOREGRESSIVE_GRAIN - 1) / AUTOREGRESSIVE_GRAIN * AUTOREGRESSIVE_GRAIN;
}

autoregressive_spins autoregressive_spins_sizes(const fg_lattice *coarse, unsigned g) {
  const uint64_t rows = coarse->extent[g & 4 ? 1 : 0], width = coarse->extent[g & 4 ? 0 : 1];
  return (autoregressive_spins){
      .rows = rows, .width = width, .coarse_stride = padded(width), .fine_stride = padded(2 * width)};
}

static uint64_t bytes_of(const autoregressive_spins *spins) {
  return spins->rows * (spins->coarse_stride + 2 * spins->fine_stride);
}

uint64_t autoregressive_spins_bytes(const fg_lattice *coarse) {
  const autoregressive_spins upright = autoregressive_spins_sizes(coarse, 0);
  const autoregressive_spins transposed = autoregressive_spins_sizes(coarse, 4);
  const uint64_t a = bytes_of(&upright), b = bytes_of(&transposed);
  return a > b ? a : b;
}

void autoregressive_spins_place(autoregressive_spins *spins, uint8_t *bytes) {
  spins->coarse = bytes;
  spins->fine = bytes + spins->rows * spins->coarse_stride;
}

// ---- packed lattices

/// A packed row, a byte a spin: eight bits at a time go to the lowest bits of eight bytes.
static void unpack_row(const uint64_t *row, uint64_t width, uint8_t *to) {
  for (uint64_t x = 0; x < width; x += 8) {
    uint64_t bits = row[x / 64] >> x % 64 & 0xff, bytes = 0;
    for (unsigned i = 0; i < 8; i++) bytes |= (bits >> i & 1) << 8 * i;
    memcpy(to + x, &bytes, sizeof bytes);
  }
}

/// Where the site (y, x), as seen, lies on a lattice of `rows`×`width`.
typedef struct place {
  uint64_t y, x;
} place;

static place place_of(uint64_t rows, uint64_t width, unsigned g, uint64_t y, uint64_t x) {
  place at = g & 4 ? (place){x, y} : (place){y, x};
  if (g & 1) at.y = rows - 1 - at.y;
  if (g & 2) at.x = width - 1 - at.x;
  return at;
}

/// `rows`×`width` are those seen.
static void load(const fg_batch *batch, uint32_t c, unsigned g, uint64_t rows, uint64_t width, uint64_t stride,
                 uint8_t *to) {
  const uint64_t length = fg_lattice_width(&batch->lattice);
  for (uint64_t y = 0; y < rows; y++) {
    if (g == 0) {
      unpack_row(fg_batch_row(batch, c, y), width, to + y * stride);
      continue;
    }
    for (uint64_t x = 0; x < width; x++) {
      const place at = place_of(batch->rows, length, g, y, x);
      to[y * stride + x] = (uint8_t)fg_bit_get(fg_batch_row(batch, c, at.y), at.x);
    }
  }
}

void autoregressive_spins_load_coarse(const autoregressive_spins *spins, const fg_batch *coarse, uint32_t c,
                                      unsigned g) {
  load(coarse, c, g, spins->rows, spins->width, spins->coarse_stride, spins->coarse);
}

void autoregressive_spins_load_fine(const autoregressive_spins *spins, const fg_batch *fine, uint32_t c, unsigned g) {
  load(fine, c, g, 2 * spins->rows, 2 * spins->width, spins->fine_stride, spins->fine);
}

void autoregressive_spins_store(const autoregressive_spins *spins, fg_batch *fine, uint32_t c, unsigned g) {
  const uint64_t length = fg_lattice_width(&fine->lattice);
  for (uint64_t y = 0; y < fine->rows; y++) memset(fg_batch_row_mut(fine, c, y), 0, fine->row_bytes);
  for (uint64_t y = 0; y < 2 * spins->rows; y++) {
    for (uint64_t x = 0; x < 2 * spins->width; x++) {
      const place at = place_of(fine->rows, length, g, y, x);
      fg_batch_row_mut(fine, c, at.y)[at.x / 64] |= (uint64_t)spins->fine[y * spins->fine_stride + x] << at.x % 64;
    }
  }
}
