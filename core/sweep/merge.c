// merge.c — see merge.h. Columns are those of a run's summary.csv (results_data.h), by name.
#include "sweep/merge.h"

#include "csv.h"
#include "csv_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 10u
static const char *const fields[FIELDS] = {"stage", "size", "level",   "observable", "value",
                                           "error", "n",    "tau_int", "exact",      "unit"};
enum { STAGE, SIZE, LEVEL, OBSERVABLE, VALUE, ERROR, N, TAU, EXACT, UNIT };

/// A run's rows.
typedef struct rows {
  char *(*cells)[FIELDS];
  size_t count;
} rows;

static void free_rows(rows *r) {
  for (size_t i = 0; i < r->count; i++)
    for (size_t f = 0; f < FIELDS; f++) free(r->cells[i][f]);
  free(r->cells);
  *r = (rows){0};
}

/// Reads a run's summary.csv as far as it is sound.
static fg_status read_rows(const char *path, rows *r, fg_error *error) {
  fg_csv *csv;
  size_t columns[FIELDS];
  *r = (rows){0};
  fg_status status = fg_csv_open(path, &csv, error);
  for (size_t f = 0; f < FIELDS && status == FG_OK; f++) status = fg_csv_find(csv, fields[f], &columns[f], error);
  for (size_t room = 0; status == FG_OK && (status = fg_csv_next(csv, error)) == FG_OK; r->count++) {
    if (r->count == room) {
      room = 2 * room + 256;
      r->cells = realloc(r->cells, room * sizeof *r->cells);
      if (!r->cells) abort();
    }
    for (size_t f = 0; f < FIELDS; f++)
      if (!(r->cells[r->count][f] = strdup(fg_csv_text(csv, columns[f])))) abort();
  }
  fg_csv_close(csv);
  if (status != FG_FAILED) return FG_OK;
  const fg_error why = *error;
  return fg_error_set(error, "%s; move this point's folder away and run it again with 'finegrain sweep resume'",
                      why.text);
}

static void write_arm(FILE *out, const fg_sweep_plan *plan, const fg_sweep_entry *entry) {
  for (size_t c = 0; c < plan->column_count; c++) {
    if (c) fputc(',', out);
    fg_csv_write(out, entry->values[c]);
  }
}

static void write_summary(FILE *out, const fg_sweep_plan *plan, const fg_sweep_entry *entry, const rows *r) {
  for (size_t i = 0; i < r->count; i++) {
    fprintf(out, "%s,%u,", entry->id, entry->replica);
    write_arm(out, plan, entry);
    if (plan->column_count) fputc(',', out);
    for (size_t f = 0; f < FIELDS; f++) {
      if (f) fputc(',', out);
      fg_csv_write(out, r->cells[i][f]);
    }
    fputc('\n', out);
  }
}

// ---- replicas together

/// An estimate of one arm, over its replicas.
typedef struct combined {
  char *key[4]; ///< stage, size, level, observable
  char *exact, *unit;
  double sum, squares; ///< of the values less the first one
  double first;
  double variance; ///< sum of the squared errors
  uint64_t n;
  uint32_t replicas;
} combined;

typedef struct arm {
  combined *items;
  size_t count, room;
  rows *kept; ///< the texts that keys point into
  size_t kept_count;
} arm;

static combined *find_combined(arm *a, char *const *cells, size_t guess) {
  for (size_t step = 0; step < a->count; step++) { // replicas have their rows in the same order
    combined *here = &a->items[(guess + step) % a->count];
    bool same = true;
    for (int k = 0; k < 4 && same; k++) same = strcmp(here->key[k], cells[k]) == 0;
    if (same) return here;
  }
  if (a->count == a->room) {
    a->room = 2 * a->room + 64;
    a->items = realloc(a->items, a->room * sizeof *a->items);
    if (!a->items) abort();
  }
  combined *fresh = &a->items[a->count++];
  *fresh = (combined){.exact = cells[EXACT], .unit = cells[UNIT], .first = strtod(cells[VALUE], NULL)};
  for (int k = 0; k < 4; k++) fresh->key[k] = cells[k];
  return fresh;
}

/// Takes over the rows of one replica.
static void add_replica(arm *a, rows *r) {
  for (size_t i = 0; i < r->count; i++) {
    char *const *cells = r->cells[i];
    if (!cells[VALUE][0]) continue;
    combined *into = find_combined(a, cells, i);
    double value = strtod(cells[VALUE], NULL) - into->first;
    double error = cells[ERROR][0] ? strtod(cells[ERROR], NULL) : NAN;
    into->sum += value;
    into->squares += value * value;
    into->variance += error * error;
    into->n += strtoull(cells[N], NULL, 10);
    into->replicas++;
  }
  a->kept = realloc(a->kept, (a->kept_count + 1) * sizeof *a->kept);
  if (!a->kept) abort();
  a->kept[a->kept_count++] = *r;
  *r = (rows){0};
}

