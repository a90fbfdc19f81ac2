// test_adam.c — train.adam: it ends where train.newton does; weights, held-out configurations, best epochs and patience are
// what they are said to be, worked out plainly; and nothing depends on batches, threads or interruptions. What the
// optimiser does by itself is in test_adamw.c. Statistical test: fixed seed, 3σ.
#include "check.h"
#include "drawn.h"
#include "driver.h"
#include "estimating.h"
#include "spins.h"

#include <stdarg.h>
#include <stdlib.h>

// ---- a stage by hand

/// A trained stage and what it gave.
typedef struct fit {
  driver *driver;
  const fg_model *model;
  const fg_table *weights, *summary, *curve;
} fit;

static driver *open_stage(const char *kind, const char *params, uint64_t length) {
  driver *d = driver_open(kind, params, 5);
  CHECK_TEXT(driver_error(d), "");
  fg_format model = format_of_model(0);
  fg_format fine = format_of_spins(2 * length, 2 * length), coarse = format_of_spins(length, length);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, &fine, &coarse}), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  CHECK_TEXT(driver_format(d, 0)->network, "network.symmetric");
  CHECK_INTEGER(driver_format(d, 0)->has_weights, 1);
  return d;
}

static const fg_table *table_named(const driver *d, const char *name) {
  for (size_t i = 0; i < driver_count(d, 1); i++)
    if (strcmp(driver_message(d, 1, i)->table->name, name) == 0) return driver_message(d, 1, i)->table;
  return NULL;
}

static double number(const fg_table *table, uint64_t row, const char *column) {
  const fg_cell *cell = cell_of(table, row, column);
  for (uint32_t c = 0; c < table->column_count; c++)
    if (strcmp(table->columns[c]->name, column) == 0 && table->columns[c]->type == FG_COLUMN_INTEGER)
      return (double)cell->integer;
  return cell->real;
}

/// What a stage has given, after its end.
static fit results(driver *d) {
  fit f = {.driver = d};
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(driver_count(d, 0), 1);
  f.model = driver_message(d, 0, 0)->model;
  f.weights = table_named(d, "weights");
  f.summary = table_named(d, "fit");
  f.curve = table_named(d, "curve");
  return f;
}

static double weight(const fit *f, uint64_t k) { return number(f->weights, k, "weight"); }

static void feed(driver *d, drawn p) { CHECK_INTEGER(driver_feed_pair(d, 1, p.fine, p.coarse), FG_OK); }

/// A kernel 3 that starts from `start` (NULL: without weights), with pairs of coarse size `length`.
static fit train(const char *params, const double *start, uint64_t length, drawn p) {
  driver *d = open_stage("train.adam", params, length);
  symmetric_feed(d, 0, 3, start, start ? 3 : 0);
  feed(d, p);
  CHECK_INTEGER(driver_end(d, 1), FG_OK);
  return results(d);
}

static fit train_newton(int kernel, uint64_t length, const drawn *p, size_t count) {
  driver *d = open_stage("train.newton", "", length);
  symmetric_feed(d, 0, kernel, NULL, 0);
  for (size_t i = 0; i < count; i++) feed(d, p[i]);
  CHECK_INTEGER(driver_end(d, 1), FG_OK);
  return results(d);
}

/// A host to make data with: that of a stage which is not used otherwise.
static driver *workshop(void) { return driver_open("train.adam", "", 5); }

/// -ln P of every pair, summed, under weights of kernel 3; with `weight`, weighted.
static double loss_of(const fg_host *host, const double *weights, drawn p, const double *weight_of_pair) {
  const fg_network *network = symmetric_network(host);
  fg_network_model *model = symmetric_open(host, 3, weights, 3);
  double *log_prob = calloc(p.fine->count, sizeof *log_prob), sum = 0;
  CHECK_INTEGER(network->log_prob(model, p.fine, p.coarse, 0, p.fine->count, log_prob), FG_OK);
  for (uint32_t c = 0; c < p.fine->count; c++) sum -= (weight_of_pair ? weight_of_pair[c] : 1) * log_prob[c];
  free(log_prob);
  network->close(model);
  return sum;
}

static double spins_of(drawn p) { return (double)p.fine->count * (double)fg_lattice_sites(&p.fine->lattice); }

// ---- the optimum

static const char quick[] = "validation: 0, weight_decay: 0, rate: 0.2, beta2: 0.95, batch: 50, epochs: 80";

