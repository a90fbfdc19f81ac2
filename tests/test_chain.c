// test_chain.c — network.chain: probabilities that sum to one and draws with these probabilities, the logit against its
// definition, counts against log_prob, and the exact inverse of decimation: found by training, and drawn from. Who refuses
// what, among networks and lattices.
#include "check.h"
#include "driver.h"
#include "networks.h"
#include "sampling.h"

#include <stdlib.h>

#define KIND "network.chain"

static fg_batch *chains_new(const fg_host *host, uint64_t length, uint32_t count) {
  const fg_lattice lattice = {FG_CHAIN, 1, {length, 0, 0, 0}};
  return host->batch_new(host, FG_SPIN1, &lattice, count);
}

/// `count` times the spins that are the bits of `code`, or configuration i those of i.
static fg_batch *chains_of_code(const fg_host *host, uint64_t length, uint32_t count, int64_t code) {
  fg_batch *batch = chains_new(host, length, count);
  for (uint32_t i = 0; i < count; i++)
    for (uint64_t x = 0; x < length; x++)
      fg_bit_set(fg_batch_row_mut(batch, i, 0), x, (unsigned)((code < 0 ? i : (uint64_t)code) >> x) & 1);
  return batch;
}

static const char *const shapes[] = {"{\"kernel\":3,\"rule\":\"block\"}", "{\"kernel\":7,\"rule\":\"block\"}",
                                     "{\"kernel\":15,\"rule\":\"block\"}", "{\"kernel\":3,\"rule\":\"decimation\"}",
                                     "{\"kernel\":7,\"rule\":\"decimation\"}"};
#define SHAPES 5

/// The logit as chain.c defines it, spin by spin on the line that repeats the chain.
static double plain_logit(const opened *o, int decimation, const fg_batch *coarse, uint64_t x) {
  const int64_t length = 2 * (int64_t)coarse->lattice.extent[0];
  double sum = 0;
  for (uint64_t k = 0; k < o->parameters; k++) {
    const int64_t distance = decimation ? 2 * (int64_t)k + 1 : (int64_t)k;
    for (int side = -1; side <= (distance ? 1 : -1); side += 2) {
      int64_t at = ((int64_t)x + side * distance + 16 * length) % length;
      sum += o->weights[k] * (fg_bit_get(fg_batch_row(coarse, 0, 0), (uint64_t)at / 2) ? 1 : -1);
    }
  }
  return 0.5 * sum;
}

/// All fine chains of 2, 4 and 8 spins: ln P against the definition, Σ P = 1, and 40000 draws by χ² below 4σ.
static void probabilities(void) {
  for (size_t s = 0; s < SHAPES; s++) {
    const int decimation = strstr(shapes[s], "decimation") != NULL;
    opened o = networks_open(KIND, shapes[s], 0.8, s);
    for (uint64_t length = 1; length <= 4; length *= 2) {
      const uint32_t all = 1u << 2 * length, draws = 40000;
      fg_batch *fine = chains_of_code(o.host, 2 * length, all, -1), *coarse = chains_of_code(o.host, length, draws, 5);
      double log_prob[256], probability[256], observed[256] = {0}, sum = 0;
      CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, all, log_prob), FG_OK);
      for (uint32_t i = 0; i < all; i++) {
        double expected = 0;
        for (uint64_t x = 0; x < 2 * length; x++) {
          unsigned up = i >> x & 1, kept = fg_bit_get(fg_batch_row(coarse, 0, 0), x / 2);
          double z = plain_logit(&o, decimation, coarse, x);
          if (decimation && x % 2 == 0)
            expected += up == kept ? 0 : -INFINITY;
          else
            expected -= log1p(exp(up ? -z : z));
        }
        if (isinf(expected)) {
          CU_ASSERT(isinf(log_prob[i]) && log_prob[i] < 0);
        } else {
          CHECK_NEAR(log_prob[i], expected, 1e-12);
        }
        probability[i] = exp(log_prob[i]);
        sum += probability[i];
      }
      CHECK_NEAR(sum, 1, 1e-12);
      fg_batch *drawn = chains_new(o.host, 2 * length, draws);
      drawn->level = 1;
      CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, o.host->rng_key(o.host, "x"), coarse, drawn, 0, draws),
                    FG_OK);
      for (uint32_t i = 0; i < draws; i++) observed[fg_batch_row(drawn, i, 0)[0]]++;
      CU_ASSERT(chi_squared_deviate(observed, probability, all, draws) < 4);
      o.host->batch_unref(o.host, fine);
      o.host->batch_unref(o.host, coarse);
      o.host->batch_unref(o.host, drawn);
    }
    networks_close(&o);
  }
}

