// test_correlation.c — estimate.correlation: correlations and structure factors against their definitions, site by site;
// sampled ones against enumeration and a transfer matrix; errors that cover; and what must not change a table. Statistical
// tests: fixed seeds, 4σ.
#include "estimating.h"
#include "sampling.h"

#include "../plugins/estimate/series.c"

#include "../plugins/estimate/bins.c"
#include "../plugins/estimate/spectrum.c"

#include "../plugins/estimate/correlation_lines.c"

#include "../plugins/estimate/correlation.c"

#define CRITICAL CRITICAL_COUPLING

static driver *open_stage(uint64_t rows, uint64_t width) { return estimator_open(KIND, "", rows, width); }

static double field(const driver *d, const char *size_name, int at, const char *observable, const char *name) {
  return driver_estimate(d, 0, size_name, at, observable, name);
}

/// A row of `G` (n = r) or `S` (n) of the only group there is; NaN when there is none.
static double point(const driver *d, const char *table_name, const char *direction_name, int64_t n,
                    const char *column) {
  const fg_table *table = estimator_table(d, table_name);
  const char *number = strcmp(table_name, "G") == 0 ? "r" : "n";
  for (uint64_t row = 0; table && row < table->row_count; row++)
    if (strcmp(cell_of(table, row, "direction")->text, direction_name) == 0 &&
        cell_of(table, row, number)->integer == n)
      return real_of(table, row, column);
  return NAN;
}

static void finish(driver *d) {
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
}

// ---- definitions, site by site

static int spin_of(const fg_batch *batch, uint32_t c, uint64_t y, uint64_t x) {
  return 2 * (int)spin_get(batch, c, y % batch->rows, x % fg_lattice_width(&batch->lattice)) - 1;
}

/// Mean over the batch of Σ s(0) s(dy, dx) / N.
static double plain_correlation(const fg_batch *batch, uint64_t dy, uint64_t dx) {
  uint64_t width = fg_lattice_width(&batch->lattice);
  double sum = 0;
  for (uint32_t c = 0; c < batch->count; c++)
    for (uint64_t y = 0; y < batch->rows; y++)
      for (uint64_t x = 0; x < width; x++) sum += spin_of(batch, c, y, x) * spin_of(batch, c, y + dy, x + dx);
  return sum / (double)(batch->count * batch->rows * width);
}

/// Mean over the batch of |Σ s e^{-ikx}|²/N at wave numbers (ny, nx).
static double plain_structure(const fg_batch *batch, uint64_t ny, uint64_t nx) {
  const uint64_t rows = batch->rows, width = fg_lattice_width(&batch->lattice);
  double total = 0;
  for (uint32_t c = 0; c < batch->count; c++) {
    double re = 0, im = 0;
    for (uint64_t y = 0; y < rows; y++) {
      for (uint64_t x = 0; x < width; x++) {
        double phase = 2 * M_PI * ((double)(ny * y) / (double)rows + (double)(nx * x) / (double)width);
        re += spin_of(batch, c, y, x) * cos(phase);
        im += spin_of(batch, c, y, x) * sin(phase);
      }
    }
    total += re * re + im * im;
  }
  return total / (double)(batch->count * rows * width);
}

static void near(double actual, double expected, double scale) { CHECK_NEAR(actual, expected, 1e-11 * scale); }

/// Both tables of one group against the definitions.
static void check_lines(const driver *d, const fg_batch *batch) {
  const uint64_t rows = batch->rows, width = fg_lattice_width(&batch->lattice);
  const uint64_t smaller = rows < width ? rows : width;
  const double sites = (double)(rows * width);
  const int is_cubic = rows == width;
  for (uint64_t r = 0; r <= rows / 2; r++) {
    double g = plain_correlation(batch, r, 0), s = plain_structure(batch, r, 0);
    if (is_cubic) g = (g + plain_correlation(batch, 0, r)) / 2, s = (s + plain_structure(batch, 0, r)) / 2;
    near(point(d, "G", is_cubic ? "axis" : "y", (int64_t)r, "value"), g, 1);
    near(point(d, "S", is_cubic ? "axis" : "y", (int64_t)r, "value"), s, sites);
    near(point(d, "S", is_cubic ? "axis" : "y", (int64_t)r, "k"), 2 * M_PI * (double)r / (double)rows, 1);
  }
  for (uint64_t r = 0; !is_cubic && r <= width / 2; r++) {
    near(point(d, "G", "x", (int64_t)r, "value"), plain_correlation(batch, 0, r), 1);
    near(point(d, "S", "x", (int64_t)r, "value"), plain_structure(batch, 0, r), sites);
    near(point(d, "S", "x", (int64_t)r, "k"), 2 * M_PI * (double)r / (double)width, 1);
  }
  for (uint64_t r = 0; r <= smaller / 2; r++)
    near(point(d, "G", "diagonal", (int64_t)r, "value"),
         (plain_correlation(batch, r, r) + plain_correlation(batch, r, width - r)) / 2, 1);
  uint64_t rows_of_g = is_cubic ? 2 * (rows / 2 + 1) : rows / 2 + width / 2 + smaller / 2 + 3;
  CHECK_INTEGER(estimator_table(d, "G")->row_count, rows_of_g);
  CHECK_INTEGER(estimator_table(d, "S")->row_count, is_cubic ? rows / 2 + 1 : rows / 2 + width / 2 + 2);
}

