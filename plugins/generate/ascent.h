// ascent.h — dreams on their way up with weights. With a measure M_k on every level k, that of the top M_n = -K E, and the
// majority kernel q (½ for ties), the target on level k and all below is
//     π_k(c0 … ck) ∝ exp M_k(ck) Π_j<k q(c_j | c_j+1),
// whose marginal on the top is the Ising model at K. A step weighs by π_k+1 / (π_k P(c_k+1 | c_k)), P the network's, so
// that the product of all steps is W = exp(-K E(cn)) Π q / (p(c0) Π P), ⟨W⟩ = Z, whatever the measures below the top are.
// These only decide who is resampled on the way (A. Doucet, N. de Freitas and N. Gordon (eds.), Sequential Monte Carlo
// Methods in Practice, Springer 2001).
#ifndef PLUGINS_GENERATE_ASCENT_H
#define PLUGINS_GENERATE_ASCENT_H

#include "moves.h"
#include "plugins/estimate/block_kernel.h"
#include "plugins/train/inputs.h"

typedef enum ascent_purpose {
  ASCENT_PLAIN,      ///< no weights
  ASCENT_WEIGHED,    ///< every dream with its weight
  ASCENT_POPULATION, ///< dreams of equal weight in the end: they compete
} ascent_purpose;

/// The way up; constant once opened.
typedef struct ascent {
  const fg_host *host;
  ascent_purpose purpose;
  const inputs_model *model; ///< a list of `models` (ladder.h)
  int64_t models;
  int64_t start, levels;
  double coupling;
  int has_lower;         ///< there are measures below the top; without, dreams compete at the top only
  moves_couplings lower; ///< of these
  double threshold;      ///< a population is resampled when its effective share is smaller
  block_kernel kernel;
  moves_constrained below, top; ///< sweeps that keep the blocks, in a population or plain dreams
  fg_rng_key start_key, network_key, resample_key;
  fg_rng_key block_key, constraint_key; ///< two draws of blocks for one configuration must not share ties
} ascent;

void ascent_open(ascent *way, uint64_t constrained); ///< keys, kernel, sweeps; the rest is filled
fg_lattice ascent_lattice(const ascent *way, int64_t level);
uint64_t ascent_bytes(const ascent *way, uint64_t count); ///< most that ascent_climb or ascent_weigh hold for `count`

/// FG_FAILED, reported, when a model can draw a block that opposes its parent: such dreams have W = 0.
fg_status ascent_check_models(const ascent *way);

/// What became of a population.
typedef struct ascent_fate {
  double log_mean;    ///< ln of the mean weight, unbiased without the logarithm; -infinity: all have died
  double effective;   ///< (ΣW)²/(n ΣW²) at the top, before the last resampling
  uint64_t resampled; ///< times, the last one included
} ascent_fate;

/// Dreams number first … first+count-1, up to the top. log_weight[count]: ln W of each. fate: of a population, else NULL.
/// NULL with the reason in *status.
fg_batch *ascent_climb(const ascent *way, uint64_t first, uint32_t count, double *log_weight, ascent_fate *fate,
                       fg_status *status);

/// Draws the levels below a top lattice afresh, from q, and gives ln W of all together. With the top distributed as the
/// Ising model, it and what is drawn are distributed as the target.
fg_status ascent_weigh(const ascent *way, const fg_batch *top, double *log_weight);

/// The block spins of a batch, ties at random by the key and the numbers of its configurations; NULL: reported. [stage]
fg_batch *ascent_block(const ascent *way, const fg_batch *fine, fg_rng_key key);

#endif
