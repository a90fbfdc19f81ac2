// broken.c — a plugin that breaks one promise: -DFAULT=…, see below. Without a fault test.broken flips every spin, keeps
// the promises, and can be saved. cli_author.sh tells what check-plugin and run must say of each fault.
#include "finegrain/finegrain.h"

#include <stdlib.h>
#include <string.h>

// clang-format off
enum {
  NONE, ABI, TWO_KINDS, NO_UNIT,                               // told by the file
  CRASH_CREATE, CRASH_LIMIT, EARLY_EMIT, HOGS_CREATE,                                   // create
  CRASH_PROCESS, CRASH_HELPER, ABORTS, EXITS, ENDLESS, POLITE, SILENT, CHATTY, STATUS,  // process
  WRITES_INPUT, READS_BEYOND, KEEPS_INPUT, DOUBLE_EMIT, WRITES_EMITTED, WRONG_SHAPE,    // batches
  PADDING, PASSES_ON, HELPER_EMIT, HOGS,
  IGNORES_EMIT, NO_CHECK, FAILS_CANCELLED,                                              // mishaps
  LEAK, LEAK_BATCH, LEAK_CANCELLED, BAD_SAVE, BAD_RESTORE,
  CUT, GLOBAL, SHARED, UNSET, AGAIN                                                     // the same for the same
};
// clang-format on
#ifndef FAULT
#define FAULT NONE
#endif

typedef struct config {
  int64_t first;
} config;

typedef struct broken {
  const fg_host *host;
  const config *config;
  uint64_t seen; ///< configurations
  const fg_batch *kept;
  char *hoard;
} broken;

static int32_t shared_counter; // GLOBAL, SHARED
static volatile int *nowhere;  // crashes

static fg_status create(const fg_host *host, const void *given, void **self) {
  const config *c = given;
  if (FAULT == CRASH_CREATE) *nowhere = 1;
  if (FAULT == CRASH_LIMIT && c->first == 1000) abort();
  broken *made = calloc(1, sizeof *made);
  if (!made) return host->fail(host, "out of memory");
  made->host = host;
  made->config = c;
  if (FAULT == HOGS_CREATE) made->hoard = calloc((size_t)c->first + 1, 1 << 20);
  *self = made;
  if (FAULT == EARLY_EMIT) {
    const fg_lattice lattice = fg_lattice_square(8);
    return host->emit_batch(host, 0, host->batch_new(host, FG_SPIN1, &lattice, 1));
  }
  return FG_OK;
}

static void destroy(void *self) {
  broken *b = self;
  if (FAULT != LEAK) free(b->hoard);
  free(b);
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)self;
  *outputs[0] = *inputs[0];
  *memory = sizeof(broken);
  return FG_OK;
}

typedef struct pass {
  broken *of;
  const fg_batch *in;
  fg_batch *out;
} pass;

/// Flips the spins of a configuration.
static fg_status flip(void *arg, uint64_t i) {
  const pass *p = arg;
  const uint64_t width = fg_lattice_width(&p->in->lattice);
  const int32_t before = FAULT == SHARED ? __atomic_fetch_add(&shared_counter, (int32_t)i, __ATOMIC_RELAXED) : 0;
  const unsigned odd = (unsigned)before & 1u;
  if (FAULT == CRASH_HELPER && i == 5) *nowhere = 1;
  if (FAULT == HELPER_EMIT && i == 5) return p->of->host->emit_batch(p->of->host, 0, p->out);
  for (uint64_t y = 0; y < p->in->rows; y++)
    for (uint64_t x = 0; x < width; x++) {
      unsigned spin = !fg_bit_get(fg_batch_row(p->in, i, y), x);
      if (FAULT == CUT && p->in->count % 2) spin = !spin;
      spin ^= odd;
      fg_bit_set(fg_batch_row_mut(p->out, i, y), x, spin);
    }
  if (FAULT == PADDING) fg_batch_row_mut(p->out, i, 0)[p->out->row_bytes / 8 - 1] |= UINT64_C(1) << 63;
  return FG_OK;
}

/// Faults with the input, before anything is made.
static fg_status mistreat_input(broken *b, const fg_batch *in) {
  volatile uint64_t *words = in->data;
  if (FAULT == CRASH_PROCESS) *nowhere = 1;
  if (FAULT == ABORTS) abort();
  if (FAULT == EXITS) exit(3);
  while (FAULT == ENDLESS || (FAULT == POLITE && !b->host->cancelled(b->host))) {}
  if (FAULT == POLITE) return FG_CANCELLED;
  if (FAULT == SILENT) return FG_FAILED;
  if (FAULT == CHATTY) b->host->fail(b->host, "something is wrong");
  if (FAULT == STATUS) return (fg_status)42;
  if (FAULT == WRITES_INPUT) words[0] ^= 1;
  if (FAULT == READS_BEYOND) shared_counter = (int32_t)words[in->count * in->rows * in->row_bytes / 8 + 8];
  if (FAULT == KEEPS_INPUT && b->kept) words[0] ^= ((const volatile uint64_t *)b->kept->data)[0] & 0;
  if (FAULT == KEEPS_INPUT) b->kept = in;
  if (FAULT == HOGS) b->hoard = calloc(1, (size_t)1 << 28);
  if (FAULT == LEAK) b->hoard = calloc(1, 100);
  return FG_OK;
}

