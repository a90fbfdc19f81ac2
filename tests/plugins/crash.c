// crash.c — a plugin that crashes: -DWHERE=CREATE, PRODUCE, HELPERS (inside parallel_for) or STACK (endless recursion).
#include "finegrain/finegrain.h"

#include <stdlib.h>

#define CREATE 1
#define PRODUCE 2
#define HELPERS 3
#define STACK 4

static void crash(void) {
  volatile int *nowhere = NULL;
  *nowhere = 1;
}

static int descend(volatile char *above, int depth) {
  volatile char block[4096];
  block[0] = (char)(*above + 1);
  return depth < 0 ? block[0] : descend(block, depth + 1) + block[0];
}

static fg_status body(void *arg, uint64_t index) {
  (void)arg;
  if (index == 63) crash();
  return FG_OK;
}

static fg_status create(const fg_host *host, const void *config, void **self) {
  (void)config;
  if (WHERE == CREATE) crash();
  *self = (void *)(uintptr_t)host;
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)self;
  (void)inputs;
  outputs[0]->element = FG_SPIN1;
  outputs[0]->shape_count = 1;
  outputs[0]->shapes[0] = fg_lattice_square(4);
  *memory = 0;
  return FG_OK;
}

static fg_status produce(void *self) {
  const fg_host *host = self;
  char start = 0;
  if (WHERE == PRODUCE) crash();
  if (WHERE == HELPERS) return host->parallel_for(host, 64, body, NULL);
  if (WHERE == STACK) return descend(&start, 0) ? FG_OK : FG_DONE;
  return FG_DONE;
}

static void destroy(void *self) { (void)self; }

static const fg_port output = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, 0, "configurations", "None."};
static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "test.crash",
    .summary = "crashes",
    .doc = "For tests.",
    .params = (const fg_param *const[]){NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .create = create,
    .negotiate = negotiate,
    .produce = produce,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "crash", .version = "1", .license = "MIT",
                                    .stages = (const fg_stage *const[]){&stage, NULL}};
