// ladder.h — which model of a list makes which inverse step. Lists are aligned to the end: the last model makes the last
// step, the one before it the step before, and the first one also all earlier steps. For what a step must know is how far
// from the top it is: the renormalised ensembles follow from the number of blockings, hardly from the size.
#ifndef PLUGINS_GENERATE_LADDER_H
#define PLUGINS_GENERATE_LADDER_H

#include "finegrain/finegrain.h"

/// Index of the model for step `step`, 1 … steps, of a list of `models`.
static inline int64_t ladder_rung(int64_t steps, int64_t models, int64_t step) {
  const int64_t rung = models - 1 - (steps - step);
  return rung > 0 ? rung : 0;
}

/// Whether a list has a step for every model, when the first `first_steps` steps are made by another one. A list of one
/// may have none.
static inline fg_status ladder_check(const fg_host *host, int64_t steps, int64_t first_steps, int64_t models) {
  const int64_t most = steps - first_steps > 1 ? steps - first_steps : 1;
  if (models <= most) return FG_OK;
  return host->fail(host,
                    "%" PRId64 " models in the list, but there are %" PRId64
                    " steps for them; the last model makes the last step: leave out the first %" PRId64,
                    models, most, models - most);
}

/// Models that an input brings.
static inline int64_t ladder_models(const fg_format *format) { return format->models ? format->models : 1; }

#endif
