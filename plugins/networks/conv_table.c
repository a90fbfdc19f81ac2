// conv_table.c — see conv_model.h: networks that see no more than 3×3 coarse spins, tabulated in double precision when
// they are opened. Dreams of such a network are the same on every machine, and scoring and drawing cost a look-up. The
// gradient needs only how often each fine spin was up and down given what it saw: one pass through the layers for all.
#include "bernoulli.h"
#include "conv_model.h"
#include "conv_patches.h"
#include "window.h"

#include <stdlib.h>
#include <string.h>

#define PATTERNS 512u
#define TOGETHER 64u // evaluated at a time
#define BLOCK 4u     // fine spins below a coarse one
#define MOST_RADIUS 2u
#define MOST_TERMS (UINT64_C(1) << 26) // multiplications a table is worth

// ---- the patterns as patches of 2×2 logits

/// Opens patches for some of the patterns at a time, without the symmetries, which are those of the patterns.
static const char *open_patterns(conv_patches *patches, const fg_network_model *model, const conv_engine *engine,
                                 int backward, arena *memory) {
  conv_shape plain = model->shape;
  plain.symmetrize = CONV_PLAIN;
  return conv_patches_open(patches, &plain, engine, model->weights, TOGETHER, CONV_FACTOR, backward, memory);
}

/// The logits of patterns first … first+TOGETHER-1.
static const char *evaluate_patterns(conv_patches *patches, uint32_t first) {
  const uint32_t outer = patches->outer, margin = MOST_RADIUS - conv_radius(&patches->shape);
  float *spins = patches->spins;
  for (uint32_t pattern = first; pattern < first + TOGETHER; pattern++)
    for (uint32_t y = 0; y < outer; y++)
      for (uint32_t x = 0; x < outer; x++)
        *spins++ = conv_value(&patches->shape, pattern >> ((y + margin) / 2 * 3 + (x + margin) / 2) & 1);
  return conv_patches_evaluate(patches);
}

static uint32_t turned(uint32_t symmetry, uint32_t pattern) {
  uint32_t image = 0;
  for (uint32_t i = 0; i < 9; i++) image |= (pattern >> conv_image(symmetry, 3, i / 3, i % 3) & 1) << i;
  return symmetry & CONV_FLIP_SPINS ? ~image & (PATTERNS - 1) : image;
}

/// The average over the symmetries, from the logits of the layers.
static void symmetrize(conv_table *table, const conv_shape *shape, const double (*plain)[BLOCK]) {
  for (uint32_t pattern = 0; pattern < PATTERNS; pattern++) {
    double *logits = table->logits[pattern];
    for (uint32_t s = 0; s < conv_symmetry_count(shape); s++)
      for (uint32_t d = 0; d < BLOCK; d++)
        logits[conv_image(s, CONV_FACTOR, d / 2, d % 2)] += conv_term(s, plain[turned(s, pattern)][d]);
    for (uint32_t d = 0; d < BLOCK; d++) logits[d] /= conv_terms(shape);
  }
}

/// The same from derivatives by the average to those by the logits of the layers.
static void share(const conv_shape *shape, const double (*slopes)[BLOCK], double (*plain)[BLOCK]) {
  const uint32_t symmetries = conv_symmetry_count(shape);
  for (uint32_t pattern = 0; pattern < PATTERNS; pattern++)
    for (uint32_t s = 0; s < symmetries; s++)
      for (uint32_t d = 0; d < BLOCK; d++)
        plain[turned(s, pattern)][d] +=
            conv_sign(s) / symmetries * slopes[pattern][conv_image(s, CONV_FACTOR, d / 2, d % 2)];
}

// ---- opening

/// Multiplications it takes to evaluate all patterns.
static uint64_t terms(const conv_shape *shape) {
  uint64_t sum = 0, side = CONV_FACTOR + 2 * conv_radius(shape);
  for (uint32_t l = 0; l < shape->layers; l++) {
    side -= shape->kernel - 1;
    sum += PATTERNS * side * side * conv_kernels(shape, l);
  }
  return sum;
}

