// lattices.h — the lattices that samplers know, beside the square one that their fast paths are made for: shapes, the
// sites next to a site, critical couplings. Periodic, and every site has all its bonds: so on L = 2 two bonds join a pair
// of neighbours, and on L = 1 a site is its own neighbour.
#ifndef PLUGINS_SAMPLERS_LATTICES_H
#define PLUGINS_SAMPLERS_LATTICES_H

#include "finegrain/finegrain.h"

/// Values of the parameter `lattice`.
typedef enum lattices_choice { LATTICES_SQUARE, LATTICES_CHAIN, LATTICES_TRIANGULAR, LATTICES_CUBIC } lattices_choice;

#define LATTICES_MOST_NEIGHBOURS 6u
#define LATTICES_LARGEST_CUBIC 1290 ///< L: more than 2³¹ sites have no 32-bit index with room to spare

extern const char *const lattices_names[]; ///< the choices, as users write them

/// The periodic lattice of linear size L.
fg_lattice lattices_of(lattices_choice choice, uint64_t length);

/// Neighbours of a site: 4, 2, 6, 6.
unsigned lattices_neighbours(lattices_choice choice);

/// The Ising model's critical coupling K = βJ; NaN for the chain, which has none.
double lattices_critical(lattices_choice choice);

// A value of the parameter `coupling` that no one writes: the critical coupling depends on the lattice,
// which the parameter table cannot express.
#define LATTICES_CRITICAL 1.7e308
#define LATTICES_CRITICAL_NAME "critical=1.7e308"
#define LATTICES_CRITICAL_DOC                                                                                          \
  "critical is ln(1+√2)/2 on the square lattice, ln(3)/4 on the triangular one, and 0.221654626 on the cubic one"

/// The coupling that the parameter's value means; FG_FAILED, reported: critical, where nothing is.
fg_status lattices_coupling(const fg_host *host, lattices_choice choice, double value, double *coupling);

/// Writes the sites next to a site of a lattice of linear size L, in memory order, and returns their number. In pairs:
/// backward and forward along each kind of bond. Meant to be compiled with `choice` known.
__attribute__((always_inline)) static inline unsigned
lattices_near(lattices_choice choice, uint32_t length, uint32_t site, uint32_t near[LATTICES_MOST_NEIGHBOURS]) {
  uint32_t row = choice == LATTICES_CHAIN ? 0 : site / length, x = site - row * length, start = site - x;
  uint32_t left = x ? x - 1 : length - 1, right = x + 1 < length ? x + 1 : 0;
  near[0] = start + left;
  near[1] = start + right;
  if (choice == LATTICES_CHAIN) return 2;

  uint32_t layer = choice == LATTICES_CUBIC ? row / length : 0, y = row - layer * length, area = length * length;
  uint32_t floor = layer * area;
  uint32_t above = floor + (y ? y - 1 : length - 1) * length, below = floor + (y + 1 < length ? y + 1 : 0) * length;
  near[2] = above + x;
  near[3] = below + x;
  if (choice == LATTICES_SQUARE) return 4;
  if (choice == LATTICES_TRIANGULAR) {
    near[4] = above + left;
    near[5] = below + right;
  } else {
    near[4] = site - floor + (layer ? layer - 1 : length - 1) * area;
    near[5] = site - floor + (layer + 1 < length ? layer + 1 : 0) * area;
  }
  return 6;
}

#endif
