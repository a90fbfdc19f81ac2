// test_operators.c — operators.h: which operators there are, against merging all sets of places by brute force; their
// values against products spin by spin on lattices of any width; that they have the symmetries they claim; the
// published ones.
#include "check.h"
#include "driver.h"
#include "spins.h"

#include "plugins/estimate/operators.c"

#define MOST 512u // operators in these tests

// ---- which there are

typedef struct place_list {
  int count, y[16], x[16];
} place_list;

/// The places of a set, bit 8y + x.
static place_list places_of(uint64_t set) {
  place_list list = {0};
  for (int y = 0; y < 8; y++)
    for (int x = 0; x < 8; x++)
      if (set >> (8 * y + x) & 1) {
        list.y[list.count] = y;
        list.x[list.count++] = x;
      }
  return list;
}

/// The set turned by a symmetry of the square and moved to the corner; 64 bits, 8 a row.
static uint64_t turned(uint64_t set, int symmetry) {
  place_list list = places_of(set);
  int top = 99, left = 99;
  for (int i = 0; i < list.count; i++) {
    int y = list.y[i], x = list.x[i];
    for (int quarter = 0; quarter < symmetry % 4; quarter++) {
      int old = y;
      y = x;
      x = 7 - old;
    }
    if (symmetry >= 4) x = 7 - x;
    list.y[i] = y;
    list.x[i] = x;
    if (y < top) top = y;
    if (x < left) left = x;
  }
  uint64_t result = 0;
  for (int i = 0; i < list.count; i++) result |= UINT64_C(1) << (8 * (list.y[i] - top) + list.x[i] - left);
  return result;
}

/// Whether two sets are images of each other.
static int alike(uint64_t a, uint64_t b) {
  for (int s = 0; s < 8; s++)
    if (turned(a, s) == turned(b, 0)) return 1;
  return 0;
}

static uint64_t set_of(const operators *o, uint32_t product) {
  uint64_t set = 0;
  for (uint32_t y = 0; y < o->window; y++)
    for (uint32_t x = 0; x < o->window; x++)
      if (product >> (o->window * x + y) & 1) set |= UINT64_C(1) << (8 * y + x);
  return set;
}

/// Classes of sets of up to `order` places, found by comparing every set with one of every class found before.
static void count_classes(uint32_t window, uint32_t order, uint32_t count[2]) {
  uint64_t *found = calloc(MOST, sizeof *found);
  uint32_t total = 0;
  count[0] = count[1] = 0;
  for (uint32_t set = 1; set < 1u << window * window; set++) {
    uint64_t wide = 0;
    for (uint32_t k = 0; k < window * window; k++)
      if (set >> k & 1) wide |= UINT64_C(1) << (8 * (k / window) + k % window);
    if ((uint32_t)__builtin_popcount(set) > order) continue;
    uint32_t k = 0;
    while (k < total && !alike(found[k], wide)) k++;
    if (k < total) continue;
    if (total == MOST) abort();
    found[total++] = wide;
    count[__builtin_popcount(set) & 1]++;
  }
  free(found);
}

/// No class is missing or there twice; the images of an operator are all there are, each once.
static void check_operators(uint32_t window, uint32_t order) {
  operators o;
  uint32_t expected[2];
  CHECK_INTEGER(operators_symmetric(&o, window, order), 0);
  count_classes(window, order, expected);
  for (int p = 0; p < 2; p++) CHECK_INTEGER(o.count[p], expected[p]);
  for (uint32_t i = 0; i < operators_total(&o); i++) {
    const lattice_operator *item = &o.item[i];
    uint64_t first = set_of(&o, o.images[item->first_image]), distinct[8];
    uint32_t count = 0;
    for (int s = 0; s < 8; s++) {
      uint32_t k = 0;
      while (k < count && distinct[k] != turned(first, s)) k++;
      if (k == count) distinct[count++] = turned(first, s);
    }
    CHECK_INTEGER(item->image_count, count);
    for (uint32_t k = 0; k < item->image_count; k++) {
      uint64_t set = set_of(&o, o.images[item->first_image + k]);
      CHECK_INTEGER(__builtin_popcountll(set), item->spins);
      CU_ASSERT(alike(set, first) && set == turned(set, 0));
      for (uint32_t other = 0; other < k; other++)
        CU_ASSERT(o.images[item->first_image + other] != o.images[item->first_image + k]);
    }
    for (uint32_t other = 0; other < i; other++)
      CU_ASSERT(!alike(first, set_of(&o, o.images[o.item[other].first_image])));
    CHECK_INTEGER(item->label, i);
    CHECK_INTEGER(item->spins & 1, i >= o.count[0]);
    if (i && i != o.count[0]) CU_ASSERT(o.item[i - 1].spins <= item->spins);
  }
  operators_clear(&o);
}

