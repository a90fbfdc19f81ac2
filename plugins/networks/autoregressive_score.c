// autoregressive_score.c — network.autoregressive scores: log P of configurations, and gradients. Steps are outside,
// configurations inside, so that one step's tables stay near.
#include "autoregressive_model.h"

#include <inttypes.h>
#include <stdlib.h>

#define MOST_SITES 16384u     // added to sums of single precision before they are taken over
#define LARGEST_PRODUCT 1e300 // of factors up to 2

// ---- stretches

/// Configurations at work, and what is found.
typedef struct scoring {
  double *log_prob;     ///< of each
  double *product;      ///< of each: of factors that are still to be taken the logarithm of
  const double *weight; ///< of each, for gradients
  double *gradient;     ///< NULL: not asked for
} scoring;

/// The margins of a piece: logit · spin, without doubt where the spin is forced. True when a forced spin is wrong.
static int find_margins(const autoregressive_work *work, const autoregressive_piece *piece, const double *logits,
                        double *signs, double *margins) {
  const autoregressive_place at = autoregressive_piece_place(work, piece);
  const uint64_t stride = work->stretch.stride;
  int impossible = 0;
  for (uint64_t k = 0; k < piece->count; k++) {
    signs[k] = 2.0 * at.spins[2 * k * stride] - 1;
    margins[k] = signs[k] * logits[k];
  }
  for (uint64_t k = 0; autoregressive_may_force(work) && k < piece->count; k++) {
    if (!autoregressive_is_forced(work, &at, k * stride)) continue;
    impossible |= at.spins[2 * k * stride] != at.parents[k * stride];
    margins[k] = AUTOREGRESSIVE_CERTAIN;
  }
  return impossible;
}

static void take_logarithm(scoring *found, uint32_t i) {
  found->log_prob[i] -= log(found->product[i]);
  found->product[i] = 1;
}

/// Adds ln σ of the margins of a piece, site by site, so that it does not matter how sites come together. Factors are at
/// most 2: few logarithms are needed.
static void add_piece(const autoregressive_piece *piece, const double *margins, const double *factors, scoring *found) {
  for (uint64_t k = 0; k < piece->count; k++) {
    found->log_prob[piece->i] += margins[k] < 0 ? margins[k] : 0;
    found->product[piece->i] *= factors[k];
    if (found->product[piece->i] > LARGEST_PRODUCT) take_logarithm(found, piece->i);
  }
}

static void score(autoregressive_work *work, void *arg) {
  const autoregressive_stretch *stretch = &work->stretch;
  scoring *found = arg;
  uint64_t from = 0;
  for (uint32_t p = 0; p < stretch->pieces; from += stretch->piece[p++].count)
    if (find_margins(work, &stretch->piece[p], stretch->logits + from, work->signs + from, work->margins + from))
      found->log_prob[stretch->piece[p].i] = -INFINITY;
  work->model->kernel->probabilities(work->margins, stretch->sites.count, work->misses, work->factors);
  from = 0;
  for (uint32_t p = 0; p < stretch->pieces; from += stretch->piece[p++].count)
    add_piece(&stretch->piece[p], work->margins + from, work->factors + from, found);
}

/// The derivative of -ln σ(logit · spin) by the logit is -spin · σ(-logit · spin).
static void differentiate(autoregressive_work *work, void *arg) {
  const fg_network_model *model = work->model;
  const autoregressive_stretch *stretch = &work->stretch;
  const scoring *found = arg;
  score(work, arg);
  uint64_t site = 0;
  for (uint32_t p = 0; p < stretch->pieces; p++) {
    const double weight = found->weight[stretch->piece[p].i];
    for (uint32_t k = 0; k < stretch->piece[p].count; k++, site++) work->misses[site] *= -weight * work->signs[site];
  }
  model->kernel->add_slopes(&stretch->sites, work->misses, &work->sums);
  if (work->sums.sites >= MOST_SITES)
    autoregressive_sums_flush(&model->shape, work->tables, stretch->s, work->alone != NULL, &work->sums,
                              found->gradient);
}

/// All steps in the first `count` configurations at work; with a gradient, that too.
static void take_steps(autoregressive_work *work, uint32_t count, scoring *found) {
  const fg_network_model *model = work->model;
  for (uint32_t i = 0; i < count; i++) {
    found->log_prob[i] = 0;
    found->product[i] = 1;
  }
  for (uint32_t s = 0; s < model->shape.steps; s++) {
    if (found->gradient) autoregressive_sums_begin(&work->tables->step[s], &work->sums);
    autoregressive_work_step(work, s, count, found->gradient ? differentiate : score, found);
    if (found->gradient)
      autoregressive_sums_flush(&model->shape, work->tables, s, work->alone != NULL, &work->sums, found->gradient);
  }
  for (uint32_t i = 0; i < count; i++) take_logarithm(found, i);
  for (uint32_t i = 0; model->pair && i < count; i++)
    for (uint64_t y = 0; y < work->spins[i].rows; y++)
      found->log_prob[i] += autoregressive_pair_log_prob(model->pair, &work->spins[i], y);
}

// ---- configurations

/// Room for the numbers of a portion.
typedef struct room {
  double *weights, *log_probs, *products; ///< of each configuration
  double *scores, *shares;                ///< of each in each orientation
  double *memory;
} room;

