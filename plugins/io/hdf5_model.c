// hdf5_model.c — see hdf5_model.h. The file is opened without locks, which fail on some cluster file systems.
#include "hdf5_model.h"

#include "hdf5_call.h"
#include "hdf5_inside.h"
#include "names.h"

#include "core/diagnostics.h"
#include "core/message.h"
#include "core/model_file.h"

#include <hdf5.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GROUP "models"
#define MOST_NAMES 1000u // as many stages as a pipeline may have

/// One call that needs HDF5, with its arguments and what it finds.
typedef struct request {
  const char *path, *name;
  fg_model **model;
  bool *known;
  fg_error *error;
  hid_t file, models; ///< models: the group of all models
  char *names[MOST_NAMES];
  size_t count;
} request;

// ---- which model

/// H5Literate callback: keeps the names of groups that lie in the file itself.
static herr_t keep_name(hid_t group, const char *name, const H5L_info_t *info, void *arg) {
  request *r = arg;
  (void)group;
  char *copy = info->type == H5L_TYPE_HARD && r->count < MOST_NAMES ? strdup(name) : NULL;
  if (copy) r->names[r->count++] = copy;
  return 0;
}

/// Number of weights in an open data set of one dimension; -1: it is no such.
static int64_t length_of(hid_t set) {
  hsize_t length = 0;
  hid_t space = H5Dget_space(set);
  bool sound = space >= 0 && H5Sget_simple_extent_ndims(space) == 1 &&
               H5Sget_simple_extent_dims(space, &length, NULL) == 1 && length <= INT64_MAX;
  if (space >= 0) H5Sclose(space);
  return sound ? (int64_t)length : -1;
}

static bool is_trained(const request *r, const char *name) {
  hid_t group = H5Gopen2(r->models, name, H5P_DEFAULT);
  hid_t set = group >= 0 ? H5Dopen2(group, "weights", H5P_DEFAULT) : -1;
  bool trained = set >= 0 && length_of(set) > 0;
  if (set >= 0) H5Dclose(set);
  if (group >= 0) H5Gclose(group);
  return trained;
}

/// The model's name in r->names; NULL with the reason in r->error.
static const char *choose(request *r) {
  const char *trained[MOST_NAMES], *const *names = (const char *const *)r->names;
  char hint[600];
  size_t count = 0;
  for (size_t i = 0; i < r->count; i++) {
    if (r->name[0] && strcmp(names[i], r->name) == 0) return names[i];
    if (!r->name[0] && is_trained(r, names[i])) trained[count++] = names[i];
  }
  if (count == 1) return trained[0];
  *r->known = !r->name[0] || r->count == 0;
  if (r->count == 0)
    fg_error_set(r->error, "it holds no model: no stage of its run gave one");
  else if (r->name[0])
    fg_error_set(r->error, "it holds no model '%.100s'%s", r->name,
                 fg_suggest(hint, sizeof hint, r->name, names, r->count));
  else if (count == 0)
    fg_error_set(r->error, "none of its models (%s) is trained", names_joined(hint, sizeof hint, names, r->count));
  else
    fg_error_set(r->error, "it holds %zu trained models (%s); choose one with model: NAME", count,
                 names_joined(hint, sizeof hint, trained, count));
  return NULL;
}

// ---- reading it

/// A text attribute of variable length, to be freed; NULL with the reason in `error`.
static char *read_text(hid_t group, const char *name, size_t most, fg_error *error) {
  hid_t attribute = H5Aopen(group, name, H5P_DEFAULT), type = -1, space = -1, memory = -1;
  char *text = NULL, *copy = NULL;
  if (attribute >= 0) type = H5Aget_type(attribute);
  if (attribute >= 0) space = H5Aget_space(attribute);
  if (type < 0 || space < 0 || H5Tis_variable_str(type) <= 0 || H5Sget_simple_extent_npoints(space) != 1) {
    fg_error_set(error, "its attribute '%s' is missing or no text of variable length", name);
    goto out;
  }
  memory = H5Tcopy(H5T_C_S1);
  if (memory < 0 || H5Tset_size(memory, H5T_VARIABLE) < 0 || H5Tset_cset(memory, H5Tget_cset(type)) < 0 ||
      H5Aread(attribute, memory, &text) < 0) {
    hdf5_fail(error, "HDF5 cannot read its attributes");
    goto out;
  }
  if (!text || !text[0] || strlen(text) > most)
    fg_error_set(error, "its attribute '%s' is empty or longer than %zu bytes", name, most);
  else if (!(copy = strdup(text)))
    fg_error_set(error, "out of memory");
  H5Dvlen_reclaim(memory, space, H5P_DEFAULT, &text);

out:
  if (memory >= 0) H5Tclose(memory);
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  if (attribute >= 0) H5Aclose(attribute);
  return copy;
}

static fg_status check_chunks(hid_t set, hid_t creation, uint64_t length, fg_error *error) {
  hsize_t chunk = 0, written = 0;
  hid_t space = H5Dget_space(set);
  bool known =
      space >= 0 && H5Pget_chunk(creation, 1, &chunk) == 1 && chunk > 0 && H5Dget_num_chunks(set, space, &written) >= 0;
  if (space >= 0) H5Sclose(space);
  if (!known) return hdf5_fail(error, "HDF5 cannot tell how its weights are stored");
  if (chunk > FG_MODEL_WEIGHTS) return fg_error_set(error, "the chunks of its weights are too large");
  return written == (length - 1) / chunk + 1 ? FG_OK : fg_error_set(error, "its weights were never wholly written");
}

