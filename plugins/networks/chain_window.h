// chain_window.h — what a fine spin of network.chain looks at: a stretch of coarse spins, as a bit pattern, and the
// logit and the threshold of every pattern.
#ifndef PLUGINS_NETWORKS_CHAIN_WINDOW_H
#define PLUGINS_NETWORKS_CHAIN_WINDOW_H

#include "finegrain/finegrain.h"

#define CHAIN_MOST_KERNEL 15
#define CHAIN_MOST_WEIGHTS 8u
#define CHAIN_MOST_PATTERNS 256u

typedef enum chain_rule { CHAIN_BLOCK, CHAIN_DECIMATION } chain_rule;

/// The model of network.chain. Immutable once opened.
struct fg_network_model {
  const fg_host *host;
  chain_rule rule;
  uint64_t parameters;
  uint32_t width;  ///< coarse spins that a fine spin looks at
  uint32_t parent; ///< which of them is its parent
  double weights[CHAIN_MOST_WEIGHTS];
  double logits[CHAIN_MOST_PATTERNS];       ///< z = logit · parent of a pattern of these spins
  uint32_t thresholds[CHAIN_MOST_PATTERNS]; ///< 2¹⁶ · P(fine spin ≠ parent)
};

/// Weights of a kernel of 2R+1 taps: distances 0 … R, or the odd ones.
uint64_t chain_parameters(chain_rule rule, int64_t kernel);

/// Fills width and parent from rule and parameters. block: the window of an even fine spin, as network.symmetric has it,
/// which odd ones see mirrored; decimation: that of odd ones.
void chain_shape(fg_network_model *model);

/// n_k · parent of a pattern.
void chain_features(const fg_network_model *model, uint32_t pattern, int n[CHAIN_MOST_WEIGHTS]);

/// Fills logits and thresholds.
void chain_tabulate(fg_network_model *model);

/// Whether the fine spins at 2x + dx are their parents, for certain.
static inline int chain_is_kept(const fg_network_model *model, unsigned dx) {
  return model->rule == CHAIN_DECIMATION && dx == 0;
}

/// What the fine spin at 2x + dx sees of a coarse row of `length` spins, periodically.
static inline uint32_t chain_pattern(const fg_network_model *model, const uint64_t *row, uint64_t length, uint64_t x,
                                     unsigned dx) {
  const int mirrored = model->rule == CHAIN_BLOCK && dx;
  const uint64_t far = model->width / length + 1; // turns that keep the index positive
  uint32_t pattern = 0;
  for (uint32_t i = 0; i < model->width; i++) {
    uint64_t before = mirrored ? i : model->parent, after = mirrored ? model->parent : i;
    pattern |= fg_bit_get(row, (x + far * length + after - before) % length) << i;
  }
  return pattern;
}

#endif
