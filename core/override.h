// override.h — values put at paths of a pipeline: by --set, and by the axes of a sweep. Paths are
//   STAGE                  the whole stage
//   STAGE.plugin, STAGE.input
//   STAGE.params.KEY, STAGE.inputs.PORT
//   stream.KEY
// Maps on the way are copied first, for aliases may share them with other stages, and other points of a sweep.
#ifndef FG_CORE_OVERRIDE_H
#define FG_CORE_OVERRIDE_H

#include "yaml.h"

typedef struct fg_override {
  const char *path;
  fg_place place; ///< of the path, where it was written
  fg_node *value;
} fg_override;

/// Whether a path is STAGE.params.KEY or stream.KEY.
bool fg_override_sets_value(const char *path);

/// Whether a value can be put at the path; if not, why not is recorded at `place`.
bool fg_override_check(const fg_node *root, const char *path, fg_place place, fg_diagnostics *diagnostics);

/// Puts the value there. `root`, a map, must be `document`'s own and not shared; the path has been checked.
void fg_override_apply(fg_document *document, fg_node *root, const fg_override *override);

#endif
