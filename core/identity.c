// identity.c — see identity.h.
#include "identity.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

typedef struct hashed {
  char *path;
  char digest[33];
} hashed;

struct fg_file_hashes {
  hashed *items;
  size_t count;
};

fg_file_hashes *fg_file_hashes_new(void) {
  fg_file_hashes *hashes = calloc(1, sizeof *hashes);
  if (!hashes) abort();
  return hashes;
}

void fg_file_hashes_free(fg_file_hashes *hashes) {
  if (!hashes) return;
  for (size_t i = 0; i < hashes->count; i++) free(hashes->items[i].path);
  free(hashes->items);
  free(hashes);
}

static void write_digest(XXH128_hash_t digest, char text[33]) {
  snprintf(text, 33, "%016" PRIx64 "%016" PRIx64, (uint64_t)digest.high64, (uint64_t)digest.low64);
}

static bool read_and_hash(const char *path, char digest[33]) {
  FILE *file = fopen(path, "rbe");
  XXH3_state_t *state = XXH3_createState();
  char buffer[1 << 16];
  if (!state) abort();
  XXH3_128bits_reset(state);
  for (size_t got; file && (got = fread(buffer, 1, sizeof buffer, file)) > 0;) XXH3_128bits_update(state, buffer, got);
  bool sound = file && !ferror(file);
  if (file) fclose(file);
  write_digest(XXH3_128bits_digest(state), digest);
  XXH3_freeState(state);
  return sound;
}

static bool hash_once(void *arg, const char *path, char digest[33]) {
  fg_file_hashes *hashes = arg;
  for (size_t i = 0; i < hashes->count; i++) {
    if (strcmp(hashes->items[i].path, path) != 0) continue;
    memcpy(digest, hashes->items[i].digest, sizeof hashes->items[i].digest);
    return true;
  }
  if (!read_and_hash(path, digest)) return false;
  hashes->items = realloc(hashes->items, (hashes->count + 1) * sizeof *hashes->items);
  char *copy = strdup(path);
  if (!hashes->items || !copy) abort();
  hashes->items[hashes->count].path = copy;
  memcpy(hashes->items[hashes->count++].digest, digest, sizeof hashes->items->digest);
  return true;
}

static int by_name(const void *left, const void *right) {
  const fg_instance *const *a = left, *const *b = right;
  return strcmp((*a)->spec->name, (*b)->spec->name);
}

static void write_instance(const fg_instance *instance, fg_file_hashes *hashes, FILE *out) {
  fprintf(out, "stage %s\nplugin %s\n", instance->spec->name, instance->stage->kind);
  fg_config_write_identity(instance->config, hash_once, hashes, out);
  for (uint32_t p = 0; p < instance->input_count; p++) {
    const fg_input *input = &instance->inputs[p];
    for (uint32_t e = 0; e < input->edge_count; e++) {
      const fg_edge *edge = input->edges[e];
      fprintf(out, "input %s %s.%s\n", input->port->name, edge->from->spec->name,
              edge->from->outputs[edge->output].port->name);
    }
  }
}

void fg_plan_identity(const fg_plan *plan, fg_file_hashes *hashes, char id[33]) {
  fg_file_hashes *own = hashes ? NULL : fg_file_hashes_new();
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  fg_instance **sorted = calloc(plan->count + 1, sizeof(fg_instance *));
  if (!out || !sorted) abort();
  memcpy(sorted, plan->instances, plan->count * sizeof *sorted);
  qsort(sorted, plan->count, sizeof(fg_instance *), by_name);
  fprintf(out, "finegrain 1\nseed %" PRIu64 "\n", plan->seed);
  for (uint32_t i = 0; i < plan->count; i++) write_instance(sorted[i], hashes ? hashes : own, out);
  fclose(out);
  write_digest(XXH3_128bits(text, length), id);
  fg_file_hashes_free(own);
  free(sorted);
  free(text);
}
