// subject.c — see subject.h.
#include "conform/subject.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FINE 65536u // fine lattices that are listed

static const fg_trial_options usual = {.seed = 1, .threads = 1};
static const fg_rng_key weights_key = {{7, 8}};

// --- calls ----------------------------------------------------------------------------------------------------------

fg_status fg_subject_called(fg_subject *s, fg_status status) {
  return fg_trial_leave(&s->trial, status, 1u << (FG_OK + 2) | 1u << (FG_FAILED + 2));
}

/// Opens, or ends the case.
fg_network_model *fg_subject_model(fg_subject *s, const double *weights, uint64_t count) {
  fg_network_model *model = NULL;
  fg_trial_enter(&s->trial, "open");
  fg_case_doing(s->trial.of, "open of a model with %" PRIu64 " weight(s)", count);
  if (fg_subject_called(s, s->network->open(&s->trial.host, s->hyperparameters, weights, count, &model)) != FG_OK)
    fg_case_failed(s->trial.of, "open refuses a model of its own: %s", s->trial.reason);
  if (!model) fg_case_failed(s->trial.of, "open returns FG_OK and no model");
  return model;
}

void fg_subject_score(fg_subject *s, const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                      uint32_t begin, uint32_t end, double *log_prob) {
  fg_trial_enter(&s->trial, "log_prob");
  fg_case_doing(s->trial.of, "log_prob of configurations %" PRIu32 " to %" PRIu32, begin, end - 1);
  if (fg_subject_called(s, s->network->log_prob(model, fine, coarse, begin, end, log_prob)) != FG_OK)
    fg_case_failed(s->trial.of, "log_prob fails on a lattice it knows: %s", s->trial.reason);
}

void fg_subject_draw(fg_subject *s, const fg_batch *coarse, fg_batch *fine, uint32_t begin, uint32_t end) {
  fg_trial_enter(&s->trial, "sample");
  fg_case_doing(s->trial.of, "sample of configurations %" PRIu32 " to %" PRIu32, begin, end - 1);
  fg_status status = s->network->sample(s->model, s->trial.host.rng_fill, FG_SUBJECT_KEY, coarse, fine, begin, end);
  if (fg_subject_called(s, status) != FG_OK)
    fg_case_failed(s->trial.of, "sample fails on a lattice it knows: %s", s->trial.reason);
}

// --- lattices -------------------------------------------------------------------------------------------------------

/// A lattice the network knows: square, if it does, otherwise a chain of the same width.
static fg_lattice lattice_of(const fg_subject *s, uint64_t rows, uint64_t width) {
  if (fg_network_takes(s->network, FG_SQUARE)) return (fg_lattice){FG_SQUARE, 2, {rows, width, 0, 0}};
  return (fg_lattice){FG_CHAIN, 1, {width, 0, 0, 0}};
}

unsigned fg_subject_get(const fg_batch *batch, uint32_t i, uint64_t site) {
  const uint64_t width = fg_lattice_width(&batch->lattice), *row = fg_batch_row(batch, i, site / width);
  return batch->element == FG_STATE8 ? ((const uint8_t *)row)[site % width] : fg_bit_get(row, site % width);
}

void fg_subject_set(fg_batch *batch, uint32_t i, uint64_t site, unsigned state) {
  const uint64_t width = fg_lattice_width(&batch->lattice);
  uint64_t *row = fg_batch_row_mut(batch, i, site / width);
  if (batch->element == FG_STATE8)
    ((uint8_t *)row)[site % width] = (uint8_t)state;
  else
    fg_bit_set(row, site % width, state);
}

static fg_batch *lend(fg_subject *s, const char *what, uint64_t rows, uint64_t width, uint32_t count) {
  const fg_lattice lattice = lattice_of(s, rows, width);
  const uint32_t element = fg_network_element(s->network);
  return fg_trial_lend_batch(&s->trial, what, element, &lattice, count, 0, fg_lattice_rows(&lattice));
}

const fg_batch *fg_subject_coarse(fg_subject *s, uint64_t rows, uint64_t width, uint32_t count) {
  fg_batch *batch = lend(s, "the coarse lattice", rows, width, count);
  fg_rng rng = fg_rng_start(s->trial.host.rng_fill, weights_key, rows << 32 | width);
  for (uint32_t i = 0; i < count; i++)
    for (uint64_t site = 0; site < fg_lattice_sites(&batch->lattice); site++)
      fg_subject_set(batch, i, site, (unsigned)fg_rng_below(&rng, s->states));
  batch->level = 2;
  fg_trial_seal(&s->trial, batch);
  return batch;
}

/// Writes the digits of `code` to the base of the states.
static void write_code(const fg_subject *s, fg_batch *batch, uint32_t i, uint32_t code) {
  for (uint64_t site = 0; site < fg_lattice_sites(&batch->lattice); site++, code /= s->states)
    fg_subject_set(batch, i, site, code % s->states);
}

