// csv.h — writes comma-separated text as RFC 4180 has it; csv_reader.h reads it.
#ifndef FG_CORE_CSV_H
#define FG_CORE_CSV_H

#include <stdio.h>

/// Writes one field, quoted when it must be.
void fg_csv_write(FILE *out, const char *text);

#endif
