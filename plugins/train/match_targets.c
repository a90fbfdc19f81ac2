// match_targets.c — see match_targets.h.
#include "match_targets.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TASKS 16u           // shares a batch is measured in
#define FEWEST_SAMPLES 100u // of a size: below, errors mean nothing

enum { FROM_EXACT, FROM_STAGE, FROM_VALUES, FROM_NOWHERE };

uint64_t match_targets_bytes(const matching_task *task) {
  const uint64_t rows = matching_rows(task), last = task->start << task->levels;
  return sizeof(match_targets) +
         task->sizes * (bins_bytes(MOMENTS) + sizeof(measure_waves) + 2 * last * sizeof(double)) +
         rows * (BINS_MOST + 3 * rows) * sizeof(double);
}

void match_targets_clear(match_targets *t) {
  for (uint32_t s = 0; s < MATCHING_MOST_SIZES; s++) {
    bins_free(t->bins[s]);
    free(t->waves[s]);
    t->bins[s] = NULL;
    t->waves[s] = NULL;
  }
}

/// Where the target of a row is taken from.
static int origin(const match_targets *t, uint32_t row, int stage_has_it) {
  const matching_task *task = t->task;
  const int exact = measure_is_known(task->measure[row % task->observables],
                                     matching_length(task, row / task->observables), t->config->coupling);
  switch (t->config->targets) {
  case MATCH_TARGETS_EXACT: return exact ? FROM_EXACT : FROM_NOWHERE;
  case MATCH_TARGETS_STAGE: return stage_has_it ? FROM_STAGE : FROM_NOWHERE;
  case MATCH_TARGETS_VALUES: return t->config->values.count ? FROM_VALUES : FROM_NOWHERE;
  default:
    if (t->config->values.count) return FROM_VALUES;
    return exact ? FROM_EXACT : stage_has_it ? FROM_STAGE : FROM_NOWHERE;
  }
}

static int is_size(const matching_task *task, uint32_t size, const fg_lattice *lattice) {
  const fg_lattice wanted = fg_lattice_square(matching_length(task, size));
  return fg_lattice_equal(lattice, &wanted);
}

static fg_status refuse_row(const match_targets *t, uint32_t row) {
  const fg_host *host = t->host;
  const matching_task *task = t->task;
  const char *name = measure_names[task->measure[row % task->observables]];
  const uint64_t length = matching_length(task, row / task->observables);
  switch (t->config->targets) {
  case MATCH_TARGETS_VALUES: return host->fail_param(host, "targets", "values, but there are none; give values: [...]");
  case MATCH_TARGETS_STAGE:
    return host->fail_param(host, "targets",
                            "no %" PRIu64 "x%" PRIu64 " lattices come in at 'target'; connect a stage that has them, "
                            "inputs: {target: STAGE}, or leave this size out",
                            length, length);
  default:
    return host->fail_param(host, "targets",
                            "no exact %s is known at size %" PRIu64
                            " (e and varE: all sizes; all others: L ≤ 4; m2, m4, chi, U at "
                            "the critical coupling: L ≤ 10, 12, 16)%s",
                            name, length,
                            t->config->targets == MATCH_TARGETS_EXACT
                                ? "; set targets: auto and connect a stage, inputs: {target: STAGE}"
                                : "; connect a stage that has such lattices, inputs: {target: STAGE}");
  }
}

fg_status match_targets_check(match_targets *t, const fg_format *input) {
  const matching_task *task = t->task;
  int used = 0;
  t->connected = input != NULL;
  for (uint32_t row = 0; row < matching_rows(task); row++) {
    int has_it = 0;
    for (uint32_t i = 0; input && i < input->shape_count; i++)
      has_it |= is_size(task, row / task->observables, &input->shapes[i]);
    const int from = origin(t, row, has_it);
    used |= from == FROM_STAGE;
    if (from == FROM_NOWHERE) return refuse_row(t, row);
    if (from == FROM_VALUES &&
        match_config_possible(t->host, "values", task->measure[row % task->observables],
                              matching_length(task, row / task->observables), t->config->values.items[row]) != FG_OK)
      return FG_FAILED;
  }
  if (t->connected && !used && t->config->targets != MATCH_TARGETS_AUTO)
    return t->host->fail_param(t->host, "targets",
                               "%s, but a stage is connected to 'target', too; take it away, or set "
                               "targets: stage",
                               t->config->targets == MATCH_TARGETS_EXACT ? "exact" : "values");
  return FG_OK;
}

// ---- configurations that come in

typedef struct measuring {
  const match_targets *t;
  const fg_batch *batch;
  uint32_t size;
  double *moments;
} measuring;

static fg_status measure_share(void *arg, uint64_t share) {
  const measuring *work = arg;
  const uint64_t count = work->batch->count;
  for (uint64_t c = count * share / TASKS; c < count * (share + 1) / TASKS; c++)
    measure_moments(work->batch, (uint32_t)c, work->t->waves[work->size], work->moments + c * MOMENTS);
  return FG_OK;
}

