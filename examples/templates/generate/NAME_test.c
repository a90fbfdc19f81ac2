// NAME_test.c — generate.NAME: its descriptor, and its step beside that of generate.upscale.
#include "testing.h"

static void by_itself(void) {
  const fg_stage *stage = load_plugin("NAME.so")->stages[0];
  CU_ASSERT_STRING_EQUAL(stage->kind, "generate.NAME");
  CU_ASSERT(stage->inputs[0]->flags == FG_PORT_FIRST);
}

/// Other random numbers, the same distribution: energies of 4000 lattices of 16², each with an error of 0.003.
static void in_a_pipeline(void) {
  CU_ASSERT_FATAL(run_pipeline());
  CU_ASSERT(is_near(estimate("thermo", "16", "e"), estimate("thermo_upscaled", "16", "e"), 4 * sqrt(2) * 0.003));
}

int main(void) { return run_tests("generate.NAME", by_itself, in_a_pipeline); }
