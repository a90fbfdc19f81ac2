// plot.c — see plot.h. Ranges and tics are ours, because gnuplot's own end at whole decades; everything
// that came from data stands in single quotes, where gnuplot interprets nothing.
#include "report/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 400 // pixels of the drawing; a page scales it to at most that
#define HEIGHT 270
#define ROW_HEIGHT 20
#define ROWS_MARGIN 75 // what a plot of rows has below them
#define MOST_TICS 16
#define SHORT_LABEL 4 // characters; longer ones lie along their axis
#define LABEL 32      // bytes of a tic's label
#define PIXELS_A_LETTER 7.5
#define PIXELS_A_LINE 30.0

// Blue, orange, green, purple, gold, teal, rose, grey: of about equal lightness, so that none stands out.
const fg_plot_colour fg_plot_colours[FG_PLOT_COLOURS] = {
    {0x1f6aa5, 0x74b6e8, "--s1"},
    {0xbf5416, 0xf0975e, "--s2"},
    {0x2a7b58, 0x6fc8a0, "--s3"},
    {0x7d4ea3, 0xbd99e0, "--s4"},
    {0x8d6e06, 0xd6b54c, "--s5"},
    {0x0f7c8b, 0x60c4d2, "--s6"},
    {0xb0356a, 0xec86ae, "--s7"},
    {0x66707a, 0xa6b0b9, "--s8"},
    [FG_COLOUR_SOFT] = {0x5b646c, 0xa2abb3, "--soft"},
    [FG_COLOUR_BAND] = {0xebede7, 0x2a3036, "--band"},
};

typedef struct range {
  double low, high;
} range;

/// Numbers beyond this, whose ranges would overflow, are no physics.
#define LARGEST 1e250

static bool is_shown(double v, fg_plot_scale scale) {
  return fabs(v) < LARGEST && (scale != FG_SCALE_LOG || v > 1 / LARGEST);
}

static double bar_of(const fg_plot_point *p) { return p->error > 0 && p->error < LARGEST ? p->error : 0; }

static bool is_drawn(const fg_plot *plot, const fg_plot_point *p) {
  return is_shown(p->x, plot->x.scale) && is_shown(p->y, plot->y.scale);
}

/// A series without any point is left out: gnuplot would not count its block.
static bool has_points(const fg_plot *plot, const fg_plot_series *series) {
  for (size_t i = 0; i < series->count; i++)
    if (is_drawn(plot, &series->points[i])) return true;
  return false;
}

bool fg_plot_has_points(const fg_plot *plot) {
  for (size_t s = 0; s < plot->series_count; s++)
    if (has_points(plot, &plot->series[s])) return true;
  return false;
}

/// A number on an axis' own ruler, and back.
static double to_ruler(fg_plot_scale scale, double v) {
  return scale == FG_SCALE_LOG ? log(v) : scale == FG_SCALE_SIGMA ? asinh(v) : v;
}
static double from_ruler(fg_plot_scale scale, double v) {
  return scale == FG_SCALE_LOG ? exp(v) : scale == FG_SCALE_SIGMA ? sinh(v) : v;
}

static void widen(range *r, fg_plot_scale scale, double v) {
  if (!isfinite(v) || (scale == FG_SCALE_LOG && v <= 0)) return;
  r->low = fmin(r->low, to_ruler(scale, v));
  r->high = fmax(r->high, to_ruler(scale, v));
}

/// The range of an axis with some air at both ends, on its ruler.
static range range_of(const fg_plot *plot, bool vertical) {
  range r = {INFINITY, -INFINITY};
  fg_plot_scale scale = vertical ? plot->y.scale : plot->x.scale;
  bool bars = vertical == !plot->rows;
  for (size_t s = 0; s < plot->series_count; s++) {
    for (size_t i = 0; i < plot->series[s].count; i++) {
      const fg_plot_point *p = &plot->series[s].points[i];
      double v = vertical ? p->y : p->x, bar = bars ? bar_of(p) : 0;
      if (!is_drawn(plot, p)) continue;
      widen(&r, scale, v - bar);
      widen(&r, scale, v + bar);
      widen(&r, scale, v);
    }
  }
  if (!vertical && plot->zero) widen(&r, scale, 0);
  if (scale == FG_SCALE_SIGMA) {
    widen(&r, scale, -3);
    widen(&r, scale, 3);
  }
  double air = 0.06 * (r.high - r.low);
  if (r.high - r.low <= 1e-9 * fabs(r.high)) air = scale == FG_SCALE_LINEAR && r.high != 0 ? 0.05 * fabs(r.high) : 0.5;
  return (range){r.low - air, r.high + air};
}

