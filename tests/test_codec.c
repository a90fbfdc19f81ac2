// test_codec.c — encoded batches: exact bytes, round trips, damage of every bit, headers that lie under right checksums.
#include "check.h"

#include "codec.h"
#include "fuzz/forge.h"

#include <inttypes.h>
#include <zstd.h>

/// Two configurations of 3×5 spins, made by hand from schemas/stream.md: stored raw, and filtered under zstd.
static const char golden_header[] = "666e6770 01000000 c000000000000000" // magic, version, length
                                    "0900000000000000 0700000000000000"  // sequence, first
                                    "0000000000000000 0300000000000000"  // first row, rows
                                    "0300000000000000 0500000000000000 0000000000000000 0000000000000000"
                                    "000000000000e03f"                    // coupling
                                    "02000000 feffffff 03000000 01000000" // count, level, chain, frames
                                    "01 02 02 00 00 000000"               // element, shape, dims, filter, compression
                                    "927040c5791dde3b 1c5461197224fe20";  // hashes
static const char golden_body[] = "30000000 30000000 4ffc92dbdaff6ed2"    // frame table
                                  "1600000000000000 0700000000000000 1900000000000000"
                                  "0a00000000000000 1f00000000000000 0100000000000000";
static const char golden_zstd[] =
    "666e6770 01000000 b200000000000000 0900000000000000 0700000000000000 0000000000000000 0300000000000000"
    "0300000000000000 0500000000000000 0000000000000000 0000000000000000 000000000000e03f"
    "02000000 feffffff 03000000 01000000 01 02 02 01 01 000000 44f43bafd0097be4 b5a8ef7fbbbba0a7"
    "30000000 22000000 3ff552bceab6c341"
    "28b52ffd2030cd000090160011001e00130015001e000000000000000554020003 01";

static uint64_t from_hex(const char *text, uint8_t *bytes) {
  uint64_t count = 0;
  for (unsigned value; *text; text += 2) {
    while (*text == ' ') text++;
    if (sscanf(text, "%2x", &value) != 1) abort();
    bytes[count++] = (uint8_t)value;
  }
  return count;
}

static fg_batch *golden_batch(void) {
  static const uint64_t rows[6] = {0x16, 0x07, 0x19, 0x0a, 0x1f, 0x01};
  fg_lattice lattice = {FG_SQUARE, 2, {3, 5, 0, 0}};
  fg_batch *batch = fg_batch_create(FG_SPIN1, &lattice, 2, 0, 3);
  memcpy(batch->data, rows, sizeof rows);
  batch->sequence = 9;
  batch->first = 7;
  batch->level = -2;
  batch->chain = 3;
  batch->coupling = 0.5;
  return batch;
}

static fg_packet *encode(const fg_batch *batch, int level) {
  fg_packet *packet = NULL;
  fg_error error = {0};
  CHECK_INTEGER(fg_packet_encode(batch, level, &packet, &error), FG_OK);
  CHECK_TEXT(error.text, "");
  if (!packet) abort();
  return packet;
}

static void exact_bytes(void) {
  uint8_t expected[512];
  fg_batch *batch = golden_batch(), *back = NULL;
  fg_error error = {0};
  uint64_t head = from_hex(golden_header, expected), bytes = head + from_hex(golden_body, expected + head);
  fg_packet *packet = encode(batch, 0);
  CHECK_INTEGER(packet->bytes, bytes);
  CHECK_INTEGER(packet->raw_bytes, 48);
  CU_ASSERT(packet->bytes == bytes && memcmp(packet->data, expected, bytes) == 0);
  fg_packet_unref(packet);
  bytes = from_hex(golden_zstd, expected);
  CHECK_INTEGER(fg_packet_decode(expected, bytes, &back, &error), FG_OK);
  CHECK_TEXT(error.text, "");
  CU_ASSERT(back && forge_same(back, batch));
  fg_batch_unref(back);
  // Under zstd the header differs from the raw one in length, filter, compression and hashes alone.
  uint8_t raw[512], *here;
  from_hex(golden_header, raw);
  packet = encode(batch, 1);
  here = packet->data;
  CHECK_INTEGER(fg_get64(here + FORGE_LENGTH), packet->bytes);
  CHECK_INTEGER(here[FORGE_FILTER], 1);
  CHECK_INTEGER(here[FORGE_COMPRESSION], 1);
  CU_ASSERT(memcmp(here, raw, FORGE_LENGTH) == 0);
  CU_ASSERT(memcmp(here + 16, raw + 16, FORGE_FILTER - 16) == 0);
  CU_ASSERT(memcmp(here + FORGE_RESERVED, raw + FORGE_RESERVED, 3) == 0);
  fg_packet_unref(packet);
  fg_batch_unref(batch);
}

