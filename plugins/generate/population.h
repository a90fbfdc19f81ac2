// population.h — weighted configurations that compete: sums of weights known by their logarithms, and systematic
// resampling (G. Kitagawa, J. Comput. Graph. Stat. 5, 1, 1996), which keeps the order, so that relatives stay neighbours.
#ifndef PLUGINS_GENERATE_POPULATION_H
#define PLUGINS_GENERATE_POPULATION_H

#include "finegrain/finegrain.h"

typedef struct population_weights {
  double log_mean;  ///< ln of the mean weight; -infinity: all are 0
  double effective; ///< (ΣW)²/(n ΣW²); 0 when all are 0
} population_weights;

population_weights population_sum(const double *log_weight, uint32_t count);

/// Chooses `count` parents: number i lies at share (k + offset)/count of the summed weights, k = i + shift modulo count,
/// offset in [0, 1). With a shift drawn uniformly every place, not only their mean, has the weights' distribution: without,
/// the last place would nearly always take a late parent, whatever its weight. Not all weights are 0.
void population_choose(const double *log_weight, uint32_t count, double offset, uint32_t shift, uint32_t *parents);

/// Replaces a batch by one of the configurations chosen. FG_FAILED: reported, nothing changed.
fg_status population_take(const fg_host *host, fg_batch **batch, const uint32_t *parents);

#endif
