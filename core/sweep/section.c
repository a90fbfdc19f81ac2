// section.c — see section.h.
#include "sweep/section.h"

#include "scalar.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static void refuse_unknown(const fg_node *map, const char *what, const char *const *valid, size_t count,
                           fg_diagnostics *diagnostics) {
  for (size_t i = 0; i < map->count; i++) {
    bool known = false;
    char hint[512];
    for (size_t v = 0; v < count; v++) known |= strcmp(map->keys[i]->text, valid[v]) == 0;
    if (!known)
      fg_error_at(diagnostics, map->keys[i]->place, NULL, "unknown key of %s '%s'%s", what, map->keys[i]->text,
                  fg_suggest(hint, sizeof hint, map->keys[i]->text, valid, count));
  }
}

bool fg_sweep_is_map(const fg_node *node, const char *what, const char *form, fg_diagnostics *diagnostics) {
  if (node->kind == FG_NODE_MAP && node->count) return true;
  fg_error_at(diagnostics, node->place, NULL, "%s: got %s; write %s", what,
              node->kind == FG_NODE_MAP ? "an empty map" : fg_node_describe(node), form);
  return false;
}

/// An entry that is there and is a list with entries; NULL otherwise, with an error when it is something else.
static const fg_node *list_at(const fg_node *map, const char *key, const char *form, fg_diagnostics *diagnostics) {
  const fg_node *node = fg_node_get(map, key);
  if (!node || fg_node_is_null(node)) return NULL;
  if (node->kind == FG_NODE_LIST && node->count) return node;
  fg_error_at(diagnostics, node->place, NULL, "%s: got %s; write %s: %s", key,
              node->kind == FG_NODE_LIST ? "an empty list" : fg_node_describe(node), key, form);
  return NULL;
}

/// A whole number of at least `least`; `standard` when it is not given.
static uint32_t number_at(const fg_node *map, const char *key, uint32_t least, uint32_t standard,
                          fg_diagnostics *diagnostics) {
  const fg_node *node = fg_node_get(map, key);
  int64_t number = 0;
  if (!node || fg_node_is_null(node)) return standard;
  bool sound = node->kind == FG_NODE_SCALAR && node->plain &&
               fg_scalar_integer(node->text, NULL, &number) == FG_SCALAR_OK && number >= least && number <= 100000;
  if (sound) return (uint32_t)number;
  fg_error_at(diagnostics, node->place, NULL, "%s: got %s; write a whole number, %u to 100000", key,
              node->kind == FG_NODE_SCALAR && node->plain ? node->text : fg_node_describe(node), least);
  return standard;
}

/// Which of two words; the first when nothing is given.
static bool second_word(const fg_node *map, const char *key, const char *first, const char *second,
                        fg_diagnostics *diagnostics) {
  const fg_node *node = fg_node_get(map, key);
  if (!node || fg_node_is_null(node)) return false;
  const char *const words[] = {first, second};
  const char *text = node->kind == FG_NODE_SCALAR ? node->text : fg_node_describe(node);
  char hint[256];
  if (strcmp(text, first) != 0 && strcmp(text, second) != 0)
    fg_error_at(diagnostics, node->place, NULL, "%s: unknown choice '%s'%s", key, text,
                fg_suggest(hint, sizeof hint, text, words, 2));
  return strcmp(text, second) == 0;
}

static const char *text_at(const fg_node *map, const char *key, fg_diagnostics *diagnostics) {
  const fg_node *node = fg_node_get(map, key);
  if (!node || fg_node_is_null(node)) return NULL;
  if (node->kind == FG_NODE_SCALAR) return node->text;
  fg_error_at(diagnostics, node->place, NULL, "%s: got %s; expected a single value", key, fg_node_describe(node));
  return NULL;
}

/// What a pipeline file may tell sbatch: where, when and how long a worker runs, and to whom that is charged. Others name
/// programs, files or the environment (--wrap, --output, --export), which a pipeline cannot (docs/security.md).
// clang-format off
static const char *const sbatch_options[] = {
    "account", "begin", "cluster-constraint", "clusters", "comment", "constraint", "contiguous", "core-spec",
    "cores-per-socket", "cpu-freq", "cpus-per-gpu", "cpus-per-task", "deadline", "delay-boot", "dependency",
    "distribution", "exclude", "exclusive", "gpu-bind", "gpu-freq", "gpus", "gpus-per-node", "gpus-per-socket",
    "gpus-per-task", "gres", "hint", "hold", "job-name", "licenses", "mail-type", "mail-user", "mem",
    "mem-bind", "mem-per-cpu", "mem-per-gpu", "network", "nice", "no-kill", "no-requeue", "nodelist", "nodes", "ntasks",
    "ntasks-per-core", "ntasks-per-node", "ntasks-per-socket", "oversubscribe", "partition", "prefer",
    "priority", "qos", "requeue", "reservation", "signal", "sockets-per-node", "spread-job", "switches", "thread-spec",
    "threads-per-core", "time-min", "tmp", "use-min-nodes", "wckey",
};
// clang-format on

