// pipeline.c — see pipeline.h.
#include "pipeline.h"

#include "scalar.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define DEFAULT_BUFFER ((uint64_t)64 << 20)

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory) abort();
  return memory;
}

/// Records every key of `map` that is not among `valid`.
static void refuse_unknown_keys(const fg_node *map, const char *stage, const char *what, const char *const *valid,
                                size_t count, fg_diagnostics *diagnostics) {
  for (size_t i = 0; i < map->count; i++) {
    bool known = false;
    for (size_t v = 0; v < count; v++) known |= strcmp(map->keys[i]->text, valid[v]) == 0;
    char hint[512];
    if (!known)
      fg_error_at(diagnostics, map->keys[i]->place, stage, "unknown %s '%s'%s", what, map->keys[i]->text,
                  fg_suggest(hint, sizeof hint, map->keys[i]->text, valid, count));
  }
}

static bool is_stage_name(const char *name) {
  size_t length = strlen(name);
  if (length < 1 || length > 64) return false;
  for (size_t i = 0; i < length; i++) {
    char c = name[i];
    bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-'))) return false;
  }
  return true;
}

/// The text of a scalar node; records an error and returns NULL for anything else.
static const char *text_of(const fg_node *node, const char *stage, const char *key, fg_diagnostics *diagnostics) {
  if (node->kind == FG_NODE_SCALAR && (node->text[0] || !node->plain)) return node->text;
  fg_error_at(diagnostics, node->place, stage, "%s is %s; write text", key, fg_node_describe(node));
  return NULL;
}

static bool read_reference(const fg_node *node, const char *stage, fg_reference *reference,
                           fg_diagnostics *diagnostics) {
  const char *text = text_of(node, stage, "a reference to an output", diagnostics);
  if (!text) return false;
  const char *dot = strchr(text, '.');
  char *name = strndup(text, dot ? (size_t)(dot - text) : strlen(text));
  if (!name) abort();
  if (!is_stage_name(name) || (dot && !dot[1])) {
    fg_error_at(diagnostics, node->place, stage, "'%s' is not a reference to an output; write STAGE or STAGE.PORT",
                text);
    free(name);
    return false;
  }
  *reference = (fg_reference){node->place, name, dot ? dot + 1 : NULL};
  return true;
}

static void read_input(fg_stage_spec *spec, const fg_node *key, const fg_node *value, bool named,
                       fg_diagnostics *diagnostics) {
  fg_input_spec *input = &spec->inputs[spec->input_count++];
  input->place = key->place;
  input->port = named ? key->text : NULL;
  input->list = value->kind == FG_NODE_LIST;
  size_t count = input->list ? value->count : 1;
  input->references = allocate(count, sizeof *input->references);
  if (value->kind == FG_NODE_MAP) {
    fg_error_at(diagnostics, value->place, spec->name, "%s is a map; write STAGE, STAGE.PORT or a list of them",
                key->text);
    return;
  }
  if (input->list && count == 0)
    fg_error_at(diagnostics, value->place, spec->name, "%s is an empty list; name at least one output", key->text);
  for (size_t i = 0; i < count; i++)
    if (read_reference(input->list ? value->items[i] : value, spec->name, &input->references[input->count],
                       diagnostics))
      input->count++;
}

static void read_inputs(fg_stage_spec *spec, const fg_node *body, fg_diagnostics *diagnostics) {
  const fg_node *one = fg_node_get(body, "input"), *many = fg_node_get(body, "inputs");
  if (one && many) {
    fg_error_at(diagnostics, fg_node_key(body, "inputs")->place, spec->name,
                "has both input and inputs; keep one of them");
    return;
  }
  if (many && many->kind != FG_NODE_MAP) {
    fg_error_at(diagnostics, many->place, spec->name, "inputs is %s; write inputs: {PORT: STAGE, …} or input: STAGE",
                fg_node_describe(many));
    return;
  }
  spec->inputs = allocate(many ? many->count : 1, sizeof *spec->inputs);
  if (one) read_input(spec, fg_node_key(body, "input"), one, false, diagnostics);
  for (size_t i = 0; many && i < many->count; i++) read_input(spec, many->keys[i], many->items[i], true, diagnostics);
}

