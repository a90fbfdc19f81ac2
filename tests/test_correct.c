// test_correct.c — generate.correct: energies and magnetisations of small lattices against all their states by χ², for every
// method, with networks that are nearly right and with ones that are not; sweeps within blocks against the conditional
// distribution they must leave unchanged; threads, checkpoints, refusals. Statistical tests: fixed seeds, 4σ.
#include "check.h"
#include "driver.h"
#include "estimating.h"
#include "plugins/generate/moves.h"
#include "sampling.h"
#include "spins.h"

#include <stdlib.h>

#define CRITICAL 0.44068679350977147

// ---- models

/// Weights of network.block, by what their names say ("+-+/+++/-++ ++/-+", window and block): an energy within the block
/// and with the coarse neighbours, times `strength`. At 1 the network is nearly right, at 0 all blocks are alike.
static fg_model *block_model(const fg_host *host, double strength) {
  static const char hyperparameters[] = "{\"majority\":true}";
  const fg_network *network = host->lookup(host, "network.block", FG_NETWORK_EXTENSION);
  fg_network_model *opened = NULL;
  CHECK_INTEGER(network->open(host, hyperparameters, NULL, 0, &opened), FG_OK);
  const uint64_t count = network->parameters(opened);
  double *weights = calloc(count, sizeof *weights);
  for (uint64_t k = 0; k < count; k++) {
    const char *name = network->parameter_name(opened, k);
    int window[3][3], block[2][2];
    for (int i = 0; i < 9; i++) window[i / 3][i % 3] = name[i + i / 3] == '+' ? 1 : -1;
    for (int i = 0; i < 4; i++) block[i / 2][i % 2] = name[12 + i + i / 2] == '+' ? 1 : -1;
    int inside = 0, outside = 0;
    for (int i = 0; i < 2; i++) {
      inside += block[i][0] * block[i][1] + block[0][i] * block[1][i];
      for (int j = 0; j < 2; j++) outside += block[i][j] * (window[i ? 2 : 0][1] + window[1][j ? 2 : 0]);
    }
    weights[k] = strength * CRITICAL * (inside + 0.7 * outside);
  }
  fg_model *model = host->model_new(host, "network.block", hyperparameters, weights, count);
  network->close(opened);
  free(weights);
  return model;
}

