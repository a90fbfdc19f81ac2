// fixture.c — a plugin for tests of the host, compiled in variants:
//   -DKIND='"test.counter"'   its kind
//   -DABI=2                   pretends to be built for another ABI
//   -DOLD                     descriptor structs that end early, as an older header would make them
//   -DFAULT=…                 misbehaves in a chosen way (see below)
// It is a source of square lattices whose spins are a function of configuration, row and column, and, with an input,
// checks that it receives exactly those: so the runtime's cutting, joining and spilling can be told right from wrong.
#include "finegrain/finegrain.h"

#include <stdlib.h>
#include <string.h>

#ifndef KIND
#define KIND "test.counter"
#endif
#ifndef ABI
#define ABI FG_ABI_MAJOR
#endif

#define NO_FAULT 0
#define SILENT_FAILURE 1
#define WRONG_SHAPE 2
#define EARLY_EMIT 3
#define NO_FORMAT 4
#ifndef FAULT
#define FAULT NO_FAULT
#endif

typedef struct config {
  int64_t width, rows, configurations, batch, chains;
} config;

typedef struct instance {
  const fg_host *host;
  const config *config;
  fg_lattice lattice;
  uint64_t next;
} instance;

/// The word at (configuration, row, word of the row), padding masked by the caller.
static uint64_t pattern(uint64_t configuration, uint64_t row, uint64_t word) {
  uint64_t x = configuration * UINT64_C(0x9E3779B97F4A7C15) + row * UINT64_C(0xC2B2AE3D27D4EB4F) +
               word * UINT64_C(0x165667B19E3779F9) + 1;
  x ^= x >> 29;
  x *= UINT64_C(0xBF58476D1CE4E5B9);
  return x ^ x >> 32;
}

static uint64_t masked(uint64_t value, uint64_t width, uint64_t word) {
  uint64_t left = width - 64 * word;
  return left >= 64 ? value : value & ((UINT64_C(1) << left) - 1);
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  instance *made = calloc(1, sizeof *made);
  if (!made) return host->fail(host, "out of memory");
  made->host = host;
  made->config = given;
  made->lattice = fg_lattice_square(0);
  made->lattice.extent[0] = (uint64_t)made->config->rows;
  made->lattice.extent[1] = (uint64_t)made->config->width;
  *self = made;
#if FAULT == EARLY_EMIT
  return host->emit_batch(host, 0, host->batch_new(host, FG_SPIN1, &made->lattice, 1));
#else
  return FG_OK;
#endif
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const instance *me = self;
  (void)inputs;
  *memory = 0;
#if FAULT != NO_FORMAT
  outputs[0]->element = FG_SPIN1;
  outputs[0]->shape_count = 1;
  outputs[0]->shapes[0] = me->lattice;
  outputs[0]->configurations = (uint64_t)me->config->configurations;
  outputs[0]->batch = (uint64_t)me->config->batch;
#else
  (void)me;
  (void)outputs;
#endif
  return FG_OK;
}

static fg_status produce(void *self) {
  instance *me = self;
  uint64_t left = (uint64_t)me->config->configurations - me->next;
  if (left == 0) return FG_DONE;
#if FAULT == SILENT_FAILURE
  if (me->next) return FG_FAILED;
#endif
#if FAULT == WRONG_SHAPE
  me->lattice.extent[1]++;
#endif
  uint32_t count = (uint32_t)(left < (uint64_t)me->config->batch ? left : (uint64_t)me->config->batch);
  fg_batch *batch = me->host->batch_new(me->host, FG_SPIN1, &me->lattice, count);
  if (!batch) return FG_FAILED;
  uint64_t width = fg_lattice_width(&me->lattice);
  for (uint32_t i = 0; i < count; i++)
    for (uint64_t y = 0; y < batch->rows; y++)
      for (uint64_t w = 0; w < batch->row_bytes / 8; w++)
        fg_batch_row_mut(batch, i, y)[w] = masked(pattern(me->next + i, y, w), width, w);
  batch->first = me->next;
  batch->chain = (uint32_t)(me->next / (uint64_t)me->config->batch % (uint64_t)me->config->chains);
  me->next += count;
  return me->host->emit_batch(me->host, 0, batch);
}

static void destroy(void *self) { free(self); }

