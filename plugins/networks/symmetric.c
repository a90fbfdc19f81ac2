// symmetric.c — network.symmetric: one linear kernel with the symmetries of the square, after A. Rançon, U. Rançon, T.
// Ivek and I. Balog, arXiv:2506.04016. Every coarse spin is repeated 2×2 and the kernel slides over that lattice; the
// fine spin at r is drawn up with probability
//     p(r) = σ(logit(r)),   σ(z) = 1/(1 + exp(-z)),   logit(r) = ½ Σ_o w(o) s(r + o),   s = ±1,
// o running over the (2R+1)² offsets of the kernel, periodically. There is no bias, so reversing all spins reverses the
// logit. Offsets that a symmetry of the square maps onto each other share one parameter w_k; with n_k the sum of the
// spins they meet,
//     logit(r) = ½ Σ_k w_k n_k(r).
// The n_k are integers: lattices related by a symmetry have the same probabilities to the last bit.
#include "first_model.h"
#include "kernel.h"
#include "windowed.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define KIND "network.symmetric"

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
      int site = (before + kernel_coarse_of(y)) * width + before + kernel_coarse_of(x);
      int spin = pattern >> site & 1 ? 1 : -1;
      n[kernel_parameter_at(y, x)] += parent * spin;
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
  if (kernel >= 3 && kernel <= KERNEL_MOST && kernel % 2 == 1) return kernel;
  host->fail(host, "hyperparameters %s of " KIND ": kernel must be odd, from 3 to %d", hyperparameters, KERNEL_MOST);
  return 0;
}

static fg_status open_model(const fg_host *host, const char *hyperparameters, const double *weights,
                            uint64_t weight_count, fg_network_model **opened) {
  int64_t kernel = read_kernel(host, hyperparameters);
  if (!kernel) return FG_FAILED;
  uint64_t expected = kernel_parameters(kernel);
  char text[KERNEL_NAMES_LENGTH];
  if (weight_count && weight_count != expected)
    return host->fail(host, "a model of " KIND " came with %" PRIu64 " weights; kernel %" PRId64 " has %" PRIu64 ": %s",
                      weight_count, kernel, expected, kernel_list_names(expected, text));
  for (uint64_t k = 0; k < weight_count; k++)
    if (!isfinite(weights[k]))
      return host->fail(host, "weight '%s' of a model of " KIND " is not finite", kernel_parameter_name(k));

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
  return index < model->parameters ? kernel_parameter_name(index) : NULL;
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

static fg_status create(const fg_host *host, const void *given, void **self) {
  const config *c = given;
  char text[KERNEL_NAMES_LENGTH];
  if (c->kernel % 2 == 0)
    return host->fail_param(host, "kernel", "%" PRId64 " is even, so it has no centre; use %" PRId64 " or %" PRId64,
                            c->kernel, c->kernel - 1, c->kernel + 1);
  uint64_t expected = kernel_parameters(c->kernel);
  if (c->weights.count && c->weights.count != expected)
    return host->fail_param(host, "weights", "%" PRIu64 " given, kernel %" PRId64 " has %" PRIu64 ": %s",
                            c->weights.count, c->kernel, expected, kernel_list_names(expected, text));
  for (uint64_t k = 0; k < c->weights.count; k++)
    if (!isfinite(c->weights.items[k]))
      return host->fail_param(host, "weights", "'%s' is not a finite number", kernel_parameter_name(k));

  char hyperparameters[FIRST_MODEL_TEXT];
  snprintf(hyperparameters, sizeof hyperparameters, "{\"kernel\":%" PRId64 "}", c->kernel);
  return first_model_new(host, KIND, hyperparameters, expected, &c->weights, self);
}

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
    .outputs = (const fg_port *const[]){&first_model_output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = first_model_negotiate,
    .produce = first_model_produce,
    .destroy = first_model_destroy,
    .extension = extension,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "symmetric",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
