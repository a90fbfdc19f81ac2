// test_agreement.c — estimate.agreement and the pairs it shares with estimate.rg-matrix: 2×2 blocks counted 64 at a
// time against blocks one by one; block spins against coarsen.majority, bit for bit; observables against their
// definitions, free spins and a published network; histograms; what must not change a table. Statistical tests: fixed
// seeds, 4σ.
#include "check.h"
#include "driver.h"
#include "pool.h"
#include "spins.h"

#include "plugins/estimate/pairs.c"

#include <stdlib.h>

// ---- blocks

/// Spins up in the block (y, x).
static unsigned up_in_block(const fg_batch *fine, uint64_t i, uint64_t y, uint64_t x) {
  unsigned up = 0;
  for (uint64_t k = 0; k < 4; k++) up += spin_get(fine, i, 2 * y + k / 2, 2 * x + k % 2);
  return up;
}

static void quartets_one_by_one(void) {
  driver *d = driver_open("estimate.agreement", "", 1);
  for (uint64_t width = 2; width <= 300; width += width < 140 ? 2 : 38) {
    fg_batch *fine = spins_random(driver_host(d), 2, width, 20, 0.5, width);
    uint64_t wrong = 0;
    for (uint32_t i = 0; i < fine->count; i++) {
      for (uint64_t k = 0; 128 * k < width; k++) {
        quartets blocks = quartets_of(fg_batch_row(fine, i, 0), fg_batch_row(fine, i, 1), k, fine->row_bytes / 8);
        for (uint64_t x = 0; x < 64; x++) {
          unsigned up = 64 * k + x < width / 2 ? up_in_block(fine, i, 0, 64 * k + x) : 0;
          wrong += (blocks.up >> x & 1) != (up > 2) || (blocks.tied >> x & 1) != (up == 2);
        }
      }
    }
    CHECK_INTEGER(wrong, 0);
    driver_host(d)->batch_unref(driver_host(d), fine);
  }
  driver_close(d);
}

/// Keeps copies of pairs.
typedef struct kept {
  const fg_host *host;
  size_t count;
  const fg_batch *coarse[8], *fine[8];
  double coupling;
} kept;

static fg_status keep(void *arg, const fg_batch *coarse, const fg_batch *fine, double coupling) {
  kept *k = arg;
  k->host->batch_ref(k->host, coarse);
  k->host->batch_ref(k->host, fine);
  k->coarse[k->count] = coarse;
  k->fine[k->count++] = fine;
  k->coupling = coupling;
  return FG_OK;
}

/// Two steps of coarsen.majority; its stage in the driver has the name, so the random ties, of ours.
static void blocks_are_the_coarseners(void) {
  static const uint64_t shapes[][2] = {{4, 4}, {8, 12}, {4, 132}, {64, 64}, {12, 256}, {20, 260}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    driver *coarsener[2] = {driver_open("coarsen.majority", "", 9), driver_open("coarsen.majority", "", 9)};
    driver *d = driver_open("estimate.agreement", "", 9);
    const pairs_config config = {.steps = 2};
    kept found = {.host = driver_host(d)};
    pairs p = {.host = driver_host(d), .config = &config, .kind = "test", .take = keep, .arg = &found, .smallest = 1};
    fg_format in = format_of_spins(shapes[s][0], shapes[s][1]),
              half = format_of_spins(shapes[s][0] / 2, shapes[s][1] / 2);
    uint64_t memory;
    CHECK_INTEGER(driver_negotiate(coarsener[0], (const fg_format *const[]){&in}), FG_OK);
    CHECK_INTEGER(driver_negotiate(coarsener[1], (const fg_format *const[]){&half}), FG_OK);
    CHECK_INTEGER(pairs_negotiate(&p, &in, NULL, &memory), FG_OK);
    CHECK_INTEGER(p.expected, 2);
    fg_batch *fine = spins_random(driver_host(d), shapes[s][0], shapes[s][1], 50, 0.5, s);
    fine->first = 1000 * s + 13;
    fine->chain = 3;
    fine->coupling = 0.25;
    fg_message message = {.size = sizeof message, .kind = FG_BATCH, .batch = fine};
    CHECK_INTEGER(pairs_process(&p, (const fg_message *const[]){&message}, 1), FG_OK);
    CHECK_INTEGER(driver_feed_batch(coarsener[0], 0, fine), FG_OK);
    const fg_batch *once = driver_message(coarsener[0], 0, 0)->batch;
    CHECK_INTEGER(driver_feed_batch(coarsener[1], 0, once), FG_OK);
    const fg_batch *twice = driver_message(coarsener[1], 0, 0)->batch;
    CU_ASSERT_FATAL(found.count == 2);
    CU_ASSERT(found.fine[0] == fine && found.fine[1] == found.coarse[0]);
    CU_ASSERT(spins_equal(found.coarse[0], once) && spins_equal(found.coarse[1], twice));
    CHECK_INTEGER(found.coarse[1]->level, -2);
    CHECK_INTEGER(found.coarse[1]->first, 1000 * s + 13);
    CHECK_INTEGER(found.coarse[1]->chain, 3);
    CU_ASSERT(isnan(found.coarse[0]->coupling));
    CHECK_NEAR(found.coupling, 0.25, 0);
    for (size_t k = 0; k < 2; k++) {
      driver_host(d)->batch_unref(driver_host(d), found.coarse[k]);
      driver_host(d)->batch_unref(driver_host(d), found.fine[k]);
    }
    driver_host(d)->batch_unref(driver_host(d), fine);
    pairs_clear(&p);
    driver_close(coarsener[0]);
    driver_close(coarsener[1]);
    driver_close(d);
  }
}

