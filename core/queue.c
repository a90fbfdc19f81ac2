// queue.c — see queue.h.
#include "queue.h"

#include "clock.h"
#include "message.h"
#include "spill.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct node {
  fg_item item;
  struct node *next;
} node;

struct fg_queue {
  fg_hub *hub;
  const char *name;
  uint64_t bound, bytes;
  node *head, *tail;
  bool reader_waits, writer_waits;
  uint64_t wanted; ///< bytes of the item the waiting writer holds
  bool may_spill;  ///< chosen to break a deadlock: writes go to disk until it has been emptied
  fg_spill *spill;
  node *after_spill; ///< the end of stream, when it arrived while the spill was not yet read
  uint64_t spilled;
  bool closed; ///< the reader wants no more
  fg_queue *older;
};

struct fg_hub {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  fg_pool *pool;
  const char *folder;
  unsigned live, waiting;
  atomic_int cancelled, stopping;
  bool stuck; ///< every thread waits and no queue is full
  fg_queue *queues;
};

void fg_item_ref(const fg_item *item) {
  if (item->packet) fg_packet_ref(item->packet);
  fg_message_ref(&item->message);
}

void fg_item_unref(const fg_item *item) {
  fg_packet_unref(item->packet);
  fg_message_unref(&item->message);
}

fg_hub *fg_hub_new(fg_pool *pool, unsigned threads, const char *folder) {
  fg_hub *hub = calloc(1, sizeof *hub);
  if (!hub) abort();
  pthread_mutex_init(&hub->lock, NULL);
  pthread_cond_init(&hub->changed, NULL);
  hub->pool = pool;
  hub->live = threads;
  hub->folder = folder;
  return hub;
}

static void empty(fg_queue *queue) {
  while (queue->head) {
    node *first = queue->head;
    queue->head = first->next;
    fg_item_unref(&first->item);
    free(first);
  }
  free(queue->after_spill);
  fg_spill_free(queue->spill);
  queue->tail = queue->after_spill = NULL;
  queue->spill = NULL;
  queue->bytes = 0;
}

void fg_hub_free(fg_hub *hub) {
  if (!hub) return;
  while (hub->queues) {
    fg_queue *queue = hub->queues;
    hub->queues = queue->older;
    empty(queue);
    free(queue);
  }
  pthread_mutex_destroy(&hub->lock);
  pthread_cond_destroy(&hub->changed);
  free(hub);
}

fg_queue *fg_queue_new(fg_hub *hub, const char *name, uint64_t bound) {
  fg_queue *queue = calloc(1, sizeof *queue);
  if (!queue) abort();
  queue->hub = hub;
  queue->name = name;
  queue->bound = bound;
  queue->older = hub->queues;
  hub->queues = queue;
  return queue;
}

void fg_hub_cancel(fg_hub *hub) {
  pthread_mutex_lock(&hub->lock);
  atomic_store(&hub->cancelled, 1);
  pthread_cond_broadcast(&hub->changed);
  pthread_mutex_unlock(&hub->lock);
}

void fg_hub_stop(fg_hub *hub) {
  pthread_mutex_lock(&hub->lock);
  atomic_store(&hub->stopping, 1);
  pthread_cond_broadcast(&hub->changed);
  pthread_mutex_unlock(&hub->lock);
}

const atomic_int *fg_hub_cancelled(const fg_hub *hub) { return &hub->cancelled; }
bool fg_hub_stopping(const fg_hub *hub) { return atomic_load(&hub->stopping); }

/// No thread waits any more, or will.
static bool is_over(const fg_hub *hub) { return atomic_load(&hub->cancelled) || atomic_load(&hub->stopping); }

uint64_t fg_queue_spilled(const fg_queue *queue) { return queue->spilled; }

static uint64_t spill_left(const fg_queue *queue) { return queue->spill ? fg_spill_left(queue->spill) : 0; }
static bool is_empty(const fg_queue *queue) { return !queue->head && !spill_left(queue) && !queue->after_spill; }
static bool has_room(const fg_queue *queue, uint64_t bytes) {
  return bytes == 0 || queue->bytes == 0 || queue->bytes + bytes <= queue->bound || queue->may_spill || queue->closed;
}

/// Called under the lock when a thread begins to wait, or leaves: if now every thread waits and none of them could go
/// on, the smallest full queue is allowed to spill. True when something changed.
static bool break_deadlock(fg_hub *hub) {
  if (hub->live == 0 || hub->waiting < hub->live) return false;
  fg_queue *smallest = NULL;
  for (fg_queue *queue = hub->queues; queue; queue = queue->older) {
    if (queue->reader_waits && !is_empty(queue)) return false;
    if (queue->writer_waits && has_room(queue, queue->wanted)) return false;
    if (queue->writer_waits && (!smallest || queue->bytes <= smallest->bytes)) smallest = queue;
  }
  if (smallest)
    smallest->may_spill = true;
  else
    hub->stuck = true;
  pthread_cond_broadcast(&hub->changed);
  return true;
}

void fg_hub_leave(fg_hub *hub) {
  pthread_mutex_lock(&hub->lock);
  hub->live--;
  break_deadlock(hub);
  pthread_mutex_unlock(&hub->lock);
}

