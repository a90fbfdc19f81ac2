// rg_tables.h — the tables of estimate.rg-matrix: estimates, convergence with the number of operators, whole spectra,
// conditions of the covariances, the operators, and T itself where it is asked for.
#ifndef PLUGINS_ESTIMATE_RG_TABLES_H
#define PLUGINS_ESTIMATE_RG_TABLES_H

#include "groups.h"
#include "operators.h"
#include "rg_analysis.h"

/// A pair of lattices and what was found of it.
typedef struct rg_pair {
  const group_key *fine;
  const fg_lattice *coarse;
  uint32_t factor; ///< b
  int critical;    ///< exact exponents stand beside it
  uint64_t n;      ///< configurations
  rg_analysis analysis;
} rg_pair;

enum { RG_ESTIMATES, RG_CONVERGENCE, RG_SPECTRUM, RG_CONDITION, RG_OPERATORS, RG_MATRIX, RG_TABLES };

typedef struct rg_tables {
  const fg_host *host;
  const operators *operators;
  uint32_t eigenvalues;       ///< with errors, of each parity
  fg_table *table[RG_TABLES]; ///< NULL: not made
} rg_tables;

/// Empty tables, but for that of the operators.
fg_status rg_tables_open(rg_tables *t, const fg_host *host, const operators *o, uint32_t eigenvalues, int matrix);

/// Adds the rows of a pair.
fg_status rg_tables_add(rg_tables *t, const rg_pair *pair);

/// Emits the tables on port 0 when `status` is FG_OK, drops them otherwise. Returns the first failure.
fg_status rg_tables_emit(rg_tables *t, fg_status status);

#endif
