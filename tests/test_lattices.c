// test_lattices.c — the samplers on the chain, the triangular and the cubic lattice: joint distributions of energy and
// magnetisation against enumeration, energies of larger lattices against exact and published values, blocks and decimation
// site by site, what chooses itself, checkpoints, refused parameters. The square lattice: test_samplers.c and test_potts.c.
#include "check.h"
#include "driver.h"
#include "sampling.h"
#include "small_lattices.h"

#include <stdlib.h>

#define TRIANGULAR_CRITICAL 0.27465307216702742 // ¼ ln 3

typedef struct method {
  const char *label, *kind, *more;
  double factor; ///< what the sampler calls the coupling, over K
} method;

static const method methods[] = {
    {"wolff", "sampler.wolff", "", 1},
    {"metropolis", "sampler.metropolis", ", algorithm: metropolis", 1},
    {"heat-bath", "sampler.metropolis", ", algorithm: heat-bath", 1},
    {"Potts wolff", "sampler.potts", ", states: 2, algorithm: wolff", 2},
    {"Potts heat-bath", "sampler.potts", ", states: 2, algorithm: heat-bath", 2},
};
#define METHODS 5
#define IS_WOLFF(m) ((m) == 0 || (m) == 3)

// ---- joint distributions

/// χ² of (energy, magnetisation) of 20000 configurations; the deviate must stay below 4, a chance of 3e-5 each.
static void check_joint(int which, const small_lattice *lattice, const double number[SMALL_CELLS], double coupling,
                        unsigned spacing) {
  static double probability[SMALL_CELLS], observed[SMALL_CELLS];
  const method *m = &methods[which];
  const unsigned n = 20000;
  char params[256];
  snprintf(params, sizeof params, "lattice: %s, size: %u, coupling: %.17g, configurations: %u, spacing: %u",
           lattice->name, lattice->length, coupling * m->factor, n, spacing);
  driver *d = sampler_run(m->kind, params, m->more, 7);
  memset(observed, 0, sizeof observed);
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    for (uint32_t k = 0; k < batch->count; k++) {
      uint8_t state[SMALL_SITES];
      unsigned up = 0;
      small_read(batch, k, lattice, state);
      for (unsigned site = 0; site < lattice->sites; site++) up += state[site];
      observed[small_cell(small_like(lattice, state), up)]++;
    }
  }
  driver_close(d);
  small_probabilities(lattice, number, coupling, probability);
  double deviate = chi_squared_deviate(observed, probability, SMALL_CELLS, n);
  if (!(deviate < 4))
    printf("\n    %s %s L=%u K=%g: χ² deviate %.2f", m->label, lattice->name, lattice->length, coupling, deviate);
  CU_ASSERT(deviate < 4);
}

/// Every method on one lattice at one coupling; clusters only where they form.
static void check_methods(const char *name, unsigned length, const double *couplings, unsigned count, unsigned clusters,
                          unsigned sweeps) {
  static double number[SMALL_CELLS];
  const small_lattice lattice = small_lattice_of(name, length);
  if (lattice.sites == 27)
    small_numbers_cube(number);
  else
    small_numbers(&lattice, number);
  for (unsigned c = 0; c < count; c++)
    for (int m = 0; m < METHODS; m++)
      if (couplings[c] >= 0 || !IS_WOLFF(m))
        check_joint(m, &lattice, number, couplings[c], IS_WOLFF(m) ? clusters : sweeps);
}

static void joint_chain(void) {
  static const double couplings[] = {0.4, 1, -0.7};
  check_methods("chain", 1, couplings, 1, 4, 6);
  check_methods("chain", 2, couplings, 3, 8, 24);
  check_methods("chain", 3, couplings, 3, 8, 24);
  check_methods("chain", 8, couplings, 3, 16, 30);
}

static void joint_triangular(void) {
  static const double couplings[] = {TRIANGULAR_CRITICAL, 0.1, -0.4};
  check_methods("triangular", 1, couplings, 1, 4, 6);
  check_methods("triangular", 2, couplings, 3, 8, 24);
  check_methods("triangular", 3, couplings, 3, 8, 24);
  check_methods("triangular", 4, couplings, 3, 8, 16);
}

