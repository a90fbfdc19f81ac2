// test_thermo.c — estimate.thermo: its bit counting against counting site by site; every observable of small batches against
// the definitions; exact values against enumeration and a transfer matrix; and what must not change a table: batches, and
// the order and threads of parallel_for. Errors are judged in test_series.c and test_coverage.c.
#include "check.h"
#include "driver.h"
#include "pool.h"
#include "spins.h"

#include "../plugins/estimate/energy.c"
#include "../plugins/estimate/series.c"

#include "../plugins/estimate/kaufman.c"

#include "../plugins/estimate/thermo.c"

#define CRITICAL 0.44068679350977147

// ---- a stage by hand

/// A stage told to expect lattices of rows×width.
static driver *open_stage(const char *params, uint64_t rows, uint64_t width) {
  driver *d = driver_open("estimate.thermo", params, 1);
  fg_format in = format_of_spins(rows, width);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in}), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

/// Feeds a batch at a level and coupling, and drops it.
static void feed_at(driver *d, fg_batch *batch, int level, double coupling) {
  batch->level = level;
  batch->coupling = coupling;
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
  driver_host(d)->batch_unref(driver_host(d), batch);
}

static const fg_table *table_of(driver *d) {
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_INTEGER(driver_count(d, 0), 1);
  return driver_message(d, 0, 0)->table;
}

/// Columns of the table of estimates.
enum { SIZE, LEVEL, OBSERVABLE, VALUE, ERROR, COUNT, TAU, EXACT, UNIT };

/// Whether two tables agree to the last bit; NaN agrees with itself.
static int same_tables(const fg_table *a, const fg_table *b) {
  if (a->row_count != b->row_count || a->column_count != b->column_count) return 0;
  for (uint64_t i = 0; i < a->row_count * a->column_count; i++) {
    const fg_cell *one = &a->cells[i], *two = &b->cells[i];
    uint32_t type = a->columns[i % a->column_count]->type;
    if (type == FG_COLUMN_TEXT ? strcmp(one->text, two->text) != 0 : one->integer != two->integer) return 0;
  }
  return 1;
}

static double field(const driver *d, const char *size, int level, const char *observable, const char *name) {
  return driver_estimate(d, 0, size, level, observable, name);
}

/// Configurations from … from+count-1 of a batch, copied.
static fg_batch *part_of(const fg_host *host, const fg_batch *all, uint32_t from, uint32_t count) {
  fg_batch *part = host->batch_new(host, all->element, &all->lattice, count);
  uint64_t bytes = all->rows * all->row_bytes;
  memcpy(part->data, (const char *)all->data + from * bytes, count * bytes);
  part->level = all->level;
  part->coupling = all->coupling;
  part->chain = all->chain;
  part->first = all->first + from;
  return part;
}

// ---- counting

static int same_counts(energy_counts a, energy_counts b) { return a.unlike == b.unlike && a.up == b.up; }

static energy_counts sum_of(energy_counts a, energy_counts b) {
  return (energy_counts){a.unlike + b.unlike, a.up + b.up};
}

/// Fast, portable and plain counts of whole configurations and of parts of them.
static void check_counts(const fg_batch *batch) {
  uint64_t sites = fg_lattice_sites(&batch->lattice), cut = batch->rows / 3, wrong = 0;
  for (uint32_t i = 0; i < batch->count; i++) {
    energy_counts plain = energy_count_plainly(batch, i, 0, batch->rows);
    wrong += plain.unlike > 2 * sites || plain.up > sites;
    wrong += !same_counts(energy_count(batch, i, 0, batch->rows), plain);
    wrong += !same_counts(count_portably(batch, i, 0, batch->rows), plain);
    wrong += !same_counts(energy_count(batch, i, 0, cut), energy_count_plainly(batch, i, 0, cut));
    wrong += !same_counts(sum_of(energy_count(batch, i, 0, cut), energy_count(batch, i, cut, batch->rows)), plain);
  }
  CHECK_INTEGER(wrong, 0);
  if (wrong) printf(" (%d×%d)", (int)batch->rows, (int)fg_lattice_width(&batch->lattice));
}

static void counting(void) {
  static const uint64_t widths[] = {1, 2, 3, 5, 31, 32, 33, 62, 63, 64, 65, 66, 127, 128, 129, 130, 191, 192, 193, 300};
  static const uint64_t heights[] = {1, 2, 3, 7, 64};
  driver *d = open_stage("", 4, 4);
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
    for (size_t h = 0; h < sizeof heights / sizeof *heights; h++) {
      for (int up = 0; up <= 4; up++) { // all down, random at several magnetisations, all up
        fg_batch *batch = spins_random(driver_host(d), heights[h], widths[w], 4, up / 4.0, w * 100 + h);
        check_counts(batch);
        driver_host(d)->batch_unref(driver_host(d), batch);
      }
    }
  }
  driver_close(d);
}

