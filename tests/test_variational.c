// test_variational.c — train.variational: the free energy of dreams and its gradient against all chains 1 → 2 → 4 written
// out, the bound F ≥ -ln Z, training that reaches it where it can, and what is refused. Statistical tests: fixed seeds, 4σ.
#include "check.h"
#include "driver.h"
#include "estimating.h"
#include "networks.h"
#include "spins.h"

#include "plugins/estimate/kaufman.h"
#include "plugins/train/free_energy.h"

#include <stdlib.h>

#define CRITICAL 0.44068679350977147
#define BLOCK "{\"majority\":true}"

// ---- all chains

static double energy_of(const fg_batch *batch, uint32_t c) {
  double energy = 0;
  for (uint64_t y = 0; y < batch->rows; y++)
    for (uint64_t x = 0; x < batch->rows; x++) {
      const int s = 2 * (int)spin_get(batch, c, y, x) - 1;
      energy -= s * (2 * (int)spin_get(batch, c, y, (x + 1) % batch->rows) - 1);
      energy -= s * (2 * (int)spin_get(batch, c, (y + 1) % batch->rows, x) - 1);
    }
  return energy;
}

/// Majority of block (y, x): 1, 0, or -1 for a tie.
static int majority_at(const fg_batch *fine, uint32_t c, uint64_t y, uint64_t x) {
  unsigned up = spin_get(fine, c, 2 * y, 2 * x) + spin_get(fine, c, 2 * y, 2 * x + 1) +
                spin_get(fine, c, 2 * y + 1, 2 * x) + spin_get(fine, c, 2 * y + 1, 2 * x + 1);
  return up == 2 ? -1 : up > 2;
}

/// ln q(coarse | fine) of configuration c; -∞ when excluded.
static double log_q(const fg_batch *fine, uint32_t c, const fg_batch *coarse, uint32_t parent) {
  double sum = 0;
  for (uint64_t y = 0; y < coarse->rows; y++)
    for (uint64_t x = 0; x < coarse->rows; x++) {
      int majority = majority_at(fine, c, y, x);
      if (majority >= 0 && (unsigned)majority != spin_get(coarse, parent, y, x)) return -INFINITY;
      if (majority < 0) sum -= M_LN2;
    }
  return sum;
}

/// F = -⟨ln W⟩ of the chains from spin up, up to size 2^levels (2 or 4): by symmetry that of both signs.
static double enumerated(opened *o, int levels, double coupling) {
  enum { TWO = 16 };
  const uint32_t all_fine = levels == 1 ? 1 : 65536;
  double sum = -M_LN2, first[TWO], *second = calloc(all_fine, sizeof *second), probability = 0;
  fg_batch *up = spins_new(o->host, 1, 1, TWO), *two = spins_new(o->host, 2, 2, TWO);
  fg_batch *parent = spins_new(o->host, 2, 2, all_fine), *four = spins_new(o->host, 4, 4, all_fine);
  for (uint32_t c = 0; c < TWO; c++) spin_set(up, c, 0, 0, 1);
  for (uint32_t c = 0; c < TWO; c++)
    for (uint64_t i = 0; i < 4; i++) spin_set(two, c, i / 2, i % 2, c >> i & 1);
  for (uint32_t c = 0; c < all_fine; c++)
    for (uint64_t i = 0; i < 16; i++) spin_set(four, c, i / 4, i % 4, c >> i & 1);
  CHECK_INTEGER(o->network->log_prob(o->model, two, up, 0, TWO, first), FG_OK);
  for (uint32_t t = 0; t < TWO; t++) {
    if (isinf(first[t])) continue;
    const double so_far = first[t] - log_q(two, t, up, t), p = exp(first[t]);
    if (levels == 1) {
      sum += p * (so_far + coupling * energy_of(two, t));
      probability += p;
      continue;
    }
    for (uint32_t f = 0; f < all_fine; f++) *fg_batch_row_mut(parent, f, 0) = *fg_batch_row(two, t, 0);
    for (uint32_t f = 0; f < all_fine; f++) *fg_batch_row_mut(parent, f, 1) = *fg_batch_row(two, t, 1);
    CHECK_INTEGER(o->network->log_prob(o->model, four, parent, 0, all_fine, second), FG_OK);
    for (uint32_t f = 0; f < all_fine; f++) {
      if (isinf(second[f])) continue;
      const double all = p * exp(second[f]);
      sum += all * (so_far + second[f] - log_q(four, f, two, t) + coupling * energy_of(four, f));
      probability += all;
    }
  }
  CHECK_NEAR(probability, 1, 1e-9);
  free(second);
  networks_drop(o, (fg_batch *const[]){up, two, parent, four}, 4);
  return sum;
}

