// stream_file.c — see stream_file.h; the layout is schemas/stream.md.
#include "stream_file.h"

#include "bytes.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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
  char recovered[256];
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
  made->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
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

static bool read_at(const fg_stream_reader *reader, uint64_t offset, uint8_t *data, uint64_t bytes) {
  for (uint64_t done = 0; done < bytes;) {
    ssize_t n = pread(reader->file, data + done, bytes - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += (uint64_t)n;
  }
  return true;
}

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
  if (reader->bytes - offset < sizeof head || !read_at(reader, offset, head, sizeof head))
    return fg_error_set(error, "it ends inside a batch's header");
  fg_error inner;
  if (fg_packet_peek(head, batch, bytes, &inner) != FG_OK) return fg_error_set(error, "%s", inner.text);
  if (*bytes > reader->bytes - offset) return fg_error_set(error, "it ends inside a batch");
  return FG_OK;
}

/// The index from a sound footer; false when there is none.
static bool read_footer(fg_stream_reader *reader, fg_error *error) {
  uint8_t tail[TAIL_BYTES];
  if (reader->bytes < HEAD_BYTES + 8 + TAIL_BYTES || !read_at(reader, reader->bytes - TAIL_BYTES, tail, TAIL_BYTES))
    return false;
  uint64_t footer_at = fg_get64(tail), count = fg_get64(tail + 8), room = reader->bytes - HEAD_BYTES - 8 - TAIL_BYTES;
  if (memcmp(tail + 24, END_MAGIC, 8) != 0 || count > room / INDEX_BYTES ||
      footer_at != reader->bytes - TAIL_BYTES - 8 - count * INDEX_BYTES)
    return false;
  uint64_t length = 8 + count * INDEX_BYTES;
  uint8_t *footer = malloc(length + 16);
  bool sound = footer && read_at(reader, footer_at, footer, length + 16) && memcmp(footer, FOOTER_MAGIC, 8) == 0 &&
               XXH64(footer, length + 16, 0) == fg_get64(tail + 16);
  uint64_t expected = HEAD_BYTES;
  for (uint64_t i = 0; sound && i < count; i++) {
    extent e = {fg_get64(footer + 8 + i * INDEX_BYTES), fg_get64(footer + 16 + i * INDEX_BYTES)};
    sound = e.offset == expected && e.bytes >= FG_PACKET_HEADER_BYTES && e.bytes <= footer_at - e.offset &&
            append_extent(&reader->index, e.offset, e.bytes, error) == FG_OK;
    expected += e.bytes;
  }
  free(footer);
  if (sound && expected == footer_at) return true;
  reader->index.count = 0;
  return false;
}

/// Finds the batches one after the other, up to the last that is whole and sound.
static fg_status scan(fg_stream_reader *reader, fg_error *error) {
  uint64_t at = HEAD_BYTES, configurations = 0;
  fg_error why = {"the footer is missing"};
  while (at < reader->bytes) {
    uint64_t bytes;
    fg_batch header, *batch = NULL;
    if (peek(reader, at, &bytes, &header, &why) != FG_OK) break;
    uint8_t *data = malloc(bytes);
    bool sound = data && read_at(reader, at, data, bytes) && fg_packet_decode(data, bytes, &batch, &why) == FG_OK;
    free(data);
    fg_batch_unref(batch);
    if (!sound) break;
    if (append_extent(&reader->index, at, bytes, error) != FG_OK) return FG_FAILED;
    if (header.first_row == 0) configurations += header.count;
    at += bytes;
  }
  snprintf(reader->recovered, sizeof reader->recovered,
           "no sound footer: recovered %" PRIu64 " batches, %" PRIu64 " configurations; %" PRIu64
           " bytes dropped from byte %" PRIu64 " on",
           reader->index.count, configurations, reader->bytes - at, at);
  return FG_OK;
}

static fg_status note_contents(fg_stream_reader *reader, fg_error *error) {
  fg_status status = FG_OK;
  for (uint64_t i = 0; i < reader->index.count && status == FG_OK; i++) {
    uint64_t bytes;
    fg_batch header;
    fg_error inner;
    if (peek(reader, reader->index.items[i].offset, &bytes, &header, &inner) != FG_OK)
      status = fg_error_set(error, "batch %" PRIu64 " at byte %" PRIu64 ": %s", i, reader->index.items[i].offset,
                            inner.text);
    else if (bytes != reader->index.items[i].bytes)
      status = fg_error_set(error, "batch %" PRIu64 " at byte %" PRIu64 " has another length than the index says", i,
                            reader->index.items[i].offset);
    else
      status = note_content(reader, &header, error);
  }
  return status;
}

fg_status fg_stream_open(const char *path, fg_stream_reader **reader, fg_error *error) {
  fg_stream_reader *made = calloc(1, sizeof *made);
  if (!made) return fg_error_set(error, "out of memory for a stream file");
  made->file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat info;
  uint8_t head[HEAD_BYTES];
  fg_status status = FG_OK;
  if (made->file < 0 || fstat(made->file, &info) != 0)
    status = fg_error_set(error, "cannot open %s: %s", path, strerror(errno));
  else {
    made->bytes = (uint64_t)info.st_size;
    if (made->bytes < HEAD_BYTES || !read_at(made, 0, head, HEAD_BYTES) || memcmp(head, FILE_MAGIC, 8) != 0)
      status = fg_error_set(error, "%s is no stream file: it does not begin with 'fngrain'", path);
    else if (fg_get32(head + 8) != FILE_VERSION || fg_get32(head + 12) != 0)
      status = fg_error_set(error, "%s is a stream file of version %u; this finegrain reads version %u", path,
                            fg_get32(head + 8), FILE_VERSION);
  }
  if (status == FG_OK && !read_footer(made, error)) status = scan(made, error);
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
  else if (!read_at(reader, e.offset, data, e.bytes))
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
