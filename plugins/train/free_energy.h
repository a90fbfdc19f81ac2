// free_energy.h — the variational free energy of dreams from one spin, and its gradient. For the chain c₀ → … → c_n with
// p(c₀) = ½, network P(c_{k+1}|c_k) and a normalised kernel q(c_k|c_{k+1}),
//     ln W = -K E(c_n) + Σ ln q(c_k|c_{k+1}) - ln p(c₀) - Σ ln P(c_{k+1}|c_k)
// has ⟨W⟩ = Z and ⟨ln W⟩ ≤ ln Z. The gradient of F = -⟨ln W⟩ is the score function's (R. J. Williams, Machine Learning 8,
// 229, 1992; D. Wu, L. Wang and P. Zhang, Phys. Rev. Lett. 122, 080602, 2019),
//     ∂F/∂w = ⟨Σ_k (A_k - b_k) ∂ln P(c_{k+1}|c_k)/∂w⟩,   A_k = K E(c_n) + Σ_{j≥k} (ln P - ln q),
// for what was drawn before step k does not depend on it; b_k is the mean of A_k over the other dreams.
#ifndef PLUGINS_TRAIN_FREE_ENERGY_H
#define PLUGINS_TRAIN_FREE_ENERGY_H

#include "dreamer.h"

enum { FREE_ENERGY_MAJORITY, FREE_ENERGY_DECIMATION };

#define FREE_ENERGY_MODELS 2 // all steps but the last, and the last one

typedef struct free_energy_task {
  int levels; ///< the last size is 2^levels
  uint64_t dreams;
  double coupling;
  int32_t kernel;
} free_energy_task;

static inline double free_energy_sites(const free_energy_task *task) { return exp2(2.0 * task->levels); }

/// One set of dreams. Fields are for reading.
typedef struct free_energy {
  const fg_host *host;
  const slices_isa *isa;
  free_energy_task task;
  const inputs_model *model[FREE_ENERGY_MODELS]; ///< equal when one model does all steps
  uint64_t blocks;
  dreamer_block *block;
  double *energy;            ///< K E of each dream
  double *terms;             ///< ln P - ln q of each dream and step
  double *actions, *scratch; ///< of each dream
  double mean;               ///< F
  double deviation;          ///< standard deviation of ln W
} free_energy;

uint64_t free_energy_bytes(const free_energy_task *task, uint64_t most_parameters);

/// The models have arrived. FG_FAILED: reported; free_energy_close in any case.
fg_status free_energy_open(free_energy *f, const free_energy_task *task, const inputs_model *rest,
                           const inputs_model *top);
void free_energy_close(free_energy *f);

/// Dreams first … first+dreams-1 under these weights (`top` is that of `rest` when there is one model): mean and deviation.
/// With gradients (one array a model, zeroed here, or NULL for none) also ∂F/∂w. FG_FAILED: reported, also when a network
/// drew what the kernel excludes.
fg_status free_energy_evaluate(free_energy *f, uint64_t first, const double *const weights[FREE_ENERGY_MODELS],
                               double *const gradient[FREE_ENERGY_MODELS]);

/// ln W of a dream of the last set.
double free_energy_log_weight(const free_energy *f, uint64_t dream);

#endif
