// test_upscale.c — generate.upscale: what it keeps of the configurations and what it changes, that batches leave no trace,
// random numbers of their own for every size and level, and what is drawn against the network's probabilities, over one
// step and two. Statistical tests: fixed seeds, χ², 4σ.
#include "check.h"
#include "driver.h"
#include "sampling.h"
#include "spins.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MODEL, CONFIGURATIONS }; // inputs

/// Negotiates with an input of some formats' lattices.
static fg_status negotiate(driver *d, uint32_t has_weights, const fg_format *in) {
  fg_format model = format_of_model(has_weights);
  return driver_negotiate(d, (const fg_format *const[]){&model, in});
}

/// A stage that has its model, the published one with 3 parameters.
static driver *open_stage(const char *params, const fg_format *in) {
  driver *d = driver_open("generate.upscale", params, 5);
  const fg_host *host = driver_host(d);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(negotiate(d, 1, in), FG_OK);
  fg_model *model = host->model_new(host, "network.symmetric", "{\"kernel\":3}", published3, 3);
  CHECK_INTEGER(driver_feed_model(d, MODEL, model), FG_OK);
  host->model_unref(host, model);
  CHECK_INTEGER(driver_end(d, MODEL), FG_OK);
  return d;
}

static const fg_batch *made(const driver *d, size_t i) { return driver_message(d, 0, i)->batch; }

/// Feeds configurations from … from+count-1 of a batch, as a batch of their own.
static void feed_part(driver *d, const fg_batch *batch, uint32_t from, uint32_t count) {
  fg_batch part = *batch;
  part.first += from;
  part.count = count;
  part.data = (char *)batch->data + from * batch->rows * batch->row_bytes;
  CHECK_INTEGER(driver_feed_batch(d, CONFIGURATIONS, &part), FG_OK);
}

/// The configuration with this index among what came out of a lattice at a level, and where in its batch.
static const fg_batch *find(const driver *d, const fg_lattice *lattice, int level, uint64_t index, uint32_t *at) {
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = made(d, i);
    if (batch->level != level || !fg_lattice_equal(&batch->lattice, lattice)) continue;
    if (index < batch->first || index - batch->first >= batch->count) continue;
    *at = (uint32_t)(index - batch->first);
    return batch;
  }
  return NULL;
}

static int same(const driver *a, const driver *b, const fg_lattice *lattice, int level, uint64_t index) {
  uint32_t at_a, at_b;
  const fg_batch *x = find(a, lattice, level, index, &at_a), *y = find(b, lattice, level, index, &at_b);
  return x && y && memcmp(fg_batch_row(x, at_a, 0), fg_batch_row(y, at_b, 0), x->rows * x->row_bytes) == 0;
}

// ---- formats

static void formats(void) {
  fg_format in = format_of_spins(4, 6);
  in.shapes[in.shape_count++] = fg_lattice_square(16);
  in.configurations = 700;
  in.batch = 300;
  driver *all = open_stage("steps: 3", &in), *last = open_stage("steps: 3, keep: last", &in);
  const fg_format *format = driver_format(all, 0);
  CHECK_INTEGER(format->element, FG_SPIN1);
  CHECK_INTEGER(format->shape_count, 6);
  for (uint32_t i = 0; i < 6; i++) {
    CHECK_INTEGER(format->shapes[i].extent[0], (i < 3 ? 4 : 16) << (i % 3 + 1));
    CHECK_INTEGER(format->shapes[i].extent[1], (i < 3 ? 6 : 16) << (i % 3 + 1));
  }
  CHECK_INTEGER(format->configurations, 700);
  CHECK_INTEGER(format->batch, 300); // no more than come in together
  format = driver_format(last, 0);
  CHECK_INTEGER(format->shape_count, 2);
  CHECK_INTEGER(format->shapes[0].extent[1], 48);
  CHECK_INTEGER(format->shapes[1].extent[0], 128);
  driver_close(all);
  driver_close(last);

  in.batch = 0; // unknown
  all = open_stage("", &in);
  CHECK_INTEGER(driver_format(all, 0)->shape_count, 2);
  CHECK_INTEGER(driver_format(all, 0)->batch, 1024);
  driver_close(all);

  in = (fg_format){.size = sizeof(fg_format), .kind = FG_BATCH, .element = FG_SPIN1, .shape_count = FG_MAX_SHAPES};
  for (uint32_t s = 0; s < FG_MAX_SHAPES; s++) in.shapes[s] = fg_lattice_square(2 * s + 1);
  all = open_stage("steps: 20, keep: last", &in);
  CHECK_INTEGER(driver_format(all, 0)->shape_count, FG_MAX_SHAPES);
  driver_close(all);
}

