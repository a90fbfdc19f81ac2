// measures.c — see measures.h.
#include "measures.h"

#include "plugins/estimate/energy.h"
#include "plugins/estimate/exact_moments.h"
#include "plugins/estimate/kaufman.h"

#include <stdlib.h>
#include <string.h>

#define MOST_ENUMERATED 4u  // L: 2¹⁶ configurations
#define UNIFORM 1e20        // beyond this ratio of S(0) to S(2π/L) the latter is rounding
#define SAME_COUPLING 1e-12 // couplings this near to Kc are Kc

const char *const measure_names[] = {"e", "abs_m", "m2", "m4", "chi", "varE", "U", "xi_over_L", NULL};

int measure_of(const char *name) {
  for (int m = 0; m < MEASURES; m++)
    if (strcmp(name, measure_names[m]) == 0) return m;
  return -1;
}

// ---- a configuration

measure_waves *measure_waves_new(uint64_t length) {
  measure_waves *waves = malloc(sizeof *waves + 2 * length * sizeof(double));
  if (!waves) return NULL;
  waves->length = length;
  for (uint64_t x = 0; x < length; x++) {
    waves->cosine_sine[2 * x] = cos(2 * M_PI * (double)x / (double)length);
    waves->cosine_sine[2 * x + 1] = sin(2 * M_PI * (double)x / (double)length);
  }
  return waves;
}

/// S(2π/L), mean over both axes. The waves of the spins that are up suffice, for a wave sums to 0 over the lattice.
static double structure_factor(const fg_batch *batch, uint32_t c, const measure_waves *waves) {
  const uint64_t length = waves->length;
  double along[2] = {0, 0}, across[2] = {0, 0};
  for (uint64_t y = 0; y < length; y++) {
    const uint64_t *row = fg_batch_row(batch, c, y);
    uint64_t up = 0;
    for (uint64_t w = 0; w < (length + 63) / 64; w++) {
      up += (uint64_t)__builtin_popcountll(row[w]);
      for (uint64_t word = row[w]; word; word &= word - 1) {
        const double *wave = waves->cosine_sine + 2 * (64 * w + (uint64_t)__builtin_ctzll(word));
        along[0] += wave[0];
        along[1] += wave[1];
      }
    }
    across[0] += (double)up * waves->cosine_sine[2 * y];
    across[1] += (double)up * waves->cosine_sine[2 * y + 1];
  }
  const double squares = along[0] * along[0] + along[1] * along[1] + across[0] * across[0] + across[1] * across[1];
  return 2 * squares / (double)(length * length);
}

void measure_moments(const fg_batch *batch, uint32_t c, const measure_waves *waves, double moments[MOMENTS]) {
  const double sites = (double)fg_lattice_sites(&batch->lattice);
  const energy_counts counts = energy_count(batch, c, 0, batch->rows);
  const double e = 2 * (double)counts.unlike / sites - 2, m = 2 * (double)counts.up / sites - 1;
  moments[MOMENT_E] = e;
  moments[MOMENT_E2] = e * e;
  moments[MOMENT_ABS_M] = fabs(m);
  moments[MOMENT_M2] = m * m;
  moments[MOMENT_M4] = m * m * m * m;
  moments[MOMENT_WAVE] = waves ? structure_factor(batch, c, waves) / sites : 0;
}

// ---- observables

