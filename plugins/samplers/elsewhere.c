// elsewhere.c — see elsewhere.h.
#include "elsewhere.h"

#include <math.h>
#include <stdlib.h>

typedef struct elsewhere {
  sweep_sampler base;
  uint64_t thresholds[LATTICES_MOST_NEIGHBOURS + 1]; ///< 2⁶³ · P(flip) of a spin that agrees with n of its neighbours
} elsewhere;

/// Updates every site once; compiled for each lattice.
__attribute__((always_inline)) static inline void sweep_on(lattices_choice lattice, const sweep_sampler *base,
                                                           sampler_chain *chain) {
  const elsewhere *sampler = (const elsewhere *)base;
  uint8_t *spins = chain->sites;
  for (uint32_t site = 0; site < base->base.sites; site++) {
    uint32_t near[LATTICES_MOST_NEIGHBOURS];
    const unsigned count = lattices_near(lattice, base->base.length, site, near);
    unsigned up = 0;
    for (unsigned k = 0; k < count; k++) up += spins[near[k]];
    unsigned agreeing = spins[site] ? up : count - up;
    spins[site] ^= (uint8_t)((fg_rng_bits(&chain->rng) >> 1) < sampler->thresholds[agreeing]);
  }
}

static void sweep_chain(const sweep_sampler *sampler, sampler_chain *chain) {
  sweep_on(LATTICES_CHAIN, sampler, chain);
}
static void sweep_triangular(const sweep_sampler *sampler, sampler_chain *chain) {
  sweep_on(LATTICES_TRIANGULAR, sampler, chain);
}
static void sweep_cubic(const sweep_sampler *sampler, sampler_chain *chain) {
  sweep_on(LATTICES_CUBIC, sampler, chain);
}

/// 1/ξ = -ln tanh |K| on the chain (E. Ising, Z. Phys. 31, 253, 1925). Elsewhere |K/Kc - 1|, an estimate that is
/// never too large near the transition, for ν is at most 1. Where an antiferromagnet is frustrated, walls wander over the
/// lattice: ξ is its size.
static double inverse_length(const sampler_config *config, double coupling) {
  lattices_choice lattice = (lattices_choice)config->lattice;
  int frustrated = coupling < 0 && (lattice == LATTICES_TRIANGULAR || config->size % 2);
  double strength = fabs(coupling);
  if (frustrated) return 0;
  return lattice == LATTICES_CHAIN ? -log(tanh(strength)) : fabs(strength / lattices_critical(lattice) - 1);
}

void *elsewhere_new(const fg_host *host, const sampler_config *config, double coupling,
                    const double flip[LATTICES_MOST_NEIGHBOURS + 1]) {
  static const sweep_fn sweeps[] = {
      [LATTICES_CHAIN] = sweep_chain, [LATTICES_TRIANGULAR] = sweep_triangular, [LATTICES_CUBIC] = sweep_cubic};
  const sampler_model model = {.element = FG_SPIN1, .states = 2, .coupling = coupling};
  elsewhere *sampler = calloc(1, sizeof *sampler);
  if (!sampler) return NULL;
  sweep_init(&sampler->base, host, config, &model, sweeps[config->lattice], inverse_length(config, coupling));
  for (unsigned n = 0; n <= lattices_neighbours((lattices_choice)config->lattice); n++)
    sampler->thresholds[n] = (uint64_t)(flip[n] * 0x1p63);
  return sampler;
}
