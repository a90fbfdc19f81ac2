// test_diagnostics.c — messages: their form, their order, once each, a bound on their number; and suggestions.
#include "check.h"

#include "diagnostics.h"

#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/// What printing gives; to be freed.
static char *printed(fg_diagnostics *diagnostics) {
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  if (!out) abort();
  fg_diagnostics_print(diagnostics, out);
  fclose(out);
  return text;
}

static void expect_printed(fg_diagnostics *diagnostics, const char *expected) {
  char *text = printed(diagnostics);
  CHECK_TEXT(text, expected);
  free(text);
}

static fg_place at(const char *file, uint32_t line, uint32_t column) { return (fg_place){file, line, column}; }

static void form(void) {
  fg_diagnostics *d = fg_diagnostics_new();
  fg_error_at(d, at("p.yaml", 9, 27), "block", "unknown parameter '%s'", "factr");
  fg_warning_at(d, at("p.yaml", 10, 3), "block", "nobody uses it");
  fg_error_at(d, at("p.yaml", 11, 1), NULL, "no stage");
  fg_error_at(d, at("--set a.params.b=1", 0, 0), NULL, "no stage 'a'");
  fg_warning_at(d, at(NULL, 0, 0), NULL, "no file");
  fg_note(d, "%d note", 1);
  CHECK_INTEGER(fg_diagnostics_errors(d), 3);
  expect_printed(d, "p.yaml:9:27: error: block: unknown parameter 'factr'\n"
                    "p.yaml:10:3: warning: block: nobody uses it\n"
                    "p.yaml:11:1: error: no stage\n"
                    "--set a.params.b=1: error: no stage 'a'\n"
                    "finegrain: warning: no file\n"
                    "note: 1 note\n");
  fg_diagnostics_free(d);
}

static void order(void) {
  fg_diagnostics *d = fg_diagnostics_new();
  fg_note(d, "first of the notes");
  fg_error_at(d, at("b", 9, 1), NULL, "b9");
  fg_error_at(d, at("a", 10, 2), NULL, "a10, second there");
  fg_error_at(d, at("b", 2, 30), NULL, "b2, column 30");
  fg_note(d, "a second note");
  fg_error_at(d, at("a", 10, 2), NULL, "a10, third there");
  fg_warning_at(d, at("b", 2, 4), NULL, "b2, column 4");
  fg_error_at(d, at("a", 10, 1), NULL, "a10, first column");
  fg_error_at(d, at("b", 0, 0), NULL, "b as a whole");
  expect_printed(d, "b: error: b as a whole\n"
                    "b:2:4: warning: b2, column 4\n"
                    "b:2:30: error: b2, column 30\n"
                    "b:9:1: error: b9\n"
                    "a:10:1: error: a10, first column\n"
                    "a:10:2: error: a10, second there\n"
                    "a:10:2: error: a10, third there\n"
                    "note: first of the notes\n"
                    "note: a second note\n");
  fg_diagnostics_free(d);
}

static void mentioned_files(void) {
  fg_diagnostics *d = fg_diagnostics_new();
  fg_diagnostics_mention(d, "b");
  fg_diagnostics_mention(d, "a");
  fg_diagnostics_mention(d, "sound");
  fg_error_at(d, at("c", 1, 1), NULL, "c");
  fg_error_at(d, at("a", 1, 1), NULL, "a");
  fg_error_at(d, at("b", 9, 9), NULL, "b");
  expect_printed(d, "b:9:9: error: b\na:1:1: error: a\nc:1:1: error: c\n");
  fg_diagnostics_free(d);
}

static void once_each(void) {
  fg_diagnostics *d = fg_diagnostics_new();
  for (int i = 0; i < 3; i++) {
    fg_error_at(d, at("p", 1, 1), "s", "the same");
    fg_note(d, "the same note");
  }
  fg_error_at(d, at("p", 1, 2), "s", "the same");
  fg_warning_at(d, at("p", 1, 1), "s", "the same");
  expect_printed(d, "p:1:1: error: s: the same\n"
                    "p:1:1: warning: s: the same\n"
                    "p:1:2: error: s: the same\n"
                    "note: the same note\n");
  // What was printed is forgotten, that there were errors is not.
  CU_ASSERT(fg_diagnostics_errors(d) > 0);
  expect_printed(d, "");
  fg_error_at(d, at("p", 1, 1), "s", "the same");
  expect_printed(d, "p:1:1: error: s: the same\n");
  fg_diagnostics_free(d);
}

