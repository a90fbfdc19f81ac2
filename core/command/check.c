// check.c — finegrain check and finegrain graph: a plan shown instead of run.
#include "command/command.h"

#include "finegrain/estimates.h"
#include "identity.h"
#include "words.h"

#include <stdlib.h>

/// "1-bit spins on square 1, 2, 4, …, 256; 4096 configurations each; batches of up to 128"
static void describe_format(const fg_format *format, FILE *out) {
  static const char *const shapes[] = {"", "chain", "square", "triangular", "cubic", "hypercubic"};
  static const char *const elements[] = {"", "1-bit spins", "u8 states", "f32 fields"};
  if (format->kind == FG_TABLE) {
    fputs("tables", out);
    return;
  }
  if (format->kind == FG_MODEL) {
    if (format->models > 1) fprintf(out, "%" PRIu32 " ", format->models);
    fprintf(out, "model%s %s%s", format->models > 1 ? "s" : "",
            format->network[0] ? format->network : "of several kinds", format->has_weights ? "" : " without weights");
    return;
  }
  fprintf(out, "%s on %s", elements[format->element],
          format->shapes[0].shape <= FG_HYPERCUBIC ? shapes[format->shapes[0].shape] : "lattice");
  for (uint32_t s = 0; s < format->shape_count; s++) {
    char name[96];
    fg_lattice_name(&format->shapes[s], name);
    if (format->shape_count > 5 && s == 3) fputs(", …", out);
    if (format->shape_count <= 5 || s < 3 || s + 1 == format->shape_count) fprintf(out, "%s %s", s ? "," : "", name);
  }
  if (format->configurations)
    fprintf(out, "; %" PRIu64 " configurations%s", format->configurations, format->shape_count > 1 ? " each" : "");
  if (format->batch) fprintf(out, "; batches of up to %" PRIu64, format->batch);
}

static void print_instance(const fg_instance *instance) {
  char bytes[FG_WORDS];
  printf("\n%s: %s, at most %s\n", instance->spec->name, instance->stage->kind,
         fg_bytes_text(fg_instance_bound(instance), bytes));
  for (uint32_t p = 0; p < instance->input_count; p++) {
    const fg_input *input = &instance->inputs[p];
    printf("  in   %-16s ", input->port->name);
    for (uint32_t e = 0; e < input->edge_count; e++)
      printf("%s%s.%s", e ? ", " : "", input->edges[e]->from->spec->name,
             input->edges[e]->from->outputs[input->edges[e]->output].port->name);
    printf("%s", input->edge_count ? ": " : "not connected");
    if (input->edge_count) describe_format(&input->format, stdout);
    putchar('\n');
  }
  for (uint32_t p = 0; p < instance->output_count; p++) {
    const fg_output *output = &instance->outputs[p];
    printf("  out  %-16s ", output->port->name);
    describe_format(&output->format, stdout);
    if (output->record) printf("; recorded in %s", output->record->file);
    putchar('\n');
  }
}

static void print_plan(const fg_plan *plan) {
  char total[FG_WORDS], edges[FG_WORDS], hash[33];
  fg_plan_identity(plan, NULL, hash);
  printf("%s: %u stages, %u edges, seed %" PRIu64 ", pipeline hash %s\n", plan->pipeline->name, plan->count,
         plan->edge_count, plan->seed, hash);
  for (uint32_t i = 0; i < plan->count; i++) print_instance(plan->instances[i]);
  printf("\nmemory: at most %s, of which edges %s\n", fg_bytes_text(fg_plan_bound(plan), total),
         fg_bytes_text(plan->edge_count * fg_plan_edge_bound(plan), edges));
}

/// Within double quotes; stages and ports are words, but a pipeline's name may have anything a folder's may.
static void print_dot_text(const char *text) {
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    putchar(*text);
  }
}

static void print_graph(const fg_plan *plan) {
  printf("digraph \"");
  print_dot_text(plan->pipeline->name);
  printf(
      "\" {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fillcolor=\"#eef3f8\", fontname=\"Helvetica\"];\n"
      "  edge [fontname=\"Helvetica\", fontsize=10];\n");
  for (uint32_t i = 0; i < plan->count; i++)
    printf("  \"%s\" [label=\"%s\\n%s\"];\n", plan->instances[i]->spec->name, plan->instances[i]->spec->name,
           plan->instances[i]->stage->kind);
  for (uint32_t e = 0; e < plan->edge_count; e++) {
    const fg_edge *edge = plan->edges[e];
    const fg_port *from = edge->from->outputs[edge->output].port;
    printf("  \"%s\" -> \"%s\" [label=\"%s\"%s];\n", edge->from->spec->name, edge->to->spec->name, from->name,
           from->kinds == FG_MODEL   ? ", style=bold"
           : from->kinds == FG_TABLE ? ", style=dashed"
                                     : "");
  }
  printf("}\n");
}

/// What the two commands share: one FILE, --set, --seed, --plugin-path.
static int with_plan(const fg_command *command, int argc, char **argv, void (*show)(const fg_plan *plan)) {
  const char *file = NULL, *plugin_path = NULL;
  fg_texts sets = {0};
  int64_t seed = -1;
  const fg_option options[] = {{"--set", FG_OPTION_TEXTS, &sets},
                               {"--seed", FG_OPTION_NUMBER, &seed},
                               {"--plugin-path", FG_OPTION_TEXT, &plugin_path}};
  int words = fg_arguments_read(command, argc, argv, options, sizeof options / sizeof *options, &file, 1, 1);
  int code = words == -2 ? FG_EXIT_DONE : FG_EXIT_USAGE;
  if (words >= 0) {
    fg_opened opened;
    bool sound = fg_open_pipeline(&opened, file, &sets, seed, plugin_path);
    if (sound) show(opened.plan);
    fg_close_pipeline(&opened);
    code = sound ? FG_EXIT_DONE : FG_EXIT_CONFIG;
  }
  free(sets.items);
  return code;
}

static int check_main(const fg_command *command, int argc, char **argv) {
  return with_plan(command, argc, argv, print_plan);
}
static int graph_main(const fg_command *command, int argc, char **argv) {
  return with_plan(command, argc, argv, print_graph);
}

const fg_command fg_command_check = {
    "check",
    "check a pipeline without running it; show its stages, ports, formats and memory bound",
    "usage: finegrain check FILE [--set stage.params.key=value]... [--seed N] [--plugin-path DIRS]\n\n"
    "Does all that 'finegrain run' does before anything runs: every error is shown in one pass.\n"
    "Exit: 0 sound, 2 wrong usage, 78 wrong configuration.",
    check_main,
};

const fg_command fg_command_graph = {
    "graph",
    "draw a pipeline: Graphviz DOT on standard output",
    "usage: finegrain graph FILE [--set stage.params.key=value]... [--plugin-path DIRS]\n\n"
    "For a picture: finegrain graph FILE | dot -Tsvg > pipeline.svg",
    graph_main,
};
