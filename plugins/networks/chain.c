// chain.c — network.chain: the network for one dimension. Fine spins are independent draws given the coarse ones,
//     P(up) = σ(logit),   σ(z) = 1/(1 + exp(-z)),   logit(x) = ½ Σ_k w_k n_k(x),
// with no bias, so reversing all spins reverses the logit. rule: block is network.symmetric in one dimension: every coarse
// spin is repeated, and n_k is the sum of those at distance k from x. rule: decimation undoes coarsen.decimation: fine
// spins at even x are the coarse ones, and for odd x n_k is the sum of the two fine spins at distance 2k+1, known by then.
#include "first_model.h"

#include "bitplanes.h"
#include "chain_window.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KIND "network.chain"
#define FACTOR 2u

static const char *const rules[] = {"block", "decimation", NULL};

// ---- opening

static int64_t fail_read(const fg_host *host, const char *hyperparameters, const char *why) {
  host->fail(host, "hyperparameters %s of " KIND " cannot be read: %s", hyperparameters, why);
  return 0;
}

/// {"kernel": 3, "rule": "block"}; 0 after reporting why not.
static int64_t read_hyperparameters(const fg_host *host, const char *text, chain_rule *rule) {
  json_error_t why = {.text = "no object"};
  json_int_t kernel = 0;
  const char *name = "";
  json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
  int read = json && json_unpack_ex(json, &why, JSON_STRICT, "{s:I, s:s}", "kernel", &kernel, "rule", &name) == 0;
  int known = read && (strcmp(name, rules[CHAIN_BLOCK]) == 0 || strcmp(name, rules[CHAIN_DECIMATION]) == 0);
  *rule = known && strcmp(name, rules[CHAIN_DECIMATION]) == 0 ? CHAIN_DECIMATION : CHAIN_BLOCK;
  json_decref(json);
  if (!read) return fail_read(host, text, why.text);
  if (!known) return fail_read(host, text, "rule must be block or decimation");
  if (kernel >= 3 && kernel <= CHAIN_MOST_KERNEL && kernel % 2 == 1) return kernel;
  return fail_read(host, text, "kernel must be odd, from 3 to 15");
}

static fg_status open_model(const fg_host *host, const char *hyperparameters, const double *weights,
                            uint64_t weight_count, fg_network_model **opened) {
  chain_rule rule;
  int64_t kernel = read_hyperparameters(host, hyperparameters, &rule);
  if (!kernel) return FG_FAILED;
  const uint64_t expected = chain_parameters(rule, kernel);
  if (weight_count && weight_count != expected)
    return host->fail(host, "a model of " KIND " came with %" PRIu64 " weights; kernel %" PRId64 " has %" PRIu64,
                      weight_count, kernel, expected);
  for (uint64_t k = 0; k < weight_count; k++)
    if (!isfinite(weights[k]))
      return host->fail(host, "weight %" PRIu64 " of a model of " KIND " is not finite", k + 1);
  fg_network_model *model = calloc(1, sizeof *model);
  if (!model) return host->fail(host, "out of memory for a model");
  model->host = host;
  model->rule = rule;
  model->parameters = expected;
  chain_shape(model);
  for (uint64_t k = 0; k < weight_count; k++) model->weights[k] = weights[k];
  chain_tabulate(model);
  *opened = model;
  return FG_OK;
}

static void close_model(fg_network_model *model) { free(model); }
static uint64_t parameters(const fg_network_model *model) { return model->parameters; }

static const char *parameter_name(const fg_network_model *model, uint64_t index) {
  static const char *const blocks[] = {"centre", "1", "2", "3", "4", "5", "6", "7"};
  static const char *const odd[] = {"1", "3", "5", "7"};
  if (index >= model->parameters) return NULL;
  return model->rule == CHAIN_BLOCK ? blocks[index] : odd[index];
}

/// Zeros, every drawn spin a coin: the likelihood is concave, any start will do.
static void initial_weights(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, double *weights) {
  (void)fill;
  (void)key;
  memset(weights, 0, model->parameters * sizeof *weights);
}

