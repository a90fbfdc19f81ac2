// metropolis.c — sampler.metropolis: the Ising model by single-spin updates at any finite coupling, sweep after sweep
// over the sites in memory order. Metropolis and heat bath differ in one table of five flip probabilities.
#include "ising.h"

#include <math.h>
#include <stdlib.h>

// Metropolis proposes with this probability, not always. In sequential order a proposal that is always made and always
// accepted (K = 0) would flip all spins in every sweep, and other states would never be reached. With any value in
// (0, 1) every state leads to every other in one sweep.
#define PROPOSAL 0.75

#define DYNAMIC_EXPONENT 2.17 // Nightingale & Blöte, Phys. Rev. Lett. 76, 4548 (1996): 2.1665(12)
#define SPACING_FACTOR 0.0625 // spacing / ξ^z, sweeps
#define SPACING_MOST 1000     // sweeps
#define THERMALIZE_SPACINGS 100
#define CANCEL_CHECK (1u << 20) // spins visited between two looks at host->cancelled

typedef enum algorithm { METROPOLIS = 0, HEAT_BATH = 1 } algorithm;

typedef struct metropolis_config {
  ising_config common;
  int32_t algorithm;
} metropolis_config;

typedef struct metropolis {
  ising_sampler base;
  uint64_t thresholds[5]; ///< 2⁶³ · P(flip) of a spin that agrees with 0 … 4 of its neighbours
  uint64_t spacing;
  uint64_t thermalize;
} metropolis;

/// Metropolis, Rosenbluth, Rosenbluth, Teller, Teller, J. Chem. Phys. 21, 1087 (1953); heat bath: Glauber,
/// J. Math. Phys. 4, 294 (1963). A spin that agrees with n neighbours pays 4(n-2) to flip, in units of J.
static double flip_probability(algorithm which, double coupling, int agreeing) {
  double cost = 4 * (agreeing - 2) * coupling;
  return which == HEAT_BATH ? 1.0 / (1.0 + exp(cost)) : PROPOSAL * fmin(1.0, exp(-cost));
}

/// Updates every spin once, in place: each update alone leaves the Boltzmann distribution unchanged, so their sequence
/// does, on any L.
static void sweep(const metropolis *sampler, ising_chain *chain) {
  const uint32_t length = sampler->base.length;
  fg_rng *rng = &chain->rng;
  for (uint32_t y = 0; y < length; y++) {
    uint8_t *row = chain->spins + (uint64_t)y * length;
    const uint8_t *above = y ? row - length : chain->spins + (uint64_t)(length - 1) * length;
    const uint8_t *below = y + 1 < length ? row + length : chain->spins;
    unsigned left = row[length - 1];
    for (uint32_t x = 0; x < length; x++) {
      unsigned spin = row[x];
      unsigned up = left + row[x + 1 < length ? x + 1 : 0] + above[x] + below[x];
      unsigned agreeing = spin ? up : 4 - up;
      left = spin ^ ((fg_rng_bits(rng) >> 1) < sampler->thresholds[agreeing]);
      row[x] = (uint8_t)left;
    }
  }
}

static fg_status sweeps(const metropolis *sampler, ising_chain *chain, uint64_t count) {
  const fg_host *host = sampler->base.host;
  uint64_t visited = 0;
  for (uint64_t i = 0; i < count; i++) {
    sweep(sampler, chain);
    visited += sampler->base.sites;
    if (visited < CANCEL_CHECK) continue;
    if (host->cancelled(host)) return FG_CANCELLED;
    visited = 0;
  }
  return FG_OK;
}

/// From the ground state of the coupling's sign: a disordered start at strong coupling can freeze into stripes.
static fg_status start(const ising_sampler *base, ising_chain *chain) {
  const metropolis *sampler = (const metropolis *)base;
  ising_order(base, chain, base->config->coupling < 0);
  chain->spacing = sampler->spacing;
  return sweeps(sampler, chain, sampler->thermalize);
}

/// The configuration goes out with a random sign. Reversing all spins is an exact symmetry, and at strong coupling
/// local updates would need longer than any run to restore it.
static fg_status advance(const ising_sampler *base, ising_chain *chain) {
  fg_status status = sweeps((const metropolis *)base, chain, chain->spacing);
  chain->sign = (uint8_t)(fg_rng_bits(&chain->rng) >> 63);
  return status;
}

