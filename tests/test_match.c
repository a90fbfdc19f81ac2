// test_match.c — train.match: observables against plain sums and enumeration, derivatives and noise of what is dreamt
// against enumeration, weights that are found again, with errors that cover, and what is refused. Statistical tests:
// fixed seeds, 4σ.
#include "check.h"
#include "drawn.h"
#include "driver.h"
#include "estimating.h"
#include "spins.h"

#include "plugins/estimate/exact_moments.h"
#include "plugins/estimate/kaufman.h"
#include "plugins/train/search.h"

#include <stdlib.h>

// ---- observables

static void moments_are_plain_sums(void) {
  driver *d = driver_open("train.match", "", 1);
  const fg_host *host = driver_host(d);
  for (uint64_t length = 2; length <= 128; length *= 4) {
    fg_batch *batch = spins_random(host, length, length, 2, 0.6, length);
    measure_waves *waves = measure_waves_new(length);
    const double sites = (double)(length * length);
    for (uint32_t c = 0; c < 2; c++) {
      double got[MOMENTS], without[MOMENTS], energy = 0, m = 0, wave[4] = {0};
      measure_moments(batch, c, waves, got);
      measure_moments(batch, c, NULL, without);
      for (uint64_t y = 0; y < length; y++) {
        for (uint64_t x = 0; x < length; x++) {
          double s = 2.0 * spin_get(batch, c, y, x) - 1, right = 2.0 * spin_get(batch, c, y, (x + 1) % length) - 1;
          double below = 2.0 * spin_get(batch, c, (y + 1) % length, x) - 1;
          energy -= s * (right + below);
          m += s;
          wave[0] += s * cos(2 * M_PI * (double)x / (double)length);
          wave[1] += s * sin(2 * M_PI * (double)x / (double)length);
          wave[2] += s * cos(2 * M_PI * (double)y / (double)length);
          wave[3] += s * sin(2 * M_PI * (double)y / (double)length);
        }
      }
      double squares = 0;
      for (int i = 0; i < 4; i++) squares += wave[i] * wave[i] / 2;
      CHECK_NEAR(got[MOMENT_E], energy / sites, 1e-12);
      CHECK_NEAR(got[MOMENT_E2], energy / sites * energy / sites, 1e-12);
      CHECK_NEAR(got[MOMENT_ABS_M], fabs(m) / sites, 1e-12);
      CHECK_NEAR(got[MOMENT_M4], pow(m / sites, 4), 1e-12);
      CHECK_NEAR(got[MOMENT_WAVE], squares / sites / sites, 1e-12);
      CHECK_NEAR(without[MOMENT_M2], got[MOMENT_M2], 0);
      CHECK_NEAR(without[MOMENT_WAVE], 0, 0);
    }
    free(waves);
    host->batch_unref(host, batch);
  }
  driver_close(d);
}

static void derivatives_of_observables(void) {
  double mean[MOMENTS] = {-1.4, 2.1, 0.7, 0.55, 0.35, 0.02}, gradient[MOMENTS], unused[MOMENTS];
  for (int o = 0; o < MEASURES; o++) {
    CHECK_INTEGER(measure_of(measure_names[o]), o);
    measure_value(o, 8, mean, gradient);
    for (int i = 0; i < MOMENTS; i++) {
      const double at = mean[i], h = 1e-6;
      mean[i] = at + h;
      double above = measure_value(o, 8, mean, unused);
      mean[i] = at - h;
      double below = measure_value(o, 8, mean, unused);
      mean[i] = at;
      CHECK_NEAR(gradient[i], (above - below) / (2 * h), 1e-6 * (1 + fabs(gradient[i])));
    }
  }
  CHECK_INTEGER(measure_of("energy"), -1);
}

