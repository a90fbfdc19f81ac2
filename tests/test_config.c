// test_config.c — parameter tables: YAML to config struct for every type, each refusal with its text, what is written to
// pipeline.yaml and read back, and tables that are themselves at fault.
#include "check.h"

#include "config.h"

#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

typedef struct settings {
  int32_t flag, choice;
  int64_t count, bytes;
  double coupling, wait;
  const char *label, *path;
  fg_integer_list levels;
  fg_real_list weights;
  fg_text_list words;
  int64_t columns;
} settings;

static const char *const choices[] = {"random", "up", "off", "1st", "a: b", NULL};
static const char *const couplings[] = {"critical=0.44068679350977147", "none=-1", NULL};
static const char *const columns[] = {"auto=0", NULL};

#define PARAM(field, kind, ...)                                                                                        \
  static const fg_param param_##field = {.size = sizeof(fg_param),                                                     \
                                         .type = kind,                                                                 \
                                         .offset = offsetof(settings, field),                                          \
                                         .name = #field,                                                               \
                                         .doc = "What " #field " does.",                                               \
                                         __VA_ARGS__}
PARAM(flag, FG_PARAM_BOOL, .def = "true");
PARAM(choice, FG_PARAM_CHOICE, .def = "up", .choices = choices);
PARAM(count, FG_PARAM_INTEGER, .min = "1", .max = "1e6", .unit = "1");
PARAM(bytes, FG_PARAM_INTEGER, .def = "1.5 KiB", .max = "1 GiB", .unit = "B");
PARAM(coupling, FG_PARAM_REAL, .def = "critical", .min = "0", .names = couplings);
PARAM(wait, FG_PARAM_REAL, .def = "10 min", .min = "1 ms", .max = "1 d", .unit = "s");
PARAM(label, FG_PARAM_TEXT, .def = "'#fff: x'");
PARAM(path, FG_PARAM_PATH, .def = "");
PARAM(levels, FG_PARAM_INTEGER_LIST, .def = "[1, 2]", .min = "0", .max = "9");
PARAM(weights, FG_PARAM_REAL_LIST, .def = "[]");
PARAM(words, FG_PARAM_TEXT_LIST, .def = "[a, 'b c']");
PARAM(columns, FG_PARAM_INTEGER, .def = "auto", .min = "1", .max = "64", .names = columns);

static const fg_param *const params[] = {&param_flag,  &param_choice,  &param_count, &param_bytes,  &param_coupling,
                                         &param_wait,  &param_label,   &param_path,  &param_levels, &param_weights,
                                         &param_words, &param_columns, NULL};
static const fg_stage stage = {
    .size = sizeof(fg_stage), .kind = "test.settings", .params = params, .config_size = sizeof(settings)};

/// A config with what it was made from, and what was said about it.
typedef struct made {
  fg_document *document;
  fg_config *config;
  char *lines;
} made;

static made make_for(const fg_stage *of, const char *text, const char *folder) {
  made m = {0};
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  m.document = fg_yaml_read_text("p", text, strlen(text), diagnostics);
  CU_ASSERT_FATAL(m.document != NULL);
  unsigned before = fg_diagnostics_errors(diagnostics);
  m.config = fg_config_new(of, fg_document_root(m.document), "s", (fg_place){"p", 90, 3}, folder, diagnostics);
  CU_ASSERT((m.config != NULL) == (fg_diagnostics_errors(diagnostics) == before));
  size_t length = 0;
  FILE *out = open_memstream(&m.lines, &length);
  if (!out) abort();
  fg_diagnostics_print(diagnostics, out);
  fclose(out);
  fg_diagnostics_free(diagnostics);
  return m;
}

static made make(const char *text) { return make_for(&stage, text, "/folder"); }

static void unmake(made *m) {
  fg_config_free(m->config);
  fg_document_free(m->document);
  free(m->lines);
}

static const settings *data_of(const made *m) {
  CHECK_TEXT(m->lines, "");
  CU_ASSERT_FATAL(m->config != NULL);
  return fg_config_data(m->config);
}

static void refused(const char *text, const char *expected) {
  made m = make(text);
  CHECK_TEXT(m.lines, expected);
  unmake(&m);
}

