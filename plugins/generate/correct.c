// correct.c — generate.correct: an exact ensemble from dreams that are only nearly right. Here are its parameters, formats and
// descriptor; dreams and their weights are in ascent.h, what is done with them in correct_run.c.
#include "correct.h"

#include "ladder.h"

#include <inttypes.h>
#include <stdlib.h>

#define ROUND_BYTES ((uint64_t)4 << 20) // aim, of the batches of all chains
#define BATCH_MOST 1024u
#define TOGETHER_MOST 256u              // dreams that go up together, when equilibrating
#define AHEAD_SITES ((uint64_t)1 << 18) // of proposals that go up together
#define AHEAD_MOST 256u                 // steps

static fg_status create(const fg_host *host, const void *given, void **self) {
  const correct_config *c = given;
  if (c->couplings.count != 0 && c->couplings.count != 2)
    return host->fail_param(host, "couplings",
                            "%" PRIu64 " couplings; give two, [nearest, diagonal] neighbours, or none: []",
                            c->couplings.count);
  if (c->rejuvenate == MOVES_NONE && c->sweeps != 1)
    return host->fail_param(host, "sweeps",
                            "%" PRId64 " sweeps are of no effect with rejuvenate: none; choose heat-bath or cluster",
                            c->sweeps);
  if (c->rejuvenate == MOVES_CLUSTER && c->coupling < 0)
    return host->fail_param(host, "rejuvenate", "cluster sweeps need a coupling of at least 0, it is %g; use heat-bath",
                            c->coupling);
  correct *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = c;
  stage->tally.largest = -INFINITY;
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) {
  correct *stage = self;
  correct_drop(stage);
  moves_close(&stage->moves);
  for (int64_t m = 0; m < stage->models; m++) inputs_clear(&stage->model[m]);
  free(stage->model);
  free(stage);
}

// ---- formats

static fg_status announce(correct *stage, const fg_format *format) {
  const fg_host *host = stage->host;
  const int64_t models = ladder_models(format);
  if (ladder_check(host, stage->config->levels, 0, models) != FG_OK) return FG_FAILED;
  if (!format->has_weights)
    return host->fail(host, "model '%s' has no weights; train it or give weights: [...]", format->network);
  stage->model = calloc((size_t)models, sizeof *stage->model);
  if (!stage->model) return host->fail(host, "out of memory");
  stage->models = models;
  for (int64_t m = 0; m < models; m++)
    if (inputs_announce(&stage->model[m], host, "model", format) != FG_OK) return FG_FAILED;
  return FG_OK;
}

static fg_status check_size(const correct *stage) {
  const fg_host *host = stage->host;
  const correct_config *c = stage->config;
  if ((uint64_t)c->start << c->levels <= MOVES_LONGEST) return FG_OK;
  return host->fail_param(host, "levels", "lattices of %" PRIu64 "² are too large to be corrected; at most %u² are",
                          (uint64_t)c->start << c->levels, MOVES_LONGEST);
}

/// How chains and batches are cut.
static void cut(correct *stage) {
  const correct_config *c = stage->config;
  const uint64_t one = fg_configuration_bytes(FG_SPIN1, &stage->top), all = (uint64_t)c->configurations;
  stage->chain_count = (uint32_t)(c->configurations < c->chains ? c->configurations : c->chains);
  uint64_t batch = ROUND_BYTES / one, most = BATCH_MOST;
  if (c->method == CORRECT_INDEPENDENCE) batch /= stage->chain_count;
  if (c->method == CORRECT_EQUILIBRATE) {
    stage->chain_count = 1;
    most = TOGETHER_MOST;
  }
  batch = batch < 1 ? 1 : batch > most ? most : batch;
  if (c->method == CORRECT_SMC)
    batch = (uint64_t)c->population;
  else if (batch > all)
    batch = all;
  stage->batch_size = (uint32_t)batch;
  const uint64_t ahead = AHEAD_SITES / (fg_lattice_sites(&stage->top) * stage->chain_count);
  stage->ahead = ahead < 1 ? 1 : ahead > AHEAD_MOST ? AHEAD_MOST : ahead;
  stage->thermalize = (uint64_t)c->thermalize;
  if (c->thermalize == CORRECT_AUTO) stage->thermalize = c->method == CORRECT_SMC ? CORRECT_POPULATIONS : CORRECT_STEPS;
}

