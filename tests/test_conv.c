// test_conv.c — network.conv: oneDNN against plain convolutions, both against the definition on the periodic lattice,
// gradients against finite differences, symmetries to the last bit, tables against layers, drawing against scoring, and
// the linear network against network.symmetric. Statistical tests: fixed seeds, failing by chance less than once in 10⁶.
#include "check.h"
#include "driver.h"
#include "spins.h"

#include "plugins/networks/conv_model.h"
#include "plugins/networks/conv_patches.h"

#include <pthread.h>
#include <stdlib.h>

#define MOST_WEIGHTS 16384

static const char *const activations[] = {"relu", "tanh", "gelu", "softplus", "elu", "silu", "sigmoid"};
#define ACTIVATIONS (sizeof activations / sizeof *activations)

// ---- models

typedef struct opened {
  driver *driver;
  const fg_host *host;
  const fg_network *network; ///< linked into this program, so that models can be looked into
  fg_network_model *model;
  uint64_t parameters;
  double weights[MOST_WEIGHTS];
} opened;

static opened *open_weights(const char *hyperparameters, const double *weights) {
  opened *o = calloc(1, sizeof *o);
  o->driver = driver_open("network.conv", "", 11);
  o->host = driver_host(o->driver);
  o->network = finegrain_plugin.stages[0]->extension(FG_NETWORK_EXTENSION);
  CHECK_INTEGER(o->network->open(o->host, hyperparameters, NULL, 0, &o->model), FG_OK);
  CHECK_TEXT(driver_error(o->driver), "");
  o->parameters = o->network->parameters(o->model);
  CU_ASSERT_FATAL(o->parameters <= MOST_WEIGHTS);
  if (weights)
    memcpy(o->weights, weights, o->parameters * sizeof *weights);
  else
    o->network->initial_weights(o->model, o->host->rng_fill, o->host->rng_key(o->host, "weights"), o->weights);
  for (uint64_t i = 0; !weights && i < o->parameters; i++) // biases, too
    if (o->weights[i] == 0) o->weights[i] = 0.3 * sin(1.0 + 2.3 * (double)i);
  o->network->close(o->model);
  CHECK_INTEGER(o->network->open(o->host, hyperparameters, o->weights, o->parameters, &o->model), FG_OK);
  CHECK_TEXT(driver_error(o->driver), "");
  return o;
}

static opened *open_random(const char *hyperparameters) { return open_weights(hyperparameters, NULL); }

static void close_all(opened *o) {
  o->network->close(o->model);
  driver_close(o->driver);
  free(o);
}

/// Makes a model work through layers of the given engine, even if it has a table.
static void use_layers(opened *o, const conv_engine *engine) {
  free(o->model->table);
  o->model->table = NULL;
  o->model->engine = engine;
}

static double total_log_prob(const opened *o, const fg_batch *fine, const fg_batch *coarse, const double *weight) {
  double log_prob[64], sum = 0;
  CHECK_INTEGER(o->network->log_prob(o->model, fine, coarse, 0, fine->count, log_prob), FG_OK);
  for (uint32_t c = 0; c < fine->count; c++) sum += (weight ? weight[c] : 1) * log_prob[c];
  return sum;
}

// ---- the definition, once more: whole layers on the periodic fine lattice, without patches

static double act(uint32_t kind, double x) {
  switch (kind) {
  case CONV_RELU: return fmax(x, 0);
  case CONV_TANH: return tanh(x);
  case CONV_GELU: return x * 0.5 * erfc(-x / sqrt(2));
  case CONV_SOFTPLUS: return log(1 + exp(x));
  case CONV_ELU: return x > 0 ? x : exp(x) - 1;
  case CONV_SILU: return x / (1 + exp(-x));
  default: return 0.5 * (1 + tanh(x / 2));
  }
}

/// Logits of a lattice of spins (0, 1) that are repeated already, through the layers.
static void plain_logits(const conv_shape *s, const double *weights, const int *spins, int rows, int width,
                         double *logits) {
  const int k = (int)s->kernel, radius = k / 2, sites = rows * width;
  double *in = calloc((size_t)(sites * 64), sizeof *in), *out = calloc((size_t)(sites * 64), sizeof *out);
  for (int i = 0; i < sites; i++) in[i] = s->input == CONV_SIGN ? 2 * spins[i] - 1 : spins[i];
  for (uint32_t l = 0; l < s->layers; l++) {
    const int from = (int)s->channels[l], to = (int)s->channels[l + 1];
    const double *bias = weights + from * to * k * k;
    for (int o = 0; o < to; o++) {
      for (int site = 0; site < sites; site++) {
        double sum = s->bias ? bias[o] : 0;
        for (int i = 0; i < from; i++) {
          for (int t = 0; t < k * k; t++) {
            int y = (site / width + t / k - radius + 99 * rows) % rows,
                x = (site % width + t % k - radius + 99 * width) % width;
            sum += weights[(o * from + i) * k * k + t] * in[i * sites + y * width + x];
          }
        }
        out[o * sites + site] = l + 1 < s->layers ? act(s->activation, sum) : sum;
      }
    }
    weights = bias + (s->bias ? to : 0);
    memcpy(in, out, (size_t)(sites * to) * sizeof *in);
  }
  memcpy(logits, in, (size_t)sites * sizeof *logits);
  free(in);
  free(out);
}

/// Logits of the fine lattice below a coarse one, averaged over the symmetries: the average of f(g s)(g r).
static void direct_logits(const opened *o, const fg_batch *coarse, uint32_t c, double *logits) {
  const conv_shape *s = &o->model->shape;
  const int rows = 2 * (int)coarse->rows, width = 2 * (int)fg_lattice_width(&coarse->lattice), sites = rows * width;
  const int elements = s->symmetrize == CONV_PLAIN ? 1 : 8, flips = s->symmetrize == CONV_D4_Z2 ? 2 : 1;
  int *spins = calloc((size_t)sites, sizeof *spins), *place = calloc((size_t)sites, sizeof *place);
  double *part = calloc((size_t)sites, sizeof *part);
  memset(logits, 0, (size_t)sites * sizeof *logits);
  for (int flip = 0; flip < flips; flip++) {
    for (int g = 0; g < elements; g++) {
      const int turned_rows = g & 1 ? width : rows, turned_width = g & 1 ? rows : width;
      for (int y = 0; y < rows; y++) {
        for (int x = 0; x < width; x++) {
          int to_y = g & 1 ? x : y, to_x = g & 1 ? y : x;
          if (g & 2) to_y = turned_rows - 1 - to_y;
          if (g & 4) to_x = turned_width - 1 - to_x;
          place[y * width + x] = to_y * turned_width + to_x;
          spins[to_y * turned_width + to_x] = (int)spin_get(coarse, c, (uint64_t)y / 2, (uint64_t)x / 2) ^ flip;
        }
      }
      plain_logits(s, o->weights, spins, turned_rows, turned_width, part);
      for (int i = 0; i < sites; i++) logits[i] += (flip ? -1 : 1) * part[place[i]] / (elements * flips);
    }
  }
  free(spins);
  free(place);
  free(part);
}

