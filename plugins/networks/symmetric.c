// symmetric.c — network.symmetric: one linear kernel with the symmetries of the square, after A. Rançon, U. Rançon, T.
// Ivek and I. Balog, arXiv:2506.04016. Every coarse spin is repeated 2×2 and the kernel slides over that lattice; the
// fine spin at r is drawn up with probability
//     p(r) = σ(logit(r)),   σ(z) = 1/(1 + exp(-z)),   logit(r) = ½ Σ_o w(o) s(r + o),   s = ±1,
// o running over the (2R+1)² offsets of the kernel, periodically. There is no bias, so reversing all spins reverses the
// logit. Offsets that a symmetry of the square maps onto each other share one parameter w_k; with n_k the sum of the
// spins they meet,
//     logit(r) = ½ Σ_k w_k n_k(r).
// The n_k are integers: lattices related by a symmetry have the same probabilities to the last bit.
#include "windowed.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define KIND "network.symmetric"
#define MOST_KERNEL 15 // R = 7
#define NAMES_LENGTH 400

// ---- the kernel

/// Which parameter the kernel has at offset (y, x): 3×3 corner, edge, centre; then ring by ring R = 2, 3, …
/// (R,R), (R,0), (R,R-1), …, (R,1).
static int parameter_at(int y, int x) {
  int a = abs(y) > abs(x) ? abs(y) : abs(x), b = abs(y) > abs(x) ? abs(x) : abs(y);
  if (a == 0) return 2;
  if (a == 1) return b == 1 ? 0 : 1;
  int first = a * (a + 1) / 2; // as many lie on the rings inside
  return b == a ? first : b == 0 ? first + 1 : first + 1 + a - b;
}

// clang-format off
/// In that order, by offset from the fine spin.
static const char *const names[WINDOWED_MOST_PARAMETERS] = {
    "corner", "edge", "centre",
    "(2,2)", "(2,0)", "(2,1)",
    "(3,3)", "(3,0)", "(3,2)", "(3,1)",
    "(4,4)", "(4,0)", "(4,3)", "(4,2)", "(4,1)",
    "(5,5)", "(5,0)", "(5,4)", "(5,3)", "(5,2)", "(5,1)",
    "(6,6)", "(6,0)", "(6,5)", "(6,4)", "(6,3)", "(6,2)", "(6,1)",
    "(7,7)", "(7,0)", "(7,6)", "(7,5)", "(7,4)", "(7,3)", "(7,2)", "(7,1)",
};
// clang-format on

/// Coarse row (column) above row (column) y of the repeated lattice: y/2, rounded down.
static int coarse_of(int y) { return (y - (y & 1)) / 2; }

typedef struct symmetric {
  struct fg_network_model window;
  int radius; ///< R: the kernel is (2R+1)×(2R+1)
  double weights[WINDOWED_MOST_PARAMETERS];
} symmetric;

static const symmetric *symmetric_of(const fg_network_model *model) { return (const symmetric *)model; }

/// n_k · parent. A pattern is what the fine spin at position (0,0) in the block of its parent sees.
static void features(const fg_network_model *window, uint64_t pattern, int n[WINDOWED_MOST_PARAMETERS]) {
  const int radius = symmetric_of(window)->radius, width = (int)window->width, before = (int)window->before;
  int parent = pattern >> window->parent & 1 ? 1 : -1;
  memset(n, 0, WINDOWED_MOST_PARAMETERS * sizeof *n);
  for (int y = -radius; y <= radius; y++) {
    for (int x = -radius; x <= radius; x++) {
      int site = (before + coarse_of(y)) * width + before + coarse_of(x);
      int spin = pattern >> site & 1 ? 1 : -1;
      n[parameter_at(y, x)] += parent * spin;
    }
  }
}

/// logit · parent = ½ Σ_k w_k n_k · parent
static double logit(const fg_network_model *window, uint64_t pattern) {
  const symmetric *model = symmetric_of(window);
  int n[WINDOWED_MOST_PARAMETERS];
  double sum = 0;
  features(window, pattern, n);
  for (uint64_t k = 0; k < window->parameters; k++) sum += model->weights[k] * n[k];
  return 0.5 * sum;
}

/// Parameters of a kernel: R+1 on the ring of radius R ≥ 2, and 3 inside.
static uint64_t parameters_of(int64_t kernel) { return (uint64_t)((kernel / 2 + 1) * (kernel / 2 + 2) / 2); }

/// "corner, edge, centre, …"
static const char *list_names(uint64_t count, char text[NAMES_LENGTH]) {
  size_t at = 0;
  for (uint64_t k = 0; k < count; k++)
    at += (size_t)snprintf(text + at, NAMES_LENGTH - at, "%s%s", k ? ", " : "", names[k]);
  return text;
}

// ---- the extension fg.network/1

static void close_model(fg_network_model *model) {
  if (model) windowed_clear(model);
  free(model);
}

/// "{"kernel": 3}"; 0 after reporting why not.
static int64_t read_kernel(const fg_host *host, const char *hyperparameters) {
  json_error_t why;
  json_int_t kernel = 0;
  json_t *json = json_loads(hyperparameters, JSON_REJECT_DUPLICATES, &why);
  int read = json && json_unpack_ex(json, &why, JSON_STRICT, "{s:I}", "kernel", &kernel) == 0;
  json_decref(json);
  if (!read) {
    host->fail(host, "hyperparameters %s of " KIND " cannot be read: %s", hyperparameters, why.text);
    return 0;
  }
  if (kernel >= 3 && kernel <= MOST_KERNEL && kernel % 2 == 1) return kernel;
  host->fail(host, "hyperparameters %s of " KIND ": kernel must be odd, from 3 to %d", hyperparameters, MOST_KERNEL);
  return 0;
}