static void ends_where_newton_does(void) {
  static const struct {
    int kernel;
    const double *truth;
    uint64_t count;
  } cases[] = {{3, published3, 3}, {5, published6, 6}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    driver *maker = workshop();
    drawn p = drawn_new(driver_host(maker), cases[i].kernel, cases[i].truth, cases[i].count, 8, 500, 1);
    fit newton = train_newton(cases[i].kernel, 8, &p, 1);
    driver *d = open_stage("train.adam", quick, 8);
    symmetric_feed(d, 0, cases[i].kernel, NULL, 0);
    feed(d, p);
    CHECK_INTEGER(driver_end(d, 1), FG_OK);
    fit adam = results(d);
    for (uint64_t k = 0; k < cases[i].count; k++) {
      double error = number(newton.weights, k, "standard_error");
      CHECK_NEAR(weight(&adam, k), weight(&newton, k), 3 * error);
      CHECK_NEAR(adam.model->weights[k], weight(&adam, k), 0);
      CHECK_TEXT(adam.weights->cells[2 * k].text, newton.weights->cells[3 * k].text);
    }
    double excess = number(adam.summary, 0, "loss") + number(newton.summary, 0, "log_likelihood");
    CHECK_NEAR(excess, 0, 2e-6);
    CU_ASSERT(excess > -1e-12); // the maximum is newton's
    CHECK_NEAR(number(adam.summary, 0, "n"), 500, 0);
    CHECK_NEAR(number(adam.summary, 0, "spins"), 500 * 256, 0);
    CHECK_NEAR(number(adam.summary, 0, "steps"), 800, 0);
    CHECK_NEAR(number(adam.summary, 0, "epochs"), 80, 0);
    CHECK_NEAR(number(adam.summary, 0, "effective_fraction"), 1, 1e-12);
    CU_ASSERT(isnan(number(adam.summary, 0, "validation")));
    CHECK_INTEGER(adam.curve->row_count, 80);
    CHECK_NEAR(number(adam.curve, 79, "rate"), 0.2 / 25e4, 1e-15);
    CHECK_NEAR(number(adam.curve, 79, "epoch"), 80, 0);
    drawn_drop(driver_host(maker), p);
    driver_close(newton.driver);
    driver_close(adam.driver);
    driver_close(maker);
  }
}

/// Sizes 4 and 16 of different models: every fine spin counts the same, as for train.newton.
static void several_sizes(void) {
  static const double other[] = {0.9, 0.1, 1.0};
  driver *maker = workshop();
  const fg_host *host = driver_host(maker);
  drawn p[2] = {drawn_new(host, 3, published3, 3, 4, 700, 1), drawn_new(host, 3, other, 3, 16, 100, 2)};
  fit newton = train_newton(3, 4, p, 2);
  driver *d = open_stage("train.adam", quick, 4);
  symmetric_feed(d, 0, 3, NULL, 0);
  for (uint32_t from = 0; from < 700; from += 70) { // the sizes take turns
    drawn small = drawn_part(host, p[0], from, 70), large = drawn_part(host, p[1], from / 7, 10);
    feed(d, small);
    feed(d, large);
    drawn_drop(host, small);
    drawn_drop(host, large);
  }
  CHECK_INTEGER(driver_end(d, 1), FG_OK);
  fit adam = results(d);
  CHECK_NEAR(number(adam.summary, 0, "n"), 800, 0);
  CHECK_NEAR(number(adam.summary, 0, "spins"), 700 * 64 + 100 * 1024, 0);
  CHECK_NEAR(number(adam.summary, 0, "steps"), 80 * (14 + 2), 0);
  for (uint64_t k = 0; k < 3; k++)
    CHECK_NEAR(weight(&adam, k), weight(&newton, k), number(newton.weights, k, "standard_error"));
  CHECK_NEAR(number(adam.summary, 0, "loss"), -number(newton.summary, 0, "log_likelihood"), 3e-6);
  for (int i = 0; i < 2; i++) drawn_drop(host, p[i]);
  driver_close(newton.driver);
  driver_close(adam.driver);
  driver_close(maker);
}

