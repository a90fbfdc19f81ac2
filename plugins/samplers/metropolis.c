// metropolis.c — sampler.metropolis: the Ising model by single-spin updates at any finite coupling, sweep after sweep.
// Metropolis and heat bath differ in one table of five flip probabilities. Lattices of even size are updated colour by
// colour, many spins at a time (checkerboard.h), odd ones site by site in memory order.
#include "checkerboard.h"
#include "elsewhere.h"
#include "sweeps.h"

#include <math.h>
#include <stdlib.h>

// Metropolis proposes with this probability, not always. In a fixed order a proposal that is always made and always
// accepted (K = 0) would flip all spins in every sweep, and other states would never be reached. With any value in
// (0, 1) every state leads to every other in one sweep.
#define PROPOSAL 0.75

typedef enum algorithm { METROPOLIS = 0, HEAT_BATH = 1 } algorithm;

typedef struct metropolis_config {
  sampler_config common;
  int32_t algorithm;
} metropolis_config;

typedef struct metropolis {
  sweep_sampler base;
  uint64_t thresholds[5];      ///< site by site: 2⁶³ · P(flip) of a spin that agrees with 0 … 4 of its neighbours
  checkerboard_rule rule;      ///< the same for colours
  const checkerboard_isa *isa; ///< NULL: site by site
  fg_rng_key key;
  checkerboard *boards; ///< one a chain; NULL until the run starts
} metropolis;

/// Metropolis, Rosenbluth, Rosenbluth, Teller, Teller, J. Chem. Phys. 21, 1087 (1953); heat bath: Glauber,
/// J. Math. Phys. 4, 294 (1963). A spin that agrees with n of z neighbours pays 2(2n-z) to flip, in units of J.
static double flip_probability(algorithm which, double coupling, int agreeing, int neighbours) {
  double cost = 2 * (2 * agreeing - neighbours) * coupling;
  return which == HEAT_BATH ? 1.0 / (1.0 + exp(cost)) : PROPOSAL * fmin(1.0, exp(-cost));
}

static inline unsigned update(const sweep_sampler *base, fg_rng *rng, unsigned spin, const unsigned near[4]) {
  const metropolis *sampler = (const metropolis *)base;
  unsigned up = near[0] + near[1] + near[2] + near[3];
  unsigned agreeing = spin ? up : 4 - up;
  return spin ^ ((fg_rng_bits(rng) >> 1) < sampler->thresholds[agreeing]);
}

static void sweep(const sweep_sampler *sampler, sampler_chain *chain) { sweep_sites(sampler, chain, update); }

// ---- by colours

static checkerboard *board_of(const sweep_sampler *base, const sampler_chain *chain) {
  return &((const metropolis *)base)->boards[chain - base->base.chains];
}

static void load(const sweep_sampler *base, sampler_chain *chain) {
  checkerboard_load(board_of(base, chain), chain->sites);
}

static void store(const sweep_sampler *base, sampler_chain *chain) {
  checkerboard_store(board_of(base, chain), chain->sites);
}

static void sweep_colours(const sweep_sampler *base, sampler_chain *chain) {
  const metropolis *sampler = (const metropolis *)base;
  const events_source source = {base->base.host->rng_fill, sampler->key, events_ticket(chain)};
  checkerboard_sweep(sampler->isa, board_of(base, chain), &sampler->rule, &source);
}

static void close_boards(metropolis *sampler) {
  for (uint32_t c = 0; sampler->boards && c < sampler->base.base.chain_count; c++)
    checkerboard_close(&sampler->boards[c]);
  free(sampler->boards);
  sampler->boards = NULL;
}

static fg_status open_boards(metropolis *sampler) {
  const sampler_base *base = &sampler->base.base;
  sampler->boards = calloc(base->chain_count, sizeof *sampler->boards);
  int complete = sampler->boards != NULL;
  for (uint32_t c = 0; complete && c < base->chain_count; c++)
    complete = checkerboard_open(&sampler->boards[c], base->length);
  if (complete) return FG_OK;
  close_boards(sampler);
  return base->host->fail(base->host, "out of memory for %u chains of %u×%u; ask for fewer chains or a smaller size",
                          base->chain_count, base->length, base->length);
}

// ---- the stage

/// 1/ξ = ln coth K − 2K above the critical temperature (L. Onsager, Phys. Rev. 65, 117, 1944). Below it the modulus
/// gives twice the true length: on small lattices the rare reversals of all spins ask for that.
static double inverse_length(const sampler_config *config, double coupling) {
  int frustrated = coupling < 0 && config->size % 2; // walls that cannot vanish wander over the lattice
  double strength = fabs(coupling);
  return frustrated ? 0 : fabs(-log(tanh(strength)) - 2.0 * strength);
}

