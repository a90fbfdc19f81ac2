// slices_kernel.h — the body of a kernel, the same for all instruction sets; see slices.h. Included once by each
// slices_<isa>.c, which defines before:
//   LANES, word            so many 64-bit integers, with the operators & | ^ ~ << >>
//   load, store            from and to memory aligned to 8 bytes
//   TRUTH(table, a, b, c)  bit 4a+2b+c of the constant `table`, for each bit of the words
//   less(t, u, lt)         (t & ~u) | (lt & ~(t ^ u)): one step of the comparison u < t, from the last bit to the first
//   some(w)                whether any bit is set
//   LATE                   so many planes, the lowest, are looked at only where it matters
//   source, source_open(source, job), source_move(source, group), source_plane(source, d, p, part)
//                          random words: word `part` of plane p for the fine spins d of a group
//   interleave(even, odd, to)   bits of two words by turns, to two words in memory
// and perhaps FIND_BY_PATTERN, a faster find_by_pattern.
//
// A chunk of coarse spins is laid out in strings of bits without gaps, so that bit i of every string belongs to the same
// random numbers: one string for each (dy, dx), of the spins there as seen from each site. Results are such strings, too.
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

// ---- thresholds: t[16·d + p] is plane p for the fine spins d

/// Exchanges row i + j with column i of each 2j×2j square, for all rows i without j.
static inline void exchange(word *rows, unsigned count, unsigned j, uint64_t columns) {
  for (unsigned first = 0; first < count; first += 2 * j) {
    UNROLLED for (unsigned i = first; i < first + j; i++) {
      const word differ = (rows[i] >> j ^ rows[i + j]) & columns;
      rows[i + j] ^= differ;
      rows[i] ^= differ << j;
    }
  }
}

/// Transposes the four 16×16 squares of 16 rows.
static void transpose_16(word *rows, unsigned count) {
  exchange(rows, count, 8, UINT64_C(0x00ff00ff00ff00ff));
  exchange(rows, count, 4, UINT64_C(0x0f0f0f0f0f0f0f0f));
  exchange(rows, count, 2, UINT64_C(0x3333333333333333));
  exchange(rows, count, 1, UINT64_C(0x5555555555555555));
}

/// Rows of planes, and after the transposition the numbers they make.
typedef union square {
  word rows[16];
  uint64_t fours[16][LANES];
  uint16_t numbers[64 * LANES];
} square;

#ifndef FIND_BY_PATTERN
#define FIND_BY_PATTERN find_by_pattern

typedef union block {
  word rows[64];
  uint64_t numbers[64][LANES];
} block;

static void transpose_64(word *rows) {
  exchange(rows, 64, 32, UINT64_C(0x00000000ffffffff));
  exchange(rows, 64, 16, UINT64_C(0x0000ffff0000ffff));
  transpose_16(rows, 64);
}

/// Patterns of all sites, each looked up once for its four fine spins.
static inline void find_by_pattern(const slices_near *table, const word spins[9], word t[64]) {
  square patterns = {0};
  block found;
  memcpy(patterns.rows, spins, 9 * sizeof *spins);
  transpose_16(patterns.rows, 16);
  for (unsigned i = 0; i < 16; i++)
    for (unsigned lane = 0; lane < LANES; lane++)
      UNROLLED for (unsigned j = 0; j < 4; j++) found.numbers[16 * j + i][lane] =
          table->blocks[patterns.fours[i][lane] >> 16 * j & (SLICES_NEAR - 1)];
  transpose_64(found.rows);
  memcpy(t, found.rows, sizeof found.rows);
}
#endif

/// Patterns of each fine spin. `from` is 0, or 16 for bit 16 of the thresholds.
static inline void find_by_window(const slices_rule *rule, unsigned from, const strings *spins, uint64_t at,
                                  word t[64]) {
  for (unsigned d = 0; d < SLICES_BLOCK; d++) {
    const uint32_t *thresholds = rule->thresholds[d];
    square patterns = {0};
    for (unsigned i = 0; i < rule->bits; i++)
      patterns.rows[i] = load_at(spins, rule->place[d][i][0], rule->place[d][i][1], at);
    transpose_16(patterns.rows, 16);
    UNROLLED for (unsigned i = 0; i < sizeof patterns.numbers / sizeof *patterns.numbers; i++) patterns.numbers[i] =
        (uint16_t)(from ? thresholds[patterns.numbers[i]] >> SLICES_PLANES : thresholds[patterns.numbers[i]]);
    transpose_16(patterns.rows, 16);
    memcpy(t + 16 * d, patterns.rows, sizeof patterns.rows);
  }
}

