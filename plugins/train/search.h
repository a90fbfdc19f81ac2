// search.h — ways to make the loss of a matching small. Gauss-Newton steps, damped (D. W. Marquardt, J. SIAM 11, 431,
// 1963), with the score function's derivatives; NLopt's methods without derivatives; and AdamW with the gradient of the loss
// alone, for many weights. All but AdamW see the same random numbers at every evaluation.
#ifndef PLUGINS_TRAIN_SEARCH_H
#define PLUGINS_TRAIN_SEARCH_H

#include "adamw.h"
#include "matching.h"

enum { SEARCH_GAUSS_NEWTON, SEARCH_BOBYQA, SEARCH_COBYLA, SEARCH_NELDER_MEAD, SEARCH_SUBPLEX, SEARCH_ADAM };

#define SEARCH_MOST_LINES 10000u

typedef struct search_settings {
  int32_t method;
  uint64_t evaluations; ///< most of them
  double tolerance;     ///< relative fall of the loss that is still worth a step
  double step;          ///< most that a weight changes in a Gauss-Newton step; first step of NLopt's; AdamW's rate
} search_settings;

/// A line of the learning curve: an evaluation that was better than all before, or, with AdamW, any.
typedef struct search_line {
  uint64_t evaluation;
  double loss;
} search_line;

typedef struct search {
  matching *m;
  search_settings settings;
  double *weights; ///< the best so far; the start weights at first
  double loss;     ///< theirs
  search_line *line;
  double *line_weights; ///< of each line
  uint64_t lines;
  uint64_t evaluations; ///< of the search, when it has ended
  fg_status status;     ///< of what a library called
} search;

uint64_t search_bytes(const search_settings *settings, uint64_t most_parameters);

/// FG_FAILED: reported, also when the dreams of the start weights make an observable undefined; search_close in any
/// case. When it has ended well, the last evaluation of the matching is that of the best weights.
fg_status search_open(search *s, matching *m, const search_settings *settings, const double *start);
fg_status search_run(search *s);
void search_close(search *s);

/// Covariance of the weights, to first order in the noise of dreams and targets: A (C + C_target) Aᵀ with
/// A = (Jᵀ W² J)⁻¹ Jᵀ W² and the scales W; all NaN where J does not determine them. FG_FAILED: reported.
fg_status search_covariance(const matching *m, const double *jacobian, const double *noise, double *covariance);

#endif
