// NAME.c — sink.NAME: writes configurations as text, a line of 0 and 1 each, into the stage's folder of the run.
#include <finegrain/finegrain.h>
#include <stdlib.h>

/// Filled by the host, from `params:` in the pipeline.
typedef struct config {
  const char *file;
} config;

typedef struct instance {
  const fg_host *host;
  const config *config;
  FILE *file; ///< NULL: not yet begun
} instance;

static fg_status create(const fg_host *host, const void *given, void **self) {
  instance *made = calloc(1, sizeof *made);
  if (!made) return host->fail(host, "out of memory");
  *made = (instance){.host = host, .config = given};
  *self = made;
  return FG_OK;
}

static void destroy(void *self) {
  instance *s = self;
  if (s->file) fclose(s->file); // the run has failed: the host removes the file
  free(s);
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  *memory = sizeof(instance) + BUFSIZ;
  return FG_OK;
}

static fg_status fail_file(const instance *s) { return s->host->fail_param(s->host, "file", "it cannot be written"); }

/// Under a temporary name, until it is whole.
static fg_status begin(instance *s) {
  const char *path = s->file ? NULL : s->host->output_begin(s->host, s->config->file);
  if (s->file) return FG_OK;
  if (!path) return FG_FAILED; // the host has said why
  s->file = fopen(path, "w");
  return s->file ? FG_OK : fail_file(s);
}

static fg_status process(void *self, uint32_t port, const fg_message *const *messages, uint32_t count) {
  instance *s = self;
  const fg_batch *batch = messages[0]->batch;
  if (begin(s) != FG_OK) return FG_FAILED;
  for (uint32_t i = 0; i < batch->count; i++) {
    for (uint64_t y = 0; y < batch->rows; y++)
      for (uint64_t x = 0; x < fg_lattice_width(&batch->lattice); x++)
        fputc('0' + (int)fg_bit_get(fg_batch_row(batch, i, y), x), s->file);
    fputc('\n', s->file);
  }
  return ferror(s->file) ? fail_file(s) : FG_OK;
}

static fg_status flush(void *self) {
  instance *s = self;
  if (begin(s) != FG_OK) return FG_FAILED;
  FILE *file = s->file;
  s->file = NULL;
  return fclose(file) == 0 ? s->host->output_commit(s->host, s->config->file) : fail_file(s);
}

// clang-format off
static const fg_param file = {.size = sizeof(fg_param), .type = FG_PARAM_TEXT, .offset = offsetof(config, file), .name = "file",
    .def = "spins.txt", .doc = "Name of the file."};
static const fg_port input = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, 0, "configurations", "Spins on any lattice."};
static const fg_stage stage = {.size = sizeof(fg_stage), .kind = "sink.NAME", .summary = "writes spins as text",
    .doc = "RUN/STAGE/FILE has a line a configuration, a 0 or 1 for each site, row after row.",
    .params = (const fg_param *const[]){&file, NULL}, .inputs = (const fg_port *const[]){&input, NULL},
    .outputs = (const fg_port *const[]){NULL}, .config_size = sizeof(config),
    .create = create, .negotiate = negotiate, .process = process, .flush = flush, .destroy = destroy};
const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "NAME", .version = "0.1.0", .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL}};
