// fixture.c — a plugin for tests of the host, compiled in variants:
//   -DKIND='"test.counter"'   its kind
//   -DABI=2                   pretends to be built for another ABI
//   -DOLD, -DNEWER            descriptors of an older or newer minor version: structs that end early or go on
//   -DNO_SYMBOL               exports nothing
//   -DFAULT=…                 misbehaves in a chosen way (see below)
// It is a source of square lattices whose spins or states are a function of configuration, row and column, checks
// elsewhere that it receives exactly those, and lists what it receives: so the runtime's cutting, joining and spilling,
// and other stages' work, can be told right from wrong.
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
#define NO_STAGES 5
#define TWIN_PORTS 6
#define TWIN_KINDS 7
#define SAVE_ONLY 8
#ifndef FAULT
#define FAULT NO_FAULT
#endif

// ---- descriptors of any age

// Every descriptor is followed by rubbish, which the host must not take for fields. An older header does not have the
// fields that may be absent, so they are rubbish too; in a newer one what follows are fields this host has never heard of,
// and enough of them to be noticed where the host has no room for them. Of parameters and of the plugin nothing may be
// absent.
#define RUBBISH 0xA5A5A5A5A5A5A5A5u
#define EIGHT(value) value, value, value, value, value, value, value, value
#define LATER_FIELDS                                                                                                   \
  { EIGHT(EIGHT(RUBBISH)) }
#define SLOT(type)                                                                                                     \
  struct {                                                                                                             \
    type now;                                                                                                          \
    uint64_t later[64];                                                                                                \
  }
#ifdef NEWER
#define WHOLE(type) ((uint32_t)sizeof(SLOT(type)))
#else
#define WHOLE(type) ((uint32_t)sizeof(type))
#endif
#if defined OLD
#define SIZE(type, absent) ((uint32_t)offsetof(type, absent))
#define MAY_BE_ABSENT(type, value) ((type)(uintptr_t)RUBBISH)
#define ABI_MINOR FG_ABI_MINOR
#elif defined NEWER
#define SIZE(type, absent) WHOLE(type)
#define MAY_BE_ABSENT(type, value) (value)
#define ABI_MINOR (FG_ABI_MINOR + 1)
#else
#define SIZE(type, absent) WHOLE(type)
#define MAY_BE_ABSENT(type, value) (value)
#define ABI_MINOR FG_ABI_MINOR
#endif

#define PARAM(variable, struct_, field, type_, default_, minimum, choices_, text)                                      \
  static const SLOT(fg_param) variable = {{.size = WHOLE(fg_param),                                                    \
                                           .type = type_,                                                              \
                                           .offset = offsetof(struct_, field),                                         \
                                           .name = #field,                                                             \
                                           .def = default_,                                                            \
                                           .min = minimum,                                                             \
                                           .choices = choices_,                                                        \
                                           .names = NULL,                                                              \
                                           .unit = "1",                                                                \
                                           .doc = text},                                                               \
                                          LATER_FIELDS}
#define INTEGER(variable, struct_, field, default_, minimum, text)                                                     \
  PARAM(variable, struct_, field, FG_PARAM_INTEGER, default_, minimum, NULL, text)
#define PORT(variable, kinds_, elements_, flags_, name_, text)                                                         \
  static const SLOT(fg_port) variable = {{.size = SIZE(fg_port, doc),                                                  \
                                          .kinds = kinds_,                                                             \
                                          .elements = elements_,                                                       \
                                          .flags = flags_,                                                             \
                                          .name = name_,                                                               \
                                          .doc = MAY_BE_ABSENT(const char *, text)},                                   \
                                         LATER_FIELDS}

typedef fg_status save_function(void *self, const fg_writer *writer);
typedef fg_status restore_function(void *self, const fg_reader *reader);
typedef const void *extension_function(const char *id);
#define STAGE(variable, ...)                                                                                           \
  static const SLOT(fg_stage) variable = {{.size = SIZE(fg_stage, save),                                               \
                                           .restore = MAY_BE_ABSENT(restore_function *, NULL),                         \
                                           .extension = MAY_BE_ABSENT(extension_function *, NULL),                     \
                                           __VA_ARGS__},                                                               \
                                          LATER_FIELDS}
#if FAULT == SAVE_ONLY
static fg_status save(void *self, const fg_writer *writer) {
  (void)self;
  (void)writer;
  return FG_OK;
}
#define SAVE MAY_BE_ABSENT(save_function *, save)
#else
#define SAVE MAY_BE_ABSENT(save_function *, NULL)
#endif

/// The host's functions as a later minor version may have them.
typedef struct later_host {
  uint32_t size;
  char known[sizeof(fg_host) - sizeof(uint32_t)];
  fg_status (*later)(const fg_host *host);
} later_host;