/// The enumeration against Kaufman's energies and a transfer matrix's moments.
static void exact_values(void) {
  driver *d = driver_open("train.match", "", 1);
  const fg_host *host = driver_host(d);
  for (uint64_t length = 2; length <= 4; length++) {
    const exact_moments *exact = exact_moments_of(length);
    double m2 = measure_exact(host, MEASURE_M2, length, CRITICAL_COUPLING);
    CHECK_NEAR(m2, exact->m2, 2e-12);
    CHECK_NEAR(measure_exact(host, MEASURE_U, length, CRITICAL_COUPLING), exact->u, 2e-12);
    CHECK_NEAR(measure_exact(host, MEASURE_CHI, length, CRITICAL_COUPLING), m2 * (double)(length * length), 1e-12);
    CHECK_NEAR(measure_exact(host, MEASURE_E, length, 0.3), kaufman_torus(length, length, 0.3).energy, 1e-12);
    CU_ASSERT(measure_is_known(MEASURE_XI, length, 0.3));
    CU_ASSERT(measure_exact(host, MEASURE_ABS_M, length, 0.3) < measure_exact(host, MEASURE_ABS_M, length, 0.4));
  }
  // ξ/L of the 2×2 lattice, from its 16 configurations: m² = 1 on 2 of energy -8, ¼ on 8 of 0, 0 on 4 of 0 and 2 of 8. The
  // wave's S/N is ¼ on the 8, and ½ on the 4 striped ones, of which one axis sees all.
  const double w = exp(8 * CRITICAL_COUPLING), z = 2 * w + 12 + 2 / w, m2 = (2 * w + 2) / z, wave = (2 + 2) / z;
  CHECK_NEAR(measure_exact(host, MEASURE_XI, 2, CRITICAL_COUPLING), sqrt(m2 / wave - 1) / 4, 1e-12);
  CHECK_NEAR(measure_exact(host, MEASURE_VARIANCE, 64, 0.4), kaufman_torus(64, 64, 0.4).variance, 0);
  CHECK_NEAR(measure_exact(host, MEASURE_U, 16, CRITICAL_COUPLING), 1.165636626063, 0);
  CU_ASSERT(isnan(measure_exact(host, MEASURE_U, 16, 0.4)));
  CU_ASSERT(isnan(measure_exact(host, MEASURE_XI, 8, CRITICAL_COUPLING)));
  driver_close(d);
}

// ---- derivatives of what is dreamt

/// ⟨moments⟩ of sizes 2 and 4 under dreams from one spin, over all 16·65536 of them from spin up.
static void enumerate(const fg_host *host, const double *weights, double mean[2][MOMENTS]) {
  enum { COARSE = 16, FINE = 65536 };
  const fg_network *network = symmetric_network(host);
  fg_network_model *model = symmetric_open(host, 3, weights, 3);
  fg_batch *one = spins_new(host, 1, 1, COARSE), *two = spins_new(host, 2, 2, COARSE),
           *parent = spins_new(host, 2, 2, FINE), *four = spins_new(host, 4, 4, FINE);
  measure_waves *waves[2] = {measure_waves_new(2), measure_waves_new(4)};
  double first[COARSE], *second = calloc(FINE, sizeof *second), moments[MOMENTS];
  memset(mean, 0, 2 * sizeof *mean);
  for (uint32_t c = 0; c < COARSE; c++) {
    spin_set(one, c, 0, 0, 1);
    for (uint64_t i = 0; i < 4; i++) spin_set(two, c, i / 2, i % 2, c >> i & 1);
  }
  for (uint32_t c = 0; c < FINE; c++)
    for (uint64_t i = 0; i < 16; i++) spin_set(four, c, i / 4, i % 4, c >> i & 1);
  CHECK_INTEGER(network->log_prob(model, two, one, 0, COARSE, first), FG_OK);
  for (uint32_t c = 0; c < COARSE; c++) {
    measure_moments(two, c, waves[0], moments);
    for (int i = 0; i < MOMENTS; i++) mean[0][i] += exp(first[c]) * moments[i];
    for (uint32_t f = 0; f < FINE; f++) memcpy(fg_batch_row_mut(parent, f, 0), fg_batch_row(two, c, 0), 16);
    CHECK_INTEGER(network->log_prob(model, four, parent, 0, FINE, second), FG_OK);
    for (uint32_t f = 0; f < FINE; f++) {
      measure_moments(four, f, waves[1], moments);
      for (int i = 0; i < MOMENTS; i++) mean[1][i] += exp(first[c] + second[f]) * moments[i];
    }
  }
  free(second);
  free(waves[0]);
  free(waves[1]);
  fg_batch *const batches[] = {one, two, parent, four};
  for (size_t i = 0; i < 4; i++) host->batch_unref(host, batches[i]);
  network->close(model);
}

