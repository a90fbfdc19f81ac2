// state.c — see state.h.
#include "sweep/state.h"

#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *fg_point_word(fg_point_state state) {
  static const char *const words[FG_POINT_STATES] = {"missing", "interrupted", "running", "done", "stale", "failed"};
  return words[state];
}

void fg_sweep_path(const fg_sweep_plan *plan, const char *group, const char *id, const char *file, char path[4096]) {
  snprintf(path, 4096, "%.3500s/%s/%s/%.500s", plan->folder, group, id, file);
}

int fg_sweep_lock(const fg_sweep_plan *plan, const char *group, const char *id, fg_error *error) {
  char path[4096];
  fg_sweep_path(plan, group, id, "attempts", path);
  if (fg_folder_make(path, NULL, error) != FG_OK) return -2;
  fg_sweep_path(plan, group, id, "lock", path);
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (file >= 0 && fcntl(file, F_OFD_SETLK, &whole) == 0) return file;
  int cause = errno;
  if (file >= 0) close(file);
  if (file >= 0 && (cause == EAGAIN || cause == EACCES)) return -1;
  fg_error_set(error, "cannot lock %s: %s", path, strerror(cause));
  return -2;
}

/// Asking needs no right to write: anyone who may read a sweep sees how far it is.
static bool is_locked(const char *path) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  bool locked = file >= 0 && fcntl(file, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  if (file >= 0) close(file);
  return locked;
}

bool fg_sweep_is_done(const fg_sweep_plan *plan, const char *group, const char *id) {
  char path[4096];
  fg_sweep_path(plan, group, id, "run/manifest.json", path);
  return access(path, F_OK) == 0;
}

static json_t *load(const fg_sweep_plan *plan, const char *group, const char *id, const char *file) {
  char path[4096];
  fg_sweep_path(plan, group, id, file, path);
  return json_load_file(path, 0, NULL);
}

/// Whether the versions of plugins that a manifest names are those `registry` has.
static bool has_current_plugins(const json_t *manifest, const fg_registry *registry) {
  const char *kind;
  json_t *plugin;
  json_object_foreach(json_object_get(manifest, "plugins"), kind, plugin) {
    const char *version = json_string_value(json_object_get(plugin, "version"));
    const fg_kind_entry *entry = fg_registry_find(registry, kind);
    if (!entry || !version || strcmp(entry->file->plugin.version, version) != 0) return false;
  }
  return true;
}

bool fg_sweep_is_valid(const fg_sweep_plan *plan, const fg_sweep_entry *entry, const fg_registry *registry) {
  char path[4096];
  if (!fg_sweep_is_done(plan, "points", entry->id)) return false;
  if (!registry) return true;
  json_t *manifest = load(plan, "points", entry->id, "run/manifest.json");
  bool valid = manifest && has_current_plugins(manifest, registry);
  json_decref(manifest);
  fg_sweep_path(plan, "points", entry->id, "shared.json", path);
  if (!valid || access(path, F_OK) != 0) return valid;
  json_t *shared = load(plan, "points", entry->id, "shared.json");
  valid = shared && has_current_plugins(shared, registry);
  json_decref(shared);
  return valid;
}

bool fg_sweep_is_ready(const fg_sweep_plan *plan, const char *shared, const fg_registry *registry) {
  json_t *manifest = load(plan, "shared", shared, "run/manifest.json");
  const json_t *files = json_object_get(manifest, "files");
  bool ready = manifest && has_current_plugins(manifest, registry);
  for (size_t i = 0; ready && i < json_array_size(files); i++) {
    char name[512], path[4096];
    const char *file = json_string_value(json_array_get(files, i));
    snprintf(name, sizeof name, "run/%.500s", file ? file : "");
    fg_sweep_path(plan, "shared", shared, name, path);
    ready = access(path, R_OK) == 0;
  }
  json_decref(manifest);
  return ready;
}

