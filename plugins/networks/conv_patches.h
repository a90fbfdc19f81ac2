// conv_patches.h — square pieces of lattices on their way through the layers of network.conv, averaged over the
// symmetries it has been given:
//     logit(r) = 1/8 Σ_g (f(g s))(g r),   g the eight symmetries of the square,
// f being what the layers make of the spins s; with the spin flip, half the difference of this and the same for -s. The
// terms are rounded to multiples of 2⁻³⁶, so that their sum is exact whatever the order: related lattices have the same
// logits to the last bit (up to |logit| = 8192).
#ifndef PLUGINS_NETWORKS_CONV_PATCHES_H
#define PLUGINS_NETWORKS_CONV_PATCHES_H

#include "conv_layers.h"

#define CONV_FLIP_ROWS 1u
#define CONV_FLIP_COLUMNS 2u
#define CONV_TRANSPOSE 4u
#define CONV_FLIP_SPINS 8u

/// Belongs to one thread.
typedef struct conv_patches {
  conv_shape shape;
  const conv_engine *engine;
  void *layers;
  uint32_t count, side;
  uint32_t outer; ///< side with the margins
  float *spins;   ///< [count][outer][outer] conv_value of the spins: filled by the caller
  double *logits; ///< [count][side][side]
  float *turned;  ///< spins and logits of one symmetry
  double *part;
} conv_patches;

/// All patches are zero, and lie in `memory`. NULL, or the reason it failed, constant text; conv_patches_close in any
/// case.
const char *conv_patches_open(conv_patches *patches, const conv_shape *shape, const conv_engine *engine,
                              const double *weights, uint32_t count, uint32_t side, int backward, arena *memory);
void conv_patches_close(conv_patches *patches);

/// From spins to logits. NULL, or the reason it failed.
const char *conv_patches_evaluate(conv_patches *patches);

/// After that: adds Σ slope · ∂logit/∂weight to gradient[]. NULL, or the reason it failed.
const char *conv_patches_descend(conv_patches *patches, const double *slopes, double *gradient);

/// What the first layer is given for a spin.
static inline float conv_value(const conv_shape *shape, unsigned bit) {
  return shape->input == CONV_SIGN ? 2 * (float)bit - 1 : (float)bit;
}

/// How many symmetries there are: they are 0 … that-1, combinations of the bits above.
static inline uint32_t conv_symmetry_count(const conv_shape *shape) {
  return shape->symmetrize == CONV_D4_Z2 ? 16 : shape->symmetrize == CONV_D4 ? 8 : 1;
}

/// The site of a square that a symmetry brings to (y, x).
static inline uint32_t conv_image(uint32_t symmetry, uint32_t side, uint32_t y, uint32_t x) {
  uint32_t row = symmetry & CONV_FLIP_ROWS ? side - 1 - y : y, column = symmetry & CONV_FLIP_COLUMNS ? side - 1 - x : x;
  return symmetry & CONV_TRANSPOSE ? column * side + row : row * side + column;
}

/// -1 for symmetries that flip the spins.
static inline double conv_sign(uint32_t symmetry) { return symmetry & CONV_FLIP_SPINS ? -1 : 1; }

/// A logit of one symmetry as a term of the sum, which is then divided by conv_terms.
static inline double conv_term(uint32_t symmetry, double logit) { return rint(conv_sign(symmetry) * 0x1p36 * logit); }
static inline double conv_terms(const conv_shape *shape) { return 0x1p36 * conv_symmetry_count(shape); }

#endif