/// Outputs stay inside the run's folder: no absolute path, no "..".
static bool stays_inside(const char *file) {
  if (!file[0] || file[0] == '/') return false;
  for (const char *part = file; part; part = strchr(part, '/')) {
    if (*part == '/') part++;
    if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2])) return false;
  }
  return true;
}

static void read_records(fg_stage_spec *spec, const fg_node *body, fg_diagnostics *diagnostics) {
  const fg_node *record = fg_node_get(body, "record");
  if (!record) return;
  if (record->kind != FG_NODE_MAP) {
    fg_error_at(diagnostics, record->place, spec->name, "record is %s; write record: {PORT: FILE.fgs}",
                fg_node_describe(record));
    return;
  }
  spec->records = allocate(record->count, sizeof *spec->records);
  for (size_t i = 0; i < record->count; i++) {
    const char *file = text_of(record->items[i], spec->name, "record's file", diagnostics);
    if (!file) continue;
    if (!stays_inside(file)) {
      fg_error_at(diagnostics, record->items[i]->place, spec->name,
                  "record's file '%s' leaves the run's folder; write a relative path without '..'", file);
      continue;
    }
    spec->records[spec->record_count++] = (fg_record_spec){record->keys[i]->place, record->keys[i]->text, file};
  }
}

static void read_stage(fg_stage_spec *spec, const fg_node *key, const fg_node *body, fg_diagnostics *diagnostics) {
  static const char *const keys[] = {"plugin", "params", "input", "inputs", "record"};
  spec->place = key->place;
  spec->name = key->text;
  if (!is_stage_name(key->text))
    fg_error_at(
        diagnostics, key->place, NULL,
        "'%s' is not a stage name; use letters, digits, '_' and '-', beginning with a letter or '_', at most 64",
        key->text);
  if (body->kind != FG_NODE_MAP) {
    fg_error_at(diagnostics, body->place, spec->name, "is %s; write {plugin: KIND, …}", fg_node_describe(body));
    return;
  }
  refuse_unknown_keys(body, spec->name, "key", keys, COUNT_OF(keys), diagnostics);
  const fg_node *kind = fg_node_get(body, "plugin");
  if (!kind)
    fg_error_at(diagnostics, key->place, spec->name,
                "has no plugin; add plugin: KIND ('finegrain plugins' lists them)");
  if (kind) {
    spec->kind_place = kind->place;
    spec->kind = text_of(kind, spec->name, "plugin", diagnostics);
  }
  spec->params = fg_node_get(body, "params");
  if (spec->params && spec->params->kind == FG_NODE_SCALAR && spec->params->plain && !spec->params->text[0])
    spec->params = NULL;
  if (spec->params && spec->params->kind != FG_NODE_MAP) {
    fg_error_at(diagnostics, spec->params->place, spec->name, "params is %s; write params: {NAME: VALUE, …}",
                fg_node_describe(spec->params));
    spec->params = NULL;
  }
  read_inputs(spec, body, diagnostics);
  read_records(spec, body, diagnostics);
}

static void read_stream(fg_pipeline *pipeline, const fg_node *stream, fg_diagnostics *diagnostics) {
  static const char *const keys[] = {"compression", "buffer"};
  if (stream->kind != FG_NODE_MAP) {
    fg_error_at(diagnostics, stream->place, NULL, "stream is %s; write stream: {compression: zstd:1, buffer: 64 MiB}",
                fg_node_describe(stream));
    return;
  }
  refuse_unknown_keys(stream, NULL, "key of stream", keys, COUNT_OF(keys), diagnostics);
  const fg_node *compression = fg_node_get(stream, "compression"), *buffer = fg_node_get(stream, "buffer");
  const char *text = compression ? text_of(compression, NULL, "compression", diagnostics) : NULL;
  int64_t number = 0;
  if (text && strcmp(text, "none") == 0)
    pipeline->zstd_level = 0;
  else if (text && strncmp(text, "zstd:", 5) == 0 && fg_scalar_integer(text + 5, NULL, &number) == FG_SCALAR_OK &&
           number >= 1 && number <= 19)
    pipeline->zstd_level = (int)number;
  else if (text)
    fg_error_at(diagnostics, compression->place, NULL,
                "compression '%s' is unknown; write none or zstd:LEVEL with a level of 1 to 19", text);
  text = buffer ? text_of(buffer, NULL, "buffer", diagnostics) : NULL;
  fg_scalar_result result = text ? fg_scalar_integer(text, "B", &number) : FG_SCALAR_OK;
  if (text && (result != FG_SCALAR_OK || number < 1))
    fg_error_at(diagnostics, buffer->place, NULL, "buffer '%s' %s; write a size such as 64 MiB", text,
                result ? fg_scalar_reason(result) : "is below 1 byte");
  else if (text)
    pipeline->buffer = (uint64_t)number;
}

