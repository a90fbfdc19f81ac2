// small_lattices.h — chains, square, triangular and cubic lattices as lists of bonds, for tests: energies and enumerations
// that share nothing with the code they judge.
#ifndef FG_TESTS_SMALL_LATTICES_H
#define FG_TESTS_SMALL_LATTICES_H

#include "finegrain/finegrain.h"

#include <math.h>
#include <string.h>

#define SMALL_SITES 27u
#define SMALL_BONDS (3 * SMALL_SITES)

/// A lattice of linear size L and its bonds, one after the other.
typedef struct small_lattice {
  const char *name; ///< as users write it
  unsigned length, sites, count;
  uint8_t one[SMALL_BONDS], other[SMALL_BONDS];
} small_lattice;

static inline void small_bond(small_lattice *lattice, unsigned one, unsigned other) {
  lattice->one[lattice->count] = (uint8_t)one;
  lattice->other[lattice->count++] = (uint8_t)other;
}

/// "chain", "square", "triangular" or "cubic".
static inline small_lattice small_lattice_of(const char *name, unsigned length) {
  const int chain = strcmp(name, "chain") == 0, cubic = strcmp(name, "cubic") == 0;
  const int triangular = strcmp(name, "triangular") == 0;
  small_lattice lattice = {.name = name, .length = length, .sites = length};
  if (!chain) lattice.sites *= length;
  if (cubic) lattice.sites *= length;
  for (unsigned site = 0; site < lattice.sites; site++) {
    unsigned x = site % length, y = site / length % length, z = site / (length * length);
    unsigned right = (x + 1) % length, down = (y + 1) % length, layer = z * length * length;
    small_bond(&lattice, site, layer + y * length + right);
    if (!chain) small_bond(&lattice, site, layer + down * length + x);
    if (triangular) small_bond(&lattice, site, down * length + right);
    if (cubic) small_bond(&lattice, site, (z + 1) % length * length * length + y * length + x);
  }
  return lattice;
}

/// Bonds with like states, of a configuration site by site.
static inline unsigned small_like(const small_lattice *lattice, const uint8_t *state) {
  unsigned like = 0;
  for (unsigned b = 0; b < lattice->count; b++) like += state[lattice->one[b]] == state[lattice->other[b]];
  return like;
}

/// Site by site what configuration i of a batch has: spins 0 and 1, or states.
static inline void small_read(const fg_batch *batch, uint32_t i, const small_lattice *lattice, uint8_t *state) {
  for (unsigned site = 0; site < lattice->sites; site++) {
    const uint64_t *row = fg_batch_row(batch, i, site / lattice->length);
    unsigned x = site % lattice->length;
    state[site] = batch->element == FG_SPIN1 ? (uint8_t)fg_bit_get(row, x) : ((const uint8_t *)row)[x];
  }
}

// ---- Ising: the joint distribution of like bonds and up spins

#define SMALL_CELLS ((SMALL_BONDS + 1) * (SMALL_SITES + 1))

static inline size_t small_cell(unsigned like, unsigned up) { return (size_t)like * (SMALL_SITES + 1) + up; }

/// How many states have so many like bonds and up spins, from all 2^N of at most 2^16.
static inline void small_numbers(const small_lattice *lattice, double number[SMALL_CELLS]) {
  uint8_t state[SMALL_SITES];
  memset(number, 0, SMALL_CELLS * sizeof *number);
  for (uint32_t all = 0; all < 1u << lattice->sites; all++) {
    for (unsigned site = 0; site < lattice->sites; site++) state[site] = (uint8_t)(all >> site & 1);
    number[small_cell(small_like(lattice, state), (unsigned)__builtin_popcount(all))]++;
  }
}

/// The same of the cubic lattice of 3×3×3, layer after layer: 2^27 states, those of the first layer up to rotations of its
/// rows and columns counted once would be fewer, but they take no time.
static inline void small_numbers_cube(double number[SMALL_CELLS]) {
  const small_lattice layer = small_lattice_of("square", 3);
  unsigned within[512];
  uint8_t state[SMALL_SITES];
  uint32_t counts[SMALL_CELLS] = {0};
  for (unsigned a = 0; a < 512; a++) {
    for (unsigned site = 0; site < 9; site++) state[site] = (uint8_t)(a >> site & 1);
    within[a] = small_like(&layer, state);
  }
#define LIKE(a, b) (9 - (unsigned)__builtin_popcount((a) ^ (b)))
  for (unsigned a = 0; a < 256; a++) // site 8 down; up by symmetry, below
    for (unsigned b = 0; b < 512; b++) {
      const unsigned two = within[a] + within[b] + LIKE(a, b), up = (unsigned)__builtin_popcount(a | b << 9);
      for (unsigned c = 0; c < 512; c++)
        counts[small_cell(two + within[c] + LIKE(b, c) + LIKE(c, a), up + (unsigned)__builtin_popcount(c))]++;
    }
#undef LIKE
  for (unsigned like = 0; like <= 81; like++)
    for (unsigned up = 0; up <= 27; up++)
      number[small_cell(like, up)] = (double)counts[small_cell(like, up)] + counts[small_cell(like, 27 - up)];
}

/// Probabilities from numbers, at coupling K of the Ising model, or 2K of its Potts form.
static inline void small_probabilities(const small_lattice *lattice, const double number[SMALL_CELLS], double coupling,
                                       double probability[SMALL_CELLS]) {
  double sum = 0;
  for (size_t cell = 0; cell < SMALL_CELLS; cell++) {
    double like = (double)(cell / (SMALL_SITES + 1)), most = coupling > 0 ? lattice->count : 0;
    probability[cell] = number[cell] > 0 ? number[cell] * exp(2 * coupling * (like - most)) : 0;
    sum += probability[cell];
  }
  for (size_t cell = 0; cell < SMALL_CELLS; cell++) probability[cell] /= sum;
}

#endif
