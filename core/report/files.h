// files.h — the files of a report, and of what it is made from: written whole, entered in the run's journal so that 'run --force' removes
// them, and gone when a later report does not make them any more.
#ifndef FG_CORE_REPORT_FILES_H
#define FG_CORE_REPORT_FILES_H

#include "error.h"

#include <jansson.h>
#include <stddef.h>

/// Where plots and their data go, within the folder.
#define FG_REPORT_PLOTS "report"

typedef struct fg_report_files fg_report_files;

fg_report_files *fg_report_files_open(const char *folder);
/// Makes FOLDER/report unless it is there.
fg_status fg_report_files_make_subfolder(fg_report_files *files, fg_error *error);
/// Writes FOLDER/name: a temporary, synced, renamed. `name` is ours: "report.html" or "report/NAME".
fg_status fg_report_files_write(fg_report_files *files, const char *name, const char *text, size_t length,
                                fg_error *error);
/// Another program is about to write FOLDER/name: removes what is there and enters it in the journal.
void fg_report_files_expect(fg_report_files *files, const char *name);
/// All files are written: removes the plots an earlier report left and this one has not written.
void fg_report_files_remove_stale(fg_report_files *files);
void fg_report_files_close(fg_report_files *files);

/// A file of at most `most` bytes as a text with a zero behind it, to be freed; NULL after setting `error`. *length may
/// be NULL.
char *fg_report_read(const char *path, size_t most, size_t *length, fg_error *error);

/// A member of an object, "" or 0 when it is not there or something else.
const char *fg_json_text(const json_t *object, const char *key);
double fg_json_number(const json_t *object, const char *key);

#endif
