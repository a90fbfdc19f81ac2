// plugin.h — the one symbol a plugin exports.
//   FG_EXPORT const fg_plugin finegrain_plugin;
//   const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "wolff", …, .stages = (const fg_stage *const[]){&wolff, NULL}};
// The host looks at magic and ABI version before anything else, and calls nothing of a plugin that does not fit.
#ifndef FINEGRAIN_PLUGIN_H
#define FINEGRAIN_PLUGIN_H

#include "stage.h"

#define FG_PLUGIN_MAGIC 0x6e696167u /* "gain" */
#define FG_PLUGIN_SYMBOL "finegrain_plugin"

typedef struct fg_plugin {
  uint32_t size;
  uint32_t magic;
  uint32_t abi_major; ///< must equal the host's
  uint32_t abi_minor; ///< any
  const char *name;
  const char *version;
  const char *license;
  const fg_stage *const *stages; ///< ends with NULL
} fg_plugin;

#define FG_PLUGIN_HEADER                                                                                               \
  .size = (uint32_t)sizeof(fg_plugin), .magic = FG_PLUGIN_MAGIC, .abi_major = FG_ABI_MAJOR, .abi_minor = FG_ABI_MINOR

FG_EXPORT const fg_plugin finegrain_plugin;

#endif
