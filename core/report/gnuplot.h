// gnuplot.h — gnuplot as a child process: no shell, no start-up file of the user's, a limited time.
#ifndef FG_CORE_REPORT_GNUPLOT_H
#define FG_CORE_REPORT_GNUPLOT_H

#include "error.h"

#include <stddef.h>

/// Runs all scripts in one gnuplot, in `folder`, and waits for it, at most `seconds`. FG_FAILED says why: it is not
/// there, it complained, it took too long. What it had drawn until then stands.
fg_status fg_gnuplot_run(const char *folder, const char *const *scripts, size_t count, double seconds, fg_error *error);

#endif
