// optional.c — checks of what a network may offer beside draws and scores (network.h): gradient, table, classes,
// each against what log_prob and sample say.
#include "conform/subject.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

// --- what is optional -----------------------------------------------------------------------------------------------

/// -Σ weight log P over a batch.
static double loss_of(fg_subject *s, const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                      const double *weight) {
  double *log_prob = calloc(fine->count, sizeof *log_prob), loss = 0;
  if (!log_prob) abort();
  fg_subject_score(s, model, fine, coarse, 0, fine->count, log_prob);
  for (uint32_t i = 0; i < fine->count; i++) loss -= weight[i] * log_prob[i];
  free(log_prob);
  return loss;
}

/// The derivative of the loss by weight k from two nearby models.
static double difference(fg_subject *s, uint64_t k, double h, const fg_batch *fine, const fg_batch *coarse,
                         const double *weight) {
  double loss[2], before = s->weights[k];
  for (int side = 0; side < 2; side++) {
    s->weights[k] = before + (side ? h : -h);
    fg_network_model *model = fg_subject_model(s, s->weights, s->parameters);
    loss[side] = loss_of(s, model, fine, coarse, weight);
    s->network->close(model);
  }
  s->weights[k] = before;
  return (loss[1] - loss[0]) / (2 * h);
}

static void gradient_of(fg_subject *s, const fg_batch *fine, const fg_batch *coarse, uint32_t begin, uint32_t end,
                        const double *weight, double *loss, double *gradient) {
  fg_trial_enter(&s->trial, "gradient");
  fg_case_doing(s->trial.of, "gradient of configurations %" PRIu32 " to %" PRIu32, begin, end - 1);
  if (fg_subject_called(s, s->network->gradient(s->model, fine, coarse, begin, end, weight, loss, gradient)) != FG_OK)
    fg_case_failed(s->trial.of, "gradient fails: %s", s->trial.reason);
}

/// Derivatives from differences are good for some step only: too small a one drowns in rounding, too large a one meets a
/// kink. One step out of several must fit.
static void check_gradient(fg_case *c, uint32_t variant) {
  enum { COUNT = 8, MOST = 16 };
  static const double steps[] = {1e-3, 1e-2, 1e-4, 3e-2, 1e-5, 0.1};
  static const double weight[COUNT] = {1, 2, 0.5, 1, 0, 1, 3, 1};
  (void)variant;
  fg_subject s;
  fg_subject_open(&s, c);
  if (!FG_HAS(s.network, gradient) || !s.network->gradient) fg_case_skipped(c, "offers no gradient");
  const fg_batch *coarse = fg_subject_coarse(&s, 4, 4, COUNT);
  fg_batch *fine = fg_subject_fine(&s, coarse);
  fg_subject_draw(&s, coarse, fine, 0, COUNT);
  double *gradient = calloc(s.parameters, sizeof *gradient), loss = 0.25, largest = 0;
  if (!gradient) abort();
  gradient_of(&s, fine, coarse, 0, 3, weight, &loss, gradient);
  gradient_of(&s, fine, coarse, 3, COUNT, weight, &loss, gradient);
  const double expected = loss_of(&s, s.model, fine, coarse, weight);
  if (!(fabs(loss - 0.25 - expected) <= 1e-6 * (1 + fabs(expected))))
    fg_case_failed(c, "gradient adds %.9g to the loss, where log_prob gives %.9g", loss - 0.25, expected);
  for (uint64_t k = 0; k < s.parameters; k++) largest = fmax(largest, fabs(gradient[k]));
  const uint64_t stride = s.parameters > MOST ? s.parameters / MOST : 1;
  for (uint64_t k = 0; k < s.parameters; k += stride) {
    double nearest = INFINITY;
    for (size_t h = 0; h < sizeof steps / sizeof *steps; h++) {
      double numeric = difference(&s, k, steps[h], fine, coarse, weight);
      if (fabs(numeric - gradient[k]) < fabs(nearest - gradient[k])) nearest = numeric;
      if (fabs(nearest - gradient[k]) <= 1e-3 * (fabs(gradient[k]) + 0.03 * largest) + 1e-9) break;
    }
    if (!(fabs(nearest - gradient[k]) <= 1e-3 * (fabs(gradient[k]) + 0.03 * largest) + 1e-9))
      fg_case_failed(c, "the gradient by parameter %" PRIu64 " (%s) is %.9g, differences of log_prob give %.9g", k,
                     s.network->parameter_name(s.model, k), gradient[k], nearest);
  }
  free(gradient);
  fg_subject_drop(&s, fine);
  fg_subject_close(&s);
}

