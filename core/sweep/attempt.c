// attempt.c — see attempt.h. The run inherits the lock of its point, so it holds as long as the worker or the
// run lives; a point is done when its run has a manifest, whoever made it.
#include "sweep/attempt.h"

#include "clock.h"
#include "run.h"
#include "sweep/point.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/// What a worker tells its run to stop with: the run is deaf to SIGINT and SIGTERM. A terminal sends those to all of its
/// processes and Slurm to all of a task's, so they would reach it twice, and a run that is told twice does not save.
#define STOP SIGUSR2

/// The signal that asked to stop, and the run it is passed on to: all a handler touches.
static volatile sig_atomic_t stop_signal;
static volatile sig_atomic_t child;

/// SIGTERM after SIGUSR1 is the end of a task, not another request to queue it again.
static void on_signal(int number) {
  bool again = stop_signal == number && number != SIGUSR1;
  if (child && (!stop_signal || again)) kill((pid_t)child, STOP);
  if (!stop_signal || number == SIGTERM) stop_signal = number;
}

void fg_attempt_watch(bool usr1) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  stop_signal = 0;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  if (usr1) sigaction(SIGUSR1, &action, NULL);
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGTERM);
  sigprocmask(SIG_UNBLOCK, &awaited, NULL);
}

int fg_attempt_stop_signal(void) { return stop_signal; }

static const fg_sweep_entry *entry_of(const fg_work *w, fg_unit u) { return &w->plan->entries[u.index]; }
static const char *group_of(fg_unit u) { return u.shared ? "shared" : "points"; }
static const char *id_of(const fg_work *w, fg_unit u) { return u.shared ? entry_of(w, u)->shared : entry_of(w, u)->id; }

static void path_of(const fg_work *w, fg_unit u, const char *file, char path[4096]) {
  fg_sweep_path(w->plan, group_of(u), id_of(w, u), file, path);
}

// ---- the run's side

