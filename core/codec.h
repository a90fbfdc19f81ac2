// codec.h — a batch as bytes: header, then independent frames of at most 4 MiB raw each; the layout is schemas/stream.md.
// Pure functions, no state, safe from any thread.
#ifndef FG_CORE_CODEC_H
#define FG_CORE_CODEC_H

#include "error.h"
#include "finegrain/message.h"

/// An encoded batch. Immutable, counted by reference.
typedef struct fg_packet {
  uint64_t bytes;     ///< stored size, header included
  uint64_t raw_bytes; ///< size of the batch's data
  uint8_t *data;
} fg_packet;

/// Most bytes of a batch's data that can be encoded. What travels is cut to 4 MiB or to one row; this bounds the rows.
#define FG_PACKET_MOST_BYTES ((uint64_t)1 << 30)

/// Largest number of a Markov chain that can be encoded.
#define FG_MOST_CHAIN UINT32_C(0x7fffffff)

/// Encodes; zstd_level 0 stores the frames raw. The XOR-with-row-above filter is used where it pays (1-bit spins under
/// zstd). FG_FAILED with a message when memory is out or the batch is beyond the format's limits.
fg_status fg_packet_encode(const fg_batch *batch, int zstd_level, fg_packet **packet, fg_error *error);

/// Decodes `bytes` bytes. Every size is bounded by what is there before memory is allocated; hashes are checked; a batch
/// that comes back is exactly what was encoded, but for the bits of a NaN. Anything else is FG_FAILED with what and where
/// (byte offset).
fg_status fg_packet_decode(const uint8_t *data, uint64_t bytes, fg_batch **batch, fg_error *error);

/// FG_OK when `bytes` bytes are one whole encoded batch and every checksum is right; asks for no memory. What passes and
/// still does not decode was encoded wrongly; what fails was damaged or torn.
fg_status fg_packet_check(const uint8_t *data, uint64_t bytes, fg_error *error);

/// Takes `bytes` bytes of encoded batch as a packet (copied).
fg_status fg_packet_from_bytes(const uint8_t *data, uint64_t bytes, fg_packet **packet, fg_error *error);

/// Total length of the encoded batch that starts at `data`, from its header alone, when at least
/// FG_PACKET_HEADER_BYTES are given; FG_FAILED when that is no sound header.
#define FG_PACKET_HEADER_BYTES 128u
fg_status fg_packet_length(const uint8_t *data, uint64_t *bytes, fg_error *error);

/// The same, and what the header says of the batch, within the format's limits; its data is NULL.
fg_status fg_packet_peek(const uint8_t *data, fg_batch *batch, uint64_t *bytes, fg_error *error);

void fg_packet_ref(const fg_packet *packet);
void fg_packet_unref(const fg_packet *packet); ///< NULL is allowed

#endif
