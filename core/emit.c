// emit.c — see emit.h.
#include "emit.h"

#include "checkpoint.h"
#include "clock.h"
#include "message.h"
#include "model_file.h"

#include <inttypes.h>

static fg_status fail(fg_worker *worker, const fg_error *error) {
  return fg_worker_fail(worker, worker->instance->spec->place, error->text);
}

static fg_status out_of_memory(fg_worker *worker) {
  return fg_worker_fail(worker, worker->instance->spec->place, "out of memory to cut a batch");
}

/// Hands one item to every edge of the port; takes the caller's reference.
static fg_status send(fg_worker *worker, uint32_t port, const fg_item *item) {
  const fg_output *output = &worker->instance->outputs[port];
  fg_error error = {0};
  fg_status status = FG_OK;
  for (uint32_t e = 0; e < output->edge_count && status == FG_OK; e++) {
    fg_item_ref(item);
    status = fg_queue_push(worker->senders[port].queues[e], item, &worker->times.wait_output, &error);
  }
  fg_item_unref(item);
  return status == FG_FAILED ? fail(worker, &error) : status;
}

/// Encodes (unless compression is none and nothing is recorded), records and sends a batch no larger than a slab.
static fg_status send_batch(fg_worker *worker, uint32_t port, const fg_batch *batch) {
  fg_sender *sender = &worker->senders[port];
  const fg_output *output = &worker->instance->outputs[port];
  fg_item item = {.kind = FG_BATCH};
  fg_error error = {0};
  uint64_t raw = fg_batch_bytes(batch);
  fg_packet *packet = NULL;
  fg_status status = FG_OK;
  int level = worker->shared->zstd_level;
  if (level || sender->record) {
    double start = fg_clock_now();
    status = fg_packet_encode(batch, level, &packet, &error);
    if (status == FG_OK && sender->record) status = fg_checkpoint_record(worker, port, packet, &error);
    worker->times.coding += fg_clock_now() - start;
  }
  if (status != FG_OK) {
    fg_packet_unref(packet);
    fg_batch_unref(batch);
    return fail(worker, &error);
  }
  sender->raw_bytes += raw;
  sender->stored_bytes += packet ? packet->bytes : raw;
  if (batch->first_row == 0) atomic_fetch_add(&sender->configurations, batch->count);
  if (output->edge_count == 0) {
    fg_packet_unref(packet);
    fg_batch_unref(batch);
    return atomic_load(fg_hub_cancelled(worker->shared->hub)) ? FG_CANCELLED : FG_OK;
  }
  if (level && packet) {
    item.packet = packet;
    item.bytes = packet->bytes;
    fg_batch_unref(batch);
  } else {
    fg_packet_unref(packet);
    item.message = (fg_message){.size = sizeof(fg_message), .kind = FG_BATCH, .batch = batch};
    item.bytes = raw;
  }
  return send(worker, port, &item);
}

static bool announced(const fg_format *format, const fg_batch *batch) {
  if (batch->element != format->element) return false;
  for (uint32_t s = 0; s < format->shape_count; s++)
    if (fg_lattice_equal(&format->shapes[s], &batch->lattice)) return true;
  return false;
}

fg_status fg_emit_batch(fg_worker *worker, uint32_t port, fg_batch *batch) {
  const fg_instance *instance = worker->instance;
  fg_error error;
  if (!fg_batch_give(batch)) { // whose reference this is, is not known: it is left alone
    fg_error_set(&error,
                 "plugin %s (%s) emits a batch it has no reference to, perhaps twice; this is a fault of the plugin",
                 instance->stage->kind, instance->file->path);
    return fail(worker, &error);
  }
  if (port >= instance->output_count || instance->outputs[port].port->kinds != FG_BATCH) {
    fg_error_set(&error,
                 "plugin %s emits a batch on output %" PRIu32 ", which takes none; this is a fault of the plugin",
                 instance->stage->kind, port);
    fg_batch_unref(batch);
    return fail(worker, &error);
  }
  uint64_t all_rows = fg_lattice_rows(&batch->lattice);
  bool slab = batch->rows != all_rows;
  if (!announced(&instance->outputs[port].format, batch) || (slab && batch->count != 1) ||
      batch->first_row + batch->rows > all_rows) {
    fg_error_set(
        &error,
        "plugin %s emits on output '%s' a lattice or element it did not announce; this is a fault of the plugin",
        instance->stage->kind, instance->outputs[port].port->name);
    fg_batch_unref(batch);
    return fail(worker, &error);
  }
  if (!fg_batch_padding_is_zero(batch)) {
    fg_error_set(
        &error,
        "plugin %s emits on output '%s' a batch with bits set beyond the end of a row; this is a fault of the plugin",
        instance->stage->kind, instance->outputs[port].port->name);
    fg_batch_unref(batch);
    return fail(worker, &error);
  }
  uint64_t one = batch->rows * batch->row_bytes, bytes = one * batch->count;
  fg_status status = FG_OK;
  if (bytes <= FG_SLAB_BYTES || batch->count == 0) {
    batch->sequence = worker->senders[port].sequence++;
    return send_batch(worker, port, batch);
  }
  // Too large for one item: whole configurations while they fit, slabs of rows otherwise.
  uint32_t together = one <= FG_SLAB_BYTES ? (uint32_t)(FG_SLAB_BYTES / one) : 1;
  for (uint32_t from = 0; from < batch->count && status == FG_OK; from += together) {
    uint32_t count = batch->count - from < together ? batch->count - from : together;
    fg_batch *part = fg_batch_view(batch, from, count);
    uint64_t rows = one <= FG_SLAB_BYTES ? batch->rows : fg_slab_rows(batch->element, &batch->lattice);
    if (!part) status = out_of_memory(worker);
    for (uint64_t row = 0; row < batch->rows && status == FG_OK; row += rows) {
      fg_batch *piece = fg_batch_view_rows(part, row, batch->rows - row < rows ? batch->rows - row : rows);
      if (piece) piece->sequence = worker->senders[port].sequence++;
      status = piece ? send_batch(worker, port, piece) : out_of_memory(worker);
    }
    fg_batch_unref(part);
  }
  fg_batch_unref(batch);
  return status;
}

