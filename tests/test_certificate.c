// test_certificate.c — estimate.likelihood on dreams: all chains 1 → 2 → 4 enumerated, so that ⟨W⟩ = Z and every row is known
// to the last digits; which model of a list scores which step; and what has no weight. Statistical tests: fixed seeds, 4σ.
#include "check.h"
#include "driver.h"
#include "estimating.h"
#include "networks.h"

#include "plugins/estimate/exact_moments.h"

#include <stdarg.h>
#include <stdlib.h>

enum { MODEL, BASELINE, FINE, COARSE, FIRST }; // inputs

static char warnings[4096]; // what the stage under test has warned of

static void note(const fg_host *host, fg_log_level level, const char *format, ...) FG_PRINTF(3, 4);
static void note(const fg_host *host, fg_log_level level, const char *format, ...) {
  (void)host;
  if (level < FG_LOG_WARNING) return;
  va_list args;
  va_start(args, format);
  const size_t at = strlen(warnings);
  vsnprintf(warnings + at, sizeof warnings - at, format, args);
  va_end(args);
}

static fg_format format_of_dream(int levels) {
  fg_format format = {.size = sizeof(fg_format), .kind = FG_BATCH, .element = FG_SPIN1};
  for (int k = 0; k <= levels; k++) format.shapes[format.shape_count++] = fg_lattice_square(UINT64_C(1) << k);
  return format;
}

static void feed_model(driver *d, uint32_t port, const opened *o) {
  const fg_host *host = driver_host(d);
  fg_model *model = host->model_new(host, o->kind, o->hyperparameters, o->weights, o->parameters);
  CHECK_INTEGER(driver_feed_model(d, port, model), FG_OK);
  host->model_unref(host, model);
}

/// A stage for dreams of `levels` steps, made with a list of models and, if it is not NULL, a first one.
static driver *open_stage(const char *params, int levels, const opened *const *models, uint32_t count,
                          const opened *first) {
  driver *d = driver_open("estimate.likelihood", params, 5);
  CHECK_TEXT(driver_error(d), "");
  fg_format model = {.size = sizeof(fg_format), .kind = FG_MODEL, .has_weights = 1, .models = count}, only = model;
  fg_format dream = format_of_dream(levels);
  snprintf(model.network, sizeof model.network, "%s", count == 1 ? models[0]->kind : "");
  if (first) snprintf(only.network, sizeof only.network, "%s", first->kind);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, NULL, &dream, NULL, first ? &only : NULL}),
                FG_OK);
  CHECK_TEXT(driver_error(d), "");
  for (uint32_t m = 0; m < count; m++) feed_model(d, MODEL, models[m]);
  if (first) feed_model(d, FIRST, first);
  host_to_change(d)->log = note;
  warnings[0] = '\0';
  return d;
}

