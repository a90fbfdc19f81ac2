// pipeline.c — see pipeline.h.
#include "pipeline.h"

#include "scalar.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define MOST_STAGES 1000u
#define DEFAULT_BUFFER ((uint64_t)64 << 20)
#define DEFAULT_CHECKPOINT 30.0 // seconds

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

/// The text of a scalar node; records an error and returns NULL for anything else, also for nothing.
static const char *text_of(const fg_node *node, const char *stage, const char *key, fg_diagnostics *diagnostics) {
  if (node->kind == FG_NODE_SCALAR && !fg_node_is_null(node)) return node->text;
  fg_error_at(diagnostics, node->place, stage, "%s: got %s; expected a single value", key, fg_node_describe(node));
  return NULL;
}

/// Value of `key` in a map; NULL when it is absent or nothing was written.
static const fg_node *given(const fg_node *map, const char *key) {
  const fg_node *node = fg_node_get(map, key);
  return node && !fg_node_is_null(node) ? node : NULL;
}

static bool read_reference(const fg_node *node, const char *stage, fg_reference *reference,
                           fg_diagnostics *diagnostics) {
  if (node->kind != FG_NODE_SCALAR || fg_node_is_null(node)) {
    fg_error_at(diagnostics, node->place, stage,
                "got %s instead of a reference to an output; write STAGE or STAGE.PORT", fg_node_describe(node));
    return false;
  }
  const char *text = node->text;
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
    fg_error_at(diagnostics, value->place, spec->name, "%s: got a map; write STAGE, STAGE.PORT or a list of them",
                key->text);
    return;
  }
  if (input->list && count == 0)
    fg_error_at(diagnostics, value->place, spec->name, "%s: got an empty list; name at least one output", key->text);
  for (size_t i = 0; i < count; i++)
    if (read_reference(input->list ? value->items[i] : value, spec->name, &input->references[input->count],
                       diagnostics))
      input->count++;
}

static void read_inputs(fg_stage_spec *spec, const fg_node *body, fg_diagnostics *diagnostics) {
  const fg_node *one = fg_node_get(body, "input"), *many = given(body, "inputs");
  if (one && many) {
    fg_error_at(diagnostics, fg_node_key(body, "inputs")->place, spec->name,
                "has both input and inputs; keep one of them");
    one = NULL;
  }
  if (many && many->kind != FG_NODE_MAP) {
    fg_error_at(diagnostics, many->place, spec->name, "inputs: got %s; write inputs: {PORT: STAGE, …} or input: STAGE",
                fg_node_describe(many));
    return;
  }
  spec->inputs = allocate(many ? many->count : 1, sizeof *spec->inputs);
  if (one) read_input(spec, fg_node_key(body, "input"), one, false, diagnostics);
  for (size_t i = 0; many && i < many->count; i++) read_input(spec, many->keys[i], many->items[i], true, diagnostics);
}

/// Why a recorded output cannot have this name, and what to do; NULL when it can. Outputs stay inside the run's folder and
/// away from the run's own files there.
static const char *record_fault(const char *file) {
  static const char *const own[] = {"pipeline.yaml", "results.h5",  "summary.csv",  "report.html",
                                    "log.txt",       "status.json", "manifest.json"};
  if (file[0] == '/') return "leaves the run's folder; write a relative path";
  for (const char *part = file; part; part = strchr(part, '/')) {
    part += part != file;
    size_t length = strcspn(part, "/");
    if (length == 2 && strncmp(part, "..", 2) == 0)
      return "leaves the run's folder; write a relative path without '..'";
    if (length == 0) return "names no file; write a path such as sample.fgs";
    if (part[0] == '.') return "has a part that begins with '.'; such names are the run's own, choose another";
    if (length > 200) return "has a part of more than 200 bytes; shorten it";
  }
  for (const char *c = file; *c; c++)
    if ((unsigned char)*c < 32 || *c == 127) return "has a control character; leave it out";
  for (size_t i = 0; i < COUNT_OF(own); i++)
    if (strcmp(file, own[i]) == 0) return "is a file of the run itself; choose another name, such as sample.fgs";
  return NULL;
}

