// diagnostics.c — see diagnostics.h.
#include "diagnostics.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_WORD 128u

typedef struct line {
  char *text; ///< the whole line as printed
  const char *file;
  unsigned file_rank; ///< order of first mention
  uint32_t line, column;
  bool note;
} line;

struct fg_diagnostics {
  line *lines;
  size_t count, capacity;
  unsigned errors;
};

fg_diagnostics *fg_diagnostics_new(void) {
  fg_diagnostics *diagnostics = calloc(1, sizeof *diagnostics);
  if (!diagnostics) abort();
  return diagnostics;
}

static void forget(fg_diagnostics *diagnostics) {
  for (size_t i = 0; i < diagnostics->count; i++) free(diagnostics->lines[i].text);
  diagnostics->count = 0;
}

void fg_diagnostics_free(fg_diagnostics *diagnostics) {
  if (!diagnostics) return;
  forget(diagnostics);
  free(diagnostics->lines);
  free(diagnostics);
}

unsigned fg_diagnostics_errors(const fg_diagnostics *diagnostics) { return diagnostics->errors; }

/// Takes `text`. False when the very same line stands there already.
static bool add(fg_diagnostics *diagnostics, char *text, fg_place place, bool note) {
  unsigned rank = 0, ranks = 0;
  bool known = false;
  for (size_t i = 0; i < diagnostics->count; i++) {
    const line *other = &diagnostics->lines[i];
    if (strcmp(other->text, text) == 0) {
      free(text);
      return false;
    }
    if (other->file_rank >= ranks) ranks = other->file_rank + 1;
    if (!known && other->file && place.file && strcmp(other->file, place.file) == 0) {
      known = true;
      rank = other->file_rank;
    }
  }
  if (diagnostics->count == diagnostics->capacity) {
    diagnostics->capacity = diagnostics->capacity ? 2 * diagnostics->capacity : 16;
    diagnostics->lines = realloc(diagnostics->lines, diagnostics->capacity * sizeof *diagnostics->lines);
    if (!diagnostics->lines) abort();
  }
  diagnostics->lines[diagnostics->count++] =
      (line){text, place.file, known ? rank : ranks, place.line, place.column, note};
  return true;
}

static char *format_text(const char *format, va_list args) {
  char *text = NULL;
  if (vasprintf(&text, format, args) < 0) abort();
  return text;
}

/// "FILE:LINE:COL: word: STAGE: message"
static bool add_at(fg_diagnostics *diagnostics, fg_place place, const char *word, const char *stage, const char *format,
                   va_list args) {
  char *message = format_text(format, args), *text = NULL;
  char where[32] = "";
  if (place.line) snprintf(where, sizeof where, ":%u:%u", place.line, place.column);
  int length = asprintf(&text, "%s%s: %s: %s%s%s", place.file ? place.file : "finegrain", where, word,
                        stage ? stage : "", stage ? ": " : "", message);
  if (length < 0) abort();
  free(message);
  return add(diagnostics, text, place, false);
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
  free(message);
  add(diagnostics, text, (fg_place){0}, true);
}

static bool comes_after(const line *a, const line *b) {
  if (a->note != b->note) return a->note;
  if (a->note) return false;
  if (a->file_rank != b->file_rank) return a->file_rank > b->file_rank;
  if (a->line != b->line) return a->line > b->line;
  return a->column > b->column;
}

void fg_diagnostics_print(fg_diagnostics *diagnostics, FILE *out) {
  // Insertion keeps the order of arrival among lines of one place; there are few lines.
  for (size_t i = 1; i < diagnostics->count; i++) {
    line moved = diagnostics->lines[i];
    size_t at = i;
    for (; at > 0 && comes_after(&diagnostics->lines[at - 1], &moved); at--)
      diagnostics->lines[at] = diagnostics->lines[at - 1];
    diagnostics->lines[at] = moved;
  }
  for (size_t i = 0; i < diagnostics->count; i++) fprintf(out, "%s\n", diagnostics->lines[i].text);
  forget(diagnostics);
}

/// Damerau–Levenshtein distance (optimal string alignment): insert, delete, replace and swap of neighbours cost one.
static unsigned distance(const char *a, const char *b) {
  size_t m = strlen(a), n = strlen(b);
  if (m > LONGEST_WORD || n > LONGEST_WORD) return LONGEST_WORD;
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
  unsigned best = 1 + (unsigned)strlen(word) / 4;
  for (size_t i = 0; i < count; i++) {
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
