// test_yaml.c — files as trees of nodes with places; every limit and refusal with its place; texts written and read back.
#include "check.h"

#include "yaml.h"

#include <stdlib.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define MIB ((size_t)1 << 20)

static char *printed(fg_diagnostics *diagnostics) {
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  fg_diagnostics_print(diagnostics, out);
  fclose(out);
  return text;
}

/// Reads a text that is sound.
static fg_document *sound(const char *text) {
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  fg_document *document = fg_yaml_read_text("p", text, strlen(text), diagnostics);
  char *lines = printed(diagnostics);
  CHECK_TEXT(lines, "");
  CU_ASSERT_FATAL(document != NULL);
  free(lines);
  fg_diagnostics_free(diagnostics);
  return document;
}

/// Reads a text that is refused with these lines.
static void refused_bytes(const char *text, size_t length, const char *expected) {
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  fg_document *document = fg_yaml_read_text("p", text, length, diagnostics);
  CU_ASSERT(fg_diagnostics_errors(diagnostics) > 0);
  char *lines = printed(diagnostics);
  CHECK_TEXT(lines, expected);
  free(lines);
  fg_document_free(document);
  fg_diagnostics_free(diagnostics);
}

static void refused(const char *text, const char *expected) { refused_bytes(text, strlen(text), expected); }

/// The tree in one line, each node with its place: {key@1:1: value@1:6, …}; quoted scalars in quotes.
static void print_tree(const fg_node *node, FILE *out) {
  if (node->kind == FG_NODE_SCALAR) {
    fprintf(out, node->plain ? "%s" : "'%s'", node->text);
  } else {
    fputc(node->kind == FG_NODE_LIST ? '[' : '{', out);
    for (size_t i = 0; i < node->count; i++) {
      if (i) fputs(", ", out);
      if (node->kind == FG_NODE_MAP) print_tree(node->keys[i], out);
      if (node->kind == FG_NODE_MAP) fputs(": ", out);
      print_tree(node->items[i], out);
    }
    fputc(node->kind == FG_NODE_LIST ? ']' : '}', out);
  }
  fprintf(out, "@%u:%u", node->place.line, node->place.column);
}

static void reads_as(const char *text, const char *expected) {
  fg_document *document = sound(text);
  char *tree = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&tree, &length);
  if (!out) abort();
  print_tree(fg_document_root(document), out);
  fclose(out);
  CHECK_TEXT(tree, expected);
  CHECK_TEXT(fg_document_root(document)->place.file, "p");
  free(tree);
  fg_document_free(document);
}

static void places(void) {
  reads_as("a: 1\nb:\n  c: [x, 'y',   \"z\"]\n  d: {e: f}\n",
           "{a@1:1: 1@1:4, b@2:1: {c@3:3: [x@3:7, 'y'@3:10, 'z'@3:17]@3:6, d@4:3: {e@4:7: f@4:10}@4:6}@3:3}@1:1");
  reads_as("- 1\n-\n  - 2\n- a:\n- ? k\n  : v\n", "[1@1:3, [2@3:5]@3:3, {a@4:3: @4:5}@4:3, {k@5:5: v@6:5}@5:3]@1:1");
  reads_as("# comment\n\n---\n  a: |\n    text\n  b: >-\n    folded\n    text\n",
           "{a@4:3: 'text\n'@4:6, b@6:3: 'folded text'@6:6}@4:3");
  reads_as("%YAML 1.2\n---\n[]\n...\n# end", "[]@3:1");
  reads_as("word", "word@1:1");
  reads_as("a: 1\r\nb: 2\r\n", "{a@1:1: 1@1:4, b@2:1: 2@2:4}@1:1");
}

/// Columns count characters, not bytes, wide or narrow; a byte order mark counts nothing.
static void columns_count_characters(void) {
  reads_as("é: {ключ: 値, 😀: z}", "{é@1:1: {ключ@1:5: 値@1:11, 😀@1:14: z@1:17}@1:4}@1:1");
  reads_as("\xef\xbb\xbf"
           "a: b",
           "{a@1:1: b@1:4}@1:1");
  refused("é: 'ключ' x",
          "p:1:11: error: YAML: did not find expected key; give the keys of a map the same indentation\n");
}