/// The start is the model's weights, unless there are none or they are not wanted.
static void starts(void) {
  static const char still[] = "rate: 1e-12, epochs: 1, validation: 0, start: ";
  static const double zeros[3] = {0, 0, 0};
  driver *maker = workshop();
  drawn p = drawn_new(driver_host(maker), 3, published3, 3, 4, 20, 1);
  for (int variant = 0; variant < 3; variant++) {
    char params[96];
    snprintf(params, sizeof params, "%s%s", still, variant == 1 ? "fresh" : "model");
    fit f = train(params, variant == 2 ? NULL : published3, 4, p);
    for (uint64_t k = 0; k < 3; k++) CHECK_NEAR(weight(&f, k), variant == 0 ? published3[k] : zeros[k], 1e-11);
    CHECK_NEAR(number(f.curve, 0, "loss"), loss_of(driver_host(maker), f.model->weights, p, NULL) / spins_of(p), 1e-12);
    driver_close(f.driver);
  }
  drawn_drop(driver_host(maker), p);
  driver_close(maker);
}

// ---- what is held out, and which weights are best

/// 95 pairs of which the last 9 are of another model: the loss over these is that of `validation`.
static void held_out(void) {
  static const double opposite[] = {-0.5, -0.2, -1.0};
  driver *maker = workshop();
  const fg_host *host = driver_host(maker);
  drawn first = drawn_new(host, 3, published3, 3, 4, 86, 1), last = drawn_new(host, 3, opposite, 3, 4, 9, 2);
  driver *d = open_stage("train.adam", "epochs: 1, batch: 10, rate: 0.1, validation: 0.1", 4);
  symmetric_feed(d, 0, 3, NULL, 0);
  feed(d, first);
  feed(d, last);
  CHECK_INTEGER(driver_end(d, 1), FG_OK);
  fit f = results(d);
  CHECK_NEAR(number(f.summary, 0, "n"), 86, 0);
  CHECK_NEAR(number(f.summary, 0, "n_validation"), 9, 0);
  CHECK_NEAR(number(f.summary, 0, "steps"), 9, 0);
  const double *w = f.model->weights;
  CHECK_NEAR(number(f.summary, 0, "loss"), loss_of(host, w, first, NULL) / spins_of(first), 1e-12);
  CHECK_NEAR(number(f.summary, 0, "validation"), loss_of(host, w, last, NULL) / spins_of(last), 1e-12);
  CHECK_NEAR(number(f.curve, 0, "validation"), number(f.summary, 0, "validation"), 0);
  driver_close(f.driver);

  // What suits the first does not suit the last: the first epoch stays the best, and patience ends the rest.
  static const char climbing[] = "batch: 10, rate: 0.02, schedule: constant, validation: 0.1";
  char params[128];
  double after_one[3];
  for (int variant = 0; variant < 3; variant++) {
    snprintf(params, sizeof params, "%s, epochs: %d, patience: %d", climbing, variant == 0 ? 1 : 12,
             variant == 2 ? 3 : 0);
    d = open_stage("train.adam", params, 4);
    symmetric_feed(d, 0, 3, NULL, 0);
    feed(d, first);
    feed(d, last);
    CHECK_INTEGER(driver_end(d, 1), FG_OK);
    f = results(d);
    CHECK_NEAR(number(f.summary, 0, "best_epoch"), 1, 0);
    CHECK_NEAR(number(f.summary, 0, "epochs"), variant == 0 ? 1 : variant == 1 ? 12 : 4, 0);
    CHECK_INTEGER(f.curve->row_count, variant == 0 ? 1 : variant == 1 ? 12 : 4);
    for (uint64_t e = 1; e < f.curve->row_count; e++) {
      CU_ASSERT(number(f.curve, e, "validation") > number(f.curve, 0, "validation"));
      CU_ASSERT(number(f.curve, e, "loss") < number(f.curve, 0, "loss"));
    }
    for (int k = 0; k < 3; k++) {
      if (variant == 0) after_one[k] = f.model->weights[k];
      CHECK_NEAR(f.model->weights[k], after_one[k], 0);
    }
    driver_close(f.driver);
  }
  drawn_drop(host, first);
  drawn_drop(host, last);
  driver_close(maker);
}

