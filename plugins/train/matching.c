// matching.c — see matching.h.
#include "matching.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHARES 16u // of the dreams, differentiated in parallel and added up in order

fg_status matching_open(matching *m, const inputs_model *model, const matching_task *task) {
  const fg_host *host = model->host;
  *m = (matching){.host = host, .model = model, .task = task, .isa = slices_chosen(host)};
  if (!m->isa) return FG_FAILED;
  m->parameters = model->network->parameters(model->opened);
  m->weights = calloc(m->parameters, sizeof *m->weights);
  m->moments = calloc(task->dreams * task->sizes, MOMENTS * sizeof *m->moments);
  int complete = m->weights && m->moments, waves = 0;
  for (uint32_t o = 0; o < task->observables; o++) waves |= task->measure[o] == MEASURE_XI;
  for (uint32_t s = 0; waves && s < task->sizes; s++) {
    m->waves[s] = measure_waves_new(matching_length(task, s));
    complete = complete && m->waves[s];
  }
  return complete ? FG_OK : host->fail(host, "out of memory for %" PRIu64 " dreams; ask for fewer", task->dreams);
}

void matching_close(matching *m) {
  free(m->weights);
  free(m->moments);
  for (uint32_t s = 0; s < MATCHING_MOST_SIZES; s++) free(m->waves[s]);
  *m = (matching){0};
}

uint64_t matching_bytes(const matching_task *task, uint64_t most_parameters) {
  const uint64_t last = task->start << task->levels, rows = matching_rows(task);
  const uint64_t jacobian = rows * rows; // there is one where rows determine the weights
  return sizeof(matching) + task->dreams * task->sizes * MOMENTS * sizeof(double) +
         task->sizes * (sizeof(measure_waves) + 2 * last * sizeof(double)) +
         (SHARES + 2) * (jacobian + most_parameters) * sizeof(double) +
         SHARES * dreamer_bytes(task->start, task->levels);
}

static dreamer dreamer_of(const matching *m, const dreamer_model *model) {
  dreamer d = {.host = m->host,
               .isa = m->isa,
               .start = m->task->start,
               .levels = m->task->levels,
               .key = m->host->rng_key(m->host, "dream")};
  for (int k = 0; k < d.levels; k++) d.step[k] = model;
  return d;
}

static double *moments_of(const matching *m, uint64_t dream, uint32_t size) {
  return m->moments + (dream * m->task->sizes + size) * MOMENTS;
}

// ---- values

typedef struct evaluation {
  const matching *m;
  dreamer dreamer;
} evaluation;

static fg_status measure_block(void *arg, uint64_t index) {
  const evaluation *work = arg;
  const matching *m = work->m;
  const matching_task *task = m->task;
  dreamer_block block;
  fg_status status = dreamer_draw(&work->dreamer, m->first, task->dreams, index, &block);
  for (uint32_t s = 0; status == FG_OK && s < task->sizes; s++)
    for (uint32_t c = 0; c < block.count; c++)
      measure_moments(block.level[task->level[s]], c, m->waves[s], moments_of(m, block.first - m->first + c, s));
  dreamer_drop(&work->dreamer, &block);
  return status;
}

/// Observables and loss of the moments.
static void summarise(matching *m) {
  const matching_task *task = m->task;
  memset(m->mean, 0, sizeof m->mean);
  for (uint64_t c = 0; c < task->dreams; c++)
    for (uint32_t s = 0; s < task->sizes; s++)
      for (int i = 0; i < MOMENTS; i++) m->mean[s][i] += moments_of(m, c, s)[i];
  m->loss = 0;
  for (uint32_t row = 0; row < matching_rows(task); row++) {
    const uint32_t s = row / task->observables;
    if (row % task->observables == 0)
      for (int i = 0; i < MOMENTS; i++) m->mean[s][i] /= (double)task->dreams;
    m->value[row] =
        measure_value(task->measure[row % task->observables], matching_length(task, s), m->mean[s], m->gradient[row]);
    const double deviation = matching_deviation(task, row, m->value[row]);
    m->loss += deviation * deviation;
  }
  if (!isfinite(m->loss)) m->loss = INFINITY;
}

fg_status matching_evaluate(matching *m, uint64_t first, const double *weights) {
  dreamer_model model;
  memcpy(m->weights, weights, m->parameters * sizeof *weights);
  m->first = first;
  fg_status status = dreamer_open(&model, m->model, weights, m->parameters);
  evaluation work = {m, dreamer_of(m, &model)};
  if (status == FG_OK)
    status = m->host->parallel_for(m->host, dreamer_blocks(&work.dreamer, m->task->dreams), measure_block, &work);
  dreamer_close(&model);
  if (status != FG_OK) return status;
  m->evaluations++;
  summarise(m);
  return FG_OK;
}

/// x of a row.
static double influence(const matching *m, uint64_t dream, uint32_t row) {
  const uint32_t s = row / m->task->observables;
  const double *moments = moments_of(m, dream, s);
  double sum = 0;
  for (int i = 0; i < MOMENTS; i++) sum += m->gradient[row][i] * (moments[i] - m->mean[s][i]);
  return sum;
}

