// array.c — see array.h.
#include "array.h"

#include "core/bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_BYTES ((uint64_t)1 << 20) ///< looked at to tell layout and values
#define MOST_EXTENT ((uint64_t)1 << 20)
#define EACH_BYTE UINT64_C(0x0101010101010101)

/// Which values occur among the first rows.
typedef struct census {
  int zero, minus_one, other;
} census;

/// Counts as -1: the byte 255 of a signed array, or of any when the user says ±1.
static fg_status take_census(const byte_array *array, const array_plan *plan, int signed_bytes, census *seen,
                             fg_error *error) {
  uint64_t each = plan->rows * plan->row_bytes, fit = LOOK_BYTES / each;
  uint64_t together = fit < plan->configurations ? fit : plan->configurations;
  uint64_t within = LOOK_BYTES / plan->row_bytes < plan->rows ? LOOK_BYTES / plan->row_bytes : plan->rows;
  uint64_t rows = fit ? together * plan->rows : within;
  uint8_t *bytes = malloc(rows * plan->row_bytes);
  if (!bytes) return fg_error_set(error, "out of memory for %" PRIu64 " bytes", rows * plan->row_bytes);
  fg_status status = array->read(array->handle, 0, rows, bytes, error);
  for (uint64_t i = 0; status == FG_OK && i < rows * plan->row_bytes; i++) {
    seen->zero |= bytes[i] == 0;
    seen->minus_one |= bytes[i] == 255 && signed_bytes;
    seen->other |= bytes[i] > 1 && !(bytes[i] == 255 && signed_bytes);
  }
  free(bytes);
  return status;
}

/// Plain or packed, from shape and values, when the user says neither layout nor values.
static fg_status tell_layout(const byte_array *array, const census *seen, uint64_t width, array_plan *plan,
                             fg_error *error) {
  uint64_t columns = plan->row_bytes, packed_width = width ? width : plan->rows;
  int could_be_packed = array->type == ARRAY_UINT8 && columns == (packed_width + 7) / 8;
  int could_be_plain = !seen->other && (!width || width == columns);
  plan->packed = could_be_packed && !could_be_plain;
  if (could_be_packed && could_be_plain && packed_width != columns)
    return fg_error_set(error,
                        "rows of %" PRIu64 " bytes holding 0 and 1 may be %" PRIu64 " spins, or %" PRIu64
                        " packed ones; set layout: plain or layout: packed",
                        columns, columns, packed_width);
  if (could_be_packed || could_be_plain) return FG_OK;
  if (width && width != columns)
    return fg_error_set(error,
                        "rows of %" PRIu64 " bytes are neither %" PRIu64 " spins nor %" PRIu64
                        " packed ones; correct width or leave it out",
                        columns, width, width);
  return fg_error_set(error,
                      "its values are neither 0/1 nor ±1, and rows of %" PRIu64 " bytes are not %" PRIu64
                      " packed spins; set layout: packed and width if they are packed, values: states if they are "
                      "states of a site",
                      columns, plan->rows);
}

/// What the user's wishes leave no doubt about; FG_DONE when layout and values are still open.
static fg_status obey(const array_wish *wish, array_plan *plan, fg_error *error) {
  uint64_t width = (uint64_t)wish->width, columns = plan->row_bytes;
  plan->packed = wish->layout == LAYOUT_PACKED;
  if (plan->packed && wish->values != VALUES_AUTO)
    return fg_error_set(error, "packed spins are bits; leave values out with layout: packed");
  if (wish->layout == LAYOUT_AUTO && wish->values == VALUES_AUTO) return FG_DONE;
  if (!plan->packed && width && width != columns)
    return fg_error_set(error,
                        "plain rows of %" PRIu64 " bytes are %" PRIu64 " spins, not %" PRIu64 "; leave width out",
                        columns, columns, width);
  return FG_OK;
}

