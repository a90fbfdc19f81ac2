// tables.c — a run's other tables in its report: learning curves, correlations and the convergence of eigenvalues
// as plots, every table as rows to open.
#include "report/run_page.h"

#include "report/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TABLES 60u
#define MOST_ROWS 200u  // of a table
#define SHORT_TABLE 12u // is open from the start
#define MOST_SERIES 8u
#define MOST_LINES 64u
#define MOST_PARTS 4u
#define LOG_FROM 10.0

/// The column of that name and one of these types (a set of bits 1 << type), or column_count.
static uint32_t find_column(const fg_saved_table *table, const char *name, unsigned types) {
  uint32_t c = 0;
  while (c < table->column_count &&
         (strcmp(table->columns[c].name, name) != 0 || !(types >> table->columns[c].type & 1)))
    c++;
  return c;
}
#define NUMBERS (1u << FG_COLUMN_REAL | 1u << FG_COLUMN_INTEGER)
#define TEXTS (1u << FG_COLUMN_TEXT)

static double number_at(const fg_saved_table *table, uint64_t row, uint32_t column) {
  const fg_cell *cell = &table->cells[row * table->column_count + column];
  return table->columns[column].type == FG_COLUMN_REAL ? cell->real : (double)cell->integer;
}

static const char *text_at(const fg_saved_table *table, uint64_t row, uint32_t column) {
  return table->cells[row * table->column_count + column].text;
}

static void write_code(FILE *out, const char *stage, const char *name) {
  fputs("<code>", out);
  fg_html_text(out, stage);
  fputc('/', out);
  fg_html_text(out, name);
  fputs("</code>", out);
}

static char *caption_of(const char *what, const char *part, const fg_saved_table *table) {
  char *text = NULL;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  fprintf(out, "<b>%s</b>%s", what, *part ? ", " : "");
  fg_html_text(out, part);
  fputs(" — ", out);
  write_code(out, table->stage, table->name);
  fclose(out);
  return text;
}

// ---- tables of known shape as plots

/// A table whose rows are lines over x: a plot for each text in column `split`, a line for each size and level.
typedef struct shape {
  const char *table, *x, *y, *split;
  const char *what, *x_label, *y_label;
  fg_plot_scale x_scale, y_scale; ///< logarithmic: where all is positive
} shape;

static const shape shapes[] = {
    {"G", "r", "value", "direction", "Correlation", "r", "G(r)", FG_SCALE_LOG, FG_SCALE_LOG},
    {"S", "k", "value", "direction", "Structure factor", "k", "S(k)", FG_SCALE_LOG, FG_SCALE_LOG},
    {"convergence", "operators", "lambda", "parity", "Leading eigenvalue", "operators", "λ", FG_SCALE_LINEAR,
     FG_SCALE_LINEAR},
};

/// Where such a table has its columns; column_count: nowhere.
typedef struct columns {
  uint32_t x, y, error, split, size, level;
} columns;

/// Rows of one size and level.
typedef struct line {
  const char *size;
  double level;
  fg_plot_point *points;
  size_t count;
} line;

static bool find_columns(const fg_saved_table *table, const shape *form, columns *at) {
  *at = (columns){find_column(table, form->x, NUMBERS), find_column(table, form->y, NUMBERS),
                  find_column(table, "error", NUMBERS), find_column(table, form->split, TEXTS),
                  find_column(table, "size", TEXTS),    find_column(table, "level", NUMBERS)};
  uint32_t none = table->column_count;
  return at->x < none && at->y < none && at->split < none && at->size < none;
}

/// The lines of the rows whose split column says `part`.
static size_t collect_lines(fg_page *page, const fg_saved_table *table, const columns *at, const char *part,
                            line *lines, size_t most) {
  size_t count = 0;
  for (uint64_t row = 0; row < table->row_count; row++) {
    if (strcmp(text_at(table, row, at->split), part) != 0) continue;
    const char *size = text_at(table, row, at->size);
    double level = at->level < table->column_count ? number_at(table, row, at->level) : 0;
    size_t i = 0;
    while (i < count && (strcmp(lines[i].size, size) != 0 || lines[i].level != level)) i++;
    if (i == most) continue;
    if (i == count) lines[count++] = (line){.size = size, .level = level};
    double error = at->error < table->column_count ? number_at(table, row, at->error) : NAN;
    lines[i].points = fg_arena_grow(&page->arena, lines[i].points, lines[i].count, sizeof *lines[i].points);
    lines[i].points[lines[i].count++] =
        (fg_plot_point){number_at(table, row, at->x), number_at(table, row, at->y), error};
  }
  return count;
}

static bool all_positive(const line *lines, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < lines[i].count; k++)
      if (lines[i].points[k].y <= 0) return false;
  return true;
}

