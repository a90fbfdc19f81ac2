// likelihood.c — estimate.likelihood: how probable a model finds fine lattices given coarse ones. Of given pairs it makes a
// mean (likelihood_pairs.h), of dreams weights that certify them (likelihood_dreams.h). Here are its parameters and inputs.
#include "likelihood_dreams.h"
#include "likelihood_pairs.h"
#include "plugins/generate/ladder.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MODEL, BASELINE, FINE, COARSE, FIRST }; // inputs

typedef struct config {
  double coupling;
  int32_t kernel;
  double strength;
  int64_t first_steps;
} config;

typedef struct likelihood {
  const fg_host *host;
  const config *config;
  inputs_model *model; ///< those of the list; NULL until negotiate
  int64_t models, arrived;
  inputs_model baseline, first;
  int has_baseline, has_first;
  likelihood_pairs *pairs;
  likelihood_dreams *dreams; ///< one of the two
} likelihood;

static fg_status create(const fg_host *host, const void *given, void **self) {
  likelihood *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = given;
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) {
  likelihood *stage = self;
  likelihood_pairs_free(stage->pairs);
  likelihood_dreams_free(stage->dreams);
  for (int64_t m = 0; m < stage->models; m++) inputs_clear(&stage->model[m]);
  inputs_clear(&stage->baseline);
  inputs_clear(&stage->first);
  free(stage->model);
  free(stage);
}

// ---- formats

static fg_status announce(likelihood *stage, inputs_model *model, const char *port, const fg_format *format) {
  const fg_host *host = stage->host;
  if (inputs_announce(model, host, port, format) != FG_OK) return FG_FAILED;
  if (format->has_weights) return FG_OK;
  if (!model->kind[0])
    return host->fail(host, "a model of the list comes without weights, so it has no likelihood; train it, or give "
                            "weights to its network");
  return host->fail(host,
                    "the %s, of '%s', comes without weights, so it has no likelihood; train it, or give "
                    "weights to its network",
                    model->port, model->kind);
}

static fg_status announce_all(likelihood *stage, const fg_format *const *inputs) {
  const int64_t models = ladder_models(inputs[MODEL]);
  stage->has_baseline = inputs[BASELINE] != NULL;
  stage->has_first = inputs[FIRST] != NULL;
  stage->model = calloc((size_t)models, sizeof *stage->model);
  if (!stage->model) return stage->host->fail(stage->host, "out of memory");
  stage->models = models;
  for (int64_t m = 0; m < models; m++)
    if (announce(stage, &stage->model[m], "model", inputs[MODEL]) != FG_OK) return FG_FAILED;
  if (stage->has_baseline && announce(stage, &stage->baseline, "baseline", inputs[BASELINE]) != FG_OK) return FG_FAILED;
  return stage->has_first ? announce(stage, &stage->first, "first model", inputs[FIRST]) : FG_OK;
}

static fg_status negotiate_pairs(likelihood *stage, const fg_format *fine, const fg_format *coarse, uint64_t *memory) {
  const fg_host *host = stage->host;
  if (stage->models > 1)
    return host->fail(host, "pairs are scored under one model, but several are connected; leave out input 'coarse' to "
                            "score dreams, or take a stage for each model");
  if (stage->has_first)
    host->log(host, FG_LOG_WARNING, "the first model is of no effect on pairs, which are scored under one model");
  const inputs_model *models[LIKELIHOOD_MODELS] = {stage->model, &stage->baseline};
  stage->pairs = likelihood_pairs_new(host, models, stage->has_baseline ? 2 : 1, fine, coarse, memory);
  return stage->pairs ? FG_OK : FG_FAILED;
}

