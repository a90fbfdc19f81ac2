// scaling_tables.c — see scaling_tables.h.
#include "scaling_tables.h"

#include "scaling_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_A_POINT 3u // fewer bins than that a point cannot tell their covariance

enum { CONSTANT, LOGARITHM, INVERSE_SIZE }; // second function of a fit, the first is 1; CONSTANT has none

/// A fit: of what, with which function, and the row of estimates that one of its parameters, times `sign`, becomes.
typedef struct form {
  const char *observable, *function;
  int quantity, basis;
  const char *parameters[FIT_MOST_PARAMETERS];
  const char *estimate, *unit;
  int parameter;
  double sign, exact;
} form;

// Exact: L → ∞ at the critical coupling; U: J. Salas and A. D. Sokal, J. Stat. Phys. 98, 551 (2000).
static const form forms[] = {
    {"chi", "A L^p", LN_CHI, LOGARITHM, {"ln_A", "p"}, "gamma_over_nu", "1", 1, 1, 1.75},
    {"abs_m", "A L^p", LN_ABS_M, LOGARITHM, {"ln_A", "p"}, "beta_over_nu", "1", 1, -1, 0.125},
    {"varE", "a + b ln L", VARE, LOGARITHM, {"a", "b"}, "varE_log_slope", "J^2", 1, 1, 8 / M_PI},
    {"varE", "A L^p", LN_VARE, LOGARITHM, {"ln_A", "p"}, "varE_power", "1", 1, 1, NAN},
    {"U", "a", BINDER, CONSTANT, {"a", NULL}, "U_limit", "1", 0, 1, 1.1679229},
    {"e", "a + b/L", ENERGY, INVERSE_SIZE, {"a", "b"}, "e_limit", "J", 0, 1, -M_SQRT2},
};
#define FORMS (sizeof forms / sizeof *forms)

/// Observables that are compared size by size.
static const struct {
  const char *observable;
  int quantity;
} local_observables[] = {{"chi", LN_CHI}, {"abs_m", LN_ABS_M}, {"varE", LN_VARE}};

typedef struct output {
  const fg_host *host;
  double reference;
  fg_table *estimates, *fits, *local;
  size_t *chosen;  ///< points of a fit
  double *numbers; ///< its design, y and covariance
  int warned;      ///< of a covariance that could not be used
} output;

// ---- one fit

/// The usable points of `count` from size `from` on, into o->chosen; *sizes: how many different sizes.
static size_t choose(const output *o, const point *curve, size_t count, int quantity, uint64_t from, size_t *sizes) {
  size_t chosen = 0;
  *sizes = 0;
  for (size_t i = 0; i < count; i++) {
    if (point_size(&curve[i]) < from || !point_usable(&curve[i], quantity)) continue;
    *sizes += chosen == 0 || point_size(&curve[o->chosen[chosen - 1]]) != point_size(&curve[i]);
    o->chosen[chosen++] = i;
  }
  return chosen;
}

/// Fits the points chosen, with their covariance; with their variances alone where that cannot be used, and says so once.
/// *joint: whether covariances entered.
static fg_status fit_chosen(output *o, const point *curve, size_t count, const form *f, fit_result *result,
                            int *joint) {
  const fg_host *host = o->host;
  const size_t parameters = f->basis == CONSTANT ? 1 : 2;
  double *design = o->numbers, *y = design + count * parameters, *covariance = y + count;
  fit_problem problem = {count, parameters, design, y, covariance, 0};
  *joint = 0;
  for (size_t i = 0; i < count; i++) {
    const point *one = &curve[o->chosen[i]];
    double size = (double)point_size(one);
    y[i] = one->value[f->quantity];
    design[i * parameters] = 1;
    if (parameters == 2) design[i * parameters + 1] = f->basis == LOGARITHM ? log(size) : 1 / size;
    for (size_t j = 0; j < count; j++) {
      const point *other = &curve[o->chosen[j]];
      covariance[i * count + j] = point_covariance(one, other, f->quantity);
      if (i == j || !point_share_noise(one, other)) continue;
      *joint = 1;
      problem.samples = bins_number(one->bins);
    }
  }
  fit_outcome outcome = FIT_INDEFINITE;
  if (!*joint || problem.samples >= SAMPLES_A_POINT * count) outcome = fit_linear(&problem, result);
  if (outcome == FIT_INDEFINITE && *joint) {
    if (!o->warned)
      host->log(host, FG_LOG_WARNING,
                "%s: the covariance of %zu sizes cannot be had from %zu bins; they are fitted as if they were "
                "independent, so errors and chi2 are not to be trusted; more configurations help",
                f->observable, count, problem.samples);
    o->warned = 1;
    *joint = 0;
    problem.samples = 0;
    for (size_t i = 0; i < count; i++)
      for (size_t j = 0; j < count; j++)
        if (i != j) covariance[i * count + j] = 0;
    outcome = fit_linear(&problem, result);
  }
  if (outcome == FIT_DONE) return FG_OK;
  return outcome == FIT_NO_MEMORY ? host->fail(host, "out of memory for a fit")
                                  : host->fail(host, "%s: errors that are no numbers cannot be fitted", f->observable);
}

