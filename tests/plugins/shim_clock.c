// shim_clock.c — LD_PRELOAD: clocks that jump forth and back by an hour and more from one look to the next; the seconds
// since 1970 and what is called monotonic alike.
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long jump(void) {
  static atomic_ulong looks;
  static const long jumps[] = {0, 3600, -3600, 86400, 1, -400000, 0, 7};
  return jumps[atomic_fetch_add(&looks, 1) / 3 % (sizeof jumps / sizeof *jumps)];
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  long result = syscall(SYS_clock_gettime, clock, now);
  now->tv_sec += jump();
  if (now->tv_sec < 0) now->tv_sec = 0;
  return (int)result;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
