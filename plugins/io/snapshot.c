// snapshot.c — sink.snapshot: pictures of chosen configurations. A dream's levels side by side, each enlarged to the same
// height, are its zoom from one spin to the full lattice.
#include "painter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRIP, SEPARATE };
#define MOST_CHOSEN 256u
#define MOST_TILES 64u
#define LONGEST_NAME 200u

typedef struct config {
  fg_integer_list configurations;
  int32_t layout;
  int64_t height, gap, columns;
  const char *up, *down, *background;
  const char *name;
} config;

/// One lattice of one chosen configuration.
#define STATES 256u // of a Potts spin

typedef struct tile {
  painter painter;
  int32_t level;
  char size[96];
} tile;

typedef struct chosen {
  uint64_t index;
  tile tiles[MOST_TILES];
  uint32_t count;
} chosen;

typedef struct snapshot {
  const fg_host *host;
  const config *config;
  rgb palette[STATES]; ///< down, up, then colours for further Potts states
  rgb background;
  chosen *chosen;
  uint64_t chosen_count;
} snapshot;

/// Six colours for states 2 … 7, and for every six more the same a little darker: no two states look alike.
static void colour_states(rgb palette[STATES]) {
  static const rgb six[6] = {{214, 118, 68},  {96, 150, 128},  {199, 165, 84},
                             {141, 104, 150}, {110, 133, 176}, {120, 120, 120}};
  for (uint32_t state = 2; state < STATES; state++) {
    rgb c = six[(state - 2) % 6];
    uint32_t light = 200 - 4 * ((state - 2) / 6);
    palette[state] =
        (rgb){(uint8_t)(c.red * light / 200), (uint8_t)(c.green * light / 200), (uint8_t)(c.blue * light / 200)};
  }
}

static fg_status read_colours(snapshot *me) {
  colour_states(me->palette);
  const struct {
    const char *param, *text;
    rgb *colour;
  } colours[] = {{"down", me->config->down, &me->palette[0]},
                 {"up", me->config->up, &me->palette[1]},
                 {"background", me->config->background, &me->background}};
  for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
    if (!canvas_colour(colours[i].text, colours[i].colour))
      return me->host->fail_param(me->host, colours[i].param, "'%s' is not a colour; write \"#rrggbb\"",
                                  colours[i].text);
  return FG_OK;
}

static void destroy(void *self) {
  snapshot *me = self;
  for (uint64_t c = 0; c < me->chosen_count; c++)
    for (uint32_t t = 0; t < me->chosen[c].count; t++) painter_close(&me->chosen[c].tiles[t].painter);
  free(me->chosen);
  free(me);
}

static fg_status check_name(const fg_host *host, const char *name) {
  int sound = name[0] && name[0] != '.' && !strpbrk(name, "/\\") && strlen(name) <= LONGEST_NAME;
  for (const char *c = name; *c; c++) sound &= (unsigned char)*c >= ' ' && *c != 127;
  if (sound) return FG_OK;
  return host->fail_param(host, "name",
                          "'%.*s' cannot begin a file's name; 1 to %u characters without '/' and a leading '.'",
                          (int)LONGEST_NAME, name, LONGEST_NAME);
}

static fg_status check_choice(const fg_host *host, const fg_integer_list *list) {
  if (list->count == 0 || list->count > MOST_CHOSEN)
    return host->fail_param(host, "configurations", "choose 1 to %u configurations", MOST_CHOSEN);
  for (uint64_t c = 0; c < list->count; c++)
    for (uint64_t d = 0; d < c; d++)
      if (list->items[c] == list->items[d])
        return host->fail_param(host, "configurations", "%" PRId64 " is chosen twice", list->items[c]);
  return FG_OK;
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  const config *wanted = given;
  if (check_choice(host, &wanted->configurations) != FG_OK || check_name(host, wanted->name) != FG_OK) return FG_FAILED;
  snapshot *me = calloc(1, sizeof *me);
  chosen *list = calloc(wanted->configurations.count, sizeof *list);
  if (!me || !list) {
    free(me);
    free(list);
    return host->fail(host, "out of memory");
  }
  *me = (snapshot){.host = host, .config = wanted, .chosen = list, .chosen_count = wanted->configurations.count};
  for (uint64_t c = 0; c < me->chosen_count; c++) list[c].index = (uint64_t)wanted->configurations.items[c];
  fg_status status = read_colours(me);
  if (status == FG_OK)
    *self = me;
  else
    destroy(me);
  return status;
}

/// Columns of the grid: as asked, or the squarest grid without a hole, wider than high; else the squarest.
static uint32_t columns_of(const snapshot *me, uint32_t count) {
  if (me->config->columns > 0) return (uint32_t)me->config->columns;
  uint32_t columns = 1;
  while (columns * columns < count) columns++;
  for (uint32_t c = columns; c <= 2 * columns && c <= count; c++)
    if (count % c == 0) return c;
  return columns;
}