static uint32_t factor(const fg_network_model *model) {
  (void)model;
  return FACTOR;
}

static uint32_t radius(const fg_network_model *model) {
  const uint32_t after = model->width - 1 - model->parent;
  return after > model->parent ? after : model->parent;
}

// ---- the walk

/// Whether the batches belong together and hold configurations 0 … end-1.
static fg_status check_pair(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t end) {
  const fg_host *host = model->host;
  const fg_lattice *f = &fine->lattice, *c = &coarse->lattice;
  if (fine->element != FG_SPIN1 || coarse->element != FG_SPIN1 || f->shape != FG_CHAIN || c->shape != FG_CHAIN ||
      f->extent[0] != FACTOR * c->extent[0])
    return host->fail(host, "the network needs spins on chains, the fine one twice as long as the coarse one");
  if (end <= fine->count && end <= coarse->count) return FG_OK;
  return host->fail(host, "the network was given fewer configurations than it was asked for");
}

/// What is done with a fine spin that is drawn: its pattern, and whether it differs from its parent.
typedef void (*visit_spin)(const fg_network_model *model, uint32_t pattern, unsigned differs, void *into);

/// Visits the fine spins of a configuration that are drawn; returns how many kept ones are not their parent.
static uint64_t walk(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                     uint32_t configuration, visit_spin visit, void *into) {
  const uint64_t length = coarse->lattice.extent[0];
  const uint64_t *row = fg_batch_row(coarse, configuration, 0), *spins = fg_batch_row(fine, configuration, 0);
  uint64_t broken = 0;
  for (uint64_t x = 0; x < FACTOR * length; x++) {
    unsigned differs = fg_bit_get(spins, x) ^ fg_bit_get(row, x / FACTOR);
    if (chain_is_kept(model, x % FACTOR))
      broken += differs;
    else
      visit(model, chain_pattern(model, row, length, x / FACTOR, x % FACTOR), differs, into);
  }
  return broken;
}

/// ln σ(z) without overflow.
static double log_sigmoid(double z) { return z < 0 ? z - log1p(exp(z)) : -log1p(exp(-z)); }

static void add_log_prob(const fg_network_model *model, uint32_t pattern, unsigned differs, void *into) {
  const double z = model->logits[pattern];
  *(double *)into += log_sigmoid(differs ? -z : z);
}

static fg_status log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                          uint32_t end, double *result) {
  if (check_pair(model, fine, coarse, end) != FG_OK) return FG_FAILED;
  for (uint32_t c = begin; c < end; c++) {
    double sum = 0;
    uint64_t broken = walk(model, fine, coarse, c, add_log_prob, &sum);
    result[c] = broken ? -INFINITY : sum;
  }
  return FG_OK;
}

static fg_status refuse_broken(const fg_network_model *model) {
  return model->host->fail(model->host,
                           "kept spins differ from their parents: the coarse chains are no decimation of the "
                           "fine ones; block with coarsen.decimation, or use rule: block");
}

typedef struct descent {
  double weight; ///< of the configuration
  double *loss, *gradient;
} descent;

/// Adds -ln σ(±z) and its derivatives ∓σ(∓z) · ½ n_k.
static void add_gradient(const fg_network_model *model, uint32_t pattern, unsigned differs, void *into) {
  const descent *sums = into;
  int n[CHAIN_MOST_WEIGHTS];
  const double z = model->logits[pattern], slope = differs ? 1 / (1 + exp(-z)) : -1 / (1 + exp(z));
  chain_features(model, pattern, n);
  *sums->loss -= sums->weight * log_sigmoid(differs ? -z : z);
  for (uint64_t k = 0; k < model->parameters; k++) sums->gradient[k] += sums->weight * slope * 0.5 * n[k];
}

static fg_status gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                          uint32_t end, const double *weight, double *loss, double *into) {
  if (check_pair(model, fine, coarse, end) != FG_OK) return FG_FAILED;
  descent sums = {1, loss, into};
  for (uint32_t c = begin; c < end; c++) {
    if (weight) sums.weight = weight[c];
    if (walk(model, fine, coarse, c, add_gradient, &sums)) return refuse_broken(model);
  }
  return FG_OK;
}

