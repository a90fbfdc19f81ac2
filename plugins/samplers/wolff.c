// wolff.c — sampler.wolff: the ferromagnetic Ising model by single clusters.
#include "clusters.h"

#include <stdlib.h>

static fg_status create(const fg_host *host, const void *given, void **self) {
  const sampler_config *config = given;
  cluster_sampler *sampler = calloc(1, sizeof *sampler);
  if (!sampler) return host->fail(host, "out of memory");
  sampler_model model = {.element = FG_SPIN1, .states = 2};
  if (lattices_coupling(host, (lattices_choice)config->lattice, config->coupling, &model.coupling) != FG_OK) {
    free(sampler);
    return FG_FAILED;
  }
  cluster_init(sampler, host, config, &model, 2.0 * model.coupling);
  *self = sampler;
  return FG_OK;
}

static const char *const special_couplings[] = {LATTICES_CRITICAL_NAME, NULL};

static const fg_param coupling = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(sampler_config, coupling),
    .name = "coupling",
    .min = "0",
    .names = special_couplings,
    .unit = "1",
    .doc = "Coupling K = βJ ≥ 0; " LATTICES_CRITICAL_DOC ".",
};
static const fg_param thermalize = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(sampler_config, thermalize),
    .name = "thermalize",
    .def = "auto",
    .min = "0",
    .names = sampler_counts,
    .unit = "clusters",
    .doc = "Clusters flipped in each chain before its first configuration; auto: " CLUSTERS_THERMALIZE_DOC ".",
};
static const fg_param spacing = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(sampler_config, spacing),
    .name = "spacing",
    .def = "auto",
    .min = "1",
    .names = sampler_counts,
    .unit = "clusters",
    .doc =
        "Clusters flipped between configurations, and one more with probability 1/2; auto: " CLUSTERS_SPACING_DOC ".",
};

static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "sampler.wolff",
    .summary = "draws configurations of the Ising model by cluster updates",
    .doc = "Samples the ferromagnetic Ising model, weight exp(K Σ s s') over the bonds of a periodic "
           "lattice, with the single-cluster algorithm of U. Wolff, Phys. Rev. Lett. 62, 361 (1989).\n\n"
           "Chains start ordered, with a random sign each. How many clusters thermalise a chain and how many "
           "lie between two configurations is fixed before the first of them is flipped, so the sizes of "
           "clusters never decide when a configuration is taken. Between configurations one more cluster is "
           "flipped with probability 1/2, which keeps the chain aperiodic at weak coupling, K = 0 included.\n\n"
           "Bond probabilities are multiples of 2⁻³². On L = 2 two bonds join each pair of neighbours; on L = "
           "1 a site is its own neighbour. Negative couplings: use sampler.metropolis.",
    .params =
        (const fg_param *const[]){&sampler_param_lattice, &sampler_param_size, &coupling, &sampler_param_configurations,
                                  &sampler_param_chains, &thermalize, &spacing, NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&sampler_output_spins, NULL},
    .config_size = sizeof(sampler_config),
    .create = create,
    .negotiate = sampler_negotiate,
    .produce = sampler_produce,
    .save = sampler_save,
    .restore = sampler_restore,
    .destroy = sampler_destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "wolff",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL},
};
