// likelihood.c — estimate.likelihood: how probable a model finds fine lattices given coarse ones, in nats per fine spin,
// alone or beside a second model on the same pairs. Errors are series.c's business, probabilities the network's.
#include "finegrain/finegrain.h"

#include "plugins/train/inputs.h"

#include "groups.h"
#include "series.h"

#include <inttypes.h>
#include <stdlib.h>

#define KIND "estimate.likelihood"
#define SHARES 16u         // of a batch, scored in parallel
#define USUAL_BATCH 65536u // configurations of a batch, where it is not announced

enum { MODEL, BASELINE, MODELS };
enum { FINE = MODELS, COARSE };                         // input ports, after the two for models
enum { NLL, NLL_BASELINE, NLL_DIFFERENCE, QUANTITIES }; // the moments kept, less those of the first configuration
static const char *const names[QUANTITIES] = {"nll", "nll_baseline", "nll_difference"};

/// All pairs of one fine lattice at one level and coupling.
typedef struct group {
  double first[QUANTITIES]; ///< of the first pair: sums are kept relative to it, so that little cancels
  series *series;
} group;

typedef struct likelihood {
  const fg_host *host;
  inputs_model model[MODELS];
  uint32_t models; ///< connected
  group_list list;
  group *group;             ///< list.most of them; NULL until the first
  uint64_t chains;          ///< over all groups
  double *log_prob[MODELS]; ///< of the pairs of a batch
  uint64_t room;            ///< pairs they have space for
} likelihood;

static fg_status create(const fg_host *host, const void *given, void **self) {
  (void)given;
  likelihood *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) {
  likelihood *stage = self;
  for (uint32_t g = 0; stage->group && g < stage->list.count; g++) series_free(stage->group[g].series);
  free(stage->group);
  free(stage->list.key);
  for (int m = 0; m < MODELS; m++) {
    free(stage->log_prob[m]);
    inputs_clear(&stage->model[m]);
  }
  free(stage);
}

// ---- formats

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)outputs;
  static const char *const ports[MODELS] = {"model", "baseline"};
  likelihood *stage = self;
  const fg_host *host = stage->host;
  for (stage->models = 0; stage->models < MODELS && inputs[stage->models]; stage->models++) {
    inputs_model *model = &stage->model[stage->models];
    if (inputs_announce(model, host, ports[stage->models], inputs[stage->models]) != FG_OK) return FG_FAILED;
    if (!inputs[stage->models]->has_weights)
      return host->fail(host,
                        "the %s, of '%s', comes without weights, so it has no likelihood; train it, or give "
                        "weights to its network",
                        model->port, model->kind);
  }
  const fg_format *fine = inputs[FINE];
  for (uint32_t m = 0; m < stage->models; m++)
    if (inputs_check_formats(&stage->model[m], fine, inputs[COARSE]) != FG_OK) return FG_FAILED;
  stage->list.most = fine->shape_count + GROUPS_EXTRA;
  *memory = sizeof(likelihood) + stage->list.most * (sizeof(group_key) + sizeof(group) + series_bytes(0)) +
            series_bytes(GROUPS_MOST_CHAINS) + series_estimate_bytes() +
            stage->models * sizeof(double) * (fine->batch ? fine->batch : USUAL_BATCH);
  return FG_OK;
}

// ---- scoring

static fg_status take_model(likelihood *stage, uint32_t port, const fg_model *model) {
  fg_status status = inputs_take(&stage->model[port], model);
  if (status != FG_OK || model->weight_count) return status;
  return stage->host->fail(stage->host, "the %s came without weights, though they were announced",
                           stage->model[port].port);
}

/// The group of a batch; NULL: reported.
static group *find_group(likelihood *stage, const fg_batch *fine) {
  const fg_host *host = stage->host;
  int64_t index = group_of(&stage->list, host, KIND, fine);
  if (index < 0) return NULL;
  if (!stage->group) stage->group = calloc(stage->list.most, sizeof *stage->group);
  group *here = stage->group ? &stage->group[index] : NULL;
  if (here && !here->series) here->series = series_new();
  if (here && here->series) return here;
  host->fail(host, "out of memory");
  return NULL;
}