void matching_noise(const matching *m, double *covariance) {
  const uint32_t rows = matching_rows(m->task);
  const double n = (double)m->task->dreams;
  double x[MATCHING_MOST_ROWS];
  memset(covariance, 0, (size_t)rows * rows * sizeof *covariance);
  for (uint64_t c = 0; c < m->task->dreams; c++) {
    for (uint32_t r = 0; r < rows; r++) x[r] = influence(m, c, r);
    for (uint32_t r = 0; r < rows; r++)
      for (uint32_t q = 0; q < rows; q++) covariance[r * rows + q] += x[r] * x[q];
  }
  for (uint32_t i = 0; i < rows * rows; i++) covariance[i] /= n * n;
}

// ---- derivatives

/// Each share has rows·parameters numbers (the Jacobian) or parameters (the gradient).
typedef struct differentiation {
  const matching *m;
  dreamer dreamer;
  const dreamer_model *model;
  int combined; ///< the gradient of the loss alone
  size_t length;
  double *shares;
} differentiation;

/// The row's level: the step that leads to a higher one has no influence on it.
static int level_of(const matching *m, uint32_t row) { return m->task->level[row / m->task->observables]; }

/// One step's part of a row of the Jacobian; or, rows added up, of the gradient of the loss. The network adds derivatives of
/// -Σ coefficient·ln P.
static fg_status add_step(const differentiation *work, const dreamer_block *block, int step, uint32_t row,
                          double *coefficient, double *sums) {
  const matching *m = work->m;
  const matching_task *task = m->task;
  for (uint32_t c = 0; c < block->count; c++) {
    const uint64_t dream = block->first - m->first + c;
    coefficient[c] = work->combined ? 0 : -influence(m, dream, row);
    for (uint32_t r = 0; work->combined && r < matching_rows(task); r++)
      if (level_of(m, r) > step)
        coefficient[c] -= 2 * task->scale[r] * matching_deviation(task, r, m->value[r]) * influence(m, dream, r);
  }
  double loss = 0;
  return work->model->network->gradient(work->model->opened, block->level[step + 1], block->level[step], 0,
                                        block->count, coefficient, &loss, sums);
}

static fg_status differentiate_block(const differentiation *work, const dreamer_block *block, double *coefficient,
                                     double *sums) {
  const matching *m = work->m;
  const uint32_t rows = work->combined ? 1 : matching_rows(m->task);
  fg_status status = FG_OK;
  for (uint32_t r = 0; r < rows; r++)
    for (int step = 0; status == FG_OK && step < (work->combined ? m->task->levels : level_of(m, r)); step++)
      status = add_step(work, block, step, r, coefficient, sums + r * m->parameters);
  return status;
}

static fg_status differentiate_share(void *arg, uint64_t share) {
  const differentiation *work = arg;
  const matching *m = work->m;
  const uint64_t blocks = dreamer_blocks(&work->dreamer, m->task->dreams);
  double *coefficient = malloc(dreamer_together(m->task->start, m->task->levels) * sizeof *coefficient);
  if (!coefficient) return m->host->fail(m->host, "out of memory for gradients");
  fg_status status = FG_OK;
  for (uint64_t b = blocks * share / SHARES; status == FG_OK && b < blocks * (share + 1) / SHARES; b++) {
    dreamer_block block;
    status = dreamer_draw(&work->dreamer, m->first, m->task->dreams, b, &block);
    if (status == FG_OK) status = differentiate_block(work, &block, coefficient, work->shares + share * work->length);
    dreamer_drop(&work->dreamer, &block);
  }
  free(coefficient);
  return status;
}

static fg_status differentiate(const matching *m, int combined, double *sums) {
  const size_t length = (combined ? 1 : matching_rows(m->task)) * m->parameters;
  dreamer_model model;
  fg_status status = dreamer_open(&model, m->model, m->weights, m->parameters);
  differentiation work = {m, dreamer_of(m, &model), &model, combined, length, NULL};
  if (status == FG_OK) {
    work.shares = calloc(SHARES * length, sizeof *work.shares);
    if (!work.shares) status = m->host->fail(m->host, "out of memory for the gradients of %zu weights", m->parameters);
  }
  if (status == FG_OK) status = m->host->parallel_for(m->host, SHARES, differentiate_share, &work);
  memset(sums, 0, length * sizeof *sums);
  for (uint64_t share = 0; status == FG_OK && share < SHARES; share++)
    for (size_t k = 0; k < length; k++) sums[k] += work.shares[share * length + k] / (double)m->task->dreams;
  free(work.shares);
  dreamer_close(&model);
  return status;
}

fg_status matching_jacobian(const matching *m, double *jacobian) { return differentiate(m, 0, jacobian); }

fg_status matching_gradient(const matching *m, double *gradient) { return differentiate(m, 1, gradient); }
