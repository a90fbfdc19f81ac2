// test_dream.c — generate.dream: the order and the start of what it emits, that batches and ranges leave no trace, a
// second model for the first steps, and energies and moments of published networks. Statistical test: fixed seed, 4σ.
#include "check.h"
#include "driver.h"
#include "spins.h"

#include <stdlib.h>

enum { MODEL, FIRST }; // inputs

static fg_status negotiate(driver *d, uint32_t has_weights) {
  fg_format model = format_of_model(has_weights);
  return driver_negotiate(d, (const fg_format *const[]){&model, NULL});
}

static void feed_model(driver *d, uint32_t port, int kernel, const double *weights, uint64_t count) {
  const fg_host *host = driver_host(d);
  char hyperparameters[32];
  snprintf(hyperparameters, sizeof hyperparameters, "{\"kernel\":%d}", kernel);
  fg_model *model = host->model_new(host, "network.symmetric", hyperparameters, weights, count);
  CHECK_INTEGER(driver_feed_model(d, port, model), FG_OK);
  host->model_unref(host, model);
  CHECK_INTEGER(driver_end(d, port), FG_OK);
}

/// A stage that has its model.
static driver *open_stage(const char *params, int kernel, const double *weights, uint64_t count) {
  driver *d = driver_open("generate.dream", params, 42);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(negotiate(d, 1), FG_OK);
  feed_model(d, MODEL, kernel, weights, count);
  return d;
}

/// The same, run to its end.
static driver *run(const char *params, int kernel, const double *weights, uint64_t count) {
  driver *d = open_stage(params, kernel, weights, count);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

/// The batch that holds configuration `index` of a level, and where in it.
static const fg_batch *find(const driver *d, int level, uint64_t index, uint32_t *at) {
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    if (batch->level != level || index < batch->first || index - batch->first >= batch->count) continue;
    *at = (uint32_t)(index - batch->first);
    return batch;
  }
  return NULL;
}

/// Whether configuration `index` of a level is the same in two streams.
static int same(const driver *a, const driver *b, int level, uint64_t index) {
  uint32_t at_a, at_b;
  const fg_batch *x = find(a, level, index, &at_a), *y = find(b, level, index, &at_b);
  if (!x || !y || !fg_lattice_equal(&x->lattice, &y->lattice)) return 0;
  return memcmp(fg_batch_row(x, at_a, 0), fg_batch_row(y, at_b, 0), x->rows * x->row_bytes) == 0;
}

static void levels_and_start(void) {
  driver *d = run("levels: 5, configurations: 3000", 3, published3, 3);
  const fg_format *format = driver_format(d, 0);
  CHECK_INTEGER(format->shape_count, 6);
  CHECK_INTEGER(format->configurations, 3000);
  uint64_t next[6] = {0};
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    CU_ASSERT_FATAL(batch->level >= 0 && batch->level <= 5);
    CHECK_INTEGER(batch->level, (int)(i % 6)); // a batch goes through all levels before the next one starts
    CHECK_INTEGER(batch->first, next[batch->level]);
    CHECK_INTEGER(batch->rows, 1 << batch->level);
    CHECK_INTEGER(format->shapes[batch->level].extent[0], 1 << batch->level);
    CHECK_INTEGER(batch->chain, 0);
    CU_ASSERT(batch->count <= format->batch);
    CU_ASSERT(isnan(batch->coupling));
    next[batch->level] += batch->count;
  }
  for (int level = 0; level <= 5; level++) CHECK_INTEGER(next[level], 3000);
  int wrong = 0;
  for (uint64_t c = 0; c < 3000; c++) {
    uint32_t at;
    const fg_batch *batch = find(d, 0, c, &at);
    wrong += spin_get(batch, at, 0, 0) != (c % 2 == 0);
  }
  CHECK_INTEGER(wrong, 0);
  driver_close(d);

  d = run("start: 3, levels: 2, configurations: 7", 5, published6, 6);
  uint32_t at;
  for (uint64_t c = 0; c < 7; c++)
    for (uint64_t i = 0; i < 9; i++) CHECK_INTEGER(spin_get(find(d, 0, c, &at), (uint32_t)c, i / 3, i % 3), c % 2 == 0);
  CHECK_INTEGER(find(d, 2, 6, &at)->rows, 12);
  driver_close(d);

  d = run("start: 3, levels: 6, configurations: 500", 3, published3, 3); // batches of odd size
  CHECK_INTEGER(driver_format(d, 0)->batch % 2, 1);
  wrong = 0;
  for (uint64_t c = 0; c < 500; c++) {
    const fg_batch *batch = find(d, 0, c, &at);
    wrong += spin_get(batch, at, 1, 2) != (c % 2 == 0);
  }
  CHECK_INTEGER(wrong, 0);
  driver_close(d);
}

