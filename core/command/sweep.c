// sweep.c — finegrain sweep: run, plan, status, resume, merge, work.
#include "command/command.h"

#include "clock.h"
#include "report/report.h"
#include "scalar.h"
#include "sweep/engine.h"
#include "sweep/merge.h"
#include "sweep/sweep_folder.h"
#include "sweep/work.h"
#include "words.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_ROWS 40u

/// Everything the subcommands take.
typedef struct request {
  const char *words[2]; ///< subcommand, FILE or DIR
  const char *out, *plugin_path, *engine, *seconds;
  fg_texts sets;
  int64_t seed, jobs, threads;
  bool quiet, requeue;
} request;

/// What a sweep's file gave.
typedef struct opened {
  fg_diagnostics *diagnostics;
  fg_registry *registry;
  fg_pipeline_file *file;
  fg_sweep *sweep;
  fg_sweep_plan *plan;
} opened;

static void close_sweep(opened *o) {
  fg_sweep_plan_free(o->plan);
  fg_sweep_free(o->sweep);
  fg_pipeline_close(o->file);
  fg_registry_free(o->registry);
  fg_diagnostics_free(o->diagnostics);
}

static char *absolute(const char *path) {
  char *whole = realpath(path, NULL);
  if (whole) return whole;
  char here[PATH_MAX];
  if (path[0] == '/' || !getcwd(here, sizeof here)) return strdup(path);
  if (asprintf(&whole, "%s/%s", here, path) < 0) abort();
  return whole;
}

/// Reads and plans a file; prints what is wrong.
static bool open_file(opened *o, const request *r) {
  *o = (opened){.diagnostics = fg_diagnostics_new()};
  o->registry = fg_registry_load(r->plugin_path, o->diagnostics);
  o->file = fg_pipeline_open(r->words[1], r->sets.items, r->sets.count, o->diagnostics);
  if (o->file) o->sweep = fg_sweep_read(o->file, o->diagnostics);
  if (o->sweep) o->plan = fg_sweep_plan_make(o->sweep, o->registry, r->seed, o->diagnostics);
  fg_diagnostics_print(o->diagnostics, stderr);
  if (!o->plan) return false;
  char *folder = NULL;
  if (!r->out && asprintf(&folder, "runs/%s", o->plan->name) < 0) abort();
  o->plan->folder = absolute(r->out ? r->out : folder);
  o->plan->source = absolute(r->words[1]);
  o->plan->plugin_path = r->plugin_path ? absolute(r->plugin_path) : strdup("");
  o->plan->sets = calloc(r->sets.count + 1, sizeof(char *));
  if (!o->plan->sets) abort();
  for (size_t i = 0; i < r->sets.count; i++) o->plan->sets[o->plan->set_count++] = strdup(r->sets.items[i]);
  free(folder);
  return true;
}

static int complain(const fg_error *error, int code) {
  fprintf(stderr, "finegrain: %s\n", error->text);
  return code;
}

// ---- merging

/// Merges and says what there is: 0 when every point is done.
static int merge(const fg_sweep_plan *plan, const fg_registry *registry, bool quiet) {
  fg_error error = {0};
  fg_merged merged;
  char text[256];
  if (fg_sweep_merge(plan, registry, &merged, &error) != FG_OK) return complain(&error, FG_EXIT_FAILED);
  fg_error warning = {0};
  if (fg_report_sweep(plan->folder, &warning, &error) != FG_OK)
    fprintf(stderr, "warning: no report: %s\n", error.text); // the tables are there
  else if (warning.text[0])
    fprintf(stderr, "warning: report: %s\n", warning.text);
  fg_sweep_count_text(merged.states, text, sizeof text);
  if (!quiet) printf("%s; results in %s/summary.csv, to be looked at in report.html\n", text, plan->folder);
  return merged.states[FG_POINT_DONE] == plan->count ? FG_EXIT_DONE : FG_EXIT_FAILED;
}

static void tell_failures(const fg_sweep_plan *plan) {
  size_t failures = 0;
  for (size_t i = 0; i < plan->count; i++) {
    fg_point_report report = fg_sweep_look(plan, &plan->entries[i], NULL, false);
    char label[256];
    if (report.state != FG_POINT_FAILED || failures++ >= MOST_ROWS) continue;
    fg_sweep_label(plan, &plan->entries[i], label, sizeof label);
    fprintf(stderr, "failed: %s: %s\n", label[0] ? label : plan->entries[i].id, report.error);
  }
  if (failures > MOST_ROWS) fprintf(stderr, "… and %zu more; points.csv lists all\n", failures - MOST_ROWS);
}

// ---- the subcommands

