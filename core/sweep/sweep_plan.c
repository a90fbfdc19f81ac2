// sweep_plan.c — see sweep_plan.h.
#include "sweep/sweep_plan.h"

#include "folder.h"
#include "sweep/point.h"
#include "sweep/value.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory) abort();
  return memory;
}

static char *copy_of(const char *text) {
  char *copy = strdup(text);
  if (!copy) abort();
  return copy;
}

void fg_sweep_plan_free(fg_sweep_plan *plan) {
  if (!plan) return;
  for (size_t i = 0; i < plan->count; i++) {
    for (size_t c = 0; plan->entries[i].values && c < plan->column_count; c++) free(plan->entries[i].values[c]);
    free(plan->entries[i].values);
  }
  for (size_t c = 0; c < plan->column_count; c++) free(plan->columns[c]);
  for (size_t s = 0; s < plan->set_count; s++) free(plan->sets[s]);
  free(plan->entries);
  free(plan->columns);
  free(plan->sets);
  free(plan->folder);
  free(plan->name);
  free(plan->source);
  free(plan->plugin_path);
  free(plan);
}

// ---- making

/// An id and where it came from, for finding two alike.
typedef struct numbered {
  const fg_sweep_entry *entry;
  size_t index;
} numbered;

static int by_id(const void *left, const void *right) {
  const numbered *a = left, *b = right;
  int order = strcmp(a->entry->id, b->entry->id);
  return order ? order : (a->index > b->index) - (a->index < b->index);
}

/// Replicas are left out: they are twins exactly when the first ones are.
static void refuse_twins(const fg_sweep *sweep, const fg_sweep_plan *plan, fg_diagnostics *diagnostics) {
  numbered *sorted = allocate(plan->count, sizeof *sorted);
  size_t *first = allocate(plan->count, sizeof *first), count = 0; // the first point alike, and one more; 0: none
  for (size_t i = 0; i < plan->count; i++)
    if (plan->entries[i].replica == 0) sorted[count++] = (numbered){&plan->entries[i], i};
  qsort(sorted, count, sizeof *sorted, by_id);
  for (size_t i = 1; i < count; i++) {
    const size_t before = sorted[i - 1].index;
    if (strcmp(sorted[i].entry->id, sorted[i - 1].entry->id) == 0)
      first[sorted[i].index] = first[before] ? first[before] : before + 1;
  }
  for (size_t i = 0; i < plan->count; i++)
    if (first[i])
      fg_error_at(diagnostics, sweep->points[i].place, NULL, "points %zu and %zu are the same run; exclude one of them",
                  first[i], i + 1);
  free(first);
  free(sorted);
}

/// The id of one point, and of what it shares.
static void identify(const fg_sweep *sweep, const fg_sweep_point *point, const fg_registry *registry,
                     fg_file_hashes *hashes, fg_sweep_entry *entry, fg_diagnostics *diagnostics) {
  fg_sweep_part whole = fg_sweep_point_whole(sweep, point, registry, entry->seed, diagnostics);
  if (!whole.plan) return;
  fg_plan_identity(whole.plan, hashes, entry->id);
  fg_sweep_part shared = fg_sweep_point_shared(sweep, point, whole.plan, registry, diagnostics);
  if (shared.plan) fg_plan_identity(shared.plan, hashes, entry->shared);
  fg_sweep_part_free(&shared);
  fg_sweep_part_free(&whole);
}

static char *name_of(const fg_sweep *sweep) {
  const fg_node *name = fg_node_get(sweep->file->root, "name");
  return copy_of(name && name->text ? name->text : "run");
}

static uint64_t seed_of(const fg_sweep *sweep, fg_diagnostics *diagnostics) {
  fg_pipeline *pipeline = fg_pipeline_make(sweep->file, NULL, 0, diagnostics);
  uint64_t seed = pipeline ? pipeline->seed : 1;
  fg_pipeline_free(pipeline);
  return seed;
}

