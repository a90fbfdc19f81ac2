// value.c — see value.h. The text is what fg_sweep_plan wrote: YAML in flow style, on one line.
#include "sweep/value.h"

#include <stdio.h>
#include <string.h>

/// Where a pair ends: the comma or bracket that closes it.
static const char *end_of_pair(const char *c) {
  int depth = 0;
  for (char quote = 0; *c; c++) {
    if (quote) {
      if (*c == '\\' && quote == '"' && c[1]) c++;
      if (*c == quote) quote = 0;
      continue;
    }
    if (*c == '"' || *c == '\'') quote = *c;
    if (depth == 0 && (*c == ',' || *c == '}' || *c == ']')) return c;
    depth += (*c == '{' || *c == '[') - (*c == '}' || *c == ']');
  }
  return c;
}

static bool begins(fg_span span, const char *word) {
  return span.length > strlen(word) && strncmp(span.text, word, strlen(word)) == 0;
}

/// Reads the pairs of a map from after its '{'.
static bool read_map(fg_stage_value *value, const char *c) {
  while (*c && *c != '}') {
    const char *end = end_of_pair(c);
    fg_span pair = {c, (size_t)(end - c)};
    if (begins(pair, "plugin: ")) {
      value->plugin = (fg_span){c + 8, pair.length - 8};
    } else if (begins(pair, "params: {")) {
      if (!read_map(value, c + 9)) return false;
    } else if (pair.length) {
      if (value->count == FG_VALUE_PAIRS) return false;
      value->pairs[value->count++] = pair;
    }
    for (c = end; *c == ',' || *c == ' ';) c++;
  }
  return true;
}

bool fg_stage_value_read(fg_stage_value *value, const char *text) {
  *value = (fg_stage_value){.count = 0};
  return *text == '{' && read_map(value, text + 1) && value->plugin.length;
}

const char *fg_value_pair(fg_span pair, char *text, size_t size) {
  const char *colon = memchr(pair.text, ':', pair.length);
  if (!colon || pair.text + pair.length < colon + 2)
    snprintf(text, size, "%.*s", (int)pair.length, pair.text);
  else
    snprintf(text, size, "%.*s=%.*s", (int)(colon - pair.text), pair.text, (int)(pair.text + pair.length - colon - 2),
             colon + 2);
  return text;
}

const char *fg_sweep_value_text(const char *value, char *text, size_t size) {
  char whole[1024], pair[256];
  fg_stage_value stage;
  int at = 0;
  if (fg_stage_value_read(&stage, value)) {
    at = snprintf(whole, sizeof whole, "%.*s", (int)stage.plugin.length, stage.plugin.text);
    for (size_t i = 0; i < stage.count && at < (int)sizeof whole; i++)
      at += snprintf(whole + at, sizeof whole - (size_t)at, " %s", fg_value_pair(stage.pairs[i], pair, sizeof pair));
    value = whole;
  }
  size_t length = strlen(value);
  if (length < size) {
    memcpy(text, value, length + 1);
    return text;
  }
  for (length = size - sizeof "…"; length && (value[length] & 0xc0) == 0x80;) length--;
  snprintf(text, size, "%.*s…", (int)length, value);
  return text;
}