/// A text as gnuplot takes it literally. Control characters would end the line or the string.
static void write_quoted(FILE *out, const char *text) {
  fputc('\'', out);
  for (; *text; text++) {
    if (*text == '\'') fputc('\'', out);
    fputc((unsigned char)*text < ' ' || *text == 127 ? ' ' : *text, out);
  }
  fputc('\'', out);
}

/// Characters of a text: bytes that continue one do not count.
static size_t letters(const char *text) {
  size_t count = 0;
  for (; *text; text++) count += ((unsigned char)*text & 0xC0) != 0x80;
  return count;
}

/// One tic at v, with its label.
static void write_tic(FILE *out, bool *first, const char *label, double v) {
  fprintf(out, "%s'%s' %.10g", *first ? "" : ", ", label, v + 0.0); // no −0
  *first = false;
}

/// A number as a label, with a real minus sign.
static const char *number_label(char text[LABEL], double v, int decimals) {
  snprintf(text, LABEL, "%s%.*f", v < 0 ? "−" : "", decimals, fabs(v));
  return text;
}

/// Multiples of a step of 1, 2 or 5 times a power of ten: as many as fit `pixels`, the labels beside each other.
static void write_linear_tics(FILE *out, double low, double high, double pixels, bool beside) {
  char label[LABEL], other[LABEL];
  bool first = true;
  double step = pow(10, floor(log10((high - low) / 20)));
  for (int widen = 0;; widen++) {
    int decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
    size_t width = letters(number_label(label, low, decimals)),
           width_high = letters(number_label(other, high, decimals));
    double room = beside ? PIXELS_A_LETTER * (double)(width > width_high ? width : width_high) + 16 : PIXELS_A_LINE;
    if ((high - low) / step * room > pixels && widen < 12) {
      step *= widen % 3 == 1 ? 2.5 : 2;
      continue;
    }
    double start = ceil(low / step);
    for (int k = 0; (start + k) * step <= high; k++) {
      double v = (start + k) * step;
      if (decimals > 6 || fabs(v) >= 1e7)
        snprintf(label, sizeof label, "%g", v);
      else
        number_label(label, v, decimals);
      write_tic(out, &first, label, v);
    }
    return;
  }
}

/// Decades, at most eight of them; with 2 and 5 between them where there are less than two.
static void write_log_tics(FILE *out, range r) {
  static const int steps[] = {1, 2, 5};
  double low = r.low / log(10), high = r.high / log(10);
  int every = (int)ceil((high - low) / 8), fine = high - low < 2 ? 3 : 1;
  bool first = true;
  for (int decade = (int)floor(low); decade <= (int)ceil(high); decade++)
    for (int s = 0; s < fine; s++) {
      char label[LABEL];
      double v = steps[s] * pow(10, decade), at = log10(v);
      if (at < low || at > high || decade % every != 0) continue;
      if (decade >= -3 && decade <= 4)
        number_label(label, v, decade < 0 ? -decade : 0);
      else
        snprintf(label, sizeof label, steps[s] > 1 ? "%d·10^{%d}" : "%.0d10^{%d}", steps[s] > 1 ? steps[s] : 0, decade);
      write_tic(out, &first, label, v);
    }
}

/// 0, ±1, ±10, …
static void write_sigma_tics(FILE *out, range r) {
  char label[LABEL];
  bool first = true;
  if (r.low <= 0 && r.high >= 0) write_tic(out, &first, "0", 0);
  for (int decade = 0; asinh(pow(10, decade)) <= fmax(r.high, -r.low); decade++) {
    double v = pow(10, decade);
    if (asinh(v) <= r.high) write_tic(out, &first, number_label(label, v, 0), asinh(v));
    if (-asinh(v) >= r.low) write_tic(out, &first, number_label(label, -v, 0), -asinh(v));
  }
}

