// likelihood_rows.c — see likelihood_rows.h.
#include "likelihood_rows.h"

#include "exact_moments.h"
#include "kaufman.h"

#include <inttypes.h>

#define FEW 200.0           // draws of equal weight: fewer tell little, not even how few they are
#define LARGE_SHARE 0.05    // of one weight in the sum
#define FAR 4.0             // standard deviations
#define SAME_COUPLING 1e-12 // couplings this near to Kc are Kc

typedef struct writer {
  const fg_host *host;
  fg_table *table;
  const likelihood_level *level;
  uint64_t n;
} writer;

static fg_status add(const writer *to, const char *observable, const char *unit, double value, double error,
                     double exact) {
  const fg_estimate row = {.lattice = &to->level->lattice,
                           .level = to->level->level,
                           .observable = observable,
                           .value = value,
                           .error = error,
                           .n = to->n,
                           .tau_int = 0.5,
                           .exact = exact,
                           .unit = unit};
  return fg_estimates_add(to->host, to->table, &row);
}

static double mean_of(const bins *b, double *error) {
  double mean, left_out[BINS_MOST];
  for (uint32_t bin = 0; bin < bins_number(b); bin++) bins_mean(b, bin, &left_out[bin]);
  bins_mean(b, BINS_NONE, &mean);
  *error = bins_error(b, mean, left_out);
  return mean;
}

// ---- warnings

static void warn_of_zeros(const writer *to, const importance_result *found, const likelihood_target *target) {
  static const char *const rules[] = {"majority", "decimation", "soft"};
  const fg_host *host = to->host;
  host->log(host, FG_LOG_WARNING,
            "%" PRIu64 " of %" PRIu64 " dreams of size %" PRIu64 " have the weight 0: a coarse lattice on their way is "
            "not what kernel %s can make of the next one. Their free energy is infinite, so there are no rows "
            "free_energy and lnZ_gap%s; dream with a network that respects the kernel (majority: true), or take "
            "kernel: soft",
            found->zeros, found->count, to->level->lattice.extent[0], rules[target->kernel.rule],
            found->zeros == found->count ? ", nor any with the weights" : "");
}

static void warn_of_few(const writer *to, const importance_result *found) {
  const fg_host *host = to->host;
  const double effective = found->of[IMPORTANCE_EFFECTIVE].value * (double)found->count;
  host->log(host, FG_LOG_WARNING,
            "size %" PRIu64 ": a few of the %" PRIu64 " weights decide, as if of %.3g draws, the largest being %.2g of "
            "their sum: lnZ, ess, e, m2, U, varE and their errors are unreliable; dream more, or with a better network",
            to->level->lattice.extent[0], found->count, effective, found->largest);
}

static void warn_of_missing(const writer *to, const importance_estimate *log_z, double exact) {
  const fg_host *host = to->host;
  host->log(
      host, FG_LOG_WARNING,
      "size %" PRIu64 ": ln⟨W⟩ = %.6f(%.1g) lies %.1f standard deviations below the exact ln Z = %.6f: the network "
      "gives the probability 0, or nearly so, to lattices that the target contains; the reweighted rows are of the others alone",
      to->level->lattice.extent[0], log_z->value, log_z->error, (exact - log_z->value) / log_z->error, exact);
}

/// The strength w at which the soft kernel makes ⟨ln q⟩ largest, by bisection of its derivative; NaN: there is none.
static double best_strength(const uint64_t blocks[5]) {
  double low = -50, high = 50;
  for (int step = 0; step < 60; step++) {
    const double w = (low + high) / 2;
    double slope = 0;
    for (int equal = 0; equal <= 4; equal++)
      slope += (double)blocks[equal] * 4 * (equal - 2) / (1 + exp(4 * w * (equal - 2)));
    *(slope > 0 ? &low : &high) = w;
  }
  return high < 49 && low > -49 ? low : NAN;
}

