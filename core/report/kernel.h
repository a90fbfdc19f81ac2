// kernel.h — weights drawn as kernels: a grid of coloured squares, as a piece of SVG.
#ifndef FG_CORE_REPORT_KERNEL_H
#define FG_CORE_REPORT_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/// The kernel of network.symmetric from its parameters (plugins/networks/symmetric.c): corner, edge, centre of the 3×3,
/// then of each ring r (r,r), (r,0), (r,r-1), …, (r,1). `side` is odd; `cells` gets side² weights, row by row. False when
/// there are not as many parameters as such a kernel has.
bool fg_kernel_unfold(const double *parameters, size_t count, unsigned side, double *cells);

/// Draws side × side weights: the larger |weight|/largest, the stronger the colour, one for each sign. `numbers` writes
/// them into the squares.
void fg_kernel_draw(FILE *out, const double *cells, unsigned side, double largest, bool numbers, const char *alt);

#endif
