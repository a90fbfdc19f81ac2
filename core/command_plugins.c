// command_plugins.c — finegrain plugins: what there is, and everything about one kind.
#include "command.h"

#include "config.h"

#include <string.h>

static const char *accepted_words(const fg_port *port, char *text, size_t size) {
  size_t at = (size_t)snprintf(text, size, "%s",
                               port->kinds == FG_BATCH   ? "configurations"
                               : port->kinds == FG_MODEL ? "model"
                               : port->kinds == FG_TABLE ? "table"
                                                         : "any");
  static const struct {
    uint32_t flag;
    const char *word;
  } flags[] = {{FG_PORT_FIRST, "read first"},
               {FG_PORT_PAIRED, "paired"},
               {FG_PORT_REPLAY, "replayed"},
               {FG_PORT_MANY, "takes a list"},
               {FG_PORT_OPTIONAL, "optional"}};
  for (size_t i = 0; i < sizeof flags / sizeof *flags && at < size; i++)
    if (port->flags & flags[i].flag) at += (size_t)snprintf(text + at, size - at, ", %s", flags[i].word);
  return text;
}

static void print_ports(const char *title, const fg_port *const *ports) {
  if (!ports[0]) return;
  printf("\n%s\n", title);
  char text[256];
  for (size_t p = 0; ports[p]; p++)
    printf("  %-16s %s\n  %-16s %s\n", ports[p]->name, accepted_words(ports[p], text, sizeof text), "",
           ports[p]->doc ? ports[p]->doc : "");
}

static void print_kind(const fg_kind_entry *entry) {
  const fg_stage *stage = &entry->stage;
  printf("%s — %s\n", stage->kind, stage->summary);
  if (stage->doc) printf("\n%s\n", stage->doc);
  if (stage->params[0]) printf("\nparameters\n");
  for (size_t i = 0; stage->params[i]; i++) {
    const fg_param *param = stage->params[i];
    char text[256];
    printf("  %-16s %s", param->name, fg_param_describe(param, text, sizeof text));
    if (param->unit && param->unit[0] && strcmp(param->unit, "1") != 0)
      printf("; unit %s", strcmp(param->unit, "B") == 0   ? "bytes"
                          : strcmp(param->unit, "s") == 0 ? "seconds"
                                                          : param->unit);
    if (param->def)
      printf("; default %s\n", param->def[0] ? param->def : "\"\"");
    else
      printf("; required\n");
    printf("  %-16s %s\n", "", param->doc ? param->doc : "");
  }
  print_ports("inputs", stage->inputs);
  print_ports("outputs", stage->outputs);
  printf("\nversion %s, license %s\n%s\n", entry->file->plugin.version,
         entry->file->plugin.license ? entry->file->plugin.license : "unknown", entry->file->path);
}

static int plugins_main(const fg_command *command, int argc, char **argv) {
  const char *kind = NULL, *plugin_path = NULL;
  const fg_option options[] = {{"--plugin-path", FG_OPTION_TEXT, &plugin_path}};
  int words = fg_arguments_read(command, argc, argv, options, 1, &kind, 0, 1);
  if (words < 0) return words == -2 ? FG_EXIT_DONE : FG_EXIT_USAGE;
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  fg_registry *registry = fg_registry_load(plugin_path, diagnostics);
  int code = FG_EXIT_DONE;
  const fg_kind_entry *entry = kind ? fg_registry_find(registry, kind) : NULL;
  fg_registry_note_failures(registry, diagnostics);
  if (kind && !entry) {
    char hint[1024];
    fprintf(stderr, "finegrain plugins: unknown plugin '%s'%s\n", kind,
            fg_suggest(hint, sizeof hint, kind, fg_registry_kinds(registry), fg_registry_count(registry)));
    code = FG_EXIT_USAGE;
  }
  if (entry) print_kind(entry);
  for (size_t i = 0; !kind && i < fg_registry_count(registry); i++)
    printf("%-20s %s\n", fg_registry_at(registry, i)->stage.kind, fg_registry_at(registry, i)->stage.summary);
  fg_diagnostics_print(diagnostics, stderr);
  if (fg_diagnostics_errors(diagnostics)) code = FG_EXIT_CONFIG;
  fg_registry_free(registry);
  fg_diagnostics_free(diagnostics);
  return code;
}

const fg_command fg_command_plugins = {
    "plugins",
    "list the stages there are; with a KIND, its parameters and ports",
    "usage: finegrain plugins [KIND] [--plugin-path DIRS]\n\n"
    "Plugins are found in the built-in folder, in the folders of FINEGRAIN_PLUGIN_PATH and of --plugin-path.",
    plugins_main,
};