/// Differences of the loss against the gradient, and the loss of the classes against both.
static void gradients(void) {
  for (size_t s = 0; s < SHAPES; s++) {
    enum { COUNT = 20 };
    opened o = networks_open(KIND, shapes[s], 0.8, s);
    fg_batch *coarse = chains_new(o.host, 30, COUNT), *fine = chains_new(o.host, 60, COUNT);
    fg_rng rng = fg_rng_start(o.host->rng_fill, o.host->rng_key(o.host, "spins of a test"), s);
    for (uint32_t i = 0; i < COUNT; i++) fg_batch_row_mut(coarse, i, 0)[0] = fg_rng_bits(&rng) >> 34;
    CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, o.host->rng_key(o.host, "x"), coarse, fine, 0, COUNT),
                  FG_OK);
    double gradient[8] = {0}, loss = 0, by_class = 0, weight[COUNT];
    for (int i = 0; i < COUNT; i++) weight[i] = 0.5 + i;
    CHECK_INTEGER(o.network->gradient(o.model, fine, coarse, 0, COUNT, weight, &loss, gradient), FG_OK);
    for (uint64_t k = 0; k < o.parameters; k++) {
      double side[2] = {0, 0}, kept = o.weights[k], ignored[8];
      for (int up = 0; up < 2; up++) {
        o.weights[k] = kept + (up ? 1e-5 : -1e-5);
        networks_reopen(&o);
        CHECK_INTEGER(o.network->gradient(o.model, fine, coarse, 0, COUNT, weight, &side[up], ignored), FG_OK);
      }
      o.weights[k] = kept;
      networks_reopen(&o);
      CHECK_NEAR(gradient[k], (side[1] - side[0]) / 2e-5, 1e-5 * (1 + fabs(gradient[k])));
    }
    const fg_network_classes *classes = o.network->classes;
    void *one = classes->open(o.model), *other = classes->open(o.model);
    CHECK_INTEGER(classes->add(one, fine, coarse, 0, 7), FG_OK);
    CHECK_INTEGER(classes->add(other, fine, coarse, 7, COUNT), FG_OK);
    CHECK_INTEGER(classes->merge(one, other), FG_OK);
    for (uint64_t c = 0; c < classes->count(one); c++) {
      double features[8], z = 0;
      uint64_t ones, zeros;
      classes->get(one, c, features, &ones, &zeros);
      for (uint64_t k = 0; k < o.parameters; k++) z += features[k] * o.weights[k];
      by_class += (double)ones * log1p(exp(-z)) + (double)zeros * log1p(exp(z));
    }
    loss = 0;
    CHECK_INTEGER(o.network->gradient(o.model, fine, coarse, 0, COUNT, NULL, &loss, gradient), FG_OK);
    CHECK_NEAR(by_class, loss, 1e-9 * loss);
    static checkpoint saved;
    saved.size = saved.at = 0;
    CHECK_INTEGER(classes->save(one, &(fg_writer){sizeof(fg_writer), &saved, checkpoint_write}), FG_OK);
    void *again = classes->open(o.model);
    CHECK_INTEGER(classes->restore(again, &(fg_reader){sizeof(fg_reader), &saved, checkpoint_read}), FG_OK);
    CHECK_INTEGER(classes->count(again), classes->count(one));
    classes->close(one);
    classes->close(other);
    classes->close(again);
    o.host->batch_unref(o.host, fine);
    o.host->batch_unref(o.host, coarse);
    networks_close(&o);
  }
}

/// A driver that all of another's output has been given to, through one port.
static void feed_all(driver *d, uint32_t port, const driver *source, uint32_t output) {
  for (size_t i = 0; i < driver_count(source, output); i++)
    CHECK_INTEGER(driver_feed_batch(d, port, driver_message(source, output, i)->batch), FG_OK);
}

