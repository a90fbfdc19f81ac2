// test_stream_file.c — stream files: exact bytes, every bit flipped, cut off at every byte, footers that lie, slabs that
// are missing, files of other kinds. What comes out is a prefix of what went in, and a shorter one says so.
#include "check.h"

#include "fuzz/forge.h"
#include "stream_file.h"

#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST_BATCHES 8

/// A file in memory with a path, so that nothing is left on disk.
typedef struct memory_file {
  int handle;
  char path[64];
} memory_file;

static memory_file new_file(void) {
  memory_file file = {.handle = memfd_create("stream", MFD_CLOEXEC)};
  if (file.handle < 0) abort();
  snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.handle);
  return file;
}

static void fill_file(const memory_file *file, const uint8_t *data, uint64_t bytes) {
  if (ftruncate(file->handle, (off_t)bytes) != 0) abort();
  if (bytes && pwrite(file->handle, data, bytes, 0) != (ssize_t)bytes) abort();
}

/// A recorded stream and where its parts end.
typedef struct recording {
  memory_file file;
  fg_batch *batches[MOST_BATCHES];
  uint64_t ends[MOST_BATCHES]; ///< offset of the byte after batch i
  uint32_t count;
  uint8_t *data;
  uint64_t bytes;
} recording;

static void record(recording *r, int level) {
  fg_stream_writer *writer = NULL;
  fg_error error = {0};
  r->file = new_file();
  CHECK_INTEGER(fg_stream_create(r->file.path, &writer, &error), FG_OK);
  uint64_t at = FORGE_HEAD;
  for (uint32_t i = 0; i < r->count; i++) {
    fg_packet *packet = NULL;
    CHECK_INTEGER(fg_packet_encode(r->batches[i], level, &packet, &error), FG_OK);
    CHECK_INTEGER(fg_stream_append(writer, packet, &error), FG_OK);
    r->ends[i] = at += packet->bytes;
    fg_packet_unref(packet);
  }
  CHECK_INTEGER(fg_stream_finish(writer, &error), FG_OK);
  CHECK_TEXT(error.text, "");
  r->bytes = (uint64_t)lseek(r->file.handle, 0, SEEK_END);
  r->data = malloc(r->bytes);
  if (pread(r->file.handle, r->data, r->bytes, 0) != (ssize_t)r->bytes) abort();
}

static void add(recording *r, fg_batch *batch) { r->batches[r->count++] = batch; }

/// Two batches, a configuration in three slabs, a batch of another lattice.
static recording small_recording(int level) {
  recording r = {.count = 0};
  fg_lattice square = {FG_SQUARE, 2, {4, 70, 0, 0}}, cubic = {FG_CUBIC, 3, {2, 3, 5, 0}};
  add(&r, forge_batch(FG_SPIN1, square, 2, 0, 4, 1));
  add(&r, forge_batch(FG_SPIN1, square, 1, 0, 4, 2));
  fg_batch *large = forge_batch(FG_SPIN1, cubic, 1, 0, 6, 3);
  for (uint64_t row = 0; row < 6; row += 2) add(&r, fg_batch_view_rows(large, row, 2));
  fg_batch_unref(large);
  add(&r, forge_batch(FG_STATE8, square, 1, 0, 4, 4));
  record(&r, level);
  return r;
}

static void end_recording(recording *r) {
  for (uint32_t i = 0; i < r->count; i++) fg_batch_unref(r->batches[i]);
  close(r->file.handle);
  free(r->data);
}

/// Of the first `sound` batches those that remain when a configuration that lacks slabs is dropped.
static uint32_t whole(const recording *r, uint32_t sound) {
  while (sound && r->batches[sound - 1]->first_row + r->batches[sound - 1]->rows <
                      fg_lattice_rows(&r->batches[sound - 1]->lattice))
    sound--;
  return sound;
}

static uint64_t end_of(const recording *r, uint32_t batches) { return batches ? r->ends[batches - 1] : FORGE_HEAD; }

/// What reading a file gave.
typedef struct reading {
  fg_status opened, ended;
  uint32_t batches; ///< that were read
  bool same;        ///< and are those that were recorded
  char recovered[512];
  fg_error error;
} reading;

