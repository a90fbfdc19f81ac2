// conv_model.h — an opened model of network.conv, and the two ways to use it: through the layers, which works for all,
// and through a table of everything that a fine spin can see, for networks that see no more than 3×3 coarse spins.
#ifndef PLUGINS_NETWORKS_CONV_MODEL_H
#define PLUGINS_NETWORKS_CONV_MODEL_H

#include "arena.h"
#include "conv_layers.h"

#define CONV_FACTOR 2u

/// What follows from the weights for the 512 patterns of 3×3 coarse spins, bit 3·row + column, and the four fine spins
/// 2·dy + dx of the block in their middle.
typedef struct conv_table {
  double logits[512][4];
  double scores[512][4][2];    ///< ln P, of a fine spin down and up
  uint32_t thresholds[4][512]; ///< 2¹⁶ · P(fine ≠ parent)
  fg_network_table form;
} conv_table;

typedef char conv_name[CONV_NAME_LENGTH];

/// Immutable once opened, but for the last two, of which nothing shows.
struct fg_network_model {
  const fg_host *host;
  conv_shape shape;
  const conv_engine *engine;
  uint64_t parameters;
  double *weights;             ///< NULL: none yet
  conv_table *table;           ///< NULL: it sees more, or would take too long to tabulate
  arenas *memory;              ///< for calls, of which there may be several at once
  _Atomic(conv_name *) *names; ///< made when one is asked for
};

// The functions of fg_network, for batches that belong together and hold what is asked for.
fg_status conv_layers_log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                               uint32_t begin, uint32_t end, double *log_prob);
fg_status conv_layers_sample(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, const fg_batch *coarse,
                             fg_batch *fine, uint32_t begin, uint32_t end);
fg_status conv_layers_gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                               uint32_t begin, uint32_t end, const double *weight, double *loss, double *gradient);

/// Makes the table of a model that has weights, if it can have one. NULL, or why it failed.
const char *conv_table_new(fg_network_model *model);

fg_status conv_table_log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                              uint32_t begin, uint32_t end, double *log_prob);
fg_status conv_table_sample(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, const fg_batch *coarse,
                            fg_batch *fine, uint32_t begin, uint32_t end);
fg_status conv_table_gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                              uint32_t begin, uint32_t end, const double *weight, double *loss, double *gradient);

/// Reports `why`, unless it is NULL.
fg_status conv_result(const fg_network_model *model, const char *why);

#endif
