// sampler.c — see sampler.h. A round is one batch from every chain that still owes some: the chains of a round are
// computed in parallel and emitted in turn, so the order of the stream depends on the parameters alone.
#include "sampler.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES ((uint64_t)256 << 10) // aim: small against an edge's buffer, large against a batch's overhead
#define BATCH_MOST 1024u

const fg_param sampler_param_lattice = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(sampler_config, lattice),
    .name = "lattice",
    .def = "square",
    .choices = lattices_names,
    .unit = "1",
    .doc = "The periodic lattice: L sites of a chain, L×L of the square lattice or of the triangular one (the square "
           "lattice and the diagonals from (y, x) to (y+1, x+1)), L×L×L of the simple cubic one.",
};
const fg_param sampler_param_size = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(sampler_config, size),
    .name = "size",
    .min = "1",
    .max = "46340",
    .unit = "1",
    .doc = "Linear size L of the lattice; a cubic one has at most 1290.",
};
const fg_param sampler_param_configurations = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(sampler_config, configurations),
    .name = "configurations",
    .min = "1",
    .max = "1000000000000000",
    .unit = "1",
    .doc = "Configurations to draw, the total over all chains.",
};
const fg_param sampler_param_chains = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(sampler_config, chains),
    .name = "chains",
    .def = "4",
    .min = "1",
    .max = "4096",
    .unit = "1",
    .doc = "Independent Markov chains, computed in parallel; the result depends on their number, never on the threads.",
};
const char *const sampler_counts[] = {"auto=-1", NULL};

#define OUTPUT_DOC "Configurations in rounds of one batch a chain; a batch belongs to one chain."
const fg_port sampler_output_spins = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .name = "configurations",
    .doc = OUTPUT_DOC,
};
const fg_port sampler_output_states = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_STATE8,
    .name = "configurations",
    .doc = OUTPUT_DOC,
};

void sampler_init(sampler_base *sampler, const fg_host *host, const sampler_config *config,
                  const sampler_method *method, const sampler_model *model) {
  sampler->host = host;
  sampler->config = config;
  sampler->method = method;
  sampler->model = *model;
  sampler->lattice = lattices_of((lattices_choice)config->lattice, (uint64_t)config->size);
  sampler->length = (uint32_t)config->size;
  sampler->sites = fg_lattice_sites(&sampler->lattice);
  int64_t busy = config->configurations < config->chains ? config->configurations : config->chains;
  sampler->chain_count = (uint32_t)busy;
  uint64_t fit = BATCH_BYTES / fg_configuration_bytes(model->element, &sampler->lattice);
  sampler->batch_size = fit < 1 ? 1 : fit > BATCH_MOST ? BATCH_MOST : (uint32_t)fit;
}

static void close_chains(sampler_base *sampler) {
  for (uint32_t c = 0; sampler->chains && c < sampler->chain_count; c++) {
    free(sampler->chains[c].sites);
    free(sampler->chains[c].queue);
  }
  free(sampler->chains);
  sampler->chains = NULL;
}

void sampler_destroy(void *self) {
  close_chains(self);
  free(self);
}

static uint64_t chain_bytes(const sampler_base *sampler) {
  uint64_t queue = sampler->method->needs_queue ? (sampler->sites + 1) * sizeof(uint32_t) : 0;
  return sizeof(sampler_chain) + sampler->sites + queue;
}

fg_status sampler_negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)inputs;
  sampler_base *sampler = self;
  if (sampler->lattice.shape == FG_CUBIC && sampler->length > LATTICES_LARGEST_CUBIC)
    return sampler->host->fail_param(sampler->host, "size", "%u³ sites are too many; a cubic lattice has at most %d³",
                                     sampler->length, LATTICES_LARGEST_CUBIC);
  outputs[0]->element = sampler->model.element;
  outputs[0]->shape_count = 1;
  outputs[0]->shapes[0] = sampler->lattice;
  outputs[0]->configurations = (uint64_t)sampler->config->configurations;
  outputs[0]->batch = sampler->batch_size;
  uint64_t round = sampler->batch_size * fg_configuration_bytes(sampler->model.element, &sampler->lattice);
  *memory = sampler->chain_count * (chain_bytes(sampler) + round);
  return FG_OK;
}

/// Memory of the chains, their shares and their randomness.
static fg_status open_chains(sampler_base *sampler) {
  const fg_host *host = sampler->host;
  fg_rng_key key = host->rng_key(host, "chain");
  uint64_t share = (uint64_t)sampler->config->configurations / (uint64_t)sampler->config->chains;
  uint64_t remainder = (uint64_t)sampler->config->configurations % (uint64_t)sampler->config->chains;
  sampler->chains = calloc(sampler->chain_count, sizeof *sampler->chains);
  int complete = sampler->chains != NULL;
  for (uint32_t c = 0; complete && c < sampler->chain_count; c++) {
    sampler_chain *chain = &sampler->chains[c];
    chain->rng = fg_rng_start(host->rng_fill, key, c);
    chain->quota = share + (c < remainder);
    for (uint32_t s = 0; s < sampler->model.states; s++) chain->label[s] = (uint8_t)s;
    chain->sites = calloc(sampler->sites, 1);
    complete = chain->sites != NULL;
    if (sampler->method->needs_queue) {
      chain->queue = malloc((sampler->sites + 1) * sizeof *chain->queue);
      complete = complete && chain->queue;
    }
  }
  if (complete) return FG_OK;
  close_chains(sampler);
  return host->fail(host, "out of memory for %u chains of %" PRIu64 " sites; ask for fewer chains or a smaller size",
                    sampler->chain_count, sampler->sites);
}

