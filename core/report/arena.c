// arena.c — see arena.h.
#include "report/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)64 << 10)

typedef struct fg_arena_block {
  struct fg_arena_block *older;
  size_t used, room;
  alignas(max_align_t) char bytes[];
} block;

void *fg_arena_take(fg_arena *arena, size_t count, size_t size) {
  const size_t step = alignof(max_align_t);
  if (size && count > (SIZE_MAX / 2 - sizeof(block)) / size) abort();
  size_t bytes = (count * size + step - 1) / step * step;
  block *b = arena->blocks;
  if (!b || b->room - b->used < bytes) {
    size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    b = calloc(1, sizeof *b + room);
    if (!b) abort();
    b->older = arena->blocks;
    b->room = room;
    arena->blocks = b;
  }
  b->used += bytes;
  return b->bytes + b->used - bytes;
}

char *fg_arena_text(fg_arena *arena, const char *text) {
  size_t bytes = strlen(text) + 1;
  return memcpy(fg_arena_take(arena, bytes, 1), text, bytes);
}

char *fg_arena_format(fg_arena *arena, const char *format, ...) {
  char *made = NULL;
  va_list args;
  va_start(args, format);
  int length = vasprintf(&made, format, args);
  va_end(args);
  if (length < 0) abort();
  char *text = fg_arena_text(arena, made);
  free(made);
  return text;
}

void *fg_arena_grow(fg_arena *arena, void *items, size_t count, size_t size) {
  if (count & (count - 1)) return items;
  void *larger = fg_arena_take(arena, count ? 2 * count : 1, size);
  if (count) memcpy(larger, items, count * size);
  return larger;
}

void fg_arena_clear(fg_arena *arena) {
  while (arena->blocks) {
    block *b = arena->blocks;
    arena->blocks = b->older;
    free(b);
  }
}