double measure_value(int measure, uint64_t length, const double mean[MOMENTS], double gradient[MOMENTS]) {
  const double sites = (double)length * (double)length, m2 = mean[MOMENT_M2];
  for (int i = 0; i < MOMENTS; i++) gradient[i] = 0;
  switch (measure) {
  case MEASURE_E: gradient[MOMENT_E] = 1; return mean[MOMENT_E];
  case MEASURE_ABS_M: gradient[MOMENT_ABS_M] = 1; return mean[MOMENT_ABS_M];
  case MEASURE_M2: gradient[MOMENT_M2] = 1; return m2;
  case MEASURE_M4: gradient[MOMENT_M4] = 1; return mean[MOMENT_M4];
  case MEASURE_CHI: gradient[MOMENT_M2] = sites; return sites * m2;
  case MEASURE_VARIANCE:
    gradient[MOMENT_E2] = sites;
    gradient[MOMENT_E] = -2 * sites * mean[MOMENT_E];
    return sites * (mean[MOMENT_E2] - mean[MOMENT_E] * mean[MOMENT_E]);
  case MEASURE_U:
    gradient[MOMENT_M4] = 1 / (m2 * m2);
    gradient[MOMENT_M2] = -2 * mean[MOMENT_M4] / (m2 * m2 * m2);
    return mean[MOMENT_M4] / (m2 * m2);
  default: { // MEASURE_XI
    const double wave = mean[MOMENT_WAVE], root = m2 < UNIFORM * wave ? sqrt(m2 / wave - 1) : NAN;
    const double scale = 1 / (2 * sin(M_PI / (double)length) * (double)length);
    gradient[MOMENT_M2] = scale / (2 * root * wave);
    gradient[MOMENT_WAVE] = -scale * m2 / (2 * root * wave * wave);
    return scale * root;
  }
  }
}

// ---- exact values

/// Mean moments over all configurations of L×L spins, weighted by exp(-K E); 0 when memory is out.
static int enumerate(const fg_host *host, uint64_t length, double coupling, double mean[MOMENTS]) {
  const fg_lattice lattice = fg_lattice_square(length);
  const double ground = -2 * (double)(length * length); // the least energy there can be
  measure_waves *waves = measure_waves_new(length);
  fg_batch *one = host->batch_new(host, FG_SPIN1, &lattice, 1);
  double sum = 0;
  for (int i = 0; i < MOMENTS; i++) mean[i] = 0;
  for (uint64_t number = 0; waves && one && number < UINT64_C(1) << length * length; number++) {
    double moments[MOMENTS];
    for (uint64_t y = 0; y < length; y++)
      *fg_batch_row_mut(one, 0, y) = number >> y * length & ((UINT64_C(1) << length) - 1);
    measure_moments(one, 0, waves, moments);
    const double energy = moments[MOMENT_E] * (double)(length * length);
    const double weight = exp(-coupling * energy - fabs(coupling * ground));
    sum += weight;
    for (int i = 0; i < MOMENTS; i++) mean[i] += weight * moments[i];
  }
  for (int i = 0; i < MOMENTS; i++) mean[i] /= sum;
  if (one) host->batch_unref(host, one);
  free(waves);
  return sum > 0;
}

/// Moments of the magnetisation of larger lattices; NULL: not known.
static const exact_moments *critical_moments(uint64_t length, double coupling) {
  return fabs(coupling - CRITICAL_COUPLING) < SAME_COUPLING ? exact_moments_of(length) : NULL;
}

int measure_is_known(int measure, uint64_t length, double coupling) {
  if (length <= MOST_ENUMERATED || measure == MEASURE_E || measure == MEASURE_VARIANCE) return 1;
  const int of_moments =
      measure == MEASURE_M2 || measure == MEASURE_M4 || measure == MEASURE_CHI || measure == MEASURE_U;
  return of_moments && critical_moments(length, coupling);
}

double measure_exact(const fg_host *host, int measure, uint64_t length, double coupling) {
  double mean[MOMENTS], gradient[MOMENTS];
  if (!measure_is_known(measure, length, coupling)) return NAN;
  if (measure == MEASURE_E) return kaufman_torus(length, length, coupling).energy;
  if (measure == MEASURE_VARIANCE) return kaufman_torus(length, length, coupling).variance;
  if (length <= MOST_ENUMERATED)
    return enumerate(host, length, coupling, mean) ? measure_value(measure, length, mean, gradient) : NAN;
  const exact_moments *exact = critical_moments(length, coupling);
  switch (measure) {
  case MEASURE_M2: return exact->m2;
  case MEASURE_M4: return exact->u * exact->m2 * exact->m2;
  case MEASURE_CHI: return exact->m2 * (double)(length * length);
  default: return exact->u;
  }
}
