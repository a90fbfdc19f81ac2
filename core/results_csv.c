// results_csv.c — summary.csv; see results.h and schemas/results.md. No times and nothing of the machine goes in here:
// equal runs leave equal files.
#include "csv.h"
#include "results_data.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static void write_cell(FILE *out, fg_column_type type, const fg_cell *cell) {
  switch (type) {
  case FG_COLUMN_REAL:
    if (!isnan(cell->real)) fprintf(out, "%.17g", cell->real);
    break;
  case FG_COLUMN_INTEGER: fprintf(out, "%" PRId64, cell->integer); break;
  case FG_COLUMN_TEXT: fg_csv_write(out, cell->text); break;
  }
}

static void write_estimates(FILE *out, const char *stage, const fg_result *table, const uint32_t *at) {
  for (size_t p = 0; p < table->part_count; p++) {
    for (uint64_t row = 0; row < table->parts[p]->row_count; row++) {
      const fg_cell *cells = fg_part_row(table->parts[p], row);
      fg_csv_write(out, stage);
      for (int c = 0; c < FG_ESTIMATE_COLUMNS; c++) {
        fputc(',', out);
        write_cell(out, fg_estimate_columns[c].type, &cells[at[c]]);
      }
      fputc('\n', out);
    }
  }
}

fg_status fg_results_write_csv(const fg_results *results, const char *path, fg_error *error) {
  FILE *out = fopen(path, "we");
  if (!out) return fg_error_set(error, "cannot write %s: %s", path, strerror(errno));
  errno = 0; // what the first failing write leaves there
  fputs("stage", out);
  for (int c = 0; c < FG_ESTIMATE_COLUMNS; c++) fprintf(out, ",%s", fg_estimate_columns[c].name);
  fputc('\n', out);
  for (uint32_t s = 0; s < results->stage_count; s++) {
    const fg_stage_results *stage = &results->stages[s];
    uint32_t at[FG_ESTIMATE_COLUMNS];
    for (size_t t = 0; t < stage->table_count; t++)
      if (fg_result_estimates(&stage->tables[t], at)) write_estimates(out, stage->name, &stage->tables[t], at);
  }
  bool written = fflush(out) == 0 && !ferror(out) && fsync(fileno(out)) == 0;
  int cause = errno;
  if (fclose(out) != 0 && written) {
    written = false;
    cause = errno;
  }
  if (!written) return fg_error_set(error, "cannot write %s: %s", path, cause ? strerror(cause) : "the device refuses");
  return FG_OK;
}
