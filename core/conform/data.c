// data.c — see data.h.
#include "conform/data.h"

#include "message.h"
#include "model_file.h"
#include "stream_file.h"

#include <limits.h>
#include <string.h>

#define COUPLING 0.44 // that the configurations are said to be drawn at
#define UP 0.6        // probability of an up spin
#define STATES 3u     // of a site
#define MODEL_NETWORK "network.symmetric"
#define MODEL_HYPERPARAMETERS "{\"kernel\":3}"

/// The 3 parameters trained at L=128 on 10⁶ configurations: A. Rançon et al., arXiv:2506.04016.
static const double weights_of_model[] = {0.5491937, 0.6278734, 1.393981};

#define SQUARE(height, width)                                                                                          \
  {                                                                                                                    \
    FG_SQUARE, 2, { height, width, 0, 0 }                                                                              \
  }
static const struct {
  const char *name;
  uint32_t count;
  fg_lattice shapes[4];
} lattices[FG_FEED_LATTICES] = {
    {"8x8", 1, {SQUARE(8, 8)}},
    {"12x12", 1, {SQUARE(12, 12)}}, // what 8 does not divide by
    {"16x16", 1, {SQUARE(16, 16)}},
    {"4x4", 1, {SQUARE(4, 4)}},
    {"2x2", 1, {SQUARE(2, 2)}},
    {"1x1", 1, {SQUARE(1, 1)}},
    {"12x70", 1, {SQUARE(12, 70)}}, // rows of two words, the second half empty
    {"4x4..32x32", 4, {SQUARE(4, 4), SQUARE(8, 8), SQUARE(16, 16), SQUARE(32, 32)}},
    {"triangular-8x8", 1, {{FG_TRIANGULAR, 2, {8, 8, 0, 0}}}},
    {"chain-16", 1, {{FG_CHAIN, 1, {16, 0, 0, 0}}}},
    {"cubic-4x4x4", 1, {{FG_CUBIC, 3, {4, 4, 4, 0}}}},
    {"hypercubic-2x2x2x2", 1, {{FG_HYPERCUBIC, 4, {2, 2, 2, 2}}}},
};

static const struct {
  uint32_t element;
  const char *name;
} elements[FG_FEED_ELEMENTS] = {{FG_SPIN1, "spins"}, {FG_STATE8, "states"}, {FG_FIELD32, "fields"}};

/// Which batch ports get lattices of half the size: none, all but the first, the first alone.
enum { PAIR_SAME, PAIR_HALF_LATER, PAIR_HALF_FIRST };

const char *fg_feed_lattice_name(uint32_t lattice) { return lattices[lattice].name; }
const char *fg_feed_element_name(uint32_t element) { return elements[element].name; }

// --- ports ----------------------------------------------------------------------------------------------------------

bool fg_feed_has_batches(const fg_stage *stage, uint32_t least) {
  uint32_t count = 0;
  for (uint32_t p = 0; stage->inputs[p]; p++) count += (stage->inputs[p]->kinds & FG_BATCH) != 0;
  return count >= least;
}

/// A port that takes configurations or something else is given configurations.
static bool takes_model(const fg_port *port) { return !(port->kinds & FG_BATCH) && (port->kinds & FG_MODEL); }

bool fg_feed_has_models(const fg_stage *stage) {
  bool any = false;
  for (uint32_t p = 0; stage->inputs[p]; p++) any |= takes_model(stage->inputs[p]);
  return any;
}

bool fg_feed_has_optional(const fg_stage *stage) {
  bool any = false;
  for (uint32_t p = 0; stage->inputs[p]; p++) any |= (stage->inputs[p]->flags & FG_PORT_OPTIONAL) != 0;
  return any;
}

bool fg_feed_connects(const fg_stage *stage, const fg_feed *feed, uint32_t port) {
  return !feed->unconnected || !(stage->inputs[port]->flags & FG_PORT_OPTIONAL);
}

