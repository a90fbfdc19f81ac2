// correlation_lines.c — see correlation_lines.h.
#include "correlation_lines.h"

#include "spectrum.h"

#include <math.h>
#include <stdlib.h>

/// A line of a table: the mean of two lines of a spectrum, which may be the same.
typedef struct direction {
  const char *name;
  int one, other;
} direction;

static const direction of_square[] = {{"axis", SPECTRUM_G_0, SPECTRUM_G_1},
                                      {"diagonal", SPECTRUM_G_DIAGONAL, SPECTRUM_G_DIAGONAL},
                                      {"axis", SPECTRUM_S_0, SPECTRUM_S_1},
                                      {NULL, 0, 0}};
static const direction of_rectangle[] = {{"x", SPECTRUM_G_1, SPECTRUM_G_1},
                                         {"y", SPECTRUM_G_0, SPECTRUM_G_0},
                                         {"diagonal", SPECTRUM_G_DIAGONAL, SPECTRUM_G_DIAGONAL},
                                         {"x", SPECTRUM_S_1, SPECTRUM_S_1},
                                         {"y", SPECTRUM_S_0, SPECTRUM_S_0},
                                         {NULL, 0, 0}};

static const fg_column column_size = {sizeof(fg_column), FG_COLUMN_TEXT, "size", "", "linear size L, or LxM"};
static const fg_column column_level = {sizeof(fg_column), FG_COLUMN_INTEGER, "level", "1",
                                       "inverse steps from a dream's start; blocking counts down"};
static const fg_column column_coupling = {sizeof(fg_column), FG_COLUMN_REAL, "coupling", "1",
                                          "K the configurations were drawn at; NaN: unknown"};
static const fg_column column_heading = {sizeof(fg_column), FG_COLUMN_TEXT, "direction", "",
                                         "axis: both averaged; diagonal: both averaged; x: along rows, y: across them"};
static const fg_column column_error = {sizeof(fg_column), FG_COLUMN_REAL, "error", "1",
                                       "one standard deviation of the estimate"};

fg_table *lines_correlations_new(const fg_host *host) {
  static const fg_column distance = {sizeof(fg_column), FG_COLUMN_INTEGER, "r", "lattice spacings",
                                     "distance along an axis; on a diagonal, distance divided by the root of 2"};
  static const fg_column value = {sizeof(fg_column), FG_COLUMN_REAL, "value", "1", "mean of s(0) s(r)"};
  static const fg_column *const columns[] = {&column_size, &column_level, &column_coupling, &column_heading,
                                             &distance,    &value,        &column_error,    NULL};
  return host->table_new(host, "G", columns);
}

fg_table *lines_structure_new(const fg_host *host) {
  static const fg_column number = {sizeof(fg_column), FG_COLUMN_INTEGER, "n", "1", "number of the wave vector"};
  static const fg_column vector = {sizeof(fg_column), FG_COLUMN_REAL, "k", "1 / lattice spacing",
                                   "wave vector 2 pi n / L along the axis"};
  static const fg_column value = {sizeof(fg_column), FG_COLUMN_REAL, "value", "1",
                                  "mean of |sum over x of s(x) exp(-ikx)|^2 / N"};
  static const fg_column *const columns[] = {
      &column_size, &column_level, &column_coupling, &column_heading, &number, &vector, &value, &column_error, NULL};
  return host->table_new(host, "S", columns);
}

uint64_t lines_bytes(uint32_t length) { return (uint64_t)(BINS_MOST + 1) * length * sizeof(double); }

/// Where a line begins among all.
static uint32_t begin_of(const fg_lattice *lattice, int line) {
  uint32_t begin = 0;
  for (int l = 0; l < line; l++) begin += spectrum_length(lattice->extent[0], lattice->extent[1], l);
  return begin;
}

/// Means of all lines: over all configurations, then with bin 0, 1, … left out.
typedef struct line_means {
  const bins *bins;
  uint32_t length;
  double *mean;
} line_means;

/// The mean of places a and b, and its error.
static double mean_of(const line_means *means, uint32_t a, uint32_t b, double *deviation) {
  double left_out[BINS_MOST], value = (means->mean[a] + means->mean[b]) / 2;
  for (uint32_t j = 0; j < bins_number(means->bins); j++) {
    const double *without = means->mean + (size_t)(j + 1) * means->length;
    left_out[j] = (without[a] + without[b]) / 2;
  }
  *deviation = bins_error(means->bins, value, left_out);
  return value;
}

/// The rows of one direction, in the table it belongs to.
static fg_status add_direction(const fg_host *host, fg_table *correlations, fg_table *structure, const group_key *key,
                               const line_means *means, const direction *along) {
  const fg_lattice *lattice = &key->lattice;
  const int is_structure = along->one >= SPECTRUM_S_0;
  const uint64_t extent = lattice->extent[along->one == SPECTRUM_S_1];
  const uint32_t a = begin_of(lattice, along->one), b = begin_of(lattice, along->other);
  const uint32_t length = spectrum_length(lattice->extent[0], lattice->extent[1], along->one);
  fg_status status = FG_OK;
  char name[96];
  fg_lattice_name(lattice, name);
  for (uint32_t i = 0; status == FG_OK && i < length; i++) {
    fg_cell cells[8];
    uint32_t at = 0;
    cells[at++].text = name;
    cells[at++].integer = key->level;
    cells[at++].real = key->coupling;
    cells[at++].text = along->name;
    cells[at++].integer = i;
    if (is_structure) cells[at++].real = 2 * M_PI * i / (double)extent;
    cells[at].real = mean_of(means, a + i, b + i, &cells[at + 1].real);
    status = host->table_row(host, is_structure ? structure : correlations, cells);
  }
  return status;
}

fg_status lines_add(const fg_host *host, fg_table *correlations, fg_table *structure, const group_key *key,
                    const bins *lines) {
  const fg_lattice *lattice = &key->lattice;
  line_means means = {lines, spectrum_all_lengths(lattice->extent[0], lattice->extent[1]), NULL};
  if (bins_count(lines) == 0) return FG_OK;
  means.mean = malloc((size_t)(bins_number(lines) + 1) * means.length * sizeof *means.mean);
  if (!means.mean) return host->fail(host, "out of memory");
  bins_mean(lines, BINS_NONE, means.mean);
  for (uint32_t j = 0; j < bins_number(lines); j++) bins_mean(lines, j, means.mean + (size_t)(j + 1) * means.length);
  fg_status status = FG_OK;
  const direction *along = lattice->extent[0] == lattice->extent[1] ? of_square : of_rectangle;
  for (; status == FG_OK && along->name; along++)
    status = add_direction(host, correlations, structure, key, &means, along);
  free(means.mean);
  return status;
}