/// Sweeps between configurations: a fixed part of ξ^z, where ξ is the correlation length of the infinite lattice above
/// the critical temperature, 1/ξ = ln coth K − 2K (L. Onsager, Phys. Rev. 65, 117, 1944), at most L. Below it the
/// modulus gives twice the true length: on small lattices the rare reversals of all spins ask for that.
static uint64_t auto_spacing(const ising_config *config) {
  double length = (double)config->size, strength = fabs(config->coupling);
  double inverse = fabs(-log(tanh(strength)) - 2.0 * strength);
  int frustrated = config->coupling < 0 && config->size % 2; // walls that cannot vanish wander over the lattice
  double correlation = frustrated || !(inverse * length > 1.0) ? length : 1.0 / inverse;
  double wanted = SPACING_FACTOR * pow(correlation, DYNAMIC_EXPONENT);
  return wanted < SPACING_MOST ? 1 + (uint64_t)wanted : SPACING_MOST;
}

static const ising_method method = {.start = start, .advance = advance};

static fg_status create(const fg_host *host, const void *config, void **self) {
  const metropolis_config *own = config;
  const ising_config *common = &own->common;
  metropolis *sampler = calloc(1, sizeof *sampler);
  if (!sampler) return host->fail(host, "out of memory");
  ising_init(&sampler->base, host, common, &method);
  algorithm which = (algorithm)own->algorithm;
  for (int agreeing = 0; agreeing <= 4; agreeing++)
    sampler->thresholds[agreeing] = (uint64_t)(flip_probability(which, common->coupling, agreeing) * 0x1p63);
  sampler->spacing = common->spacing == ISING_AUTO ? auto_spacing(common) : (uint64_t)common->spacing;
  sampler->thermalize =
      common->thermalize == ISING_AUTO ? THERMALIZE_SPACINGS * auto_spacing(common) : (uint64_t)common->thermalize;
  *self = sampler;
  return FG_OK;
}

static void destroy(void *self) {
  metropolis *sampler = self;
  ising_clear(&sampler->base);
  free(sampler);
}

static const char *const special_couplings[] = {"critical=0.44068679350977147", NULL};
static const char *const special_counts[] = {"auto=-1", NULL};
static const char *const algorithms[] = {"metropolis", "heat-bath", NULL};

static const fg_param coupling = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(ising_config, coupling),
    .name = "coupling",
    .names = special_couplings,
    .unit = "1",
    .doc = "Coupling K = βJ, negative for an antiferromagnet; critical is ln(1+√2)/2.",
};
static const fg_param thermalize = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(ising_config, thermalize),
    .name = "thermalize",
    .def = "auto",
    .min = "0",
    .names = special_counts,
    .unit = "sweeps",
    .doc = "Sweeps of each chain before its first configuration; auto: 100 times the automatic spacing.",
};
static const fg_param spacing = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(ising_config, spacing),
    .name = "spacing",
    .def = "auto",
    .min = "1",
    .names = special_counts,
    .unit = "sweeps",
    .doc = "Sweeps between configurations; auto: 1 + x^2.17/16, at most 1000, where x is the smaller of the size and "
           "1/|2K + ln tanh K|, the correlation length.",
};
static const fg_param algorithm_param = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(metropolis_config, algorithm),
    .name = "algorithm",
    .def = "metropolis",
    .choices = algorithms,
    .unit = "1",
    .doc = "How a spin is updated: a proposed flip accepted with min(1, exp(-K ΔE)), or drawn afresh given its "
           "neighbours.",
};

static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "sampler.metropolis",
    .summary = "draws configurations of the two-dimensional Ising model by single-spin updates",
    .doc = "Samples the Ising model, weight exp(K Σ s s') over the bonds of a periodic L×L square lattice, at "
           "any finite coupling of either sign and any size, odd ones included. A sweep visits all sites in "
           "order. metropolis: Metropolis et al., J. Chem. Phys. 21, 1087 (1953), a flip being proposed with "
           "probability 3/4, because sequential proposals that are all accepted would not be ergodic; heat- "
           "bath: Glauber, J. Math. Phys. 4, 294 (1963).\n\n"
           "Chains start from the ground state (a checkerboard for K < 0), with a random sign each, and every "
           "configuration goes out with a random sign: an exact symmetry that local updates restore too slowly "
           "at strong coupling. Near the critical point configurations stay correlated for about L^2.17 "
           "sweeps; on large lattices sampler.wolff is faster by far.\n\n"
           "Flip probabilities are multiples of 2⁻⁶³. On L = 2 two bonds join each pair of neighbours; on L = "
           "1 a site is its own neighbour.",
    .params = (const fg_param *const[]){&ising_param_size, &coupling, &ising_param_configurations, &ising_param_chains,
                                        &thermalize, &spacing, &algorithm_param, NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&ising_output, NULL},
    .config_size = sizeof(metropolis_config),
    .create = create,
    .negotiate = ising_negotiate,
    .produce = ising_produce,
    .save = ising_save,
    .restore = ising_restore,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "metropolis",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL},
};