static void defaults(void) {
  made m = make("{count: 7}");
  const settings *s = data_of(&m);
  CHECK_INTEGER(s->flag, 1);
  CHECK_INTEGER(s->choice, 1);
  CHECK_INTEGER(s->count, 7);
  CHECK_INTEGER(s->bytes, 1536);
  CHECK_NEAR(s->coupling, 0.44068679350977147, 0);
  CHECK_NEAR(s->wait, 600, 0);
  CHECK_TEXT(s->label, "#fff: x");
  CHECK_TEXT(s->path, "");
  CHECK_INTEGER(s->levels.count, 2);
  CHECK_INTEGER(s->levels.items[1], 2);
  CHECK_INTEGER(s->weights.count, 0);
  CHECK_INTEGER(s->words.count, 2);
  CHECK_TEXT(s->words.items[1], "b c");
  CHECK_INTEGER(s->columns, 0);
  unmake(&m);
}

static void every_type(void) {
  made m =
      make("{flag: False, choice: '1st', count: 1e3, bytes: 64 MiB, coupling: 1e-3, wait: 250ms, label: \"a\\nb\",\n"
           " path: data/a.npy, levels: [0, 0x9, 3e0], weights: [1, -.5, 1e-300], words: [x, '', 3],\n"
           " columns: 64}");
  const settings *s = data_of(&m);
  CHECK_INTEGER(s->flag, 0);
  CHECK_INTEGER(s->choice, 3);
  CHECK_INTEGER(s->count, 1000);
  CHECK_INTEGER(s->bytes, 64 << 20);
  CHECK_NEAR(s->coupling, 1e-3, 0);
  CHECK_NEAR(s->wait, 0.25, 0);
  CHECK_TEXT(s->label, "a\nb");
  CHECK_TEXT(s->path, "/folder/data/a.npy");
  CHECK_INTEGER(s->levels.count, 3);
  CHECK_INTEGER(s->levels.items[1], 9);
  CHECK_INTEGER(s->levels.items[2], 3);
  CHECK_INTEGER(s->weights.count, 3);
  CHECK_NEAR(s->weights.items[2], 1e-300, 0);
  CHECK_INTEGER(s->words.count, 3);
  CHECK_TEXT(s->words.items[2], "3");
  CHECK_INTEGER(s->columns, 64);
  // Where each value was written; the stage for a default.
  CHECK_INTEGER(fg_config_place(m.config, "coupling").column, 67);
  CHECK_INTEGER(fg_config_place(m.config, "path").line, 2);
  CHECK_INTEGER(fg_config_place(m.config, "nothing").line, 90);
  unmake(&m);
}

/// Names stand for their value whatever the limits, quoted or not; so do quoted numbers with a unit.
static void names_and_quotes(void) {
  made m = make("{count: 1, coupling: 'none', columns: \"auto\", bytes: '2 KiB', wait: \"1 h\", choice: \"up\"}");
  const settings *s = data_of(&m);
  CHECK_NEAR(s->coupling, -1, 0);
  CHECK_INTEGER(s->columns, 0);
  CHECK_INTEGER(s->bytes, 2048);
  CHECK_NEAR(s->wait, 3600, 0);
  unmake(&m);
}

static void paths(void) {
  static const char *const cases[][3] = {
      {"/abs/a", "/folder", "/abs/a"}, {"a", "", "a"}, {"../a", "/folder", "/folder/../a"}, {"''", "/folder", ""}};
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    char text[100];
    snprintf(text, sizeof text, "{count: 1, path: %s}", cases[i][0]);
    made m = make_for(&stage, text, cases[i][1]);
    CHECK_TEXT(data_of(&m)->path, cases[i][2]);
    unmake(&m);
  }
}

