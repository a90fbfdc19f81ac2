// report_sweep_labels.c — what the arms of a sweep are called in its report: short, and each by a name of its own. See
// report_sweep.h.
#include "report_sweep.h"

#include "report_text.h"

#include <stdlib.h>
#include <string.h>

#define SHORT_VALUE 12u   // characters; what longer values have in common is left out of labels
#define LABEL_LETTERS 30u // characters of an arm's label
#define LEAST_VALUE 6u    // and of each value in it

/// A whole stage as a value, "{plugin: network.conv, params: {kernel: 3}}", without the words that every one has.
static char *condense(fg_arena *arena, const char *value) {
  static const char *const words[] = {"{", "}", "plugin: ", "params: "};
  char *text = fg_arena_text(arena, *value ? value : "(as in the file)"), *into = text;
  if (*value != '{') return text;
  for (const char *c = text; *c;) {
    size_t skip = 0;
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
      if (strncmp(c, words[w], strlen(words[w])) == 0) skip = strlen(words[w]);
    if (!skip) *into++ = *c;
    c += skip ? skip : 1;
  }
  *into = '\0';
  return text;
}

/// Bytes that all whole stages of an axis begin with, back to the end of a word: "network.symmetric, " of one network's.
static size_t common_start(const fg_sweep_data *sweep, size_t column) {
  const char *first = sweep->arms[0].shorts[column];
  size_t length = strlen(first), longest = length;
  for (size_t a = 0; a < sweep->arm_count; a++) {
    const char *other = sweep->arms[a].shorts[column];
    size_t same = 0;
    if (sweep->arms[a].values[column][0] != '{') return 0;
    while (same < length && other[same] == first[same]) same++;
    length = same;
    if (strlen(other) > longest) longest = strlen(other);
  }
  if (longest <= SHORT_VALUE) return 0;
  while (length > 0 && !(first[length - 1] == ' ' && length > 1 && first[length - 2] == ',') &&
         first[length - 1] != '.')
    length--;
  return length;
}

/// Short forms of every arm's values, and whether a column's values differ at all.
static bool *shorten_values(fg_sweep_data *sweep) {
  size_t columns = sweep->plan->column_count;
  bool *varies = fg_arena_take(sweep->arena, columns + 1, sizeof *varies);
  for (size_t a = 0; a < sweep->arm_count; a++) {
    fg_report_arm *arm = &sweep->arms[a];
    arm->shorts = fg_arena_take(sweep->arena, columns + 1, sizeof *arm->shorts);
    for (size_t c = 0; c < columns; c++) {
      arm->shorts[c] = condense(sweep->arena, arm->values[c]);
      varies[c] |= strcmp(arm->values[c], sweep->arms[0].values[c]) != 0;
    }
  }
  for (size_t c = 0; c < columns && sweep->arm_count; c++) {
    size_t start = varies[c] ? common_start(sweep, c) : 0;
    for (size_t a = 0; a < sweep->arm_count; a++) sweep->arms[a].shorts[c] += start;
  }
  return varies;
}

/// "kernel 3, rate 0.01": of each column that varies the last part of its path, and the value.
static const char *label_of(const fg_sweep_data *sweep, const fg_report_arm *arm, const bool *varies) {
  char *text = NULL, value[4 * LABEL_LETTERS + 8], label[4 * LABEL_LETTERS + 8];
  size_t length;
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  const fg_sweep_plan *plan = sweep->plan;
  size_t room = LABEL_LETTERS, varying = 0;
  for (size_t c = 0; c < plan->column_count; c++) {
    const char *dot = strrchr(plan->columns[c], '.');
    size_t name = strlen(dot ? dot + 1 : plan->columns[c]) + 3;
    if (!varies[c]) continue;
    varying++;
    room -= room > name ? name : room;
  }
  size_t share = room / (varying ? varying : 1), left = varying;
  for (size_t c = 0; c < plan->column_count; c++) { // short values leave their share to long ones
    if (!varies[c] || strlen(arm->shorts[c]) > share) continue;
    room -= strlen(arm->shorts[c]);
    left--;
  }
  share = left ? room / left : room;
  if (share < LEAST_VALUE) share = LEAST_VALUE;
  for (size_t c = 0; c < plan->column_count; c++) {
    if (!varies[c]) continue;
    const char *dot = strrchr(plan->columns[c], '.');
    fg_text_shorten(value, sizeof value, arm->shorts[c],
                    left && strlen(arm->shorts[c]) > share ? share : LABEL_LETTERS);
    fprintf(out, "%s%s %s", ftell(out) > 0 ? ", " : "", dot ? dot + 1 : plan->columns[c], value);
  }
  fclose(out);
  fg_text_shorten(label, sizeof label, length ? text : "all", LABEL_LETTERS);
  free(text);
  return fg_arena_text(sweep->arena, label);
}

void fg_sweep_data_label(fg_sweep_data *sweep) {
  const bool *varies = shorten_values(sweep);
  json_t *times = json_object(); // how often a label occurs
  if (!times) abort();
  for (size_t a = 0; a < sweep->arm_count; a++) {
    fg_report_arm *arm = &sweep->arms[a];
    arm->label = label_of(sweep, arm, varies);
    json_int_t before = json_integer_value(json_object_get(times, arm->label));
    json_object_set_new_nocheck(times, arm->label, json_integer(before + 1));
  }
  for (size_t a = 0; a < sweep->arm_count; a++) {
    char label[4 * LABEL_LETTERS + 8];
    if (json_integer_value(json_object_get(times, sweep->arms[a].label)) < 2) continue;
    const char *numbered = fg_arena_format(sweep->arena, "#%zu %s", a + 1, sweep->arms[a].label);
    sweep->arms[a].label = fg_arena_text(sweep->arena, fg_text_shorten(label, sizeof label, numbered, LABEL_LETTERS));
  }
  json_decref(times);
}