static double direct_log_prob(const opened *o, const fg_batch *fine, const fg_batch *coarse, uint32_t c) {
  const uint64_t rows = fine->rows, width = fg_lattice_width(&fine->lattice);
  double *logits = calloc(rows * width, sizeof *logits), sum = 0;
  direct_logits(o, coarse, c, logits);
  for (uint64_t i = 0; i < rows * width; i++)
    sum -= log1p(exp(spin_get(fine, c, i / width, i % width) ? -logits[i] : logits[i]));
  free(logits);
  return sum;
}

/// Scores by the definition, by plain layers, by oneDNN, and by the table where there is one.
static void scores(void) {
  static const uint64_t sizes[][2] = {{1, 1}, {2, 2}, {3, 3}, {4, 4}, {2, 5}, {3, 35}};
  static const char *const shapes[] = {
      "{}",
      "{\"channels\": [], \"kernel\": 5, \"input\": \"sign\"}",
      "{\"channels\": [4], \"kernel\": 1, \"symmetrize\": \"d4+z2\"}",
      "{\"channels\": [5], \"bias\": false, \"symmetrize\": \"d4\"}",
      "{\"channels\": [6], \"symmetrize\": \"d4+z2\", \"activation\": \"elu\"}",
      "{\"channels\": [5], \"kernel\": 7, \"activation\": \"tanh\"}",
      "{\"channels\": [3, 4], \"kernel\": 5, \"symmetrize\": \"d4\", \"activation\": \"gelu\"}",
      "{\"channels\": [3, 2, 4], \"symmetrize\": \"d4+z2\", \"input\": \"sign\"}",
  };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    opened *o = open_random(shapes[i]), *plain = open_random(shapes[i]), *fast = open_random(shapes[i]);
    CU_ASSERT((o->model->table != NULL) == (i < 5));
    use_layers(plain, &conv_reference);
    use_layers(fast, &conv_dnnl);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      const uint64_t rows = sizes[s][0], width = sizes[s][1];
      fg_batch *coarse = spins_random(o->host, rows, width, 3, 0.6, s);
      fg_batch *fine = spins_random(o->host, 2 * rows, 2 * width, 3, 0.6, 10 + s);
      double exact = 0, size = 12 * (double)(rows * width);
      for (uint32_t c = 0; c < 3; c++) exact += direct_log_prob(o, fine, coarse, c);
      CHECK_NEAR(total_log_prob(plain, fine, coarse, NULL), exact, 1e-10 * size);
      CHECK_NEAR(total_log_prob(fast, fine, coarse, NULL), exact, 2e-6 * size);
      CHECK_NEAR(total_log_prob(o, fine, coarse, NULL), exact, (o->model->table ? 1e-10 : 2e-6) * size);
      o->host->batch_unref(o->host, coarse);
      o->host->batch_unref(o->host, fine);
    }
    close_all(o);
    close_all(plain);
    close_all(fast);
  }
}

/// Lattices of several tiles, the last of them beyond the edge.
static void tiles(void) {
  static const uint64_t sizes[][2] = {{33, 50}, {32, 32}, {3, 70}};
  opened *o = open_random("{\"channels\": [4], \"kernel\": 5, \"activation\": \"silu\"}");
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    const uint64_t rows = sizes[s][0], width = sizes[s][1];
    fg_batch *coarse = spins_random(o->host, rows, width, 2, 0.6, s);
    fg_batch *fine = spins_random(o->host, 2 * rows, 2 * width, 2, 0.6, 10 + s);
    double exact = direct_log_prob(o, fine, coarse, 0) + direct_log_prob(o, fine, coarse, 1);
    CHECK_NEAR(total_log_prob(o, fine, coarse, NULL), exact, 2e-6 * 8 * (double)(rows * width));
    o->host->batch_unref(o->host, coarse);
    o->host->batch_unref(o->host, fine);
  }
  close_all(o);
}

// ---- one engine against the other

static double largest(const double *values, uint64_t count) {
  double most = 0;
  for (uint64_t i = 0; i < count; i++) most = fmax(most, fabs(values[i]));
  return most;
}

/// Largest difference in units of the largest value.
static double difference(const double *a, const double *b, uint64_t count) {
  double most = 0;
  for (uint64_t i = 0; i < count; i++) most = fmax(most, fabs(a[i] - b[i]));
  return most / (largest(b, count) + 1e-300);
}

