// run.c — finegrain run.
#include "command/command.h"

#include <stdlib.h>

static int run_main(const fg_command *command, int argc, char **argv) {
  const char *file = NULL, *out = NULL, *plugin_path = NULL;
  fg_texts sets = {0};
  int64_t seed = -1, threads = 0;
  bool resume = false, force = false, quiet = false;
  const fg_option options[] = {
      {"--out", FG_OPTION_TEXT, &out},       {"--set", FG_OPTION_TEXTS, &sets},
      {"--seed", FG_OPTION_NUMBER, &seed},   {"--threads", FG_OPTION_NUMBER, &threads},
      {"--resume", FG_OPTION_FLAG, &resume}, {"--force", FG_OPTION_FLAG, &force},
      {"--quiet", FG_OPTION_FLAG, &quiet},   {"--plugin-path", FG_OPTION_TEXT, &plugin_path},
  };
  int words = fg_arguments_read(command, argc, argv, options, sizeof options / sizeof *options, &file, 1, 1);
  int code = words == -2 ? FG_EXIT_DONE : FG_EXIT_USAGE;
  if (words >= 0 && resume && force)
    fprintf(stderr, "finegrain run: --resume and --force exclude each other\n");
  else if (words >= 0 && threads > 1024)
    fprintf(stderr, "finegrain run: --threads: at most 1024\n");
  else if (words >= 0) {
    fg_opened opened;
    code = FG_EXIT_CONFIG;
    if (fg_open_pipeline(&opened, file, &sets, seed, plugin_path)) {
      char *folder = NULL;
      if (asprintf(&folder, "runs/%s", opened.pipeline->name) < 0) abort();
      fg_run_options how = {.out = out ? out : folder,
                            .threads = (unsigned)threads,
                            .quiet = quiet,
                            .mode = resume  ? FG_RUNDIR_RESUME
                                    : force ? FG_RUNDIR_FORCE
                                            : FG_RUNDIR_NEW};
      code = fg_run(opened.plan, &how);
      free(folder);
    }
    fg_close_pipeline(&opened);
  }
  free(sets.items);
  return code;
}

const fg_command fg_command_run = {
    "run",
    "run a pipeline",
    "usage: finegrain run FILE [--out DIR] [--set stage.params.key=value]... [--seed N] [--threads N]\n"
    "                     [--resume] [--force] [--quiet] [--plugin-path DIRS]\n\n"
    "Runs the pipeline FILE and leaves its results in DIR (default: runs/NAME).\n\n"
    "  --out DIR        the run's folder\n"
    "  --set K=V        replace a parameter (stage.params.key=value) or a stream setting (stream.key=value)\n"
    "  --seed N         replace the seed\n"
    "  --threads N      compute on N threads at once (default: the cores); results do not depend on it\n"
    "  --resume         go on with an interrupted run of the same pipeline\n"
    "  --force          replace the run that is in DIR\n"
    "  --quiet          no progress, no tables\n"
    "  --plugin-path D  further folders of plugins, separated by colons\n\n"
    "Exit: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration, 130/143 interrupted.",
    run_main,
};
