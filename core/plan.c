// plan.c — see plan.h.
#include "plan.h"

#include "crash.h"
#include "hostapi.h"
#include "message.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/// What the program itself takes, beside stages and edges: libraries, thread stacks, HDF5 at the end.
#define PROGRAM_BYTES ((uint64_t)32 << 20)

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory) abort();
  return memory;
}

static const char *kind_word(uint32_t kinds) {
  switch (kinds) {
  case FG_BATCH: return "configurations";
  case FG_MODEL: return "a model";
  case FG_TABLE: return "a table";
  default: return "a message";
  }
}

static fg_instance *instance_named(const fg_plan *plan, const char *name) {
  for (uint32_t i = 0; i < plan->count; i++)
    if (strcmp(plan->instances[i]->spec->name, name) == 0) return plan->instances[i];
  return NULL;
}

// --- connecting -----------------------------------------------------------------------------------------------------

static const char **input_names(const fg_instance *instance) {
  const char **names = allocate(instance->input_count, sizeof *names);
  for (uint32_t p = 0; p < instance->input_count; p++) names[p] = instance->inputs[p].port->name;
  return names;
}

static const char **output_names(const fg_instance *instance) {
  const char **names = allocate(instance->output_count, sizeof *names);
  for (uint32_t p = 0; p < instance->output_count; p++) names[p] = instance->outputs[p].port->name;
  return names;
}

/// "model, fine, coarse"
static void join_names(const char *const *names, uint32_t count, char *text, size_t size) {
  size_t at = 0;
  text[0] = 0;
  for (uint32_t i = 0; i < count && at < size; i++)
    at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", names[i]);
}

/// The input that `input:` means: the only one, or the only one that must be connected; input_count: there is none.
static uint32_t sole_input(const fg_instance *instance) {
  uint32_t needed = 0, which = instance->input_count;
  for (uint32_t p = 0; p < instance->input_count; p++) {
    if (instance->inputs[p].port->flags & FG_PORT_OPTIONAL) continue;
    needed++;
    which = p;
  }
  if (instance->input_count == 1) return 0;
  return needed == 1 ? which : instance->input_count;
}

/// The instance's input this entry means; NULL after recording why there is none.
static fg_input *find_input(fg_instance *instance, const fg_input_spec *spec, fg_diagnostics *diagnostics) {
  const char *name = instance->spec->name;
  if (instance->input_count == 0) {
    fg_error_at(diagnostics, spec->place, name, "%s takes no input; remove this", instance->stage->kind);
    return NULL;
  }
  const char **names = input_names(instance);
  char text[512];
  fg_input *found = NULL;
  uint32_t meant = sole_input(instance);
  if (!spec->port && meant < instance->input_count)
    found = &instance->inputs[meant];
  else if (!spec->port) {
    join_names(names, instance->input_count, text, sizeof text);
    fg_error_at(diagnostics, spec->place, name, "%s has %u inputs (%s); write inputs: {%s: STAGE, …}",
                instance->stage->kind, instance->input_count, text, names[0]);
  } else {
    for (uint32_t p = 0; p < instance->input_count; p++)
      if (strcmp(names[p], spec->port) == 0) found = &instance->inputs[p];
    if (!found)
      fg_error_at(diagnostics, spec->place, name, "%s has no input '%s'%s", instance->stage->kind, spec->port,
                  fg_suggest(text, sizeof text, spec->port, names, instance->input_count));
  }
  free(names);
  return found;
}

