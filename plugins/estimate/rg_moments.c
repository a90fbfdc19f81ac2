// rg_moments.c — see rg_moments.h. Values are kept relative to those of the first configuration, so that little
// cancels; being whole numbers, their sums of products are exact as long as they are below 2^53, in whatever order
// they are added.
#include "rg_moments.h"

#include <stdlib.h>
#include <string.h>

#define LANES 8u // operators multiplied side by side
#define ROWS 4u  // rows of the products one call of parallel_for's body sums

struct rg_moments {
  uint32_t count[2];
  uint32_t stride;  ///< from one configuration's values to the next; there is room for LANES more
  uint32_t waiting; ///< configurations filled in but not yet summed
  int begun;        ///< the origin is known
  bins *bins;
  double *origin[2]; ///< of the coarse and the fine lattice: values of the first configuration
  double *values[2]; ///< RG_MOMENTS_TOGETHER × stride
};

enum { COARSE, FINE };

// ---- where the moments of a parity lie: means coarse, means fine, products coarse·coarse (upper triangle), coarse·fine

static size_t triangle(size_t n) { return n * (n + 1) / 2; }

static size_t length_of(size_t n) { return 2 * n + triangle(n) + n * n; }

static size_t start_of(const uint32_t count[2], int parity) { return parity ? length_of(count[0]) : 0; }

/// Row a of the triangle begins at its diagonal.
static size_t triangle_row(size_t n, size_t a) { return a * n - a * (a - 1) / 2; }

uint32_t rg_moments_length(const uint32_t count[2]) { return (uint32_t)(length_of(count[0]) + length_of(count[1])); }

static uint64_t stride_of(const uint32_t count[2]) {
  return (count[0] + count[1] + UINT64_C(2) * LANES) / LANES * LANES;
}

rg_moments *rg_moments_new(const uint32_t count[2]) {
  rg_moments *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  m->count[0] = count[0];
  m->count[1] = count[1];
  m->stride = (uint32_t)stride_of(count);
  m->bins = bins_new(rg_moments_length(count));
  int complete = m->bins != NULL;
  for (int side = COARSE; side <= FINE; side++) {
    m->origin[side] = calloc(m->stride, sizeof(double));
    m->values[side] = calloc((size_t)RG_MOMENTS_TOGETHER * m->stride, sizeof(double));
    complete = complete && m->origin[side] && m->values[side];
  }
  if (complete) return m;
  rg_moments_free(m);
  return NULL;
}

void rg_moments_free(rg_moments *m) {
  if (!m) return;
  for (int side = COARSE; side <= FINE; side++) {
    free(m->origin[side]);
    free(m->values[side]);
  }
  bins_free(m->bins);
  free(m);
}

uint64_t rg_moments_bytes(const uint32_t count[2]) {
  return sizeof(rg_moments) + bins_bytes(rg_moments_length(count)) +
         UINT64_C(2) * (RG_MOMENTS_TOGETHER + 1) * stride_of(count) * sizeof(double);
}

uint32_t rg_moments_room(const rg_moments *m) { return RG_MOMENTS_TOGETHER - m->waiting; }

static double *values_of(const rg_moments *m, int side, uint32_t k) { return m->values[side] + (size_t)k * m->stride; }

double *rg_moments_coarse(rg_moments *m, uint32_t k) { return values_of(m, COARSE, m->waiting + k); }

double *rg_moments_fine(rg_moments *m, uint32_t k) { return values_of(m, FINE, m->waiting + k); }

const bins *rg_moments_bins(const rg_moments *m) { return m->bins; }

// ---- summing

/// Configurations that go to one bin.
typedef struct summing {
  const rg_moments *m;
  uint32_t first, count;
  double *sums;
} summing;

/// into[b] += Σ over the configurations of x · y[b], b < n. Eight b at a time are summed apart, so that it is
/// vectorised; the values beyond the last are somebody's, or nobody's, and are not kept.
static void add_products(const summing *work, const double *x, const double *y, uint32_t n, double *into) {
  const uint32_t stride = work->m->stride;
  for (uint32_t b = 0; b < n; b += LANES) {
    double sum[LANES] = {0};
    const double *left = x, *right = y + b;
    for (uint32_t c = 0; c < work->count; c++, left += stride, right += stride)
      for (uint32_t k = 0; k < LANES; k++) sum[k] += *left * right[k];
    for (uint32_t k = 0; k < LANES && b + k < n; k++) into[b + k] += sum[k];
  }
}

/// Some rows of one parity.
static fg_status sum_rows(void *arg, uint64_t task) {
  const summing *work = arg;
  const rg_moments *m = work->m;
  const uint64_t even_tasks = (m->count[0] + ROWS - 1) / ROWS;
  const int parity = task >= even_tasks;
  const uint32_t n = m->count[parity], first_row = (uint32_t)(task - (parity ? even_tasks : 0)) * ROWS;
  const uint32_t end = n - first_row < ROWS ? n : first_row + ROWS;
  const double *coarse = values_of(m, COARSE, work->first) + (parity ? m->count[0] : 0);
  const double *fine = values_of(m, FINE, work->first) + (parity ? m->count[0] : 0);
  double *means = work->sums + start_of(m->count, parity), *squares = means + 2 * (size_t)n,
         *mixed = squares + triangle(n);
  for (uint32_t a = first_row; a < end; a++) {
    for (uint32_t c = 0; c < work->count; c++) {
      means[a] += coarse[(size_t)c * m->stride + a];
      means[n + a] += fine[(size_t)c * m->stride + a];
    }
    add_products(work, coarse + a, coarse + a, n - a, squares + triangle_row(n, a));
    add_products(work, coarse + a, fine, n, mixed + (size_t)n * a);
  }
  return FG_OK;
}

