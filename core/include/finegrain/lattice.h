// lattice.h — what a configuration is: a lattice, an element type, and how its rows lie in memory.
// Extents are in C order: extent[dims-1] is the row (neighbours in memory), the others count rows.
// Boundaries are periodic. Spins are packed a bit each, least significant bit first, 1 = up (+1), 0 = down (-1);
// rows are padded to 64 bits and the padding bits are zero.
#ifndef FINEGRAIN_LATTICE_H
#define FINEGRAIN_LATTICE_H

#include "abi.h"

#define FG_MAX_DIMS 4u

typedef enum fg_shape {
  FG_CHAIN = 1,
  FG_SQUARE = 2,
  FG_TRIANGULAR = 3, ///< square lattice plus the (+1,+1) diagonal
  FG_CUBIC = 4,
  FG_HYPERCUBIC = 5,
} fg_shape;

typedef enum fg_element {
  FG_SPIN1 = 1,   ///< one bit a spin
  FG_STATE8 = 2,  ///< uint8_t a site (Potts states 0..q-1)
  FG_FIELD32 = 3, ///< float a site
} fg_element;

/// A lattice. Frozen: this struct never grows, so it may lie inside others by value.
typedef struct fg_lattice {
  uint32_t shape; ///< an fg_shape
  uint32_t dims;  ///< 1..FG_MAX_DIMS; 2 for the square lattice
  uint64_t extent[FG_MAX_DIMS];
} fg_lattice;

/// The periodic L×L square lattice.
static inline fg_lattice fg_lattice_square(uint64_t length) {
  fg_lattice lattice = {FG_SQUARE, 2, {length, length, 0, 0}};
  return lattice;
}

/// Sites in a row.
static inline uint64_t fg_lattice_width(const fg_lattice *lattice) { return lattice->extent[lattice->dims - 1]; }

/// Rows of a configuration: the product of all extents but the last.
static inline uint64_t fg_lattice_rows(const fg_lattice *lattice) {
  uint64_t rows = 1;
  for (uint32_t d = 0; d + 1 < lattice->dims; d++) rows *= lattice->extent[d];
  return rows;
}

/// Sites N of a configuration.
static inline uint64_t fg_lattice_sites(const fg_lattice *lattice) {
  return fg_lattice_rows(lattice) * fg_lattice_width(lattice);
}

static inline int fg_lattice_equal(const fg_lattice *a, const fg_lattice *b) {
  if (a->shape != b->shape || a->dims != b->dims) return 0;
  for (uint32_t d = 0; d < a->dims; d++)
    if (a->extent[d] != b->extent[d]) return 0;
  return 1;
}

/// Bytes from one row to the next: rows are padded to 8 bytes whatever the element.
static inline uint64_t fg_row_bytes(uint32_t element, uint64_t width) {
  uint64_t bits = element == FG_SPIN1 ? width : element == FG_STATE8 ? width * 8 : width * 32;
  return (bits + 63) / 64 * 8;
}

/// Bytes of one whole configuration.
static inline uint64_t fg_configuration_bytes(uint32_t element, const fg_lattice *lattice) {
  return fg_row_bytes(element, fg_lattice_width(lattice)) * fg_lattice_rows(lattice);
}

/// Spin at column x of a packed row: 0 or 1.
static inline unsigned fg_bit_get(const uint64_t *row, uint64_t x) { return (unsigned)(row[x >> 6] >> (x & 63)) & 1u; }

/// Set the spin at column x of a packed row to `bit` (0 or 1).
static inline void fg_bit_set(uint64_t *row, uint64_t x, unsigned bit) {
  uint64_t mask = UINT64_C(1) << (x & 63);
  row[x >> 6] = (row[x >> 6] & ~mask) | ((uint64_t)(bit & 1u) << (x & 63));
}

#endif
