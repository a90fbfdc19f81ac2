// operators.c — see operators.h. Finding: every set of places in the window is brought to its smallest image.
// Measuring: a few products are counted one by one (products.h). For more, how often each pattern of spins stands in the window, over all sites, is counted; the sums of all
// products of spins are the Walsh transform of these counts, so a few hundred operators cost hardly more than one.
#include "operators.h"

#include <stdlib.h>
#include <string.h>

#define SYMMETRIES 8u    // of the square
#define COLUMNS 8u       // of spins that are looked up at once
#define SEVERAL 8u       // counters a pattern: equal neighbours would wait for each other
#define MOST_FEW 512u    // products that are counted one by one
#define FEW_SITES 256u   // of a lattice for which it is cheaper to wait than to clear and add up so many
#define SOME_SITES 1024u // for which two a pattern do

// ---- finding

static uint32_t place(uint32_t window, uint32_t y, uint32_t x) { return window * x + y; }

static int has(uint32_t window, uint32_t product, uint32_t y, uint32_t x) {
  return (int)(product >> place(window, y, x) & 1);
}

/// A product moved to the window's corner.
static uint32_t in_corner(uint32_t window, uint32_t product) {
  const uint32_t column = (1u << window) - 1;
  uint32_t row = 0;
  for (uint32_t x = 0; x < window; x++) row |= 1u << place(window, 0, x);
  while (product && !(product & row)) product >>= 1;
  while (product && !(product & column)) product >>= window;
  return product;
}

/// Image of a product under a symmetry of the square: bit 0 exchanges rows and columns, bits 1 and 2 mirror them.
static uint32_t image_of(uint32_t window, uint32_t product, uint32_t symmetry) {
  uint32_t image = 0;
  for (uint32_t y = 0; y < window; y++) {
    for (uint32_t x = 0; x < window; x++) {
      uint32_t row = symmetry & 1 ? x : y, column = symmetry & 1 ? y : x;
      if (symmetry & 2) row = window - 1 - row;
      if (symmetry & 4) column = window - 1 - column;
      if (has(window, product, y, x)) image |= 1u << place(window, row, column);
    }
  }
  return in_corner(window, image);
}

/// The distinct images of a product, smallest first.
static uint32_t images_of(uint32_t window, uint32_t product, uint16_t images[SYMMETRIES]) {
  uint32_t count = 0;
  for (uint32_t s = 0; s < SYMMETRIES; s++) {
    uint16_t image = (uint16_t)image_of(window, product, s);
    uint32_t at = 0;
    while (at < count && images[at] < image) at++;
    if (at < count && images[at] == image) continue;
    memmove(images + at + 1, images + at, (count - at) * sizeof *images);
    images[at] = image;
    count++;
  }
  return count;
}

/// Larger and smaller side of the rectangle a product in the corner takes.
static void extent_of(uint32_t window, uint32_t product, uint32_t *larger, uint32_t *smaller) {
  uint32_t rows = 0, columns = 0;
  for (uint32_t y = 0; y < window; y++) {
    for (uint32_t x = 0; x < window; x++) {
      if (!has(window, product, y, x)) continue;
      if (y >= rows) rows = y + 1;
      if (x >= columns) columns = x + 1;
    }
  }
  *larger = rows > columns ? rows : columns;
  *smaller = rows > columns ? columns : rows;
}

/// A product's place among the operators, as one number: parity, spins, extent, then the product itself.
static uint64_t rank_of(uint32_t window, uint32_t product) {
  uint32_t spins = (uint32_t)__builtin_popcount(product), larger, smaller;
  extent_of(window, product, &larger, &smaller);
  return (uint64_t)(spins & 1) << 40 | (uint64_t)spins << 32 | larger << 24 | smaller << 20 | product;
}

static int compare(const void *left, const void *right) {
  const uint64_t *a = left, *b = right;
  return (*a > *b) - (*a < *b);
}

