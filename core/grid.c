// grid.c — see grid.h.
#include "grid.h"

#include <stdlib.h>
#include <string.h>

#define GAP 2      // blanks between columns
#define SMALLEST 8 // a column is not cut below this
#define MARK "…"   // what stands for something left out

static bool continues(char byte) { return ((unsigned char)byte & 0xc0) == 0x80; }

/// Characters of a text.
static size_t width_of(const char *text) {
  size_t width = 0;
  for (; *text; text++) width += !continues(*text);
  return width;
}

/// Bytes of the first `width` characters.
static size_t bytes_of(const char *text, size_t width) {
  size_t bytes = 0;
  while (text[bytes] && (width || continues(text[bytes]))) width -= !continues(text[bytes++]);
  return bytes;
}

ptrdiff_t fg_grid_add(fg_grid *grid) {
  if (grid->rows == grid->capacity) {
    size_t wanted = grid->capacity ? grid->capacity * 2 : 32;
    void *larger = reallocarray(grid->cells, wanted, grid->columns * FG_GRID_CELL);
    if (!larger) return -1;
    grid->cells = larger;
    grid->capacity = wanted;
  }
  memset(grid->cells + grid->rows * grid->columns, 0, grid->columns * FG_GRID_CELL);
  return (ptrdiff_t)grid->rows++;
}

char *fg_grid_cell(fg_grid *grid, ptrdiff_t row, size_t column) {
  return grid->cells[(size_t)row * grid->columns + column];
}

void fg_grid_set(fg_grid *grid, ptrdiff_t row, size_t column, const char *text) {
  char *cell = fg_grid_cell(grid, row, column);
  size_t length = strlen(text);
  if (length < FG_GRID_CELL) {
    memcpy(cell, text, length + 1);
    return;
  }
  length = FG_GRID_CELL - sizeof MARK;
  while (length && continues(text[length])) length--;
  snprintf(cell, FG_GRID_CELL, "%.*s" MARK, (int)length, text);
}

void fg_grid_clear(fg_grid *grid) {
  free(grid->cells);
  *grid = (fg_grid){0};
}

/// Width of a row; a column without any text takes no room.
static size_t total(const size_t *widths, size_t columns) {
  size_t sum = 0;
  for (size_t c = 0; c < columns; c++) sum += widths[c] ? widths[c] + GAP : 0;
  return sum ? sum - GAP : 0;
}

/// Fits the widths to the page: cuts the widest columns that may be, then leaves out the last. Returns how many remain.
static size_t fit(const fg_grid *grid, size_t page, size_t *widths) {
  size_t columns = grid->columns;
  while (total(widths, columns) > page) {
    size_t widest = columns;
    for (size_t c = 0; c < columns; c++)
      if (grid->shrinks[c] && widths[c] > SMALLEST && (widest == columns || widths[c] > widths[widest])) widest = c;
    if (widest == columns) break;
    widths[widest]--;
  }
  size_t room = page;
  while (columns > 1 && total(widths, columns) > room) {
    columns--;
    room = page - GAP - 1; // for the mark
  }
  return columns;
}

static void blanks(FILE *out, size_t count) {
  while (count--) fputc(' ', out);
}

/// One row; blanks are written only when something follows, so no line ends in one.
static void print_row(const fg_grid *grid, size_t row, const size_t *widths, size_t columns, unsigned indent,
                      FILE *out) {
  size_t owed = indent;
  for (size_t c = 0; c < columns; c++) {
    const char *text = grid->cells[row * grid->columns + c];
    if (!widths[c]) continue;
    size_t width = width_of(text), shown = width > widths[c] ? widths[c] - 1 : width;
    size_t spare = width > widths[c] ? 0 : widths[c] - width;
    if (width == 0) {
      owed += widths[c] + GAP;
      continue;
    }
    blanks(out, owed + (grid->right[c] ? spare : 0));
    fwrite(text, 1, bytes_of(text, shown), out);
    if (shown < width) fputs(MARK, out);
    owed = GAP + (grid->right[c] ? 0 : spare);
  }
  if (row == 0 && columns < grid->columns) {
    blanks(out, owed);
    fputs(MARK, out);
  }
  fputc('\n', out);
}

void fg_grid_print(const fg_grid *grid, unsigned indent, FILE *out) {
  size_t widths[FG_GRID_COLUMNS] = {0};
  for (size_t i = 0; i < grid->rows * grid->columns; i++) {
    size_t width = width_of(grid->cells[i]), c = i % grid->columns;
    if (width > widths[c]) widths[c] = width;
  }
  size_t columns = fit(grid, FG_GRID_WIDTH - indent, widths);
  for (size_t row = 0; row < grid->rows; row++) {
    print_row(grid, row, widths, columns, indent, out);
    if (row > 0) continue;
    blanks(out, indent);
    for (size_t i = 0; i < total(widths, columns); i++) fputs("─", out);
    fputc('\n', out);
  }
}