static void compare_engines(const char *hyperparameters, uint32_t count, uint32_t side) {
  const conv_engine *const engines[2] = {&conv_dnnl, &conv_reference};
  opened *o = open_random(hyperparameters);
  const uint32_t outer = side + 2 * conv_radius(&o->model->shape);
  const uint64_t in = (uint64_t)count * outer * outer, out = (uint64_t)count * side * side;
  float *spins = calloc(in, sizeof *spins);
  double *slopes = calloc(out, sizeof *slopes), *logits[2], *gradient[2];
  fg_rng rng = fg_rng_start(o->host->rng_fill, o->host->rng_key(o->host, "engines"), count + side);
  for (uint64_t i = 0; i < in; i++) spins[i] = (float)fg_rng_uniform(&rng) - 0.5f;
  for (uint64_t i = 0; i < out; i++) slopes[i] = fg_rng_uniform(&rng) - 0.3;
  for (int e = 0; e < 2; e++) {
    arenas memory = {.spare = {NULL}};
    arena *working = arenas_take(&memory);
    const char *why = NULL;
    logits[e] = calloc(2 * out, sizeof **logits);
    gradient[e] = calloc(o->parameters, sizeof **gradient);
    void *layers = engines[e]->open(&o->model->shape, o->weights, count, side, 1, working, &why);
    CU_ASSERT_FATAL(layers != NULL && why == NULL);
    for (int again = 0; again < 2; again++) {
      CU_ASSERT(engines[e]->forward(layers, spins, logits[e]) == NULL);
      CU_ASSERT(engines[e]->backward(layers, spins, slopes, gradient[e]) == NULL);
    }
    engines[e]->close(layers);
    working->used = 0; // without a way back, in memory full of other things
    layers = engines[e]->open(&o->model->shape, o->weights, count, side, 0, working, &why);
    CU_ASSERT(engines[e]->forward(layers, spins, logits[e] + out) == NULL);
    engines[e]->close(layers);
    arenas_give(&memory, working);
    arenas_clear(&memory);
  }
  double by_value = difference(logits[0], logits[1], 2 * out);
  double by_weight = difference(gradient[0], gradient[1], o->parameters);
  if (by_value > 1e-5 || by_weight > 1e-4) printf("\n    %s: %g %g", hyperparameters, by_value, by_weight);
  CHECK_NEAR(by_value, 0, 1e-5);
  CHECK_NEAR(by_weight, 0, 1e-4);
  for (uint32_t l = 0; l < o->model->shape.layers; l++) { // and layer by layer, biases apart
    const uint64_t first = conv_first(&o->model->shape, l), next = conv_first(&o->model->shape, l + 1);
    const uint64_t bias = first + conv_kernels(&o->model->shape, l);
    CHECK_NEAR(difference(gradient[0] + first, gradient[1] + first, bias - first), 0, 1e-4);
    CHECK_NEAR(difference(gradient[0] + bias, gradient[1] + bias, next - bias), 0, 1e-4);
  }
  for (int e = 0; e < 2; e++) {
    free(logits[e]);
    free(gradient[e]);
  }
  free(spins);
  free(slopes);
  close_all(o);
}

static void engines_agree(void) {
  static const char *const channels[] = {"[]", "[1]", "[5]", "[32]", "[17, 3]", "[4, 16, 6]", "[2, 3, 4, 5]"};
  static const int kernels[] = {1, 3, 5, 7};
  char text[200];
  for (size_t c = 0; c < sizeof channels / sizeof *channels; c++) {
    for (size_t k = 0; k < 4; k++) {
      snprintf(text, sizeof text, "{\"channels\": %s, \"kernel\": %d, \"bias\": %s, \"input\": \"sign\"}", channels[c],
               kernels[k], (c + k) % 2 ? "true" : "false");
      compare_engines(text, 3, 4);
    }
  }
  for (size_t a = 0; a < ACTIVATIONS; a++) {
    snprintf(text, sizeof text, "{\"channels\": [6, 19], \"activation\": \"%s\"}", activations[a]);
    compare_engines(text, 2, 6);
  }
  compare_engines("{\"channels\": [32], \"kernel\": 7}", 1, 21);
  compare_engines("{\"channels\": [3], \"kernel\": 15}", 2, 2);
  compare_engines("{\"channels\": [2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3], \"activation\": \"elu\"}", 1, 2);
}

// ---- gradients

/// Finite differences of the plain layers' log_prob, weight by weight; then oneDNN's gradient against theirs.
static void check_gradient(const char *hyperparameters, uint64_t rows, uint64_t width) {
  static const double weight[3] = {0.5, 2, 1};
  opened *o = open_random(hyperparameters);
  fg_batch *coarse = spins_random(o->host, rows, width, 3, 0.6, 1);
  fg_batch *fine = spins_random(o->host, 2 * rows, 2 * width, 3, 0.6, 2);
  double table[MOST_WEIGHTS] = {0}, exact[MOST_WEIGHTS] = {0}, fast[MOST_WEIGHTS] = {0}, loss[3] = {0};
  double worst = 0, step = 1e-3;
  CHECK_INTEGER(o->network->gradient(o->model, fine, coarse, 0, 3, weight, &loss[2], table), FG_OK);
  use_layers(o, &conv_reference);
  CHECK_INTEGER(o->network->gradient(o->model, fine, coarse, 0, 3, weight, &loss[0], exact), FG_OK);
  CHECK_NEAR(loss[0], -total_log_prob(o, fine, coarse, weight), 1e-9);
  for (uint64_t p = 0; p < o->parameters; p++) {
    double value[4];
    for (int i = 0; i < 4; i++) {
      o->model->weights[p] = o->weights[p] + step * (double[]){-2, -1, 1, 2}[i];
      value[i] = -total_log_prob(o, fine, coarse, weight);
    }
    o->model->weights[p] = o->weights[p];
    double slope = (value[0] - 8 * value[1] + 8 * value[2] - value[3]) / (12 * step);
    worst = fmax(worst, fabs(slope - exact[p]));
  }
  CHECK_NEAR(worst / largest(exact, o->parameters), 0, 1e-7);
  use_layers(o, &conv_dnnl);
  CHECK_INTEGER(o->network->gradient(o->model, fine, coarse, 0, 2, weight, &loss[1], fast), FG_OK); // in two ranges
  CHECK_INTEGER(o->network->gradient(o->model, fine, coarse, 2, 3, NULL, &loss[1], fast), FG_OK);
  CHECK_NEAR(loss[1], loss[0], 1e-6 * loss[0]);
  CHECK_NEAR(loss[2], loss[0], 1e-6 * loss[0]);
  CHECK_NEAR(difference(fast, exact, o->parameters), 0, 1e-4);
  CHECK_NEAR(difference(table, exact, o->parameters), 0, 1e-4);
  o->host->batch_unref(o->host, coarse);
  o->host->batch_unref(o->host, fine);
  close_all(o);
}

