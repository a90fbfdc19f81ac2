// lattices.c — see lattices.h.
#include "lattices.h"

#include <math.h>

#define CRITICAL_SQUARE 0.44068679350977147 // ½ ln(1+√2), H. A. Kramers and G. H. Wannier, Phys. Rev. 60, 252 (1941)
#define CRITICAL_TRIANGULAR 0.27465307216702742 // ¼ ln 3, R. M. F. Houtappel, Physica 16, 425 (1950)
// 0.221654626(5): A. M. Ferrenberg, J. Xu and D. P. Landau, Phys. Rev. E 97, 043301 (2018)
#define CRITICAL_CUBIC 0.221654626

const char *const lattices_names[] = {"square", "chain", "triangular", "cubic", NULL};

fg_lattice lattices_of(lattices_choice choice, uint64_t length) {
  switch (choice) {
  case LATTICES_CHAIN: return (fg_lattice){FG_CHAIN, 1, {length, 0, 0, 0}};
  case LATTICES_TRIANGULAR: return (fg_lattice){FG_TRIANGULAR, 2, {length, length, 0, 0}};
  case LATTICES_CUBIC: return (fg_lattice){FG_CUBIC, 3, {length, length, length, 0}};
  default: return fg_lattice_square(length);
  }
}

unsigned lattices_neighbours(lattices_choice choice) {
  uint32_t near[LATTICES_MOST_NEIGHBOURS];
  return lattices_near(choice, 1, 0, near);
}

double lattices_critical(lattices_choice choice) {
  switch (choice) {
  case LATTICES_CHAIN: return NAN;
  case LATTICES_TRIANGULAR: return CRITICAL_TRIANGULAR;
  case LATTICES_CUBIC: return CRITICAL_CUBIC;
  default: return CRITICAL_SQUARE;
  }
}

fg_status lattices_coupling(const fg_host *host, lattices_choice choice, double value, double *coupling) {
  *coupling = value >= LATTICES_CRITICAL ? lattices_critical(choice) : value;
  if (!isnan(*coupling)) return FG_OK;
  return host->fail_param(host, "coupling", "critical: a chain has no transition at a finite coupling; give a number");
}
