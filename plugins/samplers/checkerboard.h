// checkerboard.h — sweeps of single-spin updates over an Ising model on the periodic square lattice of even size, 512
// spins at a time: first all sites with x+y even, then the others. No two sites of a colour are neighbours, so a colour
// is updated at once: a spin that differs from n of its neighbours flips where its random number (events.h) is below
// the threshold for n. This defines the result; kernels (checkerboard_<isa>.c) draw the same bytes.
#ifndef PLUGINS_SAMPLERS_CHECKERBOARD_H
#define PLUGINS_SAMPLERS_CHECKERBOARD_H

#include "events.h"

#define CHECKERBOARD_COLOURS 2u
#define CHECKERBOARD_CLASSES 5u ///< a spin differs from 0 … 4 neighbours

/// Flip probabilities, prepared. A bit of the threshold is a polynomial over GF(2) in the bits c2 c1 c0 of n: the sum of
/// terms[…][0], c0·[1], c1·[2], c0·c1·[3] and c2·[4], each all ones or zero.
typedef struct checkerboard_rule {
  uint64_t thresholds[CHECKERBOARD_CLASSES]; ///< 2⁶⁴ · P(flip)
  uint64_t terms[EVENTS_PLANES][CHECKERBOARD_CLASSES];
} checkerboard_rule;

checkerboard_rule checkerboard_prepare(const double probability[CHECKERBOARD_CLASSES]);

/// Spins of one colour lie together, row after row: site j of a row is at x = 2j + (y + colour) % 2. So three of its
/// neighbours have the same j in their rows, and one is to the left or to the right of j.
typedef struct checkerboard {
  uint32_t length;
  uint64_t words;                        ///< of a row of one colour
  uint64_t groups;                       ///< of a colour
  uint64_t *memory;                      ///< what follows lies in it
  uint64_t *spins[CHECKERBOARD_COLOURS]; ///< with a row more at either end, and room for a group
  uint64_t *side;                        ///< the neighbour that is not at j, of the colour being updated
} checkerboard;

uint64_t checkerboard_bytes(uint32_t length);
int checkerboard_open(checkerboard *board, uint32_t length); ///< 0: out of memory
void checkerboard_close(checkerboard *board);                ///< also a zero one

void checkerboard_load(checkerboard *board, const uint8_t *sites); ///< from bytes 0 or 1
void checkerboard_store(const checkerboard *board, uint8_t *sites);

/// The update of one colour: groups 0 … groups-1 of `here`. Group g draws from group 2 g + colour of the source.
typedef struct checkerboard_job {
  const checkerboard_rule *rule;
  events_source source;
  uint64_t *here;
  const uint64_t *other, *side; ///< neighbours: other, other ± words, side
  uint64_t words, groups;
  unsigned colour;
} checkerboard_job;

/// What updates on one kind of machine.
typedef struct checkerboard_isa {
  const char *name;
  int (*usable)(void); ///< whether this CPU can run it
  void (*update)(const checkerboard_job *job);
} checkerboard_isa;

extern const checkerboard_isa checkerboard_portable, checkerboard_avx2, checkerboard_avx512;

/// The fastest this CPU can run, or the one named; NULL: unknown here, or not usable.
const checkerboard_isa *checkerboard_choose(const char *name);

/// The same with the name that FINEGRAIN_ISA in the environment gives, if any; NULL after reporting what is wrong.
const checkerboard_isa *checkerboard_chosen(const fg_host *host);

/// One sweep.
void checkerboard_sweep(const checkerboard_isa *isa, checkerboard *board, const checkerboard_rule *rule,
                        const events_source *source);

#endif
