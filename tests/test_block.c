// test_block.c — network.block: probabilities with and without the majority, against the definition by name, symmetries,
// gradients, draws number by number; independent spins as a special case. Statistical tests: fixed seeds, failing by
// chance less than once in 10⁶.
#include "networks.h"

#define KIND "network.block"

static const char *const hyperparameters[] = {"{\"majority\":false}", "{\"majority\":true}"};
static const uint64_t weights_of[] = {618, 423};

static void probabilities_sum_to_one(void) {
  for (int majority = 0; majority < 2; majority++) {
    opened o = networks_open(KIND, hyperparameters[majority], 1, 5);
    CHECK_INTEGER(o.parameters, weights_of[majority]);
    CHECK_INTEGER(o.network->radius(o.model), 1);
    CHECK_NEAR(networks_excess(&o, 1, 1, 0, 1), 0, 1e-12);
    CHECK_NEAR(networks_excess(&o, 2, 2, 0, 1), 0, 1e-12);
    networks_close(&o);
  }
}

static void frequencies(void) {
  for (int majority = 0; majority < 2; majority++) {
    opened o = networks_open(KIND, hyperparameters[majority], 1, 5);
    for (uint64_t length = 1; length <= 2; length++) {
      fg_batch *one = networks_lattice(&o, length, length, length == 1 ? 1 : 9);
      CHECK_NEAR(networks_frequencies(&o, one, 200000), 0, 5);
      networks_drop(&o, &one, 1);
    }
    networks_check_draws(&o, 3, 5);
    networks_check_scores(&o, 7, 5);
    networks_check_draws(&o, 1, 40);
    networks_close(&o);
  }
}

static void symmetries(void) {
  static const unsigned all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (int majority = 0; majority < 2; majority++) {
    opened o = networks_open(KIND, hyperparameters[majority], 2, 5);
    CHECK_NEAR(networks_asymmetry(&o, 7, 7, all, 16, 1, 2), 0, 1e-10);
    CHECK_NEAR(networks_asymmetry(&o, 3, 6, all, 16, 1, 2), 0, 1e-10);
    networks_close(&o);
  }
}

static void gradients(void) {
  for (int majority = 0; majority < 2; majority++) {
    opened o = networks_open(KIND, hyperparameters[majority], 1, 5);
    CHECK_NEAR(networks_gradient_error(&o, 6, 6, 1e-4, 1), 0, 1e-6);
    networks_close(&o);
  }
}

/// The weight of a window and a block, found by its name in any of its images.
static double weight_named(const opened *o, const fg_batch *window, const fg_batch *block) {
  for (unsigned g = 0; g < 16; g++) {
    fg_batch *w = networks_image(o, window, g, 0, 0), *b = networks_image(o, block, g, 0, 0);
    char name[18], *at = name;
    for (uint64_t y = 0; y < 3; y++, *at++ = y < 3 ? '/' : ' ')
      for (uint64_t x = 0; x < 3; x++) *at++ = spin_get(w, 0, y, x) ? '+' : '-';
    for (uint64_t y = 0; y < 2; y++, *at++ = y < 2 ? '/' : 0)
      for (uint64_t x = 0; x < 2; x++) *at++ = spin_get(b, 0, y, x) ? '+' : '-';
    networks_drop(o, (fg_batch *const[]){w, b}, 2);
    for (uint64_t k = 0; k < o->parameters; k++)
      if (strcmp(o->network->parameter_name(o->model, k), name) == 0) return o->weights[k];
  }
  return -INFINITY;
}

/// ln P of one block, from the definition.
static double block_log_prob(const opened *o, const fg_batch *fine, const fg_batch *coarse, uint64_t y, uint64_t x) {
  const uint64_t rows = coarse->rows, width = fg_lattice_width(&coarse->lattice);
  fg_batch *window = spins_new(o->host, 3, 3, 1), *block = spins_new(o->host, 2, 2, 1);
  for (uint64_t i = 0; i < 9; i++)
    spin_set(window, 0, i / 3, i % 3,
             spin_get(coarse, 0, (y + i / 3 + rows - 1) % rows, (x + i % 3 + width - 1) % width));
  double sum = 0, own = 0;
  for (uint64_t state = 0; state < 16; state++) {
    int same = 1;
    for (uint64_t d = 0; d < 4; d++) {
      spin_set(block, 0, d / 2, d % 2, state >> d & 1);
      same &= spin_get(fine, 0, 2 * y + d / 2, 2 * x + d % 2) == (state >> d & 1);
    }
    double weight = weight_named(o, window, block);
    sum += exp(weight);
    if (same) own = weight;
  }
  networks_drop(o, (fg_batch *const[]){window, block}, 2);
  return own - log(sum);
}

