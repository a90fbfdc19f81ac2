// spill.h — encoded batches parked in an unlinked temporary file: for a queue that must not block, for a port that is
// read again. One thread at a time.
#ifndef FG_CORE_SPILL_H
#define FG_CORE_SPILL_H

#include "codec.h"

typedef struct fg_spill fg_spill;

/// `folder`: where the file is made and at once unlinked.
fg_status fg_spill_new(const char *folder, fg_spill **spill, fg_error *error);
void fg_spill_free(fg_spill *spill);
/// Appends a packet.
fg_status fg_spill_push(fg_spill *spill, const fg_packet *packet, fg_error *error);
/// The next packet in order of arrival; FG_DONE when all have been read.
fg_status fg_spill_next(fg_spill *spill, fg_packet **packet, fg_error *error);
/// Packets not yet read.
uint64_t fg_spill_left(const fg_spill *spill);
/// Reading starts again at the first packet.
void fg_spill_rewind(fg_spill *spill);

#endif
