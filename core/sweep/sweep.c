// sweep.c — see sweep.h: from axes to points.
#include "sweep/sweep.h"

#include "scalar.h"
#include "sweep/section.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory) abort();
  return memory;
}

char *fg_sweep_text(const fg_node *value) {
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  if (value) fg_yaml_write_flow(value, out);
  fclose(out);
  return text;
}

/// Equal as values: 3 and 3.0 are, and what is written alike.
static bool same_value(const fg_node *a, const fg_node *b) {
  double x, y;
  if (a == b) return true;
  if (!a || !b) return false;
  if (a->kind == FG_NODE_SCALAR && b->kind == FG_NODE_SCALAR && a->plain && b->plain &&
      fg_scalar_real(a->text, NULL, &x) == FG_SCALAR_OK && fg_scalar_real(b->text, NULL, &y) == FG_SCALAR_OK)
    return x >= y && x <= y;
  char *left = fg_sweep_text(a), *right = fg_sweep_text(b);
  bool same = strcmp(left, right) == 0;
  free(left);
  free(right);
  return same;
}

// ---- columns

/// Index of a path's column; -1: there is none.
static int64_t find_column(const fg_sweep *sweep, const char *path) {
  for (size_t c = 0; c < sweep->column_count; c++)
    if (strcmp(sweep->columns[c].path, path) == 0) return (int64_t)c;
  return -1;
}

/// The column of a path that a map's key names, made when it is new. The path is checked.
static size_t column_of(fg_sweep *sweep, const fg_node *key, fg_diagnostics *diagnostics) {
  int64_t found = find_column(sweep, key->text);
  if (found >= 0) return (size_t)found;
  fg_override_check(sweep->file->root, key->text, key->place, diagnostics);
  sweep->columns = realloc(sweep->columns, (sweep->column_count + 1) * sizeof *sweep->columns);
  if (!sweep->columns) abort();
  sweep->columns[sweep->column_count] = (fg_sweep_column){key->text, key->place};
  return sweep->column_count++;
}

// ---- factors: what is multiplied

/// Some columns that take their values together: an axis has one, a zip several.
typedef struct factor {
  size_t *columns;
  fg_node ***values; ///< [column][tuple]
  size_t width, length;
  fg_place place;
} factor;

typedef struct factors {
  factor *items;
  size_t count;
} factors;

static factor *add_factor(factors *all, size_t width, fg_place place) {
  all->items = realloc(all->items, (all->count + 1) * sizeof *all->items);
  if (!all->items) abort();
  factor *fresh = &all->items[all->count++];
  *fresh = (factor){.columns = allocate(width, sizeof(size_t)),
                    .values = allocate(width, sizeof(fg_node **)),
                    .width = width,
                    .place = place};
  return fresh;
}

static void free_factors(factors *all) {
  for (size_t f = 0; f < all->count; f++) {
    for (size_t c = 0; c < all->items[f].width; c++) free(all->items[f].values[c]);
    free(all->items[f].values);
    free(all->items[f].columns);
  }
  free(all->items);
}

static bool is_taken(const factors *all, size_t column) {
  for (size_t f = 0; f < all->count; f++)
    for (size_t c = 0; c < all->items[f].width; c++)
      if (all->items[f].values[c] && all->items[f].columns[c] == column) return true;
  return false;
}

/// Reads `path: values` into column `at` of a factor.
static void read_column(fg_sweep *sweep, factors *all, factor *into, size_t at, const fg_node *key, fg_node *values,
                        fg_diagnostics *diagnostics) {
  size_t column = column_of(sweep, key, diagnostics), length;
  if (is_taken(all, column))
    fg_error_at(diagnostics, key->place, NULL, "%s is varied twice; keep one of the two", key->text);
  into->columns[at] = column;
  into->values[at] = fg_sweep_values(sweep->file->documents[0], key->text, values, &length, diagnostics);
  if (at == 0) into->length = length;
  if (at && length != into->length && length && into->length)
    fg_error_at(diagnostics, values->place, NULL,
                "%s has %zu values where %s has %zu; what is zipped has equally many values each", key->text, length,
                sweep->columns[into->columns[0]].path, into->length);
  if (length < into->length) into->length = length;
}

