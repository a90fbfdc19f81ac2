// kernel.h — square kernels with the symmetries of the square, over a coarse lattice repeated 2×2: offsets that a symmetry
// maps onto each other share one parameter. The order is that of A. Rançon et al., arXiv:2506.04016: 3×3 corner, edge,
// centre; then ring by ring r = 2, 3, …: (r,r), (r,0), (r,r-1), …, (r,1).
#ifndef PLUGINS_NETWORKS_KERNEL_H
#define PLUGINS_NETWORKS_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define KERNEL_MOST 15 // side; radius 7
#define KERNEL_MOST_PARAMETERS 36u
#define KERNEL_NAMES_LENGTH 400

/// Which parameter the kernel has at offset (y, x) from the fine spin.
int kernel_parameter_at(int y, int x);

/// Parameters of a kernel of this side: r+1 on the ring of radius r ≥ 2, and 3 inside.
uint64_t kernel_parameters(int64_t side);

/// "corner"; constant.
const char *kernel_parameter_name(uint64_t index);

/// "corner, edge, centre, …": returns `text`.
const char *kernel_list_names(uint64_t count, char text[KERNEL_NAMES_LENGTH]);

/// Coarse row (column) above row (column) y of the repeated lattice: y/2, rounded down.
static inline int kernel_coarse_of(int y) { return (y - (y & 1)) / 2; }

#endif
