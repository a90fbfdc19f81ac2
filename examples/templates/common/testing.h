// testing.h — what a test of a plugin needs: its descriptor, from the shared object beside the test, and the numbers that
// a pipeline leaves in results/summary.csv. No internals of finegrain.
#include <CUnit/Basic.h>
#include <dlfcn.h>
#include <finegrain/finegrain.h>
#include <stdlib.h>
#include <string.h>

/// The descriptor in ./FILE; the test ends when there is none.
static inline const fg_plugin *load_plugin(const char *file) {
  char path[256];
  snprintf(path, sizeof path, "./%s", file);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  const fg_plugin *plugin = library ? dlsym(library, FG_PLUGIN_SYMBOL) : NULL;
  if (!plugin || plugin->magic != FG_PLUGIN_MAGIC || plugin->abi_major != FG_ABI_MAJOR) {
    fprintf(stderr, "%s: %s\n", path, library ? "no plugin of this ABI" : dlerror());
    exit(1);
  }
  return plugin;
}

/// Runs pipeline.yaml into results/ with the finegrain that make names; whether it did.
static inline int run_pipeline(void) {
  const char *program = getenv("FINEGRAIN");
  char command[4400];
  snprintf(command, sizeof command, "'%s' run pipeline.yaml --plugin-path . --out results --force --quiet",
           program ? program : "finegrain");
  return system(command) == 0;
}

/// The value of an estimate: stage, size and observable as in summary.csv. NaN when there is none.
static inline double estimate(const char *stage, const char *size, const char *observable) {
  char line[1024], of_stage[65], of_size[97], of_observable[65];
  double value, found = NAN;
  FILE *summary = fopen("results/summary.csv", "r");
  while (summary && fgets(line, sizeof line, summary))
    if (sscanf(line, "%64[^,],%96[^,],%*[^,],%64[^,],%lf", of_stage, of_size, of_observable, &value) == 4 &&
        strcmp(of_stage, stage) == 0 && strcmp(of_size, size) == 0 && strcmp(of_observable, observable) == 0)
      found = value;
  if (summary) fclose(summary);
  return found;
}

/// |a - b| ≤ tolerance; says so when it is not.
static inline int is_near(double a, double b, double tolerance) {
  if (fabs(a - b) <= tolerance) return 1;
  printf("\n    %.9g instead of %.9g ± %.2g", a, b, tolerance);
  return 0;
}

/// Runs two tests as one suite; the exit code of main.
static inline int run_tests(const char *name, void (*first)(void), void (*second)(void)) {
  CU_initialize_registry();
  CU_pSuite suite = CU_add_suite(name, NULL, NULL);
  CU_add_test(suite, "by itself", first);
  CU_add_test(suite, "in a pipeline", second);
  CU_basic_run_tests();
  unsigned failed = CU_get_number_of_failures();
  CU_cleanup_registry();
  return failed != 0;
}
