// test_potts.c — sampler.potts: distributions against enumeration and exact numbers of states, q = 2 against the Ising
// model, what chooses itself, the order of the stream, seeds, checkpoints, formats, refused parameters.
#include "check.h"
#include "driver.h"
#include "ising_observables.h"
#include "sampling.h"
#include "states.h"

#include <stdlib.h>

#define KIND "sampler.potts"

typedef struct method {
  const char *label, *more;
} method;

static const method methods[] = {{"wolff", ", algorithm: wolff"}, {"heat-bath", ", algorithm: heat-bath"}};
#define WOLFF (&methods[0])
#define HEAT_BATH (&methods[1])
#define METHODS 2

static double critical(unsigned q) { return log(1 + sqrt(q)); }

// ---- distributions on lattices small enough to enumerate

#define MOST_SITES 25
#define MOST_CELLS 3000

/// A lattice and what it is counted as.
typedef struct small_lattice {
  unsigned q, length;
  uint8_t state[MOST_SITES]; ///< row after row
} small_lattice;

typedef size_t (*cell_fn)(const small_lattice *s);

static unsigned bonds_of(const small_lattice *s) {
  unsigned bonds = 0, length = s->length;
  for (unsigned y = 0; y < length; y++) {
    for (unsigned x = 0; x < length; x++) {
      uint8_t state = s->state[y * length + x];
      bonds += state == s->state[y * length + (x + 1) % length];
      bonds += state == s->state[(y + 1) % length * length + x];
    }
  }
  return bonds;
}

static void occupations(const small_lattice *s, unsigned count[256]) {
  memset(count, 0, 256 * sizeof *count);
  for (unsigned i = 0; i < s->length * s->length; i++) count[s->state[i]]++;
}

/// The whole configuration.
static size_t cell_whole(const small_lattice *s) {
  size_t cell = 0;
  for (unsigned i = 0; i < s->length * s->length; i++) cell = cell * s->q + s->state[i];
  return cell;
}

/// Energy and the sites in states 0 and 1, on lattices of up to 3×3: the joint occupation numbers of three states.
static size_t cell_occupations(const small_lattice *s) {
  unsigned count[256];
  occupations(s, count);
  return (bonds_of(s) * 10 + count[0]) * 10 + count[1];
}

/// Energy, how many states occur, and how often the most frequent of them, on lattices of up to 3×3.
static size_t cell_classes(const small_lattice *s) {
  unsigned count[256], occurring = 0, most = 0;
  occupations(s, count);
  for (unsigned k = 0; k < 256; k++) {
    occurring += count[k] > 0;
    most = count[k] > most ? count[k] : most;
  }
  return (bonds_of(s) * 10 + occurring) * 10 + most;
}

static size_t cell_energy(const small_lattice *s) { return bonds_of(s); }

/// Probabilities of cells from their weights.
static void normalize(double weight[MOST_CELLS]) {
  double sum = 0;
  for (size_t c = 0; c < MOST_CELLS; c++) sum += weight[c];
  for (size_t c = 0; c < MOST_CELLS; c++) weight[c] /= sum;
}

/// exp(K·bonds) in units of the largest there can be.
static double boltzmann(double coupling, unsigned bonds, unsigned length) {
  return exp(coupling * ((double)bonds - (coupling > 0 ? 2.0 * length * length : 0)));
}

/// Probabilities of cells, from all q^(L²) configurations.
static void enumerate(unsigned q, unsigned length, double coupling, cell_fn cell, double probability[MOST_CELLS]) {
  small_lattice s = {.q = q, .length = length};
  unsigned at = 0, count = length * length;
  memset(probability, 0, MOST_CELLS * sizeof *probability);
  while (at < count) {
    probability[cell(&s)] += boltzmann(coupling, bonds_of(&s), length);
    for (at = 0; at < count && ++s.state[at] == q; at++) s.state[at] = 0;
  }
  normalize(probability);
}