/// Runs a planned sweep with the engine the file or the command line asks for.
static int start(const fg_sweep_plan *plan, const fg_sweep *sweep, const fg_registry *registry, const request *r) {
  fg_exec exec = sweep->exec;
  if (r->engine) exec.engine = strcmp(r->engine, "slurm") == 0 ? FG_ENGINE_SLURM : FG_ENGINE_LOCAL;
  if (r->jobs) exec.jobs = (uint32_t)r->jobs;
  if (r->threads) exec.threads = (uint32_t)r->threads;
  if (exec.engine == FG_ENGINE_SLURM) return fg_sweep_slurm(plan, &exec);
  int code = fg_sweep_local(plan, registry, exec.jobs, exec.threads, r->quiet);
  int merged = merge(plan, registry, r->quiet);
  if (r->quiet) tell_failures(plan); // otherwise they have been told as they came
  if (code == FG_EXIT_INT || code == FG_EXIT_TERM)
    fprintf(stderr, "interrupted; 'finegrain sweep resume %s' goes on\n", plan->folder);
  return code == FG_EXIT_INT || code == FG_EXIT_TERM ? code : merged;
}

static int run_sweep(const request *r) {
  opened o;
  fg_error error = {0};
  int code = FG_EXIT_CONFIG;
  if (open_file(&o, r)) {
    if (fg_sweep_settle(o.plan, &error) != FG_OK)
      code = complain(&error, FG_EXIT_FAILED);
    else
      code = start(o.plan, o.sweep, o.registry, r);
  }
  close_sweep(&o);
  return code;
}

static void print_points(const fg_sweep_plan *plan, const fg_registry *registry, bool all) {
  size_t states[FG_POINT_STATES] = {0}, rows = 0, left_out = 0;
  for (size_t i = 0; i < plan->count; i++) {
    const fg_sweep_entry *entry = &plan->entries[i];
    fg_point_report report = fg_sweep_look(plan, entry, registry, false);
    states[report.state]++;
    if (!all && report.state == FG_POINT_DONE && plan->count > MOST_ROWS) continue;
    if (!all && rows == MOST_ROWS) {
      left_out++;
      continue;
    }
    rows++;
    if (report.state == FG_POINT_RUNNING || report.state == FG_POINT_DONE)
      report = fg_sweep_look(plan, entry, registry, true);
    char label[256], took[FG_WORDS] = "";
    fg_sweep_label(plan, entry, label, sizeof label);
    if (report.state == FG_POINT_DONE) fg_duration_text(report.seconds, took);
    if (report.state == FG_POINT_RUNNING && report.share > 0.02)
      fg_duration_text(report.seconds * (1 - report.share) / report.share, took);
    printf("%5zu  %.8s  %-11s %3.0f%%  %-12s %s%s%s\n", i + 1, entry->id, fg_point_word(report.state),
           100 * report.share, took, label, report.error[0] ? "  " : "", report.error);
  }
  char text[256];
  fg_sweep_count_text(states, text, sizeof text);
  if (left_out) printf("       … and %zu more that are not done\n", left_out);
  printf("%s\n", text);
}

static int plan_sweep(const request *r) {
  opened o;
  fg_error ignored = {0};
  bool sound = open_file(&o, r);
  fg_sweep_plan *before = sound ? fg_sweep_plan_read(o.plan->folder, &ignored) : NULL;
  if (before) o.plan->round = before->round; // what failed in it is shown as failed
  fg_sweep_plan_free(before);
  if (sound) print_points(o.plan, o.registry, true);
  close_sweep(&o);
  return sound ? FG_EXIT_DONE : FG_EXIT_CONFIG;
}

/// Opens a planned sweep's folder with the plugins it needs.
static bool open_folder(opened *o, const request *r) {
  fg_error error = {0};
  *o = (opened){.diagnostics = fg_diagnostics_new()};
  o->plan = fg_sweep_plan_read(r->words[1], &error);
  if (!o->plan) {
    complain(&error, 0);
    return false;
  }
  o->registry = fg_registry_load(o->plan->plugin_path, o->diagnostics);
  fg_diagnostics_print(o->diagnostics, stderr);
  return true;
}

static int status_sweep(const request *r) {
  opened o;
  bool sound = open_folder(&o, r);
  if (sound) print_points(o.plan, o.registry, false);
  close_sweep(&o);
  return sound ? FG_EXIT_DONE : FG_EXIT_FAILED;
}

static int merge_sweep(const request *r) {
  opened o;
  int code = FG_EXIT_FAILED;
  if (open_folder(&o, r)) {
    code = merge(o.plan, o.registry, r->quiet);
    tell_failures(o.plan);
  }
  close_sweep(&o);
  return code;
}

static int resume_sweep(const request *r) {
  opened o;
  fg_error error = {0};
  int code = FG_EXIT_FAILED;
  if (open_folder(&o, r)) {
    o.file = fg_sweep_reopen(o.plan, o.diagnostics);
    if (o.file) o.sweep = fg_sweep_read(o.file, o.diagnostics);
    fg_diagnostics_print(o.diagnostics, stderr);
    o.plan->round++;
    if (!o.sweep)
      code = FG_EXIT_CONFIG;
    else if (fg_sweep_plan_write(o.plan, &error) != FG_OK)
      complain(&error, FG_EXIT_FAILED);
    else
      code = start(o.plan, o.sweep, o.registry, r);
  }
  close_sweep(&o);
  return code;
}