/// F, ξ and G at half the lattice from the definitions.
static void check_estimates(const driver *d, const fg_batch *batch) {
  const uint64_t rows = batch->rows, width = fg_lattice_width(&batch->lattice);
  char name[96];
  fg_lattice_name(&batch->lattice, name);
  double chi = plain_structure(batch, 0, 0), f = 0, above = 0, below = 0, axes = 0;
  for (int axis = 0; axis < 2; axis++) {
    uint64_t extent = axis ? width : rows;
    if (extent == 1) continue;
    double s = plain_structure(batch, axis == 0, axis == 1), sine = 2 * sin(M_PI / (double)extent);
    f += s, axes++;
    above += chi - s;
    below += sine * sine * s;
  }
  if (axes < 1) {
    CHECK_INTEGER(estimator_table(d, "estimates")->row_count, 0);
    return;
  }
  near(field(d, name, 2, "F", "value"), f / axes, (double)(rows * width));
  double xi = above > 0 ? sqrt(above / below) : NAN, found = field(d, name, 2, "xi", "value");
  CU_ASSERT(isnan(found) == isnan(xi));
  if (!isnan(xi)) near(found, xi, 1 + xi);
  if (rows != width) {
    CHECK_INTEGER(estimator_table(d, "estimates")->row_count, 2);
    return;
  }
  double half = (plain_correlation(batch, rows / 2, 0) + plain_correlation(batch, 0, rows / 2)) / 2;
  near(field(d, name, 2, "G_half", "value"), half, 1);
  if (!isnan(xi)) near(field(d, name, 2, "xi_over_L", "value"), xi / (double)rows, 1);
  if (!isnan(xi)) near(xi, sqrt(chi / (f / 2) - 1) / (2 * sin(M_PI / (double)rows)), 1 + xi);
  CHECK_NEAR(field(d, name, 2, "F", "n"), batch->count, 0);
}

/// Errors of points of both tables, of five configurations that are a bin each: the textbook's of a mean.
static void check_errors(const driver *d, const fg_host *host, const fg_batch *batch) {
  double sum[2] = {0}, squares[2] = {0}, n = batch->count;
  for (uint32_t c = 0; c < batch->count; c++) {
    fg_batch *one = part_of(host, batch, c, 1);
    const double x[2] = {(plain_correlation(one, 1, 0) + plain_correlation(one, 0, 1)) / 2,
                         (plain_structure(one, 1, 0) + plain_structure(one, 0, 1)) / 2};
    for (int i = 0; i < 2; i++) sum[i] += x[i], squares[i] += x[i] * x[i];
    host->batch_unref(host, one);
  }
  for (int i = 0; i < 2; i++) {
    double expected = sqrt((squares[i] / n - sum[i] / n * sum[i] / n) / (n - 1));
    CHECK_NEAR(point(d, i ? "S" : "G", "axis", 1, "error"), expected, 1e-6 * expected + 1e-12);
  }
}

static void definitions(void) {
  static const uint64_t shapes[][2] = {{1, 1},   {2, 2},   {3, 3},  {4, 4},  {5, 5}, {7, 7}, {8, 8},
                                       {12, 12}, {33, 33}, {1, 7},  {9, 1},  {1, 2}, {2, 1}, {2, 3},
                                       {4, 6},   {7, 12},  {15, 4}, {3, 70}, {66, 5}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    driver *d = open_stage(shapes[i][0], shapes[i][1]);
    fg_batch *batch = spins_random(driver_host(d), shapes[i][0], shapes[i][1], 5, 0.8, i);
    driver_host(d)->batch_ref(driver_host(d), batch);
    estimator_feed(d, batch, 2, NAN);
    finish(d);
    check_lines(d, batch);
    check_estimates(d, batch);
    if (shapes[i][0] == shapes[i][1] && shapes[i][0] > 1) check_errors(d, driver_host(d), batch);
    driver_host(d)->batch_unref(driver_host(d), batch);
    driver_close(d);
  }
}