static double exact_log_z(int levels, double coupling) {
  const uint64_t length = UINT64_C(1) << levels;
  return kaufman_torus(length, length, coupling).ln_z * (double)(length * length);
}

/// A model for the functions behind the stage.
static inputs_model input_of(const opened *o) {
  inputs_model model = {.host = o->host, .port = "model", .network = o->network};
  snprintf(model.kind, sizeof model.kind, "%s", o->kind);
  fg_model *arrived = o->host->model_new(o->host, o->kind, o->hyperparameters, o->weights, o->parameters);
  CHECK_INTEGER(inputs_take(&model, arrived), FG_OK);
  o->host->model_unref(o->host, arrived);
  return model;
}

/// The estimates of `sets` sets of dreams against enumeration: F, and every `every`-th derivative by differences of step h.
static void compare(const char *kind, const char *hyperparameters, int levels, double coupling, uint64_t every) {
  enum { SETS = 24 };
  opened o = networks_open(kind, hyperparameters, 0.5, 3);
  const double exact = enumerated(&o, levels, coupling), h = 1e-3;
  CU_ASSERT(exact >= -exact_log_z(levels, coupling));
  const free_energy_task task = {levels, 2000, coupling, FREE_ENERGY_MAJORITY};
  inputs_model model = input_of(&o);
  free_energy f;
  CHECK_INTEGER(free_energy_open(&f, &task, &model, &model), FG_OK);
  double mean = 0, deviation = 0, *gradient = calloc(o.parameters, sizeof *gradient);
  double *sum = calloc(o.parameters, sizeof *sum), *squares = calloc(o.parameters, sizeof *squares);
  for (uint64_t set = 0; set < SETS; set++) {
    const double *const weights[] = {o.weights, o.weights};
    double *const gradients[] = {gradient, NULL};
    CHECK_INTEGER(free_energy_evaluate(&f, set * task.dreams, weights, gradients), FG_OK);
    mean += f.mean / SETS;
    deviation += f.deviation / SETS;
    for (uint64_t k = 0; k < o.parameters; k++) {
      sum[k] += gradient[k] / SETS;
      squares[k] += gradient[k] * gradient[k] / SETS;
    }
  }
  CHECK_NEAR(mean, exact, 4 * deviation / sqrt((double)(SETS * task.dreams)));
  double steepest = 0;
  for (uint64_t k = 0; k < o.parameters; k += every) {
    double side[2], error = sqrt(fmax(0, squares[k] - sum[k] * sum[k]) / (SETS - 1));
    for (int i = 0; i < 2; i++) {
      o.weights[k] += i ? -2 * h : h;
      networks_reopen(&o);
      side[i] = enumerated(&o, levels, coupling);
      o.weights[k] += i ? h : 0;
    }
    CHECK_NEAR(sum[k], (side[0] - side[1]) / (2 * h), 4 * error + 1e-5);
    CU_ASSERT(error < 0.05);
    steepest = fmax(steepest, fabs(sum[k]) / (error + 1e-9));
  }
  CU_ASSERT(steepest > 10); // the test sees something
  free(gradient);
  free(sum);
  free(squares);
  free_energy_close(&f);
  inputs_clear(&model);
  networks_close(&o);
}

static void free_energy_is_that_of_all_chains(void) {
  compare("network.block", BLOCK, 1, CRITICAL, 1);
  compare("network.block", BLOCK, 2, 0.3, 47);
}

/// The bound, exactly, at couplings of both signs, for weights large and small.
static void never_below(void) {
  for (uint64_t seed = 1; seed <= 4; seed++) {
    opened o = networks_open("network.block", BLOCK, seed % 2 ? 0.3 : 3, seed);
    for (int k = -2; k <= 2; k++) CU_ASSERT(enumerated(&o, 1, 0.4 * k) >= -exact_log_z(1, 0.4 * k) - 1e-12);
    CU_ASSERT(enumerated(&o, 2, 0.4) >= -exact_log_z(2, 0.4) - 1e-12);
    networks_close(&o);
  }
}

