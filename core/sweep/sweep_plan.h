// sweep_plan.h — a planned sweep: SWEEP/plan.json, which lists every point with its identity. Written when a sweep is
// planned; workers, status, merge and the report read it. The folder:
//   SWEEP/plan.json            this
//   SWEEP/sweep.yaml           the file as it was planned
//   SWEEP/points/<id>/run/     a run's folder; done when run/manifest.json is there
//   SWEEP/points/<id>/lock     held while a worker is at it
//   SWEEP/points/<id>/shared.json  manifest of the shared run that this one was made of
//   SWEEP/points/<id>/attempts/<n>.log, <n>.json   what each attempt said, and how it ended
//   SWEEP/shared/<id>/         the same for what points share
//   SWEEP/summary.csv, combined.csv, report.html
#ifndef FG_CORE_SWEEP_PLAN_H
#define FG_CORE_SWEEP_PLAN_H

#include "error.h"
#include "registry.h"
#include "sweep/sweep.h"

#define FG_ID 33u ///< 32 hexadecimal digits and a zero

typedef struct fg_sweep_entry {
  char id[FG_ID];
  char shared[FG_ID]; ///< "": shares nothing
  uint32_t replica;
  uint64_t seed;
  bool baseline;
  char **values; ///< one a column; "": as the file has it
} fg_sweep_entry;

typedef struct fg_sweep_plan {
  char *folder;       ///< SWEEP, absolute
  char *name;         ///< of the pipeline
  char *source;       ///< the file it was planned from, absolute
  char digest[FG_ID]; ///< of its text, which is SWEEP/sweep.yaml
  char *plugin_path;  ///< further folders of plugins; "": none
  char **sets;        ///< --set of the command that planned
  size_t set_count;
  uint64_t seed;
  uint32_t round; ///< counts plannings and resumes: an attempt that failed is not repeated in its round
  uint32_t replicas;
  char **columns;
  size_t column_count;
  fg_sweep_entry *entries;
  size_t count;
} fg_sweep_plan;

/// Makes and checks the plan of every point; ids and seeds follow. Everything wrong is recorded, two points that are the
/// same run too. NULL then. `seed` < 0: the file's.
fg_sweep_plan *fg_sweep_plan_make(const fg_sweep *sweep, const fg_registry *registry, int64_t seed,
                                  fg_diagnostics *diagnostics);
void fg_sweep_plan_free(fg_sweep_plan *plan);

/// Reads and writes SWEEP/plan.json (whole or not at all). A folder without one is an error with the fix.
fg_sweep_plan *fg_sweep_plan_read(const char *folder, fg_error *error);
fg_status fg_sweep_plan_write(const fg_sweep_plan *plan, fg_error *error);

/// "net.params.kernel=5, replica 1" of a point; "" when there is nothing to tell it by.
void fg_sweep_label(const fg_sweep_plan *plan, const fg_sweep_entry *entry, char *text, size_t size);

/// Writes a small file whole: a temporary beside it, synced, renamed.
fg_status fg_write_whole(const char *path, const char *text, size_t length, fg_error *error);

#endif
