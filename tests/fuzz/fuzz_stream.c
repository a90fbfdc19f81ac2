// fuzz_stream.c — arbitrary bytes as an encoded batch or as a stream file: nothing may crash, hang, leak or lie about what
// it read. 'make fuzz' runs it under libFuzzer, tests/test_fuzz_regression.c on the files of corpus/stream.
// The first byte chooses what the rest is, and what is put right first so that deeper code is reached.
#include "fuzz/forge.h"
#include "fuzz/fuzz.h"
#include "stream_file.h"

enum {
  FUZZ_FILE = 1,    ///< a stream file; otherwise a batch
  FUZZ_SEALED = 2,  ///< checksums are put right
  FUZZ_LENGTHS = 4, ///< so are the length of a batch and the stored size of its last frame
};

/// Larger ones are left out: they cost time and show nothing new.
#define MOST_RAW ((uint64_t)8 << 20)

static void mend_lengths(uint8_t *data, uint64_t bytes) {
  if (bytes < FORGE_HEADER) return;
  uint64_t frames = fg_get32(data + FORGE_FRAMES), at = FORGE_HEADER + frames * FORGE_ENTRY;
  fg_put64(data + FORGE_LENGTH, bytes);
  if (frames == 0 || at > bytes) return;
  for (uint64_t f = 0; f + 1 < frames; f++) at += fg_get32(data + FORGE_HEADER + f * FORGE_ENTRY + 4);
  if (at <= bytes) fg_put32(data + FORGE_HEADER + (frames - 1) * FORGE_ENTRY + 4, (uint32_t)(bytes - at));
}

static bool is_large(const uint8_t *data, uint64_t bytes) {
  fg_batch batch;
  fg_error error;
  uint64_t length;
  return bytes >= FORGE_HEADER && fg_packet_peek(data, &batch, &length, &error) == FG_OK &&
         fg_batch_bytes(&batch) > MOST_RAW;
}

/// What decodes also passes every other check, and comes back the same when it is encoded again.
static void use_batch(const uint8_t *data, uint64_t bytes) {
  fg_error error = {0};
  fg_packet *packet = NULL;
  fg_batch *batch = NULL;
  fg_status taken = fg_packet_from_bytes(data, bytes, &packet, &error);
  fg_status checked = fg_packet_check(data, bytes, &error);
  fg_status decoded = fg_packet_decode(data, bytes, &batch, &error);
  require(decoded == FG_OK || (decoded == FG_FAILED && !batch && error.text[0]));
  require(checked != FG_OK || (taken == FG_OK && packet->bytes == bytes));
  if (decoded == FG_OK) {
    require(checked == FG_OK && packet->raw_bytes == fg_batch_bytes(batch));
    for (int level = 0; level < 2; level++) {
      fg_packet *again = NULL;
      fg_batch *back = NULL;
      require(fg_packet_encode(batch, level, &again, &error) == FG_OK);
      require(fg_packet_decode(again->data, again->bytes, &back, &error) == FG_OK && forge_same(back, batch));
      fg_batch_unref(back);
      fg_packet_unref(again);
    }
  }
  fg_packet_unref(packet);
  fg_batch_unref(batch);
}

/// Seals the batches of a file as far as their lengths lead from one to the next; false when one is too large.
static bool seal_file(uint8_t *data, uint64_t bytes) {
  uint64_t at = FORGE_HEAD;
  while (at <= bytes && bytes - at >= FORGE_HEADER) {
    uint64_t length = fg_get64(data + at + FORGE_LENGTH), left = bytes - at;
    if (memcmp(data + at, "fngp", 4) != 0 || length < FORGE_HEADER || length > left) break;
    forge_seal(data + at, length);
    if (is_large(data + at, length)) return false;
    at += length;
  }
  if (at <= bytes) forge_seal(data + at, bytes - at < FORGE_HEADER ? 0 : bytes - at);
  return true;
}

/// Slabs come in order, as many batches as were announced, none after an error but the same error again.
static void use_file(const uint8_t *data, uint64_t bytes) {
  fg_error error = {0};
  fg_stream_reader *reader = NULL;
  fg_status status = fg_stream_open(fuzz_file(data, bytes), &reader, &error);
  require(status == FG_OK || (status == FG_FAILED && error.text[0]));
  if (status == FG_OK) {
    uint64_t configurations = 0, announced = 0, row = 0, read = 0;
    uint32_t count = 0;
    const fg_stream_content *contents = fg_stream_contents(reader, &count);
    for (uint32_t i = 0; i < count; i++) announced += contents[i].configurations;
    fg_batch *batch = NULL;
    while ((status = fg_stream_next(reader, &batch, &error)) == FG_OK) {
      require(batch->first_row == row && batch->count <= fg_stream_largest_batch(reader));
      row = row + batch->rows == fg_lattice_rows(&batch->lattice) ? 0 : row + batch->rows;
      if (batch->first_row == 0) configurations += batch->count;
      fg_batch_unref(batch);
      require(fg_stream_position(reader) == ++read);
    }
    if (status == FG_DONE)
      require(row == 0 && read == fg_stream_batches(reader) && configurations == announced);
    else
      require(error.text[0] && fg_stream_next(reader, &batch, &error) == FG_FAILED);
    fg_stream_close(reader);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  uint64_t bytes = size - 1;
  uint8_t mode = data[0], *copy = malloc(bytes ? bytes : 1); // of the exact size, so that reading on is noticed
  if (!copy) return 0;
  memcpy(copy, data + 1, bytes);
  bool small = true;
  if (mode & FUZZ_FILE) {
    if (mode & FUZZ_SEALED) {
      small = seal_file(copy, bytes);
      forge_seal_footer(copy, bytes);
    }
    if (small) use_file(copy, bytes);
  } else {
    if (mode & FUZZ_LENGTHS) mend_lengths(copy, bytes);
    if (mode & FUZZ_SEALED) forge_seal(copy, bytes);
    if (!is_large(copy, bytes)) use_batch(copy, bytes);
  }
  free(copy);
  return 0;
}
