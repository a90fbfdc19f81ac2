// csv.h — comma-separated text as RFC 4180 has it.
#ifndef FG_CORE_CSV_H
#define FG_CORE_CSV_H

#include <stddef.h>
#include <stdio.h>

/// Writes one field, quoted when it must be.
void fg_csv_write(FILE *out, const char *text);

/// Cuts a record at its commas, in place: `line` ends where the fields do. Returns the number of fields, at most `most`;
/// what is beyond is left out. *next: the next record, or the text's end.
size_t fg_csv_cut(char *line, char **fields, size_t most, char **next);

#endif