/// The first 150 dreams do not depend on how many follow, on the size of the last lattice, or on what is kept; and they
/// are what the network draws when asked for other ranges.
static void batches_leave_no_trace(void) {
  driver *many = run("levels: 3, configurations: 2500", 7, published10, 10);
  driver *few = run("levels: 7, configurations: 150", 7, published10, 10);
  driver *last = run("levels: 3, configurations: 150, keep: last", 7, published10, 10);
  CHECK_INTEGER(driver_format(last, 0)->shape_count, 1);
  CU_ASSERT(driver_format(many, 0)->batch != driver_format(few, 0)->batch);
  int wrong = 0;
  for (uint64_t c = 0; c < 150; c++) {
    for (int level = 0; level <= 3; level++) wrong += !same(many, few, level, c);
    wrong += !same(many, last, 3, c);
  }
  CHECK_INTEGER(wrong, 0);
  for (size_t i = 0; i < driver_count(last, 0); i++) CHECK_INTEGER(driver_message(last, 0, i)->batch->level, 3);

  const fg_host *host = driver_host(many);
  const fg_network *network = host->lookup(host, "network.symmetric", FG_NETWORK_EXTENSION);
  fg_network_model *model;
  CHECK_INTEGER(network->open(host, "{\"kernel\":7}", published10, 10, &model), FG_OK);
  for (int level = 1; level <= 3; level++) {
    uint32_t at;
    const fg_batch *coarse = find(many, level - 1, 0, &at), *fine = find(many, level, 0, &at);
    fg_batch *again = spins_new(host, fine->rows, fine->rows, fine->count);
    again->level = level;
    for (uint32_t begin = 0, size = 1; begin < fine->count; begin += size, size = size % 37 + 1) {
      uint32_t end = fine->count - begin < size ? fine->count : begin + size;
      fg_rng_key key = host->rng_key(host, "dream");
      CHECK_INTEGER(network->sample(model, host->rng_fill, key, coarse, again, begin, end), FG_OK);
    }
    CU_ASSERT(spins_equal(fine, again));
    host->batch_unref(host, again);
  }
  network->close(model);
  driver_close(many);
  driver_close(few);
  driver_close(last);
}

/// Another seed, and another dream of the same seed, are others.
static void dreams_differ(void) {
  driver *d = run("levels: 5, configurations: 40", 3, published3, 3);
  uint32_t at;
  const fg_batch *batch = find(d, 5, 0, &at);
  int equal = 0;
  for (uint32_t a = 0; a < 40; a++)
    for (uint32_t b = 0; b < a; b++)
      equal += memcmp(fg_batch_row(batch, a, 0), fg_batch_row(batch, b, 0), batch->rows * batch->row_bytes) == 0;
  CHECK_INTEGER(equal, 0);
  driver_close(d);
}

// ---- a second model

/// A dream of the published 3×3 model, then of another.
static driver *run_with_first(const char *params, int kernel, const double *weights, uint64_t count) {
  driver *d = driver_open("generate.dream", params, 42);
  fg_format model = format_of_model(1);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, &model}), FG_OK);
  feed_model(d, MODEL, kernel, weights, count);
  feed_model(d, FIRST, 3, published3, 3);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

/// How many of the configurations of a level are the same.
static uint64_t count_same(const driver *a, const driver *b, int level, uint64_t configurations) {
  uint64_t equal = 0;
  for (uint64_t c = 0; c < configurations; c++) equal += (uint64_t)same(a, b, level, c);
  return equal;
}

/// How many batches of a level are what this model draws given the level below.
static size_t count_drawn_by(driver *d, int level, int kernel, const double *weights, uint64_t count) {
  const fg_host *host = driver_host(d);
  const fg_network *network = host->lookup(host, "network.symmetric", FG_NETWORK_EXTENSION);
  char hyperparameters[32];
  fg_network_model *model;
  size_t equal = 0;
  snprintf(hyperparameters, sizeof hyperparameters, "{\"kernel\":%d}", kernel);
  CHECK_INTEGER(network->open(host, hyperparameters, weights, count, &model), FG_OK);
  for (size_t i = 1; i < driver_count(d, 0); i++) {
    const fg_batch *coarse = driver_message(d, 0, i - 1)->batch, *fine = driver_message(d, 0, i)->batch;
    if (fine->level != level) continue;
    fg_batch *again = spins_new(host, fine->rows, fine->rows, fine->count);
    again->level = level;
    again->first = fine->first;
    fg_rng_key key = host->rng_key(host, "dream");
    CHECK_INTEGER(network->sample(model, host->rng_fill, key, coarse, again, 0, fine->count), FG_OK);
    equal += (size_t)spins_equal(fine, again);
    host->batch_unref(host, again);
  }
  network->close(model);
  return equal;
}

