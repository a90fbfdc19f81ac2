// potts.c — sampler.potts: the Potts model of 2 to 255 states, by clusters or by heat bath. Weight exp(K Σ δ(s,s'))
// over the bonds of the lattice.
#include "clusters.h"
#include "sweeps.h"

#include <math.h>
#include <stdlib.h>

enum { WOLFF, HEAT_BATH };

typedef struct potts_config {
  sampler_config common;
  int64_t states;
  int32_t algorithm;
} potts_config;

// The critical coupling depends on the number of states, which the parameter table cannot express: it gives a value out
// of reach of the limits, and create puts the coupling in its place.
#define COUPLING_MOST "1e300"
#define CRITICAL 1e308
static const char *const special_couplings[] = {"critical=1e308", NULL};

/// The self-dual coupling, R. B. Potts, Proc. Camb. Phil. Soc. 48, 106 (1952).
static double critical_coupling(int64_t states) { return log1p(sqrt((double)states)); }

// ---- heat bath

/// The neighbours' states in ascending order are alike in one of 8 ways: bit i is set when number i and i + 1 are
/// equal.
#define WAYS 8u

typedef struct heat_bath {
  sweep_sampler base;
  uint64_t below[WAYS][4]; ///< 2⁶³ · P(the state is that of one of the ordered neighbours 0 … i)
} heat_bath;

/// Whether the ordered neighbour i differs from those before it.
static inline int is_new(unsigned way, int i) { return i == 0 || !(way >> (i - 1) & 1); }

/// How many neighbours have each state, in ascending order; returns how many states that are.
static int count_equal(unsigned way, int have[4]) {
  int different = 0;
  for (int i = 0; i < 4; i++) {
    if (is_new(way, i)) have[different++] = 0;
    have[different - 1]++;
  }
  return different;
}

/// The heat bath's thresholds for one way the neighbours are alike. A state that n of them have weighs exp(K n); what
/// weighs most is the unit, so that nothing overflows. A probability is off by about 2⁻⁵³.
static void fill_thresholds(const sampler_model *model, unsigned way, uint64_t below[4]) {
  int have[4], different = count_equal(way, have), elsewhere = (int)model->states - different;
  int heaviest = model->coupling < 0 && elsewhere > 0 ? 0 : have[0];
  for (int k = 0; k < different; k++)
    if (model->coupling < 0 ? have[k] < heaviest : have[k] > heaviest) heaviest = have[k];
  double total = elsewhere > 0 ? elsewhere * exp(-model->coupling * heaviest) : 0;
  for (int k = 0; k < different; k++) total += exp(model->coupling * (have[k] - heaviest));
  double sum = 0; // reaches total exactly when no state is elsewhere: nothing is drawn from none
  for (int i = 0, k = 0; i < 4; i++) {
    if (is_new(way, i)) sum += exp(model->coupling * (have[k++] - heaviest)); // its equals share this place
    below[i] = (uint64_t)(sum / total * 0x1p63);
  }
}

static inline void sort_two(unsigned *low, unsigned *high) {
  unsigned a = *low, b = *high;
  *low = a < b ? a : b;
  *high = a < b ? b : a;
}

/// Draws a state given its four neighbours, whatever it was.
static inline unsigned update(const sweep_sampler *base, fg_rng *rng, unsigned site, const unsigned near[4]) {
  (void)site;
  const heat_bath *sampler = (const heat_bath *)base;
  unsigned s[4] = {near[0], near[1], near[2], near[3]};
  sort_two(&s[0], &s[1]);
  sort_two(&s[2], &s[3]);
  sort_two(&s[0], &s[2]);
  sort_two(&s[1], &s[3]);
  sort_two(&s[1], &s[2]);
  unsigned way = (unsigned)(s[0] == s[1]) | (unsigned)(s[1] == s[2]) << 1 | (unsigned)(s[2] == s[3]) << 2;
  const uint64_t *below = sampler->below[way], random = fg_rng_bits(rng) >> 1;
  int drawn = (random >= below[0]) + (random >= below[1]) + (random >= below[2]) + (random >= below[3]);
  if (drawn < 4) return s[drawn];

  int have[4];
  uint64_t elsewhere = base->base.model.states - (unsigned)count_equal(way, have);
  unsigned fresh = (unsigned)fg_rng_below(rng, elsewhere); // among the states that no neighbour has
  for (int i = 0; i < 4; i++) fresh += is_new(way, i) && fresh >= s[i];
  return fresh;
}

static void sweep(const sweep_sampler *sampler, sampler_chain *chain) { sweep_sites(sampler, chain, update); }

/// An estimate of 1/ξ. Attraction: |K/Kc - 1|, for ξ grows no faster than 1/|K - Kc| with any number of states.
/// Repulsion: two states are the Ising antiferromagnet, whose walls cannot vanish on odd lattices; three are critical
/// at K = -∞, with ξ ~ exp(2|K|) (S. J. Ferreira & A. D. Sokal, J. Stat. Phys. 96, 461, 1999); more are never far
/// from disorder.
static double inverse_length(const sampler_model *model, int64_t size) {
  double strength = fabs(model->coupling);
  if (model->coupling < 0 && model->states == 2 && size % 2) return 0;
  if (model->coupling < 0 && model->states == 3) return exp(-2.0 * strength);
  if (model->coupling < 0 && model->states > 3) return 0.5;
  return fabs(strength / critical_coupling(model->states) - 1.0);
}

