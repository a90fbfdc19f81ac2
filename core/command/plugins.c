// plugins.c — finegrain plugins: what there is, and everything about one kind.
#include "command/command.h"

#include "config.h"

#include <string.h>

#define LINE_WIDTH 100u
#define NAME_WIDTH 16 // of the column of names in the description of a kind

/// Columns a word of UTF-8 takes: continuation bytes take none.
static size_t columns(const char *word, size_t bytes) {
  size_t count = 0;
  for (size_t i = 0; i < bytes; i++) count += ((unsigned char)word[i] & 0xC0) != 0x80;
  return count;
}

/// One line of a text, broken at blanks, with `indent` blanks before it.
static void print_broken(const char *line, size_t bytes, size_t indent) {
  size_t at = 0;
  bool first = true;
  for (const char *end = line + bytes; line < end; first = false) {
    size_t word = strcspn(line, " \n");
    size_t width = columns(line, word);
    bool fits = at + 1 + width <= LINE_WIDTH;
    if (!first && !fits) putchar('\n');
    printf("%*s", first || !fits ? (int)indent : 1, "");
    at = (first || !fits ? indent : at + 1) + width;
    fwrite(line, 1, word, stdout);
    line += word + (line + word < end);
  }
  putchar('\n');
}

/// A text with each of its lines broken; Markdown that lives from its columns (tables, code) is left as it is.
static void print_text(const char *text, size_t indent) {
  while (*text) {
    size_t bytes = strcspn(text, "\n");
    if (*text == '|' || strncmp(text, "    ", 4) == 0)
      printf("%*s%.*s\n", (int)indent, "", (int)bytes, text);
    else
      print_broken(text, bytes, indent);
    text += bytes + (text[bytes] == '\n');
  }
}

/// "  name             what it is" and below it a sentence.
static void print_entry(const char *name, const char *what, const char *doc) {
  printf("  %-*s %s\n", NAME_WIDTH, name, what);
  if (doc) print_text(doc, 3 + NAME_WIDTH);
}

static const char *unit_word(const char *unit) {
  return strcmp(unit, "B") == 0 ? "bytes" : strcmp(unit, "s") == 0 ? "seconds" : unit;
}

static void print_param(const fg_param *param) {
  char type[512], what[1024];
  bool unit = param->unit && param->unit[0] && strcmp(param->unit, "1") != 0;
  fg_param_describe(param, type, sizeof type);
  snprintf(what, sizeof what, "%s%s%s; %s%s", type, unit ? "; unit " : "", unit ? unit_word(param->unit) : "",
           param->def ? "default " : "required",
           !param->def     ? ""
           : param->def[0] ? param->def
                           : "\"\"");
  print_entry(param->name, what, param->doc);
}

static void print_ports(const char *title, const fg_port *const *ports) {
  if (ports[0]) printf("\n%s\n", title);
  char what[256];
  for (size_t p = 0; ports[p]; p++)
    print_entry(ports[p]->name, fg_port_describe(ports[p], what, sizeof what), ports[p]->doc);
}

static void print_kind(const fg_kind_entry *entry) {
  const fg_stage *stage = &entry->stage;
  const fg_plugin *plugin = &entry->file->plugin;
  printf("%s — %s\n", stage->kind, stage->summary);
  if (stage->doc) {
    putchar('\n');
    print_text(stage->doc, 0);
  }
  if (stage->params[0]) printf("\nparameters\n");
  for (size_t i = 0; stage->params[i]; i++) print_param(stage->params[i]);
  print_ports("inputs", stage->inputs);
  print_ports("outputs", stage->outputs);
  printf("\nplugin\n");
  print_entry("version", plugin->version, NULL);
  print_entry("license", plugin->license ? plugin->license : "unknown", NULL);
  print_entry("file", entry->file->path, NULL);
}

static void print_list(const fg_registry *registry) {
  int width = 0;
  for (size_t i = 0; i < fg_registry_count(registry); i++) {
    int length = (int)strlen(fg_registry_at(registry, i)->stage.kind);
    if (length > width) width = length;
  }
  for (size_t i = 0; i < fg_registry_count(registry); i++) {
    const fg_stage *stage = &fg_registry_at(registry, i)->stage;
    printf("%-*s  %s\n", width, stage->kind, stage->summary);
  }
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
  if (!kind) {
    print_list(registry);
  } else if (entry) {
    print_kind(entry);
  } else {
    char hint[1024];
    fprintf(stderr, "finegrain plugins: unknown plugin '%s'%s\n", kind,
            fg_suggest(hint, sizeof hint, kind, fg_registry_kinds(registry), fg_registry_count(registry)));
    code = FG_EXIT_USAGE;
  }
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
    "Without KIND: every kind of stage, a line each. With one: what it computes, its parameters (type, range, unit,\n"
    "default), its ports, and the version, license and file of its plugin.\n\n"
    "Plugins are the shared objects (*.so) in the built-in folder, in the folders of FINEGRAIN_PLUGIN_PATH and in those\n"
    "of --plugin-path, both separated by colons. A file that does not load is noted with the cause; the exit code is 78\n"
    "when two files offer one kind, 2 when there is no KIND.",
    plugins_main,
};