/// By hand: one spin up in a sea of down has four unlike bonds, wherever it is; on an extent of 2 a pair is joined twice, on
/// an extent of 1 a site is its own neighbour.
static void one_spin(void) {
  static const struct {
    uint64_t rows, width, unlike;
  } cases[] = {{5, 5, 4}, {3, 65, 4}, {64, 64, 4}, {2, 2, 4}, {2, 70, 4}, {1, 7, 2}, {7, 1, 2}, {1, 2, 2}, {1, 1, 0}};
  driver *d = open_stage("", 4, 4);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fg_batch *batch = spins_new(driver_host(d), cases[i].rows, cases[i].width, 1);
    for (uint64_t site = 0; site < cases[i].rows * cases[i].width; site++) {
      uint64_t y = site / cases[i].width, x = site % cases[i].width;
      spin_set(batch, 0, y, x, 1);
      energy_counts fast = energy_count(batch, 0, 0, batch->rows);
      CHECK_INTEGER(fast.unlike, cases[i].unlike);
      CHECK_INTEGER(fast.up, 1);
      spin_set(batch, 0, y, x, 0);
    }
    driver_host(d)->batch_unref(driver_host(d), batch);
  }
  driver_close(d);
}

// ---- observables

/// The observables in the table's order, in units per site, straight from their definitions.
typedef struct definition {
  const char *name, *unit;
  double value;
} definition;

#define DEFINITIONS 11u
static void define(const fg_batch *const *batches, size_t count, double coupling, definition out[DEFINITIONS]) {
  long double n = 0, e = 0, ee = 0, m = 0, absolute = 0, m2 = 0, m4 = 0, sites = 0;
  for (size_t b = 0; b < count; b++) {
    const fg_batch *batch = batches[b];
    uint64_t rows = batch->rows, width = fg_lattice_width(&batch->lattice);
    sites = (long double)(rows * width);
    for (uint32_t c = 0; c < batch->count; c++, n++) {
      int64_t energy = 0, spins = 0;
      for (uint64_t y = 0; y < rows; y++) {
        for (uint64_t x = 0; x < width; x++) {
          int s = spin_get(batch, c, y, x) ? 1 : -1;
          energy -= s * (spin_get(batch, c, y, (x + 1) % width) ? 1 : -1);
          energy -= s * (spin_get(batch, c, (y + 1) % rows, x) ? 1 : -1);
          spins += s;
        }
      }
      long double per_site = (long double)energy / sites, mean = (long double)spins / sites;
      e += per_site;
      ee += per_site * per_site;
      m += mean;
      absolute += fabsl(mean);
      m2 += mean * mean;
      m4 += mean * mean * mean * mean;
    }
  }
  e /= n, ee /= n, m /= n, absolute /= n, m2 /= n, m4 /= n;
  const definition table[DEFINITIONS] = {
      {"e", "J", (double)e},
      {"abs_m", "1", (double)absolute},
      {"m", "1", (double)m},
      {"m2", "1", (double)m2},
      {"m4", "1", (double)m4},
      {"chi", "1", (double)(sites * m2)},
      {"chi_connected", "1", (double)(sites * (m2 - absolute * absolute))},
      {"varE", "J^2", (double)(sites * (ee - e * e))},
      {"C", "1", (double)(coupling * coupling * sites * (ee - e * e))},
      {"U", "1", (double)(m4 / (m2 * m2))},
      {"binder_cumulant", "1", (double)(1 - m4 / (m2 * m2) / 3)},
  };
  memcpy(out, table, sizeof table);
}

static void agree(double actual, double expected) { CHECK_NEAR(actual, expected, 1e-11 * (1 + fabs(expected))); }

/// Checks rows from `row` on against the definitions; returns the row after them.
static uint64_t check_rows(const fg_table *table, uint64_t row, const char *size, int level, double coupling,
                           const fg_batch *const *batches, size_t count) {
  definition expected[DEFINITIONS];
  uint64_t n = 0;
  define(batches, count, coupling, expected);
  for (size_t b = 0; b < count; b++) n += batches[b]->count;
  for (size_t o = 0; o < DEFINITIONS; o++) {
    if (isnan(coupling) && strcmp(expected[o].name, "C") == 0) continue;
    const fg_cell *cells = table->cells + row * table->column_count;
    CU_ASSERT_FATAL(row++ < table->row_count);
    CHECK_TEXT(cells[OBSERVABLE].text, expected[o].name);
    CHECK_TEXT(cells[SIZE].text, size);
    CHECK_TEXT(cells[UNIT].text, expected[o].unit);
    CHECK_INTEGER(cells[LEVEL].integer, level);
    CHECK_INTEGER(cells[COUNT].integer, n);
    agree(cells[VALUE].real, expected[o].value);
  }
  return row;
}

