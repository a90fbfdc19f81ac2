// test_model_file.c — model files: what is written comes back bit for bit; a file that is cut off, changed or absurdly
// large is refused with a message that says what is wrong, and never crashes the reader.
#include "check.h"
#include "message.h"
#include "model_file.h"

#include <float.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "model.json"

// ---- files

static void write_text(const char *text, size_t length) {
  FILE *file = fopen(FILE_NAME, "wb");
  if (!file || fwrite(text, 1, length, file) != length || fclose(file) != 0) abort();
}

/// The whole file, to be freed, with a zero behind it.
static char *read_text(size_t *length) {
  FILE *file = fopen(FILE_NAME, "rb");
  struct stat info;
  if (!file || fstat(fileno(file), &info) != 0) abort();
  char *text = calloc((size_t)info.st_size + 1, 1);
  if (!text || fread(text, 1, (size_t)info.st_size, file) != (size_t)info.st_size) abort();
  fclose(file);
  *length = (size_t)info.st_size;
  return text;
}

/// Whether the file is read; a model has only finite weights then, otherwise there is a message.
static int is_read(fg_error *error) {
  fg_model *model = NULL;
  *error = (fg_error){0};
  int read = fg_model_file_read(FILE_NAME, &model, error) == FG_OK;
  CU_ASSERT(read ? model != NULL : model == NULL && error->text[0]);
  for (uint64_t k = 0; read && k < model->weight_count; k++) CU_ASSERT(isfinite(model->weights[k]));
  fg_model_unref(model);
  return read;
}

static void refused(const char *text, const char *message) {
  fg_error error;
  write_text(text, strlen(text));
  CU_ASSERT(!is_read(&error));
  if (!strstr(error.text, message)) printf("\n    got      \"%s\"\n    expected \"%s\"", error.text, message);
  CU_ASSERT(strstr(error.text, message) != NULL);
}

// ---- round trip

/// Writes and reads; the weights are the same bits.
static void come_back(const char *network, const char *given, const char *expected, const double *weights,
                      uint64_t count) {
  fg_error error = {0};
  fg_model *model = fg_model_create(network, given, weights, count), *read = NULL;
  CHECK_INTEGER(fg_model_file_write(FILE_NAME, model, "a \"test\"", &error), FG_OK);
  CHECK_INTEGER(fg_model_file_read(FILE_NAME, &read, &error), FG_OK);
  CHECK_TEXT(error.text, "");
  fg_model_unref(model);
  if (!read) return;
  CHECK_TEXT(read->network, network);
  CHECK_TEXT(read->hyperparameters, expected);
  CHECK_INTEGER(read->weight_count, count);
  if (read->weight_count == count) CU_ASSERT(!count || memcmp(read->weights, weights, count * sizeof *weights) == 0);
  fg_model_unref(read);
}

static void bit_for_bit(void) {
  static const double special[] = {0.0,     -0.0,     1.0,        -1.0,      0.1,        1.0 / 3,
                                   DBL_MAX, -DBL_MAX, DBL_MIN,    0x1p-1074, -0x1p-1074, 1e22,
                                   1e23,    1e17,     0x1p53 + 2, 5e-324,    0.5459,     -1.7976931348623155e308};
  come_back("network.symmetric", "{\"kernel\": 3}", "{\"kernel\":3}", special, sizeof special / sizeof *special);
  enum { COUNT = 20000 };
  double *random = calloc(COUNT, sizeof *random);
  uint64_t bits = 20260604, filled = 0;
  while (filled < COUNT) { // any bits that make a finite number
    bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    memcpy(&random[filled], &bits, 8);
    filled += isfinite(random[filled]) ? 1 : 0;
  }
  come_back("network.conv", "{\"channels\":[32,8],\"rate\":0.1,\"name\":\"ä\",\"deep\":[[{}]]}",
            "{\"channels\":[32,8],\"rate\":0.10000000000000001,\"name\":\"ä\",\"deep\":[[{}]]}", random, COUNT);
  free(random);
}

