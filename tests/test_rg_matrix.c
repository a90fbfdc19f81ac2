// test_rg_matrix.c — estimate.rg-matrix: T of the 4×4 Ising lattice against complete enumeration, and of free spins
// against what is known; errors that cover; dreams, blocks and given pairs; what must not change a table. Statistical
// tests: fixed seeds, failing by chance less than once in 10³.
#include "check.h"
#include "driver.h"
#include "pool.h"
#include "spins.h"

#include "matrices.h"

#include <gsl/gsl_eigen.h>
#include <gsl/gsl_errno.h>
#include <stdarg.h>

#define CRITICAL 0.44068679350977147

// ---- the stage by hand

/// A stage told to expect fine lattices of rows×width, alone or with coarse ones a factor smaller.
static driver *open_stage(const char *params, uint64_t rows, uint64_t width, uint64_t factor) {
  driver *d = driver_open("estimate.rg-matrix", params, 1);
  fg_format fine = format_of_spins(rows, width), coarse = format_of_spins(rows, width);
  for (int i = 0; factor && i < 2; i++) coarse.shapes[0].extent[i] /= factor;
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&fine, factor ? &coarse : NULL}), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

/// A stage told to expect lattices of 1, 2, …, 2^levels.
static driver *open_for_dream(const char *params, uint32_t levels) {
  driver *d = driver_open("estimate.rg-matrix", params, 1);
  fg_format in = format_of_spins(1, 1);
  for (uint32_t k = 1; k <= levels; k++) in.shapes[in.shape_count++] = fg_lattice_square(UINT64_C(1) << k);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in, NULL}), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

static void feed(driver *d, fg_batch *batch) {
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
  driver_host(d)->batch_unref(driver_host(d), batch);
}

static void finish(driver *d) {
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
}

static const fg_table *table_named(const driver *d, const char *name) {
  for (size_t i = 0; i < driver_count(d, 0); i++)
    if (strcmp(driver_message(d, 0, i)->table->name, name) == 0) return driver_message(d, 0, i)->table;
  return NULL;
}

static double field(const driver *d, const char *size, int level, const char *observable, const char *name) {
  return driver_estimate(d, 0, size, level, observable, name);
}

static double value(const driver *d, const char *size, int level, const char *observable) {
  return field(d, size, level, observable, "value");
}

/// Within 4σ, with σ no larger than it should be.
static void check_value(const driver *d, const char *size, int level, const char *observable, double exact,
                        double largest_error) {
  double error = field(d, size, level, observable, "error");
  CHECK_NEAR(value(d, size, level, observable), exact, 4 * error);
  CHECK_NEAR(error, 0, largest_error);
  if (!(error <= largest_error)) printf(" (%s)", observable);
}

static int same_table(const fg_table *a, const fg_table *b) {
  if (!a || !b || a->row_count != b->row_count || a->column_count != b->column_count) return 0;
  for (uint64_t i = 0; i < a->row_count * a->column_count; i++) {
    uint32_t type = a->columns[i % a->column_count]->type;
    if (type == FG_COLUMN_TEXT ? strcmp(a->cells[i].text, b->cells[i].text) != 0
                               : a->cells[i].integer != b->cells[i].integer)
      return 0;
  }
  return 1;
}

/// Whether everything two stages emitted is the same to the last bit.
static int same_output(const driver *a, const driver *b) {
  int same = driver_count(a, 0) == driver_count(b, 0);
  for (size_t i = 0; same && i < driver_count(a, 0); i++)
    same = same_table(driver_message(a, 0, i)->table, driver_message(b, 0, i)->table);
  return same;
}

// ---- complete enumeration: the Ising model on 4×4, majority blocks with random ties

enum { FINE = 4, COARSE = 2, EVEN = 3, ODD = 2 };

/// Operators of a 2×2 window on a lattice of `length`, spins in the bits of `state`: two neighbours, two across,
/// four; one, three.
static void operators_of(unsigned state, int length, double even[EVEN], double odd[ODD]) {
  for (int i = 0; i < EVEN; i++) even[i] = 0;
  for (int i = 0; i < ODD; i++) odd[i] = 0;
  for (int y = 0; y < length; y++) {
    for (int x = 0; x < length; x++) {
      int right = (x + 1) % length, down = (y + 1) % length, s[4];
      const int at[4] = {y * length + x, y * length + right, down * length + x, down * length + right};
      for (int i = 0; i < 4; i++) s[i] = state >> at[i] & 1 ? 1 : -1;
      even[0] += s[0] * s[1] + s[0] * s[2];
      even[1] += s[0] * s[3] + s[1] * s[2];
      even[2] += s[0] * s[1] * s[2] * s[3];
      odd[0] += s[0];
      odd[1] += s[0] * s[1] * s[2] + s[0] * s[1] * s[3] + s[0] * s[2] * s[3] + s[1] * s[2] * s[3];
    }
  }
}

/// Spins up in block b of a 4×4 state.
static int up_in_block(unsigned state, int b) {
  unsigned corner = (unsigned)(b / COARSE * 2 * FINE + b % COARSE * 2);
  return __builtin_popcount(state >> corner & (3u | 3u << FINE));
}

