// conv.c — network.conv: convolutional networks of any depth and width, after A. Rançon, U. Rançon, T. Ivek and I. Balog,
// arXiv:2506.04016. Every coarse spin is repeated 2×2 and convolutions, periodic, with an activation between them, make
// the logit of every fine spin, which is then drawn up with probability σ(logit), independently of the others. Here are
// the stage and the opening of models; what they are made of is in conv_shape, how they are evaluated in conv_model.h.
#include "conv_model.h"
#include "conv_patches.h"

#include <float.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KIND "network.conv"

// ---- opening

static void close_model(fg_network_model *model) {
  if (!model) return;
  if (model->names) free(atomic_load(model->names));
  free(model->names);
  free(model->weights);
  free(model->table);
  if (model->memory) arenas_clear(model->memory);
  free(model->memory);
  free(model);
}

fg_status conv_result(const fg_network_model *model, const char *why) {
  return why ? model->host->fail(model->host, KIND ": %s", why) : FG_OK;
}

/// Index of the first weight that is not a finite float; `count` when all are.
static uint64_t first_bad(const double *weights, uint64_t count) {
  uint64_t i = 0;
  while (i < count && fabs(weights[i]) <= (double)FLT_MAX) i++;
  return i;
}

/// What a model needs memory for, and the weights when there are some.
static const char *fill_model(fg_network_model *model, const double *weights) {
  const uint64_t count = model->parameters;
  model->names = calloc(1, sizeof *model->names);
  model->weights = weights ? malloc(count * sizeof *weights) : NULL;
  model->memory = calloc(1, sizeof *model->memory);
  if (!model->names || (weights && !model->weights) || !model->memory) return "out of memory";
  if (!weights) return NULL;
  memcpy(model->weights, weights, count * sizeof *weights);
  return conv_table_new(model);
}

static fg_status open_model(const fg_host *host, const char *hyperparameters, const double *weights,
                            uint64_t weight_count, fg_network_model **opened) {
  conv_shape shape;
  char why[200], name[CONV_NAME_LENGTH];
  if (conv_shape_read(&shape, hyperparameters, why))
    return host->fail(host, "hyperparameters %s of " KIND " cannot be read: %s", hyperparameters, why);
  const uint64_t expected = conv_first(&shape, shape.layers);
  if (weight_count && weight_count != expected)
    return host->fail(host, "a model of " KIND " came with %" PRIu64 " weights; %s has %" PRIu64, weight_count,
                      hyperparameters, expected);
  uint64_t bad = first_bad(weights, weight_count);
  if (bad < weight_count) {
    conv_weight_name(&shape, bad, name);
    return host->fail(host, "weight '%s' of a model of " KIND " is not a finite number", name);
  }
  fg_network_model *model = calloc(1, sizeof *model);
  if (!model) return host->fail(host, "out of memory for a model");
  model->host = host;
  model->shape = shape;
  model->engine = &conv_dnnl;
  model->parameters = expected;
  fg_status status = conv_result(model, fill_model(model, weight_count ? weights : NULL));
  if (status == FG_OK)
    *opened = model;
  else
    close_model(model);
  return status;
}

// ---- the extension fg.network/1

static uint64_t parameters(const fg_network_model *model) { return model->parameters; }

/// All names; NULL: out of memory. Of two threads that make them at the same time, the first one's stay.
static const conv_name *names_of(const fg_network_model *model) {
  conv_name *names = atomic_load(model->names), *none = NULL;
  if (names) return (const conv_name *)names;
  names = calloc(model->parameters, sizeof *names);
  for (uint64_t i = 0; names && i < model->parameters; i++) conv_weight_name(&model->shape, i, names[i]);
  if (!names || atomic_compare_exchange_strong(model->names, &none, names)) return (const conv_name *)names;
  free(names);
  return (const conv_name *)none;
}

static const char *parameter_name(const fg_network_model *model, uint64_t index) {
  const conv_name *names = index < model->parameters ? names_of(model) : NULL;
  return names ? names[index] : NULL;
}

static void initial_weights(const fg_network_model *model, fg_rng_fill_fn rng_fill, fg_rng_key key, double *weights) {
  conv_initial_weights(&model->shape, rng_fill, key, weights);
}

static uint32_t factor(const fg_network_model *model) {
  (void)model;
  return CONV_FACTOR;
}

static uint32_t radius(const fg_network_model *model) { return (conv_radius(&model->shape) + 1) / CONV_FACTOR; }

