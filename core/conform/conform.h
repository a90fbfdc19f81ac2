// conform.h — whether a plugin keeps the promises of the headers. Every check runs in a process of its own, bounded in
// time, so that a plugin that crashes or hangs is a verdict and no end of the checks.
#ifndef FG_CORE_CONFORM_H
#define FG_CORE_CONFORM_H

#include <stddef.h>
#include <stdio.h>

typedef struct fg_conform_options {
  const char *const *sets; ///< "key=value", for every stage that has a parameter `key`
  size_t set_count;
  double seconds;               ///< processor time that a case may take
  const char *repeat;           ///< the one case to run, in this process, for a debugger; NULL: all, each in its own
  const struct fg_model *model; ///< what stages that take a model get; NULL: one of network.symmetric
} fg_conform_options;

/// Checks the plugin in `file`, a line a check on `out`. Returns the exit code: FG_EXIT_DONE; FG_EXIT_FAILED when a check
/// failed; FG_EXIT_USAGE when `repeat` or a set names nothing there is, which is said on standard error.
int fg_conform(const char *file, const fg_conform_options *options, FILE *out);

#endif
