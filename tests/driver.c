// driver.c — see driver.h. A host of its own: parallel_for is serial, emit collects, output files appear in
// BUILD/tests/output. The real host is core/hostapi.c; nothing here is meant to be fast.
#include "driver.h"

#include "config.h"
#include "message.h"
#include "rng.h"
#include "serialize.h"
#include "yaml.h"

#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STAGE_NAME "test"
#define OUTPUT_FOLDER FG_BUILD "/tests/output"

typedef struct port_log {
  fg_format format;
  fg_message *messages;
  size_t count, capacity;
  uint64_t sequence;
} port_log;

struct driver {
  fg_host host;
  uint64_t seed;
  const fg_stage *stage;
  fg_document *document;
  fg_config *config;
  void *self; ///< NULL until create succeeded
  uint32_t output_count;
  port_log *outputs;
  char path[1024]; ///< of the last output_begin
  char error[4096];
};

static driver *driver_of(const fg_host *host) { return host->impl; }

// ---- plugins

/// The descriptor of `kind` from its shared object, which stays loaded; NULL with the reason in `error`.
static const fg_stage *load_stage(const char *kind, char *error, size_t size) {
  char path[1024];
  snprintf(path, sizeof path, "%s/plugins/%s.so", FG_BUILD, kind);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  const fg_plugin *plugin = library ? dlsym(library, FG_PLUGIN_SYMBOL) : NULL;
  if (!plugin) {
    const char *reason = dlerror();
    snprintf(error, size, "%s", reason ? reason : path);
    return NULL;
  }
  if (plugin->magic != FG_PLUGIN_MAGIC || plugin->abi_major != FG_ABI_MAJOR) {
    snprintf(error, size, "%s: not a plugin of ABI %u", path, FG_ABI_MAJOR);
    return NULL;
  }
  for (const fg_stage *const *stage = plugin->stages; *stage; stage++)
    if (strcmp((*stage)->kind, kind) == 0) return *stage;
  snprintf(error, size, "%s: offers no stage '%s'", path, kind);
  return NULL;
}

// ---- the host

static void report(driver *d, const char *format, va_list args) { vsnprintf(d->error, sizeof d->error, format, args); }

static fg_status host_fail(const fg_host *host, const char *format, ...) {
  va_list args;
  va_start(args, format);
  report(driver_of(host), format, args);
  va_end(args);
  return FG_FAILED;
}

static fg_status host_fail_param(const fg_host *host, const char *param, const char *format, ...) {
  (void)param;
  va_list args;
  va_start(args, format);
  report(driver_of(host), format, args);
  va_end(args);
  return FG_FAILED;
}

static void host_log(const fg_host *host, fg_log_level level, const char *format, ...) {
  (void)host;
  (void)level;
  (void)format;
}

static void host_progress(const fg_host *host, uint64_t done, uint64_t total) {
  (void)host;
  (void)done;
  (void)total;
}

static fg_batch *host_batch_new(const fg_host *host, uint32_t element, const fg_lattice *lattice, uint32_t count) {
  fg_batch *batch = fg_batch_create(element, lattice, count, 0, fg_lattice_rows(lattice));
  if (!batch) host->fail(host, "out of memory");
  return batch;
}

static fg_batch *host_slab_new(const fg_host *host, uint32_t element, const fg_lattice *lattice, uint64_t first_row,
                               uint64_t rows) {
  fg_batch *batch = fg_batch_create(element, lattice, 1, first_row, rows);
  if (!batch) host->fail(host, "out of memory");
  return batch;
}

static void host_batch_ref(const fg_host *host, const fg_batch *batch) {
  (void)host;
  fg_batch_ref(batch);
}

static void host_batch_unref(const fg_host *host, const fg_batch *batch) {
  (void)host;
  fg_batch_unref(batch);
}

static fg_model *host_model_new(const fg_host *host, const char *network, const char *hyperparameters,
                                const double *weights, uint64_t weight_count) {
  fg_model *model = fg_model_create(network, hyperparameters, weights, weight_count);
  if (!model) host->fail(host, "out of memory");
  return model;
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
  fg_table *table = fg_table_create(name, columns);
  if (!table) host->fail(host, "out of memory");
  return table;
}

static fg_status host_table_row(const fg_host *host, fg_table *table, const fg_cell *cells) {
  return fg_table_append(table, cells) == FG_OK ? FG_OK : host->fail(host, "out of memory");
}

static void host_table_unref(const fg_host *host, const fg_table *table) {
  (void)host;
  fg_table_unref(table);
}

