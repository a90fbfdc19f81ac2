// ising.c — see ising.h. A round is one batch from every chain that still owes some: the chains of a round are computed
// in parallel and emitted in turn, so the order of the stream depends on the parameters alone.
#include "ising.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES ((uint64_t)256 << 10) // aim: small against an edge's buffer, large against a batch's overhead
#define BATCH_MOST 1024u

const fg_param ising_param_size = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(ising_config, size),
    .name = "size",
    .min = "1",
    .max = "46340",
    .unit = "1",
    .doc = "Linear size L of the periodic L×L square lattice.",
};
const fg_param ising_param_configurations = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(ising_config, configurations),
    .name = "configurations",
    .min = "1",
    .max = "1000000000000000",
    .unit = "1",
    .doc = "Configurations to draw, the total over all chains.",
};
const fg_param ising_param_chains = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(ising_config, chains),
    .name = "chains",
    .def = "4",
    .min = "1",
    .max = "4096",
    .unit = "1",
    .doc = "Independent Markov chains, computed in parallel; the result depends on their number, never on the threads.",
};
const fg_port ising_output = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .name = "configurations",
    .doc = "Configurations in rounds of one batch a chain; a batch belongs to one chain.",
};

void ising_init(ising_sampler *sampler, const fg_host *host, const ising_config *config, const ising_method *method) {
  sampler->host = host;
  sampler->config = config;
  sampler->method = method;
  sampler->lattice = fg_lattice_square((uint64_t)config->size);
  sampler->length = (uint32_t)config->size;
  sampler->sites = fg_lattice_sites(&sampler->lattice);
  int64_t busy = config->configurations < config->chains ? config->configurations : config->chains;
  sampler->chain_count = (uint32_t)busy;
  uint64_t fit = BATCH_BYTES / fg_configuration_bytes(FG_SPIN1, &sampler->lattice);
  sampler->batch_size = fit < 1 ? 1 : fit > BATCH_MOST ? BATCH_MOST : (uint32_t)fit;
}

void ising_clear(ising_sampler *sampler) {
  for (uint32_t c = 0; sampler->chains && c < sampler->chain_count; c++) {
    free(sampler->chains[c].spins);
    free(sampler->chains[c].queue);
  }
  free(sampler->chains);
  sampler->chains = NULL;
}

static uint64_t chain_bytes(const ising_sampler *sampler) {
  uint64_t queue = sampler->method->needs_queue ? (sampler->sites + 1) * sizeof(uint32_t) : 0;
  return sizeof(ising_chain) + sampler->sites + queue;
}

fg_status ising_negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)inputs;
  ising_sampler *sampler = self;
  outputs[0]->element = FG_SPIN1;
  outputs[0]->shape_count = 1;
  outputs[0]->shapes[0] = sampler->lattice;
  outputs[0]->configurations = (uint64_t)sampler->config->configurations;
  outputs[0]->batch = sampler->batch_size;
  uint64_t round = sampler->batch_size * fg_configuration_bytes(FG_SPIN1, &sampler->lattice);
  *memory = sampler->chain_count * (chain_bytes(sampler) + round);
  return FG_OK;
}

/// Memory of the chains, their shares and their randomness.
static fg_status open_chains(ising_sampler *sampler) {
  const fg_host *host = sampler->host;
  fg_rng_key key = host->rng_key(host, "chain");
  uint64_t share = (uint64_t)sampler->config->configurations / (uint64_t)sampler->config->chains;
  uint64_t remainder = (uint64_t)sampler->config->configurations % (uint64_t)sampler->config->chains;
  sampler->chains = calloc(sampler->chain_count, sizeof *sampler->chains);
  int complete = sampler->chains != NULL;
  for (uint32_t c = 0; complete && c < sampler->chain_count; c++) {
    ising_chain *chain = &sampler->chains[c];
    chain->rng = fg_rng_start(host->rng_fill, key, c);
    chain->quota = share + (c < remainder);
    chain->spins = calloc(sampler->sites, 1);
    complete = chain->spins != NULL;
    if (sampler->method->needs_queue) {
      chain->queue = malloc((sampler->sites + 1) * sizeof *chain->queue);
      complete = complete && chain->queue;
    }
  }
  if (complete) return FG_OK;
  ising_clear(sampler);
  return host->fail(host, "out of memory for %u chains of %u×%u; ask for fewer chains or a smaller size",
                    sampler->chain_count, sampler->length, sampler->length);
}

void ising_order(const ising_sampler *sampler, ising_chain *chain, int staggered) {
  unsigned sign = (unsigned)(fg_rng_bits(&chain->rng) >> 63);
  uint8_t *spin = chain->spins;
  for (uint32_t y = 0; y < sampler->length; y++)
    for (uint32_t x = 0; x < sampler->length; x++) *spin++ = (uint8_t)((sign ^ (staggered ? x ^ y : 0u)) & 1u);
}

/// Packs a row of bytes 0/1 into bits, xor `flip` (0 or 1). The factor moves bit 0 of byte k to bit 56+k.
static void pack_row(const uint8_t *spins, uint32_t length, uint8_t flip, uint64_t *row) {
  uint64_t all = UINT64_C(0x0101010101010101) * flip;
  uint32_t x = 0;
  for (; x + 8 <= length; x += 8) {
    uint64_t eight;
    memcpy(&eight, spins + x, sizeof eight);
    row[x >> 6] |= ((eight ^ all) * UINT64_C(0x0102040810204080)) >> 56 << (x & 63);
  }
  for (; x < length; x++) row[x >> 6] |= (uint64_t)(spins[x] ^ flip) << (x & 63);
}