/// Encodes and decodes; the packet's bytes are those that check, peek, length and from_bytes also see.
static void round_trip(const fg_batch *batch, int level) {
  fg_packet *packet = encode(batch, level), *again = encode(batch, level), *copy = NULL;
  fg_batch *back = NULL, peeked;
  fg_error error = {0};
  uint64_t length = 0, peeked_length = 0;
  CU_ASSERT(packet->bytes == again->bytes && memcmp(packet->data, again->data, packet->bytes) == 0);
  CHECK_INTEGER(packet->raw_bytes, fg_batch_bytes(batch));
  CHECK_INTEGER(fg_packet_check(packet->data, packet->bytes, &error), FG_OK);
  CHECK_INTEGER(fg_packet_length(packet->data, &length, &error), FG_OK);
  CHECK_INTEGER(fg_packet_peek(packet->data, &peeked, &peeked_length, &error), FG_OK);
  CHECK_INTEGER(fg_packet_from_bytes(packet->data, packet->bytes, &copy, &error), FG_OK);
  CHECK_INTEGER(fg_packet_decode(packet->data, packet->bytes, &back, &error), FG_OK);
  CHECK_TEXT(error.text, "");
  CHECK_INTEGER(length, packet->bytes);
  CHECK_INTEGER(peeked_length, packet->bytes);
  CU_ASSERT(back && forge_same(back, batch));
  peeked.data = batch->data;
  CU_ASSERT(forge_same(&peeked, batch));
  CU_ASSERT(copy && copy->bytes == packet->bytes && copy->raw_bytes == packet->raw_bytes &&
            memcmp(copy->data, packet->data, copy->bytes) == 0);
  fg_batch_unref(back);
  fg_packet_unref(copy);
  fg_packet_unref(again);
  fg_packet_unref(packet);
}

static const fg_lattice lattices[] = {
    {FG_CHAIN, 1, {1}},
    {FG_CHAIN, 1, {64}},
    {FG_CHAIN, 1, {1000}},
    {FG_SQUARE, 2, {1, 1}},
    {FG_SQUARE, 2, {3, 5}},
    {FG_SQUARE, 2, {64, 64}},
    {FG_SQUARE, 2, {7, 129}},
    {FG_TRIANGULAR, 2, {6, 63}},
    {FG_CUBIC, 3, {3, 4, 65}},
    {FG_CUBIC, 3, {1, 1, 17}},
    {FG_HYPERCUBIC, 4, {2, 3, 4, 5}},
};

static void round_trips(void) {
  static const uint32_t counts[] = {0, 1, 2, 37};
  uint64_t seed = 1;
  for (size_t l = 0; l < sizeof lattices / sizeof *lattices; l++)
    for (uint32_t element = FG_SPIN1; element <= FG_FIELD32; element++)
      for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int level = 0; level <= 19; level = level == 0 ? 1 : level + 18) {
          fg_batch *batch = forge_batch(element, lattices[l], counts[c], 0, fg_lattice_rows(&lattices[l]), seed++);
          round_trip(batch, level);
          fg_batch_unref(batch);
        }
}