/// Levels up to first_steps are drawn by the first model, the others by the other one: spin by spin.
static void first_model(void) {
  enum { DREAMS = 1500, LEVELS = 5, BATCHES = 2 };
  static const struct {
    const char *params;
    int steps;
  } cases[] = {{"levels: 5, configurations: 1500", 2},
               {"levels: 5, configurations: 1500, first_steps: 0", 0},
               {"levels: 5, configurations: 1500, first_steps: 1", 1},
               {"levels: 5, configurations: 1500, first_steps: 5", 5}};
  driver *three = run(cases[0].params, 3, published3, 3), *ten = run(cases[0].params, 7, published10, 10);
  driver *twice = run_with_first(cases[0].params, 3, published3, 3);
  for (int level = 0; level <= LEVELS; level++) CHECK_INTEGER(count_same(twice, three, level, DREAMS), DREAMS);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    driver *both = run_with_first(cases[i].params, 7, published10, 10);
    const int steps = cases[i].steps;
    for (int level = 1; level <= LEVELS; level++) {
      CHECK_INTEGER(count_drawn_by(both, level, 3, published3, 3), level <= steps ? BATCHES : 0);
      CHECK_INTEGER(count_drawn_by(both, level, 7, published10, 10), level <= steps ? 0 : BATCHES);
      if (level <= steps) CHECK_INTEGER(count_same(both, three, level, DREAMS), DREAMS);
      if (level > steps) CU_ASSERT(count_same(both, three, level, DREAMS) < DREAMS);
    }
    CHECK_INTEGER(count_same(both, ten, LEVELS, DREAMS) == DREAMS, steps == 0);
    driver_close(both);
  }
  driver_close(three);
  driver_close(ten);
  driver_close(twice);
}

// ---- a list of models

/// A stage that expects `models` of network.symmetric, and perhaps a first one.
static driver *open_list(const char *params, uint32_t models, int with_first) {
  driver *d = driver_open("generate.dream", params, 42);
  fg_format list = format_of_model(1), first = format_of_model(1);
  list.models = models;
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&list, with_first ? &first : NULL}), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

/// The last model makes the last step, the one before it the step before, the first one all others.
static void list_of_models(void) {
  enum { DREAMS = 1500, LEVELS = 5, BATCHES = 2 };
  static const struct {
    int kernel;
    uint64_t count;
    const double *weights;
  } made[] = {{3, 3, published3}, {5, 6, published6}, {7, 10, published10}};
  static const struct {
    const char *params;
    uint32_t models;          // the last ones of `made`
    int with_first;           // published3
    int drawn_by[LEVELS + 1]; // index in `made`, by level
  } cases[] = {{"levels: 5, configurations: 1500", 1, 0, {0, 2, 2, 2, 2, 2}},
               {"levels: 5, configurations: 1500", 2, 0, {0, 1, 1, 1, 1, 2}},
               {"levels: 5, configurations: 1500", 3, 0, {0, 0, 0, 0, 1, 2}},
               {"levels: 5, configurations: 1500", 2, 1, {0, 0, 0, 1, 1, 2}},
               {"levels: 5, configurations: 1500, first_steps: 3", 2, 1, {0, 0, 0, 0, 1, 2}}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    driver *d = open_list(cases[i].params, cases[i].models, cases[i].with_first);
    for (uint32_t m = 3 - cases[i].models; m < 3; m++)
      feed_model(d, MODEL, made[m].kernel, made[m].weights, made[m].count);
    if (cases[i].with_first) feed_model(d, FIRST, 3, published3, 3);
    CHECK_INTEGER(driver_finish(d), FG_OK);
    for (int level = 1; level <= LEVELS; level++)
      for (int m = 0; m < 3; m++)
        CHECK_INTEGER(count_drawn_by(d, level, made[m].kernel, made[m].weights, made[m].count) == BATCHES,
                      m == cases[i].drawn_by[level]);
    driver_close(d);
  }
}

// ---- checkpoints

typedef struct memory {
  unsigned char bytes[64];
  size_t count, at;
} memory;

