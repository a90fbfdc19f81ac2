// potts_bath.h — the heat bath of the Potts model on the lattices of lattices.h, sweep after sweep over the sites in
// memory order, at any coupling of either sign.
#ifndef PLUGINS_SAMPLERS_POTTS_BATH_H
#define PLUGINS_SAMPLERS_POTTS_BATH_H

#include "sweeps.h"

/// An instance of a sampler, for the functions of sampler.h; NULL: out of memory. inverse_length as in sweep_init.
void *potts_bath_new(const fg_host *host, const sampler_config *config, const sampler_model *model,
                     double inverse_length);

#endif
