// results.h — what a run leaves: tables and models, gathered while it runs, written to results.h5 and summary.csv and
// printed when it ends. Gathering is safe from any thread; writing happens once, after the stages are done.
#ifndef FG_CORE_RESULTS_H
#define FG_CORE_RESULTS_H

#include "error.h"
#include "finegrain/message.h"

#include <stdio.h>

typedef struct fg_results fg_results;

/// `stages`: names in file order, `count` of them; copied.
fg_results *fg_results_new(const char *const *stages, uint32_t count);
void fg_results_free(fg_results *results);

/// Keeps a reference. `stage` is an index into the names.
fg_status fg_results_add_table(fg_results *results, uint32_t stage, const fg_table *table, fg_error *error);
fg_status fg_results_add_model(fg_results *results, uint32_t stage, const fg_model *model, fg_error *error);

/// A root attribute of results.h5.
typedef struct fg_attribute {
  const char *name;
  const char *text; ///< written as text when set, otherwise `number`
  double number;
} fg_attribute;

/// /stages/<stage>/<table>: compound tables, each field with unit and description as attributes "unit_<column>" and
/// "description_<column>" of the data set; tables of one name of one stage are appended in order of arrival.
/// /models/<stage>: attributes network, hyperparameters; data set weights. Object times are off. Writes `path`
/// directly, syncs it; the caller renames. HDF5 is called under fg_serialize("hdf5").
fg_status fg_results_write_hdf5(const fg_results *results, const char *path, const fg_attribute *attributes,
                                uint32_t attribute_count, fg_error *error);

/// summary.csv from every table named "estimates": stage,size,level,observable,value,error,n,tau_int,exact,unit;
/// stages in file order, rows in order of arrival; %.17g; NaN = empty. Text with a comma or quote is quoted.
fg_status fg_results_write_csv(const fg_results *results, const char *path, fg_error *error);

/// The table of results for people, value(error) beside exact and the deviation in σ; other tables in short form.
void fg_results_print(const fg_results *results, FILE *out);

/// HDF5 tidies up when the process ends, and goes round in circles there after memory has run out; all it opens is closed
/// by then. To be called before anyone calls HDF5. [main]
void fg_results_leave_hdf5_open(void);

#endif
