// match.c — train.match: adjusts a model until what it dreams has chosen observables at chosen sizes. The stage takes a
// model and perhaps configurations to take targets from (match_targets.h); how dreams are compared matching.h knows, how
// weights are found search.h.
#include "match_config.h"
#include "match_tables.h"
#include "match_targets.h"
#include "search.h"

#include <gsl/gsl_errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define MOST_PARAMETERS ((uint64_t)1 << 18) // with adam

enum { MODEL, TARGET }; // inputs

typedef struct match {
  const fg_host *host;
  const match_config *config;
  inputs_model model;
  matching_task task;
  match_targets targets;
} match;

static fg_status turn_off_handler(void *arg) {
  (void)arg;
  gsl_set_error_handler_off();
  return FG_OK;
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  match *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = given;
  host->serialize(host, "gsl", turn_off_handler, NULL);
  if (match_config_read(host, given, &stage->task) != FG_OK) {
    free(stage);
    return FG_FAILED;
  }
  stage->targets = (match_targets){.host = host, .config = given, .task = &stage->task};
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) {
  match *stage = self;
  match_targets_clear(&stage->targets);
  inputs_clear(&stage->model);
  free(stage);
}

// ---- formats

static search_settings settings_of(const match *stage) {
  const match_config *c = stage->config;
  return (search_settings){c->optimiser, (uint64_t)c->evaluations, c->tolerance, c->step};
}

static uint64_t most_parameters(const match *stage) {
  return stage->config->optimiser == SEARCH_ADAM ? MOST_PARAMETERS : matching_rows(&stage->task);
}

/// Dense site indices (network.h) must not wrap.
static fg_status check_indices(const match *stage) {
  const match_config *c = stage->config;
  const uint64_t last = stage->task.start << stage->task.levels, sets = (uint64_t)c->evaluations + 1;
  uint64_t sites;
  if (__builtin_mul_overflow(last * last, (uint64_t)c->dreams, &sites) || __builtin_mul_overflow(sites, sets, &sites) ||
      sites >> 63)
    return stage->host->fail_param(stage->host, "dreams",
                                   "%" PRId64 " lattices of %" PRIu64 "² in %" PRIu64
                                   " evaluations have more than 2^63 "
                                   "sites; ask for fewer",
                                   c->dreams, last, sets);
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  match *stage = self;
  const fg_host *host = stage->host;
  const search_settings settings = settings_of(stage);
  const fg_format *target = inputs[TARGET];
  if (inputs_announce(&stage->model, host, "model", inputs[MODEL]) != FG_OK) return FG_FAILED;
  const fg_network *network = stage->model.network;
  if (!FG_HAS(network, gradient) || !network->gradient)
    return host->fail(host, "model '%s' has no gradient, from which errors and directions come; use another network",
                      stage->model.kind);
  if (check_indices(stage) != FG_OK || match_targets_check(&stage->targets, target) != FG_OK) return FG_FAILED;
  snprintf(outputs[0]->network, sizeof outputs[0]->network, "%s", stage->model.kind);
  outputs[0]->has_weights = 1;
  const uint64_t rows = matching_rows(&stage->task), most = most_parameters(stage);
  *memory = sizeof(match) + matching_bytes(&stage->task, most) + search_bytes(&settings, most) +
            match_targets_bytes(&stage->task) + match_tables_bytes(&stage->task, settings.evaluations, most) +
            (4 * rows * rows + 2 * most) * sizeof(double) + (target ? target->batch * MOMENTS * sizeof(double) : 0);
  return FG_OK;
}

// ---- what comes in

static uint32_t matched_numbers(const match *stage) {
  uint32_t count = 0;
  for (uint32_t r = 0; r < matching_rows(&stage->task); r++) count += stage->task.scale[r] > 0;
  return count;
}

