// test_coverage.c — quoted errors cover: many short, correlated runs of the samplers through estimate.thermo, and how often
// the exact value lies within one quoted standard deviation. Exact values are those of the table's own column; other tests
// judge them.
//
// With normal errors the fraction is 68.3%. It must lie in 62–74%, pooled over runs, sizes and observables and for each
// observable pooled over at least 400 runs (whose own noise is 2.3%), and the mean of (value - exact)/error must vanish
// within 4/√n: values are plain, with a bias of order 1/n, and in skewed distributions errors are small where values are;
// together that makes about -0.05 at these lengths. Errors that are wrong by 15% fail. Seeds are fixed.
#include "check.h"
#include "driver.h"

#define RUNS 200u // of each recipe

static const char *const names[] = {"e", "varE", "m2", "U"};
#define OBSERVABLES (sizeof names / sizeof *names)

/// A short run: where its configurations come from.
typedef struct recipe {
  const char *label, *kind, *params;
  unsigned size;
} recipe;

/// Sums over runs; z = (value - exact)/error.
typedef struct tally {
  double inside, z, z2, tau, n;
} tally;

static void add(tally *into, const tally *other) {
  into->inside += other->inside;
  into->z += other->z;
  into->z2 += other->z2;
  into->tau += other->tau;
  into->n += other->n;
}

static void run_once(const recipe *r, uint64_t seed, tally tallies[OBSERVABLES]) {
  char params[200], size[16];
  snprintf(size, sizeof size, "%u", r->size);
  snprintf(params, sizeof params, "size: %u, coupling: critical, %s", r->size, r->params);
  driver *source = driver_open(r->kind, params, seed), *thermo = driver_open("estimate.thermo", "", seed);
  CHECK_INTEGER(driver_negotiate(source, NULL), FG_OK);
  CHECK_INTEGER(driver_negotiate(thermo, (const fg_format *const[]){driver_format(source, 0)}), FG_OK);
  CHECK_INTEGER(driver_finish(source), FG_OK);
  for (size_t i = 0; i < driver_count(source, 0); i++)
    CHECK_INTEGER(driver_feed_batch(thermo, 0, driver_message(source, 0, i)->batch), FG_OK);
  CHECK_INTEGER(driver_finish(thermo), FG_OK);
  for (size_t o = 0; o < OBSERVABLES; o++) {
    double value = driver_estimate(thermo, 0, size, 0, names[o], "value");
    double exact = driver_estimate(thermo, 0, size, 0, names[o], "exact");
    double error = driver_estimate(thermo, 0, size, 0, names[o], "error");
    double z = (value - exact) / error;
    CU_ASSERT(isfinite(z));
    add(&tallies[o], &(tally){fabs(z) <= 1, z, z * z, driver_estimate(thermo, 0, size, 0, names[o], "tau_int"), 1});
  }
  driver_close(thermo);
  driver_close(source);
}

static void print(const char *name, const tally *t) {
  printf("  %-4s %.1f%% (τ %.1f, z %+.2f, z² %.2f)", name, 100 * t->inside / t->n, t->tau / t->n, t->z / t->n,
         t->z2 / t->n);
}

static void judge(const recipe *recipes, size_t count) {
  tally all = {0}, observables[OBSERVABLES] = {{0}};
  for (size_t i = 0; i < count; i++) {
    tally tallies[OBSERVABLES] = {{0}};
    for (uint64_t seed = 1; seed <= RUNS; seed++) run_once(&recipes[i], 1000 * i + seed, tallies);
    printf("\n    L = %-2u %-22s", recipes[i].size, recipes[i].label);
    for (size_t o = 0; o < OBSERVABLES; o++) {
      print(names[o], &tallies[o]);
      add(&observables[o], &tallies[o]);
      add(&all, &tallies[o]);
    }
  }
  printf("\n    %-29s", "all runs");
  for (size_t o = 0; o < OBSERVABLES; o++) {
    print(names[o], &observables[o]);
    CHECK_NEAR(observables[o].inside / observables[o].n, 0.68, 0.06);
    CU_ASSERT(observables[o].tau / observables[o].n > 0.8); // correlated: errors of independent draws would not do
  }
  printf("\n    pooled: %.2f%% of %.0f within one error; mean of z %+.3f, of z² %.2f ", 100 * all.inside / all.n, all.n,
         all.z / all.n, all.z2 / all.n);
  CHECK_NEAR(all.inside / all.n, 0.68, 0.06);
  CHECK_NEAR(all.z / all.n, 0, 4 / sqrt(all.n));
}

/// Wolff's clusters: 1 or 2 between configurations, or as many as the sampler chooses.
static void wolff(void) {
  static const char single[] = "configurations: 2000, chains: 1, spacing: 1";
  static const char several[] = "configurations: 2000, chains: 4, spacing: 1";
  static const recipe recipes[] = {
      {"1 chain, 1-2 clusters", "sampler.wolff", single, 8},
      {"1 chain, 1-2 clusters", "sampler.wolff", single, 16},
      {"4 chains, 1-2 clusters", "sampler.wolff", several, 8},
      {"4 chains, 1-2 clusters", "sampler.wolff", several, 16},
      {"4 chains, automatic", "sampler.wolff", "configurations: 2000", 8},
      {"4 chains, automatic", "sampler.wolff", "configurations: 2000", 16},
  };
  judge(recipes, sizeof recipes / sizeof *recipes);
}

/// Single spins, which remember dozens of sweeps.
static void heat_bath(void) {
  static const recipe recipes[] = {
      {"1 chain, 3 sweeps", "sampler.metropolis", "algorithm: heat-bath, configurations: 4000, chains: 1, spacing: 3",
       8},
      {"1 chain, 6 sweeps", "sampler.metropolis", "algorithm: heat-bath, configurations: 4000, chains: 1, spacing: 6",
       16},
      {"4 chains, 3 sweeps", "sampler.metropolis", "algorithm: heat-bath, configurations: 4000, spacing: 3", 8},
      {"4 chains, 6 sweeps", "sampler.metropolis", "algorithm: heat-bath, configurations: 4000, spacing: 6", 16},
  };
  judge(recipes, sizeof recipes / sizeof *recipes);
}

int main(void) {
  static const check_case cases[] = {
      {"Wolff's clusters", wolff},
      {"heat bath", heat_bath},
      {0},
  };
  return check_main("errors that cover", cases);
}
