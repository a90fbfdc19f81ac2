// NAME.c — estimate.NAME: the mean magnetisation per spin, with the error that it has when configurations are independent.
#include <finegrain/finegrain.h>
#include <stdlib.h>

typedef struct instance {
  const fg_host *host;
  fg_lattice lattice;
  int32_t level;
  uint64_t n; ///< configurations
  double m, m2;
} instance;

static fg_status create(const fg_host *host, const void *given, void **self) {
  instance *made = calloc(1, sizeof *made);
  if (!made) return host->fail(host, "out of memory");
  made->host = host;
  *self = made;
  return FG_OK;
}

/// The last moment for an error that costs the user no time.
static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  instance *s = self;
  if (inputs[0]->shape_count > 1)
    return s->host->fail(s->host, "takes lattices of one size, and %u sizes come in", inputs[0]->shape_count);
  s->lattice = inputs[0]->shapes[0];
  *memory = sizeof(instance);
  return FG_OK;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  instance *s = self;
  const fg_batch *batch = messages[0]->batch;
  for (uint32_t i = 0; i < batch->count; i++) {
    uint64_t up = 0; // padding is zero, so whole words can be counted
    for (uint64_t w = 0; w < batch->rows * batch->row_bytes / 8; w++)
      up += (uint64_t)__builtin_popcountll(fg_batch_row(batch, i, 0)[w]);
    const double m = 2 * (double)up / (double)fg_lattice_sites(&batch->lattice) - 1;
    s->m += m;
    s->m2 += m * m;
  }
  s->n += batch->count;
  s->level = batch->level;
  return FG_OK;
}

/// All has come in.
static fg_status flush(void *self) {
  const instance *s = self;
  const double n = (double)s->n, mean = s->m / n, variance = s->m2 / n - mean * mean;
  const fg_estimate m = {.lattice = &s->lattice,
                         .level = s->level,
                         .observable = "m",
                         .value = mean,
                         .n = s->n,
                         .error = sqrt(variance / n),
                         .tau_int = 0.5,
                         .exact = NAN,
                         .unit = "1"};
  fg_table *table = fg_estimates_new(s->host);
  if (!table) return FG_FAILED; // the host has said why
  if (s->n == 0 || fg_estimates_add(s->host, table, &m) == FG_OK) return s->host->emit_table(s->host, 0, table);
  s->host->table_unref(s->host, table);
  return FG_FAILED;
}

// clang-format off
static const fg_port input = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, 0, "configurations", "Spins on any lattice."};
static const fg_port output = {sizeof(fg_port), FG_TABLE, 0, 0, "estimates", "A row of summary.csv."};
static const fg_stage stage = {.size = sizeof(fg_stage), .kind = "estimate.NAME", .summary = "mean magnetisation per spin",
    .doc = "m = ⟨Σs⟩/N. The error takes configurations as independent.",
    .params = (const fg_param *const[]){NULL}, .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .create = create, .negotiate = negotiate, .process = process, .flush = flush, .destroy = free};
const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "NAME", .version = "0.1.0", .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL}};
