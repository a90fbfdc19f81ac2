// hdf5_head.c — see hdf5_head.h.
#include "hdf5_head.h"

#include "hdf5_call.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_STEP 4096u

/// The memory HDF5 takes for a file: as far as it writes, which is not where the data will be.
typedef struct image {
  uint8_t *bytes;
  uint64_t count;
} image;

static void *resize(void *bytes, size_t count, H5FD_file_image_op_t why, void *arg) {
  image *made = arg;
  (void)why;
  uint8_t *larger = realloc(bytes, count);
  if (!larger) return NULL;
  made->bytes = larger;
  made->count = count;
  return larger;
}

static void *allocate(size_t count, H5FD_file_image_op_t why, void *arg) { return resize(NULL, count, why, arg); }

/// The file closes; the image stays.
static herr_t keep(void *bytes, H5FD_file_image_op_t why, void *arg) {
  (void)bytes;
  (void)why;
  (void)arg;
  return 0;
}

static void *same(void *arg) { return arg; }

static herr_t nothing(void *arg) {
  (void)arg;
  return 0;
}

/// A file in memory, in the oldest format, every reader's.
static hid_t create_in_memory(image *made) {
  H5FD_file_image_callbacks_t callbacks = {.image_malloc = allocate,
                                           .image_realloc = resize,
                                           .image_free = keep,
                                           .udata_copy = same,
                                           .udata_free = nothing,
                                           .udata = made};
  hid_t access = H5Pcreate(H5P_FILE_ACCESS), file = -1;
  // Without room for small data the data set lies behind everything else, whatever its size.
  if (access >= 0 && H5Pset_fapl_core(access, MEMORY_STEP, 0) >= 0 &&
      H5Pset_file_image_callbacks(access, &callbacks) >= 0 &&
      H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST) >= 0 &&
      H5Pset_small_data_block_size(access, 0) >= 0)
    file = H5Fcreate("head", H5F_ACC_TRUNC, H5P_DEFAULT, access);
  if (access >= 0) H5Pclose(access);
  return file;
}

/// A contiguous data set whose place is taken at once and never written to.
static hid_t create_set(hid_t file, const array_plan *plan) {
  hsize_t shape[3] = {plan->configurations, plan->rows, plan->row_bytes};
  hid_t space = H5Screate_simple(3, shape, NULL), creation = H5Pcreate(H5P_DATASET_CREATE), set = -1;
  if (space >= 0 && creation >= 0 && H5Pset_layout(creation, H5D_CONTIGUOUS) >= 0 &&
      H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY) >= 0 && H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER) >= 0 &&
      H5Pset_obj_track_times(creation, 0) >= 0)
    set = H5Dcreate2(file, "configurations", plan->is_signed ? H5T_STD_I8LE : H5T_STD_U8LE, space, H5P_DEFAULT,
                     creation, H5P_DEFAULT);
  if (creation >= 0) H5Pclose(creation);
  if (space >= 0) H5Sclose(space);
  return set;
}

static int describe(hid_t set, const char *text) {
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR), attribute = -1;
  int sound = 0;
  if (type >= 0 && space >= 0 && H5Tset_size(type, strlen(text)) >= 0 && H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0 &&
      H5Tset_cset(type, H5T_CSET_UTF8) >= 0 &&
      (attribute = H5Acreate2(set, "description", type, space, H5P_DEFAULT, H5P_DEFAULT)) >= 0)
    sound = H5Awrite(attribute, type, text) >= 0;
  if (attribute >= 0) H5Aclose(attribute);
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  return sound;
}

typedef struct request {
  const array_plan *plan;
  array_head *head;
  fg_error *error;
} request;

static fg_status make_head(void *arg) {
  const request *r = arg;
  image made = {NULL, 0};
  haddr_t data = HADDR_UNDEF;
  fg_status status = FG_OK;
  hid_t file = create_in_memory(&made), set = file >= 0 ? create_set(file, r->plan) : -1;
  if (set < 0 || !describe(set, array_words(r->plan))) status = hdf5_fail(r->error, "HDF5 cannot make the file's head");
  if (status == FG_OK) data = H5Dget_offset(set);
  if (set >= 0) H5Dclose(set);
  if (file >= 0 && H5Fclose(file) < 0 && status == FG_OK)
    status = hdf5_fail(r->error, "HDF5 cannot close the file's head");
  if (status == FG_OK && r->plan->configurations > 0 && (data == HADDR_UNDEF || data > made.count))
    status = fg_error_set(r->error, "HDF5 lays the file out in an unknown way");
  if (status == FG_OK)
    *r->head = (array_head){made.bytes, r->plan->configurations > 0 ? data : made.count};
  else
    free(made.bytes);
  return status;
}

fg_status hdf5_head(const fg_host *host, const array_plan *plan, array_head *head, fg_error *error) {
  request r = {plan, head, error};
  return hdf5_call(host, make_head, &r);
}