/// "L = 32", with the level when another line has that size too.
static const char *label_of(fg_page *page, const line *lines, size_t count, size_t index) {
  bool alone = true;
  for (size_t i = 0; i < count; i++) alone &= i == index || strcmp(lines[i].size, lines[index].size) != 0;
  return fg_arena_format(&page->arena, alone ? "L = %s" : "L = %s, level %g", lines[index].size, lines[index].level);
}

static void draw_part(fg_page *page, const fg_saved_table *table, const shape *form, const columns *at,
                      const char *part) {
  line all[MOST_LINES], *lines = all;
  fg_plot_series series[MOST_SERIES];
  size_t count = collect_lines(page, table, at, part, all, MOST_LINES);
  if (count > MOST_SERIES) lines += count - MOST_SERIES; // the last ones are the largest sizes
  if (count > MOST_SERIES) count = MOST_SERIES;
  for (size_t i = 0; i < count; i++)
    series[i] = (fg_plot_series){.label = label_of(page, lines, count, i),
                                 .colour = (unsigned)i,
                                 .points = lines[i].points,
                                 .count = lines[i].count};
  const fg_plot plot = {
      .name = fg_arena_format(&page->arena, "%s-%s-%s", table->name, table->stage, part),
      .alt = fg_arena_format(&page->arena, "%s, %s, of stage %s", form->what, part, table->stage),
      .x = {form->x_label, form->x_scale},
      .y = {form->y_label, all_positive(lines, count) ? form->y_scale : FG_SCALE_LINEAR},
      .series = series,
      .series_count = count,
  };
  char *caption = caption_of(form->what, part, table);
  fg_page_figure(page, &plot, caption);
  free(caption);
}

static void draw_shape(fg_page *page, const fg_saved_table *table, const shape *form) {
  const char *parts[MOST_PARTS];
  size_t count = 0;
  columns at;
  if (strcmp(table->name, form->table) != 0 || !find_columns(table, form, &at)) return;
  for (uint64_t row = 0; row < table->row_count; row++) {
    const char *part = text_at(table, row, at.split);
    size_t i = 0;
    while (i < count && strcmp(parts[i], part) != 0) i++;
    if (i == count && count < MOST_PARTS) parts[count++] = part;
  }
  for (size_t i = 0; i < count; i++) draw_part(page, table, form, &at, parts[i]);
}

void fg_report_correlations(fg_page *page, const fg_run_data *run) {
  bool begun = false;
  for (size_t t = 0; t < run->results.table_count; t++)
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
      columns at;
      if (strcmp(run->results.tables[t].name, shapes[s].table) != 0 || run->results.tables[t].row_count == 0 ||
          !find_columns(&run->results.tables[t], &shapes[s], &at))
        continue;
      if (!begun) {
        fg_page_section(page, "correlations", "Correlations and eigenvalues");
        fg_page_figures_begin(page);
      }
      begun = true;
      draw_shape(page, &run->results.tables[t], &shapes[s]);
    }
  if (begun) fg_page_figures_end(page);
}

// ---- learning curves

/// What a trainer's table "curve" may show over its epochs.
static const char *const curve_columns[] = {"loss", "validation"};
#define CURVES (sizeof curve_columns / sizeof *curve_columns)

static bool is_curve(const fg_saved_table *table) {
  return strcmp(table->name, "curve") == 0 && table->row_count > 1 &&
         find_column(table, "epoch", NUMBERS) < table->column_count &&
         find_column(table, "loss", NUMBERS) < table->column_count;
}

static void draw_curve(fg_page *page, const fg_saved_table *table) {
  fg_plot_series series[CURVES];
  size_t count = 0;
  uint32_t epoch = find_column(table, "epoch", NUMBERS), loss = find_column(table, "loss", NUMBERS);
  double low = INFINITY, high = -INFINITY;
  for (size_t s = 0; s < CURVES; s++) {
    uint32_t y = find_column(table, curve_columns[s], NUMBERS);
    if (y == table->column_count) continue;
    fg_plot_point *points = fg_arena_take(&page->arena, table->row_count, sizeof *points);
    for (uint64_t row = 0; row < table->row_count; row++) {
      points[row] = (fg_plot_point){number_at(table, row, epoch), number_at(table, row, y), NAN};
      if (!isfinite(points[row].y)) continue;
      low = fmin(low, points[row].y);
      high = fmax(high, points[row].y);
    }
    series[count++] = (fg_plot_series){.label = curve_columns[s],
                                       .style = FG_SERIES_LINE,
                                       .colour = (unsigned)s,
                                       .points = points,
                                       .count = table->row_count};
  }
  const fg_plot plot = {
      .name = fg_arena_format(&page->arena, "curve-%s", table->stage),
      .alt = fg_arena_format(&page->arena, "Loss over the epochs of stage %s", table->stage),
      .x = {.label = "epoch"},
      .y = {fg_arena_format(&page->arena, "loss  [%s]", table->columns[loss].unit),
            low > 0 && high > LOG_FROM * low ? FG_SCALE_LOG : FG_SCALE_LINEAR},
      .series = series,
      .series_count = count,
  };
  char *caption = caption_of("Learning curve", "", table);
  fg_page_figure(page, &plot, caption);
  free(caption);
}

