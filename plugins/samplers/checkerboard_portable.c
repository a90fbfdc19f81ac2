// checkerboard_portable.c — the kernel for any machine: words of 64 bits, random numbers from the host.
#include "checkerboard.h"

#define LANES 1u
typedef uint64_t word;

static inline word load(const uint64_t *from) { return *from; }
static inline void store(uint64_t *to, word w) { *to = w; }
static inline word splat(uint64_t w) { return w; }
static inline word less(word t, word u, word below) { return below ^ ((t ^ u) & (t ^ below)); }
static inline int some(word w) { return w != 0; }

/// The planes of a group: the early ones, and others from when they are first asked for.
typedef struct source {
  events_source from;
  uint64_t group;
  unsigned made;
  uint64_t planes[EVENTS_PLANES][EVENTS_WORDS];
} source;

static inline void source_open(source *random, const events_source *from) { random->from = *from; }

static inline void source_move(source *random, uint64_t group) {
  random->group = group;
  random->made = EVENTS_EARLY;
  events_planes(&random->from, group, 0, EVENTS_EARLY, random->planes);
}

static inline word source_plane(source *random, unsigned p, unsigned part) {
  if (p >= random->made) {
    events_planes(&random->from, random->group, p, EVENTS_LATE, random->planes + p);
    random->made = p + EVENTS_LATE;
  }
  return random->planes[p][part];
}

#include "checkerboard_kernel.h"

static int usable(void) { return 1; }

const checkerboard_isa checkerboard_portable = {"portable", usable, update};
