// events.h — independent random events for many sites at once. A site's random number u has 64 bits, which lie in as
// many planes: plane p of a group of 512 sites is bit 63-p of all their numbers, and the event happens where u < t. So
// it is told bit by bit for all sites of a word together. After a dozen planes nearly all are told, and the others are
// made only where they are needed: 64 bits cost hardly more than 12.
#ifndef PLUGINS_SAMPLERS_EVENTS_H
#define PLUGINS_SAMPLERS_EVENTS_H

#include "sampler.h"

#define EVENTS_GROUP 512u                 ///< sites whose planes lie together
#define EVENTS_WORDS (EVENTS_GROUP / 64u) ///< words of a plane
#define EVENTS_PLANES 64u
#define EVENTS_EARLY 12u ///< planes that are always made
#define EVENTS_LATE 4u   ///< … and how many more at a time

/// Where planes come from. Plane p of group g starts at counter.low = 256 g + 4 p.
typedef struct events_source {
  fg_rng_fill_fn fill;
  fg_rng_key key;
  uint64_t high; ///< of the counter
} events_source;

/// 2⁶⁴ · probability, as near as 64 bits come.
static inline uint64_t events_threshold(double probability) {
  return probability < 1.0 ? (uint64_t)(probability * 0x1p64) : UINT64_MAX;
}

/// A number for the high half of counters that no other call for any chain gives: how far the chain's own sequence has
/// come, and the chain. So a chain's generator remains its whole state.
static inline uint64_t events_ticket(sampler_chain *chain) {
  (void)fg_rng_bits(&chain->rng);
  uint64_t drawn = 2 * chain->rng.next.low - (FG_RNG_BUFFER - chain->rng.used); // words; a block is two
  return drawn << 12 | chain->rng.next.high;                                    // at most 4096 chains
}

static inline void events_planes(const events_source *source, uint64_t group, unsigned plane, unsigned count,
                                 uint64_t (*planes)[EVENTS_WORDS]) {
  const fg_rng_counter counter = {group << 8 | 4 * plane, source->high};
  source->fill(source->key, counter, planes, count * sizeof *planes);
}

/// Writes words begin … end-1 of an array: bit b of word w belongs to site 64 w + b, and is set where its u < threshold.
void events_fill(const events_source *source, uint64_t threshold, uint64_t begin, uint64_t end, uint64_t *words);

#endif
