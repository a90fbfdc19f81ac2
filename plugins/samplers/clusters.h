// clusters.h — chains that move by single clusters (U. Wolff, Phys. Rev. Lett. 62, 361, 1989), for any number of
// states: sites in one state are joined by active bonds, and the cluster of a random site changes to another state.
// Cluster counts are always fixed before the clusters they count: stopping once "enough" sites have changed would
// favour the states that large clusters leave behind.
#ifndef PLUGINS_SAMPLERS_CLUSTERS_H
#define PLUGINS_SAMPLERS_CLUSTERS_H

#include "sampler.h"

/// What automatic counts are, for the documentation of the stages that have them.
#define CLUSTERS_THERMALIZE_DOC                                                                                        \
  "as many as change about 100 lattice volumes, judged from a pilot of at least 10 volumes"
#define CLUSTERS_SPACING_DOC "as many as change half a lattice volume, rounded up"

/// An instance, or the first member of one.
typedef struct cluster_sampler {
  sampler_base base;
  uint64_t threshold; ///< 2³² · P(bond between sites in the same state is active)
} cluster_sampler;

/// Fills an instance. cost ≥ 0: βE of a bond between unlike sites above that of like ones; P = 1 − exp(−cost).
void cluster_init(cluster_sampler *sampler, const fg_host *host, const sampler_config *config,
                  const sampler_model *model, double cost);

#endif