uint32_t fg_sweep_last_attempt(const fg_sweep_plan *plan, const char *group, const char *id, bool *failed,
                               char error[512]) {
  uint32_t last = 0;
  *failed = false;
  error[0] = 0;
  for (;; last++) {
    char name[64], path[4096];
    snprintf(name, sizeof name, "attempts/%u.log", last + 1);
    fg_sweep_path(plan, group, id, name, path);
    if (access(path, F_OK) != 0) break;
  }
  if (!last) return 0;
  char name[64];
  snprintf(name, sizeof name, "attempts/%u.json", last);
  json_t *attempt = load(plan, group, id, name);
  const char *text = json_string_value(json_object_get(attempt, "error"));
  *failed = json_is_true(json_object_get(attempt, "failed")) &&
            json_integer_value(json_object_get(attempt, "round")) == (json_int_t)plan->round;
  snprintf(error, 512, "%s", text ? text : "");
  json_decref(attempt);
  return last;
}

/// Share of the work done and seconds, from the run's heartbeat.
static void read_heartbeat(const fg_sweep_plan *plan, const fg_sweep_entry *entry, fg_point_report *report) {
  json_t *status = load(plan, "points", entry->id, "run/status.json"), *stages = json_object_get(status, "stages");
  double sum = 0;
  size_t counted = 0;
  for (size_t i = 0; i < json_array_size(stages); i++) {
    const json_t *stage = json_array_get(stages, i);
    double done = (double)json_integer_value(json_object_get(stage, "done")),
           expected = (double)json_integer_value(json_object_get(stage, "expected"));
    const char *state = json_string_value(json_object_get(stage, "state"));
    bool ended = state && strcmp(state, "done") == 0;
    sum += ended ? 1 : expected > 0 && done < expected ? done / expected : 0;
    counted++;
  }
  report->share = counted ? sum / (double)counted : 0;
  report->seconds = json_number_value(json_object_get(status, "seconds"));
  json_decref(status);
}

fg_point_report fg_sweep_look(const fg_sweep_plan *plan, const fg_sweep_entry *entry, const fg_registry *registry,
                              bool details) {
  fg_point_report report = {0};
  char path[4096];
  bool failed;
  if (fg_sweep_is_done(plan, "points", entry->id)) {
    bool valid = fg_sweep_is_valid(plan, entry, registry);
    report.state = valid ? FG_POINT_DONE : FG_POINT_STALE;
    report.share = 1;
    if (details) {
      json_t *manifest = load(plan, "points", entry->id, "run/manifest.json");
      report.seconds = json_number_value(json_object_get(manifest, "seconds"));
      json_decref(manifest);
    }
    fg_sweep_path(plan, "points", entry->id, "lock", path);
    if (!valid && is_locked(path)) report = (fg_point_report){.state = FG_POINT_RUNNING};
    return report;
  }
  fg_sweep_path(plan, "points", entry->id, "lock", path);
  if (access(path, F_OK) != 0) return report;
  report.attempt = fg_sweep_last_attempt(plan, "points", entry->id, &failed, report.error);
  if (is_locked(path))
    report.state = FG_POINT_RUNNING;
  else
    report.state = failed ? FG_POINT_FAILED : report.attempt ? FG_POINT_INTERRUPTED : FG_POINT_MISSING;
  if (details) read_heartbeat(plan, entry, &report);
  return report;
}

void fg_sweep_count_text(const size_t states[FG_POINT_STATES], char *text, size_t size) {
  static const fg_point_state order[] = {FG_POINT_DONE,        FG_POINT_FAILED, FG_POINT_RUNNING,
                                         FG_POINT_INTERRUPTED, FG_POINT_STALE,  FG_POINT_MISSING};
  size_t total = 0, at;
  for (int s = 0; s < FG_POINT_STATES; s++) total += states[s];
  at = (size_t)snprintf(text, size, "%zu point%s:", total, total == 1 ? "" : "s");
  const char *comma = " ";
  for (size_t i = 0; i < sizeof order / sizeof *order && at < size; i++) {
    if (!states[order[i]]) continue;
    at += (size_t)snprintf(text + at, size - at, "%s%zu %s", comma, states[order[i]], fg_point_word(order[i]));
    comma = ", ";
  }
}
