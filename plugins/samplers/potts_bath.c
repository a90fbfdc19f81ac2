// potts_bath.c — see potts_bath.h. Every site is drawn given its neighbours, whatever its state was.
#include "potts_bath.h"

#include <math.h>
#include <stdlib.h>

#define MOST LATTICES_MOST_NEIGHBOURS

/// The neighbours' states in ascending order are alike in one of 2^(neighbours-1) ways: bit i is set when number i and
/// i + 1 are equal.
#define MOST_WAYS (1u << (MOST - 1))

typedef struct heat_bath {
  sweep_sampler base;
  uint64_t below[MOST_WAYS][MOST]; ///< 2⁶³ · P(the state is that of one of the ordered neighbours 0 … i)
} heat_bath;

/// Whether the ordered neighbour i differs from those before it.
static inline int is_new(unsigned way, unsigned i) { return i == 0 || !(way >> (i - 1) & 1); }

/// How many of the neighbours have each state, in ascending order; returns how many states that are.
static unsigned count_equal(unsigned neighbours, unsigned way, int have[MOST]) {
  unsigned different = 0;
  for (unsigned i = 0; i < neighbours; i++) {
    if (is_new(way, i)) have[different++] = 0;
    have[different - 1]++;
  }
  return different;
}

/// The heat bath's thresholds for one way the neighbours are alike. A state that n of them have weighs exp(K n); what
/// weighs most is the unit, so that nothing overflows. A probability is off by about 2⁻⁵³.
static void fill_thresholds(const sampler_model *model, unsigned neighbours, unsigned way, uint64_t below[MOST]) {
  int have[MOST] = {0}, different = (int)count_equal(neighbours, way, have), elsewhere = (int)model->states - different;
  int heaviest = model->coupling < 0 && elsewhere > 0 ? 0 : have[0];
  for (int k = 0; k < different; k++)
    if (model->coupling < 0 ? have[k] < heaviest : have[k] > heaviest) heaviest = have[k];
  double total = elsewhere > 0 ? elsewhere * exp(-model->coupling * heaviest) : 0;
  for (int k = 0; k < different; k++) total += exp(model->coupling * (have[k] - heaviest));
  double sum = 0; // reaches total exactly when no state is elsewhere: nothing is drawn from none
  for (unsigned i = 0, k = 0; i < neighbours; i++) {
    if (is_new(way, i)) sum += exp(model->coupling * (have[k++] - heaviest)); // its equals share this place
    below[i] = (uint64_t)(sum / total * 0x1p63);
  }
}

static inline void sort_two(unsigned *low, unsigned *high) {
  unsigned a = *low, b = *high;
  *low = a < b ? a : b;
  *high = a < b ? b : a;
}

/// In ascending order: for four by five exchanges, otherwise by neighbouring ones, in as many rounds as there are states.
__attribute__((always_inline)) static inline void sort(unsigned neighbours, unsigned s[MOST]) {
  if (neighbours == 4) {
    sort_two(&s[0], &s[1]);
    sort_two(&s[2], &s[3]);
    sort_two(&s[0], &s[2]);
    sort_two(&s[1], &s[3]);
    sort_two(&s[1], &s[2]);
    return;
  }
  for (unsigned round = 0; round < neighbours; round++)
    for (unsigned i = round % 2; i + 1 < neighbours; i += 2) sort_two(&s[i], &s[i + 1]);
}

/// Draws a state given those of the neighbours, which it sorts.
__attribute__((always_inline)) static inline unsigned draw(unsigned neighbours, const sweep_sampler *base, fg_rng *rng,
                                                           unsigned s[MOST]) {
  const heat_bath *sampler = (const heat_bath *)base;
  sort(neighbours, s);
  unsigned way = 0, drawn = 0;
  for (unsigned i = 0; i + 1 < neighbours; i++) way |= (unsigned)(s[i] == s[i + 1]) << i;
  const uint64_t *below = sampler->below[way], random = fg_rng_bits(rng) >> 1;
  for (unsigned i = 0; i < neighbours; i++) drawn += random >= below[i];
  if (drawn < neighbours) return s[drawn];

  int have[MOST];
  uint64_t elsewhere = base->base.model.states - count_equal(neighbours, way, have);
  unsigned fresh = (unsigned)fg_rng_below(rng, elsewhere); // among the states that no neighbour has
  for (unsigned i = 0; i < neighbours; i++) fresh += is_new(way, i) && fresh >= s[i];
  return fresh;
}

static inline unsigned update(const sweep_sampler *base, fg_rng *rng, unsigned site, const unsigned near[4]) {
  (void)site;
  unsigned s[MOST] = {near[0], near[1], near[2], near[3]};
  return draw(4, base, rng, s);
}

static void sweep_square(const sweep_sampler *sampler, sampler_chain *chain) { sweep_sites(sampler, chain, update); }

/// A sweep on another lattice, known where this is compiled.
__attribute__((always_inline)) static inline void sweep_on(lattices_choice lattice, const sweep_sampler *sampler,
                                                           sampler_chain *chain) {
  for (uint32_t site = 0; site < sampler->base.sites; site++) {
    uint32_t near[LATTICES_MOST_NEIGHBOURS];
    unsigned s[MOST];
    const unsigned count = lattices_near(lattice, sampler->base.length, site, near);
    for (unsigned k = 0; k < count; k++) s[k] = chain->sites[near[k]];
    chain->sites[site] = (uint8_t)draw(count, sampler, &chain->rng, s);
  }
}

static void sweep_chain(const sweep_sampler *sampler, sampler_chain *chain) {
  sweep_on(LATTICES_CHAIN, sampler, chain);
}
static void sweep_triangular(const sweep_sampler *sampler, sampler_chain *chain) {
  sweep_on(LATTICES_TRIANGULAR, sampler, chain);
}
static void sweep_cubic(const sweep_sampler *sampler, sampler_chain *chain) {
  sweep_on(LATTICES_CUBIC, sampler, chain);
}

void *potts_bath_new(const fg_host *host, const sampler_config *config, const sampler_model *model,
                     double inverse_length) {
  static const sweep_fn sweeps[] = {[LATTICES_SQUARE] = sweep_square,
                                    [LATTICES_CHAIN] = sweep_chain,
                                    [LATTICES_TRIANGULAR] = sweep_triangular,
                                    [LATTICES_CUBIC] = sweep_cubic};
  const unsigned neighbours = lattices_neighbours((lattices_choice)config->lattice);
  heat_bath *sampler = calloc(1, sizeof *sampler);
  if (!sampler) return NULL;
  sweep_init(&sampler->base, host, config, model, sweeps[config->lattice], inverse_length);
  for (unsigned way = 0; way < 1u << (neighbours - 1); way++)
    fill_thresholds(model, neighbours, way, sampler->below[way]);
  return sampler;
}
