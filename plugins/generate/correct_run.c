// correct_run.c — see correct.h. Chains move in step: step t of chain c draws dream (or population) number t·chains + c, and
// nothing else enters its randomness. Particle independence Metropolis-Hastings: C. Andrieu, A. Doucet and R. Holenstein,
// J. R. Stat. Soc. B 72, 269 (2010); with populations of one it is the independence sampler.
#include "correct.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// ---- shares and sizes

uint64_t correct_quota(const correct *stage, uint32_t chain) {
  const uint64_t all = (uint64_t)stage->config->configurations, chains = stage->chain_count;
  return all / chains + (chain < all % chains);
}

/// Dreams of one step of one chain.
static uint64_t dreams_of_step(const correct *stage) {
  return stage->config->method == CORRECT_SMC ? (uint64_t)stage->config->population : 1;
}

uint64_t correct_proposals(const correct *stage) {
  const uint64_t each = dreams_of_step(stage);
  uint64_t steps, dreams;
  if (stage->config->method == CORRECT_EQUILIBRATE) return (uint64_t)stage->config->configurations;
  steps = (correct_quota(stage, 0) + each - 1) / each + stage->thermalize;
  if (__builtin_mul_overflow(steps, each * stage->chain_count, &dreams)) return UINT64_MAX;
  return dreams;
}

uint64_t correct_bytes(const correct *stage) {
  const uint64_t one = fg_configuration_bytes(FG_SPIN1, &stage->top), chains = stage->chain_count;
  const uint64_t together = stage->config->method == CORRECT_INDEPENDENCE ? stage->ahead * chains : stage->batch_size;
  const uint64_t held = stage->config->method == CORRECT_EQUILIBRATE ? 0 : chains * dreams_of_step(stage) * one;
  const uint64_t round = stage->config->method == CORRECT_INDEPENDENCE ? chains * stage->batch_size * one : 0;
  // Dreams wait while what the chains hold is moved and weighed again.
  const uint64_t again = stage->config->method == CORRECT_INDEPENDENCE ? ascent_bytes(&stage->way, chains) : 0;
  return held + round + again + ascent_bytes(&stage->way, together) + moves_bytes(&stage->moves, together) +
         (chains + together) * sizeof(double) + 2 * chains * sizeof(fg_batch *);
}

void correct_drop(correct *stage) {
  for (uint32_t c = 0; stage->held && c < stage->chain_count; c++)
    if (stage->held[c]) stage->host->batch_unref(stage->host, stage->held[c]);
  free(stage->held);
  free(stage->log_weight);
  free(stage->proposed);
  stage->held = NULL;
  stage->log_weight = stage->proposed = NULL;
}

static fg_status make_room(correct *stage) {
  const uint64_t chains = stage->chain_count;
  const uint64_t dreams = stage->config->method == CORRECT_SMC ? dreams_of_step(stage) : stage->ahead * chains;
  correct_drop(stage);
  stage->held = calloc(chains, sizeof(fg_batch *));
  stage->log_weight = calloc(chains, sizeof(double));
  stage->proposed = calloc(dreams, sizeof(double));
  if (stage->held && stage->log_weight && stage->proposed) return FG_OK;
  correct_drop(stage);
  return stage->host->fail(stage->host, "out of memory for %u chains", stage->chain_count);
}

// ---- steps

static void note_weight(correct_tally *tally, double log_weight) {
  tally->weights++;
  if (isinf(log_weight)) return;
  if (log_weight > tally->largest) {
    const double scale = exp(tally->largest - log_weight);
    tally->sum *= scale;
    tally->squares *= scale * scale;
    tally->largest = log_weight;
  }
  const double weight = exp(log_weight - tally->largest);
  tally->sum += weight;
  tally->squares += weight * weight;
}

/// Whether the proposal of chain c in step t replaces what the chain holds.
static int accepts(correct *stage, uint64_t t, uint32_t c, double proposed) {
  uint64_t bits[2];
  const fg_rng_counter counter = {0, t * stage->chain_count + c};
  stage->host->rng_fill(stage->accept_key, counter, bits, sizeof bits);
  const double u = ((double)(bits[0] >> 11) + 1) * 0x1p-53; // in (0, 1]
  const int accepted = t == 0 || log(u) <= proposed - stage->log_weight[c];
  if (t < stage->thermalize) return accepted;
  stage->tally.proposals++;
  stage->tally.accepted += (uint64_t)accepted;
  return accepted;
}