static driver *open_correct(const char *params, double strength) {
  driver *d = driver_open("generate.correct", params, 77);
  CHECK_TEXT(driver_error(d), "");
  fg_format format = format_of_model(1);
  snprintf(format.network, sizeof format.network, "network.block");
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&format}), FG_OK);
  fg_model *model = block_model(driver_host(d), strength);
  CHECK_INTEGER(driver_feed_model(d, 0, model), FG_OK);
  driver_host(d)->model_unref(driver_host(d), model);
  CHECK_INTEGER(driver_end(d, 0), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

static driver *run_correct(const char *params, double strength) {
  driver *d = open_correct(params, strength);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

static double cost(const driver *d, const char *column) {
  CHECK_INTEGER(driver_count(d, 1), 1);
  return real_of(driver_message(d, 1, 0)->table, 0, column);
}

// ---- all states

enum { MOST_CELLS = 33 * 17 };

/// Which cell a lattice of up to 4×4 spins belongs to, by its unlike bonds and spins up; the spins are bits.
static unsigned cell(unsigned length, unsigned state, unsigned *unlike, unsigned *diagonal) {
  unsigned pairs = 0, across = 0, n = length * length;
  for (unsigned s = 0; s < n; s++) {
    const unsigned y = s / length, x = s % length, y1 = (y + 1) % length, x1 = (x + 1) % length;
    const unsigned x0 = (x + length - 1) % length, spin = state >> s & 1;
    pairs += (spin ^ (state >> (y * length + x1) & 1)) + (spin ^ (state >> (y1 * length + x) & 1));
    across += (spin ^ (state >> (y1 * length + x1) & 1)) + (spin ^ (state >> (y1 * length + x0) & 1));
  }
  *unlike = pairs;
  if (diagonal) *diagonal = across;
  return pairs * 17 + (unsigned)__builtin_popcount(state);
}

static unsigned state_of(const fg_batch *batch, uint32_t c) {
  unsigned state = 0, length = (unsigned)batch->rows;
  for (unsigned s = 0; s < length * length; s++) state |= spin_get(batch, c, s / length, s % length) << s;
  return state;
}

/// Probabilities of the cells at a coupling; returns ln Z.
static double probabilities(unsigned length, double coupling, double *probability) {
  double sum = 0;
  unsigned unlike;
  memset(probability, 0, MOST_CELLS * sizeof *probability);
  for (unsigned state = 0; state < 1u << (length * length); state++) {
    const unsigned c = cell(length, state, &unlike, NULL);
    const double weight = exp(coupling * (2.0 * length * length - 2.0 * unlike));
    probability[c] += weight;
    sum += weight;
  }
  for (unsigned c = 0; c < MOST_CELLS; c++) probability[c] /= sum;
  return log(sum);
}

/// Deviate of every `stride`-th configuration of each chain.
static double deviate(const driver *d, double coupling, unsigned stride) {
  static double probability[MOST_CELLS], observed[MOST_CELLS];
  double n = 0;
  unsigned unlike, come[16] = {0};
  const unsigned length = (unsigned)driver_message(d, 0, 0)->batch->rows;
  probabilities(length, coupling, probability);
  memset(observed, 0, sizeof observed);
  for (size_t b = 0; b < driver_count(d, 0); b++) {
    const fg_batch *batch = driver_message(d, 0, b)->batch;
    for (uint32_t c = 0; c < batch->count; c++) {
      if (++come[batch->chain] % stride) continue;
      observed[cell(length, state_of(batch, c), &unlike, NULL)]++;
      n++;
    }
  }
  CU_ASSERT(n > 3000);
  return chi_squared_deviate(observed, probability, MOST_CELLS, n);
}

typedef struct recipe {
  const char *params;
  double strength, coupling;
  unsigned stride; ///< configurations this far apart count as independent
} recipe;

static void check_recipes(const recipe *recipes, size_t count) {
  for (size_t r = 0; r < count; r++) {
    driver *d = run_correct(recipes[r].params, recipes[r].strength);
    const double z = deviate(d, recipes[r].coupling, recipes[r].stride);
    printf("\n    %s: strength %.1f, deviate %+.2f, acceptance %.3f", recipes[r].params, recipes[r].strength, z,
           cost(d, "acceptance"));
    CHECK_NEAR(z, 0, 4);
    driver_close(d);
  }
}

static void independence(void) {
  static const recipe recipes[] = {
      {"method: independence, levels: 1, configurations: 64000", 0, CRITICAL, 16},
      {"method: independence, levels: 1, configurations: 64000, coupling: 0.2", 1, 0.2, 8},
      {"method: independence, levels: 2, configurations: 128000", 1, CRITICAL, 32},
      {"method: independence, levels: 1, start: 2, configurations: 200000, coupling: 0.3", 0.6, 0.3, 50},
      {"method: independence, levels: 2, configurations: 64000, rejuvenate: cluster", 0, CRITICAL, 16},
      {"method: independence, levels: 2, configurations: 64000, rejuvenate: cluster", -0.5, CRITICAL, 16},
      {"method: independence, levels: 2, configurations: 128000, rejuvenate: heat-bath, constrained: 1", 0.5, CRITICAL,
       16},
      {"method: independence, levels: 1, configurations: 200000, rejuvenate: heat-bath, coupling: 0.3", 0, 0.3, 8},
      {"method: independence, levels: 2, configurations: 128000, constrained: 3", 1, CRITICAL, 32},
      {"method: independence, levels: 2, configurations: 64000, rejuvenate: heat-bath, coupling: -0.2", 0, -0.2, 16},
  };
  check_recipes(recipes, sizeof recipes / sizeof *recipes);
}

/// So small that what they select is far from the target: only their acceptance makes it right.
static void populations(void) {
  static const recipe recipes[] = {
      {"method: smc, levels: 1, configurations: 160000, population: 4", 0, CRITICAL, 32},
      {"method: smc, levels: 2, configurations: 160000, population: 8", 1, CRITICAL, 32},
      {"method: smc, levels: 2, configurations: 160000, population: 8, threshold: 1, constrained: 2", 1, CRITICAL, 32},
      {"method: smc, levels: 2, configurations: 160000, population: 8, couplings: []", 1, CRITICAL, 32},
      {"method: smc, levels: 2, configurations: 160000, population: 8, rejuvenate: heat-bath, constrained: 1, "
       "threshold: 1, couplings: [0.3, 0.3]",
       0.8, CRITICAL, 32},
  };
  check_recipes(recipes, sizeof recipes / sizeof *recipes);
}

/// Every dream on its own, independent.
static void equilibrated(void) {
  static const recipe recipes[] = {
      {"method: equilibrate, levels: 2, configurations: 16000, rejuvenate: cluster, sweeps: 20", 0, CRITICAL, 1},
      {"method: equilibrate, levels: 2, configurations: 16000, rejuvenate: heat-bath, sweeps: 100, constrained: 5", 0.5,
       CRITICAL, 1},
  };
  check_recipes(recipes, sizeof recipes / sizeof *recipes);
}

/// The mean weight is Z, whatever the network; populations estimate it as well.
static void partition_function(void) {
  static double probability[MOST_CELLS];
  const double exact = probabilities(4, CRITICAL, probability);
  driver *d = run_correct("method: independence, levels: 2, configurations: 60000", 1);
  const double share = cost(d, "ess"), n = 61600; // the thermalisation's proposals included
  CU_ASSERT(share > 0.3 && share < 1);
  CHECK_NEAR(cost(d, "lnZ"), exact, 4 * sqrt((1 / share - 1) / n));
  CU_ASSERT(4 * sqrt((1 / share - 1) / n) < 0.03);
  driver_close(d);
  d = run_correct("method: smc, levels: 2, configurations: 64000, population: 64, threshold: 1, constrained: 1", 1);
  CHECK_NEAR(cost(d, "lnZ"), exact, 0.03);
  driver_close(d);
}

// ---- within the blocks

/// exp(K Σ s s' + D Σ diagonals) q(coarse | fine) of a 4×4 lattice, ½ for ties; 0 when a block opposes its parent.
static double block_weight(unsigned fine, unsigned coarse, moves_couplings k) {
  unsigned unlike, diagonal;
  double weight = 1;
  cell(4, fine, &unlike, &diagonal);
  for (unsigned b = 0; b < 4; b++) {
    const unsigned first = 8 * (b / 2) + 2 * (b % 2), up = (unsigned)__builtin_popcount(fine >> first & 0x33);
    const unsigned equal = coarse >> b & 1 ? up : 4 - up;
    weight *= equal > 2 ? 1 : equal == 2 ? 0.5 : 0;
  }
  return weight * exp(k.nearest * (32 - 2.0 * unlike) + k.diagonal * (32 - 2.0 * diagonal));
}

static void blocks_kept(void) {
  enum { LATTICES = 20000 };
  static double observed[MOST_CELLS], probability[MOST_CELLS];
  static const moves_couplings couplings[] = {{CRITICAL, 0}, {0.3, 0.2}, {-0.1, 0.05}};
  driver *d = driver_open("generate.correct", "method: equilibrate, levels: 1, configurations: 1", 5);
  const fg_host *host = driver_host(d);
  for (unsigned k = 0; k < 3; k++) {
    const unsigned parents = k == 0 ? 7 : k == 1 ? 9 : 15;
    fg_batch *coarse = spins_new(host, 2, 2, LATTICES), *fine = spins_random(host, 4, 4, LATTICES, 0.5, k);
    for (uint32_t c = 0; c < LATTICES; c++)
      for (unsigned b = 0; b < 4; b++) spin_set(coarse, c, b / 2, b % 2, parents >> b & 1);
    fine->level = (int32_t)k + 2;
    // Random spins: blocks that oppose their parents are mended by the first of the sweeps.
    const moves_constrained within = moves_constrain(host, 40, couplings[k]);
    CHECK_INTEGER(moves_sweep_constrained(&within, fine, coarse), FG_OK);
    double sum = 0;
    unsigned unlike;
    memset(observed, 0, sizeof observed);
    memset(probability, 0, sizeof probability);
    for (unsigned state = 0; state < 65536; state++) {
      const double weight = block_weight(state, parents, couplings[k]);
      probability[cell(4, state, &unlike, NULL)] += weight;
      sum += weight;
    }
    for (unsigned c = 0; c < MOST_CELLS; c++) probability[c] /= sum;
    unsigned broken = 0;
    for (uint32_t c = 0; c < LATTICES; c++) {
      const unsigned state = state_of(fine, c);
      broken += block_weight(state, parents, couplings[k]) <= 0;
      observed[cell(4, state, &unlike, NULL)]++;
    }
    CHECK_INTEGER(broken, 0);
    CHECK_NEAR(chi_squared_deviate(observed, probability, MOST_CELLS, LATTICES), 0, 4);
    host->batch_unref(host, fine);
    host->batch_unref(host, coarse);
  }
  driver_close(d);
}

// ---- what must not matter

static const char *const long_ways[] = {
    "method: independence, levels: 4, configurations: 700, chains: 6, thermalize: 5, rejuvenate: cluster, constrained: 1",
    "method: independence, levels: 5, configurations: 900, chains: 200, thermalize: 3",
    "method: smc, levels: 5, configurations: 700, chains: 3, population: 100, rejuvenate: heat-bath, constrained: 1",
    "method: equilibrate, levels: 5, configurations: 700, rejuvenate: heat-bath, sweeps: 100, constrained: 1",
};
#define WAYS (sizeof long_ways / sizeof *long_ways)

static void no_trace_of_threads(void) {
  for (size_t w = 0; w < WAYS; w++) {
    driver *plain = run_correct(long_ways[w], 1);
    for (int variant = 0; variant < 2; variant++) {
      driver *d = open_correct(long_ways[w], 1);
      host_to_change(d)->parallel_for = variant ? parallel_on_threads : parallel_backwards;
      CHECK_INTEGER(driver_finish(d), FG_OK);
      CU_ASSERT(streams_equal(plain, 0, d, 0));
      CU_ASSERT(same_tables(driver_message(plain, 1, 0)->table, driver_message(d, 1, 0)->table));
      driver_close(d);
    }
    driver_close(plain);
  }
}

/// Chains and their batches: each chain gives its share, in order, under its number.
static void streams(void) {
  driver *d = run_correct("method: independence, levels: 2, configurations: 1003, chains: 4, thermalize: 0", 1);
  uint64_t first = 0, given[4] = {0};
  for (size_t b = 0; b < driver_count(d, 0); b++) {
    const fg_batch *batch = driver_message(d, 0, b)->batch;
    CHECK_INTEGER(batch->first, first);
    CHECK_INTEGER(batch->level, 2);
    CHECK_NEAR(batch->coupling, CRITICAL, 0);
    CHECK_INTEGER(batch->rows, 4);
    first += batch->count;
    given[batch->chain] += batch->count;
  }
  for (unsigned c = 0; c < 4; c++) CHECK_INTEGER(given[c], c < 3 ? 251 : 250);
  driver_close(d);
}

static void checkpoints(void) {
  static const char *const ways[] = {
      "method: independence, levels: 2, configurations: 9000, chains: 4, rejuvenate: heat-bath, thermalize: 5",
      "method: smc, levels: 2, configurations: 700, chains: 3, population: 50, constrained: 1",
      "method: equilibrate, levels: 2, configurations: 700, rejuvenate: cluster",
  };
  static checkpoint saved;
  for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
    driver *whole = run_correct(ways[w], 1);
    for (unsigned steps = 0; steps < 3; steps++) {
      driver *begun = open_correct(ways[w], 1), *resumed = open_correct(ways[w], 1);
      for (unsigned s = 0; s < steps; s++) CHECK_INTEGER(driver_stage(begun)->produce(driver_self(begun)), FG_OK);
      CHECK_INTEGER(stage_save(begun, &saved), FG_OK);
      CHECK_INTEGER(stage_restore(resumed, &saved), FG_OK);
      CHECK_INTEGER(driver_finish(resumed), FG_OK);
      CU_ASSERT(streams_equal(whole, driver_count(begun, 0), resumed, 0));
      CU_ASSERT(same_tables(driver_message(whole, 1, 0)->table, driver_message(resumed, 1, 0)->table));
      driver_close(resumed);
      resumed = open_correct(ways[w], 1);
      saved.size -= saved.size > 0;
      CHECK_INTEGER(stage_restore(resumed, &saved), FG_FAILED);
      CHECK_TEXT(driver_error(resumed), "the checkpoint is not one of this stage; run again with --force");
      driver_close(resumed);
      driver_close(begun);
    }
    driver_close(whole);
  }
}

// ---- refusals

static void refused_to_open(const char *params, const char *message) {
  driver *d = driver_open("generate.correct", params, 1);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refused_to_negotiate(const char *params, uint32_t models, uint32_t has_weights, const char *message) {
  driver *d = driver_open("generate.correct", params, 1);
  fg_format format = format_of_model(has_weights);
  format.models = models;
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&format}), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refusals(void) {
  refused_to_open("method: smc, levels: 2, configurations: 5, couplings: [1]",
                  "1 couplings; give two, [nearest, diagonal] neighbours, or none: []");
  refused_to_open("method: smc, levels: 2, configurations: 5, sweeps: 3",
                  "3 sweeps are of no effect with rejuvenate: none; choose heat-bath or cluster");
  refused_to_open("method: smc, levels: 2, configurations: 5, rejuvenate: cluster, coupling: -0.1",
                  "cluster sweeps need a coupling of at least 0, it is -0.1; use heat-bath");
  refused_to_negotiate(
      "method: smc, levels: 2, configurations: 5", 3, 1,
      "3 models in the list, but there are 2 steps for them; the last model makes the last step: leave "
      "out the first 1");
  refused_to_negotiate("method: smc, levels: 2, configurations: 5", 1, 0,
                       "model 'network.symmetric' has no weights; train it or give weights: [...]");
  refused_to_negotiate("method: smc, levels: 20, configurations: 5", 1, 1,
                       "lattices of 1048576² are too large to be corrected; at most 46340² are");
  refused_to_negotiate("method: equilibrate, levels: 14, configurations: 1000000000000", 1, 1,
                       "1000000000000 lattices of 16384² need too many random numbers; ask for fewer configurations or "
                       "levels, or a shorter thermalisation");
}

/// A network that can break blocks is refused where it would only give weights of 0, and taken where it does no harm.
static void breaking_networks(void) {
  static const char *const methods[] = {"independence", "smc", "equilibrate"};
  for (unsigned m = 0; m < 3; m++) {
    char params[100];
    snprintf(params, sizeof params, "method: %s, levels: 2, configurations: 16, constrained: 1", methods[m]);
    driver *d = driver_open("generate.correct", params, 1);
    const fg_host *host = driver_host(d);
    fg_format format = format_of_model(1);
    CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&format}), FG_OK);
    fg_model *model = host->model_new(host, "network.symmetric", "{\"kernel\":3}", published3, 3);
    CHECK_INTEGER(driver_feed_model(d, 0, model), FG_OK);
    CHECK_INTEGER(driver_finish(d), m < 2 ? FG_FAILED : FG_OK);
    CHECK_TEXT(driver_error(d),
               m < 2
                   ? "model 1 of the list, of 'network.symmetric', can draw blocks whose majority opposes their coarse "
                     "spin; such dreams have the weight 0. Use network.autoregressive or network.block with majority: "
                     "true, or method: equilibrate, which takes any network"
                   : "");
    host->model_unref(host, model);
    driver_close(d);
  }
}

int main(void) {
  static const check_case cases[] = {
      {"independence", independence},
      {"populations", populations},
      {"equilibrated", equilibrated},
      {"partition function", partition_function},
      {"sweeps within blocks", blocks_kept},
      {"streams", streams},
      {"no trace of threads", no_trace_of_threads},
      {"checkpoints", checkpoints},
      {"refusals", refusals},
      {"networks that break blocks", breaking_networks},
      {NULL, NULL},
  };
  return check_main("generate.correct", cases);
}