/// The same for cells that do not depend on the names of the states, from all ways to part the sites into classes of
/// equal state: n classes stand for q(q-1)…(q-n+1) configurations.
static void enumerate_classes(small_lattice *s, unsigned at, unsigned classes, double number, double coupling,
                              cell_fn cell, double weight[MOST_CELLS]) {
  if (at == s->length * s->length) {
    weight[cell(s)] += number * boltzmann(coupling, bonds_of(s), s->length);
    return;
  }
  for (unsigned k = 0; k <= classes && k < s->q; k++) {
    s->state[at] = (uint8_t)k;
    int fresh = k == classes;
    enumerate_classes(s, at + 1, classes + (unsigned)fresh, fresh ? number * (s->q - classes) : number, coupling, cell,
                      weight);
  }
}

/// A sampler with its spacing, and the distribution of cells that must come out.
typedef struct expectation {
  const method *m;
  unsigned q, length;
  double coupling;
  unsigned spacing;
  cell_fn cell;
} expectation;

/// 40000 configurations from 4 chains: the deviate of χ² must stay below 4, a chance of 3e-5 each.
static void check_distribution(const expectation *e, const double probability[MOST_CELLS]) {
  static double observed[MOST_CELLS];
  const unsigned n = 40000;
  char params[256];
  snprintf(params, sizeof params, "states: %u, size: %u, coupling: %.17g, configurations: %u, spacing: %u", e->q,
           e->length, e->coupling, n, e->spacing);
  driver *d = sampler_run(KIND, params, e->m->more, 7);
  memset(observed, 0, sizeof observed);
  small_lattice s = {.q = e->q, .length = e->length};
  unsigned beyond = 0;
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    for (uint32_t k = 0; k < batch->count; k++) {
      for (unsigned at = 0; at < s.length * s.length; at++) {
        s.state[at] = state_get(batch, k, at / s.length, at % s.length);
        beyond += s.state[at] >= e->q;
      }
      if (!beyond) observed[e->cell(&s)]++;
    }
  }
  driver_close(d);
  CHECK_INTEGER(beyond, 0);
  double deviate = chi_squared_deviate(observed, probability, MOST_CELLS, n);
  if (!(deviate < 4))
    printf("\n    %s q=%u L=%u K=%g: χ² deviate %.2f", e->m->label, e->q, e->length, e->coupling, deviate);
  CU_ASSERT(deviate < 4);
}

/// Against full enumeration.
static void check_enumerated(const method *m, unsigned q, unsigned length, double coupling, unsigned spacing,
                             cell_fn cell) {
  static double probability[MOST_CELLS];
  enumerate(q, length, coupling, cell, probability);
  check_distribution(&(expectation){m, q, length, coupling, spacing, cell}, probability);
}

/// Against the enumeration of classes.
static void check_classes(const method *m, unsigned q, unsigned length, double coupling, unsigned spacing) {
  static double probability[MOST_CELLS];
  small_lattice s = {.q = q, .length = length};
  memset(probability, 0, sizeof probability);
  enumerate_classes(&s, 0, 0, 1, coupling, cell_classes, probability);
  normalize(probability);
  check_distribution(&(expectation){m, q, length, coupling, spacing, cell_classes}, probability);
}

/// On 2×2 every configuration has its probability: all 81 and 256 of them.
static void whole_configurations(void) {
  for (unsigned q = 3; q <= 4; q++) {
    for (int m = 0; m < METHODS; m++) {
      check_enumerated(&methods[m], q, 2, critical(q), 40, cell_whole);
      check_enumerated(&methods[m], q, 2, 0.4, 40, cell_whole);
      check_enumerated(&methods[m], q, 2, 2, 60, cell_whole);
    }
  }
}

/// Energy and occupation numbers on 3×3, from 19683 configurations.
static void joint_occupations(void) {
  for (int m = 0; m < METHODS; m++) {
    check_enumerated(&methods[m], 3, 3, critical(3), 40, cell_occupations);
    check_enumerated(&methods[m], 3, 3, 0.5, 40, cell_occupations);
    check_enumerated(&methods[m], 3, 3, 1.8, 60, cell_occupations);
  }
}

/// At K = 0 every site is uniform, on L = 1 at any K.
static void uncoupled(void) {
  for (int m = 0; m < METHODS; m++) {
    check_enumerated(&methods[m], 2, 2, 0, 30, cell_whole);
    check_enumerated(&methods[m], 3, 2, 0, 30, cell_whole);
    check_enumerated(&methods[m], 3, 3, 0, 60, cell_occupations);
    check_enumerated(&methods[m], 255, 1, 0, 4, cell_whole);
    check_enumerated(&methods[m], 255, 1, 1, 4, cell_whole);
  }
  check_enumerated(HEAT_BATH, 5, 1, -3, 4, cell_whole);
}

