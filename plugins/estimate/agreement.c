// agreement.c — estimate.agreement: how far the majority of each 2×2 block of a fine lattice is its parent on the
// coarse one, how many blocks are tied, and how much that number fluctuates. Which lattices make a pair is pairs.h's
// business.
#include "finegrain/finegrain.h"

#include "groups.h"
#include "pairs.h"
#include "plugins/coarsen/quartets.h"
#include "series.h"

#include <stdlib.h>
#include <string.h>

#define EXTRA_PAIRS 16u      // beyond those announced: other levels and couplings
#define MOST_CHAINS 8192u    // over all pairs
#define TASK_WORDS 8192u     // words of 64 fine spins one call of parallel_for's body reads, about
#define AT_ONCE 4096u        // configurations counted before they are added up in order
#define MOST_COUNTERS 65536u // of tied blocks: in larger lattices several numbers share one
#define MOST_ROWS 64u        // of the histogram of a pair

typedef struct config {
  pairs_config pairs; ///< must be the first
} config;

/// Blocks of a configuration.
typedef struct block_counts {
  uint64_t tied;
  uint64_t agreeing; ///< not tied, and the majority is the parent
} block_counts;

/// What is kept of a pair of lattices, at the index of the fine one's group.
typedef struct lattice_pair {
  uint64_t blocks;
  uint64_t
      tied_zero;  ///< tied blocks of the first configuration: moments are kept relative to it, so that little cancels
  uint64_t width; ///< numbers of tied blocks that share a counter
  uint64_t *histogram;
  series *series;
} lattice_pair;

typedef struct agreement {
  const fg_host *host;
  const config *config;
  pairs pairs;
  group_list fine; ///< fine lattices, levels and couplings that came
  uint64_t chains; ///< over all pairs
  lattice_pair *pair;
  block_counts counts[AT_ONCE];
} agreement;

static fg_status create(const fg_host *host, const void *given, void **self) {
  agreement *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = given;
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) {
  agreement *stage = self;
  for (uint32_t g = 0; stage->pair && g < stage->fine.count; g++) {
    series_free(stage->pair[g].series);
    free(stage->pair[g].histogram);
  }
  free(stage->pair);
  free(stage->fine.key);
  pairs_clear(&stage->pairs);
  free(stage);
}

// ---- counting

typedef struct counting {
  const fg_host *host;
  const fg_batch *coarse, *fine;
  block_counts *counts;
  uint32_t first, count;
  uint64_t task_size;
} counting;

static block_counts count_blocks(const fg_batch *coarse, const fg_batch *fine, uint64_t i) {
  const uint64_t width = fg_lattice_width(&coarse->lattice), words = fine->row_bytes / 8;
  uint64_t tied = 0, against = 0;
  for (uint64_t y = 0; y < coarse->rows; y++) {
    const uint64_t *above = fg_batch_row(fine, i, 2 * y), *below = fg_batch_row(fine, i, 2 * y + 1);
    const uint64_t *parents = fg_batch_row(coarse, i, y);
    for (uint64_t k = 0; 64 * k < width; k++) {
      quartets blocks = quartets_of(above, below, k, words);
      tied += (uint64_t)__builtin_popcountll(blocks.tied);
      against += (uint64_t)__builtin_popcountll((blocks.up ^ parents[k]) & ~blocks.tied);
    }
  }
  return (block_counts){tied, fg_lattice_sites(&coarse->lattice) - tied - against};
}

static fg_status count_some(void *arg, uint64_t task) {
  const counting *work = arg;
  uint64_t end = (task + 1) * work->task_size < work->count ? (task + 1) * work->task_size : work->count;
  if (work->host->cancelled(work->host)) return FG_CANCELLED;
  for (uint64_t k = task * work->task_size; k < end; k++)
    work->counts[k] = count_blocks(work->coarse, work->fine, work->first + k);
  return FG_OK;
}

