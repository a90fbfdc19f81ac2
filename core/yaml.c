// yaml.c — see yaml.h. libyaml gives events; a stack of open lists and maps turns them into nodes. Aliases share the
// anchor's node, and what they would expand to is counted, so that a small file cannot ask for much memory. Names are
// found in a balanced tree, so that no file takes time that grows with the square of its length.
#include "yaml.h"

#include "scalar.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h> // NOLINT(readability-duplicate-include): libyaml's, not ours

#define MOST_BYTES ((size_t)1 << 20)
#define MOST_NODES ((size_t)100000)
#define MOST_DEPTH 64u
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/// Memory of a document: blocks freed together.
typedef struct block {
  struct block *next;
} block;

struct fg_document {
  block *blocks;
  fg_node *root;
};

typedef struct anchor {
  fg_node *node;
  size_t size;     ///< nodes it expands to
  unsigned height; ///< lists and maps inside each other: 0 a scalar, 1 a list of scalars
  bool open;       ///< its end has not been read: an alias to it would be a cycle
} anchor;

/// A name that was given: a key of a map, or an anchor.
typedef struct name {
  const fg_node *map; ///< NULL: an anchor
  const char *text;
  fg_node *key;
  anchor *anchor;
} name;

/// A list or map being read.
typedef struct frame {
  fg_node *node;
  fg_node *key;    ///< map: the key whose value comes next
  bool drop;       ///< that key was there before: its value is read, but not kept
  size_t before;   ///< expanded nodes read before it
  unsigned height; ///< of its highest entry so far
  anchor *anchor;  ///< NULL without
} frame;

typedef struct parser {
  yaml_parser_t yaml;
  fg_document *document;
  fg_diagnostics *diagnostics;
  const char *name;
  bool placeless; ///< places have no line and column
  frame stack[MOST_DEPTH];
  unsigned depth;
  void *names;     ///< tree of `name`, which are the document's memory
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
  if (p->placeless) return (fg_place){p->name, 0, 0};
  return (fg_place){p->name, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1};
}

static int compare_names(const void *left, const void *right) {
  const name *a = left, *b = right;
  if (a->map != b->map) return (uintptr_t)a->map < (uintptr_t)b->map ? -1 : 1;
  return strcmp(a->text, b->text);
}

/// The entry of a key or an anchor, made when it is not there yet: then with neither key nor anchor.
static name *find_name(parser *p, const fg_node *map, const char *text) {
  name *fresh = document_memory(p->document, sizeof *fresh);
  *fresh = (name){.map = map, .text = document_text(p->document, text, strlen(text))};
  name **found = tsearch(fresh, &p->names, compare_names);
  if (!found) abort();
  return *found;
}

static void keep_name(void *entry) { (void)entry; }

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
  if (key->kind != FG_NODE_SCALAR) return fault(p, event, "a key must be a word, not a list or a map");
  if (strcmp(key->text, "<<") == 0 && key->plain)
    return fault(p, event, "merge keys (<<) are not allowed; write the entries out");
  name *entry = find_name(p, top->node, key->text);
  if (entry->key) {
    char where[32] = "";
    if (entry->key->place.line) snprintf(where, sizeof where, ", first in line %u", entry->key->place.line);
    fg_error_at(p->diagnostics, place_of(p, &event->start_mark), NULL, "key '%s' is given twice%s; remove one",
                key->text, where);
    top->drop = true;
  } else {
    entry->key = key;
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
    if (!top->drop) append_entry(p->document, top->node, top->key, node);
    top->key = NULL;
    top->drop = false;
  }
  return true;
}

/// A later anchor of the same name replaces an earlier one.
static anchor *add_anchor(parser *p, const yaml_char_t *text, fg_node *node, bool open) {
  if (!text) return NULL;
  anchor *made = document_memory(p->document, sizeof *made);
  *made = (anchor){node, 1, 0, open};
  find_name(p, NULL, (const char *)text)->anchor = made;
  return made;
}

static bool count_nodes(parser *p, size_t more, const yaml_event_t *event) {
  p->expanded += more;
  return p->expanded <= MOST_NODES ||
         fault(p, event, "more than 100,000 nodes, aliases expanded; a pipeline has at most that");
}

/// Tells the list or map being read how high an entry is.
static bool stack_up(parser *p, unsigned height, const yaml_event_t *event) {
  if (p->depth + height > MOST_DEPTH)
    return fault(p, event, "lists and maps are nested deeper than 64, the most there may be");
  if (p->depth && p->stack[p->depth - 1].height < height) p->stack[p->depth - 1].height = height;
  return true;
}

