// pool.c — see pool.h.
#include "pool.h"

#include "crash.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/// A parallel_for under way. Lives on its caller's stack while `helpers` may be inside it.
typedef struct job {
  uint64_t count;
  fg_status (*body)(void *arg, uint64_t index);
  void *arg;
  const atomic_int *cancelled;
  fg_crash_site site; ///< whose body this is
  atomic_ullong next;
  unsigned helpers; ///< threads inside, beside the caller (under the pool's lock)
  uint64_t failed_index;
  fg_status failed; ///< FG_OK while nothing failed (under the pool's lock)
  struct job *older;
} job;

struct fg_pool {
  pthread_mutex_t lock;
  pthread_cond_t token_free; ///< a token was given back, for stages
  pthread_cond_t work;       ///< a job or a token appeared, for helpers
  pthread_cond_t job_left;   ///< a helper left a job
  unsigned free_tokens, stages_waiting;
  uint64_t tickets, served; ///< stages get tokens in the order they asked for them
  job *jobs;                ///< those that still have indices to give out, newest first
  bool closing;
  unsigned helper_count;
  pthread_t *helpers;
};

/// Set inside a body, so that a nested call runs serially instead of waiting for threads that wait for it.
static _Thread_local bool inside_body;

static void run_indices(fg_pool *pool, job *work) {
  inside_body = true;
  for (;;) {
    if (work->cancelled && atomic_load_explicit(work->cancelled, memory_order_relaxed)) break;
    uint64_t index = atomic_fetch_add(&work->next, 1);
    if (index >= work->count) break;
    fg_status status = work->body(work->arg, index);
    if (status >= FG_OK) continue;
    pthread_mutex_lock(&pool->lock);
    if (work->failed == FG_OK || index < work->failed_index) {
      work->failed = status;
      work->failed_index = index;
    }
    pthread_mutex_unlock(&pool->lock);
    atomic_store(&work->next, work->count);
  }
  inside_body = false;
}

static bool has_indices(job *work) { return atomic_load(&work->next) < work->count; }

static void *helper_main(void *arg) {
  fg_pool *pool = arg;
  pthread_mutex_lock(&pool->lock);
  while (!pool->closing) {
    job *work = pool->jobs;
    while (work && !has_indices(work)) work = work->older;
    // Stages come first: they hold what the rest of the pipeline waits for.
    if (!work || pool->free_tokens == 0 || pool->stages_waiting) {
      pthread_cond_wait(&pool->work, &pool->lock);
      continue;
    }
    pool->free_tokens--;
    work->helpers++;
    pthread_mutex_unlock(&pool->lock);
    fg_crash_enter(work->site);
    run_indices(pool, work);
    pthread_mutex_lock(&pool->lock);
    work->helpers--;
    pool->free_tokens++;
    pthread_cond_broadcast(&pool->job_left);
    pthread_cond_broadcast(&pool->token_free);
    pthread_cond_broadcast(&pool->work);
  }
  pthread_mutex_unlock(&pool->lock);
  return NULL;
}

fg_pool *fg_pool_new(unsigned tokens) {
  fg_pool *pool = calloc(1, sizeof *pool);
  if (!pool) abort();
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->token_free, NULL);
  pthread_cond_init(&pool->work, NULL);
  pthread_cond_init(&pool->job_left, NULL);
  pool->free_tokens = tokens;
  pool->helpers = calloc(tokens, sizeof *pool->helpers);
  if (!pool->helpers) abort();
  for (unsigned i = 0; i + 1 < tokens; i++)
    if (pthread_create(&pool->helpers[pool->helper_count], NULL, helper_main, pool) == 0) pool->helper_count++;
  return pool;
}

void fg_pool_free(fg_pool *pool) {
  if (!pool) return;
  pthread_mutex_lock(&pool->lock);
  pool->closing = true;
  pthread_cond_broadcast(&pool->work);
  pthread_mutex_unlock(&pool->lock);
  for (unsigned i = 0; i < pool->helper_count; i++) pthread_join(pool->helpers[i], NULL);
  pthread_mutex_destroy(&pool->lock);
  pthread_cond_destroy(&pool->token_free);
  pthread_cond_destroy(&pool->work);
  pthread_cond_destroy(&pool->job_left);
  free(pool->helpers);
  free(pool);
}

/// Takes a token in turn. Under the lock.
static void acquire(fg_pool *pool) {
  uint64_t ticket = pool->tickets++;
  pool->stages_waiting++;
  while (pool->free_tokens == 0 || ticket != pool->served) pthread_cond_wait(&pool->token_free, &pool->lock);
  pool->served++;
  pool->stages_waiting--;
  pool->free_tokens--;
  if (pool->stages_waiting && pool->free_tokens) pthread_cond_broadcast(&pool->token_free);
  if (!pool->stages_waiting && pool->free_tokens) pthread_cond_broadcast(&pool->work);
}

/// Gives a token back. Under the lock.
static void release(fg_pool *pool) {
  pool->free_tokens++;
  pthread_cond_broadcast(&pool->token_free);
  if (pool->jobs) pthread_cond_signal(&pool->work);
}

void fg_pool_acquire(fg_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  acquire(pool);
  pthread_mutex_unlock(&pool->lock);
}

void fg_pool_release(fg_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  release(pool);
  pthread_mutex_unlock(&pool->lock);
}

void fg_pool_yield(fg_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  if (pool->stages_waiting) {
    release(pool);
    acquire(pool);
  }
  pthread_mutex_unlock(&pool->lock);
}

fg_status fg_pool_for(fg_pool *pool, uint64_t count, fg_status (*body)(void *arg, uint64_t index), void *arg,
                      const atomic_int *cancelled) {
  job work = {.count = count, .body = body, .arg = arg, .cancelled = cancelled};
  atomic_init(&work.next, 0);
  work.site = fg_crash_here();
  bool nested = inside_body;
  bool shared = !nested && count > 1 && pool->helper_count > 0;
  if (shared) {
    pthread_mutex_lock(&pool->lock);
    work.older = pool->jobs;
    pool->jobs = &work;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
  }
  run_indices(pool, &work);
  inside_body = nested;
  if (shared) {
    pthread_mutex_lock(&pool->lock);
    job **link = &pool->jobs;
    while (*link != &work) link = &(*link)->older;
    *link = work.older;
    while (work.helpers) pthread_cond_wait(&pool->job_left, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
  }
  if (!nested) fg_pool_yield(pool);
  if (work.failed != FG_OK) return work.failed;
  return cancelled && atomic_load(cancelled) ? FG_CANCELLED : FG_OK;
}
