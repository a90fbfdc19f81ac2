// triangular.h — the Ising model on a finite periodic triangular lattice, exactly: free energy, energy and its
// fluctuations at any coupling. Four Pfaffians for the four boundary conditions of the fermions, as on the square torus:
// R. M. F. Houtappel, Physica 16, 425 (1950), for the infinite lattice; J. Salas, J. Phys. A 35, 1833 (2002), section 2,
// for the torus.
#ifndef PLUGINS_ESTIMATE_TRIANGULAR_H
#define PLUGINS_ESTIMATE_TRIANGULAR_H

#include "kaufman.h"

#define TRIANGULAR_MOST 1048576u ///< sites: the work grows with them

/// The rows×columns torus at coupling K, in the sense of kaufman_torus: every site has three bonds of its own, to the right,
/// down, and down to the right. All members are NaN when an extent is 0, there are more than TRIANGULAR_MOST sites, K is
/// not finite, or the four products cancel, as they do deep in the frustrated antiferromagnet. Thread-safe, O(sites).
kaufman triangular_torus(uint64_t rows, uint64_t columns, double coupling);

#endif
