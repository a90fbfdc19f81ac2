// autoregressive.c — network.autoregressive: fine spins that are correlated given the coarse ones. A lattice is drawn in
// steps (autoregressive_shape.h); the logit of a spin s_r being up, given the coarse spins c around it and the fine spins
// drawn in earlier steps, all ±1 and together x_i, is odd in them, so that reversing all spins reverses it:
//     logit = Σ_i a_i x_i + Σ_h b_h tanh Σ_i w_hi x_i,
// with weights of their own for every step and the hidden units on request. The probability of a lattice is the product
// over all sites, exact and normalised: such networks are known from M. Germain et al., arXiv:1502.03509, and for spins
// from D. Wu, L. Wang and P. Zhang, Phys. Rev. Lett. 122, 080602 (2019). Here are the stage and the opening of models.
#include "autoregressive_model.h"

#include "first_model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KIND "network.autoregressive"
#define LARGEST_WEIGHT 1e9 // sums of them are far from the largest float

// ---- opening

static void close_model(fg_network_model *model) {
  if (!model) return;
  autoregressive_tables_free(model->tables);
  free(model->pair);
  free(model->weights);
  free(model->names);
  free(model);
}

/// Index of the first weight that is not a number of moderate size; `count` when all are.
static uint64_t first_bad(const double *weights, uint64_t count) {
  uint64_t k = 0;
  while (k < count && fabs(weights[k]) <= LARGEST_WEIGHT) k++;
  return k;
}

static fg_status out_of_memory(const fg_network_model *model) {
  return model->host->fail(model->host, "out of memory for a model");
}

/// Gives a model with names its weights.
static fg_status set_weights(fg_network_model *model, const double *weights, uint64_t count) {
  const fg_host *host = model->host;
  if (count != model->shape.parameters)
    return host->fail(host,
                      "a model of " KIND " came with %" PRIu64 " weights; with these hyperparameters it has %" PRIu64,
                      count, model->shape.parameters);
  uint64_t bad = first_bad(weights, count);
  if (bad < count)
    return host->fail(host, "weight '%s' of a model of " KIND " is no number, or beyond %g", model->names[bad],
                      LARGEST_WEIGHT);
  model->weights = malloc(count * sizeof *weights);
  if (!model->weights) return out_of_memory(model);
  memcpy(model->weights, weights, count * sizeof *weights);
  model->tables = autoregressive_tables_new(&model->shape, weights, 0);
  return model->tables ? FG_OK : out_of_memory(model);
}

static fg_status fill_model(fg_network_model *model, const double *weights, uint64_t count) {
  model->kernel = autoregressive_fastest();
  model->names = calloc(model->shape.parameters, sizeof *model->names);
  if (!model->names) return out_of_memory(model);
  autoregressive_shape_name(&model->shape, model->names);
  if (model->shape.top_coupling != 0) {
    model->pair = calloc(1, sizeof *model->pair);
    if (!model->pair) return out_of_memory(model);
    autoregressive_pair_tabulate(model->pair, model->shape.top_coupling);
  }
  return count ? set_weights(model, weights, count) : FG_OK;
}

static fg_status open_model(const fg_host *host, const char *hyperparameters, const double *weights,
                            uint64_t weight_count, fg_network_model **opened) {
  char why[200];
  fg_network_model *model = calloc(1, sizeof *model);
  if (!model) return host->fail(host, "out of memory for a model");
  model->host = host;
  fg_status status = FG_OK;
  if (autoregressive_shape_read(&model->shape, hyperparameters, why))
    status = host->fail(host, "hyperparameters %s of " KIND " cannot be used: %s", hyperparameters, why);
  if (status == FG_OK) status = fill_model(model, weights, weight_count);
  if (status == FG_OK)
    *opened = model;
  else
    close_model(model);
  return status;
}

static uint64_t parameters(const fg_network_model *model) { return model->shape.parameters; }

static const char *parameter_name(const fg_network_model *model, uint64_t index) {
  return index < model->shape.parameters ? model->names[index] : NULL;
}