// ---- what is kept

/// Two sizes, chains by turns: everything comes out once at every level, in order, under the same index and chain.
static void what_is_kept(void) {
  enum { STEPS = 2, TOTAL = 1500, MOST = 400 };
  fg_format in = format_of_spins(8, 8);
  in.shapes[in.shape_count++] = fg_lattice_square(128);
  driver *d = open_stage("steps: 2", &in);
  const fg_host *host = driver_host(d);
  fg_batch *small = spins_random(host, 8, 8, TOTAL, 0.5, 1), *large = spins_random(host, 128, 128, MOST, 0.5, 2);
  small->level = -1;
  small->first = 100;
  small->coupling = 0.44;
  large->chain = 7;
  feed_part(d, small, 0, TOTAL);
  size_t after_small = driver_count(d, 0);
  feed_part(d, large, 0, MOST);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_INTEGER(after_small, STEPS * 2); // 1024 and 476 configurations
  uint64_t next[2][STEPS] = {{100, 100}, {0, 0}};
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = made(d, i);
    const int big = i >= after_small, step = (int)(i % STEPS);
    CHECK_INTEGER(batch->level, (big ? 0 : -1) + step + 1);
    CHECK_INTEGER(batch->rows, (big ? 128 : 8) << (step + 1));
    CHECK_INTEGER(batch->chain, big ? 7 : 0);
    CHECK_INTEGER(batch->first, next[big][step]);
    CU_ASSERT(isnan(batch->coupling));
    CU_ASSERT(batch->count <= driver_format(d, 0)->batch);
    CU_ASSERT(batch->count * batch->rows * batch->row_bytes <= 1 << 20);
    next[big][step] += batch->count;
  }
  for (int step = 0; step < STEPS; step++) {
    CHECK_INTEGER(next[0][step], 100 + TOTAL);
    CHECK_INTEGER(next[1][step], MOST);
  }
  fg_batch *none = spins_new(host, 8, 8, 0);
  size_t count = driver_count(d, 0);
  CHECK_INTEGER(driver_feed_batch(d, CONFIGURATIONS, none), FG_OK);
  CHECK_INTEGER(driver_count(d, 0), count);
  host->batch_unref(host, none);
  host->batch_unref(host, small);
  host->batch_unref(host, large);
  driver_close(d);
}

/// A configuration of more than 1 MiB on the last level goes up alone.
static void large_lattices(void) {
  fg_format in = format_of_spins(512, 1024);
  driver *d = open_stage("steps: 2, keep: last", &in);
  const fg_host *host = driver_host(d);
  fg_batch *batch = spins_random(host, 512, 1024, 3, 0.5, 3);
  CHECK_INTEGER(driver_format(d, 0)->batch, 1);
  feed_part(d, batch, 0, 3);
  CHECK_INTEGER(driver_count(d, 0), 3);
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    CHECK_INTEGER(made(d, i)->count, 1);
    CHECK_INTEGER(made(d, i)->first, i);
    CHECK_INTEGER(made(d, i)->rows, 2048);
  }
  host->batch_unref(host, batch);
  driver_close(d);
}

