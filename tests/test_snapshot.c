// test_snapshot.c — sink.snapshot: pictures read back with libpng, pixel by pixel; how lattices are enlarged, averaged
// and arranged; equal configurations give equal files, however they are cut into batches.
#include "check.h"
#include "driver.h"
#include "message.h"
#include "spins.h"

#include <png.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define FOLDER FG_BUILD "/tests/output/"
#define UP 0x1b3a5cu
#define DOWN 0xf3ead7u
#define WHITE 0xffffffu
#define BLACK 0x000000u

// ---- pictures read back

typedef struct picture {
  uint32_t width, height; ///< 0: there is no such file
  uint32_t *pixels;       ///< 0xrrggbb
  char title[200], software[50];
} picture;

/// A file of the output folder; pixels are to be freed.
static picture read_picture(const char *name) {
  char path[300];
  snprintf(path, sizeof path, FOLDER "%s", name);
  picture p = {0, 0, NULL, "", ""};
  FILE *file = fopen(path, "rb");
  if (!file) return p;
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  if (!info || setjmp(png_jmpbuf(png))) abort();
  png_init_io(png, file);
  png_read_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
  CHECK_INTEGER(png_get_bit_depth(png, info), 8);
  CHECK_INTEGER(png_get_color_type(png, info), PNG_COLOR_TYPE_RGB);
  CHECK_INTEGER(png_get_valid(png, info, PNG_INFO_tIME), 0);
  p.width = png_get_image_width(png, info);
  p.height = png_get_image_height(png, info);
  p.pixels = malloc(sizeof *p.pixels * p.width * p.height);
  png_bytepp rows = png_get_rows(png, info);
  for (uint32_t y = 0; y < p.height && p.pixels; y++)
    for (uint32_t x = 0; x < p.width; x++)
      p.pixels[y * p.width + x] =
          (uint32_t)rows[y][3 * x] << 16 | (uint32_t)rows[y][3 * x + 1] << 8 | rows[y][3 * x + 2];
  png_textp texts;
  int count = png_get_text(png, info, &texts, NULL);
  for (int t = 0; t < count; t++) {
    if (strcmp(texts[t].key, "Title") == 0) snprintf(p.title, sizeof p.title, "%s", texts[t].text);
    if (strcmp(texts[t].key, "Software") == 0) snprintf(p.software, sizeof p.software, "%s", texts[t].text);
  }
  png_destroy_read_struct(&png, &info, NULL);
  fclose(file);
  return p;
}

/// Wrong pixels in the rectangle that should have one colour; what lies outside the picture is wrong.
static int wrong_pixels(const picture *p, uint32_t left, uint32_t top, uint32_t width, uint32_t height,
                        uint32_t colour) {
  int wrong = 0;
  for (uint32_t y = top; y < top + height; y++)
    for (uint32_t x = left; x < left + width; x++)
      wrong += y >= p->height || x >= p->width || p->pixels[y * p->width + x] != colour;
  return wrong;
}

/// The same for a lattice drawn there with squares of `scale` pixels in the default colours.
static int wrong_lattice(const picture *p, const fg_batch *batch, uint64_t c, uint32_t left, uint32_t top,
                         uint32_t scale) {
  int wrong = 0;
  for (uint32_t y = 0; y < batch->rows; y++)
    for (uint32_t x = 0; x < fg_lattice_width(&batch->lattice); x++)
      wrong += wrong_pixels(p, left + x * scale, top + y * scale, scale, scale, spin_get(batch, c, y, x) ? UP : DOWN);
  return wrong;
}

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

static void forget(const char *name) {
  char path[300];
  snprintf(path, sizeof path, FOLDER "%s", name);
  unlink(path);
}

// ---- the stage

static driver *open_stage(const char *params, uint32_t element, const fg_lattice *lattices, uint32_t count) {
  driver *d = driver_open("sink.snapshot", params, 1);
  fg_format format = {.size = sizeof format, .kind = FG_BATCH, .element = element, .shape_count = count};
  for (uint32_t i = 0; i < count; i++) format.shapes[i] = lattices[i];
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&format}), FG_OK);
  return d;
}

static void finish(driver *d) {
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  driver_close(d);
}

