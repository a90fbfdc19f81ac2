// match_tables.c — see match_tables.h.
#include "match_tables.h"

#include <inttypes.h>
#include <math.h>

#define ROWS_GROW 2u // a table's memory may be as many times larger than its rows

uint64_t match_tables_bytes(const matching_task *task, uint64_t evaluations, uint64_t most_parameters) {
  const uint64_t lines = (evaluations < SEARCH_MOST_LINES ? evaluations : SEARCH_MOST_LINES) + 1;
  const uint64_t path = most_parameters < MATCH_PATH_WEIGHTS ? most_parameters : MATCH_PATH_WEIGHTS;
  return ROWS_GROW * sizeof(fg_cell) * (3 * most_parameters + 8 * matching_rows(task) + 8 + lines * (3 + 3 * path));
}

/// Sends a table, or drops it when `status` says that it could not be filled.
static fg_status send_table(const fg_host *host, uint32_t port, fg_table *table, fg_status status) {
  if (status == FG_OK) return host->emit_table(host, port, table);
  host->table_unref(host, table);
  return status;
}

static const char *name_of(const matching *m, size_t k) {
  return m->model->network->parameter_name(m->model->opened, k);
}

static fg_status emit_weights(const fg_host *host, uint32_t port, const match_report *report) {
  static const fg_column parameter = {sizeof(fg_column), FG_COLUMN_TEXT, "parameter", "", "name of the parameter"};
  static const fg_column weight = {sizeof(fg_column), FG_COLUMN_REAL, "weight", "1", "at the smallest loss"};
  static const fg_column error = {
      sizeof(fg_column), FG_COLUMN_REAL, "standard_error", "1",
      "from the noise of targets and dreams, to first order; empty when what is matched does "
      "not determine the weights"};
  static const fg_column *const columns[] = {&parameter, &weight, &error, NULL};
  const matching *m = report->found->m;
  fg_table *table = host->table_new(host, "weights", columns);
  if (!table) return FG_FAILED;
  fg_status status = FG_OK;
  for (size_t k = 0; status == FG_OK && k < m->parameters; k++) {
    fg_cell cells[3];
    cells[0].text = name_of(m, k);
    cells[1].real = report->found->weights[k];
    cells[2].real = report->covariance ? sqrt(report->covariance[k * m->parameters + k]) : NAN;
    status = host->table_row(host, table, cells);
  }
  return send_table(host, port, table, status);
}

static fg_status emit_matched(const fg_host *host, uint32_t port, const match_report *report) {
  static const fg_column size = {sizeof(fg_column), FG_COLUMN_INTEGER, "size", "1", "linear size L"};
  static const fg_column observable = {sizeof(fg_column), FG_COLUMN_TEXT, "observable", "", "name of the observable"};
  static const fg_column target = {sizeof(fg_column), FG_COLUMN_REAL, "target", "1", "what it should be"};
  static const fg_column target_error = {sizeof(fg_column), FG_COLUMN_REAL, "target_error", "1",
                                         "standard deviation of the target; 0: exact"};
  static const fg_column dreamt = {sizeof(fg_column), FG_COLUMN_REAL, "dreamt", "1",
                                   "of the dreams that were matched, under the final weights"};
  static const fg_column error = {sizeof(fg_column), FG_COLUMN_REAL, "error", "1", "standard deviation of dreamt"};
  static const fg_column fresh = {sizeof(fg_column), FG_COLUMN_REAL, "fresh", "1",
                                  "of as many other dreams, under the same weights"};
  static const fg_column deviation = {sizeof(fg_column), FG_COLUMN_REAL, "deviation", "1",
                                      "(fresh - target) / |target|"};
  static const fg_column *const columns[] = {&size,  &observable, &target,    &target_error, &dreamt,
                                             &error, &fresh,      &deviation, NULL};
  const matching *m = report->found->m;
  const matching_task *task = m->task;
  const uint32_t rows = matching_rows(task);
  fg_table *table = host->table_new(host, "matched", columns);
  if (!table) return FG_FAILED;
  fg_status status = FG_OK;
  for (uint32_t r = 0; status == FG_OK && r < rows; r++) {
    fg_cell cells[8];
    cells[0].integer = (int64_t)matching_length(task, r / task->observables);
    cells[1].text = measure_names[task->measure[r % task->observables]];
    cells[2].real = task->target[r];
    cells[3].real = sqrt(report->target_noise[r * rows + r]);
    cells[4].real = m->value[r];
    cells[5].real = sqrt(report->noise[r * rows + r]);
    cells[6].real = report->fresh[r];
    cells[7].real = (report->fresh[r] - task->target[r]) / fabs(task->target[r]);
    status = host->table_row(host, table, cells);
  }
  return send_table(host, port, table, status);
}