/// Widths around the edges of words, all spins up and all down.
static void widths_and_constants(void) {
  for (uint64_t width = 1; width <= 130; width++)
    for (int fill = 0; fill < 3; fill++) {
      fg_lattice lattice = {FG_SQUARE, 2, {5, width, 0, 0}};
      fg_batch *batch = forge_batch(FG_SPIN1, lattice, 3, 0, 5, width);
      for (uint64_t i = 0; i < 3 && fill < 2; i++)
        for (uint64_t y = 0; y < 5; y++)
          for (uint64_t x = 0; x < width; x++) fg_bit_set(fg_batch_row_mut(batch, i, y), x, fill == 1);
      round_trip(batch, 0);
      round_trip(batch, 1);
      fg_batch_unref(batch);
    }
}

/// The extremes that each field of the header takes.
static void extreme_fields(void) {
  fg_batch *batch = golden_batch();
  for (int level = 0; level < 2; level++) {
    batch->coupling = NAN;
    batch->level = INT32_MIN;
    batch->sequence = UINT64_MAX;
    batch->first = (UINT64_C(1) << 63) - 2;
    batch->chain = 0x7fffffff;
    round_trip(batch, level);
    batch->coupling = -INFINITY;
    batch->level = INT32_MAX;
    round_trip(batch, level);
  }
  // Every NaN gives the same bytes.
  batch->coupling = NAN;
  fg_packet *one = encode(batch, 0);
  batch->coupling = -NAN;
  fg_packet *other = encode(batch, 0);
  CU_ASSERT(memcmp(one->data, other->data, one->bytes) == 0);
  fg_packet_unref(one);
  fg_packet_unref(other);
  fg_batch_unref(batch);
}

/// Slabs, and views of whole configurations, are encoded as batches of their own.
static void slabs_and_views(void) {
  fg_lattice lattice = {FG_CUBIC, 3, {4, 5, 70, 0}};
  fg_batch *batch = forge_batch(FG_SPIN1, lattice, 4, 0, 20, 5);
  for (int level = 0; level < 2; level++) {
    fg_batch *one = fg_batch_view(batch, 2, 1), *slab = fg_batch_view_rows(one, 13, 7);
    round_trip(one, level);
    round_trip(slab, level);
    fg_packet *packet = encode(slab, level);
    fg_batch *back = NULL;
    fg_error error = {0};
    CHECK_INTEGER(fg_packet_decode(packet->data, packet->bytes, &back, &error), FG_OK);
    CHECK_INTEGER(back->first_row, 13);
    CHECK_INTEGER(back->rows, 7);
    CHECK_INTEGER(back->first, batch->first + 2);
    CU_ASSERT(memcmp(back->data, fg_batch_row(batch, 2, 13), 7 * back->row_bytes) == 0);
    fg_batch_unref(back);
    fg_packet_unref(packet);
    fg_batch_unref(slab);
    fg_batch_unref(one);
  }
  fg_batch_unref(batch);
}

/// Batches of several frames, whose borders lie inside a configuration, and a row larger than a frame.
static void several_frames(void) {
  struct {
    fg_lattice lattice;
    uint32_t element, count, frames;
    uint64_t first_frame;
  } cases[] = {{{FG_SQUARE, 2, {3000, 1950, 0, 0}}, FG_SPIN1, 13, 3, 16912 * 248},
               {{FG_CHAIN, 1, {UINT64_C(40) << 20, 0, 0, 0}}, FG_SPIN1, 2, 2, 5 << 20},
               {{FG_SQUARE, 2, {1024, 1024, 0, 0}}, FG_FIELD32, 2, 2, 4 << 20}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint64_t rows = fg_lattice_rows(&cases[i].lattice);
    fg_batch *batch = forge_batch(cases[i].element, cases[i].lattice, cases[i].count, 0, rows, i);
    for (int level = 0; level < 2; level++) {
      fg_packet *packet = encode(batch, level);
      fg_batch *back = NULL;
      fg_error error = {0};
      CHECK_INTEGER(fg_get32(packet->data + FORGE_FRAMES), cases[i].frames);
      CHECK_INTEGER(fg_get32(packet->data + FORGE_HEADER), cases[i].first_frame);
      CHECK_INTEGER(fg_packet_decode(packet->data, packet->bytes, &back, &error), FG_OK);
      CU_ASSERT(back && forge_same(back, batch));
      fg_batch_unref(back);
      back = NULL;
      packet->data[packet->bytes - 1] ^= 1; // the last frame's
      CHECK_INTEGER(fg_packet_decode(packet->data, packet->bytes, &back, &error), FG_FAILED);
      char place[32];
      snprintf(place, sizeof place, "frame %" PRIu32 " of", cases[i].frames - 1);
      CU_ASSERT(strstr(error.text, place) && strstr(error.text, "is damaged"));
      fg_packet_unref(packet);
    }
    fg_batch_unref(batch);
  }
}

