// potts.c — network.potts: the linear kernel of network.symmetric for Potts states 0 … q-1. Every coarse state is repeated
// 2×2, and the fine state at r is drawn with probability
//     P(a) = exp z_a / Σ_b exp z_b,   z_a = ½ Σ_k w_k n_k(a),
// n_k(a) the number of places of the kernel around r that belong to parameter k and whose state is a. All permutations of
// the states and the symmetries of the square are exact, and for q = 2 this is network.symmetric with the same weights:
// n_k(up) - n_k(down) is the sum of the spins there. As in F. Y. Wu, Rev. Mod. Phys. 54, 235 (1982), only whether states are
// equal counts.
#include "first_model.h"
#include "kernel.h"
#include "numbers.h"
#include "pair_of_batches.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KIND "network.potts"
#define POSITIONS 4u // of a fine state in its block, 2·dy + dx
#define MOST_STATES 256
#define MOST_SIDE 8 // of the square of coarse sites that a fine state looks at, (kernel + 1)/2
#define MOST_CELLS (MOST_SIDE * MOST_SIDE)

/// A coarse site that a fine state looks at, and how often the places of each parameter fall on it.
typedef struct cell {
  int y, x;           ///< from the parent
  double half_weight; ///< ½ Σ_k w_k places[k]
  uint8_t places[KERNEL_MOST_PARAMETERS];
} cell;

/// Immutable once opened.
struct fg_network_model {
  const fg_host *host;
  int64_t states, kernel;
  uint64_t parameters;
  int has_weights;
  uint32_t cells; ///< as many in each position
  cell cell[POSITIONS][MOST_CELLS];
};

// ---- opening

/// The cells of a position: where the places of the kernel around it fall.
static void lay_out(fg_network_model *model, unsigned position, const double *weights) {
  const int radius = (int)(model->kernel / 2), dy = (int)position / 2, dx = (int)position % 2;
  cell *cells = model->cell[position];
  uint32_t count = 0;
  for (int y = -radius; y <= radius; y++) {
    for (int x = -radius; x <= radius; x++) {
      const int to_y = kernel_coarse_of(dy + y), to_x = kernel_coarse_of(dx + x), k = kernel_parameter_at(y, x);
      uint32_t i = 0;
      while (i < count && (cells[i].y != to_y || cells[i].x != to_x)) i++;
      if (i == count) cells[count++] = (cell){.y = to_y, .x = to_x};
      cells[i].places[k]++;
      if (weights) cells[i].half_weight += 0.5 * weights[k];
    }
  }
  model->cells = count;
}

static void close_model(fg_network_model *model) { free(model); }

/// "{"states": 3, "kernel": 3}"
static fg_status read_hyperparameters(fg_network_model *model, const char *hyperparameters) {
  const fg_host *host = model->host;
  json_error_t why;
  json_int_t states = 0, kernel = 0;
  json_t *json = json_loads(hyperparameters, JSON_REJECT_DUPLICATES, &why);
  int read = json && json_unpack_ex(json, &why, JSON_STRICT, "{s:I,s:I}", "states", &states, "kernel", &kernel) == 0;
  json_decref(json);
  if (!read) return host->fail(host, "hyperparameters %s of " KIND " cannot be read: %s", hyperparameters, why.text);
  if (kernel < 3 || kernel > KERNEL_MOST || kernel % 2 == 0 || states < 2 || states > MOST_STATES)
    return host->fail(host, "hyperparameters %s of " KIND ": kernel must be odd, from 3 to %d, states from 2 to %d",
                      hyperparameters, KERNEL_MOST, MOST_STATES);
  model->states = states;
  model->kernel = kernel;
  model->parameters = kernel_parameters(kernel);
  return FG_OK;
}