/// relu and elu have kinks that a finite step may cross: with one hidden layer of three none of these steps does.
static void gradients(void) {
  char text[200];
  for (size_t a = 0; a < ACTIVATIONS; a++) {
    snprintf(text, sizeof text, "{\"channels\": [3, 2], \"activation\": \"%s\", \"input\": \"%s\"}", activations[a],
             a % 2 ? "sign" : "binary");
    if (strcmp(activations[a], "relu") != 0 && strcmp(activations[a], "elu") != 0) check_gradient(text, 2, 3);
  }
  check_gradient("{\"channels\": [3], \"activation\": \"elu\"}", 2, 2);
  check_gradient("{\"channels\": [3], \"activation\": \"relu\", \"input\": \"sign\"}", 2, 2);
  check_gradient("{\"channels\": [2, 2], \"activation\": \"tanh\", \"symmetrize\": \"d4\"}", 2, 2);
  check_gradient("{\"channels\": [2, 2], \"activation\": \"silu\", \"symmetrize\": \"d4+z2\"}", 1, 2);
  check_gradient("{\"channels\": [4], \"activation\": \"gelu\", \"symmetrize\": \"d4+z2\"}", 3, 3); // in a table
  check_gradient("{\"channels\": [4], \"activation\": \"softplus\", \"symmetrize\": \"d4\"}", 3, 3);
  check_gradient("{\"channels\": [], \"kernel\": 5, \"bias\": false}", 2, 4);
  check_gradient("{\"channels\": [3], \"kernel\": 1, \"activation\": \"tanh\"}", 2, 4);
  check_gradient("{\"channels\": [], \"kernel\": 3}", 20, 40); // several tiles
}

// ---- symmetries

/// Logits of a patch and of its images, bit by bit, from oneDNN; and odd under a spin flip.
static void symmetries_of_patches(void) {
  static const char *const shapes[] = {"{\"channels\": [7], \"kernel\": 5, \"symmetrize\": \"d4+z2\"}",
                                       "{\"channels\": [5, 6], \"symmetrize\": \"d4+z2\", \"activation\": \"gelu\"}",
                                       "{\"channels\": [7], \"kernel\": 5, \"symmetrize\": \"d4\"}"};
  enum { SIDE = 12 };
  for (size_t i = 0; i < 3; i++) {
    opened *o = open_random(shapes[i]);
    const conv_shape *shape = &o->model->shape;
    arena *memory = arenas_take(o->model->memory);
    conv_patches patches;
    double first[SIDE * SIDE], values = 0;
    CU_ASSERT_FATAL(conv_patches_open(&patches, shape, &conv_dnnl, o->weights, 2, SIDE, 0, memory) == NULL);
    const uint32_t outer = patches.outer;
    unsigned spins[64 * 64];
    fg_rng rng = fg_rng_start(o->host->rng_fill, o->host->rng_key(o->host, "patch"), i);
    for (uint32_t s = 0; s < outer * outer; s++) spins[s] = fg_rng_bits(&rng) & 1;
    for (uint32_t g = 0; g < conv_symmetry_count(shape); g++) {
      for (uint32_t s = 0; s < outer * outer; s++) {
        unsigned spin = spins[conv_image(g, outer, s / outer, s % outer)] ^ (g & CONV_FLIP_SPINS ? 1 : 0);
        patches.spins[(g & 1) * outer * outer + s] = conv_value(shape, spin); // now here, now there
      }
      CU_ASSERT(conv_patches_evaluate(&patches) == NULL);
      const double *logits = patches.logits + (g & 1) * SIDE * SIDE;
      if (g == 0) memcpy(first, logits, sizeof first);
      int wrong = 0;
      for (uint32_t s = 0; s < SIDE * SIDE; s++)
        wrong += logits[s] != conv_sign(g) * first[conv_image(g, SIDE, s / SIDE, s % SIDE)];
      CHECK_INTEGER(wrong, 0);
    }
    for (uint32_t s = 0; s < SIDE * SIDE; s++) values += fabs(first[s] - first[0]);
    CU_ASSERT(values > 1);
    conv_patches_close(&patches);
    arenas_give(o->model->memory, memory);
    close_all(o);
  }
}

static fg_batch *transform(const fg_host *host, const fg_batch *batch, int g, unsigned flip) {
  const uint64_t length = batch->rows;
  fg_batch *image = spins_new(host, length, length, batch->count);
  for (uint32_t c = 0; c < batch->count; c++) {
    for (uint64_t i = 0; i < length * length; i++) {
      uint64_t y = i / length, x = i % length, to_y = g & 1 ? x : y, to_x = g & 1 ? y : x;
      spin_set(image, c, g & 2 ? length - 1 - to_y : to_y, g & 4 ? length - 1 - to_x : to_x,
               spin_get(batch, c, y, x) ^ flip);
    }
  }
  return image;
}

/// Scores of transformed pairs, with and without a table; draws with the same random numbers, spins reversed.
static void symmetries_of_lattices(void) {
  static const char *const shapes[] = {"{\"symmetrize\": \"d4+z2\"}",
                                       "{\"channels\": [6], \"kernel\": 7, \"symmetrize\": \"d4+z2\"}",
                                       "{\"channels\": [5], \"kernel\": 5}"};
  for (size_t i = 0; i < 3; i++) {
    opened *o = open_random(shapes[i]);
    fg_rng_key key = o->host->rng_key(o->host, "draws");
    fg_batch *coarse = spins_random(o->host, 6, 6, 1, 0.6, 1), *fine = spins_random(o->host, 12, 12, 1, 0.6, 2);
    fg_batch *drawn = spins_new(o->host, 12, 12, 1), *again = spins_new(o->host, 12, 12, 1);
    double first = total_log_prob(o, fine, coarse, NULL), most = 0;
    for (int g = 0; g < 8; g++) {
      for (unsigned flip = 0; flip < 2; flip++) {
        fg_batch *turned = transform(o->host, coarse, g, flip), *below = transform(o->host, fine, g, flip);
        most = fmax(most, fabs(total_log_prob(o, below, turned, NULL) - first));
        o->host->batch_unref(o->host, turned);
        o->host->batch_unref(o->host, below);
      }
    }
    if (i < 2) CHECK_NEAR(most, 0, 1e-11);
    if (i == 2) CU_ASSERT(most > 0.1); // the test sees what is not symmetric
    fg_batch *reversed = transform(o->host, coarse, 0, 1);
    CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, drawn, 0, 1), FG_OK);
    CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, reversed, again, 0, 1), FG_OK);
    fg_batch *expected = transform(o->host, drawn, 0, 1);
    CU_ASSERT(spins_equal(again, expected) == (i < 2));
    fg_batch *all[] = {coarse, fine, drawn, again, reversed, expected};
    for (size_t b = 0; b < 6; b++) o->host->batch_unref(o->host, all[b]);
    close_all(o);
  }
}

