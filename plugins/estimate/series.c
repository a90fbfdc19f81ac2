// series.c — see series.h.
#include "series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/// Wolff's S: the window closes where the neglected tail, decaying as S·τ, would be as small as the statistical error.
#define WINDOW_S 1.5

void series_free(series *s) {
  for (uint32_t c = 0; c < s->chain_count; c++) free(s->chains[c].bins);
  free(s->chains);
}

static chain_bins *chain_of(series *s, uint32_t chain) {
  for (uint32_t c = s->chain_count; c-- > 0;)
    if (s->chains[c].chain == chain) return &s->chains[c];
  chain_bins *larger = realloc(s->chains, (s->chain_count + 1) * sizeof *larger);
  if (!larger) return NULL;
  s->chains = larger;
  larger[s->chain_count] = (chain_bins){.chain = chain};
  return &larger[s->chain_count++];
}

static void add_bin(bin *into, const bin *from) {
  for (int a = 0; a < MOMENTS; a++) into->sum[a] += from->sum[a];
  into->count += from->count;
}

/// Merges neighbouring bins of every chain.
static void halve(series *s) {
  s->per *= 2;
  s->total_bins = 0;
  for (uint32_t c = 0; c < s->chain_count; c++) {
    chain_bins *chain = &s->chains[c];
    for (uint64_t i = 0; i < chain->bin_count; i++) {
      if (i % 2 == 0)
        chain->bins[i / 2] = chain->bins[i];
      else
        add_bin(&chain->bins[i / 2], &chain->bins[i]);
    }
    chain->bin_count = (chain->bin_count + 1) / 2;
    s->total_bins += chain->bin_count;
  }
}

int series_add(series *s, uint32_t chain_number, const double moments[MOMENTS]) {
  chain_bins *chain = chain_of(s, chain_number);
  if (!chain) return 0;
  if (s->per == 0) s->per = 1;
  bin *last = chain->bin_count ? &chain->bins[chain->bin_count - 1] : NULL;
  if (!last || last->count == s->per) {
    // With very many chains a bin each is the least there can be.
    while (s->total_bins >= MOST_BINS && s->total_bins > s->chain_count) halve(s);
    last = chain->bin_count ? &chain->bins[chain->bin_count - 1] : NULL;
  }
  if (!last || last->count == s->per) {
    if (chain->bin_count == chain->capacity) {
      uint64_t capacity = chain->capacity ? 2 * chain->capacity : 64;
      bin *larger = realloc(chain->bins, capacity * sizeof *larger);
      if (!larger) return 0;
      chain->bins = larger;
      chain->capacity = capacity;
    }
    last = &chain->bins[chain->bin_count++];
    *last = (bin){{0}, 0};
    s->total_bins++;
  }
  for (int a = 0; a < MOMENTS; a++) {
    last->sum[a] += moments[a];
    for (int b = 0; b <= a; b++) s->products[a][b] += moments[a] * moments[b];
  }
  last->count++;
  s->count++;
  return 1;
}

void series_means(const series *s, double mean[MOMENTS]) {
  memset(mean, 0, MOMENTS * sizeof *mean);
  for (uint32_t c = 0; c < s->chain_count; c++)
    for (uint64_t i = 0; i < s->chains[c].bin_count; i++)
      for (int a = 0; a < MOMENTS; a++) mean[a] += s->chains[c].bins[i].sum[a];
  for (int a = 0; a < MOMENTS; a++) mean[a] /= (double)s->count;
}

int series_aligned(const series *s, const series *t) {
  if (s->per != t->per || s->count != t->count || s->chain_count != t->chain_count) return 0;
  for (uint32_t c = 0; c < s->chain_count; c++)
    if (s->chains[c].chain != t->chains[c].chain || s->chains[c].bin_count != t->chains[c].bin_count) return 0;
  return 1;
}

/// Variance of a single configuration's linear part; -1 when it needs more than one bin's worth of knowledge (joint).
static double single_variance(const series *s, const double g[MOMENTS], const double mean[MOMENTS]) {
  double variance = 0;
  for (int a = 0; a < MOMENTS; a++)
    for (int b = 0; b < MOMENTS; b++) variance += g[a] * g[b] * (s->products[a > b ? a : b][a > b ? b : a] / (double)s->count - mean[a] * mean[b]);
  return variance > 0 ? variance : 0;
}