/// The same configurations in other batches, other levels kept: the same spins.
static void batches_leave_no_trace(void) {
  enum { COUNT = 1300 };
  fg_format in = format_of_spins(4, 6);
  driver *whole = open_stage("steps: 2", &in), *parts = open_stage("steps: 2", &in);
  driver *last = open_stage("steps: 2, keep: last", &in), *longer = open_stage("steps: 6, keep: all", &in);
  const fg_host *host = driver_host(whole);
  fg_batch *batch = spins_random(host, 4, 6, COUNT, 0.6, 4);
  batch->level = 5;
  batch->first = 33;
  feed_part(whole, batch, 0, COUNT);
  feed_part(last, batch, 0, COUNT);
  feed_part(longer, batch, 0, COUNT);
  for (uint32_t from = 0, size = 1; from < COUNT; from += size, size = size % 89 + 1)
    feed_part(parts, batch, from, COUNT - from < size ? COUNT - from : size);
  const fg_lattice fine[2] = {{FG_SQUARE, 2, {8, 12, 0, 0}}, {FG_SQUARE, 2, {16, 24, 0, 0}}};
  int wrong = 0;
  for (uint64_t index = 33; index < 33 + COUNT; index++) {
    for (int step = 0; step < 2; step++) {
      wrong += !same(whole, parts, &fine[step], 6 + step, index);
      wrong += !same(whole, longer, &fine[step], 6 + step, index);
    }
    wrong += !same(whole, last, &fine[1], 7, index);
  }
  CHECK_INTEGER(wrong, 0);
  for (size_t i = 0; i < driver_count(last, 0); i++) CHECK_INTEGER(made(last, i)->level, 7);
  host->batch_unref(host, batch);
  driver_close(whole);
  driver_close(parts);
  driver_close(last);
  driver_close(longer);
}

/// Two steps are what the network draws under the key of the level that comes in.
static void drawn_by_the_network(int level, const char *purpose) {
  fg_format in = format_of_spins(4, 6);
  driver *d = open_stage("steps: 2", &in);
  const fg_host *host = driver_host(d);
  const fg_network *network = host->lookup(host, "network.symmetric", FG_NETWORK_EXTENSION);
  fg_network_model *model;
  CHECK_INTEGER(network->open(host, "{\"kernel\":3}", published3, 3, &model), FG_OK);
  fg_batch *batch = spins_random(host, 4, 6, 50, 0.6, 4);
  batch->level = level;
  batch->first = 33;
  feed_part(d, batch, 0, 50);
  const fg_batch *coarse = batch;
  for (size_t step = 0; step < 2; step++) {
    const fg_batch *drawn = made(d, step);
    fg_batch *again = spins_new(host, drawn->rows, fg_lattice_width(&drawn->lattice), drawn->count);
    again->level = drawn->level;
    again->first = drawn->first;
    fg_rng_key key = host->rng_key(host, purpose);
    CHECK_INTEGER(network->sample(model, host->rng_fill, key, coarse, again, 0, drawn->count), FG_OK);
    CU_ASSERT(spins_equal(drawn, again));
    host->batch_unref(host, again);
    coarse = drawn;
  }
  network->close(model);
  host->batch_unref(host, batch);
  driver_close(d);
}

static void spins_of_the_network(void) {
  drawn_by_the_network(5, "upscale 4x6, level 5");
  drawn_by_the_network(-2, "upscale 4x6, level -2");
}

/// Spins that differ from their parent, of 4000 coarse sites that are all up, in the order of the sites' numbers.
static void count_flips(driver *d, uint64_t length, int level, unsigned char flips[4000][4]) {
  const fg_host *host = driver_host(d);
  fg_batch *up = spins_random(host, length, length, (uint32_t)(4000 / (length * length) + 1), 1.0, 0);
  up->level = level;
  size_t from = driver_count(d, 0);
  CHECK_INTEGER(driver_feed_batch(d, CONFIGURATIONS, up), FG_OK);
  for (uint64_t g = 0; g < 4000; g++)
    for (uint64_t p = 0; p < 4; p++) {
      uint64_t c = g / (length * length), y = g / length % length, x = g % length;
      flips[g][p] = !spin_get(made(d, from), c, 2 * y + p / 2, 2 * x + p % 2);
    }
  host->batch_unref(host, up);
}