fg_status array_look(const byte_array *array, const array_wish *wish, array_plan *plan, fg_error *error) {
  *plan = (array_plan){.element = FG_SPIN1, .bit_order = wish->bit_order, .is_signed = array->type == ARRAY_INT8};
  plan->configurations = array->dims == 3 ? array->shape[0] : 1;
  plan->rows = array->shape[array->dims - 2];
  plan->row_bytes = array->shape[array->dims - 1];
  if (plan->rows == 0 || plan->row_bytes == 0 || plan->rows > MOST_EXTENT || plan->row_bytes > MOST_EXTENT)
    return fg_error_set(
        error, "its shape holds no lattice: configurations of %" PRIu64 "×%" PRIu64 "; extents are 1 to %" PRIu64,
        plan->rows, plan->row_bytes, MOST_EXTENT);
  if (plan->configurations == 0)
    return fg_error_set(error, "it holds no configurations: its shape is (0, %" PRIu64 ", %" PRIu64 ")", plan->rows,
                        plan->row_bytes);
  fg_status status = obey(wish, plan, error);
  if (status == FG_FAILED) return status;
  census seen = {0};
  int signed_bytes = array->type == ARRAY_INT8 || wish->values == VALUES_PLUS_MINUS;
  if (take_census(array, plan, signed_bytes, &seen, error) != FG_OK) return FG_FAILED;
  if (status == FG_DONE && tell_layout(array, &seen, (uint64_t)wish->width, plan, error) != FG_OK) return FG_FAILED;
  uint64_t width = !plan->packed ? plan->row_bytes : wish->width ? (uint64_t)wish->width : plan->rows;
  if (plan->packed && (width + 7) / 8 != plan->row_bytes)
    return fg_error_set(error, "rows of %" PRIu64 " bytes do not hold %" PRIu64 " packed spins; set width",
                        plan->row_bytes, width);
  if (wish->values == VALUES_AUTO && !plan->packed && seen.minus_one && seen.zero)
    return fg_error_set(error, "its values mix 0 and -1; spins are 0/1 or ±1");
  plan->lattice = (fg_lattice){FG_SQUARE, 2, {plan->rows, width, 0, 0}};
  if (wish->values == VALUES_STATES) plan->element = FG_STATE8;
  plan->plus_minus =
      wish->values == VALUES_PLUS_MINUS || (wish->values == VALUES_AUTO && !plan->packed && seen.minus_one);
  return FG_OK;
}

const char *array_words(const array_plan *plan) {
  if (plan->element == FG_STATE8) return "one byte a site, states";
  if (plan->packed) return "bit-packed along the last axis";
  return plan->plus_minus ? "one byte a spin, ±1" : "one byte a spin, 0/1";
}

static uint8_t reversed(uint8_t byte) {
  byte = (uint8_t)((byte & 0xf0) >> 4 | (byte & 0x0f) << 4);
  byte = (uint8_t)((byte & 0xcc) >> 2 | (byte & 0x33) << 2);
  return (uint8_t)((byte & 0xaa) >> 1 | (byte & 0x55) << 1);
}

/// Both ways of reading a row return the column of the first thing that is no spin; the width when there is none.
static uint64_t read_packed(const array_plan *plan, const uint8_t *bytes, uint64_t *row) {
  uint64_t width = plan->lattice.extent[1];
  for (uint64_t b = 0; b < plan->row_bytes; b++) {
    uint8_t byte = plan->bit_order == BITS_BIG ? reversed(bytes[b]) : bytes[b];
    uint64_t left = width - 8 * b;
    if (left < 8 && byte >> left) return width + 1;
    row[b / 8] |= (uint64_t)byte << 8 * (b % 8);
  }
  return width;
}

