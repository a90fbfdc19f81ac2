// measured.c — see measured.h.
#include "measured.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/// A double holds no more digits than this.
#define DIGITS 17

/// How a number with an error is shown: times 10^-shift, with so many decimals, rounded to 10^place.
typedef struct form {
  int shift, place, decimals;
} form;

/// Power of ten of the first digit of x > 0.
static int exponent_of(double x) { return (int)floor(log10(x)); }

static double power_of_ten(int exponent) { return pow(10, exponent); }

static int has_error(double value, double error) {
  return isfinite(value) && isfinite(error) && error > 0 && error > fabs(value) * 1e-16 && fabs(value) < 1e300 &&
         error > 1e-290 && error < 1e300;
}

static form form_of(double value, double error) {
  form f = {0};
  int first = exponent_of(fmax(fabs(value), error));
  if (first < -4 || first > 6) f.shift = first;
  f.place = exponent_of(error) - f.shift;
  if (error * power_of_ten(1 - f.place - f.shift) < 19.5) f.place--;
  f.decimals = f.place < 0 ? -f.place : 0;
  if (f.decimals > DIGITS) f.decimals = DIGITS;
  return f;
}

/// x in the form's units, rounded where it shows no decimals.
static double shifted(const form *f, double x) {
  x /= power_of_ten(f->shift);
  if (f->place > 0) x = round(x / power_of_ten(f->place)) * power_of_ten(f->place);
  return x;
}

static void append_exponent(char *text, size_t size, int shift) {
  size_t length = strlen(text);
  if (shift && length < size) snprintf(text + length, size - length, "e%+03d", shift);
}

void fg_measured_write(char *text, size_t size, double value, double error) {
  if (isnan(value)) {
    snprintf(text, size, " ?");
    return;
  }
  if (!has_error(value, error)) {
    snprintf(text, size, "% .8g%s", value, error >= 0 && error < 1 ? "(0)" : "");
    return;
  }
  form f = form_of(value, error);
  double shown = shifted(&f, error);
  // An error of one or more is written out, a smaller one as digits of the last place.
  if (f.decimals == 0 || shown >= 1)
    snprintf(text, size, "% .*f(%.*f)", f.decimals, shifted(&f, value), f.decimals, shown);
  else
    snprintf(text, size, "% .*f(%.0f)", f.decimals, shifted(&f, value), shown * power_of_ten(f.decimals));
  append_exponent(text, size, f.shift);
}

void fg_measured_write_exact(char *text, size_t size, double exact, double value, double error) {
  if (!has_error(value, error) || !isfinite(exact) || fabs(exact) >= 1e300) {
    snprintf(text, size, "% .8g", exact);
    return;
  }
  form f = form_of(value, error);
  int decimals = f.place <= 0 && f.decimals < DIGITS ? f.decimals + 1 : f.decimals;
  snprintf(text, size, "% .*f", decimals, exact / power_of_ten(f.shift));
  append_exponent(text, size, f.shift);
}
