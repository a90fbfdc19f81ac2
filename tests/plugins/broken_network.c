// broken_network.c — a network that breaks one promise of network.h: -DFAULT=…, see below. Without a fault network.broken
// draws each fine spin equal to its parent with probability σ(w), and offers everything that is optional.
#include "finegrain/finegrain.h"

#include <stdlib.h>
#include <string.h>

// clang-format off
enum {
  NONE, SUM, DRAWS, NOT_A_NUMBER, PARTS, PADDING, SCRATCH, GRADIENT, LOSS, OVERWRITES, TABLE, CLASSES, MERGE, ANY_COUNT,
  ANY_JSON, ANY_WEIGHT, NAMELESS, LEAK, ANY_ID, OTHER_KIND, WRITES_INPUT
};
// clang-format on
#ifndef FAULT
#define FAULT NONE
#endif

struct fg_network_model {
  double weight;
  uint32_t thresholds[2];
  fg_network_table table;
  uint32_t current; ///< SCRATCH
};

static double log_sigmoid(double z) { return z < 0 ? z - log1p(exp(z)) : -log1p(exp(-z)); }

static fg_status open_model(const fg_host *host, const char *hyperparameters, const double *weights, uint64_t count,
                            fg_network_model **opened) {
  if (FAULT != ANY_JSON && strcmp(hyperparameters, "{}") != 0) return host->fail(host, "there are no hyperparameters");
  if (FAULT != ANY_COUNT && count > 1) return host->fail(host, "there is one weight");
  if (FAULT != ANY_WEIGHT && count && !isfinite(weights[0])) return host->fail(host, "the weight is not finite");
  fg_network_model *model = calloc(1, sizeof *model);
  if (!model) return host->fail(host, "out of memory");
  if (count) model->weight = weights[0];
  for (int i = 0; i < 2; i++) model->thresholds[i] = (uint32_t)(65536 / (1 + exp(model->weight)) + 0.5);
  if (FAULT == TABLE) model->thresholds[1] += 4000;
  model->table = (fg_network_table){sizeof(fg_network_table), 1, 0, 0, model->thresholds};
  *opened = model;
  return FG_OK;
}

static void close_model(fg_network_model *model) {
  if (FAULT != LEAK) free(model);
}

static uint64_t parameters(const fg_network_model *model) {
  (void)model;
  return 1;
}

static const char *parameter_name(const fg_network_model *model, uint64_t index) {
  (void)model;
  return FAULT == NAMELESS || index ? NULL : "agreement";
}

static void initial_weights(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, double *weights) {
  (void)model;
  (void)fill;
  (void)key;
  weights[0] = FAULT == NOT_A_NUMBER ? NAN : 0.5;
}

static uint32_t factor(const fg_network_model *model) {
  (void)model;
  return 2;
}

static uint32_t radius(const fg_network_model *model) {
  (void)model;
  return 0;
}

static unsigned spin(const fg_batch *batch, uint32_t c, uint64_t y, uint64_t x) {
  return fg_bit_get(fg_batch_row(batch, c, y), x);
}

/// Fine spins of a configuration that are as their parent, and all of them.
static void count_spins(const fg_batch *fine, const fg_batch *coarse, uint32_t c, uint64_t *same, uint64_t *all) {
  for (uint64_t y = 0; y < fine->rows; y++)
    for (uint64_t x = 0; x < fg_lattice_width(&fine->lattice); x++) {
      *same += spin(fine, c, y, x) == spin(coarse, c, y / 2, x / 2);
      ++*all;
    }
}

static fg_status log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                          uint32_t end, double *result) {
  if (FAULT == PARTS) begin = 0;
  for (uint32_t c = begin; c < end; c++) {
    uint64_t same = 0, all = 0;
    count_spins(fine, coarse, c, &same, &all);
    result[c] = (double)same * log_sigmoid(model->weight) + (double)(all - same) * log_sigmoid(-model->weight);
    if (FAULT == SUM) result[c] -= 1e-3;
  }
  return FG_OK;
}

/// The number of a fine spin as network.h defines it.
static uint32_t number(fg_rng_fill_fn fill, fg_rng_key key, const fg_batch *fine, uint64_t g, uint64_t position) {
  uint32_t result = 0;
  for (uint64_t plane = 0; plane < 16; plane++) {
    uint8_t bits[64];
    const fg_rng_counter at = {((g / 512 * 4 + position) * 16 + plane) * 4, (uint64_t)(int64_t)fine->level};
    fill(key, at, bits, sizeof bits);
    result |= (uint32_t)(bits[g % 512 / 8] >> g % 8 & 1) << plane;
  }
  return result;
}

