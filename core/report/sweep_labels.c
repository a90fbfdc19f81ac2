// sweep_labels.c — what the arms of a sweep are called in its report: short, and each by a name of its own. See
// sweep_page.h.
#include "report/sweep_page.h"

#include "report/text.h"
#include "sweep/value.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST_LIST 16u        // bytes
#define LABEL_LETTERS 30u       // characters of an arm's label
#define MOST_COMPARED_ARMS 400u // to see which columns follow others
#define LABEL_BYTES (4 * LABEL_LETTERS + 8)

static bool same(fg_span a, fg_span b) { return a.length == b.length && memcmp(a.text, b.text, a.length) == 0; }

static bool has_pair(const fg_stage_value *value, fg_span pair) {
  for (size_t i = 0; i < value->count; i++)
    if (same(value->pairs[i], pair)) return true;
  return false;
}

/// Whether the plugins of a column are all of one group, "network.".
static bool one_group(const fg_sweep_data *sweep, const fg_stage_value *stages) {
  const char *dot = memchr(stages[0].plugin.text, '.', stages[0].plugin.length);
  const size_t length = dot ? (size_t)(dot - stages[0].plugin.text) + 1 : 0;
  for (size_t a = 0; a < sweep->arm_count; a++)
    if (stages[a].plugin.length <= length || memcmp(stages[a].plugin.text, stages[0].plugin.text, length) != 0)
      return false;
  return length > 0;
}

/// A whole stage by its plugin, and by those parameters that not all arms with that plugin share: "conv kernel 3".
static const char *stage_words(const fg_sweep_data *sweep, const fg_stage_value *stages, size_t arm, bool grouped) {
  const fg_stage_value *own = &stages[arm];
  char text[512], pair[128];
  const char *dot = grouped ? memchr(own->plugin.text, '.', own->plugin.length) : NULL;
  fg_span name = own->plugin;
  if (dot) name = (fg_span){dot + 1, (size_t)(name.text + name.length - dot - 1)};
  int at = snprintf(text, sizeof text, "%.*s", (int)name.length, name.text);
  for (size_t i = 0; i < own->count && at < (int)sizeof text; i++) {
    bool shared = true;
    for (size_t a = 0; a < sweep->arm_count && shared; a++)
      shared = !same(stages[a].plugin, own->plugin) || has_pair(&stages[a], own->pairs[i]);
    if (shared) continue;
    fg_value_pair(own->pairs[i], pair, sizeof pair);
    char *sign = strchr(pair, '=');
    if (sign) *sign = ' ';
    at += snprintf(text + at, sizeof text - (size_t)at, " %s", pair);
  }
  return fg_arena_text(sweep->arena, text);
}

/// A long list by its first value: "[sample, …]".
static const char *shorten_list(char *text) {
  char *comma = strchr(text, ',');
  if (text[0] == '[' && comma && strlen(text) > LONGEST_LIST) memcpy(comma, ", …]", sizeof ", …]");
  return text;
}

/// Short forms of the values in a column; whether they are whole stages, whose names speak for themselves.
static bool shorten_column(fg_sweep_data *sweep, size_t column) {
  fg_stage_value *stages = fg_arena_take(sweep->arena, sweep->arm_count, sizeof *stages);
  bool whole = true;
  for (size_t a = 0; a < sweep->arm_count; a++)
    whole = fg_stage_value_read(&stages[a], sweep->arms[a].values[column]) && whole;
  const bool grouped = whole && one_group(sweep, stages);
  for (size_t a = 0; a < sweep->arm_count; a++) {
    char text[1024];
    const char *value = sweep->arms[a].values[column];
    fg_sweep_value_text(*value ? value : "(as in the file)", text, sizeof text);
    sweep->arms[a].shorts[column] =
        whole ? stage_words(sweep, stages, a, grouped) : fg_arena_text(sweep->arena, shorten_list(text));
  }
  return whole;
}

static bool varies(const fg_sweep_data *sweep, size_t column) {
  for (size_t a = 1; a < sweep->arm_count; a++)
    if (strcmp(sweep->arms[a].values[column], sweep->arms[0].values[column]) != 0) return true;
  return false;
}