/// The texts of a place and of a message may be gone when it is printed.
static void copies(void) {
  fg_diagnostics *d = fg_diagnostics_new();
  char file[] = "one", text[] = "text";
  fg_error_at(d, at(file, 2, 1), NULL, "%s", text);
  memcpy(file, "two", 3);
  memcpy(text, "gone", 4);
  fg_error_at(d, at("one", 1, 1), NULL, "earlier");
  fg_error_at(d, at("two", 1, 1), NULL, "elsewhere");
  expect_printed(d, "one:1:1: error: earlier\none:2:1: error: text\ntwo:1:1: error: elsewhere\n");
  fg_diagnostics_free(d);
}

static void one_line_each(void) {
  fg_diagnostics *d = fg_diagnostics_new();
  fg_error_at(d, at("p", 1, 1), NULL, "'a\nb\t\x1b[31m\x7f' é …");
  expect_printed(d, "p:1:1: error: 'a\\x0ab\\x09\\x1b[31m\\x7f' é …\n");
  fg_diagnostics_free(d);
}

/// A file with 100,000 faults gives 100 lines and says how many more there are.
static void bounded(void) {
  fg_diagnostics *d = fg_diagnostics_new();
  for (uint32_t i = 100000; i > 0; i--) fg_error_at(d, at("p", i, 1), NULL, "wrong");
  fg_error_at(d, at("p", 100000, 1), NULL, "wrong"); // known already
  CU_ASSERT(fg_diagnostics_errors(d) >= 100000);
  char *text = printed(d);
  size_t lines = 0;
  for (const char *c = text; *c; c++) lines += *c == '\n';
  CHECK_INTEGER(lines, 101);
  CU_ASSERT(strncmp(text, "p:99901:1: error: wrong\n", 24) == 0);
  CU_ASSERT(strstr(text, "\nnote: 99900 more lines like these are not shown\n") != NULL);
  free(text);
  expect_printed(d, "");
  fg_diagnostics_free(d);
}

static const char *suggestion(const char *word, const char *const *candidates) {
  static char buffer[512];
  size_t count = 0;
  while (candidates[count]) count++;
  return fg_suggest(buffer, sizeof buffer, word, candidates, count);
}

static void suggestions(void) {
  const char *const words[] = {"factor", "ties", NULL};
  CHECK_TEXT(suggestion("factr", words), "; did you mean 'factor'? (valid: factor, ties)"); // one missing
  CHECK_TEXT(suggestion("facttor", words), "; did you mean 'factor'? (valid: factor, ties)");
  CHECK_TEXT(suggestion("fbctor", words), "; did you mean 'factor'? (valid: factor, ties)");
  CHECK_TEXT(suggestion("afctor", words), "; did you mean 'factor'? (valid: factor, ties)"); // swapped
  CHECK_TEXT(suggestion("fcatro", words), "; did you mean 'factor'? (valid: factor, ties)"); // swapped twice
  CHECK_TEXT(suggestion("fcztro", words), "; valid: factor, ties");                          // three apart
  CHECK_TEXT(suggestion("kernel", words), "; valid: factor, ties");
  CHECK_TEXT(suggestion("", words), "; valid: factor, ties");
  const char *const none[] = {NULL};
  CHECK_TEXT(suggestion("factr", none), "");
}

