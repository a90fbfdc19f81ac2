// test_likelihood.c — estimate.likelihood: its rows against plain sums, the difference of two models against the relative
// entropy it estimates, and what is no likelihood. Errors of correlated chains are judged in test_series.c. Statistical
// tests: fixed seeds, 4σ.
#include "check.h"
#include "drawn.h"
#include "driver.h"
#include "estimating.h"
#include "spins.h"

#include <stdlib.h>

static const double wrong3[] = {0.45, 0.7, 1.2};

/// A stage for a model of kernel 3, and a baseline if there is one.
static driver *open_stage(uint64_t length, const double *weights, const double *baseline) {
  driver *d = driver_open("estimate.likelihood", "", 5);
  CHECK_TEXT(driver_error(d), "");
  fg_format model = format_of_model(1);
  fg_format fine = format_of_spins(2 * length, 2 * length), coarse = format_of_spins(length, length);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, baseline ? &model : NULL, &fine, &coarse, NULL}),
                FG_OK);
  symmetric_feed(d, 0, 3, weights, 3);
  if (baseline) symmetric_feed(d, 1, 3, baseline, 3);
  return d;
}

static void feed(driver *d, drawn p) { CHECK_INTEGER(driver_feed_pair(d, 2, p.fine, p.coarse), FG_OK); }

