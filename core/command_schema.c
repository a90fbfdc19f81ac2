// command_schema.c — finegrain schema: JSON Schema of pipelines, or reference pages in Markdown, from the descriptors.
#include "command.h"

#include "config.h"
#include "scalar.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define STAGE_NAME "^[A-Za-z_][A-Za-z0-9_-]{0,63}$"
#define REFERENCE "^[A-Za-z_][A-Za-z0-9_-]{0,63}(\\.[a-z][a-z0-9_]*)?$"

static void set_limit(json_t *schema, const char *key, const char *text, const char *unit, bool integer) {
  int64_t whole;
  double real;
  if (text && integer && fg_scalar_integer(text, unit, &whole) == FG_SCALAR_OK)
    json_object_set_new(schema, key, json_integer(whole));
  if (text && !integer && fg_scalar_real(text, unit, &real) == FG_SCALAR_OK)
    json_object_set_new(schema, key, json_real(real));
}

/// A number, a named value, or a number with a unit.
static json_t *number_schema(const fg_param *param, bool integer) {
  json_t *number = json_pack("{s:s}", "type", integer ? "integer" : "number");
  set_limit(number, "minimum", param->min, param->unit, integer);
  set_limit(number, "maximum", param->max, param->unit, integer);
  bool unit = param->unit && (strcmp(param->unit, "B") == 0 || strcmp(param->unit, "s") == 0);
  if (!unit && !(param->names && param->names[0])) return number;
  json_t *any = json_array();
  json_array_append_new(any, number);
  if (unit) json_array_append_new(any, json_pack("{s:s, s:s}", "type", "string", "pattern", "^[0-9.eE+]+ ?[A-Za-z]+$"));
  json_t *names = json_array();
  for (size_t i = 0; param->names && param->names[i]; i++) {
    const char *equals = strchr(param->names[i], '=');
    json_array_append_new(
        names, json_stringn(param->names[i], equals ? (size_t)(equals - param->names[i]) : strlen(param->names[i])));
  }
  if (json_array_size(names)) json_array_append_new(any, json_pack("{s:O}", "enum", names));
  json_decref(names);
  return json_pack("{s:o}", "anyOf", any);
}

static json_t *param_schema(const fg_param *param) {
  json_t *schema = NULL;
  switch (param->type) {
  case FG_PARAM_BOOL: schema = json_pack("{s:s}", "type", "boolean"); break;
  case FG_PARAM_INTEGER: schema = number_schema(param, true); break;
  case FG_PARAM_REAL: schema = number_schema(param, false); break;
  case FG_PARAM_INTEGER_LIST:
    schema = json_pack("{s:s, s:o}", "type", "array", "items", number_schema(param, true));
    break;
  case FG_PARAM_REAL_LIST:
    schema = json_pack("{s:s, s:o}", "type", "array", "items", number_schema(param, false));
    break;
  case FG_PARAM_TEXT_LIST: schema = json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string"); break;
  case FG_PARAM_CHOICE:
    schema = json_pack("{s:[]}", "enum");
    for (size_t i = 0; param->choices[i]; i++)
      json_array_append_new(json_object_get(schema, "enum"), json_string(param->choices[i]));
    break;
  default: schema = json_pack("{s:s}", "type", "string"); break;
  }
  char description[1024];
  bool unit = param->unit && param->unit[0] && strcmp(param->unit, "1") != 0;
  snprintf(description, sizeof description, "%s%s%s%s%s%s", param->doc ? param->doc : "", unit ? " Unit: " : "",
           unit ? param->unit : "", unit ? "." : "", param->def ? " Default: " : "", param->def ? param->def : "");
  json_object_set_new(schema, "description", json_string(description));
  return schema;
}

/// {"if": {plugin is this kind}, "then": {its params and inputs}}
static json_t *kind_schema(const fg_stage *stage) {
  json_t *params = json_object(), *required = json_array(), *ports = json_object();
  for (size_t i = 0; stage->params[i]; i++) {
    json_object_set_new(params, stage->params[i]->name, param_schema(stage->params[i]));
    if (!stage->params[i]->def) json_array_append_new(required, json_string(stage->params[i]->name));
  }
  for (size_t i = 0; stage->inputs[i]; i++)
    json_object_set_new(
        ports, stage->inputs[i]->name,
        json_pack("{s:s}", "$ref",
                  stage->inputs[i]->flags & FG_PORT_MANY ? "#/definitions/references" : "#/definitions/reference"));
  json_t *then = json_pack("{s:{s:{s:s, s:o, s:b, s:O}, s:{s:s, s:o, s:b}}}", "properties", "params", "type", "object",
                           "properties", params, "additionalProperties", 0, "required", required, "inputs", "type",
                           "object", "properties", ports, "additionalProperties", 0);
  if (json_array_size(required)) json_object_set_new(then, "required", json_pack("[s]", "params"));
  json_decref(required);
  return json_pack("{s:{s:{s:{s:s}}}, s:o}", "if", "properties", "plugin", "const", stage->kind, "then", then);
}