static fg_batch *new_batch(broken *b, const fg_batch *in) {
  fg_lattice lattice = in->lattice;
  if (FAULT == WRONG_SHAPE) lattice.extent[0]++;
  if (FAULT == LEAK_BATCH) b->host->batch_new(b->host, FG_SPIN1, &lattice, 1);
  fg_batch *out = b->host->batch_new(b->host, FG_SPIN1, &lattice, in->count);
  if (!out && FAULT != NO_CHECK) return NULL;
  out->first = in->first;
  out->level = in->level;
  out->chain = in->chain;
  if (FAULT == GLOBAL) out->chain = (uint32_t)shared_counter++;
  if (FAULT == UNSET) {
    volatile uint32_t *unset = malloc(64); // read as it comes
    out->chain = unset ? unset[9] & 0xFF : 0;
    free((void *)(uintptr_t)unset);
  }
  return out;
}

static fg_status send(broken *b, fg_batch *out) {
  const fg_host *host = b->host;
  if (FAULT == WRITES_EMITTED) host->batch_ref(host, out);
  fg_status status = host->emit_batch(host, 0, out);
  if (FAULT == WRITES_EMITTED) {
    out->first = 0;
    host->batch_unref(host, out);
  }
  if (FAULT == DOUBLE_EMIT) status = host->emit_batch(host, 0, out);
  return FAULT == IGNORES_EMIT ? FG_OK : status;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)port;
  (void)count;
  broken *b = self;
  const fg_host *host = b->host;
  const fg_batch *in = messages[0]->batch;
  fg_status status = mistreat_input(b, in);
  if (status != FG_OK) return status;
  if (FAULT == PASSES_ON) {
    host->batch_ref(host, in);
    return host->emit_batch(host, 0, (fg_batch *)(uintptr_t)in);
  }
  pass p = {b, in, new_batch(b, in)};
  if (!p.out) return FG_FAILED;
  status = host->parallel_for(host, in->count, flip, &p);
  if (status == FG_OK) {
    b->seen += in->count;
    return send(b, p.out);
  }
  if (FAULT != LEAK_CANCELLED) host->batch_unref(host, p.out);
  return FAULT == FAILS_CANCELLED ? host->fail(host, "a helper has failed") : status;
}

static fg_status end(void *self, uint32_t port) {
  (void)self;
  (void)port;
  return FAULT == AGAIN ? FG_AGAIN : FG_OK;
}

static fg_status save(void *self, const fg_writer *writer) {
  const broken *b = self;
  uint64_t seen = FAULT == BAD_SAVE ? 0 : b->seen;
  return writer->write(writer, &seen, sizeof seen);
}

static fg_status restore(void *self, const fg_reader *reader) {
  broken *b = self;
  fg_status status = reader->read(reader, &b->seen, sizeof b->seen);
  return status == FG_OK || FAULT == BAD_RESTORE ? FG_OK : b->host->fail(b->host, "the state is cut off");
}

/// How many configurations there were: what a saved state is about.
static fg_status flush(void *self) {
  static const fg_column seen = {sizeof(fg_column), FG_COLUMN_INTEGER, "seen", "1", "configurations"};
  static const fg_column *const columns[] = {&seen, NULL};
  const broken *b = self;
  fg_table *table = b->host->table_new(b->host, "seen", columns);
  if (!table) return FG_FAILED;
  const fg_cell cell = {.integer = (int64_t)b->seen};
  fg_status status = b->host->table_row(b->host, table, &cell);
  if (status == FG_OK) return b->host->emit_table(b->host, 1, table);
  b->host->table_unref(b->host, table);
  return status;
}

static const fg_param first = {.size = sizeof(fg_param),
                               .type = FG_PARAM_INTEGER,
                               .offset = offsetof(config, first),
                               .name = "first",
                               .def = "0",
                               .min = "0",
                               .max = "1000",
                               .doc = "Of no effect.",
                               .unit = FAULT == NO_UNIT ? NULL : "1"};
static const fg_port input = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, 0, "configurations", "Spins."};
static const fg_port output = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, 0, "flipped", "Spins, flipped."};
static const fg_port count = {sizeof(fg_port), FG_TABLE, 0, 0, "seen", "How many."};
static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "test.broken",
    .summary = "flips spins",
    .doc = "For tests.",
    .params = (const fg_param *const[]){&first, NULL},
    .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){&output, &count, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .end = end,
    .flush = flush,
    .save = save,
    .restore = restore,
    .destroy = destroy,
};

#if defined NAMED_OTHERWISE
#define finegrain_plugin another_symbol
FG_EXPORT const fg_plugin another_symbol;
#endif
#if defined EXPORTS_MORE
FG_EXPORT const int a_second_symbol;
const int a_second_symbol = 1;
#endif
const fg_plugin finegrain_plugin = {
    .size = sizeof(fg_plugin),
    .magic = FG_PLUGIN_MAGIC,
    .abi_major = FAULT == ABI ? FG_ABI_MAJOR + 7 : FG_ABI_MAJOR,
    .abi_minor = FG_ABI_MINOR,
    .name = "broken",
    .version = "1",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, FAULT == TWO_KINDS ? &stage : NULL, NULL},
};