/// Probability of every state.
static double *boltzmann(double coupling) {
  double *weight = calloc(1u << FINE * FINE, sizeof *weight), sum = 0, even[EVEN], odd[ODD];
  for (unsigned state = 0; state < 1u << FINE * FINE; state++) {
    operators_of(state, FINE, even, odd);
    weight[state] = exp(coupling * even[0]);
    sum += weight[state];
  }
  for (unsigned state = 0; state < 1u << FINE * FINE; state++) weight[state] /= sum;
  return weight;
}

/// Exact eigenvalues, sorted.
static void enumerate(const double *weight, double even_values[EVEN], double odd_values[ODD]) {
  double means[2][EVEN] = {{0}}, cc[EVEN * EVEN] = {0}, cf[EVEN * EVEN] = {0};
  double odd_cc[ODD * ODD] = {0}, odd_cf[ODD * ODD] = {0};
  for (unsigned state = 0; state < 1u << FINE * FINE; state++) {
    double even[EVEN], odd[ODD], block_even[EVEN], block_odd[ODD];
    operators_of(state, FINE, even, odd);
    for (unsigned blocks = 0; blocks < 1u << COARSE * COARSE; blocks++) {
      double p = weight[state];
      for (int b = 0; b < COARSE * COARSE; b++) {
        int up = up_in_block(state, b), spin = (int)(blocks >> b & 1);
        p *= up == 2 ? 0.5 : (up > 2) == spin;
      }
      if (p <= 0) continue;
      operators_of(blocks, COARSE, block_even, block_odd);
      for (int a = 0; a < EVEN; a++) {
        means[0][a] += p * block_even[a];
        means[1][a] += p * even[a];
        for (int c = 0; c < EVEN; c++) {
          cc[a * EVEN + c] += p * block_even[a] * block_even[c];
          cf[a * EVEN + c] += p * block_even[a] * even[c];
        }
      }
      for (int a = 0; a < ODD; a++) {
        for (int c = 0; c < ODD; c++) {
          odd_cc[a * ODD + c] += p * block_odd[a] * block_odd[c];
          odd_cf[a * ODD + c] += p * block_odd[a] * odd[c];
        }
      }
    }
  }
  for (int a = 0; a < EVEN; a++) {
    for (int c = 0; c < EVEN; c++) {
      cc[a * EVEN + c] -= means[0][a] * means[0][c];
      cf[a * EVEN + c] -= means[0][a] * means[1][c];
    }
  }
  // By another way than the stage's: T = C⁻¹F, then the roots of its characteristic polynomial.
  double inverse[EVEN * EVEN], t[EVEN * EVEN];
  invert(odd_cc, ODD, inverse);
  multiply(inverse, odd_cf, ODD, t);
  double half = (t[0] + t[3]) / 2, root = sqrt(half * half - (t[0] * t[3] - t[1] * t[2]));
  odd_values[0] = half + root;
  odd_values[1] = half - root;
  invert(cc, EVEN, inverse);
  multiply(inverse, cf, EVEN, t);
  gsl_matrix_view view = gsl_matrix_view_array(t, EVEN, EVEN);
  gsl_vector_complex *values = gsl_vector_complex_alloc(EVEN);
  gsl_eigen_nonsymm_workspace *work = gsl_eigen_nonsymm_alloc(EVEN);
  gsl_eigen_nonsymm(&view.matrix, values, work);
  for (int i = 0; i < EVEN; i++) even_values[i] = GSL_REAL(gsl_vector_complex_get(values, (size_t)i));
  for (int i = 0; i < EVEN; i++)
    for (int j = i + 1; j < EVEN; j++)
      if (fabs(even_values[j]) > fabs(even_values[i])) {
        double larger = even_values[j];
        even_values[j] = even_values[i];
        even_values[i] = larger;
      }
  gsl_eigen_nonsymm_free(work);
  gsl_vector_complex_free(values);
}

/// Independent states of this probability.
static fg_batch *draw(const fg_host *host, const double *weight, uint32_t count) {
  const unsigned states = 1u << FINE * FINE;
  double *sum = malloc(states * sizeof *sum), total = 0;
  for (unsigned state = 0; state < states; state++) sum[state] = total += weight[state];
  fg_batch *batch = spins_new(host, FINE, FINE, count);
  fg_rng rng = fg_rng_start(host->rng_fill, host->rng_key(host, "states"), 1);
  for (uint32_t c = 0; c < count; c++) {
    double u = fg_rng_uniform(&rng) * total;
    unsigned state = 0;
    for (unsigned step = states / 2; step; step /= 2)
      if (sum[state + step - 1] <= u) state += step;
    for (unsigned i = 0; i < FINE * FINE; i++) spin_set(batch, c, i / FINE, i % FINE, state >> i & 1);
  }
  free(sum);
  return batch;
}

