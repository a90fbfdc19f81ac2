// fuzz_hdf5.c — arbitrary bytes as an HDF5 file: a data set of spins, or the results of a run with a model in it. Two
// bytes say which and what the user asks for; the file follows. The HDF5 library is not instrumented, so the fuzzer is led
// by what our own code sees of the file.
#include "fuzz/fuzz_array.h"
#include "message.h"
#include "plugins/io/hdf5_file.h"
#include "plugins/io/hdf5_model.h"

static fg_status call(const fg_host *host, const char *key, fg_status (*fn)(void *arg), void *arg) {
  (void)host;
  (void)key;
  return fn(arg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const fg_host host = {.size = sizeof host, .serialize = call};
  static const char *const sets[] = {"", "spins", "link", "group/spins"}, *const models[] = {"", "train"};
  if (size < 2) return 0;
  const char *path = fuzz_file(data + 2, size - 2);
  array_wish wish = fuzz_wish(data[0] % 24, data[1]);
  byte_array array = {0};
  fg_error error = {0};
  if (data[0] >= 128) {
    fg_model *model = NULL;
    bool known = false;
    fg_status status = hdf5_model_read(&host, path, models[data[1] % 2], &model, &known, &error);
    require(status == FG_OK ? model != NULL : error.text[0] != 0);
    fg_model_unref(model);
  } else if (hdf5_open(&host, path, sets[data[0] / 24 % 4], &array, &error) == FG_OK) {
    fuzz_read_array(&array, &wish);
  } else {
    require(error.text[0]);
  }
  return 0;
}
