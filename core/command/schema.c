// schema.c — finegrain schema: JSON Schema of pipelines, from the descriptors; the reference pages, made of the
// same, are schema_pages.c.
// The JSON Schema is for editors: it refuses nothing sensible that finegrain takes, and as much of what finegrain refuses
// as a schema can. The rest (references that lead nowhere, sizes that do not divide) is left to finegrain check.
#include "command/command.h"

#include "command/schema_pages.h"
#include "config.h"
#include "scalar.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define STAGE_NAME "[A-Za-z_][A-Za-z0-9_-]{0,63}"
#define PORT_NAME "[a-z][a-z0-9_]*"
#define NUMBER "[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?"
#define COMPRESSION "^(none|zstd:([1-9]|1[0-9]))$"
#define CONTROL "\\x00-\\x1f\\x7f"
#define FILE_NAME "[^./" CONTROL "][^/" CONTROL "]*"

// ---- small pieces; each takes what it is given

static json_t *described(json_t *schema, const char *description) {
  json_object_set_new(schema, "description", json_string(description));
  return schema;
}

/// Any of the alternatives, a list of schemas; the only one itself.
static json_t *any_of(json_t *alternatives) {
  json_t *schema = json_array_size(alternatives) == 1 ? json_incref(json_array_get(alternatives, 0))
                                                      : json_pack("{s:O}", "anyOf", alternatives);
  json_decref(alternatives);
  return schema;
}

/// Text as YAML has it: a plain 2026 or true is text, too, where text is asked for. `pattern` may be NULL.
static json_t *text_schema(const char *pattern) {
  return json_pack("{s:[s, s, s], s:s*}", "type", "string", "number", "boolean", "pattern", pattern);
}

