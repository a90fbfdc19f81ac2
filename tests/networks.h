// networks.h — what every network must satisfy, whatever it is made of: probabilities that sum to one, draws with these
// probabilities, symmetries, gradients. Statistical checks give a standard normal deviate.
#ifndef FG_TESTS_NETWORKS_H
#define FG_TESTS_NETWORKS_H

#include "check.h"
#include "driver.h"
#include "spins.h"

#include <stdlib.h>

/// An opened model, with a host around it.
typedef struct opened {
  driver *driver;
  const fg_host *host;
  const fg_network *network;
  fg_network_model *model;
  const char *kind, *hyperparameters;
  uint64_t parameters;
  double *weights;
} opened;

/// A model without weights.
static inline opened networks_open_empty(const char *kind, const char *hyperparameters) {
  opened o = {.driver = driver_open(kind, "", 11), .kind = kind, .hyperparameters = hyperparameters};
  o.host = driver_host(o.driver);
  o.network = o.host->lookup(o.host, kind, FG_NETWORK_EXTENSION);
  CHECK_INTEGER(o.network->open(o.host, hyperparameters, NULL, 0, &o.model), FG_OK);
  CHECK_TEXT(driver_error(o.driver), "");
  CHECK_INTEGER(o.network->factor(o.model), 2);
  o.parameters = o.network->parameters(o.model);
  o.weights = calloc(o.parameters, sizeof *o.weights);
  return o;
}

/// The same model again, with o->weights as they are.
static inline void networks_reopen(opened *o) {
  o->network->close(o->model);
  CHECK_INTEGER(o->network->open(o->host, o->hyperparameters, o->weights, o->parameters, &o->model), FG_OK);
  CHECK_INTEGER(o->network->parameters(o->model), o->parameters);
}

/// With random weights of standard deviation `scale`.
static inline opened networks_open(const char *kind, const char *hyperparameters, double scale, uint64_t seed) {
  opened o = networks_open_empty(kind, hyperparameters);
  fg_rng rng = fg_rng_start(o.host->rng_fill, o.host->rng_key(o.host, "weights of a test"), seed);
  for (uint64_t k = 0; k < o.parameters; k++) o.weights[k] = scale * sqrt(12) * (fg_rng_uniform(&rng) - 0.5);
  networks_reopen(&o);
  return o;
}

static inline void networks_close(opened *o) {
  o->network->close(o->model);
  free(o->weights);
  driver_close(o->driver);
}

static inline double networks_log_prob(const opened *o, const fg_batch *fine, const fg_batch *coarse) {
  double result = NAN;
  CHECK_INTEGER(o->network->log_prob(o->model, fine, coarse, 0, 1, &result), FG_OK);
  return result;
}

static inline void networks_drop(const opened *o, fg_batch *const *batches, size_t count) {
  for (size_t i = 0; i < count; i++) o->host->batch_unref(o->host, batches[i]);
}

// ---- all lattices

/// The lattice of rows×width whose sites are the bits of `number`, row by row.
static inline fg_batch *networks_lattice(const opened *o, uint64_t rows, uint64_t width, uint64_t number) {
  fg_batch *batch = spins_new(o->host, rows, width, 1);
  for (uint64_t i = 0; i < rows * width; i++) spin_set(batch, 0, i / width, i % width, number >> i & 1);
  return batch;
}

static inline uint64_t networks_number(const fg_batch *batch, uint64_t c) {
  const uint64_t width = fg_lattice_width(&batch->lattice);
  uint64_t number = 0;
  for (uint64_t i = 0; i < batch->rows * width; i++) number |= (uint64_t)spin_get(batch, c, i / width, i % width) << i;
  return number;
}

/// `count` copies of one lattice.
static inline fg_batch *networks_copies(const opened *o, const fg_batch *one, uint32_t count) {
  fg_batch *copies = spins_new(o->host, one->rows, fg_lattice_width(&one->lattice), count);
  for (uint32_t c = 0; c < count; c++) memcpy(fg_batch_row_mut(copies, c, 0), one->data, one->rows * one->row_bytes);
  return copies;
}