/// Every wave vector that is stored, and Parseval's theorem, Σ_k S(k) = N² (mean square spin) / N.
static void all_wave_vectors(void) {
  static const uint64_t shapes[][2] = {{1, 1}, {4, 4}, {5, 5}, {5, 8}, {8, 5}, {1, 6}, {7, 1}, {3, 67}};
  driver *d = open_stage(4, 4);
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const uint64_t rows = shapes[i][0], width = shapes[i][1];
    const double sites = (double)(rows * width);
    fg_batch *batch = spins_random(driver_host(d), rows, width, 1, 0.6, i);
    spectrum *s = spectrum_new(driver_host(d), rows, width);
    spectrum_sample sample;
    CU_ASSERT_FATAL(s != NULL);
    spectrum_add(s, spectrum_shares(s) - 1, batch, 0, &sample);
    gather(s);
    double sum = 0;
    for (uint64_t y = 0; y < rows; y++) {
      for (uint64_t x = 0; x <= width / 2; x++) {
        double power = s->share[0].power[y * s->stored + x] / sites;
        near(power, plain_structure(batch, y, x), sites);
        sum += power * s->multiplicity[x];
      }
    }
    CHECK_NEAR(sum, sites, 1e-12 * sites);
    spectrum_free(driver_host(d), s);
    driver_host(d)->batch_unref(driver_host(d), batch);
  }
  driver_close(d);
}

// ---- lattices that are known beforehand

/// Spins up where wanted(y, x).
static driver *measure(uint64_t size_of_lattice, int (*wanted)(uint64_t y, uint64_t x)) {
  driver *d = open_stage(size_of_lattice, size_of_lattice);
  fg_batch *batch = spins_new(driver_host(d), size_of_lattice, size_of_lattice, 20);
  for (uint32_t c = 0; c < 20; c++)
    for (uint64_t y = 0; y < size_of_lattice; y++)
      for (uint64_t x = 0; x < size_of_lattice; x++) spin_set(batch, c, y, x, (unsigned)wanted(y, x));
  estimator_feed(d, batch, 0, NAN);
  finish(d);
  return d;
}

static int everywhere(uint64_t y, uint64_t x) { return (y + x) < UINT64_MAX; }
static int on_one_sublattice(uint64_t y, uint64_t x) { return (y + x) % 2 == 0; }
static int on_every_other_row(uint64_t y, uint64_t x) { return (y + 0 * x) % 2 == 0; }

static void ordered(void) {
  static const uint64_t sizes[] = {2, 7, 12, 64};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const double sites = (double)(sizes[i] * sizes[i]);
    char name[8];
    snprintf(name, sizeof name, "%d", (int)sizes[i]);
    driver *d = measure(sizes[i], everywhere);
    for (int64_t r = 0; r <= (int64_t)sizes[i] / 2; r++) {
      CHECK_NEAR(point(d, "G", "axis", r, "value"), 1, 1e-13);
      CHECK_NEAR(point(d, "G", "diagonal", r, "value"), 1, 1e-13);
      CHECK_NEAR(point(d, "G", "axis", r, "error"), 0, 1e-13);
      CHECK_NEAR(point(d, "S", "axis", r, "value"), r ? 0 : sites, 1e-12 * sites);
    }
    CU_ASSERT(isnan(field(d, name, 0, "xi", "value")) && isnan(field(d, name, 0, "xi", "error")));
    CHECK_NEAR(field(d, name, 0, "G_half", "value"), 1, 1e-13);
    CHECK_NEAR(field(d, name, 0, "G_half", "error"), 0, 1e-13);
    driver_close(d);
  }
}

static void antiferromagnet_and_stripes(void) {
  driver *d = measure(12, on_one_sublattice);
  for (int64_t r = 0; r <= 6; r++) {
    CHECK_NEAR(point(d, "G", "axis", r, "value"), r % 2 ? -1 : 1, 1e-13);
    CHECK_NEAR(point(d, "G", "diagonal", r, "value"), 1, 1e-13);
    CHECK_NEAR(point(d, "S", "axis", r, "value"), 0, 1e-11); // its peak is at (π, π)
  }
  CU_ASSERT(isnan(field(d, "12", 0, "xi", "value")));
  driver_close(d);
  d = measure(12, on_every_other_row);
  for (int64_t r = 0; r <= 6; r++) {
    CHECK_NEAR(point(d, "G", "axis", r, "value"), r % 2 ? 0 : 1, 1e-13);
    CHECK_NEAR(point(d, "G", "diagonal", r, "value"), r % 2 ? -1 : 1, 1e-13);
    CHECK_NEAR(point(d, "S", "axis", r, "value"), r == 6 ? 72 : 0, 1e-11);
  }
  driver_close(d);
}

