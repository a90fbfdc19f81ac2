// scalar.c — see scalar.h.
#include "scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct unit_factor {
  const char *name;
  double factor;
} unit_factor;

static const unit_factor byte_units[] = {{"B", 1},        {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30},
                                         {"TiB", 0x1p40}, {"kB", 1e3},     {"MB", 1e6},     {"GB", 1e9},
                                         {"TB", 1e12},    {NULL, 0}};
static const unit_factor time_units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1},
                                         {"min", 60},  {"h", 3600},  {"d", 86400}, {NULL, 0}};

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
  int base = text[0] != '0' ? 0 : text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : 0;
  if (!base || !isxdigit((unsigned char)text[2])) return 0;
  char *end;
  errno = 0;
  unsigned long long number = strtoull(text + 2, &end, base);
  if (*end) return 0;
  if (errno || number > INT64_MAX) return -1;
  *value = (int64_t)number;
  return 1;
}

/// The factor of what follows the number; 0 when it is no unit of this kind.
static double unit_of(const char *rest, const char *unit) {
  if (!*rest) return 1;
  while (*rest == ' ') rest++;
  const unit_factor *units = !unit                    ? NULL
                             : strcmp(unit, "B") == 0 ? byte_units
                             : strcmp(unit, "s") == 0 ? time_units
                                                      : NULL;
  for (; units && units->name; units++)
    if (strcmp(units->name, rest) == 0) return units->factor;
  return 0;
}

fg_scalar_result fg_scalar_real(const char *text, const char *unit, double *value) {
  int64_t whole;
  int based = read_based(text, &whole);
  if (based < 0) return FG_SCALAR_TOO_LARGE;
  if (based > 0) {
    *value = (double)whole;
    return FG_SCALAR_OK;
  }
  const char *word = text + (*text == '+' || *text == '-');
  if (strcasecmp(word, ".inf") == 0 || strcasecmp(word, ".nan") == 0) return FG_SCALAR_TOO_LARGE;
  size_t length = decimal_length(text);
  if (!length) return FG_SCALAR_NOT_A_NUMBER;
  double factor = unit_of(text + length, unit);
  if (factor == 0) return unit ? FG_SCALAR_BAD_UNIT : FG_SCALAR_NOT_A_NUMBER;
  double number = strtod(text, NULL) * factor;
  if (!isfinite(number)) return FG_SCALAR_TOO_LARGE;
  *value = number;
  return FG_SCALAR_OK;
}

fg_scalar_result fg_scalar_integer(const char *text, const char *unit, int64_t *value) {
  int based = read_based(text, value);
  if (based) return based > 0 ? FG_SCALAR_OK : FG_SCALAR_TOO_LARGE;
  // Plain digits are read exactly; 1e6, 2.0 and 1.5 KiB go through a double, exact up to 2^53.
  char *end;
  errno = 0;
  if (isdigit((unsigned char)*text) || *text == '-' || *text == '+') {
    long long number = strtoll(text, &end, 10);
    if (end != text && !*end) {
      if (errno == ERANGE) return FG_SCALAR_TOO_LARGE;
      *value = number;
      return FG_SCALAR_OK;
    }
  }
  double real;
  fg_scalar_result result = fg_scalar_real(text, unit, &real);
  if (result != FG_SCALAR_OK) return result;
  if (fabs(real) >= 0x1p63) return FG_SCALAR_TOO_LARGE;
  if (real != floor(real)) return FG_SCALAR_NOT_INTEGER;
  *value = (int64_t)real;
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

const char *fg_scalar_reason(fg_scalar_result result) {
  switch (result) {
  case FG_SCALAR_OK: return "is fine";
  case FG_SCALAR_NOT_A_NUMBER: return "is not a number";
  case FG_SCALAR_NOT_INTEGER: return "is not an integer";
  case FG_SCALAR_TOO_LARGE: return "is too large";
  case FG_SCALAR_BAD_UNIT: return "has no known unit";
  }
  return "is wrong";
}
