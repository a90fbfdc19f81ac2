// painter.c — see painter.h. A pixel that covers several sites is their mean, rounded down; packed spins that it covers
// are counted, not looked at one by one.
#include "painter.h"

#include "plugins/bits.h"

#include <stdlib.h>
#include <string.h>

#define WIDEST 16u // times as wide as high

void painter_size(const fg_lattice *lattice, uint32_t height, uint64_t *pixels_across, uint64_t *pixels_up) {
  uint64_t rows = fg_lattice_rows(lattice), columns = fg_lattice_width(lattice);
  *pixels_up = rows <= height ? height / rows * rows : height;
  *pixels_across = rows <= height ? height / rows * columns : (columns * height + rows - 1) / rows;
  if (*pixels_across > WIDEST * (uint64_t)height) *pixels_across = WIDEST * (uint64_t)height;
}

uint64_t painter_bytes(uint64_t pixels_across) { return 3 * pixels_across * sizeof(uint64_t); }

int painter_open(painter *p, const fg_lattice *lattice, uint32_t height) {
  uint64_t across, up;
  painter_size(lattice, height, &across, &up);
  *p = (painter){.rows = fg_lattice_rows(lattice)};
  p->picture = canvas_new((uint32_t)across, (uint32_t)up, (rgb){0, 0, 0});
  p->sums = calloc(3 * across, sizeof *p->sums);
  return p->picture.pixels && p->sums;
}

void painter_close(painter *p) {
  canvas_free(&p->picture);
  free(p->sums);
  p->sums = NULL;
}

/// Adds the colours of `count` sites of a row.
static void add_sites(uint64_t sum[3], const fg_batch *batch, const uint64_t *row, uint64_t first, uint64_t count,
                      const rgb *palette, uint32_t colours) {
  if (batch->element == FG_SPIN1) {
    const uint64_t up = bits_count(row, first, count), down = count - up;
    sum[0] += up * palette[1].red + down * palette[0].red;
    sum[1] += up * palette[1].green + down * palette[0].green;
    sum[2] += up * palette[1].blue + down * palette[0].blue;
    return;
  }
  for (const uint8_t *state = (const uint8_t *)row + first; count; count--, state++) {
    const rgb c = palette[*state % colours];
    sum[0] += c.red;
    sum[1] += c.green;
    sum[2] += c.blue;
  }
}

/// The columns of the lattice that a pixel covers: at least one.
static void columns_of(const painter *p, uint64_t columns, uint64_t x, uint64_t *first, uint64_t *count) {
  const uint64_t left = x * columns / p->picture.width, right = (x + 1) * columns / p->picture.width;
  *first = left;
  *count = right > left ? right - left : 1;
}

/// The row of pixels y is complete: `rows` rows of the lattice were added.
static void fill_pixels(painter *p, uint64_t columns, uint64_t y, uint64_t rows) {
  rgb *pixels = p->picture.pixels + y * p->picture.width;
  for (uint64_t x = 0; x < p->picture.width; x++) {
    const uint64_t *sum = p->sums + 3 * x;
    uint64_t first, count;
    columns_of(p, columns, x, &first, &count);
    count *= rows;
    pixels[x] = (rgb){(uint8_t)(sum[0] / count), (uint8_t)(sum[1] / count), (uint8_t)(sum[2] / count)};
  }
  memset(p->sums, 0, 3 * (size_t)p->picture.width * sizeof *p->sums);
}

void painter_draw(painter *p, const fg_batch *batch, uint64_t index, const rgb *palette, uint32_t colours) {
  const uint64_t columns = fg_lattice_width(&batch->lattice), up = p->picture.height;
  for (uint64_t r = 0; r < batch->rows && p->next_row < p->rows; r++, p->next_row++) {
    const uint64_t *row = fg_batch_row(batch, index, r);
    for (uint64_t x = 0; x < p->picture.width; x++) {
      uint64_t first, count;
      columns_of(p, columns, x, &first, &count);
      add_sites(p->sums + 3 * x, batch, row, first, count, palette, colours);
    }
    if (p->rows <= up) { // a row of sites is several of pixels
      const uint64_t each = up / p->rows, y = p->next_row * each;
      fill_pixels(p, columns, y, 1);
      for (uint64_t k = 1; k < each; k++)
        memcpy(p->picture.pixels + (y + k) * p->picture.width, p->picture.pixels + y * p->picture.width,
               p->picture.width * sizeof(rgb));
      continue;
    }
    // Row y of pixels covers the rows from ⌊y·rows/up⌋ to ⌊(y+1)·rows/up⌋ - 1.
    const uint64_t y = ((p->next_row + 1) * up - 1) / p->rows;
    const uint64_t top = y * p->rows / up, bottom = (y + 1) * p->rows / up;
    if (p->next_row + 1 == bottom) fill_pixels(p, columns, y, bottom - top);
  }
}