/// The output a reference means; NULL after recording why there is none.
static fg_output *find_output(fg_plan *plan, const fg_instance *reader, const fg_reference *reference,
                              fg_instance **from) {
  const char *name = reader->spec->name;
  char hint[512];
  *from = instance_named(plan, reference->stage);
  if (!*from) {
    const char **names = allocate(plan->count, sizeof *names);
    for (uint32_t i = 0; i < plan->count; i++) names[i] = plan->instances[i]->spec->name;
    fg_error_at(plan->diagnostics, reference->place, name, "there is no stage '%s'%s", reference->stage,
                fg_suggest(hint, sizeof hint, reference->stage, names, plan->count));
    free(names);
    return NULL;
  }
  if (!(*from)->stage) return NULL; // its plugin is unknown, which has been said
  if ((*from)->output_count == 0) {
    fg_error_at(plan->diagnostics, reference->place, name, "stage '%s' (%s) has no output", reference->stage,
                (*from)->stage->kind);
    return NULL;
  }
  if (!reference->port) return &(*from)->outputs[0];
  const char **names = output_names(*from);
  fg_output *found = NULL;
  for (uint32_t p = 0; p < (*from)->output_count; p++)
    if (strcmp(names[p], reference->port) == 0) found = &(*from)->outputs[p];
  if (!found)
    fg_error_at(plan->diagnostics, reference->place, name, "stage '%s' has no output '%s'%s", reference->stage,
                reference->port, fg_suggest(hint, sizeof hint, reference->port, names, (*from)->output_count));
  free(names);
  return found;
}

static void add_edge(fg_plan *plan, fg_instance *from, fg_output *output, fg_instance *to, fg_input *input) {
  fg_edge *edge = allocate(1, sizeof *edge);
  *edge = (fg_edge){from, to, (uint32_t)(output - from->outputs), (uint32_t)(input - to->inputs), NULL};
  if (asprintf(&edge->name, "%s.%s -> %s.%s", from->spec->name, output->port->name, to->spec->name, input->port->name) <
      0)
    abort();
  fg_edge ***lists[] = {&output->edges, &input->edges, &plan->edges};
  uint32_t *counts[] = {&output->edge_count, &input->edge_count, &plan->edge_count};
  for (int i = 0; i < 3; i++) {
    *lists[i] = realloc(*lists[i], (*counts[i] + 1) * sizeof(fg_edge *));
    if (!*lists[i]) abort();
    (*lists[i])[(*counts[i])++] = edge;
  }
}

static void connect_input(fg_plan *plan, fg_instance *to, const fg_input_spec *spec) {
  fg_input *input = find_input(to, spec, plan->diagnostics);
  if (input && spec->list && !(input->port->flags & FG_PORT_MANY) && spec->count > 1) {
    fg_error_at(plan->diagnostics, spec->place, to->spec->name, "input '%s' takes one output, not a list of %zu",
                input->port->name, spec->count);
    return;
  }
  for (size_t r = 0; r < spec->count; r++) {
    fg_instance *from;
    fg_output *output = find_output(plan, to, &spec->references[r], &from);
    if (!output || !input) continue;
    if (!(output->port->kinds & input->port->kinds))
      fg_error_at(plan->diagnostics, spec->references[r].place, to->spec->name,
                  "input '%s' takes %s, but %s.%s gives %s", input->port->name, kind_word(input->port->kinds),
                  from->spec->name, output->port->name, kind_word(output->port->kinds));
    else
      add_edge(plan, from, output, to, input);
  }
}

/// Why an output of this kind cannot be recorded in a file of this name, and what to do; NULL when it can. A stream may
/// have any name but that of a model.
static const char *name_fault(uint32_t kind, const char *file) {
  size_t length = strlen(file);
  bool json = length >= 5 && strcmp(file + length - 5, ".json") == 0;
  if (kind == FG_TABLE) return "which is kept in results.h5 anyway; only configurations and models are recorded";
  if (kind == FG_MODEL && !json) return "which is recorded as JSON; end the file's name in .json, such as model.json";
  if (kind == FG_BATCH && json)
    return "which are recorded as a stream; end the file's name in .fgs, such as sample.fgs";
  return NULL;
}