/// What is waiting, relative to the first configuration, into its bins.
static fg_status absorb(rg_moments *m, const fg_host *host) {
  const uint32_t total = m->count[0] + m->count[1];
  const uint64_t tasks = (m->count[0] + ROWS - 1) / ROWS + (m->count[1] + ROWS - 1) / ROWS;
  fg_status status = FG_OK;
  for (int side = COARSE; side <= FINE; side++) {
    if (!m->begun) memcpy(m->origin[side], m->values[side], total * sizeof(double));
    for (uint32_t c = 0; c < m->waiting; c++)
      for (uint32_t k = 0; k < total; k++) values_of(m, side, c)[k] -= m->origin[side][k];
  }
  m->begun = 1;
  for (uint32_t first = 0, take; status == FG_OK && first < m->waiting; first += take) {
    uint64_t room = bins_room(m->bins);
    take = room < m->waiting - first ? (uint32_t)room : m->waiting - first;
    summing work = {m, first, take, bins_next(m->bins, take)};
    status = host->parallel_for(host, tasks, sum_rows, &work);
  }
  m->waiting = 0;
  return status;
}

fg_status rg_moments_add(rg_moments *m, const fg_host *host, uint32_t count) {
  m->waiting += count;
  return m->waiting == RG_MOMENTS_TOGETHER ? absorb(m, host) : FG_OK;
}

fg_status rg_moments_finish(rg_moments *m, const fg_host *host) { return m->waiting ? absorb(m, host) : FG_OK; }

// ---- covariances

void rg_moments_covariance(const uint32_t count[2], int parity, const double *mean, double *coarse, double *mixed) {
  const uint32_t n = count[parity];
  const double *coarse_mean = mean + start_of(count, parity), *fine_mean = coarse_mean + n;
  const double *squares = coarse_mean + 2 * (size_t)n, *products = squares + triangle(n);
  for (uint32_t a = 0; a < n; a++) {
    for (uint32_t b = a; b < n; b++)
      coarse[(size_t)a * n + b] = coarse[(size_t)b * n + a] =
          squares[triangle_row(n, a) + b - a] - coarse_mean[a] * coarse_mean[b];
    for (uint32_t b = 0; b < n; b++)
      mixed[(size_t)a * n + b] = products[(size_t)a * n + b] - coarse_mean[a] * fine_mean[b];
  }
}

// ---- derivatives: a gradient has the moments of a parity with m operators, that of the first ones

/// d cov(x, y) = d⟨xy⟩ - ⟨x⟩ d⟨y⟩ - ⟨y⟩ d⟨x⟩.
void rg_moments_gradient(const uint32_t count[2], int parity, uint32_t m, const double *mean, const double *by_coarse,
                         const double *by_mixed, double *gradient) {
  const double *coarse_mean = mean + start_of(count, parity), *fine_mean = coarse_mean + count[parity];
  double *coarse = gradient, *fine = coarse + m, *squares = fine + m, *mixed = squares + triangle(m);
  memset(gradient, 0, 2 * (size_t)m * sizeof *gradient);
  memcpy(mixed, by_mixed, (size_t)m * m * sizeof *mixed);
  for (uint32_t a = 0; a < m; a++) {
    for (uint32_t b = 0; b < m; b++) {
      const double both = by_coarse[(size_t)a * m + b] + by_coarse[(size_t)b * m + a];
      const double across = by_mixed[(size_t)a * m + b];
      if (b >= a) squares[triangle_row(m, a) + b - a] = a == b ? both / 2 : both;
      coarse[a] -= both * coarse_mean[b] + across * fine_mean[b];
      fine[b] -= across * coarse_mean[a];
    }
  }
}

/// Σ x·y, eight sums side by side.
static double times(const double *x, const double *y, uint32_t n) {
  double sum[LANES] = {0}, all = 0;
  uint32_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (uint32_t k = 0; k < LANES; k++) sum[k] += x[i + k] * y[i + k];
  for (uint32_t k = 0; k < LANES; k++) all += sum[k];
  for (; i < n; i++) all += x[i] * y[i];
  return all;
}

double rg_moments_times(const uint32_t count[2], int parity, uint32_t m, const double *gradient,
                        const double *moments) {
  const uint32_t n = count[parity];
  const double *means = moments + start_of(count, parity), *squares = means + 2 * (size_t)n,
               *mixed = squares + triangle(n);
  const double *by_squares = gradient + 2 * (size_t)m, *by_mixed = by_squares + triangle(m);
  double sum = times(gradient, means, m) + times(gradient + m, means + n, m);
  for (uint32_t a = 0; a < m; a++) {
    sum += times(by_squares + triangle_row(m, a), squares + triangle_row(n, a), m - a);
    sum += times(by_mixed + (size_t)a * m, mixed + (size_t)a * n, m);
  }
  return sum;
}