static fg_status open_model(const fg_host *host, const char *hyperparameters, const double *weights,
                            uint64_t weight_count, fg_network_model **opened) {
  int64_t kernel = read_kernel(host, hyperparameters);
  if (!kernel) return FG_FAILED;
  uint64_t expected = parameters_of(kernel);
  char text[NAMES_LENGTH];
  if (weight_count && weight_count != expected)
    return host->fail(host, "a model of " KIND " came with %" PRIu64 " weights; kernel %" PRId64 " has %" PRIu64 ": %s",
                      weight_count, kernel, expected, list_names(expected, text));
  for (uint64_t k = 0; k < weight_count; k++)
    if (!isfinite(weights[k])) return host->fail(host, "weight '%s' of a model of " KIND " is not finite", names[k]);

  symmetric *model = calloc(1, sizeof *model);
  if (!model) return host->fail(host, "out of memory for a model");
  model->radius = (int)(kernel / 2);
  windowed_init(&model->window, host, (uint32_t)model->radius + 1, (uint32_t)(model->radius + 1) / 2);
  model->window.parameters = expected;
  model->window.features = features;
  model->window.logit = logit;
  for (uint64_t k = 0; k < weight_count; k++) model->weights[k] = weights[k];
  if (weight_count && windowed_tabulate(&model->window) != FG_OK) {
    close_model(&model->window);
    return FG_FAILED;
  }
  *opened = &model->window;
  return FG_OK;
}

static const char *parameter_name(const fg_network_model *model, uint64_t index) {
  return index < model->parameters ? names[index] : NULL;
}

/// Zeros, every fine spin a coin: the likelihood is concave, any start will do.
static void initial_weights(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, double *weights) {
  (void)fill;
  (void)key;
  memset(weights, 0, model->parameters * sizeof *weights);
}

static const fg_network network = {
    .size = sizeof(fg_network),
    .open = open_model,
    .close = close_model,
    .parameters = windowed_parameters,
    .parameter_name = parameter_name,
    .initial_weights = initial_weights,
    .factor = windowed_factor,
    .radius = windowed_radius,
    .log_prob = windowed_log_prob,
    .sample = windowed_sample,
    .gradient = windowed_gradient,
    .table = windowed_table,
    .classes = &windowed_classes,
};

static const void *extension(const char *id) { return strcmp(id, FG_NETWORK_EXTENSION) == 0 ? &network : NULL; }

// ---- the stage: it emits the first model of its kind

typedef struct config {
  int64_t kernel;
  fg_real_list weights;
} config;

typedef struct instance {
  const fg_host *host;
  const config *config;
  int emitted;
} instance;

static fg_status create(const fg_host *host, const void *given, void **self) {
  const config *c = given;
  char text[NAMES_LENGTH];
  if (c->kernel % 2 == 0)
    return host->fail_param(host, "kernel", "%" PRId64 " is even, so it has no centre; use %" PRId64 " or %" PRId64,
                            c->kernel, c->kernel - 1, c->kernel + 1);
  uint64_t expected = parameters_of(c->kernel);
  if (c->weights.count && c->weights.count != expected)
    return host->fail_param(host, "weights", "%" PRIu64 " given, kernel %" PRId64 " has %" PRIu64 ": %s",
                            c->weights.count, c->kernel, expected, list_names(expected, text));
  for (uint64_t k = 0; k < c->weights.count; k++)
    if (!isfinite(c->weights.items[k]))
      return host->fail_param(host, "weights", "'%s' is not a finite number", names[k]);

  instance *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = c;
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
  if (stage->emitted) return FG_DONE;
  char hyperparameters[32];
  snprintf(hyperparameters, sizeof hyperparameters, "{\"kernel\":%" PRId64 "}", c->kernel);
  fg_model *model = host->model_new(host, KIND, hyperparameters, c->weights.items, c->weights.count);
  if (!model) return FG_FAILED;
  stage->emitted = 1;
  return host->emit_model(host, 0, model);
}

static void destroy(void *self) { free(self); }

static const fg_param param_kernel = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, kernel),
    .name = "kernel",
    .def = "3",
    .min = "3",
    .max = "15",
    .unit = "fine spacings",
    .doc = "Side of the kernel, an odd number: 3, 5, 7, 9, … have 3, 6, 10, 15, … parameters.",
};
static const fg_param param_weights = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL_LIST,
    .offset = offsetof(config, weights),
    .name = "weights",
    .def = "[]",
    .unit = "1",
    .doc = "The parameters, for a model that is ready to dream: corner, edge, centre of the 3×3, then of each ring r "
           "(r,r), (r,0), (r,r-1), …, (r,1). Empty: to be trained.",
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
    .summary = "one linear kernel with the symmetries of the square: 3, 6, 10, … parameters",
    .doc = "The network of A. Rançon, U. Rançon, T. Ivek and I. Balog, arXiv:2506.04016. Coarse spins are repeated "
           "2×2; a fine spin is up with probability 1/(1+exp(-logit)), logit = ½ Σ w·s over the kernel, s = ±1, "
           "independently of the other fine spins. Lattices smaller than the kernel wrap periodically.\n\n"
           "Spins are drawn with probabilities rounded to multiples of 2⁻¹⁶, an error of at most 2⁻¹⁷ = 7.6e-6 that "
           "makes dreams the same on every machine; likelihoods and gradients are those of the exact "
           "probabilities.\n\nUp to kernel 7 all windows are tabulated. Larger kernels are slower, and their class "
           "counts hold at most 2²⁰ different windows.",
    .params = (const fg_param *const[]){&param_kernel, &param_weights, NULL},
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
    .name = "symmetric",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