/// A strip of `count` pictures, none larger than wide×high.
typedef struct grid {
  uint32_t columns;
  uint64_t width, height; ///< pixels
} grid;

static grid grid_of(const snapshot *me, uint32_t count, uint64_t wide, uint64_t high) {
  uint64_t gap = (uint64_t)me->config->gap;
  uint32_t columns = columns_of(me, count), rows = (count + columns - 1) / columns;
  if (columns > count) columns = count;
  return (grid){columns, columns * wide + (columns - 1) * gap, rows * high + (rows - 1) * gap};
}

static fg_status check_size(const snapshot *me, const char *what, uint64_t width, uint64_t height) {
  if (canvas_fits(width, height)) return FG_OK;
  return me->host->fail_param(me->host, "height",
                              "%s would have %" PRIu64 "×%" PRIu64 " pixels; at most %u a side and %" PRIu64
                              " in all: lower height%s",
                              what, width, height, CANVAS_MOST_EXTENT, CANVAS_MOST_PIXELS,
                              me->config->layout == STRIP ? ", or set layout: separate" : "");
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const snapshot *me = self;
  const fg_format *format = inputs[0];
  uint64_t wide = 0, high = 0, pixels = 0, sums = 0;
  fg_status status = FG_OK;
  (void)outputs;
  *memory = 0;
  for (uint32_t s = 0; s < format->shape_count && status == FG_OK; s++) {
    uint64_t across, up;
    if (format->shapes[s].dims != 2)
      return me->host->fail(me->host, "draws two-dimensional lattices only; one of %u dimensions arrives",
                            format->shapes[s].dims);
    painter_size(&format->shapes[s], (uint32_t)me->config->height, &across, &up);
    status = check_size(me, "a picture", across, up);
    if (across > wide) wide = across;
    if (up > high) high = up;
    pixels += across * up;
    sums += painter_bytes(across);
  }
  if (status == FG_OK && me->config->layout == STRIP) {
    grid sheet = grid_of(me, format->shape_count, wide, high);
    status = check_size(me, "the strip", sheet.width, sheet.height);
    *memory = sheet.width * sheet.height * sizeof(rgb);
  }
  *memory += me->chosen_count * (pixels * sizeof(rgb) + sums + sizeof(chosen));
  return status;
}

/// A picture begins with the first row that arrives.
static fg_status begin_tile(const snapshot *me, chosen *picked, const fg_batch *batch) {
  if (picked->count == MOST_TILES)
    return me->host->fail(me->host, "configuration %" PRIu64 " arrives at more than %u levels", picked->index,
                          MOST_TILES);
  tile *t = &picked->tiles[picked->count++];
  t->level = batch->level;
  fg_lattice_name(&batch->lattice, t->size);
  if (painter_open(&t->painter, &batch->lattice, (uint32_t)me->config->height)) return FG_OK;
  return me->host->fail(me->host, "out of memory");
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  snapshot *me = self;
  const fg_batch *batch = messages[0]->batch;
  (void)port;
  (void)count;
  for (uint64_t c = 0; c < me->chosen_count; c++) {
    chosen *picked = &me->chosen[c];
    if (picked->index < batch->first || picked->index - batch->first >= batch->count) continue;
    if (batch->first_row == 0 && begin_tile(me, picked, batch) != FG_OK) return FG_FAILED;
    tile *here = picked->count ? &picked->tiles[picked->count - 1] : NULL;
    if (!here || here->painter.next_row != batch->first_row)
      return me->host->fail(me->host, "rows of configuration %" PRIu64 " arrive out of order", picked->index);
    painter_draw(&here->painter, batch, picked->index - batch->first, me->palette,
                 batch->element == FG_SPIN1 ? 2 : STATES);
  }
  return FG_OK;
}

static fg_status write_picture(const snapshot *me, const canvas *picture, const char *name, const char *title) {
  const char *path = me->host->output_begin(me->host, name);
  if (!path) return FG_FAILED;
  char fault[128];
  if (!canvas_write_png(picture, path, title, fault)) return me->host->fail(me->host, "%s: %s", name, fault);
  return me->host->output_commit(me->host, name);
}

