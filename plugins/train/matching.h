// matching.h — how far what a model dreams is from what it should: observables of its dreams at chosen sizes, their noise,
// and their derivatives in the weights. Rows are observables by size: row = size·observables + observable.
// With x(c) the influence of dream c on an observable, Σ_j ∂O/∂⟨moment j⟩ (moment j of c - ⟨moment j⟩), the noise of the
// observables is ⟨x x'⟩/n, and their derivatives are the score function's (R. J. Williams, Machine Learning 8, 229, 1992)
//     ∂O/∂w = ⟨x Σ ∂ln P/∂w⟩,
// over the steps that lead to the size; what is drawn later does not matter, and the mean that is taken out is the baseline.
#ifndef PLUGINS_TRAIN_MATCHING_H
#define PLUGINS_TRAIN_MATCHING_H

#include "dreamer.h"
#include "measures.h"

#define MATCHING_MOST_SIZES 12
#define MATCHING_MOST_ROWS (MATCHING_MOST_SIZES * MEASURES)

/// What is to be matched. Constant once filled.
typedef struct matching_task {
  uint64_t start; ///< size of the lattices a dream starts from
  int levels;     ///< up to the largest size
  uint32_t sizes, observables;
  int level[MATCHING_MOST_SIZES]; ///< of each size, ascending
  int measure[MEASURES];
  uint64_t dreams;
  double target[MATCHING_MOST_ROWS];
  double scale[MATCHING_MOST_ROWS]; ///< of a deviation: loss = Σ (scale · (O - target))²
} matching_task;

static inline uint32_t matching_rows(const matching_task *task) { return task->sizes * task->observables; }
static inline uint64_t matching_length(const matching_task *task, uint32_t size) {
  return task->start << task->level[size];
}
static inline double matching_deviation(const matching_task *task, uint32_t row, double value) {
  return task->scale[row] * (value - task->target[row]);
}

/// What one set of dreams shows. Fields are for reading.
typedef struct matching {
  const fg_host *host;
  const inputs_model *model;
  const matching_task *task;
  const slices_isa *isa;
  size_t parameters;
  measure_waves *waves[MATCHING_MOST_SIZES]; ///< NULL where not needed
  double *moments;                           ///< of dream, size
  double *weights;                           ///< of the last evaluation
  uint64_t first;                            ///< its first dream
  uint64_t evaluations;
  double mean[MATCHING_MOST_SIZES][MOMENTS];
  double value[MATCHING_MOST_ROWS];
  double gradient[MATCHING_MOST_ROWS][MOMENTS]; ///< ∂value/∂mean
  double loss;                                  ///< infinite when an observable is not defined
} matching;

uint64_t matching_bytes(const matching_task *task, uint64_t most_parameters);

/// FG_FAILED: reported; matching_close in any case.
fg_status matching_open(matching *m, const inputs_model *model, const matching_task *task);
void matching_close(matching *m);

/// Dreams first … first+dreams-1 under `weights`: value and loss. The same `first` has the same random numbers.
fg_status matching_evaluate(matching *m, uint64_t first, const double *weights);

/// Covariance of value under the last evaluation, rows×rows.
void matching_noise(const matching *m, double *covariance);

/// ∂value/∂weights at the last evaluation, rows×parameters.
fg_status matching_jacobian(const matching *m, double *jacobian);

/// Gradient of the loss there: one pass of the network's gradient for all rows together.
fg_status matching_gradient(const matching *m, double *gradient);

#endif
