// sampler.h — what the samplers of models on periodic lattices share: parameters, chains, the order in which chains hand
// out batches, checkpoints. A site is in one of `states` states, a byte each; two states are spins and
// travel packed. How a chain moves is a sampler_method: by clusters (clusters.h) or site by site (sweeps.h).
//
// Every site has all its neighbours (lattices.h). So on L = 2 two bonds join each pair, and on L = 1 a site is its own
// neighbour and the energy is constant.
#ifndef PLUGINS_SAMPLERS_SAMPLER_H
#define PLUGINS_SAMPLERS_SAMPLER_H

#include "finegrain/finegrain.h"

#include "lattices.h"

#define SAMPLER_AUTO (-1)        ///< thermalize, spacing: chosen by the sampler
#define SAMPLER_MOST_STATES 255u ///< states of a site

/// The parameters all samplers have; first member of each sampler's own config struct.
typedef struct sampler_config {
  int64_t size;
  double coupling;
  int64_t configurations; ///< over all chains
  int64_t chains;
  int64_t thermalize; ///< updates before the first configuration, or SAMPLER_AUTO
  int64_t spacing;    ///< updates between configurations, or SAMPLER_AUTO
  int32_t lattice;    ///< a lattices_choice
  int32_t reserved;
} sampler_config;

extern const fg_param sampler_param_lattice;
extern const fg_param sampler_param_size;
extern const fg_param sampler_param_configurations;
extern const fg_param sampler_param_chains;
extern const char *const sampler_counts[]; ///< names of thermalize and spacing: auto
extern const fg_port sampler_output_spins;
extern const fg_port sampler_output_states;

/// One Markov chain: its lattice and its own randomness. Only one thread at a time touches it.
typedef struct sampler_chain {
  uint8_t *sites;  ///< states, row after row
  uint32_t *queue; ///< a place a site and one more for a growing cluster; NULL unless the method asks for it
  fg_rng rng;
  uint64_t quota;                     ///< configurations this chain has to give
  uint64_t given;                     ///< … has given
  uint64_t spacing;                   ///< updates between configurations, fixed before the first
  uint8_t label[SAMPLER_MOST_STATES]; ///< state s goes out as label[s]
  fg_batch *batch;                    ///< filled, waiting to be emitted
} sampler_chain;

typedef struct sampler_base sampler_base;

/// What is sampled.
typedef struct sampler_model {
  uint32_t element; ///< FG_SPIN1 (two states) or FG_STATE8
  uint32_t states;  ///< of a site: 2 … SAMPLER_MOST_STATES
  double coupling;  ///< K
} sampler_model;

/// How chains move. Both functions may run for several chains at a time; FG_CANCELLED ends the run.
typedef struct sampler_method {
  int needs_queue;
  /// Makes the first state, fixes chain->spacing, thermalises. The lattice is all zeros before.
  fg_status (*start)(const sampler_base *sampler, sampler_chain *chain);
  /// Moves on to the next configuration.
  fg_status (*advance)(const sampler_base *sampler, sampler_chain *chain);
} sampler_method;

/// First member of each sampler's instance.
struct sampler_base {
  const fg_host *host;
  const sampler_config *config;
  const sampler_method *method;
  sampler_model model;
  fg_lattice lattice;
  uint32_t length;       ///< L
  uint64_t sites;        ///< L² on the square lattice
  uint32_t chain_count;  ///< chains that give at least one configuration
  uint32_t batch_size;   ///< most configurations in a batch
  uint64_t emitted;      ///< configurations
  sampler_chain *chains; ///< NULL until the run starts
};

/// Fills the first member of an instance. The model's coupling counts, not the config's, which may be a special value.
void sampler_init(sampler_base *sampler, const fg_host *host, const sampler_config *config,
                  const sampler_method *method, const sampler_model *model);

/// All sites in one state, drawn uniformly; `staggered`: every second site, along every axis, in the next state.
void sampler_order(const sampler_base *sampler, sampler_chain *chain, int staggered);

/// Draws chain->label, uniformly among the permutations of the states (Fisher & Yates). An exact symmetry of every
/// model here.
void sampler_relabel(const sampler_base *sampler, sampler_chain *chain);

// The functions of fg_stage; `self` is an instance from calloc that starts with a sampler_base.
fg_status sampler_negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory);
fg_status sampler_produce(void *self);
fg_status sampler_save(void *self, const fg_writer *writer);
fg_status sampler_restore(void *self, const fg_reader *reader);
void sampler_destroy(void *self);

#endif
