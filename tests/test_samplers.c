// test_samplers.c — sampler.wolff, sampler.swendsen-wang and sampler.metropolis: distributions against enumeration, the order of the stream,
// seeds, checkpoints, formats, refused parameters. Longer comparisons with exact moments: test_samplers_exact.c.
#include "check.h"
#include "driver.h"
#include "ising_observables.h"
#include "sampling.h"

#include <stdlib.h>

#define CRITICAL 0.44068679350977147

typedef struct method {
  const char *label, *kind, *more;
} method;

static const method methods[] = {
    {"wolff", "sampler.wolff", ""},
    {"swendsen-wang", "sampler.swendsen-wang", ""},
    {"metropolis", "sampler.metropolis", ", algorithm: metropolis"},
    {"heat-bath", "sampler.metropolis", ", algorithm: heat-bath"},
};
#define WOLFF 0
#define SWENDSEN_WANG 1
#define METROPOLIS 2
#define METHODS 4

/// A sampler run to its end.
static driver *run(const method *m, const char *params, uint64_t seed) {
  return sampler_run(m->kind, params, m->more, seed);
}

// ---- distributions on lattices small enough to enumerate

#define MOST_SITES 16
#define CELLS ((4 * MOST_SITES + 1) * (2 * MOST_SITES + 1))

/// Cell of (-E, M) in a joint histogram.
static size_t cell_of(int64_t bonds, int64_t spins) {
  return (size_t)((bonds + 2 * MOST_SITES) * (2 * MOST_SITES + 1) + spins + MOST_SITES);
}

/// Probabilities of the cells, from all 2^(L²) states.
static void enumerate(unsigned length, double coupling, double probability[CELLS]) {
  unsigned sites = length * length;
  double sum = 0, sign = coupling < 0 ? -1 : 1;
  memset(probability, 0, CELLS * sizeof *probability);
  for (uint32_t state = 0; state < 1u << sites; state++) {
    int bonds = 0, spins = 0;
    for (unsigned y = 0; y < length; y++) {
      for (unsigned x = 0; x < length; x++) {
        unsigned spin = state >> (y * length + x) & 1;
        bonds += spin == (state >> (y * length + (x + 1) % length) & 1) ? 1 : -1;
        bonds += spin == (state >> ((y + 1) % length * length + x) & 1) ? 1 : -1;
        spins += spin ? 1 : -1;
      }
    }
    double weight = exp(fabs(coupling) * (sign * bonds - 2.0 * sites));
    probability[cell_of(bonds, spins)] += weight;
    sum += weight;
  }
  for (size_t c = 0; c < CELLS; c++) probability[c] /= sum;
}

/// The joint distribution of energy and magnetisation, from configurations `spacing` updates apart. The deviate must
/// stay below 4, a chance of 3e-5 each.
static void check_joint(const method *m, unsigned length, double coupling, unsigned spacing) {
  static double probability[CELLS], observed[CELLS];
  const unsigned n = 50000;
  char params[256];
  snprintf(params, sizeof params, "size: %u, coupling: %.17g, configurations: %u, chains: 4, spacing: %u", length,
           coupling, n, spacing);
  driver *d = run(m, params, 7);
  memset(observed, 0, sizeof observed);
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    for (uint32_t k = 0; k < batch->count; k++) observed[cell_of(ising_bond_sum(batch, k), ising_spin_sum(batch, k))]++;
  }
  driver_close(d);
  enumerate(length, coupling, probability);
  double deviate = chi_squared_deviate(observed, probability, CELLS, n);
  if (!(deviate < 4)) printf("\n    %s L=%u K=%g: χ² deviate %.2f", m->label, length, coupling, deviate);
  CU_ASSERT(deviate < 4);
}

static void joint_critical(void) {
  for (unsigned length = 2; length <= 4; length++) {
    check_joint(&methods[WOLFF], length, CRITICAL, 8);
    check_joint(&methods[SWENDSEN_WANG], length, CRITICAL, 6);
    for (int m = METROPOLIS; m < METHODS; m++) check_joint(&methods[m], length, CRITICAL, 40);
  }
}

