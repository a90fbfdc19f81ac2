// progress.c — see progress.h.
#include "progress.h"

#include "clock.h"
#include "words.h"
#include "worker.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAR_CELLS 24
#define REDRAW_SECONDS 0.1
#define PLAIN_SECONDS 10.0

struct fg_progress {
  pthread_mutex_t lock;
  bool quiet, terminal;
  uint32_t drawn; ///< lines standing on the terminal
  double last;
  bool *said; ///< plain: this stage's end has been printed
};

fg_progress *fg_progress_new(bool quiet) {
  fg_progress *progress = calloc(1, sizeof *progress);
  if (!progress) abort();
  pthread_mutex_init(&progress->lock, NULL);
  progress->quiet = quiet;
  const char *term = getenv("TERM");
  progress->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
  progress->last = fg_clock_now();
  return progress;
}

static void erase(fg_progress *progress) {
  if (progress->drawn) fprintf(stderr, "\033[%uA\033[J", progress->drawn);
  progress->drawn = 0;
}

/// "sample     ████████░░░░░░░░  12000/20000  61k/s  0.4 s left"
static void draw_stage(const fg_worker *worker, int width, double now) {
  static const char *const cells[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
  uint64_t done, expected;
  fg_worker_progress(worker, &done, &expected);
  int state = atomic_load(&worker->state);
  double share = expected ? (double)done / (double)expected : state == 2;
  if (share > 1) share = 1;
  fprintf(stderr, "  %-*s ", width, worker->instance->spec->name);
  int eighths = (int)(share * BAR_CELLS * 8);
  fputs("\033[36m", stderr);
  for (int cell = 0; cell < BAR_CELLS; cell++) {
    int fill = eighths - cell * 8;
    fputs(cells[fill < 0 ? 0 : fill > 8 ? 8 : fill], stderr);
  }
  fputs("\033[0m ", stderr);
  char text[FG_WORDS];
  double elapsed = now - worker->started;
  if (state == 0 || (state == 1 && done == 0))
    fputs("waiting", stderr);
  else if (state == 2 || state == 3) {
    fg_duration_text(worker->times.total, text);
    fprintf(stderr, "%" PRIu64 " %s, %s", done, state == 2 ? "done" : "stopped", text);
  } else {
    fprintf(stderr, "%" PRIu64, done);
    if (expected) fprintf(stderr, "/%" PRIu64, expected);
    if (elapsed > 0) fprintf(stderr, "  %.3g/s", (double)done / elapsed);
    if (expected && done < expected) {
      fg_duration_text(elapsed * (double)(expected - done) / (double)done, text);
      fprintf(stderr, "  %s left", text);
    }
  }
  fputc('\n', stderr);
}

static void draw(fg_progress *progress, fg_worker *const *workers, uint32_t count, double now) {
  int width = 0;
  for (uint32_t i = 0; i < count; i++) {
    int length = (int)strlen(workers[i]->instance->spec->name);
    if (length > width) width = length;
  }
  erase(progress);
  for (uint32_t i = 0; i < count; i++) draw_stage(workers[i], width, now);
  progress->drawn = count;
  fflush(stderr);
}

static void plain(fg_progress *progress, fg_worker *const *workers, uint32_t count, bool also_running) {
  if (!progress->said) progress->said = calloc(count, sizeof *progress->said);
  for (uint32_t i = 0; i < count && progress->said; i++) {
    int state = atomic_load(&workers[i]->state);
    uint64_t done, expected;
    fg_worker_progress(workers[i], &done, &expected);
    const char *name = workers[i]->instance->spec->name;
    char text[FG_WORDS];
    if (state >= 2 && !progress->said[i]) {
      fg_duration_text(workers[i]->times.total, text);
      fprintf(stderr, "%s: %s after %s", name, state == 2 ? "done" : "stopped", text);
      if (done) fprintf(stderr, ", %" PRIu64 " configurations", done);
      fputc('\n', stderr);
      progress->said[i] = true;
    } else if (state == 1 && also_running && expected && done) {
      fg_duration_text((fg_clock_now() - workers[i]->started) *
                           (double)(expected - (done < expected ? done : expected)) / (double)done,
                       text);
      fprintf(stderr, "%s: %" PRIu64 "/%" PRIu64 ", about %s left\n", name, done, expected, text);
    }
  }
}

void fg_progress_update(fg_progress *progress, fg_worker *const *workers, uint32_t count) {
  if (progress->quiet) return;
  double now = fg_clock_now();
  bool due = now - progress->last >= (progress->terminal ? REDRAW_SECONDS : PLAIN_SECONDS);
  pthread_mutex_lock(&progress->lock);
  if (progress->terminal && due) draw(progress, workers, count, now);
  if (!progress->terminal) plain(progress, workers, count, due);
  pthread_mutex_unlock(&progress->lock);
  if (due) progress->last = now;
}

void fg_progress_end(fg_progress *progress, fg_worker *const *workers, uint32_t count) {
  if (!progress->quiet && progress->terminal) draw(progress, workers, count, fg_clock_now());
  if (!progress->quiet && !progress->terminal) plain(progress, workers, count, false);
  pthread_mutex_destroy(&progress->lock);
  free(progress->said);
  free(progress);
}

static void print_line(fg_progress *progress, const char *format, va_list args) {
  pthread_mutex_lock(&progress->lock);
  erase(progress);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  pthread_mutex_unlock(&progress->lock);
}

void fg_progress_note(fg_progress *progress, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (!progress->quiet) print_line(progress, format, args);
  va_end(args);
}

void fg_progress_line(fg_progress *progress, const char *format, ...) {
  va_list args;
  va_start(args, format);
  print_line(progress, format, args);
  va_end(args);
}
