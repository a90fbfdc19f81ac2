// dream.c — generate.dream: iterates a model upward. From a small uniform lattice, one spin by default, every step
// doubles the size by drawing fine spins given the coarse ones. Batches are fixed by the parameters; the spins do not
// depend on them, for the network draws its randomness by configuration, level and site (network.h).
#include "finegrain/finegrain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP_ALL, KEEP_LAST };

#define FACTOR 2u                       // of every network so far; the formats need it before there is a model
#define MOST_EXTENT (UINT64_C(1) << 31) // of a lattice
#define BATCH_BYTES ((uint64_t)1 << 20) // aim, at the last level
#define BATCH_MOST 1024u
#define TASK_SITES 4096u // coarse sites one call of parallel_for's body refines, about

typedef struct config {
  int64_t start;
  int64_t levels;
  int64_t configurations;
  int32_t keep;
} config;

typedef struct dream {
  const fg_host *host;
  const config *config;
  const fg_network *network; ///< behaviour of the kind negotiated
  char kind[64];
  fg_network_model *model; ///< NULL until it arrives
  fg_rng_key key;
  uint32_t batch_size;
  uint64_t next; ///< first configuration not yet dreamt
} dream;

static fg_status create(const fg_host *host, const void *given, void **self) {
  dream *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = given;
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) {
  dream *stage = self;
  if (stage->model) stage->network->close(stage->model);
  free(stage);
}

// ---- formats

static fg_lattice lattice_at(const dream *stage, int64_t level) {
  return fg_lattice_square((uint64_t)stage->config->start << level);
}

/// Checks that the largest lattice can be named and that dense site indices (network.h) cannot wrap.
static fg_status check_size(const dream *stage) {
  const fg_host *host = stage->host;
  const config *c = stage->config;
  int64_t most = 0;
  while ((uint64_t)c->start << (most + 1) <= MOST_EXTENT) most++;
  if (c->levels > most)
    return host->fail_param(host, "levels",
                            "%" PRId64 " doublings of %" PRId64 " give a lattice of more than 2^31 "
                            "sites a side; at most %" PRId64 " are possible",
                            c->levels, c->start, most);
  fg_lattice last = lattice_at(stage, c->levels);
  uint64_t sites;
  if (__builtin_mul_overflow(fg_lattice_sites(&last), (uint64_t)c->configurations, &sites) || sites >> 63)
    return host->fail_param(host, "configurations",
                            "%" PRId64 " lattices of %" PRIu64 "² have more than 2^63 sites; "
                            "ask for fewer configurations or levels",
                            c->configurations, last.extent[0]);
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  dream *stage = self;
  const fg_host *host = stage->host;
  const config *c = stage->config;
  fg_format *out = outputs[0];
  fg_status status = check_size(stage);
  snprintf(stage->kind, sizeof stage->kind, "%s", inputs[0]->network);
  stage->network = host->lookup(host, stage->kind, FG_NETWORK_EXTENSION);
  if (!stage->network)
    return host->fail(host, "model '%s' is of no network this program has; a model comes from a network stage",
                      stage->kind);
  if (!inputs[0]->has_weights)
    return host->fail(host, "model '%s' has no weights; train it or give weights: [...]", stage->kind);
  if (status != FG_OK) return status;

  fg_lattice last = lattice_at(stage, c->levels), before = lattice_at(stage, c->levels - 1);
  uint64_t bytes = fg_configuration_bytes(FG_SPIN1, &last);
  uint64_t fit = bytes < BATCH_BYTES ? BATCH_BYTES / bytes : 1;
  stage->batch_size = fit < BATCH_MOST ? (uint32_t)fit : BATCH_MOST;
  if ((uint64_t)c->configurations < stage->batch_size) stage->batch_size = (uint32_t)c->configurations;
  out->element = FG_SPIN1;
  for (int64_t level = c->keep == KEEP_LAST ? c->levels : 0; level <= c->levels; level++)
    out->shapes[out->shape_count++] = lattice_at(stage, level);
  out->configurations = (uint64_t)c->configurations;
  out->batch = stage->batch_size;
  *memory = sizeof(dream) + stage->batch_size * (bytes + fg_configuration_bytes(FG_SPIN1, &before));
  return FG_OK;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)port;
  (void)count;
  dream *stage = self;
  const fg_host *host = stage->host;
  const fg_model *model = messages[0]->model;
  if (stage->model) return host->fail(host, "takes one model, but more than one arrived");
  if (strcmp(model->network, stage->kind) != 0)
    return host->fail(host, "a model of '%s' arrived where '%s' was announced", model->network, stage->kind);
  if (model->weight_count == 0)
    return host->fail(host, "model '%s' has no weights; train it or give weights: [...]", stage->kind);
  fg_status status =
      stage->network->open(host, model->hyperparameters, model->weights, model->weight_count, &stage->model);
  if (status != FG_OK) return status;
  if (stage->network->factor(stage->model) != FACTOR)
    return host->fail(host, "model '%s' refines by a factor of %u; this stage knows %u", stage->kind,
                      stage->network->factor(stage->model), FACTOR);
  stage->key = host->rng_key(host, "dream");
  return FG_OK;
}

// ---- dreaming

/// Level 0: all spins up in configurations of even index, down in the others.
static fg_batch *start_batch(const dream *stage, uint32_t count) {
  fg_lattice lattice = lattice_at(stage, 0);
  fg_batch *batch = stage->host->batch_new(stage->host, FG_SPIN1, &lattice, count);
  for (uint32_t c = 0; batch && c < count; c++)
    for (uint64_t y = 0; (stage->next + c) % 2 == 0 && y < batch->rows; y++)
      for (uint64_t x = 0; x < lattice.extent[1]; x++) fg_bit_set(fg_batch_row_mut(batch, c, y), x, 1);
  if (batch) batch->first = stage->next;
  return batch;
}

