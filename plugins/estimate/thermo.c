// thermo.c — estimate.thermo: energy, magnetisation and their moments per lattice, with errors, beside exact values.
// Per site: e = E/N, m = M/N; conventions of the fields' papers: χ = N⟨m²⟩, varE = N(⟨e²⟩-⟨e⟩²), C = K² varE,
// U = ⟨m⁴⟩/⟨m²⟩². E and M are counted on packed bits, exactly; the rest is series.c.
#include "finegrain/finegrain.h"

#include "exact_moments.h"
#include "kaufman.h"
#include "series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NO_REFERENCE (-1e300)
#define NO_REFERENCE_TEXT "none=-1e300"

typedef struct config {
  double reference;
} config;

/// What was gathered of one lattice at one level and coupling.
typedef struct group {
  fg_lattice lattice;
  int32_t level;
  double coupling; ///< NaN: unknown
  series moments;
} group;

typedef struct thermo {
  const fg_host *host;
  const config *config;
  group *groups; ///< in order of first appearance
  uint32_t group_count;
} thermo;

/// A batch being measured: E and M of each configuration.
typedef struct measurement {
  const fg_batch *batch;
  int64_t *energy, *magnetisation;
} measurement;

static fg_status create(const fg_host *host, const void *given, void **self) {
  thermo *me = calloc(1, sizeof *me);
  if (!me) return host->fail(host, "out of memory");
  me->host = host;
  me->config = given;
  *self = me;
  return FG_OK;
}

static void destroy(void *self) {
  thermo *me = self;
  for (uint32_t g = 0; g < me->group_count; g++) series_free(&me->groups[g].moments);
  free(me->groups);
  free(me);
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const thermo *me = self;
  (void)outputs;
  for (uint32_t s = 0; s < inputs[0]->shape_count; s++)
    if (inputs[0]->shapes[s].shape != FG_SQUARE) return me->host->fail(me->host, "measures square lattices only; another shape arrives");
  // Several couplings or levels of one lattice would each need as much again; batches in flight are measured in place.
  *memory = (uint64_t)inputs[0]->shape_count * 2 * MOST_BINS * sizeof(bin) + 16 * (inputs[0]->batch ? inputs[0]->batch : 1024);
  return FG_OK;
}

// ---- measuring

/// Unsatisfied bonds to the right of every spin of a row; the last one's neighbour is the first.
static uint64_t broken_across(const uint64_t *row, uint64_t words, uint64_t width) {
  uint64_t broken = 0;
  for (uint64_t w = 0; w < words; w++) {
    uint64_t next = w + 1 < words ? row[w + 1] << 63 : (row[0] & 1) << ((width - 1) & 63);
    broken += (uint64_t)__builtin_popcountll(row[w] ^ (row[w] >> 1 | next));
  }
  return broken;
}

static uint64_t broken_down(const uint64_t *row, const uint64_t *below, uint64_t words) {
  uint64_t broken = 0;
  for (uint64_t w = 0; w < words; w++) broken += (uint64_t)__builtin_popcountll(row[w] ^ below[w]);
  return broken;
}

/// E = 2·(unsatisfied bonds) - 2N and M = 2·(spins up) - N of one configuration.
static fg_status measure(void *arg, uint64_t index) {
  const measurement *m = arg;
  uint64_t rows = m->batch->rows, words = m->batch->row_bytes / 8, width = fg_lattice_width(&m->batch->lattice);
  uint64_t broken = 0, up = 0;
  for (uint64_t y = 0; y < rows; y++) {
    const uint64_t *row = fg_batch_row(m->batch, index, y), *below = fg_batch_row(m->batch, index, y + 1 < rows ? y + 1 : 0);
    broken += broken_across(row, words, width) + broken_down(row, below, words);
    for (uint64_t w = 0; w < words; w++) up += (uint64_t)__builtin_popcountll(row[w]);
  }
  m->energy[index] = 2 * (int64_t)broken - 2 * (int64_t)(rows * width);
  m->magnetisation[index] = 2 * (int64_t)up - (int64_t)(rows * width);
  return FG_OK;
}

/// Several small configurations an index, so that the split costs nothing.
typedef struct chunks {
  measurement measurement;
  uint64_t per;
} chunks;

static fg_status measure_chunk(void *arg, uint64_t index) {
  chunks *c = arg;
  for (uint64_t i = index * c->per; i < (index + 1) * c->per && i < c->measurement.batch->count; i++) measure(&c->measurement, i);
  return FG_OK;
}