static void all_are_found_once(void) {
  for (uint32_t order = 1; order <= 4; order++) check_operators(2, order);
  for (uint32_t order = 1; order <= 9; order++) check_operators(3, order);
  for (uint32_t order = 1; order <= 3; order++) check_operators(4, order);
}

static void numbers_of_operators(void) {
  static const struct {
    uint32_t window, order, even, odd, images;
  } cases[] = {{2, 4, 3, 2, 10}, {3, 9, 44, 41, 400}, {3, 2, 5, 1, 13}, {3, 4, 25, 11, 158}, {4, 4, 156, 34, 1185}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    operators o;
    CHECK_INTEGER(operators_symmetric(&o, cases[i].window, cases[i].order), 0);
    CHECK_INTEGER(o.count[0], cases[i].even);
    CHECK_INTEGER(o.count[1], cases[i].odd);
    uint32_t images = 0;
    for (uint32_t k = 0; k < operators_total(&o); k++) images += o.item[k].image_count;
    CHECK_INTEGER(images, cases[i].images);
    operators_clear(&o);
  }
}

/// The simplest come first: by spins, then extent.
static void order_and_words(void) {
  static const char *const even[] = {"(0,0) (0,1)", "(0,0) (1,1)", "(0,0) (0,2)", "(0,0) (1,2)", "(0,0) (2,2)"};
  operators o;
  char text[OPERATORS_TEXT];
  CHECK_INTEGER(operators_symmetric(&o, 3, 9), 0);
  for (uint32_t i = 0; i < 5; i++) {
    place_list expected = {0};
    uint64_t set = 0;
    operators_text(&o, i, text);
    CHECK_INTEGER(strlen(text), strlen(even[i]));
    CHECK_INTEGER(sscanf(even[i], "(%d,%d) (%d,%d)", expected.y, expected.x, expected.y + 1, expected.x + 1), 4);
    for (int k = 0; k < 2; k++) set |= UINT64_C(1) << (8 * expected.y[k] + expected.x[k]);
    CU_ASSERT(alike(set, set_of(&o, o.images[o.item[i].first_image])));
  }
  operators_text(&o, 44, text);
  CHECK_TEXT(text, "(0,0)");
  operators_text(&o, 84, text);
  CHECK_TEXT(text, "(0,0) (0,1) (0,2) (1,0) (1,1) (1,2) (2,0) (2,1) (2,2)");
  operators_clear(&o);
}

// ---- values

static int spin(const fg_batch *batch, uint32_t i, uint64_t y, uint64_t x) {
  return spin_get(batch, i, y % batch->rows, x % fg_lattice_width(&batch->lattice)) ? 1 : -1;
}

/// Product by product, spin by spin.
static double value_plainly(const operators *o, uint32_t k, const fg_batch *batch, uint32_t i) {
  int64_t sum = 0;
  for (uint32_t n = 0; n < o->item[k].image_count; n++) {
    place_list list = places_of(set_of(o, o->images[o->item[k].first_image + n]));
    for (uint64_t y = 0; y < batch->rows; y++) {
      for (uint64_t x = 0; x < fg_lattice_width(&batch->lattice); x++) {
        int product = 1;
        for (int s = 0; s < list.count; s++)
          product *= spin(batch, i, y + (uint64_t)list.y[s], x + (uint64_t)list.x[s]);
        sum += product;
      }
    }
  }
  return (double)sum;
}

static void measure(const operators *o, const fg_batch *batch, uint32_t i, double values[MOST]) {
  void *scratch = malloc(operators_scratch(o->window, fg_lattice_width(&batch->lattice)));
  operators_measure(o, batch, i, scratch, values);
  free(scratch);
}

