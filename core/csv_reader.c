// csv_reader.c — see csv_reader.h.
#include "csv_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROW ((size_t)1 << 20) // bytes
#define MOST_COLUMNS ((size_t)1024)

struct fg_csv {
  FILE *file;
  char path[PATH_MAX];
  uint64_t line; ///< on which the row begins
  uint64_t lines_read;
  char *row; ///< fields, a zero after each
  size_t row_bytes, row_capacity;
  size_t starts[MOST_COLUMNS]; ///< of the fields in `row`
  size_t count;
  char *heading;
  const char *names[MOST_COLUMNS];
  size_t columns;
};

static fg_status damaged(const fg_csv *csv, fg_error *error, const char *what) {
  return fg_error_set(error, "%s:%" PRIu64 ": %s", csv->path, csv->line, what);
}

/// Adds a byte to the row.
static fg_status put(fg_csv *csv, int byte, fg_error *error) {
  if (csv->row_bytes == csv->row_capacity) {
    size_t wanted = csv->row_capacity ? 2 * csv->row_capacity : 1024;
    if (wanted > MOST_ROW) return damaged(csv, error, "a row of more than 1 MiB");
    char *larger = realloc(csv->row, wanted);
    if (!larger) return damaged(csv, error, "out of memory");
    csv->row = larger;
    csv->row_capacity = wanted;
  }
  csv->row[csv->row_bytes++] = (char)byte;
  return FG_OK;
}

/// Reads the field that begins here, without its quotes, and the comma or line break behind it. *last: that was a line
/// break or the end of the file.
static fg_status read_field(fg_csv *csv, bool *last, fg_error *error) {
  int byte = getc(csv->file);
  bool quoted = byte == '"';
  if (quoted) byte = getc(csv->file);
  for (;; byte = getc(csv->file)) {
    if (byte == '\0') return damaged(csv, error, "a zero byte; this is no text");
    if (byte == EOF && ferror(csv->file)) return damaged(csv, error, strerror(errno));
    if (byte == EOF) return damaged(csv, error, quoted ? "the file ends within quotes" : "the file ends within a row");
    if (byte == '\n') csv->lines_read++;
    if (quoted && byte == '"') {
      byte = getc(csv->file);
      if (byte == '\r') byte = getc(csv->file);
      if (byte == '\n') csv->lines_read++;
      if (byte != '"') break;
    } else if (!quoted && byte == '\r') {
      continue;
    } else if (!quoted && (byte == ',' || byte == '\n')) {
      break;
    }
    if (put(csv, byte, error) != FG_OK) return FG_FAILED;
  }
  if (byte == EOF) return damaged(csv, error, "the file ends within a row");
  if (byte != ',' && byte != '\n') return damaged(csv, error, "text after a closing quote");
  *last = byte == '\n';
  return put(csv, '\0', error);
}

static fg_status read_row(fg_csv *csv, fg_error *error) {
  int byte = getc(csv->file);
  csv->line = csv->lines_read + 1;
  csv->row_bytes = csv->count = 0;
  if (byte == EOF && !ferror(csv->file)) return FG_DONE;
  ungetc(byte, csv->file);
  for (bool last = false; !last;) {
    if (csv->count == MOST_COLUMNS) return damaged(csv, error, "more than 1024 columns");
    csv->starts[csv->count++] = csv->row_bytes;
    if (read_field(csv, &last, error) != FG_OK) return FG_FAILED;
  }
  return FG_OK;
}

fg_status fg_csv_open(const char *path, fg_csv **csv, fg_error *error) {
  *csv = NULL;
  fg_csv *made = calloc(1, sizeof *made);
  if (!made) return fg_error_set(error, "out of memory for %s", path);
  snprintf(made->path, sizeof made->path, "%s", path);
  made->file = fopen(path, "re");
  fg_status status = made->file ? read_row(made, error) : fg_error_set(error, "%s: %s", path, strerror(errno));
  if (status == FG_DONE) status = fg_error_set(error, "%s: empty, without even a heading", path);
  if (status != FG_OK) {
    fg_csv_close(made);
    return FG_FAILED;
  }
  made->heading = made->row; // the rows get a buffer of their own
  made->columns = made->count;
  for (size_t c = 0; c < made->columns; c++) made->names[c] = made->heading + made->starts[c];
  made->row = NULL;
  made->row_capacity = 0;
  *csv = made;
  return FG_OK;
}

void fg_csv_close(fg_csv *csv) {
  if (!csv) return;
  if (csv->file) fclose(csv->file);
  free(csv->heading);
  free(csv->row);
  free(csv);
}

size_t fg_csv_columns(const fg_csv *csv) { return csv->columns; }

const char *fg_csv_name(const fg_csv *csv, size_t column) { return csv->names[column]; }

fg_status fg_csv_find(const fg_csv *csv, const char *name, size_t *column, fg_error *error) {
  for (*column = 0; *column < csv->columns; ++*column)
    if (strcmp(csv->names[*column], name) == 0) return FG_OK;
  return fg_error_set(error, "%s: no column '%s'", csv->path, name);
}

fg_status fg_csv_next(fg_csv *csv, fg_error *error) {
  fg_status status = read_row(csv, error);
  if (status != FG_OK || csv->count == csv->columns) return status;
  return fg_error_set(error, "%s:%" PRIu64 ": %zu fields under a heading of %zu", csv->path, csv->line, csv->count,
                      csv->columns);
}

const char *fg_csv_text(const fg_csv *csv, size_t column) { return csv->row + csv->starts[column]; }

fg_status fg_csv_real(const fg_csv *csv, size_t column, double *value, fg_error *error) {
  const char *text = fg_csv_text(csv, column);
  char *end;
  *value = *text ? strtod(text, &end) : NAN;
  if (!*text || (!*end && end != text)) return FG_OK;
  return fg_error_set(error, "%s:%" PRIu64 ": %s '%.40s' is not a number", csv->path, csv->line, csv->names[column],
                      text);
}

fg_status fg_csv_integer(const fg_csv *csv, size_t column, int64_t *value, fg_error *error) {
  const char *text = fg_csv_text(csv, column);
  char *end;
  errno = 0;
  *value = strtoll(text, &end, 10);
  if (*text && !*end && errno == 0) return FG_OK;
  return fg_error_set(error, "%s:%" PRIu64 ": %s '%.40s' is not an integer", csv->path, csv->line, csv->names[column],
                      text);
}
