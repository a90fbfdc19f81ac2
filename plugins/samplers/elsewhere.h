// elsewhere.h — single-spin updates of the Ising model on the chain, the triangular and the cubic lattice: sweep after
// sweep over the sites in memory order. The square lattice has its own, faster code (metropolis.c).
#ifndef PLUGINS_SAMPLERS_ELSEWHERE_H
#define PLUGINS_SAMPLERS_ELSEWHERE_H

#include "sweeps.h"

#define ELSEWHERE_LENGTH_DOC "1/|K/Kc - 1| (the size, where the antiferromagnet is frustrated)"

/// An instance of a sampler on config->lattice, not the square one, for the functions of sampler.h; NULL: out of memory.
/// flip[n]: the probability that a spin flips which agrees with n of its neighbours.
void *elsewhere_new(const fg_host *host, const sampler_config *config, double coupling,
                    const double flip[LATTICES_MOST_NEIGHBOURS + 1]);

#endif
