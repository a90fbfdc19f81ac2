// ising.h — what the samplers of the Ising model on the periodic square lattice share: parameters, chains, the order
// in which chains hand out batches, checkpoints. How a chain moves is the sampler's own (ising_method).
//
// Every site has four neighbours. So on L = 2 two bonds join each pair, and on L = 1 a site is its own neighbour and
// the energy is constant.
#ifndef PLUGINS_SAMPLERS_ISING_H
#define PLUGINS_SAMPLERS_ISING_H

#include "finegrain/finegrain.h"

#define ISING_AUTO (-1) ///< thermalize, spacing: chosen by the sampler

/// The parameters all samplers have; first member of each sampler's own config struct.
typedef struct ising_config {
  int64_t size;
  double coupling;
  int64_t configurations; ///< over all chains
  int64_t chains;
  int64_t thermalize; ///< updates before the first configuration, or ISING_AUTO
  int64_t spacing;    ///< updates between configurations, or ISING_AUTO
} ising_config;

extern const fg_param ising_param_size;
extern const fg_param ising_param_configurations;
extern const fg_param ising_param_chains;
extern const fg_port ising_output;

/// One Markov chain: its lattice and its own randomness. Only one thread at a time touches it.
typedef struct ising_chain {
  uint8_t *spins;  ///< L×L bytes, 0 or 1, row after row
  uint32_t *queue; ///< L×L + 1 places for a growing cluster; NULL unless the method asks for it
  fg_rng rng;
  uint64_t quota;   ///< configurations this chain has to give
  uint64_t given;   ///< … has given
  uint64_t spacing; ///< updates between configurations, fixed before the first
  uint8_t sign;     ///< 1: the configuration goes out with all spins reversed
  fg_batch *batch;  ///< filled, waiting to be emitted
} ising_chain;

typedef struct ising_sampler ising_sampler;

/// How chains move. Both functions may run for several chains at a time; FG_CANCELLED ends the run.
typedef struct ising_method {
  int needs_queue;
  /// Makes the first state, fixes chain->spacing, thermalises. The lattice is all zeros before.
  fg_status (*start)(const ising_sampler *sampler, ising_chain *chain);
  /// Moves on to the next configuration.
  fg_status (*advance)(const ising_sampler *sampler, ising_chain *chain);
} ising_method;

/// First member of each sampler's instance.
struct ising_sampler {
  const fg_host *host;
  const ising_config *config;
  const ising_method *method;
  fg_lattice lattice;
  uint32_t length;      ///< L
  uint64_t sites;       ///< L²
  uint32_t chain_count; ///< chains that give at least one configuration
  uint32_t batch_size;  ///< most configurations in a batch
  uint64_t emitted;     ///< configurations
  ising_chain *chains;  ///< NULL until the run starts
};

void ising_init(ising_sampler *sampler, const fg_host *host, const ising_config *config, const ising_method *method);
void ising_clear(ising_sampler *sampler);

/// All spins up or all down, with probability ½ each; `staggered`: one of the two checkerboards.
void ising_order(const ising_sampler *sampler, ising_chain *chain, int staggered);

// The functions of fg_stage; `self` is an instance that starts with an ising_sampler.
fg_status ising_negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory);
fg_status ising_produce(void *self);
fg_status ising_save(void *self, const fg_writer *writer);
fg_status ising_restore(void *self, const fg_reader *reader);

#endif
