// classes.c — see classes.h. Open addressing with linear probing; when there is a place for every pattern, the pattern
// is its own address and nothing ever collides.
#include "classes.h"

#include <stdlib.h>

#define FIRST_ROOM_BITS 16u

classes *classes_new(unsigned bits) {
  classes *counts = calloc(1, sizeof *counts);
  if (!counts) return NULL;
  counts->bits = bits;
  counts->room_bits = bits < FIRST_ROOM_BITS ? bits : FIRST_ROOM_BITS;
  counts->entries = calloc(classes_room(counts), sizeof *counts->entries);
  if (counts->entries) return counts;
  free(counts);
  return NULL;
}

void classes_free(classes *counts) {
  if (!counts) return;
  free(counts->entries);
  free(counts);
}

static int is_free(const classes_entry *entry) { return entry->zeros + entry->ones == 0; }

/// The pattern's place, or the free one it would take. Hashing is multiplicative, by 2⁶⁴ over the golden ratio (Knuth,
/// The Art of Computer Programming 3, 6.4).
static classes_entry *find(const classes *counts, uint64_t pattern) {
  uint64_t mask = classes_room(counts) - 1;
  uint64_t at = pattern, mixed = (pattern ^ pattern >> 32) * UINT64_C(0x9e3779b97f4a7c15);
  if (counts->room_bits < counts->bits) at = mixed >> (64 - counts->room_bits);
  while (!is_free(&counts->entries[at]) && counts->entries[at].pattern != pattern) at = (at + 1) & mask;
  return &counts->entries[at];
}

/// Twice the room.
static int grow(classes *counts) {
  classes larger = {.bits = counts->bits, .room_bits = counts->room_bits + 1, .used = counts->used};
  larger.entries = calloc(classes_room(&larger), sizeof *larger.entries);
  if (!larger.entries) return 0;
  for (uint64_t i = 0; i < classes_room(counts); i++) {
    const classes_entry *entry = &counts->entries[i];
    if (!is_free(entry)) *find(&larger, entry->pattern) = *entry;
  }
  free(counts->entries);
  *counts = larger;
  return 1;
}

int classes_add(classes *counts, uint64_t pattern, uint64_t zeros, uint64_t ones) {
  classes_entry *entry = find(counts, pattern);
  if (is_free(entry)) {
    if (counts->used == CLASSES_MOST) return 0;
    if (counts->room_bits < counts->bits && counts->used >= classes_room(counts) / 2) {
      if (!grow(counts)) return 0;
      entry = find(counts, pattern);
    }
    entry->pattern = pattern;
    counts->used++;
  }
  entry->zeros += zeros;
  entry->ones += ones;
  return 1;
}

static int by_pattern(const void *left, const void *right) {
  uint64_t a = ((const classes_entry *)left)->pattern, b = ((const classes_entry *)right)->pattern;
  return (a > b) - (a < b);
}

uint64_t classes_sort(classes *counts) {
  uint64_t kept = 0;
  for (uint64_t i = 0; i < classes_room(counts); i++)
    if (!is_free(&counts->entries[i])) counts->entries[kept++] = counts->entries[i];
  qsort(counts->entries, kept, sizeof *counts->entries, by_pattern);
  return kept;
}
