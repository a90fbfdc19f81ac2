// sweeps.c — see sweeps.h.
#include "sweeps.h"

#include <math.h>

#define DYNAMIC_EXPONENT 2.17 // Nightingale & Blöte, Phys. Rev. Lett. 76, 4548 (1996): 2.1665(12), two states
#define SPACING_FACTOR 0.0625 // spacing / ξ^z, sweeps
#define SPACING_MOST 1000     // sweeps
#define THERMALIZE_SPACINGS 100
#define CANCEL_CHECK (1u << 20) // sites visited between two looks at host->cancelled

static fg_status sweeps(const sweep_sampler *sampler, sampler_chain *chain, uint64_t count) {
  const fg_host *host = sampler->base.host;
  uint64_t visited = 0;
  if (sampler->load) sampler->load(sampler, chain);
  for (uint64_t i = 0; i < count; i++) {
    sampler->sweep(sampler, chain);
    visited += sampler->base.sites;
    if (visited < CANCEL_CHECK) continue;
    if (host->cancelled(host)) return FG_CANCELLED;
    visited = 0;
  }
  if (sampler->store) sampler->store(sampler, chain);
  return FG_OK;
}

/// From a ground state of the coupling's sign: a disordered start at strong coupling can freeze into stripes.
static fg_status start(const sampler_base *base, sampler_chain *chain) {
  const sweep_sampler *sampler = (const sweep_sampler *)base;
  sampler_order(base, chain, base->model.coupling < 0);
  chain->spacing = sampler->spacing;
  return sweeps(sampler, chain, sampler->thermalize);
}

/// The configuration goes out with its states permuted at random, all spins reversed or not: an exact symmetry, and at
/// strong coupling local updates would need longer than any run to restore it.
static fg_status advance(const sampler_base *base, sampler_chain *chain) {
  fg_status status = sweeps((const sweep_sampler *)base, chain, chain->spacing);
  sampler_relabel(base, chain);
  return status;
}

/// Sweeps between configurations: a fixed part of ξ^z, with ξ at most L.
static uint64_t automatic_spacing(const sampler_config *config, double inverse_length) {
  double length = (double)config->size;
  double correlation = !(inverse_length * length > 1.0) ? length : 1.0 / inverse_length;
  double wanted = SPACING_FACTOR * pow(correlation, DYNAMIC_EXPONENT);
  return wanted < SPACING_MOST ? 1 + (uint64_t)wanted : SPACING_MOST;
}

void sweep_init(sweep_sampler *sampler, const fg_host *host, const sampler_config *config, const sampler_model *model,
                sweep_fn sweep, double inverse_length) {
  static const sampler_method method = {.start = start, .advance = advance};
  uint64_t automatic = automatic_spacing(config, inverse_length);
  sampler_init(&sampler->base, host, config, &method, model);
  sampler->sweep = sweep;
  sampler->spacing = config->spacing == SAMPLER_AUTO ? automatic : (uint64_t)config->spacing;
  sampler->thermalize =
      config->thermalize == SAMPLER_AUTO ? THERMALIZE_SPACINGS * automatic : (uint64_t)config->thermalize;
}
