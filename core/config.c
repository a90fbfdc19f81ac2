// config.c — see config.h.
#include "config.h"

#include "scalar.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CONFIG_BYTES ((uint64_t)1 << 16)
#define MOST_PARAMS 64u

/// A parameter, and where its value was written. The value itself is in the struct.
typedef struct written {
  const fg_param *param;
  fg_place place;
  bool at_default; ///< not given, or given as what it is anyway
} written;

typedef struct block {
  struct block *next;
} block;

struct fg_config {
  void *data;
  written *values;
  size_t count;
  fg_place place; ///< the stage's
  block *blocks;  ///< texts and lists the struct points to
};

/// What reading one value needs to know.
typedef struct reading {
  fg_config *config; ///< owner of texts and lists
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

/// A number as a config struct holds it; which of the two it is, its parameter knows.
typedef union number {
  int64_t whole;
  double real;
} number;

static fg_scalar_result read_text_as_number(const fg_param *param, const char *text, number *value) {
  return is_integer(param->type) ? fg_scalar_integer(text, param->unit, &value->whole)
                                 : fg_scalar_real(text, param->unit, &value->real);
}

static bool is_less(const fg_param *param, number a, number b) {
  return is_integer(param->type) ? a.whole < b.whole : a.real < b.real;
}

/// 0 and -0 are not the same.
static bool is_same(const fg_param *param, number a, number b) {
  return is_integer(param->type) ? a.whole == b.whole : a.real == b.real && !signbit(a.real) == !signbit(b.real);
}

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

/// For nodes that are no scalars, or nothing.
static bool refuse_node(const reading *r, const fg_node *node) {
  char described[256];
  fg_error_at(r->diagnostics, r->place, r->stage, "%s: got %s; expected %s", r->param->name, fg_node_describe(node),
              fg_param_describe(r->param, described, sizeof described));
  return false;
}

static bool refuse_quotes(const reading *r, const char *text) {
  fg_error_at(r->diagnostics, r->place, r->stage, "%s: '%s' in quotes is text; write it without them", r->param->name,
              text);
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

static bool read_number(const reading *r, const fg_node *node, void *field) {
  const fg_param *param = r->param;
  const char *text = node->text, *named = named_value(param, text);
  number value, limit;
  double bare;
  if (!node->plain && !named && fg_scalar_real(text, NULL, &bare) == FG_SCALAR_OK) return refuse_quotes(r, text);
  fg_scalar_result result = read_text_as_number(param, named ? named : text, &value);
  if (result == FG_SCALAR_BAD_UNIT) {
    char why[128];
    snprintf(why, sizeof why, "has no known unit (%s)", fg_scalar_units(param->unit));
    return refuse(r, text, why);
  }
  if (result != FG_SCALAR_OK) return refuse(r, text, fg_scalar_reason(result));
  const char *least = named ? NULL : param->min, *most = named ? NULL : param->max;
  bool low = least && read_text_as_number(param, least, &limit) == FG_SCALAR_OK && is_less(param, value, limit);
  bool high = most && read_text_as_number(param, most, &limit) == FG_SCALAR_OK && is_less(param, limit, value);
  if (low || high)
    fg_error_at(r->diagnostics, r->place, r->stage, "%s: %s is %s the %simum %s", param->name, text,
                low ? "below" : "above", low ? "min" : "max", low ? least : most);
  memcpy(field, &value, sizeof value);
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
  bool optional = r->param->def && !r->param->def[0];
  if (r->param->type == FG_PARAM_PATH && !text[0] && !optional) {
    refuse(r, text, "is empty");
    return NULL;
  }
  if (r->param->type == FG_PARAM_PATH && text[0] && text[0] != '/' && r->folder[0]) {
    if (snprintf(whole, sizeof whole, "%s/%s", r->folder, text) >= (int)sizeof whole) {
      fg_error_at(r->diagnostics, r->place, r->stage, "%s: the path is too long", r->param->name);
      return NULL;
    }
    text = whole;
  }
  size_t bytes = strlen(text) + 1;
  return memcpy(keep(r->config, bytes), text, bytes);
}

static bool read_scalar(const reading *r, const fg_node *node, void *field) {
  bool truth;
  const char *copy;
  if (is_number(r->param->type)) return read_number(r, node, field);
  switch (r->param->type) {
  case FG_PARAM_BOOL:
    if (fg_scalar_bool(node->text, &truth) != FG_SCALAR_OK) return refuse(r, node->text, "is not true or false");
    if (!node->plain) return refuse_quotes(r, node->text);
    *(int32_t *)field = truth;
    return true;
  case FG_PARAM_CHOICE: return read_choice(r, node->text, field);
  default:
    copy = read_text(r, node->text);
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
    if (item->kind != FG_NODE_SCALAR || fg_node_is_null(item)) {
      fg_error_at(r->diagnostics, item->place, r->stage, "%s: item %zu is %s, not a single value", r->param->name,
                  i + 1, fg_node_describe(item));
      sound = false;
    } else {
      sound &= read_scalar(r, item, items + i * bytes);
    }
  }
  list->count = node->count;
  list->items = (const int64_t *)(const void *)items;
  return sound;
}

static bool read_value(reading *r, const fg_node *node, void *field) {
  if (fg_node_is_null(node)) return refuse_node(r, node);
  if (!is_list(r->param->type))
    return node->kind == FG_NODE_SCALAR ? read_scalar(r, node, field) : refuse_node(r, node);
  if (node->kind == FG_NODE_LIST) return read_list(r, node, field);
  if (node->kind == FG_NODE_MAP) return refuse_node(r, node);
  fg_error_at(r->diagnostics, r->place, r->stage, "%s: '%s' is not a list; write [%s]", r->param->name, node->text,
              node->text);
  return false;
}

// --- text to write back ---------------------------------------------------------------------------------------------

/// A number that has a name by its name, which may lie outside the limits; a real with as few digits as give it back.
static void write_number(const fg_param *param, const void *field, FILE *out) {
  number value, other;
  memcpy(&value, field, sizeof value);
  for (size_t i = 0; param->names && param->names[i]; i++) {
    const char *equals = strchr(param->names[i], '=');
    bool known = equals && read_text_as_number(param, equals + 1, &other) == FG_SCALAR_OK;
    if (!known || !is_same(param, value, other)) continue;
    fprintf(out, "%.*s", (int)(equals - param->names[i]), param->names[i]);
    return;
  }
  if (is_integer(param->type)) {
    fprintf(out, "%" PRId64, value.whole);
    return;
  }
  char text[40];
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value.real);
    if (strtod(text, NULL) == value.real) break;
  }
  fputs(text, out);
}

