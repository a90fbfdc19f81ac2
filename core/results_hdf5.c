// results_hdf5.c — results.h5; schemas/results.md has the layout. In the core only report/hdf5.c, which reads
// what this writes, knows HDF5 besides.
// The file is made in memory (HDF5's core driver) and written by us: an HDF5 file that meets a full disk can be
// neither written nor closed, and crashes the program when it ends. So HDF5 takes no file locks either, which fail on
// some cluster file systems. Its error stack is kept off the terminal and becomes one message.
#include "results_data.h"

#include "serialize.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fg_results_leave_hdf5_open(void) { H5dont_atexit(); }

/// Rows are put together and written in blocks of about this size.
#define BLOCK_BYTES ((size_t)1 << 20)

typedef struct writer {
  const fg_results *results;
  const char *path;
  const fg_attribute *attributes;
  uint32_t attribute_count;
  hid_t text_type;      ///< of attributes
  hid_t set_plan;       ///< of data sets: without times
  unsigned char *image; ///< the finished file
  size_t image_size;
  char cause[512]; ///< of the first failure; "" while all is well
  fg_error *error;
} writer;

/// H5Ewalk2 callback: keeps the innermost description.
static herr_t keep_cause(unsigned depth, const H5E_error2_t *entry, void *arg) {
  writer *w = arg;
  if (depth == 0) snprintf(w->cause, sizeof w->cause, "%s", entry->desc ? entry->desc : "unknown cause");
  return 0;
}

/// Every call's result passes here: an HDF5 call forgets the errors of the one before, so the cause is read at once.
static bool good(writer *w, int64_t result) {
  if (result >= 0) return true;
  if (!w->cause[0]) H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_cause, w);
  if (!w->cause[0]) snprintf(w->cause, sizeof w->cause, "HDF5 gives no cause");
  return false;
}

/// Attributes are texts of variable length: h5py shows them as str, and they may pass the 64 KiB of the others.
static void write_text_attribute(writer *w, hid_t object, const char *name, const char *text) {
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t attribute = good(w, space) ? H5Acreate2(object, name, w->text_type, space, H5P_DEFAULT, H5P_DEFAULT) : -1;
  if (good(w, attribute)) {
    good(w, H5Awrite(attribute, w->text_type, &text));
    H5Aclose(attribute);
  }
  if (space >= 0) H5Sclose(space);
}

static void write_number_attribute(writer *w, hid_t object, const char *name, double number) {
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t attribute = good(w, space) ? H5Acreate2(object, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT) : -1;
  if (good(w, attribute)) {
    good(w, H5Awrite(attribute, H5T_NATIVE_DOUBLE, &number));
    H5Aclose(attribute);
  }
  if (space >= 0) H5Sclose(space);
}

/// Where each column lies in a row as it is stored.
typedef struct layout {
  size_t *offsets; ///< column_count + 1, the last being the row's size
  hid_t type;      ///< compound; the same in memory and in the file, without padding
} layout;

static size_t longest_text(const fg_result *table, uint32_t column) {
  size_t longest = 1; // HDF5 has no texts of size 0
  for (size_t p = 0; p < table->part_count; p++) {
    for (uint64_t row = 0; row < table->parts[p]->row_count; row++) {
      size_t length = strlen(fg_part_row(table->parts[p], row)[column].text);
      if (length > longest) longest = length;
    }
  }
  return longest;
}

/// A new type for a column: little-endian double or int64, or UTF-8 as long as the longest cell, padded with zeros.
static hid_t column_type(writer *w, const fg_result *table, uint32_t column) {
  switch ((fg_column_type)table->columns[column]->type) {
  case FG_COLUMN_REAL: return H5Tcopy(H5T_IEEE_F64LE);
  case FG_COLUMN_INTEGER: return H5Tcopy(H5T_STD_I64LE);
  case FG_COLUMN_TEXT: break;
  }
  hid_t type = H5Tcopy(H5T_C_S1);
  if (good(w, type)) {
    good(w, H5Tset_size(type, longest_text(table, column)));
    good(w, H5Tset_cset(type, H5T_CSET_UTF8));
    good(w, H5Tset_strpad(type, H5T_STR_NULLPAD));
  }
  return type;
}

static bool lay_out(writer *w, const fg_result *table, layout *rows) {
  hid_t *types = calloc(table->column_count, sizeof *types);
  rows->offsets = calloc((size_t)table->column_count + 1, sizeof *rows->offsets);
  if (!types || !rows->offsets) {
    snprintf(w->cause, sizeof w->cause, "out of memory");
    free(types);
    return false;
  }
  for (uint32_t c = 0; c < table->column_count; c++) {
    types[c] = column_type(w, table, c);
    rows->offsets[c + 1] = rows->offsets[c] + (good(w, types[c]) ? H5Tget_size(types[c]) : 0);
  }
  rows->type = H5Tcreate(H5T_COMPOUND, rows->offsets[table->column_count]);
  for (uint32_t c = 0; c < table->column_count; c++) {
    if (good(w, rows->type) && good(w, types[c]))
      good(w, H5Tinsert(rows->type, table->columns[c]->name, rows->offsets[c], types[c]));
    if (types[c] >= 0) H5Tclose(types[c]);
  }
  free(types);
  return !w->cause[0] && rows->offsets[table->column_count] > 0;
}

