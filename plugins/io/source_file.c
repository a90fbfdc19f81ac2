// source_file.c — source.file: configurations from stream files (.fgs), NumPy arrays and HDF5 data sets. What a file is
// shows in its first bytes, never in its name.
#include "array.h"
#include "hdf5_file.h"
#include "npy.h"

#include "core/message.h"
#include "core/stream_file.h"
#include "finegrain/estimates.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
  byte_array array;         ///< an array, as `plan` says, emitted in
  array_plan plan;
  uint32_t together;     ///< configurations a batch, or, when they are too large for one,
  uint64_t slabs;        ///< slabs a configuration of
  uint64_t slab_rows;    ///< rows each
  uint64_t pieces, next; ///< batches or slabs there are, and the next one
  int said;              ///< what is read has been logged
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

/// How the array is cut: batches of whole configurations, or slabs of those that the host would cut anyway.
static void cut_array(source *me) {
  uint64_t bytes = fg_configuration_bytes(me->plan.element, &me->plan.lattice), fit = BATCH_BYTES / bytes;
  me->together = fit < 1 ? 1 : fit > MOST_IN_BATCH ? MOST_IN_BATCH : (uint32_t)fit;
  me->slab_rows = bytes > FG_SLAB_BYTES ? fg_slab_rows(me->plan.element, &me->plan.lattice) : me->plan.rows;
  me->slabs = (me->plan.rows - 1) / me->slab_rows + 1;
  me->pieces = me->slabs > 1 ? me->plan.configurations * me->slabs : (me->plan.configurations - 1) / me->together + 1;
}

static fg_status open_array(source *me, int numpy) {
  const config *c = me->config;
  fg_error error = {0};
  array_wish wish = {c->layout, c->values, c->bit_order, c->width};
  if (numpy && c->dataset[0])
    return me->host->fail_param(me->host, "dataset", "%s is a NumPy file, which holds one array; leave dataset out",
                                c->path);
  fg_status status =
      numpy ? npy_open(c->path, &me->array, &error) : hdf5_open(me->host, c->path, c->dataset, &me->array, &error);
  if (status == FG_OK) status = array_look(&me->array, &wish, &me->plan, &error);
  if (status != FG_OK) return me->host->fail_param(me->host, "path", "%s: %s", c->path, error.text);
  cut_array(me);
  return FG_OK;
}

/// A stream file says all this itself; a wish that would not be heard is refused.
static fg_status refuse_array_params(const source *me) {
  const config *c = me->config;
  const char *param = c->dataset[0]                    ? "dataset"
                      : c->layout != LAYOUT_AUTO       ? "layout"
                      : c->values != VALUES_AUTO       ? "values"
                      : c->bit_order != BITS_BIG       ? "bit_order"
                      : c->width != 0                  ? "width"
                      : c->coupling > UNKNOWN_COUPLING ? "coupling"
                                                       : NULL;
  if (!param) return FG_OK;
  return me->host->fail_param(me->host, param, "%s is a stream file, which says this itself; leave %s out", c->path,
                              param);
}

static fg_status open_stream(source *me) {
  fg_error error = {0};
  if (refuse_array_params(me) != FG_OK) return FG_FAILED;
  if (fg_stream_open(me->config->path, &me->stream, &error) != FG_OK)
    return me->host->fail_param(me->host, "path", "%s: %s", me->config->path, error.text);
  uint32_t count;
  const fg_stream_content *contents = fg_stream_contents(me->stream, &count);
  if (count == 0) return me->host->fail_param(me->host, "path", "%s holds no configurations", me->config->path);
  for (uint32_t i = 1; i < count; i++)
    if (contents[i].element != contents[0].element)
      return me->host->fail_param(me->host, "path", "%s mixes elements of different types", me->config->path);
  return FG_OK;
}

/// Tells folders and the like before opening, which might wait for a pipe's other end.
static fg_status check_file(const source *me) {
  const char *path = me->config->path;
  struct stat info;
  if (stat(path, &info) != 0) {
    char hint[300];
    int cause = errno;
    suggest_file(path, hint);
    return me->host->fail_param(me->host, "path", "cannot open %s: %s%s", path, strerror(cause), hint);
  }
  if (!S_ISREG(info.st_mode))
    return me->host->fail_param(me->host, "path", "%s is %s, not a file", path,
                                S_ISDIR(info.st_mode) ? "a folder" : "a pipe or device");
  return info.st_size ? FG_OK : me->host->fail_param(me->host, "path", "%s is empty", path);
}

