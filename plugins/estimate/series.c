// series.c — see series.h.
#include "series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_MERGES 48u                                        // bins of up to 2⁴⁸ configurations
#define PRODUCTS (SERIES_MOMENTS * (SERIES_MOMENTS + 1u) / 2u) // of two moments
#define ALL_MOMENTS (SERIES_MOST_PARTS * SERIES_MOMENTS)
#define WINDOW_FACTOR 1.5    // S of the Γ-method
#define FEWEST_BINS 4u       // of a jackknife, if there are so many
#define FEWEST_SLOTS 4u      // of a chain's array of bins
#define MOST_CANCELLED 1e-11 // of sums of products: below, what is left of their difference may be rounding
#define ROUNDING 1e-14       // fluctuations this small against what they are fluctuations of may be rounding

typedef struct moment_sums {
  double x[SERIES_MOMENTS];
} moment_sums;

typedef struct markov_chain {
  uint32_t id;
  uint64_t count; ///< configurations
  uint64_t bins, capacity;
  moment_sums *bin; ///< sums over `width` configurations each
  moment_sums carry
      [MOST_MERGES]; ///< carry[k]: sum over 2^k configurations of the bin begun, where bit k of count % width is set
  double product[PRODUCTS]; ///< Σ x_i x_j over configurations, i ≤ j, row by row
} markov_chain;

struct series {
  uint32_t merges; ///< the width of a bin is 2^merges
  uint32_t chains, chain_capacity;
  uint64_t bins; ///< over all chains
  markov_chain *chain;
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
  return sizeof(series) + 2 * chains * sizeof(markov_chain) +
         2 * (SERIES_MOST_BINS + 1 + FEWEST_SLOTS * chains) * sizeof(moment_sums);
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
    markov_chain *grown = realloc(s->chain, capacity * sizeof *grown);
    if (!grown) return -1;
    s->chain = grown;
    s->chain_capacity = capacity;
  }
  s->chain[s->chains] = (markov_chain){.id = id};
  return s->chains++;
}

static void add_moments(moment_sums *into, const moment_sums *other) {
  for (uint32_t i = 0; i < SERIES_MOMENTS; i++) into->x[i] += other->x[i];
}

/// Gives back the second half of a chain's array: chains that come one after the other would each leave one behind.
static void shrink(markov_chain *here) {
  uint64_t capacity = here->bins > FEWEST_SLOTS ? here->bins : FEWEST_SLOTS;
  moment_sums *shrunk = capacity < here->capacity ? realloc(here->bin, capacity * sizeof *shrunk) : NULL;
  if (!shrunk) return;
  here->bin = shrunk;
  here->capacity = capacity;
}

/// Doubles the width. An odd bin out joins the sums of the bin begun.
static void merge_bins(series *s) {
  s->bins = 0;
  for (uint32_t c = 0; c < s->chains; c++) {
    markov_chain *here = &s->chain[c];
    uint64_t pairs = here->bins / 2;
    if (here->bins % 2) here->carry[s->merges] = here->bin[here->bins - 1];
    for (uint64_t b = 0; b < pairs; b++) {
      moment_sums sum = here->bin[2 * b];
      add_moments(&sum, &here->bin[2 * b + 1]);
      here->bin[b] = sum;
    }
    here->bins = pairs;
    s->bins += pairs;
    shrink(here);
  }
  s->merges++;
}

