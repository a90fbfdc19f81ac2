// table.c — network.table: fine spins that are independent draws, each given the window of w×w coarse spins around it,
// with nothing assumed of how it depends on them. Reversing all spins of a window, or mirroring it at the diagonal through
// the fine spin and its parent, changes nothing for "equals its parent"; windows that are related in these ways are a
// class, and class k has a logit z_k: a fine spin equals its parent with probability σ(z_k), σ(z) = 1/(1 + exp(-z)).
// network.symmetric with kernel 2w-1 looks at the same window: it is the case of logits that are linear in the spins.
#include "table_model.h"

#include "first_model.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define KIND "network.table"
#define NARROWEST 2
#define WIDEST ((int64_t)WINDOWED_TABLE_WIDTH)

// ---- classes

static uint64_t patterns_of(const fg_network_model *base) { return base->all + 1; }

/// The pattern mirrored at the diagonal.
static uint64_t transposed(const fg_network_model *base, uint64_t pattern) {
  uint64_t mirrored = 0;
  for (uint32_t y = 0; y < base->width; y++)
    for (uint32_t x = 0; x < base->width; x++)
      mirrored |= (pattern >> (y * base->width + x) & 1) << (x * base->width + y);
  return mirrored;
}

/// The smallest pattern of a class, its parent up: + for spins equal to the parent, - for others, row by row.
static void write_name(const fg_network_model *base, uint64_t pattern, char name[TABLE_NAME_LENGTH]) {
  for (uint32_t i = 0; i < base->width * base->width; i++) {
    if (i && i % base->width == 0) *name++ = '/';
    *name++ = pattern >> i & 1 ? '+' : '-';
  }
  *name = 0;
}

/// Numbers the classes by their smallest pattern, of those that have the parent up.
static void number_classes(table *model) {
  fg_network_model *base = &model->base;
  base->parameters = 0;
  for (uint64_t p = 0; p < patterns_of(base); p++) {
    if (!(p >> base->parent & 1)) continue;
    uint64_t mirrored = transposed(base, p);
    if (mirrored < p) {
      model->class_of[p] = model->class_of[mirrored];
    } else {
      write_name(base, p, model->names[base->parameters]);
      model->class_of[p] = (uint32_t)base->parameters++;
    }
    model->class_of[p ^ base->all] = model->class_of[p];
  }
}

/// z = logit · parent
static double logit(const fg_network_model *base, uint64_t pattern) {
  const table *model = table_of(base);
  return model->weights[model->class_of[pattern]];
}

// ---- opening

static void close_model(fg_network_model *base) {
  table *model = (table *)base;
  if (!model) return;
  windowed_clear(base);
  free(model->class_of);
  free(model->names);
  free(model->weights);
  free(model->scores);
  free(model);
}

/// A model without weights; NULL: out of memory.
static table *new_model(const fg_host *host, uint32_t width) {
  table *model = calloc(1, sizeof *model);
  if (!model) return NULL;
  fg_network_model *base = &model->base;
  windowed_init(base, host, width, width / 2);
  base->logit = logit;
  model->class_of = calloc(patterns_of(base), sizeof *model->class_of);
  model->names = calloc(patterns_of(base), sizeof *model->names);
  if (model->class_of && model->names) {
    number_classes(model);
    return model;
  }
  close_model(base);
  return NULL;
}

/// Index of the first weight that is not finite; `count` when all are.
static uint64_t first_bad(const double *weights, uint64_t count) {
  uint64_t k = 0;
  while (k < count && isfinite(weights[k])) k++;
  return k;
}

/// Gives a new model its weights.
static fg_status set_weights(table *model, const double *weights, uint64_t count) {
  fg_network_model *base = &model->base;
  const fg_host *host = base->host;
  if (count != base->parameters)
    return host->fail(host, "a model of " KIND " came with %" PRIu64 " weights; window %" PRIu32 " has %" PRIu64, count,
                      base->width, base->parameters);
  uint64_t bad = first_bad(weights, count);
  if (bad < count) return host->fail(host, "weight '%s' of a model of " KIND " is not finite", model->names[bad]);
  model->weights = malloc(count * sizeof *weights);
  model->scores = malloc(patterns_of(base) * sizeof *model->scores);
  if (!model->weights || !model->scores) return host->fail(host, "out of memory for a network's table");
  memcpy(model->weights, weights, count * sizeof *weights);
  for (uint64_t p = 0; p < patterns_of(base); p++) {
    model->scores[p][0] = table_log_sigmoid(logit(base, p));
    model->scores[p][1] = table_log_sigmoid(-logit(base, p));
  }
  return windowed_tabulate(base);
}

