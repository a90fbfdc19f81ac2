// stream_file.c — see stream_file.h; the layout is schemas/stream.md.
#include "stream_file.h"

#include "bytes.h"
#include "message.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define FILE_MAGIC "fngrain\n"
#define FOOTER_MAGIC "fngindex"
#define END_MAGIC "fngend!\n"
#define FILE_VERSION 1u
#define HEAD_BYTES 16u  ///< magic, version, reserved
#define INDEX_BYTES 16u ///< offset, length
#define TAIL_BYTES 32u  ///< footer's offset, batches, XXH64 of the footer, end magic
#define MOST_CONTENTS 1024u

typedef struct extent {
  uint64_t offset, bytes;
} extent;

typedef struct list {
  extent *items;
  uint64_t count, capacity;
} list;

struct fg_stream_writer {
  int file;
  uint64_t at;
  list index;
};

struct fg_stream_reader {
  int file;
  uint64_t bytes; ///< of the file
  list index;
  uint64_t next;
  fg_stream_content *contents;
  uint32_t content_count;
  uint64_t largest;
  char recovered[512];
};

static fg_status append_extent(list *index, uint64_t offset, uint64_t bytes, fg_error *error) {
  if (index->count == index->capacity) {
    uint64_t capacity = index->capacity ? 2 * index->capacity : 64;
    extent *larger = realloc(index->items, capacity * sizeof *larger);
    if (!larger) return fg_error_set(error, "out of memory for the index of a stream file");
    index->items = larger;
    index->capacity = capacity;
  }
  index->items[index->count++] = (extent){offset, bytes};
  return FG_OK;
}