/// Deviations of the bins' linear parts from their mean, times the bins' counts: chain after chain.
static double *deviations(const series *s, const double g[MOMENTS], const series *t, const double h[MOMENTS]) {
  double mean[MOMENTS], other[MOMENTS] = {0};
  double *d = malloc((s->total_bins + 1) * sizeof *d), *out = d;
  if (!d) return NULL;
  series_means(s, mean);
  if (t) series_means(t, other);
  for (uint32_t c = 0; c < s->chain_count; c++) {
    for (uint64_t i = 0; i < s->chains[c].bin_count; i++, out++) {
      const bin *x = &s->chains[c].bins[i], *y = t ? &t->chains[c].bins[i] : NULL;
      *out = 0;
      for (int a = 0; a < MOMENTS; a++) *out += g[a] * (x->sum[a] - (double)x->count * mean[a]);
      for (int a = 0; a < MOMENTS && y; a++) *out += h[a] * (y->sum[a] - (double)y->count * other[a]);
    }
  }
  return d;
}

/// Γ(t) = ⟨d_i d_{i+t}⟩ over all pairs of one chain; 0 where there are none.
static double correlation(const series *s, const double *d, uint64_t t) {
  double sum = 0;
  uint64_t pairs = 0;
  for (uint32_t c = 0; c < s->chain_count; c++) {
    uint64_t n = s->chains[c].bin_count;
    for (uint64_t i = 0; i + t < n; i++) sum += d[i] * d[i + t];
    pairs += n > t ? n - t : 0;
    d += n;
  }
  return pairs ? sum / (double)pairs : 0;
}

/// Σ over the window of Γ(t)/Γ(0), from -W to W: 2τ in units of bins, with Wolff's correction for the bias of the mean
/// (eqs. 35, 42, 49, 52).
static double two_tau(const series *s, const double *d) {
  double gamma0 = correlation(s, d, 0);
  if (!(gamma0 > 0)) return 1;
  uint64_t longest = 0;
  for (uint32_t c = 0; c < s->chain_count; c++)
    if (s->chains[c].bin_count > longest) longest = s->chains[c].bin_count;
  double sum = 1, n = (double)s->total_bins;
  uint64_t w = 0;
  while (w < longest / 2) {
    w++;
    sum += 2 * correlation(s, d, w) / gamma0;
    double decay = sum > 1 ? WINDOW_S / log((sum + 1) / (sum - 1)) : 1e-9;
    if (exp(-(double)w / decay) < decay / sqrt((double)w * n)) break;
  }
  sum *= 1 + (2 * (double)w + 1) / n;
  // A sum below that of independent configurations is noise, or anticorrelation too weak to build on.
  double least = 1 / (2 * (double)w + 1);
  return sum > least ? sum : least;
}

static uncertainty finish(const series *s, double *d, double variance) {
  uncertainty u = {NAN, NAN};
  if (d && s->count >= 2 && s->total_bins >= 2) {
    double gamma0 = 0;
    for (uint64_t i = 0; i < s->total_bins; i++) gamma0 += d[i] * d[i];
    // Σ over bins of (Σ of deviations)², widened by their correlation, is N² times the variance of the mean.
    double squared = gamma0 * two_tau(s, d) / ((double)s->count * (double)s->count);
    double scale = (double)s->total_bins / (double)(s->total_bins - 1);
    u.error = sqrt(squared * scale);
    double plain = variance / (double)s->count * scale;
    u.tau = plain > 0 ? 0.5 * squared * scale / plain : 0.5;
  }
  free(d);
  return u;
}

uncertainty series_uncertainty(const series *s, const double gradient[MOMENTS]) {
  double mean[MOMENTS];
  series_means(s, mean);
  return finish(s, deviations(s, gradient, NULL, NULL), single_variance(s, gradient, mean));
}

uncertainty series_joint_uncertainty(const series *s, const double g[MOMENTS], const series *t, const double h[MOMENTS]) {
  double *d = deviations(s, g, t, h), variance = 0;
  // The variance of a single configuration is known only while a bin holds one; beyond that τ counts bins.
  for (uint64_t i = 0; d && i < s->total_bins; i++) variance += d[i] * d[i];
  return finish(s, d, variance / (double)s->count);
}