/// Several sizes, shapes, levels, couplings and chains through one stage.
static void definitions(void) {
  static const struct {
    const char *size;
    uint64_t rows, width;
    int level;
    double coupling, up;
  } cases[] = {{"8", 8, 8, 0, 0.3, 0.5},     {"1", 1, 1, 0, 0.3, 0.5},      {"3x70", 3, 70, 0, 0.3, 0.6},
               {"70x3", 70, 3, 0, 0.3, 0.6}, {"8", 8, 8, 0, CRITICAL, 0.7}, {"8", 8, 8, -1, NAN, 0.5},
               {"8", 8, 8, 2, NAN, 0.9},     {"2", 2, 2, 5, NAN, 0.5},      {"65", 65, 65, 0, -0.2, 0.5}};
  enum { CASES = sizeof cases / sizeof *cases, PARTS = 4 };
  driver *d = open_stage("", 8, 8);
  const fg_host *host = driver_host(d);
  fg_batch *batches[CASES][PARTS];
  for (uint32_t p = 0; p < PARTS; p++) {
    for (uint32_t i = 0; i < CASES; i++) {
      fg_batch *batch = spins_random(host, cases[i].rows, cases[i].width, 3 + 5 * p, cases[i].up, 100 * p + i);
      batch->level = cases[i].level;
      batch->coupling = cases[i].coupling;
      batch->chain = p % 2;
      batches[i][p] = batch;
      CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
    }
  }
  const fg_table *table = table_of(d);
  uint64_t row = 0;
  for (uint32_t i = 0; i < CASES; i++)
    row = check_rows(table, row, cases[i].size, cases[i].level, cases[i].coupling, (const fg_batch *const *)batches[i],
                     PARTS);
  CHECK_INTEGER(row, table->row_count);
  for (uint32_t i = 0; i < CASES; i++)
    for (uint32_t p = 0; p < PARTS; p++) host->batch_unref(host, batches[i][p]);
  driver_close(d);
}

/// Lattices of which each configuration is counted in several pieces, by rows.
static void large_lattices(void) {
  static const uint64_t shapes[][2] = {{1031, 2050}, {2, 2097217}, {1, 1100001}, {16400, 65}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    driver *d = open_stage("", shapes[i][0], shapes[i][1]);
    fg_batch *batch = spins_random(driver_host(d), shapes[i][0], shapes[i][1], 3, 0.52, i);
    char size[48];
    snprintf(size, sizeof size, "%dx%d", (int)shapes[i][0], (int)shapes[i][1]);
    CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
    check_rows(table_of(d), 0, size, 0, NAN, (const fg_batch *const[]){batch}, 1);
    driver_host(d)->batch_unref(driver_host(d), batch);
    driver_close(d);
  }
}

static void set_checkerboard(fg_batch *batch, uint32_t c) {
  for (uint64_t y = 0; y < batch->rows; y++)
    for (uint64_t x = 0; x < fg_lattice_width(&batch->lattice); x++) spin_set(batch, c, y, x, (unsigned)(x + y) & 1);
}

/// varE takes the mean over everything: lattices all up, e = -2, and then checkerboards, e = 2, have varE = 4N though
/// neither half fluctuates, whether in one chain or two.
static void global_mean(void) {
  for (uint32_t chains = 1; chains <= 2; chains++) {
    driver *d = open_stage("", 8, 8);
    for (uint32_t half = 0; half < 2; half++) {
      fg_batch *batch = spins_random(driver_host(d), 8, 8, 300, 1, 0);
      for (uint32_t c = 0; half && c < batch->count; c++) set_checkerboard(batch, c);
      batch->chain = half % chains;
      feed_at(d, batch, 0, 0.5);
    }
    table_of(d);
    CHECK_NEAR(field(d, "8", 0, "e", "value"), 0, 1e-14);
    CHECK_NEAR(field(d, "8", 0, "varE", "value"), 4 * 64, 1e-10);
    CHECK_NEAR(field(d, "8", 0, "C", "value"), 64, 1e-10);
    CHECK_NEAR(field(d, "8", 0, "abs_m", "value"), 0.5, 1e-14);
    CHECK_NEAR(field(d, "8", 0, "chi_connected", "value"), 64 * 0.25, 1e-12);
    CHECK_NEAR(field(d, "8", 0, "U", "value"), 2, 1e-12);
    driver_close(d);
  }
}

/// Free spins: e, m2, varE and U against what they are at K = 0, N = 64, with errors of the size they must have.
static void free_spins(void) {
  driver *d = open_stage("reference: 0", 8, 8);
  const double n = 20000, sites = 64;
  feed_at(d, spins_random(driver_host(d), 8, 8, 20000, 0.5, 1), 3, NAN);
  table_of(d);
  // ⟨m⁴⟩ = (3 - 2/N)/N²; Var(E) = 2N; Var(M²) = 2N² - 2N.
  const double u = 3 - 2 / sites, m2_error = sqrt((2 - 2 / sites) / n) / sites;
  static const char *const names[] = {"e", "m", "m2", "varE", "U"};
  const double exact[] = {0, 0, 1 / sites, 2, u}, errors[] = {sqrt(2 / sites / n), sqrt(1 / sites / n), m2_error, 0, 0};
  for (int i = 0; i < 5; i++) {
    double error = field(d, "8", 3, names[i], "error");
    CHECK_NEAR(field(d, "8", 3, names[i], "value"), exact[i], 4 * error);
    CHECK_NEAR(field(d, "8", 3, names[i], "tau_int"), 0.5, 0.05);
    CHECK_NEAR(field(d, "8", 3, names[i], "n"), n, 0);
    if (errors[i] > 0) CHECK_NEAR(error / errors[i], 1, 4 / sqrt(2 * 700.0)); // at least 700 bins
  }
  CHECK_NEAR(field(d, "8", 3, "e", "exact"), 0, 1e-14);
  CHECK_NEAR(field(d, "8", 3, "varE", "exact"), 2, 1e-12);
  CU_ASSERT(field(d, "8", 3, "U", "error") < 0.1);
  driver_close(d);
}