static int compare_numbers(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/// The values of x, as far as they do not stand too close.
static void write_size_tics(FILE *out, const fg_plot *plot, range r) {
  size_t count = 0, shown = 0;
  for (size_t s = 0; s < plot->series_count; s++) count += plot->series[s].count;
  double *values = calloc(count ? count : 1, sizeof *values), last = -INFINITY;
  if (!values) abort();
  count = 0;
  for (size_t s = 0; s < plot->series_count; s++)
    for (size_t i = 0; i < plot->series[s].count; i++)
      if (is_drawn(plot, &plot->series[s].points[i])) values[count++] = plot->series[s].points[i].x;
  qsort(values, count, sizeof *values, compare_numbers);
  bool first = true;
  for (size_t i = 0; i < count && shown < MOST_TICS; i++) {
    double at = to_ruler(plot->x.scale, values[i]);
    if (at - last < 0.075 * (r.high - r.low)) continue;
    char label[LABEL];
    snprintf(label, sizeof label, "%g", values[i]);
    write_tic(out, &first, label, values[i]);
    last = at;
    shown++;
  }
  free(values);
}

/// Pixels left for the drawing beside the labels of rows.
static double width_of(const fg_plot *plot) {
  size_t longest = 8;
  for (size_t i = 0; plot->rows && i < plot->row_count; i++)
    if (letters(plot->rows[i]) > longest) longest = letters(plot->rows[i]);
  return WIDTH - 50 - PIXELS_A_LETTER * (double)longest;
}

static void write_axis(FILE *out, const fg_plot *plot, char axis, range r) {
  const fg_plot_axis *a = axis == 'x' ? &plot->x : &plot->y;
  fprintf(out, "set %clabel ", axis);
  write_quoted(out, a->label ? a->label : "");
  bool upright = axis == 'y' && a->label && letters(a->label) <= SHORT_LABEL;
  fprintf(out, " noenhanced%s\n", axis == 'x' ? " offset 0,0.6" : upright ? " norotate" : "");
  if (a->scale == FG_SCALE_LOG) fprintf(out, "set logscale %c\n", axis);
  double low = r.low, high = r.high;
  if (a->scale == FG_SCALE_LOG) {
    low = from_ruler(FG_SCALE_LOG, low);
    high = from_ruler(FG_SCALE_LOG, high);
  }
  fprintf(out, "set %crange [%.10g:%.10g]\nset %ctics (", axis, low, high, axis);
  if (axis == 'x' && plot->sizes)
    write_size_tics(out, plot, r);
  else if (a->scale == FG_SCALE_SIGMA)
    write_sigma_tics(out, r);
  else if (a->scale == FG_SCALE_LOG && high > 8 * low)
    write_log_tics(out, r);
  else // on a ruler of less than a decade, powers and their multiples are too few
    write_linear_tics(out, low, high, axis == 'x' ? width_of(plot) : HEIGHT - 70, axis == 'x');
  fputs(")\n", out);
}

static void write_rows(FILE *out, const fg_plot *plot) {
  fputs("set ytics scale 0 noenhanced (", out);
  for (size_t i = 0; plot->rows && i < plot->row_count; i++) {
    fputs(i ? ", " : "", out);
    write_quoted(out, plot->rows[i]);
    fprintf(out, " %zu", i + 1);
  }
  fprintf(out, ")\nset yrange [%zu.5:0.5]\nset grid y linetype 1 linewidth 0.5 linecolor rgb '#%06x'\n",
          plot->row_count, fg_plot_colours[FG_COLOUR_BAND].light);
}

static void write_band(FILE *out, double half_width) {
  fprintf(out,
          "set object rectangle from %.10g, graph 0 to %.10g, graph 1 behind "
          "fillcolor rgb '#%06x' fillstyle solid 1 noborder\n",
          asinh(-half_width), asinh(half_width), fg_plot_colours[FG_COLOUR_BAND].light);
}

static void write_title(FILE *out, const fg_plot_series *series) {
  if (series->label) {
    fputs(" title ", out);
    write_quoted(out, series->label);
    fputs(" noenhanced", out);
  } else {
    fputs(" notitle", out);
  }
}

/// The lower end of a bar, as a function of the script: within a logarithmic axis.
static void write_bar_end(FILE *out, fg_plot_scale scale, double end) {
  if (scale == FG_SCALE_LOG)
    fprintf(out, "low(v, error) = v - error > %.10g ? v - error : %.10g\n", exp(end), exp(end));
  else
    fputs("low(v, error) = v - error\n", out);
}

/// Error bars, as vectors: gnuplot's own erase what is below them.
static void write_bars(FILE *out, const fg_plot *plot, size_t index, unsigned colour) {
  fprintf(out, "  '%s.dat' index %zu using %s with vectors nohead linecolor rgb '#%06x' linewidth 1.3 notitle, \\\n",
          plot->name, index,
          plot->rows ? "(low($1, $3)):2:($1 + $3 - low($1, $3)):(0)" : "1:(low($2, $3)):(0):($2 + $3 - low($2, $3))",
          colour);
}

/// The plot command's part for one series, in block `index` of the data.
static void write_series(FILE *out, const fg_plot *plot, const fg_plot_series *series, size_t index) {
  const char *across = plot->x.scale == FG_SCALE_SIGMA ? "(asinh($1))" : "1";
  unsigned colour =
      fg_plot_colours[series->style == FG_SERIES_REFERENCE ? FG_COLOUR_SOFT : series->colour % FG_PLOT_SERIES_COLOURS]
          .light;
  bool bars = false, broken = false;
  for (size_t i = 0; i < series->count; i++) {
    bars |= bar_of(&series->points[i]) > 0;
    broken |= !is_drawn(plot, &series->points[i]);
  }
  if (series->style == FG_SERIES_MARKS && bars) write_bars(out, plot, index, colour);
  fprintf(out, "  '%s.dat' index %zu using %s:2 with ", plot->name, index, across);
  if (series->style == FG_SERIES_REFERENCE)
    fprintf(out, "%s linecolor rgb '#%06x' linewidth 1.2 dashtype (5,3)%s", broken ? "lines" : "linespoints", colour,
            broken ? "" : " pointtype 7 pointsize 0.3");
  else if (series->style == FG_SERIES_LINE)
    fprintf(out, "lines linecolor rgb '#%06x' linewidth 1.6", colour);
  else
    fprintf(out, "points linecolor rgb '#%06x' pointtype 7 pointsize %g", colour, series->count > 200 ? 0.25 : 0.55);
  write_title(out, series);
}

void fg_plot_write_script(const fg_plot *plot, FILE *out) {
  range x = range_of(plot, false), y = range_of(plot, true);
  size_t height = plot->rows ? ROWS_MARGIN + ROW_HEIGHT * plot->row_count : HEIGHT, labelled = 0;
  for (size_t s = 0; s < plot->series_count; s++) labelled += plot->series[s].label != NULL;
  fprintf(out,
          FG_PLOT_MARK "%s\n# Draw it with 'gnuplot -d %s.gp' in this folder. For a PDF, let the two lines below say\n"
                       "# set terminal pdfcairo size 8.6cm,6cm font ',9' and set output '%s.pdf'.\n",
          plot->name, plot->name, plot->name);
  fprintf(
      out,
      "reset\nset encoding utf8\nset minussign\nset terminal svg size %d,%zu dynamic enhanced font 'sans-serif,13'\n",
      WIDTH, height + (labelled > 1 ? 18 : 0));
  fprintf(out, "set output '%s.svg'\nset datafile missing 'NaN'\n", plot->name);
  fprintf(
      out,
      "set border %d linewidth 0.8\nset tics nomirror out scale 0.6\nset xtics offset 0,0.3\nset rmargin 2\nset bmargin 2.6\n",
      plot->rows ? 1 : 3);
  fputs(labelled > 1 ? "set key above left horizontal Left reverse samplen 1.2\n" : "unset key\n", out);
  if (plot->x.scale == FG_SCALE_SIGMA) write_band(out, 2);
  write_axis(out, plot, 'x', x);
  if (plot->rows)
    write_rows(out, plot);
  else
    write_axis(out, plot, 'y', y);
  write_bar_end(out, plot->rows ? plot->x.scale : plot->y.scale, plot->rows ? x.low : y.low);
  fputs("plot \\\n", out);
  for (size_t s = 0, index = 0; s < plot->series_count; s++) {
    if (!has_points(plot, &plot->series[s])) continue;
    if (index) fputs(", \\\n", out);
    write_series(out, plot, &plot->series[s], index++);
  }
  fputs("\nunset output\n", out);
}

static void write_value(FILE *out, double v) {
  if (isfinite(v))
    fprintf(out, "%.15g", v);
  else
    fputs("NaN", out);
}

static void write_block(const fg_plot *plot, const fg_plot_series *series, FILE *out) {
  bool drawing = false;
  fputs("# ", out);
  write_quoted(out, series->label ? series->label : plot->name);
  fputs("\n# x y error\n", out);
  for (size_t i = 0; i < series->count; i++) {
    const fg_plot_point *p = &series->points[i];
    if (is_drawn(plot, p)) {
      write_value(out, p->x);
      fputc(' ', out);
      write_value(out, p->y);
      fputc(' ', out);
      write_value(out, fabs(p->error) < LARGEST ? p->error : NAN);
      fputc('\n', out);
    } else if (drawing) {
      fputc('\n', out); // an empty line breaks a line, a second one would end the block
    }
    drawing = is_drawn(plot, p);
  }
}

void fg_plot_write_data(const fg_plot *plot, FILE *out) {
  bool first = true;
  for (size_t s = 0; s < plot->series_count; s++) {
    if (!has_points(plot, &plot->series[s])) continue;
    if (!first) fputs("\n\n", out);
    first = false;
    write_block(plot, &plot->series[s], out);
  }
}