/// P of every fine lattice given `one`, by its number; the caller's. *cells: how many.
static inline double *networks_probabilities(const opened *o, const fg_batch *one, uint32_t *cells) {
  const uint64_t rows = 2 * one->rows, width = 2 * fg_lattice_width(&one->lattice);
  *cells = 1u << (rows * width);
  fg_batch *fine = spins_new(o->host, rows, width, *cells), *coarse = networks_copies(o, one, *cells);
  for (uint32_t c = 0; c < *cells; c++)
    for (uint64_t i = 0; i < rows * width; i++) spin_set(fine, c, i / width, i % width, c >> i & 1);
  double *p = calloc(*cells, sizeof *p);
  CHECK_INTEGER(o->network->log_prob(o->model, fine, coarse, 0, *cells, p), FG_OK);
  for (uint32_t c = 0; c < *cells; c++) p[c] = exp(p[c]);
  networks_drop(o, (fg_batch *const[]){fine, coarse}, 2);
  return p;
}

/// Σ P - 1 of the worst coarse lattice of rows×width, of those with the numbers from, from + step, …
static inline double networks_excess(const opened *o, uint64_t rows, uint64_t width, uint64_t from, uint64_t step) {
  double worst = 0;
  for (uint64_t number = from; number < UINT64_C(1) << rows * width; number += step) {
    fg_batch *one = networks_lattice(o, rows, width, number);
    uint32_t cells;
    double *p = networks_probabilities(o, one, &cells), sum = 0;
    for (uint32_t c = 0; c < cells; c++) sum += p[c];
    if (!(fabs(sum - 1) <= fabs(worst))) worst = sum - 1;
    free(p);
    networks_drop(o, &one, 1);
  }
  return worst;
}

/// χ² as a standard normal deviate (Wilson & Hilferty, PNAS 17, 684, 1931); cells that expect under 10 are one.
static inline double networks_deviate(const double *observed, const double *expected, uint32_t cells) {
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

/// What is drawn from one coarse lattice against its probabilities; NAN when something is drawn that has none.
static inline double networks_frequencies(const opened *o, const fg_batch *one, uint32_t draws) {
  uint32_t cells, impossible = 0;
  double *expected = networks_probabilities(o, one, &cells), *observed = calloc(cells, sizeof *observed);
  fg_batch *coarse = networks_copies(o, one, draws);
  fg_batch *fine = spins_new(o->host, 2 * one->rows, 2 * fg_lattice_width(&one->lattice), draws);
  fine->level = 1;
  fg_rng_key key = o->host->rng_key(o->host, "frequencies");
  CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, fine, 0, draws), FG_OK);
  for (uint32_t c = 0; c < draws; c++) observed[networks_number(fine, c)]++;
  for (uint32_t c = 0; c < cells; c++) {
    impossible += observed[c] > 0 && !(expected[c] > 0);
    expected[c] *= draws;
  }
  double deviate = impossible ? NAN : networks_deviate(observed, expected, cells);
  free(expected);
  free(observed);
  networks_drop(o, (fg_batch *const[]){fine, coarse}, 2);
  return deviate;
}

// ---- symmetries

/// A lattice through symmetry g of the square (bit 0 mirror y, bit 1 mirror x, bit 2 transpose, bit 3 flip spins), then
/// shifted.
static inline fg_batch *networks_image(const opened *o, const fg_batch *from, unsigned g, uint64_t down,
                                       uint64_t right) {
  const uint64_t width = fg_lattice_width(&from->lattice), rows_to = g & 4 ? width : from->rows;
  const uint64_t width_to = g & 4 ? from->rows : width;
  fg_batch *to = spins_new(o->host, rows_to, width_to, 1);
  for (uint64_t y = 0; y < from->rows; y++) {
    for (uint64_t x = 0; x < width; x++) {
      uint64_t to_y = g & 4 ? x : y, to_x = g & 4 ? y : x;
      if (g & 1) to_y = rows_to - 1 - to_y;
      if (g & 2) to_x = width_to - 1 - to_x;
      spin_set(to, 0, (to_y + down) % rows_to, (to_x + right) % width_to, spin_get(from, 0, y, x) ^ g >> 3);
    }
  }
  return to;
}