static bool read_alias(parser *p, const yaml_event_t *event) {
  const char *text = (const char *)event->data.alias.anchor;
  const anchor *found = find_name(p, NULL, text)->anchor;
  if (!found) {
    fg_error_at(p->diagnostics, place_of(p, &event->start_mark), NULL,
                "there is no anchor '&%s' before this alias; write one, or write the value out", text);
    return false;
  }
  if (found->open) return fault(p, event, "an alias inside its own anchor makes a cycle; write the value out");
  return count_nodes(p, found->size, event) && stack_up(p, found->height, event) && place_node(p, found->node, event);
}

static void refuse_tag(parser *p, const yaml_event_t *event, const yaml_char_t *tag) {
  static const char standard[] = "tag:yaml.org,2002:"; // what libyaml makes of !!
  const char *text = (const char *)tag;
  if (!text) return;
  bool known = strncmp(text, standard, sizeof standard - 1) == 0;
  fg_error_at(p->diagnostics, place_of(p, &event->start_mark), NULL, "tags are not allowed; leave '%s%s' out",
              known ? "!!" : "", known ? text + sizeof standard - 1 : text);
}

static bool read_scalar(parser *p, const yaml_event_t *event) {
  fg_node *node = new_node(p, FG_NODE_SCALAR, event);
  const char *text = (const char *)event->data.scalar.value;
  refuse_tag(p, event, event->data.scalar.tag);
  if (strlen(text) != event->data.scalar.length) return fault(p, event, "a text contains a zero byte; remove it");
  node->text = document_text(p->document, text, event->data.scalar.length);
  node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  add_anchor(p, event->data.scalar.anchor, node, false);
  return count_nodes(p, 1, event) && place_node(p, node, event);
}

static bool open_collection(parser *p, const yaml_event_t *event, fg_node_kind kind, const yaml_char_t *anchored,
                            const yaml_char_t *tag) {
  refuse_tag(p, event, tag);
  if (!stack_up(p, 1, event)) return false;
  fg_node *node = new_node(p, kind, event);
  size_t before = p->expanded;
  if (!count_nodes(p, 1, event)) return false;
  // A collection is placed when it opens: its entries follow, its address does not change.
  if (!place_node(p, node, event)) return false;
  p->stack[p->depth++] = (frame){.node = node, .before = before, .anchor = add_anchor(p, anchored, node, true)};
  return true;
}

static bool close_collection(parser *p, const yaml_event_t *event) {
  const frame *top = &p->stack[--p->depth];
  unsigned height = top->height + 1;
  if (top->anchor) *top->anchor = (anchor){top->node, p->expanded - top->before, height, false};
  return stack_up(p, height, event);
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
  case YAML_MAPPING_END_EVENT: return close_collection(p, event);
  default: return true;
  }
}

/// Line and column of a byte offset: reader errors (encoding) come without them.
static void count_lines(fg_place *place, const char *text, size_t length, size_t offset) {
  place->line = place->column = 1;
  for (size_t i = 0; i < offset && i < length; i++) {
    if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == length || text[i + 1] != '\n'))) {
      place->line++;
      place->column = 1;
    } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
      place->column++;
    }
  }
}

/// The nearest fix for what libyaml finds most often; "" otherwise.
static const char *advice(const char *problem) {
  static const char *const known[][2] = {
      {"mapping values are not allowed", "; put a text that contains ': ' in quotes"},
      {"found character that cannot start",
       "; indent with blanks, and put a text that begins with '@', '`' or '%' in quotes"},
      {"found a tab character", "; indent with blanks"},
      {"did not find expected ',' or '}'", "; end the map with '}'"},
      {"did not find expected ',' or ']'", "; end the list with ']'"},
      {"did not find expected key", "; give the keys of a map the same indentation"},
      {"did not find expected <document start>", "; give the keys of a map the same indentation"},
      {"did not find expected '-' indicator", "; give the items of a list the same indentation"},
      {"could not find expected ':'", "; write KEY: VALUE, with a blank after the colon"},
      {"found unexpected end of stream", "; end the text with a quote"},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strncmp(problem, known[i][0], strlen(known[i][0])) == 0) return known[i][1];
  return "";
}

static void syntax_error(parser *p, const char *text, size_t length) {
  const yaml_parser_t *yaml = &p->yaml;
  fg_place place = place_of(p, &yaml->problem_mark);
  const char *problem = yaml->problem ? yaml->problem : "out of memory";
  if (yaml->error == YAML_READER_ERROR) {
    if (!p->placeless) count_lines(&place, text, length, yaml->problem_offset);
    fg_error_at(p->diagnostics, place, NULL, "YAML: %s; write UTF-8 text without control characters", problem);
    return;
  }
  char context[100] = "";
  if (yaml->context && !p->placeless && yaml->context_mark.line != yaml->problem_mark.line)
    snprintf(context, sizeof context, ", %s from line %zu", yaml->context, yaml->context_mark.line + 1);
  fg_error_at(p->diagnostics, place, NULL, "YAML: %s%s%s", problem, context, advice(problem));
}

