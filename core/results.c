// results.c — gathers tables and models while a run goes on; see results.h. Here a table is refused whose columns could
// not be written or told apart later, so that the writers need not check again.
#include "results_data.h"

#include "message.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/// Longest text of a cell: every cell of a column takes the room of the longest one in results.h5.
#define LONGEST_TEXT 65535u
#define LONGEST_NAME 255u

const fg_estimate_column fg_estimate_columns[FG_ESTIMATE_COLUMNS] = {
    [FG_ESTIMATE_SIZE] = {"size", FG_COLUMN_TEXT},
    [FG_ESTIMATE_LEVEL] = {"level", FG_COLUMN_INTEGER},
    [FG_ESTIMATE_OBSERVABLE] = {"observable", FG_COLUMN_TEXT},
    [FG_ESTIMATE_VALUE] = {"value", FG_COLUMN_REAL},
    [FG_ESTIMATE_ERROR] = {"error", FG_COLUMN_REAL},
    [FG_ESTIMATE_N] = {"n", FG_COLUMN_INTEGER},
    [FG_ESTIMATE_TAU_INT] = {"tau_int", FG_COLUMN_REAL},
    [FG_ESTIMATE_EXACT] = {"exact", FG_COLUMN_REAL},
    [FG_ESTIMATE_UNIT] = {"unit", FG_COLUMN_TEXT},
};

fg_results *fg_results_new(const char *const *stages, uint32_t count) {
  fg_results *results = calloc(1, sizeof *results);
  if (!results) return NULL;
  pthread_mutex_init(&results->mutex, NULL);
  results->stages = calloc(count ? count : 1, sizeof *results->stages);
  results->stage_count = results->stages ? count : 0;
  if (!results->stages) goto out_of_memory;
  for (uint32_t s = 0; s < count; s++)
    if (!(results->stages[s].name = strdup(stages[s]))) goto out_of_memory;
  return results;

out_of_memory:
  fg_results_free(results);
  return NULL;
}

void fg_results_free(fg_results *results) {
  if (!results) return;
  for (uint32_t s = 0; s < results->stage_count; s++) {
    fg_stage_results *stage = &results->stages[s];
    for (size_t t = 0; t < stage->table_count; t++) {
      for (size_t p = 0; p < stage->tables[t].part_count; p++) fg_table_unref(stage->tables[t].parts[p]);
      free(stage->tables[t].parts);
    }
    free(stage->tables);
    fg_model_unref(stage->model);
    free(stage->name);
  }
  free(results->stages);
  pthread_mutex_destroy(&results->mutex);
  free(results);
}

/// [A-Za-z_][A-Za-z0-9_]*, or with dashes too.
static bool good_name(const char *name, bool dashes) {
  if (!name || !(isalpha((unsigned char)*name) || *name == '_') || strlen(name) > LONGEST_NAME) return false;
  for (; *name; name++)
    if (!isalnum((unsigned char)*name) && *name != '_' && !(dashes && *name == '-')) return false;
  return true;
}

static fg_status check_columns(const fg_table *table, fg_error *error) {
  if (table->column_count == 0) return fg_error_set(error, "table '%s' has no columns", table->name);
  for (uint32_t c = 0; c < table->column_count; c++) {
    const fg_column *column = table->columns[c];
    if (!good_name(column->name, false))
      return fg_error_set(error, "table '%s': column %" PRIu32 " is called '%s'; names are [A-Za-z_][A-Za-z0-9_]*",
                          table->name, c + 1, column->name ? column->name : "");
    if (column->type < FG_COLUMN_REAL || column->type > FG_COLUMN_TEXT)
      return fg_error_set(error, "table '%s', column '%s': unknown type %" PRIu32, table->name, column->name,
                          column->type);
    if (!column->unit || (column->type != FG_COLUMN_TEXT && !*column->unit))
      return fg_error_set(error, "table '%s', column '%s' has no unit; pure numbers have \"1\"", table->name,
                          column->name);
    if (!column->description || !*column->description)
      return fg_error_set(error, "table '%s', column '%s' has no description", table->name, column->name);
    for (uint32_t before = 0; before < c; before++)
      if (strcmp(table->columns[before]->name, column->name) == 0)
        return fg_error_set(error, "table '%s' has two columns '%s'; rename one", table->name, column->name);
  }
  return FG_OK;
}

static fg_status check_texts(const fg_table *table, fg_error *error) {
  for (uint32_t c = 0; c < table->column_count; c++) {
    if (table->columns[c]->type != FG_COLUMN_TEXT) continue;
    for (uint64_t row = 0; row < table->row_count; row++)
      if (strlen(fg_part_row(table, row)[c].text) > LONGEST_TEXT)
        return fg_error_set(error, "table '%s', column '%s', row %" PRIu64 ": a text of more than %u bytes",
                            table->name, table->columns[c]->name, row, LONGEST_TEXT);
  }
  return FG_OK;
}

