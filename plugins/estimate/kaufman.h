// kaufman.h — exact energies of the Ising model on the periodic square lattice: B. Kaufman, Phys. Rev. 76, 1232 (1949);
// A. E. Ferdinand and M. E. Fisher, Phys. Rev. 185, 832 (1969).
#ifndef PLUGINS_ESTIMATE_KAUFMAN_H
#define PLUGINS_ESTIMATE_KAUFMAN_H

#include <stdint.h>

/// Per site, in units of J: E = -Σ s s' over two bonds a site.
typedef struct kaufman_values {
  double lnz;  ///< ln Z / N
  double e;    ///< ⟨E⟩ / N
  double varE; ///< N (⟨e²⟩ - ⟨e⟩²) = -∂e/∂K; the heat capacity is K² varE
} kaufman_values;

/// Values of the rows×columns torus at coupling K. NaN where the formula says nothing: K < 0 with an odd extent.
kaufman_values kaufman(uint64_t rows, uint64_t columns, double coupling);

#endif
