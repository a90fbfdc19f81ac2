// registry.c — see registry.h.
#include "registry.h"

#include "config.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

typedef struct load_failure {
  char *path;
  char *reason;
} load_failure;

struct fg_registry {
  fg_plugin_file **files;
  size_t file_count;
  fg_kind_entry **entries; ///< sorted by kind
  const char **kinds;
  size_t count;
  load_failure *failures;
  size_t failure_count;
};

/// Room for one more pointer-sized or small item; the process ends when even that is gone.
static void *one_more(void *items, size_t count, size_t size) {
  void *larger = realloc(items, (count + 1) * size);
  if (!larger) abort();
  return larger;
}

static void failure(fg_registry *registry, const char *path, const char *reason) {
  registry->failures = one_more(registry->failures, registry->failure_count, sizeof *registry->failures);
  registry->failures[registry->failure_count++] = (load_failure){strdup(path), strdup(reason)};
}

/// Copies a sized struct of the plugin's into one of ours: fields it does not have become zero.
static void normalise(void *ours, size_t our_size, const void *theirs) {
  uint32_t size = *(const uint32_t *)theirs;
  memset(ours, 0, our_size);
  memcpy(ours, theirs, size < our_size ? size : our_size);
}

/// The same for a list of pointers to sized structs that ends with NULL. The copies live as long as the program.
static const void *const *normalise_list(const void *const *theirs, size_t our_size) {
  size_t count = 0;
  while (theirs && theirs[count]) count++;
  void **ours = calloc(count + 1, sizeof *ours);
  if (!ours) abort();
  for (size_t i = 0; i < count; i++) {
    ours[i] = malloc(our_size);
    if (!ours[i]) abort();
    normalise(ours[i], our_size, theirs[i]);
  }
  return (const void *const *)ours;
}

static void free_list(const void *const *list) {
  for (size_t i = 0; list && list[i]; i++) free((void *)(uintptr_t)list[i]);
  free((void *)(uintptr_t)list);
}

static bool sound_word(const char *word, bool dots) {
  if (!word || word[0] < 'a' || word[0] > 'z') return false;
  for (const char *c = word; *c; c++)
    if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_' || (dots && *c == '.')))
      return false;
  return true;
}

/// What is wrong with a stage's descriptor, or NULL.
static const char *stage_fault(const fg_stage *stage, char *buffer, size_t size) {
  if (!sound_word(stage->kind, true) || !strchr(stage->kind, '.'))
    return "a stage's kind is not of the form group.name";
  if (!stage->summary || !stage->create || !stage->negotiate || !stage->destroy) {
    snprintf(buffer, size, "stage %s lacks summary, create, negotiate or destroy", stage->kind);
    return buffer;
  }
  if (stage->inputs && stage->inputs[0] && !stage->process) {
    snprintf(buffer, size, "stage %s has inputs but no process", stage->kind);
    return buffer;
  }
  for (int side = 0; side < 2; side++) {
    const fg_port *const *ports = side ? stage->outputs : stage->inputs;
    for (size_t p = 0; ports && ports[p]; p++) {
      bool known = ports[p]->kinds && !(ports[p]->kinds & ~(uint32_t)(FG_BATCH | FG_MODEL | FG_TABLE));
      if (!sound_word(ports[p]->name, false) || !known || (side && (ports[p]->kinds & (ports[p]->kinds - 1)))) {
        snprintf(buffer, size, "stage %s: %s port %zu has no sound name or kind", stage->kind,
                 side ? "output" : "input", p + 1);
        return buffer;
      }
    }
  }
  return fg_param_table_fault(stage, buffer, size);
}

static void add_stage(fg_registry *registry, const fg_plugin_file *file, const fg_stage *theirs,
                      fg_diagnostics *diagnostics) {
  fg_kind_entry *entry = calloc(1, sizeof *entry);
  if (!entry) abort();
  fg_stage *stage = &entry->stage;
  normalise(stage, sizeof *stage, theirs);
  stage->params = (const fg_param *const *)normalise_list((const void *const *)stage->params, sizeof(fg_param));
  stage->inputs = (const fg_port *const *)normalise_list((const void *const *)stage->inputs, sizeof(fg_port));
  stage->outputs = (const fg_port *const *)normalise_list((const void *const *)stage->outputs, sizeof(fg_port));
  entry->file = file;
  char buffer[512];
  const char *fault = stage_fault(stage, buffer, sizeof buffer);
  const fg_kind_entry *same = fault ? NULL : fg_registry_find(registry, stage->kind);
  if (fault) failure(registry, file->path, fault);
  if (same)
    fg_error_at(diagnostics, (fg_place){file->path, 0, 0}, NULL,
                "plugin kind '%s' is already offered by %s; remove one of the two files", stage->kind,
                same->file->path);
  if (fault || same) {
    free_list((const void *const *)stage->params);
    free_list((const void *const *)stage->inputs);
    free_list((const void *const *)stage->outputs);
    free(entry);
    return;
  }
  registry->entries = one_more(registry->entries, registry->count, sizeof(void *));
  size_t at = registry->count++;
  for (; at > 0 && strcmp(registry->entries[at - 1]->stage.kind, stage->kind) > 0; at--)
    registry->entries[at] = registry->entries[at - 1];
  registry->entries[at] = entry;
}

static void hash_file(const char *path, char hash[17]) {
  XXH3_state_t *state = XXH3_createState();
  FILE *file = fopen(path, "rb");
  char buffer[65536];
  if (!state) abort();
  XXH3_64bits_reset(state);
  for (size_t n; file && (n = fread(buffer, 1, sizeof buffer, file)) > 0;) XXH3_64bits_update(state, buffer, n);
  snprintf(hash, 17, "%016llx", (unsigned long long)XXH3_64bits_digest(state));
  if (file) fclose(file);
  XXH3_freeState(state);
}

