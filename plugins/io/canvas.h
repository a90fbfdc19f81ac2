// canvas.h — an RGB picture in memory, lattices drawn as tiles on it, and PNG.
#ifndef PLUGINS_IO_CANVAS_H
#define PLUGINS_IO_CANVAS_H

#include "finegrain/finegrain.h"

typedef struct rgb {
  uint8_t red, green, blue;
} rgb;

typedef struct canvas {
  uint32_t width, height;
  rgb *pixels; ///< height rows of width
} canvas;

/// Filled with one colour; pixels NULL when memory is out.
canvas canvas_new(uint32_t width, uint32_t height, rgb colour);
void canvas_free(canvas *c);

/// "#1b3a5c"; 0 when the text is no colour.
int canvas_colour(const char *text, rgb *colour);

/// Configuration `index` of a batch of whole two-dimensional lattices as a picture `height` pixels high: every site a
/// square of whole pixels, or, for lattices larger than that, every pixel the mean colour of the sites it covers.
/// palette[state]: colours of the states, repeated every `colours`.
canvas canvas_lattice(const fg_batch *batch, uint64_t index, uint32_t height, const rgb *palette, uint32_t colours);

/// Copies a picture; what would lie outside is cut off.
void canvas_paste(canvas *onto, const canvas *picture, uint32_t left, uint32_t top);

/// Writes a PNG without times, so that equal pictures are equal files. Returns NULL, or what went wrong.
const char *canvas_write_png(const canvas *c, const char *path, const char *title);

#endif
