// bernoulli.c — see bernoulli.h.
#include "bernoulli.h"

#include <math.h>
#include <string.h>

double bernoulli_log_sigmoid(double z) { return z < 0 ? z - log1p(exp(z)) : -log1p(exp(-z)); }

double bernoulli_log_prob(const uint64_t *row, uint64_t first, uint64_t count, const double *logits) {
  double sum = 0;
  for (uint64_t i = 0; i < count; i++)
    sum += bernoulli_log_sigmoid(fg_bit_get(row, first + i) ? logits[i] : -logits[i]);
  return sum;
}

double bernoulli_slopes(const uint64_t *row, uint64_t first, uint64_t count, const double *logits, double weight,
                        double *slopes) {
  for (uint64_t i = 0; i < count; i++) slopes[i] = weight * (1 / (1 + exp(-logits[i])) - fg_bit_get(row, first + i));
  return -weight * bernoulli_log_prob(row, first, count, logits);
}

/// The number u of 16 bits draws the opposite of the parent when u < threshold(z) = round(2¹⁶ σ(-z)), z = logit ·
/// parent, that is when σ(-z) ≥ (u + ½)/2¹⁶. bounds[b] is where σ(-z) = b/2⁸: with b the high byte of u, z ≤ bounds[b+1]
/// is enough for it, z > bounds[b] against it, and few numbers need the exponential.
void bernoulli_start(bernoulli *draws, fg_rng_fill_fn fill, fg_rng_key key, int32_t level) {
  bitplanes_start(&draws->planes, fill, key, level);
  draws->bounds[0] = INFINITY;
  for (int b = 1; b < 256; b++) draws->bounds[b] = log(256.0 / b - 1);
  draws->bounds[256] = -INFINITY;
}

/// 1 when the fine spin is the opposite of its parent.
static unsigned differs(const bernoulli *draws, uint16_t u, double z) {
  const double *bound = &draws->bounds[u >> 8];
  if (z > bound[0]) return 0;
  if (z < bound[1]) return 1;
  return u < bitplanes_threshold(1 / (1 + exp(z)));
}

void bernoulli_draw(bernoulli *draws, const fg_batch *coarse, fg_batch *fine, uint32_t c, uint64_t y,
                    const double *const logits[2]) {
  const uint64_t width = fg_lattice_width(&coarse->lattice), *parents = fg_batch_row(coarse, c, y);
  const uint64_t site = ((fine->first + c) * coarse->rows + y) * width;
  uint64_t *rows[2] = {fg_batch_row_mut(fine, c, 2 * y), fg_batch_row_mut(fine, c, 2 * y + 1)};
  for (unsigned dy = 0; dy < 2; dy++) memset(rows[dy], 0, fine->row_bytes);
  for (uint64_t x = 0; x < width; x++) {
    const uint16_t *u = bitplanes_at(&draws->planes, site + x);
    const unsigned parent = fg_bit_get(parents, x);
    const double sign = parent ? 1 : -1;
    for (uint64_t dy = 0; dy < 2; dy++) {
      const double *logit = logits[dy] + 2 * x;
      const uint64_t left = parent ^ differs(draws, u[2 * dy], sign * logit[0]);
      const uint64_t right = parent ^ differs(draws, u[2 * dy + 1], sign * logit[1]);
      rows[dy][x / 32] |= (left | right << 1) << (2 * x & 63);
    }
  }
}