/// A model for the functions behind the stage.
static inputs_model symmetric_input(const fg_host *host, int kernel, const double *weights, uint64_t count) {
  inputs_model model = {.host = host, .port = "model", .network = symmetric_network(host), .kind = "network.symmetric"};
  fg_model *arrived = symmetric_model_new(host, kernel, weights, count);
  CHECK_INTEGER(inputs_take(&model, arrived), FG_OK);
  host->model_unref(host, arrived);
  return model;
}

static void jacobian_is_that_of_enumeration(void) {
  enum { SETS = 32, ROWS = 8 };
  driver *d = driver_open("train.match", "", 3);
  const fg_host *host = driver_host(d);
  matching_task task = {.start = 1,
                        .levels = 2,
                        .sizes = 2,
                        .observables = 4,
                        .level = {1, 2},
                        .measure = {MEASURE_E, MEASURE_U, MEASURE_VARIANCE, MEASURE_XI},
                        .dreams = 4000};
  for (int r = 0; r < ROWS; r++) task.target[r] = task.scale[r] = 1 + r;
  inputs_model model = symmetric_input(host, 3, published3, 3);
  matching m;
  CHECK_INTEGER(matching_open(&m, &model, &task), FG_OK);
  double sum[ROWS][3] = {{0}}, squares[ROWS][3] = {{0}}, value[ROWS] = {0}, spread[ROWS] = {0}, noise[ROWS * ROWS];
  double announced[ROWS] = {0};
  for (uint64_t set = 0; set < SETS; set++) {
    double jacobian[ROWS * 3], gradient[3];
    CHECK_INTEGER(matching_evaluate(&m, set * task.dreams, published3), FG_OK);
    CHECK_INTEGER(matching_jacobian(&m, jacobian), FG_OK);
    CHECK_INTEGER(matching_gradient(&m, gradient), FG_OK);
    matching_noise(&m, noise);
    for (int k = 0; k < 3; k++) {
      double chain = 0;
      for (int r = 0; r < ROWS; r++) {
        chain += 2 * task.scale[r] * task.scale[r] * (m.value[r] - task.target[r]) * jacobian[3 * r + k];
        sum[r][k] += jacobian[3 * r + k] / SETS;
        squares[r][k] += jacobian[3 * r + k] * jacobian[3 * r + k] / SETS;
      }
      CHECK_NEAR(gradient[k], chain, 1e-9 * (1 + fabs(chain)));
    }
    for (int r = 0; r < ROWS; r++) {
      value[r] += m.value[r] / SETS;
      spread[r] += m.value[r] * m.value[r] / SETS;
      announced[r] += noise[r * ROWS + r] / SETS;
    }
  }
  double mean[2][MOMENTS], side[2][ROWS], unused[MOMENTS];
  enumerate(host, published3, mean);
  for (int r = 0; r < ROWS; r++) {
    const double exact = measure_value(task.measure[r % 4], 2u << r / 4, mean[r / 4], unused);
    CHECK_NEAR(value[r], exact, 4 * sqrt(announced[r] / SETS) + 1e-3 * fabs(exact)); // U, varE, ξ: bias of order 1/n
    const double ratio = (spread[r] - value[r] * value[r]) * SETS / (SETS - 1) / announced[r];
    CHECK_NEAR(ratio, 1, 4 * sqrt(2.0 / (SETS - 1)));
  }
  for (int k = 0; k < 3; k++) {
    for (int s = 0; s < 2; s++) {
      double moved[3];
      memcpy(moved, published3, sizeof moved);
      moved[k] += s ? -1e-3 : 1e-3;
      enumerate(host, moved, mean);
      for (int r = 0; r < ROWS; r++) side[s][r] = measure_value(task.measure[r % 4], 2u << r / 4, mean[r / 4], unused);
    }
    for (int r = 0; r < ROWS; r++) {
      const double error = sqrt((squares[r][k] - sum[r][k] * sum[r][k]) / (SETS - 1));
      CHECK_NEAR(sum[r][k], (side[0][r] - side[1][r]) / 2e-3, 4 * error + 1e-4);
      CU_ASSERT(error < 0.05 * (fabs(sum[r][k]) + 1)); // small enough to matter
    }
  }
  matching_close(&m);
  inputs_clear(&model);
  driver_close(d);
}