/// Room for `count` operators of at most `images` images in all. 0, or -1.
static int make_room(operators *o, uint32_t count, uint32_t images) {
  o->item = calloc(count + 1, sizeof *o->item);
  o->images = calloc(images + 1, sizeof *o->images);
  for (uint32_t byte = 0; byte < 256; byte++)
    for (uint32_t c = 0; c < COLUMNS; c++) o->spread[byte] |= (byte >> c & 1) << c * o->window;
  if (o->item && o->images) return 0;
  operators_clear(o);
  return -1;
}

/// Appends an operator; even ones must come first.
static void append(operators *o, uint32_t label, const uint16_t *images, uint32_t count) {
  const uint32_t total = operators_total(o);
  const lattice_operator *last = total ? &o->item[total - 1] : NULL;
  lattice_operator *item = &o->item[total];
  *item = (lattice_operator){.label = label, .image_count = count};
  item->spins = (uint32_t)__builtin_popcount(images[0]);
  item->first_image = last ? last->first_image + last->image_count : 0;
  memcpy(o->images + item->first_image, images, count * sizeof *images);
  o->image_total = item->first_image + count;
  o->count[item->spins & 1 ? OPERATORS_ODD : OPERATORS_EVEN]++;
}

int operators_symmetric(operators *o, uint32_t window, uint32_t order) {
  const uint32_t products = 1u << window * window;
  uint32_t count = 0, total = 0;
  uint16_t images[SYMMETRIES];
  *o = (operators){.window = window, .isa = products_choose()};
  uint64_t *rank = calloc(products, sizeof *rank);
  if (!rank) return -1;
  for (uint32_t product = 1; product < products; product++) {
    if ((uint32_t)__builtin_popcount(product) > order || in_corner(window, product) != product) continue;
    uint32_t distinct = images_of(window, product, images);
    if (images[0] != product) continue;
    rank[count++] = rank_of(window, product);
    total += distinct;
  }
  qsort(rank, count, sizeof *rank, compare);
  int status = make_room(o, count, total);
  for (uint32_t i = 0; status == 0 && i < count; i++)
    append(o, i, images, images_of(window, (uint32_t)rank[i] & (products - 1), images));
  free(rank);
  return status;
}

// ---- the published ones

#define PUBLISHED 36u
#define PUBLISHED_WINDOW 3u

/// Rows and columns of the spins, two digits each; one of 16 and 32 is superfluous.
static const char *const published[PUBLISHED] = {
    "00",          "00 10",       "00 11",       "00 20",       "00 12",       "00 22",
    "00 11 01",    "00 01 02",    "00 01 12",    "00 01 21",    "00 01 22",    "00 11 02",
    "00 11 22",    "00 12 21",    "00 20 12",    "00 02 22",    "00 10 01 11", "00 01 11 12",
    "00 01 02 12", "00 10 02 12", "00 01 12 22", "00 10 12 22", "00 01 02 11", "00 10 01 12",
    "00 01 11 22", "00 01 21 12", "00 11 12 21", "00 10 01 22", "00 01 02 22", "00 01 02 21",
    "10 01 21 12", "00 02 11 21", "00 10 01 11", "00 10 02 21", "00 02 11 22", "00 20 02 22",
};

static uint16_t product_of(const char *text) {
  uint32_t product = 0;
  for (; *text; text += text[2] ? 3 : 2)
    product |= 1u << place(PUBLISHED_WINDOW, (uint32_t)(text[0] - '0'), (uint32_t)(text[1] - '0'));
  return (uint16_t)product;
}

int operators_published(operators *o) {
  *o = (operators){.window = PUBLISHED_WINDOW, .isa = products_choose()};
  if (make_room(o, PUBLISHED, PUBLISHED) != 0) return -1;
  for (int parity = OPERATORS_EVEN; parity < OPERATORS_PARITIES; parity++) {
    for (uint32_t i = 0; i < PUBLISHED; i++) {
      uint16_t product = product_of(published[i]);
      if (__builtin_popcount(product) % 2 == parity) append(o, i, &product, 1);
    }
  }
  return 0;
}

