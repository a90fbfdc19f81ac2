// block_kernel.c — see block_kernel.h.
#include "block_kernel.h"

#include <math.h>

block_kernel block_kernel_new(block_kernel_rule rule, double strength) {
  block_kernel kernel = {.rule = rule};
  for (int equal = 0; equal <= 4; equal++) {
    const double soft = -log1p(exp(-4 * strength * (equal - 2)));
    const double hard = equal > 2 ? 0 : equal == 2 && rule == BLOCK_KERNEL_MAJORITY ? -M_LN2 : -INFINITY;
    kernel.log_q[equal] = rule == BLOCK_KERNEL_SOFT ? soft : hard;
  }
  return kernel;
}

void block_kernel_count(const block_kernel *kernel, const fg_batch *fine, const fg_batch *coarse, uint32_t i,
                        uint64_t blocks[5]) {
  const uint64_t width = fg_lattice_width(&coarse->lattice);
  for (uint64_t y = 0; y < coarse->rows; y++) {
    const uint64_t *row = fg_batch_row(coarse, i, y);
    const uint64_t *above = fg_batch_row(fine, i, 2 * y), *below = fg_batch_row(fine, i, 2 * y + 1);
    for (uint64_t x = 0; x < width; x++) {
      const unsigned parent = fg_bit_get(row, x), corner = fg_bit_get(above, 2 * x);
      const unsigned up =
          corner + fg_bit_get(above, 2 * x + 1) + fg_bit_get(below, 2 * x) + fg_bit_get(below, 2 * x + 1);
      if (kernel->rule == BLOCK_KERNEL_DECIMATION)
        blocks[parent == corner ? 4 : 0]++;
      else
        blocks[parent ? up : 4 - up]++;
    }
  }
}

double block_kernel_log_q(const block_kernel *kernel, const uint64_t blocks[5]) {
  double sum = 0;
  for (int equal = 0; equal <= 4; equal++)
    if (blocks[equal]) sum += (double)blocks[equal] * kernel->log_q[equal];
  return sum;
}
