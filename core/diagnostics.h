// diagnostics.h — what is wrong with a configuration, where, and the nearest fix; collected, sorted, printed in one pass.
#ifndef FG_CORE_DIAGNOSTICS_H
#define FG_CORE_DIAGNOSTICS_H

#include "finegrain/abi.h"

#include <stdio.h>

/// A place in a text the user wrote. `file` is a path as the user gave it, or "--set KEY=VALUE"; diagnostics copy it.
/// line 0: the whole file (printed without line and column).
typedef struct fg_place {
  const char *file;
  uint32_t line, column; ///< counted from 1, in characters, as libyaml counts them
} fg_place;

typedef struct fg_diagnostics fg_diagnostics;

fg_diagnostics *fg_diagnostics_new(void);
void fg_diagnostics_free(fg_diagnostics *diagnostics);

/// Records "FILE:LINE:COL: error: STAGE: message"; stage may be NULL. The message is formatted at once; a control
/// character in it, which came from the user's file, becomes \xNN, so that an entry stays one line. The very same line
/// is recorded only once, and no more than 100 lines are: further ones are counted.
void fg_error_at(fg_diagnostics *diagnostics, fg_place place, const char *stage, const char *format, ...)
    FG_PRINTF(4, 5);
void fg_warning_at(fg_diagnostics *diagnostics, fg_place place, const char *stage, const char *format, ...)
    FG_PRINTF(4, 5);
/// A line printed after the others, without a place: "note: …".
void fg_note(fg_diagnostics *diagnostics, const char *format, ...) FG_PRINTF(2, 3);

/// Gives a file its place in the order of printing before anything is wrong with it.
void fg_diagnostics_mention(fg_diagnostics *diagnostics, const char *file);

unsigned fg_diagnostics_errors(const fg_diagnostics *diagnostics);

/// Prints everything, by file (in order of first mention), line and column; notes after them; last how many more there
/// were. Printing forgets what it printed but not the number of errors.
void fg_diagnostics_print(fg_diagnostics *diagnostics, FILE *out);

/// "; did you mean 'factor'? (valid: factor, ties)" for a word not among the candidates: the first part only when a
/// candidate is near (Damerau–Levenshtein distance ≤ 1 + length/4 and less than the length, in bytes; transpositions
/// count one; of several equally near ones the first), the second only when there is at least one candidate; more than
/// 20 are cut with "…". Writes at most `size` bytes, returns `buffer`.
const char *fg_suggest(char *buffer, size_t size, const char *word, const char *const *candidates, size_t count);

#endif