/// Rows that resemble the row above, as critical ones do, take less room with the filter than without.
static void filter_pays(void) {
  fg_lattice lattice = fg_lattice_square(512);
  fg_batch *batch = forge_batch(FG_SPIN1, lattice, 1, 0, 512, 3);
  uint64_t state = 17;
  for (uint64_t y = 1; y < 512; y++) {
    memcpy(fg_batch_row_mut(batch, 0, y), fg_batch_row(batch, 0, y - 1), batch->row_bytes);
    for (int flips = 0; flips < 16; flips++) {
      uint64_t x = forge_random(&state) % 512;
      fg_batch_row_mut(batch, 0, y)[x / 64] ^= UINT64_C(1) << x % 64;
    }
  }
  fg_packet *packet = encode(batch, 1);
  static uint8_t alone[65536];
  CHECK_INTEGER(packet->data[FORGE_FILTER], 1);
  CU_ASSERT(packet->bytes * 10 < ZSTD_compress(alone, sizeof alone, batch->data, fg_batch_bytes(batch), 1) * 6);
  fg_packet_unref(packet);
  fg_batch_unref(batch);
}

/// Must fail with a message that has `part` in it; says where it did not.
static void must_fail(const uint8_t *data, uint64_t bytes, const char *part, uint64_t at, unsigned mask) {
  fg_batch *batch = NULL;
  fg_error error = {0};
  fg_status status = fg_packet_decode(data, bytes, &batch, &error);
  bool right = status == FG_FAILED && !batch && strstr(error.text, part);
  if (!right)
    printf("\n    byte %" PRIu64 ", mask %#x: status %d, \"%s\", expected \"%s\"", at, mask, (int)status, error.text,
           part);
  CU_ASSERT(right);
  fg_batch_unref(batch);
}

/// What is said of a changed byte, by where it lies.
static const char *damaged_part(uint64_t at) {
  return at < 4                            ? "it does not begin with 'fngp'"
         : at < FORGE_HEADER               ? "the batch's header is damaged: its checksum differs"
         : at < FORGE_HEADER + FORGE_ENTRY ? "the batch's frame table is damaged: its checksum differs"
                                           : "frame 0 of the batch (at its byte 144) is damaged: its checksum differs";
}

/// Every bit, every length: a packet that was changed does not decode.
static void damage(void) {
  for (int level = 0; level < 2; level++) {
    fg_lattice lattice = {FG_SQUARE, 2, {6, 70, 0, 0}};
    fg_batch *batch = forge_batch(FG_SPIN1, lattice, 2, 0, 6, 11);
    fg_packet *packet = encode(batch, level);
    uint64_t bytes = packet->bytes;
    for (uint64_t at = 0; at < bytes; at++) {
      for (unsigned mask = 1; mask < 256; mask++) {
        packet->data[at] ^= (uint8_t)mask;
        must_fail(packet->data, bytes, damaged_part(at), at, mask);
        packet->data[at] ^= (uint8_t)mask;
      }
    }
    for (uint64_t length = 0; length < bytes; length++) {
      // In a buffer of its own, so that a sanitizer sees one byte too many.
      uint8_t *cut = malloc(length ? length : 1);
      memcpy(cut, packet->data, length);
      must_fail(cut, length, length < FORGE_HEADER ? "ends inside its header" : ", its header says ", length, 0);
      fg_packet *taken = NULL;
      fg_error error = {0};
      CHECK_INTEGER(fg_packet_from_bytes(cut, length, &taken, &error), FG_FAILED);
      CHECK_INTEGER(fg_packet_check(cut, length, &error), FG_FAILED);
      free(cut);
    }
    uint8_t *longer = calloc(1, bytes + 1);
    memcpy(longer, packet->data, bytes);
    must_fail(longer, bytes + 1, ", its header says ", bytes, 0);
    free(longer);
    fg_packet_unref(packet);
    fg_batch_unref(batch);
  }
}

