// newton.c — train.newton: maximum likelihood of a network that is a logistic regression on few classes. One pass
// counts how often each class of fine spins came out 1 or 0; what is left is small and concave (regression.h). No
// physics and no network's details: those are behind fg_network_classes.
#include "finegrain/finegrain.h"

#include "inputs.h"
#include "regression.h"

#include <gsl/gsl_errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define TASKS 8u                         // shares a batch is counted in; each keeps counts of its own
#define COUNTS_BYTES ((uint64_t)2 << 20) // of one share, kernels up to 7

typedef struct config {
  double prior;
  double tolerance;
  int64_t iterations;
} config;

typedef struct newton {
  const fg_host *host;
  const config *config;
  inputs_model model;
  void *counts[TASKS];
} newton;

static fg_status turn_off_handler(void *arg) {
  (void)arg;
  gsl_set_error_handler_off();
  return FG_OK;
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  newton *stage = calloc(1, sizeof *stage);
  if (!stage) return host->fail(host, "out of memory");
  stage->host = host;
  stage->config = given;
  host->serialize(host, "gsl", turn_off_handler, NULL);
  *self = stage;
  return FG_OK;
}

static void destroy(void *self) {
  newton *stage = self;
  for (unsigned t = 0; t < TASKS; t++)
    if (stage->counts[t]) stage->model.network->classes->close(stage->counts[t]);
  inputs_clear(&stage->model);
  free(stage);
}

// ---- formats

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  newton *stage = self;
  const fg_host *host = stage->host;
  const fg_format *model = inputs[0], *fine = inputs[1], *coarse = inputs[2];
  if (inputs_announce(&stage->model, host, "model", model) != FG_OK) return FG_FAILED;
  const fg_network *network = stage->model.network;
  if (!FG_HAS(network, classes) || !network->classes)
    return host->fail(host,
                      "model '%s' is no logistic regression on few classes, so it cannot be trained by "
                      "counting; use another trainer",
                      stage->model.kind);
  if (inputs_check_formats(&stage->model, fine, coarse) != FG_OK) return FG_FAILED;
  snprintf(outputs[0]->network, sizeof outputs[0]->network, "%s", stage->model.kind);
  outputs[0]->has_weights = 1;
  *memory = sizeof(newton) + (TASKS + 1) * COUNTS_BYTES;
  return FG_OK;
}

// ---- counting

static fg_status take_model(newton *stage, const fg_model *model) {
  const fg_host *host = stage->host;
  fg_status status = inputs_take(&stage->model, model);
  for (unsigned t = 0; status == FG_OK && t < TASKS; t++) {
    stage->counts[t] = stage->model.network->classes->open(stage->model.opened);
    if (!stage->counts[t]) status = host->fail(host, "out of memory for class counts");
  }
  return status;
}

typedef struct counting {
  const newton *stage;
  const fg_batch *fine, *coarse;
} counting;

static fg_status count_share(void *arg, uint64_t task) {
  const counting *work = arg;
  const newton *stage = work->stage;
  uint64_t count = work->fine->count;
  uint32_t begin = (uint32_t)(count * task / TASKS), end = (uint32_t)(count * (task + 1) / TASKS);
  if (stage->host->cancelled(stage->host)) return FG_CANCELLED;
  if (begin == end) return FG_OK;
  return stage->model.network->classes->add(stage->counts[task], work->fine, work->coarse, begin, end);
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)count;
  newton *stage = self;
  const fg_host *host = stage->host;
  if (port == 0) return take_model(stage, messages[0]->model);
  if (inputs_require(&stage->model) != FG_OK) return FG_FAILED;
  counting work = {stage, messages[0]->batch, messages[1]->batch};
  const fg_lattice *fine = &work.fine->lattice, *coarse = &work.coarse->lattice;
  if (inputs_check(host, fine, coarse) != FG_OK) return FG_FAILED;
  return host->parallel_for(host, TASKS, count_share, &work);
}

// ---- checkpoints: the counts; the model arrives again

static int counts_can_be_saved(const newton *stage) {
  const fg_network_classes *classes = stage->model.network->classes;
  return FG_HAS(classes, restore) && classes->save && classes->restore;
}

static fg_status save(void *self, const fg_writer *writer) {
  const newton *stage = self;
  fg_status status = counts_can_be_saved(stage) ? FG_OK : FG_FAILED;
  for (unsigned t = 0; status == FG_OK && t < TASKS; t++)
    status = stage->model.network->classes->save(stage->counts[t], writer);
  return status;
}

static fg_status restore(void *self, const fg_reader *reader) {
  newton *stage = self;
  if (!stage->model.arrived || !counts_can_be_saved(stage))
    return stage->host->fail(stage->host, "the checkpoint is not one of this stage; run again with --force");
  fg_status status = FG_OK;
  for (unsigned t = 0; status == FG_OK && t < TASKS; t++)
    status = stage->model.network->classes->restore(stage->counts[t], reader);
  return status;
}

