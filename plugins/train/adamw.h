// adamw.h — AdamW: steps of the size of the rate, whatever the scale of the gradient (D. P. Kingma & J. Ba, ICLR 2015,
// arXiv:1412.6980), with decoupled weight decay (I. Loshchilov & F. Hutter, ICLR 2019, arXiv:1711.05101), and the
// schedules the rate follows. Numerics only. In step t, with gradient g,
//     m ← β₁ m + (1-β₁) g,   v ← β₂ v + (1-β₂) g²,
//     w ← w - η [m / (1-Π β₁) / (√(v / (1-β₂^t)) + ε) + λ w].
// The rate η and, in one cycle, β₁ change from step to step: the product is over the steps so far. As is usual, the
// decay λ is scaled with all of η.
#ifndef PLUGINS_TRAIN_ADAMW_H
#define PLUGINS_TRAIN_ADAMW_H

#include <stddef.h>
#include <stdint.h>

typedef enum adamw_schedule {
  ADAMW_ONE_CYCLE, ///< up and down (L. N. Smith & N. Topin, arXiv:1708.07120), along cosines
  ADAMW_COSINE,    ///< from the rate down to 0 (I. Loshchilov & F. Hutter, ICLR 2017, arXiv:1608.03983)
  ADAMW_CONSTANT,
} adamw_schedule;

typedef struct adamw_settings {
  int32_t schedule; ///< an adamw_schedule
  double rate;      ///< the largest
  double beta1;     ///< not used in one cycle
  double beta2, epsilon, weight_decay;
  uint64_t steps; ///< of the whole schedule
} adamw_settings;

typedef struct adamw {
  adamw_settings settings;
  size_t parameters;
  uint64_t step; ///< steps taken
  double beta1_product, beta2_product;
  double *mean, *square; ///< m, v
} adamw;

/// η of step 0 … steps-1. One cycle: from rate/25 at the start to rate at 0.3 of the way to rate/25/10⁴ at the end. A
/// schedule of a single step has the rate itself.
double adamw_rate(const adamw_settings *settings, uint64_t step);

/// β₁ of a step. In one cycle it goes the other way: .95, .85, .95.
double adamw_beta1(const adamw_settings *settings, uint64_t step);

/// No step taken. False when memory is out; adamw_clear in any case.
int adamw_init(adamw *a, const adamw_settings *settings, size_t parameters);
void adamw_clear(adamw *a);

/// One step down the gradient.
void adamw_step(adamw *a, const double *gradient, double *weights);

#endif