// ---- the stage

/// What a stage gave; the tables are the driver's.
typedef struct fit {
  driver *driver;
  const fg_table *weights, *matched, *summary, *curve;
} fit;

static const fg_table *table_named(const driver *d, const char *name) {
  for (size_t i = 0; i < driver_count(d, 1); i++)
    if (strcmp(driver_message(d, 1, i)->table->name, name) == 0) return driver_message(d, 1, i)->table;
  return NULL;
}

/// Up to the end of the inputs: kernel 3 or 7, weights or none, and perhaps dreams as targets.
static driver *begin(const char *params, int kernel, const double *weights, uint64_t count, const driver *target) {
  driver *d = driver_open("train.match", params, 5);
  CHECK_TEXT(driver_error(d), "");
  fg_format model = format_of_model(count > 0);
  const fg_format *inputs[] = {&model, target ? driver_format(target, 0) : NULL};
  CHECK_INTEGER(driver_negotiate(d, inputs), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  symmetric_feed(d, 0, kernel, weights, count);
  for (size_t i = 0; target && i < driver_count(target, 0); i++)
    CHECK_INTEGER(driver_feed_batch(d, 1, driver_message(target, 0, i)->batch), FG_OK);
  if (target) CHECK_INTEGER(driver_end(d, 1), FG_OK);
  return d;
}

static fit finish(driver *d) {
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(driver_count(d, 0), 1);
  return (fit){d, table_named(d, "weights"), table_named(d, "matched"), table_named(d, "fit"), table_named(d, "curve")};
}

/// Dreams of known weights, as targets.
static driver *dreams(const double *weights, int levels, int configurations, uint64_t seed) {
  char params[100];
  snprintf(params, sizeof params, "levels: %d, configurations: %d", levels, configurations);
  driver *d = driver_open("generate.dream", params, seed);
  fg_format model = format_of_model(1);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, NULL}), FG_OK);
  symmetric_feed(d, 0, 3, weights, 3);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  return d;
}

static const double truth[] = {0.3, 0.9, 1.7};
static const double elsewhere[] = {0.55, 0.63, 1.4};

/// What these very random numbers show under the true weights is matched by these, and found from elsewhere: by
/// Gauss-Newton steps almost exactly, by the others as near as they come along a flat valley.
static void known_weights_are_found_again(void) {
  static const char common[] = "observables: [e, m2, varE], sizes: [4, 8, 16], dreams: 4000";
  static const char *const methods[] = {"gauss-newton", "bobyqa", "cobyla", "nelder-mead", "subplex"};
  char params[700], values[400] = "";
  snprintf(params, sizeof params, "%s, evaluations: 1, targets: values, values: [-1, 1, 1, -1, 1, 1, -1, 1, 1]",
           common);
  fit known = finish(begin(params, 3, truth, 3, NULL));
  for (uint64_t r = 0; r < 9; r++) {
    size_t at = strlen(values);
    snprintf(values + at, sizeof values - at, "%s%.17g", r ? ", " : "", real_of(known.matched, r, "dreamt"));
  }
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    snprintf(params, sizeof params, "%s, optimiser: %s, step: 0.2, tolerance: 1.0e-7, evaluations: 150, values: [%s]",
             common, methods[i], values);
    fit f = finish(begin(params, 3, elsewhere, 3, NULL));
    for (uint64_t k = 0; k < 3; k++)
      CHECK_NEAR(real_of(f.weights, k, "weight"), truth[k],
                 i == 0 ? 0.03 : 3 * real_of(f.weights, k, "standard_error"));
    const double start = real_of(f.summary, 0, "start_loss"), loss = real_of(f.summary, 0, "loss");
    CU_ASSERT(loss < (i == 0 ? 1e-4 : 0.25) * start);
    CHECK_NEAR(real_of(f.curve, 0, "loss"), real_of(f.summary, 0, "start_loss"), 0);
    CHECK_NEAR(driver_message(f.driver, 0, 0)->model->weights[1], real_of(f.weights, 1, "weight"), 0);
    driver_close(f.driver);
  }
  driver_close(known.driver);
}