// ---- keeping

enum { TIED, TIED2, AGREEING }; // the moments kept, the first two of tied - tied_zero

/// A pair's lattices, made when they are the first of their kind; NULL: reported.
static lattice_pair *pair_of(agreement *stage, const fg_batch *coarse, const fg_batch *fine, double coupling) {
  const fg_host *host = stage->host;
  const uint32_t before = stage->fine.count;
  fg_batch key = *fine;
  key.coupling = coupling;
  if (!stage->pair) stage->pair = calloc(stage->fine.most, sizeof *stage->pair);
  if (!stage->pair) {
    host->fail(host, "out of memory");
    return NULL;
  }
  int64_t at = group_of(&stage->fine, host, "estimate.agreement", &key);
  if (at < 0) return NULL;
  lattice_pair *pair = &stage->pair[at];
  if (stage->fine.count == before) return pair;
  pair->blocks = fg_lattice_sites(&coarse->lattice);
  pair->width = pair->blocks / MOST_COUNTERS + 1;
  pair->histogram = calloc(pair->blocks / pair->width + 1, sizeof *pair->histogram);
  pair->series = series_new();
  if (pair->histogram && pair->series) return pair;
  host->fail(host, "out of memory");
  return NULL;
}

/// Index of the batch's chain; -1: reported.
static int64_t chain_of(agreement *stage, const lattice_pair *pair, uint32_t id) {
  const uint32_t before = series_chains(pair->series);
  int64_t chain = series_chain(pair->series, id);
  if (chain < 0) stage->host->fail(stage->host, "out of memory");
  stage->chains += series_chains(pair->series) - before;
  if (stage->chains <= MOST_CHAINS) return chain;
  stage->host->fail(
      stage->host,
      "more than %u Markov chains come in, counted for every pair of lattices; use fewer chains or several "
      "estimate.agreement stages",
      MOST_CHAINS);
  return -1;
}

static int add_configuration(lattice_pair *pair, int64_t chain, block_counts counts) {
  if (series_count(pair->series) == 0) pair->tied_zero = counts.tied;
  pair->histogram[counts.tied / pair->width]++;
  const double tied = (double)counts.tied - (double)pair->tied_zero;
  const double x[SERIES_MOMENTS] = {[TIED] = tied, [TIED2] = tied * tied, [AGREEING] = (double)counts.agreeing};
  return series_add(pair->series, chain, x);
}

static fg_status take(void *arg, const fg_batch *coarse, const fg_batch *fine, double coupling) {
  agreement *stage = arg;
  const fg_host *host = stage->host;
  lattice_pair *pair = pair_of(stage, coarse, fine, coupling);
  if (!pair) return FG_FAILED;
  int64_t chain = chain_of(stage, pair, fine->chain);
  if (chain < 0) return FG_FAILED;
  counting work = {host, coarse, fine, stage->counts, 0, 0, 1};
  const uint64_t words = fine->rows * fine->row_bytes / 8;
  if (words < TASK_WORDS) work.task_size = TASK_WORDS / words;
  for (; work.first < fine->count; work.first += work.count) {
    work.count = fine->count - work.first < AT_ONCE ? fine->count - work.first : AT_ONCE;
    fg_status status = host->parallel_for(host, (work.count + work.task_size - 1) / work.task_size, count_some, &work);
    if (status != FG_OK) return status;
    for (uint32_t k = 0; k < work.count; k++)
      if (add_configuration(pair, chain, stage->counts[k]) != 0) return host->fail(host, "out of memory");
  }
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)outputs;
  agreement *stage = self;
  stage->pairs = (pairs){.host = stage->host,
                         .config = &stage->config->pairs,
                         .kind = "estimate.agreement",
                         .take = take,
                         .arg = stage,
                         .smallest = 1,
                         .factor = 2};
  if (pairs_negotiate(&stage->pairs, inputs[0], inputs[1], memory) != FG_OK) return FG_FAILED;
  stage->fine.most = stage->pairs.expected + EXTRA_PAIRS;
  *memory += sizeof(agreement) + series_bytes(MOST_CHAINS) + series_estimate_bytes();
  *memory += stage->fine.most *
             (sizeof(lattice_pair) + sizeof(group_key) + series_bytes(0) + (MOST_COUNTERS + 1) * sizeof(uint64_t));
  return FG_OK;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)port;
  agreement *stage = self;
  return pairs_process(&stage->pairs, messages, count);
}

