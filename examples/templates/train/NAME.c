// NAME.c — train.NAME: maximum likelihood of network.symmetric when its weights are 0 but for the centre's. A fine spin is
// then as its parent with probability a = σ(centre/2), so centre = 2 ln(a/(1-a)), a being how many are.
#include <finegrain/finegrain.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL, FINE, COARSE };        // input ports
enum { PARAMETERS = 3, CENTRE = 2 }; // of kernel 3

typedef struct instance {
  const fg_host *host;
  const fg_model *model; ///< NULL: has not come
  uint64_t same, all;    ///< fine spins
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
  if (s->model) s->host->model_unref(s->host, s->model);
  free(s);
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const fg_host *host = ((instance *)self)->host;
  const fg_lattice *fine = &inputs[FINE]->shapes[0], *coarse = &inputs[COARSE]->shapes[0];
  if (strcmp(inputs[MODEL]->network, "network.symmetric") != 0) return host->fail(host, "trains network.symmetric");
  if (inputs[FINE]->shape_count > 1 || inputs[COARSE]->shape_count > 1 || fine->shape != FG_SQUARE ||
      fine->extent[0] != 2 * coarse->extent[0] || fine->extent[1] != 2 * coarse->extent[1])
    return host->fail(host, "takes pairs of square lattices, the fine one twice as large as the coarse one");
  strcpy(outputs[0]->network, "network.symmetric");
  outputs[0]->has_weights = 1;
  *memory = sizeof(instance);
  return FG_OK;
}

/// The model comes first; then pairs of batches, cut to the same configurations.
static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  instance *s = self;
  if (port == MODEL) {
    if (s->model) return s->host->fail(s->host, "takes one model");
    s->model = messages[0]->model;
    s->host->model_ref(s->host, s->model); // kept beyond this call
    return FG_OK;
  }
  const fg_batch *fine = messages[0]->batch, *coarse = messages[1]->batch;
  for (uint32_t c = 0; c < fine->count; c++)
    for (uint64_t y = 0; y < fine->rows; y++)
      for (uint64_t x = 0; x < fg_lattice_width(&fine->lattice); x++, s->all++)
        s->same += fg_bit_get(fg_batch_row(fine, c, y), x) == fg_bit_get(fg_batch_row(coarse, c, y / 2), x / 2);
  return FG_OK;
}

static fg_status flush(void *self) {
  const instance *s = self;
  double weights[PARAMETERS] = {[CENTRE] = 2 * log((double)s->same / (double)(s->all - s->same))};
  if (!s->model || strcmp(s->model->hyperparameters, "{\"kernel\":3}") != 0)
    return s->host->fail(s->host, "needs network.symmetric with kernel: 3");
  if (!isfinite(weights[CENTRE])) return s->host->fail(s->host, "needs pairs that agree in some spins, but not in all");
  fg_model *model = s->host->model_new(s->host, s->model->network, s->model->hyperparameters, weights, PARAMETERS);
  return model ? s->host->emit_model(s->host, 0, model) : FG_FAILED;
}

// clang-format off
static const fg_port model = {sizeof(fg_port), FG_MODEL, 0, FG_PORT_FIRST, "model", "The network to train."};
static const fg_port fine = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, FG_PORT_PAIRED, "fine", "Lattices to learn from."};
static const fg_port coarse = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, FG_PORT_PAIRED, "coarse", "Their block spins."};
static const fg_port output = {sizeof(fg_port), FG_MODEL, 0, 0, "model", "The network with its weights."};
static const fg_stage stage = {.size = sizeof(fg_stage), .kind = "train.NAME", .summary = "fits one weight by counting",
    .doc = "See NAME.c.", .params = (const fg_param *const[]){NULL},
    .inputs = (const fg_port *const[]){&model, &fine, &coarse, NULL}, .outputs = (const fg_port *const[]){&output, NULL},
    .create = create, .negotiate = negotiate, .process = process, .flush = flush, .destroy = destroy};
const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "NAME", .version = "0.1.0", .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL}};