static json_t *pattern_schema(const char *pattern) {
  return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

/// Exactly these keys; a map that needs none of them may also be left empty, which YAML calls null.
static json_t *map_schema(json_t *properties, json_t *required) {
  json_t *schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
  if (json_array_size(required))
    json_object_set(schema, "required", required);
  else
    json_object_set_new(schema, "type", json_pack("[s, s]", "object", "null"));
  json_decref(required);
  return schema;
}

// ---- parameters

/// A number with a unit, as text; NULL when numbers of this unit carry none. The words are those of fg_scalar_units.
static json_t *number_with_unit(const char *unit) {
  const char *units = fg_scalar_units(unit);
  if (!units) return NULL;
  char pattern[512] = "^" NUMBER " *(";
  size_t at = strlen(pattern), before = at;
  for (const char *word = units; *word && at + 32 < sizeof pattern;) {
    size_t length = strcspn(word, ", ");
    if (length && strncmp(word, "or ", 3) != 0)
      at += (size_t)snprintf(pattern + at, sizeof pattern - at, "%s%.*s", at > before ? "|" : "", (int)length, word);
    word += length + (word[length] != 0);
  }
  snprintf(pattern + at, sizeof pattern - at, ")$");
  return pattern_schema(pattern);
}

static void set_limit(json_t *schema, const char *key, const char *text, const char *unit, bool integer) {
  int64_t whole;
  double real;
  if (text && integer && fg_scalar_integer(text, unit, &whole) == FG_SCALAR_OK)
    json_object_set_new(schema, key, json_integer(whole));
  if (text && !integer && fg_scalar_real(text, unit, &real) == FG_SCALAR_OK)
    json_object_set_new(schema, key, json_real(real));
}

/// A number, a number with a unit, or a named value.
static json_t *number_schema(const fg_param *param, bool integer) {
  json_t *number = json_pack("{s:s}", "type", integer ? "integer" : "number"), *alternatives = json_array();
  set_limit(number, "minimum", param->min, param->unit, integer);
  set_limit(number, "maximum", param->max, param->unit, integer);
  json_array_append_new(alternatives, number);
  json_t *with_unit = number_with_unit(param->unit);
  if (with_unit) json_array_append_new(alternatives, with_unit);
  json_t *names = json_array();
  for (size_t i = 0; param->names && param->names[i]; i++)
    json_array_append_new(names, json_stringn(param->names[i], strcspn(param->names[i], "=")));
  if (json_array_size(names)) json_array_append_new(alternatives, json_pack("{s:O}", "enum", names));
  json_decref(names);
  return any_of(alternatives);
}

/// The words of a choice; those that a plain YAML scalar makes a number or a truth value are there as such, too.
static json_t *choice_schema(const fg_param *param) {
  json_t *words = json_array();
  for (size_t i = 0; param->choices[i]; i++) {
    json_t *other = json_loads(param->choices[i], JSON_DECODE_ANY, NULL);
    json_array_append_new(words, json_string(param->choices[i]));
    if (json_is_number(other) || json_is_boolean(other)) json_array_append(words, other);
    json_decref(other);
  }
  return json_pack("{s:o}", "enum", words);
}

static json_t *list_schema(json_t *items) { return json_pack("{s:s, s:o}", "type", "array", "items", items); }

static json_t *value_schema(const fg_param *param) {
  switch (param->type) {
  case FG_PARAM_BOOL: return json_pack("{s:s}", "type", "boolean");
  case FG_PARAM_INTEGER: return number_schema(param, true);
  case FG_PARAM_REAL: return number_schema(param, false);
  case FG_PARAM_CHOICE: return choice_schema(param);
  case FG_PARAM_INTEGER_LIST: return list_schema(number_schema(param, true));
  case FG_PARAM_REAL_LIST: return list_schema(number_schema(param, false));
  case FG_PARAM_TEXT_LIST: return list_schema(text_schema(NULL));
  default: return text_schema(NULL);
  }
}

/// The sentence, the range in words and the default.
static json_t *param_schema(const fg_param *param) {
  char range[256], text[2048];
  bool unit = param->unit && param->unit[0] && strcmp(param->unit, "1") != 0;
  snprintf(text, sizeof text, "%s%s(%s%s%s; %s%s)", param->doc ? param->doc : "", param->doc ? " " : "",
           fg_param_describe(param, range, sizeof range), unit ? "; unit " : "", unit ? param->unit : "",
           param->def ? "default " : "required",
           !param->def     ? ""
           : param->def[0] ? param->def
                           : "\"\"");
  return described(value_schema(param), text);
}

static json_t *params_schema(const fg_stage *stage) {
  json_t *params = json_object(), *required = json_array();
  for (size_t i = 0; stage->params[i]; i++) {
    json_object_set_new(params, stage->params[i]->name, param_schema(stage->params[i]));
    if (!stage->params[i]->def) json_array_append_new(required, json_string(stage->params[i]->name));
  }
  return map_schema(params, required);
}

// ---- ports

/// A port's own sentence beside the reference: draft-07 looks at nothing beside a $ref, so it stands in an allOf.
static json_t *port_schema(const fg_port *port) {
  const char *kind = port->flags & FG_PORT_MANY ? "#/definitions/references" : "#/definitions/reference";
  return described(json_pack("{s:[{s:s}]}", "allOf", "$ref", kind), port->doc ? port->doc : "");
}

/// What a stage may say of its inputs: `inputs` by name, and `input` when there is one, or one that must be connected.
/// Adds to `properties`; returns what must be there.
static json_t *add_inputs(const fg_stage *stage, json_t *properties) {
  json_t *ports = json_object(), *needed = json_array();
  const fg_port *sole = stage->inputs[0];
  size_t count = 0;
  for (; stage->inputs[count]; count++) {
    const fg_port *port = stage->inputs[count];
    json_object_set_new(ports, port->name, port_schema(port));
    if (port->flags & FG_PORT_OPTIONAL) continue;
    json_array_append_new(needed, json_string(port->name));
    sole = port;
  }
  size_t must = json_array_size(needed);
  bool has_sole = count == 1 || must == 1;
  json_object_set_new(properties, "inputs", map_schema(ports, needed));
  json_object_set_new(properties, "input", has_sole ? port_schema(sole) : json_false());
  if (!must) return json_object();
  return has_sole ? json_pack("{s:[{s:[s]}, {s:[s]}]}", "anyOf", "required", "input", "required", "inputs")
                  : json_pack("{s:[s]}", "required", "inputs");
}

static json_t *record_schema(const fg_stage *stage) {
  json_t *ports = json_object();
  for (size_t i = 0; stage->outputs[i]; i++)
    if (stage->outputs[i]->kinds != FG_TABLE)
      json_object_set_new(ports, stage->outputs[i]->name, json_pack("{s:s}", "$ref", "#/definitions/file"));
  return map_schema(ports, json_array());
}

// ---- the whole

/// {"if": the plugin is this kind, "then": its params, inputs and records}
static json_t *kind_schema(const fg_stage *stage) {
  json_t *properties = json_object(), *params = params_schema(stage);
  bool params_needed = json_object_get(params, "required") != NULL;
  json_object_set_new(properties, "params", params);
  json_t *then = add_inputs(stage, properties);
  json_object_set_new(properties, "record", record_schema(stage));
  json_object_set_new(then, "properties", properties);
  if (params_needed) {
    json_t *required = json_object_get(then, "required");
    if (!required) json_object_set_new(then, "required", required = json_array());
    json_array_append_new(required, json_string("params"));
  }
  return json_pack("{s:{s:[s], s:{s:{s:s}}}, s:o}", "if", "required", "plugin", "properties", "plugin", "const",
                   stage->kind, "then", then);
}

static json_t *stage_schema(const fg_registry *registry) {
  json_t *kinds = json_array(), *names = json_array();
  for (size_t i = 0; i < fg_registry_count(registry); i++) {
    const fg_stage *stage = &fg_registry_at(registry, i)->stage;
    json_array_append_new(names, json_pack("{s:s, s:s}", "const", stage->kind, "description", stage->summary));
    json_array_append_new(kinds, kind_schema(stage));
  }
  json_t *properties = json_pack(
      "{s:o, s:o, s:o, s:o, s:o}", "plugin", described(any_of(names), "What the stage does: a kind of stage."),
      "params", described(json_object(), "How it does it; absent when every parameter has a default."), "input",
      described(
          json_object(),
          "Where its only input, or the only one it needs, comes from: STAGE, STAGE.PORT, or a list where the port takes one."),
      "inputs", described(json_object(), "Where each input comes from: {PORT: STAGE, …}."), "record",
      described(
          json_object(),
          "Outputs to keep in the run's folder: configurations as {PORT: FILE.fgs}, models as {PORT: FILE.json}."));
  json_t *schema = map_schema(properties, json_pack("[s]", "plugin"));
  json_object_set_new(
      schema, "not",
      json_pack("{s:[s, s], s:{s:{s:s}}}", "required", "input", "inputs", "properties", "inputs", "type", "object"));
  json_object_set_new(schema, "allOf", kinds);
  return schema;
}

static json_t *stream_schema(void) {
  json_t *sizes = json_pack("[{s:s, s:i}, o]", "type", "integer", "minimum", 1, number_with_unit("B"));
  json_t *times =
      json_pack("[{s:s, s:i}, o, {s:s}]", "type", "number", "minimum", 0, number_with_unit("s"), "const", "none");
  json_t *properties =
      json_pack("{s:o, s:o, s:o}", "compression",
                described(pattern_schema(COMPRESSION), "none, or zstd:LEVEL with a level of 1 to 19."), "buffer",
                described(any_of(sizes), "Memory of all edges together, e.g. 64 MiB."), "checkpoint",
                described(any_of(times), "Time between checkpoints, e.g. 10 min, or none."));
  return map_schema(properties, json_array());
}

/// What an axis, a zip or an included point names.
#define SWEPT "^(stream\\.[a-z_]+|" STAGE_NAME "(\\.(plugin|input|params\\.[a-z][a-z0-9_]*|inputs\\." PORT_NAME "))?)$"

/// A map from paths to whatever `values` allows.
static json_t *swept_schema(json_t *values) {
  return json_pack("{s:s, s:i, s:b, s:{s:o}}", "type", "object", "minProperties", 1, "additionalProperties", 0,
                   "patternProperties", SWEPT, values);
}

static json_t *list_of(json_t *items) { return json_pack("{s:[s, s], s:o}", "type", "array", "null", "items", items); }

static json_t *count_schema(void) {
  return json_pack("{s:[s, s], s:i, s:i}", "type", "integer", "null", "minimum", 1, "maximum", 100000);
}

static json_t *sweep_schema(void) {
  json_t *list = json_pack("{s:s, s:i}", "type", "array", "minItems", 1);
  json_t *three =
      json_pack("{s:s, s:{s:s}, s:i, s:i}", "type", "array", "items", "type", "number", "minItems", 3, "maxItems", 3);
  json_t *range = json_pack("{s:s, s:{s:O}, s:[s], s:b}", "type", "object", "properties", "range", three, "required",
                            "range", "additionalProperties", 0);
  json_t *linspace = json_pack("{s:s, s:{s:o}, s:[s], s:b}", "type", "object", "properties", "linspace", three,
                               "required", "linspace", "additionalProperties", 0);
  json_t *properties = json_pack(
      "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "axes",
      described(swept_schema(any_of(json_pack("[O, o, o]", list, range, linspace))),
                "What is varied: {STAGE.params.KEY: [VALUE, ...]}; every combination is a point."),
      "zip", described(list_of(swept_schema(list)), "Values that go together, multiplied with the axes."), "exclude",
      described(list_of(swept_schema(json_object())), "Points to leave out, by their values."), "include",
      described(list_of(swept_schema(json_object())), "Further points, whole."), "replicas",
      described(count_schema(), "Runs of each point with seeds of their own."), "share",
      described(list_of(text_schema("^" STAGE_NAME "$")),
                "Stages that points which agree on them read from one recorded stream."),
      "baseline", described(swept_schema(json_object()), "The arm that others are compared with."), "on_error",
      described(json_pack("{s:[s, s, n]}", "enum", "continue", "stop"), "Whether a failed point stops the sweep."));
  return map_schema(properties, json_array());
}

static json_t *exec_schema(void) {
  json_t *properties =
      json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "engine",
                described(json_pack("{s:[s, s, n]}", "enum", "local", "slurm"), "Where a sweep's workers run."), "jobs",
                described(count_schema(), "local: workers at once."), "workers",
                described(count_schema(), "slurm: tasks of the array."), "threads",
                described(count_schema(), "Threads of each run."), "time",
                described(text_schema(NULL), "slurm: time limit of a worker, as sbatch takes it."), "sbatch",
                described(list_of(pattern_schema("^--")), "slurm: further options of sbatch."));
  return map_schema(properties, json_array());
}

