// test_source_model.c — source.model: the model that was written comes out, bit for bit, from a model file and from the
// results of a run; which one is meant is asked when it is not clear; what does not fit its network is refused before
// anything runs. The files are made here, in a folder of their own.
#include "check.h"
#include "driver.h"
#include "message.h"
#include "model_file.h"
#include "results.h"

#include <hdf5.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NETWORK "network.symmetric"

static const double three[] = {0.5731, -0.0, 1.4525};
static const double six[] = {0.1, 1.0 / 3, 5e-324, -1.7976931348623157e308 / 1e300, 0.25, 2};

static void write_model(const char *name, const char *network, const char *hyperparameters, const double *weights,
                        uint64_t count) {
  fg_error error = {0};
  fg_model *model = fg_model_create(network, hyperparameters, weights, count);
  if (!model || fg_model_file_write(name, model, NULL, &error) != FG_OK) abort();
  fg_model_unref(model);
}

static void write_text(const char *name, const char *text, size_t length) {
  FILE *file = fopen(name, "wb");
  if (!file || fwrite(text, 1, length, file) != length || fclose(file) != 0) abort();
}

static void add_model(fg_results *results, uint32_t stage, const double *weights, uint64_t count) {
  fg_error error = {0};
  fg_model *model = fg_model_create(NETWORK, count == 6 ? "{\"kernel\": 5}" : "{\"kernel\": 3}", weights, count);
  if (!model || fg_results_add_model(results, stage, model, &error) != FG_OK) abort();
  fg_model_unref(model);
}

/// Results of a run with the models of `trained` (3 or 6 weights each), and of one more stage that is not trained.
static void write_results(const char *name, const char *const *trained, uint32_t count) {
  fg_error error = {0};
  const char *names[8] = {"net"};
  for (uint32_t i = 0; i < count; i++) names[i + 1] = trained[i];
  fg_results *results = fg_results_new(names, count + 1);
  add_model(results, 0, NULL, 0);
  for (uint32_t i = 0; i < count; i++) add_model(results, i + 1, i % 2 ? six : three, i % 2 ? 6 : 3);
  if (fg_results_write_hdf5(results, name, NULL, 0, &error) != FG_OK) abort();
  fg_results_free(results);
}

