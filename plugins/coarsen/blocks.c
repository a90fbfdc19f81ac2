// blocks.c — see blocks.h.
#include "blocks.h"

#include <inttypes.h>
#include <stdlib.h>

#define TASK_SITES 65536u // sites one call of parallel_for's body reads, about

typedef struct blocks {
  const fg_host *host;
  const blocks_config *config;
  const blocks_rule *rule;
} blocks;

fg_status blocks_create(const fg_host *host, const blocks_config *config, const blocks_rule *rule, void **self) {
  blocks *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  *stage = (blocks){host, config, rule};
  *self = stage;
  return FG_OK;
}

void blocks_destroy(void *self) { free(self); }

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
static fg_status refuse_factor(const blocks *stage, const fg_lattice *lattice, uint64_t divisor) {
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

static uint32_t element_of(const blocks *stage, uint32_t incoming) {
  return stage->rule->element ? stage->rule->element : incoming;
}

/// The lattice of the blocks.
static fg_lattice lattice_of_blocks(const blocks *stage, const fg_lattice *lattice) {
  fg_lattice coarse = *lattice;
  for (uint32_t d = 0; d < coarse.dims; d++) coarse.extent[d] /= (uint64_t)stage->config->factor;
  return coarse;
}

/// Divisor of all extents that is also one of `divisor`; 0: a lattice that is not blocked.
static uint64_t divisor_with(const fg_lattice *lattice, uint64_t divisor) {
  static const uint32_t dims[] = {[FG_CHAIN] = 1, [FG_SQUARE] = 2, [FG_TRIANGULAR] = 2, [FG_CUBIC] = 3};
  if (lattice->shape < FG_CHAIN || lattice->shape > FG_CUBIC || lattice->dims != dims[lattice->shape]) return 0;
  for (uint32_t d = 0; d < lattice->dims; d++) divisor = common_divisor(divisor, lattice->extent[d]);
  return divisor;
}

fg_status blocks_negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const blocks *stage = self;
  const fg_host *host = stage->host;
  const fg_format *in = inputs[0];
  fg_format *out = outputs[0];
  uint64_t factor = (uint64_t)stage->config->factor, divisor = 0;
  for (uint32_t s = 0; s < in->shape_count; s++) {
    divisor = divisor_with(&in->shapes[s], divisor);
    if (!divisor) return host->fail(host, "blocks the chain, the square, the triangular and the cubic lattice only");
  }
  for (uint32_t s = 0; s < in->shape_count; s++) {
    for (uint32_t d = 0; d < in->shapes[s].dims; d++)
      if (in->shapes[s].extent[d] % factor) return refuse_factor(stage, &in->shapes[s], divisor);
    out->shapes[s] = lattice_of_blocks(stage, &in->shapes[s]);
  }
  out->element = element_of(stage, in->element);
  out->shape_count = in->shape_count;
  out->configurations = in->configurations;
  out->batch = in->batch;
  *memory = sizeof(blocks);
  return FG_OK;
}

// ---- blocking

/// One batch at work: rows of blocks, numbered through its configurations.
typedef struct blocking {
  const blocks *stage;
  const fg_batch *in;
  fg_batch *out;
  fg_rng_key key;
  uint64_t task_rows;
} blocking;

static fg_status block_rows(void *arg, uint64_t task) {
  const blocking *work = arg;
  const fg_host *host = work->stage->host;
  const uint64_t rows = work->out->rows, total = work->out->count * rows;
  const uint64_t width = fg_lattice_width(&work->out->lattice);
  uint64_t end = total - task * work->task_rows < work->task_rows ? total : (task + 1) * work->task_rows;
  blocks_ties ties = {
      .host = host, .key = work->key, .level = (uint64_t)(int64_t)work->out->level, .group = UINT64_MAX};
  if (host->cancelled(host)) return FG_CANCELLED;
  for (uint64_t r = task * work->task_rows; r < end; r++) {
    blocks_row row = {work->stage->config, work->in, work->out, r / rows, r % rows, work->out->first + r / rows, 0};
    row.first = (row.index * rows + row.y) * width;
    work->stage->rule->block(&row, &ties);
  }
  return FG_OK;
}

fg_status blocks_process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)port;
  (void)count;
  const blocks *stage = self;
  const fg_host *host = stage->host;
  const fg_batch *in = messages[0]->batch;
  const fg_lattice lattice = lattice_of_blocks(stage, &in->lattice);
  fg_batch *out = host->batch_new(host, element_of(stage, in->element), &lattice, in->count);
  if (!out) return FG_FAILED;
  out->first = in->first;
  out->chain = in->chain;
  out->level = in->level - 1;

  blocking work = {stage, in, out, host->rng_key(host, stage->rule->ties), 1};
  uint64_t row_sites = fg_lattice_sites(&in->lattice) / out->rows, rows = out->count * out->rows;
  if (row_sites < TASK_SITES) work.task_rows = TASK_SITES / row_sites;
  fg_status status = host->parallel_for(host, (rows + work.task_rows - 1) / work.task_rows, block_rows, &work);
  if (status == FG_OK) return host->emit_batch(host, 0, out);
  host->batch_unref(host, out);
  return status;
}

// ---- descriptor

const fg_param blocks_param_factor = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(blocks_config, factor),
    .name = "factor",
    .def = "2",
    .min = "2",
    .max = "65536",
    .unit = "1",
    .doc = "Side of a block; it must divide the size of every lattice that comes in.",
};
