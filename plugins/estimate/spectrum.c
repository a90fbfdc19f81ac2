// spectrum.c — see spectrum.h. Transforms are real and in place: width/2+1 complex numbers a row.
#include "spectrum.h"

#include <fftw3.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SHARES 8u
#define FEWEST_SHARES 2u
#define SHARES_BYTES (UINT64_C(1) << 28) // of all shares, unless FEWEST_SHARES are larger

typedef struct spectrum_share {
  uint64_t count; ///< configurations since the last spectrum_take
  double *field;  ///< a configuration, then its transform
  double *power;  ///< Σ |transform|², a number a wave vector of the half that is stored
} spectrum_share;

struct spectrum {
  uint64_t rows, width, stored; ///< stored: wave vectors a row, width/2+1
  uint32_t shares;
  spectrum_share *share;
  fftw_plan forward, backward;
  double *multiplicity; ///< of a stored wave vector: 2 when it stands for its negative, too
  double *half[2];      ///< cos(k r) for r = half the extent: axis 0; axis 1, times multiplicity
};

// ---- lines

uint32_t spectrum_length(uint64_t rows, uint64_t width, int line) {
  uint64_t smaller = rows < width ? rows : width;
  switch (line) {
  case SPECTRUM_G_0:
  case SPECTRUM_S_0: return (uint32_t)(rows / 2 + 1);
  case SPECTRUM_G_1:
  case SPECTRUM_S_1: return (uint32_t)(width / 2 + 1);
  default: return (uint32_t)(smaller / 2 + 1);
  }
}

uint32_t spectrum_all_lengths(uint64_t rows, uint64_t width) {
  uint32_t sum = 0;
  for (int line = 0; line < SPECTRUM_LINES; line++) sum += spectrum_length(rows, width, line);
  return sum;
}

// ---- memory and plans

static uint64_t share_bytes(uint64_t rows, uint64_t width) { return rows * (width / 2 + 1) * 3 * sizeof(double); }

static uint32_t shares_of(uint64_t rows, uint64_t width) {
  uint64_t fit = SHARES_BYTES / share_bytes(rows, width);
  return fit > MOST_SHARES ? MOST_SHARES : fit < FEWEST_SHARES ? FEWEST_SHARES : (uint32_t)fit;
}

// What FFTW keeps for a plan of two dimensions is of the order of the extents, unless they are large primes.
uint64_t spectrum_bytes(uint64_t rows, uint64_t width) {
  return sizeof(spectrum) + shares_of(rows, width) * (sizeof(spectrum_share) + share_bytes(rows, width)) +
         (rows + width + 2) * 16 * sizeof(double);
}

static fg_status make_plans(void *arg) {
  spectrum *s = arg;
  double *field = s->share[0].field;
  fftw_complex *transform = (fftw_complex *)field;
  s->forward = fftw_plan_dft_r2c_2d((int)s->rows, (int)s->width, field, transform, FFTW_ESTIMATE);
  s->backward = fftw_plan_dft_c2r_2d((int)s->rows, (int)s->width, transform, field, FFTW_ESTIMATE);
  return s->forward && s->backward ? FG_OK : FG_FAILED;
}

static fg_status drop_plans(void *arg) {
  spectrum *s = arg;
  if (s->forward) fftw_destroy_plan(s->forward);
  if (s->backward) fftw_destroy_plan(s->backward);
  return FG_OK;
}

void spectrum_free(const fg_host *host, spectrum *s) {
  if (!s) return;
  host->serialize(host, "fftw", drop_plans, s);
  for (uint32_t t = 0; s->share && t < s->shares; t++) {
    fftw_free(s->share[t].field);
    fftw_free(s->share[t].power);
  }
  free(s->share);
  free(s->multiplicity);
  free(s->half[0]);
  free(s->half[1]);
  free(s);
}

/// All memory there is to be had; 0 when there is none left.
static int allocate(spectrum *s) {
  const uint64_t stored = s->rows * s->stored;
  s->share = calloc(s->shares, sizeof *s->share);
  s->multiplicity = calloc(s->stored, sizeof(double));
  s->half[0] = calloc(s->rows, sizeof(double));
  s->half[1] = calloc(s->stored, sizeof(double));
  if (!s->share || !s->multiplicity || !s->half[0] || !s->half[1]) return 0;
  for (uint32_t t = 0; t < s->shares; t++) {
    s->share[t].field = fftw_alloc_real(2 * stored);
    s->share[t].power = fftw_alloc_real(stored);
    if (!s->share[t].field || !s->share[t].power) return 0;
    memset(s->share[t].power, 0, stored * sizeof(double));
  }
  return 1;
}

/// cos(k r) for wave vector 2πn/extent and r = extent/2, exactly ±1 for even extents.
static double cosine_at_half(uint64_t n, uint64_t extent) {
  return cos(2 * M_PI * (double)(n * (extent / 2) % extent) / (double)extent);
}

static void fill_tables(spectrum *s) {
  for (uint64_t x = 0; x < s->stored; x++) {
    s->multiplicity[x] = x == 0 || 2 * x == s->width ? 1 : 2;
    s->half[1][x] = s->multiplicity[x] * cosine_at_half(x, s->width);
  }
  for (uint64_t y = 0; y < s->rows; y++) s->half[0][y] = cosine_at_half(y, s->rows);
}

