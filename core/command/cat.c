// cat.c — finegrain cat: what a recorded stream holds, checked to the last bit; a digest of its decoded content.
#include "command/command.h"

#include "bytes.h"
#include "finegrain/estimates.h"
#include "message.h"
#include "stream_file.h"
#include "words.h"

#include <stdlib.h>
#include <xxhash.h>

/// Adds a batch to the digest: for every configuration its element, lattice, level, index, chain and coupling, then its
/// rows. So the digest depends on what was recorded, not on how it was cut into batches, slabs and frames.
static void digest_batch(XXH3_state_t *state, const fg_batch *batch) {
  for (uint32_t i = 0; i < batch->count; i++) {
    uint8_t head[80] = {0};
    fg_put32(head, batch->element);
    fg_put32(head + 4, batch->lattice.shape);
    fg_put32(head + 8, batch->lattice.dims);
    fg_put32(head + 12, (uint32_t)batch->level);
    for (uint64_t d = 0; d < batch->lattice.dims; d++) fg_put64(head + 16 + 8 * d, batch->lattice.extent[d]);
    fg_put64(head + 48, batch->first + i);
    fg_put32(head + 56, batch->chain);
    fg_put_double(head + 64, batch->coupling);
    if (batch->first_row == 0) XXH3_128bits_update(state, head, sizeof head);
    XXH3_128bits_update(state, fg_batch_row(batch, i, 0), batch->rows * batch->row_bytes);
  }
}

/// Reads every batch; false after an error was printed.
static bool read_through(fg_stream_reader *reader, const char *file, XXH3_state_t *state, uint64_t *raw) {
  fg_error error = {0};
  fg_batch *batch;
  fg_status status;
  while ((status = fg_stream_next(reader, &batch, &error)) == FG_OK) {
    *raw += fg_batch_bytes(batch);
    digest_batch(state, batch);
    fg_batch_unref(batch);
  }
  if (status == FG_FAILED) fprintf(stderr, "%s: error: %s\n", file, error.text);
  return status == FG_DONE;
}

static void print_contents(const fg_stream_reader *reader, uint64_t raw) {
  static const char *const elements[] = {"", "1-bit spins", "u8 states", "f32 fields"};
  uint32_t count;
  const fg_stream_content *contents = fg_stream_contents(reader, &count);
  char text[FG_WORDS];
  for (uint32_t i = 0; i < count; i++) {
    char name[96];
    fg_lattice_name(&contents[i].lattice, name);
    printf("level %" PRId32 ": %" PRIu64 " configurations of %s, %s\n", contents[i].level, contents[i].configurations,
           name, elements[contents[i].element]);
  }
  printf("%" PRIu64 " batches, %s decoded, every checksum right\n", fg_stream_batches(reader),
         fg_bytes_text(raw, text));
}

static int cat_main(const fg_command *command, int argc, char **argv) {
  const char *file = NULL;
  bool digest = false;
  const fg_option options[] = {{"--digest", FG_OPTION_FLAG, &digest}};
  int words = fg_arguments_read(command, argc, argv, options, 1, &file, 1, 1);
  if (words < 0) return words == -2 ? FG_EXIT_DONE : FG_EXIT_USAGE;
  fg_error error = {0};
  fg_stream_reader *reader = NULL;
  if (fg_stream_open(file, &reader, &error) != FG_OK) {
    fprintf(stderr, "%s: error: %s\n", file, error.text);
    return FG_EXIT_FAILED;
  }
  if (fg_stream_recovered(reader)[0]) fprintf(stderr, "%s: warning: %s\n", file, fg_stream_recovered(reader));
  XXH3_state_t *state = XXH3_createState();
  if (!state) abort();
  XXH3_128bits_reset(state);
  uint64_t raw = 0;
  bool sound = read_through(reader, file, state, &raw);
  XXH128_hash_t hash = XXH3_128bits_digest(state);
  if (sound && !digest) print_contents(reader, raw);
  if (sound && digest) printf("%016" PRIx64 "%016" PRIx64 "\n", (uint64_t)hash.high64, (uint64_t)hash.low64);
  XXH3_freeState(state);
  fg_stream_close(reader);
  return sound ? FG_EXIT_DONE : FG_EXIT_FAILED;
}

const fg_command fg_command_cat = {
    "cat",
    "look into a recorded stream: lattices, counts, checks; a digest of its content",
    "usage: finegrain cat FILE.fgs [--digest]\n\n"
    "Reads the whole file and checks it. With --digest prints one number (XXH3-128) that depends on the decoded\n"
    "configurations alone: not on compression, batches or threads. Of a file whose end was torn off, as by a run that\n"
    "was killed, the whole batches before the tear are read and a warning says what was dropped.\n"
    "Exit: 0 sound, or torn and recovered; 1 damaged or unreadable; 2 wrong usage.",
    cat_main,
};
