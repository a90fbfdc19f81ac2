// arena.c — see arena.h.
#include "arena.h"

#include <stdlib.h>

#define ALIGNMENT 64u

void *arena_block(arena *memory, uint64_t bytes) {
  const uint32_t i = memory->used;
  if (i == ARENA_BLOCKS || bytes > SIZE_MAX / 2) return NULL;
  if (memory->sizes[i] < bytes || !memory->blocks[i]) {
    free(memory->blocks[i]);
    memory->sizes[i] = (bytes / ALIGNMENT + 1) * ALIGNMENT;
    memory->blocks[i] = aligned_alloc(ALIGNMENT, memory->sizes[i]);
    if (!memory->blocks[i]) return NULL;
  }
  memory->used++;
  return memory->blocks[i];
}

static void arena_free(arena *memory) {
  for (uint32_t i = 0; memory && i < ARENA_BLOCKS; i++) free(memory->blocks[i]);
  free(memory);
}

arena *arenas_take(arenas *all) {
  arena *memory = NULL;
  for (uint32_t i = 0; !memory && i < ARENA_SPARES; i++) memory = atomic_exchange(&all->spare[i], NULL);
  return memory ? memory : calloc(1, sizeof *memory);
}

void arenas_give(arenas *all, arena *memory) {
  memory->used = 0;
  for (uint32_t i = 0; i < ARENA_SPARES; i++) {
    arena *none = NULL;
    if (atomic_compare_exchange_strong(&all->spare[i], &none, memory)) return;
  }
  arena_free(memory);
}

void arenas_clear(arenas *all) {
  for (uint32_t i = 0; i < ARENA_SPARES; i++) arena_free(atomic_exchange(&all->spare[i], NULL));
}
