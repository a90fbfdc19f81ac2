// block_kernel.h — how probable a coarse lattice is given the fine one: the renormalisation group's kernel q(coarse |
// fine), a product over the 2×2 blocks, normalised over the coarse spins.
#ifndef PLUGINS_ESTIMATE_BLOCK_KERNEL_H
#define PLUGINS_ESTIMATE_BLOCK_KERNEL_H

#include "finegrain/finegrain.h"

typedef enum block_kernel_rule {
  BLOCK_KERNEL_MAJORITY,   ///< the sign of the block's sum, a random one when it is 0
  BLOCK_KERNEL_DECIMATION, ///< the spin at (0,0) of the block
  BLOCK_KERNEL_SOFT,       ///< the sign c with probability σ(2 w c Σ s), Σ s the block's sum
} block_kernel_rule;

/// ln q of a block by the number of its spins that equal the coarse one. Decimation looks at one spin only.
typedef struct block_kernel {
  block_kernel_rule rule;
  double log_q[5];
} block_kernel;

/// strength: w of the soft rule. It becomes the majority rule as w grows.
block_kernel block_kernel_new(block_kernel_rule rule, double strength);

/// Adds to blocks[] how many blocks of configuration i have 0 … 4 spins equal to their coarse one; under decimation, how
/// many have it at (0,0): blocks[4], or not: blocks[0]. [any]
void block_kernel_count(const block_kernel *kernel, const fg_batch *fine, const fg_batch *coarse, uint32_t i,
                        uint64_t blocks[5]);

/// ln q(coarse | fine) from these numbers; -infinity when the kernel never makes that lattice.
double block_kernel_log_q(const block_kernel *kernel, const uint64_t blocks[5]);

#endif
