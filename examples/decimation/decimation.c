// decimation.c — coarsen.sublattice: a whole finegrain plugin in one file, to start your own from. It keeps every
// factor-th spin of every factor-th row and forgets the others. Everything it needs of finegrain is in the headers; it
// links nothing. Read it from the top: what a user may set, the formats, the work, and what finegrain is told about it.
#include <finegrain/finegrain.h>

#include <inttypes.h>
#include <stdlib.h>

// ---- what a user may set, and what an instance knows

/// The host fills this from the pipeline's `params`, as the table at the end of this file says.
typedef struct config {
  int64_t factor;
  int64_t offset;
} config;

/// One stage of one pipeline. Two of them may run at the same time, so what an instance knows is here and nowhere else:
/// no global variables.
typedef struct decimation {
  const fg_host *host;  ///< finegrain's functions; lives until destroy
  const config *config; ///< lives until destroy
} decimation;

static fg_status create(const fg_host *host, const void *given, void **self) {
  const config *c = given;
  // The table has checked each value by itself; what two values mean together is ours to check. fail_param points at
  // the place in the user's file, and says what would be right.
  if (c->offset >= c->factor)
    return host->fail_param(host, "offset", "%" PRId64 " is not below the factor %" PRId64 "; write 0 to %" PRId64,
                            c->offset, c->factor, c->factor - 1);
  decimation *made = calloc(1, sizeof *made);
  if (!made) return host->fail(host, "out of memory");
  made->host = host;
  made->config = c;
  *self = made;
  return FG_OK;
}

static void destroy(void *self) { free(self); }

// ---- formats: what comes in, what will go out

/// The lattice that is left of `fine`: every extent divided by the factor.
static fg_lattice coarse_lattice(fg_lattice fine, uint64_t factor) {
  for (uint32_t d = 0; d < fine.dims; d++) fine.extent[d] /= factor;
  return fine;
}

/// Called once, before anything runs: the last moment for an error that costs the user no time.
static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const decimation *stage = self;
  const uint64_t factor = (uint64_t)stage->config->factor;
  const fg_format *in = inputs[0];
  fg_format *out = outputs[0];
  for (uint32_t s = 0; s < in->shape_count; s++) {
    const fg_lattice *fine = &in->shapes[s];
    for (uint32_t d = 0; d < fine->dims; d++) {
      if (fine->extent[d] % factor == 0) continue;
      char size[96];
      fg_lattice_name(fine, size);
      return stage->host->fail_param(stage->host, "factor", "%" PRIu64 " does not divide the size %s", factor, size);
    }
    out->shapes[s] = coarse_lattice(*fine, factor);
  }
  out->shape_count = in->shape_count;
  out->element = in->element; // 1-bit spins stay 1-bit spins, u8 states stay u8 states
  out->configurations = in->configurations;
  out->batch = in->batch;
  *memory = sizeof(decimation); // batches on their way are counted by the host
  return FG_OK;
}

// ---- the work

/// A batch on its way through.
typedef struct pass {
  const decimation *stage;
  const fg_batch *fine;
  fg_batch *coarse;
} pass;

/// The row of the fine lattice that row `y` of the coarse one is taken from. A lattice of three or more dimensions has a
/// row for each pair, triple … of its leading coordinates; the last but one runs fastest. A chain is a single row.
static uint64_t fine_row(const pass *through, uint64_t y) {
  const config *c = through->stage->config;
  const fg_lattice *fine = &through->fine->lattice, *coarse = &through->coarse->lattice;
  uint64_t row = 0, stride = 1;
  for (uint32_t d = fine->dims - 1; d-- > 0;) {
    row += (y % coarse->extent[d] * (uint64_t)c->factor + (uint64_t)c->offset) * stride;
    y /= coarse->extent[d];
    stride *= fine->extent[d];
  }
  return row;
}

/// Decimates configuration `i`. Other threads do other configurations at the same time: it writes to no other.
static fg_status decimate(void *arg, uint64_t i) {
  const pass *through = arg;
  const config *c = through->stage->config;
  const uint64_t factor = (uint64_t)c->factor, offset = (uint64_t)c->offset;
  const uint64_t width = fg_lattice_width(&through->coarse->lattice);
  for (uint64_t y = 0; y < through->coarse->rows; y++) {
    const uint64_t *from = fg_batch_row(through->fine, i, fine_row(through, y));
    uint64_t *to = fg_batch_row_mut(through->coarse, i, y); // a new batch is zero, its padding too
    if (through->fine->element == FG_SPIN1)
      for (uint64_t x = 0; x < width; x++) fg_bit_set(to, x, fg_bit_get(from, factor * x + offset));
    else // FG_STATE8: a byte a site
      for (uint64_t x = 0; x < width; x++) ((uint8_t *)to)[x] = ((const uint8_t *)from)[factor * x + offset];
  }
  return FG_OK;
}

/// Called with every batch that comes in. A large configuration travels in slabs of rows; as this stage does not set
/// FG_STAGE_SLABS, the host puts it together first, and only whole configurations come here.
static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)port;  // there is one input,
  (void)count; // and so one message
  const decimation *stage = self;
  const fg_host *host = stage->host;
  const fg_batch *fine = messages[0]->batch;
  const fg_lattice lattice = coarse_lattice(fine->lattice, (uint64_t)stage->config->factor);
  fg_batch *coarse = host->batch_new(host, fine->element, &lattice, fine->count);
  if (!coarse) return FG_FAILED;   // the host has said why
  coarse->first = fine->first;     // the same configurations, so that they can be paired with the fine ones,
  coarse->chain = fine->chain;     // in the same Markov chain,
  coarse->level = fine->level - 1; // one level further down. Their coupling stays NaN: nobody knows it.
  pass through = {stage, fine, coarse};
  fg_status status = host->parallel_for(host, fine->count, decimate, &through);
  if (status == FG_OK) return host->emit_batch(host, 0, coarse); // takes the batch, whatever it returns
  host->batch_unref(host, coarse);
  return status;
}

// ---- what finegrain is told: constant data, from which it makes checks, help, schema and reference

static const fg_param param_factor = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, factor),
    .name = "factor",
    .def = "2",
    .min = "2",
    .max = "65536",
    .unit = "1",
    .doc = "Distance of the spins that are kept; it must divide every size that comes in.",
};
static const fg_param param_offset = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, offset),
    .name = "offset",
    .def = "0",
    .min = "0",
    .unit = "1",
    .doc = "First row, and column, that is kept; below the factor.",
};
static const fg_port input = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1 | 1u << FG_STATE8,
    .name = "configurations",
    .doc = "Spins or states on any lattice.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1 | 1u << FG_STATE8,
    .name = "kept",
    .doc = "What is kept of the same configurations, one level further down.",
};
static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "coarsen.sublattice",
    .summary = "keeps every factor-th spin of every factor-th row",
    .doc = "Decimation (Kadanoff and Houghton, Phys. Rev. B 11, 377, 1975): the kept spins are spins of the fine "
           "lattice, so a correlation at distance r of the coarse lattice is the fine one at distance factor·r.\n\n"
           "Indices and chains of the configurations are kept, the level falls by one, the coupling becomes unknown.",
    .params = (const fg_param *const[]){&param_factor, &param_offset, NULL},
    .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .destroy = destroy,
};

/// The one symbol finegrain looks for.
const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "decimation",
    .version = "1.0.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