/// Every site a square, in the default colours.
static void enlarged(void) {
  fg_lattice lattice = {FG_SQUARE, 2, {2, 3, 0, 0}};
  forget("one-0.png");
  driver *d = open_stage("height: 9, name: one", FG_SPIN1, &lattice, 1);
  fg_batch *batch = spins_new(driver_host(d), 2, 3, 1);
  spin_set(batch, 0, 0, 1, 1);
  spin_set(batch, 0, 1, 2, 1);
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
  finish(d);
  picture p = read_picture("one-0.png");
  CHECK_INTEGER(p.width, 12); // squares of 4 pixels: the largest of which two fit in 9
  CHECK_INTEGER(p.height, 8);
  CHECK_INTEGER(wrong_pixels(&p, 0, 0, 4, 4, DOWN), 0);
  CHECK_INTEGER(wrong_pixels(&p, 4, 0, 4, 4, UP), 0);
  CHECK_INTEGER(wrong_pixels(&p, 8, 0, 4, 4, DOWN), 0);
  CHECK_INTEGER(wrong_pixels(&p, 0, 4, 8, 4, DOWN), 0);
  CHECK_INTEGER(wrong_pixels(&p, 8, 4, 4, 4, UP), 0);
  CHECK_TEXT(p.title, "configuration 0, size 2x3 to 2x3");
  CHECK_TEXT(p.software, "finegrain");
  free(p.pixels);
  fg_batch_unref(batch);
}

/// Where several sites share a pixel it has their mean colour, rounded down.
static void averaged(void) {
  fg_lattice lattice = fg_lattice_square(4);
  forget("mean-0.png");
  driver *d = open_stage("height: 2, name: mean, up: '#FFFFFF', down: '#000000'", FG_SPIN1, &lattice, 1);
  fg_batch *batch = spins_new(driver_host(d), 4, 4, 1);
  spin_set(batch, 0, 0, 2, 1); // one of four, then two, then all
  spin_set(batch, 0, 2, 0, 1);
  spin_set(batch, 0, 3, 1, 1);
  for (uint64_t y = 2; y < 4; y++)
    for (uint64_t x = 2; x < 4; x++) spin_set(batch, 0, y, x, 1);
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
  finish(d);
  picture p = read_picture("mean-0.png");
  CHECK_INTEGER(p.width, 2);
  CHECK_INTEGER(p.height, 2);
  CHECK_INTEGER(wrong_pixels(&p, 0, 0, 1, 1, BLACK), 0);
  CHECK_INTEGER(wrong_pixels(&p, 1, 0, 1, 1, 0x3f3f3f), 0);
  CHECK_INTEGER(wrong_pixels(&p, 0, 1, 1, 1, 0x7f7f7f), 0);
  CHECK_INTEGER(wrong_pixels(&p, 1, 1, 1, 1, WHITE), 0);
  free(p.pixels);
  fg_batch_unref(batch);
}

/// A lattice whose extent is no multiple of the picture's: every site is in some pixel, every pixel has some site.
static void averaged_unevenly(void) {
  fg_lattice lattice = fg_lattice_square(5);
  forget("odd-0.png");
  driver *d = open_stage("height: 3, name: odd, up: '#ffffff', down: '#000000'", FG_SPIN1, &lattice, 1);
  fg_batch *batch = spins_new(driver_host(d), 5, 5, 1);
  spin_set(batch, 0, 4, 4, 1); // pixel 2 covers the sites 3 and 4 along each axis
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
  finish(d);
  picture p = read_picture("odd-0.png");
  CHECK_INTEGER(p.width, 3);
  CHECK_INTEGER(wrong_pixels(&p, 2, 2, 1, 1, 0x3f3f3f), 0);
  CHECK_INTEGER(wrong_pixels(&p, 0, 0, 3, 2, BLACK) + wrong_pixels(&p, 0, 2, 2, 1, BLACK), 0);
  free(p.pixels);
  fg_batch_unref(batch);
}

// ---- levels

enum { LEVELS = 3 };
static const fg_lattice levels[LEVELS] = {
    {FG_SQUARE, 2, {2, 2, 0, 0}}, {FG_SQUARE, 2, {4, 4, 0, 0}}, {FG_SQUARE, 2, {8, 8, 0, 0}}};

/// Three levels of ten configurations each, in batches of `cut`, as a dream gives them; the batches of whole levels are
/// the caller's.
static void dream(driver *d, fg_batch *whole[LEVELS], uint32_t cut) {
  for (int level = 0; level < LEVELS; level++) {
    uint64_t length = levels[level].extent[0];
    whole[level] = spins_random(driver_host(d), length, length, 10, 0.5, (uint64_t)level);
    whole[level]->level = level;
    for (uint32_t from = 0; from < 10; from += cut) {
      fg_batch *part = fg_batch_view(whole[level], from, 10 - from < cut ? 10 - from : cut);
      CHECK_INTEGER(driver_feed_batch(d, 0, part), FG_OK);
      fg_batch_unref(part);
    }
  }
}

