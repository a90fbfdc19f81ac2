// codec.c — see codec.h; the layout is schemas/stream.md.
#include "codec.h"

#include "bytes.h"
#include "message.h"

#include <assert.h>
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
#define MOST_SITES (UINT64_C(1) << 40)
#define MOST_INDEX (UINT64_C(1) << 63)
/// A block of zstd takes at least 4 bytes and gives at most 128 KiB: what promises more is refused before memory is
/// asked for.
#define MOST_RATIO ((uint64_t)32768)

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows are stored as they lie in memory");

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
  AT_RESERVED = 109,    // 3 bytes, zero
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

/// How a batch is cut into frames: it follows from the batch alone, so a reader knows every raw size beforehand.
typedef struct cut {
  uint64_t rows;   ///< of the whole batch; frames do not care where a configuration ends
  uint64_t each;   ///< rows of every frame but the last: as many as fit, at least one
  uint64_t frames; ///< at most 512, because a batch has at most FG_PACKET_MOST_BYTES
} cut;

static cut cut_of(const fg_batch *batch) {
  assert(batch->row_bytes);
  cut c = {.rows = batch->rows * batch->count, .each = FRAME_RAW_BYTES / batch->row_bytes};
  if (c.each == 0) c.each = 1;
  c.frames = (c.rows + c.each - 1) / c.each;
  return c;
}

static uint64_t frame_rows(const cut *c, uint64_t frame) {
  return frame + 1 < c->frames ? c->each : c->rows - frame * c->each;
}

/// Most bytes a frame of `raw` bytes may be stored in; ZSTD_compressBound is never more.
static uint64_t stored_bound(uint64_t raw) { return raw + raw / 256 + 64; }

static bool shape_has_dims(uint32_t shape, uint32_t dims) {
  switch (shape) {
  case FG_CHAIN: return dims == 1;
  case FG_SQUARE:
  case FG_TRIANGULAR: return dims == 2;
  case FG_CUBIC: return dims == 3;
  case FG_HYPERCUBIC: return dims == 4;
  default: return false;
  }
}

