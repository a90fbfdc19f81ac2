// NAME_test.c — sink.NAME: its descriptor, and the file it writes.
#include "testing.h"

static void by_itself(void) {
  const fg_stage *stage = load_plugin("NAME.so")->stages[0];
  CU_ASSERT_STRING_EQUAL(stage->kind, "sink.NAME");
  CU_ASSERT_PTR_NULL(stage->outputs[0]);
}

/// As many lines as configurations, of as many 0 and 1 as sites; their mean is the magnetisation that estimate.thermo finds.
static void in_a_pipeline(void) {
  char line[80];
  int lines = 0, up = 0;
  CU_ASSERT_FATAL(run_pipeline());
  FILE *file = fopen("results/text/spins.txt", "r");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  for (; fgets(line, sizeof line, file); lines++) {
    CU_ASSERT(strlen(line) == 65 && strspn(line, "01") == 64);
    for (int i = 0; i < 64; i++) up += line[i] == '1';
  }
  fclose(file);
  CU_ASSERT(lines == 50);
  CU_ASSERT(is_near(up / 1600.0 - 1, estimate("thermo", "8", "m"), 1e-12));
}

int main(void) { return run_tests("sink.NAME", by_itself, in_a_pipeline); }