/// Configurations with the same index, of other sizes or levels, have independent random numbers: where their parents
/// are all up, fine spins flip together no more often than by chance.
static void own_randomness(void) {
  enum { KINDS = 4, SPINS = 16000 };
  static const struct {
    uint64_t length;
    int level;
  } kinds[KINDS] = {{4, 3}, {8, 3}, {4, 2}, {16, 3}};
  static unsigned char flips[KINDS][4000][4];
  fg_format in = format_of_spins(4, 4);
  in.shapes[in.shape_count++] = fg_lattice_square(8);
  in.shapes[in.shape_count++] = fg_lattice_square(16);
  driver *d = open_stage("", &in);
  for (int k = 0; k < KINDS; k++) count_flips(d, kinds[k].length, kinds[k].level, flips[k]);
  for (int a = 0; a < KINDS; a++) {
    for (int b = 0; b < a; b++) {
      double flips_a = 0, flips_b = 0, both = 0;
      for (int i = 0; i < SPINS; i++) {
        flips_a += flips[a][i / 4][i % 4];
        flips_b += flips[b][i / 4][i % 4];
        both += flips[a][i / 4][i % 4] & flips[b][i / 4][i % 4];
      }
      CU_ASSERT(flips_a > 100);
      CHECK_NEAR(both, flips_a * flips_b / SPINS, 4 * sqrt(flips_a * flips_b / SPINS) + 1);
    }
  }
  driver_close(d);
}

// ---- what is drawn

enum { COARSE = 16, FINE = 65536 }; // configurations of 2×2 and of 4×4

/// A configuration of at most 16 sites as a number.
static uint32_t number_of(const fg_batch *batch, uint32_t c) {
  uint32_t number = 0, width = (uint32_t)batch->rows;
  for (uint32_t i = 0; i < width * width; i++) number |= spin_get(batch, c, i / width, i % width) << i;
  return number;
}

/// All configurations of length×length, as many times over as `count` asks for.
static fg_batch *enumerate(const fg_host *host, uint32_t length, uint32_t count) {
  fg_batch *batch = spins_new(host, length, length, count);
  for (uint32_t c = 0; c < count; c++)
    for (uint32_t i = 0; i < length * length; i++) spin_set(batch, c, i / length, i % length, c >> i & 1);
  return batch;
}

/// P(4×4 | 2×2) of the published model with 3 parameters; the caller frees it.
static double *conditional(const fg_host *host) {
  double *p = malloc(sizeof(double) * COARSE * FINE);
  const fg_network *network = host->lookup(host, "network.symmetric", FG_NETWORK_EXTENSION);
  fg_network_model *model;
  CHECK_INTEGER(network->open(host, "{\"kernel\":3}", published3, 3, &model), FG_OK);
  fg_batch *fine = enumerate(host, 4, FINE), *coarse = spins_new(host, 2, 2, FINE);
  for (uint32_t parent = 0; parent < COARSE; parent++) {
    for (uint32_t c = 0; c < FINE; c++)
      for (uint32_t i = 0; i < 4; i++) spin_set(coarse, c, i / 2, i % 2, parent >> i & 1);
    CHECK_INTEGER(network->log_prob(model, fine, coarse, 0, FINE, p + parent * FINE), FG_OK);
  }
  for (uint32_t i = 0; i < COARSE * FINE; i++) p[i] = exp(p[i]);
  host->batch_unref(host, fine);
  host->batch_unref(host, coarse);
  network->close(model);
  return p;
}

/// A dream's level 1 goes up to 4×4: joint counts of parent and child against P(child | parent).
static void children_of_a_dream(void) {
  enum { DREAMS = 1000000 };
  fg_format model = format_of_model(1);
  driver *dream = driver_open("generate.dream", "levels: 1, keep: last, configurations: 1000000", 5);
  const fg_host *host = driver_host(dream);
  CHECK_INTEGER(driver_negotiate(dream, (const fg_format *const[]){&model, NULL}), FG_OK);
  fg_model *weights = host->model_new(host, "network.symmetric", "{\"kernel\":3}", published3, 3);
  CHECK_INTEGER(driver_feed_model(dream, 0, weights), FG_OK);
  host->model_unref(host, weights);
  CHECK_INTEGER(driver_finish(dream), FG_OK);

  driver *d = open_stage("", driver_format(dream, 0));
  double *p = conditional(host), *observed = calloc(COARSE * FINE, sizeof *observed), parents[COARSE] = {0};
  for (size_t i = 0; i < driver_count(dream, 0); i++) {
    const fg_batch *coarse = driver_message(dream, 0, i)->batch;
    size_t from = driver_count(d, 0);
    CHECK_INTEGER(driver_feed_batch(d, CONFIGURATIONS, coarse), FG_OK);
    const fg_batch *fine = made(d, from);
    CHECK_INTEGER(fine->count, coarse->count);
    for (uint32_t c = 0; c < coarse->count; c++) {
      uint32_t parent = number_of(coarse, c);
      parents[parent]++;
      observed[parent * FINE + number_of(fine, c)]++;
    }
  }
  for (uint32_t i = 0; i < COARSE * FINE; i++) p[i] *= parents[i / FINE] / DREAMS;
  for (uint32_t parent = 0; parent < COARSE; parent++) CU_ASSERT(parents[parent] > 1000);
  double deviate = chi_squared_deviate(observed, p, COARSE * FINE, DREAMS);
  printf("\n  2×2 → 4×4: χ² deviates by %+.2fσ\n  ", deviate);
  CHECK_NEAR(deviate, 0, 4);
  free(p);
  free(observed);
  driver_close(d);
  driver_close(dream);
}

