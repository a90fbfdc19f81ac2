// block.c — network.block: the four fine spins of a 2×2 block are drawn together, blocks independently of each other,
// each given the window of 3×3 coarse spins around its parent:
//     P(block | window) = exp w(window, block) / Σ_b exp w(window, b),   over the 16 states b of a block.
// Pairs (window, block) that a symmetry of the square, or the reversal of all spins, maps onto each other are a class and
// share one parameter w_k; nothing else is assumed. On request states whose majority opposes the parent are excluded.
// Adding a number to all w of a window changes nothing; the parameters are still one a class, so that each is a symbol
// of what it stands for, and training settles the rest by starting from zero.
#include "first_model.h"
#include "numbers.h"
#include "pair_of_batches.h"
#include "window.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define KIND "network.block"
#define WIDTH 3u
#define BEFORE 1u
#define PARENT 4u // bit of the pattern
#define PATTERNS 512u
#define ALL_SPINS 511u
#define STATES 16u // bit 2·dy + dx is the fine spin at (dy, dx)
#define EXCLUDED UINT32_MAX
#define NAME_LENGTH 18u // "+-+/+++/-++ ++/-+"
#define ONE ((uint64_t)1 << 53)

/// Immutable once opened. Arrays are indexed by the window's pattern and the block's state.
struct fg_network_model {
  const fg_host *host;
  int majority;
  uint64_t parameters;
  uint32_t class_of[PATTERNS][STATES]; ///< EXCLUDED: such a block is never drawn
  char (*names)[NAME_LENGTH];
  int has_weights;
  double log_prob[PATTERNS][STATES];
  /// thresholds[p][s]: 2⁵³ · P(state ≤ s), rounded; a number u of 53 bits draws the number of thresholds that it reaches.
  uint64_t thresholds[PATTERNS][STATES];
};

// ---- classes

/// A square of width² spins through symmetry g of the square: bit 0 mirrors y, bit 1 mirrors x, bit 2 transposes.
static uint32_t image(uint32_t spins, uint32_t width, unsigned g) {
  uint32_t result = 0;
  for (uint32_t y = 0; y < width; y++) {
    for (uint32_t x = 0; x < width; x++) {
      uint32_t to_y = g & 4 ? x : y, to_x = g & 4 ? y : x;
      if (g & 1) to_y = width - 1 - to_y;
      if (g & 2) to_x = width - 1 - to_x;
      result |= (spins >> (y * width + x) & 1) << (to_y * width + to_x);
    }
  }
  return result;
}

/// Whether most spins of a block oppose a parent that is up; ties do not.
static int opposes(uint32_t state) { return __builtin_popcount(state) < 2; }

static char *write_square(uint32_t spins, uint32_t width, char *to) {
  for (uint32_t i = 0; i < width * width; i++) {
    if (i && i % width == 0) *to++ = '/';
    *to++ = spins >> i & 1 ? '+' : '-';
  }
  return to;
}

/// Windows with the parent up come before their reversals, so names are written of these.
static void write_name(uint32_t pattern, uint32_t state, char name[NAME_LENGTH]) {
  char *at = write_square(pattern, WIDTH, name);
  *at++ = ' ';
  *write_square(state, 2, at) = 0;
}

/// Numbers the classes in the order of their first pair with the parent up. There are at most as many as such pairs.
static void number_classes(fg_network_model *model) {
  memset(model->class_of, 0xff, sizeof model->class_of);
  model->parameters = 0;
  for (uint32_t p = 0; p < PATTERNS; p++) {
    for (uint32_t s = 0; s < STATES; s++) {
      if (!(p >> PARENT & 1) || model->class_of[p][s] != EXCLUDED || (model->majority && opposes(s))) continue;
      write_name(p, s, model->names[model->parameters]);
      for (unsigned g = 0; g < 8; g++) {
        uint32_t q = image(p, WIDTH, g), t = image(s, 2, g);
        model->class_of[q][t] = model->class_of[q ^ ALL_SPINS][t ^ (STATES - 1)] = (uint32_t)model->parameters;
      }
      model->parameters++;
    }
  }
}

// ---- opening

static void close_model(fg_network_model *model) {
  if (model) free(model->names);
  free(model);
}