/// Spins of all levels above the start.
static double spins_of_climb(const correct *stage) {
  double spins = 0;
  for (int64_t level = 1; level <= stage->config->levels; level++) {
    const fg_lattice lattice = ascent_lattice(&stage->way, level);
    spins += (double)fg_lattice_sites(&lattice);
  }
  return spins;
}

static fg_status rejuvenate(correct *stage, fg_batch *batch) {
  if (stage->moves.kind != MOVES_NONE)
    stage->tally.swept += (double)batch->count * (double)stage->moves.sweeps * (double)fg_lattice_sites(&stage->top);
  return moves_sweep(&stage->moves, batch);
}

/// Moves the states of all chains, and weighs what they have become.
static fg_status move_chains(correct *stage) {
  const fg_host *host = stage->host;
  fg_batch *states = stage->held[0];
  fg_status status = FG_OK;
  if (stage->config->constrained) {
    fg_batch *coarse = ascent_block(&stage->way, states, stage->way.constraint_key);
    status = coarse ? moves_sweep_constrained(&stage->way.top, states, coarse) : FG_FAILED;
    if (coarse) host->batch_unref(host, coarse);
    stage->tally.swept +=
        (double)states->count * (double)stage->config->constrained * (double)fg_lattice_sites(&stage->top);
  }
  if (status == FG_OK) status = rejuvenate(stage, states);
  stage->tally.scored += spins_of_climb(stage) * states->count;
  return status == FG_OK ? ascent_weigh(&stage->way, states, stage->log_weight) : status;
}

/// Step t of all chains of single dreams, whose proposals are the dreams from number `at` on.
static fg_status step_chains(correct *stage, uint64_t t, const fg_batch *dreams, uint64_t at) {
  const fg_host *host = stage->host;
  const uint32_t chains = stage->chain_count;
  if (!stage->held[0]) stage->held[0] = host->batch_new(host, FG_SPIN1, &stage->top, chains);
  fg_batch *states = stage->held[0];
  if (!states) return FG_FAILED;
  const uint64_t bytes = states->rows * states->row_bytes;
  for (uint32_t c = 0; c < chains; c++) {
    note_weight(&stage->tally, stage->proposed[at + c]);
    if (!accepts(stage, t, c, stage->proposed[at + c])) continue;
    memcpy((char *)states->data + c * bytes, (const char *)dreams->data + (at + c) * bytes, bytes);
    stage->log_weight[c] = stage->proposed[at + c];
  }
  states->first = t * chains;
  states->level = dreams->level;
  if (stage->moves.kind == MOVES_NONE && !stage->config->constrained) return FG_OK;
  return move_chains(stage);
}

/// Copies what the chains hold into their batches of a round, as number i.
static void give(const correct *stage, fg_batch **round, uint64_t i) {
  const uint64_t bytes = fg_configuration_bytes(FG_SPIN1, &stage->top);
  for (uint32_t c = 0; round && c < stage->chain_count; c++)
    if (round[c] && i < round[c]->count)
      memcpy((char *)round[c]->data + i * bytes, (const char *)stage->held[0]->data + c * bytes, bytes);
}

/// Steps from … from+count-1 of all chains; round: where the states go, or NULL. Proposals do not depend on what the chains
/// hold, so those of several steps go up together.
static fg_status run_chains(correct *stage, uint64_t from, uint64_t count, fg_batch **round) {
  const uint64_t chains = stage->chain_count;
  fg_status status = FG_OK;
  for (uint64_t done = 0; status == FG_OK && done < count;) {
    const uint64_t steps = count - done < stage->ahead ? count - done : stage->ahead, first = (from + done) * chains;
    fg_batch *dreams = ascent_climb(&stage->way, first, (uint32_t)(steps * chains), stage->proposed, NULL, &status);
    if (!dreams) return status;
    stage->tally.drawn += spins_of_climb(stage) * (double)(steps * chains);
    stage->tally.scored += spins_of_climb(stage) * (double)(steps * chains);
    for (uint64_t s = 0; status == FG_OK && s < steps; s++) {
      status = step_chains(stage, from + done + s, dreams, s * chains);
      if (status == FG_OK) give(stage, round, done + s);
    }
    stage->host->batch_unref(stage->host, dreams);
    done += steps;
  }
  return status;
}

