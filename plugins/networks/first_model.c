// first_model.c — see first_model.h.
#include "first_model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct first_model {
  const fg_host *host;
  const char *kind;
  uint64_t parameters;
  const fg_real_list *weights;
  const fg_model *arrived; ///< whose weights are taken over; NULL: none
  int emitted;
  char hyperparameters[FIRST_MODEL_TEXT];
} first_model;

fg_status first_model_new(const fg_host *host, const char *kind, const char *hyperparameters, uint64_t parameters,
                          const fg_real_list *weights, void **self) {
  first_model *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->kind = kind;
  stage->parameters = parameters;
  stage->weights = weights;
  snprintf(stage->hyperparameters, sizeof stage->hyperparameters, "%s", hyperparameters);
  *self = stage;
  return FG_OK;
}

/// The input, if the network has one, must bring weights of its kind, and be the only one to do so.
static fg_status check_input(const first_model *stage, const fg_format *input) {
  const fg_host *host = stage->host;
  if (strcmp(input->network, stage->kind) != 0)
    return host->fail(host, "takes over the weights of a '%s' only; the model that comes is a '%s'", stage->kind,
                      input->network);
  if (!input->has_weights)
    return host->fail(host, "the model whose weights it should take over will come without; train it first");
  if (stage->weights->count)
    return host->fail_param(host, "weights", "given, but a model brings weights as well; leave out one of them");
  return FG_OK;
}

fg_status first_model_negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs,
                                uint64_t *memory) {
  const first_model *stage = self;
  const fg_format *input = inputs ? inputs[0] : NULL;
  if (input && check_input(stage, input) != FG_OK) return FG_FAILED;
  snprintf(outputs[0]->network, sizeof outputs[0]->network, "%s", stage->kind);
  outputs[0]->has_weights = input || stage->weights->count > 0;
  *memory = sizeof *stage;
  return FG_OK;
}

fg_status first_model_process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)port;
  (void)count;
  first_model *stage = self;
  const fg_host *host = stage->host;
  const fg_model *model = messages[0]->model;
  if (stage->arrived) return host->fail(host, "takes over the weights of one model, but more than one arrived");
  if (strcmp(model->network, stage->kind) != 0 || model->weight_count != stage->parameters)
    return host->fail(host,
                      "a model of '%s' with %" PRIu64 " weights arrived, where %" PRIu64
                      " of '%s' are needed; give both "
                      "networks the same shape",
                      model->network, model->weight_count, stage->parameters, stage->kind);
  host->model_ref(host, model);
  stage->arrived = model;
  return FG_OK;
}

fg_status first_model_produce(void *self) {
  first_model *stage = self;
  const fg_host *host = stage->host;
  if (stage->emitted) return FG_DONE;
  const double *weights = stage->arrived ? stage->arrived->weights : stage->weights->items;
  const uint64_t count = stage->arrived ? stage->arrived->weight_count : stage->weights->count;
  fg_model *model = host->model_new(host, stage->kind, stage->hyperparameters, weights, count);
  if (!model) return FG_FAILED;
  stage->emitted = 1;
  return host->emit_model(host, 0, model);
}

void first_model_destroy(void *self) {
  first_model *stage = self;
  if (stage->arrived) stage->host->model_unref(stage->host, stage->arrived);
  free(stage);
}

const fg_port first_model_input = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST | FG_PORT_OPTIONAL,
    .name = "model",
    .doc = "A trained model of the same shape, whose weights are taken over.",
};
const fg_port first_model_output = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .name = "model",
    .doc = "The network, with its weights when there are some.",
};
