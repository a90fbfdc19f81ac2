// estimating.h — what tests of estimators share: a stage by hand, its tables, and parallel_for in other orders.
#ifndef FG_TESTS_ESTIMATING_H
#define FG_TESTS_ESTIMATING_H

#include "check.h"
#include "driver.h"
#include "pool.h"
#include "spins.h"

#include <stdlib.h>

/// A stage told to expect lattices of rows×width.
static inline driver *estimator_open(const char *kind, const char *params, uint64_t rows, uint64_t width) {
  driver *d = driver_open(kind, params, 1);
  fg_format in = format_of_spins(rows, width);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in}), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

/// Feeds a batch at a level and coupling, and drops it.
static inline void estimator_feed(driver *d, fg_batch *batch, int level, double coupling) {
  batch->level = level;
  batch->coupling = coupling;
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
  driver_host(d)->batch_unref(driver_host(d), batch);
}

/// Feeds all that another stage has emitted.
static inline void estimator_feed_all(driver *d, const driver *source) {
  for (size_t i = 0; i < driver_count(source, 0); i++)
    CHECK_INTEGER(driver_feed_batch(d, 0, driver_message(source, 0, i)->batch), FG_OK);
}

static inline const fg_table *estimator_table(const driver *d, const char *name) {
  for (size_t i = 0; i < driver_count(d, 0); i++)
    if (strcmp(driver_message(d, 0, i)->table->name, name) == 0) return driver_message(d, 0, i)->table;
  return NULL;
}

/// A cell of a table by the name of its column.
static inline const fg_cell *cell_of(const fg_table *table, uint64_t row, const char *column) {
  for (uint32_t c = 0; c < table->column_count; c++)
    if (strcmp(table->columns[c]->name, column) == 0) return &table->cells[row * table->column_count + c];
  abort();
}

static inline double real_of(const fg_table *table, uint64_t row, const char *column) {
  return cell_of(table, row, column)->real;
}

/// Whether two tables agree to the last bit; NaN agrees with itself.
static inline int same_tables(const fg_table *a, const fg_table *b) {
  if (!a || !b || a->row_count != b->row_count || a->column_count != b->column_count) return 0;
  for (uint64_t i = 0; i < a->row_count * a->column_count; i++) {
    const fg_cell *one = &a->cells[i], *two = &b->cells[i];
    uint32_t type = a->columns[i % a->column_count]->type;
    if (type == FG_COLUMN_TEXT ? strcmp(one->text, two->text) != 0 : one->integer != two->integer) return 0;
  }
  return 1;
}

/// Configurations from … from+count-1 of a batch, copied.
static inline fg_batch *part_of(const fg_host *host, const fg_batch *all, uint32_t from, uint32_t count) {
  fg_batch *part = host->batch_new(host, all->element, &all->lattice, count);
  uint64_t bytes = all->rows * all->row_bytes;
  memcpy(part->data, (const char *)all->data + from * bytes, count * bytes);
  part->level = all->level;
  part->coupling = all->coupling;
  part->chain = all->chain;
  part->first = all->first + from;
  return part;
}

/// parallel_for from the last index to the first.
static inline fg_status parallel_backwards(const fg_host *host, uint64_t count,
                                           fg_status (*body)(void *arg, uint64_t index), void *arg) {
  (void)host;
  fg_status status = FG_OK;
  while (count-- > 0 && status == FG_OK) status = body(arg, count);
  return status;
}

/// parallel_for on four threads.
static inline fg_status parallel_on_threads(const fg_host *host, uint64_t count,
                                            fg_status (*body)(void *arg, uint64_t index), void *arg) {
  (void)host;
  fg_pool *pool = fg_pool_new(4);
  if (!pool) abort();
  fg_pool_acquire(pool);
  fg_status status = fg_pool_for(pool, count, body, arg, NULL);
  fg_pool_release(pool);
  fg_pool_free(pool);
  return status;
}

static inline int always_cancelled(const fg_host *host) {
  (void)host;
  return 1;
}

/// The driver's host, to replace one of its functions.
static inline fg_host *host_to_change(driver *d) { return (fg_host *)(uintptr_t)driver_host(d); }

#endif
