// queue.h — the edges of a running pipeline: bounded queues of encoded batches. All queues of a run share one lock (the
// hub), so that "every thread waits" is a fact and not a guess: then the smallest full queue spills to disk (Parks 1995)
// and no pipeline deadlocks for want of room.
#ifndef FG_CORE_QUEUE_H
#define FG_CORE_QUEUE_H

#include "codec.h"
#include "pool.h"

#include <stdbool.h>

/// What a queue holds: one of packet and message. kind 0 marks the end of the stream.
typedef struct fg_item {
  uint32_t kind;      ///< an fg_kind; 0: end of stream
  fg_packet *packet;  ///< an encoded batch, or
  fg_message message; ///< a batch by reference (compression none), a model, a table
  uint64_t bytes;     ///< counted against the queue's bound
} fg_item;

void fg_item_ref(const fg_item *item);
void fg_item_unref(const fg_item *item);

typedef struct fg_hub fg_hub;
typedef struct fg_queue fg_queue;

/// `threads`: stage threads that will wait at queues. `folder` is for spill files. *cancelled is set by fg_hub_cancel.
fg_hub *fg_hub_new(fg_pool *pool, unsigned threads, const char *folder);
void fg_hub_free(fg_hub *hub);
/// A stage thread has ended and waits for nothing any more.
void fg_hub_leave(fg_hub *hub);
/// Asks everyone to come to the end of a step: fg_queue_pop returns FG_CANCELLED, fg_queue_push drops its item and returns
/// FG_OK, so that a step under way ends whole and its stage can be saved.
void fg_hub_stop(fg_hub *hub);
bool fg_hub_stopping(const fg_hub *hub);
/// Wakes everyone; every call returns FG_CANCELLED from now on.
void fg_hub_cancel(fg_hub *hub);
const atomic_int *fg_hub_cancelled(const fg_hub *hub);

/// A queue of the hub; `name` ("sample.configurations -> block.configurations") is for messages and lives as long.
fg_queue *fg_queue_new(fg_hub *hub, const char *name, uint64_t bound);

/// Appends, taking the item's reference also on failure; waits while the queue is full. An item larger than the bound is
/// admitted to an empty queue; an item of 0 bytes always. The caller holds a run token, which is given back while it
/// waits. Adds the time waited to *waited (seconds).
fg_status fg_queue_push(fg_queue *queue, const fg_item *item, double *waited, fg_error *error);
/// Takes the oldest item; waits while there is none.
fg_status fg_queue_pop(fg_queue *queue, fg_item *item, double *waited, fg_error *error);

/// The reader wants no more: what is in the queue and what comes is dropped.
void fg_queue_close(fg_queue *queue);

/// Batches that went to disk.
uint64_t fg_queue_spilled(const fg_queue *queue);

#endif