/// Largest change of ln P under the symmetries of a list, of lattices of rows×width and twice that, and when both are
/// shifted by (down, right) coarse sites. Fine lattices are drawn.
static inline double networks_asymmetry(const opened *o, uint64_t rows, uint64_t width, const unsigned *symmetries,
                                        size_t count, uint64_t down, uint64_t right) {
  fg_batch *coarse = spins_random(o->host, rows, width, 1, 0.5, 1);
  fg_batch *fine = spins_new(o->host, 2 * rows, 2 * width, 1);
  fg_rng_key key = o->host->rng_key(o->host, "symmetries");
  CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, fine, 0, 1), FG_OK);
  double expected = networks_log_prob(o, fine, coarse), worst = 0;
  for (size_t i = 0; i < count; i++) {
    fg_batch *coarse_image = networks_image(o, coarse, symmetries[i], down, right);
    fg_batch *fine_image = networks_image(o, fine, symmetries[i], 2 * down, 2 * right);
    double change = fabs(networks_log_prob(o, fine_image, coarse_image) - expected);
    if (!(change <= worst)) worst = change;
    networks_drop(o, (fg_batch *const[]){coarse_image, fine_image}, 2);
  }
  networks_drop(o, (fg_batch *const[]){fine, coarse}, 2);
  return worst;
}

// ---- gradients

/// Σ -weight · ln P
static inline double networks_loss(const opened *o, const fg_batch *fine, const fg_batch *coarse,
                                   const double *weight) {
  double sum = 0, *log_prob = calloc(fine->count, sizeof *log_prob);
  CHECK_INTEGER(o->network->log_prob(o->model, fine, coarse, 0, fine->count, log_prob), FG_OK);
  for (uint32_t c = 0; c < fine->count; c++) sum -= weight[c] * log_prob[c];
  free(log_prob);
  return sum;
}

/// Every `every`-th derivative of a weighted loss against central differences of `step`; the worst difference relative to
/// 1 + |derivative|. The lattices are drawn, and come in two ranges.
static inline double networks_gradient_error(opened *o, uint64_t rows, uint64_t width, double step, uint64_t every) {
  enum { COUNT = 5 };
  static const double weight[COUNT] = {0.5, -2, 1, 0, 1.25};
  fg_batch *coarse = spins_random(o->host, rows, width, COUNT, 0.6, 1);
  fg_batch *fine = spins_new(o->host, 2 * rows, 2 * width, COUNT);
  fg_rng_key key = o->host->rng_key(o->host, "gradients");
  CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, fine, 0, COUNT), FG_OK);
  double *gradient = calloc(o->parameters, sizeof *gradient), loss = 0, worst = 0, sum = 0;
  double *plain = calloc(o->parameters, sizeof *plain), plain_loss = 0;
  static const double ones[COUNT] = {1, 1, 1, 1, 1};
  CHECK_INTEGER(o->network->gradient(o->model, fine, coarse, 0, 2, weight, &loss, gradient), FG_OK);
  CHECK_INTEGER(o->network->gradient(o->model, fine, coarse, 2, COUNT, weight, &loss, gradient), FG_OK);
  CHECK_NEAR(loss, networks_loss(o, fine, coarse, weight), 1e-10 * fabs(loss));
  CHECK_INTEGER(o->network->gradient(o->model, fine, coarse, 0, COUNT, NULL, &plain_loss, plain), FG_OK);
  CHECK_NEAR(plain_loss, networks_loss(o, fine, coarse, ones), 1e-10 * fabs(plain_loss));
  for (uint64_t k = 0; k < o->parameters; k += every) {
    const double kept = o->weights[k];
    double side[2];
    for (int i = 0; i < 2; i++) {
      o->weights[k] = kept + (i ? step : -step);
      networks_reopen(o);
      side[i] = networks_loss(o, fine, coarse, weight);
    }
    o->weights[k] = kept;
    double difference = fabs(gradient[k] - (side[1] - side[0]) / (2 * step)) / (1 + fabs(gradient[k]));
    if (!(difference <= worst)) {
      worst = difference;
      if (worst > 0.01)
        printf("\n    %s: %.9g, by differences %.9g", o->network->parameter_name(o->model, k), gradient[k],
               (side[1] - side[0]) / (2 * step));
    }
    sum += fabs(gradient[k]);
  }
  networks_reopen(o);
  CU_ASSERT(sum > 0);
  free(gradient);
  free(plain);
  networks_drop(o, (fg_batch *const[]){fine, coarse}, 2);
  return worst;
}

