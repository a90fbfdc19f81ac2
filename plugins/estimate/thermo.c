// thermo.c — estimate.thermo: energy, magnetisation and their fluctuations, per lattice, level and coupling, with errors and
// beside exact values. It counts bonds and spins of every configuration, keeps moments (series.h) and, at the end, makes one
// table. What errors are made of is series.c's business, what is exact that of kaufman.h, triangular.h, chain.h and
// exact_moments.h.
#include "finegrain/finegrain.h"

#include "chain.h"
#include "counting.h"
#include "exact_moments.h"
#include "groups.h"
#include "kaufman.h"
#include "series.h"
#include "slabs.h"
#include "triangular.h"

#include <stdlib.h>

#define KIND "estimate.thermo"

typedef struct config {
  double reference; // first: see groups.h
} config;

/// All that came of one lattice at one level and coupling.
typedef struct group {
  group_key key;
  int64_t
      unlike_zero; ///< unlike bonds of the first configuration: energies are kept relative to it, so that little cancels
  series *series;
} group;

typedef struct thermo {
  const fg_host *host;
  const config *config;
  group_list list;
  group *group;    ///< list.most of them; NULL until the first
  uint64_t chains; ///< over all groups
  energy_counts counts[COUNTING_AT_ONCE];
  slabs slabs; ///< of the configuration that is arriving
} thermo;

static fg_status create(const fg_host *host, const void *given, void **self) {
  thermo *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = given;
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) {
  thermo *stage = self;
  for (uint32_t g = 0; stage->group && g < stage->list.count; g++) series_free(stage->group[g].series);
  slabs_clear(&stage->slabs);
  free(stage->group);
  free(stage->list.key);
  free(stage);
}

/// Lattices of one kind, one whose bonds can be counted: rows of the table go by sizes alone.
static fg_status check_lattice(const fg_host *host, const fg_lattice *lattice, const fg_lattice *first) {
  static const char *const names[] = {"an unknown", "a chain", "a square", "a triangular", "a cubic", "a hypercubic"};
  if (!energy_bonds(lattice))
    return host->fail(host,
                      "%s lattice of dimension %u comes in; " KIND
                      " measures the chain, the square, the triangular and the cubic lattice",
                      names[lattice->shape <= FG_HYPERCUBIC ? lattice->shape : 0], lattice->dims);
  if (lattice->shape == first->shape) return FG_OK;
  return host->fail(host,
                    "%s lattice comes in beside %s one, and their rows would be told apart by size alone; give each "
                    "kind of lattice a stage of its own",
                    names[lattice->shape], names[first->shape <= FG_HYPERCUBIC ? first->shape : 0]);
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)outputs;
  thermo *stage = self;
  uint64_t rows = 0;
  for (uint32_t s = 0; s < inputs[0]->shape_count; s++) {
    if (check_lattice(stage->host, &inputs[0]->shapes[s], &inputs[0]->shapes[0]) != FG_OK) return FG_FAILED;
    if (slabs_bytes(&inputs[0]->shapes[s]) > rows) rows = slabs_bytes(&inputs[0]->shapes[s]);
  }
  stage->list.most = inputs[0]->shape_count + GROUPS_EXTRA;
  *memory = sizeof(thermo) + rows + stage->list.most * (sizeof(group_key) + sizeof(group) + series_bytes(0)) +
            series_bytes(GROUPS_MOST_CHAINS) + series_estimate_bytes();
  return FG_OK;
}

// ---- measuring

/// The group of a batch; NULL: reported.
static group *find_group(thermo *stage, const fg_batch *batch) {
  const fg_host *host = stage->host;
  int64_t index = group_of(&stage->list, host, KIND, batch);
  if (index < 0) return NULL;
  if (!stage->group) stage->group = calloc(stage->list.most, sizeof *stage->group);
  group *here = stage->group ? &stage->group[index] : NULL;
  if (here && !here->series) *here = (group){stage->list.key[index], 0, series_new()};
  if (here && here->series) return here;
  host->fail(host, "out of memory");
  return NULL;
}

enum { ENERGY, ENERGY2, ABS_M, M, M2, M4 }; // the moments kept, of E - E₀ and of the sum of spins

/// Where the configurations of a batch go.
typedef struct destination {
  const fg_host *host;
  group *group;
  int64_t chain;
} destination;