void fg_report_curves(fg_page *page, const fg_run_data *run) {
  bool begun = false;
  for (size_t t = 0; t < run->results.table_count; t++) {
    if (!is_curve(&run->results.tables[t])) continue;
    if (!begun) {
      fg_page_section(page, "learning", "Learning");
      fg_page_figures_begin(page);
    }
    begun = true;
    draw_curve(page, &run->results.tables[t]);
  }
  if (begun) fg_page_figures_end(page);
}

// ---- every table

/// True when column c+1 is the error of column c: they are shown together.
static bool has_error_column(const fg_saved_table *table, uint32_t c) {
  return c + 1 < table->column_count && table->columns[c].type == FG_COLUMN_REAL &&
         table->columns[c + 1].type == FG_COLUMN_REAL && strcmp(table->columns[c + 1].name, "error") == 0;
}

static void write_heading(FILE *out, const fg_column *column, bool sortable) {
  fprintf(out, "<th%s%s title=\"", column->type == FG_COLUMN_TEXT ? "" : " class=\"r\"",
          sortable ? " aria-sort=\"none\"" : "");
  fg_html_text(out, column->description);
  fputs(sortable ? "\"><button type=\"button\">" : "\">", out);
  fg_html_text(out, column->name);
  if (*column->unit && strcmp(column->unit, "1") != 0) {
    fputs(" <span class=\"soft\">[", out);
    fg_html_text(out, column->unit);
    fputs("]</span>", out);
  }
  fputs(sortable ? "</button></th>" : "</th>", out);
}

static void write_cell(FILE *out, const fg_saved_table *table, uint64_t row, uint32_t c) {
  if (table->columns[c].type == FG_COLUMN_TEXT) {
    fputs("<td>", out);
    fg_html_text(out, text_at(table, row, c));
  } else {
    double value = number_at(table, row, c);
    fputs("<td class=\"r\" data-v=\"", out);
    if (isfinite(value)) fprintf(out, "%.17g", value);
    fputs("\">", out);
    if (table->columns[c].type == FG_COLUMN_INTEGER)
      fprintf(out, "%" PRId64, table->cells[row * table->column_count + c].integer);
    else if (has_error_column(table, c))
      fg_html_measured(out, value, number_at(table, row, c + 1));
    else
      fg_html_number(out, value, 6);
  }
  fputs("</td>", out);
}

static void write_rows(FILE *out, const fg_saved_table *table) {
  uint64_t shown = table->row_count < MOST_ROWS ? table->row_count : MOST_ROWS;
  fputs("<div class=\"box\" role=\"region\" aria-label=\"Table ", out);
  fg_html_text(out, table->name);
  fputs("\" tabindex=\"0\"><table><thead><tr>", out);
  for (uint32_t c = 0; c < table->column_count; c += 1 + has_error_column(table, c))
    write_heading(out, &table->columns[c], shown > 3);
  fputs("</tr></thead><tbody>\n", out);
  for (uint64_t row = 0; row < shown; row++) {
    fputs("<tr>", out);
    for (uint32_t c = 0; c < table->column_count; c += 1 + has_error_column(table, c)) write_cell(out, table, row, c);
    fputs("</tr>\n", out);
  }
  fputs("</tbody></table></div>\n", out);
  if (table->rows > shown)
    fprintf(out, "<p class=\"note\">%" PRIu64 " further rows are in <code>results.h5</code>.</p>\n",
            table->rows - shown);
}

void fg_report_tables(fg_page *page, const fg_run_data *run) {
  FILE *out = page->out;
  size_t count = 0;
  for (size_t t = 0; t < run->results.table_count; t++) {
    const fg_saved_table *table = &run->results.tables[t];
    if (strcmp(table->name, "estimates") == 0) continue; // they have a section of their own
    if (count++ == 0) {
      fg_page_section(page, "tables", "Tables");
      fputs("<p>What else the stages have found, as it is in <code>results.h5</code>. A heading's description is shown "
            "when the pointer rests on it.</p>\n",
            out);
    }
    if (count > MOST_TABLES) continue;
    fprintf(out, "<details%s><summary>", table->row_count <= SHORT_TABLE ? " open" : "");
    write_code(out, table->stage, table->name);
    fprintf(out, ", %" PRIu64 " row%s</summary>\n", table->rows, table->rows == 1 ? "" : "s");
    write_rows(out, table);
    fputs("</details>\n", out);
  }
  if (count > MOST_TABLES)
    fprintf(out, "<p class=\"note\">%zu further tables are in <code>results.h5</code>.</p>\n", count - MOST_TABLES);
}
