// autoregressive_draw.c — network.autoregressive draws. The fine spin at position (dy, dx) of the block of coarse site
// (Y, X) of configuration c takes number (4c + 2dy + dx)·N + Y·width + X (numbers.h), N coarse sites a configuration, and
// is up when the number, in [0, 1), reaches σ(-logit). An exact pair takes the number of (0,1). In a mixture the
// configuration is drawn as seen through orientation b mod 8, rows and columns counted there, b the first byte at
// {low = c, high = level + 2⁶³}.
#include "autoregressive_model.h"
#include "numbers.h"

typedef struct drawing {
  fg_rng_fill_fn fill;
  fg_rng_key key;
  const fg_batch *coarse;
  fg_batch *fine;
  uint32_t begin; ///< configuration that is number 0 at work
} drawing;

/// Numbers of columns first … first+count-1 of row y of blocks, at position (dy, dx).
static const uint64_t *numbers_of(const drawing *d, autoregressive_work *work, uint32_t i, uint64_t y, uint64_t first,
                                  uint64_t count, uint32_t position) {
  const uint64_t sites = fg_lattice_sites(&work->coarse), index = d->fine->first + d->begin + i;
  const uint64_t number = (4 * index + position) * sites + y * work->spins[i].width + first;
  return numbers_fill(d->fill, d->key, d->fine->level, number, count, work->numbers);
}

/// Logits of a piece without doubt where its spins are forced.
static void force(const autoregressive_work *work, const autoregressive_piece *piece, double *logits) {
  const autoregressive_place at = autoregressive_piece_place(work, piece);
  const uint64_t stride = work->stretch.stride;
  for (uint64_t k = 0; k < piece->count; k++)
    if (autoregressive_is_forced(work, &at, k * stride))
      logits[k] = at.parents[k * stride] ? AUTOREGRESSIVE_CERTAIN : -AUTOREGRESSIVE_CERTAIN;
}

static void draw_piece(const drawing *d, autoregressive_work *work, const autoregressive_piece *piece,
                       const double *misses) {
  const autoregressive_place at = autoregressive_piece_place(work, piece);
  const autoregressive_step *step = &work->model->shape.step[work->stretch.s];
  const uint64_t stride = work->stretch.stride, columns = (piece->count - 1) * stride + 1;
  const uint64_t *numbers = numbers_of(d, work, piece->i, piece->y, piece->first, columns, 2 * step->dy + step->dx);
  for (uint64_t k = 0; k < piece->count; k++)
    at.spins[2 * k * stride] = (double)(numbers[k * stride] >> 11) * 0x1p-53 >= misses[k];
}

static void draw(autoregressive_work *work, void *arg) {
  autoregressive_stretch *stretch = &work->stretch;
  uint64_t from = 0;
  for (uint32_t p = 0; autoregressive_may_force(work) && p < stretch->pieces; from += stretch->piece[p++].count)
    force(work, &stretch->piece[p], stretch->logits + from);
  work->model->kernel->probabilities(stretch->logits, stretch->sites.count, work->misses, work->factors);
  from = 0;
  for (uint32_t p = 0; p < stretch->pieces; from += stretch->piece[p++].count)
    draw_piece(arg, work, &stretch->piece[p], work->misses + from);
}

static unsigned orientation_of(const drawing *d, const fg_network_model *model, uint32_t i) {
  if (model->shape.symmetrize != AUTOREGRESSIVE_MIXTURE) return 0;
  const fg_rng_counter counter = {.low = d->fine->first + d->begin + i,
                                  .high = (uint64_t)(int64_t)d->fine->level + (UINT64_C(1) << 63)};
  uint8_t bytes[16];
  d->fill(d->key, counter, bytes, sizeof bytes);
  return bytes[0] % AUTOREGRESSIVE_ORIENTATIONS;
}

/// `count` configurations together, step by step.
static void draw_portion(autoregressive_work *work, drawing *d, uint32_t count) {
  const fg_network_model *model = work->model;
  for (uint32_t i = 0; i < count; i++)
    autoregressive_work_load(work, i, NULL, d->coarse, d->begin + i, orientation_of(d, model, i));
  for (uint32_t s = 0; s < model->shape.steps; s++) autoregressive_work_step(work, s, count, draw, d);
  for (uint32_t i = 0; i < count; i++) {
    for (uint64_t y = 0; model->pair && y < work->spins[i].rows; y++)
      autoregressive_pair_draw(model->pair, &work->spins[i], y, numbers_of(d, work, i, y, 0, work->spins[i].width, 1));
    autoregressive_spins_store(&work->spins[i], d->fine, d->begin + i, orientation_of(d, model, i));
  }
}

fg_status autoregressive_sample(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key,
                                const fg_batch *coarse, fg_batch *fine, uint32_t begin, uint32_t end) {
  autoregressive_work work;
  drawing d = {fill, key, coarse, fine, begin};
  fg_status status = autoregressive_work_open(&work, model, fine, coarse, end, end - begin);
  while (status == FG_OK && d.begin < end) {
    const uint32_t count = end - d.begin < work.most ? end - d.begin : work.most;
    draw_portion(&work, &d, count);
    d.begin += count;
  }
  autoregressive_work_close(&work);
  return status;
}
