// test_results.c — results.h5, summary.csv and the printed tables, from tables made by hand. results.h5 is read back by
// h5py (tests/read_results.py) besides HDF5 itself, so that a fault on our side cannot hide on both.
#include "check.h"

#include "grid.h"
#include "measured.h"
#include "message.h"
#include "results.h"

#include <hdf5.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static char scratch[64]; // a folder of this test's own, removed at the end

static const fg_column size_column = {sizeof(fg_column), FG_COLUMN_TEXT, "size", "", "linear size"};
static const fg_column level_column = {sizeof(fg_column), FG_COLUMN_INTEGER, "level", "1", "inverse steps"};
static const fg_column observable_column = {sizeof(fg_column), FG_COLUMN_TEXT, "observable", "", "name"};
static const fg_column value_column = {sizeof(fg_column), FG_COLUMN_REAL, "value", "see unit", "estimate"};
static const fg_column error_column = {sizeof(fg_column), FG_COLUMN_REAL, "error", "see unit",
                                       "one standard deviation"};
static const fg_column n_column = {sizeof(fg_column), FG_COLUMN_INTEGER, "n", "1", "configurations"};
static const fg_column tau_column = {sizeof(fg_column), FG_COLUMN_REAL, "tau_int", "configurations",
                                     "autocorrelation time"};
static const fg_column exact_column = {sizeof(fg_column), FG_COLUMN_REAL, "exact", "see unit", "exact value"};
static const fg_column unit_column = {sizeof(fg_column), FG_COLUMN_TEXT, "unit", "", "unit of value"};
static const fg_column name_column = {sizeof(fg_column), FG_COLUMN_TEXT, "name", "", "which weight"};
static const fg_column weight_column = {sizeof(fg_column), FG_COLUMN_REAL, "weight", "1", "logit"};
static const fg_column step_column = {sizeof(fg_column), FG_COLUMN_INTEGER, "step", "1", "iteration"};
static const fg_column seconds_column = {sizeof(fg_column), FG_COLUMN_REAL, "time", "s", "a column with a unit"};
static const fg_column *const estimate_columns[] = {&size_column,  &level_column, &observable_column, &value_column,
                                                    &error_column, &n_column,     &tau_column,        &exact_column,
                                                    &unit_column,  NULL};
static const fg_column *const fit_columns[] = {&name_column, &weight_column, &error_column, NULL};
static const fg_column *const log_columns[] = {&step_column, &seconds_column, NULL};

static const char *in_scratch(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", scratch, name);
  return path;
}

static char *slurp(const char *path, size_t *length) {
  FILE *file = fopen(path, "r");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  char *text = calloc(1, 1 << 20);
  *length = fread(text, 1, (1 << 20) - 1, file);
  fclose(file);
  return text;
}

static void add_estimate(fg_table *table, const char *size, int64_t level, const char *observable, double value,
                         double error, int64_t n, double tau, double exact, const char *unit) {
  const fg_cell cells[] = {{.text = size}, {.integer = level}, {.text = observable}, {.real = value}, {.real = error},
                           {.integer = n}, {.real = tau},      {.real = exact},      {.text = unit}};
  CHECK_INTEGER(fg_table_append(table, cells), FG_OK);
}

/// Gives a table away to the results.
static void give(fg_results *results, uint32_t stage, fg_table *table) {
  fg_error error = {0};
  CHECK_INTEGER(fg_results_add_table(results, stage, table, &error), FG_OK);
  CHECK_TEXT(error.text, "");
  fg_table_unref(table);
}

static void add_log(fg_results *results, uint32_t stage, const char *name, int64_t rows) {
  fg_table *table = fg_table_create(name, log_columns);
  for (int64_t i = 0; i < rows; i++)
    CHECK_INTEGER(fg_table_append(table, (const fg_cell[]){{.integer = i}, {.real = 0.25 * (double)i}}), FG_OK);
  give(results, stage, table);
}