static fg_status take_model(match *stage, const fg_model *model) {
  const fg_host *host = stage->host;
  fg_status status = inputs_take(&stage->model, model);
  if (status != FG_OK) return status;
  const uint64_t parameters = stage->model.network->parameters(stage->model.opened);
  if (!parameters || parameters > MOST_PARAMETERS)
    return host->fail(host, "model '%s' has %" PRIu64 " parameters; from 1 to %" PRIu64 " can be trained",
                      stage->model.kind, parameters, MOST_PARAMETERS);
  if (stage->config->optimiser == SEARCH_ADAM || parameters <= matched_numbers(stage)) return FG_OK;
  return host->fail_param(
      host, "observables",
      "%" PRIu32 " at %" PRIu32 " sizes, of weight above 0, are %" PRIu32 " numbers; they do not determine "
      "%" PRIu64 " weights; add observables or sizes, or set optimiser: adam, which moves away from "
      "the start only as far as it must",
      stage->task.observables, stage->task.sizes, matched_numbers(stage), parameters);
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)count;
  match *stage = self;
  if (port == MODEL) return take_model(stage, messages[0]->model);
  return match_targets_add(&stage->targets, messages[0]->batch);
}

// ---- matching

/// Numbers a search needs beside it.
typedef struct scratch {
  double *start, *noise, *target_noise, *jacobian, *covariance, *fresh;
} scratch;

static void scratch_free(scratch *x) {
  free(x->start);
  free(x->noise);
  free(x->target_noise);
  free(x->jacobian);
  free(x->covariance);
  free(x->fresh);
}

static fg_status scratch_new(const match *stage, size_t parameters, scratch *x) {
  const size_t rows = matching_rows(&stage->task);
  const int errors = parameters <= rows;
  x->start = calloc(parameters, sizeof(double));
  x->noise = calloc(rows * rows, sizeof(double));
  x->target_noise = calloc(rows * rows, sizeof(double));
  x->fresh = calloc(rows, sizeof(double));
  x->jacobian = errors ? calloc(rows * parameters, sizeof(double)) : NULL;
  x->covariance = errors ? calloc(parameters * parameters, sizeof(double)) : NULL;
  if (x->start && x->noise && x->target_noise && x->fresh && (!errors || (x->jacobian && x->covariance))) return FG_OK;
  return stage->host->fail(stage->host, "out of memory for %zu weights", parameters);
}

/// Errors of the weights found, and what other dreams show under them.
static fg_status judge(const match *stage, search *found, scratch *x) {
  matching *m = found->m;
  const size_t rows = matching_rows(&stage->task);
  fg_status status = FG_OK;
  matching_noise(m, x->noise);
  if (x->jacobian) {
    double *both = calloc(rows * rows, sizeof *both);
    if (!both) return stage->host->fail(stage->host, "out of memory for errors");
    for (size_t i = 0; i < rows * rows; i++) both[i] = x->noise[i] + x->target_noise[i];
    status = matching_jacobian(m, x->jacobian);
    if (status == FG_OK) status = search_covariance(m, x->jacobian, both, x->covariance);
    free(both);
  }
  if (status == FG_OK && (!x->covariance || isnan(x->covariance[0])))
    stage->host->log(
        stage->host, FG_LOG_WARNING,
        "what is matched does not determine all weights, so they have no errors; others would dream the same");
  // Other dreams, for what was matched fits the dreams it was matched with better than it should.
  const uint64_t other = (uint64_t)stage->config->evaluations * stage->task.dreams;
  if (status == FG_OK) status = matching_evaluate(m, other, found->weights);
  for (size_t r = 0; status == FG_OK && r < rows; r++) x->fresh[r] = m->value[r];
  if (status == FG_OK) status = matching_evaluate(m, 0, found->weights);
  return status;
}

static fg_status emit(const match *stage, const search *found, const scratch *x) {
  const fg_host *host = stage->host;
  const match_report report = {found, x->covariance, x->noise, x->target_noise, x->fresh};
  fg_status status = match_tables_emit(host, 1, &report);
  if (status != FG_OK) return status;
  fg_model *model = host->model_new(host, stage->model.kind, stage->model.arrived->hyperparameters, found->weights,
                                    found->m->parameters);
  return model ? host->emit_model(host, 0, model) : FG_FAILED;
}

