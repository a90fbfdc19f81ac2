// results_data.h — what results.c gathers and results_hdf5.c, results_csv.c and results_print.c read. Private to them.
#ifndef FG_CORE_RESULTS_DATA_H
#define FG_CORE_RESULTS_DATA_H

#include "results.h"

#include <pthread.h>
#include <stdbool.h>

/// Tables of one name of one stage, in order of arrival: rows of the same columns.
typedef struct fg_result {
  const char *name;
  const fg_column *const *columns;
  uint32_t column_count;
  const fg_table **parts;
  size_t part_count, part_capacity;
  uint64_t row_count;
} fg_result;

typedef struct fg_stage_results {
  char *name;
  fg_result *tables; ///< in order of first arrival
  size_t table_count, table_capacity;
  const fg_model *model; ///< the last one
} fg_stage_results;

struct fg_results {
  pthread_mutex_t mutex; ///< held while adding; reading begins when the stages have ended
  fg_stage_results *stages;
  uint32_t stage_count;
};

/// summary.csv's columns after `stage`, which are also those every table named "estimates" has.
enum {
  FG_ESTIMATE_SIZE,
  FG_ESTIMATE_LEVEL,
  FG_ESTIMATE_OBSERVABLE,
  FG_ESTIMATE_VALUE,
  FG_ESTIMATE_ERROR,
  FG_ESTIMATE_N,
  FG_ESTIMATE_TAU_INT,
  FG_ESTIMATE_EXACT,
  FG_ESTIMATE_UNIT,
  FG_ESTIMATE_COLUMNS
};

typedef struct fg_estimate_column {
  const char *name;
  fg_column_type type;
} fg_estimate_column;

extern const fg_estimate_column fg_estimate_columns[FG_ESTIMATE_COLUMNS];

/// True for a table of estimates; `at` then has the place of each of summary.csv's columns among the table's own.
bool fg_result_estimates(const fg_result *table, uint32_t at[FG_ESTIMATE_COLUMNS]);

/// Row `row` of one part of a table: its first cell.
static inline const fg_cell *fg_part_row(const fg_table *part, uint64_t row) {
  return part->cells + row * part->column_count;
}

#endif