/// Without held-out pairs the loss over all decides. At a rate that is far too large the weights jump about: those of
/// n epochs are the best of n-1 or those of the last, whichever are better.
static void best_of_training(void) {
  driver *maker = workshop();
  const fg_host *host = driver_host(maker);
  drawn p = drawn_new(host, 3, published3, 3, 4, 60, 1);
  double least = INFINITY;
  int best = 0, kept = 0;
  for (int epochs = 1; epochs <= 12; epochs++) {
    char params[96];
    snprintf(params, sizeof params, "validation: 0, rate: 2, schedule: constant, batch: 10, epochs: %d", epochs);
    fit f = train(params, published3, 4, p);
    double loss = number(f.summary, 0, "loss");
    CHECK_NEAR(loss, loss_of(host, f.model->weights, p, NULL) / spins_of(p), 1e-12);
    if (loss < least)
      best = epochs;
    else
      kept++;
    CU_ASSERT(loss <= least);
    CHECK_NEAR(number(f.summary, 0, "best_epoch"), best, 0);
    least = loss;
    driver_close(f.driver);
  }
  CU_ASSERT(best > 1 && kept > 3);
  drawn_drop(host, p);
  driver_close(maker);
}

// ---- weights of configurations

/// Tied 2×2 blocks, spin by spin.
static int count_ties(const fg_batch *fine, uint32_t c) {
  int ties = 0;
  for (uint64_t y = 0; y < fine->rows; y += 2)
    for (uint64_t x = 0; x < fg_lattice_width(&fine->lattice); x += 2)
      ties += spin_get(fine, c, y, x) + spin_get(fine, c, y, x + 1) + spin_get(fine, c, y + 1, x) +
                  spin_get(fine, c, y + 1, x + 1) ==
              2;
  return ties;
}

/// 2^-ties of every pair over their mean, and (Σw)²/(nΣw²).
static double weigh(const fg_batch *fine, double *weight_of_pair) {
  long double sum = 0, squares = 0;
  int fewest = count_ties(fine, 0);
  for (uint32_t c = 0; c < fine->count; c++)
    if (count_ties(fine, c) < fewest) fewest = count_ties(fine, c);
  for (uint32_t c = 0; c < fine->count; c++) {
    long double w = powl(2, fewest - count_ties(fine, c));
    weight_of_pair[c] = (double)w;
    sum += w;
    squares += w * w;
  }
  for (uint32_t c = 0; c < fine->count; c++) weight_of_pair[c] *= (double)(fine->count / sum);
  return (double)(sum * sum / (fine->count * squares));
}

/// One step of all pairs together, with an ε so large that it tells the gradient: -rate g/(|g| + ε).
static void weighted_step(uint64_t length, uint32_t count) {
  enum { MOST = 64 };
  static const char params[] = "weighting: tied-blocks, validation: 0, epochs: 1, rate: 0.5, epsilon: 1, "
                               "weight_decay: 0, schedule: constant, batch: 100";
  driver *maker = workshop();
  const fg_host *host = driver_host(maker);
  double w[MOST], start[3];
  memcpy(start, published3, sizeof start);
  drawn p = drawn_new(host, 3, published3, 3, length, count, 7);
  double effective = weigh(p.fine, w);
  fit f = train(params, published3, length, p);
  CHECK_NEAR(number(f.curve, 0, "loss"), loss_of(host, published3, p, w) / spins_of(p), 1e-12);
  CHECK_NEAR(number(f.summary, 0, "loss"), loss_of(host, f.model->weights, p, w) / spins_of(p), 1e-12);
  CHECK_NEAR(number(f.summary, 0, "effective_fraction"), effective, 1e-12);
  CU_ASSERT(effective < 0.9);
  for (int k = 0; k < 3; k++) {
    double moved = (weight(&f, (uint64_t)k) - published3[k]) / 0.5, gradient = -moved / (1 - fabs(moved));
    double side[2];
    for (int s = 0; s < 2; s++) {
      start[k] = published3[k] + (s ? -1e-4 : 1e-4);
      side[s] = loss_of(host, start, p, w) / spins_of(p);
    }
    start[k] = published3[k];
    CHECK_NEAR(gradient, (side[0] - side[1]) / 2e-4, 1e-7);
    CU_ASSERT(fabs(gradient) > 1e-5);
  }
  driver_close(f.driver);
  drawn_drop(host, p);
  driver_close(maker);
}

static void weighting(void) {
  weighted_step(2, 50);
  weighted_step(6, 40);
  weighted_step(34, 5); // rows of two words
}

