// adam_config.h — what can be set of train.adam.
#ifndef PLUGINS_TRAIN_ADAM_CONFIG_H
#define PLUGINS_TRAIN_ADAM_CONFIG_H

#include "finegrain/finegrain.h"

enum { ADAM_START_MODEL, ADAM_START_FRESH };
enum { ADAM_WEIGHTING_NONE, ADAM_WEIGHTING_TIED_BLOCKS };

typedef struct adam_config {
  int64_t epochs, batch, patience;
  int64_t hold; ///< bytes
  double rate, weight_decay, beta1, beta2, epsilon, validation;
  int32_t schedule; ///< an adamw_schedule
  int32_t loss;     ///< there is one
  int32_t weighting, start;
} adam_config;

/// The parameter table; ends with NULL.
extern const fg_param *const adam_params[];

#endif