static fg_status room_open(room *r, const autoregressive_work *work) {
  const fg_host *host = work->model->host;
  const uint64_t most = work->most;
  *r = (room){.memory = calloc(most, (3 + 2 * AUTOREGRESSIVE_ORIENTATIONS) * sizeof(double))};
  if (!r->memory) return host->fail(host, "out of memory for scores of %" PRIu64 " configurations", most);
  r->weights = r->memory;
  r->log_probs = r->weights + most;
  r->products = r->log_probs + most;
  r->scores = r->products + most;
  r->shares = r->scores + most * AUTOREGRESSIVE_ORIENTATIONS;
  return FG_OK;
}

/// Configurations begin … begin+count-1 of a pair of batches, at most as many as fit.
typedef struct portion {
  const fg_batch *fine, *coarse;
  uint32_t begin, count;
} portion;

/// ln P of each through one orientation.
static void score_through(autoregressive_work *work, const portion *p, unsigned g, scoring *found) {
  for (uint32_t i = 0; i < p->count; i++) autoregressive_work_load(work, i, p->fine, p->coarse, p->begin + i, g);
  take_steps(work, p->count, found);
}

/// ln of the mean of exp x[g·stride]; shares[g], when wanted, each one's share of the sum.
static double log_mean_exp(const double *x, uint64_t stride, double *shares) {
  double largest = -INFINITY, sum = 0;
  for (unsigned g = 0; g < AUTOREGRESSIVE_ORIENTATIONS; g++) largest = fmax(largest, x[g * stride]);
  for (unsigned g = 0; g < AUTOREGRESSIVE_ORIENTATIONS; g++) {
    double term = isfinite(largest) ? exp(x[g * stride] - largest) : 0;
    if (shares) shares[g * stride] = term;
    sum += term;
  }
  for (unsigned g = 0; shares && sum > 0 && g < AUTOREGRESSIVE_ORIENTATIONS; g++) shares[g * stride] /= sum;
  return sum > 0 ? largest + log(sum / AUTOREGRESSIVE_ORIENTATIONS) : -INFINITY;
}

/// ln P of the mixture of all orientations; shares[g·most + i], when wanted, that of each in configuration i.
static void score_mixture(autoregressive_work *work, const portion *p, const room *r, double *shares,
                          double *log_prob) {
  for (unsigned g = 0; g < AUTOREGRESSIVE_ORIENTATIONS; g++) {
    scoring found = {.log_prob = r->scores + (uint64_t)g * work->most, .product = r->products};
    score_through(work, p, g, &found);
  }
  for (uint32_t i = 0; i < p->count; i++)
    log_prob[i] = log_mean_exp(r->scores + i, work->most, shares ? shares + i : NULL);
}

/// The next portion of a call that ends at `end`.
static int next_portion(const autoregressive_work *work, portion *p, uint32_t end) {
  p->begin += p->count;
  p->count = end - p->begin < work->most ? end - p->begin : work->most;
  return p->count > 0;
}

fg_status autoregressive_log_prob(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                                  uint32_t begin, uint32_t end, double *log_prob) {
  autoregressive_work work;
  room r = {0};
  fg_status status = autoregressive_work_open(&work, model, fine, coarse, end, end - begin);
  if (status == FG_OK) status = room_open(&r, &work);
  portion p = {fine, coarse, begin, 0};
  while (status == FG_OK && next_portion(&work, &p, end)) {
    scoring found = {.log_prob = log_prob + p.begin, .product = r.products};
    if (model->shape.symmetrize == AUTOREGRESSIVE_MIXTURE)
      score_mixture(&work, &p, &r, NULL, found.log_prob);
    else
      score_through(&work, &p, 0, &found);
  }
  free(r.memory);
  autoregressive_work_close(&work);
  return status;
}

// ---- gradients

/// The gradient of -ln Σ_g P_g is the mean of those of the -ln P_g, weighted by their shares of the sum.
static void differentiate_mixture(autoregressive_work *work, const portion *p, const room *r, double *gradient) {
  score_mixture(work, p, r, r->shares, r->log_probs);
  for (unsigned g = 0; g < AUTOREGRESSIVE_ORIENTATIONS; g++) {
    double *shares = r->shares + (uint64_t)g * work->most;
    for (uint32_t i = 0; i < p->count; i++) shares[i] *= r->weights[i];
    scoring found = {.log_prob = r->scores, .product = r->products, .weight = shares, .gradient = gradient};
    score_through(work, p, g, &found);
  }
}

fg_status autoregressive_gradient(const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                                  uint32_t begin, uint32_t end, const double *weight, double *loss, double *gradient) {
  autoregressive_work work;
  room r = {0};
  fg_status status = autoregressive_work_open(&work, model, fine, coarse, end, end - begin);
  if (status == FG_OK) status = autoregressive_work_sum(&work);
  if (status == FG_OK) status = room_open(&r, &work);
  portion p = {fine, coarse, begin, 0};
  while (status == FG_OK && next_portion(&work, &p, end)) {
    for (uint32_t i = 0; i < p.count; i++) r.weights[i] = weight ? weight[p.begin + i] : 1;
    if (model->shape.symmetrize == AUTOREGRESSIVE_MIXTURE) {
      differentiate_mixture(&work, &p, &r, gradient);
    } else {
      scoring found = {.log_prob = r.log_probs, .product = r.products, .weight = r.weights, .gradient = gradient};
      score_through(&work, &p, 0, &found);
    }
    for (uint32_t i = 0; i < p.count; i++)
      if (r.weights[i] != 0) *loss -= r.weights[i] * r.log_probs[i];
  }
  free(r.memory);
  autoregressive_work_close(&work);
  return status;
}