/// Fine lattices of which all or all but one of 4096 blocks are tied: 2^-4096 is no number, their ratio is.
static void many_ties(void) {
  static const char params[] = "weighting: tied-blocks, validation: 0.5, epochs: 1, rate: 1e-12, batch: 100";
  driver *maker = workshop();
  const fg_host *host = driver_host(maker);
  drawn p = {spins_new(host, 128, 128, 6), spins_random(host, 64, 64, 6, 0.5, 1)};
  for (uint32_t c = 0; c < 6; c++)
    for (uint64_t i = 0; i < 128 * 128; i++) // stripes, checkerboards, diagonals
      spin_set(p.fine, c, i / 128, i % 128, (unsigned)(c % 3 == 0 ? i : c % 3 == 1 ? i + i / 128 : i / 128) & 1);
  spin_set(p.fine, 1, 0, 0, !spin_get(p.fine, 1, 0, 0));
  fit f = train(params, published3, 64, p);
  drawn first = drawn_part(host, p, 0, 3), last = drawn_part(host, p, 3, 3);
  static const double two_of_three[] = {0.75, 1.5, 0.75};
  CHECK_NEAR(number(f.curve, 0, "loss"), loss_of(host, published3, first, two_of_three) / spins_of(first), 1e-10);
  CHECK_NEAR(number(f.curve, 0, "validation"), loss_of(host, published3, last, NULL) / spins_of(last), 1e-10);
  CHECK_NEAR(number(f.summary, 0, "effective_fraction"), 16.0 / (3 * 6), 1e-12);
  driver_close(f.driver);
  drawn_drop(host, first);
  drawn_drop(host, last);
  drawn_drop(host, p);
  driver_close(maker);
}

// ---- what must not matter

/// To the last bit.
static int same_fit(const fit *a, const fit *b) {
  return same_tables(a->weights, b->weights) && same_tables(a->summary, b->summary) &&
         same_tables(a->curve, b->curve) &&
         memcmp(a->model->weights, b->model->weights, a->model->weight_count * sizeof(double)) == 0;
}

static const char several_epochs[] =
    "epochs: 9, batch: 17, rate: 1, schedule: constant, weighting: tied-blocks, patience: 3, validation: 0.2";

/// Feeds two sizes, the pairs in batches of `size`, and ends the ports.
static driver *fed(const char *params, uint64_t seed, const drawn *p, uint32_t size) {
  driver *d = driver_open("train.adam", params, seed);
  const fg_host *host = driver_host(d);
  fg_format model = format_of_model(0), fine = format_of_spins(8, 8), coarse = format_of_spins(4, 4);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, &fine, &coarse}), FG_OK);
  symmetric_feed(d, 0, 3, NULL, 0);
  for (int i = 0; i < 2; i++) {
    for (uint32_t from = 0; from < p[i].fine->count; from += size) {
      uint32_t left = p[i].fine->count - from;
      drawn part = drawn_part(host, p[i], from, left < size ? left : size);
      feed(d, part);
      drawn_drop(host, part);
    }
  }
  CHECK_INTEGER(driver_end(d, 1), FG_OK);
  return d;
}

static void no_trace(void) {
  driver *maker = workshop();
  const fg_host *host = driver_host(maker);
  drawn p[2] = {drawn_new(host, 3, published3, 3, 4, 103, 1), drawn_new(host, 3, published3, 3, 6, 31, 2)};
  fit whole = results(fed(several_epochs, 5, p, 1000));
  for (int variant = 0; variant < 4; variant++) {
    driver *d = fed(several_epochs, 5, p, variant == 0 ? 1 : variant == 1 ? 7 : 1000);
    if (variant >= 2) host_to_change(d)->parallel_for = variant == 2 ? parallel_backwards : parallel_on_threads;
    fit f = results(d);
    CU_ASSERT(same_fit(&f, &whole));
    driver_close(d);
  }
  fit other = results(fed(several_epochs, 6, p, 1000)); // another seed, another order
  CU_ASSERT(!same_fit(&other, &whole));
  driver_close(other.driver);
  driver_close(whole.driver);
  for (int i = 0; i < 2; i++) drawn_drop(host, p[i]);
  driver_close(maker);
}

// ---- checkpoints

