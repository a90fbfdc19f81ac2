// arena.h — memory of a report: taken piece by piece, given back at once. A report that gets none cannot be made:
// the process aborts, as the runtime does.
#ifndef FG_CORE_REPORT_ARENA_H
#define FG_CORE_REPORT_ARENA_H

#include <stddef.h>

typedef struct fg_arena {
  struct fg_arena_block *blocks; ///< newest first; NULL: nothing taken yet
} fg_arena;

/// Zeroed memory for `count` items of `size` bytes, valid until fg_arena_clear.
void *fg_arena_take(fg_arena *arena, size_t count, size_t size);
/// A copy of a text.
char *fg_arena_text(fg_arena *arena, const char *text);
/// A text made by printf.
char *fg_arena_format(fg_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/// Makes room for one more item behind `count`: returns `items`, or a copy twice as large when `count` is 0 or a power
/// of two. For lists that are only appended to.
void *fg_arena_grow(fg_arena *arena, void *items, size_t count, size_t size);
void fg_arena_clear(fg_arena *arena);

#endif