/// The place in the table of a fine spin, as network.h defines it, and its number of 16 bits.
static uint32_t table_pattern(const fg_network_table *table, const fg_batch *coarse, uint32_t i, uint64_t y,
                              uint64_t x) {
  const int64_t rows = (int64_t)coarse->rows, width = (int64_t)fg_lattice_width(&coarse->lattice);
  uint32_t pattern = 0;
  for (uint32_t row = 0; row < table->window; row++) {
    for (uint32_t column = 0; column < table->window; column++) {
      int64_t dy = (int64_t)row - table->before, dx = (int64_t)column - table->before;
      const int up = table->positions != 4 && y % 2, left = table->positions != 4 && x % 2;
      int64_t at_y = (int64_t)(y / 2) + (up ? -dy : dy), at_x = (int64_t)(x / 2) + (left ? -dx : dx);
      at_y = (at_y % rows + rows) % rows;
      at_x = (at_x % width + width) % width;
      pattern |= (uint32_t)fg_bit_get(fg_batch_row(coarse, i, (uint64_t)at_y), (uint64_t)at_x)
                 << (row * table->window + column);
    }
  }
  const uint32_t position = table->positions == 4 ? 2 * (uint32_t)(y % 2) + (uint32_t)(x % 2) : 0;
  return position << (table->window * table->window) | pattern;
}

static uint32_t table_number(const fg_subject *s, const fg_batch *fine, const fg_batch *coarse, uint32_t i, uint64_t y,
                             uint64_t x) {
  const uint64_t width = fg_lattice_width(&coarse->lattice);
  const uint64_t g = (fine->first + i) * fg_lattice_sites(&coarse->lattice) + y / 2 * width + x / 2;
  const uint64_t position = 2 * (y % 2) + x % 2;
  uint32_t number = 0;
  for (uint64_t plane = 0; plane < 16; plane++) {
    uint8_t bits[64];
    const fg_rng_counter at = {.low = ((g / 512 * 4 + position) * 16 + plane) * 4,
                               .high = (uint64_t)(int64_t)fine->level};
    s->trial.host.rng_fill(FG_SUBJECT_KEY, at, bits, sizeof bits);
    number |= (uint32_t)(bits[g % 512 / 8] >> (g % 8) & 1) << plane;
  }
  return number;
}

static void check_table(fg_case *c, uint32_t variant) {
  enum { COUNT = 9 };
  (void)variant;
  fg_subject s;
  fg_subject_open(&s, c);
  fg_case_doing(c, "table");
  const fg_network_table *table = FG_HAS(s.network, table) && s.network->table ? s.network->table(s.model) : NULL;
  if (!table) fg_case_skipped(c, "offers no table");
  if (s.factor != 2) fg_case_failed(c, "offers a table, but its factor is %" PRIu32 ", not 2", s.factor);
  if (table->window < 1 || table->window > 5 || table->before >= table->window)
    fg_case_failed(c, "its table has a window of %" PRIu32 " with %" PRIu32 " before the parent", table->window,
                   table->before);
  if (table->positions > 1 && table->positions != 4)
    fg_case_failed(c, "its table says %" PRIu32 " positions; it must be 4, or 0 when they share thresholds",
                   table->positions);
  const fg_batch *coarse = fg_subject_coarse(&s, 8, 9, COUNT);
  fg_batch *fine = fg_subject_fine(&s, coarse);
  fine->first = 1000;
  double log_prob[COUNT], of_table[COUNT] = {0}, tolerance[COUNT] = {0};
  fg_subject_draw(&s, coarse, fine, 0, COUNT);
  fg_subject_score(&s, s.model, fine, coarse, 0, COUNT, log_prob);
  for (uint32_t i = 0; i < COUNT; i++) {
    for (uint64_t y = 0; y < fine->rows; y++) {
      for (uint64_t x = 0; x < fg_lattice_width(&fine->lattice); x++) {
        const uint32_t threshold = table->thresholds[table_pattern(table, coarse, i, y, x)];
        const unsigned parent = fg_bit_get(fg_batch_row(coarse, i, y / 2), x / 2);
        const unsigned spin = fg_bit_get(fg_batch_row(fine, i, y), x);
        if (threshold > 65536) fg_case_failed(c, "its table has a threshold of %" PRIu32 ", above 65536", threshold);
        if (spin != (parent ^ (table_number(&s, fine, coarse, i, y, x) < threshold)))
          fg_case_failed(
              c,
              "sample does not draw what its table draws (network.h); the first time at configuration %" PRIu32
              ", row %" PRIu64 ", column %" PRIu64,
              i, y, x);
        const double p = (spin == parent ? 65536.0 - threshold : threshold) / 65536;
        of_table[i] += log(p);
        tolerance[i] += 0x1p-16 / p;
      }
    }
    if (!(fabs(of_table[i] - log_prob[i]) <= 1e-6 + tolerance[i]))
      fg_case_failed(c, "log P is %.9g by log_prob and %.9g by the table", log_prob[i], of_table[i]);
  }
  fg_case_note(c, "window of %" PRIu32 "x%" PRIu32, table->window, table->window);
  fg_subject_drop(&s, fine);
  fg_subject_close(&s);
}

