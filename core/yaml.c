// yaml.c — see yaml.h. libyaml gives events; a stack of open lists and maps turns them into nodes. Aliases share the
// anchor's node, and what they would expand to is counted, so that a small file cannot ask for much memory.
#include "yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define MOST_BYTES ((size_t)1 << 20)
#define MOST_NODES ((size_t)100000)
#define MOST_DEPTH 64u
#define MOST_KEYS 1000u ///< of one map; keys are compared one with another

/// Memory of a document: blocks freed together.
typedef struct block {
  struct block *next;
} block;

struct fg_document {
  block *blocks;
  fg_node *root;
};

typedef struct anchor {
  const char *name;
  fg_node *node;
  size_t size; ///< nodes it expands to
  bool open;   ///< its end has not been read: an alias to it would be a cycle
} anchor;

/// A list or map being read.
typedef struct frame {
  fg_node *node;
  fg_node *key;  ///< map: the key whose value comes next
  size_t before; ///< expanded nodes read before it
  size_t anchor; ///< index + 1 of its anchor, 0 without
} frame;

typedef struct parser {
  yaml_parser_t yaml;
  fg_document *document;
  fg_diagnostics *diagnostics;
  const char *name;
  frame stack[MOST_DEPTH];
  unsigned depth;
  anchor *anchors;
  size_t anchor_count;
  size_t expanded; ///< nodes so far, aliases expanded
} parser;

static void *document_memory(fg_document *document, size_t bytes) {
  block *fresh = calloc(1, sizeof *fresh + bytes);
  if (!fresh) abort();
  fresh->next = document->blocks;
  document->blocks = fresh;
  return fresh + 1;
}

static char *document_text(fg_document *document, const char *text, size_t length) {
  char *copy = document_memory(document, length + 1);
  memcpy(copy, text, length);
  return copy;
}

static fg_place place_of(const parser *p, const yaml_mark_t *mark) {
  return (fg_place){p->name, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1};
}

static fg_node *new_node(parser *p, fg_node_kind kind, const yaml_event_t *event) {
  fg_node *node = document_memory(p->document, sizeof *node);
  node->kind = kind;
  node->place = place_of(p, &event->start_mark);
  return node;
}

/// Arrays grow by doubling; the old ones stay in the arena, at most as large together as the last.
static void append_entry(fg_document *document, fg_node *node, fg_node *key, fg_node *item) {
  if ((node->count & (node->count - 1)) == 0) {
    size_t capacity = node->count ? 2 * node->count : 1;
    fg_node **items = document_memory(document, capacity * sizeof *items);
    fg_node **keys = document_memory(document, capacity * sizeof *keys);
    if (node->count) memcpy(items, node->items, node->count * sizeof *items);
    if (node->count && node->keys) memcpy(keys, node->keys, node->count * sizeof *keys);
    node->items = items;
    node->keys = keys;
  }
  node->keys[node->count] = key;
  node->items[node->count++] = item;
}

static bool fault(parser *p, const yaml_event_t *event, const char *message) {
  fg_error_at(p->diagnostics, place_of(p, &event->start_mark), NULL, "%s", message);
  return false;
}

static bool take_key(parser *p, frame *top, fg_node *key, const yaml_event_t *event) {
  if (key->kind != FG_NODE_SCALAR) return fault(p, event, "a key must be a plain word, not a list or a map");
  if (strcmp(key->text, "<<") == 0 && key->plain)
    return fault(p, event, "merge keys (<<) are not allowed; write the entries out");
  if (top->node->count == MOST_KEYS) return fault(p, event, "a map has more than 1,000 keys");
  const fg_node *first = fg_node_key(top->node, key->text);
  if (first) {
    fg_error_at(p->diagnostics, key->place, NULL, "key '%s' is given twice, first in line %u; remove one", key->text,
                first->place.line);
    return false;
  }
  top->key = key;
  return true;
}

/// Puts a finished node where it belongs.
static bool place_node(parser *p, fg_node *node, const yaml_event_t *event) {
  if (p->depth == 0) {
    p->document->root = node;
    return true;
  }
  frame *top = &p->stack[p->depth - 1];
  if (top->node->kind == FG_NODE_LIST)
    append_entry(p->document, top->node, NULL, node);
  else if (!top->key)
    return take_key(p, top, node, event);
  else {
    append_entry(p->document, top->node, top->key, node);
    top->key = NULL;
  }
  return true;
}