/// Element, lattice, rows and count within the format's limits; what is sound here is safe to multiply everywhere else.
static fg_status check_batch(const fg_batch *batch, fg_error *error) {
  const fg_lattice *lattice = &batch->lattice;
  if (batch->element < FG_SPIN1 || batch->element > FG_FIELD32)
    return fg_error_set(error, "the batch has elements of unknown type %" PRIu32, batch->element);
  if (!shape_has_dims(lattice->shape, lattice->dims))
    return fg_error_set(error, "the batch has an impossible lattice: shape %" PRIu32 " in %" PRIu32 " dimensions",
                        lattice->shape, lattice->dims);
  uint64_t sites = 1, bytes;
  for (uint32_t d = 0; d < lattice->dims; d++)
    if (__builtin_mul_overflow(sites, lattice->extent[d], &sites) || sites == 0 || sites > MOST_SITES)
      return fg_error_set(error, "the batch has an impossible lattice: extent %" PRIu64 " of axis %" PRIu32,
                          lattice->extent[d], d);
  uint64_t all = fg_lattice_rows(lattice);
  if (batch->rows == 0 || batch->rows > all || batch->first_row > all - batch->rows ||
      (batch->rows != all && batch->count != 1))
    return fg_error_set(error,
                        "the batch has impossible rows: %" PRIu64 " from row %" PRIu64 " on of %" PRIu64 ", of %" PRIu32
                        " configurations",
                        batch->rows, batch->first_row, all, batch->count);
  uint64_t row_bytes = fg_row_bytes(batch->element, fg_lattice_width(lattice));
  if (__builtin_mul_overflow(row_bytes * batch->rows, batch->count, &bytes) || bytes > FG_PACKET_MOST_BYTES)
    return fg_error_set(error, "the batch is too large: %" PRIu32 " configurations of %" PRIu64 " bytes, at most 1 GiB",
                        batch->count, row_bytes * batch->rows);
  if (batch->chain > FG_MOST_CHAIN || batch->first > MOST_INDEX - batch->count)
    return fg_error_set(error, "the batch has an impossible place: configuration %" PRIu64 " of chain %" PRIu32,
                        batch->first, batch->chain);
  return FG_OK;
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
  for (uint64_t d = 0; d < batch->lattice.dims; d++) fg_put64(header + AT_EXTENT + 8 * d, batch->lattice.extent[d]);
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

/// What encoding one batch needs; everything is freed by end_encoding.
typedef struct encoding {
  packet_box *box;
  uint64_t bound;     ///< bytes of the box
  uint64_t at;        ///< bytes of it used so far
  uint64_t *scratch;  ///< a filtered frame; NULL without the filter
  ZSTD_CCtx *context; ///< NULL: frames are stored raw
  int level;
} encoding;

static void end_encoding(encoding *e) {
  if (e->box) fg_packet_unref(&e->box->packet);
  free(e->scratch);
  ZSTD_freeCCtx(e->context);
}

/// Appends the frame of `rows` rows at `source` and fills its entry of the frame table.
static fg_status encode_frame(encoding *e, const uint8_t *source, uint64_t row_bytes, uint64_t rows, uint8_t *entry,
                              fg_error *error) {
  uint64_t bytes = rows * row_bytes, stored = bytes;
  uint8_t *out = e->box->packet.data + e->at;
  if (e->scratch) {
    filter((const uint64_t *)(const void *)source, row_bytes / 8, rows, e->scratch);
    source = (const uint8_t *)e->scratch;
  }
  if (e->context)
    stored = ZSTD_compressCCtx(e->context, out, e->bound - e->at, source, bytes, e->level);
  else
    memcpy(out, source, bytes);
  if (e->context && ZSTD_isError(stored)) return fg_error_set(error, "zstd: %s", ZSTD_getErrorName(stored));
  fg_put32(entry, (uint32_t)bytes);
  fg_put32(entry + 4, (uint32_t)stored);
  fg_put64(entry + 8, XXH64(out, stored, 0));
  e->at += stored;
  return FG_OK;
}

fg_status fg_packet_encode(const fg_batch *batch, int zstd_level, fg_packet **packet, fg_error *error) {
  if (check_batch(batch, error) != FG_OK) return FG_FAILED;
  if (batch->row_bytes != fg_row_bytes(batch->element, fg_lattice_width(&batch->lattice)))
    return fg_error_set(error, "the batch has rows of %" PRIu64 " bytes, which its lattice has not", batch->row_bytes);
  cut c = cut_of(batch);
  uint64_t raw = fg_batch_bytes(batch), largest = frame_rows(&c, 0) * batch->row_bytes;
  uint32_t filtered = zstd_level && batch->element == FG_SPIN1 && c.rows > 1 ? FILTER_XOR_ROW : FILTER_NONE;
  encoding e = {.at = FG_PACKET_HEADER_BYTES + c.frames * FRAME_ENTRY_BYTES, .level = zstd_level};
  e.bound = e.at + (zstd_level ? c.frames * stored_bound(largest) : raw);
  e.box = new_box(e.bound);
  e.scratch = filtered ? malloc(largest) : NULL;
  e.context = zstd_level ? ZSTD_createCCtx() : NULL;
  fg_status status = FG_OK;
  if (!e.box || (filtered && !e.scratch) || (zstd_level && !e.context))
    status = fg_error_set(error, "out of memory to encode a batch of %" PRIu64 " bytes", raw);
  for (uint64_t f = 0; f < c.frames && status == FG_OK; f++)
    status =
        encode_frame(&e, (const uint8_t *)batch->data + f * c.each * batch->row_bytes, batch->row_bytes,
                     frame_rows(&c, f), e.box->packet.data + FG_PACKET_HEADER_BYTES + f * FRAME_ENTRY_BYTES, error);
  if (status == FG_OK) {
    fg_packet *made = &e.box->packet;
    write_header(made->data, batch, e.at, (uint32_t)c.frames, filtered, zstd_level != 0);
    uint8_t *fitted = realloc(made->data, e.at);
    if (fitted) made->data = fitted;
    made->bytes = e.at;
    made->raw_bytes = raw;
    *packet = made;
    e.box = NULL;
  }
  end_encoding(&e);
  return status;
}

/// Frames and length as the header gives them, against those that its batch must have.
static fg_status check_lengths(const uint8_t *data, const fg_batch *batch, fg_error *error) {
  cut c = cut_of(batch);
  uint64_t raw = fg_batch_bytes(batch), head = FG_PACKET_HEADER_BYTES + c.frames * FRAME_ENTRY_BYTES;
  uint64_t total = fg_get64(data + AT_TOTAL), frames = fg_get32(data + AT_FRAMES);
  if (frames != c.frames)
    return fg_error_set(error, "the batch has %" PRIu64 " frames; %" PRIu64 " bytes of spins make %" PRIu64, frames,
                        raw, c.frames);
  uint64_t least = head + (data[AT_COMPRESSED] ? (raw + MOST_RATIO - 1) / MOST_RATIO : raw);
  uint64_t most = head + (data[AT_COMPRESSED] ? raw + raw / 256 + 64 * c.frames : raw);
  if (total < least || total > most)
    return fg_error_set(error,
                        "the batch has %" PRIu64 " bytes; %" PRIu64 " bytes of spins take %" PRIu64 " to %" PRIu64,
                        total, raw, least, most);
  return FG_OK;
}

/// The header's fields as a batch without data, every one of them bounded; FG_FAILED names the first that is not sound.
static fg_status read_header(const uint8_t *data, fg_batch *batch, fg_error *error) {
  if (fg_get32(data) != PACKET_MAGIC) return fg_error_set(error, "this is no batch: it does not begin with 'fngp'");
  if (fg_get64(data + AT_HEADER_HASH) != XXH64(data, AT_HEADER_HASH, 0))
    return fg_error_set(error, "the batch's header is damaged: its checksum differs");
  if (fg_get32(data + AT_VERSION) != PACKET_VERSION)
    return fg_error_set(error, "the batch has version %" PRIu32 "; this finegrain reads version %u",
                        fg_get32(data + AT_VERSION), PACKET_VERSION);
  if (data[AT_FILTER] > FILTER_XOR_ROW || data[AT_COMPRESSED] > 1 || data[AT_RESERVED] || data[AT_RESERVED + 1] ||
      data[AT_RESERVED + 2])
    return fg_error_set(error, "the batch uses a filter or compression this finegrain does not know");
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
  for (uint64_t d = 0; d < FG_MAX_DIMS; d++) batch->lattice.extent[d] = fg_get64(data + AT_EXTENT + 8 * d);
  if (check_batch(batch, error) != FG_OK) return FG_FAILED;
  for (uint32_t d = batch->lattice.dims; d < FG_MAX_DIMS; d++)
    if (batch->lattice.extent[d] != 0)
      return fg_error_set(error, "the batch has an impossible lattice: extent %" PRIu64 " of axis %" PRIu32,
                          batch->lattice.extent[d], d);
  batch->row_bytes = fg_row_bytes(batch->element, fg_lattice_width(&batch->lattice));
  return check_lengths(data, batch, error);
}

fg_status fg_packet_length(const uint8_t *data, uint64_t *bytes, fg_error *error) {
  fg_batch batch = {0};
  return fg_packet_peek(data, &batch, bytes, error);
}

fg_status fg_packet_peek(const uint8_t *data, fg_batch *batch, uint64_t *bytes, fg_error *error) {
  *bytes = 0;
  if (read_header(data, batch, error) != FG_OK) return FG_FAILED;
  *bytes = fg_get64(data + AT_TOTAL);
  return FG_OK;
}

/// The header, and that `bytes` is the length it gives.
static fg_status read_whole_header(const uint8_t *data, uint64_t bytes, fg_batch *batch, fg_error *error) {
  uint64_t length;
  if (bytes < FG_PACKET_HEADER_BYTES)
    return fg_error_set(error, "the batch ends inside its header (%" PRIu64 " bytes)", bytes);
  if (fg_packet_peek(data, batch, &length, error) != FG_OK) return FG_FAILED;
  if (length != bytes)
    return fg_error_set(error, "the batch has %" PRIu64 " bytes, its header says %" PRIu64, bytes, length);
  return FG_OK;
}

/// Checks the frame table against the batch's size and what is stored, before memory is asked for.
static fg_status check_table(const uint8_t *data, uint64_t bytes, const fg_batch *batch, fg_error *error) {
  cut c = cut_of(batch);
  const uint8_t *table = data + FG_PACKET_HEADER_BYTES;
  if (fg_get64(data + AT_TABLE_HASH) != XXH64(table, c.frames * FRAME_ENTRY_BYTES, 0))
    return fg_error_set(error, "the batch's frame table is damaged: its checksum differs");
  uint64_t end = FG_PACKET_HEADER_BYTES + c.frames * FRAME_ENTRY_BYTES;
  for (uint64_t f = 0; f < c.frames; f++) {
    uint64_t raw = fg_get32(table + f * FRAME_ENTRY_BYTES), stored = fg_get32(table + f * FRAME_ENTRY_BYTES + 4);
    bool fits = data[AT_COMPRESSED] ? raw <= stored * MOST_RATIO && stored <= stored_bound(raw) : stored == raw;
    if (raw != frame_rows(&c, f) * batch->row_bytes || !fits)
      return fg_error_set(error, "frame %" PRIu64 " of the batch has an impossible size: %" PRIu64 " bytes in %" PRIu64,
                          f, raw, stored);
    end += stored;
  }
  if (end != bytes) return fg_error_set(error, "the batch's frames end at byte %" PRIu64 " of %" PRIu64, end, bytes);
  return FG_OK;
}

/// Frame `f`, stored in `bytes` bytes at byte `at` of the packet, against the checksum in the table.
static fg_status check_frame(const uint8_t *data, uint64_t f, uint64_t at, uint64_t bytes, fg_error *error) {
  if (XXH64(data + at, bytes, 0) == fg_get64(data + FG_PACKET_HEADER_BYTES + f * FRAME_ENTRY_BYTES + 8)) return FG_OK;
  return fg_error_set(
      error, "frame %" PRIu64 " of the batch (at its byte %" PRIu64 ") is damaged: its checksum differs", f, at);
}

fg_status fg_packet_check(const uint8_t *data, uint64_t bytes, fg_error *error) {
  fg_batch batch = {0};
  if (read_whole_header(data, bytes, &batch, error) != FG_OK || check_table(data, bytes, &batch, error) != FG_OK)
    return FG_FAILED;
  uint64_t frames = cut_of(&batch).frames, at = FG_PACKET_HEADER_BYTES + frames * FRAME_ENTRY_BYTES;
  for (uint64_t f = 0; f < frames; f++) {
    uint64_t stored = fg_get32(data + FG_PACKET_HEADER_BYTES + f * FRAME_ENTRY_BYTES + 4);
    if (check_frame(data, f, at, stored, error) != FG_OK) return FG_FAILED;
    at += stored;
  }
  return FG_OK;
}

/// Exactly one frame of zstd's present format in `stored` bytes that gives exactly `raw` bytes. Its own idea of its
/// size is not asked: the room is what the frame table said.
static fg_status decompress(ZSTD_DCtx *context, const uint8_t *source, uint64_t stored, uint8_t *out, uint64_t raw,
                            uint64_t f, fg_error *error) {
  const char *fault = NULL;
  if (stored < 4 || fg_get32(source) != ZSTD_MAGICNUMBER || ZSTD_findFrameCompressedSize(source, stored) != stored) {
    fault = "it is not one frame of zstd";
  } else {
    size_t got = ZSTD_decompressDCtx(context, out, raw, source, stored);
    if (ZSTD_isError(got))
      fault = ZSTD_getErrorName(got);
    else if (got != raw)
      fault = "it is too short";
  }
  return fault ? fg_error_set(error, "frame %" PRIu64 " of the batch does not decompress: %s", f, fault) : FG_OK;
}

static fg_status decode_frames(const uint8_t *data, fg_batch *batch, fg_error *error) {
  cut c = cut_of(batch);
  uint64_t at = FG_PACKET_HEADER_BYTES + c.frames * FRAME_ENTRY_BYTES;
  uint8_t *out = batch->data;
  ZSTD_DCtx *context = data[AT_COMPRESSED] ? ZSTD_createDCtx() : NULL;
  fg_status status = data[AT_COMPRESSED] && !context ? fg_error_set(error, "out of memory to decode a batch") : FG_OK;
  for (uint64_t f = 0; f < c.frames && status == FG_OK; f++) {
    uint64_t raw = frame_rows(&c, f) * batch->row_bytes;
    uint64_t stored = fg_get32(data + FG_PACKET_HEADER_BYTES + f * FRAME_ENTRY_BYTES + 4);
    status = check_frame(data, f, at, stored, error);
    if (status != FG_OK) break;
    if (context)
      status = decompress(context, data + at, stored, out, raw, f, error);
    else
      memcpy(out, data + at, raw);
    if (status == FG_OK && data[AT_FILTER] == FILTER_XOR_ROW)
      unfilter((uint64_t *)(void *)out, batch->row_bytes / 8, raw / batch->row_bytes);
    out += raw;
    at += stored;
  }
  ZSTD_freeDCtx(context);
  return status;
}

fg_status fg_packet_decode(const uint8_t *data, uint64_t bytes, fg_batch **batch, fg_error *error) {
  fg_batch header = {0};
  if (read_whole_header(data, bytes, &header, error) != FG_OK || check_table(data, bytes, &header, error) != FG_OK)
    return FG_FAILED;
  fg_batch *made = fg_batch_create(header.element, &header.lattice, header.count, header.first_row, header.rows);
  if (!made) return fg_error_set(error, "out of memory for a batch of %" PRIu64 " bytes", fg_batch_bytes(&header));
  header.data = made->data;
  *made = header;
  fg_status status = decode_frames(data, made, error);
  if (status == FG_OK && !fg_batch_padding_is_zero(made))
    status = fg_error_set(error, "the batch has spins beyond the end of a row");
  if (status == FG_OK)
    *batch = made;
  else
    fg_batch_unref(made);
  return status;
}

fg_status fg_packet_from_bytes(const uint8_t *data, uint64_t bytes, fg_packet **packet, fg_error *error) {
  fg_batch header = {0};
  if (read_whole_header(data, bytes, &header, error) != FG_OK) return FG_FAILED;
  packet_box *box = new_box(bytes);
  if (!box) return fg_error_set(error, "out of memory for a batch of %" PRIu64 " bytes", bytes);
  memcpy(box->packet.data, data, bytes);
  box->packet.raw_bytes = fg_batch_bytes(&header);
  *packet = &box->packet;
  return FG_OK;
}
