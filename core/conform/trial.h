// trial.h — one instance of a stage under check, in this thread: its parameters, a host that watches what the
// plugin does with it, and its life step by step, in the order that stage.h promises. A broken promise ends the case.
// Private to conform*.c.
#ifndef FG_CORE_CONFORM_TRIAL_H
#define FG_CORE_CONFORM_TRIAL_H

#include "config.h"
#include "conform/data.h"
#include "conform/memory.h"
#include "error.h"
#include "pool.h"
#include "results.h"

#include <pthread.h>

/// How an instance is made and fed. All zero but seed and threads: what is usual.
typedef struct fg_trial_options {
  uint64_t seed;
  const char *param, *value; ///< a parameter's value (YAML) other than it would have; NULL: none
  const uint32_t *cut;       ///< configurations of the input batches, again and again; NULL: all in one
  uint32_t cut_count;
  unsigned threads;      ///< run tokens, at least 1
  uint64_t refuse_emit;  ///< the n-th emit fails with emit_status; 0: none
  uint64_t exhaust;      ///< the n-th message asked for is not there: no memory; 0: none
  uint64_t cancel;       ///< the run is cancelled before the n-th step; 0: never
  fg_status emit_status; ///< FG_FAILED or FG_CANCELLED
  bool slabs;            ///< every configuration in two slabs
  bool no_streams;       ///< configurations end at once
  bool no_models;        ///< models too
  bool backward;         ///< parallel_for goes through its indices from the last to the first, in this thread
} fg_trial_options;

/// What came out of a port. `content` is the same however configurations lie in batches and in whatever order.
typedef struct fg_trial_output {
  fg_format format;
  uint64_t messages, configurations;
  uint64_t exact, content; ///< digests
} fg_trial_output;

/// A message the plugin has something to do with.
typedef struct fg_trial_object {
  uint32_t kind;
  const void *message;
  fg_region *region;   ///< of batches and of input models
  fg_batch made;       ///< the plugin's own batch as it was made
  uint32_t references; ///< the plugin's
  bool input, lent, emitted;
} fg_trial_object;

/// How far an instance is.
typedef struct fg_trial_position {
  uint32_t phase; ///< see trial.c
  uint32_t group;
  uint64_t message;
  uint64_t steps;
} fg_trial_position;

typedef struct fg_trial {
  fg_host host;
  const fg_case *of;
  const fg_stage *stage;
  fg_trial_options options;
  void *self; ///< NULL: refused by create
  struct fg_trial_values *values;
  fg_config *config;
  fg_format inputs[64];
  char (*input_names)[96]; ///< "its input 'fine'"
  uint32_t input_count, output_count;
  fg_trial_output *outputs;
  uint64_t memory; ///< as negotiated
  fg_trial_position at;

  pthread_t thread; ///< the stage's
  fg_pool *pool;
  pthread_mutex_t lock; ///< of what follows; plugins may call from helpers
  fg_trial_object *objects;
  size_t object_count, object_capacity;
  uint64_t allocations, emits;
  bool failed, stopped; ///< fail was called; emit has refused
  bool exhausted;
  bool spoken; ///< has emitted a model or a table
  char reason[1024];

  const char *call; ///< the function under way; NULL: none
  fg_results *results;
  char **files; ///< begun
  size_t file_count;
  uint64_t written; ///< digest of the files committed
  fg_model *model;  ///< the first one emitted
} fg_trial;

/// Makes the instance: fills its parameters and calls create. False: the host refuses the parameters, nothing was made.
/// The trial's reason says why create refused (self NULL).
bool fg_trial_open(fg_trial *trial, const fg_case *c, const fg_trial_options *options);
/// Calls negotiate for what the feed says, and checks what is announced. FG_FAILED: refused (see reason), or the feed has
/// nothing for this stage (reason is "").
fg_status fg_trial_negotiate(fg_trial *trial, const fg_feed *feed);
/// One call of the plugin. FG_OK: there is more; FG_DONE: its life is over; negative: it failed.
fg_status fg_trial_step(fg_trial *trial, const fg_feed *feed);
/// Destroys, and checks that nothing was kept.
void fg_trial_close(fg_trial *trial);

/// Steps until the ports marked `first` have ended.
fg_status fg_trial_begin(fg_trial *trial, const fg_feed *feed);
/// Steps until the end.
fg_status fg_trial_finish(fg_trial *trial, const fg_feed *feed);
/// True when a checkpoint could be written now.
bool fg_trial_is_savable(const fg_trial *trial);

/// "size: 8, coupling: critical": the parameters that are not at their default, as YAML.
const char *fg_trial_params(const fg_trial *trial, char *text, size_t size);

/// The parameters of a stage (values.c): --set over plausible values of required ones, `name: value` over both.
/// NULL: refused, with the reason.
struct fg_trial_values *fg_trial_values_new(const fg_case *c, const char *name, const char *value, fg_config **config,
                                            fg_error *why);
void fg_trial_values_free(struct fg_trial_values *values);
/// Number of sets of plausible values to try.
#define FG_TRIAL_VALUES 12u
/// Extreme value `index` of a parameter, as YAML; false when there are no more.
bool fg_trial_extreme(const fg_param *param, uint32_t index, char *text, size_t size);

/// Waits, a little, until `all` threads have come here.
void fg_trial_meet(atomic_uint *arrived, unsigned all);

/// The trial's own record of a message, NULL when it knows none.
fg_trial_object *fg_trial_find(fg_trial *trial, const void *message);
/// Takes a reference that the plugin gives away in `function`; ends the case when it has none.
void fg_trial_drop(fg_trial *trial, const void *message, uint32_t kind, const char *function);
/// Ends the case when a [stage] function is called from inside parallel_for.
void fg_trial_require_stage(const fg_trial *trial, const char *function);
/// "process", "between two calls"; "batch", "model" or "table".
const char *fg_trial_here(const fg_trial *trial);
const char *fg_trial_kind_word(uint32_t kind);

/// Of fg_host (emit.c).
fg_status fg_trial_emit_batch(const fg_host *host, uint32_t port, fg_batch *batch);
fg_status fg_trial_emit_model(const fg_host *host, uint32_t port, fg_model *model);
fg_status fg_trial_emit_table(const fg_host *host, uint32_t port, fg_table *table);
/// Fills trial->host (host.c).
void fg_trial_host(fg_trial *trial);
/// Around every call: names it, and checks what it returns. `allowed` is a set of bits 1 << (status + 2).
void fg_trial_enter(fg_trial *trial, const char *call);
fg_status fg_trial_leave(fg_trial *trial, fg_status status, unsigned allowed);
/// A message lent to the plugin for a call; its batch or model is the trial's. Taken back after the call.
fg_batch *fg_trial_lend_batch(fg_trial *trial, const char *what, uint32_t element, const fg_lattice *lattice,
                              uint32_t count, uint64_t first_row, uint64_t rows);
const fg_model *fg_trial_lend_model(fg_trial *trial, const char *what, const fg_feed *feed);
void fg_trial_seal(fg_trial *trial, const void *message); ///< filled: read only from here on
void fg_trial_take_back(fg_trial *trial);
/// What the plugin still holds ends the case.
void fg_trial_check_references(const fg_trial *trial);

#endif
