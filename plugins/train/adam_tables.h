// adam_tables.h — what train.adam tells beside the model: how the loss went, the weights, and where it ended.
#ifndef PLUGINS_TRAIN_ADAM_TABLES_H
#define PLUGINS_TRAIN_ADAM_TABLES_H

#include "descent.h"

/// Emits the tables `weights`, `fit` and `curve` of a descent that is done; `training`, `held_out`: what
/// descent_best_losses gives. Fails as host->emit_table does.
fg_status adam_tables_emit(const fg_host *host, uint32_t port, const descent *d, double training, double held_out);

/// Most bytes of the tables.
uint64_t adam_tables_bytes(uint64_t epochs);

#endif