// ---- a stage by hand

static driver *open_stage(const char *params, uint64_t rows, uint64_t width, int both) {
  driver *d = driver_open("estimate.agreement", params, 1);
  fg_format fine = format_of_spins(rows, width), coarse = format_of_spins(rows / 2, width / 2);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&fine, both ? &coarse : NULL}), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

static void finish(driver *d) {
  CHECK_INTEGER(driver_finish(d), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  CHECK_INTEGER(driver_count(d, 0), 2);
}

static double value(const driver *d, const char *size, int level, const char *observable) {
  return driver_estimate(d, 0, size, level, observable, "value");
}

static void check_value(const driver *d, const char *size, int level, const char *observable, double exact,
                        double largest_error) {
  double error = driver_estimate(d, 0, size, level, observable, "error");
  CHECK_NEAR(value(d, size, level, observable), exact, 4 * error);
  CHECK_NEAR(error, largest_error / 2, largest_error / 2);
}

static int same_output(const driver *a, const driver *b) {
  for (size_t t = 0; t < 2; t++) {
    const fg_table *one = driver_message(a, 0, t)->table, *two = driver_message(b, 0, t)->table;
    if (one->row_count != two->row_count || one->column_count != two->column_count) return 0;
    for (uint64_t i = 0; i < one->row_count * one->column_count; i++) {
      uint32_t type = one->columns[i % one->column_count]->type;
      if (type == FG_COLUMN_TEXT ? strcmp(one->cells[i].text, two->cells[i].text) != 0
                                 : one->cells[i].integer != two->cells[i].integer)
        return 0;
    }
  }
  return 1;
}

/// The observables of coarse and fine lattices that have nothing to do with each other, from their definitions.
static void definitions(void) {
  static const struct {
    const char *size;
    uint64_t rows, width;
    double up;
  } cases[] = {{"2", 2, 2, 0.5}, {"8", 8, 8, 0.5}, {"6x70", 6, 70, 0.7}, {"70x6", 70, 6, 0.4}, {"4x256", 4, 256, 0.5}};
  for (size_t s = 0; s < sizeof cases / sizeof *cases; s++) {
    driver *d = open_stage("", cases[s].rows, cases[s].width, 1);
    const fg_host *host = driver_host(d);
    const double blocks = (double)(cases[s].rows * cases[s].width / 4);
    double agree = 0, tied = 0, squares = 0, n = 0;
    for (uint64_t b = 0; b < 3; b++) {
      fg_batch *fine = spins_random(host, cases[s].rows, cases[s].width, 30, cases[s].up, 10 * s + b);
      fg_batch *coarse = spins_random(host, cases[s].rows / 2, cases[s].width / 2, 30, 0.5, 500 + 10 * s + b);
      fine->level = coarse->level = 2;
      CHECK_INTEGER(driver_feed_pair(d, 0, fine, coarse), FG_OK);
      for (uint32_t i = 0; i < 30; i++, n++) {
        unsigned ties = 0;
        for (uint64_t y = 0; y < coarse->rows; y++) {
          for (uint64_t x = 0; x < cases[s].width / 2; x++) {
            unsigned up = up_in_block(fine, i, y, x);
            ties += up == 2;
            agree += up != 2 && (up > 2) == spin_get(coarse, i, y, x);
          }
        }
        tied += ties;
        squares += ties * ties;
      }
      host->batch_unref(host, fine);
      host->batch_unref(host, coarse);
    }
    finish(d);
    agree /= n, tied /= n, squares /= n;
    CHECK_NEAR(value(d, cases[s].size, 2, "agreement"), (agree + tied / 2) / blocks, 1e-12);
    CHECK_NEAR(value(d, cases[s].size, 2, "agreement_strict"), agree / blocks, 1e-12);
    CHECK_NEAR(value(d, cases[s].size, 2, "tied_blocks"), tied / blocks, 1e-12);
    CHECK_NEAR(value(d, cases[s].size, 2, "tied_blocks_variance"), (squares - tied * tied) / blocks, 1e-11);
    CHECK_NEAR(driver_estimate(d, 0, cases[s].size, 2, "agreement", "n"), 90, 0);
    CU_ASSERT(isnan(driver_estimate(d, 0, cases[s].size, 2, "agreement", "exact")));
    driver_close(d);
  }
}

/// Free spins: 6 of 16 blocks are tied, independently; their own block spins agree but for ties, foreign parents half
/// the time.
static void free_spins(void) {
  driver *alone = open_stage("steps: 2", 32, 32, 0), *foreign = open_stage("", 32, 32, 1);
  fg_batch *fine = spins_random(driver_host(alone), 32, 32, 4000, 0.5, 1);
  fg_batch *coarse = spins_random(driver_host(alone), 16, 16, 4000, 0.5, 2);
  CHECK_INTEGER(driver_feed_batch(alone, 0, fine), FG_OK);
  CHECK_INTEGER(driver_feed_pair(foreign, 0, fine, coarse), FG_OK);
  finish(alone);
  finish(foreign);
  for (int step = 0; step < 2; step++) {
    const char *size = step ? "16" : "32";
    check_value(alone, size, -step, "tied_blocks", 0.375, 0.002);
    check_value(alone, size, -step, "tied_blocks_variance", 0.375 * 0.625, 0.01);
    check_value(alone, size, -step, "agreement", 1 - 0.375 / 2, 0.001);
    double tied = value(alone, size, -step, "tied_blocks");
    CHECK_NEAR(value(alone, size, -step, "agreement"), 1 - tied / 2, 1e-12);
    CHECK_NEAR(value(alone, size, -step, "agreement_strict"), 1 - tied, 1e-12);
  }
  check_value(foreign, "32", 0, "agreement", 0.5, 0.001);
  check_value(foreign, "32", 0, "agreement_strict", 0.625 / 2, 0.001);
  CHECK_NEAR(driver_estimate(foreign, 0, "32", 0, "agreement", "tau_int"), 0.5, 0.1);
  driver_host(alone)->batch_unref(driver_host(alone), fine);
  driver_host(alone)->batch_unref(driver_host(alone), coarse);
  driver_close(alone);
  driver_close(foreign);
}

/// Blocks that a network of three published parameters draws agree with their parents to 95.7%, ties counted ½. Every
/// level of the dream is paired with the next, and only so.
static void published_network(void) {
  driver *dream = driver_open("generate.dream", "levels: 7, configurations: 400", 2);
  const fg_host *host = driver_host(dream);
  fg_format model_format = format_of_model(1);
  fg_model *model = host->model_new(host, "network.symmetric", "{\"kernel\":3}", published3, 3);
  // Its further inputs are optional.
  CHECK_INTEGER(driver_negotiate(dream, (const fg_format *const[8]){&model_format}), FG_OK);
  CHECK_INTEGER(driver_feed_model(dream, 0, model), FG_OK);
  CHECK_INTEGER(driver_end(dream, 0), FG_OK);
  CHECK_INTEGER(driver_finish(dream), FG_OK);
  host->model_unref(host, model);
  driver *d = driver_open("estimate.agreement", "", 1);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){driver_format(dream, 0), NULL}), FG_OK);
  for (size_t i = 0; i < driver_count(dream, 0); i++)
    CHECK_INTEGER(driver_feed_batch(d, 0, driver_message(dream, 0, i)->batch), FG_OK);
  finish(d);
  const fg_table *estimates = driver_message(d, 0, 0)->table;
  CHECK_INTEGER(estimates->row_count, 7 * 4);
  CHECK_NEAR(value(d, "128", 7, "agreement"), 0.957, 0.001);
  CHECK_NEAR(value(d, "128", 7, "agreement_strict"), 0.929, 0.0015);
  check_value(d, "128", 7, "agreement", 0.9567, 0.0003);
  driver_close(d);
  driver_close(dream);
}

