// hostapi.c — see hostapi.h. Each function finds the instance behind the plugin's host pointer; while the plan runs, the
// instance has a worker.
#include "hostapi.h"

#include "emit.h"
#include "message.h"
#include "rng.h"
#include "serialize.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static fg_instance *instance_of(const fg_host *host) { return host->impl; }
static fg_worker *worker_of(const fg_host *host) { return instance_of(host)->worker; }

/// Where a parameter was written, or the stage when param is NULL.
static fg_place place_of(const fg_host *host, const char *param) {
  const fg_instance *instance = instance_of(host);
  return param ? fg_config_place(instance->config, param) : instance->spec->place;
}

static fg_status report(const fg_host *host, const char *param, const char *format, va_list args) {
  const fg_instance *instance = instance_of(host);
  char message[1600];
  size_t at = param ? (size_t)snprintf(message, sizeof message, "%s: ", param) : 0;
  vsnprintf(message + at, sizeof message - at, format, args);
  if (instance->worker) return fg_worker_fail(instance->worker, place_of(host, param), message);
  fg_error_at(instance->plan->diagnostics, place_of(host, param), instance->spec->name, "%s", message);
  return FG_FAILED;
}

static fg_status host_fail(const fg_host *host, const char *format, ...) {
  va_list args;
  va_start(args, format);
  report(host, NULL, format, args);
  va_end(args);
  return FG_FAILED;
}

static fg_status host_fail_param(const fg_host *host, const char *param, const char *format, ...) {
  va_list args;
  va_start(args, format);
  report(host, param, format, args);
  va_end(args);
  return FG_FAILED;
}

static void host_log(const fg_host *host, fg_log_level level, const char *format, ...) {
  static const char *const words[] = {"debug", "info", "warning"};
  const fg_instance *instance = instance_of(host);
  if (!instance->worker) return;
  char message[1600];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  fg_rundir_log(instance->worker->shared->dir, words[level <= FG_LOG_WARNING ? level : FG_LOG_WARNING],
                instance->spec->name, message);
  if (level == FG_LOG_INFO)
    fg_progress_note(instance->worker->shared->progress, "%s: %s", instance->spec->name, message);
  if (level == FG_LOG_WARNING) {
    fg_place place = instance->spec->place;
    fg_progress_line(instance->worker->shared->progress, "%s:%u:%u: warning: %s: %s", place.file, place.line,
                     place.column, instance->spec->name, message);
  }
}

static void *or_report(const fg_host *host, void *made, const char *what) {
  if (!made) host_fail(host, "out of memory for %s", what);
  return made;
}

static fg_batch *host_batch_new(const fg_host *host, uint32_t element, const fg_lattice *lattice, uint32_t count) {
  fg_batch *batch = fg_batch_create(element, lattice, count, 0, fg_lattice_rows(lattice));
  if (batch) fg_batch_take(batch);
  return or_report(host, batch, "a batch");
}

static fg_batch *host_slab_new(const fg_host *host, uint32_t element, const fg_lattice *lattice, uint64_t first_row,
                               uint64_t rows) {
  fg_batch *slab = fg_batch_create(element, lattice, 1, first_row, rows);
  if (slab) fg_batch_take(slab);
  return or_report(host, slab, "a slab");
}

static void host_batch_ref(const fg_host *host, const fg_batch *batch) {
  (void)host;
  fg_batch_ref(batch);
  fg_batch_take(batch);
}

static void host_batch_unref(const fg_host *host, const fg_batch *batch) {
  (void)host;
  if (batch) fg_batch_give(batch);
  fg_batch_unref(batch);
}

static fg_model *host_model_new(const fg_host *host, const char *network, const char *hyperparameters,
                                const double *weights, uint64_t count) {
  return or_report(host, fg_model_create(network, hyperparameters, weights, count), "a model");
}

static void host_model_ref(const fg_host *host, const fg_model *model) {
  (void)host;
  fg_model_ref(model);
}

static void host_model_unref(const fg_host *host, const fg_model *model) {
  (void)host;
  fg_model_unref(model);
}

static fg_table *host_table_new(const fg_host *host, const char *name, const fg_column *const *columns) {
  return or_report(host, fg_table_create(name, columns), "a table");
}

static fg_status host_table_row(const fg_host *host, fg_table *table, const fg_cell *cells) {
  return fg_table_append(table, cells) == FG_OK ? FG_OK : host_fail(host, "out of memory for a table");
}

static void host_table_unref(const fg_host *host, const fg_table *table) {
  (void)host;
  fg_table_unref(table);
}

static const char too_early[] = "emits before the pipeline runs; this is a fault of the plugin";

static fg_status host_emit_batch(const fg_host *host, uint32_t port, fg_batch *batch) {
  if (worker_of(host)) return fg_emit_batch(worker_of(host), port, batch);
  fg_batch_unref(batch);
  return host_fail(host, "%s", too_early);
}

