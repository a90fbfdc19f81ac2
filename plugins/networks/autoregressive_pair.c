// autoregressive_pair.c — see autoregressive_pair.h.
#include "autoregressive_pair.h"

#include <math.h>

/// The distribution of one pair: `equal` spins of the diagonal equal the parent, n1 and n2 of the neighbours.
static void tabulate(double coupling, int equal, int n1, int n2, double log_prob[4], double below[4]) {
  double exponents[4], q[4], largest = -INFINITY, sum = 0, total = 0;
  for (int state = 0; state < 4; state++) {
    const int s1 = state & 1, s2 = state >> 1, agree = equal + s1 + s2;
    q[state] = agree > 2 ? 1 : agree == 2 ? 0.5 : 0;
    exponents[state] = coupling * ((2 * s1 - 1) * (2 * n1 - 4) + (2 * s2 - 1) * (2 * n2 - 4));
    if (q[state] > 0 && exponents[state] > largest) largest = exponents[state];
  }
  for (int state = 0; state < 4; state++) sum += q[state] > 0 ? q[state] * exp(exponents[state] - largest) : 0;
  for (int state = 0; state < 4; state++) {
    log_prob[state] = q[state] > 0 ? log(q[state]) + exponents[state] - largest - log(sum) : -INFINITY;
    below[state] = total;
    total += exp(log_prob[state]);
  }
}

void autoregressive_pair_tabulate(autoregressive_pair *pair, double coupling) {
  for (int equal = 0; equal < 3; equal++)
    for (int n1 = 0; n1 < 5; n1++)
      for (int n2 = 0; n2 < 5; n2++)
        tabulate(coupling, equal, n1, n2, pair->log_prob[equal][n1][n2], pair->below[equal][n1][n2]);
}

/// What the pairs of a row of blocks see.
typedef struct pair_rows {
  const uint8_t *parents;
  const uint8_t *above, *upper, *lower, *beneath; ///< fine rows 2y-1 … 2y+2
  uint64_t columns;                               ///< fine ones
} pair_rows;

static pair_rows rows_of(const autoregressive_spins *spins, uint64_t y) {
  const uint64_t rows = 2 * spins->rows, stride = spins->fine_stride;
  return (pair_rows){.parents = spins->coarse + y * spins->coarse_stride,
                     .above = spins->fine + (2 * y + rows - 1) % rows * stride,
                     .upper = spins->fine + 2 * y * stride,
                     .lower = spins->fine + (2 * y + 1) * stride,
                     .beneath = spins->fine + (2 * y + 2) % rows * stride,
                     .columns = 2 * spins->width};
}

/// How a pair sees its surroundings: the first three indices of the tables.
typedef struct surroundings {
  unsigned equal, n1, n2;
} surroundings;

static surroundings look(const pair_rows *rows, uint64_t x) {
  const uint64_t column = 2 * x, right = (column + 2) % rows->columns,
                 left = (column + rows->columns - 1) % rows->columns;
  const unsigned first = rows->upper[column], second = rows->lower[column + 1];
  const unsigned up1 = first + rows->upper[right] + second + rows->above[column + 1];
  const unsigned up2 = second + rows->lower[left] + first + rows->beneath[column];
  const int parent = rows->parents[x];
  return (surroundings){parent ? first + second : 2 - first - second, parent ? up1 : 4 - up1, parent ? up2 : 4 - up2};
}

double autoregressive_pair_log_prob(const autoregressive_pair *pair, const autoregressive_spins *spins, uint64_t y) {
  const pair_rows rows = rows_of(spins, y);
  double sum = 0;
  for (uint64_t x = 0; x < spins->width; x++) {
    const surroundings seen = look(&rows, x);
    const unsigned s1 = rows.upper[2 * x + 1] == rows.parents[x], s2 = rows.lower[2 * x] == rows.parents[x];
    sum += pair->log_prob[seen.equal][seen.n1][seen.n2][s1 + 2 * s2];
  }
  return sum;
}

void autoregressive_pair_draw(const autoregressive_pair *pair, const autoregressive_spins *spins, uint64_t y,
                              const uint64_t *numbers) {
  const pair_rows rows = rows_of(spins, y);
  uint8_t *upper = spins->fine + 2 * y * spins->fine_stride, *lower = upper + spins->fine_stride;
  for (uint64_t x = 0; x < spins->width; x++) {
    const surroundings seen = look(&rows, x);
    const double *below = pair->below[seen.equal][seen.n1][seen.n2], u = (double)(numbers[x] >> 11) * 0x1p-53;
    const unsigned state = (unsigned)(u >= below[1]) + (u >= below[2]) + (u >= below[3]), parent = rows.parents[x];
    upper[2 * x + 1] = (uint8_t)(state & 1 ? parent : 1 - parent);
    lower[2 * x] = (uint8_t)(state & 2 ? parent : 1 - parent);
  }
}
