// descent.c — see descent.h.
#include "descent.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHARES 8u       // of a minibatch, computed in parallel and added up in order
#define LINE_DOUBLES 16 // shares begin on cache lines of their own

static size_t stride_of(size_t parameters) { return (1 + parameters + LINE_DOUBLES - 1) / LINE_DOUBLES * LINE_DOUBLES; }

uint64_t descent_bytes(uint64_t epochs, uint64_t batch) {
  uint64_t vectors = 5 * DESCENT_MOST_PARAMETERS + SHARES * stride_of(DESCENT_MOST_PARAMETERS);
  return sizeof(descent) + (vectors + 2 * batch) * sizeof(double) + epochs * sizeof(descent_epoch);
}

fg_status descent_open(descent *d, const inputs_model *model, training_set *data, const descent_settings *settings,
                       uint64_t batch, const double *weights) {
  const fg_host *host = model->host;
  const size_t parameters = model->network->parameters(model->opened);
  *d = (descent){.model = model, .data = data, .settings = *settings};
  d->minibatches = training_set_minibatches(data, TRAINING);
  d->settings.adamw.steps = settings->epochs * d->minibatches;
  d->stride = stride_of(parameters);
  uint64_t pairs = training_set_pairs(data, TRAINING) + training_set_pairs(data, HELD_OUT);
  int complete = adamw_init(&d->optimiser, &d->settings.adamw, parameters);
  d->weights = calloc(parameters, sizeof *d->weights);
  d->best = calloc(parameters, sizeof *d->best);
  d->curve = calloc(settings->epochs, sizeof *d->curve);
  d->shares = calloc(SHARES * d->stride, sizeof *d->shares);
  d->scores = calloc(batch < pairs ? batch : pairs, sizeof *d->scores);
  if (!complete || !d->weights || !d->best || !d->curve || !d->shares || !d->scores)
    return host->fail(host, "out of memory for %zu parameters and %" PRIu64 " epochs", parameters, settings->epochs);
  memcpy(d->weights, weights, parameters * sizeof *weights);
  return FG_OK;
}

void descent_close(descent *d) {
  adamw_clear(&d->optimiser);
  free(d->weights);
  free(d->best);
  free(d->curve);
  free(d->shares);
  free(d->scores);
  *d = (descent){0};
}

int descent_done(const descent *d) {
  if (d->epoch == d->settings.epochs) return 1;
  return d->settings.patience && d->epoch - d->best_epoch >= d->settings.patience && d->minibatch == 0;
}

// ---- a minibatch

/// A minibatch at work, under weights that are opened for it.
typedef struct minibatch_work {
  const descent *d;
  const fg_network_model *opened;
  minibatch m;
} minibatch_work;

static fg_status open_weights(const descent *d, const double *weights, fg_network_model **opened) {
  const inputs_model *model = d->model;
  return model->network->open(model->host, model->arrived->hyperparameters, weights, d->optimiser.parameters, opened);
}

/// The range of share `task`; 0 when it is empty.
static int range_of(const minibatch_work *work, uint64_t task, uint32_t *begin, uint32_t *end) {
  const uint64_t count = work->m.fine->count;
  *begin = (uint32_t)(count * task / SHARES);
  *end = (uint32_t)(count * (task + 1) / SHARES);
  return *begin < *end;
}

static fg_status differentiate_share(void *arg, uint64_t task) {
  const minibatch_work *work = arg;
  const descent *d = work->d;
  const fg_host *host = d->model->host;
  double *sums = d->shares + task * d->stride;
  uint32_t begin, end;
  memset(sums, 0, d->stride * sizeof *sums);
  if (host->cancelled(host)) return FG_CANCELLED;
  if (!range_of(work, task, &begin, &end)) return FG_OK;
  return d->model->network->gradient(work->opened, work->m.fine, work->m.coarse, begin, end, work->m.weight, sums,
                                     sums + 1);
}