/// Some products counted one by one, on each instruction set there is, that are not the plain ones.
static uint32_t wrong_products(const operators *o, const fg_batch *batch) {
  static const products_isa *const sets[] = {&products_portable, &products_popcnt, &products_avx512};
  enum { SOME = 24 };
  int64_t sums[SOME];
  uint32_t wrong = 0, total = operators_total(o), first = total < SOME ? 0 : total - SOME;
  uint16_t products[SOME];
  void *scratch = malloc(products_scratch(o->window, fg_lattice_width(&batch->lattice)));
  for (uint32_t n = 0; n < SOME; n++) products[n] = o->images[o->item[(first + n) % total].first_image];
  for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) {
    if (!sets[k]->usable()) continue;
    products_sum(sets[k], o->window, products, SOME, batch, 1, scratch, sums);
    for (uint32_t n = 0; n < SOME; n++) {
      const lattice_operator one = {.first_image = o->item[(first + n) % total].first_image, .image_count = 1};
      operators alone = *o;
      alone.item = (lattice_operator *)&one;
      wrong += fabs((double)sums[n] - value_plainly(&alone, 0, batch, 1)) > 0;
    }
  }
  free(scratch);
  return wrong;
}

/// A lattice that does not fit into a strip.
static void several_strips(void) {
  driver *d = driver_open("estimate.rg-matrix", "", 1);
  operators o;
  CHECK_INTEGER(operators_symmetric(&o, 3, 9), 0);
  fg_batch *batch = spins_random(driver_host(d), 300, 200, 2, 0.6, 5),
           *wide = spins_random(driver_host(d), 3, 40000, 2, 0.6, 6);
  CHECK_INTEGER(wrong_products(&o, batch), 0);
  CHECK_INTEGER(wrong_products(&o, wide), 0);
  driver_host(d)->batch_unref(driver_host(d), batch);
  driver_host(d)->batch_unref(driver_host(d), wide);
  operators_clear(&o);
  driver_close(d);
}

static void values_are_the_plain_ones(void) {
  static const uint64_t shapes[][2] = {{16, 16}, {20, 30}, {32, 33}, {1, 1},   {1, 2},   {2, 1},  {2, 2},  {3, 3},
                                       {2, 3},   {4, 4},   {5, 7},   {3, 8},   {8, 3},   {4, 9},  {6, 6},  {5, 15},
                                       {3, 16},  {2, 17},  {3, 31},  {2, 33},  {3, 63},  {3, 64}, {3, 65}, {2, 66},
                                       {1, 71},  {9, 10},  {2, 127}, {2, 128}, {2, 129}, {17, 2}};
  driver *d = driver_open("estimate.rg-matrix", "", 1);
  for (uint32_t window = 2; window <= 4; window++) {
    operators o;
    CHECK_INTEGER(operators_symmetric(&o, window, window == 4 ? 3 : 9), 0);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
      for (int up = 1; up < 5; up++) {
        fg_batch *batch = spins_random(driver_host(d), shapes[s][0], shapes[s][1], 2, up / 4.0, 10 * s + window);
        double values[MOST];
        uint32_t wrong = 0;
        measure(&o, batch, 1, values);
        for (uint32_t k = 0; k < operators_total(&o); k++)
          wrong += fabs(values[k] - value_plainly(&o, k, batch, 1)) > 0;
        wrong += wrong_products(&o, batch);
        CHECK_INTEGER(wrong, 0);
        if (wrong) printf(" (window %u, %d×%d)", window, (int)shapes[s][0], (int)shapes[s][1]);
        driver_host(d)->batch_unref(driver_host(d), batch);
      }
    }
    operators_clear(&o);
  }
  driver_close(d);
}

/// (y, x) ↦ a place of the transformed lattice.
static void transformed(int kind, uint64_t length, uint64_t y, uint64_t x, uint64_t *to_y, uint64_t *to_x) {
  *to_y = kind & 1 ? x : y;
  *to_x = kind & 1 ? y : x;
  if (kind & 2) *to_y = length - 1 - *to_y;
  if (kind & 4) *to_x = length - 1 - *to_x;
  *to_y = (*to_y + (uint64_t)(kind >> 3)) % length;
  *to_x = (*to_x + 2 * (uint64_t)(kind >> 3)) % length;
}

