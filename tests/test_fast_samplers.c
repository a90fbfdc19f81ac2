// test_fast_samplers.c — the fast sweeps of samplers give, bit for bit, what their definitions say site by site
// (plugins/samplers/plain.h): all small sizes, edges of words and strips, probabilities from 0 to 1, every instruction
// set, several threads; and their random events have the probabilities they should.
#include "check.h"
#include "driver.h"
#include "pool.h"
#include "rng.h"

#include "plugins/samplers/plain.h"

#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const char *const names[] = {"portable", "avx2", "avx512"};

/// Numbers that owe nothing to the code under test (splitmix64).
static uint64_t varied(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
  return z ^ z >> 31;
}

static uint8_t *varied_sites(uint32_t length, uint64_t *state) {
  uint8_t *sites = malloc((size_t)length * length);
  CU_ASSERT_FATAL(sites != NULL);
  for (uint32_t i = 0; i < length * length; i++) sites[i] = varied(state) & 1;
  return sites;
}

static events_source varied_source(uint64_t *state) {
  return (events_source){fg_rng_fill, {{varied(state), varied(state)}}, varied(state)};
}

// ---- events

/// Against u < threshold, for ranges that begin and end anywhere in groups.
static void events_match(void) {
  uint64_t state = 1, words[40];
  const uint64_t thresholds[] = {0, 1, UINT64_MAX, UINT64_C(1) << 52, UINT64_C(0x95f6195db25d5c00), varied(&state)};
  const events_source source = varied_source(&state);
  for (size_t t = 0; t < COUNT_OF(thresholds); t++) {
    for (uint64_t begin = 0; begin < 20; begin += 3) {
      memset(words, 0xa5, sizeof words);
      events_fill(&source, thresholds[t], begin, begin + 17, words);
      int wrong = 0;
      for (uint64_t w = 0; w < COUNT_OF(words); w++) {
        uint64_t expected = UINT64_C(0xa5a5a5a5a5a5a5a5);
        if (w >= begin && w < begin + 17) {
          expected = 0;
          for (uint64_t b = 0; b < 64; b++)
            expected |= (uint64_t)(plain_number(&source, 64 * w + b) < thresholds[t]) << b;
        }
        wrong += words[w] != expected;
      }
      CHECK_INTEGER(wrong, 0);
    }
  }
}

/// Frequencies within 4σ, of probabilities whose bits lie on both sides of the early planes: without the late ones p =
/// 2⁻¹³ would never happen.
static void events_frequent(void) {
  static uint64_t words[1 << 17];
  const double probabilities[] = {0x1p-13, 1e-3, 0.5857864376269049, 1 - 0x1p-13}, n = 64.0 * COUNT_OF(words);
  uint64_t state = 2;
  for (size_t i = 0; i < COUNT_OF(probabilities); i++) {
    const double p = probabilities[i];
    const events_source source = varied_source(&state);
    events_fill(&source, events_threshold(p), 0, COUNT_OF(words), words);
    double found = 0;
    for (size_t w = 0; w < COUNT_OF(words); w++) found += __builtin_popcountll(words[w]);
    CHECK_NEAR(found / n, p, 4 * sqrt(p * (1 - p) / n));
  }
}

// ---- single spins

static void check_checkerboard(uint32_t length, const double probability[CHECKERBOARD_CLASSES], unsigned sweeps) {
  uint64_t state = length;
  const size_t size = (size_t)length * length;
  uint8_t *start = varied_sites(length, &state), *expected = malloc(size), *found = malloc(size);
  const events_source source = varied_source(&state);
  const checkerboard_rule rule = checkerboard_prepare(probability);
  memcpy(expected, start, size);
  for (unsigned i = 0; i < sweeps; i++) {
    const events_source next = {source.fill, source.key, source.high + i};
    plain_checkerboard(expected, length, rule.thresholds, &next);
  }
  for (size_t k = 0; k < COUNT_OF(names); k++) {
    const checkerboard_isa *isa = checkerboard_choose(names[k]);
    checkerboard board;
    if (!isa) continue;
    CU_ASSERT_FATAL(checkerboard_open(&board, length));
    checkerboard_load(&board, start);
    for (unsigned i = 0; i < sweeps; i++) {
      const events_source next = {source.fill, source.key, source.high + i};
      checkerboard_sweep(isa, &board, &rule, &next);
    }
    memset(found, 0xa5, size);
    checkerboard_store(&board, found);
    checkerboard_close(&board);
    const int equal = memcmp(found, expected, size) == 0;
    if (!equal) printf("\n    %s differs at L=%u ", names[k], length);
    CU_ASSERT(equal);
  }
  free(start);
  free(expected);
  free(found);
}

static void checkerboard_matches(void) {
  static const double metropolis[] = {0.0220, 0.1287, 0.75, 0.75, 0.75},
                      heat_bath[] = {0.0286, 0.1464, 0.5, 0.8536, 0.9714};
  static const double extreme[] = {0, 1, 0x1p-40, 1 - 0x1p-20, 0.3}, certain[] = {1, 1, 1, 1, 1};
  for (uint32_t length = 2; length <= 40; length += 2) {
    check_checkerboard(length, metropolis, 3);
    check_checkerboard(length, heat_bath, 2);
    check_checkerboard(length, extreme, 2);
  }
  static const uint32_t lengths[] = {62, 64, 66, 126, 128, 130, 192, 256, 258};
  for (size_t i = 0; i < COUNT_OF(lengths); i++) check_checkerboard(lengths[i], metropolis, 1);
  check_checkerboard(64, certain, 3);
}

