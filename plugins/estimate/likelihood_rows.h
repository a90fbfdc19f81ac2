// likelihood_rows.h — what estimate.likelihood says of one level of a dream: its rows, and warnings.
#ifndef PLUGINS_ESTIMATE_LIKELIHOOD_ROWS_H
#define PLUGINS_ESTIMATE_LIKELIHOOD_ROWS_H

#include "bins.h"
#include "importance.h"
#include "likelihood_dreams.h"

/// All draws of one level.
typedef struct likelihood_level {
  fg_lattice lattice;
  int32_t level;
  int weighted;       ///< the weights of its draws are known
  importance *sums;   ///< of weighted ones
  bins *nll;          ///< -ln P per site of the step that made it
  uint64_t blocks[5]; ///< by the number of spins equal to the coarse one
} likelihood_level;

fg_status likelihood_rows(const fg_host *host, fg_table *table, const likelihood_level *level,
                          const likelihood_target *target);

#endif
