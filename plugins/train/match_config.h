// match_config.h — what can be set of train.match, and what of it makes sense together.
#ifndef PLUGINS_TRAIN_MATCH_CONFIG_H
#define PLUGINS_TRAIN_MATCH_CONFIG_H

#include "matching.h"

enum { MATCH_TARGETS_AUTO, MATCH_TARGETS_EXACT, MATCH_TARGETS_STAGE, MATCH_TARGETS_VALUES };

typedef struct match_config {
  fg_text_list observables;
  fg_integer_list sizes;
  fg_real_list weights, size_weights, values, errors, initial;
  int64_t start, dreams, evaluations;
  double coupling, tolerance, step;
  int32_t targets, optimiser;
} match_config;

/// The parameter table; ends with NULL.
extern const fg_param *const match_params[];

/// Start, sizes, observables and dreams of a task; scale[] holds the weight of each row. FG_FAILED: reported.
fg_status match_config_read(const fg_host *host, const match_config *config, matching_task *task);

/// Fails, of parameter `param`, unless an observable can have this value.
fg_status match_config_possible(const fg_host *host, const char *param, int measure, uint64_t length, double value);

#endif