static const fg_param width = {
    sizeof(fg_param), FG_PARAM_INTEGER, offsetof(config, width), 0, "width", "8", "1", NULL, NULL, NULL, "1",
    "Sites in a row."};
static const fg_param rows = {
    sizeof(fg_param), FG_PARAM_INTEGER, offsetof(config, rows), 0, "rows", "8", "1", NULL, NULL, NULL, "1", "Rows."};
static const fg_param configurations = {sizeof(fg_param),
                                        FG_PARAM_INTEGER,
                                        offsetof(config, configurations),
                                        0,
                                        "configurations",
                                        "10",
                                        "0",
                                        NULL,
                                        NULL,
                                        NULL,
                                        "1",
                                        "Configurations to emit."};
static const fg_param batch_size = {sizeof(fg_param),
                                    FG_PARAM_INTEGER,
                                    offsetof(config, batch),
                                    0,
                                    "batch",
                                    "3",
                                    "1",
                                    NULL,
                                    NULL,
                                    NULL,
                                    "1",
                                    "Configurations in a batch."};
static const fg_param chains = {sizeof(fg_param),
                                FG_PARAM_INTEGER,
                                offsetof(config, chains),
                                0,
                                "chains",
                                "1",
                                "1",
                                NULL,
                                NULL,
                                NULL,
                                "1",
                                "Chains the batches are dealt to."};
static const fg_port output = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, 0, "configurations", "Numbered patterns."};

static const fg_stage source = {
    .size = sizeof(fg_stage),
    .kind = KIND,
    .summary = "emits numbered patterns",
    .doc = "For tests.",
    .params = (const fg_param *const[]){&width, &rows, &configurations, &batch_size, &chains, NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .produce = produce,
    .destroy = destroy,
};

#ifndef OLD

// --- test.verify: receives what test.counter emitted, and reports what it saw as a table ----------------------------

typedef struct verify_config {
  int64_t epochs;
} verify_config;

typedef struct verifier {
  const fg_host *host;
  const verify_config *config;
  uint64_t seen, slabs, pairs, epochs;
  uint64_t hash; ///< order-sensitive digest of all words
} verifier;

static fg_status verify_create(const fg_host *host, const void *given, void **self) {
  verifier *made = calloc(1, sizeof *made);
  if (!made) return host->fail(host, "out of memory");
  made->host = host;
  made->config = given;
  *self = made;
  return FG_OK;
}

static fg_status verify_negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs,
                                  uint64_t *memory) {
  (void)self;
  (void)inputs;
  (void)outputs;
  *memory = 0;
  return FG_OK;
}

static fg_status verify_batch(verifier *me, const fg_batch *batch) {
  uint64_t sites = fg_lattice_width(&batch->lattice);
  if (batch->rows != fg_lattice_rows(&batch->lattice)) me->slabs++;
  for (uint32_t i = 0; i < batch->count; i++) {
    for (uint64_t y = 0; y < batch->rows; y++) {
      for (uint64_t w = 0; w < batch->row_bytes / 8; w++) {
        uint64_t found = fg_batch_row(batch, i, y)[w];
        if (found != masked(pattern(batch->first + i, batch->first_row + y, w), sites, w))
          return me->host->fail(me->host, "configuration %llu row %llu is not what was emitted",
                                (unsigned long long)(batch->first + i), (unsigned long long)(batch->first_row + y));
        me->hash = (me->hash ^ found) * UINT64_C(0x100000001B3);
      }
    }
  }
  if (batch->first_row == 0) me->seen += batch->count;
  return FG_OK;
}

static fg_status verify_process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  verifier *me = self;
  (void)port;
  if (count == 2) {
    if (messages[0]->batch->first != messages[1]->batch->first ||
        messages[0]->batch->count != messages[1]->batch->count)
      return me->host->fail(me->host, "a pair is not aligned");
    me->pairs++;
  }
  for (uint32_t k = 0; k < count; k++)
    if (verify_batch(me, messages[k]->batch) != FG_OK) return FG_FAILED;
  return FG_OK;
}

static fg_status verify_end(void *self, uint32_t port) {
  verifier *me = self;
  (void)port;
  return ++me->epochs < (uint64_t)me->config->epochs ? FG_AGAIN : FG_OK;
}

