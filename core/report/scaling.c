// scaling.c — how a run's observables grow with the size: a plot each, stages laid over each other, beside exact
// values.
#include "report/run_page.h"

#include "report/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PLOTS 24u
#define LEAST_SIZES 3u
#define ROUNDING 1e-12 // an exact value below is zero
#define SAME 1e-9      // exact values that differ by less are one, relatively
#define LOG_FROM 4.0   // an axis whose values span more than this factor is logarithmic

/// Of the values that are not zero: a lattice of one site has no fluctuations, which no logarithmic axis can show.
typedef struct span {
  double low, high;
} span;

static void widen(span *values, double v) {
  if (v == 0) return;
  values->low = fmin(values->low, v);
  values->high = fmax(values->high, v);
}

/// Rows of an observable of one stage, or (NULL) of all.
static bool is_of(const fg_report_estimate *e, const char *observable, const char *stage) {
  return isfinite(e->length) && strcmp(e->observable, observable) == 0 && (!stage || strcmp(e->stage, stage) == 0);
}

static fg_plot_point *room_for(fg_page *page, const fg_run_data *run, const char *observable, const char *stage) {
  size_t count = 0;
  for (size_t i = 0; i < run->estimate_count; i++) count += is_of(&run->estimates[i], observable, stage);
  return fg_arena_take(&page->arena, count, sizeof(fg_plot_point));
}

/// One series: what a stage found for an observable at every size.
static fg_plot_series series_of(fg_page *page, const fg_run_data *run, const char *observable, const char *stage,
                                span *values) {
  fg_plot_point *points = room_for(page, run, observable, stage);
  fg_plot_series series = {.label = fg_report_label(page, stage), .points = points};
  for (size_t i = 0; i < run->estimate_count; i++) {
    const fg_report_estimate *e = &run->estimates[i];
    if (!is_of(e, observable, stage) || !isfinite(e->value)) continue;
    points[series.count++] = (fg_plot_point){e->length, e->value, e->error};
    widen(values, e->value);
  }
  return series;
}

/// Sizes of a series, as far as they matter: up to LEAST_SIZES.
static size_t distinct_sizes(const fg_plot_series *series) {
  size_t count = 0;
  for (size_t i = 0; i < series->count && count < LEAST_SIZES; i++) {
    bool seen = false;
    for (size_t k = 0; k < i && !seen; k++) seen = series->points[k].x == series->points[i].x;
    count += !seen;
  }
  return count;
}

static int compare_points(const void *a, const void *b) {
  const fg_plot_point *p = a, *q = b;
  if (p->x != q->x) return p->x < q->x ? -1 : 1;
  return (p->y > q->y) - (p->y < q->y);
}

/// The exact values of an observable over sizes: of one stage, or (NULL) of all. *single: there is one for each size.
static fg_plot_series exact_of(fg_page *page, const fg_run_data *run, const char *observable, const char *stage,
                               span *values, bool *single) {
  fg_plot_point *all = room_for(page, run, observable, stage);
  size_t count = 0, kept = 0;
  *single = true;
  for (size_t i = 0; i < run->estimate_count; i++) {
    const fg_report_estimate *e = &run->estimates[i];
    if (!is_of(e, observable, stage) || !isfinite(e->exact)) continue;
    all[count++] = (fg_plot_point){e->length, e->exact, NAN};
    if (fabs(e->exact) > ROUNDING) widen(values, e->exact);
  }
  if (count) qsort(all, count, sizeof *all, compare_points);
  for (size_t i = 0; i < count; i++) {
    if (kept && all[i].x == all[kept - 1].x && fabs(all[i].y - all[kept - 1].y) <= SAME * fabs(all[i].y)) continue;
    if (kept && all[i].x == all[kept - 1].x) *single = false;
    all[kept++] = all[i];
  }
  return (fg_plot_series){.label = "exact", .style = FG_SERIES_REFERENCE, .points = all, .count = kept};
}

/// One line of exact values; where stages disagree on them, as at different couplings, a line for each stage.
static size_t add_exact(fg_page *page, const fg_run_data *run, const char *observable, const fg_report_names *stages,
                        fg_plot_series *series, span *values) {
  size_t count = 0;
  bool single;
  series[0] = exact_of(page, run, observable, NULL, values, &single);
  if (single) return series[0].count > 0;
  for (size_t s = 0; s < stages->count; s++) {
    series[count] = exact_of(page, run, observable, stages->items[s], values, &single);
    if (series[count].count == 0) continue;
    if (count) series[count].label = NULL;
    count++;
  }
  return count;
}