/// The logits of all patterns, from the layers in double precision.
static const char *evaluate_all(const fg_network_model *model, double (*plain)[BLOCK]) {
  conv_patches patches = {0};
  arena *memory = arenas_take(model->memory);
  const char *why = memory ? open_patterns(&patches, model, &conv_reference, 0, memory) : "out of memory";
  for (uint32_t first = 0; !why && first < PATTERNS; first += TOGETHER) {
    why = evaluate_patterns(&patches, first);
    memcpy(plain[first], patches.logits, TOGETHER * sizeof *plain);
  }
  conv_patches_close(&patches);
  if (memory) arenas_give(model->memory, memory);
  return why;
}

const char *conv_table_new(fg_network_model *model) {
  if (conv_radius(&model->shape) > MOST_RADIUS || terms(&model->shape) > MOST_TERMS) return NULL;
  double plain[PATTERNS][BLOCK];
  conv_table *table = calloc(1, sizeof *table);
  const char *why = table ? evaluate_all(model, plain) : "out of memory";
  model->table = table;
  if (why) return why;
  symmetrize(table, &model->shape, (const double(*)[BLOCK])plain);
  for (uint32_t pattern = 0; pattern < PATTERNS; pattern++) {
    const double parent = pattern >> 4 & 1 ? 1 : -1;
    for (uint32_t d = 0; d < BLOCK; d++) {
      const double logit = table->logits[pattern][d];
      table->thresholds[d][pattern] = bitplanes_threshold(1 / (1 + exp(parent * logit)));
      table->scores[pattern][d][0] = bernoulli_log_sigmoid(-logit);
      table->scores[pattern][d][1] = bernoulli_log_sigmoid(logit);
    }
  }
  table->form = (fg_network_table){sizeof(fg_network_table), 3, 1, BLOCK, table->thresholds[0]};
  return NULL;
}

// ---- the walk over coarse spins

/// What is done with the four fine spins `block` (bit d = 2·dy + dx) below a coarse spin that sees `pattern`.
typedef void (*visit_block)(const conv_table *table, uint64_t pattern, uint64_t block, void *into);

static void walk(const conv_table *table, const fg_batch *fine, const fg_batch *coarse, uint32_t c, window *windows,
                 visit_block visit, void *into) {
  for (uint64_t y = 0; y < coarse->rows; y++) {
    const uint64_t *upper = fg_batch_row(fine, c, 2 * y), *lower = fg_batch_row(fine, c, 2 * y + 1);
    window_load(windows, coarse, c, y);
    for (uint64_t x = 0; x < windows->length; x++) {
      uint64_t block = (upper[x / 32] >> (2 * x & 63) & 3) | (lower[x / 32] >> (2 * x & 63) & 3) << 2;
      visit(table, window_pattern(windows, x, 0, 0), block, into);
    }
  }
}

static const char *open_windows(window *windows, const fg_batch *coarse) {
  return window_open(windows, 3, 1, fg_lattice_width(&coarse->lattice)) ? NULL : "out of memory";
}

static void add_log_prob(const conv_table *table, uint64_t pattern, uint64_t block, void *into) {
  double *log_prob = into;
  for (uint32_t d = 0; d < BLOCK; d++) *log_prob += table->scores[pattern][d][block >> d & 1];
}

fg_status conv_table_log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                              uint32_t begin, uint32_t end, double *log_prob) {
  window windows;
  const char *why = open_windows(&windows, coarse);
  for (uint32_t c = begin; c < end; c++) {
    log_prob[c] = 0;
    if (!why) walk(model->table, fine, coarse, c, &windows, add_log_prob, &log_prob[c]);
  }
  window_close(&windows);
  return conv_result(model, why);
}

// ---- drawing

