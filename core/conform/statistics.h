// statistics.h — draws against the probabilities they should have. Pure functions.
#ifndef FG_CORE_CONFORM_STATISTICS_H
#define FG_CORE_CONFORM_STATISTICS_H

#include <stdint.h>

#define FG_STATISTICS_CELLS 64u
#define FG_STATISTICS_WAYS 4u

/// The cell of outcome `index` of `count` (at most 2^16), whose bits are spins: its own when there are enough cells,
/// otherwise one shared in one of several ways: by a hash, or by six neighbouring bits.
uint32_t fg_statistics_cell(uint32_t index, uint32_t count, uint32_t way);

/// Pearson's χ² of counts, as a standard normal deviate (Wilson & Hilferty, PNAS 17, 684, 1931). Cells that expect fewer
/// than 10 join the smallest of the others; 0 when fewer than two cells are left, infinite when far more of the rare was
/// observed than can be chance, or an expectation is no number.
double fg_statistics_deviate(const double *observed, const double *expected, uint32_t cells);

#endif