/// Draws an observable over sizes when a stage has it at three or more. False: not enough sizes.
static bool draw_scaling(fg_page *page, const fg_run_data *run, const fg_report_names *stages, const char *observable,
                         bool draw) {
  span values = {INFINITY, -INFINITY};
  fg_plot_series *series = fg_arena_take(&page->arena, 2 * stages->count + 1, sizeof *series);
  size_t count = 0, most = 0;
  for (size_t s = 0; s < stages->count; s++) {
    series[count] = series_of(page, run, observable, stages->items[s], &values);
    series[count].colour = (unsigned)s;
    if (series[count].count == 0) continue;
    size_t sizes = distinct_sizes(&series[count++]);
    if (sizes > most) most = sizes;
  }
  if (most < LEAST_SIZES || !draw) return most >= LEAST_SIZES;
  count += add_exact(page, run, observable, stages, series + count, &values);
  const char *symbol = fg_observable_symbol(observable), *unit = "";
  for (size_t i = 0; i < run->estimate_count; i++)
    if (strcmp(run->estimates[i].observable, observable) == 0) unit = run->estimates[i].unit;
  bool logarithmic = values.low > 0 && values.high > LOG_FROM * values.low, has_unit = *unit && strcmp(unit, "1") != 0;
  const char *label = fg_arena_format(&page->arena, has_unit ? "%s  [%s]" : "%s", symbol, unit);
  const fg_plot plot = {
      .name = observable,
      .alt = fg_arena_format(&page->arena, "%s over the linear size L", symbol),
      .x = {.label = "L", .scale = FG_SCALE_LOG},
      .y = {.label = label, .scale = logarithmic ? FG_SCALE_LOG : FG_SCALE_LINEAR},
      .sizes = true,
      .series = series,
      .series_count = count,
  };
  char *caption = NULL;
  size_t length;
  FILE *out = open_memstream(&caption, &length);
  if (!out) abort();
  fputs("<b>", out);
  fg_html_text(out, symbol);
  fputs("</b> ", out);
  if (strcmp(symbol, observable) != 0) {
    fputs("<code>", out);
    fg_html_text(out, observable);
    fputs("</code>", out);
  }
  fclose(out);
  fg_page_figure(page, &plot, caption);
  free(caption);
  return true;
}

void fg_report_scaling(fg_page *page, const fg_run_data *run) {
  fg_report_names observables = fg_report_observable_names(page, run), stages = fg_report_stage_names(page, run);
  fg_report_names drawn = {0};
  size_t left_out = 0, first = 0;
  for (int pass = 0; pass < 2; pass++)
    for (size_t o = 0; o < observables.count; o++) {
      if (fg_observable_is_second(observables.items[o]) != pass ||
          !draw_scaling(page, run, &stages, observables.items[o], false))
        continue;
      if (drawn.count < MOST_PLOTS)
        fg_report_names_add(page, &drawn, observables.items[o]);
      else
        left_out++;
      first += pass == 0;
    }
  if (drawn.count == 0) return;
  fg_page_section(page, "scaling", "Scaling with the size");
  fputs("<p>Observables over the linear size <i>L</i>, with bars of one standard deviation; on logarithmic axes where "
        "they are positive and span a factor of four. Dashed: exact. Every plot's numbers and script are in "
        "<code>report/</code>.</p>\n",
        page->out);
  fg_page_figures_begin(page);
  for (size_t i = 0; i < drawn.count; i++) {
    if (i == first) {
      fg_page_figures_end(page);
      fputs("<details><summary>Moments</summary>\n", page->out);
      fg_page_figures_begin(page);
    }
    draw_scaling(page, run, &stages, drawn.items[i], true);
  }
  fg_page_figures_end(page);
  if (first < drawn.count) fputs("</details>\n", page->out);
  if (left_out)
    fprintf(page->out, "<p class=\"note\">%zu further observables are not drawn; they are in the table.</p>\n",
            left_out);
}