/// Names the edge at which this thread waits for input, and those of the others.
static fg_status report_stuck(const fg_queue *own, fg_error *error) {
  char names[700];
  size_t at = (size_t)snprintf(names, sizeof names, "%s", own->name);
  for (const fg_queue *queue = own->hub->queues; queue && at < sizeof names - 1; queue = queue->older)
    if (queue->reader_waits) at += (size_t)snprintf(names + at, sizeof names - at, ", %s", queue->name);
  return fg_error_set(error, "every stage waits for another and no queue is full: %s", names);
}

/// Waits, without a run token, until the hub changes.
static void wait_changed(fg_hub *hub, bool *flag) {
  *flag = true;
  hub->waiting++;
  if (!break_deadlock(hub)) pthread_cond_wait(&hub->changed, &hub->lock);
  hub->waiting--;
  *flag = false;
}

static void link_item(fg_queue *queue, const fg_item *item) {
  node *fresh = malloc(sizeof *fresh);
  if (!fresh) abort();
  *fresh = (node){*item, NULL};
  if (queue->tail)
    queue->tail->next = fresh;
  else
    queue->head = fresh;
  queue->tail = fresh;
  queue->bytes += item->bytes;
}

/// Puts an item on disk. Only batches are ever spilled.
static fg_status spill_item(fg_queue *queue, const fg_item *item, fg_error *error) {
  fg_status status = queue->spill ? FG_OK : fg_spill_new(queue->hub->folder, &queue->spill, error);
  fg_packet *packet = item->packet;
  if (status == FG_OK && !packet) status = fg_packet_encode(item->message.batch, 0, &packet, error);
  if (status == FG_OK) status = fg_spill_push(queue->spill, packet, error);
  if (packet && packet != item->packet) fg_packet_unref(packet);
  fg_item_unref(item);
  queue->spilled++;
  return status;
}

static fg_status append(fg_queue *queue, const fg_item *item, fg_error *error) {
  bool fits = item->bytes == 0 || queue->bytes == 0 || queue->bytes + item->bytes <= queue->bound;
  if (item->kind == FG_BATCH && (spill_left(queue) || !fits)) return spill_item(queue, item, error);
  if (spill_left(queue)) {
    queue->after_spill = calloc(1, sizeof(node));
    if (!queue->after_spill) abort();
    queue->after_spill->item = *item;
    return FG_OK;
  }
  link_item(queue, item);
  return FG_OK;
}

fg_status fg_queue_push(fg_queue *queue, const fg_item *item, double *waited, fg_error *error) {
  fg_hub *hub = queue->hub;
  bool token = true;
  double start = 0;
  pthread_mutex_lock(&hub->lock);
  queue->wanted = item->bytes;
  while (!is_over(hub) && !queue->closed && !has_room(queue, item->bytes)) {
    if (token) {
      start = fg_clock_now();
      fg_pool_release(hub->pool);
      token = false;
    }
    wait_changed(hub, &queue->writer_waits);
  }
  fg_status status = atomic_load(&hub->cancelled) ? FG_CANCELLED : FG_OK;
  if (is_over(hub) || queue->closed)
    fg_item_unref(item);
  else
    status = append(queue, item, error);
  pthread_cond_broadcast(&hub->changed);
  pthread_mutex_unlock(&hub->lock);
  if (!token) fg_pool_acquire(hub->pool);
  if (!token) *waited += fg_clock_now() - start;
  return status;
}

static fg_status take(fg_queue *queue, fg_item *item, fg_error *error) {
  if (queue->head) {
    node *first = queue->head;
    queue->head = first->next;
    if (!queue->head) queue->tail = NULL;
    queue->bytes -= first->item.bytes;
    *item = first->item;
    free(first);
    if (!spill_left(queue)) queue->may_spill = false;
    return FG_OK;
  }
  *item = (fg_item){0};
  if (spill_left(queue)) {
    item->kind = FG_BATCH;
    fg_status status = fg_spill_next(queue->spill, &item->packet, error);
    if (status == FG_OK && !spill_left(queue)) {
      fg_spill_free(queue->spill);
      queue->spill = NULL;
      queue->may_spill = false;
    }
    return status;
  }
  *item = queue->after_spill->item;
  free(queue->after_spill);
  queue->after_spill = NULL;
  return FG_OK;
}

fg_status fg_queue_pop(fg_queue *queue, fg_item *item, double *waited, fg_error *error) {
  fg_hub *hub = queue->hub;
  bool token = true;
  double start = 0;
  pthread_mutex_lock(&hub->lock);
  while (!is_over(hub) && !hub->stuck && is_empty(queue)) {
    if (token) {
      start = fg_clock_now();
      fg_pool_release(hub->pool);
      token = false;
    }
    wait_changed(hub, &queue->reader_waits);
  }
  fg_status status = FG_CANCELLED;
  if (!is_over(hub) && !is_empty(queue))
    status = take(queue, item, error);
  else if (!is_over(hub))
    status = report_stuck(queue, error);
  pthread_cond_broadcast(&hub->changed);
  pthread_mutex_unlock(&hub->lock);
  if (!token) fg_pool_acquire(hub->pool);
  if (!token) *waited += fg_clock_now() - start;
  return status;
}

void fg_queue_close(fg_queue *queue) {
  pthread_mutex_lock(&queue->hub->lock);
  queue->closed = true;
  empty(queue);
  pthread_cond_broadcast(&queue->hub->changed);
  pthread_mutex_unlock(&queue->hub->lock);
}
