// NAME_test.c — network.NAME: its probabilities sum to one, what it draws is what it scores, and it dreams.
#include "testing.h"

static fg_status fail(const fg_host *host, const char *format, ...) { return FG_FAILED; }

/// Splitmix64 in place of the host's random bits: a function of key and counter, too.
static void fill(fg_rng_key key, fg_rng_counter counter, void *buffer, size_t bytes) {
  for (size_t i = 0; i < bytes / 8; i++) {
    uint64_t x = key.word[0] + (counter.high << 20 ^ (2 * counter.low + i)) * UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    ((uint64_t *)buffer)[i] = x ^ x >> 31;
  }
}

/// All 16 fine lattices of 2×2, below one spin up; then draws.
static void by_itself(void) {
  enum { DRAWS = 16000 };
  static uint64_t rows[2 * DRAWS], parents[DRAWS];
  const fg_host host = {.size = sizeof host, .fail = fail};
  const fg_network *network = load_plugin("NAME.so")->stages[0]->extension(FG_NETWORK_EXTENSION);
  const double weight = 0.9;
  fg_network_model *model = NULL;
  CU_ASSERT_FATAL(network->open(&host, "{}", &weight, 1, &model) == FG_OK);
  fg_batch coarse = {.size = sizeof coarse,
                     .element = FG_SPIN1,
                     .lattice = fg_lattice_square(1),
                     .count = DRAWS,
                     .rows = 1,
                     .row_bytes = 8,
                     .data = parents};
  fg_batch fine = coarse;
  fine.lattice = fg_lattice_square(2);
  fine.rows = 2;
  fine.level = 1;
  fine.data = rows;
  for (uint64_t i = 0; i < DRAWS; i++) parents[i] = 1;
  for (uint64_t code = 0; code < 16; code++) {
    rows[2 * code] = code & 3;
    rows[2 * code + 1] = code >> 2;
  }
  double log_prob[16], sum = 0, drawn[16] = {0};
  CU_ASSERT(network->log_prob(model, &fine, &coarse, 0, 16, log_prob) == FG_OK);
  for (int code = 0; code < 16; code++) sum += exp(log_prob[code]);
  CU_ASSERT(is_near(sum, 1, 1e-12));
  CU_ASSERT(network->sample(model, fill, (fg_rng_key){{5, 6}}, &coarse, &fine, 0, DRAWS) == FG_OK);
  for (uint64_t i = 0; i < DRAWS; i++) drawn[rows[2 * i] | rows[2 * i + 1] << 2]++;
  for (int code = 0; code < 16; code++) { // within 5 standard deviations
    double expected = DRAWS * exp(log_prob[code]);
    CU_ASSERT(is_near(drawn[code], expected, 5 * sqrt(expected) + 1));
  }
  network->close(model);
}

/// Trained, it knows more of a fine spin than a coin, which is ln 2 off; and it dreams.
static void in_a_pipeline(void) {
  CU_ASSERT_FATAL(run_pipeline());
  CU_ASSERT(is_near(estimate("likelihood", "16", "nll"), 0.35, 0.34));
  CU_ASSERT(is_near(estimate("thermo", "32", "e"), -1, 0.99)); // between no order and all
}

int main(void) { return run_tests("network.NAME", by_itself, in_a_pipeline); }
