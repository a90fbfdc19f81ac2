// adam.c — train.adam: any network that has a gradient, trained by stochastic gradient descent. The stage keeps the
// configurations that come (training_set.h), then takes a step a call (descent.h) and in the end gives the best weights.
#include "adam_config.h"
#include "adam_tables.h"
#include "descent.h"
#include "inputs.h"
#include "training_set.h"

#include <inttypes.h>
#include <stdlib.h>

#define SMALLEST_EFFECTIVE_SHARE 0.01 // below it a word of warning
#define SEPARABLE_LOSS 1e-3           // nats per fine spin: the same

typedef struct adam {
  const fg_host *host;
  const adam_config *config;
  inputs_model model;
  training_set *data;
  descent descent;
} adam;

static fg_status create(const fg_host *host, const void *given, void **self) {
  const adam_config *c = given;
  if (c->patience > 0 && !(c->validation > 0))
    return host->fail_param(host, "patience",
                            "needs configurations held out to watch; set validation above 0, or patience to 0");
  adam *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = c;
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) {
  adam *stage = self;
  descent_close(&stage->descent);
  training_set_free(stage->data);
  inputs_clear(&stage->model);
  free(stage);
}

// ---- formats

static uint64_t plus(uint64_t a, uint64_t b) { return a + b < a ? UINT64_MAX : a + b; }

/// Most bytes of configurations that will be kept, and of the largest minibatch. FG_FAILED: more than `hold`, reported.
static fg_status expect(const adam *stage, const fg_format *fine, const fg_format *coarse, uint64_t *kept,
                        uint64_t *largest) {
  const fg_host *host = stage->host;
  const uint64_t hold = (uint64_t)stage->config->hold;
  uint64_t count = (uint64_t)stage->config->batch;
  if (fine->configurations && fine->configurations < count) count = fine->configurations;
  *kept = *largest = 0;
  for (uint32_t s = 0; s < fine->shape_count; s++) {
    uint64_t bytes = training_set_bytes((fg_element)fine->element, &fine->shapes[s], &coarse->shapes[s], count);
    *kept = plus(*kept, training_set_bytes((fg_element)fine->element, &fine->shapes[s], &coarse->shapes[s],
                                           fine->configurations));
    if (bytes > *largest) *largest = bytes;
  }
  if (*kept > hold)
    return host->fail_param(host, "hold",
                            "%" PRIu64 " configurations take %" PRIu64 " bytes of memory, %" PRIu64 " are allowed; "
                            "raise hold, or learn from fewer",
                            fine->configurations, *kept, hold);
  if (*largest > hold) *largest = hold;
  if (!fine->configurations) *kept = hold;
  return FG_OK;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  adam *stage = self;
  const fg_host *host = stage->host;
  const fg_format *model = inputs[0], *fine = inputs[1], *coarse = inputs[2];
  if (inputs_announce(&stage->model, host, "model", model) != FG_OK) return FG_FAILED;
  const fg_network *network = stage->model.network;
  if (!FG_HAS(network, gradient) || !network->gradient)
    return host->fail(host, "model '%s' has no gradient, so it cannot be trained by descending one; use %s",
                      stage->model.kind,
                      FG_HAS(network, classes) && network->classes ? "train.newton" : "another network");
  if (inputs_check_formats(&stage->model, fine, coarse) != FG_OK) return FG_FAILED;
  if (fine->element != FG_SPIN1 && stage->config->weighting == ADAM_WEIGHTING_TIED_BLOCKS)
    return host->fail_param(host, "weighting",
                            "tied-blocks counts ties of spins, but Potts states come in; choose none");
  uint64_t kept, largest;
  if (expect(stage, fine, coarse, &kept, &largest) != FG_OK) return FG_FAILED;
  snprintf(outputs[0]->network, sizeof outputs[0]->network, "%s", stage->model.kind);
  outputs[0]->has_weights = 1;
  uint64_t epochs = (uint64_t)stage->config->epochs, batch = (uint64_t)stage->config->batch;
  if (fine->configurations && fine->configurations < batch) batch = fine->configurations;
  *memory = plus(sizeof(adam) + training_set_overhead(fine->shape_count) + descent_bytes(epochs, batch) +
                     adam_tables_bytes(epochs),
                 plus(kept, largest));
  return FG_OK;
}

// ---- what comes in