/// Equal configurations: no errors and no times; of one configuration both are unknown.
static void nothing_varies(void) {
  driver *d = open_stage("", 6, 6);
  fg_batch *batch = spins_new(driver_host(d), 6, 6, 100);
  for (uint32_t c = 0; c < 100; c++) spin_set(batch, c, 1, 2, 1);
  feed_at(d, batch, 0, NAN);
  feed_at(d, spins_new(driver_host(d), 4, 4, 1), 0, NAN);
  const fg_table *table = table_of(d);
  for (uint64_t row = 0; row < table->row_count; row++) {
    const fg_cell *cells = table->cells + row * table->column_count;
    CU_ASSERT(isnan(cells[TAU].real));
    if (strcmp(cells[SIZE].text, "4") == 0) {
      CU_ASSERT(isnan(cells[ERROR].real));
    } else {
      CHECK_NEAR(cells[ERROR].real, 0, 1e-12);
    }
  }
  CHECK_NEAR(field(d, "6", 0, "e", "value"), -2 + 8.0 / 36, 1e-14);
  CHECK_NEAR(field(d, "6", 0, "m", "value"), -34.0 / 36, 1e-14);
  driver_close(d);

  d = open_stage("", 4, 4); // m = 0 throughout: U has no value
  batch = spins_new(driver_host(d), 4, 4, 10);
  for (uint32_t c = 0; c < 10; c++) set_checkerboard(batch, c);
  feed_at(d, batch, 0, NAN);
  table_of(d);
  CHECK_NEAR(field(d, "4", 0, "e", "value"), 2, 1e-14);
  CU_ASSERT(isnan(field(d, "4", 0, "U", "value")));
  CU_ASSERT(isnan(field(d, "4", 0, "U", "error")));
  driver_close(d);

  d = open_stage("", 4, 4); // nothing comes in: an empty table
  CHECK_INTEGER(table_of(d)->row_count, 0);
  driver_close(d);
}

/// The derivatives that errors rest on, against differences, at moments of a real batch.
static void gradients(void) {
  const double step = 1e-6, means[SERIES_MOMENTS] = {-3.5, 40, 17, 1.5, 420, 350000};
  double gradient[2 * SERIES_MOMENTS], ignored[2 * SERIES_MOMENTS], pair[2 * SERIES_MOMENTS];
  for (int o = 0; o < OBSERVABLES; o++) {
    question q = {o, 36, -50, 0.4};
    answer(&q, means, gradient);
    for (uint32_t i = 0; i < SERIES_MOMENTS; i++) {
      double low[SERIES_MOMENTS], high[SERIES_MOMENTS], width = step * fabs(means[i]);
      memcpy(low, means, sizeof low);
      memcpy(high, means, sizeof high);
      low[i] -= width;
      high[i] += width;
      double difference = (answer(&q, high, ignored) - answer(&q, low, ignored)) / (2 * width);
      CHECK_NEAR(gradient[i] * means[i], difference * means[i], 1e-8);
    }
  }
  const double dimension = 2;
  for (uint32_t i = 0; i < 2 * SERIES_MOMENTS; i++) pair[i] = means[i % SERIES_MOMENTS] * (i < SERIES_MOMENTS ? 1 : 13);
  local_exponent(&dimension, pair, gradient);
  for (uint32_t i = 0; i < 2 * SERIES_MOMENTS; i++) {
    double saved = pair[i], width = step * fabs(saved);
    pair[i] = saved + width;
    double high = local_exponent(&dimension, pair, ignored);
    pair[i] = saved - width;
    double low = local_exponent(&dimension, pair, ignored);
    pair[i] = saved;
    CHECK_NEAR(gradient[i] * saved, (high - low) / (2 * step), 1e-8);
  }
}

// ---- sizes against each other

