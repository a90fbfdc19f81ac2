// reader.h — how a stage reads an input port: edges one after the other, batches decoded, slabs put together, paired
// ports cut to the same configurations, replay ports read again.
#ifndef FG_CORE_READER_H
#define FG_CORE_READER_H

#include "worker.h"

/// A reader of input `port`, whose edges have these queues, in order; takes the array, not the queues.
fg_port_reader *fg_port_reader_new(fg_worker *worker, uint32_t port, fg_queue **queues);
void fg_port_reader_free(fg_port_reader *reader);

/// The next message, with one reference for the caller; FG_DONE at the end of the port. Failures have been reported.
fg_status fg_port_next(fg_port_reader *reader, fg_message *message);

/// One message of each paired port, cut to the same configurations: messages[k] of readers[k]. FG_DONE when all end
/// together; that one ends early, or that indices or chains differ, is a failure.
fg_status fg_port_next_pair(fg_port_reader *const *readers, uint32_t count, fg_message *messages);

/// Drops what a checkpoint says has been dealt with: whole passes of a replayed port, then messages (configurations of a
/// paired port), then, if the port had ended, the rest.
fg_status fg_port_skip(fg_port_reader *reader, const fg_position *to);

/// Wants no more: what the port's stages send from now on is dropped.
void fg_port_close(fg_port_reader *reader);

/// After its end a replay port starts again from its first message.
void fg_port_rewind(fg_port_reader *reader);

#endif
