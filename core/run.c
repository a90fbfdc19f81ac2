// run.c — see run.h.
#include "run.h"

#include "bytes.h"
#include "checkpoint.h"
#include "clock.h"
#include "identity.h"
#include "reader.h"
#include "report/report.h"
#include "results.h"
#include "timing.h"
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <xxhash.h>

#define HEARTBEAT_SECONDS 1.0
#define POLL_MILLISECONDS 50
#define GRACE_SECONDS 10.0 // a step under way may take, when the run is stopped, before it is given up

/// A run under way.
typedef struct run {
  fg_plan *plan;
  const fg_run_options *options;
  fg_shared shared;
  fg_worker **workers; ///< in the file's order
  uint32_t count;
  char hash[33];
  char started[32]; ///< UTC, ISO 8601
  double start;
  unsigned threads;
} run;

/// The signal that asked to stop. The only state a handler touches.
static volatile sig_atomic_t stop_signal;

static void on_signal(int number) {
  if (stop_signal) _exit(128 + number);
  stop_signal = number;
}

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory) abort();
  return memory;
}

static unsigned core_count(void) {
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return count > 0 ? (unsigned)count : 1;
}

static void write_now(char text[32]) {
  time_t now = time(NULL);
  struct tm parts;
  gmtime_r(&now, &parts);
  strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static const char *state_word(int state) {
  static const char *const words[] = {"waiting", "running", "done", "stopped"};
  return words[state];
}

/// Writes a JSON object as a whole file; frees it.
static fg_status write_json(run *r, const char *name, json_t *object, fg_error *error) {
  char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
  json_decref(object);
  if (!text) return fg_error_set(error, "out of memory for %s", name);
  size_t length = strlen(text);
  text[length] = '\n'; // over the final zero: fg_rundir_write takes a length
  fg_status status = fg_rundir_write(r->shared.dir, name, text, length + 1, error);
  free(text);
  return status;
}

/// status.json: the heartbeat.
static void write_status(run *r, const char *state) {
  json_t *stages = json_array();
  for (uint32_t i = 0; i < r->count; i++) {
    uint64_t done, expected;
    fg_worker_progress(r->workers[i], &done, &expected);
    json_array_append_new(stages, json_pack("{s:s, s:s, s:I, s:I}", "stage", r->workers[i]->instance->spec->name,
                                            "state", state_word(atomic_load(&r->workers[i]->state)), "done",
                                            (json_int_t)done, "expected", (json_int_t)expected));
  }
  char now[32];
  write_now(now);
  fg_error error; // a heartbeat that cannot be written is not worth failing for
  write_json(r, "status.json",
             json_pack("{s:s, s:i, s:s, s:s, s:f, s:o}", "state", state, "pid", (int)getpid(), "started", r->started,
                       "updated", now, "seconds", fg_clock_now() - r->start, "stages", stages),
             &error);
}

static void set_up_worker(run *r, uint32_t index) {
  fg_instance *instance = r->plan->instances[index];
  fg_worker *worker = allocate(1, sizeof *worker);
  worker->instance = instance;
  worker->shared = &r->shared;
  worker->senders = allocate(instance->output_count, sizeof *worker->senders);
  worker->readers = allocate(instance->input_count, sizeof *worker->readers);
  r->workers[index] = worker;
  instance->worker = worker;
  for (uint32_t p = 0; p < instance->output_count; p++) {
    worker->senders[p].queues = allocate(instance->outputs[p].edge_count, sizeof(fg_queue *));
    for (uint32_t e = 0; e < instance->outputs[p].edge_count; e++)
      worker->senders[p].queues[e] =
          fg_queue_new(r->shared.hub, instance->outputs[p].edges[e]->name, fg_plan_edge_bound(r->plan));
  }
}

/// The queue of an edge, from its sender's side.
static fg_queue *queue_of(const fg_edge *edge) {
  const fg_output *output = &edge->from->outputs[edge->output];
  for (uint32_t e = 0; e < output->edge_count; e++)
    if (output->edges[e] == edge) return edge->from->worker->senders[edge->output].queues[e];
  return NULL;
}

static void set_up_readers(fg_worker *worker) {
  fg_instance *instance = worker->instance;
  for (uint32_t p = 0; p < instance->input_count; p++) {
    const fg_input *input = &instance->inputs[p];
    if (input->edge_count == 0) continue;
    fg_queue **queues = allocate(input->edge_count, sizeof *queues);
    for (uint32_t e = 0; e < input->edge_count; e++) queues[e] = queue_of(input->edges[e]);
    worker->readers[p] = fg_port_reader_new(worker, p, queues);
  }
}

/// What a saved state must agree with: the pipeline, this program, and every plugin's file.
static void identify(run *r) {
  XXH3_state_t *state = XXH3_createState();
  if (!state) abort();
  XXH3_128bits_reset(state);
  XXH3_128bits_update(state, FG_VERSION, sizeof FG_VERSION);
  XXH3_128bits_update(state, r->hash, sizeof r->hash);
  for (uint32_t i = 0; i < r->count; i++)
    XXH3_128bits_update(state, r->plan->instances[i]->file->hash, sizeof r->plan->instances[i]->file->hash);
  XXH128_hash_t digest = XXH3_128bits_digest(state);
  fg_put64(r->shared.identity, digest.low64);
  fg_put64(r->shared.identity + 8, digest.high64);
  XXH3_freeState(state);
}

static fg_status set_up(run *r, fg_error *error) {
  const char **names = allocate(r->count, sizeof *names);
  for (uint32_t i = 0; i < r->count; i++) names[i] = r->plan->instances[i]->spec->name;
  r->shared.results = fg_results_new(names, r->count);
  free(names);
  r->shared.pool = fg_pool_new(r->threads);
  r->shared.hub = fg_hub_new(r->shared.pool, r->count, fg_rundir_path(r->shared.dir));
  r->shared.zstd_level = r->plan->pipeline->zstd_level;
  r->shared.checkpoint_seconds = r->plan->pipeline->checkpoint;
  identify(r);
  r->shared.progress = fg_progress_new(r->options->quiet);
  pthread_mutex_init(&r->shared.failure_lock, NULL);
  pthread_mutex_init(&r->shared.ended_lock, NULL);
  pthread_condattr_t steady; // a wait that a clock set back would not lengthen
  pthread_condattr_init(&steady);
  pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
  pthread_cond_init(&r->shared.ended, &steady);
  pthread_condattr_destroy(&steady);
  for (uint32_t i = 0; i < r->count; i++) set_up_worker(r, i);
  for (uint32_t i = 0; i < r->count; i++) set_up_readers(r->workers[i]);
  fg_status status = FG_OK;
  bool resume = r->options->mode == FG_RUNDIR_RESUME;
  for (uint32_t i = 0; i < r->count && status == FG_OK; i++) status = fg_checkpoint_open(r->workers[i], resume, error);
  return status;
}

static void tear_down(run *r) {
  for (uint32_t i = 0; i < r->count; i++) {
    fg_worker *worker = r->workers[i];
    for (uint32_t p = 0; p < worker->instance->input_count; p++) fg_port_reader_free(worker->readers[p]);
    for (uint32_t p = 0; p < worker->instance->output_count; p++) free(worker->senders[p].queues);
    while (worker->files) {
      fg_output_file *file = worker->files;
      worker->files = file->older;
      if (!file->committed) fg_rundir_discard(r->shared.dir, file->name);
      free(file);
    }
    worker->instance->worker = NULL;
    free(worker->readers);
    free(worker->senders);
    free(worker);
  }
  free(r->workers);
  fg_hub_free(r->shared.hub);
  fg_pool_free(r->shared.pool);
  fg_results_free(r->shared.results);
  pthread_mutex_destroy(&r->shared.failure_lock);
  pthread_mutex_destroy(&r->shared.ended_lock);
  pthread_cond_destroy(&r->shared.ended);
}

static bool all_ended(const run *r) {
  for (uint32_t i = 0; i < r->count; i++)
    if (atomic_load(&r->workers[i]->state) < 2) return false;
  return true;
}

static bool any_savable(const run *r) {
  for (uint32_t i = 0; i < r->count; i++)
    if (r->workers[i]->savable && atomic_load(&r->workers[i]->state) < 2) return true;
  return false;
}

/// Stages that have begun may wait for one that cannot: so the process ends here.
static void start_thread(fg_worker *worker) {
  int cause = pthread_create(&worker->thread, NULL, fg_worker_main, worker);
  if (cause == 0) return;
  fprintf(stderr, "finegrain: error: %s: cannot start its thread: %s\n", worker->instance->spec->name, strerror(cause));
  _exit(FG_EXIT_FAILED);
}

/// Starts every stage and waits for all, drawing progress and writing the heartbeat.
static void run_threads(run *r) {
  for (uint32_t i = 0; i < r->count; i++) start_thread(r->workers[i]);
  double beat = fg_clock_now(), stopped = 0;
  while (!all_ended(r)) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += POLL_MILLISECONDS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&r->shared.ended_lock);
    if (!all_ended(r)) pthread_cond_timedwait(&r->shared.ended, &r->shared.ended_lock, &until);
    pthread_mutex_unlock(&r->shared.ended_lock);
    if (stop_signal && stopped <= 0) {
      stopped = fg_clock_now();
      fg_hub_stop(r->shared.hub);
    }
    if (stopped > 0 && (!any_savable(r) || fg_clock_now() - stopped > GRACE_SECONDS)) fg_hub_cancel(r->shared.hub);
    fg_progress_update(r->shared.progress, r->workers, r->count);
    if (fg_clock_now() - beat < HEARTBEAT_SECONDS) continue;
    beat = fg_clock_now();
    write_status(r, "running");
  }
  for (uint32_t i = 0; i < r->count; i++) pthread_join(r->workers[i]->thread, NULL);
  fg_progress_end(r->shared.progress, r->workers, r->count);
}