/// Four stages: one without results, a trained and an untrained model, tables in two parts, texts that need quoting.
static fg_results *make_results(void) {
  static const char *const stages[] = {"sample", "net", "train", "thermo"};
  static const double weights[] = {0.5455, 0.6274, 1.4101};
  fg_error error = {0};
  fg_results *results = fg_results_new(stages, 4);
  CU_ASSERT_PTR_NOT_NULL_FATAL(results);
  fg_table *table = fg_table_create("estimates", estimate_columns);
  add_estimate(table, "256", 8, "binder_cumulant", 0.6107, 0.0003, 4096, 0.5, NAN, "1");
  add_estimate(table, "256", 8, "e", -1.30684, 0.000199, 4096, 0.5, -1.41658, "J");
  add_estimate(table, "256", 8, "gamma_over_nu", 1.8, NAN, 4096, NAN, 1.75, "1");
  give(results, 3, table);
  table = fg_table_create("estimates", estimate_columns);
  add_estimate(table, "8x16", -2, "a, \"quoted\"\nname", 1e-300, 0, INT64_MAX, 3.25, NAN, "\xc3\xa9"); // é
  add_estimate(table, "8x16", -2, "m2", 1.0 / 3.0, INFINITY, 0, 123.4, 1.0 / 3.0, "1");
  give(results, 3, table);
  table = fg_table_create("fit", fit_columns);
  static const char *const names[] = {"corner", "edge", "centre"};
  for (int i = 0; i < 3; i++)
    CHECK_INTEGER(
        fg_table_append(table, (const fg_cell[]){{.text = names[i]}, {.real = weights[i]}, {.real = 0.0012 * (i + 1)}}),
        FG_OK);
  give(results, 2, table);
  add_log(results, 2, "log", 1000);
  add_log(results, 2, "log", 70000); // more than one block
  add_log(results, 2, "nothing", 0);
  fg_model *model = fg_model_create("network.symmetric", "{\"kernel\": 3}", NULL, 0);
  CHECK_INTEGER(fg_results_add_model(results, 1, model, &error), FG_OK);
  CHECK_INTEGER(fg_results_add_model(results, 2, model, &error), FG_OK); // replaced by the next
  fg_model_unref(model);
  model = fg_model_create("network.symmetric", "{\"kernel\": 3}", weights, 3);
  CHECK_INTEGER(fg_results_add_model(results, 2, model, &error), FG_OK);
  fg_model_unref(model);
  return results;
}

static const fg_attribute attributes[] = {
    {"version", "0.1.0", 0},
    {"name", "by-hand", 0},
    {"seed", "18446744073709551615", 0},
    {"pipeline_hash", "00ff", 0},
    {"machine", "host Linux x86_64", 0},
    {"start", "2026-06-04T12:00:00Z", 0},
    {"wall_time_seconds", NULL, 1.5},
    {"plugin_sampler.wolff", "version 1.0, file hash abc123", 0},
};

static fg_status write_hdf5(const fg_results *results, const char *path, fg_error *error) {
  error->text[0] = '\0';
  return fg_results_write_hdf5(results, path, attributes, sizeof attributes / sizeof *attributes, error);
}

static void test_csv(void) {
  static const char expected[] =
      "stage,size,level,observable,value,error,n,tau_int,exact,unit\n"
      "thermo,256,8,binder_cumulant,0.61070000000000002,0.00029999999999999997,4096,0.5,,1\n"
      "thermo,256,8,e,-1.30684,0.00019900000000000001,4096,0.5,-1.41658,J\n"
      "thermo,256,8,gamma_over_nu,1.8,,4096,,1.75,1\n"
      "thermo,8x16,-2,\"a, \"\"quoted\"\"\nname\",1e-300,0,9223372036854775807,3.25,,\xc3\xa9\n"
      "thermo,8x16,-2,m2,0.33333333333333331,inf,0,123.40000000000001,0.33333333333333331,1\n";
  fg_error error = {0};
  fg_results *results = make_results();
  CHECK_INTEGER(fg_results_write_csv(results, in_scratch("summary.csv"), &error), FG_OK);
  size_t length;
  char *text = slurp(in_scratch("summary.csv"), &length);
  CHECK_TEXT(text, expected);
  free(text);
  for (int more = 0; more < 2; more++) { // found when the last block is written, and when an earlier one is
    CHECK_INTEGER(fg_results_write_csv(results, "/dev/full", &error), FG_FAILED);
    CHECK_TEXT(error.text, "cannot write /dev/full: No space left on device");
    fg_table *table = fg_table_create("estimates", estimate_columns);
    for (int i = 0; i < 1000; i++) add_estimate(table, "8", 0, "e", 1.0 / 3, 0.1, 1, 0.5, NAN, "1");
    give(results, 3, table);
  }
  CHECK_INTEGER(fg_results_write_csv(results, in_scratch("no/summary.csv"), &error), FG_FAILED);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "No such file"));
  fg_results_free(results);
}