static void wrong_types(void) {
  refused("{count: big}", "p:1:9: error: s: count: 'big' is not a number; expected integer, 1 to 1e6\n");
  refused("{count: 2.5}", "p:1:9: error: s: count: '2.5' is not an integer; expected integer, 1 to 1e6\n");
  refused("{count: 12x}", "p:1:9: error: s: count: '12x' is not a number; expected integer, 1 to 1e6\n");
  refused("{count: .inf}", "p:1:9: error: s: count: '.inf' is not finite; expected integer, 1 to 1e6\n");
  refused("{count: 1e30}", "p:1:9: error: s: count: '1e30' is too large; expected integer, 1 to 1e6\n");
  refused("{count: [1]}", "p:1:9: error: s: count: got a list; expected integer, 1 to 1e6\n");
  refused("{count: {a: 1}}", "p:1:9: error: s: count: got a map; expected integer, 1 to 1e6\n");
  refused("{count: }", "p:1:9: error: s: count: got nothing; expected integer, 1 to 1e6\n");
  refused("{count: ~}", "p:1:9: error: s: count: got nothing; expected integer, 1 to 1e6\n");
  refused("{count: '5'}", "p:1:9: error: s: count: '5' in quotes is text; write it without them\n");
  refused("{count: 1, coupling: \"0.4\"}",
          "p:1:22: error: s: coupling: '0.4' in quotes is text; write it without them\n");
  refused("{count: 1, coupling: warm}",
          "p:1:22: error: s: coupling: 'warm' is not a number; expected real, 0 or more, or critical, or none\n");
  refused("{count: 1, flag: yes}", "p:1:18: error: s: flag: 'yes' is not true or false; expected true or false\n");
  refused("{count: 1, flag: 'true'}", "p:1:18: error: s: flag: 'true' in quotes is text; write it without them\n");
  refused("{count: 1, flag: [true]}", "p:1:18: error: s: flag: got a list; expected true or false\n");
  refused("{count: 1, label: }", "p:1:19: error: s: label: got nothing; expected text\n");
  refused("{count: 1, label: null, path: [a]}", "p:1:19: error: s: label: got nothing; expected text\n"
                                                "p:1:31: error: s: path: got a list; expected path of a file\n");
  refused("{count: 1, choice: {}}", "p:1:20: error: s: choice: got a map; expected random | up | off | 1st | a: b\n");
  refused(
      "{count: 1, bytes: 64 MB/s, wait: 3 weeks}",
      "p:1:19: error: s: bytes: '64 MB/s' has no known unit (B, KiB, MiB, GiB, TiB, kB, MB, GB or TB); expected "
      "integer, at most 1 GiB\n"
      "p:1:34: error: s: wait: '3 weeks' has no known unit (ns, us, ms, s, min, h or d); expected real, 1 ms to 1 d\n");
}

static void lists(void) {
  refused("{count: 1, levels: 3}", "p:1:20: error: s: levels: '3' is not a list; write [3]\n");
  refused("{count: 1, levels: {a: 1}}", "p:1:20: error: s: levels: got a map; expected list of integers, 0 to 9\n");
  refused("{count: 1, levels: ~}", "p:1:20: error: s: levels: got nothing; expected list of integers, 0 to 9\n");
  refused("{count: 1, levels: [1, [2], 10, -1, x, ~, '3']}",
          "p:1:24: error: s: levels: item 2 is a list, not a single value\n"
          "p:1:29: error: s: levels: 10 is above the maximum 9\n"
          "p:1:33: error: s: levels: -1 is below the minimum 0\n"
          "p:1:37: error: s: levels: 'x' is not a number; expected list of integers, 0 to 9\n"
          "p:1:40: error: s: levels: item 6 is nothing, not a single value\n"
          "p:1:43: error: s: levels: '3' in quotes is text; write it without them\n");
  refused("{count: 1, words: [a, {b: c}]}", "p:1:23: error: s: words: item 2 is a map, not a single value\n");
}

static void limits(void) {
  refused("{count: 0}", "p:1:9: error: s: count: 0 is below the minimum 1\n");
  refused("{count: 1000001}", "p:1:9: error: s: count: 1000001 is above the maximum 1e6\n");
  refused("{count: 1, bytes: 2 GiB}", "p:1:19: error: s: bytes: 2 GiB is above the maximum 1 GiB\n");
  refused("{count: 1, wait: 1 us}", "p:1:18: error: s: wait: 1 us is below the minimum 1 ms\n");
  refused("{count: 1, coupling: -1e-9}", "p:1:22: error: s: coupling: -1e-9 is below the minimum 0\n");
  refused("{count: 1, columns: 0}", "p:1:21: error: s: columns: 0 is below the minimum 1\n");
  made m = make("{count: 1e6, bytes: 1 GiB, wait: 1 ms, coupling: 0}"); // limits are inclusive
  CHECK_NEAR(data_of(&m)->wait, 1e-3, 0);
  unmake(&m);
}