static reading read_all(const char *path, const recording *r) {
  reading got = {.same = true};
  fg_stream_reader *reader = NULL;
  got.opened = fg_stream_open(path, &reader, &got.error);
  if (got.opened != FG_OK) return got;
  snprintf(got.recovered, sizeof got.recovered, "%s", fg_stream_recovered(reader));
  fg_batch *batch = NULL;
  while ((got.ended = fg_stream_next(reader, &batch, &got.error)) == FG_OK) {
    got.same = got.same && got.batches < r->count && forge_same(batch, r->batches[got.batches]);
    got.batches++;
    fg_batch_unref(batch);
  }
  if (got.ended == FG_DONE) got.same = got.same && got.batches == fg_stream_batches(reader);
  fg_stream_close(reader);
  return got;
}

/// The first `batches` batches, exactly, and a message that says what was dropped of `bytes`.
static bool recovered(const reading *got, const recording *r, uint32_t batches, uint64_t bytes) {
  char expected[160];
  uint64_t configurations = 0, end = end_of(r, batches);
  for (uint32_t i = 0; i < batches; i++)
    if (r->batches[i]->first_row == 0) configurations += r->batches[i]->count;
  snprintf(expected, sizeof expected,
           "no sound footer: recovered %" PRIu32 " batches, %" PRIu64 " configurations; %" PRIu64
           " bytes dropped from byte %" PRIu64 " on: ",
           batches, configurations, bytes - end, end);
  return got->opened == FG_OK && got->ended == FG_DONE && got->same && got->batches == batches &&
         strncmp(got->recovered, expected, strlen(expected)) == 0;
}

/// An error that names batch `index` and its byte, after the batches before it, which are right.
static bool refused(const reading *got, const recording *r, uint32_t index) {
  char expected[64];
  snprintf(expected, sizeof expected, "batch %" PRIu32 " at byte %" PRIu64 ": ", index, end_of(r, index));
  bool failed = got->opened == FG_FAILED || (got->ended == FG_FAILED && got->batches == index);
  return failed && got->same && strncmp(got->error.text, expected, strlen(expected)) == 0;
}

static void show(const char *what, uint64_t at, unsigned mask, const reading *got) {
  printf("\n    %s at byte %" PRIu64 ", mask %#x: opened %d, ended %d, %" PRIu32
         " batches%s, recovered \"%s\", error \"%s\"",
         what, at, mask, (int)got->opened, (int)got->ended, got->batches, got->same ? "" : " that are WRONG",
         got->recovered, got->error.text);
}

// ---- what is sound

/// One chain of five spins, made by hand from schemas/stream.md.
static void exact_bytes(void) {
  static const char expected[] =
      "666e677261696e0a0100000000000000"
      "666e67700100000098000000000000000100000000000000000000000000000000000000000000000100000000000000050000000000000000"
      "0000000000000000000000000000000000000000000000000000000000f87f0100000000000000000000000100000001010100000000007b95"
      "78b44496354e3eda6eefde9e450b080000000800000096da2de58783401e1500000000000000"
      "666e67696e64657810000000000000009800000000000000"
      "a8000000000000000100000000000000d5a1e0cae12ff2a1666e67656e64210a";
  recording r = {.count = 0};
  fg_lattice chain = {FG_CHAIN, 1, {5, 0, 0, 0}};
  fg_batch *batch = fg_batch_create(FG_SPIN1, &chain, 1, 0, 1);
  batch->sequence = 1;
  *fg_batch_row_mut(batch, 0, 0) = 0x15;
  add(&r, batch);
  record(&r, 0);
  char hex[2048] = "";
  for (uint64_t i = 0; i < r.bytes && i < 1000; i++) snprintf(hex + 2 * i, 3, "%02x", r.data[i]);
  CHECK_TEXT(hex, expected);
  end_recording(&r);
  r = (recording){.count = 0};
  record(&r, 1);
  for (uint64_t i = 0; i < r.bytes && i < 1000; i++) snprintf(hex + 2 * i, 3, "%02x", r.data[i]);
  CHECK_TEXT(hex, "666e677261696e0a0100000000000000666e67696e646578"
                  "10000000000000000000000000000000c2597dfc89bb4c79666e67656e64210a");
  reading got = read_all(r.file.path, &r);
  CHECK_INTEGER(got.ended, FG_DONE);
  CHECK_TEXT(got.recovered, "");
  end_recording(&r);
}

