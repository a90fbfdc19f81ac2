// slices.c — see slices.h: what a table says in the forms that kernels use, and which kernel runs here.
#include "slices.h"

#include <stdlib.h>
#include <string.h>

// ---- rules

/// Row or column of a window from the parent, for the fine spin that sees it mirrored or not.
static int offset_of(const fg_network_table *table, uint32_t i, int mirrored) {
  int offset = (int)i - (int)table->before;
  return mirrored ? -offset : offset;
}

static int mirrors(const fg_network_table *table) { return table->positions != SLICES_BLOCK; }

/// Thresholds of position d.
static const uint32_t *thresholds_of(const fg_network_table *table, uint32_t d) {
  return mirrors(table) ? table->thresholds : table->thresholds + ((size_t)d << (table->window * table->window));
}

/// Where bit i of the pattern of d is looked at.
static void place_bits(slices_rule *rule, const fg_network_table *table) {
  rule->bits = table->window * table->window;
  for (uint32_t d = 0; d < SLICES_BLOCK; d++) {
    rule->thresholds[d] = thresholds_of(table, d);
    for (uint32_t i = 0; i < rule->bits; i++) {
      rule->place[d][i][0] = (int8_t)offset_of(table, i / table->window, mirrors(table) && d / 2);
      rule->place[d][i][1] = (int8_t)offset_of(table, i % table->window, mirrors(table) && d % 2);
    }
  }
}

/// The pattern of d's window among 3×3 spins.
static uint32_t window_of(const slices_rule *rule, uint32_t d, uint32_t spins) {
  uint32_t pattern = 0;
  for (uint32_t i = 0; i < rule->bits; i++)
    pattern |= (spins >> (3 * (1 + rule->place[d][i][0]) + 1 + rule->place[d][i][1]) & 1) << i;
  return pattern;
}

static void look_up(slices_near *near, uint32_t pattern, uint32_t d, uint32_t bits) {
  near->blocks[pattern] |= (uint64_t)bits << SLICES_PLANES * d;
  near->bytes[d][0][pattern] = (uint8_t)bits;
  near->bytes[d][1][pattern] = (uint8_t)(bits >> 8);
}

static void prepare_patterns(slices_rule *rule) {
  for (uint32_t spins = 0; spins < SLICES_NEAR; spins++) {
    for (uint32_t d = 0; d < SLICES_BLOCK; d++) {
      uint32_t threshold = rule->thresholds[d][window_of(rule, d, spins)];
      look_up(&rule->low, spins, d, threshold & 0xffff);
      look_up(&rule->high, spins, d, threshold >> SLICES_PLANES);
    }
  }
}

/// Whether reversing all spins changes nothing, for a window of the parent and three neighbours.
static int is_corner(const fg_network_table *table) {
  if (table->window != 2 || table->before != 1 || !mirrors(table)) return 0;
  for (uint32_t pattern = 0; pattern < 8; pattern++)
    if (table->thresholds[pattern] != table->thresholds[15 ^ pattern]) return 0;
  return 1;
}

/// The parent is bit 3 of the window, the vertical neighbour bit 1, the horizontal one bit 2, the diagonal one bit 0.
static void prepare_corner(slices_rule *rule, const fg_network_table *table) {
  for (uint32_t differ = 0; differ < 8; differ++) {
    uint32_t pattern = (differ >> 2 & 1) << 1 | (differ >> 1 & 1) << 2 | (differ & 1);
    for (uint32_t p = 0; p <= SLICES_PLANES; p++)
      rule->truth[p] |= (uint8_t)((table->thresholds[pattern] >> p & 1) << differ);
  }
}

int slices_prepare(slices_rule *rule, const fg_network_table *table) {
  uint32_t window = table->window, before = table->before;
  uint32_t patterns = window && window * window <= SLICES_MOST_BITS ? 1u << window * window : 0;
  uint32_t reach = before > window - 1 - before ? before : window - 1 - before;
  if (!patterns || before >= window || reach > SLICES_REACH || (table->positions > 1 && mirrors(table))) return 0;
  memset(rule, 0, sizeof *rule);
  place_bits(rule, table);
  for (uint32_t d = 0; d < SLICES_BLOCK; d++)
    for (uint32_t pattern = 0; pattern < patterns; pattern++)
      rule->full |= rule->thresholds[d][pattern] >> SLICES_PLANES != 0;
  rule->form = is_corner(table) ? SLICES_BY_CORNER : reach <= 1 ? SLICES_BY_PATTERN : SLICES_BY_WINDOW;
  if (rule->form == SLICES_BY_CORNER) prepare_corner(rule, table);
  if (rule->form == SLICES_BY_PATTERN) prepare_patterns(rule);
  return 1;
}

// ---- kernels

static const slices_isa *const all[] = {&slices_avx512, &slices_avx2, &slices_portable};

const slices_isa *slices_choose(const char *name) {
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if ((!name || strcmp(name, all[i]->name) == 0) && all[i]->usable()) return all[i];
  return NULL;
}

const slices_isa *slices_chosen(const fg_host *host) {
  const char *name = getenv("FINEGRAIN_ISA");
  if (name && !*name) name = NULL;
  const slices_isa *chosen = slices_choose(name);
  if (chosen || !name) return chosen; // without a wish there is one
  int known = 0;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) known |= strcmp(name, all[i]->name) == 0;
  host->fail(host, "FINEGRAIN_ISA=%s: %s; leave it unset, or choose portable%s%s", name,
             known ? "this machine cannot run it" : "no such instruction set", slices_avx2.usable() ? ", avx2" : "",
             slices_avx512.usable() ? ", avx512" : "");
  return NULL;
}
