// message.h — what travels along the edges: batches of configurations, models, tables.
// Messages are made by the host (fg_host.batch_new, model_new, table_new), counted by reference and, once emitted,
// immutable: everyone downstream may hold them at the same time.
#ifndef FINEGRAIN_MESSAGE_H
#define FINEGRAIN_MESSAGE_H

#include "lattice.h"

typedef enum fg_kind {
  FG_BATCH = 1,
  FG_MODEL = 2,
  FG_TABLE = 4,
} fg_kind;

/// Some configurations of one lattice, or, when the lattice is large, a slab of whole rows of one configuration.
/// data holds `count` configurations one after the other, each `rows` rows of `row_bytes` bytes, 64-byte aligned at
/// the start of the batch. The producer sets level, first, chain and coupling; the host sets the rest.
typedef struct fg_batch {
  uint32_t size;
  uint32_t element; ///< an fg_element
  fg_lattice lattice;
  uint32_t count;     ///< configurations; 1 for a slab
  int32_t level;      ///< inverse steps from a dream's start; blocking counts down
  uint64_t sequence;  ///< position of the batch in its stream (set by emit)
  uint64_t first;     ///< index of the first configuration among those of its level
  uint64_t first_row; ///< slab: its first row; otherwise 0
  uint64_t rows;      ///< rows present; all rows of the lattice unless this is a slab
  uint64_t row_bytes; ///< bytes from row to row
  uint32_t chain;     ///< Markov chain the configurations belong to; 0 when they are independent draws
  uint32_t reserved;  ///< zero
  double coupling;    ///< K the configurations were drawn at; NaN when unknown (dreams, blocked lattices, files)
  void *data;         ///< writable until emitted, then not
} fg_batch;

/// Row y (counted from the batch's first row) of configuration i, read only.
static inline const uint64_t *fg_batch_row(const fg_batch *batch, uint64_t i, uint64_t y) {
  return (const uint64_t *)(const void *)((const char *)batch->data + (i * batch->rows + y) * batch->row_bytes);
}

/// The same for a batch not yet emitted.
static inline uint64_t *fg_batch_row_mut(fg_batch *batch, uint64_t i, uint64_t y) {
  return (uint64_t *)(void *)((char *)batch->data + (i * batch->rows + y) * batch->row_bytes);
}

/// A network with weights. Made by fg_host.model_new, which copies everything.
typedef struct fg_model {
  uint32_t size;
  uint32_t reserved;           ///< zero
  const char *network;         ///< kind of the network's stage, e.g. "network.symmetric"
  const char *hyperparameters; ///< JSON object, as the network's `open` takes it
  uint64_t weight_count;       ///< 0: not trained yet
  const double *weights;
} fg_model;

typedef enum fg_column_type {
  FG_COLUMN_REAL = 1,    ///< double; NaN = unknown
  FG_COLUMN_INTEGER = 2, ///< int64_t
  FG_COLUMN_TEXT = 3,    ///< UTF-8 text
} fg_column_type;

/// A column of a table. Constant data of the plugin.
typedef struct fg_column {
  uint32_t size;
  uint32_t type;    ///< an fg_column_type
  const char *name; ///< [A-Za-z_][A-Za-z0-9_]*
  const char *unit; ///< "1" for pure numbers, "" for text
  const char *description;
} fg_column;

/// A cell of a table, read by the column's type.
typedef union fg_cell {
  double real;
  int64_t integer;
  const char *text;
} fg_cell;

/// A table. Made by fg_host.table_new, filled by fg_host.table_row (which copies texts), given away by emit.
typedef struct fg_table {
  uint32_t size;
  uint32_t column_count;
  const char *name; ///< data set's name in results.h5; "estimates" also goes to summary.csv (see estimates.h)
  const fg_column *const *columns; ///< column_count pointers
  uint64_t row_count;
  const fg_cell *cells; ///< row_count × column_count, row after row
} fg_table;

/// One message: the member named by `kind` is set, the others are NULL.
typedef struct fg_message {
  uint32_t size;
  uint32_t kind; ///< an fg_kind
  const fg_batch *batch;
  const fg_model *model;
  const fg_table *table;
} fg_message;

#endif
