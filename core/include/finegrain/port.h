// port.h — where streams enter and leave a stage, how the host reads them, and what formats are agreed before a run.
#ifndef FINEGRAIN_PORT_H
#define FINEGRAIN_PORT_H

#include "message.h"

/// How the host reads an input port. Without a flag it is a plain stream: read in declaration order, one port to its
/// end after the other.
typedef enum fg_port_flags {
  FG_PORT_FIRST = 1u << 0,    ///< read to its end before the ports without this flag (models)
  FG_PORT_PAIRED = 1u << 1,   ///< read together with the other paired ports, cut to the same configurations
  FG_PORT_REPLAY = 1u << 2,   ///< may be read again from its start: `end` returns FG_AGAIN (epochs)
  FG_PORT_MANY = 1u << 3,     ///< takes a list [a, b] of outputs, concatenated in that order
  FG_PORT_OPTIONAL = 1u << 4, ///< may be left unconnected
} fg_port_flags;

/// A port. Constant data of the plugin.
typedef struct fg_port {
  uint32_t size;
  uint32_t kinds;    ///< fg_kind bits accepted (an output has exactly one)
  uint32_t elements; ///< batches: accepted fg_element values as bits 1<<element; 0: any
  uint32_t flags;    ///< fg_port_flags; 0 for outputs
  const char *name;  ///< [a-z][a-z0-9_]*
  const char *doc;   ///< one sentence
} fg_port;

#define FG_MAX_SHAPES 40u

/// What will travel through a port. The host fills the inputs from the outputs upstream; `negotiate` fills the outputs.
typedef struct fg_format {
  uint32_t size;
  uint32_t kind;        ///< the one fg_kind
  uint32_t element;     ///< batches: an fg_element
  uint32_t shape_count; ///< batches: lattices that will occur
  fg_lattice shapes[FG_MAX_SHAPES];
  uint64_t configurations; ///< expected for each lattice; 0: unknown (progress only, never relied on)
  uint64_t batch;          ///< most configurations in one batch of the smallest lattice (memory bound); 0: unknown
  char network[64];        ///< models: kind of the network; "" when a list brings several kinds
  uint32_t has_weights;    ///< models: 0 when the model, or one of a list, will come without weights
  uint32_t models;         ///< models, set by the host: how many an input takes, one after the other; 0: one
} fg_format;

#endif