/// One field of the golden packet replaced, its checksums right: what the decoder says.
typedef struct lie {
  int level;
  uint32_t at, width; ///< 1, 4 or 8 bytes
  uint64_t value;
  const char *message;
} lie;

static const lie lies[] = {
    {0, 0, 4, 0x70676e67, "this is no batch: it does not begin with 'fngp'"},
    {0, FORGE_VERSION, 4, 2, "the batch has version 2; this finegrain reads version 1"},
    {0, FORGE_LENGTH, 8, UINT64_C(1) << 63,
     "the batch has 9223372036854775808 bytes; 48 bytes of spins take 192 to 192"},
    {1, FORGE_LENGTH, 8, 144, "the batch has 144 bytes; 48 bytes of spins take 145 to 256"},
    {1, FORGE_LENGTH, 8, 257, "the batch has 257 bytes; 48 bytes of spins take 145 to 256"},
    {1, FORGE_LENGTH, 8, 256, "the batch has 178 bytes, its header says 256"},
    {0, FORGE_FIRST, 8, UINT64_MAX, "the batch has an impossible place: configuration 18446744073709551615 of chain 3"},
    {0, FORGE_FIRST, 8, (UINT64_C(1) << 63) - 1,
     "the batch has an impossible place: configuration 9223372036854775807 of chain 3"},
    {0, FORGE_CHAIN, 4, 0x80000000, "the batch has an impossible place: configuration 7 of chain 2147483648"},
    {0, FORGE_FIRST_ROW, 8, 1, "the batch has impossible rows: 3 from row 1 on of 3, of 2 configurations"},
    {0, FORGE_FIRST_ROW, 8, UINT64_MAX,
     "the batch has impossible rows: 3 from row 18446744073709551615 on of 3, of 2 configurations"},
    {0, FORGE_ROWS, 8, 0, "the batch has impossible rows: 0 from row 0 on of 3, of 2 configurations"},
    {0, FORGE_ROWS, 8, 2, "the batch has impossible rows: 2 from row 0 on of 3, of 2 configurations"},
    {0, FORGE_ROWS, 8, UINT64_MAX,
     "the batch has impossible rows: 18446744073709551615 from row 0 on of 3, of 2 configurations"},
    {0, FORGE_EXTENT, 8, 0, "the batch has an impossible lattice: extent 0 of axis 0"},
    {0, FORGE_EXTENT, 8, UINT64_C(1) << 40, "the batch has an impossible lattice: extent 5 of axis 1"},
    {0, FORGE_EXTENT + 8, 8, UINT64_C(1) << 40, "the batch has an impossible lattice: extent 1099511627776 of axis 1"},
    {0, FORGE_EXTENT + 8, 8, UINT64_MAX, "the batch has an impossible lattice: extent 18446744073709551615 of axis 1"},
    {0, FORGE_EXTENT + 8, 8, UINT64_C(1) << 38,
     "the batch is too large: 2 configurations of 103079215104 bytes, at most 1 GiB"},
    {0, FORGE_EXTENT + 24, 8, 1, "the batch has an impossible lattice: extent 1 of axis 3"},
    {0, FORGE_COUNT, 4, UINT32_MAX, "the batch is too large: 4294967295 configurations of 24 bytes, at most 1 GiB"},
    {1, FORGE_COUNT, 4, UINT32_MAX, "the batch is too large: 4294967295 configurations of 24 bytes, at most 1 GiB"},
    {0, FORGE_COUNT, 4, 44739242, "the batch has 1 frames; 1073741808 bytes of spins make 256"},
    {0, FORGE_COUNT, 4, 1, "the batch has 192 bytes; 24 bytes of spins take 168 to 168"},
    {0, FORGE_FRAMES, 4, UINT32_MAX, "the batch has 4294967295 frames; 48 bytes of spins make 1"},
    {0, FORGE_FRAMES, 4, 0, "the batch has 0 frames; 48 bytes of spins make 1"},
    {0, FORGE_ELEMENT, 1, 0, "the batch has elements of unknown type 0"},
    {0, FORGE_ELEMENT, 1, 4, "the batch has elements of unknown type 4"},
    {0, FORGE_SHAPE, 1, 0, "the batch has an impossible lattice: shape 0 in 2 dimensions"},
    {0, FORGE_SHAPE, 1, FG_CHAIN, "the batch has an impossible lattice: shape 1 in 2 dimensions"},
    {0, FORGE_SHAPE, 1, FG_CUBIC, "the batch has an impossible lattice: shape 4 in 2 dimensions"},
    {0, FORGE_SHAPE, 1, FG_HYPERCUBIC, "the batch has an impossible lattice: shape 5 in 2 dimensions"},
    {0, FORGE_SHAPE, 1, 255, "the batch has an impossible lattice: shape 255 in 2 dimensions"},
    {0, FORGE_DIMS, 1, 0, "the batch has an impossible lattice: shape 2 in 0 dimensions"},
    {0, FORGE_DIMS, 1, 255, "the batch has an impossible lattice: shape 2 in 255 dimensions"},
    {0, FORGE_FILTER, 1, 2, "the batch uses a filter or compression this finegrain does not know"},
    {0, FORGE_COMPRESSION, 1, 2, "the batch uses a filter or compression this finegrain does not know"},
    {0, FORGE_RESERVED, 1, 1, "the batch uses a filter or compression this finegrain does not know"},
    {0, FORGE_RESERVED + 1, 1, 1, "the batch uses a filter or compression this finegrain does not know"},
    {0, FORGE_RESERVED + 2, 1, 128, "the batch uses a filter or compression this finegrain does not know"},
    {0, FORGE_COMPRESSION, 1, 1, "frame 0 of the batch does not decompress: it is not one frame of zstd"},
    {0, FORGE_HEADER, 4, UINT32_MAX, "frame 0 of the batch has an impossible size: 4294967295 bytes in 48"},
    {0, FORGE_HEADER, 4, 0, "frame 0 of the batch has an impossible size: 0 bytes in 48"},
    {0, FORGE_HEADER + 4, 4, UINT32_MAX, "frame 0 of the batch has an impossible size: 48 bytes in 4294967295"},
    {1, FORGE_HEADER + 4, 4, 0, "frame 0 of the batch has an impossible size: 48 bytes in 0"},
    {1, FORGE_HEADER + 4, 4, 113, "frame 0 of the batch has an impossible size: 48 bytes in 113"},
    {1, FORGE_HEADER, 4, 56, "frame 0 of the batch has an impossible size: 56 bytes in 34"},
    {1, FORGE_HEADER, 4, 40, "frame 0 of the batch has an impossible size: 40 bytes in 34"},
    {1, FORGE_HEADER + 4, 4, 33, "the batch's frames end at byte 177 of 178"},
    {1, FORGE_HEADER + 4, 4, 35, "the batch's frames end at byte 179 of 178"},
    {1, 144, 4, 0xfd2fb527, "frame 0 of the batch does not decompress: it is not one frame of zstd"},
    {1, 144, 4, 0x184d2a50, "frame 0 of the batch does not decompress: it is not one frame of zstd"},
    {0, 144, 1, 0x36, "the batch has spins beyond the end of a row"},
    {0, 191, 1, 0x80, "the batch has spins beyond the end of a row"},
};

