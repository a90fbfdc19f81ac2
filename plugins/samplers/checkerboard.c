// checkerboard.c — see checkerboard.h: how spins lie in memory, rules, and which kernel runs here.
#include "checkerboard.h"

#include "packed.h"

#include <stdlib.h>
#include <string.h>

// ---- rules

checkerboard_rule checkerboard_prepare(const double probability[CHECKERBOARD_CLASSES]) {
  checkerboard_rule rule;
  for (unsigned n = 0; n < CHECKERBOARD_CLASSES; n++) rule.thresholds[n] = events_threshold(probability[n]);
  const uint64_t *t = rule.thresholds;
  const uint64_t terms[CHECKERBOARD_CLASSES] = {t[0], t[0] ^ t[1], t[0] ^ t[2], t[0] ^ t[1] ^ t[2] ^ t[3], t[0] ^ t[4]};
  for (unsigned p = 0; p < EVENTS_PLANES; p++)
    for (unsigned i = 0; i < CHECKERBOARD_CLASSES; i++)
      rule.terms[p][i] = 0 - (terms[i] >> (EVENTS_PLANES - 1 - p) & 1);
  return rule;
}

// ---- memory

static uint64_t row_words(uint32_t length) { return (length / 2 + 63u) / 64u; }

/// Words of one colour: a row before, the rows filled up to whole groups, and a row that may be read behind them.
static uint64_t colour_words(uint32_t length) {
  const uint64_t words = row_words(length), filled = (length * words + EVENTS_WORDS - 1) / EVENTS_WORDS * EVENTS_WORDS;
  return words + filled + words;
}

uint64_t checkerboard_bytes(uint32_t length) { return 3 * colour_words(length) * sizeof(uint64_t); }

int checkerboard_open(checkerboard *board, uint32_t length) {
  const uint64_t words = row_words(length), colour = colour_words(length);
  *board = (checkerboard){.length = length, .words = words, .memory = calloc(3 * colour, sizeof(uint64_t))};
  if (!board->memory) return 0;
  board->groups = (length * words + EVENTS_WORDS - 1) / EVENTS_WORDS;
  board->spins[0] = board->memory + words;
  board->spins[1] = board->memory + colour + words;
  board->side = board->memory + 2 * colour;
  return 1;
}

void checkerboard_close(checkerboard *board) {
  free(board->memory);
  board->memory = NULL;
}