/// Whether there are weights, and the batches belong together and hold the configurations asked for.
static fg_status check(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t end) {
  const fg_host *host = model->host;
  const fg_lattice *f = &fine->lattice, *c = &coarse->lattice;
  if (!model->weights) return host->fail(host, "a model of " KIND " was used before it had weights; train it first");
  if (fine->element != FG_SPIN1 || coarse->element != FG_SPIN1 || f->shape != FG_SQUARE || c->shape != FG_SQUARE ||
      f->extent[0] != CONV_FACTOR * c->extent[0] || f->extent[1] != CONV_FACTOR * c->extent[1])
    return host->fail(host,
                      "the network needs spins on square lattices, the fine one twice as large as the coarse one");
  if (end > fine->count || end > coarse->count || fine->rows != f->extent[0] || coarse->rows != c->extent[0])
    return host->fail(host, "the network was given fewer configurations, or smaller parts of them, than it was asked "
                            "for");
  return FG_OK;
}

static fg_status log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                          uint32_t end, double *result) {
  if (check(model, fine, coarse, end) != FG_OK) return FG_FAILED;
  return (model->table ? conv_table_log_prob : conv_layers_log_prob)(model, fine, coarse, begin, end, result);
}

static fg_status sample(const fg_network_model *model, fg_rng_fill_fn rng_fill, fg_rng_key key, const fg_batch *coarse,
                        fg_batch *fine, uint32_t begin, uint32_t end) {
  if (check(model, fine, coarse, end) != FG_OK) return FG_FAILED;
  return (model->table ? conv_table_sample : conv_layers_sample)(model, rng_fill, key, coarse, fine, begin, end);
}

static fg_status gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                          uint32_t end, const double *weight, double *loss, double *result) {
  if (check(model, fine, coarse, end) != FG_OK) return FG_FAILED;
  return (model->table ? conv_table_gradient : conv_layers_gradient)(model, fine, coarse, begin, end, weight, loss,
                                                                     result);
}

static const fg_network_table *table(const fg_network_model *model) {
  return model->table ? &model->table->form : NULL;
}

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
};

static const void *extension(const char *id) { return strcmp(id, FG_NETWORK_EXTENSION) == 0 ? &network : NULL; }

// ---- the stage: it emits the first model of its kind

typedef struct config {
  fg_integer_list channels;
  int64_t kernel;
  int32_t activation;
  int32_t bias;
  int32_t input;
  int32_t symmetrize;
  int32_t init;
  fg_real_list weights;
} config;

typedef struct instance {
  const fg_host *host;
  const config *config;
  conv_shape shape;
  int emitted;
} instance;

/// The shape of a network, from the parameters.
static fg_status read_config(const fg_host *host, const config *c, conv_shape *shape) {
  char why[200], name[CONV_NAME_LENGTH];
  *shape = (conv_shape){.bias = c->bias != 0,
                        .activation = (uint32_t)c->activation,
                        .input = (uint32_t)c->input,
                        .symmetrize = (uint32_t)c->symmetrize,
                        .init = (uint32_t)c->init};
  if (c->kernel % 2 == 0)
    return host->fail_param(host, "kernel", "%" PRId64 " is even, so it has no centre; use %" PRId64 " or %" PRId64,
                            c->kernel, c->kernel - 1, c->kernel + 1);
  if (conv_shape_set(shape, c->channels.items, c->channels.count, c->kernel, why))
    return host->fail_param(host, "channels", "%s", why);
  const uint64_t expected = conv_first(shape, shape->layers);
  if (c->weights.count && c->weights.count != expected)
    return host->fail_param(host, "weights", "%" PRIu64 " given, this network has %" PRIu64, c->weights.count,
                            expected);
  uint64_t bad = first_bad(c->weights.items, c->weights.count);
  if (bad == c->weights.count) return FG_OK;
  conv_weight_name(shape, bad, name);
  return host->fail_param(host, "weights", "'%s' is too large", name);
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  conv_shape shape;
  if (read_config(host, given, &shape) != FG_OK) return FG_FAILED;
  instance *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = given;
  stage->shape = shape;
  *self = stage;
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)inputs;
  const instance *stage = self;
  snprintf(outputs[0]->network, sizeof outputs[0]->network, "%s", KIND);
  outputs[0]->has_weights = stage->config->weights.count > 0;
  *memory = sizeof(instance);
  return FG_OK;
}

