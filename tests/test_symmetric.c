// test_symmetric.c — network.symmetric against its definition: logits from a convolution of the repeated lattice, sums
// over all fine lattices, frequencies of what is drawn, symmetries, gradients, class counts, and the spins against a
// plain reading of network.h's random numbers. Statistical tests: fixed seeds, failing by chance less than once in 10⁶.
#include "check.h"
#include "driver.h"
#include "spins.h"

#include <stdlib.h>

#define KERNELS 5
static const int kernels[KERNELS] = {3, 5, 7, 9, 15};

typedef struct opened {
  driver *driver;
  const fg_host *host;
  const fg_network *network;
  fg_network_model *model;
  int kernel;
  uint64_t parameters;
  double weights[36];
} opened;

static opened open_weights(int kernel, const double *weights) {
  opened o = {.kernel = kernel, .parameters = (uint64_t)((kernel / 2 + 1) * (kernel / 2 + 2) / 2)};
  char hyperparameters[32];
  o.driver = driver_open("network.symmetric", "", 11);
  o.host = driver_host(o.driver);
  o.network = o.host->lookup(o.host, "network.symmetric", FG_NETWORK_EXTENSION);
  memcpy(o.weights, weights, o.parameters * sizeof *weights);
  snprintf(hyperparameters, sizeof hyperparameters, "{\"kernel\": %d}", kernel);
  CHECK_INTEGER(o.network->open(o.host, hyperparameters, weights, o.parameters, &o.model), FG_OK);
  CHECK_INTEGER(o.network->parameters(o.model), o.parameters);
  return o;
}

/// A model with published weights where there are some, otherwise with made-up ones of similar size.
static opened open_kernel(int kernel) {
  double weights[36];
  for (int k = 0; k < 36; k++) weights[k] = (k < 3 ? 0.7 : 0.2) * sin(1.0 + 2.3 * k) / (1 + k / 3);
  const double *published = kernel == 3 ? published3 : kernel == 5 ? published6 : published10;
  return open_weights(kernel, kernel <= 7 ? published : weights);
}

static void close_all(opened *o) {
  o->network->close(o->model);
  driver_close(o->driver);
}

static double log_prob_of(const opened *o, const fg_batch *fine, const fg_batch *coarse) {
  double result = NAN;
  CHECK_INTEGER(o->network->log_prob(o->model, fine, coarse, 0, 1, &result), FG_OK);
  return result;
}

/// The kernel as the paper draws it: entry at (y, x) from its centre, by PHYSICS's order of parameters.
static double kernel_entry(const double *w, int y, int x) {
  int large = abs(y) > abs(x) ? abs(y) : abs(x), small = abs(y) > abs(x) ? abs(x) : abs(y), at = 3;
  if (large == 0) return w[2];
  if (large == 1) return small == 1 ? w[0] : w[1];
  for (int ring = 2; ring < large; ring++) at += ring + 1;
  if (small == large) return w[at];
  if (small == 0) return w[at + 1];
  return w[at + 1 + large - small]; // (r,r-1), …, (r,1)
}

/// ½ Σ w s on the lattice of coarse spins repeated 2×2, periodic.
static double direct_logit(const opened *o, const fg_batch *coarse, uint64_t c, int y, int x) {
  int rows = 2 * (int)coarse->rows, width = 2 * (int)fg_lattice_width(&coarse->lattice), r = o->kernel / 2;
  double sum = 0;
  for (int dy = -r; dy <= r; dy++) {
    for (int dx = -r; dx <= r; dx++) {
      int fine_y = ((y + dy) % rows + rows) % rows, fine_x = ((x + dx) % width + width) % width;
      double s = spin_get(coarse, c, (uint64_t)fine_y / 2, (uint64_t)fine_x / 2) ? 1 : -1;
      sum += kernel_entry(o->weights, dy, dx) * s;
    }
  }
  return 0.5 * sum;
}

