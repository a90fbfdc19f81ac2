// NAME_test.c — source.NAME: its descriptor, and what it reads.
#include "testing.h"

static void by_itself(void) {
  const fg_stage *stage = load_plugin("NAME.so")->stages[0];
  CU_ASSERT_STRING_EQUAL(stage->kind, "source.NAME");
  CU_ASSERT(stage->params[0]->type == FG_PARAM_PATH);
}

/// spins.txt has 3 lattices of 4², of 16, 8 and 12 spins up: m = (1 + 0 + ½)/3.
static void in_a_pipeline(void) {
  CU_ASSERT_FATAL(run_pipeline());
  CU_ASSERT(is_near(estimate("thermo", "4", "m"), 0.5, 1e-12));
  CU_ASSERT(is_near(estimate("thermo", "4", "e"), (-2 + 2 - 1) / 3.0, 1e-12));
}

int main(void) { return run_tests("source.NAME", by_itself, in_a_pipeline); }
