// test_majority.c — coarsen.majority: majorities against a count spin by spin, what becomes of ties, what is kept, and
// that batches leave no trace.
#include "check.h"
#include "driver.h"
#include "spins.h"

/// A stage that has agreed on lattices of rows×width.
static driver *open_stage(const char *params, uint64_t rows, uint64_t width) {
  driver *d = driver_open("coarsen.majority", params, 7);
  fg_format in = format_of_spins(rows, width);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in}), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

/// Feeds one batch and returns what came out.
static const fg_batch *block(driver *d, const fg_batch *in) {
  CHECK_INTEGER(driver_feed_batch(d, 0, in), FG_OK);
  size_t count = driver_count(d, 0);
  return driver_message(d, 0, count - 1)->batch;
}

/// Up spins of the block (y, x).
static uint64_t up_in_block(const fg_batch *in, uint64_t c, uint64_t y, uint64_t x, uint64_t factor) {
  uint64_t up = 0;
  for (uint64_t dy = 0; dy < factor; dy++)
    for (uint64_t dx = 0; dx < factor; dx++) up += spin_get(in, c, factor * y + dy, factor * x + dx);
  return up;
}

/// Every block against the count; ties must be `tie` (0, 1; 2: anything).
static void check_blocks(const fg_batch *in, const fg_batch *out, uint64_t factor, unsigned tie) {
  int wrong = 0, ties = 0;
  CHECK_INTEGER(out->rows, in->rows / factor);
  CHECK_INTEGER(fg_lattice_width(&out->lattice), fg_lattice_width(&in->lattice) / factor);
  for (uint32_t c = 0; c < in->count; c++) {
    for (uint64_t y = 0; y < out->rows; y++) {
      for (uint64_t x = 0; x < fg_lattice_width(&out->lattice); x++) {
        uint64_t up = up_in_block(in, c, y, x, factor);
        unsigned spin = spin_get(out, c, y, x);
        if (2 * up == factor * factor) {
          ties++;
          wrong += tie < 2 && spin != tie;
        } else {
          wrong += spin != (2 * up > factor * factor);
        }
      }
    }
  }
  CHECK_INTEGER(wrong, 0);
  CU_ASSERT((factor % 2 == 0) == (ties > 0));
}

static void majorities(void) {
  static const struct {
    uint64_t rows, width, factor;
  } cases[] = {{8, 8, 2},    {6, 12, 3},   {192, 192, 3}, {64, 128, 2},
               {20, 130, 2}, {16, 140, 4}, {15, 75, 5},   {140, 210, 70}};
  static const struct {
    const char *name;
    unsigned tie;
  } rules[] = {{"random", 2}, {"configuration", 2}, {"up", 1}, {"down", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (size_t r = 0; r < 4; r++) {
      char params[80];
      snprintf(params, sizeof params, "factor: %d, ties: %s", (int)cases[i].factor, rules[r].name);
      driver *d = open_stage(params, cases[i].rows, cases[i].width);
      uint32_t count = cases[i].factor == 70 ? 100 : 5; // ties are rare in large blocks
      fg_batch *in = spins_random(driver_host(d), cases[i].rows, cases[i].width, count, 0.5, i);
      check_blocks(in, block(d, in), cases[i].factor, rules[r].tie);
      driver_host(d)->batch_unref(driver_host(d), in);
      driver_close(d);
    }
  }
}

static void what_is_kept(void) {
  driver *d = open_stage("", 4, 4);
  fg_batch *in = spins_random(driver_host(d), 4, 4, 3, 0.5, 1);
  in->first = 1000;
  in->chain = 3;
  in->level = 0;
  in->coupling = 0.44;
  const fg_batch *out = block(d, in);
  CHECK_INTEGER(out->first, 1000);
  CHECK_INTEGER(out->chain, 3);
  CHECK_INTEGER(out->level, -1);
  CU_ASSERT(isnan(out->coupling));
  CHECK_INTEGER(driver_format(d, 0)->shapes[0].extent[0], 2);
  driver_host(d)->batch_unref(driver_host(d), in);
  driver_close(d);
}

/// Checkerboards: every 2×2 block is a tie.
static fg_batch *checkerboards(const fg_host *host, uint64_t length, uint32_t count) {
  fg_batch *batch = spins_new(host, length, length, count);
  for (uint32_t c = 0; c < count; c++)
    for (uint64_t y = 0; y < length; y++)
      for (uint64_t x = 0; x < length; x++) spin_set(batch, c, y, x, (unsigned)(x + y) & 1);
  return batch;
}

static double fraction_up(const fg_batch *batch) {
  uint64_t up = 0, sites = fg_lattice_sites(&batch->lattice) * batch->count;
  for (uint32_t c = 0; c < batch->count; c++)
    for (uint64_t y = 0; y < batch->rows; y++)
      for (uint64_t x = 0; x < fg_lattice_width(&batch->lattice); x++) up += spin_get(batch, c, y, x);
  return (double)up / (double)sites;
}

/// Signs of 512000 ties: half are up, neighbours and successive configurations agree half the time, within 4σ; another
/// level has others.
static void random_ties(void) {
  driver *d = open_stage("", 32, 32);
  const fg_host *host = driver_host(d);
  fg_batch *in = checkerboards(host, 32, 2000);
  const fg_batch *out = block(d, in);
  double n = 2000.0 * 256, sigma = 0.5 / sqrt(n);
  CHECK_NEAR(fraction_up(out), 0.5, 4 * sigma);
  double beside = 0, next = 0;
  for (uint32_t c = 0; c < 2000; c++)
    for (uint64_t y = 0; y < 16; y++)
      for (uint64_t x = 0; x < 16; x++) {
        beside += spin_get(out, c, y, x) == spin_get(out, c, y, (x + 1) % 16);
        next += spin_get(out, c, y, x) == spin_get(out, (c + 1) % 2000, y, x);
      }
  CHECK_NEAR(beside / n, 0.5, 4 * sigma);
  CHECK_NEAR(next / n, 0.5, 4 * sigma);
  in->level = 1;
  const fg_batch *other = block(d, in);
  CU_ASSERT(!spins_equal(out, other));
  host->batch_unref(host, in);
  driver_close(d);
}

/// A tie's sign is the bit of the random sequence with its block's number, counted through the level's configurations.
static void signs_by_number(void) {
  static const uint64_t widths[] = {2, 10, 64, 126, 140, 300};
  for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
    driver *d = open_stage("", 6, widths[k]);
    const fg_host *host = driver_host(d);
    fg_batch *in = spins_random(host, 6, widths[k], 9, 0.5, k);
    in->first = 12345;
    in->level = -2;
    const fg_batch *out = block(d, in);
    const uint64_t width = widths[k] / 2;
    int wrong = 0;
    for (uint32_t c = 0; c < 9; c++)
      for (uint64_t y = 0; y < 3; y++)
        for (uint64_t x = 0; x < width; x++) {
          const uint64_t number = ((in->first + c) * 3 + y) * width + x;
          uint64_t bits[2];
          host->rng_fill(host->rng_key(host, "ties"), (fg_rng_counter){number / 128, (uint64_t)(int64_t)out->level},
                         bits, sizeof bits);
          wrong += up_in_block(in, c, y, x, 2) == 2 && spin_get(out, c, y, x) != fg_bit_get(bits, number % 128);
        }
    CHECK_INTEGER(wrong, 0);
    host->batch_unref(host, in);
    driver_close(d);
  }
}