static fg_status make_room(likelihood *stage, uint64_t count) {
  if (count <= stage->room) return FG_OK;
  for (uint32_t m = 0; m < stage->models; m++) {
    double *grown = realloc(stage->log_prob[m], count * sizeof *grown);
    if (!grown) return stage->host->fail(stage->host, "out of memory for %" PRIu64 " likelihoods", count);
    stage->log_prob[m] = grown;
  }
  stage->room = count;
  return FG_OK;
}

typedef struct scoring {
  const likelihood *stage;
  const fg_batch *fine, *coarse;
} scoring;

static fg_status score_share(void *arg, uint64_t share) {
  const scoring *work = arg;
  const likelihood *stage = work->stage;
  const uint64_t count = work->fine->count;
  const uint32_t begin = (uint32_t)(count * share / SHARES), end = (uint32_t)(count * (share + 1) / SHARES);
  fg_status status = FG_OK;
  for (uint32_t m = 0; status == FG_OK && m < stage->models && begin < end; m++) {
    const inputs_model *model = &stage->model[m];
    if (stage->host->cancelled(stage->host)) return FG_CANCELLED;
    status = model->network->log_prob(model->opened, work->fine, work->coarse, begin, end, stage->log_prob[m]);
  }
  return status;
}

/// A pair of probability 0 makes the mean infinite, however many others there are.
static fg_status refuse_score(const likelihood *stage, const fg_batch *fine, uint64_t i, uint32_t m) {
  const double log_prob = stage->log_prob[m][i];
  char size[96];
  fg_lattice_name(&fine->lattice, size);
  if (!(log_prob < 0))
    return stage->host->fail(stage->host,
                             "the %s gives configuration %" PRIu64 " of size %s the log-probability %g; "
                             "this is a fault of '%s' or of its weights",
                             stage->model[m].port, fine->first + i, size, log_prob, stage->model[m].kind);
  return stage->host->fail(stage->host,
                           "configuration %" PRIu64 " of size %s has probability 0 under the %s, so the likelihood of "
                           "all is 0; score a model that excludes nothing, or pairs that it can make",
                           fine->first + i, size, stage->model[m].port);
}

/// Adds pair i of a batch to its group.
static fg_status add_pair(const likelihood *stage, group *here, int64_t chain, const fg_batch *fine, uint64_t i) {
  const double spins = (double)fg_lattice_sites(&fine->lattice);
  double x[SERIES_MOMENTS] = {0};
  for (uint32_t m = 0; m < stage->models; m++) {
    if (!isfinite(stage->log_prob[m][i])) return refuse_score(stage, fine, i, m);
    x[NLL + m] = -stage->log_prob[m][i] / spins;
  }
  x[NLL_DIFFERENCE] = x[NLL] - x[NLL_BASELINE];
  for (int q = 0; q < QUANTITIES; q++) {
    if (series_count(here->series) == 0) here->first[q] = x[q];
    x[q] -= here->first[q];
  }
  if (series_add(here->series, chain, x) == 0) return FG_OK;
  return stage->host->fail(stage->host, "out of memory");
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)count;
  likelihood *stage = self;
  const fg_host *host = stage->host;
  if (port < MODELS) return take_model(stage, port, messages[0]->model);
  scoring work = {stage, messages[0]->batch, messages[1]->batch};
  const fg_batch *fine = work.fine;
  for (uint32_t m = 0; m < stage->models; m++)
    if (inputs_require(&stage->model[m]) != FG_OK) return FG_FAILED;
  if (inputs_check(host, &fine->lattice, &work.coarse->lattice) != FG_OK) return FG_FAILED;
  if (fine->count == 0) return FG_OK;
  group *here = find_group(stage, fine);
  if (!here || make_room(stage, fine->count) != FG_OK) return FG_FAILED;
  int64_t chain = group_chain(here->series, &stage->chains, host, KIND, fine);
  if (chain < 0) return FG_FAILED;
  fg_status status = host->parallel_for(host, SHARES, score_share, &work);
  for (uint64_t i = 0; status == FG_OK && i < fine->count; i++) status = add_pair(stage, here, chain, fine, i);
  return status;
}