/// Distance at most 1 + length/4 of the word, and something in common.
static void thresholds(void) {
  const char *const one[] = {"a", NULL}, *const two[] = {"ab", NULL}, *const three[] = {"abc", NULL},
                    *const four[] = {"abcd", NULL}, *const eight[] = {"abcdefgh", NULL};
  CHECK_TEXT(suggestion("x", one), "; valid: a"); // nothing in common
  CHECK_TEXT(suggestion("ax", two), "; did you mean 'ab'? (valid: ab)");
  CHECK_TEXT(suggestion("xy", two), "; valid: ab");
  CHECK_TEXT(suggestion("axc", three), "; did you mean 'abc'? (valid: abc)");
  CHECK_TEXT(suggestion("axy", three), "; valid: abc");
  CHECK_TEXT(suggestion("abcd", three), "; did you mean 'abc'? (valid: abc)");
  CHECK_TEXT(suggestion("abc", four), "; did you mean 'abcd'? (valid: abcd)");
  CHECK_TEXT(suggestion("ab", four), "; valid: abcd");
  CHECK_TEXT(suggestion("axyd", four), "; did you mean 'abcd'? (valid: abcd)");
  CHECK_TEXT(suggestion("axyz", four), "; valid: abcd");
  CHECK_TEXT(suggestion("xyzdefgh", eight), "; did you mean 'abcdefgh'? (valid: abcdefgh)");
  CHECK_TEXT(suggestion("wxyzefgh", eight), "; valid: abcdefgh");
}

/// Of equally near candidates the first; a nearer one wins wherever it stands.
static void ties(void) {
  const char *const same[] = {"size", "side", "site", NULL}, *const nearer[] = {"sites", "side", "site", NULL};
  CHECK_TEXT(suggestion("sixe", same), "; did you mean 'size'? (valid: size, side, site)");
  CHECK_TEXT(suggestion("sitte", nearer), "; did you mean 'site'? (valid: sites, side, site)");
}

static void long_words(void) {
  char word[601], candidate[129], beyond[602];
  memset(word, 'a', 600);
  word[600] = 0;
  memset(candidate, 'b', 128);
  candidate[128] = 0;
  snprintf(beyond, sizeof beyond, "%sb", word);
  const char *const words[] = {candidate, NULL}, *const near[] = {beyond, NULL};
  char expected[700];
  // Too long to be compared: no suggestion, whatever it is near to.
  snprintf(expected, sizeof expected, "; valid: %s", candidate);
  CHECK_TEXT(suggestion(word, words), expected);
  CU_ASSERT(strncmp(suggestion(word, near), "; valid: aaa", 12) == 0);
  // The longest that are compared.
  char almost[129];
  memcpy(almost, candidate, sizeof almost);
  almost[64] = 'c';
  snprintf(expected, sizeof expected, "; did you mean '%s'? (valid: %s)", candidate, candidate);
  CHECK_TEXT(suggestion(almost, words), expected);
}

static void long_lists(void) {
  char names[25][8], buffer[512], small[24];
  const char *candidates[25];
  for (int i = 0; i < 25; i++) {
    snprintf(names[i], sizeof names[i], "k%d", i);
    candidates[i] = names[i];
  }
  CHECK_TEXT(fg_suggest(buffer, sizeof buffer, "zzz", candidates, 25),
             "; valid: k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11, k12, k13, k14, k15, k16, k17, k18, k19, …");
  CHECK_TEXT(fg_suggest(buffer, sizeof buffer, "zzz", candidates, 3), "; valid: k0, k1, k2");
  // One near that is beyond the list's end is still suggested.
  CU_ASSERT(
      strncmp(fg_suggest(buffer, sizeof buffer, "kk24", candidates, 25), "; did you mean 'k24'? (valid: k0,", 33) == 0);
  // A buffer too small is filled and ended.
  memset(small, 'x', sizeof small);
  CHECK_TEXT(fg_suggest(small, 16, "zzz", candidates, 25), "; valid: k0, k1");
  CU_ASSERT(small[16] == 'x');
  CHECK_TEXT(fg_suggest(small, 16, "kk24", candidates, 25), "; did you mean ");
}

int main(void) {
  static const check_case cases[] = {{"form", form},
                                     {"order", order},
                                     {"mentioned files", mentioned_files},
                                     {"once each", once_each},
                                     {"copies", copies},
                                     {"one line each", one_line_each},
                                     {"bounded", bounded},
                                     {"suggestions", suggestions},
                                     {"thresholds", thresholds},
                                     {"ties", ties},
                                     {"long words", long_words},
                                     {"long lists", long_lists},
                                     {0}};
  return check_main("diagnostics", cases);
}