static void connect_records(fg_plan *plan, fg_instance *instance) {
  for (size_t r = 0; r < instance->spec->record_count; r++) {
    const fg_record_spec *record = &instance->spec->records[r];
    const char **names = output_names(instance);
    fg_output *found = NULL;
    for (uint32_t p = 0; p < instance->output_count; p++)
      if (strcmp(names[p], record->port) == 0) found = &instance->outputs[p];
    const char *fault = found ? name_fault(found->port->kinds, record->file) : NULL;
    char hint[512];
    if (!found)
      fg_error_at(plan->diagnostics, record->place, instance->spec->name, "%s has no output '%s' to record%s",
                  instance->stage->kind, record->port,
                  fg_suggest(hint, sizeof hint, record->port, names, instance->output_count));
    else if (fault)
      fg_error_at(plan->diagnostics, record->place, instance->spec->name, "output '%s' gives %s, %s", record->port,
                  kind_word(found->port->kinds), fault);
    else
      found->record = record;
    free(names);
  }
}

static void require_inputs(fg_plan *plan, const fg_instance *instance) {
  for (uint32_t p = 0; p < instance->input_count; p++) {
    const fg_input *input = &instance->inputs[p];
    bool named = false; // an entry for this port that did not resolve has been reported already
    for (size_t i = 0; i < instance->spec->input_count; i++) {
      const char *port = instance->spec->inputs[i].port;
      named |= !port || strcmp(port, input->port->name) == 0;
    }
    if (input->edge_count || named || (input->port->flags & FG_PORT_OPTIONAL)) continue;
    if (instance->input_count == 1)
      fg_error_at(plan->diagnostics, instance->spec->place, instance->spec->name,
                  "has no input; add input: STAGE, a stage that gives %s", kind_word(input->port->kinds));
    else
      fg_error_at(plan->diagnostics, instance->spec->place, instance->spec->name,
                  "input '%s' is not connected; add inputs: {%s: STAGE}, a stage that gives %s", input->port->name,
                  input->port->name, kind_word(input->port->kinds));
  }
}

static void warn_unused(fg_plan *plan, const fg_instance *instance) {
  bool used = instance->output_count == 0;
  for (uint32_t p = 0; p < instance->output_count; p++) {
    const fg_output *output = &instance->outputs[p];
    used |= output->edge_count || output->record || output->port->kinds == FG_TABLE;
  }
  if (!used)
    fg_warning_at(plan->diagnostics, instance->spec->place, instance->spec->name,
                  "nobody uses its output '%s'; connect it, record it, or remove the stage",
                  instance->outputs[0].port->name);
}

// --- order ----------------------------------------------------------------------------------------------------------

/// Depth first from `instance`; state 1 = on the way, 2 = done. Names the cycle it closes.
static bool visit(fg_plan *plan, fg_instance *instance, unsigned char *state, fg_instance **way, uint32_t depth,
                  uint32_t *done) {
  way[depth] = instance;
  state[instance->index] = 1;
  for (uint32_t p = 0; p < instance->input_count; p++) {
    for (uint32_t e = 0; e < instance->inputs[p].edge_count; e++) {
      fg_instance *from = instance->inputs[p].edges[e]->from;
      if (state[from->index] == 0 && !visit(plan, from, state, way, depth + 1, done)) return false;
      if (state[from->index] != 1) continue;
      char text[700];
      size_t at = (size_t)snprintf(text, sizeof text, "%s", from->spec->name);
      for (uint32_t d = depth + 1; d-- > 0 && at < sizeof text;) {
        at += (size_t)snprintf(text + at, sizeof text - at, " -> %s", way[d]->spec->name);
        if (way[d] == from) break;
      }
      fg_error_at(plan->diagnostics, instance->spec->place, instance->spec->name,
                  "stages feed each other in a cycle: %s; remove one of these connections", text);
      return false;
    }
  }
  state[instance->index] = 2;
  plan->order[(*done)++] = instance;
  return true;
}