static fg_status write_memory(const fg_writer *writer, const void *data, size_t bytes) {
  memory *m = writer->impl;
  if (bytes > sizeof m->bytes - m->count) return FG_FAILED;
  memcpy(m->bytes + m->count, data, bytes);
  m->count += bytes;
  return FG_OK;
}

static fg_status read_memory(const fg_reader *reader, void *data, size_t bytes) {
  memory *m = reader->impl;
  if (bytes > m->count - m->at) return FG_FAILED;
  memcpy(data, m->bytes + m->at, bytes);
  m->at += bytes;
  return FG_OK;
}

static void checkpoints(void) {
  static const char params[] = "levels: 4, configurations: 2500";
  memory saved = {.count = 0};
  fg_writer writer = {.size = sizeof writer, .impl = &saved, .write = write_memory};
  fg_reader reader = {.size = sizeof reader, .impl = &saved, .read = read_memory};
  driver *whole = run(params, 3, published3, 3);
  driver *first = open_stage(params, 3, published3, 3);
  const fg_stage *stage = driver_stage(first);
  CHECK_INTEGER(stage->produce(driver_self(first)), FG_OK);
  CHECK_INTEGER(stage->save(driver_self(first), &writer), FG_OK);
  uint64_t done = driver_message(first, 0, 0)->batch->count;

  driver *second = driver_open("generate.dream", params, 42);
  CHECK_INTEGER(negotiate(second, 1), FG_OK);
  CHECK_INTEGER(stage->restore(driver_self(second), &reader), FG_OK);
  feed_model(second, MODEL, 3, published3, 3);
  CHECK_INTEGER(driver_finish(second), FG_OK);
  int wrong = 0;
  uint32_t at;
  for (uint64_t c = done; c < 2500; c++)
    for (int level = 0; level <= 4; level++) wrong += !same(whole, second, level, c);
  CHECK_INTEGER(wrong, 0);
  CU_ASSERT(find(second, 4, done - 1, &at) == NULL);
  saved.count = 3; // torn
  saved.at = 0;
  CHECK_INTEGER(stage->restore(driver_self(second), &reader), FG_FAILED);
  driver_close(whole);
  driver_close(first);
  driver_close(second);
}

// ---- physics

/// Mean energy per site and ⟨m⁴⟩/⟨m²⟩² of 2000 dreams at L=128, against 6·10⁴ dreams of the same weights by an
/// independent program. σ(e) follows from varE = N(⟨e²⟩-⟨e⟩²); U scatters by about 0.22/√n.
static void published(int kernel, const double *weights, uint64_t count, double e, double varE, double u) {
  enum { DREAMS = 2000, LENGTH = 128 };
  driver *d = run("levels: 7, configurations: 2000, keep: last", kernel, weights, count);
  double sum_e = 0, sum_m2 = 0, sum_m4 = 0, sites = LENGTH * LENGTH, n = DREAMS;
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    for (uint32_t c = 0; c < batch->count; c++) {
      int64_t unlike = 0, up = 0;
      for (uint64_t y = 0; y < LENGTH; y++) {
        const uint64_t *row = fg_batch_row(batch, c, y), *below = fg_batch_row(batch, c, (y + 1) % LENGTH);
        for (uint64_t w = 0; w < 2; w++) {
          uint64_t right = row[w] >> 1 | row[1 - w] << 63;
          up += __builtin_popcountll(row[w]);
          unlike += __builtin_popcountll(row[w] ^ right) + __builtin_popcountll(row[w] ^ below[w]);
        }
      }
      double m = (2 * (double)up - sites) / sites;
      sum_e += -(2 * sites - 2 * (double)unlike) / sites;
      sum_m2 += m * m;
      sum_m4 += m * m * m * m;
    }
  }
  CHECK_NEAR(sum_e / n, e, 4 * sqrt(varE / sites / n));
  CHECK_NEAR(sum_m4 / n / (sum_m2 / n * sum_m2 / n), u, 4 * 0.22 / sqrt(n));
  driver_close(d);
}

static void published_networks(void) {
  published(3, published3, 3, -1.3068, 24.5, 1.1135);
  published(5, published6, 6, -1.2961, 20.7, 1.1299);
  published(7, published10, 10, -1.2944, 18.5, 1.1271);
}

// ---- refusals