/// Keeps a message with the reference it carries; drops it when the port cannot take it.
static fg_status collect(const fg_host *host, uint32_t port, fg_message message) {
  driver *d = driver_of(host);
  fg_status status = FG_OK;
  port_log *log = port < d->output_count ? &d->outputs[port] : NULL;
  if (!log || !(d->stage->outputs[port]->kinds & message.kind)) {
    status = host->fail(host, "emitted on port %u, which does not take this", port);
  } else if (log->count == log->capacity) {
    size_t wanted = log->capacity ? log->capacity * 2 : 64;
    fg_message *larger = realloc(log->messages, wanted * sizeof *larger);
    if (larger) {
      log->messages = larger;
      log->capacity = wanted;
    } else {
      status = host->fail(host, "out of memory");
    }
  }
  if (status == FG_OK)
    log->messages[log->count++] = message;
  else
    fg_message_unref(&message);
  return status;
}

static fg_status host_emit_batch(const fg_host *host, uint32_t port, fg_batch *batch) {
  driver *d = driver_of(host);
  if (port < d->output_count) batch->sequence = d->outputs[port].sequence++;
  return collect(host, port, (fg_message){.size = sizeof(fg_message), .kind = FG_BATCH, .batch = batch});
}

static fg_status host_emit_model(const fg_host *host, uint32_t port, fg_model *model) {
  return collect(host, port, (fg_message){.size = sizeof(fg_message), .kind = FG_MODEL, .model = model});
}

static fg_status host_emit_table(const fg_host *host, uint32_t port, fg_table *table) {
  return collect(host, port, (fg_message){.size = sizeof(fg_message), .kind = FG_TABLE, .table = table});
}

static fg_status host_parallel_for(const fg_host *host, uint64_t count, fg_status (*body)(void *arg, uint64_t index),
                                   void *arg) {
  (void)host;
  fg_status first = FG_OK;
  for (uint64_t i = 0; i < count; i++) {
    fg_status status = body(arg, i);
    if (first == FG_OK) first = status;
  }
  return first;
}

static fg_rng_key host_rng_key(const fg_host *host, const char *purpose) {
  return fg_rng_key_of(driver_of(host)->seed, STAGE_NAME, purpose);
}

static int host_cancelled(const fg_host *host) {
  (void)host;
  return 0;
}

static fg_status host_serialize(const fg_host *host, const char *key, fg_status (*fn)(void *arg), void *arg) {
  (void)host;
  return fg_serialize(key, fn, arg);
}

static const void *host_lookup(const fg_host *host, const char *kind, const char *id) {
  (void)host;
  char ignored[256];
  const fg_stage *stage = load_stage(kind, ignored, sizeof ignored);
  return stage && FG_HAS(stage, extension) && stage->extension ? stage->extension(id) : NULL;
}

static const char *host_output_begin(const fg_host *host, const char *name) {
  driver *d = driver_of(host);
  mkdir(FG_BUILD "/tests", 0777);
  mkdir(OUTPUT_FOLDER, 0777);
  snprintf(d->path, sizeof d->path, "%s/%s.tmp", OUTPUT_FOLDER, name);
  return d->path;
}

static fg_status host_output_commit(const fg_host *host, const char *name) {
  char from[1024], to[1024];
  snprintf(from, sizeof from, "%s/%s.tmp", OUTPUT_FOLDER, name);
  snprintf(to, sizeof to, "%s/%s", OUTPUT_FOLDER, name);
  return rename(from, to) == 0 ? FG_OK : host->fail(host, "%s: cannot be renamed", from);
}