static bool sort_stages(fg_plan *plan) {
  unsigned char *state = allocate(plan->count, 1);
  fg_instance **way = allocate(plan->count, sizeof *way);
  uint32_t done = 0;
  bool acyclic = true;
  for (uint32_t i = 0; i < plan->count && acyclic; i++)
    if (state[i] == 0) acyclic = visit(plan, plan->instances[i], state, way, 0, &done);
  free(state);
  free(way);
  return acyclic;
}

// --- creating and negotiating ---------------------------------------------------------------------------------------

static const char *element_word(uint32_t element) {
  return element == FG_SPIN1     ? "1-bit spins"
         : element == FG_STATE8  ? "u8 states"
         : element == FG_FIELD32 ? "f32 fields"
                                 : "unknown elements";
}

static bool has_shape(const fg_format *format, const fg_lattice *lattice) {
  for (uint32_t s = 0; s < format->shape_count; s++)
    if (fg_lattice_equal(&format->shapes[s], lattice)) return true;
  return false;
}

/// Where the reference behind edge `e` of an input was written: edges are in the order of references.
static fg_place reference_place(const fg_instance *instance, const fg_input *input, uint32_t e) {
  for (size_t i = 0; i < instance->spec->input_count; i++) {
    const fg_input_spec *spec = &instance->spec->inputs[i];
    if ((!spec->port || strcmp(spec->port, input->port->name) == 0) && e < spec->count)
      return spec->references[e].place;
  }
  return instance->spec->place;
}

/// The format of an input from those of the outputs it takes.
static bool merge_formats(fg_plan *plan, const fg_instance *instance, fg_input *input) {
  fg_format *merged = &input->format;
  *merged = input->edges[0]->from->outputs[input->edges[0]->output].format;
  for (uint32_t e = 1; e < input->edge_count; e++) {
    const fg_format *next = &input->edges[e]->from->outputs[input->edges[e]->output].format;
    if (next->kind == FG_BATCH && next->element != merged->element) {
      fg_error_at(plan->diagnostics, reference_place(instance, input, e), instance->spec->name,
                  "input '%s' cannot join %s of %s with %s of %s", input->port->name, element_word(merged->element),
                  input->edges[0]->from->spec->name, element_word(next->element), input->edges[e]->from->spec->name);
      return false;
    }
    for (uint32_t s = 0; s < next->shape_count; s++) {
      if (has_shape(merged, &next->shapes[s])) continue;
      if (merged->shape_count == FG_MAX_SHAPES) {
        fg_error_at(plan->diagnostics, reference_place(instance, input, e), instance->spec->name,
                    "input '%s' would take more than %u different lattices; use two stages", input->port->name,
                    FG_MAX_SHAPES);
        return false;
      }
      merged->shapes[merged->shape_count++] = next->shapes[s];
    }
    merged->configurations =
        merged->configurations && next->configurations ? merged->configurations + next->configurations : 0;
    if (next->batch > merged->batch) merged->batch = next->batch;
    merged->has_weights &= next->has_weights;
    if (strcmp(merged->network, next->network) != 0) merged->network[0] = '\0';
  }
  merged->models = merged->kind == FG_MODEL ? input->edge_count : 0;
  uint32_t accepted = input->port->elements;
  if (merged->kind == FG_BATCH && accepted && !(accepted & (1u << merged->element))) {
    fg_error_at(plan->diagnostics, reference_place(instance, input, 0), instance->spec->name,
                "input '%s' does not take %s, which %s.%s gives", input->port->name, element_word(merged->element),
                input->edges[0]->from->spec->name, input->edges[0]->from->outputs[input->edges[0]->output].port->name);
    return false;
  }
  return true;
}

