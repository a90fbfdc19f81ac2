// memory.h — batches and models that cannot be misused unseen: their pages are protected as the headers say they
// may be used, with forbidden pages around the data. Whoever breaks a rule is stopped on the spot, and the verdict says
// which rule. Memory of one case; private to conform*.c.
#ifndef FG_CORE_CONFORM_MEMORY_H
#define FG_CORE_CONFORM_MEMORY_H

#include "conform/case.h"

typedef enum fg_region_state {
  FG_REGION_OWN,     ///< of the plugin, writable
  FG_REGION_INPUT,   ///< read only
  FG_REGION_EMITTED, ///< read only
  FG_REGION_GONE     ///< the plugin has no business there
} fg_region_state;

typedef struct fg_region {
  char *base; ///< of all its pages, with the forbidden ones
  size_t bytes;
  char *head; ///< pages of the struct
  size_t head_bytes;
  char *data; ///< pages of the data, which ends where they end
  size_t data_bytes;
  const char *what; ///< for people: "its input 'fine'"; NULL: made by the plugin
  int state;        ///< an fg_region_state
} fg_region;

/// From here on a forbidden access is a verdict of `c`. Call once in a case.
void fg_memory_watch(const fg_case *c);

/// Room for a struct of `head` bytes and for `data` bytes that end, rounded up to 64, at a forbidden page; both zeroed
/// and writable. *data_at: where the data begins, 64-byte aligned. NULL: there is no room for more. [any, one at a time]
fg_region *fg_region_new(size_t head, size_t data, const char *what, void **data_at);
void fg_region_set(fg_region *region, fg_region_state state);

/// Gives all regions back: no plugin may look at any of them from now on.
void fg_memory_forget(void);

#endif
