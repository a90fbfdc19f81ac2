// test_exact_lattices.c — what stands in the column `exact` for the chain and the triangular lattice: against enumeration
// at couplings of both signs, one formula against the other, limits and published values; bonds counted 64 at a time against
// counting site by site on every lattice, and that against a table of bonds.
#include "check.h"
#include "driver.h"

#include "../plugins/estimate/chain.c"
#include "../plugins/estimate/energy.c"
#include "../plugins/estimate/triangular.c"

#define CRITICAL 0.27465307216702742 // ¼ ln 3

// ---- enumeration

#define MOST_SITES 16
#define MOST_BONDS (3 * MOST_SITES)

/// The bonds of a small lattice, one after the other.
typedef struct bond_list {
  unsigned sites, count;
  uint8_t one[MOST_BONDS], other[MOST_BONDS];
} bond_list;

static void add_bond(bond_list *list, unsigned one, unsigned other) {
  list->one[list->count] = (uint8_t)one;
  list->other[list->count++] = (uint8_t)other;
}

static bond_list chain_bonds(unsigned length) {
  bond_list list = {.sites = length};
  for (unsigned x = 0; x < length; x++) add_bond(&list, x, (x + 1) % length);
  return list;
}

static bond_list triangular_bonds(unsigned rows, unsigned columns) {
  bond_list list = {.sites = rows * columns};
  for (unsigned y = 0; y < rows; y++) {
    for (unsigned x = 0; x < columns; x++) {
      unsigned site = y * columns + x, below = (y + 1) % rows * columns, right = (x + 1) % columns;
      add_bond(&list, site, y * columns + right);
      add_bond(&list, site, below + x);
      add_bond(&list, site, below + right);
    }
  }
  return list;
}

/// What all 2^N states give, and ⟨m²⟩.
static kaufman enumerate(const bond_list *list, double coupling, double *m2) {
  long double z = 0, first = 0, second = 0, square = 0;
  for (uint32_t state = 0; state < 1u << list->sites; state++) {
    int energy = 0, spins = 2 * __builtin_popcount(state) - (int)list->sites;
    for (unsigned b = 0; b < list->count; b++)
      energy += (state >> list->one[b] & 1) == (state >> list->other[b] & 1) ? -1 : 1;
    long double weight = expl(-(long double)coupling * energy);
    z += weight;
    first += weight * energy;
    second += weight * energy * energy;
    square += weight * spins * spins;
  }
  first /= z;
  second /= z;
  const double n = list->sites;
  double variance = (double)(second - first * first) / n;
  *m2 = (double)(square / z) / (n * n);
  return (kaufman){(double)logl(z) / n, (double)first / n, variance, coupling * coupling * variance};
}

static void compare(kaufman found, kaufman exact, double tolerance) {
  CHECK_NEAR(found.ln_z, exact.ln_z, tolerance);
  CHECK_NEAR(found.energy, exact.energy, tolerance);
  CHECK_NEAR(found.variance, exact.variance, tolerance * 10);
  CHECK_NEAR(found.heat_capacity, exact.heat_capacity, tolerance * 10);
}

static const double couplings[] = {0, 0.1, CRITICAL, 0.44, 0.9, 2, -0.05, -0.2, -0.5, -1};
#define COUPLINGS (sizeof couplings / sizeof *couplings)

static void chain_enumerated(void) {
  for (unsigned length = 1; length <= 12; length++) {
    for (size_t c = 0; c < COUPLINGS; c++) {
      double m2;
      bond_list list = chain_bonds(length);
      compare(chain_ring(length, couplings[c]), enumerate(&list, couplings[c], &m2), 1e-12);
      CHECK_NEAR(chain_m2(length, couplings[c]), m2, 1e-12);
    }
  }
}

/// The energy as it is usually written; and couplings at which t is ±1 to all digits, or e^2K infinite.
static void chain_formulas(void) {
  for (unsigned length = 3; length <= 3000; length *= 10) {
    double t = tanh(0.7), far = pow(t, length);
    CHECK_NEAR(chain_ring(length, 0.7).energy, -(t + far / t) / (1 + far), 1e-14);
  }
  static const double strong[] = {30, 300, 400, 1e300};
  for (size_t i = 0; i < sizeof strong / sizeof *strong; i++) {
    CHECK_NEAR(chain_ring(100, strong[i]).energy, -1, 1e-12);
    CHECK_NEAR(chain_m2(100, strong[i]), 1, 1e-12);
    CHECK_NEAR(chain_ring(100, -strong[i]).energy, 1, 1e-12);
    CHECK_NEAR(chain_m2(100, -strong[i]), 0, 1e-12);
  }
  // One unlike bond must be left on an odd ring, anywhere: e → (L-2)/L, and one spin more in one sign: m² → 1/L².
  CHECK_NEAR(chain_ring(99, -30).energy, 97.0 / 99, 1e-9);
  CHECK_NEAR(chain_m2(99, -30), 1.0 / (99 * 99), 1e-9);
  CHECK_NEAR(chain_m2(1000000, 0.5) * 1e6, exp(1.0), 1e-9);
}