// ---- histograms

/// Blocks that are tied as told: 0, 1, …
static fg_batch *tied_lattices(const fg_host *host, uint64_t length, const uint64_t *tied, uint32_t count) {
  fg_batch *fine = spins_new(host, length, length, count);
  for (uint32_t i = 0; i < count; i++)
    for (uint64_t b = 0; b < tied[i]; b++)
      for (uint64_t k = 0; k < 2; k++) spin_set(fine, i, 2 * (b / (length / 2)) + k, 2 * (b % (length / 2)), 1);
  return fine;
}

static void check_row(const fg_table *ties, uint64_t row, int64_t from, int64_t to, int64_t configurations) {
  const fg_cell *cells = ties->cells + row * ties->column_count;
  CHECK_INTEGER(cells[2].integer, from);
  CHECK_INTEGER(cells[3].integer, to);
  CHECK_INTEGER(cells[4].integer, configurations);
}

static void histograms(void) {
  static const uint64_t few[] = {5, 3, 5, 9, 3, 5};
  driver *d = open_stage("steps: 1", 8, 8, 0);
  fg_batch *fine = tied_lattices(driver_host(d), 8, few, 6);
  CHECK_INTEGER(driver_feed_batch(d, 0, fine), FG_OK);
  finish(d);
  const fg_table *ties = driver_message(d, 0, 1)->table;
  CHECK_TEXT(ties->name, "ties");
  CHECK_INTEGER(ties->row_count, 7);
  static const int64_t counted[] = {2, 0, 3, 0, 0, 0, 1};
  for (uint64_t row = 0; row < 7; row++) check_row(ties, row, (int64_t)row + 3, (int64_t)row + 3, counted[row]);
  CHECK_TEXT(ties->cells[0].text, "8");
  driver_host(d)->batch_unref(driver_host(d), fine);
  driver_close(d);

  static const uint64_t many[] = {0, 1023, 1024, 500}; // 1025 numbers in rows of 17
  d = open_stage("steps: 1", 64, 64, 0);
  fine = tied_lattices(driver_host(d), 64, many, 4);
  CHECK_INTEGER(driver_feed_batch(d, 0, fine), FG_OK);
  finish(d);
  ties = driver_message(d, 0, 1)->table;
  CHECK_INTEGER(ties->row_count, 61);
  check_row(ties, 0, 0, 16, 1);
  check_row(ties, 500 / 17, 493, 509, 1);
  check_row(ties, 60, 1020, 1024, 2);
  driver_host(d)->batch_unref(driver_host(d), fine);
  driver_close(d);

  static const uint64_t large[] = {0, 90000}; // 90000 blocks, two numbers a counter
  d = open_stage("steps: 1", 600, 600, 0);
  fine = tied_lattices(driver_host(d), 600, large, 2);
  CHECK_INTEGER(driver_feed_batch(d, 0, fine), FG_OK);
  finish(d);
  ties = driver_message(d, 0, 1)->table;
  int64_t configurations = 0;
  for (uint64_t row = 0; row < ties->row_count; row++)
    configurations += ties->cells[row * ties->column_count + 4].integer;
  CHECK_INTEGER(configurations, 2);
  CHECK_INTEGER(ties->cells[(ties->row_count - 1) * ties->column_count + 3].integer, 90000);
  CHECK_NEAR(value(d, "600", 0, "tied_blocks"), 0.5, 1e-15);
  driver_host(d)->batch_unref(driver_host(d), fine);
  driver_close(d);
}