/// No lie costs memory: the decoder may take 64 MiB, and its message is never that memory is out.
static void lies_are_refused(void) {
  for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
    const lie *l = &lies[i];
    uint8_t data[512];
    uint64_t bytes = l->level ? from_hex(golden_zstd, data) : from_hex(golden_header, data);
    if (!l->level) bytes += from_hex(golden_body, data + bytes);
    for (uint32_t b = 0; b < l->width; b++) data[l->at + b] = (uint8_t)(l->value >> 8 * b);
    forge_seal(data, bytes);
    fg_batch *batch = NULL;
    fg_error error = {0};
    struct rlimit old = forge_limit(UINT64_C(64) << 20);
    fg_status status = fg_packet_decode(data, bytes, &batch, &error);
    forge_unlimit(&old);
    CHECK_INTEGER(status, FG_FAILED);
    CHECK_TEXT(error.text, l->message);
    CU_ASSERT(batch == NULL);
    fg_batch_unref(batch);
  }
}

/// A batch of one frame whose stored bytes are given, everything around it right.
static uint64_t wrap(const uint8_t *stored, uint64_t stored_bytes, uint8_t *data) {
  from_hex(golden_zstd, data);
  memmove(data + 144, stored, stored_bytes);
  fg_put32(data + FORGE_HEADER + 4, (uint32_t)stored_bytes);
  fg_put64(data + FORGE_LENGTH, 144 + stored_bytes);
  forge_seal(data, 144 + stored_bytes);
  return 144 + stored_bytes;
}