static void drop(fg_batch *whole[LEVELS]) {
  for (int level = 0; level < LEVELS; level++) fg_batch_unref(whole[level]);
}

static void strip(void) {
  fg_batch *whole[LEVELS];
  forget("strip-0.png");
  forget("strip-7.png");
  driver *d = open_stage("configurations: [7, 0], height: 8, gap: 3, name: strip, background: '#00ff00'", FG_SPIN1,
                         levels, LEVELS);
  dream(d, whole, 4);
  finish(d);
  static const uint64_t chosen[] = {0, 7};
  for (int c = 0; c < 2; c++) {
    char name[30], title[60];
    snprintf(name, sizeof name, "strip-%d.png", (int)chosen[c]);
    snprintf(title, sizeof title, "configuration %d, size 2 to 8", (int)chosen[c]);
    picture p = read_picture(name);
    CHECK_INTEGER(p.width, 3 * 8 + 2 * 3);
    CHECK_INTEGER(p.height, 8);
    CHECK_TEXT(p.title, title);
    CHECK_INTEGER(wrong_lattice(&p, whole[0], chosen[c], 0, 0, 4), 0);
    CHECK_INTEGER(wrong_lattice(&p, whole[1], chosen[c], 11, 0, 2), 0);
    CHECK_INTEGER(wrong_lattice(&p, whole[2], chosen[c], 22, 0, 1), 0);
    CHECK_INTEGER(wrong_pixels(&p, 8, 0, 3, 8, 0x00ff00) + wrong_pixels(&p, 19, 0, 3, 8, 0x00ff00), 0);
    free(p.pixels);
  }
  drop(whole);
}

/// Two columns: three lattices in two rows, the hole in the colour of the background.
static void grid(void) {
  fg_batch *whole[LEVELS];
  forget("grid-3.png");
  driver *d = open_stage("configurations: [3], height: 8, gap: 1, columns: 2, name: grid", FG_SPIN1, levels, LEVELS);
  dream(d, whole, 10);
  finish(d);
  picture p = read_picture("grid-3.png");
  CHECK_INTEGER(p.width, 17);
  CHECK_INTEGER(p.height, 17);
  CHECK_INTEGER(wrong_lattice(&p, whole[0], 3, 0, 0, 4), 0);
  CHECK_INTEGER(wrong_lattice(&p, whole[1], 3, 9, 0, 2), 0);
  CHECK_INTEGER(wrong_lattice(&p, whole[2], 3, 0, 9, 1), 0);
  CHECK_INTEGER(wrong_pixels(&p, 9, 9, 8, 8, WHITE), 0);
  free(p.pixels);
  drop(whole);
}

/// More columns than lattices: no wider than they are.
static void wide_grid(void) {
  fg_batch *whole[LEVELS];
  forget("wide-3.png");
  driver *d = open_stage("configurations: [3], height: 8, gap: 1, columns: 5, name: wide", FG_SPIN1, levels, LEVELS);
  dream(d, whole, 10);
  finish(d);
  picture p = read_picture("wide-3.png");
  CHECK_INTEGER(p.width, 26);
  CHECK_INTEGER(p.height, 8);
  CHECK_INTEGER(wrong_lattice(&p, whole[2], 3, 18, 0, 1), 0);
  free(p.pixels);
  drop(whole);
}

static void separate(void) {
  static const char *const names[] = {"apart-5-level-0-size-2.png", "apart-5-level-1-size-4.png",
                                      "apart-5-level-2-size-8.png"};
  fg_batch *whole[LEVELS];
  for (int level = 0; level < LEVELS; level++) forget(names[level]);
  driver *d = open_stage("configurations: [5], height: 8, layout: separate, name: apart", FG_SPIN1, levels, LEVELS);
  dream(d, whole, 3);
  finish(d);
  for (int level = 0; level < LEVELS; level++) {
    picture p = read_picture(names[level]);
    char title[60];
    snprintf(title, sizeof title, "configuration 5, level %d, size %d", level, 2 << level);
    CHECK_TEXT(p.title, title);
    CHECK_INTEGER(p.width, 8);
    CHECK_INTEGER(p.height, 8);
    CHECK_INTEGER(wrong_lattice(&p, whole[level], 5, 0, 0, 4u >> level), 0);
    free(p.pixels);
  }
  drop(whole);
}

