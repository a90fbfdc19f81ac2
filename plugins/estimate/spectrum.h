// spectrum.h — structure factor and correlations of packed configurations on one periodic lattice of rows×width spins
// s = ±1, by FFTW: the squared Fourier transform is summed over configurations, in a fixed number of shares that threads
// fill at the same time, and read along the axes; one inverse transform of the sum gives the correlation function
// (Wiener and Khinchin). It knows no averages and no errors.
#ifndef PLUGINS_ESTIMATE_SPECTRUM_H
#define PLUGINS_ESTIMATE_SPECTRUM_H

#include "finegrain/finegrain.h"

#define SPECTRUM_MOST_SITES (UINT64_C(1) << 28)

/// What is read along lines, with N sites: G(r) = Σ_x s(x) s(x+r) / N for r = 0 … half the extent, and the structure factor
/// S(k) = |Σ_x s(x) e^{-ikx}|² / N for k = 2πn/extent, n = 0 … half the extent. Axis 1 lies along a row, axis 0 across.
enum {
  SPECTRUM_G_0,        ///< G(r, 0)
  SPECTRUM_G_1,        ///< G(0, r)
  SPECTRUM_G_DIAGONAL, ///< mean of G(r, r) and G(r, -r); half the smaller extent
  SPECTRUM_S_0,        ///< S(k, 0)
  SPECTRUM_S_1,        ///< S(0, k)
  SPECTRUM_LINES
};

/// Of one configuration.
typedef struct spectrum_sample {
  double zero;     ///< S(0) = (Σ s)²/N
  double first[2]; ///< S at the smallest wave vector along axis 0 and axis 1; S(0) where the extent is 1
  double half;     ///< G at half the extent (rounded down), mean over the axes longer than 1; 1 on a single site
} spectrum_sample;

typedef struct spectrum spectrum;

/// Numbers of a line, and of all lines together.
uint32_t spectrum_length(uint64_t rows, uint64_t width, int line);
uint32_t spectrum_all_lengths(uint64_t rows, uint64_t width);

/// rows·width ≤ SPECTRUM_MOST_SITES. NULL: reported. Calls FFTW's planner, which takes the first plan that will do, so that
/// results do not depend on timing. [stage]
spectrum *spectrum_new(const fg_host *host, uint64_t rows, uint64_t width);
void spectrum_free(const fg_host *host, spectrum *s); ///< NULL is allowed [stage]
uint64_t spectrum_bytes(uint64_t rows, uint64_t width);

/// How many shares there are: it depends on the lattice alone.
uint32_t spectrum_shares(const spectrum *s);

/// Adds configuration i of a batch to a share. [any thread, one at a time in each share]
void spectrum_add(spectrum *s, uint32_t share, const fg_batch *batch, uint32_t i, spectrum_sample *sample);

/// Adds what all shares hold, summed over their configurations, to lines[], one line after the other, and empties the
/// shares. [stage]
void spectrum_take(spectrum *s, double *lines);

#endif