/// Most operators of a 3×3 window coincide on a 2×2 lattice: what remains are those of a 2×2 window.
static void enumeration(void) {
  driver *d = open_stage("window: 2, steps: 1, eigenvalues: 3, reference: none", FINE, FINE, 0);
  driver *larger = open_stage("window: 3, steps: 1, eigenvalues: 3", FINE, FINE, 0);
  double *weight = boltzmann(0.4), even[EVEN], odd[ODD];
  enumerate(weight, even, odd);
  fg_batch *batch = draw(driver_host(d), weight, 100000);
  CHECK_INTEGER(driver_feed_batch(larger, 0, batch), FG_OK);
  feed(d, batch);
  finish(d);
  finish(larger);
  static const char *const even_names[] = {"lambda_even", "lambda_even_2", "lambda_even_3"};
  for (int i = 0; i < EVEN; i++) check_value(d, "4", 0, even_names[i], even[i], 0.02);
  check_value(d, "4", 0, "lambda_odd", odd[0], 0.004);
  check_value(d, "4", 0, "lambda_odd_2", odd[1], 0.004);
  check_value(d, "4", 0, "y_t", log2(even[0]), 0.01);
  check_value(d, "4", 0, "y_h", log2(odd[0]), 0.003);
  CHECK_NEAR(field(d, "4", 0, "lambda_odd", "n"), 100000, 0);
  CU_ASSERT(isnan(field(d, "4", 0, "lambda_odd", "tau_int")) && isnan(field(d, "4", 0, "lambda_odd", "exact")));
  for (int i = 0; i < EVEN; i++)
    CHECK_NEAR(value(larger, "4", 0, even_names[i]), value(d, "4", 0, even_names[i]), 1e-9);
  CHECK_NEAR(value(larger, "4", 0, "lambda_odd"), value(d, "4", 0, "lambda_odd"), 1e-9);
  CU_ASSERT(isnan(value(larger, "4", 0, "lambda_odd_3")));
  free(weight);
  driver_close(d);
  driver_close(larger);
}

// ---- free spins

/// A majority of four free spins with random ties is 3/8 Σs - 1/8 Σsss, so T is triangular: odd ones give 4·3/8 for a
/// spin and (3/8)³ for three of them, even ones 2(3/8)² for neighbours, (3/8)² across, (3/8)⁴ for four.
static void free_spins(void) {
  driver *d = open_stage("window: 2, steps: 2, eigenvalues: 3", 32, 32, 0);
  feed(d, spins_random(driver_host(d), 32, 32, 20000, 0.5, 1));
  finish(d);
  for (int step = 0; step < 2; step++) {
    const char *size = step ? "16" : "32";
    check_value(d, size, -step, "lambda_odd", 1.5, 0.01);
    check_value(d, size, -step, "lambda_odd_2", 27.0 / 512, 0.02);
    check_value(d, size, -step, "lambda_even", 18.0 / 64, 0.04);
    check_value(d, size, -step, "lambda_even_2", 9.0 / 64, 0.04);
    check_value(d, size, -step, "lambda_even_3", 81.0 / 4096, 0.04);
  }
  driver_close(d);

  d = open_stage("steps: 1", 32, 32, 0); // the magnetisation decouples from whatever else there is
  feed(d, spins_random(driver_host(d), 32, 32, 20000, 0.5, 2));
  finish(d);
  check_value(d, "32", 0, "lambda_odd", 1.5, 0.01);
  driver_close(d);
}

/// Blocks of 3×3 free spins, as given: λ = 9·⟨majority·s⟩ = 9·C(8,4)/2⁸, and y with b = 3.
static void another_factor(void) {
  driver *majority = driver_open("coarsen.majority", "factor: 3", 1);
  fg_format in = format_of_spins(24, 24);
  CHECK_INTEGER(driver_negotiate(majority, (const fg_format *const[]){&in}), FG_OK);
  driver *d = open_stage("window: 2", 24, 24, 3);
  fg_batch *fine = spins_random(driver_host(d), 24, 24, 20000, 0.5, 3);
  CHECK_INTEGER(driver_feed_batch(majority, 0, fine), FG_OK);
  CHECK_INTEGER(driver_feed_pair(d, 0, fine, driver_message(majority, 0, 0)->batch), FG_OK);
  finish(d);
  const double lambda = 9.0 * 70 / 256;
  check_value(d, "24", 0, "lambda_odd", lambda, 0.015);
  check_value(d, "24", 0, "y_h", log(lambda) / log(3), 0.01);
  CHECK_NEAR(field(d, "24", 0, "lambda_even", "exact"), 3, 1e-12);
  CHECK_NEAR(field(d, "24", 0, "lambda_odd", "exact"), pow(3, 1.875), 1e-12);
  CHECK_NEAR(field(d, "24", 0, "y_t", "exact"), 1, 1e-12);
  CHECK_NEAR(field(d, "24", 0, "y_h", "exact"), 1.875, 1e-12);
  driver_host(d)->batch_unref(driver_host(d), fine);
  driver_close(majority);
  driver_close(d);
}

/// 100 small data sets: (λ - exact)/error has mean 0 and variance 1; and so have leading eigenvalues of fewer
/// operators.
static void errors_cover(void) {
  enum { SETS = 100, LATTICES = 1000 };
  double sum[2] = {0}, squares[2] = {0};
  for (uint64_t set = 0; set < SETS; set++) {
    driver *d = open_stage("window: 2, steps: 1", 8, 8, 0);
    fg_batch *batch = spins_random(driver_host(d), 8, 8, LATTICES, 0.5, 1000 + set);
    batch->first = set * LATTICES; // other signs for the ties
    feed(d, batch);
    finish(d);
    const fg_table *convergence = table_named(d, "convergence");
    const fg_cell *last = convergence->cells + (convergence->row_count - 1) * convergence->column_count;
    const double pulls[2] = {(value(d, "8", 0, "lambda_odd") - 1.5) / field(d, "8", 0, "lambda_odd", "error"),
                             (last[4].real - 1.5) / last[5].real};
    for (int k = 0; k < 2; k++) {
      sum[k] += pulls[k];
      squares[k] += pulls[k] * pulls[k];
    }
    driver_close(d);
  }
  for (int k = 0; k < 2; k++) {
    CHECK_NEAR(sum[k] / SETS, 0, 4 / sqrt(SETS));
    CHECK_NEAR(squares[k] / SETS, 1, 4 * sqrt(2.0 / SETS));
  }
}