static json_t *definitions(const fg_registry *registry) {
  json_t *output = pattern_schema("^" STAGE_NAME "(\\." PORT_NAME ")?$"), *list = json_object();
  json_object_update_new(
      list, json_pack("{s:s, s:i, s:{s:s}}", "type", "array", "minItems", 1, "items", "$ref", "#/definitions/output"));
  json_t *one = json_copy(list);
  json_object_set_new(one, "maxItems", json_integer(1));
  return json_pack("{s:o, s:o, s:o, s:o, s:o}", "stage", stage_schema(registry), "output", output, "reference",
                   any_of(json_pack("[{s:s}, o]", "$ref", "#/definitions/output", one)), "references",
                   any_of(json_pack("[{s:s}, o]", "$ref", "#/definitions/output", list)), "file",
                   text_schema("^" FILE_NAME "(/" FILE_NAME ")*$"));
}

static json_t *head_properties(void) {
  json_t *name = text_schema("^" FILE_NAME "$");
  json_object_set_new(name, "maxLength", json_integer(200));
  json_t *seed = json_pack("{s:s, s:i, s:I}", "type", "integer", "minimum", 0, "maximum", (json_int_t)INT64_MAX);
  json_t *stages =
      json_pack("{s:s, s:i, s:b, s:{s:{s:s}}}", "type", "object", "minProperties", 1, "additionalProperties", 0,
                "patternProperties", "^" STAGE_NAME "$", "$ref", "#/definitions/stage");
  return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "finegrain",
                   described(json_pack("{s:i}", "const", 1), "Version of this format."), "name",
                   described(name, "Names the run's folder."), "seed",
                   described(seed, "Every random number of the run follows from it; default 1."), "stages",
                   described(stages, "The stages by name, in any order."), "stream",
                   described(stream_schema(), "How batches travel between stages."), "sweep",
                   described(sweep_schema(), "Many runs from this file."), "exec",
                   described(exec_schema(), "How a sweep is run."));
}

