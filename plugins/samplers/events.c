// events.c — see events.h: events that have the same probability everywhere.
#include "events.h"

#include <string.h>

/// All ones where the threshold has a one.
static inline uint64_t spread_bit(uint64_t threshold, unsigned plane) {
  return 0 - (threshold >> (EVENTS_PLANES - 1 - plane) & 1);
}

static void fill_group(const events_source *source, uint64_t threshold, uint64_t group, uint64_t events[EVENTS_WORDS]) {
  uint64_t planes[EVENTS_EARLY][EVENTS_WORDS], equal[EVENTS_WORDS], some = 0;
  events_planes(source, group, 0, EVENTS_EARLY, planes);
  memset(equal, 0xff, sizeof equal);
  memset(events, 0, sizeof equal);
  for (unsigned p = EVENTS_EARLY; p-- > 0;) { // from the last bit to the first: a later plane overrules
    const uint64_t t = spread_bit(threshold, p);
    for (unsigned w = 0; w < EVENTS_WORDS; w++) {
      const uint64_t same = ~(planes[p][w] ^ t);
      events[w] = (events[w] & same) | (t & ~same);
      equal[w] &= same;
    }
  }
  for (unsigned w = 0; w < EVENTS_WORDS; w++) some |= equal[w];
  for (unsigned p = EVENTS_EARLY; some && p < EVENTS_PLANES; p++) { // from the first bit on, where all was equal so far
    const unsigned late = (p - EVENTS_EARLY) % EVENTS_LATE;
    if (!late) events_planes(source, group, p, EVENTS_LATE, planes);
    const uint64_t t = spread_bit(threshold, p);
    some = 0;
    for (unsigned w = 0; w < EVENTS_WORDS; w++) {
      const uint64_t same = ~(planes[late][w] ^ t);
      events[w] |= equal[w] & t & ~same;
      some |= equal[w] &= same;
    }
  }
}

void events_fill(const events_source *source, uint64_t threshold, uint64_t begin, uint64_t end, uint64_t *words) {
  for (uint64_t at = begin, next; at < end; at = next) {
    uint64_t events[EVENTS_WORDS];
    const uint64_t group = at / EVENTS_WORDS, start = group * EVENTS_WORDS;
    next = start + EVENTS_WORDS < end ? start + EVENTS_WORDS : end;
    fill_group(source, threshold, group, events);
    memcpy(words + at, events + (at - start), (next - at) * sizeof *words);
  }
}
