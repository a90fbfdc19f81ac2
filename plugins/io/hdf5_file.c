// hdf5_file.c — see hdf5_file.h. Files are opened without locks, which fail on some cluster file systems.
#include "hdf5_file.h"

#include "hdf5_call.h"
#include "hdf5_inside.h"
#include "names.h"

#include "core/diagnostics.h"

#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// A compressed chunk is unpacked whole: larger ones are refused.
#define MOST_CHUNK_BYTES ((uint64_t)256 << 20)
#define LEAST_CACHE_BYTES ((uint64_t)1 << 20) ///< HDF5's own
#define MOST_NAMES 64u

typedef struct hdf5_file {
  const fg_host *host;
  hid_t file, set, type; ///< -1: not open
  uint32_t dims;
  hsize_t shape[ARRAY_MOST_DIMS];
} hdf5_file;

/// One call that needs HDF5, with its arguments.
typedef struct request {
  hdf5_file *file;
  const char *path, *name;
  byte_array *array;
  uint64_t first_row, rows;
  uint8_t *bytes;
  fg_error *error;
} request;

// ---- finding the data set

/// The data sets that could be meant.
typedef struct candidates {
  char *names[MOST_NAMES];
  size_t count;
} candidates;

/// int8, uint8, or the two-valued enumeration that h5py writes for booleans.
static int is_byte_type(hid_t type, uint32_t *kind) {
  hid_t base = H5Tget_class(type) == H5T_ENUM ? H5Tget_super(type) : H5Tcopy(type);
  int sound = base >= 0 && H5Tget_class(base) == H5T_INTEGER && H5Tget_size(base) == 1;
  int is_signed = sound && H5Tget_sign(base) == H5T_SGN_2;
  *kind = H5Tget_class(type) == H5T_ENUM ? ARRAY_BOOL : is_signed ? ARRAY_INT8 : ARRAY_UINT8;
  if (base >= 0) H5Tclose(base);
  return sound;
}

static int set_dims(hid_t set) {
  hid_t space = H5Dget_space(set);
  int dims = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
  if (space >= 0) H5Sclose(space);
  return dims;
}

static herr_t visit(hid_t root, const char *name, const H5O_info_t *info, void *arg) {
  candidates *found = arg;
  if (info->type != H5O_TYPE_DATASET || found->count == MOST_NAMES) return 0;
  hid_t set = H5Dopen2(root, name, H5P_DEFAULT), type = set >= 0 ? H5Dget_type(set) : -1;
  int dims = set >= 0 ? set_dims(set) : 0;
  uint32_t kind;
  int fits = (dims == 2 || dims == 3) && type >= 0 && is_byte_type(type, &kind);
  char *copy = fits ? strdup(name) : NULL;
  if (copy) found->names[found->count++] = copy;
  if (type >= 0) H5Tclose(type);
  if (set >= 0) H5Dclose(set);
  return 0;
}

/// Why no data set is opened although the file has `found`.
static fg_status refuse_sets(request *r, const candidates *found) {
  char hint[600] = "";
  const char *const *names = (const char *const *)found->names;
  if (r->name[0])
    return fg_error_set(r->error, "it holds no data set '%.100s'%s", r->name,
                        fg_suggest(hint, sizeof hint, r->name, names, found->count));
  if (found->count == 0)
    return fg_error_set(r->error, "it holds no data set of 8-bit integers or booleans with two or three axes "
                                  "(configurations, rows, columns)");
  return fg_error_set(r->error, "it holds %zu data sets that may be meant (%s); choose one with dataset: NAME",
                      found->count, names_joined(hint, sizeof hint, names, found->count));
}

/// Opens the named data set, or the only candidate.
static fg_status find_set(request *r, hid_t access) {
  candidates found = {{0}, 0};
  if (r->name[0] && (r->file->set = H5Dopen2(r->file->file, r->name, access)) >= 0) return FG_OK;
  fg_status status = FG_OK;
  if (H5Ovisit2(r->file->file, H5_INDEX_NAME, H5_ITER_INC, visit, &found, H5O_INFO_BASIC) < 0)
    status = hdf5_fail(r->error, "HDF5 cannot list its data sets");
  else if (r->name[0] || found.count != 1)
    status = refuse_sets(r, &found);
  else if ((r->file->set = H5Dopen2(r->file->file, found.names[0], access)) < 0)
    status = hdf5_fail(r->error, "HDF5 cannot open its data set");
  for (size_t i = 0; i < found.count; i++) free(found.names[i]);
  return status;
}

/// The open data set's path in the file, for messages.
static const char *set_name(const hdf5_file *file, char name[100]) {
  if (H5Iget_name(file->set, name, 100) <= 0) snprintf(name, 100, "?");
  return name;
}

// ---- opening

