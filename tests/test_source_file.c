// test_source_file.c — source.file: every format, type and layout gives the spins that were written; everything that is
// no such file is refused with the message it deserves. The files are made here, in a folder of their own.
#include "check.h"
#include "driver.h"
#include "message.h"
#include "stream_file.h"

#include <dirent.h>
#include <hdf5.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- what is in the files

/// The spin that every test expects there: 0 or 1, without a period that fits any lattice.
static unsigned pattern(uint64_t c, uint64_t y, uint64_t x) {
  uint64_t mixed = (c * 1000003 + y * 10007 + x * 101 + 7) * UINT64_C(0x9e3779b97f4a7c15);
  return (unsigned)(mixed >> 61) & 1u;
}

enum { ZERO_ONE, PLUS_MINUS, STATES };

/// count × rows × width bytes, to be freed.
static uint8_t *plain_bytes(uint64_t count, uint64_t rows, uint64_t width, int values) {
  uint8_t *bytes = malloc(count * rows * width + 1), *at = bytes;
  if (!bytes) abort();
  for (uint64_t c = 0; c < count; c++)
    for (uint64_t y = 0; y < rows; y++)
      for (uint64_t x = 0; x < width; x++)
        *at++ = values == STATES ? (uint8_t)(7 * x + y + c) : pattern(c, y, x) ? 1 : values == PLUS_MINUS ? 255 : 0;
  return bytes;
}

/// The same, packed: count × rows × ceil(width/8) bytes.
static uint8_t *packed_bytes(uint64_t count, uint64_t rows, uint64_t width, int little) {
  uint64_t row_bytes = (width + 7) / 8;
  uint8_t *bytes = calloc(count * rows * row_bytes + 1, 1);
  if (!bytes) abort();
  for (uint64_t c = 0; c < count; c++)
    for (uint64_t y = 0; y < rows; y++)
      for (uint64_t x = 0; x < width; x++)
        if (pattern(c, y, x))
          bytes[(c * rows + y) * row_bytes + x / 8] |= (uint8_t)(little ? 1 << x % 8 : 128 >> x % 8);
  return bytes;
}

static void write_file(const char *name, const void *bytes, uint64_t count) {
  FILE *file = fopen(name, "wb");
  if (!file || fwrite(bytes, 1, count, file) != count || fclose(file) != 0) abort();
}

/// A .npy file of any version with the dictionary given as it stands; the data follow it.
static void write_npy_raw(const char *name, int version, const char *dictionary, const void *data, uint64_t count) {
  size_t length = strlen(dictionary), head = version == 1 ? 10 : 12;
  uint8_t *bytes = calloc(1, head + length + count + 1);
  if (!bytes) abort();
  memcpy(bytes, "\x93NUMPY", 6);
  bytes[6] = (uint8_t)version;
  bytes[8] = (uint8_t)length;
  bytes[9] = (uint8_t)(length >> 8);
  memcpy(bytes + head, dictionary, length);
  if (count) memcpy(bytes + head + length, data, count);
  write_file(name, bytes, head + length + count);
  free(bytes);
}

static void write_npy(const char *name, const char *type, const char *shape, const void *data, uint64_t count) {
  char dictionary[300];
  snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", type, shape);
  write_npy_raw(name, 1, dictionary, data, count);
}

/// A .npy file of three axes that takes `data` over.
static void write_npy3(const char *name, const char *type, uint64_t count, uint64_t rows, uint64_t columns,
                       uint8_t *data) {
  char shape[100];
  snprintf(shape, sizeof shape, "(%d, %d, %d)", (int)count, (int)rows, (int)columns);
  write_npy(name, type, shape, data, count * rows * columns);
  free(data);
}

// ---- what comes out

static uint64_t expected_word(uint64_t c, uint64_t y, uint64_t word, uint64_t width) {
  uint64_t bits = 0;
  for (uint64_t x = 64 * word; x < width && x < 64 * word + 64; x++) bits |= (uint64_t)pattern(c, y, x) << x % 64;
  return bits;
}

/// The stage gives exactly `count` configurations of rows×width, in order, with every bit of every row as it should be.
static void check_spins(const char *params, uint64_t count, uint64_t rows, uint64_t width) {
  driver *d = driver_open("source.file", params, 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  const fg_format *format = driver_format(d, 0);
  fg_lattice lattice = {FG_SQUARE, 2, {rows, width, 0, 0}};
  CHECK_INTEGER(format->element, FG_SPIN1);
  CHECK_INTEGER(format->shape_count, 1);
  CHECK_INTEGER(format->configurations, count);
  CU_ASSERT(fg_lattice_equal(&format->shapes[0], &lattice));
  uint64_t next = 0, next_row = 0, wrong = 0;
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    CU_ASSERT(fg_lattice_equal(&batch->lattice, &lattice));
    wrong += batch->first != next || batch->first_row != next_row || batch->level != 0 || batch->chain != 0;
    wrong += (batch->rows != rows && batch->count != 1) || batch->count > format->batch;
    wrong += batch->count * batch->rows * batch->row_bytes > (uint64_t)4 << 20;
    for (uint64_t c = 0; c < batch->count; c++)
      for (uint64_t y = 0; y < batch->rows; y++)
        for (uint64_t w = 0; w < batch->row_bytes / 8; w++)
          wrong += fg_batch_row(batch, c, y)[w] != expected_word(next + c, next_row + y, w, width);
    next_row += batch->rows;
    if (next_row < rows) continue;
    next_row = 0;
    next += batch->count;
  }
  CHECK_INTEGER(wrong, 0);
  CHECK_INTEGER(next, count);
  CHECK_INTEGER(next_row, 0);
  driver_close(d);
}