// ---- what must not matter

static void feed_in_batches(driver *d, const fg_batch *all, uint32_t size) {
  const fg_host *host = driver_host(d);
  const uint64_t bytes = all->rows * all->row_bytes;
  for (uint32_t from = 0; from < all->count; from += size) {
    uint32_t count = all->count - from < size ? all->count - from : size;
    fg_batch *part = host->batch_new(host, all->element, &all->lattice, count);
    memcpy(part->data, (const char *)all->data + from * bytes, count * bytes);
    part->first = all->first + from;
    CHECK_INTEGER(driver_feed_batch(d, 0, part), FG_OK);
    host->batch_unref(host, part);
  }
  finish(d);
}

static fg_host *host_of(driver *d) { return (fg_host *)(uintptr_t)driver_host(d); }

/// parallel_for from the last index to the first.
static fg_status backwards(const fg_host *host, uint64_t count, fg_status (*body)(void *arg, uint64_t index),
                           void *arg) {
  (void)host;
  fg_status status = FG_OK;
  while (count-- > 0 && status == FG_OK) status = body(arg, count);
  return status;
}

/// parallel_for on four threads.
static fg_status on_threads(const fg_host *host, uint64_t count, fg_status (*body)(void *arg, uint64_t index),
                            void *arg) {
  (void)host;
  fg_pool *pool = fg_pool_new(4);
  if (!pool) abort();
  fg_pool_acquire(pool);
  fg_status status = fg_pool_for(pool, count, body, arg, NULL);
  fg_pool_release(pool);
  fg_pool_free(pool);
  return status;
}

