// cluster_sweep.c — see cluster_sweep.h. Sites that bonds hold together within a row are a run, and its first site
// stands for it: that is a matter of bits, and union-find has to deal with runs alone. Each strip of rows finds the
// clusters within itself; strips are then joined along their edges by one thread; then each strip reverses its runs.
#include "cluster_sweep.h"

#include "packed.h"

#include <stdlib.h>
#include <string.h>

#define STRIP_SITES 65536u // whose labels stay in the cache from the search to the end of it

// ---- memory

static uint64_t row_words(uint32_t length) { return (length + 63u) / 64u; }

uint64_t cluster_lattice_bytes(uint32_t length) { return 4 * length * row_words(length) * sizeof(uint64_t); }

int cluster_lattice_open(cluster_lattice *lattice, uint32_t length) {
  const uint64_t words = row_words(length), all = length * words;
  uint64_t *memory = calloc(4 * all, sizeof *memory);
  *lattice = (cluster_lattice){.length = length, .words = words};
  if (!memory) return 0;
  lattice->spins = memory;
  lattice->starts = memory + all;
  lattice->below = memory + 2 * all;
  lattice->flips = memory + 3 * all;
  return 1;
}

void cluster_lattice_close(cluster_lattice *lattice) {
  free(lattice->spins);
  lattice->spins = NULL;
}

static inline uint32_t columns_in(const cluster_lattice *lattice, uint64_t word) {
  const uint64_t left = lattice->length - 64 * word;
  return left < 64 ? (uint32_t)left : 64;
}

void cluster_lattice_load(cluster_lattice *lattice, const uint8_t *sites) {
  uint64_t *spins = lattice->spins;
  for (uint32_t y = 0; y < lattice->length; y++, sites += lattice->length)
    for (uint64_t w = 0; w < lattice->words; w++) *spins++ = packed_from_bytes(sites + 64 * w, columns_in(lattice, w));
}

void cluster_lattice_store(const cluster_lattice *lattice, uint8_t *sites) {
  const uint64_t *spins = lattice->spins;
  for (uint32_t y = 0; y < lattice->length; y++, sites += lattice->length)
    for (uint64_t w = 0; w < lattice->words; w++) packed_to_bytes(*spins++, sites + 64 * w, columns_in(lattice, w));
}

// ---- union-find

/// Joins two sets. A parent has a smaller label than its children, so a set's root is its first site. E. W. Dijkstra's
/// description of M. Rem's algorithm, A Discipline of Programming (1976), ch. 23.
static inline void unite(uint32_t *labels, uint32_t a, uint32_t b) {
  while (labels[a] != labels[b]) {
    if (labels[a] < labels[b]) {
      const uint32_t other = a;
      a = b;
      b = other;
    }
    const uint32_t parent = labels[a];
    labels[a] = labels[b];
    if (parent == a) return;
    a = parent;
  }
}

static inline uint32_t root_of(const uint32_t *labels, uint32_t a) {
  while (labels[a] != a) a = labels[a];
  return a;
}

/// The last bit set; word ≠ 0.
static inline uint32_t last_bit(uint64_t word) { return 63u - (uint32_t)__builtin_clzll(word); }

/// The last start at or before bit x of a word; `before`: the last one of the words before it.
static inline uint32_t start_at(uint64_t starts, uint32_t word, uint32_t x, uint32_t before) {
  const uint64_t upto = starts & UINT64_MAX >> (63 - x);
  return upto ? 64 * word + last_bit(upto) : before;
}

/// Joins the runs of row y with those of row `lower`, the next one. `roots`: labels of runs are roots of their strips,
/// and only roots are to be joined.
__attribute__((always_inline)) static inline void join_rows(const cluster_lattice *lattice, uint32_t y, uint32_t lower,
                                                            const int roots) {
  uint32_t *labels = lattice->labels;
  const uint32_t upper_row = y * lattice->length, lower_row = lower * lattice->length;
  const uint64_t *below = lattice->below + y * lattice->words;
  const uint64_t *upper_starts = lattice->starts + y * lattice->words;
  const uint64_t *lower_starts = lattice->starts + lower * lattice->words;
  uint32_t upper_before = 0, lower_before = 0;
  for (uint32_t w = 0; w < lattice->words; w++) {
    const uint64_t above = upper_starts[w], here = lower_starts[w];
    // a bond next to another between the same two runs says nothing new
    for (uint64_t left = below[w] & ~(below[w] << 1 & ~above & ~here); left; left &= left - 1) {
      const uint32_t x = (uint32_t)__builtin_ctzll(left);
      const uint32_t a = upper_row + start_at(above, w, x, upper_before);
      const uint32_t b = lower_row + start_at(here, w, x, lower_before);
      unite(labels, roots ? labels[a] : a, roots ? labels[b] : b);
    }
    if (above) upper_before = 64 * w + last_bit(above);
    if (here) lower_before = 64 * w + last_bit(here);
  }
}

// ---- strips

typedef struct sweep {
  cluster_lattice *lattice;
  const cluster_events *events;
  uint32_t rows; ///< of a strip, but for the last: a multiple of 8, so that no group of events lies in two
} sweep;

static inline uint32_t first_row(const sweep *s, uint64_t strip) { return (uint32_t)strip * s->rows; }

static inline uint32_t end_row(const sweep *s, uint64_t strip) {
  const uint64_t end = (strip + 1) * s->rows;
  return end < s->lattice->length ? (uint32_t)end : s->lattice->length;
}