// ---- the critical point

/// Blocked lattices of critical configurations, L=64: within 4σ of eigenvalues measured independently with 4·10⁵
/// configurations.
static void critical_lattices(void) {
  static const struct {
    const char *size;
    double even, even_error, odd, odd_error;
  } expected[] = {
      {"64", 1.968, 0.002, 3.6835, 0.0001}, {"32", 2.004, 0.002, 3.6707, 0.0002}, {"16", 1.997, 0.003, 3.6672, 0.0004}};
  driver *sampler = driver_open("sampler.wolff", "size: 64, coupling: critical, configurations: 6000", 3);
  CHECK_INTEGER(driver_negotiate(sampler, NULL), FG_OK);
  CHECK_INTEGER(driver_finish(sampler), FG_OK);
  driver *d = open_stage("", 64, 64, 0);
  for (size_t i = 0; i < driver_count(sampler, 0); i++)
    CHECK_INTEGER(driver_feed_batch(d, 0, driver_message(sampler, 0, i)->batch), FG_OK);
  finish(d);
  for (int step = 0; step < 3; step++) {
    const char *size = expected[step].size;
    double even = field(d, size, -step, "lambda_even", "error"), odd = field(d, size, -step, "lambda_odd", "error");
    CHECK_NEAR(value(d, size, -step, "lambda_even"), expected[step].even, 4 * hypot(even, expected[step].even_error));
    CHECK_NEAR(value(d, size, -step, "lambda_odd"), expected[step].odd, 4 * hypot(odd, expected[step].odd_error));
    CHECK_NEAR(even, 0, 0.04);
    CHECK_NEAR(odd, 0, 0.004);
    CHECK_NEAR(field(d, size, -step, "lambda_even", "exact"), 2, 1e-12);
    CHECK_NEAR(field(d, size, -step, "y_h", "exact"), 1.875, 1e-12);
    CU_ASSERT(isnan(field(d, size, -step, "lambda_even_2", "exact")));
  }
  driver_close(d);

  d = open_stage("operators: paper, steps: 1", 64, 64, 0);
  for (size_t i = 0; i < driver_count(sampler, 0); i++)
    CHECK_INTEGER(driver_feed_batch(d, 0, driver_message(sampler, 0, i)->batch), FG_OK);
  finish(d);
  CHECK_NEAR(value(d, "64", 0, "lambda_even"), 1.968, 4 * field(d, "64", 0, "lambda_even", "error"));
  CHECK_NEAR(value(d, "64", 0, "lambda_odd"), 3.6835, 4 * field(d, "64", 0, "lambda_odd", "error"));
  const fg_table *condition = table_named(d, "condition");
  CHECK_INTEGER(condition->cells[3].integer, 25);
  CHECK_INTEGER(condition->cells[4].integer, 24); // two are the same
  CHECK_INTEGER(condition->cells[condition->column_count + 3].integer, 11);
  CHECK_INTEGER(condition->cells[condition->column_count + 4].integer, 11);
  driver_close(d);
  driver_close(sampler);
}

