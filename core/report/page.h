// page.h — a page being written: sections of markup, and plots that are drawn all at once when the page is
// finished. The page is one file that needs no other; it asks for nothing from anywhere.
#ifndef FG_CORE_REPORT_PAGE_H
#define FG_CORE_REPORT_PAGE_H

#include "error.h"
#include "report/arena.h"
#include "report/plot.h"

typedef struct fg_page {
  FILE *out;      ///< the body's markup goes here; texts from data through fg_html_text
  fg_arena arena; ///< for whatever lives as long as the page
  fg_error error; ///< the first thing that could not be written; the page goes on without it
  struct fg_page_private *own;
} fg_page;

/// `folder` gets report.html and, when there are plots, report/. The caller writes <header>…</header> and <main> before
/// the first section; fg_page_finish closes it.
fg_page *fg_page_new(const char *folder);
void fg_page_free(fg_page *page);

/// Says that the page's table of contents stands here.
void fg_page_contents(fg_page *page);
/// Ends the section before, and begins one. `id` is unique, `text` the plain heading.
void fg_page_section(fg_page *page, const char *id, const char *text);

/// Begins and ends a group of figures that stand beside each other as far as there is room.
void fg_page_figures_begin(fg_page *page);
void fg_page_figures_end(fg_page *page);
/// Puts a plot here, with a caption of markup (NULL: none). The plot is copied to its files at once; its name is made fit
/// for a file and unique. A plot without points is left out.
void fg_page_figure(fg_page *page, const fg_plot *plot, const char *caption);

/// Draws the plots and writes FOLDER/report.html. `warning`: why plots are missing; "" when none is.
fg_status fg_page_finish(fg_page *page, const char *title, fg_error *warning, fg_error *error);

// style.c: the look of a page, and the script that sorts its tables.
extern const char fg_page_style_light[], fg_page_style_dark[];
extern const char *const fg_page_style[], *const fg_page_script[]; ///< pieces; the last one is NULL

#endif