/// Numbers of dreams enter random counters, together with their sites or sweeps.
static fg_status check_count(const correct *stage) {
  const uint64_t sites = fg_lattice_sites(&stage->top);
  uint64_t most = sites > MOVES_MOST_SWEEPS ? sites : MOVES_MOST_SWEEPS, all;
  if (!__builtin_mul_overflow(correct_proposals(stage), most, &all) && !(all >> 63)) return FG_OK;
  return stage->host->fail_param(stage->host, "configurations",
                                 "%" PRId64 " lattices of %" PRIu64 "² need too many random numbers; ask for fewer "
                                 "configurations or levels, or a shorter thermalisation",
                                 stage->config->configurations, stage->top.extent[0]);
}

static void open_way(correct *stage) {
  static const ascent_purpose purposes[] = {ASCENT_PLAIN, ASCENT_WEIGHED, ASCENT_POPULATION};
  const correct_config *c = stage->config;
  stage->way = (ascent){.host = stage->host,
                        .purpose = purposes[c->method],
                        .model = stage->model,
                        .models = stage->models,
                        .start = c->start,
                        .levels = c->levels,
                        .coupling = c->coupling,
                        .threshold = c->threshold};
  if (c->couplings.count && c->method != CORRECT_INDEPENDENCE) {
    stage->way.has_lower = 1;
    stage->way.lower = (moves_couplings){c->couplings.items[0], c->couplings.items[1]};
  }
  ascent_open(&stage->way, (uint64_t)c->constrained);
  stage->accept_key = stage->host->rng_key(stage->host, "acceptance");
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  correct *stage = self;
  const correct_config *c = stage->config;
  fg_format *out = outputs[0];
  if (check_size(stage) != FG_OK || announce(stage, inputs[0]) != FG_OK) return FG_FAILED;
  stage->top = fg_lattice_square((uint64_t)c->start << c->levels);
  cut(stage);
  open_way(stage);
  if (check_count(stage) != FG_OK) return FG_FAILED;
  if (moves_open(&stage->moves, stage->host, (moves_kind)c->rejuvenate, (uint64_t)c->sweeps,
                 (uint32_t)stage->top.extent[0], c->coupling) != FG_OK)
    return FG_FAILED;
  out->element = FG_SPIN1;
  out->shape_count = 1;
  out->shapes[0] = stage->top;
  out->configurations = (uint64_t)c->configurations;
  out->batch = stage->batch_size;
  *memory = sizeof(correct) + (uint64_t)stage->models * sizeof(inputs_model) + correct_bytes(stage);
  return FG_OK;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)port, (void)count;
  correct *stage = self;
  // One more than were announced is told of by the last.
  inputs_model *expected = &stage->model[stage->arrived < stage->models ? stage->arrived++ : stage->models - 1];
  const fg_model *model = messages[0]->model;
  if (!model->weight_count)
    return stage->host->fail(stage->host, "model '%s' has no weights; train it or give weights: [...]", model->network);
  return inputs_take(expected, model);
}

static fg_status produce(void *self) { return correct_produce(self); }

static fg_status flush(void *self) { return correct_report(self); }

static fg_status save(void *self, const fg_writer *writer) { return correct_save(self, writer); }

static fg_status restore(void *self, const fg_reader *reader) { return correct_restore(self, reader); }

// ---- descriptor

static const char *const method_choices[] = {"equilibrate", "independence", "smc", NULL};
static const char *const rejuvenate_choices[] = {"none", "heat-bath", "cluster", NULL};

