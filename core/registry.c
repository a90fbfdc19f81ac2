// registry.c — see registry.h. Everything of a plugin's is looked at through its own `size`, once, when it is copied.
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
  const char *what; ///< "was not loaded" or "was loaded without a stage"
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

static void remember(fg_registry *registry, const char *path, const char *what, const char *reason) {
  registry->failures = one_more(registry->failures, registry->failure_count, sizeof *registry->failures);
  registry->failures[registry->failure_count++] = (load_failure){strdup(path), what, strdup(reason)};
}

static void failure(fg_registry *registry, const char *path, const char *reason) {
  remember(registry, path, "was not loaded", reason);
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

// --- what is wrong with a descriptor --------------------------------------------------------------------------------

#define MOST_KIND_BYTES (sizeof((fg_format *)0)->network) // a kind travels in formats, with its end
#define MOST_PORTS 64u                                    // of one side; a worker has this much room for paired ones

/// Length of the part of `text` made of lower-case letters and of characters among `others`; 0 unless a letter leads.
static size_t word_length(const char *text, const char *others) {
  size_t length = 0;
  if (text[0] < 'a' || text[0] > 'z') return 0;
  while ((text[length] >= 'a' && text[length] <= 'z') || (text[length] && strchr(others, text[length]))) length++;
  return length;
}

/// [a-z]+ . [a-z][a-z0-9-]*
static bool sound_kind(const char *kind) {
  size_t group = kind ? word_length(kind, "") : 0;
  if (!group || kind[group] != '.') return false;
  size_t name = word_length(kind + group + 1, "0123456789-");
  return name && !kind[group + 1 + name] && group + 1 + name < MOST_KIND_BYTES;
}

/// What is wrong with port `p` of a side, or NULL.
static const char *port_fault(const fg_port *const *ports, size_t p, bool output) {
  const uint32_t kinds = ports[p]->kinds, known = FG_BATCH | FG_MODEL | FG_TABLE;
  const char *name = ports[p]->name;
  size_t length = name ? word_length(name, "0123456789_") : 0;
  if (!length || name[length]) return "has no name of the form [a-z][a-z0-9_]*";
  if (!(kinds & known)) return "takes or gives nothing this finegrain knows";
  if (output && (kinds & (kinds - 1))) return "gives more than one kind of message";
  for (size_t other = 0; other < p; other++)
    if (strcmp(ports[other]->name, name) == 0) return "has the name of another";
  return p < MOST_PORTS ? NULL : "is one too many (at most 64)";
}

/// What is missing from a stage, or NULL.
static const char *stage_gap(const fg_stage *stage) {
  if (!stage->summary || !stage->create || !stage->negotiate || !stage->destroy)
    return "lacks summary, create, negotiate or destroy";
  if (stage->inputs[0] && !stage->process) return "has inputs but no process";
  if (!stage->save != !stage->restore) return "has one of save and restore without the other";
  return NULL;
}

/// What is wrong with a stage's descriptor, or NULL.
static const char *stage_fault(const fg_stage *stage, char *buffer, size_t size) {
  if (!sound_kind(stage->kind)) {
    snprintf(buffer, size, "'%s' is not a stage's kind; write group.name: [a-z]+ . [a-z][a-z0-9-]*, at most %zu bytes",
             stage->kind ? stage->kind : "", MOST_KIND_BYTES - 1);
    return buffer;
  }
  const char *gap = stage_gap(stage);
  if (gap) {
    snprintf(buffer, size, "stage %s %s", stage->kind, gap);
    return buffer;
  }
  for (int side = 0; side < 2; side++) {
    const fg_port *const *ports = side ? stage->outputs : stage->inputs;
    for (size_t p = 0; ports[p]; p++) {
      const char *fault = port_fault(ports, p, side);
      if (!fault) continue;
      snprintf(buffer, size, "stage %s: %s port %zu (%s) %s", stage->kind, side ? "output" : "input", p + 1,
               ports[p]->name ? ports[p]->name : "?", fault);
      return buffer;
    }
  }
  return fg_param_table_fault(stage, buffer, size);
}

/// What is wrong with a shared object's descriptor (NULL: it has none), or NULL. Of another ABI nothing but the version
/// may be looked at.
static const char *plugin_fault(const fg_plugin *theirs, char *buffer, size_t size) {
  if (!theirs) return "exports no symbol " FG_PLUGIN_SYMBOL;
  if (theirs->magic != FG_PLUGIN_MAGIC) return "its " FG_PLUGIN_SYMBOL " does not begin with FG_PLUGIN_HEADER";
  if (theirs->abi_major != FG_ABI_MAJOR) {
    snprintf(buffer, size, "was built for ABI %u, this finegrain has ABI %u; rebuild the plugin", theirs->abi_major,
             FG_ABI_MAJOR);
    return buffer;
  }
  if (!FG_HAS(theirs, stages) || !theirs->name || !theirs->version || !theirs->stages)
    return "its descriptor lacks a name, a version or stages";
  return theirs->stages[0] ? NULL : "offers no stage";
}

// --- loading --------------------------------------------------------------------------------------------------------

static void free_entry(fg_kind_entry *entry) {
  free_list((const void *const *)entry->stage.params);
  free_list((const void *const *)entry->stage.inputs);
  free_list((const void *const *)entry->stage.outputs);
  free(entry);
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
  if (same && same->file == file) fault = "it offers one kind twice";
  if (fault)
    remember(registry, file->path, "was loaded without a stage", fault);
  else if (same)
    fg_error_at(diagnostics, (fg_place){file->path, 0, 0}, NULL,
                "plugin kind '%s' is already offered by %s; remove one of the two files", stage->kind,
                same->file->path);
  if (fault || same) {
    free_entry(entry);
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

/// Why dlopen failed, without the file's name before it: that is told anyway.
static const char *load_error(const char *path) {
  const char *text = dlerror();
  size_t length = strlen(path);
  if (!text) return "cannot be loaded";
  return strncmp(text, path, length) == 0 && strncmp(text + length, ": ", 2) == 0 ? text + length + 2 : text;
}

static void load_file(fg_registry *registry, const char *path, fg_diagnostics *diagnostics) {
  // Waiting for a pipe's writer, as dlopen would, helps nobody.
  struct stat info;
  if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
    failure(registry, path, "is not a file");
    return;
  }
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    failure(registry, path, load_error(path));
    return;
  }
  const fg_plugin *theirs = dlsym(handle, FG_PLUGIN_SYMBOL);
  char reason[256];
  const char *fault = plugin_fault(theirs, reason, sizeof reason);
  if (fault) failure(registry, path, fault);
  bool known = false;
  for (size_t i = 0; i < registry->file_count; i++) known |= registry->files[i]->handle == handle;
  if (fault || known) {
    dlclose(handle); // gives back this reference; the first one of a known file stays
    return;
  }
  fg_plugin_file *file = calloc(1, sizeof *file);
  if (!file) abort();
  file->path = strdup(path);
  file->handle = handle;
  normalise(&file->plugin, sizeof file->plugin, theirs);
  hash_file(path, file->hash);
  registry->files = one_more(registry->files, registry->file_count, sizeof(void *));
  registry->files[registry->file_count++] = file;
  for (size_t s = 0; file->plugin.stages[s]; s++) add_stage(registry, file, file->plugin.stages[s], diagnostics);
}

// --- finding --------------------------------------------------------------------------------------------------------

static int is_shared_object(const struct dirent *entry) {
  size_t length = strlen(entry->d_name);
  return length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

/// `origin` says in messages who named the folder.
static void load_folder(fg_registry *registry, const char *folder, const char *origin, fg_diagnostics *diagnostics) {
  struct dirent **names = NULL;
  int count = scandir(folder, &names, is_shared_object, alphasort);
  if (count < 0) fg_warning_at(diagnostics, (fg_place){0}, NULL, "%s %s: %s", origin, folder, strerror(errno));
  for (int i = 0; i < count; i++) {
    char path[PATH_MAX], whole[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name) >= (int)sizeof path)
      failure(registry, names[i]->d_name, "its path is too long");
    else if (!realpath(path, whole))
      failure(registry, path, strerror(errno));
    else
      load_file(registry, whole, diagnostics);
    free(names[i]);
  }
  free(names);
}

static void load_path_list(fg_registry *registry, const char *list, const char *origin, fg_diagnostics *diagnostics) {
  char *copy = list ? strdup(list) : NULL;
  char *rest = NULL;
  for (char *folder = copy ? strtok_r(copy, ":", &rest) : NULL; folder; folder = strtok_r(NULL, ":", &rest))
    load_folder(registry, folder, origin, diagnostics);
  free(copy);
}

/// The built-in folder: beside the program in the tree, in lib/ once installed.
static void load_built_in(fg_registry *registry, fg_diagnostics *diagnostics) {
  char self[PATH_MAX], folder[PATH_MAX + 32];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  self[length > 0 ? length : 0] = 0;
  char *slash = strrchr(self, '/');
  if (slash) *slash = 0;
  struct stat info;
  snprintf(folder, sizeof folder, "%s/plugins", self);
  if (stat(folder, &info) != 0) snprintf(folder, sizeof folder, "%s/../lib/finegrain/plugins", self);
  load_folder(registry, folder, "built-in plugin folder", diagnostics);
}

fg_registry *fg_registry_load(const char *extra, fg_diagnostics *diagnostics) {
  fg_registry *registry = calloc(1, sizeof *registry);
  if (!registry) abort();
  load_built_in(registry, diagnostics);
  load_path_list(registry, getenv("FINEGRAIN_PLUGIN_PATH"), "FINEGRAIN_PLUGIN_PATH: folder", diagnostics);
  load_path_list(registry, extra, "--plugin-path: folder", diagnostics);
  registry->kinds = calloc(registry->count + 1, sizeof *registry->kinds);
  if (!registry->kinds) abort();
  for (size_t i = 0; i < registry->count; i++) registry->kinds[i] = registry->entries[i]->stage.kind;
  return registry;
}

void fg_registry_free(fg_registry *registry) {
  if (!registry) return;
  for (size_t i = 0; i < registry->count; i++) free_entry(registry->entries[i]);
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
    fg_note(diagnostics, "plugin %s %s: %s", registry->failures[i].path, registry->failures[i].what,
            registry->failures[i].reason);
}

// --- in words -------------------------------------------------------------------------------------------------------

/// Appends to a text that is as long as it fits.
static void append(char *buffer, size_t size, const char *before, const char *word) {
  size_t at = strlen(buffer);
  snprintf(buffer + at, size - at, "%s%s", before, word);
}

const char *fg_port_describe(const fg_port *port, char *buffer, size_t size) {
  static const struct {
    uint32_t bit;
    const char *word;
  } kinds[] = {{FG_BATCH, "configurations"}, {FG_MODEL, "model"}, {FG_TABLE, "table"}},
    elements[] = {{1u << FG_SPIN1, "1-bit spins"}, {1u << FG_STATE8, "u8 states"}, {1u << FG_FIELD32, "f32 fields"}},
    flags[] = {{FG_PORT_FIRST, "read first"},
               {FG_PORT_PAIRED, "paired"},
               {FG_PORT_REPLAY, "replayed"},
               {FG_PORT_MANY, "takes a list"},
               {FG_PORT_OPTIONAL, "optional"}};
  buffer[0] = 0;
  for (size_t i = 0; i < 3; i++)
    if (port->kinds & kinds[i].bit) append(buffer, size, buffer[0] ? " or " : "", kinds[i].word);
  const char *before = " of ";
  for (size_t i = 0; port->kinds == FG_BATCH && i < 3; i++) {
    if (!(port->elements & elements[i].bit)) continue;
    append(buffer, size, before, elements[i].word);
    before = " or ";
  }
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (port->flags & flags[i].bit) append(buffer, size, ", ", flags[i].word);
  return buffer;
}
