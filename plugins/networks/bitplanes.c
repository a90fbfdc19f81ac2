// bitplanes.c — see bitplanes.h. The 64 planes of a group (4 positions × 16 bits) lie one after the other in the random
// stream, 4 KiB; here they are turned into numbers, eight sites at a time.
#include "bitplanes.h"

#include <math.h>

#define BITS 16u
#define PLANE_BYTES (BITPLANES_SITES / 8)
#define GROUP_BLOCKS (BITPLANES_POSITIONS * BITS * PLANE_BYTES / 16) // counter values of a group

void bitplanes_start(bitplanes *planes, fg_rng_fill_fn fill, fg_rng_key key, int32_t level) {
  planes->fill = fill;
  planes->key = key;
  planes->level = (uint64_t)(int64_t)level;
  planes->group = UINT64_MAX; // beyond any site's
}

/// Transposes eight rows of eight bits: bit c of byte r becomes bit r of byte c, by exchanging 1×1, 2×2 and 4×4 blocks.
static uint64_t transpose(uint64_t rows) {
  uint64_t swap = (rows ^ rows >> 7) & UINT64_C(0x00aa00aa00aa00aa);
  rows ^= swap ^ swap << 7;
  swap = (rows ^ rows >> 14) & UINT64_C(0x0000cccc0000cccc);
  rows ^= swap ^ swap << 14;
  swap = (rows ^ rows >> 28) & UINT64_C(0x00000000f0f0f0f0);
  return rows ^ swap ^ swap << 28;
}

/// Byte `at` of eight successive planes.
static uint64_t gather(const uint8_t *planes, unsigned at) {
  uint64_t rows = 0;
  for (unsigned p = 0; p < 8; p++) rows |= (uint64_t)planes[p * PLANE_BYTES + at] << 8 * p;
  return rows;
}

void bitplanes_load(bitplanes *planes, uint64_t group) {
  uint8_t plane[BITPLANES_POSITIONS][BITS][PLANE_BYTES];
  fg_rng_counter counter = {.low = group * GROUP_BLOCKS, .high = planes->level};
  planes->fill(planes->key, counter, plane, sizeof plane);
  for (unsigned d = 0; d < BITPLANES_POSITIONS; d++) {
    for (unsigned at = 0; at < PLANE_BYTES; at++) {
      uint64_t low = transpose(gather(plane[d][0], at)), high = transpose(gather(plane[d][8], at));
      for (unsigned i = 0; i < 8; i++)
        planes->numbers[8 * at + i][d] = (uint16_t)((low >> 8 * i & 0xff) | (high >> 8 * i & 0xff) << 8);
    }
  }
  planes->group = group;
}

uint32_t bitplanes_threshold(double probability) { return (uint32_t)lround(probability * BITPLANES_ONE); }
