// network.h — the extension "fg.network/1": a conditional distribution of fine spins given coarse spins.
// Stages that train, dream or score find it with fg_host.lookup(kind, FG_NETWORK_EXTENSION). An opened model is
// immutable and may be used from many threads at once. Batches are whole configurations; configuration i of `fine`
// belongs to configuration i of `coarse`, and fine extents are factor() times the coarse ones.
//
// Random numbers of the inverse step, part of the contract so that faster kernels give the same spins: a fine spin at
// (factor·Y+dy, factor·X+dx) of configuration c (index among its level) on a coarse lattice of N sites has the dense
// coarse index g = c·N + Y·width + X and the position d = factor·dy + dx in its block. Its 16-bit number u is read from
// 16 planes, plane p holding bit p: the planes of the 512 coarse sites g/512 for position d are 64 bytes each at
//   fg_rng_fill(key, {low = ((g/512·factor² + d)·16 + p)·4, high = level of the fine lattice}, …, 64),
// little endian, bit g mod 512. On a chain Y = dy = 0. A table network draws the opposite of the parent when u < threshold.
#ifndef FINEGRAIN_NETWORK_H
#define FINEGRAIN_NETWORK_H

#include "host.h"
#include "state.h"

#define FG_NETWORK_EXTENSION "fg.network/1"

/// An opened model: network, hyperparameters and weights. Opaque, the network's own.
typedef struct fg_network_model fg_network_model;

/// The table form of a network whose fine spins are independent given a small coarse window.
/// The window of position (0,0) in the block is the square of `window`² coarse sites whose corner lies at (-before,
/// -before) from the parent; bit (row·window + column) of the pattern is the spin there. The other positions see it
/// mirrored: dy=1 upside down, dx=1 left to right.
/// thresholds[pattern]: 2¹⁶ · P(fine spin ≠ parent), 0..65536, the same for all positions.
/// With positions = 4 each position d has thresholds of its own, and all see the window as (0,0) does, not mirrored:
/// thresholds[d·2^(window²) + pattern].
typedef struct fg_network_table {
  uint32_t size;
  uint32_t window;
  uint32_t before;
  uint32_t positions;         ///< 4, or 0: the positions share their thresholds, mirrored
  const uint32_t *thresholds; ///< 2^(window²), or four times as many; lives as long as the model
} fg_network_table;

/// Sufficient statistics of a network that is a logistic regression on few classes: fine spins of the same features
/// are counted, so that maximum likelihood needs one pass. logit of outcome 1 = Σ_k features[k]·weights[k].
typedef struct fg_network_classes {
  uint32_t size;
  void *(*open)(const fg_network_model *model); ///< empty counts; NULL: out of memory
  void (*close)(void *counts);
  /// Counts configurations begin … end-1. One thread at a time per `counts`.
  fg_status (*add)(void *counts, const fg_batch *fine, const fg_batch *coarse, uint32_t begin, uint32_t end);
  fg_status (*merge)(void *into, const void *from);
  uint64_t (*count)(void *counts); ///< classes seen, in an order that depends on the counts alone
  void (*get)(const void *counts, uint64_t index, double *features, uint64_t *ones, uint64_t *zeros);
  /// Writes counts for a checkpoint, and adds what was written to empty ones. Optional, both or none.
  fg_status (*save)(const void *counts, const fg_writer *writer);
  fg_status (*restore)(void *counts, const fg_reader *reader);
} fg_network_classes;

typedef struct fg_network {
  uint32_t size;
  uint32_t element; ///< an fg_element, that of fine and coarse batches; 0: FG_SPIN1

  /// Opens hyperparameters (JSON) and weights; weight_count 0 leaves the weights unset: then only parameters, factor,
  /// radius, initial_weights and classes may be asked. Reports through host on failure. [any]
  fg_status (*open)(const fg_host *host, const char *hyperparameters, const double *weights, uint64_t weight_count,
                    fg_network_model **model);
  void (*close)(fg_network_model *model);

  uint64_t (*parameters)(const fg_network_model *model);
  const char *(*parameter_name)(const fg_network_model *model,
                                uint64_t index); ///< "corner", "edge", …; lives as long as the model
  void (*initial_weights)(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, double *weights);
  uint32_t (*factor)(const fg_network_model *model); ///< fine extent / coarse extent
  uint32_t (*radius)(const fg_network_model *model); ///< farthest coarse site, along an axis, that a fine spin looks at

  /// log P(fine | coarse) in nats of configurations begin … end-1, into log_prob[begin … end-1]. [any]
  fg_status (*log_prob)(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                        uint32_t end, double *log_prob);

  /// Draws the fine configurations begin … end-1; fine's first and level are set and enter the randomness. [any]
  fg_status (*sample)(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, const fg_batch *coarse,
                      fg_batch *fine, uint32_t begin, uint32_t end);

  /// Optional: adds the gradient of -Σ_c weight[c] log P(c), c = begin … end-1, to gradient[], and that sum to *loss.
  /// weight NULL: all 1; weights may be of either sign. [any]
  fg_status (*gradient)(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                        uint32_t end, const double *weight, double *loss, double *gradient);
  /// Optional: the table form; NULL when this model has none. [any]
  const fg_network_table *(*table)(const fg_network_model *model);
  const fg_network_classes *classes; ///< optional
  // since 1.1
  /// Optional, for FG_STATE8: states q of a site, which are 0 … q-1. [any]
  uint32_t (*states)(const fg_network_model *model);
  uint32_t shapes;   ///< the fg_shape values of lattices it refines, as bits 1<<shape; 0: square lattices alone
  uint32_t reserved; ///< zero
} fg_network;

/// The element of a network's batches.
static inline uint32_t fg_network_element(const fg_network *network) {
  return network->element ? network->element : (uint32_t)FG_SPIN1;
}

/// Whether a network refines lattices of a shape.
static inline int fg_network_takes(const fg_network *network, uint32_t shape) {
  uint32_t shapes = FG_HAS(network, shapes) && network->shapes ? network->shapes : 1u << FG_SQUARE;
  return shape < 32 && shapes >> shape & 1;
}

#endif