/// gamma_over_nu where two levels of a dream follow each other, and nowhere else.
static void local_exponents(void) {
  driver *d = open_stage("", 8, 8);
  const fg_host *host = driver_host(d);
  static const struct {
    uint64_t rows, width;
    int level;
    uint32_t count;
    double coupling;
  } cases[] = {{1, 1, 0, 50, NAN},    {2, 2, 1, 50, NAN},   {4, 4, 2, 50, NAN},   {12, 12, 3, 50, NAN},
               {24, 24, 4, 49, NAN},  {48, 48, 5, 49, NAN}, {96, 96, 6, 49, 0.4}, {5, 5, -2, 50, NAN},
               {10, 10, -1, 50, NAN}, {20, 20, 0, 50, NAN}, {9, 9, 7, 50, NAN},   {18, 18, 9, 50, NAN},
               {3, 7, 3, 50, NAN},    {6, 14, 4, 50, NAN}};
  static const char *const with[] = {"2", "4", "48", "6x14"}; // 1→2, 2→4, 24→48, 3×7→6×14
  enum { CASES = sizeof cases / sizeof *cases };
  double m2[CASES];
  for (size_t i = 0; i < CASES; i++) {
    fg_batch *batch = spins_random(host, cases[i].rows, cases[i].width, cases[i].count, 0.8, i);
    definition expected[DEFINITIONS];
    define((const fg_batch *const[]){batch}, 1, NAN, expected);
    m2[i] = expected[3].value;
    feed_at(d, batch, cases[i].level, cases[i].coupling);
  }
  const fg_table *table = table_of(d);
  size_t found = 0;
  for (uint64_t row = 0; row < table->row_count; row++) {
    const fg_cell *cells = table->cells + row * table->column_count;
    if (strcmp(cells[OBSERVABLE].text, "gamma_over_nu") != 0) continue;
    if (found < 4) CHECK_TEXT(cells[SIZE].text, with[found]);
    found++;
  }
  CHECK_INTEGER(found, 4);
  agree(field(d, "2", 1, "gamma_over_nu", "value"), 2 + log2(m2[1] / m2[0]));
  agree(field(d, "4", 2, "gamma_over_nu", "value"), 2 + log2(m2[2] / m2[1]));
  agree(field(d, "48", 5, "gamma_over_nu", "value"), 2 + log2(m2[5] / m2[4]));
  agree(field(d, "6x14", 4, "gamma_over_nu", "value"), 2 + log2(m2[13] / m2[12]));
  CHECK_NEAR(field(d, "4", 2, "gamma_over_nu", "exact"), 2 + log2(0.761358908569 / 0.874264068712), 1e-12);
  CHECK_NEAR(field(d, "2", 1, "gamma_over_nu", "exact"), 2 + log2(0.874264068712), 1e-12);
  CHECK_NEAR(field(d, "48", 5, "gamma_over_nu", "exact"), 1.75, 0);
  driver_close(d);
}

/// Two levels that share all noise have an exact ratio: every spin repeated 2×2 leaves m as it is.
static void shared_noise(void) {
  driver *d = open_stage("reference: none", 8, 8);
  fg_batch *coarse = spins_random(driver_host(d), 8, 8, 400, 0.5, 9), *fine = spins_new(driver_host(d), 16, 16, 400);
  for (uint32_t c = 0; c < 400; c++)
    for (uint64_t y = 0; y < 16; y++)
      for (uint64_t x = 0; x < 16; x++) spin_set(fine, c, y, x, spin_get(coarse, c, y / 2, x / 2));
  spin_set(fine, 0, 0, 0, !spin_get(fine, 0, 0, 0));
  feed_at(d, coarse, 3, NAN);
  feed_at(d, fine, 4, NAN);
  table_of(d);
  double error = field(d, "16", 4, "gamma_over_nu", "error");
  double relative = field(d, "16", 4, "m2", "error") / field(d, "16", 4, "m2", "value");
  CHECK_NEAR(field(d, "16", 4, "gamma_over_nu", "value"), 2, 0.01);
  CU_ASSERT(error > 0 && error < 0.01 * relative);
  CU_ASSERT(isnan(field(d, "16", 4, "gamma_over_nu", "exact")));
  driver_close(d);
}

// ---- exact values

/// Which exact values a group has: Kaufman's for every shape and coupling known, moments at Kc for sizes in the table.
static void check_exact(const driver *d, const char *size, uint64_t rows, uint64_t width, int level, double coupling) {
  kaufman energies = kaufman_torus(rows, width, coupling);
  const exact_moments *moments = fabs(coupling - CRITICAL) < 1e-12 && rows == width ? exact_moments_of(rows) : NULL;
  double m2 = moments ? moments->m2 : NAN, u = moments ? moments->u : NAN;
  const struct {
    const char *name;
    double exact;
  } expected[] = {{"e", energies.energy},
                  {"varE", energies.variance},
                  {"m", isnan(coupling) ? NAN : 0},
                  {"m2", m2},
                  {"m4", u * m2 * m2},
                  {"chi", (double)(rows * width) * m2},
                  {"U", u},
                  {"binder_cumulant", 1 - u / 3},
                  {"abs_m", NAN},
                  {"chi_connected", NAN}};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    double found = field(d, size, level, expected[i].name, "exact");
    CU_ASSERT(isnan(found) == isnan(expected[i].exact));
    CU_ASSERT(isfinite(field(d, size, level, expected[i].name, "value")));
    if (!isnan(found)) CHECK_NEAR(found, expected[i].exact, 1e-14 * (1 + fabs(found)));
    if (isnan(found) != isnan(expected[i].exact)) printf("\n    %s of %s at level %d", expected[i].name, size, level);
  }
}

/// A batch of what does not matter here.
static void feed_some(driver *d, uint64_t rows, uint64_t width, int level, double coupling) {
  feed_at(d, spins_random(driver_host(d), rows, width, 2, 0.8, 1), level, coupling);
}