/// What a plugin announced for an output, checked.
static bool sound_format(fg_plan *plan, const fg_instance *instance, const fg_output *output) {
  const fg_format *format = &output->format;
  const char *fault = NULL;
  if (format->kind == FG_BATCH) {
    if (format->element < FG_SPIN1 || format->element > FG_FIELD32) fault = "no element type";
    if (format->shape_count < 1 || format->shape_count > FG_MAX_SHAPES) fault = "no lattice, or too many";
    for (uint32_t s = 0; !fault && s < format->shape_count; s++) {
      if (format->shapes[s].dims < 1 || format->shapes[s].dims > FG_MAX_DIMS)
        fault = "a lattice of impossible dimension";
      for (uint32_t d = 0; !fault && d < format->shapes[s].dims; d++)
        if (format->shapes[s].extent[d] < 1 || format->shapes[s].extent[d] > (UINT64_C(1) << 31))
          fault = "a lattice of impossible extent";
    }
  }
  if (fault)
    fg_error_at(plan->diagnostics, instance->spec->kind_place, instance->spec->name,
                "plugin %s (%s) announces %s on output '%s'; this is a fault of the plugin", instance->stage->kind,
                instance->file->path, fault, output->port->name);
  return !fault;
}

/// Creates one stage and agrees on its formats; its inputs' stages have been through this.
static bool prepare(fg_plan *plan, fg_instance *instance) {
  unsigned errors = fg_diagnostics_errors(plan->diagnostics);
  const char *name = instance->spec->name;
  fg_crash_site outside = fg_crash_enter((fg_crash_site){.stage = name, .file = instance->file->path});
  fg_status status = instance->stage->create(&instance->host, fg_config_data(instance->config), &instance->self);
  if (status != FG_OK) instance->self = NULL;
  const fg_format **inputs = allocate(instance->input_count, sizeof *inputs);
  fg_format **outputs = allocate(instance->output_count, sizeof *outputs);
  bool known = status == FG_OK;
  for (uint32_t p = 0; p < instance->input_count && known; p++) {
    if (instance->inputs[p].edge_count == 0) continue;
    known = merge_formats(plan, instance, &instance->inputs[p]);
    inputs[p] = &instance->inputs[p].format;
  }
  for (uint32_t p = 0; p < instance->output_count; p++) {
    outputs[p] = &instance->outputs[p].format;
    *outputs[p] = (fg_format){.size = sizeof(fg_format), .kind = instance->outputs[p].port->kinds};
  }
  if (known) status = instance->stage->negotiate(instance->self, inputs, outputs, &instance->memory);
  fg_crash_enter(outside);
  for (uint32_t p = 0; p < instance->output_count && known && status == FG_OK; p++)
    known = sound_format(plan, instance, &instance->outputs[p]);
  free(inputs);
  free(outputs);
  if (status != FG_OK && fg_diagnostics_errors(plan->diagnostics) == errors)
    fg_error_at(plan->diagnostics, instance->spec->place, name,
                "plugin %s (%s) refused without a reason; this is a fault of the plugin", instance->stage->kind,
                instance->file->path);
  return known && status == FG_OK;
}

static void prepare_all(fg_plan *plan) {
  bool *ready = allocate(plan->count, sizeof *ready);
  for (uint32_t i = 0; i < plan->count; i++) {
    fg_instance *instance = plan->order[i];
    bool upstream = true;
    for (uint32_t p = 0; p < instance->input_count; p++)
      for (uint32_t e = 0; e < instance->inputs[p].edge_count; e++)
        upstream &= ready[instance->inputs[p].edges[e]->from->index];
    ready[instance->index] = upstream && prepare(plan, instance);
  }
  free(ready);
}

// --- the whole ------------------------------------------------------------------------------------------------------

