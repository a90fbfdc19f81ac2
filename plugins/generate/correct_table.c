// correct_table.c — what generate.correct tells of its work: counts, which are the same on any machine. The run's manifest has
// the times.
#include "correct.h"

#define FEWEST_POPULATIONS 0.5 // share accepted, below which a warning is due
#define FEWEST_DREAMS 0.05

/// What a user of the configurations should know.
static void warn(const correct *stage) {
  const correct_config *c = stage->config;
  const double acceptance = (double)stage->tally.accepted / (double)stage->tally.proposals;
  const int moved = c->rejuvenate != MOVES_NONE || c->constrained;
  if (c->method == CORRECT_SMC && acceptance < FEWEST_POPULATIONS)
    stage->host->log(
        stage->host, FG_LOG_WARNING,
        "only %.3g of the populations were accepted; those that come again do so at a distance that errors of "
        "estimates do not cover: use a larger population or a better network",
        acceptance);
  if (c->method == CORRECT_INDEPENDENCE && !moved && acceptance < FEWEST_DREAMS)
    stage->host->log(
        stage->host, FG_LOG_WARNING,
        "only %.3g of the dreams were accepted, and nothing else moves the chains: let them be longer than "
        "many times the inverse, choose rejuvenate: cluster or heat-bath, or use a better network",
        acceptance);
}

fg_status correct_report(const correct *stage) {
  static const char *const methods[] = {"equilibrate", "independence", "smc"};
  static const fg_column size = {sizeof(fg_column), FG_COLUMN_TEXT, "size", "", "linear size L"};
  static const fg_column method = {sizeof(fg_column), FG_COLUMN_TEXT, "method", "", "how dreams were corrected"};
  static const fg_column n = {sizeof(fg_column), FG_COLUMN_INTEGER, "n", "1", "configurations given"};
  static const fg_column proposals = {sizeof(fg_column), FG_COLUMN_INTEGER, "proposals", "1",
                                      "dreams, or populations, proposed after the thermalisation"};
  static const fg_column acceptance = {sizeof(fg_column), FG_COLUMN_REAL, "acceptance", "1", "share of them accepted"};
  static const fg_column effective = {sizeof(fg_column), FG_COLUMN_REAL, "ess", "1",
                                      "effective share of the dreams: of all, or mean over populations at the top"};
  static const fg_column resampled = {sizeof(fg_column), FG_COLUMN_INTEGER, "resampled", "1",
                                      "times that a population was resampled"};
  static const fg_column free_energy = {sizeof(fg_column), FG_COLUMN_REAL, "lnZ", "1",
                                        "logarithm of the mean weight of all proposals"};
  static const fg_column drawn = {sizeof(fg_column), FG_COLUMN_REAL, "drawn", "1",
                                  "spins drawn by networks for a configuration given"};
  static const fg_column scored = {sizeof(fg_column), FG_COLUMN_REAL, "scored", "1",
                                   "spins whose likelihood was computed for a configuration given"};
  static const fg_column swept = {sizeof(fg_column), FG_COLUMN_REAL, "swept", "1",
                                  "spins visited by sweeps for a configuration given"};
  static const fg_column *const columns[] = {&size,      &method,      &n,     &proposals, &acceptance, &effective,
                                             &resampled, &free_energy, &drawn, &scored,    &swept,      NULL};
  const fg_host *host = stage->host;
  const correct_tally *t = &stage->tally;
  const int smc = stage->config->method == CORRECT_SMC, weighed = stage->config->method != CORRECT_EQUILIBRATE;
  const double given = (double)stage->config->configurations;
  fg_table *table = host->table_new(host, "correct", columns);
  char name[96];
  if (!table) return FG_FAILED;
  warn(stage);
  fg_lattice_name(&stage->top, name);
  fg_cell cells[11];
  cells[0].text = name;
  cells[1].text = methods[stage->config->method];
  cells[2].integer = stage->config->configurations;
  cells[3].integer = (int64_t)t->proposals;
  cells[4].real = weighed ? (double)t->accepted / (double)t->proposals : NAN;
  cells[5].real = !weighed ? NAN : smc ? t->effective / t->weights : t->sum * t->sum / (t->weights * t->squares);
  cells[6].integer = (int64_t)t->resampled;
  cells[7].real = weighed ? t->largest + log(t->sum / t->weights) : NAN;
  cells[8].real = t->drawn / given;
  cells[9].real = t->scored / given;
  cells[10].real = t->swept / given;
  const fg_status status = host->table_row(host, table, cells);
  if (status == FG_OK) return host->emit_table(host, 1, table);
  host->table_unref(host, table);
  return status;
}
