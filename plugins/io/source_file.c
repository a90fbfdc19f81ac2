// source_file.c — source.file: configurations from stream files (.fgs), NumPy arrays and HDF5 data sets. What a file is
// shows in its first bytes, never in its name.
#include "array.h"
#include "hdf5_file.h"
#include "npy.h"

#include "core/message.h"
#include "core/stream_file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN_COUPLING (-1e300)
#define BATCH_BYTES ((uint64_t)256 << 10)
#define MOST_IN_BATCH 1024u

typedef struct config {
  const char *path, *dataset;
  int32_t layout, values, bit_order;
  int64_t width;
  double coupling;
} config;

typedef struct source {
  const fg_host *host;
  const config *config;
  fg_stream_reader *stream; ///< a stream file, or
  byte_array array;         ///< an array, as `plan` says
  array_plan plan;
  uint64_t next;  ///< configuration (array) or batch (stream) to be emitted
  uint32_t batch; ///< configurations in a batch of an array
  int said;       ///< what was read has been logged
} source;

static void destroy(void *self) {
  source *me = self;
  fg_stream_close(me->stream);
  if (me->array.handle) me->array.close(me->array.handle);
  free(me);
}

// ---- opening

/// Number of leading letters two names share, counted from both ends: enough to find a mistyped file name.
static size_t likeness(const char *a, const char *b) {
  size_t head = 0, tail = 0, m = strlen(a), n = strlen(b);
  while (head < m && head < n && a[head] == b[head]) head++;
  while (tail < m - head && tail < n - head && a[m - 1 - tail] == b[n - 1 - tail]) tail++;
  return head + tail;
}

/// "; did you mean 'NAME'?" when the folder holds a file of nearly that name.
static void suggest_file(const char *path, char hint[300]) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
  char folder[4096];
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 2, slash ? path : "./");
  DIR *entries = opendir(folder);
  size_t best = strlen(base) * 3 / 4;
  hint[0] = 0;
  for (struct dirent *entry; entries && (entry = readdir(entries));) {
    size_t like = likeness(base, entry->d_name), longer = strlen(entry->d_name);
    if (like <= best || longer > strlen(base) + 3) continue;
    best = like;
    snprintf(hint, 300, "; did you mean '%s'?", entry->d_name);
  }
  if (entries) closedir(entries);
}

static fg_status open_array(source *me, int numpy) {
  const config *c = me->config;
  char fault[256] = "";
  int opened =
      numpy ? npy_open(c->path, &me->array, fault) : hdf5_open(me->host, c->path, c->dataset, &me->array, fault);
  array_wish wish = {c->layout, c->values, c->bit_order, c->width};
  if (opened && array_look(&me->array, &wish, &me->plan, fault)) {
    uint64_t bytes = fg_configuration_bytes(FG_SPIN1, &me->plan.lattice), fit = BATCH_BYTES / bytes;
    me->batch = fit < 1 ? 1 : fit > MOST_IN_BATCH ? MOST_IN_BATCH : (uint32_t)fit;
    return FG_OK;
  }
  return me->host->fail_param(me->host, "path", "%s: %s", c->path, fault);
}

static fg_status open_stream(source *me) {
  fg_error error = {0};
  if (fg_stream_open(me->config->path, &me->stream, &error) != FG_OK)
    return me->host->fail_param(me->host, "path", "%s", error.text);
  uint32_t count;
  const fg_stream_content *contents = fg_stream_contents(me->stream, &count);
  if (count == 0) return me->host->fail_param(me->host, "path", "%s holds no configurations", me->config->path);
  for (uint32_t i = 1; i < count; i++)
    if (contents[i].element != contents[0].element)
      return me->host->fail_param(me->host, "path", "%s mixes elements of different types", me->config->path);
  if (count > FG_MAX_SHAPES)
    return me->host->fail_param(me->host, "path", "%s holds %" PRIu32 " lattices; at most %u", me->config->path, count,
                                FG_MAX_SHAPES);
  return FG_OK;
}

