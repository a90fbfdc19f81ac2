// chain.h — the Ising model on a periodic chain, exactly: E. Ising, Z. Phys. 31, 253 (1925). With t = tanh K the transfer
// matrix gives Z = (2 cosh K)^L (1 + t^L) and ⟨s s'⟩ = (t^r + t^(L-r)) / (1 + t^L) at distance r.
#ifndef PLUGINS_ESTIMATE_CHAIN_H
#define PLUGINS_ESTIMATE_CHAIN_H

#include "kaufman.h"

/// The ring of L ≥ 1 sites at a finite coupling K, in the sense of kaufman_torus: one bond a site. Thread-safe.
kaufman chain_ring(uint64_t length, double coupling);

/// ⟨m²⟩ of the same.
double chain_m2(uint64_t length, double coupling);

#endif