/// The derivatives autocorrelation times rest on, against differences.
static void gradients(void) {
  const double means[SERIES_MOMENTS] = {90, 14, 11, 0.4}, extents[][2] = {{16, 16}, {16, 24}, {1, 16}, {9, 1}};
  double gradient[2 * SERIES_MOMENTS], ignored[2 * SERIES_MOMENTS], pair[2 * SERIES_MOMENTS] = {[HALF] = 0.5};
  for (size_t e = 0; e < sizeof extents / sizeof *extents; e++) {
    for (int o = 0; o < OBSERVABLES; o++) {
      question q = {o, {extents[e][0], extents[e][1]}};
      answer(&q, means, gradient);
      for (uint32_t i = 0; i < SERIES_MOMENTS; i++) {
        double low[SERIES_MOMENTS], high[SERIES_MOMENTS], width = 1e-6 * fabs(means[i]);
        memcpy(low, means, sizeof low);
        memcpy(high, means, sizeof high);
        low[i] -= width;
        high[i] += width;
        double difference = (answer(&q, high, ignored) - answer(&q, low, ignored)) / 2e-6;
        CHECK_NEAR(gradient[i] * means[i], difference, 1e-8);
      }
    }
  }
  pair[SERIES_MOMENTS + HALF] = 0.42;
  CHECK_NEAR(local_eta(NULL, pair, gradient), log2(0.5 / 0.42), 1e-15);
  for (uint32_t i = HALF; i < 2 * SERIES_MOMENTS; i += SERIES_MOMENTS) {
    double saved = pair[i];
    pair[i] = saved * (1 + 1e-6);
    double high = local_eta(NULL, pair, ignored);
    pair[i] = saved * (1 - 1e-6);
    CHECK_NEAR(gradient[i] * saved, (high - local_eta(NULL, pair, ignored)) / 2e-6, 1e-8);
    pair[i] = saved;
  }
}

// ---- the 4×4 torus, state by state

#define STATES 65536u

/// Probabilities of all states of the critical 4×4 torus, summed up.
typedef struct torus {
  double cumulative[STATES];
  double axis[3], diagonal[3], structure[3]; ///< exact G and S along the tables' directions
} torus;

static int site_of(unsigned state, unsigned y, unsigned x) { return state >> (4 * (y % 4) + x % 4) & 1 ? 1 : -1; }

static void enumerate(torus *t) {
  double z = 0;
  memset(t, 0, sizeof *t);
  for (unsigned state = 0; state < STATES; state++) {
    int axis[3] = {0}, diagonal[3] = {0};
    for (unsigned y = 0; y < 4; y++) {
      for (unsigned x = 0; x < 4; x++) {
        for (unsigned r = 0; r < 3; r++) {
          axis[r] += site_of(state, y, x) * (site_of(state, y + r, x) + site_of(state, y, x + r));
          diagonal[r] += site_of(state, y, x) * (site_of(state, y + r, x + r) + site_of(state, y + r, x + 4 - r));
        }
      }
    }
    double weight = exp(CRITICAL * (axis[1] - 32)), magnetisation = 2 * __builtin_popcount(state) - 16;
    z += weight;
    t->cumulative[state] = z;
    for (int r = 0; r < 3; r++) {
      t->axis[r] += weight * axis[r] / 32;
      t->diagonal[r] += weight * diagonal[r] / 32;
    }
    t->structure[0] += weight * magnetisation * magnetisation / 16;
    for (unsigned n = 1; n < 3; n++) { // along rows and columns
      double rows[4] = {0}, columns[4] = {0}, sums[4] = {0};
      for (unsigned i = 0; i < 16; i++)
        rows[i / 4] += site_of(state, i / 4, i), columns[i % 4] += site_of(state, i / 4, i);
      for (unsigned i = 0; i < 4; i++) {
        double c = cos(M_PI * n * i / 2), s = sin(M_PI * n * i / 2);
        sums[0] += rows[i] * c, sums[1] += rows[i] * s, sums[2] += columns[i] * c, sums[3] += columns[i] * s;
      }
      for (int i = 0; i < 4; i++) t->structure[n] += weight * sums[i] * sums[i] / 32;
    }
  }
  for (unsigned state = 0; state < STATES; state++) t->cumulative[state] /= z;
  for (int i = 0; i < 3; i++) t->axis[i] /= z, t->diagonal[i] /= z, t->structure[i] /= z;
}