static void round_trip(void) {
  for (int level = 0; level < 2; level++) {
    recording r = small_recording(level);
    fg_stream_reader *reader = NULL;
    fg_error error = {0};
    reading got = read_all(r.file.path, &r);
    CHECK_INTEGER(got.ended, FG_DONE);
    CHECK_INTEGER(got.batches, 6);
    CU_ASSERT(got.same);
    CHECK_TEXT(got.recovered, "");
    CHECK_INTEGER(fg_stream_open(r.file.path, &reader, &error), FG_OK);
    uint32_t count = 0;
    const fg_stream_content *contents = fg_stream_contents(reader, &count);
    CHECK_INTEGER(count, 4); // levels of the batches are functions of their seeds
    for (uint32_t c = 0, i = 0; c < count && i < 6; c++, i += c == 3 ? 3 : 1) {
      CU_ASSERT(fg_lattice_equal(&contents[c].lattice, &r.batches[i]->lattice));
      CHECK_INTEGER(contents[c].element, r.batches[i]->element);
      CHECK_INTEGER(contents[c].level, r.batches[i]->level);
      CHECK_INTEGER(contents[c].configurations, r.batches[i]->count);
    }
    CHECK_INTEGER(fg_stream_batches(reader), 6);
    CHECK_INTEGER(fg_stream_largest_batch(reader), 2);
    // From any batch on; beyond the end is the end.
    for (uint64_t from = 0; from < 8; from++) {
      fg_batch *batch = NULL;
      fg_stream_seek(reader, from);
      CHECK_INTEGER(fg_stream_position(reader), from < 6 ? from : 6);
      CHECK_INTEGER(fg_stream_next(reader, &batch, &error), from < 6 ? FG_OK : FG_DONE);
      CU_ASSERT(from >= 6 || forge_same(batch, r.batches[from]));
      fg_batch_unref(batch);
    }
    fg_stream_close(reader);
    end_recording(&r);
  }
}

/// Batches of one lattice and level are counted together, empty ones count nothing.
static void contents_add_up(void) {
  recording r = {.count = 0};
  fg_lattice square = fg_lattice_square(8);
  static const uint32_t counts[] = {3, 0, 20, 1};
  for (uint32_t i = 0; i < 4; i++) {
    fg_batch *batch = forge_batch(FG_SPIN1, square, counts[i], 0, 8, i);
    batch->level = 2;
    add(&r, batch);
  }
  record(&r, 1);
  fg_stream_reader *reader = NULL;
  fg_error error = {0};
  uint32_t count = 0;
  CHECK_INTEGER(fg_stream_open(r.file.path, &reader, &error), FG_OK);
  const fg_stream_content *contents = fg_stream_contents(reader, &count);
  CHECK_INTEGER(count, 1);
  CHECK_INTEGER(contents[0].configurations, 24);
  CHECK_INTEGER(contents[0].level, 2);
  CHECK_INTEGER(fg_stream_largest_batch(reader), 20);
  fg_stream_close(reader);
  end_recording(&r);
}

// ---- what is torn

/// Cut off at every byte: exactly the batches before the cut that end a configuration.
static void truncations(void) {
  for (int level = 0; level < 2; level++) {
    recording r = small_recording(level);
    for (uint64_t length = r.bytes; length-- > 0;) {
      uint32_t sound = 0;
      while (sound < r.count && r.ends[sound] <= length) sound++;
      if (ftruncate(r.file.handle, (off_t)length) != 0) abort();
      reading got = read_all(r.file.path, &r);
      bool right = length < FORGE_HEAD
                       ? got.opened == FG_FAILED && strstr(got.error.text, "this is no stream file: it has")
                       : recovered(&got, &r, whole(&r, sound), length);
      if (!right) show("cut off", length, 0, &got);
      CU_ASSERT(right);
    }
    end_recording(&r);
  }
}