static void joint_cubic(void) {
  static const double couplings[] = {0.221654626, 0.1, -0.25};
  check_methods("cubic", 1, couplings, 1, 4, 6);
  check_methods("cubic", 2, couplings, 3, 8, 24);
  check_methods("cubic", 3, couplings, 3, 6, 14);
}

/// At K = 0 all states are alike, at strong coupling two of them: nothing gets stuck, nothing overflows.
static void joint_extremes(void) {
  static const double couplings[] = {0, 40};
  static const char *const names[] = {"chain", "triangular", "cubic"};
  for (size_t i = 0; i < 3; i++) {
    check_methods(names[i], 2, couplings, 2, 24, 8);
    check_methods(names[i], 2, (const double[]){-40}, 1, 1, 16);
  }
}

/// What numbers of states must add up to, the cube's among them.
static void numbers(void) {
  static double cube[SMALL_CELLS], small[SMALL_CELLS];
  double sum = 0;
  small_numbers_cube(cube);
  for (size_t cell = 0; cell < SMALL_CELLS; cell++) sum += cube[cell];
  CHECK_NEAR(sum, 0x1p27, 0);
  CHECK_NEAR(cube[small_cell(81, 0)], 1, 0);
  CHECK_NEAR(cube[small_cell(75, 1)], 27, 0); // one spin breaks six bonds
  CHECK_NEAR(cube[small_cell(71, 2)], 81, 0); // two neighbours ten
  const small_lattice lattice = small_lattice_of("cubic", 2);
  small_numbers(&lattice, small);
  CHECK_NEAR(small[small_cell(18, 1)], 8, 0); // six bonds to three neighbours, two to each
}

// ---- Potts states

#define MOST_CONFIGURATIONS 20000

/// The whole configuration of at most 3^9: every one has its probability.
static void check_states(const char *name, unsigned length, unsigned q, double coupling, int clusters) {
  static double probability[MOST_CONFIGURATIONS], observed[MOST_CONFIGURATIONS];
  const small_lattice lattice = small_lattice_of(name, length);
  uint8_t state[SMALL_SITES] = {0};
  size_t all = 1;
  double sum = 0;
  for (unsigned site = 0; site < lattice.sites; site++) all *= q;
  CU_ASSERT_FATAL(all <= MOST_CONFIGURATIONS);
  for (size_t c = 0; c < all; c++) {
    size_t rest = c;
    for (unsigned site = 0; site < lattice.sites; site++, rest /= q) state[site] = (uint8_t)(rest % q);
    probability[c] = exp(coupling * small_like(&lattice, state));
    sum += probability[c];
  }
  for (size_t c = 0; c < all; c++) probability[c] /= sum;

  const unsigned n = 20000;
  char params[256];
  snprintf(params, sizeof params,
           "states: %u, lattice: %s, size: %u, coupling: %.17g, configurations: %u, spacing: 20, algorithm: %s", q,
           name, length, coupling, n, clusters ? "wolff" : "heat-bath");
  driver *d = sampler_run("sampler.potts", params, "", 5);
  memset(observed, 0, sizeof observed);
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    for (uint32_t k = 0; k < batch->count; k++) {
      size_t cell = 0;
      small_read(batch, k, &lattice, state);
      for (unsigned site = lattice.sites; site-- > 0;) cell = cell * q + state[site];
      observed[cell]++;
    }
  }
  driver_close(d);
  double deviate = chi_squared_deviate(observed, probability, all, n);
  if (!(deviate < 4)) printf("\n    q=%u %s L=%u K=%g: χ² deviate %.2f", q, name, length, coupling, deviate);
  CU_ASSERT(deviate < 4);
}

static void potts(void) {
  for (int clusters = 0; clusters < 2; clusters++) {
    check_states("chain", 5, 3, 1, clusters);
    check_states("chain", 2, 7, 0.5, clusters);
    check_states("triangular", 2, 5, 0.3, clusters);
    check_states("triangular", 3, 3, 0.6309, clusters);
    check_states("cubic", 2, 3, 0.3, clusters);
  }
  check_states("chain", 5, 3, -1, 0);
  check_states("triangular", 2, 8, -0.5, 0);
  check_states("triangular", 3, 3, -0.8, 0);
  check_states("cubic", 2, 3, -0.6, 0);
}