static fg_status add_configuration(void *arg, energy_counts counts) {
  const destination *to = arg;
  group *here = to->group;
  if (series_count(here->series) == 0) here->unlike_zero = (int64_t)counts.unlike;
  double energy = 2.0 * (double)((int64_t)counts.unlike - here->unlike_zero);
  double m = (double)(2 * (int64_t)counts.up - (int64_t)fg_lattice_sites(&here->key.lattice));
  double x[SERIES_MOMENTS] = {
      [ENERGY] = energy, [ENERGY2] = energy * energy, [ABS_M] = fabs(m), [M] = m, [M2] = m * m, [M4] = m * m * m * m};
  return series_add(here->series, to->chain, x) == 0 ? FG_OK : to->host->fail(to->host, "out of memory");
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)port;
  (void)count;
  thermo *stage = self;
  const fg_host *host = stage->host;
  const fg_batch *batch = messages[0]->batch;
  if (batch->count == 0) return FG_OK;
  const fg_lattice *first = stage->list.count ? &stage->list.key[0].lattice : &batch->lattice;
  if (check_lattice(host, &batch->lattice, first) != FG_OK) return FG_FAILED;
  destination to = {host, find_group(stage, batch), 0};
  if (!to.group) return FG_FAILED;
  to.chain = group_chain(to.group->series, &stage->chains, host, KIND, batch);
  if (to.chain < 0) return FG_FAILED;
  if (slabs_is_one(batch) && batch->lattice.shape != FG_SQUARE)
    return host->fail(host, "parts of a lattice come in, and only those of square lattices can be measured one by one");
  if (slabs_is_one(batch)) return slabs_add(&stage->slabs, host, batch, stage->counts, add_configuration, &to);
  return counting_batch(host, batch, stage->counts, add_configuration, &to);
}

// ---- estimates

enum { O_E, O_ABS_M, O_M, O_M2, O_M4, O_CHI, O_CHI_CONNECTED, O_VARIANCE, O_C, O_U, O_BINDER, OBSERVABLES };
static const struct {
  const char *name, *unit;
} observables[OBSERVABLES] = {
    [O_E] = {"e", "J"},
    [O_ABS_M] = {"abs_m", "1"},
    [O_M] = {"m", "1"},
    [O_M2] = {"m2", "1"},
    [O_M4] = {"m4", "1"},
    [O_CHI] = {"chi", "1"},
    [O_CHI_CONNECTED] = {"chi_connected", "1"},
    [O_VARIANCE] = {"varE", "J^2"},
    [O_C] = {"C", "1"},
    [O_U] = {"U", "1"},
    [O_BINDER] = {"binder_cumulant", "1"},
};

/// Which observable, of which group.
typedef struct question {
  int observable;
  double sites;
  double energy_zero; ///< E of the first configuration
  double coupling;
} question;

/// An observable of the mean moments, per site as PHYSICS has it, and its derivatives.
static double answer(const void *arg, const double *mean, double *gradient) {
  const question *q = arg;
  const double n = q->sites;
  for (uint32_t i = 0; i < SERIES_MOMENTS; i++) gradient[i] = 0;
  switch (q->observable) {
  case O_E: gradient[ENERGY] = 1 / n; return (q->energy_zero + mean[ENERGY]) / n;
  case O_ABS_M: gradient[ABS_M] = 1 / n; return mean[ABS_M] / n;
  case O_M: gradient[M] = 1 / n; return mean[M] / n;
  case O_M2: gradient[M2] = 1 / (n * n); return mean[M2] / (n * n);
  case O_M4: gradient[M4] = 1 / (n * n * n * n); return mean[M4] / (n * n * n * n);
  case O_CHI: gradient[M2] = 1 / n; return mean[M2] / n;
  case O_CHI_CONNECTED:
    gradient[M2] = 1 / n;
    gradient[ABS_M] = -2 * mean[ABS_M] / n;
    return (mean[M2] - mean[ABS_M] * mean[ABS_M]) / n;
  case O_VARIANCE:
  case O_C: {
    double factor = q->observable == O_C ? q->coupling * q->coupling / n : 1 / n;
    gradient[ENERGY2] = factor;
    gradient[ENERGY] = -2 * mean[ENERGY] * factor;
    return (mean[ENERGY2] - mean[ENERGY] * mean[ENERGY]) * factor;
  }
  default: { // O_U, O_BINDER
    double u = mean[M4] / (mean[M2] * mean[M2]), factor = q->observable == O_U ? 1 : -1.0 / 3;
    gradient[M4] = factor / (mean[M2] * mean[M2]);
    gradient[M2] = -2 * factor * u / mean[M2];
    return q->observable == O_U ? u : 1 + factor * u;
  }
  }
}

