// variational_config.h — what can be set of train.variational.
#ifndef PLUGINS_TRAIN_VARIATIONAL_CONFIG_H
#define PLUGINS_TRAIN_VARIATIONAL_CONFIG_H

#include "finegrain/finegrain.h"

typedef struct variational_config {
  int64_t size, dreams, steps, check;
  double coupling, rate, weight_decay, beta1, beta2;
  int32_t kernel;   ///< FREE_ENERGY_MAJORITY, …
  int32_t schedule; ///< an adamw_schedule
} variational_config;

/// The parameter table; ends with NULL.
extern const fg_param *const variational_params[];

#endif