/// The plan of a unit, checked against the id it was planned with.
static fg_sweep_part plan_of(const fg_work *w, fg_unit u) {
  const fg_sweep_point *point = &w->sweep->points[u.index];
  const fg_sweep_entry *entry = entry_of(w, u);
  fg_diagnostics *d = w->diagnostics;
  char id[FG_ID] = "", folder[4096];
  fg_sweep_part whole = fg_sweep_point_whole(w->sweep, point, w->registry, entry->seed, d), part = whole;
  if (whole.plan) fg_plan_identity(whole.plan, NULL, id);
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

/// Whether the run's folder has been begun with this very pipeline, and can be gone on with. A point's id leaves out what
/// is read from its shared part, and a folder may have been cut off before it had anything.
static bool was_begun(const char *folder, const fg_plan *plan) {
  char path[4096], line[256], wanted[64], hash[FG_ID];
  bool same = false;
  snprintf(path, sizeof path, "%.4000s/.lock", folder);
  FILE *file = fopen(path, "re");
  if (!file) return false;
  fg_plan_identity(plan, NULL, hash);
  snprintf(wanted, sizeof wanted, "pipeline %s\n", hash);
  while (!same && fgets(line, sizeof line, file)) same = strcmp(line, wanted) == 0;
  fclose(file);
  return same;
}

/// Does what the run does on SIGTERM, whatever that is at the moment.
static void on_stop(int number) {
  struct sigaction now;
  (void)number;
  if (sigaction(SIGTERM, NULL, &now) != 0 || now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN)
    _exit(FG_EXIT_TERM);
  now.sa_handler(SIGTERM);
}

/// The child: never returns. SIGINT, SIGTERM and STOP are blocked so far.
static void run_unit(const fg_work *w, fg_unit u, int log, pid_t worker) {
  const struct sigaction stop = {.sa_handler = on_stop};
  sigset_t word;
  sigemptyset(&word);
  sigaddset(&word, STOP);
  sigaction(STOP, &stop, NULL);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  signal(SIGUSR1, SIG_IGN); // it is the worker that asks to be queued again
  prctl(PR_SET_PDEATHSIG, STOP);
  sigprocmask(SIG_UNBLOCK, &word, NULL);
  int in = open("/dev/null", O_RDONLY);
  if (getppid() != worker || in < 0) _exit(FG_EXIT_FAILED);
  dup2(in, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  fg_sweep_part part = plan_of(w, u);
  fg_diagnostics_print(w->diagnostics, stderr);
  if (!part.plan || fg_diagnostics_errors(w->diagnostics)) _exit(FG_EXIT_CONFIG);
  char folder[4096];
  path_of(w, u, "run", folder);
  fg_run_options options = {.out = folder, .threads = w->options->threads, .mode = FG_RUNDIR_FORCE};
  bool stale = fg_sweep_is_done(w->plan, group_of(u), id_of(w, u));
  if (!stale && was_begun(folder, part.plan)) options.mode = FG_RUNDIR_RESUME;
  int code = fg_run(part.plan, &options);
  fflush(stdout);
  fflush(stderr);
  _exit(code);
}

// ---- the worker's side

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

/// A text for JSON, which takes nothing but UTF-8: a log may have anything in it, and a line of it may be cut short.
static json_t *text_json(char *text) {
  json_t *json = json_string(text);
  for (char *c = text; !json && *c; c++)
    if (*c & 0x80) *c = '?';
  return json ? json : json_string(text);
}

/// How an attempt ended: a number of waitpid, and whether there is a result.
static fg_attempt_end judge(int status, bool done) {
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  bool told = code == FG_EXIT_TERM || code == FG_EXIT_INT;
  if (code == 0 && done) return FG_ATTEMPT_DONE;
  return stop_signal && told ? FG_ATTEMPT_STOPPED : FG_ATTEMPT_FAILED;
}

/// Writes attempts/<number>.json; what it returns is `end`, or BROKEN.
static fg_attempt_end record(const fg_work *w, fg_unit u, uint32_t number, int status, fg_attempt_end end,
                             double seconds, const char *started) {
  char name[64], log[4096], path[4096], error[512] = "", host[256] = "";
  snprintf(name, sizeof name, "attempts/%u.log", number);
  path_of(w, u, name, log);
  if (end == FG_ATTEMPT_FAILED && WIFSIGNALED(status))
    snprintf(error, sizeof error, "was killed by signal %d (%s)%s", WTERMSIG(status), strsignal(WTERMSIG(status)),
             WTERMSIG(status) == SIGKILL ? "; perhaps memory ran out" : "");
  else if (end == FG_ATTEMPT_FAILED && WEXITSTATUS(status) == 0)
    snprintf(error, sizeof error, "the process ended before the run had: a plugin must not call exit");
  else if (end == FG_ATTEMPT_FAILED)
    find_error(log, error);
  gethostname(host, sizeof host - 1);
  json_t *attempt = json_pack("{s:i, s:i, s:b, s:o, s:s, s:f, s:s}", "round", (int)w->plan->round, "code",
                              WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), "failed",
                              (int)(end == FG_ATTEMPT_FAILED), "error", text_json(error), "started", started, "seconds",
                              seconds, "host", host);
  char *text = attempt ? json_dumps(attempt, JSON_INDENT(1)) : NULL;
  json_decref(attempt);
  fg_error why = {0};
  snprintf(name, sizeof name, "attempts/%u.json", number);
  path_of(w, u, name, path);
  if (!text || fg_write_whole(path, text, strlen(text), &why) != FG_OK) {
    fprintf(stderr, "finegrain: %s\n", text ? why.text : "out of memory");
    end = FG_ATTEMPT_BROKEN;
  }
  free(text);
  return end;
}

fg_attempt_end fg_attempt_run(const fg_work *w, fg_unit u) {
  bool failed;
  char error[512], name[64], log[4096], started[32];
  uint32_t number = fg_sweep_last_attempt(w->plan, group_of(u), id_of(w, u), &failed, error) + 1;
  snprintf(name, sizeof name, "attempts/%u.log", number);
  path_of(w, u, name, log);
  time_t now = time(NULL);
  struct tm parts;
  gmtime_r(&now, &parts);
  strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", &parts);
  int log_file = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666); // by it attempts are counted
  if (log_file < 0) {
    fprintf(stderr, "finegrain: cannot write %s: %s\n", log, strerror(errno));
    return FG_ATTEMPT_BROKEN;
  }
  double begun = fg_clock_now();
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGUSR1);
  sigaddset(&signals, STOP);
  sigprocmask(SIG_BLOCK, &signals, &before); // between fork and `child` none must get lost
  fflush(NULL);
  pid_t worker = getpid(), pid = fork();
  if (pid == 0) run_unit(w, u, log_file, worker);
  close(log_file);
  child = pid > 0 ? pid : 0;
  if (pid > 0 && stop_signal) kill(pid, STOP);
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (pid < 0) {
    fprintf(stderr, "finegrain: cannot start a process: %s\n", strerror(errno));
    return FG_ATTEMPT_BROKEN;
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  child = 0;
  fg_attempt_end end = judge(status, fg_sweep_is_done(w->plan, group_of(u), id_of(w, u)));
  return record(w, u, number, status, end, fg_clock_now() - begun, started);
}

fg_attempt_end fg_attempt_fail_with_shared(const fg_work *w, size_t index) {
  const fg_unit u = {index, false};
  bool failed;
  char error[512], ignored[512], path[4096], name[64], *text = NULL;
  fg_error why = {0};
  fg_sweep_last_attempt(w->plan, "shared", entry_of(w, u)->shared, &failed, error);
  uint32_t number = fg_sweep_last_attempt(w->plan, "points", id_of(w, u), &failed, ignored) + 1;
  snprintf(name, sizeof name, "attempts/%u.log", number);
  path_of(w, u, name, path);
  if (asprintf(&text, "what this point shares with others failed: error: %s\n", error) < 0) abort();
  fg_status status = fg_write_whole(path, text, strlen(text), &why);
  free(text);
  if (status != FG_OK) {
    fprintf(stderr, "finegrain: %s\n", why.text);
    return FG_ATTEMPT_BROKEN;
  }
  return record(w, u, number, FG_EXIT_FAILED << 8, FG_ATTEMPT_FAILED, 0, "");
}
