// likelihood_dreams.c — see likelihood_dreams.h. Weights are made level by level, for the configurations of one batch at a
// time; what they add up to is importance.h's business.
#include "likelihood_dreams.h"

#include "energy.h"
#include "importance.h"
#include "likelihood_rows.h"
#include "plugins/generate/ladder.h"
#include "scoring.h"

#include <inttypes.h>
#include <stdlib.h>

#define USUAL_BATCH 1024u // dreams of a batch, where it is not announced

struct likelihood_dreams {
  const fg_host *host;
  likelihood_target target;
  int64_t steps;
  const fg_batch *before; ///< the level that came last
  double *log_chain;      ///< of each of its configurations: Σ ln q - ln p(c0) - Σ ln P
  double *log_prob;       ///< of the step to the level at work
  uint64_t room;          ///< configurations these have space for
  likelihood_level level[LIKELIHOOD_MOST_STEPS + 1];
};

// ---- formats

/// Steps of a dream that has all its levels from one spin on; 0: it is none.
static int64_t steps_of(const fg_format *dream) {
  uint64_t sizes = 0; // bit k: the square of 2^k
  for (uint32_t s = 0; s < dream->shape_count; s++) {
    const fg_lattice *lattice = &dream->shapes[s];
    const uint64_t length = lattice->extent[0];
    if (lattice->shape != FG_SQUARE || lattice->dims != 2 || lattice->extent[1] != length || !length ||
        length & (length - 1) || length >> LIKELIHOOD_MOST_STEPS > 1)
      return 0;
    sizes |= length;
  }
  return sizes & (sizes + 1) || sizes < 3 ? 0 : __builtin_ctzll(~sizes) - 1;
}

static fg_status open_levels(likelihood_dreams *dreams) {
  const likelihood_target *target = &dreams->target;
  for (int64_t k = 1; k <= dreams->steps; k++) {
    likelihood_level *level = &dreams->level[k];
    // Lower levels of a list of models are drawn as blocks of the last one, which no weight is known of.
    level->weighted = target->models == 1 || k == dreams->steps;
    level->lattice = fg_lattice_square(UINT64_C(1) << k);
    level->level = (int32_t)k;
    level->sums = importance_new();
    level->nll = bins_new(1);
    if (!level->sums || !level->nll) return dreams->host->fail(dreams->host, "out of memory");
  }
  return FG_OK;
}

likelihood_dreams *likelihood_dreams_new(const fg_host *host, const likelihood_target *target, const fg_format *dream,
                                         uint64_t *memory) {
  const int64_t steps = steps_of(dream);
  if (!steps) {
    host->fail(host,
               "dreams are weighed from one spin on, at all their levels, 1, 2, 4 and so on; let the dream start: 1 "
               "and keep: all, or connect input 'coarse' for pairs of lattices");
    return NULL;
  }
  if (target->first && target->first_steps > steps) {
    host->fail_param(host, "first_steps",
                     "%" PRId64 " steps with the first model, but the dream has %" PRId64
                     " in all; say the same as the dream does",
                     target->first_steps, steps);
    return NULL;
  }
  if (ladder_check(host, steps, target->first ? target->first_steps : 0, target->models) != FG_OK) return NULL;
  likelihood_dreams *dreams = calloc(1, sizeof *dreams);
  if (dreams) {
    dreams->host = host;
    dreams->target = *target;
    dreams->steps = steps;
  } else {
    host->fail(host, "out of memory");
  }
  if (dreams && open_levels(dreams) != FG_OK) {
    likelihood_dreams_free(dreams);
    return NULL;
  }
  const fg_lattice last = fg_lattice_square(UINT64_C(1) << steps);
  const uint64_t batch = dream->batch ? dream->batch : USUAL_BATCH;
  *memory = sizeof(likelihood_dreams) + (uint64_t)steps * (importance_bytes() + bins_bytes(1)) +
            batch * (2 * sizeof(double) + fg_configuration_bytes(FG_SPIN1, &last));
  return dreams;
}

void likelihood_dreams_free(likelihood_dreams *dreams) {
  if (!dreams) return;
  for (uint32_t k = 0; k <= LIKELIHOOD_MOST_STEPS; k++) {
    importance_free(dreams->level[k].sums);
    bins_free(dreams->level[k].nll);
  }
  if (dreams->before) dreams->host->batch_unref(dreams->host, dreams->before);
  free(dreams->log_chain);
  free(dreams->log_prob);
  free(dreams);
}

// ---- weights

static const inputs_model *model_of(const likelihood_dreams *dreams, int64_t step) {
  const likelihood_target *target = &dreams->target;
  if (target->first && step <= target->first_steps) return target->first;
  return &target->model[ladder_rung(dreams->steps, target->models, step)];
}

