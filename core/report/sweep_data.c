// sweep_data.c — reads a sweep's folder for its report; see sweep_page.h. Time grows as the number of points and
// rows; of summary.csv only what is asked for is kept.
#include "report/sweep_page.h"

#include "csv_reader.h"
#include "report/text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_METRICS 200u
#define MOST_SAMPLES ((size_t)1 << 24)

static void fault(fg_sweep_data *sweep, const char *text) {
  sweep->faults = fg_arena_grow(sweep->arena, (void *)sweep->faults, sweep->fault_count, sizeof *sweep->faults);
  sweep->faults[sweep->fault_count++] = fg_arena_text(sweep->arena, text);
}

/// Texts and the index each was given.
static json_t *new_index(void) {
  json_t *index = json_object();
  if (!index) abort();
  return index;
}

static size_t look_up(const json_t *index, const char *key) {
  const json_t *found = json_object_get(index, key);
  return found ? (size_t)json_integer_value(found) : SIZE_MAX;
}

static void enter(json_t *index, const char *key, size_t value) {
  if (json_object_set_new_nocheck(index, key, json_integer((json_int_t)value)) != 0) abort();
}

/// Texts as one key; the separator occurs in none of them.
static const char *join(fg_arena *arena, const char *const *texts, size_t count) {
  size_t length = 1;
  for (size_t i = 0; i < count; i++) length += strlen(texts[i]) + 1;
  char *key = fg_arena_take(arena, length, 1), *at = key;
  for (size_t i = 0; i < count; i++) {
    at = stpcpy(at, texts[i]);
    *at++ = '\x1f';
  }
  *at = '\0';
  return key;
}

// ---- arms

/// Puts the points into arms, in order of arrival.
static void find_arms(fg_sweep_data *sweep, json_t *index) {
  const fg_sweep_plan *plan = sweep->plan;
  size_t *last = fg_arena_take(sweep->arena, plan->count, sizeof *last);
  for (size_t i = 0; i < plan->count; i++) {
    const char *key = join(sweep->arena, (const char *const *)plan->entries[i].values, plan->column_count);
    size_t a = look_up(index, key);
    if (a == SIZE_MAX) {
      a = sweep->arm_count++;
      sweep->arms = fg_arena_grow(sweep->arena, sweep->arms, a, sizeof *sweep->arms);
      sweep->arms[a] = (fg_report_arm){.values = plan->entries[i].values, .first = i, .baseline = FG_NO_ARM};
      enter(index, key, a);
    } else {
      sweep->points[last[a]].next = i;
    }
    last[a] = i;
    sweep->points[i].arm = a;
    sweep->points[i].next = plan->count;
    sweep->arms[a].points++;
  }
}

/// An arm is compared with the one that has the baseline's values where all baselines agree, and its own elsewhere.
static void find_baselines(fg_sweep_data *sweep, const json_t *index) {
  const fg_sweep_plan *plan = sweep->plan;
  const char **fixed = fg_arena_take(sweep->arena, plan->column_count + 1, sizeof *fixed);
  const char **wanted = fg_arena_take(sweep->arena, plan->column_count + 1, sizeof *wanted);
  bool *differs = fg_arena_take(sweep->arena, plan->column_count + 1, sizeof *differs);
  for (size_t i = 0; i < plan->count; i++) {
    if (!plan->entries[i].baseline) continue;
    for (size_t c = 0; c < plan->column_count; c++) {
      if (sweep->has_baseline) differs[c] |= strcmp(fixed[c], plan->entries[i].values[c]) != 0;
      fixed[c] = plan->entries[i].values[c];
    }
    sweep->has_baseline = true;
  }
  for (size_t a = 0; a < sweep->arm_count && sweep->has_baseline; a++) {
    for (size_t c = 0; c < plan->column_count; c++) wanted[c] = differs[c] ? sweep->arms[a].values[c] : fixed[c];
    size_t baseline = look_up(index, join(sweep->arena, wanted, plan->column_count));
    if (baseline != a) sweep->arms[a].baseline = baseline;
  }
}