/// Few excitations, or none; and every state as the ordered one.
static void strong(void) {
  for (int m = 0; m < METHODS; m++) {
    for (unsigned length = 1; length <= 3; length++) {
      check_enumerated(&methods[m], 3, length, 3, 60, cell_occupations);
      check_enumerated(&methods[m], 3, length, 40, 2, cell_occupations);
      check_enumerated(&methods[m], 3, length, 1e300, 2, cell_occupations);
    }
  }
}

static void antiferromagnetic(void) {
  check_enumerated(HEAT_BATH, 2, 2, -0.8, 60, cell_whole);
  check_enumerated(HEAT_BATH, 3, 2, -0.8, 40, cell_whole);
  check_enumerated(HEAT_BATH, 4, 2, -3, 40, cell_whole);
  check_enumerated(HEAT_BATH, 3, 2, -1e300, 40, cell_whole);
  check_enumerated(HEAT_BATH, 3, 3, -0.6, 40, cell_occupations);
  check_enumerated(HEAT_BATH, 3, 3, -2, 100, cell_occupations);
  check_classes(HEAT_BATH, 5, 3, -1.5, 40);
}

/// More states than neighbours. With 255 even four sites go over from order to disorder and back as if by a
/// transition of first order, hence the many updates between configurations.
static void many_states(void) {
  check_classes(WOLFF, 5, 2, critical(5), 40);
  check_classes(WOLFF, 5, 3, critical(5), 60);
  check_classes(WOLFF, 10, 3, critical(10), 100);
  check_classes(WOLFF, 255, 2, critical(255), 300);
  check_classes(HEAT_BATH, 5, 2, critical(5), 20);
  check_classes(HEAT_BATH, 5, 3, critical(5), 20);
  check_classes(HEAT_BATH, 10, 3, critical(10), 40);
  check_classes(HEAT_BATH, 255, 2, critical(255), 60);
}

// ---- exact numbers of states, by transfer site after site

#define MOST_BONDS (2 * MOST_SITES + 1)

/// number[b]: configurations with b equal bonds. The last row of a growing strip has q^L states; the first row is
/// fixed, its first site to state 0, the others summed over.
static void numbers_of_states(unsigned q, unsigned length, double number[MOST_BONDS]) {
  unsigned rows = 1;
  for (unsigned x = 0; x < length; x++) rows *= q;
  double(*now)[MOST_BONDS] = calloc(rows, sizeof *now), (*next)[MOST_BONDS] = calloc(rows, sizeof *next);
  CU_ASSERT_FATAL(now && next);
  memset(number, 0, MOST_BONDS * sizeof *number);
  for (unsigned first = 0; first < rows; first += q) { // site x of a row is digit x
    memset(now, 0, rows * sizeof *now);
    now[first][0] = q; // the states of the first site are alike
    // Rows 1 … L-1, and row 0 again, which must come out as it is.
    for (unsigned y = 1; y <= length; y++) {
      for (unsigned x = 0, digit = 1; x < length; x++, digit *= q) {
        memset(next, 0, rows * sizeof *next);
        for (unsigned row = 0; row < rows; row++) {
          unsigned above = row / digit % q, left = x ? row / (digit / q) % q : q, begin = row % q;
          for (unsigned state = 0; state < q; state++) {
            if (y == length && state != first / digit % q) continue;
            unsigned across = x ? begin : state; // the row's site 0
            unsigned equal = state == above;
            equal += state == left;
            equal += x + 1 == length && state == across;
            for (unsigned b = 0; b + equal < MOST_BONDS; b++)
              next[row + state * digit - above * digit][b + equal] += now[row][b];
          }
        }
        double(*swap)[MOST_BONDS] = now;
        now = next;
        next = swap;
      }
    }
    for (unsigned b = 0; b < MOST_BONDS; b++) number[b] += now[first][b];
  }
  free(now);
  free(next);
}

