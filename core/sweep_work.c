// sweep_work.c — see sweep_work.h. The lock of a point is held by this process and by the run it starts, so it holds as
// long as either lives; a point is done when its run has a manifest, whoever made it.
#include "sweep_work.h"

#include "clock.h"
#include "run.h"
#include "sweep_point.h"
#include "sweep_state.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MICROSECONDS 200000

typedef struct work {
  const fg_work_options *options;
  fg_diagnostics *diagnostics;
  fg_registry *registry;
  fg_pipeline_file *file;
  fg_sweep *sweep;
  fg_sweep_plan *plan;
  double start;
} work;

/// The signal that asked to stop, and the run it is passed on to: all a handler touches.
static volatile sig_atomic_t stop_signal;
static volatile sig_atomic_t child;

static void on_signal(int number) {
  if (!stop_signal) stop_signal = number;
  if (child) kill((pid_t)child, SIGTERM);
}

// ---- opening

static bool open_work(work *w, const char *folder) {
  fg_error error = {0};
  char path[PATH_MAX];
  w->diagnostics = fg_diagnostics_new();
  w->plan = fg_sweep_plan_read(folder, &error);
  if (!w->plan) {
    fprintf(stderr, "finegrain: %s\n", error.text);
    return false;
  }
  snprintf(path, sizeof path, "%.4000s/sweep.yaml", w->plan->folder);
  w->registry = fg_registry_load(w->plan->plugin_path, w->diagnostics);
  w->file = fg_pipeline_open(path, (const char *const *)w->plan->sets, w->plan->set_count, w->diagnostics);
  if (w->file) { // input paths are relative to where the file came from
    char *source = strdup(w->plan->source);
    if (!source) abort();
    free(w->file->folder);
    w->file->folder = strdup(dirname(source));
    free(source);
    w->sweep = fg_sweep_read(w->file, w->diagnostics);
  }
  if (w->sweep && w->sweep->count != w->plan->count)
    fg_error_at(w->diagnostics, (fg_place){path, 0, 0}, NULL,
                "this makes %zu points where plan.json has %zu; plan again with 'finegrain sweep run %s --out %s'",
                w->sweep->count, w->plan->count, w->plan->source, folder);
  fg_diagnostics_print(w->diagnostics, stderr);
  return w->sweep && fg_diagnostics_errors(w->diagnostics) == 0;
}

static void close_work(work *w) {
  fg_sweep_free(w->sweep);
  fg_pipeline_close(w->file);
  fg_registry_free(w->registry);
  fg_diagnostics_free(w->diagnostics);
  fg_sweep_plan_free(w->plan);
}

// ---- one run, in a process of its own

/// What is run: a point, or what it shares.
typedef struct unit {
  size_t index; ///< of the point
  bool shared;
} unit;

static const fg_sweep_entry *entry_of(const work *w, unit u) { return &w->plan->entries[u.index]; }
static const char *group_of(unit u) { return u.shared ? "shared" : "points"; }
static const char *id_of(const work *w, unit u) { return u.shared ? entry_of(w, u)->shared : entry_of(w, u)->id; }

/// The plan of a unit, checked against the id it was planned with.
static fg_sweep_part plan_of(const work *w, unit u) {
  const fg_sweep_point *point = &w->sweep->points[u.index];
  const fg_sweep_entry *entry = entry_of(w, u);
  fg_diagnostics *d = w->diagnostics;
  fg_file_hashes *hashes = fg_file_hashes_new();
  char id[FG_ID] = "", folder[4096];
  fg_sweep_part whole = fg_sweep_point_whole(w->sweep, point, w->registry, entry->seed, d), part = whole;
  if (whole.plan) fg_plan_identity(whole.plan, hashes, id);
  fg_file_hashes_free(hashes);
  if (whole.plan && strcmp(id, entry->id) != 0)
    fg_error_at(d, point->place, NULL,
                "this point is not what it was when the sweep was planned: a plugin or an input file has changed; plan "
                "again with 'finegrain sweep run %s --out %s'",
                w->plan->source, w->plan->folder);
  fg_sweep_path(w->plan, "shared", entry->shared, "run", folder);
  if (whole.plan && u.shared) part = fg_sweep_point_shared(w->sweep, point, whole.plan, w->registry, d);
  if (whole.plan && !u.shared && entry->shared[0])
    part = fg_sweep_point_rest(w->sweep, point, whole.plan, folder, w->registry, d);
  if (part.plan != whole.plan) fg_sweep_part_free(&whole);
  return part;
}

