// hdf5.h — reads back what results_hdf5.c wrote: tables and models, in part when they are large.
#ifndef FG_CORE_REPORT_HDF5_H
#define FG_CORE_REPORT_HDF5_H

#include "error.h"
#include "finegrain/message.h"
#include "report/arena.h"

/// A table of a stage; its first rows.
typedef struct fg_saved_table {
  const char *stage, *name;
  uint64_t rows; ///< in the file
  uint64_t row_count;
  uint32_t column_count;
  const fg_column *columns;
  const fg_cell *cells; ///< row_count × column_count, row after row
} fg_saved_table;

typedef struct fg_saved_model {
  const char *stage, *network, *hyperparameters;
  uint64_t weights_in_file, weight_count; ///< all of them, unless there are very many
  const double *weights;
} fg_saved_model;

/// In the order of the stages' names, as HDF5 gives them.
typedef struct fg_saved_results {
  fg_saved_table *tables;
  size_t table_count;
  fg_saved_model *models;
  size_t model_count;
  const char *machine; ///< "" when unknown
} fg_saved_results;

/// Reads `path`, at most `most_rows` rows of a table and `most_weights` of a model. Everything lives in `arena`. HDF5 is
/// called under fg_serialize("hdf5").
fg_status fg_saved_results_read(const char *path, uint64_t most_rows, uint64_t most_weights, fg_arena *arena,
                                fg_saved_results *results, fg_error *error);

#endif
