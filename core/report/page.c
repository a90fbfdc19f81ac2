// page.c — see page.h. The body is written to memory; drawings and the table of contents, which are known
// only at the end, are put in at the places noted meanwhile.
#include "report/page.h"

#include "report/files.h"
#include "report/gnuplot.h"
#include "report/svg.h"
#include "report/text.h"

#include <ctype.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NAME 60
#define MOST_SVG ((size_t)8 << 20)
#define DRAWING_SECONDS 20.0 // at most, for one plot…
#define FURTHER_SECONDS 2.0  // …and for each further one

typedef struct place {
  size_t at;        ///< in the body
  const char *name; ///< of a plot; NULL: the table of contents
  const char *alt;
} place;

typedef struct heading {
  const char *id, *text;
} heading;

struct fg_page_private {
  const char *folder;
  fg_report_files *files;
  char *body;
  size_t length;
  json_t *names; ///< of plots (a set)
  place *places;
  size_t place_count;
  size_t plot_count;
  heading *headings;
  size_t heading_count;
};

fg_page *fg_page_new(const char *folder) {
  fg_page *page = calloc(1, sizeof *page);
  if (!page) abort();
  struct fg_page_private *own = page->own = fg_arena_take(&page->arena, 1, sizeof *page->own);
  own->folder = fg_arena_text(&page->arena, folder);
  own->files = fg_report_files_open(folder);
  own->names = json_object();
  page->out = open_memstream(&own->body, &own->length);
  if (!own->names || !page->out) abort();
  return page;
}

void fg_page_free(fg_page *page) {
  if (page->out) fclose(page->out);
  free(page->own->body);
  json_decref(page->own->names);
  fg_report_files_close(page->own->files);
  fg_arena_clear(&page->arena);
  free(page);
}

static void note_place(fg_page *page, const char *name, const char *alt) {
  struct fg_page_private *own = page->own;
  fflush(page->out);
  own->places = fg_arena_grow(&page->arena, own->places, own->place_count, sizeof *own->places);
  own->places[own->place_count++] = (place){own->length, name, alt};
}

void fg_page_contents(fg_page *page) { note_place(page, NULL, NULL); }

void fg_page_section(fg_page *page, const char *id, const char *text) {
  struct fg_page_private *own = page->own;
  own->headings = fg_arena_grow(&page->arena, own->headings, own->heading_count, sizeof *own->headings);
  if (own->heading_count) fputs("</section>\n", page->out);
  own->headings[own->heading_count++] = (heading){fg_arena_text(&page->arena, id), fg_arena_text(&page->arena, text)};
  fprintf(page->out, "<section id=\"%s\" aria-labelledby=\"%s-heading\">\n<h2 id=\"%s-heading\">", id, id, id);
  fg_html_text(page->out, text);
  fputs("</h2>\n", page->out);
}

void fg_page_figures_begin(fg_page *page) { fputs("<div class=\"plots\">\n", page->out); }
void fg_page_figures_end(fg_page *page) { fputs("</div>\n", page->out); }

/// "chi", "chi-2", …
static const char *unique_name(fg_page *page, const char *wanted) {
  char name[MOST_NAME + 24];
  size_t length = 0;
  for (; wanted[length] && length < MOST_NAME; length++)
    name[length] = isalnum((unsigned char)wanted[length]) || wanted[length] == '-' ? wanted[length] : '_';
  name[length] = '\0';
  for (unsigned again = 2; json_object_get(page->own->names, name); again++)
    snprintf(name + length, sizeof name - length, "-%u", again);
  json_object_set_new(page->own->names, name, json_true());
  return fg_arena_text(&page->arena, name);
}

/// Keeps the first failure.
static void write_file(fg_page *page, const fg_plot *plot, const char *ending,
                       void (*write)(const fg_plot *plot, FILE *out)) {
  char *text = NULL, name[PATH_MAX];
  size_t length = 0;
  fg_error error = {0};
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  write(plot, out);
  fclose(out);
  snprintf(name, sizeof name, FG_REPORT_PLOTS "/%s.%s", plot->name, ending);
  if (fg_report_files_write(page->own->files, name, text, length, &error) != FG_OK && !page->error.text[0])
    page->error = error;
  free(text);
}

void fg_page_figure(fg_page *page, const fg_plot *plot, const char *caption) {
  fg_plot drawn = *plot;
  if (!fg_plot_has_points(plot)) return;
  drawn.name = unique_name(page, plot->name);
  if (page->own->plot_count == 0) fg_report_files_make_subfolder(page->own->files, &page->error);
  write_file(page, &drawn, "dat", fg_plot_write_data);
  write_file(page, &drawn, "gp", fg_plot_write_script);
  fputs("<figure>\n", page->out);
  note_place(page, drawn.name, fg_arena_text(&page->arena, plot->alt));
  page->own->plot_count++;
  if (caption) fprintf(page->out, "\n<figcaption>%s</figcaption>", caption);
  fputs("\n</figure>\n", page->out);
}

