// point.c — stages for tests of sweeps, of the version -DVERSION=2 (default 1):
//   test.point  an estimate made in steps of a chosen length, which can be saved between them; it may read configurations;
//               it ends as its parameter says: well, with a failure, a crash, a kill or a call of exit; maybe: with a
//               failure if POINT_FAILS is in the environment; wait: well, once the file POINT_WAITS_FOR names is gone
//   test.spins  configurations that depend on the version; only with -DSPINS, and then alone; -DBAD: it fails
#include "finegrain/finegrain.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION 1
#endif
#define TEXT(x) TEXT_OF(x)
#define TEXT_OF(x) #x

#ifndef SPINS

// ---- test.point

typedef struct config {
  double value, pause;
  int64_t steps;
  int32_t end;
} config;

enum { DONE, FAIL, CRASH, KILL, EXIT, MAYBE, WAIT };
static const char *const ends[] = {"done", "fail", "crash", "kill", "exit", "maybe", "wait", NULL};

typedef struct instance {
  const fg_host *host;
  const config *config;
  int64_t step, up; ///< steps done; spins up in what was read
} instance;

static fg_status create(const fg_host *host, const void *given, void **self) {
  instance *made = calloc(1, sizeof *made);
  if (!made) return host->fail(host, "out of memory");
  made->host = host;
  made->config = given;
  *self = made;
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)self;
  (void)inputs;
  (void)outputs;
  *memory = 0;
  return FG_OK;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  instance *me = self;
  const fg_batch *batch = messages[0]->batch;
  (void)port;
  (void)count;
  for (uint32_t i = 0; i < batch->count; i++)
    for (uint64_t y = 0; y < batch->rows; y++)
      for (uint64_t x = 0; x < fg_lattice_width(&batch->lattice); x++)
        me->up += fg_bit_get(fg_batch_row(batch, i, y), x);
  return FG_OK;
}

static fg_status produce(void *self) {
  instance *me = self;
  const struct timespec pause = {(time_t)me->config->pause,
                                 (long)(1e9 * (me->config->pause - (double)(time_t)me->config->pause))};
  if (me->step == me->config->steps) return FG_DONE;
  me->host->progress(me->host, (uint64_t)me->step, (uint64_t)me->config->steps);
  nanosleep(&pause, NULL);
  const char *file = getenv("POINT_WAITS_FOR");
  const bool last = me->step + 1 == me->config->steps;
  if (last && me->config->end == WAIT && file && access(file, F_OK) == 0) return FG_OK;
  if (++me->step < me->config->steps) return FG_OK;
  switch (me->config->end) {
  case FAIL: return me->host->fail(me->host, "it was told to");
  case CRASH: *(volatile int *)(uintptr_t)me->config->end = 1; break;
  case KILL: kill(getpid(), SIGKILL); break;
  case EXIT: exit(0);
  case MAYBE: return getenv("POINT_FAILS") ? me->host->fail(me->host, "POINT_FAILS is set") : FG_OK;
  default: break;
  }
  return FG_OK;
}

static fg_status flush(void *self) {
  instance *me = self;
  fg_table *table = fg_estimates_new(me->host);
  if (!table) return FG_FAILED;
  const fg_lattice site = fg_lattice_square(1);
  fg_rng rng = fg_rng_start(me->host->rng_fill, me->host->rng_key(me->host, "answer"), 0);
  const fg_estimate estimate = {.lattice = &site,
                                .observable = "answer",
                                .value = me->config->value + (double)me->up + VERSION + fg_rng_uniform(&rng),
                                .error = 0.5,
                                .n = (uint64_t)me->config->steps,
                                .tau_int = NAN,
                                .exact = NAN,
                                .unit = "1"};
  if (fg_estimates_add(me->host, table, &estimate) == FG_OK) return me->host->emit_table(me->host, 0, table);
  me->host->table_unref(me->host, table);
  return FG_FAILED;
}

static void destroy(void *self) { free(self); }

static fg_status save(void *self, const fg_writer *writer) {
  const instance *me = self;
  const int64_t numbers[] = {me->step, me->up};
  return writer->write(writer, numbers, sizeof numbers);
}

static fg_status restore(void *self, const fg_reader *reader) {
  instance *me = self;
  int64_t numbers[2];
  if (reader->read(reader, numbers, sizeof numbers) != FG_OK) return me->host->fail(me->host, "this is no state of it");
  me->step = numbers[0];
  me->up = numbers[1];
  return FG_OK;
}

#define PARAM(variable, type_, field, ...)                                                                             \
  static const fg_param variable = {.size = sizeof(fg_param),                                                          \
                                    .type = type_,                                                                     \
                                    .offset = offsetof(config, field),                                                 \
                                    .name = #field,                                                                    \
                                    .doc = "See the name.",                                                            \
                                    __VA_ARGS__}
PARAM(param_value, FG_PARAM_REAL, value, .def = "0");
PARAM(param_pause, FG_PARAM_REAL, pause, .def = "0 s", .min = "0", .unit = "s");
PARAM(param_steps, FG_PARAM_INTEGER, steps, .def = "1", .min = "1");
PARAM(param_end, FG_PARAM_CHOICE, end, .def = "done", .choices = ends);
static const fg_port input = {sizeof(fg_port),  FG_BATCH,         1u << FG_SPIN1,
                              FG_PORT_OPTIONAL, "configurations", "Counted."};
static const fg_port output = {sizeof(fg_port), FG_TABLE, 0, 0, "estimates", "One."};
static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "test.point",
    .summary = "makes an estimate",
    .doc = "For tests.",
    .params = (const fg_param *const[]){&param_value, &param_pause, &param_steps, &param_end, NULL},
    .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .produce = produce,
    .flush = flush,
    .destroy = destroy,
    .save = save,
    .restore = restore,
};

#else

// ---- test.spins

typedef struct instance {
  const fg_host *host;
  uint32_t step;
} instance;

static fg_status create(const fg_host *host, const void *given, void **self) {
  instance *made = calloc(1, sizeof *made);
  (void)given;
  if (!made) return host->fail(host, "out of memory");
  made->host = host;
  *self = made;
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)self;
  (void)inputs;
  outputs[0]->element = FG_SPIN1;
  outputs[0]->shape_count = 1;
  outputs[0]->shapes[0] = fg_lattice_square(8);
  *memory = 0;
  return FG_OK;
}

/// Three configurations with VERSION spins up.
static fg_status produce(void *self) {
  instance *me = self;
  const fg_lattice lattice = fg_lattice_square(8);
#ifdef BAD
  return me->host->fail(me->host, "it is a bad one");
#endif
  if (me->step == 3) return FG_DONE;
  fg_batch *batch = me->host->batch_new(me->host, FG_SPIN1, &lattice, 1);
  if (!batch) return FG_FAILED;
  for (uint64_t x = 0; x < VERSION; x++) fg_bit_set(fg_batch_row_mut(batch, 0, 0), x, 1);
  batch->first = me->step++;
  return me->host->emit_batch(me->host, 0, batch);
}

static void destroy(void *self) { free(self); }

static const fg_port output = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, 0, "configurations", "Three."};
static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "test.spins",
    .summary = "emits configurations",
    .doc = "For tests.",
    .params = (const fg_param *const[]){NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .create = create,
    .negotiate = negotiate,
    .produce = produce,
    .destroy = destroy,
};

#endif

const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "point", .version = TEXT(VERSION), .license = "MIT",
                                    .stages = (const fg_stage *const[]){&stage, NULL}};
