// autoregressive_pair.h — the exact last pair. Given the spins at (0,0) and (1,1) of all blocks, those at (0,1) and (1,0)
// have neighbours among them only, so that on a lattice of coupling K each block's pair (s1, s2) is drawn from
//     P(s1, s2) ∝ exp[K (s1 h1 + s2 h2)] · q(parent | block),
// h1, h2 the sums of the four neighbours, and q = 1, ½, 0 when the block's spins agree with the parent by majority, by a
// tie, not at all (PHYSICS: the distribution of the fine lattice given its majority blocks, ties random).
#ifndef PLUGINS_NETWORKS_AUTOREGRESSIVE_PAIR_H
#define PLUGINS_NETWORKS_AUTOREGRESSIVE_PAIR_H

#include "autoregressive_spins.h"

/// Indexed by the number of spins equal to the parent: of those at (0,0) and (1,1), of the neighbours of the one at (0,1),
/// of those of the one at (1,0); then by the pair's state: bit 0, the spin at (0,1) equals the parent; bit 1, the other.
typedef struct autoregressive_pair {
  double log_prob[3][5][5][4];
  double below[3][5][5][4]; ///< probability of all states before this one; a state that is never drawn has no room
} autoregressive_pair;

void autoregressive_pair_tabulate(autoregressive_pair *pair, double coupling);

/// ln P of the pairs in row y of blocks.
double autoregressive_pair_log_prob(const autoregressive_pair *pair, const autoregressive_spins *spins, uint64_t y);

/// Draws them: the pair of column x with number x.
void autoregressive_pair_draw(const autoregressive_pair *pair, const autoregressive_spins *spins, uint64_t y,
                              const uint64_t *numbers);

#endif
