// observables.c — a run's estimates in its report: the table beside exact values, and how many standard deviations
// lie between. How observables grow with the size: scaling.c.
#include "report/run_page.h"

#include "report/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROWS 1500u // of the table
#define MOST_RESIDUAL_ROWS 30u
#define MOST_NAMES 500u // of observables, of stages

void fg_html_residual(FILE *out, double residual) {
  if (isnan(residual)) return;
  double distance = fabs(residual);
  fprintf(out, "<span class=\"%s\">%s", distance > 4 ? "far" : distance > 2 ? "off" : "near", residual < 0 ? "" : "+");
  if (distance < 1000)
    fprintf(out, "%s%.*f", residual < 0 ? "−" : "", distance < 99.95, distance);
  else
    fg_html_number(out, residual, 2);
  fputs("</span>", out);
}

// ---- the table

static void write_sort_value(FILE *out, const char *class, double value) {
  fprintf(out, "<td class=\"%s\" data-v=\"", class);
  if (isfinite(value)) fprintf(out, "%.17g", value);
  fputs("\">", out);
}

static void write_text_cell(FILE *out, const char *text) {
  fputs("<td>", out);
  fg_html_text(out, text);
  fputs("</td>", out);
}

static void write_row(FILE *out, const fg_report_estimate *e) {
  fputs("<tr>", out);
  write_text_cell(out, e->stage);
  fprintf(out, "<td class=\"r\">%" PRId64 "</td>", e->level);
  write_sort_value(out, "r", isnan(e->length) ? strtod(e->size, NULL) : e->length);
  fg_html_text(out, e->size);
  fputs("</td>", out);
  write_text_cell(out, e->observable);
  write_sort_value(out, "r", e->value);
  fg_html_measured(out, e->value, e->error);
  fputs("</td>", out);
  write_sort_value(out, "r", e->exact);
  fg_html_exact(out, e->exact, e->value, e->error);
  fputs("</td>", out);
  write_sort_value(out, "r", e->residual);
  fg_html_residual(out, e->residual);
  fprintf(out, "</td><td class=\"r\" data-v=\"%" PRId64 "\">%" PRId64 "</td>", e->n, e->n);
  write_sort_value(out, "r", e->tau_int);
  if (!isnan(e->tau_int)) fprintf(out, e->tau_int < 100 ? "%.1f" : "%.0f", e->tau_int);
  fputs("</td>", out);
  write_text_cell(out, strcmp(e->unit, "1") == 0 ? "" : e->unit);
  fputs("</tr>\n", out);
}

static void write_table(FILE *out, const fg_run_data *run) {
  static const char *const headings[] = {"stage", "level", "size",     "observable",      "value",
                                         "exact", "Δ/σ",   "<i>n</i>", "τ<sub>int</sub>", "unit"};
  static const char kinds[] = "trrtrrrrrt"; // text, right
  size_t shown = run->estimate_count < MOST_ROWS ? run->estimate_count : MOST_ROWS;
  fputs("<div class=\"box\" role=\"region\" aria-label=\"Table of observables\" tabindex=\"0\">"
        "<table id=\"observables-table\"><thead><tr>",
        out);
  for (size_t c = 0; c < sizeof headings / sizeof *headings; c++)
    fprintf(out, "<th%s aria-sort=\"none\"><button type=\"button\">%s</button></th>",
            kinds[c] == 'r' ? " class=\"r\"" : "", headings[c]);
  fputs("</tr></thead><tbody>\n", out);
  for (size_t i = 0; i < shown; i++) write_row(out, &run->estimates[i]);
  fputs("</tbody></table></div>\n", out);
  if (run->estimates_in_file > shown)
    fprintf(out, "<p class=\"note\">%" PRIu64 " further rows are in <code>summary.csv</code>.</p>\n",
            run->estimates_in_file - shown);
}

// ---- observables and the stages that have them

void fg_report_names_add(fg_page *page, fg_report_names *list, const char *name) {
  for (size_t i = 0; i < list->count; i++)
    if (strcmp(list->items[i], name) == 0) return;
  if (list->count == MOST_NAMES) return;
  list->items = fg_arena_grow(&page->arena, (void *)list->items, list->count, sizeof *list->items);
  list->items[list->count++] = name;
}

