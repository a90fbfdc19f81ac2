// npy.c — see npy.h. A file is magic, version, length of a header that is a Python dictionary literal with descr,
// fortran_order and shape, then the raw array. It is read, not mapped: a file that shrinks meanwhile is an error then,
// not a signal.
#include "npy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_HEADER 65536u
#define HEAD_BYTES 128u ///< of a file to be written; a multiple of 64, as NumPy aligns the array
#define MOST_SHOWN 60   ///< characters of a header that a message shows

typedef struct npy {
  int file;
  uint64_t start, row_bytes; ///< where the array begins
} npy;

static fg_status read_at(int file, uint64_t offset, uint8_t *bytes, uint64_t count, fg_error *error) {
  for (uint64_t done = 0; done < count;) {
    ssize_t n = pread(file, bytes + done, count - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fg_error_set(error, "cannot read: %s", strerror(errno));
    if (n == 0) return fg_error_set(error, "it ends at byte %" PRIu64 "; has it been cut off?", offset + done);
    done += (uint64_t)n;
  }
  return FG_OK;
}

static fg_status npy_read(void *handle, uint64_t first_row, uint64_t rows, uint8_t *bytes, fg_error *error) {
  const npy *file = handle;
  return read_at(file->file, file->start + first_row * file->row_bytes, bytes, rows * file->row_bytes, error);
}

static void npy_close(void *handle) {
  npy *file = handle;
  if (file->file >= 0) close(file->file);
  free(file);
}

// ---- the header

/// The text after the quoted key and its colon in the header's dictionary; NULL when it is missing.
static const char *value_of(const char *header, const char *key) {
  for (const char *at = strstr(header, key); at; at = strstr(at + 1, key)) {
    const char *behind = at + strlen(key);
    if (at == header || (at[-1] != '\'' && at[-1] != '"') || *behind != at[-1]) continue;
    behind += 1 + strspn(behind + 1, " ");
    if (*behind == ':') return behind + 1 + strspn(behind + 1, " ");
  }
  return NULL;
}

/// A value of the header for a message, up to where it ends; what is not printable becomes '?'.
static const char *shown(const char *text, const char *ends, char buffer[MOST_SHOWN + 4]) {
  size_t length = strcspn(text, ends), kept = length < MOST_SHOWN ? length : MOST_SHOWN;
  for (size_t i = 0; i < kept; i++) buffer[i] = (char)(text[i] < ' ' || text[i] > '~' ? '?' : text[i]);
  snprintf(buffer + kept, 4, "%s", kept < length ? "..." : "");
  return buffer;
}

/// 'u1', '|i1', '<b1' and the like; false for any other type.
static bool read_type(const char *text, uint32_t *type) {
  char quote = text[0];
  if (quote != '\'' && quote != '"') return false;
  text++;
  if (*text && strchr("|<>=", *text)) text++;
  *type = *text == 'u' ? ARRAY_UINT8 : *text == 'i' ? ARRAY_INT8 : ARRAY_BOOL;
  return *text && strchr("uib", *text) && text[1] == '1' && text[2] == quote;
}

/// "(10000, 8, 1)", with the L that Python 2 put behind a number.
static fg_status read_shape(const char *text, byte_array *array, fg_error *error) {
  const char *at = text + 1;
  array->dims = 0;
  while (text[0] == '(' && *at >= '0' && *at <= '9' && array->dims < ARRAY_MOST_DIMS) {
    char *end;
    errno = 0;
    unsigned long long extent = strtoull(at, &end, 10);
    if (errno) return fg_error_set(error, "an extent of its shape is too large");
    array->shape[array->dims++] = extent;
    at = end + (*end == 'L');
    at += strspn(at, " ,");
  }
  char part[MOST_SHOWN + 4];
  if (text[0] == '(' && *at == ')' && array->dims >= 2) return FG_OK;
  return fg_error_set(error, "its shape %s is not (configurations, rows, columns)", shown(text, "}\n", part));
}

static fg_status read_dictionary(const char *header, byte_array *array, fg_error *error) {
  const char *descr = value_of(header, "descr"), *order = value_of(header, "fortran_order"),
             *shape = value_of(header, "shape");
  char part[MOST_SHOWN + 4];
  if (!descr || !order || !shape)
    return fg_error_set(error, "its NumPy header lacks %s", !descr ? "descr" : !order ? "fortran_order" : "shape");
  if (!read_type(descr, &array->type))
    return fg_error_set(error, "its elements are %s; save spins as uint8, int8 or bool: array.astype(numpy.int8)",
                        shown(descr, ",}\n", part));
  if (strncmp(order, "False", 5) != 0)
    return fg_error_set(error, "it is in Fortran order; save numpy.ascontiguousarray(array)");
  return read_shape(shape, array, error);
}

static fg_status read_header(npy *file, uint64_t file_bytes, byte_array *array, fg_error *error) {
  uint8_t begin[12];
  if (file_bytes < sizeof begin) return fg_error_set(error, "it is cut off: %" PRIu64 " bytes", file_bytes);
  if (read_at(file->file, 0, begin, sizeof begin, error) != FG_OK) return FG_FAILED;
  if (begin[6] < 1 || begin[6] > 3)
    return fg_error_set(error, "its NumPy header is of version %d; this program reads 1 to 3", begin[6]);
  uint64_t at = begin[6] == 1 ? 10 : 12, length = (uint64_t)begin[8] | (uint64_t)begin[9] << 8;
  if (begin[6] > 1) length |= (uint64_t)begin[10] << 16 | (uint64_t)begin[11] << 24;
  if (length > MOST_HEADER)
    return fg_error_set(error, "its NumPy header has %" PRIu64 " bytes; at most %u", length, MOST_HEADER);
  if (length > file_bytes - at) return fg_error_set(error, "it is cut off inside its NumPy header");
  char *header = calloc(1, length + 1);
  if (!header) return fg_error_set(error, "out of memory for its header");
  fg_status status = read_at(file->file, at, (uint8_t *)header, length, error);
  if (status == FG_OK) status = read_dictionary(header, array, error);
  free(header);
  file->start = at + length;
  return status;
}

/// The data must be as long as the shape says: checked before anything is allocated for it.
static fg_status check_length(const byte_array *array, uint64_t data_bytes, fg_error *error) {
  uint64_t wanted = 1;
  for (uint32_t d = 0; d < array->dims; d++)
    if (__builtin_mul_overflow(wanted, array->shape[d], &wanted))
      return fg_error_set(error, "its shape is too large: the number of elements has more than 64 bits");
  if (wanted == data_bytes) return FG_OK;
  return fg_error_set(error, "it holds %" PRIu64 " bytes of data, its shape asks for %" PRIu64 "%s", data_bytes, wanted,
                      wanted > data_bytes ? ": it is cut off" : "");
}

fg_status npy_open(const char *path, byte_array *array, fg_error *error) {
  npy *file = calloc(1, sizeof *file);
  struct stat info = {0};
  if (!file) return fg_error_set(error, "out of memory");
  file->file = open(path, O_RDONLY | O_CLOEXEC);
  fg_status status = FG_OK;
  if (file->file < 0 || fstat(file->file, &info) != 0)
    status = fg_error_set(error, "cannot open: %s", strerror(errno));
  else
    status = read_header(file, (uint64_t)info.st_size, array, error);
  if (status == FG_OK) status = check_length(array, (uint64_t)info.st_size - file->start, error);
  if (status != FG_OK) {
    npy_close(file);
    return status;
  }
  file->row_bytes = array->shape[array->dims - 1];
  array->handle = file;
  array->read = npy_read;
  array->close = npy_close;
  return FG_OK;
}

fg_status npy_head(const array_plan *plan, array_head *head, fg_error *error) {
  char *text = malloc(HEAD_BYTES);
  if (!text) return fg_error_set(error, "out of memory");
  int length = snprintf(text + 10, HEAD_BYTES - 10,
                        "{'descr': '|%c1', 'fortran_order': False, 'shape': (%" PRIu64 ", %" PRIu64 ", %" PRIu64 "), }",
                        plan->is_signed ? 'i' : 'u', plan->configurations, plan->rows, plan->row_bytes);
  if (length < 0 || length >= (int)HEAD_BYTES - 10) {
    free(text);
    return fg_error_set(error, "the shape is too large for a NumPy header");
  }
  memset(text + 10 + length, ' ', HEAD_BYTES - 10 - (size_t)length);
  memcpy(text, "\x93NUMPY\x01", 8); // version 1.0
  text[8] = HEAD_BYTES - 10;
  text[9] = 0;
  text[HEAD_BYTES - 1] = '\n';
  *head = (array_head){(uint8_t *)text, HEAD_BYTES};
  return FG_OK;
}
