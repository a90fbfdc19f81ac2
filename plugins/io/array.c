// array.c — see array.h.
#include "array.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_BYTES ((uint64_t)1 << 20) ///< looked at to tell layout and values
#define MOST_EXTENT ((uint64_t)1 << 20)

/// Which values occur among the first configurations.
typedef struct census {
  int zero, one, minus_one, other;
} census;

static int take_census(const byte_array *array, uint64_t configurations, uint64_t bytes_each, census *seen,
                       char fault[256]) {
  uint64_t count = LOOK_BYTES / bytes_each;
  if (count < 1) count = 1;
  if (count > configurations) count = configurations;
  uint8_t *bytes = malloc(count * bytes_each);
  if (!bytes) {
    snprintf(fault, 256, "out of memory for %" PRIu64 " bytes", count * bytes_each);
    return 0;
  }
  int read = array->read(array->handle, 0, count, bytes, fault);
  for (uint64_t i = 0; read && i < count * bytes_each; i++) {
    seen->zero |= bytes[i] == 0;
    seen->one |= bytes[i] == 1;
    seen->minus_one |= bytes[i] == 255 && array->is_signed;
    seen->other |= bytes[i] > 1 && !(bytes[i] == 255 && array->is_signed);
  }
  free(bytes);
  return read;
}

/// Plain or packed, from shape and values; 0 when it cannot be told.
static int tell_layout(const byte_array *array, const census *seen, uint64_t rows, uint64_t row_bytes, int *packed,
                       char fault[256]) {
  int could_be_packed = !array->is_signed && row_bytes == (rows + 7) / 8;
  int spins = !seen->other;
  *packed = could_be_packed && !spins;
  if (could_be_packed && spins && rows != row_bytes) {
    snprintf(fault, 256,
             "rows of %" PRIu64 " bytes holding 0 and 1 may be %" PRIu64 " spins, or %" PRIu64
             " packed ones; set layout: plain or layout: packed",
             row_bytes, row_bytes, rows);
    return 0;
  }
  if (!spins && !could_be_packed) {
    snprintf(fault, 256,
             "its values are neither 0/1 nor ±1, and rows of %" PRIu64 " bytes are not %" PRIu64
             " packed spins; set layout: packed and width if they are packed",
             row_bytes, rows);
    return 0;
  }
  return 1;
}

int array_look(const byte_array *array, const array_wish *wish, array_plan *plan, char fault[256]) {
  uint64_t configurations = array->dims == 3 ? array->shape[0] : 1;
  uint64_t rows = array->shape[array->dims - 2], row_bytes = array->shape[array->dims - 1];
  if (configurations == 0 || rows == 0 || row_bytes == 0 || rows > MOST_EXTENT || row_bytes > MOST_EXTENT) {
    snprintf(fault, 256, "its shape holds no lattice: %" PRIu64 " configurations of %" PRIu64 "×%" PRIu64,
             configurations, rows, row_bytes);
    return 0;
  }
  census seen = {0};
  if (!take_census(array, configurations, rows * row_bytes, &seen, fault)) return 0;
  int packed = wish->layout == LAYOUT_PACKED;
  if (wish->layout == LAYOUT_AUTO && !tell_layout(array, &seen, rows, row_bytes, &packed, fault)) return 0;
  uint64_t width = !packed ? row_bytes : wish->width ? (uint64_t)wish->width : rows;
  if (packed && (width + 7) / 8 != row_bytes) {
    snprintf(fault, 256, "rows of %" PRIu64 " bytes do not hold %" PRIu64 " packed spins; set width", row_bytes, width);
    return 0;
  }
  if (seen.minus_one && seen.zero && !packed) {
    snprintf(fault, 256, "its values mix 0 and -1; spins are 0/1 or ±1");
    return 0;
  }
  *plan = (array_plan){configurations, fg_lattice_square(rows), packed, 0, wish->bit_order, row_bytes, rows};
  plan->lattice.extent[1] = width;
  plan->plus_minus = wish->values == VALUES_PLUS_MINUS || (wish->values == VALUES_AUTO && !packed && seen.minus_one);
  return 1;
}

const char *array_words(const array_plan *plan) {
  if (plan->packed) return "bit-packed along the last axis";
  return plan->plus_minus ? "one byte a spin, ±1" : "one byte a spin, 0/1";
}

static uint8_t reversed(uint8_t byte) {
  byte = (uint8_t)((byte & 0xf0) >> 4 | (byte & 0x0f) << 4);
  byte = (uint8_t)((byte & 0xcc) >> 2 | (byte & 0x33) << 2);
  return (uint8_t)((byte & 0xaa) >> 1 | (byte & 0x55) << 1);
}

/// Column of the first bit beyond the last spin that is set; the width when there is none.
static uint64_t convert_packed(const array_plan *plan, const uint8_t *bytes, uint64_t *row) {
  uint64_t width = plan->lattice.extent[1];
  for (uint64_t b = 0; b < plan->row_bytes; b++) {
    uint8_t byte = plan->bit_order == BITS_BIG ? reversed(bytes[b]) : bytes[b];
    uint64_t left = width - 8 * b;
    if (left < 8 && byte >> left) return width + 1;
    row[b / 8] |= (uint64_t)byte << 8 * (b % 8);
  }
  return width;
}

/// Column of the first value that is no spin; the width when there is none.
static uint64_t convert_plain(const array_plan *plan, const uint8_t *bytes, uint64_t *row) {
  uint8_t down = plan->plus_minus ? 255 : 0;
  for (uint64_t x = 0; x < plan->row_bytes; x++) {
    if (bytes[x] != 1 && bytes[x] != down) return x;
    if (bytes[x] == 1) fg_bit_set(row, x, 1);
  }
  return plan->row_bytes;
}

int array_convert(const array_plan *plan, const uint8_t *bytes, uint64_t first, fg_batch *batch, char fault[256]) {
  for (uint64_t i = 0; i < batch->count; i++) {
    for (uint64_t y = 0; y < plan->rows; y++) {
      const uint8_t *source = bytes + (i * plan->rows + y) * plan->row_bytes;
      uint64_t *row = fg_batch_row_mut(batch, i, y);
      uint64_t stopped = plan->packed ? convert_packed(plan, source, row) : convert_plain(plan, source, row);
      if (stopped == plan->lattice.extent[1]) continue;
      if (plan->packed)
        snprintf(fault, 256,
                 "configuration %" PRIu64 ", row %" PRIu64 " has bits beyond its %" PRIu64
                 " spins; is bit_order right?",
                 first + i, y, plan->lattice.extent[1]);
      else
        snprintf(fault, 256,
                 "configuration %" PRIu64 ", row %" PRIu64 ", column %" PRIu64 " is %d, which is no spin (%s)",
                 first + i, y, stopped, plan->plus_minus ? (int)(int8_t)source[stopped] : source[stopped],
                 plan->plus_minus ? "1 or -1" : "0 or 1");
      return 0;
    }
  }
  return 1;
}