static bool is_half(const fg_stage *stage, const fg_feed *feed, uint32_t port) {
  uint32_t before = 0;
  for (uint32_t p = 0; p < port; p++) before += (stage->inputs[p]->kinds & FG_BATCH) != 0;
  return feed->pairing == (before ? PAIR_HALF_LATER : PAIR_HALF_FIRST);
}

/// What the feed says, or the first element the port takes.
static uint32_t element_of(const fg_port *port, const fg_feed *feed) {
  uint32_t wanted = elements[feed->element].element;
  if (!port->elements || port->elements & 1u << wanted) return wanted;
  for (uint32_t e = 0; e < FG_FEED_ELEMENTS; e++)
    if (port->elements & 1u << elements[e].element) return elements[e].element;
  return wanted;
}

bool fg_feed_format(const fg_case *c, const fg_feed *feed, uint32_t port, uint32_t batch, fg_format *format) {
  const fg_stage *stage = &c->entry->stage;
  const fg_port *p = stage->inputs[port];
  *format = (fg_format){.size = sizeof(fg_format)};
  if (takes_model(p)) {
    const char *network = c->options->model ? c->options->model->network : MODEL_NETWORK;
    if (!fg_registry_find(c->registry, network)) return false;
    format->kind = FG_MODEL;
    snprintf(format->network, sizeof format->network, "%s", network);
    format->has_weights = feed->model == 0;
    return true;
  }
  format->kind = p->kinds & FG_BATCH ? FG_BATCH : FG_TABLE;
  if (format->kind == FG_TABLE) return true;
  format->element = element_of(p, feed);
  if (feed->element && format->element != elements[feed->element].element) return false;
  format->shape_count = lattices[feed->lattice].count;
  format->configurations = FG_FEED_CONFIGURATIONS;
  format->batch = batch;
  for (uint32_t s = 0; s < format->shape_count; s++) {
    format->shapes[s] = lattices[feed->lattice].shapes[s];
    for (uint32_t d = 0; is_half(stage, feed, port) && d < format->shapes[s].dims; d++) {
      if (format->shapes[s].extent[d] % 2) return false;
      format->shapes[s].extent[d] /= 2;
    }
  }
  return true;
}

// --- configurations -------------------------------------------------------------------------------------------------

/// Bits of a site: splitmix64's finaliser (Steele, Lea, Flood, OOPSLA 2014) of a number that no two sites share.
static uint64_t site_bits(uint32_t shape, uint64_t configuration, uint64_t site) {
  uint64_t x = (((uint64_t)shape << 20 | configuration) << 32 | site) + UINT64_C(0x9E3779B97F4A7C15);
  x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
  return x ^ x >> 31;
}

/// The site of the lattice `stride` times as large that site (row y, column x) lies on.
static uint64_t site_of(const fg_lattice *lattice, uint64_t y, uint64_t x, uint64_t stride) {
  uint64_t site = x * stride, block = fg_lattice_width(lattice) * stride;
  for (uint32_t d = lattice->dims - 1; d-- > 0;) {
    site += y % lattice->extent[d] * stride * block;
    y /= lattice->extent[d];
    block *= lattice->extent[d] * stride;
  }
  return site;
}

static void set_site(fg_batch *batch, uint64_t i, uint64_t y, uint64_t x, uint64_t bits) {
  const double uniform = (double)(bits >> 11) * 0x1p-53;
  void *row = fg_batch_row_mut(batch, i, y);
  if (batch->element == FG_SPIN1)
    fg_bit_set(row, x, uniform < UP);
  else if (batch->element == FG_STATE8)
    ((uint8_t *)row)[x] = (uint8_t)(uniform * STATES);
  else
    ((float *)row)[x] = (float)(2 * uniform - 1);
}

