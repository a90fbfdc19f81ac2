// test_potts_majority.c — coarsen.potts-majority: most frequent states against a count site by site, what becomes of
// ties, two states against coarsen.majority, what is kept, and that batches leave no trace.
#include "check.h"
#include "driver.h"
#include "sampling.h"
#include "spins.h"
#include "states.h"

#define KIND "coarsen.potts-majority"
#define STATES 256

/// A stage that has agreed on lattices of rows×width.
static driver *open_stage(const char *params, uint64_t rows, uint64_t width) {
  driver *d = driver_open(KIND, params, 7);
  fg_format in = format_of_states(rows, width);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in}), FG_OK);
  CHECK_TEXT(driver_error(d), "");
  return d;
}

/// Feeds one batch and returns what came out.
static const fg_batch *block(driver *d, const fg_batch *in) {
  CHECK_INTEGER(driver_feed_batch(d, 0, in), FG_OK);
  return driver_message(d, 0, driver_count(d, 0) - 1)->batch;
}

/// The most frequent states of the block (y, x), ascending; returns their number.
static unsigned winners(const fg_batch *in, uint64_t c, uint64_t y, uint64_t x, uint64_t factor, unsigned won[STATES]) {
  uint64_t count[STATES] = {0}, most = 0;
  for (uint64_t dy = 0; dy < factor; dy++)
    for (uint64_t dx = 0; dx < factor; dx++) count[state_get(in, c, factor * y + dy, factor * x + dx)]++;
  for (unsigned s = 0; s < STATES; s++) most = count[s] > most ? count[s] : most;
  unsigned found = 0;
  for (unsigned s = 0; s < STATES; s++)
    if (count[s] == most) won[found++] = s;
  return found;
}

enum { RANDOM, LOWEST, HIGHEST, RULES };
static const char *const rules[RULES] = {"random", "lowest", "highest"};

/// Every block against the count; there must be ties.
static void check_blocks(const fg_batch *in, const fg_batch *out, uint64_t factor, int rule) {
  uint64_t width = fg_lattice_width(&out->lattice), wrong = 0, ties = 0;
  CHECK_INTEGER(out->element, FG_STATE8);
  CHECK_INTEGER(out->rows, in->rows / factor);
  CHECK_INTEGER(width, fg_lattice_width(&in->lattice) / factor);
  for (uint32_t c = 0; c < in->count; c++) {
    for (uint64_t y = 0; y < out->rows; y++) {
      for (uint64_t x = 0; x < width; x++) {
        unsigned won[STATES], found = winners(in, c, y, x, factor, won), state = state_get(out, c, y, x), known = 0;
        for (unsigned k = 0; k < found; k++) known += won[k] == state;
        ties += found > 1;
        wrong += !known || (rule == LOWEST && state != won[0]) || (rule == HIGHEST && state != won[found - 1]);
      }
    }
  }
  CHECK_INTEGER(wrong, 0);
  CU_ASSERT(ties > 0);
}

static void majorities(void) {
  static const struct {
    uint64_t rows, width, factor;
    unsigned states;
    uint32_t count;
  } cases[] = {{8, 8, 2, 3, 5},       {6, 12, 3, 3, 5},   {192, 192, 3, 4, 5}, {64, 128, 2, 10, 5},
               {20, 26, 2, 256, 5},   {16, 140, 4, 2, 5}, {15, 75, 5, 7, 5},   {140, 210, 70, 3, 900},
               {30, 30, 30, 256, 50}, {2, 2, 2, 2, 200}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (int rule = 0; rule < RULES; rule++) {
      char params[80];
      snprintf(params, sizeof params, "factor: %d, ties: %s", (int)cases[i].factor, rules[rule]);
      driver *d = open_stage(params, cases[i].rows, cases[i].width);
      const fg_host *host = driver_host(d);
      fg_batch *in = states_random(host, cases[i].rows, cases[i].width, cases[i].count, cases[i].states, i);
      check_blocks(in, block(d, in), cases[i].factor, rule);
      host->batch_unref(host, in);
      driver_close(d);
    }
  }
}

static void what_is_kept(void) {
  driver *d = open_stage("", 4, 6);
  const fg_host *host = driver_host(d);
  fg_batch *in = states_random(host, 4, 6, 3, 5, 1);
  in->first = 1000;
  in->chain = 3;
  in->level = 0;
  in->coupling = 1.1;
  const fg_batch *out = block(d, in);
  CHECK_INTEGER(out->first, 1000);
  CHECK_INTEGER(out->chain, 3);
  CHECK_INTEGER(out->level, -1);
  CU_ASSERT(isnan(out->coupling));
  const fg_format *format = driver_format(d, 0);
  CHECK_INTEGER(format->element, FG_STATE8);
  CHECK_INTEGER(format->shapes[0].extent[0], 2);
  CHECK_INTEGER(format->shapes[0].extent[1], 3);
  unsigned padding = 0;
  for (uint64_t y = 0; y < 2; y++)
    for (uint64_t x = 3; x < out->row_bytes; x++) padding |= state_get(out, 2, y, x);
  CHECK_INTEGER(padding, 0);
  CHECK_INTEGER(driver_stage(d)->inputs[0]->elements, 1u << FG_STATE8);
  CHECK_INTEGER(driver_stage(d)->outputs[0]->elements, 1u << FG_STATE8);
  host->batch_unref(host, in);
  driver_close(d);
}

