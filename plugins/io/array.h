// array.h — spins in an array of bytes, wherever the bytes come from: which axes are lattice rows and columns, whether a
// byte holds one spin or eight, 0/1 or ±1; and the way from there to packed bits. Readers of files (npy.h,
// hdf5_file.h) give shape and bytes.
#ifndef PLUGINS_IO_ARRAY_H
#define PLUGINS_IO_ARRAY_H

#include "finegrain/finegrain.h"

enum { LAYOUT_AUTO, LAYOUT_PLAIN, LAYOUT_PACKED };
enum { VALUES_AUTO, VALUES_ZERO_ONE, VALUES_PLUS_MINUS };
enum { BITS_BIG, BITS_LITTLE };

#define ARRAY_MOST_DIMS 3u

/// Bytes of an array of `dims` axes; the last ones are rows and columns, the first counts configurations.
typedef struct byte_array {
  uint32_t dims; ///< 2: one configuration; 3: many
  uint64_t shape[ARRAY_MOST_DIMS];
  int is_signed;
  void *handle;
  /// Reads configurations first … first+count-1, shape[dims-2]·shape[dims-1] bytes each. 0 after an error; `fault` says which.
  int (*read)(void *handle, uint64_t first, uint64_t count, uint8_t *bytes, char fault[256]);
  void (*close)(void *handle);
} byte_array;

/// How the user says the array is to be read; AUTO is told from values and shape.
typedef struct array_wish {
  int32_t layout, values, bit_order;
  int64_t width; ///< packed: spins in a row; 0: as many as there are rows
} array_wish;

/// What was found.
typedef struct array_plan {
  uint64_t configurations;
  fg_lattice lattice;
  int packed, plus_minus;
  int bit_order;
  uint64_t row_bytes, rows; ///< of the array
} array_plan;

/// Looks at shape and first values. 0 after writing into `fault` what is wrong or ambiguous, and which parameter decides.
int array_look(const byte_array *array, const array_wish *wish, array_plan *plan, char fault[256]);

/// "bit-packed along the last axis", "one byte a spin, 0/1", "one byte a spin, ±1".
const char *array_words(const array_plan *plan);

/// Fills a batch of whole configurations from `bytes` of its configurations. 0 with the first value that is no spin in
/// `fault`; `first` numbers the configurations in that message.
int array_convert(const array_plan *plan, const uint8_t *bytes, uint64_t first, fg_batch *batch, char fault[256]);

#endif
