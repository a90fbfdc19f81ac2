// match_config.c — see match_config.h.
#include "match_config.h"

#include "search.h"

#include <inttypes.h>
#include <math.h>

#define NOTHING 1e-12 // of a target, which is rounding then

// ---- sense

static fg_status read_observables(const fg_host *host, const match_config *c, matching_task *task) {
  if (!c->observables.count)
    return host->fail_param(host, "observables", "is empty; name some of e, abs_m, m2, m4, chi, varE, U, xi_over_L");
  for (uint64_t o = 0; o < c->observables.count; o++) {
    const char *name = c->observables.items[o];
    const int measure = measure_of(name);
    if (measure < 0)
      return host->fail_param(host, "observables",
                              "unknown observable '%s' (valid: e, abs_m, m2, m4, chi, varE, U, xi_over_L)", name);
    for (uint32_t before = 0; before < task->observables; before++)
      if (task->measure[before] == measure)
        return host->fail_param(host, "observables", "'%s' is named twice; name it once and give it a weight", name);
    task->measure[task->observables++] = measure;
  }
  return FG_OK;
}

static fg_status read_size(const fg_host *host, const match_config *c, matching_task *task, uint64_t size) {
  int level = 0;
  while (level < DREAMER_MOST_LEVELS && task->start << level < size) level++;
  const uint64_t above = task->start << level;
  if (level && above == size && (!task->sizes || task->levels < level)) {
    task->levels = task->level[task->sizes++] = level;
    return FG_OK;
  }
  if (level && above == size)
    return host->fail_param(host, "sizes", "%" PRIu64 " does not come in ascending order, or comes twice", size);
  if (above < size)
    return host->fail_param(host, "sizes",
                            "%" PRIu64 " is more than %d doublings of start: %" PRId64 "; at most %" PRIu64, size,
                            DREAMER_MOST_LEVELS, c->start, above);
  return host->fail_param(host, "sizes",
                          "a dream from %" PRId64 " never has size %" PRIu64 ": it doubles; use %" PRIu64 " or another "
                          "%" PRId64 "·2^k, k ≥ 1",
                          c->start, size, level ? above : 2 * task->start, c->start);
}

static fg_status check_lengths(const fg_host *host, const match_config *c, const matching_task *task) {
  const struct {
    const char *name, *what;
    uint64_t count, wanted;
  } lists[] = {{"weights", "observables", c->weights.count, task->observables},
               {"size_weights", "sizes", c->size_weights.count, task->sizes},
               {"values", "observables at every size", c->values.count, matching_rows(task)},
               {"errors", "observables at every size", c->errors.count, matching_rows(task)}};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    if (lists[i].count && lists[i].count != lists[i].wanted)
      return host->fail_param(host, lists[i].name, "%" PRIu64 " given, there are %" PRIu64 " %s", lists[i].count,
                              lists[i].wanted, lists[i].what);
  if (c->errors.count && !c->values.count)
    return host->fail_param(host, "errors", "are of values, of which there are none; give values, or leave it out");
  return FG_OK;
}

fg_status match_config_read(const fg_host *host, const match_config *c, matching_task *task) {
  *task = (matching_task){.start = (uint64_t)c->start, .dreams = (uint64_t)c->dreams};
  if (read_observables(host, c, task) != FG_OK) return FG_FAILED;
  if (!c->sizes.count || c->sizes.count > MATCHING_MOST_SIZES)
    return host->fail_param(host, "sizes", "%" PRIu64 " given; from 1 to %d are possible", c->sizes.count,
                            MATCHING_MOST_SIZES);
  for (uint64_t s = 0; s < c->sizes.count; s++)
    if (read_size(host, c, task, (uint64_t)c->sizes.items[s]) != FG_OK) return FG_FAILED;
  if (check_lengths(host, c, task) != FG_OK) return FG_FAILED;
  for (uint32_t row = 0; row < matching_rows(task); row++) {
    const uint32_t s = row / task->observables, o = row % task->observables;
    task->scale[row] =
        (c->weights.count ? c->weights.items[o] : 1) * (c->size_weights.count ? c->size_weights.items[s] : 1);
  }
  return FG_OK;
}

fg_status match_config_possible(const fg_host *host, const char *param, int measure, uint64_t length, double value) {
  const double sites = (double)length * (double)length;
  double least = 0, most = 1;
  if (measure == MEASURE_E) least = -2, most = 2;
  if (measure == MEASURE_CHI) most = sites;
  if (measure == MEASURE_VARIANCE) most = 4 * sites;
  if (measure == MEASURE_U) least = 1, most = INFINITY;
  if (measure == MEASURE_XI) most = INFINITY;
  const char *name = measure_names[measure];
  if (!isfinite(value))
    return host->fail_param(host, param,
                            "%s at size %" PRIu64 " is not defined: the target configurations are uniform, "
                            "without order, or too few; match another observable",
                            name, length);
  if (!(value >= least && value <= most))
    return host->fail_param(host, param, "%s = %g at size %" PRIu64 " is impossible: it lies between %g and %g", name,
                            value, length, least, most);
  if (fabs(value) < NOTHING)
    return host->fail_param(host, param,
                            "%s is 0 at size %" PRIu64 ": a deviation relative to 0 has no meaning; match another "
                            "observable",
                            name, length);
  return FG_OK;
}

