// host.c — fg_host as a stage under check sees it. It does what the host of a run does (hostapi.c, emit.c), keeps
// count of every reference, and ends the case when the plugin does what the headers forbid.
#include "conform/trial.h"

#include "clock.h"
#include "message.h"
#include "rng.h"
#include "serialize.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define MEETING_SECONDS 0.02

static fg_trial *trial_of(const fg_host *host) { return host->impl; }

const char *fg_trial_kind_word(uint32_t kind) {
  return kind == FG_BATCH ? "batch" : kind == FG_MODEL ? "model" : "table";
}

/// "in process": the function under way.
const char *fg_trial_here(const fg_trial *t) { return t->call ? t->call : "between two calls"; }

// --- what the plugin reports ----------------------------------------------------------------------------------------

static void report(fg_trial *t, const char *param, const char *format, va_list args) {
  pthread_mutex_lock(&t->lock);
  if (!t->failed) {
    int at = param ? snprintf(t->reason, sizeof t->reason, "%s: ", param) : 0;
    vsnprintf(t->reason + at, sizeof t->reason - (size_t)at, format, args);
    t->failed = true;
  }
  pthread_mutex_unlock(&t->lock);
}

static fg_status host_fail(const fg_host *host, const char *format, ...) {
  va_list args;
  va_start(args, format);
  report(trial_of(host), NULL, format, args);
  va_end(args);
  return FG_FAILED;
}

static fg_status host_fail_param(const fg_host *host, const char *param, const char *format, ...) {
  fg_trial *t = trial_of(host);
  bool known = false;
  for (size_t i = 0; t->stage->params[i]; i++) known |= strcmp(t->stage->params[i]->name, param) == 0;
  if (!known)
    fg_case_failed(t->of, "calls fail_param for '%s', which is no parameter of its, in %s", param, fg_trial_here(t));
  va_list args;
  va_start(args, format);
  report(t, param, format, args);
  va_end(args);
  return FG_FAILED;
}

static void host_log(const fg_host *host, fg_log_level level, const char *format, ...) {
  (void)host;
  char line[1600];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  if (level > FG_LOG_WARNING) fg_case_failed(trial_of(host)->of, "logs '%s' with the unknown level %d", line, level);
}

static void host_progress(const fg_host *host, uint64_t done, uint64_t total) {
  (void)host;
  (void)done;
  (void)total;
}

// --- messages and who holds them ------------------------------------------------------------------------------------

/// Set inside a body of parallel_for, on whatever thread.
static _Thread_local bool inside_body;

/// [stage] functions may not be called from parallel_for.
void fg_trial_require_stage(const fg_trial *t, const char *function) {
  if (inside_body || !pthread_equal(pthread_self(), t->thread))
    fg_case_failed(t->of, "calls %s from inside parallel_for, in %s", function, fg_trial_here(t));
}

fg_trial_object *fg_trial_find(fg_trial *t, const void *message) {
  for (size_t i = t->object_count; i-- > 0;)
    if (t->objects[i].message == message) return &t->objects[i];
  return NULL;
}

/// Whether this allocation is the one for which there is no memory.
static bool is_exhausted(fg_trial *t, const char *what) {
  pthread_mutex_lock(&t->lock);
  bool now = ++t->allocations == t->options.exhaust;
  t->exhausted |= now;
  pthread_mutex_unlock(&t->lock);
  if (now) host_fail(&t->host, "out of memory for %s", what);
  return now;
}

static void remember(fg_trial *t, const fg_trial_object *object) {
  pthread_mutex_lock(&t->lock);
  if (t->object_count == t->object_capacity) {
    t->object_capacity = t->object_capacity ? 2 * t->object_capacity : 256;
    t->objects = realloc(t->objects, t->object_capacity * sizeof *t->objects);
    if (!t->objects) abort();
  }
  t->objects[t->object_count++] = *object;
  pthread_mutex_unlock(&t->lock);
}

