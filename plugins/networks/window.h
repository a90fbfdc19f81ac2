// window.h — the square of coarse spins a fine spin looks at, as a bit pattern, laid out as network.h says for tables:
// bit (row·width + column) is the spin at (row, column) of the window of position (0,0) in the block, whose corner lies
// at (-before, -before) from the parent; dy=1 sees it upside down, dx=1 left to right. Windows wrap periodically.
#ifndef PLUGINS_NETWORKS_WINDOW_H
#define PLUGINS_NETWORKS_WINDOW_H

#include "finegrain/finegrain.h"

/// The windows along one row of a coarse lattice. Belongs to one thread.
typedef struct window {
  uint32_t width; ///< at most 8: a pattern fits 64 bits
  uint32_t before;
  uint64_t length; ///< sites in a coarse row
  /// [dy][before + x], x = -before … length+before-1: a column of the window, its row i at bit i·width.
  uint64_t *columns[2];
} window;

/// False when memory is out. window_close in any case.
int window_open(window *windows, uint32_t width, uint32_t before, uint64_t length);
void window_close(window *windows);

/// Takes row y of a coarse configuration.
void window_load(window *windows, const fg_batch *coarse, uint64_t configuration, uint64_t y);

/// What the fine spin at position (dy, dx) in the block of column x sees.
static inline uint64_t window_pattern(const window *windows, uint64_t x, unsigned dy, unsigned dx) {
  const uint64_t *column = windows->columns[dy] + x;
  uint64_t pattern = 0;
  if (dx == 0)
    for (uint32_t c = 0; c < windows->width; c++) pattern |= column[c] << c;
  else
    for (uint32_t c = 0; c < windows->width; c++) pattern |= column[2 * windows->before - c] << c;
  return pattern;
}

#endif
