// codec.c — see codec.h; the layout is schemas/stream.md.
#include "codec.h"

#include "bytes.h"
#include "message.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <xxhash.h>
#include <zstd.h>

#define PACKET_MAGIC 0x70676e66u /* "fngp" */
#define PACKET_VERSION 1u
#define FRAME_RAW_BYTES ((uint64_t)4 << 20)
#define FRAME_ENTRY_BYTES 16u
#define FILTER_NONE 0u
#define FILTER_XOR_ROW 1u
/// zstd cannot shrink more than this: a frame that promises more is refused before memory is asked for.
#define MOST_RATIO ((uint64_t)40000)

/// Where each field of the header lies.
enum {
  AT_MAGIC = 0,
  AT_VERSION = 4,
  AT_TOTAL = 8,
  AT_SEQUENCE = 16,
  AT_FIRST = 24,
  AT_FIRST_ROW = 32,
  AT_ROWS = 40,
  AT_EXTENT = 48, // 4 × 8
  AT_COUPLING = 80,
  AT_COUNT = 88,
  AT_LEVEL = 92,
  AT_CHAIN = 96,
  AT_FRAMES = 100,
  AT_ELEMENT = 104, // bytes from here
  AT_SHAPE = 105,
  AT_DIMS = 106,
  AT_FILTER = 107,
  AT_COMPRESSED = 108,
  AT_TABLE_HASH = 112,  // XXH64 of the frame table
  AT_HEADER_HASH = 120, // XXH64 of bytes 0 … 119
};

typedef struct packet_box {
  fg_packet packet;
  atomic_uint references;
} packet_box;

static packet_box *new_box(uint64_t bytes) {
  packet_box *box = calloc(1, sizeof *box);
  uint8_t *data = box ? malloc(bytes ? bytes : 1) : NULL;
  if (!data) {
    free(box);
    return NULL;
  }
  box->packet.data = data;
  box->packet.bytes = bytes;
  atomic_init(&box->references, 1);
  return box;
}

void fg_packet_ref(const fg_packet *packet) { atomic_fetch_add(&((packet_box *)(uintptr_t)packet)->references, 1); }

void fg_packet_unref(const fg_packet *packet) {
  if (!packet) return;
  packet_box *box = (packet_box *)(uintptr_t)packet;
  if (atomic_fetch_sub(&box->references, 1) != 1) return;
  free(box->packet.data);
  free(box);
}

/// Rows of one frame: as many whole rows as fit; frames do not care where a configuration ends.
static uint64_t rows_per_frame(const fg_batch *batch) {
  uint64_t rows = batch->row_bytes ? FRAME_RAW_BYTES / batch->row_bytes : 1;
  return rows ? rows : 1;
}

/// XOR with the row above, within a frame; a frame's first row stays. Critical configurations change little from row to
/// row, so most bits become zero.
static void filter(const uint64_t *rows, uint64_t words, uint64_t count, uint64_t *out) {
  memcpy(out, rows, words * 8);
  for (uint64_t i = words; i < words * count; i++) out[i] = rows[i] ^ rows[i - words];
}

static void unfilter(uint64_t *rows, uint64_t words, uint64_t count) {
  for (uint64_t i = words; i < words * count; i++) rows[i] ^= rows[i - words];
}

static void write_header(uint8_t *header, const fg_batch *batch, uint64_t total, uint32_t frames, uint32_t filtered,
                         int compressed) {
  memset(header, 0, FG_PACKET_HEADER_BYTES);
  fg_put32(header + AT_MAGIC, PACKET_MAGIC);
  fg_put32(header + AT_VERSION, PACKET_VERSION);
  fg_put64(header + AT_TOTAL, total);
  fg_put64(header + AT_SEQUENCE, batch->sequence);
  fg_put64(header + AT_FIRST, batch->first);
  fg_put64(header + AT_FIRST_ROW, batch->first_row);
  fg_put64(header + AT_ROWS, batch->rows);
  for (uint32_t d = 0; d < batch->lattice.dims; d++) fg_put64(header + AT_EXTENT + 8 * d, batch->lattice.extent[d]);
  fg_put_double(header + AT_COUPLING, batch->coupling);
  fg_put32(header + AT_COUNT, batch->count);
  fg_put32(header + AT_LEVEL, (uint32_t)batch->level);
  fg_put32(header + AT_CHAIN, batch->chain);
  fg_put32(header + AT_FRAMES, frames);
  header[AT_ELEMENT] = (uint8_t)batch->element;
  header[AT_SHAPE] = (uint8_t)batch->lattice.shape;
  header[AT_DIMS] = (uint8_t)batch->lattice.dims;
  header[AT_FILTER] = (uint8_t)filtered;
  header[AT_COMPRESSED] = (uint8_t)compressed;
  fg_put64(header + AT_TABLE_HASH, XXH64(header + FG_PACKET_HEADER_BYTES, (uint64_t)frames * FRAME_ENTRY_BYTES, 0));
  fg_put64(header + AT_HEADER_HASH, XXH64(header, AT_HEADER_HASH, 0));
}

