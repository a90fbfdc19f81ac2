// svg.c — see svg.h. Reads the SVG that gnuplot 5 writes, tag by tag; it is no reader of SVG in general.
#include "report/svg.h"

#include "report/plot.h"
#include "report/text.h"

#include <stdlib.h>
#include <string.h>

#define MOST_ATTRIBUTES 24
#define MOST_PENDING 16

typedef struct span {
  const char *text;
  size_t length;
} span;

typedef struct tag {
  span name;
  bool closing, alone; ///< </g>, <g/>
  span names[MOST_ATTRIBUTES], values[MOST_ATTRIBUTES];
  size_t count;
} tag;

/// The drawing being written. Groups are held back until something is in them: gnuplot leaves many empty ones.
typedef struct inliner {
  FILE *out;
  tag pending[MOST_PENDING];
  size_t pending_count;
} inliner;

static bool is(span s, const char *text) { return s.length == strlen(text) && memcmp(s.text, text, s.length) == 0; }

static const char *skip_blanks(const char *c) { return c + strspn(c, " \t\r\n"); }

/// Reads the tag behind '<'; NULL when it does not end.
static const char *read_tag(const char *c, tag *t) {
  *t = (tag){.closing = *c == '/'};
  c += t->closing;
  t->name = (span){c, strcspn(c, " \t\r\n/>")};
  for (c = skip_blanks(c + t->name.length); *c && *c != '>'; c = skip_blanks(c)) {
    if (*c == '/') {
      t->alone = true;
      c++;
      continue;
    }
    span name = {c, strcspn(c, " \t\r\n=>")};
    c = skip_blanks(c + name.length);
    if (*c != '=' || name.length == 0) return NULL;
    c = skip_blanks(c + 1);
    const char *end = *c == '"' || *c == '\'' ? strchr(c + 1, *c) : NULL;
    if (!end) return NULL;
    if (t->count < MOST_ATTRIBUTES) {
      t->names[t->count] = name;
      t->values[t->count++] = (span){c + 1, (size_t)(end - c - 1)};
    }
    c = end + 1;
  }
  return *c ? c + 1 : NULL;
}

static span attribute(const tag *t, const char *name) {
  for (size_t i = 0; i < t->count; i++)
    if (is(t->names[i], name)) return t->values[i];
  return (span){"", 0};
}

/// "currentColor" for gnuplot's black, "var(--s1)" for a colour of ours, NULL for others.
static const char *page_colour(span value, char text[32]) {
  unsigned red = 0, green = 0, blue = 0;
  char copy[40];
  if (is(value, "black")) return "currentColor";
  if (is(value, "white")) return "var(--paper)";
  snprintf(copy, sizeof copy, "%.*s", value.length < sizeof copy ? (int)value.length : 0, value.text);
  if (sscanf(copy, "rgb(%u,%u,%u)", &red, &green, &blue) != 3) return NULL; // NOLINT(cert-err34-c): of gnuplot's making
  unsigned colour = red << 16 | green << 8 | blue;
  if (colour == 0) return "currentColor";
  for (size_t i = 0; i < FG_PLOT_COLOURS; i++) {
    if (fg_plot_colours[i].light != colour) continue;
    snprintf(text, 32, "var(%s)", fg_plot_colours[i].variable);
    return text;
  }
  return NULL;
}

static bool is_dropped(span name) {
  static const char *const dropped[] = {"id",    "font-family",    "xlink:href",     "xmlns",
                                        "color", "stroke-linecap", "stroke-linejoin"};
  for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
    if (is(name, dropped[i])) return true;
  return false;
}