static fg_status write_pipeline(run *r, fg_error *error) {
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  if (!out) return fg_error_set(error, "out of memory for pipeline.yaml");
  fg_plan_write(r->plan, out);
  fclose(out);
  fg_status status = fg_rundir_write(r->shared.dir, "pipeline.yaml", text, length, error);
  free(text);
  return status;
}

/// results.h5's root attributes: two a plugin besides the run's own.
static fg_status write_hdf5(run *r, fg_error *error) {
  struct utsname machine;
  char seed[32], hostname[512], temporary[PATH_MAX];
  uname(&machine);
  snprintf(seed, sizeof seed, "%" PRIu64, r->plan->seed);
  snprintf(hostname, sizeof hostname, "%s %s %s", machine.nodename, machine.sysname, machine.machine);
  char(*plugins)[512] = allocate(r->count, sizeof *plugins), (*names)[128] = allocate(r->count, sizeof *names);
  fg_attribute *attributes = allocate(r->count + 8, sizeof *attributes);
  uint32_t n = 0;
  attributes[n++] = (fg_attribute){"version", FG_VERSION, 0};
  attributes[n++] = (fg_attribute){"name", r->plan->pipeline->name, 0};
  attributes[n++] = (fg_attribute){"seed", seed, 0};
  attributes[n++] = (fg_attribute){"pipeline_hash", r->hash, 0};
  attributes[n++] = (fg_attribute){"machine", hostname, 0};
  attributes[n++] = (fg_attribute){"start", r->started, 0};
  attributes[n++] = (fg_attribute){"wall_time_seconds", NULL, fg_clock_now() - r->start};
  for (uint32_t i = 0; i < r->count; i++) {
    const fg_instance *instance = r->plan->instances[i];
    snprintf(names[i], sizeof names[i], "plugin_%s", instance->stage->kind);
    snprintf(plugins[i], sizeof plugins[i], "version %s, file hash %s", instance->file->plugin.version,
             instance->file->hash);
    bool repeated = false;
    for (uint32_t k = 0; k < i; k++) repeated |= strcmp(names[k], names[i]) == 0;
    if (!repeated) attributes[n++] = (fg_attribute){names[i], plugins[i], 0};
  }
  fg_status status = fg_rundir_begin(r->shared.dir, "results.h5", temporary, error);
  if (status == FG_OK) status = fg_results_write_hdf5(r->shared.results, temporary, attributes, n, error);
  if (status == FG_OK) status = fg_rundir_commit(r->shared.dir, "results.h5", error);
  if (status != FG_OK) fg_rundir_discard(r->shared.dir, "results.h5");
  free(plugins);
  free(names);
  free(attributes);
  return status;
}

