// scoring.h — ln P(fine | coarse) of a batch of pairs under a model that came through an input, in parallel.
#ifndef PLUGINS_ESTIMATE_SCORING_H
#define PLUGINS_ESTIMATE_SCORING_H

#include "plugins/train/inputs.h"

/// Scores all pairs of a batch, into log_prob[count]; -infinity is a probability of 0. FG_FAILED: reported. [stage]
fg_status scoring_log_prob(const inputs_model *model, const fg_batch *fine, const fg_batch *coarse, double *log_prob);

/// Makes room for `count` numbers in an array that grows. FG_FAILED: out of memory, reported.
fg_status scoring_make_room(const fg_host *host, double **numbers, uint64_t count);

/// FG_FAILED, reported: configuration i of a batch has a log-probability that is none. What one of -infinity means the
/// caller must say.
fg_status scoring_refuse(const inputs_model *model, const fg_batch *fine, uint64_t i, double log_prob);

#endif