static void check_torus(const driver *d, const torus *t, double most) {
  double xi = sqrt(t->structure[0] / t->structure[1] - 1) / (2 * sin(M_PI / 4));
  CHECK_NEAR(field(d, "4", 0, "xi", "exact"), xi, 1e-10);
  CHECK_NEAR(field(d, "4", 0, "xi_over_L", "exact"), xi / 4, 1e-10);
  CHECK_NEAR(field(d, "4", 0, "F", "exact"), t->structure[1], 1e-11);
  CHECK_NEAR(field(d, "4", 0, "G_half", "exact"), t->axis[2], 1e-11);
  for (int o = 0; o < OBSERVABLES; o++) {
    double error_found = field(d, "4", 0, observables[o], "error");
    CHECK_NEAR(field(d, "4", 0, observables[o], "value"), field(d, "4", 0, observables[o], "exact"), 4 * error_found);
    CHECK_NEAR(error_found, 0, most);
  }
  for (int i = 0; i < 3; i++) {
    CHECK_NEAR(point(d, "G", "axis", i, "value"), t->axis[i], 4 * point(d, "G", "axis", i, "error") + 1e-12);
    CHECK_NEAR(point(d, "G", "diagonal", i, "value"), t->diagonal[i],
               4 * point(d, "G", "diagonal", i, "error") + 1e-12);
    CHECK_NEAR(point(d, "S", "axis", i, "value"), t->structure[i], 4 * point(d, "S", "axis", i, "error"));
    CHECK_NEAR(point(d, "S", "axis", i, "error"), 0, i ? most : 0.025);
  }
}

static void sampled_torus(void) {
  torus *t = malloc(sizeof *t);
  if (!t) abort();
  enumerate(t);
  driver *sampler =
      sampler_run("sampler.wolff", "size: 4, coupling: critical, configurations: 100000, chains: 2", "", 11);
  driver *d = open_stage(4, 4);
  estimator_feed_all(d, sampler);
  finish(d);
  check_torus(d, t, 0.02);
  driver_close(d);
  driver_close(sampler);
  free(t);
}

/// One independent draw.
static void draw(const torus *t, double uniform, fg_batch *batch, uint32_t c) {
  unsigned low = 0, high = STATES - 1;
  while (low < high) {
    unsigned middle = (low + high) / 2;
    if (t->cumulative[middle] > uniform)
      high = middle;
    else
      low = middle + 1;
  }
  for (unsigned i = 0; i < 16; i++) spin_set(batch, c, i / 4, i % 4, low >> i & 1);
}

/// 200 sets of 1000 independent draws: (value - exact)/error has mean 0 and variance 1, and τ is ½.
static void errors_cover(void) {
  enum { SETS = 200, DRAWS = 1000, PULLS = 6 };
  static const char *const names[PULLS] = {"xi", "F", "G_half", "G(2)", "G(1,1)", "S(1)"};
  torus *t = malloc(sizeof *t);
  if (!t) abort();
  enumerate(t);
  double sum[PULLS] = {0}, squares[PULLS] = {0}, tau = 0;
  for (uint64_t set = 0; set < SETS; set++) {
    driver *d = open_stage(4, 4);
    const fg_host *host = driver_host(d);
    fg_batch *batch = spins_new(host, 4, 4, DRAWS);
    fg_rng rng = fg_rng_start(host->rng_fill, host->rng_key(host, "draws"), set);
    for (uint32_t c = 0; c < DRAWS; c++) draw(t, fg_rng_uniform(&rng), batch, c);
    estimator_feed(d, batch, 0, CRITICAL);
    finish(d);
    const double pull[PULLS] = {
        (field(d, "4", 0, "xi", "value") - field(d, "4", 0, "xi", "exact")) / field(d, "4", 0, "xi", "error"),
        (field(d, "4", 0, "F", "value") - t->structure[1]) / field(d, "4", 0, "F", "error"),
        (field(d, "4", 0, "G_half", "value") - t->axis[2]) / field(d, "4", 0, "G_half", "error"),
        (point(d, "G", "axis", 2, "value") - t->axis[2]) / point(d, "G", "axis", 2, "error"),
        (point(d, "G", "diagonal", 1, "value") - t->diagonal[1]) / point(d, "G", "diagonal", 1, "error"),
        (point(d, "S", "axis", 1, "value") - t->structure[1]) / point(d, "S", "axis", 1, "error")};
    for (int p = 0; p < PULLS; p++) sum[p] += pull[p], squares[p] += pull[p] * pull[p];
    tau += field(d, "4", 0, "xi", "tau_int") / SETS;
    driver_close(d);
  }
  for (int p = 0; p < PULLS; p++) {
    double mean = sum[p] / SETS, variance = squares[p] / SETS;
    CHECK_NEAR(mean, 0, 4 / sqrt(SETS));
    CHECK_NEAR(variance, 1, 4 * sqrt(2.0 / SETS));
    if (fabs(mean) > 4 / sqrt(SETS) || fabs(variance - 1) > 4 * sqrt(2.0 / SETS)) printf(" (%s)", names[p]);
  }
  CHECK_NEAR(tau, 0.5, 0.02);
  free(t);
}