/// Where J is square the weights' covariance is J⁻¹ C J⁻ᵀ, so J covariance Jᵀ = C, whatever the scales; every row twice,
/// with noise of its own, halves it; and a direction that no row sees has no error.
static void errors_are_propagated(void) {
  static const double once[9] = {2, 1, -1, 0.5, 3, 0.2, 1, -2, 4},
                      noise[9] = {1, 0.3, 0.1, 0.3, 2, -0.4, 0.1, -0.4, 0.5};
  matching_task task = {.sizes = 1, .observables = 3, .scale = {1, 5, 0.1, 1, 5, 0.1}};
  driver *d = driver_open("train.match", "", 1);
  matching m = {.host = driver_host(d), .task = &task, .parameters = 3};
  double covariance[9], twice[18], noises[36] = {0}, half[9];
  CHECK_INTEGER(search_covariance(&m, once, noise, covariance), FG_OK);
  for (int r = 0; r < 3; r++) {
    for (int q = 0; q < 3; q++) {
      double sum = 0;
      for (int k = 0; k < 3; k++)
        for (int l = 0; l < 3; l++) sum += once[3 * r + k] * covariance[3 * k + l] * once[3 * q + l];
      CHECK_NEAR(sum, noise[3 * r + q], 1e-12);
      noises[6 * r + q] = noises[6 * (r + 3) + q + 3] = noise[3 * r + q];
    }
  }
  memcpy(twice, once, sizeof once);
  memcpy(twice + 9, once, sizeof once);
  task.sizes = 2;
  CHECK_INTEGER(search_covariance(&m, twice, noises, half), FG_OK);
  for (int i = 0; i < 9; i++) CHECK_NEAR(half[i], covariance[i] / 2, 1e-12);
  for (int r = 0; r < 6; r++) twice[3 * r + 2] = twice[3 * r] - 2 * twice[3 * r + 1];
  CHECK_INTEGER(search_covariance(&m, twice, noises, half), FG_OK);
  CU_ASSERT(isnan(half[0]));
  driver_close(d);
}

/// Fits to noisy targets lie within the errors announced. The valley is flat: a search ends before its floor is level, so
/// that weights lie nearer to the start than linear errors allow.
static void errors_cover(void) {
  enum { TIMES = 6 };
  for (uint64_t t = 0; t < TIMES; t++) {
    driver *target = dreams(truth, 4, 2000, 100 + t);
    fit f = finish(
        begin("observables: [e, m2, varE], sizes: [4, 8, 16], dreams: 2000, targets: stage, weights: [1, 1, 0.1]", 3,
              elsewhere, 3, target));
    for (uint64_t k = 0; k < 3; k++)
      CHECK_NEAR(real_of(f.weights, k, "weight"), truth[k], 3 * real_of(f.weights, k, "standard_error"));
    CHECK_NEAR(real_of(f.matched, 0, "target_error") / real_of(f.matched, 0, "error"), 1, 0.3);
    for (uint64_t r = 0; r < 9; r++) {
      const double error = hypot(real_of(f.matched, r, "target_error"), real_of(f.matched, r, "error"));
      CHECK_NEAR(real_of(f.matched, r, "fresh"), real_of(f.matched, r, "target"), 5 * error);
    }
    driver_close(f.driver);
    driver_close(target);
  }
}