static void as_defined(void) {
  for (int majority = 0; majority < 2; majority++) {
    opened o = networks_open(KIND, hyperparameters[majority], 1, 5);
    fg_batch *coarse = spins_random(o.host, 4, 5, 1, 0.5, 3), *fine = spins_new(o.host, 8, 10, 1);
    CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, o.host->rng_key(o.host, "one"), coarse, fine, 0, 1),
                  FG_OK);
    double expected = 0;
    for (uint64_t y = 0; y < 4; y++)
      for (uint64_t x = 0; x < 5; x++) expected += block_log_prob(&o, fine, coarse, y, x);
    CHECK_NEAR(networks_log_prob(&o, fine, coarse), expected, 1e-10);
    networks_drop(&o, (fg_batch *const[]){coarse, fine}, 2);
    networks_close(&o);
  }
}

/// Each block against its number, as numbers.h and block.c lay down: states in order, below a cumulative probability.
static void drawn_as_laid_down(void) {
  opened o = networks_open(KIND, hyperparameters[1], 1, 5);
  const fg_rng_key key = o.host->rng_key(o.host, "layout");
  fg_batch *coarse = spins_random(o.host, 3, 5, 2, 0.5, 3), *fine = spins_new(o.host, 6, 10, 2);
  fine->first = 1000003;
  fine->level = 5;
  CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, key, coarse, fine, 0, 2), FG_OK);
  for (uint64_t i = 0; i < 15; i++) {
    uint64_t n = (fine->first + 1) * 15 + i, bits[2];
    o.host->rng_fill(key, (fg_rng_counter){.low = n / 2, .high = 5}, bits, 16);
    double u = (double)(bits[n % 2] >> 11) * 0x1p-53, below = 0, upto = 0;
    fg_batch *one = networks_copies(&o, coarse, 1), *trial = spins_new(o.host, 6, 10, 1);
    memcpy(one->data, fg_batch_row(coarse, 1, 0), 3 * coarse->row_bytes);
    unsigned drawn = 0;
    for (uint64_t d = 0; d < 4; d++) drawn |= spin_get(fine, 1, 2 * (i / 5) + d / 2, 2 * (i % 5) + d % 2) << d;
    for (unsigned state = 0; state <= drawn; state++) {
      for (uint64_t d = 0; d < 4; d++) spin_set(trial, 0, 2 * (i / 5) + d / 2, 2 * (i % 5) + d % 2, state >> d & 1);
      below = upto;
      upto += exp(block_log_prob(&o, trial, one, i / 5, i % 5));
    }
    CU_ASSERT(below <= u && u < upto);
    networks_drop(&o, (fg_batch *const[]){one, trial}, 2);
  }
  networks_drop(&o, (fg_batch *const[]){coarse, fine}, 2);
  networks_close(&o);
}

/// Never drawn, never possible, whatever the weights; ties and majorities are both drawn.
static void majority_is_kept(void) {
  opened o = networks_open(KIND, hyperparameters[1], 3, 5);
  enum { COUNT = 500 };
  fg_batch *coarse = spins_random(o.host, 8, 8, COUNT, 0.5, 3), *fine = spins_new(o.host, 16, 16, COUNT);
  double log_prob[COUNT], loss = 0, *gradient = calloc(o.parameters, sizeof *gradient);
  CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, o.host->rng_key(o.host, "d"), coarse, fine, 0, COUNT),
                FG_OK);
  CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, COUNT, log_prob), FG_OK);
  for (uint32_t c = 0; c < COUNT; c++) CU_ASSERT(!networks_breaks_majority(fine, coarse, c) && isfinite(log_prob[c]));
  for (uint64_t i = 0; i < 3; i++) spin_set(fine, 1, 4 + i / 2, 6 + i % 2, !spin_get(coarse, 1, 2, 3));
  CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, 2, log_prob), FG_OK);
  CU_ASSERT(isfinite(log_prob[0]) && log_prob[1] == -INFINITY);
  CHECK_INTEGER(o.network->gradient(o.model, fine, coarse, 0, 2, NULL, &loss, gradient), FG_OK);
  CU_ASSERT(loss == INFINITY);
  for (uint64_t k = 0; k < o.parameters; k++) CU_ASSERT(isfinite(gradient[k]));
  free(gradient);
  networks_drop(&o, (fg_batch *const[]){coarse, fine}, 2);
  networks_close(&o);
}

