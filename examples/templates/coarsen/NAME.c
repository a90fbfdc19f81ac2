// NAME.c — coarsen.NAME: decimation. Of every 2×2 block of spins the first one is kept.
#include <finegrain/finegrain.h>

/// An instance needs to know no more than its host.
static fg_status create(const fg_host *host, const void *config, void **self) {
  *self = (void *)(uintptr_t)host;
  return FG_OK;
}
static void destroy(void *self) {}

/// Half the lattice, in every direction.
static fg_lattice half(fg_lattice lattice) {
  for (uint32_t d = 0; d < lattice.dims; d++) lattice.extent[d] /= 2;
  return lattice;
}

/// Before anything runs: which lattices will go out for those that will come in, and what is refused.
static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const fg_host *host = self;
  *outputs[0] = *inputs[0];
  for (uint32_t s = 0; s < inputs[0]->shape_count; s++) {
    const fg_lattice *fine = &inputs[0]->shapes[s];
    if (fine->shape != FG_SQUARE || fine->extent[0] % 2 || fine->extent[1] % 2)
      return host->fail(host, "takes square lattices of even size, not %" PRIu64 "x%" PRIu64, fine->extent[0],
                        fine->extent[1]);
    outputs[0]->shapes[s] = half(*fine);
  }
  *memory = 0;
  return FG_OK;
}

typedef struct pass {
  const fg_batch *fine;
  fg_batch *coarse;
} pass;

/// One configuration. Others are done on other threads at the same time: it writes to no other.
static fg_status decimate(void *arg, uint64_t i) {
  const pass *p = arg;
  for (uint64_t y = 0; y < p->coarse->rows; y++)
    for (uint64_t x = 0; x < fg_lattice_width(&p->coarse->lattice); x++)
      fg_bit_set(fg_batch_row_mut(p->coarse, i, y), x, fg_bit_get(fg_batch_row(p->fine, i, 2 * y), 2 * x));
  return FG_OK;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  const fg_host *host = self;
  const fg_batch *fine = messages[0]->batch;
  const fg_lattice lattice = half(fine->lattice);
  pass p = {fine, host->batch_new(host, FG_SPIN1, &lattice, fine->count)};
  if (!p.coarse) return FG_FAILED;   // the host has said why
  p.coarse->first = fine->first;     // the same configurations
  p.coarse->chain = fine->chain;     // of the same Markov chain
  p.coarse->level = fine->level - 1; // one level further down; the coupling stays unknown
  fg_status status = host->parallel_for(host, fine->count, decimate, &p);
  if (status == FG_OK) return host->emit_batch(host, 0, p.coarse); // takes the batch, whatever it returns
  host->batch_unref(host, p.coarse);
  return status;
}

// clang-format off
static const fg_port input = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, 0, "configurations", "Spins on square lattices."};
static const fg_port output = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, 0, "kept", "The spins that are kept."};
static const fg_stage stage = {.size = sizeof(fg_stage), .kind = "coarsen.NAME",
    .summary = "keeps the first spin of every 2x2 block", .doc = "Decimation by a factor of 2.",
    .params = (const fg_param *const[]){NULL}, .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .create = create, .negotiate = negotiate, .process = process, .destroy = destroy};
const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "NAME", .version = "0.1.0", .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL}};