fg_sweep_plan *fg_sweep_plan_make(const fg_sweep *sweep, const fg_registry *registry, int64_t seed,
                                  fg_diagnostics *diagnostics) {
  fg_sweep_plan *plan = allocate(1, sizeof *plan);
  fg_file_hashes *hashes = fg_file_hashes_new();
  fg_diagnostics *elsewhere = fg_diagnostics_new(); // a file may be incomplete where an axis completes it
  plan->seed = seed < 0 ? seed_of(sweep, elsewhere) : (uint64_t)seed;
  fg_diagnostics_free(elsewhere);
  plan->name = name_of(sweep);
  plan->replicas = sweep->replicas;
  plan->column_count = sweep->column_count;
  plan->columns = allocate(sweep->column_count, sizeof(char *));
  for (size_t c = 0; c < sweep->column_count; c++) plan->columns[c] = copy_of(sweep->columns[c].path);
  plan->count = sweep->count;
  plan->entries = allocate(sweep->count, sizeof *plan->entries);
  for (size_t i = 0; i < sweep->count; i++) {
    const fg_sweep_point *point = &sweep->points[i];
    fg_sweep_entry *entry = &plan->entries[i];
    entry->replica = point->replica;
    entry->seed = fg_sweep_seed(plan->seed, point->replica);
    entry->baseline = fg_sweep_is_baseline(sweep, point);
    entry->values = allocate(sweep->column_count, sizeof(char *));
    for (size_t c = 0; c < sweep->column_count; c++) entry->values[c] = fg_sweep_text(point->values[c]);
    unsigned errors = fg_diagnostics_errors(diagnostics);
    identify(sweep, point, registry, hashes, entry, diagnostics);
    if (i && !errors && fg_diagnostics_errors(diagnostics)) { // not in the file as such, but in some combination
      char label[512];
      fg_sweep_label(plan, entry, label, sizeof label);
      fg_note(diagnostics, "point %zu (%s) is the first with an error", i + 1, label);
    }
  }
  if (fg_diagnostics_errors(diagnostics) == 0) refuse_twins(sweep, plan, diagnostics);
  fg_file_hashes_free(hashes);
  if (fg_diagnostics_errors(diagnostics) == 0) return plan;
  fg_sweep_plan_free(plan);
  return NULL;
}

void fg_sweep_label(const fg_sweep_plan *plan, const fg_sweep_entry *entry, char *text, size_t size) {
  size_t at = 0;
  char part[64];
  text[0] = 0;
  for (size_t c = 0; c < plan->column_count && at < size; c++) {
    if (!entry->values[c][0]) continue;
    fg_sweep_value_text(entry->values[c], part, sizeof part);
    at += (size_t)snprintf(text + at, size - at, "%s%s=%s", at ? ", " : "", plan->columns[c], part);
  }
  if (plan->replicas > 1 && at < size) snprintf(text + at, size - at, "%sreplica %u", at ? ", " : "", entry->replica);
}

// ---- plan.json

static json_t *texts(char *const *items, size_t count) {
  json_t *array = json_array();
  for (size_t i = 0; i < count; i++) json_array_append_new(array, json_string(items[i]));
  return array;
}

/// The baseline's value of each column that has the same one in all points of the baseline; null when there is none.
static json_t *baseline_json(const fg_sweep_plan *plan) {
  json_t *object = NULL;
  for (size_t i = 0; i < plan->count; i++) {
    if (!plan->entries[i].baseline) continue;
    bool first = !object;
    if (first) object = json_object();
    for (size_t c = 0; c < plan->column_count; c++) {
      const char *value = plan->entries[i].values[c],
                 *so_far = json_string_value(json_object_get(object, plan->columns[c]));
      if (first)
        json_object_set_new(object, plan->columns[c], json_string(value));
      else if (so_far && strcmp(so_far, value) != 0)
        json_object_del(object, plan->columns[c]);
    }
  }
  return object ? object : json_null();
}

static json_t *entry_json(const fg_sweep_plan *plan, const fg_sweep_entry *entry) {
  json_t *shared = json_array();
  if (entry->shared[0]) json_array_append_new(shared, json_string(entry->shared));
  return json_pack("{s:s, s:i, s:I, s:b, s:o, s:o}", "id", entry->id, "replica", (int)entry->replica, "seed",
                   (json_int_t)entry->seed, "baseline", (int)entry->baseline, "values",
                   texts(entry->values, plan->column_count), "shared", shared);
}

fg_status fg_write_whole(const char *path, const char *text, size_t length, fg_error *error) {
  char temporary[PATH_MAX];
  int written = snprintf(temporary, sizeof temporary, "%s.%d.tmp", path, (int)getpid());
  if (written < 0 || written >= (int)sizeof temporary) return fg_error_set(error, "%.80s…: the path is too long", path);
  FILE *file = fopen(temporary, "we");
  if (!file) return fg_error_set(error, "cannot write %s: %s", temporary, strerror(errno));
  bool sound = fwrite(text, 1, length, file) == length && fflush(file) == 0 && fsync(fileno(file)) == 0;
  sound &= fclose(file) == 0;
  sound = sound && rename(temporary, path) == 0;
  if (sound) return fg_folder_sync_parent(path, error);
  fg_error_set(error, "cannot write %s: %s", path, strerror(errno));
  unlink(temporary);
  return FG_FAILED;
}