/// Equal configurations, cut into batches in another way: equal files.
static void equal_files(void) {
  fg_batch *whole[LEVELS];
  uint8_t *bytes[2];
  size_t counts[2];
  for (int t = 0; t < 2; t++) {
    forget("equal-6.png");
    driver *d = open_stage("configurations: [6], height: 8, name: equal", FG_SPIN1, levels, LEVELS);
    dream(d, whole, t ? 10 : 3);
    finish(d);
    drop(whole);
    bytes[t] = read_whole("equal-6.png", &counts[t]);
  }
  CU_ASSERT(counts[0] > 0);
  CHECK_INTEGER(counts[0], counts[1]);
  CU_ASSERT(counts[0] == counts[1] && memcmp(bytes[0], bytes[1], counts[0]) == 0);
  free(bytes[0]);
  free(bytes[1]);
}

/// A configuration whose rows arrive in slabs, enlarged and averaged: the same file as of the whole.
static void slabs_joined(void) {
  static const char *const params[] = {"height: 256, name: joined", "height: 11, name: joined",
                                       "height: 61, name: joined"};
  fg_lattice lattice = {FG_SQUARE, 2, {61, 150, 0, 0}};
  for (size_t k = 0; k < sizeof params / sizeof *params; k++) {
    uint8_t *bytes[2];
    size_t counts[2];
    for (int t = 0; t < 2; t++) {
      forget("joined-0.png");
      driver *d = open_stage(params[k], FG_SPIN1, &lattice, 1);
      fg_batch *whole = spins_random(driver_host(d), 61, 150, 1, 0.5, k);
      for (uint64_t row = 0, take = 61; row < 61; row += take) {
        if (t) take = 1 + row % 7 < 61 - row ? 1 + row % 7 : 61 - row;
        fg_batch *slab = fg_batch_view_rows(whole, row, take);
        CHECK_INTEGER(driver_feed_batch(d, 0, slab), FG_OK);
        fg_batch_unref(slab);
      }
      finish(d);
      fg_batch_unref(whole);
      bytes[t] = read_whole("joined-0.png", &counts[t]);
    }
    CU_ASSERT(counts[0] > 0 && counts[0] == counts[1] && memcmp(bytes[0], bytes[1], counts[0]) == 0);
    free(bytes[0]);
    free(bytes[1]);
  }
}

static void slabs_out_of_order(void) {
  fg_lattice lattice = fg_lattice_square(8);
  driver *d = open_stage("", FG_SPIN1, &lattice, 1);
  fg_batch *slab = fg_batch_create(FG_SPIN1, &lattice, 1, 4, 4);
  CHECK_INTEGER(driver_feed_batch(d, 0, slab), FG_FAILED);
  CHECK_TEXT(driver_error(d), "rows of configuration 0 arrive out of order");
  fg_batch_unref(slab);
  driver_close(d);
}

/// Potts states: down, up, six more colours, and no two states alike.
static void states(void) {
  static const uint32_t colours[] = {0x101112, 0xfafbfc, 0xd67644, 0x609680, 0xc7a554, 0x8d6896, 0x6e85b0, 0x787878};
  fg_lattice lattice = {FG_SQUARE, 2, {16, 16, 0, 0}};
  forget("states-0.png");
  driver *d = open_stage("height: 16, name: states, down: '#101112', up: '#FAFBFC'", FG_STATE8, &lattice, 1);
  fg_batch *batch = fg_batch_create(FG_STATE8, &lattice, 1, 0, 16);
  for (uint32_t state = 0; state < 256; state++)
    ((uint8_t *)fg_batch_row_mut(batch, 0, state / 16))[state % 16] = (uint8_t)state;
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
  finish(d);
  picture p = read_picture("states-0.png");
  CHECK_INTEGER(p.width, 16);
  CHECK_INTEGER(p.height, 16);
  for (uint32_t x = 0; x < 8; x++) CHECK_INTEGER(wrong_pixels(&p, x, 0, 1, 1, colours[x]), 0);
  int alike = 0;
  for (uint32_t a = 0; a < 256; a++)
    for (uint32_t b = 0; b < a; b++) alike += p.pixels[a] == p.pixels[b];
  CHECK_INTEGER(alike, 0);
  free(p.pixels);
  fg_batch_unref(batch);
}

/// A configuration that does not arrive has no picture, which is no error.
static void absent(void) {
  fg_batch *whole[LEVELS];
  forget("absent-10.png");
  forget("absent-9.png");
  driver *d = open_stage("configurations: [10, 9], height: 8, name: absent", FG_SPIN1, levels, LEVELS);
  dream(d, whole, 4);
  finish(d);
  drop(whole);
  CHECK_INTEGER(read_picture("absent-10.png").width, 0);
  picture p = read_picture("absent-9.png");
  CHECK_INTEGER(p.height, 8);
  free(p.pixels);
}

