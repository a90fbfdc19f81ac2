// plugin.h — the one symbol a plugin exports, built as a shared object with hidden visibility.
//   const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "wolff", …, .stages = (const fg_stage *const[]){&wolff, NULL}};
// The host looks at magic and ABI version before anything else, and calls no function of a plugin that does not fit. To
// look it must load the shared object, which runs its constructors (in C++, initialisers of globals): have none. A
// plugin that was accepted is never unloaded, so what descriptors point to stays valid.
#ifndef FINEGRAIN_PLUGIN_H
#define FINEGRAIN_PLUGIN_H

#include "stage.h"

#define FG_PLUGIN_MAGIC 0x6e696167u /* "gain" */
#define FG_PLUGIN_SYMBOL "finegrain_plugin"

typedef struct fg_plugin {
  uint32_t size;
  uint32_t magic;
  uint32_t abi_major;            ///< must equal the host's
  uint32_t abi_minor;            ///< any: FG_ABI_MINOR of the headers the plugin was built with
  const char *name;              ///< for people; stages are found by their kind
  const char *version;           ///< kept with every result, e.g. "1.2.0"
  const char *license;           ///< an SPDX identifier; NULL: unknown
  const fg_stage *const *stages; ///< ends with NULL
} fg_plugin;

/// The first fields of every fg_plugin. In C++ they go by position, and so do the rest: C++17 has no designated
/// initialisers, and C++20 mixes them with nothing.
#ifdef __cplusplus
#define FG_PLUGIN_HEADER static_cast<uint32_t>(sizeof(fg_plugin)), FG_PLUGIN_MAGIC, FG_ABI_MAJOR, FG_ABI_MINOR
#else
#define FG_PLUGIN_HEADER                                                                                               \
  .size = (uint32_t)sizeof(fg_plugin), .magic = FG_PLUGIN_MAGIC, .abi_major = FG_ABI_MAJOR, .abi_minor = FG_ABI_MINOR
#endif

/// Declared here, so that a plugin only defines it.
FG_EXPORT const fg_plugin finegrain_plugin;

#endif