/// Step t of chain c of populations.
static fg_status step_population(correct *stage, uint64_t t, uint32_t c) {
  const fg_host *host = stage->host;
  const uint32_t size = (uint32_t)stage->config->population;
  const uint64_t first = (t * stage->chain_count + c) * size;
  ascent_fate fate;
  fg_status status = FG_OK;
  fg_batch *dreams = ascent_climb(&stage->way, first, size, stage->proposed, &fate, &status);
  if (!dreams) return status;
  const double spins = spins_of_climb(stage) * size;
  stage->tally.drawn += spins;
  stage->tally.scored += spins;
  stage->tally.swept += spins * (double)stage->config->constrained;
  stage->tally.resampled += fate.resampled;
  stage->tally.effective += fate.effective;
  note_weight(&stage->tally, fate.log_mean);
  if (accepts(stage, t, c, fate.log_mean)) {
    if (stage->held[c]) host->batch_unref(host, stage->held[c]);
    stage->held[c] = dreams;
    stage->log_weight[c] = fate.log_mean;
  } else {
    host->batch_unref(host, dreams);
  }
  return FG_OK;
}

// ---- rounds: a batch of every chain, emitted in turn

static fg_status emit(correct *stage, fg_batch *batch, uint32_t chain, uint64_t first) {
  batch->level = (int32_t)stage->config->levels;
  batch->coupling = stage->config->coupling;
  batch->chain = chain;
  batch->first = first;
  return stage->host->emit_batch(stage->host, 0, batch);
}

/// Configurations 0 … count-1 of a batch, copied.
static fg_batch *copy(const correct *stage, const fg_batch *from, uint32_t count) {
  fg_batch *batch = stage->host->batch_new(stage->host, FG_SPIN1, &stage->top, count);
  if (!batch) return NULL;
  memcpy(batch->data, from->data, count * from->rows * from->row_bytes);
  batch->level = from->level;
  return batch;
}

/// What chain c still owes in a round that begins when the first chain has given `given`.
static uint32_t owed(const correct *stage, uint32_t c, uint64_t given) {
  const uint64_t left = correct_quota(stage, c) - given;
  return left < stage->batch_size ? (uint32_t)left : stage->batch_size;
}

static fg_status produce_chains(correct *stage) {
  const fg_host *host = stage->host;
  fg_status status = FG_OK;
  if (!stage->given) status = run_chains(stage, 0, stage->thermalize, NULL);
  if (status != FG_OK) return status;
  fg_batch **round = calloc(stage->chain_count, sizeof(fg_batch *));
  if (!round) return host->fail(host, "out of memory for %u chains", stage->chain_count);
  for (uint32_t c = 0; status == FG_OK && c < stage->chain_count; c++) {
    const uint32_t count = owed(stage, c, stage->given);
    if (!count) continue;
    round[c] = host->batch_new(host, FG_SPIN1, &stage->top, count);
    if (!round[c]) status = FG_FAILED;
  }
  const uint32_t steps = owed(stage, 0, stage->given);
  if (status == FG_OK) status = run_chains(stage, stage->thermalize + stage->given, steps, round);
  uint64_t first = stage->given * stage->chain_count;
  for (uint32_t c = 0; c < stage->chain_count; c++) {
    if (!round[c]) continue;
    const uint32_t count = round[c]->count;
    if (status == FG_OK)
      status = emit(stage, round[c], c, first);
    else
      host->batch_unref(host, round[c]);
    first += count;
  }
  stage->given += steps;
  free(round);
  return status;
}

static fg_status produce_populations(correct *stage) {
  const fg_host *host = stage->host;
  const uint64_t size = (uint64_t)stage->config->population, step = stage->thermalize + stage->given / size;
  fg_status status = FG_OK;
  uint64_t first = stage->given * stage->chain_count;
  for (uint32_t c = 0; status == FG_OK && c < stage->chain_count; c++) {
    const uint32_t count = owed(stage, c, stage->given);
    for (uint64_t t = stage->given ? step : 0; status == FG_OK && count && t <= step; t++)
      status = step_population(stage, t, c);
    if (status != FG_OK || !count) continue;
    if (isinf(stage->log_weight[c]))
      return host->fail(host,
                        "all of a population of %" PRIu64 " have the weight 0; use a larger population or a "
                        "better network",
                        size);
    fg_batch *batch = copy(stage, stage->held[c], count);
    if (!batch) return FG_FAILED;
    batch->first = (step * stage->chain_count + c) * size;
    status = rejuvenate(stage, batch);
    if (status == FG_OK)
      status = emit(stage, batch, c, first);
    else
      host->batch_unref(host, batch);
    first += count;
  }
  stage->given += owed(stage, 0, stage->given);
  return status;
}

