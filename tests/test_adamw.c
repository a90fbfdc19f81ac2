// test_adamw.c — the optimiser of train.adam by itself: steps worked out by hand, what must not matter to it, and where
// its schedules begin, turn and end.
#include "check.h"

#include "../plugins/train/adamw.c"

static adamw open_optimiser(const adamw_settings *settings, size_t parameters) {
  adamw a;
  CU_ASSERT_FATAL(adamw_init(&a, settings, parameters));
  return a;
}

/// f(w) = w² from w = 1: four steps with rate .1, β .9 and .999, ε 1e-8, decay .01, worked out to 30 digits. The first:
/// g = 2, bias-corrected m = 2 and v = 4, w = 1 - .1 (2/(2 + 1e-8) + .01).
static void by_hand(void) {
  static const double expected[] = {0.8990000004999999975, 0.79851902716852091622, 0.69891118315823152646,
                                    0.60059857415954153187};
  const adamw_settings settings = {ADAMW_CONSTANT, 0.1, 0.9, 0.999, 1e-8, 0.01, 4};
  adamw a = open_optimiser(&settings, 1);
  double w = 1;
  for (int t = 0; t < 4; t++) {
    const double gradient = 2 * w;
    adamw_step(&a, &gradient, &w);
    CHECK_NEAR(w, expected[t], 1e-14);
  }
  CHECK_INTEGER(a.step, 4);
  adamw_clear(&a);
}

/// Two parameters, one with a gradient 10⁶ times as large: both move alike. And each only by its own gradient.
static void scale_does_not_matter(void) {
  const adamw_settings settings = {ADAMW_ONE_CYCLE, 0.02, 0.9, 0.999, 1e-30, 0, 50};
  adamw a = open_optimiser(&settings, 3);
  double w[3] = {0, 0, 7};
  for (int t = 0; t < 50; t++) {
    double g = sin(t * 1.7) + 0.3, gradient[3] = {g, 1e6 * g, 0};
    adamw_step(&a, gradient, w);
    CHECK_NEAR(w[0], w[1], 1e-12);
  }
  CU_ASSERT(w[0] < -0.05);
  CHECK_NEAR(w[2], 7, 0);
  adamw_clear(&a);
}

/// Under a constant gradient the bias-corrected mean is the gradient, also while β₁ changes: every step is the rate.
static void bias_is_corrected(void) {
  for (int schedule = ADAMW_ONE_CYCLE; schedule <= ADAMW_CONSTANT; schedule++) {
    const adamw_settings settings = {schedule, 0.05, 0.8, 0.99, 1e-30, 0, 40};
    adamw a = open_optimiser(&settings, 1);
    double w = 0, gradient = -3, way = 0;
    for (uint64_t t = 0; t < 40; t++) {
      way += adamw_rate(&settings, t);
      adamw_step(&a, &gradient, &w);
      CHECK_NEAR(w, way, 1e-14);
    }
    adamw_clear(&a);
  }
}

/// The decay does not go through the moments: without a gradient a weight shrinks by 1 - η λ a step, whatever its size.
static void decay_is_decoupled(void) {
  const adamw_settings settings = {ADAMW_COSINE, 0.1, 0.9, 0.999, 1e-8, 0.3, 30};
  adamw a = open_optimiser(&settings, 2);
  double w[2] = {5, -1e6}, gradient[2] = {0, 0}, left = 1;
  for (uint64_t t = 0; t < 30; t++) {
    left *= 1 - 0.3 * adamw_rate(&settings, t);
    adamw_step(&a, gradient, w);
  }
  CHECK_NEAR(w[0], 5 * left, 1e-14);
  CHECK_NEAR(w[1], -1e6 * left, 1e-9);
  adamw_clear(&a);
}

