// csv_reader.h — reads a table of comma-separated values (RFC 4180, with a heading) row by row, so that its size does
// not matter. What is damaged is told with its line.
#ifndef FG_CORE_CSV_READER_H
#define FG_CORE_CSV_READER_H

#include "error.h"

#include <stddef.h>

typedef struct fg_csv fg_csv;

/// Opens a file and reads its heading. *csv is NULL when this fails.
fg_status fg_csv_open(const char *path, fg_csv **csv, fg_error *error);
void fg_csv_close(fg_csv *csv); ///< NULL is allowed

size_t fg_csv_columns(const fg_csv *csv);
/// Name of a column, valid until fg_csv_close.
const char *fg_csv_name(const fg_csv *csv, size_t column);
/// The column of that name.
fg_status fg_csv_find(const fg_csv *csv, const char *name, size_t *column, fg_error *error);

/// Goes to the next row: FG_OK, or FG_DONE after the last one. FG_FAILED: the row is damaged (another number of fields
/// than the heading, a torn quotation, a zero byte, over 1 MiB), and nothing can be read after it.
fg_status fg_csv_next(fg_csv *csv, fg_error *error);
/// A field of the row, valid until the next one.
const char *fg_csv_text(const fg_csv *csv, size_t column);
/// The same as a number; NaN when it is empty. FG_FAILED: it is no number.
fg_status fg_csv_real(const fg_csv *csv, size_t column, double *value, fg_error *error);
fg_status fg_csv_integer(const fg_csv *csv, size_t column, int64_t *value, fg_error *error);

#endif