static fg_status emit_fit(const fg_host *host, uint32_t port, const match_report *report) {
  static const fg_column loss = {sizeof(fg_column), FG_COLUMN_REAL, "loss", "1",
                                 "sum of squares of weighted relative deviations, of the dreams that were matched"};
  static const fg_column start = {sizeof(fg_column), FG_COLUMN_REAL, "start_loss", "1", "the same at the start"};
  static const fg_column evaluations = {sizeof(fg_column), FG_COLUMN_INTEGER, "evaluations", "1",
                                        "sets of dreams made during the search"};
  static const fg_column dreams = {sizeof(fg_column), FG_COLUMN_INTEGER, "n", "configurations", "dreams of a set"};
  static const fg_column matched = {sizeof(fg_column), FG_COLUMN_INTEGER, "matched", "1", "numbers matched"};
  static const fg_column *const columns[] = {&loss, &start, &evaluations, &dreams, &matched, NULL};
  const search *s = report->found;
  fg_table *table = host->table_new(host, "fit", columns);
  if (!table) return FG_FAILED;
  fg_cell cells[5];
  cells[0].real = s->loss;
  cells[1].real = s->line[0].loss;
  cells[2].integer = (int64_t)s->evaluations;
  cells[3].integer = (int64_t)s->m->task->dreams;
  cells[4].integer = matching_rows(s->m->task);
  return send_table(host, port, table, host->table_row(host, table, cells));
}

static fg_status emit_curve(const fg_host *host, uint32_t port, const search *s) {
  static const fg_column line = {sizeof(fg_column), FG_COLUMN_INTEGER, "iteration", "1",
                                 "improvement of the loss, from 0, the start; with adam, step"};
  static const fg_column evaluation = {sizeof(fg_column), FG_COLUMN_INTEGER, "evaluation", "1",
                                       "sets of dreams so far"};
  static const fg_column loss = {sizeof(fg_column), FG_COLUMN_REAL, "loss", "1",
                                 "sum of squares of weighted relative deviations"};
  static const fg_column *const columns[] = {&line, &evaluation, &loss, NULL};
  fg_table *table = host->table_new(host, "curve", columns);
  if (!table) return FG_FAILED;
  fg_status status = FG_OK;
  for (uint64_t l = 0; status == FG_OK && l < s->lines; l++) {
    fg_cell cells[3];
    cells[0].integer = (int64_t)l;
    cells[1].integer = (int64_t)s->line[l].evaluation;
    cells[2].real = s->line[l].loss;
    status = host->table_row(host, table, cells);
  }
  return send_table(host, port, table, status);
}

static fg_status emit_path(const fg_host *host, uint32_t port, const search *s) {
  static const fg_column line = {sizeof(fg_column), FG_COLUMN_INTEGER, "iteration", "1", "as in table curve"};
  static const fg_column parameter = {sizeof(fg_column), FG_COLUMN_TEXT, "parameter", "", "name of the parameter"};
  static const fg_column weight = {sizeof(fg_column), FG_COLUMN_REAL, "weight", "1", "its weight there"};
  static const fg_column *const columns[] = {&line, &parameter, &weight, NULL};
  const size_t parameters = s->m->parameters;
  if (parameters > MATCH_PATH_WEIGHTS) return FG_OK;
  fg_table *table = host->table_new(host, "path", columns);
  if (!table) return FG_FAILED;
  fg_status status = FG_OK;
  for (uint64_t i = 0; status == FG_OK && i < s->lines * parameters; i++) {
    fg_cell cells[3];
    cells[0].integer = (int64_t)(i / parameters);
    cells[1].text = name_of(s->m, i % parameters);
    cells[2].real = s->line_weights[i];
    status = host->table_row(host, table, cells);
  }
  return send_table(host, port, table, status);
}

fg_status match_tables_emit(const fg_host *host, uint32_t port, const match_report *report) {
  fg_status status = emit_weights(host, port, report);
  if (status == FG_OK) status = emit_matched(host, port, report);
  if (status == FG_OK) status = emit_fit(host, port, report);
  if (status == FG_OK) status = emit_curve(host, port, report->found);
  if (status == FG_OK) status = emit_path(host, port, report->found);
  return status;
}