void operators_clear(operators *o) {
  free(o->item);
  free(o->images);
  *o = (operators){0};
}

void operators_text(const operators *o, uint32_t i, char text[OPERATORS_TEXT]) {
  const uint32_t product = o->images[o->item[i].first_image];
  size_t at = 0;
  for (uint32_t y = 0; y < o->window; y++)
    for (uint32_t x = 0; x < o->window; x++)
      if (has(o->window, product, y, x))
        at += (size_t)snprintf(text + at, OPERATORS_TEXT - at, "%s(%u,%u)", at ? " " : "", y, x);
}

// ---- measuring

/// Words of 32 bits that a row takes when it is spread, the columns beyond its end being those of its beginning.
static uint64_t spread_words(uint64_t width) { return width / COLUMNS + 2; }

/// Whether products are counted one by one.
static int is_few(const operators *o) { return o->image_total <= MOST_FEW && o->image_total <= o->isa->worth; }

static uint32_t counters_each(uint32_t window) { return window < OPERATORS_WINDOW_MOST ? SEVERAL : 1; }

uint64_t operators_scratch(uint32_t window, uint64_t width) {
  const uint64_t patterns =
      (spread_words(width) * window + ((uint64_t)counters_each(window) << window * window)) * sizeof(uint32_t);
  const uint64_t products = products_scratch(window, width) + MOST_FEW * sizeof(int64_t);
  return patterns > products ? patterns : products;
}

/// Row by row: eight columns a word, at distances of w bits; then eight more around the boundary.
static void spread_row(const uint32_t spread[256], const uint64_t *row, uint64_t width, uint32_t *out) {
  const uint64_t whole = width / COLUMNS, rest = width % COLUMNS;
  uint64_t start = row[0]; // repeated, when the row is short
  for (uint64_t length = width; length < 64; length *= 2) start |= start << length;
  for (uint64_t k = 0; k < whole; k++) out[k] = spread[row[k / 8] >> k % 8 * 8 & 255];
  if (rest) {
    out[whole] = spread[(row[whole / 8] >> whole % 8 * 8 | start << rest) & 255];
    out[whole + 1] = spread[start >> (COLUMNS - rest) & 255];
  } else {
    out[whole] = spread[start & 255];
  }
}

/// Counts the patterns of the windows whose first row is lines[0]. Column by column, w bits a column, the pattern at
/// x is w² bits of the row of columns.
static inline __attribute__((always_inline)) void count_row(uint32_t w, uint32_t each, uint32_t *const *lines,
                                                            uint64_t width, uint32_t *counts) {
  const uint32_t mask = (1u << w * w) - 1;
  uint32_t here = 0;
  for (uint32_t r = 0; r < w; r++) here |= lines[r][0] << r;
  for (uint64_t k = 0; k * COLUMNS < width; k++) {
    uint32_t next = 0;
    for (uint32_t r = 0; r < w; r++) next |= lines[r][k + 1] << r;
    const uint64_t columns = here | (uint64_t)next << COLUMNS * w, left = width - k * COLUMNS;
    if (left >= COLUMNS) {
#pragma GCC unroll 8
      for (uint32_t j = 0; j < COLUMNS; j++) counts[(j % each << w * w) + (uint32_t)(columns >> j * w & mask)]++;
    } else {
      for (uint32_t j = 0; j < left; j++) counts[(j % each << w * w) + (uint32_t)(columns >> j * w & mask)]++;
    }
    here = next;
  }
}

static inline __attribute__((always_inline)) void add_eight(uint32_t *restrict into, const uint32_t *restrict from) {
  for (uint32_t j = 0; j < 8; j++) into[j] += from[j];
}

