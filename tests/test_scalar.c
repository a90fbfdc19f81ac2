// test_scalar.c — texts as numbers and truth values: the forms of YAML 1.2's core schema, units, exact integers, and
// everything that only looks like a number.
#include "check.h"

#include "scalar.h"

#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

typedef struct integer_case {
  const char *text, *unit;
  fg_scalar_result result;
  int64_t value;
} integer_case;

typedef struct real_case {
  const char *text, *unit;
  fg_scalar_result result;
  double value;
} real_case;

static void check_integers(const integer_case *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int64_t found = -77;
    fg_scalar_result result = fg_scalar_integer(cases[i].text, cases[i].unit, &found);
    bool right = result == cases[i].result && (result != FG_SCALAR_OK || found == cases[i].value);
    if (!right) printf("\n    '%s': result %d, value %lld", cases[i].text, result, (long long)found);
    CU_ASSERT(right);
  }
}

static void check_reals(const real_case *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double found = -77;
    fg_scalar_result result = fg_scalar_real(cases[i].text, cases[i].unit, &found);
    bool right =
        result == cases[i].result && (result != FG_SCALAR_OK || memcmp(&found, &cases[i].value, sizeof found) == 0);
    if (!right) printf("\n    '%s': result %d, value %.17g", cases[i].text, result, found);
    CU_ASSERT(right);
  }
}

static void integers(void) {
  static const integer_case cases[] = {
      {"0", NULL, FG_SCALAR_OK, 0},
      {"12", NULL, FG_SCALAR_OK, 12},
      {"-3", NULL, FG_SCALAR_OK, -3},
      {"+7", NULL, FG_SCALAR_OK, 7},
      {"-0", NULL, FG_SCALAR_OK, 0},
      {"007", NULL, FG_SCALAR_OK, 7}, // decimal, not octal as in YAML 1.1
      {"010", NULL, FG_SCALAR_OK, 10},
      {"0x1f", NULL, FG_SCALAR_OK, 31},
      {"0XFF", NULL, FG_SCALAR_NOT_A_NUMBER, 0},
      {"0xFF", NULL, FG_SCALAR_OK, 255},
      {"0o17", NULL, FG_SCALAR_OK, 15},
      {"1e6", NULL, FG_SCALAR_OK, 1000000},
      {"1E+6", NULL, FG_SCALAR_OK, 1000000},
      {"2.0", NULL, FG_SCALAR_OK, 2},
      {"5.", NULL, FG_SCALAR_OK, 5},
      {"12.5e1", NULL, FG_SCALAR_OK, 125},
      {"1200e-2", NULL, FG_SCALAR_OK, 12},
      {"0e999999999999", NULL, FG_SCALAR_OK, 0},
      {"0.000e-999999999999", NULL, FG_SCALAR_OK, 0},
      {"2.5", NULL, FG_SCALAR_NOT_INTEGER, 0},
      {"+.5", NULL, FG_SCALAR_NOT_INTEGER, 0},
      {"1e-1", NULL, FG_SCALAR_NOT_INTEGER, 0},
      {"1e-400", NULL, FG_SCALAR_NOT_INTEGER, 0},
      {"1e-999999999999", NULL, FG_SCALAR_NOT_INTEGER, 0},
  };
  check_integers(cases, COUNT_OF(cases));
}