/// On another lattice than the square one.
static fg_status create_elsewhere(const fg_host *host, const metropolis_config *config, double coupling, void **self) {
  double flip[LATTICES_MOST_NEIGHBOURS + 1];
  int neighbours = (int)lattices_neighbours((lattices_choice)config->common.lattice);
  for (int agreeing = 0; agreeing <= neighbours; agreeing++)
    flip[agreeing] = flip_probability((algorithm)config->algorithm, coupling, agreeing, neighbours);
  *self = elsewhere_new(host, &config->common, coupling, flip);
  return *self ? FG_OK : host->fail(host, "out of memory");
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  const metropolis_config *config = given;
  lattices_choice lattice = (lattices_choice)config->common.lattice;
  double coupling;
  if (lattices_coupling(host, lattice, config->common.coupling, &coupling) != FG_OK) return FG_FAILED;
  if (lattice != LATTICES_SQUARE) return create_elsewhere(host, config, coupling, self);
  metropolis *sampler = calloc(1, sizeof *sampler);
  if (!sampler) return host->fail(host, "out of memory");
  const sampler_model model = {.element = FG_SPIN1, .states = 2, .coupling = coupling};
  sweep_init(&sampler->base, host, &config->common, &model, sweep, inverse_length(&config->common, coupling));
  double differing[CHECKERBOARD_CLASSES];
  for (int agreeing = 0; agreeing <= 4; agreeing++) {
    double probability = flip_probability((algorithm)config->algorithm, model.coupling, agreeing, 4);
    sampler->thresholds[agreeing] = (uint64_t)(probability * 0x1p63);
    differing[4 - agreeing] = probability;
  }
  *self = sampler;
  if (config->common.size % 2) return FG_OK;
  sampler->base.sweep = sweep_colours;
  sampler->base.load = load;
  sampler->base.store = store;
  sampler->rule = checkerboard_prepare(differing);
  sampler->key = host->rng_key(host, "updates");
  sampler->isa = checkerboard_chosen(host);
  if (sampler->isa) return FG_OK;
  free(sampler);
  *self = NULL;
  return FG_FAILED;
}

/// The instance, if it moves colour by colour.
static metropolis *by_colours(void *self) {
  const sampler_base *base = self;
  metropolis *sampler = base->lattice.shape == FG_SQUARE ? self : NULL; // elsewhere it is another struct
  return sampler && sampler->isa ? sampler : NULL;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const sampler_base *base = self;
  fg_status status = sampler_negotiate(self, inputs, outputs, memory);
  if (by_colours(self)) *memory += base->chain_count * (sizeof(checkerboard) + checkerboard_bytes(base->length));
  return status;
}

static fg_status produce(void *self) {
  metropolis *sampler = by_colours(self);
  if (sampler && !sampler->boards && open_boards(sampler) != FG_OK) return FG_FAILED;
  return sampler_produce(self);
}

static void destroy(void *self) {
  metropolis *sampler = by_colours(self);
  if (sampler) close_boards(sampler);
  sampler_destroy(self);
}

static const char *const special_couplings[] = {LATTICES_CRITICAL_NAME, NULL};
static const char *const algorithms[] = {"metropolis", "heat-bath", NULL};

static const fg_param coupling_param = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(sampler_config, coupling),
    .name = "coupling",
    .names = special_couplings,
    .unit = "1",
    .doc = "Coupling K = βJ, negative for an antiferromagnet; " LATTICES_CRITICAL_DOC ".",
};
static const fg_param thermalize = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(sampler_config, thermalize),
    .name = "thermalize",
    .def = "auto",
    .min = "0",
    .names = sampler_counts,
    .unit = "sweeps",
    .doc = "Sweeps of each chain before its first configuration; auto: " SWEEPS_THERMALIZE_DOC ".",
};
static const fg_param spacing = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(sampler_config, spacing),
    .name = "spacing",
    .def = "auto",
    .min = "1",
    .names = sampler_counts,
    .unit = "sweeps",
    .doc = "Sweeps between configurations; auto: " SWEEPS_SPACING_DOC " 1/|2K + ln tanh K|, the correlation length; on "
           "the chain -1/ln tanh |K|, on the others " ELSEWHERE_LENGTH_DOC ".",
};
static const fg_param algorithm_param = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(metropolis_config, algorithm),
    .name = "algorithm",
    .def = "metropolis",
    .choices = algorithms,
    .unit = "1",
    .doc = "How a spin is updated: a proposed flip accepted with min(1, exp(-K ΔE)), or drawn afresh given its "
           "neighbours.",
};

static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "sampler.metropolis",
    .summary = "draws configurations of the Ising model by single-spin updates",
    .doc =
        "Samples the Ising model, weight exp(K Σ s s') over the bonds of a periodic lattice, at any finite coupling of "
        "either sign and any size, odd ones included. On square lattices of even size a sweep visits one colour of a "
        "checkerboard after the other, many spins at a time; elsewhere all sites in order, far more slowly. metropolis: "
        "Metropolis et al., J. Chem. Phys. 21, 1087 (1953), a flip being proposed with probability 3/4, because "
        "proposals in a fixed order that are all accepted would not be ergodic; heat-bath: Glauber, J. Math. Phys. 4, "
        "294 (1963).\n\n"
        "Chains start from the ground state (a checkerboard for K < 0, as if no lattice frustrated it), with a random "
        "sign each, and every configuration goes out with a random sign: an exact symmetry that local updates restore "
        "too slowly at strong coupling. Near the critical point configurations stay correlated for about L^2.17 "
        "sweeps; on large lattices sampler.wolff is faster by far.\n\n"
        "Flip probabilities are multiples of 2⁻⁶⁴ with colours, of 2⁻⁶³ in order. On L = 2 two bonds join each pair of "
        "neighbours; on L = 1 a site is its own neighbour.",
    .params = (const fg_param *const[]){&sampler_param_lattice, &sampler_param_size, &coupling_param,
                                        &sampler_param_configurations, &sampler_param_chains, &thermalize, &spacing,
                                        &algorithm_param, NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&sampler_output_spins, NULL},
    .config_size = sizeof(metropolis_config),
    .create = create,
    .negotiate = negotiate,
    .produce = produce,
    .save = sampler_save,
    .restore = sampler_restore,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "metropolis",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL},
};
