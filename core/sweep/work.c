// work.c — see work.h: which point is taken next, and what is said about it.
#include "sweep/work.h"

#include "clock.h"
#include "run.h"
#include "sweep/attempt.h"
#include "sweep/sweep_folder.h"
#include "words.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MICROSECONDS 200000

/// Reads the folder; the exit code, 0 when all is well.
static int open_work(fg_work *w, const char *folder) {
  fg_error error = {0};
  w->diagnostics = fg_diagnostics_new();
  w->plan = fg_sweep_plan_read(folder, &error);
  if (!w->plan) {
    fprintf(stderr, "finegrain: %s\n", error.text);
    return FG_EXIT_FAILED;
  }
  w->registry = fg_registry_load(w->plan->plugin_path, w->diagnostics);
  w->file = fg_sweep_reopen(w->plan, w->diagnostics);
  if (w->file) w->sweep = fg_sweep_read(w->file, w->diagnostics);
  if (w->sweep && w->sweep->count != w->plan->count)
    fg_error_at(w->diagnostics, (fg_place){w->file->path, 0, 0}, NULL,
                "this makes %zu points where plan.json has %zu; plan again with 'finegrain sweep run %s --out %s'",
                w->sweep->count, w->plan->count, w->plan->source, folder);
  fg_diagnostics_print(w->diagnostics, stderr);
  return w->sweep && fg_diagnostics_errors(w->diagnostics) == 0 ? FG_EXIT_DONE : FG_EXIT_CONFIG;
}

static void close_work(fg_work *w) {
  fg_sweep_free(w->sweep);
  fg_pipeline_close(w->file);
  fg_registry_free(w->registry);
  fg_diagnostics_free(w->diagnostics);
  fg_sweep_plan_free(w->plan);
}

// ---- taking points

/// WAITING: another worker is making what this point shares. BROKEN: no point can be run here.
typedef enum outcome { NOTHING, WAITING, RAN, FAILED, BROKEN } outcome;

static outcome outcome_of(fg_attempt_end end) {
  static const outcome outcomes[] = {RAN, NOTHING, FAILED, BROKEN};
  return outcomes[end];
}

/// Locks a point or something shared; -1, with the outcome, when that is not to be.
static int lock(const fg_work *w, const char *group, const char *id, outcome taken, outcome *result) {
  fg_error why = {0};
  int file = fg_sweep_lock(w->plan, group, id, &why);
  *result = file >= 0 ? RAN : file == -1 ? taken : BROKEN;
  if (*result == BROKEN) fprintf(stderr, "finegrain: %s\n", why.text);
  return file >= 0 ? file : -1;
}

/// Makes sure that what a point shares is there.
static outcome take_shared(const fg_work *w, size_t index) {
  const char *id = w->plan->entries[index].shared;
  char error[512];
  bool failed;
  outcome result;
  if (fg_sweep_is_ready(w->plan, id, w->registry)) return RAN;
  int file = lock(w, "shared", id, WAITING, &result);
  if (file < 0) return result;
  fg_sweep_last_attempt(w->plan, "shared", id, &failed, error);
  if (failed)
    result = FAILED;
  else if (!fg_sweep_is_ready(w->plan, id, w->registry))
    result = outcome_of(fg_attempt_run(w, (fg_unit){index, true}));
  close(file);
  return result;
}

static char *read_text(const char *path) {
  FILE *file = fopen(path, "re");
  char *text = NULL;
  size_t room = 0;
  if (file && getdelim(&text, &room, 0, file) < 0) {
    free(text);
    text = NULL;
  }
  if (file) fclose(file);
  return text;
}

/// Notes beside a point what it will be made of: shared.json, the manifest of what it shares, or nothing. If that is not
/// what an earlier attempt was made of, all that attempt left goes first, so that nothing is made of two things.
static fg_status note_shared(const fg_work *w, const fg_sweep_entry *entry, fg_error *error) {
  char noted[4096], manifest[4096], run[4096];
  fg_sweep_path(w->plan, "points", entry->id, "run", run);
  fg_sweep_path(w->plan, "points", entry->id, "shared.json", noted);
  fg_sweep_path(w->plan, "shared", entry->shared, "run/manifest.json", manifest);
  char *before = read_text(noted), *now = entry->shared[0] ? read_text(manifest) : NULL;
  fg_status status = FG_OK;
  if ((before || now) && !(before && now && strcmp(before, now) == 0)) {
    bool complete;
    fg_rundir *dir = NULL;
    status = fg_rundir_open(run, FG_RUNDIR_FORCE, "", &complete, &dir, error);
    if (dir) fg_rundir_close(dir);
    if (status == FG_OK && now)
      status = fg_write_whole(noted, now, strlen(now), error);
    else if (status == FG_OK && unlink(noted) != 0)
      status = fg_error_set(error, "cannot remove %s: %s", noted, strerror(errno));
  }
  free(before);
  free(now);
  return status;
}