static bool read_at(int file, uint64_t offset, uint8_t *data, uint64_t bytes) {
  for (uint64_t done = 0; done < bytes;) {
    ssize_t n = pread(file, data + done, bytes - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += (uint64_t)n;
  }
  return true;
}

// --- writing --------------------------------------------------------------------------------------------------------

static fg_status write_all(fg_stream_writer *writer, const uint8_t *data, uint64_t bytes, fg_error *error) {
  for (uint64_t done = 0; done < bytes;) {
    ssize_t n = write(writer->file, data + done, bytes - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fg_error_set(error, "cannot write the stream file: %s", strerror(errno));
    done += (uint64_t)n;
  }
  writer->at += bytes;
  return FG_OK;
}

fg_status fg_stream_create(const char *path, fg_stream_writer **writer, fg_error *error) {
  uint8_t head[HEAD_BYTES] = {0};
  memcpy(head, FILE_MAGIC, 8);
  fg_put32(head + 8, FILE_VERSION);
  fg_stream_writer *made = calloc(1, sizeof *made);
  if (!made) return fg_error_set(error, "out of memory for a stream file");
  made->file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  fg_status status = made->file < 0 ? fg_error_set(error, "cannot create %s: %s", path, strerror(errno))
                                    : write_all(made, head, sizeof head, error);
  if (status == FG_OK)
    *writer = made;
  else
    fg_stream_abandon(made);
  return status;
}

fg_status fg_stream_append(fg_stream_writer *writer, const fg_packet *packet, fg_error *error) {
  fg_status status = append_extent(&writer->index, writer->at, packet->bytes, error);
  return status == FG_OK ? write_all(writer, packet->data, packet->bytes, error) : status;
}

void fg_stream_abandon(fg_stream_writer *writer) {
  if (!writer) return;
  if (writer->file >= 0) close(writer->file);
  free(writer->index.items);
  free(writer);
}

uint64_t fg_stream_written(const fg_stream_writer *writer, uint64_t *batches) {
  *batches = writer->index.count;
  return writer->at;
}

fg_status fg_stream_sync(const fg_stream_writer *writer, fg_error *error) {
  if (fdatasync(writer->file) == 0) return FG_OK;
  return fg_error_set(error, "cannot sync the stream file: %s", strerror(errno));
}

fg_status fg_stream_read_back(const fg_stream_writer *writer, uint64_t index, fg_packet **packet, fg_error *error) {
  extent e = writer->index.items[index];
  uint8_t *data = malloc(e.bytes);
  fg_status status = FG_OK;
  if (!data)
    status = fg_error_set(error, "out of memory for a batch of %" PRIu64 " bytes", e.bytes);
  else if (!read_at(writer->file, e.offset, data, e.bytes))
    status = fg_error_set(error, "cannot read batch %" PRIu64 " of a stream file back", index);
  else
    status = fg_packet_from_bytes(data, e.bytes, packet, error);
  free(data);
  return status;
}

/// Finds the batches up to byte `bytes`, from their headers.
static fg_status index_prefix(fg_stream_writer *writer, uint64_t bytes, fg_error *error) {
  uint8_t head[FG_PACKET_HEADER_BYTES];
  fg_status status = FG_OK;
  while (status == FG_OK && writer->at < bytes) {
    uint64_t length = 0;
    if (bytes - writer->at < sizeof head || !read_at(writer->file, writer->at, head, sizeof head))
      return fg_error_set(error, "the stream file ends inside a batch's header");
    status = fg_packet_length(head, &length, error);
    if (status == FG_OK && length > bytes - writer->at)
      status = fg_error_set(error, "the stream file ends inside a batch");
    if (status == FG_OK) status = append_extent(&writer->index, writer->at, length, error);
    writer->at += length;
  }
  return status;
}

fg_status fg_stream_continue(const char *path, uint64_t bytes, fg_stream_writer **writer, fg_error *error) {
  uint8_t head[HEAD_BYTES];
  struct stat info;
  fg_stream_writer *made = calloc(1, sizeof *made);
  if (!made) return fg_error_set(error, "out of memory for a stream file");
  made->at = HEAD_BYTES;
  made->file = open(path, O_RDWR | O_CLOEXEC);
  fg_status status = FG_OK;
  if (made->file < 0 || fstat(made->file, &info) != 0)
    status = fg_error_set(error, "cannot open %s: %s", path, strerror(errno));
  else if (bytes < HEAD_BYTES || (uint64_t)info.st_size < bytes || !read_at(made->file, 0, head, HEAD_BYTES) ||
           memcmp(head, FILE_MAGIC, 8) != 0 || fg_get32(head + 8) != FILE_VERSION || fg_get32(head + 12) != 0)
    status = fg_error_set(error, "%s is not the stream file it was", path);
  if (status == FG_OK) status = index_prefix(made, bytes, error);
  if (status == FG_OK && (ftruncate(made->file, (off_t)bytes) != 0 || lseek(made->file, (off_t)bytes, SEEK_SET) < 0))
    status = fg_error_set(error, "cannot cut off %s: %s", path, strerror(errno));
  if (status == FG_OK)
    *writer = made;
  else
    fg_stream_abandon(made);
  return status;
}

fg_status fg_stream_finish(fg_stream_writer *writer, fg_error *error) {
  uint64_t footer_at = writer->at, length = 8 + writer->index.count * INDEX_BYTES;
  uint8_t *footer = malloc(length + TAIL_BYTES);
  if (!footer) {
    fg_stream_abandon(writer);
    return fg_error_set(error, "out of memory for the index of a stream file");
  }
  memcpy(footer, FOOTER_MAGIC, 8);
  for (uint64_t i = 0; i < writer->index.count; i++) {
    fg_put64(footer + 8 + i * INDEX_BYTES, writer->index.items[i].offset);
    fg_put64(footer + 16 + i * INDEX_BYTES, writer->index.items[i].bytes);
  }
  uint8_t *tail = footer + length;
  fg_put64(tail, footer_at);
  fg_put64(tail + 8, writer->index.count);
  fg_put64(tail + 16, XXH64(footer, length + 16, 0));
  memcpy(tail + 24, END_MAGIC, 8);
  fg_status status = write_all(writer, footer, length + TAIL_BYTES, error);
  if (status == FG_OK && fsync(writer->file) != 0)
    status = fg_error_set(error, "cannot sync the stream file: %s", strerror(errno));
  if (close(writer->file) != 0 && status == FG_OK)
    status = fg_error_set(error, "cannot close the stream file: %s", strerror(errno));
  writer->file = -1;
  free(footer);
  fg_stream_abandon(writer);
  return status;
}

// --- reading --------------------------------------------------------------------------------------------------------

/// Notes a batch's lattice and level from its header, which has been checked.
static fg_status note_content(fg_stream_reader *reader, const fg_batch *batch, fg_error *error) {
  uint32_t i = 0;
  while (i < reader->content_count &&
         !(reader->contents[i].level == batch->level && reader->contents[i].element == batch->element &&
           fg_lattice_equal(&reader->contents[i].lattice, &batch->lattice)))
    i++;
  if (i == reader->content_count) {
    if (i == MOST_CONTENTS) return fg_error_set(error, "the stream holds more than %u lattices", MOST_CONTENTS);
    fg_stream_content *larger = realloc(reader->contents, (i + 1) * sizeof *larger);
    if (!larger) return fg_error_set(error, "out of memory for a stream file");
    reader->contents = larger;
    larger[reader->content_count++] = (fg_stream_content){batch->lattice, batch->element, batch->level, 0};
  }
  if (batch->first_row == 0) reader->contents[i].configurations += batch->count;
  if (batch->count > reader->largest) reader->largest = batch->count;
  return FG_OK;
}

/// Reads one batch's header at `offset`.
static fg_status peek(fg_stream_reader *reader, uint64_t offset, uint64_t *bytes, fg_batch *batch, fg_error *error) {
  uint8_t head[FG_PACKET_HEADER_BYTES];
  if (reader->bytes - offset < sizeof head || !read_at(reader->file, offset, head, sizeof head))
    return fg_error_set(error, "the file ends inside the batch's header");
  if (fg_packet_peek(head, batch, bytes, error) != FG_OK) return FG_FAILED;
  if (*bytes > reader->bytes - offset) return fg_error_set(error, "the file ends inside the batch");
  return FG_OK;
}

/// The last slab of a configuration of which more must come; rows 0: there is none.
typedef struct pending {
  fg_batch slab;
} pending;

static bool same_coupling(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

/// Whether the next batch may come here: the slabs of a configuration follow each other, row after row.
static fg_status follow(pending *wait, const fg_batch *batch, fg_error *error) {
  const fg_batch *last = &wait->slab;
  uint64_t row = last->rows ? last->first_row + last->rows : 0;
  bool same = last->rows == 0 ||
              (batch->element == last->element && batch->level == last->level && batch->first == last->first &&
               batch->chain == last->chain && batch->count == 1 && fg_lattice_equal(&batch->lattice, &last->lattice) &&
               same_coupling(batch->coupling, last->coupling));
  if (batch->first_row != row || !same)
    return fg_error_set(error, "a slab is missing before row %" PRIu64 " of configuration %" PRIu64, batch->first_row,
                        batch->first);
  if (batch->first_row + batch->rows < fg_lattice_rows(&batch->lattice))
    wait->slab = *batch;
  else
    wait->slab.rows = 0;
  return FG_OK;
}

/// The index from the footer, if there is a sound one.
static fg_status read_footer(fg_stream_reader *reader, bool *sound, fg_error *error) {
  uint8_t tail[TAIL_BYTES];
  *sound = false;
  if (reader->bytes < HEAD_BYTES + 8 + TAIL_BYTES ||
      !read_at(reader->file, reader->bytes - TAIL_BYTES, tail, TAIL_BYTES))
    return FG_OK;
  uint64_t footer_at = fg_get64(tail), count = fg_get64(tail + 8), room = reader->bytes - HEAD_BYTES - 8 - TAIL_BYTES;
  if (memcmp(tail + 24, END_MAGIC, 8) != 0 || count > room / (INDEX_BYTES + FG_PACKET_HEADER_BYTES) ||
      footer_at != reader->bytes - TAIL_BYTES - 8 - count * INDEX_BYTES)
    return FG_OK;
  uint64_t length = 8 + count * INDEX_BYTES, expected = HEAD_BYTES;
  uint8_t *footer = malloc(length + 16);
  if (!footer) return fg_error_set(error, "out of memory for the index of a stream file");
  fg_status status = FG_OK;
  *sound = read_at(reader->file, footer_at, footer, length + 16) && memcmp(footer, FOOTER_MAGIC, 8) == 0 &&
           XXH64(footer, length + 16, 0) == fg_get64(tail + 16);
  for (uint64_t i = 0; *sound && i < count && status == FG_OK; i++) {
    extent e = {fg_get64(footer + 8 + i * INDEX_BYTES), fg_get64(footer + 16 + i * INDEX_BYTES)};
    *sound = e.offset == expected && e.bytes >= FG_PACKET_HEADER_BYTES && e.bytes <= footer_at - e.offset;
    if (*sound) status = append_extent(&reader->index, e.offset, e.bytes, error);
    expected += e.bytes;
  }
  free(footer);
  *sound = *sound && expected == footer_at;
  if (!*sound) reader->index.count = 0;
  return status;
}

/// Reads the batch that is expected at byte `at`, whole and with all its checksums: FG_DONE with the reason when there
/// is none, FG_FAILED when that cannot be found out.
static fg_status try_batch(fg_stream_reader *reader, uint64_t at, fg_batch *header, uint64_t *bytes, fg_error *why,
                           fg_error *error) {
  uint8_t magic[8];
  if (reader->bytes - at >= 8 && read_at(reader->file, at, magic, 8) && memcmp(magic, FOOTER_MAGIC, 8) == 0) {
    fg_error_set(why, "they are a damaged footer");
    return FG_DONE;
  }
  if (peek(reader, at, bytes, header, why) != FG_OK) return FG_DONE;
  assert(*bytes >= FG_PACKET_HEADER_BYTES);
  uint8_t *data = malloc(*bytes);
  if (!data) return fg_error_set(error, "out of memory for a batch of %" PRIu64 " bytes", *bytes);
  fg_status status = FG_OK;
  if (!read_at(reader->file, at, data, *bytes))
    status = fg_error_set(error, "cannot read the batch at byte %" PRIu64, at);
  else if (fg_packet_check(data, *bytes, why) != FG_OK)
    status = FG_DONE;
  free(data);
  return status;
}

/// Finds the batches one after the other, up to the last that is whole and sound and ends a configuration.
static fg_status scan(fg_stream_reader *reader, fg_error *error) {
  uint64_t at = HEAD_BYTES, end = at, batches = 0, seen = 0, configurations = 0, bytes = 0;
  pending wait = {0};
  fg_error why = {"the file ends there"};
  fg_status status = FG_OK;
  while (at < reader->bytes && status == FG_OK) {
    fg_batch header = {0};
    status = try_batch(reader, at, &header, &bytes, &why, error);
    if (status == FG_OK && follow(&wait, &header, &why) != FG_OK) status = FG_DONE;
    if (status == FG_OK) status = append_extent(&reader->index, at, bytes, error);
    if (status != FG_OK) break;
    at += bytes;
    if (header.first_row == 0) seen += header.count;
    if (wait.slab.rows) continue;
    end = at;
    batches = reader->index.count;
    configurations = seen;
  }
  if (status == FG_FAILED) return FG_FAILED;
  if (wait.slab.rows && status == FG_OK) fg_error_set(&why, "the file ends inside a configuration");
  reader->index.count = batches;
  snprintf(reader->recovered, sizeof reader->recovered,
           "no sound footer: recovered %" PRIu64 " batches, %" PRIu64 " configurations; %" PRIu64
           " bytes dropped from byte %" PRIu64 " on: %.300s",
           batches, configurations, reader->bytes - end, end, why.text);
  return FG_OK;
}

static fg_status note_contents(fg_stream_reader *reader, fg_error *error) {
  pending wait = {0};
  for (uint64_t i = 0; i < reader->index.count; i++) {
    uint64_t bytes = 0;
    fg_batch header = {0};
    fg_error inner;
    extent e = reader->index.items[i];
    fg_status status = peek(reader, e.offset, &bytes, &header, &inner);
    if (status == FG_OK && bytes != e.bytes)
      status = fg_error_set(&inner, "the batch has %" PRIu64 " bytes, the index says %" PRIu64, bytes, e.bytes);
    if (status == FG_OK) status = follow(&wait, &header, &inner);
    if (status == FG_OK) status = note_content(reader, &header, &inner);
    if (status != FG_OK)
      return fg_error_set(error, "batch %" PRIu64 " at byte %" PRIu64 ": %s", i, e.offset, inner.text);
  }
  if (wait.slab.rows) return fg_error_set(error, "the stream ends inside configuration %" PRIu64, wait.slab.first);
  return FG_OK;
}

/// Opens the file and checks its first bytes.
static fg_status open_file(fg_stream_reader *reader, const char *path, fg_error *error) {
  struct stat info;
  uint8_t head[HEAD_BYTES];
  reader->file = open(path, O_RDONLY | O_CLOEXEC);
  if (reader->file < 0 || fstat(reader->file, &info) != 0)
    return fg_error_set(error, "cannot be opened: %s", strerror(errno));
  if (!S_ISREG(info.st_mode)) return fg_error_set(error, "this is no file");
  reader->bytes = (uint64_t)info.st_size;
  if (reader->bytes < HEAD_BYTES)
    return fg_error_set(error, "this is no stream file: it has %" PRIu64 " bytes, a stream file at least %u",
                        reader->bytes, HEAD_BYTES);
  if (!read_at(reader->file, 0, head, HEAD_BYTES)) return fg_error_set(error, "cannot be read: %s", strerror(errno));
  if (memcmp(head, FILE_MAGIC, 8) != 0)
    return fg_error_set(error, "this is no stream file: it does not begin with 'fngrain'");
  if (fg_get32(head + 8) != FILE_VERSION)
    return fg_error_set(error, "this is a stream file of version %" PRIu32 "; this finegrain reads version %u",
                        fg_get32(head + 8), FILE_VERSION);
  if (fg_get32(head + 12) != 0)
    return fg_error_set(error, "the stream file's head is damaged: bytes 12 to 15 are not zero");
  return FG_OK;
}

fg_status fg_stream_open(const char *path, fg_stream_reader **reader, fg_error *error) {
  fg_stream_reader *made = calloc(1, sizeof *made);
  if (!made) return fg_error_set(error, "out of memory for a stream file");
  bool sound = false;
  fg_status status = open_file(made, path, error);
  if (status == FG_OK) status = read_footer(made, &sound, error);
  if (status == FG_OK && !sound) status = scan(made, error);
  if (status == FG_OK) status = note_contents(made, error);
  if (status == FG_OK)
    *reader = made;
  else
    fg_stream_close(made);
  return status;
}

void fg_stream_close(fg_stream_reader *reader) {
  if (!reader) return;
  if (reader->file >= 0) close(reader->file);
  free(reader->index.items);
  free(reader->contents);
  free(reader);
}

const char *fg_stream_recovered(const fg_stream_reader *reader) { return reader->recovered; }
uint64_t fg_stream_batches(const fg_stream_reader *reader) { return reader->index.count; }
uint64_t fg_stream_largest_batch(const fg_stream_reader *reader) { return reader->largest; }

const fg_stream_content *fg_stream_contents(const fg_stream_reader *reader, uint32_t *count) {
  *count = reader->content_count;
  return reader->contents;
}

fg_status fg_stream_next(fg_stream_reader *reader, fg_batch **batch, fg_error *error) {
  if (reader->next == reader->index.count) return FG_DONE;
  extent e = reader->index.items[reader->next];
  uint8_t *data = malloc(e.bytes);
  fg_error inner = {0};
  fg_status status = FG_OK;
  if (!data)
    status = fg_error_set(error, "out of memory for a batch of %" PRIu64 " bytes", e.bytes);
  else if (!read_at(reader->file, e.offset, data, e.bytes))
    status = fg_error_set(error, "cannot read batch %" PRIu64 " at byte %" PRIu64, reader->next, e.offset);
  else if (fg_packet_decode(data, e.bytes, batch, &inner) != FG_OK)
    status = fg_error_set(error, "batch %" PRIu64 " at byte %" PRIu64 ": %s", reader->next, e.offset, inner.text);
  free(data);
  if (status == FG_OK) reader->next++;
  return status;
}

uint64_t fg_stream_position(const fg_stream_reader *reader) { return reader->next; }

void fg_stream_seek(fg_stream_reader *reader, uint64_t position) {
  reader->next = position < reader->index.count ? position : reader->index.count;
}
