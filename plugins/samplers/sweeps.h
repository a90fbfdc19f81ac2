// sweeps.h — chains that move site by site, sweep after sweep over the lattice in a fixed order, at any coupling. Each
// update alone leaves the Boltzmann distribution unchanged, so their sequence does, on any L.
#ifndef PLUGINS_SAMPLERS_SWEEPS_H
#define PLUGINS_SAMPLERS_SWEEPS_H

#include "sampler.h"

/// What automatic counts are, for the documentation of the stages that have them.
#define SWEEPS_THERMALIZE_DOC "100 times the automatic spacing"
#define SWEEPS_SPACING_DOC "1 + x^2.17/16, at most 1000, where x is the smaller of the size and"

typedef struct sweep_sampler sweep_sampler;

/// Updates every site of a chain once: a call of sweep_sites, or a way of its own.
typedef void (*sweep_fn)(const sweep_sampler *sampler, sampler_chain *chain);

/// An instance, or the first member of one.
struct sweep_sampler {
  sampler_base base;
  sweep_fn sweep;
  sweep_fn load, store; ///< called before some sweeps and after them, for spins kept in another form; NULL: nothing
  uint64_t spacing, thermalize; ///< sweeps
};

/// Fills an instance. inverse_length: 1/ξ of the infinite lattice, which decides on automatic counts; 0: ξ is the size.
void sweep_init(sweep_sampler *sampler, const fg_host *host, const sampler_config *config, const sampler_model *model,
                sweep_fn sweep, double inverse_length);

/// Updates every site once, in place, in memory order: update(sampler, rng, its state, those of its four neighbours) is the new state.
/// A template: `update` must be a static inline function, named where the call stands.
__attribute__((always_inline)) static inline void
sweep_sites(const sweep_sampler *sampler, sampler_chain *chain,
            unsigned (*update)(const sweep_sampler *sampler, fg_rng *rng, unsigned site, const unsigned near[4])) {
  const uint32_t length = sampler->base.length;
  for (uint32_t y = 0; y < length; y++) {
    uint8_t *row = chain->sites + (uint64_t)y * length;
    const uint8_t *above = y ? row - length : chain->sites + (uint64_t)(length - 1) * length;
    const uint8_t *below = y + 1 < length ? row + length : chain->sites;
    unsigned left = row[length - 1];
    for (uint32_t x = 0; x < length; x++) {
      const unsigned near[4] = {left, row[x + 1 < length ? x + 1 : 0], above[x], below[x]};
      left = update(sampler, &chain->rng, row[x], near);
      row[x] = (uint8_t)left;
    }
  }
}

#endif