static void read_head(fg_pipeline *pipeline, const fg_node *root, fg_diagnostics *diagnostics) {
  const fg_node *version = fg_node_get(root, "finegrain"), *name = fg_node_get(root, "name"),
                *seed = fg_node_get(root, "seed");
  if (!version)
    fg_error_at(diagnostics, root->place, NULL, "the format version is missing; begin the file with 'finegrain: 1'");
  else if (version->kind != FG_NODE_SCALAR || strcmp(version->text, "1") != 0)
    fg_error_at(diagnostics, version->place, NULL,
                "format version %s is not known; this finegrain reads 'finegrain: 1'",
                version->text ? version->text : fg_node_describe(version));
  if (name) {
    const char *text = text_of(name, NULL, "name", diagnostics);
    if (text && (strchr(text, '/') || text[0] == '.' || strlen(text) > 200))
      fg_error_at(diagnostics, name->place, NULL,
                  "name '%s' cannot name a folder; leave out '/', a leading '.', and keep it under 200 characters",
                  text);
    else if (text)
      pipeline->name = text;
  }
  int64_t number = 1;
  const char *text = seed ? text_of(seed, NULL, "seed", diagnostics) : NULL;
  fg_scalar_result result = text ? fg_scalar_integer(text, NULL, &number) : FG_SCALAR_OK;
  if (result != FG_SCALAR_OK || number < 0)
    fg_error_at(diagnostics, seed->place, NULL, "seed '%s' %s; write a whole number, 0 or more", text,
                result ? fg_scalar_reason(result) : "is negative");
  pipeline->seed = (uint64_t)number;
}

/// One --set: its value is a small YAML document of its own, whose places read "--set KEY=VALUE".
static void apply_set(fg_pipeline *pipeline, fg_node *root, const char *set, fg_diagnostics *diagnostics) {
  fg_document *file = pipeline->documents[0];
  char *label = NULL;
  if (asprintf(&label, "--set %s", set) < 0) abort();
  fg_place place = {label, 0, 0}; // lives as long as the diagnostics may print it: until the program ends
  const char *equals = strchr(set, '=');
  char *path = strndup(set, equals ? (size_t)(equals - set) : strlen(set));
  if (!path) abort();
  char *stage = path, *middle = strchr(path, '.'), *key = middle ? strchr(middle + 1, '.') : NULL;
  if (middle) *middle++ = 0;
  if (key) *key++ = 0;
  fg_node *stages = fg_node_get(root, "stages"), *body = stages ? fg_node_get(stages, stage) : NULL;
  bool stream = !body && middle && !key && strcmp(stage, "stream") == 0;
  if (!equals || !middle || (!stream && (!key || !*key || strcmp(middle, "params") != 0))) {
    fg_error_at(diagnostics, place, NULL, "is not of the form stage.params.key=value (or stream.key=value)");
    goto done;
  }
  if (!stream && !body) {
    char hint[512];
    size_t count = stages && stages->kind == FG_NODE_MAP ? stages->count : 0;
    const char **names = allocate(count, sizeof *names);
    for (size_t i = 0; i < count; i++) names[i] = stages->keys[i]->text;
    fg_error_at(diagnostics, place, NULL, "there is no stage '%s'%s", stage,
                fg_suggest(hint, sizeof hint, stage, names, count));
    free(names);
    goto done;
  }
  fg_document *value = fg_yaml_read_text(label, equals + 1, strlen(equals + 1), diagnostics);
  if (!value) goto done;
  pipeline->documents[pipeline->document_count++] = value;
  fg_node *owner = stream ? root : body;
  const char *group = stream ? "stream" : "params";
  fg_node *map = fg_node_get(owner, group);
  if (owner->kind == FG_NODE_MAP && (!map || map->kind != FG_NODE_MAP)) {
    map = fg_node_new_map(file, place);
    fg_node_set(file, owner, group, place, map);
  }
  if (owner->kind == FG_NODE_MAP) fg_node_set(file, map, stream ? middle : key, place, fg_document_root(value));
done:
  free(path);
}