static fg_status take_shape(request *r) {
  hid_t space = H5Dget_space(r->file->set);
  int dims = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
  if (dims == 2 || dims == 3) H5Sget_simple_extent_dims(space, r->file->shape, NULL);
  if (space >= 0) H5Sclose(space);
  char name[100];
  if (dims != 2 && dims != 3)
    return fg_error_set(r->error, "data set '%s' has %d ax%s; it should have (configurations, rows, columns)",
                        set_name(r->file, name), dims < 0 ? 0 : dims, dims == 1 ? "is" : "es");
  r->file->dims = r->array->dims = (uint32_t)dims;
  uint64_t elements = 1;
  for (int d = 0; d < dims; d++) {
    r->array->shape[d] = r->file->shape[d];
    if (__builtin_mul_overflow(elements, r->file->shape[d], &elements))
      return fg_error_set(r->error, "its shape is too large: the number of elements has more than 64 bits");
  }
  r->file->type = H5Dget_type(r->file->set);
  if (r->file->type < 0 || !is_byte_type(r->file->type, &r->array->type))
    return fg_error_set(r->error, "data set '%s' is not of 8-bit integers or booleans; save array.astype(numpy.int8)",
                        set_name(r->file, name));
  return FG_OK;
}

/// Elements that were never written read as the fill value, which would pass for spins.
static fg_status refuse_unwritten(request *r, const char *how) {
  char name[100];
  return fg_error_set(r->error, "data set '%s' was %s written; shorten it to what there is", set_name(r->file, name),
                      how);
}

static fg_status check_contiguous(request *r) {
  H5D_space_status_t status;
  if (H5Dget_space_status(r->file->set, &status) < 0) return hdf5_fail(r->error, "HDF5 cannot tell what was written");
  return status == H5D_SPACE_STATUS_ALLOCATED ? FG_OK : refuse_unwritten(r, "never");
}

/// How a data set is cut up.
typedef struct chunking {
  uint64_t bytes;  ///< a chunk
  uint64_t beside; ///< chunks that hold parts of one configuration
  uint64_t all;    ///< chunks of the data set
} chunking;

static fg_status look_at_chunks(request *r, hid_t creation, chunking *chunks) {
  hsize_t chunk[H5S_MAX_RANK] = {0};
  char name[100];
  *chunks = (chunking){1, 1, 1};
  if (H5Pget_chunk(creation, H5S_MAX_RANK, chunk) != (int)r->file->dims)
    return hdf5_fail(r->error, "HDF5 cannot read its layout");
  for (uint32_t d = 0; d < r->file->dims; d++) {
    if (chunk[d] == 0 || __builtin_mul_overflow(chunks->bytes, chunk[d], &chunks->bytes) ||
        chunks->bytes > MOST_CHUNK_BYTES)
      return fg_error_set(r->error, "the chunks of data set '%s' are larger than 256 MiB; save it with smaller ones",
                          set_name(r->file, name));
    uint64_t along = (r->file->shape[d] - 1) / chunk[d] + 1;
    chunks->all *= along;
    if (d + 2 >= r->file->dims) chunks->beside *= along;
  }
  return FG_OK;
}

static fg_status check_chunks(request *r, const chunking *chunks) {
  hsize_t written = 0;
  fg_status status = FG_OK;
  hid_t space = H5Dget_space(r->file->set);
  if (space < 0 || H5Dget_num_chunks(r->file->set, space, &written) < 0)
    status = hdf5_fail(r->error, "HDF5 cannot tell what was written");
  if (space >= 0) H5Sclose(space);
  if (status != FG_OK || written == chunks->all) return status;
  return refuse_unwritten(r, written ? "only partly" : "never");
}

/// Keeps the chunks of one configuration, so that none is unpacked again for its next rows.
static fg_status keep_chunks(request *r, const chunking *chunks, hid_t access) {
  uint64_t bytes;
  char name[100];
  if (__builtin_mul_overflow(chunks->bytes, chunks->beside, &bytes) || bytes > MOST_CHUNK_BYTES)
    bytes = MOST_CHUNK_BYTES;
  if (bytes < LEAST_CACHE_BYTES) bytes = LEAST_CACHE_BYTES;
  // A table of slots much larger than the number of chunks: two in one slot drive each other out.
  size_t slots = chunks->beside < 50 ? 521 : chunks->beside < 100000 ? 10 * chunks->beside + 1 : 1000001;
  if (H5Pset_chunk_cache(access, slots, bytes, 1.0) < 0) return hdf5_fail(r->error, "HDF5 cannot be set up");
  hid_t again = H5Dopen2(r->file->file, set_name(r->file, name), access);
  if (again < 0) return FG_OK; // its name is longer: slower, but sound
  H5Dclose(r->file->set);
  r->file->set = again;
  r->array->memory_bytes = bytes;
  return FG_OK;
}