/// Why a node is no such option; NULL when it is.
static const char *sbatch_fault(const fg_node *option) {
  if (option->kind != FG_NODE_SCALAR || strncmp(option->text, "--", 2) != 0)
    return "is no option of sbatch; write --NAME=VALUE";
  size_t length = strcspn(option->text + 2, "=");
  for (size_t i = 0; i < COUNT_OF(sbatch_options); i++)
    if (strlen(sbatch_options[i]) == length && strncmp(sbatch_options[i], option->text + 2, length) == 0) return NULL;
  return "is not among the options a pipeline may give, such as --partition, --account, --qos, --mem or --constraint; set "
         "it in the environment (SBATCH_…), which sbatch reads";
}

static void read_exec(const fg_node *node, fg_exec *exec, fg_diagnostics *diagnostics) {
  static const char *const keys[] = {"engine", "jobs", "workers", "threads", "time", "sbatch"};
  if (!fg_sweep_is_map(node, "exec", "exec: {engine: local, jobs: 2}", diagnostics)) return;
  refuse_unknown(node, "exec", keys, COUNT_OF(keys), diagnostics);
  bool slurm = second_word(node, "engine", "local", "slurm", diagnostics);
  exec->engine = slurm ? FG_ENGINE_SLURM : FG_ENGINE_LOCAL;
  const char *jobs = slurm ? "workers" : "jobs", *other = slurm ? "jobs" : "workers";
  if (fg_node_get(node, other))
    fg_error_at(diagnostics, fg_node_key(node, other)->place, NULL, "exec: engine %s takes %s, not %s",
                slurm ? "slurm" : "local", jobs, other);
  exec->jobs = number_at(node, jobs, 1, 0, diagnostics);
  exec->threads = number_at(node, "threads", 1, 0, diagnostics);
  exec->time = text_at(node, "time", diagnostics);
  const fg_node *sbatch = list_at(node, "sbatch", "[--partition=NAME, …]", diagnostics);
  for (size_t i = 0; sbatch && i < sbatch->count; i++) {
    const fg_node *option = sbatch->items[i];
    const char *fault = sbatch_fault(option);
    if (fault)
      fg_error_at(diagnostics, option->place, NULL, "sbatch: '%s' %s",
                  option->kind == FG_NODE_SCALAR ? option->text : fg_node_describe(option), fault);
  }
  exec->sbatch_count = sbatch ? sbatch->count : 0;
  exec->sbatch = calloc(exec->sbatch_count + 1, sizeof *exec->sbatch);
  if (!exec->sbatch) abort();
  for (size_t i = 0; i < exec->sbatch_count; i++)
    exec->sbatch[i] = sbatch->items[i]->text ? sbatch->items[i]->text : "";
}

bool fg_sweep_section_read(const fg_pipeline_file *file, fg_sweep_section *section, fg_exec *exec,
                           fg_diagnostics *diagnostics) {
  static const char *const keys[] = {"axes", "zip", "exclude", "include", "replicas", "share", "baseline", "on_error"};
  static const char form[] = "sweep: {axes: {STAGE.params.KEY: [VALUE, …]}, replicas: N}";
  *section = (fg_sweep_section){.replicas = 1};
  const fg_node *exec_node = fg_node_get(file->root, "exec"), *node = fg_node_get(file->root, "sweep");
  if (exec_node && !fg_node_is_null(exec_node)) read_exec(exec_node, exec, diagnostics);
  if (!node || fg_node_is_null(node)) {
    fg_error_at(diagnostics, (fg_place){file->path, 0, 0}, NULL, "there is no sweep in this file; add %s", form);
    return false;
  }
  if (!fg_sweep_is_map(node, "sweep", form, diagnostics)) return false;
  refuse_unknown(node, "sweep", keys, COUNT_OF(keys), diagnostics);
  section->node = node;
  const fg_node *axes = fg_node_get(node, "axes");
  if (axes && !fg_node_is_null(axes) &&
      fg_sweep_is_map(axes, "axes", "axes: {STAGE.params.KEY: [VALUE, …]}", diagnostics))
    section->axes = axes;
  section->zip = list_at(node, "zip", "[{STAGE.params.KEY: [...], STAGE.params.KEY: [...]}]", diagnostics);
  section->exclude = list_at(node, "exclude", "[{STAGE.params.KEY: VALUE}]", diagnostics);
  section->include = list_at(node, "include", "[{STAGE.params.KEY: VALUE}]", diagnostics);
  section->share = list_at(node, "share", "[STAGE, …]", diagnostics);
  fg_node *baseline = fg_node_get(node, "baseline");
  section->baseline = baseline && !fg_node_is_null(baseline) ? baseline : NULL;
  section->replicas = number_at(node, "replicas", 1, 1, diagnostics);
  section->stop_on_error = second_word(node, "on_error", "continue", "stop", diagnostics);
  return true;
}

