// potts_majority.c — coarsen.potts-majority: every block of sites becomes the state most of its sites
// have; what a tie becomes is a parameter.
#include "blocks.h"

enum { TIES_RANDOM, TIES_LOWEST, TIES_HIGHEST };

#define STATES 256u // of a byte

/// Sites of the block at hand in each state; all zero between blocks.
typedef struct tally {
  uint64_t sites[STATES];
} tally;

/// Counts the block x of a row and writes the states that occur most often, in the order they are met. Returns their
/// number.
static unsigned most_frequent(const blocks_row *to, uint64_t x, tally *counts, uint8_t states[STATES]) {
  const uint64_t factor = (uint64_t)to->config->factor, rows = blocks_covered(to);
  uint64_t most = 0;
  unsigned found = 0;
  for (uint64_t k = 0; k < rows; k++) {
    const uint8_t *row = (const uint8_t *)blocks_fine_row(to, k) + factor * x;
    for (uint64_t dx = 0; dx < factor; dx++) {
      uint64_t count = ++counts->sites[row[dx]];
      most = count > most ? count : most;
    }
  }
  for (uint64_t k = 0; k < rows; k++) {
    const uint8_t *row = (const uint8_t *)blocks_fine_row(to, k) + factor * x;
    for (uint64_t dx = 0; dx < factor; dx++) {
      if (counts->sites[row[dx]] == most) states[found++] = row[dx];
      counts->sites[row[dx]] = 0; // each state once
    }
  }
  return found;
}

/// A number in 0 … n-1 from 64 random bits; a probability is off by at most 2⁻⁶⁴.
static unsigned choose(uint64_t bits, unsigned n) {
  __extension__ typedef unsigned __int128 wide;
  return (unsigned)((wide)bits * n >> 64);
}

static void block(const blocks_row *to, blocks_ties *ties) {
  const uint64_t width = fg_lattice_width(&to->out->lattice);
  const int32_t rule = to->config->ties;
  uint8_t *blocks = (uint8_t *)fg_batch_row_mut(to->out, to->i, to->y);
  tally counts = {{0}};
  for (uint64_t x = 0; x < width; x++) {
    uint8_t states[STATES];
    unsigned found = most_frequent(to, x, &counts, states), chosen = 0;
    if (found > 1 && rule == TIES_RANDOM) chosen = choose(blocks_tie_word(ties, to->first + x), found);
    for (unsigned k = 1; k < found && rule != TIES_RANDOM; k++)
      if ((states[k] < states[chosen]) == (rule == TIES_LOWEST)) chosen = k;
    // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): a block has sites, so at least one state is found
    blocks[x] = states[chosen];
  }
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  static const blocks_rule rule = {FG_STATE8, "ties", block};
  return blocks_create(host, given, &rule, self);
}

// ---- descriptor

static const char *const tie_choices[] = {"random", "lowest", "highest", NULL};

static const fg_param param_ties = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(blocks_config, ties),
    .name = "ties",
    .def = "random",
    .choices = tie_choices,
    .doc = "What a block becomes in which several states are the most frequent: one of them, drawn uniformly for the "
           "block, the lowest, or the highest.",
};
static const fg_port input = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_STATE8,
    .name = "configurations",
    .doc = "Potts states on chains, square, triangular or cubic lattices.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_STATE8,
    .name = "blocks",
    .doc = "The block states of the same configurations, one level further down.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "coarsen.potts-majority",
    .summary = "block states by majority, with a rule for ties",
    .doc =
        "Every block of factor×factor sites becomes the state that occurs most often in it: coarsen.majority for any "
        "number of states. Random ties keep the symmetry between the states, lowest and highest do not. Unlike "
        "spins, three states or more can tie in blocks of an odd factor.\n\n"
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
    .name = "potts-majority",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