static void print_json(const fg_registry *registry) {
  json_t *root =
      json_pack("{s:s, s:s}", "$schema", "http://json-schema.org/draft-07/schema#", "title", "finegrain pipeline");
  json_object_update_new(root, map_schema(head_properties(), json_pack("[s, s]", "finegrain", "stages")));
  json_object_set_new(root, "definitions", definitions(registry));
  json_dumpf(root, stdout, JSON_INDENT(1));
  putchar('\n');
  json_decref(root);
}

static int schema_main(const fg_command *command, int argc, char **argv) {
  const char *plugin_path = NULL, *out = NULL;
  bool markdown = false;
  const fg_option options[] = {{"--markdown", FG_OPTION_FLAG, &markdown},
                               {"--out", FG_OPTION_TEXT, &out},
                               {"--plugin-path", FG_OPTION_TEXT, &plugin_path}};
  const char *word;
  int words = fg_arguments_read(command, argc, argv, options, sizeof options / sizeof *options, &word, 0, 0);
  if (words < 0) return words == -2 ? FG_EXIT_DONE : FG_EXIT_USAGE;
  if (out && !markdown) {
    fputs("finegrain schema: --out takes the pages of --markdown; send the JSON Schema to a file with >\n", stderr);
    return FG_EXIT_USAGE;
  }
  fg_error error = {0};
  fg_status status = FG_OK;
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  fg_registry *registry = fg_registry_load(plugin_path, diagnostics);
  fg_registry_note_failures(registry, diagnostics);
  fg_diagnostics_print(diagnostics, stderr);
  if (out)
    status = fg_schema_write_pages(registry, out, &error);
  else if (markdown)
    fg_schema_print_pages(registry, stdout);
  else
    print_json(registry);
  if (status != FG_OK) fprintf(stderr, "finegrain schema: error: %s\n", error.text);
  int code = status != FG_OK ? FG_EXIT_FAILED : fg_diagnostics_errors(diagnostics) ? FG_EXIT_CONFIG : FG_EXIT_DONE;
  fg_registry_free(registry);
  fg_diagnostics_free(diagnostics);
  return code;
}

const fg_command fg_command_schema = {
    "schema",
    "JSON Schema of pipelines, or the reference pages, from the plugins' descriptors",
    "usage: finegrain schema [--markdown [--out DIR]] [--plugin-path DIRS]\n\n"
    "Editors that know YAML complete and check a pipeline that begins with\n"
    "  # yaml-language-server: $schema=PATH/pipeline.schema.json\n"
    "The one with the built-in plugins is in schemas/ and in PREFIX/share/finegrain/schemas/; make your own when you have\n"
    "plugins of your own.\n\n"
    "  --markdown   the reference pages instead, one after the other\n"
    "  --out DIR    into this folder: a page a group of stages (sampler.md, network.md, ...) and README.md, which lists them\n\n"
    "Exit: 0 done, 1 a page could not be written, 2 wrong usage, 78 plugins contradict each other.",
    schema_main,
};
