// NAME.c — sampler.NAME: independent spins on a square lattice, each up with the same probability.
#include <finegrain/finegrain.h>
#include <stdlib.h>

#define BATCH 64 // configurations

/// Filled by the host, from `params:` in the pipeline.
typedef struct config {
  int64_t size, configurations;
  double up;
} config;

typedef struct instance {
  const fg_host *host;
  const config *config;
  uint64_t next; ///< configuration
} instance;

static fg_status create(const fg_host *host, const void *given, void **self) {
  instance *made = calloc(1, sizeof *made);
  if (!made) return host->fail(host, "out of memory");
  *made = (instance){.host = host, .config = given};
  *self = made;
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const config *c = ((const instance *)self)->config;
  outputs[0]->element = FG_SPIN1;
  outputs[0]->shape_count = 1;
  outputs[0]->shapes[0] = fg_lattice_square((uint64_t)c->size);
  outputs[0]->configurations = (uint64_t)c->configurations;
  outputs[0]->batch = BATCH;
  *memory = sizeof(instance);
  return FG_OK;
}

/// A batch a call, until there is nothing more.
static fg_status produce(void *self) {
  instance *s = self;
  const config *c = s->config;
  const fg_lattice lattice = fg_lattice_square((uint64_t)c->size);
  const uint64_t left = (uint64_t)c->configurations - s->next;
  if (left == 0) return FG_DONE;
  fg_batch *batch = s->host->batch_new(s->host, FG_SPIN1, &lattice, left < BATCH ? (uint32_t)left : BATCH);
  if (!batch) return FG_FAILED;
  batch->first = s->next;
  for (uint32_t i = 0; i < batch->count; i++) { // random numbers that depend on seed, stage and configuration alone
    fg_rng rng = fg_rng_start(s->host->rng_fill, s->host->rng_key(s->host, "spins"), batch->first + i);
    for (uint64_t y = 0; y < batch->rows; y++)
      for (uint64_t x = 0; x < lattice.extent[1]; x++)
        fg_bit_set(fg_batch_row_mut(batch, i, y), x, fg_rng_uniform(&rng) < c->up);
  }
  s->next += batch->count;
  return s->host->emit_batch(s->host, 0, batch);
}

// clang-format off
#define PARAM(field, type_, ...) static const fg_param param_##field = {.size = sizeof(fg_param), .type = type_, \
    .offset = offsetof(config, field), .name = #field, .unit = "1", __VA_ARGS__}
PARAM(size, FG_PARAM_INTEGER, .min = "1", .max = "46340", .doc = "Linear size L.");
PARAM(configurations, FG_PARAM_INTEGER, .min = "1", .doc = "How many to draw.");
PARAM(up, FG_PARAM_REAL, .def = "0.5", .min = "0", .max = "1", .doc = "Probability that a spin is up.");
static const fg_port output = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, 0, "configurations", "Independent spins."};
static const fg_stage stage = {.size = sizeof(fg_stage), .kind = "sampler.NAME", .summary = "draws independent spins",
    .doc = "Every spin of an L×L lattice is up with probability `up`: the Ising model at K = 0 in a field artanh(2·up - 1).",
    .params = (const fg_param *const[]){&param_size, &param_configurations, &param_up, NULL},
    .inputs = (const fg_port *const[]){NULL}, .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config), .create = create, .negotiate = negotiate, .produce = produce, .destroy = free};
const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "NAME", .version = "0.1.0", .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL}};