/// Trained on decimated chains the one weight is 4K; drawn below a chain at tanh K' = tanh² K with it, the chain is the one
/// at K: e and m2 are its exact values. With the weight of another coupling they are not.
static void exact_inverse(void) {
  const double coupling = 0.8, parents = atanh(tanh(coupling) * tanh(coupling));
  driver *net = sampler_open(KIND, "rule: decimation", "", 1),
         *sample = sampler_run("sampler.wolff", "lattice: chain, size: 64, coupling: 0.8, configurations: 6000", "", 3);
  CHECK_INTEGER(driver_finish(net), FG_OK);
  driver *block = driver_open("coarsen.decimation", "", 1), *train = driver_open("train.newton", "", 1);
  const fg_format *fine = driver_format(sample, 0);
  CHECK_INTEGER(driver_negotiate(block, &fine), FG_OK);
  feed_all(block, 0, sample, 0);
  CHECK_INTEGER(
      driver_negotiate(train, (const fg_format *const[]){driver_format(net, 0), fine, driver_format(block, 0)}), FG_OK);
  CHECK_TEXT(driver_error(train), "");
  CHECK_INTEGER(driver_feed_model(train, 0, driver_message(net, 0, 0)->model), FG_OK);
  for (size_t i = 0; i < driver_count(sample, 0); i++)
    CHECK_INTEGER(driver_feed_pair(train, 1, driver_message(sample, 0, i)->batch, driver_message(block, 0, i)->batch),
                  FG_OK);
  CHECK_INTEGER(driver_finish(train), FG_OK);
  const fg_model *trained = driver_message(train, 0, 0)->model;
  CHECK_INTEGER(trained->weight_count, 1);
  // Of 192000 drawn spins those count whose neighbours agree, a part (1 + tanh² K)/2; each then has the information p(1-p)
  // with p = σ(4K): one σ is 0.014.
  CHECK_NEAR(trained->weights[0], 4 * coupling, 4 * 0.014);
  printf("\n    trained weight %.4f, exact %.4f", trained->weights[0], 4 * coupling);

  for (int wrong = 0; wrong < 2; wrong++) {
    char params[120], weights[80];
    snprintf(params, sizeof params, "lattice: chain, size: 32, coupling: %.17g, configurations: 40000", parents);
    snprintf(weights, sizeof weights, "rule: decimation, weights: [%.17g]", 4 * (wrong ? 0.75 : coupling));
    driver *coarse = sampler_run("sampler.wolff", params, "", 5), *model = sampler_run(KIND, weights, "", 1);
    driver *upscale = driver_open("generate.upscale", "steps: 1", 1),
           *thermo = driver_open("estimate.thermo", "reference: 0.8", 1);
    CHECK_INTEGER(
        driver_negotiate(upscale, (const fg_format *const[]){driver_format(model, 0), driver_format(coarse, 0)}),
        FG_OK);
    CHECK_TEXT(driver_error(upscale), "");
    CHECK_INTEGER(driver_feed_model(upscale, 0, driver_message(model, 0, 0)->model), FG_OK);
    feed_all(upscale, 1, coarse, 0);
    const fg_format *made = driver_format(upscale, 0);
    CHECK_INTEGER(driver_negotiate(thermo, &made), FG_OK);
    feed_all(thermo, 0, upscale, 0);
    CHECK_INTEGER(driver_finish(thermo), FG_OK);
    static const char *const observables[] = {"e", "m2", "varE"};
    for (int k = 0; k < 3; k++) {
      double value = driver_estimate(thermo, 0, "64", 1, observables[k], "value");
      double error = driver_estimate(thermo, 0, "64", 1, observables[k], "error");
      double exact = driver_estimate(thermo, 0, "64", 1, observables[k], "exact");
      printf("\n    weight %.2f: %s %.5f(%.5f) exact %.5f %+.1fσ", 4 * (wrong ? 0.75 : coupling), observables[k], value,
             error, exact, (value - exact) / error);
      if (!wrong) CHECK_NEAR(value, exact, 4 * error);
      if (wrong && k == 0) CU_ASSERT(fabs(value - exact) > 8 * error);
    }
    driver_close(coarse);
    driver_close(model);
    driver_close(upscale);
    driver_close(thermo);
  }
  driver_close(net);
  driver_close(sample);
  driver_close(block);
  driver_close(train);
}