// ---- learning

/// What was counted, as a regression; *spins: their number.
static fg_status take_counts(const newton *stage, regression *r, uint64_t *spins) {
  const fg_host *host = stage->host;
  const fg_network_classes *classes = stage->model.network->classes;
  size_t parameters = stage->model.network->parameters(stage->model.opened), count = classes->count(stage->counts[0]);
  *spins = 0;
  if (count == 0) return host->fail(host, "no configurations to learn from");
  if (!regression_init(r, parameters, count))
    return host->fail(host, "out of memory for %zu classes of %zu features", count, parameters);
  for (size_t c = 0; c < count; c++) {
    uint64_t ones, zeros;
    classes->get(stage->counts[0], c, r->features + c * parameters, &ones, &zeros);
    r->ones[c] = (double)ones;
    r->zeros[c] = (double)zeros;
    *spins += ones + zeros;
  }
  return FG_OK;
}

/// Climbs from the network's initial weights; *regularised: the data alone do not determine them.
static fg_status solve(const newton *stage, regression *r, int *regularised) {
  const fg_host *host = stage->host;
  const config *c = stage->config;
  *regularised = 0;
  fg_rng_key key = host->rng_key(host, "initial weights");
  stage->model.network->initial_weights(stage->model.opened, host->rng_fill, key, r->weights->data);
  regression_outcome outcome = regression_climb(r, c->tolerance, c->iterations);
  if (outcome == REGRESSION_SEPARABLE) {
    *regularised = 1;
    host->log(host, FG_LOG_WARNING,
              "the data do not determine all weights (maximum likelihood lies at infinity, or the Hessian is "
              "singular); regularised with a Gaussian prior of standard deviation %g on each weight",
              c->prior);
    r->precision = 1 / (c->prior * c->prior);
    gsl_vector_set_zero(r->weights);
    outcome = regression_climb(r, c->tolerance, c->iterations);
  }
  if (outcome != REGRESSION_CONVERGED)
    return host->fail(host, "no convergence in %" PRId64 " iterations; allow more iterations or a larger tolerance",
                      c->iterations);
  return regression_finish(r) ? FG_OK : host->fail(host, "the Hessian is singular at the maximum");
}

// ---- what comes out

static fg_status emit_weights(const newton *stage, const regression *r) {
  static const fg_column parameter = {sizeof(fg_column), FG_COLUMN_TEXT, "parameter", "", "name of the parameter"};
  static const fg_column weight = {sizeof(fg_column), FG_COLUMN_REAL, "weight", "1", "maximum likelihood estimate"};
  static const fg_column error = {sizeof(fg_column), FG_COLUMN_REAL, "standard_error", "1",
                                  "from the inverse Fisher information, fine spins taken as independent given the "
                                  "coarse ones"};
  static const fg_column *const columns[] = {&parameter, &weight, &error, NULL};
  const fg_host *host = stage->host;
  fg_table *table = host->table_new(host, "weights", columns);
  if (!table) return FG_FAILED;
  fg_status status = FG_OK;
  for (size_t k = 0; status == FG_OK && k < r->parameters; k++) {
    fg_cell cells[3];
    cells[0].text = stage->model.network->parameter_name(stage->model.opened, k);
    cells[1].real = gsl_vector_get(r->weights, k);
    cells[2].real = regression_error(r, k);
    status = host->table_row(host, table, cells);
  }
  if (status == FG_OK) return host->emit_table(host, 1, table);
  host->table_unref(host, table);
  return status;
}

static fg_status emit_fit(const newton *stage, const regression *r, uint64_t spins_counted, int regularised) {
  static const fg_column likelihood = {sizeof(fg_column), FG_COLUMN_REAL, "log_likelihood", "nats per fine spin",
                                       "mean ln P of a fine spin given the coarse lattice"};
  static const fg_column iterations = {sizeof(fg_column), FG_COLUMN_INTEGER, "iterations", "1", "Newton steps"};
  static const fg_column classes = {sizeof(fg_column), FG_COLUMN_INTEGER, "classes", "1", "distinct windows seen"};
  static const fg_column spins = {sizeof(fg_column), FG_COLUMN_INTEGER, "spins", "1", "fine spins counted"};
  static const fg_column flag = {sizeof(fg_column), FG_COLUMN_INTEGER, "regularised", "1",
                                 "1: the data do not determine the weights, a Gaussian prior was added; 0: none"};
  static const fg_column *const columns[] = {&likelihood, &iterations, &classes, &spins, &flag, NULL};
  const fg_host *host = stage->host;
  fg_table *table = host->table_new(host, "fit", columns);
  if (!table) return FG_FAILED;
  fg_cell cells[5];
  cells[0].real = r->log_likelihood / (double)spins_counted;
  cells[1].integer = r->iterations;
  cells[2].integer = (int64_t)r->classes;
  cells[3].integer = (int64_t)spins_counted;
  cells[4].integer = regularised;
  fg_status status = host->table_row(host, table, cells);
  if (status == FG_OK) return host->emit_table(host, 1, table);
  host->table_unref(host, table);
  return status;
}