/// A model without weights; NULL: out of memory.
static fg_network_model *new_model(const fg_host *host, int majority) {
  fg_network_model *model = calloc(1, sizeof *model);
  if (!model) return NULL;
  model->host = host;
  model->majority = majority;
  model->names = calloc((uint64_t)PATTERNS / 2 * STATES, sizeof *model->names);
  if (model->names) {
    number_classes(model);
    return model;
  }
  close_model(model);
  return NULL;
}

/// Probabilities and thresholds of the blocks in one window.
static void tabulate(fg_network_model *model, uint32_t p, const double *weights) {
  const uint32_t *class_of = model->class_of[p];
  double largest = -INFINITY, sum = 0, below = 0;
  uint32_t last = 0; // state that can be drawn
  for (uint32_t s = 0; s < STATES; s++) {
    model->log_prob[p][s] = class_of[s] == EXCLUDED ? -INFINITY : weights[class_of[s]];
    if (model->log_prob[p][s] > largest) largest = model->log_prob[p][s];
    if (class_of[s] != EXCLUDED) last = s;
  }
  for (uint32_t s = 0; s < STATES; s++) sum += exp(model->log_prob[p][s] - largest);
  for (uint32_t s = 0; s < STATES; s++) {
    model->log_prob[p][s] -= largest + log(sum);
    below += exp(model->log_prob[p][s]);
    model->thresholds[p][s] = s < last && below < 1 ? (uint64_t)llround(below * (double)ONE) : ONE;
  }
}

/// "{"majority": true}"; -1 after reporting why not.
static int read_majority(const fg_host *host, const char *hyperparameters) {
  json_error_t why;
  int majority = 0;
  json_t *json = json_loads(hyperparameters, JSON_REJECT_DUPLICATES, &why);
  int read = json && json_unpack_ex(json, &why, JSON_STRICT, "{s:b}", "majority", &majority) == 0;
  json_decref(json);
  if (read) return majority;
  host->fail(host, "hyperparameters %s of " KIND " cannot be read: %s", hyperparameters, why.text);
  return -1;
}

static fg_status check_weights(const fg_network_model *model, const double *weights, uint64_t count) {
  const fg_host *host = model->host;
  if (count != model->parameters)
    return host->fail(host, "a model of " KIND " came with %" PRIu64 " weights; it has %" PRIu64 " %s", count,
                      model->parameters,
                      model->majority ? "when it respects the majority" : "when all blocks may be drawn");
  for (uint64_t k = 0; k < count; k++)
    if (!isfinite(weights[k]))
      return host->fail(host, "weight '%s' of a model of " KIND " is not finite", model->names[k]);
  return FG_OK;
}

static fg_status open_model(const fg_host *host, const char *hyperparameters, const double *weights,
                            uint64_t weight_count, fg_network_model **opened) {
  int majority = read_majority(host, hyperparameters);
  if (majority < 0) return FG_FAILED;
  fg_network_model *model = new_model(host, majority);
  if (!model) return host->fail(host, "out of memory for a model");
  if (weight_count && check_weights(model, weights, weight_count) != FG_OK) {
    close_model(model);
    return FG_FAILED;
  }
  model->has_weights = weight_count > 0;
  for (uint32_t p = 0; model->has_weights && p < PATTERNS; p++) tabulate(model, p, weights);
  *opened = model;
  return FG_OK;
}

static uint64_t parameters(const fg_network_model *model) { return model->parameters; }

static const char *parameter_name(const fg_network_model *model, uint64_t index) {
  return index < model->parameters ? model->names[index] : NULL;
}

/// Zeros, all blocks alike: the likelihood is concave, any start will do.
static void initial_weights(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, double *weights) {
  (void)fill;
  (void)key;
  memset(weights, 0, model->parameters * sizeof *weights);
}

static uint32_t factor(const fg_network_model *model) {
  (void)model;
  return 2;
}

static uint32_t radius(const fg_network_model *model) {
  (void)model;
  return BEFORE;
}

// ---- scoring

/// Windows along a row, and room for a row of random numbers.
typedef struct walk {
  window windows;
  uint64_t *buffer;
} walk;