/// Runs gnuplot over all plots there are.
static void draw(fg_page *page, fg_error *warning) {
  struct fg_page_private *own = page->own;
  const char **scripts = fg_arena_take(&page->arena, own->plot_count + 1, sizeof *scripts);
  char name[PATH_MAX];
  size_t count = 0;
  for (size_t i = 0; i < own->place_count; i++) {
    if (!own->places[i].name) continue;
    snprintf(name, sizeof name, FG_REPORT_PLOTS "/%s.svg", own->places[i].name);
    fg_report_files_expect(own->files, name);
    scripts[count++] = fg_arena_format(&page->arena, "%s.gp", own->places[i].name);
  }
  if (count == 0) return;
  snprintf(name, sizeof name, "%s/" FG_REPORT_PLOTS, own->folder);
  fg_gnuplot_run(name, scripts, count, DRAWING_SECONDS + FURTHER_SECONDS * (double)(count - 1), warning);
}

static void write_drawing(FILE *out, const fg_page *page, const place *p, fg_error *warning) {
  char path[PATH_MAX];
  fg_error error = {0};
  snprintf(path, sizeof path, "%s/" FG_REPORT_PLOTS "/%s.svg", page->own->folder, p->name);
  char *svg = fg_report_read(path, MOST_SVG, NULL, &error);
  if (!svg || !fg_svg_inline(out, svg, p->alt)) {
    if (!warning->text[0]) fg_error_set(warning, "gnuplot made no drawing of %s", path);
    fprintf(out, "<p class=\"missing\">No drawing: ");
    fg_html_text(out, warning->text);
    fprintf(out, ". Its numbers are in <code>" FG_REPORT_PLOTS "/%s.dat</code>.</p>", p->name);
  }
  free(svg);
}

static void write_contents(FILE *out, const struct fg_page_private *own) {
  fputs("<nav aria-label=\"Contents\"><ul>", out);
  for (size_t i = 0; i < own->heading_count; i++) {
    fprintf(out, "<li><a href=\"#%s\">", own->headings[i].id);
    fg_html_text(out, own->headings[i].text);
    fputs("</a></li>", out);
  }
  fputs("</ul></nav>\n", out);
}

static void write_colours(FILE *out, bool dark) {
  for (size_t i = 0; i < FG_PLOT_COLOURS; i++)
    fprintf(out, "%s:#%06x;", fg_plot_colours[i].variable, dark ? fg_plot_colours[i].dark : fg_plot_colours[i].light);
}

static void write_pieces(FILE *out, const char *const *pieces) {
  for (; *pieces; pieces++) fputs(*pieces, out);
}

static void write_head(FILE *out, const char *title) {
  fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
        "'unsafe-inline'; script-src 'unsafe-inline'\">\n"
        "<meta name=\"generator\" content=\"finegrain " FG_VERSION "\">\n<title>",
        out);
  fg_html_text(out, title);
  fputs("</title>\n<style>\n:root{", out);
  fputs(fg_page_style_light, out);
  write_colours(out, false);
  fputs("}\n@media screen and (prefers-color-scheme:dark){:root{", out);
  fputs(fg_page_style_dark, out);
  write_colours(out, true);
  fputs("}}\n", out);
  write_pieces(out, fg_page_style);
  fputs("</style>\n</head>\n<body>\n", out);
}

fg_status fg_page_finish(fg_page *page, const char *title, fg_error *warning, fg_error *error) {
  struct fg_page_private *own = page->own;
  char *text = NULL;
  size_t length = 0, done = 0;
  if (own->heading_count) fputs("</section>\n", page->out);
  fputs("</main>\n", page->out);
  if (page->error.text[0])
    *warning = page->error;
  else
    draw(page, warning);
  fflush(page->out);
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  write_head(out, title);
  for (size_t i = 0; i < own->place_count; i++) {
    const place *p = &own->places[i];
    fwrite(own->body + done, 1, p->at - done, out);
    done = p->at;
    if (p->name)
      write_drawing(out, page, p, warning);
    else
      write_contents(out, own);
  }
  fwrite(own->body + done, 1, own->length - done, out);
  fputs("<script>\n", out);
  write_pieces(out, fg_page_script);
  fputs("</script>\n</body>\n</html>\n", out);
  fclose(out);
  fg_status status = fg_report_files_write(own->files, "report.html", text, length, error);
  if (status == FG_OK) fg_report_files_remove_stale(own->files);
  free(text);
  return status;
}