/// An integer never goes through a double: 2^53 + 1 stays, and what only rounds to an integer is none.
static void integers_are_exact(void) {
  static const integer_case cases[] = {
      {"9007199254740993", NULL, FG_SCALAR_OK, INT64_C(9007199254740993)},
      {"9007199254740993.0", NULL, FG_SCALAR_OK, INT64_C(9007199254740993)},
      {"9007199254740993e0", NULL, FG_SCALAR_OK, INT64_C(9007199254740993)},
      {"900719925474099.3e1", NULL, FG_SCALAR_OK, INT64_C(9007199254740993)},
      {"9223372036854775807", NULL, FG_SCALAR_OK, INT64_MAX},
      {"9223372036854775807.000", NULL, FG_SCALAR_OK, INT64_MAX},
      {"-9223372036854775808", NULL, FG_SCALAR_OK, INT64_MIN},
      {"-9223372036854775808.0", NULL, FG_SCALAR_OK, INT64_MIN},
      {"9223372036854775808", NULL, FG_SCALAR_TOO_LARGE, 0},
      {"9223372036854775808.0", NULL, FG_SCALAR_TOO_LARGE, 0},
      {"-9223372036854775809", NULL, FG_SCALAR_TOO_LARGE, 0},
      {"0x7fffffffffffffff", NULL, FG_SCALAR_OK, INT64_MAX},
      {"0x8000000000000000", NULL, FG_SCALAR_TOO_LARGE, 0},
      {"0o777777777777777777777", NULL, FG_SCALAR_OK, INT64_MAX},
      {"0o7777777777777777777777", NULL, FG_SCALAR_TOO_LARGE, 0},
      {"0xffffffffffffffffffff", NULL, FG_SCALAR_TOO_LARGE, 0},
      {"1e18", NULL, FG_SCALAR_OK, INT64_C(1000000000000000000)},
      {"1000000000000000000000000000000000000000e-30", NULL, FG_SCALAR_OK, 1000000000},
      {"1.000000000000000000000000000000000000000000000000", NULL, FG_SCALAR_OK, 1},
      {"0000000000000000000000000000000000000000000000000009", NULL, FG_SCALAR_OK, 9},
      {"0.99999999999999999999", NULL, FG_SCALAR_NOT_INTEGER, 0},
      {"1.00000000000000000000000000000000000000000001", NULL, FG_SCALAR_NOT_INTEGER, 0},
      {"123456789012345678901234567890e-11", NULL, FG_SCALAR_NOT_INTEGER, 0},
      {"1e19", NULL, FG_SCALAR_TOO_LARGE, 0},
      {"1e200", NULL, FG_SCALAR_TOO_LARGE, 0}, // 10^200 is 0 modulo 2^128
      {"1e400", NULL, FG_SCALAR_TOO_LARGE, 0},
      {"-1e400", NULL, FG_SCALAR_TOO_LARGE, 0},
      {"1e999999999999", NULL, FG_SCALAR_TOO_LARGE, 0},
  };
  check_integers(cases, COUNT_OF(cases));
  // Every form of random-looking integers reads as the integer.
  uint64_t state = 1;
  for (int i = 0; i < 2000; i++) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    int64_t wanted = (int64_t)(state >> (i % 48)) * (i % 2 ? -1 : 1), found = 0;
    char text[64];
    static const char *const forms[] = {"%lld", "%lld.0", "%lld0e-1", "%lld000.00e-3"};
    snprintf(text, sizeof text, forms[i % 4], (long long)wanted);
    CHECK_INTEGER(fg_scalar_integer(text, NULL, &found), FG_SCALAR_OK);
    CHECK_INTEGER(found, wanted);
  }
}

static void reals(void) {
  static const real_case cases[] = {
      {"0.44068679350977147", NULL, FG_SCALAR_OK, 0.44068679350977147},
      {"+.5", NULL, FG_SCALAR_OK, 0.5},
      {"-.5e-3", NULL, FG_SCALAR_OK, -.5e-3},
      {"5.", NULL, FG_SCALAR_OK, 5},
      {"1e6", NULL, FG_SCALAR_OK, 1e6},
      {"-0", NULL, FG_SCALAR_OK, -0.0},
      {"007", NULL, FG_SCALAR_OK, 7},
      {"0x10", NULL, FG_SCALAR_OK, 16},
      {"0o10", NULL, FG_SCALAR_OK, 8},
      {"0x8000000000000000", NULL, FG_SCALAR_TOO_LARGE, 0},
      {"1e308", NULL, FG_SCALAR_OK, 1e308},
      {"1e309", NULL, FG_SCALAR_TOO_LARGE, 0},
      {"-1e309", NULL, FG_SCALAR_TOO_LARGE, 0},
      {"5e-324", NULL, FG_SCALAR_OK, 5e-324},
      {".inf", NULL, FG_SCALAR_NOT_FINITE, 0},
      {"-.inf", NULL, FG_SCALAR_NOT_FINITE, 0},
      {"+.Inf", NULL, FG_SCALAR_NOT_FINITE, 0},
      {".INF", NULL, FG_SCALAR_NOT_FINITE, 0},
      {".nan", NULL, FG_SCALAR_NOT_FINITE, 0},
      {".NaN", NULL, FG_SCALAR_NOT_FINITE, 0},
      {"inf", NULL, FG_SCALAR_NOT_A_NUMBER, 0},
      {"nan", NULL, FG_SCALAR_NOT_A_NUMBER, 0},
      {"infinity", NULL, FG_SCALAR_NOT_A_NUMBER, 0},
  };
  check_reals(cases, COUNT_OF(cases));
  int64_t whole;
  CHECK_INTEGER(fg_scalar_integer(".inf", NULL, &whole), FG_SCALAR_NOT_FINITE);
}