/// Counts what came out on 4×4 against Σ P(4×4 | 2×2) P(2×2 | up).
static void check_grandchildren(const driver *d, const double *p, double draws, const char *what) {
  double *observed = calloc(FINE, sizeof *observed), seen = 0;
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = made(d, i);
    for (uint32_t c = 0; batch->rows == 4 && c < batch->count; c++) observed[number_of(batch, c)]++;
    seen += batch->rows == 4 ? batch->count : 0;
  }
  CU_ASSERT(fabs(seen - draws) < 0.5);
  double deviate = chi_squared_deviate(observed, p, FINE, draws);
  printf("\n  1 → 4×4 %s: χ² deviates by %+.2fσ", what, deviate);
  CHECK_NEAR(deviate, 0, 4);
  free(observed);
}

/// Two steps of one stage, and two stages of one step: levels, sizes and probabilities are the same.
static void two_steps(void) {
  enum { DRAWS = 600000 };
  fg_format single = format_of_spins(1, 1);
  driver *both = open_stage("steps: 2", &single), *one = open_stage("", &single);
  driver *other = open_stage("", driver_format(one, 0));
  const fg_host *host = driver_host(both);
  fg_batch *up = spins_random(host, 1, 1, DRAWS, 1.0, 0);
  feed_part(both, up, 0, DRAWS);
  feed_part(one, up, 0, DRAWS);
  for (size_t i = 0; i < driver_count(one, 0); i++)
    CHECK_INTEGER(driver_feed_batch(other, CONFIGURATIONS, made(one, i)), FG_OK);
  CU_ASSERT(fg_lattice_equal(&driver_format(other, 0)->shapes[0], &driver_format(both, 0)->shapes[1]));
  CHECK_INTEGER(made(both, 1)->level, 2);
  CHECK_INTEGER(made(other, 0)->level, 2);

  double *p = conditional(host), mixed[FINE] = {0}, below[COARSE] = {0};
  const fg_network *network = host->lookup(host, "network.symmetric", FG_NETWORK_EXTENSION);
  fg_network_model *model;
  CHECK_INTEGER(network->open(host, "{\"kernel\":3}", published3, 3, &model), FG_OK);
  fg_batch *children = enumerate(host, 2, COARSE);
  CHECK_INTEGER(network->log_prob(model, children, up, 0, COARSE, below), FG_OK);
  for (uint32_t i = 0; i < COARSE * FINE; i++) mixed[i % FINE] += exp(below[i / FINE]) * p[i];
  check_grandchildren(both, mixed, DRAWS, "in one stage");
  check_grandchildren(other, mixed, DRAWS, "in two stages");
  printf("\n  ");
  network->close(model);
  host->batch_unref(host, children);
  host->batch_unref(host, up);
  free(p);
  driver_close(both);
  driver_close(one);
  driver_close(other);
}

// ---- checkpoints

/// A stage that goes on elsewhere after some batches makes what is missing.
static void checkpoints(void) {
  fg_format in = format_of_spins(16, 16);
  driver *whole = open_stage("steps: 2", &in), *begun = open_stage("steps: 2", &in),
         *goes_on = open_stage("steps: 2", &in);
  const fg_host *host = driver_host(whole);
  fg_batch *batch = spins_random(host, 16, 16, 300, 0.5, 9);
  static checkpoint saved;
  feed_part(whole, batch, 0, 100);
  size_t before = driver_count(whole, 0);
  feed_part(whole, batch, 100, 200);
  feed_part(begun, batch, 0, 100);
  CHECK_INTEGER(stage_save(begun, &saved), FG_OK);
  CHECK_INTEGER(stage_restore(goes_on, &saved), FG_OK);
  CHECK_INTEGER(saved.at, saved.size);
  feed_part(goes_on, batch, 100, 200);
  CU_ASSERT(streams_equal(whole, before, goes_on, 0));
  host->batch_unref(host, batch);
  driver_close(whole);
  driver_close(begun);
  driver_close(goes_on);
}

