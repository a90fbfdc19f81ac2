// sweep_figures.c — what a sweep's arms found: each metric by arm, differences from the baseline, and what accuracy
// cost.
#include "report/sweep_page.h"

#include "report/statistics.h"
#include "report/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PLOTS 24u    // of metrics by arm
#define MOST_LABELLED 24u // arms; more of them stand under their numbers
#define MOST_COMPARED 8u  // metrics compared with the baseline
#define MOST_COMPARED_ARMS 400u
#define MOST_COST_PLOTS 6u
#define MOST_COLOURS 8u
#define LOG_FROM 10.0

/// "L = 64", or what to say when arms differ in it.
static const char *sizes_of(fg_page *page, const fg_sweep_data *sweep, const fg_report_metric *metric) {
  const char *size = NULL;
  for (size_t a = 0; a < sweep->arm_count; a++) {
    const char *own = metric->cells[a].size;
    if (own && size && strcmp(own, size) != 0) return "each arm's largest size";
    if (own) size = own;
  }
  return fg_arena_format(&page->arena, "L = %s", size ? size : "?");
}

static const char *axis_label(fg_page *page, const fg_report_metric *metric) {
  bool has_unit = *metric->unit && strcmp(metric->unit, "1") != 0;
  return fg_arena_format(&page->arena, has_unit ? "%s  [%s]" : "%s", fg_observable_symbol(metric->observable),
                         metric->unit);
}

/// "<b>χ</b> — thermo, L = 64"
static char *caption_of(fg_page *page, const fg_sweep_data *sweep, const fg_report_metric *metric, const char *what) {
  char *text = NULL;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  fprintf(out, "<b>%s", what);
  fg_html_text(out, fg_observable_symbol(metric->observable));
  fputs("</b> — <code>", out);
  fg_html_text(out, metric->stage);
  fputs("</code>, ", out);
  fg_html_text(out, sizes_of(page, sweep, metric));
  fclose(out);
  return text;
}

/// Values of some arms, with errors and a line to compare with (NaN where there is none).
typedef struct by_arm {
  size_t *arms;
  fg_plot_point *values; ///< y and error
  double *reference;
  size_t count;
} by_arm;

static by_arm by_arm_new(fg_page *page, const fg_sweep_data *sweep) {
  return (by_arm){.arms = fg_arena_take(&page->arena, sweep->arm_count, sizeof(size_t)),
                  .values = fg_arena_take(&page->arena, sweep->arm_count, sizeof(fg_plot_point)),
                  .reference = fg_arena_take(&page->arena, sweep->arm_count, sizeof(double))};
}

static void by_arm_add(by_arm *list, size_t arm, double value, double error, double reference) {
  list->arms[list->count] = arm;
  list->values[list->count] = (fg_plot_point){NAN, value, error};
  list->reference[list->count++] = reference;
}

/// Rows with the arms' names when they are few, otherwise a plot over their numbers.
static void draw_by_arm(fg_page *page, const fg_sweep_data *sweep, fg_plot plot, const by_arm *list,
                        const char *reference_label, const char *label, char *caption) {
  bool rows = list->count <= MOST_LABELLED;
  fg_plot_point *points = fg_arena_take(&page->arena, list->count, sizeof *points);
  fg_plot_point *lines = fg_arena_take(&page->arena, 3 * list->count, sizeof *lines);
  const char **labels = fg_arena_take(&page->arena, list->count, sizeof *labels);
  for (size_t i = 0; i < list->count; i++) {
    double at = rows ? (double)i + 1 : (double)list->arms[i] + 1, value = list->values[i].y,
           error = list->values[i].error;
    labels[i] = sweep->arms[list->arms[i]].label;
    points[i] = rows ? (fg_plot_point){value, at, error} : (fg_plot_point){at, value, error};
    for (int end = 0; end < 2; end++) {
      double beside = at + (end ? 0.5 : -0.5), there = list->reference[i];
      lines[3 * i + (size_t)end] = rows ? (fg_plot_point){there, beside, NAN} : (fg_plot_point){beside, there, NAN};
    }
    lines[3 * i + 2] = (fg_plot_point){NAN, NAN, NAN};
  }
  const fg_plot_series series[] = {
      {.label = reference_label, .style = FG_SERIES_REFERENCE, .points = lines, .count = 3 * list->count},
      {.label = NULL, .style = FG_SERIES_MARKS, .points = points, .count = list->count},
  };
  const fg_plot_axis value = {label, FG_SCALE_LINEAR};
  plot.series = series;
  plot.series_count = 2;
  plot.x = rows ? value : (fg_plot_axis){"number of the arm", FG_SCALE_LINEAR};
  plot.y = rows ? (fg_plot_axis){0} : value;
  plot.rows = rows ? labels : NULL;
  plot.row_count = rows ? list->count : 0;
  fg_page_figure(page, &plot, caption);
  free(caption);
}