static int work_sweep(const request *r) {
  fg_work_options options = {.threads = (unsigned)r->threads, .requeue = r->requeue};
  const char *cpus = getenv("SLURM_CPUS_PER_TASK");
  if (r->seconds && fg_scalar_real(r->seconds, "s", &options.seconds) != FG_SCALAR_OK) {
    fprintf(stderr, "finegrain sweep work: --for: '%s' is no time; write 50 min\n", r->seconds);
    return FG_EXIT_USAGE;
  }
  if (!options.threads && getenv("SLURM_JOB_ID")) options.threads = cpus ? (unsigned)strtoul(cpus, NULL, 10) : 1;
  return fg_sweep_work(r->words[1], &options);
}

static int sweep_main(const fg_command *command, int argc, char **argv) {
  static const struct {
    const char *name;
    int (*run)(const request *r);
  } subcommands[] = {{"run", run_sweep},       {"plan", plan_sweep},   {"status", status_sweep},
                     {"resume", resume_sweep}, {"merge", merge_sweep}, {"work", work_sweep}};
  enum { COUNT = sizeof subcommands / sizeof *subcommands };
  request r = {.seed = -1};
  const fg_option options[] = {
      {"--out", FG_OPTION_TEXT, &r.out},           {"--set", FG_OPTION_TEXTS, &r.sets},
      {"--seed", FG_OPTION_NUMBER, &r.seed},       {"--plugin-path", FG_OPTION_TEXT, &r.plugin_path},
      {"--engine", FG_OPTION_TEXT, &r.engine},     {"--jobs", FG_OPTION_NUMBER, &r.jobs},
      {"--threads", FG_OPTION_NUMBER, &r.threads}, {"--quiet", FG_OPTION_FLAG, &r.quiet},
      {"--requeue", FG_OPTION_FLAG, &r.requeue},   {"--for", FG_OPTION_TEXT, &r.seconds},
  };
  int words = fg_arguments_read(command, argc, argv, options, sizeof options / sizeof *options, r.words, 2, 2);
  int code = words == -2 ? FG_EXIT_DONE : FG_EXIT_USAGE;
  const char *names[COUNT];
  size_t found = COUNT;
  for (size_t s = 0; s < COUNT; s++) {
    names[s] = subcommands[s].name;
    if (words == 2 && strcmp(r.words[0], names[s]) == 0) found = s;
  }
  char hint[256];
  if (words == 2 && found == COUNT)
    fprintf(stderr, "finegrain sweep: unknown subcommand '%s'%s\n", r.words[0],
            fg_suggest(hint, sizeof hint, r.words[0], names, COUNT));
  else if (words == 2 && r.engine && strcmp(r.engine, "local") != 0 && strcmp(r.engine, "slurm") != 0)
    fprintf(stderr, "finegrain sweep: --engine: '%s' is neither local nor slurm\n", r.engine);
  else if (words == 2 && (r.threads > 1024 || r.jobs > 100000))
    fprintf(stderr, "finegrain sweep: %s\n", r.threads > 1024 ? "--threads: at most 1024" : "--jobs: at most 100000");
  else if (words == 2)
    code = subcommands[found].run(&r);
  free(r.sets.items);
  return code;
}

const fg_command fg_command_sweep = {
    "sweep",
    "run many variants of a pipeline, here or on a cluster",
    "usage: finegrain sweep run FILE [--out DIR] [--jobs N] [--engine local|slurm] [--threads N] [--seed N]\n"
    "                           [--set K=V]... [--plugin-path DIRS] [--quiet]\n"
    "       finegrain sweep plan FILE       print every point, and how far it is in DIR; runs nothing\n"
    "       finegrain sweep status DIR      how far each point is, at any time, from the files alone\n"
    "       finegrain sweep resume DIR      run what has no valid result\n"
    "       finegrain sweep merge DIR       write summary.csv, combined.csv and points.csv of what there is\n"
    "       finegrain sweep work DIR        take points until none is left, on any machine that sees DIR\n\n"
    "The points are those of the file's `sweep` section; docs/sweeps.md says how to write one. Running a sweep again\n"
    "after its file changed runs only what is new.\n\n"
    "  --out DIR        the sweep's folder (default: runs/NAME)\n"
    "  --jobs N         workers at once (default: the file's exec, or the cores)\n"
    "  --engine E       local: processes of this machine; slurm: an array of jobs\n"
    "  --threads N      threads of each run\n"
    "  --for T          work: take no more points after this time, e.g. 50min\n"
    "  --requeue        work, under Slurm: on USR1 save, and ask to be queued again\n\n"
    "Exit: 0 every point is done, 1 some are not, 2 wrong usage, 78 wrong configuration, 130/143 interrupted.",
    sweep_main,
};
