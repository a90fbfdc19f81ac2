// upscale.c — generate.upscale: inverse steps for configurations that come in: every step doubles their lattice by drawing
// fine spins given the coarse ones. How batches come in leaves no trace in the spins (refine.h), and between two of them
// the stage remembers nothing.
#include "refine.h"

#include <inttypes.h>
#include <stdlib.h>

enum { KEEP_ALL, KEEP_LAST };
enum { MODEL, CONFIGURATIONS }; // inputs

typedef struct config {
  int64_t steps;
  int32_t keep;
} config;

typedef struct upscale {
  const fg_host *host;
  const config *config;
  refine_model model;
} upscale;

static fg_status create(const fg_host *host, const void *given, void **self) {
  upscale *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = given;
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) {
  upscale *stage = self;
  refine_close(&stage->model);
  free(stage);
}

// ---- formats

static fg_status check_lattices(const upscale *stage, const fg_format *in) {
  const fg_host *host = stage->host;
  for (uint32_t s = 0; s < in->shape_count; s++) {
    const fg_lattice *lattice = &in->shapes[s];
    if (refine_check_lattice(&stage->model, lattice) != FG_OK) return FG_FAILED;
    if (refine_check_size(host, "steps", lattice, stage->config->steps) != FG_OK) return FG_FAILED;
  }
  return FG_OK;
}

/// Two lattices that come in may reach the same one after different numbers of steps. With keep: all both would come
/// out, with the same indices, and be taken for one ensemble.
static fg_status check_mixing(const upscale *stage, const fg_format *in) {
  const fg_host *host = stage->host;
  for (uint32_t s = 0; s < in->shape_count; s++) {
    for (uint32_t other = 0; other < in->shape_count; other++) {
      for (int64_t apart = 1; apart < stage->config->steps; apart++) {
        fg_lattice above = refine_lattice(&in->shapes[s], apart), both = refine_lattice(&above, 1);
        char small[96], large[96], mixed[96];
        if (!fg_lattice_equal(&above, &in->shapes[other])) continue;
        fg_lattice_name(&in->shapes[s], small);
        fg_lattice_name(&above, large);
        fg_lattice_name(&both, mixed);
        return host->fail_param(host, "keep",
                                "all would mix lattices of size %s made from %s in %" PRId64
                                " steps and from %s in one; choose keep: last, or give each size a stage of its own",
                                mixed, small, apart + 1, large);
      }
    }
  }
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  upscale *stage = self;
  const fg_host *host = stage->host;
  const config *c = stage->config;
  const fg_format *in = inputs[CONFIGURATIONS];
  fg_format *out = outputs[0];
  if (refine_announce(&stage->model, host, "model", inputs[MODEL]) != FG_OK) return FG_FAILED;
  if (check_lattices(stage, in) != FG_OK) return FG_FAILED;
  if (in->element != stage->model.element)
    return host->fail(host, "%s come in, but the model '%s' makes %s; give it %s",
                      in->element == FG_STATE8 ? "Potts states" : "spins", stage->model.kind,
                      in->element == FG_STATE8 ? "spins" : "Potts states",
                      in->element == FG_STATE8 ? "spins, or use network.potts" : "states, as sampler.potts draws them");
  if (c->keep == KEEP_ALL && check_mixing(stage, in) != FG_OK) return FG_FAILED;
  int64_t lowest = c->keep == KEEP_ALL ? 1 : c->steps;
  if ((uint64_t)in->shape_count * (uint64_t)(c->steps - lowest + 1) > FG_MAX_SHAPES)
    return host->fail_param(host, "steps",
                            "%" PRId64 " levels above each of %u lattices are more than the %u one output may have; "
                            "choose keep: last or fewer steps",
                            c->steps, in->shape_count, FG_MAX_SHAPES);

  *memory = 0;
  out->element = in->element;
  out->configurations = in->configurations;
  for (uint32_t s = 0; s < in->shape_count; s++) {
    for (int64_t step = lowest; step <= c->steps; step++)
      out->shapes[out->shape_count++] = refine_lattice(&in->shapes[s], step);
    uint64_t together = refine_together((fg_element)in->element, &out->shapes[out->shape_count - 1]);
    if (in->batch && in->batch < together) together = in->batch;
    if (together > out->batch) out->batch = together;
    uint64_t bytes = refine_bytes((fg_element)in->element, &in->shapes[s], c->steps, together);
    if (bytes > *memory) *memory = bytes;
  }
  *memory += sizeof(upscale);
  return FG_OK;
}

// ---- upscaling

