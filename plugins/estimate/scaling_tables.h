// scaling_tables.h — the fits of estimate.scaling and its tables: which observable is fitted with which function of the
// size, over which sizes, and beside what it is shown.
#ifndef PLUGINS_ESTIMATE_SCALING_TABLES_H
#define PLUGINS_ESTIMATE_SCALING_TABLES_H

#include "scaling_points.h"

#define SCALING_FEWEST_SIZES 3u // of a fit

/// Fits all curves of `count` points, which are sorted (point_compare), and emits the tables estimates, fits and local on
/// output 0. Sizes below min_size enter no fit. Fails when no curve has sizes enough.
fg_status scaling_emit(const fg_host *host, const point *points, size_t count, uint64_t min_size, double reference);

#endif
