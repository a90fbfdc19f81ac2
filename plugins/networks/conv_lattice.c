// conv_lattice.c — see conv_model.h: scoring and drawing through the layers. A lattice is cut into square tiles of at
// most 64×64 fine spins, each of which is evaluated as a patch with a periodic margin; small lattices go several at a
// time. How, depends on the lattice's size alone, and where a configuration lies among several on its index alone, so
// that it is drawn the same whatever else is asked for. Memory per call: what the layers keep of about 64×64 spins and
// their margins, and for sampling the logits of a row of tiles.
#include "bernoulli.h"
#include "conv_model.h"
#include "conv_patches.h"

#include <string.h>

#define MOST_SIDE 64u // of a tile, fine spins; a power of two
#define PATCH_SITES (MOST_SIDE * MOST_SIDE)

/// A call at work on one tile of some configurations after the other.
typedef struct pass {
  const fg_network_model *model;
  const fg_batch *fine, *coarse;
  uint32_t begin, end;   ///< configurations asked for
  uint64_t down, across; ///< tiles of a lattice
  uint32_t slots;        ///< configurations evaluated at a time: one when there are several tiles
  arena *memory;
  uint64_t *columns; ///< coarse column that each column of a patch lies on
  conv_patches patches;
  // the tile
  uint32_t from, to;    ///< configurations
  uint64_t row, column; ///< its first fine spin
  uint64_t rows, width; ///< what of it lies on the lattice
} pass;

static const char *pass_open(pass *p, const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                             uint32_t begin, uint32_t end, int backward) {
  const uint64_t rows = fg_lattice_rows(&fine->lattice), width = fg_lattice_width(&fine->lattice);
  const uint64_t longer = rows > width ? rows : width;
  const uint32_t side = longer < MOST_SIDE ? (uint32_t)longer : MOST_SIDE,
                 outer = side + 2 * conv_radius(&model->shape);
  *p = (pass){.model = model, .fine = fine, .coarse = coarse, .begin = begin, .end = end, .slots = 1};
  p->down = (rows + side - 1) / side;
  p->across = (width + side - 1) / side;
  while (2 * p->slots * outer * outer <= PATCH_SITES) p->slots *= 2;
  p->memory = arenas_take(model->memory);
  p->columns = p->memory ? arena_block(p->memory, outer * sizeof *p->columns) : NULL;
  if (!p->columns) return "out of memory";
  return conv_patches_open(&p->patches, &model->shape, model->engine, model->weights, p->slots, side, backward,
                           p->memory);
}

static void pass_close(pass *p) {
  conv_patches_close(&p->patches);
  if (p->memory) arenas_give(p->model->memory, p->memory);
}

/// Where a configuration lies among those evaluated together.
static uint32_t slot_of(const pass *p, uint32_t c) { return (uint32_t)((p->fine->first + c) % p->slots); }

static const double *logits_of(const pass *p, uint32_t c, uint64_t y) {
  return p->patches.logits + (slot_of(p, c) * (uint64_t)p->patches.side + y) * p->patches.side;
}

/// start + i - radius, periodically, as a row or column of the coarse lattice.
static uint64_t wrapped(uint64_t start, uint64_t i, uint64_t radius, uint64_t extent) {
  return (start + i + (radius / extent + 1) * extent - radius) % extent / CONV_FACTOR;
}

/// Repeats the coarse spins around the tile 2×2.
static void upsample(const pass *p, uint32_t c) {
  const conv_shape *shape = &p->model->shape;
  const uint32_t outer = p->patches.outer, radius = conv_radius(shape);
  const float values[2] = {conv_value(shape, 0), conv_value(shape, 1)};
  float *spins = p->patches.spins + (uint64_t)slot_of(p, c) * outer * outer;
  uint64_t before = UINT64_MAX;
  for (uint32_t y = 0; y < outer; y++, spins += outer) {
    const uint64_t from = wrapped(p->row, y, radius, p->fine->rows), *row = fg_batch_row(p->coarse, c, from);
    if (from == before)
      memcpy(spins, spins - outer, outer * sizeof *spins);
    else
      for (uint32_t x = 0; x < outer; x++) spins[x] = values[fg_bit_get(row, p->columns[x])];
    before = from;
  }
}

static const char *evaluate(pass *p, uint32_t from, uint64_t down, uint64_t across) {
  const uint64_t rows = p->fine->rows, width = fg_lattice_width(&p->fine->lattice), side = p->patches.side;
  const uint32_t radius = conv_radius(&p->model->shape), together = p->slots - slot_of(p, from);
  p->from = from;
  p->to = p->end - from > together ? from + together : p->end;
  p->row = down * side;
  p->column = across * side;
  p->rows = rows - p->row < side ? rows - p->row : side;
  p->width = width - p->column < side ? width - p->column : side;
  for (uint32_t x = 0; x < p->patches.outer; x++) p->columns[x] = wrapped(p->column, x, radius, width);
  for (uint32_t c = p->from; c < p->to; c++) upsample(p, c);
  return conv_patches_evaluate(&p->patches);
}

