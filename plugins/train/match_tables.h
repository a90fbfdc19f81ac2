// match_tables.h — what train.match tells beside the model: weights with errors, what was matched how well, and the way
// there.
#ifndef PLUGINS_TRAIN_MATCH_TABLES_H
#define PLUGINS_TRAIN_MATCH_TABLES_H

#include "search.h"

/// All that the tables say.
typedef struct match_report {
  const search *found;
  const double *covariance;   ///< of the weights; NULL: not known
  const double *noise;        ///< of values, rows×rows
  const double *target_noise; ///< of targets
  const double *fresh;        ///< values of other dreams
} match_report;

/// Emits the tables `weights`, `matched`, `fit`, `curve` and, up to MATCH_PATH_WEIGHTS weights, `path`. Fails as
/// host->emit_table does.
fg_status match_tables_emit(const fg_host *host, uint32_t port, const match_report *report);

#define MATCH_PATH_WEIGHTS 100u

/// Most bytes of the tables.
uint64_t match_tables_bytes(const matching_task *task, uint64_t evaluations, uint64_t most_parameters);

#endif