static fg_status take_model(adam *stage, const fg_model *model) {
  const fg_host *host = stage->host;
  fg_status status = inputs_take(&stage->model, model);
  if (status != FG_OK) return status;
  uint64_t parameters = stage->model.network->parameters(stage->model.opened);
  if (parameters && parameters <= DESCENT_MOST_PARAMETERS) return FG_OK;
  return host->fail(host, "model '%s' has %" PRIu64 " parameters; from 1 to %" PRIu64 " can be trained",
                    stage->model.kind, parameters, DESCENT_MOST_PARAMETERS);
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)count;
  adam *stage = self;
  const fg_host *host = stage->host;
  if (port == 0) return take_model(stage, messages[0]->model);
  const fg_batch *fine = messages[0]->batch, *coarse = messages[1]->batch;
  if (inputs_check(host, &fine->lattice, &coarse->lattice) != FG_OK) return FG_FAILED;
  if (!stage->data) stage->data = training_set_new(host, (fg_element)fine->element, (uint64_t)stage->config->hold);
  return stage->data ? training_set_add(stage->data, fine, coarse) : FG_FAILED;
}

/// Says what of the data the user should know before hours of training.
static void remark(const adam *stage) {
  const fg_host *host = stage->host;
  const adam_config *c = stage->config;
  const uint64_t pairs = training_set_pairs(stage->data, TRAINING);
  const double effective = training_set_effective_share(stage->data);
  if ((uint64_t)c->batch > pairs)
    host->log(host, FG_LOG_INFO,
              "batch: %" PRId64 " is more than the %" PRIu64 " configurations there are to learn from; each step takes "
              "them all",
              c->batch, pairs);
  if (c->validation > 0 && !training_set_pairs(stage->data, HELD_OUT))
    host->log(host, FG_LOG_WARNING,
              "validation: %g of %" PRIu64 " configurations is none; the loss over all decides which weights are best",
              c->validation, pairs);
  if (!training_set_has_both_signs(stage->data))
    host->log(host, FG_LOG_WARNING,
              "all fine spins have the same sign, so no finite weights are best; weight_decay and the number of steps "
              "decide how large they become");
  if (effective < SMALLEST_EFFECTIVE_SHARE)
    host->log(host, FG_LOG_WARNING,
              "weighting: a few configurations have almost all the weight, as if %.1f of %" PRIu64 " (%.2g%%) were "
              "learned from; use smaller lattices or weighting: none",
              effective * (double)pairs, pairs, 100 * effective);
}

/// From the start weights on.
static fg_status begin(adam *stage) {
  const fg_host *host = stage->host;
  const adam_config *c = stage->config;
  const inputs_model *model = &stage->model;
  const uint64_t parameters = model->network->parameters(model->opened);
  const descent_settings settings = {.adamw = {.schedule = c->schedule,
                                               .rate = c->rate,
                                               .beta1 = c->beta1,
                                               .beta2 = c->beta2,
                                               .epsilon = c->epsilon,
                                               .weight_decay = c->weight_decay},
                                     .epochs = (uint64_t)c->epochs,
                                     .patience = (uint64_t)c->patience};
  double *fresh = NULL;
  const double *start = model->arrived->weights;
  if (c->start == ADAM_START_FRESH || !model->arrived->weight_count) {
    fresh = calloc(parameters, sizeof *fresh);
    if (!fresh) return host->fail(host, "out of memory for %" PRIu64 " weights", parameters);
    fg_rng_key key = host->rng_key(host, "initial weights");
    model->network->initial_weights(model->opened, host->rng_fill, key, fresh);
    start = fresh;
  }
  fg_status status = descent_open(&stage->descent, model, stage->data, &settings, (uint64_t)c->batch, start);
  free(fresh);
  return status;
}

static fg_status end(void *self, uint32_t port) {
  adam *stage = self;
  const adam_config *c = stage->config;
  if (port == 0) return FG_OK;
  if (inputs_require(&stage->model) != FG_OK) return FG_FAILED;
  if (!stage->data || !training_set_pairs(stage->data, TRAINING))
    return stage->host->fail(stage->host, "no configurations to learn from");
  int weighted = c->weighting == ADAM_WEIGHTING_TIED_BLOCKS;
  if (training_set_cut(stage->data, c->validation, (uint64_t)c->batch, weighted) != FG_OK) return FG_FAILED;
  remark(stage);
  return begin(stage);
}

// ---- learning

/// FG_FAILED, reported, unless the inputs have come and ended.
static fg_status require_data(const adam *stage) {
  if (inputs_require(&stage->model) != FG_OK) return FG_FAILED;
  return stage->descent.weights ? FG_OK : stage->host->fail(stage->host, "no configurations to learn from");
}

