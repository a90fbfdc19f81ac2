// test_sink_file.c — sink.file: what it writes is, byte for byte, what the formats ask for, and source.file reads it back
// bit for bit; what it cannot write it refuses before the run, and a file that cannot be finished never appears.
#include "check.h"
#include "driver.h"
#include "message.h"
#include "spins.h"
#include "stream_file.h"

#include <hdf5.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define FOLDER FG_BUILD "/tests/output/"

static fg_format format_of(uint32_t element, const fg_lattice *lattices, uint32_t count) {
  fg_format format = {.size = sizeof(fg_format), .kind = FG_BATCH, .element = element, .shape_count = count};
  for (uint32_t i = 0; i < count; i++) format.shapes[i] = lattices[i];
  return format;
}

/// A stage that has agreed on lattices; the file it is to make is removed.
static driver *open_sink(const char *name, const char *params, uint32_t element, const fg_lattice *lattices,
                         uint32_t count) {
  char text[300];
  snprintf(text, sizeof text, FOLDER "%s", name);
  unlink(text);
  snprintf(text, sizeof text, "path: %s%s%s", name, params[0] ? ", " : "", params);
  driver *d = driver_open("sink.file", text, 1);
  fg_format in = format_of(element, lattices, count);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in}), FG_OK);
  return d;
}

static void finish(driver *d) {
  CHECK_INTEGER(driver_end(d, 0), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  driver_close(d);
}

/// The whole file, to be freed.
static uint8_t *read_whole(const char *name, size_t *count) {
  char path[300];
  snprintf(path, sizeof path, FOLDER "%s", name);
  FILE *file = fopen(path, "rb");
  uint8_t *bytes = malloc(1 << 20);
  if (!bytes) abort();
  *count = file ? fread(bytes, 1, 1 << 20, file) : 0;
  if (file) fclose(file);
  return bytes;
}

static int exists(const char *name) {
  char path[300];
  snprintf(path, sizeof path, FOLDER "%s", name);
  return access(path, F_OK) == 0;
}

// ---- back through source.file

/// `all`, given in batches of 1, 2, 3, … configurations.
static void feed_in_parts(driver *d, const fg_batch *all) {
  for (uint32_t from = 0, step = 1; from < all->count; from += step, step++) {
    fg_batch *part = fg_batch_view(all, from, all->count - from < step ? all->count - from : step);
    if (!part) abort();
    CHECK_INTEGER(driver_feed_batch(d, 0, part), FG_OK);
    fg_batch_unref(part);
  }
}

/// source.file with these parameters gives exactly the batch again.
static void check_back(const char *name, const char *params, const fg_batch *all) {
  char text[400];
  snprintf(text, sizeof text, "path: \"" FOLDER "%s\"%s%s", name, params[0] ? ", " : "", params);
  driver *d = driver_open("source.file", text, 1);
  CHECK_INTEGER(driver_negotiate(d, NULL), FG_OK);
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  uint64_t next = 0, each = all->rows * all->row_bytes, wrong = 0;
  for (size_t i = 0; i < driver_count(d, 0); i++) {
    const fg_batch *batch = driver_message(d, 0, i)->batch;
    wrong += batch->element != all->element || !fg_lattice_equal(&batch->lattice, &all->lattice);
    wrong += batch->first != next || next + batch->count > all->count;
    if (!wrong) wrong += memcmp(batch->data, (const char *)all->data + next * each, batch->count * each) != 0;
    next += batch->count;
  }
  CHECK_INTEGER(wrong, 0);
  CHECK_INTEGER(next, all->count);
  driver_close(d);
}

static void round_trips(void) {
  static const uint64_t widths[] = {1, 7, 8, 9, 63, 64, 65, 130};
  static const char *const names[] = {"spins.npy", "spins.h5", "spins.hdf5"};
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
    for (size_t n = 0; n < 3; n++) {
      fg_lattice lattice = {FG_SQUARE, 2, {6, widths[i], 0, 0}};
      driver *d = open_sink(names[n], "", FG_SPIN1, &lattice, 1);
      fg_batch *all = spins_random(driver_host(d), 6, widths[i], 50, 0.4, i);
      feed_in_parts(d, all);
      finish(d);
      check_back(names[n], "layout: plain", all);
      d = open_sink(names[n], "values: plus-minus", FG_SPIN1, &lattice, 1);
      feed_in_parts(d, all);
      finish(d);
      check_back(names[n], "", all);
      d = open_sink(names[n], "layout: packed", FG_SPIN1, &lattice, 1);
      feed_in_parts(d, all);
      finish(d);
      char params[60];
      snprintf(params, sizeof params, "layout: packed, width: %d", (int)widths[i]);
      check_back(names[n], params, all);
      fg_batch_unref(all);
    }
    fg_lattice lattice = {FG_SQUARE, 2, {6, widths[i], 0, 0}};
    driver *d = open_sink("spins.fgs", "", FG_SPIN1, &lattice, 1);
    fg_batch *all = spins_random(driver_host(d), 6, widths[i], 50, 0.4, i);
    feed_in_parts(d, all);
    finish(d);
    check_back("spins.fgs", "", all);
    fg_batch_unref(all);
  }
}

