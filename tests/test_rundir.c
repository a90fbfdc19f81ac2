// test_rundir.c — a run's folder: who may use it, files that appear whole or not at all, and what --force may remove.
#include "check.h"

#include "rundir.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch[64]; // a folder of this test's own, removed at the end

static const char *in_scratch(const char *name) {
  static char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", scratch, name);
  return path;
}

static bool there(const char *name) { return access(in_scratch(name), F_OK) == 0; }

static void put(const char *name, const char *text) {
  FILE *file = fopen(in_scratch(name), "w");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  fputs(text, file);
  fclose(file);
}

static const char *get(const char *name) {
  static char text[8192];
  FILE *file = fopen(in_scratch(name), "r");
  size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
  text[length] = '\0';
  if (file) fclose(file);
  return text;
}

static fg_rundir *open_run(const char *name, fg_rundir_mode mode, const char *hash, fg_error *error) {
  fg_rundir *dir = NULL;
  bool complete;
  error->text[0] = '\0';
  fg_rundir_open(in_scratch(name), mode, hash, &complete, &dir, error);
  return dir;
}

/// Opening must be refused with a message containing each of the texts.
static void refused(const char *name, fg_rundir_mode mode, const char *hash, const char *first, const char *second) {
  fg_error error;
  fg_rundir *dir = open_run(name, mode, hash, &error);
  CU_ASSERT_PTR_NULL(dir);
  fg_rundir_close(dir);
  bool said = strstr(error.text, first) && strstr(error.text, second) && strstr(error.text, in_scratch(name));
  if (!said) printf("\n    got \"%s\"\n    expected \"%s\", \"%s\" and the path in it", error.text, first, second);
  CU_ASSERT(said);
}

static void write_file(fg_rundir *dir, const char *name, const char *text) {
  fg_error error = {0};
  CHECK_INTEGER(fg_rundir_write(dir, name, text, strlen(text), &error), FG_OK);
  CHECK_TEXT(error.text, "");
}

/// A run with a stage's file and a log; finished when `manifest`.
static void leave_run(const char *name, const char *hash, bool manifest) {
  fg_error error;
  fg_rundir *dir = open_run(name, FG_RUNDIR_NEW, hash, &error);
  CHECK_TEXT(error.text, "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
  write_file(dir, "pipeline.yaml", "finegrain: 1\n");
  write_file(dir, "picture/deep/snapshot-0.png", "png");
  fg_rundir_log(dir, "info", "run", "started");
  if (manifest) write_file(dir, "manifest.json", "{}\n");
  fg_rundir_close(dir);
}

static void test_new(void) {
  fg_error error;
  fg_rundir *dir = open_run("a/b/c/", FG_RUNDIR_NEW, "1", &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
  CHECK_TEXT(fg_rundir_path(dir), in_scratch("a/b/c"));
  write_file(dir, "pipeline.yaml", "one");
  write_file(dir, "pipeline.yaml", "two\n"); // replaced, like status.json is every second
  CHECK_TEXT(get("a/b/c/pipeline.yaml"), "two\n");
  fg_rundir_close(dir);
  CU_ASSERT(there("a/b/c/.lock"));
  refused("a/b/c", FG_RUNDIR_NEW, "1", "an unfinished run", "--resume to go on with it, --force to replace it");
  put("plain", "a file");
  refused("plain", FG_RUNDIR_NEW, "1", "a file of that name is in the way", "choose another");
  CU_ASSERT_PTR_NULL(open_run("/", FG_RUNDIR_NEW, "1", &error)); // the scratch folder itself: not empty, no run
  CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "is not empty and holds no run"));
}

