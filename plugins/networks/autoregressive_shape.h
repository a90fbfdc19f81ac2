// autoregressive_shape.h — the hyperparameters of network.autoregressive and what follows from them: in which steps a
// lattice is drawn, what each step looks at, and where its parameters lie in the list.
//
// A step draws the fine spins at one position (dy, dx) of the blocks of one colour. Positions come in the order (0,0),
// (1,1), (0,1), (1,0); at each, the colours one after the other. Blocks (Y, X) have one colour in all (4 classes), two
// like a checkerboard, colour Y+X mod 2 (8 classes), or four by (Y mod 2, X mod 2), in the same order as positions (16
// classes). Sites of one step are independent of each other given what the steps before have drawn.
#ifndef PLUGINS_NETWORKS_AUTOREGRESSIVE_SHAPE_H
#define PLUGINS_NETWORKS_AUTOREGRESSIVE_SHAPE_H

#include "finegrain/finegrain.h"

#define AUTOREGRESSIVE_MOST_HIDDEN 64u
#define AUTOREGRESSIVE_MOST_STEPS 16u
#define AUTOREGRESSIVE_MOST_INPUTS 128u
#define AUTOREGRESSIVE_MOST_COARSE 3 ///< coarse spacings along an axis, between a parent and what is looked at
#define AUTOREGRESSIVE_MOST_FINE 4   ///< fine spacings along an axis
#define AUTOREGRESSIVE_TEXT 256u     ///< of hyperparameters as JSON
#define AUTOREGRESSIVE_NAME 40u      ///< of a parameter

// What they are called is in `autoregressive_logits` and `autoregressive_symmetries`, lists that end with NULL.
enum autoregressive_logits { AUTOREGRESSIVE_LINEAR, AUTOREGRESSIVE_HIDDEN };
enum autoregressive_symmetrize { AUTOREGRESSIVE_PLAIN, AUTOREGRESSIVE_MIXTURE };
extern const char *const autoregressive_logits[], *const autoregressive_symmetries[];

/// A spin that is looked at: a coarse one, `dy` rows and `dx` columns from the parent, or a fine one, from the site.
typedef struct autoregressive_input {
  int8_t fine;
  int8_t dy, dx;
} autoregressive_input;

/// Its parameters, from `first` on: a linear weight for every input; then, for each hidden unit, a weight for every
/// input; then the weights of the units in the logit.
typedef struct autoregressive_step {
  uint32_t dy, dx; ///< position in the block
  uint32_t order;  ///< of the position: 0 … 3
  uint32_t colour;
  uint32_t inputs;
  autoregressive_input input[AUTOREGRESSIVE_MOST_INPUTS];
  uint64_t first;
} autoregressive_step;

/// Plain data.
typedef struct autoregressive_shape {
  uint32_t logits; ///< an autoregressive_logits
  uint32_t hidden; ///< units; 0 when the logits are linear
  uint32_t classes;
  uint32_t majority;    ///< 1: no block's majority opposes its parent
  uint32_t symmetrize;  ///< an autoregressive_symmetrize
  double coarse_radius; ///< fine spacings
  double fine_radius;
  double top_coupling; ///< K of the spins that are drawn; 0: none is assumed

  uint32_t colours;
  int32_t coarse_reach, fine_reach; ///< of the radii along an axis: coarse spacings from the parent, fine from the site
  uint32_t steps;                   ///< without those of the exact pair
  autoregressive_step step[AUTOREGRESSIVE_MOST_STEPS];
  uint64_t parameters;
} autoregressive_shape;

/// Derives the rest from the hyperparameters. NULL when a network can be made of them; otherwise the name of the one that
/// is wrong, and why in `why`.
const char *autoregressive_shape_derive(autoregressive_shape *shape, char why[160]);

/// Reads {"logits": "hidden", …}; what is absent has the stage's default. NULL, or the reason, in `why`.
const char *autoregressive_shape_read(autoregressive_shape *shape, const char *json, char why[200]);

/// The same as JSON, all keys.
void autoregressive_shape_write(const autoregressive_shape *shape, char json[AUTOREGRESSIVE_TEXT]);

/// Writes the names of all parameters, in the order of the list.
void autoregressive_shape_name(const autoregressive_shape *shape, char (*names)[AUTOREGRESSIVE_NAME]);

/// First block of a step in row Y of blocks, the distance to the next, and their number on a lattice of `width` blocks.
typedef struct autoregressive_places {
  uint64_t first, stride, count;
} autoregressive_places;

autoregressive_places autoregressive_step_places(const autoregressive_shape *shape, const autoregressive_step *step,
                                                 uint64_t y, uint64_t width);

#endif