static void advise(const writer *to) {
  const double strength = best_strength(to->level->blocks);
  if (!isnan(strength))
    to->host->log(to->host, FG_LOG_INFO, "size %" PRIu64 ": strength %.4f would make this step's kernel fit best",
                  to->level->lattice.extent[0], strength);
}

static void warn(const writer *to, const importance_result *found, const likelihood_target *target, double exact) {
  const importance_estimate *log_z = &found->of[IMPORTANCE_LOG_MEAN];
  const double effective = found->of[IMPORTANCE_EFFECTIVE].value * (double)found->count;
  if (found->zeros) warn_of_zeros(to, found, target);
  if (target->kernel.rule == BLOCK_KERNEL_SOFT) advise(to);
  if (found->zeros == found->count) return;
  const int few = effective < FEW || found->largest > LARGE_SHARE;
  if (few) warn_of_few(to, found);
  if (!few && log_z->value < exact - FAR * log_z->error) warn_of_missing(to, log_z, exact);
}

// ---- rows

/// Free energy and gap, which weights of 0 would make infinite.
static fg_status add_free_energy(const writer *to, const importance_estimate *mean_log, double exact, double sites) {
  const double error = mean_log->error / sites;
  fg_status status = add(to, "free_energy", "nat", -mean_log->value / sites, error, -exact / sites);
  if (status == FG_OK && isfinite(exact))
    status = add(to, "lnZ_gap", "nat", (exact - mean_log->value) / sites, error, NAN);
  return status;
}

static fg_status add_weighted(const writer *to, const importance_result *found, const kaufman *torus,
                              const exact_moments *moments, double sites) {
  const importance_estimate *of = found->of, *e = &of[IMPORTANCE_E], *variance = &of[IMPORTANCE_E_VARIANCE],
                            *m2 = &of[IMPORTANCE_M2], *u = &of[IMPORTANCE_U];
  fg_status status = add(to, "e", "J", e->value, e->error, torus->energy);
  if (status == FG_OK) status = add(to, "m2", "1", m2->value, m2->error, moments ? moments->m2 : NAN);
  if (status == FG_OK) status = add(to, "U", "1", u->value, u->error, moments ? moments->u : NAN);
  if (status == FG_OK)
    status = add(to, "varE", "J^2", sites * variance->value, sites * variance->error, torus->variance);
  return status;
}

fg_status likelihood_rows(const fg_host *host, fg_table *table, const likelihood_level *level,
                          const likelihood_target *target) {
  const writer to = {host, table, level, bins_count(level->nll)};
  double error, nll = mean_of(level->nll, &error);
  fg_status status = add(&to, "nll", "nat", nll, error, NAN);
  if (status != FG_OK || !level->weighted) return status;
  const uint64_t length = level->lattice.extent[0];
  const double sites = (double)fg_lattice_sites(&level->lattice);
  const kaufman torus = kaufman_torus(length, length, target->coupling);
  const double exact = torus.ln_z * sites;
  const int critical = fabs(target->coupling - CRITICAL_COUPLING) < SAME_COUPLING;
  importance_result found;
  importance_estimates(level->sums, &found);
  const importance_estimate *of = found.of;
  warn(&to, &found, target, exact);
  const double n = (double)found.count, share = (double)found.zeros / n;
  status = add(&to, "zero_weight", "1", share, sqrt(share * (1 - share) / n), NAN);
  if (status == FG_OK)
    status = add(&to, "ess", "1", of[IMPORTANCE_EFFECTIVE].value, of[IMPORTANCE_EFFECTIVE].error, NAN);
  if (status != FG_OK || found.zeros == found.count) return status;
  status = add(&to, "lnZ", "nat", of[IMPORTANCE_LOG_MEAN].value, of[IMPORTANCE_LOG_MEAN].error, exact);
  if (status == FG_OK && !found.zeros) status = add_free_energy(&to, &of[IMPORTANCE_MEAN_LOG], exact, sites);
  if (status != FG_OK) return status;
  return add_weighted(&to, &found, &torus, critical ? exact_moments_of(length) : NULL, sites);
}