/// Flipping one fine spin from up to down changes ln P by its logit: σ(z)/σ(-z) = exp z.
static void logits(void) {
  static const uint64_t sizes[][2] = {{1, 1}, {2, 2}, {3, 3}, {4, 4}, {8, 8}, {2, 5}};
  for (int k = 0; k < KERNELS; k++) {
    opened o = open_kernel(kernels[k]);
    CHECK_INTEGER(o.network->factor(o.model), 2);
    CHECK_INTEGER(o.network->radius(o.model), (kernels[k] / 2 + 1) / 2);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      uint64_t rows = sizes[s][0], width = sizes[s][1];
      fg_batch *coarse = spins_random(o.host, rows, width, 1, 0.5, s);
      fg_batch *fine = spins_random(o.host, 2 * rows, 2 * width, 1, 0.5, 10 + s);
      double worst = 0;
      for (uint64_t y = 0; y < 2 * rows; y++) {
        for (uint64_t x = 0; x < 2 * width; x++) {
          unsigned spin = spin_get(fine, 0, y, x);
          spin_set(fine, 0, y, x, 1);
          double up = log_prob_of(&o, fine, coarse);
          spin_set(fine, 0, y, x, 0);
          double down = log_prob_of(&o, fine, coarse), expected = direct_logit(&o, coarse, 0, (int)y, (int)x);
          spin_set(fine, 0, y, x, spin);
          if (fabs(up - down - expected) > worst) worst = fabs(up - down - expected);
        }
      }
      CHECK_NEAR(worst, 0, 1e-11);
      o.host->batch_unref(o.host, fine);
      o.host->batch_unref(o.host, coarse);
    }
    close_all(&o);
  }
}

/// All 2^(4N) fine lattices of one coarse lattice, as one batch, with their parents beside them.
static void enumerate(const opened *o, const fg_batch *one, fg_batch **fine, fg_batch **coarse) {
  uint64_t length = one->rows, sites = 4 * length * length;
  uint32_t count = 1u << sites;
  *fine = spins_new(o->host, 2 * length, 2 * length, count);
  *coarse = spins_new(o->host, length, length, count);
  for (uint32_t c = 0; c < count; c++) {
    memcpy(fg_batch_row_mut(*coarse, c, 0), one->data, length * one->row_bytes);
    for (uint64_t i = 0; i < sites; i++) spin_set(*fine, c, i / (2 * length), i % (2 * length), c >> i & 1);
  }
}

static void probabilities_sum_to_one(void) {
  for (int k = 0; k < 4; k++) {
    opened o = open_kernel(kernels[k]);
    for (uint64_t length = 1; length <= 2; length++) {
      fg_batch *fine, *coarse, *one = spins_random(o.host, length, length, 1, 0.5, length);
      enumerate(&o, one, &fine, &coarse);
      double *log_prob = calloc(fine->count, sizeof *log_prob), sum = 0;
      CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, fine->count, log_prob), FG_OK);
      for (uint32_t c = 0; c < fine->count; c++) sum += exp(log_prob[c]);
      CHECK_NEAR(sum, 1, 1e-12);
      free(log_prob);
      o.host->batch_unref(o.host, fine);
      o.host->batch_unref(o.host, coarse);
      o.host->batch_unref(o.host, one);
    }
    close_all(&o);
  }
}

/// χ² as a standard normal deviate (Wilson & Hilferty, PNAS 17, 684, 1931); cells that expect under 10 are one.
static double deviate(const double *observed, const double *expected, uint32_t cells) {
  double chi = 0, rare_observed = 0, rare_expected = 0;
  int used = 0;
  for (uint32_t c = 0; c < cells; c++) {
    if (expected[c] < 10) {
      rare_observed += observed[c];
      rare_expected += expected[c];
    } else {
      chi += (observed[c] - expected[c]) * (observed[c] - expected[c]) / expected[c];
      used++;
    }
  }
  if (rare_expected > 0) {
    chi += (rare_observed - rare_expected) * (rare_observed - rare_expected) / rare_expected;
    used++;
  }
  double freedom = used - 1, v = 2 / (9 * freedom);
  return (cbrt(chi / freedom) - (1 - v)) / sqrt(v);
}