/// The table itself: on 3×3 against all configurations.
static void transfer(void) {
  double number[MOST_BONDS], counted[MOST_BONDS] = {0};
  numbers_of_states(3, 3, number);
  small_lattice s = {.q = 3, .length = 3};
  for (unsigned at = 0; at < 9;) {
    counted[bonds_of(&s)]++;
    for (at = 0; at < 9 && ++s.state[at] == 3; at++) s.state[at] = 0;
  }
  for (unsigned b = 0; b < MOST_BONDS; b++) CHECK_NEAR(number[b], counted[b], 0);
  double sum = 0;
  numbers_of_states(4, 4, number);
  for (unsigned b = 0; b < MOST_BONDS; b++) sum += number[b];
  CHECK_NEAR(sum, 0x1p32, 0);
}

/// Mean and variance: e and varE, and what the square of the spin sum is where that is known (q = 2).
typedef struct moments {
  double e, variance, m2;
} moments;

static moments exact_moments(const double number[MOST_BONDS], unsigned length, double coupling) {
  double n = (double)length * length, z = 0, e = 0, ee = 0;
  for (unsigned b = 0; b < MOST_BONDS; b++) {
    double weight = number[b] * boltzmann(coupling, b, length);
    z += weight;
    e -= weight * b / n;
    ee += weight * b * b / (n * n);
  }
  return (moments){e / z, n * (ee / z - e / z * (e / z)), NAN};
}

/// The distribution of the energy on 4×4 and 5×5, where q^16 and 3^25 configurations are too many to visit.
static void energies(void) {
  static const struct {
    unsigned q, length;
    double coupling;
    unsigned spacing;
  } cases[] = {{3, 4, 1.0050525, 30}, {3, 4, 0.6, 20},  {4, 4, 1.0986123, 30},
               {3, 5, 1.0050525, 40}, {3, 4, -1.2, 30}, {3, 5, -0.7, 20}};
  static double probability[MOST_CELLS];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double number[MOST_BONDS];
    numbers_of_states(cases[i].q, cases[i].length, number);
    memset(probability, 0, sizeof probability);
    for (unsigned b = 0; b < MOST_BONDS; b++)
      probability[b] = number[b] * boltzmann(cases[i].coupling, b, cases[i].length);
    normalize(probability);
    for (int m = cases[i].coupling < 0; m < METHODS; m++)
      check_distribution(
          &(expectation){&methods[m], cases[i].q, cases[i].length, cases[i].coupling, cases[i].spacing, cell_energy},
          probability);
  }
}

// ---- moments with automatic thermalisation and spacing

#define CHAINS 4u
#define BINS 32u // a chain

/// Sums over configurations: their number, e, e², m².
typedef struct sums {
  double n, e, ee, m2;
} sums;

static void add(sums *into, const sums *other, double sign) {
  into->n += sign * other->n;
  into->e += sign * other->e;
  into->ee += sign * other->ee;
  into->m2 += sign * other->m2;
}

static moments moments_of(const sums *s, double n) {
  double e = s->e / s->n;
  return (moments){e, n * (s->ee / s->n - e * e), s->m2 / s->n};
}

/// One configuration; state 1 is spin up, state 0 spin down.
static sums measure(const fg_batch *batch, uint32_t k) {
  uint64_t length = batch->rows;
  double n = (double)(length * length), up = 0;
  for (uint64_t y = 0; y < length; y++)
    for (uint64_t x = 0; x < length; x++) up += state_get(batch, k, y, x) == 1;
  double e = -(double)equal_bonds(batch, k) / n, m = (2 * up - n) / n;
  return (sums){1, e, e * e, m * m};
}

static void compare(const char *name, double value, double square, double expected, double precision) {
  const double count = CHAINS * BINS;
  double error = sqrt((count - 1) * square / count);
  printf("  %s %.5f(%.5f) %+.1fσ", name, value, error, (value - expected) / error);
  CHECK_NEAR(value, expected, 4 * error);
  CU_ASSERT(error < precision * fabs(value));
}

