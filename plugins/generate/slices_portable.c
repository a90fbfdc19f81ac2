// slices_portable.c — the kernel for any machine: words of 64 bits, random numbers from the host.
#include "slices.h"

#define LANES 1u
#define LATE 8u
typedef uint64_t word;

static inline word load(const uint64_t *from) { return *from; }
static inline void store(uint64_t *to, word w) { *to = w; }

static inline word choose(word which, word one, word zero) { return (which & one) | (~which & zero); }

#define BIT(table, i) ((table) >> (i)&1 ? UINT64_MAX : 0)
#define TRUTH(table, a, b, c)                                                                                          \
  choose(a, choose(b, choose(c, BIT(table, 7), BIT(table, 6)), choose(c, BIT(table, 5), BIT(table, 4))),               \
         choose(b, choose(c, BIT(table, 3), BIT(table, 2)), choose(c, BIT(table, 1), BIT(table, 0))))

static inline word less(word t, word u, word lt) { return choose(t ^ u, t, lt); }

static inline int some(word w) { return w != 0; }

/// Bit i becomes bit 2i.
static inline uint64_t spread(uint64_t x) {
  x &= 0xffffffff;
  x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
  x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
  x = (x | x << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
  x = (x | x << 2) & UINT64_C(0x3333333333333333);
  return (x | x << 1) & UINT64_C(0x5555555555555555);
}

static inline void interleave(word even, word odd, uint64_t *to) {
  to[0] = spread(even) | spread(odd) << 1;
  to[1] = spread(even >> 32) | spread(odd >> 32) << 1;
}

/// Planes of a group as the host makes them: those from LATE on, and others when asked for.
typedef struct source {
  fg_rng_fill_fn fill;
  fg_rng_key key;
  fg_rng_counter start; ///< of the group
  uint8_t planes[SLICES_BLOCK][SLICES_PLANES - LATE][SLICES_GROUP / 8];
} source;

static inline void source_open(source *random, const slices_job *job) {
  random->fill = job->fill;
  random->key = job->key;
  random->start.high = (uint64_t)(int64_t)job->fine->level;
}

static inline fg_rng_counter counter_of(const source *random, unsigned d, unsigned p) {
  return (fg_rng_counter){random->start.low + (SLICES_PLANES * d + p) * (SLICES_GROUP / 128), random->start.high};
}

static inline void source_move(source *random, uint64_t group) {
  random->start.low = group * SLICES_BLOCK * SLICES_PLANES * (SLICES_GROUP / 128);
  for (unsigned d = 0; d < SLICES_BLOCK; d++)
    random->fill(random->key, counter_of(random, d, LATE), random->planes[d], sizeof random->planes[d]);
}

static inline word source_plane(const source *random, unsigned d, unsigned p, unsigned part) {
  uint8_t block[16]; // of the generator
  const uint8_t *bytes = block + 8 * (part % 2);
  if (p >= LATE) {
    bytes = random->planes[d][p - LATE] + 8 * part;
  } else {
    fg_rng_counter counter = counter_of(random, d, p);
    counter.low += part / 2;
    random->fill(random->key, counter, block, sizeof block);
  }
  word w = 0;
  for (unsigned i = 0; i < 8; i++) w |= (word)bytes[i] << 8 * i; // little endian
  return w;
}

#include "slices_kernel.h"

static int usable(void) { return 1; }

const slices_isa slices_portable = {"portable", usable, draw};
