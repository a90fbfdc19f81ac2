// check_plugin.c — finegrain check-plugin: whether a plugin keeps the promises of the headers.
#include "command/command.h"

#include "conform/conform.h"
#include "message.h"
#include "model_file.h"

#include <stdlib.h>

#define STANDARD_SECONDS 20

static int check_plugin_main(const fg_command *command, int argc, char **argv) {
  const char *file = NULL, *repeat = NULL, *model_path = NULL;
  fg_model *model = NULL;
  fg_error error;
  fg_texts sets = {0};
  int64_t seconds = STANDARD_SECONDS;
  const fg_option options[] = {
      {"--set", FG_OPTION_TEXTS, &sets},
      {"--repeat", FG_OPTION_TEXT, &repeat},
      {"--seconds", FG_OPTION_NUMBER, &seconds},
      {"--model", FG_OPTION_TEXT, &model_path},
  };
  int words = fg_arguments_read(command, argc, argv, options, sizeof options / sizeof *options, &file, 1, 1);
  int code = words == -2 ? FG_EXIT_DONE : FG_EXIT_USAGE;
  if (words > 0 && model_path && fg_model_file_read(model_path, &model, &error) != FG_OK) {
    fprintf(stderr, "finegrain check-plugin: %s\n", error.text);
  } else if (words > 0) {
    const fg_conform_options how = {sets.items, sets.count, seconds > 0 ? (double)seconds : 1, repeat, model};
    code = fg_conform(file, &how, stdout);
  }
  fg_model_unref(model);
  free(sets.items);
  return code;
}

const fg_command fg_command_check_plugin = {
    "check-plugin",
    "check whether a plugin keeps the promises of the headers",
    "usage: finegrain check-plugin FILE.so [--set key=value]... [--model FILE] [--seconds N] [--repeat CASE]\n\n"
    "Loads the plugin and tries its stages: exports and ABI, descriptor, parameters at their limits, formats, batches and\n"
    "lattices of all kinds, threads, two instances at a time, failures, checkpoints, leaks; of a network also whether\n"
    "probabilities sum to one, draws follow them, and gradient and table agree. Each case runs in a process of its own;\n"
    "a crash or a hang is a verdict. A line a check: ok, FAILED or skipped, the check, and what was found.\n\n"
    "  --set key=value  a parameter, for every stage that has it; others are at their default, required ones get a\n"
    "                   plausible value\n"
    "  --model FILE     what stages that take a model get, as 'record: {model: FILE}' writes it; otherwise one of\n"
    "                   network.symmetric\n"
    "  --seconds N      processor time that a case may take (default 20)\n"
    "  --repeat CASE    run one case, such as coarsen.mine/threads, in this process: for a debugger\n\n"
    "Exit: 0 nothing failed, 1 something did, 2 wrong usage.",
    check_plugin_main,
};