/// Zeros, every spin a coin, but for what hidden units look at: uniform numbers of variance 1/inputs, so that their sums
/// over random spins have variance 1.
static void initial_weights(const fg_network_model *model, fg_rng_fill_fn fill, fg_rng_key key, double *weights) {
  const autoregressive_shape *shape = &model->shape;
  fg_rng rng = fg_rng_start(fill, key, 0);
  memset(weights, 0, shape->parameters * sizeof *weights);
  for (uint32_t s = 0; s < shape->steps; s++) {
    const autoregressive_step *step = &shape->step[s];
    double *hidden = weights + step->first + step->inputs, width = sqrt(12.0 / step->inputs);
    for (uint64_t k = 0; k < (uint64_t)shape->hidden * step->inputs; k++)
      hidden[k] = width * (fg_rng_uniform(&rng) - 0.5);
  }
}

static uint32_t factor(const fg_network_model *model) {
  (void)model;
  return 2;
}

/// Directly; through the fine spins drawn before, a spin knows of all coarse ones.
static uint32_t radius(const fg_network_model *model) {
  const uint32_t coarse = (uint32_t)model->shape.coarse_reach, fine = ((uint32_t)model->shape.fine_reach + 1) / 2;
  return coarse > fine ? coarse : fine;
}

static const fg_network network = {
    .size = sizeof(fg_network),
    .open = open_model,
    .close = close_model,
    .parameters = parameters,
    .parameter_name = parameter_name,
    .initial_weights = initial_weights,
    .factor = factor,
    .radius = radius,
    .log_prob = autoregressive_log_prob,
    .sample = autoregressive_sample,
    .gradient = autoregressive_gradient,
};

static const void *extension(const char *id) { return strcmp(id, FG_NETWORK_EXTENSION) == 0 ? &network : NULL; }

// ---- the stage

typedef struct config {
  int32_t logits;
  int64_t hidden;
  int64_t classes;
  double coarse_radius;
  double fine_radius;
  int32_t majority;
  double top_coupling;
  int32_t symmetrize;
  fg_real_list weights;
} config;

static fg_status create(const fg_host *host, const void *given, void **self) {
  const config *c = given;
  autoregressive_shape shape = {.logits = (uint32_t)c->logits,
                                .hidden = (uint32_t)c->hidden,
                                .classes = (uint32_t)c->classes,
                                .majority = (uint32_t)c->majority,
                                .symmetrize = (uint32_t)c->symmetrize,
                                .coarse_radius = c->coarse_radius,
                                .fine_radius = c->fine_radius,
                                .top_coupling = c->top_coupling};
  char why[160], hyperparameters[FIRST_MODEL_TEXT];
  const char *wrong = autoregressive_shape_derive(&shape, why);
  if (wrong) return host->fail_param(host, wrong, "%s", why);
  const uint64_t count = c->weights.count;
  if (count && count != shape.parameters)
    return host->fail_param(host, "weights", "%" PRIu64 " given, this network has %" PRIu64, count, shape.parameters);
  uint64_t bad = first_bad(c->weights.items, count);
  if (bad < count) return host->fail_param(host, "weights", "number %" PRIu64 " is beyond %g", bad + 1, LARGEST_WEIGHT);
  autoregressive_shape_write(&shape, hyperparameters);
  return first_model_new(host, KIND, hyperparameters, shape.parameters, &c->weights, self);
}

