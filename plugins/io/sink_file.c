// sink_file.c — sink.file: writes configurations as a stream file (.fgs), a NumPy array or an HDF5 data set, which
// source.file reads back bit for bit. No more than one batch is held: an array's rows follow a head of fixed length,
// which is written again when their number is known.
#include "array.h"
#include "hdf5_head.h"
#include "names.h"
#include "npy.h"

#include "core/diagnostics.h"
#include "core/message.h"
#include "core/stream_file.h"
#include "finegrain/estimates.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ZSTD_LEVEL 1 ///< of stream files, as the runtime records them

enum { FORMAT_AUTO, FORMAT_FGS, FORMAT_NPY, FORMAT_HDF5 };
enum { WRITE_PLAIN, WRITE_PACKED };
enum { WRITE_ZERO_ONE, WRITE_PLUS_MINUS };

typedef struct config {
  const char *path;
  int32_t format, layout, values;
  const char *size;
} config;

typedef struct sink {
  const fg_host *host;
  const config *config;
  int32_t format;
  int begun; ///< the file has been begun
  fg_stream_writer *stream;
  int file;                ///< of an array; -1: none
  array_plan plan;         ///< of the array
  uint64_t head_bytes;     ///< before the array's rows
  uint64_t configurations; ///< begun so far
  uint64_t next_row;       ///< of the configuration whose slabs are arriving; otherwise 0
  uint64_t sequence;
} sink;

static void destroy(void *self) {
  sink *me = self;
  fg_stream_abandon(me->stream);
  if (me->file >= 0) close(me->file);
  free(me);
}

// ---- before the run

static int ends_in(const char *text, const char *ending) {
  size_t length = strlen(text), tail = strlen(ending);
  return length > tail && strcmp(text + length - tail, ending) == 0;
}

/// Why a path is not one of a file in the stage's folder; NULL when it is. The host looks again when the file is begun.
static const char *path_fault(const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
  if (path[0] == '/') return "is absolute; the file stays in the stage's output folder, so give its name there";
  if (!base[0] || strcmp(base, ".") == 0) return "names no file";
  for (const char *c = path; *c; c++)
    if ((unsigned char)*c < ' ' || *c == 127) return "has a control character";
  for (const char *part = path; part; part = strchr(part, '/')) {
    part += *part == '/';
    if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2]))
      return "climbs out with '..'; the file stays in the stage's output folder";
  }
  return NULL;
}

static fg_status choose_format(sink *me) {
  const fg_host *host = me->host;
  const config *c = me->config;
  const char *fault = path_fault(c->path);
  if (fault) return host->fail_param(host, "path", "'%s' %s", c->path, fault);
  me->format = c->format != FORMAT_AUTO                               ? c->format
               : ends_in(c->path, ".fgs")                             ? FORMAT_FGS
               : ends_in(c->path, ".npy")                             ? FORMAT_NPY
               : ends_in(c->path, ".h5") || ends_in(c->path, ".hdf5") ? FORMAT_HDF5
                                                                      : FORMAT_AUTO;
  if (me->format == FORMAT_AUTO)
    return host->fail_param(host, "path",
                            "the ending of '%s' tells no format; end it in .fgs, .npy, .h5 or .hdf5, "
                            "or set format",
                            c->path);
  if (me->format == FORMAT_FGS && c->layout != WRITE_PLAIN)
    return host->fail_param(host, "layout", "stream files have a layout of their own; leave layout out");
  if (me->format == FORMAT_FGS && c->values != WRITE_ZERO_ONE)
    return host->fail_param(host, "values", "stream files hold spins as bits; leave values out");
  if (c->layout == WRITE_PACKED && c->values != WRITE_ZERO_ONE)
    return host->fail_param(host, "values", "packed spins are bits; leave values out with layout: packed");
  return FG_OK;
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  sink *me = calloc(1, sizeof *me);
  if (!me) return host->fail(host, "out of memory");
  *me = (sink){.host = host, .config = given, .file = -1};
  fg_status status = choose_format(me);
  if (status == FG_OK)
    *self = me;
  else
    destroy(me);
  return status;
}

static int is_kept(const sink *me, const fg_lattice *lattice) {
  char name[96];
  fg_lattice_name(lattice, name);
  return strcmp(me->config->size, "all") == 0 || strcmp(me->config->size, name) == 0;
}