// ---- drawing

/// Whether draws depend on the key, the configuration's index, the level and the site alone: drawn in ranges, and from the
/// middle of a batch, they are the same; and what was in the batch before leaves no trace.
static inline void networks_check_draws(const opened *o, uint64_t rows, uint64_t width) {
  enum { COUNT = 30, FROM = 11 };
  const fg_rng_key key = o->host->rng_key(o->host, "draws"), other = o->host->rng_key(o->host, "others");
  fg_batch *coarse = spins_random(o->host, rows, width, COUNT, 0.5, 3);
  fg_batch *whole = spins_random(o->host, 2 * rows, 2 * width, COUNT, 0.5, 4);
  fg_batch *parts = spins_new(o->host, 2 * rows, 2 * width, COUNT);
  fg_batch *tail = spins_new(o->host, 2 * rows, 2 * width, COUNT - FROM);
  fg_batch *parents = spins_new(o->host, rows, width, COUNT - FROM);
  memcpy(parents->data, fg_batch_row(coarse, FROM, 0), (COUNT - FROM) * rows * coarse->row_bytes);
  whole->level = parts->level = tail->level = 3;
  whole->first = parts->first = 1000;
  tail->first = 1000 + FROM;
  CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, whole, 0, COUNT), FG_OK);
  CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, parts, 7, COUNT), FG_OK);
  CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, parts, 0, 7), FG_OK);
  CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, parents, tail, 0, COUNT - FROM), FG_OK);
  CU_ASSERT(spins_equal(whole, parts));
  CU_ASSERT(memcmp(whole->data, parts->data, COUNT * whole->rows * whole->row_bytes) == 0); // padding too
  CU_ASSERT(memcmp(fg_batch_row(whole, FROM, 0), tail->data, (COUNT - FROM) * whole->rows * whole->row_bytes) == 0);
  for (int i = 0; i < 3; i++) {
    parts->level = i == 0 ? 4 : 3;
    parts->first = i == 1 ? 2000 : 1000;
    CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, i == 2 ? other : key, coarse, parts, 0, COUNT),
                  FG_OK);
    CU_ASSERT(!spins_equal(whole, parts));
  }
  networks_drop(o, (fg_batch *const[]){coarse, whole, parts, tail, parents}, 5);
}

/// Whether scores are those of each pair alone, to the last bit.
static inline void networks_check_scores(const opened *o, uint64_t rows, uint64_t width) {
  enum { COUNT = 30 };
  double whole[COUNT], parts[COUNT];
  fg_batch *coarse = spins_random(o->host, rows, width, COUNT, 0.5, 3);
  fg_batch *fine = spins_new(o->host, 2 * rows, 2 * width, COUNT);
  fg_rng_key key = o->host->rng_key(o->host, "scores");
  CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, fine, 0, COUNT), FG_OK);
  CHECK_INTEGER(o->network->log_prob(o->model, fine, coarse, 0, COUNT, whole), FG_OK);
  for (uint32_t c = 0; c < COUNT; c += 3)
    CHECK_INTEGER(o->network->log_prob(o->model, fine, coarse, c, c + 3, parts), FG_OK);
  for (uint32_t c = 0; c < COUNT; c++) CHECK_NEAR(parts[c], whole[c], 0);
  networks_drop(o, (fg_batch *const[]){coarse, fine}, 2);
}