/// A writer that was stopped leaves what it wrote; what is appended to a file by others is dropped.
static void unfinished_and_longer(void) {
  recording r = small_recording(1);
  memory_file file = new_file();
  fg_stream_writer *writer = NULL;
  fg_error error = {0};
  CHECK_INTEGER(fg_stream_create(file.path, &writer, &error), FG_OK);
  fg_packet *packet = NULL;
  CHECK_INTEGER(fg_packet_encode(r.batches[0], 1, &packet, &error), FG_OK);
  CHECK_INTEGER(fg_stream_append(writer, packet, &error), FG_OK);
  fg_packet_unref(packet);
  fg_stream_abandon(writer);
  fg_stream_abandon(NULL);
  reading got = read_all(file.path, &r);
  CU_ASSERT(recovered(&got, &r, 1, r.ends[0]));
  CU_ASSERT(strstr(got.recovered, "0 bytes dropped") && strstr(got.recovered, ": the file ends there"));
  close(file.handle);
  uint8_t *longer = calloc(1, r.bytes + 100);
  memcpy(longer, r.data, r.bytes);
  fill_file(&r.file, longer, r.bytes + 100);
  got = read_all(r.file.path, &r);
  CU_ASSERT(recovered(&got, &r, 6, r.bytes + 100));
  CU_ASSERT(strstr(got.recovered, "damaged footer") != NULL);
  // Zeros instead of the end, as a crash of the machine may leave them.
  memset(longer + r.ends[1] + 40, 0, r.bytes - r.ends[1] - 40);
  fill_file(&r.file, longer, r.bytes);
  got = read_all(r.file.path, &r);
  CU_ASSERT(recovered(&got, &r, 2, r.bytes));
  free(longer);
  end_recording(&r);
}

// ---- what is damaged

/// Which part of the file a byte lies in: −1 the head, i batch i, count the footer and the tail.
static int part_of(const recording *r, uint64_t at) {
  int part = 0;
  if (at < FORGE_HEAD) return -1;
  while (part < (int)r->count && r->ends[part] <= at) part++;
  return part;
}

static bool is_header(const recording *r, uint64_t at) {
  int part = part_of(r, at);
  return part < 0 || part == (int)r->count || at < end_of(r, (uint32_t)part) + FORGE_HEADER + FORGE_ENTRY;
}

/// One byte differs: the head is refused, a batch is refused by number, without a sound footer all batches are found.
static void flips(void) {
  static const uint8_t masks[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff, 0x55};
  for (int level = 0; level < 2; level++) {
    recording r = small_recording(level);
    for (uint64_t at = 0; at < r.bytes; at++) {
      for (size_t m = is_header(&r, at) ? 0 : 6; m < sizeof masks; m++) {
        uint8_t changed = r.data[at] ^ masks[m];
        if (pwrite(r.file.handle, &changed, 1, (off_t)at) != 1) abort();
        reading got = read_all(r.file.path, &r);
        int part = part_of(&r, at);
        bool right = part < 0               ? got.opened == FG_FAILED && got.error.text[0]
                     : part == (int)r.count ? recovered(&got, &r, r.count, r.bytes)
                                            : refused(&got, &r, (uint32_t)part);
        if (!right) show("flip", at, masks[m], &got);
        CU_ASSERT(right);
      }
      if (pwrite(r.file.handle, r.data + at, 1, (off_t)at) != 1) abort();
    }
    end_recording(&r);
  }
}

/// The same in a file whose footer is missing: the batches before the damage.
static void flips_without_footer(void) {
  recording r = small_recording(1);
  uint64_t length = r.ends[r.count - 1];
  if (ftruncate(r.file.handle, (off_t)length) != 0) abort();
  for (uint64_t at = FORGE_HEAD; at < length; at++) {
    for (unsigned mask = 1; mask < 256; mask += 254) {
      uint8_t changed = r.data[at] ^ (uint8_t)mask;
      if (pwrite(r.file.handle, &changed, 1, (off_t)at) != 1) abort();
      reading got = read_all(r.file.path, &r);
      bool right = recovered(&got, &r, whole(&r, (uint32_t)part_of(&r, at)), length);
      if (!right) show("flip without footer", at, mask, &got);
      CU_ASSERT(right);
    }
    if (pwrite(r.file.handle, r.data + at, 1, (off_t)at) != 1) abort();
  }
  end_recording(&r);
}