static size_t add_anchor(parser *p, const yaml_char_t *name, fg_node *node, bool open) {
  if (!name) return 0;
  p->anchors = realloc(p->anchors, (p->anchor_count + 1) * sizeof *p->anchors);
  if (!p->anchors) abort();
  const char *text = document_text(p->document, (const char *)name, strlen((const char *)name));
  p->anchors[p->anchor_count] = (anchor){text, node, 1, open};
  return ++p->anchor_count;
}

static bool count_nodes(parser *p, size_t more, const yaml_event_t *event) {
  p->expanded += more;
  return p->expanded <= MOST_NODES || fault(p, event, "the file has more than 100,000 nodes, aliases expanded");
}

static bool read_alias(parser *p, const yaml_event_t *event) {
  const char *name = (const char *)event->data.alias.anchor;
  for (size_t i = p->anchor_count; i-- > 0;) {
    const anchor *found = &p->anchors[i];
    if (strcmp(found->name, name) != 0) continue;
    if (found->open) return fault(p, event, "an alias inside its own anchor makes a cycle");
    return count_nodes(p, found->size, event) && place_node(p, found->node, event);
  }
  return fault(p, event, "unknown alias");
}

static bool read_scalar(parser *p, const yaml_event_t *event) {
  fg_node *node = new_node(p, FG_NODE_SCALAR, event);
  if (event->data.scalar.tag) return fault(p, event, "tags (!…) are not allowed; leave it out");
  if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
    return fault(p, event, "a text contains a zero byte");
  node->text = document_text(p->document, (const char *)event->data.scalar.value, event->data.scalar.length);
  node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  add_anchor(p, event->data.scalar.anchor, node, false);
  return count_nodes(p, 1, event) && place_node(p, node, event);
}

static bool open_collection(parser *p, const yaml_event_t *event, fg_node_kind kind, const yaml_char_t *name,
                            const yaml_char_t *tag) {
  if (tag) return fault(p, event, "tags (!…) are not allowed; leave it out");
  if (p->depth == MOST_DEPTH) return fault(p, event, "lists and maps are nested deeper than 64");
  fg_node *node = new_node(p, kind, event);
  size_t before = p->expanded;
  if (!count_nodes(p, 1, event)) return false;
  // A collection is placed when it opens: its entries follow, its address does not change.
  if (!place_node(p, node, event)) return false;
  p->stack[p->depth++] = (frame){node, NULL, before, add_anchor(p, name, node, true)};
  return true;
}

static void close_collection(parser *p) {
  frame *top = &p->stack[--p->depth];
  if (!top->anchor) return;
  p->anchors[top->anchor - 1].open = false;
  p->anchors[top->anchor - 1].size = p->expanded - top->before;
}

/// One event; false after an error was recorded. *done at the end of the stream.
static bool read_event(parser *p, const yaml_event_t *event, bool *done) {
  switch (event->type) {
  case YAML_STREAM_END_EVENT: *done = true; return true;
  case YAML_DOCUMENT_START_EVENT:
    return !p->document->root || fault(p, event, "the file holds a second document; keep one");
  case YAML_ALIAS_EVENT: return read_alias(p, event);
  case YAML_SCALAR_EVENT: return read_scalar(p, event);
  case YAML_SEQUENCE_START_EVENT:
    return open_collection(p, event, FG_NODE_LIST, event->data.sequence_start.anchor, event->data.sequence_start.tag);
  case YAML_MAPPING_START_EVENT:
    return open_collection(p, event, FG_NODE_MAP, event->data.mapping_start.anchor, event->data.mapping_start.tag);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT: close_collection(p); return true;
  default: return true;
  }
}

/// Line and column of a byte offset: reader errors (encoding) come without them.
static fg_place place_of_offset(const char *name, const char *text, size_t length, size_t offset) {
  fg_place place = {name, 1, 1};
  for (size_t i = 0; i < offset && i < length; i++) {
    if (text[i] == '\n') {
      place.line++;
      place.column = 1;
    } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
      place.column++;
    }
  }
  return place;
}

static void syntax_error(parser *p, const char *text, size_t length) {
  const yaml_parser_t *yaml = &p->yaml;
  fg_place place = place_of(p, &yaml->problem_mark);
  if (yaml->error == YAML_READER_ERROR) place = place_of_offset(p->name, text, length, yaml->problem_offset);
  const char *problem = yaml->problem ? yaml->problem : "out of memory";
  if (yaml->context)
    fg_error_at(p->diagnostics, place, NULL, "YAML: %s, %s from line %zu", problem, yaml->context,
                yaml->context_mark.line + 1);
  else
    fg_error_at(p->diagnostics, place, NULL, "YAML: %s", problem);
}