static int append_bin(series *s, markov_chain *here, const moment_sums *sum) {
  if (here->bins == here->capacity) {
    uint64_t capacity = here->capacity ? 2 * here->capacity : FEWEST_SLOTS;
    moment_sums *grown = realloc(here->bin, capacity * sizeof *grown);
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
  markov_chain *here = &s->chain[index];
  double *product = here->product;
  for (uint32_t i = 0; i < SERIES_MOMENTS; i++)
    for (uint32_t j = i; j < SERIES_MOMENTS; j++) *product++ += x[i] * x[j];

  // Counting in binary: a one more than 2^k ones carries the sum of as many configurations to the next place.
  moment_sums sum;
  memcpy(sum.x, x, sizeof sum.x);
  uint64_t place = here->count++;
  uint32_t k = 0;
  for (; k < s->merges && (place >> k & 1); k++) {
    moment_sums carried = here->carry[k];
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
    const markov_chain *here = &e->parts[p]->chain[c];
    moment_sums part = {{0}};
    for (uint64_t b = begin; b < end; b++) add_moments(&part, &here->bin[b]);
    for (uint32_t k = 0; rest && k < e->parts[p]->merges; k++)
      if (left >> k & 1) add_moments(&part, &here->carry[k]);
    for (uint32_t i = 0; i < SERIES_MOMENTS; i++) sum[p * SERIES_MOMENTS + i] += part.x[i];
  }
  return (end - begin) * width + (rest ? left : 0);
}

/// How large the linearised function is, term by term: what rounding is measured against.
static double magnitude(const estimate *e) {
  double sum = 0;
  for (uint32_t i = 0; i < e->part_count * SERIES_MOMENTS; i++) sum += fabs(e->gradient[i] * e->mean[i]);
  return sum;
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

  const double zero = covariance_at(e, 0, mean), rounding = ROUNDING * magnitude(e);
  *single = zero;
  if (!(zero > rounding * rounding)) return NAN;
  double absolute = 0.5, sum = zero; // Σ |Γ|/Γ(0): of series that alternate it tells how long they remember, too
  uint64_t window = 0;
  for (uint64_t t = 1; t <= longest / 2; t++) {
    double here = covariance_at(e, t, mean);
    sum += 2 * here;
    absolute += fabs(here) / zero;
    window = t;
    double scale = absolute > 0.5 ? WINDOW_FACTOR / log((2 * absolute + 1) / (2 * absolute - 1)) : 1e-9;
    if (exp(-(double)t / scale) < scale / sqrt((double)t * bins)) break;
  }
  if (!(sum > 0)) { // noise of a short run
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
  double variance = 0, terms = 0;
  uint32_t at = 0;
  for (uint32_t i = 0; i < SERIES_MOMENTS; i++) {
    for (uint32_t j = i; j < SERIES_MOMENTS; j++, at++) {
      double product = 0;
      for (uint32_t c = 0; c < e->parts[0]->chains; c++) product += e->parts[0]->chain[c].product[at];
      double covariance = product / (double)e->n - e->mean[i] * e->mean[j];
      double factor = (i == j ? 1 : 2) * e->gradient[i] * e->gradient[j];
      variance += factor * covariance;
      terms += fabs(factor * product / (double)e->n);
    }
  }
  return variance > MOST_CANCELLED * terms ? variance : NAN;
}

/// By how much the variance of a mean exceeds what independent bins of `length` configurations would give it, when
/// correlations decay exponentially, ρ^t with (1+ρ)/(1-ρ) = two_tau: 1 for independent configurations, two_tau at length 1.
static double correlation_of_bins(double two_tau, double length) {
  double rho = (two_tau - 1) / (two_tau + 1);
  return 1 / (1 - (two_tau * two_tau - 1) / (2 * two_tau) * (1 - pow(rho, length)) / length);
}

/// Leaves out one bin after the other; bins of about 2τ (n/2τ)^⅓ configurations, none longer than its chain. They may
/// differ in length: a bin of h of n configurations that shifts the value by d has the weight ((n-h)/n)² d². Bins of one
/// chain are still a little correlated where they touch.
static double jackknife(const estimate *e, double value, double two_tau) {
  const double n = (double)e->n, length = two_tau * cbrt(n / two_tau);
  double squares = 0, ignored[ALL_MOMENTS];
  const uint64_t chains = e->parts[0]->chains, fewest = (FEWEST_BINS + chains - 1) / chains;
  uint64_t bins = 0, touching = 0;
  for (uint32_t c = 0; c < chains; c++) {
    const markov_chain *here = &e->parts[0]->chain[c];
    uint64_t cuts = (uint64_t)((double)here->count / length);
    if (!here->count) continue;
    if (cuts < fewest) cuts = fewest;
    if (cuts > here->bins) cuts = here->bins;
    if (cuts < 1) cuts = 1;
    for (uint64_t j = 0; j < cuts; j++) {
      double sum[ALL_MOMENTS] = {0}, without[ALL_MOMENTS] = {0};
      uint64_t h = add_bins(e, c, j * here->bins / cuts, (j + 1) * here->bins / cuts, j + 1 == cuts, sum);
      if (h == e->n) return NAN;
      double left = (double)(e->n - h);
      for (uint32_t i = 0; i < e->part_count * SERIES_MOMENTS; i++) without[i] = (e->total[i] - sum[i]) / left;
      double shift = (e->function(e->arg, without, ignored) - value) * left / n;
      squares += shift * shift;
    }
    bins += cuts;
    touching += cuts - 1;
  }
  const double count = (double)bins, excess = correlation_of_bins(two_tau, n / count) - 1;
  return sqrt(squares * count / (count - 1) * (1 + excess * (double)touching / count));
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
  result->error = jackknife(&e, result->value, two_tau);
  free(e.influence);
  return 0;
}