/// "3", or "3, 16" where values are zipped.
static char *tuple_text(const factor *f, size_t index) {
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  for (size_t c = 0; c < f->width; c++) {
    if (c) fputs(", ", out);
    fg_yaml_write_flow(f->values[c][index], out);
  }
  fclose(out);
  return text;
}

/// An axis with a value twice would make points twice.
static void refuse_repeats(const fg_sweep *sweep, const factor *f, fg_diagnostics *diagnostics) {
  for (size_t i = 1; i < f->length; i++) {
    for (size_t j = 0; j < i; j++) {
      bool same = true;
      for (size_t c = 0; c < f->width && same; c++) same = same_value(f->values[c][i], f->values[c][j]);
      if (!same) continue;
      char *text = tuple_text(f, i);
      if (f->width == 1)
        fg_error_at(diagnostics, f->values[0][i]->place, NULL, "%s has the value %s twice; keep it once",
                    sweep->columns[f->columns[0]].path, text);
      else
        fg_error_at(diagnostics, f->values[0][i]->place, NULL, "this zip has %s twice; keep it once", text);
      free(text);
      break;
    }
  }
}

static void read_axes(fg_sweep *sweep, const fg_node *axes, factors *all, fg_diagnostics *diagnostics) {
  for (size_t i = 0; i < axes->count; i++) {
    factor *f = add_factor(all, 1, axes->keys[i]->place);
    read_column(sweep, all, f, 0, axes->keys[i], axes->items[i], diagnostics);
    if (f->length <= 1000) refuse_repeats(sweep, f, diagnostics);
  }
}

static void read_zips(fg_sweep *sweep, const fg_node *zips, factors *all, fg_diagnostics *diagnostics) {
  for (size_t z = 0; z < zips->count; z++) {
    const fg_node *zip = zips->items[z];
    if (!fg_sweep_is_map(zip, "zip", "{STAGE.params.KEY: [...], STAGE.params.KEY: [...]}", diagnostics)) continue;
    factor *f = add_factor(all, zip->count, zip->place);
    for (size_t i = 0; i < zip->count; i++) {
      f = &all->items[all->count - 1];
      read_column(sweep, all, f, i, zip->keys[i], zip->items[i], diagnostics);
    }
    if (f->length <= 1000) refuse_repeats(sweep, f, diagnostics);
  }
}

// ---- points

static fg_sweep_point *add_point(fg_sweep *sweep, fg_place place) {
  if (sweep->count % 1024 == 0) {
    sweep->points = realloc(sweep->points, (sweep->count + 1024) * sizeof *sweep->points);
    if (!sweep->points) abort();
  }
  fg_sweep_point *point = &sweep->points[sweep->count++];
  *point = (fg_sweep_point){.values = allocate(sweep->column_count, sizeof(fg_node *)), .place = place};
  return point;
}

/// The product of all factors, the first one slowest. False when there are too many.
static bool multiply(fg_sweep *sweep, const factors *all, fg_place place, fg_diagnostics *diagnostics) {
  size_t total = 1;
  for (size_t f = 0; f < all->count; f++) {
    if (__builtin_mul_overflow(total, all->items[f].length, &total) || total > FG_SWEEP_MOST_POINTS) {
      fg_error_at(diagnostics, all->items[f].place, NULL, "these axes make more than %u points; vary less at once",
                  FG_SWEEP_MOST_POINTS);
      return false;
    }
  }
  for (size_t i = 0; i < total; i++) {
    fg_sweep_point *point = add_point(sweep, all->count ? all->items[0].place : place);
    size_t rest = i;
    for (size_t f = all->count; f-- > 0;) {
      const factor *at = &all->items[f];
      const size_t length = at->length ? at->length : 1; // none is empty, or there was an error
      for (size_t c = 0; c < at->width; c++) point->values[at->columns[c]] = at->values[c][rest % length];
      rest /= length;
    }
  }
  return true;
}

