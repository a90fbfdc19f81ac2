// npy.c — see npy.h. Format: NumPy Enhancement Proposal 1 and numpy/lib/format: magic, version, length of a header that is
// a Python dictionary literal with descr, fortran_order and shape, then the raw array.
#include "npy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_HEADER 65536u

typedef struct npy {
  uint8_t *map;
  uint64_t bytes, start, each; ///< file size, where the array begins, bytes a configuration
} npy;

static int npy_read(void *handle, uint64_t first, uint64_t count, uint8_t *bytes, char fault[256]) {
  const npy *file = handle;
  (void)fault;
  memcpy(bytes, file->map + file->start + first * file->each, count * file->each);
  return 1;
}

static void npy_close(void *handle) {
  npy *file = handle;
  if (file->map) munmap(file->map, file->bytes);
  free(file);
}

/// The text after 'key': in the header's dictionary, NULL when it is missing.
static const char *value_of(const char *header, const char *key) {
  const char *at = strstr(header, key);
  at = at ? strchr(at + strlen(key), ':') : NULL;
  return at ? at + 1 + strspn(at + 1, " ") : NULL;
}

/// Reads "(10000, 8, 1)"; 0 when it is no shape this program takes.
static int read_shape(const char *text, byte_array *array, char fault[256]) {
  const char *at = text + 1;
  array->dims = 0;
  while (text[0] == '(' && *at && *at != ')') {
    char *end;
    errno = 0;
    unsigned long long extent = strtoull(at, &end, 10);
    if (end == at || errno || array->dims == ARRAY_MOST_DIMS) break;
    array->shape[array->dims++] = extent;
    at = end + strspn(end, " ,");
  }
  if (text[0] == '(' && *at == ')' && array->dims >= 2) return 1;
  snprintf(fault, 256, "its shape %.*s is not (configurations, rows, columns)", (int)strcspn(text, "}\n"), text);
  return 0;
}

static int read_header(const npy *file, byte_array *array, char fault[256]) {
  const uint8_t *map = file->map;
  uint64_t length = map[6] == 1
                        ? (uint64_t)map[8] | (uint64_t)map[9] << 8
                        : (uint64_t)map[8] | (uint64_t)map[9] << 8 | (uint64_t)map[10] << 16 | (uint64_t)map[11] << 24;
  uint64_t head = map[6] == 1 ? 10 : 12;
  if (map[6] < 1 || map[6] > 3 || length > MOST_HEADER || head + length > file->bytes) {
    snprintf(fault, 256, "its NumPy header is of an unknown version or cut off");
    return 0;
  }
  char *header = strndup((const char *)map + head, length);
  const char *descr = header ? value_of(header, "'descr'") : NULL,
             *order = header ? value_of(header, "'fortran_order'") : NULL,
             *shape = header ? value_of(header, "'shape'") : NULL;
  int sound = 0;
  if (!descr || !order || !shape)
    snprintf(fault, 256, "its NumPy header lacks descr, fortran_order or shape");
  else if (descr[0] != '\'' ||
           !(strncmp(descr, "'|u1'", 5) == 0 || strncmp(descr, "'|i1'", 5) == 0 || strncmp(descr, "'|b1'", 5) == 0))
    snprintf(fault, 256, "its elements are %.*s; save spins as uint8, int8 or bool: array.astype(numpy.int8)",
             (int)strcspn(descr, ",}\n"), descr);
  else if (strncmp(order, "False", 5) != 0)
    snprintf(fault, 256, "it is in Fortran order; save numpy.ascontiguousarray(array)");
  else
    sound = read_shape(shape, array, fault);
  if (sound) array->is_signed = descr[2] == 'i';
  free(header);
  ((npy *)(uintptr_t)file)->start = head + length;
  return sound;
}

int npy_open(const char *path, byte_array *array, char fault[256]) {
  npy *file = calloc(1, sizeof *file);
  int descriptor = file ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  struct stat info;
  int sound = 0;
  if (descriptor < 0 || fstat(descriptor, &info) != 0)
    snprintf(fault, 256, "cannot open: %s", strerror(errno));
  else if ((file->bytes = (uint64_t)info.st_size) < 12)
    snprintf(fault, 256, "it is cut off: %" PRIu64 " bytes", file->bytes);
  else if ((file->map = mmap(NULL, file->bytes, PROT_READ, MAP_PRIVATE, descriptor, 0)) == MAP_FAILED) {
    snprintf(fault, 256, "cannot map: %s", strerror(errno));
    file->map = NULL;
  } else
    sound = read_header(file, array, fault);
  if (descriptor >= 0) close(descriptor);
  uint64_t wanted = 1;
  for (uint32_t d = 0; sound && d < array->dims; d++) sound = !__builtin_mul_overflow(wanted, array->shape[d], &wanted);
  if (sound && wanted != file->bytes - file->start) {
    snprintf(fault, 256, "it holds %" PRIu64 " bytes of data, its shape asks for %" PRIu64 "%s",
             file->bytes - file->start, wanted, wanted > file->bytes - file->start ? ": it is cut off" : "");
    sound = 0;
  } else if (!sound && wanted == 0) {
    snprintf(fault, 256, "its shape is too large");
  }
  if (sound) {
    file->each = array->shape[array->dims - 2] * array->shape[array->dims - 1];
    array->handle = file;
    array->read = npy_read;
    array->close = npy_close;
  } else if (file) {
    npy_close(file);
  }
  return sound;
}