static fg_status produce(void *self) {
  instance *stage = self;
  const fg_host *host = stage->host;
  const config *c = stage->config;
  char hyperparameters[CONV_TEXT_LENGTH];
  if (stage->emitted) return FG_DONE;
  conv_shape_write(&stage->shape, hyperparameters);
  fg_model *model = host->model_new(host, KIND, hyperparameters, c->weights.items, c->weights.count);
  if (!model) return FG_FAILED;
  stage->emitted = 1;
  return host->emit_model(host, 0, model);
}

static void destroy(void *self) { free(self); }

static const fg_param param_channels = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER_LIST,
    .offset = offsetof(config, channels),
    .name = "channels",
    .def = "[32]",
    .min = "1",
    .max = "512",
    .unit = "1",
    .doc = "Channels of the hidden layers, at most 16 of them; [] makes one linear convolution.",
};
static const fg_param param_kernel = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, kernel),
    .name = "kernel",
    .def = "3",
    .min = "1",
    .max = "15",
    .unit = "fine spacings",
    .doc = "Side of the kernels of all layers, an odd number.",
};
static const fg_param param_activation = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, activation),
    .name = "activation",
    .def = "relu",
    .choices = conv_activations,
    .doc = "What follows each hidden layer: relu max(x,0), tanh, gelu x·Φ(x), softplus ln(1+exp x), elu exp(x)-1 below "
           "0, silu x·σ(x), sigmoid σ(x).",
};
static const fg_param param_bias = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_BOOL,
    .offset = offsetof(config, bias),
    .name = "bias",
    .def = "true",
    .doc = "Whether every channel that a layer makes has a constant added.",
};
static const fg_param param_input = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, input),
    .name = "input",
    .def = "binary",
    .choices = conv_inputs,
    .doc = "How spins enter: binary 0 and 1, as in the paper, or sign -1 and +1.",
};
static const fg_param param_symmetrize = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, symmetrize),
    .name = "symmetrize",
    .def = "none",
    .choices = conv_symmetries,
    .doc = "Symmetries imposed exactly by averaging the logit: none, d4 the eight symmetries of the square, d4+z2 also "
           "odd when all spins are reversed; 8 and 16 times the work.",
};
static const fg_param param_init = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, init),
    .name = "init",
    .def = "he",
    .choices = conv_inits,
    .doc =
        "Variance of the random weights a training starts from: he 2/in, glorot 2/(in+out), lecun 1/in, with in (out) "
        "the channels a layer takes (makes) times kernel²; biases are 0.",
};
static const fg_param param_weights = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL_LIST,
    .offset = offsetof(config, weights),
    .name = "weights",
    .def = "[]",
    .unit = "1",
    .doc = "The parameters, for a model that is ready to dream: of each layer the weights [out][in][y][x], then the "
           "biases, as PyTorch lists them. Empty: to be trained.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .name = "model",
    .doc = "The network, with its weights when they are given.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = KIND,
    .summary = "convolutional networks of any depth and width: 609, 3169, … parameters",
    .doc =
        "Coarse spins are repeated 2×2; convolutions, cross-correlations with periodic boundaries, with an activation "
        "after each but the last, turn them into a logit for every fine spin; the spin is up with probability "
        "1/(1+exp(-logit)), independently of the other fine spins. The defaults are the 609-parameter network of A. "
        "Rançon, U. Rançon, T. Ivek and I. Balog, arXiv:2506.04016; kernel: 7 is its 3169-parameter one.\n\n"
        "Convolutions run in single precision through oneDNN, one thread a task: likelihoods are good to about "
        "1e-6 of the logits, and dreams are the same on machines with the same vector instructions. A network whose "
        "fine spins see 3×3 coarse spins at most, (hidden layers + 1)·(kernel - 1) ≤ 4, is tabulated in double "
        "precision if that takes no more than 2²⁶ multiplications, as for the 609-parameter one: its dreams are fast "
        "and the same everywhere.\n\n"
        "Every task of a stage that uses the model needs memory for about 64×64 fine spins and their margins: 4 "
        "bytes a spin times the channels of the two widest layers and kernel², for gradients twice that and twice all "
        "channels besides. The model keeps it for the next task, for up to 16 tasks at a time.",
    .params = (const fg_param *const[]){&param_channels, &param_kernel, &param_activation, &param_bias, &param_input,
                                        &param_symmetrize, &param_init, &param_weights, NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .produce = produce,
    .destroy = destroy,
    .extension = extension,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "conv",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
