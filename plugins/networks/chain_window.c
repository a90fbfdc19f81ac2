// chain_window.c — see chain_window.h.
#include "chain_window.h"

#include "bitplanes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint64_t chain_parameters(chain_rule rule, int64_t kernel) {
  uint64_t radius = (uint64_t)kernel / 2;
  return rule == CHAIN_BLOCK ? radius + 1 : (radius + 1) / 2;
}

void chain_shape(fg_network_model *model) {
  const uint32_t count = (uint32_t)model->parameters;
  model->width = model->rule == CHAIN_BLOCK ? count : 2 * count;
  model->parent = model->rule == CHAIN_BLOCK ? count / 2 : count - 1;
}

static int spin_of(uint32_t pattern, uint32_t i) { return pattern >> i & 1 ? 1 : -1; }

void chain_features(const fg_network_model *model, uint32_t pattern, int n[CHAIN_MOST_WEIGHTS]) {
  const int parent = spin_of(pattern, model->parent), radius = (int)model->parameters - 1;
  memset(n, 0, CHAIN_MOST_WEIGHTS * sizeof *n);
  if (model->rule == CHAIN_DECIMATION) {
    for (int k = 0; k <= radius; k++)
      n[k] =
          parent * (spin_of(pattern, model->parent - (uint32_t)k) + spin_of(pattern, model->parent + 1 + (uint32_t)k));
    return;
  }
  for (int o = -radius; o <= radius; o++) {
    int coarse = (o - (o & 1)) / 2; // o/2, rounded down
    n[abs(o)] += parent * spin_of(pattern, (uint32_t)((int)model->parent + coarse));
  }
}

void chain_tabulate(fg_network_model *model) {
  for (uint32_t pattern = 0; pattern < 1u << model->width; pattern++) {
    int n[CHAIN_MOST_WEIGHTS];
    double z = 0;
    chain_features(model, pattern, n);
    for (uint64_t k = 0; k < model->parameters; k++) z += 0.5 * model->weights[k] * n[k];
    model->logits[pattern] = z;
    model->thresholds[pattern] = bitplanes_threshold(1 / (1 + exp(z)));
  }
}