static fg_status negotiate_dreams(likelihood *stage, const fg_format *fine, uint64_t *memory) {
  const fg_host *host = stage->host;
  const config *c = stage->config;
  if (stage->has_baseline)
    return host->fail(host,
                      "a baseline is compared with on pairs of lattices, which need input 'coarse'; connect that, "
                      "or weigh each model's own dreams with a stage of its own");
  const likelihood_target target = {.model = stage->model,
                                    .models = stage->models,
                                    .first = stage->has_first ? &stage->first : NULL,
                                    .first_steps = c->first_steps,
                                    .kernel = block_kernel_new((block_kernel_rule)c->kernel, c->strength),
                                    .coupling = c->coupling};
  stage->dreams = likelihood_dreams_new(host, &target, fine, memory);
  return stage->dreams ? FG_OK : FG_FAILED;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)outputs;
  likelihood *stage = self;
  if (announce_all(stage, inputs) != FG_OK) return FG_FAILED;
  fg_status status = inputs[COARSE] ? negotiate_pairs(stage, inputs[FINE], inputs[COARSE], memory)
                                    : negotiate_dreams(stage, inputs[FINE], memory);
  *memory += sizeof(likelihood) + (uint64_t)stage->models * sizeof(inputs_model);
  return status;
}

// ---- what comes in

static fg_status take_model(likelihood *stage, uint32_t port, const fg_model *model) {
  if (port == MODEL && stage->arrived == stage->models && stage->models > 1)
    return stage->host->fail(stage->host, "takes %" PRId64 " models, but more arrived", stage->models);
  // A second one where one was announced is told of by inputs_take.
  inputs_model *expected = port == BASELINE ? &stage->baseline : &stage->first;
  if (port == MODEL) expected = &stage->model[stage->arrived < stage->models ? stage->arrived++ : 0];
  fg_status status = inputs_take(expected, model);
  if (status != FG_OK || model->weight_count) return status;
  return stage->host->fail(stage->host, "the %s came without weights, though they were announced", expected->port);
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  likelihood *stage = self;
  if (port != FINE) return take_model(stage, port, messages[0]->model);
  if (stage->dreams) return likelihood_dreams_take(stage->dreams, messages[0]->batch);
  if (inputs_require(stage->model) != FG_OK || (stage->has_baseline && inputs_require(&stage->baseline) != FG_OK))
    return FG_FAILED;
  (void)count;
  return likelihood_pairs_take(stage->pairs, messages[0]->batch, messages[1]->batch);
}

static fg_status flush(void *self) {
  const likelihood *stage = self;
  const fg_host *host = stage->host;
  fg_table *table = fg_estimates_new(host);
  if (!table) return FG_FAILED;
  fg_status status =
      stage->dreams ? likelihood_dreams_finish(stage->dreams, table) : likelihood_pairs_finish(stage->pairs, table);
  if (status == FG_OK) return host->emit_table(host, 0, table);
  host->table_unref(host, table);
  return status;
}

// ---- descriptor

static const char *const kernel_choices[] = {"majority", "decimation", "soft", NULL};

