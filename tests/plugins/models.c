// models.c — test.models: a stage that gives as many models as it is told, good ones or one that no file can hold.
#include "finegrain/finegrain.h"

#include <stdlib.h>

typedef struct config {
  int64_t count;
  double weight;
} config;

typedef struct source {
  const fg_host *host;
  const config *config;
  int64_t given;
} source;

static fg_status create(const fg_host *host, const void *given, void **self) {
  source *me = calloc(1, sizeof *me);
  if (!me) return host->fail(host, "out of memory");
  *me = (source){host, given, 0};
  *self = me;
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)self;
  (void)inputs;
  outputs[0]->network[0] = 'n';
  outputs[0]->has_weights = 1;
  *memory = 0;
  return FG_OK;
}

/// Models with one weight: the number of the model, or one that is not finite when the parameter is negative.
static fg_status produce(void *self) {
  source *me = self;
  if (me->given == me->config->count) return FG_DONE;
  double weight = me->config->weight < 0 ? 1e300 * 1e300 : (double)++me->given;
  fg_model *model = me->host->model_new(me->host, "n", "{}", &weight, 1);
  return model ? me->host->emit_model(me->host, 0, model) : FG_FAILED;
}

static void destroy(void *self) { free(self); }

static const fg_param count = {.size = sizeof(fg_param),
                               .type = FG_PARAM_INTEGER,
                               .offset = offsetof(config, count),
                               .name = "count",
                               .def = "1",
                               .doc = "Models to give."};
static const fg_param weight = {.size = sizeof(fg_param),
                                .type = FG_PARAM_REAL,
                                .offset = offsetof(config, weight),
                                .name = "weight",
                                .def = "1",
                                .doc = "Below zero: the weight is not finite."};
static const fg_port output = {.size = sizeof(fg_port), .kinds = FG_MODEL, .name = "model", .doc = "Models."};

static const fg_stage stage = {.size = sizeof(fg_stage),
                               .kind = "test.models",
                               .summary = "for tests",
                               .doc = "For tests.",
                               .params = (const fg_param *const[]){&count, &weight, NULL},
                               .inputs = (const fg_port *const[]){NULL},
                               .outputs = (const fg_port *const[]){&output, NULL},
                               .config_size = sizeof(config),
                               .create = create,
                               .negotiate = negotiate,
                               .produce = produce,
                               .destroy = destroy};

const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "models", .version = "1", .license = "MIT",
                                    .stages = (const fg_stage *const[]){&stage, NULL}};
