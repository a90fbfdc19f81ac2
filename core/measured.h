// measured.h — a measured number for people: 1.234(5), the digits in parentheses being one standard deviation in units
// of the last place shown.
#ifndef FG_CORE_MEASURED_H
#define FG_CORE_MEASURED_H

#include <stddef.h>

/// Writes value(error) after a sign or a blank. The error is rounded to two digits while those are below 20, otherwise
/// to one, so that rounding changes it by a quarter at most. NaN value: "?"; NaN error: no parentheses. Numbers below
/// 1e-4 or from 1e7 on get an exponent: 1.2(3)e-09.
void fg_measured_write(char *text, size_t size, double value, double error);

/// Writes a known number to one place more than fg_measured_write(value, error) shows, to compare it with.
void fg_measured_write_exact(char *text, size_t size, double exact, double value, double error);

#endif
