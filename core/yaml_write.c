// yaml_write.c — texts and nodes written as YAML that reads back as the same; see yaml.h.
#include "yaml.h"

#include <string.h>

/// The code point of up to three bytes of UTF-8 at the start of a text; of anything else the first byte.
static unsigned code_point(const char *text, int *bytes) {
  const unsigned char *c = (const unsigned char *)text;
  bool two = (c[0] & 0xe0) == 0xc0 && (c[1] & 0xc0) == 0x80;
  bool three = (c[0] & 0xf0) == 0xe0 && (c[1] & 0xc0) == 0x80 && (c[2] & 0xc0) == 0x80;
  *bytes = two ? 2 : three ? 3 : 1;
  return two     ? (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu)
         : three ? (c[0] & 0xfu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu)
                 : c[0];
}

void fg_yaml_write_text(const char *text, FILE *out) {
  fputc('"', out);
  for (int bytes = 1; *text; text += bytes) {
    unsigned code = code_point(text, &bytes);
    if (*text == '"' || *text == '\\')
      fprintf(out, "\\%c", *text);
    else if (bytes == 1 ? code < 0x20 || code == 0x7f : code < 0xa0)
      fprintf(out, "\\x%02x", code);
    else if (bytes == 3 && (code == 0x2028 || code == 0x2029 || code == 0xfeff || code >= 0xfffe))
      fprintf(out, "\\u%04x", code); // what YAML 1.1 takes for a line's end, or does not print
    else
      fwrite(text, 1, (size_t)bytes, out);
  }
  fputc('"', out);
}

/// Whether a text can stand in flow style without quotes, and is then read as it was.
static bool is_bare(const char *text) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+./^-";
  return text[0] && strspn(text, allowed) == strlen(text) && strcmp(text, "-") != 0 && strncmp(text, "---", 3) != 0 &&
         strcmp(text, "...") != 0;
}

void fg_yaml_write_flow(const fg_node *node, FILE *out) {
  if (node->kind == FG_NODE_SCALAR) {
    if (node->plain ||
        (is_bare(node->text) && strcspn(node->text, "0123456789.+-~") && strcmp(node->text, "null") != 0 &&
         strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0))
      fputs(node->text, out);
    else
      fg_yaml_write_text(node->text, out);
    return;
  }
  bool map = node->kind == FG_NODE_MAP;
  fputc(map ? '{' : '[', out);
  for (size_t i = 0; i < node->count; i++) {
    if (i) fputs(", ", out);
    if (map) {
      fg_yaml_write_flow(node->keys[i], out);
      fputs(": ", out);
    }
    fg_yaml_write_flow(node->items[i], out);
  }
  fputc(map ? '}' : ']', out);
}