static const fg_param param_coupling = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(config, coupling),
    .name = "coupling",
    .def = "critical",
    .min = "-1000",
    .max = "1000",
    .names = (const char *const[]){"critical=0.44068679350977147", NULL},
    .unit = "1",
    .doc = "Dreams: coupling K of the Ising model that they are weighed against; critical is ln(1+√2)/2.",
};
static const fg_param param_kernel = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, kernel),
    .name = "kernel",
    .def = "majority",
    .choices = kernel_choices,
    .doc =
        "Dreams: the blocking q(coarse | fine) they are to undo: majority of 2×2 spins with random ties; decimation to "
        "the spin at (0,0) of each block; soft, a sign with probability σ(2 strength · the block's sum).",
};
static const fg_param param_strength = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(config, strength),
    .name = "strength",
    .def = "1",
    .min = "0",
    .max = "1000",
    .unit = "1",
    .doc =
        "Dreams, kernel soft: how strongly a coarse spin follows its block; the log tells which value fits each size "
        "best.",
};
static const fg_param param_first_steps = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, first_steps),
    .name = "first_steps",
    .def = "2",
    .min = "0",
    .max = "31",
    .unit = "1",
    .doc = "Dreams: inverse steps that the model at `first`, if there is one, has made, as the dream says.",
};
static const fg_port input_model = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST | FG_PORT_MANY,
    .name = "model",
    .doc = "The model to score, with weights; for dreams the same list of models that they were made with.",
};
static const fg_port input_baseline = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST | FG_PORT_OPTIONAL,
    .name = "baseline",
    .doc = "A model to compare it with, on the same pairs.",
};
static const fg_port input_fine = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1 | 1u << FG_STATE8,
    .flags = FG_PORT_PAIRED,
    .name = "fine",
    .doc = "Configurations the model has not learned from; or, without `coarse`, dreams, all their levels.",
};
static const fg_port input_coarse = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1 | 1u << FG_STATE8,
    .flags = FG_PORT_PAIRED | FG_PORT_OPTIONAL,
    .name = "coarse",
    .doc = "The same configurations, coarse-grained by a factor of 2.",
};
static const fg_port input_first = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST | FG_PORT_OPTIONAL,
    .name = "first",
    .doc = "Dreams: the model that made their first steps, if that was another one.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_TABLE,
    .name = "estimates",
    .doc =
        "For each fine size, level and coupling `nll`; with a baseline also `nll_baseline` and `nll_difference`; for "
        "dreams the rows of the certificate.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "estimate.likelihood",
    .summary = "likelihood of fine lattices given coarse ones, and what it says of dreams",
    .doc =
        "**Pairs.** With `coarse` connected, for every fine size, level and coupling, in nats per fine spin:\n\n"
        "- `nll` = −⟨ln P(fine | coarse)⟩/N under the model, N fine spins\n"
        "- `nll_baseline`, the same under the baseline\n"
        "- `nll_difference` = `nll` − `nll_baseline`, negative where the model is better; its error is that of the "
        "differences pair by pair, much smaller than those of the two\n\n"
        "Smaller is better; ln 2 is a coin. Score on configurations the model has not learned from: another sampler "
        "stage draws others. Errors are one standard deviation by a jackknife over bins that exceed the autocorrelation "
        "time, as in estimate.thermo. A pair of probability 0 makes the mean infinite and is an error.\n\n"
        "**Dreams.** With `fine` alone it takes a dream from one spin on, all its levels, and the models it was made "
        "with, in the same order. A dream c0, c1 … cn has the weight W,\n\n"
        "    ln W = −K E(cn) + Σ ln q(c_k | c_k+1) − ln p(c0) − Σ ln P(c_k+1 | c_k),\n\n"
        "E the energy, q the `kernel` and p(c0) = ½. Whatever the network, ⟨W⟩ = Z, the partition function of the Ising "
        "model, and ⟨ln W⟩ ≤ ln Z. So the dream has a variational free energy (as D. Wu, L. Wang and P. Zhang, Phys. Rev. "
        "Lett. 122, 080602, 2019, use it), and how far it lies above the exact one, known from B. Kaufman, Phys. Rev. 76, "
        "1232 (1949), is the relative entropy of the dream to the model: agreement of observables is no such proof.\n\n"
        "- `nll` = −⟨ln P⟩/N of the step that made the level\n"
        "- `lnZ` = ln⟨W⟩, of the whole lattice, beside the exact value\n"
        "- `free_energy` = −⟨ln W⟩/N, beside the exact −ln Z/N, and `lnZ_gap` = (exact ln Z − ⟨ln W⟩)/N ≥ 0, nats per "
        "site\n"
        "- `ess` = (ΣW)²/(n ΣW²): the share of n dreams that independent draws of the target would be worth\n"
        "- `zero_weight`, the share of dreams with W = 0\n"
        "- `e`, `m2`, `U`, `varE`: reweighted, that is, ⟨W e⟩/⟨W⟩ and so on, of the target and no longer of the dream\n\n"
        "With one model all levels are weighed, each as the last of a shorter dream. With a list of them only the last "
        "level is: those below are drawn as its blocks.\n\n"
        "Dreams are independent; errors are by a jackknife. A small `ess` is unreliable itself, and with it all that is "
        "reweighted: when fewer than 200 draws' worth decide, or one weight is more than 5% of the sum, a warning says "
        "so. A network that can break the hard kernel dreams lattices of W = 0: then ⟨ln W⟩ = −∞ and the rows "
        "`free_energy` and `lnZ_gap` are left out, with a warning. Of lattices the network excludes and the target does "
        "not, nothing is seen but that `lnZ` is too small; that is warned of, too.",
    .params = (const fg_param *const[]){&param_coupling, &param_kernel, &param_strength, &param_first_steps, NULL},
    .inputs = (const fg_port *const[]){&input_model, &input_baseline, &input_fine, &input_coarse, &input_first, NULL},
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
    .name = "likelihood",
    .version = "0.2.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
