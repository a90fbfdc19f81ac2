// slabs.h — bonds and spins of a large configuration whose rows arrive in slabs, counted as they come: the whole is never
// there, only its first row and the last one so far.
#ifndef PLUGINS_ESTIMATE_SLABS_H
#define PLUGINS_ESTIMATE_SLABS_H

#include "counting.h"

#include <stdlib.h>
#include <string.h>

/// A configuration of the square lattice, of which some rows have come.
typedef struct slabs {
  energy_counts counts; ///< of the rows that came, but for bonds between the last and the first
  uint64_t row_bytes;   ///< 0: none has come yet
  uint64_t *first, *last;
} slabs;

static inline int slabs_is_one(const fg_batch *batch) { return batch->rows != fg_lattice_rows(&batch->lattice); }

/// Most bytes of slabs of a lattice.
static inline uint64_t slabs_bytes(const fg_lattice *lattice) {
  return 2 * fg_row_bytes(FG_SPIN1, fg_lattice_width(lattice));
}

static inline void slabs_clear(slabs *s) {
  free(s->first);
  free(s->last);
  *s = (slabs){0};
}

/// Bonds with unlike spins between two rows.
static inline uint64_t slabs_unlike(const uint64_t *row, const uint64_t *other, uint64_t words) {
  uint64_t unlike = 0;
  for (uint64_t w = 0; w < words; w++) unlike += (uint64_t)__builtin_popcountll(row[w] ^ other[w]);
  return unlike;
}

static inline fg_status slabs_begin(slabs *s, const fg_host *host, const fg_batch *slab) {
  slabs_clear(s);
  s->row_bytes = slab->row_bytes;
  s->first = malloc(s->row_bytes);
  s->last = malloc(s->row_bytes);
  if (!s->first || !s->last) return host->fail(host, "out of memory");
  memcpy(s->first, fg_batch_row(slab, 0, 0), s->row_bytes);
  memcpy(s->last, s->first, s->row_bytes);
  return FG_OK;
}

/// Adds to *arg, an energy_counts.
static inline fg_status slabs_take(void *arg, energy_counts counts) {
  energy_counts *sum = arg;
  sum->unlike += counts.unlike;
  sum->up += counts.up;
  return FG_OK;
}

/// Counts a slab, in parallel; with the last of a configuration calls take(arg, …). counts[] as in counting_batch, which
/// counts a slab as if it went around by itself: those bonds are taken back.
static inline fg_status slabs_add(slabs *s, const fg_host *host, const fg_batch *slab,
                                  energy_counts counts[COUNTING_AT_ONCE], counting_taker *take, void *arg) {
  if (slab->first_row == 0 && slabs_begin(s, host, slab) != FG_OK) return FG_FAILED;
  if (s->row_bytes != slab->row_bytes) return host->fail(host, "the first rows of a configuration are missing");
  const uint64_t words = slab->row_bytes / 8;
  const uint64_t *top = fg_batch_row(slab, 0, 0), *bottom = fg_batch_row(slab, 0, slab->rows - 1);
  fg_status status = counting_batch(host, slab, counts, slabs_take, &s->counts);
  s->counts.unlike += slabs_unlike(s->last, top, words) - slabs_unlike(bottom, top, words);
  memcpy(s->last, bottom, slab->row_bytes);
  if (status != FG_OK || slab->first_row + slab->rows < fg_lattice_rows(&slab->lattice)) return status;
  s->counts.unlike += slabs_unlike(s->last, s->first, words);
  status = take(arg, s->counts);
  slabs_clear(s);
  return status;
}

#endif
