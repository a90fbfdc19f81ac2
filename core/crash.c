// crash.c — see crash.h.
#include "crash.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)64 << 10)

static _Thread_local fg_crash_site here;

fg_crash_site fg_crash_enter(fg_crash_site site) {
  fg_crash_site before = here;
  here = site;
  return before;
}

fg_crash_site fg_crash_here(void) { return here; }

static void say(const char *text) {
  size_t done = 0, length = strlen(text);
  while (done < length) {
    ssize_t n = write(STDERR_FILENO, text + done, length - done);
    if (n <= 0) return;
    done += (size_t)n;
  }
}

static const char *cause_of(int number) {
  switch (number) {
  case SIGSEGV: return "a wrong memory access (SIGSEGV)";
  case SIGBUS: return "a wrong memory access (SIGBUS)";
  case SIGFPE: return "a wrong calculation (SIGFPE)";
  case SIGILL: return "an instruction this processor does not have (SIGILL)";
  // Where nothing else can be done about it the core aborts when memory is out; malloc has left the reason.
  default: return errno == ENOMEM ? "lack of memory (SIGABRT)" : "a call of abort (SIGABRT)";
  }
}

static void say_number(uint64_t number) {
  char text[24];
  size_t at = sizeof text - 1;
  text[at] = 0;
  do text[--at] = (char)('0' + number % 10);
  while (number /= 10);
  say(text + at);
}

/// " in batch 3 of input 'configurations', configurations 128 to 191", or " while it made batch 3".
static void say_batch(void) {
  if (!here.batch) return;
  say(here.input ? " in batch " : " while it made batch ");
  say_number(here.batch);
  if (!here.input) return;
  say(" of input '");
  say(here.input);
  say("', configurations ");
  say_number(here.first);
  say(" to ");
  say_number(here.first + here.count - 1);
}

/// The whole message, and the end.
static _Noreturn void say_cause(const char *cause, bool memory) {
  say("\nfinegrain: error: ");
  if (here.stage) {
    say(here.stage);
    say(": plugin ");
    say(here.file);
    say(" was stopped by ");
  } else {
    say("stopped by ");
  }
  say(cause);
  say_batch();
  say(memory       ? "; free some, or make the batches or the buffer smaller\n"
      : here.stage ? "; this is a fault of the plugin\n"
                   : "; this is a fault of finegrain\n");
  _exit(1);
}

static void on_crash(int number) { say_cause(cause_of(number), errno == ENOMEM && number == SIGABRT); }

static bool may_exit;

void fg_crash_end(void) { may_exit = true; }

static void on_exit_called(void) {
  if (!may_exit) say_cause(errno == ENOMEM ? "lack of memory (exit)" : "a call of exit", errno == ENOMEM);
}

// Sanitizers want these signals for themselves.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

void fg_crash_watch(void) {
  static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};
  for (size_t i = 0; !SANITIZED && i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);
  if (!SANITIZED) fg_crash_stack_new(); // kept until the process ends
  if (atexit(on_exit_called) != 0) abort();
}

void *fg_crash_stack_new(void) {
  stack_t stack = {.ss_sp = malloc(STACK_BYTES), .ss_size = STACK_BYTES};
  if (stack.ss_sp) sigaltstack(&stack, NULL);
  return stack.ss_sp;
}

void fg_crash_stack_free(void *stack) {
  stack_t none = {.ss_flags = SS_DISABLE};
  sigaltstack(&none, NULL);
  free(stack);
}
