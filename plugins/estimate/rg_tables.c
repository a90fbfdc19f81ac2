// rg_tables.c — see rg_tables.h.
#include "rg_tables.h"

#include <math.h>

#define EXACT_Y_EVEN 1.0  // y_t = 1/ν of the two-dimensional Ising model
#define EXACT_Y_ODD 1.875 // y_h = (d + 2 - η)/2

static const char *const parity_names[] = {"even", "odd"};

// ---- columns

static const fg_column column_size = {sizeof(fg_column), FG_COLUMN_TEXT, "size", "",
                                      "linear size L of the pair's fine lattice, or LxM"};
static const fg_column column_level = {sizeof(fg_column), FG_COLUMN_INTEGER, "level", "1",
                                       "of the pair's fine lattice"};
static const fg_column column_parity = {sizeof(fg_column), FG_COLUMN_TEXT, "parity", "",
                                        "of the operators: even or odd under the flip of all spins"};
static const fg_column column_operators = {sizeof(fg_column), FG_COLUMN_INTEGER, "operators", "1",
                                           "how many: the first of this parity in table operators"};
static const fg_column column_lambda = {sizeof(fg_column), FG_COLUMN_REAL, "lambda", "1",
                                        "leading eigenvalue of T with these operators; of a complex pair its modulus"};
static const fg_column column_error = {sizeof(fg_column), FG_COLUMN_REAL, "error", "1",
                                       "one standard deviation, of the linearised eigenvalue"};
static const fg_column column_rank = {sizeof(fg_column), FG_COLUMN_INTEGER, "rank", "1",
                                      "directions of the coarse operators that were kept"};
static const fg_column column_condition = {
    sizeof(fg_column), FG_COLUMN_REAL, "condition", "1",
    "largest over smallest eigenvalue kept, of the coarse operators' correlation matrix"};
static const fg_column column_index = {sizeof(fg_column), FG_COLUMN_INTEGER, "index", "1",
                                       "number of the operator, or, in spectra, of the eigenvalue"};
static const fg_column column_real = {sizeof(fg_column), FG_COLUMN_REAL, "real", "1", "real part of the eigenvalue"};
static const fg_column column_imaginary = {sizeof(fg_column), FG_COLUMN_REAL, "imaginary", "1",
                                           "imaginary part of the eigenvalue"};
static const fg_column column_spins = {sizeof(fg_column), FG_COLUMN_TEXT, "spins", "",
                                       "(row,column) of each factor of the operator's first image"};
static const fg_column column_images = {sizeof(fg_column), FG_COLUMN_INTEGER, "images", "1",
                                        "products the operator is the sum of, at each site"};
static const fg_column column_row = {sizeof(fg_column), FG_COLUMN_INTEGER, "row", "1", "index of the coarse operator"};
static const fg_column column_column = {sizeof(fg_column), FG_COLUMN_INTEGER, "column", "1",
                                        "index of the fine operator"};
static const fg_column column_value = {sizeof(fg_column), FG_COLUMN_REAL, "value", "1", "element of T"};

static const fg_column *const convergence_columns[] = {
    &column_size, &column_level, &column_parity, &column_operators, &column_lambda, &column_error, NULL};
static const fg_column *const spectrum_columns[] = {
    &column_size, &column_level, &column_parity, &column_index, &column_real, &column_imaginary, NULL};
static const fg_column *const condition_columns[] = {
    &column_size, &column_level, &column_parity, &column_operators, &column_rank, &column_condition, NULL};
static const fg_column *const operators_columns[] = {&column_index, &column_parity, &column_spins, &column_images,
                                                     NULL};
static const fg_column *const matrix_columns[] = {
    &column_size, &column_level, &column_parity, &column_row, &column_column, &column_value, NULL};

// ---- opening and closing

static fg_status add_operators(rg_tables *t) {
  const operators *o = t->operators;
  fg_status status = FG_OK;
  for (uint32_t i = 0; status == FG_OK && i < operators_total(o); i++) {
    char text[OPERATORS_TEXT];
    fg_cell cells[4];
    operators_text(o, i, text);
    cells[0].integer = o->item[i].label;
    cells[1].text = parity_names[i >= o->count[OPERATORS_EVEN]];
    cells[2].text = text;
    cells[3].integer = o->item[i].image_count;
    status = t->host->table_row(t->host, t->table[RG_OPERATORS], cells);
  }
  return status;
}