/// Whether blocks of a fine lattice have a majority against their parent.
static inline int networks_breaks_majority(const fg_batch *fine, const fg_batch *coarse, uint64_t c) {
  int broken = 0;
  for (uint64_t y = 0; y < coarse->rows; y++) {
    for (uint64_t x = 0; x < fg_lattice_width(&coarse->lattice); x++) {
      unsigned up = 0;
      for (uint64_t d = 0; d < 4; d++) up += spin_get(fine, c, 2 * y + d / 2, 2 * x + d % 2);
      broken |= spin_get(coarse, c, y, x) ? up < 2 : up > 2;
    }
  }
  return broken;
}

// ---- errors

/// What opening says when it is refused.
static inline void networks_check_refusal(const opened *o, const char *hyperparameters, const double *weights,
                                          uint64_t count, const char *message) {
  fg_network_model *model = NULL;
  CHECK_INTEGER(o->network->open(o->host, hyperparameters, weights, count, &model), FG_FAILED);
  CHECK_TEXT(driver_error(o->driver), message);
}

static inline void networks_check_stage_refusal(const char *kind, const char *params, const char *message) {
  driver *d = driver_open(kind, params, 1);
  CU_ASSERT(driver_self(d) == NULL);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

/// The stage emits one model, with the hyperparameters in full.
static inline void networks_check_stage(const char *kind, const char *params, const char *hyperparameters,
                                        uint64_t weight_count) {
  driver *d = driver_open(kind, params, 1);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_TEXT(driver_format(d, 0)->network, kind);
  CHECK_INTEGER(driver_format(d, 0)->has_weights, weight_count > 0);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_INTEGER(driver_count(d, 0), 1);
  const fg_model *model = driver_message(d, 0, 0)->model;
  CHECK_TEXT(model->network, kind);
  CHECK_TEXT(model->hyperparameters, hyperparameters);
  CHECK_INTEGER(model->weight_count, weight_count);
  const fg_network *network = driver_host(d)->lookup(driver_host(d), kind, FG_NETWORK_EXTENSION);
  fg_network_model *opened_model = NULL;
  CHECK_INTEGER(network->open(driver_host(d), model->hyperparameters, model->weights, weight_count, &opened_model),
                FG_OK);
  network->close(opened_model);
  driver_close(d);
}

/// Lattices that do not go together.
static inline void networks_check_mismatch(const opened *o) {
  fg_batch *coarse = spins_new(o->host, 4, 4, 1), *fine = spins_new(o->host, 6, 6, 1),
           *right = spins_new(o->host, 8, 8, 1);
  double log_prob, loss = 0, *gradient = calloc(o->parameters, sizeof *gradient);
  fg_rng_key key = o->host->rng_key(o->host, "none");
  CHECK_INTEGER(o->network->log_prob(o->model, fine, coarse, 0, 1, &log_prob), FG_FAILED);
  CHECK_TEXT(driver_error(o->driver),
             "the network needs spins on square lattices, the fine one twice as large as the coarse one");
  CHECK_INTEGER(o->network->sample(o->model, o->host->rng_fill, key, coarse, fine, 0, 1), FG_FAILED);
  CHECK_INTEGER(o->network->gradient(o->model, fine, coarse, 0, 1, NULL, &loss, gradient), FG_FAILED);
  CHECK_INTEGER(o->network->log_prob(o->model, right, coarse, 0, 2, &log_prob), FG_FAILED);
  CHECK_TEXT(driver_error(o->driver),
             "the network was given fewer configurations, or smaller parts of them, than it was asked for");
  free(gradient);
  networks_drop(o, (fg_batch *const[]){coarse, fine, right}, 3);
}

#endif