static void expect_refusal(const uint8_t *data, uint64_t bytes, const char *part) {
  fg_batch *batch = NULL;
  fg_error error = {0};
  CHECK_INTEGER(fg_packet_check(data, bytes, &error), FG_OK); // every checksum is right
  CHECK_INTEGER(fg_packet_decode(data, bytes, &batch, &error), FG_FAILED);
  if (!strstr(error.text, part)) CHECK_TEXT(error.text, part);
  CU_ASSERT(strstr(error.text, part) != NULL);
  fg_batch_unref(batch);
}

/// zstd frames that are sound and not what the table says.
static void wrong_zstd_frames(void) {
  uint8_t raw[64] = {0}, stored[256], data[512];
  uint64_t bytes = ZSTD_compress(stored, sizeof stored, raw, 47, 1);
  expect_refusal(data, wrap(stored, bytes, data), "it is too short");
  bytes = ZSTD_compress(stored, sizeof stored, raw, 49, 1);
  expect_refusal(data, wrap(stored, bytes, data), "does not decompress: ");
  bytes = ZSTD_compress(stored, sizeof stored, raw, 24, 1); // two frames of half the size
  memcpy(stored + bytes, stored, bytes);
  expect_refusal(data, wrap(stored, 2 * bytes, data), "it is not one frame of zstd");
  bytes = ZSTD_compress(stored, sizeof stored, raw, 48, 1); // followed by a frame to be skipped
  memcpy(stored + bytes, "\x50\x2a\x4d\x18\x01\x00\x00\x00x", 9);
  expect_refusal(data, wrap(stored, bytes + 9, data), "it is not one frame of zstd");
  bytes = ZSTD_compress(stored, sizeof stored, raw, 48, 1);
  fg_batch *batch = NULL;
  fg_error error = {0};
  uint64_t whole = wrap(stored, bytes, data);
  CHECK_INTEGER(fg_packet_decode(data, whole, &batch, &error), FG_OK); // the frame itself is fine
  fg_batch_unref(batch);
}

/// zstd had other formats before the present one, and libzstd may still read them: 48 zeros in that of version 0.7.
static void old_zstd_format(void) {
  uint8_t stored[60] = {0x27, 0xb5, 0x2f, 0xfd, 0x20, 48, 0x40, 0, 48}, data[512];
  stored[57] = 0xc0;
  expect_refusal(data, wrap(stored, sizeof stored, data), "it is not one frame of zstd");
}

/// A slab without rows would follow itself for ever.
static void empty_slab(void) {
  uint8_t data[512];
  from_hex(golden_header, data);
  fg_put32(data + FORGE_COUNT, 1);
  fg_put64(data + FORGE_ROWS, 0);
  fg_put32(data + FORGE_FRAMES, 0);
  fg_put64(data + FORGE_LENGTH, FORGE_HEADER);
  forge_seal(data, FORGE_HEADER);
  must_fail(data, FORGE_HEADER, "the batch has impossible rows: 0 from row 0 on of 3, of 1 configurations", 0, 0);
}