// ---- the stage

typedef struct fit {
  driver *driver;
  const fg_table *weights, *summary, *curve;
} fit;

static const fg_table *table_named(const driver *d, const char *name) {
  for (size_t i = 0; i < driver_count(d, 2); i++)
    if (strcmp(driver_message(d, 2, i)->table->name, name) == 0) return driver_message(d, 2, i)->table;
  return NULL;
}

static fg_format format_of(const char *kind) {
  fg_format format = {.size = sizeof(fg_format), .kind = FG_MODEL};
  snprintf(format.network, sizeof format.network, "%s", kind);
  return format;
}

/// An untrained model, or two alike; the model of `kind` is opened with what its own stage says.
static driver *begin(const char *params, int models) {
  driver *net = driver_open("network.autoregressive", "hidden: 8, classes: 4, coarse_radius: 2, fine_radius: 2", 1);
  CHECK_INTEGER(driver_negotiate(net, (const fg_format *const[]){NULL}), FG_OK);
  CHECK_INTEGER(driver_finish(net), FG_OK);
  driver *d = driver_open("train.variational", params, 7);
  CHECK_TEXT(driver_error(d), "");
  fg_format format = format_of("network.autoregressive");
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&format, models == 2 ? &format : NULL}), FG_OK);
  for (uint32_t i = 0; i < (uint32_t)models; i++) {
    CHECK_INTEGER(driver_feed_model(d, i, driver_message(net, 0, 0)->model), FG_OK);
    CHECK_INTEGER(driver_end(d, i), FG_OK);
  }
  driver_close(net);
  return d;
}

static fit finish(driver *d) {
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return (fit){d, table_named(d, "weights"), table_named(d, "fit"), table_named(d, "curve")};
}

/// On 2×2 the network can be exact, and becomes so: ⟨ln W⟩ is ln Z, W has no spread.
static void reaches_the_bound(void) {
  static const double couplings[] = {CRITICAL, 0.2, -0.3};
  for (size_t i = 0; i < sizeof couplings / sizeof *couplings; i++) {
    char params[120];
    snprintf(params, sizeof params, "size: 2, coupling: %.17g, dreams: 500, steps: 150, rate: 0.05, check: 4000",
             couplings[i]);
    fit f = finish(begin(params, 1));
    CHECK_NEAR(real_of(f.summary, 0, "gap"), 0, 2e-3);
    CU_ASSERT(real_of(f.summary, 0, "ess") > 0.98);
    CHECK_NEAR(-real_of(f.summary, 0, "exact"), exact_log_z(1, couplings[i]) / 4, 1e-12);
    CHECK_NEAR(driver_estimate(f.driver, 2, "2", 1, "lnZ", "value"), exact_log_z(1, couplings[i]), 2e-2);
    CU_ASSERT(real_of(f.curve, 0, "gap") > 3 * real_of(f.summary, 0, "gap"));
    CHECK_INTEGER(f.curve->row_count, 150);
    CHECK_INTEGER(driver_count(f.driver, 0), 1);
    CHECK_INTEGER(driver_count(f.driver, 1), 1); // without a model on top, the same again
    const fg_model *model = driver_message(f.driver, 0, 0)->model, *top = driver_message(f.driver, 1, 0)->model;
    CU_ASSERT(memcmp(model->weights, top->weights, model->weight_count * sizeof(double)) == 0);
    driver_close(f.driver);
  }
}

/// ⟨W⟩ = Z whatever the weights: an untrained model's ln⟨W⟩, and F above -ln Z.
static void untrained(void) {
  fit f = finish(begin("size: 4, coupling: 0.2, dreams: 1000, steps: 1, rate: 1.0e-12, check: 40000", 1));
  const double value = driver_estimate(f.driver, 2, "4", 2, "lnZ", "value");
  CHECK_NEAR(value, exact_log_z(2, 0.2), 4 * driver_estimate(f.driver, 2, "4", 2, "lnZ", "error"));
  CU_ASSERT(driver_estimate(f.driver, 2, "4", 2, "lnZ", "error") < 0.05);
  CU_ASSERT(real_of(f.summary, 0, "gap") > 0.01);
  driver_close(f.driver);
}

