// override.c — see override.h.
#include "override.h"

#include <stdlib.h>
#include <string.h>

#define MOST_PARTS 3u

/// "a.b.c" cut at its first two dots.
typedef struct parts {
  char *text;
  const char *part[MOST_PARTS];
  size_t count;
} parts;

static parts cut(const char *path) {
  parts p = {.text = strdup(path)};
  if (!p.text) abort();
  for (char *at = p.text; at && p.count < MOST_PARTS;) {
    p.part[p.count++] = at;
    char *dot = p.count < MOST_PARTS ? strchr(at, '.') : NULL;
    if (dot) *dot++ = 0;
    at = dot;
  }
  return p;
}

static bool is(const parts *p, size_t index, const char *word) {
  return index < p->count && strcmp(p->part[index], word) == 0;
}

static bool is_stream(const parts *p) { return p->count == 2 && is(p, 0, "stream") && p->part[1][0]; }

static bool is_param(const parts *p) { return p->count == 3 && is(p, 1, "params") && p->part[2][0]; }

bool fg_override_sets_value(const char *path) {
  parts p = cut(path);
  bool sets = is_stream(&p) || is_param(&p);
  free(p.text);
  return sets;
}

static bool has_form(const parts *p) {
  return is_stream(p) || is_param(p) || p->count == 1 || (p->count == 2 && (is(p, 1, "plugin") || is(p, 1, "input"))) ||
         (p->count == 3 && is(p, 1, "inputs") && p->part[2][0]);
}

static void refuse_stage(const fg_node *stages, const char *name, fg_place place, fg_diagnostics *diagnostics) {
  char hint[512];
  size_t count = stages && stages->kind == FG_NODE_MAP ? stages->count : 0;
  const char **names = calloc(count + 1, sizeof *names);
  if (!names) abort();
  for (size_t i = 0; i < count; i++) names[i] = stages->keys[i]->text;
  fg_error_at(diagnostics, place, NULL, "there is no stage '%s'%s", name,
              fg_suggest(hint, sizeof hint, name, names, count));
  free(names);
}

bool fg_override_check(const fg_node *root, const char *path, fg_place place, fg_diagnostics *diagnostics) {
  parts p = cut(path);
  const fg_node *stages = fg_node_get(root, "stages");
  bool sound = has_form(&p);
  if (!sound) {
    fg_error_at(diagnostics, place, NULL,
                "'%s' names nothing that can be set; write STAGE.params.KEY, STAGE, STAGE.plugin, STAGE.input, "
                "STAGE.inputs.PORT or stream.KEY",
                path);
  } else if (!is_stream(&p) && !fg_node_get(stages, p.part[0])) {
    refuse_stage(stages, p.part[0], place, diagnostics);
    sound = false;
  }
  free(p.text);
  return sound;
}

/// The entry `key` of `map`, if it is a map, as one that can be changed.
static fg_node *own_map(fg_document *document, fg_node *map, const char *key) {
  fg_node *shared = fg_node_get(map, key);
  if (!shared || shared->kind != FG_NODE_MAP) return NULL;
  fg_node *own = fg_node_copy(document, shared);
  fg_node_set(document, map, key, own->place, own);
  return own;
}

/// Puts a value at map[group][key]; `group` is made when it is not there.
static void set_value(fg_document *document, fg_node *map, const char *group, const char *key,
                      const fg_override *override) {
  const fg_node *old = fg_node_get(map, group);
  if (!old || fg_node_is_null(old))
    fg_node_set(document, map, group, override->place, fg_node_new_map(document, override->place));
  fg_node *entries = own_map(document, map, group);
  if (entries) fg_node_set(document, entries, key, override->place, override->value); // else no map, which will be said
}

void fg_override_apply(fg_document *document, fg_node *root, const fg_override *override) {
  parts p = cut(override->path);
  if (is_stream(&p)) {
    set_value(document, root, "stream", p.part[1], override);
  } else {
    fg_node *stages = own_map(document, root, "stages");
    fg_node *body = p.count > 1 ? own_map(document, stages, p.part[0]) : NULL;
    if (p.count == 1)
      fg_node_set(document, stages, p.part[0], override->place, override->value);
    else if (body && p.count == 2)
      fg_node_set(document, body, p.part[1], override->place, override->value);
    else if (body)
      set_value(document, body, p.part[1], p.part[2], override);
  }
  free(p.text);
}
