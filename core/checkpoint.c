// checkpoint.c — see checkpoint.h. A state file: magic, version, the identity of pipeline and build, whether the stage has
// ended, how far each input was read, how long each recording was, the plugin's own bytes, and XXH64 over all of it.
#include "checkpoint.h"

#include "bytes.h"
#include "clock.h"
#include "emit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#define STATE_MAGIC "fngstate"
#define STATE_VERSION 1u
#define HEAD_BYTES 48u
#define ENTRY_BYTES 24u
#define LARGEST_STATE ((uint64_t)1 << 36)
/// A recording that nobody asked for ends when it grows faster than this: making it again is as fast as reading it.
#define FAST_BYTES ((uint64_t)32 << 20)
#define FAST_RATE 50e6 // bytes a second of the stage's own time

enum { AT_VERSION = 8, AT_ENDED = 12, AT_IDENTITY = 16, AT_INPUTS = 32, AT_OUTPUTS = 36, AT_BLOB = 40 };

static void state_name(const fg_worker *worker, char name[PATH_MAX]) {
  snprintf(name, PATH_MAX, ".checkpoint/%s.state", worker->instance->spec->name);
}

static void recording_name(const fg_worker *worker, uint32_t port, char name[PATH_MAX]) {
  const fg_instance *instance = worker->instance;
  snprintf(name, PATH_MAX, ".checkpoint/%s.%s.fgs", instance->spec->name, instance->outputs[port].port->name);
}

static void log_line(const fg_worker *worker, const char *level, const char *format, ...) FG_PRINTF(3, 4);
static void log_line(const fg_worker *worker, const char *level, const char *format, ...) {
  char message[1600];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  fg_rundir_log(worker->shared->dir, level, worker->instance->spec->name, message);
}

// --- which stages -----------------------------------------------------------------------------------------------------

/// A stage that can be saved, and whose outputs, as far as they flow while it works, can be recorded.
static bool can_be_saved(const fg_worker *worker) {
  const fg_stage *stage = worker->instance->stage;
  return stage->save && stage->restore && worker->shared->checkpoint_seconds > 0;
}

/// Whether everything the stage emits is configurations, and recorded.
static bool all_recorded(const fg_worker *worker) {
  const fg_instance *instance = worker->instance;
  bool recorded = instance->output_count > 0 && !worker->files;
  for (uint32_t p = 0; p < instance->output_count; p++) recorded &= worker->senders[p].record != NULL;
  return recorded;
}

/// From now on the stage does without checkpoints; recordings that were asked for go on.
static void give_up(fg_worker *worker) {
  char name[PATH_MAX];
  worker->savable = false;
  state_name(worker, name);
  if (worker->has_state) fg_rundir_remove(worker->shared->dir, name);
  worker->has_state = false;
  for (uint32_t p = 0; p < worker->instance->output_count; p++) {
    fg_sender *sender = &worker->senders[p];
    if (!sender->record || worker->instance->outputs[p].record) continue;
    fg_stream_abandon(sender->record);
    sender->record = NULL;
    recording_name(worker, p, name);
    fg_rundir_remove(worker->shared->dir, name);
  }
}

// --- writing ----------------------------------------------------------------------------------------------------------

typedef struct growing {
  uint8_t *bytes;
  size_t count, capacity;
  bool failed;
} growing;

static void append(growing *state, const void *data, size_t bytes) {
  if (state->failed) return;
  if (state->count + bytes > state->capacity) {
    size_t capacity = 2 * state->capacity + bytes + 4096;
    uint8_t *larger = realloc(state->bytes, capacity);
    state->failed = !larger;
    if (!larger) return;
    state->bytes = larger;
    state->capacity = capacity;
  }
  memcpy(state->bytes + state->count, data, bytes);
  state->count += bytes;
}

static fg_status write_blob(const fg_writer *writer, const void *data, size_t bytes) {
  growing *state = writer->impl;
  append(state, data, bytes);
  return state->failed ? FG_FAILED : FG_OK;
}

static void append_entry(growing *state, uint64_t a, uint64_t b, uint64_t c) {
  uint8_t entry[ENTRY_BYTES];
  fg_put64(entry, a);
  fg_put64(entry + 8, b);
  fg_put64(entry + 16, c);
  append(state, entry, sizeof entry);
}

