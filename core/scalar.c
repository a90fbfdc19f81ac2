// scalar.c — see scalar.h.
#include "scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/// A unit is whole·10^power base units: both readers can then be as exact as the text.
typedef struct unit_factor {
  const char *name;
  uint64_t whole;
  int power;
} unit_factor;

static const unit_factor no_unit = {"", 1, 0};
static const unit_factor byte_units[] = {
    {"B", 1, 0},  {"KiB", 1 << 10, 0}, {"MiB", 1 << 20, 0}, {"GiB", 1 << 30, 0}, {"TiB", UINT64_C(1) << 40, 0},
    {"kB", 1, 3}, {"MB", 1, 6},        {"GB", 1, 9},        {"TB", 1, 12},       {NULL, 0, 0}};
static const unit_factor time_units[] = {{"ns", 1, -9},  {"us", 1, -6},  {"ms", 1, -3},   {"s", 1, 0},
                                         {"min", 60, 0}, {"h", 3600, 0}, {"d", 86400, 0}, {NULL, 0, 0}};

static const unit_factor *units_of(const char *unit) {
  if (unit && strcmp(unit, "B") == 0) return byte_units;
  if (unit && strcmp(unit, "s") == 0) return time_units;
  return NULL;
}

const char *fg_scalar_units(const char *unit) {
  const unit_factor *units = units_of(unit);
  return units == byte_units   ? "B, KiB, MiB, GiB, TiB, kB, MB, GB or TB"
         : units == time_units ? "ns, us, ms, s, min, h or d"
                               : NULL;
}

/// Length of the number at the start of `text` in YAML 1.2's core schema (decimal forms), 0 if there is none.
static size_t decimal_length(const char *text) {
  const char *c = text;
  size_t digits = 0;
  if (*c == '+' || *c == '-') c++;
  for (; isdigit((unsigned char)*c); c++) digits++;
  if (*c == '.')
    for (c++; isdigit((unsigned char)*c); c++) digits++;
  if (!digits) return 0;
  if (*c == 'e' || *c == 'E') {
    const char *exponent = c + 1;
    if (*exponent == '+' || *exponent == '-') exponent++;
    if (isdigit((unsigned char)*exponent)) {
      while (isdigit((unsigned char)*exponent)) exponent++;
      c = exponent;
    }
  }
  return (size_t)(c - text);
}

/// 0x1f and 0o17. 1: read into *value; 0: not of this form; -1: too large.
static int read_based(const char *text, int64_t *value) {
  const char *digits = text[0] != '0'   ? ""
                       : text[1] == 'x' ? "0123456789abcdefABCDEF"
                       : text[1] == 'o' ? "01234567"
                                        : "";
  if (!digits[0] || !text[2] || text[2 + strspn(text + 2, digits)]) return 0;
  errno = 0;
  unsigned long long number = strtoull(text + 2, NULL, text[1] == 'x' ? 16 : 8);
  if (errno || number > INT64_MAX) return -1;
  *value = (int64_t)number;
  return 1;
}

/// Finds the decimal number `text` consists of, and its unit.
static fg_scalar_result split(const char *text, const char *unit, size_t *length, const unit_factor **factor) {
  const char *word = text + (*text == '+' || *text == '-');
  if (strcasecmp(word, ".inf") == 0 || strcasecmp(word, ".nan") == 0) return FG_SCALAR_NOT_FINITE;
  *length = decimal_length(text);
  if (!*length) return FG_SCALAR_NOT_A_NUMBER;
  const char *rest = text + *length;
  *factor = &no_unit;
  if (!*rest) return FG_SCALAR_OK;
  while (*rest == ' ') rest++;
  const unit_factor *known = units_of(unit);
  for (*factor = known; known && (*factor)->name; ++*factor)
    if (strcmp((*factor)->name, rest) == 0) return FG_SCALAR_OK;
  return known ? FG_SCALAR_BAD_UNIT : FG_SCALAR_NOT_A_NUMBER;
}

static double ten_to(int power) {
  double result = 1;
  for (; power > 0; power--) result *= 10;
  return result;
}