static void batches_and_threads(void) {
  driver *first = open_stage("", 24, 24, 0);
  fg_batch *all = spins_random(driver_host(first), 24, 24, 5000, 0.5, 4);
  feed_in_batches(first, all, 5000);
  for (int variant = 0; variant < 5; variant++) {
    static const uint32_t sizes[] = {1, 7, 1000, 5000, 5000};
    driver *d = open_stage("", 24, 24, 0);
    if (variant > 2) host_of(d)->parallel_for = variant == 3 ? backwards : on_threads;
    feed_in_batches(d, all, sizes[variant]);
    CU_ASSERT(same_output(d, first));
    driver_close(d);
  }
  driver_host(first)->batch_unref(driver_host(first), all);
  driver_close(first);
}

// ---- refusals

static void check_refusal(const char *params, const fg_format *fine, const fg_format *coarse, const char *expected) {
  driver *d = driver_open("estimate.agreement", params, 1);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){fine, coarse}), FG_FAILED);
  CHECK_TEXT(driver_error(d), expected);
  driver_close(d);
}

/// Those it shares with estimate.rg-matrix are tested there.
static void refusals(void) {
  fg_format twelve = format_of_spins(12, 12), four = format_of_spins(4, 4), odd = format_of_spins(3, 3);
  fg_format dream = format_of_spins(1, 1);
  dream.shapes[dream.shape_count++] = fg_lattice_square(2);
  check_refusal(
      "", &twelve, &four,
      "fine lattices of size 12 do not go with coarse ones of size 4: they must be 2 times as large; block with "
      "factor: 2");
  check_refusal("route: block", &odd, NULL,
                "block needs even sizes, but size 3 comes in; change the size, or connect input 'coarse'");

  driver *d = driver_open("estimate.agreement", "", 1);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&dream, NULL}), FG_OK);
  fg_batch *one = spins_new(driver_host(d), 1, 1, 4), *far = spins_new(driver_host(d), 6, 6, 4);
  far->level = 1;
  CHECK_INTEGER(driver_feed_batch(d, 0, one), FG_OK);
  CHECK_INTEGER(driver_feed_batch(d, 0, far), FG_FAILED);
  CHECK_TEXT(driver_error(d),
             "fine lattices of size 6 do not go with coarse ones of size 1: they must be 2 times as large; "
             "block with factor: 2");
  driver_host(d)->batch_unref(driver_host(d), one);
  driver_host(d)->batch_unref(driver_host(d), far);
  driver_close(d);
}

/// 8192 chains are measured; one more is refused.
static void chain_limit(void) {
  driver *d = open_stage("steps: 1", 2, 2, 0);
  fg_batch *batch = spins_new(driver_host(d), 2, 2, 1);
  for (uint32_t c = 0; c < 8192; c++) {
    batch->chain = 7 * c;
    if (driver_feed_batch(d, 0, batch) != FG_OK) CU_FAIL("a chain within the limit is refused");
  }
  batch->chain = 1;
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_FAILED);
  CHECK_TEXT(driver_error(d),
             "more than 8192 Markov chains come in, counted for every pair of lattices; use fewer chains or several "
             "estimate.agreement stages");
  driver_host(d)->batch_unref(driver_host(d), batch);
  driver_close(d);
}

static int always(const fg_host *host) {
  (void)host;
  return 1;
}

static void nothing_and_cancelled(void) {
  driver *d = open_stage("", 8, 8, 0);
  finish(d);
  CHECK_INTEGER(driver_message(d, 0, 0)->table->row_count, 0);
  driver_close(d);
  d = open_stage("", 8, 8, 0);
  host_of(d)->cancelled = always;
  fg_batch *batch = spins_new(driver_host(d), 8, 8, 5);
  CHECK_INTEGER(driver_feed_batch(d, 0, batch), FG_CANCELLED);
  driver_host(d)->batch_unref(driver_host(d), batch);
  driver_close(d);
}

int main(void) {
  static const check_case cases[] = {
      {"blocks one by one", quartets_one_by_one},
      {"blocks are the coarsener's", blocks_are_the_coarseners},
      {"definitions", definitions},
      {"free spins", free_spins},
      {"a published network", published_network},
      {"histograms", histograms},
      {"batches and threads leave no trace", batches_and_threads},
      {"refusals", refusals},
      {"too many chains", chain_limit},
      {"nothing, and cancelled", nothing_and_cancelled},
      {0},
  };
  return check_main("estimate.agreement", cases);
}
