// text.h — texts as a page may show them: escaped, as data, with the field's symbols.
#ifndef FG_CORE_REPORT_TEXT_H
#define FG_CORE_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/// Writes a text that came from data, fit for an element's content or a quoted attribute: & < > " ' escaped, what is
/// not UTF-8 and control characters other than tab and line break as U+FFFD.
void fg_html_text(FILE *out, const char *text);

/// Bytes as the data of a data: URI.
void fg_html_base64(FILE *out, const unsigned char *bytes, size_t count);

/// A value with its error as a cell's content, "1.234(5)", with a real minus sign; "" when the value is NaN.
void fg_html_measured(FILE *out, double value, double error);

/// The exact value beside it, to one place more.
void fg_html_exact(FILE *out, double exact, double value, double error);

/// A number with `digits` significant digits, with a real minus sign and powers of ten; "" when it is NaN.
void fg_html_number(FILE *out, double number, int digits);

/// How physicists write an observable, "χ" for "chi"; the name itself when there is no better.
const char *fg_observable_symbol(const char *name);

/// Its place among the observables that have one, which is the order people expect; behind all others when it has none.
size_t fg_observable_rank(const char *name);

/// True for moments, and what repeats another observable: for a second look.
bool fg_observable_is_second(const char *name);

/// Observables that people compare by, whether an exact value is known or not: universal ratios, likelihoods.
bool fg_observable_is_key(const char *name);

/// Copies a text of more than `most` characters with "…" in place of its middle: what tells names apart is mostly at
/// their ends. `size` ≥ 4·most + 8.
const char *fg_text_shorten(char *buffer, size_t size, const char *text, size_t most);

#endif