static fg_status produce_equilibrated(correct *stage) {
  const uint64_t left = (uint64_t)stage->config->configurations - stage->given, first = stage->given;
  const uint32_t count = left < stage->batch_size ? (uint32_t)left : stage->batch_size;
  fg_status status = FG_OK;
  fg_batch *dreams = ascent_climb(&stage->way, first, count, NULL, NULL, &status);
  if (!dreams) return status;
  stage->tally.drawn += spins_of_climb(stage) * count;
  stage->tally.swept += spins_of_climb(stage) * count * (double)stage->config->constrained;
  status = rejuvenate(stage, dreams);
  stage->given += count;
  if (status == FG_OK) return emit(stage, dreams, 0, first);
  stage->host->batch_unref(stage->host, dreams);
  return status;
}

static int is_finished(const correct *stage) {
  if (stage->config->method == CORRECT_EQUILIBRATE) return stage->given == (uint64_t)stage->config->configurations;
  return stage->given == correct_quota(stage, 0);
}

fg_status correct_produce(correct *stage) {
  if (is_finished(stage)) return FG_DONE;
  if (!stage->given && ascent_check_models(&stage->way) != FG_OK) return FG_FAILED;
  if (stage->config->method == CORRECT_EQUILIBRATE) return produce_equilibrated(stage);
  if (!stage->held && make_room(stage) != FG_OK) return FG_FAILED;
  return stage->config->method == CORRECT_SMC ? produce_populations(stage) : produce_chains(stage);
}

// ---- checkpoints: how far it is, the tally, what chains hold with its weights

static fg_status write_batch(const fg_writer *writer, const fg_batch *batch) {
  return writer->write(writer, batch->data, batch->count * batch->rows * batch->row_bytes);
}

fg_status correct_save(const correct *stage, const fg_writer *writer) {
  const int smc = stage->config->method == CORRECT_SMC;
  fg_status status = writer->write(writer, &stage->given, sizeof stage->given);
  if (status == FG_OK) status = writer->write(writer, &stage->tally, sizeof stage->tally);
  if (status != FG_OK || !stage->given || stage->config->method == CORRECT_EQUILIBRATE) return status;
  status = writer->write(writer, stage->log_weight, stage->chain_count * sizeof *stage->log_weight);
  for (uint32_t c = 0; status == FG_OK && c < (smc ? stage->chain_count : 1); c++)
    status = write_batch(writer, stage->held[c]);
  return status;
}

static int valid_given(const correct *stage) {
  const uint64_t all =
      stage->config->method == CORRECT_EQUILIBRATE ? (uint64_t)stage->config->configurations : correct_quota(stage, 0);
  return stage->given == all || (stage->given < all && stage->given % stage->batch_size == 0);
}

/// Whether what was read is spins: padding is zero.
static int is_padded(const fg_batch *batch) {
  const uint64_t width = fg_lattice_width(&batch->lattice), used = width % 64;
  for (uint64_t row = 0; used && row < batch->count * batch->rows; row++)
    if (fg_batch_row(batch, 0, row)[batch->row_bytes / sizeof(uint64_t) - 1] >> used) return 0;
  return 1;
}

static int read_held(correct *stage, uint32_t c, const fg_reader *reader) {
  const fg_host *host = stage->host;
  const uint32_t count =
      stage->config->method == CORRECT_SMC ? (uint32_t)stage->config->population : stage->chain_count;
  fg_batch *batch = host->batch_new(host, FG_SPIN1, &stage->top, count);
  if (!batch) return 0;
  batch->level = (int32_t)stage->config->levels;
  stage->held[c] = batch;
  return reader->read(reader, batch->data, count * batch->rows * batch->row_bytes) == FG_OK && is_padded(batch);
}

fg_status correct_restore(correct *stage, const fg_reader *reader) {
  const fg_host *host = stage->host;
  const int smc = stage->config->method == CORRECT_SMC;
  int sound = reader->read(reader, &stage->given, sizeof stage->given) == FG_OK &&
              reader->read(reader, &stage->tally, sizeof stage->tally) == FG_OK && valid_given(stage);
  if (sound && stage->given && stage->config->method != CORRECT_EQUILIBRATE) {
    if (make_room(stage) != FG_OK) return FG_FAILED;
    sound = reader->read(reader, stage->log_weight, stage->chain_count * sizeof *stage->log_weight) == FG_OK;
    for (uint32_t c = 0; sound && c < (smc ? stage->chain_count : 1); c++) {
      sound = read_held(stage, c, reader);
      if (!stage->held[c]) return FG_FAILED;
    }
  }
  return sound ? FG_OK : host->fail(host, "the checkpoint is not one of this stage; run again with --force");
}
