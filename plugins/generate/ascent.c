// ascent.c — see ascent.h.
#include "ascent.h"

#include "ladder.h"
#include "plugins/coarsen/quartets.h"
#include "plugins/estimate/energy.h"
#include "population.h"

#include <inttypes.h>
#include <stdlib.h>

#define LEVEL_BITS 6u              // of random counters' high halves, below the configuration's number
#define SHARES 32u                 // of a batch, in parallel
#define SHARE_SITES UINT64_C(8192) // … if they are as large as this

void ascent_open(ascent *way, uint64_t constrained) {
  const fg_host *host = way->host;
  way->kernel = block_kernel_new(BLOCK_KERNEL_MAJORITY, 0);
  way->start_key = host->rng_key(host, "start");
  way->network_key = host->rng_key(host, "dream");
  way->resample_key = host->rng_key(host, "resampling");
  way->block_key = host->rng_key(host, "ties");
  way->constraint_key = host->rng_key(host, "ties of the constraint");
  const moves_couplings top = {way->coupling, 0};
  way->top = moves_constrain(host, constrained, top);
  way->below = moves_constrain(host, constrained, way->has_lower ? way->lower : top);
}

fg_lattice ascent_lattice(const ascent *way, int64_t level) { return fg_lattice_square((uint64_t)way->start << level); }

uint64_t ascent_bytes(const ascent *way, uint64_t count) {
  const fg_lattice top = ascent_lattice(way, way->levels), below = ascent_lattice(way, way->levels - 1);
  const uint64_t fine = fg_configuration_bytes(FG_SPIN1, &top), coarse = fg_configuration_bytes(FG_SPIN1, &below);
  const uint64_t copies = way->purpose == ASCENT_POPULATION ? 2 : 1;
  return count * (copies * (fine + coarse) + 2 * sizeof(double) + sizeof(uint32_t));
}

// ---- measures and weights

/// Pairs of unlike spins along both diagonals.
static uint64_t unlike_diagonals(const fg_batch *batch, uint32_t i) {
  const uint64_t width = fg_lattice_width(&batch->lattice);
  uint64_t unlike = 0;
  for (uint64_t y = 0; y < batch->rows; y++) {
    const uint64_t *row = fg_batch_row(batch, i, y), *below = fg_batch_row(batch, i, y + 1 < batch->rows ? y + 1 : 0);
    for (uint64_t x = 0; x < width; x++) {
      const unsigned spin = fg_bit_get(row, x);
      unlike += spin ^ fg_bit_get(below, x + 1 < width ? x + 1 : 0);
      unlike += spin ^ fg_bit_get(below, x ? x - 1 : width - 1);
    }
  }
  return unlike;
}

/// M of a configuration on its level.
static double measure(const ascent *way, const fg_batch *batch, uint32_t i) {
  const double bonds = 2 * (double)fg_lattice_sites(&batch->lattice);
  const int top = batch->level == way->levels;
  if (!top && !way->has_lower) return 0;
  const double near = bonds - 2 * (double)energy_count(batch, i, 0, batch->rows).unlike;
  if (top) return way->coupling * near;
  return way->lower.nearest * near + way->lower.diagonal * (bonds - 2 * (double)unlike_diagonals(batch, i));
}

static uint64_t shares_of(const fg_batch *batch) {
  const uint64_t worth = batch->count * fg_lattice_sites(&batch->lattice) / SHARE_SITES + 1;
  const uint64_t most = batch->count < SHARES ? batch->count : SHARES;
  return worth < most ? worth : most;
}

/// One step of a batch at work.
typedef struct step {
  const ascent *way;
  const inputs_model *model;
  const fg_batch *coarse;
  fg_batch *fine;
  int given; ///< the fine lattices are there; they need not be drawn
  double *log_prob, *log_weight;
  uint64_t shares;
} step;

static const inputs_model *model_of(const ascent *way, int64_t level) {
  return &way->model[ladder_rung(way->levels, way->models, level)];
}

