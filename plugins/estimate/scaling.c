// scaling.c — estimate.scaling: how observables depend on the size of the lattice. It counts bonds and spins of every
// configuration and keeps bins of moments for each size; at the end the sizes are compared (scaling_points.h) and fitted
// (scaling_tables.h).
#include "finegrain/finegrain.h"

#include "bins.h"
#include "counting.h"
#include "groups.h"
#include "scaling_points.h"
#include "scaling_tables.h"

#include <gsl/gsl_errno.h>
#include <stdlib.h>

#define KIND "estimate.scaling"

typedef struct config {
  double reference; // first: see groups.h
  int64_t min_size;
} config;

/// All that came of one lattice at one level and coupling.
typedef struct group {
  int64_t
      unlike_zero; ///< unlike bonds of the first configuration: energies are kept relative to it, so that little cancels
  uint64_t sites;
  bins *bins; ///< of the moments of scaling_points.h
} group;

typedef struct scaling {
  const fg_host *host;
  const config *config;
  group_list list;
  group *group; ///< list.most of them; NULL until the first
  energy_counts counts[COUNTING_AT_ONCE];
} scaling;

static fg_status turn_off_handler(void *arg) {
  (void)arg;
  gsl_set_error_handler_off();
  return FG_OK;
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  scaling *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = given;
  host->serialize(host, "gsl", turn_off_handler, NULL);
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) {
  scaling *stage = self;
  for (uint32_t g = 0; stage->group && g < stage->list.count; g++) bins_free(stage->group[g].bins);
  free(stage->group);
  free(stage->list.key);
  free(stage);
}

// ---- formats

static fg_status check_lattice(const fg_host *host, const fg_lattice *lattice) {
  fg_status status = group_check_lattice(host, KIND, lattice);
  if (status != FG_OK || lattice->extent[0] == lattice->extent[1]) return status;
  char name[96];
  fg_lattice_name(lattice, name);
  return host->fail(host, "a lattice of size %s comes in; " KIND " compares lattices of equal extents", name);
}

/// Different sizes from min_size on.
static uint32_t count_sizes(const fg_format *in, uint64_t min_size) {
  uint32_t sizes = 0;
  for (uint32_t s = 0; s < in->shape_count; s++) {
    int known = in->shapes[s].extent[0] < min_size;
    for (uint32_t t = 0; t < s; t++) known |= in->shapes[t].extent[0] == in->shapes[s].extent[0];
    sizes += !known;
  }
  return sizes;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)outputs;
  scaling *stage = self;
  const fg_host *host = stage->host;
  const uint64_t min_size = (uint64_t)stage->config->min_size;
  for (uint32_t s = 0; s < inputs[0]->shape_count; s++)
    if (check_lattice(host, &inputs[0]->shapes[s]) != FG_OK) return FG_FAILED;
  uint32_t sizes = count_sizes(inputs[0], min_size);
  if (sizes < SCALING_FEWEST_SIZES)
    return host->fail(host,
                      "a fit takes at least %u sizes from min_size %" PRIu64
                      " on, and %u come in; feed more sizes, such "
                      "as input: [a, b, c] or a dream that keeps all levels, or lower min_size",
                      SCALING_FEWEST_SIZES, min_size, sizes);
  stage->list.most = inputs[0]->shape_count + GROUPS_EXTRA;
  const uint64_t most = stage->list.most; // a fit of all takes (most + 3)² numbers, and GSL as many again
  *memory = sizeof(scaling) + most * (sizeof(group_key) + sizeof(group) + bins_bytes(MOMENTS) + sizeof(point)) +
            2 * (most + 3) * (most + 3) * sizeof(double);
  return FG_OK;
}

// ---- measuring

/// The group of a batch; NULL: reported.
static group *find_group(scaling *stage, const fg_batch *batch) {
  const fg_host *host = stage->host;
  int64_t index = group_of(&stage->list, host, KIND, batch);
  if (index < 0) return NULL;
  if (!stage->group) stage->group = calloc(stage->list.most, sizeof *stage->group);
  group *here = stage->group ? &stage->group[index] : NULL;
  if (here && !here->bins) *here = (group){0, fg_lattice_sites(&batch->lattice), bins_new(MOMENTS)};
  if (here && here->bins) return here;
  host->fail(host, "out of memory");
  return NULL;
}

