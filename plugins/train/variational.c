// variational.c — train.variational: minimises the variational free energy of what a model dreams, at a given coupling,
// without any data. The stage takes one model, or another one for the last inverse step as well, and steps down the gradient
// (free_energy.h) with AdamW.
#include "adamw.h"
#include "free_energy.h"
#include "plugins/estimate/kaufman.h"
#include "variational_config.h"
#include "variational_tables.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PARAMETERS ((uint64_t)1 << 18)

enum { MODEL, TOP }; // inputs, and models
enum { OUT_MODEL, OUT_TOP, OUT_FIT };

typedef struct variational {
  const fg_host *host;
  const variational_config *config;
  int models; ///< 1, or 2 with one at `top`
  inputs_model model[FREE_ENERGY_MODELS];
  free_energy_task task;
  free_energy energy;
  adamw optimiser[FREE_ENERGY_MODELS];
  double *weights[FREE_ENERGY_MODELS], *gradient[FREE_ENERGY_MODELS];
  uint64_t step;
  variational_line *line;
  uint64_t lines;
} variational;

static fg_status create(const fg_host *host, const void *given, void **self) {
  const variational_config *c = given;
  int levels = 0;
  while (INT64_C(1) << levels < c->size) levels++;
  if (INT64_C(1) << levels != c->size)
    return host->fail_param(host, "size",
                            "a dream from one spin never has size %" PRId64 ": it doubles; use %" PRId64 " or %" PRId64,
                            c->size, INT64_C(1) << (levels - 1), INT64_C(1) << levels);
  variational *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = c;
  stage->models = 1;
  stage->task = (free_energy_task){levels, (uint64_t)c->dreams, c->coupling, c->kernel};
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) {
  variational *stage = self;
  free_energy_close(&stage->energy);
  for (int i = 0; i < FREE_ENERGY_MODELS; i++) {
    adamw_clear(&stage->optimiser[i]);
    free(stage->weights[i]);
    free(stage->gradient[i]);
    inputs_clear(&stage->model[i]);
  }
  free(stage->line);
  free(stage);
}

// ---- formats

static fg_status announce(variational *stage, int i, const fg_format *format) {
  const fg_host *host = stage->host;
  if (inputs_announce(&stage->model[i], host, i == TOP ? "top" : "model", format) != FG_OK) return FG_FAILED;
  const char *kind = stage->model[i].kind;
  const fg_network *network = stage->model[i].network;
  if ((FG_HAS(network, table) && network->table) || (FG_HAS(network, classes) && network->classes))
    return host->fail(
        host,
        "model '%s' draws fine spins independently, so its blocks can disagree with what they were drawn from: "
        "the kernel excludes it, and the free energy is infinite; use network.autoregressive or network.block "
        "with majority: true",
        kind);
  if (FG_HAS(network, gradient) && network->gradient) return FG_OK;
  return host->fail(host, "model '%s' has no gradient, so it cannot be trained by descending one; use another network",
                    kind);
}

/// Dense site indices (network.h) must not wrap.
static fg_status check_indices(const variational *stage) {
  const variational_config *c = stage->config;
  uint64_t sites, sets = (uint64_t)c->steps + (uint64_t)(c->check / c->dreams) + 2;
  if (!__builtin_mul_overflow((uint64_t)(c->size * c->size), (uint64_t)c->dreams, &sites) &&
      !__builtin_mul_overflow(sites, sets, &sites) && !(sites >> 63))
    return FG_OK;
  return stage->host->fail_param(stage->host, "dreams",
                                 "%" PRId64 " dreams of %" PRId64 "² in %" PRIu64 " steps have more "
                                 "than 2^63 sites; ask for fewer",
                                 c->dreams, c->size, sets);
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  variational *stage = self;
  stage->models = inputs[TOP] ? 2 : 1;
  for (int i = 0; i < stage->models; i++)
    if (announce(stage, i, inputs[i]) != FG_OK) return FG_FAILED;
  if (check_indices(stage) != FG_OK) return FG_FAILED;
  for (int i = 0; i < FREE_ENERGY_MODELS; i++) {
    snprintf(outputs[i]->network, sizeof outputs[i]->network, "%s", stage->model[i < stage->models ? i : MODEL].kind);
    outputs[i]->has_weights = 1;
  }
  *memory = sizeof(variational) + free_energy_bytes(&stage->task, MOST_PARAMETERS) +
            FREE_ENERGY_MODELS * 4 * MOST_PARAMETERS * sizeof(double) +
            VARIATIONAL_MOST_LINES * sizeof(variational_line) + variational_tables_bytes(MOST_PARAMETERS) +
            (uint64_t)(stage->config->check + stage->config->dreams) * sizeof(double);
  return FG_OK;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)count;
  variational *stage = self;
  inputs_model *model = &stage->model[port];
  if (inputs_take(model, messages[0]->model) != FG_OK) return FG_FAILED;
  const uint64_t parameters = model->network->parameters(model->opened);
  if (parameters && parameters <= MOST_PARAMETERS) return FG_OK;
  return stage->host->fail(stage->host, "model '%s' has %" PRIu64 " parameters; from 1 to %" PRIu64 " can be trained",
                           model->kind, parameters, MOST_PARAMETERS);
}

