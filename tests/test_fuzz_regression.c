// test_fuzz_regression.c — what the fuzzer starts from and what it found, once each and with some bytes changed, without
// the fuzzer: a promise that breaks ends the program at the line that says it.
// usage: test_fuzz_regression [FOLDER]; without one, the corpus in the tree.
#include "fuzz/fuzz_stream.c"

#include <dirent.h>

#define CHANGED_COPIES 50
#define MOST_INPUT 65536
/// Fewer inputs than this mean that the corpus was not found.
#define FEWEST_INPUTS 50

/// The input, then copies in which some bytes are others, some are missing at the end; reproducible from its content.
static void feed(uint8_t *input, size_t size) {
  uint64_t state = XXH64(input, size, 0);
  uint8_t changed[MOST_INPUT];
  LLVMFuzzerTestOneInput(input, size);
  for (int copy = 0; copy < CHANGED_COPIES && size; copy++) {
    memcpy(changed, input, size);
    size_t length = forge_random(&state) % 4 ? size : forge_random(&state) % size + 1;
    for (uint64_t changes = 1 + forge_random(&state) % 4; changes; changes--)
      changed[forge_random(&state) % length] = (uint8_t)forge_random(&state);
    LLVMFuzzerTestOneInput(changed, length);
  }
}

int main(int argc, char **argv) {
  const char *folder = argc > 1 ? argv[1] : "tests/fuzz/corpus/stream";
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
      feed(input, fread(input, 1, sizeof input, file));
      fclose(file);
      inputs++;
    }
    free(entries[i]);
  }
  free(entries);
  printf("%d inputs and %d changed copies of each\n", inputs, CHANGED_COPIES);
  return inputs < FEWEST_INPUTS;
}
