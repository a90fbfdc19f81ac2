// windowed.c — see windowed.h: the walk over fine spins, and what is done on the way.
#include "windowed.h"

#include "bitplanes.h"
#include "classes.h"
#include "corner_counts.h"
#include "window.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FACTOR WINDOWED_FACTOR

/// z = logit · parent
static double logit_of(const fg_network_model *model, uint64_t pattern) {
  return model->logits ? model->logits[pattern] : model->logit(model, pattern);
}

/// 2¹⁶ · P(fine ≠ parent) = 2¹⁶ · σ(-z), rounded: what is drawn differs from P by at most 2⁻¹⁷.
static uint32_t threshold_of(const fg_network_model *model, uint64_t pattern) {
  if (model->thresholds) return model->thresholds[pattern];
  return bitplanes_threshold(1 / (1 + exp(logit_of(model, pattern))));
}

/// ln σ(z) without overflow.
static double log_sigmoid(double z) { return z < 0 ? z - log1p(exp(z)) : -log1p(exp(-z)); }

// ---- the model

void windowed_init(fg_network_model *model, const fg_host *host, uint32_t width, uint32_t before) {
  model->host = host;
  model->width = width;
  model->before = before;
  model->parent = before * (width + 1);
  model->all = UINT64_MAX >> (64 - width * width);
}

fg_status windowed_tabulate(fg_network_model *model) {
  if (model->width > WINDOWED_TABLE_WIDTH) return FG_OK;
  uint64_t patterns = model->all + 1;
  double *logits = malloc(patterns * sizeof *logits);
  uint32_t *thresholds = malloc(patterns * sizeof *thresholds);
  for (uint64_t p = 0; logits && thresholds && p < patterns; p++) {
    logits[p] = logit_of(model, p);
    thresholds[p] = threshold_of(model, p);
  }
  model->logits = logits;
  model->thresholds = thresholds;
  model->table = (fg_network_table){sizeof(fg_network_table), model->width, model->before, 0, thresholds};
  return logits && thresholds ? FG_OK : model->host->fail(model->host, "out of memory for a network's table");
}

void windowed_clear(fg_network_model *model) {
  free(model->logits);
  free(model->thresholds);
}

uint64_t windowed_parameters(const fg_network_model *model) { return model->parameters; }

uint32_t windowed_factor(const fg_network_model *model) {
  (void)model;
  return FACTOR;
}

uint32_t windowed_radius(const fg_network_model *model) { return model->before; }

const fg_network_table *windowed_table(const fg_network_model *model) {
  return model->thresholds ? &model->table : NULL;
}

// ---- the walk

/// Checks that the batches belong together and hold the configurations asked for. In any case `windows` can be closed.
static fg_status begin_walk(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t end,
                            window *windows) {
  const fg_host *host = model->host;
  const fg_lattice *f = &fine->lattice, *c = &coarse->lattice;
  *windows = (window){0};
  if (fine->element != FG_SPIN1 || coarse->element != FG_SPIN1 || f->shape != FG_SQUARE || c->shape != FG_SQUARE ||
      f->extent[0] != FACTOR * c->extent[0] || f->extent[1] != FACTOR * c->extent[1])
    return host->fail(host,
                      "the network needs spins on square lattices, the fine one twice as large as the coarse one");
  if (end > fine->count || end > coarse->count || fine->rows != f->extent[0] || coarse->rows != c->extent[0])
    return host->fail(host, "the network was given fewer configurations, or smaller parts of them, than it was asked "
                            "for");
  if (!window_open(windows, model->width, model->before, fg_lattice_width(c)))
    return host->fail(host, "out of memory for a row of %" PRIu64 " windows", fg_lattice_width(c));
  return FG_OK;
}

/// What is done with a fine spin: its window, and whether it differs from its parent.
typedef void (*visit_spin)(const fg_network_model *model, uint64_t pattern, unsigned differs, void *into);

