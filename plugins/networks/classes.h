// classes.h — how often each of two outcomes came with each bit pattern: the sufficient statistics of a network whose
// fine spins depend on a pattern of coarse spins. Patterns of up to 16 bits index the table directly; longer ones are
// hashed, and there may be CLASSES_MOST of them.
#ifndef PLUGINS_NETWORKS_CLASSES_H
#define PLUGINS_NETWORKS_CLASSES_H

#include <stdint.h>

#define CLASSES_MOST (UINT64_C(1) << 20)

typedef struct classes_entry {
  uint64_t pattern;
  uint64_t zeros, ones; ///< how often the outcome was 0, 1; both 0: a free place
} classes_entry;

/// Belongs to one thread.
typedef struct classes {
  unsigned bits;      ///< of a pattern
  unsigned room_bits; ///< 2^room_bits places
  uint64_t used;
  classes_entry *entries;
} classes;

classes *classes_new(unsigned bits); ///< NULL: out of memory
void classes_free(classes *counts);  ///< NULL is allowed

/// Adds observations of a pattern. False when there are too many patterns, or no memory.
int classes_add(classes *counts, uint64_t pattern, uint64_t zeros, uint64_t ones);

/// Moves what is there to the front, by rising pattern, and returns its number. Nothing may be added any more.
uint64_t classes_sort(classes *counts);

static inline uint64_t classes_room(const classes *counts) { return UINT64_C(1) << counts->room_bits; }

#endif