/// The random numbers of network.h, of the positions d = 0 and 1.
static fg_status sample(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, const fg_batch *coarse,
                        fg_batch *fine, uint32_t begin, uint32_t end) {
  if (check_pair(model, fine, coarse, end) != FG_OK) return FG_FAILED;
  const uint64_t length = coarse->lattice.extent[0];
  bitplanes planes;
  bitplanes_start(&planes, fill, key, fine->level);
  for (uint32_t c = begin; c < end; c++) {
    const uint64_t *row = fg_batch_row(coarse, c, 0);
    uint64_t *spins = fg_batch_row_mut(fine, c, 0);
    memset(spins, 0, fine->row_bytes);
    for (uint64_t x = 0; x < length; x++) {
      const uint16_t *u = bitplanes_at(&planes, (fine->first + c) * length + x);
      for (unsigned dx = 0; dx < FACTOR; dx++) {
        unsigned differs =
            !chain_is_kept(model, dx) && u[dx] < model->thresholds[chain_pattern(model, row, length, x, dx)];
        fg_bit_set(spins, FACTOR * x + dx, fg_bit_get(row, x) ^ differs);
      }
    }
  }
  return FG_OK;
}

// ---- sufficient statistics: how often a drawn spin equals (outcome 1) or opposes its parent, by pattern, parent up

typedef struct chain_counts {
  const fg_network_model *model;
  uint64_t seen[CHAIN_MOST_PATTERNS][2]; ///< equal, opposed
} chain_counts;

static void *open_counts(const fg_network_model *model) {
  chain_counts *counts = calloc(1, sizeof *counts);
  if (counts) counts->model = model;
  return counts;
}

static void count_spin(const fg_network_model *model, uint32_t pattern, unsigned differs, void *into) {
  const uint32_t all = (1u << model->width) - 1;
  ((chain_counts *)into)->seen[pattern >> model->parent & 1 ? pattern : pattern ^ all][differs]++;
}

static fg_status add_counts(void *into, const fg_batch *fine, const fg_batch *coarse, uint32_t begin, uint32_t end) {
  chain_counts *counts = into;
  if (check_pair(counts->model, fine, coarse, end) != FG_OK) return FG_FAILED;
  for (uint32_t c = begin; c < end; c++)
    if (walk(counts->model, fine, coarse, c, count_spin, counts)) return refuse_broken(counts->model);
  return FG_OK;
}

static fg_status merge_counts(void *into, const void *from) {
  chain_counts *to = into;
  const chain_counts *more = from;
  for (uint32_t p = 0; p < CHAIN_MOST_PATTERNS; p++)
    for (int outcome = 0; outcome < 2; outcome++) to->seen[p][outcome] += more->seen[p][outcome];
  return FG_OK;
}

static int is_seen(const chain_counts *counts, uint32_t pattern) {
  return counts->seen[pattern][0] + counts->seen[pattern][1] > 0;
}

static uint64_t count_classes(void *of) {
  const chain_counts *counts = of;
  uint64_t classes = 0;
  for (uint32_t p = 0; p < CHAIN_MOST_PATTERNS; p++) classes += (uint64_t)is_seen(counts, p);
  return classes;
}

static void get_class(const void *of, uint64_t index, double *values, uint64_t *ones, uint64_t *zeros) {
  const chain_counts *counts = of;
  uint32_t pattern = 0;
  while (!is_seen(counts, pattern) || index-- > 0) pattern++;
  int n[CHAIN_MOST_WEIGHTS];
  chain_features(counts->model, pattern, n);
  for (uint64_t k = 0; k < counts->model->parameters; k++) values[k] = 0.5 * n[k];
  *ones = counts->seen[pattern][0];
  *zeros = counts->seen[pattern][1];
}

static fg_status save_counts(const void *of, const fg_writer *writer) {
  const chain_counts *counts = of;
  return writer->write(writer, counts->seen, sizeof counts->seen);
}

