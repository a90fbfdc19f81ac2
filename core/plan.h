// plan.h — what will be run: every stage with its plugin, config and instance, every port connected, every format
// agreed. Made before anything runs; `finegrain check`, `graph` and `run` all start here.
#ifndef FG_CORE_PLAN_H
#define FG_CORE_PLAN_H

#include "config.h"
#include "pipeline.h"
#include "registry.h"

typedef struct fg_instance fg_instance;
typedef struct fg_plan fg_plan;

/// A connection from an output to an input; the input takes its edges one after the other.
typedef struct fg_edge {
  fg_instance *from, *to;
  uint32_t output, input; ///< ports
  char *name;             ///< "sample.configurations -> block.configurations"
} fg_edge;

typedef struct fg_input {
  const fg_port *port;
  fg_edge **edges;
  uint32_t edge_count; ///< 0: an optional port left unconnected
  fg_format format;    ///< all edges together
} fg_input;

typedef struct fg_output {
  const fg_port *port;
  fg_edge **edges;
  uint32_t edge_count;
  const fg_record_spec *record; ///< NULL: not recorded
  fg_format format;
} fg_output;

/// A stage of the plan.
struct fg_instance {
  fg_host host; ///< what the plugin sees; host.impl points back here
  fg_plan *plan;
  uint32_t index; ///< in the file's order
  const fg_stage_spec *spec;
  const fg_stage *stage;
  const fg_plugin_file *file;
  fg_config *config;
  void *self; ///< the plugin's instance; NULL before create
  fg_input *inputs;
  uint32_t input_count;
  fg_output *outputs;
  uint32_t output_count;
  uint64_t memory;          ///< most bytes the instance says it will hold
  struct fg_worker *worker; ///< its thread's own state, while the plan runs (run.h)
};

struct fg_plan {
  const fg_pipeline *pipeline;
  const fg_registry *registry;
  fg_diagnostics *diagnostics;
  uint64_t seed;
  fg_instance **instances; ///< in the file's order
  uint32_t count;
  fg_instance **order; ///< sources first
  fg_edge **edges;
  uint32_t edge_count;
};

/// Resolves, connects, creates and negotiates. Everything wrong is recorded; NULL when anything was, here or before.
fg_plan *fg_plan_new(const fg_pipeline *pipeline, const fg_registry *registry, uint64_t seed,
                     fg_diagnostics *diagnostics);
/// Destroys the instances too.
void fg_plan_free(fg_plan *plan);

/// Bytes one edge may hold: the pipeline's buffer shared evenly.
uint64_t fg_plan_edge_bound(const fg_plan *plan);
/// Bytes of the largest batch in this format; configurations over 4 MiB count as a slab when `slabs`.
uint64_t fg_format_batch_bytes(const fg_format *format, bool slabs);
/// Memory bound of one stage: what it says it holds, its decoded inputs and the batch it is making.
uint64_t fg_instance_bound(const fg_instance *instance);
/// The whole pipeline: stages, edges, and the program itself.
uint64_t fg_plan_bound(const fg_plan *plan);

/// The pipeline as resolved, as YAML: defaults filled in, paths absolute.
void fg_plan_write(const fg_plan *plan, FILE *out);

#endif