/// A choice's name as it is, in quotes when another reader of YAML would take it for something else than a text.
static void write_choice(const char *name, FILE *out) {
  const fg_node node = {.kind = FG_NODE_SCALAR, .text = name, .plain = true};
  size_t word = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
  if (name[word] || name[0] == '-' || strcmp(fg_node_describe(&node), "text") != 0)
    fg_yaml_write_text(name, out);
  else
    fputs(name, out);
}

static void write_scalar(const fg_param *param, const void *field, FILE *out) {
  if (is_number(param->type))
    write_number(param, field, out);
  else if (param->type == FG_PARAM_BOOL)
    fputs(*(const int32_t *)field ? "true" : "false", out);
  else if (param->type == FG_PARAM_CHOICE)
    write_choice(param->choices[*(const int32_t *)field], out);
  else
    fg_yaml_write_text(*(const char *const *)field, out);
}

static void write_value(const fg_param *param, const void *field, FILE *out) {
  if (!is_list(param->type)) {
    write_scalar(param, field, out);
    return;
  }
  const fg_integer_list *list = field; // as in read_list
  const char *items = (const char *)list->items;
  fputc('[', out);
  for (size_t i = 0; i < list->count; i++) {
    if (i) fputs(", ", out);
    write_scalar(param, items + i * item_bytes(param->type), out);
  }
  fputc(']', out);
}

// --- the whole ------------------------------------------------------------------------------------------------------

