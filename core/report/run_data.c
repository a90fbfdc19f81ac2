// run_data.c — reads a run's folder for its report; see run_page.h and schemas/results.md.
#include "report/run_page.h"

#include "csv_reader.h"
#include "report/files.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

// What is read of a run's files at most: a report is for people.
#define MOST_ESTIMATES 20000u
#define MOST_TABLE_ROWS 4096u
#define MOST_WEIGHTS ((uint64_t)1 << 16)
#define MOST_JSON ((size_t)16 << 20)
#define MOST_PIPELINE ((size_t)4 << 20)
#define MOST_LOG ((size_t)16 << 20)
#define MOST_COMPLAINTS 50u
#define MOST_PICTURES 256u

typedef struct reading {
  fg_arena *arena;
  fg_run_data *run;
} reading;

static void append(fg_arena *arena, const char ***list, size_t *count, const char *text) {
  *list = fg_arena_grow(arena, (void *)*list, *count, sizeof **list);
  (*list)[(*count)++] = text;
}

static void fault(const reading *r, const char *text) {
  append(r->arena, &r->run->faults, &r->run->fault_count, fg_arena_text(r->arena, text));
}

static const char *path_of(const reading *r, const char *name) {
  return fg_arena_format(r->arena, "%s/%s", r->run->folder, name);
}

/// NULL when the file is not there; a damaged one is a fault.
static json_t *read_json(const reading *r, const char *name) {
  fg_error error = {0};
  json_error_t why;
  size_t length;
  const char *path = path_of(r, name);
  char *text = fg_report_read(path, MOST_JSON, &length, &error);
  json_t *json = text ? json_loadb(text, length, JSON_REJECT_DUPLICATES, &why) : NULL;
  if (text && !json_is_object(json)) {
    fault(r, fg_arena_format(r->arena, "%s is damaged: %s", name, json ? "not an object" : why.text));
    json_decref(json);
    json = NULL;
  }
  free(text);
  return json;
}

static void read_stages(const reading *r) {
  const json_t *list = json_object_get(r->run->manifest, "timing");
  if (!list) list = json_object_get(r->run->status, "stages");
  for (size_t i = 0; i < json_array_size(list); i++)
    append(r->arena, &r->run->stages, &r->run->stage_count,
           fg_arena_text(r->arena, fg_json_text(json_array_get(list, i), "stage")));
}

static size_t stage_rank(const fg_run_data *run, const char *stage) {
  size_t rank = 0;
  while (rank < run->stage_count && strcmp(run->stages[rank], stage) != 0) rank++;
  return rank;
}

/// L of a size without "x".
static double length_of(const char *size) {
  char *end;
  double length = strtod(size, &end);
  return isdigit((unsigned char)*size) && !*end && length > 0 ? length : NAN;
}

/// Copies a text once: neighbouring rows mostly have the same.
static const char *same_or_copy(fg_arena *arena, const char *text, const char *before) {
  return before && strcmp(text, before) == 0 ? before : fg_arena_text(arena, text);
}

/// Below this relative size an error is rounding, not statistics, and a residual would mean nothing.
#define ROUNDING 1e-12

static double residual_of(const fg_report_estimate *e) {
  double residual = (e->value - e->exact) / e->error;
  return e->error > ROUNDING * fmax(fabs(e->value), fabs(e->exact)) && isfinite(residual) ? residual : NAN;
}

static fg_status read_estimate(const reading *r, fg_csv *csv, const size_t *at, fg_error *error) {
  fg_run_data *run = r->run;
  fg_report_estimate e = {0};
  const fg_report_estimate *last = run->estimate_count ? &run->estimates[run->estimate_count - 1] : &e;
  if (fg_csv_integer(csv, at[2], &e.level, error) != FG_OK || fg_csv_real(csv, at[4], &e.value, error) != FG_OK ||
      fg_csv_real(csv, at[5], &e.error, error) != FG_OK || fg_csv_integer(csv, at[6], &e.n, error) != FG_OK ||
      fg_csv_real(csv, at[7], &e.tau_int, error) != FG_OK || fg_csv_real(csv, at[8], &e.exact, error) != FG_OK)
    return FG_FAILED;
  e.stage = same_or_copy(r->arena, fg_csv_text(csv, at[0]), last->stage);
  e.size = same_or_copy(r->arena, fg_csv_text(csv, at[1]), last->size);
  e.observable = fg_arena_text(r->arena, fg_csv_text(csv, at[3]));
  e.unit = same_or_copy(r->arena, fg_csv_text(csv, at[9]), last->unit);
  e.length = length_of(e.size);
  e.residual = residual_of(&e);
  run->estimates = fg_arena_grow(r->arena, run->estimates, run->estimate_count, sizeof e);
  run->estimates[run->estimate_count++] = e;
  return FG_OK;
}

