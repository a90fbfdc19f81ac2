// measures.h — what trainers compare of dreams: moments of each configuration of L×L spins, and observables as functions
// of their means, with derivatives. Conventions are those of estimate.thermo and estimate.correlation.
#ifndef PLUGINS_TRAIN_MEASURES_H
#define PLUGINS_TRAIN_MEASURES_H

#include "finegrain/finegrain.h"

/// Per site: e = E/N with E = -Σ s s', m = Σ s/N, and the structure factor S(2π/L)/N, mean over both axes.
enum { MOMENT_E, MOMENT_E2, MOMENT_ABS_M, MOMENT_M2, MOMENT_M4, MOMENT_WAVE, MOMENTS };

enum {
  MEASURE_E,
  MEASURE_ABS_M,
  MEASURE_M2,
  MEASURE_M4,
  MEASURE_CHI,
  MEASURE_VARIANCE,
  MEASURE_U,
  MEASURE_XI,
  MEASURES,
};

extern const char *const measure_names[]; ///< e, abs_m, m2, m4, chi, varE, U, xi_over_L; ends with NULL

/// Index of a name; -1: none of them.
int measure_of(const char *name);

/// cos and sin of 2πx/L. NULL: out of memory.
typedef struct measure_waves {
  uint64_t length;
  double cosine_sine[];
} measure_waves;
measure_waves *measure_waves_new(uint64_t length);

/// Moments of configuration c of a batch of L×L spins, L ≥ 2. waves NULL: MOMENT_WAVE is not needed, and 0.
void measure_moments(const fg_batch *batch, uint32_t c, const measure_waves *waves, double moments[MOMENTS]);

/// An observable of the mean moments on L×L sites, and its derivatives. Not finite where it is not defined.
double measure_value(int measure, uint64_t length, const double mean[MOMENTS], double gradient[MOMENTS]);

/// Its exact value in the Ising model at a coupling: e and varE on any size; all on L ≤ 4, by enumeration; m2, m4, chi and U
/// at the critical coupling for L ≤ 10, 12 and 16. NaN: not known, or out of memory.
int measure_is_known(int measure, uint64_t length, double coupling);
double measure_exact(const fg_host *host, int measure, uint64_t length, double coupling);

#endif