// ---- estimates

enum { O_AGREEMENT, O_STRICT, O_TIED, O_VARIANCE, OBSERVABLES };
static const char *const observables[OBSERVABLES] = {
    [O_AGREEMENT] = "agreement",
    [O_STRICT] = "agreement_strict",
    [O_TIED] = "tied_blocks",
    [O_VARIANCE] = "tied_blocks_variance",
};

/// Which observable, of which pair.
typedef struct question {
  int observable;
  double blocks, tied_zero;
} question;

/// An observable of the mean moments, and its derivatives.
static double answer(const void *arg, const double *mean, double *gradient) {
  const question *q = arg;
  const double n = q->blocks;
  for (uint32_t i = 0; i < SERIES_MOMENTS; i++) gradient[i] = 0;
  switch (q->observable) {
  case O_AGREEMENT:
    gradient[AGREEING] = 1 / n;
    gradient[TIED] = 0.5 / n;
    return (mean[AGREEING] + 0.5 * (mean[TIED] + q->tied_zero)) / n;
  case O_STRICT: gradient[AGREEING] = 1 / n; return mean[AGREEING] / n;
  case O_TIED: gradient[TIED] = 1 / n; return (mean[TIED] + q->tied_zero) / n;
  default: // O_VARIANCE
    gradient[TIED2] = 1 / n;
    gradient[TIED] = -2 * mean[TIED] / n;
    return (mean[TIED2] - mean[TIED] * mean[TIED]) / n;
  }
}

static fg_status add_estimates(const agreement *stage, fg_table *table, uint32_t at) {
  const fg_host *host = stage->host;
  const group_key *key = &stage->fine.key[at];
  const lattice_pair *pair = &stage->pair[at];
  const series *parts[] = {pair->series};
  question q = {0, (double)pair->blocks, (double)pair->tied_zero};
  for (q.observable = 0; q.observable < OBSERVABLES; q.observable++) {
    series_result result;
    if (series_estimate(parts, 1, answer, &q, &result) != 0) return host->fail(host, "out of memory");
    fg_estimate row = {&key->lattice,  key->level,   observables[q.observable],
                       result.value,   result.error, series_count(pair->series),
                       result.tau_int, NAN,          "1"};
    fg_status status = fg_estimates_add(host, table, &row);
    if (status != FG_OK) return status;
  }
  return FG_OK;
}

// ---- histograms

static fg_table *ties_new(const fg_host *host) {
  static const fg_column size = {sizeof(fg_column), FG_COLUMN_TEXT, "size", "",
                                 "linear size L of the pair's fine lattice, or LxM"};
  static const fg_column level = {sizeof(fg_column), FG_COLUMN_INTEGER, "level", "1", "of the pair's fine lattice"};
  static const fg_column from = {sizeof(fg_column), FG_COLUMN_INTEGER, "tied_from", "blocks",
                                 "fewest tied blocks of a configuration counted here"};
  static const fg_column to = {sizeof(fg_column), FG_COLUMN_INTEGER, "tied_to", "blocks",
                               "most tied blocks of a configuration counted here"};
  static const fg_column count = {sizeof(fg_column), FG_COLUMN_INTEGER, "configurations", "1",
                                  "configurations with so many tied blocks"};
  static const fg_column *const columns[] = {&size, &level, &from, &to, &count, NULL};
  return host->table_new(host, "ties", columns);
}