static void draw_metric(fg_page *page, const fg_sweep_data *sweep, const fg_report_metric *metric) {
  by_arm list = by_arm_new(page, sweep);
  for (size_t a = 0; a < sweep->arm_count; a++) {
    const fg_report_cell *cell = &metric->cells[a];
    by_arm_add(&list, a, cell->size ? cell->value : NAN, fg_report_cell_error(cell), cell->size ? cell->exact : NAN);
  }
  const fg_plot plot = {
      .name = fg_arena_format(&page->arena, "%s-%s", metric->observable, metric->stage),
      .alt = fg_arena_format(&page->arena, "%s of stage %s by arm", fg_observable_symbol(metric->observable),
                             metric->stage),
  };
  draw_by_arm(page, sweep, plot, &list, "exact", axis_label(page, metric), caption_of(page, sweep, metric, ""));
}

void fg_report_metrics(fg_page *page, const fg_sweep_data *sweep) {
  FILE *out = page->out;
  size_t first = 0, drawn = sweep->metric_count < MOST_PLOTS ? sweep->metric_count : MOST_PLOTS;
  while (first < drawn && sweep->metrics[first].is_first) first++;
  if (drawn == 0) return;
  fg_page_section(page, "metrics", "Results by arm");
  fprintf(
      out,
      "<p>Each observable at the largest size, replicas together; bars are one standard deviation, from the spread of "
      "the replicas where there are several, otherwise the run's own. Dashed: exact, where it is known.%s Every other "
      "size is in <code>combined.csv</code>.</p>\n",
      sweep->arm_count > MOST_LABELLED ? " Arms stand under their numbers in the list of arms." : "");
  fg_page_figures_begin(page);
  for (size_t m = 0; m < drawn; m++) {
    if (m == first && first > 0) {
      fg_page_figures_end(page);
      fputs("<details><summary>Moments, and what has no exact value</summary>\n", out);
      fg_page_figures_begin(page);
    }
    draw_metric(page, sweep, &sweep->metrics[m]);
  }
  fg_page_figures_end(page);
  if (first > 0 && first < drawn) fputs("</details>\n", out);
  if (drawn < sweep->metric_count)
    fprintf(out,
            "<p class=\"note\">%zu further observables are not drawn; they are in <code>combined.csv</code>.</p>\n",
            sweep->metric_count - drawn);
}

/// How many metrics, at most `most`, are worth more than their plot by arm: the first ones, or all when there are none.
static size_t foremost(const fg_sweep_data *sweep, size_t most) {
  size_t count = 0;
  while (count < sweep->metric_count && sweep->metrics[count].is_first) count++;
  if (count == 0) count = sweep->metric_count;
  return count < most ? count : most;
}

// ---- differences from the baseline

/// Of an arm from its baseline: paired over replicas when there are at least two pairs. Unknown at different sizes.
static fg_difference difference_of(const fg_sweep_data *sweep, const fg_report_metric *metric, size_t a, bool *paired) {
  const size_t b = sweep->arms[a].baseline, replicas = sweep->plan->replicas;
  fg_difference none = {NAN, NAN, 0};
  *paired = false;
  if (b == FG_NO_ARM) return none;
  const fg_report_cell *own = &metric->cells[a], *base = &metric->cells[b];
  if (!own->size || !base->size || strcmp(own->size, base->size) != 0) return none;
  if (metric->samples) {
    fg_difference d = fg_paired_difference(metric->samples + a * replicas, metric->samples + b * replicas, replicas);
    *paired = d.pairs > 1;
    if (*paired) return d;
  }
  return fg_independent_difference(own->value, fg_report_cell_error(own), base->value, fg_report_cell_error(base));
}

/// Digits behind the point, so that the interval shows two of its own.
static int decimals_of(double half_width) {
  if (!(half_width > 0)) return 6;
  int decimals = 1 - (int)floor(log10(half_width));
  return decimals < 0 ? 0 : decimals > 12 ? 12 : decimals;
}

static void write_signed(FILE *out, double value, int decimals) {
  fprintf(out, "%s%.*f", value < 0 ? "−" : "+", decimals, fabs(value));
}