/// What is drawn against exp ln P: 2·10⁵ fine lattices of one parent, 1→2 and 2→4.
static void frequencies(void) {
  enum { DRAWS = 200000 };
  for (int k = 0; k < 4; k++) {
    opened o = open_kernel(kernels[k]);
    for (uint64_t length = 1; length <= 2; length++) {
      fg_batch *fine, *coarse, *one = spins_random(o.host, length, length, 1, 0.5, 5);
      enumerate(&o, one, &fine, &coarse);
      uint32_t cells = fine->count;
      double *expected = calloc(cells, sizeof *expected), *observed = calloc(cells, sizeof *observed);
      CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, cells, expected), FG_OK);
      for (uint32_t c = 0; c < cells; c++) expected[c] = DRAWS * exp(expected[c]);

      fg_batch *parents = spins_new(o.host, length, length, DRAWS);
      fg_batch *drawn = spins_new(o.host, 2 * length, 2 * length, DRAWS);
      for (uint32_t c = 0; c < DRAWS; c++) memcpy(fg_batch_row_mut(parents, c, 0), one->data, length * one->row_bytes);
      drawn->level = 1;
      fg_rng_key key = o.host->rng_key(o.host, "frequencies");
      CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, key, parents, drawn, 0, DRAWS), FG_OK);
      for (uint32_t c = 0; c < DRAWS; c++) {
        uint32_t cell = 0;
        for (uint64_t i = 0; i < 4 * length * length; i++)
          cell |= (uint32_t)spin_get(drawn, c, i / (2 * length), i % (2 * length)) << i;
        observed[cell]++;
      }
      CHECK_NEAR(deviate(observed, expected, cells), 0, 5);
      free(expected);
      free(observed);
      fg_batch *all[] = {fine, coarse, one, parents, drawn};
      for (size_t i = 0; i < 5; i++) o.host->batch_unref(o.host, all[i]);
    }
    close_all(&o);
  }
}

/// Copies a lattice through symmetry g of the square (bit 0 mirror y, bit 1 mirror x, bit 2 transpose, bit 3 flip
/// spins), shifted by (shift, 2·shift).
static fg_batch *image(const opened *o, const fg_batch *from, unsigned g, uint64_t shift) {
  uint64_t length = from->rows;
  fg_batch *to = spins_new(o->host, length, length, 1);
  for (uint64_t y = 0; y < length; y++) {
    for (uint64_t x = 0; x < length; x++) {
      uint64_t to_y = g & 4 ? x : y, to_x = g & 4 ? y : x;
      if (g & 1) to_y = length - 1 - to_y;
      if (g & 2) to_x = length - 1 - to_x;
      spin_set(to, 0, (to_y + shift) % length, (to_x + 2 * shift) % length, spin_get(from, 0, y, x) ^ g >> 3);
    }
  }
  return to;
}

static void symmetries(void) {
  for (int k = 0; k < KERNELS; k++) {
    opened o = open_kernel(kernels[k]);
    fg_batch *coarse = spins_random(o.host, 5, 5, 1, 0.5, 1), *fine = spins_random(o.host, 10, 10, 1, 0.5, 2);
    double expected = log_prob_of(&o, fine, coarse);
    for (unsigned g = 0; g < 16; g++) {
      fg_batch *coarse_image = image(&o, coarse, g, 1), *fine_image = image(&o, fine, g, 2);
      CHECK_NEAR(log_prob_of(&o, fine_image, coarse_image), expected, 1e-11);
      o.host->batch_unref(o.host, coarse_image);
      o.host->batch_unref(o.host, fine_image);
    }
    o.host->batch_unref(o.host, coarse);
    o.host->batch_unref(o.host, fine);
    const fg_network_table *table = o.network->table(o.model);
    CU_ASSERT((table != NULL) == (kernels[k] <= 7));
    if (table) {
      uint32_t patterns = 1u << (table->window * table->window), wrong = 0;
      for (uint32_t p = 0; p < patterns; p++) {
        uint32_t mirrored = 0;
        for (uint32_t i = 0; i < table->window * table->window; i++)
          mirrored |= (p >> i & 1) << (i % table->window * table->window + i / table->window);
        wrong += table->thresholds[p] != table->thresholds[patterns - 1 - p];
        wrong += table->thresholds[p] != table->thresholds[mirrored] || table->thresholds[p] > 65536;
      }
      CHECK_INTEGER(wrong, 0);
      CHECK_INTEGER(table->window, kernels[k] / 2 + 1);
    }
    close_all(&o);
  }
}