// ---- values

/// The three numbers of a range or linspace; whole: all of them are whole.
static bool read_three(const fg_node *node, const char *path, const char *form, double number[3], bool *whole,
                       fg_diagnostics *diagnostics) {
  bool sound = node->kind == FG_NODE_LIST && node->count == 3;
  *whole = sound;
  for (size_t i = 0; sound && i < 3; i++) {
    const fg_node *item = node->items[i];
    int64_t integer;
    sound = item->kind == FG_NODE_SCALAR && item->plain && fg_scalar_real(item->text, NULL, &number[i]) == FG_SCALAR_OK;
    *whole &= sound && fg_scalar_integer(item->text, NULL, &integer) == FG_SCALAR_OK && fabs(number[i]) < 0x1p53;
  }
  if (!sound) fg_error_at(diagnostics, node->place, NULL, "%s: write %s, three numbers", path, form);
  return sound;
}

/// `count` values from n[0] on, as decimals: as short as they can be without changing more than the last digits, which
/// are off anyway after multiplying and adding. So 0.3 is 0.3 in any range, and a longer range has the same points.
static fg_node **spread(fg_document *document, fg_place place, const double n[3], double step, size_t count,
                        bool whole) {
  const double off = 8 * DBL_EPSILON * fmax(fabs(n[0]), fabs(n[1]));
  fg_node **values = calloc(count + 1, sizeof(fg_node *));
  if (!values) abort();
  for (size_t i = 0; i < count; i++) {
    char text[48];
    double value = n[0] + step * (double)i;
    if (fabs(value) <= off) value = 0;
    if (whole) snprintf(text, sizeof text, "%.0f", value);
    for (int digits = 12; !whole && digits <= 17; digits++) {
      snprintf(text, sizeof text, "%.*g", digits, value);
      if (fabs(strtod(text, NULL) - value) <= off) break;
    }
    values[i] = fg_node_new_scalar(document, place, text);
  }
  return values;
}

static fg_node **spread_of(fg_document *document, const char *path, const fg_node *map, size_t *length,
                           fg_diagnostics *diagnostics) {
  static const char *const kinds[] = {"range", "linspace"};
  const char *kind = map->count == 1 ? map->keys[0]->text : "", *fault = NULL;
  bool range = strcmp(kind, "range") == 0, whole;
  double n[3];
  char hint[256];
  if (!range && strcmp(kind, "linspace") != 0) {
    if (map->count == 1)
      fg_error_at(diagnostics, map->keys[0]->place, NULL, "%s: unknown key '%s'%s", path, kind,
                  fg_suggest(hint, sizeof hint, kind, kinds, 2));
    else
      fg_error_at(diagnostics, map->place, NULL, "%s: got a map; write {range: [FROM, TO, STEP]} or {linspace: [...]}",
                  path);
    return NULL;
  }
  const fg_node *numbers = map->items[0];
  const char *form = range ? "range: [FROM, TO, STEP]" : "linspace: [FROM, TO, COUNT]";
  if (!read_three(numbers, path, form, n, &whole, diagnostics)) return NULL;
  double count = range ? floor((n[1] - n[0]) / n[2] * (1 + 1e-12)) + 1 : n[2];
  if (!isfinite(count) || count < 1)
    fault = range ? "has no values, for no such step leads from the first to the second" : "has no values";
  else if (count > FG_SWEEP_MOST_POINTS)
    fault = "has too many values";
  else if (count > floor(count))
    fault = "has no whole number of values";
  if (fault) {
    fg_error_at(diagnostics, numbers->place, NULL, "%s: this %s %s; write %s with 1 to %u values", path, kind, fault,
                form, FG_SWEEP_MOST_POINTS);
    return NULL;
  }
  *length = (size_t)count;
  double step = range ? n[2] : count > 1 ? (n[1] - n[0]) / (count - 1) : 0;
  return spread(document, numbers->place, n, step, *length, range && whole);
}

fg_node **fg_sweep_values(fg_document *document, const char *path, fg_node *values, size_t *length,
                          fg_diagnostics *diagnostics) {
  fg_node **list = NULL;
  *length = 0;
  if (values->kind == FG_NODE_MAP && values->count) {
    list = spread_of(document, path, values, length, diagnostics);
  } else if (values->kind == FG_NODE_LIST && values->count) {
    *length = values->count;
    list = calloc(*length, sizeof(fg_node *));
    if (!list) abort();
    memcpy(list, values->items, *length * sizeof(fg_node *));
  } else {
    fg_error_at(diagnostics, values->place, NULL,
                "%s: got %s; write [VALUE, …], {range: [FROM, TO, STEP]} or {linspace: [FROM, TO, COUNT]}", path,
                values->kind == FG_NODE_LIST ? "an empty list" : fg_node_describe(values));
  }
  if (list) return list;
  *length = 0;
  list = calloc(1, sizeof(fg_node *));
  if (!list) abort();
  return list;
}