/// Bits 0, 2, 4, … of a word, together.
static inline uint64_t even_bits(uint64_t x) {
  x &= UINT64_C(0x5555555555555555);
  x = (x | x >> 1) & UINT64_C(0x3333333333333333);
  x = (x | x >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
  x = (x | x >> 4) & UINT64_C(0x00ff00ff00ff00ff);
  x = (x | x >> 8) & UINT64_C(0x0000ffff0000ffff);
  return (x | x >> 16) & UINT64_C(0x00000000ffffffff);
}

/// The reverse, of the low 32 bits.
static inline uint64_t spread_bits(uint64_t x) {
  x &= UINT64_C(0x00000000ffffffff);
  x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
  x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
  x = (x | x << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
  x = (x | x << 2) & UINT64_C(0x3333333333333333);
  return (x | x << 1) & UINT64_C(0x5555555555555555);
}

/// The rows beyond either end, which are those at the other end.
static void wrap_rows(checkerboard *board, unsigned colour) {
  const uint64_t words = board->words, all = board->length * words;
  uint64_t *spins = board->spins[colour];
  memcpy(spins - words, spins + all - words, words * sizeof *spins);
  memcpy(spins + all, spins, words * sizeof *spins);
}

void checkerboard_load(checkerboard *board, const uint8_t *sites) {
  for (uint32_t y = 0; y < board->length; y++) {
    uint64_t *even = board->spins[y % 2] + y * board->words, *odd = board->spins[1 - y % 2] + y * board->words;
    for (uint32_t x = 0; x < board->length; x += 64) {
      const uint32_t left = board->length - x, upper = x / 64 % 2 * 32, count = left < 64 ? left : 64;
      const uint64_t spins = packed_from_bytes(sites, count);
      even[x / 128] = (upper ? even[x / 128] : 0) | even_bits(spins) << upper;
      odd[x / 128] = (upper ? odd[x / 128] : 0) | even_bits(spins >> 1) << upper;
      sites += count;
    }
  }
  wrap_rows(board, 0);
  wrap_rows(board, 1);
}

void checkerboard_store(const checkerboard *board, uint8_t *sites) {
  for (uint32_t y = 0; y < board->length; y++) {
    const uint64_t *even = board->spins[y % 2] + y * board->words, *odd = board->spins[1 - y % 2] + y * board->words;
    for (uint32_t x = 0; x < board->length; x += 64) {
      const uint32_t left = board->length - x, upper = x / 64 % 2 * 32, count = left < 64 ? left : 64;
      packed_to_bytes(spread_bits(even[x / 128] >> upper) | spread_bits(odd[x / 128] >> upper) << 1, sites, count);
      sites += count;
    }
  }
}

// ---- sweeps

/// For each site j of one colour, the neighbour at j-1 or j+1 of the other. What lies beyond a row's end is anything.
static void find_side(checkerboard *board, unsigned colour) {
  const uint64_t words = board->words, last = words - 1;
  const uint32_t end = (board->length / 2 - 1) % 64; // bit of the last site
  const uint64_t *other = board->spins[1 - colour];
  uint64_t *side = board->side;
  for (uint32_t y = 0; y < board->length; y++, other += words, side += words) {
    if ((y + colour) % 2 == 0) {
      side[0] = other[0] << 1 | (other[last] >> end & 1);
      for (uint64_t w = 1; w < words; w++) side[w] = other[w] << 1 | other[w - 1] >> 63;
    } else {
      for (uint64_t w = 0; w < last; w++) side[w] = other[w] >> 1 | other[w + 1] << 63;
      side[last] = (other[last] >> 1 & ~(UINT64_C(1) << end)) | (other[0] & 1) << end;
    }
  }
}

void checkerboard_sweep(const checkerboard_isa *isa, checkerboard *board, const checkerboard_rule *rule,
                        const events_source *source) {
  for (unsigned colour = 0; colour < CHECKERBOARD_COLOURS; colour++) {
    find_side(board, colour);
    const checkerboard_job job = {.rule = rule,
                                  .source = *source,
                                  .here = board->spins[colour],
                                  .other = board->spins[1 - colour],
                                  .side = board->side,
                                  .words = board->words,
                                  .groups = board->groups,
                                  .colour = colour};
    isa->update(&job);
    wrap_rows(board, colour);
  }
}

// ---- kernels

static const checkerboard_isa *const all_kernels[] = {&checkerboard_avx512, &checkerboard_avx2, &checkerboard_portable};
#define KERNELS (sizeof all_kernels / sizeof *all_kernels)

const checkerboard_isa *checkerboard_choose(const char *name) {
  for (size_t i = 0; i < KERNELS; i++)
    if ((!name || strcmp(name, all_kernels[i]->name) == 0) && all_kernels[i]->usable()) return all_kernels[i];
  return NULL;
}

const checkerboard_isa *checkerboard_chosen(const fg_host *host) {
  const char *name = getenv("FINEGRAIN_ISA");
  if (name && !*name) name = NULL;
  const checkerboard_isa *chosen = checkerboard_choose(name);
  if (chosen || !name) return chosen; // without a wish there is one
  int known = 0;
  for (size_t i = 0; i < KERNELS; i++) known |= strcmp(name, all_kernels[i]->name) == 0;
  host->fail(host, "FINEGRAIN_ISA=%s: %s; leave it unset, or choose portable%s%s", name,
             known ? "this machine cannot run it" : "no such instruction set",
             checkerboard_avx2.usable() ? ", avx2" : "", checkerboard_avx512.usable() ? ", avx512" : "");
  return NULL;
}
