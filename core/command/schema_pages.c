// schema_pages.c — see schema_pages.h. A group is what stands before the dot of a kind; kinds are sorted,
// so a group's stages follow one another.
#include "command/schema_pages.h"

#include "config.h"
#include "folder.h"
#include "sweep/sweep_plan.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char made_from[] = "Made from the plugins' descriptors by `finegrain schema --markdown`; do not edit.\n\n";

static const fg_stage *stage_at(const fg_registry *registry, size_t index) {
  return &fg_registry_at(registry, index)->stage;
}

static size_t group_length(const fg_stage *stage) { return strcspn(stage->kind, "."); }

/// The first stage after `from` of another group.
static size_t group_end(const fg_registry *registry, size_t from) {
  const fg_stage *first = stage_at(registry, from);
  size_t end = from + 1, length = group_length(first) + 1; // with the dot
  while (end < fg_registry_count(registry) && strncmp(stage_at(registry, end)->kind, first->kind, length) == 0) end++;
  return end;
}

/// A cell of a Markdown table, which a bar would end.
static void print_cell(const char *text, FILE *out) {
  for (const char *c = text ? text : ""; *c; c++) {
    if (*c == '|') fputc('\\', out);
    fputc(*c, out);
  }
  fputs(" |", out);
}

static void print_param(const fg_param *param, FILE *out) {
  char type[512], text[1024];
  bool unit = param->unit && param->unit[0] && strcmp(param->unit, "1") != 0;
  fprintf(out, "| `%s` | ", param->name);
  snprintf(text, sizeof text, "%s%s%s", fg_param_describe(param, type, sizeof type), unit ? "; unit " : "",
           unit ? param->unit : "");
  print_cell(text, out);
  snprintf(text, sizeof text, " `%s`", !param->def ? "" : param->def[0] ? param->def : "\"\"");
  print_cell(param->def ? text : " required", out);
  fputc(' ', out);
  print_cell(param->doc, out);
  fputc('\n', out);
}

static void print_ports(const char *title, const fg_port *const *ports, FILE *out) {
  if (ports[0]) fprintf(out, "| %s | takes or gives | |\n|---|---|---|\n", title);
  for (size_t p = 0; ports[p]; p++) {
    char what[256];
    fprintf(out, "| `%s` | %s | ", ports[p]->name, fg_port_describe(ports[p], what, sizeof what));
    print_cell(ports[p]->doc, out);
    fputc('\n', out);
  }
  if (ports[0]) fputc('\n', out);
}

static void print_stage(const fg_stage *stage, FILE *out) {
  fprintf(out, "## %s\n\n%s\n\n%s\n\n", stage->kind, stage->summary, stage->doc ? stage->doc : "");
  if (stage->params[0]) fprintf(out, "| parameter | type and range | default | |\n|---|---|---|---|\n");
  for (size_t p = 0; stage->params[p]; p++) print_param(stage->params[p], out);
  if (stage->params[0]) fputc('\n', out);
  print_ports("input", stage->inputs, out);
  print_ports("output", stage->outputs, out);
}

static void print_group(const fg_registry *registry, size_t from, size_t end, FILE *out) {
  const fg_stage *first = stage_at(registry, from);
  fprintf(out, "# Stages: %.*s\n\n%s", (int)group_length(first), first->kind, made_from);
  for (size_t i = from; i < end; i++) print_stage(stage_at(registry, i), out);
}

/// Kinds with their summaries, each a link to its heading: there the dot is left out.
static void print_list(const fg_registry *registry, FILE *out) {
  fprintf(out, "# Stages\n\n%s| stage | |\n|---|---|\n", made_from);
  for (size_t i = 0; i < fg_registry_count(registry); i++) {
    const fg_stage *stage = stage_at(registry, i);
    int group = (int)group_length(stage);
    fprintf(out, "| [%s](%.*s.md#%.*s%s) | ", stage->kind, group, stage->kind, group, stage->kind,
            stage->kind + group + 1);
    print_cell(stage->summary, out);
    fputc('\n', out);
  }
}

void fg_schema_print_pages(const fg_registry *registry, FILE *out) {
  print_list(registry, out);
  for (size_t from = 0, end; from < fg_registry_count(registry); from = end) {
    end = group_end(registry, from);
    fputc('\n', out);
    print_group(registry, from, end, out);
  }
}

/// One page; from == end: the list.
static fg_status write_page(const fg_registry *registry, size_t from, size_t end, const char *folder, fg_error *error) {
  char path[PATH_MAX], *text = NULL;
  size_t length = 0;
  const char *name = from < end ? stage_at(registry, from)->kind : "README.";
  int written = snprintf(path, sizeof path, "%s/%.*s.md", folder, (int)strcspn(name, "."), name);
  if (written < 0 || written >= (int)sizeof path) return fg_error_set(error, "%.80s…: the path is too long", folder);
  FILE *page = open_memstream(&text, &length);
  if (!page) return fg_error_set(error, "out of memory");
  if (from < end)
    print_group(registry, from, end, page);
  else
    print_list(registry, page);
  bool whole = fclose(page) == 0;
  // A blank line ends the last table; the file needs none.
  while (length > 1 && text[length - 2] == '\n') length--;
  fg_status status = whole ? fg_write_whole(path, text, length, error) : fg_error_set(error, "out of memory");
  free(text);
  return status;
}

fg_status fg_schema_write_pages(const fg_registry *registry, const char *folder, fg_error *error) {
  fg_status status = fg_folder_make(folder, NULL, error);
  for (size_t from = 0, end; from < fg_registry_count(registry) && status == FG_OK; from = end) {
    end = group_end(registry, from);
    status = write_page(registry, from, end, folder, error);
  }
  return status == FG_OK ? write_page(registry, 0, 0, folder, error) : status;
}
