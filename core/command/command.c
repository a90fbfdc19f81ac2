// command.c — see command.h.
#include "command/command.h"

#include "scalar.h"

#include <stdlib.h>
#include <string.h>

static int usage_error(const fg_command *command) {
  fprintf(stderr, "Try 'finegrain %s --help'.\n", command->name);
  return -1;
}

static const fg_option *find_option(const fg_option *options, size_t count, const char *word, size_t length) {
  for (size_t i = 0; i < count; i++)
    if (strlen(options[i].name) == length && strncmp(options[i].name, word, length) == 0) return &options[i];
  return NULL;
}

static int unknown_option(const fg_command *command, const char *word, const fg_option *options, size_t count) {
  const char *names[32] = {"--help"};
  size_t known = 1;
  for (size_t i = 0; i < count && known < 32; i++) names[known++] = options[i].name;
  char hint[512];
  fprintf(stderr, "finegrain %s: unknown option '%s'%s\n", command->name, word,
          fg_suggest(hint, sizeof hint, word, names, known));
  return usage_error(command);
}

/// Stores one option's value; false after an error was printed.
static bool store(const fg_command *command, const fg_option *option, const char *value) {
  if (option->type == FG_OPTION_TEXT) *(const char **)option->target = value;
  if (option->type == FG_OPTION_TEXTS) {
    fg_texts *texts = option->target;
    texts->items = realloc(texts->items, (texts->count + 1) * sizeof *texts->items);
    if (!texts->items) abort();
    texts->items[texts->count++] = value;
  }
  int64_t number = 0;
  if (option->type == FG_OPTION_NUMBER) {
    fg_scalar_result result = fg_scalar_integer(value, NULL, &number);
    if (result != FG_SCALAR_OK || number < 0) {
      fprintf(stderr, "finegrain %s: %s: '%s' %s\n", command->name, option->name, value,
              result ? fg_scalar_reason(result) : "is negative");
      return false;
    }
    *(int64_t *)option->target = number;
  }
  return true;
}

int fg_arguments_read(const fg_command *command, int argc, char **argv, const fg_option *options, size_t option_count,
                      const char **words, int least, int most) {
  int found = 0;
  bool only_words = false;
  for (int i = 1; i < argc; i++) {
    const char *word = argv[i];
    if (!only_words && strcmp(word, "--") == 0) {
      only_words = true;
    } else if (!only_words && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
      puts(command->usage);
      return -2;
    } else if (!only_words && word[0] == '-' && word[1]) {
      const char *equals = strchr(word, '=');
      const fg_option *option =
          find_option(options, option_count, word, equals ? (size_t)(equals - word) : strlen(word));
      if (!option) return unknown_option(command, word, options, option_count);
      if (option->type == FG_OPTION_FLAG && !equals) {
        *(bool *)option->target = true;
        continue;
      }
      const char *value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
      if (option->type == FG_OPTION_FLAG || !value) {
        fprintf(stderr, "finegrain %s: %s %s\n", command->name, option->name,
                value ? "takes no value" : "needs a value");
        return usage_error(command);
      }
      if (!store(command, option, value)) return usage_error(command);
    } else if (found == most) {
      fprintf(stderr, "finegrain %s: one argument too many: '%s'\n", command->name, word);
      return usage_error(command);
    } else {
      words[found++] = word;
    }
  }
  if (found < least) {
    fprintf(stderr, "finegrain %s: an argument is missing\n", command->name);
    return usage_error(command);
  }
  return found;
}

bool fg_open_pipeline(fg_opened *opened, const char *file, const fg_texts *sets, int64_t seed,
                      const char *plugin_path) {
  *opened = (fg_opened){.diagnostics = fg_diagnostics_new()};
  opened->registry = fg_registry_load(plugin_path, opened->diagnostics);
  opened->pipeline = fg_pipeline_read(file, sets->items, sets->count, opened->diagnostics);
  if (opened->pipeline)
    opened->plan = fg_plan_new(opened->pipeline, opened->registry, seed < 0 ? opened->pipeline->seed : (uint64_t)seed,
                               opened->diagnostics);
  fg_diagnostics_print(opened->diagnostics, stderr);
  return fg_diagnostics_errors(opened->diagnostics) == 0 && opened->plan;
}

void fg_close_pipeline(fg_opened *opened) {
  fg_plan_free(opened->plan);
  fg_pipeline_free(opened->pipeline);
  fg_registry_free(opened->registry);
  fg_diagnostics_free(opened->diagnostics);
}