// ---- ties

/// `count` lattices of length×length whose blocks are all alike: site (dy, dx) of each in pattern[dy·factor + dx].
static fg_batch *tiled(const fg_host *host, uint64_t length, uint32_t count, uint64_t factor, const uint8_t *pattern) {
  fg_batch *batch = states_new(host, length, length, count);
  for (uint32_t c = 0; c < count; c++)
    for (uint64_t y = 0; y < length; y++)
      for (uint64_t x = 0; x < length; x++) state_set(batch, c, y, x, pattern[y % factor * factor + x % factor]);
  return batch;
}

/// Ties of `ways` states: what blocks become is uniform, jointly for pairs of neighbours, and for a block and that of
/// the next configuration; pairs do not overlap. The deviates of χ² must stay below 4, a chance of 3e-5 each.
static void check_uniform(uint64_t factor, const uint8_t *pattern, const uint8_t *tied, unsigned ways) {
  char params[40];
  const uint32_t count = 800;
  snprintf(params, sizeof params, "factor: %d", (int)factor);
  driver *d = open_stage(params, 16 * factor, 16 * factor);
  const fg_host *host = driver_host(d);
  fg_batch *in = tiled(host, 16 * factor, count, factor, pattern);
  const fg_batch *out = block(d, in);
  unsigned place[STATES];
  double beside[16] = {0}, next[16] = {0}, uniform[16] = {0};
  for (unsigned s = 0; s < STATES; s++) place[s] = ways;
  for (unsigned k = 0; k < ways; k++) place[tied[k]] = k;
  for (unsigned k = 0; k < ways * ways; k++) uniform[k] = 1.0 / (ways * ways);
  uint64_t wrong = 0;
  for (uint32_t c = 0; c < count; c++) {
    for (uint64_t y = 0; y < 16; y++) {
      for (uint64_t x = 0; x < 16; x++) {
        unsigned a = place[state_get(out, c, y, x)], b = place[state_get(out, c, y, (x + 1) % 16)];
        unsigned later = place[state_get(out, (c + 1) % count, y, x)];
        if (a == ways || b == ways || later == ways) {
          wrong++;
          continue;
        }
        beside[a * ways + b] += x % 2 == 0;
        next[a * ways + later] += c % 2 == 0;
      }
    }
  }
  CHECK_INTEGER(wrong, 0);
  CU_ASSERT(chi_squared_deviate(beside, uniform, ways * ways, 128.0 * count) < 4);
  CU_ASSERT(chi_squared_deviate(next, uniform, ways * ways, 128.0 * count) < 4);

  in->level = 1;
  const fg_batch *other = block(d, in);
  CU_ASSERT(memcmp(out->data, other->data, count * out->rows * out->row_bytes) != 0);
  host->batch_unref(host, in);
  driver_close(d);
}

static void random_ties(void) {
  check_uniform(2, (const uint8_t[]){0, 1, 1, 0}, (const uint8_t[]){0, 1}, 2);
  check_uniform(2, (const uint8_t[]){7, 2, 255, 0}, (const uint8_t[]){0, 2, 7, 255}, 4);
  check_uniform(3, (const uint8_t[]){2, 1, 0, 1, 0, 2, 0, 2, 1}, (const uint8_t[]){0, 1, 2}, 3);
  check_uniform(3, (const uint8_t[]){5, 1, 9, 9, 5, 3, 4, 5, 9}, (const uint8_t[]){5, 9},
                2); // 3, 3, and 1 of three more
}

/// The same 600 configurations as one batch, and in batches of 1, 2, …: the same blocks.
static void batches_leave_no_trace(void) {
  driver *d = open_stage("", 6, 6);
  const fg_host *host = driver_host(d);
  fg_batch *all = states_random(host, 6, 6, 600, 4, 3);
  all->first = 77;
  const fg_batch *expected = block(d, all);
  uint64_t wrong = 0;
  for (uint32_t from = 0, size = 1; from < 600; from += size, size++) {
    uint32_t count = 600 - from < size ? 600 - from : size;
    fg_batch *part = states_new(host, 6, 6, count);
    memcpy(part->data, fg_batch_row(all, from, 0), count * 6 * all->row_bytes);
    part->first = all->first + from;
    const fg_batch *out = block(d, part);
    wrong += memcmp(out->data, fg_batch_row(expected, from, 0), count * 3 * out->row_bytes) != 0;
    host->batch_unref(host, part);
  }
  CHECK_INTEGER(wrong, 0);
  all->first = 78;
  const fg_batch *moved = block(d, all);
  CU_ASSERT(memcmp(moved->data, expected->data, 600 * 3 * expected->row_bytes) != 0);
  host->batch_unref(host, all);
  driver_close(d);
}