static void exact_values(void) {
  static const struct {
    const char *size;
    uint64_t rows, width;
  } shapes[] = {{"1", 1, 1},    {"2", 2, 2},    {"5", 5, 5},   {"8", 8, 8},
                {"11", 11, 11}, {"16", 16, 16}, {"4x8", 4, 8}, {"128", 128, 128}};
  static const struct {
    const char *params;
    double reference; // NaN: none
  } cases[] = {{"", CRITICAL}, {"reference: critical", CRITICAL}, {"reference: 0.3", 0.3}, {"reference: none", NAN}};
  for (size_t r = 0; r < sizeof cases / sizeof *cases; r++) {
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
      uint64_t rows = shapes[s].rows, width = shapes[s].width;
      driver *d = open_stage(cases[r].params, rows, width);
      feed_some(d, rows, width, 0, CRITICAL); // a sampler's: its own coupling
      feed_some(d, rows, width, 1, 0.35);
      feed_some(d, rows, width, 4, NAN);  // a dream's: the reference
      feed_some(d, rows, width, -1, NAN); // blocked: of no known model
      feed_some(d, rows, width, -2, CRITICAL);
      table_of(d);
      check_exact(d, shapes[s].size, rows, width, 0, CRITICAL);
      check_exact(d, shapes[s].size, rows, width, 1, 0.35);
      check_exact(d, shapes[s].size, rows, width, 4, cases[r].reference);
      check_exact(d, shapes[s].size, rows, width, -1, NAN);
      check_exact(d, shapes[s].size, rows, width, -2, NAN);
      double c = field(d, shapes[s].size, 1, "C", "exact"), variance = field(d, shapes[s].size, 1, "varE", "exact");
      CHECK_NEAR(c, 0.35 * 0.35 * variance, 1e-13 * c);
      CU_ASSERT(isnan(field(d, shapes[s].size, 4, "C", "value"))); // there is no such row
      driver_close(d);
    }
  }
}

#define ORDERS 5u // of the magnetic field, 0 … 4

/// out = in · exp(h·m) to fourth order in h.
static void in_field(const double in[ORDERS], double m, double out[ORDERS]) {
  const double series_of[ORDERS] = {1, m, m * m / 2, m * m * m / 6, m * m * m * m / 24};
  for (uint32_t k = 0; k < ORDERS; k++) {
    out[k] = 0;
    for (uint32_t i = 0; i <= k; i++) out[k] += in[i] * series_of[k - i];
  }
}

static int spins_of(unsigned row, unsigned length) { return 2 * __builtin_popcount(row) - (int)length; }

static int bonds_along(unsigned row, unsigned length) {
  unsigned turned = (row >> 1 | row << (length - 1)) & ((1u << length) - 1);
  return (int)length - 2 * __builtin_popcount(row ^ turned);
}

/// ⟨M²⟩ and ⟨M⁴⟩ of the L×L torus: Z(h) by a transfer matrix that replaces one spin of a row after the other, from every
/// first row back to itself. `state` has 2^L places.
static void transfer(unsigned length, double coupling, double (*state)[ORDERS], double *m2, double *m4) {
  const unsigned rows = 1u << length;
  const double alike = exp(coupling), unlike = exp(-coupling);
  double z[ORDERS] = {0};
  for (unsigned first = 0; first < rows; first++) {
    memset(state, 0, rows * sizeof *state);
    state[first][0] = 1;
    for (unsigned y = 0; y < length; y++) {
      for (unsigned bit = 1; bit < rows; bit <<= 1) {
        for (unsigned row = 0; row < rows; row++) {
          for (unsigned k = 0; k < ORDERS && !(row & bit); k++) {
            double down = state[row][k], up = state[row | bit][k];
            state[row][k] = alike * down + unlike * up;
            state[row | bit][k] = unlike * down + alike * up;
          }
        }
      }
      for (unsigned row = 0; row < rows; row++) {
        double weight = exp(coupling * bonds_along(row, length)), before[ORDERS];
        for (unsigned k = 0; k < ORDERS; k++) before[k] = weight * state[row][k];
        in_field(before, spins_of(row, length), state[row]);
      }
    }
    for (unsigned k = 0; k < ORDERS; k++) z[k] += state[first][k];
  }
  *m2 = 2 * z[2] / z[0];
  *m4 = 24 * z[4] / z[0];
}

/// The table of exact moments for L ≤ 9; larger sizes are met by the samplers' own tests.
static void transfer_matrix(void) {
  double(*state)[ORDERS] = malloc((1u << 9) * sizeof *state);
  if (!state) abort();
  for (unsigned length = 1; length <= 9; length++) {
    const exact_moments *found = exact_moments_of(length);
    double m2, m4, sites = length * length;
    transfer(length, CRITICAL, state, &m2, &m4);
    CU_ASSERT_FATAL(found != NULL);
    CHECK_NEAR(found->m2, m2 / (sites * sites), 2e-12);
    CHECK_NEAR(found->u, m4 / (m2 * m2), 2e-12);
  }
  free(state);
  CU_ASSERT(!exact_moments_of(11) && !exact_moments_of(0) && !exact_moments_of(32));
}

// ---- what must not matter

/// Several chains and two levels, in batches of `size` configurations; the table is the driver's.
static const fg_table *in_batches(driver *d, fg_batch *const *wholes, size_t count, uint32_t size) {
  const fg_host *host = driver_host(d);
  for (size_t b = 0; b < count; b++) {
    for (uint32_t from = 0; from < wholes[b]->count; from += size) {
      uint32_t left = wholes[b]->count - from;
      fg_batch *part = part_of(host, wholes[b], from, left < size ? left : size);
      CHECK_INTEGER(driver_feed_batch(d, 0, part), FG_OK);
      host->batch_unref(host, part);
    }
  }
  return table_of(d);
}

enum { WHOLES = 6 };

