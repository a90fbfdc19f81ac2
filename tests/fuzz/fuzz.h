// fuzz.h — what the fuzz targets share: a promise that ends the program when it is broken, and a file of given content.
// A target is one function, LLVMFuzzerTestOneInput, in a file of its own. 'make fuzz' runs each under libFuzzer;
// tests/test_fuzz_regression.c includes them all and feeds them the files of corpus/.
#ifndef FG_TESTS_FUZZ_FUZZ_H
#define FG_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/// Ends the program at the line that found a promise broken.
static inline void require(bool kept) {
  if (!kept) __builtin_trap();
}

/// A file in memory with this content; its path, valid until the next call. The same file is filled again each time.
static inline const char *fuzz_file(const uint8_t *data, size_t size) {
  static int handle = -1;
  static char path[64];
  if (handle < 0) {
    handle = memfd_create("fuzz", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", handle);
  }
  require(handle >= 0 && ftruncate(handle, 0) == 0 && pwrite(handle, data, size, 0) == (ssize_t)size);
  return path;
}

#endif
