// inputs.h — what stages that learn from pairs of lattices, or score them, share: the model they take with the network
// behind it, and which sizes go together. A pair is a fine configuration and the coarse one that belongs to it.
#ifndef PLUGINS_TRAIN_INPUTS_H
#define PLUGINS_TRAIN_INPUTS_H

#include "finegrain/finegrain.h"

#define INPUTS_FACTOR 2u // of every network so far; sizes are checked before there is a model

/// What comes through one input port for a model. Everything zero: not announced yet.
typedef struct inputs_model {
  const fg_host *host;
  const char *port;          ///< its name, for messages
  const fg_network *network; ///< NULL until the model arrives when its kind is open
  char kind[64];             ///< of the network; "": one of several, as a list brings them
  const fg_model *arrived;   ///< NULL: not yet
  fg_network_model *opened;  ///< the same
} inputs_model;

/// Finds the network of the model that will come. FG_FAILED: there is none, reported.
fg_status inputs_announce(inputs_model *expected, const fg_host *host, const char *port, const fg_format *format);

/// Keeps and opens the model that came. FG_FAILED: it is not the one expected, reported.
fg_status inputs_take(inputs_model *expected, const fg_model *model);

/// FG_FAILED, reported, when no model came.
fg_status inputs_require(const inputs_model *expected);

void inputs_clear(inputs_model *expected);

/// Whether lattices that will come are pairs, size by size, and such as the announced model's network knows, of spins or of
/// states; a network that is not known yet takes spins. FG_FAILED: reported.
fg_status inputs_check_formats(const inputs_model *expected, const fg_format *fine, const fg_format *coarse);

/// The same for two lattices.
fg_status inputs_check(const fg_host *host, const fg_lattice *fine, const fg_lattice *coarse);

#endif