static fg_status check_weights(const fg_network_model *model, const double *weights, uint64_t count) {
  const fg_host *host = model->host;
  char text[KERNEL_NAMES_LENGTH];
  if (count && count != model->parameters)
    return host->fail(host, "a model of " KIND " came with %" PRIu64 " weights; kernel %" PRId64 " has %" PRIu64 ": %s",
                      count, model->kernel, model->parameters, kernel_list_names(model->parameters, text));
  for (uint64_t k = 0; k < count; k++)
    if (!isfinite(weights[k]))
      return host->fail(host, "weight '%s' of a model of " KIND " is not finite", kernel_parameter_name(k));
  return FG_OK;
}

static fg_status open_model(const fg_host *host, const char *hyperparameters, const double *weights,
                            uint64_t weight_count, fg_network_model **opened) {
  fg_network_model *model = calloc(1, sizeof *model);
  if (!model) return host->fail(host, "out of memory for a model");
  model->host = host;
  if (read_hyperparameters(model, hyperparameters) != FG_OK || check_weights(model, weights, weight_count) != FG_OK) {
    close_model(model);
    return FG_FAILED;
  }
  model->has_weights = weight_count > 0;
  for (unsigned d = 0; d < POSITIONS; d++) lay_out(model, d, model->has_weights ? weights : NULL);
  *opened = model;
  return FG_OK;
}

static uint64_t parameters(const fg_network_model *model) { return model->parameters; }

static const char *parameter_name(const fg_network_model *model, uint64_t index) {
  return index < model->parameters ? kernel_parameter_name(index) : NULL;
}

/// Zeros, all states alike: the likelihood is concave, any start will do.
static void initial_weights(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, double *weights) {
  (void)fill;
  (void)key;
  memset(weights, 0, model->parameters * sizeof *weights);
}

static uint32_t factor(const fg_network_model *model) {
  (void)model;
  return 2;
}

static uint32_t radius(const fg_network_model *model) { return (uint32_t)(model->kernel / 2 + 1) / 2; }

static uint32_t states(const fg_network_model *model) { return (uint32_t)model->states; }

// ---- walking over fine states

/// One configuration at a time, position by position. `around` are the states that a fine state looks at, `chance` the
/// probabilities of what it may be, times `sum`.
typedef struct walk {
  const fg_network_model *model;
  const fg_batch *coarse;
  uint64_t configuration, width, rows;
  uint8_t around[MOST_CELLS];
  double chance[MOST_STATES], sum, largest;
} walk;

static fg_status begin_walk(walk *w, const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                            uint32_t end) {
  const fg_host *host = model->host;
  if (!model->has_weights)
    return host->fail(host, "a model of " KIND " was used before it had weights; train it first");
  *w = (walk){.model = model, .coarse = coarse, .width = fg_lattice_width(&coarse->lattice), .rows = coarse->rows};
  return pair_of_batches_check_element(host, FG_STATE8, fine, coarse, end);
}

static fg_status refuse_state(const fg_network_model *model, unsigned state) {
  const fg_host *host = model->host;
  return host->fail(host,
                    "a configuration has the state %u, but this model has %" PRId64 ", 0 to %" PRId64
                    "; give the sampler and the network the same states",
                    state, model->states, model->states - 1);
}

static inline const uint8_t *states_of(const fg_batch *batch, uint64_t configuration, uint64_t row) {
  return (const uint8_t *)fg_batch_row(batch, configuration, row);
}

/// Goes to the configuration; its coarse states must be those of the model.
static fg_status go_to(walk *w, uint64_t configuration) {
  w->configuration = configuration;
  for (uint64_t y = 0; y < w->rows; y++)
    for (uint64_t x = 0; x < w->width; x++)
      if (states_of(w->coarse, configuration, y)[x] >= w->model->states)
        return refuse_state(w->model, states_of(w->coarse, configuration, y)[x]);
  return FG_OK;
}

static inline uint64_t wrapped(uint64_t at, int by, uint64_t length) {
  return (uint64_t)(((int64_t)at + by) % (int64_t)length + (int64_t)length) % length;
}

