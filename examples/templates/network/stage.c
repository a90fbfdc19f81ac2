// stage.c — the stage network.NAME: its output is one model, the hyperparameters {} and a weight; whoever gets it finds
// the network itself (NAME.c) through the extension.
#include <finegrain/finegrain.h>
#include <stdlib.h>
#include <string.h>

extern const fg_network network;

/// Filled by the host, from `params:` in the pipeline.
typedef struct config {
  double weight;
} config;

typedef struct instance {
  const fg_host *host;
  const config *config;
} instance;

static fg_status create(const fg_host *host, const void *given, void **self) {
  instance *made = calloc(1, sizeof *made);
  if (!made) return host->fail(host, "out of memory");
  made->host = host;
  made->config = given;
  *self = made;
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  strcpy(outputs[0]->network, "network.NAME");
  outputs[0]->has_weights = 1;
  *memory = sizeof(instance);
  return FG_OK;
}

static fg_status flush(void *self) {
  const instance *stage = self;
  fg_model *model = stage->host->model_new(stage->host, "network.NAME", "{}", &stage->config->weight, 1);
  return model ? stage->host->emit_model(stage->host, 0, model) : FG_FAILED;
}

static const void *extension(const char *id) { return strcmp(id, FG_NETWORK_EXTENSION) == 0 ? &network : NULL; }

static const fg_param param_weight = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(config, weight),
    .name = "weight",
    .def = "1.4",
    .min = "-100",
    .max = "100",
    .unit = "1",
    .doc = "The weight w; a trainer may start from it.",
};
static const fg_port output = {sizeof(fg_port), FG_MODEL, 0, 0, "model", "The network with its weight."};
static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "network.NAME",
    .summary = "draws fine spins by what they see of the coarse ones, with one weight",
    .doc = "A fine spin is up with probability 1/(1 + exp(-w·seen)), seen being the coarse spin above it, ±1.",
    .params = (const fg_param *const[]){&param_weight, NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .flush = flush,
    .destroy = free,
    .extension = extension,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "NAME",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL},
};
