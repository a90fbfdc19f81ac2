// painter.h — a lattice drawn as a picture row by row, as its rows arrive: slabs of a large lattice need never be together.
#ifndef PLUGINS_IO_PAINTER_H
#define PLUGINS_IO_PAINTER_H

#include "canvas.h"

/// A picture being made. Belongs to one thread.
typedef struct painter {
  canvas picture;
  uint64_t rows;     ///< of the lattice
  uint64_t next_row; ///< the first that has not come
  uint64_t *sums;    ///< of each pixel of the row of pixels being averaged: red, green, blue
} painter;

/// Size in pixels of the picture of a lattice.
void painter_size(const fg_lattice *lattice, uint32_t height, uint64_t *pixels_across, uint64_t *pixels_up);

/// Bytes beside the picture's own.
uint64_t painter_bytes(uint64_t pixels_across);

/// A picture of a two-dimensional lattice `height` pixels high: every site a square of whole pixels, or, for lattices
/// larger than that, every pixel the mean colour of the sites it covers; a lattice more than sixteen times as wide as high
/// is squeezed to that. The size must fit. 0: out of memory. painter_close in any case.
int painter_open(painter *p, const fg_lattice *lattice, uint32_t height);
void painter_close(painter *p);

/// Draws the rows of configuration `index` of a batch or slab, which must be the next ones. palette[state]: colours of
/// the states, repeated every `colours`.
void painter_draw(painter *p, const fg_batch *batch, uint64_t index, const rgb *palette, uint32_t colours);

#endif