/// Looks around the fine state at `position` in the block of coarse site (y, x).
static void look(walk *w, uint64_t y, uint64_t x, unsigned position) {
  const fg_network_model *model = w->model;
  const cell *cells = model->cell[position];
  for (int64_t a = 0; a < model->states; a++) w->chance[a] = 0;
  for (uint32_t i = 0; i < model->cells; i++) {
    const uint8_t *row = states_of(w->coarse, w->configuration, wrapped(y, cells[i].y, w->rows));
    w->around[i] = row[wrapped(x, cells[i].x, w->width)];
    w->chance[w->around[i]] += cells[i].half_weight;
  }
  w->largest = w->chance[0];
  for (int64_t a = 1; a < model->states; a++)
    if (w->chance[a] > w->largest) w->largest = w->chance[a];
  w->sum = 0;
  for (int64_t a = 0; a < model->states; a++) w->sum += w->chance[a] = exp(w->chance[a] - w->largest);
}

// ---- scoring

static fg_status log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                          uint32_t end, double *result) {
  walk w;
  if (begin_walk(&w, model, fine, coarse, end) != FG_OK) return FG_FAILED;
  for (uint32_t c = begin; c < end; c++) {
    if (go_to(&w, c) != FG_OK) return FG_FAILED;
    result[c] = 0;
    for (uint64_t y = 0; y < fine->rows; y++) {
      const uint8_t *row = states_of(fine, c, y);
      for (uint64_t x = 0; x < 2 * w.width; x++) {
        if (row[x] >= model->states) return refuse_state(model, row[x]);
        look(&w, y / 2, x / 2, (unsigned)(2 * (y % 2) + x % 2));
        double own = 0;
        for (uint32_t i = 0; i < model->cells; i++)
          if (w.around[i] == row[x]) own += model->cell[2 * (y % 2) + x % 2][i].half_weight;
        result[c] += own - w.largest - log(w.sum);
      }
    }
  }
  return FG_OK;
}

/// The derivative of -ln P(a) by the weight of a cell is P(its state) less 1 if that is a; the cells' sums are then
/// given to the parameters.
static fg_status gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                          uint32_t end, const double *weight, double *loss, double *result) {
  walk w;
  double sums[POSITIONS][MOST_CELLS] = {{0}};
  if (begin_walk(&w, model, fine, coarse, end) != FG_OK) return FG_FAILED;
  for (uint32_t c = begin; c < end; c++) {
    const double share = weight ? weight[c] : 1;
    if (go_to(&w, c) != FG_OK) return FG_FAILED;
    for (uint64_t y = 0; y < fine->rows; y++) {
      const uint8_t *row = states_of(fine, c, y);
      for (uint64_t x = 0; x < 2 * w.width; x++) {
        const unsigned position = (unsigned)(2 * (y % 2) + x % 2);
        if (row[x] >= model->states) return refuse_state(model, row[x]);
        look(&w, y / 2, x / 2, position);
        double own = 0;
        for (uint32_t i = 0; i < model->cells; i++) {
          const int same = w.around[i] == row[x];
          if (same) own += model->cell[position][i].half_weight;
          sums[position][i] += share * (w.chance[w.around[i]] / w.sum - same);
        }
        *loss -= share * (own - w.largest - log(w.sum));
      }
    }
  }
  for (unsigned d = 0; d < POSITIONS; d++)
    for (uint32_t i = 0; i < model->cells; i++)
      for (uint64_t k = 0; k < model->parameters; k++) result[k] += 0.5 * model->cell[d][i].places[k] * sums[d][i];
  return FG_OK;
}

// ---- drawing: the fine site (y, x) of configuration c takes number (c·rows + y)·width + x of the fine lattice (numbers.h)

/// The state that u, uniform in [0, 1), draws.
static uint8_t draw(const walk *w, double u) {
  double left = u * w->sum;
  int64_t state = 0;
  while (state + 1 < w->model->states && left >= w->chance[state]) left -= w->chance[state++];
  return (uint8_t)state;
}