static fg_status refuse_probability(const step *s, uint32_t i) {
  const fg_host *host = s->way->host;
  char size[96];
  fg_lattice_name(&s->fine->lattice, size);
  if (isinf(s->log_prob[i]) && s->log_prob[i] < 0 && s->given)
    return host->fail(
        host,
        "model '%s' gives a lattice of size %s the probability 0 that the target has: what it excludes is "
        "never proposed; use a network that excludes nothing but blocks that oppose their parents",
        s->model->kind, size);
  return host->fail(host,
                    "model '%s' gives a lattice of size %s that it drew the log-probability %g; this is a fault of "
                    "'%s' or of its weights",
                    s->model->kind, size, s->log_prob[i], s->model->kind);
}

/// The weight a step adds. On the way down the measures stay out: that of the top is there already.
static fg_status weigh_one(const step *s, uint32_t i) {
  const ascent *way = s->way;
  uint64_t blocks[5] = {0};
  if (!isfinite(s->log_prob[i])) return refuse_probability(s, i);
  block_kernel_count(&way->kernel, s->fine, s->coarse, i, blocks);
  s->log_weight[i] += block_kernel_log_q(&way->kernel, blocks) - s->log_prob[i];
  if (!s->given) s->log_weight[i] += measure(way, s->fine, i) - measure(way, s->coarse, i);
  return FG_OK;
}

static fg_status step_share(void *arg, uint64_t share) {
  const step *s = arg;
  const ascent *way = s->way;
  const fg_network *network = s->model->network;
  const uint64_t count = s->fine->count;
  const uint32_t begin = (uint32_t)(count * share / s->shares), end = (uint32_t)(count * (share + 1) / s->shares);
  fg_status status = way->host->cancelled(way->host) ? FG_CANCELLED : FG_OK;
  if (status == FG_OK && !s->given)
    status = network->sample(s->model->opened, way->host->rng_fill, way->network_key, s->coarse, s->fine, begin, end);
  if (way->purpose == ASCENT_PLAIN) return status;
  if (status == FG_OK) status = network->log_prob(s->model->opened, s->fine, s->coarse, begin, end, s->log_prob);
  for (uint32_t i = begin; status == FG_OK && i < end; i++) status = weigh_one(s, i);
  return status;
}

static fg_status run_step(step *s) {
  s->shares = shares_of(s->fine);
  if (s->shares == 1) return step_share(s, 0); // not worth the threads
  return s->way->host->parallel_for(s->way->host, s->shares, step_share, s);
}

/// -ln p(c0): random spins. Of one spin it is ln 2.
static double start_weight(const ascent *way) { return (double)(way->start * way->start) * M_LN2; }

static double *new_numbers(const ascent *way, uint32_t count) {
  double *numbers = calloc(count, sizeof *numbers);
  if (!numbers) way->host->fail(way->host, "out of memory for %u weights", count);
  return numbers;
}

// ---- up

static fg_batch *new_level(const ascent *way, int64_t level, uint64_t first, uint32_t count) {
  const fg_lattice lattice = ascent_lattice(way, level);
  fg_batch *batch = way->host->batch_new(way->host, FG_SPIN1, &lattice, count);
  if (!batch) return NULL;
  batch->first = first;
  batch->level = (int32_t)level;
  return batch;
}

/// Random spins.
static fg_batch *new_start(const ascent *way, uint64_t first, uint32_t count) {
  fg_batch *batch = new_level(way, 0, first, count);
  for (uint32_t i = 0; batch && i < count; i++) {
    fg_rng rng = fg_rng_start(way->host->rng_fill, way->start_key, first + i);
    for (uint64_t y = 0; y < batch->rows; y++)
      for (uint64_t x = 0; x < batch->rows; x++)
        fg_bit_set(fg_batch_row_mut(batch, i, y), x, (unsigned)(fg_rng_bits(&rng) >> 63));
  }
  return batch;
}

/// Moves that leave π of the level unchanged. Without a measure below the top a population has none to move by there.
static fg_status keep_blocks(const ascent *way, fg_batch *fine, const fg_batch *coarse) {
  const int top = fine->level == way->levels;
  if (way->purpose == ASCENT_WEIGHED || (way->purpose == ASCENT_POPULATION && !top && !way->has_lower)) return FG_OK;
  return moves_sweep_constrained(top ? &way->top : &way->below, fine, coarse);
}

