// point.c — see point.h.
#include "sweep/point.h"

#include <stdlib.h>
#include <string.h>

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory) abort();
  return memory;
}

void fg_sweep_part_free(fg_sweep_part *part) {
  fg_plan_free(part->plan);
  fg_pipeline_free(part->pipeline);
  *part = (fg_sweep_part){0};
}

static fg_pipeline *pipeline_of(const fg_sweep *sweep, const fg_sweep_point *point, fg_diagnostics *diagnostics) {
  fg_override *overrides = allocate(sweep->column_count, sizeof *overrides);
  size_t count = fg_sweep_overrides(sweep, point, overrides);
  fg_pipeline *pipeline = fg_pipeline_make(sweep->file, overrides, count, diagnostics);
  free(overrides);
  return pipeline;
}

fg_sweep_part fg_sweep_point_whole(const fg_sweep *sweep, const fg_sweep_point *point, const fg_registry *registry,
                                   uint64_t seed, fg_diagnostics *diagnostics) {
  fg_sweep_part part = {.pipeline = pipeline_of(sweep, point, diagnostics)};
  if (part.pipeline) part.plan = fg_plan_new(part.pipeline, registry, seed, diagnostics);
  if (!part.plan) fg_sweep_part_free(&part);
  return part;
}

// ---- what is shared

/// A flag for each stage of the plan: named in `share`, or read from by one that is.
static bool *find_shared(const fg_sweep *sweep, const fg_plan *whole, fg_diagnostics *diagnostics) {
  bool *shared = allocate(whole->count, sizeof *shared);
  for (size_t s = 0; s < sweep->share_count; s++) {
    const fg_node *node = sweep->share[s];
    const char *name = node->kind == FG_NODE_SCALAR ? node->text : fg_node_describe(node);
    const char **names = allocate(whole->count, sizeof *names);
    bool found = false;
    for (uint32_t i = 0; i < whole->count; i++) {
      names[i] = whole->instances[i]->spec->name;
      if (strcmp(names[i], name) == 0) found = shared[i] = true;
    }
    char hint[512];
    if (!found)
      fg_error_at(diagnostics, node->place, NULL, "share: there is no stage '%s'%s", name,
                  fg_suggest(hint, sizeof hint, name, names, whole->count));
    free(names);
  }
  for (uint32_t i = whole->count; i-- > 0;) { // readers come after what they read from
    const fg_instance *reader = whole->order[i];
    if (!shared[reader->index]) continue;
    for (uint32_t p = 0; p < reader->input_count; p++)
      for (uint32_t e = 0; e < reader->inputs[p].edge_count; e++)
        shared[reader->inputs[p].edges[e]->from->index] = true;
  }
  return shared;
}

/// Where `share` names a stage; its first entry for one that is shared because a named one reads from it.
static fg_place share_place(const fg_sweep *sweep, const char *stage) {
  for (size_t s = 0; s < sweep->share_count; s++)
    if (sweep->share[s]->text && strcmp(sweep->share[s]->text, stage) == 0) return sweep->share[s]->place;
  return sweep->share[0]->place;
}

/// The output of a shared stage that others read; UINT32_MAX: none. Results would be lost, and one stream is recorded.
static uint32_t output_read_from(const fg_sweep *sweep, const fg_instance *instance, const bool *shared,
                                 fg_diagnostics *diagnostics) {
  uint32_t found = UINT32_MAX;
  const char *fault = NULL;
  for (uint32_t p = 0; p < instance->output_count; p++) {
    const fg_output *output = &instance->outputs[p];
    bool read = false;
    for (uint32_t e = 0; e < output->edge_count; e++) read |= !shared[output->edges[e]->to->index];
    if (read && output->port->kinds == FG_MODEL)
      fault = "a model";
    else if (output->port->kinds == FG_TABLE && !fault)
      fault = "results";
    else if (read && found != UINT32_MAX && !fault)
      fault = "several streams";
    if (read) found = p;
  }
  if (fault)
    fg_error_at(diagnostics, share_place(sweep, instance->spec->name), NULL,
                "share: %s cannot be shared, for it gives %s; share only stages that give configurations",
                instance->spec->name, fault);
  return found;
}

static void free_inputs(fg_stage_spec *spec) {
  for (size_t i = 0; i < spec->input_count; i++) {
    for (size_t r = 0; r < spec->inputs[i].count; r++) free((void *)(uintptr_t)spec->inputs[i].references[r].stage);
    free(spec->inputs[i].references);
  }
  free(spec->inputs);
  spec->inputs = NULL;
  spec->input_count = 0;
}