/// Exact values stand beside lattices that are critical or of unknown coupling, blocked ones of the same
/// configurations included.
static void exact_values(void) {
  static const struct {
    const char *params;
    double coupling;
    int known;
  } cases[] = {
      {"", CRITICAL, 1}, {"", 0.43, 0}, {"", NAN, 1}, {"reference: none", CRITICAL, 0}, {"reference: none", NAN, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char params[80];
    snprintf(params, sizeof params, "window: 2, steps: 2%s%s", *cases[i].params ? ", " : "", cases[i].params);
    driver *d = open_stage(params, 8, 8, 0);
    fg_batch *batch = spins_random(driver_host(d), 8, 8, 100, 0.5, 1);
    batch->coupling = cases[i].coupling;
    feed(d, batch);
    finish(d);
    for (int step = 0; step < 2; step++)
      for (int p = 0; p < 2; p++)
        CHECK_INTEGER(!isnan(field(d, step ? "4" : "8", -step, p ? "lambda_odd" : "y_t", "exact")), cases[i].known);
    driver_close(d);
  }
}

// ---- where pairs come from

enum { LEVELS = 4, DREAMS = 300 };

/// Levels 0 … LEVELS of a dream that copies most spins of the parent.
static void make_dream(const fg_host *host, fg_batch *levels[LEVELS + 1]) {
  fg_rng rng = fg_rng_start(host->rng_fill, host->rng_key(host, "dream of a test"), 1);
  for (uint32_t k = 0; k <= LEVELS; k++) {
    const uint64_t length = UINT64_C(1) << k;
    levels[k] = spins_new(host, length, length, DREAMS);
    levels[k]->level = (int32_t)k;
    levels[k]->first = 7;
    levels[k]->coupling = NAN;
    for (uint32_t c = 0; c < DREAMS; c++)
      for (uint64_t y = 0; y < length; y++)
        for (uint64_t x = 0; x < length; x++) {
          unsigned parent = k ? spin_get(levels[k - 1], c, y / 2, x / 2) : c & 1;
          spin_set(levels[k], c, y, x, parent ^ (fg_rng_uniform(&rng) < 0.1));
        }
  }
}

/// Configurations from … from+count-1 of a batch, copied.
static fg_batch *part_of(const fg_host *host, const fg_batch *all, uint32_t from, uint32_t count) {
  fg_batch *part = host->batch_new(host, all->element, &all->lattice, count);
  uint64_t bytes = all->rows * all->row_bytes;
  memcpy(part->data, (const char *)all->data + from * bytes, count * bytes);
  part->level = all->level;
  part->coupling = all->coupling;
  part->chain = all->chain;
  part->first = all->first + from;
  return part;
}

/// A dream alone, batch by batch, gives what its levels give as pairs; block spins are something else.
static void dreams(void) {
  driver *d = open_for_dream("order: 3", LEVELS);
  fg_batch *levels[LEVELS + 1];
  make_dream(driver_host(d), levels);
  for (uint32_t from = 0; from < DREAMS; from += 100)
    for (uint32_t k = 0; k <= LEVELS; k++) feed(d, part_of(driver_host(d), levels[k], from, 100));
  finish(d);
  for (uint32_t k = 1; k <= LEVELS; k++) {
    driver *pair = open_stage("order: 3", UINT64_C(1) << k, UINT64_C(1) << k, 2);
    char size[8];
    snprintf(size, sizeof size, "%u", 1u << k);
    CHECK_INTEGER(driver_feed_pair(pair, 0, levels[k], levels[k - 1]), FG_OK);
    finish(pair);
    for (int p = 0; p < 2; p++) {
      const char *name = p ? "lambda_odd" : "lambda_even";
      if (k == 1 && p == 0) continue; // one spin has no even operators
      CHECK_NEAR(value(d, size, (int)k, name), value(pair, size, (int)k, name), 0);
      CHECK_NEAR(field(d, size, (int)k, name, "error"), field(pair, size, (int)k, name, "error"), 0);
      CU_ASSERT(isfinite(value(d, size, (int)k, name)));
    }
    driver_close(pair);
  }
  CU_ASSERT(isnan(value(d, "1", 0, "lambda_odd")) && isnan(value(d, "2", 1, "lambda_even")));

  driver *same = open_for_dream("order: 3, route: input", LEVELS),
         *block = open_for_dream("order: 3, route: block", LEVELS);
  for (uint32_t k = 0; k <= LEVELS; k++) CHECK_INTEGER(driver_feed_batch(same, 0, levels[k]), FG_OK);
  for (uint32_t k = 0; k <= LEVELS; k++) CHECK_INTEGER(driver_feed_batch(block, 0, levels[k]), FG_OK);
  finish(same);
  finish(block);
  CU_ASSERT(same_output(same, d));
  for (uint32_t k = 1; k <= LEVELS; k++) {
    char size[8];
    snprintf(size, sizeof size, "%u", 1u << k);
    CU_ASSERT(isfinite(value(block, size, (int)k, "lambda_odd")));
    CU_ASSERT(fabs(value(block, size, (int)k, "lambda_odd") - value(d, size, (int)k, "lambda_odd")) > 1e-6);
  }
  CHECK_INTEGER(table_named(block, "condition")->row_count, 2 * LEVELS);
  for (uint32_t k = 0; k <= LEVELS; k++) driver_host(d)->batch_unref(driver_host(d), levels[k]);
  driver_close(d);
  driver_close(same);
  driver_close(block);
}

/// Blocking here is coarsen.majority's, so that both ways give the same tables.
static void blocks_are_the_coarseners(void) {
  driver *majority = driver_open("coarsen.majority", "", 1);
  fg_format in = format_of_spins(20, 20);
  CHECK_INTEGER(driver_negotiate(majority, (const fg_format *const[]){&in}), FG_OK);
  driver *block = open_stage("steps: 1, order: 4", 20, 20, 0), *given = open_stage("order: 4", 20, 20, 2);
  fg_batch *fine = spins_random(driver_host(block), 20, 20, 500, 0.5, 6);
  fine->first = 12345;
  CHECK_INTEGER(driver_feed_batch(majority, 0, fine), FG_OK);
  CHECK_INTEGER(driver_feed_pair(given, 0, fine, driver_message(majority, 0, 0)->batch), FG_OK);
  feed(block, fine);
  finish(block);
  finish(given);
  CU_ASSERT(same_output(block, given));
  driver_close(majority);
  driver_close(block);
  driver_close(given);
}

/// How often a lattice is blocked when it is not said.
static void number_of_steps(void) {
  static const struct {
    const char *params;
    uint64_t size;
    uint64_t pairs;
  } cases[] = {{"", 64, 3},
               {"", 16, 2},
               {"", 6, 1},
               {"", 2, 1},
               {", window: 2", 16, 3},
               {"", 24, 3},
               {", steps: 1", 64, 1},
               {", steps: 5", 64, 5},
               {", steps: 6", 64, 6}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char params[40];
    snprintf(params, sizeof params, "order: 2%s", cases[i].params);
    driver *d = open_stage(params, cases[i].size, cases[i].size, 0);
    feed(d, spins_random(driver_host(d), cases[i].size, cases[i].size, 20, 0.5, 1));
    finish(d);
    CHECK_INTEGER(table_named(d, "condition")->row_count, 2 * cases[i].pairs);
    driver_close(d);
  }
}

// ---- what must not matter

static void feed_in_batches(driver *d, const fg_batch *all, uint32_t size) {
  for (uint32_t from = 0; from < all->count; from += size)
    feed(d, part_of(driver_host(d), all, from, all->count - from < size ? all->count - from : size));
  finish(d);
}

static void batches(void) {
  static const uint32_t sizes[] = {3001, 1, 7, 128, 1000};
  driver *first = open_stage("order: 3", 16, 16, 0);
  fg_batch *all = spins_random(driver_host(first), 16, 16, 3001, 0.6, 4);
  feed_in_batches(first, all, sizes[0]);
  for (size_t i = 1; i < sizeof sizes / sizeof *sizes; i++) {
    driver *d = open_stage("order: 3", 16, 16, 0);
    feed_in_batches(d, all, sizes[i]);
    CU_ASSERT(same_output(d, first));
    driver_close(d);
  }
  driver_host(first)->batch_unref(driver_host(first), all);
  driver_close(first);
}

/// parallel_for from the last index to the first.
static fg_status backwards(const fg_host *host, uint64_t count, fg_status (*body)(void *arg, uint64_t index),
                           void *arg) {
  (void)host;
  fg_status status = FG_OK;
  while (count-- > 0 && status == FG_OK) status = body(arg, count);
  return status;
}

/// parallel_for on four threads.
static fg_status on_threads(const fg_host *host, uint64_t count, fg_status (*body)(void *arg, uint64_t index),
                            void *arg) {
  (void)host;
  fg_pool *pool = fg_pool_new(4);
  if (!pool) abort();
  fg_pool_acquire(pool);
  fg_status status = fg_pool_for(pool, count, body, arg, NULL);
  fg_pool_release(pool);
  fg_pool_free(pool);
  return status;
}

static fg_host *host_of(driver *d) { return (fg_host *)(uintptr_t)driver_host(d); }

static void parallel(void) {
  driver *first = open_stage("order: 4, matrix: true", 16, 16, 0);
  fg_batch *all = spins_random(driver_host(first), 16, 16, 1500, 0.6, 4);
  feed_in_batches(first, all, 1500);
  for (int threads = 0; threads < 2; threads++) {
    driver *d = open_stage("order: 4, matrix: true", 16, 16, 0);
    host_of(d)->parallel_for = threads ? on_threads : backwards;
    feed_in_batches(d, all, 500);
    CU_ASSERT(same_output(d, first));
    driver_close(d);
  }
  driver_host(first)->batch_unref(driver_host(first), all);
  driver_close(first);
}

// ---- tables

static void tables(void) {
  driver *d = open_stage("steps: 1, matrix: true, eigenvalues: 3", 16, 16, 0);
  feed(d, spins_random(driver_host(d), 16, 16, 5000, 0.6, 5));
  finish(d);
  const fg_table *operators = table_named(d, "operators"), *convergence = table_named(d, "convergence");
  const fg_table *spectrum = table_named(d, "spectrum"), *condition = table_named(d, "condition");
  const fg_table *matrix = table_named(d, "matrix"), *estimates = table_named(d, "estimates");
  CU_ASSERT_FATAL(operators && convergence && spectrum && condition && matrix && estimates);
  CHECK_INTEGER(operators->row_count, 85);
  CHECK_INTEGER(convergence->row_count, 85);
  CHECK_INTEGER(spectrum->row_count, 85);
  CHECK_INTEGER(condition->row_count, 2);
  CHECK_INTEGER(matrix->row_count, 44 * 44 + 41 * 41);
  CHECK_INTEGER(estimates->row_count, 2 * 2 * 3);
  CHECK_TEXT(operators->cells[44 * 4 + 1].text, "odd");
  CHECK_TEXT(operators->cells[44 * 4 + 2].text, "(0,0)");
  CHECK_INTEGER(operators->cells[44 * 4 + 3].integer, 1);
  CHECK_TEXT(operators->cells[1].text, "even");
  CHECK_INTEGER(operators->cells[3].integer, 2);

  // All operators give the leading eigenvalue; the linearised errors are those of the jackknife, nearly.
  for (int p = 0; p < 2; p++) {
    const fg_cell *last = convergence->cells + (p ? 84 : 43) * convergence->column_count;
    const char *name = p ? "lambda_odd" : "lambda_even";
    const double error = field(d, "16", 0, name, "error");
    CHECK_INTEGER(last[3].integer, p ? 41 : 44);
    CHECK_NEAR(last[4].real, value(d, "16", 0, name), 1e-12);
    CHECK_NEAR(last[5].real, error, 0.15 * error);
    CHECK_NEAR(spectrum->cells[(p ? 44 : 0) * spectrum->column_count + 4].real, value(d, "16", 0, name), 1e-12);
    CHECK_INTEGER(condition->cells[p * 6 + 4].integer, p ? 41 : 44);
    CU_ASSERT(condition->cells[p * 6 + 5].real > 1);
  }
  // T's eigenvalues add up to its trace.
  double trace = 0, sum = 0;
  for (uint64_t k = 0; k < 44 * 44; k++) {
    const fg_cell *cells = matrix->cells + k * matrix->column_count;
    CHECK_INTEGER(cells[3].integer, k / 44);
    CHECK_INTEGER(cells[4].integer, k % 44);
    if (k / 44 == k % 44) trace += cells[5].real;
  }
  for (uint64_t k = 0; k < 44; k++) sum += spectrum->cells[k * spectrum->column_count + 4].real;
  CHECK_NEAR(sum, trace, 1e-9);
  driver_close(d);

  d = open_stage("steps: 1, order: 1", 16, 16, 0); // a single, odd operator
  feed(d, spins_random(driver_host(d), 16, 16, 500, 0.5, 5));
  finish(d);
  CHECK_INTEGER(table_named(d, "convergence")->row_count, 1);
  CHECK_INTEGER(table_named(d, "estimates")->row_count, 2);
  CU_ASSERT(!table_named(d, "matrix"));
  CHECK_NEAR(value(d, "16", 0, "lambda_odd"), 1.5, 4 * field(d, "16", 0, "lambda_odd", "error"));
  driver_close(d);
}

/// Nothing, one configuration, and configurations that are all alike have no eigenvalues, or no errors.
static void too_little(void) {
  driver *d = open_stage("", 8, 8, 0);
  finish(d);
  CHECK_INTEGER(table_named(d, "estimates")->row_count, 0);
  driver_close(d);
  for (uint32_t count = 1; count <= 40; count += 39) {
    d = open_stage("steps: 1", 8, 8, 0);
    feed(d, spins_random(driver_host(d), 8, 8, count, 1.1, 1));
    finish(d);
    CHECK_INTEGER(table_named(d, "estimates")->row_count, 0);
    CHECK_INTEGER(table_named(d, "convergence")->row_count, 85);
    driver_close(d);
  }
}

static char logged[2000];

static void keep_log(const fg_host *host, fg_log_level level, const char *format, ...) {
  (void)host;
  va_list args;
  va_start(args, format);
  size_t length = strlen(logged);
  snprintf(logged + length, sizeof logged - length, "%s", level == FG_LOG_WARNING ? "warning: " : "");
  length = strlen(logged);
  vsnprintf(logged + length, sizeof logged - length, format, args);
  va_end(args);
}

static void warnings(void) {
  driver *d = open_stage("steps: 1", 16, 16, 0);
  host_of(d)->log = keep_log;
  logged[0] = 0;
  feed(d, spins_random(driver_host(d), 16, 16, 500, 0.5, 1));
  finish(d);
  CHECK_TEXT(logged, "");
  driver_close(d);

  d = open_stage("steps: 1", 16, 16, 0);
  host_of(d)->log = keep_log;
  feed(d, spins_random(driver_host(d), 16, 16, 439, 0.5, 1));
  finish(d);
  CHECK_TEXT(
      logged,
      "warning: size 16, level 0: 439 configurations are few for 44 operators of one parity; eigenvalues want 10 "
      "times as many configurations as operators, or a smaller order");
  driver_close(d);

  d = open_stage("steps: 1", 4, 4, 0);
  host_of(d)->log = keep_log;
  logged[0] = 0;
  feed(d, spins_random(driver_host(d), 4, 4, 1000, 0.5, 1));
  finish(d);
  CHECK_TEXT(
      logged,
      "size 4, level 0: operators coincide on so small a coarse lattice; 3 of 44 even and 2 of 41 odd ones are kept");
  driver_close(d);

  d = open_stage("steps: 1, cutoff: 0.1", 16, 16, 0);
  host_of(d)->log = keep_log;
  logged[0] = 0;
  feed(d, spins_random(driver_host(d), 16, 16, 1000, 0.8, 1));
  finish(d);
  CU_ASSERT(strstr(logged, "warning: size 16, level 0: not all operators fluctuate independently; ") == logged);
  CU_ASSERT(strstr(logged, "are kept; use more configurations or a smaller order") != NULL);
  driver_close(d);
}

// ---- refusals

static void check_refusal(const char *params, const fg_format *fine, const fg_format *coarse, const char *expected) {
  driver *d = driver_open("estimate.rg-matrix", params, 1);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){fine, coarse}), FG_FAILED);
  CHECK_TEXT(driver_error(d), expected);
  driver_close(d);
}

