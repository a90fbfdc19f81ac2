// onednn_steps.h — oneDNN primitives with the memories they work on, made once and run in order as often as one likes.
// The first failure is kept and what comes after it does nothing, so that a long list needs one check at its end.
#ifndef PLUGINS_NETWORKS_ONEDNN_STEPS_H
#define PLUGINS_NETWORKS_ONEDNN_STEPS_H

#include "arena.h"

#include <dnnl.h>

#define ONEDNN_MOST_STEPS 96u // of a list
#define ONEDNN_MOST_THINGS 320u
#define ONEDNN_MOST_ARGUMENTS 6u

/// A primitive and its arguments.
typedef struct onednn_step {
  dnnl_primitive_t primitive;
  uint32_t count;
  dnnl_exec_arg_t arguments[ONEDNN_MOST_ARGUMENTS];
} onednn_step;

typedef struct onednn_list {
  uint32_t count;
  onednn_step steps[ONEDNN_MOST_STEPS];
} onednn_list;

/// Owns all that the steps are made of, but the memory. One thread at a time.
typedef struct onednn_shop {
  dnnl_status_t status; ///< the first failure
  arena *memory;        ///< for what the steps work on
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  uint32_t desc_count, primitive_count, memory_count;
  dnnl_primitive_desc_t descs[ONEDNN_MOST_THINGS];
  dnnl_primitive_t primitives[ONEDNN_MOST_THINGS];
  dnnl_memory_t memories[ONEDNN_MOST_THINGS];
} onednn_shop;

/// An operation, from dnnl_…_desc_init, and how it goes on.
typedef struct onednn_operation {
  const void *desc;
  dnnl_alg_kind_t then;             ///< activation that follows at once; dnnl_alg_kind_undef: none
  float alpha;                      ///< of the activation
  const_dnnl_primitive_desc_t hint; ///< backward: the forward operation
} onednn_operation;

void onednn_open(onednn_shop *shop, arena *memory);
void onednn_close(onednn_shop *shop); ///< whether or not opening succeeded

/// Keeps the first failure.
void onednn_check(onednn_shop *shop, dnnl_status_t status);

/// "out of memory", …: constant text; NULL while nothing has failed.
const char *onednn_fault(const onednn_shop *shop);

/// Floats with anything in them; NULL after a failure.
float *onednn_block(onednn_shop *shop, uint64_t count);

/// A memory on `data`, or, when that is NULL, on a block of its own; NULL after a failure.
dnnl_memory_t onednn_memory(onednn_shop *shop, const dnnl_memory_desc_t *order, float *data);

/// What oneDNN makes of an operation; NULL after a failure.
const_dnnl_primitive_desc_t onednn_describe(onednn_shop *shop, const onednn_operation *operation);

/// A memory on a block of its own, in the order that an operation asks for; NULL after a failure.
dnnl_memory_t onednn_memory_for(onednn_shop *shop, const_dnnl_primitive_desc_t desc, dnnl_query_t what);

/// A step with its scratchpad; the other arguments are to be added.
onednn_step onednn_step_of(onednn_shop *shop, const_dnnl_primitive_desc_t desc);

/// Copies from one order of elements to another.
onednn_step onednn_reorder(onednn_shop *shop, dnnl_memory_t from, dnnl_memory_t to);

/// NULL memories are left out.
void onednn_argument(onednn_step *step, int what, dnnl_memory_t memory);

void onednn_append(onednn_shop *shop, onednn_list *list, const onednn_step *step);
void onednn_run(onednn_shop *shop, const onednn_step *step);
void onednn_run_all(onednn_shop *shop, const onednn_list *list);

/// oneDNN uses as many threads as the calling thread may; sets them to one and returns what was set, to be set again.
int onednn_single_thread(void);
void onednn_set_threads(int threads);

#endif
