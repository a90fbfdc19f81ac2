// message.c — see message.h. Each message is the first member of a private struct that holds its reference count.
#include "message.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define DATA_ALIGNMENT ((size_t)64)
#define LIVE 0x6c697665u // "live"

typedef struct batch_box {
  fg_batch batch;
  atomic_uint references;
  atomic_int taken;       ///< of these, how many a plugin holds
  uint32_t live;          ///< LIVE until it is freed
  const fg_batch *parent; ///< a view keeps this alive and owns no data
} batch_box;

typedef struct model_box {
  fg_model model;
  atomic_uint references;
} model_box;

typedef struct table_box {
  fg_table table;
  atomic_uint references;
  uint64_t row_capacity;
  fg_column *columns; ///< copies of this host's size: a field the plugin's do not have is zero
  const fg_column **pointers;
  char **texts; ///< copies of the text cells
  uint64_t text_count, text_capacity;
} table_box;

uint64_t fg_slab_rows(uint32_t element, const fg_lattice *lattice) {
  uint64_t row = fg_row_bytes(element, fg_lattice_width(lattice));
  uint64_t rows = row ? FG_SLAB_BYTES / row : 1;
  return rows ? rows : 1;
}

uint64_t fg_batch_bytes(const fg_batch *batch) { return (uint64_t)batch->count * batch->rows * batch->row_bytes; }

static batch_box *box_of(const fg_batch *batch) { return (batch_box *)(uintptr_t)batch; }

fg_batch *fg_batch_create(uint32_t element, const fg_lattice *lattice, uint32_t count, uint64_t first_row,
                          uint64_t rows) {
  uint64_t row_bytes = fg_row_bytes(element, fg_lattice_width(lattice));
  uint64_t bytes;
  if (__builtin_mul_overflow(row_bytes, rows, &bytes) || __builtin_mul_overflow(bytes, count, &bytes)) return NULL;
  if (bytes > SIZE_MAX / 2) return NULL;
  batch_box *box = calloc(1, sizeof *box);
  if (!box) return NULL;
  size_t padded = ((size_t)bytes + DATA_ALIGNMENT - 1) / DATA_ALIGNMENT * DATA_ALIGNMENT;
  box->batch.data = aligned_alloc(DATA_ALIGNMENT, padded ? padded : DATA_ALIGNMENT);
  if (!box->batch.data) {
    free(box);
    return NULL;
  }
  memset(box->batch.data, 0, padded ? padded : DATA_ALIGNMENT);
  atomic_init(&box->references, 1);
  box->live = LIVE;
  box->batch.size = sizeof(fg_batch);
  box->batch.element = element;
  box->batch.lattice = *lattice;
  box->batch.count = count;
  box->batch.first_row = first_row;
  box->batch.rows = rows;
  box->batch.row_bytes = row_bytes;
  box->batch.coupling = NAN;
  return &box->batch;
}

static fg_batch *view(const fg_batch *batch, uint64_t offset) {
  batch_box *box = calloc(1, sizeof *box);
  if (!box) return NULL;
  box->batch = *batch;
  atomic_init(&box->references, 1);
  box->live = LIVE;
  box->parent = batch;
  box->batch.data = (char *)batch->data + offset;
  fg_batch_ref(batch);
  return &box->batch;
}

fg_batch *fg_batch_view(const fg_batch *batch, uint32_t from, uint32_t count) {
  fg_batch *part = view(batch, from * batch->rows * batch->row_bytes);
  if (!part) return NULL;
  part->count = count;
  part->first = batch->first + from;
  return part;
}

fg_batch *fg_batch_view_rows(const fg_batch *batch, uint64_t from, uint64_t rows) {
  fg_batch *part = view(batch, from * batch->row_bytes);
  if (!part) return NULL;
  part->first_row = batch->first_row + from;
  part->rows = rows;
  return part;
}

void fg_batch_ref(const fg_batch *batch) { atomic_fetch_add(&box_of(batch)->references, 1); }

void fg_batch_unref(const fg_batch *batch) {
  if (!batch) return;
  batch_box *box = box_of(batch);
  if (atomic_fetch_sub(&box->references, 1) != 1) return;
  if (box->parent)
    fg_batch_unref(box->parent);
  else
    free(box->batch.data);
  box->live = 0;
  free(box);
}

void fg_batch_take(const fg_batch *batch) { atomic_fetch_add(&box_of(batch)->taken, 1); }

/// A batch that has been freed is looked at, too: it was emitted twice, and what is left of it mostly tells.
bool fg_batch_give(const fg_batch *batch) {
  batch_box *box = box_of(batch);
  if (!batch || box->live != LIVE) return false;
  int taken = atomic_load(&box->taken);
  while (taken > 0 && !atomic_compare_exchange_weak(&box->taken, &taken, taken - 1)) continue;
  return taken > 0;
}

bool fg_batch_padding_is_zero(const fg_batch *batch) {
  uint64_t width = fg_lattice_width(&batch->lattice);
  uint64_t bits = batch->element == FG_SPIN1 ? width : batch->element == FG_STATE8 ? width * 8 : width * 32;
  if (bits % 64 == 0) return true;
  uint64_t mask = ~UINT64_C(0) << (bits % 64), found = 0, words = batch->row_bytes / 8;
  const uint64_t *row = batch->data;
  for (uint64_t r = 0; r < batch->rows * batch->count; r++) found |= row[r * words + words - 1] & mask;
  return found == 0;
}

