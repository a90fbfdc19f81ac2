// display.c — see display.h. Lines are cut to the terminal's width: one that wrapped would be two to the
// terminal and one to us, and what is redrawn would run down the screen.
#include "sweep/display.h"

#include "clock.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MOST_LINES 24u
#define BAR_CELLS 20u

struct fg_display {
  const fg_sweep_plan *plan;
  const fg_registry *registry;
  unsigned drawn;        ///< lines standing
  fg_point_state *known; ///< of points that have a result, and need no second look; failures that have been told
  double start;
  size_t done_at_start;
  bool begun; ///< there was a first look
};

fg_display *fg_display_new(const fg_sweep_plan *plan, const fg_registry *registry) {
  fg_display *d = calloc(1, sizeof *d);
  if (!d) abort();
  *d = (fg_display){.plan = plan, .registry = registry, .start = fg_clock_now()};
  d->known = calloc(plan->count + 1, sizeof *d->known);
  if (!d->known) abort();
  return d;
}

static void erase(fg_display *d) {
  if (d->drawn) fprintf(stderr, "\033[%uA\033[J", d->drawn);
  d->drawn = 0;
}

void fg_display_free(fg_display *d) {
  if (!d) return;
  erase(d);
  fflush(stderr);
  free(d->known);
  free(d);
}

/// Columns and lines there are; the last column stays free, for some terminals wrap there.
static void measure(unsigned *columns, unsigned *lines) {
  struct winsize size;
  bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0;
  *columns = known && size.ws_col > 1 ? size.ws_col - 1u : 79;
  *lines = known && size.ws_row > 1 ? size.ws_row : 24;
}

/// Columns a character takes, rather too many than too few; 0 for bytes inside one.
static unsigned columns_of(unsigned char byte) {
  if ((byte & 0xc0) == 0x80) return 0;
  return byte >= 0xe1 ? 2 : 1; // beyond U+1000 some are wide
}

/// Writes a line of at most so many columns.
static void put_line(unsigned columns, const char *text) {
  for (const char *c = text; *c; c++) {
    const unsigned char byte = (unsigned char)*c;
    const unsigned wide = columns_of(byte);
    if (wide > columns) break;
    columns -= wide;
    fputc(byte < ' ' || byte == 127 ? ' ' : byte, stderr);
  }
  fputc('\n', stderr);
}

/// A label without the ".params" of its paths: there is little room.
static void draw_label(const fg_sweep_plan *plan, const fg_sweep_entry *entry, char *text, size_t size) {
  static const char middle[] = ".params.";
  fg_sweep_label(plan, entry, text, size);
  for (char *at = text; (at = strstr(at, middle));)
    memmove(at, at + strlen(".params"), strlen(at) + 1 - strlen(".params"));
}

static void draw_running(const fg_sweep_plan *plan, const fg_sweep_entry *entry, unsigned columns) {
  const fg_point_report report = fg_sweep_look(plan, entry, NULL, true);
  const unsigned full = (unsigned)(report.share * BAR_CELLS);
  char label[512], left[FG_WORDS] = "", line[640];
  draw_label(plan, entry, label, sizeof label);
  if (report.share > 0.02 && report.seconds > 0)
    fg_duration_text(report.seconds * (1 - report.share) / report.share, left);
  snprintf(line, sizeof line, " %3.0f%%  %s%s%s%s", 100 * report.share, left, left[0] ? " left" : "",
           left[0] && label[0] ? ": " : "", label);
  if (columns >= BAR_CELLS + 16) {
    fputs("  \033[36m", stderr);
    for (unsigned c = 0; c < BAR_CELLS; c++) fputs(c < full ? "█" : "·", stderr);
    fputs("\033[0m", stderr);
    columns -= BAR_CELLS + 2;
  }
  put_line(columns, line);
}

static void tell_failure(fg_display *d, size_t index, const char *error) {
  const fg_sweep_entry *entry = &d->plan->entries[index];
  char label[512];
  fg_sweep_label(d->plan, entry, label, sizeof label);
  erase(d);
  fprintf(stderr, "%s: failed: %s\n", label[0] ? label : entry->id, error);
}

void fg_display_draw(fg_display *d) {
  size_t states[FG_POINT_STATES] = {0}, running[MOST_LINES];
  char text[256], left[FG_WORDS] = "", line[320];
  unsigned count = 0, columns, lines;
  measure(&columns, &lines);
  for (size_t i = 0; i < d->plan->count; i++) {
    fg_point_report report = {.state = d->known[i]};
    if (report.state != FG_POINT_DONE) report = fg_sweep_look(d->plan, &d->plan->entries[i], d->registry, false);
    states[report.state]++;
    if (report.state == FG_POINT_FAILED && d->known[i] != FG_POINT_FAILED) tell_failure(d, i, report.error);
    if (report.state == FG_POINT_DONE || report.state == FG_POINT_FAILED) d->known[i] = report.state;
    if (report.state == FG_POINT_RUNNING && count < MOST_LINES && count + 2 < lines) running[count++] = i;
  }
  if (!d->begun) d->done_at_start = states[FG_POINT_DONE];
  d->begun = true;
  const size_t done = states[FG_POINT_DONE] - d->done_at_start,
               rest = d->plan->count - states[FG_POINT_DONE] - states[FG_POINT_FAILED];
  if (done && rest) fg_duration_text((fg_clock_now() - d->start) * (double)rest / (double)done, left);
  fg_sweep_count_text(states, text, sizeof text);
  erase(d);
  snprintf(line, sizeof line, "%s%s%s%s", text, left[0] ? "; about " : "", left, left[0] ? " left" : "");
  put_line(columns, line);
  for (unsigned l = 0; l < count; l++) draw_running(d->plan, &d->plan->entries[running[l]], columns);
  d->drawn = count + 1;
  fflush(stderr);
}

void fg_display_say(fg_display *d, const char *text) {
  erase(d);
  fprintf(stderr, "%s\n", text);
}