static void triangular_enumerated(void) {
  static const unsigned sizes[][2] = {{1, 1}, {1, 2}, {2, 2}, {1, 3}, {2, 3}, {3, 3}, {2, 5}, {3, 4}, {1, 7}, {4, 4}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    for (size_t c = 0; c < COUPLINGS; c++) {
      double m2;
      bond_list list = triangular_bonds(sizes[i][0], sizes[i][1]);
      if (couplings[c] < -0.4) continue; // frustration: another test
      compare(triangular_torus(sizes[i][0], sizes[i][1], couplings[c]), enumerate(&list, couplings[c], &m2), 1e-11);
      compare(triangular_torus(sizes[i][1], sizes[i][0], couplings[c]), enumerate(&list, couplings[c], &m2), 1e-11);
    }
  }
}

/// Deep in the frustrated phase the four products nearly cancel on some tori: the values are right, or unknown.
static void frustration(void) {
  unsigned known = 0;
  for (unsigned length = 2; length <= 4; length++) {
    for (double coupling = -0.5; coupling > -6; coupling -= 0.5) {
      double m2;
      bond_list list = triangular_bonds(length, length);
      kaufman found = triangular_torus(length, length, coupling), exact = enumerate(&list, coupling, &m2);
      if (isnan(found.energy)) continue;
      known++;
      CHECK_NEAR(found.energy, exact.energy, 1e-8);
      CHECK_NEAR(found.variance, exact.variance, 1e-5);
    }
  }
  CU_ASSERT(known > 12);
  // The infinite antiferromagnet has e → 1 and an entropy of 0.3230659669 a site (G. H. Wannier, Phys. Rev. 79, 357, 1950;
  // B 7, 5017, 1973): ln Z / N + K e at strong coupling.
  kaufman ground = triangular_torus(96, 96, -4);
  CHECK_NEAR(ground.energy, 1, 1e-5);
  CHECK_NEAR(ground.ln_z - 4 * ground.energy, 0.3230659669, 2e-4);
}

/// At Kc, e = -2 on the infinite lattice (Houtappel 1950); what is left on the torus falls with 1/L.
static void triangular_critical(void) {
  double before = NAN;
  for (unsigned length = 16; length <= 512; length *= 2) {
    kaufman here = triangular_torus(length, length, CRITICAL);
    double left = -(here.energy + 2) * length;
    CU_ASSERT(left > 0.5 && left < 2);
    if (!isnan(before)) CHECK_NEAR(left, before, 30.0 / ((double)length * length));
    before = left;
  }
  // Above it e is that of the infinite lattice to all digits, for ξ « L: here from a lattice twice as large.
  CHECK_NEAR(triangular_torus(128, 128, 0.15).energy, triangular_torus(256, 256, 0.15).energy, 1e-13);
  // Weak coupling: -e = 3K + 6K² + …, every bond being the side of two triangles.
  CHECK_NEAR(triangular_torus(32, 32, 1e-4).energy, -(3e-4 + 6e-8), 1e-10);
}

static void unknown(void) {
  CU_ASSERT(isnan(triangular_torus(0, 4, 0.1).energy));
  CU_ASSERT(isnan(triangular_torus(4, 0, 0.1).ln_z));
  CU_ASSERT(isnan(triangular_torus(1025, 1024, 0.1).energy));
  CU_ASSERT(isnan(triangular_torus(UINT64_C(1) << 40, UINT64_C(1) << 40, 0.1).energy));
  CU_ASSERT(isnan(triangular_torus(4, 4, INFINITY).energy));
  CHECK_NEAR(triangular_torus(8, 8, 1e300).energy, -3, 1e-12);
}

// ---- counting

static fg_batch *random_batch(driver *d, const fg_lattice *lattice, uint32_t count) {
  const fg_host *host = driver_host(d);
  fg_batch *batch = host->batch_new(host, FG_SPIN1, lattice, count);
  fg_rng rng = fg_rng_start(host->rng_fill, host->rng_key(host, "spins of a test"), lattice->extent[0]);
  for (uint32_t c = 0; c < count; c++)
    for (uint64_t y = 0; y < batch->rows; y++)
      for (uint64_t x = 0; x < fg_lattice_width(lattice); x++)
        fg_bit_set(fg_batch_row_mut(batch, c, y), x, (unsigned)fg_rng_bits(&rng) & 1);
  return batch;
}

