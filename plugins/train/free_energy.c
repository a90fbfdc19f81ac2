// free_energy.c — see free_energy.h.
#include "free_energy.h"

#include "plugins/estimate/energy.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static dreamer shape_of(const free_energy_task *task) { return (dreamer){.start = 1, .levels = task->levels}; }

uint64_t free_energy_bytes(const free_energy_task *task, uint64_t most_parameters) {
  const dreamer shape = shape_of(task);
  const uint64_t blocks = dreamer_blocks(&shape, task->dreams);
  return sizeof(free_energy) + blocks * (sizeof(dreamer_block) + dreamer_bytes(1, task->levels)) +
         task->dreams * (3 + (uint64_t)task->levels) * sizeof(double) +
         blocks * FREE_ENERGY_MODELS * most_parameters * sizeof(double);
}

fg_status free_energy_open(free_energy *f, const free_energy_task *task, const inputs_model *rest,
                           const inputs_model *top) {
  const fg_host *host = rest->host;
  const dreamer shape = shape_of(task);
  *f = (free_energy){.host = host, .isa = slices_chosen(host), .task = *task, .model = {rest, top}};
  if (!f->isa) return FG_FAILED;
  f->blocks = dreamer_blocks(&shape, task->dreams);
  f->block = calloc(f->blocks, sizeof *f->block);
  f->energy = calloc(task->dreams, sizeof *f->energy);
  f->actions = calloc(task->dreams, sizeof *f->actions);
  f->scratch = calloc(task->dreams, sizeof *f->scratch);
  f->terms = calloc(task->dreams * (uint64_t)task->levels, sizeof *f->terms);
  if (f->block && f->energy && f->actions && f->scratch && f->terms) return FG_OK;
  return host->fail(host, "out of memory for %" PRIu64 " dreams; ask for fewer", task->dreams);
}

void free_energy_close(free_energy *f) {
  free(f->block);
  free(f->energy);
  free(f->actions);
  free(f->scratch);
  free(f->terms);
  *f = (free_energy){0};
}

// ---- the kernel

static unsigned spins_up(const fg_batch *fine, uint32_t c, uint64_t y, uint64_t x) {
  const uint64_t *above = fg_batch_row(fine, c, 2 * y), *below = fg_batch_row(fine, c, 2 * y + 1);
  return fg_bit_get(above, 2 * x) + fg_bit_get(above, 2 * x + 1) + fg_bit_get(below, 2 * x) +
         fg_bit_get(below, 2 * x + 1);
}

/// ln q(coarse | fine): majority, ½ for ties; or the spin at (0,0) of each block. -∞ when excluded.
static double log_kernel(int32_t kernel, const fg_batch *fine, const fg_batch *coarse, uint32_t c) {
  uint64_t ties = 0, opposed = 0;
  for (uint64_t y = 0; y < coarse->rows; y++) {
    for (uint64_t x = 0; x < coarse->rows; x++) {
      const unsigned parent = fg_bit_get(fg_batch_row(coarse, c, y), x);
      if (kernel == FREE_ENERGY_DECIMATION) {
        opposed += fg_bit_get(fg_batch_row(fine, c, 2 * y), 2 * x) != parent;
        continue;
      }
      const unsigned up = spins_up(fine, c, y, x);
      ties += up == 2;
      opposed += up != 2 && (up > 2) != parent;
    }
  }
  return opposed ? -INFINITY : -(double)ties * M_LN2;
}

// ---- dreams

typedef struct evaluation {
  free_energy *f;
  dreamer dreamer;
  uint64_t first;
  double *sums; ///< gradients: of block, model
  size_t stride[FREE_ENERGY_MODELS];
  int step; ///< gradients: the one whose A is in actions
} evaluation;

static int model_of(const free_energy *f, int step) { return f->model[0] != f->model[1] && step == f->task.levels - 1; }

static fg_status refuse_draw(const free_energy *f, int step) {
  const char *kind = f->model[model_of(f, step)]->kind;
  return f->host->fail(f->host,
                       "model '%s' drew a %u×%u lattice whose %s not the %u×%u lattice it was drawn from: the kernel "
                       "excludes it, and the free energy is infinite; use a network that cannot do so, such as "
                       "network.autoregressive or network.block with majority: true%s",
                       kind, 2u << step, 2u << step,
                       f->task.kernel == FREE_ENERGY_MAJORITY ? "blocks' majority is" : "spins (0,0) of blocks are",
                       1u << step, 1u << step,
                       f->task.kernel == FREE_ENERGY_DECIMATION ? ", and kernel: majority" : "");
}

static fg_status dream_block(void *arg, uint64_t index) {
  const evaluation *work = arg;
  free_energy *f = work->f;
  const int levels = f->task.levels;
  dreamer_block *block = &f->block[index];
  fg_status status = dreamer_draw(&work->dreamer, work->first, f->task.dreams, index, block);
  const uint64_t at = block->first - work->first;
  for (int k = 0; status == FG_OK && k < levels; k++) {
    const dreamer_model *model = work->dreamer.step[k];
    double *scores = f->scratch + at;
    status = model->network->log_prob(model->opened, block->level[k + 1], block->level[k], 0, block->count, scores);
    for (uint32_t c = 0; status == FG_OK && c < block->count; c++) {
      const double log_q = log_kernel(f->task.kernel, block->level[k + 1], block->level[k], c);
      if (isinf(log_q)) return refuse_draw(f, k);
      f->terms[(at + c) * (uint64_t)levels + (uint64_t)k] = scores[c] - log_q;
    }
  }
  for (uint32_t c = 0; status == FG_OK && c < block->count; c++) {
    const fg_batch *last = block->level[levels];
    const double unlike = (double)energy_count(last, c, 0, last->rows).unlike;
    f->energy[at + c] = f->task.coupling * (2 * unlike - 2 * free_energy_sites(&f->task));
  }
  return status;
}