/// "{"window": 3}"; 0 after reporting why not.
static uint32_t read_window(const fg_host *host, const char *hyperparameters) {
  json_error_t why;
  json_int_t width = 0;
  json_t *json = json_loads(hyperparameters, JSON_REJECT_DUPLICATES, &why);
  int read = json && json_unpack_ex(json, &why, JSON_STRICT, "{s:I}", "window", &width) == 0;
  json_decref(json);
  if (read && width >= NARROWEST && width <= WIDEST) return (uint32_t)width;
  if (read)
    host->fail(host, "hyperparameters %s of " KIND ": window must be from %d to %" PRId64, hyperparameters, NARROWEST,
               WIDEST);
  else
    host->fail(host, "hyperparameters %s of " KIND " cannot be read: %s", hyperparameters, why.text);
  return 0;
}

static fg_status open_model(const fg_host *host, const char *hyperparameters, const double *weights,
                            uint64_t weight_count, fg_network_model **opened) {
  uint32_t width = read_window(host, hyperparameters);
  if (!width) return FG_FAILED;
  table *model = new_model(host, width);
  if (!model) return host->fail(host, "out of memory for a model");
  if (weight_count && set_weights(model, weights, weight_count) != FG_OK) {
    close_model(&model->base);
    return FG_FAILED;
  }
  *opened = &model->base;
  return FG_OK;
}

static const char *parameter_name(const fg_network_model *base, uint64_t index) {
  return index < base->parameters ? table_of(base)->names[index] : NULL;
}

/// Zeros, every fine spin a coin: the likelihood is concave, any start will do.
static void initial_weights(const fg_network_model *base, fg_rng_fill_fn fill, fg_rng_key key, double *weights) {
  (void)fill;
  (void)key;
  memset(weights, 0, base->parameters * sizeof *weights);
}

// ---- the extension fg.network/1

static const fg_network network = {
    .size = sizeof(fg_network),
    .open = open_model,
    .close = close_model,
    .parameters = windowed_parameters,
    .parameter_name = parameter_name,
    .initial_weights = initial_weights,
    .factor = windowed_factor,
    .radius = windowed_radius,
    .log_prob = table_log_prob,
    .sample = windowed_sample,
    .gradient = table_gradient,
    .table = windowed_table,
    .classes = &table_classes,
};

static const void *extension(const char *id) { return strcmp(id, FG_NETWORK_EXTENSION) == 0 ? &network : NULL; }

// ---- the stage

typedef struct config {
  int64_t window;
  fg_real_list weights;
} config;

/// Logits of a window, which depend on its width alone: patterns that the mirror leaves as they are count twice.
static uint64_t logits_of(int64_t width) {
  const int64_t others = width * width - 1, own = width + width * (width - 1) / 2 - 1;
  return ((UINT64_C(1) << others) + (UINT64_C(1) << own)) / 2;
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  const config *c = given;
  const uint64_t count = c->weights.count, expected = logits_of(c->window);
  if (count && count != expected)
    return host->fail_param(host, "weights", "%" PRIu64 " given, window %" PRId64 " has %" PRIu64, count, c->window,
                            expected);
  uint64_t bad = first_bad(c->weights.items, count);
  if (bad < count) return host->fail_param(host, "weights", "number %" PRIu64 " is not finite", bad + 1);
  char hyperparameters[FIRST_MODEL_TEXT];
  snprintf(hyperparameters, sizeof hyperparameters, "{\"window\":%" PRId64 "}", c->window);
  return first_model_new(host, KIND, hyperparameters, expected, &c->weights, self);
}

static const fg_param param_window = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, window),
    .name = "window",
    .def = "3",
    .min = "2",
    .max = "4",
    .unit = "coarse spacings",
    .doc = "Side of the window; 2, 3, 4 have 6, 144, 16640 logits. With 2 and 4 the fine spin is in the middle, with 3 "
           "its parent.",
};
static const fg_param param_weights = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL_LIST,
    .offset = offsetof(config, weights),
    .name = "weights",
    .def = "[]",
    .unit = "1",
    .doc = "The logits of the classes, in the order of the table that train.newton makes, for a model that is ready to "
           "dream. Empty: to be trained.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = KIND,
    .summary = "a logit for every window of coarse spins: 6, 144 or 16640 parameters",
    .doc = "A fine spin equals its parent with probability 1/(1+exp(-z)), independently of the other fine spins, and z "
           "may be any function of the w×w coarse spins around it that has the symmetries of the square and of the "
           "spins' sign. So this is the best that any network can do which looks at this window and draws spins "
           "independently.\n\n"
           "The window of a fine spin at the upper left of its block has its corner ⌊w/2⌋ rows and columns before the "
           "parent; the other positions see it mirrored. A logit's name is its window, row by row: + is a spin equal "
           "to the parent, - one that is not.\n\n"
           "Windows 2 and 3 can be counted: train.newton finds the best logits at once, and its `prior` those of "
           "windows that never came. Window 4 takes train.adam. A window of 5×5 would have 8.4 million logits.\n\n"
           "Spins are drawn with probabilities rounded to multiples of 2⁻¹⁶, an error of at most 2⁻¹⁷ = 7.6e-6 that "
           "makes dreams the same on every machine; likelihoods and gradients are those of the exact "
           "probabilities.",
    .params = (const fg_param *const[]){&param_window, &param_weights, NULL},
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
    .name = "table",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