fg_status conv_table_sample(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, const fg_batch *coarse,
                            fg_batch *fine, uint32_t begin, uint32_t end) {
  const conv_table *table = model->table;
  window windows;
  bitplanes planes;
  const char *why = open_windows(&windows, coarse);
  bitplanes_start(&planes, fill, key, fine->level);
  for (uint64_t i = 0, rows = (uint64_t)(end - begin) * coarse->rows; !why && i < rows; i++) {
    const uint32_t c = begin + (uint32_t)(i / coarse->rows);
    const uint64_t y = i % coarse->rows, site = ((fine->first + c) * coarse->rows + y) * windows.length;
    uint64_t *upper = fg_batch_row_mut(fine, c, 2 * y), *lower = fg_batch_row_mut(fine, c, 2 * y + 1);
    memset(upper, 0, fine->row_bytes);
    memset(lower, 0, fine->row_bytes);
    window_load(&windows, coarse, c, y);
    for (uint64_t x = 0; x < windows.length; x++) {
      const uint64_t pattern = window_pattern(&windows, x, 0, 0);
      const uint16_t *u = bitplanes_at(&planes, site + x);
      uint64_t block = pattern >> 4 & 1 ? 15 : 0;
      for (uint32_t d = 0; d < BLOCK; d++) block ^= (uint64_t)(u[d] < table->thresholds[d][pattern]) << d;
      upper[x / 32] |= (block & 3) << (2 * x & 63);
      lower[x / 32] |= block >> 2 << (2 * x & 63);
    }
  }
  window_close(&windows);
  return conv_result(model, why);
}

// ---- the gradient

/// Weights of the configurations, summed by what was seen and drawn.
typedef struct masses {
  double weight;
  double sums[PATTERNS][BLOCK][2]; ///< [1]: spin up
} masses;

static void add_mass(const conv_table *table, uint64_t pattern, uint64_t block, void *into) {
  (void)table;
  masses *m = into;
  for (uint32_t d = 0; d < BLOCK; d++) m->sums[pattern][d][block >> d & 1] += m->weight;
}

/// Loss, and its derivatives by the logits.
static double slopes_of(const conv_table *table, const masses *m, double (*slopes)[BLOCK]) {
  double loss = 0;
  for (uint32_t pattern = 0; pattern < PATTERNS; pattern++) {
    for (uint32_t d = 0; d < BLOCK; d++) {
      const double logit = table->logits[pattern][d], down = m->sums[pattern][d][0], up = m->sums[pattern][d][1];
      loss -= down * table->scores[pattern][d][0] + up * table->scores[pattern][d][1];
      slopes[pattern][d] = down / (1 + exp(-logit)) - up / (1 + exp(logit));
    }
  }
  return loss;
}

/// Takes the derivatives by the logits on to the weights.
static const char *descend(const fg_network_model *model, const double (*slopes)[BLOCK], double *gradient) {
  conv_patches patches = {0};
  arena *memory = arenas_take(model->memory);
  const char *why = memory ? open_patterns(&patches, model, model->engine, 1, memory) : "out of memory";
  for (uint32_t first = 0; !why && first < PATTERNS; first += TOGETHER) {
    why = evaluate_patterns(&patches, first);
    if (!why) why = conv_patches_descend(&patches, slopes[first], gradient);
  }
  conv_patches_close(&patches);
  if (memory) arenas_give(model->memory, memory);
  return why;
}

fg_status conv_table_gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                              uint32_t begin, uint32_t end, const double *weight, double *loss, double *gradient) {
  window windows;
  double slopes[PATTERNS][BLOCK], plain[PATTERNS][BLOCK] = {{0}};
  masses *m = calloc(1, sizeof *m);
  const char *why = open_windows(&windows, coarse);
  if (!m) why = "out of memory";
  for (uint32_t c = begin; !why && c < end; c++) {
    m->weight = weight ? weight[c] : 1;
    walk(model->table, fine, coarse, c, &windows, add_mass, m);
  }
  if (!why) {
    *loss += slopes_of(model->table, m, slopes);
    share(&model->shape, (const double(*)[BLOCK])slopes, plain);
    why = descend(model, (const double(*)[BLOCK])plain, gradient);
  }
  window_close(&windows);
  free(m);
  return conv_result(model, why);
}