fg_scalar_result fg_scalar_real(const char *text, const char *unit, double *value) {
  int64_t based_value;
  int based = read_based(text, &based_value);
  if (based < 0) return FG_SCALAR_TOO_LARGE;
  if (based > 0) {
    *value = (double)based_value;
    return FG_SCALAR_OK;
  }
  size_t length;
  const unit_factor *factor;
  fg_scalar_result result = split(text, unit, &length, &factor);
  if (result != FG_SCALAR_OK) return result;
  double number = strtod(text, NULL) * (double)factor->whole;
  // Powers of ten are exact here, and dividing by one rounds once: 3 ms is the double nearest to 0.003.
  number = factor->power < 0 ? number / ten_to(-factor->power) : number * ten_to(factor->power);
  if (!isfinite(number)) return FG_SCALAR_TOO_LARGE;
  *value = number;
  return FG_SCALAR_OK;
}

__extension__ typedef unsigned __int128 wide;

#define MOST_DIGITS ((wide)1 << 86) ///< times a unit's `whole` this still fits `wide`
#define MOST_EXPONENT 10000000L     ///< beyond what the digits of any text we read can undo

/// digits·10^exponent without trailing zeros; false when there are more digits than 25 or so.
static bool read_digits(const char *text, size_t length, wide *digits, long *exponent) {
  long zeros = 0; // read, but not yet multiplied in: they may be trailing ones
  bool fraction = false;
  *digits = 0;
  *exponent = 0;
  for (size_t i = 0; i < length; i++) {
    char c = text[i];
    if (c == '.') fraction = true;
    if (c == 'e' || c == 'E') {
      long power = strtol(text + i + 1, NULL, 10);
      *exponent += power > MOST_EXPONENT ? MOST_EXPONENT : power < -MOST_EXPONENT ? -MOST_EXPONENT : power;
      break;
    }
    if (!isdigit((unsigned char)c)) continue;
    if (fraction) --*exponent;
    zeros++;
    if (c == '0') continue;
    for (; zeros && *digits < MOST_DIGITS; zeros--) *digits *= 10;
    if (*digits >= MOST_DIGITS) return false;
    *digits += (unsigned)(c - '0');
  }
  *exponent += zeros;
  return true;
}

fg_scalar_result fg_scalar_integer(const char *text, const char *unit, int64_t *value) {
  int based = read_based(text, value);
  if (based) return based > 0 ? FG_SCALAR_OK : FG_SCALAR_TOO_LARGE;
  double real;
  fg_scalar_result result = fg_scalar_real(text, unit, &real);
  if (result != FG_SCALAR_OK) return result;
  if (fabs(real) > 0x1p63) return FG_SCALAR_TOO_LARGE;
  size_t length;
  const unit_factor *factor;
  long exponent;
  wide number;
  if (split(text, unit, &length, &factor) != FG_SCALAR_OK || !read_digits(text, length, &number, &exponent))
    return FG_SCALAR_NOT_INTEGER;
  if (number == 0) exponent = 0;
  number *= factor->whole;
  exponent += number ? factor->power : 0;
  for (; exponent < 0; exponent++) {
    if (number % 10) return FG_SCALAR_NOT_INTEGER;
    number /= 10;
  }
  for (; exponent > 0; exponent--) number *= 10; // the double has shown that this is not far beyond 2^63
  bool negative = *text == '-';
  if (number > (wide)INT64_MAX + negative) return FG_SCALAR_TOO_LARGE;
  *value = negative ? (int64_t)(0 - (uint64_t)number) : (int64_t)number;
  return FG_SCALAR_OK;
}

fg_scalar_result fg_scalar_bool(const char *text, bool *value) {
  static const char *const words[] = {"false", "False", "FALSE", "true", "True", "TRUE"};
  for (int i = 0; i < 6; i++) {
    if (strcmp(text, words[i]) != 0) continue;
    *value = i >= 3;
    return FG_SCALAR_OK;
  }
  return FG_SCALAR_NOT_A_NUMBER;
}

bool fg_scalar_is_null(const char *text) {
  static const char *const words[] = {"", "~", "null", "Null", "NULL"};
  for (int i = 0; i < 5; i++)
    if (strcmp(text, words[i]) == 0) return true;
  return false;
}

const char *fg_scalar_reason(fg_scalar_result result) {
  switch (result) {
  case FG_SCALAR_OK: return "is fine";
  case FG_SCALAR_NOT_A_NUMBER: return "is not a number";
  case FG_SCALAR_NOT_INTEGER: return "is not an integer";
  case FG_SCALAR_TOO_LARGE: return "is too large";
  case FG_SCALAR_NOT_FINITE: return "is not finite";
  case FG_SCALAR_BAD_UNIT: return "has no known unit";
  }
  return "is wrong";
}