static group *group_of(thermo *me, const fg_batch *batch) {
  for (uint32_t g = 0; g < me->group_count; g++) {
    group *known = &me->groups[g];
    int same_coupling = known->coupling == batch->coupling || (isnan(known->coupling) && isnan(batch->coupling));
    if (same_coupling && known->level == batch->level && fg_lattice_equal(&known->lattice, &batch->lattice)) return known;
  }
  group *larger = realloc(me->groups, (me->group_count + 1) * sizeof *larger);
  if (!larger) return NULL;
  me->groups = larger;
  larger[me->group_count] = (group){.lattice = batch->lattice, .level = batch->level, .coupling = batch->coupling};
  return &larger[me->group_count++];
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  thermo *me = self;
  const fg_batch *batch = messages[0]->batch;
  (void)port;
  (void)count;
  if (batch->count == 0) return FG_OK;
  uint64_t one = batch->rows * batch->row_bytes;
  chunks c = {{batch, calloc(batch->count, 8), calloc(batch->count, 8)}, one < 4096 ? 4096 / (one ? one : 1) : 1};
  group *into = group_of(me, batch);
  fg_status status = FG_OK;
  if (!c.measurement.energy || !c.measurement.magnetisation || !into) status = me->host->fail(me->host, "out of memory");
  if (status == FG_OK) status = me->host->parallel_for(me->host, (batch->count + c.per - 1) / c.per, measure_chunk, &c);
  double sites = (double)fg_lattice_sites(&batch->lattice);
  for (uint32_t i = 0; i < batch->count && status == FG_OK; i++) {
    double e = (double)c.measurement.energy[i] / sites, m = (double)c.measurement.magnetisation[i] / sites, m2 = m * m;
    const double moments[MOMENTS] = {e, e * e, fabs(m), m, m2, m2 * m2};
    if (!series_add(&into->moments, batch->chain, moments)) status = me->host->fail(me->host, "out of memory");
  }
  free(c.measurement.energy);
  free(c.measurement.magnetisation);
  return status;
}

// ---- exact values

typedef struct exact_values {
  double e, varE, c, m2, u;
} exact_values;

/// What is known exactly of this group: by its own coupling, or, for lattices without one at level 0 and above (dreams,
/// files), by the reference.
static exact_values exact_of(const thermo *me, const group *g) {
  exact_values x = {NAN, NAN, NAN, NAN, NAN};
  double k = g->coupling;
  if (isnan(k) && g->level >= 0 && me->config->reference > NO_REFERENCE) k = me->config->reference;
  if (isnan(k)) return x;
  kaufman_values values = kaufman(g->lattice.extent[0], g->lattice.extent[1], k);
  x.e = values.e;
  x.varE = values.varE;
  x.c = k * k * values.varE;
  if (fabs(k - CRITICAL_COUPLING) > 1e-12 || g->lattice.extent[0] != g->lattice.extent[1]) return x;
  for (size_t i = 0; i < sizeof critical_moments / sizeof *critical_moments; i++) {
    if (critical_moments[i].length != g->lattice.extent[0]) continue;
    x.m2 = critical_moments[i].m2;
    x.u = critical_moments[i].u;
  }
  return x;
}

// ---- estimating

static fg_status add_row(const thermo *me, fg_table *table, const group *g, const char *name, double value, uncertainty u, double exact, const char *unit) {
  fg_estimate row = {&g->lattice, g->level, name, value, u.error, g->moments.count, u.tau, exact, unit};
  return fg_estimates_add(me->host, table, &row);
}

/// All rows of one lattice. Each observable is f(means); its gradient gives its error.
static fg_status estimate_group(const thermo *me, fg_table *table, const group *g) {
  double x[MOMENTS], sites = (double)fg_lattice_sites(&g->lattice);
  series_means(&g->moments, x);
  exact_values exact = exact_of(me, g);
  double m2 = x[MOMENT_M2], u = x[MOMENT_M4] / (m2 * m2), varE = sites * (x[MOMENT_E2] - x[MOMENT_E] * x[MOMENT_E]);
  const double du[2] = {-2 * u / m2, 1 / (m2 * m2)}; // ∂U/∂m2, ∂U/∂m4
  const double dv = -2 * sites * x[MOMENT_E];         // ∂varE/∂e
  double k2 = g->coupling * g->coupling;
  const struct {
    const char *name;
    double value, exact;
    double gradient[MOMENTS]; // by e, e², |m|, m, m², m⁴
    const char *unit;
  } rows[] = {
      {"e", x[MOMENT_E], exact.e, {1, 0, 0, 0, 0, 0}, "J"},
      {"abs_m", x[MOMENT_ABS_M], NAN, {0, 0, 1, 0, 0, 0}, "1"},
      {"m", x[MOMENT_M], 0, {0, 0, 0, 1, 0, 0}, "1"},
      {"m2", m2, exact.m2, {0, 0, 0, 0, 1, 0}, "1"},
      {"m4", x[MOMENT_M4], exact.u * exact.m2 * exact.m2, {0, 0, 0, 0, 0, 1}, "1"},
      {"chi", sites * m2, sites * exact.m2, {0, 0, 0, 0, sites, 0}, "1"},
      {"chi_connected", sites * (m2 - x[MOMENT_ABS_M] * x[MOMENT_ABS_M]), NAN, {0, 0, -2 * sites * x[MOMENT_ABS_M], 0, sites, 0}, "1"},
      {"varE", varE, exact.varE, {dv, sites, 0, 0, 0, 0}, "J^2"},
      {"C", k2 * varE, exact.c, {k2 * dv, k2 * sites, 0, 0, 0, 0}, "kB"},
      {"U", u, exact.u, {0, 0, 0, 0, du[0], du[1]}, "1"},
      {"binder_cumulant", 1 - u / 3, 1 - exact.u / 3, {0, 0, 0, 0, -du[0] / 3, -du[1] / 3}, "1"},
  };
  fg_status status = FG_OK;
  for (size_t i = 0; i < sizeof rows / sizeof *rows && status == FG_OK; i++) {
    if (isnan(rows[i].value)) continue; // C where K is unknown
    status = add_row(me, table, g, rows[i].name, rows[i].value, series_uncertainty(&g->moments, rows[i].gradient), rows[i].exact, rows[i].unit);
  }
  return status;
}

