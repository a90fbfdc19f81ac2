// potts.c — sampler.potts: the Potts model of 2 to 255 states, by clusters or by heat bath. Weight exp(K Σ δ(s,s'))
// over the bonds of the lattice.
#include "clusters.h"
#include "potts_bath.h"

#include <math.h>
#include <stdlib.h>

enum { WOLFF, HEAT_BATH };

typedef struct potts_config {
  sampler_config common;
  int64_t states;
  int32_t algorithm;
} potts_config;

// The critical coupling depends on the lattice and on the number of states, which the parameter table cannot express: it gives a value out
// of reach of the limits, and create puts the coupling in its place.
#define COUPLING_MOST "1e300"
#define CRITICAL 1e308
static const char *const special_couplings[] = {"critical=1e308", NULL};

/// v = e^K - 1 solves v³ + 3v² = q on the critical triangular lattice (D. Kim and R. I. Joseph, J. Phys. C 7, L167, 1974):
/// by Newton's method from above, where the cubic is convex.
static double critical_triangular(double states) {
  double v = sqrt(states);
  for (int step = 0; step < 60; step++) v -= ((v + 3) * v * v - states) / (3 * v * (v + 2));
  return log1p(v);
}

/// Exact but for the cubic lattice; NaN where it is not known, or there is none. Square: the self-dual coupling, R. B.
/// Potts, Proc. Camb. Phil. Soc. 48, 106 (1952).
static double critical_coupling(lattices_choice lattice, uint32_t states) {
  if (lattice == LATTICES_SQUARE) return log1p(sqrt((double)states));
  if (lattice == LATTICES_TRIANGULAR) return critical_triangular(states);
  return states == 2 ? 2 * lattices_critical(lattice) : NAN;
}

static fg_status refuse_critical(const fg_host *host, lattices_choice lattice) {
  if (lattice == LATTICES_CHAIN)
    return host->fail_param(host, "coupling",
                            "critical: a chain has no transition at a finite coupling; give a number");
  return host->fail_param(host, "coupling",
                          "critical: on the cubic lattice known here for states: 2 only; give a number");
}

/// An estimate of 1/ξ. Attraction: |K/Kc - 1|, for ξ grows no faster than 1/|K - Kc| with any number of states; on the
/// chain exactly ln((e^K+q-1)/(e^K-1)); the size, where Kc is not known. Repulsion: two states are the Ising
/// antiferromagnet, whose walls cannot vanish on odd or triangular lattices; three are critical at K = -∞ on the square
/// lattice, with ξ ~ exp(2|K|) (S. J. Ferreira & A. D. Sokal, J. Stat. Phys. 96, 461, 1999); more are never far from
/// disorder there. On other lattices three or more states that repel each other are given the size.
static double inverse_length(const sampler_model *model, const sampler_config *config) {
  const lattices_choice lattice = (lattices_choice)config->lattice;
  double strength = fabs(model->coupling), critical = critical_coupling(lattice, model->states);
  if (model->coupling < 0 && model->states == 2 && (config->size % 2 || lattice == LATTICES_TRIANGULAR)) return 0;
  if (model->coupling < 0 && model->states > 2 && lattice != LATTICES_SQUARE) return 0;
  if (model->coupling < 0 && model->states == 3) return exp(-2.0 * strength);
  if (model->coupling < 0 && model->states > 3) return 0.5;
  if (lattice == LATTICES_CHAIN) return log1p(model->states / expm1(strength));
  return isnan(critical) ? 0 : fabs(strength / critical - 1.0);
}

// ---- the stage

static void *wolff_new(const fg_host *host, const sampler_config *config, const sampler_model *model) {
  cluster_sampler *sampler = calloc(1, sizeof *sampler);
  if (sampler) cluster_init(sampler, host, config, model, model->coupling);
  return sampler;
}

static void *heat_bath_new(const fg_host *host, const sampler_config *config, const sampler_model *model) {
  return potts_bath_new(host, config, model, inverse_length(model, config));
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  const potts_config *config = given;
  sampler_model model = {.element = FG_STATE8, .states = (uint32_t)config->states, .coupling = config->common.coupling};
  const lattices_choice lattice = (lattices_choice)config->common.lattice;
  if (model.coupling >= CRITICAL) model.coupling = critical_coupling(lattice, model.states);
  if (isnan(model.coupling)) return refuse_critical(host, lattice);
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
    .doc =
        "Coupling K = βJ for the energy -J Σ δ(s,s'), twice the Ising coupling at q = 2; critical is ln(1+√q) on the square "
        "lattice, ln(1+v) with v³+3v² = q on the triangular one, and known for q = 2 on the cubic one. "
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
    .summary = "draws configurations of the Potts model by clusters or single-site updates",
    .doc =
        "Samples the Potts model of q states, weight exp(K Σ δ(s,s')) over the bonds of a periodic lattice "
        "(F. Y. Wu, Rev. Mod. Phys. 54, 235, 1982). wolff: single clusters, as in sampler.wolff; the "
        "cluster takes one of the q-1 other states, uniformly. heat-bath: a sweep visits all sites in order, and "
        "draws each given its neighbours; any coupling.\n\n"
        "**Conventions.** Energy E = -J Σ δ(s,s'), two bonds a site on the square lattice, K = βJ. q = 2 is the Ising model at K_Ising "
        "= K/2, with E/J = (E_Ising/J_Ising - 2N)/2 on the square lattice; state 1 is spin up, and with wolff the configurations are "
        "those of sampler.wolff, given the same seed, stage name, and counts. On the square lattice critical is Kc = ln(1+√q), where e "
        "= -(1+1/√q) without bounds for q ≤ 4. On L = 2 two bonds join each pair of neighbours; on L = 1 a "
        "site is its own neighbour.\n\n"
        "**Chains** start in one state (heat-bath with K < 0: in a checkerboard of two), drawn at random. How many "
        "clusters thermalise a chain, and how many lie between two configurations, is fixed before the first of "
        "them changes. heat-bath sends every configuration out with its states permuted at random: an exact "
        "symmetry that local updates restore too slowly at strong coupling. Its automatic counts for K < 0 take the "
        "correlation length of q = 2 for that of |K| (the size, if that is odd), of q = 3 for exp(2|K|), of more "
        "states for 2; on other lattices, for q > 2, the size. For K > 0 the chain's is exact, and the cubic lattice's "
        "is the size for q > 2.\n\n"
        "**Limits.** For q > 4 the transition is of first order: close to it a large lattice stays in its phase, at "
        "first the ordered one, for a time that grows exponentially with L, with either algorithm. Automatic counts "
        "do not know of this; compare chains. Bond probabilities are multiples of 2⁻³².",
    .params = (const fg_param *const[]){&states, &sampler_param_lattice, &sampler_param_size, &coupling,
                                        &sampler_param_configurations, &sampler_param_chains, &thermalize, &spacing,
                                        &algorithm, NULL},
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