/// A batch whose checksums are right and which does not decode is no tear: it is an error also without a footer.
static void sound_but_wrong(void) {
  for (int footer = 0; footer < 2; footer++) {
    recording r = small_recording(0);
    uint8_t *batch = r.data + r.ends[0];
    batch[FORGE_HEADER + FORGE_ENTRY + 15] = 0x80; // beyond 70 spins
    forge_seal(batch, r.ends[1] - r.ends[0]);
    fill_file(&r.file, r.data, footer ? r.bytes : r.bytes - 1);
    reading got = read_all(r.file.path, &r);
    CHECK_INTEGER(got.opened, FG_OK);
    CU_ASSERT(refused(&got, &r, 1));
    CU_ASSERT(strstr(got.error.text, "spins beyond the end of a row") != NULL);
    CU_ASSERT(footer ? !got.recovered[0] : strstr(got.recovered, "recovered 6 batches, 5 configurations") != NULL);
    end_recording(&r);
  }
}

// ---- what lies

/// Footers with a right hash and wrong numbers are no footers: the batches are found without, at no cost of memory.
static void footers_that_lie(void) {
  recording r = small_recording(0);
  uint64_t footer = r.ends[r.count - 1], tail = r.bytes - FORGE_TAIL;
  struct {
    uint64_t at, value;
  } lies[] = {
      {tail, 0},                                      // offset of the footer
      {tail, footer + 1},                             // inside itself
      {tail, UINT64_MAX},                             //
      {tail, tail},                                   //
      {tail + 8, 0},                                  // number of batches
      {tail + 8, r.count - 1},                        //
      {tail + 8, UINT64_C(1) << 60},                  // × 16 is 2⁶⁴
      {tail + 8, (UINT64_C(1) << 60) + r.count},      // × 16 is the right length again
      {tail + 8, UINT64_MAX},                         //
      {footer, 0},                                    // magic
      {footer + 8, 17},                               // offset of batch 0
      {footer + 8, 0},                                //
      {footer + 16, 0},                               // length of batch 0
      {footer + 16, UINT64_MAX},                      //
      {footer + 16, r.ends[0]},                       //
      {footer + 16, UINT64_MAX - FORGE_HEAD + 1},     // ends at byte 0
      {footer + 8 + 16 * 5, r.ends[4] + 8},           // offset of the last batch
      {footer + 16 + 16 * 5, UINT64_MAX},             // its length
      {footer + 16 + 16 * 5, footer + 1 - r.ends[4]}, //
      {footer + 16 + 16 * 5, footer - 1 - r.ends[4]}, //
  };
  for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
    uint8_t *data = malloc(r.bytes);
    memcpy(data, r.data, r.bytes);
    fg_put64(data + lies[i].at, lies[i].value);
    forge_seal_footer(data, r.bytes);
    fill_file(&r.file, data, r.bytes);
    struct rlimit old = forge_limit(UINT64_C(64) << 20);
    reading got = read_all(r.file.path, &r);
    forge_unlimit(&old);
    bool right = recovered(&got, &r, r.count, r.bytes);
    if (!right) show("lie", i, 0, &got);
    CU_ASSERT(right);
    free(data);
  }
  // Batches 0 and 1 listed as one: the chain of offsets is right, the header says otherwise.
  uint64_t index = footer + 8;
  uint8_t *data = malloc(r.bytes - FORGE_INDEX);
  memcpy(data, r.data, index);
  memcpy(data + index, r.data + index + FORGE_INDEX, r.bytes - index - FORGE_INDEX);
  fg_put64(data + index, FORGE_HEAD);
  fg_put64(data + index + 8, r.ends[1] - FORGE_HEAD);
  fg_put64(data + r.bytes - FORGE_INDEX - FORGE_TAIL + 8, r.count - 1);
  forge_seal_footer(data, r.bytes - FORGE_INDEX);
  fill_file(&r.file, data, r.bytes - FORGE_INDEX);
  reading got = read_all(r.file.path, &r);
  char expected[128];
  snprintf(expected, sizeof expected, "batch 0 at byte 16: the batch has %" PRIu64 " bytes, the index says %" PRIu64,
           r.ends[0] - 16, r.ends[1] - 16);
  CHECK_TEXT(got.error.text, expected);
  free(data);
  end_recording(&r);
}