// ---- larger lattices

/// The mean of ½ n_like-type energies is the estimator's: value, error and exact value of one observable of a sampler.
static void check_estimate(const method *m, const char *params, const char *size, const char *observable, double exact,
                           double most_error) {
  driver *source = sampler_run(m->kind, params, m->more, 3), *thermo = driver_open("estimate.thermo", "", 1);
  const fg_format *in = driver_format(source, 0);
  CHECK_INTEGER(driver_negotiate(thermo, &in), FG_OK);
  for (size_t i = 0; i < driver_count(source, 0); i++)
    CHECK_INTEGER(driver_feed_batch(thermo, 0, driver_message(source, 0, i)->batch), FG_OK);
  CHECK_INTEGER(driver_finish(thermo), FG_OK);
  double value = driver_estimate(thermo, 0, size, 0, observable, "value");
  double error = driver_estimate(thermo, 0, size, 0, observable, "error");
  double column = driver_estimate(thermo, 0, size, 0, observable, "exact");
  if (isnan(exact)) exact = column;
  printf("\n    %s {%s}: %s %.5f(%.5f) exact %.5f %+.1fσ", m->label, params, observable, value, error, exact,
         (value - exact) / error);
  CU_ASSERT(error > 0 && error < most_error);
  CHECK_NEAR(value, exact, 4 * error);
  driver_close(source);
  driver_close(thermo);
}

/// Automatic counts; exact values from the transfer matrix and from Pfaffians (test_exact_lattices.c).
static void energies(void) {
  for (int m = 0; m < 3; m++) {
    const char *chain = "lattice: chain, size: 50, coupling: 0.8, configurations: 20000";
    const char *triangular = "lattice: triangular, size: 8, coupling: critical, configurations: 20000";
    const char *weak = "lattice: triangular, size: 12, coupling: 0.2, configurations: 10000";
    check_estimate(&methods[m], chain, "50", "e", NAN, 2e-3);
    check_estimate(&methods[m], chain, "50", "m2", NAN, 3e-3);
    check_estimate(&methods[m], triangular, "8", "e", NAN, 0.007);
    check_estimate(&methods[m], triangular, "8", "varE", NAN, 0.3);
    check_estimate(&methods[m], weak, "12", "e", NAN, 4e-3);
  }
}

/// -e of the cubic lattice at weak coupling from the published series ln Z / N = ln 2 + 3 ln cosh K + 3v⁴ + 22v⁶ + …, v =
/// tanh K (A. J. Guttmann and I. G. Enting, J. Phys. A 26, 807, 1993). At K = 0.14 what is left out, loops around an L = 8
/// torus (3L² v^L / N a site) included, is less than 2e-5.
static double cubic_series(double coupling) {
  static const double a[] = {3, 22, 187.5, 1980, 24044, 319170, 18059031.0 / 4};
  double v = tanh(coupling), e = 3 * v;
  for (int k = 0; k < 7; k++) e += (4 + 2 * k) * a[k] * pow(v, 3 + 2 * k) * (1 - v * v);
  return -e;
}

static void cubic_weak(void) {
  const char *params = "lattice: cubic, size: 8, coupling: 0.14, configurations: 20000";
  for (int m = 0; m < 3; m++) check_estimate(&methods[m], params, "8", "e", cubic_series(0.14), 1e-3);
}