static inline void find(const slices_rule *rule, unsigned from, const strings *spins, uint64_t at, word t[64]) {
  word seen[9];
  if (rule->form == SLICES_BY_WINDOW) {
    find_by_window(rule, from, spins, at, t);
    return;
  }
  UNROLLED for (int i = 0; i < 9; i++) seen[i] = load_at(spins, i / 3 - 1, i % 3 - 1, at);
  FIND_BY_PATTERN(from ? &rule->high : &rule->low, seen, t);
}

/// Which of the neighbours in a window of 2×2 differ from the parent.
typedef struct corner {
  word vertical[2], horizontal[2], diagonal[SLICES_BLOCK];
} corner;

static inline corner corner_at(const strings *spins, uint64_t at) {
  const word parent = load_at(spins, 0, 0, at);
  corner c;
  UNROLLED for (int i = 0; i < 2; i++) {
    c.vertical[i] = parent ^ load_at(spins, i ? 1 : -1, 0, at);
    c.horizontal[i] = parent ^ load_at(spins, 0, i ? 1 : -1, at);
  }
  UNROLLED for (int d = 0; d < 4; d++) c.diagonal[d] = parent ^ load_at(spins, d / 2 ? 1 : -1, d % 2 ? 1 : -1, at);
  return c;
}

#define TRUTH_1(table)                                                                                                 \
  case table:                                                                                                          \
    t[0] = TRUTH(table, c->vertical[0], c->horizontal[0], c->diagonal[0]);                                             \
    t[1] = TRUTH(table, c->vertical[0], c->horizontal[1], c->diagonal[1]);                                             \
    t[2] = TRUTH(table, c->vertical[1], c->horizontal[0], c->diagonal[2]);                                             \
    t[3] = TRUTH(table, c->vertical[1], c->horizontal[1], c->diagonal[3]);                                             \
    break;
#define TRUTH_4(table) TRUTH_1(table) TRUTH_1(table + 1) TRUTH_1(table + 2) TRUTH_1(table + 3)
#define TRUTH_16(table) TRUTH_4(table) TRUTH_4(table + 4) TRUTH_4(table + 8) TRUTH_4(table + 12)
#define TRUTH_64(table) TRUTH_16(table) TRUTH_16(table + 16) TRUTH_16(table + 32) TRUTH_16(table + 48)

/// One plane for the four fine spins. Its table is known at run time only, an instruction needs a constant.
static inline __attribute__((always_inline)) void find_by_corner(uint8_t table, const corner *c, word t[SLICES_BLOCK]) {
  switch (table) { TRUTH_64(0) TRUTH_64(64) TRUTH_64(128) TRUTH_64(192) }
}

// ---- drawing

/// The groups of a chunk: what they see, and their fine spins, the bits of upper and lower rows.
typedef struct groups {
  uint64_t first, count; ///< indices of random numbers
  strings spins;
  _Alignas(64) uint64_t fine[2][2 * STRING_WORDS];
} groups;

/// Puts down the fine spins: their parents, reversed where they differ.
static inline void finish(groups *g, uint64_t at, const word differ[SLICES_BLOCK]) {
  const word parent = load_at(&g->spins, 0, 0, at);
  UNROLLED for (unsigned dy = 0; dy < 2; dy++)
      interleave(parent ^ differ[2 * dy], parent ^ differ[2 * dy + 1], g->fine[dy] + 2 * at);
}

