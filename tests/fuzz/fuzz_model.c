// fuzz_model.c — arbitrary bytes as a model file: either the reason why it is none, or a model within the limits of
// model_file.h, which written and read again is the same bit for bit.
#include "fuzz/fuzz.h"
#include "message.h"
#include "model_file.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fg_error error = {0};
  fg_model *model = NULL, *again = NULL;
  const char *path = fuzz_file(data, size);
  if (fg_model_file_read(path, &model, &error) != FG_OK) {
    require(!model && error.text[0]);
    return 0;
  }
  require(model->network[0] && strlen(model->network) <= FG_MODEL_NETWORK && model->weight_count <= FG_MODEL_WEIGHTS);
  require(strlen(model->hyperparameters) <= FG_MODEL_HYPERPARAMETERS);
  for (uint64_t k = 0; k < model->weight_count; k++) require(isfinite(model->weights[k]));
  require(fg_model_file_write(path, model, "fuzz", &error) == FG_OK);
  require(fg_model_file_read(path, &again, &error) == FG_OK);
  require(strcmp(again->network, model->network) == 0 && again->weight_count == model->weight_count);
  require(strcmp(again->hyperparameters, model->hyperparameters) == 0);
  if (model->weight_count)
    require(memcmp(again->weights, model->weights, model->weight_count * sizeof *model->weights) == 0);
  fg_model_unref(again);
  fg_model_unref(model);
  return 0;
}