static fg_status sample(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, const fg_batch *coarse,
                        fg_batch *fine, uint32_t begin, uint32_t end) {
  const uint64_t width = fg_lattice_width(&coarse->lattice);
  const uint32_t threshold = model->thresholds[0] + (FAULT == DRAWS ? 3000 : 0);
  uint32_t *current = &((fg_network_model *)(uintptr_t)model)->current;
  if (FAULT == WRITES_INPUT) *(uint8_t *)coarse->data ^= 1;
  for (uint32_t c = begin; c < end; c++) {
    *current = c;
    if (FAULT == PADDING) fg_batch_row_mut(fine, c, 0)[fine->row_bytes / 8 - 1] |= UINT64_C(1) << 63;
    for (uint64_t y = 0; y < fine->rows; y++)
      for (uint64_t x = 0; x < 2 * width; x++) {
        const uint32_t of = FAULT == SCRATCH ? *current : c;
        const uint64_t g = (fine->first + of) * coarse->rows * width + y / 2 * width + x / 2;
        const unsigned other = number(fill, key, fine, g, 2 * (y % 2) + x % 2) < threshold;
        fg_bit_set(fg_batch_row_mut(fine, of, y), x, spin(coarse, of, y / 2, x / 2) ^ other);
      }
  }
  return FG_OK;
}

static fg_status gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                          uint32_t end, const double *weight, double *loss, double *result) {
  if (FAULT == OVERWRITES) result[0] = 0;
  for (uint32_t c = begin; c < end; c++) {
    uint64_t same = 0, all = 0;
    count_spins(fine, coarse, c, &same, &all);
    const double w = weight ? weight[c] : 1, z = model->weight;
    const double slope = (double)all / (1 + exp(-z)) - (double)same;
    *loss -= w * ((double)same * log_sigmoid(z) + (double)(all - same) * log_sigmoid(-z));
    if (FAULT == LOSS) *loss += 0.01;
    result[0] += FAULT == GRADIENT ? 1.01 * w * slope : w * slope;
  }
  return FG_OK;
}

static const fg_network_table *table(const fg_network_model *model) { return &model->table; }

/// Equal to the parent (outcome 1) or not.
typedef struct counts {
  uint64_t ones, zeros;
} counts;

static void *open_counts(const fg_network_model *model) {
  (void)model;
  return calloc(1, sizeof(counts));
}

static fg_status add_counts(void *into, const fg_batch *fine, const fg_batch *coarse, uint32_t begin, uint32_t end) {
  counts *sum = into;
  uint64_t same = 0, all = 0;
  for (uint32_t c = begin; c < end; c++) count_spins(fine, coarse, c, &same, &all);
  sum->ones += same;
  sum->zeros += all - same;
  return FG_OK;
}

static fg_status merge_counts(void *into, const void *from) {
  counts *sum = into;
  const counts *more = from;
  if (FAULT == MERGE) return FG_OK;
  sum->ones += more->ones;
  sum->zeros += more->zeros;
  return FG_OK;
}

static uint64_t count_classes(void *of) {
  (void)of;
  return 1;
}

static void get_class(const void *of, uint64_t index, double *features, uint64_t *ones, uint64_t *zeros) {
  const counts *sum = of;
  (void)index;
  features[0] = FAULT == CLASSES ? 2 : 1;
  *ones = sum->ones;
  *zeros = sum->zeros;
}

static const fg_network_classes classes = {.size = sizeof(fg_network_classes),
                                           .open = open_counts,
                                           .close = free,
                                           .add = add_counts,
                                           .merge = merge_counts,
                                           .count = count_classes,
                                           .get = get_class};
static const fg_network network = {
    .size = sizeof(fg_network),
    .open = open_model,
    .close = close_model,
    .parameters = parameters,
    .parameter_name = parameter_name,
    .initial_weights = initial_weights,
    .factor = factor,
    .radius = radius,
    .log_prob = log_prob,
    .sample = sample,
    .gradient = gradient,
    .table = table,
    .classes = &classes,
};

static const void *extension(const char *id) {
  return FAULT == ANY_ID || strcmp(id, FG_NETWORK_EXTENSION) == 0 ? &network : NULL;
}

// ---- the stage

typedef struct instance {
  const fg_host *host;
  int emitted;
} instance;

static fg_status create(const fg_host *host, const void *given, void **self) {
  (void)given;
  instance *made = calloc(1, sizeof *made);
  if (!made) return host->fail(host, "out of memory");
  made->host = host;
  *self = made;
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)self;
  (void)inputs;
  strcpy(outputs[0]->network, FAULT == OTHER_KIND ? "network.other" : "network.broken");
  *memory = sizeof(instance);
  return FG_OK;
}

static fg_status produce(void *self) {
  instance *me = self;
  if (me->emitted++) return FG_DONE;
  fg_model *model =
      me->host->model_new(me->host, FAULT == OTHER_KIND ? "network.other" : "network.broken", "{}", NULL, 0);
  return model ? me->host->emit_model(me->host, 0, model) : FG_FAILED;
}

static const fg_port output = {sizeof(fg_port), FG_MODEL, 0, 0, "model", "The network."};
static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "network.broken",
    .summary = "draws spins equal to their parent",
    .doc = "For tests.",
    .params = (const fg_param *const[]){NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .create = create,
    .negotiate = negotiate,
    .produce = produce,
    .destroy = free,
    .extension = extension,
};

const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "broken-network", .version = "1", .license = "MIT",
                                    .stages = (const fg_stage *const[]){&stage, NULL}};