/// Resamples a population where its weights ask for it, parents and children together.
static fg_status compete(const ascent *way, fg_batch **fine, fg_batch **coarse, double *log_weight, ascent_fate *fate) {
  const fg_host *host = way->host;
  const uint32_t count = (*fine)->count;
  const int top = (*fine)->level == way->levels;
  if (!top && !way->has_lower) return FG_OK;
  const population_weights sums = population_sum(log_weight, count);
  if (top) fate->effective = sums.effective;
  if (isinf(sums.log_mean)) fate->log_mean = -INFINITY;
  if (isinf(sums.log_mean) || (!top && sums.effective >= way->threshold)) return FG_OK;
  fate->log_mean += sums.log_mean;
  fate->resampled++;
  uint32_t *parents = malloc(count * sizeof *parents);
  if (!parents) return host->fail(host, "out of memory for a population of %u", count);
  const fg_rng_counter counter = {0, (*fine)->first << LEVEL_BITS | (uint64_t)(*fine)->level};
  uint64_t bits[2];
  host->rng_fill(way->resample_key, counter, bits, sizeof bits);
  const uint32_t shift = (uint32_t)((bits[1] >> 32) * count >> 32);
  population_choose(log_weight, count, (double)(bits[0] >> 11) * 0x1p-53, shift, parents);
  fg_status status = population_take(host, fine, parents);
  if (status == FG_OK) status = population_take(host, coarse, parents);
  for (uint32_t i = 0; i < count; i++) log_weight[i] = 0;
  free(parents);
  return status;
}

fg_batch *ascent_climb(const ascent *way, uint64_t first, uint32_t count, double *log_weight, ascent_fate *fate,
                       fg_status *status) {
  const fg_host *host = way->host;
  fg_batch *coarse = new_start(way, first, count);
  double *log_prob = coarse ? new_numbers(way, count) : NULL;
  *status = log_prob ? FG_OK : FG_FAILED;
  if (fate) *fate = (ascent_fate){0};
  if (way->purpose != ASCENT_PLAIN)
    for (uint32_t i = 0; *status == FG_OK && i < count; i++)
      log_weight[i] = start_weight(way) + measure(way, coarse, i);
  for (int64_t level = 1; *status == FG_OK && level <= way->levels; level++) {
    fg_batch *fine = new_level(way, level, first, count);
    step s = {.way = way,
              .model = model_of(way, level),
              .coarse = coarse,
              .fine = fine,
              .log_prob = log_prob,
              .log_weight = log_weight};
    *status = fine ? run_step(&s) : FG_FAILED;
    if (*status == FG_OK && fate) *status = compete(way, &fine, &coarse, log_weight, fate);
    if (*status == FG_OK) *status = keep_blocks(way, fine, coarse);
    host->batch_unref(host, coarse);
    coarse = fine;
  }
  free(log_prob);
  if (*status == FG_OK) return coarse;
  if (coarse) host->batch_unref(host, coarse);
  return NULL;
}

// ---- down

fg_batch *ascent_block(const ascent *way, const fg_batch *fine, fg_rng_key key) {
  const fg_host *host = way->host;
  fg_batch *coarse = new_level(way, fine->level - 1, fine->first, fine->count);
  for (uint32_t i = 0; coarse && i < fine->count; i++) {
    fg_rng rng = fg_rng_start(host->rng_fill, key, (fine->first + i) << LEVEL_BITS | (uint64_t)fine->level);
    for (uint64_t y = 0; y < coarse->rows; y++) {
      uint64_t *row = fg_batch_row_mut(coarse, i, y);
      for (uint64_t k = 0; 64 * k < coarse->rows; k++) {
        const quartets blocks = quartets_of(fg_batch_row(fine, i, 2 * y), fg_batch_row(fine, i, 2 * y + 1), k,
                                            fine->row_bytes / sizeof(uint64_t));
        row[k] = blocks.up | (blocks.tied & fg_rng_bits(&rng));
      }
    }
  }
  return coarse;
}

