// arena.h — the working memory of calls that come again and again: blocks that a call takes one by one and the next call
// finds where they were, so that pages need not be fetched from the system each time. A model keeps some arenas for the
// threads that use it at the same time; which one a call gets does not matter.
#ifndef PLUGINS_NETWORKS_ARENA_H
#define PLUGINS_NETWORKS_ARENA_H

#include <stdatomic.h>
#include <stdint.h>

#define ARENA_BLOCKS 320u
#define ARENA_SPARES 16u

/// Belongs to one call.
typedef struct arena {
  uint32_t used;
  void *blocks[ARENA_BLOCKS];
  uint64_t sizes[ARENA_BLOCKS];
} arena;

/// Zeroed to begin with.
typedef struct arenas {
  _Atomic(arena *) spare[ARENA_SPARES];
} arenas;

/// `bytes` bytes, aligned to 64, with anything in them, until the arena is given back. NULL: out of memory.
void *arena_block(arena *memory, uint64_t bytes);

arena *arenas_take(arenas *all);              ///< NULL: out of memory [any thread]
void arenas_give(arenas *all, arena *memory); ///< [any thread]
void arenas_clear(arenas *all);               ///< frees the spare ones

#endif