static fg_host host_of(driver *d) {
  return (fg_host){
      .size = sizeof(fg_host),
      .abi_minor = FG_ABI_MINOR,
      .impl = d,
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

// ---- opening and closing

/// Reads "key: value, …" and fills the config; false with the diagnostics in d->error.
static bool fill_config(driver *d, const char *params) {
  const char *name = "params";
  size_t length = strlen(params) + 2;
  char *text = malloc(length + 1);
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  if (!text || !diagnostics) abort();
  snprintf(text, length + 1, "{%s}", params);
  d->document = fg_yaml_read_text(name, text, length, diagnostics);
  if (d->document) {
    fg_place place = {name, 1, 1};
    d->config = fg_config_new(d->stage, fg_document_root(d->document), STAGE_NAME, place, "", diagnostics);
  }
  if (!d->config) {
    FILE *out = fmemopen(d->error, sizeof d->error, "w");
    if (!out) abort();
    fg_diagnostics_print(diagnostics, out);
    fclose(out);
  }
  fg_diagnostics_free(diagnostics);
  free(text);
  return d->config != NULL;
}

driver *driver_open(const char *kind, const char *params, uint64_t seed) {
  driver *d = calloc(1, sizeof *d);
  if (!d) abort();
  d->host = host_of(d);
  d->seed = seed;
  d->stage = load_stage(kind, d->error, sizeof d->error);
  if (!d->stage) return d;
  while (d->stage->outputs[d->output_count]) d->output_count++;
  d->outputs = calloc(d->output_count + 1, sizeof *d->outputs);
  if (!d->outputs) abort();
  for (uint32_t port = 0; port < d->output_count; port++) {
    d->outputs[port].format.size = sizeof(fg_format);
    d->outputs[port].format.kind = d->stage->outputs[port]->kinds;
  }
  if (!fill_config(d, params)) return d;
  if (d->stage->create(&d->host, fg_config_data(d->config), &d->self) != FG_OK) d->self = NULL;
  return d;
}

void driver_close(driver *d) {
  if (d->self) d->stage->destroy(d->self);
  for (uint32_t port = 0; port < d->output_count; port++) {
    for (size_t i = 0; i < d->outputs[port].count; i++) fg_message_unref(&d->outputs[port].messages[i]);
    free(d->outputs[port].messages);
  }
  free(d->outputs);
  if (d->config) fg_config_free(d->config);
  if (d->document) fg_document_free(d->document);
  free(d);
}

const char *driver_error(const driver *d) { return d->error; }
const fg_host *driver_host(driver *d) { return &d->host; }
void *driver_self(driver *d) { return d->self; }
const fg_stage *driver_stage(const driver *d) { return d->stage; }

// ---- running

fg_status driver_negotiate(driver *d, const fg_format *const *inputs) {
  if (!d->self) return FG_FAILED;
  const fg_format *none = NULL;
  fg_format **outputs = calloc(d->output_count + 1, sizeof(fg_format *));
  if (!outputs) abort();
  for (uint32_t port = 0; port < d->output_count; port++) outputs[port] = &d->outputs[port].format;
  uint64_t memory = 0;
  fg_status status = d->stage->negotiate(d->self, inputs ? inputs : &none, outputs, &memory);
  free(outputs);
  return status;
}

const fg_format *driver_format(const driver *d, uint32_t output) {
  return output < d->output_count ? &d->outputs[output].format : NULL;
}

static fg_status feed(driver *d, uint32_t port, const fg_message *first, const fg_message *second) {
  if (!d->self || !d->stage->process) return FG_FAILED;
  const fg_message *messages[2] = {first, second};
  return d->stage->process(d->self, port, messages, second ? 2 : 1);
}

static fg_message batch_message(const fg_batch *batch) {
  return (fg_message){.size = sizeof(fg_message), .kind = FG_BATCH, .batch = batch};
}

fg_status driver_feed_batch(driver *d, uint32_t port, const fg_batch *batch) {
  fg_message message = batch_message(batch);
  return feed(d, port, &message, NULL);
}

fg_status driver_feed_pair(driver *d, uint32_t port, const fg_batch *first, const fg_batch *second) {
  fg_message messages[2] = {batch_message(first), batch_message(second)};
  return feed(d, port, &messages[0], &messages[1]);
}

fg_status driver_feed_model(driver *d, uint32_t port, const fg_model *model) {
  fg_message message = {.size = sizeof(fg_message), .kind = FG_MODEL, .model = model};
  return feed(d, port, &message, NULL);
}

fg_status driver_end(driver *d, uint32_t port) {
  if (!d->self) return FG_FAILED;
  return d->stage->end ? d->stage->end(d->self, port) : FG_OK;
}

fg_status driver_finish(driver *d) {
  if (!d->self) return FG_FAILED;
  fg_status status = d->stage->produce ? FG_OK : FG_DONE;
  while (status == FG_OK) status = d->stage->produce(d->self);
  if (status != FG_DONE) return status;
  return d->stage->flush ? d->stage->flush(d->self) : FG_OK;
}

// ---- looking at what came out

size_t driver_count(const driver *d, uint32_t port) { return port < d->output_count ? d->outputs[port].count : 0; }

const fg_message *driver_message(const driver *d, uint32_t port, size_t index) {
  return index < driver_count(d, port) ? &d->outputs[port].messages[index] : NULL;
}

/// Index of a column, column_count when there is none.
static uint32_t column_of(const fg_table *table, const char *name) {
  uint32_t c = 0;
  while (c < table->column_count && strcmp(table->columns[c]->name, name) != 0) c++;
  return c;
}

double driver_estimate(const driver *d, uint32_t port, const char *size, int level, const char *observable,
                       const char *field) {
  for (size_t i = 0; i < driver_count(d, port); i++) {
    const fg_table *table = driver_message(d, port, i)->table;
    if (!table || strcmp(table->name, "estimates") != 0) continue;
    uint32_t size_at = column_of(table, "size"), level_at = column_of(table, "level");
    uint32_t observable_at = column_of(table, "observable"), field_at = column_of(table, field);
    uint32_t end = table->column_count;
    if (size_at == end || level_at == end || observable_at == end || field_at == end) continue;
    for (uint64_t row = 0; row < table->row_count; row++) {
      const fg_cell *cells = table->cells + row * table->column_count;
      if (strcmp(cells[size_at].text, size) != 0 || cells[level_at].integer != level) continue;
      if (strcmp(cells[observable_at].text, observable) != 0) continue;
      bool integer = table->columns[field_at]->type == FG_COLUMN_INTEGER;
      return integer ? (double)cells[field_at].integer : cells[field_at].real;
    }
  }
  return NAN;
}