/// Makes the data set ready to be read.
static fg_status prepare_set(request *r, hid_t access) {
  fg_status status = FG_OK;
  for (uint32_t d = 0; d < r->file->dims; d++)
    if (r->file->shape[d] == 0) return FG_OK; // refused where shapes are
  hid_t creation = H5Dget_create_plist(r->file->set);
  H5D_layout_t layout = creation >= 0 ? H5Pget_layout(creation) : H5D_LAYOUT_ERROR;
  if (layout == H5D_CONTIGUOUS) status = check_contiguous(r);
  if (layout == H5D_CHUNKED) {
    chunking chunks;
    status = look_at_chunks(r, creation, &chunks);
    if (status == FG_OK) status = check_chunks(r, &chunks);
    if (status == FG_OK) status = keep_chunks(r, &chunks, access);
  }
  if (creation >= 0) H5Pclose(creation);
  return status;
}

static fg_status open_set(void *arg) {
  request *r = arg;
  hid_t file_access = H5Pcreate(H5P_FILE_ACCESS), set_access = H5Pcreate(H5P_DATASET_ACCESS);
  fg_status status = FG_OK;
  char name[100];
  if (file_access < 0 || set_access < 0 || H5Pset_file_locking(file_access, 0, 1) < 0)
    status = hdf5_fail(r->error, "HDF5 cannot be set up");
  if (status == FG_OK && (r->file->file = H5Fopen(r->path, H5F_ACC_RDONLY, file_access)) < 0)
    status = hdf5_fail(r->error, "HDF5 cannot open it (is it whole?)");
  if (status == FG_OK) status = find_set(r, set_access);
  if (status == FG_OK) status = hdf5_lies_inside(r->file->file, r->file->set, set_name(r->file, name), r->error);
  if (status == FG_OK) status = take_shape(r);
  if (status == FG_OK) status = prepare_set(r, set_access);
  if (set_access >= 0) H5Pclose(set_access);
  if (file_access >= 0) H5Pclose(file_access);
  return status;
}

// ---- reading and closing

static fg_status read_rows(void *arg) {
  const request *r = arg;
  const hdf5_file *file = r->file;
  uint32_t rows_axis = file->dims - 2;
  uint64_t rows = file->shape[rows_axis];
  hsize_t start[ARRAY_MOST_DIMS] = {0}, size[ARRAY_MOST_DIMS];
  memcpy(size, file->shape, sizeof size);
  if (file->dims == 3) {
    start[0] = r->first_row / rows;
    size[0] = r->rows < rows ? 1 : r->rows / rows;
  }
  start[rows_axis] = r->first_row % rows;
  size[rows_axis] = r->rows < rows ? r->rows : rows;
  // Read in the file's own type: an enumeration has no conversion to integers.
  hid_t space = H5Dget_space(file->set), memory = H5Screate_simple((int)file->dims, size, NULL);
  fg_status status = FG_OK;
  if (space < 0 || memory < 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL) < 0 ||
      H5Dread(file->set, file->type, memory, space, H5P_DEFAULT, r->bytes) < 0)
    status = hdf5_fail(r->error, "HDF5 cannot read the data");
  if (memory >= 0) H5Sclose(memory);
  if (space >= 0) H5Sclose(space);
  return status;
}

static fg_status close_set(void *arg) {
  const request *r = arg;
  if (r->file->type >= 0) H5Tclose(r->file->type);
  if (r->file->set >= 0) H5Dclose(r->file->set);
  if (r->file->file >= 0) H5Fclose(r->file->file);
  return FG_OK;
}

// NOLINTNEXTLINE(readability-non-const-parameter): HDF5 writes to `bytes`
static fg_status hdf5_read(void *handle, uint64_t first_row, uint64_t rows, uint8_t *bytes, fg_error *error) {
  hdf5_file *file = handle;
  request r = {.file = file, .first_row = first_row, .rows = rows, .bytes = bytes, .error = error};
  return hdf5_call(file->host, read_rows, &r);
}

static void hdf5_close(void *handle) {
  hdf5_file *file = handle;
  request r = {.file = file};
  hdf5_call(file->host, close_set, &r);
  free(file);
}

fg_status hdf5_open(const fg_host *host, const char *path, const char *name, byte_array *array, fg_error *error) {
  hdf5_file *file = calloc(1, sizeof *file);
  if (!file) return fg_error_set(error, "out of memory");
  *file = (hdf5_file){.host = host, .file = -1, .set = -1, .type = -1};
  request r = {.file = file, .path = path, .name = name, .array = array, .error = error};
  if (hdf5_call(host, open_set, &r) != FG_OK) {
    hdf5_close(file);
    return FG_FAILED;
  }
  array->handle = file;
  array->read = hdf5_read;
  array->close = hdf5_close;
  return FG_OK;
}