fg_document *fg_yaml_read_text(const char *name, const char *text, size_t length, fg_diagnostics *diagnostics) {
  if (length > MOST_BYTES) {
    fg_error_at(diagnostics, (fg_place){name, 0, 0}, NULL, "the file has %zu bytes; a pipeline has at most 1 MiB",
                length);
    return NULL;
  }
  parser *p = calloc(1, sizeof *p);
  if (!p || !yaml_parser_initialize(&p->yaml)) abort();
  p->document = calloc(1, sizeof *p->document);
  if (!p->document) abort();
  p->diagnostics = diagnostics;
  p->name = name;
  yaml_parser_set_input_string(&p->yaml, (const unsigned char *)text, length);
  bool sound = true, done = false;
  while (sound && !done) {
    yaml_event_t event;
    if (!yaml_parser_parse(&p->yaml, &event)) {
      syntax_error(p, text, length);
      sound = false;
      break;
    }
    sound = read_event(p, &event, &done);
    yaml_event_delete(&event);
  }
  if (sound && !p->document->root) {
    fg_error_at(diagnostics, (fg_place){name, 1, 1}, NULL, "the file is empty; a pipeline begins with 'finegrain: 1'");
    sound = false;
  }
  fg_document *document = p->document;
  yaml_parser_delete(&p->yaml);
  free(p->anchors);
  free(p);
  if (sound) return document;
  fg_document_free(document);
  return NULL;
}

fg_document *fg_yaml_read_file(const char *path, fg_diagnostics *diagnostics) {
  FILE *file = fopen(path, "rb");
  char *text = file ? malloc(MOST_BYTES + 1) : NULL;
  if (!text) {
    fg_error_at(diagnostics, (fg_place){path, 0, 0}, NULL, "cannot open: %s", strerror(errno));
    if (file) fclose(file);
    return NULL;
  }
  size_t length = fread(text, 1, MOST_BYTES + 1, file);
  fg_document *document = NULL;
  if (ferror(file))
    fg_error_at(diagnostics, (fg_place){path, 0, 0}, NULL, "cannot read: %s", strerror(errno));
  else
    document = fg_yaml_read_text(path, text, length, diagnostics);
  free(text);
  fclose(file);
  return document;
}

void fg_document_free(fg_document *document) {
  if (!document) return;
  while (document->blocks) {
    block *next = document->blocks->next;
    free(document->blocks);
    document->blocks = next;
  }
  free(document);
}

fg_node *fg_document_root(const fg_document *document) { return document->root; }

fg_node *fg_node_get(const fg_node *map, const char *key) {
  for (size_t i = 0; map->kind == FG_NODE_MAP && i < map->count; i++)
    if (strcmp(map->keys[i]->text, key) == 0) return map->items[i];
  return NULL;
}

const fg_node *fg_node_key(const fg_node *map, const char *key) {
  for (size_t i = 0; map->kind == FG_NODE_MAP && i < map->count; i++)
    if (strcmp(map->keys[i]->text, key) == 0) return map->keys[i];
  return NULL;
}

void fg_node_set(fg_document *document, fg_node *map, const char *key, fg_place place, fg_node *value) {
  for (size_t i = 0; i < map->count; i++) {
    if (strcmp(map->keys[i]->text, key) != 0) continue;
    map->items[i] = value;
    return;
  }
  fg_node *node = document_memory(document, sizeof *node);
  *node = (fg_node){
      .kind = FG_NODE_SCALAR, .place = place, .text = document_text(document, key, strlen(key)), .plain = true};
  append_entry(document, map, node, value);
}

fg_node *fg_node_new_map(fg_document *document, fg_place place) {
  fg_node *node = document_memory(document, sizeof *node);
  *node = (fg_node){.kind = FG_NODE_MAP, .place = place};
  return node;
}

const char *fg_node_describe(const fg_node *node) {
  if (node->kind == FG_NODE_LIST) return "a list";
  if (node->kind == FG_NODE_MAP) return "a map";
  if (!node->plain) return "text";
  if (!node->text[0] || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0) return "nothing";
  if (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0) return "true or false";
  return strspn(node->text, "+-.0123456789eE") == strlen(node->text) ? "a number" : "text";
}