static fg_status verify_flush(void *self) {
  verifier *me = self;
  static const fg_column name = {sizeof(fg_column), FG_COLUMN_TEXT, "what", "", "what was counted"};
  static const fg_column value = {sizeof(fg_column), FG_COLUMN_INTEGER, "count", "1", "how many"};
  static const fg_column *const columns[] = {&name, &value, NULL};
  fg_table *table = me->host->table_new(me->host, "seen", columns);
  if (!table) return FG_FAILED;
  const struct {
    const char *what;
    uint64_t count;
  } rows_of[] = {{"configurations", me->seen},
                 {"slabs", me->slabs},
                 {"pairs", me->pairs},
                 {"epochs", me->epochs},
                 {"digest", me->hash >> 1}};
  fg_status status = FG_OK;
  for (size_t i = 0; i < sizeof rows_of / sizeof *rows_of && status == FG_OK; i++) {
    fg_cell cells[2];
    cells[0].text = rows_of[i].what;
    cells[1].integer = (int64_t)rows_of[i].count;
    status = me->host->table_row(me->host, table, cells);
  }
  if (status == FG_OK) return me->host->emit_table(me->host, 0, table);
  me->host->table_unref(me->host, table);
  return status;
}

static const fg_param epochs = {sizeof(fg_param),
                                FG_PARAM_INTEGER,
                                offsetof(verify_config, epochs),
                                0,
                                "epochs",
                                "1",
                                "1",
                                NULL,
                                NULL,
                                NULL,
                                "1",
                                "Times the input is read."};
static const fg_port stream_in = {sizeof(fg_port), FG_BATCH,   0, FG_PORT_MANY | FG_PORT_OPTIONAL | FG_PORT_REPLAY,
                                  "stream",        "A stream."};
static const fg_port left_in = {sizeof(fg_port), FG_BATCH,        0, FG_PORT_PAIRED | FG_PORT_OPTIONAL,
                                "left",          "One of a pair."};
static const fg_port right_in = {sizeof(fg_port), FG_BATCH,    0, FG_PORT_PAIRED | FG_PORT_OPTIONAL,
                                 "right",         "The other."};
static const fg_port table_out = {sizeof(fg_port), FG_TABLE, 0, 0, "seen", "What was seen."};

#define VERIFIER(name_, kind_, flags_)                                                                                 \
  static const fg_stage name_ = {                                                                                      \
      .size = sizeof(fg_stage),                                                                                        \
      .flags = flags_,                                                                                                 \
      .kind = kind_,                                                                                                   \
      .summary = "checks numbered patterns",                                                                           \
      .doc = "For tests.",                                                                                             \
      .params = (const fg_param *const[]){&epochs, NULL},                                                              \
      .inputs = (const fg_port *const[]){&stream_in, &left_in, &right_in, NULL},                                       \
      .outputs = (const fg_port *const[]){&table_out, NULL},                                                           \
      .config_size = sizeof(verify_config),                                                                            \
      .create = verify_create,                                                                                         \
      .negotiate = verify_negotiate,                                                                                   \
      .process = verify_process,                                                                                       \
      .end = verify_end,                                                                                               \
      .flush = verify_flush,                                                                                           \
      .destroy = destroy,                                                                                              \
  }
VERIFIER(verify, KIND "-verify", 0);
VERIFIER(verify_slabs, KIND "-verify-slabs", FG_STAGE_SLABS);

#define STAGES &source, &verify, &verify_slabs, NULL
#else
// An older header knew nothing after `flush`; its shorter struct says so.
static fg_stage old_source;
__attribute__((constructor)) static void shorten(void) {
  memcpy(&old_source, &source, sizeof source);
  old_source.size = offsetof(fg_stage, save);
  old_source.save = (fg_status(*)(void *, const fg_writer *))(uintptr_t)1; // rubbish beyond the end
}
#define STAGES &old_source, NULL
#endif

#ifdef NO_SYMBOL
static const fg_plugin unnamed = {
#else
const fg_plugin finegrain_plugin = {
#endif
    .size = sizeof(fg_plugin),
    .magic = FG_PLUGIN_MAGIC,
    .abi_major = ABI,
    .abi_minor = FG_ABI_MINOR,
    .name = "fixture",
    .version = "1",
    .license = "MIT",
    .stages = (const fg_stage *const[]){STAGES}};
#ifdef NO_SYMBOL
const void *fixture_unused(void);
const void *fixture_unused(void) { return &unnamed; }
#endif