/// A bowl with curvatures 1 and 100: the schedule ends in its minimum.
static void finds_a_minimum(void) {
  for (int schedule = ADAMW_ONE_CYCLE; schedule <= ADAMW_COSINE; schedule++) {
    const adamw_settings settings = {schedule, 0.1, 0.9, 0.95, 1e-8, 0, 600};
    adamw a = open_optimiser(&settings, 2);
    double w[2] = {3, -2};
    for (int t = 0; t < 600; t++) {
      double gradient[2] = {w[0] - 1, 100 * (w[1] - 2)};
      adamw_step(&a, gradient, w);
    }
    CHECK_NEAR(w[0], 1, 1e-3);
    CHECK_NEAR(w[1], 2, 1e-3);
    adamw_clear(&a);
  }
}

static void one_cycle(void) {
  const adamw_settings s = {ADAMW_ONE_CYCLE, 0.5, 0.1, 0.999, 1e-8, 0, 101};
  CHECK_NEAR(adamw_rate(&s, 0), 0.5 / 25, 1e-16);
  CHECK_NEAR(adamw_rate(&s, 15), (0.5 / 25 + 0.5) / 2, 1e-15); // half way up
  CHECK_NEAR(adamw_rate(&s, 30), 0.5, 1e-16);
  CHECK_NEAR(adamw_rate(&s, 65), (0.5 + 0.5 / 25e4) / 2, 1e-15); // half way down
  CHECK_NEAR(adamw_rate(&s, 100), 0.5 / 25e4, 1e-18);
  CHECK_NEAR(adamw_beta1(&s, 0), 0.95, 1e-15);
  CHECK_NEAR(adamw_beta1(&s, 15), 0.9, 1e-15);
  CHECK_NEAR(adamw_beta1(&s, 30), 0.85, 1e-15);
  CHECK_NEAR(adamw_beta1(&s, 100), 0.95, 1e-15);
  for (uint64_t t = 1; t <= 100; t++) {
    CU_ASSERT((adamw_rate(&s, t) > adamw_rate(&s, t - 1)) == (t <= 30));
    CU_ASSERT((adamw_beta1(&s, t) < adamw_beta1(&s, t - 1)) == (t <= 30));
  }
}

static void other_schedules(void) {
  const adamw_settings cosine_down = {ADAMW_COSINE, 0.5, 0.7, 0.999, 1e-8, 0, 101};
  CHECK_NEAR(adamw_rate(&cosine_down, 0), 0.5, 1e-16);
  CHECK_NEAR(adamw_rate(&cosine_down, 25), 0.25 * (1 + sqrt(0.5)), 1e-15);
  CHECK_NEAR(adamw_rate(&cosine_down, 50), 0.25, 1e-15);
  CHECK_NEAR(adamw_rate(&cosine_down, 100), 0, 1e-17);
  CHECK_NEAR(adamw_beta1(&cosine_down, 50), 0.7, 0);
  const adamw_settings constant = {ADAMW_CONSTANT, 0.5, 0.7, 0.999, 1e-8, 0, 101};
  CHECK_NEAR(adamw_rate(&constant, 0), 0.5, 0);
  CHECK_NEAR(adamw_rate(&constant, 100), 0.5, 0);
  CHECK_NEAR(adamw_beta1(&constant, 100), 0.7, 0);
  for (int schedule = ADAMW_ONE_CYCLE; schedule <= ADAMW_CONSTANT; schedule++) { // a single step is a whole one
    const adamw_settings single = {schedule, 0.5, 0.7, 0.999, 1e-8, 0, 1};
    CHECK_NEAR(adamw_rate(&single, 0), 0.5, 1e-16);
  }
}

int main(void) {
  static const check_case cases[] = {
      {"steps by hand", by_hand},
      {"scale does not matter", scale_does_not_matter},
      {"bias is corrected", bias_is_corrected},
      {"decay is decoupled", decay_is_decoupled},
      {"finds a minimum", finds_a_minimum},
      {"one cycle", one_cycle},
      {"other schedules", other_schedules},
      {NULL, NULL},
  };
  return check_main("adamw", cases);
}
