// reader.c — see reader.h.
#include "reader.h"

#include "clock.h"
#include "codec.h"
#include "message.h"
#include "spill.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/// Configurations seen of one lattice and level, so that a concatenated stream counts on.
typedef struct seen {
  fg_lattice lattice;
  int32_t level;
  uint64_t before;  ///< of the edges already ended
  uint64_t current; ///< of the edge being read
} seen;

struct fg_port_reader {
  fg_worker *worker;
  const fg_input *input;
  uint32_t port;
  fg_queue **queues;
  uint32_t edge; ///< the one being read
  seen *seen;
  uint32_t seen_count;
  uint32_t chains_before, chains; ///< chain numbers used by ended edges, and by the current one
  fg_spill *replay;               ///< everything read, for replay ports
  bool replaying;
  fg_batch *held; ///< paired: decoded, from `offset` on not yet given out
  uint32_t offset;
};

fg_port_reader *fg_port_reader_new(fg_worker *worker, uint32_t port, fg_queue **queues) {
  fg_port_reader *reader = calloc(1, sizeof *reader);
  if (!reader) abort();
  reader->worker = worker;
  reader->input = &worker->instance->inputs[port];
  reader->port = port;
  reader->queues = queues;
  return reader;
}

void fg_port_reader_free(fg_port_reader *reader) {
  if (!reader) return;
  fg_batch_unref(reader->held);
  fg_spill_free(reader->replay);
  free(reader->seen);
  free(reader->queues);
  free(reader);
}

static fg_status fail(fg_port_reader *reader, const fg_error *error) {
  char message[1200];
  snprintf(message, sizeof message, "input '%s': %s", reader->input->port->name, error->text);
  return fg_worker_fail(reader->worker, reader->worker->instance->spec->place, message);
}

static seen *seen_of(fg_port_reader *reader, const fg_batch *batch) {
  for (uint32_t i = 0; i < reader->seen_count; i++)
    if (reader->seen[i].level == batch->level && fg_lattice_equal(&reader->seen[i].lattice, &batch->lattice))
      return &reader->seen[i];
  reader->seen = realloc(reader->seen, (reader->seen_count + 1) * sizeof *reader->seen);
  if (!reader->seen) abort();
  reader->seen[reader->seen_count] = (seen){batch->lattice, batch->level, 0, 0};
  return &reader->seen[reader->seen_count++];
}

/// Numbers the configurations and chains of a later edge after those of the earlier ones.
static fg_status renumber(fg_port_reader *reader, fg_message *message, fg_error *error) {
  const fg_batch *batch = message->batch;
  if (reader->input->edge_count < 2 || reader->replaying) return FG_OK;
  seen *counts = seen_of(reader, batch);
  if (batch->first + batch->count > counts->current) counts->current = batch->first + batch->count;
  if (batch->chain + 1 > reader->chains) reader->chains = batch->chain + 1;
  if (reader->edge == 0) return FG_OK;
  if (batch->chain > FG_MOST_CHAIN - reader->chains_before)
    return fg_error_set(error, "more than 2^31 Markov chains come in, one list of outputs after the other");
  fg_batch *moved = batch->rows == fg_lattice_rows(&batch->lattice) ? fg_batch_view(batch, 0, batch->count)
                                                                    : fg_batch_view_rows(batch, 0, batch->rows);
  if (!moved) return fg_error_set(error, "out of memory");
  moved->first += counts->before;
  moved->chain += reader->chains_before;
  fg_batch_unref(batch);
  message->batch = moved;
  return FG_OK;
}

static void next_edge(fg_port_reader *reader) {
  for (uint32_t i = 0; i < reader->seen_count; i++) {
    reader->seen[i].before += reader->seen[i].current;
    reader->seen[i].current = 0;
  }
  reader->chains_before += reader->chains;
  reader->chains = 0;
  reader->edge++;
}

/// Keeps what was read for the next epoch.
static fg_status remember(fg_port_reader *reader, const fg_batch *batch, fg_error *error) {
  fg_status status =
      reader->replay ? FG_OK : fg_spill_new(fg_rundir_path(reader->worker->shared->dir), &reader->replay, error);
  fg_packet *packet = NULL;
  if (status == FG_OK) status = fg_packet_encode(batch, reader->worker->shared->zstd_level, &packet, error);
  if (status == FG_OK) status = fg_spill_push(reader->replay, packet, error);
  fg_packet_unref(packet);
  return status;
}

