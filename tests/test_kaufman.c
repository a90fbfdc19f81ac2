// test_kaufman.c — the exact energy, fluctuations and free energy of finite tori: against enumeration at couplings of both
// signs, published digits, symmetry, the limits of weak and strong coupling, and sizes at which the products would overflow.
#include "check.h"

#include "../plugins/estimate/kaufman.c"

#define CRITICAL 0.44068679350977147

/// ln Z / N, e and varE by summing over all 2^(rows·columns) states, bond by bond.
static kaufman enumerate(unsigned rows, unsigned columns, double coupling) {
  unsigned sites = rows * columns;
  long double z = 0, first = 0, second = 0;
  for (uint32_t state = 0; state < 1u << sites; state++) {
    int energy = 0;
    for (unsigned y = 0; y < rows; y++) {
      for (unsigned x = 0; x < columns; x++) {
        unsigned spin = state >> (y * columns + x) & 1;
        energy -= spin == (state >> (y * columns + (x + 1) % columns) & 1) ? 1 : -1;
        energy -= spin == (state >> ((y + 1) % rows * columns + x) & 1) ? 1 : -1;
      }
    }
    long double weight = expl(-coupling * energy);
    z += weight;
    first += weight * energy;
    second += weight * energy * energy;
  }
  first /= z;
  second /= z;
  double variance = (double)((second - first * first) / sites);
  return (kaufman){(double)logl(z) / sites, (double)first / sites, variance, coupling * coupling * variance};
}

static void enumeration(void) {
  static const unsigned shapes[][2] = {{1, 1}, {1, 2}, {1, 3}, {2, 2}, {2, 3}, {3, 3}, {3, 4}, {3, 5}, {4, 4}};
  static const double couplings[] = {0, 1e-9, 0.1, 0.4, CRITICAL, 0.48, 1.1, -0.1, -0.4, -CRITICAL, -0.48, -0.7};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    for (size_t c = 0; c < sizeof couplings / sizeof *couplings; c++) {
      unsigned rows = shapes[s][0], columns = shapes[s][1];
      kaufman exact = enumerate(rows, columns, couplings[c]);
      // Frustration: the products nearly cancel and take digits with them.
      double loose = couplings[c] < 0 && (rows % 2 || columns % 2) ? 1000 : 1;
      for (int turned = 0; turned < 2; turned++) {
        kaufman found = kaufman_torus(turned ? columns : rows, turned ? rows : columns, couplings[c]);
        int failures = (int)CU_get_number_of_failures();
        CHECK_NEAR(found.ln_z, exact.ln_z, 1e-13 * loose);
        CHECK_NEAR(found.energy, exact.energy, 1e-12 * loose);
        CHECK_NEAR(found.variance, exact.variance, 1e-11 * loose);
        CHECK_NEAR(found.heat_capacity, exact.heat_capacity, 1e-11 * loose);
        if ((int)CU_get_number_of_failures() > failures) printf(" (%u×%u at K = %g)", rows, columns, couplings[c]);
      }
    }
  }
}

/// Computed independently with 50 digits.
static void digits(void) {
  static const struct {
    uint64_t size;
    double coupling, ln_z, energy, variance;
  } table[] = {
      {2, CRITICAL, 1.0955066586684703, -1.697056274847714, 2.08},
      {3, CRITICAL, 1.0022459334382594, -1.6112463815311582, 3.2374892065307086},
      {5, CRITICAL, 0.9554519511673165, -1.5367195165345084, 4.640461790447901},
      {8, CRITICAL, 0.9397153248292055, -1.4915891074397065, 5.8987159180021695},
      {16, CRITICAL, 0.9321963149809879, -1.453064852813477, 7.71713455972525},
      {128, CRITICAL, 0.9297344557701894, -1.4190762720849852, 13.060082358649424},
      {1024, CRITICAL, 0.9296960086092729, -1.4148214132165249, 18.36134820626827},
      {4096, CRITICAL, 0.9296954364833349, -1.4143655251290672, 21.892162445},
      {8, 0.40, 0.884365449382, -1.222320643250913, 6.877974308515199},
      {8, 0.48, 1.002346042003, -1.6802152335598053, 3.728517343513477},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    kaufman found = kaufman_torus(table[i].size, table[i].size, table[i].coupling);
    CHECK_NEAR(found.ln_z, table[i].ln_z, 2e-12);
    CHECK_NEAR(found.energy, table[i].energy, 1e-12);
    CHECK_NEAR(found.variance, table[i].variance, 2e-9);
  }
}