/// e, varE and, where expected->m2 is a number, m2: within 4σ, errors from a jackknife over bins of consecutive
/// configurations. σ(e)/e must be below 0.3%, the others' below 2%.
static void check_moments(const method *m, unsigned q, unsigned length, double coupling, unsigned n,
                          const moments *expected) {
  char params[256];
  snprintf(params, sizeof params, "states: %u, size: %u, coupling: %.17g, configurations: %u, chains: %u", q, length,
           coupling, n, CHAINS);
  driver *d = sampler_run(KIND, params, m->more, 20260604);
  sums bins[CHAINS][BINS] = {{{0}}}, total = {0};
  uint64_t seen[CHAINS] = {0}, share = n / CHAINS;
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    for (uint32_t k = 0; k < batch->count; k++) {
      sums one = measure(batch, k);
      add(&bins[batch->chain][seen[batch->chain]++ * BINS / share], &one, 1);
      add(&total, &one, 1);
    }
  }
  driver_close(d);
  double size = (double)length * length;
  moments mean = moments_of(&total, size), square = {0};
  for (unsigned c = 0; c < CHAINS; c++) {
    for (unsigned b = 0; b < BINS; b++) {
      sums rest = total;
      add(&rest, &bins[c][b], -1);
      moments without = moments_of(&rest, size);
      square.e += (without.e - mean.e) * (without.e - mean.e);
      square.variance += (without.variance - mean.variance) * (without.variance - mean.variance);
      square.m2 += (without.m2 - mean.m2) * (without.m2 - mean.m2);
    }
  }
  printf("\n    %-10s q=%u L=%-2u K=%+.4f", m->label, q, length, coupling);
  compare("e", mean.e, square.e, expected->e, 0.003);
  compare("varE", mean.variance, square.variance, expected->variance, 0.02);
  if (!isnan(expected->m2)) compare("m2", mean.m2, square.m2, expected->m2, 0.02);
}

static void moments_automatic(void) {
  double number[MOST_BONDS];
  static const struct { unsigned q, length; } lattices[] = {{3, 4}, {4, 4}, {3, 5}};
  for (size_t i = 0; i < sizeof lattices / sizeof *lattices; i++) {
    unsigned q = lattices[i].q, length = lattices[i].length;
    numbers_of_states(q, length, number);
    for (int m = 0; m < METHODS; m++) {
      moments expected = exact_moments(number, length, critical(q));
      check_moments(&methods[m], q, length, critical(q), 100000, &expected);
    }
    moments expected = exact_moments(number, length, -1);
    check_moments(HEAT_BATH, q, length, -1, 100000, &expected);
  }
}

// ---- two states are spins, at twice the coupling

/// Ising values: e and varE from B. Kaufman, Phys. Rev. 76, 1232 (1949), m2 from the transfer matrix.
static const struct {
  unsigned length;
  double coupling, e, variance, m2;
} ising[] = {
    {4, 0.44068679350977147, -1.5656237876383186, 4.0331990989621485, 0.761358908569},
    {8, 0.44068679350977147, -1.4915891074397065, 5.8987159180021695, 0.646911574994},
    {16, 0.44068679350977147, -1.453064852813477, 7.71713455972525, 0.545417204397},
    {8, 0.40, -1.222320643250913, 6.877974308515199, 0.432099078576},
    {8, 0.48, -1.6802152335598053, 3.728517343513477, 0.793722132229},
};

/// E = (E_Ising - 2N)/2, K = 2 K_Ising.
static moments potts_of_ising(size_t i) { return (moments){ising[i].e / 2 - 1, ising[i].variance / 4, ising[i].m2}; }

static void two_states(void) {
  for (size_t i = 0; i < sizeof ising / sizeof *ising; i++) {
    moments expected = potts_of_ising(i);
    check_moments(WOLFF, 2, ising[i].length, 2 * ising[i].coupling, 100000, &expected);
    check_moments(HEAT_BATH, 2, ising[i].length, 2 * ising[i].coupling, ising[i].length < 16 ? 100000 : 20000,
                  &expected);
  }
}