static void load_file(fg_registry *registry, const char *path, fg_diagnostics *diagnostics) {
  for (size_t i = 0; i < registry->file_count; i++)
    if (strcmp(registry->files[i]->path, path) == 0) return;
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    failure(registry, path, dlerror());
    return;
  }
  const fg_plugin *theirs = dlsym(handle, FG_PLUGIN_SYMBOL);
  char reason[256] = "";
  if (!theirs)
    snprintf(reason, sizeof reason, "exports no symbol " FG_PLUGIN_SYMBOL);
  else if (theirs->magic != FG_PLUGIN_MAGIC)
    snprintf(reason, sizeof reason, "its " FG_PLUGIN_SYMBOL " does not begin with FG_PLUGIN_HEADER");
  else if (theirs->abi_major != FG_ABI_MAJOR)
    snprintf(reason, sizeof reason, "was built for ABI %u, this finegrain has ABI %u; rebuild the plugin",
             theirs->abi_major, FG_ABI_MAJOR);
  else if (!FG_HAS(theirs, stages) || !theirs->name || !theirs->version || !theirs->stages)
    snprintf(reason, sizeof reason, "its descriptor lacks a name, a version or stages");
  if (reason[0]) {
    failure(registry, path, reason);
    dlclose(handle);
    return;
  }
  fg_plugin_file *file = calloc(1, sizeof *file);
  if (!file) abort();
  file->path = strdup(path);
  normalise(&file->plugin, sizeof file->plugin, theirs);
  hash_file(path, file->hash);
  registry->files = one_more(registry->files, registry->file_count, sizeof(void *));
  registry->files[registry->file_count++] = file;
  for (size_t s = 0; file->plugin.stages[s]; s++) add_stage(registry, file, file->plugin.stages[s], diagnostics);
}

static int is_shared_object(const struct dirent *entry) {
  size_t length = strlen(entry->d_name);
  return length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

static void load_folder(fg_registry *registry, const char *folder, bool must_exist, fg_diagnostics *diagnostics) {
  struct dirent **names = NULL;
  int count = scandir(folder, &names, is_shared_object, alphasort);
  if (count < 0 && must_exist)
    fg_warning_at(diagnostics, (fg_place){0}, NULL, "plugin folder %s: %s", folder, strerror(errno));
  for (int i = 0; i < count; i++) {
    char path[PATH_MAX], whole[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name) < (int)sizeof path && realpath(path, whole))
      load_file(registry, whole, diagnostics);
    free(names[i]);
  }
  free(names);
}

static void load_path_list(fg_registry *registry, const char *list, fg_diagnostics *diagnostics) {
  char *copy = list ? strdup(list) : NULL;
  char *rest = NULL;
  for (char *folder = copy ? strtok_r(copy, ":", &rest) : NULL; folder; folder = strtok_r(NULL, ":", &rest))
    load_folder(registry, folder, true, diagnostics);
  free(copy);
}

fg_registry *fg_registry_load(const char *extra, fg_diagnostics *diagnostics) {
  fg_registry *registry = calloc(1, sizeof *registry);
  if (!registry) abort();
  char self[PATH_MAX], folder[PATH_MAX + 32];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  self[length > 0 ? length : 0] = 0;
  char *slash = strrchr(self, '/');
  if (slash) *slash = 0;
  snprintf(folder, sizeof folder, "%s/plugins", self);
  struct stat info;
  if (stat(folder, &info) != 0) snprintf(folder, sizeof folder, "%s/../lib/finegrain/plugins", self);
  load_folder(registry, folder, false, diagnostics);
  load_path_list(registry, getenv("FINEGRAIN_PLUGIN_PATH"), diagnostics);
  load_path_list(registry, extra, diagnostics);
  registry->kinds = calloc(registry->count + 1, sizeof *registry->kinds);
  if (!registry->kinds) abort();
  for (size_t i = 0; i < registry->count; i++) registry->kinds[i] = registry->entries[i]->stage.kind;
  return registry;
}

void fg_registry_free(fg_registry *registry) {
  if (!registry) return;
  for (size_t i = 0; i < registry->count; i++) {
    free_list((const void *const *)registry->entries[i]->stage.params);
    free_list((const void *const *)registry->entries[i]->stage.inputs);
    free_list((const void *const *)registry->entries[i]->stage.outputs);
    free(registry->entries[i]);
  }
  for (size_t i = 0; i < registry->file_count; i++) {
    free(registry->files[i]->path);
    free(registry->files[i]);
  }
  for (size_t i = 0; i < registry->failure_count; i++) {
    free(registry->failures[i].path);
    free(registry->failures[i].reason);
  }
  free(registry->failures);
  free(registry->files);
  free(registry->entries);
  free(registry->kinds);
  free(registry);
}

const fg_kind_entry *fg_registry_find(const fg_registry *registry, const char *kind) {
  for (size_t i = 0; i < registry->count; i++)
    if (strcmp(registry->entries[i]->stage.kind, kind) == 0) return registry->entries[i];
  return NULL;
}

size_t fg_registry_count(const fg_registry *registry) { return registry->count; }
const fg_kind_entry *fg_registry_at(const fg_registry *registry, size_t index) { return registry->entries[index]; }
const char *const *fg_registry_kinds(const fg_registry *registry) { return registry->kinds; }

void fg_registry_note_failures(const fg_registry *registry, fg_diagnostics *diagnostics) {
  for (size_t i = 0; i < registry->failure_count; i++)
    fg_note(diagnostics, "plugin %s was not loaded: %s", registry->failures[i].path, registry->failures[i].reason);
}
