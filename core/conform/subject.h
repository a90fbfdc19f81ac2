// subject.h — a network under check: the model its stage emits, opened with weights that are nothing special, and
// the lattices it is tried on. Every call that fails ends the case. Private to conform*.c.
#ifndef FG_CORE_CONFORM_SUBJECT_H
#define FG_CORE_CONFORM_SUBJECT_H

#include "conform/checks.h"
#include "finegrain/network.h"

/// Of all draws.
#define FG_SUBJECT_KEY ((fg_rng_key){{9, 10}})

typedef struct fg_subject {
  fg_trial trial; ///< its host is used, after its own life
  const fg_network *network;
  const char *hyperparameters;
  double *weights;
  uint64_t parameters;
  uint32_t factor;
  uint32_t states; ///< of a site: 2 for spins
  fg_network_model *model;
} fg_subject;

/// Lets the stage live, and opens what it emits.
void fg_subject_open(fg_subject *s, const fg_case *c);
void fg_subject_close(fg_subject *s);

/// What a call of the network returned, between fg_trial_enter and its use.
fg_status fg_subject_called(fg_subject *s, fg_status status);
/// A model of these weights; to be closed.
fg_network_model *fg_subject_model(fg_subject *s, const double *weights, uint64_t count);
void fg_subject_score(fg_subject *s, const fg_network_model *model, const fg_batch *fine, const fg_batch *coarse,
                      uint32_t begin, uint32_t end, double *log_prob);
void fg_subject_draw(fg_subject *s, const fg_batch *coarse, fg_batch *fine, uint32_t begin, uint32_t end);

/// The state of a site, 0 or 1 for spins. Sites are counted row after row.
unsigned fg_subject_get(const fg_batch *batch, uint32_t i, uint64_t site);
void fg_subject_set(fg_batch *batch, uint32_t i, uint64_t site, unsigned state);
/// Coarse configurations, all states equally likely, which nobody may write to.
const fg_batch *fg_subject_coarse(fg_subject *s, uint64_t rows, uint64_t width, uint32_t count);
/// `count` times the coarse lattice of length² whose sites are the digits of `code` to the base of the states, row
/// after row.
const fg_batch *fg_subject_coarse_of_code(fg_subject *s, uint64_t length, unsigned code, uint32_t count);
/// How many fine lattices of length² there are; 0: more than can be listed.
uint32_t fg_subject_fine_count(const fg_subject *s, uint64_t length);
/// All of them, configuration i having the digits of i. (Networks of chains: of `length`, everywhere.)
const fg_batch *fg_subject_all_fine(fg_subject *s, uint64_t length);
/// A fine batch to be drawn into, one level above `coarse`; to be dropped.
fg_batch *fg_subject_fine(fg_subject *s, const fg_batch *coarse);
void fg_subject_drop(fg_subject *s, const fg_batch *batch);

#endif