/// A plugin asks before it calls what an older host may not have.
static fg_status check_host(const fg_host *host) {
  const later_host *later = (const later_host *)(const void *)host;
  if (!FG_HAS(host, output_commit)) return host->fail(host, "the host says it has no output_commit");
  if (FG_HAS(later, later)) return host->fail(host, "the host says it has what no header declares");
  return FG_OK;
}

// ---- test.counter: numbered patterns

typedef struct config {
  int64_t width, rows, configurations, batch, chains;
  int32_t element;
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

/// A word of a row of so many bits, with the padding zero.
static uint64_t masked(uint64_t value, uint64_t bits, uint64_t word) {
  uint64_t left = bits - 64 * word;
  return left >= 64 ? value : value & ((UINT64_C(1) << left) - 1);
}

static uint64_t row_bits(uint32_t element, const fg_lattice *lattice) {
  return fg_lattice_width(lattice) * (element == FG_STATE8 ? 8 : 1);
}

enum { SPINS, STATES }; // choices of `element`
static uint32_t element_of(const instance *me) { return me->config->element == STATES ? FG_STATE8 : FG_SPIN1; }

static fg_status create(const fg_host *host, const void *given, void **self) {
  if (check_host(host) != FG_OK) return FG_FAILED;
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
  outputs[0]->element = element_of(me);
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
  fg_batch *batch = me->host->batch_new(me->host, element_of(me), &me->lattice, count);
  if (!batch) return FG_FAILED;
  uint64_t bits = row_bits(batch->element, &me->lattice);
  for (uint32_t i = 0; i < count; i++)
    for (uint64_t y = 0; y < batch->rows; y++)
      for (uint64_t w = 0; w < batch->row_bytes / 8; w++)
        fg_batch_row_mut(batch, i, y)[w] = masked(pattern(me->next + i, y, w), bits, w);
  batch->first = me->next;
  batch->chain = (uint32_t)(me->next / (uint64_t)me->config->batch % (uint64_t)me->config->chains);
  me->next += count;
  return me->host->emit_batch(me->host, 0, batch);
}

static void destroy(void *self) { free(self); }

static const char *const elements[] = {"spins", "states", NULL};

INTEGER(width, config, width, "8", "1", "Sites in a row.");
INTEGER(rows, config, rows, "8", "1", "Rows.");
INTEGER(configurations, config, configurations, "10", "0", "Configurations to emit.");
INTEGER(batch_size, config, batch, "3", "1", "Configurations in a batch.");
INTEGER(chains, config, chains, "1", "1", "Chains the batches are dealt to.");
PARAM(element, config, element, FG_PARAM_CHOICE, "spins", NULL, elements, "What a site holds.");
PORT(patterns, FG_BATCH, 1u << FG_SPIN1 | 1u << FG_STATE8, 0, "configurations", "Numbered patterns.");

STAGE(counter, .kind = KIND, .summary = "emits numbered patterns", .doc = "For tests.",
      .params = (const fg_param *const[]){&width.now, &rows.now, &configurations.now, &batch_size.now, &chains.now,
                                          &element.now, NULL},
      .inputs = (const fg_port *const[]){NULL},
      .outputs = (const fg_port *const[]){&patterns.now, FAULT == TWIN_PORTS ? &patterns.now : NULL, NULL},
      .config_size = sizeof(config), .create = create, .negotiate = negotiate, .produce = produce, .destroy = destroy,
      .save = SAVE);

// ---- test.counter-verify: receives what test.counter emitted, and reports what it saw as a table

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
  uint64_t bits = row_bits(batch->element, &batch->lattice);
  if (batch->rows != fg_lattice_rows(&batch->lattice)) me->slabs++;
  for (uint32_t i = 0; i < batch->count; i++) {
    for (uint64_t y = 0; y < batch->rows; y++) {
      for (uint64_t w = 0; w < batch->row_bytes / 8; w++) {
        uint64_t found = fg_batch_row(batch, i, y)[w];
        if (found != masked(pattern(batch->first + i, batch->first_row + y, w), bits, w))
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

INTEGER(epochs, verify_config, epochs, "1", "1", "Times the input is read.");
PORT(stream_in, FG_BATCH, 0, FG_PORT_MANY | FG_PORT_OPTIONAL | FG_PORT_REPLAY, "stream", "A stream.");
PORT(left_in, FG_BATCH, 0, FG_PORT_PAIRED | FG_PORT_OPTIONAL, "left", "One of a pair.");
PORT(right_in, FG_BATCH, 0, FG_PORT_PAIRED | FG_PORT_OPTIONAL, "right", "The other.");
PORT(table_out, FG_TABLE, 0, 0, "seen", "What was seen.");

#define VERIFIER(variable, kind_, flags_)                                                                              \
  STAGE(variable, .flags = flags_, .kind = kind_, .summary = "checks numbered patterns", .doc = "For tests.",          \
        .params = (const fg_param *const[]){&epochs.now, NULL},                                                        \
        .inputs = (const fg_port *const[]){&stream_in.now, &left_in.now, &right_in.now, NULL},                         \
        .outputs = (const fg_port *const[]){&table_out.now, NULL}, .config_size = sizeof(verify_config),               \
        .create = verify_create, .negotiate = verify_negotiate, .process = verify_process, .end = verify_end,          \
        .flush = verify_flush, .destroy = destroy, .save = MAY_BE_ABSENT(save_function *, NULL))
VERIFIER(verify, KIND "-verify", 0);
VERIFIER(verify_slabs, KIND "-verify-slabs", FG_STAGE_SLABS);

// ---- test.counter-list: a table of every site of every configuration, for small lattices

static fg_status list_create(const fg_host *host, const void *given, void **self) {
  (void)given;
  *self = (void *)(uintptr_t)host;
  return FG_OK;
}

static void list_destroy(void *self) { (void)self; }

static fg_status list_process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  static const fg_column level = {sizeof(fg_column), FG_COLUMN_INTEGER, "level", "1", "level"};
  static const fg_column index = {sizeof(fg_column), FG_COLUMN_INTEGER, "configuration", "1", "its index"};
  static const fg_column chain = {sizeof(fg_column), FG_COLUMN_INTEGER, "chain", "1", "its chain"};
  static const fg_column row = {sizeof(fg_column), FG_COLUMN_INTEGER, "row", "1", "row"};
  static const fg_column column = {sizeof(fg_column), FG_COLUMN_INTEGER, "column", "1", "column"};
  static const fg_column value = {sizeof(fg_column), FG_COLUMN_INTEGER, "value", "1", "spin (0, 1) or state"};
  static const fg_column *const columns[] = {&level, &index, &chain, &row, &column, &value, NULL};
  const fg_host *host = self;
  const fg_batch *batch = messages[0]->batch;
  (void)port;
  (void)count;
  fg_table *table = host->table_new(host, "sites", columns);
  if (!table) return FG_FAILED;
  fg_status status = FG_OK;
  for (uint32_t i = 0; i < batch->count; i++)
    for (uint64_t y = 0; y < batch->rows; y++)
      for (uint64_t x = 0; x < fg_lattice_width(&batch->lattice) && status == FG_OK; x++) {
        const uint64_t *words = fg_batch_row(batch, i, y);
        fg_cell cells[6] = {{.integer = batch->level},
                            {.integer = (int64_t)(batch->first + i)},
                            {.integer = batch->chain},
                            {.integer = (int64_t)y},
                            {.integer = (int64_t)x}};
        cells[5].integer = batch->element == FG_STATE8 ? ((const uint8_t *)words)[x] : fg_bit_get(words, x);
        status = host->table_row(host, table, cells);
      }
  if (status == FG_OK) return host->emit_table(host, 0, table);
  host->table_unref(host, table);
  return status;
}

PORT(list_in, FG_BATCH, 1u << FG_SPIN1 | 1u << FG_STATE8, 0, "configurations", "What to list.");
PORT(list_out, FG_TABLE, 0, 0, "sites", "A row a site.");
STAGE(list, .kind = KIND "-list", .summary = "lists spins and states", .doc = "For tests.",
      .params = (const fg_param *const[]){NULL}, .inputs = (const fg_port *const[]){&list_in.now, NULL},
      .outputs = (const fg_port *const[]){&list_out.now, NULL}, .create = list_create, .negotiate = verify_negotiate,
      .process = list_process, .destroy = list_destroy, .save = MAY_BE_ABSENT(save_function *, NULL));

// ---- the plugin

// The symbol's name is given apart from the variable's,
// whose type must be larger than the one the header declares.
#ifdef NO_SYMBOL
#define SYMBOL "unknown_symbol"
#else
#define SYMBOL FG_PLUGIN_SYMBOL
#endif
typedef SLOT(fg_plugin) plugin_slot;
extern const plugin_slot exported __asm__(SYMBOL) __attribute__((visibility("default")));
const plugin_slot exported = {
    {.size = WHOLE(fg_plugin),
     .magic = FG_PLUGIN_MAGIC,
     .abi_major = ABI,
     .abi_minor = ABI_MINOR,
     .name = "fixture",
     .version = "1",
     .license = NULL,
     .stages = (const fg_stage *const[]){FAULT == NO_STAGES ? NULL : &counter.now, &verify.now, &verify_slabs.now,
                                         &list.now, FAULT == TWIN_KINDS ? &list.now : NULL, NULL}},
    LATER_FIELDS};
