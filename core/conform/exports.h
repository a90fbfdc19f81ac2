// exports.h — what a shared object exports, read from its ELF tables without loading it.
#ifndef FG_CORE_CONFORM_EXPORTS_H
#define FG_CORE_CONFORM_EXPORTS_H

#include "error.h"

#include <stdbool.h>

/// Whether `path` exports FG_PLUGIN_SYMBOL, and how many other symbols; their names go to `others`, as many as fit. What
/// the linker itself defines (_init, _edata, …) does not count. FG_FAILED: no ELF file of this machine, or a damaged one.
fg_status fg_exports_read(const char *path, bool *plugin, unsigned *other_count, char *others, size_t size,
                          fg_error *error);

#endif
