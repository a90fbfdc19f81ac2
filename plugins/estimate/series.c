// series.c — see series.h.
#include "series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_MERGES 48u                                        // bins of up to 2⁴⁸ configurations
#define PRODUCTS (SERIES_MOMENTS * (SERIES_MOMENTS + 1u) / 2u) // of two moments
#define ALL_MOMENTS (SERIES_MOST_PARTS * SERIES_MOMENTS)
#define WINDOW_FACTOR 1.5 // S of the Γ-method
#define FEWEST_BINS 4u    // of a jackknife, if there are so many

typedef struct moments {
  double x[SERIES_MOMENTS];
} moments;

typedef struct chain {
  uint32_t id;
  uint64_t count; ///< configurations
  uint64_t bins, capacity;
  moments *bin; ///< sums over `width` configurations each
  moments carry
      [MOST_MERGES]; ///< carry[k]: sum over 2^k configurations of the bin begun, where bit k of count % width is set
  double product[PRODUCTS]; ///< Σ x_i x_j over configurations, i ≤ j, row by row
} chain;

struct series {
  uint32_t merges; ///< the width of a bin is 2^merges
  uint32_t chains, chain_capacity;
  uint64_t bins; ///< over all chains
  chain *chain;
};

// ---- filling

series *series_new(void) { return calloc(1, sizeof(series)); }

void series_free(series *s) {
  if (!s) return;
  for (uint32_t c = 0; c < s->chains; c++) free(s->chain[c].bin);
  free(s->chain);
  free(s);
}

// Arrays double when they are full.
uint64_t series_bytes(uint64_t chains) {
  return sizeof(series) + 2 * chains * sizeof(chain) + 2 * (SERIES_MOST_BINS + 1 + 4 * chains) * sizeof(moments);
}

uint64_t series_estimate_bytes(void) { return (SERIES_MOST_BINS + 1) * sizeof(double); }

uint32_t series_chains(const series *s) { return s->chains; }

uint64_t series_count(const series *s) {
  uint64_t count = 0;
  for (uint32_t c = 0; c < s->chains; c++) count += s->chain[c].count;
  return count;
}

int64_t series_chain(series *s, uint32_t id) {
  for (uint32_t c = 0; c < s->chains; c++)
    if (s->chain[c].id == id) return c;
  if (s->chains == s->chain_capacity) {
    uint32_t capacity = s->chain_capacity ? 2 * s->chain_capacity : 1;
    chain *grown = realloc(s->chain, capacity * sizeof *grown);
    if (!grown) return -1;
    s->chain = grown;
    s->chain_capacity = capacity;
  }
  s->chain[s->chains] = (chain){.id = id};
  return s->chains++;
}

static void add_moments(moments *into, const moments *other) {
  for (uint32_t i = 0; i < SERIES_MOMENTS; i++) into->x[i] += other->x[i];
}

/// Doubles the width. An odd bin out joins the sums of the bin begun.
static void merge_bins(series *s) {
  s->bins = 0;
  for (uint32_t c = 0; c < s->chains; c++) {
    chain *here = &s->chain[c];
    uint64_t pairs = here->bins / 2;
    if (here->bins % 2) here->carry[s->merges] = here->bin[here->bins - 1];
    for (uint64_t b = 0; b < pairs; b++) {
      moments sum = here->bin[2 * b];
      add_moments(&sum, &here->bin[2 * b + 1]);
      here->bin[b] = sum;
    }
    here->bins = pairs;
    s->bins += pairs;
  }
  s->merges++;
}

static int append_bin(series *s, chain *here, const moments *sum) {
  if (here->bins == here->capacity) {
    uint64_t capacity = here->capacity ? 2 * here->capacity : 4;
    moments *grown = realloc(here->bin, capacity * sizeof *grown);
    if (!grown) return -1;
    here->bin = grown;
    here->capacity = capacity;
  }
  here->bin[here->bins++] = *sum;
  s->bins++;
  if (s->bins > SERIES_MOST_BINS && s->merges + 1 < MOST_MERGES) merge_bins(s);
  return 0;
}

int series_add(series *s, int64_t index, const double x[SERIES_MOMENTS]) {
  chain *here = &s->chain[index];
  double *product = here->product;
  for (uint32_t i = 0; i < SERIES_MOMENTS; i++)
    for (uint32_t j = i; j < SERIES_MOMENTS; j++) *product++ += x[i] * x[j];

  // Counting in binary: a one more than 2^k ones carries the sum of as many configurations to the next place.
  moments sum;
  memcpy(sum.x, x, sizeof sum.x);
  uint64_t place = here->count++;
  uint32_t k = 0;
  for (; k < s->merges && (place >> k & 1); k++) {
    moments carried = here->carry[k];
    add_moments(&carried, &sum);
    sum = carried;
  }
  if (k == s->merges) return append_bin(s, here, &sum);
  here->carry[k] = sum;
  return 0;
}