/// counts[p]: windows with pattern p, over all sites.
static inline __attribute__((always_inline)) void count_patterns(uint32_t w, uint32_t each, const fg_batch *batch,
                                                                 uint32_t i, const uint32_t spread[256], uint32_t *rows,
                                                                 uint32_t *counts) {
  const uint64_t width = fg_lattice_width(&batch->lattice), words = spread_words(width);
  const uint32_t patterns = 1u << w * w;
  uint32_t *lines[OPERATORS_WINDOW_MOST];
  memset(counts, 0, (size_t)each * patterns * sizeof *counts);
  for (uint32_t r = 0; r < w; r++) {
    lines[r] = rows + r * words;
    if (r + 1 < w) spread_row(spread, fg_batch_row(batch, i, r % batch->rows), width, lines[r]);
  }
  for (uint64_t y = 0; y < batch->rows; y++) {
    spread_row(spread, fg_batch_row(batch, i, (y + w - 1) % batch->rows), width, lines[w - 1]);
    count_row(w, each, lines, width, counts);
    uint32_t *first = lines[0];
    for (uint32_t r = 0; r + 1 < w; r++) lines[r] = lines[r + 1];
    lines[w - 1] = first;
  }
  for (uint32_t copy = 1; copy < each; copy++)
    for (uint32_t p = 0; p < patterns; p += 8) add_eight(counts + p, counts + (size_t)copy * patterns + p);
}

/// Sums and differences of `count` pairs; of a constant multiple of four, so that it is vectorised.
static inline __attribute__((always_inline)) void cross(int32_t *restrict down, int32_t *restrict up, uint32_t count) {
  for (uint32_t j = 0; j < count; j++) {
    int32_t a = down[j], b = up[j];
    down[j] = a + b;
    up[j] = b - a;
  }
}

/// The Walsh transform in place: from the number of windows with pattern p to the sum over all windows of the product
/// of the spins in p, a spin that is up being +1.
static void transform(int32_t *sums, uint32_t patterns) {
  for (uint32_t at = 0; at < patterns; at += 8) {
    int32_t *eight = sums + at;
    for (uint32_t j = 0; j < 8; j += 2) cross(eight + j, eight + j + 1, 1);
    for (uint32_t j = 0; j < 8; j += 4) cross(eight + j, eight + j + 2, 2);
    cross(eight, eight + 4, 4);
  }
  for (uint32_t stride = 8; stride < patterns; stride *= 2)
    for (uint32_t at = 0; at < patterns; at += 2 * stride)
      for (uint32_t j = at; j < at + stride; j += 8) cross(sums + j, sums + j + stride, 8);
}

/// Sums of all products of the window, by pattern, in the scratch.
static const int32_t *sum_patterns(const operators *o, const fg_batch *batch, uint32_t i, void *scratch) {
  const uint64_t words = spread_words(fg_lattice_width(&batch->lattice)) * o->window;
  uint32_t *rows = scratch, *counts = rows + words;
  const uint64_t sites = fg_lattice_sites(&batch->lattice);
  if (o->window == 2)
    count_patterns(2, SEVERAL, batch, i, o->spread, rows, counts);
  else if (o->window > 3)
    count_patterns(4, 1, batch, i, o->spread, rows, counts);
  else if (sites <= FEW_SITES)
    count_patterns(3, 1, batch, i, o->spread, rows, counts);
  else if (sites <= SOME_SITES)
    count_patterns(3, 2, batch, i, o->spread, rows, counts);
  else
    count_patterns(3, SEVERAL, batch, i, o->spread, rows, counts);
  int32_t *sums = (int32_t *)counts;
  transform(sums, 1u << o->window * o->window);
  return sums;
}

void operators_measure(const operators *o, const fg_batch *batch, uint32_t i, void *scratch, double *values) {
  const int few = is_few(o);
  int64_t *const one_by_one = scratch;
  const int32_t *sums = few ? NULL : sum_patterns(o, batch, i, scratch);
  if (few) products_sum(o->isa, o->window, o->images, o->image_total, batch, i, one_by_one + MOST_FEW, one_by_one);
  for (uint32_t k = 0; k < operators_total(o); k++) {
    const lattice_operator *item = &o->item[k];
    int64_t value = 0;
    for (uint32_t n = item->first_image; n < item->first_image + item->image_count; n++)
      value += few ? one_by_one[n] : sums[o->images[n]];
    values[k] = (double)value;
  }
}