void fg_feed_fill(const fg_stage *stage, const fg_feed *feed, uint32_t port, uint32_t shape, fg_batch *batch) {
  const bool half = is_half(stage, feed, port);
  batch->level = (int32_t)shape - half;
  batch->coupling = COUPLING;
  for (uint32_t i = 0; i < batch->count; i++)
    for (uint64_t y = 0; y < batch->rows; y++)
      for (uint64_t x = 0; x < fg_lattice_width(&batch->lattice); x++)
        set_site(batch, i, y, x,
                 site_bits(shape, batch->first + i, site_of(&batch->lattice, batch->first_row + y, x, half ? 2 : 1)));
}

void fg_feed_model(const fg_case *c, const fg_feed *feed, fg_model *model) {
  const uint64_t count = sizeof weights_of_model / sizeof *weights_of_model;
  const fg_model symmetric = {sizeof symmetric, 0, MODEL_NETWORK, MODEL_HYPERPARAMETERS, count, weights_of_model};
  *model = c->options->model ? *c->options->model : symmetric;
  if (feed->model != 0) model->weight_count = 0;
}

// --- files ----------------------------------------------------------------------------------------------------------

static const char *const file_names[FG_FEED_FILES] = {"check.fgs", "check.json", "check.txt"};

const char *fg_feed_file(const char *folder, uint32_t index, char *path, size_t size) {
  snprintf(path, size, "%s/%s", folder, file_names[index]);
  return path;
}

static fg_status write_stream(const char *path, fg_error *error) {
  static const fg_port spins = {.size = sizeof(fg_port), .kinds = FG_BATCH, .elements = 1u << FG_SPIN1};
  const fg_stage stage = {.inputs = (const fg_port *const[]){&spins, NULL}};
  const fg_feed feed = {0};
  fg_stream_writer *stream = NULL;
  fg_packet *packet = NULL;
  fg_batch *batch = fg_batch_create(FG_SPIN1, &lattices[0].shapes[0], FG_FEED_CONFIGURATIONS, 0, 8);
  if (!batch) return fg_error_set(error, "out of memory");
  fg_feed_fill(&stage, &feed, 0, 0, batch);
  fg_status status = fg_packet_encode(batch, 1, &packet, error);
  if (status == FG_OK) status = fg_stream_create(path, &stream, error);
  if (status == FG_OK) status = fg_stream_append(stream, packet, error);
  if (status == FG_OK)
    status = fg_stream_finish(stream, error);
  else if (stream)
    fg_stream_abandon(stream);
  fg_packet_unref(packet);
  fg_batch_unref(batch);
  return status;
}

static fg_status write_model(const char *path, fg_error *error) {
  fg_model *model = fg_model_create(MODEL_NETWORK, MODEL_HYPERPARAMETERS, weights_of_model,
                                    sizeof weights_of_model / sizeof *weights_of_model);
  if (!model) return fg_error_set(error, "out of memory");
  fg_status status = fg_model_file_write(path, model, NULL, error);
  fg_model_unref(model);
  return status;
}

/// Eight configurations of 8×8, one a line: 0 and 1.
static fg_status write_text(const char *path, fg_error *error) {
  FILE *file = fopen(path, "w");
  if (!file) return fg_error_set(error, "cannot write %s", path);
  for (uint32_t i = 0; i < 8; i++) {
    for (uint32_t site = 0; site < 64; site++) fputc(site_bits(0, i, site) >> 63 ? '1' : '0', file);
    fputc('\n', file);
  }
  return fclose(file) == 0 ? FG_OK : fg_error_set(error, "cannot write %s", path);
}

fg_status fg_feed_write_files(const char *folder, fg_error *error) {
  char path[PATH_MAX];
  fg_status status = write_stream(fg_feed_file(folder, 0, path, sizeof path), error);
  if (status == FG_OK) status = write_model(fg_feed_file(folder, 1, path, sizeof path), error);
  if (status == FG_OK) status = write_text(fg_feed_file(folder, 2, path, sizeof path), error);
  return status;
}