/// D + log₂(⟨m²⟩ of the fine lattice / ⟨m²⟩ of the coarse one); part 0 is the coarse one, arg is the dimension D.
static double local_exponent(const void *arg, const double *mean, double *gradient) {
  const double dimension = *(const double *)arg, ratio = exp2(dimension), *fine = mean + SERIES_MOMENTS;
  for (uint32_t i = 0; i < 2 * SERIES_MOMENTS; i++) gradient[i] = 0;
  gradient[M2] = -1 / (M_LN2 * mean[M2]);
  gradient[SERIES_MOMENTS + M2] = 1 / (M_LN2 * fine[M2]);
  return dimension + log2(fine[M2] / mean[M2] / (ratio * ratio));
}

// ---- exact values

/// Exact moments of a group: the table's, at Kc; NULL: unknown.
static const exact_moments *exact_moments_at(const thermo *stage, const group *here) {
  const fg_lattice *lattice = &here->key.lattice;
  if (lattice->shape != FG_SQUARE || lattice->extent[0] != lattice->extent[1]) return NULL;
  if (!group_is_critical(&here->key, stage->config->reference)) return NULL;
  return exact_moments_of(lattice->extent[0]);
}

/// Exact energies of the Ising model on a lattice, NaN where unknown.
static kaufman exact_energies(const fg_lattice *lattice, double coupling) {
  const kaufman unknown = {NAN, NAN, NAN, NAN};
  switch (lattice->shape) {
  case FG_CHAIN: return chain_ring(lattice->extent[0], coupling);
  case FG_SQUARE: return kaufman_torus(lattice->extent[0], lattice->extent[1], coupling);
  case FG_TRIANGULAR: return triangular_torus(lattice->extent[0], lattice->extent[1], coupling);
  default: return unknown;
  }
}

/// Exact values of all observables of a group, NaN where unknown.
static void find_exact(const thermo *stage, const group *here, double exact[OBSERVABLES]) {
  for (int o = 0; o < OBSERVABLES; o++) exact[o] = NAN;
  double coupling = group_exact_coupling(&here->key, stage->config->reference);
  if (isnan(coupling)) return;
  const fg_lattice *lattice = &here->key.lattice;
  kaufman energies = exact_energies(lattice, coupling);
  exact[O_E] = energies.energy;
  exact[O_VARIANCE] = energies.variance;
  exact[O_C] = energies.heat_capacity;
  exact[O_M] = 0;
  if (lattice->shape == FG_CHAIN) {
    exact[O_M2] = chain_m2(lattice->extent[0], coupling);
    exact[O_CHI] = (double)fg_lattice_sites(lattice) * exact[O_M2];
  }
  const exact_moments *moments = exact_moments_at(stage, here);
  if (!moments) return;
  exact[O_M2] = moments->m2;
  exact[O_M4] = moments->u * moments->m2 * moments->m2;
  exact[O_CHI] = (double)fg_lattice_sites(lattice) * moments->m2;
  exact[O_U] = moments->u;
  exact[O_BINDER] = 1 - moments->u / 3;
}

// ---- the table

static fg_status add_row(const thermo *stage, fg_table *table, const group *here, const char *name, const char *unit,
                         const series_result *result, double exact) {
  fg_estimate row = {&here->key.lattice,         here->key.level, name,  result->value, result->error,
                     series_count(here->series), result->tau_int, exact, unit};
  return fg_estimates_add(stage->host, table, &row);
}

static fg_status add_group(const thermo *stage, fg_table *table, const group *here) {
  const fg_host *host = stage->host;
  double sites = (double)fg_lattice_sites(&here->key.lattice), exact[OBSERVABLES];
  double bonds = energy_bonds(&here->key.lattice);
  question q = {0, sites, 2.0 * (double)here->unlike_zero - bonds * sites, here->key.coupling};
  find_exact(stage, here, exact);
  for (q.observable = 0; q.observable < OBSERVABLES; q.observable++) {
    const series *parts[] = {here->series};
    series_result result;
    if (q.observable == O_C && isnan(here->key.coupling)) continue;
    if (series_estimate(parts, 1, answer, &q, &result) != 0) return host->fail(host, "out of memory");
    fg_status status = add_row(stage, table, here, observables[q.observable].name, observables[q.observable].unit,
                               &result, exact[q.observable]);
    if (status != FG_OK) return status;
  }
  return FG_OK;
}

static int is_step(const group *coarse, const group *fine) {
  return group_is_step(&coarse->key, &fine->key) && series_aligned(coarse->series, fine->series);
}

