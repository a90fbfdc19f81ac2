// test_network_potts.c — network.potts: probabilities by brute force, against the definition, against network.symmetric for two
// states; permutations, gradients, frequencies of draws; states that do not exist. Statistical tests: fixed seeds, failing
// by chance less than once in 10⁶.
#include "networks.h"
#include "states.h"

#define KIND "network.potts"
static const char three_states[] = "{\"states\":3,\"kernel\":3}";

/// The lattice of rows×width whose states are the digits of `number` to the base q.
static void write_states(fg_batch *batch, uint32_t c, uint64_t width, uint64_t sites, unsigned states,
                         uint64_t number) {
  for (uint64_t i = 0; i < sites; i++, number /= states)
    state_set(batch, c, i / width, i % width, (uint8_t)(number % states));
}

/// ln P of every fine lattice of 2×2 (from one site) given the coarse state; the caller's.
static double *all_of_one(const opened *o, unsigned states, uint8_t parent, uint32_t *cells) {
  *cells = states * states * states * states;
  fg_batch *fine = states_new(o->host, 2, 2, *cells), *coarse = states_new(o->host, 1, 1, *cells);
  for (uint32_t c = 0; c < *cells; c++) {
    write_states(fine, c, 2, 4, states, c);
    state_set(coarse, c, 0, 0, parent);
  }
  double *p = calloc(*cells, sizeof *p);
  CHECK_INTEGER(o->network->log_prob(o->model, fine, coarse, 0, *cells, p), FG_OK);
  networks_drop(o, (fg_batch *const[]){fine, coarse}, 2);
  return p;
}

static void probabilities_sum_to_one(void) {
  opened o = networks_open(KIND, three_states, 1, 5);
  CHECK_INTEGER(o.network->element, FG_STATE8);
  CHECK_INTEGER(o.network->states(o.model), 3);
  for (uint8_t parent = 0; parent < 3; parent++) {
    uint32_t cells;
    double sum = 0, *p = all_of_one(&o, 3, parent, &cells);
    for (uint32_t c = 0; c < cells; c++) sum += exp(p[c]);
    CHECK_NEAR(sum, 1, 1e-12);
    free(p);
  }
  // 1×2 → 2×4: 3^8 fine lattices for each of 9 coarse ones.
  enum { CELLS = 6561 };
  fg_batch *fine = states_new(o.host, 2, 4, CELLS), *coarse = states_new(o.host, 1, 2, CELLS);
  double *p = calloc(CELLS, sizeof *p);
  for (uint32_t parents = 0; parents < 9; parents++) {
    double sum = 0;
    for (uint32_t c = 0; c < CELLS; c++) {
      write_states(fine, c, 4, 8, 3, c);
      write_states(coarse, c, 2, 2, 3, parents);
    }
    CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, CELLS, p), FG_OK);
    for (uint32_t c = 0; c < CELLS; c++) sum += exp(p[c]);
    CHECK_NEAR(sum, 1, 1e-12);
  }
  free(p);
  networks_drop(&o, (fg_batch *const[]){fine, coarse}, 2);
  networks_close(&o);
}

/// Site by site from the formula: for each place of the kernel, the state there.
static double defined(const opened *o, const fg_batch *fine, const fg_batch *coarse, unsigned states, int radius) {
  const int rows = (int)fine->rows, width = (int)fg_lattice_width(&fine->lattice);
  double result = 0;
  for (int y = 0; y < rows; y++) {
    for (int x = 0; x < width; x++) {
      double z[8] = {0}, sum = 0;
      for (int dy = -radius; dy <= radius; dy++) {
        for (int dx = -radius; dx <= radius; dx++) {
          int a = abs(dy) > abs(dx) ? abs(dy) : abs(dx), b = abs(dy) + abs(dx) - a;
          // corner, edge, centre; then the ring of radius 2
          int k = a == 0 ? 2 : a == 1 ? (b == 1 ? 0 : 1) : b == 2 ? 3 : b == 0 ? 4 : 5;
          int from_y = (y + dy + 4 * rows) % rows / 2, from_x = (x + dx + 4 * width) % width / 2;
          z[state_get(coarse, 0, (uint64_t)from_y, (uint64_t)from_x)] += 0.5 * o->weights[k];
        }
      }
      for (unsigned s = 0; s < states; s++) sum += exp(z[s]);
      result += z[state_get(fine, 0, (uint64_t)y, (uint64_t)x)] - log(sum);
    }
  }
  return result;
}