static void gradients(void) {
  for (int k = 0; k < KERNELS; k++) {
    opened o = open_kernel(kernels[k]);
    fg_batch *coarse = spins_random(o.host, 4, 4, 3, 0.6, 1), *fine = spins_random(o.host, 8, 8, 3, 0.6, 2);
    const double weight[3] = {0.5, -2, 1};
    double gradient[36] = {0}, loss = 0, sum = 0, log_prob[3], step = 1e-4, unweighted[36] = {0}, unweighted_loss = 0;
    CHECK_INTEGER(o.network->gradient(o.model, fine, coarse, 0, 2, weight, &loss, gradient), FG_OK);
    CHECK_INTEGER(o.network->gradient(o.model, fine, coarse, 2, 3, NULL, &loss, gradient), FG_OK);
    CHECK_INTEGER(o.network->gradient(o.model, fine, coarse, 0, 3, NULL, &unweighted_loss, unweighted), FG_OK);
    CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, 3, log_prob), FG_OK);
    for (int c = 0; c < 3; c++) sum -= weight[c] * log_prob[c];
    CHECK_NEAR(loss, sum, 1e-9);
    CHECK_NEAR(unweighted_loss, -log_prob[0] - log_prob[1] - log_prob[2], 1e-9);
    for (uint64_t p = 0; p < o.parameters; p++) {
      double shifted[36], value[2];
      for (int side = 0; side < 2; side++) {
        memcpy(shifted, o.weights, sizeof shifted);
        shifted[p] += side ? step : -step;
        opened other = open_weights(kernels[k], shifted);
        CHECK_INTEGER(other.network->log_prob(other.model, fine, coarse, 0, 3, log_prob), FG_OK);
        value[side] = -weight[0] * log_prob[0] - weight[1] * log_prob[1] - weight[2] * log_prob[2];
        close_all(&other);
      }
      CHECK_NEAR(gradient[p], (value[1] - value[0]) / (2 * step), 1e-4 * (1 + fabs(gradient[p])));
    }
    o.host->batch_unref(o.host, coarse);
    o.host->batch_unref(o.host, fine);
    close_all(&o);
  }
}

/// Σ over classes of ones·ln σ(z) + zeros·ln σ(-z), z from the features, is ln P of all configurations.
static void classes(void) {
  for (int k = 0; k < KERNELS; k++) {
    opened o = open_kernel(kernels[k]);
    const fg_network_classes *functions = o.network->classes;
    fg_batch *coarse = spins_random(o.host, 6, 6, 20, 0.7, 1), *fine = spins_random(o.host, 12, 12, 20, 0.7, 2);
    double log_prob[20], expected = 0, sum = 0, spins = 0;
    CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, 20, log_prob), FG_OK);
    for (int c = 0; c < 20; c++) expected += log_prob[c];

    void *whole = functions->open(o.model), *parts = functions->open(o.model), *rest = functions->open(o.model);
    CHECK_INTEGER(functions->add(whole, fine, coarse, 0, 20), FG_OK);
    CHECK_INTEGER(functions->add(rest, fine, coarse, 0, 7), FG_OK);
    CHECK_INTEGER(functions->add(parts, fine, coarse, 7, 20), FG_OK);
    CHECK_INTEGER(functions->merge(parts, rest), FG_OK);
    uint64_t count = functions->count(whole);
    CHECK_INTEGER(functions->count(parts), count);
    if (kernels[k] == 3) CHECK_INTEGER(count, 6);
    for (uint64_t i = 0; i < count; i++) {
      double x[36], y[36], z = 0;
      uint64_t ones, zeros, part_ones, part_zeros;
      functions->get(whole, i, x, &ones, &zeros);
      functions->get(parts, i, y, &part_ones, &part_zeros);
      CU_ASSERT(ones == part_ones && zeros == part_zeros && memcmp(x, y, o.parameters * sizeof *x) == 0);
      for (uint64_t p = 0; p < o.parameters; p++) z += o.weights[p] * x[p];
      sum -= (double)ones * log1p(exp(-z)) + (double)zeros * log1p(exp(z));
      spins += (double)(ones + zeros);
    }
    CHECK_NEAR(sum, expected, 1e-8);
    CHECK_NEAR(spins, 20 * 144, 0);
    functions->close(whole);
    functions->close(parts);
    functions->close(rest);
    o.host->batch_unref(o.host, coarse);
    o.host->batch_unref(o.host, fine);
    close_all(&o);
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

