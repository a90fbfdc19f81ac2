// merge.h — what came of a sweep, as tables: SWEEP/summary.csv (every run's rows), SWEEP/combined.csv (replicas
// together) and SWEEP/points.csv (how far each point is). Works on what is there, and may be repeated at any time.
#ifndef FG_CORE_SWEEP_MERGE_H
#define FG_CORE_SWEEP_MERGE_H

#include "sweep/state.h"

typedef struct fg_merged {
  size_t states[FG_POINT_STATES]; ///< points in each
} fg_merged;

/// Writes the three files, each whole or not at all. FG_FAILED: one could not be written, or the results of a run could
/// not be read; what could be is there.
fg_status fg_sweep_merge(const fg_sweep_plan *plan, const fg_registry *registry, fg_merged *merged, fg_error *error);

#endif