// ---- the exact values of larger tori, by a transfer matrix

/// |row⟩ → T|row⟩, symmetric: half the bonds of a row before, half after those between rows.
static void transfer(unsigned length, const double *half_weight, const double *in, double *out) {
  const unsigned rows = 1u << length;
  const double alike = exp(CRITICAL), unlike = exp(-CRITICAL);
  for (unsigned row = 0; row < rows; row++) out[row] = in[row] * half_weight[row];
  for (unsigned bit = 1; bit < rows; bit <<= 1) {
    for (unsigned row = 0; row < rows; row++) {
      if (row & bit) continue;
      double down = out[row], up = out[row | bit];
      out[row] = alike * down + unlike * up;
      out[row | bit] = unlike * down + alike * up;
    }
  }
  for (unsigned row = 0; row < rows; row++) out[row] *= half_weight[row];
}

/// F and G(⌊L/2⌋) of the L×L torus: Tr(T^t a T^(L-t) b)/Tr T^L, from every row back to itself.
static void torus_correlations(unsigned length, double *f, double *half) {
  const unsigned rows = 1u << length, apart = length / 2;
  double *half_weight = malloc(rows * sizeof(double)), *state = malloc((length + 1) * rows * sizeof(double)), z = 0;
  if (!half_weight || !state) abort();
  for (unsigned row = 0; row < rows; row++) {
    unsigned turned = (row >> 1 | row << (length - 1)) & (rows - 1);
    half_weight[row] = exp(CRITICAL / 2 * ((int)length - 2 * __builtin_popcount(row ^ turned)) - CRITICAL * length);
  }
  *f = *half = 0;
  for (unsigned first = 0; first < rows; first++) {
    memset(state, 0, rows * sizeof(double));
    state[first] = 1;
    for (unsigned t = 0; t < length; t++) transfer(length, half_weight, state + t * rows, state + (t + 1) * rows);
    double sum = 2 * __builtin_popcount(first) - (double)length;
    z += state[length * rows + first];
    *f += sum * sum * state[length * rows + first];
    for (unsigned t = 1; t < length; t++) {
      const double *there = state + t * rows, *back = state + (length - t) * rows;
      for (unsigned row = 0; row < rows; row++) {
        double weight = there[row] * back[row];
        *f += weight * sum * (2 * __builtin_popcount(row) - (double)length) * cos(2 * M_PI * t / length);
        if (t == apart) *half += weight * ((double)length - 2 * __builtin_popcount(row ^ first)) / length;
      }
    }
  }
  *f /= z * length;
  *half /= z;
  free(half_weight);
  free(state);
}

static void transfer_matrix(void) {
  for (size_t i = 0; i < sizeof exact_table / sizeof *exact_table; i++) {
    if (exact_table[i].size > 9) continue;
    double f, half;
    torus_correlations((unsigned)exact_table[i].size, &f, &half);
    CHECK_NEAR(exact_table[i].f, f, 1e-11);
    CHECK_NEAR(exact_table[i].half, half, 1e-11);
  }
}

