// svg.h — what gnuplot draws, made part of a page: colours that follow the page's light and dark, the page's
// font, no ids that could meet those of another drawing.
#ifndef FG_CORE_REPORT_SVG_H
#define FG_CORE_REPORT_SVG_H

#include <stdbool.h>
#include <stdio.h>

/// Writes the SVG file's text `svg` as an element of a page; `alt` says what it shows. False, with nothing written, when
/// it is not a whole SVG or holds a coordinate that is no number.
bool fg_svg_inline(FILE *out, const char *svg, const char *alt);

#endif
