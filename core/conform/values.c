// values.c — parameters of a stage under check: what the user gave, plausible values for what is required, and
// extreme ones.
#include "conform/trial.h"

#include "scalar.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DOCUMENTS 66u

struct fg_trial_values {
  fg_document *documents[MOST_DOCUMENTS]; ///< the map, and one a value
  size_t count;
};

static bool is_integer(const fg_param *param) {
  return param->type == FG_PARAM_INTEGER || param->type == FG_PARAM_INTEGER_LIST;
}

static bool is_number(const fg_param *param) {
  return is_integer(param) || param->type == FG_PARAM_REAL || param->type == FG_PARAM_REAL_LIST;
}

static bool is_list(const fg_param *param) {
  return param->type >= FG_PARAM_INTEGER_LIST && param->type <= FG_PARAM_TEXT_LIST;
}

/// `wanted`, or the limit it lies beyond.
static const char *within(const fg_param *param, const char *wanted) {
  double value = 0, limit = 0;
  fg_scalar_real(wanted, NULL, &value);
  if (param->min && fg_scalar_real(param->min, param->unit, &limit) == FG_SCALAR_OK && value < limit) return param->min;
  if (param->max && fg_scalar_real(param->max, param->unit, &limit) == FG_SCALAR_OK && value > limit) return param->max;
  return wanted;
}

/// One of a required parameter's plausible values.
static void plausible(const fg_case *c, const fg_param *param, uint32_t which, char *text, size_t size) {
  static const char *const texts[] = {"check", "check.fgs", "check.txt", "check.json"};
  static const char *const counts[] = {"8", "1", "2", "16"}, *const reals[] = {"0.5", "1", "0.1", "10"};
  char item[PATH_MAX + 2];
  const char *value = item;
  size_t choices = 0;
  switch (param->type) {
  case FG_PARAM_BOOL: value = which % 2 ? "true" : "false"; break;
  case FG_PARAM_CHOICE:
    while (param->choices[choices]) choices++;
    value = choices ? param->choices[which % choices] : "";
    break;
  case FG_PARAM_PATH: value = fg_feed_file(c->scratch, which % FG_FEED_FILES, item, sizeof item); break;
  case FG_PARAM_TEXT:
  case FG_PARAM_TEXT_LIST: value = texts[which % 4]; break;
  default:
    if (param->names && param->names[0] && which % 2 == 0)
      snprintf(item, sizeof item, "%.*s", (int)strcspn(param->names[0], "="), param->names[0]);
    else
      value = within(param, (is_integer(param) ? counts : reals)[which % 4]);
  }
  snprintf(text, size, is_list(param) ? "[%s]" : "%s", value);
}

/// The `index`-th of a list that ends with NULL, NULL when there is none.
static const char *entry_of(const char *const *list, uint32_t index) {
  for (uint32_t n = 0; list && list[n]; n++)
    if (n == index) return list[n];
  return NULL;
}

/// Of a number, or of a list's items: its limits, or those of its type; then its names.
static bool extreme_number(const fg_param *param, uint32_t index, char *text, size_t size) {
  const char *const ends[2][2] = {{"-1.7976931348623157e308", "1.7976931348623157e308"},
                                  {"-9223372036854775808", "9223372036854775807"}};
  const char *limit = index ? param->max : param->min;
  if (index < 2) {
    snprintf(text, size, "%s", limit ? limit : ends[is_integer(param)][index]);
    return true;
  }
  const char *name = entry_of(param->names, index - 2);
  if (name) snprintf(text, size, "%.*s", (int)strcspn(name, "="), name);
  return name != NULL;
}

/// Of a value that is no list.
static bool extreme_item(const fg_param *param, uint32_t index, char *text, size_t size) {
  static const char *const truths[] = {"false", "true", NULL}, *const paths[] = {"/nowhere/at all", NULL};
  char longest[303];
  memset(longest, 'x', sizeof longest);
  longest[0] = longest[sizeof longest - 2] = '\'';
  longest[sizeof longest - 1] = 0;
  const char *const texts[] = {"''", longest, NULL};
  const char *value = NULL;
  if (is_number(param)) return extreme_number(param, index, text, size);
  switch (param->type) {
  case FG_PARAM_BOOL: value = entry_of(truths, index); break;
  case FG_PARAM_CHOICE: value = entry_of(param->choices, index); break;
  case FG_PARAM_PATH: value = entry_of(paths, index); break;
  default: value = entry_of(texts, index);
  }
  if (value) snprintf(text, size, param->type == FG_PARAM_CHOICE ? "'%s'" : "%s", value);
  return value != NULL;
}

bool fg_trial_extreme(const fg_param *param, uint32_t index, char *text, size_t size) {
  char item[512];
  if (!is_list(param)) return extreme_item(param, index, text, size);
  bool empty = index == 0;
  bool found = empty || extreme_item(param, index - 1, item, sizeof item);
  if (found) snprintf(text, size, "[%s]", empty ? "" : item);
  return found;
}

// --- the map --------------------------------------------------------------------------------------------------------

static bool set_value(struct fg_trial_values *values, const char *name, const char *text, fg_diagnostics *diagnostics) {
  fg_document *document = fg_yaml_read_value(name, text, diagnostics);
  if (!document || values->count == MOST_DOCUMENTS) {
    fg_document_free(document);
    return false;
  }
  values->documents[values->count++] = document;
  fg_node_set(values->documents[0], fg_document_root(values->documents[0]), name, (fg_place){name, 0, 0},
              fg_document_root(document));
  return true;
}

/// The value that --set gives the parameter, NULL when none does; the last one counts.
static const char *given(const fg_case *c, const char *name) {
  const char *value = NULL;
  size_t length = strlen(name);
  for (size_t s = 0; s < c->options->set_count; s++)
    if (strncmp(c->options->sets[s], name, length) == 0 && c->options->sets[s][length] == '=')
      value = c->options->sets[s] + length + 1;
  return value;
}

struct fg_trial_values *fg_trial_values_new(const fg_case *c, const char *name, const char *value, fg_config **config,
                                            fg_error *why) {
  const fg_stage *stage = &c->entry->stage;
  struct fg_trial_values *values = calloc(1, sizeof *values);
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  if (!values) abort();
  values->documents[values->count++] = fg_yaml_read_text("params", "{}", 2, diagnostics);
  bool sound = true;
  for (size_t i = 0; stage->params[i]; i++) {
    const fg_param *param = stage->params[i];
    char text[PATH_MAX + 4];
    const char *chosen = name && strcmp(name, param->name) == 0 ? value : given(c, param->name);
    if (!chosen && param->def) continue;
    if (!chosen) plausible(c, param, c->findings.values, text, sizeof text);
    sound &= set_value(values, param->name, chosen ? chosen : text, diagnostics);
  }
  *config = NULL;
  if (sound)
    *config = fg_config_new(stage, fg_document_root(values->documents[0]), "check", (fg_place){"check", 0, 0}, "",
                            diagnostics);
  if (!*config) {
    FILE *out = fmemopen(why->text, sizeof why->text, "w");
    if (!out) abort();
    fg_diagnostics_print(diagnostics, out);
    fclose(out);
    why->text[strcspn(why->text, "\n")] = 0;
    fg_trial_values_free(values);
    values = NULL;
  }
  fg_diagnostics_free(diagnostics);
  return values;
}

void fg_trial_values_free(struct fg_trial_values *values) {
  for (size_t i = 0; values && i < values->count; i++) fg_document_free(values->documents[i]);
  free(values);
}