/// One row as it is stored. Numbers are copied as they are: the machines we run on are little-endian.
static void pack_row(unsigned char *to, const fg_result *table, const layout *rows, const fg_cell *cells) {
  _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows are stored little-endian");
  for (uint32_t c = 0; c < table->column_count; c++) {
    size_t room = rows->offsets[c + 1] - rows->offsets[c];
    if (table->columns[c]->type == FG_COLUMN_TEXT) {
      size_t length = strlen(cells[c].text);
      memcpy(to + rows->offsets[c], cells[c].text, length);
      memset(to + rows->offsets[c] + length, 0, room - length);
    } else {
      memcpy(to + rows->offsets[c], &cells[c], room);
    }
  }
}

/// Writes `count` packed rows at row `first` of the data set.
static void write_block(writer *w, hid_t set, hid_t type, const void *block, hsize_t first, hsize_t count) {
  hid_t place = H5Dget_space(set), memory = H5Screate_simple(1, &count, NULL);
  if (good(w, place) && good(w, memory) &&
      good(w, H5Sselect_hyperslab(place, H5S_SELECT_SET, &first, NULL, &count, NULL)))
    good(w, H5Dwrite(set, type, memory, place, H5P_DEFAULT, block));
  if (place >= 0) H5Sclose(place);
  if (memory >= 0) H5Sclose(memory);
}

static void write_rows(writer *w, hid_t set, const fg_result *table, const layout *rows) {
  size_t row_bytes = rows->offsets[table->column_count];
  hsize_t capacity = BLOCK_BYTES / (row_bytes + 1) + 1;
  unsigned char *block = malloc(capacity * row_bytes);
  hsize_t first = 0, filled = 0;
  if (!block) {
    snprintf(w->cause, sizeof w->cause, "out of memory");
    return;
  }
  for (size_t p = 0; p < table->part_count && !w->cause[0]; p++) {
    for (uint64_t row = 0; row < table->parts[p]->row_count && !w->cause[0]; row++) {
      pack_row(block + filled++ * row_bytes, table, rows, fg_part_row(table->parts[p], row));
      if (filled < capacity) continue;
      write_block(w, set, rows->type, block, first, filled);
      first += filled;
      filled = 0;
    }
  }
  if (filled && !w->cause[0]) write_block(w, set, rows->type, block, first, filled);
  free(block);
}

static void write_column_attributes(writer *w, hid_t set, const fg_result *table) {
  for (uint32_t c = 0; c < table->column_count && !w->cause[0]; c++) {
    char name[512]; // column names are at most 255 bytes
    snprintf(name, sizeof name, "unit_%s", table->columns[c]->name);
    write_text_attribute(w, set, name, table->columns[c]->unit);
    snprintf(name, sizeof name, "description_%s", table->columns[c]->name);
    write_text_attribute(w, set, name, table->columns[c]->description);
  }
}

static void write_table(writer *w, hid_t group, const fg_result *table) {
  layout rows = {.type = -1};
  hsize_t count = table->row_count;
  hid_t space = H5Screate_simple(1, &count, NULL), set = -1;
  if (!good(w, space) || !lay_out(w, table, &rows)) goto out;
  set = H5Dcreate2(group, table->name, rows.type, space, H5P_DEFAULT, w->set_plan, H5P_DEFAULT);
  if (!good(w, set)) goto out;
  write_rows(w, set, table, &rows);
  write_column_attributes(w, set, table);

out:
  if (set >= 0) good(w, H5Dclose(set));
  if (rows.type >= 0) H5Tclose(rows.type);
  if (space >= 0) H5Sclose(space);
  free(rows.offsets);
}

static hid_t make_group(writer *w, hid_t parent, const char *name) {
  hid_t group = H5Gcreate2(parent, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  good(w, group);
  return group;
}

static void write_stages(writer *w, hid_t file) {
  hid_t all = make_group(w, file, "stages");
  for (uint32_t s = 0; s < w->results->stage_count && !w->cause[0]; s++) {
    const fg_stage_results *stage = &w->results->stages[s];
    if (!stage->table_count) continue;
    hid_t group = make_group(w, all, stage->name);
    for (size_t t = 0; t < stage->table_count && !w->cause[0]; t++) write_table(w, group, &stage->tables[t]);
    if (group >= 0) H5Gclose(group);
  }
  if (all >= 0) H5Gclose(all);
}

static void write_model(writer *w, hid_t group, const fg_model *model) {
  hsize_t count = model->weight_count;
  hid_t space = H5Screate_simple(1, &count, NULL), set = -1;
  write_text_attribute(w, group, "network", model->network);
  write_text_attribute(w, group, "hyperparameters", model->hyperparameters);
  if (good(w, space)) set = H5Dcreate2(group, "weights", H5T_IEEE_F64LE, space, H5P_DEFAULT, w->set_plan, H5P_DEFAULT);
  if (good(w, set)) {
    if (count) good(w, H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, model->weights));
    write_text_attribute(w, set, "unit", "1");
    write_text_attribute(w, set, "description", "weights in the network's own order; none: not trained");
    good(w, H5Dclose(set));
  }
  if (space >= 0) H5Sclose(space);
}

