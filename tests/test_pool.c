// test_pool.c — run tokens and parallel_for: every index once, never more threads than tokens, failures by index.
#include "check.h"

#include "pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT 1000

typedef struct job {
  fg_pool *pool;
  atomic_int inside, most;
  atomic_uint calls[COUNT];
  uint64_t fail_from; ///< indices from here on fail
} job;

static fg_status body(void *arg, uint64_t index) {
  job *j = arg;
  int now = atomic_fetch_add(&j->inside, 1) + 1;
  for (int most = atomic_load(&j->most); now > most && !atomic_compare_exchange_weak(&j->most, &most, now);) {}
  atomic_fetch_add(&j->calls[index], 1);
  if (index % 100 == 0) usleep(1000);
  atomic_fetch_sub(&j->inside, 1);
  return index >= j->fail_from ? (index == j->fail_from ? FG_FAILED : FG_CANCELLED) : FG_OK;
}

static job *new_job(unsigned tokens) {
  job *j = calloc(1, sizeof *j);
  j->pool = fg_pool_new(tokens);
  j->fail_from = COUNT;
  return j;
}

static void every_index_once(void) {
  for (unsigned tokens = 1; tokens <= 4; tokens++) {
    job *j = new_job(tokens);
    fg_pool_acquire(j->pool);
    CHECK_INTEGER(fg_pool_for(j->pool, COUNT, body, j, NULL), FG_OK);
    fg_pool_release(j->pool);
    unsigned wrong = 0;
    for (int i = 0; i < COUNT; i++) wrong += atomic_load(&j->calls[i]) != 1;
    CHECK_INTEGER(wrong, 0);
    CU_ASSERT(atomic_load(&j->most) <= (int)tokens);
    if (tokens > 1) CU_ASSERT(atomic_load(&j->most) > 1);
    fg_pool_free(j->pool);
    free(j);
  }
}

/// With no token to spare, the caller does all the work alone.
static void no_token_no_help(void) {
  job *j = new_job(2);
  fg_pool_acquire(j->pool);
  fg_pool_acquire(j->pool); // a second stage is busy
  CHECK_INTEGER(fg_pool_for(j->pool, COUNT, body, j, NULL), FG_OK);
  CHECK_INTEGER(atomic_load(&j->most), 1);
  fg_pool_release(j->pool);
  fg_pool_release(j->pool);
  fg_pool_free(j->pool);
  free(j);
}

static void smallest_failure_wins(void) {
  job *j = new_job(3);
  j->fail_from = 17;
  fg_pool_acquire(j->pool);
  // Index 17 alone returns FG_FAILED; it was begun before any larger index could stop it.
  CHECK_INTEGER(fg_pool_for(j->pool, COUNT, body, j, NULL), FG_FAILED);
  CU_ASSERT(atomic_load(&j->calls[COUNT - 1]) == 0);
  fg_pool_release(j->pool);
  fg_pool_free(j->pool);
  free(j);
}

static void cancelled_stops(void) {
  job *j = new_job(2);
  atomic_int cancelled = 1;
  fg_pool_acquire(j->pool);
  CHECK_INTEGER(fg_pool_for(j->pool, COUNT, body, j, &cancelled), FG_CANCELLED);
  CHECK_INTEGER(atomic_load(&j->calls[0]), 0);
  fg_pool_release(j->pool);
  fg_pool_free(j->pool);
  free(j);
}

static fg_status outer(void *arg, uint64_t index) {
  job *j = arg;
  (void)index;
  return fg_pool_for(j->pool, COUNT, body, j, NULL);
}

static void nested_runs_serially(void) {
  job *j = new_job(2);
  fg_pool_acquire(j->pool);
  CHECK_INTEGER(fg_pool_for(j->pool, 4, outer, j, NULL), FG_OK);
  CHECK_INTEGER(atomic_load(&j->calls[5]), 4);
  fg_pool_release(j->pool);
  fg_pool_free(j->pool);
  free(j);
}

typedef struct turn {
  fg_pool *pool;
  atomic_int came;
} turn;

static void *come(void *arg) {
  turn *t = arg;
  fg_pool_acquire(t->pool);
  atomic_store(&t->came, 1);
  fg_pool_release(t->pool);
  return NULL;
}

static fg_status nothing(void *arg, uint64_t index) {
  (void)arg;
  (void)index;
  return FG_OK;
}

/// A stage that never waits lets others have their turn, between two steps and at the end of a parallel_for.
static void nobody_starves(void) {
  for (int yields = 0; yields < 2; yields++) {
    turn t = {.pool = fg_pool_new(1)};
    pthread_t other;
    fg_pool_acquire(t.pool);
    CHECK_INTEGER(pthread_create(&other, NULL, come, &t), 0);
    for (int i = 0; i < 10000000 && !atomic_load(&t.came); i++) {
      if (yields)
        fg_pool_yield(t.pool);
      else
        fg_pool_for(t.pool, 1, nothing, NULL, NULL);
    }
    CHECK_INTEGER(atomic_load(&t.came), 1);
    fg_pool_release(t.pool);
    pthread_join(other, NULL);
    fg_pool_free(t.pool);
  }
}

int main(void) {
  static const check_case cases[] = {{"every index once", every_index_once},
                                     {"no token, no help", no_token_no_help},
                                     {"the smallest failing index wins", smallest_failure_wins},
                                     {"cancelled", cancelled_stops},
                                     {"nested", nested_runs_serially},
                                     {"nobody starves", nobody_starves},
                                     {0}};
  return check_main("pool", cases);
}