static void quotes(void) {
  reads_as("'a b': \"tab\\t\"\n\"a: c\": 'it''s'\n'1': 1\n'<<': 2\n",
           "{'a b'@1:1: 'tab\t'@1:8, 'a: c'@2:1: 'it's'@2:9, '1'@3:1: 1@3:6, '<<'@4:1: 2@4:7}@1:1");
  reads_as("a:\nb: ''\nc: ~\n", "{a@1:1: @1:3, b@2:1: ''@2:4, c@3:1: ~@3:4}@1:1");
}

static void aliases(void) {
  reads_as("a: &x {k: v}\nb: *x\nc: [*x, *x]\n", "{a@1:1: {k@1:8: v@1:11}@1:4, b@2:1: {k@1:8: v@1:11}@1:4, "
                                                 "c@3:1: [{k@1:8: v@1:11}@1:4, {k@1:8: v@1:11}@1:4]@3:4}@1:1");
  reads_as("- &x 1\n- *x\n- &x 2\n- *x\n", "[1@1:3, 1@1:3, 2@3:3, 2@3:3]@1:1"); // a later anchor replaces
  reads_as("&k a: 1\nb: *k\n", "{a@1:1: 1@1:7, b@2:1: a@1:1}@1:1");
  reads_as("- &k a\n- *k : 1\n", "[a@1:3, {a@1:3: 1@2:8}@2:3]@1:1"); // an alias of a scalar may be a key
  reads_as("&o [&o x, *o]", "[x@1:5, x@1:5]@1:1");                   // the inner anchor is the nearer one
  // The very node, not a copy.
  fg_document *document = sound("[&x [1], *x]");
  const fg_node *root = fg_document_root(document);
  CU_ASSERT(root->items[0] == root->items[1]);
  fg_document_free(document);
}

static void alias_faults(void) {
  refused("a: &s\n  b: *s\n", "p:2:6: error: an alias inside its own anchor makes a cycle; write the value out\n");
  refused("&s [[*s]]", "p:1:6: error: an alias inside its own anchor makes a cycle; write the value out\n");
  refused("a: *s\nb: &s 1\n",
          "p:1:4: error: there is no anchor '&s' before this alias; write one, or write the value out\n");
}

/// `count` times `text`, after `before` and before `after`; to be freed.
static char *repeated(const char *before, const char *text, size_t count, const char *after) {
  size_t piece = strlen(text), head = strlen(before);
  char *whole = malloc(head + count * piece + strlen(after) + 1);
  if (!whole) abort();
  strcpy(whole, before);
  for (size_t i = 0; i < count; i++) memcpy(whole + head + i * piece, text, piece);
  strcpy(whole + head + count * piece, after);
  return whole;
}

static void node_limit(void) {
  // A list of 99,999 scalars is 100,000 nodes.
  char *most = repeated("[", "x,", 99999, "]"), *more = repeated("[", "x,", 100000, "]");
  fg_document_free(sound(most));
  refused(more, "p:1:200000: error: more than 100,000 nodes, aliases expanded; a pipeline has at most that\n");
  free(most);
  free(more);
  // Aliases count as what they expand to: 1 + 3·(1 + 33,332) = 100,000, once more is too much.
  char *exact = repeated("[&a [", "x,", 33332, "],*a,*a]"), *bomb = repeated("[&a [", "x,", 33332, "],*a,*a,*a]");
  fg_document_free(sound(exact));
  refused(bomb, "p:1:66678: error: more than 100,000 nodes, aliases expanded; a pipeline has at most that\n");
  free(exact);
  free(bomb);
  refused("- &a [x, x, x, x, x, x, x, x, x, x]\n- &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
          "- &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n- &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
          "- &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n- &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n"
          "- [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]\n",
          "p:5:35: error: more than 100,000 nodes, aliases expanded; a pipeline has at most that\n");
}

