// fuzz_array.h — an opened array of bytes, read as source.file reads it: what the shape announces is there, or an error
// says why not.
#ifndef FG_TESTS_FUZZ_FUZZ_ARRAY_H
#define FG_TESTS_FUZZ_FUZZ_ARRAY_H

#include "fuzz/fuzz.h"
#include "message.h"
#include "plugins/io/array.h"

/// Larger batches are left out: they cost time and show nothing new.
#define FUZZ_MOST_BYTES ((uint64_t)1 << 20)

/// The wishes of a user, from two bytes.
static inline array_wish fuzz_wish(uint8_t choices, uint8_t width) {
  return (array_wish){choices % 3, choices / 3 % 4, choices / 12 % 2, width};
}

/// Reads the last configuration of an array, one row of it where it is large, and closes the array.
static inline void fuzz_read_array(byte_array *array, const array_wish *wish) {
  fg_error error = {0};
  array_plan plan;
  fg_status status = array_look(array, wish, &plan, &error);
  require(status == FG_OK || error.text[0]);
  if (status == FG_OK) {
    require(plan.configurations > 0 && plan.rows > 0 && plan.row_bytes > 0);
    bool small = plan.rows * plan.row_bytes <= FUZZ_MOST_BYTES; // extents are at most 2^20
    uint64_t rows = small ? plan.rows : 1, last = plan.configurations - 1;
    fg_batch *batch = fg_batch_create(plan.element, &plan.lattice, 1, plan.rows - rows, rows);
    uint8_t *bytes = malloc(rows * plan.row_bytes);
    require(batch && bytes);
    status = array->read(array->handle, last * plan.rows + plan.rows - rows, rows, bytes, &error);
    require(status == FG_OK || error.text[0]);
    if (status == FG_OK && array_to_batch(&plan, bytes, last, batch, &error) == FG_OK) {
      uint8_t *back = malloc(rows * plan.row_bytes);
      require(back != NULL);
      array_from_batch(&plan, batch, back);
      require(memcmp(back, bytes, rows * plan.row_bytes) == 0 || plan.plus_minus);
      free(back);
    }
    free(bytes);
    fg_batch_unref(batch);
  }
  array->close(array->handle);
}

#endif