static void drop_stage(fg_stage_spec *spec) {
  free_inputs(spec);
  free(spec->records);
}

/// "<stage>.fgs", owned by the file's document.
static const char *stream_name(const fg_sweep *sweep, const char *folder, const char *stage) {
  char *text = NULL;
  if (asprintf(&text, "%s%s%s.fgs", folder, folder[0] ? "/" : "", stage) < 0) abort();
  const char *kept = fg_node_new_scalar(sweep->file->documents[0], (fg_place){0}, text)->text;
  free(text);
  return kept;
}

fg_sweep_part fg_sweep_point_shared(const fg_sweep *sweep, const fg_sweep_point *point, const fg_plan *whole,
                                    const fg_registry *registry, fg_diagnostics *diagnostics) {
  fg_sweep_part part = {0};
  if (!sweep->share_count) return part;
  bool *shared = find_shared(sweep, whole, diagnostics);
  part.pipeline = pipeline_of(sweep, point, diagnostics);
  size_t kept = 0;
  for (uint32_t i = 0; part.pipeline && i < whole->count; i++) {
    fg_stage_spec *spec = &part.pipeline->stages[i];
    uint32_t output = shared[i] ? output_read_from(sweep, whole->instances[i], shared, diagnostics) : UINT32_MAX;
    if (!shared[i]) {
      drop_stage(spec);
      continue;
    }
    free(spec->records);
    spec->records = NULL;
    spec->record_count = output != UINT32_MAX;
    if (spec->record_count) {
      spec->records = allocate(1, sizeof *spec->records);
      *spec->records = (fg_record_spec){spec->place, whole->instances[i]->outputs[output].port->name,
                                        stream_name(sweep, "", spec->name)};
    }
    part.pipeline->stages[kept++] = *spec;
  }
  if (part.pipeline) {
    part.pipeline->stage_count = kept;
    part.pipeline->name = "shared";
    if (fg_diagnostics_errors(diagnostics) == 0)
      part.plan = fg_plan_new(part.pipeline, registry, whole->seed, diagnostics);
  }
  free(shared);
  if (!part.plan) fg_sweep_part_free(&part);
  return part;
}

/// {path: PATH}
static fg_node *file_params(const fg_sweep *sweep, const char *path) {
  fg_document *document = sweep->file->documents[0];
  fg_node *params = fg_node_new_map(document, (fg_place){0});
  fg_node *file = fg_node_new_scalar(document, (fg_place){0}, path);
  file->plain = false;
  fg_node_set(document, params, "path", (fg_place){0}, file);
  return params;
}

fg_sweep_part fg_sweep_point_rest(const fg_sweep *sweep, const fg_sweep_point *point, const fg_plan *whole,
                                  const char *folder, const fg_registry *registry, fg_diagnostics *diagnostics) {
  fg_sweep_part part = {.pipeline = pipeline_of(sweep, point, diagnostics)};
  bool *shared = find_shared(sweep, whole, diagnostics);
  size_t kept = 0;
  for (uint32_t i = 0; part.pipeline && i < whole->count; i++) {
    fg_stage_spec *spec = &part.pipeline->stages[i];
    uint32_t output = shared[i] ? output_read_from(sweep, whole->instances[i], shared, diagnostics) : UINT32_MAX;
    if (shared[i] && output == UINT32_MAX) {
      drop_stage(spec);
      continue;
    }
    if (shared[i]) {
      free_inputs(spec);
      spec->record_count = 0;
      spec->kind = "source.file";
      spec->params = file_params(sweep, stream_name(sweep, folder, spec->name));
    }
    for (size_t k = 0; k < spec->input_count; k++) {
      for (size_t r = 0; r < spec->inputs[k].count; r++) {
        fg_reference *reference = &spec->inputs[k].references[r];
        for (uint32_t s = 0; s < whole->count; s++)
          if (shared[s] && strcmp(whole->instances[s]->spec->name, reference->stage) == 0) reference->port = NULL;
      }
    }
    part.pipeline->stages[kept++] = *spec;
  }
  if (part.pipeline) {
    part.pipeline->stage_count = kept;
    part.plan = fg_plan_new(part.pipeline, registry, whole->seed, diagnostics);
  }
  free(shared);
  if (!part.plan) fg_sweep_part_free(&part);
  return part;
}