static fg_instance *resolve(fg_plan *plan, uint32_t index) {
  fg_instance *instance = allocate(1, sizeof *instance);
  const fg_stage_spec *spec = &plan->pipeline->stages[index];
  instance->plan = plan;
  instance->index = index;
  instance->spec = spec;
  if (!spec->kind) return instance;
  const fg_kind_entry *entry = fg_registry_find(plan->registry, spec->kind);
  if (!entry) {
    char hint[1024];
    fg_error_at(plan->diagnostics, spec->kind_place, spec->name, "unknown plugin '%s'%s", spec->kind,
                fg_suggest(hint, sizeof hint, spec->kind, fg_registry_kinds(plan->registry),
                           fg_registry_count(plan->registry)));
    fg_registry_note_failures(plan->registry, plan->diagnostics);
    return instance;
  }
  instance->stage = &entry->stage;
  instance->file = entry->file;
  instance->config =
      fg_config_new(instance->stage, spec->params, spec->name, spec->place, plan->pipeline->folder, plan->diagnostics);
  while (instance->stage->inputs[instance->input_count]) instance->input_count++;
  while (instance->stage->outputs[instance->output_count]) instance->output_count++;
  instance->inputs = allocate(instance->input_count, sizeof *instance->inputs);
  instance->outputs = allocate(instance->output_count, sizeof *instance->outputs);
  for (uint32_t p = 0; p < instance->input_count; p++) instance->inputs[p].port = instance->stage->inputs[p];
  for (uint32_t p = 0; p < instance->output_count; p++) instance->outputs[p].port = instance->stage->outputs[p];
  fg_host_init(instance);
  return instance;
}

fg_plan *fg_plan_new(const fg_pipeline *pipeline, const fg_registry *registry, uint64_t seed,
                     fg_diagnostics *diagnostics) {
  fg_plan *plan = allocate(1, sizeof *plan);
  plan->pipeline = pipeline;
  plan->registry = registry;
  plan->diagnostics = diagnostics;
  plan->seed = seed;
  plan->instances = allocate(pipeline->stage_count, sizeof *plan->instances);
  plan->order = allocate(pipeline->stage_count, sizeof *plan->order);
  for (uint32_t i = 0; i < pipeline->stage_count; i++) {
    plan->instances[i] = resolve(plan, i);
    plan->count++;
  }
  for (uint32_t i = 0; i < plan->count; i++) {
    fg_instance *instance = plan->instances[i];
    if (!instance->stage) continue;
    for (size_t k = 0; k < instance->spec->input_count; k++) connect_input(plan, instance, &instance->spec->inputs[k]);
    connect_records(plan, instance);
    require_inputs(plan, instance);
  }
  bool sorted = sort_stages(plan);
  if (sorted && fg_diagnostics_errors(diagnostics) == 0) {
    for (uint32_t i = 0; i < plan->count; i++) warn_unused(plan, plan->instances[i]);
    prepare_all(plan);
  }
  if (fg_diagnostics_errors(diagnostics) == 0) return plan;
  fg_plan_free(plan);
  return NULL;
}

void fg_plan_free(fg_plan *plan) {
  if (!plan) return;
  for (uint32_t i = 0; i < plan->count; i++) {
    fg_instance *instance = plan->instances[i];
    if (instance->self) {
      fg_crash_site outside =
          fg_crash_enter((fg_crash_site){.stage = instance->spec->name, .file = instance->file->path});
      instance->stage->destroy(instance->self);
      fg_crash_enter(outside);
    }
    for (uint32_t p = 0; p < instance->input_count; p++) free(instance->inputs[p].edges);
    for (uint32_t p = 0; p < instance->output_count; p++) free(instance->outputs[p].edges);
    free(instance->inputs);
    free(instance->outputs);
    fg_config_free(instance->config);
    free(instance);
  }
  for (uint32_t e = 0; e < plan->edge_count; e++) {
    free(plan->edges[e]->name);
    free(plan->edges[e]);
  }
  free(plan->edges);
  free(plan->instances);
  free(plan->order);
  free(plan);
}

uint64_t fg_plan_edge_bound(const fg_plan *plan) {
  uint64_t bound = plan->pipeline->buffer / (plan->edge_count ? plan->edge_count : 1);
  return bound ? bound : 1;
}

