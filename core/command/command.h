// command.h — the command line: one table of commands, one way to read their arguments.
#ifndef FG_CORE_COMMAND_H
#define FG_CORE_COMMAND_H

#include "diagnostics.h"
#include "pipeline.h"
#include "plan.h"
#include "run.h"

typedef enum fg_option_type { FG_OPTION_FLAG, FG_OPTION_TEXT, FG_OPTION_TEXTS, FG_OPTION_NUMBER } fg_option_type;

/// Texts given with a repeatable option.
typedef struct fg_texts {
  const char **items;
  size_t count;
} fg_texts;

/// An option of a command; `target` is a bool, const char *, fg_texts or int64_t. Numbers are 0 or more.
typedef struct fg_option {
  const char *name; ///< "--out"
  fg_option_type type;
  void *target;
} fg_option;

/// A command: its usage text begins with the synopsis line.
typedef struct fg_command {
  const char *name;
  const char *summary;
  const char *usage;
  int (*run)(const struct fg_command *command, int argc, char **argv);
} fg_command;

extern const fg_command fg_command_run, fg_command_check, fg_command_graph, fg_command_plugins, fg_command_schema,
    fg_command_cat, fg_command_sweep, fg_command_report, fg_command_new_plugin, fg_command_check_plugin;

/// Reads options and at most `most` other arguments into `words` (at least `least`). Returns their number, or -1 after
/// an error on standard error (exit FG_EXIT_USAGE), or -2 after --help.
int fg_arguments_read(const fg_command *command, int argc, char **argv, const fg_option *options, size_t option_count,
                      const char **words, int least, int most);

/// What run, check and graph begin with.
typedef struct fg_opened {
  fg_diagnostics *diagnostics;
  fg_registry *registry;
  fg_pipeline *pipeline;
  fg_plan *plan;
} fg_opened;

/// Reads a pipeline and makes its plan; prints what is wrong. seed < 0: the file's. False: exit FG_EXIT_CONFIG after
/// fg_close_pipeline.
bool fg_open_pipeline(fg_opened *opened, const char *file, const fg_texts *sets, int64_t seed, const char *plugin_path);
void fg_close_pipeline(fg_opened *opened);

#endif