/// Every spin drawn against that number and the threshold of the direct logit; then the same in two ranges.
static void drawn_as_laid_down(void) {
  static const uint64_t sizes[][2] = {{1, 1}, {2, 2}, {3, 3}, {8, 8}, {3, 70}};
  for (int k = 0; k < KERNELS; k++) {
    opened o = open_kernel(kernels[k]);
    fg_rng_key key = o.host->rng_key(o.host, "layout");
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      uint64_t rows = sizes[s][0], width = sizes[s][1];
      uint32_t count = rows * width < 10 ? 300 : 4, wrong = 0;
      fg_batch *coarse = spins_random(o.host, rows, width, count, 0.5, s);
      fg_batch *fine = spins_random(o.host, 2 * rows, 2 * width, count, 0.5, 9); // what is there does not matter
      fg_batch *again = spins_new(o.host, 2 * rows, 2 * width, count);
      fine->first = again->first = 1000003;
      fine->level = again->level = 5;
      CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, key, coarse, fine, 0, count), FG_OK);
      CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, key, coarse, again, 3, count), FG_OK);
      CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, key, coarse, again, 0, 3), FG_OK);
      CU_ASSERT(spins_equal(fine, again));
      for (uint32_t c = 0; c < count; c++) {
        for (uint64_t y = 0; y < 2 * rows; y++) {
          for (uint64_t x = 0; x < 2 * width; x++) {
            uint64_t g = ((fine->first + c) * rows + y / 2) * width + x / 2;
            unsigned parent = spin_get(coarse, c, y / 2, x / 2);
            double z = direct_logit(&o, coarse, c, (int)y, (int)x) * (parent ? 1 : -1);
            uint32_t threshold = (uint32_t)lround(65536 / (1 + exp(z)));
            unsigned spin = parent ^ (number_of(&o, key, 5, g, 2 * (y & 1) + (x & 1)) < threshold);
            wrong += spin != spin_get(fine, c, y, x);
          }
        }
      }
      CHECK_INTEGER(wrong, 0);
      fg_batch *all[] = {coarse, fine, again};
      for (size_t i = 0; i < 3; i++) o.host->batch_unref(o.host, all[i]);
    }
    close_all(&o);
  }
}

/// A table says what the header says: threshold by pattern, seen upside down and left to right.
static void table_as_laid_down(void) {
  for (int k = 0; k < 3; k++) {
    opened o = open_kernel(kernels[k]);
    const fg_network_table *table = o.network->table(o.model);
    fg_batch *coarse = spins_random(o.host, 7, 7, 1, 0.5, 4);
    int wrong = 0, window = (int)table->window, before = (int)table->before;
    for (int y = 0; y < 14; y++) {
      for (int x = 0; x < 14; x++) {
        uint32_t pattern = 0;
        for (int row = 0; row < window; row++) {
          for (int column = 0; column < window; column++) {
            int from_y = y & 1 ? before - row : row - before, from_x = x & 1 ? before - column : column - before;
            uint64_t at_y = (uint64_t)(y / 2 + from_y + 7) % 7, at_x = (uint64_t)(x / 2 + from_x + 7) % 7;
            pattern |= spin_get(coarse, 0, at_y, at_x) << (row * window + column);
          }
        }
        double sign = spin_get(coarse, 0, (uint64_t)y / 2, (uint64_t)x / 2) ? 1 : -1;
        double z = sign * direct_logit(&o, coarse, 0, y, x);
        wrong += table->thresholds[pattern] != (uint32_t)lround(65536 / (1 + exp(z)));
      }
    }
    CHECK_INTEGER(wrong, 0);
    o.host->batch_unref(o.host, coarse);
    close_all(&o);
  }
}

static void extreme_weights(void) {
  double weights[] = {500, 500, 500};
  opened o = open_weights(3, weights);
  fg_batch *coarse = spins_new(o.host, 4, 4, 1), *fine = spins_new(o.host, 8, 8, 1);
  CHECK_NEAR(log_prob_of(&o, fine, coarse), 0, 1e-300);
  spin_set(fine, 0, 0, 0, 1);
  CHECK_NEAR(log_prob_of(&o, fine, coarse), -2250, 1e-9); // logit = ½ · 9 · 500
  CHECK_INTEGER(o.network->table(o.model)->thresholds[0], 0);
  o.host->batch_unref(o.host, coarse);
  o.host->batch_unref(o.host, fine);
  close_all(&o);
}