/// The mean energy per site and its error, in the Potts convention -Σ δ, of one run.
static void potts_energy(const char *params, double *mean, double *error) {
  driver *d = sampler_run("sampler.potts", params, "", 9);
  double bins[64] = {0}, sum = 0, square = 0;
  const fg_lattice *lattice = &driver_format(d, 0)->shapes[0];
  const uint64_t length = lattice->extent[0], total = driver_format(d, 0)->configurations;
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    for (uint32_t c = 0; c < batch->count; c++) {
      uint64_t like = 0;
      for (uint64_t y = 0; y < length; y++) {
        const uint8_t *row = (const uint8_t *)fg_batch_row(batch, c, y);
        const uint8_t *below = (const uint8_t *)fg_batch_row(batch, c, (y + 1) % length);
        for (uint64_t x = 0; x < length; x++)
          like += (unsigned)(row[x] == row[(x + 1) % length]) + (unsigned)(row[x] == below[x]);
      }
      bins[(batch->first + c) * 64 / total] -= (double)like / (double)(length * length);
    }
  }
  driver_close(d);
  for (int b = 0; b < 64; b++) {
    double bin = bins[b] * 64 / (double)total;
    sum += bin / 64;
    square += bin * bin / 64;
  }
  *mean = sum;
  *error = sqrt((square - sum * sum) / 63);
}

/// Potts, q = 3 at its self-dual coupling: e = -(1 + 1/√3) on the infinite lattice. On L×L what is added falls as
/// L^(1/ν-2) with ν = 5/6, so two sizes give the limit; the next correction is smaller than the tolerance.
static void potts_critical(void) {
  double small, large, small_error, large_error, fall = exp2(0.8);
  potts_energy("states: 3, size: 12, coupling: critical, configurations: 64000", &small, &small_error);
  potts_energy("states: 3, size: 24, coupling: critical, configurations: 51200", &large, &large_error);
  double limit = (fall * large - small) / (fall - 1), exact = -(1 + 1 / sqrt(3));
  double error = hypot(fall * large_error, small_error) / (fall - 1);
  printf("\n    e(12) %.5f(%.5f), e(24) %.5f(%.5f): limit %.5f(%.5f), exact %.5f", small, small_error, large,
         large_error, limit, error, exact);
  CU_ASSERT(error < 0.006);
  CHECK_NEAR(limit, exact, 4 * error);
  CU_ASSERT(fabs(small - exact) > 9 * error); // so the comparison means something
}

// ---- blocks

/// A batch of random spins or states on a lattice.
static fg_batch *random_batch(driver *d, uint32_t element, const fg_lattice *lattice) {
  const fg_host *host = driver_host(d);
  fg_batch *batch = host->batch_new(host, element, lattice, 30);
  fg_rng rng = fg_rng_start(host->rng_fill, host->rng_key(host, "spins of a test"), lattice->extent[0]);
  for (uint32_t c = 0; c < batch->count; c++)
    for (uint64_t y = 0; y < batch->rows; y++)
      for (uint64_t x = 0; x < fg_lattice_width(lattice); x++)
        if (element == FG_SPIN1)
          fg_bit_set(fg_batch_row_mut(batch, c, y), x, (unsigned)fg_rng_bits(&rng) & 1);
        else
          ((uint8_t *)fg_batch_row_mut(batch, c, y))[x] = (uint8_t)fg_rng_below(&rng, 3);
  return batch;
}

/// The spin or state at (z, y, x), of any lattice.
static unsigned site_at(const fg_batch *batch, uint32_t c, uint64_t z, uint64_t y, uint64_t x) {
  uint64_t height = batch->lattice.dims == 3 ? batch->lattice.extent[1] : batch->rows;
  const uint64_t *row = fg_batch_row(batch, c, z * height + y);
  return batch->element == FG_SPIN1 ? fg_bit_get(row, x) : ((const uint8_t *)row)[x];
}