/// Everything wrong in one pass, at its own place.
static void several(void) {
  refused(
      "{conut: 5, choice: randm,\n flag: 1, labels: x}",
      "p:1:2: error: s: unknown parameter 'conut'; did you mean 'count'? (valid: flag, choice, count, bytes, "
      "coupling, wait, label, path, levels, weights, words, columns)\n"
      "p:1:20: error: s: choice: unknown choice 'randm'; did you mean 'random'? (valid: random, up, off, 1st, a: b)\n"
      "p:2:8: error: s: flag: '1' is not true or false; expected true or false\n"
      "p:2:11: error: s: unknown parameter 'labels'; did you mean 'label'? (valid: flag, choice, count, bytes, "
      "coupling, wait, label, path, levels, weights, words, columns)\n"
      "p:90:3: error: s: missing parameter 'count' (integer, 1 to 1e6): What count does.\n");
  refused("{count: 1, count: 2}", "p:1:12: error: key 'count' is given twice, first in line 1; remove one\n");
}

static void required_path_and_no_parameters(void) {
  static const fg_param needed = {sizeof(fg_param), FG_PARAM_PATH, 0, 0, "path", NULL, NULL, NULL, NULL, NULL, NULL,
                                  "A file."};
  static const fg_param *const one[] = {&needed, NULL}, *const none[] = {NULL};
  static const fg_stage with = {.kind = "test.path", .params = one, .config_size = 8},
                        without = {.kind = "test.none", .params = none};
  made m = make_for(&with, "{path: ''}", "/folder");
  CHECK_TEXT(m.lines, "p:1:8: error: s: path: '' is empty; expected path of a file\n");
  unmake(&m);
  m = make_for(&without, "{path: x}", "/folder");
  CHECK_TEXT(m.lines, "p:1:2: error: s: unknown parameter 'path'; test.none has none\n");
  unmake(&m);
  fg_diagnostics *diagnostics = fg_diagnostics_new();
  fg_config *config = fg_config_new(&without, NULL, "s", (fg_place){"p", 1, 1}, "", diagnostics);
  CU_ASSERT(config != NULL && fg_diagnostics_errors(diagnostics) == 0);
  fg_config_free(config);
  fg_diagnostics_free(diagnostics);
}

// --- written and read back ------------------------------------------------------------------------------------------

static char *written(const made *m) {
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  if (!out || !m->config) abort();
  fg_config_write(m->config, 2, out);
  fclose(out);
  return text;
}

static bool same_settings(const settings *a, const settings *b) {
  bool same = a->flag == b->flag && a->choice == b->choice && a->count == b->count && a->bytes == b->bytes &&
              memcmp(&a->coupling, &b->coupling, sizeof a->coupling) == 0 &&
              memcmp(&a->wait, &b->wait, sizeof a->wait) == 0 && strcmp(a->label, b->label) == 0 &&
              strcmp(a->path, b->path) == 0 && a->columns == b->columns && a->levels.count == b->levels.count &&
              a->weights.count == b->weights.count && a->words.count == b->words.count;
  for (uint64_t i = 0; same && i < a->levels.count; i++) same = a->levels.items[i] == b->levels.items[i];
  for (uint64_t i = 0; same && i < a->weights.count; i++)
    same = memcmp(&a->weights.items[i], &b->weights.items[i], sizeof(double)) == 0;
  for (uint64_t i = 0; same && i < a->words.count; i++) same = strcmp(a->words.items[i], b->words.items[i]) == 0;
  return same;
}

static void written_form(void) {
  made m = make(
      "{count: 1e3, bytes: 2 kB, coupling: 0.44068679350977147, wait: 0.1, label: '\"\\ é', path: a b,\n"
      " levels: [0x9], weights: [0.1, 3, 1e300, -0.0], words: [yes, ''], columns: auto, flag: TRUE, choice: 'a: b'}");
  char *text = written(&m);
  CHECK_TEXT(text, "  flag: true\n"
                   "  choice: \"a: b\"\n"
                   "  count: 1000\n"
                   "  bytes: 2000\n"
                   "  coupling: critical\n"
                   "  wait: 0.1\n"
                   "  label: \"\\\"\\\\ é\"\n"
                   "  path: \"/folder/a b\"\n"
                   "  levels: [9]\n"
                   "  weights: [0.1, 3, 1e+300, -0]\n"
                   "  words: [\"yes\", \"\"]\n"
                   "  columns: auto\n");
  free(text);
  unmake(&m);
}

/// How a value was spelled does not show: so it does not change the pipeline's hash either.
static void spelling_does_not_show(void) {
  made a = make("{count: 1000, bytes: 1536, coupling: critical, wait: 600, choice: random}"),
       b = make("{count: 1e3, bytes: 1.5 KiB, coupling: 0.440686793509771470, wait: '10 min', choice: \"random\"}");
  char *one = written(&a), *other = written(&b);
  CHECK_TEXT(one, other);
  free(one);
  free(other);
  unmake(&a);
  unmake(&b);
}