static void test_hdf5(void) {
  fg_error error;
  fg_results *results = make_results();
  CHECK_INTEGER(write_hdf5(results, in_scratch("results.h5"), &error), FG_OK);
  CHECK_TEXT(error.text, "");
  CHECK_INTEGER(fg_results_write_csv(results, in_scratch("summary.csv"), &error), FG_OK);
  char command[256];
  snprintf(command, sizeof command, "/usr/bin/python3 tests/read_results.py %s", scratch);
  fflush(stdout);
  CHECK_INTEGER(system(command), 0);

  hid_t file = H5Fopen(in_scratch("results.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t set = H5Dopen2(file, "/stages/train/log", H5P_DEFAULT), space = H5Dget_space(set);
  hsize_t rows = 0;
  H5Sget_simple_extent_dims(space, &rows, NULL);
  CHECK_INTEGER(rows, 71000); // both parts, in order
  struct row {
    int64_t step;
    double time;
  } *read = calloc(71000, sizeof *read);
  hid_t type = H5Dget_type(set);
  CHECK_INTEGER(H5Tget_size(type), sizeof *read);
  CU_ASSERT(rows == 71000 && H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, read) >= 0);
  int64_t wrong = 0;
  for (int64_t i = 0; i < 71000; i++) {
    int64_t step = i < 1000 ? i : i - 1000;
    wrong += read[i].step != step || read[i].time != 0.25 * (double)step;
  }
  CHECK_INTEGER(wrong, 0);
  free(read);
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(set);
  set = H5Dopen2(file, "/models/train/weights", H5P_DEFAULT);
  double weights[3] = {0};
  CU_ASSERT(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, weights) >= 0);
  CHECK_NEAR(weights[2], 1.4101, 0);
  H5Dclose(set);
  set = H5Dopen2(file, "/stages/thermo/estimates", H5P_DEFAULT);
  type = H5Dget_type(set);
  hid_t text = H5Tget_member_type(type, 2); // observable: as long as the longest cell, UTF-8
  CHECK_INTEGER(H5Tget_size(text), strlen("a, \"quoted\"\nname"));
  CHECK_INTEGER(H5Tget_cset(text), H5T_CSET_UTF8);
  H5Tclose(text);
  H5Tclose(type);
  H5Dclose(set);
  H5Fclose(file);
  fg_results_free(results);
}

static void test_same_bytes(void) {
  fg_error error;
  fg_results *one = make_results(), *two = make_results();
  size_t length_one, length_two;
  CHECK_INTEGER(write_hdf5(one, in_scratch("one.h5"), &error), FG_OK);
  sleep(2); // an object's time would differ now: it is kept in seconds
  CHECK_INTEGER(write_hdf5(two, in_scratch("two.h5"), &error), FG_OK);
  char *bytes_one = slurp(in_scratch("one.h5"), &length_one), *bytes_two = slurp(in_scratch("two.h5"), &length_two);
  CU_ASSERT(length_one > 1000 && length_one == length_two && memcmp(bytes_one, bytes_two, length_one) == 0);
  free(bytes_one);
  free(bytes_two);
  fg_results_free(one);
  fg_results_free(two);
}

/// A disk that is full or a folder that is missing is one message, and HDF5 keeps nothing open that could fail later.
static void test_failures(void) {
  fg_error error;
  fg_results *results = make_results();
  CHECK_INTEGER(write_hdf5(results, in_scratch("no/results.h5"), &error), FG_FAILED);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "no/results.h5: No such file or directory"));
  struct rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  small = (struct rlimit){100000, before.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  CHECK_INTEGER(write_hdf5(results, in_scratch("large.h5"), &error), FG_FAILED);
  setrlimit(RLIMIT_FSIZE, &before);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "large.h5: File too large"));
  CHECK_INTEGER(write_hdf5(results, "/dev/full", &error), FG_FAILED);
  CHECK_TEXT(error.text, "cannot write /dev/full: No space left on device");
  CHECK_INTEGER(write_hdf5(results, in_scratch("again.h5"), &error), FG_OK);
  CHECK_INTEGER(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
  fg_results_free(results);
}

