// results_print.c — what a run has found, for people: the estimates beside the exact values last, where the eye ends
// up; before them the other tables, short ones in full. Everything is in results.h5; this is for reading.
#include "results_data.h"

#include "grid.h"
#include "measured.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_TABLE 12     // tables of up to so many rows are printed
#define MOST_ESTIMATES 400 // of one stage

/// The observables of the format, in its order; others follow in order of arrival.
static const char *const known_observables[] = {
    "e", "abs_m", "m", "m2", "m4", "chi", "chi_connected", "varE", "C", "U", "binder_cumulant", "xi", "xi_over_L"};
#define KNOWN_OBSERVABLES (sizeof known_observables / sizeof *known_observables)

/// A row of estimates and its place: groups of one size and level in order of arrival, known observables first.
typedef struct estimate_line {
  const fg_cell *cells;
  size_t group, rank, arrival;
} estimate_line;

enum { STAGE, LEVEL, SIZE, OBSERVABLE, VALUE, EXACT, DEVIATION, COUNT, TAU, UNIT, SHOWN_COLUMNS };

static size_t rank_of(const char *observable) {
  size_t rank = 0;
  while (rank < KNOWN_OBSERVABLES && strcmp(known_observables[rank], observable) != 0) rank++;
  return rank;
}

static int compare_lines(const void *left, const void *right) {
  const estimate_line *a = left, *b = right;
  if (a->group != b->group) return a->group < b->group ? -1 : 1;
  if (a->rank != b->rank) return a->rank < b->rank ? -1 : 1;
  return (a->arrival > b->arrival) - (a->arrival < b->arrival);
}

/// Up to MOST_ESTIMATES rows of a table, sorted for reading. A group is a run of rows of one size and level.
static size_t collect_lines(const fg_result *table, const uint32_t *at, estimate_line *lines) {
  size_t count = 0, group = 0;
  for (size_t p = 0; p < table->part_count; p++) {
    for (uint64_t row = 0; row < table->parts[p]->row_count && count < MOST_ESTIMATES; row++, count++) {
      const fg_cell *cells = fg_part_row(table->parts[p], row), *last = count ? lines[count - 1].cells : cells;
      group += strcmp(cells[at[FG_ESTIMATE_SIZE]].text, last[at[FG_ESTIMATE_SIZE]].text) != 0 ||
               cells[at[FG_ESTIMATE_LEVEL]].integer != last[at[FG_ESTIMATE_LEVEL]].integer;
      lines[count] = (estimate_line){cells, group, rank_of(cells[at[FG_ESTIMATE_OBSERVABLE]].text), count};
    }
  }
  qsort(lines, count, sizeof *lines, compare_lines);
  return count;
}

static void write_deviation(char *cell, double value, double error, double exact) {
  double deviation = (value - exact) / error;
  if (!isfinite(deviation)) return;
  snprintf(cell, FG_GRID_CELL, fabs(deviation) < 1000 ? "%+.1f" : "%+.1e", deviation);
}

/// Fills a row of the grid. Stage, level and size stand only in the first row of a group.
static void fill_estimate(fg_grid *grid, ptrdiff_t row, const char *stage, const estimate_line *line,
                          const uint32_t *at, bool first) {
  const fg_cell *cells = line->cells;
  double value = cells[at[FG_ESTIMATE_VALUE]].real, error = cells[at[FG_ESTIMATE_ERROR]].real;
  double exact = cells[at[FG_ESTIMATE_EXACT]].real, tau = cells[at[FG_ESTIMATE_TAU_INT]].real;
  if (first) {
    fg_grid_set(grid, row, STAGE, stage);
    snprintf(fg_grid_cell(grid, row, LEVEL), FG_GRID_CELL, "%" PRId64, cells[at[FG_ESTIMATE_LEVEL]].integer);
    fg_grid_set(grid, row, SIZE, cells[at[FG_ESTIMATE_SIZE]].text);
  }
  fg_grid_set(grid, row, OBSERVABLE, cells[at[FG_ESTIMATE_OBSERVABLE]].text);
  fg_measured_write(fg_grid_cell(grid, row, VALUE), FG_GRID_CELL, value, error);
  if (!isnan(exact)) fg_measured_write_exact(fg_grid_cell(grid, row, EXACT), FG_GRID_CELL, exact, value, error);
  write_deviation(fg_grid_cell(grid, row, DEVIATION), value, error, exact);
  snprintf(fg_grid_cell(grid, row, COUNT), FG_GRID_CELL, "%" PRId64, cells[at[FG_ESTIMATE_N]].integer);
  if (!isnan(tau)) snprintf(fg_grid_cell(grid, row, TAU), FG_GRID_CELL, tau < 100 ? "%.1f" : "%.0f", tau);
  if (strcmp(cells[at[FG_ESTIMATE_UNIT]].text, "1") != 0)
    fg_grid_set(grid, row, UNIT, cells[at[FG_ESTIMATE_UNIT]].text);
}

static void add_estimates(fg_grid *grid, const char *stage, const fg_result *table, const uint32_t *at,
                          estimate_line *lines) {
  size_t count = collect_lines(table, at, lines);
  for (size_t i = 0; i < count; i++) {
    bool first = i == 0 || lines[i].group != lines[i - 1].group;
    if (first && grid->rows > 1 && fg_grid_add(grid) < 0) return;
    ptrdiff_t row = fg_grid_add(grid);
    if (row < 0) return;
    fill_estimate(grid, row, stage, &lines[i], at, first);
  }
  if (table->row_count <= count || fg_grid_add(grid) < 0) return;
  ptrdiff_t row = fg_grid_add(grid);
  if (row < 0) return;
  fg_grid_set(grid, row, STAGE, stage);
  snprintf(fg_grid_cell(grid, row, OBSERVABLE), FG_GRID_CELL, "%" PRIu64 " more", table->row_count - count);
  fg_grid_set(grid, row, VALUE, " in summary.csv");
}

