// variational_tables.h — what train.variational tells beside the models: weights, the way there, and the certificate.
#ifndef PLUGINS_TRAIN_VARIATIONAL_TABLES_H
#define PLUGINS_TRAIN_VARIATIONAL_TABLES_H

#include "free_energy.h"

#define VARIATIONAL_MOST_LINES 1000u

typedef struct variational_line {
  uint64_t step;
  double rate, free_energy, deviation; ///< per site; of ln W
} variational_line;

/// Fresh dreams under the final weights, in one go.
typedef struct variational_result {
  uint64_t dreams;
  double mean, mean_error;   ///< ⟨ln W⟩
  double log_z, log_z_error; ///< ln⟨W⟩
  double effective;          ///< (ΣW)²/(nΣW²)
  double exact;              ///< ln Z
} variational_result;

typedef struct variational_report {
  const free_energy_task *task;
  const inputs_model *model[FREE_ENERGY_MODELS]; ///< equal when there is one
  const double *weights[FREE_ENERGY_MODELS];
  const variational_line *line;
  uint64_t lines, steps;
  variational_result result;
} variational_report;

/// Emits the tables `weights`, `fit`, `curve` and `estimates`. Fails as host->emit_table does.
fg_status variational_tables_emit(const fg_host *host, uint32_t port, const variational_report *report);

uint64_t variational_tables_bytes(uint64_t most_parameters);

#endif