/// The next message as it came, slabs not yet put together.
static fg_status next_raw(fg_port_reader *reader, fg_message *message, fg_error *error) {
  fg_worker *worker = reader->worker;
  fg_item item = {0};
  fg_status status;
  if (reader->replaying) {
    status = reader->replay ? fg_spill_next(reader->replay, &item.packet, error) : FG_DONE;
    if (status != FG_OK) return status;
    item.kind = FG_BATCH;
  } else {
    for (;;) {
      if (reader->edge == reader->input->edge_count) return FG_DONE;
      status = fg_queue_pop(reader->queues[reader->edge], &item, &worker->times.wait_input, error);
      if (status != FG_OK) return status;
      if (item.kind) break;
      next_edge(reader);
    }
  }
  *message = item.message;
  if (item.packet) {
    fg_batch *batch = NULL;
    double start = fg_clock_now();
    status = fg_packet_decode(item.packet->data, item.packet->bytes, &batch, error);
    worker->times.coding += fg_clock_now() - start;
    fg_packet_unref(item.packet);
    *message = (fg_message){.size = sizeof(fg_message), .kind = FG_BATCH, .batch = batch};
  }
  if (status == FG_OK && message->batch) status = renumber(reader, message, error);
  if (status == FG_OK && message->batch && (reader->input->port->flags & FG_PORT_REPLAY) && !reader->replaying)
    status = remember(reader, message->batch, error);
  if (status == FG_OK && message->batch && message->batch->first_row == 0)
    atomic_fetch_add(&worker->read, message->batch->count);
  if (status != FG_OK) fg_message_unref(message);
  return status;
}

/// Puts the slabs of one configuration together, beginning with `first`, whose reference it takes.
static fg_status assemble(fg_port_reader *reader, fg_message *message, fg_error *error) {
  const fg_batch *slab = message->batch;
  uint64_t rows = fg_lattice_rows(&slab->lattice);
  fg_batch *whole = fg_batch_create(slab->element, &slab->lattice, 1, 0, rows);
  fg_status status = FG_OK;
  if (!whole) {
    fg_batch_unref(slab);
    return fg_error_set(error, "out of memory for a configuration of %" PRIu64 " bytes",
                        fg_configuration_bytes(slab->element, &slab->lattice));
  }
  whole->level = slab->level;
  whole->first = slab->first;
  whole->sequence = slab->sequence;
  whole->chain = slab->chain;
  whole->coupling = slab->coupling;
  for (uint64_t filled = 0;;) {
    if (slab->first_row != filled || slab->first != whole->first ||
        !fg_lattice_equal(&slab->lattice, &whole->lattice)) {
      status = fg_error_set(
          error, "slabs of configuration %" PRIu64 " arrive out of order (row %" PRIu64 " instead of %" PRIu64 ")",
          slab->first, slab->first_row, filled);
      break;
    }
    memcpy((char *)whole->data + filled * whole->row_bytes, slab->data, slab->rows * slab->row_bytes);
    filled += slab->rows;
    fg_batch_unref(slab);
    slab = NULL;
    if (filled == rows) break;
    fg_message next = {0};
    status = next_raw(reader, &next, error);
    if (status == FG_DONE) status = fg_error_set(error, "the stream ends inside a configuration");
    if (status != FG_OK) break;
    slab = next.batch;
  }
  fg_batch_unref(slab);
  if (status != FG_OK) {
    fg_batch_unref(whole);
    return status;
  }
  message->batch = whole;
  return FG_OK;
}

fg_status fg_port_next(fg_port_reader *reader, fg_message *message) {
  fg_error error = {0};
  fg_status status = next_raw(reader, message, &error);
  bool takes_slabs =
      (reader->worker->instance->stage->flags & FG_STAGE_SLABS) && !(reader->input->port->flags & FG_PORT_PAIRED);
  if (status == FG_OK && message->batch && !takes_slabs &&
      message->batch->rows != fg_lattice_rows(&message->batch->lattice))
    status = assemble(reader, message, &error);
  return status == FG_FAILED ? fail(reader, &error) : status;
}

