// test_slices.c — the kernels of table networks draw, on every instruction set, what network.h says and what the
// network's own `sample` draws: all sizes, ranges of configurations, slabs, seeds and kinds of tables, bit for bit.
#include "check.h"
#include "driver.h"
#include "spins.h"

#include "plugins/generate/slices.h"
#include "rng.h"

#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const char *const names[] = {"portable", "avx2", "avx512"};
static driver *stage; ///< lends its host

/// Numbers that owe nothing to the code under test (splitmix64).
static uint64_t varied(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
  return z ^ z >> 31;
}

/// A batch whose padding and spins are anything: a kernel must write all of it.
static fg_batch *dirty(uint64_t rows, uint64_t width, uint32_t count, uint64_t first, int32_t level) {
  fg_batch *batch = spins_new(driver_host(stage), rows, width, count);
  memset(batch->data, 0xa5, count * rows * batch->row_bytes);
  batch->first = first;
  batch->level = level;
  return batch;
}

static void drop(fg_batch *batch) { driver_host(stage)->batch_unref(driver_host(stage), batch); }

static int same_bytes(const fg_batch *a, const fg_batch *b) {
  return a->count == b->count && a->rows == b->rows && memcmp(a->data, b->data, a->count * a->rows * a->row_bytes) == 0;
}

/// Draws a whole batch with every instruction set there is, and says how many of them differ from `expected`.
static int wrong_with(const slices_rule *rule, fg_rng_key key, const fg_batch *coarse, const fg_batch *expected) {
  int wrong = 0;
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    const slices_isa *isa = slices_choose(names[i]);
    if (!isa) continue;
    fg_batch *fine =
        dirty(expected->rows, fg_lattice_width(&expected->lattice), expected->count, expected->first, expected->level);
    const slices_job job = {rule, fg_rng_fill, key, coarse, fine, 0};
    isa->draw(&job, 0, slices_chunks(&job));
    if (!same_bytes(fine, expected)) {
      wrong++;
      printf("\n    %s differs: %u of %llu×%llu, first %llu ", names[i], coarse->count,
             (unsigned long long)coarse->rows, (unsigned long long)fg_lattice_width(&coarse->lattice),
             (unsigned long long)fine->first);
    }
    drop(fine);
  }
  return wrong;
}

// ---- against the network's own sample

typedef struct subject {
  const fg_network *network;
  fg_network_model *model;
  slices_rule rule;
} subject;

/// A network with weights around zero, times `scale`.
static subject *open_network(const char *kind, const char *hyperparameters, double scale, uint64_t *state) {
  const fg_host *host = driver_host(stage);
  subject *s = calloc(1, sizeof *s);
  double weights[200];
  s->network = host->lookup(host, kind, FG_NETWORK_EXTENSION);
  CU_ASSERT_FATAL(s->network != NULL);
  CHECK_INTEGER(s->network->open(host, hyperparameters, NULL, 0, &s->model), FG_OK);
  const uint64_t count = s->network->parameters(s->model);
  CU_ASSERT_FATAL(count <= COUNT_OF(weights));
  s->network->close(s->model);
  for (uint64_t k = 0; k < count; k++) weights[k] = scale * ((double)(varied(state) >> 11) * 0x1p-52 - 1);
  CHECK_INTEGER(s->network->open(host, hyperparameters, weights, count, &s->model), FG_OK);
  CHECK_INTEGER(slices_prepare(&s->rule, s->network->table(s->model)), 1);
  return s;
}

static subject *open_symmetric(int kernel, double scale, uint64_t *state) {
  char hyperparameters[32];
  snprintf(hyperparameters, sizeof hyperparameters, "{\"kernel\":%d}", kernel);
  return open_network("network.symmetric", hyperparameters, scale, state);
}

static void close_subject(subject *s) {
  s->network->close(s->model);
  free(s);
}