typedef struct memory {
  unsigned char bytes[4096];
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

static const char not_one[] = "the checkpoint is not one of this stage; run again with --force";

/// Stopped after any number of steps: in an epoch, between two, after the last, when out of patience.
static void checkpoints(void) {
  driver *maker = workshop();
  const fg_host *host = driver_host(maker);
  drawn p[2] = {drawn_new(host, 3, published3, 3, 4, 103, 1), drawn_new(host, 3, published3, 3, 6, 31, 2)};
  fit whole = results(fed(several_epochs, 5, p, 1000));
  const int steps = (int)number(whole.summary, 0, "steps");
  CU_ASSERT(number(whole.summary, 0, "best_epoch") > 1);
  CHECK_NEAR(number(whole.summary, 0, "epochs"), number(whole.summary, 0, "best_epoch") + 3, 0); // out of patience
  for (int stop = 0; stop <= steps; stop++) {
    memory saved = {.count = 0};
    fg_writer writer = {.size = sizeof writer, .impl = &saved, .write = write_memory};
    fg_reader reader = {.size = sizeof reader, .impl = &saved, .read = read_memory};
    driver *first = fed(several_epochs, 5, p, 1000), *second = fed(several_epochs, 5, p, 50);
    const fg_stage *stage = driver_stage(first);
    for (int i = 0; i < stop; i++) CHECK_INTEGER(stage->produce(driver_self(first)), FG_OK);
    CHECK_INTEGER(stage->save(driver_self(first), &writer), FG_OK);
    driver_close(first);
    CHECK_INTEGER(stage->restore(driver_self(second), &reader), FG_OK);
    CHECK_INTEGER(saved.at, saved.count);
    fit f = results(second);
    CU_ASSERT(same_fit(&f, &whole));
    driver_close(second);

    if (stop != 5) continue;
    for (int damage = 0; damage < 3; damage++) { // cut off; of other data; of another epoch
      second = fed(several_epochs, 5, p, 1000);
      memory damaged = saved;
      damaged.at = 0;
      if (damage == 0) damaged.count--;
      if (damage == 1) damaged.bytes[8] ^= 1;
      if (damage == 2) damaged.bytes[32] ^= 1;
      reader.impl = &damaged;
      CHECK_INTEGER(stage->restore(driver_self(second), &reader), FG_FAILED);
      CHECK_TEXT(driver_error(second), not_one);
      driver_close(second);
    }
  }
  driver_close(whole.driver);
  for (int i = 0; i < 2; i++) drawn_drop(host, p[i]);
  driver_close(maker);
}

// ---- words of warning

static char heard[4096]; // what the stage has logged, a line each

static void listen(const fg_host *host, fg_log_level level, const char *format, ...) {
  (void)host;
  size_t at = strlen(heard);
  va_list args;
  va_start(args, format);
  at += (size_t)snprintf(heard + at, sizeof heard - at, level == FG_LOG_WARNING ? "warning: " : "");
  at += (size_t)vsnprintf(heard + at, sizeof heard - at, format, args);
  snprintf(heard + at, sizeof heard - at, "\n");
  va_end(args);
}

/// Trains on the pairs, dropping them, and compares what is said.
static fit train_listening(const char *params, uint64_t length, driver *maker, drawn p, const char *expected) {
  heard[0] = 0;
  driver *d = open_stage("train.adam", params, length);
  host_to_change(d)->log = listen;
  symmetric_feed(d, 0, 3, NULL, 0);
  feed(d, p);
  drawn_drop(driver_host(maker), p);
  CHECK_INTEGER(driver_end(d, 1), FG_OK);
  fit f = results(d);
  CHECK_TEXT(heard, expected);
  return f;
}

static void warnings(void) {
  driver *maker = workshop();
  const fg_host *host = driver_host(maker);
  fit f = train_listening("batch: 10, epochs: 1", 4, maker, drawn_new(host, 3, published3, 3, 4, 20, 1), "");
  driver_close(f.driver);
  f = train_listening(
      "batch: 19, epochs: 1", 4, maker, drawn_new(host, 3, published3, 3, 4, 20, 1),
      "batch: 19 is more than the 18 configurations there are to learn from; each step takes them all\n");
  driver_close(f.driver);
  f = train_listening("batch: 1, epochs: 1", 4, maker, drawn_new(host, 3, published3, 3, 4, 9, 1),
                      "warning: validation: 0.1 of 9 configurations is none; the loss over all decides which weights "
                      "are best\n");
  driver_close(f.driver);

  // One sign only, and nothing but decay against the growth of the weights: they end near where λ w is a step, 1/λ.
  static const char grows[] =
      "batch: 10, rate: 0.1, schedule: constant, validation: 0, epochs: 500, weight_decay: 0.2, beta2: 0.95";
  drawn up = {spins_random(host, 8, 8, 20, 1.1, 1), spins_random(host, 4, 4, 20, 1.1, 1)};
  f = train_listening(
      grows, 4, maker, up,
      "warning: all fine spins have the same sign, so no finite weights are best; weight_decay and the "
      "number of steps decide how large they become\n"
      "warning: the loss has fallen to 2.3e-08 nats per fine spin: the coarse spins all but determine the "
      "fine ones, so no finite weights are best; weight_decay and the number of steps decide how large "
      "they become\n");
  for (uint64_t k = 0; k < 3; k++) CU_ASSERT(weight(&f, k) > 1 && weight(&f, k) <= 5);
  driver_close(f.driver);

  // Every configuration but one has all blocks tied, that one none.
  drawn tied = {spins_new(host, 8, 8, 300), spins_random(host, 4, 4, 300, 0.5, 1)};
  for (uint32_t c = 0; c < 299; c++)
    for (uint64_t i = 0; i < 64; i++) spin_set(tied.fine, c, i / 8, i % 8, i & 1);
  f = train_listening(
      "validation: 0, epochs: 1, batch: 100, weighting: tied-blocks", 4, maker, tied,
      "warning: weighting: a few configurations have almost all the weight, as if 1.0 of 300 (0.34%) were "
      "learned from; use smaller lattices or weighting: none\n");
  driver_close(f.driver);
  driver_close(maker);
}

// ---- what cannot be trained

static void refused_formats(const char *params, const fg_format *model, const fg_format *fine, const fg_format *coarse,
                            const char *message) {
  driver *d = driver_open("train.adam", params, 5);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){model, fine, coarse}), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static fg_network changed; // the symmetric network, with something taken away

