// config.c — see config.h.
#include "config.h"

#include "scalar.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CONFIG_BYTES ((uint64_t)1 << 16)
#define MOST_PARAMS 64u

/// A parameter's resolved value as YAML text, and where it was written.
typedef struct value {
  const fg_param *param;
  fg_place place;
  char *text; ///< YAML, as it will be written to pipeline.yaml
} value;

typedef struct block {
  struct block *next;
} block;

struct fg_config {
  void *data;
  value *values;
  size_t count;
  fg_place place; ///< the stage's
  block *blocks;  ///< texts and lists the struct points to
};

/// What reading one value needs to know.
typedef struct reading {
  fg_config *config; ///< owner of texts and lists; NULL: only check
  const fg_param *param;
  fg_place place;
  const char *stage, *folder;
  fg_diagnostics *diagnostics;
} reading;

static void *allocate(size_t bytes) {
  void *memory = calloc(1, bytes ? bytes : 1);
  if (!memory) abort();
  return memory;
}

static void *keep(fg_config *config, size_t bytes) {
  block *fresh = allocate(sizeof *fresh + bytes);
  fresh->next = config->blocks;
  config->blocks = fresh;
  return fresh + 1;
}

static bool is_list(uint32_t type) { return type >= FG_PARAM_INTEGER_LIST && type <= FG_PARAM_TEXT_LIST; }
static bool is_integer(uint32_t type) { return type == FG_PARAM_INTEGER || type == FG_PARAM_INTEGER_LIST; }
static bool is_number(uint32_t type) { return is_integer(type) || type == FG_PARAM_REAL || type == FG_PARAM_REAL_LIST; }

// --- a parameter in words -------------------------------------------------------------------------------------------

const char *fg_param_describe(const fg_param *param, char *buffer, size_t size) {
  static const char *const words[] = {"?", "true or false",  "integer",          "real",          "text",
                                      "",  "path of a file", "list of integers", "list of reals", "list of texts"};
  size_t at = (size_t)snprintf(buffer, size, "%s", words[param->type <= FG_PARAM_TEXT_LIST ? param->type : 0]);
  for (size_t i = 0; param->type == FG_PARAM_CHOICE && param->choices[i] && at < size; i++)
    at += (size_t)snprintf(buffer + at, size - at, "%s%s", i ? " | " : "", param->choices[i]);
  if (param->min && param->max && at < size)
    at += (size_t)snprintf(buffer + at, size - at, ", %s to %s", param->min, param->max);
  else if (param->min && at < size)
    at += (size_t)snprintf(buffer + at, size - at, ", %s or more", param->min);
  else if (param->max && at < size)
    at += (size_t)snprintf(buffer + at, size - at, ", at most %s", param->max);
  for (size_t i = 0; param->names && param->names[i] && at < size; i++)
    at += (size_t)snprintf(buffer + at, size - at, ", or %.*s", (int)strcspn(param->names[i], "="), param->names[i]);
  return buffer;
}

// --- one value ------------------------------------------------------------------------------------------------------

static bool refuse(const reading *r, const char *text, const char *why) {
  char described[256];
  fg_error_at(r->diagnostics, r->place, r->stage, "%s: '%s' %s; expected %s", r->param->name, text, why,
              fg_param_describe(r->param, described, sizeof described));
  return false;
}

/// The value of a named number ("critical"), as text; NULL when it is no name.
static const char *named_value(const fg_param *param, const char *text) {
  size_t length = strlen(text);
  for (size_t i = 0; param->names && param->names[i]; i++)
    if (strncmp(param->names[i], text, length) == 0 && param->names[i][length] == '=')
      return param->names[i] + length + 1;
  return NULL;
}

static bool read_integer(const reading *r, const char *text, int64_t *number) {
  const char *named = named_value(r->param, text);
  fg_scalar_result result = fg_scalar_integer(named ? named : text, r->param->unit, number);
  if (result != FG_SCALAR_OK) return refuse(r, text, fg_scalar_reason(result));
  int64_t limit;
  bool low = !named && r->param->min && fg_scalar_integer(r->param->min, r->param->unit, &limit) == FG_SCALAR_OK &&
             *number < limit;
  bool high = !named && r->param->max && fg_scalar_integer(r->param->max, r->param->unit, &limit) == FG_SCALAR_OK &&
              *number > limit;
  if (low || high)
    fg_error_at(r->diagnostics, r->place, r->stage, "%s: %s is %s the %simum %s", r->param->name, text,
                low ? "below" : "above", low ? "min" : "max", low ? r->param->min : r->param->max);
  return !low && !high;
}

