// test_fuzz_regression.c — what the fuzzers start from and what they found, once each and with some bytes changed, without
// a fuzzer: a promise that breaks ends the program at the line that says it.
// usage: test_fuzz_regression [TARGET [FOLDER]]; without one, all targets on the corpora in the tree.
#include <dirent.h>

#define LLVMFuzzerTestOneInput fuzz_stream
#include "fuzz/fuzz_stream.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_plan
#include "fuzz/fuzz_plan.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_sweep
#include "fuzz/fuzz_sweep.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_model
#include "fuzz/fuzz_model.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_npy
#include "fuzz/fuzz_npy.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_hdf5
#include "fuzz/fuzz_hdf5.c"
#undef LLVMFuzzerTestOneInput

#define MOST_INPUT 65536

/// A target, how many changed copies of each input it gets, and how many inputs there are at least: fewer mean that the
/// corpus was not found. The HDF5 library is not ours to test: it gets its files as they are.
static const struct {
  const char *name;
  int (*feed)(const uint8_t *data, size_t size);
  int changed_copies, fewest;
} targets[] = {{"stream", fuzz_stream, 50, 50}, {"plan", fuzz_plan, 5, 50}, {"sweep", fuzz_sweep, 20, 5},
               {"model", fuzz_model, 50, 5},    {"npy", fuzz_npy, 50, 10},  {"hdf5", fuzz_hdf5, 0, 10}};

/// The input, then copies in which some bytes are others, some are missing at the end; reproducible from its content.
static void feed(size_t target, uint8_t *input, size_t size) {
  uint64_t state = XXH64(input, size, 0);
  uint8_t changed[MOST_INPUT];
  targets[target].feed(input, size);
  for (int copy = 0; copy < targets[target].changed_copies && size; copy++) {
    memcpy(changed, input, size);
    size_t length = forge_random(&state) % 4 ? size : forge_random(&state) % size + 1;
    for (uint64_t changes = 1 + forge_random(&state) % 4; changes; changes--)
      changed[forge_random(&state) % length] = (uint8_t)forge_random(&state);
    targets[target].feed(changed, length);
  }
}

/// False when there are too few inputs.
static bool feed_all(size_t target, const char *folder) {
  struct dirent **entries = NULL;
  int count = scandir(folder, &entries, NULL, alphasort), inputs = 0;
  uint8_t input[MOST_INPUT];
  for (int i = 0; i < count; i++) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
    FILE *file = entries[i]->d_name[0] == '.' ? NULL : fopen(path, "rb");
    if (file) {
      printf("%s\n", path);
      fflush(stdout); // so that the last line names the input that ended the program
      feed(target, input, fread(input, 1, sizeof input, file));
      fclose(file);
      inputs++;
    }
    free(entries[i]);
  }
  free(entries);
  printf("%s: %d inputs and %d changed copies of each\n", targets[target].name, inputs, targets[target].changed_copies);
  return inputs >= targets[target].fewest;
}

int main(int argc, char **argv) {
  bool sound = true;
  for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
    char folder[1024];
    if (argc > 1 && strcmp(argv[1], targets[t].name) != 0) continue;
    snprintf(folder, sizeof folder, "%s", argc > 2 ? argv[2] : "tests/fuzz/corpus/");
    if (argc <= 2) strcat(folder, targets[t].name);
    sound &= feed_all(t, folder) || argc > 2;
  }
  return !sound;
}
