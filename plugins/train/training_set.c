// training_set.c — see training_set.h.
#include "training_set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((uint64_t)1 << 20) // of pairs that are allocated together
#define MOST_GROUPS 64u
// Beside the spins of a pair: its ties, its places in the order of pairs and of minibatches, a share of pointers.
#define PAIR_OVERHEAD 40u

/// All pairs of one size and level. A pair is a record: fine spins, coarse spins, number of tied blocks.
typedef struct group {
  fg_lattice fine, coarse;
  int32_t fine_level, coarse_level;
  uint64_t fine_bytes, coarse_bytes;
  uint64_t chunk_pairs; ///< records in a chunk
  uint64_t chunks, chunk_capacity;
  unsigned char **chunk;
  uint64_t pairs[2];       ///< of each part; the held-out ones are the last
  uint64_t minibatches[2]; ///< of each part
  uint64_t *order;         ///< of the training part
} group;

struct training_set {
  const fg_host *host;
  fg_element element;
  uint64_t hold, held; ///< bytes
  uint64_t groups;
  group group[MOST_GROUPS];
  uint64_t *turn; ///< minibatches of the training part, numbered through the groups
  double *weight; ///< of the last minibatch; NULL: all 1
  int up, down;   ///< whether such fine spins came; states: another one than the first, and any
  uint8_t state;  ///< the first
};

training_set *training_set_new(const fg_host *host, fg_element element, uint64_t hold) {
  training_set *set = calloc(1, sizeof *set);
  if (!set) {
    host->fail(host, "out of memory");
    return NULL;
  }
  set->host = host;
  set->element = element;
  set->hold = hold;
  return set;
}

void training_set_free(training_set *set) {
  if (!set) return;
  for (uint64_t g = 0; g < set->groups; g++) {
    for (uint64_t i = 0; i < set->group[g].chunks; i++) free(set->group[g].chunk[i]);
    free(set->group[g].chunk);
    free(set->group[g].order);
  }
  free(set->turn);
  free(set->weight);
  free(set);
}

// ---- memory

static uint64_t record_bytes(const group *g) { return g->fine_bytes + g->coarse_bytes + sizeof(uint64_t); }

uint64_t training_set_bytes(fg_element element, const fg_lattice *fine, const fg_lattice *coarse, uint64_t count) {
  uint64_t all, pair = fg_configuration_bytes(element, fine) + fg_configuration_bytes(element, coarse) + PAIR_OVERHEAD;
  if (__builtin_mul_overflow(pair, count, &all)) return UINT64_MAX;
  return all;
}

uint64_t training_set_overhead(uint64_t sizes) { return sizeof(training_set) + sizes * CHUNK_BYTES; }

static unsigned char *record_of(const group *g, uint64_t pair) {
  return g->chunk[pair / g->chunk_pairs] + pair % g->chunk_pairs * record_bytes(g);
}

static uint64_t ties_of(const group *g, uint64_t pair) {
  uint64_t ties;
  memcpy(&ties, record_of(g, pair) + g->fine_bytes + g->coarse_bytes, sizeof ties);
  return ties;
}

// ---- filling

/// The group of two batches, made when they are the first of their kind; NULL: reported.
static group *group_of(training_set *set, const fg_batch *fine, const fg_batch *coarse) {
  for (uint64_t i = 0; i < set->groups; i++) {
    group *g = &set->group[i];
    if (fg_lattice_equal(&g->fine, &fine->lattice) && fg_lattice_equal(&g->coarse, &coarse->lattice) &&
        g->fine_level == fine->level && g->coarse_level == coarse->level)
      return g;
  }
  if (set->groups == MOST_GROUPS) {
    set->host->fail(set->host, "more than %u combinations of size and level come in; learn from fewer", MOST_GROUPS);
    return NULL;
  }
  group *g = &set->group[set->groups++];
  *g = (group){.fine = fine->lattice, .coarse = coarse->lattice};
  g->fine_level = fine->level;
  g->coarse_level = coarse->level;
  g->fine_bytes = fg_configuration_bytes(set->element, &fine->lattice);
  g->coarse_bytes = fg_configuration_bytes(set->element, &coarse->lattice);
  g->chunk_pairs = CHUNK_BYTES / record_bytes(g) + !(CHUNK_BYTES / record_bytes(g));
  return g;
}

/// A place for one more record; NULL: reported.
static unsigned char *next_record(training_set *set, group *g) {
  const fg_host *host = set->host;
  uint64_t bytes = training_set_bytes(set->element, &g->fine, &g->coarse, 1), pair = g->pairs[TRAINING];
  if (bytes > set->hold - set->held) {
    host->fail_param(host, "hold",
                     "%" PRIu64 " bytes of configurations are in memory and %" PRIu64 " may be; raise hold, or learn "
                     "from fewer configurations",
                     set->held, set->hold);
    return NULL;
  }
  if (pair == g->chunks * g->chunk_pairs) {
    if (g->chunks == g->chunk_capacity) {
      uint64_t capacity = g->chunk_capacity ? 2 * g->chunk_capacity : 1;
      unsigned char **grown = realloc(g->chunk, capacity * sizeof *grown);
      if (!grown) goto out_of_memory;
      g->chunk = grown;
      g->chunk_capacity = capacity;
    }
    g->chunk[g->chunks] = malloc(g->chunk_pairs * record_bytes(g));
    if (!g->chunk[g->chunks]) goto out_of_memory;
    g->chunks++;
  }
  set->held += bytes;
  g->pairs[TRAINING]++;
  return record_of(g, pair);

out_of_memory:
  host->fail(host, "out of memory for configurations; learn from fewer");
  return NULL;
}