static bool read_real(const reading *r, const char *text, double *number) {
  const char *named = named_value(r->param, text);
  fg_scalar_result result = fg_scalar_real(named ? named : text, r->param->unit, number);
  if (result != FG_SCALAR_OK) return refuse(r, text, fg_scalar_reason(result));
  double limit;
  bool low = !named && r->param->min && fg_scalar_real(r->param->min, r->param->unit, &limit) == FG_SCALAR_OK &&
             *number < limit;
  bool high = !named && r->param->max && fg_scalar_real(r->param->max, r->param->unit, &limit) == FG_SCALAR_OK &&
              *number > limit;
  if (low || high)
    fg_error_at(r->diagnostics, r->place, r->stage, "%s: %s is %s the %simum %s", r->param->name, text,
                low ? "below" : "above", low ? "min" : "max", low ? r->param->min : r->param->max);
  return !low && !high;
}

static bool read_choice(const reading *r, const char *text, int32_t *index) {
  size_t count = 0;
  for (; r->param->choices[count]; count++) {
    if (strcmp(r->param->choices[count], text) != 0) continue;
    *index = (int32_t)count;
    return true;
  }
  char hint[512];
  fg_error_at(r->diagnostics, r->place, r->stage, "%s: unknown choice '%s'%s", r->param->name, text,
              fg_suggest(hint, sizeof hint, text, r->param->choices, count));
  return false;
}

static const char *read_text(const reading *r, const char *text) {
  char whole[PATH_MAX];
  if (r->param->type == FG_PARAM_PATH && text[0] && text[0] != '/' && r->folder[0]) {
    if (snprintf(whole, sizeof whole, "%s/%s", r->folder, text) >= (int)sizeof whole) {
      fg_error_at(r->diagnostics, r->place, r->stage, "%s: the path is too long", r->param->name);
      return NULL;
    }
    text = whole;
  }
  char *copy = keep(r->config, strlen(text) + 1);
  strcpy(copy, text);
  return copy;
}

static bool read_scalar(const reading *r, const char *text, void *field) {
  bool truth;
  const char *copy;
  switch (r->param->type) {
  case FG_PARAM_BOOL:
    if (fg_scalar_bool(text, &truth) != FG_SCALAR_OK) return refuse(r, text, "is not true or false");
    *(int32_t *)field = truth;
    return true;
  case FG_PARAM_INTEGER:
  case FG_PARAM_INTEGER_LIST: return read_integer(r, text, field);
  case FG_PARAM_REAL:
  case FG_PARAM_REAL_LIST: return read_real(r, text, field);
  case FG_PARAM_CHOICE: return read_choice(r, text, field);
  default:
    copy = read_text(r, text);
    if (copy) *(const char **)field = copy;
    return copy != NULL;
  }
}

static size_t item_bytes(uint32_t type) { return type == FG_PARAM_TEXT_LIST ? sizeof(char *) : 8; }

static bool read_list(reading *r, const fg_node *node, void *field) {
  // The three list structs have the same layout: count, then a pointer.
  fg_integer_list *list = field;
  size_t bytes = item_bytes(r->param->type);
  char *items = keep(r->config, (node->count + 1) * bytes);
  bool sound = true;
  for (size_t i = 0; i < node->count; i++) {
    const fg_node *item = node->items[i];
    r->place = item->place;
    if (item->kind != FG_NODE_SCALAR) {
      fg_error_at(r->diagnostics, item->place, r->stage, "%s: item %zu is %s, not a single value", r->param->name,
                  i + 1, fg_node_describe(item));
      sound = false;
    } else {
      sound &= read_scalar(r, item->text, items + i * bytes);
    }
  }
  list->count = node->count;
  list->items = (const int64_t *)(const void *)items;
  return sound;
}

