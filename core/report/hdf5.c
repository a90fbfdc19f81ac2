// hdf5.c — see hdf5.h. Types are checked against schemas/results.md before anything is read by them; what
// has another shape is passed over.
#include "report/hdf5.h"

#include "serialize.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TEXT ((size_t)64 << 10) // bytes of a text cell

typedef struct reader {
  const char *path;
  uint64_t most_rows, most_weights;
  fg_arena *arena;
  fg_saved_results *results;
  const char *stage; ///< whose group is being read
  fg_error *error;
} reader;

/// A text attribute; "" when there is none.
static const char *read_text_attribute(const reader *r, hid_t object, const char *name) {
  const char *text = "";
  if (H5Aexists(object, name) <= 0) return text;
  hid_t attribute = H5Aopen(object, name, H5P_DEFAULT), type = attribute < 0 ? -1 : H5Aget_type(attribute);
  if (type >= 0 && H5Tis_variable_str(type) > 0) {
    char *read = NULL;
    hid_t memory = H5Tcopy(H5T_C_S1);
    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5T_CSET_UTF8);
    if (H5Aread(attribute, memory, &read) >= 0 && read) text = fg_arena_text(r->arena, read);
    H5free_memory(read);
    H5Tclose(memory);
  }
  if (type >= 0) H5Tclose(type);
  if (attribute >= 0) H5Aclose(attribute);
  return text;
}

/// What a member of the compound type is; 0 when it is nothing of ours. *bytes: of a cell in memory.
static uint32_t column_type(hid_t member, size_t *bytes) {
  size_t size = H5Tget_size(member);
  *bytes = 8;
  if (H5Tget_class(member) == H5T_FLOAT) return FG_COLUMN_REAL;
  if (H5Tget_class(member) == H5T_INTEGER) return FG_COLUMN_INTEGER;
  if (H5Tget_class(member) != H5T_STRING || H5Tis_variable_str(member) > 0 || size == 0 || size > MOST_TEXT) return 0;
  *bytes = size + 1;
  return FG_COLUMN_TEXT;
}

static hid_t memory_type(uint32_t type, size_t bytes) {
  if (type == FG_COLUMN_REAL) return H5Tcopy(H5T_NATIVE_DOUBLE);
  if (type == FG_COLUMN_INTEGER) return H5Tcopy(H5T_NATIVE_INT64);
  hid_t text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, bytes);
  H5Tset_cset(text, H5T_CSET_UTF8);
  return text;
}

/// Reads names, units and types of the columns. *offsets: of the cells in a row in memory, the last being its size.
static bool read_columns(const reader *r, hid_t set, hid_t type, fg_saved_table *table, size_t **offsets) {
  int count = H5Tget_nmembers(type);
  if (count <= 0 || count > 4096) return false;
  table->column_count = (uint32_t)count;
  fg_column *columns = fg_arena_take(r->arena, table->column_count, sizeof *columns);
  *offsets = fg_arena_take(r->arena, (size_t)count + 1, sizeof **offsets);
  table->columns = columns;
  for (unsigned c = 0; c < table->column_count; c++) {
    char *name = H5Tget_member_name(type, c);
    hid_t member = H5Tget_member_type(type, c);
    size_t bytes = 0;
    columns[c] = (fg_column){.size = sizeof(fg_column), .type = member < 0 ? 0 : column_type(member, &bytes)};
    columns[c].name = fg_arena_text(r->arena, name ? name : "");
    columns[c].unit = read_text_attribute(r, set, fg_arena_format(r->arena, "unit_%s", columns[c].name));
    columns[c].description = read_text_attribute(r, set, fg_arena_format(r->arena, "description_%s", columns[c].name));
    (*offsets)[c + 1] = (*offsets)[c] + (bytes + 7) / 8 * 8;
    H5free_memory(name);
    if (member >= 0) H5Tclose(member);
    if (!columns[c].type) return false;
  }
  return true;
}

static hid_t row_type(const fg_saved_table *table, const size_t *offsets) {
  hid_t type = H5Tcreate(H5T_COMPOUND, offsets[table->column_count]);
  for (uint32_t c = 0; c < table->column_count && type >= 0; c++) {
    hid_t member = memory_type(table->columns[c].type, offsets[c + 1] - offsets[c]);
    H5Tinsert(type, table->columns[c].name, offsets[c], member);
    H5Tclose(member);
  }
  return type;
}

/// Reads the first rows. A text ends with a zero: its cell in memory is larger than in the file.
static bool read_rows(const reader *r, hid_t set, fg_saved_table *table, const size_t *offsets) {
  size_t row_bytes = offsets[table->column_count];
  hsize_t count = table->row_count, first = 0;
  fg_cell *cells = fg_arena_take(r->arena, table->row_count * table->column_count, sizeof *cells);
  table->cells = cells;
  if (count == 0) return true;
  char *rows = fg_arena_take(r->arena, table->row_count, row_bytes);
  hid_t type = row_type(table, offsets), place = H5Dget_space(set), memory = H5Screate_simple(1, &count, NULL);
  bool read = type >= 0 && place >= 0 && memory >= 0 &&
              H5Sselect_hyperslab(place, H5S_SELECT_SET, &first, NULL, &count, NULL) >= 0 &&
              H5Dread(set, type, memory, place, H5P_DEFAULT, rows) >= 0;
  for (uint64_t i = 0; i < table->row_count * table->column_count && read; i++) {
    uint64_t c = i % table->column_count;
    char *cell = rows + i / table->column_count * row_bytes + offsets[c];
    if (table->columns[c].type == FG_COLUMN_TEXT)
      cells[i].text = cell;
    else
      memcpy(&cells[i], cell, sizeof cells[i]);
  }
  if (memory >= 0) H5Sclose(memory);
  if (place >= 0) H5Sclose(place);
  if (type >= 0) H5Tclose(type);
  return read;
}

