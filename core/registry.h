// registry.h — the plugins there are: finds shared objects, checks their ABI before anything of theirs is called, and
// knows each stage kind's descriptor. Plugins are never unloaded.
#ifndef FG_CORE_REGISTRY_H
#define FG_CORE_REGISTRY_H

#include "diagnostics.h"
#include "finegrain/plugin.h"

/// A loaded shared object.
typedef struct fg_plugin_file {
  char *path;
  void *handle;  ///< of dlopen: the same for two names of one file
  char hash[17]; ///< XXH3-64 of the file, hex
  fg_plugin plugin;
} fg_plugin_file;

/// A kind of stage. `stage` is a copy of the plugin's descriptor, as large as this host's struct, so that a field an
/// older plugin does not have reads as zero.
typedef struct fg_kind_entry {
  fg_stage stage;
  const fg_plugin_file *file;
} fg_kind_entry;

typedef struct fg_registry fg_registry;

/// Loads the built-in folder (beside the program: plugins/, or ../lib/finegrain/plugins/), then the folders of
/// FINEGRAIN_PLUGIN_PATH, then those of `extra` (both separated by colons; extra may be NULL): every file in them that
/// ends in .so, symbolic links included, each file once. Two plugins of one kind are an error; a file that does not
/// load is remembered (fg_registry_note_failures); a folder that cannot be read is a warning.
fg_registry *fg_registry_load(const char *extra, fg_diagnostics *diagnostics);
void fg_registry_free(fg_registry *registry);

/// NULL when there is no such kind.
const fg_kind_entry *fg_registry_find(const fg_registry *registry, const char *kind);

/// Kinds in alphabetical order.
size_t fg_registry_count(const fg_registry *registry);
const fg_kind_entry *fg_registry_at(const fg_registry *registry, size_t index);
/// Their names, for suggestions: fg_registry_count pointers.
const char *const *fg_registry_kinds(const fg_registry *registry);

/// Notes the files that did not load, or not in full, and why.
void fg_registry_note_failures(const fg_registry *registry, fg_diagnostics *diagnostics);

/// "configurations of 1-bit spins, takes a list": what a port takes or gives, and how it is read, in words. Writes at
/// most `size` bytes, returns `buffer`.
const char *fg_port_describe(const fg_port *port, char *buffer, size_t size);

#endif