/// What HDF5 refuses becomes a message; nothing of it reaches standard error, and its printing is on again afterwards.
static void test_hdf5_refuses(void) {
  static const fg_attribute twice[] = {{"seed", "1", 0}, {"seed", "2", 0}};
  fg_error error = {0};
  fg_results *results = fg_results_new(NULL, 0);
  fflush(stderr);
  int saved = dup(STDERR_FILENO);
  CU_ASSERT_PTR_NOT_NULL_FATAL(freopen(in_scratch("stderr"), "w", stderr));
  CHECK_INTEGER(fg_results_write_hdf5(results, in_scratch("twice.h5"), twice, 2, &error), FG_FAILED);
  fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "twice.h5: HDF5: "));
  CU_ASSERT(access(in_scratch("twice.h5"), F_OK) != 0);
  size_t length;
  char *text = slurp(in_scratch("stderr"), &length);
  CHECK_TEXT(text, "");
  free(text);
  H5E_auto2_t print;
  void *data;
  H5Eget_auto2(H5E_DEFAULT, &print, &data);
  CU_ASSERT(print != NULL);
  CHECK_INTEGER(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
  fg_results_free(results);
}

/// Adding a table of these columns must be refused with a message containing `text`.
static void refused(const char *name, const fg_column *const *columns, const fg_cell *row, const char *text) {
  static const char *const stages[] = {"only"};
  fg_error error = {0};
  fg_results *results = fg_results_new(stages, 1);
  fg_table *first = fg_table_create("log", log_columns), *table = fg_table_create(name, columns);
  give(results, 0, first);
  if (row) CHECK_INTEGER(fg_table_append(table, row), FG_OK);
  CHECK_INTEGER(fg_results_add_table(results, 0, table, &error), FG_FAILED);
  if (!strstr(error.text, text)) printf("\n    got \"%s\"\n    expected \"%s\"", error.text, text);
  CU_ASSERT(strstr(error.text, text) != NULL);
  fg_table_unref(table);
  fg_results_free(results);
}

static void test_refusals(void) {
  static const fg_column bad_name = {sizeof(fg_column), FG_COLUMN_REAL, "a/b", "1", "x"};
  static const fg_column no_unit = {sizeof(fg_column), FG_COLUMN_REAL, "a", "", "x"};
  static const fg_column no_words = {sizeof(fg_column), FG_COLUMN_REAL, "a", "1", ""};
  static const fg_column no_type = {sizeof(fg_column), 7, "a", "1", "x"};
  refused("../t", fit_columns, NULL, "a table is called '../t'");
  refused("t", (const fg_column *const[]){NULL}, NULL, "no columns");
  refused("t", (const fg_column *const[]){&bad_name, NULL}, NULL, "column 1 is called 'a/b'");
  refused("t", (const fg_column *const[]){&no_unit, NULL}, NULL, "'a' has no unit; pure numbers have \"1\"");
  refused("t", (const fg_column *const[]){&no_words, NULL}, NULL, "'a' has no description");
  refused("t", (const fg_column *const[]){&no_type, NULL}, NULL, "unknown type 7");
  refused("t", (const fg_column *const[]){&n_column, &size_column, &n_column, NULL}, NULL, "two columns 'n'");
  refused("log", fit_columns, NULL, "a second table 'log' has other columns");
  refused("estimates", fit_columns, NULL, "column 'size' is missing or of another type; fg_estimates_new");
  char *text = malloc(70001);
  memset(text, 'x', 70000);
  text[70000] = '\0';
  refused("t", fit_columns, (const fg_cell[]){{.text = text}, {.real = 0}, {.real = 0}},
          "row 0: a text of more than 65535 bytes");
  free(text);
  fg_error error = {0};
  fg_results *results = fg_results_new(NULL, 0);
  fg_table *table = fg_table_create("log", log_columns);
  CHECK_INTEGER(fg_results_add_table(results, 0, table, &error), FG_FAILED);
  fg_table_unref(table);
  CHECK_INTEGER(write_hdf5(results, in_scratch("empty.h5"), &error), FG_OK); // a run without results is no error
  fg_results_free(results);
}

static char *printed(const fg_results *results) {
  char *text = NULL;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  CU_ASSERT_PTR_NOT_NULL_FATAL(out);
  fg_results_print(results, out);
  fclose(out);
  return text;
}

#define ADDERS 4
#define ADDED 250

typedef struct adder {
  fg_results *results;
  uint32_t stage;
} adder;

