// estimates.h — the table every estimator fills: one row an estimate, the columns of summary.csv.
#ifndef FINEGRAIN_ESTIMATES_H
#define FINEGRAIN_ESTIMATES_H

#include "host.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/// One estimate. NaN = unknown.
typedef struct fg_estimate {
  const fg_lattice *lattice;
  int32_t level;
  const char *observable; ///< e, abs_m, m, m2, m4, chi, chi_connected, varE, C, U, binder_cumulant, xi, …
  double value;
  double error;   ///< one standard deviation
  uint64_t n;     ///< configurations
  double tau_int; ///< integrated autocorrelation time in configurations; 0.5 = independent
  double exact;
  const char *unit; ///< "1", "J", …
} fg_estimate;

/// An empty table of estimates.
static inline fg_table *fg_estimates_new(const fg_host *host) {
  static const fg_column size = {sizeof(fg_column), FG_COLUMN_TEXT, "size", "", "linear size L, or LxM"};
  static const fg_column level = {sizeof(fg_column), FG_COLUMN_INTEGER, "level", "1",
                                  "inverse steps from a dream's start; blocking counts down"};
  static const fg_column observable = {sizeof(fg_column), FG_COLUMN_TEXT, "observable", "", "name of the observable"};
  static const fg_column value = {sizeof(fg_column), FG_COLUMN_REAL, "value", "see unit", "estimate"};
  static const fg_column error = {sizeof(fg_column), FG_COLUMN_REAL, "error", "see unit",
                                  "one standard deviation of the estimate"};
  static const fg_column n = {sizeof(fg_column), FG_COLUMN_INTEGER, "n", "1", "configurations"};
  static const fg_column tau = {sizeof(fg_column), FG_COLUMN_REAL, "tau_int", "configurations",
                                "integrated autocorrelation time; 0.5 for independent draws"};
  static const fg_column exact = {sizeof(fg_column), FG_COLUMN_REAL, "exact", "see unit", "exact value where known"};
  static const fg_column unit = {sizeof(fg_column), FG_COLUMN_TEXT, "unit", "", "unit of value, error and exact"};
  static const fg_column *const columns[] = {&size, &level, &observable, &value, &error, &n, &tau, &exact, &unit, NULL};
  return host->table_new(host, "estimates", columns);
}

/// "L" for a lattice of equal extents, "LxM" otherwise.
static inline void fg_lattice_name(const fg_lattice *lattice, char name[96]) {
  int equal = 1;
  for (uint32_t d = 1; d < lattice->dims; d++) equal &= lattice->extent[d] == lattice->extent[0];
  int at = snprintf(name, 96, "%" PRIu64, lattice->extent[0]);
  for (uint32_t d = 1; d < lattice->dims && !equal; d++)
    at += snprintf(name + at, (size_t)(96 - at), "x%" PRIu64, lattice->extent[d]);
}

static inline fg_status fg_estimates_add(const fg_host *host, fg_table *table, const fg_estimate *estimate) {
  char size[96];
  fg_lattice_name(estimate->lattice, size);
  fg_cell cells[9];
  cells[0].text = size;
  cells[1].integer = estimate->level;
  cells[2].text = estimate->observable;
  cells[3].real = estimate->value;
  cells[4].real = estimate->error;
  cells[5].integer = (int64_t)estimate->n;
  cells[6].real = estimate->tau_int;
  cells[7].real = estimate->exact;
  cells[8].text = estimate->unit;
  return host->table_row(host, table, cells);
}

#endif
