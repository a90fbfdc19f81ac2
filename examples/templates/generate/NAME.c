// NAME.c — generate.NAME: one inverse step of a network for every configuration that comes in.
#include <finegrain/finegrain.h>
#include <stdlib.h>

enum { MODEL, COARSE }; // input ports

typedef struct instance {
  const fg_host *host;
  const fg_network *network; ///< of the model that will come
  fg_network_model *model;   ///< opened; NULL: not yet
} instance;

static fg_status create(const fg_host *host, const void *given, void **self) {
  instance *made = calloc(1, sizeof *made);
  if (!made) return host->fail(host, "out of memory");
  made->host = host;
  *self = made;
  return FG_OK;
}
static void destroy(void *self) {
  instance *s = self;
  if (s->model) s->network->close(s->model);
  free(s);
}

/// Every square lattice doubles.
static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  instance *s = self;
  s->network = s->host->lookup(s->host, inputs[MODEL]->network, FG_NETWORK_EXTENSION);
  if (!s->network || !inputs[MODEL]->has_weights)
    return s->host->fail(s->host, "needs a model of a network, with weights");
  *outputs[0] = *inputs[COARSE];
  for (uint32_t i = 0; i < outputs[0]->shape_count; i++) {
    fg_lattice *lattice = &outputs[0]->shapes[i];
    if (lattice->shape != FG_SQUARE) return s->host->fail(s->host, "takes square lattices");
    for (uint32_t d = 0; d < 2; d++) lattice->extent[d] *= 2;
  }
  *memory = sizeof(instance);
  return FG_OK;
}

static fg_status open_model(instance *s, const fg_model *model) {
  if (s->model) return s->host->fail(s->host, "takes one model");
  return s->network->open(s->host, model->hyperparameters, model->weights, model->weight_count, &s->model);
}

/// Called with the model, as its port is marked `first`, then with every batch of configurations.
static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  instance *s = self;
  const fg_host *host = s->host;
  if (port == MODEL) return open_model(s, messages[0]->model);
  if (!s->model || s->network->factor(s->model) != 2) return host->fail(host, "needs a model that doubles lattices");
  const fg_batch *coarse = messages[0]->batch;
  const fg_lattice *of = &coarse->lattice;
  const fg_lattice lattice = {FG_SQUARE, 2, {2 * of->extent[0], 2 * of->extent[1], 0, 0}};
  fg_batch *fine = host->batch_new(host, FG_SPIN1, &lattice, coarse->count);
  if (!fine) return FG_FAILED; // the host has said why
  fine->first = coarse->first; // these two and the level are what the network's random numbers depend on
  fine->level = coarse->level + 1;
  fine->chain = coarse->chain;
  fg_status status =
      s->network->sample(s->model, host->rng_fill, host->rng_key(host, "step"), coarse, fine, 0, fine->count);
  if (status == FG_OK) return host->emit_batch(host, 0, fine);
  host->batch_unref(host, fine);
  return status;
}

// clang-format off
static const fg_port model = {sizeof(fg_port), FG_MODEL, 0, FG_PORT_FIRST, "model", "A network with weights."};
static const fg_port input = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, 0, "configurations", "Spins on square lattices."};
static const fg_port output = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, 0, "configurations", "Twice as large, one level up."};
static const fg_stage stage = {.size = sizeof(fg_stage), .kind = "generate.NAME", .summary = "one inverse step of a network",
    .doc = "Draws fine spins given the coarse ones that come in.", .params = (const fg_param *const[]){NULL},
    .inputs = (const fg_port *const[]){&model, &input, NULL}, .outputs = (const fg_port *const[]){&output, NULL},
    .create = create, .negotiate = negotiate, .process = process, .destroy = destroy};
const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "NAME", .version = "0.1.0", .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL}};