/// Fills `held` when it is used up.
static fg_status hold(fg_port_reader *reader) {
  if (reader->held && reader->offset < reader->held->count) return FG_OK;
  fg_batch_unref(reader->held);
  reader->held = NULL;
  reader->offset = 0;
  fg_message message = {0};
  fg_status status = fg_port_next(reader, &message);
  if (status == FG_OK) reader->held = (fg_batch *)(uintptr_t)message.batch;
  return status;
}

fg_status fg_port_next_pair(fg_port_reader *const *readers, uint32_t count, fg_message *messages) {
  fg_error error;
  uint32_t ended = 0, cut = UINT32_MAX;
  for (uint32_t k = 0; k < count; k++) {
    fg_status status = hold(readers[k]);
    if (status < FG_OK) return status;
    if (status == FG_DONE) ended++;
  }
  if (ended == count) return FG_DONE;
  for (uint32_t k = 0; k < count; k++) {
    const fg_port_reader *reader = readers[k], *other = readers[k ? 0 : 1];
    if (!reader->held) {
      fg_error_set(&error, "ends before input '%s', which goes on; paired inputs need the same configurations",
                   other->held ? other->input->port->name : "of its pair");
      return fail(readers[k], &error);
    }
    uint32_t left = reader->held->count - reader->offset;
    if (left < cut) cut = left;
  }
  for (uint32_t k = 1; k < count; k++) {
    uint64_t index = readers[k]->held->first + readers[k]->offset,
             index0 = readers[0]->held->first + readers[0]->offset;
    if (index != index0 || readers[k]->held->chain != readers[0]->held->chain) {
      fg_error_set(&error,
                   "is at configuration %" PRIu64 " of chain %u while input '%s' is at %" PRIu64
                   " of chain %u; paired inputs must come from the same configurations",
                   index, readers[k]->held->chain, readers[0]->input->port->name, index0, readers[0]->held->chain);
      return fail(readers[k], &error);
    }
  }
  for (uint32_t k = 0; k < count; k++) {
    fg_batch *part = fg_batch_view(readers[k]->held, readers[k]->offset, cut);
    if (!part) abort();
    messages[k] = (fg_message){.size = sizeof(fg_message), .kind = FG_BATCH, .batch = part};
    readers[k]->offset += cut;
  }
  return FG_OK;
}

/// Drops up to `most` messages, or configurations of a paired port.
static fg_status drop(fg_port_reader *reader, uint64_t most) {
  fg_status status = FG_OK;
  bool paired = reader->input->port->flags & FG_PORT_PAIRED;
  for (uint64_t dropped = 0; dropped < most && status == FG_OK;) {
    fg_message message = {0};
    status = paired ? hold(reader) : fg_port_next(reader, &message);
    if (status != FG_OK) break;
    uint64_t left = paired && reader->held ? reader->held->count - reader->offset : 1;
    if (left > most - dropped) left = most - dropped;
    if (paired) reader->offset += (uint32_t)left;
    fg_message_unref(&message);
    dropped += left;
  }
  return status;
}

fg_status fg_port_skip(fg_port_reader *reader, const fg_position *to) {
  fg_status status = FG_OK;
  for (uint64_t pass = 0; pass < to->passes && status == FG_OK; pass++) {
    status = drop(reader, UINT64_MAX);
    if (status != FG_DONE) break;
    fg_port_rewind(reader);
    status = FG_OK;
  }
  if (status == FG_OK) status = drop(reader, to->ended ? UINT64_MAX : to->consumed);
  if (status == FG_DONE && to->ended) return FG_OK;
  if (status != FG_DONE) return status;
  fg_error error;
  fg_error_set(&error, "ends before what the checkpoint has seen of it; run again with --force");
  return fail(reader, &error);
}

void fg_port_close(fg_port_reader *reader) {
  for (; reader->edge < reader->input->edge_count; reader->edge++) fg_queue_close(reader->queues[reader->edge]);
}

void fg_port_rewind(fg_port_reader *reader) {
  reader->replaying = true;
  if (reader->replay)
    fg_spill_rewind(reader->replay);
  else
    reader->edge = reader->input->edge_count;
}