static void write_difference(FILE *out, fg_difference d, bool paired) {
  fputs("<td class=\"r\" data-v=\"", out);
  if (isfinite(d.mean)) fprintf(out, "%.17g", d.mean);
  fputs("\">", out);
  if (isfinite(d.mean)) {
    int decimals = decimals_of(d.half_width);
    bool apart = isfinite(d.half_width) && fabs(d.mean) > d.half_width;
    fputs(apart ? "<b>" : "", out);
    write_signed(out, d.mean, decimals);
    fputs(apart ? "</b>" : "", out);
    if (isfinite(d.half_width)) {
      fputs(" <span class=\"soft\">[", out);
      write_signed(out, d.mean - d.half_width, decimals);
      fputs(", ", out);
      write_signed(out, d.mean + d.half_width, decimals);
      fprintf(out, "]%s</span>", paired ? "" : "*");
    }
  }
  fputs("</td>", out);
}

static void write_differences(FILE *out, const fg_sweep_data *sweep, size_t metrics, bool *all_paired) {
  size_t left_out = 0, written = 0;
  fputs("<div class=\"box\" role=\"region\" aria-label=\"Differences from the baseline\" tabindex=\"0\"><table><thead>"
        "<tr><th aria-sort=\"none\"><button type=\"button\">arm</button></th>",
        out);
  for (size_t m = 0; m < metrics; m++) {
    fputs("<th class=\"r\" aria-sort=\"none\"><button type=\"button\">", out);
    fg_html_text(out, fg_observable_symbol(sweep->metrics[m].observable));
    fputs(" <span class=\"soft\">", out);
    fg_html_text(out, sweep->metrics[m].stage);
    fputs("</span></button></th>", out);
  }
  fputs("</tr></thead><tbody>\n", out);
  for (size_t a = 0; a < sweep->arm_count; a++) {
    if (sweep->arms[a].baseline == FG_NO_ARM) continue;
    if (written++ >= MOST_COMPARED_ARMS) {
      left_out++;
      continue;
    }
    fputs("<tr><td>", out);
    fg_html_text(out, sweep->arms[a].label);
    fputs("</td>", out);
    for (size_t m = 0; m < metrics; m++) {
      bool paired;
      fg_difference d = difference_of(sweep, &sweep->metrics[m], a, &paired);
      *all_paired &= paired || isnan(d.mean);
      write_difference(out, d, paired);
    }
    fputs("</tr>\n", out);
  }
  fputs("</tbody></table></div>\n", out);
  if (left_out) fprintf(out, "<p class=\"note\">%zu further arms are not listed.</p>\n", left_out);
}

static void draw_difference(fg_page *page, const fg_sweep_data *sweep, const fg_report_metric *metric) {
  by_arm list = by_arm_new(page, sweep);
  for (size_t a = 0; a < sweep->arm_count; a++) {
    bool paired;
    fg_difference d = difference_of(sweep, metric, a, &paired);
    if (sweep->arms[a].baseline != FG_NO_ARM) by_arm_add(&list, a, d.mean, d.half_width, 0);
  }
  const fg_plot plot = {
      .name = fg_arena_format(&page->arena, "difference-%s-%s", metric->observable, metric->stage),
      .alt = fg_arena_format(&page->arena, "Difference of %s from the baseline by arm",
                             fg_observable_symbol(metric->observable)),
      .zero = true,
  };
  draw_by_arm(page, sweep, plot, &list, NULL, fg_arena_format(&page->arena, "Δ %s", axis_label(page, metric)),
              caption_of(page, sweep, metric, "Δ "));
}

void fg_report_differences(fg_page *page, const fg_sweep_data *sweep) {
  size_t metrics = foremost(sweep, MOST_COMPARED);
  char *text = NULL;
  size_t length;
  bool all_paired = true;
  if (!sweep->has_baseline || metrics == 0) return;
  FILE *body = open_memstream(&text, &length);
  if (!body) abort();
  write_differences(body, sweep, metrics, &all_paired);
  fclose(body);
  fg_page_section(page, "differences", "Difference from the baseline");
  fputs(
      "<p>Arm minus baseline, with its 95% confidence interval. Replicas of one number have one seed, so differences are "
      "taken pair by pair, and the interval is mean ± <i>t</i>·<i>s</i>/√<i>R</i> with Student's <i>t</i>: noise that "
      "both have in common drops out. Bold: the interval does not hold 0.",
      page->out);
  if (!all_paired)
    fputs(" * Fewer than two pairs: from the errors of the two values, taken as independent.", page->out);
  fprintf(page->out, "</p>\n%s", text);
  free(text);
  fg_page_figures_begin(page);
  for (size_t m = 0; m < metrics; m++) draw_difference(page, sweep, &sweep->metrics[m]);
  fg_page_figures_end(page);
}