// ---- refusals

static void not_created(const char *params, const char *message) {
  driver *d = driver_open("sink.snapshot", params, 1);
  CU_ASSERT_PTR_NULL(driver_self(d));
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void not_agreed(const char *params, fg_lattice lattice, const char *message) {
  driver *d = driver_open("sink.snapshot", params, 1);
  fg_format format = {.size = sizeof format, .kind = FG_BATCH, .element = FG_SPIN1, .shape_count = 1};
  format.shapes[0] = lattice;
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&format}), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refusals(void) {
  not_created("up: red", "'red' is not a colour; write \"#rrggbb\"");
  not_created("down: '#12345'", "'#12345' is not a colour; write \"#rrggbb\"");
  not_created("background: '#12345g'", "'#12345g' is not a colour; write \"#rrggbb\"");
  not_created("up: \"#12345\\x11\"", "'#12345\x11' is not a colour; write \"#rrggbb\"");
  not_created("configurations: []", "choose 1 to 256 configurations");
  not_created("configurations: [3, 1, 3]", "3 is chosen twice");
  static const char *const names[] = {"", "a/b", ".hidden", "a\\b"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char params[50], message[120];
    snprintf(params, sizeof params, "name: '%s'", names[i]);
    snprintf(message, sizeof message,
             "'%s' cannot begin a file's name; 1 to 200 characters without '/' and a leading '.'", names[i]);
    not_created(params, message);
  }
  not_agreed("", (fg_lattice){FG_CUBIC, 3, {4, 4, 4, 0}},
             "draws two-dimensional lattices only; one of 3 dimensions arrives");
  not_agreed("height: 16384", (fg_lattice){FG_SQUARE, 2, {1, 100, 0, 0}},
             "a picture would have 262144×16384 pixels; at most 1000000 a side and 268435456 in all: lower height, or "
             "set layout: separate");
  not_agreed("height: 16384, layout: separate", (fg_lattice){FG_SQUARE, 2, {4, 8, 0, 0}},
             "a picture would have 32768×16384 pixels; at most 1000000 a side and 268435456 in all: lower height");
}

/// Sheets that are too large are refused before the run where the levels are known.
static void large_strip(void) {
  driver *d = driver_open("sink.snapshot", "height: 16384", 1);
  fg_format format = {.size = sizeof format, .kind = FG_BATCH, .element = FG_SPIN1, .shape_count = 3};
  for (uint32_t i = 0; i < 3; i++) format.shapes[i] = levels[i];
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&format}), FG_FAILED);
  CHECK_TEXT(driver_error(d), "the strip would have 49168×16384 pixels; at most 1000000 a side and 268435456 in all: "
                              "lower height, or set layout: separate");
  driver_close(d);
}

/// A full disk, played by a limit on the size of files: while the picture is written, and when its file is closed.
static void full_disk(void) {
  static const struct {
    const char *params, *message;
  } cases[] = {{"height: 256, name: full", "full-0.png: libpng: Write Error"},
               {"height: 1, name: full", "full-0.png: File too large"}};
  fg_lattice lattice = fg_lattice_square(256);
  signal(SIGXFSZ, SIG_IGN);
  for (size_t i = 0; i < 2; i++) {
    forget("full-0.png");
    driver *d = open_stage(cases[i].params, FG_SPIN1, &lattice, 1);
    fg_batch *batch = spins_random(driver_host(d), 256, 256, 1, 0.5, 1);
    CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_OK);
    struct rlimit before, low;
    getrlimit(RLIMIT_FSIZE, &before);
    low = before;
    low.rlim_cur = 10;
    setrlimit(RLIMIT_FSIZE, &low);
    fg_status status = driver_finish(d);
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK_INTEGER(status, FG_FAILED);
    CHECK_TEXT(driver_error(d), cases[i].message);
    fg_batch_unref(batch);
    driver_close(d);
    CHECK_INTEGER(read_picture("full-0.png").width, 0);
  }
}

int main(void) {
  static const check_case cases[] = {
      {"enlarged", enlarged},
      {"averaged", averaged},
      {"averaged unevenly", averaged_unevenly},
      {"strip", strip},
      {"grid", grid},
      {"wide grid", wide_grid},
      {"separate", separate},
      {"equal files", equal_files},
      {"slabs joined", slabs_joined},
      {"slabs out of order", slabs_out_of_order},
      {"states", states},
      {"absent", absent},
      {"refusals", refusals},
      {"large strip", large_strip},
      {"full disk", full_disk},
      {NULL, NULL},
  };
  return check_main("sink.snapshot", cases);
}