/// Evaluates every tile of all configurations, and has it visited.
static const char *walk(pass *p, const char *(*visit)(pass *p, void *arg), void *arg) {
  const char *why = NULL;
  for (uint32_t from = p->begin; !why && from < p->end; from = p->to)
    for (uint64_t down = 0; !why && down < p->down; down++)
      for (uint64_t across = 0; !why && across < p->across; across++) {
        why = evaluate(p, from, down, across);
        if (!why) why = visit(p, arg);
      }
  return why;
}

// ---- scoring

static const char *add_log_prob(pass *p, void *arg) {
  double *log_prob = arg;
  for (uint32_t c = p->from; c < p->to; c++)
    for (uint64_t y = 0; y < p->rows; y++)
      log_prob[c] += bernoulli_log_prob(fg_batch_row(p->fine, c, p->row + y), p->column, p->width, logits_of(p, c, y));
  return NULL;
}

fg_status conv_layers_log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                               uint32_t begin, uint32_t end, double *log_prob) {
  pass p;
  const char *why = pass_open(&p, model, fine, coarse, begin, end, 0);
  for (uint32_t c = begin; c < end; c++) log_prob[c] = 0;
  if (!why) why = walk(&p, add_log_prob, log_prob);
  pass_close(&p);
  return conv_result(model, why);
}

typedef struct descent {
  const double *weight; ///< of the configurations; NULL: all 1
  double *slopes;       ///< by the logits of a patch
  double *loss, *gradient;
} descent;

static const char *add_gradient(pass *p, void *arg) {
  const descent *d = arg;
  const uint64_t side = p->patches.side;
  memset(d->slopes, 0, p->slots * side * side * sizeof *d->slopes);
  for (uint32_t c = p->from; c < p->to; c++) {
    double *slopes = d->slopes + slot_of(p, c) * side * side;
    for (uint64_t y = 0; y < p->rows; y++)
      *d->loss += bernoulli_slopes(fg_batch_row(p->fine, c, p->row + y), p->column, p->width, logits_of(p, c, y),
                                   d->weight ? d->weight[c] : 1, slopes + y * side);
  }
  return conv_patches_descend(&p->patches, d->slopes, d->gradient);
}

fg_status conv_layers_gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                               uint32_t begin, uint32_t end, const double *weight, double *loss, double *gradient) {
  pass p;
  const char *why = pass_open(&p, model, fine, coarse, begin, end, 1);
  descent d = {.weight = weight, .loss = loss, .gradient = gradient};
  if (!why) d.slopes = arena_block(p.memory, (uint64_t)p.slots * p.patches.side * p.patches.side * sizeof *d.slopes);
  if (!why && !d.slopes) why = "out of memory";
  if (!why) why = walk(&p, add_gradient, &d);
  pass_close(&p);
  return conv_result(model, why);
}

// ---- drawing

/// The logits of a row of tiles, gathered so that the random numbers are used in their order.
typedef struct drawing {
  bernoulli draws;
  fg_batch *fine;
  uint64_t stride;
  double *logits; ///< [slots][side][stride]
} drawing;

static const char *gather_and_draw(pass *p, void *arg) {
  drawing *d = arg;
  const uint64_t side = p->patches.side, last = fg_lattice_width(&p->fine->lattice) - p->width;
  for (uint32_t c = p->from; c < p->to; c++) {
    double *logits = d->logits + slot_of(p, c) * side * d->stride;
    for (uint64_t y = 0; y < p->rows; y++)
      memcpy(logits + y * d->stride + p->column, logits_of(p, c, y), p->width * sizeof *logits);
    for (uint64_t y = 0; p->column == last && y < p->rows; y += CONV_FACTOR) {
      const double *const pair[2] = {logits + y * d->stride, logits + (y + 1) * d->stride};
      bernoulli_draw(&d->draws, p->coarse, d->fine, c, (p->row + y) / CONV_FACTOR, pair);
    }
  }
  return NULL;
}

fg_status conv_layers_sample(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, const fg_batch *coarse,
                             fg_batch *fine, uint32_t begin, uint32_t end) {
  pass p;
  drawing d = {.fine = fine, .stride = fg_lattice_width(&fine->lattice)};
  const char *why = pass_open(&p, model, fine, coarse, begin, end, 0);
  bernoulli_start(&d.draws, fill, key, fine->level);
  if (!why) d.logits = arena_block(p.memory, d.stride * p.slots * p.patches.side * sizeof *d.logits);
  if (!why && !d.logits) why = "out of memory";
  if (!why) why = walk(&p, gather_and_draw, &d);
  pass_close(&p);
  return conv_result(model, why);
}