/// Eight bytes, the first in the lowest eight bits, as eight bits; 256 when one of them is no spin.
static uint64_t eight_spins(uint64_t bytes, int plus_minus) {
  uint64_t down = bytes >> 1 & EACH_BYTE; // of ±1; -1 is 255
  uint64_t up = plus_minus ? ~down & EACH_BYTE : bytes & EACH_BYTE;
  uint64_t expected = plus_minus ? EACH_BYTE | down * 0xff : up;
  // The product moves the bit of byte i to bit 56 + i; no two of its terms meet.
  return bytes == expected ? up * UINT64_C(0x0102040810204080) >> 56 : 256;
}

static uint64_t read_plain(const array_plan *plan, const uint8_t *bytes, uint64_t *row) {
  uint64_t width = plan->row_bytes, x = 0;
  for (; x + 8 <= width; x += 8) {
    uint64_t eight = eight_spins(fg_get64(bytes + x), plan->plus_minus);
    if (eight > 255) break;
    row[x / 64] |= eight << x % 64;
  }
  for (; x < width; x++) {
    if (bytes[x] != 1 && bytes[x] != (plan->plus_minus ? 255 : 0)) return x;
    fg_bit_set(row, x, bytes[x] == 1);
  }
  return width;
}

static fg_status refuse_value(const array_plan *plan, uint64_t configuration, uint64_t y, uint64_t x, uint8_t value,
                              fg_error *error) {
  if (plan->packed)
    return fg_error_set(error,
                        "configuration %" PRIu64 ", row %" PRIu64 " has bits beyond its %" PRIu64
                        " spins; are width and bit_order right?",
                        configuration, y, plan->lattice.extent[1]);
  return fg_error_set(
      error, "configuration %" PRIu64 ", row %" PRIu64 ", column %" PRIu64 " is %d, which is no spin (%s)%s",
      configuration, y, x, plan->is_signed ? (int8_t)value : value, plan->plus_minus ? "1 or -1" : "0 or 1",
      value == 255 && !plan->plus_minus ? "; set values: plus-minus if spins are ±1" : "");
}

fg_status array_to_batch(const array_plan *plan, const uint8_t *bytes, uint64_t first, fg_batch *batch,
                         fg_error *error) {
  uint64_t width = plan->lattice.extent[1];
  for (uint64_t i = 0; i < batch->count; i++) {
    for (uint64_t y = 0; y < batch->rows; y++, bytes += plan->row_bytes) {
      uint64_t *row = fg_batch_row_mut(batch, i, y), stopped = width;
      if (plan->element == FG_STATE8)
        memcpy(row, bytes, width);
      else
        stopped = plan->packed ? read_packed(plan, bytes, row) : read_plain(plan, bytes, row);
      if (stopped != width)
        return refuse_value(plan, first + i, batch->first_row + y, stopped, plan->packed ? 0 : bytes[stopped], error);
    }
  }
  return FG_OK;
}

static void write_packed(const array_plan *plan, const uint64_t *row, uint8_t *bytes) {
  for (uint64_t b = 0; b < plan->row_bytes; b++) {
    uint8_t byte = (uint8_t)(row[b / 8] >> 8 * (b % 8));
    bytes[b] = plan->bit_order == BITS_BIG ? reversed(byte) : byte;
  }
}

static void write_plain(const array_plan *plan, const uint64_t *row, uint8_t *bytes) {
  const uint8_t values[2] = {plan->plus_minus ? 255 : 0, 1};
  for (uint64_t x = 0; x < plan->row_bytes; x++) bytes[x] = values[fg_bit_get(row, x)];
}

void array_from_batch(const array_plan *plan, const fg_batch *batch, uint8_t *bytes) {
  for (uint64_t i = 0; i < batch->count; i++) {
    for (uint64_t y = 0; y < batch->rows; y++, bytes += plan->row_bytes) {
      const uint64_t *row = fg_batch_row(batch, i, y);
      if (plan->element == FG_STATE8)
        memcpy(bytes, row, plan->row_bytes);
      else if (plan->packed)
        write_packed(plan, row, bytes);
      else
        write_plain(plan, row, bytes);
    }
  }
}