void sampler_order(const sampler_base *sampler, sampler_chain *chain, int staggered) {
  uint64_t first = fg_rng_below(&chain->rng, sampler->model.states);
  uint64_t second = staggered ? (first + 1) % sampler->model.states : first;
  uint8_t *site = chain->sites;
  for (uint64_t row = 0; row < fg_lattice_rows(&sampler->lattice); row++) {
    uint64_t place = row % sampler->length ^ row / sampler->length; // y ^ z
    for (uint32_t x = 0; x < sampler->length; x++) *site++ = (uint8_t)((x ^ place) & 1 ? second : first);
  }
}

void sampler_relabel(const sampler_base *sampler, sampler_chain *chain) {
  uint8_t *label = chain->label;
  for (uint32_t s = 0; s < sampler->model.states; s++) {
    uint32_t other = s ? s - (uint32_t)fg_rng_below(&chain->rng, s + 1) : 0;
    label[s] = label[other];
    label[other] = (uint8_t)s;
  }
}

// ---- batches

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

/// The chain's lattice as configuration i of its batch, under the chain's labels.
static void give(const sampler_base *sampler, const sampler_chain *chain, uint32_t i) {
  const uint32_t length = sampler->length;
  for (uint64_t y = 0; y < fg_lattice_rows(&sampler->lattice); y++) {
    const uint8_t *sites = chain->sites + y * length;
    uint64_t *row = fg_batch_row_mut(chain->batch, i, y);
    if (sampler->model.element == FG_SPIN1) {
      pack_row(sites, length, chain->label[0], row);
    } else {
      uint8_t *states = (uint8_t *)row;
      for (uint32_t x = 0; x < length; x++) states[x] = chain->label[sites[x]];
    }
  }
}

/// The next batch of chain `index`, left in chain->batch.
static fg_status next_batch(void *arg, uint64_t index) {
  sampler_base *sampler = arg;
  const fg_host *host = sampler->host;
  sampler_chain *chain = &sampler->chains[index];
  uint64_t left = chain->quota - chain->given;
  if (!left) return FG_OK;
  uint32_t count = left < sampler->batch_size ? (uint32_t)left : sampler->batch_size;
  chain->batch = host->batch_new(host, sampler->model.element, &sampler->lattice, count);
  if (!chain->batch) return FG_FAILED;
  chain->batch->chain = (uint32_t)index;
  chain->batch->coupling = sampler->model.coupling;

  fg_status status = chain->given ? FG_OK : sampler->method->start(sampler, chain);
  for (uint32_t i = 0; status == FG_OK && i < count; i++) {
    status = host->cancelled(host) ? FG_CANCELLED : sampler->method->advance(sampler, chain);
    give(sampler, chain, i);
  }
  chain->given += count;
  return status;
}

fg_status sampler_produce(void *self) {
  sampler_base *sampler = self;
  const fg_host *host = sampler->host;
  if (!sampler->chains && open_chains(sampler) != FG_OK) return FG_FAILED;
  if (sampler->emitted == (uint64_t)sampler->config->configurations) return FG_DONE;

  // a single chain may itself use parallel_for, which gains nothing inside another
  fg_status status = sampler->chain_count == 1 ? next_batch(sampler, 0)
                                               : host->parallel_for(host, sampler->chain_count, next_batch, sampler);
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

// ---- checkpoints: a header, then every chain's record and sites; the random buffer is made again from its counter

typedef struct saved_header {
  uint64_t sites, chain_count, emitted;
} saved_header;

typedef struct saved_chain {
  uint64_t given, spacing, rng_next, rng_used;
} saved_chain;

fg_status sampler_save(void *self, const fg_writer *writer) {
  const sampler_base *sampler = self;
  saved_header header = {sampler->sites, sampler->chain_count, sampler->emitted};
  fg_status status = writer->write(writer, &header, sizeof header);
  if (!sampler->emitted) return status; // nothing drawn yet: a restored run starts afresh
  for (uint32_t c = 0; status == FG_OK && c < sampler->chain_count; c++) {
    const sampler_chain *chain = &sampler->chains[c];
    saved_chain record = {chain->given, chain->spacing, chain->rng.next.low, chain->rng.used};
    status = writer->write(writer, &record, sizeof record);
    if (status == FG_OK) status = writer->write(writer, chain->sites, sampler->sites);
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

fg_status sampler_restore(void *self, const fg_reader *reader) {
  sampler_base *sampler = self;
  const fg_host *host = sampler->host;
  saved_header header;
  if (reader->read(reader, &header, sizeof header) != FG_OK) goto damaged;
  if (header.sites != sampler->sites || header.chain_count != sampler->chain_count) goto damaged;
  if (!header.emitted) return FG_OK;
  if (open_chains(sampler) != FG_OK) return FG_FAILED;
  for (uint32_t c = 0; c < sampler->chain_count; c++) {
    sampler_chain *chain = &sampler->chains[c];
    saved_chain record;
    if (reader->read(reader, &record, sizeof record) != FG_OK) goto damaged;
    if (reader->read(reader, chain->sites, sampler->sites) != FG_OK) goto damaged;
    uint8_t highest = 0;
    for (uint64_t i = 0; i < sampler->sites; i++) highest = chain->sites[i] > highest ? chain->sites[i] : highest;
    if (highest >= sampler->model.states || !record.given || record.given > chain->quota) goto damaged;
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