static void states(void) {
  static const char *const names[] = {"states.npy", "states.h5"};
  fg_lattice lattice = {FG_SQUARE, 2, {5, 11, 0, 0}};
  fg_batch *all = fg_batch_create(FG_STATE8, &lattice, 20, 0, 5);
  for (uint64_t c = 0; c < 20; c++)
    for (uint64_t y = 0; y < 5; y++)
      for (uint64_t x = 0; x < 11; x++) ((uint8_t *)fg_batch_row_mut(all, c, y))[x] = (uint8_t)(31 * c + 7 * y + x);
  for (size_t n = 0; n < 2; n++) {
    driver *d = open_sink(names[n], "", FG_STATE8, &lattice, 1);
    feed_in_parts(d, all);
    finish(d);
    check_back(names[n], "values: states", all);
  }
  fg_batch_unref(all);
}

/// Arrays from slabs: the same file as from whole configurations.
static void slabs_of_arrays(void) {
  static const char *const names[] = {"slabs.npy", "slabs.h5"};
  static const char *const params[] = {"", "layout: packed", "values: plus-minus"};
  fg_lattice lattice = {FG_SQUARE, 2, {30, 70, 0, 0}};
  for (size_t n = 0; n < 6; n++) {
    driver *d = open_sink(names[n % 2], params[n / 2], FG_SPIN1, &lattice, 1);
    fg_batch *all = spins_random(driver_host(d), 30, 70, 2, 0.4, n);
    for (uint32_t c = 0; c < 2; c++) {
      fg_batch *one = fg_batch_view(all, c, 1);
      for (uint64_t row = 0; row < 30; row += 13) {
        fg_batch *slab = fg_batch_view_rows(one, row, 30 - row < 13 ? 30 - row : 13);
        CHECK_INTEGER(driver_feed_batch(d, 0, slab), FG_OK);
        fg_batch_unref(slab);
      }
      fg_batch_unref(one);
    }
    finish(d);
    check_back(names[n % 2], n / 2 == 1 ? "layout: packed, width: 70" : "", all);
    fg_batch_unref(all);
  }
}

// ---- the bytes themselves

/// Two configurations of 2×3: up spins at (0,0,0), (0,1,2), (1,0,1).
static fg_batch *six_sites(driver *d) {
  fg_batch *batch = spins_new(driver_host(d), 2, 3, 2);
  spin_set(batch, 0, 0, 0, 1);
  spin_set(batch, 0, 1, 2, 1);
  spin_set(batch, 1, 0, 1, 1);
  return batch;
}

