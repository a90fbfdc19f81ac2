// first_model.c — see first_model.h.
#include "first_model.h"

#include <stdlib.h>

typedef struct first_model {
  const fg_host *host;
  const char *kind;
  const fg_real_list *weights;
  int emitted;
  char hyperparameters[FIRST_MODEL_TEXT];
} first_model;

fg_status first_model_new(const fg_host *host, const char *kind, const char *hyperparameters,
                          const fg_real_list *weights, void **self) {
  first_model *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->kind = kind;
  stage->weights = weights;
  snprintf(stage->hyperparameters, sizeof stage->hyperparameters, "%s", hyperparameters);
  *self = stage;
  return FG_OK;
}

fg_status first_model_negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs,
                                uint64_t *memory) {
  (void)inputs;
  const first_model *stage = self;
  snprintf(outputs[0]->network, sizeof outputs[0]->network, "%s", stage->kind);
  outputs[0]->has_weights = stage->weights->count > 0;
  *memory = sizeof *stage;
  return FG_OK;
}

fg_status first_model_produce(void *self) {
  first_model *stage = self;
  const fg_host *host = stage->host;
  if (stage->emitted) return FG_DONE;
  fg_model *model =
      host->model_new(host, stage->kind, stage->hyperparameters, stage->weights->items, stage->weights->count);
  if (!model) return FG_FAILED;
  stage->emitted = 1;
  return host->emit_model(host, 0, model);
}

void first_model_destroy(void *self) { free(self); }

const fg_port first_model_output = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .name = "model",
    .doc = "The network, with its weights when they are given.",
};
