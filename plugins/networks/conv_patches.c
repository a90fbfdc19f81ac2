// conv_patches.c — see conv_patches.h. A symmetry is applied to the patches, not to the weights: what the layers then
// see for one lattice they also see for its images, in another order.
#include "conv_patches.h"

#include <string.h>

static uint64_t sites(uint32_t count, uint32_t side) { return (uint64_t)count * side * side; }

const char *conv_patches_open(conv_patches *patches, const conv_shape *shape, const conv_engine *engine,
                              const double *weights, uint32_t count, uint32_t side, int backward, arena *memory) {
  const uint32_t outer = side + 2 * conv_radius(shape);
  const uint64_t spins = sites(count, outer) * sizeof(float), logits = sites(count, side) * sizeof(double);
  *patches = (conv_patches){.shape = *shape, .engine = engine, .count = count, .side = side, .outer = outer};
  patches->spins = arena_block(memory, spins);
  patches->logits = arena_block(memory, logits);
  patches->turned = arena_block(memory, conv_symmetry_count(shape) > 1 ? spins : 0);
  patches->part = arena_block(memory, conv_symmetry_count(shape) > 1 ? logits : 0);
  if (!patches->spins || !patches->logits || !patches->turned || !patches->part) return "out of memory";
  memset(patches->spins, 0, spins);
  const char *why = NULL;
  patches->layers = engine->open(shape, weights, count, side, backward, memory, &why);
  return why;
}

void conv_patches_close(conv_patches *patches) {
  if (patches->layers) patches->engine->close(patches->layers);
}

/// The spins, turned by a symmetry.
static void turn(const conv_patches *patches, uint32_t symmetry) {
  const uint32_t outer = patches->outer;
  const float up_down = conv_value(&patches->shape, 0) + conv_value(&patches->shape, 1);
  for (uint32_t p = 0; p < patches->count; p++) {
    const float *from = patches->spins + sites(p, outer);
    float *to = patches->turned + sites(p, outer);
    for (uint32_t y = 0; y < outer; y++) {
      for (uint32_t x = 0; x < outer; x++) {
        float value = from[conv_image(symmetry, outer, y, x)];
        to[y * outer + x] = symmetry & CONV_FLIP_SPINS ? up_down - value : value;
      }
    }
  }
}

/// Adds the logits of a turned patch to those of the patch.
static void add_part(const conv_patches *patches, uint32_t symmetry) {
  const uint32_t side = patches->side;
  for (uint32_t p = 0; p < patches->count; p++) {
    const double *from = patches->part + sites(p, side);
    double *to = patches->logits + sites(p, side);
    for (uint32_t y = 0; y < side; y++)
      for (uint32_t x = 0; x < side; x++)
        to[conv_image(symmetry, side, y, x)] += conv_term(symmetry, from[y * side + x]);
  }
}

const char *conv_patches_evaluate(conv_patches *patches) {
  const uint32_t symmetries = conv_symmetry_count(&patches->shape);
  const uint64_t size = sites(patches->count, patches->side);
  const char *why = NULL;
  double sum = 0;
  if (symmetries == 1) why = patches->engine->forward(patches->layers, patches->spins, patches->logits);
  if (symmetries > 1) memset(patches->logits, 0, size * sizeof *patches->logits);
  for (uint32_t s = 0; !why && symmetries > 1 && s < symmetries; s++) {
    turn(patches, s);
    why = patches->engine->forward(patches->layers, patches->turned, patches->part);
    if (!why) add_part(patches, s);
  }
  for (uint64_t i = 0; i < size; i++) {
    if (symmetries > 1) patches->logits[i] /= conv_terms(&patches->shape);
    sum += patches->logits[i];
  }
  return why || isfinite(sum) ? why : "a logit is not finite: the weights are too large";
}

const char *conv_patches_descend(conv_patches *patches, const double *slopes, double *gradient) {
  const uint32_t symmetries = conv_symmetry_count(&patches->shape), side = patches->side;
  if (symmetries == 1) return patches->engine->backward(patches->layers, patches->spins, slopes, gradient);
  const char *why = NULL;
  for (uint32_t s = 0; !why && s < symmetries; s++) {
    turn(patches, s);
    why = patches->engine->forward(patches->layers, patches->turned, patches->part);
    for (uint32_t p = 0; p < patches->count; p++) {
      const double *from = slopes + sites(p, side);
      double *to = patches->part + sites(p, side);
      for (uint32_t y = 0; y < side; y++)
        for (uint32_t x = 0; x < side; x++)
          to[y * side + x] = conv_sign(s) / symmetries * from[conv_image(s, side, y, x)];
    }
    if (!why) why = patches->engine->backward(patches->layers, patches->turned, patches->part, gradient);
  }
  return why;
}