/// What configuration i of a batch adds to its level, given ln P of the step that made it.
static fg_status add_draw(likelihood_dreams *dreams, const inputs_model *model, const fg_batch *batch, uint32_t i) {
  const fg_host *host = dreams->host;
  likelihood_level *level = &dreams->level[batch->level];
  const double sites = (double)fg_lattice_sites(&batch->lattice), log_prob = dreams->log_prob[i];
  if (isinf(log_prob) && log_prob < 0)
    return host->fail(host,
                      "configuration %" PRIu64 " of level %d has probability 0 under the %s, so it was drawn with "
                      "another one; connect the models, in the order, that the dream has",
                      batch->first + i, batch->level, model->port);
  if (!isfinite(log_prob)) return scoring_refuse(model, batch, i, log_prob);
  uint64_t blocks[5] = {0};
  block_kernel_count(&dreams->target.kernel, batch, dreams->before, i, blocks);
  dreams->log_chain[i] += block_kernel_log_q(&dreams->target.kernel, blocks) - log_prob;
  for (int equal = 0; equal <= 4; equal++) level->blocks[equal] += blocks[equal];
  *bins_next(level->nll, 1) -= log_prob / sites;
  if (!level->weighted) return FG_OK;
  const energy_counts counts = energy_count(batch, i, 0, batch->rows);
  const double energy = 2 * (double)counts.unlike - 2 * sites, m = 2 * (double)counts.up / sites - 1;
  const importance_draw draw = {dreams->log_chain[i] - dreams->target.coupling * energy, energy / sites, m * m};
  importance_add(level->sums, &draw);
  return FG_OK;
}

/// Room for a batch of level 0, whose weight is 1 / p(c0).
static fg_status start(likelihood_dreams *dreams, const fg_batch *batch) {
  if (batch->count > dreams->room) {
    if (scoring_make_room(dreams->host, &dreams->log_chain, batch->count) != FG_OK ||
        scoring_make_room(dreams->host, &dreams->log_prob, batch->count) != FG_OK)
      return FG_FAILED;
    dreams->room = batch->count;
  }
  for (uint32_t i = 0; i < batch->count; i++) dreams->log_chain[i] = M_LN2;
  return FG_OK;
}

static fg_status refuse_level(const likelihood_dreams *dreams, const fg_batch *batch) {
  const fg_batch *before = dreams->before;
  const fg_host *host = dreams->host;
  char size[96];
  fg_lattice_name(&batch->lattice, size);
  if (!before)
    return host->fail(host, "level %d of size %s comes first; a dream begins with level 0, one spin: let it keep: all",
                      batch->level, size);
  return host->fail(host,
                    "level %d of configurations %" PRIu64 " to %" PRIu64 ", of size %s, follows level %d of "
                    "configurations %" PRIu64 " to %" PRIu64
                    "; the levels of a dream must come one after the other for the same ones, each twice as large",
                    batch->level, batch->first, batch->first + batch->count - 1, size, before->level, before->first,
                    before->first + before->count - 1);
}

/// Whether a batch is level 0, or the next level of the batch before.
static int follows(const likelihood_dreams *dreams, const fg_batch *batch) {
  const fg_batch *before = dreams->before;
  const fg_lattice *lattice = &batch->lattice;
  if (batch->level < 0 || batch->level > dreams->steps || lattice->dims != 2 ||
      lattice->extent[0] != UINT64_C(1) << batch->level || lattice->extent[1] != lattice->extent[0])
    return 0;
  if (batch->level == 0) return 1;
  return before && batch->level == before->level + 1 && batch->first == before->first &&
         batch->count == before->count && batch->chain == before->chain;
}

fg_status likelihood_dreams_take(likelihood_dreams *dreams, const fg_batch *batch) {
  const fg_host *host = dreams->host;
  fg_status status = FG_OK;
  if (batch->count == 0) return FG_OK;
  if (!follows(dreams, batch)) return refuse_level(dreams, batch);
  if (batch->level == 0) {
    status = start(dreams, batch);
  } else {
    const inputs_model *model = model_of(dreams, batch->level);
    status = inputs_require(model);
    if (status == FG_OK) status = scoring_log_prob(model, batch, dreams->before, dreams->log_prob);
    for (uint32_t i = 0; status == FG_OK && i < batch->count; i++) status = add_draw(dreams, model, batch, i);
  }
  if (dreams->before) host->batch_unref(host, dreams->before);
  host->batch_ref(host, batch);
  dreams->before = batch;
  return status;
}

fg_status likelihood_dreams_finish(const likelihood_dreams *dreams, fg_table *table) {
  fg_status status = FG_OK;
  for (int64_t k = 1; status == FG_OK && k <= dreams->steps; k++)
    if (bins_count(dreams->level[k].nll))
      status = likelihood_rows(dreams->host, table, &dreams->level[k], &dreams->target);
  return status;
}
