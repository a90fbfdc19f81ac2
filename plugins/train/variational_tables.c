// variational_tables.c — see variational_tables.h.
#include "variational_tables.h"

#include <math.h>

#define ROWS_GROW 2u // a table's memory may be as many times larger than its rows

uint64_t variational_tables_bytes(uint64_t most_parameters) {
  return ROWS_GROW * sizeof(fg_cell) * (FREE_ENERGY_MODELS * 3 * most_parameters + 5 * VARIATIONAL_MOST_LINES + 64);
}

/// Sends a table, or drops it when `status` says that it could not be filled.
static fg_status send_table(const fg_host *host, uint32_t port, fg_table *table, fg_status status) {
  if (status == FG_OK) return host->emit_table(host, port, table);
  host->table_unref(host, table);
  return status;
}

static fg_status emit_weights(const fg_host *host, uint32_t port, const variational_report *report) {
  static const fg_column model = {sizeof(fg_column), FG_COLUMN_TEXT, "model", "",
                                  "model, or top: that of the last step"};
  static const fg_column parameter = {sizeof(fg_column), FG_COLUMN_TEXT, "parameter", "", "name of the parameter"};
  static const fg_column weight = {sizeof(fg_column), FG_COLUMN_REAL, "weight", "1", "after the last step"};
  static const fg_column *const columns[] = {&model, &parameter, &weight, NULL};
  fg_table *table = host->table_new(host, "weights", columns);
  if (!table) return FG_FAILED;
  fg_status status = FG_OK;
  for (int i = 0; i < (report->model[0] == report->model[1] ? 1 : FREE_ENERGY_MODELS); i++) {
    const inputs_model *of = report->model[i];
    for (size_t k = 0; status == FG_OK && k < of->network->parameters(of->opened); k++) {
      fg_cell cells[3];
      cells[0].text = of->port;
      cells[1].text = of->network->parameter_name(of->opened, k);
      cells[2].real = report->weights[i][k];
      status = host->table_row(host, table, cells);
    }
  }
  return send_table(host, port, table, status);
}

static fg_status emit_fit(const fg_host *host, uint32_t port, const variational_report *report) {
  static const fg_column size = {sizeof(fg_column), FG_COLUMN_INTEGER, "size", "1",
                                 "linear size L of the last lattices"};
  static const fg_column coupling = {sizeof(fg_column), FG_COLUMN_REAL, "coupling", "1", "K"};
  static const fg_column value = {sizeof(fg_column), FG_COLUMN_REAL, "free_energy", "nats per site",
                                  "variational free energy -<ln W>/N of fresh dreams"};
  static const fg_column error = {sizeof(fg_column), FG_COLUMN_REAL, "error", "nats per site",
                                  "standard deviation of free_energy"};
  static const fg_column exact = {sizeof(fg_column), FG_COLUMN_REAL, "exact", "nats per site", "-ln Z/N (Kaufman)"};
  static const fg_column gap = {sizeof(fg_column), FG_COLUMN_REAL, "gap", "nats per site",
                                "free_energy - exact, not below 0 but for noise"};
  static const fg_column effective = {sizeof(fg_column), FG_COLUMN_REAL, "ess", "1", "(sum W)^2/(n sum W^2)"};
  static const fg_column dreams = {sizeof(fg_column), FG_COLUMN_INTEGER, "n", "configurations", "fresh dreams"};
  static const fg_column steps = {sizeof(fg_column), FG_COLUMN_INTEGER, "steps", "1", "steps of the training"};
  static const fg_column *const columns[] = {&size, &coupling,  &value,  &error, &exact,
                                             &gap,  &effective, &dreams, &steps, NULL};
  const variational_result *r = &report->result;
  const double sites = free_energy_sites(report->task);
  fg_table *table = host->table_new(host, "fit", columns);
  if (!table) return FG_FAILED;
  fg_cell cells[9];
  cells[0].integer = INT64_C(1) << report->task->levels;
  cells[1].real = report->task->coupling;
  cells[2].real = -r->mean / sites;
  cells[3].real = r->mean_error / sites;
  cells[4].real = -r->exact / sites;
  cells[5].real = (r->exact - r->mean) / sites;
  cells[6].real = r->effective;
  cells[7].integer = (int64_t)r->dreams;
  cells[8].integer = (int64_t)report->steps;
  return send_table(host, port, table, host->table_row(host, table, cells));
}

static fg_status emit_curve(const fg_host *host, uint32_t port, const variational_report *report) {
  static const fg_column step = {sizeof(fg_column), FG_COLUMN_INTEGER, "step", "1", "step, from 1"};
  static const fg_column rate = {sizeof(fg_column), FG_COLUMN_REAL, "rate", "1", "rate of the step"};
  static const fg_column value = {sizeof(fg_column), FG_COLUMN_REAL, "free_energy", "nats per site",
                                  "of the step's dreams, before it"};
  static const fg_column gap = {sizeof(fg_column), FG_COLUMN_REAL, "gap", "nats per site", "free_energy + ln Z/N"};
  static const fg_column deviation = {sizeof(fg_column), FG_COLUMN_REAL, "deviation", "nats",
                                      "standard deviation of ln W from dream to dream; 0 at the optimum"};
  static const fg_column *const columns[] = {&step, &rate, &value, &gap, &deviation, NULL};
  const double exact = report->result.exact / free_energy_sites(report->task);
  fg_table *table = host->table_new(host, "curve", columns);
  if (!table) return FG_FAILED;
  fg_status status = FG_OK;
  for (uint64_t l = 0; status == FG_OK && l < report->lines; l++) {
    const variational_line *line = &report->line[l];
    fg_cell cells[5];
    cells[0].integer = (int64_t)line->step;
    cells[1].real = line->rate;
    cells[2].real = line->free_energy;
    cells[3].real = line->free_energy + exact;
    cells[4].real = line->deviation;
    status = host->table_row(host, table, cells);
  }
  return send_table(host, port, table, status);
}

static fg_status emit_estimates(const fg_host *host, uint32_t port, const variational_report *report) {
  const variational_result *r = &report->result;
  const double sites = free_energy_sites(report->task);
  const fg_lattice lattice = fg_lattice_square(UINT64_C(1) << report->task->levels);
  const int32_t level = report->task->levels;
  const fg_estimate rows[] = {
      {&lattice, level, "lnZ", r->log_z, r->log_z_error, r->dreams, 0.5, r->exact, "1"},
      {&lattice, level, "lnZ_gap", (r->exact - r->mean) / sites, r->mean_error / sites, r->dreams, 0.5, 0, "1"},
      {&lattice, level, "ess", r->effective, NAN, r->dreams, 0.5, 1, "1"},
  };
  fg_table *table = fg_estimates_new(host);
  if (!table) return FG_FAILED;
  fg_status status = FG_OK;
  for (size_t i = 0; status == FG_OK && i < sizeof rows / sizeof *rows; i++)
    status = fg_estimates_add(host, table, &rows[i]);
  return send_table(host, port, table, status);
}

fg_status variational_tables_emit(const fg_host *host, uint32_t port, const variational_report *report) {
  fg_status status = emit_weights(host, port, report);
  if (status == FG_OK) status = emit_fit(host, port, report);
  if (status == FG_OK) status = emit_curve(host, port, report);
  if (status == FG_OK) status = emit_estimates(host, port, report);
  return status;
}
