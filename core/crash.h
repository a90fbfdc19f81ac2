// crash.h — a plugin that crashes takes the process with it; this names the stage before the process ends. Only what a
// signal handler may do: no memory, no locks, no streams.
#ifndef FG_CORE_CRASH_H
#define FG_CORE_CRASH_H

#include <stdint.h>

/// Catches SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT for the rest of the process: a message on standard error, exit code
/// 1. So is exit called by whoever is not main: a library that gives up, say. abort after an allocation that failed is told as what it is. Call once. [main]
void fg_crash_watch(void);

/// Whose code this thread is about to run, until the next call; NULL: our own. `stage` and `file` (of the plugin) must
/// outlive that. Returns what stood there before. [any]
typedef struct fg_crash_site {
  const char *stage, *file;
  const char *input;     ///< the port whose batch it looks at; NULL: none
  uint64_t batch;        ///< counted from 1: of that input, or the one that is being made; 0: neither
  uint64_t first, count; ///< configurations of the input's batch
} fg_crash_site;
fg_crash_site fg_crash_enter(fg_crash_site site);
fg_crash_site fg_crash_here(void); ///< what stands there now [any]

/// From here on the process may end by exit; before, that is told like a crash. [main]
void fg_crash_end(void);

/// Gives this thread a stack of its own for the handler, so that a stack that overflows is named too; frees it. [any]
void *fg_crash_stack_new(void);
void fg_crash_stack_free(void *stack);

#endif
