// quartets.h — 2×2 blocks of packed spins, 64 blocks at a time: which have a majority of spins up, and which are tied.
#ifndef PLUGINS_COARSEN_QUARTETS_H
#define PLUGINS_COARSEN_QUARTETS_H

#include <stdint.h>

/// Bit x belongs to block x of 64; beyond the row's end both are 0.
typedef struct quartets {
  uint64_t up; ///< three or four spins are up
  uint64_t tied;
} quartets;

/// The even bits of a word, moved together.
static inline uint64_t quartets_compress(uint64_t word) {
  word &= UINT64_C(0x5555555555555555);
  word = (word | word >> 1) & UINT64_C(0x3333333333333333);
  word = (word | word >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
  word = (word | word >> 4) & UINT64_C(0x00ff00ff00ff00ff);
  word = (word | word >> 8) & UINT64_C(0x0000ffff0000ffff);
  return (word | word >> 16) & UINT64_C(0x00000000ffffffff);
}

/// 32 blocks out of a word of each of two rows.
static inline quartets quartets_half(uint64_t above, uint64_t below) {
  const uint64_t one_above = above ^ above >> 1, two_above = above & above >> 1; // at even bits: spins up of two
  const uint64_t one_below = below ^ below >> 1, two_below = below & below >> 1;
  quartets half;
  half.up = quartets_compress((two_above & (one_below | two_below)) | (one_above & two_below));
  half.tied = quartets_compress((one_above & one_below) | ((two_above ^ two_below) & ~one_above & ~one_below));
  return half;
}

/// Blocks 64k … 64k+63 of two rows of `words` words, whose padding bits are zero.
static inline quartets quartets_of(const uint64_t *above, const uint64_t *below, uint64_t k, uint64_t words) {
  quartets blocks = quartets_half(above[2 * k], below[2 * k]);
  if (2 * k + 1 < words) {
    quartets more = quartets_half(above[2 * k + 1], below[2 * k + 1]);
    blocks.up |= more.up << 32;
    blocks.tied |= more.tied << 32;
  }
  return blocks;
}

#endif
