// memory.c — see memory.h. Regions stay where they are while a case runs, so that the handler of SIGSEGV can look through
// them without a lock.
#include "conform/memory.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define MOST_REGIONS ((uint32_t)1 << 16)
#define MANY_REGIONS 4096u // from here on what is gone is forgotten: a process has only so many mappings

/// All a signal handler looks at.
static struct {
  const fg_case *of;
  fg_region *regions;
  atomic_uint count;
  uint32_t next;           ///< where a place was last looked for
  struct sigaction before; ///< of SIGSEGV
} watched;

static size_t page(void) { return (size_t)sysconf(_SC_PAGESIZE); }
static size_t whole_pages(size_t bytes) { return (bytes + page() - 1) / page() * page(); }

/// A place for one more region: a new one, or, once there are many, that of a forgotten one. NULL: there is none.
static fg_region *find_place(uint32_t *count) {
  for (uint32_t i = 0; *count >= MANY_REGIONS && i < *count; i++) {
    watched.next = watched.next + 1 < *count ? watched.next + 1 : 0;
    if (!watched.regions[watched.next].bytes) return &watched.regions[watched.next];
  }
  return *count < MOST_REGIONS ? &watched.regions[(*count)++] : NULL;
}

fg_region *fg_region_new(size_t head, size_t data, const char *what, void **data_at) {
  uint32_t count = atomic_load(&watched.count);
  fg_region *region = data > SIZE_MAX / 4 ? NULL : find_place(&count);
  if (!region) return NULL;
  const size_t padded = data ? (data + 63) / 64 * 64 : 64;
  *region = (fg_region){.head_bytes = whole_pages(head), .data_bytes = whole_pages(padded), .what = what};
  region->bytes = region->head_bytes + region->data_bytes + 2 * page();
  region->base = mmap(NULL, region->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (region->base == MAP_FAILED) {
    region->bytes = 0;
    return NULL;
  }
  region->head = region->base;
  region->data = region->head + region->head_bytes + page();
  fg_region_set(region, FG_REGION_OWN);
  *data_at = region->data + region->data_bytes - padded;
  atomic_store(&watched.count, count);
  return region;
}

void fg_region_set(fg_region *region, fg_region_state state) {
  int protection = state == FG_REGION_OWN ? PROT_READ | PROT_WRITE : state == FG_REGION_GONE ? PROT_NONE : PROT_READ;
  region->state = (int)state;
  if (state == FG_REGION_GONE && atomic_load(&watched.count) >= MANY_REGIONS) {
    munmap(region->base, region->bytes);
    region->bytes = 0;
    return;
  }
  if (mprotect(region->head, region->head_bytes, protection) != 0 ||
      mprotect(region->data, region->data_bytes, protection) != 0)
    abort();
}

void fg_memory_forget(void) {
  for (uint32_t i = 0; i < atomic_load(&watched.count); i++) munmap(watched.regions[i].base, watched.regions[i].bytes);
  atomic_store(&watched.count, 0);
}

// --- who does what is forbidden -------------------------------------------------------------------------------------

static void append(char *text, size_t size, const char *more) {
  size_t at = strlen(text), length = strlen(more);
  if (length > size - 1 - at) length = size - 1 - at;
  memcpy(text + at, more, length);
  text[at + length] = 0;
}

static bool lies_in(const char *at, const char *base, size_t bytes) { return at >= base && at < base + bytes; }

/// Whether it was a write, where the processor tells; otherwise it is taken for one.
static bool was_write(const void *context) {
#ifdef __x86_64__
  return ((const ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & 2;
#else
  (void)context;
  return true;
#endif
}

static void describe(const fg_region *region, const char *at, bool write, char *text, size_t size) {
  const char *what = region->what ? region->what : "a batch of its own";
  bool inside = lies_in(at, region->head, region->head_bytes) || lies_in(at, region->data, region->data_bytes);
  if (!inside) {
    append(text, size, write ? "writes outside the data of " : "reads outside the data of ");
    append(text, size, what);
  } else if (region->state == FG_REGION_GONE) {
    append(text, size, "uses ");
    append(text, size, what);
    append(text, size,
           region->what ? " after the call it came with; keep it with batch_ref or model_ref"
                        : " that it has given away");
  } else {
    append(text, size, region->state == FG_REGION_INPUT ? "writes to " : "writes to a batch that it has emitted");
    append(text, size, region->state == FG_REGION_INPUT ? what : "");
  }
}

/// Only what a signal handler may do. An access elsewhere is an ordinary crash.
static void on_access(int number, siginfo_t *info, void *context) {
  const char *at = info->si_addr;
  fg_verdict *verdict = watched.of->verdict;
  for (uint32_t i = 0; i < atomic_load(&watched.count); i++) {
    const fg_region *region = &watched.regions[i];
    if (!lies_in(at, region->base, region->bytes)) continue;
    verdict->detail[0] = 0;
    describe(region, at, was_write(context), verdict->detail, sizeof verdict->detail);
    append(verdict->detail, sizeof verdict->detail, ", in ");
    append(verdict->detail, sizeof verdict->detail, verdict->doing);
    atomic_store(&verdict->outcome, FG_OUTCOME_FAILED);
    if (!watched.of->here) _exit(0);
    append(verdict->detail, sizeof verdict->detail, "\n");
    ssize_t written = write(STDOUT_FILENO, "FAILED   ", 9);
    if (written > 0) written = write(STDOUT_FILENO, verdict->detail, strlen(verdict->detail));
    _exit(written < 0 ? 2 : 1);
  }
  sigaction(number, &watched.before, NULL); // and the access is tried again
}

void fg_memory_watch(const fg_case *c) {
  watched.of = c;
  if (!watched.regions)
    watched.regions = mmap(NULL, MOST_REGIONS * sizeof(fg_region), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (watched.regions == MAP_FAILED) abort();
  struct sigaction action = {.sa_sigaction = on_access, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGSEGV, &action, &watched.before);
}