static void npy_bytes(void) {
  static const struct {
    const char *params, *header;
    uint8_t data[12];
    size_t count;
  } cases[] = {
      {"", "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 3), }", {1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0}, 12},
      {"values: plus-minus",
       "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 2, 3), }",
       {1, 255, 255, 255, 255, 1, 255, 1, 255, 255, 255, 255},
       12},
      {"layout: packed", "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 1), }", {0x80, 0x20, 0x40, 0x00}, 4},
  };
  fg_lattice lattice = {FG_SQUARE, 2, {2, 3, 0, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    driver *d = open_sink("six.npy", cases[i].params, FG_SPIN1, &lattice, 1);
    fg_batch *batch = six_sites(d);
    CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
    fg_batch_unref(batch);
    CU_ASSERT(!exists("six.npy")); // whole or not at all
    finish(d);
    char head[128];
    memset(head, ' ', sizeof head);
    memcpy(head, "\x93NUMPY\x01\x00\x76\x00", 10);
    memcpy(head + 10, cases[i].header, strlen(cases[i].header));
    head[127] = '\n';
    size_t count;
    uint8_t *bytes = read_whole("six.npy", &count);
    CHECK_INTEGER(count, 128 + cases[i].count);
    CU_ASSERT(memcmp(bytes, head, 128) == 0);
    CU_ASSERT(memcmp(bytes + 128, cases[i].data, cases[i].count) == 0);
    free(bytes);
  }
}

/// As the C library sees it: name, type, shape, description, no times; and equal content is an equal file.
static void hdf5_content(void) {
  static const struct {
    const char *params, *description;
    int is_signed, columns;
    uint8_t data[12];
  } cases[] = {
      {"", "one byte a spin, 0/1", 0, 3, {1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0}},
      {"values: plus-minus", "one byte a spin, ±1", 1, 3, {1, 255, 255, 255, 255, 1, 255, 1, 255, 255, 255, 255}},
      {"layout: packed, format: hdf5", "bit-packed along the last axis", 0, 1, {0x80, 0x20, 0x40, 0x00}},
  };
  fg_lattice lattice = {FG_SQUARE, 2, {2, 3, 0, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t *twice[2];
    size_t counts[2];
    for (int t = 0; t < 2; t++) {
      driver *d = open_sink("six.h5", cases[i].params, FG_SPIN1, &lattice, 1);
      fg_batch *batch = six_sites(d);
      CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
      fg_batch_unref(batch);
      finish(d);
      twice[t] = read_whole("six.h5", &counts[t]);
    }
    CHECK_INTEGER(counts[0], counts[1]);
    CU_ASSERT(counts[0] == counts[1] && memcmp(twice[0], twice[1], counts[0]) == 0);
    free(twice[0]);
    free(twice[1]);

    hid_t file = H5Fopen(FOLDER "six.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, "configurations", H5P_DEFAULT), space = H5Dget_space(set), type = H5Dget_type(set);
    hsize_t shape[3] = {0};
    CHECK_INTEGER(H5Sget_simple_extent_ndims(space), 3);
    H5Sget_simple_extent_dims(space, shape, NULL);
    CHECK_INTEGER(shape[0], 2);
    CHECK_INTEGER(shape[1], 2);
    CHECK_INTEGER(shape[2], cases[i].columns);
    CHECK_INTEGER(H5Tget_size(type), 1);
    CHECK_INTEGER(H5Tget_sign(type) == H5T_SGN_2, cases[i].is_signed);
    uint8_t data[12];
    CHECK_INTEGER(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), 0);
    CU_ASSERT(memcmp(data, cases[i].data, (size_t)(4 * cases[i].columns)) == 0);
    char text[100] = "";
    hid_t attribute = H5Aopen(set, "description", H5P_DEFAULT), words = H5Aget_type(attribute);
    CHECK_INTEGER(H5Aread(attribute, words, text), 0);
    CHECK_TEXT(text, cases[i].description);
    H5O_info_t info;
    H5Oget_info1(set, &info);
    CHECK_INTEGER(info.ctime, 0);
    H5Tclose(words);
    H5Aclose(attribute);
    H5Tclose(type);
    H5Sclose(space);
    H5Dclose(set);
    H5Fclose(file);
  }
}

/// No configurations: a sound file of none, which source.file refuses to read.
static void nothing_arrives(void) {
  fg_lattice lattice = fg_lattice_square(4);
  static const char *const names[] = {"none.npy", "none.h5", "none.fgs"};
  static const char *const messages[] = {FOLDER "none.npy: it holds no configurations: its shape is (0, 4, 4)",
                                         FOLDER "none.h5: it holds no configurations: its shape is (0, 4, 4)",
                                         FOLDER "none.fgs holds no configurations"};
  for (size_t n = 0; n < 3; n++) {
    finish(open_sink(names[n], "", FG_SPIN1, &lattice, 1));
    char params[300];
    snprintf(params, sizeof params, "path: \"" FOLDER "%s\"", names[n]);
    driver *d = driver_open("source.file", params, 1);
    CHECK_TEXT(driver_error(d), messages[n]);
    driver_close(d);
  }
}

// ---- stream files

/// Whole lattices of several shapes and levels, and slabs, come back with everything they carry, numbered anew.
static void streams(void) {
  static const fg_lattice lattices[] = {{FG_SQUARE, 2, {4, 4, 0, 0}},
                                        {FG_CHAIN, 1, {90, 0, 0, 0}},
                                        {FG_SQUARE, 2, {600, 65536, 0, 0}},
                                        {FG_TRIANGULAR, 2, {4, 4, 0, 0}}};
  static const uint64_t first_rows[] = {0, 0, 0, 512, 0, 0}, rows[] = {4, 1, 512, 88, 4, 4};
  static const size_t shapes[] = {0, 1, 2, 2, 3, 0};
  driver *d = open_sink("all.fgs", "", FG_SPIN1, lattices, 4);
  fg_batch *given[6];
  for (size_t i = 0; i < 6; i++) {
    const fg_lattice *lattice = &lattices[shapes[i]];
    given[i] = fg_batch_create(FG_SPIN1, lattice, shapes[i] == 2 ? 1 : (uint32_t)i + 2, first_rows[i], rows[i]);
    for (uint64_t w = 0; w < rows[i]; w++) *fg_batch_row_mut(given[i], 0, w) = (w + i) % 16;
    given[i]->level = (int32_t)shapes[i] - 2;
    given[i]->first = shapes[i] == 2 ? 7 : 100 + i;
    given[i]->chain = (uint32_t)shapes[i];
    given[i]->sequence = 50 + i;
    if (shapes[i]) given[i]->coupling = 0.25 * (double)shapes[i];
    CHECK_INTEGER(driver_feed_batch(d, 0, given[i]), FG_OK);
  }
  finish(d);
  fg_stream_reader *reader = NULL;
  fg_error error = {0};
  CHECK_INTEGER(fg_stream_open(FOLDER "all.fgs", &reader, &error), FG_OK);
  CHECK_TEXT(error.text, "");
  CHECK_TEXT(fg_stream_recovered(reader), "");
  CHECK_INTEGER(fg_stream_batches(reader), 6);
  for (size_t i = 0; i < 6; i++) {
    fg_batch *got = NULL;
    CHECK_INTEGER(fg_stream_next(reader, &got, &error), FG_OK);
    CU_ASSERT(fg_lattice_equal(&got->lattice, &given[i]->lattice));
    CHECK_INTEGER(got->count, given[i]->count);
    CHECK_INTEGER(got->level, given[i]->level);
    CHECK_INTEGER(got->first, given[i]->first);
    CHECK_INTEGER(got->first_row, given[i]->first_row);
    CHECK_INTEGER(got->chain, given[i]->chain);
    CHECK_INTEGER(got->sequence, i);
    CU_ASSERT(shapes[i] ? got->coupling == given[i]->coupling : isnan(got->coupling));
    CU_ASSERT(memcmp(got->data, given[i]->data, fg_batch_bytes(got)) == 0);
    fg_batch_unref(got);
    fg_batch_unref(given[i]);
  }
  fg_stream_close(reader);
}

/// Only lattices of the chosen size are written, whatever the format.
static void one_size(void) {
  static const fg_lattice lattices[] = {{FG_SQUARE, 2, {4, 4, 0, 0}}, {FG_SQUARE, 2, {8, 16, 0, 0}}};
  static const char *const names[] = {"size.npy", "size.h5", "size.fgs"};
  static const char *const params[] = {"layout: packed, size: 8x16", "size: 8x16, values: plus-minus", "size: 8x16"};
  static const char *const back[] = {"layout: packed, width: 16", "", ""};
  for (size_t n = 0; n < 3; n++) {
    driver *d = open_sink(names[n], params[n], FG_SPIN1, lattices, 2);
    fg_batch *other = spins_random(driver_host(d), 4, 4, 30, 0.5, 1);
    fg_batch *all = spins_random(driver_host(d), 8, 16, 30, 0.5, 2);
    feed_in_parts(d, other);
    feed_in_parts(d, all);
    feed_in_parts(d, other);
    finish(d);
    check_back(names[n], back[n], all);
    fg_batch_unref(other);
    fg_batch_unref(all);
  }
}

// ---- refusals

static void not_created(const char *params, const char *message) {
  driver *d = driver_open("sink.file", params, 1);
  CU_ASSERT_PTR_NULL(driver_self(d));
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void wrong_params(void) {
  not_created("path: spins.dat",
              "the ending of 'spins.dat' tells no format; end it in .fgs, .npy, .h5 or .hdf5, or set format");
  not_created("path: .npy", "the ending of '.npy' tells no format; end it in .fgs, .npy, .h5 or .hdf5, or set format");
  not_created("path: /tmp/spins.npy",
              "'/tmp/spins.npy' is absolute; the file stays in the stage's output folder, so give its name there");
  not_created("path: ../spins.npy", "'../spins.npy' climbs out with '..'; the file stays in the stage's output folder");
  not_created("path: a/../spins.npy",
              "'a/../spins.npy' climbs out with '..'; the file stays in the stage's output folder");
  not_created("path: a/", "'a/' names no file");
  not_created("path: \"\"", "'' names no file");
  not_created("path: \"a\\tb.npy\"", "'a\tb.npy' has a control character");
  not_created("path: a.fgs, layout: packed", "stream files have a layout of their own; leave layout out");
  not_created("path: a.fgs, values: plus-minus", "stream files hold spins as bits; leave values out");
  not_created("path: a.npy, layout: packed, values: plus-minus",
              "packed spins are bits; leave values out with layout: packed");
}

static void not_agreed(const char *params, uint32_t element, const fg_lattice *lattices, uint32_t count,
                       const char *message) {
  driver *d = driver_open("sink.file", params, 1);
  fg_format in = format_of(element, lattices, count);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in}), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void wrong_formats(void) {
  static const fg_lattice dream[] = {
      {FG_SQUARE, 2, {16, 16, 0, 0}}, {FG_SQUARE, 2, {32, 32, 0, 0}}, {FG_SQUARE, 2, {64, 64, 0, 0}}};
  static const fg_lattice cubic = {FG_CUBIC, 3, {4, 4, 4, 0}}, triangular = {FG_TRIANGULAR, 2, {4, 4, 0, 0}};
  static const char *const one =
      "an array holds one lattice, and 3 arrive (16, 32, 64); keep one with size, or write a "
      "stream file (.fgs)";
  not_agreed("path: a.npy", FG_SPIN1, dream, 3, one);
  not_agreed("path: a.h5", FG_SPIN1, dream, 3, one);
  not_agreed("path: a.npy, size: 46", FG_SPIN1, dream, 3,
             "no lattice of size 46 arrives; did you mean '16'? (valid: 16, 32, 64)");
  not_agreed("path: a.fgs, size: 500x500", FG_SPIN1, dream, 3, "no lattice of size 500x500 arrives; valid: 16, 32, 64");
  not_agreed("path: a.npy", FG_SPIN1, &cubic, 1,
             "arrays hold square lattices, and a cubic one arrives; write a stream file (.fgs)");
  not_agreed("path: a.h5", FG_SPIN1, &triangular, 1,
             "arrays hold square lattices, and a triangular one arrives; write a stream file (.fgs)");
  not_agreed("path: a.npy", FG_FIELD32, dream, 1,
             "arrays hold spins or states, and fields arrive; write a stream file (.fgs)");
  not_agreed("path: a.npy, layout: packed", FG_STATE8, dream, 1, "states take a byte each; packed is for spins");
  not_agreed("path: a.npy, values: plus-minus", FG_STATE8, dream, 1,
             "states are written as they are; plus-minus is for spins");
}

/// Slabs with a gap, and a stream that ends inside a configuration: an error and no file.
static void torn_configurations(void) {
  static const char *const names[] = {"torn.npy", "torn.h5", "torn.fgs"};
  fg_lattice lattice = fg_lattice_square(16);
  for (size_t n = 0; n < 3; n++) {
    driver *d = open_sink(names[n], "", FG_SPIN1, &lattice, 1);
    fg_batch *top = fg_batch_create(FG_SPIN1, &lattice, 1, 0, 7),
             *bottom = fg_batch_create(FG_SPIN1, &lattice, 1, 8, 8);
    CHECK_INTEGER(driver_feed_batch(d, 0, top), FG_OK);
    CHECK_INTEGER(driver_feed_batch(d, 0, bottom), FG_FAILED);
    CHECK_TEXT(driver_error(d), "configuration 0 goes on at row 8 instead of 7");
    driver_close(d);
    CU_ASSERT(!exists(names[n]));
    d = open_sink(names[n], "", FG_SPIN1, &lattice, 1);
    CHECK_INTEGER(driver_feed_batch(d, 0, top), FG_OK);
    CHECK_INTEGER(driver_finish(d), FG_FAILED);
    CHECK_TEXT(driver_error(d), "the stream ends inside a configuration, at row 7");
    driver_close(d);
    CU_ASSERT(!exists(names[n]));
    fg_batch_unref(top);
    fg_batch_unref(bottom);
  }
}

/// A full disk, played by a limit on the size of files: while data are written, and when the file is finished.
static void full_disk(void) {
  static const struct {
    const char *name, *message;
    rlim_t limit;
    int feeds; ///< the first that fails; 0: the end
  } cases[] = {{"full.npy", "full.npy: File too large", 4096, 1},
               {"full.h5", "full.h5: File too large", 4096, 1},
               {"full.h5", "full.h5: File too large", 100, 1},
               {"full.fgs", "full.fgs: cannot write the stream file: File too large", 4096, 1},
               {"full.fgs", "full.fgs: cannot write the stream file: File too large", 0, 0}};
  fg_lattice lattice = fg_lattice_square(64);
  signal(SIGXFSZ, SIG_IGN);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct rlimit before, low;
    getrlimit(RLIMIT_FSIZE, &before);
    low = before;
    driver *d = open_sink(cases[i].name, "", FG_SPIN1, &lattice, 1);
    fg_batch *batch = spins_random(driver_host(d), 64, 64, 20, 0.5, 1);
    if (!cases[i].feeds) CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
    low.rlim_cur = cases[i].limit;
    setrlimit(RLIMIT_FSIZE, &low);
    fg_status status = cases[i].feeds ? driver_feed_batch(d, 0, batch) : driver_finish(d);
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK_INTEGER(status, FG_FAILED);
    CHECK_TEXT(driver_error(d), cases[i].message);
    fg_batch_unref(batch);
    driver_close(d);
    CU_ASSERT(!exists(cases[i].name));
  }
  // HDF5 is as well as before.
  driver *d = open_sink("full.h5", "", FG_SPIN1, &lattice, 1);
  fg_batch *batch = spins_random(driver_host(d), 64, 64, 20, 0.5, 1);
  feed_in_parts(d, batch);
  finish(d);
  check_back("full.h5", "", batch);
  fg_batch_unref(batch);
}

static void no_folder(void) {
  fg_lattice lattice = fg_lattice_square(4);
  static const char *const names[] = {"nowhere/a.npy", "nowhere/a.h5"};
  for (size_t n = 0; n < 2; n++) {
    driver *d = open_sink(names[n], "", FG_SPIN1, &lattice, 1);
    CHECK_INTEGER(driver_finish(d), FG_FAILED);
    char message[100];
    snprintf(message, sizeof message, "%s: No such file or directory", names[n]);
    CHECK_TEXT(driver_error(d), message);
    driver_close(d);
  }
}

int main(void) {
  static const check_case cases[] = {
      {"round trips", round_trips},
      {"states", states},
      {"slabs of arrays", slabs_of_arrays},
      {"bytes of a .npy", npy_bytes},
      {"content of an HDF5 file", hdf5_content},
      {"nothing arrives", nothing_arrives},
      {"streams", streams},
      {"one size", one_size},
      {"wrong parameters", wrong_params},
      {"wrong formats", wrong_formats},
      {"torn configurations", torn_configurations},
      {"full disk", full_disk},
      {"no folder", no_folder},
      {NULL, NULL},
  };
  return check_main("sink.file", cases);
}