/// Where thresholds are 2¹⁶: sums of the cases that `table` has.
static void add_corners(uint8_t table, const corner *c, word differ[SLICES_BLOCK]) {
  for (unsigned i = 0; i < 8 * SLICES_BLOCK; i++) {
    const unsigned d = i / 8, differs = i % 8;
    if (!(table >> differs & 1)) continue;
    const word vertical = c->vertical[d / 2], horizontal = c->horizontal[d % 2], diagonal = c->diagonal[d];
    differ[d] |= (differs & 4 ? vertical : ~vertical) & (differs & 2 ? horizontal : ~horizontal) &
                 (differs & 1 ? diagonal : ~diagonal);
  }
}

/// Draws all fine spins. First the planes from LATE on are compared, from the last bit to the first; the others only
/// where all those are equal, from the first bit on.
static inline __attribute__((always_inline)) void draw_groups(int by_corner, const slices_rule *rule, source *random,
                                                              groups *g) {
  for (uint64_t at = 0; at < g->count * GROUP_WORDS; at += LANES) {
    const unsigned part = at % GROUP_WORDS;
    const corner c = corner_at(&g->spins, at);
    word found[SLICES_BLOCK * SLICES_PLANES];
    word t[SLICES_BLOCK], lt[SLICES_BLOCK] = {0}, equal[SLICES_BLOCK];
    UNROLLED for (unsigned d = 0; d < SLICES_BLOCK; d++) t[d] = lt[d], equal[d] = ~lt[d];
    if (!by_corner) find(rule, 0, &g->spins, at, found);
    if (!part) source_move(random, g->first + at / GROUP_WORDS);
    for (unsigned i = 0; i < SLICES_PLANES; i++) {
      const int late = i >= SLICES_PLANES - LATE;
      const unsigned p = late ? SLICES_PLANES - 1 - i : LATE + i;
      if (late && !some(equal[0] | equal[1] | equal[2] | equal[3])) break;
      if (by_corner) find_by_corner(rule->truth[p], &c, t);
      UNROLLED for (unsigned d = 0; d < SLICES_BLOCK; d++) {
        if (late && !some(equal[d])) continue;
        if (!by_corner) t[d] = found[SLICES_PLANES * d + p];
        const word u = source_plane(random, d, p, part);
        lt[d] = late ? lt[d] | (equal[d] & t[d] & ~u) : less(t[d], u, lt[d]);
        if (LATE) equal[d] &= ~(t[d] ^ u);
      }
    }
    if (rule->full && by_corner) add_corners(rule->truth[SLICES_PLANES], &c, lt);
    if (rule->full && !by_corner) {
      find(rule, SLICES_PLANES, &g->spins, at, found);
      for (unsigned d = 0; d < SLICES_BLOCK; d++) lt[d] |= found[SLICES_PLANES * d];
    }
    finish(g, at, lt);
  }
}

static void draw_by_corner(const slices_rule *rule, source *random, groups *g) { draw_groups(1, rule, random, g); }
static void draw_by_table(const slices_rule *rule, source *random, groups *g) { draw_groups(0, rule, random, g); }

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

static void draw_chunk(const slices_job *job, source *random, const slices_chunk *chunk) {
  const slices_rule *rule = job->rule;
  const uint64_t width = fg_lattice_width(&job->coarse->lattice), rows = job->coarse->rows;
  const uint64_t start = job->fine->first - job->first_row / rows; // index of configuration 0 of the coarse batch
  const uint64_t site = (start * rows + chunk->row) * width + chunk->column, first = site % SLICES_GROUP;
  const int reach = rule->form == SLICES_BY_WINDOW ? SLICES_REACH : 1;
  groups g;
  g.first = site / SLICES_GROUP;
  g.count = (first + chunk->rows * chunk->columns + SLICES_GROUP - 1) / SLICES_GROUP;
  gather(job->coarse, chunk, first, g.count, reach, &g.spins);
  (rule->form == SLICES_BY_CORNER ? draw_by_corner : draw_by_table)(rule, random, &g);
  scatter(job, chunk, first, g.fine);
}

static void draw(const slices_job *job, uint64_t begin, uint64_t end) {
  source random;
  source_open(&random, job);
  for (uint64_t i = begin; i < end; i++) {
    const slices_chunk chunk = slices_chunk_at(job, i);
    draw_chunk(job, &random, &chunk);
  }
}
