// decimation.c — coarsen.decimation: of every block one site is kept, at the same place in all of them; spins or states.
#include "blocks.h"

#include <inttypes.h>

typedef struct decimation_config {
  blocks_config common; // first: what blocks.h sees
  int64_t offset;
} decimation_config;

/// The row of sites, of those a row of blocks covers, in which the kept ones lie.
static const uint64_t *kept_row(const blocks_row *to, uint64_t offset) {
  uint64_t k = 0;
  for (uint32_t d = 1; d < to->in->lattice.dims; d++) k = k * (uint64_t)to->config->factor + offset;
  return blocks_fine_row(to, k);
}

static void block(const blocks_row *to, blocks_ties *ties) {
  (void)ties;
  const uint64_t factor = (uint64_t)to->config->factor;
  const uint64_t offset = (uint64_t)((const decimation_config *)to->config)->offset;
  const uint64_t width = fg_lattice_width(&to->out->lattice), *from = kept_row(to, offset);
  uint64_t *into = fg_batch_row_mut(to->out, to->i, to->y);
  if (to->in->element == FG_SPIN1) {
    for (uint64_t x = 0; x < width; x++) fg_bit_set(into, x, fg_bit_get(from, factor * x + offset));
  } else {
    for (uint64_t x = 0; x < width; x++) ((uint8_t *)into)[x] = ((const uint8_t *)from)[factor * x + offset];
  }
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  static const blocks_rule rule = {0, "ties", block}; // there are none
  const decimation_config *config = given;
  if (config->offset >= config->common.factor)
    return host->fail_param(host, "offset",
                            "%" PRId64 " lies beyond a block of side %" PRId64 "; at most factor - 1 = %" PRId64,
                            config->offset, config->common.factor, config->common.factor - 1);
  return blocks_create(host, &config->common, &rule, self);
}

// ---- descriptor

static const fg_param param_offset = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(decimation_config, offset),
    .name = "offset",
    .def = "0",
    .min = "0",
    .max = "65535",
    .unit = "1",
    .doc = "Place of the kept site in its block, along every axis: 0 is its first corner, factor - 1 the opposite one.",
};
static const fg_port input = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1 | 1u << FG_STATE8,
    .name = "configurations",
    .doc = "Spins or states on chains, square, triangular or cubic lattices.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1 | 1u << FG_STATE8,
    .name = "blocks",
    .doc = "The kept sites of the same configurations, one level further down.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "coarsen.decimation",
    .summary = "keeps one site of every block",
    .doc = "Of every block of factor sites of a chain, factor×factor of a square or triangular lattice, or "
           "factor×factor×factor of a cubic one, the site at `offset` along every axis is kept and the others are "
           "forgotten. On the chain this is exact renormalization: the kept spins are an Ising chain with tanh K' = "
           "(tanh K)^factor (D. R. Nelson and M. E. Fisher, Ann. Phys. 91, 226, 1975). In more dimensions it makes "
           "couplings of all ranges, and, unlike majority blocks, has no critical fixed point.\n\n"
           "Indices and chains of the configurations are kept, the level falls by one, the coupling becomes unknown.",
    .params = (const fg_param *const[]){&blocks_param_factor, &param_offset, NULL},
    .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(decimation_config),
    .create = create,
    .negotiate = blocks_negotiate,
    .process = blocks_process,
    .destroy = blocks_destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "decimation",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
