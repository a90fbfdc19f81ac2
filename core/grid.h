// grid.h — a table of short texts for people: columns aligned, UTF-8 counted by characters, never wider than the page.
// Private to results_print.c for now; knows nothing of results.
#ifndef FG_CORE_GRID_H
#define FG_CORE_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define FG_GRID_WIDTH 100 ///< of the page
#define FG_GRID_CELL 64   ///< bytes of a cell, the final zero included
#define FG_GRID_COLUMNS 32

/// Row 0 is the heading. A row without any text is printed as an empty line.
typedef struct fg_grid {
  size_t columns, rows, capacity;
  bool right[FG_GRID_COLUMNS];   ///< aligned right
  bool shrinks[FG_GRID_COLUMNS]; ///< may be cut, with "…", when the page is too narrow
  char (*cells)[FG_GRID_CELL];
} fg_grid;

/// Appends an empty row; its index, or -1 when memory is out.
ptrdiff_t fg_grid_add(fg_grid *grid);

/// The buffer of a cell, FG_GRID_CELL bytes.
char *fg_grid_cell(fg_grid *grid, ptrdiff_t row, size_t column);

/// Copies a text into a cell; what does not fit is cut between two characters and ends in "…".
void fg_grid_set(fg_grid *grid, ptrdiff_t row, size_t column, const char *text);

/// Prints all rows, each after `indent` blanks, with a rule under the heading. Columns that do not fit at all are left
/// out on the right, and the heading ends in "…".
void fg_grid_print(const fg_grid *grid, unsigned indent, FILE *out);

void fg_grid_clear(fg_grid *grid); ///< frees the rows

#endif