/// How many instruction sets differ from `sample`.
static int wrong_on(subject *s, uint64_t rows, uint64_t width, uint32_t count, uint64_t first, uint64_t *state) {
  const fg_host *host = driver_host(stage);
  const fg_rng_key key = {{varied(state), varied(state)}};
  const int32_t level = (int32_t)(varied(state) % 7) - 2;
  fg_batch *coarse = spins_random(host, rows, width, count, 0.5, varied(state));
  fg_batch *expected = dirty(2 * rows, 2 * width, count, first, level);
  CHECK_INTEGER(s->network->sample(s->model, host->rng_fill, key, coarse, expected, 0, count), FG_OK);
  int wrong = wrong_with(&s->rule, key, coarse, expected);
  drop(coarse);
  drop(expected);
  return wrong;
}

static void sizes(void) {
  static const struct {
    uint64_t rows, width;
    uint32_t count;
    uint64_t first;
  } cases[] = {
      {1, 1, 1, 0},     {1, 1, 700, 0},   {1, 1, 3, 1021},  {2, 2, 300, 0},   {4, 4, 77, 5},   {8, 8, 40, 3},
      {16, 16, 9, 1},   {32, 32, 3, 0},   {64, 64, 2, 0},   {64, 64, 2, 7},   {3, 3, 101, 2},  {6, 6, 60, 1},
      {12, 12, 11, 0},  {5, 5, 33, 4},    {7, 9, 15, 6},    {1, 2, 50, 1},    {2, 1, 50, 1},   {1, 64, 9, 3},
      {64, 1, 9, 3},    {1, 100, 7, 3},   {33, 31, 4, 9},   {20, 50, 3, 1},   {48, 48, 3, 0},  {10, 65, 5, 2},
      {9, 127, 3, 1},   {6, 128, 5, 3},   {3, 192, 4, 1},   {128, 128, 1, 0}, {5, 511, 2, 1},  {4, 512, 2, 1},
      {4, 513, 2, 1},   {455, 455, 1, 0}, {1, 8191, 2, 1},  {2, 8192, 1, 0},  {3, 8192, 1, 1}, {1, 8193, 2, 3},
      {3, 20000, 1, 1}, {2, 16384, 1, 5}, {2, 24576, 1, 0}, {1, 30011, 1, 2}, {1000, 3, 2, 1}, {256, 256, 2, 1},
      {16, 4096, 1, 0}, {4096, 16, 1, 1},
  };
  uint64_t state = 1;
  int wrong = 0;
  for (int kernel = 3; kernel <= 7; kernel += 2) {
    subject *s = open_symmetric(kernel, kernel == 3 ? 1.5 : 0.6, &state);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
      wrong += wrong_on(s, cases[i].rows, cases[i].width, cases[i].count, cases[i].first, &state);
    close_subject(s);
  }
  CHECK_INTEGER(wrong, 0);
}

/// Sizes, counts and first configurations at random; weights from weak to so strong that some spins have no choice.
static void many(void) {
  uint64_t state = 2;
  int wrong = 0;
  for (int trial = 0; trial < 150; trial++) {
    static const double scales[] = {0.3, 1, 3, 20};
    subject *s = open_symmetric(3 + 2 * (trial % 3), scales[trial / 3 % 4], &state);
    uint64_t rows = 1 + varied(&state) % 40, width = 1 + varied(&state) % (trial % 5 ? 90 : 1200);
    wrong += wrong_on(s, rows, width, 1 + (uint32_t)(varied(&state) % 5), varied(&state) >> 40, &state);
    close_subject(s);
  }
  CHECK_INTEGER(wrong, 0);
}