static const fg_param param_method = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(correct_config, method),
    .name = "method",
    .choices = method_choices,
    .doc = "equilibrate: every dream is swept on its own, exact when the sweeps suffice; independence: independence "
           "Metropolis-Hastings, exact; smc: populations of dreams that compete, exact.",
};
static const fg_param param_start = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(correct_config, start),
    .name = "start",
    .def = "1",
    .min = "1",
    .max = "16384",
    .unit = "1",
    .doc = "Size of the lattices that dreams start from, of random spins.",
};
static const fg_param param_levels = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(correct_config, levels),
    .name = "levels",
    .min = "1",
    .max = "31",
    .unit = "1",
    .doc = "Inverse steps; the lattices that come out are 2^levels times as large as the start.",
};
static const fg_param param_configurations = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(correct_config, configurations),
    .name = "configurations",
    .min = "1",
    .max = "1000000000000000",
    .unit = "1",
    .doc = "Configurations to give, the total over all chains.",
};
static const fg_param param_coupling = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(correct_config, coupling),
    .name = "coupling",
    .def = "critical",
    .min = "-1000",
    .max = "1000",
    .names = (const char *const[]){"critical=0.44068679350977147", NULL},
    .unit = "1",
    .doc = "Coupling K of the Ising model that comes out; critical is ln(1+√2)/2.",
};
static const fg_param param_chains = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(correct_config, chains),
    .name = "chains",
    .def = "16",
    .min = "1",
    .max = "4096",
    .unit = "1",
    .doc = "independence, smc: independent Markov chains; the result depends on their number, never on the threads.",
};
static const fg_param param_thermalize = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(correct_config, thermalize),
    .name = "thermalize",
    .def = "auto",
    .min = "0",
    .max = "1000000000",
    .names = (const char *const[]){"auto=-1", NULL},
    .unit = "steps",
    .doc =
        "independence, smc: steps of each chain before its first configuration, from the first dream, or population, "
        "on; auto: 100 dreams, or 2 populations.",
};
static const fg_param param_rejuvenate = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(correct_config, rejuvenate),
    .name = "rejuvenate",
    .def = "none",
    .choices = rejuvenate_choices,
    .doc =
        "Moves on the largest lattice at coupling K: heat-bath sweeps over a checkerboard, or sweeps over all clusters.",
};
static const fg_param param_sweeps = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(correct_config, sweeps),
    .name = "sweeps",
    .def = "1",
    .min = "1",
    .max = "100000",
    .unit = "sweeps",
    .doc = "Sweeps of rejuvenate: on every dream, between two proposals of a chain, or on a population that is given.",
};
static const fg_param param_constrained = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(correct_config, constrained),
    .name = "constrained",
    .def = "0",
    .min = "0",
    .max = "100000",
    .unit = "sweeps",
    .doc =
        "Heat-bath sweeps that keep the block spins: after every inverse step; with independence on the largest lattice, "
        "between two proposals.",
};
static const fg_param param_population = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(correct_config, population),
    .name = "population",
    .def = "256",
    .min = "2",
    .max = "65536",
    .unit = "1",
    .doc = "smc: dreams that compete.",
};
static const fg_param param_threshold = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(correct_config, threshold),
    .name = "threshold",
    .def = "0.5",
    .min = "0",
    .max = "1",
    .unit = "1",
    .doc = "smc: a population is resampled on its way when its effective share (ΣW)²/(n ΣW²) is smaller than this.",
};
static const fg_param param_couplings = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL_LIST,
    .offset = offsetof(correct_config, couplings),
    .name = "couplings",
    .def = "[0.345, 0.08]",
    .min = "-1000",
    .max = "1000",
    .unit = "1",
    .doc =
        "Couplings of [nearest, diagonal] neighbours below the largest lattice: smc resamples by them on the way, and "
        "constrained sweeps of smc and equilibrate move there by them; []: smc resamples at the end only, equilibrate "
        "takes K on all levels.",
};
static const fg_port input_model = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST | FG_PORT_MANY,
    .name = "model",
    .doc =
        "A model with weights; or a list [a, b, …], whose last makes the last inverse step, the one before it the step "
        "before, and the first also all earlier ones.",
};
static const fg_port output_configurations = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .name = "configurations",
    .doc = "The largest lattices, in rounds of one batch a chain; a batch belongs to one chain.",
};
static const fg_port output_table = {
    .size = sizeof(fg_port),
    .kinds = FG_TABLE,
    .name = "cost",
    .doc =
        "One row, `correct`: proposals and acceptance, effective share, ln Z, and spins drawn, scored and swept for a "
        "configuration.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "generate.correct",
    .summary = "draws the Ising model exactly, from dreams that are only nearly right",
    .doc =
        "A dream c0, c1 … cn has the weight W of estimate.likelihood, ln W = -K E(cn) + Σ ln q(c_k | c_k+1) - ln p(c0) - "
        "Σ ln P(c_k+1 | c_k), q the majority kernel with random ties. In the ensemble of weight W the last lattice is the "
        "Ising model at K, whatever the network P, and the levels below are its blocks. Dreams are proposals for that "
        "ensemble, and all that comes out has it, after the thermalisation.\n\n"
        "**independence.** A chain replaces what it holds by a new dream with probability min(1, W'/W) (W. K. Hastings, "
        "Biometrika 57, 97, 1970). Between two proposals moves that leave the Ising model unchanged may act on the "
        "largest lattice: `rejuvenate` and `constrained`. Then the blocks below it are drawn afresh, from q, and the "
        "weight is that of the lattices held then; so both kinds of steps keep the ensemble, and so does their mixture. "
        "A bad network makes rare acceptances, no errors: chains that then move by nothing else are long the same.\n\n"
        "**smc.** A population of dreams goes up together; after each step dreams multiply or die out by systematic "
        "resampling, when few of them carry the weight, and in the end they have equal weights. On level k < n they compete "
        "for π_k ∝ exp M_k(ck) Π q, with M_k = K1 Σ s s' over neighbours + K2 over diagonal ones, `couplings: [K1, K2]`: "
        "blocks of the critical lattice have couplings of longer range, and K between nearest neighbours on all levels "
        "would select lattices that are too ordered for the next level. The choice affects who survives, not what comes "
        "out. For the default see docs/architectures.md; it is meant for K near the critical one. A whole population is "
        "accepted in place of the one before with probability min(1, Z'/Z), its estimates of Z (C. Andrieu, A. Doucet and "
        "R. Holenstein, J. R. Stat. Soc. B 72, 269, 2010), which removes the bias of finite populations. Populations that "
        "are refused often come out twice, at a distance that estimators of autocorrelation do not see: a warning says "
        "so.\n\n"
        "**equilibrate.** Every dream, of any network, is swept on its own, first within its blocks (`constrained`), level "
        "by level, as D. Ron, R. H. Swendsen and A. Brandt, Phys. Rev. Lett. 89, 275701 (2002), do, then freely "
        "(`rejuvenate`). Configurations are independent, and have the Ising model's distribution as far as the sweeps "
        "equilibrate them; nothing here measures how far.\n\n"
        "**Sweeps within the blocks** are heat baths by exp(K Σ s s') q(c | block): a flip that would make a block oppose "
        "its parent is never made, one that makes it tie is half as likely as it were without the blocks.\n\n"
        "The first two methods need networks that never draw a block whose majority opposes its parent: such dreams have "
        "W = 0. network.autoregressive and network.block have `majority: true` for that, others are refused.\n\n"
        "Autocorrelations are estimate.thermo's to measure: batches carry the number of their chain. Of populations the "
        "relatives stay neighbours.",
    .params =
        (const fg_param *const[]){&param_method, &param_start, &param_levels, &param_configurations, &param_coupling,
                                  &param_chains, &param_thermalize, &param_rejuvenate, &param_sweeps,
                                  &param_constrained, &param_population, &param_threshold, &param_couplings, NULL},
    .inputs = (const fg_port *const[]){&input_model, NULL},
    .outputs = (const fg_port *const[]){&output_configurations, &output_table, NULL},
    .config_size = sizeof(correct_config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .produce = produce,
    .flush = flush,
    .save = save,
    .restore = restore,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "correct",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
