// autoregressive_tables.c — see autoregressive_tables.h.
#include "autoregressive_tables.h"

#include "autoregressive_lanes.h"

#include <stdlib.h>

#define ALIGNMENT 64u
#define MOST_BITS 7u // of a group: more would save look-ups and need more cache

static uint64_t padded(uint64_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

/// A linear part alone takes 8 bytes; with hidden units records begin on vectors.
static uint32_t record_bytes_of(uint32_t vectors) { return vectors ? (vectors + 1) * LANES * 4 : 8; }

static uint64_t records_bytes(const autoregressive_table *table) {
  return padded((uint64_t)table->records * table->record_bytes) + padded(table->vectors * LANES * sizeof(float));
}

/// Lays them out from `at` on; returns what comes behind.
static char *records_place(const autoregressive_table *table, autoregressive_records *values, char *at) {
  values->bytes = at;
  values->out = (float *)(void *)(at + padded((uint64_t)table->records * table->record_bytes));
  return at + records_bytes(table);
}

// ---- columns

/// Whether a site looks at this one of its inputs.
static int is_used(const autoregressive_input *input, int alone) {
  return !(alone && input->fine && input->dy % 2 == 0 && input->dx % 2 == 0);
}

/// Extends a column by an input.
static void widen(autoregressive_column *column, uint32_t bit) {
  uint32_t lowest = column->lowest, end = lowest + column->bits;
  if (!column->bits) lowest = end = bit;
  if (bit < lowest) lowest = bit;
  if (bit >= end) end = bit + 1;
  column->lowest = (uint8_t)lowest;
  column->bits = (uint8_t)(end - lowest);
}

static uint32_t bit_of(const autoregressive_shape *shape, const autoregressive_input *input) {
  return (uint32_t)(input->dy + (input->fine ? shape->fine_reach : shape->coarse_reach));
}

/// The columns that a step looks at, coarse ones before fine ones; returns their number.
static uint32_t find_columns(const autoregressive_shape *shape, const autoregressive_step *step, int alone,
                             autoregressive_column columns[AUTOREGRESSIVE_MOST_COLUMNS]) {
  uint32_t count = 0;
  for (int fine = 0; fine < 2; fine++) {
    const int32_t reach = fine ? shape->fine_reach : shape->coarse_reach;
    for (int32_t dx = -reach; dx <= reach; dx++) {
      autoregressive_column column = {.fine = (int8_t)fine, .dx = (int8_t)dx};
      for (uint32_t i = 0; i < step->inputs; i++) {
        const autoregressive_input *input = &step->input[i];
        if (input->fine == fine && input->dx == dx && is_used(input, alone)) widen(&column, bit_of(shape, input));
      }
      if (column.bits) columns[count++] = column;
    }
  }
  return count;
}

/// Puts a column into the first group that has room for it, of the same lattice.
static void add_column(autoregressive_table *table, autoregressive_column column) {
  uint32_t g = 0;
  for (; g < table->groups; g++) {
    const autoregressive_group *group = &table->group[g];
    if (group->column[0].fine == column.fine && group->columns < AUTOREGRESSIVE_PARTS &&
        group->bits + column.bits <= MOST_BITS)
      break;
  }
  if (g == table->groups) table->groups++;
  autoregressive_group *group = &table->group[g];
  column.place = (uint8_t)group->bits;
  group->column[group->columns++] = column;
  group->bits += column.bits;
}

/// The groups of a step: the longest columns first.
static void find_groups(const autoregressive_shape *shape, const autoregressive_step *step, int alone,
                        autoregressive_table *table) {
  autoregressive_column columns[AUTOREGRESSIVE_MOST_COLUMNS];
  const uint32_t count = find_columns(shape, step, alone, columns);
  for (int fine = 0; fine < 2; fine++)
    for (uint32_t bits = 2 * AUTOREGRESSIVE_MOST_FINE + 1; bits > 0; bits--)
      for (uint32_t i = 0; i < count; i++)
        if (columns[i].bits == bits && columns[i].fine == fine) add_column(table, columns[i]);
  for (uint32_t g = 0; g < AUTOREGRESSIVE_MOST_GROUPS; g++) {
    table->group[g].first = table->records;
    if (g < table->groups) table->records += 1u << table->group[g].bits;
  }
  table->records++;
  table->vectors = (shape->hidden + LANES - 1) / LANES;
  table->record_bytes = record_bytes_of(table->vectors);
}

/// The inputs that lie in the columns of a group, and where in its value their bits are; returns how many.
static uint32_t inputs_in(const autoregressive_shape *shape, const autoregressive_step *step,
                          const autoregressive_group *group, int alone, uint32_t *inputs, uint32_t *bits) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < step->inputs; i++) {
    const autoregressive_input *input = &step->input[i];
    for (uint32_t k = 0; k < group->columns && is_used(input, alone); k++) {
      const autoregressive_column *column = &group->column[k];
      if (input->fine != column->fine || input->dx != column->dx) continue;
      inputs[count] = i;
      bits[count++] = bit_of(shape, input) - column->lowest + column->place;
    }
  }
  return count;
}

// ---- forward