/// "point 3 of 12 (net.params.kernel=5, replica 1)"
static void describe(const fg_work *w, size_t index, char text[512]) {
  char label[400];
  fg_sweep_label(w->plan, &w->plan->entries[index], label, sizeof label);
  snprintf(text, 512, "point %zu of %zu%s%s%s", index + 1, w->plan->count, label[0] ? " (" : "", label,
           label[0] ? ")" : "");
}

/// Runs a point whose lock is held, and what it shares.
static outcome run_point(const fg_work *w, size_t index) {
  const fg_sweep_entry *entry = &w->plan->entries[index];
  fg_error why = {0};
  outcome result = entry->shared[0] ? take_shared(w, index) : RAN;
  if (result == FAILED) return outcome_of(fg_attempt_fail_with_shared(w, index));
  if (result != RAN) return result;
  if (fg_attempt_stop_signal()) return NOTHING;
  if (note_shared(w, entry, &why) == FG_OK) return outcome_of(fg_attempt_run(w, (fg_unit){index, false}));
  fprintf(stderr, "finegrain: %s\n", why.text);
  return BROKEN;
}

static outcome take(const fg_work *w, size_t index) {
  const fg_sweep_entry *entry = &w->plan->entries[index];
  const fg_point_state state = fg_sweep_look(w->plan, entry, w->registry, false).state;
  if (state == FG_POINT_DONE || state == FG_POINT_FAILED || state == FG_POINT_RUNNING) return NOTHING;
  outcome result;
  bool failed;
  char text[512], error[512], took[FG_WORDS];
  int file = lock(w, "points", entry->id, NOTHING, &result);
  if (file < 0) return result;
  double begun = fg_clock_now();
  fg_sweep_last_attempt(w->plan, "points", entry->id, &failed, error); // meanwhile another worker may have
  result = failed || fg_sweep_is_valid(w->plan, entry, w->registry) ? NOTHING : run_point(w, index);
  describe(w, index, text);
  if (result == RAN) fprintf(stderr, "%s: done in %s\n", text, fg_duration_text(fg_clock_now() - begun, took));
  if (result == FAILED) {
    fg_sweep_last_attempt(w->plan, "points", entry->id, &failed, error);
    fprintf(stderr, "%s: failed: %s\n", text, error);
  }
  close(file);
  return result;
}

/// With on_error: stop a failure of this round stops every worker: they see this file.
static void stop_path(const fg_work *w, char path[4096]) {
  snprintf(path, 4096, "%.4000s/stopped-in-round-%u", w->plan->folder, w->plan->round);
}

static bool is_over(const fg_work *w) {
  char path[4096];
  stop_path(w, path);
  return fg_attempt_stop_signal() || access(path, F_OK) == 0 ||
         (w->options->seconds > 0 && fg_clock_now() - w->start > w->options->seconds);
}

static int take_all(const fg_work *w) {
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
    if (waiting && !is_over(w)) usleep(WAIT_MICROSECONDS);
  }
  return any_failed ? FG_EXIT_FAILED : FG_EXIT_DONE;
}

/// A task of an array is queued again by its own name: by the array's, all tasks might be.
static void requeue(void) {
  const char *job = getenv("SLURM_ARRAY_JOB_ID"), *task = getenv("SLURM_ARRAY_TASK_ID"), *id = getenv("SLURM_JOB_ID");
  char name[256];
  if (job && task)
    snprintf(name, sizeof name, "%s_%s", job, task);
  else if (id)
    snprintf(name, sizeof name, "%s", id);
  else
    return;
  fprintf(stderr, "saved; asking Slurm to queue %s again\n", name);
  signal(SIGUSR1, SIG_IGN); // so that it does not end scontrol either
  execlp("scontrol", "scontrol", "requeue", name, (char *)NULL);
  fprintf(stderr, "finegrain: cannot start scontrol: %s; run 'finegrain sweep resume' later\n", strerror(errno));
}

int fg_sweep_work(const char *folder, const fg_work_options *options) {
  fg_work w = {.options = options, .start = fg_clock_now()};
  fg_attempt_watch(options->requeue);
  int code = open_work(&w, folder);
  if (code == FG_EXIT_DONE) code = take_all(&w);
  close_work(&w);
  int stopped = fg_attempt_stop_signal();
  if (stopped == SIGUSR1) requeue();
  return stopped && stopped != SIGUSR1 ? 128 + stopped : code;
}