/// Checks that levels and dense site indices (network.h) cannot wrap.
static fg_status check_place(const upscale *stage, const fg_batch *in) {
  const fg_host *host = stage->host;
  fg_lattice last = refine_lattice(&in->lattice, stage->config->steps);
  uint64_t end, sites;
  if (in->level > INT32_MAX - stage->config->steps)
    return host->fail(host, "configurations at level %" PRId32 " come in; %" PRId64 " more levels cannot be counted",
                      in->level, stage->config->steps);
  if (!__builtin_add_overflow(in->first, in->count, &end) &&
      !__builtin_mul_overflow(end, fg_lattice_sites(&last), &sites) && !(sites >> 63))
    return FG_OK;
  char size[96];
  fg_lattice_name(&last, size);
  return host->fail(host,
                    "configuration %" PRIu64 " comes in: as many lattices of size %s have more than 2^63 sites; "
                    "use fewer configurations or steps",
                    in->first, size);
}

/// Lattices of other sizes and levels have random numbers of their own: their indices may be the same.
static fg_rng_key key_of(const upscale *stage, const fg_batch *in) {
  char size[96], purpose[128];
  fg_lattice_name(&in->lattice, size);
  snprintf(purpose, sizeof purpose, "upscale %s, level %" PRId32, size, in->level);
  return stage->host->rng_key(stage->host, purpose);
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)count;
  upscale *stage = self;
  const config *c = stage->config;
  if (port == MODEL) return refine_open(&stage->model, messages[0]->model);

  const fg_batch *in = messages[0]->batch;
  fg_status status = check_place(stage, in);
  if (status != FG_OK) return status;
  const refine_way way = {NULL, &stage->model, 1, 0, c->steps, c->keep == KEEP_ALL};
  fg_lattice last = refine_lattice(&in->lattice, c->steps);
  fg_rng_key key = key_of(stage, in);
  uint32_t together = refine_together((fg_element)in->element, &last);
  for (uint64_t from = 0; status == FG_OK && from < in->count; from += together) {
    fg_batch part = *in; // a part of what came in, for refine_climb only
    part.size = sizeof part;
    part.first += from;
    part.count = in->count - from < together ? (uint32_t)(in->count - from) : together;
    part.data = (char *)in->data + from * in->rows * in->row_bytes;
    status = refine_climb(&way, key, &part);
  }
  return status;
}

// ---- checkpoints: there is nothing to keep, but what was made need not be made again

static fg_status save(void *self, const fg_writer *writer) {
  (void)self;
  (void)writer;
  return FG_OK;
}

static fg_status restore(void *self, const fg_reader *reader) {
  (void)self;
  (void)reader;
  return FG_OK;
}

// ---- descriptor

static const char *const keep_choices[] = {"all", "last", NULL};

static const fg_param param_steps = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, steps),
    .name = "steps",
    .def = "1",
    .min = "1",
    .max = "31",
    .unit = "1",
    .doc = "Inverse steps; each doubles the size.",
};
static const fg_param param_keep = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, keep),
    .name = "keep",
    .def = "all",
    .choices = keep_choices,
    .doc = "Which levels come out: all that are made, or the last of each lattice; never what came in.",
};
static const fg_port input_model = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST,
    .name = "model",
    .doc = "A network with weights.",
};
static const fg_port input_configurations = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1 | 1u << FG_STATE8,
    .flags = FG_PORT_MANY,
    .name = "configurations",
    .doc = "Spins on square lattices, of any sizes, levels, couplings and chains.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1 | 1u << FG_STATE8,
    .name = "configurations",
    .doc = "The same configurations on finer lattices, batch by batch: the first level above some of them, the next, "
           "and so on, then the next batch.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "generate.upscale",
    .summary = "takes given configurations up by inverse steps of a network",
    .doc = "The inverse step of arXiv:2506.04016 for configurations of any origin (sampled, blocked, dreamt, from a "
           "file): a lattice of twice the size is drawn given the coarse spins, `steps` times.\n\n"
           "Indices and chains of the configurations are kept, so autocorrelation is still seen downstream; the level "
           "rises by one a step, the coupling becomes unknown. The spins depend on the seed and on each "
           "configuration's size, level and index, not on batches. To have what came in beside what was made, give the "
           "next stage both.\n\n"
           "Two sizes that come in may reach the same lattice in different numbers of steps, a dream's levels for "
           "example: then only the last level of each can be kept.",
    .params = (const fg_param *const[]){&param_steps, &param_keep, NULL},
    .inputs = (const fg_port *const[]){&input_model, &input_configurations, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .save = save,
    .restore = restore,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "upscale",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