/// Visits every fine spin of one configuration.
static void walk(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t configuration,
                 window *windows, visit_spin visit, void *into) {
  for (uint64_t y = 0; y < fine->rows; y++) {
    const uint64_t *row = fg_batch_row(fine, configuration, y);
    if (y % FACTOR == 0) window_load(windows, coarse, configuration, y / FACTOR);
    for (uint64_t x = 0; x < FACTOR * windows->length; x++) {
      uint64_t pattern = window_pattern(windows, x / FACTOR, y % FACTOR, x % FACTOR);
      visit(model, pattern, fg_bit_get(row, x) ^ (unsigned)(pattern >> model->parent & 1), into);
    }
  }
}

// ---- scoring

static void add_log_prob(const fg_network_model *model, uint64_t pattern, unsigned differs, void *into) {
  double z = logit_of(model, pattern);
  *(double *)into += log_sigmoid(differs ? -z : z);
}

fg_status windowed_log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                            uint32_t end, double *log_prob) {
  window windows;
  fg_status status = begin_walk(model, fine, coarse, end, &windows);
  for (uint32_t c = begin; status == FG_OK && c < end; c++) {
    log_prob[c] = 0;
    walk(model, fine, coarse, c, &windows, add_log_prob, &log_prob[c]);
  }
  window_close(&windows);
  return status;
}

typedef struct descent {
  double weight; ///< of the configuration
  double *loss, *gradient;
  double *seen; ///< tabulated windows: weight of the spins that equal, oppose their parent, by pattern
} descent;

/// `equal` and `opposed`: weights of the spins that equal and oppose their parent in a window. Adds -ln σ(±z) and its
/// derivatives ∓σ(∓z) · ½ n_k.
static void add_window(const fg_network_model *model, uint64_t pattern, double equal, double opposed,
                       const descent *sums) {
  int n[WINDOWED_MOST_PARAMETERS];
  double z = logit_of(model, pattern);
  double slope = opposed / (1 + exp(-z)) - equal / (1 + exp(z));
  model->features(model, pattern, n);
  *sums->loss -= equal * log_sigmoid(z) + opposed * log_sigmoid(-z);
  for (uint64_t k = 0; k < model->parameters; k++) sums->gradient[k] += slope * 0.5 * n[k];
}

static void add_gradient(const fg_network_model *model, uint64_t pattern, unsigned differs, void *into) {
  const descent *sums = into;
  if (sums->seen)
    sums->seen[2 * pattern + differs] += sums->weight;
  else
    add_window(model, pattern, differs ? 0 : sums->weight, differs ? sums->weight : 0, sums);
}

/// Where all windows are tabulated, spins are counted by window first: the rest is then done once a window, not a spin.
fg_status windowed_gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                            uint32_t end, const double *weight, double *loss, double *gradient) {
  window windows;
  descent sums = {.loss = loss, .gradient = gradient};
  fg_status status = begin_walk(model, fine, coarse, end, &windows);
  if (status == FG_OK && model->logits) {
    sums.seen = calloc(2 * (model->all + 1), sizeof *sums.seen);
    if (!sums.seen) status = model->host->fail(model->host, "out of memory for counts of windows");
  }
  for (uint32_t c = begin; status == FG_OK && c < end; c++) {
    sums.weight = weight ? weight[c] : 1;
    walk(model, fine, coarse, c, &windows, add_gradient, &sums);
  }
  for (uint64_t p = 0; sums.seen && p <= model->all; p++)
    if (sums.seen[2 * p] != 0 || sums.seen[2 * p + 1] != 0) // weights may be of either sign
      add_window(model, p, sums.seen[2 * p], sums.seen[2 * p + 1], &sums);
  free(sums.seen);
  window_close(&windows);
  return status;
}

// ---- drawing