/// Writes the run's file of `record: {PORT: FILE.json}`; the file of an earlier model of this port is replaced.
static fg_status record_model(fg_worker *worker, const fg_record_spec *record, const fg_model *model) {
  fg_rundir *dir = worker->shared->dir;
  const fg_plan *plan = worker->instance->plan;
  char temporary[PATH_MAX], source[512];
  fg_error error = {0}, why = {0};
  snprintf(source, sizeof source, "stage %s of run %s, seed %" PRIu64 ", finegrain %s", worker->instance->spec->name,
           plan->pipeline->name, plan->seed, FG_VERSION);
  fg_status status = fg_rundir_begin(dir, record->file, temporary, &error);
  if (status != FG_OK) return fg_worker_fail(worker, record->place, error.text);
  status = fg_model_file_write(temporary, model, source, &why);
  if (status != FG_OK) fg_error_set(&error, "the model for %s: %s", record->file, why.text);
  if (status == FG_OK) status = fg_rundir_commit(dir, record->file, &error);
  if (status == FG_OK) return FG_OK;
  fg_rundir_discard(dir, record->file);
  return fg_worker_fail(worker, record->place, error.text);
}

fg_status fg_emit_model(fg_worker *worker, uint32_t port, fg_model *model) {
  const fg_instance *instance = worker->instance;
  fg_error error = {0};
  fg_status status = FG_OK;
  if (port >= instance->output_count || instance->outputs[port].port->kinds != FG_MODEL)
    status = fg_error_set(
        &error, "plugin %s emits a model on output %" PRIu32 ", which takes none; this is a fault of the plugin",
        instance->stage->kind, port);
  if (status == FG_OK) status = fg_results_add_model(worker->shared->results, instance->index, model, &error);
  if (status == FG_OK) {
    const fg_record_spec *record = instance->outputs[port].record;
    if (record && record_model(worker, record, model) != FG_OK) {
      fg_model_unref(model);
      return FG_FAILED;
    }
    worker->has_spoken = true;
    worker->senders[port].sequence++; // so that fg_emit_end knows there was one
    fg_item item = {.kind = FG_MODEL, .message = {.size = sizeof(fg_message), .kind = FG_MODEL, .model = model}};
    return send(worker, port, &item);
  }
  fg_model_unref(model);
  return fail(worker, &error);
}

fg_status fg_emit_table(fg_worker *worker, uint32_t port, fg_table *table) {
  const fg_instance *instance = worker->instance;
  fg_error error = {0};
  fg_status status = FG_OK;
  if (port >= instance->output_count || instance->outputs[port].port->kinds != FG_TABLE)
    status = fg_error_set(
        &error, "plugin %s emits a table on output %" PRIu32 ", which takes none; this is a fault of the plugin",
        instance->stage->kind, port);
  if (status == FG_OK) status = fg_results_add_table(worker->shared->results, instance->index, table, &error);
  if (status == FG_OK) {
    worker->has_spoken = true;
    fg_item item = {.kind = FG_TABLE, .message = {.size = sizeof(fg_message), .kind = FG_TABLE, .table = table}};
    return send(worker, port, &item);
  }
  fg_table_unref(table);
  return fail(worker, &error);
}

fg_status fg_emit_recorded(fg_worker *worker, uint32_t port, fg_packet *packet, fg_error *error) {
  fg_sender *sender = &worker->senders[port];
  fg_batch header;
  uint64_t bytes;
  if (fg_packet_peek(packet->data, &header, &bytes, error) != FG_OK) {
    fg_packet_unref(packet);
    return FG_FAILED;
  }
  sender->sequence = header.sequence + 1;
  sender->raw_bytes += fg_batch_bytes(&header);
  sender->stored_bytes += packet->bytes;
  if (header.first_row == 0) atomic_fetch_add(&sender->configurations, header.count);
  fg_item item = {.kind = FG_BATCH, .packet = packet, .bytes = packet->bytes};
  return send(worker, port, &item);
}

fg_status fg_emit_end(fg_worker *worker) {
  fg_status status = FG_OK;
  for (uint32_t p = 0; p < worker->instance->output_count && status == FG_OK; p++) {
    const fg_output *output = &worker->instance->outputs[p];
    fg_error error;
    if (output->record && output->port->kinds == FG_MODEL && worker->senders[p].sequence == 0) {
      fg_error_set(&error, "output '%s' gave no model to record in %s; leave this out", output->port->name,
                   output->record->file);
      return fg_worker_fail(worker, output->record->place, error.text);
    }
    fg_item end = {0};
    status = send(worker, p, &end);
  }
  return status;
}
