// diagnostics.c — see diagnostics.h.
#include "diagnostics.h"

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_WORD 128u
#define MOST_LINES 100u

typedef struct line {
  char *text;    ///< the whole line as printed
  unsigned file; ///< order of first mention
  uint32_t line, column;
  bool note;
} line;

struct fg_diagnostics {
  line lines[MOST_LINES];
  unsigned count;
  unsigned left_out; ///< lines beyond the most
  char **files;
  unsigned file_count;
  unsigned errors;
};

fg_diagnostics *fg_diagnostics_new(void) {
  fg_diagnostics *diagnostics = calloc(1, sizeof *diagnostics);
  if (!diagnostics) abort();
  return diagnostics;
}

static void forget(fg_diagnostics *diagnostics) {
  for (unsigned i = 0; i < diagnostics->count; i++) free(diagnostics->lines[i].text);
  diagnostics->count = diagnostics->left_out = 0;
}

void fg_diagnostics_free(fg_diagnostics *diagnostics) {
  if (!diagnostics) return;
  forget(diagnostics);
  for (unsigned i = 0; i < diagnostics->file_count; i++) free(diagnostics->files[i]);
  free(diagnostics->files);
  free(diagnostics);
}

unsigned fg_diagnostics_errors(const fg_diagnostics *diagnostics) { return diagnostics->errors; }

/// The number of a file's name.
static unsigned file_number(fg_diagnostics *diagnostics, const char *name) {
  for (unsigned i = 0; i < diagnostics->file_count; i++)
    if (strcmp(diagnostics->files[i], name) == 0) return i;
  diagnostics->files = realloc(diagnostics->files, (diagnostics->file_count + 1) * sizeof *diagnostics->files);
  char *copy = strdup(name);
  if (!diagnostics->files || !copy) abort();
  diagnostics->files[diagnostics->file_count] = copy;
  return diagnostics->file_count++;
}

void fg_diagnostics_mention(fg_diagnostics *diagnostics, const char *file) { file_number(diagnostics, file); }

/// A copy of the text in which every control character is written out.
static char *one_line(const char *text) {
  char *copy = malloc(4 * strlen(text) + 1), *out = copy;
  if (!copy) abort();
  for (const char *c = text; *c; c++) {
    if ((unsigned char)*c < 32 || *c == 127)
      out += sprintf(out, "\\x%02x", (unsigned)*c);
    else
      *out++ = *c;
  }
  *out = 0;
  return copy;
}

static void add(fg_diagnostics *diagnostics, const char *text, fg_place place, bool note) {
  char *copy = one_line(text);
  bool known = false;
  for (unsigned i = 0; i < diagnostics->count && !known; i++) known = strcmp(diagnostics->lines[i].text, copy) == 0;
  if (known || diagnostics->count == MOST_LINES) {
    diagnostics->left_out += !known;
    free(copy);
    return;
  }
  unsigned file = file_number(diagnostics, place.file ? place.file : "");
  diagnostics->lines[diagnostics->count++] = (line){copy, file, place.line, place.column, note};
}

static char *format_text(const char *format, va_list args) {
  char *text = NULL;
  if (vasprintf(&text, format, args) < 0) abort();
  return text;
}

/// "FILE:LINE:COL: word: STAGE: message"
static void add_at(fg_diagnostics *diagnostics, fg_place place, const char *word, const char *stage, const char *format,
                   va_list args) {
  char *message = format_text(format, args), *text = NULL;
  char where[32] = "";
  if (place.line) snprintf(where, sizeof where, ":%u:%u", place.line, place.column);
  int length = asprintf(&text, "%s%s: %s: %s%s%s", place.file ? place.file : "finegrain", where, word,
                        stage ? stage : "", stage ? ": " : "", message);
  if (length < 0) abort();
  add(diagnostics, text, place, false);
  free(message);
  free(text);
}

void fg_error_at(fg_diagnostics *diagnostics, fg_place place, const char *stage, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add_at(diagnostics, place, "error", stage, format, args);
  va_end(args);
  diagnostics->errors++;
}

void fg_warning_at(fg_diagnostics *diagnostics, fg_place place, const char *stage, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add_at(diagnostics, place, "warning", stage, format, args);
  va_end(args);
}

void fg_note(fg_diagnostics *diagnostics, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *message = format_text(format, args), *text = NULL;
  va_end(args);
  if (asprintf(&text, "note: %s", message) < 0) abort();
  add(diagnostics, text, (fg_place){0}, true);
  free(message);
  free(text);
}

static bool comes_after(const line *a, const line *b) {
  if (a->note != b->note) return a->note;
  if (a->note) return false;
  if (a->file != b->file) return a->file > b->file;
  if (a->line != b->line) return a->line > b->line;
  return a->column > b->column;
}

void fg_diagnostics_print(fg_diagnostics *diagnostics, FILE *out) {
  // Insertion keeps the order of arrival among lines of one place.
  for (unsigned i = 1; i < diagnostics->count; i++) {
    line moved = diagnostics->lines[i];
    unsigned at = i;
    for (; at > 0 && comes_after(&diagnostics->lines[at - 1], &moved); at--)
      diagnostics->lines[at] = diagnostics->lines[at - 1];
    diagnostics->lines[at] = moved;
  }
  for (unsigned i = 0; i < diagnostics->count; i++) fprintf(out, "%s\n", diagnostics->lines[i].text);
  if (diagnostics->left_out) fprintf(out, "note: %u more lines like these are not shown\n", diagnostics->left_out);
  forget(diagnostics);
}

/// Damerau–Levenshtein distance (optimal string alignment): insert, delete, replace and swap of neighbours cost one.
static unsigned distance(const char *a, const char *b) {
  size_t m = strlen(a), n = strlen(b);
  if (m > LONGEST_WORD || n > LONGEST_WORD) return UINT_MAX;
  unsigned rows[3][LONGEST_WORD + 1];
  for (size_t j = 0; j <= n; j++) rows[0][j] = (unsigned)j;
  for (size_t i = 1; i <= m; i++) {
    unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
    row[0] = (unsigned)i;
    for (size_t j = 1; j <= n; j++) {
      unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);
      if (above[j] + 1 < best) best = above[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped && two_above[j - 2] + 1 < best) best = two_above[j - 2] + 1;
      row[j] = best;
    }
  }
  return rows[m % 3][n];
}

const char *fg_suggest(char *buffer, size_t size, const char *word, const char *const *candidates, size_t count) {
  const char *nearest = NULL;
  size_t length = strlen(word);
  unsigned best = length < 2 ? 0 : 1 + (unsigned)length / 4; // less than the length: something must be alike
  for (size_t i = 0; i < count; i++) {
    size_t other = strlen(candidates[i]), apart = other > length ? other - length : length - other;
    if (apart > best) continue;
    unsigned d = distance(word, candidates[i]);
    if (d < best || (d == best && !nearest)) {
      best = d;
      nearest = candidates[i];
    }
  }
  size_t at = 0;
  buffer[0] = 0;
  if (nearest) at += (size_t)snprintf(buffer, size, "; did you mean '%s'?", nearest);
  for (size_t i = 0; i < count && at < size; i++) {
    if (i == 20) {
      at += (size_t)snprintf(buffer + at, size - at, ", …");
      break;
    }
    at += (size_t)snprintf(buffer + at, size - at, "%s%s",
                           i         ? ", "
                           : nearest ? " (valid: "
                                     : "; valid: ",
                           candidates[i]);
  }
  if (nearest && at < size) snprintf(buffer + at, size - at, ")");
  return buffer;
}
