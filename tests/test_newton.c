// test_newton.c — train.newton: weights of a known model come back from what it drew, errors cover, data that do not
// determine the weights get the stated answer. Statistical tests: fixed seeds, failing by chance less than once in 10³.
#include "check.h"
#include "driver.h"
#include "spins.h"

#include <stdlib.h>

/// A trained stage, its data, and what it found.
typedef struct fit {
  driver *driver;
  const fg_host *host;
  const fg_model *model;
  const fg_table *weights, *summary;
} fit;

static const fg_network *network_of(const fg_host *host) {
  return host->lookup(host, "network.symmetric", FG_NETWORK_EXTENSION);
}

static driver *open_stage(const char *params, uint64_t length) {
  driver *d = driver_open("train.newton", params, 5);
  fg_format model = format_of_model(0);
  fg_format fine = format_of_spins(2 * length, 2 * length), coarse = format_of_spins(length, length);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, &fine, &coarse}), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  CHECK_TEXT(driver_format(d, 0)->network, "network.symmetric");
  CHECK_INTEGER(driver_format(d, 0)->has_weights, 1);
  return d;
}

static void feed_model(driver *d, int kernel, const double *weights, uint64_t count) {
  const fg_host *host = driver_host(d);
  char hyperparameters[32];
  snprintf(hyperparameters, sizeof hyperparameters, "{\"kernel\":%d}", kernel);
  fg_model *model = host->model_new(host, "network.symmetric", hyperparameters, weights, count);
  CHECK_INTEGER(driver_feed_model(d, 0, model), FG_OK);
  host->model_unref(host, model);
  CHECK_INTEGER(driver_end(d, 0), FG_OK);
}

static const fg_table *table_named(const driver *d, const char *name) {
  for (size_t i = 0; i < driver_count(d, 1); i++)
    if (strcmp(driver_message(d, 1, i)->table->name, name) == 0) return driver_message(d, 1, i)->table;
  return NULL;
}

