// cluster_sweep.h — a sweep of all clusters (R. H. Swendsen & J.-S. Wang, Phys. Rev. Lett. 58, 86, 1987) of an Ising
// model on the periodic square lattice, spins as bits. A bond between like spins is active where the event of its site
// says so; each cluster that active bonds hold together is reversed when the random bit of its first site is set. This
// defines the result: it does not depend on how clusters are found, nor on threads.
#ifndef PLUGINS_SAMPLERS_CLUSTER_SWEEP_H
#define PLUGINS_SAMPLERS_CLUSTER_SWEEP_H

#include "events.h"

/// Of one sweep: the bond of a site to the next one in its row, that to the site below, its bit. Sites of the bonds are
/// numbered with rows padded to 64, those of the bits without.
typedef struct cluster_events {
  events_source right, below, flip;
  uint64_t threshold; ///< 2⁶⁴ · P(a bond between like spins is active)
} cluster_events;

/// A lattice and what its sweep needs.
typedef struct cluster_lattice {
  uint32_t length;
  uint64_t words;                           ///< of a row
  uint64_t *spins, *starts, *below, *flips; ///< bits of all sites
  uint32_t *labels;                         ///< L² of them, the caller's
} cluster_lattice;

uint64_t cluster_lattice_bytes(uint32_t length);                     ///< without the labels
int cluster_lattice_open(cluster_lattice *lattice, uint32_t length); ///< 0: out of memory
void cluster_lattice_close(cluster_lattice *lattice);                ///< also a zero one

void cluster_lattice_load(cluster_lattice *lattice, const uint8_t *sites); ///< from bytes 0 or 1
void cluster_lattice_store(const cluster_lattice *lattice, uint8_t *sites);

/// One sweep, strips of the lattice in parallel.
fg_status cluster_sweep(const fg_host *host, cluster_lattice *lattice, const cluster_events *events);

#endif