static void one_sign_a_configuration(void) {
  driver *d = open_stage("ties: configuration", 8, 8);
  const fg_host *host = driver_host(d);
  fg_batch *in = checkerboards(host, 8, 2000);
  const fg_batch *out = block(d, in);
  int mixed = 0;
  for (uint32_t c = 0; c < 2000; c++)
    for (uint64_t y = 0; y < 4; y++)
      for (uint64_t x = 0; x < 4; x++) mixed += spin_get(out, c, y, x) != spin_get(out, c, 0, 0);
  CHECK_INTEGER(mixed, 0);
  CHECK_NEAR(fraction_up(out), 0.5, 4 * 0.5 / sqrt(2000));
  host->batch_unref(host, in);
  driver_close(d);
}

/// The same 600 configurations as one batch, and in batches of 1, 2, …: the same blocks.
static void batches_leave_no_trace(void) {
  static const char *const rules[] = {"ties: random", "ties: configuration"};
  for (size_t r = 0; r < 2; r++) {
    driver *d = open_stage(rules[r], 6, 6);
    const fg_host *host = driver_host(d);
    fg_batch *all = spins_random(host, 6, 6, 600, 0.5, 3);
    all->first = 77;
    const fg_batch *expected = block(d, all);
    int wrong = 0;
    for (uint32_t from = 0, size = 1; from < 600; from += size, size++) {
      uint32_t count = 600 - from < size ? 600 - from : size;
      fg_batch *part = spins_new(host, 6, 6, count);
      memcpy(part->data, fg_batch_row(all, from, 0), count * 6 * all->row_bytes);
      part->first = all->first + from;
      const fg_batch *out = block(d, part);
      for (uint32_t c = 0; c < count; c++)
        for (uint64_t y = 0; y < 3; y++) wrong += *fg_batch_row(out, c, y) != *fg_batch_row(expected, from + c, y);
      host->batch_unref(host, part);
    }
    CHECK_INTEGER(wrong, 0);
    host->batch_unref(host, all);
    driver_close(d);
  }
}

static void refused(uint64_t rows, uint64_t width, const char *params, const char *message) {
  driver *d = driver_open("coarsen.majority", params, 7);
  fg_format in = format_of_spins(rows, width);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in}), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refusals(void) {
  refused(32, 32, "factor: 3", "3 does not divide the size 32; nearest that do: 2 and 4");
  refused(9, 9, "", "2 does not divide the size 9; nearest that does: 3");
  refused(12, 8, "factor: 3", "3 does not divide the size 12x8; nearest that do: 2 and 4");
  refused(1, 1, "", "2 does not divide the size 1, and no factor divides all sizes that come in");
}

int main(void) {
  static const check_case cases[] = {
      {"majorities", majorities},
      {"what is kept", what_is_kept},
      {"random ties", random_ties},
      {"signs by number", signs_by_number},
      {"one sign a configuration", one_sign_a_configuration},
      {"batches leave no trace", batches_leave_no_trace},
      {"refusals", refusals},
      {NULL, NULL},
  };
  return check_main("coarsen.majority", cases);
}