/// Three chains of 3000 lattices of 12×12, and a dream's two levels, and one large lattice thrice.
static void make_wholes(const fg_host *host, fg_batch *wholes[WHOLES]) {
  for (uint32_t c = 0; c < 3; c++) {
    wholes[c] = spins_random(host, 12, 12, 3000, 0.4 + 0.1 * c, c);
    wholes[c]->chain = c;
    wholes[c]->coupling = 0.2;
  }
  wholes[3] = spins_random(host, 8, 8, 2000, 0.55, 3);
  wholes[4] = spins_random(host, 16, 16, 2000, 0.55, 4);
  wholes[3]->level = 3;
  wholes[4]->level = 4;
  wholes[5] = spins_random(host, 1200, 1100, 3, 0.5, 5);
}

static void drop(const fg_host *host, fg_batch *wholes[WHOLES]) {
  for (size_t b = 0; b < WHOLES; b++) host->batch_unref(host, wholes[b]);
}

static void batches(void) {
  static const uint32_t sizes[] = {3000, 1, 7, 64, 1999};
  fg_batch *wholes[WHOLES];
  driver *first = open_stage("", 12, 12);
  make_wholes(driver_host(first), wholes);
  const fg_table *expected = in_batches(first, wholes, WHOLES, sizes[0]);
  CHECK_INTEGER(expected->row_count, 11 + 10 + 10 + 1 + 10);
  for (size_t i = 1; i < sizeof sizes / sizeof *sizes; i++) {
    driver *d = open_stage("", 12, 12);
    CU_ASSERT(same_tables(in_batches(d, wholes, WHOLES, sizes[i]), expected));
    driver_close(d);
  }
  drop(driver_host(first), wholes);
  driver_close(first);
}

/// parallel_for from the last index to the first.
static fg_status backwards(const fg_host *host, uint64_t count, fg_status (*body)(void *arg, uint64_t index),
                           void *arg) {
  (void)host;
  fg_status status = FG_OK;
  while (count-- > 0 && status == FG_OK) status = body(arg, count);
  return status;
}

/// parallel_for on four threads.
static fg_status on_threads(const fg_host *host, uint64_t count, fg_status (*body)(void *arg, uint64_t index),
                            void *arg) {
  (void)host;
  fg_pool *pool = fg_pool_new(4);
  if (!pool) abort();
  fg_pool_acquire(pool);
  fg_status status = fg_pool_for(pool, count, body, arg, NULL);
  fg_pool_release(pool);
  fg_pool_free(pool);
  return status;
}

static void parallel(void) {
  fg_batch *wholes[WHOLES];
  driver *first = open_stage("", 12, 12);
  make_wholes(driver_host(first), wholes);
  const fg_table *expected = in_batches(first, wholes, WHOLES, 3000);
  for (int threads = 0; threads < 2; threads++) {
    driver *d = open_stage("", 12, 12);
    ((fg_host *)(uintptr_t)driver_host(d))->parallel_for = threads ? on_threads : backwards;
    CU_ASSERT(same_tables(in_batches(d, wholes, WHOLES, 3000), expected));
    driver_close(d);
  }
  drop(driver_host(first), wholes);
  driver_close(first);
}

// ---- what cannot be measured

static void check_refusal(driver *d, const fg_format *in, const char *expected) {
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){in}), FG_FAILED);
  CHECK_TEXT(driver_error(d), expected);
  driver_close(d);
}

#define MEASURED " comes in; estimate.thermo measures the chain, the square, the triangular and the cubic lattice"

static void refusals(void) {
  fg_format in = format_of_spins(8, 8);
  in.shape_count = 2;
  in.shapes[1] = (fg_lattice){FG_CUBIC, 3, {8, 8, 8, 0}};
  check_refusal(driver_open("estimate.thermo", "", 1), &in,
                "a cubic lattice comes in beside a square one, and their rows would be told apart by size alone; give "
                "each kind of lattice a stage of its own");
  in.shapes[1] = (fg_lattice){FG_HYPERCUBIC, 4, {8, 8, 8, 8}};
  check_refusal(driver_open("estimate.thermo", "", 1), &in, "a hypercubic lattice of dimension 4" MEASURED);
  in.shapes[1] = (fg_lattice){FG_CUBIC, 2, {8, 8, 0, 0}};
  check_refusal(driver_open("estimate.thermo", "", 1), &in, "a cubic lattice of dimension 2" MEASURED);
  in.shapes[1] = (fg_lattice){77, 2, {8, 8, 0, 0}};
  check_refusal(driver_open("estimate.thermo", "", 1), &in, "an unknown lattice of dimension 2" MEASURED);

  // The host checks elements by the port's word; anything but spins of one bit stops before the run.
  driver *d = open_stage("", 8, 8);
  CHECK_INTEGER(driver_stage(d)->inputs[0]->elements, 1u << FG_SPIN1);
  CHECK_INTEGER(driver_stage(d)->inputs[0]->kinds, FG_BATCH);
  fg_lattice hypercubic = {FG_HYPERCUBIC, 3, {8, 8, 8, 0}};
  fg_batch *batch = driver_host(d)->batch_new(driver_host(d), FG_SPIN1, &hypercubic, 1);
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_FAILED);
  CHECK_TEXT(driver_error(d), "a hypercubic lattice of dimension 3" MEASURED);
  driver_host(d)->batch_unref(driver_host(d), batch);
  driver_close(d);

  d = driver_open("estimate.thermo", "reference: hot", 1);
  CU_ASSERT(strstr(driver_error(d), "reference") != NULL);
  driver_close(d);
}

