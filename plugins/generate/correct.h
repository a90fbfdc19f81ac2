// correct.h — an instance of generate.correct and its three ways of making configurations: one produce call each
// (correct_run.c). Everything a checkpoint holds is `given`, the chains and the tally.
#ifndef PLUGINS_GENERATE_CORRECT_H
#define PLUGINS_GENERATE_CORRECT_H

#include "ascent.h"

#define CORRECT_AUTO (-1) ///< thermalize
#define CORRECT_STEPS 100 ///< … of a chain of single dreams, then
#define CORRECT_POPULATIONS 2

typedef enum correct_method { CORRECT_EQUILIBRATE, CORRECT_INDEPENDENCE, CORRECT_SMC } correct_method;

typedef struct correct_config {
  int32_t method;
  int32_t rejuvenate; ///< a moves_kind
  int64_t start, levels, configurations;
  double coupling;
  int64_t chains, thermalize;
  int64_t sweeps, constrained;
  int64_t population;
  double threshold;
  fg_real_list couplings;
} correct_config;

/// What has been done so far, for the table.
typedef struct correct_tally {
  uint64_t proposals, accepted; ///< dreams, or populations; after the thermalisation
  uint64_t resampled;
  double effective; ///< sum over populations
  /// Sums over the weights of all proposals, relative to exp(largest).
  double largest, sum, squares, weights;
  double drawn, scored, swept; ///< spins
} correct_tally;

typedef struct correct {
  const fg_host *host;
  const correct_config *config;
  inputs_model *model; ///< those of the list; NULL until negotiate
  int64_t models, arrived;
  ascent way;
  moves moves;
  fg_lattice top;
  fg_rng_key accept_key;
  uint32_t chain_count; ///< chains that give at least one configuration
  uint32_t batch_size;  ///< most configurations in a batch
  uint64_t thermalize;  ///< steps of each chain
  uint64_t ahead;       ///< steps of chains of single dreams whose proposals go up together
  uint64_t given;       ///< configurations of the first chain, whose share is the largest; of all when equilibrating
  fg_batch **held;      ///< a chain of single dreams: all in held[0]; of populations: one each; NULL: not started
  double *log_weight;   ///< of what is held, a number a chain
  double *proposed;     ///< weights of proposals
  correct_tally tally;
} correct;

uint64_t correct_quota(const correct *stage, uint32_t chain); ///< configurations of a chain
uint64_t correct_proposals(const correct *stage);             ///< most dreams that will be drawn; UINT64_MAX: too many
uint64_t correct_bytes(const correct *stage);                 ///< most it will hold, beside the instance

fg_status correct_produce(correct *stage);
fg_status correct_save(const correct *stage, const fg_writer *writer);
fg_status correct_restore(correct *stage, const fg_reader *reader);
void correct_drop(correct *stage); ///< gives back what is held

/// The table of what it took.
fg_status correct_report(const correct *stage);

#endif