static void read_back(const char *text) {
  made first = make(text);
  char *once = written(&first);
  made second = make_for(&stage, once, "/another");
  CU_ASSERT(same_settings(data_of(&first), data_of(&second)));
  char *twice = written(&second);
  CHECK_TEXT(twice, once);
  free(once);
  free(twice);
  unmake(&first);
  unmake(&second);
}

static void round_trips(void) {
  read_back("{count: 1}");
  read_back("{count: 1, coupling: none, columns: auto, choice: off, label: \"\\x7f\"}");
  read_back("{count: 1, choice: 1st, label: 'null', words: ['~', \"\\u2028\", '- a', ' x '], path: 'a\"b'}");
  // Reals of every size come back bit for bit.
  uint64_t state = 1;
  for (int i = 0; i < 500; i++) {
    double x[2];
    for (int k = 0; k < 2; k++) {
      do {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t bits = state ^ state >> 29;
        memcpy(&x[k], &bits, sizeof bits);
      } while (!isfinite(x[k]));
    }
    char text[200];
    snprintf(text, sizeof text, "{count: %d, coupling: %.17g, weights: [%.17g, %.3f], bytes: -%d}", i + 1, fabs(x[0]),
             x[1], i / 7.0, i);
    read_back(text);
  }
}

// --- descriptions, and tables at fault ------------------------------------------------------------------------------

static void descriptions(void) {
  static const char *const expected[] = {"true or false",
                                         "random | up | off | 1st | a: b",
                                         "integer, 1 to 1e6",
                                         "integer, at most 1 GiB",
                                         "real, 0 or more, or critical, or none",
                                         "real, 1 ms to 1 d",
                                         "text",
                                         "path of a file",
                                         "list of integers, 0 to 9",
                                         "list of reals",
                                         "list of texts",
                                         "integer, 1 to 64, or auto"};
  char buffer[256], small[12];
  for (size_t i = 0; i < COUNT_OF(expected); i++)
    CHECK_TEXT(fg_param_describe(params[i], buffer, sizeof buffer), expected[i]);
  CHECK_TEXT(fg_param_describe(params[4], small, sizeof small), "real, 0 or "); // cut, and ended
  CHECK_TEXT(fg_param_describe(params[1], small, 8), "random ");
}

/// The fault found in a table of the parameters given, "" when none.
static const char *fault_of(const fg_param *a, const fg_param *b, uint64_t config_size) {
  static char buffer[256];
  const fg_param *const table[] = {a, b, NULL};
  const fg_stage faulty = {.size = sizeof(fg_stage), .kind = "test.x", .params = table, .config_size = config_size};
  const char *fault = fg_param_table_fault(&faulty, buffer, sizeof buffer);
  return fault ? fault : "";
}

static void sound_tables(void) {
  char buffer[256];
  CU_ASSERT(fg_param_table_fault(&stage, buffer, sizeof buffer) == NULL);
  CHECK_TEXT(fault_of(NULL, NULL, 0), "");
}