// ---- the stage

static void emits_a_model(void) {
  driver *d = driver_open("network.symmetric", "kernel: 5, weights: [1, 2, 3, 4, 5, 6.5]", 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_TEXT(driver_format(d, 0)->network, "network.symmetric");
  CHECK_INTEGER(driver_format(d, 0)->has_weights, 1);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_INTEGER(driver_count(d, 0), 1);
  const fg_model *model = driver_message(d, 0, 0)->model;
  CHECK_TEXT(model->network, "network.symmetric");
  CHECK_TEXT(model->hyperparameters, "{\"kernel\":5}");
  CHECK_INTEGER(model->weight_count, 6);
  CHECK_NEAR(model->weights[5], 6.5, 0);
  driver_close(d);

  d = driver_open("network.symmetric", "", 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_INTEGER(driver_format(d, 0)->has_weights, 0);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_INTEGER(driver_message(d, 0, 0)->model->weight_count, 0);
  driver_close(d);
}

static void names(void) {
  static const char *const expected[] = {"corner", "edge",  "centre", "(2,2)", "(2,0)",
                                         "(2,1)",  "(3,3)", "(3,0)",  "(3,2)", "(3,1)"};
  opened o = open_kernel(7);
  for (uint64_t k = 0; k < 10; k++) CHECK_TEXT(o.network->parameter_name(o.model, k), expected[k]);
  close_all(&o);
  o = open_kernel(15);
  CHECK_TEXT(o.network->parameter_name(o.model, 35), "(7,1)");
  close_all(&o);
}

static void refused(const char *params, const char *message) {
  driver *d = driver_open("network.symmetric", params, 1);
  CU_ASSERT(driver_self(d) == NULL);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refusals(void) {
  refused("kernel: 4", "4 is even, so it has no centre; use 3 or 5");
  refused("weights: [1, 2]", "2 given, kernel 3 has 3: corner, edge, centre");
  refused("kernel: 5, weights: [1, 2, 3]", "3 given, kernel 5 has 6: corner, edge, centre, (2,2), (2,0), (2,1)");

  driver *d = driver_open("network.symmetric", "", 1);
  const fg_host *host = driver_host(d);
  const fg_network *network = host->lookup(host, "network.symmetric", FG_NETWORK_EXTENSION);
  fg_network_model *model;
  double bad[] = {1, NAN, 1};
  static const char *const unreadable[] = {"",
                                           "{}",
                                           "[3]",
                                           "{\"kernel\": 3.5}",
                                           "{\"kernel\": 4}",
                                           "{\"kernel\": 17}",
                                           "{\"kernel\": 3, \"colour\": 1}",
                                           "{\"kernel\": 3"};
  for (size_t i = 0; i < sizeof unreadable / sizeof *unreadable; i++)
    CHECK_INTEGER(network->open(host, unreadable[i], NULL, 0, &model), FG_FAILED);
  CHECK_INTEGER(network->open(host, "{\"kernel\": 3}", bad, 3, &model), FG_FAILED);
  CHECK_TEXT(driver_error(d), "weight 'edge' of a model of network.symmetric is not finite");
  CHECK_INTEGER(network->open(host, "{\"kernel\": 3}", bad, 2, &model), FG_FAILED);
  driver_close(d);

  opened o = open_kernel(3);
  fg_batch *coarse = spins_new(o.host, 4, 4, 1), *fine = spins_new(o.host, 6, 6, 1);
  double log_prob;
  CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, 1, &log_prob), FG_FAILED);
  o.host->batch_unref(o.host, coarse);
  o.host->batch_unref(o.host, fine);
  close_all(&o);
}

int main(void) {
  static const check_case cases[] = {
      {"logits", logits},
      {"probabilities sum to one", probabilities_sum_to_one},
      {"frequencies", frequencies},
      {"symmetries", symmetries},
      {"gradients", gradients},
      {"classes", classes},
      {"drawn as laid down", drawn_as_laid_down},
      {"table as laid down", table_as_laid_down},
      {"extreme weights", extreme_weights},
      {"emits a model", emits_a_model},
      {"names", names},
      {"refusals", refusals},
      {NULL, NULL},
  };
  return check_main("network.symmetric", cases);
}