static void symmetries(void) {
  const uint64_t length = 13;
  driver *d = driver_open("estimate.rg-matrix", "", 1);
  fg_batch *batch = spins_random(driver_host(d), length, length, 1, 0.4, 3);
  fg_batch *other = spins_new(driver_host(d), length, length, 1);
  double values[MOST], images[MOST];
  for (uint32_t window = 2; window <= 4; window++) {
    operators o;
    CHECK_INTEGER(operators_symmetric(&o, window, window == 4 ? 4 : 9), 0);
    measure(&o, batch, 0, values);
    for (int kind = 0; kind < 32; kind++) {
      for (uint64_t y = 0; y < length; y++) {
        for (uint64_t x = 0; x < length; x++) {
          uint64_t to_y, to_x;
          transformed(kind, length, y, x, &to_y, &to_x);
          spin_set(other, 0, to_y, to_x, spin_get(batch, 0, y, x));
        }
      }
      measure(&o, other, 0, images);
      for (uint32_t k = 0; k < operators_total(&o); k++) CHECK_NEAR(images[k], values[k], 0);
    }
    for (uint64_t y = 0; y < length; y++)
      for (uint64_t x = 0; x < length; x++) spin_set(other, 0, y, x, !spin_get(batch, 0, y, x));
    measure(&o, other, 0, images);
    for (uint32_t k = 0; k < operators_total(&o); k++)
      CHECK_NEAR(images[k], k < o.count[0] ? values[k] : -values[k], 0);
    operators_clear(&o);
  }
  driver_host(d)->batch_unref(driver_host(d), batch);
  driver_host(d)->batch_unref(driver_host(d), other);
  driver_close(d);
}

// ---- the published ones

static void published_ones(void) {
  static const char *const texts[] = {
      [0] = "(0,0)",
      [1] = "(0,0) (1,0)",
      [5] = "(0,0) (2,2)",
      [6] = "(0,0) (0,1) (1,1)",
      [14] = "(0,0) (1,2) (2,0)",
      [16] = "(0,0) (0,1) (1,0) (1,1)",
      [30] = "(0,1) (1,0) (1,2) (2,1)",
      [32] = "(0,0) (0,1) (1,0) (1,1)",
      [35] = "(0,0) (0,2) (2,0) (2,2)",
  };
  operators o, all;
  CHECK_INTEGER(operators_published(&o), 0);
  CHECK_INTEGER(operators_symmetric(&all, 3, 4), 0);
  CHECK_INTEGER(o.count[0], 25);
  CHECK_INTEGER(o.count[1], 11);
  CHECK_INTEGER(o.item[0].label, 1);
  CHECK_INTEGER(o.item[25].label, 0);
  int seen[36] = {0};
  int classes = 0;
  for (uint32_t i = 0; i < 36; i++) {
    char text[OPERATORS_TEXT];
    const uint32_t label = o.item[i].label;
    CU_ASSERT_FATAL(label < 36);
    seen[label]++;
    CHECK_INTEGER(o.item[i].image_count, 1);
    CHECK_INTEGER(o.item[i].spins & 1, i >= 25);
    operators_text(&o, i, text);
    if (label < sizeof texts / sizeof *texts && texts[label]) CHECK_TEXT(text, texts[label]);
  }
  for (int label = 0; label < 36; label++) CHECK_INTEGER(seen[label], 1);

  // Up to orientation they are all with up to four spins, but for one that is there twice in place of another.
  for (uint32_t k = 0; k < operators_total(&all); k++) {
    int found = 0;
    for (uint32_t i = 0; i < 36; i++)
      found += alike(set_of(&o, o.images[o.item[i].first_image]), set_of(&all, all.images[all.item[k].first_image]));
    classes += found > 0;
  }
  CHECK_INTEGER(classes, 35);

  driver *d = driver_open("estimate.rg-matrix", "", 1);
  fg_batch *batch = spins_random(driver_host(d), 7, 70, 1, 0.7, 4);
  double values[MOST];
  const products_isa *const sets[] = {o.isa, &products_portable}; // one by one, if it is worth it, and by patterns
  for (int by = 0; by < 2; by++) {
    o.isa = sets[by];
    measure(&o, batch, 0, values);
    for (uint32_t k = 0; k < 36; k++) CHECK_NEAR(values[k], value_plainly(&o, k, batch, 0), 0);
  }
  driver_host(d)->batch_unref(driver_host(d), batch);
  driver_close(d);
  operators_clear(&o);
  operators_clear(&all);
}

int main(void) {
  static const check_case cases[] = {
      {"all are found, once", all_are_found_once},    {"how many there are", numbers_of_operators},
      {"order and words", order_and_words},           {"values are the plain ones", values_are_the_plain_ones},
      {"lattices of several strips", several_strips}, {"symmetries of the square, translations, flips", symmetries},
      {"the published ones", published_ones},         {0},
  };
  return check_main("operators", cases);
}
