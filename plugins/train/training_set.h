// training_set.h — pairs of configurations kept in memory, packed as they came, to be learned from again and again:
// sorted by size and level, the last of each held out for validation, the others cut into minibatches of one size each,
// in an order that is shuffled for every epoch. Knows no networks.
#ifndef PLUGINS_TRAIN_TRAINING_SET_H
#define PLUGINS_TRAIN_TRAINING_SET_H

#include "finegrain/finegrain.h"

typedef struct training_set training_set;

typedef enum training_part { TRAINING, HELD_OUT } training_part;

/// Pairs of one size, copied together.
typedef struct minibatch {
  fg_batch *fine, *coarse; ///< of the receiver, until minibatch_clear
  const double *weight;    ///< of each pair, their mean being 1; of the set, until the next minibatch; NULL: all 1
} minibatch;

void minibatch_clear(const fg_host *host, minibatch *m);

/// An empty set that takes up to `hold` bytes of pairs of this element, FG_SPIN1 or FG_STATE8. NULL: reported.
training_set *training_set_new(const fg_host *host, fg_element element, uint64_t hold);
void training_set_free(training_set *set); ///< NULL is allowed

/// Bytes that `count` pairs of these sizes take, all that is kept of each counted; UINT64_MAX when they are more.
uint64_t training_set_bytes(fg_element element, const fg_lattice *fine, const fg_lattice *coarse, uint64_t count);

/// Most bytes beyond `hold` that a set of `sizes` sizes takes.
uint64_t training_set_overhead(uint64_t sizes);

/// Copies all pairs of two batches that go together. FG_FAILED: no room, reported.
fg_status training_set_add(training_set *set, const fg_batch *fine, const fg_batch *coarse);

/// Once all have come: holds out the last ⌊share·n⌋ pairs of each size and cuts the others into minibatches of at most
/// `batch`, alike within one. With `weighted` a pair has the weight 2^-(tied 2×2 blocks of its fine configuration),
/// divided by the mean of the minibatch; spins only. FG_FAILED: out of memory, reported.
fg_status training_set_cut(training_set *set, double share, uint64_t batch, int weighted);

// Of one part, after the cut.
uint64_t training_set_pairs(const training_set *set, training_part part);
uint64_t training_set_spins(const training_set *set, training_part part); ///< fine ones
uint64_t training_set_minibatches(const training_set *set, training_part part);

/// Minibatch k of a part in the order the pairs came. FG_FAILED: reported.
fg_status training_set_take(training_set *set, training_part part, uint64_t k, minibatch *m);

/// A new order of pairs and minibatches of the training part: a function of the random numbers alone.
void training_set_shuffle(training_set *set, fg_rng rng);

/// Minibatch k of the training part in the order of the last shuffle. FG_FAILED: reported.
fg_status training_set_take_shuffled(training_set *set, uint64_t k, minibatch *m);

/// (Σw)²/(nΣw²) of the training part: the share of the pairs that would say as much if all weights were equal.
double training_set_effective_share(const training_set *set);

/// Whether fine spins of both signs came, or several states.
int training_set_has_both_signs(const training_set *set);

#endif