static fg_status flush(void *self) {
  match *stage = self;
  if (inputs_require(&stage->model) != FG_OK) return FG_FAILED;
  const search_settings settings = settings_of(stage);
  scratch x = {0};
  matching m = {0};
  search found = {0};
  fg_status status = scratch_new(stage, stage->model.network->parameters(stage->model.opened), &x);
  if (status == FG_OK) status = dreamer_start_weights(&stage->model, "initial", &stage->config->initial, x.start);
  if (status == FG_OK) status = match_targets_fill(&stage->targets, x.target_noise);
  if (status == FG_OK) status = matching_open(&m, &stage->model, &stage->task);
  if (status == FG_OK) status = search_open(&found, &m, &settings, x.start);
  if (status == FG_OK) status = search_run(&found);
  if (status == FG_OK) status = judge(stage, &found, &x);
  if (status == FG_OK) status = emit(stage, &found, &x);
  search_close(&found);
  matching_close(&m);
  scratch_free(&x);
  return status;
}

// ---- descriptor

static const fg_port input_model = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST,
    .name = "model",
    .doc = "The network to train, with weights to start from (such as train.newton's) or without.",
};
static const fg_port input_target = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .flags = FG_PORT_MANY | FG_PORT_OPTIONAL,
    .name = "target",
    .doc = "Configurations whose observables are targets, of all sizes wanted; other sizes are passed over.",
};
static const fg_port output_model = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .name = "model",
    .doc = "The network with the weights found.",
};
static const fg_port output_fit = {
    .size = sizeof(fg_port),
    .kinds = FG_TABLE,
    .name = "fit",
    .doc = "Table `weights`, with errors; table `matched`: targets and what is dreamt; table `fit`; tables `curve` and "
           "`path`: loss and weights along the search.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "train.match",
    .summary = "training at the fixed point: weights whose dreams have chosen observables",
    .doc =
        "Likelihood makes one inverse step right given true coarse lattices; a dream is given its own. This trainer dreams, "
        "from one spin as generate.dream does, and adjusts the weights until observables of the dreams agree with targets at "
        "chosen sizes. It minimises\n\n"
        "    loss = Σ (weight · (dreamt - target) / target)²\n\n"
        "over observables and sizes. Targets are exact values (no data at all: the default matches e, m2 and U at L = 4, 8, "
        "16 and the critical coupling), means over configurations that come in at `target`, or given.\n\n"
        "**Search.** Every evaluation has the same random numbers, so the loss is a function of the weights, though with "
        "steps. gauss-newton needs the fewest evaluations: its derivatives are the score function's, ∂⟨O⟩/∂w = ⟨(O - ⟨O⟩) "
        "Σ ∂ln P/∂w⟩ over the inverse steps that lead to the size. NLopt's methods need no derivatives. For more weights "
        "than numbers to match there is adam.\n\n"
        "**Errors** of weights are A (C + C') Aᵀ to first order, A = (JᵀW²J)⁻¹JᵀW², C the covariance of the observables "
        "of the dreams and C' that of the targets: from a jackknife over 128 to 256 bins of configurations, for "
        "sizes that came with equally many jointly, as for the levels of one dream. They say how well noise lets the weights be "
        "known, not how well a network can match: that says table `matched`, where `fresh` is from dreams that were not "
        "fitted.\n\n"
        "e, varE, m2, … are defined as by estimate.thermo, xi_over_L as by estimate.correlation.",
    .params = match_params,
    .inputs = (const fg_port *const[]){&input_model, &input_target, NULL},
    .outputs = (const fg_port *const[]){&output_model, &output_fit, NULL},
    .config_size = sizeof(match_config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .flush = flush,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "match",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
