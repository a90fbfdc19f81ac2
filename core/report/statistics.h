// statistics.h — the little statistics a report needs: Student's t, and differences of paired samples.
#ifndef FG_CORE_REPORT_STATISTICS_H
#define FG_CORE_REPORT_STATISTICS_H

#include <stddef.h>

/// t with P(|T| ≤ t) = `confidence` for Student's distribution with `freedom` ≥ 1 degrees of freedom.
double fg_student_quantile(double confidence, size_t freedom);

/// A difference with half the length of its 95% confidence interval.
typedef struct fg_difference {
  double mean, half_width; ///< NaN when there is not enough to tell
  size_t pairs;
} fg_difference;

/// Mean of a[i] - b[i] over the pairs of which both are known, ± t·s/√n: the pairs may share any amount of noise.
fg_difference fg_paired_difference(const double *a, const double *b, size_t count);

/// a - b from their own standard deviations, taken as independent: ± 1.96·√(σa² + σb²).
fg_difference fg_independent_difference(double a, double error_a, double b, double error_b);

#endif
