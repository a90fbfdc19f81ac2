// message.h — memory of batches, models and tables: creation, reference counts, views.
// Counts are atomic: messages cross threads. Nothing here knows queues or files.
#ifndef FG_CORE_MESSAGE_H
#define FG_CORE_MESSAGE_H

#include "finegrain/message.h"

#include <stdbool.h>

/// A configuration larger than this travels as slabs.
#define FG_SLAB_BYTES ((uint64_t)4 << 20)

/// Rows of a slab of this lattice: as many as fit FG_SLAB_BYTES, at least one.
uint64_t fg_slab_rows(uint32_t element, const fg_lattice *lattice);

/// A zeroed batch of `count` configurations with rows first_row … first_row+rows-1 present, one reference.
/// NULL when memory is out or the sizes overflow.
fg_batch *fg_batch_create(uint32_t element, const fg_lattice *lattice, uint32_t count, uint64_t first_row,
                          uint64_t rows);

/// Configurations from … from+count-1 of `batch` without a copy; keeps `batch` alive. NULL when memory is out.
fg_batch *fg_batch_view(const fg_batch *batch, uint32_t from, uint32_t count);

/// Rows from … from+rows-1 of the only configuration of `batch` without a copy; keeps `batch` alive.
fg_batch *fg_batch_view_rows(const fg_batch *batch, uint64_t from, uint64_t rows);

/// Bytes of the batch's data.
uint64_t fg_batch_bytes(const fg_batch *batch);

/// References that a plugin holds, counted beside all others, so that a batch emitted twice is noticed: taken by the one
/// who made it, asked for or gave it back; given away when it is emitted. False: it holds none.
void fg_batch_take(const fg_batch *batch);
bool fg_batch_give(const fg_batch *batch);

/// Whether the bits between the last spin of each row and its last word are zero, as finegrain.h promises.
bool fg_batch_padding_is_zero(const fg_batch *batch);

void fg_batch_ref(const fg_batch *batch);
void fg_batch_unref(const fg_batch *batch); ///< NULL is allowed

fg_model *fg_model_create(const char *network, const char *hyperparameters, const double *weights,
                          uint64_t weight_count);
void fg_model_ref(const fg_model *model);
void fg_model_unref(const fg_model *model); ///< NULL is allowed

fg_table *fg_table_create(const char *name, const fg_column *const *columns);
fg_status fg_table_append(fg_table *table, const fg_cell *cells); ///< FG_FAILED: out of memory
void fg_table_ref(const fg_table *table);
void fg_table_unref(const fg_table *table); ///< NULL is allowed

/// Takes or drops a reference to whatever the message carries.
void fg_message_ref(const fg_message *message);
void fg_message_unref(const fg_message *message);

#endif
