// network_lattice.h — whether a network knows the lattices that it is to be trained, scored or dreamt on: asked before
// anything runs. Static functions only.
#ifndef PLUGINS_NETWORKS_NETWORK_LATTICE_H
#define PLUGINS_NETWORKS_NETWORK_LATTICE_H

#include "finegrain/finegrain.h"

static inline const char *network_lattice_name(uint32_t shape) {
  static const char *const names[] = {"unknown", "square", "triangular", "cubic", "hypercubic"};
  return shape == FG_CHAIN ? "chain" : names[shape >= FG_SQUARE && shape <= FG_HYPERCUBIC ? shape - 1 : 0];
}

/// Whether a network, if it is known yet, refines lattices of a shape; FG_FAILED, reported with what to use instead: it
/// does not.
static inline fg_status network_lattice_check(const fg_host *host, const fg_network *network, const char *kind,
                                              const fg_lattice *lattice) {
  if (!network || fg_network_takes(network, lattice->shape)) return FG_OK;
  uint32_t known = FG_CHAIN;
  while (known < FG_HYPERCUBIC && !fg_network_takes(network, known)) known++;
  const char *instead = lattice->shape == FG_CHAIN ? "for chains there is network.chain"
                        : lattice->shape == FG_SQUARE
                            ? "for square lattices there is network.symmetric, among others"
                            : "no network here knows more than the chain and the square lattice";
  return host->fail(host, "'%s' knows the %s lattice, and a %s lattice comes in; %s", kind, network_lattice_name(known),
                    network_lattice_name(lattice->shape), instead);
}

#endif
