// sweep_folder.c — see sweep_folder.h.
#include "sweep/sweep_folder.h"

#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#define LARGEST ((size_t)1 << 20) // of a pipeline file

static void name_in(const fg_sweep_plan *plan, const char *name, char path[4096]) {
  snprintf(path, 4096, "%.3900s/%.100s", plan->folder, name);
}

/// A whole file; NULL when it cannot be read, or is larger than a pipeline may be.
static char *read_text(const char *path, size_t *length) {
  FILE *in = fopen(path, "re");
  char *text = in ? malloc(LARGEST + 1) : NULL;
  if (!in) return NULL;
  if (!text) abort();
  *length = fread(text, 1, LARGEST + 1, in);
  bool sound = !ferror(in) && *length <= LARGEST;
  fclose(in);
  if (sound) return text;
  free(text);
  return NULL;
}

static void digest_of(const char *text, size_t length, char digest[FG_ID]) {
  XXH128_hash_t hash = XXH3_128bits(text, length);
  snprintf(digest, FG_ID, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
}

/// What a planning that was cut off may have left, beside the very same sweep.yaml.
static bool is_temporary(const char *name) {
  size_t length = strlen(name);
  return (strncmp(name, "sweep.yaml.", 11) == 0 || strncmp(name, "plan.json.", 10) == 0) && length > 4 &&
         strcmp(name + length - 4, ".tmp") == 0;
}

/// Whether a folder without a plan has nothing in it that is not ours.
static fg_status has_room(const fg_sweep_plan *plan, const char *text, size_t length, bool *room, fg_error *error) {
  DIR *folder = opendir(plan->folder);
  *room = true;
  if (!folder && errno == ENOENT) return FG_OK;
  if (!folder) return fg_error_set(error, "cannot read the folder %s: %s", plan->folder, strerror(errno));
  for (const struct dirent *entry; *room && (entry = readdir(folder));) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || is_temporary(entry->d_name)) continue;
    *room = strcmp(entry->d_name, "sweep.yaml") == 0;
    if (!*room) continue;
    char path[4096];
    size_t old_length = 0;
    name_in(plan, "sweep.yaml", path);
    char *old = read_text(path, &old_length);
    *room = old && old_length == length && memcmp(old, text, length) == 0;
    free(old);
  }
  closedir(folder);
  return FG_OK;
}

/// The round after that of the plan in the folder; 1 when there is none. A plan of ours that cannot be read any more is
/// replaced; its round is lost, so the new one is one that none can have come to by counting.
static fg_status next_round(fg_sweep_plan *plan, const char *text, size_t length, fg_error *error) {
  char path[4096], file[4096];
  name_in(plan, "plan.json", path);
  name_in(plan, "sweep.yaml", file);
  if (access(path, F_OK) == 0) {
    fg_sweep_plan *before = fg_sweep_plan_read(plan->folder, error);
    if (!before && access(file, F_OK) != 0) return FG_FAILED;
    plan->round = before ? before->round + 1 : (uint32_t)time(NULL) & INT32_MAX;
    fg_sweep_plan_free(before);
    return FG_OK;
  }
  bool room = true;
  plan->round = 1;
  fg_status status = has_room(plan, text, length, &room, error);
  if (status == FG_OK && !room)
    status = fg_error_set(error, "%s is not empty and holds no sweep; choose another --out", plan->folder);
  return status;
}

fg_status fg_sweep_settle(fg_sweep_plan *plan, fg_error *error) {
  char path[4096];
  size_t length = 0;
  char *text = read_text(plan->source, &length);
  if (!text) return fg_error_set(error, "cannot read %s again", plan->source);
  digest_of(text, length, plan->digest);
  fg_status status = next_round(plan, text, length, error);
  if (status == FG_OK) status = fg_folder_make(plan->folder, NULL, error);
  name_in(plan, "sweep.yaml", path);
  if (status == FG_OK) status = fg_write_whole(path, text, length, error);
  if (status == FG_OK) status = fg_sweep_plan_write(plan, error);
  free(text);
  return status;
}

fg_pipeline_file *fg_sweep_reopen(const fg_sweep_plan *plan, fg_diagnostics *diagnostics) {
  char path[4096], digest[FG_ID] = "";
  size_t length = 0;
  name_in(plan, "sweep.yaml", path);
  char *text = read_text(path, &length);
  if (text) digest_of(text, length, digest);
  free(text);
  if (strcmp(digest, plan->digest) != 0) {
    fg_error_at(diagnostics, (fg_place){path, 0, 0}, NULL,
                "this is not the file that plan.json was made of; plan again with 'finegrain sweep run %s --out %s'",
                plan->source, plan->folder);
    return NULL;
  }
  fg_pipeline_file *file = fg_pipeline_open(path, (const char *const *)plan->sets, plan->set_count, diagnostics);
  if (!file) return NULL;
  char *source = strdup(plan->source);
  if (!source) abort();
  free(file->folder);
  file->folder = strdup(dirname(source));
  file->path = fg_node_new_scalar(file->documents[0], (fg_place){0}, path)->text; // lives as long as the file
  free(source);
  return file;
}
