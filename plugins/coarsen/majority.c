// majority.c — coarsen.majority: the block-spin transformation. Every block of factor×factor spins becomes the spin
// most of its spins have; what a tie becomes is a parameter. Blocks are computed row by row, in parallel; random ties
// are addressed by configuration, level and block, so batches and threads leave no trace.
#include "finegrain/finegrain.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TIES_RANDOM, TIES_CONFIGURATION, TIES_UP, TIES_DOWN };

#define TASK_SPINS 65536u // spins one call of parallel_for's body reads, about

typedef struct config {
  int64_t factor;
  int32_t ties;
} config;

typedef struct majority {
  const fg_host *host;
  const config *config;
} majority;

static fg_status create(const fg_host *host, const void *given, void **self) {
  majority *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = given;
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) { free(self); }

// ---- formats

static uint64_t common_divisor(uint64_t a, uint64_t b) {
  while (b) {
    uint64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/// The factor does not divide a lattice: says so, with the divisors of all sizes next to it.
static fg_status refuse_factor(const majority *stage, const fg_lattice *lattice, uint64_t divisor) {
  const fg_host *host = stage->host;
  uint64_t factor = (uint64_t)stage->config->factor, below = 0, above = 0;
  char size[96];
  fg_lattice_name(lattice, size);
  // Divisors come in pairs d, divisor/d with d ≤ √divisor; the host bounds extents by 2³¹.
  for (uint64_t d = 1; d * d <= divisor; d++) {
    if (divisor % d) continue;
    uint64_t pair[2] = {d, divisor / d};
    for (int i = 0; i < 2; i++) {
      if (pair[i] >= 2 && pair[i] < factor && pair[i] > below) below = pair[i];
      if (pair[i] > factor && (!above || pair[i] < above)) above = pair[i];
    }
  }
  if (below && above)
    return host->fail_param(host, "factor",
                            "%" PRIu64 " does not divide the size %s; nearest that do: %" PRIu64 " and %" PRIu64,
                            factor, size, below, above);
  if (below || above)
    return host->fail_param(host, "factor", "%" PRIu64 " does not divide the size %s; nearest that does: %" PRIu64,
                            factor, size, below + above);
  return host->fail_param(host, "factor",
                          "%" PRIu64 " does not divide the size %s, and no factor divides all sizes "
                          "that come in",
                          factor, size);
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const majority *stage = self;
  const fg_host *host = stage->host;
  const fg_format *in = inputs[0];
  fg_format *out = outputs[0];
  uint64_t factor = (uint64_t)stage->config->factor, divisor = 0;
  for (uint32_t s = 0; s < in->shape_count; s++) {
    if (in->shapes[s].shape != FG_SQUARE || in->shapes[s].dims != 2)
      return host->fail(host, "blocks square lattices only");
    divisor = common_divisor(common_divisor(divisor, in->shapes[s].extent[0]), in->shapes[s].extent[1]);
  }
  for (uint32_t s = 0; s < in->shape_count; s++) {
    fg_lattice *lattice = &out->shapes[s];
    *lattice = in->shapes[s];
    if (lattice->extent[0] % factor || lattice->extent[1] % factor) return refuse_factor(stage, lattice, divisor);
    for (uint32_t d = 0; d < 2; d++) lattice->extent[d] /= factor;
  }
  out->element = FG_SPIN1;
  out->shape_count = in->shape_count;
  out->configurations = in->configurations;
  out->batch = in->batch;
  *memory = sizeof(majority);
  return FG_OK;
}

// ---- ties

#define TIE_BITS 512u

/// A stretch of the random signs of blocks: bit g of the dense block index g = configuration·N + block.
typedef struct tie_signs {
  const fg_host *host;
  fg_rng_key key;
  uint64_t level;
  uint64_t group; ///< g / TIE_BITS of what is here
  uint64_t bits[TIE_BITS / 64];
} tie_signs;

static unsigned tie_sign(tie_signs *signs, uint64_t g) {
  if (g / TIE_BITS != signs->group) {
    signs->group = g / TIE_BITS;
    fg_rng_counter counter = {.low = signs->group * (TIE_BITS / 128), .high = signs->level};
    signs->host->rng_fill(signs->key, counter, signs->bits, sizeof signs->bits);
  }
  return fg_bit_get(signs->bits, g % TIE_BITS);
}

/// The sign all ties of a configuration take.
static unsigned configuration_sign(const fg_host *host, fg_rng_key key, uint64_t level, uint64_t index) {
  uint64_t bits[2];
  fg_rng_counter counter = {.low = index, .high = level};
  host->rng_fill(key, counter, bits, sizeof bits);
  return (unsigned)(bits[0] & 1);
}

// ---- blocking

/// Up spins among columns x … x+count-1 of a packed row.
static uint64_t count_up(const uint64_t *row, uint64_t x, uint64_t count) {
  uint64_t up = 0;
  while (count) {
    uint64_t here = 64 - (x & 63) < count ? 64 - (x & 63) : count;
    up += (uint64_t)__builtin_popcountll(row[x >> 6] >> (x & 63) & UINT64_MAX >> (64 - here));
    x += here;
    count -= here;
  }
  return up;
}

/// One batch at work: rows of blocks, numbered through all configurations.
typedef struct blocking {
  const majority *stage;
  const fg_batch *in;
  fg_batch *out;
  fg_rng_key key;
  uint64_t task_rows;
} blocking;

static void block_row(const blocking *work, tie_signs *signs, uint64_t configuration, uint64_t y) {
  const config *c = work->stage->config;
  const uint64_t factor = (uint64_t)c->factor, half = factor * factor / 2;
  const uint64_t width = fg_lattice_width(&work->out->lattice);
  const uint64_t index = work->out->first + configuration;
  uint64_t *blocks = fg_batch_row_mut(work->out, configuration, y);
  unsigned sign = c->ties == TIES_UP;
  if (c->ties == TIES_CONFIGURATION) sign = configuration_sign(signs->host, signs->key, signs->level, index);
  for (uint64_t x = 0; x < width; x++) {
    uint64_t up = 0;
    for (uint64_t dy = 0; dy < factor; dy++)
      up += count_up(fg_batch_row(work->in, configuration, factor * y + dy), factor * x, factor);
    unsigned spin = up > half;
    if (2 * up == factor * factor)
      spin = c->ties == TIES_RANDOM ? tie_sign(signs, (index * work->out->rows + y) * width + x) : sign;
    fg_bit_set(blocks, x, spin);
  }
}

static fg_status block_rows(void *arg, uint64_t task) {
  const blocking *work = arg;
  const fg_host *host = work->stage->host;
  const uint64_t rows = work->out->rows, total = work->out->count * rows;
  uint64_t end = total - task * work->task_rows < work->task_rows ? total : (task + 1) * work->task_rows;
  tie_signs signs = {.host = host, .key = work->key, .level = (uint64_t)(int64_t)work->out->level, .group = UINT64_MAX};
  if (host->cancelled(host)) return FG_CANCELLED;
  for (uint64_t r = task * work->task_rows; r < end; r++) block_row(work, &signs, r / rows, r % rows);
  return FG_OK;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)port;
  (void)count;
  const majority *stage = self;
  const fg_host *host = stage->host;
  const fg_batch *in = messages[0]->batch;
  uint64_t factor = (uint64_t)stage->config->factor;
  fg_lattice lattice = in->lattice;
  for (uint32_t d = 0; d < 2; d++) lattice.extent[d] /= factor;
  fg_batch *out = host->batch_new(host, FG_SPIN1, &lattice, in->count);
  if (!out) return FG_FAILED;
  out->first = in->first;
  out->chain = in->chain;
  out->level = in->level - 1;

  const char *purpose = stage->config->ties == TIES_CONFIGURATION ? "ties of a configuration" : "ties";
  blocking work = {stage, in, out, host->rng_key(host, purpose), 1};
  uint64_t row_spins = factor * fg_lattice_width(&in->lattice), rows = out->count * out->rows;
  if (row_spins < TASK_SPINS) work.task_rows = TASK_SPINS / row_spins;
  fg_status status = host->parallel_for(host, (rows + work.task_rows - 1) / work.task_rows, block_rows, &work);
  if (status == FG_OK) return host->emit_batch(host, 0, out);
  host->batch_unref(host, out);
  return status;
}

// ---- descriptor

static const char *const tie_choices[] = {"random", "configuration", "up", "down", NULL};

static const fg_param param_factor = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, factor),
    .name = "factor",
    .def = "2",
    .min = "2",
    .max = "65536",
    .unit = "1",
    .doc = "Side of a block; it must divide the size of every lattice that comes in.",
};
static const fg_param param_ties = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, ties),
    .name = "ties",
    .def = "random",
    .choices = tie_choices,
    .doc = "What a block with as many spins up as down becomes: a random sign of its own, one random sign for all "
           "ties of the configuration, up, or down.",
};
static const fg_port input = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .name = "configurations",
    .doc = "Spins on square lattices.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .name = "blocks",
    .doc = "The block spins of the same configurations, one level further down.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "coarsen.majority",
    .summary = "block spins by majority, with a rule for ties",
    .doc = "Every block of factor×factor spins becomes one spin with the sign of their sum (Kadanoff 1966; the 2×2 "
           "majority rule of arXiv:2506.04016). Blocks of an odd factor never tie.\n\n"
           "Indices and chains of the configurations are kept, the level falls by one, the coupling becomes unknown. "
           "A random tie depends on the seed, the configuration's index, the level and the block, not on batches.",
    .params = (const fg_param *const[]){&param_factor, &param_ties, NULL},
    .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "majority",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
