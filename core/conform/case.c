// case.c — see case.h.
#include "conform/case.h"

#include "clock.h"
#include "crash.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_WITH_VERDICT 0
#define TIMED_OUT 2 // value of `cancelled` that the waiting process writes

fg_verdict *fg_verdict_new(void) {
  void *memory = mmap(NULL, sizeof(fg_verdict), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort();
  return memory;
}

void fg_verdict_free(fg_verdict *verdict) { munmap(verdict, sizeof *verdict); }

void fg_case_doing(const fg_case *c, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(c->verdict->doing, sizeof c->verdict->doing, format, args);
  va_end(args);
}

void fg_case_note(const fg_case *c, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(c->verdict->detail, sizeof c->verdict->detail, format, args);
  va_end(args);
}

// --- scratch --------------------------------------------------------------------------------------------------------

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk) {
  (void)info;
  (void)kind;
  (void)walk;
  return remove(path);
}

void fg_scratch_remove(const char *folder) { nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS); }

// --- the end of a case ----------------------------------------------------------------------------------------------

/// Whether a debugger is attached.
static bool is_traced(void) {
  char line[256];
  bool traced = false;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status))
    if (strncmp(line, "TracerPid:", 10) == 0) traced = strtol(line + 10, NULL, 10) > 0;
  if (status) fclose(status);
  return traced;
}

/// In this process a debugger, if there is one, gets to see who did it.
static _Noreturn void leave(const fg_case *c, fg_outcome outcome) {
  if (!c->here) _exit(EXIT_WITH_VERDICT);
  if (outcome == FG_OUTCOME_FAILED && is_traced()) raise(SIGTRAP);
  printf("%-8s %s\n", outcome == FG_OUTCOME_FAILED ? "FAILED" : "skipped", c->verdict->detail);
  if (outcome == FG_OUTCOME_FAILED) printf("         %s\n", c->verdict->doing);
  fflush(stdout);
  _exit(outcome == FG_OUTCOME_FAILED);
}

static _Noreturn void end_with(const fg_case *c, fg_outcome outcome, const char *format, va_list args) {
  int none = FG_OUTCOME_NONE;
  if (atomic_load(&c->verdict->cancelled) == TIMED_OUT)
    _exit(EXIT_WITH_VERDICT); // which says more than what came of it
  if (!atomic_compare_exchange_strong(&c->verdict->outcome, &none, (int)outcome))
    for (;;) pause(); // another thread is on its way out with its own
  vsnprintf(c->verdict->detail, sizeof c->verdict->detail, format, args);
  leave(c, outcome);
}

void fg_case_failed(const fg_case *c, const char *format, ...) {
  va_list args;
  va_start(args, format);
  end_with(c, FG_OUTCOME_FAILED, format, args);
}

void fg_case_skipped(const fg_case *c, const char *format, ...) {
  va_list args;
  va_start(args, format);
  end_with(c, FG_OUTCOME_SKIPPED, format, args);
}

// --- the process of a case ------------------------------------------------------------------------------------------

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/// The waiting process tells how the child ended, so signals do what they do by default.
static _Noreturn void live_as_child(fg_case *c, fg_case_body *body, uint32_t variant) {
  const struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  prctl(PR_SET_PDEATHSIG, SIGKILL); // a case does not outlive who waits for it
  for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) signal(crashes[i], SIG_DFL);
  fg_crash_end();
  if (!freopen("/dev/null", "w", stdout)) _exit(EXIT_FAILURE);
  body(c, variant);
  int none = FG_OUTCOME_NONE;
  atomic_compare_exchange_strong(&c->verdict->outcome, &none, FG_OUTCOME_OK);
  _exit(EXIT_WITH_VERDICT);
}

/// How the time of a child is counted: processor time, which a busy machine does not use up; a child that uses none is
/// given as much by the clock on the wall.
typedef struct watch {
  clockid_t clock;
  double used, moved; ///< processor time; when it last grew
} watch;

static double processor_seconds(clockid_t clock) {
  struct timespec used;
  return clock_gettime(clock, &used) == 0 ? (double)used.tv_sec + (double)used.tv_nsec * 1e-9 : 0;
}