/// Tied 2×2 blocks of a fine configuration: two spins up, two down.
static uint64_t count_ties(const fg_batch *fine, uint64_t i) {
  const uint64_t words = fine->row_bytes / sizeof(uint64_t), blocks = UINT64_C(0x5555555555555555);
  uint64_t ties = 0;
  for (uint64_t y = 0; y + 1 < fine->rows; y += 2) {
    const uint64_t *above = fg_batch_row(fine, i, y), *below = fg_batch_row(fine, i, y + 1);
    for (uint64_t w = 0; w < words; w++) {
      uint64_t a = above[w], b = below[w], mixed_a = a ^ a >> 1, mixed_b = b ^ b >> 1;
      uint64_t tied = (mixed_a & mixed_b) | (~mixed_a & ~mixed_b & (a ^ b));
      ties += (uint64_t)__builtin_popcountll(tied & blocks);
    }
  }
  return ties;
}

/// For states: whether another one came than the first.
static void note_states(training_set *set, const fg_batch *fine, uint64_t i) {
  if (!set->down) set->state = *(const uint8_t *)fg_batch_row(fine, i, 0);
  set->down = 1;
  for (uint64_t y = 0; y < fine->rows && !set->up; y++) {
    const uint8_t *row = (const uint8_t *)fg_batch_row(fine, i, y);
    for (uint64_t x = 0; x < fg_lattice_width(&fine->lattice); x++) set->up |= row[x] != set->state;
  }
}

static void note_signs(training_set *set, const fg_batch *fine, uint64_t i) {
  const uint64_t words = fine->row_bytes / sizeof(uint64_t) * fine->rows, *word = fg_batch_row(fine, i, 0);
  uint64_t up = 0;
  if (set->up && set->down) return;
  for (uint64_t w = 0; w < words; w++) up += (uint64_t)__builtin_popcountll(word[w]);
  set->up |= up > 0;
  set->down |= up < fg_lattice_sites(&fine->lattice);
}

fg_status training_set_add(training_set *set, const fg_batch *fine, const fg_batch *coarse) {
  group *g = group_of(set, fine, coarse);
  if (!g) return FG_FAILED;
  for (uint64_t i = 0; i < fine->count; i++) {
    unsigned char *record = next_record(set, g);
    if (!record) return FG_FAILED;
    uint64_t ties = set->element == FG_SPIN1 ? count_ties(fine, i) : 0;
    memcpy(record, fg_batch_row(fine, i, 0), g->fine_bytes);
    memcpy(record + g->fine_bytes, fg_batch_row(coarse, i, 0), g->coarse_bytes);
    memcpy(record + g->fine_bytes + g->coarse_bytes, &ties, sizeof ties);
    if (set->element == FG_SPIN1)
      note_signs(set, fine, i);
    else
      note_states(set, fine, i);
  }
  return FG_OK;
}

int training_set_has_both_signs(const training_set *set) { return set->up && set->down; }

// ---- cutting

static uint64_t divided_up(uint64_t count, uint64_t size) { return count / size + (count % size > 0); }

fg_status training_set_cut(training_set *set, double share, uint64_t batch, int weighted) {
  uint64_t largest = 0;
  for (uint64_t i = 0; i < set->groups; i++) {
    group *g = &set->group[i];
    uint64_t all = g->pairs[TRAINING];
    g->pairs[HELD_OUT] = (uint64_t)(share * (double)all);
    g->pairs[TRAINING] -= g->pairs[HELD_OUT];
    for (int part = TRAINING; part <= HELD_OUT; part++) {
      g->minibatches[part] = divided_up(g->pairs[part], batch);
      if (g->pairs[part] > largest) largest = g->pairs[part];
    }
    g->order = malloc(g->pairs[TRAINING] * sizeof *g->order + 1);
    if (!g->order) return set->host->fail(set->host, "out of memory for the order of configurations");
  }
  if (batch < largest) largest = batch;
  set->turn = malloc(training_set_minibatches(set, TRAINING) * sizeof *set->turn + 1);
  if (weighted) set->weight = calloc(largest + 1, sizeof *set->weight);
  if (set->turn && (set->weight || !weighted)) return FG_OK;
  return set->host->fail(set->host, "out of memory for the order of minibatches");
}

uint64_t training_set_pairs(const training_set *set, training_part part) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < set->groups; i++) sum += set->group[i].pairs[part];
  return sum;
}

uint64_t training_set_spins(const training_set *set, training_part part) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < set->groups; i++) sum += set->group[i].pairs[part] * fg_lattice_sites(&set->group[i].fine);
  return sum;
}

