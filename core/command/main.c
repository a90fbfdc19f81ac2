// main.c — the command finegrain: finds the subcommand and calls it.
#include "command/command.h"

#include "crash.h"
#include "results.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const fg_command *const commands[] = {
    &fg_command_run, &fg_command_check, &fg_command_graph,  &fg_command_plugins,    &fg_command_schema,
    &fg_command_cat, &fg_command_sweep, &fg_command_report, &fg_command_new_plugin, &fg_command_check_plugin};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static void print_help(FILE *out) {
  fputs("finegrain — invert the renormalization group: pipelines of samplers, coarse-grainers, networks and dreams\n\n"
        "usage: finegrain COMMAND [ARGUMENTS]\n\n",
        out);
  for (size_t i = 0; i < COMMAND_COUNT; i++) fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
  fputs("\n'finegrain COMMAND --help' explains one; 'finegrain --version' tells the version.\n"
        "Start with: finegrain run pipelines/quickstart.yaml\n",
        out);
}

/// What went to standard output is part of what was asked for: a full disk must not pass for success.
static int written(int code) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return code;
  fprintf(stderr, "finegrain: error: standard output cannot be written: %s\n", strerror(errno));
  return code == FG_EXIT_DONE ? FG_EXIT_FAILED : code;
}

/// A file must never get the number of a standard stream that was closed: messages would be written into it. Writing to
/// what stands in for one is an error.
static void open_standard_streams(void) {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
    if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != stream) _exit(FG_EXIT_FAILED);
}

static int run_command(int argc, char **argv) {
  if (argc < 2) {
    print_help(stderr);
    return FG_EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
    print_help(stdout);
    return written(FG_EXIT_DONE);
  }
  if (strcmp(argv[1], "--version") == 0) {
    printf("finegrain %s (plugin ABI %u.%u)\n", FG_VERSION, FG_ABI_MAJOR, FG_ABI_MINOR);
    return written(FG_EXIT_DONE);
  }
  const char *names[COMMAND_COUNT];
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    names[i] = commands[i]->name;
    if (strcmp(argv[1], names[i]) == 0) return written(commands[i]->run(commands[i], argc - 1, argv + 1));
  }
  char hint[512];
  fprintf(stderr, "finegrain: unknown command '%s'%s\n", argv[1],
          fg_suggest(hint, sizeof hint, argv[1], names, COMMAND_COUNT));
  return FG_EXIT_USAGE;
}

int main(int argc, char **argv) {
  open_standard_streams();
  fg_crash_watch();
  fg_results_leave_hdf5_open();
  int code = run_command(argc, argv);
  fg_crash_end();
  return code;
}