static void look_at_points(fg_sweep_data *sweep) {
  for (size_t i = 0; i < sweep->plan->count; i++) {
    fg_point_report look = fg_sweep_look(sweep->plan, &sweep->plan->entries[i], NULL, true);
    fg_report_point *point = &sweep->points[i];
    fg_report_arm *arm = &sweep->arms[point->arm];
    point->state = look.state;
    point->seconds = look.seconds;
    point->attempt = look.attempt;
    point->error = look.error[0] ? fg_arena_text(sweep->arena, look.error) : "";
    sweep->states[look.state]++;
    if (look.state != FG_POINT_DONE) continue;
    arm->done++;
    arm->seconds += look.seconds;
  }
  for (size_t a = 0; a < sweep->arm_count; a++)
    sweep->arms[a].seconds = sweep->arms[a].done ? sweep->arms[a].seconds / (double)sweep->arms[a].done : NAN;
}

// ---- metrics

/// Columns of combined.csv or summary.csv: first those of the axes, then these.
enum { STAGE, SIZE, LEVEL, OBSERVABLE, VALUE, FURTHER };

typedef struct table {
  fg_csv *csv;
  size_t *axes;
  size_t at[16];
} table;

/// Opens SWEEP/name and finds its columns.
static fg_status open_table(const fg_sweep_data *sweep, const char *name, const char *const *further, size_t count,
                            table *t, fg_error *error) {
  static const char *const columns[FURTHER] = {"stage", "size", "level", "observable", "value"};
  const fg_sweep_plan *plan = sweep->plan;
  t->axes = fg_arena_take(sweep->arena, plan->column_count + 1, sizeof *t->axes);
  fg_status status = fg_csv_open(fg_arena_format(sweep->arena, "%s/%s", plan->folder, name), &t->csv, error);
  for (size_t c = 0; c < plan->column_count && status == FG_OK; c++)
    status = fg_csv_find(t->csv, plan->columns[c], &t->axes[c], error);
  for (size_t c = 0; c < FURTHER + count && status == FG_OK; c++)
    status = fg_csv_find(t->csv, c < FURTHER ? columns[c] : further[c - FURTHER], &t->at[c], error);
  return status;
}

/// The metric of a row, made when it is new; NULL when there are too many.
static fg_report_metric *metric_of(fg_sweep_data *sweep, json_t *index, const char *stage, const char *observable,
                                   const char *unit) {
  char key[512];
  snprintf(key, sizeof key, "%s\x1f%s", stage, observable);
  size_t m = look_up(index, key);
  if (m != SIZE_MAX) return &sweep->metrics[m];
  if (sweep->metric_count == MOST_METRICS) return NULL;
  m = sweep->metric_count++;
  enter(index, key, m);
  sweep->metrics = fg_arena_grow(sweep->arena, sweep->metrics, m, sizeof *sweep->metrics);
  sweep->metrics[m] =
      (fg_report_metric){.stage = fg_arena_text(sweep->arena, stage),
                         .observable = fg_arena_text(sweep->arena, observable),
                         .unit = fg_arena_text(sweep->arena, unit),
                         .cells = fg_arena_take(sweep->arena, sweep->arm_count, sizeof(fg_report_cell))};
  return &sweep->metrics[m];
}

/// L, or the first extent of LxM.
static double length_of(const char *size) { return isdigit((unsigned char)*size) ? strtod(size, NULL) : 0; }

enum { WITHIN = FURTHER, BETWEEN, REPLICAS, EXACT, UNIT };