static fg_status write_strip(const snapshot *me, const chosen *picked) {
  uint32_t wide = 0, high = 0, gap = (uint32_t)me->config->gap;
  for (uint32_t t = 0; t < picked->count; t++) {
    if (picked->tiles[t].painter.picture.width > wide) wide = picked->tiles[t].painter.picture.width;
    if (picked->tiles[t].painter.picture.height > high) high = picked->tiles[t].painter.picture.height;
  }
  grid size = grid_of(me, picked->count, wide, high);
  if (check_size(me, "the strip", size.width, size.height) != FG_OK) return FG_FAILED;
  canvas sheet = canvas_new((uint32_t)size.width, (uint32_t)size.height, me->background);
  if (!sheet.pixels) return me->host->fail(me->host, "out of memory");
  for (uint32_t t = 0; t < picked->count; t++)
    canvas_paste(&sheet, &picked->tiles[t].painter.picture, t % size.columns * (wide + gap),
                 t / size.columns * (high + gap));
  char name[300], title[200];
  snprintf(name, sizeof name, "%.200s-%" PRIu64 ".png", me->config->name, picked->index);
  snprintf(title, sizeof title, "configuration %" PRIu64 ", size %s to %s", picked->index, picked->tiles[0].size,
           picked->tiles[picked->count - 1].size);
  fg_status status = write_picture(me, &sheet, name, title);
  canvas_free(&sheet);
  return status;
}

static fg_status write_separate(const snapshot *me, const chosen *picked) {
  fg_status status = FG_OK;
  for (uint32_t t = 0; t < picked->count && status == FG_OK; t++) {
    char name[400], title[300];
    snprintf(name, sizeof name, "%.200s-%" PRIu64 "-level-%" PRId32 "-size-%s.png", me->config->name, picked->index,
             picked->tiles[t].level, picked->tiles[t].size);
    snprintf(title, sizeof title, "configuration %" PRIu64 ", level %" PRId32 ", size %s", picked->index,
             picked->tiles[t].level, picked->tiles[t].size);
    status = write_picture(me, &picked->tiles[t].painter.picture, name, title);
  }
  return status;
}

static fg_status flush(void *self) {
  const snapshot *me = self;
  fg_status status = FG_OK;
  for (uint64_t c = 0; c < me->chosen_count && status == FG_OK; c++) {
    const chosen *picked = &me->chosen[c];
    if (picked->count == 0)
      me->host->log(me->host, FG_LOG_WARNING, "configuration %" PRIu64 " did not arrive; no picture of it",
                    picked->index);
    else
      status = me->config->layout == STRIP ? write_strip(me, picked) : write_separate(me, picked);
  }
  return status;
}

// ---- descriptor

static const char *const layouts[] = {"strip", "separate", NULL};
static const char *const column_names[] = {"auto=0", NULL};
#define PARAM(field, kind, ...)                                                                                        \
  static const fg_param param_##field = {.size = sizeof(fg_param),                                                     \
                                         .type = kind,                                                                 \
                                         .offset = offsetof(config, field),                                            \
                                         .name = #field,                                                               \
                                         .unit = "1",                                                                  \
                                         __VA_ARGS__}
PARAM(configurations, FG_PARAM_INTEGER_LIST, .def = "[0]", .min = "0",
      .doc = "Indices of the configurations to draw, counted within each level.");
PARAM(layout, FG_PARAM_CHOICE, .def = "strip", .choices = layouts,
      .doc = "One picture of all lattices of a configuration side by side, or a picture each.");
PARAM(
    height, FG_PARAM_INTEGER, .def = "256", .min = "1", .max = "16384",
    .doc =
        "Height of each lattice in pixels; larger lattices are averaged down, smaller ones enlarged by whole pixels.");
PARAM(gap, FG_PARAM_INTEGER, .def = "8", .min = "0", .max = "1024", .doc = "Pixels between lattices of a strip.");
PARAM(columns, FG_PARAM_INTEGER, .def = "auto", .min = "1", .max = "64", .names = column_names,
      .doc = "Lattices in a row of a strip.");
PARAM(up, FG_PARAM_TEXT, .def = "'#1b3a5c'", .doc = "Colour of spins up.");
PARAM(down, FG_PARAM_TEXT, .def = "'#f3ead7'", .doc = "Colour of spins down.");
PARAM(background, FG_PARAM_TEXT, .def = "'#ffffff'", .doc = "Colour of the gaps.");
PARAM(name, FG_PARAM_TEXT, .def = "snapshot", .doc = "What the files' names begin with.");

static const fg_port input = {sizeof(fg_port), FG_BATCH,         1u << FG_SPIN1 | 1u << FG_STATE8,
                              FG_PORT_MANY,    "configurations", "Two-dimensional lattices of any sizes and levels."};

static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .flags = FG_STAGE_SLABS,
    .kind = "sink.snapshot",
    .summary = "draws chosen configurations as PNG pictures",
    .doc =
        "Writes RUN/STAGE/NAME-INDEX.png for every chosen index. In a strip the lattices of a configuration stand side by side in the order they "
        "arrive, each enlarged to the same height: for a dream, its zoom from one spin to the full lattice. Equal configurations give equal files.",
    .params = (const fg_param *const[]){&param_configurations, &param_layout, &param_height, &param_gap, &param_columns,
                                        &param_up, &param_down, &param_background, &param_name, NULL},
    .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .flush = flush,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "snapshot", .version = "0.1.0", .license = "MIT",
                                    .stages = (const fg_stage *const[]){&stage, NULL}};