/// What the values of one group contribute: every sum in the same order, so that reversing all spins reverses it to the
/// last bit. units[input][hidden] are its weights.
static void fill_group(const autoregressive_shape *shape, const autoregressive_step *step,
                       const autoregressive_table *table, uint32_t g, int alone, const double *linear,
                       const float *units) {
  uint32_t inputs[AUTOREGRESSIVE_MOST_INPUTS], bits[AUTOREGRESSIVE_MOST_INPUTS];
  const uint32_t count = inputs_in(shape, step, &table->group[g], alone, inputs, bits);
  const uint64_t floats = (uint64_t)table->vectors * LANES;
  for (uint32_t value = 0; value < 1u << table->group[g].bits; value++) {
    double *sum = autoregressive_linear(table, &table->values, table->group[g].first + value);
    float *sums = autoregressive_units(table, &table->values, table->group[g].first + value);
    for (uint32_t k = 0; k < count; k++) {
      const int up = value >> bits[k] & 1;
      const float *unit = units + inputs[k] * floats, sign = up ? 1 : -1;
      *sum += up ? linear[inputs[k]] : -linear[inputs[k]];
      for (uint64_t v = 0; v < floats; v += LANES)
        for (uint32_t l = 0; l < LANES; l++) sums[v + l] += sign * unit[v + l];
    }
  }
}

/// False when memory is out.
static int fill_step(const autoregressive_shape *shape, const autoregressive_step *step,
                     const autoregressive_table *table, int alone, const double *weights) {
  const uint64_t floats = (uint64_t)table->vectors * LANES;
  const double *linear = weights + step->first, *hidden = linear + step->inputs;
  const double *out = hidden + (uint64_t)shape->hidden * step->inputs;
  float *units = calloc(step->inputs * floats + 1, sizeof *units);
  if (!units) return 0;
  for (uint32_t h = 0; h < shape->hidden; h++) {
    table->values.out[h] = (float)out[h];
    for (uint32_t i = 0; i < step->inputs; i++) units[i * floats + h] = (float)hidden[h * step->inputs + i];
  }
  for (uint32_t g = 0; g < table->groups; g++) fill_group(shape, step, table, g, alone, linear, units);
  free(units);
  return 1;
}

autoregressive_tables *autoregressive_tables_new(const autoregressive_shape *shape, const double *weights, int alone) {
  autoregressive_tables *tables = calloc(1, sizeof *tables);
  if (!tables) return NULL;
  uint64_t bytes = ALIGNMENT;
  for (uint32_t s = 0; s < shape->steps; s++) {
    autoregressive_table *table = &tables->step[s];
    find_groups(shape, &shape->step[s], alone, table);
    bytes += records_bytes(table);
    if (records_bytes(table) > tables->most_bytes) tables->most_bytes = records_bytes(table);
  }
  char *at = tables->memory = aligned_alloc(ALIGNMENT, bytes);
  int complete = at != NULL;
  if (complete) memset(at, 0, bytes);
  for (uint32_t s = 0; complete && s < shape->steps; s++) {
    autoregressive_table *table = &tables->step[s];
    at = records_place(table, &table->values, at);
    complete = fill_step(shape, &shape->step[s], table, alone, weights);
  }
  if (complete) return tables;
  autoregressive_tables_free(tables);
  return NULL;
}

void autoregressive_tables_free(autoregressive_tables *tables) {
  if (tables) free(tables->memory);
  free(tables);
}

// ---- back

autoregressive_sums autoregressive_sums_new(const autoregressive_tables *tables) {
  autoregressive_sums sums = {.bytes = tables->most_bytes};
  sums.memory = aligned_alloc(ALIGNMENT, sums.bytes + ALIGNMENT);
  if (sums.memory) memset(sums.memory, 0, sums.bytes);
  return sums;
}

void autoregressive_sums_begin(const autoregressive_table *table, autoregressive_sums *sums) {
  records_place(table, &sums->values, sums->memory);
}

void autoregressive_sums_free(autoregressive_sums *sums) { free(sums->memory); }

/// The weight of an input has a part in each record of its group: with the sign of its spin.
static void flush_input(const autoregressive_shape *shape, const autoregressive_step *step,
                        const autoregressive_table *table, uint32_t g, uint32_t input, uint32_t bit,
                        const autoregressive_records *sums, double *gradient) {
  const uint64_t floats = (uint64_t)table->vectors * LANES;
  float total[AUTOREGRESSIVE_MOST_HIDDEN] = {0};
  double linear = 0;
  for (uint32_t value = 0; value < 1u << table->group[g].bits; value++) {
    const int up = value >> bit & 1;
    const uint64_t record = table->group[g].first + value;
    const double part = *autoregressive_linear(table, sums, record);
    const float *unit = autoregressive_units(table, sums, record), sign = up ? 1 : -1;
    linear += up ? part : -part;
    for (uint64_t v = 0; v < floats; v += LANES)
      for (uint32_t l = 0; l < LANES; l++) total[v + l] += sign * unit[v + l];
  }
  gradient[step->first + input] += linear;
  double *hidden = gradient + step->first + step->inputs;
  for (uint32_t h = 0; h < shape->hidden; h++) hidden[(uint64_t)h * step->inputs + input] += (double)total[h];
}

void autoregressive_sums_flush(const autoregressive_shape *shape, const autoregressive_tables *tables, uint32_t s,
                               int alone, autoregressive_sums *sums, double *gradient) {
  const autoregressive_step *step = &shape->step[s];
  const autoregressive_table *table = &tables->step[s];
  uint32_t inputs[AUTOREGRESSIVE_MOST_INPUTS], bits[AUTOREGRESSIVE_MOST_INPUTS];
  for (uint32_t g = 0; g < table->groups; g++) {
    const uint32_t count = inputs_in(shape, step, &table->group[g], alone, inputs, bits);
    for (uint32_t k = 0; k < count; k++)
      flush_input(shape, step, table, g, inputs[k], bits[k], &sums->values, gradient);
  }
  double *out = gradient + step->first + (uint64_t)(1 + shape->hidden) * step->inputs;
  for (uint32_t h = 0; h < shape->hidden; h++) out[h] += (double)sums->values.out[h];
  memset(sums->memory, 0, sums->bytes);
  sums->sites = 0;
}
