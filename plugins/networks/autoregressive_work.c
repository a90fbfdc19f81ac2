// autoregressive_work.c — the way through the steps; see autoregressive_model.h.
#include "autoregressive_model.h"

#include "autoregressive_lanes.h"
#include "numbers.h"
#include "pair_of_batches.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TOGETHER_SITES 65536u // fine sites unpacked at a time, about
#define ALIGNMENT 64u

static uint64_t padded(uint64_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

/// A checkerboard of blocks, or four colours, close around lattices of even extents only. On others a site would look at
/// sites of its own step, or of later ones, so it does not look at any of its position.
static int must_be_alone(const autoregressive_shape *shape, const fg_lattice *coarse) {
  return shape->colours > 1 && (coarse->extent[0] % 2 || coarse->extent[1] % 2);
}

static fg_status place_all(autoregressive_work *work) {
  const fg_network_model *model = work->model;
  const autoregressive_spins upright = autoregressive_spins_sizes(&work->coarse, 0);
  const autoregressive_spins transposed = autoregressive_spins_sizes(&work->coarse, 4);
  const uint64_t stride = upright.fine_stride > transposed.fine_stride ? upright.fine_stride : transposed.fine_stride;
  const uint64_t vectors = (model->shape.hidden + LANES - 1) / LANES;
  const uint64_t columns = padded(autoregressive_columns_room(stride) * sizeof(uint16_t));
  const uint64_t units = padded(AUTOREGRESSIVE_ROOM * vectors * LANES * sizeof(float) + ALIGNMENT);
  const uint64_t records = padded((uint64_t)AUTOREGRESSIVE_MOST_GROUPS * AUTOREGRESSIVE_ROOM * sizeof(uint32_t));
  const uint64_t numbers = padded((stride + NUMBERS_SPARE) * sizeof(uint64_t));
  const uint64_t bytes = padded(autoregressive_spins_bytes(&work->coarse));
  work->spins = calloc(work->most, sizeof *work->spins);
  char *at = work->memory = aligned_alloc(ALIGNMENT, 2 * columns + units + records + numbers + work->most * bytes);
  if (!work->spins || !at)
    return model->host->fail(model->host, "out of memory for configurations of %" PRIu64 " fine spins",
                             4 * fg_lattice_sites(&work->coarse));
  memset(at, 0, 2 * columns + units + records + numbers + work->most * bytes);
  work->coarse_columns = (uint16_t *)(void *)at + AUTOREGRESSIVE_GRAIN;
  work->fine_columns = (uint16_t *)(void *)(at += columns) + AUTOREGRESSIVE_GRAIN;
  work->stretch.sites.units = (float *)(void *)(at += columns);
  work->stretch.sites.records = (uint32_t *)(void *)(at += units);
  work->numbers = (uint64_t *)(void *)(at += records);
  at += numbers;
  for (uint32_t i = 0; i < work->most; i++) work->spins[i].coarse = (uint8_t *)at + i * bytes;
  return FG_OK;
}

fg_status autoregressive_work_open(autoregressive_work *work, const fg_network_model *model, const fg_batch *fine,
                                   const fg_batch *coarse, uint32_t end, uint32_t most) {
  const fg_host *host = model->host;
  memset(work, 0, sizeof *work);
  work->model = model;
  if (!model->weights)
    return host->fail(host, "a model of network.autoregressive was used before it had weights; train it first");
  if (pair_of_batches_check(host, fine, coarse, end) != FG_OK) return FG_FAILED;
  work->coarse = coarse->lattice;
  const uint64_t fit = TOGETHER_SITES / (4 * fg_lattice_sites(&coarse->lattice));
  work->most = fit < most ? (uint32_t)fit : most;
  if (work->most == 0) work->most = 1;
  work->tables = model->tables;
  if (must_be_alone(&model->shape, &coarse->lattice)) {
    work->tables = work->alone = autoregressive_tables_new(&model->shape, model->weights, 1);
    if (!work->alone) return host->fail(host, "out of memory for a network's tables");
  }
  return place_all(work);
}

fg_status autoregressive_work_sum(autoregressive_work *work) {
  const fg_network_model *model = work->model;
  work->sums = autoregressive_sums_new(work->tables);
  return work->sums.memory ? FG_OK : model->host->fail(model->host, "out of memory for a gradient");
}

void autoregressive_work_close(autoregressive_work *work) {
  autoregressive_tables_free(work->alone);
  autoregressive_sums_free(&work->sums);
  free(work->spins);
  free(work->memory);
}

void autoregressive_work_load(autoregressive_work *work, uint32_t i, const fg_batch *fine, const fg_batch *coarse,
                              uint32_t c, unsigned g) {
  autoregressive_spins *spins = &work->spins[i];
  uint8_t *bytes = spins->coarse;
  *spins = autoregressive_spins_sizes(&work->coarse, g);
  autoregressive_spins_place(spins, bytes);
  autoregressive_spins_load_coarse(spins, coarse, c, g);
  if (fine) autoregressive_spins_load_fine(spins, fine, c, g);
}

// ---- stretches

static void visit_stretch(autoregressive_work *work, autoregressive_visit visit, void *arg) {
  autoregressive_stretch *stretch = &work->stretch;
  if (!stretch->sites.count) return;
  work->model->kernel->logits(&stretch->sites, stretch->logits);
  visit(work, arg);
  stretch->sites.count = stretch->pieces = 0;
}

/// The values of the columns in row y of blocks.
static void fill_columns(autoregressive_work *work, const autoregressive_step *step, uint32_t i, uint64_t y) {
  const fg_network_model *model = work->model;
  const autoregressive_table *table = work->stretch.sites.table;
  const autoregressive_spins *spins = &work->spins[i];
  const autoregressive_lattice coarse = {spins->coarse, spins->rows, spins->width, spins->coarse_stride};
  const autoregressive_lattice fine = {spins->fine, 2 * spins->rows, 2 * spins->width, spins->fine_stride};
  model->kernel->columns(&coarse, y, model->shape.coarse_reach, work->coarse_columns);
  if (table->groups && table->group[table->groups - 1].column[0].fine)
    model->kernel->columns(&fine, 2 * y + step->dy, model->shape.fine_reach, work->fine_columns);
}

/// The sites of a row of blocks, which fill up stretches.
static void take_row(autoregressive_work *work, const autoregressive_step *step, uint32_t i, uint64_t y,
                     autoregressive_visit visit, void *arg) {
  autoregressive_stretch *stretch = &work->stretch;
  const autoregressive_places places = autoregressive_step_places(&work->model->shape, step, y, work->spins[i].width);
  if (places.count) fill_columns(work, step, i, y);
  for (uint64_t done = 0; done < places.count;) {
    const uint64_t left = places.count - done, room = AUTOREGRESSIVE_SITES - stretch->sites.count;
    const uint64_t first = places.first + done * places.stride, count = left < room ? left : room;
    const autoregressive_run run = {
        .columns = {work->coarse_columns + first, work->fine_columns + 2 * first + step->dx},
        .stride = {places.stride, 2 * places.stride},
        .count = count};
    work->model->kernel->append(&run, &stretch->sites);
    stretch->piece[stretch->pieces++] = (autoregressive_piece){i, (uint32_t)count, y, first};
    stretch->sites.count += count;
    done += count;
    if (stretch->sites.count == AUTOREGRESSIVE_SITES) visit_stretch(work, visit, arg);
  }
}

void autoregressive_work_step(autoregressive_work *work, uint32_t s, uint32_t count, autoregressive_visit visit,
                              void *arg) {
  const autoregressive_shape *shape = &work->model->shape;
  work->stretch.s = s;
  work->stretch.stride = shape->colours > 1 ? 2 : 1;
  work->stretch.sites.table = &work->tables->step[s];
  for (uint32_t i = 0; i < count; i++)
    for (uint64_t y = 0; y < work->spins[i].rows; y++) take_row(work, &shape->step[s], i, y, visit, arg);
  visit_stretch(work, visit, arg);
}
