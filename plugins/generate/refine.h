// refine.h — what generators share: a model that comes in, inverse steps of a batch of configurations, and how large
// lattices and batches may become. Spins do not depend on how configurations are cut into batches or tasks, for networks
// draw their randomness by configuration, level and site (network.h).
#ifndef PLUGINS_GENERATE_REFINE_H
#define PLUGINS_GENERATE_REFINE_H

#include "slices.h"

// ---- models

/// A model that is expected: what was announced and, later, the open model.
typedef struct refine_model {
  const fg_host *host;
  const char *name;          ///< in messages: "model", "first model"; constant
  const fg_network *network; ///< behaviour of the kind announced; NULL until the model arrives when that is open
  char kind[64];             ///< "": one of several, as a list brings them
  fg_element element;        ///< spins, unless the kind announced is of states
  fg_network_model *opened;  ///< NULL until it arrives
  const slices_isa *isa;     ///< what draws a model that has a table
  int sliced;                ///< it has one, prepared in `rule`
  slices_rule rule;
} refine_model;

/// Takes note of the format of a model input; FG_FAILED when its models cannot be used, reported.
fg_status refine_announce(refine_model *model, const fg_host *host, const char *name, const fg_format *format);

/// Whether the announced network knows a lattice; FG_FAILED: reported.
fg_status refine_check_lattice(const refine_model *model, const fg_lattice *lattice);

/// Opens the model that has arrived; FG_FAILED: reported. refine_close in any case.
fg_status refine_open(refine_model *model, const fg_model *arrived);
void refine_close(refine_model *model);

// ---- sizes

/// The lattice that `steps` inverse steps make of another.
fg_lattice refine_lattice(const fg_lattice *lattice, int64_t steps);

/// Whether that lattice can be named; if not, says so of parameter `param`.
fg_status refine_check_size(const fg_host *host, const char *param, const fg_lattice *lattice, int64_t steps);

/// Configurations that go up together, so that a batch of the last lattice has about 1 MiB; at least one.
uint32_t refine_together(fg_element element, const fg_lattice *last);

/// Most bytes refine_climb holds for `count` configurations that start on `lattice`, these included.
uint64_t refine_bytes(fg_element element, const fg_lattice *lattice, int64_t steps, uint64_t count);

// ---- inverse steps

/// The way up: `steps` inverse steps, the first `first_steps` of them with `first`, the others with `rest` (ladder.h).
typedef struct refine_way {
  const refine_model *first, *rest; ///< `first` may be NULL when it has no steps
  int64_t rest_count;               ///< models of `rest`, at least 1
  int64_t first_steps, steps;
  int keep_all; ///< every level made comes out, not the last one alone
} refine_way;

/// States of a site that a model makes once it is open; 2 for spins.
uint32_t refine_states(const refine_model *model);

/// Takes configurations all the way and emits what is kept on output 0; `start` stays the caller's. Every step raises
/// the level by one and keeps index and chain; the coupling is unknown. [stage]
fg_status refine_climb(const refine_way *way, fg_rng_key key, const fg_batch *start);

#endif