/// The state file's bytes. The recordings are on disk up to what it says when this returns.
static fg_status make_state(const fg_worker *worker, bool ended, growing *state, fg_error *error) {
  const fg_instance *instance = worker->instance;
  uint8_t head[HEAD_BYTES] = {0};
  memcpy(head, STATE_MAGIC, 8);
  fg_put32(head + AT_VERSION, STATE_VERSION);
  fg_put32(head + AT_ENDED, ended);
  memcpy(head + AT_IDENTITY, worker->shared->identity, 16);
  fg_put32(head + AT_INPUTS, instance->input_count);
  fg_put32(head + AT_OUTPUTS, instance->output_count);
  append(state, head, sizeof head);
  for (uint32_t p = 0; p < instance->input_count; p++)
    append_entry(state, worker->positions[p].passes, worker->positions[p].consumed, worker->positions[p].ended);
  for (uint32_t p = 0; p < instance->output_count; p++) {
    const fg_stream_writer *record = worker->senders[p].record;
    uint64_t batches = 0, bytes = record ? fg_stream_written(record, &batches) : 0;
    append_entry(state, bytes, batches, 0);
    if (record && fg_stream_sync(record, error) != FG_OK) return FG_FAILED;
  }
  size_t blob_at = state->count;
  fg_writer writer = {sizeof writer, state, write_blob};
  if (!ended && instance->stage->save(instance->self, &writer) != FG_OK)
    return fg_error_set(error, "the plugin could not save its state");
  if (state->failed) return fg_error_set(error, "out of memory");
  fg_put64(state->bytes + AT_BLOB, state->count - blob_at);
  uint8_t hash[8];
  fg_put64(hash, XXH64(state->bytes, state->count, 0));
  append(state, hash, sizeof hash);
  return state->failed ? fg_error_set(error, "out of memory") : FG_OK;
}

static void save_state(fg_worker *worker, bool ended) {
  growing state = {0};
  fg_error error = {0};
  char name[PATH_MAX];
  state_name(worker, name);
  fg_status status = make_state(worker, ended, &state, &error);
  if (status == FG_OK)
    status = fg_rundir_write(worker->shared->dir, name, (const char *)state.bytes, state.count, &error);
  free(state.bytes);
  worker->last_saved = fg_clock_now();
  if (status == FG_OK) {
    worker->has_state = true;
    return;
  }
  log_line(worker, "warning", "does without checkpoints from now on: %s", error.text);
  give_up(worker);
}

void fg_checkpoint_now_and_then(fg_worker *worker) {
  const fg_hub *hub = worker->shared->hub;
  if (!worker->savable || worker->has_spoken || atomic_load(fg_hub_cancelled(hub))) return; // cancelled: amid a step
  bool due = fg_clock_now() - worker->last_saved >= worker->shared->checkpoint_seconds;
  if (due || fg_hub_stopping(hub)) save_state(worker, false);
}

void fg_checkpoint_ended(fg_worker *worker) {
  if (worker->shared->checkpoint_seconds > 0 && !worker->saved.ended && all_recorded(worker)) save_state(worker, true);
}

static bool too_fast(const fg_worker *worker, const fg_stream_writer *record) {
  uint64_t batches, bytes = fg_stream_written(record, &batches);
  const fg_times *times = &worker->times;
  double busy = fg_clock_now() - worker->started - times->wait_input - times->wait_output;
  return bytes > FAST_BYTES && (double)bytes > FAST_RATE * busy;
}

fg_status fg_checkpoint_record(fg_worker *worker, uint32_t port, const fg_packet *packet, fg_error *error) {
  const fg_stream_writer *record = worker->senders[port].record;
  fg_status status = fg_stream_append(worker->senders[port].record, packet, error);
  if (worker->instance->outputs[port].record || (status == FG_OK && !too_fast(worker, record))) return status;
  if (status != FG_OK)
    log_line(worker, "warning", "does without checkpoints from now on: %s", error->text);
  else
    log_line(worker, "debug", "computes its output as fast as it could be read back, so it keeps no checkpoints");
  give_up(worker);
  return FG_OK;
}

// --- reading ----------------------------------------------------------------------------------------------------------

/// The whole file; NULL when there is none or it cannot be read.
static uint8_t *read_file(const char *path, uint64_t *bytes) {
  FILE *file = fopen(path, "rbe");
  struct stat info;
  if (!file) return NULL;
  uint8_t *data = NULL;
  if (fstat(fileno(file), &info) == 0 && (uint64_t)info.st_size <= LARGEST_STATE)
    data = malloc((size_t)info.st_size + 1);
  *bytes = data ? (uint64_t)info.st_size : 0;
  if (data && fread(data, 1, *bytes, file) != *bytes) {
    free(data);
    data = NULL;
  }
  fclose(file);
  return data;
}

