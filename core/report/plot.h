// plot.h — a plot as plain data, and the two files it becomes: NAME.dat with the numbers and NAME.gp, a script
// for gnuplot that draws NAME.svg from them and stands on its own. Knows nothing of runs and pages.
#ifndef FG_CORE_REPORT_PLOT_H
#define FG_CORE_REPORT_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/// A colour of the plots. Scripts name it by its light form; pages by a variable, which has another value in the dark.
typedef struct fg_plot_colour {
  unsigned light, dark; ///< 0xRRGGBB
  const char *variable; ///< "--s1"
} fg_plot_colour;

#define FG_PLOT_SERIES_COLOURS 8u ///< for series, the first ones; then come those named here
enum { FG_COLOUR_SOFT = FG_PLOT_SERIES_COLOURS, FG_COLOUR_BAND, FG_PLOT_COLOURS };
extern const fg_plot_colour fg_plot_colours[FG_PLOT_COLOURS];

typedef enum fg_series_style {
  FG_SERIES_MARKS,     ///< dots with error bars
  FG_SERIES_LINE,      ///< a line through the points
  FG_SERIES_REFERENCE, ///< what the others are compared with: a dashed line, and small dots unless it is broken
} fg_series_style;

/// `error` is half the bar's length, NaN for none. A point with x or y NaN breaks a line.
typedef struct fg_plot_point {
  double x, y, error;
} fg_plot_point;

typedef struct fg_plot_series {
  const char *label; ///< for the key
  fg_series_style style;
  unsigned colour; ///< index into fg_plot_colours, taken modulo the series' ones
  const fg_plot_point *points;
  size_t count;
} fg_plot_series;

typedef enum fg_plot_scale {
  FG_SCALE_LINEAR,
  FG_SCALE_LOG,   ///< every value is positive
  FG_SCALE_SIGMA, ///< asinh: linear about 0, logarithmic far from it, with |x| < 2 shaded; x axis only
} fg_plot_scale;

typedef struct fg_plot_axis {
  const char *label;
  fg_plot_scale scale;
} fg_plot_axis;

/// Texts may be of any content. With `rows`, y = 1, 2, … are rows counted from above with these labels, and error bars
/// lie along x; `zero` includes x = 0.
typedef struct fg_plot {
  const char *name; ///< of the files: [A-Za-z0-9_-]+
  const char *alt;  ///< what is to be seen, for those who cannot see it
  fg_plot_axis x, y;
  const char *const *rows;
  size_t row_count;
  bool zero;
  bool sizes; ///< the tics of x are the values there are, as of lattice sizes
  const fg_plot_series *series;
  size_t series_count;
} fg_plot;

/// True when a plot would show anything: one finite point.
bool fg_plot_has_points(const fg_plot *plot);

/// Writes NAME.dat: a block a series, separated by two empty lines, with columns x, y, error.
void fg_plot_write_data(const fg_plot *plot, FILE *out);
/// Writes NAME.gp.
void fg_plot_write_script(const fg_plot *plot, FILE *out);

/// First words of every script.
#define FG_PLOT_MARK "# finegrain report: "

#endif