static void print_estimates(const fg_results *results, FILE *out) {
  static const char *const headings[SHOWN_COLUMNS] = {
      [STAGE] = "stage",  [LEVEL] = "level",  [SIZE] = "size",     [OBSERVABLE] = "observable",
      [VALUE] = " value", [EXACT] = " exact", [DEVIATION] = "Δ/σ", [COUNT] = "n",
      [TAU] = "τ_int",    [UNIT] = "unit",
  };
  fg_grid grid = {.columns = SHOWN_COLUMNS};
  grid.right[LEVEL] = grid.right[SIZE] = grid.right[DEVIATION] = grid.right[COUNT] = grid.right[TAU] = true;
  grid.shrinks[STAGE] = grid.shrinks[OBSERVABLE] = grid.shrinks[SIZE] = true;
  estimate_line *lines = calloc(MOST_ESTIMATES, sizeof *lines);
  if (!lines || fg_grid_add(&grid) < 0) goto out;
  for (size_t c = 0; c < UNIT; c++) fg_grid_set(&grid, 0, c, headings[c]);
  for (uint32_t s = 0; s < results->stage_count; s++) {
    const fg_stage_results *stage = &results->stages[s];
    uint32_t at[FG_ESTIMATE_COLUMNS];
    for (size_t t = 0; t < stage->table_count; t++)
      if (fg_result_estimates(&stage->tables[t], at)) add_estimates(&grid, stage->name, &stage->tables[t], at, lines);
  }
  if (grid.rows == 1) goto out;
  bool units = false;
  for (size_t row = 1; row < grid.rows; row++) units |= fg_grid_cell(&grid, (ptrdiff_t)row, UNIT)[0] != '\0';
  if (units) fg_grid_set(&grid, 0, UNIT, headings[UNIT]);
  fputc('\n', out);
  fg_grid_print(&grid, 1, out);

out:
  fg_grid_clear(&grid);
  free(lines);
}

/// True when column c+1 is the error of column c: they are shown together.
static bool has_error_column(const fg_result *table, uint32_t c) {
  return c + 1 < table->column_count && table->columns[c]->type == FG_COLUMN_REAL &&
         table->columns[c + 1]->type == FG_COLUMN_REAL && strcmp(table->columns[c + 1]->name, "error") == 0;
}

static void fill_cell(char *text, const fg_result *table, uint32_t c, const fg_cell *cells) {
  if (table->columns[c]->type == FG_COLUMN_INTEGER)
    snprintf(text, FG_GRID_CELL, "%" PRId64, cells[c].integer);
  else if (has_error_column(table, c))
    fg_measured_write(text, FG_GRID_CELL, cells[c].real, cells[c + 1].real);
  else if (!isnan(cells[c].real))
    snprintf(text, FG_GRID_CELL, "% .6g", cells[c].real);
}

/// A short table in full: names (and units) of the columns, then the rows.
static void print_short(const fg_result *table, FILE *out) {
  fg_grid grid = {0};
  uint32_t shown[FG_GRID_COLUMNS] = {0};
  for (uint32_t c = 0; c < table->column_count && grid.columns < FG_GRID_COLUMNS; c++) {
    shown[grid.columns] = c;
    grid.right[grid.columns] = table->columns[c]->type == FG_COLUMN_INTEGER;
    grid.shrinks[grid.columns++] = table->columns[c]->type == FG_COLUMN_TEXT;
    c += has_error_column(table, c);
  }
  ptrdiff_t row = fg_grid_add(&grid);
  for (size_t i = 0; i < grid.columns && row >= 0; i++) {
    const fg_column *column = table->columns[shown[i]];
    const char *sign = column->type == FG_COLUMN_REAL ? " " : "";
    char heading[512];
    if (!*column->unit || strcmp(column->unit, "1") == 0)
      snprintf(heading, sizeof heading, "%s%s", sign, column->name);
    else
      snprintf(heading, sizeof heading, "%s%s [%s]", sign, column->name, column->unit);
    fg_grid_set(&grid, row, i, heading);
  }
  for (size_t p = 0; p < table->part_count; p++) {
    for (uint64_t r = 0; r < table->parts[p]->row_count && (row = fg_grid_add(&grid)) >= 0; r++) {
      const fg_cell *cells = fg_part_row(table->parts[p], r);
      for (size_t i = 0; i < grid.columns; i++) {
        if (table->columns[shown[i]]->type == FG_COLUMN_TEXT)
          fg_grid_set(&grid, row, i, cells[shown[i]].text);
        else
          fill_cell(fg_grid_cell(&grid, row, i), table, shown[i], cells);
      }
    }
  }
  if (row >= 0) fg_grid_print(&grid, 3, out);
  fg_grid_clear(&grid);
}

void fg_results_print(const fg_results *results, FILE *out) {
  for (uint32_t s = 0; s < results->stage_count; s++) {
    const fg_stage_results *stage = &results->stages[s];
    uint32_t at[FG_ESTIMATE_COLUMNS];
    for (size_t t = 0; t < stage->table_count; t++) {
      const fg_result *table = &stage->tables[t];
      if (fg_result_estimates(table, at)) continue;
      fprintf(out, "\n table %s/%s", stage->name, table->name);
      if (table->row_count > 0 && table->row_count <= SHORT_TABLE) {
        fputc('\n', out);
        print_short(table, out);
      } else {
        fprintf(out, ": %" PRIu64 " rows\n", table->row_count);
      }
    }
  }
  print_estimates(results, out);
}