static void as_defined(void) {
  static const char *const hyperparameters[] = {"{\"states\":3,\"kernel\":3}", "{\"states\":5,\"kernel\":5}"};
  for (int i = 0; i < 2; i++) {
    const unsigned states = i ? 5 : 3;
    opened o = networks_open(KIND, hyperparameters[i], 0.7, 5);
    CHECK_INTEGER(o.parameters, i ? 6 : 3);
    CHECK_INTEGER(o.network->radius(o.model), 1);
    fg_batch *coarse = states_random(o.host, 3, 5, 1, states, 1), *fine = states_random(o.host, 6, 10, 1, states, 2);
    double expected = defined(&o, fine, coarse, states, i + 1);
    CHECK_NEAR(networks_log_prob(&o, fine, coarse), expected, 1e-11 * fabs(expected));
    networks_drop(&o, (fg_batch *const[]){fine, coarse}, 2);
    networks_close(&o);
  }
}

/// The same weights in network.symmetric: every score to rounding.
static void two_states_are_spins(void) {
  static const char *const kernels[] = {"3", "5", "7"};
  for (int i = 0; i < 3; i++) {
    char potts[64], spins[64];
    snprintf(potts, sizeof potts, "{\"states\":2,\"kernel\":%s}", kernels[i]);
    snprintf(spins, sizeof spins, "{\"kernel\":%s}", kernels[i]);
    opened o = networks_open(KIND, potts, 0.7, 5), s = networks_open("network.symmetric", spins, 0.7, 5);
    for (uint64_t k = 0; k < o.parameters; k++) CHECK_NEAR(o.weights[k], s.weights[k], 0);
    fg_batch *coarse = spins_random(o.host, 5, 7, 1, 0.5, 3), *fine = spins_random(o.host, 10, 14, 1, 0.5, 4);
    fg_batch *coarse_states = states_new(o.host, 5, 7, 1), *fine_states = states_new(o.host, 10, 14, 1);
    for (uint64_t n = 0; n < 35; n++)
      state_set(coarse_states, 0, n / 7, n % 7, (uint8_t)spin_get(coarse, 0, n / 7, n % 7));
    for (uint64_t n = 0; n < 140; n++)
      state_set(fine_states, 0, n / 14, n % 14, (uint8_t)spin_get(fine, 0, n / 14, n % 14));
    double expected = networks_log_prob(&s, fine, coarse);
    CHECK_NEAR(networks_log_prob(&o, fine_states, coarse_states), expected, 1e-11 * fabs(expected));
    networks_drop(&o, (fg_batch *const[]){coarse, fine, coarse_states, fine_states}, 4);
    networks_close(&o);
    networks_close(&s);
  }
}

/// Permuted states, and the transposed lattice, have the same probability.
static void symmetries(void) {
  opened o = networks_open(KIND, "{\"states\":4,\"kernel\":5}", 1, 5);
  static const uint8_t permutation[4] = {2, 0, 3, 1};
  fg_batch *coarse = states_random(o.host, 6, 6, 1, 4, 1), *fine = states_random(o.host, 12, 12, 1, 4, 2);
  double expected = networks_log_prob(&o, fine, coarse);
  fg_batch *images[2] = {states_new(o.host, 6, 6, 1), states_new(o.host, 12, 12, 1)};
  for (int g = 0; g < 3; g++) {
    for (int which = 0; which < 2; which++) {
      const fg_batch *from = which ? fine : coarse;
      const uint64_t length = from->rows;
      for (uint64_t y = 0; y < length; y++)
        for (uint64_t x = 0; x < length; x++) {
          const uint8_t state = state_get(from, 0, y, x);
          state_set(images[which], 0, g == 1 ? x : y,
                    g == 1   ? y
                    : g == 2 ? length - 1 - x
                             : x,
                    g == 0 ? permutation[state] : state);
        }
    }
    CHECK_NEAR(networks_log_prob(&o, images[1], images[0]), expected, 1e-10 * fabs(expected));
  }
  networks_drop(&o, (fg_batch *const[]){coarse, fine, images[0], images[1]}, 4);
  networks_close(&o);
}

static void gradients(void) {
  enum { COUNT = 4 };
  static const double weight[COUNT] = {0.5, 2, 0, 1.25};
  opened o = networks_open(KIND, "{\"states\":3,\"kernel\":5}", 0.5, 5);
  fg_batch *coarse = states_random(o.host, 4, 4, COUNT, 3, 1), *fine = states_random(o.host, 8, 8, COUNT, 3, 2);
  double gradient[6] = {0}, loss = 0;
  CHECK_INTEGER(o.network->gradient(o.model, fine, coarse, 0, 2, weight, &loss, gradient), FG_OK);
  CHECK_INTEGER(o.network->gradient(o.model, fine, coarse, 2, COUNT, weight, &loss, gradient), FG_OK);
  CHECK_NEAR(loss, networks_loss(&o, fine, coarse, weight), 1e-10 * loss);
  for (uint64_t k = 0; k < 6; k++) {
    const double kept = o.weights[k];
    double side[2];
    for (int i = 0; i < 2; i++) {
      o.weights[k] = kept + (i ? 1e-4 : -1e-4);
      networks_reopen(&o);
      side[i] = networks_loss(&o, fine, coarse, weight);
    }
    o.weights[k] = kept;
    CHECK_NEAR(gradient[k], (side[1] - side[0]) / 2e-4, 1e-6 * (1 + fabs(gradient[k])));
    CU_ASSERT(fabs(gradient[k]) > 1e-3);
  }
  networks_drop(&o, (fg_batch *const[]){coarse, fine}, 2);
  networks_close(&o);
}