/// A batch in protected memory.
static fg_batch *new_batch(fg_trial *t, const char *what, uint32_t element, const fg_lattice *lattice, uint32_t count,
                           uint64_t first_row, uint64_t rows, fg_region **region) {
  uint64_t row_bytes = fg_row_bytes(element, fg_lattice_width(lattice)), bytes;
  if (__builtin_mul_overflow(row_bytes, rows, &bytes) || __builtin_mul_overflow(bytes, count, &bytes)) return NULL;
  void *data;
  pthread_mutex_lock(&t->lock);
  *region = fg_region_new(sizeof(fg_batch), bytes, what, &data);
  pthread_mutex_unlock(&t->lock);
  if (!*region) return NULL;
  fg_batch *batch = (fg_batch *)(void *)(*region)->head;
  *batch = (fg_batch){.size = sizeof(fg_batch),
                      .element = element,
                      .lattice = *lattice,
                      .count = count,
                      .first_row = first_row,
                      .rows = rows,
                      .row_bytes = row_bytes,
                      .coupling = NAN,
                      .data = data};
  return batch;
}

static fg_batch *own_batch(fg_trial *t, uint32_t element, const fg_lattice *lattice, uint32_t count, uint64_t first_row,
                           uint64_t rows) {
  if (is_exhausted(t, "a batch")) return NULL;
  fg_region *region;
  fg_batch *batch = new_batch(t, NULL, element, lattice, count, first_row, rows, &region);
  if (!batch) {
    host_fail(&t->host, "out of memory for a batch");
    return NULL;
  }
  remember(t,
           &(fg_trial_object){.kind = FG_BATCH, .message = batch, .region = region, .made = *batch, .references = 1});
  return batch;
}

static fg_batch *host_batch_new(const fg_host *host, uint32_t element, const fg_lattice *lattice, uint32_t count) {
  return own_batch(trial_of(host), element, lattice, count, 0, fg_lattice_rows(lattice));
}

static fg_batch *host_slab_new(const fg_host *host, uint32_t element, const fg_lattice *lattice, uint64_t first_row,
                               uint64_t rows) {
  return own_batch(trial_of(host), element, lattice, 1, first_row, rows);
}

fg_batch *fg_trial_lend_batch(fg_trial *t, const char *what, uint32_t element, const fg_lattice *lattice,
                              uint32_t count, uint64_t first_row, uint64_t rows) {
  fg_region *region;
  fg_batch *batch = new_batch(t, what, element, lattice, count, first_row, rows, &region);
  if (!batch) abort();
  remember(t, &(fg_trial_object){.kind = FG_BATCH, .message = batch, .region = region, .input = true, .lent = true});
  return batch;
}

const fg_model *fg_trial_lend_model(fg_trial *t, const char *what, const fg_feed *feed) {
  fg_model given;
  fg_feed_model(t->of, feed, &given);
  const uint64_t count = given.weight_count;
  const char *network = given.network, *hyperparameters = given.hyperparameters;
  const double *weights = given.weights;
  const size_t network_bytes = strlen(network) + 1, text_bytes = strlen(hyperparameters) + 1;
  void *data;
  fg_region *region = fg_region_new(sizeof(fg_model), count * sizeof(double) + network_bytes + text_bytes, what, &data);
  if (!region) abort();
  fg_model *model = (fg_model *)(void *)region->head;
  if (count) memcpy(data, weights, count * sizeof(double));
  char *texts = (char *)data + count * sizeof(double);
  *model = (fg_model){sizeof(fg_model), 0, texts, texts + network_bytes, count, data};
  memcpy(texts, network, network_bytes);
  memcpy(texts + network_bytes, hyperparameters, text_bytes);
  remember(t, &(fg_trial_object){.kind = FG_MODEL, .message = model, .region = region, .input = true, .lent = true});
  return model;
}

void fg_trial_seal(fg_trial *t, const void *message) {
  const fg_trial_object *object = fg_trial_find(t, message);
  if (!object) abort(); // it is what was lent just before
  fg_region_set(object->region, FG_REGION_INPUT);
}

void fg_trial_take_back(fg_trial *t) {
  for (size_t i = 0; i < t->object_count; i++) {
    fg_trial_object *object = &t->objects[i];
    if (!object->lent) continue;
    object->lent = false;
    if (object->references == 0) fg_region_set(object->region, FG_REGION_GONE);
  }
}

static void take_reference(const fg_host *host, const void *message, uint32_t kind) {
  fg_trial *t = trial_of(host);
  pthread_mutex_lock(&t->lock);
  fg_trial_object *object = fg_trial_find(t, message);
  bool sound = object && object->kind == kind && (object->references || object->lent);
  if (sound) object->references++;
  pthread_mutex_unlock(&t->lock);
  if (!sound)
    fg_case_failed(t->of, "calls %s_ref for a %s it does not hold, in %s", fg_trial_kind_word(kind),
                   fg_trial_kind_word(kind), fg_trial_here(t));
}