// ---- cost

/// Series by the value of the first axis, when it has a few; the last one takes those beyond.
static size_t series_by_first_axis(fg_page *page, const fg_sweep_data *sweep, size_t *series_of, const char **labels) {
  size_t count = 0;
  for (size_t a = 0; a < sweep->arm_count; a++) {
    const char *value = sweep->plan->column_count ? sweep->arms[a].shorts[0] : "all";
    char text[120];
    const char *label = fg_text_shorten(text, sizeof text, value, 24);
    size_t s = 0;
    while (s < count && strcmp(labels[s], label) != 0) s++;
    if (s == MOST_COLOURS) return 0;
    if (s == count) labels[count++] = fg_arena_text(&page->arena, label);
    series_of[a] = s;
  }
  return count;
}

static bool draw_cost(fg_page *page, const fg_sweep_data *sweep, const fg_report_metric *metric) {
  size_t *series_of = fg_arena_take(&page->arena, sweep->arm_count, sizeof *series_of);
  const char *labels[MOST_COLOURS];
  fg_plot_series series[MOST_COLOURS] = {{.label = NULL}};
  fg_plot_point *points[MOST_COLOURS];
  double low = INFINITY, high = -INFINITY;
  size_t count = series_by_first_axis(page, sweep, series_of, labels), drawn = 0;
  bool named = count > 0;
  if (!named) memset(series_of, 0, sweep->arm_count * sizeof *series_of);
  if (!named) count = 1;
  for (size_t s = 0; s < count; s++) {
    points[s] = fg_arena_take(&page->arena, sweep->arm_count, sizeof *points[s]);
    series[s] = (fg_plot_series){.label = named ? labels[s] : NULL, .colour = (unsigned)s, .points = points[s]};
  }
  for (size_t a = 0; a < sweep->arm_count; a++) {
    const fg_report_cell *cell = &metric->cells[a];
    double error = fg_report_cell_error(cell), off = metric->has_exact ? fabs(cell->value - cell->exact) : error;
    if (!cell->size || !(sweep->arms[a].seconds > 0) || !(off > 0) || !isfinite(off)) continue;
    size_t s = series_of[a];
    points[s][series[s].count++] = (fg_plot_point){sweep->arms[a].seconds, off, metric->has_exact ? error : NAN};
    low = fmin(low, sweep->arms[a].seconds);
    high = fmax(high, sweep->arms[a].seconds);
    drawn++;
  }
  if (drawn < 2) return false;
  const char *label = axis_label(page, metric);
  const fg_plot plot = {
      .name = fg_arena_format(&page->arena, "cost-%s-%s", metric->observable, metric->stage),
      .alt =
          fg_arena_format(&page->arena, "Accuracy of %s over the run's time", fg_observable_symbol(metric->observable)),
      .x = {"wall time of a run  [s]", high > LOG_FROM * low ? FG_SCALE_LOG : FG_SCALE_LINEAR},
      .y = {fg_arena_format(&page->arena, metric->has_exact ? "distance from exact: %s" : "error of %s", label),
            FG_SCALE_LOG},
      .series = series,
      .series_count = count,
  };
  char *caption = caption_of(page, sweep, metric, "");
  fg_page_figure(page, &plot, caption);
  free(caption);
  return true;
}

void fg_report_cost(fg_page *page, const fg_sweep_data *sweep) {
  size_t timed = 0;
  for (size_t a = 0; a < sweep->arm_count; a++) timed += sweep->arms[a].seconds > 0;
  if (sweep->metric_count == 0 || timed < 2) return;
  fg_page_section(page, "cost", "Cost and accuracy");
  fputs("<p>A dot for each arm: how far it lies from the exact value, with its error (where no exact value is known, "
        "the error itself), over the mean wall time of its runs. The time of what points share is not in it.",
        page->out);
  if (sweep->plan->column_count) {
    fputs(" Colours: the values of <code>", page->out);
    fg_html_text(page->out, sweep->plan->columns[0]);
    fputs("</code>.", page->out);
  }
  fputs("</p>\n", page->out);
  fg_page_figures_begin(page);
  for (size_t m = 0, drawn = 0; m < foremost(sweep, sweep->metric_count) && drawn < MOST_COST_PLOTS; m++)
    drawn += draw_cost(page, sweep, &sweep->metrics[m]);
  fg_page_figures_end(page);
}
