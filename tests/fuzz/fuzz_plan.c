// fuzz_plan.c — arbitrary text as a pipeline file, as far as 'finegrain check' goes: grammar, parameters, wiring, and the
// plugins' own create and negotiate. Either something is said to be wrong, or there is a plan, which written out and read
// again is the same plan.
#include "fuzz/fuzz.h"
#include "identity.h"
#include "plan.h"

/// A plan of the file, and its identity; NULL after at least one error, which is a line that can be printed.
static fg_plan *plan_of(const char *path, const fg_registry *registry, fg_pipeline **pipeline,
                        fg_diagnostics *diagnostics, char hash[33]) {
  *pipeline = fg_pipeline_read(path, NULL, 0, diagnostics);
  fg_plan *plan = *pipeline ? fg_plan_new(*pipeline, registry, (*pipeline)->seed, diagnostics) : NULL;
  require(!plan == (fg_diagnostics_errors(diagnostics) > 0));
  if (plan) fg_plan_identity(plan, NULL, hash);
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  require(out != NULL);
  fg_diagnostics_print(diagnostics, out);
  fclose(out);
  require(plan || length > 0);
  free(text);
  return plan;
}

static char *written(const fg_plan *plan, size_t *length) {
  char *text = NULL;
  FILE *out = open_memstream(&text, length);
  require(out != NULL);
  fg_plan_write(plan, out);
  fclose(out);
  require(fg_plan_bound(plan) > 0);
  return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fg_registry *registry; // loaded once: plugins are never unloaded
  char first[33] = "", second[33] = "";
  if (!registry) {
    fg_diagnostics *loading = fg_diagnostics_new();
    registry = fg_registry_load(FG_BUILD "/plugins", loading);
    require(fg_registry_count(registry) > 0 && fg_diagnostics_errors(loading) == 0);
    fg_diagnostics_free(loading);
  }
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  fg_pipeline *pipeline = NULL, *again = NULL;
  fg_plan *plan = plan_of(fuzz_file(data, size), registry, &pipeline, diagnostics, first), *same = NULL;
  if (plan) {
    size_t length = 0;
    char *text = written(plan, &length);
    same = plan_of(fuzz_file((const uint8_t *)text, length), registry, &again, diagnostics, second);
    require(same && strcmp(first, second) == 0);
    free(text);
  }
  fg_plan_free(same);
  fg_pipeline_free(again);
  fg_plan_free(plan);
  fg_pipeline_free(pipeline);
  fg_diagnostics_free(diagnostics);
  return 0;
}