/// Reads a default with the code that reads the user's values. What is plainly a plain scalar needs no parser.
static bool read_default(reading *r, void *field) {
  const fg_node scalar = {.kind = FG_NODE_SCALAR, .text = r->param->def, .plain = r->param->def[0] != 0};
  if (strspn(r->param->def, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.^-") ==
      strlen(r->param->def))
    return read_value(r, &scalar, field);
  fg_document *document = fg_yaml_read_value(r->param->name, r->param->def, r->diagnostics);
  bool sound = document && read_value(r, fg_document_root(document), field);
  fg_document_free(document);
  return sound;
}

/// Whether a value is the parameter's default, however it was written.
static bool is_default(reading *r, const void *field) {
  uint64_t standard[2] = {0}; // as large as any field
  char *text[2] = {NULL, NULL};
  size_t length[2];
  const void *fields[2] = {field, standard};
  if (!r->param->def || !read_default(r, standard)) return false;
  for (int i = 0; i < 2; i++) {
    FILE *out = open_memstream(&text[i], &length[i]);
    if (!out) abort();
    write_value(r->param, fields[i], out);
    fclose(out);
  }
  bool same = strcmp(text[0], text[1]) == 0;
  free(text[0]);
  free(text[1]);
  return same;
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
  while (count < MOST_PARAMS && stage->params[count]) {
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
  for (size_t i = 0; i < MOST_PARAMS && stage->params[i]; i++) {
    const fg_param *param = stage->params[i];
    const fg_node *node = params ? fg_node_get(params, param->name) : NULL;
    written *entry = &config->values[config->count++];
    void *field = (char *)config->data + param->offset;
    // A --set value has no line of its own that helps more than its label.
    *entry = (written){param, node ? node->place : place, !node};
    reading r = {config, param, entry->place, name, folder, diagnostics};
    if (node) {
      sound &= read_value(&r, node, field);
      entry->at_default = sound && is_default(&r, field);
    } else if (param->def) {
      sound &= read_default(&r, field);
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
  for (size_t i = 0; i < config->count; i++) {
    const fg_param *param = config->values[i].param;
    fprintf(out, "%*s%s: ", indent, "", param->name);
    write_value(param, (const char *)config->data + param->offset, out);
    fputc('\n', out);
  }
}

void fg_config_write_identity(const fg_config *config, fg_hash_file *hash, void *arg, FILE *out) {
  for (size_t i = 0; i < config->count; i++) {
    const fg_param *param = config->values[i].param;
    const void *field = (const char *)config->data + param->offset;
    char digest[33] = "";
    if (config->values[i].at_default) continue;
    fprintf(out, "%s: ", param->name);
    if (param->type == FG_PARAM_PATH && hash(arg, *(const char *const *)field, digest))
      fprintf(out, "content %s", digest);
    else
      write_value(param, field, out);
    fputc('\n', out);
  }
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

static bool sound_name(const char *name) {
  return name && name[0] >= 'a' && name[0] <= 'z' &&
         strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static const char *limit_fault(const fg_param *param) {
  number least, most;
  if (!param->min && !param->max) return NULL;
  if (!is_number(param->type)) return "has limits but is no number";
  if ((param->min && read_text_as_number(param, param->min, &least) != FG_SCALAR_OK) ||
      (param->max && read_text_as_number(param, param->max, &most) != FG_SCALAR_OK))
    return "has a limit that is no number";
  return param->min && param->max && is_less(param, most, least) ? "has a minimum above its maximum" : NULL;
}

/// Named numbers: "WORD=NUMBER", the word being no number itself.
static const char *names_fault(const fg_param *param) {
  number value;
  for (size_t i = 0; param->names && param->names[i]; i++) {
    const char *equals = strchr(param->names[i], '=');
    if (!is_number(param->type)) return "has named values but is no number";
    if (!equals || !isalpha((unsigned char)param->names[i][0]) ||
        read_text_as_number(param, equals + 1, &value) != FG_SCALAR_OK)
      return "has a named value that is not of the form WORD=NUMBER";
  }
  return NULL;
}

static bool same_field(const fg_param *a, const fg_param *b) {
  return a->offset < b->offset + field_bytes(b->type) && b->offset < a->offset + field_bytes(a->type);
}

/// What is wrong with the parameter at `index`; those before it are sound.
static const char *param_fault(const fg_stage *stage, size_t index) {
  const fg_param *param = stage->params[index];
  if (!sound_name(param->name)) return "has no sound name";
  if (!param->doc || !param->doc[0]) return "has no doc";
  if (param->type < FG_PARAM_BOOL || param->type > FG_PARAM_TEXT_LIST) return "has an unknown type";
  size_t bytes = field_bytes(param->type);
  if (param->offset + bytes > stage->config_size) return "lies outside the config struct";
  if (param->offset % (bytes > 8 ? 8 : bytes)) return "is not aligned in the config struct";
  for (size_t i = 0; i < index; i++) {
    if (strcmp(stage->params[i]->name, param->name) == 0) return "is there twice";
    if (same_field(stage->params[i], param)) return "shares bytes of the config struct with another";
  }
  if (param->type == FG_PARAM_CHOICE && (!param->choices || !param->choices[0])) return "is a choice without choices";
  const char *fault = limit_fault(param);
  return fault ? fault : names_fault(param);
}

static bool sound_default(const fg_param *param) {
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  fg_config *owner = allocate(sizeof *owner);
  fg_integer_list field = {0}; // as large and as aligned as any
  reading r = {owner, param, {0}, NULL, "", diagnostics};
  bool sound = read_default(&r, &field);
  fg_config_free(owner);
  fg_diagnostics_free(diagnostics);
  return sound;
}

const char *fg_param_table_fault(const fg_stage *stage, char *buffer, size_t size) {
  if (stage->config_size > MOST_CONFIG_BYTES) {
    snprintf(buffer, size, "stage %s: the config struct is larger than 64 KiB", stage->kind);
    return buffer;
  }
  for (size_t i = 0; stage->params && stage->params[i]; i++) {
    const fg_param *param = stage->params[i];
    const char *fault = i >= MOST_PARAMS ? "is one too many (at most 64)" : param_fault(stage, i);
    if (!fault && param->def && !sound_default(param)) fault = "has a default its own table refuses";
    if (!fault) continue;
    snprintf(buffer, size, "stage %s: parameter %zu (%s) %s", stage->kind, i + 1, param->name ? param->name : "?",
             fault);
    return buffer;
  }
  return NULL;
}