/// Whether the child has used up `seconds`, or done nothing for so long.
static bool is_late(watch *w, double seconds) {
  double used = processor_seconds(w->clock), now = fg_clock_now();
  if (used > w->used + 0.01) {
    w->used = used;
    w->moved = now;
  }
  return used > seconds || now - w->moved > seconds;
}

/// Waits; asks the child to stop when the time is up, and makes it stop when it does not within a quarter more.
static int wait_for(const fg_case *c, pid_t child, bool *asked, bool *killed) {
  const double seconds = c->options->seconds;
  watch w = {.moved = fg_clock_now()};
  int status = 0;
  if (clock_getcpuclockid(child, &w.clock) != 0) w.clock = CLOCK_MONOTONIC;
  struct timespec nap = {0, 500000};
  for (pid_t done = 0; done != child;) {
    done = waitpid(child, &status, *killed ? 0 : WNOHANG);
    if (done == child || (done < 0 && errno != EINTR)) break;
    nanosleep(&nap, NULL);
    if (nap.tv_nsec < 20000000) nap.tv_nsec += nap.tv_nsec / 4;
    if (!*asked && is_late(&w, seconds)) {
      *asked = true;
      atomic_store(&c->verdict->cancelled, TIMED_OUT);
      w.moved = fg_clock_now();
    } else if (*asked && is_late(&w, seconds * 1.25)) {
      *killed = true;
      kill(child, SIGKILL);
    }
  }
  return status;
}

static const char *signal_words(int number) {
  switch (number) {
  case SIGSEGV: return "a wrong memory access (SIGSEGV)";
  case SIGBUS: return "a wrong memory access (SIGBUS)";
  case SIGFPE: return "a wrong calculation (SIGFPE)";
  case SIGILL: return "an instruction this processor does not have (SIGILL)";
  case SIGABRT: return "a call of abort (SIGABRT)";
  default: return strsignal(number);
  }
}

/// The verdict about a child that left none.
static void judge(fg_verdict *verdict, int status, double seconds, bool asked, bool killed) {
  char doing[sizeof verdict->doing];
  memcpy(doing, verdict->doing, sizeof doing);
  const char *in = doing[0] ? doing : "load";
  if (asked && !killed)
    snprintf(verdict->detail, sizeof verdict->detail,
             "did not end within %g s of processor time (--seconds), only once the run was cancelled, in %s", seconds,
             in);
  else if (killed)
    snprintf(verdict->detail, sizeof verdict->detail,
             "did not end within %g s of processor time (--seconds), nor when the run was cancelled, in %s", seconds,
             in);
  else if (WIFSIGNALED(status))
    snprintf(verdict->detail, sizeof verdict->detail, "stopped by %s in %s", signal_words(WTERMSIG(status)), in);
  else
    snprintf(verdict->detail, sizeof verdict->detail, "ends the process with exit code %d in %s", WEXITSTATUS(status),
             in);
  atomic_store(&verdict->outcome, FG_OUTCOME_FAILED);
}

fg_outcome fg_case_run(fg_case *c, fg_case_body *body, uint32_t variant) {
  fg_verdict *verdict = c->verdict;
  memset(verdict, 0, sizeof *verdict);
  verdict->findings = c->findings;
  if (c->here) {
    fg_crash_enter((fg_crash_site){.stage = c->entry ? c->entry->stage.kind : "check-plugin", .file = c->file});
    body(c, variant);
    return FG_OUTCOME_OK;
  }
  fflush(NULL);
  pid_t child = fork();
  if (child < 0) {
    snprintf(verdict->detail, sizeof verdict->detail, "no process could be started: %s", strerror(errno));
    return FG_OUTCOME_FAILED;
  }
  if (child == 0) live_as_child(c, body, variant);
  bool asked = false, killed = false;
  int status = wait_for(c, child, &asked, &killed);
  int outcome = atomic_load(&verdict->outcome);
  bool ended_well = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_WITH_VERDICT;
  if (outcome == FG_OUTCOME_NONE || (outcome != FG_OUTCOME_FAILED && (asked || !ended_well)))
    judge(verdict, status, c->options->seconds, asked, killed);
  return (fg_outcome)atomic_load(&verdict->outcome);
}