static fg_status sample(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, const fg_batch *coarse,
                        fg_batch *fine, uint32_t begin, uint32_t end) {
  const fg_host *host = model->host;
  walk w;
  if (begin_walk(&w, model, fine, coarse, end) != FG_OK) return FG_FAILED;
  const uint64_t length = 2 * w.width;
  uint64_t *buffer = calloc(length + NUMBERS_SPARE, sizeof *buffer);
  if (!buffer) return host->fail(host, "out of memory for a row of %" PRIu64 " numbers", length);
  fg_status status = FG_OK;
  for (uint32_t c = begin; status == FG_OK && c < end; c++) {
    status = go_to(&w, c);
    for (uint64_t y = 0; status == FG_OK && y < fine->rows; y++) {
      const uint64_t first = ((fine->first + c) * fine->rows + y) * length;
      const uint64_t *numbers = numbers_fill(fill, key, fine->level, first, length, buffer);
      uint8_t *row = (uint8_t *)fg_batch_row_mut(fine, c, y);
      memset(row, 0, fine->row_bytes);
      for (uint64_t x = 0; x < length; x++) {
        look(&w, y / 2, x / 2, (unsigned)(2 * (y % 2) + x % 2));
        row[x] = draw(&w, (double)(numbers[x] >> 11) * 0x1p-53);
      }
    }
  }
  free(buffer);
  return status;
}

// ---- the extension fg.network/1

static const fg_network network = {
    .size = sizeof(fg_network),
    .element = FG_STATE8,
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
    .states = states,
};

static const void *extension(const char *id) { return strcmp(id, FG_NETWORK_EXTENSION) == 0 ? &network : NULL; }

// ---- the stage

typedef struct config {
  int64_t states, kernel;
  fg_real_list weights;
} config;

static fg_status create(const fg_host *host, const void *given, void **self) {
  const config *c = given;
  char text[KERNEL_NAMES_LENGTH], hyperparameters[FIRST_MODEL_TEXT];
  const uint64_t expected = kernel_parameters(c->kernel);
  if (c->kernel % 2 == 0)
    return host->fail_param(host, "kernel", "%" PRId64 " is even, so it has no centre; use %" PRId64 " or %" PRId64,
                            c->kernel, c->kernel - 1, c->kernel + 1);
  if (c->weights.count && c->weights.count != expected)
    return host->fail_param(host, "weights", "%" PRIu64 " given, kernel %" PRId64 " has %" PRIu64 ": %s",
                            c->weights.count, c->kernel, expected, kernel_list_names(expected, text));
  for (uint64_t k = 0; k < c->weights.count; k++)
    if (!isfinite(c->weights.items[k]))
      return host->fail_param(host, "weights", "'%s' is not a finite number", kernel_parameter_name(k));
  snprintf(hyperparameters, sizeof hyperparameters, "{\"states\":%" PRId64 ",\"kernel\":%" PRId64 "}", c->states,
           c->kernel);
  return first_model_new(host, KIND, hyperparameters, expected, &c->weights, self);
}

static const fg_param param_states = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, states),
    .name = "states",
    .def = "3",
    .min = "2",
    .max = "256",
    .unit = "1",
    .doc = "Number of Potts states q, that of the configurations it is trained on.",
};
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
    .doc =
        "The parameters, for a model that is ready to dream, in the order of network.symmetric. Empty: to be trained.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = KIND,
    .summary = "the linear kernel of network.symmetric for Potts states: 3, 6, 10, … parameters whatever q",
    .doc =
        "P(a) = exp z / Σ exp z over the states, z = ½ Σ w·n, n the number of places of the kernel whose coarse state is "
        "a; fine states are independent given the coarse ones. Permutations of the states and the symmetries of the "
        "square are exact. For two states it is network.symmetric, with the same weights. The likelihood is concave: "
        "train.adam finds the best weights.\n\n"
        "States are drawn with numbers of 53 bits.",
    .params = (const fg_param *const[]){&param_states, &param_kernel, &param_weights, NULL},
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
    .name = "potts network",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