fg_status match_targets_add(match_targets *t, const fg_batch *batch) {
  const fg_host *host = t->host;
  uint32_t s = 0;
  while (s < t->task->sizes && !is_size(t->task, s, &batch->lattice)) s++;
  if (s == t->task->sizes || !batch->count) return FG_OK;
  if (!t->bins[s]) t->bins[s] = bins_new(MOMENTS);
  if (!t->waves[s]) t->waves[s] = measure_waves_new(matching_length(t->task, s));
  measuring work = {t, batch, s, malloc((size_t)batch->count * MOMENTS * sizeof(double))};
  fg_status status =
      t->bins[s] && t->waves[s] && work.moments ? FG_OK : host->fail(host, "out of memory for the targets' moments");
  if (status == FG_OK) status = host->parallel_for(host, TASKS, measure_share, &work);
  for (uint32_t c = 0; status == FG_OK && c < batch->count; c++) {
    double *sums = bins_next(t->bins[s], 1);
    for (int i = 0; i < MOMENTS; i++) sums[i] += work.moments[(size_t)c * MOMENTS + (size_t)i];
  }
  free(work.moments);
  return status;
}

// ---- the targets

/// An observable over all configurations, and with each bin left out.
static double jackknife(const match_targets *t, uint32_t row, double *left_out) {
  const matching_task *task = t->task;
  const uint32_t s = row / task->observables;
  const bins *b = t->bins[s];
  double mean[MOMENTS], gradient[MOMENTS];
  const int measure = task->measure[row % task->observables];
  for (uint32_t j = 0; j < bins_number(b); j++) {
    bins_mean(b, j, mean);
    left_out[j] = measure_value(measure, matching_length(task, s), mean, gradient);
  }
  bins_mean(b, BINS_NONE, mean);
  return measure_value(measure, matching_length(task, s), mean, gradient);
}

/// Of rows from configurations. Different sizes of equally many configurations may be levels of the same dreams: then
/// their bins belong together. Otherwise they are independent.
static void fill_covariance(const match_targets *t, const int *sampled, const double *left_out, double *covariance) {
  const matching_task *task = t->task;
  const uint32_t rows = matching_rows(task);
  for (uint32_t r = 0; r < rows; r++) {
    for (uint32_t q = 0; q < rows; q++) {
      const bins *b = t->bins[r / task->observables], *other = t->bins[q / task->observables];
      if (!sampled[r] || !sampled[q] || bins_count(b) != bins_count(other)) continue;
      covariance[r * rows + q] =
          bins_covariance(b, task->target[r], left_out + r * BINS_MOST, task->target[q], left_out + q * BINS_MOST);
    }
  }
}

static fg_status fill_row(match_targets *t, uint32_t row, double *left_out, int *sampled, double *variance) {
  matching_task *task = t->task;
  const fg_host *host = t->host;
  const uint32_t s = row / task->observables;
  const int measure = task->measure[row % task->observables];
  const uint64_t length = matching_length(task, s), count = t->bins[s] ? bins_count(t->bins[s]) : 0;
  const int from = origin(t, row, t->connected);
  *sampled = from == FROM_STAGE;
  if (from == FROM_VALUES) {
    task->target[row] = t->config->values.items[row];
    if (t->config->errors.count) *variance = t->config->errors.items[row] * t->config->errors.items[row];
  } else if (from == FROM_EXACT) {
    task->target[row] = measure_exact(host, measure, length, t->config->coupling);
  } else if (count < FEWEST_SAMPLES) {
    return host->fail(host,
                      "%" PRIu64 " configurations of size %" PRIu64
                      " came in at 'target'; at least %u are needed for a "
                      "target with an error",
                      count, length, FEWEST_SAMPLES);
  } else {
    task->target[row] = jackknife(t, row, left_out);
  }
  if (match_config_possible(host, "targets", measure, length, task->target[row]) != FG_OK) return FG_FAILED;
  task->scale[row] /= fabs(task->target[row]);
  return FG_OK;
}

fg_status match_targets_fill(match_targets *t, double *covariance) {
  const uint32_t rows = matching_rows(t->task);
  int sampled[MATCHING_MOST_ROWS];
  double *left_out = calloc((size_t)rows * BINS_MOST, sizeof *left_out);
  if (!left_out) return t->host->fail(t->host, "out of memory for the targets' errors");
  memset(covariance, 0, (size_t)rows * rows * sizeof *covariance);
  fg_status status = FG_OK;
  for (uint32_t r = 0; status == FG_OK && r < rows; r++)
    status = fill_row(t, r, left_out + r * BINS_MOST, &sampled[r], &covariance[r * rows + r]);
  if (status == FG_OK) fill_covariance(t, sampled, left_out, covariance);
  free(left_out);
  return status;
}