// ---- rows

/// The fit's estimate, and how well it fits, in the table of estimates.
static fg_status add_estimates(const output *o, const point *smallest, const form *f, const fit_result *fit,
                               uint64_t configurations) {
  const group_key *key = smallest->key;
  char name[64];
  fg_estimate row = {&key->lattice,
                     key->level,
                     f->estimate,
                     f->sign * fit->value[f->parameter],
                     fit->error[f->parameter],
                     configurations,
                     NAN,
                     group_is_critical(key, o->reference) ? f->exact : NAN,
                     f->unit};
  fg_status status = fg_estimates_add(o->host, o->estimates, &row);
  if (status != FG_OK) return status;
  snprintf(name, sizeof name, "%s_chi2_per_dof", f->estimate);
  fg_estimate quality = {&key->lattice, key->level, name, fit->chi2 / (double)fit->dof, NAN, configurations,
                         NAN,           NAN,        "1"};
  return fg_estimates_add(o->host, o->estimates, &quality);
}

/// A row for each parameter of a fit.
static fg_status add_parameters(const output *o, const point *smallest, const form *f, const fit_result *fit,
                                size_t sizes, int joint) {
  fg_status status = FG_OK;
  for (size_t k = 0; status == FG_OK && k < FIT_MOST_PARAMETERS && f->parameters[k]; k++) {
    fg_cell cells[13];
    cells[0].text = f->observable;
    cells[1].text = f->function;
    cells[2].integer = smallest->key->level;
    cells[3].real = smallest->key->coupling;
    cells[4].integer = (int64_t)point_size(smallest);
    cells[5].integer = (int64_t)sizes;
    cells[6].text = f->parameters[k];
    cells[7].real = fit->value[k];
    cells[8].real = fit->error[k];
    cells[9].real = fit->chi2;
    cells[10].integer = (int64_t)fit->dof;
    cells[11].real = fit->p_value;
    cells[12].integer = joint;
    status = o->host->table_row(o->host, o->fits, cells);
  }
  return status;
}

/// Exponents between a size and its double.
static fg_status add_local(const output *o, const point *coarse, const point *fine) {
  char name[96];
  fg_status status = FG_OK;
  fg_lattice_name(&coarse->key->lattice, name);
  for (size_t i = 0; status == FG_OK && i < sizeof local_observables / sizeof *local_observables; i++) {
    int q = local_observables[i].quantity;
    double variance =
        point_covariance(fine, fine, q) + point_covariance(coarse, coarse, q) - 2 * point_covariance(fine, coarse, q);
    fg_cell cells[6];
    cells[0].text = local_observables[i].observable;
    cells[1].text = name;
    cells[2].integer = coarse->key->level;
    cells[3].real = coarse->key->coupling;
    cells[4].real = (fine->value[q] - coarse->value[q]) / M_LN2;
    cells[5].real = sqrt(variance > 0 ? variance : 0) / M_LN2;
    if (isfinite(cells[4].real)) status = o->host->table_row(o->host, o->local, cells);
  }
  return status;
}

// ---- curves

/// All fits from one smallest size on. *made: counts them.
static fg_status fit_from(output *o, const point *curve, size_t count, uint64_t from, size_t *made) {
  fg_status status = FG_OK;
  for (size_t i = 0; status == FG_OK && i < FORMS; i++) {
    const form *f = &forms[i];
    fit_result fit;
    int joint;
    size_t sizes, chosen = choose(o, curve, count, f->quantity, from, &sizes);
    if (sizes < SCALING_FEWEST_SIZES || point_size(&curve[o->chosen[0]]) != from) continue;
    uint64_t configurations = 0;
    for (size_t c = 0; c < chosen; c++) configurations += bins_count(curve[o->chosen[c]].bins);
    const point *smallest = &curve[o->chosen[0]];
    status = fit_chosen(o, curve, chosen, f, &fit, &joint);
    if (status == FG_OK) status = add_estimates(o, smallest, f, &fit, configurations);
    if (status == FG_OK) status = add_parameters(o, smallest, f, &fit, sizes, joint);
    ++*made;
  }
  return status;
}

/// Fits from every size on that leaves sizes enough, and exponents between sizes.
static fg_status fit_curve(output *o, const point *curve, size_t count, uint64_t min_size, size_t *made) {
  const fg_host *host = o->host;
  const size_t before = *made;
  fg_status status = FG_OK;
  for (size_t i = 0; status == FG_OK && i < count; i++) {
    uint64_t size = point_size(&curve[i]);
    if (size < min_size || (i > 0 && point_size(&curve[i - 1]) == size)) continue;
    status = fit_from(o, curve, count, size, made);
  }
  for (size_t c = 0; status == FG_OK && c < count; c++)
    for (size_t f = 0; status == FG_OK && f < count; f++)
      if (point_size(&curve[f]) == 2 * point_size(&curve[c])) status = add_local(o, &curve[c], &curve[f]);
  if (status != FG_OK || *made > before) return status;
  char coupling[64] = "unknown coupling";
  if (!isnan(curve[0].key->coupling)) snprintf(coupling, sizeof coupling, "coupling %.10g", curve[0].key->coupling);
  host->log(host, FG_LOG_WARNING,
            "sizes of %s are fewer than %u from min_size %" PRIu64 " on, or do not fluctuate; they are not fitted",
            coupling, SCALING_FEWEST_SIZES, min_size);
  return status;
}