/// Drops a reference the plugin holds; what nobody of the plugin holds any more it may not look at again.
void fg_trial_drop(fg_trial *t, const void *message, uint32_t kind, const char *function) {
  pthread_mutex_lock(&t->lock);
  fg_trial_object *object = fg_trial_find(t, message);
  bool sound = object && object->kind == kind && object->references;
  if (sound && --object->references == 0) {
    if (object->region && !object->lent) fg_region_set(object->region, FG_REGION_GONE);
    if (!object->region && !object->emitted) { // an emitted one stays, to be known when it is emitted again
      if (kind == FG_MODEL) fg_model_unref(message);
      if (kind == FG_TABLE) fg_table_unref(message);
      object->message = NULL;
    }
  }
  pthread_mutex_unlock(&t->lock);
  if (!sound)
    fg_case_failed(t->of, "calls %s for a %s it does not hold (given back or emitted before?), in %s", function,
                   fg_trial_kind_word(kind), fg_trial_here(t));
}

static void host_batch_ref(const fg_host *host, const fg_batch *batch) { take_reference(host, batch, FG_BATCH); }

static void host_batch_unref(const fg_host *host, const fg_batch *batch) {
  fg_trial_drop(trial_of(host), batch, FG_BATCH, "batch_unref");
}

static fg_model *host_model_new(const fg_host *host, const char *network, const char *hyperparameters,
                                const double *weights, uint64_t count) {
  fg_trial *t = trial_of(host);
  fg_trial_require_stage(t, "model_new");
  if (is_exhausted(t, "a model")) return NULL;
  fg_model *model = fg_model_create(network, hyperparameters, weights, count);
  if (!model) abort();
  remember(t, &(fg_trial_object){.kind = FG_MODEL, .message = model, .references = 1});
  return model;
}

static void host_model_ref(const fg_host *host, const fg_model *model) { take_reference(host, model, FG_MODEL); }

static void host_model_unref(const fg_host *host, const fg_model *model) {
  fg_trial_drop(trial_of(host), model, FG_MODEL, "model_unref");
}

static fg_table *host_table_new(const fg_host *host, const char *name, const fg_column *const *columns) {
  fg_trial *t = trial_of(host);
  fg_trial_require_stage(t, "table_new");
  if (is_exhausted(t, "a table")) return NULL;
  fg_table *table = fg_table_create(name, columns);
  if (!table) abort();
  remember(t, &(fg_trial_object){.kind = FG_TABLE, .message = table, .references = 1});
  return table;
}

static fg_status host_table_row(const fg_host *host, fg_table *table, const fg_cell *cells) {
  fg_trial *t = trial_of(host);
  fg_trial_require_stage(t, "table_row");
  const fg_trial_object *object = fg_trial_find(t, table);
  if (!object || object->emitted || !object->references)
    fg_case_failed(t->of, "calls table_row for a table it does not hold, in %s", fg_trial_here(t));
  if (is_exhausted(t, "a table")) return FG_FAILED;
  if (fg_table_append(table, cells) != FG_OK) abort();
  return FG_OK;
}

static void host_table_unref(const fg_host *host, const fg_table *table) {
  fg_trial_drop(trial_of(host), table, FG_TABLE, "table_unref");
}

void fg_trial_check_references(const fg_trial *t) {
  for (size_t i = 0; i < t->object_count; i++) {
    const fg_trial_object *object = &t->objects[i];
    if (object->references)
      fg_case_failed(t->of, "after destroy %" PRIu32 " reference(s) to a %s %s are still held%s", object->references,
                     fg_trial_kind_word(object->kind), object->input ? "from its input" : "of its own",
                     t->failed || t->stopped ? "; what fails midway must give back what it holds" : "");
  }
}

// --- the rest -------------------------------------------------------------------------------------------------------

/// A parallel_for under way.
typedef struct split {
  fg_status (*body)(void *arg, uint64_t index);
  void *arg;
  uint64_t count;
  unsigned threads; ///< that wait for each other
  bool nested;
  atomic_uint arrived;
} split;

void fg_trial_meet(atomic_uint *arrived, unsigned all) {
  const double start = fg_clock_now();
  atomic_fetch_add(arrived, 1);
  while (atomic_load(arrived) < all && fg_clock_now() < start + MEETING_SECONDS) sched_yield();
}