static fg_status write_csv(run *r, fg_error *error) {
  char temporary[PATH_MAX];
  fg_status status = fg_rundir_begin(r->shared.dir, "summary.csv", temporary, error);
  if (status == FG_OK) status = fg_results_write_csv(r->shared.results, temporary, error);
  if (status == FG_OK) status = fg_rundir_commit(r->shared.dir, "summary.csv", error);
  if (status != FG_OK) fg_rundir_discard(r->shared.dir, "summary.csv");
  return status;
}

/// manifest.json, written last: the run is done when it is there.
static fg_status write_manifest(run *r, fg_error *error) {
  json_t *plugins = json_object(), *files = json_array();
  int lost = 0; // what did not find room
  for (uint32_t i = 0; i < r->count; i++) {
    const fg_instance *instance = r->plan->instances[i];
    lost |= json_object_set_new(plugins, instance->stage->kind,
                                json_pack("{s:s, s:s, s:s}", "version", instance->file->plugin.version, "file",
                                          instance->file->path, "hash", instance->file->hash));
    for (uint32_t p = 0; p < instance->output_count; p++)
      if (instance->outputs[p].record)
        lost |= json_array_append_new(files, json_string(instance->outputs[p].record->file));
    for (const fg_output_file *file = r->workers[i]->files; file; file = file->older)
      if (file->committed) lost |= json_array_append_new(files, json_string(file->name));
  }
  json_t *manifest = json_pack("{s:s, s:s, s:s, s:I, s:s, s:f, s:i, s:o, s:o, s:o}", "finegrain", FG_VERSION, "name",
                               r->plan->pipeline->name, "pipeline_hash", r->hash, "seed", (json_int_t)r->plan->seed,
                               "started", r->started, "seconds", fg_clock_now() - r->start, "threads", (int)r->threads,
                               "plugins", plugins, "files", files, "timing", fg_timing_json(r->workers, r->count));
  if (lost) {
    json_decref(manifest);
    manifest = NULL;
  }
  return write_json(r, "manifest.json", manifest, error);
}