static void table_faults(void) {
  const fg_param good = {.size = sizeof(fg_param),
                         .type = FG_PARAM_INTEGER,
                         .offset = 8,
                         .name = "good",
                         .def = "1",
                         .min = "0",
                         .max = "5",
                         .doc = "Good."};
  static const char *const empty[] = {NULL}, *const no_value[] = {"auto", NULL}, *const no_number[] = {"a=b", NULL},
                           *const digit[] = {"1=2", NULL};
  CHECK_TEXT(fault_of(&good, NULL, 16), "");
#define EXPECT(change, text)                                                                                           \
  do {                                                                                                                 \
    fg_param bad = good;                                                                                               \
    change;                                                                                                            \
    CHECK_TEXT(fault_of(&bad, NULL, 16), "stage test.x: parameter 1 " text);                                           \
  } while (0)
  EXPECT(bad.name = NULL, "(?) has no sound name");
  EXPECT(bad.name = "", "() has no sound name");
  EXPECT(bad.name = "Good", "(Good) has no sound name");
  EXPECT(bad.name = "1st", "(1st) has no sound name");
  EXPECT(bad.name = "a-b", "(a-b) has no sound name");
  EXPECT(bad.doc = NULL, "(good) has no doc");
  EXPECT(bad.doc = "", "(good) has no doc");
  EXPECT(bad.type = 0, "(good) has an unknown type");
  EXPECT(bad.type = FG_PARAM_TEXT_LIST + 1, "(good) has an unknown type");
  EXPECT(bad.offset = 16, "(good) lies outside the config struct");
  EXPECT(bad.offset = 9, "(good) lies outside the config struct");
  EXPECT(bad.offset = UINT32_MAX - 3, "(good) lies outside the config struct");
  EXPECT(bad.offset = 4, "(good) is not aligned in the config struct");
  EXPECT((bad.type = FG_PARAM_INTEGER_LIST, bad.def = "[1]"), "(good) lies outside the config struct");
  EXPECT(bad.min = "x", "(good) has a limit that is no number");
  EXPECT(bad.max = "2.5", "(good) has a limit that is no number");
  EXPECT(bad.min = "6", "(good) has a minimum above its maximum");
  EXPECT(bad.def = "6", "(good) has a default its own table refuses");
  EXPECT(bad.def = "-1", "(good) has a default its own table refuses");
  EXPECT(bad.def = "x", "(good) has a default its own table refuses");
  EXPECT(bad.def = "[1", "(good) has a default its own table refuses");
  EXPECT(bad.def = "", "(good) has a default its own table refuses");
  EXPECT(bad.type = FG_PARAM_TEXT, "(good) has limits but is no number");
  EXPECT(bad.names = no_value, "(good) has a named value that is not of the form WORD=NUMBER");
  EXPECT(bad.names = no_number, "(good) has a named value that is not of the form WORD=NUMBER");
  EXPECT(bad.names = digit, "(good) has a named value that is not of the form WORD=NUMBER");
  EXPECT((bad.type = FG_PARAM_TEXT, bad.min = bad.max = NULL, bad.names = digit),
         "(good) has named values but is no number");
  EXPECT((bad.type = FG_PARAM_CHOICE, bad.min = bad.max = NULL), "(good) is a choice without choices");
  EXPECT((bad.type = FG_PARAM_CHOICE, bad.min = bad.max = NULL, bad.choices = empty),
         "(good) is a choice without choices");
  EXPECT((bad.type = FG_PARAM_CHOICE, bad.min = bad.max = NULL, bad.choices = choices),
         "(good) has a default its own table refuses");
  fg_param second = good;
  CHECK_TEXT(fault_of(&good, &second, 16), "stage test.x: parameter 2 (good) is there twice");
  second.name = "other";
  CHECK_TEXT(fault_of(&good, &second, 16),
             "stage test.x: parameter 2 (other) shares bytes of the config struct with another");
  second.offset = 0;
  CHECK_TEXT(fault_of(&good, &second, 16), "");
  CHECK_TEXT(fault_of(&good, NULL, (1 << 16) + 1), "stage test.x: the config struct is larger than 64 KiB");
}

static void most_parameters(void) {
  fg_param many[65];
  const fg_param *table[66] = {0};
  char names[65][8], buffer[256];
  for (uint32_t i = 0; i < 65; i++) {
    snprintf(names[i], sizeof names[i], "p%u", i);
    many[i] = (fg_param){.size = sizeof(fg_param),
                         .type = FG_PARAM_BOOL,
                         .offset = 4 * i,
                         .name = names[i],
                         .def = "false",
                         .doc = "One of many."};
    table[i] = &many[i];
  }
  const fg_stage full = {.size = sizeof(fg_stage), .kind = "test.x", .params = table, .config_size = 260};
  CHECK_TEXT(fg_param_table_fault(&full, buffer, sizeof buffer),
             "stage test.x: parameter 65 (p64) is one too many (at most 64)");
  table[64] = NULL;
  CU_ASSERT(fg_param_table_fault(&full, buffer, sizeof buffer) == NULL);
}

int main(void) {
  static const check_case cases[] = {{"defaults", defaults},
                                     {"every type", every_type},
                                     {"names and quotes", names_and_quotes},
                                     {"paths", paths},
                                     {"wrong types", wrong_types},
                                     {"lists", lists},
                                     {"limits", limits},
                                     {"several", several},
                                     {"a required path, and no parameters", required_path_and_no_parameters},
                                     {"written form", written_form},
                                     {"spelling does not show", spelling_does_not_show},
                                     {"round trips", round_trips},
                                     {"descriptions", descriptions},
                                     {"sound tables", sound_tables},
                                     {"table faults", table_faults},
                                     {"most parameters", most_parameters},
                                     {0}};
  return check_main("config", cases);
}
