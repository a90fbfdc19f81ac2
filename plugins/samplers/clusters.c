// clusters.c — see clusters.h.
#include "clusters.h"

#include <math.h>

#define PILOT_VOLUMES 10.0       // lattice volumes changed in the phase that measures the mean cluster
#define THERMALIZE_VOLUMES 100.0 // … expected in the thermalisation
#define SPACING_VOLUMES 0.5      // … between configurations, before the extra half cluster
#define CANCEL_CHECK (1u << 20)  // sites changed between two looks at host->cancelled

/// Grows the cluster of `seed` on the square lattice, xor-ing `change` to the state of its sites, and returns its size. A site changes when
/// it joins, so a site that still has the old state is one outside the cluster, and each bond is tried once, from the
/// side that joins first.
/// Acceptance is a sum, not a branch, which would be mispredicted too often: 9 ns a site against 22 at Kc. Random bits
/// are therefore spent on bonds between unlike sites too. With 32 of them a probability is off by at most 2⁻³³.
__attribute__((always_inline)) static inline uint64_t grow(const cluster_sampler *sampler, sampler_chain *chain,
                                                           uint64_t seed, const uint8_t change) {
  const uint32_t length = sampler->base.length;
  const uint64_t threshold = sampler->threshold;
  uint8_t *const restrict sites = chain->sites;
  uint32_t *const restrict queue = chain->queue;
  fg_rng *rng = &chain->rng;

  const uint8_t old = sites[seed];
  sites[seed] ^= change;
  uint64_t tail = 0;
  queue[tail++] = (uint32_t)(seed / length) << 16 | (uint32_t)(seed % length);
  for (uint64_t head = 0; head < tail; head++) {
    const uint32_t y = queue[head] >> 16, x = queue[head] & 0xffff;
    const uint32_t above = (y ? y : length) - 1, below = y + 1 == length ? 0 : y + 1;
    const uint32_t left = (x ? x : length) - 1, right = x + 1 == length ? 0 : x + 1;
    const uint64_t vertical = fg_rng_bits(rng), horizontal = fg_rng_bits(rng);
#define TRY(row, column, random)                                                                                       \
  do {                                                                                                                 \
    uint8_t *site = &sites[(uint64_t)(row)*length + (column)];                                                         \
    uint8_t joins = (uint8_t)((*site == old) & ((random) < threshold));                                                \
    *site ^= (uint8_t)(joins * change);                                                                                \
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

/// The same on a lattice of any kind, known where this is compiled.
__attribute__((always_inline)) static inline uint64_t grow_on(lattices_choice lattice, const cluster_sampler *sampler,
                                                              sampler_chain *chain, uint64_t seed, uint8_t change) {
  const uint64_t threshold = sampler->threshold;
  uint8_t *const restrict sites = chain->sites;
  uint32_t *const restrict queue = chain->queue;
  const uint8_t old = sites[seed];
  sites[seed] ^= change;
  uint64_t tail = 0;
  queue[tail++] = (uint32_t)seed;
  for (uint64_t head = 0; head < tail; head++) {
    uint32_t near[LATTICES_MOST_NEIGHBOURS];
    const unsigned count = lattices_near(lattice, sampler->base.length, queue[head], near);
    for (unsigned k = 0; k < count; k += 2) {
      const uint64_t bits = fg_rng_bits(&chain->rng), random[2] = {bits >> 32, bits & 0xffffffff};
      for (unsigned i = 0; i < 2; i++) {
        const uint32_t site = near[k + i];
        uint8_t joins = (uint8_t)((sites[site] == old) & (random[i] < threshold));
        sites[site] ^= (uint8_t)(joins * change);
        queue[tail] = site;
        tail += joins;
      }
    }
  }
  return tail;
}

static uint64_t grow_elsewhere(const cluster_sampler *sampler, sampler_chain *chain, uint64_t seed, uint8_t change) {
  switch (sampler->base.lattice.shape) {
  case FG_CHAIN: return grow_on(LATTICES_CHAIN, sampler, chain, seed, change);
  case FG_TRIANGULAR: return grow_on(LATTICES_TRIANGULAR, sampler, chain, seed, change);
  default: return grow_on(LATTICES_CUBIC, sampler, chain, seed, change);
  }
}

/// Changes one cluster to another state, uniformly drawn, and returns its size. With two states there is nothing to
/// draw, and a constant change is 10% faster.
static uint64_t change_cluster(const cluster_sampler *sampler, sampler_chain *chain) {
  const uint32_t states = sampler->base.model.states;
  uint64_t seed = fg_rng_below(&chain->rng, sampler->base.sites);
  const int square = sampler->base.lattice.shape == FG_SQUARE;
  if (states == 2) return square ? grow(sampler, chain, seed, 1) : grow_elsewhere(sampler, chain, seed, 1);
  const uint8_t old = chain->sites[seed];
  uint64_t fresh = fg_rng_below(&chain->rng, states - 1);
  const uint8_t change = (uint8_t)((fresh + (fresh >= old)) ^ old);
  return square ? grow(sampler, chain, seed, change) : grow_elsewhere(sampler, chain, seed, change);
}

/// Changes `count` clusters and adds up their sizes.
static fg_status change_clusters(const cluster_sampler *sampler, sampler_chain *chain, uint64_t count,
                                 uint64_t *changed) {
  const fg_host *host = sampler->base.host;
  uint64_t sum = 0, check = CANCEL_CHECK;
  for (uint64_t i = 0; i < count; i++) {
    sum += change_cluster(sampler, chain);
    if (sum < check) continue;
    if (host->cancelled(host)) return FG_CANCELLED;
    check = sum + CANCEL_CHECK;
  }
  *changed = sum;
  return FG_OK;
}

/// Clusters that change about `volumes` lattices.
static uint64_t clusters_for(const cluster_sampler *sampler, double volumes, double mean_cluster) {
  return (uint64_t)ceil(volumes * (double)sampler->base.sites / mean_cluster);
}

static fg_status start(const sampler_base *base, sampler_chain *chain) {
  const cluster_sampler *sampler = (const cluster_sampler *)base;
  const sampler_config *config = base->config;
  sampler_order(base, chain, 0);

  // Phases of 1, 2, 4, … clusters; the last tells the mean cluster. What it decides comes after it.
  double mean = 1.0;
  uint64_t changed = 0;
  int measure = config->thermalize == SAMPLER_AUTO || config->spacing == SAMPLER_AUTO;
  for (uint64_t count = 1; measure && (double)changed < PILOT_VOLUMES * (double)base->sites; count *= 2) {
    if (change_clusters(sampler, chain, count, &changed) != FG_OK) return FG_CANCELLED;
    mean = (double)changed / (double)count;
  }
  uint64_t thermalize = config->thermalize == SAMPLER_AUTO ? clusters_for(sampler, THERMALIZE_VOLUMES, mean)
                                                           : (uint64_t)config->thermalize;
  chain->spacing =
      config->spacing == SAMPLER_AUTO ? clusters_for(sampler, SPACING_VOLUMES, mean) : (uint64_t)config->spacing;
  return change_clusters(sampler, chain, thermalize, &changed);
}

/// One cluster more with probability ½: at weak coupling nearly all clusters are single sites, and after a fixed number
/// of them the number of spins up would always be even, or always odd.
static fg_status advance(const sampler_base *base, sampler_chain *chain) {
  uint64_t changed;
  uint64_t extra = fg_rng_bits(&chain->rng) >> 63;
  return change_clusters((const cluster_sampler *)base, chain, chain->spacing + extra, &changed);
}

void cluster_init(cluster_sampler *sampler, const fg_host *host, const sampler_config *config,
                  const sampler_model *model, double cost) {
  static const sampler_method method = {.needs_queue = 1, .start = start, .advance = advance};
  sampler_init(&sampler->base, host, config, &method, model);
  sampler->threshold = (uint64_t)llround(-expm1(-cost) * 0x1p32);
}
