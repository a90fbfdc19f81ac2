// report.c — see report.h.
#include "report/report.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool holds(const char *folder, const char *name) {
  char path[PATH_MAX];
  return snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && access(path, F_OK) == 0;
}

fg_status fg_report(const char *folder, fg_error *warning, fg_error *error) {
  struct stat info;
  if (stat(folder, &info) != 0) return fg_error_set(error, "%s: %s", folder, strerror(errno));
  if (!S_ISDIR(info.st_mode))
    return fg_error_set(error, "%s is not a folder; give the folder of a run or of a sweep", folder);
  if (holds(folder, "plan.json")) return fg_report_sweep(folder, warning, error);
  if (holds(folder, "manifest.json") || holds(folder, "status.json") || holds(folder, "pipeline.yaml"))
    return fg_report_run(folder, warning, error);
  return fg_error_set(error,
                      "%s holds neither a run (no manifest.json, status.json or pipeline.yaml) nor a sweep (no "
                      "plan.json); give the folder that --out named",
                      folder);
}