/// Networks that tell the positions in a block apart, or tabulate what they please.
static void other_networks(void) {
  static const struct {
    const char *kind, *hyperparameters;
  } cases[] = {{"network.conv", "{\"channels\":[4]}"},
               {"network.conv", "{\"channels\":[4],\"symmetrize\":\"d4+z2\"}"},
               {"network.table", "{\"window\":2}"},
               {"network.table", "{\"window\":3}"}};
  uint64_t state = 6;
  int wrong = 0;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    subject *s = open_network(cases[i].kind, cases[i].hyperparameters, 1, &state);
    wrong += wrong_on(s, 40, 64, 2, 3, &state);
    wrong += wrong_on(s, 9, 600, 2, 1, &state);
    close_subject(s);
  }
  CHECK_INTEGER(wrong, 0);
}

static void large(void) {
  uint64_t state = 3;
  subject *s = open_symmetric(3, 1, &state);
  CHECK_INTEGER(wrong_on(s, 2048, 2048, 1, 3, &state), 0); // to 4096²
  close_subject(s);
}

/// Chunks in any order, each to itself, make the same lattices; so do slabs.
static void pieces(void) {
  static const struct {
    uint64_t rows, width;
    uint32_t count;
    uint64_t slab; ///< fine rows
  } cases[] = {{64, 64, 9, 6},  {300, 300, 3, 14}, {3, 20000, 2, 2},
               {1, 1, 9000, 2}, {10, 8192, 2, 8},  {50, 70, 10, 100}};
  const fg_host *host = driver_host(stage);
  uint64_t state = 4;
  int wrong = 0;
  for (size_t i = 0; i < COUNT_OF(cases) * COUNT_OF(names); i++) {
    const slices_isa *isa = slices_choose(names[i % COUNT_OF(names)]);
    if (!isa) continue;
    const uint64_t rows = cases[i / COUNT_OF(names)].rows, width = cases[i / COUNT_OF(names)].width;
    const uint64_t slab = cases[i / COUNT_OF(names)].slab;
    const uint32_t count = cases[i / COUNT_OF(names)].count;
    subject *s = open_symmetric(i % 2 ? 5 : 3, 1, &state);
    const fg_rng_key key = {{varied(&state), varied(&state)}};
    fg_batch *coarse = spins_random(host, rows, width, count, 0.5, varied(&state));
    fg_batch *expected = dirty(2 * rows, 2 * width, count, 11, 4), *fine = dirty(2 * rows, 2 * width, count, 11, 4);
    CHECK_INTEGER(s->network->sample(s->model, host->rng_fill, key, coarse, expected, 0, count), FG_OK);
    slices_job job = {&s->rule, fg_rng_fill, key, coarse, fine, 0};
    for (uint64_t chunk = slices_chunks(&job); chunk-- > 0;) isa->draw(&job, chunk, chunk + 1);
    wrong += !same_bytes(fine, expected);
    for (uint32_t c = 0; c < count; c += count - 1) { // the first and the last
      for (uint64_t row = 0; row < 2 * rows; row += slab) {
        const uint64_t here = 2 * rows - row < slab ? 2 * rows - row : slab;
        fg_batch *part = host->slab_new(host, FG_SPIN1, &fine->lattice, row, here);
        part->first = 11 + c;
        part->level = 4;
        job.fine = part;
        job.first_row = c * rows + row / 2;
        isa->draw(&job, 0, slices_chunks(&job));
        wrong += memcmp(part->data, fg_batch_row(expected, c, row), here * part->row_bytes) != 0;
        drop(part);
      }
    }
    drop(coarse);
    drop(expected);
    drop(fine);
    close_subject(s);
  }
  CHECK_INTEGER(wrong, 0);
}

// ---- against network.h, for tables of any kind

/// The number u of a fine spin.
static uint32_t number_of(fg_rng_key key, int32_t level, uint64_t g, unsigned d) {
  uint32_t u = 0;
  for (unsigned p = 0; p < 16; p++) {
    uint8_t plane[64];
    fg_rng_counter counter = {((g / 512 * 4 + d) * 16 + p) * 4, (uint64_t)(int64_t)level};
    fg_rng_fill(key, counter, plane, sizeof plane);
    u |= (uint32_t)(plane[g % 512 / 8] >> g % 8 & 1) << p;
  }
  return u;
}