static void finish(driver *d) {
  CHECK_INTEGER(driver_end(d, FINE), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(driver_count(d, 0), 1);
}

static double row(const driver *d, int level, const char *observable, const char *field) {
  char size[16];
  snprintf(size, sizeof size, "%d", 1 << level);
  return driver_estimate(d, 0, size, level, observable, field);
}

// ---- chains of lattices

#define LEVELS 3 // 1, 2, 4

/// `count` chains.
typedef struct chains {
  fg_batch *level[LEVELS];
  uint32_t count;
} chains;

static chains chains_new(const fg_host *host, uint32_t count, uint64_t first) {
  chains c = {.count = count};
  for (int k = 0; k < LEVELS; k++) {
    c.level[k] = spins_new(host, UINT64_C(1) << k, UINT64_C(1) << k, count);
    c.level[k]->level = k;
    c.level[k]->first = first;
  }
  return c;
}

static void chains_drop(const fg_host *host, chains c) {
  for (int k = 0; k < LEVELS; k++) host->batch_unref(host, c.level[k]);
}

static void chains_feed(driver *d, chains c, int levels) {
  for (int k = 0; k <= levels; k++) CHECK_INTEGER(driver_feed_batch(d, FINE, c.level[k]), FG_OK);
}

/// The spins of lattice k of chain i are the bits of a number, row by row.
static void set_lattice(chains c, int k, uint32_t i, uint32_t bits) {
  const uint64_t length = UINT64_C(1) << k;
  for (uint64_t site = 0; site < length * length; site++)
    spin_set(c.level[k], i, site / length, site % length, bits >> site & 1);
}

enum { MAJORITY, DECIMATION, SOFT };
static const double strength = 0.7;

/// ln q of one block, as plainly as can be.
static double block_log_q(int kernel, int parent, int s00, int s01, int s10, int s11) {
  const int sum = s00 + s01 + s10 + s11;
  if (kernel == DECIMATION) return s00 == parent ? 0 : -INFINITY;
  if (kernel == SOFT) return -log(1 + exp(-2 * strength * parent * sum));
  return sum == 0 ? log(0.5) : sum * parent > 0 ? 0 : -INFINITY;
}

static int sign(const fg_batch *batch, uint32_t i, uint64_t y, uint64_t x) {
  return spin_get(batch, i, y % batch->rows, x % batch->rows) ? 1 : -1;
}

static double log_q(int kernel, const fg_batch *fine, const fg_batch *coarse, uint32_t i) {
  double sum = 0;
  for (uint64_t y = 0; y < coarse->rows; y++)
    for (uint64_t x = 0; x < coarse->rows; x++)
      sum += block_log_q(kernel, sign(coarse, i, y, x), sign(fine, i, 2 * y, 2 * x), sign(fine, i, 2 * y, 2 * x + 1),
                         sign(fine, i, 2 * y + 1, 2 * x), sign(fine, i, 2 * y + 1, 2 * x + 1));
  return sum;
}

static double energy(const fg_batch *batch, uint32_t i) {
  double sum = 0;
  for (uint64_t y = 0; y < batch->rows; y++)
    for (uint64_t x = 0; x < batch->rows; x++)
      sum -= sign(batch, i, y, x) * (sign(batch, i, y, x + 1) + sign(batch, i, y + 1, x));
  return sum;
}

static double magnetisation(const fg_batch *batch, uint32_t i) {
  double sum = 0;
  for (uint64_t site = 0; site < batch->rows * batch->rows; site++)
    sum += sign(batch, i, site / batch->rows, site % batch->rows);
  return sum / (double)(batch->rows * batch->rows);
}

/// Z of the Ising model on 2×2 or 4×4, state by state.
static double partition_function(int level, double coupling, const fg_host *host) {
  const uint32_t states = level == 1 ? 16 : 65536;
  chains c = chains_new(host, states, 0);
  long double sum = 0;
  for (uint32_t s = 0; s < states; s++) {
    set_lattice(c, level, s, s);
    sum += expl((long double)(-coupling * energy(c.level[level], s)));
  }
  chains_drop(host, c);
  return (double)sum;
}

/// Sums over chains that a plain reference makes.
typedef struct reference {
  long double n, probability, partition; // draws, ΣP, ΣPW
  long double w, ww, logs, w_e, w_ee, w_m2, w_m4, nll;
} reference;

/// Adds chains of `levels` steps, of which step k was made with models[k-1].
static void add_chains(reference *sums, chains c, int levels, const opened *const *models, int kernel,
                       double coupling) {
  double *log_prob[LEVELS];
  for (int k = 1; k <= levels; k++) {
    const opened *o = models[k - 1];
    log_prob[k] = calloc(c.count, sizeof **log_prob);
    CHECK_INTEGER(o->network->log_prob(o->model, c.level[k], c.level[k - 1], 0, c.count, log_prob[k]), FG_OK);
  }
  const fg_batch *last = c.level[levels];
  const double sites = (double)(last->rows * last->rows);
  for (uint32_t i = 0; i < c.count; i++) {
    double log_p = log(0.5), log_w = -coupling * energy(last, i);
    for (int k = 1; k <= levels; k++) {
      log_p += log_prob[k][i];
      log_w += log_q(kernel, c.level[k], c.level[k - 1], i);
    }
    log_w -= log_p;
    const long double w = expl((long double)log_w);
    const double m = magnetisation(last, i), e = energy(last, i) / sites;
    sums->n++;
    sums->probability += expl((long double)log_p);
    sums->partition += expl((long double)(log_p + log_w));
    sums->w += w;
    sums->ww += w * w;
    sums->logs += log_w;
    sums->w_e += w * e;
    sums->w_ee += w * e * e;
    sums->w_m2 += w * m * m;
    sums->w_m4 += w * m * m * m * m;
    sums->nll -= log_prob[levels][i] / sites;
  }
  for (int k = 1; k <= levels; k++) free(log_prob[k]);
}

/// The rows of the last level against the sums of all chains that were fed.
static void check_rows(const driver *d, int level, const reference *r) {
  const double e = (double)(r->w_e / r->w), m2 = (double)(r->w_m2 / r->w), sites = pow(4, level);
  CHECK_NEAR(row(d, level, "nll", "value"), (double)(r->nll / r->n), 1e-11);
  CHECK_NEAR(row(d, level, "lnZ", "value"), (double)logl(r->w / r->n), 1e-11);
  CHECK_NEAR(row(d, level, "ess", "value"), (double)(r->w * r->w / r->ww / r->n), 1e-11);
  CHECK_NEAR(row(d, level, "e", "value"), e, 1e-11);
  CHECK_NEAR(row(d, level, "m2", "value"), m2, 1e-11);
  CHECK_NEAR(row(d, level, "U", "value"), (double)(r->w_m4 / r->w) / m2 / m2, 1e-11);
  CHECK_NEAR(row(d, level, "varE", "value"), sites * ((double)(r->w_ee / r->w) - e * e), 1e-10);
  if (isinf((double)r->logs)) {
    CU_ASSERT(isnan(row(d, level, "free_energy", "value")) && isnan(row(d, level, "lnZ_gap", "value")));
    CU_ASSERT(row(d, level, "zero_weight", "value") > 0);
    return;
  }
  CHECK_NEAR(row(d, level, "zero_weight", "value"), 0, 0);
  CHECK_NEAR(row(d, level, "free_energy", "value"), -(double)(r->logs / r->n) / sites, 1e-11);
  const double exact = row(d, level, "lnZ", "exact");
  CHECK_NEAR(row(d, level, "lnZ_gap", "value"), (exact - (double)(r->logs / r->n)) / sites, 1e-11);
}

// ---- all chains

/// Whether a network with the constraint can draw the block.
static int allowed(uint32_t parent, uint32_t block) {
  const int up = __builtin_popcount(block & 15);
  return parent ? up >= 2 : up <= 2;
}

static uint32_t block_of(uint32_t lattice, int index) {
  const int corner = index / 2 * 8 + index % 2 * 2;
  return (lattice >> corner & 3) | (lattice >> (corner + 4) & 3) << 2;
}

static int all_allowed(uint32_t coarse, uint32_t fine) {
  for (int b = 0; b < 4; b++)
    if (!allowed(coarse >> b & 1, block_of(fine, b))) return 0;
  return 1;
}

/// All chains that end in a 2×2 or a 4×4 lattice, or those of them that a constrained network can make: ⟨W⟩ = Z, and the
/// rows of a stage to which each is given once.
static void enumerate(const char *params, int kernel, double coupling, int levels, const opened *const *models,
                      int constrained) {
  driver *d = open_stage(params, levels, models, (uint32_t)levels, NULL);
  const fg_host *host = driver_host(d);
  reference sums = {0};
  uint64_t first = 0;
  for (uint32_t start = 0; start < 2; start++)
    for (uint32_t middle = 0; middle < 16; middle++) {
      if (constrained && !allowed(start, middle)) continue;
      const uint32_t states = levels == 1 ? 1 : 65536;
      chains c = chains_new(host, states, first);
      uint32_t count = 0;
      for (uint32_t s = 0; s < states; s++) {
        if (levels == 2 && constrained && !all_allowed(middle, s)) continue;
        set_lattice(c, 0, count, start);
        set_lattice(c, 1, count, middle);
        set_lattice(c, 2, count++, s);
      }
      for (int k = 0; k < LEVELS; k++) c.level[k]->count = count;
      c.count = count;
      add_chains(&sums, c, levels, models, kernel, coupling);
      chains_feed(d, c, levels);
      first += count;
      for (int k = 0; k < LEVELS; k++) c.level[k]->count = states;
      chains_drop(host, c);
    }
  finish(d);
  const double z = partition_function(levels, coupling, host);
  CHECK_NEAR((double)sums.probability, 1, 1e-12);
  CHECK_NEAR((double)sums.partition / z, 1, 1e-12);
  CHECK_NEAR(row(d, levels, "lnZ", "exact"), log(z), 1e-11);
  check_rows(d, levels, &sums);
  driver_close(d);
}

static void partition_functions(void) {
  opened symmetric = networks_open("network.symmetric", "{\"kernel\":3}", 0.4, 1);
  opened wide = networks_open("network.symmetric", "{\"kernel\":5}", 0.3, 2);
  opened linear = networks_open("network.autoregressive", "{\"logits\":\"linear\",\"classes\":8}", 0.3, 3);
  opened top = networks_open("network.autoregressive",
                             "{\"hidden\":8,\"classes\":4,\"top_coupling\":0.44068679350977147}", 0.3, 4);
  opened mixed =
      networks_open("network.autoregressive", "{\"hidden\":8,\"classes\":4,\"symmetrize\":\"mixture\"}", 0.3, 5);
  const double critical = CRITICAL_COUPLING;
  const opened *const free_ones[] = {&wide, &symmetric}, *const bound[] = {&linear, &top}, *const mixture[] = {&mixed};
  enumerate("kernel: decimation", DECIMATION, critical, 2, free_ones, 0);
  enumerate("kernel: soft, strength: 0.7, coupling: 0.3", SOFT, 0.3, 1, free_ones, 0);
  enumerate("coupling: 0.7", MAJORITY, 0.7, 1, free_ones, 0);
  enumerate("", MAJORITY, critical, 2, bound, 1);
  enumerate("coupling: -0.2", MAJORITY, -0.2, 1, mixture, 1);
  networks_close(&symmetric);
  networks_close(&wide);
  networks_close(&linear);
  networks_close(&top);
  networks_close(&mixed);
}

/// Coins make every chain alike often, so that each once is the dream itself, and so are, by symmetry, those from a spin
/// that is up: all rows are exact.
static void coins(void) {
  opened coin = networks_open("network.symmetric", "{\"kernel\":3}", 0, 1);
  driver *d = open_stage("kernel: soft, strength: 0.7", 2, (const opened *const[]){&coin}, 1, NULL);
  const fg_host *host = driver_host(d);
  for (uint32_t middle = 0; middle < 16; middle++) {
    chains c = chains_new(host, 65536, 65536 * middle);
    for (uint32_t s = 0; s < c.count; s++) {
      set_lattice(c, 0, s, 1);
      set_lattice(c, 1, s, middle);
      set_lattice(c, 2, s, s);
    }
    chains_feed(d, c, 2);
    chains_drop(host, c);
  }
  finish(d);
  for (int level = 1; level <= 2; level++) {
    static const char *const names[] = {"lnZ", "e", "m2", "U", "varE"};
    for (int q = 0; q < 5; q++) {
      const double exact = row(d, level, names[q], "exact");
      CHECK_NEAR(row(d, level, names[q], "value"), exact, 3e-10 * fmax(1, fabs(exact)));
    }
    CHECK_NEAR(row(d, level, "nll", "value"), M_LN2, 1e-12);
    CU_ASSERT(row(d, level, "lnZ_gap", "value") > 0.1);
  }
  driver_close(d);
  networks_close(&coin);
}

// ---- draws

/// `count` dreams of two steps.
static chains draw(const fg_host *host, uint32_t count, const opened *const *models) {
  chains c = chains_new(host, count, 0);
  const fg_rng_key key = host->rng_key(host, "dreams of a test");
  for (uint32_t i = 0; i < count; i++) spin_set(c.level[0], i, 0, 0, i % 2 == 0);
  for (int k = 1; k < LEVELS; k++) {
    const opened *o = models[k - 1];
    CHECK_INTEGER(o->network->sample(o->model, host->rng_fill, key, c.level[k - 1], c.level[k], 0, count), FG_OK);
  }
  return c;
}

/// Published weights dream 4×4 lattices that are not critical; reweighted they are, within errors that say so.
static void reweighting(void) {
  enum { N = 60000 };
  opened o = networks_open_empty("network.symmetric", "{\"kernel\":3}");
  memcpy(o.weights, published3, sizeof published3);
  networks_reopen(&o);
  const opened *const models[] = {&o, &o};
  driver *d = open_stage("kernel: soft, strength: 1.3", 2, models, 1, NULL);
  const fg_host *host = driver_host(d);
  chains c = draw(host, N, models);
  double raw_e = 0;
  for (uint32_t i = 0; i < N; i++) raw_e += energy(c.level[2], i) / 16 / N;
  chains_feed(d, c, 2);
  finish(d);
  static const char *const names[] = {"lnZ", "e", "m2", "U", "varE"};
  static const double sharp[] = {0.01, 0.01, 0.02, 0.02, 0.05}; // relative errors are smaller than this
  for (int q = 0; q < 5; q++) {
    const double exact = row(d, 2, names[q], "exact"), error = row(d, 2, names[q], "error");
    CHECK_NEAR(row(d, 2, names[q], "value"), exact, 4 * error);
    CU_ASSERT(error > 0 && error < sharp[q] * fabs(exact));
  }
  CU_ASSERT(fabs(raw_e - row(d, 2, "e", "exact")) > 6 * row(d, 2, "e", "error"));
  CHECK_TEXT(warnings, "");
  chains_drop(host, c);
  driver_close(d);
  networks_close(&o);
}

/// The network excludes what the soft kernel does not: ⟨W⟩ is too small, and a warning says so.
static void missing(void) {
  enum { N = 20000 };
  opened o = networks_open("network.autoregressive", "{\"logits\":\"linear\",\"classes\":4}", 0.1, 1);
  const opened *const models[] = {&o, &o};
  driver *d = open_stage("kernel: soft, strength: 0.2", 2, models, 1, NULL);
  chains c = draw(driver_host(d), N, models);
  chains_feed(d, c, 2);
  finish(d);
  CU_ASSERT(row(d, 1, "lnZ", "value") < row(d, 1, "lnZ", "exact") - 4 * row(d, 1, "lnZ", "error"));
  CU_ASSERT_PTR_NOT_NULL(strstr(warnings, "standard deviations below the exact ln Z = "));
  CU_ASSERT_PTR_NOT_NULL(
      strstr(warnings, "gives the probability 0, or nearly so, to lattices that the target contains"));
  chains_drop(driver_host(d), c);
  driver_close(d);
  networks_close(&o);
}

/// A network that breaks the majority rule: some weights are 0, or all.
static void broken(void) {
  enum { N = 4000 };
  opened o = networks_open_empty("network.symmetric", "{\"kernel\":3}");
  memcpy(o.weights, published3, sizeof published3);
  networks_reopen(&o);
  const opened *const models[] = {&o, &o};
  driver *d = open_stage("", 2, models, 1, NULL);
  const fg_host *host = o.host;
  chains c = draw(host, N, models);
  reference sums = {0};
  add_chains(&sums, c, 2, models, MAJORITY, CRITICAL_COUPLING);
  chains_feed(d, c, 2);
  finish(d);
  check_rows(d, 2, &sums);
  const fg_table *table = driver_message(d, 0, 0)->table;
  for (uint64_t r = 0; r < table->row_count; r++) CU_ASSERT(isfinite(real_of(table, r, "value")));
  CU_ASSERT_PTR_NOT_NULL(strstr(
      warnings, "dreams of size 4 have the weight 0: a coarse lattice on their way is not what kernel majority can "
                "make of the next one. Their free energy is infinite, so there are no rows free_energy and lnZ_gap; "
                "dream with a network that respects the kernel (majority: true), or take kernel: soft"));
  driver_close(d);

  d = open_stage("", 2, models, 1, NULL);
  for (uint32_t i = 0; i < N; i++) set_lattice(c, 0, i, 1), set_lattice(c, 1, i, 0), set_lattice(c, 2, i, 65535);
  chains_feed(d, c, 2);
  finish(d);
  CHECK_NEAR(row(d, 2, "zero_weight", "value"), 1, 0);
  CHECK_NEAR(row(d, 2, "ess", "value"), 0, 0);
  table = driver_message(d, 0, 0)->table;
  CHECK_INTEGER(table->row_count, 6);
  for (uint64_t r = 0; r < table->row_count; r++) CU_ASSERT(isfinite(real_of(table, r, "value")));
  CU_ASSERT_PTR_NOT_NULL(strstr(warnings, "lnZ_gap, nor any with the weights"));
  chains_drop(host, c);
  driver_close(d);
  networks_close(&o);
}

// ---- lists

/// The last model of a list makes the last step, the first one all earlier ones, but for those of input `first`.
static void lists(void) {
  opened a = networks_open("network.symmetric", "{\"kernel\":3}", 0.4, 1);
  opened b = networks_open("network.symmetric", "{\"kernel\":5}", 0.3, 2);
  opened z = networks_open("network.table", "{\"window\":2}", 0.3, 3);
  const struct {
    const opened *models[2], *first;
    uint32_t count;
    const opened *made[2];
    const char *params;
  } cases[] = {
      {{&a}, NULL, 1, {&a, &a}, "kernel: soft, strength: 0.7"},
      {{&a, &b}, NULL, 2, {&a, &b}, "kernel: soft, strength: 0.7"},
      {{&b}, &z, 1, {&z, &b}, "kernel: soft, strength: 0.7, first_steps: 1"},
      {{&b}, &z, 1, {&z, &z}, "kernel: soft, strength: 0.7"},
      {{&b}, &z, 1, {&b, &b}, "kernel: soft, strength: 0.7, first_steps: 0"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    driver *d = open_stage(cases[i].params, 2, cases[i].models, cases[i].count, cases[i].first);
    chains c = draw(driver_host(d), 500, (const opened *const[]){&a, &b});
    reference sums = {0}, lower = {0};
    add_chains(&sums, c, 2, cases[i].made, SOFT, CRITICAL_COUPLING);
    add_chains(&lower, c, 1, cases[i].made, SOFT, CRITICAL_COUPLING);
    chains_feed(d, c, 2);
    finish(d);
    check_rows(d, 2, &sums);
    if (cases[i].count == 1) check_rows(d, 1, &lower);
    CHECK_NEAR(row(d, 1, "nll", "value"), (double)(lower.nll / lower.n), 1e-12);
    if (cases[i].count > 1) CU_ASSERT(isnan(row(d, 1, "lnZ", "value"))); // drawn as blocks of the last level
    chains_drop(driver_host(d), c);
    driver_close(d);
  }
  networks_close(&a);
  networks_close(&b);
  networks_close(&z);
}

static void no_trace(void) {
  opened o = networks_open("network.symmetric", "{\"kernel\":3}", 0.3, 1);
  const opened *const models[] = {&o, &o};
  driver *whole = open_stage("kernel: soft", 2, models, 1, NULL);
  chains all = draw(driver_host(whole), 999, models);
  chains_feed(whole, all, 2);
  finish(whole);
  for (int variant = 0; variant < 3; variant++) {
    const uint32_t most = variant == 0 ? 17 : 500;
    driver *d = open_stage("kernel: soft", 2, models, 1, NULL);
    const fg_host *host = driver_host(d);
    if (variant) host_to_change(d)->parallel_for = variant == 1 ? parallel_backwards : parallel_on_threads;
    for (uint32_t from = 0; from < all.count; from += most)
      for (int k = 0; k < LEVELS; k++) {
        const uint32_t left = all.count - from;
        fg_batch *part = part_of(host, all.level[k], from, left < most ? left : most);
        CHECK_INTEGER(driver_feed_batch(d, FINE, part), FG_OK);
        host->batch_unref(host, part);
      }
    finish(d);
    CU_ASSERT(same_tables(driver_message(d, 0, 0)->table, driver_message(whole, 0, 0)->table));
    driver_close(d);
  }
  chains_drop(driver_host(whole), all);
  driver_close(whole);
  networks_close(&o);
}

// ---- what has no certificate

static void wrong_levels(void) {
  opened o = networks_open("network.symmetric", "{\"kernel\":3}", 0.3, 1);
  opened bound = networks_open("network.autoregressive", "{\"logits\":\"linear\",\"classes\":4}", 0.1, 1);
  const opened *const models[] = {&o, &o}, *const bounds[] = {&bound};
  driver *d = open_stage("kernel: soft", 2, models, 1, NULL);
  const fg_host *host = o.host;
  chains c = draw(host, 10, models);
  CHECK_INTEGER(driver_feed_batch(d, FINE, c.level[1]), FG_FAILED);
  CHECK_TEXT(driver_error(d), "level 1 of size 2 comes first; a dream begins with level 0, one spin: let it keep: all");
  CHECK_INTEGER(driver_feed_batch(d, FINE, c.level[0]), FG_OK);
  CHECK_INTEGER(driver_feed_batch(d, FINE, c.level[2]), FG_FAILED);
  CHECK_TEXT(driver_error(d),
             "level 2 of configurations 0 to 9, of size 4, follows level 0 of configurations 0 to 9; the "
             "levels of a dream must come one after the other for the same ones, each twice as large");
  c.level[1]->first = 3;
  CHECK_INTEGER(driver_feed_batch(d, FINE, c.level[1]), FG_FAILED);
  CHECK_TEXT(driver_error(d),
             "level 1 of configurations 3 to 12, of size 2, follows level 0 of configurations 0 to 9; the "
             "levels of a dream must come one after the other for the same ones, each twice as large");
  driver_close(d);

  d = open_stage("", 1, bounds, 1, NULL);
  c.level[1]->first = 0;
  for (uint32_t i = 0; i < 10; i++) set_lattice(c, 1, i, 0);
  CHECK_INTEGER(driver_feed_batch(d, FINE, c.level[0]), FG_OK);
  CHECK_INTEGER(driver_feed_batch(d, FINE, c.level[1]), FG_FAILED);
  CHECK_TEXT(driver_error(d),
             "configuration 0 of level 1 has probability 0 under the model, so it was drawn with another "
             "one; connect the models, in the order, that the dream has");
  driver_close(d);

  d = driver_open("estimate.likelihood", "", 5);
  fg_format model = format_of_model(1), dream = format_of_dream(1);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, NULL, &dream, NULL, NULL}), FG_OK);
  CHECK_INTEGER(driver_feed_batch(d, FINE, c.level[0]), FG_OK);
  CHECK_INTEGER(driver_feed_batch(d, FINE, c.level[1]), FG_FAILED);
  CHECK_TEXT(driver_error(d), "no model arrived");
  driver_close(d);
  networks_close(&bound);
  chains_drop(host, c);
  networks_close(&o);
}