/// Two models end apart, and below one that does both.
static void top_and_lower(void) {
  static const char params[] = "size: 4, dreams: 500, steps: 120, rate: 0.03, check: 10000";
  fit one = finish(begin(params, 1)), two = finish(begin(params, 2));
  const fg_model *model = driver_message(two.driver, 0, 0)->model, *top = driver_message(two.driver, 1, 0)->model;
  CU_ASSERT(memcmp(model->weights, top->weights, model->weight_count * sizeof(double)) != 0);
  CHECK_INTEGER(two.weights->row_count, 2 * one.weights->row_count);
  CHECK_TEXT(cell_of(two.weights, 0, "model")->text, "model");
  CHECK_TEXT(cell_of(two.weights, two.weights->row_count - 1, "model")->text, "top");
  CU_ASSERT(real_of(two.summary, 0, "gap") < real_of(one.summary, 0, "gap"));
  CU_ASSERT(real_of(two.summary, 0, "gap") > -4 * real_of(two.summary, 0, "error"));
  driver_close(one.driver);
  driver_close(two.driver);
}

/// Nothing depends on the order in which indices are worked on, or on threads.
static void threads(void) {
  static const char params[] = "size: 8, dreams: 600, steps: 5, check: 1200";
  fit plain = finish(begin(params, 2));
  fg_status (*const ways[])(const fg_host *, uint64_t, fg_status (*)(void *, uint64_t), void *) = {parallel_backwards,
                                                                                                   parallel_on_threads};
  for (int i = 0; i < 2; i++) {
    driver *d = begin(params, 2);
    host_to_change(d)->parallel_for = ways[i];
    fit other = finish(d);
    CU_ASSERT(same_tables(plain.weights, other.weights) && same_tables(plain.summary, other.summary) &&
              same_tables(plain.curve, other.curve));
    driver_close(d);
  }
  driver_close(plain.driver);
}

// ---- what is refused

static void refused(const char *params, const char *kind, const char *hyperparameters, const char *message) {
  driver *d = driver_open("train.variational", params, 1);
  fg_format format = format_of(kind);
  if (driver_error(d)[0] == 0 && driver_negotiate(d, (const fg_format *const[]){&format, NULL}) == FG_OK) {
    fg_model *model = driver_host(d)->model_new(driver_host(d), kind, hyperparameters, NULL, 0);
    CHECK_INTEGER(driver_feed_model(d, 0, model), FG_OK);
    driver_host(d)->model_unref(driver_host(d), model);
    CHECK_INTEGER(driver_finish(d), FG_FAILED);
  }
  if (!strstr(driver_error(d), message)) printf("\n    got \"%s\"\n    expected \"%s\"", driver_error(d), message);
  CU_ASSERT(strstr(driver_error(d), message) != NULL);
  driver_close(d);
}

static void refusals(void) {
  refused("size: 12", "network.symmetric", "{\"kernel\":3}", "never has size 12: it doubles; use 8 or 16");
  refused("size: 4", "network.symmetric", "{\"kernel\":3}",
          "model 'network.symmetric' draws fine spins independently, so its blocks can disagree");
  refused("size: 4", "network.block", "{\"majority\":false}",
          "drawn from: the kernel excludes it, and the free energy is infinite; use a network");
  refused("size: 4, kernel: decimation", "network.block", BLOCK, "use a network that cannot do so");
  refused("size: 4096, dreams: 100000000, steps: 100000000", "network.block", BLOCK, "more than 2^63 sites");
  refused("size: 4", "network.nothing", "{}", "model 'network.nothing' is of no network");
}

int main(void) {
  static const check_case cases[] = {{"the free energy is that of all chains", free_energy_is_that_of_all_chains},
                                     {"never below", never_below},
                                     {"reaches the bound", reaches_the_bound},
                                     {"untrained", untrained},
                                     {"top and lower", top_and_lower},
                                     {"threads", threads},
                                     {"refusals", refusals},
                                     {0}};
  return check_main("variational", cases);
}