static void end_walk(walk *w) {
  window_close(&w->windows);
  free(w->buffer);
}

/// end_walk in any case.
static fg_status begin_walk(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t end,
                            walk *w) {
  const fg_host *host = model->host;
  *w = (walk){0};
  if (!model->has_weights)
    return host->fail(host, "a model of " KIND " was used before it had weights; train it first");
  if (pair_of_batches_check(host, fine, coarse, end) != FG_OK) return FG_FAILED;
  const uint64_t length = fg_lattice_width(&coarse->lattice);
  w->buffer = calloc(length + NUMBERS_SPARE, sizeof *w->buffer);
  if (w->buffer && window_open(&w->windows, WIDTH, BEFORE, length)) return FG_OK;
  return host->fail(host, "out of memory for a row of %" PRIu64 " windows", length);
}

/// State of the block of column x, between two rows of fine spins.
static inline uint32_t state_at(const uint64_t *const rows[2], uint64_t x) {
  const unsigned shift = 2 * x & 63;
  return (uint32_t)((rows[0][x / 32] >> shift & 3) | (rows[1][x / 32] >> shift & 3) << 2);
}

static fg_status log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                          uint32_t end, double *result) {
  walk w;
  fg_status status = begin_walk(model, fine, coarse, end, &w);
  for (uint32_t c = begin; status == FG_OK && c < end; c++) {
    result[c] = 0;
    for (uint64_t y = 0; y < coarse->rows; y++) {
      const uint64_t *const rows[2] = {fg_batch_row(fine, c, 2 * y), fg_batch_row(fine, c, 2 * y + 1)};
      window_load(&w.windows, coarse, c, y);
      for (uint64_t x = 0; x < w.windows.length; x++)
        result[c] += model->log_prob[window_pattern(&w.windows, x, 0, 0)][state_at(rows, x)];
    }
  }
  end_walk(&w);
  return status;
}

/// -ln P of what was seen, and its derivatives by w: for a window seen n times, n·P(block) less how often the block was.
static void add_gradient(const fg_network_model *model, const double (*seen)[STATES], double *loss, double *gradient) {
  for (uint32_t p = 0; p < PATTERNS; p++) {
    double n = 0;
    int any = 0; // weights may be of either sign
    for (uint32_t s = 0; s < STATES; s++) {
      n += seen[p][s];
      any |= seen[p][s] != 0;
    }
    for (uint32_t s = 0; any && s < STATES; s++) {
      const double log_p = model->log_prob[p][s];
      if (seen[p][s] != 0) *loss -= seen[p][s] * log_p;
      if (model->class_of[p][s] != EXCLUDED) gradient[model->class_of[p][s]] += n * exp(log_p) - seen[p][s];
    }
  }
}

static fg_status gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                          uint32_t end, const double *weight, double *loss, double *result) {
  const fg_host *host = model->host;
  double(*seen)[STATES] = calloc(PATTERNS, sizeof *seen);
  if (!seen) return host->fail(host, "out of memory for counts of blocks");
  walk w;
  fg_status status = begin_walk(model, fine, coarse, end, &w);
  for (uint32_t c = begin; status == FG_OK && c < end; c++) {
    for (uint64_t y = 0; y < coarse->rows; y++) {
      const uint64_t *const rows[2] = {fg_batch_row(fine, c, 2 * y), fg_batch_row(fine, c, 2 * y + 1)};
      window_load(&w.windows, coarse, c, y);
      for (uint64_t x = 0; x < w.windows.length; x++)
        seen[window_pattern(&w.windows, x, 0, 0)][state_at(rows, x)] += weight ? weight[c] : 1;
    }
  }
  if (status == FG_OK) add_gradient(model, (const double(*)[STATES])seen, loss, result);
  end_walk(&w);
  free(seen);
  return status;
}

// ---- drawing: the block of coarse site X of row Y of configuration c takes number c·N + Y·width + X (numbers.h), N
// coarse sites a configuration

/// The state that u, a number of 53 bits, draws.
static inline uint32_t draw(const uint64_t thresholds[STATES], uint64_t u) {
  uint32_t state = 0;
  for (uint32_t s = 0; s < STATES; s++) state += u >= thresholds[s];
  return state;
}