/// The table says what network.h says: thresholds for each position in a block, of the same window.
static void check_table(const char *hyperparameters) {
  opened *o = open_random(hyperparameters);
  const fg_network_table *table = o->network->table(o->model);
  CU_ASSERT_FATAL(table != NULL);
  CHECK_INTEGER(table->window, 3);
  CHECK_INTEGER(table->before, 1);
  CHECK_INTEGER(table->positions, 4);
  fg_batch *coarse = spins_random(o->host, 7, 7, 1, 0.5, 4);
  double logits[14 * 14];
  int wrong = 0;
  direct_logits(o, coarse, 0, logits);
  for (int y = 0; y < 14; y++) {
    for (int x = 0; x < 14; x++) {
      uint32_t pattern = 0;
      for (int i = 0; i < 9; i++) {
        pattern |= spin_get(coarse, 0, (uint64_t)(y / 2 + i / 3 + 6) % 7, (uint64_t)(x / 2 + i % 3 + 6) % 7) << i;
      }
      double sign = spin_get(coarse, 0, (uint64_t)y / 2, (uint64_t)x / 2) ? 1 : -1;
      pattern += 512 * (uint32_t)(2 * (y & 1) + (x & 1));
      wrong += table->thresholds[pattern] != (uint32_t)lround(65536 / (1 + exp(sign * logits[y * 14 + x])));
    }
  }
  CHECK_INTEGER(wrong, 0);
  o->host->batch_unref(o->host, coarse);
  close_all(o);
}

static void table_as_laid_down(void) {
  check_table("{\"channels\": [6]}");
  check_table("{\"channels\": [6], \"symmetrize\": \"d4\"}");
  opened *o = open_random("{\"channels\": [6], \"kernel\": 5, \"symmetrize\": \"d4\"}");
  CU_ASSERT(o->network->table(o->model) == NULL);
  close_all(o);
}

// ---- drawing

/// All 2^(4N) fine lattices below one coarse lattice, with their parents beside them.
static void enumerate(const opened *o, const fg_batch *one, fg_batch **fine, fg_batch **coarse) {
  const uint64_t length = one->rows, sites = 4 * length * length;
  const uint32_t count = 1u << sites;
  *fine = spins_new(o->host, 2 * length, 2 * length, count);
  *coarse = spins_new(o->host, length, length, count);
  for (uint32_t c = 0; c < count; c++) {
    memcpy(fg_batch_row_mut(*coarse, c, 0), one->data, length * one->row_bytes);
    for (uint64_t i = 0; i < sites; i++) spin_set(*fine, c, i / (2 * length), i % (2 * length), c >> i & 1);
  }
}

static const char *const drawing_shapes[] = {"{}", "{\"channels\": [8], \"kernel\": 7}",
                                             "{\"channels\": [4, 5], \"activation\": \"tanh\"}",
                                             "{\"channels\": [5], \"kernel\": 5, \"symmetrize\": \"d4+z2\"}"};

static void probabilities_sum_to_one(void) {
  for (size_t i = 0; i < 4; i++) {
    opened *o = open_random(drawing_shapes[i]);
    for (uint64_t length = 1; length <= (i < 2 ? 2 : 1); length++) {
      fg_batch *fine, *coarse, *one = spins_random(o->host, length, length, 1, 0.5, length);
      enumerate(o, one, &fine, &coarse);
      double *log_prob = calloc(fine->count, sizeof *log_prob), sum = 0;
      CHECK_INTEGER(o->network->log_prob(o->model, fine, coarse, 0, fine->count, log_prob), FG_OK);
      for (uint32_t c = 0; c < fine->count; c++) sum += exp(log_prob[c]);
      CHECK_NEAR(sum, 1, 1e-9);
      free(log_prob);
      o->host->batch_unref(o->host, fine);
      o->host->batch_unref(o->host, coarse);
      o->host->batch_unref(o->host, one);
    }
    close_all(o);
  }
}

/// χ² of 2·10⁴ draws of the 16 lattices below one spin, as a normal deviate (Wilson & Hilferty, PNAS 17, 684, 1931).
static void frequencies(void) {
  enum { DRAWS = 20000 };
  for (size_t i = 0; i < 4; i++) {
    for (unsigned parent = 0; parent < 2; parent++) {
      opened *o = open_random(drawing_shapes[i]);
      fg_batch *fine, *coarse, *one = spins_new(o->host, 1, 1, 1);
      double log_prob[16], observed[16] = {0}, chi = 0, cells = 0;
      spin_set(one, 0, 0, 0, parent);
      enumerate(o, one, &fine, &coarse);
      CHECK_INTEGER(o->network->log_prob(o->model, fine, coarse, 0, 16, log_prob), FG_OK);
      fg_batch *parents = spins_random(o->host, 1, 1, DRAWS, parent, 0), *drawn = spins_new(o->host, 2, 2, DRAWS);
      drawn->level = 1;
      fg_rng_key key = o->host->rng_key(o->host, "frequencies");
      CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, parents, drawn, 0, DRAWS), FG_OK);
      for (uint32_t c = 0; c < DRAWS; c++)
        observed[spin_get(drawn, c, 0, 0) | spin_get(drawn, c, 0, 1) << 1 | spin_get(drawn, c, 1, 0) << 2 |
                 spin_get(drawn, c, 1, 1) << 3]++;
      for (int cell = 0; cell < 16; cell++) {
        double expected = DRAWS * exp(log_prob[cell]);
        if (expected < 5) continue;
        chi += (observed[cell] - expected) * (observed[cell] - expected) / expected;
        cells++;
      }
      double f = cells - 1, deviate = (cbrt(chi / f) - (1 - 2 / (9 * f))) / sqrt(2 / (9 * f));
      CU_ASSERT(cells >= 8);
      CHECK_NEAR(deviate, 0, 4.9);
      fg_batch *all[] = {fine, coarse, one, parents, drawn};
      for (size_t b = 0; b < 5; b++) o->host->batch_unref(o->host, all[b]);
      close_all(o);
    }
  }
}

/// The number u of a fine spin, read plane by plane as network.h says.
static uint32_t number_of(const opened *o, fg_rng_key key, uint64_t level, uint64_t g, uint64_t d) {
  uint32_t u = 0;
  for (uint64_t p = 0; p < 16; p++) {
    uint8_t plane[64];
    fg_rng_counter counter = {.low = ((g / 512 * 4 + d) * 16 + p) * 4, .high = level};
    o->host->rng_fill(key, counter, plane, sizeof plane);
    u |= (uint32_t)(plane[g % 512 / 8] >> (g % 8) & 1) << p;
  }
  return u;
}

