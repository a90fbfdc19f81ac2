// NAME.c — source.NAME: reads configurations of a square lattice from text, a line of L·L digits 0 and 1 each.
#include <finegrain/finegrain.h>
#include <stdlib.h>
#include <string.h>

/// Filled by the host, from `params:` in the pipeline.
typedef struct config {
  const char *path; ///< absolute: the host knows the pipeline's folder
  int64_t size;
} config;

typedef struct instance {
  const fg_host *host;
  const config *config;
  FILE *file;
  uint64_t next; ///< configuration
} instance;

/// Opens the file, so that `finegrain check` knows whether it is there.
static fg_status create(const fg_host *host, const void *given, void **self) {
  const config *c = given;
  FILE *file = fopen(c->path, "r");
  if (!file) return host->fail_param(host, "path", "%s cannot be read", c->path);
  instance *made = calloc(1, sizeof *made);
  if (made) *made = (instance){.host = host, .config = c, .file = file};
  *self = made;
  if (made) return FG_OK;
  fclose(file);
  return host->fail(host, "out of memory");
}

static void destroy(void *self) {
  instance *s = self;
  fclose(s->file);
  free(s);
}

static fg_status negotiate(void *self, const fg_format *const *inputs, fg_format *const *outputs, uint64_t *memory) {
  const instance *s = self;
  outputs[0]->element = FG_SPIN1;
  outputs[0]->shape_count = 1;
  outputs[0]->shapes[0] = fg_lattice_square((uint64_t)s->config->size);
  outputs[0]->batch = 1;
  *memory = sizeof(instance) + BUFSIZ;
  return FG_OK;
}

/// A line, which is a configuration, a call.
static fg_status produce(void *self) {
  instance *s = self;
  const fg_lattice lattice = fg_lattice_square((uint64_t)s->config->size);
  int c = fgetc(s->file);
  if (c == EOF) return FG_DONE;
  fg_batch *batch = s->host->batch_new(s->host, FG_SPIN1, &lattice, 1);
  if (!batch) return FG_FAILED; // the host has said why
  batch->first = s->next++;
  uint64_t site = 0, sites = fg_lattice_sites(&lattice);
  for (; site < sites && (c == '0' || c == '1'); site++, c = fgetc(s->file))
    fg_bit_set(fg_batch_row_mut(batch, 0, site / lattice.extent[1]), site % lattice.extent[1], c == '1');
  if (site == sites && (c == '\n' || c == EOF)) return s->host->emit_batch(s->host, 0, batch);
  s->host->batch_unref(s->host, batch);
  return s->host->fail_param(s->host, "path", "line %" PRIu64 " is not of %" PRIu64 " digits 0 and 1", s->next, sites);
}

// clang-format off
static const fg_param path = {.size = sizeof(fg_param), .type = FG_PARAM_PATH, .offset = offsetof(config, path),
    .name = "path", .doc = "The file; relative to the pipeline's file."};
static const fg_param size = {.size = sizeof(fg_param), .type = FG_PARAM_INTEGER, .offset = offsetof(config, size),
    .name = "size", .min = "1", .max = "46340", .unit = "1", .doc = "Linear size L."};
static const fg_port output = {sizeof(fg_port), FG_BATCH, 1u << FG_SPIN1, 0, "configurations", "The file's configurations."};
static const fg_stage stage = {.size = sizeof(fg_stage), .kind = "source.NAME", .summary = "reads spins from text",
    .doc = "A line a configuration, a 0 or 1 for each site, row after row.", .params = (const fg_param *const[]){&path, &size, NULL},
    .inputs = (const fg_port *const[]){NULL}, .outputs = (const fg_port *const[]){&output, NULL}, .config_size = sizeof(config),
    .create = create, .negotiate = negotiate, .produce = produce, .destroy = destroy};
const fg_plugin finegrain_plugin = {FG_PLUGIN_HEADER, .name = "NAME", .version = "0.1.0", .license = "MIT",
    .stages = (const fg_stage *const[]){&stage, NULL}};