/// With clusters even the configurations are those of sampler.wolff.
static void same_as_ising(void) {
  driver *potts = sampler_run(KIND, "states: 2, size: 20, coupling: 0.8, configurations: 300", "", 5);
  driver *spins = sampler_run("sampler.wolff", "size: 20, coupling: 0.4, configurations: 300", "", 5);
  uint64_t seen = 0, wrong = 0;
  CHECK_INTEGER(driver_count(potts, 0), driver_count(spins, 0));
  for (size_t i = 0; i < driver_count(potts, 0); i++) {
    const fg_batch *a = driver_message(potts, 0, i)->batch, *b = driver_message(spins, 0, i)->batch;
    for (uint32_t k = 0; k < b->count; k++)
      for (uint64_t y = 0; y < 20; y++)
        for (uint64_t x = 0; x < 20; x++) wrong += state_get(a, k, y, x) != fg_bit_get(fg_batch_row(b, k, y), x);
    seen += b->count;
  }
  CHECK_INTEGER(seen, 300);
  CHECK_INTEGER(wrong, 0);
  driver_close(potts);
  driver_close(spins);
}

// ---- what chooses itself

/// e from many independent single-configuration chains: shows a thermalisation that is too short, which long chains
/// would hide. Within 4σ.
static void check_first(const method *m, unsigned q, unsigned length, double coupling, double expected) {
  const unsigned n = 2048;
  char params[256];
  snprintf(params, sizeof params, "states: %u, size: %u, coupling: %.17g, configurations: %u, chains: %u", q, length,
           coupling, n, n);
  driver *d = sampler_run(KIND, params, m->more, 3);
  double sites = length * length, e = 0, ee = 0;
  CHECK_INTEGER(driver_count(d, 0), n);
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    double energy = -(double)equal_bonds(driver_message(d, 0, i)->batch, 0) / sites;
    e += energy / n;
    ee += energy * energy / n;
  }
  driver_close(d);
  CHECK_NEAR(e, expected, 4 * sqrt((ee - e * e) / n));
}

static void thermalized(void) {
  double number[MOST_BONDS];
  numbers_of_states(3, 5, number);
  check_first(WOLFF, 2, 16, 2 * ising[2].coupling, potts_of_ising(2).e);
  check_first(HEAT_BATH, 2, 8, 2 * ising[1].coupling, potts_of_ising(1).e);
  for (int m = 0; m < METHODS; m++) {
    check_first(&methods[m], 3, 5, critical(3), exact_moments(number, 5, critical(3)).e);
    check_first(&methods[m], 3, 5, 0.5, exact_moments(number, 5, 0.5).e);
  }
  check_first(HEAT_BATH, 3, 5, -2, exact_moments(number, 5, -2).e);
}

/// Chains start in one state, uniform over the chains: seen after a cluster or two of a lattice that stays ordered.
static void first_state(void) {
  driver *d = sampler_run(KIND, "states: 3, size: 4, coupling: 40, configurations: 4096, chains: 4096",
                          ", thermalize: 0, spacing: 1", 1);
  double observed[3] = {0}, uniform[3] = {1.0 / 3, 1.0 / 3, 1.0 / 3};
  CHECK_INTEGER(driver_count(d, 0), 4096);
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    CHECK_INTEGER(equal_bonds(batch, 0), 32);
    observed[state_get(batch, 0, 0, 0)]++;
  }
  driver_close(d);
  CU_ASSERT(chi_squared_deviate(observed, uniform, 3, 4096) < 4);
}

/// `critical` is ln(1+√q), in the batches and in what comes out.
static void critical_by_name(void) {
  static const unsigned numbers[] = {2, 3, 4, 10, 255};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    for (int m = 0; m < METHODS; m++) {
      char named[128], given[128];
      snprintf(named, sizeof named, "states: %u, size: 6, coupling: critical, configurations: 40", numbers[i]);
      snprintf(given, sizeof given, "states: %u, size: 6, coupling: %.17g, configurations: 40", numbers[i],
               critical(numbers[i]));
      driver *a = sampler_run(KIND, named, methods[m].more, 1), *b = sampler_run(KIND, given, methods[m].more, 1);
      CHECK_NEAR(driver_message(a, 0, 0)->batch->coupling, critical(numbers[i]), 1e-15);
      CU_ASSERT(streams_equal(a, 0, b, 0));
      driver_close(a);
      driver_close(b);
    }
  }
}

// ---- the stream

