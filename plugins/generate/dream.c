// dream.c — generate.dream: iterates a model upward. From a small uniform lattice, one spin by default, every step
// doubles the size by drawing fine spins given the coarse ones. Batches are fixed by the parameters, and leave no trace
// in the spins (refine.h).
#include "ladder.h"
#include "refine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP_ALL, KEEP_LAST };
enum { SQUARE, CHAIN };
enum { MODEL, FIRST }; // inputs

#define DEFAULT_FIRST_STEPS 2 // as param_first_steps says

typedef struct config {
  int64_t start;
  int64_t levels;
  int64_t configurations;
  int64_t first_steps;
  int32_t keep;
  int32_t lattice;
} config;

typedef struct dream {
  const fg_host *host;
  const config *config;
  refine_model *model; ///< those of the list; NULL until negotiate
  int64_t models, arrived;
  refine_model first;
  int has_first; ///< the second model is connected
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
  for (int64_t m = 0; m < stage->models; m++) refine_close(&stage->model[m]);
  refine_close(&stage->first);
  free(stage->model);
  free(stage);
}

// ---- formats

static fg_lattice lattice_at(const dream *stage, int64_t level) {
  const uint64_t length = (uint64_t)stage->config->start << level;
  const fg_lattice chain = {FG_CHAIN, 1, {length, 0, 0, 0}};
  return stage->config->lattice == CHAIN ? chain : fg_lattice_square(length);
}

/// Checks that the largest lattice can be named and that dense site indices (network.h) cannot wrap.
static fg_status check_size(const dream *stage) {
  const fg_host *host = stage->host;
  const config *c = stage->config;
  fg_lattice start = lattice_at(stage, 0);
  if (refine_check_size(host, "levels", &start, c->levels) != FG_OK) return FG_FAILED;
  fg_lattice last = lattice_at(stage, c->levels);
  uint64_t sites;
  if (__builtin_mul_overflow(fg_lattice_sites(&last), (uint64_t)c->configurations, &sites) || sites >> 63)
    return host->fail_param(host, "configurations",
                            "%" PRId64 " lattices of %" PRIu64 "%s have more than 2^63 sites; "
                            "ask for fewer configurations or levels",
                            c->configurations, last.extent[0], c->lattice == CHAIN ? " sites" : "²");
  return FG_OK;
}

static fg_status check_first_steps(const dream *stage) {
  const fg_host *host = stage->host;
  const config *c = stage->config;
  if (!stage->has_first && c->first_steps != DEFAULT_FIRST_STEPS)
    return host->fail_param(host, "first_steps",
                            "%" PRId64 " is of no effect without a second model; connect one, inputs: {first: STAGE}, "
                            "or leave first_steps out",
                            c->first_steps);
  if (stage->has_first && c->first_steps > c->levels)
    return host->fail_param(host, "first_steps",
                            "%" PRId64 " steps with the first model, but the dream has %" PRId64
                            " in all; ask for at most first_steps: %" PRId64 ", or for more levels",
                            c->first_steps, c->levels, c->levels);
  return FG_OK;
}

static fg_status announce(dream *stage, const fg_format *model, const fg_format *first) {
  const fg_host *host = stage->host;
  const config *c = stage->config;
  const int64_t models = ladder_models(model);
  if (ladder_check(host, c->levels, first ? c->first_steps : 0, models) != FG_OK) return FG_FAILED;
  stage->model = calloc((size_t)models, sizeof *stage->model);
  if (!stage->model) return host->fail(host, "out of memory");
  stage->models = models;
  for (int64_t m = 0; m < models; m++)
    if (refine_announce(&stage->model[m], host, "model", model) != FG_OK) return FG_FAILED;
  if (!first) return FG_OK;
  if (refine_announce(&stage->first, host, "first model", first) != FG_OK) return FG_FAILED;
  if (stage->first.element == stage->model[0].element) return FG_OK;
  return host->fail(host,
                    "one of the first model '%s' and the model '%s' makes spins, the other Potts states; choose two "
                    "of one kind",
                    stage->first.kind, stage->model[0].kind);
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  dream *stage = self;
  const config *c = stage->config;
  fg_format *out = outputs[0];
  stage->has_first = inputs[FIRST] != NULL;
  const fg_status checks[] = {
      check_size(stage),
      check_first_steps(stage),
  };
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
    if (checks[i] != FG_OK) return checks[i];
  if (announce(stage, inputs[MODEL], inputs[FIRST]) != FG_OK) return FG_FAILED;

  fg_lattice start = lattice_at(stage, 0), last = lattice_at(stage, c->levels);
  for (int64_t m = 0; m < stage->models; m++)
    if (refine_check_lattice(&stage->model[m], &last) != FG_OK) return FG_FAILED;
  if (stage->has_first && refine_check_lattice(&stage->first, &last) != FG_OK) return FG_FAILED;
  stage->batch_size = refine_together(stage->model[0].element, &last);
  if ((uint64_t)c->configurations < stage->batch_size) stage->batch_size = (uint32_t)c->configurations;
  out->element = stage->model[0].element;
  for (int64_t level = c->keep == KEEP_LAST ? c->levels : 0; level <= c->levels; level++)
    out->shapes[out->shape_count++] = lattice_at(stage, level);
  out->configurations = (uint64_t)c->configurations;
  out->batch = stage->batch_size;
  *memory = sizeof(dream) + (uint64_t)stage->models * sizeof(refine_model) +
            refine_bytes(stage->model[0].element, &start, c->levels, stage->batch_size);
  return FG_OK;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)count;
  dream *stage = self;
  if (port == FIRST) return refine_open(&stage->first, messages[0]->model);
  if (stage->arrived == stage->models && stage->models > 1)
    return stage->host->fail(stage->host, "takes %" PRId64 " models, but more arrived", stage->models);
  // A second one where one was announced is told of by refine_open.
  return refine_open(&stage->model[stage->arrived < stage->models ? stage->arrived++ : 0], messages[0]->model);
}

