// slices_strings.h — how a kernel lays out what a chunk sees, and puts down what it draws; included by slices_kernel.h.
// The rows of a chunk lie in strings of bits without gaps, so that bit i of every string belongs to the same random
// numbers: one string for each (dy, dx), of the spins there as seen from each site. Results are such strings, too.
#ifndef PLUGINS_GENERATE_SLICES_STRINGS_H
#define PLUGINS_GENERATE_SLICES_STRINGS_H

#include "slices.h"

#include <string.h>

#define GROUP_WORDS (SLICES_GROUP / 64)
#define STRING_WORDS (SLICES_CHUNK / 64 + GROUP_WORDS) // a chunk may start anywhere in a group
#define MARGIN 8u                                      // words around a string, so that it may be shifted

typedef struct strings {
  _Alignas(64) uint64_t words[SLICES_SIDE][SLICES_SIDE][MARGIN + STRING_WORDS + MARGIN];
} strings;

static inline uint64_t *string_at(strings *s, int dy, int dx) {
  return s->words[SLICES_REACH + dy][SLICES_REACH + dx] + MARGIN;
}

static inline word load_at(const strings *s, int dy, int dx, uint64_t at) {
  return load(s->words[SLICES_REACH + dy][SLICES_REACH + dx] + MARGIN + at);
}

/// An index of a periodic lattice, for one not far outside.
static inline uint64_t wrapped(uint64_t at, int64_t by, uint64_t length) {
  int64_t i = (int64_t)at + by;
  while (i < 0) i += (int64_t)length;
  while (i >= (int64_t)length) i -= (int64_t)length;
  return (uint64_t)i;
}

// ---- strings of bits

/// Puts bits of one string behind the first `at` bits of another; what follows in the same word becomes zero.
static inline void append(uint64_t *to, uint64_t at, const uint64_t *from, uint64_t start, uint64_t count) {
  to += at / 64;
  from += start / 64;
  at %= 64;
  start %= 64;
  if (!at && !start) {
    for (; count >= 64 * LANES; count -= 64 * LANES, to += LANES, from += LANES) store(to, load(from));
    for (; count >= 64; count -= 64) *to++ = *from++;
  }
  while (count) {
    const uint64_t take = 64 - at < count ? 64 - at : count, beyond = 64 - take;
    uint64_t bits = *from >> start;
    if (start + take > 64) bits |= from[1] << (64 - start);
    *to = (at ? *to : 0) | bits << beyond >> beyond << at;
    count -= take;
    at += take;
    to += at / 64;
    at %= 64;
    start += take;
    from += start / 64;
    start %= 64;
  }
}

/// Bit i becomes bit i + by of another string.
static void shift(uint64_t *to, const uint64_t *from, int by, uint64_t words) {
  const uint64_t far = by < 0 ? (uint64_t)-by : (uint64_t)by, rest = 64 - far;
  for (uint64_t i = 0; i < words; i += LANES) {
    const word here = load(from + i);
    store(to + i, by < 0 ? here << far | load(from + i - 1) >> rest : here >> far | load(from + i + 1) << rest);
  }
}

/// The same with rows of `width` sites, which divides 64, each turned round.
static void turn(uint64_t *to, const uint64_t *from, int by, uint64_t width, uint64_t words) {
  const uint64_t near = wrapped(0, by, width), rest = width - near;
  uint64_t mask = near ? 0 : UINT64_MAX; // of the first `rest` sites of each row
  for (uint64_t i = 0; near && i < 64; i += width) mask |= ((UINT64_C(1) << rest) - 1) << i;
  for (uint64_t i = 0; i < words; i += LANES) {
    const word here = load(from + i);
    store(to + i, near ? (here >> near & mask) | (here << rest & ~mask) : here);
  }
}

/// Sets the sites of a part of a row that a shift has filled from beyond the part.
static inline void mend(uint64_t *to, uint64_t at, const uint64_t *row, const slices_chunk *chunk, int by,
                        uint64_t width) {
  const uint64_t far = by < 0 ? (uint64_t)-by : (uint64_t)by;
  for (uint64_t i = 0; i < far && i < chunk->columns; i++) {
    const uint64_t x = by < 0 ? i : chunk->columns - 1 - i;
    fg_bit_set(to, at + x, fg_bit_get(row, wrapped(chunk->column + x, by, width)));
  }
}

