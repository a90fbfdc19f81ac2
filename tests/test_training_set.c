// test_training_set.c — the pairs train.adam keeps: every one comes back, once an epoch, in minibatches of one size and
// nearly equal length, in an order that is new for every epoch; the last are held out.
#include "check.h"
#include "drawn.h"
#include "driver.h"
#include "spins.h"

#include "../plugins/train/training_set.c"

#define SIZES 2u
static const uint32_t counts[SIZES] = {107, 41};
static const uint64_t lengths[SIZES] = {12, 33}; // coarse ones; rows of one word and of two
enum { BATCH = 10 };

/// Pairs that can be told apart: the number of a pair is written into its fine and coarse spins.
static drawn numbered(const fg_host *host, uint32_t size) {
  uint64_t length = lengths[size];
  drawn p = {spins_new(host, 2 * length, 2 * length, counts[size]), spins_new(host, length, length, counts[size])};
  for (uint32_t c = 0; c < counts[size]; c++) {
    for (uint32_t bit = 0; bit < 10; bit++) {
      spin_set(p.fine, c, 2 * length - 1, 2 * length - 1 - bit, c >> bit & 1);
      spin_set(p.coarse, c, length - 1, length - 1 - bit, c >> bit & 1);
    }
  }
  p.fine->level = 3 + (int)size;
  p.coarse->level = 2 + (int)size;
  return p;
}

static uint32_t number_of(const fg_batch *batch, uint32_t c) {
  uint64_t last = batch->rows - 1;
  uint32_t number = 0;
  for (uint32_t bit = 0; bit < 10; bit++) number |= spin_get(batch, c, last, last - bit) << bit;
  return number;
}

/// A set with both sizes, which come in turns, cut.
static training_set *filled(const fg_host *host, double share) {
  training_set *set = training_set_new(host, FG_SPIN1, 1u << 20);
  drawn p[SIZES] = {numbered(host, 0), numbered(host, 1)};
  for (uint32_t from = 0; from < counts[0]; from += 23) {
    for (uint32_t s = 0; s < SIZES; s++) {
      uint32_t left = from < counts[s] ? counts[s] - from : 0;
      if (!left) continue;
      drawn part = drawn_part(host, p[s], from, left < 23 ? left : 23);
      CHECK_INTEGER(training_set_add(set, part.fine, part.coarse), FG_OK);
      drawn_drop(host, part);
    }
  }
  for (uint32_t s = 0; s < SIZES; s++) drawn_drop(host, p[s]);
  CHECK_INTEGER(training_set_cut(set, share, BATCH, 0), FG_OK);
  return set;
}

/// The size of a minibatch; checks that its halves belong together.
static uint32_t size_of(const minibatch *m) {
  uint32_t size = m->fine->rows == 2 * lengths[1];
  CHECK_INTEGER(m->fine->rows, 2 * lengths[size]);
  CHECK_INTEGER(m->coarse->rows, lengths[size]);
  CHECK_INTEGER(m->fine->level, 3 + (int)size);
  CHECK_INTEGER(m->coarse->level, 2 + (int)size);
  CHECK_INTEGER(m->fine->count, m->coarse->count);
  CU_ASSERT(m->weight == NULL);
  for (uint32_t c = 0; c < m->fine->count; c++) CHECK_INTEGER(number_of(m->fine, c), number_of(m->coarse, c));
  return size;
}

static void parts(void) {
  driver *d = driver_open("train.adam", "", 5);
  training_set *set = filled(driver_host(d), 0.25);
  static const uint32_t learned[SIZES] = {81, 31};
  CHECK_INTEGER(training_set_pairs(set, TRAINING), 81 + 31);
  CHECK_INTEGER(training_set_pairs(set, HELD_OUT), 26 + 10);
  CHECK_INTEGER(training_set_spins(set, TRAINING), 81 * 24 * 24 + 31 * 66 * 66);
  CHECK_INTEGER(training_set_spins(set, HELD_OUT), 26 * 24 * 24 + 10 * 66 * 66);
  CHECK_INTEGER(training_set_minibatches(set, TRAINING), 9 + 4);
  CHECK_INTEGER(training_set_minibatches(set, HELD_OUT), 3 + 1);
  CHECK_NEAR(training_set_effective_share(set), 1, 0);
  for (training_part part = TRAINING; part <= HELD_OUT; part++) {
    uint32_t next[SIZES] = {0};
    for (uint32_t s = 0; part == HELD_OUT && s < SIZES; s++) next[s] = learned[s];
    for (uint64_t k = 0; k < training_set_minibatches(set, part); k++) {
      minibatch m;
      CHECK_INTEGER(training_set_take(set, part, k, &m), FG_OK);
      uint32_t size = size_of(&m);
      for (uint32_t c = 0; c < m.fine->count; c++) CHECK_INTEGER(number_of(m.fine, c), next[size]++);
      minibatch_clear(driver_host(d), &m);
    }
    for (uint32_t s = 0; s < SIZES; s++) CHECK_INTEGER(next[s], part == TRAINING ? learned[s] : counts[s]);
  }
  training_set_free(set);
  driver_close(d);
}

enum { MINIBATCHES = 11 + 5, EPOCHS = 400 };