static void write_models(writer *w, hid_t file) {
  hid_t all = make_group(w, file, "models");
  for (uint32_t s = 0; s < w->results->stage_count && !w->cause[0]; s++) {
    if (!w->results->stages[s].model) continue;
    hid_t group = make_group(w, all, w->results->stages[s].name);
    if (group >= 0) write_model(w, group, w->results->stages[s].model);
    if (group >= 0) H5Gclose(group);
  }
  if (all >= 0) H5Gclose(all);
}

/// A new file in memory. It has the oldest format, which every reader knows and in which groups have no times; the
/// checksum that newer ones have is left wrong by H5Fget_file_image (seen with HDF5 1.10.8).
static hid_t make_file(writer *w) {
  hid_t access = H5Pcreate(H5P_FILE_ACCESS), file = -1;
  if (good(w, access) && good(w, H5Pset_fapl_core(access, BLOCK_BYTES, false)))
    file = H5Fcreate(w->path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  good(w, file);
  if (access >= 0) H5Pclose(access);
  return file;
}

static void write_root_attributes(writer *w, hid_t file) {
  for (uint32_t i = 0; i < w->attribute_count && !w->cause[0]; i++) {
    const fg_attribute *attribute = &w->attributes[i];
    if (attribute->text)
      write_text_attribute(w, file, attribute->name, attribute->text);
    else
      write_number_attribute(w, file, attribute->name, attribute->number);
  }
}

/// The bytes of the finished file.
static void take_image(writer *w, hid_t file) {
  ssize_t size = good(w, H5Fflush(file, H5F_SCOPE_GLOBAL)) ? H5Fget_file_image(file, NULL, 0) : -1;
  if (!good(w, size)) return;
  w->image = malloc((size_t)size);
  w->image_size = (size_t)size;
  if (w->image)
    good(w, H5Fget_file_image(file, w->image, w->image_size));
  else
    snprintf(w->cause, sizeof w->cause, "out of memory");
}

static void write_contents(writer *w) {
  w->text_type = H5Tcopy(H5T_C_S1);
  w->set_plan = H5Pcreate(H5P_DATASET_CREATE);
  hid_t file = -1;
  if (good(w, w->text_type) && good(w, w->set_plan) && good(w, H5Tset_size(w->text_type, H5T_VARIABLE)) &&
      good(w, H5Tset_cset(w->text_type, H5T_CSET_UTF8)) && good(w, H5Pset_obj_track_times(w->set_plan, false)))
    file = make_file(w);
  if (file >= 0) {
    write_root_attributes(w, file);
    if (!w->cause[0]) write_stages(w, file);
    if (!w->cause[0]) write_models(w, file);
    if (!w->cause[0]) take_image(w, file);
    good(w, H5Fclose(file));
  }
  if (w->set_plan >= 0) H5Pclose(w->set_plan);
  if (w->text_type >= 0) H5Tclose(w->text_type);
}

static fg_status write_image(const writer *w, fg_error *error) {
  int file = open(w->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  int cause = file < 0 ? errno : 0;
  for (size_t done = 0; done < w->image_size && !cause;) {
    ssize_t n = write(file, w->image + done, w->image_size - done);
    if (n >= 0)
      done += (size_t)n;
    else if (errno != EINTR)
      cause = errno;
  }
  if (!cause && fsync(file) != 0) cause = errno;
  if (file >= 0 && close(file) != 0 && !cause) cause = errno;
  return cause ? fg_error_set(error, "cannot write %s: %s", w->path, strerror(cause)) : FG_OK;
}

/// Under fg_serialize("hdf5").
static fg_status make_image(void *arg) {
  writer *w = arg;
  H5E_auto2_t print;
  void *print_data;
  H5Eget_auto2(H5E_DEFAULT, &print, &print_data);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  write_contents(w);
  H5Eset_auto2(H5E_DEFAULT, print, print_data);
  return w->cause[0] ? fg_error_set(w->error, "cannot make %s: HDF5: %s", w->path, w->cause) : FG_OK;
}

fg_status fg_results_write_hdf5(const fg_results *results, const char *path, const fg_attribute *attributes,
                                uint32_t attribute_count, fg_error *error) {
  writer w = {.results = results, .path = path, .attributes = attributes, .attribute_count = attribute_count};
  w.error = error;
  fg_status status = fg_serialize("hdf5", make_image, &w);
  if (status == FG_OK) status = write_image(&w, error);
  free(w.image);
  return status;
}