/// Place of each of summary.csv's columns; the number of the first that is missing or of another type, otherwise
/// FG_ESTIMATE_COLUMNS.
static int find_estimate_columns(const fg_column *const *columns, uint32_t count, uint32_t at[FG_ESTIMATE_COLUMNS]) {
  for (int wanted = 0; wanted < FG_ESTIMATE_COLUMNS; wanted++) {
    uint32_t c = 0;
    while (c < count && strcmp(columns[c]->name, fg_estimate_columns[wanted].name) != 0) c++;
    if (c == count || columns[c]->type != fg_estimate_columns[wanted].type) return wanted;
    at[wanted] = c;
  }
  return FG_ESTIMATE_COLUMNS;
}

bool fg_result_estimates(const fg_result *table, uint32_t at[FG_ESTIMATE_COLUMNS]) {
  return strcmp(table->name, "estimates") == 0 &&
         find_estimate_columns(table->columns, table->column_count, at) == FG_ESTIMATE_COLUMNS;
}

static fg_status check_table(const fg_table *table, fg_error *error) {
  uint32_t at[FG_ESTIMATE_COLUMNS];
  if (!good_name(table->name, true))
    return fg_error_set(error, "a table is called '%s'; names are [A-Za-z_][A-Za-z0-9_-]*",
                        table->name ? table->name : "");
  fg_status status = check_columns(table, error);
  if (status == FG_OK) status = check_texts(table, error);
  if (status != FG_OK || strcmp(table->name, "estimates") != 0) return status;
  int missing = find_estimate_columns(table->columns, table->column_count, at);
  if (missing == FG_ESTIMATE_COLUMNS) return FG_OK;
  return fg_error_set(error,
                      "table 'estimates': column '%s' is missing or of another type; fg_estimates_new makes them",
                      fg_estimate_columns[missing].name);
}

static bool same_columns(const fg_result *known, const fg_table *table) {
  if (known->column_count != table->column_count) return false;
  for (uint32_t c = 0; c < table->column_count; c++) {
    const fg_column *a = known->columns[c], *b = table->columns[c];
    if (a->type != b->type || strcmp(a->name, b->name) != 0 || strcmp(a->unit, b->unit) != 0) return false;
  }
  return true;
}

/// Room for one more item of `size` bytes.
static bool grow(void **items, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity) return true;
  size_t wanted = *capacity ? *capacity * 2 : 4;
  void *larger = reallocarray(*items, wanted, size);
  if (!larger) return false;
  *items = larger;
  *capacity = wanted;
  return true;
}

/// The stage's tables of this name; a new entry for the first one. NULL when memory is out.
static fg_result *find_or_add(fg_stage_results *stage, const fg_table *table) {
  for (size_t t = 0; t < stage->table_count; t++)
    if (strcmp(stage->tables[t].name, table->name) == 0) return &stage->tables[t];
  void *tables = stage->tables;
  bool grown = grow(&tables, stage->table_count, &stage->table_capacity, sizeof *stage->tables);
  stage->tables = tables;
  if (!grown) return NULL;
  fg_result *added = &stage->tables[stage->table_count++];
  *added = (fg_result){.name = table->name, .columns = table->columns, .column_count = table->column_count};
  return added;
}

static fg_status append(fg_stage_results *stage, const fg_table *table, fg_error *error) {
  fg_result *result = find_or_add(stage, table);
  if (!result) return fg_error_set(error, "out of memory for table '%s'", table->name);
  if (!same_columns(result, table))
    return fg_error_set(error, "a second table '%s' has other columns than the first; give it another name",
                        table->name);
  void *parts = (void *)result->parts;
  bool grown = grow(&parts, result->part_count, &result->part_capacity, sizeof *result->parts);
  result->parts = parts;
  if (!grown) return fg_error_set(error, "out of memory for table '%s'", table->name);
  fg_table_ref(table);
  result->parts[result->part_count++] = table;
  result->row_count += table->row_count;
  return FG_OK;
}

fg_status fg_results_add_table(fg_results *results, uint32_t stage, const fg_table *table, fg_error *error) {
  if (stage >= results->stage_count) return fg_error_set(error, "there is no stage %" PRIu32, stage);
  fg_status status = check_table(table, error);
  if (status != FG_OK) return status;
  pthread_mutex_lock(&results->mutex);
  status = append(&results->stages[stage], table, error);
  pthread_mutex_unlock(&results->mutex);
  return status;
}

fg_status fg_results_add_model(fg_results *results, uint32_t stage, const fg_model *model, fg_error *error) {
  if (stage >= results->stage_count) return fg_error_set(error, "there is no stage %" PRIu32, stage);
  fg_model_ref(model);
  pthread_mutex_lock(&results->mutex);
  const fg_model *earlier = results->stages[stage].model;
  results->stages[stage].model = model;
  pthread_mutex_unlock(&results->mutex);
  fg_model_unref(earlier);
  return FG_OK;
}
