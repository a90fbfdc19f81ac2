// wolff.c — sampler.wolff: the ferromagnetic Ising model by single clusters (U. Wolff, Phys. Rev. Lett. 62, 361, 1989).
// Cluster counts are always fixed before the clusters they count: stopping once "enough" spins have flipped would
// favour the states that large clusters leave behind.
#include "ising.h"

#include <math.h>
#include <stdlib.h>

#define PILOT_VOLUMES 10.0       // lattice volumes flipped in the phase that measures the mean cluster
#define THERMALIZE_VOLUMES 100.0 // … expected in the thermalisation
#define SPACING_VOLUMES 0.5      // … between configurations, before the extra half cluster
#define CANCEL_CHECK (1u << 20)  // spins flipped between two looks at host->cancelled

typedef struct wolff {
  ising_sampler base;
  uint64_t threshold; ///< 2³² · P(bond between aligned spins is active)
} wolff;

/// Flips one cluster and returns its size. A site is flipped when it joins, so a spin that still has the old value is
/// one outside the cluster, and each bond is tried once, from the side that joins first.
/// Acceptance is a sum, not a branch, which would be mispredicted too often: 9 ns a spin against 22 at Kc. Random bits
/// are therefore spent on bonds between unlike spins too. With 32 of them a probability is off by at most 2⁻³³.
static uint64_t flip_cluster(const wolff *sampler, ising_chain *chain) {
  const uint32_t length = sampler->base.length;
  const uint64_t threshold = sampler->threshold;
  uint8_t *const restrict spins = chain->spins;
  uint32_t *const restrict queue = chain->queue;
  fg_rng *rng = &chain->rng;

  uint64_t seed = fg_rng_below(rng, sampler->base.sites);
  const uint8_t old = spins[seed];
  spins[seed] ^= 1;
  uint64_t tail = 0;
  queue[tail++] = (uint32_t)(seed / length) << 16 | (uint32_t)(seed % length);
  for (uint64_t head = 0; head < tail; head++) {
    const uint32_t y = queue[head] >> 16, x = queue[head] & 0xffff;
    const uint32_t above = (y ? y : length) - 1, below = y + 1 == length ? 0 : y + 1;
    const uint32_t left = (x ? x : length) - 1, right = x + 1 == length ? 0 : x + 1;
    const uint64_t vertical = fg_rng_bits(rng), horizontal = fg_rng_bits(rng);
#define TRY(row, column, random)                                                                                       \
  do {                                                                                                                 \
    uint8_t *spin = &spins[(uint64_t)(row)*length + (column)];                                                         \
    uint8_t joins = (uint8_t)((*spin == old) & ((random) < threshold));                                                \
    *spin ^= joins;                                                                                                    \
    queue[tail] = (row) << 16 | (column);                                                                              \
    tail += joins;                                                                                                     \
  } while (0)
    TRY(above, x, vertical >> 32);
    TRY(below, x, vertical & 0xffffffff);
    TRY(y, left, horizontal >> 32);
    TRY(y, right, horizontal & 0xffffffff);
#undef TRY
  }
  return tail;
}

/// Flips `count` clusters and adds up their sizes.
static fg_status flip_clusters(const wolff *sampler, ising_chain *chain, uint64_t count, uint64_t *flipped) {
  const fg_host *host = sampler->base.host;
  uint64_t sum = 0, check = CANCEL_CHECK;
  for (uint64_t i = 0; i < count; i++) {
    sum += flip_cluster(sampler, chain);
    if (sum < check) continue;
    if (host->cancelled(host)) return FG_CANCELLED;
    check = sum + CANCEL_CHECK;
  }
  *flipped = sum;
  return FG_OK;
}

/// Clusters that flip about `volumes` lattices.
static uint64_t clusters_for(const wolff *sampler, double volumes, double mean_cluster) {
  return (uint64_t)ceil(volumes * (double)sampler->base.sites / mean_cluster);
}