/// All events of the text; false after an error was recorded.
static bool read_events(parser *p, const char *text, size_t length) {
  bool done = false;
  while (!done) {
    yaml_event_t event;
    if (!yaml_parser_parse(&p->yaml, &event)) {
      syntax_error(p, text, length);
      return false;
    }
    bool sound = read_event(p, &event, &done);
    yaml_event_delete(&event);
    if (!sound) return false;
  }
  return true;
}

static bool refuse_empty(const parser *p) {
  fg_error_at(p->diagnostics, (fg_place){p->name, 1, 1}, NULL,
              "the file is empty; a pipeline begins with 'finegrain: 1'");
  return false;
}

static fg_document *read_text(const char *label, const char *text, size_t length, bool placeless,
                              fg_diagnostics *diagnostics) {
  if (length > MOST_BYTES) {
    fg_error_at(diagnostics, (fg_place){label, 0, 0}, NULL, "more than 1 MiB of text; a pipeline has at most that");
    return NULL;
  }
  if (length >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0) {
    text += 3;
    length -= 3;
  }
  parser *p = calloc(1, sizeof *p);
  if (!p || !yaml_parser_initialize(&p->yaml)) abort();
  p->document = calloc(1, sizeof *p->document);
  if (!p->document) abort();
  p->diagnostics = diagnostics;
  p->name = document_text(p->document, label, strlen(label));
  p->placeless = placeless;
  yaml_parser_set_encoding(&p->yaml, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&p->yaml, (const unsigned char *)text, length);
  bool sound = read_events(p, text, length);
  fg_document *document = p->document;
  if (sound && !document->root && placeless) { // KEY= on the command line is the empty text
    document->root = document_memory(document, sizeof *document->root);
    *document->root = (fg_node){.kind = FG_NODE_SCALAR, .place = {p->name, 0, 0}, .text = ""};
  } else if (sound && !document->root) {
    sound = refuse_empty(p);
  }
  yaml_parser_delete(&p->yaml);
  tdestroy(p->names, keep_name);
  free(p);
  if (sound) return document;
  fg_document_free(document);
  return NULL;
}

fg_document *fg_yaml_read_text(const char *label, const char *text, size_t length, fg_diagnostics *diagnostics) {
  return read_text(label, text, length, false, diagnostics);
}

fg_document *fg_yaml_read_value(const char *label, const char *text, fg_diagnostics *diagnostics) {
  return read_text(label, text, strlen(text), true, diagnostics);
}

fg_document *fg_yaml_read_file(const char *path, fg_diagnostics *diagnostics) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    fg_error_at(diagnostics, (fg_place){path, 0, 0}, NULL, "cannot open: %s", strerror(errno));
    return NULL;
  }
  char *text = malloc(MOST_BYTES + 1);
  if (!text) abort();
  size_t length = fread(text, 1, MOST_BYTES + 1, file);
  fg_document *document = NULL;
  if (ferror(file))
    fg_error_at(diagnostics, (fg_place){path, 0, 0}, NULL, "cannot read: %s", strerror(errno));
  else
    document = read_text(path, text, length, false, diagnostics);
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

fg_node *fg_node_new_scalar(fg_document *document, fg_place place, const char *text) {
  fg_node *node = document_memory(document, sizeof *node);
  *node = (fg_node){
      .kind = FG_NODE_SCALAR, .place = place, .text = document_text(document, text, strlen(text)), .plain = true};
  return node;
}

fg_node *fg_node_copy(fg_document *document, const fg_node *node) {
  fg_node *copy = document_memory(document, sizeof *copy);
  *copy = (fg_node){.kind = node->kind, .place = node->place};
  for (size_t i = 0; i < node->count; i++) append_entry(document, copy, node->keys[i], node->items[i]);
  return copy;
}

bool fg_node_is_null(const fg_node *node) {
  return node->kind == FG_NODE_SCALAR && node->plain && fg_scalar_is_null(node->text);
}

const char *fg_node_describe(const fg_node *node) {
  bool truth;
  double number;
  if (node->kind == FG_NODE_LIST) return "a list";
  if (node->kind == FG_NODE_MAP) return "a map";
  if (!node->plain) return "text";
  if (fg_node_is_null(node)) return "nothing";
  if (fg_scalar_bool(node->text, &truth) == FG_SCALAR_OK) return "true or false";
  return fg_scalar_real(node->text, NULL, &number) == FG_SCALAR_OK ? "a number" : "text";
}
