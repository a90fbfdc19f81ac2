// dreamer.c — see dreamer.h.
#include "dreamer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define BLOCK_BYTES ((uint64_t)1 << 20) // of the last lattices of a block, about
#define BLOCK_MOST 256u
#define UNIFORM_SUM 1.5 // of start weights where a network has none but zeros

// ---- models

fg_status dreamer_open(dreamer_model *model, const inputs_model *arrived, const double *weights, uint64_t count) {
  const fg_network *network = arrived->network;
  *model = (dreamer_model){.network = network};
  fg_status status = network->open(arrived->host, arrived->arrived->hyperparameters, weights, count, &model->opened);
  if (status != FG_OK) return status;
  const fg_network_table *table = FG_HAS(network, table) && network->table ? network->table(model->opened) : NULL;
  model->sliced = table && slices_prepare(&model->rule, table);
  return FG_OK;
}

void dreamer_close(dreamer_model *model) {
  if (model->opened) model->network->close(model->opened);
  model->opened = NULL;
}

fg_status dreamer_start_weights(const inputs_model *arrived, const char *param, const fg_real_list *given,
                                double *weights) {
  const fg_host *host = arrived->host;
  const fg_model *model = arrived->arrived;
  const uint64_t count = arrived->network->parameters(arrived->opened);
  if (given->count && given->count != count)
    return host->fail_param(host, param, "%" PRIu64 " given, model '%s' has %" PRIu64 " parameters", given->count,
                            arrived->kind, count);
  if (given->count || model->weight_count) {
    memcpy(weights, given->count ? given->items : model->weights, count * sizeof *weights);
    return FG_OK;
  }
  arrived->network->initial_weights(arrived->opened, host->rng_fill, host->rng_key(host, "initial weights"), weights);
  int zero = 1;
  for (uint64_t k = 0; k < count; k++) zero &= fabs(weights[k]) <= 0;
  for (uint64_t k = 0; zero && k < count; k++) weights[k] = UNIFORM_SUM / (double)count;
  return FG_OK;
}

// ---- dreams

static fg_lattice lattice_at(uint64_t start, int level) { return fg_lattice_square(start << level); }

uint32_t dreamer_together(uint64_t start, int levels) {
  const fg_lattice last = lattice_at(start, levels);
  const uint64_t fit = BLOCK_BYTES / fg_configuration_bytes(FG_SPIN1, &last);
  return fit > BLOCK_MOST ? BLOCK_MOST : fit ? (uint32_t)fit : 1;
}

uint64_t dreamer_bytes(uint64_t start, int levels) {
  uint64_t bytes = 0;
  for (int level = 0; level <= levels; level++) {
    const fg_lattice lattice = lattice_at(start, level);
    bytes += fg_configuration_bytes(FG_SPIN1, &lattice);
  }
  return bytes * dreamer_together(start, levels);
}

uint64_t dreamer_blocks(const dreamer *d, uint64_t dreams) {
  const uint64_t together = dreamer_together(d->start, d->levels);
  return (dreams + together - 1) / together;
}

/// All spins up in configurations of even index, down in the others.
static fg_batch *start_batch(const dreamer *d, uint64_t first, uint32_t count) {
  const fg_lattice lattice = lattice_at(d->start, 0);
  fg_batch *batch = d->host->batch_new(d->host, FG_SPIN1, &lattice, count);
  for (uint32_t c = 0; batch && c < count; c++)
    for (uint64_t y = 0; (first + c) % 2 == 0 && y < batch->rows; y++)
      for (uint64_t x = 0; x < d->start; x++) fg_bit_set(fg_batch_row_mut(batch, c, y), x, 1);
  if (batch) batch->first = first;
  return batch;
}

/// One inverse step; NULL with the reason in *status.
static fg_batch *refine(const dreamer *d, const dreamer_model *model, const fg_batch *coarse, fg_status *status) {
  const fg_lattice lattice = fg_lattice_square(INPUTS_FACTOR * coarse->lattice.extent[0]);
  fg_batch *fine = d->host->batch_new(d->host, FG_SPIN1, &lattice, coarse->count);
  *status = fine ? FG_OK : FG_FAILED;
  if (!fine) return NULL;
  fine->first = coarse->first;
  fine->level = coarse->level + 1;
  const slices_job job = {&model->rule, d->host->rng_fill, d->key, coarse, fine, 0};
  if (model->sliced)
    d->isa->draw(&job, 0, slices_chunks(&job));
  else
    *status = model->network->sample(model->opened, d->host->rng_fill, d->key, coarse, fine, 0, coarse->count);
  return fine;
}

fg_status dreamer_draw(const dreamer *d, uint64_t first, uint64_t dreams, uint64_t index, dreamer_block *block) {
  const uint64_t together = dreamer_together(d->start, d->levels), begin = index * together;
  const uint64_t left = dreams - begin;
  *block = (dreamer_block){.first = first + begin, .count = (uint32_t)(left < together ? left : together)};
  if (d->host->cancelled(d->host)) return FG_CANCELLED;
  block->level[0] = start_batch(d, block->first, block->count);
  fg_status status = block->level[0] ? FG_OK : FG_FAILED;
  for (int k = 0; status == FG_OK && k < d->levels; k++)
    block->level[k + 1] = refine(d, d->step[k], block->level[k], &status);
  return status;
}

void dreamer_drop(const dreamer *d, dreamer_block *block) {
  for (int k = 0; k <= DREAMER_MOST_LEVELS; k++)
    if (block->level[k]) d->host->batch_unref(d->host, block->level[k]);
  *block = (dreamer_block){0};
}