static void *heat_bath_new(const fg_host *host, const sampler_config *config, const sampler_model *model) {
  heat_bath *sampler = calloc(1, sizeof *sampler);
  if (!sampler) return NULL;
  sweep_init(&sampler->base, host, config, model, sweep, inverse_length(model, config->size));
  for (unsigned way = 0; way < WAYS; way++) fill_thresholds(model, way, sampler->below[way]);
  return sampler;
}

// ---- the stage

static void *wolff_new(const fg_host *host, const sampler_config *config, const sampler_model *model) {
  cluster_sampler *sampler = calloc(1, sizeof *sampler);
  if (sampler) cluster_init(sampler, host, config, model, model->coupling);
  return sampler;
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  const potts_config *config = given;
  sampler_model model = {.element = FG_STATE8, .states = (uint32_t)config->states, .coupling = config->common.coupling};
  if (model.coupling >= CRITICAL) model.coupling = critical_coupling(config->states);
  if (model.coupling < 0 && config->algorithm == WOLFF)
    return host->fail_param(host, "coupling",
                            "clusters of equal states do not form at a negative coupling; set algorithm: heat-bath");
  *self = (config->algorithm == WOLFF ? wolff_new : heat_bath_new)(host, &config->common, &model);
  return *self ? FG_OK : host->fail(host, "out of memory");
}

static const char *const algorithms[] = {"wolff", "heat-bath", NULL};

static const fg_param states = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(potts_config, states),
    .name = "states",
    .min = "2",
    .max = "255",
    .unit = "1",
    .doc = "States q of a site, numbered from 0.",
};
static const fg_param coupling = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(sampler_config, coupling),
    .name = "coupling",
    .min = "-" COUPLING_MOST,
    .max = COUPLING_MOST,
    .names = special_couplings,
    .unit = "1",
    .doc = "Coupling K = βJ for the energy -J Σ δ(s,s'), twice the Ising coupling at q = 2; critical is ln(1+√q). "
           "Negative for an antiferromagnet, which needs algorithm: heat-bath.",
};
static const fg_param thermalize = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(sampler_config, thermalize),
    .name = "thermalize",
    .def = "auto",
    .min = "0",
    .names = sampler_counts,
    .unit = "clusters or sweeps",
    .doc = "Updates of each chain before its first configuration. auto, clusters: " CLUSTERS_THERMALIZE_DOC
           "; auto, sweeps: " SWEEPS_THERMALIZE_DOC ".",
};
static const fg_param spacing = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(sampler_config, spacing),
    .name = "spacing",
    .def = "auto",
    .min = "1",
    .names = sampler_counts,
    .unit = "clusters or sweeps",
    .doc = "Updates between configurations, and one cluster more with probability 1/2. auto, clusters: " //
    CLUSTERS_SPACING_DOC "; auto, sweeps: " SWEEPS_SPACING_DOC " 1/|K/Kc - 1| (for K < 0 see the stage's text).",
};
static const fg_param algorithm = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(potts_config, algorithm),
    .name = "algorithm",
    .def = "wolff",
    .choices = algorithms,
    .unit = "1",
    .doc = "What an update is: a cluster that changes to another state, or a sweep in which every site is drawn afresh "
           "given its neighbours.",
};

static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "sampler.potts",
    .summary = "draws configurations of the two-dimensional Potts model by clusters or single-site updates",
    .doc = "Samples the Potts model of q states, weight exp(K Σ δ(s,s')) over the bonds of a periodic L×L square "
           "lattice (F. Y. Wu, Rev. Mod. Phys. 54, 235, 1982). wolff: single clusters, as in sampler.wolff; the "
           "cluster takes one of the q-1 other states, uniformly. heat-bath: a sweep visits all sites in order, and "
           "draws each given its neighbours; any coupling.\n\n"
           "**Conventions.** Energy E = -J Σ δ(s,s'), two bonds a site, K = βJ. q = 2 is the Ising model at K_Ising "
           "= K/2, with E/J = (E_Ising/J_Ising - 2N)/2; state 1 is spin up, and with wolff the configurations are "
           "those of sampler.wolff, given the same seed, stage name, and counts. critical is Kc = ln(1+√q), where e "
           "= -(1+1/√q) on the infinite lattice for q ≤ 4. On L = 2 two bonds join each pair of neighbours; on L = 1 a "
           "site is its own neighbour.\n\n"
           "**Chains** start in one state (heat-bath with K < 0: in a checkerboard of two), drawn at random. How many "
           "clusters thermalise a chain, and how many lie between two configurations, is fixed before the first of "
           "them changes. heat-bath sends every configuration out with its states permuted at random: an exact "
           "symmetry that local updates restore too slowly at strong coupling. Its automatic counts for K < 0 take the "
           "correlation length of q = 2 for that of |K| (the size, if that is odd), of q = 3 for exp(2|K|), of more "
           "states for 2.\n\n"
           "**Limits.** For q > 4 the transition is of first order: close to it a large lattice stays in its phase, at "
           "first the ordered one, for a time that grows exponentially with L, with either algorithm. Automatic counts "
           "do not know of this; compare chains. Bond probabilities are multiples of 2⁻³².",
    .params = (const fg_param *const[]){&states, &sampler_param_size, &coupling, &sampler_param_configurations,
                                        &sampler_param_chains, &thermalize, &spacing, &algorithm, NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&sampler_output_states, NULL},
    .config_size = sizeof(potts_config),
    .create = create,
    .negotiate = sampler_negotiate,
    .produce = sampler_produce,
    .save = sampler_save,
    .restore = sampler_restore,
    .destroy = sampler_destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "potts",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL},
};