// ---- the spins that a chunk sees

/// Runs along coarse rows.
typedef struct cursor {
  const uint64_t *rows; ///< of the configuration
  uint64_t y, height, stride;
} cursor;

static inline cursor cursor_at(const fg_batch *coarse, uint64_t row) {
  return (cursor){fg_batch_row(coarse, row / coarse->rows, 0), row % coarse->rows, coarse->rows, coarse->row_bytes / 8};
}

static inline const uint64_t *cursor_row(const cursor *at, int dy) {
  return at->rows + wrapped(at->y, dy, at->height) * at->stride;
}

static inline void cursor_move(cursor *at) {
  if (++at->y < at->height) return;
  at->rows += at->height * at->stride;
  at->y = 0;
}

/// Puts rows of `width` sites, which divides 64, behind the first `at` bits of a string: those dy above or below a chunk's.
static void pack_rows(uint64_t *to, uint64_t at, const fg_batch *coarse, const slices_chunk *chunk, int dy) {
  uint64_t packed = 0;
  cursor row = cursor_at(coarse, chunk->row);
  to += at / 64;
  at %= 64;
  for (uint64_t left = chunk->rows; left; left--, cursor_move(&row)) {
    packed |= *cursor_row(&row, dy) << at;
    at += chunk->columns;
    if (at == 64) *to++ = packed, packed = 0, at = 0;
  }
  *to = packed;
}

/// All that a chunk sees, from bit `first` of the strings on.
static void gather(const fg_batch *coarse, const slices_chunk *chunk, uint64_t first, uint64_t groups, int reach,
                   strings *spins) {
  const uint64_t width = fg_lattice_width(&coarse->lattice), words = groups * GROUP_WORDS;
  const uint64_t end = (first + chunk->rows * chunk->columns + 63) / 64;
  const int packs = 64 % width == 0;
  for (int dy = -reach; dy <= reach; dy++) {
    uint64_t *centre = string_at(spins, dy, 0), at = first;
    memset(centre - 1, 0, (first / 64 + 2) * sizeof *centre);
    if (packs) pack_rows(centre, first, coarse, chunk, dy);
    cursor row = cursor_at(coarse, chunk->row);
    for (uint64_t left = packs ? 0 : chunk->rows; left; left--, cursor_move(&row), at += chunk->columns)
      append(centre, at, cursor_row(&row, dy), chunk->column, chunk->columns);
    memset(centre + end, 0, (words + 1 - end) * sizeof *centre);
    for (int dx = -reach; dx <= reach; dx++)
      if (dx && packs)
        turn(string_at(spins, dy, dx), centre, dx, width, words);
      else if (dx)
        shift(string_at(spins, dy, dx), centre, dx, words);
  }
  cursor row = cursor_at(coarse, chunk->row);
  uint64_t at = first;
  for (uint64_t left = packs ? 0 : chunk->rows; left; left--, cursor_move(&row), at += chunk->columns)
    for (int dy = -reach; dy <= reach; dy++)
      for (int dx = -reach; dx <= reach; dx++)
        if (dx) mend(string_at(spins, dy, dx), at, cursor_row(&row, dy), chunk, dx, width);
}

// ---- the spins that it draws

/// Takes the results to the fine rows.
static void scatter(const slices_job *job, const slices_chunk *chunk, uint64_t first,
                    uint64_t (*fine)[2 * STRING_WORDS]) {
  const uint64_t length = 2 * chunk->columns;
  uint64_t *rows = fg_batch_row_mut(job->fine, 0, 2 * (chunk->row - job->first_row)), at = 2 * first;
  if (!chunk->column && 64 % length == 0) { // a row is a word, and lies in one word
    for (uint64_t i = 0; i < chunk->rows; i++, at += length)
      for (unsigned dy = 0; dy < 2; dy++)
        rows[2 * i + dy] = fine[dy][at / 64] << (64 - length - at % 64) >> (64 - length);
    return;
  }
  for (uint64_t i = 0; i < chunk->rows; i++, at += length)
    for (unsigned dy = 0; dy < 2; dy++)
      append(rows + (2 * i + dy) * (job->fine->row_bytes / 8), 2 * chunk->column, fine[dy], at, length);
}

#endif