/// The pattern that the fine spin (fy, fx) sees.
static uint64_t pattern_of(const fg_network_table *table, const fg_batch *coarse, uint32_t c, uint64_t fy,
                           uint64_t fx) {
  const int64_t rows = (int64_t)coarse->rows, width = (int64_t)fg_lattice_width(&coarse->lattice);
  const int mirrored = table->positions != 4;
  uint64_t pattern = 0;
  for (uint32_t i = 0; i < table->window * table->window; i++) {
    int64_t dy = (int64_t)(i / table->window) - table->before, dx = (int64_t)(i % table->window) - table->before;
    if (mirrored && fy % 2) dy = -dy;
    if (mirrored && fx % 2) dx = -dx;
    int64_t y = (((int64_t)(fy / 2) + dy) % rows + rows) % rows, x = (((int64_t)(fx / 2) + dx) % width + width) % width;
    pattern |= (uint64_t)spin_get(coarse, c, (uint64_t)y, (uint64_t)x) << i;
  }
  return pattern;
}

/// A threshold: any, or one that leaves no choice.
static uint32_t any_threshold(uint64_t *state) {
  static const uint32_t special[] = {0, 65536, 1, 65535, 32768};
  uint64_t z = varied(state);
  return z % 3 ? (uint32_t)(z >> 20) % 65537 : special[z / 3 % COUNT_OF(special)];
}

static void tables(void) {
  static const struct {
    uint32_t window, before, positions;
    slices_form form;
    int even; ///< reversing all spins changes nothing
  } cases[] = {
      {2, 1, 0, SLICES_BY_CORNER, 1},  {2, 1, 0, SLICES_BY_PATTERN, 0}, {2, 1, 4, SLICES_BY_PATTERN, 1},
      {2, 0, 0, SLICES_BY_PATTERN, 0}, {1, 0, 0, SLICES_BY_PATTERN, 1}, {1, 0, 4, SLICES_BY_PATTERN, 0},
      {3, 1, 0, SLICES_BY_PATTERN, 0}, {3, 1, 1, SLICES_BY_PATTERN, 1}, {3, 1, 4, SLICES_BY_PATTERN, 0},
      {3, 2, 0, SLICES_BY_WINDOW, 0},  {4, 2, 0, SLICES_BY_WINDOW, 1},  {4, 1, 4, SLICES_BY_WINDOW, 0},
  };
  static const uint64_t extents[][2] = {{6, 7}, {8, 16}, {3, 70}, {1, 1}};
  const fg_host *host = driver_host(stage);
  uint64_t state = 5;
  int wrong = 0;
  for (size_t i = 0; i < COUNT_OF(cases) * COUNT_OF(extents); i++) {
    const size_t k = i / COUNT_OF(extents);
    const uint64_t *extent = extents[i % COUNT_OF(extents)], patterns = UINT64_C(1)
                                                                        << cases[k].window * cases[k].window;
    const uint64_t positions = cases[k].positions == 4 ? 4 : 1;
    uint32_t *thresholds = malloc(positions * patterns * sizeof *thresholds);
    for (uint64_t p = 0; p < positions * patterns; p++)
      thresholds[p] =
          cases[k].even && p % patterns >= patterns / 2 ? thresholds[p ^ (patterns - 1)] : any_threshold(&state);
    fg_network_table table = {sizeof table, cases[k].window, cases[k].before, cases[k].positions, thresholds};
    slices_rule *rule = malloc(sizeof *rule);
    CHECK_INTEGER(slices_prepare(rule, &table), 1);
    CHECK_INTEGER(rule->form, cases[k].form);
    const fg_rng_key key = {{varied(&state), varied(&state)}};
    fg_batch *coarse = spins_random(host, extent[0], extent[1], 3, 0.5, varied(&state));
    fg_batch *expected = spins_new(host, 2 * extent[0], 2 * extent[1], 3);
    expected->first = 1000;
    expected->level = i % 2 ? 6 : -1;
    for (uint32_t c = 0; c < 3; c++) {
      for (uint64_t y = 0; y < 2 * extent[0]; y++) {
        for (uint64_t x = 0; x < 2 * extent[1]; x++) {
          const unsigned d = (unsigned)(2 * (y % 2) + x % 2), parent = spin_get(coarse, c, y / 2, x / 2);
          const uint64_t g = (1000 + c) * extent[0] * extent[1] + y / 2 * extent[1] + x / 2;
          const uint32_t threshold =
              thresholds[(positions == 4 ? d * patterns : 0) + pattern_of(&table, coarse, c, y, x)];
          spin_set(expected, c, y, x, parent ^ (number_of(key, expected->level, g, d) < threshold));
        }
      }
    }
    wrong += wrong_with(rule, key, coarse, expected);
    drop(coarse);
    drop(expected);
    free(thresholds);
    free(rule);
  }
  CHECK_INTEGER(wrong, 0);
}