static void read_estimates(const reading *r) {
  static const char *const columns[] = {"stage", "size", "level",   "observable", "value",
                                        "error", "n",    "tau_int", "exact",      "unit"};
  size_t at[sizeof columns / sizeof *columns];
  fg_error error = {0};
  fg_csv *csv;
  fg_status status = fg_csv_open(path_of(r, "summary.csv"), &csv, &error);
  for (size_t c = 0; c < sizeof columns / sizeof *columns && status == FG_OK; c++)
    status = fg_csv_find(csv, columns[c], &at[c], &error);
  while (status == FG_OK && (status = fg_csv_next(csv, &error)) == FG_OK) {
    r->run->estimates_in_file++;
    if (r->run->estimate_count < MOST_ESTIMATES) status = read_estimate(r, csv, at, &error);
  }
  fg_csv_close(csv);
  if (status == FG_FAILED && r->run->manifest)
    fault(r, fg_arena_format(r->arena, "%s; what comes after it is not shown", error.text));
}

/// Sorts by stage, keeping the order within one.
static void sort_results(const fg_run_data *run, fg_saved_results *results) {
  for (size_t i = 1; i < results->table_count; i++)
    for (size_t k = i;
         k > 0 && stage_rank(run, results->tables[k - 1].stage) > stage_rank(run, results->tables[k].stage); k--) {
      fg_saved_table swap = results->tables[k];
      results->tables[k] = results->tables[k - 1];
      results->tables[k - 1] = swap;
    }
  for (size_t i = 1; i < results->model_count; i++)
    for (size_t k = i;
         k > 0 && stage_rank(run, results->models[k - 1].stage) > stage_rank(run, results->models[k].stage); k--) {
      fg_saved_model swap = results->models[k];
      results->models[k] = results->models[k - 1];
      results->models[k - 1] = swap;
    }
}

static void read_results(const reading *r) {
  fg_error error = {0};
  if (fg_saved_results_read(path_of(r, "results.h5"), MOST_TABLE_ROWS, MOST_WEIGHTS, r->arena, &r->run->results,
                            &error) != FG_OK &&
      r->run->manifest)
    fault(r, error.text);
  sort_results(r->run, &r->run->results);
}

/// A picture lies in the folder; nothing else is put into a page.
static void take_picture(const reading *r, const char *name) {
  size_t length = strlen(name);
  if (length < 5 || strcmp(name + length - 4, ".png") != 0 || name[0] == '/' || strstr(name, "..") ||
      r->run->picture_count == MOST_PICTURES)
    return;
  append(r->arena, &r->run->pictures, &r->run->picture_count, fg_arena_text(r->arena, name));
}

static int compare_names(const void *a, const void *b) { return strverscmp(*(char *const *)a, *(char *const *)b); }

/// From the manifest, or from the journal of a run that has none yet.
static void read_pictures(const reading *r) {
  const json_t *files = json_object_get(r->run->manifest, "files");
  for (size_t i = 0; i < json_array_size(files); i++) {
    const char *name = json_string_value(json_array_get(files, i));
    if (name) take_picture(r, name);
  }
  fg_error ignored;
  char *journal = r->run->manifest ? NULL : fg_report_read(path_of(r, ".lock"), MOST_LOG, NULL, &ignored);
  for (char *line = journal, *end; line && (end = strchr(line, '\n')); line = end + 1) {
    *end = '\0';
    if (strncmp(line, "file ", 5) == 0) take_picture(r, line + 5);
  }
  free(journal);
  if (r->run->picture_count) qsort(r->run->pictures, r->run->picture_count, sizeof *r->run->pictures, compare_names);
}

/// "2026-06-04T12:00:00Z warning stage: text"
static void read_log(const reading *r) {
  fg_error ignored;
  char *text = fg_report_read(path_of(r, "log.txt"), MOST_LOG, NULL, &ignored);
  for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
    *end = '\0';
    const char *level = strchr(line, ' ');
    if (level && (strncmp(level, " warning ", 9) == 0 || strncmp(level, " error ", 7) == 0) &&
        r->run->complaint_count < MOST_COMPLAINTS)
      append(r->arena, &r->run->complaints, &r->run->complaint_count, fg_arena_text(r->arena, level + 1));
  }
  free(text);
}

void fg_run_data_read(const char *folder, fg_arena *arena, fg_run_data *run) {
  *run = (fg_run_data){.folder = fg_arena_text(arena, folder)};
  reading r = {arena, run};
  fg_error ignored;
  run->manifest = read_json(&r, "manifest.json");
  run->status = read_json(&r, "status.json");
  char *pipeline = fg_report_read(path_of(&r, "pipeline.yaml"), MOST_PIPELINE, NULL, &ignored);
  run->pipeline = pipeline ? fg_arena_text(arena, pipeline) : NULL;
  free(pipeline);
  read_stages(&r);
  read_estimates(&r);
  read_results(&r);
  read_pictures(&r);
  read_log(&r);
}

void fg_run_data_clear(fg_run_data *run) {
  json_decref(run->manifest);
  json_decref(run->status);
}