static fg_status host_emit_model(const fg_host *host, uint32_t port, fg_model *model) {
  if (worker_of(host)) return fg_emit_model(worker_of(host), port, model);
  fg_model_unref(model);
  return host_fail(host, "%s", too_early);
}

static fg_status host_emit_table(const fg_host *host, uint32_t port, fg_table *table) {
  if (worker_of(host)) return fg_emit_table(worker_of(host), port, table);
  fg_table_unref(table);
  return host_fail(host, "%s", too_early);
}

static void host_progress(const fg_host *host, uint64_t done, uint64_t total) {
  fg_worker *worker = worker_of(host);
  if (!worker) return;
  atomic_store(&worker->done, done);
  atomic_store(&worker->expected, total);
}

static fg_status host_parallel_for(const fg_host *host, uint64_t count, fg_status (*body)(void *arg, uint64_t index),
                                   void *arg) {
  fg_worker *worker = worker_of(host);
  if (worker) return fg_pool_for(worker->shared->pool, count, body, arg, fg_hub_cancelled(worker->shared->hub));
  fg_status status = FG_OK;
  for (uint64_t i = 0; i < count && status >= FG_OK; i++) status = body(arg, i);
  return status < FG_OK ? status : FG_OK;
}

static fg_rng_key host_rng_key(const fg_host *host, const char *purpose) {
  const fg_instance *instance = instance_of(host);
  return fg_rng_key_of(instance->plan->seed, instance->spec->name, purpose);
}

static int host_cancelled(const fg_host *host) {
  const fg_worker *worker = worker_of(host);
  return worker ? atomic_load(fg_hub_cancelled(worker->shared->hub)) : 0;
}

static fg_status host_serialize(const fg_host *host, const char *key, fg_status (*fn)(void *arg), void *arg) {
  (void)host;
  return fg_serialize(key, fn, arg);
}

static const void *host_lookup(const fg_host *host, const char *kind, const char *id) {
  const fg_kind_entry *entry = fg_registry_find(instance_of(host)->plan->registry, kind);
  return entry && entry->stage.extension ? entry->stage.extension(id) : NULL;
}

static fg_output_file *begun_file(const fg_host *host, const char *name) {
  char whole[PATH_MAX];
  snprintf(whole, sizeof whole, "%s/%s", instance_of(host)->spec->name, name);
  fg_output_file *file = worker_of(host) ? worker_of(host)->files : NULL;
  while (file && (file->committed || strcmp(file->name, whole) != 0)) file = file->older;
  return file;
}

static const char *host_output_begin(const fg_host *host, const char *name) {
  fg_worker *worker = worker_of(host);
  if (!worker || begun_file(host, name)) {
    host_fail(host, "begins output file '%s' %s; this is a fault of the plugin", name,
              worker ? "twice" : "before the pipeline runs");
    return NULL;
  }
  fg_output_file *file = calloc(1, sizeof *file);
  if (!file) abort();
  snprintf(file->name, sizeof file->name, "%s/%s", instance_of(host)->spec->name, name);
  fg_error error = {0};
  if (fg_rundir_begin(worker->shared->dir, file->name, file->temporary, &error) != FG_OK) {
    host_fail(host, "output file '%s': %s", name, error.text);
    free(file);
    return NULL;
  }
  file->older = worker->files;
  worker->files = file;
  return file->temporary;
}

static fg_status host_output_commit(const fg_host *host, const char *name) {
  fg_output_file *file = begun_file(host, name);
  if (!file) return host_fail(host, "output file '%s' was not begun; this is a fault of the plugin", name);
  fg_error error = {0};
  if (fg_rundir_commit(worker_of(host)->shared->dir, file->name, &error) != FG_OK)
    return host_fail(host, "output file '%s': %s", name, error.text);
  file->committed = true;
  return FG_OK;
}

void fg_host_init(fg_instance *instance) {
  instance->host = (fg_host){
      .size = sizeof(fg_host),
      .abi_minor = FG_ABI_MINOR,
      .impl = instance,
      .batch_new = host_batch_new,
      .slab_new = host_slab_new,
      .batch_ref = host_batch_ref,
      .batch_unref = host_batch_unref,
      .model_new = host_model_new,
      .model_ref = host_model_ref,
      .model_unref = host_model_unref,
      .table_new = host_table_new,
      .table_row = host_table_row,
      .table_unref = host_table_unref,
      .emit_batch = host_emit_batch,
      .emit_model = host_emit_model,
      .emit_table = host_emit_table,
      .fail = host_fail,
      .fail_param = host_fail_param,
      .log = host_log,
      .progress = host_progress,
      .parallel_for = host_parallel_for,
      .rng_key = host_rng_key,
      .rng_fill = fg_rng_fill,
      .cancelled = host_cancelled,
      .serialize = host_serialize,
      .lookup = host_lookup,
      .output_begin = host_output_begin,
      .output_commit = host_output_commit,
  };
}