/// Draws the two rows of fine spins below one coarse row, whose first site has the dense index `site`.
static void draw_rows(const fg_network_model *model, const window *windows, bitplanes *planes, uint64_t site,
                      uint64_t *const rows[FACTOR]) {
  for (uint64_t x = 0; x < windows->length; x++) {
    const uint16_t *u = bitplanes_at(planes, site + x);
    for (unsigned dy = 0; dy < FACTOR; dy++) {
      uint64_t pair = 0;
      for (unsigned dx = 0; dx < FACTOR; dx++) {
        uint64_t pattern = window_pattern(windows, x, dy, dx);
        uint64_t differs = u[FACTOR * dy + dx] < threshold_of(model, pattern);
        pair |= ((pattern >> model->parent & 1) ^ differs) << dx;
      }
      rows[dy][x / 32] |= pair << (FACTOR * x & 63);
    }
  }
}

fg_status windowed_sample(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, const fg_batch *coarse,
                          fg_batch *fine, uint32_t begin, uint32_t end) {
  window windows;
  bitplanes planes;
  bitplanes_start(&planes, fill, key, fine->level);
  fg_status status = begin_walk(model, fine, coarse, end, &windows);
  for (uint32_t c = begin; status == FG_OK && c < end; c++) {
    for (uint64_t y = 0; y < coarse->rows; y++) {
      uint64_t *const rows[FACTOR] = {fg_batch_row_mut(fine, c, FACTOR * y), fg_batch_row_mut(fine, c, FACTOR * y + 1)};
      for (unsigned dy = 0; dy < FACTOR; dy++) memset(rows[dy], 0, fine->row_bytes);
      window_load(&windows, coarse, c, y);
      draw_rows(model, &windows, &planes, ((fine->first + c) * coarse->rows + y) * windows.length, rows);
    }
  }
  window_close(&windows);
  return status;
}

// ---- sufficient statistics: how often a fine spin equals (outcome 1) or opposes (outcome 0) its parent, by window

/// Counts of one caller. Patterns are counted with the parent up, as reversing all spins changes nothing.
typedef struct window_counts {
  const fg_network_model *model;
  classes *seen;
  classes *folded; ///< made from `seen` when asked for: mirror images together, sorted
  int full;
} window_counts;

static void close_counts(void *counts) {
  window_counts *c = counts;
  if (!c) return;
  classes_free(c->seen);
  classes_free(c->folded);
  free(c);
}

static void *open_counts(const fg_network_model *model) {
  window_counts *counts = calloc(1, sizeof *counts);
  if (!counts) return NULL;
  counts->model = model;
  counts->seen = classes_new(model->width * model->width);
  if (counts->seen) return counts;
  close_counts(counts);
  return NULL;
}

static fg_status no_room(const fg_network_model *model) {
  return model->host->fail(model->host,
                           "no room to count more than %" PRIu64 " different windows; use a smaller kernel or fewer "
                           "configurations",
                           CLASSES_MOST);
}

static void add_class(const fg_network_model *model, uint64_t pattern, unsigned differs, void *into) {
  window_counts *counts = into;
  if (!(pattern >> model->parent & 1)) pattern ^= model->all;
  if (!classes_add(counts->seen, pattern, differs, 1 - differs)) counts->full = 1;
}

/// Windows of 2×2 spins, counted by words.
static void add_corners(window_counts *counts, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                        uint32_t end) {
  const uint64_t parent = UINT64_C(1) << counts->model->parent;
  corner_counts corners = {0};
  for (uint32_t i = begin; i < end; i++) corner_counts_add(&corners, fine, coarse, i);
  for (uint64_t w = 0; w < CORNER_COUNTS_WINDOWS; w++)
    if (corners.all[w] &&
        !classes_add(counts->seen, parent | w, corners.opposed[w], corners.all[w] - corners.opposed[w]))
      counts->full = 1;
}

