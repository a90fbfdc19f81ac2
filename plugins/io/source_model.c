// source_model.c — source.model: a trained model from a model file (schemas/model.md) or from the results.h5 of a run.
// What a file is shows in its first bytes. It is read when the stage is made, so that everything wrong with it is found
// before anything runs, and what was checked is what is given.
#include "hdf5_model.h"
#include "input_file.h"

#include "core/message.h"
#include "core/model_file.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_A_WEIGHT 64u // while it is read (core/model_file.h)

typedef struct config {
  const char *file, *model;
} config;

typedef struct source {
  const fg_host *host;
  const config *config;
  fg_model *model; ///< as read; NULL once it has been given
  uint64_t memory;
} source;

static void destroy(void *self) {
  source *me = self;
  fg_model_unref(me->model);
  free(me);
}

// ---- reading

/// Into me->model. The message does not name the file; *param is the parameter that is wrong.
static fg_status read_model(source *me, const input_file *file, const char **param, fg_error *error) {
  const config *c = me->config;
  size_t blanks = strspn(file->head, " \t\r\n");
  bool known = true;
  fg_status status = FG_FAILED;
  *param = "file";
  if (memcmp(file->head, "\x89HDF\r\n\x1a\n", 8) == 0) {
    status = hdf5_model_read(me->host, c->file, c->model, &me->model, &known, error);
    if (!known) *param = "model";
  } else if (memcmp(file->head, "PK\3\4", 4) == 0) {
    fg_error_set(error, "is a zip archive, as PyTorch and numpy.savez write; write its weights to a model file "
                        "(schemas/model.md)");
  } else if (blanks < INPUT_FILE_HEAD && file->head[blanks] != '{') {
    fg_error_set(error, "is neither a model file (.json) nor the results of a run (.h5)");
  } else if (c->model[0]) {
    fg_error_set(error, "is a model file, which holds one model; leave model out");
    *param = "model";
  } else {
    me->memory += file->bytes;
    status = fg_model_file_read(c->file, &me->model, error);
  }
  return status;
}

static fg_status create(const fg_host *host, const void *given, void **self) {
  const config *c = given;
  const char *param;
  input_file file;
  fg_error error = {0};
  if (input_file_look(c->file, &file, &error) != FG_OK) return host->fail_param(host, "file", "%s", error.text);
  source *me = calloc(1, sizeof *me);
  if (!me) return host->fail(host, "out of memory");
  me->host = host;
  me->config = c;
  if (read_model(me, &file, &param, &error) != FG_OK) {
    destroy(me);
    return host->fail_param(host, param, "%s: %s", c->file, error.text);
  }
  me->memory += sizeof *me + me->model->weight_count * BYTES_A_WEIGHT;
  *self = me;
  return FG_OK;
}

// ---- checking

/// A host whose fail points at the file: what the network finds wrong with the model is wrong there.
typedef struct pointing_host {
  fg_host host; ///< first, so that fail finds the rest
  const source *me;
} pointing_host;

static fg_status fail_at_file(const fg_host *host, const char *format, ...) FG_PRINTF(2, 3);
static fg_status fail_at_file(const fg_host *host, const char *format, ...) {
  const source *me = ((const pointing_host *)(const void *)host)->me;
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return me->host->fail_param(me->host, "file", "%s: %s", me->config->file, text);
}

/// Opens the model and closes it again.
static fg_status try_model(const source *me, const fg_network *network) {
  const fg_model *model = me->model;
  pointing_host pointing = {.me = me};
  size_t known = me->host->size < sizeof pointing.host ? me->host->size : sizeof pointing.host;
  memcpy(&pointing.host, me->host, known);
  pointing.host.size = (uint32_t)known;
  pointing.host.fail = fail_at_file;
  fg_network_model *opened = NULL;
  fg_status status =
      network->open(&pointing.host, model->hyperparameters, model->weights, model->weight_count, &opened);
  if (status == FG_OK) network->close(opened);
  return status;
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const source *me = self;
  const fg_host *host = me->host;
  const fg_model *model = me->model;
  (void)inputs;
  const fg_network *network = host->lookup(host, model->network, FG_NETWORK_EXTENSION);
  if (!network)
    return host->fail_param(host, "file",
                            "%s: its network '%s' is none this program has; 'finegrain plugins' lists them",
                            me->config->file, model->network);
  if (model->weight_count == 0)
    return host->fail_param(host, "file", "%s: the model is not trained, it has no weights; use a stage %s instead",
                            me->config->file, model->network);
  if (try_model(me, network) != FG_OK) return FG_FAILED;
  snprintf(outputs[0]->network, sizeof outputs[0]->network, "%s", model->network);
  outputs[0]->has_weights = 1;
  *memory = me->memory;
  return FG_OK;
}

static fg_status produce(void *self) {
  source *me = self;
  const fg_host *host = me->host;
  const fg_model *read = me->model;
  if (!read) return FG_DONE;
  host->log(host, FG_LOG_INFO, "%s %s with %" PRIu64 " weights from %s", read->network, read->hyperparameters,
            read->weight_count, me->config->file);
  // What was read was made by this plugin's own copy of core/message.c; the host's models are its own.
  fg_model *model = host->model_new(host, read->network, read->hyperparameters, read->weights, read->weight_count);
  if (!model) return FG_FAILED;
  fg_model_unref(read);
  me->model = NULL;
  return host->emit_model(host, 0, model);
}

// ---- descriptor

static const fg_param param_file = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_PATH,
    .offset = offsetof(config, file),
    .name = "file",
    .doc = "A model file (.json), or the results.h5 of a run; relative to the pipeline's file.",
};
static const fg_param param_model = {
    .size = sizeof(fg_param),
    .type = FG_PARAM_TEXT,
    .offset = offsetof(config, model),
    .name = "model",
    .def = "",
    .doc = "results.h5: the stage whose model is meant; empty: the only trained one.",
};
static const fg_port output = {
    .size = sizeof(fg_port),
    .kinds = FG_MODEL,
    .name = "model",
    .doc = "The model, with its weights.",
};

static const fg_stage stage = {
    .size = sizeof(fg_stage),
    .kind = "source.model",
    .summary = "a trained model from a model file or from the results of a run",
    .doc = "Takes model files, JSON that `record: {model: FILE.json}` on a stage writes, people can write "
           "(schemas/model.md) and scripts/import-published-weights.py makes of the weights published with "
           "arXiv:2506.04016; and results.h5, which has the models of all stages of a run. The model is checked by its "
           "network before anything runs, and is the same bit for bit as when it was written.",
    .params = (const fg_param *const[]){&param_file, &param_model, NULL},
    .inputs = (const fg_port *const[]){NULL},
    .outputs = (const fg_port *const[]){&output, NULL},
    .config_size = sizeof(config),
    .create = create,
    .negotiate = negotiate,
    .produce = produce,
    .destroy = destroy,
};

const fg_plugin finegrain_plugin = {
    FG_PLUGIN_HEADER,
    .name = "model",
    .version = "0.1.0",
    .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL},
};
