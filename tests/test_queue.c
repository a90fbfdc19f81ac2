// test_queue.c — bounded queues: order, bounds, spilling when every thread waits, the end in its place, cancelling.
#include "check.h"

#include "message.h"
#include "queue.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define ITEMS 200

static fg_batch *numbered(uint64_t number) {
  fg_lattice lattice = fg_lattice_square(64);
  fg_batch *batch = fg_batch_create(FG_SPIN1, &lattice, 1, 0, 64);
  batch->first = number;
  *fg_batch_row_mut(batch, 0, 5) = number * 0x1234567;
  return batch;
}

static fg_item item_of(uint64_t number, bool encoded) {
  fg_item item = {.kind = FG_BATCH};
  fg_batch *batch = numbered(number);
  fg_error error;
  if (!encoded) {
    item.message = (fg_message){.size = sizeof(fg_message), .kind = FG_BATCH, .batch = batch};
    item.bytes = fg_batch_bytes(batch);
    return item;
  }
  if (fg_packet_encode(batch, 1, &item.packet, &error) != FG_OK) abort();
  item.bytes = item.packet->bytes;
  fg_batch_unref(batch);
  return item;
}

static uint64_t number_of(const fg_item *item) {
  fg_batch *batch = NULL;
  fg_error error;
  if (item->message.batch) return item->message.batch->first;
  if (fg_packet_decode(item->packet->data, item->packet->bytes, &batch, &error) != FG_OK) return UINT64_MAX;
  uint64_t number = *fg_batch_row(batch, 0, 5) == batch->first * 0x1234567 ? batch->first : UINT64_MAX;
  fg_batch_unref(batch);
  return number;
}

/// Two queues from one writer; the reader empties the second only after the first has ended.
typedef struct scene {
  fg_pool *pool;
  fg_hub *hub;
  fg_queue *queues[2];
  bool encoded;
  uint64_t wrong;
  fg_status status;
} scene;

static scene make_scene(uint64_t bound, unsigned threads, bool encoded) {
  scene s = {.pool = fg_pool_new(2), .encoded = encoded};
  s.hub = fg_hub_new(s.pool, threads, "/tmp");
  s.queues[0] = fg_queue_new(s.hub, "first", bound);
  s.queues[1] = fg_queue_new(s.hub, "second", bound);
  return s;
}

static void end_scene(scene *s) {
  fg_hub_free(s->hub);
  fg_pool_free(s->pool);
}

static void *write_both(void *arg) {
  scene *s = arg;
  double waited = 0;
  fg_error error;
  fg_pool_acquire(s->pool);
  for (uint64_t i = 0; i <= ITEMS; i++) {
    fg_item item = i == ITEMS ? (fg_item){0} : item_of(i, s->encoded);
    for (int q = 0; q < 2; q++) {
      fg_item_ref(&item);
      s->status = fg_queue_push(s->queues[q], &item, &waited, &error);
    }
    fg_item_unref(&item);
  }
  fg_pool_release(s->pool);
  fg_hub_leave(s->hub);
  return NULL;
}

static void read_all(scene *s, fg_queue *queue) {
  double waited = 0;
  fg_error error;
  for (uint64_t i = 0;; i++) {
    fg_item item = {0};
    if (fg_queue_pop(queue, &item, &waited, &error) != FG_OK) {
      s->wrong++;
      return;
    }
    if (!item.kind) {
      s->wrong += i != ITEMS;
      return;
    }
    s->wrong += number_of(&item) != i;
    fg_item_unref(&item);
  }
}

static void spills_instead_of_deadlock(void) {
  for (int encoded = 0; encoded < 2; encoded++) {
    scene s = make_scene(1024, 2, encoded);
    pthread_t writer;
    pthread_create(&writer, NULL, write_both, &s);
    fg_pool_acquire(s.pool);
    read_all(&s, s.queues[0]);
    read_all(&s, s.queues[1]);
    fg_pool_release(s.pool);
    pthread_join(writer, NULL);
    CHECK_INTEGER(s.wrong, 0);
    CHECK_INTEGER(s.status, FG_OK);
    CU_ASSERT(fg_queue_spilled(s.queues[1]) > 0);
    CHECK_INTEGER(fg_queue_spilled(s.queues[0]), 0);
    end_scene(&s);
  }
}

/// Room enough: nothing goes to disk.
static void large_queue_does_not_spill(void) {
  scene s = make_scene(UINT64_C(1) << 30, 2, true);
  pthread_t writer;
  pthread_create(&writer, NULL, write_both, &s);
  fg_pool_acquire(s.pool);
  read_all(&s, s.queues[0]);
  read_all(&s, s.queues[1]);
  fg_pool_release(s.pool);
  pthread_join(writer, NULL);
  CHECK_INTEGER(s.wrong, 0);
  CHECK_INTEGER(fg_queue_spilled(s.queues[0]) + fg_queue_spilled(s.queues[1]), 0);
  end_scene(&s);
}

/// A reader nobody writes for is told so, with the edge's name, instead of waiting for ever.
static void stuck_is_named(void) {
  scene s = make_scene(1024, 1, true);
  double waited = 0;
  fg_error error = {0};
  fg_item item;
  fg_pool_acquire(s.pool);
  CHECK_INTEGER(fg_queue_pop(s.queues[1], &item, &waited, &error), FG_FAILED);
  CU_ASSERT(strstr(error.text, "second") != NULL);
  fg_pool_release(s.pool);
  end_scene(&s);
}

static void cancel_returns(void) {
  scene s = make_scene(1024, 2, true);
  double waited = 0;
  fg_error error = {0};
  fg_pool_acquire(s.pool);
  fg_hub_cancel(s.hub);
  fg_item item = item_of(1, true);
  CHECK_INTEGER(fg_queue_push(s.queues[0], &item, &waited, &error), FG_CANCELLED);
  CHECK_INTEGER(fg_queue_pop(s.queues[0], &item, &waited, &error), FG_CANCELLED);
  fg_pool_release(s.pool);
  end_scene(&s);
}

int main(void) {
  static const check_case cases[] = {{"spills instead of a deadlock", spills_instead_of_deadlock},
                                     {"a large queue does not spill", large_queue_does_not_spill},
                                     {"stuck is named", stuck_is_named},
                                     {"cancel", cancel_returns},
                                     {0}};
  return check_main("queue", cases);
}