static void refusals(void) {
  fg_format eight = format_of_spins(8, 8), four = format_of_spins(4, 4), odd = format_of_spins(9, 9),
            two = format_of_spins(8, 8);
  fg_format oblong = format_of_spins(4, 2), large = format_of_spins(32768, 32770), cubic = format_of_spins(8, 8);
  two.shape_count = 2;
  two.shapes[1] = fg_lattice_square(16);
  cubic.shapes[0] = (fg_lattice){FG_CUBIC, 3, {8, 8, 8, 0}};
  check_refusal("route: block", &eight, &four,
                "block says what the coarse lattice is, but input 'coarse' is connected, too; remove one of them");
  check_refusal("steps: 2", &eight, &four, "belongs to route: block, but input 'coarse' is connected; remove it");
  check_refusal(
      "", &two, &four,
      "fine has 2 lattice sizes and coarse has 1; each coarse configuration must be made of the fine one, or the fine "
      "one of it");
  check_refusal(
      "", &eight, &oblong,
      "fine lattices of size 8 do not go with coarse ones of size 4x2: they must be a whole number of times as large, "
      "the same along both axes; coarse-grain what fine brings");
  check_refusal(
      "", &eight, &eight,
      "fine lattices of size 8 do not go with coarse ones of size 8: they must be a whole number of times as large, "
      "the same along both axes; coarse-grain what fine brings");
  check_refusal(
      "route: input", &eight, NULL,
      "input pairs each level of a dream with the next, twice as large, but there are no two such lattices (size 8 "
      "comes in); choose route: block, or let the dream keep: all");
  check_refusal("route: input, steps: 1", &two, NULL,
                "belongs to route: block, but the route is input; remove one of them");
  check_refusal(
      "route: block, steps: 2", &two, NULL,
      "2 blocking steps of several sizes would mix lattices of different origin; remove it, or let the dream keep: last");
  check_refusal("steps: 4", &eight, NULL, "4 is too many: size 8 can be blocked by 2 in at most 3");
  check_refusal("", &odd, NULL,
                "block needs even sizes, but size 9 comes in; change the size, or connect input 'coarse'");
  check_refusal("", &large, NULL,
                "size 32768x32770 has more than 2^30 sites; operators of larger lattices are not measured");
  check_refusal("", &cubic, NULL,
                "a cubic lattice of dimension 3 comes in; estimate.rg-matrix measures the square lattice only");
  check_refusal("operators: paper, window: 2", &eight, NULL,
                "operators: paper are those of a 3×3 window; remove window");
  check_refusal("operators: paper, order: 4", &eight, NULL, "operators: paper have 1 to 4 spins; remove order");
  check_refusal("window: 2, order: 5", &eight, NULL,
                "5 spins do not fit into a window of 2×2; choose at most 4, or a larger window");
  check_refusal("window: 4, order: 6", &eight, NULL,
                "gives 993 even operators; at most 256 can be measured: choose a smaller order or window");
}

