// stage.h — a stage's descriptor: constant data and functions. One thread at a time is inside an instance.
// Order of calls: create, negotiate, then process… and end for the input ports marked `first`, then [restore], then
// process… and end for the others, in the order their flags ask for, then produce until FG_DONE, then flush, and in every
// case destroy.
#ifndef FINEGRAIN_STAGE_H
#define FINEGRAIN_STAGE_H

#include "host.h"
#include "param.h"
#include "port.h"
#include "state.h"

typedef enum fg_stage_flags {
  FG_STAGE_SLABS = 1u << 0, ///< takes slabs; without it the host assembles whole configurations
} fg_stage_flags;

typedef struct fg_stage {
  uint32_t size;
  uint32_t flags;                ///< fg_stage_flags
  const char *kind;              ///< "sampler.wolff": [a-z]+ . [a-z][a-z0-9-]*
  const char *summary;           ///< one line
  const char *doc;               ///< Markdown: what it computes, its source, its limits
  const fg_param *const *params; ///< ends with NULL
  const fg_port *const *inputs;  ///< ends with NULL
  const fg_port *const *outputs; ///< ends with NULL; the first is the one a bare stage name means
  uint64_t config_size;          ///< sizeof the config struct the parameter table fills

  /// Makes an instance; host and config stay valid until destroy. Must not write files or allocate what a run needs:
  /// `finegrain check` calls it too. On failure *self is ignored. [stage]
  fg_status (*create)(const fg_host *host, const void *config, void **self);

  /// Checks the inputs' formats (NULL for an unconnected optional port) and fills the outputs' formats, which come with
  /// size and kind set. *memory: most bytes the instance will ever hold, beside batches in flight. [stage]
  fg_status (*negotiate)(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory);

  /// One message of input `port`; or, for paired ports, one message of each, in declaration order, cut to the same
  /// configurations (`port` is then the first of them, `count` their number). Messages are valid during the call. [stage]
  fg_status (*process)(void *self, uint32_t port, const fg_message *const *messages, uint32_t count);

  /// Input `port` has ended (paired ports end together, told for the first of them). Optional. [stage]
  fg_status (*end)(void *self, uint32_t port);

  /// Makes output of its own, a step a call, until FG_DONE; called after all inputs have ended. Sources and
  /// generators have it, others leave it NULL. [stage]
  fg_status (*produce)(void *self);

  /// The last chance to emit. Optional. [stage]
  fg_status (*flush)(void *self);

  void (*destroy)(void *self); ///< [stage]

  /// Writes, and reads back, the instance's state between two calls of process or produce. Optional, both or none.
  /// restore comes after what the ports marked `first` gave has been given again, and before anything else; FG_FAILED
  /// (reported) when the bytes are not a state of this stage. [stage]
  fg_status (*save)(void *self, const fg_writer *writer);
  fg_status (*restore)(void *self, const fg_reader *reader);

  /// Constant data for other plugins, by id; NULL for unknown ids. Optional. [any]
  const void *(*extension)(const char *id);
} fg_stage;

#endif
