// test_bins.c — bins.h: means and jackknife errors against the textbook, merging, unequal bins.
#include "check.h"

#include "plugins/estimate/bins.c"

#define N 1000u

/// Numbers with some structure, exact in binary so that sums do not depend on their order.
static double number(uint32_t i) { return (double)(i * 37 % 101) / 8; }

static bins *filled(uint32_t count) {
  bins *b = bins_new(2);
  for (uint32_t i = 0; i < count; i++) {
    double *sums = bins_next(b, 1);
    sums[0] += number(i);
    sums[1] += number(i) * number(i);
  }
  return b;
}

static void mean_is_over_all_configurations(void) {
  for (uint32_t count = 1; count < N; count += 7) {
    bins *b = filled(count);
    double sum = 0, squares = 0, mean[2];
    for (uint32_t i = 0; i < count; i++) {
      sum += number(i);
      squares += number(i) * number(i);
    }
    bins_mean(b, BINS_NONE, mean);
    CHECK_INTEGER(bins_count(b), count);
    CU_ASSERT(bins_number(b) <= BINS_MOST);
    CU_ASSERT(count < BINS_MOST || bins_number(b) > BINS_MOST / 2);
    CHECK_NEAR(mean[0], sum / count, 1e-12);
    CHECK_NEAR(mean[1], squares / count, 1e-10);
    bins_free(b);
  }
}

/// Leaving out bin i leaves out just the configurations width·i … width·(i+1)-1.
static void a_bin_is_left_out(void) {
  const uint32_t width = 4;
  bins *b = filled(N);
  CHECK_INTEGER(bins_number(b), N / width);
  for (uint32_t i = 0; i < bins_number(b); i++) {
    double sum = 0, mean[2];
    for (uint32_t c = 0; c < N; c++) sum += c / width == i ? 0 : number(c);
    bins_mean(b, i, mean);
    CHECK_NEAR(mean[0], sum / (N - width), 1e-12);
  }
  bins_free(b);
}

/// From the total, to the last bit: the numbers are whole multiples of 1/64.
static void a_bin_is_taken_from_the_total(void) {
  for (uint32_t count = 1; count < N; count += 97) {
    bins *b = filled(count);
    double total[2], mean[2], other[2];
    int unlike = 0;
    bins_total(b, total);
    for (uint32_t i = 0; i < bins_number(b); i++) {
      bins_mean(b, i, mean);
      bins_mean_from(b, total, i, other);
      unlike += bins_number(b) > 1 ? memcmp(mean, other, sizeof mean) != 0 : !isnan(other[0]);
    }
    CHECK_INTEGER(unlike, 0);
    bins_free(b);
  }
}

/// Jackknife of the mean and of the mean's square, by leaving out every bin.
static void errors_of(const bins *b, double *error, double *error_of_square, double *covariance) {
  double mean[2], left[BINS_MOST], squares[BINS_MOST], value;
  bins_mean(b, BINS_NONE, mean);
  value = mean[0];
  for (uint32_t i = 0; i < bins_number(b); i++) {
    bins_mean(b, i, mean);
    left[i] = mean[0];
    squares[i] = mean[0] * mean[0];
  }
  *error = bins_error(b, value, left);
  *error_of_square = bins_error(b, value * value, squares);
  *covariance = bins_covariance(b, value, left, value * value, squares);
}

static void error_of_a_mean_is_the_textbooks(void) {
  const uint32_t n = 200; // bins of one configuration
  bins *b = filled(n);
  double mean = 0, variance = 0, error, square, covariance;
  for (uint32_t i = 0; i < n; i++) mean += number(i) / n;
  for (uint32_t i = 0; i < n; i++) variance += (number(i) - mean) * (number(i) - mean) / (n - 1);
  errors_of(b, &error, &square, &covariance);
  CHECK_NEAR(error, sqrt(variance / n), 1e-12);
  CHECK_NEAR(square, 2 * mean * error, 1e-3 * square);
  CHECK_NEAR(covariance, error * square, 1e-6 * covariance);
  bins_free(b);
}

/// A short last bin: N = 250·4 + 1 gives the error of 250 bins of 4, but for the one more.
static void short_last_bin_counts_little(void) {
  bins *whole = filled(N), *more = filled(N + 1);
  double error, error_more, square, covariance;
  errors_of(whole, &error, &square, &covariance);
  errors_of(more, &error_more, &square, &covariance);
  CHECK_INTEGER(bins_number(more), bins_number(whole) + 1);
  CHECK_NEAR(error_more, error, 0.02 * error);
  bins_free(whole);
  bins_free(more);
}

static void several_at_once_are_the_same(void) {
  bins *one = filled(N), *many = bins_new(2);
  for (uint32_t i = 0; i < N;) {
    uint64_t count = bins_room(many);
    if (count > N - i) count = N - i;
    double *sums = bins_next(many, count);
    for (uint64_t end = i + count; i < end; i++) {
      sums[0] += number(i);
      sums[1] += number(i) * number(i);
    }
  }
  double a[2], b[2];
  CHECK_INTEGER(bins_number(one), bins_number(many));
  for (uint32_t i = 0; i <= bins_number(one); i++) {
    bins_mean(one, i, a);
    bins_mean(many, i, b);
    CHECK_NEAR(a[0], b[0], 0);
    CHECK_NEAR(a[1], b[1], 0);
  }
  bins_free(one);
  bins_free(many);
}

static void too_few_have_no_error(void) {
  bins *b = bins_new(1);
  double mean;
  bins_mean(b, BINS_NONE, &mean);
  CU_ASSERT(isnan(mean));
  CHECK_INTEGER(bins_number(b), 0);
  bins_next(b, 1)[0] += 1;
  CU_ASSERT(isnan(bins_error(b, 1, &mean)));
  bins_free(b);
}

int main(void) {
  const check_case cases[] = {{"the mean is over all configurations", mean_is_over_all_configurations},
                              {"a bin is left out", a_bin_is_left_out},
                              {"a bin is taken from the total", a_bin_is_taken_from_the_total},
                              {"the error of a mean is the textbook's", error_of_a_mean_is_the_textbooks},
                              {"a short last bin counts little", short_last_bin_counts_little},
                              {"several at once are the same", several_at_once_are_the_same},
                              {"too few have no error", too_few_have_no_error},
                              {0}};
  return check_main("bins", cases);
}