/// Elements of a data set of one dimension; false for another one.
static bool length_of(hid_t set, hsize_t *length) {
  hid_t space = H5Dget_space(set);
  bool flat =
      space >= 0 && H5Sget_simple_extent_ndims(space) == 1 && H5Sget_simple_extent_dims(space, length, NULL) == 1;
  if (space >= 0) H5Sclose(space);
  return flat;
}

/// A table of r->stage.
static void take_table(reader *r, hid_t group, const char *name) {
  fg_saved_results *results = r->results;
  fg_saved_table table = {.stage = r->stage, .name = fg_arena_text(r->arena, name)};
  hsize_t rows = 0;
  size_t *offsets;
  hid_t set = H5Dopen2(group, name, H5P_DEFAULT), type = set < 0 ? -1 : H5Dget_type(set);
  if (type >= 0 && H5Tget_class(type) == H5T_COMPOUND && length_of(set, &rows)) {
    table.rows = rows;
    table.row_count = rows < r->most_rows ? rows : r->most_rows;
    if (read_columns(r, set, type, &table, &offsets) && read_rows(r, set, &table, offsets)) {
      results->tables = fg_arena_grow(r->arena, results->tables, results->table_count, sizeof table);
      results->tables[results->table_count++] = table;
    }
  }
  if (type >= 0) H5Tclose(type);
  if (set >= 0) H5Dclose(set);
}

/// Calls `take` with the name of everything in the group `name` of `parent`.
static void walk(reader *r, hid_t parent, const char *name, void (*take)(reader *r, hid_t group, const char *name)) {
  H5G_info_t info;
  hid_t group = H5Lexists(parent, name, H5P_DEFAULT) > 0 ? H5Gopen2(parent, name, H5P_DEFAULT) : -1;
  if (group < 0) return;
  hsize_t count = H5Gget_info(group, &info) < 0 ? 0 : info.nlinks;
  for (hsize_t i = 0; i < count; i++) {
    char entry[512]; // names of stages and tables are shorter
    ssize_t length = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, entry, sizeof entry, H5P_DEFAULT);
    if (length > 0 && (size_t)length < sizeof entry) take(r, group, entry);
  }
  H5Gclose(group);
}

static void take_stage(reader *r, hid_t stages, const char *name) {
  r->stage = fg_arena_text(r->arena, name);
  walk(r, stages, name, take_table);
}

static void read_weights(const reader *r, hid_t set, fg_saved_model *model) {
  hsize_t length = 0, first = 0;
  if (!length_of(set, &length)) return;
  hsize_t count = length < r->most_weights ? length : r->most_weights;
  double *weights = fg_arena_take(r->arena, count, sizeof *weights);
  model->weights_in_file = length;
  model->weights = weights;
  hid_t place = H5Dget_space(set), memory = H5Screate_simple(1, &count, NULL);
  if (count && place >= 0 && memory >= 0 &&
      H5Sselect_hyperslab(place, H5S_SELECT_SET, &first, NULL, &count, NULL) >= 0 &&
      H5Dread(set, H5T_NATIVE_DOUBLE, memory, place, H5P_DEFAULT, weights) >= 0)
    model->weight_count = count;
  if (memory >= 0) H5Sclose(memory);
  if (place >= 0) H5Sclose(place);
}

static void take_model(reader *r, hid_t models, const char *name) {
  fg_saved_results *results = r->results;
  hid_t group = H5Gopen2(models, name, H5P_DEFAULT);
  if (group < 0) return;
  fg_saved_model model = {.stage = fg_arena_text(r->arena, name)};
  model.network = read_text_attribute(r, group, "network");
  model.hyperparameters = read_text_attribute(r, group, "hyperparameters");
  hid_t set = H5Lexists(group, "weights", H5P_DEFAULT) > 0 ? H5Dopen2(group, "weights", H5P_DEFAULT) : -1;
  if (set >= 0) {
    read_weights(r, set, &model);
    H5Dclose(set);
  }
  results->models = fg_arena_grow(r->arena, results->models, results->model_count, sizeof model);
  results->models[results->model_count++] = model;
  H5Gclose(group);
}

/// Under fg_serialize("hdf5").
static fg_status read_file(void *arg) {
  reader *r = arg;
  H5E_auto2_t print;
  void *print_data;
  H5Eget_auto2(H5E_DEFAULT, &print, &print_data);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  hid_t file = H5Fopen(r->path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file >= 0) {
    r->results->machine = read_text_attribute(r, file, "machine");
    walk(r, file, "stages", take_stage);
    walk(r, file, "models", take_model);
    H5Fclose(file);
  }
  H5Eset_auto2(H5E_DEFAULT, print, print_data);
  return file >= 0 ? FG_OK : fg_error_set(r->error, "%s: missing, or no sound HDF5 file", r->path);
}

fg_status fg_saved_results_read(const char *path, uint64_t most_rows, uint64_t most_weights, fg_arena *arena,
                                fg_saved_results *results, fg_error *error) {
  reader r = {.path = path, .most_rows = most_rows, .most_weights = most_weights, .arena = arena, .results = results};
  r.error = error;
  *results = (fg_saved_results){.machine = ""};
  return fg_serialize("hdf5", read_file, &r);
}
