// scaling_points.h — observables of one lattice size with what their covariance with those of another needs: values with
// every bin left out. It says which sizes belong on one curve and which share their noise.
#ifndef PLUGINS_ESTIMATE_SCALING_POINTS_H
#define PLUGINS_ESTIMATE_SCALING_POINTS_H

#include "bins.h"
#include "groups.h"

/// Moments of a configuration that bins are kept of: of E - E₀, E₀ the first configuration's, and of the sum of spins.
enum { MOMENT_E, MOMENT_E2, MOMENT_ABS_M, MOMENT_M2, MOMENT_M4, MOMENTS };

/// What is fitted. Powers are fitted as straight lines in logarithms.
enum { LN_CHI, LN_ABS_M, LN_VARE, VARE, BINDER, ENERGY, QUANTITIES };

/// A size at one level and coupling.
typedef struct point {
  const group_key *key;
  const bins *bins; ///< of MOMENTS
  double energy_zero;
  double value[QUANTITIES]; ///< NaN where it does not exist
  double left_out[QUANTITIES][BINS_MOST];
} point;

/// Fills value and left_out from key, bins and energy_zero.
void point_fill(point *p);

static inline uint64_t point_size(const point *p) { return p->key->lattice.extent[0]; }

/// Orders points by curve, then by size: points of one curve have the same coupling, known or not, and are all blocked
/// lattices (levels below 0) or all not.
int point_compare(const void *left, const void *right);
int point_same_curve(const point *a, const point *b);

/// Whether both come from the same configurations at different levels: levels of one dream, or of one chain of blockings.
/// Such configurations carry no coupling; as many came of both, so that bins hold the same ones.
int point_share_noise(const point *a, const point *b);

/// Covariance of a quantity of two points, or its variance: jackknifed jointly where they share their noise, else 0.
double point_covariance(const point *a, const point *b, int quantity);

/// Whether a quantity has a value and an error that is more than rounding.
int point_usable(const point *p, int quantity);

#endif