static fg_status sample(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, const fg_batch *coarse,
                        fg_batch *fine, uint32_t begin, uint32_t end) {
  walk w;
  fg_status status = begin_walk(model, fine, coarse, end, &w);
  for (uint32_t c = begin; status == FG_OK && c < end; c++) {
    for (uint64_t y = 0; y < coarse->rows; y++) {
      const uint64_t length = w.windows.length, first = ((fine->first + c) * coarse->rows + y) * length;
      const uint64_t *numbers = numbers_fill(fill, key, fine->level, first, length, w.buffer);
      uint64_t *const rows[2] = {fg_batch_row_mut(fine, c, 2 * y), fg_batch_row_mut(fine, c, 2 * y + 1)};
      for (unsigned dy = 0; dy < 2; dy++) memset(rows[dy], 0, fine->row_bytes);
      window_load(&w.windows, coarse, c, y);
      for (uint64_t x = 0; x < length; x++) {
        uint64_t state = draw(model->thresholds[window_pattern(&w.windows, x, 0, 0)], numbers[x] >> 11);
        rows[0][x / 32] |= (state & 3) << (2 * x & 63);
        rows[1][x / 32] |= (state >> 2) << (2 * x & 63);
      }
    }
  }
  end_walk(&w);
  return status;
}

// ---- the extension fg.network/1

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
};

static const void *extension(const char *id) { return strcmp(id, FG_NETWORK_EXTENSION) == 0 ? &network : NULL; }

// ---- the stage

typedef struct config {
  int32_t majority;
  fg_real_list weights;
} config;

static fg_status create(const fg_host *host, const void *given, void **self) {
  const config *c = given;
  fg_network_model *model = new_model(host, c->majority);
  if (!model) return host->fail(host, "out of memory");
  const uint64_t count = c->weights.count, expected = model->parameters;
  close_model(model);
  if (count && count != expected)
    return host->fail_param(host, "weights", "%" PRIu64 " given, with majority: %s there are %" PRIu64, count,
                            c->majority ? "true" : "false", expected);
  for (uint64_t k = 0; k < count; k++)
    if (!isfinite(c->weights.items[k]))
      return host->fail_param(host, "weights", "number %" PRIu64 " is not finite", k + 1);
  const char *hyperparameters = c->majority ? "{\"majority\":true}" : "{\"majority\":false}";
  return first_model_new(host, KIND, hyperparameters, expected, &c->weights, self);
}

static const fg_param param_majority = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_BOOL,
    .offset = offsetof(config, majority),
    .name = "majority",
    .def = "true",
    .doc = "Whether blocks with three or four spins opposed to the parent are excluded; ties never are.",
};
static const fg_param param_weights = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL_LIST,
    .offset = offsetof(config, weights),
    .name = "weights",
    .def = "[]",
    .unit = "1",
    .doc = "The weights of the classes, for a model that is ready to dream, in the order of the table that a trainer "
           "makes. Empty: to be trained.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = KIND,
    .summary = "the four fine spins of a block drawn together, given 3×3 coarse spins: 423 or 618 parameters",
    .doc =
        "P(block | window) = exp w(window, block) / Σ exp w over the 16 states of a 2×2 block, for every window of 3×3 "
        "coarse spins around its parent; blocks are independent of each other. Pairs of window and block that a "
        "symmetry of the square or the reversal of all spins maps onto each other share a weight, and that is all "
        "that is assumed: no network that looks at this window and draws blocks independently does better.\n\n"
        "A weight's name is its pair: the window row by row, then the block, seen with the parent up; + is up.\n\n"
        "With `majority` the blocks that coarsen.majority could not have blocked to this parent have probability "
        "0, which leaves 423 of 618 weights: the blocks of what is dreamt are exactly what it was dreamt from, "
        "but for ties. A fine lattice that has such a block has the log-probability -infinity.\n\n"
        "Blocks are drawn with numbers of 53 bits, so the likelihoods are those of what is drawn to within rounding. "
        "The likelihood is concave in the weights: train.adam finds the best.",
    .params = (const fg_param *const[]){&param_majority, &param_weights, NULL},
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
    .name = "block",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
