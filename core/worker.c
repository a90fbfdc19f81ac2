// worker.c — see worker.h. The order of a stage's life: first ports, then paired ports and streams, then produce, flush.
#include "worker.h"

#include "checkpoint.h"
#include "clock.h"
#include "crash.h"
#include "emit.h"
#include "message.h"
#include "reader.h"

#include <string.h>
#include <xxhash.h>

#define MOST_PORTS 64u     // of a paired group
#define LOOKED_AT_EACH 64u // the first batch, and every 64th after it, is looked at for changes

fg_status fg_worker_fail(fg_worker *worker, fg_place place, const char *message) {
  fg_shared *shared = worker->shared;
  pthread_mutex_lock(&shared->failure_lock);
  if (!shared->failed) {
    shared->failed = true;
    if (place.line)
      snprintf(shared->failure, sizeof shared->failure, "%s:%u:%u: error: %s: %s", place.file, place.line, place.column,
               worker->instance->spec->name, message);
    else
      snprintf(shared->failure, sizeof shared->failure, "%s: error: %s: %s", place.file, worker->instance->spec->name,
               message);
    fg_rundir_log(shared->dir, "error", worker->instance->spec->name, message);
  }
  pthread_mutex_unlock(&shared->failure_lock);
  fg_hub_cancel(shared->hub);
  return FG_FAILED;
}

void fg_worker_progress(const fg_worker *worker, uint64_t *done, uint64_t *expected) {
  const fg_instance *instance = worker->instance;
  *done = atomic_load(&worker->done);
  *expected = atomic_load(&worker->expected);
  for (uint32_t p = 0; p < instance->output_count && *expected == 0; p++) {
    const fg_format *format = &instance->outputs[p].format;
    if (format->kind != FG_BATCH) continue;
    *done = atomic_load(&worker->senders[p].configurations);
    *expected = format->configurations * format->shape_count;
  }
  if (*expected) return;
  *done = atomic_load(&worker->read);
  for (uint32_t p = 0; p < instance->input_count; p++) {
    const fg_format *format = &instance->inputs[p].format;
    if (format->kind == FG_BATCH) *expected += format->configurations * format->shape_count;
  }
}

/// A plugin may return FG_FAILED without having said why.
static fg_status explained(fg_worker *worker, fg_status status) {
  char text[512];
  if (status == FG_FAILED)
    fg_worker_fail(worker, worker->instance->spec->place,
                   "the plugin failed without a reason; this is a fault of the plugin");
  if (status >= FG_CANCELLED && status <= FG_AGAIN) return status;
  snprintf(text, sizeof text,
           "plugin %.300s returns %d, which is none of the results there are; this is a fault of the plugin",
           worker->instance->file->path, (int)status);
  return fg_worker_fail(worker, worker->instance->spec->place, text);
}

static fg_status end_port(fg_worker *worker, uint32_t port) {
  const fg_stage *stage = worker->instance->stage;
  return stage->end ? explained(worker, stage->end(worker->instance->self, port)) : FG_OK;
}

/// Ports that are read together: one, or all the paired ones.
typedef struct port_group {
  fg_port_reader *readers[MOST_PORTS];
  uint32_t first; ///< number of the first
  uint32_t count;
  bool paired; ///< cut to the same configurations, and counted by them; also when only one is connected
} port_group;

/// Of a batch that is looked at before and after it is given to a plugin: 0 for those in between.
static uint64_t digest_of(const fg_worker *worker, const fg_message *message) {
  if (message->kind != FG_BATCH || worker->batches % LOOKED_AT_EACH != 1) return 0;
  return XXH3_64bits(message->batch->data, fg_batch_bytes(message->batch));
}

/// Others may read the same batch, and know it by the same bytes.
static fg_status refuse_written(fg_worker *worker, const fg_port *port) {
  char text[512];
  snprintf(text, sizeof text, "plugin %.300s writes to its input '%.64s'; this is a fault of the plugin",
           worker->instance->file->path, port->name);
  return fg_worker_fail(worker, worker->instance->spec->place, text);
}

/// One step: a message, or one of each paired port, through the stage. FG_DONE: they have ended.
static fg_status step(fg_worker *worker, const port_group *group) {
  const fg_instance *instance = worker->instance;
  fg_message messages[MOST_PORTS] = {{0}};
  const fg_message *given[MOST_PORTS];
  for (uint32_t k = 0; k < group->count; k++) given[k] = &messages[k];
  fg_status status = group->paired ? fg_port_next_pair(group->readers, group->count, messages)
                                   : fg_port_next(group->readers[0], messages);
  if (status != FG_OK) return status;
  worker->positions[group->first].consumed += group->paired ? messages[0].batch->count : 1;
  fg_crash_site site = fg_crash_here();
  if (messages[0].kind == FG_BATCH) {
    site.input = instance->inputs[group->first].port->name;
    site.batch = ++worker->batches;
    site.first = messages[0].batch->first;
    site.count = messages[0].batch->count;
  }
  uint64_t digests[MOST_PORTS];
  for (uint32_t k = 0; k < group->count; k++) digests[k] = digest_of(worker, &messages[k]);
  fg_crash_site before = fg_crash_enter(site);
  status = explained(worker, instance->stage->process(instance->self, group->first, given, group->count));
  fg_crash_enter(before);
  for (uint32_t k = 0; k < group->count; k++) {
    if (digest_of(worker, &messages[k]) != digests[k])
      status = refuse_written(worker, instance->inputs[group->first].port);
    fg_message_unref(&messages[k]);
  }
  return status < FG_OK ? status : FG_OK;
}