/// Headers with right checksums that promise more than there is: neither memory nor time is spent.
static void batches_that_lie(void) {
  recording r = small_recording(0);
  static const struct {
    uint32_t at, width;
    uint64_t value;
  } lies[] = {
      {FORGE_COUNT, 4, UINT32_MAX},         {FORGE_FRAMES, 4, UINT32_MAX},
      {FORGE_EXTENT, 8, UINT64_C(1) << 40}, {FORGE_EXTENT + 8, 8, UINT64_C(1) << 40},
      {FORGE_LENGTH, 8, UINT64_C(1) << 60}, {FORGE_LENGTH, 8, UINT64_MAX},
      {FORGE_ROWS, 8, UINT64_MAX},          {FORGE_HEADER, 4, UINT32_MAX},
      {FORGE_HEADER + 4, 4, UINT32_MAX},    {FORGE_RESERVED, 1, 1},
  };
  for (int footer = 0; footer < 2; footer++)
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
      uint8_t *data = malloc(r.bytes), *batch = data + r.ends[0];
      memcpy(data, r.data, r.bytes);
      for (uint32_t b = 0; b < lies[i].width; b++) batch[lies[i].at + b] = (uint8_t)(lies[i].value >> 8 * b);
      forge_seal(batch, r.ends[1] - r.ends[0]);
      uint64_t length = footer ? r.bytes : r.bytes - 1;
      fill_file(&r.file, data, length);
      struct rlimit old = forge_limit(UINT64_C(64) << 20);
      reading got = read_all(r.file.path, &r);
      forge_unlimit(&old);
      bool right = footer ? refused(&got, &r, 1) : recovered(&got, &r, 1, length);
      if (!right) show("lie", i, 0, &got);
      CU_ASSERT(right);
      CU_ASSERT(!strstr(got.error.text, "out of memory"));
      free(data);
    }
  end_recording(&r);
}

/// A sparse file has room for anything; memory that is not there is an error and drops nothing silently.
static void sparse_files(void) {
  memory_file file = new_file();
  uint64_t size = UINT64_C(1) << 40, count = UINT64_C(1) << 32, length = 8 + FORGE_INDEX * count;
  uint8_t head[FORGE_HEAD] = "fngrain\n\1", tail[FORGE_TAIL] = {0};
  fg_put64(tail, size - FORGE_TAIL - length);
  fg_put64(tail + 8, count);
  memcpy(tail + 24, "fngend!\n", 8);
  if (ftruncate(file.handle, (off_t)size) != 0 || pwrite(file.handle, head, sizeof head, 0) != sizeof head ||
      pwrite(file.handle, tail, sizeof tail, (off_t)(size - FORGE_TAIL)) != sizeof tail)
    abort();
  recording none = {.count = 0};
  struct rlimit old = forge_limit(UINT64_C(64) << 20);
  reading got = read_all(file.path, &none);
  forge_unlimit(&old);
  CHECK_INTEGER(got.opened, FG_FAILED);
  CHECK_TEXT(got.error.text, "out of memory for the index of a stream file");
  // A batch of half a GiB, stored raw; its bytes are a hole.
  uint8_t header[FORGE_HEADER] = "fngp\1";
  uint64_t raw = UINT64_C(1) << 29, frames = raw >> 22;
  fg_put64(header + FORGE_LENGTH, FORGE_HEADER + FORGE_ENTRY * frames + raw);
  fg_put64(header + FORGE_ROWS, 64);
  fg_put64(header + FORGE_EXTENT, 64);
  fg_put64(header + FORGE_EXTENT + 8, 64);
  fg_put32(header + FORGE_COUNT, 1 << 20);
  fg_put32(header + FORGE_FRAMES, (uint32_t)frames);
  header[FORGE_ELEMENT] = FG_SPIN1;
  header[FORGE_SHAPE] = FG_SQUARE;
  header[FORGE_DIMS] = 2;
  fg_put64(header + FORGE_HEADER_HASH, XXH64(header, FORGE_HEADER_HASH, 0));
  if (ftruncate(file.handle, (off_t)(size - 1)) != 0 ||
      pwrite(file.handle, header, sizeof header, FORGE_HEAD) != sizeof header)
    abort();
  old = forge_limit(UINT64_C(64) << 20);
  got = read_all(file.path, &none);
  forge_unlimit(&old);
  CHECK_INTEGER(got.opened, FG_FAILED);
  CHECK_TEXT(got.error.text, "out of memory for a batch of 536873088 bytes");
  close(file.handle);
}