static fg_status open_file(source *me) {
  const char *path = me->config->path;
  FILE *file = fopen(path, "rb");
  if (!file) {
    char hint[300];
    int cause = errno;
    suggest_file(path, hint);
    return me->host->fail_param(me->host, "path", "cannot open %s: %s%s", path, strerror(cause), hint);
  }
  char magic[8] = {0};
  size_t length = fread(magic, 1, sizeof magic, file);
  fclose(file);
  if (length == 8 && memcmp(magic, "fngrain\n", 8) == 0) return open_stream(me);
  if (length >= 6 && memcmp(magic, "\x93NUMPY", 6) == 0) return open_array(me, 1);
  if (length == 8 && memcmp(magic, "\x89HDF\r\n\x1a\n", 8) == 0) return open_array(me, 0);
  return me->host->fail_param(me->host, "path", "%s is no stream file (.fgs), NumPy array (.npy) or HDF5 file", path);
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  source *me = calloc(1, sizeof *me);
  if (!me) return host->fail(host, "out of memory");
  me->host = host;
  me->config = given;
  fg_status status = open_file(me);
  if (status == FG_OK)
    *self = me;
  else
    destroy(me);
  return status;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const source *me = self;
  (void)inputs;
  fg_format *format = outputs[0];
  if (me->stream) {
    uint32_t count;
    const fg_stream_content *contents = fg_stream_contents(me->stream, &count);
    format->element = contents[0].element;
    format->configurations = contents[0].configurations;
    for (uint32_t i = 0; i < count; i++) format->shapes[format->shape_count++] = contents[i].lattice;
    format->batch = fg_stream_largest_batch(me->stream);
    *memory = fg_stream_batches(me->stream) * 16;
    return FG_OK;
  }
  format->element = FG_SPIN1;
  format->shape_count = 1;
  format->shapes[0] = me->plan.lattice;
  format->configurations = me->plan.configurations;
  format->batch = me->batch;
  *memory = me->batch * me->plan.rows * me->plan.row_bytes;
  return FG_OK;
}

// ---- reading

static void say(source *me) {
  if (me->said) return;
  me->said = 1;
  if (!me->stream) {
    char size[96];
    snprintf(size, sizeof size, "%" PRIu64 "×%" PRIu64, me->plan.lattice.extent[0], me->plan.lattice.extent[1]);
    me->host->log(me->host, FG_LOG_INFO, "reading %" PRIu64 " configurations of %s from %s (%s)",
                  me->plan.configurations, size, me->config->path, array_words(&me->plan));
    return;
  }
  uint32_t count;
  const fg_stream_content *contents = fg_stream_contents(me->stream, &count);
  if (fg_stream_recovered(me->stream)[0])
    me->host->log(me->host, FG_LOG_WARNING, "%s: %s", me->config->path, fg_stream_recovered(me->stream));
  for (uint32_t i = 0; i < count; i++) {
    char size[96];
    fg_lattice_name(&contents[i].lattice, size);
    me->host->log(me->host, FG_LOG_INFO, "reading %" PRIu64 " configurations of size %s, level %" PRId32 " from %s",
                  contents[i].configurations, size, contents[i].level, me->config->path);
  }
}

static fg_status produce_stream(source *me) {
  fg_error error = {0};
  fg_batch *batch = NULL;
  fg_status status = fg_stream_next(me->stream, &batch, &error);
  if (status == FG_FAILED) return me->host->fail(me->host, "%s: %s", me->config->path, error.text);
  if (status == FG_DONE) return FG_DONE;
  // The batch was made by this plugin's own copy of the decoder; the host's batches are its own.
  fg_batch *copy = batch->rows == fg_lattice_rows(&batch->lattice)
                       ? me->host->batch_new(me->host, batch->element, &batch->lattice, batch->count)
                       : me->host->slab_new(me->host, batch->element, &batch->lattice, batch->first_row, batch->rows);
  if (copy) {
    memcpy(copy->data, batch->data, batch->count * batch->rows * batch->row_bytes);
    copy->first = batch->first;
    copy->level = batch->level;
    copy->chain = batch->chain;
    copy->coupling = batch->coupling;
  }
  fg_batch_unref(batch);
  return copy ? me->host->emit_batch(me->host, 0, copy) : FG_FAILED;
}

static fg_status produce_array(source *me) {
  uint64_t left = me->plan.configurations - me->next, each = me->plan.rows * me->plan.row_bytes;
  if (left == 0) return FG_DONE;
  uint32_t count = left < me->batch ? (uint32_t)left : me->batch;
  char fault[256] = "";
  uint8_t *bytes = malloc(count * each);
  fg_batch *batch = bytes ? me->host->batch_new(me->host, FG_SPIN1, &me->plan.lattice, count) : NULL;
  fg_status status = FG_OK;
  if (!bytes)
    status = me->host->fail(me->host, "out of memory");
  else if (!batch)
    status = FG_FAILED;
  else if (!me->array.read(me->array.handle, me->next, count, bytes, fault) ||
           !array_convert(&me->plan, bytes, me->next, batch, fault))
    status = me->host->fail_param(me->host, "path", "%s: %s", me->config->path, fault);
  free(bytes);
  if (status != FG_OK) {
    if (batch) me->host->batch_unref(me->host, batch);
    return status;
  }
  batch->first = me->next;
  if (me->config->coupling > UNKNOWN_COUPLING) batch->coupling = me->config->coupling;
  me->next += count;
  return me->host->emit_batch(me->host, 0, batch);
}