fg_model *fg_model_create(const char *network, const char *hyperparameters, const double *weights,
                          uint64_t weight_count) {
  model_box *box = calloc(1, sizeof *box);
  if (!box) return NULL;
  atomic_init(&box->references, 1);
  double *copy = calloc(weight_count + 1, sizeof *copy);
  box->model.size = sizeof(fg_model);
  box->model.network = strdup(network);
  box->model.hyperparameters = strdup(hyperparameters);
  box->model.weights = copy;
  if (!copy || !box->model.network || !box->model.hyperparameters) {
    fg_model_unref(&box->model);
    return NULL;
  }
  if (weight_count) memcpy(copy, weights, weight_count * sizeof *copy);
  box->model.weight_count = weight_count;
  return &box->model;
}

void fg_model_ref(const fg_model *model) { atomic_fetch_add(&((model_box *)(uintptr_t)model)->references, 1); }

void fg_model_unref(const fg_model *model) {
  if (!model) return;
  model_box *box = (model_box *)(uintptr_t)model;
  if (atomic_fetch_sub(&box->references, 1) != 1) return;
  free((void *)(uintptr_t)box->model.network);
  free((void *)(uintptr_t)box->model.hyperparameters);
  free((void *)(uintptr_t)box->model.weights);
  free(box);
}

/// The plugin's columns as this host knows them.
static int copy_columns(table_box *box, const fg_column *const *columns) {
  uint32_t count = 0;
  while (columns[count]) count++;
  box->columns = calloc(count + 1, sizeof *box->columns);
  box->pointers = calloc(count + 1, sizeof *box->pointers);
  if (!box->columns || !box->pointers) return 0;
  for (uint32_t c = 0; c < count; c++) {
    size_t bytes = columns[c]->size < sizeof(fg_column) ? columns[c]->size : sizeof(fg_column);
    memcpy(&box->columns[c], columns[c], bytes);
    box->pointers[c] = &box->columns[c];
  }
  box->table.column_count = count;
  box->table.columns = box->pointers;
  return 1;
}

fg_table *fg_table_create(const char *name, const fg_column *const *columns) {
  table_box *box = calloc(1, sizeof *box);
  if (!box) return NULL;
  atomic_init(&box->references, 1);
  box->table.size = sizeof(fg_table);
  box->table.name = name;
  if (copy_columns(box, columns)) return &box->table;
  fg_table_unref(&box->table);
  return NULL;
}

/// Doubles an array of `size`-byte items until `needed` fit.
static int grow(void **items, uint64_t *capacity, uint64_t needed, size_t size) {
  if (needed <= *capacity) return 1;
  uint64_t wanted = *capacity ? *capacity * 2 : 32;
  if (wanted < needed) wanted = needed;
  void *larger = realloc(*items, wanted * size);
  if (!larger) return 0;
  *items = larger;
  *capacity = wanted;
  return 1;
}

fg_status fg_table_append(fg_table *table, const fg_cell *cells) {
  table_box *box = (table_box *)(void *)table;
  uint32_t width = table->column_count;
  void *rows = (void *)(uintptr_t)table->cells;
  int grown = grow(&rows, &box->row_capacity, table->row_count + 1, width * sizeof(fg_cell));
  table->cells = rows;
  if (!grown) return FG_FAILED;
  fg_cell *row = (fg_cell *)rows + table->row_count * width;
  for (uint32_t c = 0; c < width; c++) {
    row[c] = cells[c];
    if (table->columns[c]->type != FG_COLUMN_TEXT) continue;
    void *texts = box->texts;
    grown = grow(&texts, &box->text_capacity, box->text_count + 1, sizeof(char *));
    box->texts = texts;
    char *copy = grown ? strdup(cells[c].text ? cells[c].text : "") : NULL;
    if (!copy) return FG_FAILED;
    box->texts[box->text_count++] = copy;
    row[c].text = copy;
  }
  table->row_count++;
  return FG_OK;
}

void fg_table_ref(const fg_table *table) { atomic_fetch_add(&((table_box *)(uintptr_t)table)->references, 1); }

void fg_table_unref(const fg_table *table) {
  if (!table) return;
  table_box *box = (table_box *)(uintptr_t)table;
  if (atomic_fetch_sub(&box->references, 1) != 1) return;
  for (uint64_t i = 0; i < box->text_count; i++) free(box->texts[i]);
  free(box->texts);
  free(box->columns);
  free(box->pointers);
  free((void *)(uintptr_t)box->table.cells);
  free(box);
}

void fg_message_ref(const fg_message *message) {
  if (message->batch) fg_batch_ref(message->batch);
  if (message->model) fg_model_ref(message->model);
  if (message->table) fg_table_ref(message->table);
}

void fg_message_unref(const fg_message *message) {
  fg_batch_unref(message->batch);
  fg_model_unref(message->model);
  fg_table_unref(message->table);
}