static void untrained(void) {
  come_back("network.symmetric", " { } ", "{}", NULL, 0);
  size_t length;
  char *text = read_text(&length);
  CHECK_TEXT(text, "{\n  \"finegrain_model\": 1,\n  \"network\": \"network.symmetric\",\n  \"hyperparameters\": {},\n"
                   "  \"source\": \"a \\\"test\\\"\",\n  \"parameters\": 0,\n  \"weights\": []\n}\n");
  free(text);
}

#define HEAD "{\"finegrain_model\": 1, \"network\": \"network.symmetric\", \"hyperparameters\": {\"kernel\": 3}, "
#define SOUND HEAD "\"parameters\": 3, \"weights\": [0.5, 1, -2e-3]}"

/// As people write: any order, whole numbers, blanks before and after, a comment.
static void by_hand(void) {
  static const double expected[] = {0.5, 1, -2e-3};
  static const char other_order[] =
      "{\"comment\": \"[,,,{\\\"\", \"weights\": [5e-1, 1.0, -0.002], \"parameters\": 3, \"source\": \"\", "
      "\"hyperparameters\": {}, \"network\": \"x.y\", \"finegrain_model\": 1}";
  static const char *const texts[] = {SOUND, "\n\t " SOUND "\r\n\n", other_order};
  for (size_t i = 0; i < 3; i++) {
    fg_error error = {0};
    fg_model *model = NULL;
    write_text(texts[i], strlen(texts[i]));
    CHECK_INTEGER(fg_model_file_read(FILE_NAME, &model, &error), FG_OK);
    CHECK_TEXT(error.text, "");
    if (!model) continue;
    CHECK_INTEGER(model->weight_count, 3);
    CU_ASSERT(memcmp(model->weights, expected, sizeof expected) == 0);
    fg_model_unref(model);
  }
}

// ---- damage

/// Cut off at every byte: only the last line break is not missed.
static void cut_off(void) {
  static const double weights[] = {0.5731, -0.0, 1e-300, 3};
  come_back("network.symmetric", "{\"kernel\":3}", "{\"kernel\":3}", weights, 4);
  size_t length;
  char *text = read_text(&length);
  fg_error error;
  for (size_t keep = 0; keep + 1 < length; keep++) {
    write_text(text, keep);
    CU_ASSERT(!is_read(&error));
    if (keep) CU_ASSERT(strncmp(error.text, "line ", 5) == 0);
  }
  CHECK_TEXT(error.text, "line 15, column 0: '}' expected near end of file; is the file whole?");
  write_text(text, length - 1);
  CU_ASSERT(is_read(&error));
  free(text);
}

/// One byte changed to one that means something: an error, or a model that happens to be sound.
static void changed(void) {
  static const char bytes[] = "\0 \"\\,:{}[]9-e.\n\x80\xff";
  char text[sizeof SOUND];
  fg_error error;
  unsigned refusals = 0, total = 0;
  for (size_t at = 0; at + 1 < sizeof SOUND; at++) {
    for (size_t b = 0; b + 1 < sizeof bytes; b++, total++) {
      memcpy(text, SOUND, sizeof text);
      text[at] = bytes[b];
      write_text(text, sizeof SOUND - 1);
      refusals += !is_read(&error);
    }
  }
  CU_ASSERT(refusals > total * 8 / 10 && refusals < total);
}

