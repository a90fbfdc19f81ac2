// plain.c — see plain.h.
#include "plain.h"

#define NOWHERE UINT32_MAX

uint64_t plain_number(const events_source *source, uint64_t i) {
  const uint64_t group = i / EVENTS_GROUP, word = i % EVENTS_GROUP / 64, bit = i % 64;
  uint64_t number = 0, plane[EVENTS_WORDS];
  for (unsigned p = 0; p < EVENTS_PLANES; p++) {
    events_planes(source, group, p, 1, &plane);
    number |= (plane[word] >> bit & 1) << (EVENTS_PLANES - 1 - p);
  }
  return number;
}

/// The four neighbours of a site: right, below, left, above.
static void find_neighbours(uint32_t length, uint32_t site, uint32_t near[4]) {
  const uint32_t y = site / length, x = site % length;
  near[0] = y * length + (x + 1) % length;
  near[1] = (y + 1) % length * length + x;
  near[2] = y * length + (x + length - 1) % length;
  near[3] = (y + length - 1) % length * length + x;
}

void plain_checkerboard(uint8_t *sites, uint32_t length, const uint64_t thresholds[CHECKERBOARD_CLASSES],
                        const events_source *source) {
  const uint64_t row = (length / 2 + 63u) / 64u * 64u; // sites of a colour in a row, padded
  for (unsigned colour = 0; colour < CHECKERBOARD_COLOURS; colour++) {
    for (uint32_t y = 0; y < length; y++) {
      for (uint32_t x = (y + colour) % 2; x < length; x += 2) {
        uint32_t near[4];
        find_neighbours(length, y * length + x, near);
        uint8_t *site = &sites[y * length + x];
        unsigned differing = 0;
        for (int k = 0; k < 4; k++) differing += *site != sites[near[k]];
        const uint64_t i = y * row + x / 2, group = 2 * (i / EVENTS_GROUP) + colour;
        *site ^= plain_number(source, group * EVENTS_GROUP + i % EVENTS_GROUP) < thresholds[differing];
      }
    }
  }
}

/// Whether the bond of a site to its right or lower neighbour is active.
static int is_active(const uint8_t *sites, uint32_t length, const events_source *source, uint64_t threshold,
                     uint32_t site, uint32_t neighbour) {
  const uint64_t row = (length + 63u) / 64u * 64u;
  return sites[site] == sites[neighbour] && plain_number(source, site / length * row + site % length) < threshold;
}

void plain_clusters(uint8_t *sites, uint32_t length, const cluster_events *events, uint32_t *label, uint32_t *stack) {
  const uint32_t count = length * length;
  for (uint32_t i = 0; i < count; i++) label[i] = NOWHERE;
  for (uint32_t first = 0; first < count; first++) {
    if (label[first] != NOWHERE) continue;
    uint32_t height = 0;
    stack[height++] = first;
    label[first] = first;
    while (height) {
      const uint32_t site = stack[--height];
      uint32_t near[4];
      find_neighbours(length, site, near);
      for (int k = 0; k < 4; k++) {
        const events_source *source = k % 2 ? &events->below : &events->right;
        const uint32_t from = k < 2 ? site : near[k], to = k < 2 ? near[k] : site; // the bond is the site's that has it
        if (label[near[k]] != NOWHERE || !is_active(sites, length, source, events->threshold, from, to)) continue;
        label[near[k]] = first;
        stack[height++] = near[k];
      }
    }
  }
  for (uint32_t i = 0; i < count; i++) {
    uint8_t bits[16]; // a block of the generator
    const fg_rng_counter counter = {label[i] / 128, events->flip.high};
    events->flip.fill(events->flip.key, counter, bits, sizeof bits);
    sites[i] ^= (uint8_t)(bits[label[i] % 128 / 8] >> label[i] % 8 & 1);
  }
}
