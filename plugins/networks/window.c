// window.c — see window.h. A row's windows overlap, so their columns are put together once; a margin of `before`
// columns on both sides repeats the row periodically.
#include "window.h"

#include <stdlib.h>
#include <string.h>

int window_open(window *windows, uint32_t width, uint32_t before, uint64_t length) {
  *windows = (window){.width = width, .before = before, .length = length};
  for (unsigned dy = 0; dy < 2; dy++) windows->columns[dy] = calloc(length + 2 * before, sizeof(uint64_t));
  return windows->columns[0] && windows->columns[1];
}

void window_close(window *windows) {
  for (unsigned dy = 0; dy < 2; dy++) free(windows->columns[dy]);
}

/// Row of the coarse lattice that row i of the window lies on: from y-before downwards, or from y+before upwards.
static uint64_t lattice_row(const window *windows, uint64_t rows, uint64_t y, unsigned dy, uint32_t i) {
  uint64_t before = windows->before;
  return dy == 0 ? (y + i + before * (rows - 1)) % rows : (y + before + i * (rows - 1)) % rows;
}

void window_load(window *windows, const fg_batch *coarse, uint64_t configuration, uint64_t y) {
  const uint64_t length = windows->length, before = windows->before;
  for (unsigned dy = 0; dy < 2; dy++) {
    uint64_t *middle = windows->columns[dy] + before;
    memset(middle, 0, length * sizeof *middle);
    for (uint32_t i = 0; i < windows->width; i++) {
      const uint64_t *row = fg_batch_row(coarse, configuration, lattice_row(windows, coarse->rows, y, dy, i));
      for (uint64_t x = 0; x < length; x++) middle[x] |= (uint64_t)fg_bit_get(row, x) << (i * windows->width);
    }
    for (uint64_t margin = 0; margin < before; margin++) {
      middle[length + margin] = middle[margin % length];
      windows->columns[dy][before - 1 - margin] = middle[length - 1 - margin % length];
    }
  }
}
