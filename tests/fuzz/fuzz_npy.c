// fuzz_npy.c — arbitrary bytes as a NumPy file. Two bytes say what the user asks for; the file follows.
#include "fuzz/fuzz_array.h"
#include "plugins/io/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  array_wish wish = fuzz_wish(data[0], data[1]);
  byte_array array = {0};
  fg_error error = {0};
  if (npy_open(fuzz_file(data + 2, size - 2), &array, &error) == FG_OK)
    fuzz_read_array(&array, &wish);
  else
    require(error.text[0]);
  return 0;
}