/// Whether equal values of column `by` always come with equal values of another one, as in a zip.
static bool follows(const fg_sweep_data *sweep, size_t column, size_t by) {
  for (size_t a = 0; a < sweep->arm_count; a++)
    for (size_t b = 0; b < a; b++)
      if (strcmp(sweep->arms[a].values[by], sweep->arms[b].values[by]) == 0 &&
          strcmp(sweep->arms[a].values[column], sweep->arms[b].values[column]) != 0)
        return false;
  return true;
}

static void find_telling(fg_sweep_data *sweep) {
  const size_t columns = sweep->plan->column_count;
  sweep->telling = fg_arena_take(sweep->arena, columns + 1, sizeof *sweep->telling);
  for (size_t c = 0; c < columns; c++) {
    bool tells = varies(sweep, c) || sweep->arm_count < 2;
    for (size_t t = 0; t < sweep->telling_count && tells && sweep->arm_count <= MOST_COMPARED_ARMS; t++)
      tells = !follows(sweep, c, sweep->telling[t]);
    if (tells) sweep->telling[sweep->telling_count++] = c;
  }
}

/// "kernel 3, rate 0.01": the values that tell arms apart, each after the last part of its path if `named`.
static char *words_of(const fg_sweep_data *sweep, const fg_report_arm *arm, const bool *whole, bool named) {
  char *text = NULL;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  for (size_t t = 0; t < sweep->telling_count; t++) {
    const size_t c = sweep->telling[t];
    if (!varies(sweep, c)) continue;
    const char *path = sweep->plan->columns[c], *dot = strrchr(path, '.');
    if (ftell(out) > 0) fputs(", ", out);
    if (named && !whole[c]) fprintf(out, "%s ", dot ? dot + 1 : path);
    fputs(arm->shorts[c], out);
  }
  fclose(out);
  if (!*text) {
    free(text);
    text = strdup("all");
    if (!text) abort();
  }
  return text;
}

/// The labels of all arms: with the names of what varies, where all of them have room for it.
static void write_labels(fg_sweep_data *sweep, const bool *whole) {
  bool named = true;
  for (size_t a = 0; a < sweep->arm_count && named; a++) {
    char *words = words_of(sweep, &sweep->arms[a], whole, true);
    named = strlen(words) <= LABEL_LETTERS;
    free(words);
  }
  for (size_t a = 0; a < sweep->arm_count; a++) {
    char label[LABEL_BYTES], *words = words_of(sweep, &sweep->arms[a], whole, named);
    sweep->arms[a].label = fg_arena_text(sweep->arena, fg_text_shorten(label, sizeof label, words, LABEL_LETTERS));
    free(words);
  }
}

void fg_sweep_data_label(fg_sweep_data *sweep) {
  const size_t columns = sweep->plan->column_count;
  bool *whole = fg_arena_take(sweep->arena, columns + 1, sizeof *whole);
  for (size_t a = 0; a < sweep->arm_count; a++)
    sweep->arms[a].shorts = fg_arena_take(sweep->arena, columns + 1, sizeof *sweep->arms[a].shorts);
  for (size_t c = 0; c < columns && sweep->arm_count; c++) whole[c] = shorten_column(sweep, c);
  find_telling(sweep);
  write_labels(sweep, whole);
  json_t *times = json_object(); // how often a label occurs
  if (!times) abort();
  for (size_t a = 0; a < sweep->arm_count; a++) {
    const char *label = sweep->arms[a].label;
    json_int_t before = json_integer_value(json_object_get(times, label));
    json_object_set_new_nocheck(times, label, json_integer(before + 1));
  }
  for (size_t a = 0; a < sweep->arm_count; a++) {
    char label[LABEL_BYTES];
    if (json_integer_value(json_object_get(times, sweep->arms[a].label)) < 2) continue;
    const char *numbered = fg_arena_format(sweep->arena, "#%zu %s", a + 1, sweep->arms[a].label);
    sweep->arms[a].label = fg_arena_text(sweep->arena, fg_text_shorten(label, sizeof label, numbered, LABEL_LETTERS));
  }
  json_decref(times);
}