int series_aligned(const series *a, const series *b) {
  if (a->chains != b->chains) return 0;
  for (uint32_t c = 0; c < a->chains; c++)
    if (a->chain[c].id != b->chain[c].id || a->chain[c].count != b->chain[c].count) return 0;
  return a->merges == b->merges;
}

// ---- estimating

/// A function at the means, ready for its error.
typedef struct estimate {
  const series *const *parts;
  uint32_t part_count;
  series_function *function;
  const void *arg;
  uint64_t n;
  double total[ALL_MOMENTS], mean[ALL_MOMENTS], gradient[ALL_MOMENTS];
  double *influence; ///< of every full bin, chain after chain: gradient · (mean of the bin - mean)
} estimate;

/// Adds the sums of bins begin … end-1 of chain c and, with `rest`, of the bin begun. Returns their configurations.
static uint64_t add_bins(const estimate *e, uint32_t c, uint64_t begin, uint64_t end, int rest,
                         double sum[ALL_MOMENTS]) {
  uint64_t width = UINT64_C(1) << e->parts[0]->merges, left = e->parts[0]->chain[c].count % width;
  for (uint32_t p = 0; p < e->part_count; p++) {
    const chain *here = &e->parts[p]->chain[c];
    moments part = {{0}};
    for (uint64_t b = begin; b < end; b++) add_moments(&part, &here->bin[b]);
    for (uint32_t k = 0; rest && k < e->parts[p]->merges; k++)
      if (left >> k & 1) add_moments(&part, &here->carry[k]);
    for (uint32_t i = 0; i < SERIES_MOMENTS; i++) sum[p * SERIES_MOMENTS + i] += part.x[i];
  }
  return (end - begin) * width + (rest ? left : 0);
}

static void find_influence(estimate *e) {
  const double width = (double)(UINT64_C(1) << e->parts[0]->merges);
  double *out = e->influence;
  for (uint32_t c = 0; c < e->parts[0]->chains; c++) {
    for (uint64_t b = 0; b < e->parts[0]->chain[c].bins; b++) {
      double sum = 0;
      for (uint32_t p = 0; p < e->part_count; p++)
        for (uint32_t i = 0; i < SERIES_MOMENTS; i++)
          sum += e->gradient[p * SERIES_MOMENTS + i] *
                 (e->parts[p]->chain[c].bin[b].x[i] / width - e->mean[p * SERIES_MOMENTS + i]);
      *out++ = sum;
    }
  }
}

/// Γ(t): the mean product of two influences t bins apart in one chain, about their common mean. 0 when there is no pair.
static double covariance_at(const estimate *e, uint64_t t, double mean) {
  const double *chain_start = e->influence;
  double sum = 0;
  uint64_t pairs = 0;
  for (uint32_t c = 0; c < e->parts[0]->chains; c++) {
    uint64_t bins = e->parts[0]->chain[c].bins;
    for (uint64_t b = 0; b + t < bins; b++) sum += (chain_start[b] - mean) * (chain_start[b + t] - mean);
    if (bins > t) pairs += bins - t;
    chain_start += bins;
  }
  return pairs ? sum / (double)pairs : 0;
}

/// C = Σ_t Γ(t), over all t of both signs, so that the squared error is C/bins; NaN without fluctuations. The window is where the
/// systematic error of leaving out the rest and the statistical one of including it are expected to be alike (Wolff 2004,
/// eqs. 50–52); the subtracted mean's bias is repaired (eq. 49). *single: Γ(0).
static double covariance_sum(const estimate *e, double *single) {
  const double bins = (double)e->parts[0]->bins;
  uint64_t longest = 0;
  double mean = 0;
  for (uint64_t b = 0; b < e->parts[0]->bins; b++) mean += e->influence[b] / bins;
  for (uint32_t c = 0; c < e->parts[0]->chains; c++)
    if (e->parts[0]->chain[c].bins > longest) longest = e->parts[0]->chain[c].bins;

  const double zero = covariance_at(e, 0, mean);
  *single = zero;
  if (!(zero > 0)) return NAN;
  double tau = 0.5, sum = zero;
  uint64_t window = 0;
  for (uint64_t t = 1; t <= longest / 2; t++) {
    double here = covariance_at(e, t, mean);
    sum += 2 * here;
    tau += here / zero;
    window = t;
    double scale = tau > 0.5 ? WINDOW_FACTOR / log((2 * tau + 1) / (2 * tau - 1)) : 1e-9;
    if (exp(-(double)t / scale) < scale / sqrt((double)t * bins)) break;
  }
  if (!(sum > 0)) { // noise of a short run, or a chain that alternates
    sum = zero;
    window = 0;
  }
  double bias = sum / bins;
  *single += bias;
  return sum + (2 * (double)window + 1) * bias;
}

