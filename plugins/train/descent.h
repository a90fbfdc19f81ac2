// descent.h — gradient descent on the loss of a network over a training set: minibatch by minibatch, epoch by epoch, with
// the best weights so far kept, and everything that a checkpoint needs. It knows networks only through fg_network; what
// a step is, adamw.h knows. The loss is cross-entropy: the mean of -ln P(fine | coarse) per fine spin, in nats.
#ifndef PLUGINS_TRAIN_DESCENT_H
#define PLUGINS_TRAIN_DESCENT_H

#include "adamw.h"
#include "inputs.h"
#include "training_set.h"

#define DESCENT_MOST_PARAMETERS ((uint64_t)1 << 18)

typedef struct descent_settings {
  adamw_settings adamw; ///< but its steps, which follow from the training set
  uint64_t epochs;
  uint64_t patience; ///< epochs without improvement after which it ends; 0: none
} descent_settings;

typedef struct descent_epoch {
  double rate;    ///< of the last step
  double loss;    ///< of the minibatches, each before it was learned from
  double watched; ///< loss at the end that decides which weights are best: of the held-out pairs, without any of all
} descent_epoch;

/// Fields are for reading.
typedef struct descent {
  const inputs_model *model;
  training_set *data;
  descent_settings settings;
  uint64_t minibatches; ///< of an epoch
  adamw optimiser;
  double *weights;
  double *best;              ///< weights at the end of epoch `best_epoch`
  uint64_t best_epoch;       ///< counted from 1; 0: none yet
  uint64_t epoch, minibatch; ///< done: epochs, and minibatches of the one begun
  double loss_sum;           ///< over fine spins, of the epoch begun
  descent_epoch *curve;      ///< `epoch` of them
  double *shares;            ///< loss and gradient of each share of a minibatch, `stride` numbers apart
  size_t stride;
  double *scores; ///< ln P of each pair of a minibatch
} descent;

/// Most bytes of a descent with as many parameters as are allowed.
uint64_t descent_bytes(uint64_t epochs, uint64_t batch);

/// Starts from `weights`. The set has been cut into minibatches of at most `batch` pairs; both it and the model stay
/// with the caller. FG_FAILED: reported; descent_close in any case.
fg_status descent_open(descent *d, const inputs_model *model, training_set *data, const descent_settings *settings,
                       uint64_t batch, const double *weights);
void descent_close(descent *d);

int descent_done(const descent *d); ///< all epochs, or out of patience

/// Learns from one minibatch; with the last of an epoch, ends it. FG_FAILED: reported.
fg_status descent_step(descent *d);

/// Loss of the best weights over the training part, and over the held-out one (NaN without). FG_FAILED: reported.
fg_status descent_best_losses(descent *d, double *training, double *held_out);

/// Between two steps. What is restored goes on as if it had never stopped, on the same pairs.
fg_status descent_save(const descent *d, const fg_writer *writer);
fg_status descent_restore(descent *d, const fg_reader *reader);

#endif
