// variational_config.c — see variational_config.h.
#include "variational_config.h"

static const char *const kernels[] = {"majority", "decimation", NULL};
static const char *const schedules[] = {"one-cycle", "cosine", "constant", NULL};
static const char *const couplings[] = {"critical=0.44068679350977147", NULL};

static const fg_param param_size = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(variational_config, size),
    .name = "size",
    .def = "8",
    .min = "2",
    .max = "4096",
    .unit = "1",
    .doc = "Size of the lattices whose free energy is minimised, a power of 2: dreams start from one spin.",
};
static const fg_param param_coupling = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(variational_config, coupling),
    .name = "coupling",
    .def = "critical",
    .min = "-10",
    .max = "10",
    .names = couplings,
    .unit = "1",
    .doc = "Coupling K.",
};
static const fg_param param_kernel = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_CHOICE,
    .offset = offsetof(variational_config, kernel),
    .name = "kernel",
    .def = "majority",
    .choices = kernels,
    .doc =
        "What coarse-grains: majority of 2×2 blocks with random ties, or decimation to the spins (0,0) of the blocks.",
};
static const fg_param param_dreams = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(variational_config, dreams),
    .name = "dreams",
    .def = "1000",
    .min = "2",
    .max = "100000000",
    .unit = "1",
    .doc = "Dreams of a step, new ones every time; they are kept in memory.",
};
static const fg_param param_steps = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(variational_config, steps),
    .name = "steps",
    .def = "300",
    .min = "1",
    .max = "100000000",
    .unit = "1",
    .doc = "Steps of AdamW.",
};
static const fg_param param_check = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_INTEGER,
    .offset = offsetof(variational_config, check),
    .name = "check",
    .def = "10000",
    .min = "2",
    .max = "1000000000",
    .unit = "1",
    .doc = "Fresh dreams, rounded up to whole steps, that the final free energy is measured on.",
};
static const fg_param param_rate = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(variational_config, rate),
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
    .offset = offsetof(variational_config, schedule),
    .name = "schedule",
    .def = "one-cycle",
    .choices = schedules,
    .doc = "How the rate changes, as for train.adam.",
};
static const fg_param param_weight_decay = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(variational_config, weight_decay),
    .name = "weight_decay",
    .def = "0",
    .min = "0",
    .max = "1000",
    .unit = "1",
    .doc = "Decoupled weight decay λ: each step shrinks the weights by the factor 1 - λ·rate.",
};
static const fg_param param_beta1 = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_REAL,
    .offset = offsetof(variational_config, beta1),
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
    .offset = offsetof(variational_config, beta2),
    .name = "beta2",
    .def = "0.99",
    .min = "0",
    .max = "0.999999",
    .unit = "1",
    .doc = "Decay of the mean squared gradient a step; short, for gradients shrink as the model improves.",
};
const fg_param *const variational_params[] = {
    &param_size, &param_coupling, &param_kernel,       &param_dreams, &param_steps, &param_check,
    &param_rate, &param_schedule, &param_weight_decay, &param_beta1,  &param_beta2, NULL,
};
