// majority.c — coarsen.majority: every block of spins becomes the spin most of its spins have; what a tie becomes is a
// parameter.
#include "blocks.h"
#include "plugins/bits.h"
#include "quartets.h"

enum { TIES_RANDOM, TIES_CONFIGURATION, TIES_UP, TIES_DOWN };

/// The sign all ties of a configuration take.
static unsigned configuration_sign(const blocks_ties *ties, uint64_t index) {
  uint64_t bits[2];
  fg_rng_counter counter = {.low = index, .high = ties->level};
  ties->host->rng_fill(ties->key, counter, bits, sizeof bits);
  return (unsigned)(bits[0] & 1);
}

/// Blocks of 2×2 spins, 64 at a time.
static void block_quartets(const blocks_row *to, blocks_ties *ties, uint64_t sign) {
  const uint64_t *above = fg_batch_row(to->in, to->i, 2 * to->y), *below = fg_batch_row(to->in, to->i, 2 * to->y + 1);
  uint64_t *blocks = fg_batch_row_mut(to->out, to->i, to->y);
  for (uint64_t k = 0; 64 * k < fg_lattice_width(&to->out->lattice); k++) {
    quartets here = quartets_of(above, below, k, to->in->row_bytes / 8);
    if (here.tied) here.tied &= to->config->ties == TIES_RANDOM ? blocks_tie_signs(ties, to->first + 64 * k) : 0 - sign;
    blocks[k] = here.up | here.tied;
  }
}

static void block(const blocks_row *to, blocks_ties *ties) {
  const uint64_t factor = (uint64_t)to->config->factor, rows = blocks_covered(to), sites = rows * factor;
  const uint64_t width = fg_lattice_width(&to->out->lattice);
  const int32_t rule = to->config->ties;
  uint64_t *blocks = fg_batch_row_mut(to->out, to->i, to->y);
  unsigned sign = rule == TIES_CONFIGURATION ? configuration_sign(ties, to->index) : rule == TIES_UP;
  if (factor == 2 && to->in->lattice.dims == 2) {
    block_quartets(to, ties, sign);
    return;
  }
  for (uint64_t x = 0; x < width; x++) {
    uint64_t up = 0, g = to->first + x;
    for (uint64_t k = 0; k < rows; k++) up += bits_count(blocks_fine_row(to, k), factor * x, factor);
    unsigned spin = 2 * up > sites;
    if (2 * up == sites) spin = rule == TIES_RANDOM ? (unsigned)(blocks_tie_word(ties, g / 64) >> g % 64) & 1u : sign;
    fg_bit_set(blocks, x, spin);
  }
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  static const blocks_rule a_sign_each = {FG_SPIN1, "ties", block};
  static const blocks_rule one_sign = {FG_SPIN1, "ties of a configuration", block};
  const blocks_config *config = given;
  return blocks_create(host, config, config->ties == TIES_CONFIGURATION ? &one_sign : &a_sign_each, self);
}

// ---- descriptor

static const char *const tie_choices[] = {"random", "configuration", "up", "down", NULL};

static const fg_param param_ties = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(blocks_config, ties),
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
    .doc = "Spins on chains, square, triangular or cubic lattices.",
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
           "majority rule of arXiv:2506.04016): factor spins on a chain, factor×factor×factor on a cubic lattice. The "
           "blocks of a triangular lattice, stored as a square one with diagonals, are a triangular lattice again. "
           "Blocks of an odd factor never tie.\n\n"
           "Indices and chains of the configurations are kept, the level falls by one, the coupling becomes unknown. "
           "A random tie depends on the seed, the configuration's index, the level and the block, not on batches.",
    .params = (const fg_param *const[]){&blocks_param_factor, &param_ties, NULL},
    .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(blocks_config),
    .create = create,
    .negotiate = blocks_negotiate,
    .process = blocks_process,
    .destroy = blocks_destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "majority",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