fg_status fg_packet_encode(const fg_batch *batch, int zstd_level, fg_packet **packet, fg_error *error) {
  uint64_t all_rows = batch->rows * batch->count, step = rows_per_frame(batch);
  uint64_t frames = (all_rows + step - 1) / step;
  uint64_t head = FG_PACKET_HEADER_BYTES + frames * FRAME_ENTRY_BYTES, raw = fg_batch_bytes(batch);
  uint64_t bound = head + raw;
  uint32_t filtered = zstd_level && batch->element == FG_SPIN1 && all_rows > 1 ? FILTER_XOR_ROW : FILTER_NONE;
  uint64_t largest = (all_rows < step ? all_rows : step) * batch->row_bytes;
  if (zstd_level) bound = head + frames * ZSTD_compressBound(largest);
  packet_box *box = frames <= UINT32_MAX ? new_box(bound) : NULL;
  uint64_t *scratch = filtered ? malloc(largest) : NULL;
  ZSTD_CCtx *context = zstd_level ? ZSTD_createCCtx() : NULL;
  fg_status status = FG_OK;
  if (!box || (filtered && !scratch) || (zstd_level && !context))
    status = fg_error_set(error, "out of memory to encode a batch of %" PRIu64 " bytes", raw);
  uint64_t at = head;
  for (uint64_t f = 0; f < frames && status == FG_OK; f++) {
    uint64_t rows = all_rows - f * step < step ? all_rows - f * step : step;
    const uint8_t *source = (const uint8_t *)batch->data + f * step * batch->row_bytes;
    uint64_t bytes = rows * batch->row_bytes, stored = bytes;
    if (filtered) {
      filter((const uint64_t *)(const void *)source, batch->row_bytes / 8, rows, scratch);
      source = (const uint8_t *)scratch;
    }
    if (zstd_level)
      stored = ZSTD_compressCCtx(context, box->packet.data + at, bound - at, source, bytes, zstd_level);
    else
      memcpy(box->packet.data + at, source, bytes);
    if (zstd_level && ZSTD_isError(stored)) {
      status = fg_error_set(error, "zstd: %s", ZSTD_getErrorName(stored));
      break;
    }
    uint8_t *entry = box->packet.data + FG_PACKET_HEADER_BYTES + f * FRAME_ENTRY_BYTES;
    fg_put32(entry, (uint32_t)bytes);
    fg_put32(entry + 4, (uint32_t)stored);
    fg_put64(entry + 8, XXH64(box->packet.data + at, stored, 0));
    at += stored;
  }
  if (status == FG_OK) {
    write_header(box->packet.data, batch, at, (uint32_t)frames, filtered, zstd_level != 0);
    uint8_t *fitted = realloc(box->packet.data, at);
    if (fitted) box->packet.data = fitted;
    box->packet.bytes = at;
    box->packet.raw_bytes = raw;
    *packet = &box->packet;
  } else if (box) {
    fg_packet_unref(&box->packet);
  }
  free(scratch);
  ZSTD_freeCCtx(context);
  return status;
}