/// Variance of the linearised function over single configurations; NaN when it is not kept or lost in rounding.
static double single_variance(const estimate *e) {
  if (e->part_count > 1) return NAN;
  double variance = 0;
  uint32_t at = 0;
  for (uint32_t i = 0; i < SERIES_MOMENTS; i++) {
    for (uint32_t j = i; j < SERIES_MOMENTS; j++, at++) {
      double product = 0;
      for (uint32_t c = 0; c < e->parts[0]->chains; c++) product += e->parts[0]->chain[c].product[at];
      double covariance = product / (double)e->n - e->mean[i] * e->mean[j];
      variance += (i == j ? 1 : 2) * e->gradient[i] * e->gradient[j] * covariance;
    }
  }
  return variance > 0 ? variance : NAN;
}

/// Leaves out one bin after the other; bins of about `length` configurations, none longer than its chain. They may differ
/// in length: a bin of h of n configurations that shifts the value by d has the weight ((n-h)/n)² d².
static double jackknife(const estimate *e, double value, double length) {
  double squares = 0, ignored[ALL_MOMENTS];
  uint64_t bins = 0;
  for (uint32_t c = 0; c < e->parts[0]->chains; c++) {
    const chain *here = &e->parts[0]->chain[c];
    uint64_t cuts = (uint64_t)((double)here->count / length);
    if (e->parts[0]->chains == 1 && cuts < FEWEST_BINS) cuts = FEWEST_BINS;
    if (cuts > here->bins) cuts = here->bins;
    if (cuts < 1) cuts = 1;
    for (uint64_t j = 0; j < cuts; j++) {
      double sum[ALL_MOMENTS] = {0}, without[ALL_MOMENTS] = {0};
      uint64_t h = add_bins(e, c, j * here->bins / cuts, (j + 1) * here->bins / cuts, j + 1 == cuts, sum);
      if (h == e->n) return NAN;
      double left = (double)(e->n - h);
      for (uint32_t i = 0; i < e->part_count * SERIES_MOMENTS; i++) without[i] = (e->total[i] - sum[i]) / left;
      double shift = (e->function(e->arg, without, ignored) - value) * left / (double)e->n;
      squares += shift * shift;
    }
    bins += cuts;
  }
  return bins > 1 ? sqrt(squares * (double)bins / (double)(bins - 1)) : NAN;
}

int series_estimate(const series *const *parts, uint32_t part_count, series_function *function, const void *arg,
                    series_result *result) {
  const double width = (double)(UINT64_C(1) << parts[0]->merges);
  estimate e = {
      .parts = parts, .part_count = part_count, .function = function, .arg = arg, .n = series_count(parts[0])};
  *result = (series_result){NAN, NAN, NAN};
  if (!e.n) return 0;
  for (uint32_t c = 0; c < parts[0]->chains; c++) add_bins(&e, c, 0, parts[0]->chain[c].bins, 1, e.total);
  for (uint32_t i = 0; i < ALL_MOMENTS; i++) e.mean[i] = e.total[i] / (double)e.n;
  result->value = function(arg, e.mean, e.gradient);
  if (e.n < 2 || !isfinite(result->value)) return 0;

  e.influence = malloc((parts[0]->bins + 1) * sizeof *e.influence);
  if (!e.influence) return -1;
  find_influence(&e);
  double of_bins, sum = covariance_sum(&e, &of_bins);
  double single = parts[0]->merges == 0 ? of_bins : single_variance(&e);
  result->tau_int = width * sum / (2 * single);
  double two_tau = isnan(single) ? width * sum / of_bins : 2 * result->tau_int; // where unresolved, at least a bin
  if (!(two_tau > 1)) two_tau = 1;
  result->error = jackknife(&e, result->value, two_tau * cbrt((double)e.n / two_tau));
  free(e.influence);
  return 0;
}
