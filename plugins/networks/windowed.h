// windowed.h — networks whose fine spins are independent draws, each given a small window of coarse spins:
//     P(fine | coarse) = Π_r σ(fine(r) · logit(r)),   σ(z) = 1/(1 + exp(-z)).
// A network says what its logit is; scoring, drawing and counting are the same for all and live here. Reversing all
// spins must reverse the logit, so everything is written relative to the parent: with z = logit · parent a fine spin
// equals its parent with probability σ(z) and opposes it with σ(-z).
#ifndef PLUGINS_NETWORKS_WINDOWED_H
#define PLUGINS_NETWORKS_WINDOWED_H

#include "finegrain/finegrain.h"

#define WINDOWED_FACTOR 2u
#define WINDOWED_TABLE_WIDTH 4u     // up to this width all windows are tabulated: at most 2^16
#define WINDOWED_MOST_PARAMETERS 36 // of a network with features

/// The model of a windowed network; the first member of the network's own struct. Immutable once opened.
struct fg_network_model {
  const fg_host *host;
  uint32_t width; ///< of the window; see window.h
  uint32_t before;
  uint32_t parent; ///< which bit of a pattern is the parent
  uint64_t all;    ///< mask of a pattern's bits
  uint64_t parameters;

  /// z = logit · parent of a pattern. The same for the pattern with all spins reversed.
  double (*logit)(const fg_network_model *model, uint64_t pattern);
  /// The n_k of z = ½ Σ_k w_k n_k, for networks of this form: unchanged when the spins are reversed, or mirrored at the
  /// diagonal.
  void (*features)(const fg_network_model *model, uint64_t pattern, int n[WINDOWED_MOST_PARAMETERS]);

  double *logits;       ///< z of every pattern, when tabulated
  uint32_t *thresholds; ///< 2¹⁶ · P(fine ≠ parent) of every pattern, when tabulated
  fg_network_table table;
};

/// Fills host, width, before, parent and all.
void windowed_init(fg_network_model *model, const fg_host *host, uint32_t width, uint32_t before);

/// Tabulates a model that has its weights, when its window is small enough. FG_FAILED: out of memory, reported.
fg_status windowed_tabulate(fg_network_model *model);

/// Frees the tables, not the model.
void windowed_clear(fg_network_model *model);

// The functions of fg_network, and its classes for networks that have features.
uint64_t windowed_parameters(const fg_network_model *model);
uint32_t windowed_factor(const fg_network_model *model);
uint32_t windowed_radius(const fg_network_model *model);
const fg_network_table *windowed_table(const fg_network_model *model);
fg_status windowed_log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                            uint32_t end, double *log_prob);
fg_status windowed_gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                            uint32_t end, const double *weight, double *loss, double *gradient);
fg_status windowed_sample(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, const fg_batch *coarse,
                          fg_batch *fine, uint32_t begin, uint32_t end);
extern const fg_network_classes windowed_classes;

#endif