/// The header's fields as a batch without data, every one of them bounded; FG_FAILED names the first that is not sound.
static fg_status read_header(const uint8_t *data, fg_batch *batch, fg_error *error) {
  if (fg_get32(data) != PACKET_MAGIC) return fg_error_set(error, "this is no batch: it does not begin with 'fngp'");
  if (fg_get64(data + AT_HEADER_HASH) != XXH64(data, AT_HEADER_HASH, 0))
    return fg_error_set(error, "the batch's header is damaged: its checksum differs");
  if (fg_get32(data + AT_VERSION) != PACKET_VERSION)
    return fg_error_set(error, "the batch has version %u; this finegrain reads version %u", fg_get32(data + AT_VERSION),
                        PACKET_VERSION);
  *batch = (fg_batch){
      .size = sizeof(fg_batch), .element = data[AT_ELEMENT], .lattice = {data[AT_SHAPE], data[AT_DIMS], {0}}};
  batch->count = fg_get32(data + AT_COUNT);
  batch->level = (int32_t)fg_get32(data + AT_LEVEL);
  batch->sequence = fg_get64(data + AT_SEQUENCE);
  batch->first = fg_get64(data + AT_FIRST);
  batch->first_row = fg_get64(data + AT_FIRST_ROW);
  batch->rows = fg_get64(data + AT_ROWS);
  batch->chain = fg_get32(data + AT_CHAIN);
  batch->coupling = fg_get_double(data + AT_COUPLING);
  const fg_lattice *lattice = &batch->lattice;
  bool sound = batch->element >= FG_SPIN1 && batch->element <= FG_FIELD32 && lattice->dims >= 1 &&
               lattice->dims <= FG_MAX_DIMS && lattice->shape >= FG_CHAIN && lattice->shape <= FG_HYPERCUBIC;
  uint64_t sites = 1;
  for (uint32_t d = 0; d < FG_MAX_DIMS && sound; d++) {
    uint64_t extent = fg_get64(data + AT_EXTENT + 8 * d);
    if (d >= lattice->dims)
      sound = extent == 0;
    else
      sound = extent >= 1 && !__builtin_mul_overflow(sites, extent, &sites) && sites <= UINT64_C(1) << 40;
    batch->lattice.extent[d] = extent;
  }
  if (!sound) return fg_error_set(error, "the batch's header names an impossible element or lattice");
  uint64_t all = fg_lattice_rows(lattice), total;
  batch->row_bytes = fg_row_bytes(batch->element, fg_lattice_width(lattice));
  if (batch->rows > all || batch->first_row > all - batch->rows || (batch->rows != all && batch->count != 1))
    return fg_error_set(error, "the batch's header names impossible rows");
  if (__builtin_mul_overflow(batch->row_bytes * batch->rows, batch->count, &total) || total > UINT64_C(1) << 38)
    return fg_error_set(error, "the batch's header promises too many configurations");
  return FG_OK;
}

fg_status fg_packet_length(const uint8_t *data, uint64_t *bytes, fg_error *error) {
  fg_batch batch;
  return fg_packet_peek(data, &batch, bytes, error);
}

fg_status fg_packet_peek(const uint8_t *data, fg_batch *batch, uint64_t *bytes, fg_error *error) {
  *bytes = 0;
  if (read_header(data, batch, error) != FG_OK) return FG_FAILED;
  *bytes = fg_get64(data + AT_TOTAL);
  return *bytes >= FG_PACKET_HEADER_BYTES ? FG_OK
                                          : fg_error_set(error, "the batch's header gives an impossible length");
}

/// Checks the frame table against the batch's size and what is stored, before memory is asked for.
static fg_status check_frames(const uint8_t *data, uint64_t bytes, const fg_batch *batch, fg_error *error) {
  uint64_t frames = fg_get32(data + AT_FRAMES), wanted = fg_batch_bytes(batch);
  uint64_t head = FG_PACKET_HEADER_BYTES + frames * FRAME_ENTRY_BYTES;
  if (head > bytes) return fg_error_set(error, "the batch ends inside its frame table (%" PRIu64 " bytes)", bytes);
  if (fg_get64(data + AT_TABLE_HASH) != XXH64(data + FG_PACKET_HEADER_BYTES, frames * FRAME_ENTRY_BYTES, 0))
    return fg_error_set(error, "the batch's frame table is damaged: its checksum differs");
  uint64_t raw = 0, stored = head;
  for (uint64_t f = 0; f < frames; f++) {
    const uint8_t *entry = data + FG_PACKET_HEADER_BYTES + f * FRAME_ENTRY_BYTES;
    uint64_t frame_raw = fg_get32(entry), frame_stored = fg_get32(entry + 4);
    bool fits = data[AT_COMPRESSED] ? frame_raw <= frame_stored * MOST_RATIO : frame_raw == frame_stored;
    if (!fits || frame_raw == 0 || (batch->row_bytes && frame_raw % batch->row_bytes))
      return fg_error_set(error, "frame %" PRIu64 " of the batch has an impossible size", f);
    raw += frame_raw;
    stored += frame_stored;
  }
  if (raw != wanted || stored != bytes)
    return fg_error_set(
        error, "the batch's frames hold %" PRIu64 " bytes in %" PRIu64 ", its header says %" PRIu64 " in %" PRIu64, raw,
        stored, wanted, bytes);
  return FG_OK;
}