static fg_status restore_counts(void *into, const fg_reader *reader) {
  chain_counts *counts = into, more = {0};
  if (reader->read(reader, more.seen, sizeof more.seen) == FG_OK) return merge_counts(counts, &more);
  return counts->model->host->fail(counts->model->host,
                                   "the checkpoint holds no counts of this network; run again with --force");
}

static const fg_network_classes classes = {
    .size = sizeof(fg_network_classes),
    .open = open_counts,
    .close = free,
    .add = add_counts,
    .merge = merge_counts,
    .count = count_classes,
    .get = get_class,
    .save = save_counts,
    .restore = restore_counts,
};

// ---- the stage

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
    .classes = &classes,
    .shapes = 1u << FG_CHAIN,
};

static const void *extension(const char *id) { return strcmp(id, FG_NETWORK_EXTENSION) == 0 ? &network : NULL; }

typedef struct config {
  int64_t kernel;
  fg_real_list weights;
  int32_t rule;
} config;

static fg_status create(const fg_host *host, const void *given, void **self) {
  const config *c = given;
  if (c->kernel % 2 == 0)
    return host->fail_param(host, "kernel", "%" PRId64 " is even, so it has no centre; use %" PRId64 " or %" PRId64,
                            c->kernel, c->kernel - 1, c->kernel + 1);
  const uint64_t expected = chain_parameters((chain_rule)c->rule, c->kernel), count = c->weights.count;
  if (count && count != expected)
    return host->fail_param(
        host, "weights", "%" PRIu64 " given, kernel %" PRId64 " with rule: %s has %" PRIu64 ": those of distance %s",
        count, c->kernel, rules[c->rule], expected, c->rule == CHAIN_BLOCK ? "0, 1, 2, …" : "1, 3, 5, …");
  for (uint64_t k = 0; k < count; k++)
    if (!isfinite(c->weights.items[k]))
      return host->fail_param(host, "weights", "number %" PRIu64 " is not finite", k + 1);
  char hyperparameters[FIRST_MODEL_TEXT];
  snprintf(hyperparameters, sizeof hyperparameters, "{\"kernel\":%" PRId64 ",\"rule\":\"%s\"}", c->kernel,
           rules[c->rule]);
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
    .doc =
        "Length 2R+1 of the kernel, odd. It has R+1 weights, for the distances 0 to R, or with rule: decimation one for "
        "each odd distance up to R.",
};
static const fg_param param_rule = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, rule),
    .name = "rule",
    .def = "block",
    .choices = rules,
    .unit = "1",
    .doc = "What it undoes: blocks, both of whose spins it draws, or a decimation that kept the first, so it draws the "
           "other.",
};
static const fg_param param_weights = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL_LIST,
    .offset = offsetof(config, weights),
    .name = "weights",
    .def = "[]",
    .unit = "1",
    .doc = "Weights by distance, for a model that is ready to dream. Empty: to be trained.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = KIND,
    .summary = "one linear kernel for chains, undoing blocks or decimation",
    .doc =
        "A fine spin is drawn up with probability σ(logit), independently of the other fine spins, with logit(x) = ½ "
        "Σ_o w(|o|) s(x+o) and σ(z) = 1/(1+exp(-z)).\n\n"
        "rule: block is network.symmetric in one dimension: every coarse spin is repeated, and the kernel slides over "
        "that chain.\n\n"
        "rule: decimation undoes coarsen.decimation with factor: 2 and offset: 0: even fine spins are the coarse "
        "ones, odd ones are drawn given the even ones around them. With kernel: 3 and the one weight w = 4K it is the "
        "exact inverse: it makes an Ising chain of coupling K of one with tanh K' = (tanh K)².\n\n"
        "Spins are drawn with probabilities rounded to multiples of 2⁻¹⁶; likelihoods and gradients are those of the "
        "exact probabilities.",
    .params = (const fg_param *const[]){&param_kernel, &param_rule, &param_weights, NULL},
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
    .name = "chain",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