/// What only shows when configurations come.
static void late_refusals(void) {
  driver *d = open_for_dream("", 2);
  fg_batch *one = spins_new(driver_host(d), 1, 1, 10), *next = spins_new(driver_host(d), 2, 2, 10);
  next->level = 1;
  next->first = 10;
  CHECK_INTEGER(driver_feed_batch(d, 0, one), FG_OK);
  CHECK_INTEGER(driver_feed_batch(d, 0, next), FG_FAILED);
  CHECK_TEXT(driver_error(d),
             "level 1 of configurations 10 to 19 follows level 0 of configurations 0 to 9; the levels of a dream must "
             "come one after the other for the same ones: connect them to inputs 'fine' and 'coarse' instead");
  driver_close(d);

  d = open_for_dream("", 2); // one level of the dream only
  CHECK_INTEGER(driver_feed_batch(d, 0, one), FG_OK);
  CHECK_INTEGER(driver_feed_batch(d, 0, one), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_FAILED);
  CHECK_TEXT(driver_error(d),
             "no level came together with the next one; input takes a dream, all levels of a batch of configurations "
             "one after the other; choose route: block for other configurations");
  driver_close(d);

  d = open_stage("", 2, 2, 2);
  for (int level = 0; level < 3; level++) {
    next->level = level;
    CHECK_INTEGER(driver_feed_pair(d, 0, next, one), FG_OK);
  }
  next->level = 3;
  CHECK_INTEGER(driver_feed_pair(d, 0, next, one), FG_FAILED);
  CHECK_TEXT(driver_error(d), "more than 3 combinations of size, level and coupling come in; share them among several "
                              "estimate.rg-matrix stages");
  driver_host(d)->batch_unref(driver_host(d), one);
  driver_host(d)->batch_unref(driver_host(d), next);
  driver_close(d);
}