/// The stage cannot be made, and says so.
static void refused(const char *params, const char *message) {
  driver *d = driver_open("source.file", params, 1);
  CU_ASSERT_PTR_NULL(driver_self(d));
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

/// The stage is made but fails while it reads.
static void fails(const char *params, const char *message) {
  driver *d = driver_open("source.file", params, 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

// ---- NumPy

static void plain(void) {
  static const uint64_t widths[] = {1, 2, 7, 8, 9, 15, 63, 64, 65, 100, 130};
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
    uint64_t w = widths[i];
    write_npy3("a.npy", "|u1", 40, 5, w, plain_bytes(40, 5, w, ZERO_ONE));
    check_spins("path: a.npy, layout: plain", 40, 5, w);
    if (w > 1) check_spins("path: a.npy", 40, 5, w);
    check_spins("path: a.npy, values: zero-one", 40, 5, w);
    write_npy3("a.npy", "|i1", 40, 5, w, plain_bytes(40, 5, w, ZERO_ONE));
    check_spins("path: a.npy", 40, 5, w);
    write_npy3("a.npy", "|i1", 40, 5, w, plain_bytes(40, 5, w, PLUS_MINUS));
    check_spins("path: a.npy", 40, 5, w);
    check_spins("path: a.npy, values: plus-minus", 40, 5, w);
    write_npy3("a.npy", "|b1", 40, 5, w, plain_bytes(40, 5, w, ZERO_ONE));
    check_spins("path: a.npy", 40, 5, w);
    write_npy3("a.npy", "|u1", 40, 5, w, plain_bytes(40, 5, w, PLUS_MINUS)); // -1 cast to uint8
    check_spins("path: a.npy, values: plus-minus", 40, 5, w);
  }
}

static void packed(void) {
  static const uint64_t widths[] = {8, 9, 16, 20, 63, 64, 65, 128, 200};
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
    uint64_t w = widths[i], bytes = (w + 7) / 8;
    char params[100];
    write_npy3("a.npy", "|u1", 30, w, bytes, packed_bytes(30, w, w, 0));
    check_spins("path: a.npy", 30, w, w);
    check_spins("path: a.npy, layout: packed", 30, w, w);
    write_npy3("a.npy", "|u1", 30, w, bytes, packed_bytes(30, w, w, 1));
    check_spins("path: a.npy, bit_order: little", 30, w, w);
    write_npy3("a.npy", "|i1", 30, w, bytes, packed_bytes(30, w, w, 0)); // a signed type packs as well, when told so
    check_spins("path: a.npy, layout: packed", 30, w, w);
    write_npy3("a.npy", "|u1", 30, 3, bytes, packed_bytes(30, 3, w, 0));
    snprintf(params, sizeof params, "path: a.npy, width: %d", (int)w);
    check_spins(params, 30, 3, w);
    snprintf(params, sizeof params, "path: a.npy, layout: packed, width: %d", (int)w);
    check_spins(params, 30, 3, w);
  }
}

/// Headers other writers make, and one configuration without its axis.
static void headers(void) {
  static const struct {
    int version;
    const char *dictionary;
  } cases[] = {
      {1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 9, 9), }"},
      {2, "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 9, 9), }                  \n"},
      {3, "{'descr': '<u1', 'fortran_order': False, 'shape': (3, 9, 9), }\n"},
      {1, "{\"shape\": (3,9,9), \"fortran_order\": False, \"descr\": \"u1\"}"},
      {1, "{'descr': '>i1', 'fortran_order': False, 'shape': (3L, 9L, 9L), }\n"},
      {1, "{'descr':'=b1','fortran_order':False,'shape':(3,9,9)}\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t *data = plain_bytes(3, 9, 9, ZERO_ONE);
    write_npy_raw("a.npy", cases[i].version, cases[i].dictionary, data, 243);
    free(data);
    check_spins("path: a.npy", 3, 9, 9);
  }
  uint8_t *data = plain_bytes(1, 9, 13, ZERO_ONE);
  write_npy("a.npy", "|u1", "(9, 13)", data, 117);
  free(data);
  check_spins("path: a.npy", 1, 9, 13);
}

/// More than one batch of small lattices; and one configuration of 6 MiB, which comes in slabs.
static void many_and_large(void) {
  write_npy3("a.npy", "|i1", 5000, 4, 4, plain_bytes(5000, 4, 4, PLUS_MINUS));
  check_spins("path: a.npy", 5000, 4, 4);
  write_npy3("a.npy", "|u1", 2, 100, 65537, packed_bytes(2, 100, 524296, 0));
  check_spins("path: a.npy, layout: packed, width: 524296", 2, 100, 524296);
}

static void states(void) {
  write_npy3("a.npy", "|u1", 3, 4, 9, plain_bytes(3, 4, 9, STATES));
  driver *d = driver_open("source.file", "path: a.npy, values: states, coupling: 0.5", 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_INTEGER(driver_format(d, 0)->element, FG_STATE8);
  const fg_batch *batch = driver_message(d, 0, 0)->batch;
  CHECK_INTEGER(batch->element, FG_STATE8);
  CHECK_NEAR(batch->coupling, 0.5, 0);
  for (uint64_t c = 0; c < 3; c++)
    for (uint64_t y = 0; y < 4; y++)
      for (uint64_t x = 0; x < 16; x++)
        CHECK_INTEGER(((const uint8_t *)fg_batch_row(batch, c, y))[x], x < 9 ? 7 * x + y + c : 0);
  driver_close(d);
}

static void couplings(void) {
  write_npy3("a.npy", "|i1", 2, 4, 4, plain_bytes(2, 4, 4, PLUS_MINUS));
  static const struct {
    const char *params;
    double coupling;
  } cases[] = {{"path: a.npy", NAN}, {"path: a.npy, coupling: 0.25", 0.25}};
  for (size_t i = 0; i < 2; i++) {
    driver *d = driver_open("source.file", cases[i].params, 1);
    driver_negotiate(d, NULL);
    driver_finish(d);
    double got = driver_message(d, 0, 0)->batch->coupling;
    CU_ASSERT(isnan(cases[i].coupling) ? isnan(got) : got == cases[i].coupling);
    driver_close(d);
  }
}

static void unclear_arrays(void) {
  uint8_t ones[64];
  memset(ones, 1, sizeof ones);
  write_npy("a.npy", "|u1", "(1, 20, 3)", ones, 60);
  refused("path: a.npy", "a.npy: rows of 3 bytes holding 0 and 1 may be 3 spins, or 20 packed ones; set layout: plain "
                         "or layout: packed");
  write_npy("a.npy", "|u1", "(1, 8, 1)", ones, 8);
  refused("path: a.npy", "a.npy: rows of 1 bytes holding 0 and 1 may be 1 spins, or 8 packed ones; set layout: plain "
                         "or layout: packed");
  refused("path: a.npy, layout: packed, values: zero-one",
          "a.npy: packed spins are bits; leave values out with layout: packed");
  refused("path: a.npy, width: 9",
          "a.npy: rows of 1 bytes are neither 9 spins nor 9 packed ones; correct width or leave it out");
  refused("path: a.npy, layout: packed, width: 9", "a.npy: rows of 1 bytes do not hold 9 packed spins; set width");
  refused("path: a.npy, layout: plain, width: 8", "a.npy: plain rows of 1 bytes are 1 spins, not 8; leave width out");
  uint8_t mixed[16] = {0, 1, 255, 1};
  write_npy("a.npy", "|i1", "(1, 4, 4)", mixed, 16);
  refused("path: a.npy", "a.npy: its values mix 0 and -1; spins are 0/1 or ±1");
  fails("path: a.npy, values: zero-one",
        "a.npy: configuration 0, row 0, column 2 is -1, which is no spin (0 or 1); set "
        "values: plus-minus if spins are ±1");
  fails("path: a.npy, values: plus-minus", "a.npy: configuration 0, row 0, column 0 is 0, which is no spin (1 or -1)");
  uint8_t potts[16] = {0, 1, 2, 3};
  write_npy("a.npy", "|u1", "(1, 4, 4)", potts, 16);
  refused("path: a.npy", "a.npy: its values are neither 0/1 nor ±1, and rows of 4 bytes are not 4 packed spins; set "
                         "layout: packed and width if they are packed, values: states if they are states of a site");
  fails("path: a.npy, layout: plain", "a.npy: configuration 0, row 0, column 2 is 2, which is no spin (0 or 1)");
  uint8_t wide[4] = {0x80, 0x01, 0x80, 0x00};
  write_npy("a.npy", "|u1", "(1, 4, 1)", wide, 4);
  fails("path: a.npy, layout: packed",
        "a.npy: configuration 0, row 1 has bits beyond its 4 spins; are width and bit_order right?");
}

/// A value far behind what is looked at beforehand, in a width whose last bytes do not fill a word.
static void late_value(void) {
  uint8_t *data = plain_bytes(20000, 8, 11, PLUS_MINUS);
  data[(19000 * 8 + 7) * 11 + 10] = 3;
  write_npy3("a.npy", "|i1", 20000, 8, 11, data);
  fails("path: a.npy", "a.npy: configuration 19000, row 7, column 10 is 3, which is no spin (1 or -1)");
  data = plain_bytes(20000, 8, 11, PLUS_MINUS);
  data[(19000 * 8 + 7) * 11 + 3] = 0;
  write_npy3("a.npy", "|i1", 20000, 8, 11, data);
  fails("path: a.npy", "a.npy: configuration 19000, row 7, column 3 is 0, which is no spin (1 or -1)");
}

static void npy_refused(int version, const char *dictionary, uint64_t count, const char *message) {
  uint8_t data[256] = {0};
  char whole[600];
  write_npy_raw("bad.npy", version, dictionary, data, count);
  snprintf(whole, sizeof whole, "bad.npy: %s", message);
  refused("path: bad.npy", whole);
}

#define HEADER(type, order, shape) "{'descr': " type ", 'fortran_order': " order ", 'shape': " shape ", }\n"

static void broken_npy(void) {
  npy_refused(4, HEADER("'|u1'", "False", "(1, 4, 4)"), 16,
              "its NumPy header is of version 4; this program reads 1 to 3");
  npy_refused(0, HEADER("'|u1'", "False", "(1, 4, 4)"), 16,
              "its NumPy header is of version 0; this program reads 1 to 3");
  npy_refused(1, HEADER("'<f8'", "False", "(1, 4, 4)"), 128,
              "its elements are '<f8'; save spins as uint8, int8 or bool: array.astype(numpy.int8)");
  npy_refused(1, HEADER("'<i2'", "False", "(1, 4, 4)"), 32,
              "its elements are '<i2'; save spins as uint8, int8 or bool: array.astype(numpy.int8)");
  npy_refused(1, HEADER("'|u16'", "False", "(1, 4, 4)"), 16,
              "its elements are '|u16'; save spins as uint8, int8 or bool: array.astype(numpy.int8)");
  npy_refused(1, HEADER("[('s', '|u1')]", "False", "(1, 4, 4)"), 16,
              "its elements are [('s'; save spins as uint8, int8 or bool: array.astype(numpy.int8)");
  npy_refused(1, HEADER("'|u1'", "True", "(1, 4, 4)"), 16,
              "it is in Fortran order; save numpy.ascontiguousarray(array)");
  npy_refused(1, "{'fortran_order': False, 'shape': (1, 4, 4), }", 16, "its NumPy header lacks descr");
  npy_refused(1, "{'descr': '|u1', 'shape': (1, 4, 4), }", 16, "its NumPy header lacks fortran_order");
  npy_refused(1, "{'descr': '|u1', 'fortran_order': False, }", 16, "its NumPy header lacks shape");
  npy_refused(1, "", 16, "its NumPy header lacks descr");
  npy_refused(1, HEADER("'|u1'", "False", "()"), 1, "its shape (),  is not (configurations, rows, columns)");
  npy_refused(1, HEADER("'|u1'", "False", "(16,)"), 16, "its shape (16,),  is not (configurations, rows, columns)");
  npy_refused(1, HEADER("'|u1'", "False", "(1, 1, 4, 4)"), 16,
              "its shape (1, 1, 4, 4),  is not (configurations, rows, columns)");
  npy_refused(1, HEADER("'|u1'", "False", "(-1, 4, 4)"), 16,
              "its shape (-1, 4, 4),  is not (configurations, rows, columns)");
  npy_refused(1, HEADER("'|u1'", "False", "(1, \x01\x1b[31m)"), 16,
              "its shape (1, ??[31m),  is not (configurations, rows, columns)");
  npy_refused(1, HEADER("'|u1'", "False", "(99999999999999999999, 4, 4)"), 16, "an extent of its shape is too large");
  npy_refused(1, HEADER("'|u1'", "False", "(4294967296, 4294967296, 2)"), 0,
              "its shape is too large: the number of elements has more than 64 bits");
  npy_refused(1, HEADER("'|u1'", "False", "(6148914691236517206, 3, 1)"), 2,
              "its shape is too large: the number of elements has more than 64 bits");
  npy_refused(1, HEADER("'|u1'", "False", "(1000000000000, 8, 8)"), 64,
              "it holds 64 bytes of data, its shape asks for 64000000000000: it is cut off");
  npy_refused(1, HEADER("'|u1'", "False", "(2, 4, 4)"), 31,
              "it holds 31 bytes of data, its shape asks for 32: it is cut off");
  npy_refused(1, HEADER("'|u1'", "False", "(2, 4, 4)"), 33, "it holds 33 bytes of data, its shape asks for 32");
  npy_refused(1, HEADER("'|u1'", "False", "(0, 4, 4)"), 0, "it holds no configurations: its shape is (0, 4, 4)");
  npy_refused(1, HEADER("'|u1'", "False", "(3, 0, 4)"), 0,
              "its shape holds no lattice: configurations of 0×4; extents are 1 to 1048576");
  npy_refused(1, HEADER("'|u1'", "False", "(0, 1099511627776, 1099511627776)"), 0,
              "its shape holds no lattice: configurations of 1099511627776×1099511627776; extents are 1 to 1048576");
}

static void cut_npy(void) {
  write_file("bad.npy", "\x93NUMPY\x01\x00\x76", 9);
  refused("path: bad.npy", "bad.npy: it is cut off: 9 bytes");
  write_file("bad.npy", "\x93NUMPY\x01\x00\x76\x00{'descr'", 18);
  refused("path: bad.npy", "bad.npy: it is cut off inside its NumPy header");
  write_file("bad.npy", "\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'", 20);
  refused("path: bad.npy", "bad.npy: its NumPy header has 4294967295 bytes; at most 65536");
  // It shrinks between the look and the reading.
  write_npy3("a.npy", "|i1", 100, 8, 8, plain_bytes(100, 8, 8, PLUS_MINUS));
  driver *d = driver_open("source.file", "path: a.npy", 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_INTEGER(truncate("a.npy", 1000), 0);
  CHECK_INTEGER(driver_finish(d), FG_FAILED);
  CHECK_TEXT(driver_error(d), "a.npy: it ends at byte 1000; has it been cut off?");
  driver_close(d);
}

// ---- files that are none

static void no_files(void) {
  write_file("configurations.npy", "", 0);
  refused("path: configurations.npy", "configurations.npy is empty");
  refused("path: configuration.npy",
          "cannot open configuration.npy: No such file or directory; did you mean 'configurations.npy'?");
  refused("path: zzz", "cannot open zzz: No such file or directory");
  mkdir("folder", 0777);
  refused("path: folder", "folder is a folder, not a file");
  mkfifo("pipe", 0666);
  refused("path: pipe", "pipe is a pipe or device, not a file");
  write_file("a.npz", "PK\003\004rest", 8);
  refused("path: a.npz", "a.npz is a zip archive; save one array with numpy.save, not numpy.savez");
  write_file("a.txt", "0 1 0 1\n", 8);
  refused("path: a.txt", "a.txt is no stream file (.fgs), NumPy array (.npy) or HDF5 file");
  write_file("a.txt", "0", 1);
  refused("path: a.txt", "a.txt is no stream file (.fgs), NumPy array (.npy) or HDF5 file");
  write_npy3("a.npy", "|u1", 1, 2, 2, plain_bytes(1, 2, 2, ZERO_ONE));
  refused("path: a.npy, dataset: spins", "a.npy is a NumPy file, which holds one array; leave dataset out");
}

// ---- HDF5

static hid_t new_hdf5(const char *name) { return H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT); }

/// A data set of up to four axes; chunk NULL: contiguous. data NULL: never written.
static void add_set(hid_t file, const char *name, hid_t type, int dims, const hsize_t *shape, const hsize_t *chunk,
                    const void *data) {
  hid_t space = H5Screate_simple(dims, shape, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
  if (chunk) {
    H5Pset_chunk(creation, dims, chunk);
    H5Pset_deflate(creation, 4);
  }
  hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  if (set < 0) abort();
  if (data && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) abort();
  H5Dclose(set);
  H5Pclose(creation);
  H5Sclose(space);
}

/// What h5py writes for numpy.bool_.
static hid_t bool_type(void) {
  hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
  int8_t value = 0;
  H5Tenum_insert(type, "FALSE", &value);
  value = 1;
  H5Tenum_insert(type, "TRUE", &value);
  return type;
}

static void hdf5(void) {
  static const hsize_t chunks[][3] = {{7, 5, 13}, {1, 2, 5}, {50, 1, 1}};
  hsize_t shape[3] = {50, 5, 13};
  hid_t booleans = bool_type();
  uint8_t *zero_one = plain_bytes(50, 5, 13, ZERO_ONE), *plus_minus = plain_bytes(50, 5, 13, PLUS_MINUS);
  for (size_t i = 0; i < 4; i++) {
    const hsize_t *chunk = i < 3 ? chunks[i] : NULL;
    const struct {
      hid_t type;
      const uint8_t *data;
    } sets[] = {{H5T_STD_U8LE, zero_one}, {H5T_STD_I8BE, zero_one}, {H5T_STD_I8LE, plus_minus}, {booleans, zero_one}};
    for (size_t s = 0; s < 4; s++) {
      hid_t file = new_hdf5("a.h5");
      add_set(file, "spins", sets[s].type, 3, shape, chunk, sets[s].data);
      H5Fclose(file);
      check_spins("path: a.h5", 50, 5, 13);
      check_spins("path: a.h5, dataset: spins", 50, 5, 13);
    }
  }
  hid_t file = new_hdf5("a.h5");
  add_set(file, "one", H5T_STD_U8LE, 2, shape + 1, NULL, zero_one);
  H5Fclose(file);
  check_spins("path: a.h5", 1, 5, 13);
  free(zero_one);
  free(plus_minus);
  H5Tclose(booleans);
}

static void packed_hdf5(void) {
  hsize_t shape[3] = {3000, 20, 3}, chunk[3] = {1000, 20, 3};
  uint8_t *bytes = packed_bytes(3000, 20, 20, 1);
  hid_t file = new_hdf5("a.h5");
  add_set(file, "spins", H5T_STD_U8LE, 3, shape, chunk, bytes);
  H5Fclose(file);
  free(bytes);
  check_spins("path: a.h5, bit_order: little", 3000, 20, 20);
  // A configuration of 6 MiB, in slabs that do not end where chunks do.
  hsize_t large[3] = {2, 100, 65537}, pieces[3] = {1, 17, 9000};
  bytes = packed_bytes(2, 100, 524296, 0);
  file = new_hdf5("a.h5");
  add_set(file, "spins", H5T_STD_U8LE, 3, large, pieces, bytes);
  H5Fclose(file);
  free(bytes);
  check_spins("path: a.h5, layout: packed, width: 524296", 2, 100, 524296);
}

/// The only data set that may be meant among others; which one when there are several; none.
static void choosing_a_set(void) {
  hsize_t shape[4] = {2, 4, 4, 4}, square[3] = {2, 4, 4};
  uint8_t *spins = plain_bytes(2, 4, 4, PLUS_MINUS);
  double reals[32] = {0};
  hid_t file = new_hdf5("a.h5"), group = H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Gclose(group);
  add_set(file, "energies", H5T_NATIVE_DOUBLE, 3, square, NULL, reals);
  add_set(file, "line", H5T_STD_I8LE, 1, square, NULL, spins);
  H5Fclose(file);
  refused("path: a.h5",
          "a.h5: it holds no data set of 8-bit integers or booleans with two or three axes (configurations, rows, "
          "columns)");
  refused("path: a.h5, dataset: energies",
          "a.h5: data set '/energies' is not of 8-bit integers or booleans; save array.astype(numpy.int8)");
  refused("path: a.h5, dataset: line",
          "a.h5: data set '/line' has 1 axis; it should have (configurations, rows, columns)");
  file = H5Fopen("a.h5", H5F_ACC_RDWR, H5P_DEFAULT);
  add_set(file, "group/spins", H5T_STD_I8LE, 3, square, NULL, spins);
  H5Fclose(file);
  check_spins("path: a.h5", 2, 4, 4);
  check_spins("path: a.h5, dataset: group/spins", 2, 4, 4);
  refused("path: a.h5, dataset: group/spin",
          "a.h5: it holds no data set 'group/spin'; did you mean 'group/spins'? (valid: group/spins)");
  refused("path: a.h5, dataset: group", "a.h5: it holds no data set 'group'; valid: group/spins");
  file = H5Fopen("a.h5", H5F_ACC_RDWR, H5P_DEFAULT);
  uint8_t many[128] = {0};
  add_set(file, "again", H5T_STD_I8LE, 3, square, NULL, spins);
  add_set(file, "many", H5T_STD_I8LE, 4, shape, NULL, many);
  H5Fclose(file);
  refused("path: a.h5",
          "a.h5: it holds 2 data sets that may be meant (again, group/spins); choose one with dataset: NAME");
  refused("path: a.h5, dataset: many",
          "a.h5: data set '/many' has 4 axes; it should have (configurations, rows, columns)");
  check_spins("path: a.h5, dataset: again", 2, 4, 4);
  free(spins);
}

static void broken_hdf5(void) {
  hsize_t shape[3] = {100, 8, 8}, chunk[3] = {10, 8, 8}, none[3] = {0, 8, 8}, most[3] = {H5S_UNLIMITED, 8, 8};
  hsize_t huge[3] = {(hsize_t)1 << 40, 1 << 20, 1 << 20}, large[3] = {(hsize_t)1 << 12, 1 << 10, 1 << 10},
          large_chunk[3] = {1 << 9, 1 << 10, 1 << 10}, fits[3] = {(hsize_t)1 << 40, 8, 8};
  uint8_t *spins = plain_bytes(100, 8, 8, PLUS_MINUS);
  hid_t file = new_hdf5("a.h5");
  add_set(file, "never", H5T_STD_I8LE, 3, shape, NULL, NULL);
  add_set(file, "promised", H5T_STD_I8LE, 3, fits, chunk, NULL);
  add_set(file, "huge", H5T_STD_I8LE, 3, huge, chunk, NULL);
  add_set(file, "large", H5T_STD_I8LE, 3, large, large_chunk, NULL);
  hid_t space = H5Screate_simple(3, none, most), creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(creation, 3, chunk);
  H5Dclose(H5Dcreate2(file, "none", H5T_STD_I8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  hid_t set = H5Dcreate2(file, "partly", H5T_STD_I8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  hsize_t ten[3] = {10, 8, 8}, start[3] = {20, 0, 0};
  H5Dset_extent(set, shape);
  hid_t memory = H5Screate_simple(3, ten, NULL), place = H5Dget_space(set);
  H5Sselect_hyperslab(place, H5S_SELECT_SET, start, NULL, ten, NULL);
  H5Dwrite(set, H5T_STD_I8LE, memory, place, H5P_DEFAULT, spins);
  H5Dclose(set);
  H5Sclose(memory);
  H5Sclose(place);
  H5Sclose(space);
  H5Pclose(creation);
  H5Fclose(file);
  refused("path: a.h5, dataset: never", "a.h5: data set '/never' was never written; shorten it to what there is");
  refused("path: a.h5, dataset: promised", "a.h5: data set '/promised' was never written; shorten it to what there is");
  refused("path: a.h5, dataset: partly",
          "a.h5: data set '/partly' was only partly written; shorten it to what there is");
  refused("path: a.h5, dataset: huge", "a.h5: its shape is too large: the number of elements has more than 64 bits");
  refused("path: a.h5, dataset: large",
          "a.h5: the chunks of data set '/large' are larger than 256 MiB; save it with smaller ones");
  refused("path: a.h5, dataset: none", "a.h5: it holds no configurations: its shape is (0, 8, 8)");

  file = new_hdf5("b.h5");
  add_set(file, "spins", H5T_STD_I8LE, 3, shape, chunk, spins);
  H5Fclose(file);
  struct stat info;
  stat("b.h5", &info);
  CHECK_INTEGER(truncate("b.h5", info.st_size - 100), 0);
  char message[300];
  snprintf(
      message, sizeof message,
      "b.h5: HDF5 cannot open it (is it whole?): truncated file: eof = %lld, sblock->base_addr = 0, stored_eof = %lld",
      (long long)info.st_size - 100, (long long)info.st_size);
  refused("path: b.h5", message);
  write_file("b.h5", "\x89HDF\r\n\x1a\nand then nothing of the sort", 36);
  refused("path: b.h5", "b.h5: HDF5 cannot open it (is it whole?): bad superblock version number");
  free(spins);
}

/// A chunk of 512 MiB is refused before it is unpacked.
static void large_chunk(void) {
  hsize_t shape[3] = {1 << 9, 1 << 10, 1 << 10};
  hid_t file = new_hdf5("a.h5"), space = H5Screate_simple(3, shape, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(creation, 3, shape);
  H5Pset_deflate(creation, 9);
  hid_t set = H5Dcreate2(file, "spins", H5T_STD_I8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  // The stored bytes need not unpack: they must not even be tried.
  hsize_t origin[3] = {0, 0, 0};
  if (H5Dwrite_chunk(set, H5P_DEFAULT, 0, origin, 5, "bytes") < 0) abort();
  H5Dclose(set);
  H5Pclose(creation);
  H5Sclose(space);
  H5Fclose(file);
  refused("path: a.h5", "a.h5: the chunks of data set '/spins' are larger than 256 MiB; save it with smaller ones");
}

/// A chunk that is damaged is found when it is read, and named.
static void damaged_chunk(void) {
  hsize_t shape[3] = {20, 8, 8}, chunk[3] = {10, 8, 8}, second[3] = {10, 0, 0};
  uint8_t *spins = plain_bytes(20, 8, 8, PLUS_MINUS);
  hid_t file = new_hdf5("a.h5");
  add_set(file, "spins", H5T_STD_I8LE, 3, shape, chunk, spins);
  hid_t set = H5Dopen2(file, "spins", H5P_DEFAULT);
  if (H5Dwrite_chunk(set, H5P_DEFAULT, 0, second, 5, "bytes") < 0) abort();
  H5Dclose(set);
  H5Fclose(file);
  free(spins);
  refused("path: a.h5", "a.h5: HDF5 cannot read the data: inflate() failed");
}

// ---- stream files

/// A batch whose every byte is fixed by `seed`, with zero padding.
static fg_batch *stream_batch(uint32_t element, const fg_lattice *lattice, uint32_t count, uint64_t first_row,
                              uint64_t rows, uint64_t seed) {
  fg_batch *batch = fg_batch_create(element, lattice, count, first_row, rows);
  if (!batch) abort();
  uint64_t width = fg_lattice_width(lattice);
  for (uint64_t c = 0; c < count; c++)
    for (uint64_t y = 0; y < rows; y++)
      for (uint64_t x = 0; x < width; x++) {
        if (element == FG_SPIN1) fg_bit_set(fg_batch_row_mut(batch, c, y), x, pattern(c + seed, y, x));
        if (element == FG_STATE8) ((uint8_t *)fg_batch_row_mut(batch, c, y))[x] = (uint8_t)(seed + 3 * x + y);
        if (element == FG_FIELD32) ((float *)fg_batch_row_mut(batch, c, y))[x] = (float)seed + 0.5f * (float)x;
      }
  return batch;
}

static void write_stream(const char *name, fg_batch *const *batches, size_t count) {
  fg_stream_writer *writer = NULL;
  fg_error error = {0};
  if (fg_stream_create(name, &writer, &error) != FG_OK) abort();
  for (size_t i = 0; i < count; i++) {
    fg_packet *packet = NULL;
    if (fg_packet_encode(batches[i], 1, &packet, &error) != FG_OK) abort();
    if (fg_stream_append(writer, packet, &error) != FG_OK) abort();
    fg_packet_unref(packet);
  }
  if (fg_stream_finish(writer, &error) != FG_OK) abort();
}

static int same_batch(const fg_batch *a, const fg_batch *b) {
  int same_coupling = isnan(a->coupling) ? isnan(b->coupling) : a->coupling == b->coupling;
  return a->element == b->element && fg_lattice_equal(&a->lattice, &b->lattice) && a->count == b->count &&
         a->level == b->level && a->first == b->first && a->first_row == b->first_row && a->rows == b->rows &&
         a->chain == b->chain && same_coupling && memcmp(a->data, b->data, fg_batch_bytes(a)) == 0;
}

/// Writes the batches, replays the file, compares everything, and frees them.
static void check_stream(fg_batch **batches, size_t count, uint32_t shapes) {
  write_stream("a.fgs", batches, count);
  driver *d = driver_open("source.file", "path: a.fgs", 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(driver_format(d, 0)->shape_count, shapes);
  CHECK_INTEGER(driver_count(d, 0), count);
  for (size_t i = 0; i < count; i++) {
    CU_ASSERT(i < driver_count(d, 0) && same_batch(driver_message(d, 0, i)->batch, batches[i]));
    fg_batch_unref(batches[i]);
  }
  driver_close(d);
}

static void streams(void) {
  static const fg_lattice lattices[] = {{FG_SQUARE, 2, {5, 70, 0, 0}},
                                        {FG_CHAIN, 1, {100, 0, 0, 0}},
                                        {FG_CUBIC, 3, {3, 4, 9, 0}},
                                        {FG_TRIANGULAR, 2, {6, 6, 0, 0}}};
  for (uint32_t element = FG_SPIN1; element <= FG_FIELD32; element++) {
    fg_batch *batches[10];
    for (size_t i = 0; i < 10; i++) {
      const fg_lattice *lattice = &lattices[i % 4];
      batches[i] = stream_batch(element, lattice, (uint32_t)(1 + i), 0, fg_lattice_rows(lattice), i);
      batches[i]->level = (int32_t)i - 3; // the same lattice at several levels
      batches[i]->first = 100 * i;
      batches[i]->chain = (uint32_t)i % 3;
      if (i % 2) batches[i]->coupling = 0.1 * (double)i;
    }
    check_stream(batches, 10, 4);
  }
}

static void slabs(void) {
  fg_lattice lattice = {FG_SQUARE, 2, {600, 65536, 0, 0}};
  fg_batch *batches[4];
  for (size_t i = 0; i < 4; i++) {
    uint64_t from = i % 2 ? 512 : 0;
    batches[i] = stream_batch(FG_SPIN1, &lattice, 1, from, i % 2 ? 88 : 512, i);
    batches[i]->first = i / 2;
  }
  check_stream(batches, 4, 1);
}

static void broken_streams(void) {
  fg_lattice lattice = fg_lattice_square(16);
  fg_batch *batches[3];
  for (size_t i = 0; i < 3; i++) {
    batches[i] = stream_batch(FG_SPIN1, &lattice, 10, 0, 16, i);
    batches[i]->first = 10 * i;
  }
  write_stream("a.fgs", batches, 0);
  refused("path: a.fgs", "a.fgs holds no configurations");
  write_stream("a.fgs", batches, 3);
  refused("path: a.fgs, coupling: 0.4", "a.fgs is a stream file, which says this itself; leave coupling out");
  refused("path: a.fgs, layout: plain", "a.fgs is a stream file, which says this itself; leave layout out");
  refused("path: a.fgs, values: states", "a.fgs is a stream file, which says this itself; leave values out");
  refused("path: a.fgs, bit_order: little", "a.fgs is a stream file, which says this itself; leave bit_order out");
  refused("path: a.fgs, width: 16", "a.fgs is a stream file, which says this itself; leave width out");
  refused("path: a.fgs, dataset: x", "a.fgs is a stream file, which says this itself; leave dataset out");

  // A torn tail costs the last batch, no more.
  fg_packet *packet = NULL;
  fg_error error = {0};
  fg_packet_encode(batches[2], 1, &packet, &error);
  uint64_t last = packet->bytes;
  struct stat info;
  stat("a.fgs", &info);
  off_t footer = 8 + 3 * 16 + 32;
  CHECK_INTEGER(truncate("a.fgs", info.st_size - footer - 1), 0);
  driver *d = driver_open("source.file", "path: a.fgs", 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_INTEGER(driver_count(d, 0), 2);
  for (size_t i = 0; i < driver_count(d, 0); i++) CU_ASSERT(same_batch(driver_message(d, 0, i)->batch, batches[i]));
  driver_close(d);

  // A flipped bit is found where it is.
  write_stream("a.fgs", batches, 3);
  FILE *file = fopen("a.fgs", "r+b");
  if (!file) abort();
  long at = (long)(info.st_size - footer - 1);
  fseek(file, at, SEEK_SET);
  int byte = fgetc(file);
  fseek(file, at, SEEK_SET);
  fputc(byte ^ 1, file);
  fclose(file);
  char begin[100];
  snprintf(begin, sizeof begin, "a.fgs: batch 2 at byte %lld: frame 0 of the batch",
           (long long)(info.st_size - footer) - (long long)last);
  d = driver_open("source.file", "path: a.fgs", 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_FAILED);
  CHECK_INTEGER(strncmp(driver_error(d), begin, strlen(begin)), 0);
  driver_close(d);
  fg_packet_unref(packet);

  fg_batch *mixed[2] = {batches[0], stream_batch(FG_STATE8, &lattice, 1, 0, 16, 1)};
  write_stream("a.fgs", mixed, 2);
  refused("path: a.fgs", "a.fgs mixes elements of different types");
  fg_batch_unref(mixed[1]);
  for (size_t i = 0; i < 3; i++) fg_batch_unref(batches[i]);
}

static void too_many_lattices(void) {
  fg_batch *batches[FG_MAX_SHAPES + 1];
  for (uint64_t i = 0; i <= FG_MAX_SHAPES; i++) {
    fg_lattice lattice = fg_lattice_square(i + 1);
    batches[i] = stream_batch(FG_SPIN1, &lattice, 1, 0, i + 1, i);
  }
  write_stream("a.fgs", batches, FG_MAX_SHAPES + 1);
  driver *d = driver_open("source.file", "path: a.fgs", 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_FAILED);
  CHECK_TEXT(driver_error(d), "a.fgs holds more than 40 lattices");
  driver_close(d);
  for (uint64_t i = 0; i <= FG_MAX_SHAPES; i++) fg_batch_unref(batches[i]);
}

// ---- going on from a checkpoint

typedef struct memory {
  uint8_t bytes[64];
  size_t count, at;
} memory;

static fg_status memory_write(const fg_writer *writer, const void *data, size_t bytes) {
  memory *m = writer->impl;
  if (bytes > sizeof m->bytes - m->count) return FG_FAILED;
  memcpy(m->bytes + m->count, data, bytes);
  m->count += bytes;
  return FG_OK;
}

static fg_status memory_read(const fg_reader *reader, void *data, size_t bytes) {
  memory *m = reader->impl;
  if (bytes > m->count - m->at) return FG_FAILED;
  memcpy(data, m->bytes + m->at, bytes);
  m->at += bytes;
  return FG_OK;
}

/// Stops after `steps` batches; another instance goes on, and both together give what one gives.
static void check_resume(const char *params, size_t steps) {
  memory kept = {{0}, 0, 0};
  fg_writer writer = {sizeof writer, &kept, memory_write};
  fg_reader reader = {sizeof reader, &kept, memory_read};
  driver *whole = driver_open("source.file", params, 1), *first = driver_open("source.file", params, 1),
         *second = driver_open("source.file", params, 1);
  driver_negotiate(whole, NULL);
  driver_finish(whole);
  driver_negotiate(first, NULL);
  for (size_t i = 0; i < steps; i++) CHECK_INTEGER(driver_stage(first)->produce(driver_self(first)), FG_OK);
  CHECK_INTEGER(driver_stage(first)->save(driver_self(first), &writer), FG_OK);
  driver_negotiate(second, NULL);
  CHECK_INTEGER(driver_stage(second)->restore(driver_self(second), &reader), FG_OK);
  CHECK_INTEGER(driver_finish(second), FG_OK);
  CHECK_INTEGER(driver_count(second, 0) + steps, driver_count(whole, 0));
  for (size_t i = 0; i < driver_count(whole, 0); i++) {
    const fg_message *got = i < steps ? driver_message(first, 0, i) : driver_message(second, 0, i - steps);
    CU_ASSERT(got && same_batch(got->batch, driver_message(whole, 0, i)->batch));
  }
  CHECK_INTEGER(driver_stage(second)->restore(driver_self(second), &reader), FG_FAILED);
  CHECK_TEXT(driver_error(second), "the checkpoint is cut off");
  kept = (memory){{0xff, 0xff, 0xff, 0xff}, 8, 0};
  CHECK_INTEGER(driver_stage(second)->restore(driver_self(second), &reader), FG_FAILED);
  CHECK_TEXT(driver_error(second), "the checkpoint lies beyond the file's end; has it changed?");
  driver_close(whole);
  driver_close(first);
  driver_close(second);
}

static void resume(void) {
  write_npy3("a.npy", "|i1", 5000, 4, 4, plain_bytes(5000, 4, 4, PLUS_MINUS));
  check_resume("path: a.npy", 2);
  check_resume("path: a.npy", 5);
  write_npy3("a.npy", "|u1", 2, 100, 65537, packed_bytes(2, 100, 524296, 0));
  check_resume("path: a.npy, layout: packed, width: 524296", 3);
  fg_lattice lattice = fg_lattice_square(16);
  fg_batch *batches[5];
  for (size_t i = 0; i < 5; i++) batches[i] = stream_batch(FG_SPIN1, &lattice, 10, 0, 16, i);
  write_stream("a.fgs", batches, 5);
  for (size_t i = 0; i < 5; i++) fg_batch_unref(batches[i]);
  check_resume("path: a.fgs", 3);
}

// ---- the folder

static void remove_folder(const char *folder) {
  DIR *entries = opendir(folder);
  for (struct dirent *entry; entries && (entry = readdir(entries));)
    if (entry->d_name[0] != '.' && unlink(entry->d_name) != 0) rmdir(entry->d_name);
  if (entries) closedir(entries);
  rmdir(folder);
}

int main(void) {
  static const check_case cases[] = {
      {"plain", plain},
      {"packed", packed},
      {"headers", headers},
      {"many and large", many_and_large},
      {"states", states},
      {"couplings", couplings},
      {"unclear arrays", unclear_arrays},
      {"late value", late_value},
      {"broken .npy", broken_npy},
      {"cut .npy", cut_npy},
      {"no files", no_files},
      {"HDF5", hdf5},
      {"packed HDF5", packed_hdf5},
      {"choosing a set", choosing_a_set},
      {"broken HDF5", broken_hdf5},
      {"large chunk", large_chunk},
      {"damaged chunk", damaged_chunk},
      {"streams", streams},
      {"slabs", slabs},
      {"broken streams", broken_streams},
      {"too many lattices", too_many_lattices},
      {"resume", resume},
      {NULL, NULL},
  };
  char folder[] = "/tmp/finegrain-test-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder) != 0) return 1;
  int failed = check_main("source.file", cases);
  remove_folder(folder);
  return failed;
}