/// At K = 0 spins are coins. A Wolff chain with a fixed number of clusters would keep the parity of the number of up
/// spins, a Metropolis chain that always proposes would only ever see two states.
static void joint_uncoupled(void) {
  for (unsigned length = 1; length <= 4; length++) {
    check_joint(&methods[WOLFF], length, 0, 6 * length * length);
    check_joint(&methods[SWENDSEN_WANG], length, 0, 1);
    for (int m = METROPOLIS; m < METHODS; m++) check_joint(&methods[m], length, 0, 20);
  }
}

/// Both signs must come out, and the few excitations there are.
static void joint_strong(void) {
  for (unsigned length = 1; length <= 4; length++) {
    for (int m = 0; m < METHODS; m++) {
      check_joint(&methods[m], length, 0.7, m == SWENDSEN_WANG ? 8 : 60);
      check_joint(&methods[m], length, 40, m == SWENDSEN_WANG ? 1 : 10);
    }
  }
  check_joint(&methods[WOLFF], 4, 1e300, 1);
  check_joint(&methods[SWENDSEN_WANG], 4, 1e300, 1);
  check_joint(&methods[METROPOLIS], 4, 1e308, 1);
}

static void joint_antiferromagnetic(void) {
  for (unsigned length = 1; length <= 4; length++) {
    for (int m = METROPOLIS; m < METHODS; m++) {
      check_joint(&methods[m], length, -0.2, 40);
      check_joint(&methods[m], length, -CRITICAL, 60);
    }
  }
  for (int m = METROPOLIS; m < METHODS; m++) check_joint(&methods[m], 3, -0.8, 200);
}

// ---- what chooses itself

/// e and m2 with automatic thermalisation and spacing, from many independent single-configuration chains: shows a
/// thermalisation that is too short, which long chains would hide. Within 4σ.
static void check_first(const method *m, unsigned length, double e_exact, double m2_exact) {
  const unsigned n = 2048;
  char params[256];
  snprintf(params, sizeof params, "size: %u, coupling: critical, configurations: %u, chains: %u", length, n, n);
  driver *d = run(m, params, 3);
  double sites = length * length, e = 0, ee = 0, m2 = 0, m4 = 0;
  CHECK_INTEGER(driver_count(d, 0), n);
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    double energy = -(double)ising_bond_sum(batch, 0) / sites, spin = (double)ising_spin_sum(batch, 0) / sites;
    e += energy / n;
    ee += energy * energy / n;
    m2 += spin * spin / n;
    m4 += spin * spin * spin * spin / n;
  }
  driver_close(d);
  CHECK_NEAR(e, e_exact, 4 * sqrt((ee - e * e) / n));
  CHECK_NEAR(m2, m2_exact, 4 * sqrt((m4 - m2 * m2) / n));
}

static void thermalized(void) { // Kaufman 1949; transfer matrix
  for (int m = 0; m < METHODS; m++) {
    check_first(&methods[m], 8, -1.4915891074397065, 0.646911574994);
    check_first(&methods[m], 16, -1.453064852813477, 0.545417204397);
  }
}

// ---- the stream

/// Batches in rounds over the chains, sizes by the chains' shares, indices without gaps, every field set.
static void check_order(const method *m, unsigned length, unsigned configurations, unsigned chains, unsigned fit) {
  char params[256];
  snprintf(params, sizeof params, "size: %u, coupling: 0.4, configurations: %u, chains: %u, thermalize: 0, spacing: 1",
           length, configurations, chains);
  driver *d = run(m, params, 1);
  const fg_format *format = driver_format(d, 0);
  CHECK_INTEGER(format->kind, FG_BATCH);
  CHECK_INTEGER(format->element, FG_SPIN1);
  CHECK_INTEGER(format->shape_count, 1);
  CHECK_INTEGER(format->configurations, configurations);
  CHECK_INTEGER(format->batch, fit);

  size_t index = 0;
  uint64_t first = 0;
  for (unsigned given = 0; first < configurations; given += fit) {
    for (unsigned c = 0; c < chains; c++) {
      unsigned quota = configurations / chains + (c < configurations % chains);
      if (quota <= given) continue;
      const fg_message *message = driver_message(d, 0, index++);
      CU_ASSERT_FATAL(message && message->batch);
      const fg_batch *batch = message->batch;
      CHECK_INTEGER(batch->chain, c);
      CHECK_INTEGER(batch->first, first);
      CHECK_INTEGER(batch->count, quota - given < fit ? quota - given : fit);
      CHECK_INTEGER(batch->level, 0);
      CHECK_INTEGER(batch->element, FG_SPIN1);
      CHECK_NEAR(batch->coupling, 0.4, 0);
      CU_ASSERT(fg_lattice_equal(&batch->lattice, &format->shapes[0]));
      first += batch->count;
    }
  }
  CHECK_INTEGER(driver_count(d, 0), index);
  CHECK_INTEGER(first, configurations);
  driver_close(d);
}