// ---- clusters

static fg_pool *pool; ///< NULL: one thread

static fg_status pooled_for(const fg_host *host, uint64_t count, fg_status (*body)(void *arg, uint64_t index),
                            void *arg) {
  (void)host;
  if (pool) return fg_pool_for(pool, count, body, arg, NULL);
  fg_status status = FG_OK;
  for (uint64_t i = count; i-- > 0 && status == FG_OK;) status = body(arg, i); // the order must not matter
  return status;
}

static cluster_events varied_events(uint64_t *state, double probability) {
  cluster_events events = {varied_source(state), varied_source(state), varied_source(state),
                           events_threshold(probability)};
  return events;
}

static void check_clusters(const fg_host *host, uint32_t length, double probability, unsigned sweeps) {
  uint64_t state = length;
  const size_t size = (size_t)length * length;
  uint8_t *expected = varied_sites(length, &state), *found = malloc(size);
  uint32_t *label = malloc(size * sizeof *label), *stack = malloc(size * sizeof *stack);
  cluster_lattice lattice;
  CU_ASSERT_FATAL(cluster_lattice_open(&lattice, length));
  lattice.labels = malloc(size * sizeof *lattice.labels);
  cluster_lattice_load(&lattice, expected);
  for (unsigned i = 0; i < sweeps; i++) {
    const cluster_events events = varied_events(&state, probability);
    plain_clusters(expected, length, &events, label, stack);
    CHECK_INTEGER(cluster_sweep(host, &lattice, &events), FG_OK);
    memset(found, 0xa5, size);
    cluster_lattice_store(&lattice, found);
    const int equal = memcmp(found, expected, size) == 0;
    if (!equal) printf("\n    differs at L=%u, p=%g, sweep %u ", length, probability, i);
    CU_ASSERT(equal);
  }
  free(lattice.labels);
  cluster_lattice_close(&lattice);
  free(expected);
  free(found);
  free(label);
  free(stack);
}

static void clusters_match(void) {
  static const double probabilities[] = {0, 0.3, 0.5857864376269049, 0.9, 1};
  static const uint32_t lengths[] = {63, 64, 65, 100, 127, 128, 129};
  const fg_host host = {.size = sizeof host, .parallel_for = pooled_for};
  for (size_t p = 0; p < COUNT_OF(probabilities); p++)
    for (uint32_t length = 1; length <= 20; length++) check_clusters(&host, length, probabilities[p], 4);
  for (size_t i = 0; i < COUNT_OF(lengths); i++) check_clusters(&host, lengths[i], probabilities[2], 3);
}

/// Lattices of several strips, on one thread and on three, the last sweep also plainly. From order, where clusters span
/// many strips.
static void clusters_strips(void) {
  const fg_host host = {.size = sizeof host, .parallel_for = pooled_for};
  static const uint32_t lengths[] = {300, 600};
  for (size_t k = 0; k < COUNT_OF(lengths); k++) {
    const uint32_t length = lengths[k];
    const size_t size = (size_t)length * length;
    uint8_t *serial = calloc(size, 1), *threaded = calloc(size, 1), *before = calloc(size, 1);
    uint8_t *expected = malloc(size);
    uint32_t *label = malloc(size * sizeof *label), *stack = malloc(size * sizeof *stack);
    for (unsigned threads = 1; threads <= 3; threads += 2) {
      uint64_t state = 5;
      cluster_lattice lattice;
      CU_ASSERT_FATAL(cluster_lattice_open(&lattice, length));
      lattice.labels = malloc(size * sizeof *lattice.labels);
      pool = threads > 1 ? fg_pool_new(threads) : NULL;
      if (pool) fg_pool_acquire(pool);
      cluster_lattice_load(&lattice, before);
      for (unsigned i = 0; i < 20; i++) {
        const cluster_events events = varied_events(&state, 0.5857864376269049);
        const int last = i == 19 && threads == 1;
        if (last) {
          cluster_lattice_store(&lattice, expected);
          plain_clusters(expected, length, &events, label, stack);
        }
        CHECK_INTEGER(cluster_sweep(&host, &lattice, &events), FG_OK);
      }
      cluster_lattice_store(&lattice, threads > 1 ? threaded : serial);
      if (pool) fg_pool_release(pool);
      fg_pool_free(pool);
      pool = NULL;
      free(lattice.labels);
      cluster_lattice_close(&lattice);
    }
    CU_ASSERT(memcmp(serial, threaded, size) == 0);
    CU_ASSERT(memcmp(serial, expected, size) == 0);
    free(expected);
    free(serial);
    free(threaded);
    free(before);
    free(label);
    free(stack);
  }
}

int main(void) {
  static const check_case cases[] = {
      {"events against their numbers", events_match},
      {"frequencies of events", events_frequent},
      {"checkerboards, every instruction set", checkerboard_matches},
      {"clusters", clusters_match},
      {"clusters of several strips", clusters_strips},
      {0},
  };
  return check_main("fast sweeps of samplers", cases);
}
