// hdf5_file.c — see hdf5_file.h.
#include "hdf5_file.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct hdf5_file {
  const fg_host *host;
  hid_t file, set;
  uint32_t dims;
  hsize_t shape[ARRAY_MOST_DIMS];
} hdf5_file;

/// One call that needs HDF5, with its arguments.
typedef struct request {
  hdf5_file *file;
  const char *path, *name;
  byte_array *array;
  uint64_t first, count;
  uint8_t *bytes;
  char *fault;
} request;

/// Data sets found while looking for the only one.
typedef struct search {
  char name[256];
  unsigned found;
} search;

static herr_t visit(hid_t root, const char *name, const H5O_info_t *info, void *arg) {
  search *s = arg;
  if (info->type != H5O_TYPE_DATASET) return 0;
  hid_t set = H5Dopen2(root, name, H5P_DEFAULT), space = set >= 0 ? H5Dget_space(set) : -1;
  int dims = space >= 0 ? H5Sget_simple_extent_ndims(space) : 0;
  if (space >= 0) H5Sclose(space);
  if (set >= 0) H5Dclose(set);
  if (dims != 2 && dims != 3) return 0;
  if (s->found++ == 0) snprintf(s->name, sizeof s->name, "%s", name);
  return 0;
}

/// int8, uint8, or the two-valued enumeration that h5py writes for booleans.
static int byte_type(hid_t set, int *is_signed) {
  hid_t type = H5Dget_type(set), base = H5Tget_class(type) == H5T_ENUM ? H5Tget_super(type) : H5Tcopy(type);
  int sound = H5Tget_class(base) == H5T_INTEGER && H5Tget_size(base) == 1;
  *is_signed = H5Tget_class(type) != H5T_ENUM && H5Tget_sign(base) == H5T_SGN_2;
  H5Tclose(base);
  H5Tclose(type);
  return sound;
}

static fg_status open_set(void *arg) {
  request *r = arg;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
  r->file->file = H5Fopen(r->path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (r->file->file < 0) {
    snprintf(r->fault, 256, "HDF5 cannot open it");
    return FG_FAILED;
  }
  search s = {{0}, 0};
  snprintf(s.name, sizeof s.name, "%.255s", r->name);
  if (!r->name[0]) H5Ovisit2(r->file->file, H5_INDEX_NAME, H5_ITER_INC, visit, &s, H5O_INFO_BASIC);
  if (!r->name[0] && s.found != 1) {
    snprintf(r->fault, 256, "it holds %u data sets of two or three axes; choose one with dataset: NAME", s.found);
    return FG_FAILED;
  }
  r->file->set = H5Dopen2(r->file->file, s.name, H5P_DEFAULT);
  if (r->file->set < 0) {
    snprintf(r->fault, 256, "it holds no data set '%.180s'", s.name);
    return FG_FAILED;
  }
  hid_t space = H5Dget_space(r->file->set);
  int dims = H5Sget_simple_extent_ndims(space);
  if (dims == 2 || dims == 3) H5Sget_simple_extent_dims(space, r->file->shape, NULL);
  H5Sclose(space);
  if (dims != 2 && dims != 3) {
    snprintf(r->fault, 256, "data set '%.120s' has %d axes; it should have (configurations, rows, columns)", s.name,
             dims);
    return FG_FAILED;
  }
  if (!byte_type(r->file->set, &r->array->is_signed)) {
    snprintf(r->fault, 256, "data set '%.120s' is not of 8-bit integers or booleans", s.name);
    return FG_FAILED;
  }
  r->file->dims = r->array->dims = (uint32_t)dims;
  for (int d = 0; d < dims; d++) r->array->shape[d] = r->file->shape[d];
  return FG_OK;
}

static fg_status read_rows(void *arg) {
  request *r = arg;
  hdf5_file *file = r->file;
  hsize_t start[ARRAY_MOST_DIMS] = {0}, size[ARRAY_MOST_DIMS];
  memcpy(size, file->shape, sizeof size);
  if (file->dims == 3) {
    start[0] = r->first;
    size[0] = r->count;
  }
  // Read in the file's own type: an enumeration has no conversion to integers.
  hid_t type = H5Dget_type(file->set), space = H5Dget_space(file->set),
        memory = H5Screate_simple((int)file->dims, size, NULL);
  H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL);
  herr_t result = H5Dread(file->set, type, memory, space, H5P_DEFAULT, r->bytes);
  H5Sclose(memory);
  H5Sclose(space);
  H5Tclose(type);
  if (result < 0)
    snprintf(r->fault, 256, "HDF5 cannot read the data: it may be cut off or compressed by an unknown filter");
  return result < 0 ? FG_FAILED : FG_OK;
}

static fg_status close_set(void *arg) {
  hdf5_file *file = arg;
  if (file->set >= 0) H5Dclose(file->set);
  if (file->file >= 0) H5Fclose(file->file);
  return FG_OK;
}

static int hdf5_read(void *handle, uint64_t first, uint64_t count, uint8_t *bytes, char fault[256]) {
  hdf5_file *file = handle;
  request r = {.file = file, .first = first, .count = count, .bytes = bytes, .fault = fault};
  return file->host->serialize(file->host, "hdf5", read_rows, &r) == FG_OK;
}

static void hdf5_close(void *handle) {
  hdf5_file *file = handle;
  file->host->serialize(file->host, "hdf5", close_set, file);
  free(file);
}

int hdf5_open(const fg_host *host, const char *path, const char *name, byte_array *array, char fault[256]) {
  hdf5_file *file = calloc(1, sizeof *file);
  if (!file) {
    snprintf(fault, 256, "out of memory");
    return 0;
  }
  *file = (hdf5_file){.host = host, .file = -1, .set = -1};
  request r = {.file = file, .path = path, .name = name, .array = array, .fault = fault};
  if (host->serialize(host, "hdf5", open_set, &r) != FG_OK) {
    hdf5_close(file);
    return 0;
  }
  array->handle = file;
  array->read = hdf5_read;
  array->close = hdf5_close;
  return 1;
}
