// pool.h — run tokens and the lent pool. A thread holds one token while it computes and none while it waits, so that N
// tokens mean N busy threads whatever the number of stages. parallel_for lends idle threads to whoever has a split job.
#ifndef FG_CORE_POOL_H
#define FG_CORE_POOL_H

#include "finegrain/abi.h"

#include <stdatomic.h>

typedef struct fg_pool fg_pool;

fg_pool *fg_pool_new(unsigned tokens); ///< tokens ≥ 1; starts tokens-1 helper threads
void fg_pool_free(fg_pool *pool);      ///< when nobody computes any more

/// Waits for a token, in turn; gives it back; lets those who wait go first.
void fg_pool_acquire(fg_pool *pool);
void fg_pool_release(fg_pool *pool);
void fg_pool_yield(fg_pool *pool);

/// Calls body(arg, 0 … count-1) from the caller, who holds a token, and from helpers that find a free one. FG_OK, or the
/// failure of the smallest failing index; once an index fails or *cancelled is set, no new ones are begun. A call from
/// inside a body runs serially; any other one yields at its end, so that no stage starves behind one that never waits.
fg_status fg_pool_for(fg_pool *pool, uint64_t count, fg_status (*body)(void *arg, uint64_t index), void *arg,
                      const atomic_int *cancelled);

#endif
