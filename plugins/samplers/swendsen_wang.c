// swendsen_wang.c — sampler.swendsen-wang: the ferromagnetic Ising model by sweeps over all clusters.
#include "cluster_sweep.h"

#include <math.h>
#include <stdlib.h>

#define THERMALIZE 100 // sweeps; each reverses half the lattice
#define SPACING 2
#define CANCEL_CHECK (1u << 20)

typedef struct swendsen_wang {
  sampler_base base;
  fg_rng_key right, below, flip;
  uint64_t threshold;
  cluster_lattice *lattices; ///< one a chain; NULL until the run starts
} swendsen_wang;

static fg_status sweeps(const sampler_base *base, sampler_chain *chain, uint64_t count) {
  const swendsen_wang *sampler = (const swendsen_wang *)base;
  const fg_host *host = base->host;
  cluster_lattice *lattice = &sampler->lattices[chain - base->chains];
  uint64_t visited = 0;
  lattice->labels = chain->queue;
  cluster_lattice_load(lattice, chain->sites);
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t ticket = events_ticket(chain);
    const cluster_events events = {.right = {host->rng_fill, sampler->right, ticket},
                                   .below = {host->rng_fill, sampler->below, ticket},
                                   .flip = {host->rng_fill, sampler->flip, ticket},
                                   .threshold = sampler->threshold};
    fg_status status = cluster_sweep(host, lattice, &events);
    if (status != FG_OK) return status;
    visited += base->sites;
    if (visited < CANCEL_CHECK) continue;
    if (host->cancelled(host)) return FG_CANCELLED;
    visited = 0;
  }
  cluster_lattice_store(lattice, chain->sites);
  return FG_OK;
}

static fg_status start(const sampler_base *base, sampler_chain *chain) {
  const sampler_config *config = base->config;
  sampler_order(base, chain, 0);
  chain->spacing = config->spacing == SAMPLER_AUTO ? SPACING : (uint64_t)config->spacing;
  return sweeps(base, chain, config->thermalize == SAMPLER_AUTO ? THERMALIZE : (uint64_t)config->thermalize);
}

static fg_status advance(const sampler_base *base, sampler_chain *chain) { return sweeps(base, chain, chain->spacing); }

static fg_status create(const fg_host *host, const void *given, void **self) {
  static const sampler_method method = {.needs_queue = 1, .start = start, .advance = advance}; // for labels
  const sampler_config *config = given;
  swendsen_wang *sampler = calloc(1, sizeof *sampler);
  if (!sampler) return host->fail(host, "out of memory");
  const sampler_model model = {.element = FG_SPIN1, .states = 2, .coupling = config->coupling};
  sampler_init(&sampler->base, host, config, &method, &model);
  sampler->right = host->rng_key(host, "bonds in rows");
  sampler->below = host->rng_key(host, "bonds between rows");
  sampler->flip = host->rng_key(host, "flips");
  sampler->threshold = events_threshold(-expm1(-2.0 * config->coupling));
  *self = sampler;
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const swendsen_wang *sampler = self;
  fg_status status = sampler_negotiate(self, inputs, outputs, memory);
  *memory += sampler->base.chain_count * (sizeof(cluster_lattice) + cluster_lattice_bytes(sampler->base.length));
  return status;
}

static void close_lattices(swendsen_wang *sampler) {
  for (uint32_t c = 0; sampler->lattices && c < sampler->base.chain_count; c++)
    cluster_lattice_close(&sampler->lattices[c]);
  free(sampler->lattices);
  sampler->lattices = NULL;
}

static fg_status open_lattices(swendsen_wang *sampler) {
  const sampler_base *base = &sampler->base;
  const fg_host *host = base->host;
  sampler->lattices = calloc(base->chain_count, sizeof *sampler->lattices);
  int complete = sampler->lattices != NULL;
  for (uint32_t c = 0; complete && c < base->chain_count; c++)
    complete = cluster_lattice_open(&sampler->lattices[c], base->length);
  if (complete) return FG_OK;
  close_lattices(sampler);
  return host->fail(host, "out of memory for %u chains of %u×%u; ask for fewer chains or a smaller size",
                    base->chain_count, base->length, base->length);
}

static fg_status produce(void *self) {
  swendsen_wang *sampler = self;
  if (!sampler->lattices && open_lattices(sampler) != FG_OK) return FG_FAILED;
  return sampler_produce(self);
}

static void destroy(void *self) {
  close_lattices(self);
  sampler_destroy(self);
}

static const char *const special_couplings[] = {"critical=0.44068679350977147", NULL};

static const fg_param coupling = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(sampler_config, coupling),
    .name = "coupling",
    .min = "0",
    .names = special_couplings,
    .unit = "1",
    .doc = "Coupling K = βJ ≥ 0; critical is ln(1+√2)/2.",
};
static const fg_param thermalize = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(sampler_config, thermalize),
    .name = "thermalize",
    .def = "auto",
    .min = "0",
    .names = sampler_counts,
    .unit = "sweeps",
    .doc = "Sweeps of each chain before its first configuration; auto: 100.",
};
static const fg_param spacing = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(sampler_config, spacing),
    .name = "spacing",
    .def = "auto",
    .min = "1",
    .names = sampler_counts,
    .unit = "sweeps",
    .doc = "Sweeps between configurations; auto: 2.",
};

static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "sampler.swendsen-wang",
    .summary = "draws configurations of the two-dimensional Ising model by sweeps over all clusters",
    .doc = "Samples the ferromagnetic Ising model, weight exp(K Σ s s') over the bonds of a periodic L×L square "
           "lattice, with the algorithm of R. H. Swendsen and J.-S. Wang, Phys. Rev. Lett. 58, 86 (1987): a bond "
           "between like spins is active with probability 1 - exp(-2K), and every cluster that active bonds hold "
           "together is reversed with probability 1/2.\n\n"
           "Chains start ordered, with a random sign each. A sweep takes the same time at any coupling, and the chains "
           "of a stage are computed in parallel; with chains: 1 the parts of a large lattice are. Small lattices and "
           "single configurations are cheaper with sampler.wolff.\n\n"
           "Bond probabilities are multiples of 2⁻⁶⁴. On L = 2 two bonds join each pair of neighbours; on L = "
           "1 a site is its own neighbour. Negative couplings: use sampler.metropolis.",
    .params = (const fg_param *const[]){&sampler_param_size, &coupling, &sampler_param_configurations,
                                        &sampler_param_chains, &thermalize, &spacing, NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&sampler_output_spins, NULL},
    .config_size = sizeof(sampler_config),
    .create = create,
    .negotiate = negotiate,
    .produce = produce,
    .save = sampler_save,
    .restore = sampler_restore,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "swendsen-wang",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL},
};