/// Fast and plain counts of whole configurations, and of their rows in two parts.
static void counting(void) {
  driver *d = driver_open("estimate.thermo", "", 1);
  static const fg_lattice lattices[] = {
      {FG_CHAIN, 1, {1, 0, 0, 0}},       {FG_CHAIN, 1, {2, 0, 0, 0}},       {FG_CHAIN, 1, {64, 0, 0, 0}},
      {FG_CHAIN, 1, {65, 0, 0, 0}},      {FG_CHAIN, 1, {1000, 0, 0, 0}},    {FG_SQUARE, 2, {7, 70, 0, 0}},
      {FG_TRIANGULAR, 2, {1, 1, 0, 0}},  {FG_TRIANGULAR, 2, {2, 2, 0, 0}},  {FG_TRIANGULAR, 2, {5, 63, 0, 0}},
      {FG_TRIANGULAR, 2, {3, 64, 0, 0}}, {FG_TRIANGULAR, 2, {4, 65, 0, 0}}, {FG_TRIANGULAR, 2, {6, 200, 0, 0}},
      {FG_CUBIC, 3, {1, 1, 1, 0}},       {FG_CUBIC, 3, {2, 2, 2, 0}},       {FG_CUBIC, 3, {2, 3, 5, 0}},
      {FG_CUBIC, 3, {3, 4, 64, 0}},      {FG_CUBIC, 3, {4, 2, 130, 0}},     {FG_CUBIC, 3, {1, 4, 65, 0}},
  };
  for (size_t i = 0; i < sizeof lattices / sizeof *lattices; i++) {
    fg_batch *batch = random_batch(d, &lattices[i], 20);
    for (uint32_t c = 0; c < batch->count; c++) {
      energy_counts plain = energy_count_plainly(batch, c, 0, batch->rows),
                    fast = energy_count(batch, c, 0, batch->rows);
      CHECK_INTEGER(fast.unlike, plain.unlike);
      CHECK_INTEGER(fast.up, plain.up);
      energy_counts upper = energy_count(batch, c, 0, batch->rows / 2);
      energy_counts lower = energy_count(batch, c, batch->rows / 2, batch->rows);
      CHECK_INTEGER(upper.unlike + lower.unlike, plain.unlike);
      energy_counts portable = count_portably(batch, c, 0, batch->rows);
      CHECK_INTEGER(portable.unlike, plain.unlike);
    }
    driver_host(d)->batch_unref(driver_host(d), batch);
  }
  driver_close(d);
}

/// Bonds as the plain count sees them: flipping one spin of a uniform lattice breaks all of its bonds.
static void bonds(void) {
  driver *d = driver_open("estimate.thermo", "", 1);
  static const struct {
    fg_lattice lattice;
    unsigned bonds;
  } cases[] = {{{FG_CHAIN, 1, {7, 0, 0, 0}}, 1},
               {{FG_SQUARE, 2, {5, 6, 0, 0}}, 2},
               {{FG_TRIANGULAR, 2, {5, 6, 0, 0}}, 3},
               {{FG_CUBIC, 3, {3, 4, 5, 0}}, 3}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK_INTEGER(energy_bonds(&cases[i].lattice), cases[i].bonds);
    for (uint64_t site = 0; site < fg_lattice_sites(&cases[i].lattice); site++) {
      fg_batch *batch = driver_host(d)->batch_new(driver_host(d), FG_SPIN1, &cases[i].lattice, 1);
      uint64_t width = fg_lattice_width(&cases[i].lattice);
      fg_bit_set(fg_batch_row_mut(batch, 0, site / width), site % width, 1);
      CHECK_INTEGER(energy_count_plainly(batch, 0, 0, batch->rows).unlike, 2 * cases[i].bonds);
      driver_host(d)->batch_unref(driver_host(d), batch);
    }
  }
  CHECK_INTEGER(energy_bonds(&(fg_lattice){FG_HYPERCUBIC, 4, {2, 2, 2, 2}}), 0);
  CHECK_INTEGER(energy_bonds(&(fg_lattice){FG_TRIANGULAR, 3, {2, 2, 2, 0}}), 0);
  CHECK_INTEGER(energy_bonds(&(fg_lattice){0, 1, {2, 0, 0, 0}}), 0);
  driver_close(d);
}

int main(void) {
  static const check_case cases[] = {
      {"chain against enumeration", chain_enumerated},
      {"chain against formulas and limits", chain_formulas},
      {"triangular lattice against enumeration", triangular_enumerated},
      {"frustrated triangular lattice", frustration},
      {"triangular lattice at Kc", triangular_critical},
      {"what is not known", unknown},
      {"fast counts against plain ones", counting},
      {"bonds of a site", bonds},
      {0},
  };
  return check_main("exact lattices", cases);
}