typedef struct refinement {
  const dream *stage;
  const fg_batch *coarse;
  fg_batch *fine;
  uint64_t task_size; ///< configurations
} refinement;

static fg_status refine_some(void *arg, uint64_t task) {
  const refinement *work = arg;
  const fg_host *host = work->stage->host;
  uint64_t begin = task * work->task_size, end = begin + work->task_size;
  if (end > work->fine->count) end = work->fine->count;
  if (host->cancelled(host)) return FG_CANCELLED;
  return work->stage->network->sample(work->stage->model, host->rng_fill, work->stage->key, work->coarse, work->fine,
                                      (uint32_t)begin, (uint32_t)end);
}

/// One inverse step of a whole batch; *fine is the caller's.
static fg_status refine(const dream *stage, const fg_batch *coarse, fg_batch **fine) {
  const fg_host *host = stage->host;
  fg_lattice lattice = lattice_at(stage, coarse->level + 1);
  *fine = host->batch_new(host, FG_SPIN1, &lattice, coarse->count);
  if (!*fine) return FG_FAILED;
  (*fine)->first = coarse->first;
  (*fine)->level = coarse->level + 1;
  refinement work = {stage, coarse, *fine, 1};
  uint64_t sites = fg_lattice_sites(&coarse->lattice);
  if (sites < TASK_SITES) work.task_size = TASK_SITES / sites;
  return host->parallel_for(host, (coarse->count + work.task_size - 1) / work.task_size, refine_some, &work);
}

/// Emits a level that is kept. The batch stays the caller's too, as the parent of the next level.
static fg_status emit_level(const dream *stage, fg_batch *batch) {
  if (stage->config->keep == KEEP_LAST && batch->level < stage->config->levels) return FG_OK;
  stage->host->batch_ref(stage->host, batch);
  return stage->host->emit_batch(stage->host, 0, batch);
}

/// A batch of configurations, through all levels.
static fg_status produce(void *self) {
  dream *stage = self;
  const fg_host *host = stage->host;
  uint64_t left = (uint64_t)stage->config->configurations - stage->next;
  if (!stage->model) return host->fail(host, "no model arrived");
  if (!left) return FG_DONE;

  fg_batch *coarse = start_batch(stage, left < stage->batch_size ? (uint32_t)left : stage->batch_size);
  if (!coarse) return FG_FAILED;
  uint32_t count = coarse->count;
  fg_status status = emit_level(stage, coarse);
  for (int64_t level = 1; status == FG_OK && level <= stage->config->levels; level++) {
    fg_batch *fine = NULL;
    status = refine(stage, coarse, &fine);
    host->batch_unref(host, coarse);
    coarse = fine;
    if (status == FG_OK) status = emit_level(stage, coarse);
  }
  if (coarse) host->batch_unref(host, coarse);
  stage->next += count;
  return status;
}

// ---- checkpoints: where to go on; the model arrives again

static fg_status save(void *self, const fg_writer *writer) {
  const dream *stage = self;
  return writer->write(writer, &stage->next, sizeof stage->next);
}

static fg_status restore(void *self, const fg_reader *reader) {
  dream *stage = self;
  uint64_t total = (uint64_t)stage->config->configurations;
  if (reader->read(reader, &stage->next, sizeof stage->next) == FG_OK && stage->next <= total &&
      (stage->next % stage->batch_size == 0 || stage->next == total))
    return FG_OK;
  return stage->host->fail(stage->host, "the checkpoint is not one of this stage; run again with --force");
}

// ---- descriptor

static const char *const keep_choices[] = {"all", "last", NULL};

static const fg_param param_start = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, start),
    .name = "start",
    .def = "1",
    .min = "1",
    .max = "1048576",
    .unit = "1",
    .doc = "Size of the lattices a dream starts from: all spins up in configurations of even index, all down in the "
           "others.",
};
static const fg_param param_levels = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, levels),
    .name = "levels",
    .min = "1",
    .max = "31",
    .unit = "1",
    .doc = "Inverse steps; each doubles the size.",
};
static const fg_param param_configurations = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, configurations),
    .name = "configurations",
    .min = "1",
    .max = "1000000000000000",
    .unit = "1",
    .doc = "Dreams, that is, configurations of every level.",
};
static const fg_param param_keep = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, keep),
    .name = "keep",
    .def = "all",
    .choices = keep_choices,
    .doc = "Which levels come out: all, the start (level 0) included, or the last.",
};
static const fg_port input = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST,
    .name = "model",
    .doc = "A network with weights.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .name = "configurations",
    .doc = "The dreams, batch by batch: level 0 of some configurations, their level 1, and so on, then the next.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "generate.dream",
    .summary = "iterates a network upward from single spins",
    .doc = "The inverse renormalization group of arXiv:2506.04016: a lattice of size start, then of twice that size "
           "drawn given the first, and so on. The start is uniform, up and down by turns: with a network that knows "
           "no preferred sign this is the symmetric ensemble, with less noise than random signs.\n\n"
           "Configurations are independent. The levels of one configuration are not: they are parents and children.",
    .params = (const fg_param *const[]){&param_start, &param_levels, &param_configurations, &param_keep, NULL},
    .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .produce = produce,
    .save = save,
    .restore = restore,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "dream",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
