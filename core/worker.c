// worker.c — see worker.h. The order of a stage's life: first ports, then paired ports and streams, then produce, flush.
#include "worker.h"

#include "clock.h"
#include "emit.h"
#include "message.h"
#include "reader.h"

#include <string.h>

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
  if (status == FG_FAILED) fg_worker_fail(worker, worker->instance->spec->place, "the plugin failed without a reason");
  return status;
}

static fg_status end_port(fg_worker *worker, uint32_t port) {
  const fg_stage *stage = worker->instance->stage;
  return stage->end ? explained(worker, stage->end(worker->instance->self, port)) : FG_OK;
}

/// Reads one port, or the group of paired ports that begins with it, to its end; again while the stage asks for it.
static fg_status read_ports(fg_worker *worker, const uint32_t *ports, uint32_t count) {
  fg_instance *instance = worker->instance;
  fg_port_reader *readers[64];
  fg_message messages[64] = {{0}};
  const fg_message *given[64];
  for (uint32_t k = 0; k < count; k++) {
    readers[k] = worker->readers[ports[k]];
    given[k] = &messages[k];
  }
  for (;;) {
    fg_status status = count > 1 ? fg_port_next_pair(readers, count, messages) : fg_port_next(readers[0], messages);
    if (status < FG_OK) return status;
    if (status == FG_DONE) {
      status = end_port(worker, ports[0]);
      if (status != FG_AGAIN) return status;
      for (uint32_t k = 0; k < count; k++) fg_port_rewind(readers[k]);
      continue;
    }
    status = instance->stage->process(instance->self, ports[0], given, count);
    for (uint32_t k = 0; k < count; k++) fg_message_unref(&messages[k]);
    if (status < FG_OK) return explained(worker, status);
  }
}

/// All ports whose FIRST flag is `first`, in declaration order; the paired ones at the place of the first of them.
static fg_status read_inputs(fg_worker *worker, bool first) {
  const fg_instance *instance = worker->instance;
  uint32_t paired[64], paired_count = 0;
  for (uint32_t p = 0; p < instance->input_count && paired_count < 64; p++)
    if ((instance->inputs[p].port->flags & FG_PORT_PAIRED) && worker->readers[p]) paired[paired_count++] = p;
  fg_status status = FG_OK;
  for (uint32_t p = 0; p < instance->input_count && status == FG_OK; p++) {
    uint32_t flags = instance->inputs[p].port->flags;
    if (!worker->readers[p] || !(flags & FG_PORT_FIRST) == first) continue;
    if (!(flags & FG_PORT_PAIRED))
      status = read_ports(worker, &p, 1);
    else if (p == paired[0])
      status = read_ports(worker, paired, paired_count);
  }
  return status;
}

static fg_status live(fg_worker *worker) {
  const fg_stage *stage = worker->instance->stage;
  void *self = worker->instance->self;
  fg_status status = read_inputs(worker, true);
  if (status == FG_OK) status = read_inputs(worker, false);
  while (status == FG_OK && stage->produce) {
    if (atomic_load(fg_hub_cancelled(worker->shared->hub))) return FG_CANCELLED;
    status = explained(worker, stage->produce(self));
  }
  if (status == FG_DONE) status = FG_OK;
  if (status == FG_OK && stage->flush) status = explained(worker, stage->flush(self));
  if (status == FG_OK) status = fg_emit_end(worker);
  return status;
}

void *fg_worker_main(void *arg) {
  fg_worker *worker = arg;
  pthread_setname_np(pthread_self(), worker->instance->spec->name);
  fg_pool_acquire(worker->shared->pool);
  worker->started = fg_clock_now();
  atomic_store(&worker->state, 1);
  fg_status status = live(worker);
  worker->times.total = fg_clock_now() - worker->started;
  atomic_store(&worker->state, status == FG_OK ? 2 : 3);
  fg_pool_release(worker->shared->pool);
  fg_hub_leave(worker->shared->hub);
  pthread_mutex_lock(&worker->shared->ended_lock);
  pthread_cond_signal(&worker->shared->ended);
  pthread_mutex_unlock(&worker->shared->ended_lock);
  return NULL;
}
