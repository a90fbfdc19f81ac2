// kaufman.h — the Ising model on a finite periodic rectangle, exactly: free energy, energy and its fluctuations at any
// coupling, from the partition function of B. Kaufman, Phys. Rev. 76, 1232 (1949), differentiated twice in K as A. E.
// Ferdinand and M. E. Fisher, Phys. Rev. 185, 832 (1969), did. Moments of the magnetisation are not to be had this way.
#ifndef PLUGINS_ESTIMATE_KAUFMAN_H
#define PLUGINS_ESTIMATE_KAUFMAN_H

#include <stdint.h>

#define KAUFMAN_MOST 1048576u ///< of the smaller extent: the work grows with it

/// Per site, in units of J. Every site has two bonds of its own, so on an extent of 2 each pair of neighbours is joined
/// twice, and on an extent of 1 a site is its own neighbour.
typedef struct kaufman {
  double ln_z;          ///< ln Z / N
  double energy;        ///< e = ⟨E⟩ / N, E = -Σ s s'
  double variance;      ///< N (⟨e²⟩ - ⟨e⟩²)
  double heat_capacity; ///< K² variance
} kaufman;

/// The rows×columns torus at coupling K, of either sign or 0, however large. All members are NaN when an extent is 0,
/// the smaller one exceeds KAUFMAN_MOST, K is not finite, or the lattice is frustrated (an odd extent, K < 0) so strongly
/// that the four products cancel. Thread-safe, O(smaller extent).
kaufman kaufman_torus(uint64_t rows, uint64_t columns, double coupling);

#endif