static char *folder_of(const char *file) {
  char whole[PATH_MAX];
  if (!realpath(file, whole)) return strdup(".");
  char *slash = strrchr(whole, '/');
  if (slash == whole) slash++;
  if (slash) *slash = 0;
  return strdup(whole);
}

fg_pipeline *fg_pipeline_read(const char *file, const char *const *sets, size_t set_count,
                              fg_diagnostics *diagnostics) {
  static const char *const keys[] = {"finegrain", "name", "seed", "stages", "stream", "sweep", "exec"};
  fg_document *document = fg_yaml_read_file(file, diagnostics);
  if (!document) return NULL;
  fg_pipeline *pipeline = allocate(1, sizeof *pipeline);
  pipeline->documents = allocate(set_count + 1, sizeof(void *));
  pipeline->documents[pipeline->document_count++] = document;
  pipeline->file = file;
  pipeline->folder = folder_of(file);
  pipeline->name = "run";
  pipeline->zstd_level = 1;
  pipeline->buffer = DEFAULT_BUFFER;
  fg_node *root = fg_document_root(document);
  if (root->kind != FG_NODE_MAP) {
    fg_error_at(diagnostics, root->place, NULL, "a pipeline is a map with finegrain, name and stages; this is %s",
                fg_node_describe(root));
    goto done;
  }
  for (size_t i = 0; i < set_count; i++) apply_set(pipeline, root, sets[i], diagnostics);
  refuse_unknown_keys(root, NULL, "key", keys, COUNT_OF(keys), diagnostics);
  read_head(pipeline, root, diagnostics);
  const fg_node *stream = fg_node_get(root, "stream"), *stages = fg_node_get(root, "stages");
  if (stream) read_stream(pipeline, stream, diagnostics);
  const fg_node *sweep = fg_node_key(root, "sweep");
  if (sweep)
    fg_warning_at(diagnostics, sweep->place, NULL, "sweep is left aside: this runs the pipeline once, as written");
  if (!stages || stages->kind != FG_NODE_MAP || stages->count == 0) {
    fg_error_at(diagnostics, stages ? stages->place : root->place, NULL,
                "there are no stages; add stages: {NAME: {plugin: KIND}, …}");
    goto done;
  }
  pipeline->stages = allocate(stages->count, sizeof *pipeline->stages);
  for (size_t i = 0; i < stages->count; i++)
    read_stage(&pipeline->stages[pipeline->stage_count++], stages->keys[i], stages->items[i], diagnostics);
done:
  if (pipeline->stage_count) return pipeline;
  fg_pipeline_free(pipeline);
  return NULL;
}

void fg_pipeline_free(fg_pipeline *pipeline) {
  if (!pipeline) return;
  for (size_t s = 0; s < pipeline->stage_count; s++) {
    fg_stage_spec *spec = &pipeline->stages[s];
    for (size_t i = 0; i < spec->input_count; i++) {
      for (size_t r = 0; r < spec->inputs[i].count; r++) free((void *)(uintptr_t)spec->inputs[i].references[r].stage);
      free(spec->inputs[i].references);
    }
    free(spec->inputs);
    free(spec->records);
  }
  for (size_t i = 0; i < pipeline->document_count; i++) fg_document_free(pipeline->documents[i]);
  free(pipeline->documents);
  free(pipeline->stages);
  free(pipeline->folder);
  free(pipeline);
}
