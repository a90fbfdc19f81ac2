// moves.h — local moves that leave the Ising model on the periodic square lattice unchanged, applied to the configurations
// of a batch, many at a time: heat-bath sweeps over a checkerboard and sweeps over all clusters at a coupling K; and
// heat-bath sweeps that keep the block-spin image (D. Ron, R. H. Swendsen and A. Brandt, Phys. Rev. Lett. 89, 275701,
// 2002). Randomness follows from the number of the configuration and its level, never from batches or threads.
#ifndef PLUGINS_GENERATE_MOVES_H
#define PLUGINS_GENERATE_MOVES_H

#include "plugins/samplers/checkerboard.h"
#include "plugins/samplers/cluster_sweep.h"

#define MOVES_SHARES 16u              ///< of a batch, moved in parallel
#define MOVES_MOST_SWEEPS 100000      ///< at a time
#define MOVES_LONGEST UINT32_C(46340) ///< side of a lattice that is moved: cluster_sweep.h counts sites in 32 bits

typedef enum moves_kind { MOVES_NONE, MOVES_HEAT_BATH, MOVES_CLUSTER } moves_kind;

/// What one share works with.
typedef struct moves_space {
  uint8_t *sites; ///< a byte a spin
  uint32_t *labels;
  checkerboard board;
  cluster_lattice lattice;
} moves_space;

/// Sweeps of one kind on lattices of one size.
typedef struct moves {
  const fg_host *host;
  moves_kind kind;
  uint64_t sweeps;
  uint32_t length;
  const checkerboard_isa *isa;
  checkerboard_rule rule;
  uint64_t threshold; ///< 2⁶⁴ · P(a bond between like spins is active)
  fg_rng_key updates, right, below, flip;
  moves_space space[MOVES_SHARES]; ///< zero until the first sweep
} moves;

/// Fills a zeroed struct for sweeps at coupling K, K ≥ 0 for clusters. FG_FAILED: reported. moves_close in any case.
fg_status moves_open(moves *m, const fg_host *host, moves_kind kind, uint64_t sweeps, uint32_t length, double coupling);
void moves_close(moves *m);
uint64_t moves_bytes(const moves *m, uint64_t count); ///< most it holds for batches of `count`

/// Sweeps over every configuration of a batch that has not been emitted. [stage]
fg_status moves_sweep(moves *m, fg_batch *batch);

/// Couplings of a measure on one level: exp(nearest Σ s s' over bonds + diagonal Σ s s' over diagonals), two of each a site.
typedef struct moves_couplings {
  double nearest, diagonal;
} moves_couplings;

/// Chances of a spin to have its parent's sign, by the numbers of other spins of its block, of neighbours and of diagonal
/// neighbours that have it.
typedef struct moves_constrained {
  const fg_host *host;
  fg_rng_key key;
  uint64_t sweeps;
  uint64_t thresholds[4][5][5]; ///< 2⁶⁴ · P; UINT64_MAX: certain
} moves_constrained;

/// Sweeps by that measure times the majority kernel q(coarse | fine), ½ for ties: a block never comes to oppose its
/// parent, and one that ties is worth half as much. A block that opposes its parent is mended first.
moves_constrained moves_constrain(const fg_host *host, uint64_t sweeps, moves_couplings couplings);
fg_status moves_sweep_constrained(const moves_constrained *m, fg_batch *fine, const fg_batch *coarse); ///< [stage]

#endif