/// A pattern {path: value or list of values, …}: which columns, which values. False: it names what is not varied.
static bool read_pattern(const fg_sweep *sweep, const char *what, const fg_node *pattern, const fg_node **wanted,
                         fg_diagnostics *diagnostics) {
  bool sound = fg_sweep_is_map(pattern, what, "{STAGE.params.KEY: VALUE}", diagnostics);
  for (size_t i = 0; sound && i < pattern->count; i++) {
    int64_t column = find_column(sweep, pattern->keys[i]->text);
    if (column >= 0) {
      wanted[column] = pattern->items[i];
      continue;
    }
    char hint[512];
    const char **paths = allocate(sweep->column_count, sizeof *paths);
    for (size_t c = 0; c < sweep->column_count; c++) paths[c] = sweep->columns[c].path;
    fg_error_at(diagnostics, pattern->keys[i]->place, NULL, "%s: '%s' is not varied%s", what, pattern->keys[i]->text,
                fg_suggest(hint, sizeof hint, pattern->keys[i]->text, paths, sweep->column_count));
    free(paths);
    sound = false;
  }
  return sound;
}

static bool matches(const fg_sweep *sweep, const fg_sweep_point *point, const fg_node *const *wanted) {
  for (size_t c = 0; c < sweep->column_count; c++) {
    if (!wanted[c]) continue;
    bool any = same_value(point->values[c], wanted[c]);
    for (size_t i = 0; wanted[c]->kind == FG_NODE_LIST && i < wanted[c]->count && !any; i++)
      any = same_value(point->values[c], wanted[c]->items[i]);
    if (!any) return false;
  }
  return true;
}

static void exclude(fg_sweep *sweep, const fg_node *patterns, fg_diagnostics *diagnostics) {
  const fg_node **wanted = allocate(sweep->column_count, sizeof *wanted);
  bool *gone = allocate(sweep->count, sizeof *gone);
  for (size_t p = 0; p < patterns->count; p++) {
    memset(wanted, 0, sweep->column_count * sizeof *wanted);
    if (!read_pattern(sweep, "exclude", patterns->items[p], wanted, diagnostics)) continue;
    size_t hits = 0;
    for (size_t i = 0; i < sweep->count; i++) {
      bool hit = matches(sweep, &sweep->points[i], wanted);
      gone[i] |= hit;
      hits += hit;
    }
    if (!hits)
      fg_error_at(diagnostics, patterns->items[p]->place, NULL,
                  "exclude: this matches no point; correct its values or remove it");
  }
  size_t kept = 0;
  for (size_t i = 0; i < sweep->count; i++) {
    if (gone[i])
      free(sweep->points[i].values);
    else
      sweep->points[kept++] = sweep->points[i];
  }
  sweep->count = kept;
  free(gone);
  free(wanted);
}

/// Columns that only included points give a value come after the others.
static void include(fg_sweep *sweep, const fg_node *extras, fg_diagnostics *diagnostics) {
  for (size_t e = 0; e < extras->count; e++) {
    const fg_node *extra = extras->items[e];
    if (!fg_sweep_is_map(extra, "include", "{STAGE.params.KEY: VALUE}", diagnostics)) continue;
    fg_sweep_point *point = add_point(sweep, extra->place);
    for (size_t i = 0; i < extra->count; i++) point->values[find_column(sweep, extra->keys[i]->text)] = extra->items[i];
  }
}

/// Makes the columns of included points, before there are points.
static void include_columns(fg_sweep *sweep, const fg_node *extras, fg_diagnostics *diagnostics) {
  for (size_t e = 0; e < extras->count; e++)
    for (size_t i = 0; extras->items[e]->kind == FG_NODE_MAP && i < extras->items[e]->count; i++)
      column_of(sweep, extras->items[e]->keys[i], diagnostics);
}

static void read_baseline(fg_sweep *sweep, fg_node *pattern, fg_diagnostics *diagnostics) {
  const fg_node **wanted = allocate(sweep->column_count, sizeof *wanted);
  bool any = false;
  if (read_pattern(sweep, "baseline", pattern, wanted, diagnostics)) {
    for (size_t i = 0; i < sweep->count && !any; i++) any = matches(sweep, &sweep->points[i], wanted);
    if (!any)
      fg_error_at(diagnostics, pattern->place, NULL, "baseline: no point has these values; give those of an arm");
  }
  sweep->baseline = (fg_node **)(uintptr_t)wanted;
}