// ---- training

static const inputs_model *top_of(const variational *stage) { return &stage->model[stage->models - 1]; }

static fg_status begin(variational *stage) {
  const fg_host *host = stage->host;
  const variational_config *c = stage->config;
  const adamw_settings settings = {.schedule = c->schedule,
                                   .rate = c->rate,
                                   .beta1 = c->beta1,
                                   .beta2 = c->beta2,
                                   .epsilon = 1e-8,
                                   .weight_decay = c->weight_decay,
                                   .steps = (uint64_t)c->steps};
  stage->line = calloc(VARIATIONAL_MOST_LINES, sizeof *stage->line);
  if (!stage->line) return host->fail(host, "out of memory");
  for (int i = 0; i < stage->models; i++) {
    static const fg_real_list none = {0};
    if (inputs_require(&stage->model[i]) != FG_OK) return FG_FAILED;
    const uint64_t parameters = stage->model[i].network->parameters(stage->model[i].opened);
    stage->weights[i] = calloc(parameters, sizeof(double));
    stage->gradient[i] = calloc(parameters, sizeof(double));
    if (!adamw_init(&stage->optimiser[i], &settings, parameters) || !stage->weights[i] || !stage->gradient[i])
      return host->fail(host, "out of memory for %" PRIu64 " weights", parameters);
    if (dreamer_start_weights(&stage->model[i], "model", &none, stage->weights[i]) != FG_OK) return FG_FAILED;
  }
  return free_energy_open(&stage->energy, &stage->task, &stage->model[MODEL], top_of(stage));
}

static fg_status evaluate(variational *stage, uint64_t set, int descend) {
  const double *const weights[] = {stage->weights[MODEL], stage->weights[stage->models - 1]};
  return free_energy_evaluate(&stage->energy, set * stage->task.dreams, weights, descend ? stage->gradient : NULL);
}

static fg_status produce(void *self) {
  variational *stage = self;
  const fg_host *host = stage->host;
  const uint64_t steps = (uint64_t)stage->config->steps,
                 every = (steps + VARIATIONAL_MOST_LINES - 1) / VARIATIONAL_MOST_LINES;
  if (!stage->line && begin(stage) != FG_OK) return FG_FAILED;
  if (stage->step == steps) return FG_DONE;
  fg_status status = evaluate(stage, stage->step, 1);
  if (status != FG_OK) return status;
  const free_energy *f = &stage->energy;
  int finite = isfinite(f->mean) != 0;
  if (stage->step % every == 0)
    stage->line[stage->lines++] =
        (variational_line){stage->step + 1, adamw_rate(&stage->optimiser[MODEL].settings, stage->step),
                           f->mean / free_energy_sites(&stage->task), f->deviation};
  for (int i = 0; i < stage->models; i++) {
    adamw_step(&stage->optimiser[i], stage->gradient[i], stage->weights[i]);
    for (size_t k = 0; k < stage->optimiser[i].parameters; k++) finite &= isfinite(stage->weights[i][k]) != 0;
  }
  stage->step++;
  host->progress(host, stage->step, steps);
  if (finite) return FG_OK;
  return host->fail_param(
      host, "rate", "diverged in step %" PRIu64 ": the free energy is not finite; use a smaller rate", stage->step);
}

// ---- the certificate

/// Sums over ln W of all fresh dreams.
static void summarise(const double *log_weight, uint64_t count, variational_result *r) {
  const double n = (double)count;
  double largest = -INFINITY, sum = 0, squares = 0, weight = 0, weight2 = 0;
  for (uint64_t c = 0; c < count; c++) {
    sum += log_weight[c];
    largest = fmax(largest, log_weight[c]);
  }
  for (uint64_t c = 0; c < count; c++) {
    const double w = exp(log_weight[c] - largest), off = log_weight[c] - sum / n;
    squares += off * off;
    weight += w;
    weight2 += w * w;
  }
  r->dreams = count;
  r->mean = sum / n;
  r->mean_error = sqrt(squares / (n - 1) / n);
  r->effective = weight * weight / (n * weight2);
  r->log_z = largest + log(weight / n);
  r->log_z_error = sqrt(fmax(0, 1 / r->effective - 1) / (n - 1));
}