spectrum *spectrum_new(const fg_host *host, uint64_t rows, uint64_t width) {
  spectrum *s = calloc(1, sizeof *s);
  if (s) *s = (spectrum){.rows = rows, .width = width, .stored = width / 2 + 1, .shares = shares_of(rows, width)};
  if (!s || !allocate(s)) {
    host->fail(host, "out of memory for Fourier transforms of %" PRIu64 "x%" PRIu64 " lattices", rows, width);
  } else if (host->serialize(host, "fftw", make_plans, s) != FG_OK) {
    host->fail(host, "FFTW has no plan for %" PRIu64 "x%" PRIu64 " lattices", rows, width);
  } else {
    fill_tables(s);
    return s;
  }
  spectrum_free(host, s);
  return NULL;
}

uint32_t spectrum_shares(const spectrum *s) { return s->shares; }

// ---- adding

static void unpack(const spectrum *s, const fg_batch *batch, uint32_t i, double *field) {
  for (uint64_t y = 0; y < s->rows; y++) {
    const uint64_t *row = fg_batch_row(batch, i, y);
    double *out = field + y * 2 * s->stored;
    for (uint64_t x = 0; x < s->width; x++) out[x] = (double)(2 * (int)fg_bit_get(row, x) - 1);
  }
}

/// |transform|² at a stored wave vector.
static double square_at(const double *transform, uint64_t k) {
  return transform[2 * k] * transform[2 * k] + transform[2 * k + 1] * transform[2 * k + 1];
}

void spectrum_add(spectrum *s, uint32_t index, const fg_batch *batch, uint32_t i, spectrum_sample *sample) {
  spectrum_share *here = &s->share[index];
  const double *transform = here->field, sites = (double)(s->rows * s->width);
  double half[2] = {0, 0};
  unpack(s, batch, i, here->field);
  fftw_execute_dft_r2c(s->forward, here->field, (fftw_complex *)here->field);
  for (uint64_t y = 0, k = 0; y < s->rows; y++) {
    double along_row = 0;
    for (uint64_t x = 0; x < s->stored; x++, k++) {
      double square = square_at(transform, k);
      here->power[k] += square;
      along_row += s->multiplicity[x] * square;
      half[1] += s->half[1][x] * square;
    }
    half[0] += s->half[0][y] * along_row;
  }
  here->count++;

  const double axes = (double)(s->rows > 1) + (double)(s->width > 1);
  double sum = (s->rows > 1 ? half[0] : 0) + (s->width > 1 ? half[1] : 0);
  *sample = (spectrum_sample){.zero = square_at(transform, 0) / sites,
                              .first = {square_at(transform, s->rows > 1 ? s->stored : 0) / sites,
                                        square_at(transform, s->width > 1 ? 1 : 0) / sites},
                              .half = axes > 0 ? sum / (axes * sites * sites) : 1};
}

// ---- taking

/// The shares' sums, in order, into the first; they are empty afterwards but for that.
static void gather(spectrum *s) {
  const uint64_t stored = s->rows * s->stored;
  for (uint32_t t = 1; t < s->shares; t++) {
    if (s->share[t].count == 0) continue;
    for (uint64_t k = 0; k < stored; k++) s->share[0].power[k] += s->share[t].power[k];
    memset(s->share[t].power, 0, stored * sizeof(double));
    s->share[t].count = 0;
  }
}

void spectrum_take(spectrum *s, double *lines) {
  const uint64_t rows = s->rows, width = s->width, stored = s->stored, row = 2 * stored;
  const double sites = (double)(rows * width), normal = 1 / (sites * sites); // FFTW's transforms are not normalised
  double *power = s->share[0].power, *field = s->share[0].field, *line[SPECTRUM_LINES];
  uint32_t length[SPECTRUM_LINES];
  for (int l = 0; l < SPECTRUM_LINES; l++) {
    length[l] = spectrum_length(rows, width, l);
    line[l] = lines;
    lines += length[l];
  }
  gather(s);
  for (uint32_t n = 0; n < length[SPECTRUM_S_0]; n++) line[SPECTRUM_S_0][n] += power[n * stored] / sites;
  for (uint32_t n = 0; n < length[SPECTRUM_S_1]; n++) line[SPECTRUM_S_1][n] += power[n] / sites;

  for (uint64_t k = 0; k < rows * stored; k++) {
    field[2 * k] = power[k];
    field[2 * k + 1] = 0;
  }
  fftw_execute_dft_c2r(s->backward, (fftw_complex *)field, field);
  for (uint32_t r = 0; r < length[SPECTRUM_G_0]; r++) line[SPECTRUM_G_0][r] += field[r * row] * normal;
  for (uint32_t r = 0; r < length[SPECTRUM_G_1]; r++) line[SPECTRUM_G_1][r] += field[r] * normal;
  for (uint32_t r = 0; r < length[SPECTRUM_G_DIAGONAL]; r++)
    line[SPECTRUM_G_DIAGONAL][r] += (field[r * row + r] + field[r * row + (width - r) % width]) / 2 * normal;

  memset(power, 0, rows * stored * sizeof(double));
  s->share[0].count = 0;
}