/// Why these bytes are no state of this stage; NULL when they are.
static const char *state_fault(const fg_worker *worker, const uint8_t *data, uint64_t bytes) {
  const fg_instance *instance = worker->instance;
  uint64_t ports = (uint64_t)instance->input_count + instance->output_count;
  uint64_t least = HEAD_BYTES + ports * ENTRY_BYTES + 8;
  if (bytes < least || memcmp(data, STATE_MAGIC, 8) != 0 || fg_get64(data + bytes - 8) != XXH64(data, bytes - 8, 0))
    return "is damaged";
  if (fg_get32(data + AT_VERSION) != STATE_VERSION || memcmp(data + AT_IDENTITY, worker->shared->identity, 16) != 0)
    return "is of another build";
  if (fg_get32(data + AT_INPUTS) != instance->input_count || fg_get32(data + AT_OUTPUTS) != instance->output_count ||
      fg_get64(data + AT_BLOB) != bytes - least)
    return "does not fit the stage";
  return NULL;
}

/// Takes the state file apart into worker->saved. False: there is none that can be used.
static bool find_state(fg_worker *worker) {
  const fg_instance *instance = worker->instance;
  char name[PATH_MAX], path[2 * PATH_MAX];
  state_name(worker, name);
  snprintf(path, sizeof path, "%s/%s", fg_rundir_path(worker->shared->dir), name);
  uint64_t bytes = 0;
  uint8_t *data = read_file(path, &bytes);
  const char *fault = data ? state_fault(worker, data, bytes) : NULL;
  if (fault) log_line(worker, "warning", "its checkpoint %s; it is computed from the start", fault);
  if (!data || fault) {
    free(data);
    return false;
  }
  fg_saved *saved = &worker->saved;
  const uint8_t *entry = data + HEAD_BYTES;
  for (uint32_t p = 0; p < instance->input_count; p++, entry += ENTRY_BYTES)
    saved->positions[p] = (fg_position){fg_get64(entry), fg_get64(entry + 8), fg_get64(entry + 16) != 0};
  for (uint32_t p = 0; p < instance->output_count; p++, entry += ENTRY_BYTES) saved->recorded[p] = fg_get64(entry);
  saved->ended = fg_get32(data + AT_ENDED) != 0;
  saved->bytes = data;
  saved->blob = entry;
  saved->blob_bytes = fg_get64(data + AT_BLOB);
  return true;
}

/// What was found cannot be used: the stage begins anew.
static void forget_state(fg_worker *worker) {
  char name[PATH_MAX];
  state_name(worker, name);
  fg_rundir_remove(worker->shared->dir, name);
  free(worker->saved.bytes);
  worker->saved.bytes = NULL;
  worker->saved.found = worker->saved.ended = false;
}

/// Whether output `port` is to be recorded: somebody asked for it, or it goes with the checkpoints.
static bool wants_recording(const fg_worker *worker, uint32_t port) {
  const fg_output *output = &worker->instance->outputs[port];
  return output->port->kinds == FG_BATCH && (output->record || worker->savable);
}

static fg_status open_recording(fg_worker *worker, uint32_t port, bool go_on, fg_error *error) {
  char name[PATH_MAX], path[PATH_MAX];
  recording_name(worker, port, name);
  fg_status status = fg_rundir_claim(worker->shared->dir, name, path, error);
  if (status != FG_OK) return status;
  fg_stream_writer **record = &worker->senders[port].record;
  return go_on ? fg_stream_continue(path, worker->saved.recorded[port], record, error)
               : fg_stream_create(path, record, error);
}

static fg_status open_recordings(fg_worker *worker, bool go_on, fg_error *error) {
  fg_status status = FG_OK;
  for (uint32_t p = 0; p < worker->instance->output_count && status == FG_OK; p++)
    if (wants_recording(worker, p)) status = open_recording(worker, p, go_on, error);
  return status;
}

static void close_recordings(fg_worker *worker) {
  for (uint32_t p = 0; p < worker->instance->output_count; p++) {
    if (worker->senders[p].record) fg_stream_abandon(worker->senders[p].record);
    worker->senders[p].record = NULL;
  }
}

/// Opens the recordings that go with the state found. False: they are not as it says, or not wanted any more.
static bool take_up(fg_worker *worker) {
  fg_error why = {0};
  if (worker->shared->checkpoint_seconds <= 0) return false;
  bool opened = open_recordings(worker, true, &why) == FG_OK;
  if (opened && (worker->saved.ended ? all_recorded(worker) : worker->savable)) {
    worker->saved.found = worker->has_state = true;
    return true;
  }
  close_recordings(worker);
  log_line(worker, "warning", "%s; it is computed from the start", opened ? "its checkpoint is of no use" : why.text);
  return false;
}

