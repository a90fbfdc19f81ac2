// stream_file.h — the stream file .fgs: a file header, encoded batches, a footer with an index (schemas/stream.md).
// One thread at a time per writer or reader.
#ifndef FG_CORE_STREAM_FILE_H
#define FG_CORE_STREAM_FILE_H

#include "codec.h"

#include <stdbool.h>

typedef struct fg_stream_writer fg_stream_writer;

/// Creates `path` (the caller names a temporary and renames it after finish).
fg_status fg_stream_create(const char *path, fg_stream_writer **writer, fg_error *error);
fg_status fg_stream_append(fg_stream_writer *writer, const fg_packet *packet, fg_error *error);
/// Writes the footer, syncs, closes and frees; frees also on failure.
fg_status fg_stream_finish(fg_stream_writer *writer, fg_error *error);
/// Closes and frees without a footer.
void fg_stream_abandon(fg_stream_writer *writer);

/// Opens the first `bytes` bytes of an unfinished stream file to go on writing behind them; what comes after is cut off.
/// FG_FAILED when no whole batch ends there.
fg_status fg_stream_continue(const char *path, uint64_t bytes, fg_stream_writer **writer, fg_error *error);
/// Bytes and batches written so far.
uint64_t fg_stream_written(const fg_stream_writer *writer, uint64_t *batches);
/// On disk when this returns.
fg_status fg_stream_sync(const fg_stream_writer *writer, fg_error *error);
/// Batch `index` of those written so far (one reference for the caller).
fg_status fg_stream_read_back(const fg_stream_writer *writer, uint64_t index, fg_packet **packet, fg_error *error);

typedef struct fg_stream_reader fg_stream_reader;

/// What a stream file holds, one line a lattice and level, in order of first appearance.
typedef struct fg_stream_content {
  fg_lattice lattice;
  uint32_t element;
  int32_t level;
  uint64_t configurations;
} fg_stream_content;

/// Opens a file and checks its head, its footer and the header of every batch; the messages do not name the file. A file
/// without a sound footer is searched for its last batch that is whole and ends a configuration; then
/// fg_stream_recovered says so ("no sound footer: recovered 12 batches, 3000 configurations; 517 bytes dropped from byte
/// 9132 on: the file ends inside the batch"), else it is "". Anything else wrong is FG_FAILED, here or in
/// fg_stream_next.
fg_status fg_stream_open(const char *path, fg_stream_reader **reader, fg_error *error);
void fg_stream_close(fg_stream_reader *reader);
const char *fg_stream_recovered(const fg_stream_reader *reader);
uint64_t fg_stream_batches(const fg_stream_reader *reader);
const fg_stream_content *fg_stream_contents(const fg_stream_reader *reader, uint32_t *count);
uint64_t fg_stream_largest_batch(const fg_stream_reader *reader); ///< configurations

/// The next batch (one reference for the caller); FG_DONE after the last.
fg_status fg_stream_next(fg_stream_reader *reader, fg_batch **batch, fg_error *error);

/// Number of the batch that fg_stream_next gives next; and to go on from another one, at most fg_stream_batches.
uint64_t fg_stream_position(const fg_stream_reader *reader);
void fg_stream_seek(fg_stream_reader *reader, uint64_t position);

#endif
