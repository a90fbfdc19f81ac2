// test_samplers_exact.c — the samplers, with their automatic thermalisation and spacing, against exact values of e,
// varE, m2 and U: each within 4σ, with σ(m2)/m2 below 0.2% and the errors from a jackknife over bins of whole chains'
// stretches. 132 comparisons: with normal errors a false alarm somewhere has a chance of 1%; the seeds are fixed.
#include "check.h"
#include "driver.h"
#include "ising_observables.h"

#define CRITICAL 0.44068679350977147
#define CHAINS 4u
#define BINS 32u // a chain
#define CONFIGURATIONS 500000u

typedef struct exact {
  unsigned size;
  double coupling, e, variance, m2, binder;
} exact;

// e and varE: B. Kaufman, Phys. Rev. 76, 1232 (1949), the finite torus's partition function differentiated in K.
// m2 and U = ⟨m⁴⟩/⟨m²⟩²: transfer matrix with the field expanded to fourth order.
static const exact table[] = {
    {2, CRITICAL, -1.697056274847714, 2.08, 0.874264068712, 1.119288125423},
    {3, CRITICAL, -1.6112463815311582, 3.2374892065307086, 0.809429989272, 1.139560318202},
    {4, CRITICAL, -1.5656237876383186, 4.0331990989621485, 0.761358908569, 1.148402044763},
    {5, CRITICAL, -1.5367195165345084, 4.640461790447901, 0.723697273235, 1.153573396931},
    {8, CRITICAL, -1.4915891074397065, 5.8987159180021695, 0.646911574994, 1.16086384517},
    {12, CRITICAL, -1.465960816486279, 6.9666163491227495, 0.585675437019, 1.16424653339},
    {16, CRITICAL, -1.453064852813477, 7.71713455972525, 0.545417204397, 1.165636626063},
    {4, 0.40, -1.3791164822593487, 5.078220184002863, 0.654825756937, 1.255417022639},
    {8, 0.40, -1.222320643250913, 6.877974308515199, 0.432099078576, 1.42763143241},
    {4, 0.48, -1.7020394926992157, 2.9223526803402793, 0.838887978198, 1.086343851068},
    {8, 0.48, -1.6802152335598053, 3.728517343513477, 0.793722132229, 1.058465844351},
};

/// Sums over configurations: their number, e, e², m², m⁴.
typedef struct sums {
  double n, e, ee, m2, m4;
} sums;

static void add(sums *into, const sums *other, double sign) {
  into->n += sign * other->n;
  into->e += sign * other->e;
  into->ee += sign * other->ee;
  into->m2 += sign * other->m2;
  into->m4 += sign * other->m4;
}

enum { E, VARIANCE, M2, BINDER, OBSERVABLES };
static const char *const names[OBSERVABLES] = {"e", "varE", "m2", "U"};

static void observables(const sums *s, double sites, double values[OBSERVABLES]) {
  double e = s->e / s->n, m2 = s->m2 / s->n;
  values[E] = e;
  values[VARIANCE] = sites * (s->ee / s->n - e * e);
  values[M2] = m2;
  values[BINDER] = s->m4 / s->n / (m2 * m2);
}

/// Runs a sampler and fills bins of consecutive configurations of one chain.
static void sample(const char *kind, const char *more, const exact *point, uint64_t seed, sums bins[CHAINS][BINS]) {
  char params[256];
  snprintf(params, sizeof params, "size: %u, coupling: %.17g, configurations: %u, chains: %u%s", point->size,
           point->coupling, CONFIGURATIONS, CHAINS, more);
  driver *d = driver_open(kind, params, seed);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  uint64_t seen[CHAINS] = {0}, share = CONFIGURATIONS / CHAINS;
  double sites = (double)point->size * point->size;
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    for (uint32_t k = 0; k < batch->count; k++) {
      double e = -(double)ising_bond_sum(batch, k) / sites, m = (double)ising_spin_sum(batch, k) / sites;
      sums one = {1, e, e * e, m * m, m * m * m * m};
      add(&bins[batch->chain][seen[batch->chain]++ * BINS / share], &one, 1);
    }
  }
  for (unsigned c = 0; c < CHAINS; c++) CHECK_INTEGER(seen[c], share);
  driver_close(d);
}

static void compare(const char *label, const char *kind, const char *more, size_t index) {
  const exact *point = &table[index];
  sums bins[CHAINS][BINS] = {{{0}}}, total = {0};
  sample(kind, more, point, 20260604 + index, bins);
  for (unsigned c = 0; c < CHAINS; c++)
    for (unsigned b = 0; b < BINS; b++) add(&total, &bins[c][b], 1);

  double sites = (double)point->size * point->size, count = CHAINS * BINS;
  double values[OBSERVABLES], without[OBSERVABLES], mean[OBSERVABLES] = {0}, square[OBSERVABLES] = {0};
  observables(&total, sites, values);
  for (unsigned c = 0; c < CHAINS; c++) {
    for (unsigned b = 0; b < BINS; b++) {
      sums rest = total;
      add(&rest, &bins[c][b], -1);
      observables(&rest, sites, without);
      for (int o = 0; o < OBSERVABLES; o++) {
        mean[o] += (without[o] - values[o]) / count;
        square[o] += (without[o] - values[o]) * (without[o] - values[o]) / count;
      }
    }
  }
  const double expected[OBSERVABLES] = {point->e, point->variance, point->m2, point->binder};
  printf("\n    %-10s L=%-2u K=%.4f", label, point->size, point->coupling);
  for (int o = 0; o < OBSERVABLES; o++) {
    double error = sqrt((count - 1) * (square[o] - mean[o] * mean[o]));
    printf("  %s %.5f(%.5f) %+.1fσ", names[o], values[o], error, (values[o] - expected[o]) / error);
    CHECK_NEAR(values[o], expected[o], 4 * error);
    if (o == M2) CU_ASSERT(error < 0.002 * values[o]);
  }
}

static void campaign(const char *label, const char *kind, const char *more) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) compare(label, kind, more, i);
}

static void wolff(void) { campaign("wolff", "sampler.wolff", ""); }
static void swendsen_wang(void) { campaign("swendsen", "sampler.swendsen-wang", ""); }
static void metropolis(void) { campaign("metropolis", "sampler.metropolis", ""); }
static void heat_bath(void) { campaign("heat-bath", "sampler.metropolis", ", algorithm: heat-bath"); }

int main(void) {
  static const check_case cases[] = {
      {"wolff against exact values", wolff},
      {"swendsen-wang against exact values", swendsen_wang},
      {"metropolis against exact values", metropolis},
      {"heat bath against exact values", heat_bath},
      {0},
  };
  return check_main("samplers against exact values", cases);
}
