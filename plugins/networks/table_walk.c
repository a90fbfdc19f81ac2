// table_walk.c — the walk over the fine spins of a table network, and what is done on the way: scoring and counting.
#include "table_model.h"

#include "pair_of_batches.h"
#include "window.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MOST_COUNTED 1000u // classes beyond which nobody should solve for all of them at once

// ---- the walk over fine spins, two rows at a time

/// A fine spin: its window's pattern, and whether it opposes its parent.
typedef struct seen_spin {
  uint32_t pattern, opposes;
} seen_spin;

typedef struct walk {
  window windows;
  seen_spin *spins; ///< those below one coarse row
  uint64_t count;
} walk;

static void end_walk(walk *w) {
  window_close(&w->windows);
  free(w->spins);
}

/// end_walk in any case.
static fg_status begin_walk(const fg_network_model *base, const fg_batch *fine, const fg_batch *coarse, uint32_t end,
                            walk *w) {
  const fg_host *host = base->host;
  *w = (walk){0};
  if (pair_of_batches_check(host, fine, coarse, end) != FG_OK) return FG_FAILED;
  const uint64_t length = fg_lattice_width(&coarse->lattice);
  w->spins = calloc(length, 4 * sizeof *w->spins);
  if (w->spins && window_open(&w->windows, base->width, base->before, length)) return FG_OK;
  return host->fail(host, "out of memory for a row of %" PRIu64 " windows", length);
}

static void walk_row(const fg_network_model *base, const fg_batch *fine, const fg_batch *coarse, uint32_t c, uint64_t y,
                     walk *w) {
  w->count = 0;
  window_load(&w->windows, coarse, c, y);
  for (unsigned dy = 0; dy < 2; dy++) {
    const uint64_t *row = fg_batch_row(fine, c, 2 * y + dy);
    for (uint64_t x = 0; x < 2 * w->windows.length; x++) {
      uint32_t pattern = (uint32_t)window_pattern(&w->windows, x / 2, dy, x % 2);
      w->spins[w->count++] = (seen_spin){pattern, fg_bit_get(row, x) ^ (pattern >> base->parent & 1)};
    }
  }
}

// ---- scoring

fg_status table_log_prob(const fg_network_model *base, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                         uint32_t end, double *result) {
  const table *model = table_of(base);
  walk w;
  fg_status status = begin_walk(base, fine, coarse, end, &w);
  for (uint32_t c = begin; status == FG_OK && c < end; c++) {
    result[c] = 0;
    for (uint64_t y = 0; y < coarse->rows; y++) {
      walk_row(base, fine, coarse, c, y, &w);
      for (uint64_t i = 0; i < w.count; i++) result[c] += model->scores[w.spins[i].pattern][w.spins[i].opposes];
    }
  }
  end_walk(&w);
  return status;
}

/// -ln P of what was seen, and its derivatives by z: -σ(-z) for each spin that equals its parent, σ(z) for others.
static void add_gradient(const table *model, const double (*seen)[2], double *loss, double *gradient) {
  for (uint64_t k = 0; k < model->base.parameters; k++) {
    double z = model->weights[k], equal = seen[k][0], opposite = seen[k][1];
    *loss -= equal * table_log_sigmoid(z) + opposite * table_log_sigmoid(-z);
    gradient[k] += opposite / (1 + exp(-z)) - equal / (1 + exp(z));
  }
}

fg_status table_gradient(const fg_network_model *base, const fg_batch *fine, const fg_batch *coarse, uint32_t begin,
                         uint32_t end, const double *weight, double *loss, double *result) {
  const table *model = table_of(base);
  const fg_host *host = base->host;
  double(*seen)[2] = calloc(base->parameters, sizeof *seen);
  if (!seen) return host->fail(host, "out of memory for %" PRIu64 " classes", base->parameters);
  walk w;
  fg_status status = begin_walk(base, fine, coarse, end, &w);
  for (uint32_t c = begin; status == FG_OK && c < end; c++) {
    for (uint64_t y = 0; y < coarse->rows; y++) {
      walk_row(base, fine, coarse, c, y, &w);
      for (uint64_t i = 0; i < w.count; i++)
        seen[model->class_of[w.spins[i].pattern]][w.spins[i].opposes] += weight ? weight[c] : 1;
    }
  }
  if (status == FG_OK) add_gradient(model, (const double(*)[2])seen, loss, result);
  end_walk(&w);
  free(seen);
  return status;
}