/// 400 epochs: each has every pair once. Over them every pair is in every minibatch of its size alike, and the minibatches
/// of the small size in every turn alike: χ² within 4σ of its mean.
static void shuffles(void) {
  driver *d = driver_open("train.adam", "", 5);
  const fg_host *host = driver_host(d);
  training_set *set = filled(host, 0);
  CHECK_INTEGER(training_set_minibatches(set, TRAINING), MINIBATCHES);
  double where[107][MINIBATCHES] = {{0}}, turns[MINIBATCHES] = {0};
  for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
    training_set_shuffle(set, fg_rng_start(host->rng_fill, host->rng_key(host, "shuffle"), epoch));
    int seen[SIZES][107] = {{0}};
    for (uint64_t k = 0; k < MINIBATCHES; k++) {
      minibatch m;
      CHECK_INTEGER(training_set_take_shuffled(set, k, &m), FG_OK);
      uint32_t size = size_of(&m);
      CU_ASSERT(m.fine->count == (size ? 8 : 9) || m.fine->count == (size ? 9 : 10));
      turns[k] += size == 0;
      for (uint32_t c = 0; c < m.fine->count; c++) {
        seen[size][number_of(m.fine, c)]++;
        if (size == 0) where[number_of(m.fine, c)][k]++;
      }
      minibatch_clear(host, &m);
    }
    int wrong = 0;
    for (uint32_t s = 0; s < SIZES; s++)
      for (uint32_t c = 0; c < counts[s]; c++) wrong += seen[s][c] != 1;
    CHECK_INTEGER(wrong, 0);
  }
  double chi2 = 0, of_turns = 0;
  for (int k = 0; k < MINIBATCHES; k++) {
    double expected = (double)EPOCHS * 11 / MINIBATCHES;
    of_turns += (turns[k] - expected) * (turns[k] - expected) / (expected * (1 - 11.0 / MINIBATCHES));
    expected = (double)EPOCHS / MINIBATCHES;
    for (int c = 0; c < 107; c++) chi2 += (where[c][k] - expected) * (where[c][k] - expected) / expected;
  }
  CHECK_NEAR(of_turns, MINIBATCHES, 4 * sqrt(2 * MINIBATCHES));
  CHECK_NEAR(chi2, 107 * (MINIBATCHES - 1), 4 * sqrt(2 * 107 * (MINIBATCHES - 1)));
  training_set_free(set);
  driver_close(d);
}

/// The order is a function of the random numbers alone, not of the one before.
static void again(void) {
  driver *d = driver_open("train.adam", "", 5);
  const fg_host *host = driver_host(d);
  training_set *one = filled(host, 0.1), *other = filled(host, 0.1);
  fg_rng_key key = host->rng_key(host, "shuffle");
  training_set_shuffle(one, fg_rng_start(host->rng_fill, key, 1));
  training_set_shuffle(one, fg_rng_start(host->rng_fill, key, 9));
  training_set_shuffle(other, fg_rng_start(host->rng_fill, key, 9));
  for (uint64_t k = 0; k < training_set_minibatches(one, TRAINING); k++) {
    minibatch a, b;
    CHECK_INTEGER(training_set_take_shuffled(one, k, &a), FG_OK);
    CHECK_INTEGER(training_set_take_shuffled(other, k, &b), FG_OK);
    CU_ASSERT(spins_equal(a.fine, b.fine) && spins_equal(a.coarse, b.coarse));
    minibatch_clear(host, &a);
    minibatch_clear(host, &b);
  }
  training_set_free(one);
  training_set_free(other);
  driver_close(d);
}

/// What is counted as kept is what is kept, and no more than was allowed.
static void room(void) {
  driver *d = driver_open("train.adam", "", 5);
  const fg_host *host = driver_host(d);
  drawn p = numbered(host, 0);
  const uint64_t each = training_set_bytes(FG_SPIN1, &p.fine->lattice, &p.coarse->lattice, 1);
  CHECK_INTEGER(each, 24 * 8 + 12 * 8 + 40);
  CHECK_INTEGER(training_set_bytes(FG_SPIN1, &p.fine->lattice, &p.coarse->lattice, 107), 107 * each);
  CU_ASSERT(training_set_bytes(FG_SPIN1, &p.fine->lattice, &p.coarse->lattice, UINT64_MAX / 8) == UINT64_MAX);
  training_set *exact = training_set_new(host, FG_SPIN1, 107 * each),
               *less = training_set_new(host, FG_SPIN1, 107 * each - 1);
  CHECK_INTEGER(training_set_add(exact, p.fine, p.coarse), FG_OK);
  CHECK_INTEGER(training_set_add(less, p.fine, p.coarse), FG_FAILED);
  training_set_free(exact);
  training_set_free(less);
  drawn_drop(host, p);

  training_set *many = training_set_new(host, FG_SPIN1, 1u << 20); // of levels
  p = drawn_new(host, 3, published3, 3, 4, 1, 1);
  for (int level = 0; level <= 64; level++) {
    p.fine->level = level;
    CHECK_INTEGER(training_set_add(many, p.fine, p.coarse), level < 64 ? FG_OK : FG_FAILED);
  }
  CHECK_TEXT(driver_error(d), "more than 64 combinations of size and level come in; learn from fewer");
  training_set_free(many);
  drawn_drop(host, p);
  driver_close(d);
}

int main(void) {
  static const check_case cases[] = {
      {"parts", parts}, {"shuffles", shuffles}, {"again", again}, {"room", room}, {NULL, NULL},
  };
  return check_main("training_set", cases);
}