// ---- tables

static const fg_column column_observable = {sizeof(fg_column), FG_COLUMN_TEXT, "observable", "",
                                            "name of the observable, as in estimate.thermo"};
static const fg_column column_level = {sizeof(fg_column), FG_COLUMN_INTEGER, "level", "1",
                                       "level of the smallest size"};
static const fg_column column_coupling = {sizeof(fg_column), FG_COLUMN_REAL, "coupling", "1",
                                          "K the configurations were drawn at; NaN: unknown"};
static const fg_column column_value = {sizeof(fg_column), FG_COLUMN_REAL, "value", "see parameter", "estimate"};
static const fg_column column_error = {sizeof(fg_column), FG_COLUMN_REAL, "error", "as value",
                                       "one standard deviation of the estimate"};

static fg_table *fits_new(const fg_host *host) {
  static const fg_column function = {sizeof(fg_column), FG_COLUMN_TEXT, "function", "", "of the size L"};
  static const fg_column min_size = {sizeof(fg_column), FG_COLUMN_INTEGER, "min_size", "1", "smallest size of the fit"};
  static const fg_column sizes = {sizeof(fg_column), FG_COLUMN_INTEGER, "sizes", "1", "different sizes"};
  static const fg_column parameter = {sizeof(fg_column), FG_COLUMN_TEXT, "parameter", "", "of the function"};
  static const fg_column chi2 = {sizeof(fg_column), FG_COLUMN_REAL, "chi2", "1", "of the fit"};
  static const fg_column dof = {sizeof(fg_column), FG_COLUMN_INTEGER, "dof", "1", "degrees of freedom"};
  static const fg_column p_value = {sizeof(fg_column), FG_COLUMN_REAL, "p_value", "1", "probability of a larger chi2"};
  static const fg_column joint = {sizeof(fg_column), FG_COLUMN_INTEGER, "joint", "1",
                                  "1: with covariances between sizes; 0: sizes are independent"};
  static const fg_column *const columns[] = {
      &column_observable, &function, &column_level, &column_coupling, &min_size, &sizes, &parameter, &column_value,
      &column_error,      &chi2,     &dof,          &p_value,         &joint,    NULL};
  return host->table_new(host, "fits", columns);
}

static fg_table *local_new(const fg_host *host) {
  static const fg_column size = {sizeof(fg_column), FG_COLUMN_TEXT, "size", "", "the smaller size, L"};
  static const fg_column exponent = {sizeof(fg_column), FG_COLUMN_REAL, "exponent", "1",
                                     "log2 of the observable at 2L over that at L"};
  static const fg_column *const columns[] = {&column_observable, &size,         &column_level, &column_coupling,
                                             &exponent,          &column_error, NULL};
  return host->table_new(host, "local", columns);
}

fg_status scaling_emit(const fg_host *host, const point *points, size_t count, uint64_t min_size, double reference) {
  output o = {.host = host, .reference = reference};
  o.estimates = fg_estimates_new(host);
  o.fits = fits_new(host);
  o.local = local_new(host);
  o.chosen = calloc(count + 1, sizeof *o.chosen);
  o.numbers = calloc((count + 1) * (count + 1 + FIT_MOST_PARAMETERS), sizeof *o.numbers);
  fg_table *tables[] = {o.estimates, o.fits, o.local};
  fg_status status = o.estimates && o.fits && o.local ? FG_OK : FG_FAILED;
  if (status == FG_OK && (!o.chosen || !o.numbers)) status = host->fail(host, "out of memory");
  size_t made = 0, begin = 0;
  while (status == FG_OK && begin < count) {
    size_t end = begin + 1;
    while (end < count && point_same_curve(&points[begin], &points[end])) end++;
    status = fit_curve(&o, points + begin, end - begin, min_size, &made);
    begin = end;
  }
  if (status == FG_OK && made == 0)
    status = host->fail(host,
                        "no coupling has %u sizes from min_size %" PRIu64
                        " on with configurations that differ: there is nothing to fit; feed more sizes, or more "
                        "configurations of each, or lower min_size",
                        SCALING_FEWEST_SIZES, min_size);
  for (int t = 0; t < 3; t++) {
    if (status == FG_OK)
      status = host->emit_table(host, 0, tables[t]);
    else if (tables[t])
      host->table_unref(host, tables[t]);
  }
  free(o.chosen);
  free(o.numbers);
  return status;
}