static void print_json(const fg_registry *registry) {
  json_t *kinds = json_array(), *names = json_array();
  for (size_t i = 0; i < fg_registry_count(registry); i++) {
    const fg_stage *stage = &fg_registry_at(registry, i)->stage;
    json_array_append_new(names, json_pack("{s:s, s:s}", "const", stage->kind, "description", stage->summary));
    json_array_append_new(kinds, kind_schema(stage));
  }
  json_t *stage =
      json_pack("{s:s, s:[s], s:b, s:{s:{s:o}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s, s:{s:s}}}, s:o}", "type", "object",
                "required", "plugin", "additionalProperties", 0, "properties", "plugin", "anyOf", names, "params",
                "type", "object", "input", "$ref", "#/definitions/references", "inputs", "type", "object", "record",
                "type", "object", "additionalProperties", "type", "string", "allOf", kinds);
  json_t *root = json_pack(
      "{s:s, s:s, s:s, s:[s, s], s:b, s:{s:{s:i}, s:{s:s}, s:{s:s, s:i}, s:{s:s, s:i, s:b, s:{s:{s:s}}}, s:{s:s, s:b, s:{s:{s:s, s:s}, s:{s:[s, s]}}}, s:{s:s}, s:{s:s}}}",
      "$schema", "http://json-schema.org/draft-07/schema#", "title", "finegrain pipeline", "type", "object", "required",
      "finegrain", "stages", "additionalProperties", 0, "properties", "finegrain", "const", 1, "name", "type", "string",
      "seed", "type", "integer", "minimum", 0, "stages", "type", "object", "minProperties", 1, "additionalProperties",
      0, "patternProperties", STAGE_NAME, "$ref", "#/definitions/stage", "stream", "type", "object",
      "additionalProperties", 0, "properties", "compression", "type", "string", "pattern",
      "^(none|zstd:([1-9]|1[0-9]))$", "buffer", "type", "string", "integer", "sweep", "type", "object", "exec", "type",
      "object");
  json_object_set_new(root, "definitions",
                      json_pack("{s:o, s:{s:s, s:s}, s:{s:[{s:s}, {s:s, s:i, s:{s:s}}]}}", "stage", stage, "reference",
                                "type", "string", "pattern", REFERENCE, "references", "anyOf", "$ref",
                                "#/definitions/reference", "type", "array", "minItems", 1, "items", "$ref",
                                "#/definitions/reference"));
  json_dumpf(root, stdout, JSON_INDENT(1));
  putchar('\n');
  json_decref(root);
}

static void print_markdown_ports(const char *title, const fg_port *const *ports) {
  if (ports[0]) printf("| %s | takes or gives | |\n|---|---|---|\n", title);
  for (size_t p = 0; ports[p]; p++) {
    const fg_port *port = ports[p];
    printf("| `%s` | %s%s%s%s%s%s | %s |\n", port->name,
           port->kinds == FG_BATCH   ? "configurations"
           : port->kinds == FG_MODEL ? "model"
                                     : "table",
           port->flags & FG_PORT_FIRST ? ", read first" : "", port->flags & FG_PORT_PAIRED ? ", paired" : "",
           port->flags & FG_PORT_REPLAY ? ", replayed" : "", port->flags & FG_PORT_MANY ? ", takes a list" : "",
           port->flags & FG_PORT_OPTIONAL ? ", optional" : "", port->doc ? port->doc : "");
  }
  if (ports[0]) putchar('\n');
}

static void print_markdown(const fg_registry *registry) {
  printf("# Stages\n\nMade from the plugins' descriptors by `finegrain schema --markdown`; do not edit.\n\n");
  for (size_t i = 0; i < fg_registry_count(registry); i++) {
    const fg_stage *stage = &fg_registry_at(registry, i)->stage;
    printf("## %s\n\n%s\n\n%s\n\n", stage->kind, stage->summary, stage->doc ? stage->doc : "");
    if (stage->params[0]) printf("| parameter | type and range | default | |\n|---|---|---|---|\n");
    for (size_t p = 0; stage->params[p]; p++) {
      char text[256];
      const fg_param *param = stage->params[p];
      fg_param_describe(param, text, sizeof text);
      printf("| `%s` | ", param->name);
      for (const char *c = text; *c; c++) {
        if (*c == '|') putchar('\\');
        putchar(*c);
      }
      printf(" | %s%s%s | %s |\n", param->def ? "`" : "required",
             param->def ? (param->def[0] ? param->def : "\"\"") : "", param->def ? "`" : "",
             param->doc ? param->doc : "");
    }
    if (stage->params[0]) putchar('\n');
    print_markdown_ports("input", stage->inputs);
    print_markdown_ports("output", stage->outputs);
  }
}

static int schema_main(const fg_command *command, int argc, char **argv) {
  const char *plugin_path = NULL;
  bool markdown = false;
  const fg_option options[] = {{"--markdown", FG_OPTION_FLAG, &markdown},
                               {"--plugin-path", FG_OPTION_TEXT, &plugin_path}};
  const char *word;
  int words = fg_arguments_read(command, argc, argv, options, 2, &word, 0, 0);
  if (words < 0) return words == -2 ? FG_EXIT_DONE : FG_EXIT_USAGE;
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  fg_registry *registry = fg_registry_load(plugin_path, diagnostics);
  fg_diagnostics_print(diagnostics, stderr);
  (markdown ? print_markdown : print_json)(registry);
  int code = fg_diagnostics_errors(diagnostics) ? FG_EXIT_CONFIG : FG_EXIT_DONE;
  fg_registry_free(registry);
  fg_diagnostics_free(diagnostics);
  return code;
}

const fg_command fg_command_schema = {
    "schema",
    "JSON Schema of pipelines, or the reference pages, from the plugins' descriptors",
    "usage: finegrain schema [--markdown] [--plugin-path DIRS]\n\n"
    "Editors that know YAML complete and check a pipeline that begins with\n"
    "  # yaml-language-server: $schema=PATH/schemas/pipeline.schema.json",
    schema_main,
};