static fg_status certify(variational *stage, variational_result *r) {
  const fg_host *host = stage->host;
  const uint64_t dreams = stage->task.dreams, sets = ((uint64_t)stage->config->check + dreams - 1) / dreams;
  const uint64_t length = UINT64_C(1) << stage->task.levels;
  double *log_weight = calloc(sets * dreams, sizeof *log_weight);
  fg_status status = log_weight ? FG_OK : host->fail(host, "out of memory for %" PRIu64 " dreams", sets * dreams);
  for (uint64_t set = 0; status == FG_OK && set < sets; set++) {
    status = evaluate(stage, stage->step + set, 0);
    for (uint64_t c = 0; status == FG_OK && c < dreams; c++)
      log_weight[set * dreams + c] = free_energy_log_weight(&stage->energy, c);
  }
  if (status == FG_OK) summarise(log_weight, sets * dreams, r);
  r->exact = kaufman_torus(length, length, stage->task.coupling).ln_z * free_energy_sites(&stage->task);
  free(log_weight);
  return status;
}

static fg_status emit_model(const variational *stage, uint32_t port, int i) {
  const fg_host *host = stage->host;
  const inputs_model *of = &stage->model[i];
  fg_model *model =
      host->model_new(host, of->kind, of->arrived->hyperparameters, stage->weights[i], stage->optimiser[i].parameters);
  return model ? host->emit_model(host, port, model) : FG_FAILED;
}

static fg_status flush(void *self) {
  variational *stage = self;
  variational_report report = {.task = &stage->task,
                               .model = {&stage->model[MODEL], top_of(stage)},
                               .weights = {stage->weights[MODEL], stage->weights[TOP]},
                               .line = stage->line,
                               .lines = stage->lines,
                               .steps = stage->step};
  fg_status status = certify(stage, &report.result);
  if (status == FG_OK) status = variational_tables_emit(stage->host, OUT_FIT, &report);
  if (status == FG_OK) status = emit_model(stage, OUT_MODEL, MODEL);
  if (status == FG_OK) status = emit_model(stage, OUT_TOP, stage->models - 1);
  return status;
}

// ---- descriptor

static const fg_port input_model = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST,
    .name = "model",
    .doc = "The network to train, with weights to start from or without.",
};
static const fg_port input_top = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST | FG_PORT_OPTIONAL,
    .name = "top",
    .doc = "A network for the last step, trained together with the other, which makes all steps below.",
};
static const fg_port output_model = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .name = "model",
    .doc = "The network with its weights after the last step.",
};
static const fg_port output_top = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .name = "top",
    .doc = "The one for the last step; without input `top`, the same as `model`.",
};
static const fg_port output_fit = {
    .size = sizeof(fg_port),
    .kinds = FG_TABLE,
    .name = "fit",
    .doc =
        "Tables `weights`; `fit`: free energy, gap and effective sample size of fresh dreams; `curve`: the same along the "
        "training; `estimates`: lnZ, lnZ_gap, ess.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "train.variational",
    .summary = "training without data: minimises the variational free energy of dreams at a coupling",
    .doc =
        "For the chain from one spin to an L×L lattice, c₀ → … → c_n, with p(c₀) = ½, network P and coarse-graining kernel q,\n\n"
        "    ln W = -K E(c_n) + Σ ln q(c_k|c_{k+1}) - ln p(c₀) - Σ ln P(c_{k+1}|c_k)\n\n"
        "has ⟨W⟩ = Z and ⟨ln W⟩ ≤ ln Z. This trainer minimises F = -⟨ln W⟩ over its own dreams, new ones every step, with AdamW "
        "and the score function's gradient (as D. Wu, L. Wang and P. Zhang, Phys. Rev. Lett. 122, 080602, 2019, for one lattice). "
        "A step's score is weighted by what is drawn from there on, less its mean over the other dreams. As the model "
        "improves ln W becomes constant, and with it the noise of the gradient goes to 0.\n\n"
        "`lnZ_gap` is (ln Z - ⟨ln W⟩)/N against Kaufman's exact ln Z, in nats per site; `ess` the effective sample size "
        "(ΣW)²/(nΣW²); `lnZ` = ln⟨W⟩.\n\n"
        "The network must respect the kernel in all it draws: network.autoregressive or network.block with majority: true, "
        "for q majority with random ties. Networks of independent spins are refused; another one that does not is when it first draws what the kernel excludes.\n\n"
        "One model makes all steps, or, with a second one at `top`, all but the last: nearest-neighbour couplings on top meet "
        "renormalised ones below. Nothing but K is given, so it may be any; started from an untrained network it may, below the "
        "critical temperature, miss part of the measure, which `lnZ` < exact shows.",
    .params = variational_params,
    .inputs = (const fg_port *const[]){&input_model, &input_top, NULL},
    .outputs = (const fg_port *const[]){&output_model, &output_top, &output_fit, NULL},
    .config_size = sizeof(variational_config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .produce = produce,
    .flush = flush,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "variational",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
