// autoregressive_model.h — an opened model of network.autoregressive, and the way of a call through the steps: a few
// configurations at a time are unpacked, every step takes its sites in them stretch by stretch.
#ifndef PLUGINS_NETWORKS_AUTOREGRESSIVE_MODEL_H
#define PLUGINS_NETWORKS_AUTOREGRESSIVE_MODEL_H

#include "autoregressive_pair.h"
#include "autoregressive_rows.h"
#include "autoregressive_spins.h"

/// Immutable once opened.
struct fg_network_model {
  const fg_host *host;
  const autoregressive_kernel *kernel;
  autoregressive_shape shape;
  char (*names)[AUTOREGRESSIVE_NAME];
  double *weights; ///< NULL: none yet
  autoregressive_tables *tables;
  autoregressive_pair *pair; ///< NULL: all steps are learned
};

/// Sites of a stretch that lie in one row of blocks of one configuration.
typedef struct autoregressive_piece {
  uint32_t i; ///< configuration at work
  uint32_t count;
  uint64_t y;     ///< row of blocks
  uint64_t first; ///< column of blocks of the first site; they are `stride` of the stretch apart
} autoregressive_piece;

/// Up to AUTOREGRESSIVE_SITES sites of one step. Numbers of the sites come piece by piece.
typedef struct autoregressive_stretch {
  uint32_t s; ///< the step
  uint32_t pieces;
  uint64_t stride;
  autoregressive_piece piece[AUTOREGRESSIVE_SITES];
  autoregressive_sites sites;
  double logits[AUTOREGRESSIVE_ROOM];
} autoregressive_stretch;

/// Working memory of a call.
typedef struct autoregressive_work {
  const fg_network_model *model;
  const autoregressive_tables *tables;
  autoregressive_tables *alone; ///< tables for a lattice on which blocks cannot be coloured; NULL: not needed
  fg_lattice coarse;
  uint32_t most;               ///< configurations at a time
  autoregressive_spins *spins; ///< of each of them
  uint16_t *coarse_columns, *fine_columns;
  autoregressive_stretch stretch;
  double signs[AUTOREGRESSIVE_ROOM], margins[AUTOREGRESSIVE_ROOM]; ///< of the stretch's sites, for visits
  double misses[AUTOREGRESSIVE_ROOM], factors[AUTOREGRESSIVE_ROOM];
  uint64_t *numbers;        ///< random, of a row of blocks
  autoregressive_sums sums; ///< for gradients
  void *memory;
} autoregressive_work;

/// Checks the batches and makes room for `most` configurations at a time, fewer when they are large. FG_FAILED: reported;
/// autoregressive_work_close in any case.
fg_status autoregressive_work_open(autoregressive_work *work, const fg_network_model *model, const fg_batch *fine,
                                   const fg_batch *coarse, uint32_t end, uint32_t most);
void autoregressive_work_close(autoregressive_work *work);

/// Makes room for sums. FG_FAILED: reported.
fg_status autoregressive_work_sum(autoregressive_work *work);

/// Unpacks configuration c as number i, seen through orientation g; `fine` may be NULL: not drawn yet.
void autoregressive_work_load(autoregressive_work *work, uint32_t i, const fg_batch *fine, const fg_batch *coarse,
                              uint32_t c, unsigned g);

/// Calls visit(work, arg) for all stretches of step s in the first `count` configurations, their logits computed.
typedef void (*autoregressive_visit)(autoregressive_work *work, void *arg);
void autoregressive_work_step(autoregressive_work *work, uint32_t s, uint32_t count, autoregressive_visit visit,
                              void *arg);

/// A piece of the stretch at work, its spins by column of blocks: those of site k are at [k · stride], of the fine ones at
/// [2 · k · stride].
typedef struct autoregressive_place {
  const uint8_t *parents;
  uint8_t *spins;            ///< of the step's position
  const uint8_t *upper_left; ///< of the blocks
  uint64_t below;            ///< from a fine row to the next
} autoregressive_place;

static inline autoregressive_place autoregressive_piece_place(const autoregressive_work *work,
                                                              const autoregressive_piece *piece) {
  const autoregressive_spins *spins = &work->spins[piece->i];
  const autoregressive_step *step = &work->model->shape.step[work->stretch.s];
  uint8_t *upper_left = spins->fine + 2 * piece->y * spins->fine_stride + 2 * piece->first;
  return (autoregressive_place){.parents = spins->coarse + piece->y * spins->coarse_stride + piece->first,
                                .spins = upper_left + step->dy * spins->fine_stride + step->dx,
                                .upper_left = upper_left,
                                .below = spins->fine_stride};
}

/// Whether sites of the stretch can be forced: to have their parent's sign, since two spins of the block, drawn before,
/// oppose it.
static inline int autoregressive_may_force(const autoregressive_work *work) {
  return work->model->shape.majority && work->model->shape.step[work->stretch.s].order >= 2;
}

/// Whether the site `x` columns of blocks from the first one of a piece is.
static inline int autoregressive_is_forced(const autoregressive_work *work, const autoregressive_place *at,
                                           uint64_t x) {
  const uint32_t before = work->model->shape.step[work->stretch.s].order;
  const uint8_t *upper = at->upper_left + 2 * x, *lower = upper + at->below;
  const unsigned up = upper[0] + lower[1] + (before == 3 ? upper[1] : 0u);
  return (at->parents[x] ? before - up : up) >= 2;
}

#define AUTOREGRESSIVE_CERTAIN 1e4 ///< a logit without doubt: σ(-1e4) = 0

// The functions of fg_network.
fg_status autoregressive_log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                                  uint32_t begin, uint32_t end, double *log_prob);
fg_status autoregressive_gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                                  uint32_t begin, uint32_t end, const double *weight, double *loss, double *gradient);
fg_status autoregressive_sample(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key,
                                const fg_batch *coarse, fg_batch *fine, uint32_t begin, uint32_t end);

#endif