static fg_status take_combined(fg_sweep_data *sweep, const table *t, size_t arm, json_t *index, fg_error *error) {
  fg_csv *csv = t->csv;
  fg_report_cell cell = {.length = length_of(fg_csv_text(csv, t->at[SIZE]))};
  double replicas;
  if (fg_csv_integer(csv, t->at[LEVEL], &cell.level, error) != FG_OK ||
      fg_csv_real(csv, t->at[VALUE], &cell.value, error) != FG_OK ||
      fg_csv_real(csv, t->at[WITHIN], &cell.within, error) != FG_OK ||
      fg_csv_real(csv, t->at[BETWEEN], &cell.between, error) != FG_OK ||
      fg_csv_real(csv, t->at[REPLICAS], &replicas, error) != FG_OK ||
      fg_csv_real(csv, t->at[EXACT], &cell.exact, error) != FG_OK)
    return FG_FAILED;
  fg_report_metric *metric = metric_of(sweep, index, fg_csv_text(csv, t->at[STAGE]),
                                       fg_csv_text(csv, t->at[OBSERVABLE]), fg_csv_text(csv, t->at[UNIT]));
  if (!metric || (metric->cells[arm].size && metric->cells[arm].length >= cell.length)) return FG_OK;
  cell.replicas = replicas > 0 && replicas < 1e9 ? (uint32_t)replicas : 1;
  cell.size = fg_arena_text(sweep->arena, fg_csv_text(csv, t->at[SIZE]));
  metric->cells[arm] = cell;
  return FG_OK;
}

static int compare_metrics(const void *left, const void *right) {
  const fg_report_metric *a = left, *b = right;
  if (a->is_first != b->is_first) return a->is_first ? -1 : 1;
  size_t rank_a = fg_observable_rank(a->observable), rank_b = fg_observable_rank(b->observable);
  if (rank_a != rank_b) return rank_a < rank_b ? -1 : 1;
  int order = strcmp(a->stage, b->stage);
  return order ? order : strcmp(a->observable, b->observable);
}

static void read_combined(fg_sweep_data *sweep, const json_t *arms) {
  static const char *const further[] = {"error_within", "error_between", "replicas", "exact", "unit"};
  fg_error error = {0};
  table t = {0};
  json_t *index = new_index();
  const char **values = fg_arena_take(sweep->arena, sweep->plan->column_count + 1, sizeof *values);
  fg_arena keys = {0};
  fg_status status = open_table(sweep, "combined.csv", further, sizeof further / sizeof *further, &t, &error);
  size_t strangers = 0;
  while (status == FG_OK && (status = fg_csv_next(t.csv, &error)) == FG_OK) {
    for (size_t c = 0; c < sweep->plan->column_count; c++) values[c] = fg_csv_text(t.csv, t.axes[c]);
    size_t arm = look_up(arms, join(&keys, values, sweep->plan->column_count));
    fg_arena_clear(&keys);
    if (arm == SIZE_MAX)
      strangers++;
    else
      status = take_combined(sweep, &t, arm, index, &error);
  }
  fg_csv_close(t.csv);
  json_decref(index);
  if (status == FG_FAILED)
    fault(sweep, fg_arena_format(sweep->arena, "%s; merge again with 'finegrain sweep merge'", error.text));
  if (strangers)
    fault(sweep, fg_arena_format(sweep->arena,
                                 "%zu rows of combined.csv belong to no point of the plan; merge again with 'finegrain "
                                 "sweep merge'",
                                 strangers));
  for (size_t m = 0; m < sweep->metric_count; m++)
    for (size_t a = 0; a < sweep->arm_count; a++)
      sweep->metrics[m].has_exact |= sweep->metrics[m].cells[a].size && isfinite(sweep->metrics[m].cells[a].exact);
  for (size_t m = 0; m < sweep->metric_count; m++)
    sweep->metrics[m].is_first =
        (sweep->metrics[m].has_exact && !fg_observable_is_second(sweep->metrics[m].observable)) ||
        fg_observable_is_key(sweep->metrics[m].observable);
  if (sweep->metric_count) qsort(sweep->metrics, sweep->metric_count, sizeof *sweep->metrics, compare_metrics);
}

