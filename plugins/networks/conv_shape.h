// conv_shape.h — the hyperparameters of network.conv and what follows from them: how many weights there are, where each
// lies in the list, what it is called and how it starts.
#ifndef PLUGINS_NETWORKS_CONV_SHAPE_H
#define PLUGINS_NETWORKS_CONV_SHAPE_H

#include "finegrain/finegrain.h"

#define CONV_MOST_HIDDEN 16u
#define CONV_MOST_CHANNELS 512u
#define CONV_MOST_KERNEL 15u
#define CONV_MOST_WEIGHTS (UINT64_C(1) << 24)
#define CONV_TEXT_LENGTH 320u // of hyperparameters as JSON
#define CONV_NAME_LENGTH 48u  // of a weight's name

enum conv_activation { CONV_RELU, CONV_TANH, CONV_GELU, CONV_SOFTPLUS, CONV_ELU, CONV_SILU, CONV_SIGMOID };
enum conv_input { CONV_BINARY, CONV_SIGN };
enum conv_symmetrize { CONV_PLAIN, CONV_D4, CONV_D4_Z2 };
enum conv_init { CONV_HE, CONV_GLOROT, CONV_LECUN };

// What they are called, in the same order; each list ends with NULL.
extern const char *const conv_activations[], *const conv_inputs[], *const conv_symmetries[], *const conv_inits[];

/// Plain data. Layer l takes channels[l] channels to channels[l + 1]; the first takes one, the last makes one.
typedef struct conv_shape {
  uint32_t layers; ///< hidden ones and the last
  uint32_t kernel;
  uint32_t channels[CONV_MOST_HIDDEN + 2];
  uint32_t bias; ///< 0 or 1
  uint32_t activation;
  uint32_t input;
  uint32_t symmetrize;
  uint32_t init;
} conv_shape;

/// Takes the hidden layers' channels; NULL when a network can be made of them, or the reason why not, in `why`.
const char *conv_shape_set(conv_shape *shape, const int64_t *hidden, uint64_t count, int64_t kernel, char why[200]);

/// Reads {"channels": [32], "kernel": 3, …}; what is absent has the stage's default. NULL, or the reason, in `why`.
const char *conv_shape_read(conv_shape *shape, const char *json, char why[200]);

/// The same as JSON, all keys.
void conv_shape_write(const conv_shape *shape, char json[CONV_TEXT_LENGTH]);

/// How far a fine spin looks on the fine lattice: the layers' radii together.
uint32_t conv_radius(const conv_shape *shape);

/// Weights of a layer without its biases.
uint64_t conv_kernels(const conv_shape *shape, uint32_t layer);

/// Index of a layer's first weight [out][in][ky][kx]; its biases [out], if any, follow. Of layer `layers`: the number of
/// all weights.
uint64_t conv_first(const conv_shape *shape, uint32_t layer);

/// "layer1.weight[3][0][1][2]", "layer1.bias[3]": layers count from 1.
void conv_weight_name(const conv_shape *shape, uint64_t index, char name[CONV_NAME_LENGTH]);

/// Normal deviates of the scale `init` asks for, biases zero.
void conv_initial_weights(const conv_shape *shape, fg_rng_fill_fn fill, fg_rng_key key, double *weights);

#endif