/// Loss over all fine spins of a minibatch, and its gradient per fine spin of a mean minibatch, into the first share: so
/// that all spins count alike, on whatever size.
static fg_status differentiate(descent *d, minibatch_work *work) {
  const fg_host *host = d->model->host;
  fg_network_model *opened;
  fg_status status = open_weights(d, d->weights, &opened);
  if (status != FG_OK) return status;
  work->opened = opened;
  status = host->parallel_for(host, SHARES, differentiate_share, work);
  d->model->network->close(opened);
  for (uint64_t task = 1; task < SHARES; task++)
    for (size_t k = 0; k <= d->optimiser.parameters; k++) d->shares[k] += d->shares[task * d->stride + k];
  const double spins = (double)training_set_spins(d->data, TRAINING) / (double)d->minibatches;
  for (size_t k = 1; k <= d->optimiser.parameters; k++) d->shares[k] /= spins;
  return status;
}

static fg_status score_share(void *arg, uint64_t task) {
  const minibatch_work *work = arg;
  const descent *d = work->d;
  const fg_host *host = d->model->host;
  uint32_t begin, end;
  if (host->cancelled(host)) return FG_CANCELLED;
  if (!range_of(work, task, &begin, &end)) return FG_OK;
  return d->model->network->log_prob(work->opened, work->m.fine, work->m.coarse, begin, end, d->scores);
}

/// Loss of one part of the data under `weights`.
static fg_status score(descent *d, const double *weights, training_part part, double *loss) {
  const fg_host *host = d->model->host;
  minibatch_work work = {.d = d};
  fg_network_model *opened;
  fg_status status = open_weights(d, weights, &opened);
  if (status != FG_OK) return status;
  work.opened = opened;
  double sum = 0;
  for (uint64_t k = 0; status == FG_OK && k < training_set_minibatches(d->data, part); k++) {
    status = training_set_take(d->data, part, k, &work.m);
    if (status == FG_OK) status = host->parallel_for(host, SHARES, score_share, &work);
    for (uint32_t i = 0; status == FG_OK && i < work.m.fine->count; i++)
      sum -= work.m.weight ? work.m.weight[i] * d->scores[i] : d->scores[i];
    minibatch_clear(host, &work.m);
  }
  d->model->network->close(opened);
  *loss = sum / (double)training_set_spins(d->data, part);
  return status;
}

// ---- epochs

static fg_status refuse_loss(const descent *d, double loss) {
  const fg_host *host = d->model->host;
  const char *what = isnan(loss) ? "not a number" : "infinite";
  if (d->optimiser.step == 0)
    return host->fail(host,
                      "the loss is %s before the first step: under the start weights a configuration has the "
                      "probability 0; start from others, or use a network that excludes nothing",
                      what);
  return host->fail_param(host, "rate", "diverged in epoch %" PRIu64 ": the loss is %s; use a smaller rate",
                          d->epoch + 1, what);
}

static int all_finite(const double *numbers, size_t count) {
  int finite = 1;
  for (size_t k = 0; k < count; k++) finite &= isfinite(numbers[k]) != 0;
  return finite;
}

/// The part whose loss decides which weights are best. Not the loss of the minibatches: while the rate is large, weights
/// that follow the last ones closely can have a smaller one than the best for all.
static training_part watched_part(const descent *d) {
  return training_set_pairs(d->data, HELD_OUT) ? HELD_OUT : TRAINING;
}

static fg_status end_epoch(descent *d) {
  descent_epoch *line = &d->curve[d->epoch];
  line->rate = adamw_rate(&d->settings.adamw, d->optimiser.step - 1);
  line->loss = d->loss_sum / (double)training_set_spins(d->data, TRAINING);
  fg_status status = score(d, d->weights, watched_part(d), &line->watched);
  if (status != FG_OK) return status;
  if (!isfinite(line->watched)) return refuse_loss(d, line->watched);
  d->epoch++;
  d->minibatch = 0;
  d->loss_sum = 0;
  if (d->best_epoch && line->watched >= d->curve[d->best_epoch - 1].watched) return FG_OK;
  d->best_epoch = d->epoch;
  memcpy(d->best, d->weights, d->optimiser.parameters * sizeof *d->best);
  return FG_OK;
}

