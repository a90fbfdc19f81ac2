// clock.h — monotonic time.
#ifndef FG_CORE_CLOCK_H
#define FG_CORE_CLOCK_H

#include <time.h>

/// Seconds of the monotonic clock.
static inline double fg_clock_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#endif