/// Every spin against that number and the threshold of the direct logit; then the same in ranges.
static void drawn_as_laid_down(void) {
  static const uint64_t sizes[][2] = {{1, 1}, {3, 3}, {8, 8}, {3, 70}, {36, 33}};
  for (size_t i = 0; i < 4; i++) {
    opened *o = open_random(drawing_shapes[i]);
    fg_rng_key key = o->host->rng_key(o->host, "layout");
    for (size_t s = 0; s < (i == 3 ? 3 : 5); s++) {
      const uint64_t rows = sizes[s][0], width = sizes[s][1];
      uint32_t count = rows * width < 10 ? 300 : 4, wrong = 0;
      fg_batch *coarse = spins_random(o->host, rows, width, count, 0.5, s);
      fg_batch *fine = spins_random(o->host, 2 * rows, 2 * width, count, 0.5, 9); // what is there does not matter
      fg_batch *again = spins_new(o->host, 2 * rows, 2 * width, count);
      double *logits = calloc(4 * rows * width, sizeof *logits);
      fine->first = again->first = 1000003;
      fine->level = again->level = 5;
      CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, fine, 0, count), FG_OK);
      CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, again, 3, count), FG_OK);
      CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, again, 0, 3), FG_OK);
      CU_ASSERT(spins_equal(fine, again));
      for (uint32_t c = 0; c < count && c < 40; c++) {
        direct_logits(o, coarse, c, logits);
        for (uint64_t y = 0; y < 2 * rows; y++) {
          for (uint64_t x = 0; x < 2 * width; x++) {
            uint64_t g = ((fine->first + c) * rows + y / 2) * width + x / 2;
            unsigned parent = spin_get(coarse, c, y / 2, x / 2);
            double z = logits[y * 2 * width + x] * (parent ? 1 : -1);
            unsigned differs = number_of(o, key, 5, g, 2 * (y & 1) + (x & 1)) < (uint32_t)lround(65536 / (1 + exp(z)));
            wrong += (parent ^ differs) != spin_get(fine, c, y, x);
          }
        }
      }
      CHECK_INTEGER(wrong, 0);
      free(logits);
      fg_batch *all[] = {coarse, fine, again};
      for (size_t b = 0; b < 3; b++) o->host->batch_unref(o->host, all[b]);
    }
    close_all(o);
  }
}

// ---- several threads with one model

typedef struct caller {
  const opened *o;
  const fg_batch *coarse, *fine;
  double log_prob[8], gradient[MOST_WEIGHTS], loss;
  int wrong;
} caller;

static void *call(void *arg) {
  caller *self = arg;
  for (int i = 0; i < 10; i++) {
    fg_batch *drawn = spins_new(self->o->host, 16, 16, 8);
    fg_rng_key key = self->o->host->rng_key(self->o->host, "threads");
    self->wrong += self->o->network->sample(self->o->model, self->o->host->rng_fill, key, self->coarse, drawn, 0, 8);
    self->wrong += !spins_equal(drawn, self->fine);
    self->wrong += strcmp(self->o->network->parameter_name(self->o->model, 1), "layer1.weight[0][0][0][1]") != 0;
    self->wrong += self->o->network->log_prob(self->o->model, drawn, self->coarse, 0, 8, self->log_prob);
    self->wrong +=
        self->o->network->gradient(self->o->model, drawn, self->coarse, 0, 8, NULL, &self->loss, self->gradient);
    self->o->host->batch_unref(self->o->host, drawn);
  }
  return NULL;
}

static void threads_share_a_model(void) {
  enum { THREADS = 5 };
  opened *o = open_random("{\"channels\": [8], \"kernel\": 5}");
  fg_batch *coarse = spins_random(o->host, 8, 8, 8, 0.5, 3), *fine = spins_new(o->host, 16, 16, 8);
  fg_rng_key key = o->host->rng_key(o->host, "threads");
  CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, fine, 0, 8), FG_OK);
  caller *callers = calloc(THREADS, sizeof *callers);
  pthread_t threads[THREADS];
  for (int t = 0; t < THREADS; t++) {
    callers[t].o = o;
    callers[t].coarse = coarse;
    callers[t].fine = fine;
    CU_ASSERT_FATAL(pthread_create(&threads[t], NULL, call, &callers[t]) == 0);
  }
  for (int t = 0; t < THREADS; t++) {
    pthread_join(threads[t], NULL);
    CHECK_INTEGER(callers[t].wrong, 0);
    CU_ASSERT(memcmp(callers[t].log_prob, callers[0].log_prob, sizeof callers[t].log_prob) == 0);
    CU_ASSERT(memcmp(callers[t].gradient, callers[0].gradient, sizeof callers[t].gradient) == 0);
  }
  free(callers);
  o->host->batch_unref(o->host, coarse);
  o->host->batch_unref(o->host, fine);
  close_all(o);
}

// ---- special cases

/// ½ Σ w s = Σ w x - ½ Σ w with x = (1 + s)/2: network.symmetric is a linear convolution of 0 and 1.
static void symmetric_is_a_special_case(void) {
  static const int ring[9] = {0, 1, 0, 1, 2, 1, 0, 1, 0};
  double weights[10] = {0}, scores[2][4];
  for (int i = 0; i < 9; i++) weights[i] = published3[ring[i]];
  for (int i = 0; i < 9; i++) weights[9] -= weights[i] / 2;
  opened *o = open_weights("{\"channels\": [], \"kernel\": 3}", weights);
  const fg_network *symmetric = o->host->lookup(o->host, "network.symmetric", FG_NETWORK_EXTENSION);
  fg_network_model *model;
  CHECK_INTEGER(symmetric->open(o->host, "{\"kernel\": 3}", published3, 3, &model), FG_OK);
  fg_batch *coarse = spins_random(o->host, 8, 8, 4, 0.6, 1), *fine = spins_random(o->host, 16, 16, 4, 0.6, 2);
  fg_batch *drawn[2] = {spins_new(o->host, 16, 16, 4), spins_new(o->host, 16, 16, 4)};
  CHECK_INTEGER(symmetric->log_prob(model, fine, coarse, 0, 4, scores[0]), FG_OK);
  for (int layers = 0; layers < 2; layers++) { // with the table, then without
    if (layers) use_layers(o, &conv_dnnl);
    CHECK_INTEGER(o->network->log_prob(o->model, fine, coarse, 0, 4, scores[1]), FG_OK);
    for (int c = 0; c < 4; c++) CHECK_NEAR(scores[1][c], scores[0][c], 1e-6 * fabs(scores[0][c]));
    fg_rng_key key = o->host->rng_key(o->host, "same");
    CHECK_INTEGER(symmetric->sample(model, o->host->rng_fill, key, coarse, drawn[0], 0, 4), FG_OK);
    CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, drawn[1], 0, 4), FG_OK);
    CU_ASSERT(spins_equal(drawn[0], drawn[1]));
  }
  symmetric->close(model);
  fg_batch *all[] = {coarse, fine, drawn[0], drawn[1]};
  for (size_t b = 0; b < 4; b++) o->host->batch_unref(o->host, all[b]);
  close_all(o);
}

