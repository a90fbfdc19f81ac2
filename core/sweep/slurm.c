// slurm.c — workers as an array of Slurm's; see engine.h. Each task is `finegrain sweep work`, by exec, so that
// it gets the warning signal itself; a task that is short of time saves and asks to be queued again; the merge comes after
// all have ended, however they ended, and may be repeated. Paths are absolute, folders made beforehand.
#include "sweep/engine.h"

#include "folder.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_ARRAY 1000u // largest array a cluster takes by default (MaxArraySize 1001)
#define DEFAULT_WORKERS 8u
#define WARNING "--signal=B:USR1@60"

/// Writes a text in quotes of the shell.
static void write_quoted(FILE *out, const char *text) {
  fputc('\'', out);
  for (; *text; text++) {
    if (*text == '\'')
      fputs("'\\''", out);
    else
      fputc(*text, out);
  }
  fputc('\'', out);
}

static fg_status write_script(const fg_sweep_plan *plan, const char *name, const char *command, const char *more,
                              char path[4096], fg_error *error) {
  char program[PATH_MAX], *text = NULL;
  size_t length = 0;
  ssize_t got = readlink("/proc/self/exe", program, sizeof program - 1);
  if (got < 0) return fg_error_set(error, "cannot find this program: %s", strerror(errno));
  program[got] = 0;
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  // A warning that comes before the worker can heed it must not end it.
  fputs("#!/bin/sh\ntrap '' USR1\nexec ", out);
  write_quoted(out, program);
  fprintf(out, " sweep %s ", command);
  write_quoted(out, plan->folder);
  fprintf(out, "%s\n", more);
  fclose(out);
  snprintf(path, 4096, "%.4000s/%s", plan->folder, name);
  fg_status status = fg_write_whole(path, text, length, error);
  if (status == FG_OK && chmod(path, 0755) != 0)
    status = fg_error_set(error, "cannot change %s: %s", path, strerror(errno));
  free(text);
  return status;
}

/// Runs sbatch with these arguments; the job's number, 0 when it failed (sbatch has said why).
static unsigned long submit(const char *const *arguments) {
  int ends[2];
  char text[256];
  if (pipe(ends) != 0) return 0;
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execvp("sbatch", (char *const *)(uintptr_t)arguments);
    fprintf(stderr, "finegrain: cannot start sbatch: %s; is Slurm installed here?\n", strerror(errno));
    _exit(127);
  }
  close(ends[1]);
  FILE *in = fdopen(ends[0], "r");
  text[0] = 0;
  if (in && !fgets(text, sizeof text, in)) text[0] = 0;
  if (in) fclose(in);
  int status = 1;
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? strtoul(text, NULL, 10) : 0;
}

typedef struct arguments {
  char *items[512];
  size_t count;
} arguments;

static void add(arguments *a, const char *format, ...) FG_PRINTF(2, 3);
static void add(arguments *a, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (a->count + 1 < sizeof a->items / sizeof *a->items && vasprintf(&a->items[a->count++], format, args) < 0) abort();
  va_end(args);
}

static void clear(arguments *a) {
  for (size_t i = 0; i < a->count; i++) free(a->items[i]);
  *a = (arguments){0};
}

/// What both jobs begin with.
static void add_common(arguments *a, const fg_sweep_plan *plan, const char *what, const char *log) {
  add(a, "sbatch");
  add(a, "--parsable");
  add(a, "--job-name=%s%s", plan->name, what);
  add(a, "--chdir=%s", plan->folder);
  add(a, "--open-mode=append");
  add(a, "--output=%s/workers/%s", plan->folder, log);
}

/// The user's own options, after ours, over which they win.
static void add_own(arguments *a, const fg_exec *exec) {
  for (size_t i = 0; i < exec->sbatch_count; i++) add(a, "%s", exec->sbatch[i]);
}

int fg_sweep_slurm(const fg_sweep_plan *plan, const fg_exec *exec) {
  fg_error error = {0};
  char worker[4096], merge[4096], folder[4096], threads[64] = " --requeue", after[4096] = "";
  if (exec->threads) snprintf(threads, sizeof threads, " --requeue --threads %u", exec->threads);
  snprintf(folder, sizeof folder, "%.4000s/workers", plan->folder);
  if (fg_folder_make(folder, NULL, &error) != FG_OK ||
      write_script(plan, "worker.sh", "work", threads, worker, &error) != FG_OK ||
      write_script(plan, "merge.sh", "merge", "", merge, &error) != FG_OK) {
    fprintf(stderr, "finegrain: %s\n", error.text);
    return 1;
  }
  size_t workers = exec->jobs ? exec->jobs : DEFAULT_WORKERS;
  if (workers > plan->count) workers = plan->count;
  for (size_t left = workers; left;) {
    size_t now = left < MOST_ARRAY ? left : MOST_ARRAY;
    arguments a = {0};
    add_common(&a, plan, "", "%A_%a.log");
    if (exec->time) add(&a, "--time=%s", exec->time);
    if (exec->threads) add(&a, "--cpus-per-task=%u", exec->threads);
    add(&a, "--requeue");
    add(&a, WARNING);
    add_own(&a, exec);
    add(&a, "--array=0-%zu", now - 1);
    add(&a, "%s", worker);
    unsigned long job = submit((const char *const *)a.items);
    clear(&a);
    if (!job) return 1;
    fprintf(stderr, "submitted %zu worker%s as job %lu\n", now, now == 1 ? "" : "s", job);
    size_t at = strlen(after);
    if (at + 24 < sizeof after) snprintf(after + at, sizeof after - at, ":%lu", job);
    left -= now;
  }
  arguments a = {0};
  add_common(&a, plan, "-merge", "merge.log");
  add_own(&a, exec);
  add(&a, "--dependency=afterany%s", after);
  add(&a, "%s", merge);
  unsigned long job = submit((const char *const *)a.items);
  clear(&a);
  if (!job) return 1;
  fprintf(stderr, "their results are merged by job %lu; watch with 'finegrain sweep status %s'\n", job, plan->folder);
  return 0;
}