uint64_t fg_format_batch_bytes(const fg_format *format, bool slabs) {
  uint64_t most = 0, count = format->batch ? format->batch : 1;
  for (uint32_t s = 0; format->kind == FG_BATCH && s < format->shape_count; s++) {
    uint64_t one = fg_configuration_bytes(format->element, &format->shapes[s]);
    // A batch of many lattices that would be larger than a slab is not made: it holds fewer configurations.
    uint64_t all = one * count > FG_SLAB_BYTES ? FG_SLAB_BYTES : one * count;
    if (one > FG_SLAB_BYTES && !slabs) all = one;
    if (all > most) most = all;
  }
  return most;
}

uint64_t fg_instance_bound(const fg_instance *instance) {
  uint64_t bytes = instance->memory;
  for (uint32_t p = 0; p < instance->input_count; p++)
    bytes += 2 * fg_format_batch_bytes(&instance->inputs[p].format, instance->stage->flags & FG_STAGE_SLABS);
  for (uint32_t p = 0; p < instance->output_count; p++)
    bytes += 2 * fg_format_batch_bytes(&instance->outputs[p].format, instance->stage->flags & FG_STAGE_SLABS);
  return bytes;
}

uint64_t fg_plan_bound(const fg_plan *plan) {
  uint64_t bytes = PROGRAM_BYTES + plan->edge_count * fg_plan_edge_bound(plan);
  for (uint32_t i = 0; i < plan->count; i++) bytes += fg_instance_bound(plan->instances[i]);
  return bytes;
}

void fg_plan_write(const fg_plan *plan, FILE *out) {
  const fg_pipeline *pipeline = plan->pipeline;
  fprintf(out, "finegrain: 1\nname: ");
  fg_yaml_write_text(pipeline->name, out);
  fputc('\n', out);
  fprintf(out, "seed: %" PRIu64 "\nstages:\n", plan->seed);
  for (uint32_t i = 0; i < plan->count; i++) {
    const fg_instance *instance = plan->instances[i];
    fprintf(out, "  %s:\n    plugin: %s\n", instance->spec->name, instance->stage->kind);
    if (instance->stage->params[0]) fprintf(out, "    params:\n");
    fg_config_write(instance->config, 6, out);
    bool any = false;
    for (uint32_t p = 0; p < instance->input_count; p++) {
      const fg_input *input = &instance->inputs[p];
      if (input->edge_count == 0) continue;
      if (!any) fprintf(out, "    inputs:\n");
      any = true;
      fprintf(out, "      %s: %s", input->port->name, input->edge_count > 1 ? "[" : "");
      for (uint32_t e = 0; e < input->edge_count; e++) {
        const fg_edge *edge = input->edges[e];
        fprintf(out, "%s%s.%s", e ? ", " : "", edge->from->spec->name, edge->from->outputs[edge->output].port->name);
      }
      fprintf(out, "%s\n", input->edge_count > 1 ? "]" : "");
    }
    if (!instance->spec->record_count) continue;
    fprintf(out, "    record:\n");
    for (size_t r = 0; r < instance->spec->record_count; r++) {
      fprintf(out, "      %s: ", instance->spec->records[r].port);
      fg_yaml_write_text(instance->spec->records[r].file, out);
      fputc('\n', out);
    }
  }
  fprintf(out, "stream:\n  compression: ");
  if (pipeline->zstd_level)
    fprintf(out, "zstd:%d\n", pipeline->zstd_level);
  else
    fprintf(out, "none\n");
  fprintf(out, "  buffer: %" PRIu64 "\n", pipeline->buffer);
  if (pipeline->checkpoint > 0)
    fprintf(out, "  checkpoint: %.17g\n", pipeline->checkpoint);
  else
    fprintf(out, "  checkpoint: none\n");
}