/// A dream of chains is a chain of every length, the same whatever the machine.
static void dreams(void) {
  driver *model = sampler_run(KIND, "weights: [1.2, 0.9]", "", 1),
         *dream = driver_open("generate.dream", "lattice: chain, levels: 7, configurations: 3000", 1);
  const fg_format *formats[] = {driver_format(model, 0), NULL};
  CHECK_INTEGER(driver_negotiate(dream, formats), FG_OK);
  CHECK_INTEGER(driver_format(dream, 0)->shape_count, 8);
  CHECK_INTEGER(driver_feed_model(dream, 0, driver_message(model, 0, 0)->model), FG_OK);
  CHECK_INTEGER(driver_finish(dream), FG_OK);
  double up = 0, sites = 0, alike = 0, parents = 0;
  for (size_t i = 0; i < driver_count(dream, 0); i++) {
    const fg_batch *batch = driver_message(dream, 0, i)->batch;
    CHECK_INTEGER(batch->lattice.shape, FG_CHAIN);
    CHECK_INTEGER(batch->lattice.extent[0], 1 << batch->level);
    if (batch->level != 7) continue;
    const fg_batch *coarse = driver_message(dream, 0, i - 1)->batch;
    for (uint32_t c = 0; c < batch->count; c++) {
      for (uint64_t x = 0; x < 128; x++) {
        unsigned spin = fg_bit_get(fg_batch_row(batch, c, 0), x);
        up += spin;
        sites++;
        // Where the parents agree on the fine spin's side, P(equal) = σ(½(1.2 + 2·0.9)).
        const uint64_t *row = fg_batch_row(coarse, c, 0);
        unsigned parent = fg_bit_get(row, x / 2), beside = fg_bit_get(row, (x / 2 + (x % 2 ? 1 : 63)) % 64);
        parents += parent == beside;
        alike += parent == beside && spin == parent;
      }
    }
  }
  CHECK_NEAR(up / sites, 0.5, 0.05);
  double p = 1 / (1 + exp(-1.5));
  CHECK_NEAR(alike / parents, p, 4 * sqrt(p * (1 - p) / parents));
  driver_close(model);
  driver_close(dream);
}

// ---- who refuses what

static void check_negotiation(const char *kind, const char *params, const fg_format *const *inputs,
                              const char *expected) {
  driver *d = driver_open(kind, params, 1);
  CHECK_INTEGER(driver_negotiate(d, inputs), FG_FAILED);
  CHECK_TEXT(driver_error(d), expected);
  driver_close(d);
}

static fg_format model_of(const char *network) {
  fg_format format = {.size = sizeof format, .kind = FG_MODEL, .has_weights = 1};
  snprintf(format.network, sizeof format.network, "%s", network);
  return format;
}

static fg_format spins_on(uint32_t shape, uint32_t dims, uint64_t length) {
  fg_format format = {.size = sizeof format, .kind = FG_BATCH, .element = FG_SPIN1, .shape_count = 1};
  format.shapes[0] = (fg_lattice){shape, dims, {length, length, length, 0}};
  return format;
}

