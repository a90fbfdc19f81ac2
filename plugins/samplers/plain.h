// plain.h — the definitions of checkerboard.h and cluster_sweep.h, site by site on bytes: for tests and benchmarks. Sites
// are L×L bytes 0 or 1, row after row.
#ifndef PLUGINS_SAMPLERS_PLAIN_H
#define PLUGINS_SAMPLERS_PLAIN_H

#include "checkerboard.h"
#include "cluster_sweep.h"

/// The random number of site i of a source.
uint64_t plain_number(const events_source *source, uint64_t i);

/// One sweep of single-spin updates; even sizes. thresholds: 2⁶⁴ · P(flip) of a spin that differs from 0 … 4 neighbours.
void plain_checkerboard(uint8_t *sites, uint32_t length, const uint64_t thresholds[CHECKERBOARD_CLASSES],
                        const events_source *source);

/// One sweep over all clusters. label: L² places, in which the first site of each site's cluster is left; stack: L².
void plain_clusters(uint8_t *sites, uint32_t length, const cluster_events *events, uint32_t *label, uint32_t *stack);

#endif