/// Exact targets alone, from an untrained network; more dreams make the weights surer.
static void no_data(void) {
  fit few = finish(begin("sizes: [2, 4], dreams: 2000", 3, NULL, 0, NULL));
  fit many = finish(begin("sizes: [2, 4], dreams: 32000", 3, NULL, 0, NULL));
  CHECK_NEAR(real_of(many.matched, 0, "target"), -1.697056274847714, 1e-12);
  CHECK_NEAR(real_of(many.matched, 0, "target_error"), 0, 0);
  for (uint64_t r = 0; r < 6; r++) CHECK_NEAR(real_of(many.matched, r, "deviation"), 0, 0.03);
  CU_ASSERT(real_of(many.summary, 0, "loss") < 1e-2 * real_of(many.summary, 0, "start_loss"));
  for (uint64_t r = 0; r < 6; r++)
    CHECK_NEAR(real_of(few.matched, r, "error") / real_of(many.matched, r, "error"), 4, 1);
  driver_close(few.driver);
  driver_close(many.driver);
}

/// Ten weights, three numbers: adam finds some that do, and claims no errors.
static void more_weights_than_numbers(void) {
  fit f =
      finish(begin("sizes: [8], optimiser: adam, step: 0.05, evaluations: 60, dreams: 4000", 7, published10, 10, NULL));
  CHECK_NEAR(real_of(f.summary, 0, "loss") / real_of(f.summary, 0, "start_loss"), 0, 0.7);
  for (uint64_t k = 0; k < 10; k++) {
    CU_ASSERT(isnan(real_of(f.weights, k, "standard_error")));
    CHECK_NEAR(real_of(f.weights, k, "weight"), published10[k], 1);
  }
  CHECK_INTEGER(f.curve->row_count, 60);
  driver_close(f.driver);
}

/// Nothing depends on the order in which indices are worked on, or on threads.
static void threads(void) {
  static const char params[] =
      "sizes: [4, 8], dreams: 3000, evaluations: 6, observables: [e, U, m2, xi_over_L], targets: stage";
  driver *target = dreams(truth, 3, 500, 1);
  fit plain = finish(begin(params, 3, elsewhere, 3, target));
  fg_status (*const ways[])(const fg_host *, uint64_t, fg_status (*)(void *, uint64_t), void *) = {parallel_backwards,
                                                                                                   parallel_on_threads};
  for (int i = 0; i < 2; i++) {
    driver *d = begin(params, 3, elsewhere, 3, target);
    host_to_change(d)->parallel_for = ways[i];
    fit other = finish(d);
    CU_ASSERT(same_tables(plain.weights, other.weights) && same_tables(plain.matched, other.matched) &&
              same_tables(plain.curve, other.curve));
    driver_close(d);
  }
  driver_close(plain.driver);
  driver_close(target);
}

// ---- what is refused

/// The stage's message on opening, negotiating, being given a model of `kernel` and its weights, and finishing; with
/// `length` target lattices of this size, all up.
static void refused(const char *params, int kernel, uint64_t length, const char *message) {
  driver *d = driver_open("train.match", params, 1);
  const fg_host *host = driver_host(d);
  fg_format model = format_of_model(1), target = format_of_spins(length, length);
  if (driver_error(d)[0] == 0 &&
      driver_negotiate(d, (const fg_format *const[]){&model, length ? &target : NULL}) == FG_OK) {
    fg_model *arrived = symmetric_model_new(host, kernel, kernel == 3 ? published3 : published10, kernel == 3 ? 3 : 10);
    fg_status status = driver_feed_model(d, 0, arrived);
    host->model_unref(host, arrived);
    fg_batch *up = length ? spins_random(host, length, length, 200, 2, 1) : NULL;
    if (status == FG_OK && up) status = driver_feed_batch(d, 1, up);
    if (status == FG_OK) CHECK_INTEGER(driver_finish(d), FG_FAILED);
    if (up) host->batch_unref(host, up);
  }
  const char *found = strstr(driver_error(d), message);
  if (!found) printf("\n    got \"%s\"\n    expected \"%s\"", driver_error(d), message);
  CU_ASSERT(found != NULL);
  driver_close(d);
}

