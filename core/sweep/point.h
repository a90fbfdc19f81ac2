// point.h — the pipelines a point of a sweep is made of: all of it, what it shares with others, and the rest, which
// reads what is shared from recorded streams.
#ifndef FG_CORE_SWEEP_POINT_H
#define FG_CORE_SWEEP_POINT_H

#include "identity.h"
#include "sweep/sweep.h"

/// A pipeline with its plan; both NULL when something was wrong and recorded.
typedef struct fg_sweep_part {
  fg_pipeline *pipeline;
  fg_plan *plan;
} fg_sweep_part;

void fg_sweep_part_free(fg_sweep_part *part);

/// The whole point, as it would run by itself.
fg_sweep_part fg_sweep_point_whole(const fg_sweep *sweep, const fg_sweep_point *point, const fg_registry *registry,
                                   uint64_t seed, fg_diagnostics *diagnostics);

/// The stages named in `share` and all they read from, recording what others read from them. No plan and no error when
/// nothing is shared. What cannot be shared (anything but configurations) is recorded.
fg_sweep_part fg_sweep_point_shared(const fg_sweep *sweep, const fg_sweep_point *point, const fg_plan *whole,
                                    const fg_registry *registry, fg_diagnostics *diagnostics);

/// The rest: in place of every shared stage that is read from, source.file reads <folder>/<stage>.fgs.
fg_sweep_part fg_sweep_point_rest(const fg_sweep *sweep, const fg_sweep_point *point, const fg_plan *whole,
                                  const char *folder, const fg_registry *registry, fg_diagnostics *diagnostics);

#endif