double free_energy_log_weight(const free_energy *f, uint64_t dream) {
  double sum = M_LN2 - f->energy[dream];
  for (int k = 0; k < f->task.levels; k++) sum -= f->terms[dream * (uint64_t)f->task.levels + (uint64_t)k];
  return sum;
}

/// Mean and deviation of -ln W.
static void summarise(free_energy *f) {
  const double n = (double)f->task.dreams;
  double sum = 0, squares = 0;
  for (uint64_t c = 0; c < f->task.dreams; c++) sum -= free_energy_log_weight(f, c);
  f->mean = sum / n;
  for (uint64_t c = 0; c < f->task.dreams; c++) {
    const double off = free_energy_log_weight(f, c) + f->mean;
    squares += off * off;
  }
  f->deviation = sqrt(squares / (n - 1));
}

// ---- gradients

/// A_step of every dream, then its deviation from the mean of the others, over the number of dreams, with the sign that
/// the network's gradient of -Σ weight·ln P wants.
static void set_actions(free_energy *f, int step) {
  const double n = (double)f->task.dreams;
  double sum = 0;
  for (uint64_t c = 0; c < f->task.dreams; c++) {
    f->actions[c] = f->energy[c];
    for (int k = step; k < f->task.levels; k++) f->actions[c] += f->terms[c * (uint64_t)f->task.levels + (uint64_t)k];
    sum += f->actions[c];
  }
  for (uint64_t c = 0; c < f->task.dreams; c++) f->actions[c] = -(f->actions[c] - sum / n) / (n - 1);
}

static fg_status differentiate_block(void *arg, uint64_t index) {
  const evaluation *work = arg;
  free_energy *f = work->f;
  const dreamer_block *block = &f->block[index];
  const int which = model_of(f, work->step);
  const dreamer_model *model = work->dreamer.step[work->step];
  double loss = 0, *sums = work->sums + index * (work->stride[0] + work->stride[1]) + (which ? work->stride[0] : 0);
  if (f->host->cancelled(f->host)) return FG_CANCELLED;
  return model->network->gradient(model->opened, block->level[work->step + 1], block->level[work->step], 0,
                                  block->count, f->actions + (block->first - work->first), &loss, sums);
}

static fg_status differentiate(evaluation *work, double *const gradient[FREE_ENERGY_MODELS]) {
  free_energy *f = work->f;
  const fg_host *host = f->host;
  const size_t together = work->stride[0] + work->stride[1];
  work->sums = calloc(f->blocks * together, sizeof *work->sums);
  if (!work->sums) return host->fail(host, "out of memory for the gradients of %zu weights", together);
  fg_status status = FG_OK;
  for (work->step = 0; status == FG_OK && work->step < f->task.levels; work->step++) {
    set_actions(f, work->step);
    status = host->parallel_for(host, f->blocks, differentiate_block, work);
  }
  for (int i = 0; status == FG_OK && i < FREE_ENERGY_MODELS; i++) {
    if (!gradient[i] || !work->stride[i]) continue;
    memset(gradient[i], 0, work->stride[i] * sizeof *gradient[i]);
    for (uint64_t b = 0; b < f->blocks; b++)
      for (size_t k = 0; k < work->stride[i]; k++)
        gradient[i][k] += work->sums[b * together + (i ? work->stride[0] : 0) + k];
  }
  free(work->sums);
  return status;
}

fg_status free_energy_evaluate(free_energy *f, uint64_t first, const double *const weights[FREE_ENERGY_MODELS],
                               double *const gradient[FREE_ENERGY_MODELS]) {
  const fg_host *host = f->host;
  const int models = f->model[0] == f->model[1] ? 1 : 2;
  dreamer_model opened[FREE_ENERGY_MODELS] = {0};
  evaluation work = {.f = f, .first = first};
  work.dreamer =
      (dreamer){.host = host, .isa = f->isa, .start = 1, .levels = f->task.levels, .key = host->rng_key(host, "dream")};
  fg_status status = FG_OK;
  for (int i = 0; status == FG_OK && i < models; i++) {
    work.stride[i] = f->model[i]->network->parameters(f->model[i]->opened);
    status = dreamer_open(&opened[i], f->model[i], weights[i], work.stride[i]);
  }
  for (int k = 0; k < f->task.levels; k++) work.dreamer.step[k] = &opened[model_of(f, k)];
  if (status == FG_OK) status = host->parallel_for(host, f->blocks, dream_block, &work);
  if (status == FG_OK) summarise(f);
  if (status == FG_OK && gradient) status = differentiate(&work, gradient);
  for (uint64_t b = 0; b < f->blocks; b++) dreamer_drop(&work.dreamer, &f->block[b]);
  for (int i = 0; i < models; i++) dreamer_close(&opened[i]);
  return status;
}