/// Every block of a stage against its sites. offset < 0: majority; otherwise which one is kept.
static void check_blocks(const char *kind, const char *more, uint32_t element, const fg_lattice *lattice,
                         uint64_t factor, int offset) {
  char params[80];
  snprintf(params, sizeof params, "factor: %d%s", (int)factor, more);
  driver *d = driver_open(kind, params, 1);
  fg_format in = {.size = sizeof in, .kind = FG_BATCH, .element = element, .shape_count = 1, .shapes = {*lattice}};
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in}), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  fg_batch *fine = random_batch(d, element, lattice);
  CHECK_INTEGER(driver_feed_batch(d, 0, fine), FG_OK);
  const fg_batch *coarse = driver_message(d, 0, 0)->batch;
  CHECK_INTEGER(driver_format(d, 0)->element, element);
  CHECK_INTEGER(coarse->element, element);
  CHECK_INTEGER(coarse->lattice.shape, lattice->shape);
  CU_ASSERT(fg_lattice_equal(&coarse->lattice, &driver_format(d, 0)->shapes[0]));

  const uint32_t dims = lattice->dims;
  const uint64_t layers = dims == 3 ? coarse->lattice.extent[0] : 1, height = coarse->rows / layers;
  const uint64_t deep = dims == 3 ? factor : 1, high = dims > 1 ? factor : 1;
  int wrong = 0, ties = 0, up_at_ties = 0;
  for (uint32_t c = 0; c < coarse->count; c++)
    for (uint64_t z = 0; z < layers; z++)
      for (uint64_t y = 0; y < height; y++)
        for (uint64_t x = 0; x < fg_lattice_width(&coarse->lattice); x++) {
          unsigned counts[256] = {0}, most = 0, ways = 0, found = site_at(coarse, c, z, y, x);
          for (uint64_t k = 0; k < deep * high * factor; k++)
            counts[site_at(fine, c, z * deep + k / (high * factor), y * high + k / factor % high,
                           x * factor + k % factor)]++;
          for (unsigned s = 0; s < 256; s++) most = counts[s] > most ? counts[s] : most;
          for (unsigned s = 0; s < 256; s++) ways += counts[s] == most;
          uint64_t o = (uint64_t)(offset < 0 ? 0 : offset);
          if (offset >= 0)
            wrong += found !=
                     site_at(fine, c, dims == 3 ? z * factor + o : 0, dims > 1 ? y * factor + o : 0, x * factor + o);
          else
            wrong += counts[found] != most;
          ties += ways > 1;
          up_at_ties += ways > 1 && found == 1;
        }
  CHECK_INTEGER(wrong, 0);
  // Ties of two spins are coins: 4σ.
  if (offset < 0 && element == FG_SPIN1) {
    CU_ASSERT((factor % 2 == 0) == (ties > 0));
    CHECK_NEAR(up_at_ties, 0.5 * ties, 2 * sqrt(ties));
  }
  driver_host(d)->batch_unref(driver_host(d), fine);
  driver_close(d);
}

static void blocks(void) {
  static const fg_lattice lattices[] = {{FG_CHAIN, 1, {1260, 0, 0, 0}},
                                        {FG_SQUARE, 2, {12, 72, 0, 0}},
                                        {FG_TRIANGULAR, 2, {18, 66, 0, 0}},
                                        {FG_CUBIC, 3, {6, 12, 72, 0}}};
  for (size_t i = 0; i < 4; i++) {
    for (uint64_t factor = 2; factor <= 3; factor++) {
      check_blocks("coarsen.majority", "", FG_SPIN1, &lattices[i], factor, -1);
      check_blocks("coarsen.potts-majority", "", FG_STATE8, &lattices[i], factor, -1);
      check_blocks("coarsen.decimation", "", FG_SPIN1, &lattices[i], factor, 0);
      check_blocks("coarsen.decimation", ", offset: 1", FG_SPIN1, &lattices[i], factor, 1);
      check_blocks("coarsen.decimation", ", offset: 1", FG_STATE8, &lattices[i], factor, 1);
    }
    check_blocks("coarsen.decimation", ", offset: 2", FG_STATE8, &lattices[i], 3, 2);
    check_blocks("coarsen.majority", "", FG_SPIN1, &lattices[i], 6, -1);
  }
}

