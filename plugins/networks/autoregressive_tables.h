// autoregressive_tables.h — what a step adds up, tabulated. The spins a site looks at lie in columns of the coarse and of
// the fine lattice; all that one or two columns contribute, to the linear part of the logit and to every hidden unit, is a
// function of their few spins and is looked up under their bits. The gradient goes the same way back: sums over all sites
// that had these bits, from which each weight's share is taken in the end.
#ifndef PLUGINS_NETWORKS_AUTOREGRESSIVE_TABLES_H
#define PLUGINS_NETWORKS_AUTOREGRESSIVE_TABLES_H

#include "autoregressive_shape.h"

#define AUTOREGRESSIVE_MOST_COLUMNS (2 * AUTOREGRESSIVE_MOST_COARSE + 2 * AUTOREGRESSIVE_MOST_FINE + 2)
#define AUTOREGRESSIVE_MOST_GROUPS (AUTOREGRESSIVE_MOST_COLUMNS + 3)
#define AUTOREGRESSIVE_TOGETHER 4u ///< groups are filled up to a multiple of this
#define AUTOREGRESSIVE_PARTS 3u    ///< most columns of a group

/// A column that is looked at. Bit i of its value is the spin `i - reach` rows below the parent's (the site's) row.
typedef struct autoregressive_column {
  int8_t fine;
  int8_t dx;      ///< columns from the parent, from the site
  uint8_t lowest; ///< the lowest bit looked at
  uint8_t bits;   ///< number from there to the highest
  uint8_t place;  ///< of the lowest bit, in the value of the group
} autoregressive_column;

/// Columns that are looked up together.
typedef struct autoregressive_group {
  uint32_t columns, bits;
  autoregressive_column column[AUTOREGRESSIVE_PARTS];
  uint32_t first; ///< record of value 0; there are 2^bits
} autoregressive_group;

/// A record for each value of each group, one after the other: contributions, or sums of the way back. It holds vectors·8
/// floats, those of the hidden units and zeros, and then a double, the linear part.
typedef struct autoregressive_records {
  char *bytes;
  float *out; ///< [vectors · 8]: the units' weights in the logit, or their sums
} autoregressive_records;

typedef struct autoregressive_table {
  uint32_t groups;
  autoregressive_group group[AUTOREGRESSIVE_MOST_GROUPS]; ///< what fills them up are groups with the last record only
  uint32_t records;                                       ///< the last one is zero
  uint32_t vectors;                                       ///< of 8 hidden units
  uint32_t record_bytes;
  autoregressive_records values;
} autoregressive_table;

static inline float *autoregressive_units(const autoregressive_table *table, const autoregressive_records *values,
                                          uint64_t record) {
  return (float *)(void *)(values->bytes + record * table->record_bytes);
}

static inline double *autoregressive_linear(const autoregressive_table *table, const autoregressive_records *values,
                                            uint64_t record) {
  return (double *)(void *)(values->bytes + record * table->record_bytes + table->vectors * 8 * sizeof(float));
}

/// Tables of all steps. With `alone` sites do not look at others of the same position.
typedef struct autoregressive_tables {
  autoregressive_table step[AUTOREGRESSIVE_MOST_STEPS];
  uint64_t most_bytes; ///< of a step's records
  void *memory;
} autoregressive_tables;

/// NULL: out of memory.
autoregressive_tables *autoregressive_tables_new(const autoregressive_shape *shape, const double *weights, int alone);
void autoregressive_tables_free(autoregressive_tables *tables); ///< NULL is allowed

/// Sums for any step, zero; they belong to one thread. memory NULL: out of memory.
typedef struct autoregressive_sums {
  autoregressive_records values;
  uint64_t sites; ///< added since they were zero
  uint64_t bytes;
  void *memory;
} autoregressive_sums;

autoregressive_sums autoregressive_sums_new(const autoregressive_tables *tables);
void autoregressive_sums_free(autoregressive_sums *sums);

/// Lays zero sums out for a step. Once for every step, before anything is added.
void autoregressive_sums_begin(const autoregressive_table *table, autoregressive_sums *sums);

/// Adds what the sums of step `s` make to the gradient by its parameters, and clears them.
void autoregressive_sums_flush(const autoregressive_shape *shape, const autoregressive_tables *tables, uint32_t s,
                               int alone, autoregressive_sums *sums, double *gradient);

#endif
