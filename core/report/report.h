// report.h — report.html, the page that a run or a sweep leaves for people. It is made from what lies in the folder, and
// may be made again at any time.
#ifndef FG_CORE_REPORT_H
#define FG_CORE_REPORT_H

#include "error.h"

/// Writes FOLDER/report.html, and FOLDER/report/ with the plots' numbers and scripts. `warning` gets what is missing
/// from the page, as plots without gnuplot; "" when nothing is. Equal results give equal pages but for times.
fg_status fg_report_run(const char *folder, fg_error *warning, fg_error *error);
fg_status fg_report_sweep(const char *folder, fg_error *warning, fg_error *error);

/// One of them, after what the folder holds; an error when it holds neither.
fg_status fg_report(const char *folder, fg_error *warning, fg_error *error);

#endif
