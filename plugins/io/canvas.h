// canvas.h — an RGB picture in memory, tiles pasted on it, and PNG.
#ifndef PLUGINS_IO_CANVAS_H
#define PLUGINS_IO_CANVAS_H

#include "finegrain/finegrain.h"

/// What libpng takes, and what a picture may take in memory: 768 MiB.
#define CANVAS_MOST_EXTENT 1000000u
#define CANVAS_MOST_PIXELS ((uint64_t)1 << 28)

typedef struct rgb {
  uint8_t red, green, blue;
} rgb;

typedef struct canvas {
  uint32_t width, height;
  rgb *pixels; ///< height rows of width
} canvas;

/// Whether a picture of this size can be made.
int canvas_fits(uint64_t width, uint64_t height);

/// Filled with one colour; the size must fit. pixels NULL when memory is out.
canvas canvas_new(uint32_t width, uint32_t height, rgb colour);
void canvas_free(canvas *c);

/// "#1b3a5c"; 0 when the text is no colour.
int canvas_colour(const char *text, rgb *colour);

/// Copies a picture; what would lie outside is cut off.
void canvas_paste(canvas *onto, const canvas *picture, uint32_t left, uint32_t top);

/// Writes a PNG without times, so that equal pictures are equal files. 0 with what went wrong in `fault`.
int canvas_write_png(const canvas *c, const char *path, const char *title, char fault[128]);

#endif
