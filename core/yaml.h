// yaml.h — a YAML file as a tree of nodes, each with its place. Read through libyaml's events.
// Limits and refusals (DESIGN of the format): UTF-8, one document, depth ≤ 64 and ≤ 100,000 nodes after alias expansion,
// ≤ 1 MiB of text; duplicate keys, alias cycles, `<<`, tags (`!!str` too: the reader of a value decides its type),
// non-scalar keys and zero bytes are errors. All are reported with their place.
#ifndef FG_CORE_YAML_H
#define FG_CORE_YAML_H

#include "diagnostics.h"

#include <stdbool.h>

typedef enum fg_node_kind { FG_NODE_SCALAR = 1, FG_NODE_LIST, FG_NODE_MAP } fg_node_kind;

/// A node; owned by its document, as are the texts it points to. A map's i-th entry is keys[i] (a scalar) : items[i], in
/// the file's order. A node begins at its anchor, if it has one. An alias is its anchor's very node, place included:
/// whoever changes one copies it first.
typedef struct fg_node fg_node;
struct fg_node {
  fg_node_kind kind;
  fg_place place;
  const char *text; ///< scalar: its text; otherwise NULL
  bool plain;       ///< scalar: written without quotes, so it may be a number, a boolean or null
  size_t count;     ///< list, map: entries
  fg_node **keys;
  fg_node **items;
};

typedef struct fg_document fg_document;

/// Reads a file or a text; `label` is what places will show. NULL after an error was recorded; an empty document is one.
/// After a duplicate key (the first is kept) or a tag (ignored), which are errors too, the document is returned, so that
/// more of them can be found in the same pass.
fg_document *fg_yaml_read_file(const char *path, fg_diagnostics *diagnostics);
fg_document *fg_yaml_read_text(const char *label, const char *text, size_t length, fg_diagnostics *diagnostics);
/// The same for one value from the command line: `label` shows it whole, so places have no line and column.
fg_document *fg_yaml_read_value(const char *label, const char *text, fg_diagnostics *diagnostics);
void fg_document_free(fg_document *document);
fg_node *fg_document_root(const fg_document *document);

/// Value of `key` in a map, NULL when absent or `map` is not a map.
fg_node *fg_node_get(const fg_node *map, const char *key);
/// The key's own node, for its place.
const fg_node *fg_node_key(const fg_node *map, const char *key);
/// Replaces or appends `key: value` in a map; key and memory belong to `document`, value may be another document's
/// node, which must then live as long. NULL value removes nothing and is not allowed.
void fg_node_set(fg_document *document, fg_node *map, const char *key, fg_place place, fg_node *value);
/// An empty map owned by `document`.
fg_node *fg_node_new_map(fg_document *document, fg_place place);
/// An unquoted scalar owned by `document`; the text is copied.
fg_node *fg_node_new_scalar(fg_document *document, fg_place place, const char *text);
/// A copy of a list or map, owned by `document`, whose entries are the same nodes; it can be changed though the original
/// may be shared by aliases.
fg_node *fg_node_copy(fg_document *document, const fg_node *node);

/// A scalar written as nothing at all, ~ or null, without quotes.
bool fg_node_is_null(const fg_node *node);
/// "a map", "a list", "text", "a number", "true or false", "nothing": for messages.
const char *fg_node_describe(const fg_node *node);

/// Writes a text as a double-quoted scalar that is read back as the same text.
void fg_yaml_write_text(const char *text, FILE *out);
/// Writes a node on one line, in flow style.
void fg_yaml_write_flow(const fg_node *node, FILE *out);

#endif