/// A seed decides the ties, and nothing but the ties.
static void seeds(void) {
  fg_format format = format_of_states(32, 32);
  const fg_batch *out[3];
  driver *stages[3];
  for (int i = 0; i < 3; i++) {
    stages[i] = driver_open(KIND, "", i < 2 ? 1 : 2);
    const fg_host *host = driver_host(stages[i]);
    CHECK_INTEGER(driver_negotiate(stages[i], (const fg_format *const[]){&format}), FG_OK);
    fg_batch *in = tiled(host, 32, 20, 2, (const uint8_t[]){0, 1, 2, 2});
    for (uint64_t y = 0; y < 32; y++) // the first configuration: ties
      for (uint64_t x = 0; x < 32; x++) state_set(in, 0, y, x, (uint8_t)(x % 2));
    out[i] = block(stages[i], in);
    host->batch_unref(host, in);
  }
  size_t bytes = 16 * out[0]->row_bytes;
  CU_ASSERT(memcmp(out[0]->data, out[1]->data, 20 * bytes) == 0);
  CU_ASSERT(memcmp(out[0]->data, out[2]->data, bytes) != 0);
  CU_ASSERT(memcmp(fg_batch_row(out[0], 1, 0), fg_batch_row(out[2], 1, 0), 19 * bytes) == 0);
  for (int i = 0; i < 3; i++) driver_close(stages[i]);
}

/// Two states: the blocks of coarsen.majority; ties too where the rules are the same.
static void two_states_are_spins(void) {
  static const struct {
    int factor;
    const char *ties, *spin_ties;
  } cases[] = {{2, "lowest", "down"}, {2, "highest", "up"}, {3, "random", "random"}, {4, "highest", "up"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char params[80], spin_params[80];
    snprintf(params, sizeof params, "factor: %d, ties: %s", cases[i].factor, cases[i].ties);
    snprintf(spin_params, sizeof spin_params, "factor: %d, ties: %s", cases[i].factor, cases[i].spin_ties);
    driver *d = open_stage(params, 24, 24), *e = driver_open("coarsen.majority", spin_params, 7);
    fg_format format = format_of_spins(24, 24);
    CHECK_INTEGER(driver_negotiate(e, (const fg_format *const[]){&format}), FG_OK);
    fg_batch *states = states_random(driver_host(d), 24, 24, 50, 2, i), *spins = spins_new(driver_host(e), 24, 24, 50);
    for (uint32_t c = 0; c < 50; c++)
      for (uint64_t y = 0; y < 24; y++)
        for (uint64_t x = 0; x < 24; x++) spin_set(spins, c, y, x, state_get(states, c, y, x));
    const fg_batch *a = block(d, states), *b = block(e, spins);
    CHECK_INTEGER(a->rows, b->rows);
    uint64_t wrong = 0;
    for (uint32_t c = 0; c < 50; c++)
      for (uint64_t y = 0; y < b->rows; y++)
        for (uint64_t x = 0; x < b->rows; x++) wrong += state_get(a, c, y, x) != spin_get(b, c, y, x);
    CHECK_INTEGER(wrong, 0);
    driver_host(d)->batch_unref(driver_host(d), states);
    driver_host(e)->batch_unref(driver_host(e), spins);
    driver_close(d);
    driver_close(e);
  }
}

// ---- refusals

static void refused(uint64_t rows, uint64_t width, const char *params, const char *message) {
  driver *d = driver_open(KIND, params, 7);
  fg_format in = format_of_states(rows, width);
  CHECK_INTEGER(driver_negotiate(d, (const fg_format *const[]){&in}), FG_FAILED);
  CHECK_TEXT(driver_error(d), message);
  driver_close(d);
}

static void refusals(void) {
  refused(32, 32, "factor: 3", "3 does not divide the size 32; nearest that do: 2 and 4");
  refused(9, 9, "", "2 does not divide the size 9; nearest that does: 3");
  refused(1, 1, "", "2 does not divide the size 1, and no factor divides all sizes that come in");
  driver *d = driver_open(KIND, "ties: configuration", 7);
  CU_ASSERT(driver_self(d) == NULL);
  CU_ASSERT(strstr(driver_error(d), "ties") != NULL);
  driver_close(d);
}

int main(void) {
  static const check_case cases[] = {
      {"majorities", majorities},
      {"what is kept", what_is_kept},
      {"random ties", random_ties},
      {"batches leave no trace", batches_leave_no_trace},
      {"seeds", seeds},
      {"two states are spins", two_states_are_spins},
      {"refusals", refusals},
      {NULL, NULL},
  };
  return check_main(KIND, cases);
}
