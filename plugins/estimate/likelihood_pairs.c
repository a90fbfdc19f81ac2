// likelihood_pairs.c — see likelihood_pairs.h. Errors are series.c's business, probabilities the network's.
#include "likelihood_pairs.h"

#include "groups.h"
#include "scoring.h"
#include "series.h"

#include <inttypes.h>
#include <stdlib.h>

#define KIND "estimate.likelihood"
#define USUAL_BATCH 65536u // configurations of a batch, where it is not announced

enum { NLL, NLL_BASELINE, NLL_DIFFERENCE, QUANTITIES }; // the moments kept, less those of the first configuration
static const char *const names[QUANTITIES] = {"nll", "nll_baseline", "nll_difference"};

/// All pairs of one fine lattice at one level and coupling.
typedef struct group {
  double first[QUANTITIES]; ///< of the first pair: sums are kept relative to it, so that little cancels
  series *series;
} group;

struct likelihood_pairs {
  const fg_host *host;
  const inputs_model *model[LIKELIHOOD_MODELS];
  uint32_t models;
  group_list list;
  group *group;                        ///< list.most of them; NULL until the first
  uint64_t chains;                     ///< over all groups
  double *log_prob[LIKELIHOOD_MODELS]; ///< of the pairs of a batch
  uint64_t room;                       ///< pairs they have space for
};

likelihood_pairs *likelihood_pairs_new(const fg_host *host, const inputs_model *const *models, uint32_t count,
                                       const fg_format *fine, const fg_format *coarse, uint64_t *memory) {
  for (uint32_t m = 0; m < count; m++)
    if (inputs_check_formats(models[m], fine, coarse) != FG_OK) return NULL;
  likelihood_pairs *pairs = calloc(1, sizeof *pairs);
  if (!pairs) {
    host->fail(host, "out of memory");
    return NULL;
  }
  pairs->host = host;
  pairs->models = count;
  for (uint32_t m = 0; m < count; m++) pairs->model[m] = models[m];
  pairs->list.most = fine->shape_count + GROUPS_EXTRA;
  *memory = sizeof(likelihood_pairs) + pairs->list.most * (sizeof(group_key) + sizeof(group) + series_bytes(0)) +
            series_bytes(GROUPS_MOST_CHAINS) + series_estimate_bytes() +
            count * sizeof(double) * (fine->batch ? fine->batch : USUAL_BATCH);
  return pairs;
}

void likelihood_pairs_free(likelihood_pairs *pairs) {
  if (!pairs) return;
  for (uint32_t g = 0; pairs->group && g < pairs->list.count; g++) series_free(pairs->group[g].series);
  free(pairs->group);
  free(pairs->list.key);
  for (uint32_t m = 0; m < LIKELIHOOD_MODELS; m++) free(pairs->log_prob[m]);
  free(pairs);
}

// ---- scoring

/// The group of a batch; NULL: reported.
static group *find_group(likelihood_pairs *pairs, const fg_batch *fine) {
  const fg_host *host = pairs->host;
  int64_t index = group_of(&pairs->list, host, KIND, fine);
  if (index < 0) return NULL;
  if (!pairs->group) pairs->group = calloc(pairs->list.most, sizeof *pairs->group);
  group *here = pairs->group ? &pairs->group[index] : NULL;
  if (here && !here->series) here->series = series_new();
  if (here && here->series) return here;
  host->fail(host, "out of memory");
  return NULL;
}

static fg_status make_room(likelihood_pairs *pairs, uint64_t count) {
  if (count <= pairs->room) return FG_OK;
  for (uint32_t m = 0; m < pairs->models; m++)
    if (scoring_make_room(pairs->host, &pairs->log_prob[m], count) != FG_OK) return FG_FAILED;
  pairs->room = count;
  return FG_OK;
}