static fg_status emit_model(const newton *stage, const regression *r) {
  const fg_host *host = stage->host;
  fg_model *model =
      host->model_new(host, stage->model.kind, stage->model.arrived->hyperparameters, r->weights->data, r->parameters);
  return model ? host->emit_model(host, 0, model) : FG_FAILED;
}

static fg_status flush(void *self) {
  newton *stage = self;
  if (inputs_require(&stage->model) != FG_OK) return FG_FAILED;
  const fg_network_classes *classes = stage->model.network->classes;
  for (unsigned t = 1; t < TASKS; t++) {
    if (classes->merge(stage->counts[0], stage->counts[t]) != FG_OK) return FG_FAILED;
    classes->close(stage->counts[t]);
    stage->counts[t] = NULL;
  }
  regression r = {0};
  uint64_t spins;
  int regularised;
  fg_status status = take_counts(stage, &r, &spins);
  if (status == FG_OK) status = solve(stage, &r, &regularised);
  if (status == FG_OK) status = emit_weights(stage, &r);
  if (status == FG_OK) status = emit_fit(stage, &r, spins, regularised);
  if (status == FG_OK) status = emit_model(stage, &r);
  regression_clear(&r);
  return status;
}

// ---- descriptor

static const fg_param param_prior = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(config, prior),
    .name = "prior",
    .def = "10",
    .min = "1e-3",
    .max = "1e4",
    .unit = "1",
    .doc = "Standard deviation of the Gaussian prior on each weight that is added when the data alone do not "
           "determine the weights; otherwise there is none.",
};
static const fg_param param_tolerance = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(config, tolerance),
    .name = "tolerance",
    .def = "1e-10",
    .min = "1e-14",
    .max = "1",
    .unit = "nats",
    .doc = "Newton's method ends when a step promises to gain less log-likelihood, of all data together, than this.",
};
static const fg_param param_iterations = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(config, iterations),
    .name = "iterations",
    .def = "200",
    .min = "1",
    .max = "100000",
    .unit = "1",
    .doc = "Most Newton steps.",
};
static const fg_port input_model = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .flags = FG_PORT_FIRST,
    .name = "model",
    .doc = "The network to train; weights it may have are not used, for the maximum is unique.",
};
static const fg_port input_fine = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .flags = FG_PORT_PAIRED,
    .name = "fine",
    .doc = "Configurations to learn from.",
};
static const fg_port input_coarse = {
    .size = sizeof(fg_port),
    .kinds = FG_BATCH,
    .elements = 1u << FG_SPIN1,
    .flags = FG_PORT_PAIRED,
    .name = "coarse",
    .doc = "The same configurations, coarse-grained by a factor of 2.",
};
static const fg_port output_model = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .name = "model",
    .doc = "The network with its weights.",
};
static const fg_port output_fit = {
    .size = sizeof(fg_port),
    .kinds = FG_TABLE,
    .name = "fit",
    .doc = "Table `weights`: each weight with its standard error; table `fit`: log-likelihood, iterations, classes, "
           "spins.",
};

static const fg_stage stage_descriptor = {
    .size = sizeof(fg_stage),
    .kind = "train.newton",
    .summary = "exact maximum likelihood for networks that are logistic regressions, from counts",
    .doc = "Maximises the likelihood of the fine spins given the coarse lattice. The spins are counted by class in "
           "one pass, so the optimum is exact for all data at once: no epochs, no rate, no noise.\n\n"
           "Standard errors are those of the conditional likelihood (inverse Fisher information). They take fine "
           "spins as independent given the coarse lattice, as the network does. Block spins of sampled configurations "
           "are not quite so, and Markov chains repeat themselves: true errors are then larger.\n\n"
           "When the maximum lies at infinity (separable data) or is not unique (singular Hessian, such as data of "
           "one class only), a Gaussian prior of standard deviation `prior` is put on each weight, the column "
           "`regularised` says 1, and a warning is given. The data count as separable when a logit of a class seen "
           "exceeds 25.",
    .params = (const fg_param *const[]){&param_prior, &param_tolerance, &param_iterations, NULL},
    .inputs = (const fg_port *const[]){&input_model, &input_fine, &input_coarse, NULL},
    .outputs = (const fg_port *const[]){&output_model, &output_fit, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .process = process,
    .flush = flush,
    .save = save,
    .restore = restore,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "newton",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage_descriptor, NULL},
};
