// run_page.h — what a run has left, read for its report, and the parts of the page made from it. Private to
// report_run*.c.
#ifndef FG_CORE_REPORT_RUN_H
#define FG_CORE_REPORT_RUN_H

#include "report/hdf5.h"
#include "report/page.h"

#include <jansson.h>

/// A row of summary.csv. NaN = unknown.
typedef struct fg_report_estimate {
  const char *stage, *size, *observable, *unit;
  int64_t level, n;
  double value, error, tau_int, exact;
  double length;   ///< L; NaN when the extents differ
  double residual; ///< (value - exact)/error; NaN when it means nothing
} fg_report_estimate;

/// Everything lives in the page's arena, but the JSON.
typedef struct fg_run_data {
  const char *folder;
  json_t *manifest; ///< NULL: the run is not finished
  json_t *status;   ///< status.json; NULL when there is none
  const char *pipeline;
  const char **stages; ///< names in the file's order
  size_t stage_count;
  fg_report_estimate *estimates;
  size_t estimate_count;
  uint64_t estimates_in_file;
  fg_saved_results results; ///< tables and models in the order of the stages
  const char **pictures;    ///< PNG files within the folder
  size_t picture_count;
  const char **complaints; ///< lines of log.txt that are warnings or errors
  size_t complaint_count;
  const char **faults; ///< what could not be read
  size_t fault_count;
} fg_run_data;

/// Reads what there is of a run; never fails: what is damaged is a fault to be shown.
void fg_run_data_read(const char *folder, fg_arena *arena, fg_run_data *run);
void fg_run_data_clear(fg_run_data *run);

/// Distinct texts in order of arrival, as many as a page may show.
typedef struct fg_report_names {
  const char **items;
  size_t count;
} fg_report_names;

void fg_report_names_add(fg_page *page, fg_report_names *list, const char *name);
/// A run's observables, those that everyone knows first; the stages that have estimates; and a text short enough for a key.
fg_report_names fg_report_observable_names(fg_page *page, const fg_run_data *run);
fg_report_names fg_report_stage_names(fg_page *page, const fg_run_data *run);
const char *fg_report_label(fg_page *page, const char *text);

/// Each writes its section, or nothing when there is nothing to show.
void fg_report_observables(fg_page *page, const fg_run_data *run);
void fg_report_scaling(fg_page *page, const fg_run_data *run);
void fg_report_models(fg_page *page, const fg_run_data *run);
void fg_report_tables(fg_page *page, const fg_run_data *run);
void fg_report_timing(fg_page *page, const fg_run_data *run);
void fg_report_provenance(fg_page *page, const fg_run_data *run);

/// Plots of the tables of known shape: learning curves; correlations.
void fg_report_curves(fg_page *page, const fg_run_data *run);
void fg_report_correlations(fg_page *page, const fg_run_data *run);

/// "4 June 2026, 12:00 UTC" for an ISO 8601 time.
void fg_html_time(FILE *out, const char *utc);

/// "+2.3", for a deviation in standard deviations; its class says how far off it is.
void fg_html_residual(FILE *out, double residual);

#endif