static void wrong_weights(void) {
  refused(HEAD "\"parameters\": 4, \"weights\": [1, 2, 3]}", "parameters is 4, but there are 3 weights");
  refused(HEAD "\"parameters\": 3, \"weights\": [1, 2, 3, 4]}", "parameters is 3, but there are 4 weights");
  refused(HEAD "\"parameters\": 3}",
          "'weights' is missing; a model file has finegrain_model, network, hyperparameters");
  refused(HEAD "\"weights\": [1]}", "'parameters' is missing");
  refused(HEAD "\"parameters\": 2, \"weights\": [1, \"2\"]}", "weight 2 of 2 is a text; weights are one flat list");
  refused(HEAD "\"parameters\": 1, \"weights\": [[1, 2, 3]]}", "weight 1 of 1 is a list; weights are one flat list");
  refused(HEAD "\"parameters\": 1, \"weights\": [null]}", "weight 1 of 1 is null");
  refused(HEAD "\"parameters\": 1, \"weights\": {\"a\": 1}}", "weights is an object; it must be a list of numbers");
  refused(HEAD "\"parameters\": 1, \"weights\": 1}", "weights is a whole number; it must be a list");
  refused(HEAD "\"parameters\": 2, \"weights\": [1, NaN]}", "invalid token near 'NaN'; numbers are decimal and finite");
  refused(HEAD "\"parameters\": 2, \"weights\": [1, -Infinity]}", "numbers are decimal and finite");
  refused(HEAD "\"parameters\": 2, \"weights\": [1, 1e999]}", "real number overflow near '1e999'");
  refused(HEAD "\"parameters\": 1, \"weights\": [0x1p3]}", "line 1, column ");
  refused(HEAD "\"parameters\": -1, \"weights\": []}",
          "parameters is a whole number; it must be a whole number: how many");
  refused(HEAD "\"parameters\": 1.0, \"weights\": [1]}", "parameters is a real number");
}

static void wrong_rest(void) {
  refused("", "line 1, column 0: '[' or '{' expected near end of file");
  refused("[1, 2]", "is no model file (schemas/model.md): it holds a list, not an object");
  refused("{\"about\": \"\", \"models\": {}}", "is no model file (schemas/model.md): it has no \"finegrain_model\": 1");
  refused("{\"finegrain_model\": 2, \"layers\": []}",
          "finegrain_model is not 1, the only version this finegrain reads");
  refused("{\"finegrain_model\": \"1\"}", "finegrain_model is not 1");
  refused("{\"finegrain_model\": 1, \"wieghts\": []}", "unknown key 'wieghts'; did you mean 'weights'? (valid: ");
  refused("{\"finegrain_model\": 1, \"network\": \"x.y\"}", "'hyperparameters' is missing");
  refused(HEAD "\"parameters\": 0, \"weights\": [], \"comment\": 3}", "comment is a whole number; it must be a text");
  refused(HEAD "\"parameters\": 0, \"weights\": [], \"weights\": []}",
          "duplicate object key near '\"weights\"'; keep one");
  refused(SOUND "x", "end of file expected near 'x'");
  refused("{\"finegrain_model\": 1, \"network\": 3, \"hyperparameters\": {}, \"parameters\": 0, \"weights\": []}",
          "network is a whole number; it must be a text, such as \"network.symmetric\"");
  refused("{\"finegrain_model\": 1, \"network\": \"\", \"hyperparameters\": {}, \"parameters\": 0, \"weights\": []}",
          "network '' names none");
  refused(
      "{\"finegrain_model\": 1, \"network\": \"n\", \"hyperparameters\": \"{}\", \"parameters\": 0, \"weights\": []}",
      "hyperparameters is a text; it must be an object, such as {\"kernel\": 3}");
  refused("{\"finegrain_model\": 1, \"network\": "
          "\"0123456789012345678901234567890123456789012345678901234567890123\", \"hyperparameters\": {}, "
          "\"parameters\": 0, \"weights\": []}",
          "names none");
  refused("{\"finegrain_model\": 1, \"network\": \"a\\u0000b\"}", "line 1, column");
}

// ---- sizes

/// HEAD, then `unit` again and again, and what closes it.
static void refused_repeated(const char *before, const char *unit, size_t count, const char *after,
                             const char *message) {
  size_t length = strlen(before) + count * strlen(unit) + strlen(after);
  char *text = malloc(length + 1), *at = text;
  if (!text) abort();
  at += sprintf(at, "%s", before);
  for (size_t i = 0; i < count; i++, at += strlen(unit)) memcpy(at, unit, strlen(unit));
  memcpy(at, after, strlen(after) + 1);
  refused(text, message);
  free(text);
}