/// A recording of an earlier process that is not wanted now.
static void remove_stale(const fg_worker *worker, uint32_t port) {
  char name[PATH_MAX];
  recording_name(worker, port, name);
  if (!wants_recording(worker, port)) fg_rundir_remove(worker->shared->dir, name);
}

fg_status fg_checkpoint_open(fg_worker *worker, bool resume, fg_error *error) {
  const fg_instance *instance = worker->instance;
  worker->savable = can_be_saved(worker);
  worker->last_saved = fg_clock_now();
  worker->positions = calloc(instance->input_count + 1, sizeof *worker->positions);
  worker->saved.positions = calloc(instance->input_count + 1, sizeof *worker->saved.positions);
  worker->saved.recorded = calloc(instance->output_count + 1, sizeof *worker->saved.recorded);
  if (!worker->positions || !worker->saved.positions || !worker->saved.recorded) abort();
  if (resume && find_state(worker)) {
    if (take_up(worker)) return FG_OK;
    forget_state(worker);
  }
  for (uint32_t p = 0; p < instance->output_count && resume; p++) remove_stale(worker, p);
  return open_recordings(worker, false, error);
}

// --- going on ---------------------------------------------------------------------------------------------------------

fg_status fg_checkpoint_replay(fg_worker *worker, fg_error *error) {
  fg_status status = FG_OK;
  uint64_t configurations = 0;
  for (uint32_t p = 0; p < worker->instance->output_count && status == FG_OK; p++) {
    const fg_stream_writer *record = worker->senders[p].record;
    uint64_t batches = 0;
    if (record) fg_stream_written(record, &batches);
    for (uint64_t i = 0; i < batches && status == FG_OK; i++) {
      fg_packet *packet = NULL;
      status = fg_stream_read_back(record, i, &packet, error);
      if (status == FG_OK) status = fg_emit_recorded(worker, p, packet, error);
    }
    configurations += atomic_load(&worker->senders[p].configurations);
  }
  if (status != FG_OK) return status;
  if (worker->saved.ended)
    log_line(worker, "info", "had ended; its %" PRIu64 " configurations are read back", configurations);
  else
    log_line(worker, "info", "goes on from its checkpoint, after %" PRIu64 " configurations made", configurations);
  return status;
}

typedef struct remaining {
  const uint8_t *data;
  uint64_t bytes;
} remaining;

static fg_status read_blob(const fg_reader *reader, void *data, size_t bytes) {
  remaining *left = reader->impl;
  if (bytes > left->bytes) return FG_FAILED;
  memcpy(data, left->data, bytes);
  left->data += bytes;
  left->bytes -= bytes;
  return FG_OK;
}

fg_status fg_checkpoint_restore(fg_worker *worker) {
  remaining left = {worker->saved.blob, worker->saved.blob_bytes};
  fg_reader reader = {sizeof reader, &left, read_blob};
  fg_status status = worker->instance->stage->restore(worker->instance->self, &reader);
  if (status == FG_OK && left.bytes)
    status = fg_worker_fail(worker, worker->instance->spec->place,
                            "the plugin left a part of its checkpoint unread; this is a fault of the plugin");
  return status;
}

// --- the end ----------------------------------------------------------------------------------------------------------

fg_status fg_checkpoint_finish(fg_worker *worker, fg_error *error) {
  fg_status status = FG_OK;
  for (uint32_t p = 0; p < worker->instance->output_count && status == FG_OK; p++) {
    const fg_record_spec *wanted = worker->instance->outputs[p].record;
    fg_sender *sender = &worker->senders[p];
    char name[PATH_MAX];
    if (!wanted || !sender->record) continue;
    recording_name(worker, p, name);
    status = fg_stream_finish(sender->record, error);
    sender->record = NULL;
    if (status == FG_OK) status = fg_rundir_move(worker->shared->dir, name, wanted->file, error);
  }
  return status;
}

bool fg_checkpoint_close(fg_worker *worker, bool done) {
  bool keep = !done && worker->has_state;
  char name[PATH_MAX];
  for (uint32_t p = 0; p < worker->instance->output_count; p++) {
    fg_sender *sender = &worker->senders[p];
    if (sender->record) fg_stream_abandon(sender->record);
    sender->record = NULL;
    recording_name(worker, p, name);
    if (!keep && wants_recording(worker, p)) fg_rundir_remove(worker->shared->dir, name);
  }
  state_name(worker, name);
  if (!keep && worker->has_state) fg_rundir_remove(worker->shared->dir, name);
  worker->has_state = keep;
  free(worker->saved.bytes);
  free(worker->saved.positions);
  free(worker->saved.recorded);
  free(worker->positions);
  worker->saved = (fg_saved){0};
  worker->positions = NULL;
  return keep;
}
