// shim_memory.c — LD_PRELOAD: the FAULT_AT-th allocation of the program fails, as if memory were out; with FAULT_COUNT
// the number of allocations is printed at the end instead.
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static atomic_long calls;
static long fault_at;

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("FAULT_AT");
  fault_at = text ? strtol(text, NULL, 10) : 0;
  atomic_store(&calls, 0);
}

__attribute__((destructor)) static void end(void) {
  char text[64];
  if (!getenv("FAULT_COUNT")) return;
  int length = snprintf(text, sizeof text, "allocations: %ld\n", atomic_load(&calls));
  if (write(STDERR_FILENO, text, (size_t)length) < 0) _exit(1);
}

static int fails(void) {
  if (atomic_fetch_add(&calls, 1) + 1 != fault_at || !fault_at) return 0;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return fails() ? NULL : __libc_calloc(count, size); }
void *realloc(void *memory, size_t size) { return fails() ? NULL : __libc_realloc(memory, size); }