/// What is left to do when every stage has ended well.
static fg_status finish(run *r, fg_error *error) {
  fg_status status = FG_OK;
  for (uint32_t i = 0; i < r->count && status == FG_OK; i++) status = fg_checkpoint_finish(r->workers[i], error);
  if (status == FG_OK) status = write_hdf5(r, error);
  if (status == FG_OK) status = write_csv(r, error);
  for (uint32_t i = 0; i < r->count && status == FG_OK; i++) fg_checkpoint_close(r->workers[i], true);
  if (status == FG_OK) write_status(r, "done");
  if (status == FG_OK) status = write_manifest(r, error);
  return status;
}

/// report.html. It is made of what lies in the folder, when the run is done: nothing that happens to it can cost a run.
static void make_report(run *r) {
  fg_error warning = {0}, error = {0};
  if (fg_report_run(fg_rundir_path(r->shared.dir), &warning, &error) != FG_OK) warning = error;
  if (!warning.text[0]) return;
  fg_rundir_log(r->shared.dir, "info", "report", warning.text);
  if (!r->options->quiet) fprintf(stderr, "finegrain: warning: report.html: %s\n", warning.text);
}

/// Runs in a folder that has been opened.
static int execute(run *r) {
  fg_error error = {0};
  fg_status status = write_pipeline(r, &error);
  bool begun = status == FG_OK;
  if (begun) status = set_up(r, &error);
  if (status == FG_OK) {
    fg_rundir_log(r->shared.dir, "info", "run", "started");
    write_status(r, "running");
    run_threads(r);
    if (r->shared.failed)
      fprintf(stderr, "%s\n", r->shared.failure);
    else if (!stop_signal)
      status = finish(r, &error);
  }
  if (error.text[0]) {
    fprintf(stderr, "finegrain: %s\n", error.text);
    fg_rundir_log(r->shared.dir, "error", "run", error.text);
  }
  bool done = begun && status == FG_OK && !r->shared.failed && !stop_signal;
  if (done && !r->options->quiet) {
    fg_results_print(r->shared.results, stdout);
    if (fflush(stdout) != 0) { // the results are in the folder all the same
      fprintf(stderr, "finegrain: warning: standard output: %s\n", strerror(errno));
      clearerr(stdout);
    }
    fg_timing_print(r->workers, r->count, stderr);
  }
  if (done) make_report(r);
  if (done && !r->options->quiet)
    fprintf(stderr, "\n%.2f s; results in %s, to be looked at in report.html\n", fg_clock_now() - r->start,
            r->options->out);
  bool interrupted = stop_signal && !r->shared.failed;
  if (!done && begun) {
    bool kept = false;
    for (uint32_t i = 0; i < r->count; i++) kept |= fg_checkpoint_close(r->workers[i], false);
    write_status(r, interrupted ? "interrupted" : "failed");
    if (interrupted)
      fprintf(stderr, "interrupted; with --resume it goes on %s\n", kept ? "from its checkpoints" : "from the start");
  }
  fg_rundir_log(r->shared.dir, "info", "run", done ? "done" : interrupted ? "interrupted" : "failed");
  if (begun)
    tear_down(r);
  else
    free(r->workers);
  if (done) return FG_EXIT_DONE;
  return r->shared.failed || !stop_signal ? FG_EXIT_FAILED : 128 + stop_signal;
}