static void refusals(void) {
  refused("observables: [e, energy]", 3, 0, "unknown observable 'energy' (valid: e, abs_m,");
  refused("observables: [e, m2, e]", 3, 0, "'e' is named twice");
  refused("observables: []", 3, 0, "is empty; name some of");
  refused("sizes: []", 3, 0, "0 given; from 1 to 12 are possible");
  refused("sizes: [4, 12]", 3, 0, "a dream from 1 never has size 12: it doubles; use 16 or another 1·2^k");
  refused("sizes: [3], start: 3", 3, 0, "a dream from 3 never has size 3: it doubles; use 6 or another 3·2^k");
  refused("sizes: [8, 4]", 3, 0, "4 does not come in ascending order");
  refused("sizes: [8192]", 3, 0, "8192 is more than 12 doublings of start: 1; at most 4096");
  refused("weights: [1, 2]", 3, 0, "2 given, there are 3 observables");
  refused("values: [1, 2]", 3, 0, "2 given, there are 9 observables at every size");
  refused("errors: [0, 0, 0, 0, 0, 0, 0, 0, 0]", 3, 0, "are of values, of which there are none");
  refused("initial: [1, 2]", 3, 0, "2 given, model 'network.symmetric' has 3 parameters");
  refused("observables: [U], sizes: [32]", 3, 0, "no exact U is known at size 32 (e and varE");
  refused("observables: [U], sizes: [4, 8], coupling: 0.4", 3, 0, "no exact U is known at size 8");
  refused("targets: stage", 3, 0, "no 4x4 lattices come in at 'target'; connect a stage that has them");
  refused("targets: values", 3, 0, "values, but there are none");
  refused("targets: exact", 3, 8, "exact, but a stage is connected to 'target', too");
  refused("observables: [e, m2], sizes: [2], values: [-2.5, 0.5]", 3, 0, "e = -2.5 at size 2 is impossible");
  refused("observables: [e, U], sizes: [2], values: [-1, 0.9]", 3, 0,
          "U = 0.9 at size 2 is impossible: it lies between 1");
  refused("sizes: [2], coupling: 0", 3, 0, "e is 0 at size 2: a deviation relative to 0");
  refused("observables: [xi_over_L, e, m2], sizes: [8], targets: stage", 3, 8, "xi_over_L at size 8 is not defined");
  refused("sizes: [8], observables: [e, m2]", 3, 0,
          "2 at 1 sizes, of weight above 0, are 2 numbers; they do not determine 3");
  refused("sizes: [4, 8], weights: [1, 1, 0]", 7, 0, "are 4 numbers; they do not determine 10 weights");
  refused("observables: [xi_over_L], sizes: [2, 4], optimiser: adam, initial: [30, 30, 30]", 3, 0,
          "an observable of what the start weights dream is not defined");
  refused("dreams: 1000000000, sizes: [4, 4096], evaluations: 1000000", 3, 0,
          "have more than 2^63 sites; ask for fewer");
}

int main(void) {
  static const check_case cases[] = {{"moments are plain sums", moments_are_plain_sums},
                                     {"derivatives of observables", derivatives_of_observables},
                                     {"exact values", exact_values},
                                     {"the Jacobian is that of the enumeration", jacobian_is_that_of_enumeration},
                                     {"known weights are found again", known_weights_are_found_again},
                                     {"errors are propagated", errors_are_propagated},
                                     {"errors cover", errors_cover},
                                     {"no data", no_data},
                                     {"more weights than numbers", more_weights_than_numbers},
                                     {"threads", threads},
                                     {"refusals", refusals},
                                     {0}};
  return check_main("match", cases);
}
