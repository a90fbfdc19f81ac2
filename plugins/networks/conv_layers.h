// conv_layers.h — a stack of convolutions on square patches, forward and backward. Two engines do the same: oneDNN in
// float, and plain loops in double which it is tested against. What is drawn or scored from the logits, and where the
// patches come from, is not their business.
#ifndef PLUGINS_NETWORKS_CONV_LAYERS_H
#define PLUGINS_NETWORKS_CONV_LAYERS_H

#include "arena.h"
#include "conv_shape.h"

/// Constant functions on layers opened for `count` patches of side×side logits. A patch comes with a margin of
/// conv_radius on all sides, which its layers use up: convolutions are cross-correlations without padding,
///     out[o](y, x) = bias[o] + Σ_i Σ_ky,kx weight[o][i][ky][kx] in[i](y + ky, x + kx),
/// and all but the last are followed by the activation. Opened layers belong to one thread at a time.
typedef struct conv_engine {
  /// `weights`: conv_first(shape, layers) numbers, read during the call. `backward`: whether gradients will be asked for.
  /// `memory` is worked in until close. NULL when it failed, with the reason, constant text, in *why.
  void *(*open)(const conv_shape *shape, const double *weights, uint32_t count, uint32_t side, int backward,
                arena *memory, const char **why);
  void (*close)(void *layers);

  /// From `spins`, [count][side + 2·radius][side + 2·radius] values of the first layer's channel, to `logits`,
  /// [count][side][side]. A patch's logits depend on that patch alone. NULL, or the reason it failed.
  const char *(*forward)(void *layers, const float *spins, double *logits);

  /// Once after forward, with the same spins: adds Σ slope · ∂logit/∂weight over all logits to gradient[]. NULL, or the
  /// reason it failed.
  const char *(*backward)(void *layers, const float *spins, const double *slopes, double *gradient);
} conv_engine;

extern const conv_engine conv_dnnl;
extern const conv_engine conv_reference;

#endif