static fg_status produce(void *self) {
  adam *stage = self;
  const fg_host *host = stage->host;
  descent *d = &stage->descent;
  if (require_data(stage) != FG_OK) return FG_FAILED;
  if (descent_done(d)) return FG_DONE;
  fg_status status = descent_step(d);
  uint64_t pairs = training_set_pairs(stage->data, TRAINING);
  host->progress(host, d->epoch * pairs + pairs / d->minibatches * d->minibatch, d->settings.epochs * pairs);
  return status;
}

static fg_status save(void *self, const fg_writer *writer) {
  const adam *stage = self;
  if (require_data(stage) != FG_OK) return FG_FAILED;
  return descent_save(&stage->descent, writer);
}

static fg_status restore(void *self, const fg_reader *reader) {
  adam *stage = self;
  if (require_data(stage) != FG_OK) return FG_FAILED;
  return descent_restore(&stage->descent, reader);
}

static fg_status flush(void *self) {
  adam *stage = self;
  const fg_host *host = stage->host;
  descent *d = &stage->descent;
  double loss, held_out;
  fg_status status = descent_best_losses(d, &loss, &held_out);
  if (status != FG_OK) return status;
  if (loss < SEPARABLE_LOSS)
    host->log(host, FG_LOG_WARNING,
              "the loss has fallen to %.2g nats per fine spin: the coarse spins all but determine the fine ones, so no "
              "finite weights are best; weight_decay and the number of steps decide how large they become",
              loss);
  status = adam_tables_emit(host, 1, d, loss, held_out);
  if (status != FG_OK) return status;
  fg_model *model =
      host->model_new(host, stage->model.kind, stage->model.arrived->hyperparameters, d->best, d->optimiser.parameters);
  return model ? host->emit_model(host, 0, model) : FG_FAILED;
}

// ---- descriptor

static const fg_port input_model = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST,
    .name = "model",
    .doc = "The network to train, with weights to start from or without.",
};
static const fg_port input_fine = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1 | 1u << FG_STATE8,
    .flags = FG_PORT_FIRST | FG_PORT_PAIRED | FG_PORT_MANY,
    .name = "fine",
    .doc = "Configurations to learn from, of one size or several; lists of both inputs go together.",
};
static const fg_port input_coarse = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1 | 1u << FG_STATE8,
    .flags = FG_PORT_FIRST | FG_PORT_PAIRED | FG_PORT_MANY,
    .name = "coarse",
    .doc = "The same configurations, coarse-grained by a factor of 2.",
};
static const fg_port output_model = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .name = "model",
    .doc = "The network with its best weights.",
};
static const fg_port output_fit = {
    .size = sizeof(fg_port),
    .kinds = FG_TABLE,
    .name = "fit",
    .doc =
        "Table `weights`; table `fit`: losses of the best weights, steps, configurations; table `curve`: rate and losses "
        "of every epoch.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "train.adam",
    .summary = "stochastic gradient descent (AdamW) for any network that has a gradient",
    .doc =
        "Minimises the mean of −ln P(fine | coarse) per fine spin by AdamW (Kingma & Ba, arXiv:1412.6980; Loshchilov "
        "& Hutter, arXiv:1711.05101), by default in one cycle (Smith & Topin, arXiv:1708.07120). The weights at the "
        "end of the epoch with the smallest validation loss come out; without validation, with the smallest loss over "
        "all configurations, at the price of one more pass over them every epoch.\n\n"
        "All configurations are kept in memory, a bit a spin. A minibatch has one size; configurations and the order "
        "of minibatches are shuffled for every epoch. The last configurations of each size are held out for "
        "validation: in one piece, since neighbours in a Markov chain are alike.\n\n"
        "**Weighting** by tied blocks is that of A. Rançon et al., arXiv:2506.04016. The larger the lattice, the "
        "fewer configurations carry all the weight: `effective_fraction` in table `fit` says how few, and a warning "
        "is given below 1%. Losses are weighted alike, in training and in validation.\n\n"
        "**Separable data**, such as fine spins of one sign only, have no best weights: the weights grow by at most "
        "about the rate a step, and `weight_decay` λ stops them where λ times the weight balances the step, at most "
        "at 1/λ. A warning is given.\n\n"
        "For networks that are logistic regressions train.newton finds the optimum itself, with errors.",
    .params = adam_params,
    .inputs = (const fg_port *const[]){&input_model, &input_fine, &input_coarse, NULL},
    .outputs = (const fg_port *const[]){&output_model, &output_fit, NULL},
    .config_size = sizeof(adam_config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .end = end,
    .produce = produce,
    .flush = flush,
    .save = save,
    .restore = restore,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "adam",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
