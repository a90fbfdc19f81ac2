// plugin.c — stages for cli_golden.sh whose mistakes, or whose users' mistakes, no built-in stage can make. None of them
// ever runs.
#include "finegrain/finegrain.h"

#include <stdlib.h>

typedef struct config {
  int32_t flag, choice;
  int64_t bytes;
  double wait;
  const char *label, *path;
  fg_integer_list levels;
  fg_text_list words;
} config;

static const char *const choices[] = {"random", "up", NULL};

#define PARAM(field_, type_, def_, min_, max_, choices_, unit_)                                                        \
  static const fg_param field_ = {                                                                                     \
      sizeof(fg_param), type_, offsetof(config, field_), 0, #field_, def_, min_, max_, choices_, NULL, unit_,          \
      "For tests."}
PARAM(flag, FG_PARAM_BOOL, "true", NULL, NULL, NULL, NULL);
PARAM(choice, FG_PARAM_CHOICE, "up", NULL, NULL, choices, NULL);
PARAM(bytes, FG_PARAM_INTEGER, "1 KiB", "1", "1 GiB", NULL, "B");
PARAM(wait, FG_PARAM_REAL, "10 min", "0", "1 d", NULL, "s");
PARAM(label, FG_PARAM_TEXT, "x", NULL, NULL, NULL, NULL);
PARAM(path, FG_PARAM_PATH, NULL, NULL, NULL, NULL, NULL);
PARAM(levels, FG_PARAM_INTEGER_LIST, "[1]", "0", "9", NULL, NULL);
PARAM(words, FG_PARAM_TEXT_LIST, "[]", NULL, NULL, NULL, NULL);

static const fg_param *const all_params[] = {&flag, &choice, &bytes, &wait, &label, &path, &levels, &words, NULL};
static const fg_param *const no_params[] = {NULL};

static fg_status create(const fg_host *host, const void *given, void **self) {
  (void)host;
  (void)given;
  *self = malloc(1);
  return *self ? FG_OK : FG_FAILED;
}

/// Fails, and does not say why.
static fg_status create_silent(const fg_host *host, const void *given, void **self) {
  (void)host;
  (void)given;
  (void)self;
  return FG_FAILED;
}

static void destroy(void *self) { free(self); }

static fg_status announce(fg_format *const *outputs, uint32_t element, uint64_t side) {
  outputs[0]->element = element;
  outputs[0]->shape_count = 1;
  outputs[0]->shapes[0] = fg_lattice_square(side);
  return FG_OK;
}

static fg_status spins(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)self;
  (void)inputs;
  *memory = 0;
  return announce(outputs, FG_SPIN1, 8);
}

static fg_status states(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)self;
  (void)inputs;
  *memory = 0;
  return announce(outputs, FG_STATE8, 8);
}

static fg_status nowhere(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)self;
  (void)inputs;
  *memory = 0;
  return announce(outputs, FG_SPIN1, 0);
}

/// Announces nothing, which is right for a stage without outputs only.
static fg_status nothing(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  (void)self;
  (void)inputs;
  (void)outputs;
  *memory = 0;
  return FG_OK;
}

static fg_status produce(void *self) {
  (void)self;
  return FG_DONE;
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  (void)self;
  (void)port;
  (void)messages;
  (void)count;
  return FG_OK;
}

static const fg_port in = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, FG_PORT_MANY, "spins", "Spins."};
static const fg_port out = {sizeof(fg_port), FG_BATCH, 0, 0, "configurations", "Configurations."};
static const fg_port *const no_ports[] = {NULL}, *const in_ports[] = {&in, NULL}, *const out_ports[] = {&out, NULL};

#define SOURCE(name_, kind_, params_, create_, negotiate_)                                                             \
  static const fg_stage name_ = {.size = sizeof(fg_stage),                                                             \
                                 .kind = kind_,                                                                        \
                                 .summary = "for tests",                                                               \
                                 .doc = "For tests.",                                                                  \
                                 .params = params_,                                                                    \
                                 .inputs = no_ports,                                                                   \
                                 .outputs = out_ports,                                                                 \
                                 .config_size = sizeof(config),                                                        \
                                 .create = create_,                                                                    \
                                 .negotiate = negotiate_,                                                              \
                                 .produce = produce,                                                                   \
                                 .destroy = destroy}
SOURCE(settings, "test.settings", all_params, create, spins);
SOURCE(spin_source, "test.spins", no_params, create, spins);
SOURCE(state_source, "test.states", no_params, create, states);
SOURCE(silent, "test.silent", no_params, create_silent, spins);
SOURCE(formless, "test.formless", no_params, create, nothing);
SOURCE(empty, "test.empty", no_params, create, nowhere);

static const fg_stage sink = {.size = sizeof(fg_stage),
                              .kind = "test.sink",
                              .summary = "for tests",
                              .doc = "For tests.",
                              .params = no_params,
                              .inputs = in_ports,
                              .outputs = no_ports,
                              .config_size = sizeof(config),
                              .create = create,
                              .negotiate = nothing,
                              .process = process,
                              .destroy = destroy};

static const fg_stage *const stages[] = {&settings, &spin_source, &state_source, &silent,
                                         &formless, &empty,       &sink,         NULL};

const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "golden", .version = "1", .license = "MIT",
                                    .stages = stages};