/// Large lattices: e approaches -√2 as 1/L; varE grows as (8/π) ln L, with corrections that fall as 1/L (Ferdinand & Fisher
/// 1969).
static void large(void) {
  kaufman quarter = kaufman_torus(16384, 16384, CRITICAL), half = kaufman_torus(32768, 32768, CRITICAL);
  kaufman whole = kaufman_torus(65536, 65536, CRITICAL);
  CHECK_NEAR((half.energy + M_SQRT2) / (whole.energy + M_SQRT2), 2, 1e-6);
  CHECK_NEAR(2 * (whole.variance - half.variance) - (half.variance - quarter.variance), 8 / M_PI * M_LN2, 1e-7);
  CHECK_NEAR(whole.ln_z, 0.9296953983416103, 1e-9);
  CHECK_NEAR(kaufman_torus(KAUFMAN_MOST, UINT64_C(1) << 31, CRITICAL).energy, -M_SQRT2, 1e-5);
}

/// e and varE are derivatives of ln Z and of e, at couplings on both sides of Kc and at it.
static void derivatives(void) {
  static const double couplings[] = {0.2, 0.44, CRITICAL, 0.442, 0.7, -0.44};
  for (size_t c = 0; c < sizeof couplings / sizeof *couplings; c++) {
    for (uint64_t length = 31; length <= 64; length += 33) {
      const double step = 1e-5;
      kaufman low = kaufman_torus(length, length, couplings[c] - step),
              here = kaufman_torus(length, length, couplings[c]);
      kaufman high = kaufman_torus(length, length, couplings[c] + step);
      CHECK_NEAR(here.energy, -(high.ln_z - low.ln_z) / (2 * step), 1e-7);
      CHECK_NEAR(here.variance, -(high.energy - low.energy) / (2 * step), 1e-5);
    }
  }
}

static void limits(void) {
  for (uint64_t length = 3; length <= 65536; length = length * 8 + 1) {
    kaufman free_spins = kaufman_torus(length, length, 0);
    CHECK_NEAR(free_spins.ln_z, M_LN2, 1e-15);
    CHECK_NEAR(free_spins.energy, 0, 1e-14);
    CHECK_NEAR(free_spins.variance, 2, 1e-12);
    CHECK_NEAR(free_spins.heat_capacity, 0, 0);
    for (double coupling = 20; coupling < 1e5; coupling *= 10) {
      kaufman frozen = kaufman_torus(length, length, coupling);
      CHECK_NEAR(frozen.ln_z / coupling, 2, 0.04 / (double)length);
      CHECK_NEAR(frozen.energy, -2, 1e-12);
      CHECK_NEAR(frozen.variance, 0, 1e-12);
    }
  }
  CHECK_NEAR(kaufman_torus(64, 64, -50).energy, 2, 1e-12);
  CU_ASSERT(isnan(kaufman_torus(63, 63, -5).energy)); // frustrated
  CU_ASSERT(isnan(kaufman_torus(0, 4, 0.4).energy));
  CU_ASSERT(isnan(kaufman_torus(4, 4, NAN).energy));
  CU_ASSERT(isnan(kaufman_torus(KAUFMAN_MOST + 1, KAUFMAN_MOST + 1, 0.4).ln_z));
}

int main(void) {
  static const check_case cases[] = {
      {"small tori against enumeration", enumeration},
      {"digits computed independently", digits},
      {"large tori", large},
      {"derivatives", derivatives},
      {"weak and strong coupling", limits},
      {0},
  };
  return check_main("kaufman", cases);
}
