// NAME_test.c — estimate.NAME: its descriptor, and its estimate beside that of estimate.thermo.
#include "testing.h"

static void by_itself(void) {
  const fg_stage *stage = load_plugin("NAME.so")->stages[0];
  CU_ASSERT_STRING_EQUAL(stage->kind, "estimate.NAME");
  CU_ASSERT(stage->outputs[0]->kinds == FG_TABLE);
}

static void in_a_pipeline(void) {
  CU_ASSERT_FATAL(run_pipeline());
  CU_ASSERT(is_near(estimate("mine", "16", "m"), estimate("thermo", "16", "m"), 1e-12));
}

int main(void) { return run_tests("estimate.NAME", by_itself, in_a_pipeline); }