static fg_status start(const ising_sampler *base, ising_chain *chain) {
  const wolff *sampler = (const wolff *)base;
  const ising_config *config = base->config;
  ising_order(base, chain, 0);

  // Phases of 1, 2, 4, … clusters; the last tells the mean cluster. What it decides comes after it.
  double mean = 1.0;
  uint64_t flipped = 0;
  int measure = config->thermalize == ISING_AUTO || config->spacing == ISING_AUTO;
  for (uint64_t count = 1; measure && (double)flipped < PILOT_VOLUMES * (double)base->sites; count *= 2) {
    if (flip_clusters(sampler, chain, count, &flipped) != FG_OK) return FG_CANCELLED;
    mean = (double)flipped / (double)count;
  }
  uint64_t thermalize =
      config->thermalize == ISING_AUTO ? clusters_for(sampler, THERMALIZE_VOLUMES, mean) : (uint64_t)config->thermalize;
  chain->spacing =
      config->spacing == ISING_AUTO ? clusters_for(sampler, SPACING_VOLUMES, mean) : (uint64_t)config->spacing;
  return flip_clusters(sampler, chain, thermalize, &flipped);
}

/// One cluster more with probability ½: at weak coupling nearly all clusters are single spins, and after a fixed number
/// of them the number of up spins would always be even, or always odd.
static fg_status advance(const ising_sampler *base, ising_chain *chain) {
  uint64_t flipped;
  uint64_t extra = fg_rng_bits(&chain->rng) >> 63;
  return flip_clusters((const wolff *)base, chain, chain->spacing + extra, &flipped);
}

static const ising_method method = {.needs_queue = 1, .start = start, .advance = advance};

static fg_status create(const fg_host *host, const void *config, void **self) {
  wolff *sampler = calloc(1, sizeof *sampler);
  if (!sampler) return host->fail(host, "out of memory");
  ising_init(&sampler->base, host, config, &method);
  sampler->threshold = (uint64_t)llround(-expm1(-2.0 * sampler->base.config->coupling) * 0x1p32);
  *self = sampler;
  return FG_OK;
}

static void destroy(void *self) {
  wolff *sampler = self;
  ising_clear(&sampler->base);
  free(sampler);
}

static const char *const special_couplings[] = {"critical=0.44068679350977147", NULL};
static const char *const special_counts[] = {"auto=-1", NULL};

static const fg_param coupling = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(ising_config, coupling),
    .name = "coupling",
    .min = "0",
    .names = special_couplings,
    .unit = "1",
    .doc = "Coupling K = βJ ≥ 0; critical is ln(1+√2)/2.",
};
static const fg_param thermalize = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(ising_config, thermalize),
    .name = "thermalize",
    .def = "auto",
    .min = "0",
    .names = special_counts,
    .unit = "clusters",
    .doc = "Clusters flipped in each chain before its first configuration; auto: as many as flip about 100 lattice "
           "volumes, judged from a pilot of at least 10 volumes.",
};
static const fg_param spacing = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(ising_config, spacing),
    .name = "spacing",
    .def = "auto",
    .min = "1",
    .names = special_counts,
    .unit = "clusters",
    .doc = "Clusters flipped between configurations, and one more with probability 1/2; auto: as many as flip half a "
           "lattice volume, rounded up.",
};

static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "sampler.wolff",
    .summary = "draws configurations of the two-dimensional Ising model by cluster updates",
    .doc = "Samples the ferromagnetic Ising model, weight exp(K Σ s s') over the bonds of a periodic L×L "
           "square lattice, with the single-cluster algorithm of U. Wolff, Phys. Rev. Lett. 62, 361 (1989).\n\n"
           "Chains start ordered, with a random sign each. How many clusters thermalise a chain and how many "
           "lie between two configurations is fixed before the first of them is flipped, so the sizes of "
           "clusters never decide when a configuration is taken. Between configurations one more cluster is "
           "flipped with probability 1/2, which keeps the chain aperiodic at weak coupling, K = 0 included.\n\n"
           "Bond probabilities are multiples of 2⁻³². On L = 2 two bonds join each pair of neighbours; on L = "
           "1 a site is its own neighbour. Negative couplings: use sampler.metropolis.",
    .params = (const fg_param *const[]){&ising_param_size, &coupling, &ising_param_configurations, &ising_param_chains,
                                        &thermalize, &spacing, NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&ising_output, NULL},
    .config_size = sizeof(ising_config),
    .create = create,
    .negotiate = ising_negotiate,
    .produce = ising_produce,
    .save = ising_save,
    .restore = ising_restore,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "wolff",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL},
};