static void write_tag(FILE *out, const tag *t) {
  char text[32];
  fprintf(out, "<%s%.*s", t->closing ? "/" : "", (int)t->name.length, t->name.text);
  for (size_t i = 0; i < t->count; i++) {
    const char *colour = page_colour(t->values[i], text);
    span value = colour ? (span){colour, strlen(colour)} : t->values[i];
    if (is_dropped(t->names[i])) continue;
    // A variable is understood everywhere in a style, not everywhere in an attribute.
    bool variable = colour && strncmp(colour, "var", 3) == 0;
    fprintf(out, variable ? " style=\"%.*s:%.*s\"" : " %.*s=\"%.*s\"", (int)t->names[i].length, t->names[i].text,
            (int)value.length, value.text);
  }
  fputs(t->alone ? "/>" : ">", out);
}

static void release(inliner *in) {
  for (size_t i = 0; i < in->pending_count; i++) write_tag(in->out, &in->pending[i]);
  in->pending_count = 0;
}

/// gnuplot draws a dot as a use of a symbol, which would need an id: here it becomes a circle.
static void write_dot(inliner *in, const tag *t) {
  double x, y, radius;
  char text[32], place[100];
  span transform = attribute(t, "transform");
  const char *colour = page_colour(attribute(t, "color"), text);
  snprintf(place, sizeof place, "%.*s", transform.length < sizeof place ? (int)transform.length : 0, transform.text);
  // NOLINTNEXTLINE(cert-err34-c): of gnuplot's making
  if (sscanf(place, "translate(%lf,%lf) scale(%lf)", &x, &y, &radius) != 3) return;
  fprintf(in->out, "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"%.2f\" stroke=\"none\" style=\"fill:%s\"/>", x, y, radius,
          colour ? colour : "currentColor");
}

static void take_tag(inliner *in, const tag *t) {
  bool group = is(t->name, "g");
  if (group && !t->closing && !t->alone && in->pending_count < MOST_PENDING) {
    in->pending[in->pending_count++] = *t;
    return;
  }
  if (group && t->closing && in->pending_count > 0) {
    in->pending_count--;
    return;
  }
  if (is(t->name, "path") && attribute(t, "d").length == 0) return;
  release(in);
  if (is(t->name, "use"))
    write_dot(in, t);
  else
    write_tag(in->out, t);
}

/// True for elements that a page does without: gnuplot's name and version, symbols, names of series, the background.
static bool is_skipped(const tag *t) {
  return is(t->name, "title") || is(t->name, "desc") || is(t->name, "defs") ||
         (is(t->name, "rect") && is(attribute(t, "fill"), "none"));
}

static const char *skip_element(const char *c, const tag *t) {
  char end[20];
  if (t->alone) return c;
  snprintf(end, sizeof end, "</%.*s>", (int)t->name.length, t->name.text);
  const char *found = strstr(c, end);
  return found ? found + strlen(end) : NULL;
}

/// The elements between <svg …> and </svg>; false when something is torn.
static bool take_contents(inliner *in, const char *c) {
  tag t;
  for (;;) {
    size_t text = strcspn(c, "<");
    if (c + text > skip_blanks(c)) {
      release(in);
      fwrite(c, 1, text, in->out);
    }
    c += text;
    if (!*c || !(c = read_tag(c + 1, &t))) return false;
    if (is(t.name, "svg")) return t.closing;
    if (is_skipped(&t))
      c = skip_element(c, &t);
    else
      take_tag(in, &t);
    if (!c) return false;
  }
}

bool fg_svg_inline(FILE *out, const char *svg, const char *alt) {
  char *body = NULL;
  size_t length = 0;
  tag head;
  const char *start = strstr(svg, "<svg");
  if (!start || !(start = read_tag(start + 1, &head))) return false;
  inliner in = {.out = open_memstream(&body, &length)};
  if (!in.out) abort();
  bool whole = take_contents(&in, start);
  fclose(in.out);
  span box = attribute(&head, "viewBox");
  whole = whole && box.length && !strstr(body, "nan") && strpbrk(body, "<");
  if (whole) {
    fprintf(out, "<svg viewBox=\"%.*s\" role=\"img\" aria-label=\"", (int)box.length, box.text);
    fg_html_text(out, alt);
    fprintf(out, "\">%s</svg>", body);
  }
  free(body);
  return whole;
}