static fg_status open_file(source *me) {
  const char *path = me->config->path;
  if (check_file(me) != FG_OK) return FG_FAILED;
  FILE *file = fopen(path, "rb");
  if (!file) return me->host->fail_param(me->host, "path", "cannot open %s: %s", path, strerror(errno));
  char magic[8] = {0};
  size_t length = fread(magic, 1, sizeof magic, file);
  fclose(file);
  if (length == 8 && memcmp(magic, "fngrain\n", 8) == 0) return open_stream(me);
  if (length >= 6 && memcmp(magic, "\x93NUMPY", 6) == 0) return open_array(me, 1);
  if (length == 8 && memcmp(magic, "\x89HDF\r\n\x1a\n", 8) == 0) return open_array(me, 0);
  if (length >= 4 && memcmp(magic, "PK\3\4", 4) == 0)
    return me->host->fail_param(me->host, "path",
                                "%s is a zip archive; save one array with numpy.save, not numpy.savez", path);
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

/// The lattices of a stream file, each once though it may occur at several levels.
static fg_status stream_format(const source *me, fg_format *format) {
  uint32_t count;
  const fg_stream_content *contents = fg_stream_contents(me->stream, &count);
  format->element = contents[0].element;
  format->configurations = contents[0].configurations;
  format->batch = fg_stream_largest_batch(me->stream);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t known = 0;
    while (known < format->shape_count && !fg_lattice_equal(&format->shapes[known], &contents[i].lattice)) known++;
    if (known == FG_MAX_SHAPES)
      return me->host->fail_param(me->host, "path", "%s holds more than %u lattices", me->config->path, FG_MAX_SHAPES);
    format->shapes[known] = contents[i].lattice;
    if (known == format->shape_count) format->shape_count++;
  }
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const source *me = self;
  (void)inputs;
  fg_format *format = outputs[0];
  if (me->stream) {
    *memory = fg_stream_batches(me->stream) * 16;
    return stream_format(me, format);
  }
  format->element = me->plan.element;
  format->shape_count = 1;
  format->shapes[0] = me->plan.lattice;
  format->configurations = me->plan.configurations;
  format->batch = me->together;
  *memory = me->together * me->slab_rows * me->plan.row_bytes + me->array.memory_bytes;
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

/// Fills a batch or slab whose place in the array is set.
static fg_status read_piece(source *me, fg_batch *batch) {
  uint64_t first_row = batch->first * me->plan.rows + batch->first_row, rows = batch->count * batch->rows;
  uint8_t *bytes = malloc(rows * me->plan.row_bytes);
  fg_error error = {0};
  if (!bytes) return me->host->fail(me->host, "out of memory");
  fg_status status = me->array.read(me->array.handle, first_row, rows, bytes, &error);
  if (status == FG_OK) status = array_to_batch(&me->plan, bytes, batch->first, batch, &error);
  free(bytes);
  return status == FG_OK ? FG_OK : me->host->fail_param(me->host, "path", "%s: %s", me->config->path, error.text);
}

static fg_status produce_array(source *me) {
  if (me->next == me->pieces) return FG_DONE;
  uint64_t first = me->slabs > 1 ? me->next / me->slabs : me->next * me->together;
  uint64_t first_row = me->slabs > 1 ? me->next % me->slabs * me->slab_rows : 0;
  uint64_t left = me->plan.configurations - first, rows_left = me->plan.rows - first_row;
  fg_batch *batch = me->slabs > 1 ? me->host->slab_new(me->host, me->plan.element, &me->plan.lattice, first_row,
                                                       rows_left < me->slab_rows ? rows_left : me->slab_rows)
                                  : me->host->batch_new(me->host, me->plan.element, &me->plan.lattice,
                                                        left < me->together ? (uint32_t)left : me->together);
  if (!batch) return FG_FAILED;
  batch->first = first;
  if (me->config->coupling > UNKNOWN_COUPLING) batch->coupling = me->config->coupling;
  fg_status status = read_piece(me, batch);
  if (status != FG_OK) {
    me->host->batch_unref(me->host, batch);
    return status;
  }
  me->next++;
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
  if (next > (me->stream ? fg_stream_batches(me->stream) : me->pieces))
    return me->host->fail(me->host, "the checkpoint lies beyond the file's end; has it changed?");
  me->next = next;
  if (me->stream) fg_stream_seek(me->stream, next);
  return FG_OK;
}

// ---- descriptor

static const char *const layouts[] = {"auto", "plain", "packed", NULL};
static const char *const values_names[] = {"auto", "zero-one", "plus-minus", "states", NULL};
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
      .doc = "HDF5: the data set's path in the file; empty: the only one of 8-bit elements and two or three axes.");
PARAM(layout, FG_PARAM_CHOICE, .def = "auto", .choices = layouts,
      .doc = "Arrays: a byte a spin, or eight spins a byte along the last axis; auto tells from values and shape.");
PARAM(values, FG_PARAM_CHOICE, .def = "auto", .choices = values_names,
      .doc = "Plain arrays: spins as 0/1 or as ±1, or states of a site, 0 to 255; auto tells spins from the values.");
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