/// Batches in rounds over the chains, sizes by the chains' shares, indices without gaps, every field set.
static void check_order(const method *m, unsigned length, unsigned configurations, unsigned chains, unsigned fit) {
  char params[256];
  snprintf(params, sizeof params,
           "states: 3, size: %u, coupling: 0.8, configurations: %u, chains: %u, thermalize: 0, spacing: 1", length,
           configurations, chains);
  driver *d = sampler_run(KIND, params, m->more, 1);
  const fg_format *format = driver_format(d, 0);
  CHECK_INTEGER(format->kind, FG_BATCH);
  CHECK_INTEGER(format->element, FG_STATE8);
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
      CHECK_INTEGER(batch->element, FG_STATE8);
      CHECK_NEAR(batch->coupling, 0.8, 0);
      CU_ASSERT(fg_lattice_equal(&batch->lattice, &format->shapes[0]));
      first += batch->count;
    }
  }
  CHECK_INTEGER(driver_count(d, 0), index);
  CHECK_INTEGER(first, configurations);
  driver_close(d);
}

static void stream_order(void) {
  for (int m = 0; m < METHODS; m++) {
    check_order(&methods[m], 128, 103, 4, 16);
    check_order(&methods[m], 128, 17, 1, 16);
    check_order(&methods[m], 7, 5, 7, 1024); // chains without a configuration stay silent
    check_order(&methods[m], 1, 3000, 2, 1024);
    check_order(&methods[m], 1024, 3, 2, 1);
  }
}

static void seeds(void) {
  const char *params = "states: 4, size: 20, coupling: critical, configurations: 200, chains: 2";
  for (int m = 0; m < METHODS; m++) {
    driver *a = sampler_run(KIND, params, methods[m].more, 1), *b = sampler_run(KIND, params, methods[m].more, 1);
    driver *c = sampler_run(KIND, params, methods[m].more, 2);
    CU_ASSERT(streams_equal(a, 0, b, 0));
    CU_ASSERT(!streams_equal(a, 0, c, 0));
    const fg_batch *one = driver_message(a, 0, 0)->batch, *other = driver_message(a, 0, 1)->batch;
    CU_ASSERT(memcmp(one->data, other->data, one->count * one->rows * one->row_bytes) != 0);
    driver_close(a);
    driver_close(b);
    driver_close(c);
  }
}

/// Bytes beyond the last column are zero.
static void padding(void) {
  for (int m = 0; m < METHODS; m++) {
    driver *d =
        sampler_run(KIND, "states: 200, size: 13, coupling: 0.3, configurations: 20, chains: 1", methods[m].more, 5);
    const fg_batch *batch = driver_message(d, 0, 0)->batch;
    unsigned used = 0, padded = 0;
    CHECK_INTEGER(batch->row_bytes, 16);
    for (uint32_t i = 0; i < batch->count; i++) {
      for (uint64_t y = 0; y < 13; y++) {
        used |= state_get(batch, i, y, 12);
        for (uint64_t x = 13; x < 16; x++) padded |= state_get(batch, i, y, x);
      }
    }
    CU_ASSERT(used > 0);
    CHECK_INTEGER(padded, 0);
    driver_close(d);
  }
}

// ---- checkpoints

static void checkpoints(void) {
  const char *params =
      "states: 5, size: 33, coupling: critical, configurations: 1501, chains: 3, thermalize: 20, spacing: 1";
  static checkpoint saved;
  for (int m = 0; m < METHODS; m++) {
    const char *more = methods[m].more;
    driver *whole = sampler_run(KIND, params, more, 11);
    for (unsigned rounds = 0; rounds <= 3; rounds++) { // 198 configurations in a batch: three rounds, the third partial
      driver *early = sampler_open(KIND, params, more, 11);
      for (unsigned i = 0; i < rounds; i++) CHECK_INTEGER(driver_stage(early)->produce(driver_self(early)), FG_OK);
      CHECK_INTEGER(stage_save(early, &saved), FG_OK);
      size_t emitted = driver_count(early, 0);
      CHECK_INTEGER(emitted, 3 * rounds);
      driver_close(early);

      driver *late = sampler_open(KIND, params, more, 11);
      CHECK_INTEGER(stage_restore(late, &saved), FG_OK);
      CHECK_INTEGER(driver_finish(late), FG_OK);
      CU_ASSERT(streams_equal(whole, emitted, late, 0));
      driver_close(late);
    }
    driver_close(whole);

    driver *torn = sampler_open(KIND, params, more, 11);
    saved.size -= 1;
    CHECK_INTEGER(stage_restore(torn, &saved), FG_FAILED);
    CU_ASSERT(strlen(driver_error(torn)) > 0);
    driver_close(torn);
    saved.size += 1;
    driver *beyond = sampler_open(KIND, params, more, 11);
    saved.bytes[24 + 32 + 7] += 5; // a site of the first chain
    CHECK_INTEGER(stage_restore(beyond, &saved), FG_FAILED);
    driver_close(beyond);
    driver *foreign =
        sampler_open(KIND, "states: 5, size: 32, coupling: critical, configurations: 1501, chains: 3", more, 11);
    CHECK_INTEGER(stage_restore(foreign, &saved), FG_FAILED);
    driver_close(foreign);
  }
}