static void absurd_sizes(void) {
  fg_error error;
  refused(HEAD "\"parameters\": 1000000000000000000, \"weights\": [1]}", "parameters is 1000000000000000000, but");
  refused(HEAD "\"parameters\": 99999999999999999999, \"weights\": [1]}", "too big integer");
  refused_repeated(HEAD "\"parameters\": 0, \"weights\": ", "[", 200000, "",
                   "more than 16 lists and objects lie in each other");
  refused_repeated("", "{\"a\":", 17, "", "more than 16 lists and objects lie in each other");
  refused_repeated(HEAD "\"parameters\": 1, \"weights\": [0", ",0", FG_MODEL_WEIGHTS + 65536, "]}",
                   "it has more than 16777216 weights, the most a model may have");
  refused_repeated(
      "{\"finegrain_model\": 1, \"network\": \"n\", \"parameters\": 0, \"weights\": [], \"hyperparameters\": {\"a\": \"",
      "x", FG_MODEL_HYPERPARAMETERS, "\"}}", "the hyperparameters have more than 65536 bytes");
  write_text("{", 1);
  CHECK_INTEGER(truncate(FILE_NAME, (off_t)FG_MODEL_FILE_BYTES + 1), 0); // a hole: nothing is stored
  CU_ASSERT(!is_read(&error));
  CHECK_TEXT(error.text, "has 536870913 bytes; a model file has at most 512 MiB");
}

static void no_file(void) {
  fg_error error;
  unlink(FILE_NAME);
  CU_ASSERT(!is_read(&error));
  CHECK_TEXT(error.text, "cannot be opened: No such file or directory");
  CHECK_INTEGER(mkfifo(FILE_NAME, 0600), 0);
  CU_ASSERT(!is_read(&error)); // nobody will ever write to it
  CHECK_TEXT(error.text, "is no file");
  unlink(FILE_NAME);
  CHECK_INTEGER(mkdir(FILE_NAME, 0700), 0);
  CU_ASSERT(!is_read(&error));
  CHECK_TEXT(error.text, "is no file");
  CHECK_INTEGER(rmdir(FILE_NAME), 0);
}

// ---- what is not written

static void not_written(const char *path, const char *hyperparameters, double weight, const char *message) {
  fg_error error = {0};
  const double weights[] = {1, weight};
  fg_model *model = fg_model_create("network.symmetric", hyperparameters, weights, 2);
  CHECK_INTEGER(fg_model_file_write(path, model, NULL, &error), FG_FAILED);
  CHECK_TEXT(error.text, message);
  fg_model_unref(model);
}

static void refuses_to_write(void) {
  unlink(FILE_NAME);
  not_written(FILE_NAME, "{}", NAN, "weight 2 of 2 is not finite");
  not_written(FILE_NAME, "{}", -INFINITY, "weight 2 of 2 is not finite");
  not_written(FILE_NAME, "[3]", 0,
              "hyperparameters '[3]' of network.symmetric are no JSON object; this is a fault of the plugin");
  not_written(FILE_NAME, "{\"kernel\":", 0,
              "hyperparameters '{\"kernel\":' of network.symmetric are no JSON object: line 1, column 10: unexpected "
              "token near end of file; is the file whole?; this is a fault of the plugin");
  CU_ASSERT(access(FILE_NAME, F_OK) != 0);
  not_written("no/such/folder/model.json", "{}", 0, "cannot be written: No such file or directory");
  not_written("/dev/full", "{}", 0, "cannot be written: No space left on device");
}

int main(void) {
  static const check_case cases[] = {
      {"what is written comes back bit for bit", bit_for_bit},
      {"a model without weights", untrained},
      {"a file written by hand", by_hand},
      {"cut off at every byte", cut_off},
      {"any byte changed", changed},
      {"weights missing, extra, not finite or of another shape", wrong_weights},
      {"anything else wrong", wrong_rest},
      {"absurd sizes", absurd_sizes},
      {"no file", no_file},
      {"what is not written", refuses_to_write},
      {0},
  };
  char folder[] = "/tmp/finegrain-model-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder) != 0) return 1;
  int code = check_main("model_file", cases);
  unlink(FILE_NAME);
  if (chdir("/") != 0 || rmdir(folder) != 0) return 1;
  return code;
}