// ---- estimates

/// Quantity *arg of the mean moments.
static double mean_of(const void *arg, const double *mean, double *gradient) {
  const int quantity = *(const int *)arg;
  for (uint32_t i = 0; i < SERIES_MOMENTS; i++) gradient[i] = 0;
  gradient[quantity] = 1;
  return mean[quantity];
}

static fg_status add_rows(const likelihood *stage, fg_table *table, uint32_t index) {
  const fg_host *host = stage->host;
  const group *here = &stage->group[index];
  const group_key *key = &stage->list.key[index];
  const series *parts[] = {here->series};
  for (int q = 0; q < (stage->models > 1 ? QUANTITIES : 1); q++) {
    series_result result;
    if (series_estimate(parts, 1, mean_of, &q, &result) != 0) return host->fail(host, "out of memory");
    fg_estimate row = {.lattice = &key->lattice,
                       .level = key->level,
                       .observable = names[q],
                       .value = here->first[q] + result.value,
                       .error = result.error,
                       .n = series_count(here->series),
                       .tau_int = result.tau_int,
                       .exact = NAN,
                       .unit = "nat"};
    if (fg_estimates_add(host, table, &row) != FG_OK) return FG_FAILED;
  }
  return FG_OK;
}

static fg_status flush(void *self) {
  const likelihood *stage = self;
  const fg_host *host = stage->host;
  fg_table *table = fg_estimates_new(host);
  fg_status status = table ? FG_OK : FG_FAILED;
  for (uint32_t g = 0; status == FG_OK && g < stage->list.count; g++) status = add_rows(stage, table, g);
  if (status == FG_OK) return host->emit_table(host, 0, table);
  if (table) host->table_unref(host, table);
  return status;
}

// ---- descriptor

static const fg_port input_model = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST,
    .name = "model",
    .doc = "The model to score, with weights.",
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
    .elements = 1u << FG_SPIN1,
    .flags = FG_PORT_PAIRED,
    .name = "fine",
    .doc = "Configurations the model has not learned from.",
};
static const fg_port input_coarse = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .flags = FG_PORT_PAIRED,
    .name = "coarse",
    .doc = "The same configurations, coarse-grained by a factor of 2.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_TABLE,
    .name = "estimates",
    .doc = "For each fine size, level and coupling `nll`; with a baseline also `nll_baseline` and `nll_difference`.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "estimate.likelihood",
    .summary = "likelihood of fine lattices given coarse ones under a model, alone or beside another",
    .doc = "For every fine size, level and coupling, in nats per fine spin:\n\n"
           "- `nll` = −⟨ln P(fine | coarse)⟩/N under the model, N fine spins\n"
           "- `nll_baseline`, the same under the baseline\n"
           "- `nll_difference` = `nll` − `nll_baseline`, negative where the model is better; its error is that of the "
           "differences pair by pair, much smaller than those of the two\n\n"
           "Smaller is better; ln 2 is a coin. Score on configurations the model has not learned from: another sampler "
           "stage draws others.\n\n"
           "Errors are one standard deviation by a jackknife over bins that exceed the autocorrelation time, as in "
           "estimate.thermo. A pair of probability 0 makes the mean infinite and is an error.",
    .params = (const fg_param *const[]){NULL},
    .inputs = (const fg_port *const[]){&input_model, &input_baseline, &input_fine, &input_coarse, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .flush = flush,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "likelihood",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