static const fg_param param_logits = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, logits),
    .name = "logits",
    .def = "hidden",
    .choices = autoregressive_logits,
    .doc = "Logits that are linear in the spins looked at, or have a layer of hidden units as well.",
};
static const fg_param param_hidden = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, hidden),
    .name = "hidden",
    .def = "8",
    .min = "1",
    .max = "64",
    .unit = "1",
    .doc = "Hidden units of every step: tanh without bias, so that they are odd. Multiples of 8 waste nothing.",
};
static const fg_param param_classes = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, classes),
    .name = "classes",
    .def = "8",
    .min = "4",
    .max = "16",
    .unit = "1",
    .doc =
        "Steps a lattice is drawn in, each with weights of its own: 4, the positions in a block; 8, each for even and "
        "then for odd blocks of a checkerboard; 16, for four colours of blocks.",
};
static const fg_param param_coarse_radius = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(config, coarse_radius),
    .name = "coarse_radius",
    .def = "3.6",
    .min = "0.75",
    .max = "6",
    .unit = "fine spacings",
    .doc = "Coarse spins up to this distance are looked at, from the fine spin to the middle of their block; 3.6: 11.",
};
static const fg_param param_fine_radius = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(config, fine_radius),
    .name = "fine_radius",
    .def = "3.2",
    .min = "0",
    .max = "4.5",
    .unit = "fine spacings",
    .doc = "Fine spins of earlier steps up to this distance are looked at; 3.2: 32 by the last of 8 steps.",
};
static const fg_param param_majority = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_BOOL,
    .offset = offsetof(config, majority),
    .name = "majority",
    .def = "true",
    .doc =
        "Whether a spin must equal its parent once two spins of its block oppose it, so that no block's majority does.",
};
static const fg_param param_top_coupling = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(config, top_coupling),
    .name = "top_coupling",
    .def = "none",
    .min = "-10",
    .max = "10",
    .names = (const char *const[]){"none=0", "critical=0.44068679350977147", NULL},
    .unit = "1",
    .doc =
        "Coupling K of the fine lattices, when they are Ising lattices and not blocks of such: then the last two spins "
        "of every block are drawn from their exact distribution, without parameters.",
};
static const fg_param param_symmetrize = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(config, symmetrize),
    .name = "symmetrize",
    .def = "none",
    .choices = autoregressive_symmetries,
    .doc = "The order of the positions prefers a corner: none leaves it so; mixture draws each configuration through a "
           "random one of the square's 8 symmetries, which makes scores 8 times and gradients 16 times the work.",
};
static const fg_param param_weights = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL_LIST,
    .offset = offsetof(config, weights),
    .name = "weights",
    .def = "[]",
    .unit = "1",
    .doc =
        "The parameters, for a model that is ready to dream, in the order of the table that a trainer makes. Empty: to "
        "be trained.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = KIND,
    .summary = "fine spins drawn one sublattice after the other, each given coarse spins and those drawn before",
    .doc =
        "Networks that draw fine spins independently given the coarse ones cannot give them the right correlations. Here a "
        "lattice is drawn in steps: the spins at position (0,0) of all blocks, then (1,1), (0,1) and (1,0), and each given "
        "the coarse spins and the fine spins of earlier steps around it. With x_i = ±1 all it looks at,\n\n"
        "    logit = Σ a_i x_i + Σ_h b_h tanh(Σ_i w_hi x_i)\n\n"
        "P(fine | coarse) is a product over the sites, normalised exactly. Each step has weights of its own: a_i, then w_hi "
        "unit by unit, then b_h. A parameter's name is its step, position/colour of the blocks, and its input: coarse "
        "offsets count from the parent, fine ones from the site.\n\n"
        "With `majority` the blocks of what is drawn agree with what it was drawn from, but for ties; a lattice whose "
        "blocks do not has the log-probability -infinity. With `top_coupling` K the last two spins of each block have "
        "the weight exp(K(s1 h1 + s2 h2)) q(parent | block), h their neighbours' sums and q = ½ for ties: the "
        "distribution they have in an Ising lattice given its majority blocks. On lattices of blocks they must be "
        "learned, so a dream has one model for the top level and others below: `inputs: {model: [lower, top]}`, or one for each "
        "distance from the top (docs/architectures.md).\n\n"
        "**Symmetry.** The order of the positions breaks the symmetries of the square. `symmetrize: mixture` restores them "
        "exactly, and the mean over 8 orientations comes closer to the truth than one alone: on 32×32 critical lattices it "
        "lowered the gap of the variational free energy by a factor of 2.7. Draws cost the same, scores 8 times as much, "
        "gradients 16 times. So train without, and take the weights over: `net: {plugin: network.autoregressive}`, then "
        "`mixed: {plugin: network.autoregressive, input: train, params: {symmetrize: mixture}}`, all other parameters the "
        "same.\n\n"
        "Even extents of the coarse lattice close the colouring of blocks; on odd ones (from 3 on) no spin looks at others "
        "of its position.\n\n"
        "Hidden units are computed in single precision, everything else in double, without anything that differs from "
        "machine to machine; spins are drawn with 53 bits, so the likelihoods are those of what is drawn. A call "
        "needs 1.25 bytes a fine spin, 80 KiB at least, and the tables take about 5 KiB a step and unit.",
    .params = (const fg_param *const[]){&param_logits, &param_hidden, &param_classes, &param_coarse_radius,
                                        &param_fine_radius, &param_majority, &param_top_coupling, &param_symmetrize,
                                        &param_weights, NULL},
    .inputs = (const fg_port *const[]){&first_model_input, NULL},
    .outputs = (const fg_port *const[]){&first_model_output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = first_model_negotiate,
    .process = first_model_process,
    .produce = first_model_produce,
    .destroy = first_model_destroy,
    .extension = extension,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "autoregressive",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