static void refused(const char *params, const fg_format *const *inputs, const char *message) {
  driver *d = driver_open("estimate.likelihood", params, 5);
  CHECK_INTEGER(driver_negotiate(d, inputs), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refusals(void) {
  static const char *const no_dream =
      "dreams are weighed from one spin on, at all their levels, 1, 2, 4 and so on; let the dream start: 1 and keep: all, "
      "or connect input 'coarse' for pairs of lattices";
  fg_format model = format_of_model(1), several = model, dream = format_of_dream(3), last = format_of_spins(8, 8);
  fg_format later = dream, gap = dream, fine = format_of_spins(8, 8), coarse = format_of_spins(4, 4), bare = model;
  several.models = 4;
  bare.has_weights = 0;
  bare.models = 2;
  bare.network[0] = '\0';
  for (uint32_t s = 0; s < later.shape_count; s++) later.shapes[s] = fg_lattice_square(UINT64_C(3) << s);
  gap.shapes[1] = gap.shapes[0];
  refused("", (const fg_format *const[]){&model, NULL, &last, NULL, NULL}, no_dream);
  refused("", (const fg_format *const[]){&model, NULL, &later, NULL, NULL}, no_dream);
  refused("", (const fg_format *const[]){&model, NULL, &gap, NULL, NULL}, no_dream);
  refused(
      "", (const fg_format *const[]){&several, NULL, &dream, NULL, NULL},
      "4 models in the list, but there are 3 steps for them; the last model makes the last step: leave out the first 1");
  refused("first_steps: 4", (const fg_format *const[]){&model, NULL, &dream, NULL, &model},
          "4 steps with the first model, but the dream has 3 in all; say the same as the dream does");
  refused(
      "", (const fg_format *const[]){&model, &model, &dream, NULL, NULL},
      "a baseline is compared with on pairs of lattices, which need input 'coarse'; connect that, or weigh each model's "
      "own dreams with a stage of its own");
  refused(
      "", (const fg_format *const[]){&several, NULL, &fine, &coarse, NULL},
      "pairs are scored under one model, but several are connected; leave out input 'coarse' to score dreams, or take a "
      "stage for each model");
  refused(
      "", (const fg_format *const[]){&bare, NULL, &dream, NULL, NULL},
      "a model of the list comes without weights, so it has no likelihood; train it, or give weights to its network");
}

int main(void) {
  static const check_case cases[] = {
      {"partition functions", partition_functions},
      {"coins", coins},
      {"reweighting", reweighting},
      {"missing lattices", missing},
      {"broken majorities", broken},
      {"lists", lists},
      {"no trace of batches and threads", no_trace},
      {"wrong levels", wrong_levels},
      {"refusals", refusals},
      {NULL, NULL},
  };
  return check_main("estimate.likelihood, dreams", cases);
}
