// array.h — spins in an array of bytes, wherever the bytes come from or go to: which axes are lattice rows and columns,
// whether a byte holds one site or eight spins, 0/1 or ±1; and the way from there to a batch and back. Files give and
// take shape and bytes (npy.h, hdf5_file.h).
#ifndef PLUGINS_IO_ARRAY_H
#define PLUGINS_IO_ARRAY_H

#include "core/error.h"
#include "finegrain/finegrain.h"

enum { LAYOUT_AUTO, LAYOUT_PLAIN, LAYOUT_PACKED };
enum { VALUES_AUTO, VALUES_ZERO_ONE, VALUES_PLUS_MINUS, VALUES_STATES };
enum { BITS_BIG, BITS_LITTLE };
enum { ARRAY_UINT8, ARRAY_INT8, ARRAY_BOOL };

#define ARRAY_MOST_DIMS 3u

/// An array of `dims` axes in a file; the last ones are rows and columns, the first counts configurations.
typedef struct byte_array {
  uint32_t dims; ///< 2: one configuration; 3: any number
  uint64_t shape[ARRAY_MOST_DIMS];
  uint32_t type;         ///< ARRAY_UINT8, …
  uint64_t memory_bytes; ///< most that reading holds beside the caller's bytes
  void *handle;
  /// Reads `rows` rows from row `first_row` on, counted through all configurations, shape[dims-1] bytes each. The rows
  /// are those of whole configurations, or lie within one.
  fg_status (*read)(void *handle, uint64_t first_row, uint64_t rows, uint8_t *bytes, fg_error *error);
  void (*close)(void *handle);
} byte_array;

/// How the user says the array is to be read; AUTO is told from type, values and shape.
typedef struct array_wish {
  int32_t layout, values, bit_order;
  int64_t width; ///< packed: spins in a row; 0: as many as there are rows
} array_wish;

/// What the bytes of an array mean. Rows of `row_bytes` bytes; `rows` of them are a configuration.
typedef struct array_plan {
  uint64_t configurations;
  fg_lattice lattice;
  uint32_t element; ///< FG_SPIN1 or FG_STATE8
  int packed, plus_minus;
  int is_signed; ///< bytes are int8, not uint8
  int32_t bit_order;
  uint64_t rows, row_bytes;
} array_plan;

/// Looks at shape and first values. Fails with what is wrong or ambiguous, and which parameter decides.
fg_status array_look(const byte_array *array, const array_wish *wish, array_plan *plan, fg_error *error);

/// "bit-packed along the last axis", "one byte a spin, 0/1", "one byte a spin, ±1", "one byte a site, states".
const char *array_words(const array_plan *plan);

/// Fills a zeroed batch, or slab, of the plan's lattice from the bytes of its rows. Fails with the first value that is
/// no spin; `first` numbers the configurations in that message.
fg_status array_to_batch(const array_plan *plan, const uint8_t *bytes, uint64_t first, fg_batch *batch,
                         fg_error *error);

/// The other way: batch->count · batch->rows · plan->row_bytes bytes.
void array_from_batch(const array_plan *plan, const fg_batch *batch, uint8_t *bytes);

/// The beginning of a file that holds the plan's array and nothing behind it. For plans that differ only in
/// `configurations` all heads are equally long, but that of no configurations may be longer. `bytes` is the caller's to
/// free.
typedef struct array_head {
  uint8_t *bytes;
  uint64_t count;
} array_head;

#endif
