// autoregressive_rows.h — the arithmetic of a stretch of sites of one step: logits from column values, the way back, and
// probabilities from logits. There is one version for any machine and one each for AVX2 and AVX-512, all with the same
// results to the last bit.
#ifndef PLUGINS_NETWORKS_AUTOREGRESSIVE_ROWS_H
#define PLUGINS_NETWORKS_AUTOREGRESSIVE_ROWS_H

#include "autoregressive_spins.h"
#include "autoregressive_tables.h"

#define AUTOREGRESSIVE_SITES 128u                       ///< most sites of a stretch, a multiple of 8
#define AUTOREGRESSIVE_ROOM (AUTOREGRESSIVE_SITES + 8u) ///< numbers that arrays with one a site have room for

/// A lattice of spins, a byte each.
typedef struct autoregressive_lattice {
  const uint8_t *spins;
  uint64_t rows, width;
  uint64_t stride; ///< from row to row, a multiple of AUTOREGRESSIVE_GRAIN
} autoregressive_lattice;

/// Numbers that a row of column values needs room for; the column of x = 0 is the AUTOREGRESSIVE_GRAIN-th.
static inline uint64_t autoregressive_columns_room(uint64_t stride) { return stride + 4 * AUTOREGRESSIVE_GRAIN; }

/// Sites of one step, from any rows and configurations.
typedef struct autoregressive_sites {
  const autoregressive_table *table;
  uint64_t count;
  uint32_t *records; ///< [group][AUTOREGRESSIVE_ROOM]: what a site adds up
  float *units;      ///< [AUTOREGRESSIVE_ROOM][vectors · 8]: tanh of its hidden units, set by logits
} autoregressive_sites;

/// Successive sites of one row.
typedef struct autoregressive_run {
  const uint16_t *columns[2]; ///< values of the columns through the first site, on the coarse and on the fine lattice
  uint64_t stride[2];         ///< to those of the next site: 1, 2 or 4
  uint64_t count;
} autoregressive_run;

typedef struct autoregressive_kernel {
  /// The values of the columns that are centred on row y: bit i of columns[x] is the spin at (y - reach + i, x), periodic,
  /// for x = -reach … width+reach-1.
  void (*columns)(const autoregressive_lattice *lattice, uint64_t y, int32_t reach, uint16_t *columns);
  /// Appends a run to the sites, whose count it leaves as it is.
  void (*append)(const autoregressive_run *run, const autoregressive_sites *sites);
  /// logits[site], with AUTOREGRESSIVE_ROOM.
  void (*logits)(const autoregressive_sites *sites, double *logits);
  /// Adds slopes[site], the derivatives of a loss by the logits, to the sums that its gradient is made of.
  void (*add_slopes)(const autoregressive_sites *sites, const double *slopes, autoregressive_sums *sums);
  /// misses[i] = σ(-m), factors[i] = 1 + exp -|m|, m = margins[i]; so -ln σ(m) = max(-m, 0) + ln factors[i]. All with
  /// AUTOREGRESSIVE_ROOM.
  void (*probabilities)(const double *margins, uint64_t count, double *misses, double *factors);
} autoregressive_kernel;

/// The kernels that this machine can run, from the one for any machine on; NULL beyond the fastest.
const autoregressive_kernel *autoregressive_kernel_at(uint32_t index);

const autoregressive_kernel *autoregressive_fastest(void);

#endif