/// The one lattice of the array, and how its sites become bytes.
static fg_status plan_array(sink *me, const fg_lattice *lattice, uint32_t element) {
  static const char *const shapes[] = {"unknown", "chain", "square", "triangular", "cubic", "hypercubic"};
  const fg_host *host = me->host;
  const config *c = me->config;
  if (lattice->shape != FG_SQUARE)
    return host->fail(host, "arrays hold square lattices, and a %s one arrives; write a stream file (.fgs)",
                      shapes[lattice->shape <= FG_HYPERCUBIC ? lattice->shape : 0]);
  if (element == FG_FIELD32)
    return host->fail(host, "arrays hold spins or states, and fields arrive; write a stream file (.fgs)");
  if (element == FG_STATE8 && c->layout == WRITE_PACKED)
    return host->fail_param(host, "layout", "states take a byte each; packed is for spins");
  if (element == FG_STATE8 && c->values != WRITE_ZERO_ONE)
    return host->fail_param(host, "values", "states are written as they are; plus-minus is for spins");
  uint64_t width = fg_lattice_width(lattice);
  me->plan = (array_plan){.lattice = *lattice,
                          .element = element,
                          .packed = c->layout == WRITE_PACKED,
                          .plus_minus = c->values == WRITE_PLUS_MINUS,
                          .is_signed = c->values == WRITE_PLUS_MINUS,
                          .bit_order = BITS_BIG,
                          .rows = fg_lattice_rows(lattice),
                          .row_bytes = c->layout == WRITE_PACKED ? (width + 7) / 8 : width};
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  sink *me = self;
  const fg_format *format = inputs[0];
  char names[FG_MAX_SHAPES][96], text[700];
  const char *pointers[FG_MAX_SHAPES];
  const fg_lattice *kept = NULL;
  uint32_t kept_count = 0;
  (void)outputs;
  for (uint32_t s = 0; s < format->shape_count; s++) {
    fg_lattice_name(&format->shapes[s], names[s]);
    pointers[s] = names[s];
    if (!is_kept(me, &format->shapes[s])) continue;
    kept = &format->shapes[s];
    kept_count++;
  }
  if (kept_count == 0)
    return me->host->fail_param(me->host, "size", "no lattice of size %s arrives%s", me->config->size,
                                fg_suggest(text, sizeof text, me->config->size, pointers, format->shape_count));
  *memory = 8 * FG_SLAB_BYTES;
  if (me->format == FORMAT_FGS) return FG_OK;
  if (kept_count > 1)
    return me->host->fail_param(
        me->host, "size",
        "an array holds one lattice, and %u arrive (%s); keep one with size, or write a stream file (.fgs)", kept_count,
        names_joined(text, sizeof text, pointers, format->shape_count));
  return plan_array(me, kept, format->element);
}

// ---- writing

static fg_status fail_file(const sink *me, const char *what) {
  return me->host->fail(me->host, "%s: %s", me->config->path, what);
}