/// From the fewest to the most tied blocks seen, in at most MOST_ROWS rows of equal width, but for the last.
static fg_status add_histogram(const agreement *stage, fg_table *table, uint32_t at) {
  const fg_host *host = stage->host;
  const lattice_pair *pair = &stage->pair[at];
  uint64_t first = 0, last = pair->blocks / pair->width;
  while (first < last && !pair->histogram[first]) first++;
  while (last > first && !pair->histogram[last]) last--;
  const uint64_t together = (last - first) / MOST_ROWS + 1;
  char size[96];
  fg_lattice_name(&stage->fine.key[at].lattice, size);
  fg_status status = FG_OK;
  for (uint64_t row = first; status == FG_OK && row <= last; row += together) {
    const uint64_t end = row + together - 1 < last ? row + together : last + 1;
    const uint64_t to = end * pair->width - 1 < pair->blocks ? end * pair->width - 1 : pair->blocks;
    uint64_t configurations = 0;
    for (uint64_t k = row; k < end; k++) configurations += pair->histogram[k];
    fg_cell cells[5];
    cells[0].text = size;
    cells[1].integer = stage->fine.key[at].level;
    cells[2].integer = (int64_t)(row * pair->width);
    cells[3].integer = (int64_t)to;
    cells[4].integer = (int64_t)configurations;
    status = host->table_row(host, table, cells);
  }
  return status;
}

static fg_status flush(void *self) {
  const agreement *stage = self;
  const fg_host *host = stage->host;
  if (pairs_finish(&stage->pairs) != FG_OK) return FG_FAILED;
  fg_table *tables[] = {fg_estimates_new(host), ties_new(host)};
  fg_status status = tables[0] && tables[1] ? FG_OK : FG_FAILED;
  for (uint32_t g = 0; status == FG_OK && g < stage->fine.count; g++) {
    status = add_estimates(stage, tables[0], g);
    if (status == FG_OK) status = add_histogram(stage, tables[1], g);
  }
  for (int t = 0; t < 2; t++) {
    if (status == FG_OK)
      status = host->emit_table(host, 0, tables[t]);
    else if (tables[t])
      host->table_unref(host, tables[t]);
  }
  return status;
}

// ---- descriptor

static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_TABLE,
    .name = "estimates",
    .doc = "Agreement and ties of each pair of lattices, with errors; table ties has the histograms.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "estimate.agreement",
    .summary = "how far block spins of a fine lattice agree with the coarse one, and how many blocks are tied",
    .doc =
        "Each 2×2 block of the fine lattice has a parent on the coarse one. Nothing forces the majority of spins that a network "
        "draws to be their parent; of sampled configurations it is, by construction. For each pair of lattices:\n\n"
        "- `agreement`: fraction of blocks whose majority is the parent, a tie counted ½; `agreement_strict`: a tie counted 0\n"
        "- `tied_blocks`: fraction of blocks with two spins up and two down\n"
        "- `tied_blocks_variance`: the variance of that fraction from configuration to configuration, times the number of "
        "blocks; for blocks independent of each other p(1 − p)\n\n"
        "Table `ties` has a histogram of tied blocks a configuration: weighting configurations by 2 to the minus that number, "
        "as arXiv:2506.04016 does, leaves only its lower end. A dream is compared with sampled configurations by a second "
        "stage, with inputs: {fine: sample, coarse: block}, or with the sample alone.\n\n" PAIRS_DOC
        "**Errors** are one standard deviation, from a jackknife; the integrated autocorrelation time is by the Γ-method (U. "
        "Wolff, Comput. Phys. Commun. 156, 143, 2004), ½ standing for independent configurations.",
    .params = (const fg_param *const[]){&pairs_param_route, &pairs_param_steps, NULL},
    .inputs = (const fg_port *const[]){&pairs_port_fine, &pairs_port_coarse, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .flush = flush,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "agreement",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