// ---- dreaming

/// Level 0 of states: all of a configuration's are its index modulo the number of states.
static void set_states(const dream *stage, fg_batch *batch) {
  const uint32_t states = refine_states(&stage->model[0]);
  for (uint32_t c = 0; c < batch->count; c++)
    for (uint64_t y = 0; y < batch->rows; y++)
      memset(fg_batch_row_mut(batch, c, y), (int)((stage->next + c) % states), fg_lattice_width(&batch->lattice));
}

/// Level 0: all spins up in configurations of even index, down in the others.
static fg_batch *start_batch(const dream *stage, uint32_t count) {
  fg_lattice lattice = lattice_at(stage, 0);
  fg_batch *batch = stage->host->batch_new(stage->host, stage->model[0].element, &lattice, count);
  if (batch && batch->element == FG_STATE8) {
    set_states(stage, batch);
    batch->first = stage->next;
    return batch;
  }
  for (uint32_t c = 0; batch && c < count; c++)
    for (uint64_t y = 0; (stage->next + c) % 2 == 0 && y < batch->rows; y++)
      for (uint64_t x = 0; x < fg_lattice_width(&lattice); x++) fg_bit_set(fg_batch_row_mut(batch, c, y), x, 1);
  if (batch) batch->first = stage->next;
  return batch;
}

/// A batch of configurations, through all levels.
static fg_status produce(void *self) {
  dream *stage = self;
  const fg_host *host = stage->host;
  const config *c = stage->config;
  uint64_t left = (uint64_t)c->configurations - stage->next;
  if (!left) return FG_DONE;

  fg_batch *start = start_batch(stage, left < stage->batch_size ? (uint32_t)left : stage->batch_size);
  if (!start) return FG_FAILED;
  refine_way way = {&stage->first, stage->model,       stage->models, stage->has_first ? c->first_steps : 0,
                    c->levels,     c->keep == KEEP_ALL};
  fg_status status = FG_OK;
  if (way.keep_all) {
    host->batch_ref(host, start);
    status = host->emit_batch(host, 0, start);
  }
  if (status == FG_OK) status = refine_climb(&way, host->rng_key(host, "dream"), start);
  stage->next += start->count;
  host->batch_unref(host, start);
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
static const char *const lattice_choices[] = {"square", "chain", NULL};

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
static const fg_param param_lattice = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, lattice),
    .name = "lattice",
    .def = "square",
    .choices = lattice_choices,
    .doc = "What is dreamt: square lattices, or chains, which network.chain knows.",
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
    .doc =
        "Inverse steps that the model at `first` does before `model` does the rest; at most `levels`. Without a model "
        "there, leave it out.",
};
static const fg_port input_model = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST | FG_PORT_MANY,
    .name = "model",
    .doc =
        "A network with weights; or a list of them, of which the last makes the last step, the one before it the step "
        "before, and the first one all earlier steps.",
};
static const fg_port input_first = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST | FG_PORT_OPTIONAL,
    .name = "first",
    .doc = "A network with weights for the first inverse steps, on lattices too small for the other.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1 | 1u << FG_STATE8,
    .name = "configurations",
    .doc = "The dreams, batch by batch: level 0 of some configurations, their level 1, and so on, then the next.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "generate.dream",
    .flags = FG_STAGE_SLABS, // takes no configurations, but makes slabs, so that what is on the way is no larger
    .summary = "iterates a network upward from single spins",
    .doc =
        "The inverse renormalization group of arXiv:2506.04016: a lattice of size start, then of twice that size "
        "drawn given the first, and so on. The start is uniform, up and down by turns: with a network that knows "
        "no preferred sign this is the symmetric ensemble, with less noise than random signs.\n\n"
        "A 5×5 or 7×7 kernel meets itself around the smallest lattices. As in that paper, a second model at `first`, "
        "of a 3×3 kernel say, does the first `first_steps` inverse steps, 2 unless said, and `model` the others.\n\n"
        "**A model for each level.** `inputs: {model: [lower, second, top]}` makes the last step with `top`, the one before "
        "with `second` and all earlier ones with `lower`. What is to be drawn depends on the distance from the top: on "
        "Ising lattices there, on their block spins below, on block spins of those, and so on; models for these, trained "
        "on small lattices, serve dreams of any size.\n\n"
        "Configurations are independent. The levels of one configuration are not: they are parents and children.",
    .params = (const fg_param *const[]){&param_start, &param_levels, &param_configurations, &param_keep,
                                        &param_first_steps, &param_lattice, NULL},
    .inputs = (const fg_port *const[]){&input_model, &input_first, NULL},
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
