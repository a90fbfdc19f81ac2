// kernel.c — see kernel.h.
#include "report/kernel.h"

#include "report/text.h"

#include <math.h>
#include <stdlib.h>

#define NUMBERED 44    // pixels of a square with a number in it
#define PLAIN 14       // and without
#define STRONGEST 0.82 // opacity of the largest weight: the number on it must stay readable

/// Index of the parameter at offset (y, x) from the centre.
static size_t parameter_at(int y, int x) {
  int far = abs(y) > abs(x) ? abs(y) : abs(x), near = abs(y) > abs(x) ? abs(x) : abs(y);
  if (far == 0) return 2;
  if (far == 1) return near == 1 ? 0 : 1;
  int first = far * (far + 1) / 2; // as many lie on the rings inside
  return (size_t)(near == far ? first : near == 0 ? first + 1 : first + 1 + far - near);
}

bool fg_kernel_unfold(const double *parameters, size_t count, unsigned side, double *cells) {
  if (side < 3 || side % 2 == 0 || count != ((size_t)side / 2 + 1) * ((size_t)side / 2 + 2) / 2) return false;
  int radius = (int)(side / 2);
  for (int y = -radius; y <= radius; y++)
    for (int x = -radius; x <= radius; x++) *cells++ = parameters[parameter_at(y, x)];
  return true;
}

void fg_kernel_draw(FILE *out, const double *cells, unsigned side, double largest, bool numbers, const char *alt) {
  unsigned step = numbers ? NUMBERED : PLAIN, width = side * step;
  fprintf(out, "<svg viewBox=\"0 0 %u %u\" style=\"width:%urem;max-width:100%%\" role=\"img\" aria-label=\"", width,
          width, (width + 15) / 16);
  fg_html_text(out, alt);
  fputs("\">", out);
  for (unsigned i = 0; i < side * side; i++) {
    double weight = isfinite(cells[i]) ? cells[i] : 0;
    unsigned x = i % side * step, y = i / side * step;
    fprintf(out,
            "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" style=\"fill:var(--%s);fill-opacity:%.3f;"
            "stroke:var(--rule);stroke-width:.75\"/>",
            x, y, step, step, weight < 0 ? "negative" : "positive",
            largest > 0 ? STRONGEST * fmin(fabs(weight) / largest, 1) : 0);
    if (!numbers) continue;
    bool whole = fabs(weight) >= 99.5;
    fprintf(out,
            "<text x=\"%u\" y=\"%.1f\" text-anchor=\"middle\" font-size=\"12\" fill=\"currentColor\">%s%.*f</text>",
            x + step / 2, y + 0.5 * step + 4.5, weight < 0 ? "−" : "", whole ? 0 : 2, fabs(weight));
  }
  fputs("</svg>", out);
}