static fg_status add_exponent(const thermo *stage, fg_table *table, const group *coarse, const group *fine) {
  const series *parts[] = {coarse->series, fine->series};
  const double dimension = fine->key.lattice.dims;
  series_result result;
  if (series_estimate(parts, 2, local_exponent, &dimension, &result) != 0)
    return stage->host->fail(stage->host, "out of memory");
  const exact_moments *below = exact_moments_at(stage, coarse), *above = exact_moments_at(stage, fine);
  double exact = NAN;
  if (below && above)
    exact = 2 + log2(above->m2 / below->m2);
  else if (group_is_critical(&fine->key, stage->config->reference))
    exact = CRITICAL_GAMMA_OVER_NU;
  return add_row(stage, table, fine, "gamma_over_nu", "1", &result, exact);
}

static fg_status flush(void *self) {
  const thermo *stage = self;
  const fg_host *host = stage->host;
  fg_table *table = fg_estimates_new(host);
  fg_status status = table ? FG_OK : FG_FAILED;
  for (uint32_t g = 0; status == FG_OK && g < stage->list.count; g++) {
    const group *fine = &stage->group[g];
    status = add_group(stage, table, fine);
    for (uint32_t c = 0; status == FG_OK && c < stage->list.count; c++)
      if (is_step(&stage->group[c], fine)) status = add_exponent(stage, table, &stage->group[c], fine);
  }
  if (status == FG_OK) return host->emit_table(host, 0, table);
  if (table) host->table_unref(host, table);
  return status;
}

// ---- descriptor

static const fg_port input = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .flags = FG_PORT_MANY,
    .name = "configurations",
    .doc = "Spins on lattices of one kind, of any sizes, levels, couplings and chains.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_TABLE,
    .name = "estimates",
    .doc =
        "A row for each size, level and observable: value, error, configurations, autocorrelation time, exact value.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .flags = FG_STAGE_SLABS,
    .kind = KIND,
    .summary = "energy, magnetisation, their fluctuations and ratios, with errors, beside exact values",
    .doc =
        "For every size, level and coupling that comes in, with E = −Σ s s' (two bonds a site on the square lattice, "
        "also on L = 2, one on the chain, three on the triangular and on the cubic lattice), N sites, and e "
        "and m = Σs/N per site:\n\n"
        "- `e` = ⟨e⟩, `m` = ⟨m⟩, `abs_m` = ⟨|m|⟩, `m2` = ⟨m²⟩, `m4` = ⟨m⁴⟩\n"
        "- `chi` = N⟨m²⟩, `chi_connected` = N(⟨m²⟩ − ⟨|m|⟩²)\n"
        "- `varE` = N(⟨e²⟩ − ⟨e⟩²), with the mean over all configurations, and `C` = K² varE where the coupling is known\n"
        "- `U` = ⟨m⁴⟩/⟨m²⟩², `binder_cumulant` = 1 − U/3\n"
        "- `gamma_over_nu` = D + log₂(m2(2L)/m2(L)) in D dimensions, the local exponent of χ, at size 2L, where L and 2L are levels k ≥ 0 "
        "and k+1 of the same configurations (a dream); its error is jackknifed jointly, for both levels share their noise\n\n"
        "**Errors** are one standard deviation, from a jackknife over bins of 2τ(n/2τ)^⅓ configurations of one chain, where τ "
        "is the integrated autocorrelation time, by the Γ-method (U. Wolff, Comput. Phys. Commun. 156, 143, 2004) on the "
        "linearised observable; ½ stands for independent configurations. What correlations between neighbouring bins hide is put back as if they decayed exponentially. Chains are independent series with a common "
        "mean. Values are plain: their bias, of order 1/n, is not taken out.\n\n"
        "**Exact values.** e, varE and C: Kaufman's partition function of the finite torus (Phys. Rev. 76, 1232, 1949; "
        "Ferdinand & Fisher, Phys. Rev. 185, 832, 1969) at the coupling the configurations were drawn at, or at "
        "`reference` when they carry none. m: 0, by symmetry. m2, m4, chi, U, binder_cumulant: at the critical coupling for L ≤ 10, 12 and 16, "
        "from a transfer matrix. On triangular lattices of up to 2²⁰ sites e, varE and C are those of the torus, too (Houtappel, "
        "Physica 16, 425, 1950; Salas, J. Phys. A 35, 1833, 2002), on chains e, varE, C, m2 and chi; on cubic lattices m alone "
        "is known. gamma_over_nu: from these where both sizes have them, otherwise the exponent of the infinite "
        "lattice, 7/4. Levels below 0 (blocked lattices) are samples of no known model and have no exact values.\n\n"
        "**Memory.** At most 32768 bins for each size, level and coupling: beyond as many configurations neighbours are "
        "merged, and tau_int of gamma_over_nu is unknown. At most 16 more combinations than lattices announced.",
    .params = (const fg_param *const[]){&group_param_reference, NULL},
    .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .flush = flush,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "thermo",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
