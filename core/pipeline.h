// pipeline.h — what the user wrote: a pipeline file with its overrides, checked for form but not yet for meaning.
// Knows YAML and the grammar of DESIGN section 3; knows no plugin.
#ifndef FG_CORE_PIPELINE_H
#define FG_CORE_PIPELINE_H

#include "override.h"

/// A reference to an output: "sample" or "sample.configurations".
typedef struct fg_reference {
  fg_place place;
  const char *stage;
  const char *port; ///< NULL: the stage's first output
} fg_reference;

/// One input of a stage: port and the outputs it takes, in order.
typedef struct fg_input_spec {
  fg_place place;
  const char *port; ///< NULL: written as `input:`
  bool list;        ///< written as [a, b]
  fg_reference *references;
  size_t count;
} fg_input_spec;

/// record: {port: FILE}
typedef struct fg_record_spec {
  fg_place place;
  const char *port;
  const char *file;
} fg_record_spec;

typedef struct fg_stage_spec {
  fg_place place;
  const char *name;
  fg_place kind_place;
  const char *kind;      ///< NULL: missing, which has been recorded
  const fg_node *params; ///< NULL: none
  fg_input_spec *inputs;
  size_t input_count;
  fg_record_spec *records;
  size_t record_count;
} fg_stage_spec;

typedef struct fg_pipeline {
  const char *file;   ///< as the user gave it
  const char *folder; ///< absolute folder of the file, for relative input paths
  const char *name;
  uint64_t seed;
  int zstd_level;    ///< 0: none
  uint64_t buffer;   ///< bytes of all edges together
  double checkpoint; ///< seconds between checkpoints of a stage; 0: none
  fg_stage_spec *stages;
  size_t stage_count;
  struct fg_pipeline_file *own; ///< closed with the pipeline; NULL: the file is another's
} fg_pipeline;

/// A pipeline file and what the command line put over it, read but not yet looked at. It owns all texts of pipelines made
/// of it.
typedef struct fg_pipeline_file {
  const char *path;        ///< as the user gave it
  char *folder;            ///< absolute
  fg_node *root;           ///< a map
  fg_document **documents; ///< the file and one for each --set
  size_t document_count;
} fg_pipeline_file;

/// NULL after an error was recorded. `sets`: each "stage.params.key=value" or "stream.key=value", a later one over an
/// earlier one; a parameter set for one stage leaves others alone, even where an alias shares it.
fg_pipeline_file *fg_pipeline_open(const char *path, const char *const *sets, size_t set_count,
                                   fg_diagnostics *diagnostics);
void fg_pipeline_close(fg_pipeline_file *file);

/// Makes a pipeline of a file with some values replaced; the file stays as it is, and must live as long. Everything wrong
/// is recorded, also more than 1,000 stages. A pipeline with faults is returned too, as far as it could be read, so that
/// its plan can find more of them in the same pass; NULL when there are no stages to look at.
fg_pipeline *fg_pipeline_make(const fg_pipeline_file *file, const fg_override *overrides, size_t count,
                              fg_diagnostics *diagnostics);

/// Both in one: the file belongs to the pipeline.
fg_pipeline *fg_pipeline_read(const char *path, const char *const *sets, size_t set_count, fg_diagnostics *diagnostics);
void fg_pipeline_free(fg_pipeline *pipeline);

#endif