/// The order of an epoch follows from its number.
static void shuffle(descent *d) {
  const fg_host *host = d->model->host;
  training_set_shuffle(d->data, fg_rng_start(host->rng_fill, host->rng_key(host, "shuffle"), d->epoch));
}

fg_status descent_step(descent *d) {
  minibatch_work work = {.d = d};
  if (d->minibatch == 0) shuffle(d);
  fg_status status = training_set_take_shuffled(d->data, d->minibatch, &work.m);
  if (status == FG_OK) status = differentiate(d, &work);
  minibatch_clear(d->model->host, &work.m);
  if (status != FG_OK) return status;
  const double loss = d->shares[0], *gradient = d->shares + 1;
  if (!isfinite(loss)) return refuse_loss(d, loss);
  adamw_step(&d->optimiser, gradient, d->weights);
  if (!all_finite(d->weights, d->optimiser.parameters)) return refuse_loss(d, NAN);
  d->loss_sum += loss;
  d->minibatch++;
  return d->minibatch == d->minibatches ? end_epoch(d) : FG_OK;
}

fg_status descent_best_losses(descent *d, double *training, double *held_out) {
  const double watched = d->curve[d->best_epoch - 1].watched;
  *held_out = NAN;
  *training = watched;
  if (watched_part(d) == TRAINING) return FG_OK;
  *held_out = watched;
  return score(d, d->best, TRAINING, training);
}

// ---- checkpoints

typedef struct saved_descent {
  uint64_t parameters, learned_from, held_out, minibatches; // what it must fit
  uint64_t epoch, minibatch, step, best_epoch;
  double beta1_product, beta2_product, loss_sum;
} saved_descent;

static saved_descent describe(const descent *d) {
  return (saved_descent){
      .parameters = d->optimiser.parameters,
      .learned_from = training_set_pairs(d->data, TRAINING),
      .held_out = training_set_pairs(d->data, HELD_OUT),
      .minibatches = d->minibatches,
      .epoch = d->epoch,
      .minibatch = d->minibatch,
      .step = d->optimiser.step,
      .best_epoch = d->best_epoch,
      .beta1_product = d->optimiser.beta1_product,
      .beta2_product = d->optimiser.beta2_product,
      .loss_sum = d->loss_sum,
  };
}

fg_status descent_save(const descent *d, const fg_writer *writer) {
  const saved_descent state = describe(d);
  const double *const vectors[] = {d->weights, d->best, d->optimiser.mean, d->optimiser.square};
  fg_status status = writer->write(writer, &state, sizeof state);
  for (int i = 0; status == FG_OK && i < 4; i++)
    status = writer->write(writer, vectors[i], state.parameters * sizeof(double));
  if (status == FG_OK) status = writer->write(writer, d->curve, d->epoch * sizeof *d->curve);
  return status;
}

fg_status descent_restore(descent *d, const fg_reader *reader) {
  const fg_host *host = d->model->host;
  const saved_descent here = describe(d);
  saved_descent state;
  double *const vectors[] = {d->weights, d->best, d->optimiser.mean, d->optimiser.square};
  int sound = reader->read(reader, &state, sizeof state) == FG_OK && state.parameters == here.parameters &&
              state.learned_from == here.learned_from && state.held_out == here.held_out &&
              state.minibatches == here.minibatches && state.epoch <= d->settings.epochs &&
              state.best_epoch <= state.epoch && state.minibatch < state.minibatches &&
              state.step == state.epoch * state.minibatches + state.minibatch;
  for (int i = 0; sound && i < 4; i++)
    sound = reader->read(reader, vectors[i], state.parameters * sizeof(double)) == FG_OK;
  if (sound) sound = reader->read(reader, d->curve, state.epoch * sizeof *d->curve) == FG_OK;
  if (!sound) return host->fail(host, "the checkpoint is not one of this stage; run again with --force");
  d->epoch = state.epoch;
  d->minibatch = state.minibatch;
  d->best_epoch = state.best_epoch;
  d->loss_sum = state.loss_sum;
  d->optimiser.step = state.step;
  d->optimiser.beta1_product = state.beta1_product;
  d->optimiser.beta2_product = state.beta2_product;
  if (d->minibatch) shuffle(d);
  return FG_OK;
}