fg_status rg_tables_open(rg_tables *t, const fg_host *host, const operators *o, uint32_t eigenvalues, int matrix) {
  *t = (rg_tables){.host = host, .operators = o, .eigenvalues = eigenvalues};
  t->table[RG_ESTIMATES] = fg_estimates_new(host);
  t->table[RG_CONVERGENCE] = host->table_new(host, "convergence", convergence_columns);
  t->table[RG_SPECTRUM] = host->table_new(host, "spectrum", spectrum_columns);
  t->table[RG_CONDITION] = host->table_new(host, "condition", condition_columns);
  t->table[RG_OPERATORS] = host->table_new(host, "operators", operators_columns);
  if (matrix) t->table[RG_MATRIX] = host->table_new(host, "matrix", matrix_columns);
  for (int i = 0; i < RG_TABLES; i++)
    if (!t->table[i] && (i != RG_MATRIX || matrix)) return FG_FAILED;
  return add_operators(t);
}

fg_status rg_tables_emit(rg_tables *t, fg_status status) {
  for (int i = 0; i < RG_TABLES; i++) {
    if (!t->table[i]) continue;
    if (status == FG_OK)
      status = t->host->emit_table(t->host, 0, t->table[i]);
    else
      t->host->table_unref(t->host, t->table[i]);
    t->table[i] = NULL;
  }
  return status;
}

// ---- the rows of a pair

/// A row of estimates: "lambda_even" for the first, "lambda_even_2" for the second, and so on.
static fg_status add_estimate(rg_tables *t, const rg_pair *pair, const char *name, uint32_t i, rg_measured found,
                              double exact) {
  char observable[64];
  if (i)
    snprintf(observable, sizeof observable, "%s_%u", name, i + 1);
  else
    snprintf(observable, sizeof observable, "%s", name);
  fg_estimate row = {.lattice = &pair->fine->lattice,
                     .level = pair->fine->level,
                     .observable = observable,
                     .value = found.value,
                     .error = found.error,
                     .n = pair->n,
                     .tau_int = NAN,
                     .exact = pair->critical && !i ? exact : NAN,
                     .unit = "1"};
  return fg_estimates_add(t->host, t->table[RG_ESTIMATES], &row);
}

static fg_status add_estimates(rg_tables *t, const rg_pair *pair, int parity) {
  static const char *const lambda[] = {"lambda_even", "lambda_odd"}, *const leading[] = {"y_t", "y_h"};
  static const char *const further[] = {"y_even", "y_odd"};
  const rg_result *found = &pair->analysis.parity[parity];
  const double y = parity ? EXACT_Y_ODD : EXACT_Y_EVEN;
  fg_status status = FG_OK;
  for (uint32_t i = 0; status == FG_OK && i < t->eigenvalues && i < found->rank; i++) {
    status = add_estimate(t, pair, lambda[parity], i, found->lambda[i], pow(pair->factor, y));
    if (status == FG_OK) status = add_estimate(t, pair, i ? further[parity] : leading[parity], i, found->y[i], y);
  }
  return status;
}

/// The first three cells of the tables that have a row for each pair and parity.
static void begin_row(fg_cell *cells, const char *size, const rg_pair *pair, int parity) {
  cells[0].text = size;
  cells[1].integer = pair->fine->level;
  cells[2].text = parity_names[parity];
}

static fg_status add_parity(rg_tables *t, const rg_pair *pair, const char *size, int parity) {
  const fg_host *host = t->host;
  const rg_result *found = &pair->analysis.parity[parity];
  fg_cell cells[6];
  begin_row(cells, size, pair, parity);
  cells[3].integer = found->count;
  cells[4].integer = found->rank;
  cells[5].real = found->condition;
  fg_status status = host->table_row(host, t->table[RG_CONDITION], cells);
  for (uint32_t m = 1; status == FG_OK && m <= found->count; m++) {
    cells[3].integer = m;
    cells[4].real = found->leading[m - 1].value;
    cells[5].real = found->leading[m - 1].error;
    status = host->table_row(host, t->table[RG_CONVERGENCE], cells);
  }
  for (uint32_t i = 0; status == FG_OK && i < found->rank; i++) {
    cells[3].integer = i + 1;
    cells[4].real = found->spectrum[i].real;
    cells[5].real = found->spectrum[i].imaginary;
    status = host->table_row(host, t->table[RG_SPECTRUM], cells);
  }
  const lattice_operator *first = t->operators->item + (parity ? t->operators->count[OPERATORS_EVEN] : 0);
  for (uint32_t k = 0; status == FG_OK && t->table[RG_MATRIX] && k < found->count * found->count; k++) {
    cells[3].integer = first[k / found->count].label;
    cells[4].integer = first[k % found->count].label;
    cells[5].real = found->matrix[k];
    status = host->table_row(host, t->table[RG_MATRIX], cells);
  }
  return status;
}

fg_status rg_tables_add(rg_tables *t, const rg_pair *pair) {
  char size[96];
  fg_lattice_name(&pair->fine->lattice, size);
  fg_status status = FG_OK;
  for (int parity = OPERATORS_EVEN; status == FG_OK && parity < OPERATORS_PARITIES; parity++) {
    status = add_estimates(t, pair, parity);
    if (status == FG_OK) status = add_parity(t, pair, size, parity);
  }
  return status;
}