/// The first indices wait for each other, so that a short job is split, too.
static fg_status do_index(void *arg, uint64_t index) {
  split *s = arg;
  if (index < s->threads) fg_trial_meet(&s->arrived, s->count < s->threads ? (unsigned)s->count : s->threads);
  inside_body = true;
  fg_status status = s->body(s->arg, index);
  inside_body = s->nested;
  return status;
}

static fg_status host_parallel_for(const fg_host *host, uint64_t count, fg_status (*body)(void *arg, uint64_t index),
                                   void *arg) {
  fg_trial *t = trial_of(host);
  split s = {.body = body, .arg = arg, .count = count, .nested = inside_body};
  s.threads = s.nested || t->options.backward ? 1 : t->options.threads;
  atomic_init(&s.arrived, 0);
  if (!t->options.backward) return fg_pool_for(t->pool, count, do_index, &s, &t->of->verdict->cancelled);
  fg_status status = FG_OK; // of the smallest index that fails, so all are tried
  for (uint64_t i = count; i-- > 0;) {
    fg_status of_index = do_index(&s, i);
    if (of_index < FG_OK) status = of_index;
  }
  return status;
}

static fg_rng_key host_rng_key(const fg_host *host, const char *purpose) {
  return fg_rng_key_of(trial_of(host)->options.seed, "check", purpose);
}

static int host_cancelled(const fg_host *host) { return atomic_load(&trial_of(host)->of->verdict->cancelled); }

static fg_status host_serialize(const fg_host *host, const char *key, fg_status (*fn)(void *arg), void *arg) {
  (void)host;
  return fg_serialize(key, fn, arg);
}

static const void *host_lookup(const fg_host *host, const char *kind, const char *id) {
  const fg_kind_entry *entry = fg_registry_find(trial_of(host)->of->registry, kind);
  return entry && entry->stage.extension ? entry->stage.extension(id) : NULL;
}

/// Where a file of this instance lies.
static void file_path(const fg_trial *t, const char *name, char path[PATH_MAX]) {
  snprintf(path, PATH_MAX, "%s/%p-%s", t->of->scratch, (const void *)t, name);
  for (char *at = path + strlen(t->of->scratch) + 1; *at; at++)
    if (*at == '/') *at = '_';
}

/// Adds a file's bytes to the digest of what was written. False: it is not there.
static bool digest_file(fg_trial *t, const char *path) {
  char bytes[4096];
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) > 0;)
    t->written = XXH3_64bits_withSeed(bytes, n, t->written);
  fclose(file);
  return true;
}

static char **begun_file(const fg_trial *t, const char *path) {
  for (size_t i = 0; i < t->file_count; i++)
    if (t->files[i] && strcmp(t->files[i], path) == 0) return &t->files[i];
  return NULL;
}

static const char *host_output_begin(const fg_host *host, const char *name) {
  fg_trial *t = trial_of(host);
  char path[PATH_MAX];
  fg_trial_require_stage(t, "output_begin");
  file_path(t, name, path);
  if (name[0] == '/' || strstr(name, "..")) {
    host_fail(host, "output file '%s' lies outside the run's folder", name);
    return NULL;
  }
  if (begun_file(t, path)) fg_case_failed(t->of, "begins the output file '%s' twice, in %s", name, fg_trial_here(t));
  t->files = realloc(t->files, (t->file_count + 1) * sizeof *t->files);
  if (!t->files || !(t->files[t->file_count] = strdup(path))) abort();
  return t->files[t->file_count++];
}

static fg_status host_output_commit(const fg_host *host, const char *name) {
  fg_trial *t = trial_of(host);
  char path[PATH_MAX];
  fg_trial_require_stage(t, "output_commit");
  file_path(t, name, path);
  if (!begun_file(t, path)) fg_case_failed(t->of, "commits the output file '%s', which it has not begun", name);
  return digest_file(t, path) ? FG_OK : host_fail(host, "output file '%s' is not there", name);
}

void fg_trial_host(fg_trial *trial) {
  trial->host = (fg_host){
      .size = sizeof(fg_host),
      .abi_minor = FG_ABI_MINOR,
      .impl = trial,
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
      .emit_batch = fg_trial_emit_batch,
      .emit_model = fg_trial_emit_model,
      .emit_table = fg_trial_emit_table,
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