static fg_status add_counts(void *counts, const fg_batch *fine, const fg_batch *coarse, uint32_t begin, uint32_t end) {
  window_counts *c = counts;
  window windows;
  fg_status status = begin_walk(c->model, fine, coarse, end, &windows);
  if (status == FG_OK && c->model->width == 2) {
    add_corners(c, fine, coarse, begin, end);
    begin = end;
  }
  for (uint32_t i = begin; status == FG_OK && i < end; i++) {
    walk(c->model, fine, coarse, i, &windows, add_class, c);
    if (c->full) status = no_room(c->model);
  }
  window_close(&windows);
  return status;
}

static fg_status merge_counts(void *into, const void *from) {
  window_counts *to = into;
  const classes *more = ((const window_counts *)from)->seen;
  for (uint64_t i = 0; i < classes_room(more); i++) {
    const classes_entry *entry = &more->entries[i];
    if (entry->zeros + entry->ones == 0) continue;
    if (!classes_add(to->seen, entry->pattern, entry->zeros, entry->ones)) return no_room(to->model);
  }
  return FG_OK;
}

/// The pattern mirrored at the diagonal.
static uint64_t transposed(const fg_network_model *model, uint64_t pattern) {
  uint64_t mirrored = 0;
  for (uint32_t y = 0; y < model->width; y++)
    for (uint32_t x = 0; x < model->width; x++)
      mirrored |= (pattern >> (y * model->width + x) & 1) << (x * model->width + y);
  return mirrored;
}

static uint64_t count_classes(void *counts) {
  window_counts *c = counts;
  classes_free(c->folded);
  c->folded = classes_new(c->seen->bits);
  int room = c->folded != NULL;
  for (uint64_t i = 0; room && i < classes_room(c->seen); i++) {
    const classes_entry *entry = &c->seen->entries[i];
    if (entry->zeros + entry->ones == 0) continue;
    uint64_t mirrored = transposed(c->model, entry->pattern);
    uint64_t smaller = mirrored < entry->pattern ? mirrored : entry->pattern;
    room = classes_add(c->folded, smaller, entry->zeros, entry->ones);
  }
  if (room) return classes_sort(c->folded);
  c->model->host->fail(c->model->host, "out of memory for classes of windows");
  return 0;
}

static void get_class(const void *counts, uint64_t index, double *values, uint64_t *ones, uint64_t *zeros) {
  const window_counts *c = counts;
  const classes_entry *entry = &c->folded->entries[index];
  int n[WINDOWED_MOST_PARAMETERS];
  c->model->features(c->model, entry->pattern, n);
  for (uint64_t k = 0; k < c->model->parameters; k++) values[k] = 0.5 * n[k];
  *ones = entry->ones;
  *zeros = entry->zeros;
}

/// Checkpoints: the number of patterns, then each of them with its counts.
static fg_status save_counts(const void *counts, const fg_writer *writer) {
  const classes *seen = ((const window_counts *)counts)->seen;
  fg_status status = writer->write(writer, &seen->used, sizeof seen->used);
  for (uint64_t i = 0; status == FG_OK && i < classes_room(seen); i++) {
    const classes_entry *entry = &seen->entries[i];
    if (entry->zeros + entry->ones > 0) status = writer->write(writer, entry, sizeof *entry);
  }
  return status;
}

static fg_status restore_counts(void *counts, const fg_reader *reader) {
  window_counts *into = counts;
  uint64_t used = 0;
  int sound = reader->read(reader, &used, sizeof used) == FG_OK;
  for (uint64_t i = 0; sound && i < used; i++) {
    classes_entry entry;
    sound = reader->read(reader, &entry, sizeof entry) == FG_OK && !(entry.pattern & ~into->model->all) &&
            classes_add(into->seen, entry.pattern, entry.zeros, entry.ones);
  }
  if (sound) return FG_OK;
  return into->model->host->fail(into->model->host,
                                 "the checkpoint holds no counts of this network; run again with --force");
}

const fg_network_classes windowed_classes = {
    .size = sizeof(fg_network_classes),
    .open = open_counts,
    .close = close_counts,
    .add = add_counts,
    .merge = merge_counts,
    .count = count_classes,
    .get = get_class,
    .save = save_counts,
    .restore = restore_counts,
};
