// NAME_test.c — train.NAME: its descriptor, and a likelihood that follows from its weight.
#include "testing.h"

static void by_itself(void) {
  const fg_stage *stage = load_plugin("NAME.so")->stages[0];
  CU_ASSERT_STRING_EQUAL(stage->kind, "train.NAME");
  CU_ASSERT(stage->inputs[1]->flags == FG_PORT_PAIRED && stage->inputs[2]->flags == FG_PORT_PAIRED);
}

/// On the pairs it has learned from, a share a of spins agrees: -ln P is the entropy of a coin that shows heads with
/// probability a. And the weight is the best: a little more or less is worse.
static void in_a_pipeline(void) {
  char text[1000] = "";
  double weights[3] = {0};
  CU_ASSERT_FATAL(run_pipeline());
  FILE *file = fopen("results/trained.json", "r");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  CU_ASSERT(fread(text, 1, sizeof text - 1, file) > 0);
  fclose(file);
  const char *list = strstr(text, "\"weights\"");
  CU_ASSERT_FATAL(list && sscanf(strchr(list, '[') + 1, "%lf , %lf , %lf", &weights[0], &weights[1], &weights[2]) == 3);
  const double a = 1 / (1 + exp(-weights[2] / 2)), nll = estimate("likelihood", "16", "nll");
  CU_ASSERT(weights[0] == 0 && weights[1] == 0 && a > 0.8);
  CU_ASSERT(is_near(nll, -a * log(a) - (1 - a) * log(1 - a), 1e-9));
  CU_ASSERT(estimate("less", "16", "nll") > nll && estimate("more", "16", "nll") > nll);
}

int main(void) { return run_tests("train.NAME", by_itself, in_a_pipeline); }