/// Two files cannot have one name, and a file's name cannot be a folder's.
static bool collide(const char *a, const char *b) {
  size_t m = strlen(a), n = strlen(b), shorter = m < n ? m : n;
  if (strncmp(a, b, shorter) != 0) return false;
  return m == n || (m < n ? b : a)[shorter] == '/';
}

static void refuse_collisions(const fg_pipeline *pipeline, const fg_stage_spec *spec, const fg_record_spec *record,
                              fg_diagnostics *diagnostics) {
  for (const fg_stage_spec *other = pipeline->stages; other <= spec; other++)
    for (size_t i = 0; i < other->record_count && &other->records[i] != record; i++) {
      const fg_record_spec *r = &other->records[i];
      if (collide(r->file, record->file)) {
        fg_error_at(diagnostics, record->place, spec->name,
                    "record's file '%s' is in the way of '%s' of %s in line %u; choose another name", record->file,
                    r->file, other->name, r->place.line);
        return;
      }
    }
}

static void read_records(fg_stage_spec *spec, const fg_node *body, fg_diagnostics *diagnostics) {
  const fg_node *record = given(body, "record");
  if (!record) return;
  if (record->kind != FG_NODE_MAP) {
    fg_error_at(diagnostics, record->place, spec->name, "record: got %s; write record: {PORT: FILE.fgs}",
                fg_node_describe(record));
    return;
  }
  spec->records = allocate(record->count, sizeof *spec->records);
  for (size_t i = 0; i < record->count; i++) {
    const char *file = text_of(record->items[i], spec->name, "record's file", diagnostics);
    if (!file) continue;
    const char *fault = record_fault(file);
    if (fault) {
      fg_error_at(diagnostics, record->items[i]->place, spec->name, "record's file '%s' %s", file, fault);
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
    fg_error_at(diagnostics, body->place, spec->name, "got %s instead of a stage; write {plugin: KIND, …}",
                fg_node_describe(body));
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
  spec->params = given(body, "params");
  if (spec->params && spec->params->kind != FG_NODE_MAP) {
    fg_error_at(diagnostics, spec->params->place, spec->name, "params: got %s; write params: {NAME: VALUE, …}",
                fg_node_describe(spec->params));
    spec->params = NULL;
  }
  read_inputs(spec, body, diagnostics);
  read_records(spec, body, diagnostics);
}

static void read_stream(fg_pipeline *pipeline, const fg_node *stream, fg_diagnostics *diagnostics) {
  static const char *const keys[] = {"compression", "buffer", "checkpoint"};
  if (stream->kind != FG_NODE_MAP) {
    fg_error_at(diagnostics, stream->place, NULL, "stream: got %s; write stream: {compression: zstd:1, buffer: 64 MiB}",
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

static void read_checkpoint(fg_pipeline *pipeline, const fg_node *stream, fg_diagnostics *diagnostics) {
  const fg_node *node = fg_node_get(stream, "checkpoint");
  const char *text = node ? text_of(node, NULL, "checkpoint", diagnostics) : NULL;
  double seconds = 0;
  if (!text) return;
  fg_scalar_result result = strcmp(text, "none") == 0 ? FG_SCALAR_OK : fg_scalar_real(text, "s", &seconds);
  if (result != FG_SCALAR_OK || seconds < 0)
    fg_error_at(diagnostics, node->place, NULL, "checkpoint '%s' %s; write a time such as 30 s or 10 min, or none",
                text, result ? fg_scalar_reason(result) : "is negative");
  else
    pipeline->checkpoint = seconds;
}

/// A scalar as a whole number; a number in quotes is text.
static fg_scalar_result read_whole(const fg_node *node, int64_t *number) {
  return node->plain ? fg_scalar_integer(node->text, NULL, number) : FG_SCALAR_NOT_A_NUMBER;
}

static void read_version(const fg_node *root, fg_diagnostics *diagnostics) {
  const fg_node *version = fg_node_get(root, "finegrain");
  int64_t number = 0;
  if (!version)
    fg_error_at(diagnostics, root->place, NULL, "the format version is missing; begin the file with 'finegrain: 1'");
  else if (version->kind != FG_NODE_SCALAR || fg_node_is_null(version))
    fg_error_at(diagnostics, version->place, NULL, "got %s instead of a format version; write 'finegrain: 1'",
                fg_node_describe(version));
  else if (read_whole(version, &number) != FG_SCALAR_OK || number != 1)
    fg_error_at(diagnostics, version->place, NULL,
                "format version %s%s%s is not known; this finegrain reads 'finegrain: 1'", version->plain ? "" : "\"",
                version->text, version->plain ? "" : "\"");
}

static void read_name(fg_pipeline *pipeline, const fg_node *node, fg_diagnostics *diagnostics) {
  const char *text = text_of(node, NULL, "name", diagnostics);
  if (!text) return;
  bool sound = text[0] && text[0] != '.' && strlen(text) <= 200;
  for (const char *c = text; *c; c++) sound &= *c != '/' && (unsigned char)*c >= 32 && *c != 127;
  pipeline->name = sound ? text : pipeline->name;
  if (!sound)
    fg_error_at(
        diagnostics, node->place, NULL,
        "name '%s' cannot name a folder; write 1 to 200 bytes without '/', control characters and a leading '.'", text);
}

static void read_seed(fg_pipeline *pipeline, const fg_node *node, fg_diagnostics *diagnostics) {
  int64_t number = 0;
  if (!text_of(node, NULL, "seed", diagnostics)) return;
  fg_scalar_result result = read_whole(node, &number);
  if (result != FG_SCALAR_OK || number < 0)
    fg_error_at(diagnostics, node->place, NULL, "seed '%s' %s; write a whole number, 0 to %" PRId64, node->text,
                !node->plain             ? "in quotes is text"
                : result != FG_SCALAR_OK ? fg_scalar_reason(result)
                                         : "is negative",
                INT64_MAX);
  else
    pipeline->seed = (uint64_t)number;
}

static void read_stages(fg_pipeline *pipeline, const fg_node *root, fg_diagnostics *diagnostics) {
  const fg_node *stages = given(root, "stages");
  if (stages && stages->kind != FG_NODE_MAP) {
    fg_error_at(diagnostics, stages->place, NULL, "stages: got %s; write stages: {NAME: {plugin: KIND}, …}",
                fg_node_describe(stages));
    return;
  }
  if (!stages || stages->count == 0) {
    fg_error_at(diagnostics, stages ? stages->place : root->place, NULL,
                "there are no stages; add stages: {NAME: {plugin: KIND}, …}");
    return;
  }
  if (stages->count > MOST_STAGES) {
    fg_error_at(diagnostics, stages->place, NULL,
                "there are %zu stages; a pipeline has at most %u, for each is a thread", stages->count, MOST_STAGES);
    return;
  }
  pipeline->stages = allocate(stages->count, sizeof *pipeline->stages);
  for (size_t i = 0; i < stages->count; i++) {
    fg_stage_spec *spec = &pipeline->stages[pipeline->stage_count++];
    read_stage(spec, stages->keys[i], stages->items[i], diagnostics);
    for (size_t r = 0; r < spec->record_count; r++) refuse_collisions(pipeline, spec, &spec->records[r], diagnostics);
  }
}

static char *folder_of(const char *file) {
  char whole[PATH_MAX];
  if (!realpath(file, whole)) return strdup(".");
  char *slash = strrchr(whole, '/');
  if (slash == whole) slash++;
  if (slash) *slash = 0;
  return strdup(whole);
}

/// One --set: its value is a small YAML document of its own, whose places read "--set KEY=VALUE".
static void apply_set(fg_pipeline_file *file, const char *set, fg_diagnostics *diagnostics) {
  char *label = NULL;
  if (asprintf(&label, "--set %s", set) < 0) abort();
  fg_diagnostics_mention(diagnostics, label);
  const fg_place place = {label, 0, 0};
  const char *equals = strchr(set, '=');
  char *path = strndup(set, equals ? (size_t)(equals - set) : strlen(set));
  if (!path) abort();
  if (!equals || !fg_override_sets_value(path)) {
    fg_error_at(diagnostics, place, NULL, "this is not of the form stage.params.key=value or stream.key=value");
  } else if (fg_override_check(file->root, path, place, diagnostics)) {
    fg_document *value = fg_yaml_read_value(label, equals + 1, diagnostics);
    if (value) {
      file->documents[file->document_count++] = value;
      fg_node *node = fg_document_root(value);
      fg_override_apply(file->documents[0], file->root, &(fg_override){path, node->place, node});
    }
  }
  free(path);
  free(label);
}

fg_pipeline_file *fg_pipeline_open(const char *path, const char *const *sets, size_t set_count,
                                   fg_diagnostics *diagnostics) {
  fg_diagnostics_mention(diagnostics, path);
  fg_document *document = fg_yaml_read_file(path, diagnostics);
  if (!document) return NULL;
  fg_pipeline_file *file = allocate(1, sizeof *file);
  file->path = path;
  file->folder = folder_of(path);
  file->root = fg_document_root(document);
  file->documents = allocate(set_count + 1, sizeof(void *));
  file->documents[file->document_count++] = document;
  if (file->root->kind == FG_NODE_MAP) {
    for (size_t i = 0; i < set_count; i++) apply_set(file, sets[i], diagnostics);
    return file;
  }
  fg_error_at(diagnostics, file->root->place, NULL,
              "got %s instead of a pipeline; write a map with finegrain, name and stages",
              fg_node_describe(file->root));
  fg_pipeline_close(file);
  return NULL;
}

void fg_pipeline_close(fg_pipeline_file *file) {
  if (!file) return;
  for (size_t i = 0; i < file->document_count; i++) fg_document_free(file->documents[i]);
  free(file->documents);
  free(file->folder);
  free(file);
}

fg_pipeline *fg_pipeline_make(const fg_pipeline_file *file, const fg_override *overrides, size_t count,
                              fg_diagnostics *diagnostics) {
  static const char *const keys[] = {"finegrain", "name", "seed", "stages", "stream", "sweep", "exec"};
  fg_pipeline *pipeline = allocate(1, sizeof *pipeline);
  pipeline->file = file->path;
  pipeline->folder = file->folder;
  pipeline->name = "run";
  pipeline->seed = 1;
  pipeline->zstd_level = 1;
  pipeline->buffer = DEFAULT_BUFFER;
  pipeline->checkpoint = DEFAULT_CHECKPOINT;
  fg_node *root = count ? fg_node_copy(file->documents[0], file->root) : file->root;
  for (size_t i = 0; i < count; i++)
    if (fg_override_check(root, overrides[i].path, overrides[i].place, diagnostics))
      fg_override_apply(file->documents[0], root, &overrides[i]);
  refuse_unknown_keys(root, NULL, "key", keys, COUNT_OF(keys), diagnostics);
  read_version(root, diagnostics);
  const fg_node *name = fg_node_get(root, "name"), *seed = fg_node_get(root, "seed"), *stream = given(root, "stream");
  if (name) read_name(pipeline, name, diagnostics);
  if (seed) read_seed(pipeline, seed, diagnostics);
  if (stream) read_stream(pipeline, stream, diagnostics);
  if (stream && stream->kind == FG_NODE_MAP) read_checkpoint(pipeline, stream, diagnostics);
  read_stages(pipeline, root, diagnostics);
  if (pipeline->stage_count) return pipeline;
  fg_pipeline_free(pipeline);
  return NULL;
}

fg_pipeline *fg_pipeline_read(const char *path, const char *const *sets, size_t set_count,
                              fg_diagnostics *diagnostics) {
  fg_pipeline_file *file = fg_pipeline_open(path, sets, set_count, diagnostics);
  if (!file) return NULL;
  const fg_node *sweep = fg_node_key(file->root, "sweep");
  if (sweep)
    fg_warning_at(diagnostics, sweep->place, NULL,
                  "sweep is left aside: this runs the pipeline once, as written; 'finegrain sweep run' runs all of it");
  fg_pipeline *pipeline = fg_pipeline_make(file, NULL, 0, diagnostics);
  if (pipeline)
    pipeline->own = file;
  else
    fg_pipeline_close(file);
  return pipeline;
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
  free(pipeline->stages);
  fg_pipeline_close(pipeline->own);
  free(pipeline);
}
