// onednn_steps.c — see onednn_steps.h.
#include "onednn_steps.h"

// The OpenMP runtime of Debian's oneDNN; its header comes with the compiler, if at all.
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int threads);

int onednn_single_thread(void) {
  int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  return threads;
}

void onednn_set_threads(int threads) { omp_set_num_threads(threads); }

const char *onednn_fault(const onednn_shop *shop) {
  switch (shop->status) {
  case dnnl_success: return NULL;
  case dnnl_out_of_memory: return "out of memory";
  case dnnl_unimplemented: return "oneDNN has no implementation of these layers";
  case dnnl_invalid_arguments: return "oneDNN takes these layers for invalid";
  default: return "oneDNN failed at run time";
  }
}

void onednn_check(onednn_shop *shop, dnnl_status_t status) {
  if (shop->status == dnnl_success) shop->status = status;
}

/// Whether nothing has failed and a list has a place left.
static int room(onednn_shop *shop, uint32_t count) {
  if (count >= ONEDNN_MOST_THINGS) onednn_check(shop, dnnl_out_of_memory);
  return shop->status == dnnl_success;
}

void onednn_open(onednn_shop *shop, arena *memory) {
  *shop = (onednn_shop){.memory = memory};
  onednn_check(shop, dnnl_engine_create(&shop->engine, dnnl_cpu, 0));
  if (shop->engine) onednn_check(shop, dnnl_stream_create(&shop->stream, shop->engine, dnnl_stream_default_flags));
}

void onednn_close(onednn_shop *shop) {
  for (uint32_t i = 0; i < shop->primitive_count; i++) dnnl_primitive_destroy(shop->primitives[i]);
  for (uint32_t i = 0; i < shop->desc_count; i++) dnnl_primitive_desc_destroy(shop->descs[i]);
  for (uint32_t i = 0; i < shop->memory_count; i++) dnnl_memory_destroy(shop->memories[i]);
  if (shop->stream) dnnl_stream_destroy(shop->stream);
  if (shop->engine) dnnl_engine_destroy(shop->engine);
}

// ---- memory

float *onednn_block(onednn_shop *shop, uint64_t count) {
  float *block = shop->status == dnnl_success ? arena_block(shop->memory, count * sizeof *block) : NULL;
  if (!block) onednn_check(shop, dnnl_out_of_memory);
  return block;
}

dnnl_memory_t onednn_memory(onednn_shop *shop, const dnnl_memory_desc_t *order, float *data) {
  dnnl_memory_t memory = NULL;
  if (!room(shop, shop->memory_count)) return NULL;
  if (!data) data = onednn_block(shop, dnnl_memory_desc_get_size(order) / sizeof(float) + 1);
  if (!data) return NULL;
  onednn_check(shop, dnnl_memory_create(&memory, order, shop->engine, data));
  if (memory) shop->memories[shop->memory_count++] = memory;
  return memory;
}

dnnl_memory_t onednn_memory_for(onednn_shop *shop, const_dnnl_primitive_desc_t desc, dnnl_query_t what) {
  return desc ? onednn_memory(shop, dnnl_primitive_desc_query_md(desc, what, 0), NULL) : NULL;
}

// ---- operations

/// Scratchpads are ours: those of the library belong to the thread that made the primitive.
static dnnl_primitive_attr_t attributes(onednn_shop *shop, dnnl_alg_kind_t then, float alpha) {
  dnnl_primitive_attr_t attr = NULL;
  dnnl_post_ops_t after = NULL;
  onednn_check(shop, dnnl_primitive_attr_create(&attr));
  if (attr) onednn_check(shop, dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user));
  if (!attr || then == dnnl_alg_kind_undef) return attr;
  onednn_check(shop, dnnl_post_ops_create(&after));
  if (!after) return attr;
  onednn_check(shop, dnnl_post_ops_append_eltwise(after, 1, then, alpha, 0));
  onednn_check(shop, dnnl_primitive_attr_set_post_ops(attr, after));
  dnnl_post_ops_destroy(after);
  return attr;
}

static const_dnnl_primitive_desc_t keep(onednn_shop *shop, dnnl_primitive_desc_t desc) {
  if (desc) shop->descs[shop->desc_count++] = desc;
  return desc;
}

const_dnnl_primitive_desc_t onednn_describe(onednn_shop *shop, const onednn_operation *operation) {
  dnnl_primitive_desc_t desc = NULL;
  dnnl_primitive_attr_t attr = attributes(shop, operation->then, operation->alpha);
  if (room(shop, shop->desc_count))
    onednn_check(shop, dnnl_primitive_desc_create(&desc, operation->desc, attr, shop->engine, operation->hint));
  if (attr) dnnl_primitive_attr_destroy(attr);
  return keep(shop, desc);
}

// ---- steps

onednn_step onednn_step_of(onednn_shop *shop, const_dnnl_primitive_desc_t desc) {
  onednn_step step = {.primitive = NULL};
  if (!room(shop, shop->primitive_count)) return step;
  onednn_check(shop, dnnl_primitive_create(&step.primitive, desc));
  if (!step.primitive) return step;
  shop->primitives[shop->primitive_count++] = step.primitive;
  const dnnl_memory_desc_t *scratchpad = dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
  if (scratchpad && dnnl_memory_desc_get_size(scratchpad) > 0)
    onednn_argument(&step, DNNL_ARG_SCRATCHPAD, onednn_memory(shop, scratchpad, NULL));
  return step;
}

onednn_step onednn_reorder(onednn_shop *shop, dnnl_memory_t from, dnnl_memory_t to) {
  dnnl_primitive_desc_t desc = NULL;
  const dnnl_memory_desc_t *source = NULL, *target = NULL;
  dnnl_primitive_attr_t attr = attributes(shop, dnnl_alg_kind_undef, 0);
  if (shop->status == dnnl_success) {
    onednn_check(shop, dnnl_memory_get_memory_desc(from, &source));
    onednn_check(shop, dnnl_memory_get_memory_desc(to, &target));
  }
  if (room(shop, shop->desc_count))
    onednn_check(shop, dnnl_reorder_primitive_desc_create(&desc, source, shop->engine, target, shop->engine, attr));
  if (attr) dnnl_primitive_attr_destroy(attr);
  onednn_step step = onednn_step_of(shop, keep(shop, desc));
  onednn_argument(&step, DNNL_ARG_FROM, from);
  onednn_argument(&step, DNNL_ARG_TO, to);
  return step;
}

void onednn_argument(onednn_step *step, int what, dnnl_memory_t memory) {
  if (memory) step->arguments[step->count++] = (dnnl_exec_arg_t){what, memory};
}

void onednn_append(onednn_shop *shop, onednn_list *list, const onednn_step *step) {
  if (list->count == ONEDNN_MOST_STEPS) onednn_check(shop, dnnl_out_of_memory);
  if (shop->status == dnnl_success) list->steps[list->count++] = *step;
}

void onednn_run(onednn_shop *shop, const onednn_step *step) {
  if (shop->status != dnnl_success) return;
  onednn_check(shop, dnnl_primitive_execute(step->primitive, shop->stream, (int)step->count, step->arguments));
  onednn_check(shop, dnnl_stream_wait(shop->stream));
}

void onednn_run_all(onednn_shop *shop, const onednn_list *list) {
  for (uint32_t i = 0; i < list->count; i++) onednn_run(shop, &list->steps[i]);
}