int fg_run(fg_plan *plan, const fg_run_options *options) {
  run *r = allocate(1, sizeof *r);
  r->plan = plan;
  r->options = options;
  r->count = plan->count;
  r->workers = allocate(r->count, sizeof *r->workers);
  r->threads = options->threads ? options->threads : core_count();
  r->start = fg_clock_now();
  write_now(r->started);
  fg_plan_identity(plan, NULL, r->hash);
  stop_signal = 0;
  struct sigaction action = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN}, old_int, old_term, old_pipe;
  sigaction(SIGINT, &action, &old_int);
  sigaction(SIGTERM, &action, &old_term);
  sigaction(SIGPIPE, &ignore, &old_pipe); // whoever looked on has left; the run goes on
  fg_error error = {0};
  bool complete = false;
  int code = FG_EXIT_FAILED;
  if (fg_rundir_open(options->out, options->mode, r->hash, &complete, &r->shared.dir, &error) != FG_OK) {
    fprintf(stderr, "finegrain: %s\n", error.text);
    free(r->workers);
  } else if (complete) {
    if (!options->quiet) fprintf(stderr, "%s: this run is complete; nothing to do\n", options->out);
    free(r->workers);
    code = FG_EXIT_DONE;
  } else {
    code = execute(r);
  }
  if (r->shared.dir) fg_rundir_close(r->shared.dir);
  sigaction(SIGINT, &old_int, NULL);
  sigaction(SIGTERM, &old_term, NULL);
  sigaction(SIGPIPE, &old_pipe, NULL);
  free(r);
  return code;
}
