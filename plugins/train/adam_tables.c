// adam_tables.c — see adam_tables.h.
#include "adam_tables.h"

#define ROWS_GROW 2u // a table's memory may be as many times larger than its rows

uint64_t adam_tables_bytes(uint64_t epochs) {
  return ROWS_GROW * sizeof(fg_cell) * (4 * epochs + 2 * DESCENT_MOST_PARAMETERS);
}

/// Sends a table, or drops it when `status` says that it could not be filled.
static fg_status send_table(const fg_host *host, uint32_t port, fg_table *table, fg_status status) {
  if (status == FG_OK) return host->emit_table(host, port, table);
  host->table_unref(host, table);
  return status;
}

static fg_status emit_weights(const fg_host *host, uint32_t port, const descent *d) {
  static const fg_column parameter = {sizeof(fg_column), FG_COLUMN_TEXT, "parameter", "", "name of the parameter"};
  static const fg_column weight = {sizeof(fg_column), FG_COLUMN_REAL, "weight", "1", "at the end of the best epoch"};
  static const fg_column *const columns[] = {&parameter, &weight, NULL};
  fg_table *table = host->table_new(host, "weights", columns);
  if (!table) return FG_FAILED;
  fg_status status = FG_OK;
  for (size_t k = 0; status == FG_OK && k < d->optimiser.parameters; k++) {
    fg_cell cells[2];
    cells[0].text = d->model->network->parameter_name(d->model->opened, k);
    cells[1].real = d->best[k];
    status = host->table_row(host, table, cells);
  }
  return send_table(host, port, table, status);
}

static fg_status emit_fit(const fg_host *host, uint32_t port, const descent *d, double training, double held_out) {
  static const fg_column loss = {sizeof(fg_column), FG_COLUMN_REAL, "loss", "nats per fine spin",
                                 "of the best weights over all configurations learned from, weighted as trained"};
  static const fg_column validation = {sizeof(fg_column), FG_COLUMN_REAL, "validation", "nats per fine spin",
                                       "the same over the configurations held out"};
  static const fg_column best = {sizeof(fg_column), FG_COLUMN_INTEGER, "best_epoch", "1",
                                 "epoch at whose end the weights were best"};
  static const fg_column epochs = {sizeof(fg_column), FG_COLUMN_INTEGER, "epochs", "1", "passes over the data"};
  static const fg_column steps = {sizeof(fg_column), FG_COLUMN_INTEGER, "steps", "1", "steps, one a minibatch"};
  static const fg_column pairs = {sizeof(fg_column), FG_COLUMN_INTEGER, "n", "configurations", "learned from"};
  static const fg_column pairs_held_out = {sizeof(fg_column), FG_COLUMN_INTEGER, "n_validation", "configurations",
                                           "held out for validation"};
  static const fg_column spins = {sizeof(fg_column), FG_COLUMN_INTEGER, "spins", "1", "fine spins learned from"};
  static const fg_column effective = {sizeof(fg_column), FG_COLUMN_REAL, "effective_fraction", "1",
                                      "(Σw)²/(nΣw²) of the configurations' weights w; 1 when all are equal"};
  static const fg_column *const columns[] = {&loss,  &validation,     &best,  &epochs,    &steps,
                                             &pairs, &pairs_held_out, &spins, &effective, NULL};
  fg_table *table = host->table_new(host, "fit", columns);
  if (!table) return FG_FAILED;
  fg_cell cells[9];
  cells[0].real = training;
  cells[1].real = held_out;
  cells[2].integer = (int64_t)d->best_epoch;
  cells[3].integer = (int64_t)d->epoch;
  cells[4].integer = (int64_t)d->optimiser.step;
  cells[5].integer = (int64_t)training_set_pairs(d->data, TRAINING);
  cells[6].integer = (int64_t)training_set_pairs(d->data, HELD_OUT);
  cells[7].integer = (int64_t)training_set_spins(d->data, TRAINING);
  cells[8].real = training_set_effective_share(d->data);
  return send_table(host, port, table, host->table_row(host, table, cells));
}

static fg_status emit_curve(const fg_host *host, uint32_t port, const descent *d) {
  static const fg_column epoch = {sizeof(fg_column), FG_COLUMN_INTEGER, "epoch", "1", "pass over the data, from 1"};
  static const fg_column rate = {sizeof(fg_column), FG_COLUMN_REAL, "rate", "1", "rate of the epoch's last step"};
  static const fg_column training = {sizeof(fg_column), FG_COLUMN_REAL, "loss", "nats per fine spin",
                                     "mean over the epoch's minibatches, each before its step, weighted as trained"};
  static const fg_column validation = {sizeof(fg_column), FG_COLUMN_REAL, "validation", "nats per fine spin",
                                       "of the configurations held out, at the epoch's end, weighted as trained"};
  static const fg_column *const columns[] = {&epoch, &rate, &training, &validation, NULL};
  fg_table *table = host->table_new(host, "curve", columns);
  const int held_out = training_set_pairs(d->data, HELD_OUT) > 0;
  if (!table) return FG_FAILED;
  fg_status status = FG_OK;
  for (uint64_t e = 0; status == FG_OK && e < d->epoch; e++) {
    fg_cell cells[4];
    cells[0].integer = (int64_t)(e + 1);
    cells[1].real = d->curve[e].rate;
    cells[2].real = d->curve[e].loss;
    cells[3].real = held_out ? d->curve[e].watched : NAN;
    status = host->table_row(host, table, cells);
  }
  return send_table(host, port, table, status);
}

fg_status adam_tables_emit(const fg_host *host, uint32_t port, const descent *d, double training, double held_out) {
  fg_status status = emit_weights(host, port, d);
  if (status == FG_OK) status = emit_fit(host, port, d, training, held_out);
  if (status == FG_OK) status = emit_curve(host, port, d);
  return status;
}