// ---- parameters

static void check_refused(const char *params, const char *about) {
  driver *d = driver_open(KIND, params, 1);
  CU_ASSERT(driver_self(d) == NULL);
  if (!strstr(driver_error(d), about)) printf("\n    {%s}: got \"%s\"", params, driver_error(d));
  CU_ASSERT(strstr(driver_error(d), about) != NULL);
  driver_close(d);
}

static void refusals(void) {
  check_refused("size: 4, coupling: 1, configurations: 1", "states");
  check_refused("states: 3, coupling: 1, configurations: 1", "size");
  check_refused("states: 3, size: 4, configurations: 1", "coupling");
  check_refused("states: 3, size: 4, coupling: 1", "configurations");
  check_refused("states: 1, size: 4, coupling: 1, configurations: 1", "states");
  check_refused("states: 256, size: 4, coupling: 1, configurations: 1", "states");
  check_refused("states: 3, size: 0, coupling: 1, configurations: 1", "size");
  check_refused("states: 3, size: 46341, coupling: 1, configurations: 1", "size");
  check_refused("states: 3, size: 4, coupling: 1e308, configurations: 1", "coupling");
  check_refused("states: 3, size: 4, coupling: cold, configurations: 1", "coupling");
  check_refused("states: 3, size: 4, coupling: 1, configurations: 1, spacing: 0", "spacing");
  check_refused("states: 3, size: 4, coupling: 1, configurations: 1, thermalize: -1", "thermalize");
  check_refused("states: 3, size: 4, coupling: 1, configurations: 1, algorithm: metropolis", "algorithm");
  check_refused("states: 3, size: 4, coupling: -0.1, configurations: 1", "set algorithm: heat-bath");
}

/// The largest lattice: sizes do not wrap, and nothing is allocated before the run.
static void largest(void) {
  for (int m = 0; m < METHODS; m++) {
    driver *d =
        sampler_open(KIND, "states: 3, size: 46340, coupling: critical, configurations: 1", methods[m].more, 11);
    CHECK_INTEGER(driver_format(d, 0)->batch, 1);
    fg_format format = {.size = sizeof format};
    fg_format *outputs[] = {&format};
    uint64_t bound = 0, sites = 46340ull * 46340;
    CHECK_INTEGER(driver_stage(d)->negotiate(driver_self(d), NULL, outputs, &bound), FG_OK);
    CU_ASSERT(bound >= 2 * sites && bound < 7 * sites);
    driver_close(d);
  }
}

int main(void) {
  static const check_case cases[] = {
      {"distribution of whole configurations", whole_configurations},
      {"joint distribution of energy and occupations", joint_occupations},
      {"distribution at K = 0 and on one site", uncoupled},
      {"distribution at strong coupling", strong},
      {"distribution of the antiferromagnet", antiferromagnetic},
      {"distribution with many states", many_states},
      {"numbers of states", transfer},
      {"distribution of the energy", energies},
      {"moments with automatic counts", moments_automatic},
      {"two states against Ising values", two_states},
      {"two states are the spins of sampler.wolff", same_as_ising},
      {"automatic thermalisation", thermalized},
      {"first state", first_state},
      {"critical by name", critical_by_name},
      {"order of the stream", stream_order},
      {"seeds", seeds},
      {"padding bytes", padding},
      {"checkpoints", checkpoints},
      {"refused parameters", refusals},
      {"largest lattice", largest},
      {0},
  };
  return check_main("sampler.potts", cases);
}