static fg_status produce(void *self) {
  source *me = self;
  say(me);
  return me->stream ? produce_stream(me) : produce_array(me);
}

static fg_status save(void *self, const fg_writer *writer) {
  const source *me = self;
  uint64_t next = me->stream ? fg_stream_position(me->stream) : me->next;
  return writer->write(writer, &next, sizeof next);
}

static fg_status restore(void *self, const fg_reader *reader) {
  source *me = self;
  uint64_t next = 0;
  if (reader->read(reader, &next, sizeof next) != FG_OK) return me->host->fail(me->host, "the checkpoint is cut off");
  if (next > (me->stream ? fg_stream_batches(me->stream) : me->plan.configurations))
    return me->host->fail(me->host, "the checkpoint lies beyond the file's end; has it changed?");
  me->next = next;
  if (me->stream) fg_stream_seek(me->stream, next);
  return FG_OK;
}

// ---- descriptor

static const char *const layouts[] = {"auto", "plain", "packed", NULL};
static const char *const values_names[] = {"auto", "zero-one", "plus-minus", NULL};
static const char *const orders[] = {"big", "little", NULL};
static const char *const width_names[] = {"auto=0", NULL};
static const char *const coupling_names[] = {"unknown=-1e300", "critical=0.44068679350977147", NULL};
#define PARAM(field, kind, ...)                                                                                        \
  static const fg_param param_##field = {.size = sizeof(fg_param),                                                     \
                                         .type = kind,                                                                 \
                                         .offset = offsetof(config, field),                                            \
                                         .name = #field,                                                               \
                                         .unit = "1",                                                                  \
                                         __VA_ARGS__}
PARAM(path, FG_PARAM_PATH, .doc = "The file; relative to the pipeline's file.");
PARAM(dataset, FG_PARAM_TEXT, .def = "",
      .doc = "HDF5: the data set's path in the file; empty: the only one of two or three axes.");
PARAM(layout, FG_PARAM_CHOICE, .def = "auto", .choices = layouts,
      .doc = "Arrays: a byte a spin, or eight spins a byte along the last axis; auto tells from values and shape.");
PARAM(values, FG_PARAM_CHOICE, .def = "auto", .choices = values_names,
      .doc = "Plain arrays: spins as 0/1 or as ±1; auto tells from the values.");
PARAM(bit_order, FG_PARAM_CHOICE, .def = "big", .choices = orders,
      .doc = "Packed arrays: whether the first spin is a byte's highest bit, as numpy.packbits writes, or its lowest.");
PARAM(width, FG_PARAM_INTEGER, .def = "auto", .min = "1", .max = "1048576", .names = width_names,
      .doc = "Packed arrays: spins in a row; auto: as many as there are rows.");
PARAM(coupling, FG_PARAM_REAL, .def = "unknown", .names = coupling_names,
      .doc = "Arrays: coupling K the configurations were drawn at; stream files carry their own.");

static const fg_port output = {
    sizeof(fg_port), FG_BATCH, 0, 0, "configurations", "The file's configurations, in its order."};

static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .flags = 0,
    .kind = "source.file",
    .summary = "reads configurations from a stream file, a NumPy array or an HDF5 data set",
    .doc =
        "Takes finegrain's stream files (.fgs), replayed as they were recorded; NumPy's .npy and HDF5 data sets of uint8, int8 or bool with the axes "
        "(configurations, rows, columns), or (rows, columns) for one configuration. Arrays hold a byte a spin, 0/1 or ±1, or are bit-packed along the "
        "last axis. An array is one Markov chain at level 0; its file is streamed, not loaded.",
    .params = (const fg_param *const[]){&param_path, &param_dataset, &param_layout, &param_values, &param_bit_order,
                                        &param_width, &param_coupling, NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .produce = produce,
    .save = save,
    .restore = restore,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "file", .version = "0.1.0", .license = "MIT",
                                    .stages = (const fg_stage *const[]){&stage, NULL}};