static bool read_value(reading *r, const fg_node *node, void *field) {
  char described[256];
  if (is_list(r->param->type)) {
    if (node->kind == FG_NODE_LIST) return read_list(r, node, field);
    if (node->kind == FG_NODE_SCALAR)
      fg_error_at(r->diagnostics, r->place, r->stage, "%s: '%s' is not a list; write [%s]", r->param->name, node->text,
                  node->text);
    else
      fg_error_at(r->diagnostics, r->place, r->stage, "%s: a map is not a list; write [A, B, …]", r->param->name);
    return false;
  }
  if (node->kind == FG_NODE_SCALAR && (node->text[0] || !node->plain || r->param->type == FG_PARAM_TEXT))
    return read_scalar(r, node->text, field);
  fg_error_at(r->diagnostics, r->place, r->stage, "%s: is %s; expected %s", r->param->name, fg_node_describe(node),
              fg_param_describe(r->param, described, sizeof described));
  return false;
}

// --- text to write back ---------------------------------------------------------------------------------------------

/// A scalar as YAML: numbers, names and plain words as they are, anything else in double quotes.
static void write_scalar(const char *text, bool quoted, FILE *out) {
  if (!quoted) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  for (const char *c = text; *c; c++) {
    if (*c == '"' || *c == '\\')
      fprintf(out, "\\%c", *c);
    else if ((unsigned char)*c < 32 || *c == 127)
      fprintf(out, "\\x%02x", (unsigned)*c);
    else
      fputc(*c, out);
  }
  fputc('"', out);
}

/// The value as the config has it: texts and paths from the struct, everything else as written.
static char *value_text(const fg_param *param, const fg_node *node, const void *field) {
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  bool quoted = param->type == FG_PARAM_TEXT || param->type == FG_PARAM_TEXT_LIST || param->type == FG_PARAM_PATH;
  if (param->type == FG_PARAM_PATH)
    write_scalar(*(const char *const *)field, true, out);
  else if (node->kind == FG_NODE_SCALAR)
    write_scalar(node->text, quoted, out);
  else {
    fputc('[', out);
    for (size_t i = 0; i < node->count; i++) {
      if (i) fputs(", ", out);
      write_scalar(node->items[i]->text, quoted, out);
    }
    fputc(']', out);
  }
  fclose(out);
  return text;
}

// --- the whole ------------------------------------------------------------------------------------------------------

/// Reads a default with the code that reads the user's values.
static bool read_default(reading *r, void *field, char **text) {
  fg_document *document = NULL;
  fg_node empty = {.kind = FG_NODE_SCALAR, .text = "", .plain = false};
  const fg_node *node = &empty;
  if (r->param->def[0]) {
    document = fg_yaml_read_text(r->param->name, r->param->def, strlen(r->param->def), r->diagnostics);
    if (!document) return false;
    node = fg_document_root(document);
  }
  bool sound = read_value(r, node, field);
  if (sound) *text = value_text(r->param, node, field);
  fg_document_free(document);
  return sound;
}

static void report_missing(const reading *r) {
  char described[256];
  fg_error_at(r->diagnostics, r->place, r->stage, "missing parameter '%s' (%s): %s", r->param->name,
              fg_param_describe(r->param, described, sizeof described), r->param->doc ? r->param->doc : "");
}

static bool refuse_unknown(const fg_stage *stage, const fg_node *params, const char *name,
                           fg_diagnostics *diagnostics) {
  const char *valid[MOST_PARAMS];
  size_t count = 0;
  bool sound = true;
  while (stage->params[count] && count < MOST_PARAMS) {
    valid[count] = stage->params[count]->name;
    count++;
  }
  for (size_t i = 0; i < params->count; i++) {
    bool known = false;
    for (size_t v = 0; v < count; v++) known |= strcmp(params->keys[i]->text, valid[v]) == 0;
    char hint[512];
    if (!known && count == 0)
      fg_error_at(diagnostics, params->keys[i]->place, name, "unknown parameter '%s'; %s has none",
                  params->keys[i]->text, stage->kind);
    else if (!known)
      fg_error_at(diagnostics, params->keys[i]->place, name, "unknown parameter '%s'%s", params->keys[i]->text,
                  fg_suggest(hint, sizeof hint, params->keys[i]->text, valid, count));
    sound &= known;
  }
  return sound;
}

