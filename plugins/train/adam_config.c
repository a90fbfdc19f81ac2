// adam_config.c — see adam_config.h.
#include "adam_config.h"

static const char *const schedules[] = {"one-cycle", "cosine", "constant", NULL};
static const char *const losses[] = {"cross-entropy", NULL};
static const char *const weightings[] = {"none", "tied-blocks", NULL};
static const char *const starts[] = {"model", "fresh", NULL};

static const fg_param param_rate = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(adam_config, rate),
    .name = "rate",
    .def = "0.01",
    .min = "1e-12",
    .max = "1000",
    .unit = "1",
    .doc = "Learning rate: about how far a weight moves in a step; the largest of the schedule.",
};
static const fg_param param_schedule = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(adam_config, schedule),
    .name = "schedule",
    .def = "one-cycle",
    .choices = schedules,
    .doc = "How the rate changes over all steps: one-cycle, from rate/25 up to rate in the first 30%, then down to "
           "rate/(25·10⁴); cosine, from rate down to 0; constant.",
};
static const fg_param param_epochs = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(adam_config, epochs),
    .name = "epochs",
    .def = "50",
    .min = "1",
    .max = "1000000",
    .unit = "1",
    .doc = "Passes over the data.",
};
static const fg_param param_batch = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(adam_config, batch),
    .name = "batch",
    .def = "1000",
    .min = "1",
    .max = "1000000000",
    .unit = "configurations",
    .doc = "Most configurations of a step; all of them when there are fewer.",
};
static const fg_param param_weight_decay = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(adam_config, weight_decay),
    .name = "weight_decay",
    .def = "0.01",
    .min = "0",
    .max = "1000",
    .unit = "1",
    .doc = "Decoupled weight decay λ: each step shrinks the weights by the factor 1 - λ·rate.",
};
static const fg_param param_beta1 = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(adam_config, beta1),
    .name = "beta1",
    .def = "0.9",
    .min = "0",
    .max = "0.999999",
    .unit = "1",
    .doc = "Decay of the mean gradient a step; in one-cycle it goes from 0.95 to 0.85 and back instead.",
};
static const fg_param param_beta2 = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(adam_config, beta2),
    .name = "beta2",
    .def = "0.999",
    .min = "0",
    .max = "0.999999",
    .unit = "1",
    .doc =
        "Decay of the mean squared gradient a step. With fewer steps than 1/(1 - beta2) the large gradients of the start "
        "hold back the others: then 0.95 finds the optimum faster.",
};
static const fg_param param_epsilon = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(adam_config, epsilon),
    .name = "epsilon",
    .def = "1e-8",
    .min = "1e-30",
    .max = "1",
    .unit = "nats",
    .doc = "What is added to the root of the mean squared gradient before the step is divided by it.",
};
static const fg_param param_loss = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(adam_config, loss),
    .name = "loss",
    .def = "cross-entropy",
    .choices = losses,
    .doc = "What is minimised: the mean of -ln P(fine | coarse) per fine spin.",
};
static const fg_param param_weighting = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(adam_config, weighting),
    .name = "weighting",
    .def = "none",
    .choices = weightings,
    .doc = "Weight of a configuration in the loss: none, all alike; tied-blocks, 2^-(tied 2×2 blocks of the fine "
           "configuration), divided by the mean of the minibatch.",
};
static const fg_param param_start = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(adam_config, start),
    .name = "start",
    .def = "model",
    .choices = starts,
    .doc = "Weights to start from: model, those the model came with, if it has any; fresh, the network's initial ones.",
};
static const fg_param param_validation = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(adam_config, validation),
    .name = "validation",
    .def = "0.1",
    .min = "0",
    .max = "0.9",
    .unit = "1",
    .doc = "Share of the configurations of each size, the last that come, that is held out to choose the best weights.",
};
static const fg_param param_patience = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(adam_config, patience),
    .name = "patience",
    .def = "0",
    .min = "0",
    .max = "1000000",
    .unit = "epochs",
    .doc = "Training ends after as many epochs without a smaller validation loss; 0: never before all epochs.",
};
static const fg_param param_hold = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(adam_config, hold),
    .name = "hold",
    .def = "4 GiB",
    .min = "0",
    .max = "1024 TiB",
    .unit = "B",
    .doc = "Most memory for configurations, a bit a spin.",
};

const fg_param *const adam_params[] = {
    &param_rate,  &param_schedule,   &param_epochs,   &param_batch, &param_weight_decay,
    &param_beta1, &param_beta2,      &param_epsilon,  &param_loss,  &param_weighting,
    &param_start, &param_validation, &param_patience, &param_hold,  NULL,
};