static const void *find_changed(const fg_host *host, const char *kind, const char *id) {
  (void)host;
  (void)kind;
  (void)id;
  return &changed;
}

static fg_status infinite_gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                                   uint32_t begin, uint32_t end, const double *weights, double *loss,
                                   double *gradient) {
  (void)model, (void)fine, (void)coarse, (void)begin, (void)end, (void)weights, (void)gradient;
  *loss = INFINITY;
  return FG_OK;
}

static uint64_t too_many_parameters(const fg_network_model *model) {
  (void)model;
  return 300000;
}

static uint32_t factor_3(const fg_network_model *model) {
  (void)model;
  return 3;
}

/// A stage that finds the changed network.
static driver *open_changed(fg_status expected) {
  driver *d = driver_open("train.adam", "", 5);
  host_to_change(d)->lookup = find_changed;
  fg_format model = format_of_model(0), fine = format_of_spins(8, 8), coarse = format_of_spins(4, 4);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, &fine, &coarse}), expected);
  return d;
}

static void refused_networks(void) {
  driver *maker = workshop();
  const fg_host *host = driver_host(maker);
  fg_model *model = symmetric_model_new(host, 3, NULL, 0);
  for (int variant = 0; variant < 5; variant++) {
    static const char *const messages[] = {
        "model 'network.symmetric' has no gradient, so it cannot be trained by descending one; use train.newton",
        "model 'network.symmetric' has no gradient, so it cannot be trained by descending one; use another network",
        "model 'network.symmetric' has 300000 parameters; from 1 to 262144 can be trained",
        "model 'network.symmetric' makes lattices 3 times as large, the pairs here differ by a factor of 2; use a network "
        "of factor 2",
        "the loss is infinite before the first step: under the start weights a configuration has the probability 0; start "
        "from others, or use a network that excludes nothing",
    };
    changed = *symmetric_network(host);
    if (variant <= 1) changed.gradient = NULL;
    if (variant == 1) changed.classes = NULL;
    if (variant == 2) changed.parameters = too_many_parameters;
    if (variant == 3) changed.factor = factor_3;
    if (variant == 4) changed.gradient = infinite_gradient;
    driver *d = open_changed(variant <= 1 ? FG_FAILED : FG_OK);
    if (variant >= 2) CHECK_INTEGER(driver_feed_model(d, 0, model), variant == 4 ? FG_OK : FG_FAILED);
    if (variant == 4) {
      drawn p = drawn_new(host, 3, published3, 3, 4, 10, 1);
      feed(d, p);
      drawn_drop(host, p);
      CHECK_INTEGER(driver_end(d, 1), FG_OK);
      CHECK_INTEGER(driver_finish(d), FG_FAILED);
    }
    CHECK_TEXT(driver_error(d), messages[variant]);
    driver_close(d);
  }
  host->model_unref(host, model);
  driver_close(maker);
}