static void refused(const char *params, uint32_t has_weights, const char *message) {
  driver *d = driver_open("generate.dream", params, 1);
  CHECK_INTEGER(negotiate(d, has_weights), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refused_with_first(const char *params, uint32_t has_weights, const char *message) {
  driver *d = driver_open("generate.dream", params, 1);
  fg_format model = format_of_model(1), first = format_of_model(has_weights);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, &first}), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refusals(void) {
  refused("levels: 5, configurations: 5, first_steps: 3", 1,
          "3 is of no effect without a second model; connect one, inputs: {first: STAGE}, or leave first_steps out");
  refused_with_first("levels: 5, configurations: 5, first_steps: 6", 1,
                     "6 steps with the first model, but the dream has 5 in all; ask for at most first_steps: 5, or for "
                     "more levels");
  refused_with_first("levels: 1, configurations: 5", 1,
                     "2 steps with the first model, but the dream has 1 in all; ask for at most first_steps: 1, or for "
                     "more levels");
  refused_with_first("levels: 5, configurations: 5", 0,
                     "first model 'network.symmetric' has no weights; train it or give weights: [...]");
  refused("levels: 3, configurations: 5", 0,
          "model 'network.symmetric' has no weights; train it or give weights: "
          "[...]");
  refused("start: 4, levels: 30, configurations: 5", 1,
          "30 doublings of 4 give a lattice of more than 2^31 sites a side; at most 29 are possible");
  refused("levels: 30, configurations: 100", 1,
          "100 lattices of 1073741824² have more than 2^63 sites; ask for fewer "
          "configurations or levels");
  driver *d = driver_open("generate.dream", "levels: 2, configurations: 5", 1);
  CHECK_INTEGER(negotiate(d, 1), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_FAILED);
  CHECK_TEXT(driver_error(d), "no model arrived");
  driver_close(d);

  fg_format model = format_of_model(1);
  d = driver_open("generate.dream", "levels: 2, configurations: 5", 1);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, &model}), FG_OK);
  feed_model(d, MODEL, 3, published3, 3);
  CHECK_INTEGER(driver_finish(d), FG_FAILED);
  CHECK_TEXT(driver_error(d), "no first model arrived");
  fg_model *again = driver_host(d)->model_new(driver_host(d), "network.symmetric", "{\"kernel\":3}", published3, 3);
  CHECK_INTEGER(driver_feed_model(d, FIRST, again), FG_OK);
  CHECK_INTEGER(driver_feed_model(d, FIRST, again), FG_FAILED);
  CHECK_TEXT(driver_error(d), "takes one first model, but more than one arrived");
  driver_host(d)->model_unref(driver_host(d), again);
  driver_close(d);
}

static void refused_list(const char *params, const fg_format *list, const fg_format *first, const char *message) {
  driver *d = driver_open("generate.dream", params, 1);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){list, first}), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refused_lists(void) {
  fg_format list = format_of_model(1), bare = format_of_model(0), first = format_of_model(1);
  list.models = 4;
  bare.models = 2;
  bare.network[0] = '\0'; // of several kinds
  refused_list(
      "levels: 3, configurations: 5", &list, NULL,
      "4 models in the list, but there are 3 steps for them; the last model makes the last step: leave out the "
      "first 1");
  refused_list(
      "levels: 5, configurations: 5", &list, &first,
      "4 models in the list, but there are 3 steps for them; the last model makes the last step: leave out the "
      "first 1");
  refused_list("levels: 3, configurations: 5", &bare, NULL,
               "a model of the list has no weights; train it or give weights: [...]");

  driver *d = open_list("levels: 3, configurations: 5", 3, 0);
  feed_model(d, MODEL, 3, published3, 3);
  feed_model(d, MODEL, 3, published3, 3);
  CHECK_INTEGER(driver_finish(d), FG_FAILED);
  CHECK_TEXT(driver_error(d), "no model arrived");
  feed_model(d, MODEL, 3, published3, 3);
  fg_model *more = driver_host(d)->model_new(driver_host(d), "network.symmetric", "{\"kernel\":3}", published3, 3);
  CHECK_INTEGER(driver_feed_model(d, MODEL, more), FG_FAILED);
  CHECK_TEXT(driver_error(d), "takes 3 models, but more arrived");
  driver_host(d)->model_unref(driver_host(d), more);
  driver_close(d);
}

int main(void) {
  static const check_case cases[] = {
      {"levels and start", levels_and_start},     {"batches leave no trace", batches_leave_no_trace},
      {"dreams differ", dreams_differ},           {"a first model", first_model},
      {"a list of models", list_of_models},       {"checkpoints", checkpoints},
      {"published networks", published_networks}, {"refusals", refusals},
      {"refused lists", refused_lists},           {NULL, NULL},
  };
  return check_main("generate.dream", cases);
}
