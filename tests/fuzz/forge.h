// forge.h — batches to encode, and encoded ones that lie: the offsets of schemas/stream.md written down a second time,
// and checksums put right again after a change. Shared by the tests of codec and stream file and by the fuzzer.
#ifndef FG_TESTS_FUZZ_FORGE_H
#define FG_TESTS_FUZZ_FORGE_H

#include "bytes.h"
#include "message.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <xxhash.h>

/// Bytes of a header, of an entry of the frame table, of the file's head, of an entry of the index, of the tail.
enum { FORGE_HEADER = 128, FORGE_ENTRY = 16, FORGE_HEAD = 16, FORGE_INDEX = 16, FORGE_TAIL = 32 };

/// Offsets in a batch's header.
enum {
  FORGE_VERSION = 4,
  FORGE_LENGTH = 8,
  FORGE_FIRST = 24,
  FORGE_FIRST_ROW = 32,
  FORGE_ROWS = 40,
  FORGE_EXTENT = 48,
  FORGE_COUNT = 88,
  FORGE_CHAIN = 96,
  FORGE_FRAMES = 100,
  FORGE_ELEMENT = 104,
  FORGE_SHAPE = 105,
  FORGE_DIMS = 106,
  FORGE_FILTER = 107,
  FORGE_COMPRESSION = 108,
  FORGE_RESERVED = 109,
  FORGE_TABLE_HASH = 112,
  FORGE_HEADER_HASH = 120,
};

/// Puts the hashes of header, table and frames right, as far as the batch's own sizes stay inside `bytes`.
static inline void forge_seal(uint8_t *data, uint64_t bytes) {
  if (bytes < FORGE_HEADER) return;
  uint64_t frames = fg_get32(data + FORGE_FRAMES), at = FORGE_HEADER + frames * FORGE_ENTRY;
  for (uint64_t f = 0; at <= bytes && f < frames; f++) {
    uint8_t *entry = data + FORGE_HEADER + f * FORGE_ENTRY;
    uint64_t stored = fg_get32(entry + 4);
    if (stored > bytes - at) break;
    fg_put64(entry + 8, XXH64(data + at, stored, 0));
    at += stored;
  }
  if (frames <= (bytes - FORGE_HEADER) / FORGE_ENTRY)
    fg_put64(data + FORGE_TABLE_HASH, XXH64(data + FORGE_HEADER, frames * FORGE_ENTRY, 0));
  fg_put64(data + FORGE_HEADER_HASH, XXH64(data, FORGE_HEADER_HASH, 0));
}

/// Puts the footer's hash right, if its offset lies inside the file.
static inline void forge_seal_footer(uint8_t *data, uint64_t bytes) {
  if (bytes < FORGE_HEAD + 8 + FORGE_TAIL) return;
  uint8_t *tail = data + bytes - FORGE_TAIL;
  uint64_t footer = fg_get64(tail);
  if (footer < bytes - FORGE_TAIL) fg_put64(tail + 16, XXH64(data + footer, bytes - 16 - footer, 0));
}

/// Random bits as a function of `state`, which moves on (splitmix64 of S. Vigna, public domain).
static inline uint64_t forge_random(uint64_t *state) {
  uint64_t x = *state += UINT64_C(0x9E3779B97F4A7C15);
  x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
  return x ^ x >> 31;
}

/// A batch of random sites, padding zero, as `seed` has it; one reference. The other fields are not zero either.
static inline fg_batch *forge_batch(uint32_t element, fg_lattice lattice, uint32_t count, uint64_t first_row,
                                    uint64_t rows, uint64_t seed) {
  fg_batch *batch = fg_batch_create(element, &lattice, count, first_row, rows);
  if (!batch) abort();
  uint64_t bits = fg_lattice_width(&lattice) * (element == FG_SPIN1 ? 1 : element == FG_STATE8 ? 8 : 32);
  uint64_t words = batch->row_bytes / 8, *data = batch->data;
  for (uint64_t r = 0; r < rows * count; r++) {
    for (uint64_t w = 0; w < words; w++) data[r * words + w] = forge_random(&seed);
    if (bits % 64) data[r * words + words - 1] &= (UINT64_C(1) << bits % 64) - 1;
  }
  batch->sequence = seed;
  batch->level = (int32_t)(seed % 9) - 4;
  batch->first = seed % 1000000;
  batch->chain = (uint32_t)(seed % 5);
  if (seed % 2) batch->coupling = (double)(seed % 1000) / 999;
  return batch;
}

static inline bool forge_same_number(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

/// Every field and every bit of the data.
static inline bool forge_same(const fg_batch *a, const fg_batch *b) {
  return a->element == b->element && fg_lattice_equal(&a->lattice, &b->lattice) && a->count == b->count &&
         a->level == b->level && a->sequence == b->sequence && a->first == b->first && a->first_row == b->first_row &&
         a->rows == b->rows && a->row_bytes == b->row_bytes && a->chain == b->chain &&
         forge_same_number(a->coupling, b->coupling) && memcmp(a->data, b->data, fg_batch_bytes(a)) == 0;
}

/// Lets the process ask for no more than `more` bytes beyond what it has; to be given back with forge_unlimit.
static inline struct rlimit forge_limit(uint64_t more) {
  struct rlimit old, low;
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%lu", &pages) != 1 || getrlimit(RLIMIT_AS, &old) != 0) abort();
  fclose(file);
  low = old;
  low.rlim_cur = (rlim_t)pages * 4096 + more;
  if (setrlimit(RLIMIT_AS, &low) != 0) abort();
  return old;
}

static inline void forge_unlimit(const struct rlimit *old) {
  if (setrlimit(RLIMIT_AS, old) != 0) abort();
}

#endif
