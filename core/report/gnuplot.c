// gnuplot.c — see gnuplot.h.
#include "report/gnuplot.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "gnuplot"

/// Our environment, but the language: gnuplot writes numbers and reads UTF-8 as it says. The list is the caller's.
static char **environment_of_child(void) {
  size_t count = 0, kept = 0;
  while (environ[count]) count++;
  char **list = calloc(count + 2, sizeof *list);
  if (!list) abort();
  for (size_t i = 0; i < count; i++)
    if (strncmp(environ[i], "LC_ALL=", 7) != 0) list[kept++] = environ[i];
  list[kept] = "LC_ALL=C.UTF-8";
  return list;
}

/// Starts gnuplot with standard input empty, and both outputs into `pipe`. 0 or an errno.
static int start(const char *folder, char **arguments, const int pipe[2], pid_t *child) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  char **environment = environment_of_child();
  sigemptyset(&none);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  // A group of its own: the terminal's Ctrl-C is for us.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setsigmask(&attributes, &none);
  int fault = posix_spawn_file_actions_addchdir_np(&actions, folder);
  if (!fault) fault = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (!fault) fault = posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
  if (!fault) fault = posix_spawn_file_actions_adddup2(&actions, pipe[1], STDERR_FILENO);
  if (!fault) fault = posix_spawnp(child, PROGRAM, &actions, &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  free(environment);
  return fault;
}

/// Reads what the child says until it closes its outputs; false when the time is over. The first words are kept.
static bool listen_to(int pipe, double until, char *said, size_t size) {
  char bytes[1024];
  size_t kept = 0;
  said[0] = '\0';
  for (;;) {
    double left = until - fg_clock_now();
    struct pollfd wait = {.fd = pipe, .events = POLLIN};
    if (left <= 0) return false;
    int ready = poll(&wait, 1, (int)(left * 1000) + 1);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    ssize_t n = read(pipe, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return true;
    size_t take = (size_t)n < size - 1 - kept ? (size_t)n : size - 1 - kept;
    memcpy(said + kept, bytes, take);
    said[kept += take] = '\0';
  }
}

/// The last line, which tells what is wrong: before it gnuplot shows the script's line and a caret.
static const char *complaint(char *said) {
  size_t end = strlen(said);
  while (end > 0 && strchr(" \t\n", said[end - 1])) end--;
  said[end] = '\0';
  char *line = strrchr(said, '\n');
  line = line ? line + 1 : said;
  line += strspn(line, " \t");
  return *line ? line : "it gave no reason";
}

fg_status fg_gnuplot_run(const char *folder, const char *const *scripts, size_t count, double seconds,
                         fg_error *error) {
  int ends[2];
  pid_t child;
  char said[1024];
  char **arguments = calloc(count + 3, sizeof *arguments);
  if (!arguments || pipe2(ends, O_CLOEXEC) != 0) {
    free(arguments);
    return fg_error_set(error, "cannot start gnuplot: %s", strerror(errno));
  }
  arguments[0] = PROGRAM;
  arguments[1] = "-d"; // no start-up file
  for (size_t i = 0; i < count; i++) arguments[i + 2] = (char *)(uintptr_t)scripts[i];
  int fault = start(folder, arguments, ends, &child);
  close(ends[1]);
  free(arguments);
  if (fault) {
    close(ends[0]);
    if (fault == ENOENT) return fg_error_set(error, "gnuplot is not installed (Debian: apt-get install gnuplot-nox)");
    return fg_error_set(error, "cannot start gnuplot: %s", strerror(fault));
  }
  bool ended = listen_to(ends[0], fg_clock_now() + seconds, said, sizeof said);
  close(ends[0]);
  if (!ended) kill(child, SIGKILL);
  int state = 0;
  while (waitpid(child, &state, 0) < 0 && errno == EINTR) continue;
  if (!ended) return fg_error_set(error, "gnuplot was stopped after %.0f s", seconds);
  if (WIFEXITED(state) && WEXITSTATUS(state) == 0) return FG_OK;
  if (WIFSIGNALED(state)) return fg_error_set(error, "gnuplot was stopped by signal %d", WTERMSIG(state));
  return fg_error_set(error, "gnuplot: %s", complaint(said));
}
