// report.c — finegrain report.
#include "command/command.h"

#include "report/report.h"

#include <limits.h>
#include <string.h>

static int report_main(const fg_command *command, int argc, char **argv) {
  const char *folder = NULL;
  int words = fg_arguments_read(command, argc, argv, NULL, 0, &folder, 1, 1);
  if (words < 0) return words == -2 ? FG_EXIT_DONE : FG_EXIT_USAGE;
  fg_error warning = {0}, error = {0};
  size_t length = strlen(folder);
  char path[PATH_MAX];
  while (length > 1 && folder[length - 1] == '/') length--;
  snprintf(path, sizeof path, "%.*s", length < sizeof path ? (int)length : 0, folder);
  if (fg_report(path, &warning, &error) != FG_OK) {
    fprintf(stderr, "finegrain report: error: %s\n", error.text);
    return FG_EXIT_FAILED;
  }
  if (warning.text[0]) fprintf(stderr, "finegrain report: warning: %s\n", warning.text);
  printf("%s/report.html\n", path);
  return FG_EXIT_DONE;
}

const fg_command fg_command_report = {
    "report",
    "make the report of a run or a sweep again: one HTML page, and its plots",
    "usage: finegrain report DIR\n\n"
    "Makes DIR/report.html from what the run or the sweep in DIR has left, finished or not, and prints its path. The\n"
    "page needs no other file and no network. DIR/report/ has every plot's numbers (NAME.dat) and gnuplot script\n"
    "(NAME.gp), for papers. Without gnuplot the page has notes in place of plots.\n"
    "Exit: 0 done, 1 no run or sweep there, or the page cannot be written, 2 wrong usage.",
    report_main,
};