static void no_numbers(void) {
  static const char *const texts[] = {
      "",      " ",    "big",  "1_000", "1,000", "12abc", "12 ",      " 12",  "1 2", "1.2.3", "--1",  "+-1", "+",
      "-",     ".",    "-.",   "e5",    "1e",    "1e+",   "1e5.5",    "0x",   "0xg", "0x1g",  "0o",   "0o8", "0o18",
      "0x0x1", "0x 1", "-0x1", "+0o7",  "0x1.8", "0x1p3", "0b101",    "1:30", "3/4", "½",     "１２", "~",   "null",
      "true",  "1\n",  "\t1",  "1L",    "1f",    "1e5e5", "critical", "1..2", ". 5", "0x-1",  "1e 5", "٣",
  };
  for (size_t i = 0; i < COUNT_OF(texts); i++) {
    int64_t whole;
    double real;
    fg_scalar_result results[] = {
        fg_scalar_integer(texts[i], NULL, &whole), fg_scalar_real(texts[i], NULL, &real),
        fg_scalar_integer(texts[i], "1", &whole), // a unit that is only shown takes no words either
        fg_scalar_real(texts[i], "sweeps", &real)};
    for (int k = 0; k < 4; k++) {
      if (results[k] != FG_SCALAR_NOT_A_NUMBER) printf("\n    '%s': result %d", texts[i], results[k]);
      CU_ASSERT(results[k] == FG_SCALAR_NOT_A_NUMBER);
    }
  }
}

static void units(void) {
  static const integer_case whole[] = {
      {"64 MiB", "B", FG_SCALAR_OK, 64 << 20},
      {"64MiB", "B", FG_SCALAR_OK, 64 << 20},
      {"64   MiB", "B", FG_SCALAR_OK, 64 << 20},
      {"64", "B", FG_SCALAR_OK, 64},
      {"64 B", "B", FG_SCALAR_OK, 64},
      {"1.5 KiB", "B", FG_SCALAR_OK, 1536},
      {"0.5 GiB", "B", FG_SCALAR_OK, 1 << 29},
      {"8388607 TiB", "B", FG_SCALAR_OK, INT64_C(8388607) << 40},
      {"8388608 TiB", "B", FG_SCALAR_TOO_LARGE, 0},
      {"0.00000095367431640625 TiB", "B", FG_SCALAR_OK, 1 << 20}, // 2^-20 exactly
      {"1 kB", "B", FG_SCALAR_OK, 1000},
      {"2 MB", "B", FG_SCALAR_OK, 2000000},
      {"3 GB", "B", FG_SCALAR_OK, INT64_C(3000000000)},
      {"4 TB", "B", FG_SCALAR_OK, INT64_C(4000000000000)},
      {"1e3 kB", "B", FG_SCALAR_OK, 1000000},
      {"-2 KiB", "B", FG_SCALAR_OK, -2048},
      {"0.3 KiB", "B", FG_SCALAR_NOT_INTEGER, 0},
      {"0.0001 kB", "B", FG_SCALAR_NOT_INTEGER, 0},
      {"10 min", "s", FG_SCALAR_OK, 600},
      {"2 h", "s", FG_SCALAR_OK, 7200},
      {"1 d", "s", FG_SCALAR_OK, 86400},
      {"1500 ms", "s", FG_SCALAR_NOT_INTEGER, 0},
      {"3000 ms", "s", FG_SCALAR_OK, 3},
      {"5000000000 ns", "s", FG_SCALAR_OK, 5},
      {"7000000 us", "s", FG_SCALAR_OK, 7},
      {"64 MB/s", "B", FG_SCALAR_BAD_UNIT, 0},
      {"64 mib", "B", FG_SCALAR_BAD_UNIT, 0},
      {"64 MiB ", "B", FG_SCALAR_BAD_UNIT, 0},
      {"64 MiBs", "B", FG_SCALAR_BAD_UNIT, 0},
      {"64 ", "B", FG_SCALAR_BAD_UNIT, 0},
      {"64\tMiB", "B", FG_SCALAR_BAD_UNIT, 0},
      {"10 min", "B", FG_SCALAR_BAD_UNIT, 0},
      {"64 MiB", "s", FG_SCALAR_BAD_UNIT, 0},
      {"0x10 KiB", "B", FG_SCALAR_BAD_UNIT, 0},
      {"MiB", "B", FG_SCALAR_NOT_A_NUMBER, 0},
      {"64 MiB", NULL, FG_SCALAR_NOT_A_NUMBER, 0},
      {"64 MiB", "1", FG_SCALAR_NOT_A_NUMBER, 0},
      {"1e300 TiB", "B", FG_SCALAR_TOO_LARGE, 0},
  };
  static const real_case real[] = {
      {"10 min", "s", FG_SCALAR_OK, 600},       {"3 ms", "s", FG_SCALAR_OK, 0.003},
      {"7 us", "s", FG_SCALAR_OK, 7e-6},        {"9 ns", "s", FG_SCALAR_OK, 9e-9},
      {"1.5 h", "s", FG_SCALAR_OK, 5400},       {"0.25", "s", FG_SCALAR_OK, 0.25},
      {"1.5 KiB", "B", FG_SCALAR_OK, 1536},     {"1 fortnight", "s", FG_SCALAR_BAD_UNIT, 0},
      {"1e308 d", "s", FG_SCALAR_TOO_LARGE, 0}, {".inf s", "s", FG_SCALAR_NOT_A_NUMBER, 0},
  };
  check_integers(whole, COUNT_OF(whole));
  check_reals(real, COUNT_OF(real));
  CHECK_TEXT(fg_scalar_units("B"), "B, KiB, MiB, GiB, TiB, kB, MB, GB or TB");
  CHECK_TEXT(fg_scalar_units("s"), "ns, us, ms, s, min, h or d");
  CU_ASSERT(fg_scalar_units("1") == NULL && fg_scalar_units(NULL) == NULL);
}