/// Larger ones of the table, and that nothing stands beside what is not critical.
static void exact_values(void) {
  driver *d = open_stage(12, 12);
  static const struct {
    uint64_t rows, width;
    int level;
    double coupling, xi_over_L;
  } cases[] = {{8, 8, 0, CRITICAL, 0.923686207}, {12, 12, 0, CRITICAL, 0.915157287},  {16, 16, 5, NAN, 0.911522557},
               {11, 11, 0, CRITICAL, NAN},       {32, 32, 0, CRITICAL, 0.9050488292}, {32, 32, 0, 0.44, NAN},
               {32, 32, -1, NAN, NAN},           {12, 24, 1, CRITICAL, NAN}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    estimator_feed(d, spins_random(driver_host(d), cases[i].rows, cases[i].width, 3, 0.8, i), cases[i].level,
                   cases[i].coupling);
  finish(d);
  const fg_table *table = estimator_table(d, "estimates");
  size_t next = 0;
  for (uint64_t row = 0; row < table->row_count; row++) {
    if (strcmp(cell_of(table, row, "observable")->text, "xi_over_L") != 0) continue;
    double exact = real_of(table, row, "exact");
    CU_ASSERT(isnan(exact) == isnan(cases[next].xi_over_L));
    if (!isnan(exact)) CHECK_NEAR(exact, cases[next].xi_over_L, 1e-9);
    next++;
  }
  CHECK_INTEGER(next, 7);
  driver_close(d);
  d = estimator_open(KIND, "reference: none", 8, 8);
  estimator_feed(d, spins_random(driver_host(d), 8, 8, 3, 0.8, 1), 3, NAN);
  finish(d);
  CU_ASSERT(isnan(field(d, "8", 3, "F", "exact")));
  driver_close(d);
}

/// A critical lattice of 16×16 spins, the largest that is exactly known.
static void critical_lattice(void) {
  driver *sampler =
      sampler_run("sampler.wolff", "size: 16, coupling: critical, configurations: 40000, chains: 4", "", 3);
  driver *d = open_stage(16, 16);
  estimator_feed_all(d, sampler);
  finish(d);
  static const double most[OBSERVABLES] = {[O_XI] = 0.15, [O_XI_OVER_L] = 0.01, [O_F] = 0.05, [O_HALF] = 0.003};
  for (int o = 0; o < OBSERVABLES; o++) {
    double error_found = field(d, "16", 0, observables[o], "error");
    CHECK_NEAR(field(d, "16", 0, observables[o], "value"), field(d, "16", 0, observables[o], "exact"), 4 * error_found);
    CHECK_NEAR(error_found, 0, most[o]);
    CU_ASSERT(field(d, "16", 0, observables[o], "tau_int") > 0.7);
  }
  driver_close(d);
  driver_close(sampler);
}

// ---- sizes against each other

/// eta where two levels of a dream follow each other, and nowhere else; levels that share all noise have a sharp one.
static void local_exponents(void) {
  driver *d = open_stage(8, 8);
  const fg_host *host = driver_host(d);
  fg_batch *coarse = spins_random(host, 8, 8, 400, 0.8, 9), *fine = spins_new(host, 16, 16, 400);
  for (uint32_t c = 0; c < 400; c++)
    for (uint64_t y = 0; y < 16; y++)
      for (uint64_t x = 0; x < 16; x++) spin_set(fine, c, y, x, spin_get(coarse, c, y / 2, x / 2));
  double half = (plain_correlation(coarse, 4, 0) + plain_correlation(coarse, 0, 4)) / 2;
  double half_fine = (plain_correlation(fine, 8, 0) + plain_correlation(fine, 0, 8)) / 2;
  estimator_feed(d, spins_random(host, 1, 1, 400, 0.5, 1), 1, NAN);
  estimator_feed(d, spins_random(host, 2, 2, 400, 0.5, 1), 2, NAN); // a single spin has no G(L/2)
  estimator_feed(d, coarse, 3, NAN);
  estimator_feed(d, fine, 4, NAN);
  estimator_feed(d, spins_random(host, 32, 32, 399, 0.8, 1), 5, NAN); // one is missing
  finish(d);
  near(field(d, "16", 4, "eta", "value"), -log2(half_fine / half), 1);
  CU_ASSERT(field(d, "16", 4, "eta", "error") < 1e-12);
  CHECK_NEAR(field(d, "16", 4, "eta", "exact"), log2(0.626051208564 / 0.527034564760), 1e-12);
  const fg_table *table = estimator_table(d, "estimates");
  int found = 0;
  for (uint64_t row = 0; row < table->row_count; row++)
    found += strcmp(cell_of(table, row, "observable")->text, "eta") == 0;
  CHECK_INTEGER(found, 1);
  driver_close(d);
}

// ---- what must not matter

enum { WHOLES = 5 };

static void make_wholes(const fg_host *host, fg_batch *wholes[WHOLES]) {
  for (uint32_t c = 0; c < 3; c++) {
    wholes[c] = spins_random(host, 12, 12, 700, 0.4 + 0.1 * c, c);
    wholes[c]->chain = c;
    wholes[c]->coupling = 0.2;
  }
  wholes[3] = spins_random(host, 8, 9, 1000, 0.55, 3);
  wholes[4] = spins_random(host, 12, 12, 300, 0.7, 4);
  wholes[4]->level = 1;
}

/// All of them, in batches of `most` configurations.
static void feed_in_batches(driver *d, uint32_t most) {
  const fg_host *host = driver_host(d);
  fg_batch *wholes[WHOLES];
  make_wholes(host, wholes);
  for (size_t b = 0; b < WHOLES; b++) {
    for (uint32_t from = 0; from < wholes[b]->count; from += most) {
      uint32_t left = wholes[b]->count - from;
      fg_batch *part = part_of(host, wholes[b], from, left < most ? left : most);
      CHECK_INTEGER(driver_feed_batch(d, 0, part), FG_OK);
      host->batch_unref(host, part);
    }
    host->batch_unref(host, wholes[b]);
  }
  finish(d);
}

/// Batches show in the last digits of the tables' sums only, and not in the estimates.
static void batches(void) {
  static const uint32_t sizes[] = {1, 7, 64};
  driver *first = open_stage(12, 12);
  feed_in_batches(first, 1000);
  CHECK_INTEGER(estimator_table(first, "estimates")->row_count, 4 + 2 + 4);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    driver *d = open_stage(12, 12);
    feed_in_batches(d, sizes[i]);
    CU_ASSERT(same_tables(estimator_table(d, "estimates"), estimator_table(first, "estimates")));
    for (int t = 0; t < 2; t++) {
      const fg_table *one = estimator_table(first, t ? "S" : "G"), *other = estimator_table(d, t ? "S" : "G");
      for (uint64_t row = 0; row < one->row_count; row++) {
        near(real_of(other, row, "value"), real_of(one, row, "value"), 1);
        near(real_of(other, row, "error"), real_of(one, row, "error"), 1);
      }
    }
    driver_close(d);
  }
  driver_close(first);
}

