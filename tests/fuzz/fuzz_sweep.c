// fuzz_sweep.c — arbitrary text as the sections `sweep` and `exec` of a sound pipeline: either something is said to be
// wrong, or there are points, each of which puts values the file can be read with, or says what is wrong with them.
#include "fuzz/fuzz.h"
#include "sweep/sweep.h"

/// Points that are looked at one by one; the others are only counted and labelled.
#define LOOKED_AT 20u

/// What the sections refer to.
static const char pipeline_text[] = "finegrain: 1\nname: p\nstages:\n"
                                    "  a: {plugin: test.a, params: {size: 16, rate: 0.5, word: x, list: [1, 2]}}\n"
                                    "  b: {plugin: test.b, input: a}\n";

static void look_at(const fg_sweep *sweep, const fg_sweep_point *point) {
  fg_override *overrides = calloc(sweep->column_count + 1, sizeof *overrides);
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  require(overrides != NULL);
  size_t count = fg_sweep_overrides(sweep, point, overrides);
  require(count <= sweep->column_count && point->replica < sweep->replicas);
  fg_pipeline *pipeline = fg_pipeline_make(sweep->file, overrides, count, diagnostics);
  require(pipeline || fg_diagnostics_errors(diagnostics) > 0);
  fg_pipeline_free(pipeline);
  fg_diagnostics_free(diagnostics);
  free(overrides);
}

static void look_at_all(const fg_sweep *sweep) {
  for (size_t i = 0; i < sweep->count; i++) {
    const fg_sweep_point *point = &sweep->points[i];
    if (i < LOOKED_AT || i + LOOKED_AT >= sweep->count) look_at(sweep, point);
    fg_sweep_is_baseline(sweep, point);
    for (size_t c = 0; c < sweep->column_count && i < LOOKED_AT; c++) {
      char *text = fg_sweep_text(point->values[c]);
      require(text && !strchr(text, '\n') && (point->values[c] || !text[0]));
      free(text);
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t head = sizeof pipeline_text - 1;
  char *text = malloc(head + size + 1);
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  require(text != NULL);
  memcpy(text, pipeline_text, head);
  if (size) memcpy(text + head, data, size);
  fg_document *document = fg_yaml_read_text("fuzz", text, head + size, diagnostics);
  free(text);
  if (document && fg_document_root(document)->kind == FG_NODE_MAP) {
    char folder[] = ".";
    fg_pipeline_file file = {"fuzz", folder, fg_document_root(document), &document, 1};
    unsigned before = fg_diagnostics_errors(diagnostics);
    fg_sweep *sweep = fg_sweep_read(&file, diagnostics);
    require(sweep || fg_diagnostics_errors(diagnostics) > before || before);
    if (sweep) {
      require(sweep->count >= 1 && sweep->count <= FG_SWEEP_MOST_POINTS);
      look_at_all(sweep);
    }
    fg_sweep_free(sweep);
  }
  fg_document_free(document);
  fg_diagnostics_free(diagnostics);
  return 0;
}