static void order(void) {
  for (int m = 0; m < METHODS; m++) {
    check_order(&methods[m], 128, 1003, 4, 128);
    check_order(&methods[m], 128, 129, 1, 128);
    check_order(&methods[m], 7, 5, 7, 1024); // chains without a configuration stay silent
    check_order(&methods[m], 1, 3000, 2, 1024);
    check_order(&methods[m], 2048, 3, 2, 1);
  }
}

static void seeds(void) {
  const char *params = "size: 20, coupling: critical, configurations: 200, chains: 2";
  for (int m = 0; m < METHODS; m++) {
    driver *a = run(&methods[m], params, 1), *b = run(&methods[m], params, 1), *c = run(&methods[m], params, 2);
    CU_ASSERT(streams_equal(a, 0, b, 0));
    CU_ASSERT(!streams_equal(a, 0, c, 0));
    const fg_batch *one = driver_message(a, 0, 0)->batch, *other = driver_message(a, 0, 1)->batch;
    CU_ASSERT(memcmp(one->data, other->data, one->count * one->rows * one->row_bytes) != 0);
    driver_close(a);
    driver_close(b);
    driver_close(c);
  }
}

/// Bits beyond the last column are zero; bits within are not all.
static void padding(void) {
  for (int m = 0; m < METHODS; m++) {
    driver *d = run(&methods[m], "size: 70, coupling: 0.3, configurations: 20, chains: 1", 5);
    const fg_batch *batch = driver_message(d, 0, 0)->batch;
    uint64_t used = 0, padded = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
      for (uint64_t y = 0; y < 70; y++) {
        used |= fg_batch_row(batch, i, y)[1] & 0x3f;
        padded |= fg_batch_row(batch, i, y)[1] >> 6;
      }
    }
    CHECK_INTEGER(used, 0x3f);
    CHECK_INTEGER(padded, 0);
    driver_close(d);
  }
}

// ---- checkpoints

static driver *open_for_restore(const method *m, const char *params) {
  return sampler_open(m->kind, params, m->more, 11);
}

static void checkpoints(void) {
  const char *params = "size: 33, coupling: critical, configurations: 8001, chains: 3, thermalize: 20, spacing: 1";
  static checkpoint saved;
  for (int m = 0; m < METHODS; m++) {
    driver *whole = run(&methods[m], params, 11);
    for (unsigned rounds = 0; rounds <= 3; rounds++) { // 992 configurations in a batch: three rounds, the third partial
      driver *early = open_for_restore(&methods[m], params);
      for (unsigned i = 0; i < rounds; i++) CHECK_INTEGER(driver_stage(early)->produce(driver_self(early)), FG_OK);
      CHECK_INTEGER(stage_save(early, &saved), FG_OK);
      size_t emitted = driver_count(early, 0);
      driver_close(early);

      driver *late = open_for_restore(&methods[m], params);
      CHECK_INTEGER(stage_restore(late, &saved), FG_OK);
      CHECK_INTEGER(driver_finish(late), FG_OK);
      CU_ASSERT(streams_equal(whole, emitted, late, 0));
      driver_close(late);
    }
    driver_close(whole);

    driver *torn = open_for_restore(&methods[m], params);
    saved.size -= 1;
    CHECK_INTEGER(stage_restore(torn, &saved), FG_FAILED);
    CU_ASSERT(strlen(driver_error(torn)) > 0);
    driver_close(torn);
    driver *damaged = open_for_restore(&methods[m], params);
    saved.size += 1;
    memset(saved.bytes + 24, 0xff, 8); // configurations the first chain has given
    CHECK_INTEGER(stage_restore(damaged, &saved), FG_FAILED);
    driver_close(damaged);
    driver *foreign = open_for_restore(&methods[m], "size: 32, coupling: critical, configurations: 8001, chains: 3");
    CHECK_INTEGER(stage_restore(foreign, &saved), FG_FAILED);
    driver_close(foreign);
  }
}