static const fg_table *table_of(driver *d) {
  CHECK_INTEGER(driver_end(d, 2), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(driver_count(d, 0), 1);
  return driver_message(d, 0, 0)->table;
}

static double field(const driver *d, const char *size, int level, const char *observable, const char *name) {
  return driver_estimate(d, 0, size, level, observable, name);
}

/// Mean of numbers, and the error of the mean if they are independent.
typedef struct plain {
  double mean, error;
} plain;

static plain plain_mean(const double *x, uint32_t n) {
  long double sum = 0, squares = 0;
  for (uint32_t i = 0; i < n; i++) sum += x[i];
  for (uint32_t i = 0; i < n; i++) squares += (x[i] - sum / n) * (x[i] - sum / n);
  return (plain){(double)(sum / n), (double)sqrtl(squares / n / (n - 1))};
}

/// -ln P per fine spin of every pair.
static double *scores_of(const fg_host *host, const double *weights, drawn p) {
  const fg_network *network = symmetric_network(host);
  fg_network_model *model = symmetric_open(host, 3, weights, 3);
  double *score = calloc(p.fine->count, sizeof *score);
  CHECK_INTEGER(network->log_prob(model, p.fine, p.coarse, 0, p.fine->count, score), FG_OK);
  for (uint32_t c = 0; c < p.fine->count; c++) score[c] /= -(double)fg_lattice_sites(&p.fine->lattice);
  network->close(model);
  return score;
}

// ---- rows

static void rows(void) {
  enum { N = 1500 };
  driver *d = open_stage(4, published3, wrong3);
  const fg_host *host = driver_host(d);
  drawn p[3] = {drawn_new(host, 3, published3, 3, 4, N, 1), drawn_new(host, 3, published3, 3, 8, N, 2),
                drawn_new(host, 3, published3, 3, 4, N, 3)};
  static const char *const sizes[] = {"8", "16", "8"};
  static const int levels[] = {2, 2, -3};
  p[2].fine->level = -3;
  p[2].fine->chain = 7;
  for (int i = 0; i < 3; i++) feed(d, p[i]);
  const fg_table *table = table_of(d);
  CHECK_INTEGER(table->row_count, 9);
  for (int i = 0; i < 3; i++) {
    double *model = scores_of(host, published3, p[i]), *baseline = scores_of(host, wrong3, p[i]);
    double *difference = calloc(N, sizeof *difference);
    for (int c = 0; c < N; c++) difference[c] = model[c] - baseline[c];
    const double *const x[] = {model, baseline, difference};
    static const char *const names[] = {"nll", "nll_baseline", "nll_difference"};
    for (int q = 0; q < 3; q++) {
      plain expected = plain_mean(x[q], N);
      CHECK_NEAR(field(d, sizes[i], levels[i], names[q], "value"), expected.mean, 1e-14);
      CHECK_NEAR(field(d, sizes[i], levels[i], names[q], "error"), expected.error, 0.25 * expected.error);
      CHECK_NEAR(field(d, sizes[i], levels[i], names[q], "n"), N, 0);
      CHECK_NEAR(field(d, sizes[i], levels[i], names[q], "tau_int"), 0.5, 0.1);
      CU_ASSERT(isnan(field(d, sizes[i], levels[i], names[q], "exact")));
      CHECK_TEXT(table->cells[(3 * i + q) * 9 + 8].text, "nat");
      CHECK_TEXT(table->cells[(3 * i + q) * 9 + 2].text, names[q]);
    }
    // Paired: the models agree on which lattices are improbable.
    CU_ASSERT(field(d, sizes[i], levels[i], "nll_difference", "error") <
              0.2 * field(d, sizes[i], levels[i], "nll", "error"));
    free(model);
    free(baseline);
    free(difference);
    drawn_drop(host, p[i]);
  }
  driver_close(d);
}

/// Without a baseline there is one row a size.
static void alone(void) {
  driver *d = open_stage(4, published3, NULL);
  const fg_host *host = driver_host(d);
  drawn p = drawn_new(host, 3, published3, 3, 4, 20, 1);
  feed(d, p);
  const fg_table *table = table_of(d);
  double *score = scores_of(host, published3, p);
  CHECK_INTEGER(table->row_count, 1);
  CHECK_NEAR(field(d, "8", 2, "nll", "value"), plain_mean(score, 20).mean, 1e-14);
  free(score);
  drawn_drop(host, p);
  driver_close(d);

  static const double zeros[3] = {0, 0, 0}; // coins
  d = open_stage(4, zeros, zeros);
  p = drawn_new(host = driver_host(d), 3, published3, 3, 4, 20, 1);
  feed(d, p);
  table_of(d);
  CHECK_NEAR(field(d, "8", 2, "nll", "value"), M_LN2, 1e-14);
  CHECK_NEAR(field(d, "8", 2, "nll_difference", "value"), 0, 0);
  drawn_drop(host, p);
  driver_close(d);

  d = open_stage(4, zeros, NULL); // no configurations, no rows
  CHECK_INTEGER(table_of(d)->row_count, 0);
  driver_close(d);
}

// ---- what is estimated

/// P(up) of every fine spin of pair c, from what it costs to turn it over.
static void probabilities(const fg_network *network, const fg_network_model *model, drawn p, uint32_t c, double *up) {
  double before, after;
  const uint64_t rows = p.fine->rows;
  double *log_prob = calloc(p.fine->count, sizeof *log_prob);
  network->log_prob(model, p.fine, p.coarse, c, c + 1, log_prob);
  before = log_prob[c];
  for (uint64_t i = 0; i < rows * rows; i++) {
    unsigned spin = spin_get(p.fine, c, i / rows, i % rows);
    spin_set(p.fine, c, i / rows, i % rows, !spin);
    network->log_prob(model, p.fine, p.coarse, c, c + 1, log_prob);
    spin_set(p.fine, c, i / rows, i % rows, spin);
    after = log_prob[c];
    up[i] = 1 / (1 + exp(spin ? after - before : before - after));
  }
  free(log_prob);
}

static double entropy_term(double p, double q) { return p > 0 ? p * log(p / q) : 0; }

/// Pairs drawn from the model: `nll` is the mean conditional entropy, and the baseline is worse by the relative entropy.
static void relative_entropy(void) {
  enum { N = 2000, LENGTH = 4, SPINS = 64 };
  static const double far3[] = {0.3, 0.8, 0.8};
  driver *d = open_stage(LENGTH, published3, far3);
  const fg_host *host = driver_host(d);
  const fg_network *network = symmetric_network(host);
  drawn p = drawn_new(host, 3, published3, 3, LENGTH, N, 11);
  feed(d, p);
  table_of(d);
  fg_network_model *truth = symmetric_open(host, 3, published3, 3), *wrong = symmetric_open(host, 3, far3, 3);
  double entropy = 0, relative = 0, a[SPINS], b[SPINS];
  for (uint32_t c = 0; c < N; c++) {
    probabilities(network, truth, p, c, a);
    probabilities(network, wrong, p, c, b);
    for (int i = 0; i < SPINS; i++) {
      entropy -= entropy_term(a[i], 1) + entropy_term(1 - a[i], 1);
      relative += entropy_term(a[i], b[i]) + entropy_term(1 - a[i], 1 - b[i]);
    }
  }
  entropy /= (double)N * SPINS;
  relative /= (double)N * SPINS;
  double error = field(d, "8", 2, "nll", "error"), error_of_difference = field(d, "8", 2, "nll_difference", "error");
  CHECK_NEAR(field(d, "8", 2, "nll", "value"), entropy, 4 * error);
  CHECK_NEAR(error, 0, 0.003);
  CHECK_NEAR(field(d, "8", 2, "nll_difference", "value"), -relative, 4 * error_of_difference);
  CU_ASSERT(relative > 8 * error_of_difference);
  network->close(truth);
  network->close(wrong);
  drawn_drop(host, p);
  driver_close(d);
}

// ---- correlated pairs

static const fg_network *original; // the symmetric network
static fg_network changed;         // the same with something else in it

static const void *find_changed(const fg_host *host, const char *kind, const char *id) {
  (void)host;
  (void)kind;
  (void)id;
  return &changed;
}

static const fg_network_model *model_at_work; // the first that was opened

static fg_status note_model(const fg_host *host, const char *hyperparameters, const double *weights, uint64_t count,
                            fg_network_model **opened) {
  fg_status status = original->open(host, hyperparameters, weights, count, opened);
  if (!model_at_work) model_at_work = *opened;
  return status;
}

/// Noise in 0…1, a function of its index (the finaliser of MurmurHash3).
static double noise(uint64_t index) {
  uint64_t h = index + 1;
  for (int round = 0; round < 2; round++) h = (h ^ h >> 33) * (round ? 0xc4ceb9fe1a85ec53u : 0xff51afd7ed558ccdu);
  return (double)(h >> 11) * 0x1p-53;
}

/// The baseline's scores come ten alike in a row; the model's differ from them independently.
static fg_status correlated_log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                                     uint32_t begin, uint32_t end, double *log_prob) {
  (void)coarse;
  for (uint32_t c = begin; c < end; c++) {
    uint32_t index = (uint32_t)fine->first + c;
    log_prob[c] = -100 - 10 * noise(index / 10) - (model == model_at_work ? noise(77777 + index) : 0);
  }
  return FG_OK;
}