static fg_status add_configuration(void *arg, energy_counts counts) {
  group *here = arg;
  if (bins_count(here->bins) == 0) here->unlike_zero = (int64_t)counts.unlike;
  double energy = 2.0 * (double)((int64_t)counts.unlike - here->unlike_zero);
  double m = (double)(2 * (int64_t)counts.up - (int64_t)here->sites);
  double *sums = bins_next(here->bins, 1);
  sums[MOMENT_E] += energy;
  sums[MOMENT_E2] += energy * energy;
  sums[MOMENT_ABS_M] += fabs(m);
  sums[MOMENT_M2] += m * m;
  sums[MOMENT_M4] += m * m * m * m;
  return FG_OK;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)port;
  (void)count;
  scaling *stage = self;
  const fg_host *host = stage->host;
  const fg_batch *batch = messages[0]->batch;
  if (batch->count == 0) return FG_OK;
  if (check_lattice(host, &batch->lattice) != FG_OK) return FG_FAILED;
  group *here = find_group(stage, batch);
  return here ? counting_batch(host, batch, stage->counts, add_configuration, here) : FG_FAILED;
}

static fg_status flush(void *self) {
  const scaling *stage = self;
  const fg_host *host = stage->host;
  const uint32_t count = stage->list.count;
  point *points = calloc((size_t)count + 1, sizeof *points);
  if (!points) return host->fail(host, "out of memory");
  for (uint32_t g = 0; g < count; g++) {
    const group *here = &stage->group[g];
    points[g].key = &stage->list.key[g];
    points[g].bins = here->bins;
    points[g].energy_zero = 2.0 * (double)here->unlike_zero - 2.0 * (double)here->sites;
    point_fill(&points[g]);
  }
  qsort(points, count, sizeof *points, point_compare);
  fg_status status = scaling_emit(host, points, count, (uint64_t)stage->config->min_size, stage->config->reference);
  free(points);
  return status;
}

// ---- descriptor

static const fg_param param_min_size = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, min_size),
    .name = "min_size",
    .def = "8",
    .min = "1",
    .max = "2147483648",
    .unit = "1",
    .doc = "Smallest size that enters a fit.",
};
static const fg_port input = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .flags = FG_PORT_MANY,
    .name = "configurations",
    .doc = "Spins on square lattices of at least three sizes: the levels of a dream, or several stages.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_TABLE,
    .name = "estimates",
    .doc =
        "Table `estimates`: exponents and limits, with size the smallest one of the fit; tables `fits`, every parameter "
        "of every fit, and `local`, exponents from L to 2L.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = KIND,
    .summary = "exponents and limits from fits of observables against the lattice size, with covariances",
    .doc =
        "Observables, defined as in estimate.thermo, of all sizes of one coupling (all levels of a dream) are fitted as functions "
        "of L, from every smallest size on, `min_size` or more, that leaves at least three sizes. Rows of `estimates` carry the "
        "smallest size of their fit, and n is the number of configurations of all its sizes:\n\n"
        "- `gamma_over_nu` = p of χ ~ A L^p, `beta_over_nu` = −p of ⟨|m|⟩ ~ A L^p\n"
        "- `varE_log_slope` = b of varE = a + b ln L, and `varE_power` = p of varE ~ A L^p, to be compared by χ²: in the two-"
        "dimensional Ising model it is the logarithm, with b = 8/π\n"
        "- `U_limit`, a constant, and `e_limit` = a of e = a + b/L\n"
        "- `…_chi2_per_dof` of each\n\n"
        "Table `fits` has every parameter with χ², degrees of freedom and p-value; table `local` the exponents log₂(O(2L)/O(L)) "
        "of chi, abs_m and varE.\n\n"
        "**Method.** Generalised least squares. Powers are straight lines in logarithms, ln O against ln L. Sizes that are "
        "levels of the same configurations (different levels, no coupling, equally many of each) share their noise: their "
        "covariance is a joint jackknife over the same bins, and errors of exponents are far smaller than those of the sizes. All "
        "other sizes are independent. That the covariance is estimated from a finite number of bins is allowed for: p-values follow "
        "Hotelling's T², errors are enlarged (C. R. Rao, Biometrika 46, 49, 1959). From fewer than three bins a size, or "
        "when it is not positive definite, the covariance is not used; a warning says so, and column `joint` is 0. Sizes at which "
        "an observable does not fluctuate are left out of its fits.\n\n"
        "**Errors** are one standard deviation, from at most 256 bins of consecutive configurations: too small unless n/256 "
        "configurations are far more than what correlates them. They do not contain corrections to scaling: watch the fits as the "
        "smallest size grows.\n\n"
        "**Exact values**, of the infinite lattice at the critical coupling (that of the configurations, or `reference` when "
        "they carry none): γ/ν = 7/4, β/ν = 1/8, b = 8/π, U = 1.1679229(47) (J. Salas and A. D. Sokal, J. Stat. Phys. 98, 551, "
        "2000), e = −√2.",
    .params = (const fg_param *const[]){&group_param_reference, &param_min_size, NULL},
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
    .name = "scaling",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