static void parallel(void) {
  driver *first = open_stage(12, 12);
  feed_in_batches(first, 1000);
  for (int threads = 0; threads < 2; threads++) {
    driver *d = open_stage(12, 12);
    host_to_change(d)->parallel_for = threads ? parallel_on_threads : parallel_backwards;
    feed_in_batches(d, 1000);
    for (int t = 0; t < 3; t++) {
      static const char *const names[] = {"estimates", "G", "S"};
      CU_ASSERT(same_tables(estimator_table(d, names[t]), estimator_table(first, names[t])));
    }
    driver_close(d);
  }
  driver_close(first);
}

/// Few configurations: no errors of one, no rows of none.
static void few(void) {
  driver *d = open_stage(6, 6);
  estimator_feed(d, spins_random(driver_host(d), 6, 6, 1, 0.8, 1), 0, NAN);
  estimator_feed(d, spins_new(driver_host(d), 6, 6, 0), 1, NAN);
  finish(d);
  CHECK_INTEGER(estimator_table(d, "estimates")->row_count, 4);
  CU_ASSERT(isfinite(field(d, "6", 0, "G_half", "value")) && isnan(field(d, "6", 0, "G_half", "error")));
  CU_ASSERT(isfinite(point(d, "G", "axis", 1, "value")) && isnan(point(d, "G", "axis", 1, "error")));
  driver_close(d);
  d = open_stage(6, 6);
  finish(d);
  CHECK_INTEGER(driver_count(d, 0), 3);
  for (size_t i = 0; i < 3; i++) CHECK_INTEGER(driver_message(d, 0, i)->table->row_count, 0);
  driver_close(d);
}

// ---- what cannot be measured

static void refused(const fg_lattice *lattice, const char *message) {
  driver *d = driver_open(KIND, "", 1);
  fg_format in = format_of_spins(8, 8);
  in.shapes[0] = *lattice;
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in}), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refusals(void) {
  refused(&(fg_lattice){FG_CUBIC, 3, {8, 8, 8, 0}},
          "a cubic lattice of dimension 3 comes in; estimate.correlation measures the square lattice only");
  refused(&(fg_lattice){FG_SQUARE, 2, {16385, 16384, 0, 0}},
          "a lattice of size 16385x16384 comes in; estimate.correlation transforms at most 2^28 sites, so 16384x16384");
  refused(&(fg_lattice){FG_SQUARE, 2, {UINT64_C(1) << 31, UINT64_C(1) << 31, 0, 0}},
          "a lattice of size 2147483648 comes in; estimate.correlation transforms at most 2^28 sites, so 16384x16384");

  driver *d = open_stage(4, 4);
  for (int at = 0; at < 17; at++) estimator_feed(d, spins_new(driver_host(d), 4, 4, 1), at, NAN);
  fg_batch *batch = spins_new(driver_host(d), 4, 4, 1);
  batch->level = 17;
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_FAILED);
  CHECK_TEXT(driver_error(d), "more than 17 combinations of size, level and coupling come in; share them among several "
                              "estimate.correlation stages");
  driver_close(d);

  d = open_stage(4, 4);
  host_to_change(d)->cancelled = always_cancelled;
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_CANCELLED);
  driver_host(d)->batch_unref(driver_host(d), batch);
  driver_close(d);
}

int main(void) {
  static const check_case cases[] = {
      {"against definitions", definitions},
      {"every wave vector, and Parseval", all_wave_vectors},
      {"ordered lattices", ordered},
      {"antiferromagnet and stripes", antiferromagnet_and_stripes},
      {"derivatives", gradients},
      {"a sampled torus against enumeration", sampled_torus},
      {"errors cover", errors_cover},
      {"exact values against a transfer matrix", transfer_matrix},
      {"which exact values there are", exact_values},
      {"a critical lattice", critical_lattice},
      {"local exponents", local_exponents},
      {"batches leave no trace", batches},
      {"parallel_for leaves no trace", parallel},
      {"few configurations", few},
      {"refusals", refusals},
      {0},
  };
  return check_main(KIND, cases);
}