static void refused_tables(void) {
  static const uint32_t thresholds[1] = {0};
  static const uint32_t cases[][3] = {{0, 0, 0}, {5, 2, 0}, {2, 2, 0}, {4, 0, 0}, {4, 3, 0}, {1, 0, 2}, {1, 0, 5}};
  slices_rule *rule = malloc(sizeof *rule);
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    fg_network_table table = {sizeof table, cases[i][0], cases[i][1], cases[i][2], thresholds};
    CHECK_INTEGER(slices_prepare(rule, &table), 0);
  }
  free(rule);
}

// ---- which kernel

static void choosing(void) {
  const fg_host *host = driver_host(stage);
  CHECK_TEXT(slices_choose("portable")->name, "portable");
  CU_ASSERT(slices_choose("sse9") == NULL);
  const slices_isa *best = slices_choose(NULL);
  for (size_t i = 0; i < COUNT_OF(names); i++)
    if (slices_choose(names[i]) == best)
      break;
    else
      CU_ASSERT(i + 1 < COUNT_OF(names));
  unsetenv("FINEGRAIN_ISA");
  CU_ASSERT(slices_chosen(host) == best);
  setenv("FINEGRAIN_ISA", "", 1);
  CU_ASSERT(slices_chosen(host) == best);
  setenv("FINEGRAIN_ISA", "portable", 1);
  CU_ASSERT(slices_chosen(host) == &slices_portable);
  setenv("FINEGRAIN_ISA", "sse9", 1);
  CU_ASSERT(slices_chosen(host) == NULL);
  char expected[200];
  snprintf(expected, sizeof expected,
           "FINEGRAIN_ISA=sse9: no such instruction set; leave it unset, or choose portable%s%s",
           slices_choose("avx2") ? ", avx2" : "", slices_choose("avx512") ? ", avx512" : "");
  CHECK_TEXT(driver_error(stage), expected);
  driver *d = driver_open("generate.dream", "levels: 2, configurations: 5", 1);
  fg_format model = format_of_model(1);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&model, NULL}), FG_FAILED);
  CHECK_TEXT(driver_error(d), expected);
  driver_close(d);
  unsetenv("FINEGRAIN_ISA");
}

int main(void) {
  static const check_case cases[] = {
      {"sizes", sizes},
      {"many", many},
      {"other networks", other_networks},
      {"large", large},
      {"pieces", pieces},
      {"tables of any kind", tables},
      {"refused tables", refused_tables},
      {"choosing", choosing},
      {NULL, NULL},
  };
  stage = driver_open("generate.dream", "levels: 1, configurations: 1", 1);
  const int failed = check_main("slices", cases);
  driver_close(stage);
  return failed;
}