/// A pair of probability 0 makes the mean infinite, however many others there are.
static fg_status refuse_score(const likelihood_pairs *pairs, const fg_batch *fine, uint64_t i, uint32_t m) {
  const double log_prob = pairs->log_prob[m][i];
  if (!(log_prob < 0)) return scoring_refuse(pairs->model[m], fine, i, log_prob);
  char size[96];
  fg_lattice_name(&fine->lattice, size);
  return pairs->host->fail(pairs->host,
                           "configuration %" PRIu64 " of size %s has probability 0 under the %s, so the likelihood of "
                           "all is 0; score a model that excludes nothing, or pairs that it can make",
                           fine->first + i, size, pairs->model[m]->port);
}

/// Adds pair i of a batch to its group.
static fg_status add_pair(const likelihood_pairs *pairs, group *here, int64_t chain, const fg_batch *fine, uint64_t i) {
  const double spins = (double)fg_lattice_sites(&fine->lattice);
  double x[SERIES_MOMENTS] = {0};
  for (uint32_t m = 0; m < pairs->models; m++) {
    if (!isfinite(pairs->log_prob[m][i])) return refuse_score(pairs, fine, i, m);
    x[NLL + m] = -pairs->log_prob[m][i] / spins;
  }
  x[NLL_DIFFERENCE] = x[NLL] - x[NLL_BASELINE];
  for (int q = 0; q < QUANTITIES; q++) {
    if (series_count(here->series) == 0) here->first[q] = x[q];
    x[q] -= here->first[q];
  }
  if (series_add(here->series, chain, x) == 0) return FG_OK;
  return pairs->host->fail(pairs->host, "out of memory");
}

fg_status likelihood_pairs_take(likelihood_pairs *pairs, const fg_batch *fine, const fg_batch *coarse) {
  const fg_host *host = pairs->host;
  if (inputs_check(host, &fine->lattice, &coarse->lattice) != FG_OK) return FG_FAILED;
  if (fine->count == 0) return FG_OK;
  group *here = find_group(pairs, fine);
  if (!here || make_room(pairs, fine->count) != FG_OK) return FG_FAILED;
  int64_t chain = group_chain(here->series, &pairs->chains, host, KIND, fine);
  if (chain < 0) return FG_FAILED;
  fg_status status = FG_OK;
  for (uint32_t m = 0; status == FG_OK && m < pairs->models; m++)
    status = scoring_log_prob(pairs->model[m], fine, coarse, pairs->log_prob[m]);
  for (uint64_t i = 0; status == FG_OK && i < fine->count; i++) status = add_pair(pairs, here, chain, fine, i);
  return status;
}

// ---- estimates

/// Quantity *arg of the mean moments.
static double mean_of(const void *arg, const double *mean, double *gradient) {
  const int quantity = *(const int *)arg;
  for (uint32_t i = 0; i < SERIES_MOMENTS; i++) gradient[i] = 0;
  gradient[quantity] = 1;
  return mean[quantity];
}

static fg_status add_rows(const likelihood_pairs *pairs, fg_table *table, uint32_t index) {
  const fg_host *host = pairs->host;
  const group *here = &pairs->group[index];
  const group_key *key = &pairs->list.key[index];
  const series *parts[] = {here->series};
  for (int q = 0; q < (pairs->models > 1 ? QUANTITIES : 1); q++) {
    series_result result;
    if (series_estimate(parts, 1, mean_of, &q, &result) != 0) return host->fail(host, "out of memory");
    fg_estimate row = {.lattice = &key->lattice,
                       .level = key->level,
                       .observable = names[q],
                       .value = here->first[q] + result.value,
                       .error = result.error,
                       .n = series_count(here->series),
                       .tau_int = result.tau_int,
                       .exact = NAN,
                       .unit = "nat"};
    if (fg_estimates_add(host, table, &row) != FG_OK) return FG_FAILED;
  }
  return FG_OK;
}

fg_status likelihood_pairs_finish(const likelihood_pairs *pairs, fg_table *table) {
  fg_status status = FG_OK;
  for (uint32_t g = 0; status == FG_OK && g < pairs->list.count; g++) status = add_rows(pairs, table, g);
  return status;
}