static void truth(void) {
  static const char *const yes[] = {"true", "True", "TRUE"}, *const no[] = {"false", "False", "FALSE"};
  static const char *const neither[] = {"",  "tRUE", "yes", "no",  "on",    "off",   "1",     "0",  "y",
                                        "n", "t",    "f",   "Yes", "true ", " true", "truee", "tru"};
  bool value = false;
  for (int i = 0; i < 3; i++) {
    CU_ASSERT(fg_scalar_bool(yes[i], &value) == FG_SCALAR_OK && value);
    CU_ASSERT(fg_scalar_bool(no[i], &value) == FG_SCALAR_OK && !value);
  }
  for (size_t i = 0; i < COUNT_OF(neither); i++) CU_ASSERT(fg_scalar_bool(neither[i], &value) != FG_SCALAR_OK);
}

static void nothing(void) {
  static const char *const null[] = {"", "~", "null", "Null", "NULL"}, *const something[] = {"nUll", "nil", "none",
                                                                                             "0",    "~~",  " "};
  for (size_t i = 0; i < COUNT_OF(null); i++) CU_ASSERT(fg_scalar_is_null(null[i]));
  for (size_t i = 0; i < COUNT_OF(something); i++) CU_ASSERT(!fg_scalar_is_null(something[i]));
}

static void reasons(void) {
  CHECK_TEXT(fg_scalar_reason(FG_SCALAR_NOT_A_NUMBER), "is not a number");
  CHECK_TEXT(fg_scalar_reason(FG_SCALAR_NOT_INTEGER), "is not an integer");
  CHECK_TEXT(fg_scalar_reason(FG_SCALAR_TOO_LARGE), "is too large");
  CHECK_TEXT(fg_scalar_reason(FG_SCALAR_NOT_FINITE), "is not finite");
  CHECK_TEXT(fg_scalar_reason(FG_SCALAR_BAD_UNIT), "has no known unit");
}

int main(void) {
  static const check_case cases[] = {{"integers", integers},
                                     {"integers are exact", integers_are_exact},
                                     {"reals", reals},
                                     {"no numbers", no_numbers},
                                     {"units", units},
                                     {"truth values", truth},
                                     {"nothing", nothing},
                                     {"reasons", reasons},
                                     {0}};
  return check_main("scalar", cases);
}
