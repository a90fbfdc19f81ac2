// test_conform.c — what check-plugin rests on: the table of exported symbols, in whole and damaged files, and χ². What the
// checks find is tested with plugins that are broken on purpose (cli_author.sh).
#include "check.h"

#include "conform/exports.h"
#include "conform/statistics.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define PLUGIN FG_BUILD "/plugins/coarsen.majority.so"
#define COPY FG_BUILD "/tests/conform-copy.so"

static fg_status read_exports(const char *path, bool *plugin, unsigned *others, char names[200]) {
  fg_error error = {0};
  fg_status status = fg_exports_read(path, plugin, others, names, 200, &error);
  CU_ASSERT((status == FG_OK) == (error.text[0] == 0));
  return status;
}

static void exports_of_a_plugin(void) {
  bool plugin;
  unsigned others;
  char names[200];
  CHECK_INTEGER(read_exports(PLUGIN, &plugin, &others, names), FG_OK);
  CU_ASSERT(plugin);
  CHECK_INTEGER(others, 0);
  CHECK_TEXT(names, "");
}

/// A library that exports a lot, and no plugin; names are cut where the room ends.
static void exports_of_a_library(void) {
  bool plugin;
  unsigned others;
  char names[200];
  Dl_info library;
  CU_ASSERT_FATAL(dladdr(dlsym(RTLD_DEFAULT, "cbrt"), &library) != 0);
  CHECK_INTEGER(read_exports(library.dli_fname, &plugin, &others, names), FG_OK);
  CU_ASSERT(!plugin);
  CU_ASSERT(others > 100);
  CHECK_INTEGER(strlen(names), 199);
}

static void no_shared_object(void) {
  bool plugin;
  unsigned others;
  char names[200];
  CHECK_INTEGER(read_exports(FG_BUILD "/nowhere.so", &plugin, &others, names), FG_FAILED);
  CHECK_INTEGER(read_exports(FG_BUILD, &plugin, &others, names), FG_FAILED);
  CHECK_INTEGER(read_exports(__FILE__, &plugin, &others, names), FG_FAILED);
}

static void write_copy(const char *bytes, size_t count) {
  FILE *file = fopen(COPY, "wb");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  CU_ASSERT(fwrite(bytes, 1, count, file) == count);
  fclose(file);
}

/// Cut off anywhere, and with any byte of the header and of the section table replaced: refused or read, never beyond the
/// file (the sanitizers watch).
static void damaged_files(void) {
  bool plugin;
  unsigned others;
  char names[200];
  FILE *file = fopen(PLUGIN, "rb");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  char *bytes = malloc(1 << 20);
  CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
  const size_t count = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  unsigned refused = 0, tried = 0;
  for (size_t length = 0; length < count; length += length < 128 ? 1 : count / 97, tried++) {
    write_copy(bytes, length);
    refused += read_exports(COPY, &plugin, &others, names) == FG_FAILED;
  }
  CHECK_INTEGER(refused, tried); // the section table is at the end
  uint64_t sections;
  memcpy(&sections, bytes + 40, 8); // e_shoff of ELF64
  write_copy(bytes, count);
  int copy = open(COPY, O_WRONLY);
  for (size_t at = 0; at < count; at += at < 64 || at >= sections ? 1 : at < sections - 64 ? sections - at : 64) {
    for (int value = 0; value < 256; value += 85) {
      const char other = (char)value;
      CU_ASSERT_FATAL(pwrite(copy, &other, 1, (off_t)at) == 1);
      read_exports(COPY, &plugin, &others, names);
    }
    CU_ASSERT_FATAL(pwrite(copy, bytes + at, 1, (off_t)at) == 1);
  }
  close(copy);
  CHECK_INTEGER(read_exports(COPY, &plugin, &others, names), FG_OK);
  free(bytes);
  unlink(COPY);
}

/// χ² of 3 cells: observed 30, 50, 40, expected 40 each: 100/40 + 100/40 = 5 at 2 degrees of freedom, where Wilson and
/// Hilferty's cube root gives (√[3]{2.5} - 8/9)/√(1/9) = 1.40496; the exact tail exp(-5/2) = 0.0821 is that of 1.391 σ.
static void chi_squared(void) {
  const double observed[] = {30, 50, 40}, expected[] = {40, 40, 40};
  CHECK_NEAR(fg_statistics_deviate(observed, expected, 3), (cbrt(2.5) - 8.0 / 9) * 3, 1e-12);
  // Rare cells join the smallest of the others: 40 + 2 + 3 observed, 40 + 1 + 4 expected.
  const double more[] = {30, 50, 40, 2, 3}, rare[] = {41, 42, 40, 1, 4};
  const double chi = 121.0 / 41 + 64.0 / 42;
  CHECK_NEAR(fg_statistics_deviate(more, rare, 5), (cbrt(chi / 2) - 8.0 / 9) * 3, 1e-12);
  // What cannot be, and what is no number.
  const double impossible[] = {60, 60, 0}, seen[] = {60, 59, 1}, unknown[] = {60, 60, NAN};
  CU_ASSERT(isinf(fg_statistics_deviate(seen, impossible, 3)));
  CU_ASSERT(isinf(fg_statistics_deviate(seen, unknown, 3)));
  CHECK_NEAR(fg_statistics_deviate(impossible, impossible, 3), (cbrt(0) - 7.0 / 9) / sqrt(2.0 / 9), 1e-12);
}

/// Each way deals all outcomes to the cells, none too many to one.
static void cells(void) {
  for (uint32_t i = 0; i < 16; i++) CHECK_INTEGER(fg_statistics_cell(i, 16, 0), i);
  for (uint32_t way = 0; way < FG_STATISTICS_WAYS; way++) {
    unsigned in_cell[FG_STATISTICS_CELLS] = {0}, most = 0;
    for (uint32_t i = 0; i < 65536; i++) {
      uint32_t cell = fg_statistics_cell(i, 65536, way);
      CU_ASSERT_FATAL(cell < FG_STATISTICS_CELLS);
      if (++in_cell[cell] > most) most = in_cell[cell];
    }
    CU_ASSERT(most <= 1100); // 1024 on average
  }
}

static const check_case cases[] = {{"exports of a plugin", exports_of_a_plugin},
                                   {"exports of a library", exports_of_a_library},
                                   {"no shared object", no_shared_object},
                                   {"damaged files", damaged_files},
                                   {"chi squared", chi_squared},
                                   {"cells", cells},
                                   {0}};

int main(void) { return check_main("conform", cases); }
