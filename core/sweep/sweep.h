// sweep.h — what a sweep asks for: the sections `sweep` and `exec` of a pipeline file, and the points they make, in order:
// axes × zips, minus exclude, plus include, × replicas. Knows the grammar; runs nothing.
#ifndef FG_CORE_SWEEP_H
#define FG_CORE_SWEEP_H

#include "pipeline.h"

#define FG_SWEEP_MOST_POINTS 100000u

/// A path that some axis, zip or included point gives a value.
typedef struct fg_sweep_column {
  const char *path; ///< "net.params.kernel", or "net" for whole stages
  fg_place place;
} fg_sweep_column;

/// One run of a sweep.
typedef struct fg_sweep_point {
  fg_node **values; ///< one a column; NULL: as the file has it
  fg_place place;   ///< of what made it
  uint32_t replica;
} fg_sweep_point;

typedef enum fg_engine { FG_ENGINE_LOCAL, FG_ENGINE_SLURM } fg_engine;

/// Where the points run.
typedef struct fg_exec {
  fg_engine engine;
  uint32_t jobs;       ///< workers at once; 0: the cores (local), 8 (slurm)
  uint32_t threads;    ///< of each run; 0: the cores shared evenly (local), those Slurm gives (slurm)
  const char *time;    ///< slurm: limit of a worker as sbatch takes it; NULL: the partition's
  const char **sbatch; ///< slurm: further options
  size_t sbatch_count;
} fg_exec;

typedef struct fg_sweep {
  const fg_pipeline_file *file;
  fg_sweep_column *columns;
  size_t column_count;
  fg_sweep_point *points;
  size_t count;
  uint32_t replicas;
  fg_node **baseline; ///< one a column, NULL where it may be anything; NULL: none
  const fg_node **share;
  size_t share_count;
  bool stop_on_error;
  fg_exec exec;
} fg_sweep;

/// Reads the sections. Everything wrong is recorded with its place: unknown paths and keys, empty axes and ranges, values
/// given twice, zips of unequal lengths, excludes and baselines that match nothing. Points that name the same run by
/// other words are found when they are planned. NULL when something was wrong. `file` must live as long.
fg_sweep *fg_sweep_read(const fg_pipeline_file *file, fg_diagnostics *diagnostics);
void fg_sweep_free(fg_sweep *sweep);

/// What a point puts into the file: into overrides[column_count]; returns how many.
size_t fg_sweep_overrides(const fg_sweep *sweep, const fg_sweep_point *point, fg_override *overrides);

/// A value as text, on one line; "" for NULL. The caller frees it.
char *fg_sweep_text(const fg_node *value);

/// Whether a point has the baseline's values. False without a baseline.
bool fg_sweep_is_baseline(const fg_sweep *sweep, const fg_sweep_point *point);

/// Seed of a replica: replica 0 has the plain one, so that arms are paired.
uint64_t fg_sweep_seed(uint64_t seed, uint32_t replica);

#endif