uint64_t training_set_minibatches(const training_set *set, training_part part) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < set->groups; i++) sum += set->group[i].minibatches[part];
  return sum;
}

// ---- weights: relative to the fewest ties, so that the largest is 1 and nothing that matters underflows

static double weight_of(uint64_t ties, uint64_t fewest) {
  uint64_t more = ties - fewest;
  return more < 1100 ? ldexp(1, -(int)more) : 0;
}

/// Turns ties, as numbers in `weight`, into weights of mean 1.
static void weigh(double *weight, uint64_t count) {
  double fewest = INFINITY, sum = 0;
  for (uint64_t i = 0; i < count; i++) fewest = fmin(fewest, weight[i]);
  for (uint64_t i = 0; i < count; i++) sum += weight[i] = weight_of((uint64_t)weight[i], (uint64_t)fewest);
  for (uint64_t i = 0; i < count; i++) weight[i] *= (double)count / sum;
}

double training_set_effective_share(const training_set *set) {
  double effective = 0;
  for (uint64_t i = 0; i < set->groups; i++) {
    const group *g = &set->group[i];
    uint64_t fewest = UINT64_MAX;
    double sum = 0, squares = 0;
    for (uint64_t p = 0; p < g->pairs[TRAINING]; p++)
      if (ties_of(g, p) < fewest) fewest = ties_of(g, p);
    for (uint64_t p = 0; p < g->pairs[TRAINING]; p++) {
      double weight = set->weight ? weight_of(ties_of(g, p), fewest) : 1;
      sum += weight;
      squares += weight * weight;
    }
    if (squares > 0) effective += sum * sum / squares;
  }
  return effective / (double)training_set_pairs(set, TRAINING);
}

// ---- minibatches

void minibatch_clear(const fg_host *host, minibatch *m) {
  if (m->fine) host->batch_unref(host, m->fine);
  if (m->coarse) host->batch_unref(host, m->coarse);
  *m = (minibatch){0};
}

/// Copies minibatch `k` of a part of a group; pairs are `first` + what `order` says (NULL: as they came).
static fg_status gather(training_set *set, const group *g, training_part part, uint64_t k, const uint64_t *order,
                        minibatch *m) {
  const fg_host *host = set->host;
  const uint64_t pieces = g->minibatches[part], each = g->pairs[part] / pieces, longer = g->pairs[part] % pieces;
  const uint64_t begin = k * each + (k < longer ? k : longer), count = each + (k < longer);
  const uint64_t first = part == HELD_OUT ? g->pairs[TRAINING] : 0;
  *m = (minibatch){.weight = set->weight};
  m->fine = host->batch_new(host, set->element, &g->fine, (uint32_t)count);
  m->coarse = host->batch_new(host, set->element, &g->coarse, (uint32_t)count);
  if (!m->fine || !m->coarse) {
    minibatch_clear(host, m);
    return FG_FAILED;
  }
  m->fine->level = g->fine_level;
  m->coarse->level = g->coarse_level;
  for (uint64_t i = 0; i < count; i++) {
    uint64_t pair = first + (order ? order[begin + i] : begin + i);
    const unsigned char *record = record_of(g, pair);
    memcpy(fg_batch_row_mut(m->fine, i, 0), record, g->fine_bytes);
    memcpy(fg_batch_row_mut(m->coarse, i, 0), record + g->fine_bytes, g->coarse_bytes);
    if (set->weight) set->weight[i] = (double)ties_of(g, pair);
  }
  if (set->weight) weigh(set->weight, count);
  return FG_OK;
}

/// The group that minibatch *k of a part lies in; *k becomes its number there.
static const group *find_group(const training_set *set, training_part part, uint64_t *k) {
  const group *g = set->group;
  while (*k >= g->minibatches[part]) *k -= g++->minibatches[part];
  return g;
}

fg_status training_set_take(training_set *set, training_part part, uint64_t k, minibatch *m) {
  const group *g = find_group(set, part, &k);
  return gather(set, g, part, k, NULL, m);
}

/// Numbers 0 … count-1 in random order (R. A. Fisher & F. Yates; D. E. Knuth, The Art of Computer Programming, 3.4.2).
static void permute(uint64_t *number, uint64_t count, fg_rng *rng) {
  for (uint64_t i = 0; i < count; i++) number[i] = i;
  for (uint64_t i = count; i > 1; i--) {
    uint64_t other = fg_rng_below(rng, i), kept = number[i - 1];
    number[i - 1] = number[other];
    number[other] = kept;
  }
}

void training_set_shuffle(training_set *set, fg_rng rng) {
  for (uint64_t i = 0; i < set->groups; i++) permute(set->group[i].order, set->group[i].pairs[TRAINING], &rng);
  permute(set->turn, training_set_minibatches(set, TRAINING), &rng);
}

fg_status training_set_take_shuffled(training_set *set, uint64_t k, minibatch *m) {
  uint64_t place = set->turn[k];
  const group *g = find_group(set, TRAINING, &place);
  return gather(set, g, TRAINING, place, g->order, m);
}
