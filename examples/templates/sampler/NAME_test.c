// NAME_test.c — sampler.NAME: its descriptor, and the moments of what it draws.
#include "testing.h"

static void by_itself(void) {
  const fg_stage *stage = load_plugin("NAME.so")->stages[0];
  CU_ASSERT_STRING_EQUAL(stage->kind, "sampler.NAME");
  CU_ASSERT_STRING_EQUAL(stage->params[0]->name, "size");
}

/// 1000 lattices of 32² with up = 0.7: ⟨m⟩ = 0.4 and e = -2·0.4², both within 4σ.
static void in_a_pipeline(void) {
  CU_ASSERT_FATAL(run_pipeline());
  CU_ASSERT(is_near(estimate("thermo", "32", "m"), 0.4, 4 * sqrt(0.84 / 1024000)));
  CU_ASSERT(is_near(estimate("thermo", "32", "e"), -0.32, 0.006));
}

int main(void) { return run_tests("sampler.NAME", by_itself, in_a_pipeline); }