/// Ten alike in a row have τ = 5; the difference has ½, and an error to match.
static void correlated(void) {
  enum { N = 20000 };
  driver *d = driver_open("estimate.likelihood", "", 5);
  const fg_host *host = driver_host(d);
  original = symmetric_network(host);
  changed = *original;
  changed.open = note_model;
  changed.log_prob = correlated_log_prob;
  host_to_change(d)->lookup = find_changed;
  fg_format model = format_of_model(1), fine = format_of_spins(2, 2), coarse = format_of_spins(1, 1);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, &model, &fine, &coarse, NULL}), FG_OK);
  model_at_work = NULL;
  symmetric_feed(d, 0, 3, published3, 3);
  symmetric_feed(d, 1, 3, wrong3, 3);
  drawn p = {spins_new(host, 2, 2, N), spins_new(host, 1, 1, N)};
  feed(d, p);
  table_of(d);
  const double deviation = 1 / sqrt(12) / 4; // of noise, per spin
  CHECK_NEAR(field(d, "2", 0, "nll_baseline", "tau_int"), 5, 1);
  CHECK_NEAR(field(d, "2", 0, "nll_baseline", "error") / (10 * deviation * sqrt(10.0 / N)), 1, 0.2);
  CHECK_NEAR(field(d, "2", 0, "nll", "tau_int"), 5, 1);
  CHECK_NEAR(field(d, "2", 0, "nll_difference", "tau_int"), 0.5, 0.1);
  CHECK_NEAR(field(d, "2", 0, "nll_difference", "error") / (deviation * sqrt(1.0 / N)), 1, 0.2);
  CHECK_NEAR(field(d, "2", 0, "nll_difference", "value"), 0.5 / 4, 4 * deviation * sqrt(1.0 / N));
  drawn_drop(host, p);
  driver_close(d);
}

// ---- what must not matter

static void no_trace(void) {
  double expected[3][2] = {{0}};
  static const char *const names[] = {"nll", "nll_baseline", "nll_difference"};
  for (int variant = 0; variant < 5; variant++) {
    static const uint32_t sizes[] = {333, 1, 17, 333, 333};
    driver *d = open_stage(4, published3, wrong3);
    const fg_host *host = driver_host(d);
    if (variant >= 3) host_to_change(d)->parallel_for = variant == 3 ? parallel_backwards : parallel_on_threads;
    drawn p = drawn_new(host, 3, published3, 3, 4, 333, 1);
    for (uint32_t from = 0; from < 333; from += sizes[variant]) {
      uint32_t left = 333 - from;
      drawn part = drawn_part(host, p, from, left < sizes[variant] ? left : sizes[variant]);
      feed(d, part);
      drawn_drop(host, part);
    }
    table_of(d);
    for (int q = 0; q < 3; q++) {
      double value = field(d, "8", 2, names[q], "value"), error = field(d, "8", 2, names[q], "error");
      if (variant == 0) expected[q][0] = value, expected[q][1] = error;
      CHECK_NEAR(value, expected[q][0], 0);
      CHECK_NEAR(error, expected[q][1], 0);
    }
    drawn_drop(host, p);
    driver_close(d);
  }
}

// ---- what has no likelihood

static uint32_t factor_3(const fg_network_model *model) {
  (void)model;
  return 3;
}

static double given; // ln P of the third configuration