static void refusals(void) {
  fg_format model = format_of_model(0), fine = format_of_spins(32, 32);
  fg_format half = format_of_spins(16, 16), quarter = format_of_spins(8, 8), two = half;
  two.shape_count = 2;
  refused_formats("", &model, &fine, &quarter,
                  "fine lattices of size 32 do not go with coarse ones of size 8: they must be 2 times as large; block "
                  "with factor: 2");
  refused_formats("", &model, &fine, &two,
                  "fine has 1 lattice sizes and coarse has 2; each coarse configuration must be the block image of the "
                  "fine one");
  fine.configurations = 1000;
  refused_formats(
      "hold: 400 KiB", &model, &fine, &half,
      "1000 configurations take 424000 bytes of memory, 409600 are allowed; raise hold, or learn from fewer");
  snprintf(model.network, sizeof model.network, "coarsen.majority");
  refused_formats("", &model, &fine, &half,
                  "model 'coarsen.majority' is of no network this program has; a model comes from a network stage");

  driver *d = driver_open("train.adam", "validation: 0, patience: 3", 5);
  CHECK_TEXT(driver_error(d), "needs configurations held out to watch; set validation above 0, or patience to 0");
  driver_close(d);

  d = open_stage("train.adam", "", 16);
  CHECK_INTEGER(driver_end(d, 1), FG_FAILED);
  CHECK_TEXT(driver_error(d), "no model arrived");
  driver_close(d);
  d = open_stage("train.adam", "", 16);
  symmetric_feed(d, 0, 3, NULL, 0);
  CHECK_INTEGER(driver_finish(d), FG_FAILED);
  CHECK_TEXT(driver_error(d), "no configurations to learn from");
  CHECK_INTEGER(driver_end(d, 1), FG_FAILED);
  CHECK_TEXT(driver_error(d), "no configurations to learn from");
  const fg_host *host = driver_host(d);
  fg_model *second = symmetric_model_new(host, 3, NULL, 0);
  CHECK_INTEGER(driver_feed_model(d, 0, second), FG_FAILED);
  CHECK_TEXT(driver_error(d), "takes one model through port 'model', but more than one arrived");
  host->model_unref(host, second);
  driver_close(d);

  // More comes than was announced, than may be kept; and what does not go together.
  d = open_stage("train.adam", "hold: 1000", 4);
  host = driver_host(d);
  drawn p = drawn_new(host, 3, published3, 3, 4, 10, 1);
  symmetric_feed(d, 0, 3, NULL, 0);
  CHECK_INTEGER(driver_feed_pair(d, 1, p.fine, p.fine), FG_FAILED);
  CHECK_TEXT(driver_error(d), "fine lattices of size 8 do not go with coarse ones of size 8: they must be 2 times as "
                              "large; block with factor: 2");
  CHECK_INTEGER(driver_feed_pair(d, 1, p.fine, p.coarse), FG_FAILED); // 8 rows, 4 rows and 40 bytes each: seven fit
  CHECK_TEXT(driver_error(d),
             "952 bytes of configurations are in memory and 1000 may be; raise hold, or learn from fewer "
             "configurations");
  drawn_drop(host, p);
  driver_close(d);

  // The weights double their sign and size every step: λ·rate is 3.
  d = open_stage("train.adam", "rate: 1000, weight_decay: 1000, schedule: constant, validation: 0, epochs: 100", 4);
  host = driver_host(d);
  p = drawn_new(host, 3, published3, 3, 4, 10, 1);
  symmetric_feed(d, 0, 3, NULL, 0);
  feed(d, p);
  CHECK_INTEGER(driver_end(d, 1), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_FAILED);
  CHECK_TEXT(driver_error(d), "diverged in epoch 52: the loss is not a number; use a smaller rate");
  drawn_drop(host, p);
  driver_close(d);
}

int main(void) {
  static const check_case cases[] = {
      {"ends where newton does", ends_where_newton_does},
      {"several sizes", several_sizes},
      {"starts", starts},
      {"held out", held_out},
      {"best of training", best_of_training},
      {"weighting", weighting},
      {"many ties", many_ties},
      {"no trace of batches and threads", no_trace},
      {"checkpoints", checkpoints},
      {"warnings", warnings},
      {"networks refused", refused_networks},
      {"refusals", refusals},
      {NULL, NULL},
  };
  return check_main("train.adam", cases);
}
