// sweep_local.c — workers on this machine; see sweep_engine.h. On a terminal: one line for the whole, one for each
// running point, redrawn, and failures as they come. Otherwise the workers' own lines.
#include "sweep_engine.h"

#include "clock.h"
#include "run.h"
#include "sweep_work.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_JOBS 1024u
#define MOST_LINES 24u
#define LOOK_SECONDS 0.5

static volatile sig_atomic_t stop_signal;

static void on_signal(int number) {
  if (!stop_signal) stop_signal = number;
}

// ---- what is shown

typedef struct display {
  const fg_sweep_plan *plan;
  const fg_registry *registry;
  bool terminal, quiet;
  unsigned drawn; ///< lines standing
  bool *told;     ///< this point's failure has been shown
  double start;
  size_t done_at_start;
} display;

static void draw_running(const fg_sweep_plan *plan, const fg_sweep_entry *entry, const fg_point_report *report) {
  char label[160], left[FG_WORDS] = "";
  const int cells = 20, full = (int)(report->share * cells);
  fg_sweep_label(plan, entry, label, sizeof label);
  if (report->share > 0.02 && report->seconds > 0)
    fg_duration_text(report->seconds * (1 - report->share) / report->share, left);
  fputs("  \033[36m", stderr);
  for (int c = 0; c < cells; c++) fputs(c < full ? "█" : "·", stderr);
  fprintf(stderr, "\033[0m %3.0f%%  %s%s%s%s\n", 100 * report->share, label, left[0] ? ", " : "", left,
          left[0] ? " left" : "");
}

/// Looks at every point; on a terminal draws.
static void show(display *d) {
  size_t states[FG_POINT_STATES] = {0};
  char text[256], left[FG_WORDS] = "";
  if (d->drawn) fprintf(stderr, "\033[%uA\033[J", d->drawn);
  d->drawn = 0;
  unsigned lines = 0;
  fg_point_report *running = calloc(MOST_LINES, sizeof *running);
  const fg_sweep_entry **entries = calloc(MOST_LINES, sizeof *entries);
  if (!running || !entries) abort();
  for (size_t i = 0; i < d->plan->count; i++) {
    const fg_sweep_entry *entry = &d->plan->entries[i];
    fg_point_report report = fg_sweep_look(d->plan, entry, NULL, false);
    states[report.state]++;
    if (report.state == FG_POINT_FAILED && !d->told[i]) {
      char label[256];
      fg_sweep_label(d->plan, entry, label, sizeof label);
      fprintf(stderr, "%s: failed: %s\n", label, report.error);
      d->told[i] = true;
    }
    if (report.state == FG_POINT_RUNNING && lines < MOST_LINES) {
      running[lines] = fg_sweep_look(d->plan, entry, NULL, true);
      entries[lines++] = entry;
    }
  }
  size_t done = states[FG_POINT_DONE] - d->done_at_start,
         rest = d->plan->count - states[FG_POINT_DONE] - states[FG_POINT_FAILED];
  double elapsed = fg_clock_now() - d->start;
  if (done && rest) fg_duration_text(elapsed * (double)rest / (double)done, left);
  fg_sweep_count_text(states, text, sizeof text);
  fprintf(stderr, "%s%s%s%s\n", text, left[0] ? "; about " : "", left, left[0] ? " left" : "");
  for (unsigned l = 0; l < lines; l++) draw_running(d->plan, entries[l], &running[l]);
  d->drawn = lines + 1;
  fflush(stderr);
  free(running);
  free(entries);
}

// ---- workers

static unsigned core_count(void) {
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return count > 0 ? (unsigned)count : 1;
}

/// A worker's process: never returns. What it says goes to a file when the terminal is drawn on.
static void be_worker(const fg_sweep_plan *plan, unsigned number, unsigned threads, bool silent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (silent) {
    char path[4096];
    snprintf(path, sizeof path, "%.3900s/workers", plan->folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%.3900s/workers/%u.log", plan->folder, number);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file >= 0) dup2(file, STDERR_FILENO);
  }
  const fg_work_options options = {.threads = threads};
  int code = fg_sweep_work(plan->folder, &options);
  fflush(stderr);
  _exit(code);
}

int fg_sweep_local(const fg_sweep_plan *plan, const fg_registry *registry, uint32_t jobs, uint32_t threads,
                   bool quiet) {
  const char *term = getenv("TERM");
  unsigned cores = core_count(), count = jobs ? jobs : cores;
  if (count > plan->count) count = (unsigned)plan->count;
  if (count > MOST_JOBS) count = MOST_JOBS;
  if (!threads) threads = cores / count ? cores / count : 1;
  display d = {.plan = plan, .registry = registry, .quiet = quiet, .start = fg_clock_now()};
  d.terminal = !quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
  d.told = calloc(plan->count + 1, sizeof *d.told);
  pid_t *workers = calloc(count + 1, sizeof *workers);
  if (!d.told || !workers) abort();
  for (size_t i = 0; i < plan->count; i++) d.done_at_start += fg_sweep_is_done(plan, "points", plan->entries[i].id);
  struct sigaction action = {.sa_handler = on_signal}, old_int, old_term;
  stop_signal = 0;
  sigaction(SIGINT, &action, &old_int);
  sigaction(SIGTERM, &action, &old_term);
  fflush(NULL);
  for (unsigned w = 0; w < count; w++) {
    workers[w] = fork();
    if (workers[w] == 0) be_worker(plan, w, threads, quiet || d.terminal);
    if (workers[w] < 0) fprintf(stderr, "finegrain: cannot start a worker: %s\n", strerror(errno));
  }
  int worst = 0;
  bool passed_on = false;
  for (unsigned alive = count; alive;) {
    int status;
    pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended > 0) {
      int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      if (code > worst) worst = code;
      alive--;
      continue;
    }
    if (ended < 0 && errno == ECHILD) break;
    if (stop_signal && !passed_on) {
      passed_on = true;
      for (unsigned w = 0; w < count; w++)
        if (workers[w] > 0) kill(workers[w], SIGTERM);
    }
    if (d.terminal) show(&d);
    usleep((useconds_t)(1e6 * (d.terminal ? LOOK_SECONDS : 0.02)));
  }
  if (d.terminal) show(&d);
  sigaction(SIGINT, &old_int, NULL);
  sigaction(SIGTERM, &old_term, NULL);
  free(d.told);
  free(workers);
  return stop_signal ? 128 + stop_signal : worst;
}
