// scaling_points.c — see scaling_points.h.
#include "scaling_points.h"

#include <math.h>

#define ROUNDING 1e-13 // relative to the value

/// All quantities of mean moments, per site as PHYSICS has it.
static void quantities_of(const point *p, const double mean[MOMENTS], double out[QUANTITIES]) {
  const double sites = (double)fg_lattice_sites(&p->key->lattice);
  out[VARE] = (mean[MOMENT_E2] - mean[MOMENT_E] * mean[MOMENT_E]) / sites;
  out[LN_VARE] = log(out[VARE]);
  out[LN_CHI] = log(mean[MOMENT_M2] / sites);
  out[LN_ABS_M] = log(mean[MOMENT_ABS_M] / sites);
  out[BINDER] = mean[MOMENT_M4] / (mean[MOMENT_M2] * mean[MOMENT_M2]);
  out[ENERGY] = (p->energy_zero + mean[MOMENT_E]) / sites;
}

void point_fill(point *p) {
  double mean[MOMENTS], values[QUANTITIES];
  bins_mean(p->bins, BINS_NONE, mean);
  quantities_of(p, mean, p->value);
  for (uint32_t j = 0; j < bins_number(p->bins); j++) {
    bins_mean(p->bins, j, mean);
    quantities_of(p, mean, values);
    for (int q = 0; q < QUANTITIES; q++) p->left_out[q][j] = values[q];
  }
}

int point_same_curve(const point *a, const point *b) {
  return group_same_coupling(a->key->coupling, b->key->coupling) && (a->key->level < 0) == (b->key->level < 0);
}

int point_compare(const void *left, const void *right) {
  const group_key *a = ((const point *)left)->key, *b = ((const point *)right)->key;
  if ((a->level < 0) != (b->level < 0)) return a->level < 0 ? 1 : -1;
  if (!group_same_coupling(a->coupling, b->coupling)) {
    if (isnan(a->coupling) || isnan(b->coupling)) return isnan(a->coupling) ? 1 : -1;
    return a->coupling < b->coupling ? -1 : 1;
  }
  if (a->lattice.extent[0] != b->lattice.extent[0]) return a->lattice.extent[0] < b->lattice.extent[0] ? -1 : 1;
  return (a->level > b->level) - (a->level < b->level);
}

int point_share_noise(const point *a, const point *b) {
  return isnan(a->key->coupling) && isnan(b->key->coupling) && a->key->level != b->key->level &&
         bins_count(a->bins) == bins_count(b->bins);
}

double point_covariance(const point *a, const point *b, int quantity) {
  if (a != b && !point_share_noise(a, b)) return 0;
  return bins_covariance(a->bins, a->value[quantity], a->left_out[quantity], b->value[quantity], b->left_out[quantity]);
}

int point_usable(const point *p, int quantity) {
  double value = p->value[quantity], error = sqrt(point_covariance(p, p, quantity));
  return isfinite(value) && isfinite(error) && error > ROUNDING * (1 + fabs(value));
}