/// The group has been read to its end; the stage may want it once more.
static fg_status end_group(fg_worker *worker, const port_group *group) {
  fg_position *at = &worker->positions[group->first];
  fg_status status = end_port(worker, group->first);
  if (status < FG_OK) return status;
  at->consumed = 0;
  at->ended = status != FG_AGAIN;
  if (at->ended) return FG_OK;
  at->passes++;
  for (uint32_t k = 0; k < group->count; k++) fg_port_rewind(group->readers[k]);
  return FG_OK;
}

/// Reads a group to its end; again while the stage asks for it. Between two steps the stage is whole: with `savable` that
/// is where its state is kept.
static fg_status read_group(fg_worker *worker, const port_group *group, bool savable) {
  fg_position *at = &worker->positions[group->first];
  const fg_position *saved = &worker->saved.positions[group->first];
  fg_status status = FG_OK;
  if (savable && worker->saved.found) {
    for (uint32_t k = 0; k < group->count && status == FG_OK; k++) status = fg_port_skip(group->readers[k], saved);
    *at = *saved;
  }
  while (status == FG_OK && !at->ended) {
    status = step(worker, group);
    if (status == FG_DONE) status = end_group(worker, group);
    if (savable && (status == FG_OK || status == FG_CANCELLED)) fg_checkpoint_now_and_then(worker);
  }
  return status;
}

/// All ports whose FIRST flag is `first`, in declaration order; the paired ones at the place of the first of them.
static fg_status read_inputs(fg_worker *worker, bool first) {
  const fg_instance *instance = worker->instance;
  port_group paired = {.paired = true};
  for (uint32_t p = 0; p < instance->input_count && paired.count < MOST_PORTS; p++) {
    if (!(instance->inputs[p].port->flags & FG_PORT_PAIRED) || !worker->readers[p]) continue;
    if (!paired.count) paired.first = p;
    paired.readers[paired.count++] = worker->readers[p];
  }
  fg_status status = FG_OK;
  for (uint32_t p = 0; p < instance->input_count && status == FG_OK; p++) {
    uint32_t flags = instance->inputs[p].port->flags;
    if (!worker->readers[p] || !(flags & FG_PORT_FIRST) == first) continue;
    const port_group single = {.readers = {worker->readers[p]}, .first = p, .count = 1};
    if (!(flags & FG_PORT_PAIRED))
      status = read_group(worker, &single, !first);
    else if (p == paired.first)
      status = read_group(worker, &paired, !first);
  }
  return status;
}

/// Makes output until there is no more; between two calls of produce the state is kept.
static fg_status make_output(fg_worker *worker) {
  const fg_stage *stage = worker->instance->stage;
  const fg_hub *hub = worker->shared->hub;
  fg_status status = FG_OK;
  while (status == FG_OK && stage->produce) {
    fg_checkpoint_now_and_then(worker);
    if (fg_hub_stopping(hub) || atomic_load(fg_hub_cancelled(hub))) return FG_CANCELLED;
    fg_crash_site site = fg_crash_here();
    site.batch = worker->instance->output_count ? worker->senders[0].sequence + 1 : 0;
    fg_crash_site before = fg_crash_enter(site);
    status = explained(worker, stage->produce(worker->instance->self));
    fg_crash_enter(before);
    fg_pool_yield(worker->shared->pool);
  }
  return status == FG_DONE ? FG_OK : status;
}

/// Sends what an earlier process recorded.
static fg_status replay(fg_worker *worker) {
  fg_error error = {0};
  fg_status status = fg_checkpoint_replay(worker, &error);
  return error.text[0] ? fg_worker_fail(worker, worker->instance->spec->place, error.text) : status;
}

/// An earlier process had come to the stage's end: its recordings are all that is needed.
static fg_status live_again(fg_worker *worker) {
  for (uint32_t p = 0; p < worker->instance->input_count; p++)
    if (worker->readers[p]) fg_port_close(worker->readers[p]);
  fg_status status = replay(worker);
  return status == FG_OK ? fg_emit_end(worker) : status;
}

static fg_status live(fg_worker *worker) {
  const fg_stage *stage = worker->instance->stage;
  if (worker->saved.ended) return live_again(worker);
  fg_status status = read_inputs(worker, true);
  if (status == FG_OK && worker->saved.found) {
    status = replay(worker);
    if (status == FG_OK) status = explained(worker, fg_checkpoint_restore(worker));
  }
  if (status == FG_OK) status = read_inputs(worker, false);
  if (status == FG_OK) status = make_output(worker);
  if (status == FG_OK && stage->flush) status = explained(worker, stage->flush(worker->instance->self));
  if (status == FG_OK) status = fg_emit_end(worker);
  if (status == FG_OK) fg_checkpoint_ended(worker);
  return status;
}

void *fg_worker_main(void *arg) {
  fg_worker *worker = arg;
  void *stack = fg_crash_stack_new();
  fg_crash_site outside =
      fg_crash_enter((fg_crash_site){.stage = worker->instance->spec->name, .file = worker->instance->file->path});
  pthread_setname_np(pthread_self(), worker->instance->spec->name);
  fg_pool_acquire(worker->shared->pool);
  worker->started = fg_clock_now();
  atomic_store(&worker->state, 1);
  fg_status status = live(worker);
  fg_crash_enter(outside);
  fg_crash_stack_free(stack);
  worker->times.total = fg_clock_now() - worker->started;
  atomic_store(&worker->state, status == FG_OK ? 2 : 3);
  fg_pool_release(worker->shared->pool);
  fg_hub_leave(worker->shared->hub);
  pthread_mutex_lock(&worker->shared->ended_lock);
  pthread_cond_signal(&worker->shared->ended);
  pthread_mutex_unlock(&worker->shared->ended_lock);
  return NULL;
}