/// With weights that are sums over the four spins, ln σ(±z) of a table of 3×3, blocks are four independent draws.
static void independent_spins_are_blocks(void) {
  opened o = networks_open_empty(KIND, hyperparameters[0]), t = networks_open("network.table", "{\"window\":3}", 1, 5);
  fg_batch *window = spins_new(o.host, 3, 3, 1), *repeated = spins_new(o.host, 6, 6, 1);
  for (uint64_t k = 0; k < o.parameters; k++) {
    const char *name = o.network->parameter_name(o.model, k);
    for (uint64_t i = 0; i < 9; i++) spin_set(window, 0, i / 3, i % 3, name[4 * (i / 3) + i % 3] == '+');
    // Flip the block's spins one after the other: the logit of each is a difference of log-probabilities.
    for (uint64_t d = 0; d < 4; d++) {
      spin_set(repeated, 0, 2 + d / 2, 2 + d % 2, 1);
      double up = networks_log_prob(&t, repeated, window);
      spin_set(repeated, 0, 2 + d / 2, 2 + d % 2, 0);
      double z = up - networks_log_prob(&t, repeated, window);
      o.weights[k] += (name[12 + 3 * (d / 2) + d % 2] == '+' ? 0.5 : -0.5) * z;
    }
  }
  networks_reopen(&o);
  fg_batch *coarse = spins_random(o.host, 6, 6, 1, 0.5, 3), *fine = spins_random(o.host, 12, 12, 1, 0.5, 4);
  double expected = networks_log_prob(&t, fine, coarse);
  CHECK_NEAR(networks_log_prob(&o, fine, coarse), expected, 1e-11 * fabs(expected));
  networks_drop(&o, (fg_batch *const[]){coarse, fine, window, repeated}, 4);
  networks_close(&o);
  networks_close(&t);
}

static void stage(void) {
  networks_check_stage(KIND, "", "{\"majority\":true}", 0);
  char params[4096] = "majority: false, weights: [0", *at = params + strlen(params);
  for (int k = 1; k < 618; k++) at = stpcpy(at, ", 1");
  stpcpy(at, "]");
  networks_check_stage(KIND, params, "{\"majority\":false}", 618);
}

static void refusals(void) {
  networks_check_stage_refusal(KIND, "weights: [1, 2]", "2 given, with majority: true there are 423");
  opened o = networks_open_empty(KIND, hyperparameters[1]);
  o.weights[0] = NAN;
  networks_check_refusal(&o, "{}", NULL, 0,
                         "hyperparameters {} of network.block cannot be read: Object item not found: majority");
  networks_check_refusal(&o, hyperparameters[1], o.weights, 423,
                         "weight '---/-+-/--- ++/--' of a model of network.block is not finite");
  networks_check_refusal(&o, hyperparameters[1], o.weights, 5,
                         "a model of network.block came with 5 weights; it has 423 when it respects the majority");
  fg_batch *coarse = spins_new(o.host, 4, 4, 1), *fine = spins_new(o.host, 8, 8, 1);
  double log_prob;
  CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, 1, &log_prob), FG_FAILED);
  CHECK_TEXT(driver_error(o.driver), "a model of network.block was used before it had weights; train it first");
  networks_drop(&o, (fg_batch *const[]){coarse, fine}, 2);
  o.weights[0] = 0;
  networks_reopen(&o);
  networks_check_mismatch(&o);
  networks_close(&o);
}

int main(void) {
  static const check_case cases[] = {
      {"probabilities sum to one", probabilities_sum_to_one},
      {"frequencies", frequencies},
      {"symmetries", symmetries},
      {"gradients", gradients},
      {"as defined", as_defined},
      {"drawn as laid down", drawn_as_laid_down},
      {"majority is kept", majority_is_kept},
      {"independent spins are blocks", independent_spins_are_blocks},
      {"stage", stage},
      {"refusals", refusals},
      {NULL, NULL},
  };
  return check_main(KIND, cases);
}