/// Bits beyond the last spin of a row are zero; nobody downstream masks them again.
static bool padding_is_zero(const fg_batch *batch) {
  uint64_t width = fg_lattice_width(&batch->lattice);
  uint64_t bits = batch->element == FG_SPIN1 ? width : batch->element == FG_STATE8 ? width * 8 : width * 32;
  if (bits % 64 == 0) return true;
  uint64_t mask = ~UINT64_C(0) << (bits % 64), found = 0, words = batch->row_bytes / 8;
  const uint64_t *row = batch->data;
  for (uint64_t r = 0; r < batch->rows * batch->count; r++) found |= row[r * words + words - 1] & mask;
  return found == 0;
}

static fg_status decode_frames(const uint8_t *data, fg_batch *batch, fg_error *error) {
  uint64_t frames = fg_get32(data + AT_FRAMES), at = FG_PACKET_HEADER_BYTES + frames * FRAME_ENTRY_BYTES;
  uint8_t *out = batch->data;
  ZSTD_DCtx *context = data[AT_COMPRESSED] ? ZSTD_createDCtx() : NULL;
  fg_status status = data[AT_COMPRESSED] && !context ? fg_error_set(error, "out of memory to decode a batch") : FG_OK;
  for (uint64_t f = 0; f < frames && status == FG_OK; f++) {
    const uint8_t *entry = data + FG_PACKET_HEADER_BYTES + f * FRAME_ENTRY_BYTES;
    uint64_t raw = fg_get32(entry), stored = fg_get32(entry + 4);
    if (XXH64(data + at, stored, 0) != fg_get64(entry + 8)) {
      status = fg_error_set(
          error, "frame %" PRIu64 " of the batch (at its byte %" PRIu64 ") is damaged: its checksum differs", f, at);
      break;
    }
    if (context) {
      size_t got = ZSTD_decompressDCtx(context, out, raw, data + at, stored);
      if (ZSTD_isError(got) || got != raw) {
        status = fg_error_set(error, "frame %" PRIu64 " of the batch does not decompress: %s", f,
                              ZSTD_isError(got) ? ZSTD_getErrorName(got) : "it is too short");
        break;
      }
    } else {
      memcpy(out, data + at, raw);
    }
    if (data[AT_FILTER] == FILTER_XOR_ROW)
      unfilter((uint64_t *)(void *)out, batch->row_bytes / 8, raw / batch->row_bytes);
    out += raw;
    at += stored;
  }
  ZSTD_freeDCtx(context);
  return status;
}

fg_status fg_packet_decode(const uint8_t *data, uint64_t bytes, fg_batch **batch, fg_error *error) {
  if (bytes < FG_PACKET_HEADER_BYTES)
    return fg_error_set(error, "the batch ends inside its header (%" PRIu64 " bytes)", bytes);
  fg_batch header;
  if (read_header(data, &header, error) != FG_OK) return FG_FAILED;
  if (fg_get64(data + AT_TOTAL) != bytes)
    return fg_error_set(error, "the batch has %" PRIu64 " bytes, its header says %" PRIu64, bytes,
                        fg_get64(data + AT_TOTAL));
  if (data[AT_FILTER] > FILTER_XOR_ROW || data[AT_COMPRESSED] > 1)
    return fg_error_set(error, "the batch uses an unknown filter or compression");
  if (check_frames(data, bytes, &header, error) != FG_OK) return FG_FAILED;
  fg_batch *made = fg_batch_create(header.element, &header.lattice, header.count, header.first_row, header.rows);
  if (!made) return fg_error_set(error, "out of memory for a batch of %" PRIu64 " bytes", fg_batch_bytes(&header));
  header.data = made->data;
  *made = header;
  fg_status status = decode_frames(data, made, error);
  if (status == FG_OK && !padding_is_zero(made))
    status = fg_error_set(error, "the batch has spins beyond the end of a row");
  if (status == FG_OK)
    *batch = made;
  else
    fg_batch_unref(made);
  return status;
}

fg_status fg_packet_from_bytes(const uint8_t *data, uint64_t bytes, fg_packet **packet, fg_error *error) {
  uint64_t length;
  if (bytes < FG_PACKET_HEADER_BYTES)
    return fg_error_set(error, "the batch ends inside its header (%" PRIu64 " bytes)", bytes);
  if (fg_packet_length(data, &length, error) != FG_OK) return FG_FAILED;
  if (length != bytes)
    return fg_error_set(error, "the batch has %" PRIu64 " bytes, its header says %" PRIu64, bytes, length);
  packet_box *box = new_box(bytes);
  if (!box) return fg_error_set(error, "out of memory for a batch of %" PRIu64 " bytes", bytes);
  memcpy(box->packet.data, data, bytes);
  *packet = &box->packet;
  return FG_OK;
}