// ---- refusals

static void refused(const char *params, uint32_t has_weights, const fg_format *in, const char *message) {
  driver *d = driver_open("generate.upscale", params, 1);
  CHECK_INTEGER(negotiate(d, has_weights, in), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refused_batch(uint64_t first, int32_t level, const char *message) {
  fg_format in = format_of_spins(4, 4);
  driver *d = open_stage("steps: 3", &in);
  fg_batch *batch = spins_random(driver_host(d), 4, 4, 5, 0.5, 1);
  batch->first = first;
  batch->level = level;
  CHECK_INTEGER(driver_feed_batch(d, CONFIGURATIONS, batch), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  CHECK_INTEGER(driver_count(d, 0), 0);
  driver_host(d)->batch_unref(driver_host(d), batch);
  driver_close(d);
}

static void refusals(void) {
  fg_format in = format_of_spins(16, 32);
  refused("", 0, &in, "model 'network.symmetric' has no weights; train it or give weights: [...]");
  refused("steps: 28", 1, &in,
          "28 doublings of 16x32 give a lattice of more than 2^31 sites a side; at most 26 are possible");
  in.shapes[0].shape = FG_TRIANGULAR;
  refused("", 1, &in,
          "'network.symmetric' knows the square lattice, and a triangular lattice comes in; no network here knows more "
          "than the chain and the square lattice");
  in = format_of_spins(8, 8);
  in.shapes[in.shape_count++] = fg_lattice_square(32);
  refused(
      "steps: 3", 1, &in,
      "all would mix lattices of size 64 made from 8 in 3 steps and from 32 in one; choose keep: last, or give each "
      "size a stage of its own");
  driver_close(open_stage("steps: 2", &in)); // 16, 32 and 64, 128
  driver_close(open_stage("steps: 3, keep: last", &in));
  in.shapes[1] = (fg_lattice){FG_SQUARE, 2, {16, 32, 0, 0}};
  driver_close(open_stage("steps: 3", &in));
  in.shapes[1] = fg_lattice_square(3);
  refused("steps: 21", 1, &in,
          "21 levels above each of 2 lattices are more than the 40 one output may have; choose keep: last or fewer "
          "steps");

  refused_batch((UINT64_C(1) << 53) - 5, 0, // 2^53 lattices of 2^10 sites
                "configuration 9007199254740987 comes in: as many lattices of size 32 have more than 2^63 sites; use "
                "fewer configurations or steps");
  refused_batch(
      UINT64_MAX - 2, 0,
      "configuration 18446744073709551613 comes in: as many lattices of size 32 have more than 2^63 sites; use "
      "fewer configurations or steps");
  refused_batch(0, INT32_MAX - 2, "configurations at level 2147483645 come in; 3 more levels cannot be counted");

  in = format_of_spins(4, 4);
  driver *d = driver_open("generate.upscale", "", 1);
  CHECK_INTEGER(negotiate(d, 1, &in), FG_OK);
  fg_batch *batch = spins_random(driver_host(d), 4, 4, 1, 0.5, 1);
  CHECK_INTEGER(driver_feed_batch(d, CONFIGURATIONS, batch), FG_FAILED);
  CHECK_TEXT(driver_error(d), "no model arrived");
  driver_host(d)->batch_unref(driver_host(d), batch);
  driver_close(d);
}

int main(void) {
  static const check_case cases[] = {
      {"formats", formats},
      {"what is kept", what_is_kept},
      {"large lattices", large_lattices},
      {"batches leave no trace", batches_leave_no_trace},
      {"spins of the network", spins_of_the_network},
      {"random numbers of their own", own_randomness},
      {"children of a dream", children_of_a_dream},
      {"two steps", two_steps},
      {"checkpoints", checkpoints},
      {"refusals", refusals},
      {NULL, NULL},
  };
  return check_main("generate.upscale", cases);
}
