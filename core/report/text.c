// text.c — see text.h.
#include "report/text.h"

#include "measured.h"

#include <math.h>
#include <string.h>

/// Bytes of the character at the start of a text, 0 when it is none (RFC 3629: no overlong forms, no surrogates).
static size_t character_bytes(const unsigned char *text) {
  unsigned char first = text[0];
  size_t bytes = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  for (size_t i = 1; i < bytes; i++)
    if ((text[i] & 0xC0) != 0x80) return 0;
  if ((first == 0xE0 && text[1] < 0xA0) || (first == 0xED && text[1] > 0x9F) || (first == 0xF0 && text[1] < 0x90) ||
      (first == 0xF4 && text[1] > 0x8F))
    return 0;
  return bytes;
}

static int is_control(const unsigned char *c) {
  return (c[0] < ' ' && c[0] != '\n' && c[0] != '\t') || c[0] == 0x7F || (c[0] == 0xC2 && c[1] < 0xA0);
}

void fg_html_text(FILE *out, const char *text) {
  const unsigned char *c = (const unsigned char *)text;
  while (*c) {
    size_t bytes = character_bytes(c);
    if (bytes == 0 || is_control(c))
      fputs("\uFFFD", out);
    else if (*c == '&')
      fputs("&amp;", out);
    else if (*c == '<')
      fputs("&lt;", out);
    else if (*c == '>')
      fputs("&gt;", out);
    else if (*c == '"')
      fputs("&quot;", out);
    else if (*c == '\'')
      fputs("&#39;", out);
    else
      fwrite(c, 1, bytes, out);
    c += bytes ? bytes : 1;
  }
}

void fg_html_base64(FILE *out, const unsigned char *bytes, size_t count) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < count; i += 3) {
    size_t have = count - i < 3 ? count - i : 3;
    unsigned group = 0;
    for (size_t k = 0; k < 3; k++) group = group << 8 | (k < have ? bytes[i + k] : 0u);
    for (size_t k = 0; k < 4; k++) fputc(k <= have ? digits[group >> (18 - 6 * k) & 63] : '=', out);
  }
}

/// A number as printf wrote it, typeset: − for -, and 10ⁿ for an exponent.
static void write_typeset(FILE *out, const char *text) {
  while (*text == ' ') text++;
  for (; *text && *text != 'e'; text++) {
    if (*text == '-')
      fputs("−", out);
    else
      fputc(*text, out);
  }
  if (!*text) return;
  const char *sign = text[1] == '-' ? "−" : "", *power = text + 1 + strspn(text + 1, "+-0");
  fprintf(out, "·10<sup>%s%s</sup>", sign, *power ? power : "0");
}

void fg_html_measured(FILE *out, double value, double error) {
  char text[64];
  if (isnan(value)) return;
  fg_measured_write(text, sizeof text, value, error);
  write_typeset(out, text);
}

void fg_html_exact(FILE *out, double exact, double value, double error) {
  char text[64];
  if (isnan(exact)) return;
  fg_measured_write_exact(text, sizeof text, exact, value, error);
  write_typeset(out, text);
}

void fg_html_number(FILE *out, double number, int digits) {
  char text[64];
  if (isnan(number)) return;
  if (isinf(number)) {
    fputs(number < 0 ? "−∞" : "∞", out);
    return;
  }
  snprintf(text, sizeof text, "%.*g", digits, number);
  write_typeset(out, text);
}

/// In the order of schemas/results.md, then the exponents and what follows from them.
static const struct symbol {
  const char *name, *symbol;
} symbols[] = {
    {"e", "e"},
    {"abs_m", "⟨|m|⟩"},
    {"m", "⟨m⟩"},
    {"m2", "⟨m²⟩"},
    {"m4", "⟨m⁴⟩"},
    {"chi", "χ"},
    {"chi_connected", "χ connected"},
    {"varE", "var E"},
    {"C", "C"},
    {"U", "U"},
    {"binder_cumulant", "1 − U/3"},
    {"xi", "ξ"},
    {"xi_over_L", "ξ/L"},
    {"gamma_over_nu", "γ/ν"},
    {"beta_over_nu", "β/ν"},
    {"eta", "η"},
    {"nu", "ν"},
    {"G_half", "G(L/2)"},
    {"lambda_even", "λ even"},
    {"lambda_odd", "λ odd"},
};
#define SYMBOLS (sizeof symbols / sizeof *symbols)

size_t fg_observable_rank(const char *name) {
  size_t rank = 0;
  while (rank < SYMBOLS && strcmp(symbols[rank].name, name) != 0) rank++;
  return rank;
}

const char *fg_observable_symbol(const char *name) {
  size_t rank = fg_observable_rank(name);
  return rank < SYMBOLS ? symbols[rank].symbol : name;
}

static bool is_among(const char *name, const char *const *names) {
  for (; *names; names++)
    if (strcmp(*names, name) == 0) return true;
  return false;
}

bool fg_observable_is_second(const char *name) {
  return is_among(name, (const char *const[]){"m", "m2", "m4", "binder_cumulant", NULL});
}

bool fg_observable_is_key(const char *name) {
  return is_among(name, (const char *const[]){"U", "xi_over_L", "nll", "lnZ_gap", "ess", NULL});
}

/// The same, but a byte that begins none counts as one.
static size_t step(const char *text) {
  size_t bytes = character_bytes((const unsigned char *)text);
  return bytes ? bytes : 1;
}

const char *fg_text_shorten(char *buffer, size_t size, const char *text, size_t most) {
  size_t count = 0, index = 0, at = 0;
  for (const char *c = text; *c; c += step(c)) count++;
  size_t head = count > most ? most / 3 : count, tail = count > most ? count - (most - 1 - head) : count;
  for (const char *c = text; *c && at + 8 < size; c += step(c), index++) {
    if (index == head) at += (size_t)snprintf(buffer + at, size - at, "…");
    if (index >= head && index < tail) continue;
    memcpy(buffer + at, c, step(c));
    at += step(c);
  }
  buffer[at] = '\0';
  return buffer;
}
