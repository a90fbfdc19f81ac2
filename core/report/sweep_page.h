// sweep_page.h — what a sweep has left, read for its report, and the parts of the page made from it. Private to
// report_sweep*.c. An arm is a combination of the axes' values; its replicas are its points.
#ifndef FG_CORE_REPORT_SWEEP_H
#define FG_CORE_REPORT_SWEEP_H

#include "report/page.h"
#include "sweep/state.h"

#include <jansson.h>

#define FG_NO_ARM SIZE_MAX

typedef struct fg_report_point {
  fg_point_state state;
  double seconds;
  uint32_t attempt;
  const char *error; ///< "" unless it failed
  size_t arm;
  size_t next; ///< point of its arm; plan.count: none
} fg_report_point;

typedef struct fg_report_arm {
  char **values;       ///< one a column
  const char **shorts; ///< the same, without what all of a column have in common
  const char *label;   ///< what tells it from others, "kernel 3, rate 0.01", short
  size_t first;        ///< its first point
  size_t points, done;
  double seconds;  ///< mean of those done; NaN
  size_t baseline; ///< the arm it is compared with, FG_NO_ARM when there is none or it is one itself
} fg_report_arm;

/// A row of combined.csv: what an arm's replicas found together. NaN = unknown.
typedef struct fg_report_cell {
  const char *size; ///< NULL: the arm has nothing
  int64_t level;
  double length, value, exact;
  double within, between; ///< errors: from the runs' own, from the spread of the replicas
  uint32_t replicas;
} fg_report_cell;

/// An observable of a stage, for every arm at the largest size it has there.
typedef struct fg_report_metric {
  const char *stage, *observable, *unit;
  fg_report_cell *cells; ///< one an arm
  bool has_exact;        ///< in any arm
  bool is_first;         ///< has one, and is no mere moment
  double *samples;       ///< arms × replicas values, NaN = missing; NULL: not read
} fg_report_metric;

typedef struct fg_sweep_data {
  fg_arena *arena;
  fg_sweep_plan *plan;
  size_t states[FG_POINT_STATES];
  fg_report_point *points; ///< one an entry of the plan
  fg_report_arm *arms;
  size_t arm_count;
  size_t *telling; ///< the columns that tell arms apart: they vary, and do not follow an earlier one, as in a zip
  size_t telling_count;
  bool has_baseline;
  fg_report_metric *metrics; ///< those that are first, each in the order people expect
  size_t metric_count;
  const char **faults; ///< what could not be read
  size_t fault_count;
} fg_sweep_data;

/// Fails when there is no sound plan; the rest is read as far as it goes.
fg_status fg_sweep_data_read(const char *folder, fg_arena *arena, fg_sweep_data *sweep, fg_error *error);
void fg_sweep_data_clear(fg_sweep_data *sweep);
/// Reads the single values of the first `count` metrics from summary.csv.
void fg_sweep_data_read_samples(fg_sweep_data *sweep, size_t count);

/// Finds the columns that tell arms apart, and gives every arm its short values and a label: those that would read the same have their number in front.
void fg_sweep_data_label(fg_sweep_data *sweep);

/// The error to draw: from the spread of the replicas when there are several, otherwise the run's own.
double fg_report_cell_error(const fg_report_cell *cell);

/// sweep_figures.c. Each writes its section, or nothing when there is nothing to show.
void fg_report_metrics(fg_page *page, const fg_sweep_data *sweep);
void fg_report_differences(fg_page *page, const fg_sweep_data *sweep);
void fg_report_cost(fg_page *page, const fg_sweep_data *sweep);

#endif