static void write_number(FILE *out, double value) {
  fputc(',', out);
  if (isfinite(value)) fprintf(out, "%.17g", value);
}

static void write_combined(FILE *out, const fg_sweep_plan *plan, const fg_sweep_entry *entry, const arm *a) {
  for (size_t i = 0; i < a->count; i++) {
    const combined *c = &a->items[i];
    double r = c->replicas, mean = c->sum / r;
    double spread = c->replicas > 1 ? (c->squares - r * mean * mean) / (r - 1) : NAN;
    write_arm(out, plan, entry);
    for (int k = 0; k < 4; k++) {
      if (k || plan->column_count) fputc(',', out);
      fg_csv_write(out, c->key[k]);
    }
    write_number(out, c->first + mean);
    write_number(out, sqrt(c->variance) / r);
    write_number(out, sqrt((spread > 0 ? spread : spread < 0 ? 0 : spread) / r));
    fprintf(out, ",%u,%" PRIu64 ",", c->replicas, c->n);
    fg_csv_write(out, c->exact);
    fputc(',', out);
    fg_csv_write(out, c->unit);
    fputc('\n', out);
  }
}

static void clear_arm(arm *a) {
  for (size_t i = 0; i < a->kept_count; i++) free_rows(&a->kept[i]);
  free(a->kept);
  free(a->items);
  *a = (arm){0};
}

static bool same_arm(const fg_sweep_plan *plan, const fg_sweep_entry *a, const fg_sweep_entry *b) {
  for (size_t c = 0; c < plan->column_count; c++)
    if (strcmp(a->values[c], b->values[c]) != 0) return false;
  return true;
}

// ---- the files

typedef struct sheet {
  const char *name;
  FILE *out;
  char *text;
  size_t length;
} sheet;

static void begin(sheet *s, const fg_sweep_plan *plan, const char *before, const char *after) {
  s->out = open_memstream(&s->text, &s->length);
  if (!s->out) abort();
  fputs(before, s->out);
  for (size_t c = 0; c < plan->column_count; c++) {
    if (c || before[0]) fputc(',', s->out);
    fg_csv_write(s->out, plan->columns[c]);
  }
  fprintf(s->out, "%s%s\n", plan->column_count || before[0] ? "," : "", after);
}

static fg_status finish(sheet *s, const fg_sweep_plan *plan, fg_error *error) {
  char path[4096];
  fclose(s->out);
  snprintf(path, sizeof path, "%.4000s/%s", plan->folder, s->name);
  fg_status status = fg_write_whole(path, s->text, s->length, error);
  free(s->text);
  return status;
}

static void write_point(FILE *out, const fg_sweep_plan *plan, const fg_sweep_entry *entry,
                        const fg_point_report *report) {
  fprintf(out, "%s,%u,", entry->id, entry->replica);
  write_arm(out, plan, entry);
  fprintf(out, "%s%s,", plan->column_count ? "," : "", fg_point_word(report->state));
  if (report->state == FG_POINT_DONE || report->state == FG_POINT_STALE) fprintf(out, "%.3f", report->seconds);
  fputc(',', out);
  fg_csv_write(out, report->error);
  fputc('\n', out);
}

fg_status fg_sweep_merge(const fg_sweep_plan *plan, const fg_registry *registry, fg_merged *merged, fg_error *error) {
  sheet summary = {.name = "summary.csv"}, together = {.name = "combined.csv"}, points = {.name = "points.csv"};
  begin(&summary, plan, "point,replica", "stage,size,level,observable,value,error,n,tau_int,exact,unit");
  begin(&together, plan, "", "stage,size,level,observable,value,error_within,error_between,replicas,n,exact,unit");
  begin(&points, plan, "point,replica", "state,seconds,error");
  *merged = (fg_merged){{0}};
  arm current = {0};
  fg_status sound = FG_OK;
  for (size_t i = 0; i < plan->count; i++) {
    const fg_sweep_entry *entry = &plan->entries[i];
    fg_point_report report = fg_sweep_look(plan, entry, registry, true);
    merged->states[report.state]++;
    write_point(points.out, plan, entry, &report);
    if (report.state == FG_POINT_DONE) {
      char path[4096];
      fg_sweep_path(plan, "points", entry->id, "run/summary.csv", path);
      rows r;
      fg_error *first = sound == FG_OK ? error : &(fg_error){0};
      if (read_rows(path, &r, first) != FG_OK) sound = FG_FAILED;
      write_summary(summary.out, plan, entry, &r);
      add_replica(&current, &r);
    }
    if (i + 1 < plan->count && same_arm(plan, entry, entry + 1)) continue;
    write_combined(together.out, plan, entry, &current);
    clear_arm(&current);
  }
  sheet *const sheets[] = {&summary, &together, &points};
  for (size_t s = 0; s < sizeof sheets / sizeof *sheets; s++)
    if (finish(sheets[s], plan, sound == FG_OK ? error : &(fg_error){0}) != FG_OK) sound = FG_FAILED;
  return sound;
}