fg_config *fg_config_new(const fg_stage *stage, const fg_node *params, const char *name, fg_place place,
                         const char *folder, fg_diagnostics *diagnostics) {
  fg_config *config = allocate(sizeof *config);
  config->data = allocate(stage->config_size);
  config->values = allocate((MOST_PARAMS + 1) * sizeof *config->values);
  config->place = place;
  bool sound = params ? refuse_unknown(stage, params, name, diagnostics) : true;
  for (size_t i = 0; stage->params[i] && i < MOST_PARAMS; i++) {
    const fg_param *param = stage->params[i];
    const fg_node *node = params ? fg_node_get(params, param->name) : NULL;
    value *entry = &config->values[config->count++];
    void *field = (char *)config->data + param->offset;
    // A --set value has no line of its own that helps more than its label.
    *entry = (value){param, node ? node->place : place, NULL};
    reading r = {config, param, entry->place, name, folder, diagnostics};
    if (node) {
      bool good = read_value(&r, node, field);
      if (good) entry->text = value_text(param, node, field);
      sound &= good;
    } else if (param->def) {
      sound &= read_default(&r, field, &entry->text);
    } else {
      report_missing(&r);
      sound = false;
    }
  }
  if (sound) return config;
  fg_config_free(config);
  return NULL;
}

void fg_config_free(fg_config *config) {
  if (!config) return;
  for (size_t i = 0; i < config->count; i++) free(config->values[i].text);
  while (config->blocks) {
    block *next = config->blocks->next;
    free(config->blocks);
    config->blocks = next;
  }
  free(config->values);
  free(config->data);
  free(config);
}

const void *fg_config_data(const fg_config *config) { return config->data; }

fg_place fg_config_place(const fg_config *config, const char *param) {
  for (size_t i = 0; i < config->count; i++)
    if (strcmp(config->values[i].param->name, param) == 0) return config->values[i].place;
  return config->place;
}

void fg_config_write(const fg_config *config, int indent, FILE *out) {
  for (size_t i = 0; i < config->count; i++)
    fprintf(out, "%*s%s: %s\n", indent, "", config->values[i].param->name, config->values[i].text);
}

// --- the table itself -----------------------------------------------------------------------------------------------

static size_t field_bytes(uint32_t type) {
  switch (type) {
  case FG_PARAM_BOOL:
  case FG_PARAM_CHOICE: return 4;
  case FG_PARAM_INTEGER_LIST:
  case FG_PARAM_REAL_LIST:
  case FG_PARAM_TEXT_LIST: return sizeof(fg_integer_list);
  default: return 8;
  }
}

static const char *param_fault(const fg_stage *stage, const fg_param *param) {
  if (!param->name || !param->name[0] ||
      strspn(param->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(param->name))
    return "has no sound name";
  if (param->type < FG_PARAM_BOOL || param->type > FG_PARAM_TEXT_LIST) return "has an unknown type";
  size_t bytes = field_bytes(param->type);
  if (param->offset % (bytes > 8 ? 8 : bytes) || param->offset + bytes > stage->config_size)
    return "lies outside the config struct";
  if (param->type == FG_PARAM_CHOICE && (!param->choices || !param->choices[0])) return "is a choice without choices";
  int64_t whole;
  double real;
  for (int side = 0; side < 2; side++) {
    const char *limit = side ? param->max : param->min;
    if (!limit) continue;
    if (!is_number(param->type)) return "has limits but is no number";
    if (is_integer(param->type) ? fg_scalar_integer(limit, param->unit, &whole)
                                : fg_scalar_real(limit, param->unit, &real))
      return "has a limit that is no number";
  }
  return NULL;
}

const char *fg_param_table_fault(const fg_stage *stage, char *buffer, size_t size) {
  if (stage->config_size > MOST_CONFIG_BYTES) {
    snprintf(buffer, size, "stage %s: the config struct is larger than 64 KiB", stage->kind);
    return buffer;
  }
  size_t count = 0;
  const char *fault = NULL;
  for (; stage->params && stage->params[count] && !fault; count++) {
    const fg_param *param = stage->params[count];
    fault = count >= MOST_PARAMS ? "is one too many (at most 64)" : param_fault(stage, param);
    fg_diagnostics *diagnostics = fg_diagnostics_new();
    if (!fault && param->def) {
      fg_config *owner = allocate(sizeof *owner);
      double field[2] = {0};
      char *text = NULL;
      reading r = {owner, param, {0}, NULL, "", diagnostics};
      if (!read_default(&r, field, &text)) fault = "has a default its own table refuses";
      free(text);
      fg_config_free(owner);
    }
    fg_diagnostics_free(diagnostics);
    if (fault)
      snprintf(buffer, size, "stage %s: parameter %zu (%s) %s", stage->kind, count + 1, param->name ? param->name : "?",
               fault);
  }
  return fault ? buffer : NULL;
}