static fg_status write_at(const sink *me, const uint8_t *bytes, uint64_t count, off_t offset) {
  for (uint64_t done = 0; done < count;) {
    ssize_t n = offset < 0 ? write(me->file, bytes + done, count - done)
                           : pwrite(me->file, bytes + done, count - done, offset + (off_t)done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_file(me, strerror(errno));
    done += (uint64_t)n;
  }
  return FG_OK;
}

/// The head of the array's file: at its beginning, to keep the place, or, once rows follow, over the one that is there.
static fg_status write_head(sink *me, uint64_t configurations) {
  array_plan plan = me->plan;
  array_head head = {NULL, 0};
  fg_error error = {0};
  plan.configurations = configurations;
  if ((me->format == FORMAT_NPY ? npy_head(&plan, &head, &error) : hdf5_head(me->host, &plan, &head, &error)) != FG_OK)
    return fail_file(me, error.text);
  fg_status status;
  if (me->head_bytes && me->configurations && me->head_bytes != head.count)
    status = fail_file(me, "its head does not fit its place; this is a fault of the plugin");
  else
    status = write_at(me, head.bytes, head.count, me->head_bytes ? 0 : -1);
  me->head_bytes = head.count;
  free(head.bytes);
  return status;
}

static fg_status begin(sink *me) {
  if (me->begun) return FG_OK;
  const char *path = me->host->output_begin(me->host, me->config->path);
  fg_error error = {0};
  if (!path) return FG_FAILED;
  me->begun = 1;
  if (me->format == FORMAT_FGS)
    return fg_stream_create(path, &me->stream, &error) == FG_OK ? FG_OK : fail_file(me, error.text);
  me->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (me->file < 0) return fail_file(me, strerror(errno));
  return write_head(me, 1); // their number comes at the end
}

static fg_status write_stream(sink *me, const fg_batch *batch) {
  fg_batch numbered = *batch; // by its place in this file, not in the stream it was cut from
  fg_packet *packet = NULL;
  fg_error error = {0};
  numbered.sequence = me->sequence++;
  fg_status status = fg_packet_encode(&numbered, ZSTD_LEVEL, &packet, &error);
  if (status == FG_OK) status = fg_stream_append(me->stream, packet, &error);
  fg_packet_unref(packet);
  return status == FG_OK ? FG_OK : fail_file(me, error.text);
}

static fg_status write_array(const sink *me, const fg_batch *batch) {
  uint64_t count = batch->count * batch->rows * me->plan.row_bytes;
  uint8_t *bytes = malloc(count + 1);
  if (!bytes) return me->host->fail(me->host, "out of memory");
  array_from_batch(&me->plan, batch, bytes);
  fg_status status = write_at(me, bytes, count, -1);
  free(bytes);
  return status;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  sink *me = self;
  const fg_batch *batch = messages[0]->batch;
  (void)port;
  (void)count;
  if (!is_kept(me, &batch->lattice)) return FG_OK;
  if (batch->first_row != me->next_row)
    return me->host->fail(me->host, "configuration %" PRIu64 " goes on at row %" PRIu64 " instead of %" PRIu64,
                          batch->first, batch->first_row, me->next_row);
  if (batch->first_row == 0) me->configurations += batch->count;
  me->next_row = (batch->first_row + batch->rows) % fg_lattice_rows(&batch->lattice);
  fg_status status = begin(me);
  if (status != FG_OK) return status;
  return me->format == FORMAT_FGS ? write_stream(me, batch) : write_array(me, batch);
}

static fg_status finish_stream(sink *me) {
  fg_error error = {0};
  fg_stream_writer *stream = me->stream;
  me->stream = NULL; // freed also on failure
  return fg_stream_finish(stream, &error) == FG_OK ? FG_OK : fail_file(me, error.text);
}

static fg_status finish_array(sink *me) {
  fg_status status = write_head(me, me->configurations);
  int closed = close(me->file);
  me->file = -1;
  return status == FG_OK && closed != 0 ? fail_file(me, strerror(errno)) : status;
}

static fg_status flush(void *self) {
  sink *me = self;
  fg_status status = begin(me);
  if (status == FG_OK && me->next_row)
    status = me->host->fail(me->host, "the stream ends inside a configuration, at row %" PRIu64, me->next_row);
  if (status == FG_OK) status = me->format == FORMAT_FGS ? finish_stream(me) : finish_array(me);
  if (status == FG_OK) status = me->host->output_commit(me->host, me->config->path);
  if (status != FG_OK) return status;
  if (me->configurations == 0)
    me->host->log(me->host, FG_LOG_WARNING, "no configurations arrived; %s holds none", me->config->path);
  else if (me->format == FORMAT_FGS)
    me->host->log(me->host, FG_LOG_INFO, "wrote %" PRIu64 " configurations to %s", me->configurations,
                  me->config->path);
  else
    me->host->log(me->host, FG_LOG_INFO, "wrote %" PRIu64 " configurations of %" PRIu64 "×%" PRIu64 " to %s (%s)",
                  me->configurations, me->plan.lattice.extent[0], me->plan.lattice.extent[1], me->config->path,
                  array_words(&me->plan));
  return FG_OK;
}

// ---- descriptor

static const char *const formats[] = {"auto", "fgs", "npy", "hdf5", NULL};
static const char *const layouts[] = {"plain", "packed", NULL};
static const char *const values_names[] = {"zero-one", "plus-minus", NULL};
#define PARAM(field, kind, ...)                                                                                        \
  static const fg_param param_##field = {.size = sizeof(fg_param),                                                     \
                                         .type = kind,                                                                 \
                                         .offset = offsetof(config, field),                                            \
                                         .name = #field,                                                               \
                                         .unit = "1",                                                                  \
                                         __VA_ARGS__}
PARAM(path, FG_PARAM_TEXT, .doc = "The file, in the stage's output folder.");
PARAM(format, FG_PARAM_CHOICE, .def = "auto", .choices = formats,
      .doc = "Stream file, NumPy array or HDF5 data set; auto tells from the ending .fgs, .npy, .h5 or .hdf5.");
PARAM(layout, FG_PARAM_CHOICE, .def = "plain", .choices = layouts,
      .doc = "Arrays: a byte a spin, or eight spins a byte along the last axis, as numpy.packbits packs them.");
PARAM(values, FG_PARAM_CHOICE, .def = "zero-one", .choices = values_names,
      .doc = "Plain arrays: spins as uint8 0/1 or as int8 ±1.");
PARAM(size, FG_PARAM_TEXT, .def = "all",
      .doc = "Keeps only lattices of this size, written as in summary.csv: L, or LxM; all: every one.");

static const fg_port input = {sizeof(fg_port), FG_BATCH, 0, FG_PORT_MANY, "configurations", "What is written."};

static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .flags = FG_STAGE_SLABS,
    .kind = "sink.file",
    .summary = "writes configurations to a stream file, a NumPy array or an HDF5 data set",
    .doc =
        "Writes RUN/STAGE/PATH, whole or not at all. A stream file (.fgs) keeps everything: several lattices, levels, chains, couplings, any element. "
        "An array holds configurations of one square lattice, in the order they arrive, with the axes (configurations, rows, columns); states are "
        "written as uint8, and an HDF5 data set is called `configurations`. source.file reads all of them back bit for bit, states with `values: "
        "states`.",
    .params = (const fg_param *const[]){&param_path, &param_format, &param_layout, &param_values, &param_size, NULL},
    .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .flush = flush,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "file-sink", .version = "0.1.0", .license = "MIT",
                                    .stages = (const fg_stage *const[]){&stage, NULL}};