/// Slabs that do not follow each other, in a file that is otherwise sound.
static void missing_slabs(void) {
  fg_lattice square = {FG_SQUARE, 2, {8, 100, 0, 0}};
  fg_batch *one = forge_batch(FG_SPIN1, square, 1, 0, 8, 2), *other = forge_batch(FG_SPIN1, square, 1, 0, 8, 3);
  fg_batch *level = fg_batch_view(one, 0, 1), *coupling = fg_batch_view(one, 0, 1), *chain = fg_batch_view(one, 0, 1);
  level->level++;
  coupling->coupling = 0.25;
  chain->chain++;
  one->first = other->first = level->first = coupling->first = chain->first = 77;
  other->first++;
  struct {
    const fg_batch *source;
    uint64_t row, rows;
  } orders[][4] = {
      {{one, 4, 4}},                           // begins in the middle
      {{one, 0, 4}, {one, 0, 4}},              // the same twice
      {{one, 0, 2}, {one, 4, 4}},              // a gap
      {{one, 0, 4}, {one, 2, 6}},              // an overlap
      {{one, 0, 4}, {other, 4, 4}},            // of another configuration
      {{one, 0, 4}, {level, 4, 4}},            //
      {{one, 0, 4}, {coupling, 4, 4}},         //
      {{one, 0, 4}, {chain, 4, 4}},            //
      {{one, 0, 4}, {other, 0, 8}},            // a whole one in between
      {{one, 0, 4}, {one, 4, 4}, {one, 4, 4}}, // one too many
  };
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
    recording r = {.count = 0};
    char expected[128];
    for (int k = 0; k < 4 && orders[i][k].source; k++)
      add(&r, fg_batch_view_rows(orders[i][k].source, orders[i][k].row, orders[i][k].rows));
    record(&r, 1);
    uint32_t last = r.count - 1;
    reading got = read_all(r.file.path, &r);
    snprintf(expected, sizeof expected,
             "batch %" PRIu32 " at byte %" PRIu64 ": a slab is missing before row %" PRIu64
             " of configuration %" PRIu64,
             last, end_of(&r, last), r.batches[last]->first_row, r.batches[last]->first);
    CHECK_TEXT(got.error.text, expected);
    // Torn, the same file is read up to there.
    fill_file(&r.file, r.data, r.bytes - 1);
    got = read_all(r.file.path, &r);
    CU_ASSERT(recovered(&got, &r, i == 9 ? 2 : 0, r.bytes - 1));
    CU_ASSERT(strstr(got.recovered, "a slab is missing before row") != NULL);
    end_recording(&r);
  }
  recording r = {.count = 0};
  add(&r, fg_batch_view_rows(one, 0, 4));
  record(&r, 0);
  reading got = read_all(r.file.path, &r);
  CHECK_TEXT(got.error.text, "the stream ends inside configuration 77");
  fill_file(&r.file, r.data, r.ends[0]);
  got = read_all(r.file.path, &r);
  CU_ASSERT(recovered(&got, &r, 0, r.ends[0]));
  CU_ASSERT(strstr(got.recovered, "the file ends inside a configuration") != NULL);
  end_recording(&r);
  fg_batch_unref(level);
  fg_batch_unref(coupling);
  fg_batch_unref(chain);
  fg_batch_unref(one);
  fg_batch_unref(other);
}