static void frequencies(void) {
  enum { DRAWS = 100000 };
  opened o = networks_open(KIND, three_states, 0.4, 5);
  fg_batch *coarse = states_new(o.host, 1, 1, DRAWS), *fine = states_new(o.host, 2, 2, DRAWS);
  for (uint32_t c = 0; c < DRAWS; c++) state_set(coarse, c, 0, 0, 1);
  fine->level = 1;
  fg_rng_key key = o.host->rng_key(o.host, "frequencies");
  CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, key, coarse, fine, 0, DRAWS), FG_OK);
  uint32_t cells;
  double *expected = all_of_one(&o, 3, 1, &cells), *observed = calloc(cells, sizeof *observed);
  for (uint32_t c = 0; c < DRAWS; c++)
    observed[state_get(fine, c, 0, 0) + 3 * state_get(fine, c, 0, 1) + 9 * state_get(fine, c, 1, 0) +
             27 * state_get(fine, c, 1, 1)]++;
  for (uint32_t c = 0; c < cells; c++) expected[c] = DRAWS * exp(expected[c]);
  CHECK_NEAR(networks_deviate(observed, expected, cells), 0, 5);
  // In ranges, from the middle of a batch: the same states.
  fg_batch *tail = states_new(o.host, 2, 2, 40), *parents = states_new(o.host, 1, 1, 40);
  for (uint32_t c = 0; c < 40; c++) state_set(parents, c, 0, 0, 1);
  tail->level = 1;
  tail->first = 700;
  CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, key, parents, tail, 13, 40), FG_OK);
  CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, key, parents, tail, 0, 13), FG_OK);
  CU_ASSERT(memcmp(tail->data, fg_batch_row(fine, 700, 0), 40 * tail->rows * tail->row_bytes) == 0);
  free(expected);
  free(observed);
  networks_drop(&o, (fg_batch *const[]){coarse, fine, tail, parents}, 4);
  networks_close(&o);
}

static void refusals(void) {
  networks_check_stage(KIND, "states: 4, kernel: 5", "{\"states\":4,\"kernel\":5}", 0);
  networks_check_stage_refusal(KIND, "kernel: 4", "4 is even, so it has no centre; use 3 or 5");
  networks_check_stage_refusal(KIND, "weights: [1, 2]", "2 given, kernel 3 has 3: corner, edge, centre");
  opened o = networks_open(KIND, three_states, 0.4, 5);
  networks_check_refusal(
      &o, "{\"states\":1,\"kernel\":3}", NULL, 0,
      "hyperparameters {\"states\":1,\"kernel\":3} of network.potts: kernel must be odd, from 3 to 15, "
      "states from 2 to 256");
  fg_batch *coarse = states_new(o.host, 2, 2, 1), *fine = states_new(o.host, 4, 4, 1),
           *spins = spins_new(o.host, 4, 4, 1);
  double log_prob;
  state_set(fine, 0, 3, 1, 3);
  CHECK_INTEGER(o.network->log_prob(o.model, fine, coarse, 0, 1, &log_prob), FG_FAILED);
  CHECK_TEXT(driver_error(o.driver),
             "a configuration has the state 3, but this model has 3, 0 to 2; give the sampler and "
             "the network the same states");
  state_set(coarse, 0, 1, 1, 200);
  CHECK_INTEGER(o.network->sample(o.model, o.host->rng_fill, o.host->rng_key(o.host, "x"), coarse, fine, 0, 1),
                FG_FAILED);
  CHECK_INTEGER(o.network->log_prob(o.model, spins, coarse, 0, 1, &log_prob), FG_FAILED);
  CHECK_TEXT(driver_error(o.driver),
             "the network needs Potts states on square lattices, the fine one twice as large as the coarse one");
  networks_drop(&o, (fg_batch *const[]){coarse, fine, spins}, 3);
  networks_close(&o);
}

int main(void) {
  static const check_case cases[] = {
      {"probabilities sum to one", probabilities_sum_to_one},
      {"as defined", as_defined},
      {"two states are spins", two_states_are_spins},
      {"symmetries", symmetries},
      {"gradients", gradients},
      {"frequencies", frequencies},
      {"refusals", refusals},
      {NULL, NULL},
  };
  return check_main(KIND, cases);
}
