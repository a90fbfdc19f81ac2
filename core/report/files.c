// files.c — see files.h. The journal is RUN/.lock, whose lines schemas/results.md describes. Its lock is not
// taken: a report may be made while the run that holds it goes on, and a line is appended in one write.
#include "report/files.h"

#include "folder.h"
#include "report/plot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_LINE "finegrain run folder\n"
#define MOST_JOURNAL ((size_t)64 << 20)

struct fg_report_files {
  char folder[PATH_MAX];
  int journal;     ///< -1: there is none, or we may not write to it
  json_t *entered; ///< names in the journal (a set)
  json_t *written; ///< names of this report
};

char *fg_report_read(const char *path, size_t most, size_t *length, fg_error *error) {
  struct stat info;
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe of that name must not hold us up
  if (file < 0 || fstat(file, &info) != 0 || !S_ISREG(info.st_mode) || (size_t)info.st_size > most) {
    if (file < 0)
      fg_error_set(error, "%s: %s", path, strerror(errno));
    else
      fg_error_set(error, "%s: not a file, or larger than %zu bytes", path, most);
    if (file >= 0) close(file);
    return NULL;
  }
  size_t size = (size_t)info.st_size, done = 0;
  char *text = malloc(size + 1);
  if (!text) abort();
  for (ssize_t n; done < size && ((n = read(file, text + done, size - done)) > 0 || (n < 0 && errno == EINTR));)
    done += n > 0 ? (size_t)n : 0;
  close(file);
  text[done] = '\0';
  if (length) *length = done;
  return text;
}

const char *fg_json_text(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "";
}

double fg_json_number(const json_t *object, const char *key) { return json_number_value(json_object_get(object, key)); }

/// FOLDER/name; false when that is too long.
static bool join(char path[PATH_MAX], const char *folder, const char *name) {
  return snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

static void remember(json_t *set, const char *name) { json_object_set_new_nocheck(set, name, json_true()); }

/// Opens RUN/.lock when it is a run's, and learns what is in it.
static void open_journal(fg_report_files *files) {
  char path[PATH_MAX];
  fg_error ignored;
  if (!join(path, files->folder, ".lock")) return;
  char *text = fg_report_read(path, MOST_JOURNAL, NULL, &ignored);
  if (text && strncmp(text, FIRST_LINE, strlen(FIRST_LINE)) == 0) {
    files->journal = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
      *end = '\0';
      if (strncmp(line, "file ", 5) == 0) remember(files->entered, line + 5);
    }
  }
  free(text);
}

fg_report_files *fg_report_files_open(const char *folder) {
  fg_report_files *files = calloc(1, sizeof *files);
  if (!files) abort();
  snprintf(files->folder, sizeof files->folder, "%s", folder);
  files->journal = -1;
  files->entered = json_object();
  files->written = json_object();
  if (!files->entered || !files->written) abort();
  open_journal(files);
  return files;
}

void fg_report_files_close(fg_report_files *files) {
  if (files->journal >= 0) close(files->journal);
  json_decref(files->entered);
  json_decref(files->written);
  free(files);
}

static void enter(fg_report_files *files, const char *name) {
  char line[PATH_MAX];
  remember(files->written, name);
  if (files->journal < 0 || json_object_get(files->entered, name)) return;
  int length = snprintf(line, sizeof line, "file %s\n", name);
  if (length < (int)sizeof line && write(files->journal, line, (size_t)length) == length)
    remember(files->entered, name);
}

void fg_report_files_expect(fg_report_files *files, const char *name) {
  char path[PATH_MAX];
  if (join(path, files->folder, name)) unlink(path);
  enter(files, name);
}

static int write_whole(const char *path, const char *text, size_t length) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666), cause = 0;
  if (file < 0) return errno;
  for (size_t done = 0; done < length && !cause;) {
    ssize_t n = write(file, text + done, length - done);
    if (n >= 0)
      done += (size_t)n;
    else if (errno != EINTR)
      cause = errno;
  }
  if (!cause && fsync(file) != 0) cause = errno;
  if (close(file) != 0 && !cause) cause = errno;
  return cause;
}

fg_status fg_report_files_write(fg_report_files *files, const char *name, const char *text, size_t length,
                                fg_error *error) {
  char path[PATH_MAX], temporary[PATH_MAX];
  const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
  if (!join(path, files->folder, name) ||
      // Two reports at once must not share a temporary.
      snprintf(temporary, sizeof temporary, "%s/%.*s.%s.%ld.tmp", files->folder, (int)(base - name), name, base,
               (long)getpid()) >= (int)sizeof temporary)
    return fg_error_set(error, "%s/%s: the path is too long", files->folder, name);
  enter(files, name);
  int cause = write_whole(temporary, text, length);
  if (!cause && rename(temporary, path) != 0) cause = errno;
  if (!cause) return FG_OK;
  unlink(temporary);
  return fg_error_set(error, "cannot write %s: %s", path, strerror(cause));
}

fg_status fg_report_files_make_subfolder(fg_report_files *files, fg_error *error) {
  char path[PATH_MAX];
  if (join(path, files->folder, FG_REPORT_PLOTS)) return fg_folder_make(path, NULL, error);
  return fg_error_set(error, "%s: the path is too long", files->folder);
}

/// Removes FOLDER/report/STEM.* when STEM.gp is one of ours that this report has not written.
static void remove_if_stale(const fg_report_files *files, const char *stem, int length) {
  static const char *const endings[] = {"gp", "dat", "svg"};
  char name[NAME_MAX + 32], path[PATH_MAX], first[sizeof FG_PLOT_MARK] = "";
  snprintf(name, sizeof name, FG_REPORT_PLOTS "/%.*s.gp", length, stem);
  if (json_object_get(files->written, name) || !join(path, files->folder, name)) return;
  FILE *script = fopen(path, "re");
  bool ours = script && fgets(first, sizeof first, script) && strcmp(first, FG_PLOT_MARK) == 0;
  if (script) fclose(script);
  for (size_t i = 0; i < 3 && ours; i++) {
    snprintf(name, sizeof name, FG_REPORT_PLOTS "/%.*s.%s", length, stem, endings[i]);
    if (join(path, files->folder, name)) unlink(path);
  }
}

void fg_report_files_remove_stale(fg_report_files *files) {
  char path[PATH_MAX];
  if (!join(path, files->folder, FG_REPORT_PLOTS)) return;
  DIR *folder = opendir(path);
  for (const struct dirent *entry; folder && (entry = readdir(folder));) {
    const char *dot = strrchr(entry->d_name, '.');
    if (dot && strcmp(dot, ".gp") == 0) remove_if_stale(files, entry->d_name, (int)(dot - entry->d_name));
  }
  if (folder) closedir(folder);
}
