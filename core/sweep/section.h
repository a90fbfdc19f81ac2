// section.h — the sections `sweep` and `exec` as they are written: keys, forms and lists of values, not yet points.
// Private to sweep.c.
#ifndef FG_CORE_SWEEP_SECTION_H
#define FG_CORE_SWEEP_SECTION_H

#include "sweep/sweep.h"

/// The parts of `sweep`; NULL: not given.
typedef struct fg_sweep_section {
  const fg_node *node; ///< the whole
  const fg_node *axes, *zip, *exclude, *include, *share;
  fg_node *baseline;
  uint32_t replicas;
  bool stop_on_error;
} fg_sweep_section;

/// Reads both sections. False when there is no `sweep`, or nothing to be made of it; then an error was recorded.
bool fg_sweep_section_read(const fg_pipeline_file *file, fg_sweep_section *section, fg_exec *exec,
                           fg_diagnostics *diagnostics);

/// The values of an axis: a list, {range: [FROM, TO, STEP]} with both ends, or {linspace: [FROM, TO, COUNT]}. An array of
/// *length nodes, the caller's; an empty one after an error was recorded.
fg_node **fg_sweep_values(fg_document *document, const char *path, fg_node *values, size_t *length,
                          fg_diagnostics *diagnostics);

/// Whether a node is a map with entries; if not, an error shows the form.
bool fg_sweep_is_map(const fg_node *node, const char *what, const char *form, fg_diagnostics *diagnostics);

#endif