// ---- parameters

static void check_refused(const char *kind, const char *params, const char *about) {
  driver *d = driver_open(kind, params, 1);
  CU_ASSERT(driver_self(d) == NULL);
  if (!strstr(driver_error(d), about)) printf("\n    %s {%s}: got \"%s\"", kind, params, driver_error(d));
  CU_ASSERT(strstr(driver_error(d), about) != NULL);
  driver_close(d);
}

static void refusals(void) {
  for (int m = 0; m <= METROPOLIS; m++) {
    check_refused(methods[m].kind, "coupling: 0.4, configurations: 1", "size");
    check_refused(methods[m].kind, "size: 4, configurations: 1", "coupling");
    check_refused(methods[m].kind, "size: 4, coupling: 0.4", "configurations");
    check_refused(methods[m].kind, "size: 0, coupling: 0.4, configurations: 1", "size");
    check_refused(methods[m].kind, "size: 46341, coupling: 0.4, configurations: 1", "size");
    check_refused(methods[m].kind, "size: 4, coupling: .inf, configurations: 1", "coupling");
    check_refused(methods[m].kind, "size: 4, coupling: 0.4, configurations: 1, spacing: 0", "spacing");
    check_refused(methods[m].kind, "size: 4, coupling: 0.4, configurations: 1, thermalize: -1", "thermalize");
  }
  check_refused("sampler.wolff", "size: 4, coupling: -0.1, configurations: 1", "coupling");
  check_refused("sampler.swendsen-wang", "size: 4, coupling: -0.1, configurations: 1", "coupling");
  check_refused("sampler.metropolis", "size: 4, coupling: -0.1, configurations: 1, algorithm: glauber", "algorithm");
  const char *isa = getenv("FINEGRAIN_ISA");
  char *before = isa ? strdup(isa) : NULL;
  setenv("FINEGRAIN_ISA", "nonsense", 1);
  check_refused("sampler.metropolis", "size: 4, coupling: 0.4, configurations: 1",
                "FINEGRAIN_ISA=nonsense: no such instruction set; leave it unset, or choose portable");
  unsetenv("FINEGRAIN_ISA");
  if (before) setenv("FINEGRAIN_ISA", before, 1);
  free(before);
}

/// The largest lattice: sizes do not wrap, and nothing is allocated before the run.
static void largest(void) {
  for (int m = 0; m < METHODS; m++) {
    driver *d = open_for_restore(&methods[m], "size: 46340, coupling: critical, configurations: 1");
    CHECK_INTEGER(driver_format(d, 0)->batch, 1);
    CHECK_INTEGER(fg_lattice_sites(&driver_format(d, 0)->shapes[0]), 46340LL * 46340);
    fg_format format = {.size = sizeof format};
    fg_format *outputs[] = {&format};
    uint64_t bound = 0;
    CHECK_INTEGER(driver_stage(d)->negotiate(driver_self(d), NULL, outputs, &bound), FG_OK);
    CU_ASSERT(bound >= 46340ull * 46340 && bound < 46340ull * 46340 * 6);
    driver_close(d);
  }
}

int main(void) {
  static const check_case cases[] = {
      {"joint distribution at Kc", joint_critical},
      {"joint distribution at K = 0", joint_uncoupled},
      {"joint distribution at strong coupling", joint_strong},
      {"joint distribution of the antiferromagnet", joint_antiferromagnetic},
      {"automatic thermalisation", thermalized},
      {"order of the stream", order},
      {"seeds", seeds},
      {"padding bits", padding},
      {"checkpoints", checkpoints},
      {"refused parameters", refusals},
      {"largest lattice", largest},
      {0},
  };
  return check_main("samplers", cases);
}
