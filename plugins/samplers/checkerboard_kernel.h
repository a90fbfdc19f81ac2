// checkerboard_kernel.h — the update of a colour (checkerboard.h), written once; included by checkerboard_<isa>.c, which
// says what a word is: LANES, word, load, store, splat, less, some; and where planes come from: source, source_open,
// source_move, source_plane.
#ifndef PLUGINS_SAMPLERS_CHECKERBOARD_KERNEL_H
#define PLUGINS_SAMPLERS_CHECKERBOARD_KERNEL_H

#include "checkerboard.h"

// Before a short loop.
#if defined(__clang__)
#define UNROLLED_PLANES _Pragma("unroll")
#else
#define UNROLLED_PLANES _Pragma("GCC unroll 12")
#endif

/// Bits of the number n of neighbours that a spin differs from.
typedef struct differing {
  word c0, c1, c0_and_c1, c2;
} differing;

static inline differing count_differing(word a, word b, word c, word d) {
  const word ab = a ^ b, cd = c ^ d, both_ab = a & b, both_cd = c & d;
  differing n;
  n.c0 = ab ^ cd;
  n.c1 = both_ab ^ both_cd ^ (ab & cd);
  n.c0_and_c1 = n.c0 & n.c1;
  n.c2 = both_ab & both_cd;
  return n;
}

/// Bit 63-p of each site's threshold.
static inline word threshold_plane(const checkerboard_rule *rule, unsigned p, const differing *n) {
  const uint64_t *terms = rule->terms[p];
  return splat(terms[0]) ^ (n->c0 & splat(terms[1])) ^ (n->c1 & splat(terms[2])) ^ (n->c0_and_c1 & splat(terms[3])) ^
         (n->c2 & splat(terms[4]));
}

/// Which spins flip: u < t, from the last early plane to the first, then from the first late one on where all the early
/// ones are equal.
static inline word flips(const checkerboard_rule *rule, source *random, unsigned part, const differing *n) {
  word below = splat(0), unequal = splat(0);
  UNROLLED_PLANES for (unsigned i = 1; i <= EVENTS_EARLY; i++) {
    const word t = threshold_plane(rule, EVENTS_EARLY - i, n), u = source_plane(random, EVENTS_EARLY - i, part);
    below = less(t, u, below);
    unequal |= t ^ u;
  }
  word equal = ~unequal;
  for (unsigned p = EVENTS_EARLY; p < EVENTS_PLANES && some(equal); p++) {
    const word t = threshold_plane(rule, p, n), u = source_plane(random, p, part);
    below |= equal & t & ~u;
    equal &= ~(t ^ u);
  }
  return below;
}

static void update(const checkerboard_job *job) {
  source random;
  source_open(&random, &job->source);
  for (uint64_t group = 0; group < job->groups; group++) {
    source_move(&random, 2 * group + job->colour);
    for (unsigned part = 0; part < EVENTS_WORDS; part += LANES) {
      const uint64_t at = group * EVENTS_WORDS + part;
      const uint64_t *same = job->other + at;
      const word spins = load(job->here + at);
      const differing n = count_differing(load(same) ^ spins, load(job->side + at) ^ spins,
                                          load(same - job->words) ^ spins, load(same + job->words) ^ spins);
      store(job->here + at, spins ^ flips(job->rule, &random, part, &n));
    }
  }
}

#endif