double fg_report_cell_error(const fg_report_cell *cell) {
  return cell->replicas > 1 && isfinite(cell->between) ? cell->between : cell->within;
}

// ---- single values

static fg_status take_sample(fg_sweep_data *sweep, const table *t, const json_t *ids, const json_t *index,
                             fg_error *error) {
  char key[512];
  snprintf(key, sizeof key, "%s\x1f%s", fg_csv_text(t->csv, t->at[STAGE]), fg_csv_text(t->csv, t->at[OBSERVABLE]));
  size_t m = look_up(index, key), i = m == SIZE_MAX ? m : look_up(ids, fg_csv_text(t->csv, t->at[FURTHER]));
  if (i == SIZE_MAX) return FG_OK;
  const fg_report_cell *cell = &sweep->metrics[m].cells[sweep->points[i].arm];
  int64_t level;
  double value;
  if (fg_csv_integer(t->csv, t->at[LEVEL], &level, error) != FG_OK ||
      fg_csv_real(t->csv, t->at[VALUE], &value, error) != FG_OK)
    return FG_FAILED;
  uint32_t replica = sweep->plan->entries[i].replica;
  if (cell->size && cell->level == level && strcmp(cell->size, fg_csv_text(t->csv, t->at[SIZE])) == 0 &&
      replica < sweep->plan->replicas)
    sweep->metrics[m].samples[sweep->points[i].arm * sweep->plan->replicas + replica] = value;
  return FG_OK;
}

void fg_sweep_data_read_samples(fg_sweep_data *sweep, size_t count) {
  static const char *const further[] = {"point"};
  size_t replicas = sweep->plan->replicas;
  if (replicas == 0 || sweep->arm_count > MOST_SAMPLES / replicas / (count ? count : 1)) return;
  fg_error error = {0};
  table t = {0};
  json_t *ids = new_index(), *index = new_index();
  for (size_t i = 0; i < sweep->plan->count; i++) enter(ids, sweep->plan->entries[i].id, i);
  for (size_t m = 0; m < count; m++) {
    fg_report_metric *metric = &sweep->metrics[m];
    const char *const names[] = {metric->stage, metric->observable};
    char *key = (char *)(uintptr_t)join(sweep->arena, names, 2);
    key[strlen(key) - 1] = '\0';
    enter(index, key, m);
    metric->samples = fg_arena_take(sweep->arena, sweep->arm_count * replicas, sizeof *metric->samples);
    for (size_t k = 0; k < sweep->arm_count * replicas; k++) metric->samples[k] = NAN;
  }
  fg_status status = open_table(sweep, "summary.csv", further, 1, &t, &error);
  while (status == FG_OK && (status = fg_csv_next(t.csv, &error)) == FG_OK)
    status = take_sample(sweep, &t, ids, index, &error);
  fg_csv_close(t.csv);
  json_decref(ids);
  json_decref(index);
  if (status == FG_FAILED)
    fault(sweep, fg_arena_format(sweep->arena, "%s; merge again with 'finegrain sweep merge'", error.text));
}

fg_status fg_sweep_data_read(const char *folder, fg_arena *arena, fg_sweep_data *sweep, fg_error *error) {
  *sweep = (fg_sweep_data){.arena = arena, .plan = fg_sweep_plan_read(folder, error)};
  if (!sweep->plan) return FG_FAILED;
  json_t *arms = new_index();
  sweep->points = fg_arena_take(arena, sweep->plan->count, sizeof *sweep->points);
  find_arms(sweep, arms);
  fg_sweep_data_label(sweep);
  find_baselines(sweep, arms);
  look_at_points(sweep);
  read_combined(sweep, arms);
  json_decref(arms);
  return FG_OK;
}

void fg_sweep_data_clear(fg_sweep_data *sweep) {
  if (sweep->plan) fg_sweep_plan_free(sweep->plan);
}