// ---- parameters

static const char *const targets_choices[] = {"auto", "exact", "stage", "values", NULL};
static const char *const optimisers[] = {"gauss-newton", "bobyqa", "cobyla", "nelder-mead", "subplex", "adam", NULL};
static const char *const couplings[] = {"critical=0.44068679350977147", NULL};

static const fg_param param_observables = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_TEXT_LIST,
    .offset = offsetof(match_config, observables),
    .name = "observables",
    .def = "[e, m2, U]",
    .doc =
        "What dreams and targets shall have in common: e, abs_m, m2, m4, chi, varE, U, xi_over_L, as estimate.thermo and "
        "estimate.correlation define them.",
};
static const fg_param param_sizes = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER_LIST,
    .offset = offsetof(match_config, sizes),
    .name = "sizes",
    .def = "[4, 8, 16]",
    .min = "2",
    .max = "4194304",
    .unit = "1",
    .doc = "Sizes at which they are compared, ascending, each a doubling of start; dreams go up to the last.",
};
static const fg_param param_weights = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL_LIST,
    .offset = offsetof(match_config, weights),
    .name = "weights",
    .def = "[]",
    .min = "0",
    .max = "1e6",
    .unit = "1",
    .doc = "Weight of each observable's relative deviation, 1 unless given; 0: reported, not matched.",
};
static const fg_param param_size_weights = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL_LIST,
    .offset = offsetof(match_config, size_weights),
    .name = "size_weights",
    .def = "[]",
    .min = "0",
    .max = "1e6",
    .unit = "1",
    .doc = "Another factor of these weights, for each size.",
};
static const fg_param param_targets = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(match_config, targets),
    .name = "targets",
    .def = "auto",
    .choices = targets_choices,
    .doc =
        "Where targets come from: exact values at `coupling`; the configurations at input `target`; `values`; or auto: "
        "values when given, else what is known exactly, and the configurations for the rest.",
};
static const fg_param param_values = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL_LIST,
    .offset = offsetof(match_config, values),
    .name = "values",
    .def = "[]",
    .unit = "1",
    .doc = "Targets: all observables of the first size, in order, then those of the next.",
};
static const fg_param param_errors = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL_LIST,
    .offset = offsetof(match_config, errors),
    .name = "errors",
    .def = "[]",
    .min = "0",
    .max = "1e300",
    .unit = "1",
    .doc = "Standard deviations of values, taken as independent; 0 unless given.",
};
static const fg_param param_coupling = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(match_config, coupling),
    .name = "coupling",
    .def = "critical",
    .min = "-10",
    .max = "10",
    .names = couplings,
    .unit = "1",
    .doc = "Coupling K of the exact targets.",
};
static const fg_param param_start = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(match_config, start),
    .name = "start",
    .def = "1",
    .min = "1",
    .max = "1024",
    .unit = "1",
    .doc = "Size of the uniform lattices a dream starts from, up and down by turns, as for generate.dream.",
};
static const fg_param param_dreams = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(match_config, dreams),
    .name = "dreams",
    .def = "20000",
    .min = "2",
    .max = "1000000000",
    .unit = "1",
    .doc = "Dreams of an evaluation.",
};
static const fg_param param_optimiser = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(match_config, optimiser),
    .name = "optimiser",
    .def = "gauss-newton",
    .choices = optimisers,
    .doc =
        "gauss-newton: damped, with derivatives by the score function; bobyqa, cobyla, nelder-mead, subplex: NLopt's, "
        "without derivatives; adam: AdamW with the score function's gradient and fresh dreams every step, for many "
        "weights.",
};
static const fg_param param_initial = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL_LIST,
    .offset = offsetof(match_config, initial),
    .name = "initial",
    .def = "[]",
    .unit = "1",
    .doc =
        "Weights to start from instead of those the model came with; a model without has the network's initial ones, or, "
        "where these are all 0, 1.5/(number of weights) each, for 0 is a saddle.",
};
static const fg_param param_step = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(match_config, step),
    .name = "step",
    .def = "0.3",
    .min = "1e-9",
    .max = "100",
    .unit = "1",
    .doc =
        "Most that a weight changes in a step of gauss-newton; first step of NLopt's methods; rate of adam at its start, "
        "for which 0.01 is a good value.",
};
static const fg_param param_evaluations = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(match_config, evaluations),
    .name = "evaluations",
    .def = "200",
    .min = "1",
    .max = "1000000",
    .unit = "1",
    .doc = "Most evaluations; all of them with adam.",
};
static const fg_param param_tolerance = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(match_config, tolerance),
    .name = "tolerance",
    .def = "0.001",
    .min = "0",
    .max = "1",
    .unit = "1",
    .doc = "The search ends when a step takes less than this part of the loss away.",
};

const fg_param *const match_params[] = {
    &param_observables, &param_sizes,       &param_weights,   &param_size_weights,
    &param_targets,     &param_values,      &param_errors,    &param_coupling,
    &param_start,       &param_dreams,      &param_optimiser, &param_initial,
    &param_step,        &param_evaluations, &param_tolerance, NULL,
};
