// match_targets.h — what train.match aims at: exact values, values given, or means over configurations that come in, with
// the covariance of all targets (jackknife over bins, see bins.h).
#ifndef PLUGINS_TRAIN_MATCH_TARGETS_H
#define PLUGINS_TRAIN_MATCH_TARGETS_H

#include "match_config.h"
#include "plugins/estimate/bins.h"

/// Everything zero: nothing came yet.
typedef struct match_targets {
  const fg_host *host;
  const match_config *config;
  matching_task *task; ///< whose targets these are
  int connected;       ///< there is an input
  bins *bins[MATCHING_MOST_SIZES];
  measure_waves *waves[MATCHING_MOST_SIZES];
} match_targets;

uint64_t match_targets_bytes(const matching_task *task);
void match_targets_clear(match_targets *t);

/// Whether there will be a target for every row; `input` may be NULL. FG_FAILED: not so, reported.
fg_status match_targets_check(match_targets *t, const fg_format *input);

/// Takes configurations; sizes that are not matched are passed over.
fg_status match_targets_add(match_targets *t, const fg_batch *batch);

/// Fills target and scale of the task, and the targets' covariance, rows×rows. FG_FAILED: reported.
fg_status match_targets_fill(match_targets *t, double *covariance);

#endif