static int always(const fg_host *host) {
  (void)host;
  return 1;
}

static void cancelled(void) {
  driver *d = open_stage("", 8, 8, 2);
  fg_batch *fine = spins_new(driver_host(d), 8, 8, 5), *coarse = spins_new(driver_host(d), 4, 4, 5);
  CHECK_INTEGER(driver_feed_pair(d, 0, fine, coarse), FG_OK);
  host_of(d)->cancelled = always;
  CHECK_INTEGER(driver_feed_pair(d, 0, fine, coarse), FG_CANCELLED);
  CHECK_INTEGER(driver_finish(d), FG_CANCELLED);
  fine->count = coarse->count = 0; // nothing to measure
  CHECK_INTEGER(driver_feed_pair(d, 0, fine, coarse), FG_OK);
  driver_host(d)->batch_unref(driver_host(d), fine);
  driver_host(d)->batch_unref(driver_host(d), coarse);
  driver_close(d);
}

int main(void) {
  gsl_set_error_handler_off();
  static const check_case cases[] = {
      {"4×4 against enumeration", enumeration},
      {"free spins", free_spins},
      {"another factor", another_factor},
      {"errors cover", errors_cover},
      {"critical lattices", critical_lattices},
      {"exact values", exact_values},
      {"dreams", dreams},
      {"blocks are the coarsener's", blocks_are_the_coarseners},
      {"number of steps", number_of_steps},
      {"batches leave no trace", batches},
      {"parallel_for leaves no trace", parallel},
      {"tables", tables},
      {"too little to measure", too_little},
      {"warnings", warnings},
      {"refused formats and parameters", refusals},
      {"refused configurations", late_refusals},
      {"cancelled", cancelled},
      {0},
  };
  return check_main("estimate.rg-matrix", cases);
}