/// The child: never returns.
static void run_unit(const work *w, unit u, const char *log) {
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  signal(SIGUSR1, SIG_IGN); // it is the worker that saves and asks to be queued again
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  int out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0666), in = open("/dev/null", O_RDONLY);
  if (out < 0 || in < 0) _exit(FG_EXIT_FAILED);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  fg_sweep_part part = plan_of(w, u);
  fg_diagnostics_print(w->diagnostics, stderr);
  if (!part.plan || fg_diagnostics_errors(w->diagnostics)) _exit(FG_EXIT_CONFIG);
  char folder[4096], begun[4096];
  fg_sweep_path(w->plan, group_of(u), id_of(w, u), "run", folder);
  fg_sweep_path(w->plan, group_of(u), id_of(w, u), "run/pipeline.yaml", begun);
  fg_run_options options = {.out = folder, .threads = w->options->threads, .mode = FG_RUNDIR_NEW};
  if (fg_sweep_is_done(w->plan, group_of(u), id_of(w, u)))
    options.mode = FG_RUNDIR_FORCE; // stale
  else if (access(begun, F_OK) == 0)
    options.mode = FG_RUNDIR_RESUME;
  int code = fg_run(part.plan, &options);
  fflush(stdout);
  fflush(stderr);
  _exit(code);
}

/// The first line that says what went wrong, or the last line.
static void find_error(const char *log, char error[512]) {
  char line[512];
  FILE *file = fopen(log, "re");
  error[0] = 0;
  while (file && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    if (line[0]) snprintf(error, 512, "%s", line);
    if (strstr(line, "error: ") || strncmp(line, "finegrain: ", 11) == 0) break;
  }
  if (file) fclose(file);
}

static void write_attempt(const work *w, unit u, uint32_t number, int status, double seconds, const char *started) {
  char name[64], log[4096], path[4096], error[512] = "", host[256] = "";
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  bool stopped = stop_signal && WIFEXITED(status) && (code == FG_EXIT_TERM || code == FG_EXIT_INT);
  bool failed = code != 0 && !stopped;
  snprintf(name, sizeof name, "attempts/%u.log", number);
  fg_sweep_path(w->plan, group_of(u), id_of(w, u), name, log);
  if (failed && WIFSIGNALED(status))
    snprintf(error, sizeof error, "was killed by signal %d (%s)%s", WTERMSIG(status), strsignal(WTERMSIG(status)),
             WTERMSIG(status) == SIGKILL ? "; perhaps memory ran out" : "");
  else if (failed)
    find_error(log, error);
  gethostname(host, sizeof host - 1);
  json_t *attempt =
      json_pack("{s:i, s:i, s:b, s:s, s:s, s:f, s:s}", "round", (int)w->plan->round, "code", code, "failed",
                (int)failed, "error", error, "started", started, "seconds", seconds, "host", host);
  char *text = attempt ? json_dumps(attempt, JSON_INDENT(1)) : NULL;
  json_decref(attempt);
  fg_error why;
  snprintf(name, sizeof name, "attempts/%u.json", number);
  fg_sweep_path(w->plan, group_of(u), id_of(w, u), name, path);
  if (!text || fg_write_whole(path, text, strlen(text), &why) != FG_OK)
    fprintf(stderr, "finegrain: %s\n", text ? why.text : "out of memory");
  free(text);
}