fg_status ascent_weigh(const ascent *way, const fg_batch *top, double *log_weight) {
  const fg_host *host = way->host;
  fg_batch *held = NULL;
  const fg_batch *fine = top;
  double *log_prob = new_numbers(way, top->count);
  fg_status status = log_prob ? FG_OK : FG_FAILED;
  for (uint32_t i = 0; status == FG_OK && i < top->count; i++) log_weight[i] = start_weight(way) + measure(way, top, i);
  for (int64_t level = way->levels; status == FG_OK && level > 0; level--) {
    fg_batch *coarse = ascent_block(way, fine, way->block_key);
    step s = {.way = way,
              .model = model_of(way, level),
              .coarse = coarse,
              .given = 1,
              .log_prob = log_prob,
              .log_weight = log_weight};
    s.fine = (fg_batch *)(uintptr_t)fine; // only read
    status = coarse ? run_step(&s) : FG_FAILED;
    if (held) host->batch_unref(host, held);
    held = coarse;
    fine = coarse;
  }
  if (held) host->batch_unref(host, held);
  free(log_prob);
  return status;
}

// ---- models

/// Whether a model gives any of the lattices above all 2×2 ones, with one block that opposes its parent, a probability.
static fg_status breaks_blocks(const ascent *way, const inputs_model *model, int *breaks) {
  enum { PATTERNS = 16, BLOCKS = 4, OPPOSED = 5, CASES = PATTERNS * BLOCKS * OPPOSED };
  static const unsigned opposed[OPPOSED] = {0, 1, 2, 4, 8}; // spins that agree with the parent
  const fg_host *host = way->host;
  const fg_lattice small = fg_lattice_square(2), large = fg_lattice_square(4);
  fg_batch *coarse = host->batch_new(host, FG_SPIN1, &small, CASES), *fine = NULL;
  double log_prob[CASES];
  fg_status status = FG_FAILED;
  if (coarse) fine = host->batch_new(host, FG_SPIN1, &large, CASES);
  for (uint32_t c = 0; fine && c < CASES; c++)
    for (unsigned s = 0; s < 16; s++) {
      const unsigned y = s / 4, x = s % 4, block = 2 * (y / 2) + x / 2, parent = c / (BLOCKS * OPPOSED) >> block & 1;
      const unsigned agrees = block != c / OPPOSED % BLOCKS || opposed[c % OPPOSED] >> (2 * (y % 2) + x % 2) & 1;
      fg_bit_set(fg_batch_row_mut(coarse, c, y / 2), x / 2, parent);
      fg_bit_set(fg_batch_row_mut(fine, c, y), x, agrees ? parent : !parent);
    }
  if (fine) status = model->network->log_prob(model->opened, fine, coarse, 0, CASES, log_prob);
  *breaks = 0;
  for (uint32_t c = 0; status == FG_OK && c < CASES; c++) *breaks |= !isinf(log_prob[c]);
  if (fine) host->batch_unref(host, fine);
  if (coarse) host->batch_unref(host, coarse);
  return status;
}

fg_status ascent_check_models(const ascent *way) {
  const fg_host *host = way->host;
  for (int64_t m = 0; m < way->models; m++) {
    const inputs_model *model = &way->model[m];
    int breaks = 0;
    if (inputs_require(model) != FG_OK) return FG_FAILED;
    if (fg_network_element(model->network) != FG_SPIN1)
      return host->fail(host, "model '%s' draws Potts states; this stage knows spins", model->kind);
    if (way->purpose == ASCENT_PLAIN) continue;
    fg_status status = breaks_blocks(way, model, &breaks);
    if (status != FG_OK) return status;
    if (breaks)
      return host->fail(
          host,
          "model %" PRId64 " of the list, of '%s', can draw blocks whose majority opposes their coarse spin; "
          "such dreams have the weight 0. Use network.autoregressive or network.block with majority: true, "
          "or method: equilibrate, which takes any network",
          m + 1, model->kind);
  }
  return FG_OK;
}