static fg_status given_log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                                uint32_t begin, uint32_t end, double *log_prob) {
  (void)model, (void)fine, (void)coarse;
  for (uint32_t c = begin; c < end; c++) log_prob[c] = c == 2 ? given : -1;
  return FG_OK;
}

static driver *negotiated(void) {
  driver *d = driver_open("estimate.likelihood", "", 5);
  host_to_change(d)->lookup = find_changed;
  fg_format model = format_of_model(1), fine = format_of_spins(8, 8), coarse = format_of_spins(4, 4);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, NULL, &fine, &coarse, NULL}), FG_OK);
  return d;
}

static void impossible(void) {
  driver *maker = open_stage(4, published3, NULL);
  const fg_host *host = driver_host(maker);
  drawn p = drawn_new(host, 3, published3, 3, 4, 5, 1);
  static const double values[] = {-INFINITY, NAN};
  static const char *const messages[] = {
      "configuration 1000002 of size 8 has probability 0 under the model, so the likelihood of all is 0; score a model "
      "that excludes nothing, or pairs that it can make",
      "the model gives configuration 1000002 of size 8 the log-probability nan; this is a fault of 'network.symmetric' or "
      "of its weights",
  };
  for (int variant = 0; variant < 2; variant++) {
    changed = *symmetric_network(host);
    changed.log_prob = given_log_prob;
    given = values[variant];
    driver *d = negotiated();
    symmetric_feed(d, 0, 3, published3, 3);
    CHECK_INTEGER(driver_feed_pair(d, 2, p.fine, p.coarse), FG_FAILED);
    CHECK_TEXT(driver_error(d), messages[variant]);
    driver_close(d);
  }

  changed = *symmetric_network(host);
  changed.factor = factor_3;
  driver *d = negotiated();
  fg_model *model = symmetric_model_new(host, 3, published3, 3), *bare = symmetric_model_new(host, 3, NULL, 0);
  CHECK_INTEGER(driver_feed_model(d, 0, model), FG_FAILED);
  CHECK_TEXT(driver_error(d), "model 'network.symmetric' makes lattices 3 times as large, the pairs here differ by a "
                              "factor of 2; use a network of factor 2");
  driver_close(d);

  changed = *symmetric_network(host);
  d = negotiated();
  CHECK_INTEGER(driver_feed_pair(d, 2, p.fine, p.coarse), FG_FAILED);
  CHECK_TEXT(driver_error(d), "no model arrived");
  CHECK_INTEGER(driver_feed_model(d, 0, bare), FG_FAILED);
  CHECK_TEXT(driver_error(d), "the model came without weights, though they were announced");
  CHECK_INTEGER(driver_feed_model(d, 0, model), FG_FAILED);
  CHECK_TEXT(driver_error(d), "takes one model through port 'model', but more than one arrived");
  driver_close(d);
  CHECK_INTEGER(driver_feed_pair(maker, 2, p.fine, p.fine), FG_FAILED);
  CHECK_TEXT(driver_error(maker),
             "fine lattices of size 8 do not go with coarse ones of size 8: they must be 2 times as "
             "large; block with factor: 2");
  host->model_unref(host, model);
  host->model_unref(host, bare);
  drawn_drop(host, p);
  driver_close(maker);
}

static void refused(const fg_format *model, const fg_format *baseline, const fg_format *fine, const fg_format *coarse,
                    const char *message) {
  driver *d = driver_open("estimate.likelihood", "", 5);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){model, baseline, fine, coarse, NULL}), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refusals(void) {
  fg_format model = format_of_model(1), bare = format_of_model(0), other = model;
  fg_format fine = format_of_spins(32, 32), half = format_of_spins(16, 16), quarter = format_of_spins(8, 8);
  snprintf(other.network, sizeof other.network, "coarsen.majority");
  refused(
      &bare, NULL, &fine, &half,
      "the model, of 'network.symmetric', comes without weights, so it has no likelihood; train it, or give weights to "
      "its network");
  refused(
      &model, &bare, &fine, &half,
      "the baseline, of 'network.symmetric', comes without weights, so it has no likelihood; train it, or give weights "
      "to its network");
  refused(&model, &other, &fine, &half,
          "model 'coarsen.majority' is of no network this program has; a model comes from a network stage");
  refused(&model, &model, &fine, &quarter,
          "fine lattices of size 32 do not go with coarse ones of size 8: they must be 2 times as large; block with "
          "factor: 2");
}

int main(void) {
  static const check_case cases[] = {
      {"rows", rows},
      {"alone", alone},
      {"relative entropy", relative_entropy},
      {"correlated", correlated},
      {"no trace of batches and threads", no_trace},
      {"impossible", impossible},
      {"refusals", refusals},
      {NULL, NULL},
  };
  return check_main("estimate.likelihood", cases);
}