/// Decimating a chain gives the chain with tanh K' = (tanh K)^b: its energy is exact again.
static void decimated_chain(void) {
  for (int factor = 2; factor <= 3; factor++) {
    const char *sampled = "lattice: chain, size: 60, coupling: 1, configurations: 10000";
    char params[40];
    snprintf(params, sizeof params, "factor: %d, offset: 1", factor);
    driver *source = sampler_run("sampler.wolff", sampled, "", 2),
           *stage = driver_open("coarsen.decimation", params, 1);
    driver *thermo = driver_open("estimate.thermo", "", 1);
    const fg_format *in = driver_format(source, 0), *between = NULL;
    CHECK_INTEGER(driver_negotiate(stage, &in), FG_OK);
    between = driver_format(stage, 0);
    CHECK_INTEGER(driver_negotiate(thermo, &between), FG_OK);
    for (size_t i = 0; i < driver_count(source, 0); i++) {
      CHECK_INTEGER(driver_feed_batch(stage, 0, driver_message(source, 0, i)->batch), FG_OK);
      CHECK_INTEGER(driver_feed_batch(thermo, 0, driver_message(stage, 0, i)->batch), FG_OK);
    }
    CHECK_INTEGER(driver_finish(thermo), FG_OK);
    const char *size = factor == 2 ? "30" : "20";
    double t = pow(tanh(1), factor), length = 60 / factor, exact = -(t + pow(t, length - 1)) / (1 + pow(t, length));
    double value = driver_estimate(thermo, 0, size, -1, "e", "value"),
           error = driver_estimate(thermo, 0, size, -1, "e", "error");
    printf("\n    decimated by %d: e %.5f(%.5f), exact %.5f", factor, value, error, exact);
    CU_ASSERT(error < 4e-3);
    CHECK_NEAR(value, exact, 4 * error);
    CU_ASSERT(isnan(driver_estimate(thermo, 0, size, -1, "e", "exact")));
    driver_close(source);
    driver_close(stage);
    driver_close(thermo);
  }
}

// ---- what is chosen, kept and refused

static void critical_by_name(void) {
  static const struct {
    const char *kind, *params;
    double coupling;
  } cases[] = {{"sampler.wolff", "lattice: square", 0.44068679350977147},
               {"sampler.wolff", "lattice: triangular", TRIANGULAR_CRITICAL},
               {"sampler.metropolis", "lattice: triangular", TRIANGULAR_CRITICAL},
               {"sampler.metropolis", "lattice: cubic", 0.221654626},
               {"sampler.potts", "states: 2, lattice: triangular", 2 * TRIANGULAR_CRITICAL},
               {"sampler.potts", "states: 4, lattice: triangular", 0.69314718055994531}, // v = 1
               {"sampler.potts", "states: 2, lattice: cubic", 2 * 0.221654626}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    driver *d = sampler_run(cases[i].kind, cases[i].params, ", size: 3, coupling: critical, configurations: 1", 1);
    CHECK_NEAR(driver_message(d, 0, 0)->batch->coupling, cases[i].coupling, 1e-15);
    driver_close(d);
  }
}

static void formats(void) {
  static const struct {
    const char *params;
    fg_lattice lattice;
  } cases[] = {{"lattice: chain, size: 70", {FG_CHAIN, 1, {70, 0, 0, 0}}},
               {"lattice: triangular, size: 9", {FG_TRIANGULAR, 2, {9, 9, 0, 0}}},
               {"lattice: cubic, size: 5", {FG_CUBIC, 3, {5, 5, 5, 0}}},
               {"size: 9", {FG_SQUARE, 2, {9, 9, 0, 0}}}};
  for (size_t i = 0; i < 4; i++) {
    driver *d = sampler_run("sampler.wolff", cases[i].params, ", coupling: 0.2, configurations: 9", 1);
    CU_ASSERT(fg_lattice_equal(&driver_format(d, 0)->shapes[0], &cases[i].lattice));
    CU_ASSERT(fg_lattice_equal(&driver_message(d, 0, 0)->batch->lattice, &cases[i].lattice));
    driver_close(d);
  }
}

static void checkpoints(void) {
  static const char *const params[] = {
      "lattice: chain, size: 900, coupling: 0.6, configurations: 3000, chains: 2, thermalize: 5, spacing: 1",
      "lattice: triangular, size: 31, coupling: critical, configurations: 3000, chains: 2, thermalize: 5, spacing: 1",
      "lattice: cubic, size: 10, coupling: critical, configurations: 3000, chains: 2, thermalize: 5, spacing: 1"};
  static checkpoint saved;
  for (size_t p = 0; p < 3; p++) {
    for (int m = 0; m < 3; m++) {
      driver *whole = sampler_run(methods[m].kind, params[p], methods[m].more, 11);
      driver *early = sampler_open(methods[m].kind, params[p], methods[m].more, 11);
      CHECK_INTEGER(driver_stage(early)->produce(driver_self(early)), FG_OK);
      CHECK_INTEGER(stage_save(early, &saved), FG_OK);
      size_t emitted = driver_count(early, 0);
      driver_close(early);
      driver *late = sampler_open(methods[m].kind, params[p], methods[m].more, 11);
      CHECK_INTEGER(stage_restore(late, &saved), FG_OK);
      CHECK_INTEGER(driver_finish(late), FG_OK);
      CU_ASSERT(emitted > 0 && streams_equal(whole, emitted, late, 0));
      driver_close(late);
      driver_close(whole);
    }
  }
}