fg_report_names fg_report_observable_names(fg_page *page, const fg_run_data *run) {
  fg_report_names list = {0};
  for (size_t i = 0; i < run->estimate_count; i++) fg_report_names_add(page, &list, run->estimates[i].observable);
  for (size_t i = 1; i < list.count; i++)
    for (size_t k = i; k > 0 && fg_observable_rank(list.items[k - 1]) > fg_observable_rank(list.items[k]); k--) {
      const char *swap = list.items[k];
      list.items[k] = list.items[k - 1];
      list.items[k - 1] = swap;
    }
  return list;
}

fg_report_names fg_report_stage_names(fg_page *page, const fg_run_data *run) {
  fg_report_names list = {0};
  for (size_t i = 0; i < run->estimate_count; i++) fg_report_names_add(page, &list, run->estimates[i].stage);
  return list;
}

const char *fg_report_label(fg_page *page, const char *text) {
  char label[128];
  return fg_arena_text(&page->arena, fg_text_shorten(label, sizeof label, text, 20));
}

// ---- residuals

static void write_residual_plot(fg_page *page, const fg_run_data *run) {
  fg_report_names all = fg_report_observable_names(page, run), rows = {0}, stages = fg_report_stage_names(page, run);
  for (size_t o = 0; o < all.count && rows.count < MOST_RESIDUAL_ROWS; o++)
    for (size_t i = 0; i < run->estimate_count; i++)
      if (isfinite(run->estimates[i].residual) && strcmp(run->estimates[i].observable, all.items[o]) == 0)
        fg_report_names_add(page, &rows, all.items[o]);
  fg_plot_series *series = fg_arena_take(&page->arena, stages.count, sizeof *series);
  for (size_t s = 0; s < stages.count; s++) {
    size_t own = 0;
    for (size_t i = 0; i < run->estimate_count; i++) own += strcmp(run->estimates[i].stage, stages.items[s]) == 0;
    fg_plot_point *points = fg_arena_take(&page->arena, own, sizeof *points);
    double shift = stages.count > 1 ? 0.36 * ((double)s / (double)(stages.count - 1) - 0.5) : 0;
    series[s] =
        (fg_plot_series){.label = fg_report_label(page, stages.items[s]), .colour = (unsigned)s, .points = points};
    for (size_t i = 0; i < run->estimate_count; i++) {
      const fg_report_estimate *e = &run->estimates[i];
      size_t row = 0;
      while (row < rows.count && strcmp(rows.items[row], e->observable) != 0) row++;
      if (row < rows.count && isfinite(e->residual) && strcmp(e->stage, stages.items[s]) == 0)
        points[series[s].count++] = (fg_plot_point){e->residual, (double)row + 1 + shift, NAN};
    }
  }
  const char **labels = fg_arena_take(&page->arena, rows.count, sizeof *labels);
  for (size_t i = 0; i < rows.count; i++) labels[i] = fg_report_label(page, fg_observable_symbol(rows.items[i]));
  const fg_plot plot = {
      .name = "residuals",
      .alt = "Deviations from exact values in standard deviations, a row for each observable, a dot for each size",
      .x = {.label = "(value − exact) / σ", .scale = FG_SCALE_SIGMA},
      .rows = labels,
      .row_count = rows.count,
      .series = series,
      .series_count = stages.count,
  };
  if (rows.count == 0) return;
  fg_page_figures_begin(page);
  fg_page_figure(page, &plot,
                 "<b>Deviation from the exact values</b>, in standard deviations: a dot for each size. Shaded: within "
                 "2σ, where 95% of sound estimates lie. The axis is linear about 0 and logarithmic far from it.");
  fg_page_figures_end(page);
}

void fg_report_observables(fg_page *page, const fg_run_data *run) {
  if (run->estimate_count == 0) return;
  fg_page_section(page, "observables", "Observables");
  fputs(
      "<p>Every estimate with one standard deviation in parentheses, in units of the last digits shown; "
      "<i>Δ/σ</i> is the distance to the exact value, where one is known, in standard deviations; <i>τ</i><sub>int</sub> the "
      "integrated autocorrelation time in configurations, 0.5 for independent draws. Click a heading to sort.</p>\n",
      page->out);
  write_table(page->out, run);
  write_residual_plot(page, run);
}