/// The next batch of chain `index`, left in chain->batch.
static fg_status next_batch(void *arg, uint64_t index) {
  ising_sampler *sampler = arg;
  const fg_host *host = sampler->host;
  ising_chain *chain = &sampler->chains[index];
  uint64_t left = chain->quota - chain->given;
  if (!left) return FG_OK;
  uint32_t count = left < sampler->batch_size ? (uint32_t)left : sampler->batch_size;
  chain->batch = host->batch_new(host, FG_SPIN1, &sampler->lattice, count);
  if (!chain->batch) return FG_FAILED;
  chain->batch->chain = (uint32_t)index;
  chain->batch->coupling = sampler->config->coupling;

  fg_status status = chain->given ? FG_OK : sampler->method->start(sampler, chain);
  for (uint32_t i = 0; status == FG_OK && i < count; i++) {
    status = host->cancelled(host) ? FG_CANCELLED : sampler->method->advance(sampler, chain);
    for (uint32_t y = 0; y < sampler->length; y++)
      pack_row(chain->spins + (uint64_t)y * sampler->length, sampler->length, chain->sign,
               fg_batch_row_mut(chain->batch, i, y));
  }
  chain->given += count;
  return status;
}

fg_status ising_produce(void *self) {
  ising_sampler *sampler = self;
  const fg_host *host = sampler->host;
  if (!sampler->chains && open_chains(sampler) != FG_OK) return FG_FAILED;
  if (sampler->emitted == (uint64_t)sampler->config->configurations) return FG_DONE;

  fg_status status = host->parallel_for(host, sampler->chain_count, next_batch, sampler);
  for (uint32_t c = 0; c < sampler->chain_count; c++) {
    fg_batch *batch = sampler->chains[c].batch;
    sampler->chains[c].batch = NULL;
    if (!batch) continue;
    if (status == FG_OK) {
      batch->first = sampler->emitted;
      sampler->emitted += batch->count;
      status = host->emit_batch(host, 0, batch);
    } else {
      host->batch_unref(host, batch);
    }
  }
  return status;
}

// ---- checkpoints: a header, then every chain's record and spins; the random buffer is made again from its counter

typedef struct saved_header {
  uint64_t sites, chain_count, emitted;
} saved_header;

typedef struct saved_chain {
  uint64_t given, spacing, rng_next, rng_used;
} saved_chain;

fg_status ising_save(void *self, const fg_writer *writer) {
  const ising_sampler *sampler = self;
  saved_header header = {sampler->sites, sampler->chain_count, sampler->emitted};
  fg_status status = writer->write(writer, &header, sizeof header);
  if (!sampler->emitted) return status; // nothing drawn yet: a restored run starts afresh
  for (uint32_t c = 0; status == FG_OK && c < sampler->chain_count; c++) {
    const ising_chain *chain = &sampler->chains[c];
    saved_chain record = {chain->given, chain->spacing, chain->rng.next.low, chain->rng.used};
    status = writer->write(writer, &record, sizeof record);
    if (status == FG_OK) status = writer->write(writer, chain->spins, sampler->sites);
  }
  return status;
}

/// Takes up a random sequence where (next, used) left it; 0 when the two cannot belong together.
static int rng_resume(fg_rng *rng, uint64_t next, uint64_t used) {
  uint64_t refill = sizeof rng->buffer / 16;
  if (used > FG_RNG_BUFFER || next % refill || (next == 0 && used < FG_RNG_BUFFER)) return 0;
  if (used < FG_RNG_BUFFER) {
    rng->next.low = next - refill;
    (void)fg_rng_bits(rng); // refills the buffer
  }
  rng->next.low = next;
  rng->used = (uint32_t)used;
  return 1;
}

fg_status ising_restore(void *self, const fg_reader *reader) {
  ising_sampler *sampler = self;
  const fg_host *host = sampler->host;
  saved_header header;
  if (reader->read(reader, &header, sizeof header) != FG_OK) goto damaged;
  if (header.sites != sampler->sites || header.chain_count != sampler->chain_count) goto damaged;
  if (!header.emitted) return FG_OK;
  if (open_chains(sampler) != FG_OK) return FG_FAILED;
  for (uint32_t c = 0; c < sampler->chain_count; c++) {
    ising_chain *chain = &sampler->chains[c];
    saved_chain record;
    if (reader->read(reader, &record, sizeof record) != FG_OK) goto damaged;
    if (reader->read(reader, chain->spins, sampler->sites) != FG_OK) goto damaged;
    uint8_t bits = 0;
    for (uint64_t i = 0; i < sampler->sites; i++) bits |= chain->spins[i];
    if (bits > 1 || !record.given || record.given > chain->quota) goto damaged;
    if (!rng_resume(&chain->rng, record.rng_next, record.rng_used)) goto damaged;
    chain->given = record.given;
    chain->spacing = record.spacing;
    sampler->emitted += record.given;
  }
  if (sampler->emitted != header.emitted) goto damaged;
  return FG_OK;

damaged:
  return host->fail(host, "the checkpoint is not one of this stage; run again with --force");
}