// ---- sufficient statistics: how often a fine spin equals (outcome 1) or opposes (outcome 0) its parent, by class

typedef struct class_counts {
  const table *model;
  uint64_t listed;     ///< classes seen, once asked for
  uint32_t *list;      ///< their numbers
  uint64_t (*seen)[2]; ///< of every class: equal, opposite
} class_counts;

static void close_counts(void *counts) {
  class_counts *c = counts;
  if (!c) return;
  free(c->list);
  free(c->seen);
  free(c);
}

static void *open_counts(const fg_network_model *base) {
  const fg_host *host = base->host;
  if (base->parameters > MOST_COUNTED) {
    host->fail(host,
               "a window of %" PRIu32 "×%" PRIu32 " has %" PRIu64 " logits, too many to be solved for at once; use "
               "train.adam, or window: 3",
               base->width, base->width, base->parameters);
    return NULL;
  }
  class_counts *counts = calloc(1, sizeof *counts);
  if (!counts) return NULL;
  counts->model = table_of(base);
  counts->list = calloc(base->parameters, sizeof *counts->list);
  counts->seen = calloc(base->parameters, sizeof *counts->seen);
  if (counts->list && counts->seen) return counts;
  close_counts(counts);
  return NULL;
}

static fg_status add_counts(void *counts, const fg_batch *fine, const fg_batch *coarse, uint32_t begin, uint32_t end) {
  class_counts *counted = counts;
  const table *model = counted->model;
  walk w;
  fg_status status = begin_walk(&model->base, fine, coarse, end, &w);
  for (uint32_t c = begin; status == FG_OK && c < end; c++) {
    for (uint64_t y = 0; y < coarse->rows; y++) {
      walk_row(&model->base, fine, coarse, c, y, &w);
      for (uint64_t i = 0; i < w.count; i++) counted->seen[model->class_of[w.spins[i].pattern]][w.spins[i].opposes]++;
    }
  }
  end_walk(&w);
  return status;
}

static fg_status merge_counts(void *into, const void *from) {
  class_counts *to = into;
  const class_counts *more = from;
  for (uint64_t k = 0; k < to->model->base.parameters; k++)
    for (int opposes = 0; opposes < 2; opposes++) to->seen[k][opposes] += more->seen[k][opposes];
  return FG_OK;
}

static uint64_t count_classes(void *counts) {
  class_counts *c = counts;
  c->listed = 0;
  for (uint64_t k = 0; k < c->model->base.parameters; k++)
    if (c->seen[k][0] + c->seen[k][1]) c->list[c->listed++] = (uint32_t)k;
  return c->listed;
}

/// The one feature of a class is to be that class.
static void get_class(const void *counts, uint64_t index, double *features, uint64_t *ones, uint64_t *zeros) {
  const class_counts *c = counts;
  const uint32_t k = c->list[index];
  memset(features, 0, c->model->base.parameters * sizeof *features);
  features[k] = 1;
  *ones = c->seen[k][0];
  *zeros = c->seen[k][1];
}

static fg_status save_counts(const void *counts, const fg_writer *writer) {
  const class_counts *c = counts;
  return writer->write(writer, c->seen, c->model->base.parameters * sizeof *c->seen);
}

static fg_status restore_counts(void *counts, const fg_reader *reader) {
  class_counts *c = counts;
  const fg_host *host = c->model->base.host;
  if (reader->read(reader, c->seen, c->model->base.parameters * sizeof *c->seen) == FG_OK) return FG_OK;
  return host->fail(host, "the checkpoint holds no counts of this network; run again with --force");
}

const fg_network_classes table_classes = {
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
