// emit.h — how a message leaves a stage: checked, cut to size, encoded once, recorded, shared with every reader.
#ifndef FG_CORE_EMIT_H
#define FG_CORE_EMIT_H

#include "worker.h"

/// Each takes the caller's reference, also on failure.
fg_status fg_emit_batch(fg_worker *worker, uint32_t port, fg_batch *batch);
fg_status fg_emit_model(fg_worker *worker, uint32_t port, fg_model *model);
fg_status fg_emit_table(fg_worker *worker, uint32_t port, fg_table *table);
/// Sends a batch again that has been recorded; takes the packet's reference.
fg_status fg_emit_recorded(fg_worker *worker, uint32_t port, fg_packet *packet, fg_error *error);
/// Ends the streams of all output ports.
fg_status fg_emit_end(fg_worker *worker);

#endif