static void *add_many(void *arg) {
  const adder *self = arg;
  for (int i = 0; i < ADDED; i++) {
    fg_error error = {0};
    fg_table *table = fg_table_create("log", log_columns);
    fg_table_append(table, (const fg_cell[]){{.integer = i}, {.real = 0}});
    fg_results_add_table(self->results, self->stage, table, &error);
    fg_table_unref(table);
    fg_model *model = fg_model_create("n", "{}", NULL, 0);
    fg_results_add_model(self->results, 0, model, &error);
    fg_model_unref(model);
  }
  return NULL;
}

static void test_threads(void) {
  static const char *const stages[] = {"a", "b", "c", "d"};
  fg_results *results = fg_results_new(stages, ADDERS);
  adder adders[ADDERS];
  pthread_t threads[ADDERS];
  for (uint32_t i = 0; i < ADDERS; i++) {
    adders[i] = (adder){results, i / 2}; // two threads a stage
    CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, add_many, &adders[i]) == 0);
  }
  for (int i = 0; i < ADDERS; i++) pthread_join(threads[i], NULL);
  char *text = printed(results);
  CHECK_TEXT(text, "\n table a/log: 500 rows\n\n table b/log: 500 rows\n");
  free(text);
  fg_results_free(results);
}

static void test_measured(void) {
  static const struct {
    double value, error;
    const char *text;
  } cases[] = {
      {-1.30684, 0.000199, "-1.3068(2)"}, // 19.9: one digit
      {-1.30684, 0.000194, "-1.30684(19)"},
      {1.8053, 0.0015, " 1.8053(15)"},
      {1.8053, 0.0096, " 1.805(10)"},
      {0.633772, 0.006, " 0.634(6)"},
      {5, 0.96, " 5.0(10)"},
      {5.04, 1.5, " 5.0(1.5)"},
      {123.44, 3.4, " 123(3)"},
      {16384.4, 123, " 16380(120)"},
      {16384.4, 1960, " 16000(2000)"},
      {0, 0.02, " 0.00(2)"},
      {-0.001, 2e-5, "-0.00100(2)"},
      {1.234e-9, 3e-11, " 1.23(3)e-09"},
      {6.02e23, 1.2e20, " 6.0200(12)e+23"},
      {1e-9, 5, " 0(5)"},
      {0.25, 0, " 0.25(0)"},
      {0.25, NAN, " 0.25"},
      {0.25, 1e-20, " 0.25(0)"}, // less than a double resolves
      {NAN, 1, " ?"},
      {INFINITY, 1, " inf"},
      {1e-310, 1e-312, " 1e-310(0)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[64];
    fg_measured_write(text, sizeof text, cases[i].value, cases[i].error);
    CHECK_TEXT(text, cases[i].text);
  }
  char text[64];
  fg_measured_write_exact(text, sizeof text, -1.4165842, -1.30684, 0.000199);
  CHECK_TEXT(text, "-1.41658");
  fg_measured_write_exact(text, sizeof text, 1.75, 1.8, NAN);
  CHECK_TEXT(text, " 1.75");
}

/// Characters of the longest line.
static size_t widest(const char *text) {
  size_t most = 0, width = 0;
  for (; *text; text++) {
    if (*text == '\n')
      width = 0;
    else
      width += ((unsigned char)*text & 0xc0) != 0x80;
    if (width > most) most = width;
  }
  return most;
}

static void test_print(void) {
  static const char *const stages[] = {"train", "thermo"};
  static const char *const names[] = {"corner", "edge", "centre"};
  static const double weights[] = {0.5455, 0.6274, 1.4101};
  static const char expected[] = "\n"
                                 " table train/fit\n"
                                 "   name     weight\n"
                                 "   ───────────────────\n"
                                 "   corner   0.5455(12)\n"
                                 "   edge     0.627(2)\n"
                                 "   centre   1.410(4)\n"
                                 "\n"
                                 " table train/log\n"
                                 "   step   time [s]\n"
                                 "   ───────────────\n"
                                 "      0   0\n"
                                 "      1   0.25\n"
                                 "\n"
                                 " table train/trace: 13 rows\n"
                                 "\n"
                                 " table train/nothing: 0 rows\n"
                                 "\n"
                                 " stage   level  size  observable        value       exact     Δ/σ     n  τ_int\n"
                                 " ─────────────────────────────────────────────────────────────────────────────\n"
                                 " thermo      0     1  abs_m             1(0)        1               100    0.5\n"
                                 "\n"
                                 " thermo      8   256  e                -1.3068(2)  -1.30664  -1.0  4096    0.5\n"
                                 "                      abs_m             0.690(2)                   4096   12.3\n"
                                 "                      U                 1.113(10)   1.0500   +6.3  4096    123\n"
                                 "                      binder_cumulant   ?                          4096\n"
                                 "                      gamma_over_nu     1.8         1.75           4096\n";
  fg_results *results = fg_results_new(stages, 2);
  fg_table *table = fg_table_create("fit", fit_columns);
  for (int i = 0; i < 3; i++)
    CHECK_INTEGER(
        fg_table_append(table, (const fg_cell[]){{.text = names[i]}, {.real = weights[i]}, {.real = 0.0012 * (i + 1)}}),
        FG_OK);
  give(results, 0, table);
  add_log(results, 0, "log", 2);
  add_log(results, 0, "trace", 13);
  add_log(results, 0, "nothing", 0);
  table = fg_table_create("estimates", estimate_columns);
  add_estimate(table, "1", 0, "abs_m", 1, 0, 100, 0.5, 1, "1");
  add_estimate(table, "256", 8, "binder_cumulant", NAN, NAN, 4096, NAN, NAN, "1");
  add_estimate(table, "256", 8, "gamma_over_nu", 1.8, NAN, 4096, NAN, 1.75, "1");
  add_estimate(table, "256", 8, "abs_m", 0.69, 0.002, 4096, 12.3, NAN, "1");
  add_estimate(table, "256", 8, "U", 1.1135, 0.010, 4096, 123.4, 1.05, "1");
  add_estimate(table, "256", 8, "e", -1.30684, 0.0002, 4096, 0.5, -1.30664, "1");
  give(results, 1, table);
  char *text = printed(results);
  CHECK_TEXT(text, expected);
  free(text);
  fg_results_free(results);
}

/// Long names, huge numbers, many columns, many rows: still a page of 100 columns, nothing torn.
static void test_print_wide(void) {
  static const char *const stages[] = {"a-stage-with-a-name-as-long-as-the-format-allows-which-is-64-bytes", "many"};
  fg_column many[40];
  const fg_column *pointers[41] = {NULL};
  char names[40][24];
  fg_cell cells[40];
  fg_results *results = fg_results_new(stages, 2);
  fg_table *table = fg_table_create("estimates", estimate_columns);
  for (int i = 0; i < 500; i++)
    add_estimate(table, "100000x100000x100000", i / 10,
                 "an_observable_with_a_very_long_name_τττττττττττττττττττττττττττττ", 1.23456789012, 1e-11, INT64_MAX,
                 1e300, 3.33333333333333, "a unit");
  give(results, 0, table);
  for (int c = 0; c < 40; c++) {
    snprintf(names[c], sizeof names[c], "column_%d", c);
    many[c] = weight_column;
    many[c].name = names[c];
    pointers[c] = &many[c];
    cells[c].real = c;
  }
  table = fg_table_create("wide", pointers);
  CHECK_INTEGER(fg_table_append(table, cells), FG_OK);
  give(results, 1, table);
  char *text = printed(results);
  CHECK_INTEGER(widest(text) <= FG_GRID_WIDTH, 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "100 more"));
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "column_5"));
  CU_ASSERT_PTR_NULL(strstr(text, "column_39"));
  CU_ASSERT_PTR_NULL(strstr(text, " \n"));
  free(text);
  fg_results_free(results);
}

int main(void) {
  static const check_case cases[] = {
      {"summary.csv", test_csv},
      {"results.h5", test_hdf5},
      {"equal results give equal files", test_same_bytes},
      {"a disk that is full", test_failures},
      {"what HDF5 refuses", test_hdf5_refuses},
      {"tables that cannot be kept", test_refusals},
      {"gathering from several threads", test_threads},
      {"value(error)", test_measured},
      {"printed tables", test_print},
      {"printed tables that are too wide", test_print_wide},
      {0},
  };
  snprintf(scratch, sizeof scratch, "/tmp/test-results-XXXXXX");
  if (!mkdtemp(scratch)) return 1;
  int code = check_main("results", cases);
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", scratch);
  return system(command) == 0 ? code : 1;
}