static void too_many_lattices(void) {
  memory_file file = new_file();
  fg_stream_writer *writer = NULL;
  fg_error error = {0};
  fg_lattice chain = {FG_CHAIN, 1, {5, 0, 0, 0}};
  fg_batch *batch = forge_batch(FG_SPIN1, chain, 1, 0, 1, 1);
  CHECK_INTEGER(fg_stream_create(file.path, &writer, &error), FG_OK);
  uint64_t at = FORGE_HEAD, last = 0;
  for (int level = 0; level <= 1024; level++) {
    fg_packet *packet = NULL;
    batch->level = level;
    CHECK_INTEGER(fg_packet_encode(batch, 0, &packet, &error), FG_OK);
    CHECK_INTEGER(fg_stream_append(writer, packet, &error), FG_OK);
    last = at;
    at += packet->bytes;
    fg_packet_unref(packet);
  }
  CHECK_INTEGER(fg_stream_finish(writer, &error), FG_OK);
  recording none = {.count = 0};
  reading got = read_all(file.path, &none);
  char expected[128];
  snprintf(expected, sizeof expected, "batch 1024 at byte %" PRIu64 ": the stream holds more than 1024 lattices", last);
  CHECK_TEXT(got.error.text, expected);
  fg_batch_unref(batch);
  close(file.handle);
}

// ---- what is something else

static void other_files(void) {
  static const struct {
    const char *data;
    uint64_t bytes;
    const char *message;
  } cases[] = {
      {"", 0, "this is no stream file: it has 0 bytes, a stream file at least 16"},
      {"fngrain\n\1\0\0", 11, "this is no stream file: it has 11 bytes, a stream file at least 16"},
      {"%PDF-1.7 and so on", 18, "this is no stream file: it does not begin with 'fngrain'"},
      {"fngrain\r\1\0\0\0\0\0\0\0", 16, "this is no stream file: it does not begin with 'fngrain'"},
      {"fngrain\n\2\0\0\0\0\0\0\0", 16, "this is a stream file of version 2; this finegrain reads version 1"},
      {"fngrain\n\1\0\0\0\0\1\0\0", 16, "the stream file's head is damaged: bytes 12 to 15 are not zero"},
  };
  memory_file file = new_file();
  recording none = {.count = 0};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fill_file(&file, (const uint8_t *)cases[i].data, cases[i].bytes);
    reading got = read_all(file.path, &none);
    CHECK_INTEGER(got.opened, FG_FAILED);
    CHECK_TEXT(got.error.text, cases[i].message);
  }
  close(file.handle);
  reading got = read_all("/nowhere/to/be/found.fgs", &none);
  CHECK_TEXT(got.error.text, "cannot be opened: No such file or directory");
  got = read_all("/", &none);
  CHECK_TEXT(got.error.text, "this is no file");
  fg_stream_writer *writer = NULL;
  fg_error error = {0};
  CHECK_INTEGER(fg_stream_create("/nowhere/to/be/found.fgs", &writer, &error), FG_FAILED);
  CHECK_TEXT(error.text, "cannot create /nowhere/to/be/found.fgs: No such file or directory");
  fg_stream_close(NULL);
}

/// Under a sanitizer: memory that is not there is for the code under test to notice.
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

int main(void) {
  static const check_case cases[] = {{"exact bytes", exact_bytes},
                                     {"round trip", round_trip},
                                     {"contents add up", contents_add_up},
                                     {"truncations", truncations},
                                     {"unfinished and longer files", unfinished_and_longer},
                                     {"flips", flips},
                                     {"flips without a footer", flips_without_footer},
                                     {"sound but wrong", sound_but_wrong},
                                     {"footers that lie", footers_that_lie},
                                     {"batches that lie", batches_that_lie},
                                     {"sparse files", sparse_files},
                                     {"missing slabs", missing_slabs},
                                     {"too many lattices", too_many_lattices},
                                     {"other files", other_files},
                                     {0}};
  return check_main("stream file", cases);
}
