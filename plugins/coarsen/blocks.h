// blocks.h — what block-spin transformations share: the factor, formats, the rows of blocks that are computed in parallel,
// and random bits for ties that are addressed by configuration, level and block, so
// batches and threads leave no trace. What a block becomes is the stage's own (blocks_rule).
#ifndef PLUGINS_COARSEN_BLOCKS_H
#define PLUGINS_COARSEN_BLOCKS_H

#include "finegrain/finegrain.h"

// A block is a stretch of a chain, a square, also on the triangular lattice, whose blocks have its bonds again, or a cube.
typedef struct blocks_config {
  int64_t factor; ///< side of a block
  int32_t ties;   ///< index into the stage's own choices
} blocks_config;

extern const fg_param blocks_param_factor;

#define BLOCKS_TIE_WORDS 8u

/// A stretch of the random sequence that decides ties; one a call of parallel_for's body.
typedef struct blocks_ties {
  const fg_host *host;
  fg_rng_key key;
  uint64_t level;
  uint64_t group; ///< what is here: words group·BLOCKS_TIE_WORDS and following
  uint64_t words[BLOCKS_TIE_WORDS];
} blocks_ties;

/// 64 random bits, number `index` of the level.
static inline uint64_t blocks_tie_word(blocks_ties *ties, uint64_t index) {
  if (index / BLOCKS_TIE_WORDS != ties->group) {
    ties->group = index / BLOCKS_TIE_WORDS;
    fg_rng_counter counter = {.low = ties->group * (sizeof ties->words / 16), .high = ties->level};
    ties->host->rng_fill(ties->key, counter, ties->words, sizeof ties->words);
  }
  return ties->words[index % BLOCKS_TIE_WORDS];
}

/// 64 random signs for the blocks from number `first` of the level on.
static inline uint64_t blocks_tie_signs(blocks_ties *ties, uint64_t first) {
  const uint64_t word = blocks_tie_word(ties, first / 64), shift = first % 64;
  return shift ? word >> shift | blocks_tie_word(ties, first / 64 + 1) << (64 - shift) : word;
}

/// Row y of the blocks of configuration i of a batch; counted through the layers of a cubic lattice.
typedef struct blocks_row {
  const blocks_config *config;
  const fg_batch *in;
  fg_batch *out;
  uint64_t i, y;
  uint64_t index; ///< of the configuration in its level
  uint64_t first; ///< number of the row's first block, counted through all configurations of the level
} blocks_row;

/// Rows of sites that a row of blocks covers.
static inline uint64_t blocks_covered(const blocks_row *to) {
  uint64_t rows = 1;
  for (uint32_t d = 1; d < to->in->lattice.dims; d++) rows *= (uint64_t)to->config->factor;
  return rows;
}

/// Row k of these, counted through the layers of a block of a cubic lattice.
static inline const uint64_t *blocks_fine_row(const blocks_row *to, uint64_t k) {
  const uint64_t factor = (uint64_t)to->config->factor;
  if (to->in->lattice.dims < 3) return fg_batch_row(to->in, to->i, factor * to->y + k);
  const uint64_t height = to->out->lattice.extent[1], layer = factor * (to->y / height) + k / factor;
  return fg_batch_row(to->in, to->i, layer * to->in->lattice.extent[1] + factor * (to->y % height) + k % factor);
}

/// How a stage blocks.
typedef struct blocks_rule {
  uint32_t element; ///< of what comes in and of what goes out; 0: any, kept
  const char *ties; ///< purpose of the key of the random ties
  /// Fills the row `to->y` of to->out. Runs for several rows at a time. [any]
  void (*block)(const blocks_row *to, blocks_ties *ties);
} blocks_rule;

/// Makes an instance of a stage that blocks by `rule` (constant data).
fg_status blocks_create(const fg_host *host, const blocks_config *config, const blocks_rule *rule, void **self);

// The functions of fg_stage, for an instance from blocks_create.
fg_status blocks_negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory);
fg_status blocks_process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count);
void blocks_destroy(void *self);

#endif
