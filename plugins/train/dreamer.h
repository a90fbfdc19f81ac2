// dreamer.h — dreams that trainers make to learn from: a model iterated upward from uniform lattices as generate.dream
// does, but block by block, every level at hand, nothing emitted. Spins follow from key, index and level alone, so the
// same key gives the same random numbers to any weights.
#ifndef PLUGINS_TRAIN_DREAMER_H
#define PLUGINS_TRAIN_DREAMER_H

#include "inputs.h"
#include "plugins/generate/slices.h"

#define DREAMER_MOST_LEVELS 12

/// A network under some weights, ready to draw. Everything zero: not open.
typedef struct dreamer_model {
  const fg_network *network;
  fg_network_model *opened;
  int sliced; ///< it has a table that kernels draw, prepared in `rule`
  slices_rule rule;
} dreamer_model;

/// Opens the model that arrived under other weights. FG_FAILED: reported; dreamer_close in any case.
fg_status dreamer_open(dreamer_model *model, const inputs_model *arrived, const double *weights, uint64_t count);
void dreamer_close(dreamer_model *model);

/// What is dreamt, and how.
typedef struct dreamer {
  const fg_host *host;
  const slices_isa *isa;
  uint64_t start;                                 ///< size of the lattices it begins with
  int levels;                                     ///< 1 … DREAMER_MOST_LEVELS
  const dreamer_model *step[DREAMER_MOST_LEVELS]; ///< what draws level k+1 given level k
  fg_rng_key key;
} dreamer;

/// Configurations dreamt together; it depends on the sizes alone.
typedef struct dreamer_block {
  uint64_t first;
  uint32_t count;
  fg_batch *level[DREAMER_MOST_LEVELS + 1]; ///< of each level; the dreamer's until dreamer_drop
} dreamer_block;

/// Most configurations of a block, at least 1.
uint32_t dreamer_together(uint64_t start, int levels);

/// Most bytes of a block.
uint64_t dreamer_bytes(uint64_t start, int levels);

/// Blocks of `dreams` configurations.
uint64_t dreamer_blocks(const dreamer *d, uint64_t dreams);

/// Dreams block `index` of the configurations first … first+dreams-1. FG_FAILED: reported; dreamer_drop in any case. [any]
fg_status dreamer_draw(const dreamer *d, uint64_t first, uint64_t dreams, uint64_t index, dreamer_block *block);
void dreamer_drop(const dreamer *d, dreamer_block *block);

/// The weights a trainer starts from, into weights[count]: `given`, when there are any; those the model came with;
/// the network's initial ones; or, where these are all 0, 1.5/count each. FG_FAILED: as many as `given` do not fit,
/// reported of parameter `param`.
fg_status dreamer_start_weights(const inputs_model *arrived, const char *param, const fg_real_list *given,
                                double *weights);

#endif