/// Bounds what HDF5 holds while it reads, and refuses numbers that were never written: they read as zeros.
static fg_status check_storage(hid_t set, uint64_t length, fg_error *error) {
  hid_t creation = H5Dget_create_plist(set);
  H5D_space_status_t written = H5D_SPACE_STATUS_ERROR;
  fg_status status = FG_OK;
  if (creation < 0 || H5Dget_space_status(set, &written) < 0)
    status = hdf5_fail(error, "HDF5 cannot tell how its weights are stored");
  else if (H5Pget_layout(creation) == H5D_CHUNKED)
    status = check_chunks(set, creation, length, error);
  else if (written != H5D_SPACE_STATUS_ALLOCATED)
    status = fg_error_set(error, "its weights were never wholly written");
  if (creation >= 0) H5Pclose(creation);
  return status;
}

/// The weights as an array of doubles, to be freed.
static fg_status read_weights(hid_t file, hid_t set, double **weights, uint64_t *count, fg_error *error) {
  int64_t length = set >= 0 ? length_of(set) : -1;
  hid_t type = set >= 0 ? H5Dget_type(set) : -1;
  bool real = type >= 0 && H5Tget_class(type) == H5T_FLOAT && H5Tget_size(type) <= sizeof(double);
  if (type >= 0) H5Tclose(type);
  if (length < 0 || !real)
    return fg_error_set(error, "its data set 'weights' is missing or no list of float64 numbers");
  if ((uint64_t)length > FG_MODEL_WEIGHTS)
    return fg_error_set(error, "it has %" PRId64 " weights; a model has at most %" PRIu64, length, FG_MODEL_WEIGHTS);
  *count = (uint64_t)length;
  *weights = calloc(*count + 1, sizeof **weights);
  if (!*weights) return fg_error_set(error, "out of memory for %" PRId64 " weights", length);
  if (*count == 0) return FG_OK;
  fg_status status = hdf5_lies_inside(file, set, "weights", error);
  if (status == FG_OK) status = check_storage(set, *count, error);
  if (status == FG_OK && H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, *weights) < 0)
    status = hdf5_fail(error, "HDF5 cannot read its weights");
  for (uint64_t k = 0; status == FG_OK && k < *count; k++)
    if (!isfinite((*weights)[k]))
      status = fg_error_set(error, "its weight %" PRIu64 " of %" PRIu64 " is not finite", k + 1, *count);
  return status;
}

static fg_status read_model(const request *r, const char *name) {
  fg_error why = {0};
  hid_t group = H5Gopen2(r->models, name, H5P_DEFAULT), set = -1;
  double *weights = NULL;
  uint64_t count = 0;
  char *network = NULL, *hyperparameters = NULL;
  if (group < 0) return fg_error_set(r->error, "its model '%.100s' is no group", name);
  fg_status status = FG_FAILED;
  network = read_text(group, "network", FG_MODEL_NETWORK, &why);
  if (network) hyperparameters = read_text(group, "hyperparameters", FG_MODEL_HYPERPARAMETERS, &why);
  if (hyperparameters) {
    set = H5Dopen2(group, "weights", H5P_DEFAULT);
    status = read_weights(r->file, set, &weights, &count, &why);
  }
  if (status == FG_OK && !(*r->model = fg_model_create(network, hyperparameters, weights, count)))
    status = fg_error_set(&why, "out of memory");
  if (status != FG_OK) fg_error_set(r->error, "model '%.100s': %.700s", name, why.text);
  free(network);
  free(hyperparameters);
  free(weights);
  if (set >= 0) H5Dclose(set);
  H5Gclose(group);
  return status;
}

static fg_status read_file(void *arg) {
  request *r = arg;
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  fg_status status = FG_OK;
  if (access < 0 || H5Pset_file_locking(access, 0, 1) < 0)
    status = hdf5_fail(r->error, "HDF5 cannot be set up");
  else if ((r->file = H5Fopen(r->path, H5F_ACC_RDONLY, access)) < 0)
    status = hdf5_fail(r->error, "HDF5 cannot open it (is it whole?)");
  else if (H5Lexists(r->file, GROUP, H5P_DEFAULT) <= 0 || (r->models = H5Gopen2(r->file, GROUP, H5P_DEFAULT)) < 0)
    status = fg_error_set(r->error, "it has no group '" GROUP "'; models are read from the results.h5 of a run");
  else if (H5Literate(r->models, H5_INDEX_NAME, H5_ITER_INC, NULL, keep_name, r) < 0)
    status = hdf5_fail(r->error, "HDF5 cannot list its models");
  const char *name = status == FG_OK ? choose(r) : NULL;
  if (status == FG_OK) status = name ? read_model(r, name) : FG_FAILED;
  for (size_t i = 0; i < r->count; i++) free(r->names[i]);
  if (r->models >= 0) H5Gclose(r->models);
  if (r->file >= 0) H5Fclose(r->file);
  if (access >= 0) H5Pclose(access);
  return status;
}

fg_status hdf5_model_read(const fg_host *host, const char *path, const char *name, fg_model **model, bool *known,
                          fg_error *error) {
  request r = {.path = path, .name = name, .model = model, .known = known, .error = error, .file = -1, .models = -1};
  *known = true;
  return hdf5_call(host, read_file, &r);
}