const fg_batch *fg_subject_coarse_of_code(fg_subject *s, uint64_t length, unsigned code, uint32_t count) {
  fg_batch *batch = lend(s, "the coarse lattice", length, length, count);
  for (uint32_t i = 0; i < count; i++) write_code(s, batch, i, code);
  fg_trial_seal(&s->trial, batch);
  return batch;
}

uint32_t fg_subject_fine_count(const fg_subject *s, uint64_t length) {
  const fg_lattice lattice = lattice_of(s, length, length);
  uint32_t count = 1;
  for (uint64_t site = 0; site < fg_lattice_sites(&lattice); site++) {
    if (count > MOST_FINE / s->states) return 0;
    count *= s->states;
  }
  return count;
}

const fg_batch *fg_subject_all_fine(fg_subject *s, uint64_t length) {
  const uint32_t count = fg_subject_fine_count(s, length);
  fg_batch *batch = lend(s, "the fine lattice", length, length, count);
  for (uint32_t i = 0; i < count; i++) write_code(s, batch, i, i);
  batch->level = 1;
  fg_trial_seal(&s->trial, batch);
  return batch;
}

/// A fine batch to be drawn into, one level above `coarse`; given back with drop.
fg_batch *fg_subject_fine(fg_subject *s, const fg_batch *coarse) {
  fg_lattice lattice = coarse->lattice;
  for (uint32_t d = 0; d < lattice.dims; d++) lattice.extent[d] *= s->factor;
  fg_batch *fine = s->trial.host.batch_new(&s->trial.host, coarse->element, &lattice, coarse->count);
  if (!fine) abort();
  fine->first = coarse->first;
  fine->level = coarse->level + 1;
  return fine;
}

void fg_subject_drop(fg_subject *s, const fg_batch *batch) { s->trial.host.batch_unref(&s->trial.host, batch); }

// --- the subject ----------------------------------------------------------------------------------------------------

/// The weights of the model it emits, or initial ones, moved a little, so that none is special.
static void choose_weights(fg_subject *s) {
  const fg_model *emitted = s->trial.model;
  fg_network_model *untrained = fg_subject_model(s, NULL, 0);
  fg_case_doing(s->trial.of, "parameters, initial_weights or factor of a model without weights");
  s->parameters = s->network->parameters(untrained);
  s->factor = s->network->factor(untrained);
  s->states = 2;
  if (fg_network_element(s->network) == FG_STATE8) {
    if (!FG_HAS(s->network, states) || !s->network->states)
      fg_case_failed(s->trial.of, "is a network of Potts states, but offers no 'states'");
    s->states = s->network->states(untrained);
    if (s->states < 2 || s->states > 256) fg_case_failed(s->trial.of, "says it has %" PRIu32 " states", s->states);
  }
  if (emitted->weight_count && emitted->weight_count != s->parameters)
    fg_case_failed(s->trial.of, "emits a model with %" PRIu64 " weights and says that it has %" PRIu64 " parameters",
                   emitted->weight_count, s->parameters);
  if (s->factor < 2 || s->factor > 64) fg_case_failed(s->trial.of, "factor is %" PRIu32, s->factor);
  if (!s->parameters || s->parameters > UINT64_C(1) << 24)
    fg_case_failed(s->trial.of, "has %" PRIu64 " parameters", s->parameters);
  s->weights = calloc(s->parameters, sizeof *s->weights);
  if (!s->weights) abort();
  if (emitted->weight_count)
    memcpy(s->weights, emitted->weights, s->parameters * sizeof *s->weights);
  else
    s->network->initial_weights(untrained, s->trial.host.rng_fill, weights_key, s->weights);
  s->network->close(untrained);
  fg_rng rng = fg_rng_start(s->trial.host.rng_fill, weights_key, 1);
  for (uint64_t k = 0; k < s->parameters; k++) {
    if (!isfinite(s->weights[k])) fg_case_failed(s->trial.of, "initial weight %" PRIu64 " is not finite", k);
    s->weights[k] += 0.3 * fg_rng_uniform(&rng);
  }
}

void fg_subject_open(fg_subject *s, const fg_case *c) {
  *s = (fg_subject){0};
  fg_memory_watch(c);
  s->network = c->entry->stage.extension(FG_NETWORK_EXTENSION);
  fg_check_live(&s->trial, c, &usual, &c->findings.feed);
  if (!s->trial.model || strcmp(s->trial.model->network, c->entry->stage.kind) != 0)
    fg_case_failed(c, "offers fg.network/1, but emits no model of '%s'", c->entry->stage.kind);
  if (!FG_HAS(s->network, sample) || !s->network->open || !s->network->close || !s->network->parameters ||
      !s->network->parameter_name || !s->network->initial_weights || !s->network->factor || !s->network->radius ||
      !s->network->log_prob || !s->network->sample)
    fg_case_failed(c, "its fg_network lacks one of the functions that are not optional");
  s->hyperparameters = s->trial.model->hyperparameters;
  choose_weights(s);
  s->model = fg_subject_model(s, s->weights, s->parameters);
}

void fg_subject_close(fg_subject *s) {
  fg_case_doing(s->trial.of, "close");
  s->network->close(s->model);
  free(s->weights);
  fg_trial_close(&s->trial);
}