/// The format's limits also hold for what is encoded: nothing is written that cannot be read back.
static void encoder_refuses(void) {
  static const struct {
    fg_lattice lattice;
    uint32_t element, count;
    uint64_t rows;
    const char *message;
  } cases[] = {
      {{FG_CHAIN, 1, {UINT64_C(1) << 34, 0, 0, 0}},
       FG_SPIN1,
       1,
       1,
       "the batch is too large: 1 configurations of 2147483648 bytes, at most 1 GiB"},
      {{FG_SQUARE, 2, {64, 64, 0, 0}},
       FG_SPIN1,
       UINT32_MAX,
       64,
       "the batch is too large: 4294967295 configurations of 512 bytes, at most 1 GiB"},
      {{FG_SQUARE, 1, {64, 0, 0, 0}}, FG_SPIN1, 1, 1, "the batch has an impossible lattice: shape 2 in 1 dimensions"},
      {{FG_CHAIN, 1, {64, 0, 0, 0}}, 7, 1, 1, "the batch has elements of unknown type 7"},
      {{FG_SQUARE, 2, {4, 4, 0, 0}},
       FG_SPIN1,
       2,
       3,
       "the batch has impossible rows: 3 from row 0 on of 4, of 2 configurations"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fg_batch batch = {.size = sizeof batch, .element = cases[i].element, .lattice = cases[i].lattice};
    batch.count = cases[i].count;
    batch.rows = cases[i].rows;
    batch.row_bytes = fg_row_bytes(batch.element, fg_lattice_width(&batch.lattice));
    fg_packet *packet = NULL;
    fg_error error = {0};
    CHECK_INTEGER(fg_packet_encode(&batch, 1, &packet, &error), FG_FAILED);
    CHECK_TEXT(error.text, cases[i].message);
    CU_ASSERT(packet == NULL);
  }
  fg_batch *batch = golden_batch();
  fg_packet *packet = NULL;
  fg_error error = {0};
  batch->row_bytes = 16; // a plugin may write there, and the data are not as large
  CHECK_INTEGER(fg_packet_encode(batch, 0, &packet, &error), FG_FAILED);
  CHECK_TEXT(error.text, "the batch has rows of 16 bytes, which its lattice has not");
  fg_batch_unref(batch);
}

static void memory_out(void) {
  fg_lattice lattice = {FG_CHAIN, 1, {UINT64_C(1) << 32, 0, 0, 0}};
  fg_batch batch = {.size = sizeof batch, .element = FG_SPIN1, .lattice = lattice, .count = 1, .rows = 1};
  batch.row_bytes = UINT64_C(1) << 29;
  fg_packet *packet = NULL;
  fg_error error = {0};
  struct rlimit old = forge_limit(UINT64_C(64) << 20);
  fg_status status = fg_packet_encode(&batch, 0, &packet, &error);
  forge_unlimit(&old);
  CHECK_INTEGER(status, FG_FAILED);
  CHECK_TEXT(error.text, "out of memory to encode a batch of 536870912 bytes");
}

/// Under a sanitizer: memory that is not there is for the code under test to notice.
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

int main(void) {
  static const check_case cases[] = {{"exact bytes", exact_bytes},
                                     {"round trips", round_trips},
                                     {"widths and constants", widths_and_constants},
                                     {"extreme fields", extreme_fields},
                                     {"slabs and views", slabs_and_views},
                                     {"several frames", several_frames},
                                     {"the filter pays", filter_pays},
                                     {"damage", damage},
                                     {"lies are refused", lies_are_refused},
                                     {"wrong zstd frames", wrong_zstd_frames},
                                     {"zstd's old format", old_zstd_format},
                                     {"an empty slab", empty_slab},
                                     {"the encoder refuses", encoder_refuses},
                                     {"memory is out", memory_out},
                                     {0}};
  return check_main("codec", cases);
}