static double log_sigmoid(double z) { return z < 0 ? z - log1p(exp(z)) : -log1p(exp(-z)); }

/// Counts made in two shares and merged give the likelihood that log_prob gives.
static void check_classes(fg_case *c, uint32_t variant) {
  enum { COUNT = 8 };
  (void)variant;
  fg_subject s;
  fg_subject_open(&s, c);
  const fg_network_classes *classes = FG_HAS(s.network, classes) ? s.network->classes : NULL;
  if (!classes) fg_case_skipped(c, "offers no classes");
  const fg_batch *coarse = fg_subject_coarse(&s, 4, 6, COUNT);
  fg_batch *fine = fg_subject_fine(&s, coarse);
  static const double weight[COUNT] = {1, 1, 1, 1, 1, 1, 1, 1};
  fg_subject_draw(&s, coarse, fine, 0, COUNT);
  fg_case_doing(c, "counting of classes");
  void *counts[2] = {classes->open(s.model), classes->open(s.model)};
  if (!counts[0] || !counts[1]) fg_case_failed(c, "classes->open gives nothing");
  if (classes->add(counts[0], fine, coarse, 0, 3) != FG_OK ||
      classes->add(counts[1], fine, coarse, 3, COUNT) != FG_OK || classes->merge(counts[0], counts[1]) != FG_OK)
    fg_case_failed(c, "counting fails: %s", s.trial.reason);
  double *features = calloc(s.parameters, sizeof *features), loss = 0;
  if (!features) abort();
  const uint64_t count = classes->count(counts[0]);
  uint64_t spins = 0;
  for (uint64_t i = 0; i < count; i++) {
    uint64_t ones = 0, zeros = 0;
    double z = 0;
    classes->get(counts[0], i, features, &ones, &zeros);
    for (uint64_t k = 0; k < s.parameters; k++) z += features[k] * s.weights[k];
    loss -= (double)ones * log_sigmoid(z) + (double)zeros * log_sigmoid(-z);
    spins += ones + zeros;
  }
  const double expected = loss_of(&s, s.model, fine, coarse, weight);
  if (spins != COUNT * fg_lattice_sites(&fine->lattice))
    fg_case_failed(c, "classes count %" PRIu64 " spins of %" PRIu64, spins, COUNT * fg_lattice_sites(&fine->lattice));
  if (!(fabs(loss - expected) <= 1e-6 * (1 + fabs(expected))))
    fg_case_failed(c, "-log P is %.9g by the classes and %.9g by log_prob", loss, expected);
  free(features);
  classes->close(counts[0]);
  classes->close(counts[1]);
  fg_case_note(c, "%" PRIu64 " class(es)", count);
  fg_subject_drop(&s, fine);
  fg_subject_close(&s);
}

const fg_check fg_checks_of_options[] = {
    {.name = "network-gradient", .body = check_gradient},
    {.name = "network-table", .body = check_table},
    {.name = "network-classes", .body = check_classes},
    {0},
};