static void test_whole_or_not_at_all(void) {
  fg_error error;
  char temporary[PATH_MAX], again[PATH_MAX];
  fg_rundir *dir = open_run("whole", FG_RUNDIR_NEW, "1", &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
  CHECK_INTEGER(fg_rundir_begin(dir, "kept/sample.fgs", temporary, &error), FG_OK);
  CHECK_TEXT(temporary, in_scratch("whole/kept/.sample.fgs.tmp"));
  put("whole/kept/.sample.fgs.tmp", "half");
  CU_ASSERT(!there("whole/kept/sample.fgs"));
  CHECK_INTEGER(fg_rundir_begin(dir, "kept/sample.fgs", again, &error), FG_FAILED); // two stages, one file
  CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "is being written already"));
  CHECK_TEXT(get("whole/kept/.sample.fgs.tmp"), "half");
  CHECK_INTEGER(fg_rundir_commit(dir, "kept/sample.fgs", &error), FG_OK);
  CHECK_TEXT(get("whole/kept/sample.fgs"), "half");
  CU_ASSERT(!there("whole/kept/.sample.fgs.tmp"));

  CHECK_INTEGER(fg_rundir_begin(dir, "gone", temporary, &error), FG_OK);
  put("whole/.gone.tmp", "half");
  fg_rundir_discard(dir, "gone");
  CU_ASSERT(!there("whole/.gone.tmp") && !there("whole/gone"));
  CHECK_INTEGER(fg_rundir_begin(dir, "gone", temporary, &error), FG_OK); // may be begun anew
  CHECK_INTEGER(fg_rundir_commit(dir, "gone", &error), FG_FAILED);       // nothing was written
  CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "No such file"));
  fg_rundir_discard(dir, "gone");

  put("treasure", "gold");
  char link_target[PATH_MAX];
  snprintf(link_target, sizeof link_target, "%s", in_scratch("treasure"));
  CHECK_INTEGER(symlink(link_target, in_scratch("whole/.linked.tmp")), 0); // what is in the way is not written through
  write_file(dir, "linked", "x");
  CHECK_TEXT(get("treasure"), "gold");
  CHECK_INTEGER(fg_rundir_begin(dir, "stale", temporary, &error), FG_OK);
  fg_rundir_discard(dir, "stale");
  put("whole/.stale.tmp", "of a killed run");
  CHECK_INTEGER(fg_rundir_begin(dir, "stale", temporary, &error), FG_OK);
  CU_ASSERT(!there("whole/.stale.tmp"));
  fg_rundir_discard(dir, "stale");

  CHECK_INTEGER(mkdir(in_scratch("whole/folder"), 0777), 0);
  CHECK_INTEGER(fg_rundir_write(dir, "folder", "x", 1, &error), FG_FAILED);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "is a folder of that name in the way"));
  CU_ASSERT(!there("whole/.folder.tmp"));
  fg_rundir_close(dir);
}

