// first_model.h — the stage of a network: it emits one model, untrained or with weights that the user gave or that another
// model brought, and is done. A network's own `create` checks its parameters and hands over what the model consists of.
#ifndef PLUGINS_NETWORKS_FIRST_MODEL_H
#define PLUGINS_NETWORKS_FIRST_MODEL_H

#include "finegrain/finegrain.h"

#define FIRST_MODEL_TEXT 320u // of hyperparameters as JSON

/// Makes the instance that `create` gives back. `kind` is constant, `weights` the config's, the JSON is copied and
/// shorter than FIRST_MODEL_TEXT; such models have `parameters` weights. FG_FAILED: out of memory, reported.
fg_status first_model_new(const fg_host *host, const char *kind, const char *hyperparameters, uint64_t parameters,
                          const fg_real_list *weights, void **self);

// The functions of fg_stage, for such an instance.
fg_status first_model_negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs,
                                uint64_t *memory);
fg_status first_model_process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count);
fg_status first_model_produce(void *self);
void first_model_destroy(void *self);

/// Ports of such a stage. The input is for networks that may take over the weights of another model of their kind.
extern const fg_port first_model_input, first_model_output;

#endif