static void depth_limit(void) {
  char *most = repeated("", "[", 64, ""), *more = repeated("", "[", 65, "");
  char text[300];
  snprintf(text, sizeof text, "%s%.64s", most, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
  fg_document_free(sound(text));
  refused(more, "p:1:65: error: lists and maps are nested deeper than 64, the most there may be\n");
  char *maps = repeated("", "{a: ", 65, "");
  refused(maps, "p:1:257: error: lists and maps are nested deeper than 64, the most there may be\n");
  // Aliases do not go deeper either: 40 inside 24 is 64, inside 25 too deep.
  char *forty = repeated("- &a ", "[", 40, "1"), *closed = repeated(forty, "]", 40, "\n- "),
       *inside = repeated(closed, "[", 23, "*a"), *ended = repeated(inside, "]", 23, "\n");
  fg_document_free(sound(ended));
  char *deeper = repeated(closed, "[", 24, "*a");
  refused(deeper, "p:2:27: error: lists and maps are nested deeper than 64, the most there may be\n");
  char *const texts[] = {most, more, maps, forty, closed, inside, ended, deeper};
  for (size_t i = 0; i < COUNT_OF(texts); i++) free(texts[i]);
}

static void size_limit(void) {
  char *most = repeated("a: b\n#", "x", MIB - 6, ""), *more = repeated("a: b\n#", "x", MIB - 5, "");
  fg_document_free(sound(most));
  refused(more, "p: error: more than 1 MiB of text; a pipeline has at most that\n");
  free(most);
  free(more);
}

/// 200,000 keys, and as many anchors and aliases as a file can hold, take work in proportion to the text: names compared
/// one with another would be 10^9 comparisons and more.
static void many_names(void) {
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  fputc('{', out);
  for (unsigned i = 0; i < 200000; i++) {
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    fprintf(out, "%c%c%c%c,", digits[i & 31], digits[i >> 5 & 31], digits[i >> 10 & 31], digits[i >> 15 & 31]);
  }
  fputc('}', out);
  fclose(out);
  refused_bytes(text, length,
                "p:1:250001: error: more than 100,000 nodes, aliases expanded; a pipeline has at most that\n");
  free(text);

  out = open_memstream(&text, &length);
  if (!out) abort();
  for (unsigned i = 0; i < 40000; i++) fprintf(out, "- &%x 1\n", i);
  for (unsigned i = 0; i < 40000; i++) fprintf(out, "- *%x\n", i);
  fclose(out);
  fg_document *document = sound(text);
  CHECK_INTEGER(fg_document_root(document)->count, 80000);
  CU_ASSERT(fg_document_root(document)->items[79999] == fg_document_root(document)->items[39999]);
  fg_document_free(document);
  free(text);

  out = open_memstream(&text, &length);
  if (!out) abort();
  for (unsigned i = 0; i < 49999; i++) fprintf(out, "k%05u: 1\n", i);
  fclose(out);
  document = sound(text);
  CHECK_INTEGER(fg_document_root(document)->count, 49999);
  CHECK_INTEGER(fg_node_key(fg_document_root(document), "k49998")->place.line, 49999);
  fg_document_free(document);
  free(text);
}

/// The first is kept, reading goes on, and all are found in one pass.
static void duplicate_keys(void) {
  refused("a: 1\nb: {c: 1, 'c': [d, {e: 1}]}\na: 2\n\"a\": 3\n",
          "p:2:11: error: key 'c' is given twice, first in line 2; remove one\n"
          "p:3:1: error: key 'a' is given twice, first in line 1; remove one\n"
          "p:4:1: error: key 'a' is given twice, first in line 1; remove one\n");
  refused("a: &x k\nb: {*x : 1, *x : 2}\n", "p:2:13: error: key 'k' is given twice, first in line 1; remove one\n");
  reads_as("a: {k: 1}\nb: {k: 1}\n", "{a@1:1: {k@1:5: 1@1:8}@1:4, b@2:1: {k@2:5: 1@2:8}@2:4}@1:1");
  const char *text = "a: 1\na: {b: 2}\nc: 3\n";
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  fg_document *document = fg_yaml_read_text("p", text, strlen(text), diagnostics);
  CU_ASSERT_FATAL(document != NULL);
  CHECK_INTEGER(fg_document_root(document)->count, 2);
  CHECK_TEXT(fg_node_get(fg_document_root(document), "a")->text, "1");
  CHECK_TEXT(fg_node_get(fg_document_root(document), "c")->text, "3");
  fg_document_free(document);
  fg_diagnostics_free(diagnostics);
}

static void refusals(void) {
  refused("a: {<<: *x}", "p:1:5: error: merge keys (<<) are not allowed; write the entries out\n");
  refused("? [a]\n: b\n", "p:1:3: error: a key must be a word, not a list or a map\n");
  refused("{{a: b}: c}", "p:1:2: error: a key must be a word, not a list or a map\n");
  refused("- &x [1]\n- *x : 1\n", "p:2:3: error: a key must be a word, not a list or a map\n");
  refused("a: 1\n---\nb: 2\n", "p:2:1: error: the file holds a second document; keep one\n");
  refused("a: 1\n--- \n", "p:2:1: error: the file holds a second document; keep one\n");
  refused("", "p:1:1: error: the file is empty; a pipeline begins with 'finegrain: 1'\n");
  refused("\n  \n# only\n# comments", "p:1:1: error: the file is empty; a pipeline begins with 'finegrain: 1'\n");
  refused("a: \"x\\0y\"", "p:1:4: error: a text contains a zero byte; remove it\n");
  refused("\"\\0\": 1", "p:1:1: error: a text contains a zero byte; remove it\n");
}

/// No tag is honoured: what a value is, its reader decides. Each is reported, and reading goes on.
static void tags(void) {
  refused("a: !!str 1\nb: !custom {c: !<tag:x,2000:y> [1]}\nd: ! e\n",
          "p:1:4: error: tags are not allowed; leave '!!str' out\n"
          "p:2:4: error: tags are not allowed; leave '!custom' out\n"
          "p:2:16: error: tags are not allowed; leave 'tag:x,2000:y' out\n"
          "p:3:4: error: tags are not allowed; leave '!' out\n");
}

/// What libyaml finds, with line and column, also where it gives only an offset, and the nearest fix.
static void syntax(void) {
  refused("a: [1, 2\nb: 3\n",
          "p:2:2: error: YAML: did not find expected ',' or ']', while parsing a flow sequence from "
          "line 1; end the list with ']'\n");
  refused("a: {b: 2 c: 3}", "p:1:11: error: YAML: did not find expected ',' or '}'; end the map with '}'\n");
  refused("a:\n\tb: 1\n",
          "p:2:1: error: YAML: found character that cannot start any token; indent with blanks, and put "
          "a text that begins with '@', '`' or '%' in quotes\n");
  refused("a: @x",
          "p:1:4: error: YAML: found character that cannot start any token; indent with blanks, and put a text "
          "that begins with '@', '`' or '%' in quotes\n");
  refused("a: 1\n\tb\n", "p:2:1: error: YAML: found a tab character that violates indentation, while scanning a plain "
                         "scalar from line 1; indent with blanks\n");
  refused("a: b: c",
          "p:1:5: error: YAML: mapping values are not allowed in this context; put a text that contains ': ' "
          "in quotes\n");
  refused("a: 'open\n",
          "p:2:1: error: YAML: found unexpected end of stream, while scanning a quoted scalar from line 1; "
          "end the text with a quote\n");
  refused("a: 1\n b: 2\n",
          "p:2:3: error: YAML: mapping values are not allowed in this context; put a text that contains "
          "': ' in quotes\n");
  refused("  a: 1\n b: 2\n",
          "p:2:2: error: YAML: did not find expected <document start>; give the keys of a map the same "
          "indentation\n");
  refused("- a\nb: 2\n",
          "p:2:1: error: YAML: did not find expected '-' indicator, while parsing a block collection from "
          "line 1; give the items of a list the same indentation\n");
  refused("a: 1\nb\nc: 2\n",
          "p:3:1: error: YAML: could not find expected ':', while scanning a simple key from line 2; "
          "write KEY: VALUE, with a blank after the colon\n");
  refused("a:1\nb: 2\n",
          "p:2:2: error: YAML: mapping values are not allowed in this context; put a text that contains ': ' "
          "in quotes\n");
  refused("%TAG", "p:1:5: error: YAML: did not find expected '!'\n");
  const char *end = "; write UTF-8 text without control characters\n";
  char expected[200];
  snprintf(expected, sizeof expected, "p:2:5: error: YAML: invalid leading UTF-8 octet%s", end);
  refused("é: 1\nb: é\xff", expected);
  snprintf(expected, sizeof expected, "p:1:5: error: YAML: incomplete UTF-8 octet sequence%s", end);
  refused("a: é\xc3", expected);
  snprintf(expected, sizeof expected, "p:3:4: error: YAML: control characters are not allowed%s", end);
  refused("a: é\r\nb: 2\rc: \x01", expected);
  snprintf(expected, sizeof expected, "p:1:4: error: YAML: control characters are not allowed%s", end);
  refused_bytes("a: \0b", 5, expected);
  snprintf(expected, sizeof expected, "p:1:1: error: YAML: invalid leading UTF-8 octet%s", end);
  refused_bytes("\xff\xfe"
                "a\0:\0 \0b\0",
                10, expected); // UTF-16
}

static void files(void) {
  char path[] = "/tmp/finegrain-yaml-XXXXXX";
  int handle = mkstemp(path);
  if (handle < 0 || write(handle, "a: [b]\n", 7) != 7) abort();
  close(handle);
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  fg_document *document = fg_yaml_read_file(path, diagnostics);
  CU_ASSERT_FATAL(document != NULL);
  CHECK_TEXT(fg_document_root(document)->keys[0]->place.file, path);
  fg_document_free(document);
  CU_ASSERT(truncate(path, (off_t)MIB + 1) == 0);
  CU_ASSERT(fg_yaml_read_file(path, diagnostics) == NULL);
  unlink(path);
  CU_ASSERT(fg_yaml_read_file(path, diagnostics) == NULL);
  CU_ASSERT(fg_yaml_read_file("/", diagnostics) == NULL);
  char expected[300], *lines = printed(diagnostics);
  snprintf(expected, sizeof expected,
           "%s: error: more than 1 MiB of text; a pipeline has at most that\n"
           "%s: error: cannot open: No such file or directory\n"
           "/: error: cannot read: Is a directory\n",
           path, path);
  CHECK_TEXT(lines, expected);
  free(lines);
  fg_diagnostics_free(diagnostics);
}

/// A value from the command line has no line and column, and may be empty.
static void values(void) {
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  fg_document *document = fg_yaml_read_value("--set a=[1, b]", "[1, b]", diagnostics);
  CU_ASSERT_FATAL(document != NULL);
  const fg_node *root = fg_document_root(document);
  CHECK_TEXT(root->items[1]->place.file, "--set a=[1, b]");
  CHECK_INTEGER(root->place.line + root->items[1]->place.line + root->items[1]->place.column, 0);
  fg_document_free(document);
  document = fg_yaml_read_value("--set a=", "", diagnostics);
  CU_ASSERT_FATAL(document != NULL);
  CHECK_TEXT(fg_document_root(document)->text, "");
  CU_ASSERT(!fg_node_is_null(fg_document_root(document)));
  fg_document_free(document);
  CU_ASSERT(fg_yaml_read_value("--set a=[", "[", diagnostics) == NULL);
  CU_ASSERT(fg_yaml_read_value("--set a=\xff", "\xff", diagnostics) == NULL);
  fg_document_free(fg_yaml_read_value("--set a={b: 1, b: 2}", "{b: 1, b: 2}", diagnostics));
  char *lines = printed(diagnostics);
  CHECK_TEXT(lines,
             "--set a=[: error: YAML: did not find expected node content\n"
             "--set a=\xff: error: YAML: invalid leading UTF-8 octet; write UTF-8 text without control characters\n"
             "--set a={b: 1, b: 2}: error: key 'b' is given twice; remove one\n");
  free(lines);
  fg_diagnostics_free(diagnostics);
}

static void changing(void) {
  fg_document *document = sound("a: &x {k: 1}\nb: *x\nc: [1, 2]\n");
  fg_node *root = fg_document_root(document);
  fg_node *copy = fg_node_copy(document, fg_node_get(root, "a"));
  const fg_place place = {"elsewhere", 7, 8};
  fg_node_set(document, root, "a", place, copy);
  fg_node_set(document, copy, "k", place, fg_node_get(root, "c"));
  fg_node_set(document, copy, "l", place, fg_node_new_map(document, place));
  CHECK_INTEGER(fg_node_get(root, "a")->count, 2);
  CHECK_INTEGER(fg_node_get(fg_node_get(root, "a"), "k")->count, 2);
  CHECK_INTEGER(fg_node_key(fg_node_get(root, "a"), "k")->place.line, 1);
  CHECK_INTEGER(fg_node_key(fg_node_get(root, "a"), "l")->place.line, 7);
  // What shares the original does not change.
  CHECK_INTEGER(fg_node_get(root, "b")->count, 1);
  CHECK_TEXT(fg_node_get(fg_node_get(root, "b"), "k")->text, "1");
  CU_ASSERT(fg_node_get(root, "z") == NULL && fg_node_get(fg_node_get(root, "c"), "a") == NULL);
  const fg_node *list = fg_node_copy(document, fg_node_get(root, "c"));
  CU_ASSERT(list->kind == FG_NODE_LIST && list->count == 2 && strcmp(list->items[1]->text, "2") == 0);
  fg_document_free(document);
}

static void descriptions(void) {
  fg_document *document =
      sound("[{}, [], word, 'quoted', 12, -1.5e3, 0x1f, e, '-', 1 2, True, false, '', ~, null, yes]");
  static const char *const expected[] = {"a map",    "a list",  "text",    "text", "a number",      "a number",
                                         "a number", "text",    "text",    "text", "true or false", "true or false",
                                         "text",     "nothing", "nothing", "text"};
  const fg_node *root = fg_document_root(document);
  CHECK_INTEGER(root->count, COUNT_OF(expected));
  for (size_t i = 0; i < COUNT_OF(expected); i++) CHECK_TEXT(fg_node_describe(root->items[i]), expected[i]);
  fg_document_free(document);
}

/// Every character there is, alone and in company, comes back as it was.
static void written_texts_read_back(void) {
  static const char *const texts[] = {"",
                                      " ",
                                      "word",
                                      "a\"b\\c",
                                      "tab\tline\nreturn\r",
                                      "# no comment: {[",
                                      "~",
                                      "&a *a",
                                      "trailing ",
                                      "  leading",
                                      "\x7f",
                                      "é 値 😀",
                                      "'",
                                      "%",
                                      "\xc2\x85",
                                      "a \xe2\x80\xa8 b",
                                      "a \xe2\x80\xa9 b",
                                      "\xef\xbb\xbf",
                                      "\xef\xbf\xbe",
                                      "\xef\xbf\xbf",
                                      "\xc2\x80\xc2\x9f\xc2\xa0"};
  char all[128 * 2];
  size_t at = 0;
  for (int c = 1; c < 128; c++) {
    all[at++] = (char)c;
    if (c % 3 == 0) all[at++] = ' ';
  }
  all[at] = 0;
  for (size_t i = 0; i <= COUNT_OF(texts); i++) {
    const char *text = i < COUNT_OF(texts) ? texts[i] : all;
    char *yaml = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&yaml, &length);
    if (!out) abort();
    fputs("- ", out);
    fg_yaml_write_text(text, out);
    fputs("\n", out);
    fclose(out);
    fg_document *document = sound(yaml);
    CHECK_TEXT(fg_document_root(document)->items[0]->text, text);
    CU_ASSERT(!fg_document_root(document)->items[0]->plain);
    fg_document_free(document);
    free(yaml);
  }
}

int main(void) {
  static const check_case cases[] = {{"places", places},
                                     {"columns count characters", columns_count_characters},
                                     {"quotes", quotes},
                                     {"aliases", aliases},
                                     {"alias faults", alias_faults},
                                     {"node limit", node_limit},
                                     {"depth limit", depth_limit},
                                     {"size limit", size_limit},
                                     {"many names", many_names},
                                     {"duplicate keys", duplicate_keys},
                                     {"refusals", refusals},
                                     {"tags", tags},
                                     {"syntax", syntax},
                                     {"files", files},
                                     {"values", values},
                                     {"changing", changing},
                                     {"descriptions", descriptions},
                                     {"written texts read back", written_texts_read_back},
                                     {0}};
  return check_main("yaml", cases);
}