/// Every point `replicas` times, one after the other.
static bool replicate(fg_sweep *sweep, const fg_node *place, fg_diagnostics *diagnostics) {
  const size_t count = sweep->count, total = count * sweep->replicas;
  if (total > FG_SWEEP_MOST_POINTS) {
    fg_error_at(diagnostics, place->place, NULL, "%zu points in %u replicas are more than %u runs; ask for less", count,
                sweep->replicas, FG_SWEEP_MOST_POINTS);
    return false;
  }
  if (sweep->replicas == 1) return true;
  fg_sweep_point *points = allocate(total + 1024, sizeof *points);
  for (size_t i = 0; i < total; i++) {
    const fg_sweep_point *one = &sweep->points[i / sweep->replicas];
    points[i] = *one;
    points[i].replica = (uint32_t)(i % sweep->replicas);
    if (points[i].replica == 0) continue;
    points[i].values = allocate(sweep->column_count, sizeof(fg_node *));
    memcpy(points[i].values, one->values, sweep->column_count * sizeof(fg_node *));
  }
  free(sweep->points);
  sweep->points = points;
  sweep->count = total;
  return true;
}

static void make_points(fg_sweep *sweep, const fg_sweep_section *section, fg_diagnostics *diagnostics) {
  factors all = {0};
  if (section->axes) read_axes(sweep, section->axes, &all, diagnostics);
  if (section->zip) read_zips(sweep, section->zip, &all, diagnostics);
  if (section->include) include_columns(sweep, section->include, diagnostics);
  bool sound = fg_diagnostics_errors(diagnostics) == 0;
  // A sweep of included points alone has no others.
  if (sound && (all.count || !section->include)) sound = multiply(sweep, &all, section->node->place, diagnostics);
  if (sound && section->exclude) exclude(sweep, section->exclude, diagnostics);
  if (sound && section->include) include(sweep, section->include, diagnostics);
  if (sound && section->baseline) read_baseline(sweep, section->baseline, diagnostics);
  if (sound && sweep->count == 0)
    fg_error_at(diagnostics, section->node->place, NULL, "no point is left; exclude less or include some");
  if (sound) replicate(sweep, section->node, diagnostics);
  free_factors(&all);
}

fg_sweep *fg_sweep_read(const fg_pipeline_file *file, fg_diagnostics *diagnostics) {
  fg_sweep *sweep = allocate(1, sizeof *sweep);
  fg_sweep_section section;
  sweep->file = file;
  if (fg_sweep_section_read(file, &section, &sweep->exec, diagnostics)) {
    sweep->replicas = section.replicas;
    sweep->stop_on_error = section.stop_on_error;
    sweep->share_count = section.share ? section.share->count : 0;
    sweep->share = allocate(sweep->share_count, sizeof *sweep->share);
    for (size_t i = 0; i < sweep->share_count; i++) sweep->share[i] = section.share->items[i];
    make_points(sweep, &section, diagnostics);
  }
  if (fg_diagnostics_errors(diagnostics) == 0) return sweep;
  fg_sweep_free(sweep);
  return NULL;
}

void fg_sweep_free(fg_sweep *sweep) {
  if (!sweep) return;
  for (size_t i = 0; i < sweep->count; i++) free(sweep->points[i].values);
  free(sweep->points);
  free(sweep->columns);
  free(sweep->baseline);
  free(sweep->share);
  free(sweep->exec.sbatch);
  free(sweep);
}

size_t fg_sweep_overrides(const fg_sweep *sweep, const fg_sweep_point *point, fg_override *overrides) {
  size_t count = 0;
  // Whole stages first: a parameter of a stage that is replaced is set in the new one.
  for (int whole = 1; whole >= 0; whole--) {
    for (size_t c = 0; c < sweep->column_count; c++) {
      const fg_sweep_column *column = &sweep->columns[c];
      if (point->values[c] && (strchr(column->path, '.') == NULL) == whole)
        overrides[count++] = (fg_override){column->path, column->place, point->values[c]};
    }
  }
  return count;
}

bool fg_sweep_is_baseline(const fg_sweep *sweep, const fg_sweep_point *point) {
  return sweep->baseline && matches(sweep, point, (const fg_node *const *)sweep->baseline);
}

uint64_t fg_sweep_seed(uint64_t seed, uint32_t replica) {
  if (replica == 0) return seed;
  const uint64_t words[2] = {seed, replica};
  return XXH3_64bits(words, sizeof words) >> 1; // what a pipeline file can hold: 63 bits
}