static void gives(const char *params, const char *hyperparameters, const double *weights, uint64_t count) {
  driver *d = driver_open("source.model", params, 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_TEXT(driver_format(d, 0)->network, NETWORK);
  CHECK_INTEGER(driver_format(d, 0)->has_weights, 1);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(driver_count(d, 0), 1);
  const fg_message *message = driver_message(d, 0, 0);
  if (message) {
    CHECK_TEXT(message->model->network, NETWORK);
    CHECK_TEXT(message->model->hyperparameters, hyperparameters);
    CHECK_INTEGER(message->model->weight_count, count);
    if (message->model->weight_count == count)
      CU_ASSERT(memcmp(message->model->weights, weights, count * sizeof *weights) == 0);
  }
  driver_close(d);
}

/// Refused by create or by negotiate.
static void refused(const char *params, const char *message) {
  driver *d = driver_open("source.model", params, 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

// ---- what is read

static void from_a_model_file(void) {
  write_model("three.json", NETWORK, "{\"kernel\": 3}", three, 3);
  write_model("six.json", NETWORK, "{\"kernel\": 5}", six, 6);
  gives("file: three.json", "{\"kernel\":3}", three, 3);
  gives("file: six.json", "{\"kernel\":5}", six, 6);
  static const char blanks[] =
      "\n\n\n    \n\n  \t{\"finegrain_model\": 1, \"network\": \"" NETWORK "\", \"hyperparameters\": {}, "
      "\"parameters\": 0, \"weights\": []}";
  write_text("blanks.json", blanks, sizeof blanks - 1);
  refused("file: blanks.json",
          "blanks.json: the model is not trained, it has no weights; use a stage network.symmetric instead");
}

static void from_results(void) {
  static const char *const names[] = {"train", "again", "last"};
  write_results("one.h5", names, 1);
  write_results("many.h5", names, 3);
  gives("file: one.h5", "{\"kernel\": 3}", three, 3);
  gives("file: one.h5, model: train", "{\"kernel\": 3}", three, 3);
  gives("file: many.h5, model: again", "{\"kernel\": 5}", six, 6);
  gives("file: many.h5, model: last", "{\"kernel\": 3}", three, 3);
}

// ---- which one

static void which_model(void) {
  static const char *const names[] = {"train", "again", "last"};
  write_results("many.h5", names, 3);
  write_results("none.h5", NULL, 0);
  write_model("three.json", NETWORK, "{\"kernel\": 3}", three, 3);
  refused("file: many.h5", "many.h5: it holds 3 trained models (again, last, train); choose one with model: NAME");
  refused("file: many.h5, model: trian",
          "many.h5: it holds no model 'trian'; did you mean 'train'? (valid: again, last, net, train)");
  refused("file: many.h5, model: ../models/train",
          "many.h5: it holds no model '../models/train'; valid: again, last, net, train");
  refused("file: many.h5, model: net",
          "many.h5: the model is not trained, it has no weights; use a stage network.symmetric instead");
  refused("file: none.h5", "none.h5: none of its models (net) is trained");
  refused("file: three.json, model: train", "three.json: is a model file, which holds one model; leave model out");
}

// ---- what does not fit the network

static void unfit(void) {
  write_model("many.json", NETWORK, "{\"kernel\": 3}", six, 6);
  refused("file: many.json",
          "many.json: a model of network.symmetric came with 6 weights; kernel 3 has 3: corner, edge, centre");
  write_model("even.json", NETWORK, "{\"kernel\": 4}", three, 3);
  refused("file: even.json",
          "even.json: hyperparameters {\"kernel\":4} of network.symmetric: kernel must be odd, from 3 to 15");
  write_model("unknown.json", "network.symetric", "{}", three, 3);
  refused("file: unknown.json",
          "unknown.json: its network 'network.symetric' is none this program has; 'finegrain plugins' lists them");
  write_model("sampler.json", "sampler.wolff", "{}", three, 3);
  refused("file: sampler.json",
          "sampler.json: its network 'sampler.wolff' is none this program has; 'finegrain plugins' lists them");
  write_model("untrained.json", NETWORK, "{\"kernel\": 3}", NULL, 0);
  refused("file: untrained.json",
          "untrained.json: the model is not trained, it has no weights; use a stage network.symmetric instead");
}

// ---- other files

static void other_files(void) {
  write_model("three.json", NETWORK, "{\"kernel\": 3}", three, 3);
  write_text("empty.json", "", 0);
  write_text("array.npy", "\x93NUMPY\1\0v\0{}", 12);
  write_text("weights.pt", "PK\3\4 and so on", 14);
  write_text("other.json", "{\"models\": {}}", 14);
  hid_t file = H5Fcreate("other.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  refused("file: tree.json", "cannot open tree.json: No such file or directory; did you mean 'three.json'?");
  refused("file: nothing-like-it.h5", "cannot open nothing-like-it.h5: No such file or directory");
  refused("file: .", ". is a folder, not a file");
  refused("file: empty.json", "empty.json is empty");
  refused("file: array.npy", "array.npy: is neither a model file (.json) nor the results of a run (.h5)");
  refused("file: weights.pt",
          "weights.pt: is a zip archive, as PyTorch and numpy.savez write; write its weights to a model file "
          "(schemas/model.md)");
  refused("file: other.json", "other.json: is no model file (schemas/model.md): it has no \"finegrain_model\": 1");
  refused("file: other.h5", "other.h5: it has no group 'models'; models are read from the results.h5 of a run");
}

// ---- damaged results

/// models/train with one thing about it that may be wrong.
typedef struct damage {
  const char *network;         ///< NULL: no attribute
  const char *hyperparameters; ///< NULL: an attribute of fixed length
  hid_t type;
  int dims;
  hsize_t length;
  hsize_t chunk; ///< 0: contiguous
  int written;
  double second; ///< weight
} damage;

static void write_attribute(hid_t group, const char *name, const char *text, int fixed) {
  hid_t space = H5Screate(H5S_SCALAR), type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, fixed ? strlen(text) : H5T_VARIABLE);
  hid_t attribute = H5Acreate2(group, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(attribute, type, fixed ? (const void *)text : (const void *)&text);
  H5Aclose(attribute);
  H5Tclose(type);
  H5Sclose(space);
}

static void write_damaged(const damage *d) {
  hid_t file = H5Fcreate("damaged.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t models = H5Gcreate2(file, "models", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  hid_t group = H5Gcreate2(models, "train", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (d->network) write_attribute(group, "network", d->network, 0);
  write_attribute(group, "hyperparameters", d->hyperparameters ? d->hyperparameters : "{}", !d->hyperparameters);
  hsize_t shape[] = {d->length, 1}, more[] = {H5S_UNLIMITED, 1};
  hid_t space = H5Screate_simple(d->dims, shape, d->chunk ? more : NULL), plan = H5Pcreate(H5P_DATASET_CREATE);
  if (d->chunk) H5Pset_chunk(plan, 1, &d->chunk);
  hid_t set = H5Dcreate2(group, "weights", d->type, space, H5P_DEFAULT, plan, H5P_DEFAULT);
  const double weights[3] = {0.5, d->second, 1.5};
  if (d->written) H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, weights);
  H5Dclose(set);
  H5Pclose(plan);
  H5Sclose(space);
  H5Gclose(group);
  H5Gclose(models);
  H5Fclose(file);
}

static void damaged_results(void) {
  const damage sound = {NETWORK, "{\"kernel\":3}", H5T_IEEE_F64LE, 1, 3, 0, 1, 0.75};
  const double weights[] = {0.5, 0.75, 1.5};
  damage d = sound;
  write_damaged(&d);
  gives("file: damaged.h5", "{\"kernel\":3}", weights, 3);
  d.type = H5T_IEEE_F32BE; // another type of reals is converted, and these three exactly
  d.chunk = 2;
  write_damaged(&d);
  gives("file: damaged.h5", "{\"kernel\":3}", weights, 3);

#define DAMAGED(message, ...)                                                                                          \
  do {                                                                                                                 \
    d = sound;                                                                                                         \
    __VA_ARGS__;                                                                                                       \
    write_damaged(&d);                                                                                                 \
    refused("file: damaged.h5, model: train", "damaged.h5: model 'train': " message);                                  \
  } while (0)
  DAMAGED("its attribute 'network' is missing or no text of variable length", d.network = NULL);
  DAMAGED("its attribute 'network' is empty or longer than 63 bytes", d.network = "");
  DAMAGED("its attribute 'network' is empty or longer than 63 bytes",
          d.network = "a-network-whose-name-is-longer-than-any-stage-kind-could-ever-become");
  DAMAGED("its attribute 'hyperparameters' is missing or no text of variable length", d.hyperparameters = NULL);
  DAMAGED("its data set 'weights' is missing or no list of float64 numbers", d.type = H5T_STD_I64LE);
  DAMAGED("its data set 'weights' is missing or no list of float64 numbers", d.dims = 2);
  DAMAGED("its weights were never wholly written", d.written = 0);
  DAMAGED("its weights were never wholly written", d.written = 0; d.chunk = 2);
  DAMAGED("its weight 2 of 3 is not finite", d.second = NAN);
  DAMAGED("its weight 2 of 3 is not finite", d.second = INFINITY);
  DAMAGED("it has 1099511627776 weights; a model has at most 16777216", d.written = 0; d.chunk = 2;
          d.length = (hsize_t)1 << 40);
  DAMAGED("the chunks of its weights are too large", d.written = 0; d.chunk = (hsize_t)1 << 25);
#undef DAMAGED
}

/// A results file cut off anywhere is refused.
static void cut_off(void) {
  static const char *const names[] = {"train"};
  write_results("whole.h5", names, 1);
  struct stat info;
  CHECK_INTEGER(stat("whole.h5", &info), 0);
  char *bytes = malloc((size_t)info.st_size);
  FILE *file = fopen("whole.h5", "rb");
  if (!bytes || !file || fread(bytes, 1, (size_t)info.st_size, file) != (size_t)info.st_size) abort();
  fclose(file);
  for (size_t keep = 8; keep < (size_t)info.st_size; keep += 61) {
    write_text("cut.h5", bytes, keep);
    driver *d = driver_open("source.model", "file: cut.h5", 1);
    CHECK_INTEGER(driver_negotiate(d, NULL), FG_FAILED);
    CU_ASSERT(strstr(driver_error(d), "cut.h5: ") != NULL);
    driver_close(d);
  }
  free(bytes);
}

int main(void) {
  static const check_case cases[] = {
      {"a model file", from_a_model_file},   {"the results of a run", from_results},
      {"which model is meant", which_model}, {"what does not fit the network", unfit},
      {"other files", other_files},          {"damaged results", damaged_results},
      {"results cut off", cut_off},          {0},
  };
  char folder[] = "/tmp/finegrain-model-XXXXXX", command[100];
  if (!mkdtemp(folder) || chdir(folder) != 0) return 1;
  int code = check_main("source_model", cases);
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command) == 0 ? code : 1;
}
