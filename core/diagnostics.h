// diagnostics.h — what is wrong with a configuration, where, and the nearest fix; collected, sorted, printed in one pass.
#ifndef FG_CORE_DIAGNOSTICS_H
#define FG_CORE_DIAGNOSTICS_H

#include "finegrain/abi.h"

#include <stdio.h>

/// A place in a text the user wrote. `file` is a path as the user gave it, or "--set KEY=VALUE"; it outlives the
/// diagnostics. line 0: the whole file (printed without line and column).
typedef struct fg_place {
  const char *file;
  uint32_t line, column; ///< counted from 1, in characters, as libyaml counts them
} fg_place;

typedef struct fg_diagnostics fg_diagnostics;

fg_diagnostics *fg_diagnostics_new(void);
void fg_diagnostics_free(fg_diagnostics *diagnostics);

/// Records "FILE:LINE:COL: error: STAGE: message"; stage may be NULL. The message is formatted at once.
/// The very same line is recorded only once.
void fg_error_at(fg_diagnostics *diagnostics, fg_place place, const char *stage, const char *format, ...)
    FG_PRINTF(4, 5);
void fg_warning_at(fg_diagnostics *diagnostics, fg_place place, const char *stage, const char *format, ...)
    FG_PRINTF(4, 5);
/// A line printed after the others, without a place: "note: …".
void fg_note(fg_diagnostics *diagnostics, const char *format, ...) FG_PRINTF(2, 3);

unsigned fg_diagnostics_errors(const fg_diagnostics *diagnostics);

/// Prints everything, by file (in order of first mention), line and column; notes last. Printing forgets what it
/// printed from the list but not the number of errors.
void fg_diagnostics_print(fg_diagnostics *diagnostics, FILE *out);

/// "; did you mean 'factor'? (valid: factor, ties)" for a word not among the candidates: the first part only when a
/// candidate is near (Damerau–Levenshtein distance ≤ 1 + length/4, transpositions count one), the second only when
/// there is at least one candidate; more than 20 are cut with "…". Writes at most `size` bytes, returns `buffer`.
const char *fg_suggest(char *buffer, size_t size, const char *word, const char *const *candidates, size_t count);

#endif