static void test_names(void) {
  static const char *const bad[] = {"/etc/x", "../x", "a/../x", "a//..", "a/..",    "..",     "",  "a/",
                                    ".",      "a/.",  "x\ny",   ".lock", "a/.lock", ".x.tmp", NULL};
  fg_error error;
  char temporary[PATH_MAX], longest[NAME_MAX + 2];
  fg_rundir *dir = open_run("names", FG_RUNDIR_NEW, "1", &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
  for (size_t i = 0; bad[i]; i++) {
    fg_status status = fg_rundir_begin(dir, bad[i], temporary, &error);
    if (status != FG_FAILED) printf("\n    '%s' was taken", bad[i]);
    CU_ASSERT(status == FG_FAILED && strstr(error.text, "cannot be an output file"));
  }
  memset(longest, 'x', sizeof longest);
  longest[NAME_MAX] = '\0';
  CHECK_INTEGER(fg_rundir_begin(dir, longest, temporary, &error), FG_FAILED);
  longest[NAME_MAX - 5] = '\0'; // room for ".", ".tmp"
  write_file(dir, longest, "x");
  write_file(dir, "..a/b..c/...", "dots within a name are harmless");
  write_file(dir, "./kept/y", "y");
  CHECK_TEXT(get("names/kept/y"), "y");
  fg_rundir_close(dir);
}

static void test_lock(void) {
  fg_error error;
  char holder[64];
  fg_rundir *dir = open_run("locked", FG_RUNDIR_NEW, "1", &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
  write_file(dir, "pipeline.yaml", "x");
  snprintf(holder, sizeof holder, "in use by process %ld on ", (long)getpid());
  refused("locked", FG_RUNDIR_RESUME, "1", holder, "wait for it to end"); // in the same process
  refused("locked", FG_RUNDIR_FORCE, "1", holder, "choose another --out");
  CHECK_TEXT(get("locked/pipeline.yaml"), "x");
  pid_t child = fork();
  if (child == 0) _exit(open_run("locked", FG_RUNDIR_FORCE, "1", &error) ? 1 : 0);
  int status = -1;
  waitpid(child, &status, 0);
  CHECK_INTEGER(status, 0); // in another process
  fg_rundir_close(dir);
  dir = open_run("locked", FG_RUNDIR_RESUME, "1", &error);
  CU_ASSERT_PTR_NOT_NULL(dir);
  fg_rundir_close(dir);
}

/// A process killed while it holds the folder leaves no lock behind, and what it was writing is cleared away.
static void test_killed(void) {
  fg_error error;
  int pipes[2];
  char byte;
  CU_ASSERT_FATAL(pipe(pipes) == 0);
  pid_t child = fork();
  if (child == 0) {
    char temporary[PATH_MAX];
    fg_rundir *dir = open_run("killed", FG_RUNDIR_NEW, "1", &error);
    fg_rundir_write(dir, "pipeline.yaml", "x", 1, &error);
    fg_rundir_begin(dir, "kept/half", temporary, &error);
    put("killed/kept/.half.tmp", "half");
    if (write(pipes[1], "x", 1) == 1) pause();
    _exit(1);
  }
  CU_ASSERT(read(pipes[0], &byte, 1) == 1);
  char holder[64];
  snprintf(holder, sizeof holder, "in use by process %ld on ", (long)child);
  refused("killed", FG_RUNDIR_RESUME, "1", holder, "");
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  close(pipes[0]);
  close(pipes[1]);
  CU_ASSERT(there("killed/kept/.half.tmp"));
  fg_rundir *dir = open_run("killed", FG_RUNDIR_RESUME, "1", &error);
  CHECK_TEXT(error.text, "");
  CU_ASSERT_PTR_NOT_NULL(dir);
  CU_ASSERT(!there("killed/kept/.half.tmp") && !there("killed/kept/half"));
  fg_rundir_close(dir);
}

static void test_resume(void) {
  fg_error error;
  fg_rundir *dir = NULL;
  bool complete = true;
  leave_run("resumed", "hash-one", false);
  refused("resumed", FG_RUNDIR_RESUME, "hash-two", "another pipeline (hash hash-one, not hash-two)", "--force");
  CHECK_INTEGER(fg_rundir_open(in_scratch("resumed"), FG_RUNDIR_RESUME, "hash-one", &complete, &dir, &error), FG_OK);
  CU_ASSERT(!complete && dir);
  CHECK_TEXT(get("resumed/picture/deep/snapshot-0.png"), "png");
  write_file(dir, "manifest.json", "{}\n");
  fg_rundir_close(dir);

  char before[8192];
  snprintf(before, sizeof before, "%s", get("resumed/.lock"));
  CHECK_INTEGER(fg_rundir_open(in_scratch("resumed"), FG_RUNDIR_RESUME, "hash-one", &complete, &dir, &error), FG_OK);
  CU_ASSERT(complete && dir);
  fg_rundir_close(dir);
  CHECK_TEXT(get("resumed/.lock"), before); // a finished run is not touched
  refused("resumed", FG_RUNDIR_NEW, "hash-one", "a finished run; --force to replace it", "");
  refused("resumed", FG_RUNDIR_RESUME, "hash-two", "another pipeline", "");

  CHECK_INTEGER(fg_rundir_open(in_scratch("fresh"), FG_RUNDIR_RESUME, "1", &complete, &dir, &error),
                FG_OK); // nothing there: begins
  CU_ASSERT(!complete);
  fg_rundir_close(dir);
}

static void test_force(void) {
  fg_error error;
  leave_run("forced", "1", true);
  put("forced/notes.txt", "mine");
  put("forced/picture/mine.png", "mine");
  put("forced/picture/deep/.snapshot-0.png.tmp", "half");
  fg_rundir *dir = open_run("forced", FG_RUNDIR_FORCE, "2", &error);
  CHECK_TEXT(error.text, "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
  CU_ASSERT(!there("forced/pipeline.yaml") && !there("forced/manifest.json") && !there("forced/log.txt"));
  CU_ASSERT(!there("forced/picture/deep"));
  CHECK_TEXT(get("forced/notes.txt"), "mine");
  CHECK_TEXT(get("forced/picture/mine.png"), "mine");
  write_file(dir, "pipeline.yaml", "new");
  fg_rundir_close(dir);
  refused("forced", FG_RUNDIR_RESUME, "1", "another pipeline", "");
  dir = open_run("forced", FG_RUNDIR_RESUME, "2", &error);
  CU_ASSERT_PTR_NOT_NULL(dir);
  fg_rundir_close(dir);
}

/// Folders of others are refused in every mode and left exactly as they were.
static void test_strangers(void) {
  static const fg_rundir_mode modes[] = {FG_RUNDIR_NEW, FG_RUNDIR_RESUME, FG_RUNDIR_FORCE};
  mkdir(in_scratch("data"), 0777);
  put("data/file", "precious");
  mkdir(in_scratch("project"), 0777);
  put("project/pipeline.yaml", "mine");
  mkdir(in_scratch("other"), 0777);
  put("other/.lock", "another program's\n");
  mkdir(in_scratch("touched"), 0777);
  put("touched/.lock", "");
  put("touched/manifest.json", "not ours");
  for (size_t m = 0; m < 3; m++) {
    refused("data", modes[m], "1", "is not empty and holds no run", "choose another --out");
    refused("project", modes[m], "1", "without the .lock", "choose another --out");
    refused("other", modes[m], "1", "is not empty and holds no run", "choose another --out");
    refused("touched", modes[m], "1", "without the .lock", "choose another --out");
  }
  CU_ASSERT(!there("data/.lock") && !there("project/.lock"));
  CHECK_TEXT(get("data/file"), "precious");
  CHECK_TEXT(get("project/pipeline.yaml"), "mine");
  CHECK_TEXT(get("other/.lock"), "another program's\n");
  CHECK_TEXT(get("touched/manifest.json"), "not ours");
}

/// A .lock that came with a downloaded run cannot make --force remove anything outside the folder.
static void test_forged_journal(void) {
  fg_error error;
  char outside[PATH_MAX];
  leave_run("forged", "1", true);
  put("treasure", "gold");
  mkdir(in_scratch("vault"), 0777);
  put("vault/treasure", "gold");
  snprintf(outside, sizeof outside, "%s", in_scratch("vault"));
  CHECK_INTEGER(symlink(outside, in_scratch("forged/link")), 0);
  FILE *lock = fopen(in_scratch("forged/.lock"), "a");
  CU_ASSERT_PTR_NOT_NULL_FATAL(lock);
  fprintf(lock, "file ../treasure\nfile %s/treasure\nfile link/treasure\nfile .lock\nfile note",
          scratch); // the last line is torn
  fclose(lock);
  put("forged/note", "mine");
  fg_rundir *dir = open_run("forged", FG_RUNDIR_FORCE, "1", &error);
  CHECK_TEXT(error.text, "");
  fg_rundir_close(dir);
  CHECK_TEXT(get("treasure"), "gold");
  CHECK_TEXT(get("vault/treasure"), "gold");
  CHECK_TEXT(get("forged/note"), "mine");
  CU_ASSERT(there("forged/.lock"));
}

static void test_torn_journal(void) {
  fg_error error;
  leave_run("torn", "1", false);
  FILE *lock = fopen(in_scratch("torn/.lock"), "a");
  CU_ASSERT_PTR_NOT_NULL_FATAL(lock);
  fputs("file no", lock);
  fclose(lock);
  fg_rundir *dir = open_run("torn", FG_RUNDIR_RESUME, "1", &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
  write_file(dir, "next", "x");
  fg_rundir_close(dir);
  CU_ASSERT_PTR_NULL(strstr(get("torn/.lock"), "file no"));
  CU_ASSERT_PTR_NOT_NULL(strstr(get("torn/.lock"), "\nfile next\n"));
}

static void test_nothing_left(void) {
  fg_error error;
  fg_rundir *dir = open_run("short", FG_RUNDIR_NEW, "1", &error);
  CU_ASSERT(there("short/.lock"));
  fg_rundir_close(dir);
  CU_ASSERT(!there("short"));
  mkdir(in_scratch("given"), 0777); // not made by the run: stays, and can be used again
  fg_rundir_close(open_run("given", FG_RUNDIR_NEW, "1", &error));
  CU_ASSERT(there("given"));
  dir = open_run("given", FG_RUNDIR_NEW, "2", &error);
  CHECK_TEXT(error.text, "");
  fg_rundir_close(dir);
}

#define LOG_THREADS 4
#define LOG_LINES 200

static void *log_lines(void *dir) {
  for (int i = 0; i < LOG_LINES; i++) fg_rundir_log(dir, "info", "stage", "a line of some length that must stay whole");
  return NULL;
}

static void test_log(void) {
  fg_error error;
  pthread_t threads[LOG_THREADS];
  fg_rundir *dir = open_run("logged", FG_RUNDIR_NEW, "1", &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
  fg_rundir_log(dir, "warning", "thermo", "two\nlines become one");
  const char *text = get("logged/log.txt");
  static const char example[] = "2026-06-04T12:00:00Z warning thermo: two lines become one\n";
  CHECK_INTEGER(strlen(text), strlen(example));
  CHECK_TEXT(text + 20, example + 20);
  CU_ASSERT(strlen(text) > 20 && text[4] == '-' && text[10] == 'T' && text[19] == 'Z');
  for (int i = 0; i < LOG_THREADS; i++) CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, log_lines, dir) == 0);
  for (int i = 0; i < LOG_THREADS; i++) pthread_join(threads[i], NULL);
  fg_rundir_close(dir);
  FILE *log = fopen(in_scratch("logged/log.txt"), "r");
  char line[256];
  int whole = 0;
  while (log && fgets(line, sizeof line, log))
    whole += strcmp(line + 20, " info stage: a line of some length that must stay whole\n") == 0;
  if (log) fclose(log);
  CHECK_INTEGER(whole, LOG_THREADS * LOG_LINES);
}

int main(void) {
  static const check_case cases[] = {
      {"a new folder, with parents", test_new},
      {"files appear whole or not at all", test_whole_or_not_at_all},
      {"names stay inside", test_names},
      {"two runs exclude each other", test_lock},
      {"a killed run leaves no lock", test_killed},
      {"resume", test_resume},
      {"force removes what a run left, nothing else", test_force},
      {"folders of others are refused and untouched", test_strangers},
      {"a forged journal reaches nothing outside", test_forged_journal},
      {"a torn line of the journal", test_torn_journal},
      {"a folder with nothing in it is removed", test_nothing_left},
      {"log.txt", test_log},
      {0},
  };
  snprintf(scratch, sizeof scratch, "/tmp/test-rundir-XXXXXX");
  if (!mkdtemp(scratch)) return 1;
  int code = check_main("rundir", cases);
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", scratch);
  return system(command) == 0 ? code : 1;
}