/// Turns the events of a row into bonds: which sites are bound to the one below, and which ones start a run. Returns
/// whether the last site is bound to the first.
static inline unsigned find_bonds(cluster_lattice *lattice, uint32_t y) {
  const uint64_t words = lattice->words, last = words - 1;
  const uint32_t end = (lattice->length - 1) % 64; // bit of the last site
  const uint64_t *spins = lattice->spins + y * words;
  const uint64_t *lower = lattice->spins + (y + 1 < lattice->length ? y + 1 : 0) * words;
  uint64_t *below = lattice->below + y * words, *starts = lattice->starts + y * words;
  uint64_t carried = 0; // whether the site before the word is bound to its first
  for (uint64_t w = 0; w < words; w++) {
    const uint64_t next =
        w < last ? spins[w] >> 1 | spins[w + 1] << 63 : (spins[w] >> 1 & ~(UINT64_C(1) << end)) | (spins[0] & 1) << end;
    const uint64_t right = starts[w] & ~(spins[w] ^ next);
    const uint64_t inside = w < last ? UINT64_MAX : UINT64_MAX >> (63 - end);
    starts[w] = ~(right << 1 | carried) & inside;
    below[w] &= ~(spins[w] ^ lower[w]) & inside;
    carried = w < last ? right >> 63 : right >> end & 1;
  }
  return (unsigned)carried;
}

/// The clusters within a strip: the label of each run's first site becomes the first site of its cluster.
static fg_status search_strip(void *arg, uint64_t strip) {
  const sweep *s = arg;
  cluster_lattice *lattice = s->lattice;
  const uint32_t length = lattice->length, begin = first_row(s, strip), end = end_row(s, strip);
  const uint64_t first_word = begin * lattice->words, end_word = end * lattice->words;
  uint32_t *labels = lattice->labels;
  events_fill(&s->events->right, s->events->threshold, first_word, end_word, lattice->starts);
  events_fill(&s->events->below, s->events->threshold, first_word, end_word, lattice->below);
  for (uint32_t y = begin; y < end; y++) {
    const uint32_t row = y * length;
    for (uint32_t x = 0; x < length; x++) labels[row + x] = row + x;
    if (find_bonds(lattice, y)) {
      const uint64_t *starts = lattice->starts + y * lattice->words;
      uint64_t w = lattice->words - 1;
      while (!starts[w]) w--;
      labels[row + 64 * w + last_bit(starts[w])] = row;
    }
    if (y > begin) join_rows(lattice, y - 1, y, 0);
  }
  const uint32_t *done = labels;
  for (uint64_t i = (uint64_t)begin * length; i < (uint64_t)end * length; i++) labels[i] = done[labels[i]];
  return FG_OK;
}

/// Lets the labels of a row's runs, and of the roots of their strips, be roots of the whole lattice.
static void shorten_row(cluster_lattice *lattice, uint32_t y) {
  uint32_t *labels = lattice->labels;
  const uint64_t *starts = lattice->starts + y * lattice->words;
  for (uint32_t w = 0; w < lattice->words; w++) {
    for (uint64_t left = starts[w]; left; left &= left - 1) {
      const uint32_t start = y * lattice->length + 64 * w + (uint32_t)__builtin_ctzll(left), root = labels[start];
      labels[start] = labels[root] = root_of(labels, root); // the start may itself be the root of others
    }
  }
}

static void join_strips(const sweep *s, uint64_t strips) {
  cluster_lattice *lattice = s->lattice;
  for (uint64_t strip = 0; strip < strips; strip++) {
    const uint32_t end = end_row(s, strip);
    join_rows(lattice, end - 1, end < lattice->length ? end : 0, 1);
  }
  for (uint64_t strip = 0; strip < strips; strip++) {
    shorten_row(lattice, first_row(s, strip));
    shorten_row(lattice, end_row(s, strip) - 1);
  }
}

/// Reverses the runs whose cluster's bit is set. Labels are only read: other strips' are, too.
static fg_status reverse_strip(void *arg, uint64_t strip) {
  const sweep *s = arg;
  cluster_lattice *lattice = s->lattice;
  const uint32_t *labels = lattice->labels;
  const uint64_t *flips = lattice->flips;
  for (uint32_t y = first_row(s, strip); y < end_row(s, strip); y++) {
    const uint32_t row = y * lattice->length;
    uint64_t *spins = lattice->spins + y * lattice->words;
    const uint64_t *starts = lattice->starts + y * lattice->words;
    uint64_t flip = 0; // all ones while sites are to be reversed
    for (uint32_t w = 0; w < lattice->words; w++) {
      uint64_t change = flip;
      for (uint64_t left = starts[w]; left; left &= left - 1) {
        const uint32_t x = (uint32_t)__builtin_ctzll(left), root = labels[labels[row + 64 * w + x]];
        const uint64_t wanted = 0 - (flips[root / 64] >> root % 64 & 1);
        change ^= (wanted ^ flip) << x;
        flip = wanted;
      }
      spins[w] ^= change & UINT64_MAX >> (64 - columns_in(lattice, w));
    }
  }
  return FG_OK;
}

fg_status cluster_sweep(const fg_host *host, cluster_lattice *lattice, const cluster_events *events) {
  const uint32_t length = lattice->length;
  sweep s = {lattice, events, (STRIP_SITES / length + 8) / 8 * 8};
  const uint64_t strips = (length + s.rows - 1) / s.rows;
  fg_status status = host->parallel_for(host, strips, search_strip, &s);
  if (status != FG_OK) return status;
  join_strips(&s, strips);
  const fg_rng_counter start = {0, events->flip.high};
  const uint64_t bits = (uint64_t)length * length;
  events->flip.fill(events->flip.key, start, lattice->flips, (bits + 63) / 64 * sizeof *lattice->flips);
  return host->parallel_for(host, strips, reverse_strip, &s);
}
