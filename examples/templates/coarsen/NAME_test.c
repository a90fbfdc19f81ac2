// NAME_test.c — coarsen.NAME: its descriptor, and what is left of critical lattices.
#include "testing.h"

static void by_itself(void) {
  const fg_stage *stage = load_plugin("NAME.so")->stages[0];
  CU_ASSERT_STRING_EQUAL(stage->kind, "coarsen.NAME");
  CU_ASSERT(stage->inputs[0]->kinds == FG_BATCH && stage->outputs[0]->kinds == FG_BATCH);
}

/// Neighbours on the decimated lattice of 32² were second neighbours on the sampled one of 64²: e = -2⟨σ₀σ₂⟩, which is
/// -1.2067(7) there (64,000 configurations of another seed); 4000 configurations are within 4σ = 0.012.
static void in_a_pipeline(void) {
  CU_ASSERT_FATAL(run_pipeline());
  CU_ASSERT(is_near(estimate("thermo", "32", "e"), -1.2067, 0.012));
}

int main(void) { return run_tests("coarsen.NAME", by_itself, in_a_pipeline); }
