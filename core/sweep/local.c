// local.c — workers on this machine; see engine.h. On a terminal their progress is drawn (display.h);
// otherwise they say themselves what they do.
#include "sweep/engine.h"

#include "sweep/display.h"
#include "sweep/work.h"

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
#define LOOK_SECONDS 0.5
#define POLL_SECONDS 0.02

/// The first signal that asked to stop, and how many have: all a handler touches.
static volatile sig_atomic_t stop_signal, stop_count;

static void on_signal(int number) {
  if (!stop_signal) stop_signal = number;
  stop_count = stop_count + 1;
}

typedef struct crew {
  const fg_sweep_plan *plan;
  fg_display *display; ///< NULL: no terminal, or quiet
  bool quiet;
  unsigned count, threads;
  pid_t *workers;
} crew;

static unsigned core_count(void) {
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return count > 0 ? (unsigned)count : 1;
}

static void pause_for(double seconds) { usleep((useconds_t)(1e6 * seconds)); }

/// A worker's process: never returns. What it says goes to a file when the terminal is drawn on. It is told to stop by
/// its parent alone, which a terminal's Ctrl-C reaches too.
static void be_worker(const crew *c, unsigned number, pid_t parent) {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupt, NULL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  if (c->quiet || c->display) {
    char path[4096];
    snprintf(path, sizeof path, "%.3900s/workers", c->plan->folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%.3900s/workers/%u.log", c->plan->folder, number);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file >= 0) dup2(file, STDERR_FILENO);
  }
  const fg_work_options options = {.threads = c->threads};
  int code = fg_sweep_work(c->plan->folder, &options);
  fflush(stderr);
  _exit(code);
}

/// Starts the workers and waits for all of them; the worst exit code.
static int work(crew *c) {
  int worst = 0;
  unsigned alive = 0;
  const pid_t parent = getpid();
  sigset_t term, before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, &before); // a worker takes it when it is ready to
  fflush(NULL);
  for (unsigned w = 0; w < c->count; w++) {
    c->workers[w] = fork();
    if (c->workers[w] == 0) be_worker(c, w, parent);
    if (c->workers[w] < 0) fprintf(stderr, "finegrain: cannot start a worker: %s\n", strerror(errno));
    alive += c->workers[w] > 0;
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
  for (int passed_on = 0; alive;) {
    int status;
    pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended > 0) {
      int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      if (code > worst) worst = code;
      for (unsigned w = 0; w < c->count; w++)
        if (c->workers[w] == ended) c->workers[w] = 0;
      alive--;
      continue;
    }
    for (; passed_on < stop_count; passed_on++)
      for (unsigned w = 0; w < c->count; w++)
        if (c->workers[w] > 0) kill(c->workers[w], SIGTERM);
    if (c->display) fg_display_draw(c->display);
    pause_for(c->display ? LOOK_SECONDS : POLL_SECONDS);
  }
  return worst;
}

/// Points in each state; no versions are compared.
static void count_states(const fg_sweep_plan *plan, size_t states[FG_POINT_STATES]) {
  memset(states, 0, FG_POINT_STATES * sizeof *states);
  for (size_t i = 0; i < plan->count; i++) states[fg_sweep_look(plan, &plan->entries[i], NULL, false).state]++;
}

/// Waits while others are at points: workers of another command, or runs that outlived their worker. True when one of
/// them has left a point that is not done.
static bool wait_for_others(const crew *c) {
  size_t states[FG_POINT_STATES];
  bool waited = false;
  for (;; waited = true) {
    count_states(c->plan, states);
    if (!states[FG_POINT_RUNNING] || stop_signal) break;
    if (!waited && !c->quiet) {
      char text[128];
      snprintf(text, sizeof text, "waiting for %zu point%s that other workers are at", states[FG_POINT_RUNNING],
               states[FG_POINT_RUNNING] == 1 ? "" : "s");
      if (c->display)
        fg_display_say(c->display, text);
      else
        fprintf(stderr, "%s\n", text);
    }
    if (c->display) fg_display_draw(c->display);
    pause_for(LOOK_SECONDS);
  }
  return waited && !stop_signal && states[FG_POINT_INTERRUPTED] + states[FG_POINT_MISSING] > 0;
}

/// Where to read why points were not tried, when workers did not say it here.
static void tell_left_over(const crew *c, int worst) {
  size_t states[FG_POINT_STATES];
  count_states(c->plan, states);
  if (!worst || stop_signal || !(states[FG_POINT_MISSING] + states[FG_POINT_INTERRUPTED])) return;
  char text[4096];
  snprintf(text, sizeof text, "not every point was tried; what the workers said is in %.3900s/workers",
           c->plan->folder);
  if (c->display)
    fg_display_say(c->display, text);
  else
    fprintf(stderr, "%s\n", text);
}

int fg_sweep_local(const fg_sweep_plan *plan, const fg_registry *registry, uint32_t jobs, uint32_t threads,
                   bool quiet) {
  const char *term = getenv("TERM");
  const unsigned cores = core_count();
  crew c = {.plan = plan, .quiet = quiet, .count = jobs ? jobs : cores};
  if (c.count > plan->count) c.count = (unsigned)plan->count;
  if (c.count > MOST_JOBS) c.count = MOST_JOBS;
  if (c.count < 1) c.count = 1;
  c.threads = threads ? threads : cores / c.count ? cores / c.count : 1;
  c.workers = calloc(c.count + 1, sizeof *c.workers);
  if (!c.workers) abort();
  if (!quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0) c.display = fg_display_new(plan, registry);
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old_int, old_term;
  stop_signal = stop_count = 0;
  sigaction(SIGINT, &action, &old_int);
  sigaction(SIGTERM, &action, &old_term);
  int worst = work(&c);
  while (!stop_signal && wait_for_others(&c)) {
    int code = work(&c);
    if (code > worst) worst = code;
  }
  if (c.display) fg_display_draw(c.display);
  sigaction(SIGINT, &old_int, NULL);
  sigaction(SIGTERM, &old_term, NULL);
  if (c.display || quiet) tell_left_over(&c, worst);
  fg_display_free(c.display);
  free(c.workers);
  return stop_signal ? 128 + stop_signal : worst;
}