static void initial_weights(void) {
  static const struct {
    const char *text;
    double variance[2];
  } cases[] = {{"{\"channels\": [256], \"kernel\": 3}", {2. / 9, 2. / (9 * 256)}},
               {"{\"channels\": [256], \"kernel\": 3, \"init\": \"glorot\"}", {2. / (9 * 257), 2. / (9 * 257)}},
               {"{\"channels\": [256], \"kernel\": 3, \"init\": \"lecun\"}", {1. / 9, 1. / (9 * 256)}}};
  enum { LAYER = 9 * 256, ALL = 2 * LAYER + 256 + 1 };
  driver *d = driver_open("network.conv", "", 1);
  const fg_host *host = driver_host(d);
  const fg_network *network = host->lookup(host, "network.conv", FG_NETWORK_EXTENSION);
  for (size_t i = 0; i < 3; i++) {
    fg_network_model *model;
    static double weights[ALL], others[ALL];
    CHECK_INTEGER(network->open(host, cases[i].text, NULL, 0, &model), FG_OK);
    CHECK_INTEGER(network->parameters(model), ALL);
    network->initial_weights(model, host->rng_fill, host->rng_key(host, "a"), weights);
    network->initial_weights(model, host->rng_fill, host->rng_key(host, "b"), others);
    CU_ASSERT(memcmp(weights, others, sizeof weights) != 0);
    network->initial_weights(model, host->rng_fill, host->rng_key(host, "a"), others);
    CU_ASSERT(memcmp(weights, others, sizeof weights) == 0);
    for (int layer = 0; layer < 2; layer++) {
      const double *first = weights + layer * (LAYER + 256), variance = cases[i].variance[layer];
      double sums[3] = {0};
      for (int w = 0; w < LAYER; w++)
        for (int power = 1; power <= 3; power++)
          sums[power - 1] += pow(first[w] / sqrt(variance), power == 3 ? 4 : power);
      CHECK_NEAR(sums[0] / LAYER, 0, 5 / sqrt(LAYER));
      CHECK_NEAR(sums[1] / LAYER, 1, 5 * sqrt(2. / LAYER));
      CHECK_NEAR(sums[2] / LAYER, 3, 5 * sqrt(96. / LAYER));
    }
    for (int b = 0; b < 256; b++) CHECK_NEAR(weights[LAYER + b], 0, 0);
    CHECK_NEAR(weights[ALL - 1], 0, 0);
    network->close(model);
  }
  driver_close(d);
}

static void sizes_and_names(void) {
  static const struct {
    const char *text;
    uint64_t parameters;
    uint32_t radius;
  } cases[] = {{"{}", 609, 1},
               {"{\"kernel\": 7}", 3169, 3},
               {"{\"kernel\": 7, \"bias\": false}", 3136, 3},
               {"{\"channels\": []}", 10, 1},
               {"{\"channels\": [], \"kernel\": 1}", 2, 0},
               {"{\"channels\": [4, 8], \"kernel\": 5}", 100 + 4 + 800 + 8 + 200 + 1, 3},
               {"{\"channels\": [2, 2, 2], \"kernel\": 15}", 225 * 12 + 7, 14}};
  driver *d = driver_open("network.conv", "", 1);
  const fg_host *host = driver_host(d);
  const fg_network *network = host->lookup(host, "network.conv", FG_NETWORK_EXTENSION);
  fg_network_model *model;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK_INTEGER(network->open(host, cases[i].text, NULL, 0, &model), FG_OK);
    CHECK_INTEGER(network->parameters(model), cases[i].parameters);
    CHECK_INTEGER(network->radius(model), cases[i].radius);
    CHECK_INTEGER(network->factor(model), 2);
    CU_ASSERT(network->parameter_name(model, cases[i].parameters) == NULL);
    network->close(model);
  }
  CHECK_INTEGER(network->open(host, "{\"channels\": [4, 8], \"kernel\": 5}", NULL, 0, &model), FG_OK);
  CHECK_TEXT(network->parameter_name(model, 0), "layer1.weight[0][0][0][0]");
  CHECK_TEXT(network->parameter_name(model, 99), "layer1.weight[3][0][4][4]");
  CHECK_TEXT(network->parameter_name(model, 103), "layer1.bias[3]");
  CHECK_TEXT(network->parameter_name(model, 104 + 25 * (4 * 7 + 2) + 5 * 1 + 3), "layer2.weight[7][2][1][3]");
  CHECK_TEXT(network->parameter_name(model, 912), "layer3.weight[0][0][0][0]");
  CHECK_TEXT(network->parameter_name(model, 1112), "layer3.bias[0]");
  network->close(model);
  driver_close(d);
}

// ---- the stage