static fit finish(driver *d) {
  fit f = {.driver = d, .host = driver_host(d)};
  CHECK_INTEGER(driver_end(d, 1), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(driver_count(d, 0), 1);
  f.model = driver_message(d, 0, 0)->model;
  f.weights = table_named(d, "weights");
  f.summary = table_named(d, "fit");
  return f;
}

static double weight(const fit *f, uint64_t k) { return f->weights->cells[3 * k + 1].real; }
static double standard_error(const fit *f, uint64_t k) { return f->weights->cells[3 * k + 2].real; }
static double log_likelihood(const fit *f) { return f->summary->cells[0].real; }
static int64_t classes(const fit *f) { return f->summary->cells[2].integer; }
static int64_t spins(const fit *f) { return f->summary->cells[3].integer; }
static int64_t regularised(const fit *f) { return f->summary->cells[4].integer; }

/// Coarse lattices with structure, all classes well filled: random spins, then one inverse step of a 3×3 kernel; and
/// fine lattices drawn from the model under test.
static void draw(const fg_host *host, int kernel, const double *weights, uint64_t count, uint64_t length,
                 uint32_t lattices, uint64_t seed, fg_batch **coarse, fg_batch **fine) {
  static const double smooth[] = {0.2, 0.3, 0.5};
  const fg_network *network = network_of(host);
  fg_network_model *model, *smoother;
  char hyperparameters[32];
  snprintf(hyperparameters, sizeof hyperparameters, "{\"kernel\":%d}", kernel);
  CHECK_INTEGER(network->open(host, hyperparameters, weights, count, &model), FG_OK);
  CHECK_INTEGER(network->open(host, "{\"kernel\":3}", smooth, 3, &smoother), FG_OK);
  fg_batch *seeds = spins_random(host, length / 2, length / 2, lattices, 0.5, seed);
  *coarse = spins_new(host, length, length, lattices);
  *fine = spins_new(host, 2 * length, 2 * length, lattices);
  (*coarse)->level = 1;
  (*fine)->level = 2;
  (*coarse)->first = (*fine)->first = seed * 1000000;
  fg_rng_key key = host->rng_key(host, "data of a test");
  CHECK_INTEGER(network->sample(smoother, host->rng_fill, key, seeds, *coarse, 0, lattices), FG_OK);
  CHECK_INTEGER(network->sample(model, host->rng_fill, key, *coarse, *fine, 0, lattices), FG_OK);
  host->batch_unref(host, seeds);
  network->close(model);
  network->close(smoother);
}

/// Trains on 5 batches drawn from the model; the weights must come back within 4 of their errors, the errors be small,
/// the likelihood be that of the network itself, and its gradient vanish.
static void come_back(int kernel, const double *truth, uint64_t count) {
  enum { LENGTH = 16, LATTICES = 400, BATCHES = 5 };
  driver *d = open_stage("", LENGTH);
  const fg_host *host = driver_host(d);
  const fg_network *network = network_of(host);
  fg_batch *coarse[BATCHES], *fine[BATCHES];
  feed_model(d, kernel, NULL, 0);
  for (uint64_t b = 0; b < BATCHES; b++) {
    draw(host, kernel, truth, count, LENGTH, LATTICES, b, &coarse[b], &fine[b]);
    CHECK_INTEGER(driver_feed_pair(d, 1, fine[b], coarse[b]), FG_OK);
  }
  fit f = finish(d);
  CHECK_INTEGER(f.model->weight_count, count);
  CHECK_INTEGER(f.weights->row_count, count);
  for (uint64_t k = 0; k < count; k++) {
    CHECK_NEAR(weight(&f, k), truth[k], 4 * standard_error(&f, k));
    CHECK_NEAR(standard_error(&f, k), 0, 0.05);
    CHECK_NEAR(f.model->weights[k], weight(&f, k), 0);
  }
  CHECK_TEXT(f.weights->cells[0].text, "corner");
  CHECK_INTEGER(spins(&f), (int64_t)BATCHES * LATTICES * 4 * LENGTH * LENGTH);
  CHECK_INTEGER(regularised(&f), 0);
  if (kernel == 3) CHECK_INTEGER(classes(&f), 6);

  fg_network_model *model;
  double gradient[36] = {0}, loss = 0;
  CHECK_INTEGER(network->open(host, f.model->hyperparameters, f.model->weights, count, &model), FG_OK);
  for (int b = 0; b < BATCHES; b++) {
    CHECK_INTEGER(network->gradient(model, fine[b], coarse[b], 0, LATTICES, NULL, &loss, gradient), FG_OK);
    host->batch_unref(host, fine[b]);
    host->batch_unref(host, coarse[b]);
  }
  CHECK_NEAR(log_likelihood(&f), -loss / (double)spins(&f), 1e-10);
  for (uint64_t k = 0; k < count; k++) CHECK_NEAR(gradient[k] * standard_error(&f, k), 0, 1e-4);
  network->close(model);
  driver_close(d);
}

static void three_come_back(void) { come_back(3, published3, 3); }
static void six_come_back(void) { come_back(5, published6, 6); }
static void ten_come_back(void) { come_back(7, published10, 10); }

/// 100 small data sets: (weight-truth)/error has mean 0 and variance 1, within 4σ.
static void errors_cover(void) {
  enum { SETS = 100, LATTICES = 40, LENGTH = 8 };
  double sum[3] = {0}, squares[3] = {0};
  for (uint64_t set = 0; set < SETS; set++) {
    driver *d = open_stage("", LENGTH);
    const fg_host *host = driver_host(d);
    fg_batch *coarse, *fine;
    feed_model(d, 3, NULL, 0);
    draw(host, 3, published3, 3, LENGTH, LATTICES, 1000 + set, &coarse, &fine);
    CHECK_INTEGER(driver_feed_pair(d, 1, fine, coarse), FG_OK);
    fit f = finish(d);
    for (uint64_t k = 0; k < 3; k++) {
      double pull = (weight(&f, k) - published3[k]) / standard_error(&f, k);
      sum[k] += pull;
      squares[k] += pull * pull;
    }
    host->batch_unref(host, fine);
    host->batch_unref(host, coarse);
    driver_close(d);
  }
  for (int k = 0; k < 3; k++) {
    CHECK_NEAR(sum[k] / SETS, 0, 4 / sqrt(SETS));
    CHECK_NEAR(squares[k] / SETS, 1, 4 * sqrt(2.0 / SETS));
  }
}

/// Weights the model came with, and how the data are cut, change nothing.
static void start_and_batches(void) {
  static const double far[] = {30, -2, 50};
  double found[3][3];
  for (int variant = 0; variant < 3; variant++) {
    driver *d = open_stage("", 16);
    const fg_host *host = driver_host(d);
    fg_batch *coarse, *fine;
    feed_model(d, 3, far, variant == 1 ? 3 : 0);
    draw(host, 3, published3, 3, 16, 100, 1, &coarse, &fine);
    uint32_t size = variant == 2 ? 7 : 100;
    for (uint32_t from = 0; from < 100; from += size) {
      uint32_t count = 100 - from < size ? 100 - from : size;
      fg_batch *fine_part = spins_new(host, 32, 32, count), *coarse_part = spins_new(host, 16, 16, count);
      memcpy(fine_part->data, fg_batch_row(fine, from, 0), count * 32 * fine->row_bytes);
      memcpy(coarse_part->data, fg_batch_row(coarse, from, 0), count * 16 * coarse->row_bytes);
      CHECK_INTEGER(driver_feed_pair(d, 1, fine_part, coarse_part), FG_OK);
      host->batch_unref(host, fine_part);
      host->batch_unref(host, coarse_part);
    }
    fit f = finish(d);
    for (uint64_t k = 0; k < 3; k++) found[variant][k] = weight(&f, k);
    host->batch_unref(host, fine);
    host->batch_unref(host, coarse);
    driver_close(d);
  }
  for (int k = 0; k < 3; k++) {
    CHECK_NEAR(found[1][k], found[0][k], 0); // the maximum is unique
    CHECK_NEAR(found[2][k], found[0][k], 0); // counts are whole numbers
  }
}

/// Trains on `count` lattices: coarse all up, fine up with probability `up`; or coarse random and fine equal to it.
static fit train_on(const char *params, int kernel, double up, int copies) {
  driver *d = open_stage(params, 8);
  const fg_host *host = driver_host(d);
  fg_batch *coarse = spins_random(host, 8, 8, 50, copies ? 0.5 : 1.1, 1), *fine = spins_random(host, 16, 16, 50, up, 2);
  for (uint32_t c = 0; copies && c < 50; c++)
    for (uint64_t i = 0; i < 256; i++) spin_set(fine, c, i / 16, i % 16, spin_get(coarse, c, i / 32, i % 16 / 2));
  feed_model(d, kernel, NULL, 0);
  CHECK_INTEGER(driver_feed_pair(d, 1, fine, coarse), FG_OK);
  fit f = finish(d);
  host->batch_unref(host, fine);
  host->batch_unref(host, coarse);
  return f;
}

/// ½ Σ w · (number of kernel entries of the parameter): the logit of a lattice all up.
static double logit_all_up(const fit *f) { return 0.5 * (4 * weight(f, 0) + 4 * weight(f, 1) + weight(f, 2)); }

static void separable_data(void) {
  for (int kernel = 3; kernel <= 7; kernel += 2) {
    fit f = train_on("", kernel, 1.1, 1); // every fine spin equals its parent, in all classes
    CHECK_INTEGER(regularised(&f), 1);
    CU_ASSERT(log_likelihood(&f) < 0 && log_likelihood(&f) > -1e-3);
    for (uint64_t k = 0; k < f.model->weight_count; k++)
      CU_ASSERT(isfinite(weight(&f, k)) && standard_error(&f, k) > 0);
    driver_close(f.driver);
  }

  fit f = train_on("", 3, 1.1, 0); // one class, one outcome
  CHECK_INTEGER(regularised(&f), 1);
  CHECK_INTEGER(classes(&f), 1);
  CU_ASSERT(logit_all_up(&f) > 8);
  driver_close(f.driver);

  // One class, both outcomes: its probability is found, a wide prior shares it out by the number of kernel entries.
  f = train_on("", 3, 0.8, 0);
  CHECK_INTEGER(regularised(&f), 1);
  double n = 50 * 256, p = 0.8, sigma = 1 / sqrt(n * p * (1 - p));
  CHECK_NEAR(logit_all_up(&f), log(p / (1 - p)), 4 * sigma);
  CHECK_NEAR(weight(&f, 0), weight(&f, 1), 1e-9);
  CHECK_NEAR(weight(&f, 0), 4 * weight(&f, 2), 1e-9);
  CU_ASSERT(standard_error(&f, 2) > 5 && standard_error(&f, 2) <= 10); // hardly less than the prior's
  driver_close(f.driver);

  f = train_on("prior: 0.5", 3, 1.1, 1);
  double narrow = fabs(weight(&f, 2));
  driver_close(f.driver);
  f = train_on("prior: 50", 3, 1.1, 1);
  CU_ASSERT(narrow < fabs(weight(&f, 2)));
  driver_close(f.driver);
}

static void refused(const fg_format *model, const fg_format *fine, const fg_format *coarse, const char *message) {
  driver *d = driver_open("train.newton", "", 5);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){model, fine, coarse}), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refusals(void) {
  fg_format model = format_of_model(0), fine = format_of_spins(32, 32);
  fg_format half = format_of_spins(16, 16), quarter = format_of_spins(8, 8);
  refused(&model, &fine, &quarter,
          "fine lattices of size 32 do not go with coarse ones of size 8: they must be 2 "
          "times as large; block with factor: 2");
  snprintf(model.network, sizeof model.network, "coarsen.majority");
  refused(&model, &fine, &half,
          "model 'coarsen.majority' is of no network this program has; a model comes from a "
          "network stage");

  driver *d = open_stage("", 16);
  CHECK_INTEGER(driver_finish(d), FG_FAILED);
  CHECK_TEXT(driver_error(d), "no model arrived");
  driver_close(d);
  d = open_stage("", 16);
  feed_model(d, 3, NULL, 0);
  CHECK_INTEGER(driver_finish(d), FG_FAILED);
  CHECK_TEXT(driver_error(d), "no configurations to learn from");
  driver_close(d);
}

int main(void) {
  static const check_case cases[] = {
      {"three parameters come back", three_come_back},
      {"six come back", six_come_back},
      {"ten come back", ten_come_back},
      {"errors cover", errors_cover},
      {"start and batches", start_and_batches},
      {"separable data", separable_data},
      {"refusals", refusals},
      {NULL, NULL},
  };
  return check_main("train.newton", cases);
}