/// Refused by create or by negotiate, as `finegrain check` calls them.
static void check_refused(const char *kind, const char *params, const fg_format *in, const char *expected) {
  driver *d = driver_open(kind, params, 1);
  if (driver_self(d)) CHECK_INTEGER(driver_negotiate(d, in ? (const fg_format *const[]){in} : NULL), FG_FAILED);
  CU_ASSERT(strstr(driver_error(d), expected) != NULL);
  if (!strstr(driver_error(d), expected)) printf("\n    %s {%s}: got \"%s\"", kind, params, driver_error(d));
  driver_close(d);
}

static void refusals(void) {
  const char *infinite = "critical: a chain has no transition at a finite coupling; give a number";
  check_refused("sampler.wolff", "lattice: chain, size: 8, coupling: critical, configurations: 1", NULL, infinite);
  check_refused("sampler.metropolis", "lattice: chain, size: 8, coupling: critical, configurations: 1", NULL, infinite);
  check_refused("sampler.potts", "states: 2, lattice: chain, size: 8, coupling: critical, configurations: 1", NULL,
                infinite);
  check_refused("sampler.potts", "states: 3, lattice: cubic, size: 8, coupling: critical, configurations: 1", NULL,
                "critical: on the cubic lattice known here for states: 2 only; give a number");
  check_refused("sampler.wolff", "lattice: cubic, size: 1291, coupling: 0.2, configurations: 1", NULL,
                "1291³ sites are too many; a cubic lattice has at most 1290³");
  check_refused("sampler.metropolis", "lattice: cubic, size: 46340, coupling: 0.2, configurations: 1", NULL,
                "46340³ sites are too many");
  check_refused("sampler.wolff", "lattice: kagome, size: 4, coupling: 0.2, configurations: 1", NULL, "triangular");
  check_refused("coarsen.decimation", "offset: 2", NULL, "2 lies beyond a block of side 2; at most factor - 1 = 1");
  fg_format in = {.size = sizeof in, .kind = FG_BATCH, .element = FG_SPIN1, .shape_count = 1};
  in.shapes[0] = (fg_lattice){FG_HYPERCUBIC, 4, {2, 2, 2, 2}};
  check_refused("coarsen.majority", "", &in, "blocks the chain, the square, the triangular and the cubic lattice only");
  in.shapes[0] = (fg_lattice){FG_CUBIC, 3, {4, 6, 9, 0}};
  check_refused("coarsen.decimation", "", &in, "2 does not divide the size 4x6x9, and no factor divides all sizes");
  in.shapes[0] = (fg_lattice){FG_CHAIN, 1, {9, 0, 0, 0}};
  check_refused("coarsen.majority", "", &in, "2 does not divide the size 9; nearest that does: 3");
}

int main(void) {
  static const check_case cases[] = {
      {"numbers of states", numbers},
      {"joint distribution on the chain", joint_chain},
      {"joint distribution on the triangular lattice", joint_triangular},
      {"joint distribution on the cubic lattice", joint_cubic},
      {"joint distribution at K = 0 and at strong coupling", joint_extremes},
      {"Potts states", potts},
      {"larger lattices against exact values", energies},
      {"cubic lattice against its series", cubic_weak},
      {"Potts energy at the transition", potts_critical},
      {"blocks site by site", blocks},
      {"decimated chain", decimated_chain},
      {"critical by name", critical_by_name},
      {"formats", formats},
      {"checkpoints", checkpoints},
      {"refusals", refusals},
      {0},
  };
  return check_main("lattices", cases);
}