static void emits_a_model(void) {
  driver *d = driver_open("network.conv",
                          "channels: [], kernel: 1, activation: elu, bias: false, input: sign, symmetrize: d4+z2, "
                          "init: lecun, weights: [1.5]",
                          1);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_TEXT(driver_format(d, 0)->network, "network.conv");
  CHECK_INTEGER(driver_format(d, 0)->has_weights, 1);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_INTEGER(driver_count(d, 0), 1);
  const fg_model *model = driver_message(d, 0, 0)->model;
  CHECK_TEXT(model->hyperparameters, "{\"channels\":[],\"kernel\":1,\"activation\":\"elu\",\"bias\":false,\"input\":"
                                     "\"sign\",\"symmetrize\":\"d4+z2\",\"init\":\"lecun\"}");
  CHECK_INTEGER(model->weight_count, 1);
  CHECK_NEAR(model->weights[0], 1.5, 0);
  driver_close(d);

  d = driver_open("network.conv", "", 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_INTEGER(driver_format(d, 0)->has_weights, 0);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  model = driver_message(d, 0, 0)->model;
  CHECK_INTEGER(model->weight_count, 0);
  CHECK_TEXT(model->hyperparameters, "{\"channels\":[32],\"kernel\":3,\"activation\":\"relu\",\"bias\":true,\"input\":"
                                     "\"binary\",\"symmetrize\":\"none\",\"init\":\"he\"}");
  const fg_network *network = driver_stage(d)->extension(FG_NETWORK_EXTENSION);
  fg_network_model *again;
  CHECK_INTEGER(network->open(driver_host(d), model->hyperparameters, NULL, 0, &again), FG_OK);
  CHECK_INTEGER(network->parameters(again), 609);
  network->close(again);
  driver_close(d);
}

static void refused(const char *params, const char *message) {
  driver *d = driver_open("network.conv", params, 1);
  CU_ASSERT(driver_self(d) == NULL);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void not_opened(const char *hyperparameters, const double *weights, uint64_t count, const char *message) {
  driver *d = driver_open("network.conv", "", 1);
  fg_network_model *model;
  const fg_network *network = driver_stage(d)->extension(FG_NETWORK_EXTENSION);
  CHECK_INTEGER(network->open(driver_host(d), hyperparameters, weights, count, &model), FG_FAILED);
  if (message) CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refusals(void) {
  refused("kernel: 4", "4 is even, so it has no centre; use 3 or 5");
  refused("weights: [1, 2]", "2 given, this network has 609");
  refused("channels: [], weights: [1, 2, 3, 4, 5, 6, 1e200, 8, 9, 10]", "'layer1.weight[0][0][2][0]' is too large");
  refused("channels: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]",
          "channels lists 17 hidden layers; at most 16 are possible");
  refused("channels: [512, 512], kernel: 15",
          "channels and kernel make 59213825 weights; at most 16777216 are possible");

  static const char *const unreadable[] = {"",
                                           "[3]",
                                           "{\"kernel\": 3.5}",
                                           "{\"kernel\": 0}",
                                           "{\"kernel\": 17}",
                                           "{\"channels\": 3}",
                                           "{\"channels\": [0]}",
                                           "{\"channels\": [513]}",
                                           "{\"channels\": [1.5]}",
                                           "{\"bias\": 1}",
                                           "{\"input\": 1}",
                                           "{\"init\": \"him\"}",
                                           "{\"kernel\": 3, \"kernel\": 5}",
                                           "{\"kernel\": 3, \"colour\": 1}",
                                           "{\"kernel\": 3"};
  for (size_t i = 0; i < sizeof unreadable / sizeof *unreadable; i++) not_opened(unreadable[i], NULL, 0, NULL);
  double weights[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, NAN};
  not_opened(
      "{\"kernel\": 4}", NULL, 0,
      "hyperparameters {\"kernel\": 4} of network.conv cannot be read: kernel is 4; it must be odd, from 1 to 15");
  not_opened("{\"activation\": \"step\"}", NULL, 0,
             "hyperparameters {\"activation\": \"step\"} of network.conv cannot be read: activation is 'step'; it must "
             "be one of relu tanh gelu softplus elu silu sigmoid");
  not_opened("{\"channels\": []}", weights, 9,
             "a model of network.conv came with 9 weights; {\"channels\": []} has 10");
  not_opened("{\"channels\": []}", weights, 10,
             "weight 'layer1.bias[0]' of a model of network.conv is not a finite number");
  weights[9] = -INFINITY;
  not_opened("{\"channels\": []}", weights, 10, NULL);
  weights[9] = 1e39; // beyond single precision
  not_opened("{\"channels\": []}", weights, 10, NULL);
}

static void misuse(void) {
  opened *o = open_random("{\"channels\": [3], \"kernel\": 5}");
  fg_batch *coarse = spins_new(o->host, 4, 4, 1), *fine = spins_new(o->host, 6, 6, 1),
           *good = spins_new(o->host, 8, 8, 1);
  double log_prob, weights[MOST_WEIGHTS];
  CHECK_INTEGER(o->network->log_prob(o->model, fine, coarse, 0, 1, &log_prob), FG_FAILED);
  CHECK_TEXT(driver_error(o->driver),
             "the network needs spins on square lattices, the fine one twice as large as the coarse one");
  CHECK_INTEGER(o->network->log_prob(o->model, good, coarse, 0, 2, &log_prob), FG_FAILED);

  fg_network_model *model;
  CHECK_INTEGER(o->network->open(o->host, "{}", NULL, 0, &model), FG_OK);
  CHECK_INTEGER(o->network->log_prob(model, good, coarse, 0, 1, &log_prob), FG_FAILED);
  CHECK_TEXT(driver_error(o->driver), "a model of network.conv was used before it had weights; train it first");
  o->network->close(model);

  for (uint64_t i = 0; i < o->parameters; i++) weights[i] = 1e38;
  CHECK_INTEGER(o->network->open(o->host, "{\"channels\": [3], \"kernel\": 5}", weights, o->parameters, &model), FG_OK);
  CHECK_INTEGER(o->network->log_prob(model, good, coarse, 0, 1, &log_prob), FG_FAILED);
  CHECK_TEXT(driver_error(o->driver), "network.conv: a logit is not finite: the weights are too large");
  o->network->close(model);
  fg_batch *all[] = {coarse, fine, good};
  for (size_t b = 0; b < 3; b++) o->host->batch_unref(o->host, all[b]);
  close_all(o);
}

int main(void) {
  static const check_case cases[] = {
      {"sizes and names", sizes_and_names},
      {"engines agree", engines_agree},
      {"scores", scores},
      {"tiles", tiles},
      {"gradients", gradients},
      {"symmetries of patches", symmetries_of_patches},
      {"symmetries of lattices", symmetries_of_lattices},
      {"table as laid down", table_as_laid_down},
      {"probabilities sum to one", probabilities_sum_to_one},
      {"frequencies", frequencies},
      {"drawn as laid down", drawn_as_laid_down},
      {"threads share a model", threads_share_a_model},
      {"symmetric is a special case", symmetric_is_a_special_case},
      {"initial weights", initial_weights},
      {"emits a model", emits_a_model},
      {"refusals", refusals},
      {"misuse", misuse},
      {NULL, NULL},
  };
  return check_main("network.conv", cases);
}
