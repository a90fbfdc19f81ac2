// serialize.c — see serialize.h. The one piece of process-wide mutable state, because what it guards is process-wide: a
// lock a key, made on first use and kept.
#include "serialize.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct keyed_lock {
  char *key;
  pthread_mutex_t lock;
  struct keyed_lock *older;
} keyed_lock;

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static keyed_lock *table;

static keyed_lock *lock_of(const char *key) {
  pthread_mutex_lock(&table_lock);
  keyed_lock *found = table;
  while (found && strcmp(found->key, key) != 0) found = found->older;
  if (!found) {
    found = calloc(1, sizeof *found);
    if (!found || !(found->key = strdup(key))) abort();
    pthread_mutex_init(&found->lock, NULL);
    found->older = table;
    table = found;
  }
  pthread_mutex_unlock(&table_lock);
  return found;
}

fg_status fg_serialize(const char *key, fg_status (*fn)(void *arg), void *arg) {
  keyed_lock *held = lock_of(key);
  pthread_mutex_lock(&held->lock);
  fg_status status = fn(arg);
  pthread_mutex_unlock(&held->lock);
  return status;
}