static void refusals(void) {
  const fg_format symmetric = model_of("network.symmetric"), chain = model_of(KIND);
  const fg_format line = spins_on(FG_CHAIN, 1, 16), half = spins_on(FG_CHAIN, 1, 8);
  const fg_format cube = spins_on(FG_CUBIC, 3, 16), half_cube = spins_on(FG_CUBIC, 3, 8);
  const fg_format square = spins_on(FG_SQUARE, 2, 16), half_square = spins_on(FG_SQUARE, 2, 8);
  const fg_format triangular = spins_on(FG_TRIANGULAR, 2, 16);
#define SYMMETRIC "'network.symmetric' knows the square lattice, and a "
#define CHAIN "'network.chain' knows the chain lattice, and a "
#define FOR_CHAINS "chain lattice comes in; for chains there is network.chain"
#define FOR_SQUARES "square lattice comes in; for square lattices there is network.symmetric, among others"
#define FOR_NONE " lattice comes in; no network here knows more than the chain and the square lattice"
  check_negotiation("train.newton", "", (const fg_format *const[]){&symmetric, &line, &half}, SYMMETRIC FOR_CHAINS);
  check_negotiation("train.newton", "", (const fg_format *const[]){&symmetric, &cube, &half_cube},
                    SYMMETRIC "cubic" FOR_NONE);
  check_negotiation("train.newton", "", (const fg_format *const[]){&chain, &square, &half_square}, CHAIN FOR_SQUARES);
  check_negotiation("train.adam", "", (const fg_format *const[]){&symmetric, &line, &half, NULL, NULL, NULL},
                    SYMMETRIC FOR_CHAINS);
  check_negotiation("generate.upscale", "steps: 1", (const fg_format *const[]){&symmetric, &triangular},
                    SYMMETRIC "triangular" FOR_NONE);
  check_negotiation("generate.upscale", "steps: 1", (const fg_format *const[]){&chain, &square}, CHAIN FOR_SQUARES);
  check_negotiation("generate.dream", "levels: 3, configurations: 1", (const fg_format *const[]){&chain, NULL},
                    CHAIN FOR_SQUARES);
  check_negotiation("generate.dream", "lattice: chain, levels: 3, configurations: 1",
                    (const fg_format *const[]){&symmetric, NULL}, SYMMETRIC FOR_CHAINS);
  check_negotiation("generate.dream", "lattice: chain, levels: 3, configurations: 1",
                    (const fg_format *const[]){&chain, &symmetric}, SYMMETRIC FOR_CHAINS);

  driver *d = driver_open(KIND, "kernel: 4", 1);
  CHECK_TEXT(driver_error(d), "4 is even, so it has no centre; use 3 or 5");
  driver_close(d);
  d = driver_open(KIND, "rule: decimation, weights: [1, 2]", 1);
  CHECK_TEXT(driver_error(d), "2 given, kernel 3 with rule: decimation has 1: those of distance 1, 3, 5, …");
  driver_close(d);

  // What only the run can see: pairs that are no decimation.
  opened o = networks_open(KIND, shapes[3], 1, 1);
  fg_batch *coarse = chains_of_code(o.host, 4, 1, 5), *fine = chains_of_code(o.host, 8, 1, 0);
  double loss = 0, gradient[8];
  CHECK_INTEGER(o.network->gradient(o.model, fine, coarse, 0, 1, NULL, &loss, gradient), FG_FAILED);
  CU_ASSERT(strstr(driver_error(o.driver), "block with coarsen.decimation, or use rule: block") != NULL);
  CHECK_INTEGER(o.network->log_prob(o.model, coarse, coarse, 0, 1, &loss), FG_FAILED);
  CU_ASSERT(strstr(driver_error(o.driver), "needs spins on chains") != NULL);
  fg_network_model *model = NULL;
  CHECK_INTEGER(o.network->open(o.host, "{\"kernel\":3}", NULL, 0, &model), FG_FAILED);
  CHECK_INTEGER(o.network->open(o.host, "{\"kernel\":17,\"rule\":\"block\"}", NULL, 0, &model), FG_FAILED);
  CU_ASSERT(strstr(driver_error(o.driver), "kernel must be odd, from 3 to 15") != NULL);
  CHECK_INTEGER(o.network->open(o.host, "{\"kernel\":3,\"rule\":\"sum\"}", NULL, 0, &model), FG_FAILED);
  CU_ASSERT(strstr(driver_error(o.driver), "rule must be block or decimation") != NULL);
  o.host->batch_unref(o.host, fine);
  o.host->batch_unref(o.host, coarse);
  networks_close(&o);
}

int main(void) {
  static const check_case cases[] = {
      {"probabilities and draws", probabilities},
      {"gradients and classes", gradients},
      {"exact inverse of decimation", exact_inverse},
      {"dreams of chains", dreams},
      {"refusals", refusals},
      {0},
  };
  return check_main(KIND, cases);
}