fg_status fg_sweep_plan_write(const fg_sweep_plan *plan, fg_error *error) {
  json_t *points = json_array();
  for (size_t i = 0; i < plan->count; i++) json_array_append_new(points, entry_json(plan, &plan->entries[i]));
  json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:s, s:o, s:I, s:i, s:i, s:o, s:o, s:o}", "finegrain_sweep", 1, "name",
                           plan->name, "file", plan->source, "digest", plan->digest, "plugin_path", plan->plugin_path,
                           "sets", texts(plan->sets, plan->set_count), "seed", (json_int_t)plan->seed, "round",
                           (int)plan->round, "replicas", (int)plan->replicas, "axes",
                           texts(plan->columns, plan->column_count), "baseline", baseline_json(plan), "points", points);
  char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
  json_decref(root);
  char path[PATH_MAX];
  if (!text) return fg_error_set(error, "out of memory for plan.json");
  snprintf(path, sizeof path, "%s/plan.json", plan->folder);
  fg_status status = fg_write_whole(path, text, strlen(text), error);
  free(text);
  return status;
}

static char **read_texts(const json_t *array, size_t *count) {
  *count = json_array_size(array);
  char **items = allocate(*count, sizeof(char *));
  for (size_t i = 0; i < *count; i++) {
    const char *text = json_string_value(json_array_get(array, i));
    items[i] = copy_of(text ? text : "");
  }
  return items;
}

static bool is_id(const char *text) {
  return text && strlen(text) == FG_ID - 1 && strspn(text, "0123456789abcdef") == FG_ID - 1;
}

static bool read_entry(const fg_sweep_plan *plan, const json_t *json, fg_sweep_entry *entry) {
  const char *id = json_string_value(json_object_get(json, "id"));
  const char *shared = json_string_value(json_array_get(json_object_get(json, "shared"), 0));
  const json_t *values = json_object_get(json, "values");
  size_t count;
  if (!is_id(id) || (shared && !is_id(shared)) || json_array_size(values) != plan->column_count) return false;
  memcpy(entry->id, id, FG_ID);
  if (shared) memcpy(entry->shared, shared, FG_ID);
  entry->replica = (uint32_t)json_integer_value(json_object_get(json, "replica"));
  entry->seed = (uint64_t)json_integer_value(json_object_get(json, "seed"));
  entry->baseline = json_is_true(json_object_get(json, "baseline"));
  entry->values = read_texts(values, &count);
  return true;
}

fg_sweep_plan *fg_sweep_plan_read(const char *folder, fg_error *error) {
  char path[PATH_MAX], whole[PATH_MAX];
  if (!realpath(folder, whole)) {
    fg_error_set(error, "cannot open the sweep's folder %s: %s", folder, strerror(errno));
    return NULL;
  }
  snprintf(path, sizeof path, "%.4000s/plan.json", whole);
  if (access(path, R_OK) != 0) {
    fg_error_set(error, "%s has no plan.json (%s); plan a sweep there with 'finegrain sweep run FILE --out %s'", folder,
                 strerror(errno), folder);
    return NULL;
  }
  json_error_t why = {0};
  json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
  const json_t *points = json_object_get(root, "points");
  const char *name = json_string_value(json_object_get(root, "name")),
             *source = json_string_value(json_object_get(root, "file"));
  bool sound =
      json_integer_value(json_object_get(root, "finegrain_sweep")) == 1 && json_is_array(points) && name && source;
  fg_sweep_plan *plan = allocate(1, sizeof *plan);
  if (sound) {
    const char *plugins = json_string_value(json_object_get(root, "plugin_path")),
               *digest = json_string_value(json_object_get(root, "digest"));
    plan->folder = copy_of(whole);
    plan->name = copy_of(name);
    plan->source = copy_of(source);
    plan->plugin_path = copy_of(plugins ? plugins : "");
    if (is_id(digest)) memcpy(plan->digest, digest, FG_ID);
    plan->sets = read_texts(json_object_get(root, "sets"), &plan->set_count);
    plan->seed = (uint64_t)json_integer_value(json_object_get(root, "seed"));
    plan->round = (uint32_t)json_integer_value(json_object_get(root, "round"));
    plan->replicas = (uint32_t)json_integer_value(json_object_get(root, "replicas"));
    plan->columns = read_texts(json_object_get(root, "axes"), &plan->column_count);
    plan->entries = allocate(json_array_size(points), sizeof *plan->entries);
    for (size_t i = 0; sound && i < json_array_size(points); i++)
      sound = read_entry(plan, json_array_get(points, i), &plan->entries[plan->count++]);
  }
  json_decref(root);
  if (sound) return plan;
  fg_sweep_plan_free(plan);
  fg_error_set(error, "%s is no plan of a sweep%s%s; plan it again with 'finegrain sweep run FILE --out %s'", path,
               why.text[0] ? ": " : "", why.text, folder);
  return NULL;
}