/// 8192 chains are measured; one more is refused.
static void chain_limit(void) {
  driver *d = open_stage("", 1, 1);
  fg_batch *batch = spins_new(driver_host(d), 1, 1, 1);
  for (uint32_t c = 0; c < 8192; c++) {
    batch->chain = 7 * c;
    if (driver_feed_batch(d, 0, batch) != FG_OK) CU_FAIL("a chain within the limit is refused");
  }
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK); // one that is known
  batch->chain = 1;
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_FAILED);
  CHECK_TEXT(driver_error(d), "more than 8192 Markov chains come in, counted for every size, level and coupling; use "
                              "fewer chains or several estimate.thermo stages");
  driver_host(d)->batch_unref(driver_host(d), batch);
  driver_close(d);
}

/// One lattice announced: 17 combinations are measured; one more is refused.
static void group_limit(void) {
  driver *d = open_stage("", 4, 4);
  for (int level = 0; level < 17; level++) feed_some(d, 4, 4, level, NAN);
  fg_batch *batch = spins_new(driver_host(d), 4, 4, 1);
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK); // one that is known
  batch->level = 17;
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_FAILED);
  CHECK_TEXT(driver_error(d), "more than 17 combinations of size, level and coupling come in; share them among several "
                              "estimate.thermo stages");
  driver_host(d)->batch_unref(driver_host(d), batch);
  driver_close(d);
}

static int always(const fg_host *host) {
  (void)host;
  return 1;
}

static void cancelled(void) {
  driver *d = open_stage("", 8, 8);
  ((fg_host *)(uintptr_t)driver_host(d))->cancelled = always;
  fg_batch *batch = spins_new(driver_host(d), 8, 8, 5);
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_CANCELLED);
  batch->count = 0; // nothing to count
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
  driver_host(d)->batch_unref(driver_host(d), batch);
  driver_close(d);
}

/// Rows of configurations in slabs of one row, of `rows` and of what is left, among whole ones: the same table.
static void slabs_leave_no_trace(void) {
  static const uint64_t shapes[][2] = {{2, 1}, {3, 64}, {7, 65}, {64, 130}, {100, 3}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    const uint64_t rows = shapes[s][0], width = shapes[s][1];
    driver *whole = open_stage("", rows, width), *cut = open_stage("", rows, width);
    const fg_host *host = driver_host(cut);
    fg_batch *batch = spins_random(host, rows, width, 5, 0.7, s);
    CHECK_INTEGER(driver_feed_batch(whole, 0, batch), FG_OK);
    for (uint32_t i = 0; i < 5; i++) {
      for (uint64_t row = 0, take; row < rows; row += take) {
        take = i == 0 ? rows : i == 1 ? 1 : 1 + row % 5;
        if (take > rows - row) take = rows - row;
        fg_batch *slab = host->slab_new(host, FG_SPIN1, &batch->lattice, row, take);
        memcpy(slab->data, fg_batch_row(batch, i, row), take * batch->row_bytes);
        slab->first = i;
        CHECK_INTEGER(driver_feed_batch(cut, 0, slab), FG_OK);
        host->batch_unref(host, slab);
      }
    }
    CU_ASSERT(same_tables(table_of(whole), table_of(cut)));
    host->batch_unref(host, batch);
    driver_close(whole);
    driver_close(cut);
  }
}

/// The end of a configuration whose beginning never came.
static void rows_missing(void) {
  driver *d = open_stage("", 8, 8);
  const fg_host *host = driver_host(d);
  fg_lattice lattice = fg_lattice_square(8);
  fg_batch *slab = host->slab_new(host, FG_SPIN1, &lattice, 4, 4);
  CHECK_INTEGER(driver_feed_batch(d, 0, slab), FG_FAILED);
  CHECK_TEXT(driver_error(d), "the first rows of a configuration are missing");
  host->batch_unref(host, slab);
  driver_close(d);
}

int main(void) {
  static const check_case cases[] = {
      {"fast counts against plain ones", counting},
      {"one spin among others", one_spin},
      {"observables against definitions", definitions},
      {"lattices counted in pieces", large_lattices},
      {"the mean of varE is global", global_mean},
      {"free spins", free_spins},
      {"equal, single and no configurations", nothing_varies},
      {"derivatives", gradients},
      {"local exponents", local_exponents},
      {"levels that share noise", shared_noise},
      {"exact values", exact_values},
      {"moments against a transfer matrix", transfer_matrix},
      {"batches leave no trace", batches},
      {"slabs leave no trace", slabs_leave_no_trace},
      {"rows that are missing", rows_missing},
      {"parallel_for leaves no trace", parallel},
      {"refused lattices and parameters", refusals},
      {"too many chains", chain_limit},
      {"too many combinations", group_limit},
      {"cancelled", cancelled},
      {0},
  };
  return check_main("estimate.thermo", cases);
}