/// Runs a unit whose lock is held; the exit code, or 128 + signal.
static int attempt(const work *w, unit u) {
  bool failed;
  char error[512], name[64], log[4096], started[32];
  uint32_t number = fg_sweep_last_attempt(w->plan, group_of(u), id_of(w, u), &failed, error) + 1;
  snprintf(name, sizeof name, "attempts/%u.log", number);
  fg_sweep_path(w->plan, group_of(u), id_of(w, u), name, log);
  time_t now = time(NULL);
  struct tm parts;
  gmtime_r(&now, &parts);
  strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", &parts);
  double begun = fg_clock_now();
  fflush(NULL);
  pid_t pid = fork();
  if (pid < 0) {
    fprintf(stderr, "finegrain: cannot start a process: %s\n", strerror(errno));
    return FG_EXIT_FAILED;
  }
  if (pid == 0) run_unit(w, u, log);
  child = pid;
  if (stop_signal) kill(pid, SIGTERM);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  child = 0;
  write_attempt(w, u, number, status, fg_clock_now() - begun, started);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// ---- taking points

typedef enum outcome { NOTHING, WAITING, RAN, FAILED, BROKEN } outcome;

/// "point 3 of 12 (net.params.kernel=5, replica 1)"
static void describe(const work *w, size_t index, char text[512]) {
  char label[400];
  fg_sweep_label(w->plan, &w->plan->entries[index], label, sizeof label);
  snprintf(text, 512, "point %zu of %zu%s%s%s", index + 1, w->plan->count, label[0] ? " (" : "", label,
           label[0] ? ")" : "");
}

/// Makes sure that what a point shares is there.
static outcome take_shared(const work *w, size_t index) {
  const unit u = {index, true};
  const char *id = id_of(w, u);
  char error[512];
  bool failed;
  fg_error why = {0};
  if (fg_sweep_is_done(w->plan, "shared", id) && fg_sweep_is_current(w->plan, "shared", id, w->registry)) return RAN;
  int lock = fg_sweep_lock(w->plan, "shared", id, &why);
  if (lock == -1) return WAITING;
  if (lock == -2) {
    fprintf(stderr, "finegrain: %s\n", why.text);
    return BROKEN;
  }
  outcome result = RAN;
  fg_sweep_last_attempt(w->plan, "shared", id, &failed, error);
  if (failed)
    result = FAILED;
  else if (!fg_sweep_is_done(w->plan, "shared", id) || !fg_sweep_is_current(w->plan, "shared", id, w->registry))
    result = attempt(w, u) == 0 ? RAN : stop_signal ? NOTHING : FAILED;
  close(lock);
  return result;
}

/// A point whose shared part failed has failed with it.
static void fail_with_shared(const work *w, size_t index) {
  const unit u = {index, false};
  bool failed;
  char error[512], path[4096], name[64];
  fg_sweep_last_attempt(w->plan, "shared", entry_of(w, u)->shared, &failed, error);
  uint32_t number = fg_sweep_last_attempt(w->plan, "points", id_of(w, u), &failed, path) + 1;
  snprintf(name, sizeof name, "attempts/%u.log", number);
  fg_sweep_path(w->plan, "points", id_of(w, u), name, path);
  char *text = NULL;
  fg_error why;
  if (asprintf(&text, "what this point shares with others failed: error: %s\n", error) < 0) abort();
  fg_write_whole(path, text, strlen(text), &why);
  free(text);
  write_attempt(w, u, number, FG_EXIT_FAILED << 8, 0, "");
}

static outcome take(const work *w, size_t index) {
  const unit u = {index, false};
  const fg_sweep_entry *entry = entry_of(w, u);
  fg_point_report look = fg_sweep_look(w->plan, entry, w->registry, false);
  if (look.state == FG_POINT_DONE || look.state == FG_POINT_FAILED || look.state == FG_POINT_RUNNING) return NOTHING;
  fg_error why = {0};
  int lock = fg_sweep_lock(w->plan, "points", entry->id, &why);
  if (lock == -1) return NOTHING;
  if (lock == -2) {
    fprintf(stderr, "finegrain: %s\n", why.text);
    return BROKEN;
  }
  outcome result = RAN;
  bool failed;
  char text[512], error[512], took[FG_WORDS];
  fg_sweep_last_attempt(w->plan, "points", entry->id, &failed, error);
  if (failed || (look.state != FG_POINT_STALE && fg_sweep_is_done(w->plan, "points", entry->id))) result = NOTHING;
  if (result == RAN && entry->shared[0]) result = take_shared(w, index);
  describe(w, index, text);
  double begun = fg_clock_now();
  if (result == RAN && !stop_signal) {
    int code = attempt(w, u);
    result = code == 0 ? RAN : stop_signal ? NOTHING : FAILED;
  } else if (result == FAILED) {
    fail_with_shared(w, index);
  }
  if (result == RAN && !stop_signal)
    fprintf(stderr, "%s: done in %s\n", text, fg_duration_text(fg_clock_now() - begun, took));
  if (result == FAILED) {
    fg_sweep_last_attempt(w->plan, "points", entry->id, &failed, error);
    fprintf(stderr, "%s: failed: %s\n", text, error);
  }
  close(lock);
  return result;
}

/// With on_error: stop a failure of this round stops every worker: they see this file.
static void stop_path(const work *w, char path[4096]) {
  snprintf(path, 4096, "%.4000s/stopped-in-round-%u", w->plan->folder, w->plan->round);
}

static bool is_over(const work *w) {
  char path[4096];
  stop_path(w, path);
  return stop_signal || access(path, F_OK) == 0 ||
         (w->options->seconds > 0 && fg_clock_now() - w->start > w->options->seconds);
}

static int take_all(const work *w) {
  bool any_failed = false;
  for (bool again = true; again && !is_over(w);) {
    bool waiting = false;
    again = false;
    for (size_t i = 0; i < w->plan->count && !is_over(w); i++) {
      outcome result = take(w, i);
      if (result == BROKEN) return FG_EXIT_FAILED;
      again |= result == RAN || result == FAILED || result == WAITING;
      waiting |= result == WAITING;
      any_failed |= result == FAILED;
      if (result == FAILED && w->sweep->stop_on_error) {
        char path[4096];
        fg_error why;
        stop_path(w, path);
        fg_write_whole(path, "", 0, &why);
      }
    }
    if (waiting) usleep(WAIT_MICROSECONDS);
  }
  return any_failed ? FG_EXIT_FAILED : FG_EXIT_DONE;
}

/// A task of an array is queued again by its own name: by the array's, all tasks might be.
static void requeue(void) {
  const char *job = getenv("SLURM_ARRAY_JOB_ID"), *task = getenv("SLURM_ARRAY_TASK_ID");
  char name[256];
  if (!job || !task) return;
  snprintf(name, sizeof name, "%s_%s", job, task);
  fprintf(stderr, "saved; asking Slurm to queue %s again\n", name);
  execlp("scontrol", "scontrol", "requeue", name, (char *)NULL);
  fprintf(stderr, "finegrain: cannot start scontrol: %s; run 'finegrain sweep resume' later\n", strerror(errno));
}

int fg_sweep_work(const char *folder, const fg_work_options *options) {
  work w = {.options = options, .start = fg_clock_now()};
  struct sigaction action = {.sa_handler = on_signal};
  stop_signal = 0;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  if (options->requeue) sigaction(SIGUSR1, &action, NULL);
  int code = open_work(&w, folder) ? take_all(&w) : FG_EXIT_CONFIG;
  close_work(&w);
  if (stop_signal == SIGUSR1) requeue();
  return stop_signal && stop_signal != SIGUSR1 ? 128 + stop_signal : code;
}