/// The local exponent of the susceptibility between a lattice and the one of half its size a level below, whose
/// configurations are the same dreams: γ/ν = log₂(χ(2L)/χ(L)) = 2 + log₂(m2(2L)/m2(L)). They share noise: one error.
static fg_status estimate_exponent(const thermo *me, fg_table *table, const group *fine, const group *coarse) {
  double x[MOMENTS], y[MOMENTS];
  series_means(&fine->moments, x);
  series_means(&coarse->moments, y);
  double g[MOMENTS] = {0}, h[MOMENTS] = {0};
  g[MOMENT_M2] = 1 / (x[MOMENT_M2] * M_LN2);
  h[MOMENT_M2] = -1 / (y[MOMENT_M2] * M_LN2);
  double value = 2 + log2(x[MOMENT_M2] / y[MOMENT_M2]);
  double exact = 2 + log2(exact_of(me, fine).m2 / exact_of(me, coarse).m2);
  if (isnan(exact) && fabs(me->config->reference - CRITICAL_COUPLING) < 1e-12) exact = 1.75;
  return add_row(me, table, fine, "gamma_over_nu", value, series_joint_uncertainty(&fine->moments, g, &coarse->moments, h), exact, "1");
}

static const group *half_of(const thermo *me, const group *fine) {
  for (uint32_t i = 0; i < me->group_count; i++) {
    const group *g = &me->groups[i];
    int half = 2 * g->lattice.extent[0] == fine->lattice.extent[0] && 2 * g->lattice.extent[1] == fine->lattice.extent[1];
    if (half && g->level + 1 == fine->level && isnan(g->coupling) && isnan(fine->coupling) && series_aligned(&g->moments, &fine->moments)) return g;
  }
  return NULL;
}

static fg_status flush(void *self) {
  thermo *me = self;
  fg_table *table = fg_estimates_new(me->host);
  if (!table) return FG_FAILED;
  fg_status status = FG_OK;
  for (uint32_t i = 0; i < me->group_count && status == FG_OK; i++) {
    status = estimate_group(me, table, &me->groups[i]);
    const group *coarse = me->groups[i].level > 0 ? half_of(me, &me->groups[i]) : NULL;
    if (status == FG_OK && coarse) status = estimate_exponent(me, table, &me->groups[i], coarse);
  }
  if (status == FG_OK) return me->host->emit_table(me->host, 0, table);
  me->host->table_unref(me->host, table);
  return status;
}

// ---- descriptor

static const char *const reference_names[] = {"critical=0.44068679350977147", NO_REFERENCE_TEXT, NULL};
static const fg_param reference = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(config, reference),
    .name = "reference",
    .def = "critical",
    .names = reference_names,
    .unit = "1",
    .doc = "Coupling whose exact values stand beside lattices that carry none (dreams, files); none leaves them empty.",
};
static const fg_port input = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, FG_PORT_MANY, "configurations", "Spins on square lattices of any sizes and levels."};
static const fg_port output = {sizeof(fg_port), FG_TABLE, 0, 0, "estimates", "One row an estimate; also in summary.csv."};

static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "estimate.thermo",
    .summary = "energy, magnetisation and their moments, with errors, beside exact values",
    .doc = "For every lattice size and level: e, abs_m, m, m2, m4, chi = N⟨m²⟩, chi_connected = N(⟨m²⟩-⟨|m|⟩²), varE = N(⟨e²⟩-⟨e⟩²), "
           "C = K² varE (where the configurations carry K), U = ⟨m⁴⟩/⟨m²⟩² and binder_cumulant = 1-U/3. For dreams also gamma_over_nu = "
           "log₂(χ(2L)/χ(L)) between neighbouring levels, whose error takes into account that they are the same dreams.\n\n"
           "Errors are one standard deviation by the Γ-method (U. Wolff 2004) on the linearised observable, chains taken as "
           "independent series; tau_int is in configurations, 0.5 for independent draws. Long series are binned, at most "
           "16,384 bins a lattice.\n\n"
           "Exact values: e, varE and C of the finite torus at the configurations' own coupling, or at `reference` for lattices without "
           "one at level 0 and above (Kaufman 1949); moments of m at the critical coupling for L up to 16 (transfer matrix); "
           "gamma_over_nu is 7/4 where the moments are unknown. Blocked lattices (level below 0) have none.",
    .params = (const fg_param *const[]){&reference, NULL},
    .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .flush = flush,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "thermo", .version = "0.1.0", .license = "MIT", .stages = (const fg_stage *const[]){&stage, NULL}};
